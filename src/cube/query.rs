//! A question of levels and measures, as programs and the report page ask it.

use serde::{Deserialize, Serialize};

use super::calculation::Calculation;
use super::calculation_names::CALCULATIONS;
use super::model::Cube;
use super::named_set::NamedSet;
use super::reading::Reading;
use crate::declare::nearest;
use crate::error::{Error, ErrorKind, Result};

/// Levels on two axes, measures in the cells.
///
/// Levels are named as in the relation (`date_month`) or with a dot (`date.month`). On an axis a
/// named set of the cube stands for its level with no other members.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CubeQuery {
    /// The cube's name.
    pub cube: String,
    /// Levels or named sets down the side.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rows: Vec<String>,
    /// Levels or named sets across the top.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub columns: Vec<String>,
    /// Measures and calculations in the cells.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub measures: Vec<String>,
    /// Conditions that every fact row must meet.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub filters: Vec<Filter>,
    /// Members drilled into: like filters, but rolling up again takes them away.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub drilled: Vec<Drilled>,
    /// Levels of which only the leading members count or are told apart.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub top: Vec<Top>,
    /// Conditions on measures that a row must meet in its total to be shown.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub having: Vec<String>,
    /// Order of the rows; that of the levels themselves when empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sort: Vec<Sort>,
    /// At most this many rows, totals not counted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<usize>,
    /// Adds the total of every row, of every column, and of all.
    #[serde(default, skip_serializing_if = "is_false")]
    pub totals: bool,
    /// How members with a history are seen; as the cube declares when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub members: Option<Reading>,
    /// The epoch to read; the newest when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub epoch: Option<u64>,
    /// Read the newest epoch there was at this time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub as_of: Option<String>,
}

/// A condition of a [`CubeQuery`] on fact rows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "FilterFields", into = "FilterFields")]
pub enum Filter {
    /// SQL over level columns.
    Sql(String),
    /// The level's member is one of these captions, in any locale.
    Members {
        /// The level.
        level: String,
        /// Captions.
        members: Vec<String>,
    },
    /// The level's member is one of these keys.
    Keys {
        /// The level.
        level: String,
        /// Keys as texts.
        keys: Vec<String>,
    },
    /// The level's member lies between two, both included, in the order of the level.
    Range {
        /// The level.
        level: String,
        /// The caption of the first; open when absent.
        from: Option<String>,
        /// The caption of the last; open when absent.
        to: Option<String>,
    },
    /// The member is in this named set of the cube.
    Set(String),
}

/// A member that was drilled into.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Drilled {
    /// The level of the member.
    pub level: String,
    /// The member's caption.
    pub member: String,
    /// The finer level that was shown for it.
    pub to: String,
}

/// The leading members of a level by a measure, all filters applied.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Top {
    /// The level.
    pub level: String,
    /// How many members.
    pub n: usize,
    /// The measure or calculation they lead in; members for which it is NULL do not take part.
    pub by: String,
    /// Takes the members with the least values instead.
    #[serde(default, skip_serializing_if = "is_false")]
    pub least: bool,
    /// The caption of one row for all other members; without it they are left out.
    #[serde(default, deserialize_with = "others", skip_serializing_if = "Option::is_none")]
    pub others: Option<String>,
}

/// The caption of the other members when none is chosen.
pub const OTHERS: &str = "(others)";

/// One step of an order; as a text a minus in front means descending.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub struct Sort {
    /// A row level or a measure; a measure orders by the total of the row.
    pub by: String,
    /// Greatest first.
    pub descending: bool,
}

impl From<String> for Sort {
    fn from(text: String) -> Self {
        match text.strip_prefix('-') {
            Some(by) => Self { by: by.to_owned(), descending: true },
            None => Self { by: text, descending: false },
        }
    }
}

impl From<Sort> for String {
    fn from(sort: Sort) -> Self {
        if sort.descending { format!("-{}", sort.by) } else { sort.by }
    }
}

impl CubeQuery {
    /// Reads a query from JSON; a key that is not known is refused.
    pub fn from_json(text: &str) -> Result<Self> {
        serde_json::from_str(text).map_err(|error| {
            let said = error.to_string();
            let hint = match said.strip_prefix("unknown field `") {
                // Then come the wrong key and all that there are, each in backquotes.
                Some(_) => {
                    let names: Vec<&str> = said.split('`').skip(1).step_by(2).collect();
                    let (wrong, known) = names.split_first().unwrap_or((&"", &[]));
                    nearest(wrong, known.iter().copied())
                        .map(|near| format!("; did you mean `{near}`?"))
                }
                None => None,
            };
            let hint = hint.unwrap_or_default();
            Error::invalid_input(format!("this is not a cube query in JSON: {said}{hint}"))
        })
    }

    /// The query as JSON that [`Self::from_json`] reads.
    pub fn to_json(&self) -> Result<String> {
        serde_json::to_string_pretty(self)
            .map_err(|error| Error::internal("writing a query as JSON").because(error))
    }
}

/// The keys a filter is written with.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct FilterFields {
    #[serde(skip_serializing_if = "Option::is_none")]
    sql: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    set: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    level: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    members: Option<Vec<MemberName>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    keys: Option<Vec<MemberName>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    from: Option<MemberName>,
    #[serde(skip_serializing_if = "Option::is_none")]
    to: Option<MemberName>,
}

/// A caption or key, which may be written as a number.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(untagged, expecting = "a member is a text or a whole number")]
enum MemberName {
    Text(String),
    Number(i64),
}

