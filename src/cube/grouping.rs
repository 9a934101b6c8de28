//! The groups of a question and the sets of them that it asks for.

use datafusion::common::{Result, ScalarValue};
use datafusion::logical_expr::utils::grouping_set_to_exprlist;
use datafusion::logical_expr::{Aggregate, Expr, GroupingSet as SqlSets};

/// What a question groups by.
pub(super) struct Grouping {
    /// Every different expression, in the order of the answer's columns.
    pub groups: Vec<Expr>,
    /// The sets, in order.
    pub sets: Vec<GroupingSet>,
}

/// One grouping set.
#[derive(Clone)]
pub(super) struct GroupingSet {
    /// Positions in [`Grouping::groups`], in the order in which the set is written.
    pub groups: Vec<usize>,
    /// The value of the grouping id; none where the question has but one set and no id.
    pub id: Option<ScalarValue>,
}

impl Grouping {
    /// The grouping of `groups`, which may be one `Expr::GroupingSet`.
    pub(super) fn of(groups: &[Expr]) -> Result<Self> {
        let [Expr::GroupingSet(sets)] = groups else {
            let all = (0..groups.len()).collect();
            let set = GroupingSet { groups: all, id: None };
            return Ok(Self { groups: groups.to_vec(), sets: vec![set] });
        };
        let sets = written_out(sets);
        let all: Vec<Expr> = grouping_set_to_exprlist(groups)?.into_iter().cloned().collect();
        let places: Vec<Vec<usize>> = sets.iter().map(|set| positions(set, &all)).collect();
        let ordinal =
            |at: usize| places[..at].iter().filter(|set| have_the_same(set, &places[at])).count();
        let ordinals: Vec<usize> = (0..places.len()).map(ordinal).collect();
        let most = ordinals.iter().copied().max().unwrap_or_default();
        let id_type = Aggregate::grouping_id_type(all.len(), most);
        let with_id = |(set, ordinal): (&Vec<usize>, &usize)| {
            let id = grouping_id(set, all.len(), *ordinal);
            let id = ScalarValue::UInt64(Some(id)).cast_to(&id_type)?;
            Ok(GroupingSet { groups: set.clone(), id: Some(id) })
        };
        let sets = places.iter().zip(&ordinals).map(with_id).collect::<Result<_>>()?;
        Ok(Self { groups: all, sets })
    }

    /// The groups of `set`, each with its position.
    pub(super) fn members<'a>(
        &'a self,
        set: &'a GroupingSet,
    ) -> impl Iterator<Item = (usize, &'a Expr)> {
        set.groups.iter().map(|at| (*at, &self.groups[*at]))
    }
}

/// Where the expressions of `set` are among `all`, each once.
fn positions(set: &[Expr], all: &[Expr]) -> Vec<usize> {
    let mut found = Vec::new();
    for position in set.iter().filter_map(|expr| all.iter().position(|known| known == expr)) {
        if !found.contains(&position) {
            found.push(position);
        }
    }
    found
}

fn have_the_same(left: &[usize], right: &[usize]) -> bool {
    left.len() == right.len() && left.iter().all(|position| right.contains(position))
}

/// Every set that `sets` stands for.
fn written_out(sets: &SqlSets) -> Vec<Vec<Expr>> {
    match sets {
        SqlSets::GroupingSets(sets) => sets.clone(),
        SqlSets::Rollup(exprs) => {
            (0..=exprs.len()).rev().map(|count| exprs[..count].to_vec()).collect()
        }
        SqlSets::Cube(exprs) => {
            let chosen = |mask: usize| {
                let of = exprs.iter().enumerate().filter(|(at, _)| mask >> at & 1 == 1);
                of.map(|(_, expr)| expr.clone()).collect()
            };
            (0..1_usize << exprs.len()).rev().map(chosen).collect()
        }
    }
}

/// The id as the engine computes it: a bit for each group that the set lacks, the last group lowest,
/// and above them which repetition of the set it is.
fn grouping_id(set: &[usize], group_count: usize, ordinal: usize) -> u64 {
    let absent = (0..group_count).filter(|at| !set.contains(at));
    let mask = absent.fold(0_u64, |mask, at| mask | 1 << (group_count - 1 - at));
    mask | (ordinal as u64) << group_count
}

#[cfg(test)]
mod tests {
    use datafusion::prelude::col;

    use super::{Grouping, SqlSets};
    use datafusion::logical_expr::Expr;

    #[test]
    fn a_set_keeps_the_order_it_is_written_in() {
        let sets = [["a", "c"].as_slice(), &["a", "b", "c"], &["c", "b", "a"], &["a", "a"]];
        let sets = sets.iter().map(|set| set.iter().map(|name| col(*name)).collect()).collect();
        let grouping = Grouping::of(&[Expr::GroupingSet(SqlSets::GroupingSets(sets))]).unwrap();
        assert_eq!(grouping.groups, [col("a"), col("c"), col("b")]);
        let written: Vec<Vec<usize>> = grouping.sets.iter().map(|set| set.groups.clone()).collect();
        assert_eq!(written, [vec![0, 1], vec![0, 2, 1], vec![1, 2, 0], vec![0]]);
        // The third set is the second once more.
        let ids: Vec<String> =
            grouping.sets.iter().map(|set| set.id.clone().unwrap().to_string()).collect();
        assert_eq!(ids, ["1", "0", "8", "3"]);
    }
}
