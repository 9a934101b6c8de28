//! Days moved along the calendar, as version keys of the date dimension, which number them.
//!
//! One function call for each, where expressions over dates would be long: they are planned anew for
//! every question.

use std::sync::Arc;

use arrow::array::{AsArray, Int64Array};
use arrow::datatypes::{DataType, Int64Type};
use chrono::{Datelike, Months, NaiveDate, TimeDelta};
use datafusion::common::{Result, internal_err};
use datafusion::logical_expr::{
    ColumnarValue, Expr, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};

use super::context::{Length, Period};
use super::retail_arithmetic::RetailMove;
use crate::star::RetailRules;

/// How a day is moved.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum DayMove {
    /// By whole months; a day the month does not have becomes its last.
    Months(i32),
    /// By whole years; the last of a month becomes the last of that month too.
    Years(i32),
    /// To the same weekday of the same ISO week a year later; week 53 moves to the last one.
    NextWeekYear,
    /// To the last day of its month.
    EndOfMonth,
    /// To the first day of its period, where fiscal years start in this month, from 1.
    StartOf(Period, u32),
    /// In a retail calendar.
    Retail(RetailRules, RetailMove),
}

/// `move` of `day`; NULL of NULL, and of a day that has no counterpart there.
pub(super) fn moved(day: Expr, by: DayMove) -> Expr {
    DayArithmetic::call(day, Function::Move(by))
}