impl From<MemberName> for String {
    fn from(name: MemberName) -> Self {
        match name {
            MemberName::Text(text) => text,
            MemberName::Number(number) => number.to_string(),
        }
    }
}

impl TryFrom<FilterFields> for Filter {
    type Error = &'static str;

    fn try_from(fields: FilterFields) -> Result<Self, Self::Error> {
        let texts = |names: Vec<MemberName>| names.into_iter().map(String::from).collect();
        let FilterFields { sql, set, level, members, keys, from, to } = fields;
        Ok(match (sql, set, level, members, keys, from, to) {
            (Some(sql), None, None, None, None, None, None) => Self::Sql(sql),
            (None, Some(set), None, None, None, None, None) => Self::Set(set),
            (None, None, Some(level), Some(members), None, None, None) => {
                Self::Members { level, members: texts(members) }
            }
            (None, None, Some(level), None, Some(keys), None, None) => {
                Self::Keys { level, keys: texts(keys) }
            }
            (None, None, Some(level), None, None, from, to) if from.is_some() || to.is_some() => {
                Self::Range { level, from: from.map(String::from), to: to.map(String::from) }
            }
            _ => {
                return Err(
                    "a filter is one of {sql}, {set}, {level, members}, {level, keys} and \
                     {level, from, to}",
                );
            }
        })
    }
}

impl From<Filter> for FilterFields {
    fn from(filter: Filter) -> Self {
        let texts = |names: Vec<String>| Some(names.into_iter().map(MemberName::Text).collect());
        let none = Self::default();
        match filter {
            Filter::Sql(sql) => Self { sql: Some(sql), ..none },
            Filter::Set(set) => Self { set: Some(set), ..none },
            Filter::Members { level, members } => {
                Self { level: Some(level), members: texts(members), ..none }
            }
            Filter::Keys { level, keys } => Self { level: Some(level), keys: texts(keys), ..none },
            Filter::Range { level, from, to } => Self {
                level: Some(level),
                from: from.map(MemberName::Text),
                to: to.map(MemberName::Text),
                ..none
            },
        }
    }
}

/// `true` stands for the usual caption, `false` for none.
fn others<'de, D: serde::Deserializer<'de>>(input: D) -> Result<Option<String>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged, expecting = "`others` is true, false or a caption")]
    enum Written {
        Flag(bool),
        Caption(String),
    }
    Ok(match Written::deserialize(input)? {
        Written::Flag(flag) => flag.then(|| OTHERS.to_owned()),
        Written::Caption(caption) => Some(caption),
    })
}

fn is_false(flag: &bool) -> bool {
    !flag
}

/// The flat name of `name`, which may be written with a dot.
pub(super) fn flat(name: &str) -> String {
    name.replace('.', "_")
}

/// The flat name of the level column `name`.
pub(super) fn column(cube: &Cube, name: &str) -> Result<String> {
    let flat = flat(name);
    if cube.column(&flat).is_some() {
        return Ok(flat);
    }
    let known = cube.columns.iter().map(|column| column.name.as_str());
    Err(unknown("level", name, cube, nearest(&flat, known)))
}

/// The level and, when it was named by one, the set that `entry` of an axis stands for.
pub(super) fn axis_level<'a>(
    cube: &'a Cube,
    entry: &str,
) -> Result<(String, Option<&'a NamedSet>)> {
    let flat = flat(entry);
    if cube.column(&flat).is_some() {
        return Ok((flat, None));
    }
    if let Some(set) = cube.set(entry) {
        return Ok((set.level.clone(), Some(set)));
    }
    let known = cube.columns.iter().map(|column| column.name.as_str());
    let sets = cube.sets.iter().map(|set| set.name.as_str());
    let what = if cube.sets.is_empty() { "level" } else { "level or set" };
    Err(unknown(what, entry, cube, nearest(&flat, known.chain(sets))))
}

/// Where a measure of a question is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum MeasureKind {
    /// Declared by the cube.
    Declared,
    /// A calculation over a declared one, in the relation that lists these.
    Calculated,
}

/// Whether `name` is a measure of the cube or a calculation over one, `<measure>_<calculation>`.
pub(super) fn measure(cube: &Cube, name: &str) -> Result<MeasureKind> {
    if cube.measure(name).is_some() {
        return Ok(MeasureKind::Declared);
    }
    let is_measure = |name: &str| cube.measure(name).is_some();
    match Calculation::asked(name, is_measure, &cube.columns) {
        Some((_, Ok(_))) => return Ok(MeasureKind::Calculated),
        Some((_, Err(why))) => {
            return Err(Error::invalid_input(format!("`{name}` has no meaning: {why}")));
        }
        None => {}
    }
    let measures = || cube.measures.iter().map(|measure| measure.name.as_str());
    let calculated: Vec<String> = measures()
        .flat_map(|measure| CALCULATIONS.iter().map(move |over| format!("{measure}_{}", over.name)))
        .collect();
    let known = measures().chain(calculated.iter().map(String::as_str));
    Err(unknown("measure", name, cube, nearest(name, known)))
}

/// The named set called `name`.
pub(super) fn named_set<'a>(cube: &'a Cube, name: &str) -> Result<&'a NamedSet> {
    cube.set(name).ok_or_else(|| {
        let known = cube.sets.iter().map(|set| set.name.as_str());
        unknown("set", name, cube, nearest(name, known))
    })
}

fn unknown(what: &str, name: &str, cube: &Cube, near: Option<&str>) -> Error {
    let hint = near.map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
    let cube = &cube.name;
    Error::new(ErrorKind::NotFound, format!("the cube `{cube}` has no {what} `{name}`{hint}"))
}
