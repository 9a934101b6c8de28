//! The rows of the generated `date` dimension.

use std::sync::Arc;

use arrow::array::{ArrayRef, Date32Array, Int64Array, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema};
use chrono::{Datelike, NaiveDate};

use crate::error::Result;
use crate::star::{
    CalendarRules, NOT_APPLICABLE, NOT_APPLICABLE_KEY, RetailDay, UNKNOWN, UNKNOWN_KEY,
};

/// Days of 1970-01-01 since 0001-01-01, counting that day as 1: what `chrono` calls `num_days_from_ce`.
const EPOCH_DAY: i64 = 719_163;

/// The version key of a day given in days since 1970: dense, positive, and known without a look-up.
pub fn day_key(days_since_1970: i32) -> i64 {
    i64::from(days_since_1970) + EPOCH_DAY
}

/// The days a warehouse holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DayRange {
    /// In days since 1970.
    pub first: i32,
    /// In days since 1970, included.
    pub last: i32,
}

impl DayRange {
    /// What no real business date lies outside of: 1900-01-01 to 2199-12-31.
    pub const PLAUSIBLE: Self = Self { first: -25_567, last: 84_005 };

    /// The days from `first` to `last`.
    pub fn of_days(first: NaiveDate, last: NaiveDate) -> Self {
        let days = |day: NaiveDate| {
            i32::try_from(i64::from(day.num_days_from_ce()) - EPOCH_DAY).unwrap_or_default()
        };
        Self { first: days(first), last: days(last) }
    }

    /// The smallest range that holds both.
    #[must_use]
    pub fn union(self, other: Self) -> Self {
        Self { first: self.first.min(other.first), last: self.last.max(other.last) }
    }

    /// Whether `day` lies in it.
    pub fn contains(self, day: i32) -> bool {
        (self.first..=self.last).contains(&day)
    }

    /// Extended to whole calendar years.
    #[must_use]
    pub fn whole_years(self) -> Self {
        let year = |day| date(day).map_or(1970, |date| date.year());
        let first = NaiveDate::from_ymd_opt(year(self.first), 1, 1).unwrap_or_default();
        let last = NaiveDate::from_ymd_opt(year(self.last), 12, 31).unwrap_or_default();
        Self::of_days(first, last)
    }

    /// Extended to whole years of the retail calendar too, where there is one: a year that ended with
    /// the civil one could not be compared whole.
    #[must_use]
    pub fn whole_retail_years(self, rules: CalendarRules) -> Self {
        let (Some(retail), Some(first), Some(last)) =
            (rules.retail, date(self.first), date(self.last))
        else {
            return self;
        };
        let next = retail.start_of(retail.day(last).year + 1);
        let last = next.pred_opt().unwrap_or(last);
        Self::of_days(retail.start_of(retail.day(first).year), last)
    }
}

fn date(days_since_1970: i32) -> Option<NaiveDate> {
    NaiveDate::from_num_days_from_ce_opt(i32::try_from(day_key(days_since_1970)).ok()?)
}

/// A level's key and caption on a day.
type Member = (i64, String);

/// One row per day of `days`, and the members unknown and not applicable.
pub fn calendar_rows(days: Option<DayRange>, rules: CalendarRules) -> Result<RecordBatch> {
    let range = days.map_or(0..0, |days| days.first..days.last + 1);
    let dates: Vec<NaiveDate> = range.filter_map(date).collect();
    let special = [(UNKNOWN_KEY, UNKNOWN), (NOT_APPLICABLE_KEY, NOT_APPLICABLE)];
    let keys = special.iter().map(|(key, _)| *key);
    let keys = keys.chain(dates.iter().map(|date| i64::from(date.num_days_from_ce())));
    let days = special.iter().map(|_| None).chain(
        dates.iter().map(|date| i32::try_from(i64::from(date.num_days_from_ce()) - EPOCH_DAY).ok()),
    );
    let mut fields = vec![
        Field::new("date_key", DataType::Int64, false),
        Field::new("date", DataType::Date32, true),
    ];
    let mut columns: Vec<ArrayRef> =
        vec![Arc::new(keys.collect::<Int64Array>()), Arc::new(days.collect::<Date32Array>())];
    for (name, member) in levels(rules) {
        let members: Vec<Member> = special
            .iter()
            .map(|(key, caption)| (*key, (*caption).to_owned()))
            .chain(dates.iter().map(|date| member(*date, rules)))
            .collect();
        fields.push(Field::new(format!("{name}_key"), DataType::Int64, false));
        fields.push(Field::new(format!("{name}_caption"), DataType::Utf8, false));
        columns.push(Arc::new(members.iter().map(|(key, _)| *key).collect::<Int64Array>()));
        let captions = StringArray::from_iter_values(members.iter().map(|(_, caption)| caption));
        columns.push(Arc::new(captions));
    }
    Ok(RecordBatch::try_new(Arc::new(Schema::new(fields)), columns)?)
}

type MemberOf = fn(NaiveDate, CalendarRules) -> Member;

/// In the order of `star::calendar_dimension`.
fn levels(rules: CalendarRules) -> Vec<(&'static str, MemberOf)> {
    let retail = rules.retail.map(|_| retail_levels()).into_iter().flatten();
    civil_levels().into_iter().chain(retail).collect()
}

