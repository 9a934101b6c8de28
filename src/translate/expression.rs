//! SQL expressions over rows: planned once, evaluated by batch, failing by row.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::ops::ControlFlow;
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, new_null_array};
use arrow::compute::concat;
use arrow::datatypes::{DataType, Schema};
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode, TreeNodeRecursion};
use datafusion::common::{DFSchema, TableReference};
use datafusion::config::Dialect;
use datafusion::error::DataFusionError;
use datafusion::execution::SessionState;
use datafusion::logical_expr::simplify::SimplifyContext;
use datafusion::logical_expr::{Expr, ExprSchemable, Operator, Volatility};
use datafusion::optimizer::simplify_expressions::ExprSimplifier;
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr::expressions::{BinaryExpr, NegativeExpr, lit};
use datafusion::sql::sqlparser::ast::{
    Expr as SqlExpr, ExprWithAlias as SQLExprWithAlias, Ident, visit_expressions_mut,
};

use super::checked_decimal::checked_decimals;
use crate::declare::{Code, Diagnostic, Diagnostics, Located};
use crate::error::{Error, Result};

/// A planned expression.
#[derive(Clone, Debug)]
pub struct Expression {
    physical: Arc<dyn PhysicalExpr>,
    /// What it yields.
    pub data_type: DataType,
    /// The source column it only names, if that is all it does.
    pub column: Option<String>,
}

/// Plans expressions over one schema.
#[derive(Debug)]
pub struct Plan<'a> {
    /// Functions and settings.
    pub state: &'a SessionState,
    /// What expressions may name; every column is qualified.
    pub schema: &'a DFSchema,
    /// The qualifiers in the order in which a name without one is looked for.
    pub qualifiers: Vec<&'a str>,
    /// Collects the columns of the source that expressions name.
    pub used: &'a RefCell<BTreeSet<String>>,
}

