//! Facts that have several members at once: joined to them where they are grouped by, and chosen by
//! them, each once, where they are only a condition.
//!
//! ```text
//! grouped by the members     star ⋈ bridge               a fact stands in the cell of each member
//! a condition on them        star ⋉ members that meet it  a fact counts once, however many meet it
//! a condition in FILTER      star ⟕ members that meet it  the same, for one aggregate
//! ```

use std::collections::BTreeSet;
use std::sync::Arc;

use datafusion::common::{Column, JoinType, Result, TableReference, plan_err};
use datafusion::logical_expr::utils::split_conjunction;
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder, lit};

use super::bound::BoundCube;
use super::model::Bridge;
use super::normal_form::{StarQuery, columns, level_name};
use super::planner::{STAR, fact_alias, over_star, physical};

/// The column of version keys of the facts' members that meet a condition.
const MEMBER: &str = "member";
/// The column that is true where a fact has such a member.
const MEETS: &str = "meets";

/// The bridges that lead to columns of `expr`.
pub(super) fn bridges_of(expr: &Expr, bound: &BoundCube) -> BTreeSet<String> {
    let found = columns(expr).into_iter().filter_map(|column| {
        let name = level_name(&column)?;
        bound.bridge_to(name).map(str::to_owned)
    });
    found.collect()
}

/// Whether `query` speaks of members that facts may have several of.
pub(super) fn uses_bridges(query: &StarQuery, bound: &BoundCube) -> bool {
    query.levels().iter().any(|level| bound.bridge_to(level).is_some())
}

/// Such members are no values of a fact that could be counted or compared.
pub(super) fn check_inputs(query: &StarQuery, bound: &BoundCube) -> Result<()> {
    for leaf in &query.leaves {
        let inputs = leaf.aggregate.inputs();
        let mut read = inputs.iter().flat_map(|input| columns(input));
        let found =
            read.find(|c| level_name(c).is_some_and(|name| bound.bridge_to(name).is_some()));
        if let Some(column) = found {
            return plan_err!(
                "{} cannot be applied to `{}`, of which a fact has several; group by it in a CTE, \
                 then aggregate that",
                leaf.measure.to_uppercase(),
                column.name
            );
        }
    }
    Ok(())
}

/// The column of the fact that leads to `bridge`.
pub(super) fn key_column(bridge: &Bridge) -> String {
    format!("{}_key", bridge.role)
}

pub(super) fn bridge_reference(name: &str) -> TableReference {
    TableReference::partial("bridge", name)
}

/// Conditions on the members of one bridge: they hold together, for one member.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Choice {
    bridge: String,
    conditions: Vec<Expr>,
}

/// `conditions` apart: those that rows of the star meet where it is joined to `grouped`, and choices of
/// members for the rest.
pub(super) fn choices<'e>(
    conditions: impl IntoIterator<Item = &'e Expr>,
    grouped: &BTreeSet<String>,
    bound: &BoundCube,
) -> Result<(Vec<Expr>, Vec<Choice>)> {
    let (mut of_rows, mut choices): (Vec<Expr>, Vec<Choice>) = (Vec::new(), Vec::new());
    for condition in conditions.into_iter().flat_map(split_conjunction) {
        let bridges = bridges_of(condition, bound);
        if bridges.is_subset(grouped) {
            of_rows.push(condition.clone());
            continue;
        }
        let bridge = only_bridge(condition, &bridges, bound)?;
        match choices.iter_mut().find(|choice| choice.bridge == bridge) {
            Some(choice) => choice.conditions.push(condition.clone()),
            None => choices.push(Choice { bridge, conditions: vec![condition.clone()] }),
        }
    }
    Ok((of_rows, choices))
}

/// The bridge that all columns of `condition` come by.
fn only_bridge(condition: &Expr, bridges: &BTreeSet<String>, bound: &BoundCube) -> Result<String> {
    let of_bridge =
        |column: Column| level_name(&column).map(|name| bound.bridge_to(name).is_some());
    let pure = columns(condition).into_iter().all(|column| of_bridge(column) == Some(true));
    match (bridges.first(), bridges.len(), pure) {
        (Some(bridge), 1, true) => Ok(bridge.clone()),
        (bridge, ..) => plan_err!(
            "`{}` mixes members of `{}`, of which a fact has several, with other levels; write \
             separate conditions with AND, or group by it",
            condition.human_display(),
            bridge.map_or("", String::as_str)
        ),
    }
}

