//! How members with a history are seen: as they were, as they are, or as they were on a day.
//!
//! A fact holds the key of a version. Read as it was, that version shows it; else another version of
//! the same member does, put in its place by a view of the dimension:
//!
//! ```text
//! Projection   keys of the fact's version, attributes of the one that shows it
//!   Inner Join facts.member_key = shown.member_key
//!     dimension AS facts
//!     Filter   is_current, or the day lies in [valid_from, valid_to)
//!       dimension AS shown
//! ```
//!
//! A member has one version at any time, so that the view has each key once.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use chrono::{NaiveDate, NaiveTime};
use datafusion::catalog::view::ViewTable;
use datafusion::common::{Column, JoinType, Result as PlanResult, ScalarValue};
use datafusion::datasource::provider_as_source;
use datafusion::logical_expr::{Expr, LogicalPlanBuilder, TableSource, lit};
use serde::{Deserialize, Serialize};

use super::sql_text::{literal, quoted};
use crate::error::{Error, Result};
use crate::star::{Dimension, reserved_columns};

// The two uses of the dimension in a view.
const FACTS: &str = "facts";
const SHOWN: &str = "shown";

/// How members with a history are seen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "Written", into = "Written")]
pub enum Reading {
    /// As they were when the fact happened.
    #[default]
    AsWas,
    /// As they are now.
    AsIs,
    /// As they were on a day, at its beginning.
    AsOf(NaiveDate),
}

/// A reading in JSON: `"as_is"`, `"as_was"` or `{"as_of": "2024-06-30"}`.
#[derive(Serialize, Deserialize)]
#[serde(untagged, expecting = "`members` is \"as_was\", \"as_is\" or {\"as_of\": \"2024-06-30\"}")]
enum Written {
    Word(String),
    Day(AsOf),
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct AsOf {
    as_of: String,
}

impl TryFrom<Written> for Reading {
    type Error = String;

    fn try_from(written: Written) -> Result<Self, String> {
        let reading = match written {
            Written::Word(word) => word.parse(),
            Written::Day(day) => Self::as_of(&day.as_of),
        };
        reading.map_err(|error: Error| error.to_string())
    }
}

impl From<Reading> for Written {
    fn from(reading: Reading) -> Self {
        match reading {
            Reading::AsOf(day) => Self::Day(AsOf { as_of: day.to_string() }),
            other => Self::Word(other.to_string()),
        }
    }
}

impl FromStr for Reading {
    type Err = Error;

    /// Reads `as_was`, `as_is` or `as_of_2024-06-30`.
    fn from_str(text: &str) -> Result<Self> {
        match text {
            "as_was" => Ok(Self::AsWas),
            "as_is" => Ok(Self::AsIs),
            other => match other.strip_prefix("as_of_") {
                Some(day) => Self::as_of(day),
                None => Err(Error::invalid_input(format!(
                    "members are seen as_was, as_is or as_of_ a day, as in as_of_2024-06-30; this is \
                     `{other}`"
                ))),
            },
        }
    }
}

impl fmt::Display for Reading {
    /// As [`Self::from_str`] reads it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AsWas => f.write_str("as_was"),
            Self::AsIs => f.write_str("as_is"),
            Self::AsOf(day) => write!(f, "as_of_{day}"),
        }
    }
}

impl Reading {
    /// On `day`, which must lie between the first and the last of which anything is known.
    fn as_of(day: &str) -> Result<Self> {
        let first = NaiveDate::from_ymd_opt(1900, 1, 1).unwrap_or_default();
        let last = NaiveDate::from_ymd_opt(9999, 12, 30).unwrap_or_default();
        let read = NaiveDate::parse_from_str(day, "%Y-%m-%d").ok();
        match read.filter(|read| (first..=last).contains(read) && read.to_string() == day) {
            Some(read) => Ok(Self::AsOf(read)),
            None => Err(Error::invalid_input(format!(
                "`{day}` is no day of 1900-01-01 to 9999-12-30 that members can be seen on; write it \
                 as 2024-06-30"
            ))),
        }
    }

    /// In words, for people.
    pub fn words(self) -> String {
        self.to_string().replace('_', " ")
    }

    /// The rows of `dimension` whose attributes it shows, as a condition in SQL; none where it shows
    /// all.
    pub(super) fn condition(self, dimension: &Dimension) -> Option<String> {
        dimension.history.as_ref()?;
        let [.., from, to, is_current] =
            reserved_columns(&dimension.name).map(|name| quoted(&name));
        match self {
            Self::AsWas => None,
            Self::AsIs => Some(is_current),
            Self::AsOf(day) => {
                let time = literal(&start(day)).ok()?;
                Some(format!("({from} <= {time} AND {time} < {to})"))
            }
        }
    }

