//! Facts and the members that they have several of.
//!
//! ```text
//! grouped by members        star ⋈ members     a fact stands once in the cell of each
//! a condition on members    star ⋉ members     a fact counts once, however many meet it
//! a condition in FILTER     star ⟕ members     the same, for one aggregate
//! ```

use std::collections::BTreeSet;

use datafusion::common::{Column, JoinType, Result};
use datafusion::functions::core::expr_fn::named_struct;
use datafusion::functions_aggregate::expr_fn::array_agg;
use datafusion::logical_expr::utils::split_conjunction;
use datafusion::logical_expr::{Expr, LogicalPlanBuilder, lit};

use super::bound::BoundCube;
use super::bridge::{SPAN, bridge_of, reference, with_members};
use super::checked_sum::CheckedSum;
use super::model::BridgeEnd;
use super::normal_form::{column_of, columns};
use super::planner::{STAR, fact_alias, over_star, physical};
use super::shares::Share;

/// The column of the facts' members.
const MEMBER: &str = "member";
/// The column that is true where a fact has a member that was asked for.
const MEETS: &str = "meets";
/// The column of the spans that a group has of a fact.
const SPANS: &str = "spans";

/// What is read of the members of one bridge.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Members {
    /// The bridge.
    pub bridge: String,
    /// They hold together, for one member.
    pub conditions: Vec<Expr>,
    /// What is grouped by, under the names to give.
    pub groups: Vec<(String, Expr)>,
}

/// `conditions` on the rows of a fact, and those on members of each bridge.
pub(super) fn choices<'e>(
    conditions: impl IntoIterator<Item = &'e Expr>,
    bound: &BoundCube,
) -> Result<(Vec<Expr>, Vec<Members>)> {
    let (mut of_rows, mut choices): (Vec<Expr>, Vec<Members>) = (Vec::new(), Vec::new());
    for condition in conditions.into_iter().flat_map(split_conjunction) {
        match bridge_of(condition, bound)? {
            None => of_rows.push(condition.clone()),
            Some(bridge) => of_bridge(&mut choices, bridge).conditions.push(condition.clone()),
        }
    }
    Ok((of_rows, choices))
}

/// A group, and the name to give it.
type Named = (String, Expr);

/// `groups` over the rows of a fact, and those over members of each bridge.
pub(super) fn grouped(groups: Vec<Named>, bound: &BoundCube) -> Result<(Vec<Named>, Vec<Members>)> {
    let (mut of_rows, mut members): (Vec<Named>, Vec<Members>) = (Vec::new(), Vec::new());
    for group in groups {
        match bridge_of(&group.1, bound)? {
            None => of_rows.push(group),
            Some(bridge) => of_bridge(&mut members, bridge).groups.push(group),
        }
    }
    Ok((of_rows, members))
}

fn of_bridge(all: &mut Vec<Members>, bridge: String) -> &mut Members {
    let at = all.iter().position(|members| members.bridge == bridge).unwrap_or(all.len());
    if at == all.len() {
        all.push(Members { bridge, conditions: Vec::new(), groups: Vec::new() });
    }
    &mut all[at]
}

impl Members {
    /// The column of the fact that leads to them.
    pub(super) fn fact_column(&self, bound: &BoundCube) -> Result<String> {
        Ok(bound.bridge(&self.bridge)?.0.role.key_column())
    }

    /// `star` with the facts that have a member that meets the conditions.
    pub(super) fn keep(
        &self,
        star: LogicalPlanBuilder,
        bound: &BoundCube,
    ) -> Result<LogicalPlanBuilder> {
        let members = self.relation(bound)?.alias(MEMBER)?.build()?;
        star.join(members, JoinType::LeftSemi, self.on(MEMBER, bound)?, None)
    }

    /// `star` with a column that is true for these facts; `mark` is its relation.
    pub(super) fn mark(
        &self,
        star: LogicalPlanBuilder,
        mark: &str,
        bound: &BoundCube,
    ) -> Result<LogicalPlanBuilder> {
        let shown = vec![col(MEMBER), lit(true).alias(MEETS)];
        let members = self.relation(bound)?.project(shown)?.alias(mark)?.build()?;
        star.join(members, JoinType::Left, self.on(mark, bound)?, None)
    }

    /// `star` with a row of each fact for each of the groups it is in.
    pub(super) fn join(
        &self,
        star: LogicalPlanBuilder,
        bound: &BoundCube,
    ) -> Result<LogicalPlanBuilder> {
        let members = self.relation(bound)?.alias(self.joined_name())?.build()?;
        star.join(members, JoinType::Inner, self.on(&self.joined_name(), bound)?, None)
    }

    fn joined_name(&self) -> String {
        format!("members_{}", self.bridge)
    }

