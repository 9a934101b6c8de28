//! Aggregates that count fact rows by a condition on members of which one may have several.
//!
//! ```text
//! COUNT(CASE WHEN c THEN k END)           rows(c)
//! SUM(CASE WHEN c THEN k END)             k · rows(c)
//! SUM(CASE WHEN c THEN k ELSE e END)      k · rows(c) + e · (rows − rows(c))
//! ```
//!
//! Such members are no values of a row that could be computed with; a row is chosen by them.

use arrow::datatypes::DataType;
use datafusion::common::{Result, ScalarValue};
use datafusion::logical_expr::expr::{AggregateFunction, Case};
use datafusion::logical_expr::{Expr, lit, when};

use super::bound::BoundCube;
use super::bridge::bridges_of;
use super::context::Context;
use super::measure_use::uncast;
use super::normal_form::{Leaf, LeafAggregate, StarQuery, leaf};

/// `call`, of the rows that `filter` keeps, as counts of rows that are added to `query`; `None` where it is
/// no such aggregate.
pub(super) fn counted(
    call: &AggregateFunction,
    filter: Option<&Expr>,
    query: &mut StarQuery,
    bound: &BoundCube,
) -> Result<Option<Expr>> {
    let ([argument], false) = (call.params.args.as_slice(), call.params.distinct) else {
        return Ok(None);
    };
    if bridges_of(argument, bound).is_empty() {
        return Ok(None);
    }
    let Some(choice) = choice_of_numbers(argument) else { return Ok(None) };
    let chosen = match filter {
        Some(filter) => filter.clone().and(choice.condition),
        None => choice.condition,
    };
    let mut rows = |filter: Option<Expr>| {
        let (aggregate, context) = (LeafAggregate::Rows, Context::default());
        let measure = call.func.name().to_owned();
        leaf(query.add_leaf(Leaf { aggregate, filter, context, base: 0, measure }))
    };
    Ok(match (call.func.name(), choice.otherwise) {
        ("count", None) => Some(rows(Some(chosen))),
        ("count", Some(_)) => Some(rows(filter.cloned())),
        ("sum", None) => {
            let met = rows(Some(chosen));
            // A sum of nothing is NULL.
            Some(when(met.clone().gt(lit(0_i64)), met * lit(choice.then)).end()?)
        }
        ("sum", Some(other)) => {
            let (met, all) = (rows(Some(chosen)), rows(filter.cloned()));
            let of_rest = (all.clone() - met.clone()) * lit(other);
            Some(when(all.gt(lit(0_i64)), met * lit(choice.then) + of_rest).end()?)
        }
        _ => None,
    })
}

/// `CASE WHEN condition THEN number ELSE number END`.
struct ChoiceOfNumbers {
    condition: Expr,
    then: i64,
    /// None where it is NULL.
    otherwise: Option<i64>,
}

/// The choice of whole numbers by one condition that `argument` is.
fn choice_of_numbers(argument: &Expr) -> Option<ChoiceOfNumbers> {
    let Expr::Case(Case { expr, when_then_expr, else_expr }) = uncast(argument).0 else {
        return None;
    };
    let [(condition, then)] = when_then_expr.as_slice() else { return None };
    let condition = match expr {
        None => condition.as_ref().clone(),
        Some(base) => base.as_ref().clone().eq(condition.as_ref().clone()),
    };
    let otherwise = match else_expr.as_deref().map(|other| uncast(other).0) {
        None => None,
        Some(Expr::Literal(value, _)) if value.is_null() => None,
        Some(other) => Some(whole_number(other)?),
    };
    Some(ChoiceOfNumbers { condition, then: whole_number(then)?, otherwise })
}

fn whole_number(expr: &Expr) -> Option<i64> {
    match uncast(expr).0 {
        Expr::Literal(value, _) if value.data_type().is_integer() => {
            match value.cast_to(&DataType::Int64).ok()? {
                ScalarValue::Int64(number) => number,
                _ => None,
            }
        }
        _ => None,
    }
}
