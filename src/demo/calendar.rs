//! The three years the company is shown in.

use chrono::{Datelike, Days, Months, NaiveDate, NaiveDateTime};

use super::dice::Dice;

/// Months from January 2023 to December 2025.
pub(super) const MONTH_COUNT: u32 = 36;

/// The first day on record.
pub(super) fn first_day() -> NaiveDate {
    day(2023, 1, 1)
}

/// The last day on record; what would happen later has not happened yet.
pub(super) fn last_day() -> NaiveDate {
    day(2025, 12, 31)
}

/// A date known to exist.
pub(super) fn day(year: i32, month: u32, day: u32) -> NaiveDate {
    NaiveDate::from_ymd_opt(year, month, day).unwrap_or_default()
}

/// The first day of month `index`, counted from January 2023.
pub(super) fn month_start(index: u32) -> NaiveDate {
    first_day().checked_add_months(Months::new(index)).unwrap_or_default()
}

/// The last day of month `index`.
pub(super) fn month_end(index: u32) -> NaiveDate {
    earlier(month_start(index + 1), 1)
}

/// The month of `date`, counted from January 2023; 0 for earlier dates.
pub(super) fn month_index(date: NaiveDate) -> u32 {
    let months = (date.year() - 2023) * 12 + date.month0().cast_signed();
    u32::try_from(months).unwrap_or(0)
}

/// `date` plus a number of days.
pub(super) fn later(date: NaiveDate, days: i64) -> NaiveDate {
    date.checked_add_days(Days::new(days.unsigned_abs())).unwrap_or(date)
}

/// `date` minus a number of days.
pub(super) fn earlier(date: NaiveDate, days: i64) -> NaiveDate {
    date.checked_sub_days(Days::new(days.unsigned_abs())).unwrap_or(date)
}

/// Some day from `from` to `to`; `from` itself when the span is empty.
pub(super) fn day_between(dice: &mut Dice, from: NaiveDate, to: NaiveDate) -> NaiveDate {
    let span = to.signed_duration_since(from).num_days().max(0);
    later(from, dice.between(0, span))
}

/// Some minute of the working day on `date`.
pub(super) fn office_time(dice: &mut Dice, date: NaiveDate) -> NaiveDateTime {
    let minute = dice.between(8 * 60, 18 * 60);
    date.and_hms_opt(0, 0, 0).unwrap_or_default() + chrono::TimeDelta::minutes(minute)
}
