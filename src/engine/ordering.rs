//! `ORDER BY` an expression that the SELECT list has under an alias.
//!
//! Tools write `SELECT d, SUM(m) AS m … ORDER BY SUM(m)`. The planner would take the `m` inside the
//! sum for the alias; the alias itself says the same and is understood.

use datafusion::sql::parser::Statement;
use datafusion::sql::sqlparser::ast::{
    Expr, Ident, OrderByKind, Query, SelectItem, SetExpr, Statement as SqlStatement,
};

/// Replaces such an expression by the alias, in the outermost query.
pub(super) fn name_ordered_columns(statement: &mut Statement) {
    let query = match statement {
        Statement::Statement(inner) => match inner.as_mut() {
            SqlStatement::Query(query) => query,
            _ => return,
        },
        Statement::Explain(explain) => return name_ordered_columns(&mut explain.statement),
        _ => return,
    };
    name_in(query);
}

fn name_in(query: &mut Query) {
    let SetExpr::Select(select) = query.body.as_ref() else { return };
    let aliased: Vec<(Expr, Ident)> = select
        .projection
        .iter()
        .filter_map(|item| match item {
            SelectItem::ExprWithAlias { expr, alias } => Some((expr.clone(), alias.clone())),
            _ => None,
        })
        .collect();
    let Some(order) = &mut query.order_by else { return };
    let OrderByKind::Expressions(steps) = &mut order.kind else { return };
    for step in steps {
        if let Some((_, alias)) = aliased.iter().find(|(expr, _)| *expr == step.expr) {
            step.expr = Expr::Identifier(alias.clone());
        }
    }
}
