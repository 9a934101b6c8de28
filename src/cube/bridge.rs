//! Members of which a fact has several at once, and the pairs that lead to them.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::datatypes::DataType;
use datafusion::common::{
    Column, DataFusionError, JoinType, Result, TableReference, internal_err, plan_err,
};
use datafusion::functions::core::expr_fn::coalesce;
use datafusion::functions_aggregate::expr_fn::count;
use datafusion::logical_expr::expr::WindowFunction;
use datafusion::logical_expr::{
    AggregateUDF, Expr, ExprFunctionExt, LogicalPlanBuilder, TableSource, cast, lit, when,
};

use super::bound::{BoundCube, BridgeTables};
use super::checked_sum::CheckedSum;
use super::measure::{AggregateKind, Definition};
use super::model::{Bridge, BridgeEnd};
use super::normal_form::{StarQuery, column_of, columns, level_name};
use super::planner::role_reference;
use super::shares;
use crate::star::{NOT_APPLICABLE_KEY, UNKNOWN_KEY, reserved_columns};

/// The columns of pairs with where the span of each begins and ends, and what it is a span of.
pub(super) const SPAN: [&str; 3] = ["span_start", "span_end", "whole"];

// Relations and columns of pairs on the way.
const PAIRS: &str = "pairs";
const LINKED: &str = "linked";
const MEMBER: &str = "member";
const NEAR: &str = "near";
const FAR: &str = "far";
const WEIGHT: &str = "weight";

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
    let BridgeEnd::Members { key, .. } = &bridge.to else {
        return scan(reference(bridge), &tables.pairs);
    };
    let of = |relation: &str, name: &str| Expr::Column(column_of(relation, name));
    let weight = weight_of(bridge, tables)?;
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
    let mut shown = vec![near.alias(NEAR), of(PAIRS, key).alias(FAR)];
    shown.extend(weight.iter().map(|(_, weight)| weight.clone().alias(WEIGHT)));
    // Who is unknown is linked to nobody.
    let links = links.project(shown)?.filter(col(NEAR).gt(lit(0_i64)))?;
    // A pair that is there twice is one.
    let links = match &weight {
        None => links.distinct()?,
        Some((data_type, _)) => spans(links, bridge, data_type)?,
    };
    let links = links.alias(PAIRS)?.build()?;
    let members = scan(TableReference::bare(MEMBER), &tables.members)?;
    let on = (vec![column_of(MEMBER, of_member)], vec![column_of(PAIRS, NEAR)]);
    let none = when(of(MEMBER, &own).eq(lit(NOT_APPLICABLE_KEY)), lit(NOT_APPLICABLE_KEY))
        .otherwise(lit(UNKNOWN_KEY))?;
    let mut shown =
        vec![of(MEMBER, &own).alias(&bridge.key), coalesce(vec![of(PAIRS, FAR), none]).alias(FAR)];
    if let Some((data_type, _)) = &weight {
        // Who is linked to nobody has the whole beside nobody.
        let whole = [0_i64, 1, 1].map(|bound| cast(lit(bound), data_type.clone()));
        let spans = SPAN.iter().zip(whole);
        shown
            .extend(spans.map(|(name, bound)| coalesce(vec![of(PAIRS, name), bound]).alias(*name)));
    }
    members.join(links, JoinType::Left, on, None)?.project(shown)?.alias(reference(bridge))
}

/// The weight of each pair of `bridge`, nothing where it has none, and its type; `None` where pairs are not
/// weighed.
pub(super) fn weight_of(
    bridge: &Bridge,
    tables: &BridgeTables,
) -> Result<Option<(DataType, Expr)>> {
    let BridgeEnd::Members { weight: Some(weight), .. } = &bridge.to else { return Ok(None) };
    let schema = tables.pairs.schema();
    let given = schema.field_with_name(&weight.value)?.data_type();
    let data_type = shares::weight_type(given, &weight.value).map_err(DataFusionError::Plan)?;
    let weight = cast(Expr::Column(column_of(PAIRS, &weight.value)), data_type.clone());
    let weight = coalesce(vec![weight, cast(lit(0_i64), data_type.clone())]);
    Ok(Some((data_type, weight)))
}