impl Choice {
    /// The columns of the fact that it needs.
    pub(super) fn fact_column(&self, bound: &BoundCube) -> Result<String> {
        Ok(key_column(bound.bridge(&self.bridge)?.0))
    }

    /// `star` with the facts that have a member that meets the conditions.
    fn keep(&self, star: LogicalPlanBuilder, bound: &BoundCube) -> Result<LogicalPlanBuilder> {
        let members = self.members(bound)?.distinct()?.alias(MEMBER)?.build()?;
        star.join(members, JoinType::LeftSemi, self.on(bound, MEMBER)?, None)
    }

    /// `star` with a column of the relation `mark` that is true for these facts.
    fn mark(
        &self,
        star: LogicalPlanBuilder,
        mark: &str,
        bound: &BoundCube,
    ) -> Result<LogicalPlanBuilder> {
        let members = self.members(bound)?.distinct()?;
        let shown = vec![Expr::Column(Column::from_name(MEMBER)), lit(true).alias(MEETS)];
        let members = members.project(shown)?.alias(mark)?.build()?;
        star.join(members, JoinType::Left, self.on(bound, mark)?, None)
    }

    fn on(&self, bound: &BoundCube, members: &str) -> Result<(Vec<Column>, Vec<Column>)> {
        let key = Column::new(Some(STAR), fact_alias(&self.fact_column(bound)?));
        Ok((vec![key], vec![Column::new(Some(members), MEMBER)]))
    }

    /// The version keys of members of the role that lead to one that meets the conditions.
    fn members(&self, bound: &BoundCube) -> Result<LogicalPlanBuilder> {
        let (bridge, table) = bound.bridge(&self.bridge)?;
        let reference = bridge_reference(&bridge.name);
        let scan = LogicalPlanBuilder::scan(reference.clone(), Arc::clone(table), None)?;
        let used: BTreeSet<String> =
            self.conditions.iter().flat_map(columns).map(|c| c.name).collect();
        let shown = used.iter().filter_map(|name| bound.cube.column(name));
        let mut shown: Vec<Expr> = shown.map(|column| physical(column, bound)).collect();
        shown.push(Expr::Column(Column::new(Some(reference), &bridge.key)).alias(MEMBER));
        let mut members = scan.project(shown)?.alias(STAR)?;
        for condition in &self.conditions {
            members = members.filter(over_star(condition.clone())?)?;
        }
        members.project(vec![Expr::Column(Column::new(Some(STAR), MEMBER)).alias(MEMBER)])
    }
}

/// `aggregate` with marks for the choices of members in its FILTER; new ones are added to `marks`.
pub(super) fn marked(
    aggregate: Expr,
    grouped: &BTreeSet<String>,
    marks: &mut Vec<Choice>,
    bound: &BoundCube,
) -> Result<Expr> {
    let Expr::AggregateFunction(mut call) = aggregate else { return Ok(aggregate) };
    if let Some(filter) = call.params.filter.take() {
        let (mut rest, chosen) = choices([filter.as_ref()], grouped, bound)?;
        for choice in chosen {
            let at = marks.iter().position(|known| *known == choice).unwrap_or_else(|| {
                marks.push(choice);
                marks.len() - 1
            });
            rest.push(Expr::Column(Column::new(Some(mark_name(at)), MEETS)).is_true());
        }
        call.params.filter = rest.into_iter().reduce(Expr::and).map(Box::new);
    }
    Ok(Expr::AggregateFunction(call))
}

/// The relation of the mark at `position`.
fn mark_name(position: usize) -> String {
    format!("mark_{position}")
}

/// `star` with the facts of every choice in `kept`, and with `marks`.
pub(super) fn chosen(
    star: LogicalPlan,
    kept: &[Choice],
    marks: &[Choice],
    bound: &BoundCube,
) -> Result<LogicalPlanBuilder> {
    let mut star = LogicalPlanBuilder::from(star);
    for choice in kept {
        star = choice.keep(star, bound)?;
    }
    for (at, choice) in marks.iter().enumerate() {
        star = choice.mark(star, &mark_name(at), bound)?;
    }
    Ok(star)
}
