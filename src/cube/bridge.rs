//! Members of which a fact has several at once, and the pairs that lead to them.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::datatypes::DataType;
use datafusion::common::{Column, JoinType, Result, TableReference, plan_err};
use datafusion::functions::core::expr_fn::coalesce;
use datafusion::functions_aggregate::expr_fn::{count, sum};
use datafusion::logical_expr::expr::WindowFunction;
use datafusion::logical_expr::{
    Expr, ExprFunctionExt, LogicalPlanBuilder, TableSource, cast, lit, when,
};

use super::bound::BoundCube;
use super::measure::{AggregateKind, Definition};
use super::model::{Bridge, BridgeEnd};
use super::normal_form::{StarQuery, column_of, columns, level_name};
use super::planner::role_reference;
use crate::star::{NOT_APPLICABLE_KEY, UNKNOWN_KEY, reserved_columns};

/// The column of pairs with the share of each.
pub(super) const SHARE: &str = "share";

// Relations and columns of pairs on the way.
const PAIRS: &str = "pairs";
const LINKED: &str = "linked";
const MEMBER: &str = "member";
const NEAR: &str = "near";
const FAR: &str = "far";

/// The one bridge that all columns of `expr` come by; `None` where none does.
pub(super) fn bridge_of(expr: &Expr, bound: &BoundCube) -> Result<Option<String>> {
    let bridges = bridges_of(expr, bound);
    let Some(bridge) = bridges.first() else { return Ok(None) };
    let same = |column: Column| {
        level_name(&column).and_then(|name| bound.bridge_to(name).map(str::to_owned))
    };
    if columns(expr).into_iter().all(|column| same(column).as_ref() == Some(bridge)) {
        return Ok(Some(bridge.clone()));
    }
    plan_err!(
        "`{}` mixes members of `{bridge}`, of which a fact has several, with other levels; write \
         separate conditions with AND, and separate groups",
        expr.human_display()
    )
}

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

/// The relation that shows the members `bridge` leads to.
pub(super) fn shown_by(bridge: &Bridge, bound: &BoundCube) -> TableReference {
    let far = bound.cube.role(&bridge.name);
    match (&bridge.to, far) {
        (BridgeEnd::Members { .. }, Some(position)) => role_reference(bound, position),
        _ => reference(bridge),
    }
}

pub(super) fn reference(bridge: &Bridge) -> TableReference {
    TableReference::partial("bridge", bridge.name.as_str())
}