/// `links` with the span of each pair, in the order of the keys they lead to. Where the weights of a
/// member add up to nothing, all spans are equal.
fn spans(
    links: LogicalPlanBuilder,
    bridge: &Bridge,
    data_type: &DataType,
) -> Result<LogicalPlanBuilder> {
    let weight = || {
        let what = format!("weights of {}", bridge.table);
        AggregateUDF::from(CheckedSum::new(&what)).call(vec![col(WEIGHT)])
    };
    let links = links.aggregate(vec![col(NEAR), col(FAR)], vec![weight().alias(WEIGHT)])?;
    let number = || count(lit(1_i64));
    // Windows with an order and without are no one step.
    let links = links.window([over_member(weight(), false)?, over_member(number(), false)?])?;
    let links = links.window([over_member(weight(), true)?, over_member(number(), true)?])?;
    let columns = links.schema().columns();
    let [.., total, all, end, place] = columns.as_slice() else {
        return internal_err!("windows without columns");
    };
    let [total, all, end, place] = [total, all, end, place].map(|c| Expr::Column(c.clone()));
    let choose = |equal: Expr, weighed: Expr| {
        when(total.clone().eq(cast(lit(0_i64), data_type.clone())), cast(equal, data_type.clone()))
            .otherwise(weighed)
    };
    let [start_name, end_name, whole_name] = SPAN;
    let bounds = vec![
        col(NEAR),
        col(FAR),
        choose(place.clone() - lit(1_i64), end.clone() - col(WEIGHT))?.alias(start_name),
        choose(place, end)?.alias(end_name),
        choose(all, total.clone())?.alias(whole_name),
    ];
    links.project(bounds)
}

/// `function` over all pairs of a member, or over those up to each in the order of the keys they
/// lead to.
fn over_member(function: Expr, up_to: bool) -> Result<Expr> {
    let Expr::AggregateFunction(call) = function else {
        return internal_err!("only an aggregate is over pairs");
    };
    let window = Expr::from(WindowFunction::new(call.func, call.params.args));
    let window = window.partition_by(vec![col(NEAR)]);
    if up_to { window.order_by(vec![col(FAR).sort(true, false)]).build() } else { window.build() }
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

/// The bridge that `groups` lead over by weights, with the column of these; `None` where there is none.
pub(super) fn weighted<'b>(
    groups: &[&Expr],
    bound: &'b BoundCube,
) -> Result<Option<(&'b Bridge, &'b str)>> {
    let names: BTreeSet<String> =
        groups.iter().flat_map(|group| bridges_of(group, bound)).collect();
    for name in &names {
        let (bridge, _) = bound.bridge(name)?;
        if let BridgeEnd::Members { weight: Some(weight), .. } = &bridge.to {
            return Ok(Some((bridge, weight.value.as_str())));
        }
    }
    Ok(None)
}

/// Whether `measure` can be shared out over `bridge` by `weight`; sums are shared out, and what is neither
/// a sum nor the same for every share is refused.
pub(super) fn check_shared(
    measure: &str,
    (bridge, weight): (&Bridge, &str),
    bound: &BoundCube,
) -> Result<()> {
    let Some(declared) = bound.cube.measure(measure) else { return Ok(()) };
    let aggregate = match &declared.definition {
        Definition::Aggregate(aggregate) => aggregate,
        Definition::Formula { measures, .. } => {
            let mut used = measures.iter();
            return used.try_for_each(|used| check_shared(used, (bridge, weight), bound));
        }
    };
    let whole = matches!(bound.measure_type(measure), Some(DataType::Int64 | DataType::UInt64));
    let why = match aggregate.kind {
        _ if aggregate.over_time.is_some() => "does not add up over time",
        AggregateKind::Avg => "is a mean",
        AggregateKind::Sum if whole => "is a whole number, cast it to a decimal in its declaration",
        _ => return Ok(()),
    };
    let bridge = &bridge.name;
    plan_err!("`{measure}` cannot be shared out over `{bridge}` by `{weight}`: it {why}")
}