/// The number of the month of `day`, so that differences count months; of the retail calendar where
/// rules of one are given.
pub(super) fn month_number(day: Expr, retail: Option<RetailRules>) -> Expr {
    DayArithmetic::call(day, Function::MonthNumber(retail))
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Function {
    Move(DayMove),
    MonthNumber(Option<RetailRules>),
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct DayArithmetic {
    function: Function,
    name: String,
    signature: Signature,
}

impl DayArithmetic {
    fn call(day: Expr, function: Function) -> Expr {
        let name = match function {
            Function::MonthNumber(None) => "month_number".to_owned(),
            Function::MonthNumber(Some(_)) => "retail_month_number".to_owned(),
            Function::Move(by) => by.name(),
        };
        let signature = Signature::exact(vec![DataType::Int64], Volatility::Immutable);
        ScalarUDF::from(Self { function, name, signature }).call(vec![day])
    }
}

impl DayMove {
    fn name(self) -> String {
        match self {
            Self::Months(count) => format!("moved_by_{count}_months"),
            Self::Years(count) => format!("moved_by_{count}_years"),
            Self::NextWeekYear => "same_week_next_year".to_owned(),
            Self::EndOfMonth => "end_of_month".to_owned(),
            Self::StartOf(period, _) => format!("start_of_{}", period.level()),
            Self::Retail(_, by) => by.name(),
        }
    }
}

impl ScalarUDFImpl for DayArithmetic {
    fn name(&self) -> &str {
        &self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Int64)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let arrays = ColumnarValue::values_to_arrays(&args.args)?;
        let [days] = arrays.as_slice() else { return internal_err!("`{}` takes a day", self.name) };
        let days = days.as_primitive::<Int64Type>().iter();
        let moved = days.map(|day| day.map_or(Ok(None), |day| self.of_key(day)));
        Ok(ColumnarValue::Array(Arc::new(moved.collect::<Result<Int64Array>>()?)))
    }
}

impl DayArithmetic {
    fn of_key(&self, key: i64) -> Result<Option<i64>> {
        let day = i32::try_from(key).ok().and_then(NaiveDate::from_num_days_from_ce_opt);
        let no_day = || internal_err!("`{}` of the day {key} is no day", self.name);
        let Some(day) = day else { return no_day() };
        match self.function {
            Function::MonthNumber(retail) => Ok(Some(i64::from(number_of_month(day, retail)))),
            Function::Move(DayMove::Retail(rules, by)) => Ok(by.of_day(day, rules).map(key_of)),
            Function::Move(by) => match of_day(day, by) {
                Some(moved) => Ok(Some(key_of(moved))),
                None => no_day(),
            },
        }
    }
}

fn key_of(day: NaiveDate) -> i64 {
    i64::from(day.num_days_from_ce())
}

fn number_of_month(day: NaiveDate, retail: Option<RetailRules>) -> i32 {
    match retail {
        Some(rules) => rules.day(day).month_number(),
        None => day.year() * 12 + day.month0().cast_signed(),
    }
}

fn of_day(day: NaiveDate, by: DayMove) -> Option<NaiveDate> {
    match by {
        DayMove::Months(count) => months_later(day, count),
        DayMove::Years(count) => {
            let moved = months_later(day, 12 * count)?;
            if day == end_of_month(day)? { end_of_month(moved) } else { Some(moved) }
        }
        DayMove::NextWeekYear => {
            let week = day.iso_week();
            // The 28th of December is in the last week of its ISO year.
            let weeks = NaiveDate::from_ymd_opt(week.year(), 12, 28)?.iso_week().week();
            let weeks = if week.week() == 53 { 52 } else { weeks };
            day.checked_add_signed(TimeDelta::weeks(i64::from(weeks)))
        }
        DayMove::EndOfMonth => end_of_month(day),
        DayMove::Retail(rules, by) => by.of_day(day, rules),
        DayMove::StartOf(period, fiscal_year_start) => match period.length() {
            Length::Days(1) => Some(day),
            Length::Days(_) => Some(day.week(chrono::Weekday::Mon).first_day()),
            Length::Months(count) => {
                let count = u32::try_from(count).ok()?;
                let first = if period.is_fiscal() { fiscal_year_start.checked_sub(1)? } else { 0 };
                let into = (day.month0() + 12 - first) % count;
                day.with_day(1)?.checked_sub_months(Months::new(into))
            }
        },
    }
}

fn months_later(day: NaiveDate, count: i32) -> Option<NaiveDate> {
    let months = Months::new(count.unsigned_abs());
    if count < 0 { day.checked_sub_months(months) } else { day.checked_add_months(months) }
}

fn end_of_month(day: NaiveDate) -> Option<NaiveDate> {
    day.with_day(1)?.checked_add_months(Months::new(1))?.pred_opt()
}

#[cfg(test)]
mod tests {
    use chrono::NaiveDate;

    use super::{DayMove, Period, of_day};

    fn moved(day: &str, by: DayMove) -> String {
        let day: NaiveDate = day.parse().unwrap();
        of_day(day, by).unwrap().to_string()
    }

    #[test]
    fn a_day_that_a_month_lacks_becomes_its_last() {
        assert_eq!(moved("2024-01-31", DayMove::Months(1)), "2024-02-29");
        assert_eq!(moved("2024-02-29", DayMove::Months(12)), "2025-02-28");
        assert_eq!(moved("2025-03-01", DayMove::Months(-12)), "2024-03-01");
    }

    #[test]
    fn the_last_of_a_month_stays_one_over_years() {
        assert_eq!(moved("2025-02-28", DayMove::Years(-1)), "2024-02-29");
        assert_eq!(moved("2024-02-28", DayMove::Years(-1)), "2023-02-28");
        assert_eq!(moved("2024-02-29", DayMove::Years(-1)), "2023-02-28");
    }

    #[test]
    fn weeks_keep_their_number_and_weekday() {
        // 2020 had 53 weeks by ISO 8601, 2021 to 2025 have 52.
        assert_eq!(moved("2020-12-31", DayMove::NextWeekYear), "2021-12-30");
        assert_eq!(moved("2020-01-01", DayMove::NextWeekYear), "2021-01-06");
        assert_eq!(moved("2024-12-30", DayMove::NextWeekYear), "2025-12-29");
    }

    #[test]
    fn periods_start_where_the_calendar_and_the_fiscal_year_say() {
        let start = |day, period| moved(day, DayMove::StartOf(period, 4));
        assert_eq!(start("2024-03-31", Period::Quarter), "2024-01-01");
        assert_eq!(start("2024-12-31", Period::Half), "2024-07-01");
        assert_eq!(start("2024-03-31", Period::FiscalYear), "2023-04-01");
        assert_eq!(start("2024-02-01", Period::FiscalQuarter), "2024-01-01");
        assert_eq!(start("2024-01-01", Period::Week), "2024-01-01");
        assert_eq!(start("2023-12-31", Period::Week), "2023-12-25");
        assert_eq!(moved("2024-02-29", DayMove::StartOf(Period::FiscalYear, 2)), "2024-02-01");
    }
}
