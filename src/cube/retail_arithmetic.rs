//! Days moved along a retail calendar.
//!
//! A day is the same weekday of the same week of another month. Months have four or five weeks, and
//! the last one of a year with 53 has one more, so a day may be in a week that the other month lacks.

use chrono::{NaiveDate, TimeDelta};

use super::context::Period;
use crate::star::RetailRules;

/// How a day is moved.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum RetailMove {
    /// By whole months.
    Months(i32, Beyond),
    /// By whole months, the last day of one to the last of the other; what is beyond too.
    MonthEnds(i32),
    /// To the last day of its month.
    EndOfMonth,
    /// To the first day of its day, week, month, quarter or year.
    StartOf(Period),
}

/// Where a day goes whose week the other month does not have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Beyond {
    /// To the last day of the month, so that days stay in order.
    LastDay,
    /// To the same weekday of the month's last week.
    LastWeek,
    /// To the first day of the month after.
    NextMonth,
    /// Nowhere.
    Nowhere,
}

impl RetailMove {
    /// What to call it.
    pub(super) fn name(self) -> String {
        match self {
            Self::Months(count, beyond) => {
                format!("moved_by_{count}_retail_months_or_{beyond:?}").to_lowercase()
            }
            Self::MonthEnds(count) => format!("moved_by_{count}_retail_months_with_ends"),
            Self::EndOfMonth => "end_of_retail_month".to_owned(),
            Self::StartOf(period) => format!("start_of_retail_{}", period.level()),
        }
    }

    /// Where it moves `day`; `None` where that has no counterpart.
    pub(super) fn of_day(self, day: NaiveDate, rules: RetailRules) -> Option<NaiveDate> {
        let month = rules.day(day).month_number();
        let end_of = |month: i32| rules.start_of_month(month + 1).pred_opt();
        match self {
            Self::Months(count, beyond) => months_later(day, rules, count, beyond),
            Self::MonthEnds(count) if end_of(month) == Some(day) => end_of(month + count),
            Self::MonthEnds(count) => months_later(day, rules, count, Beyond::LastDay),
            Self::EndOfMonth => end_of(month),
            Self::StartOf(period) => start_of(day, rules, period),
        }
    }
}

fn months_later(
    day: NaiveDate,
    rules: RetailRules,
    count: i32,
    beyond: Beyond,
) -> Option<NaiveDate> {
    let from = rules.day(day).month_number();
    let into = day - rules.start_of_month(from);
    let after = rules.start_of_month(from + count + 1);
    let moved = rules.start_of_month(from + count).checked_add_signed(into)?;
    if moved < after {
        return Some(moved);
    }
    match beyond {
        Beyond::LastDay => after.pred_opt(),
        Beyond::LastWeek => after.checked_sub_signed(TimeDelta::days(7 - into.num_days() % 7)),
        Beyond::NextMonth => Some(after),
        Beyond::Nowhere => None,
    }
}

fn start_of(day: NaiveDate, rules: RetailRules, period: Period) -> Option<NaiveDate> {
    let months = match period {
        Period::Day => return Some(day),
        Period::Week => return Some(day.week(rules.first_day).first_day()),
        Period::Month => 1,
        Period::Quarter => 3,
        Period::Year => 12,
        Period::FiscalQuarter | Period::Half | Period::FiscalYear => return None,
    };
    let month = rules.day(day).month_number();
    Some(rules.start_of_month(month - month.rem_euclid(months)))
}

#[cfg(test)]
mod tests {
    use chrono::NaiveDate;

    use super::{Beyond, Period, RetailMove};
    use crate::star::RetailRules;

    /// In the calendar of the National Retail Federation, whose 2023 has 53 weeks and ends on
    /// 2024-02-03.
    fn moved(day: &str, by: RetailMove) -> Option<String> {
        let day: NaiveDate = day.parse().unwrap();
        by.of_day(day, RetailRules::default()).map(|day| day.to_string())
    }

    #[test]
    fn a_year_later_is_the_same_weekday_of_the_same_week() {
        let year = |day, beyond| moved(day, RetailMove::Months(12, beyond));
        // The first and the last day of the 52 weeks of 2022, and of the 53 of 2023.
        assert_eq!(year("2022-01-30", Beyond::Nowhere).unwrap(), "2023-01-29");
        assert_eq!(year("2023-01-28", Beyond::Nowhere).unwrap(), "2024-01-27");
        assert_eq!(year("2023-01-29", Beyond::Nowhere).unwrap(), "2024-02-04");
        assert_eq!(year("2024-01-27", Beyond::Nowhere).unwrap(), "2025-02-01");
        // A Monday of week 53.
        assert_eq!(year("2024-01-29", Beyond::Nowhere), None);
        assert_eq!(year("2024-01-29", Beyond::LastDay).unwrap(), "2025-02-01");
        assert_eq!(year("2024-01-29", Beyond::LastWeek).unwrap(), "2025-01-27");
        assert_eq!(year("2024-01-29", Beyond::NextMonth).unwrap(), "2025-02-02");
    }

    #[test]
    fn months_of_four_and_five_weeks_are_moved_whole() {
        let month = |day, beyond| moved(day, RetailMove::Months(1, beyond));
        // February 2024 has four weeks from 02-04, March five from 03-03, April four from 04-07.
        assert_eq!(month("2024-02-04", Beyond::LastDay).unwrap(), "2024-03-03");
        assert_eq!(month("2024-03-02", Beyond::LastDay).unwrap(), "2024-03-30");
        assert_eq!(month("2024-03-31", Beyond::LastDay).unwrap(), "2024-05-04");
        assert_eq!(month("2024-03-31", Beyond::LastWeek).unwrap(), "2024-04-28");
        let back = |day| moved(day, RetailMove::Months(-1, Beyond::NextMonth)).unwrap();
        assert_eq!(back("2024-03-31"), "2024-03-03");
        assert_eq!(back("2024-04-07"), "2024-03-03");
    }

    #[test]
    fn the_end_of_a_month_stays_one_over_years() {
        let back = |day| moved(day, RetailMove::MonthEnds(-12)).unwrap();
        assert_eq!(back("2025-02-01"), "2024-02-03");
        assert_eq!(back("2025-01-31"), "2024-01-26");
        assert_eq!(back("2024-02-03"), "2023-01-28");
        assert_eq!(back("2024-01-30"), "2023-01-28");
        assert_eq!(moved("2024-01-01", RetailMove::EndOfMonth).unwrap(), "2024-02-03");
    }

    #[test]
    fn periods_start_with_a_week() {
        let start = |day, period| moved(day, RetailMove::StartOf(period)).unwrap();
        assert_eq!(start("2024-02-03", Period::Week), "2024-01-28");
        assert_eq!(start("2024-02-03", Period::Month), "2023-12-31");
        assert_eq!(start("2024-02-03", Period::Quarter), "2023-10-29");
        assert_eq!(start("2024-02-03", Period::Year), "2023-01-29");
        assert_eq!(start("2024-02-04", Period::Year), "2024-02-04");
        assert_eq!(start("2024-02-04", Period::Day), "2024-02-04");
        assert_eq!(moved("2024-02-04", RetailMove::StartOf(Period::Half)), None);
    }
}
