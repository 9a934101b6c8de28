//! The retail calendar: years of whole weeks, in quarters of 13 weeks each.

use chrono::{Datelike, NaiveDate, Weekday};

/// How a retail calendar counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct RetailRules {
    /// The weeks of the three months of every quarter.
    pub pattern: [u32; 3],
    /// The day on which weeks, and so years, start.
    pub first_day: Weekday,
    /// Month and day: the year starts on the first day of a week that is nearest to it.
    pub near: (u32, u32),
}

impl Default for RetailRules {
    /// That of the National Retail Federation.
    fn default() -> Self {
        Self { pattern: [4, 5, 4], first_day: Weekday::Sun, near: (2, 1) }
    }
}

/// Where a day stands in a retail calendar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RetailDay {
    /// Named after the calendar year of the day it starts near to.
    pub year: i32,
    /// 1 to 4.
    pub quarter: u32,
    /// 1 to 12.
    pub month: u32,
    /// 1 to 52, or to 53 in a year that needs another week to end where the next one starts.
    pub week: u32,
}

impl RetailRules {
    /// The first day of `year`.
    pub fn start_of(&self, year: i32) -> NaiveDate {
        let (month, day) = self.near;
        let near = NaiveDate::from_ymd_opt(year, month, day).unwrap_or_default();
        let after = near.weekday().days_since(self.first_day);
        let days = i64::from(after);
        let moved = if after <= 3 { -days } else { 7 - days };
        near + chrono::Duration::days(moved)
    }

    /// The first day of the month with this number, as [`RetailDay::month_number`] counts.
    pub fn start_of_month(&self, number: i32) -> NaiveDate {
        let month = number.rem_euclid(12);
        let [first, second, _] = self.pattern.map(i64::from);
        let weeks = i64::from(month / 3) * 13 + [0, first, first + second][month as usize % 3];
        self.start_of(number.div_euclid(12)) + chrono::Duration::weeks(weeks)
    }

    /// Where `date` stands.
    pub fn day(&self, date: NaiveDate) -> RetailDay {
        let mut year = date.year() + 1;
        while self.start_of(year) > date {
            year -= 1;
        }
        let days = (date - self.start_of(year)).num_days();
        let week = u32::try_from(days / 7).unwrap_or_default();
        // A 53rd week belongs to the last month.
        let quarter = (week / 13).min(3);
        let in_quarter = week - quarter * 13;
        let [first, second, _] = self.pattern;
        let month = match in_quarter {
            week if week < first => 0,
            week if week < first + second => 1,
            _ => 2,
        };
        RetailDay { year, quarter: quarter + 1, month: quarter * 3 + month + 1, week: week + 1 }
    }
}

impl RetailDay {
    /// Its month, counted from the first of the year 0 on.
    pub fn month_number(&self) -> i32 {
        self.year * 12 + self.month.cast_signed() - 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn date(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    /// The first days of the years of the National Retail Federation, as it publishes them.
    #[test]
    fn years_start_where_the_federation_says() {
        let published = [
            (2012, "2012-01-29"),
            (2013, "2013-02-03"),
            (2017, "2017-01-29"),
            (2018, "2018-02-04"),
            (2019, "2019-02-03"),
            (2020, "2020-02-02"),
            (2021, "2021-01-31"),
            (2022, "2022-01-30"),
            (2023, "2023-01-29"),
            (2024, "2024-02-04"),
            (2025, "2025-02-02"),
            (2026, "2026-02-01"),
        ];
        let rules = RetailRules::default();
        for (year, start) in published {
            assert_eq!(rules.start_of(year), date(start));
        }
    }

    /// 2023 has 53 weeks; its months are those of the published 4-5-4 calendar.
    #[test]
    fn months_of_the_year_with_53_weeks() {
        let rules = RetailRules::default();
        let months = [
            ("2023-01-29", "2023-02-25"),
            ("2023-02-26", "2023-04-01"),
            ("2023-04-02", "2023-04-29"),
            ("2023-04-30", "2023-05-27"),
            ("2023-05-28", "2023-07-01"),
            ("2023-07-02", "2023-07-29"),
            ("2023-07-30", "2023-08-26"),
            ("2023-08-27", "2023-09-30"),
            ("2023-10-01", "2023-10-28"),
            ("2023-10-29", "2023-11-25"),
            ("2023-11-26", "2023-12-30"),
            ("2023-12-31", "2024-02-03"),
        ];
        for (month, (first, last)) in (1..).zip(months) {
            for day in [date(first), date(last)] {
                let found = rules.day(day);
                assert_eq!((found.year, found.month), (2023, month), "{day}");
                assert_eq!(found.quarter, (month - 1) / 3 + 1);
            }
        }
        assert_eq!(rules.day(date("2024-01-28")).week, 53);
        assert_eq!(rules.day(date("2024-01-27")).week, 52);
        assert_eq!(
            rules.day(date("2024-02-04")),
            RetailDay { year: 2024, quarter: 1, month: 1, week: 1 }
        );
    }

    #[test]
    fn other_patterns_and_other_starts() {
        let rules = RetailRules { pattern: [4, 4, 5], first_day: Weekday::Mon, near: (1, 1) };
        // The Monday nearest to 2025-01-01, a Wednesday, is in the year before.
        assert_eq!(rules.start_of(2025), date("2024-12-30"));
        assert_eq!(rules.day(date("2024-12-30")).year, 2025);
        assert_eq!(
            rules.day(date("2024-12-29")),
            RetailDay { year: 2024, quarter: 4, month: 12, week: 52 }
        );
        // Weeks 1-4, 5-8 and 9-13.
        let month =
            |week: i64| rules.day(date("2024-12-30") + chrono::Duration::weeks(week - 1)).month;
        assert_eq!([1, 4, 5, 8, 9, 13, 14, 52].map(month), [1, 1, 2, 2, 3, 3, 4, 12]);
        let rules = RetailRules { pattern: [5, 4, 4], ..rules };
        let month =
            |week: i64| rules.day(date("2024-12-30") + chrono::Duration::weeks(week - 1)).month;
        assert_eq!([5, 6, 9, 10, 13].map(month), [1, 2, 2, 3, 3]);
    }

    #[test]
    fn months_start_on_their_first_days() {
        for pattern in [[4, 4, 5], [4, 5, 4], [5, 4, 4]] {
            let rules = RetailRules { pattern, ..RetailRules::default() };
            for number in 2020 * 12..2027 * 12 {
                let start = rules.start_of_month(number);
                assert_eq!(rules.day(start).month_number(), number);
                assert_eq!(rules.day(start.pred_opt().unwrap()).month_number(), number - 1);
            }
        }
    }
}
