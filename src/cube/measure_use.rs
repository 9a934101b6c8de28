//! The ways in which tools write a measure inside an aggregate.

use arrow::datatypes::DataType;
use datafusion::common::ScalarValue;
use datafusion::logical_expr::expr::Case;
use datafusion::logical_expr::{Expr, lit};

use super::input::{measure_name, measures_of};

/// What a plain aggregate is applied to, when that is a measure.
pub(super) struct MeasureUse {
    pub name: String,
    /// From `CASE WHEN condition THEN measure END`.
    pub condition: Option<Expr>,
    /// `ELSE 0`, or `COALESCE(measure, 0)`.
    pub zero: Option<Expr>,
    /// The type the query casts the measure to.
    pub cast_to: Option<DataType>,
}

/// The measure `argument` is, possibly cast, under one CASE or with 0 for NULL.
pub(super) fn measure_in(argument: &Expr) -> Option<MeasureUse> {
    let plain = |expr: &Expr| match uncast(expr) {
        (Expr::Column(column), cast_to) => {
            measure_name(column).map(|name| (name.to_owned(), cast_to))
        }
        _ => None,
    };
    if let Some((name, cast_to)) = plain(argument) {
        return Some(MeasureUse { name, condition: None, zero: None, cast_to });
    }
    let (argument, outer_cast) = uncast(argument);
    match argument {
        Expr::Case(Case { expr, when_then_expr, else_expr }) => {
            let ((_, first), _) = when_then_expr.split_first()?;
            let (name, inner_cast) = plain(first)?;
            // Branches that all give the measure are one condition.
            if when_then_expr
                .iter()
                .any(|(_, then)| plain(then).is_none_or(|(other, _)| other != name))
            {
                return None;
            }
            let conditions = when_then_expr.iter().map(|(when, _)| match expr {
                None => when.as_ref().clone(),
                Some(base) => base.as_ref().clone().eq(when.as_ref().clone()),
            });
            let condition = conditions.reduce(Expr::or)?;
            let zero = match else_expr.as_deref().map(|other| uncast(other).0) {
                None => None,
                Some(Expr::Literal(value, _)) if value.is_null() => None,
                Some(other) => Some(zero(other)?),
            };
            let cast_to = outer_cast.or(inner_cast);
            let usable = measures_of(&condition).is_empty();
            usable.then_some(MeasureUse { name, condition: Some(condition), zero, cast_to })
        }
        Expr::ScalarFunction(call) if call.func.name() == "coalesce" => {
            let [measure, other] = call.args.as_slice() else { return None };
            let zero = Some(zero(uncast(other).0)?);
            let (name, inner_cast) = plain(measure)?;
            Some(MeasureUse { name, condition: None, zero, cast_to: outer_cast.or(inner_cast) })
        }
        _ => None,
    }
}

/// Whether `argument` is like `CASE WHEN condition THEN 1 ELSE 0 END`: SUM of it counts rows.
pub(super) fn is_choice_of_constants(argument: &Expr) -> bool {
    let Expr::Case(case) = uncast(argument).0 else { return false };
    let results = case.when_then_expr.iter().map(|(_, then)| then).chain(&case.else_expr);
    results.into_iter().all(|result| matches!(uncast(result).0, Expr::Literal(..)))
}

/// `expr` without casts and aliases, and the type of the outermost cast.
pub(super) fn uncast(mut expr: &Expr) -> (&Expr, Option<DataType>) {
    let mut outermost = None;
    loop {
        expr = match expr {
            Expr::Cast(cast) => {
                outermost.get_or_insert_with(|| cast.field.data_type().clone());
                &cast.expr
            }
            Expr::TryCast(cast) => {
                outermost.get_or_insert_with(|| cast.field.data_type().clone());
                &cast.expr
            }
            Expr::Alias(alias) => &alias.expr,
            other => return (other, outermost),
        };
    }
}

/// `expr` when it is the number 0.
fn zero(expr: &Expr) -> Option<Expr> {
    let Expr::Literal(value, _) = expr else { return None };
    let as_number = value.cast_to(&DataType::Float64).ok()?;
    (as_number == ScalarValue::Float64(Some(0.0))).then(|| lit(0_i64))
}