impl Plan<'_> {
    /// Plans `text`; what is wrong with it becomes a diagnostic.
    pub fn expression(
        &self,
        text: &Located<String>,
        diagnostics: &mut Diagnostics,
    ) -> Option<Expression> {
        let planned = self
            .qualified(text, diagnostics)?
            .and_then(|sql| self.state.create_logical_expr_from_sql_expr(sql, self.schema));
        let logical = match planned {
            Ok(expression) => expression,
            Err(error) => {
                diagnostics.push(wrong_expression(text, &error));
                return None;
            }
        };
        if let Some(what) = beyond_one_row(&logical) {
            let message = format!("{what} needs many rows, and an expression sees one");
            diagnostics.push(Diagnostic::new(Code::WrongExpression, text.span.clone(), message));
            return None;
        }
        if let Some(name) = changeable_function(&logical) {
            let message = format!("`{name}` gives another result each time; a load must not");
            diagnostics.push(Diagnostic::new(Code::Volatile, text.span.clone(), message));
            return None;
        }
        let column = match &logical {
            Expr::Column(column) => Some(column.name.clone()),
            _ => None,
        };
        let physical = self.simplified(logical.clone(), &text.value);
        let physical = physical.and_then(|expr| self.state.create_physical_expr(expr, self.schema));
        let physical = physical.and_then(|expr| failing_on_overflow(expr, self.schema));
        let typed = physical.and_then(|physical| {
            let data_type = physical.data_type(self.schema.as_arrow())?;
            Ok((physical, data_type))
        });
        match typed {
            Ok((physical, data_type)) => Some(Expression { physical, data_type, column }),
            Err(error) => {
                let at = logical.get_type(self.schema).err().unwrap_or(error);
                diagnostics.push(wrong_expression(text, &at));
                None
            }
        }
    }

    /// Some functions, `coalesce` among them, can only be computed in their simplified form.
    fn simplified(&self, expression: Expr, sql: &str) -> Result<Expr, DataFusionError> {
        let context = SimplifyContext::builder()
            .with_schema(Arc::new(self.schema.clone()))
            .with_config_options(Arc::clone(self.state.config_options()))
            .build();
        let simplifier = ExprSimplifier::new(context);
        let expression = simplifier.coerce(expression, self.schema)?;
        simplifier.simplify(checked_decimals(expression, self.schema, sql)?)
    }

    /// Plans a condition, which must be true or false.
    pub fn condition(
        &self,
        text: &Located<String>,
        diagnostics: &mut Diagnostics,
    ) -> Option<Expression> {
        let expression = self.expression(text, diagnostics)?;
        if expression.data_type != DataType::Boolean {
            let message = format!("a condition is true or false, this is {}", expression.data_type);
            diagnostics.push(Diagnostic::new(Code::WrongExpression, text.span.clone(), message));
            return None;
        }
        Some(expression)
    }

    /// The parsed text with a qualifier before every column; a name that nothing has is reported.
    fn qualified(
        &self,
        text: &Located<String>,
        diagnostics: &mut Diagnostics,
    ) -> Option<Result<SQLExprWithAlias, DataFusionError>> {
        let mut parsed = match self.state.sql_to_expr_with_alias(&text.value, &Dialect::Generic) {
            Ok(parsed) => parsed,
            Err(error) => return Some(Err(error)),
        };
        let unknown = visit_expressions_mut(&mut parsed.expr, |part| {
            let name = match part {
                SqlExpr::Identifier(name) => name.clone(),
                SqlExpr::CompoundIdentifier(names) if names.len() == 2 => {
                    let (qualifier, name) = (&names[0].value, &names[1].value);
                    if !self.has(qualifier, name) {
                        return ControlFlow::Break(format!("{qualifier}.{name}"));
                    }
                    self.note(qualifier, name);
                    return ControlFlow::Continue(());
                }
                _ => return ControlFlow::Continue(()),
            };
            let mut qualifiers = self.qualifiers.iter();
            match qualifiers.find(|qualifier| self.has(qualifier, &name.value)) {
                Some(qualifier) => {
                    self.note(qualifier, &name.value);
                    let names = vec![Ident::with_quote('"', *qualifier), name];
                    *part = SqlExpr::CompoundIdentifier(names);
                    ControlFlow::Continue(())
                }
                None => ControlFlow::Break(name.value),
            }
        });
        match unknown {
            ControlFlow::Continue(()) => Some(Ok(parsed)),
            ControlFlow::Break(name) => {
                diagnostics.push(self.unknown_column(text, &name));
                None
            }
        }
    }

    fn note(&self, qualifier: &str, name: &str) {
        if qualifier == "source" {
            self.used.borrow_mut().insert(name.to_owned());
        }
    }

    fn has(&self, qualifier: &str, name: &str) -> bool {
        self.schema.has_column_with_qualified_name(&TableReference::bare(qualifier), name)
    }

    fn unknown_column(&self, text: &Located<String>, name: &str) -> Diagnostic {
        let mut known: Vec<String> = self
            .schema
            .iter()
            .map(|(qualifier, field)| match qualifier {
                Some(q) if q.table() != "source" && q.table() != "target" => {
                    format!("{}.{}", q.table(), field.name())
                }
                _ => field.name().clone(),
            })
            .collect();
        let mut seen = BTreeSet::new();
        known.retain(|name| seen.insert(name.clone()));
        Diagnostic::unknown_name(
            text.span.clone(),
            "column",
            name,
            known.iter().map(String::as_str),
        )
    }
}

fn wrong_expression(text: &Located<String>, error: &DataFusionError) -> Diagnostic {
    let message = match error.find_root() {
        DataFusionError::SQL(syntax, _) => syntax.to_string(),
        root => root.message().into_owned(),
    };
    let message = message.lines().next().unwrap_or_default().to_owned();
    Diagnostic::new(Code::WrongExpression, text.span.clone(), message)
}

