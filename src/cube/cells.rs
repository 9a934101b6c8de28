//! A question with calculations, planned one grouping set at a time.
//!
//! ```text
//! Union of grouping sets
//!   Projection      every group (NULL where the set has none), grouping id, finals
//!     Window        places among siblings, if any
//!       Join        leaves of the parent and of the total, if any
//!         Aggregate one row for each cell that any part has facts for
//!           Union   a part for each context: its leaves, and NULL for the others
//! ```

use std::collections::BTreeSet;
use std::sync::Arc;

use datafusion::common::{Column, Result, ScalarValue, plan_err};
use datafusion::functions::core::expr_fn::coalesce;
use datafusion::functions_aggregate::expr_fn::{max, min};
use datafusion::logical_expr::{
    Aggregate, AggregateUDF, Expr, ExprSchemable, LogicalPlan, LogicalPlanBuilder, cast, lit, when,
};

use super::ancestors::{
    Whole, check_level, is_key_name, is_key_value, is_least_key, key_name, key_values, one_key,
    whole,
};
use super::beside::{beside, top_name, with_tops};
use super::bound::BoundCube;
use super::bridge::{bridges_of, check_inputs};
use super::context::{Ancestor, Context};
use super::grouping::{Grouping, GroupingSet};
use super::normal_form::{StarQuery, columns, leaf_position, level, level_name, substitute};
use super::part::{Parts, Related, Source, Value, group_name, leaf_name};
use super::place::placed;
use super::star_text::text;
use super::state::{Stage, StateAggregate};
use super::subject::{Parent, Subject, mixes};
use super::tree_parents::tree_parents;

/// The plan of `query`: its group columns (with the grouping id, if any), then its finals.
pub(super) fn plan(query: &StarQuery, bound: &BoundCube) -> Result<LogicalPlan> {
    let grouping = Grouping::of(&query.groups)?;
    let parts = Parts { query, bound, grouping: &grouping };
    check_time_role(&parts)?;
    check_periods(&parts)?;
    check_levels(&parts)?;
    check_scopes(&parts)?;
    check_inputs(query, bound)?;
    let cells = Cells { parts };
    let mut all: Option<LogicalPlanBuilder> = None;
    for set in &grouping.sets {
        let rows = cells.of_set(set)?;
        all = Some(match all {
            None => rows,
            Some(all) => all.union(rows.build()?)?,
        });
    }
    match all {
        Some(all) => all.build(),
        None => plan_err!("a question without grouping sets"),
    }
}

/// Calculations move along one role of time; a set that groups by another alone would be answered
/// otherwise than as a question of its own.
fn check_time_role(parts: &Parts<'_>) -> Result<()> {
    let Some(moved) = parts.query.time_role else { return Ok(()) };
    let roles = &parts.bound.cube.roles;
    let dates = |at: usize| roles[at].role.dimension == roles[moved].role.dimension;
    for set in &parts.grouping.sets {
        let groups = parts.grouping.members(set).map(|(_, expr)| expr);
        let used = groups.flat_map(columns).filter_map(|column| {
            parts.bound.cube.column(level_name(&column)?)?.role.filter(|at| dates(*at))
        });
        let used: BTreeSet<usize> = used.collect();
        if let (Some(other), 1) = (used.first().filter(|at| **at != moved), used.len()) {
            return plan_err!(
                "the grouping sets are by {} and by {}, and a calculation over time moves along one of \
                 them; ask each in a question of its own",
                roles[moved].role.name,
                roles[*other].role.name
            );
        }
    }
    Ok(())
}

/// A calculation that compares periods needs one somewhere.
fn check_periods(parts: &Parts<'_>) -> Result<()> {
    let Some(leaf) = parts.query.leaves.iter().find(|leaf| leaf.context.needs_period()) else {
        return Ok(());
    };
    let source = Source { base: leaf.base, context: &leaf.context };
    for set in &parts.grouping.sets {
        if parts.time_cells(set, source)?.finest().is_some() {
            return Ok(());
        }
    }
    let role = &parts.bound.cube.roles[parts.time_role()?].role.name;
    plan_err!(
        "a calculation of `{}` compares periods, and none is grouped by; \
         group by a level such as {role}_month",
        leaf.measure
    )
}

