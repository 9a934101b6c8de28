//! The names of calculations: a list, and forms with a length or a level in them.
//!
//! ```text
//! rolling_<n>d  rolling_<n>w  rolling_<n>m  rolling_<n>q  rolling_<n>y
//! moving_average_<n>
//! share_of_<level>
//! ```

use std::borrow::Cow;

use super::calculation::{Calculation, Kind};
use super::context::{Ancestor, Period, Step, TimeWindow};
use super::model::{ColumnKind, FlatColumn};
use super::normal_form::Place;
use crate::declare::nearest;

/// The longest window, in its own unit: a leap year of days.
const LONGEST: u16 = 366;

const OWN: TimeWindow = TimeWindow::Own;
const PRIOR_PERIOD: TimeWindow = TimeWindow::Shifted { by: Step::Period, so_far: false };
const PRIOR_PERIOD_SO_FAR: TimeWindow = TimeWindow::Shifted { by: Step::Period, so_far: true };
const PRIOR_YEAR: TimeWindow = TimeWindow::Shifted { by: Step::Year, so_far: false };
const PRIOR_YEAR_SO_FAR: TimeWindow = TimeWindow::Shifted { by: Step::Year, so_far: true };
const YEAR_TO_DATE: TimeWindow = to_date(Period::Year);
const YEAR_TO_DATE_PRIOR_YEAR: TimeWindow =
    TimeWindow::ToDate { period: Period::Year, years_back: 1 };

const fn to_date(period: Period) -> TimeWindow {
    TimeWindow::ToDate { period, years_back: 0 }
}

const fn calculation(name: &'static str, title: [&'static str; 2], kind: Kind) -> Calculation {
    let [english, chinese] = title;
    let title = [Cow::Borrowed(english), Cow::Borrowed(chinese)];
    Calculation { name: Cow::Borrowed(name), title, kind }
}

