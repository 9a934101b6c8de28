//! Pieces of SQL as text: names, values and conditions that cannot become more than they are.

use std::ops::ControlFlow;

use arrow::datatypes::DataType;
use datafusion::common::ScalarValue;
use datafusion::config::Dialect;
use datafusion::prelude::SessionContext;
use datafusion::sql::sqlparser::ast::{
    BinaryOperator, Expr as SqlExpr, Ident, UnaryOperator, visit_expressions_mut,
};

use super::model::Cube;
use super::query::{column, measure};
use crate::error::{Error, Result};

/// A name in double quotes.
pub(super) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// A text in single quotes.
pub(super) fn quoted_text(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// `value` with its type.
pub(super) fn literal(value: &ScalarValue) -> Result<String> {
    if let Some(Some(text)) = value.try_as_str() {
        return Ok(quoted_text(text));
    }
    Ok(match value {
        value if value.is_null() => "NULL".to_owned(),
        ScalarValue::Dictionary(_, value) => literal(value)?,
        ScalarValue::Int64(Some(number)) => number.to_string(),
        ScalarValue::Boolean(Some(flag)) => flag.to_string(),
        value => {
            let text = value.cast_to(&DataType::Utf8)?;
            let text = text.try_as_str().flatten().unwrap_or_default();
            let data_type = value.data_type().to_string();
            format!("arrow_cast({}, {})", quoted_text(text), quoted_text(&data_type))
        }
    })
}

/// `column IN (values)`; nothing is in an empty list.
pub(super) fn is_in(column: &str, values: &[ScalarValue]) -> Result<String> {
    if values.is_empty() {
        return Ok("false".to_owned());
    }
    let values = values.iter().map(literal).collect::<Result<Vec<_>>>()?;
    Ok(format!("{} IN ({})", quoted(column), values.join(", ")))
}

/// The measure `name` for the group.
pub(super) fn aggregate(name: &str) -> String {
    format!("AGG({})", quoted(name))
}

/// One condition on level columns; names with a dot are made flat.
///
/// It is parsed and written again, so that nothing but one expression can come in here.
pub(super) fn condition(cube: &Cube, sql: &str, context: &SessionContext) -> Result<String> {
    let mut expr = parsed(sql, context)?;
    let mut unknown = None;
    let mut has_subquery = false;
    for_each_part(&mut expr, |part| match part {
        SqlExpr::Identifier(name) if cube.column(&spelled(name)).is_none() => {
            unknown.get_or_insert(spelled(name));
        }
        SqlExpr::Subquery(_) | SqlExpr::InSubquery { .. } | SqlExpr::Exists { .. } => {
            has_subquery = true;
        }
        part => {
            if let Some(flat) = dotted(part).filter(|flat| cube.column(flat).is_some()) {
                *part = SqlExpr::Identifier(Ident::with_quote('"', flat));
            }
        }
    });
    // A subquery has columns of its own.
    match unknown.filter(|_| !has_subquery) {
        Some(name) if cube.measure(&name).is_some() => Err(Error::invalid_input(format!(
            "the filter `{sql}` is on the measure `{name}`; facts are filtered by levels, and rows \
             by measures with `having`"
        ))),
        Some(name) => Err(column(cube, &name)
            .err()
            .unwrap_or_else(|| Error::internal(format!("`{name}` is a level and is not")))),
        None => Ok(format!("({expr})")),
    }
}

/// One condition on measures, each of which becomes its aggregate, and the measures it names.
pub(super) fn measure_condition(
    cube: &Cube,
    sql: &str,
    context: &SessionContext,
) -> Result<(String, Vec<String>)> {
    let mut expr = parsed(sql, context)?;
    if is_no_condition(&expr) {
        let any = cube.measures.first().map_or("measure", |measure| measure.name.as_str());
        let what = format!(
            "`{sql}` in `having` is no condition; write one in SQL over measures, as in `{any} > 0`"
        );
        return Err(Error::invalid_input(what));
    }
    let mut used = Vec::new();
    let mut wrong = None;
    for_each_part(&mut expr, |part| {
        let SqlExpr::Identifier(name) = part else { return };
        let name = spelled(name);
        match measure(cube, &name) {
            Ok(_) => {
                // An identifier without quotes is written as it is.
                *part = SqlExpr::Identifier(Ident::new(aggregate(&name)));
                used.push(name);
            }
            Err(error) => wrong = Some(error),
        }
    });
    match wrong {
        Some(error) => Err(error.context(format!("the condition `{sql}` on measures"))),
        None if used.is_empty() => {
            Err(Error::invalid_input(format!("the condition `{sql}` names no measure")))
        }
        None => Ok((format!("({expr})"), used)),
    }
}

/// Whether `expr` is a value as it stands, or arithmetic, and so neither true nor false.
fn is_no_condition(expr: &SqlExpr) -> bool {
    match expr {
        SqlExpr::Nested(inner) => is_no_condition(inner),
        SqlExpr::Identifier(_) | SqlExpr::CompoundIdentifier(_) => true,
        SqlExpr::UnaryOp { op, .. } => matches!(op, UnaryOperator::Plus | UnaryOperator::Minus),
        SqlExpr::BinaryOp { op, .. } => matches!(
            op,
            BinaryOperator::Plus
                | BinaryOperator::Minus
                | BinaryOperator::Multiply
                | BinaryOperator::Divide
                | BinaryOperator::Modulo
        ),
        _ => false,
    }
}

/// The flat names of the columns that the condition `sql` uses.
pub(super) fn columns_of(sql: &str, context: &SessionContext) -> Result<Vec<String>> {
    let mut expr = parsed(sql, context)?;
    let mut columns = Vec::new();
    for_each_part(&mut expr, |part| match part {
        SqlExpr::Identifier(name) => columns.push(spelled(name)),
        part => columns.extend(dotted(part)),
    });
    Ok(columns)
}

fn parsed(sql: &str, context: &SessionContext) -> Result<SqlExpr> {
    context
        .state()
        .sql_to_expr(sql, &Dialect::default())
        .map_err(|error| Error::invalid_input(format!("`{sql}` is not a condition")).because(error))
}

fn for_each_part(expr: &mut SqlExpr, mut change: impl FnMut(&mut SqlExpr)) {
    let walked = visit_expressions_mut(expr, |part| {
        change(part);
        ControlFlow::<()>::Continue(())
    });
    debug_assert!(walked.is_continue(), "the closure never breaks");
}

/// A name as SQL reads it: in lower case unless it is quoted.
fn spelled(name: &Ident) -> String {
    match name.quote_style {
        Some(_) => name.value.clone(),
        None => name.value.to_lowercase(),
    }
}

/// `first_second` when `part` is `first.second`.
fn dotted(part: &SqlExpr) -> Option<String> {
    let SqlExpr::CompoundIdentifier(parts) = part else { return None };
    let [first, second] = parts.as_slice() else { return None };
    Some(format!("{}_{}", spelled(first), spelled(second)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_keep_their_type() {
        let written = |value: ScalarValue| literal(&value).unwrap();
        assert_eq!(written(ScalarValue::Utf8View(Some("O'Neil".into()))), "'O''Neil'");
        assert_eq!(written(ScalarValue::Int64(Some(-1))), "-1");
        assert_eq!(written(ScalarValue::Date32(Some(0))), "arrow_cast('1970-01-01', 'Date32')");
        assert_eq!(
            written(ScalarValue::Decimal128(Some(150), 5, 2)),
            "arrow_cast('1.50', 'Decimal128(5, 2)')"
        );
        assert_eq!(written(ScalarValue::Utf8(None)), "NULL");
        assert_eq!(is_in("a\"b", &[]).unwrap(), "false");
        assert_eq!(is_in("a\"b", &[ScalarValue::Int64(Some(2))]).unwrap(), "\"a\"\"b\" IN (2)");
    }
}
