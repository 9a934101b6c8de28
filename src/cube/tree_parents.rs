//! Who is above whom in a tree, for the members that cells show.

use std::collections::BTreeSet;
use std::sync::Arc;

use datafusion::common::{Column, JoinType, Result, internal_err};
use datafusion::functions_aggregate::expr_fn::{max, min};
use datafusion::logical_expr::{Expr, ExprSchemable, LogicalPlanBuilder, lit, when};

use super::ancestors::key_name;
use super::bound::BoundCube;
use super::bridge::reference;
use super::normal_form::{columns, level};
use super::part::Value;
use super::planner::{STAR, over_star, physical};
use crate::star::tree_columns;

/// The relation of the members above.
const UP: &str = "up";
// Columns on the way.
const NODE: &str = "node";
const LEAST: &str = "least";
const GREATEST: &str = "greatest";

/// For the members of the tree `tree` that `own` shows, the key of the one above; a top has none.
pub(super) fn tree_parents(
    tree: &str,
    own: &[(String, Expr)],
    bound: &BoundCube,
) -> Result<(LogicalPlanBuilder, Value)> {
    let (bridge, tables) = bound.bridge(tree)?;
    let Some(key) = bound.cube.key_of(tree) else {
        return internal_err!("the tree `{tree}` has no key");
    };
    let of = |column: &str| Expr::Column(Column::new(Some(reference(bridge)), column));
    let used: BTreeSet<String> =
        own.iter().flat_map(|(_, group)| columns(group)).map(|column| column.name).collect();
    let shown = used.iter().filter_map(|name| bound.cube.column(name));
    let mut shown: Vec<Expr> = shown.map(|column| physical(column, bound)).collect();
    shown.push(of(&bridge.key).alias(NODE));
    let members = LogicalPlanBuilder::scan(reference(bridge), Arc::clone(&tables.pairs), None)?
        .filter(of(tree_columns::DISTANCE).eq(lit(0_i64)))?
        .project(shown)?
        .alias(STAR)?;
    let of_up = |column: &str| Expr::Column(Column::new(Some(UP), column));
    let up = LogicalPlanBuilder::scan(UP, Arc::clone(&tables.pairs), None)?
        .filter(of_up(tree_columns::DISTANCE).eq(lit(1_i64)))?
        .project(vec![of_up(&bridge.key), of_up(tree_columns::KEY)])?
        .build()?;
    let on = (vec![Column::new(Some(STAR), NODE)], vec![Column::new(Some(UP), &bridge.key)]);
    let groups = own.iter().map(|(name, group)| Ok(over_star(group.clone())?.alias(name)));
    let groups = groups.collect::<Result<Vec<_>>>()?;
    let of_key = || of_up(tree_columns::KEY);
    let ends = vec![min(of_key()).alias(LEAST), max(of_key()).alias(GREATEST)];
    let parents = members.join(up, JoinType::Left, on, None)?.aggregate(groups, ends)?;
    let column = |name: &str| Expr::Column(Column::from_name(name));
    let mut shown: Vec<Expr> = own.iter().map(|(name, _)| column(name)).collect();
    let one = when(column(LEAST).eq(column(GREATEST)), column(LEAST)).end()?;
    let name = key_name(&key.name);
    shown.push(one.alias(&name));
    let data_type = level(&key.name).get_type(&bound.level_schema()?)?;
    let value = Value { name, data_type, aggregate: level(&key.name), counts: false, state: None };
    Ok((parents.project(shown)?, value))
}