/// The calculations with a name of their own, and windows of the usual lengths.
pub static CALCULATIONS: &[Calculation] = &[
    calculation("prior_period", ["prior period", "上期"], Kind::Value(PRIOR_PERIOD)),
    calculation("pop", ["against prior period", "环比增减"], Kind::Difference(OWN, PRIOR_PERIOD)),
    calculation("pop_pct", ["growth on prior period", "环比"], Kind::Rate(OWN, PRIOR_PERIOD)),
    calculation(
        "prior_period_so_far",
        ["prior period so far", "上期同日"],
        Kind::Value(PRIOR_PERIOD_SO_FAR),
    ),
    calculation(
        "pop_so_far_pct",
        ["growth on prior period so far", "同日环比"],
        Kind::Rate(OWN, PRIOR_PERIOD_SO_FAR),
    ),
    calculation("prior_year", ["prior year", "去年同期"], Kind::Value(PRIOR_YEAR)),
    calculation("yoy", ["against prior year", "同比增减"], Kind::Difference(OWN, PRIOR_YEAR)),
    calculation("yoy_pct", ["growth on prior year", "同比"], Kind::Rate(OWN, PRIOR_YEAR)),
    calculation(
        "prior_year_so_far",
        ["prior year so far", "去年同日"],
        Kind::Value(PRIOR_YEAR_SO_FAR),
    ),
    calculation(
        "yoy_so_far_pct",
        ["growth on prior year so far", "同日同比"],
        Kind::Rate(OWN, PRIOR_YEAR_SO_FAR),
    ),
    calculation("wtd", ["week to date", "本周累计"], Kind::Value(to_date(Period::Week))),
    calculation("mtd", ["month to date", "本月累计"], Kind::Value(to_date(Period::Month))),
    calculation("qtd", ["quarter to date", "本季累计"], Kind::Value(to_date(Period::Quarter))),
    calculation("ytd", ["year to date", "本年累计"], Kind::Value(YEAR_TO_DATE)),
    calculation(
        "fqtd",
        ["fiscal quarter to date", "本财季累计"],
        Kind::Value(to_date(Period::FiscalQuarter)),
    ),
    calculation(
        "fytd",
        ["fiscal year to date", "本财年累计"],
        Kind::Value(to_date(Period::FiscalYear)),
    ),
    calculation(
        "ytd_prior_year",
        ["prior year to date", "去年累计"],
        Kind::Value(YEAR_TO_DATE_PRIOR_YEAR),
    ),
    calculation(
        "ytd_yoy",
        ["year to date against prior year", "累计同比增减"],
        Kind::Difference(YEAR_TO_DATE, YEAR_TO_DATE_PRIOR_YEAR),
    ),
    calculation(
        "ytd_yoy_pct",
        ["growth of year to date", "累计同比"],
        Kind::Rate(YEAR_TO_DATE, YEAR_TO_DATE_PRIOR_YEAR),
    ),
    calculation("rolling_7d", ["last 7 days", "近7天"], Kind::Value(TimeWindow::Days(7))),
    calculation("rolling_30d", ["last 30 days", "近30天"], Kind::Value(TimeWindow::Days(30))),
    calculation("rolling_90d", ["last 90 days", "近90天"], Kind::Value(TimeWindow::Days(90))),
    calculation("rolling_3m", ["last 3 months", "近3个月"], Kind::Value(TimeWindow::Months(3))),
    calculation("rolling_6m", ["last 6 months", "近6个月"], Kind::Value(TimeWindow::Months(6))),
    calculation("rolling_12m", ["last 12 months", "近12个月"], Kind::Value(TimeWindow::Months(12))),
    calculation("moving_average_3", ["average of 3 periods", "3期均值"], Kind::MovingAverage(3)),
    calculation("moving_average_7", ["average of 7 periods", "7期均值"], Kind::MovingAverage(7)),
    calculation(
        "moving_average_12",
        ["average of 12 periods", "12期均值"],
        Kind::MovingAverage(12),
    ),
    calculation("running_total", ["running total", "累计"], Kind::Value(TimeWindow::Running)),
    calculation("share_of_total", ["share of total", "占总计比"], Kind::Share(Ancestor::Total)),
    calculation("share_of_parent", ["share of parent", "占上级比"], Kind::Share(Ancestor::Parent)),
    calculation("rank", ["rank", "排名"], Kind::Place(Place::Rank)),
    calculation("pareto_class", ["Pareto class", "帕累托分类"], Kind::Place(Place::ParetoClass)),
];