    /// The same over columns of `relation`.
    pub(super) fn filter(self, dimension: &Dimension, relation: &str) -> PlanResult<Option<Expr>> {
        let [.., from, to, is_current] = reserved_columns(&dimension.name);
        let of = |name: &str| Expr::Column(Column::new(Some(relation), name));
        Ok(match self {
            Self::AsWas => None,
            Self::AsIs => Some(of(&is_current)),
            Self::AsOf(day) => {
                let time = || lit(start(day));
                Some(of(&from).lt_eq(time()).and(of(&to).gt(time())))
            }
        })
    }

    /// `table`, that of `dimension`, with the attributes that are to be seen.
    pub(super) fn of(
        self,
        dimension: &Dimension,
        table: &Arc<dyn TableSource>,
    ) -> PlanResult<Arc<dyn TableSource>> {
        let filter = match dimension.history {
            Some(_) => self.filter(dimension, SHOWN)?,
            None => None,
        };
        let Some(filter) = filter else { return Ok(Arc::clone(table)) };
        let [key, member, current, ..] = reserved_columns(&dimension.name);
        let scan = |name: &str| LogicalPlanBuilder::scan(name, Arc::clone(table), None);
        let shown = scan(SHOWN)?.filter(filter)?.build()?;
        let on = |relation: &str| vec![Column::new(Some(relation), &member)];
        let own = [&key, &member, &current];
        let schema = table.schema();
        let columns = schema.fields().iter().map(|field| {
            let name = field.name();
            let relation = if own.contains(&name) { FACTS } else { SHOWN };
            Expr::Column(Column::new(Some(relation), name)).alias(name)
        });
        let plan = scan(FACTS)?
            .join(shown, JoinType::Inner, (on(FACTS), on(SHOWN)), None)?
            .project(columns.collect::<Vec<_>>())?
            .build()?;
        Ok(provider_as_source(Arc::new(ViewTable::new(plan, None))))
    }
}

/// The beginning of `day`; to the microsecond, as nanoseconds do not reach the end of time.
fn start(day: NaiveDate) -> ScalarValue {
    let micros = day.and_time(NaiveTime::MIN).and_utc().timestamp_micros();
    ScalarValue::TimestampMicrosecond(Some(micros), None)
}

/// The name of the relation of the cube `cube` in which members are seen as `reading`.
pub(super) fn relation_as(cube: &str, reading: Option<Reading>) -> String {
    match reading {
        Some(reading) => format!("{cube}${reading}"),
        None => cube.to_owned(),
    }
}

/// The name of a relation taken apart: `sales$as_is$detail` is `sales`, as is, with its `$detail`.
#[derive(Clone, Debug, PartialEq)]
pub struct ReadingName<'a> {
    /// The cube.
    pub cube: &'a str,
    /// How members are seen, as written.
    pub reading: &'a str,
    /// Which relation of the cube it is, with the dollar sign in front; empty for the cube itself.
    pub ending: &'a str,
}

impl<'a> ReadingName<'a> {
    /// `name`, if it says how members are seen.
    pub fn of(name: &'a str) -> Option<Self> {
        let (cube, rest) = name.split_once('$')?;
        let end = rest.find('$').unwrap_or(rest.len());
        let (reading, ending) = rest.split_at_checked(end)?;
        reading.starts_with("as_").then_some(Self { cube, reading, ending })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_words_are_read_as_they_are_written() {
        let day = NaiveDate::from_ymd_opt(2024, 6, 30).unwrap();
        for reading in [Reading::AsWas, Reading::AsIs, Reading::AsOf(day)] {
            assert_eq!(reading.to_string().parse::<Reading>().unwrap(), reading);
            let json = serde_json::to_string(&reading).unwrap();
            assert_eq!(serde_json::from_str::<Reading>(&json).unwrap(), reading);
            let name = format!("{}$detail", relation_as("sales", Some(reading)));
            let found = ReadingName::of(&name).unwrap();
            assert_eq!((found.cube, found.ending), ("sales", "$detail"));
            assert_eq!(found.reading.parse::<Reading>().unwrap(), reading);
        }
        assert_eq!(ReadingName::of("sales$detail"), None);
        for wrong in ["as_if", "as_of_2024-6-30", "as_of_2024-02-30", "as_of_1899-12-31", "as_of_"]
        {
            assert!(wrong.parse::<Reading>().is_err(), "{wrong}");
        }
        assert!(serde_json::from_str::<Reading>(r#"{"as_of": "2024-06-31"}"#).is_err());
    }
}