/// Arithmetic that leaves its range is a fault of the row; by default it would wrap.
fn failing_on_overflow(
    expression: Arc<dyn PhysicalExpr>,
    schema: &DFSchema,
) -> Result<Arc<dyn PhysicalExpr>, DataFusionError> {
    let checked = expression.transform_up(|part| {
        if let Some(binary) = part.downcast_ref::<BinaryExpr>() {
            let checked = binary.clone().with_fail_on_overflow(true);
            return Ok(Transformed::yes(Arc::new(checked) as _));
        }
        if let Some(negative) = part.downcast_ref::<NegativeExpr>()
            && negative.data_type(schema.as_arrow())? == DataType::Int64
        {
            // The least whole number has no negative.
            let checked = BinaryExpr::new(lit(0_i64), Operator::Minus, Arc::clone(negative.arg()));
            return Ok(Transformed::yes(Arc::new(checked.with_fail_on_overflow(true)) as _));
        }
        Ok(Transformed::no(part))
    });
    checked.data()
}

/// What in `expression` needs more than one row, if anything does.
fn beyond_one_row(expression: &Expr) -> Option<String> {
    let mut found = None;
    let visited = expression.apply(|part| {
        found = match part {
            Expr::AggregateFunction(function) => Some(format!("`{}`", function.func.name())),
            Expr::WindowFunction(function) => Some(format!("`{}`", function.fun.name())),
            Expr::ScalarSubquery(_) | Expr::InSubquery(_) | Expr::Exists(_) => {
                Some("a subquery".to_owned())
            }
            _ => return Ok(TreeNodeRecursion::Continue),
        };
        Ok(TreeNodeRecursion::Stop)
    });
    visited.ok().and(found)
}

/// A function in `expression` whose result is not fixed by its arguments.
fn changeable_function(expression: &Expr) -> Option<String> {
    let mut found = None;
    let visited = expression.apply(|part| {
        if let Expr::ScalarFunction(function) = part
            && function.func.signature().volatility != Volatility::Immutable
        {
            found = Some(function.func.name().to_owned());
            return Ok(TreeNodeRecursion::Stop);
        }
        Ok(TreeNodeRecursion::Continue)
    });
    visited.ok().and(found)
}

impl Expression {
    /// A value for each row of `batch`. Rows on which it fails get NULL and are listed with the
    /// reason.
    pub fn evaluate(&self, batch: &RecordBatch) -> Result<(ArrayRef, Vec<(usize, String)>)> {
        let mut failures = Vec::new();
        let values = self.evaluate_part(batch, 0, &mut failures)?;
        Ok((values, failures))
    }

    fn evaluate_part(
        &self,
        batch: &RecordBatch,
        first: usize,
        failures: &mut Vec<(usize, String)>,
    ) -> Result<ArrayRef> {
        let count = batch.num_rows();
        let error = match self.physical.evaluate(batch).and_then(|value| value.into_array(count)) {
            Ok(values) => return Ok(values),
            Err(error) => error,
        };
        match count {
            0 => Ok(new_null_array(&self.data_type, 0)),
            1 => {
                failures.push((first, Error::from(error).to_string()));
                Ok(new_null_array(&self.data_type, 1))
            }
            _ => {
                let half = count / 2;
                let left = self.evaluate_part(&batch.slice(0, half), first, failures)?;
                let rest = batch.slice(half, count - half);
                let right = self.evaluate_part(&rest, first + half, failures)?;
                Ok(concat(&[left.as_ref(), right.as_ref()])?)
            }
        }
    }
}

/// A schema in which every column has a qualifier.
pub(super) fn qualified_schema(parts: &[(&str, &Schema)]) -> Result<DFSchema, DataFusionError> {
    let mut schema = DFSchema::empty();
    for (qualifier, part) in parts {
        schema = schema.join(&DFSchema::try_from_qualified_schema(*qualifier, part)?)?;
    }
    Ok(schema)
}