fn retail_levels() -> [(&'static str, MemberOf); 4] {
    [
        ("retail_year", |date, rules| {
            let year = retail(date, rules).year;
            (i64::from(year), format!("RY{year}"))
        }),
        ("retail_quarter", |date, rules| {
            let RetailDay { year, quarter, .. } = retail(date, rules);
            (i64::from(year) * 10 + i64::from(quarter), format!("RY{year}-Q{quarter}"))
        }),
        ("retail_month", |date, rules| {
            let RetailDay { year, month, .. } = retail(date, rules);
            (i64::from(year) * 100 + i64::from(month), format!("RY{year}-M{month:02}"))
        }),
        ("retail_week", |date, rules| {
            let RetailDay { year, week, .. } = retail(date, rules);
            (i64::from(year) * 100 + i64::from(week), format!("RY{year}-W{week:02}"))
        }),
    ]
}

fn retail(date: NaiveDate, rules: CalendarRules) -> RetailDay {
    rules.retail.unwrap_or_default().day(date)
}

fn civil_levels() -> [(&'static str, MemberOf); 9] {
    [
        ("year", |date, _| (i64::from(date.year()), date.year().to_string())),
        ("half", |date, _| part(date.year(), date.month0() / 6 + 1, "H")),
        ("quarter", |date, _| part(date.year(), date.month0() / 3 + 1, "Q")),
        ("month", |date, _| {
            let key = i64::from(date.year()) * 100 + i64::from(date.month());
            (key, format!("{:04}-{:02}", date.year(), date.month()))
        }),
        ("week", |date, _| {
            let week = date.iso_week();
            let key = i64::from(week.year()) * 100 + i64::from(week.week());
            (key, format!("{:04}-W{:02}", week.year(), week.week()))
        }),
        ("day", |date, _| {
            let month = i64::from(date.year()) * 100 + i64::from(date.month());
            (month * 100 + i64::from(date.day()), date.to_string())
        }),
        ("fiscal_year", |date, rules| {
            let (year, _) = fiscal(date, rules);
            (i64::from(year), format!("FY{year}"))
        }),
        ("fiscal_quarter", |date, rules| {
            let (year, month) = fiscal(date, rules);
            let quarter = month / 3 + 1;
            (i64::from(year) * 10 + i64::from(quarter), format!("FY{year}-Q{quarter}"))
        }),
        ("weekday", |date, _| {
            let name = date.format("%A").to_string();
            (i64::from(date.weekday().number_from_monday()), name)
        }),
    ]
}

fn part(year: i32, number: u32, letter: &str) -> Member {
    (i64::from(year) * 10 + i64::from(number), format!("{year}-{letter}{number}"))
}

/// The fiscal year, named after the calendar year it ends in, and the month in it from 0.
fn fiscal(date: NaiveDate, rules: CalendarRules) -> (i32, u32) {
    let start = rules.fiscal_year_start;
    let later = start > 1 && date.month() >= start;
    (date.year() + i32::from(later), (date.month() + 12 - start) % 12)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::star::RetailRules;
    use arrow::array::AsArray;
    use arrow::datatypes::Int64Type;

    #[test]
    fn weeks_and_fiscal_years_cross_the_turn_of_the_year() {
        let day = NaiveDate::from_ymd_opt(2024, 12, 30).unwrap();
        let days = DayRange::of_days(day, day);
        let rows = calendar_rows(Some(days), CalendarRules { fiscal_year_start: 4, retail: None })
            .unwrap();
        assert_eq!(rows.num_rows(), 3);
        let text = |name: &str| rows.column_by_name(name).unwrap().as_string::<i32>().value(2);
        assert_eq!(text("week_caption"), "2025-W01");
        assert_eq!(text("fiscal_year_caption"), "FY2025");
        assert_eq!(text("fiscal_quarter_caption"), "FY2025-Q3");
        assert_eq!(text("half_caption"), "2024-H2");
        assert_eq!(text("weekday_caption"), "Monday");
        let keys = rows.column(0).as_primitive::<Int64Type>();
        assert_eq!(keys.value(2), day_key(days.first));
        assert_eq!(days.whole_years().last - days.whole_years().first, 365);
    }

    #[test]
    fn retail_years_are_whole() {
        let day = |text: &str| text.parse::<NaiveDate>().unwrap();
        let years = DayRange::of_days(day("2023-01-01"), day("2024-12-31"));
        assert_eq!(years.whole_retail_years(CalendarRules::default()), years);
        let retail = CalendarRules { retail: Some(RetailRules::default()), ..Default::default() };
        let whole = years.whole_retail_years(retail);
        assert_eq!(whole, DayRange::of_days(day("2022-01-30"), day("2025-02-01")));
        assert_eq!(whole.whole_retail_years(retail), whole);
    }

    #[test]
    fn rows_follow_the_declared_columns() {
        let retail = CalendarRules { retail: Some(RetailRules::default()), ..Default::default() };
        for rules in [CalendarRules::default(), retail] {
            let rows = calendar_rows(None, rules).unwrap();
            let declared = crate::star::calendar_dimension(rules).attributes;
            let schema = rows.schema();
            let names: Vec<&str> =
                schema.fields().iter().skip(1).map(|field| field.name().as_str()).collect();
            assert_eq!(names, declared);
        }
    }

    #[test]
    fn plausible_days_are_three_centuries() {
        let first = NaiveDate::from_ymd_opt(1900, 1, 1).unwrap();
        let last = NaiveDate::from_ymd_opt(2199, 12, 31).unwrap();
        assert_eq!(DayRange::of_days(first, last), DayRange::PLAUSIBLE);
    }
}
