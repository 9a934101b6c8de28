//! Members of a level that the cube gives a name: "the key accounts", "the ten best products".

use crate::star::Title;

/// A set of members of one level.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamedSet {
    /// Unique among sets, columns and measures of the cube.
    pub name: String,
    /// For people.
    pub title: Option<Title>,
    /// The flat name of the level.
    pub level: String,
    /// Which members are in it.
    pub definition: SetDefinition,
}

/// Which members of its level are in a set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SetDefinition {
    /// These captions.
    Members(Vec<String>),
    /// These keys.
    Keys(Vec<String>),
    /// Members with a fact row for which this SQL over level columns is true.
    Where(String),
    /// The leading ones over the whole cube.
    Top {
        /// How many.
        n: usize,
        /// By which measure.
        by: String,
        /// Whether the least lead.
        least: bool,
    },
}

impl NamedSet {
    /// The definition in a line, for people.
    pub fn description(&self) -> String {
        match &self.definition {
            SetDefinition::Members(members) => members.join(", "),
            SetDefinition::Keys(keys) => format!("keys {}", keys.join(", ")),
            SetDefinition::Where(sql) => sql.clone(),
            SetDefinition::Top { n, by, least: false } => format!("top {n} by {by}"),
            SetDefinition::Top { n, by, least: true } => format!("least {n} by {by}"),
        }
    }
}