    /// The groups over what [`Members::join`] gives.
    pub(super) fn joined_groups(&self) -> impl Iterator<Item = Expr> {
        let relation = self.joined_name();
        self.groups
            .iter()
            .map(move |(name, _)| Expr::Column(column_of(&relation, name)).alias(name))
    }

    /// The share of a fact that each of the groups has, where it is not the whole.
    pub(super) fn share(&self, bound: &BoundCube) -> Result<Option<Share>> {
        let of = |name: &str| Expr::Column(column_of(&self.joined_name(), name));
        let [.., whole] = SPAN;
        let share = || Share { spans: of(SPANS), whole: of(whole) };
        Ok(self.is_weighted(bound)?.then(share))
    }

    fn is_weighted(&self, bound: &BoundCube) -> Result<bool> {
        let to = &bound.bridge(&self.bridge)?.0.to;
        Ok(matches!(to, BridgeEnd::Members { weight: Some(_), .. }))
    }

    fn on(&self, members: &str, bound: &BoundCube) -> Result<(Vec<Column>, Vec<Column>)> {
        let key = column_of(STAR, fact_alias(&self.fact_column(bound)?));
        Ok((vec![key], vec![column_of(members, MEMBER)]))
    }

    /// The members of the role that lead to one that meets the conditions, with the groups that one is
    /// in and the spans that these have: each member and group once.
    fn relation(&self, bound: &BoundCube) -> Result<LogicalPlanBuilder> {
        let (bridge, _) = bound.bridge(&self.bridge)?;
        let exprs = self.groups.iter().map(|(_, group)| group).chain(&self.conditions);
        let used: BTreeSet<String> = exprs.flat_map(columns).map(|column| column.name).collect();
        let shown = used.iter().filter_map(|name| bound.cube.column(name));
        let mut shown: Vec<Expr> = shown.map(|column| physical(column, bound)).collect();
        let of_bridge = |name: &str| Expr::Column(Column::new(Some(reference(bridge)), name));
        let weighted = !self.groups.is_empty() && self.is_weighted(bound)?;
        shown.push(of_bridge(&bridge.key).alias(MEMBER));
        if weighted {
            shown.extend(SPAN.map(|name| of_bridge(name).alias(name)));
        }
        let mut members = with_members(bridge, bound)?.project(shown)?.alias(STAR)?;
        for condition in &self.conditions {
            members = members.filter(over_star(condition.clone())?)?;
        }
        let of_star = |name: &str| Expr::Column(column_of(STAR, name)).alias(name);
        let mut groups = vec![of_star(MEMBER)];
        for (name, group) in &self.groups {
            groups.push(over_star(group.clone())?.alias(name));
        }
        if !weighted {
            return members.project(groups)?.distinct();
        }
        let [start, end, whole] = SPAN;
        // All spans of a member are of one whole.
        groups.push(of_star(whole));
        let named = [start, end].into_iter();
        let named = named.flat_map(|name| [lit(name), Expr::Column(column_of(STAR, name))]);
        let span = named_struct(named.collect());
        members.aggregate(groups, vec![array_agg(span).alias(SPANS)])
    }
}

/// `aggregate` with marks for the choices of members in its FILTER; new ones are added to `marks`.
pub(super) fn marked(aggregate: Expr, marks: &mut Vec<Members>, bound: &BoundCube) -> Result<Expr> {
    let Expr::AggregateFunction(mut call) = aggregate else { return Ok(aggregate) };
    if let Some(filter) = call.params.filter.take() {
        let (mut rest, chosen) = choices([filter.as_ref()], bound)?;
        for choice in chosen {
            let at = marks.iter().position(|known| *known == choice).unwrap_or_else(|| {
                marks.push(choice);
                marks.len() - 1
            });
            rest.push(Expr::Column(column_of(&mark_name(at), MEETS)).is_true());
        }
        call.params.filter = rest.into_iter().reduce(Expr::and).map(Box::new);
    }
    Ok(Expr::AggregateFunction(call))
}

/// The relation of the mark at `position`.
pub(super) fn mark_name(position: usize) -> String {
    format!("mark_{position}")
}

/// `aggregate` with what it sums shared out by `shares`.
pub(super) fn shared_out(aggregate: Expr, shares: &[Share]) -> Expr {
    let Expr::AggregateFunction(mut call) = aggregate else { return aggregate };
    if call.func.inner().is::<CheckedSum>() {
        for amount in &mut call.params.args {
            *amount = shares.iter().fold(amount.clone(), |amount, share| share.of(amount));
        }
    }
    Expr::AggregateFunction(call)
}

fn col(name: &str) -> Expr {
    Expr::Column(Column::from_name(name))
}
