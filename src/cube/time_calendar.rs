//! The calendar in which calculations over time count: of civil months and years, or of retail ones.

use std::collections::BTreeSet;

use datafusion::logical_expr::{Expr, lit};

use super::context::{Length, Period};
use super::day_arithmetic::{DayMove, month_number, moved};
use super::retail_arithmetic::{Beyond, RetailMove};
use crate::star::{CalendarRules, RETAIL, RetailRules};

/// How weeks, months, quarters and years are counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TimeCalendar {
    /// As everybody does; fiscal years start in this month, from 1.
    Civil { fiscal_year_start: u32 },
    /// In years of whole weeks.
    Retail(RetailRules),
}

impl TimeCalendar {
    /// The one that a question over these `levels` counts in.
    ///
    /// One over levels of both counts in none; what needs no calendar is as in a civil one there.
    pub(super) fn of(rules: CalendarRules, levels: &BTreeSet<String>) -> Self {
        match rules.retail {
            Some(retail) if retail_level(levels).is_some() && civil_level(levels).is_none() => {
                Self::Retail(retail)
            }
            _ => Self::Civil { fiscal_year_start: rules.fiscal_year_start },
        }
    }

    /// The first day of the `period` that `day` is in.
    pub(super) fn start_of(self, period: Period, day: Expr) -> Expr {
        moved(
            day,
            match self {
                Self::Civil { fiscal_year_start } => DayMove::StartOf(period, fiscal_year_start),
                Self::Retail(rules) => DayMove::Retail(rules, RetailMove::StartOf(period)),
            },
        )
    }

    /// The last day of the month that `day` is in.
    pub(super) fn end_of_month(self, day: Expr) -> Expr {
        moved(
            day,
            match self {
                Self::Civil { .. } => DayMove::EndOfMonth,
                Self::Retail(rules) => DayMove::Retail(rules, RetailMove::EndOfMonth),
            },
        )
    }

    /// `day` one period of this length later.
    pub(super) fn later(self, day: Expr, length: Length, beyond: Beyond) -> Expr {
        match (length, self) {
            (Length::Days(count), _) => day + lit(count),
            (Length::Months(count), Self::Civil { .. }) => moved(day, DayMove::Months(count)),
            (Length::Months(count), Self::Retail(rules)) => {
                moved(day, DayMove::Retail(rules, RetailMove::Months(count, beyond)))
            }
        }
    }

    /// `day`, on which something ends, so many years earlier: the end of a month becomes one too,
    /// unless it is the end of a week that is spoken of.
    pub(super) fn years_back(self, day: Expr, years: u8, is_of_weeks: bool) -> Expr {
        let months = -12 * i32::from(years);
        let by = match self {
            Self::Civil { .. } => DayMove::Years(-i32::from(years)),
            Self::Retail(rules) if is_of_weeks => {
                DayMove::Retail(rules, RetailMove::Months(months, Beyond::LastDay))
            }
            Self::Retail(rules) => DayMove::Retail(rules, RetailMove::MonthEnds(months)),
        };
        moved(day, by)
    }

    /// The first day of a window of so many months before the day `after`, on which it has ended.
    pub(super) fn months_before(self, after: Expr, months: i32) -> Expr {
        self.later(after, Length::Months(-months), Beyond::NextMonth)
    }

    /// How many months there are from the start of one to the start of another.
    pub(super) fn months_between(self, from: Expr, to: Expr) -> Expr {
        let rules = match self {
            Self::Civil { .. } => None,
            Self::Retail(rules) => Some(rules),
        };
        month_number(to, rules) - month_number(from, rules)
    }
}

/// The finest period among `levels`, in whichever calendar.
pub(super) fn finest_of(levels: &BTreeSet<String>) -> Option<Period> {
    let period = |level: &String| {
        let of_retail = level.strip_prefix(RETAIL).and_then(|level| level.strip_prefix('_'));
        Period::of_level(of_retail.unwrap_or(level))
    };
    levels.iter().filter_map(period).min()
}

/// A level of the retail calendar.
pub(super) fn retail_level(levels: &BTreeSet<String>) -> Option<&String> {
    levels.iter().find(|level| level.starts_with(RETAIL))
}

/// A level whose periods the retail calendar does not have.
pub(super) fn civil_level(levels: &BTreeSet<String>) -> Option<&String> {
    levels.iter().find(|level| Period::of_level(level).is_some_and(|period| period != Period::Day))
}
