//! Values of other cells beside those of a cell.

use datafusion::common::{Column, JoinType, NullEquality, Result};
use datafusion::functions::core::expr_fn::coalesce;
use datafusion::logical_expr::{Expr, LogicalPlanBuilder, lit, when};

use super::part::Value;

/// The alias of rows of cells where they are joined with those of an ancestor.
const CELLS: &str = "cells";
/// The alias of rows of an ancestor.
const ANCESTOR: &str = "ancestor";
/// The prefix of values of what stands above the top of a tree.
const TOP: &str = "top$";

/// The column of the value `name` for members at the top of a tree.
pub(super) fn top_name(name: &str) -> String {
    format!("{TOP}{name}")
}

/// `rows` with `values` of the one row of `other` that is equal in the columns `on`.
pub(super) fn beside(
    rows: LogicalPlanBuilder,
    other: LogicalPlanBuilder,
    on: Vec<String>,
    values: &[Value],
) -> Result<LogicalPlanBuilder> {
    let own = rows.schema().columns().into_iter().map(|column| of(CELLS, &column.name));
    let own: Vec<Expr> = own.collect();
    let rows = rows.alias(CELLS)?;
    let other = other.alias(ANCESTOR)?.build()?;
    let joined = if on.is_empty() {
        rows.cross_join(other)?
    } else {
        let key = |relation| on.iter().map(move |name| Column::new(Some(relation), name));
        let keys = (key(CELLS).collect::<Vec<_>>(), key(ANCESTOR).collect::<Vec<_>>());
        rows.join_detailed(other, JoinType::Left, keys, None, NullEquality::NullEqualsNull)?
    };
    let added = values.iter().map(|value| {
        let column = Expr::Column(Column::new(Some(ANCESTOR), &value.name));
        let column = if value.counts { coalesce(vec![column, lit(0_i64)]) } else { column };
        column.alias(&value.name)
    });
    joined.project(own.into_iter().chain(added).collect::<Vec<_>>())
}

/// `rows` in which `values` are those under [`top_name`] where the column `key` says of no member above.
pub(super) fn with_tops(
    rows: LogicalPlanBuilder,
    key: &str,
    values: &[Value],
) -> Result<LogicalPlanBuilder> {
    let columns = rows.schema().columns().into_iter();
    let shown = columns.filter(|column| !column.name.starts_with(TOP)).map(|column| {
        if !values.iter().any(|value| value.name == column.name) {
            return Ok(col(&column.name));
        }
        let top = col(&top_name(&column.name));
        let value = when(col(key).is_null(), top).otherwise(col(&column.name))?;
        Ok(value.alias(&column.name))
    });
    rows.project(shown.collect::<Result<Vec<_>>>()?)
}

fn col(name: &str) -> Expr {
    Expr::Column(Column::from_name(name))
}

/// The column `name` of `relation`, without it.
fn of(relation: &str, name: &str) -> Expr {
    Expr::Column(Column::new(Some(relation), name)).alias(name)
}
