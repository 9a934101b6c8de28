//! What a measure computes from fact rows, and what it makes of the results.

use arrow::datatypes::{DECIMAL128_MAX_SCALE, DataType};
use datafusion::common::{Column, Result};
use datafusion::functions::core::expr_fn::{coalesce, nullif};
use datafusion::logical_expr::{Expr, ScalarUDF, cast, lit, when};

use super::conversion::RateConversion;
use super::mean::DecimalMean;
use super::measure::{AggregateDefinition, AggregateKind, OverTime, Spread};
use super::normal_form::{LeafAggregate, fault, leaf, rate};
use super::state::{Edge, FIRST_DAY, Finish, StateFunction, dated_type};
use super::unrated::unless_unrated;
use super::unrated::without_rate;
use crate::star::Currency;

/// What is computed from rows for `measure`: of `input`, or of rows as such, and of the day of each
/// where time plays a part.
pub(super) fn aggregates(
    measure: &AggregateDefinition,
    input: Option<Expr>,
    day: Option<Expr>,
) -> Result<Vec<LeafAggregate>> {
    if let (Some(over_time), Some(day)) = (measure.over_time, &day) {
        let number = match (measure.kind, input) {
            (AggregateKind::Count, Some(input)) => when(input.is_not_null(), lit(1_i64)).end()?,
            (_, Some(input)) => input,
            (_, None) => lit(1_i64),
        };
        return Ok(vec![LeafAggregate::State(over(over_time), vec![day.clone(), number])]);
    }
    let Some(input) = input else { return Ok(vec![LeafAggregate::Rows]) };
    let state = |function, input: Expr| vec![LeafAggregate::State(function, vec![input])];
    let at = |edge, input: Expr| {
        let inputs = day.into_iter().chain([input]).collect();
        vec![LeafAggregate::State(StateFunction::ValueAt(edge), inputs)]
    };
    let double = |input: Expr| cast(input, DataType::Float64);
    Ok(match measure.kind {
        AggregateKind::Sum => vec![LeafAggregate::Sum(input)],
        AggregateKind::Min => vec![LeafAggregate::Min(input)],
        AggregateKind::Max => vec![LeafAggregate::Max(input)],
        AggregateKind::Count => vec![LeafAggregate::Count(input)],
        AggregateKind::Distinct => vec![LeafAggregate::Distinct(input)],
        AggregateKind::Avg => vec![LeafAggregate::Sum(input.clone()), LeafAggregate::Count(input)],
        AggregateKind::ApproximateDistinct => state(StateFunction::DistinctSketch, input),
        AggregateKind::Median | AggregateKind::Quantile(_) => {
            state(StateFunction::QuantileSketch, double(input))
        }
        AggregateKind::Variance(_) | AggregateKind::Deviation(_) => {
            state(StateFunction::Moments, double(input))
        }
        AggregateKind::First => at(Edge::First, input),
        AggregateKind::Last => at(Edge::Last, input),
    })
}

/// The day that counts for `measure`, as an aggregate over all facts of its cell's time; none where
/// the cell's own facts say which days count.
pub(super) fn day_that_counts(
    measure: &AggregateDefinition,
    day: Option<Expr>,
) -> Result<Option<LeafAggregate>> {
    let (Some(over_time), Some(day)) = (measure.over_time, day) else { return Ok(None) };
    // Unknown and not applicable are no days.
    let known = when(day.clone().gt(lit(0_i64)), day).end()?;
    Ok(match over_time {
        OverTime::First => Some(LeafAggregate::Min(known)),
        OverTime::Last => Some(LeafAggregate::Max(known)),
        _ => None,
    })
}

fn over(time: OverTime) -> StateFunction {
    match time {
        OverTime::First | OverTime::FirstNonEmpty => StateFunction::SumAt(Edge::First),
        OverTime::Last | OverTime::LastNonEmpty => StateFunction::SumAt(Edge::Last),
        OverTime::Average | OverTime::Min | OverTime::Max => StateFunction::DaySums,
    }
}

/// What tells of facts that have `amount` and no rate: how many they are, and one of them. Without a
/// known day a fact takes no part where days play one.
pub(super) fn unrated(
    conversion: &RateConversion,
    amount: Expr,
    day: Option<Expr>,
) -> Result<Vec<LeafAggregate>> {
    let of_fact = |column: &str| Expr::Column(Column::new(Some("fact"), column));
    let amount = match day {
        Some(day) => when(day.gt_eq(lit(FIRST_DAY)), amount).end()?,
        None => amount,
    };
    let currency = match &conversion.from {
        Currency::Constant(code) => lit(code.as_str()),
        Currency::Column(column) => of_fact(column),
    };
    let name = conversion.name();
    let mut inputs = vec![amount, rate(&name), fault(&name), currency];
    inputs.extend(conversion.day_column().map(of_fact));
    let fact = without_rate(inputs);
    Ok(vec![LeafAggregate::Count(fact.clone()), LeafAggregate::Min(fact)])
}

