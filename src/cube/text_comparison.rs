//! Levels that show texts, compared with numbers: said clearly, before the engine reads every text as a
//! number and fails at the first that is none.

use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::common::{Result, plan_err};
use datafusion::logical_expr::expr::{Between, InList};
use datafusion::logical_expr::{BinaryExpr, Expr, Operator};

use super::bound::BoundCube;
use super::model::ColumnKind;
use super::normal_form::level_name;

/// Fails when `condition` compares a level of texts with a number.
pub(super) fn check(condition: &Expr, bound: &BoundCube) -> Result<()> {
    condition.apply(|part| {
        let sides: Vec<&Expr> = match part {
            Expr::BinaryExpr(BinaryExpr { left, op, right }) if compares(*op) => {
                vec![left, right]
            }
            Expr::InList(InList { expr, list, .. }) => {
                std::iter::once(expr.as_ref()).chain(list).collect()
            }
            Expr::Between(Between { expr, low, high, .. }) => vec![expr, low, high],
            _ => return Ok(TreeNodeRecursion::Continue),
        };
        let text = sides.iter().find_map(|side| text_level(side, bound));
        let number = sides.iter().find_map(|side| number(side));
        match text.zip(number) {
            Some((level, number)) => refused(level, &number, bound),
            None => Ok(TreeNodeRecursion::Continue),
        }
    })?;
    Ok(())
}

fn compares(op: Operator) -> bool {
    use Operator::{Eq, Gt, GtEq, IsDistinctFrom, IsNotDistinctFrom, Lt, LtEq, NotEq};
    matches!(op, Eq | NotEq | Lt | LtEq | Gt | GtEq | IsDistinctFrom | IsNotDistinctFrom)
}

/// The name of the level of texts that `side` is.
fn text_level<'e>(side: &'e Expr, bound: &BoundCube) -> Option<&'e str> {
    let Expr::Column(column) = side else { return None };
    let name = level_name(column)?;
    let field = bound.schema.field_with_name(name).ok()?;
    field.data_type().is_string().then_some(name)
}

/// The number that `side` is, as it would be written.
fn number(side: &Expr) -> Option<String> {
    match side {
        Expr::Literal(value, _) if value.data_type().is_numeric() => Some(value.to_string()),
        Expr::Negative(inner) => number(inner).map(|number| format!("-{number}")),
        _ => None,
    }
}

fn refused<T>(level: &str, number: &str, bound: &BoundCube) -> Result<T> {
    let of_level = |kind: &ColumnKind| *kind == ColumnKind::Key;
    let is_of = |name: Option<&str>| name == Some(level);
    let key = bound.cube.columns.iter().find(|column| {
        of_level(&column.kind)
            && is_of(column.level.as_deref())
            && bound.schema.field_with_name(&column.name).is_ok_and(|f| f.data_type().is_numeric())
    });
    match key {
        Some(key) => plan_err!(
            "`{level}` is a text and {number} a number; write '{number}', or compare `{}`, which is a \
             number",
            key.name
        ),
        None => plan_err!("`{level}` is a text and {number} a number; write '{number}'"),
    }
}