/// The pairs of `bridge` under its reference: of every member that facts point to one at least.
fn pairs(bridge: &Bridge, bound: &BoundCube) -> Result<LogicalPlanBuilder> {
    let (_, tables) = bound.bridge(&bridge.name)?;
    let scan = |relation: TableReference, table: &Arc<dyn TableSource>| {
        LogicalPlanBuilder::scan(relation, Arc::clone(table), None)
    };
    let BridgeEnd::Members { key, weight } = &bridge.to else {
        return scan(reference(bridge), &tables.pairs);
    };
    let of = |relation: &str, name: &str| Expr::Column(column_of(relation, name));
    let weight = match weight {
        Some(weight) => coalesce(vec![cast(of(PAIRS, weight), DataType::Float64), lit(0.0)]),
        None => lit(1.0),
    };
    let own = format!("{}_key", bridge.role.dimension);
    let mut links = scan(TableReference::bare(PAIRS), &tables.pairs)?;
    let (mut near, mut of_member) = (of(PAIRS, &bridge.key), own.clone());
    if bridge.by_member {
        // The link is of the member, whichever of its versions it names.
        let [_, member, ..] = reserved_columns(&bridge.role.dimension);
        let versions = scan(TableReference::bare(LINKED), &tables.members)?.build()?;
        let on =
            (vec![Column::new(Some(PAIRS), &bridge.key)], vec![Column::new(Some(LINKED), &own)]);
        links = links.join(versions, JoinType::Inner, on, None)?;
        near = of(LINKED, &member);
        of_member = member;
    }
    // A pair that is there twice is one.
    let links = links
        .project(vec![near.alias(NEAR), of(PAIRS, key).alias(FAR), weight.alias(SHARE)])?
        // Who is unknown is linked to nobody.
        .filter(col(NEAR).gt(lit(0_i64)))?
        .aggregate(vec![col(NEAR), col(FAR)], vec![sum(col(SHARE)).alias(SHARE)])?;
    let over_all = |function: Expr| match function {
        Expr::AggregateFunction(call) => {
            let window = WindowFunction::new(call.func, call.params.args);
            Expr::from(window).partition_by(vec![col(NEAR)]).build()
        }
        other => Ok(other),
    };
    let total = over_all(sum(col(SHARE)))?;
    let count = over_all(count(lit(1_i64)))?;
    let links = links.window(vec![total.clone(), count.clone()])?;
    let columns = links.schema().columns();
    let (total, count) = (columns[columns.len() - 2].clone(), columns[columns.len() - 1].clone());
    let (total, count) = (Expr::Column(total), cast(Expr::Column(count), DataType::Float64));
    // Shares are taken of their sum; where they add up to nothing, all are equal.
    let share = when(total.clone().eq(lit(0.0)), lit(1.0) / count).otherwise(col(SHARE) / total)?;
    let links =
        links.project(vec![col(NEAR), col(FAR), share.alias(SHARE)])?.alias(PAIRS)?.build()?;
    let members = scan(TableReference::bare(MEMBER), &tables.members)?;
    let on = (vec![column_of(MEMBER, of_member)], vec![column_of(PAIRS, NEAR)]);
    let none = when(of(MEMBER, &own).eq(lit(NOT_APPLICABLE_KEY)), lit(NOT_APPLICABLE_KEY))
        .otherwise(lit(UNKNOWN_KEY))?;
    members
        .join(links, JoinType::Left, on, None)?
        .project(vec![
            of(MEMBER, &own).alias(&bridge.key),
            coalesce(vec![of(PAIRS, FAR), none]).alias(FAR),
            coalesce(vec![of(PAIRS, SHARE), lit(1.0)]).alias(SHARE),
        ])?
        .alias(reference(bridge))
}

/// The pairs of `bridge`, joined to the dimension they lead to.
pub(super) fn with_members(bridge: &Bridge, bound: &BoundCube) -> Result<LogicalPlanBuilder> {
    let pairs = pairs(bridge, bound)?;
    let (BridgeEnd::Members { .. }, Some(position)) = (&bridge.to, bound.cube.role(&bridge.name))
    else {
        return Ok(pairs);
    };
    let alias = role_reference(bound, position);
    let table = Arc::clone(bound.dimension(position));
    let dimension = LogicalPlanBuilder::scan(alias.clone(), table, None)?.build()?;
    let left = Column::new(Some(reference(bridge)), FAR);
    let right = Column::new(Some(alias), bound.cube.roles[position].dimension.key_column());
    pairs.join(dimension, JoinType::Inner, (vec![left], vec![right]), None)
}

fn col(name: &str) -> Expr {
    Expr::Column(Column::from_name(name))
}

/// Whether `measure` can be asked for in shares; sums are shared out, and what is neither a sum nor
/// the same for every share is refused.
pub(super) fn check_shared(measure: &str, groups: &[&Expr], bound: &BoundCube) -> Result<()> {
    let grouped: BTreeSet<String> =
        groups.iter().flat_map(|group| bridges_of(group, bound)).collect();
    let mut weighted = None;
    for name in &grouped {
        if let BridgeEnd::Members { weight: Some(weight), .. } = &bound.bridge(name)?.0.to {
            weighted = Some((name, weight));
        }
    }
    let Some((bridge, weight)) = weighted else { return Ok(()) };
    let Some(declared) = bound.cube.measure(measure) else { return Ok(()) };
    let aggregate = match &declared.definition {
        Definition::Aggregate(aggregate) => aggregate,
        Definition::Formula { measures, .. } => {
            return measures.iter().try_for_each(|used| check_shared(used, groups, bound));
        }
    };
    let whole = matches!(bound.measure_type(measure), Some(DataType::Int64 | DataType::UInt64));
    let why = match aggregate.kind {
        _ if aggregate.over_time.is_some() => "does not add up over time",
        AggregateKind::Avg => "is a mean",
        AggregateKind::Sum if whole => "is a whole number, cast it to a decimal in its declaration",
        _ => return Ok(()),
    };
    plan_err!("`{measure}` cannot be shared out over `{bridge}` by `{weight}`: it {why}")
}