/// A share of the members of a level needs parts of them somewhere.
fn check_levels(parts: &Parts<'_>) -> Result<()> {
    for leaf in &parts.query.leaves {
        if let Ancestor::Level(level) = &leaf.context.ancestor {
            check_level(&leaf.measure, level, parts.grouping, parts.bound)?;
        }
    }
    Ok(())
}

/// What is said of days must stand apart from the rest where all facts on them are looked at.
fn check_scopes(parts: &Parts<'_>) -> Result<()> {
    for leaf in &parts.query.leaves {
        let source = Source { base: leaf.base, context: &leaf.context };
        let Some(role) = parts.role_in_scope(source) else { continue };
        let mut said = parts.grouping.groups.iter().chain(&parts.query.filters);
        if let Some(expr) = said.find(|expr| mixes(expr, role, parts.bound)) {
            return plan_err!(
                "`{}` mixes levels of {} with others, and `{}` is of a day that is found by time \
                 alone; write separate conditions with AND, and separate groups",
                text(expr),
                parts.bound.cube.roles[role].role.name,
                leaf.measure
            );
        }
    }
    Ok(())
}

struct Cells<'a> {
    parts: Parts<'a>,
}

impl Cells<'_> {
    /// The rows of one grouping set, with the columns of the answer.
    fn of_set(&self, set: &GroupingSet) -> Result<LogicalPlanBuilder> {
        let Parts { query, bound, grouping } = self.parts;
        let subject = Subject::of(grouping, set, bound);
        let (own, above): (Vec<Source<'_>>, Vec<Source<'_>>) =
            self.parts.sources().into_iter().partition(|of| of.context.ancestor == Ancestor::Own);
        let of_parent = |of: &Source<'_>| of.context.ancestor == Ancestor::Parent;
        let is_placed = query.finals.iter().any(|given| given.place.is_some());
        let looks_at_siblings = is_placed || above.iter().any(of_parent);
        if looks_at_siblings {
            self.check_siblings(&subject)?;
        }
        let wholes: Vec<Option<Whole>> = above
            .iter()
            .map(|of| whole(&of.context.ancestor, set, &subject, grouping, bound))
            .collect::<Result<_>>()?;
        let keys = wholes.iter().flatten().filter_map(|whole| whole.key.clone());
        // Who is above whom in a tree is known without facts.
        let keys: BTreeSet<String> = keys.filter(|key| bound.bridge_to(key).is_none()).collect();
        let keys: Vec<String> = keys.into_iter().collect();
        let mut rows = self.merged(set, &own, &keys)?;
        for source in &own {
            if let Related::Without(groups) = self.parts.related(set, *source)? {
                rows = self.with_repeated(rows, &groups, *source)?;
            }
        }
        if let (Parent::InTree(tree), true) = (&subject.parent, looks_at_siblings) {
            rows = self.with_tree_parents(rows, tree, &subject)?;
        }
        for (source, whole) in above.into_iter().zip(wholes) {
            rows = self.with_whole(rows, set, &subject, whole, source)?;
        }
        self.finished(rows, set, &subject)
    }

    /// Members that have facts in common are no parts of a whole, unless a tree tells whose they are.
    fn check_siblings(&self, subject: &Subject) -> Result<()> {
        let Parts { bound, grouping, .. } = self.parts;
        if matches!(subject.parent, Parent::InTree(_)) {
            return Ok(());
        }
        let own = subject.own.iter().map(|at| &grouping.groups[*at]);
        match own.flat_map(|group| bridges_of(group, bound)).next() {
            None => Ok(()),
            Some(bridge) => plan_err!(
                "members of `{bridge}` have facts in common, so that there is no rank among them and \
                 no share of a parent; ask for share_of_total, or group by a member of a tree or by a \
                 level last"
            ),
        }
    }

    /// One row for each cell of `set` that any of `sources` has facts for.
    fn merged(
        &self,
        set: &GroupingSet,
        sources: &[Source<'_>],
        keys: &[String],
    ) -> Result<LogicalPlanBuilder> {
        let mut plans = Vec::new();
        let mut values = Vec::new();
        let mut lacks_a_period = false;
        let mut has_keys = false;
        for source in sources {
            let mut computed = self.parts.values_of(*source)?;
            let part = match self.parts.related(set, *source)? {
                Related::Without(_) => continue,
                Related::Not => None,
                Related::Fully => {
                    if source.context.is_own() {
                        has_keys = true;
                        computed.extend(key_values(keys, self.parts.bound)?);
                    }
                    let part = self.parts.part(set, *source, &computed)?;
                    lacks_a_period |= part.is_none();
                    part
                }
            };
            match part {
                Some(plan) => plans.push(plan),
                None => computed.iter_mut().for_each(|value| value.counts = false),
            }
            values.extend(computed);
        }
        if sources.is_empty() {
            plans = self.members(set)?;
        }
        let mut names = BTreeSet::new();
        values.retain(|value| names.insert(value.name.clone()));
        let groups: Vec<Expr> = set.groups.iter().map(|at| col(&group_name(*at))).collect();
        let mut all: Option<LogicalPlanBuilder> = None;
        for plan in plans {
            let schema = Arc::clone(plan.schema());
            let shown = values.iter().map(|value| {
                let given = schema.has_column_with_unqualified_name(&value.name);
                let given = if given {
                    cast(col(&value.name), value.data_type.clone())
                } else {
                    lit(ScalarValue::try_from(&value.data_type)?)
                };
                Ok(given.alias(&value.name))
            });
            let shown = groups.iter().cloned().map(Ok).chain(shown).collect::<Result<Vec<_>>>()?;
            let part = LogicalPlanBuilder::from(plan).project(shown)?;
            all = Some(match all {
                None => part,
                Some(all) => all.union(part.build()?)?,
            });
        }
        let all = match all {
            Some(all) => all,
            None if lacks_a_period => self.nothing(set, &values)?,
            None => return self.nothing_to_show(set),
        };
        // At most one part has a value for a leaf in a cell; the others have NULL.
        let merged = values.iter().map(|value| match &value.name {
            // Of several facts, each has the keys of its own.
            name if is_least_key(name) => min(col(name)).alias(name),
            name => the_one(value).alias(name),
        });
        let merged = all.aggregate(groups.clone(), merged.collect::<Vec<_>>())?;
        let shown = values.iter().filter(|value| !is_key_value(&value.name));
        let shown = shown.map(|value| {
            let column = col(&value.name);
            let column = if value.counts { coalesce(vec![column, lit(0_i64)]) } else { column };
            column.alias(&value.name)
        });
        let mut shown: Vec<Expr> = groups.into_iter().chain(shown).collect();
        // Where no fact with all levels is asked for as it is, nothing is told apart by their keys.
        for key in keys.iter().filter(|_| has_keys) {
            shown.push(one_key(key, col)?);
        }
        merged.project(shown)
    }

    /// Without measures a question asks for the members that have facts.
    fn members(&self, set: &GroupingSet) -> Result<Vec<LogicalPlan>> {
        let context = Context::default();
        let bases = self.parts.bound.cube.bases.len().max(1);
        let mut plans = Vec::new();
        for base in 0..bases {
            // A base that lacks a level has no members of it; that is no mistake here.
            let source = Source { base, context: &context };
            if matches!(self.parts.related(set, source), Ok(Related::Fully)) {
                plans.extend(self.parts.part(set, source, &[])?);
            }
        }
        Ok(plans)
    }

    /// The rows of a set for which all that is asked for compares periods, and that has none: no row,
    /// or one for the grand total.
    fn nothing(&self, set: &GroupingSet, values: &[Value]) -> Result<LogicalPlanBuilder> {
        let schema = self.parts.bound.level_schema()?;
        let groups = self.parts.grouping.members(set);
        let groups = groups.map(|(at, expr)| Ok((group_name(at), expr.get_type(&schema)?)));
        let values = values.iter().map(|value| Ok((value.name.clone(), value.data_type.clone())));
        let nulls = groups.chain(values).map(|column: Result<_>| {
            let (name, data_type) = column?;
            Ok(lit(ScalarValue::try_from(&data_type)?).alias(name))
        });
        let nulls = nulls.collect::<Result<Vec<_>>>()?;
        LogicalPlanBuilder::empty(set.groups.is_empty()).project(nulls)
    }

    /// `value`, made of `given`, but NULL where a leaf of it compares periods and `set` has none: a
    /// total is not all of it a change.
    ///
    /// It asks the leaf, which is NULL there: a constant would be pushed below the aggregate of the
    /// grand total with a condition on it, which then keeps the row.
    fn where_defined(&self, value: Expr, given: &Expr, set: &GroupingSet) -> Result<Expr> {
        for at in columns(given).iter().filter_map(leaf_position) {
            let leaf = &self.parts.query.leaves[at];
            let source = Source { base: leaf.base, context: &leaf.context };
            if leaf.context.needs_period() && self.parts.time_cells(set, source)?.finest().is_none()
            {
                return when(col(&leaf_name(at)).is_not_null(), value).end();
            }
        }
        Ok(value)
    }

    fn nothing_to_show<T>(&self, set: &GroupingSet) -> Result<T> {
        match self.parts.grouping.members(set).find(|(_, expr)| self.parts.is_lacking(expr)) {
            Some((_, expr)) => plan_err!(
                "nothing that is asked for has `{}`; ask a measure of a fact that has it too",
                text(expr)
            ),
            None => plan_err!(
                "nothing that is asked for has a value in the grand total; \
                 leave the grouping set () out"
            ),
        }
    }

    /// `rows` with the leaves of `source` per cell of the coarser `set`, again in each finer one.
    fn with_repeated(
        &self,
        rows: LogicalPlanBuilder,
        set: &GroupingSet,
        source: Source<'_>,
    ) -> Result<LogicalPlanBuilder> {
        let values = self.parts.values_of(source)?;
        let Some(part) = self.parts.part(set, source, &values)? else {
            return self.with_nothing(rows, &values);
        };
        let on = set.groups.iter().map(|at| group_name(*at)).collect();
        beside(rows, LogicalPlanBuilder::from(part), on, &values)
    }

    /// `rows` with NULL for `values`.
    fn with_nothing(
        &self,
        rows: LogicalPlanBuilder,
        values: &[Value],
    ) -> Result<LogicalPlanBuilder> {
        let own = rows.schema().columns().into_iter().map(|column| Ok(Expr::Column(column)));
        let none = values.iter().map(|value| {
            let null = ScalarValue::try_from(&value.data_type)?;
            Ok(lit(null).alias(&value.name))
        });
        let shown = own.chain(none).collect::<Result<Vec<_>>>()?;
        rows.project(shown)
    }

    /// `rows` with the key of the member above that of each row in the tree `tree`.
    fn with_tree_parents(
        &self,
        rows: LogicalPlanBuilder,
        tree: &str,
        subject: &Subject,
    ) -> Result<LogicalPlanBuilder> {
        let own = subject.own.iter();
        let own: Vec<(String, Expr)> =
            own.map(|at| (group_name(*at), self.parts.grouping.groups[*at].clone())).collect();
        let (parents, key) = tree_parents(tree, &own, self.parts.bound)?;
        beside(rows, parents, own.into_iter().map(|(name, _)| name).collect(), &[key])
    }

    /// `rows` with the leaves of `source`, which are of `whole`.
    fn with_whole(
        &self,
        rows: LogicalPlanBuilder,
        set: &GroupingSet,
        subject: &Subject,
        whole: Option<Whole>,
        source: Source<'_>,
    ) -> Result<LogicalPlanBuilder> {
        let values = self.parts.values_of(source)?;
        let Some(whole) = whole else { return self.with_nothing(rows, &values) };
        let kept = match self.parts.related(set, source)? {
            Related::Not => return self.with_nothing(rows, &values),
            Related::Fully => set.groups.clone(),
            Related::Without(kept) => kept.groups,
        };
        let shared = whole.groups.into_iter().filter(|at| kept.contains(at));
        let mut groups: Vec<(String, Expr)> =
            shared.map(|at| (group_name(at), self.parts.grouping.groups[at].clone())).collect();
        let mut rows = rows;
        let mut top = None;
        if let Some(key) = whole.key
            && self.parts.is_told_apart_by(&key, set, source)?
        {
            if let (Parent::InTree(_), Ancestor::Parent) =
                (&subject.parent, &source.context.ancestor)
            {
                // What is at the top of a tree is a part of all that is there without the tree.
                let mut of_top = self.parts.values_of(source)?;
                of_top.iter_mut().for_each(|value| value.name = top_name(&value.name));
                let all = self.parts.own(&groups, source, &of_top)?;
                rows = beside(rows, all, names(&groups), &of_top)?;
                top = Some(key_name(&key));
            }
            groups.push((key_name(&key), level(&key)));
        }
        let of_whole = self.parts.own(&groups, source, &values)?;
        let rows = beside(rows, of_whole, names(&groups), &values)?;
        match top {
            Some(key) => with_tops(rows, &key, &values),
            None => Ok(rows),
        }
    }

    /// `rows` with the columns of the answer.
    fn finished(
        &self,
        rows: LogicalPlanBuilder,
        set: &GroupingSet,
        subject: &Subject,
    ) -> Result<LogicalPlanBuilder> {
        let Parts { query, bound, grouping } = self.parts;
        let mut shown: Vec<Expr> = set.groups.iter().map(|at| col(&group_name(*at))).collect();
        for (at, given) in query.finals.iter().enumerate() {
            let over_leaves = |column: &Column| leaf_position(column).map(|at| col(&leaf_name(at)));
            let value = substitute(given.value.clone(), &over_leaves)?;
            shown.push(self.where_defined(value, &given.value, set)?.alias(final_name(at)));
        }
        let mut siblings: Vec<Expr> =
            subject.common(set).into_iter().map(|at| col(&group_name(at))).collect();
        if let Some(key) = rows.schema().columns().iter().find(|column| {
            // Siblings in a tree are under one member.
            matches!(subject.parent, Parent::InTree(_)) && is_key_name(&column.name)
        }) {
            siblings.push(col(&key.name));
            shown.push(col(&key.name));
        }
        let mut rows = rows.project(shown)?;
        for (at, given) in query.finals.iter().enumerate() {
            if let Some(place) = given.place {
                rows = placed(rows, &final_name(at), place, &siblings)?;
            }
        }
        let schema = bound.level_schema()?;
        let mut answer = Vec::new();
        for (at, expr) in grouping.groups.iter().enumerate() {
            let name = group_name(at);
            answer.push(if set.groups.contains(&at) {
                col(&name)
            } else {
                cast(lit(ScalarValue::Null), expr.get_type(&schema)?).alias(name)
            });
        }
        let id = set.id.clone().map(|id| lit(id).alias(Aggregate::INTERNAL_GROUPING_ID));
        answer.extend(id);
        answer.extend((0..query.finals.len()).map(|at| col(&final_name(at))));
        let rows = rows.project(answer)?;
        // A condition on the groups of a total, which are NULL, must not reach below its aggregate:
        // that has a row even of nothing.
        if set.groups.is_empty() { rows.limit(0, Some(1)) } else { Ok(rows) }
    }
}

fn names(groups: &[(String, Expr)]) -> Vec<String> {
    groups.iter().map(|(name, _)| name.clone()).collect()
}

/// The one value of a column that is not NULL; states have no order to take the greatest of.
fn the_one(value: &Value) -> Expr {
    match &value.state {
        None => max(col(&value.name)),
        Some((function, measure)) => {
            let merge = StateAggregate::new(*function, Stage::Merge, measure);
            AggregateUDF::from(merge).call(vec![col(&value.name)])
        }
    }
}

fn final_name(position: usize) -> String {
    format!("final_{position}")
}

fn col(name: &str) -> Expr {
    Expr::Column(Column::from_name(name))
}