/// The type of amounts of type `amount` that rates convert: with the places of a mean of them, and with
/// `places` more where they are shared out.
pub(super) fn rated_type(amount: &DataType, places: i8) -> DataType {
    match DecimalMean::data_type(amount) {
        DataType::Decimal128(digits, scale) => {
            DataType::Decimal128(digits, scale.saturating_add(places).min(DECIMAL128_MAX_SCALE))
        }
        other => other,
    }
}

/// The value of `measure`, which is converted from other amounts, from `value` and its
/// type, and from what [`unrated`] tells in the leaves at `position`.
///
/// Decimals are rounded only here, half away from zero, to the places of `shown`.
pub(super) fn finish_rated(
    measure: &str,
    conversion: &RateConversion,
    (value, data_type): (Expr, DataType),
    shown: DataType,
    position: usize,
) -> Expr {
    let value = match (&data_type, shown) {
        (DataType::Decimal128(_, exact), shown @ DataType::Decimal128(_, places))
            if *exact > places =>
        {
            cast(value, shown)
        }
        _ => value,
    };
    unless_unrated(value, leaf(position), leaf(position + 1), measure, conversion)
}

/// The value of `measure` from its leaves, the first of which has the type `first`.
pub(super) fn finish(measure: &AggregateDefinition, first: &DataType) -> Result<Expr> {
    if let Some(over_time) = measure.over_time {
        return over_days(measure.kind, over_time, first);
    }
    Ok(match measure.kind {
        AggregateKind::Avg => mean(first, leaf(0), leaf(1)),
        AggregateKind::ApproximateDistinct => Finish::DistinctCount.of(leaf(0)),
        AggregateKind::Median => Finish::Quantile.call(vec![leaf(0), lit(0.5)]),
        AggregateKind::Quantile(at) => Finish::Quantile.call(vec![leaf(0), lit(at)]),
        AggregateKind::Variance(Spread::Sample) => Finish::SampleVariance.of(leaf(0)),
        AggregateKind::Variance(Spread::Population) => Finish::PopulationVariance.of(leaf(0)),
        AggregateKind::Deviation(Spread::Sample) => Finish::SampleDeviation.of(leaf(0)),
        AggregateKind::Deviation(Spread::Population) => Finish::PopulationDeviation.of(leaf(0)),
        AggregateKind::First | AggregateKind::Last => Finish::AtEdge.of(leaf(0)),
        AggregateKind::Sum
        | AggregateKind::Min
        | AggregateKind::Max
        | AggregateKind::Count
        | AggregateKind::Distinct => leaf(0),
    })
}

/// The value over all days from a state of type `state`.
fn over_days(kind: AggregateKind, over_time: OverTime, state: &DataType) -> Result<Expr> {
    // As of every count: that of no rows is 0.
    let counted = |sum: Expr| if kind.counts() { coalesce(vec![sum, lit(0_i64)]) } else { sum };
    Ok(match over_time {
        OverTime::FirstNonEmpty | OverTime::LastNonEmpty => counted(Finish::AtEdge.of(leaf(0))),
        OverTime::First | OverTime::Last => {
            let is_that_day = Finish::Edge.of(leaf(0)).eq(leaf(1));
            counted(when(is_that_day, Finish::AtEdge.of(leaf(0))).end()?)
        }
        OverTime::Average => {
            let (total, count) = (Finish::DayTotal.of(leaf(0)), Finish::DayCount.of(leaf(0)));
            mean(dated_type(state)?, total, count)
        }
        OverTime::Min => Finish::LeastDay.of(leaf(0)),
        OverTime::Max => Finish::GreatestDay.of(leaf(0)),
    })
}

/// The mean from a sum of type `sum_type` and a count.
fn mean(sum_type: &DataType, sum: Expr, count: Expr) -> Expr {
    match sum_type {
        DataType::Decimal128(..) => ScalarUDF::from(DecimalMean::new()).call(vec![sum, count]),
        _ => {
            let count = nullif(cast(count, DataType::Float64), lit(0.0));
            cast(sum, DataType::Float64) / count
        }
    }
}
