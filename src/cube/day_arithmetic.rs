//! Days counted as version keys of the date dimension, and what the civil calendar makes of them.

use arrow::datatypes::DataType;
use datafusion::common::{Result, ScalarValue};
use datafusion::functions::datetime::expr_fn::{date_part, make_date};
use datafusion::logical_expr::{Expr, cast, lit, when};

use crate::integrate::day_key;

/// The first of the days that make up the last `months` months, `end` included.
pub(super) fn months_before(end: Expr, months: i32) -> Expr {
    day_of(plus_months(date_of(end + lit(1_i64)), -months))
}

/// The day `months`, whole years, before `end`; the last of a month is the last of that month too.
pub(super) fn years_before(end: Expr, months: i32) -> Result<Expr> {
    let next = date_part(lit("day"), date_of(end.clone() + lit(1_i64)));
    let last_of_month = months_before(end.clone(), months) - lit(1_i64);
    when(next.eq(lit(1_i32)), last_of_month).otherwise(day_of(plus_months(date_of(end), -months)))
}

/// The same weekday of the same ISO week a year later, of `day` in the week with the key `week`; week
/// 53 moves to the last one.
pub(super) fn week_year_later(day: Expr, week: Expr) -> Result<Expr> {
    let year = cast(week.clone() / lit(100_i64), DataType::Int32);
    // The 28th of December is in the last week of its ISO year.
    let in_last_week = make_date(year, lit(12_i32), lit(28_i32));
    let weeks = cast(date_part(lit("week"), in_last_week), DataType::Int64);
    let is_53rd = (week % lit(100_i64)).eq(lit(53_i64));
    let weeks = when(is_53rd, lit(52_i64)).otherwise(weeks)?;
    Ok(day + weeks * lit(7_i64))
}

/// The date of a version key of the date dimension.
pub(super) fn date_of(day: Expr) -> Expr {
    cast(cast(day - lit(day_key(0)), DataType::Int32), DataType::Date32)
}

/// The version key of a date.
pub(super) fn day_of(date: Expr) -> Expr {
    cast(cast(date, DataType::Int32), DataType::Int64) + lit(day_key(0))
}

/// `date` moved by whole months; a day the month does not have becomes its last.
pub(super) fn plus_months(date: Expr, months: i32) -> Expr {
    date + lit(ScalarValue::IntervalYearMonth(Some(months)))
}

/// How many whole months there are from day `from` to day `to`, which is not before it.
pub(super) fn months_between(from: Expr, to: Expr) -> Result<Expr> {
    let part =
        |name: &str, day: &Expr| cast(date_part(lit(name), date_of(day.clone())), DataType::Int64);
    let months = |day: &Expr| part("year", day) * lit(12_i64) + part("month", day);
    let begun = months(&to) - months(&from);
    when(part("day", &to).lt(part("day", &from)), begun.clone() - lit(1_i64)).otherwise(begun)
}