/// A unit of windows, its words for people, and so many of them as a window.
type Unit = (char, [&'static str; 2], fn(u16) -> TimeWindow);

const UNITS: [Unit; 5] = [
    ('d', ["days", "天"], TimeWindow::Days),
    ('w', ["weeks", "周"], |count| TimeWindow::Days(count * 7)),
    ('m', ["months", "个月"], TimeWindow::Months),
    ('q', ["quarters", "个季度"], |count| TimeWindow::Months(count * 3)),
    ('y', ["years", "年"], |count| TimeWindow::Months(count * 12)),
];

impl Calculation {
    /// The calculation called `name`, if one is; an error says what is wrong with its length.
    fn named(name: &str) -> Result<Option<Self>, String> {
        if let Some(listed) = CALCULATIONS.iter().find(|listed| listed.name == name) {
            return Ok(Some(listed.clone()));
        }
        if let Some(length) = name.strip_prefix("rolling_") {
            return rolling(name, length);
        }
        if let Some(count) = name.strip_prefix("moving_average_") {
            let Some(count) = length(name, count)? else { return Ok(None) };
            let title = [format!("average of {count} periods"), format!("{count}期均值")];
            return Ok(Some(of_form(name, title, Kind::MovingAverage(count))));
        }
        Ok(name.strip_prefix("share_of_").filter(|level| !level.is_empty()).map(share_of))
    }

    /// The measures and calculations that `column` may be made of, or what is wrong there.
    fn split(column: &str) -> impl Iterator<Item = (&str, Result<Self, String>)> {
        column.match_indices('_').filter_map(|(at, _)| {
            let calculation = Self::named(&column[at + 1..]).transpose()?;
            Some((&column[..at], calculation))
        })
    }

    /// Whether `column` may be a calculation of some measure.
    pub(super) fn may_be(column: &str) -> bool {
        Self::split(column).next().is_some()
    }

    /// The measure and the calculation that `column` asks for, or what is wrong with the latter, in a
    /// cube with these measures and `columns` before them.
    pub(super) fn asked<'n>(
        column: &'n str,
        is_measure: impl Fn(&str) -> bool,
        columns: &[FlatColumn],
    ) -> Option<(&'n str, Result<Self, String>)> {
        let of_measures = Self::split(column).filter(|(measure, _)| is_measure(measure));
        // Of `v` and `v_ytd`, `v_ytd_prior_year` is asked of the latter.
        let (measure, found) =
            of_measures.max_by_key(|(measure, found)| (found.is_ok(), measure.len()))?;
        Some((measure, found.and_then(|found| found.with_its_level(columns))))
    }

    /// What `column` was probably meant to be, where it starts like a calculation of one of `measures`,
    /// each with its cube before it, and there is none of its name.
    pub fn meant<'m>(
        column: &str,
        measures: impl IntoIterator<Item = (&'m str, &'m str)>,
    ) -> Option<String> {
        let of = |(cube, measure): (&'m str, &'m str)| {
            Some((cube, measure, column.strip_prefix(measure)?.strip_prefix('_')?))
        };
        let found = measures.into_iter().filter_map(of);
        let (cube, measure, name) = found.max_by_key(|(_, measure, _)| measure.len())?;
        let hint = match nearest(name, CALCULATIONS.iter().map(|known| known.name.as_ref())) {
            Some(near) => format!("did you mean `{measure}_{near}`?"),
            None => format!("`cubes.\"{cube}$calculations\"` lists the usual ones"),
        };
        Some(format!("`{measure}` has no calculation `{name}`; {hint}"))
    }

    /// The level that it is a share of.
    pub(super) fn level(&self) -> Option<&str> {
        match &self.kind {
            Kind::Share(Ancestor::Level(level)) => Some(level),
            _ => None,
        }
    }

    fn with_its_level(self, columns: &[FlatColumn]) -> Result<Self, String> {
        let Some(level) = self.level() else { return Ok(self) };
        let levels = || columns.iter().filter(|column| column.kind == ColumnKind::Level);
        if levels().any(|column| column.name == level) {
            return Ok(self);
        }
        let hint = match nearest(level, levels().map(|column| column.name.as_str())) {
            Some(near) => format!("; did you mean `share_of_{near}`?"),
            None => ", as in share_of_<role>_<level>".to_owned(),
        };
        Err(format!("there is no level `{level}` to take a share of{hint}"))
    }
}

/// The part of the level `level`.
pub(super) fn share_of(level: &str) -> Calculation {
    let title = [format!("share of {level}"), format!("占{level}比")];
    let kind = Kind::Share(Ancestor::Level(level.to_owned()));
    of_form(&format!("share_of_{level}"), title, kind)
}

fn of_form(name: &str, title: [String; 2], kind: Kind) -> Calculation {
    Calculation { name: Cow::Owned(name.to_owned()), title: title.map(Cow::Owned), kind }
}

/// The window `name` over so many of a unit.
fn rolling(name: &str, count: &str) -> Result<Option<Calculation>, String> {
    let of_unit =
        |(unit, words, window): &Unit| Some((count.strip_suffix(*unit)?, *words, *window));
    let Some((count, [english, chinese], window)) = UNITS.iter().find_map(of_unit) else {
        return Ok(None);
    };
    let Some(count) = length(name, count)? else { return Ok(None) };
    let title = [format!("last {count} {english}"), format!("近{count}{chinese}")];
    Ok(Some(of_form(name, title, Kind::Value(window(count)))))
}

/// The length `digits` of the window `name`; `None` where these are no digits.
fn length(name: &str, digits: &str) -> Result<Option<u16>, String> {
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Ok(None);
    }
    match digits.parse() {
        Ok(count @ 1..=LONGEST) if !digits.starts_with('0') => Ok(Some(count)),
        _ => Err(format!("the length of `{name}` is a number from 1 to {LONGEST}")),
    }
}
