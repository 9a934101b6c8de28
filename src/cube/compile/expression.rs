//! SQL in a declaration, checked as far as names go.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use arrow::datatypes::{DataType, Field};
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::common::{DFSchema, DataFusionError, SchemaError, TableReference};
use datafusion::execution::{SessionState, SessionStateBuilder};
use datafusion::logical_expr::{Expr, Volatility};

use crate::declare::{Code, Diagnostic, Diagnostics, Located, nearest};

/// A checker of expressions, with the functions every session has.
pub(super) struct Expressions {
    state: SessionState,
}

/// Names an expression may use, and what to call them in a message.
pub(super) struct Names<'a> {
    pub what: String,
    /// Where a name comes from, and the name.
    pub known: Vec<(&'a str, &'a str)>,
}

impl Expressions {
    pub(super) fn new() -> Self {
        Self { state: SessionStateBuilder::new_with_default_features().build() }
    }

    /// The columns `sql` uses; `None` when something is wrong with it.
    pub(super) fn columns(
        &self,
        sql: &Located<String>,
        names: &Names<'_>,
        diagnostics: &mut Diagnostics,
    ) -> Option<BTreeSet<String>> {
        let expr = self.parse(sql, names, diagnostics)?;
        Some(expr.column_refs().into_iter().map(|column| column.name.clone()).collect())
    }

    /// The expression without types; `None` when something is wrong with it.
    pub(super) fn parse(
        &self,
        sql: &Located<String>,
        names: &Names<'_>,
        diagnostics: &mut Diagnostics,
    ) -> Option<Expr> {
        let mistake = match self.untyped(&sql.value, names) {
            Ok(expr) => match refusal(&expr) {
                None => return Some(expr),
                Some((code, message)) => Diagnostic::new(code, sql.span.clone(), message),
            },
            Err(error) => wrong(sql, names, &error),
        };
        diagnostics.push(mistake);
        None
    }

    fn untyped(&self, sql: &str, names: &Names<'_>) -> Result<Expr, DataFusionError> {
        let field = |name: &str| Arc::new(Field::new(name, DataType::Null, true));
        let fields =
            names.known.iter().map(|(of, name)| (Some(TableReference::bare(*of)), field(name)));
        let schema = DFSchema::new_with_metadata(fields.collect(), HashMap::new())?;
        self.state.create_logical_expr(sql, &schema)
    }
}

fn wrong(sql: &Located<String>, names: &Names<'_>, error: &DataFusionError) -> Diagnostic {
    if let DataFusionError::SchemaError(schema, _) = error.find_root()
        && let SchemaError::FieldNotFound { field, .. } = schema.as_ref()
    {
        let known: Vec<&str> = names.known.iter().map(|(_, name)| *name).collect();
        let unknown = Diagnostic::unknown_name(
            sql.span.clone(),
            &names.what,
            &field.name,
            known.iter().copied(),
        );
        // A long list of everything helps nobody; the file of the fact has it.
        return match nearest(&field.name, known.iter().copied()) {
            None if known.len() > 20 => Diagnostic { help: None, ..unknown },
            _ => unknown,
        };
    }
    let message = format!("`{}` is not valid SQL here", sql.value);
    Diagnostic::new(Code::WrongExpression, sql.span.clone(), message)
        .help(error.find_root().message().into_owned())
}

/// Why an expression that parses cannot stand in a declaration.
fn refusal(expr: &Expr) -> Option<(Code, String)> {
    let mut found = None;
    let walked = expr.apply(|part| {
        found = match part {
            Expr::ScalarFunction(call)
                if call.func.signature().volatility != Volatility::Immutable =>
            {
                let name = call.func.name();
                Some((Code::Volatile, format!("`{name}()` gives another result every time")))
            }
            Expr::AggregateFunction(call) => {
                let name = call.func.name();
                let message = format!("`{name}` aggregates; the measure's key already says how");
                Some((Code::WrongExpression, message))
            }
            Expr::WindowFunction(_) => {
                Some((Code::WrongExpression, "a window function cannot stand here".to_owned()))
            }
            Expr::Placeholder(_) => {
                Some((Code::WrongExpression, "a parameter cannot stand here".to_owned()))
            }
            _ => None,
        };
        let next = match found {
            Some(_) => TreeNodeRecursion::Stop,
            None => TreeNodeRecursion::Continue,
        };
        Ok(next)
    });
    match walked {
        Ok(_) => found,
        Err(error) => Some((Code::WrongExpression, error.to_string())),
    }
}
