//! A validated cube: names, titles and definitions, no tables yet.

use std::collections::{BTreeMap, BTreeSet};

use super::measure::Measure;
use super::named_set::NamedSet;
use super::reading::Reading;
use crate::declare::Located;
use crate::star::{Dimension, Level, Role, Title};

/// A cube over one fact: levels to group by and measures to compute.
#[derive(Clone, Debug)]
pub struct Cube {
    /// The name of its relations.
    pub name: String,
    /// For people.
    pub title: Option<Title>,
    /// For people, in a sentence.
    pub description: Option<Title>,
    /// Who answers for it.
    pub owner: Option<String>,
    /// The fact it aggregates; of a cube that puts cubes together, theirs.
    pub fact: String,
    /// The cubes it puts together; none for a cube over one fact.
    pub bases: Vec<Base>,
    /// Which of [`Cube::bases`] a measure is taken from; formulas over several are not in it.
    pub origins: BTreeMap<String, usize>,
    /// The dimensions it shows, one entry per role.
    pub roles: Vec<CubeRole>,
    /// Levels made of columns of the fact.
    pub levels: Vec<Level>,
    /// Ways from its facts to members of which one fact may have several.
    pub bridges: Vec<Bridge>,
    /// The flat columns of the relation that come before the measures.
    pub columns: Vec<FlatColumn>,
    /// Columns that only plans speak of: what tells the members of a role with history apart, which
    /// facts do not hold.
    pub members: Vec<FlatColumn>,
    /// What can be computed; a formula stands after the measures it uses.
    pub measures: Vec<Measure>,
    /// Members that have a name together.
    pub sets: Vec<NamedSet>,
}

/// A cube that another puts together with others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Base {
    /// Its name.
    pub cube: String,
    /// Its fact.
    pub fact: String,
    /// What its measures are where a level is asked for that it does not have.
    pub unrelated: Unrelated,
    /// The columns of the whole that it does not have, or not at its grain.
    pub lacking: BTreeSet<String>,
}

/// What a measure is where a level is asked for that its fact does not have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Unrelated {
    /// A mistake of the question.
    #[default]
    Error,
    /// NULL: nothing is known there.
    Empty,
    /// The value without that level, again for each of its members.
    Repeat,
}

impl Unrelated {
    /// The word of the declaration.
    pub fn word(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Empty => "empty",
            Self::Repeat => "repeat",
        }
    }
}

/// One role of a dimension in a cube.
#[derive(Clone, Debug)]
pub struct CubeRole {
    /// The role of the fact.
    pub role: Role,
    /// The dimension, with the hierarchies this cube gives it.
    pub dimension: Dimension,
    /// The bridge that leads to it, where the fact itself does not.
    pub through: Option<Bridge>,
    /// How members are seen, where the dimension keeps a history.
    pub reading: Reading,
}

impl CubeRole {
    /// Whether its members may have been others.
    pub fn has_history(&self) -> bool {
        self.dimension.history.is_some()
    }
}

/// A way from fact rows to members of which one row may have several: a table of pairs.
///
/// Grouped by such members, a fact counts for each that it has, once; without them, once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bridge {
    /// The flat name of what it leads to: a tree's level, or a role.
    pub name: String,
    /// The role it starts from.
    pub role: Role,
    /// The table of pairs.
    pub table: String,
    /// The column of the table with version keys of the role's dimension.
    pub key: String,
    /// Whether pairs are of members and so of all their versions, not only of the one they name.
    pub by_member: bool,
    /// Where it leads.
    pub to: BridgeEnd,
}

/// Where a bridge leads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BridgeEnd {
    /// To the members above in the tree of this name, which the table of pairs shows itself.
    Tree(String),
    /// To members of another dimension.
    Members {
        /// The column of the table with their version keys.
        key: String,
        /// The column of the table with the share of each pair.
        weight: Option<Located<String>>,
    },
}

/// A column of the cube's relation that is not a measure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FlatColumn {
    /// The name in the relation, such as `due_date_month`.
    pub name: String,
    /// What it shows of its level.
    pub kind: ColumnKind,
    /// The flat name of the level it belongs to; none for an attribute.
    pub level: Option<String>,
    /// Position in [`Cube::roles`], or none when it is a column of the fact.
    pub role: Option<usize>,
    /// The name of the bridge that leads to it, if one does.
    pub bridge: Option<String>,
    /// The column of the dimension's, the bridge's or the fact's table.
    pub source: String,
    /// For people.
    pub title: Option<Title>,
}

/// What a flat column is to its level.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ColumnKind {
    /// The caption in the project's locale.
    Level,
    /// What tells members apart.
    Key,
    /// The caption in another locale.
    Caption(String),
    /// A column that belongs to no level.
    Attribute,
}

impl ColumnKind {
    /// The value of `starling.role` in the field's metadata.
    pub fn role(&self) -> &'static str {
        match self {
            Self::Level => "level",
            Self::Key => "key",
            Self::Caption(_) | Self::Attribute => "attribute",
        }
    }
}

impl Cube {
    /// The flat column called `name`.
    pub fn column(&self, name: &str) -> Option<&FlatColumn> {
        self.columns.iter().find(|column| column.name == name)
    }

    /// The column called `name`, those included that only plans speak of.
    pub(super) fn planned_column(&self, name: &str) -> Option<&FlatColumn> {
        self.columns.iter().chain(&self.members).find(|column| column.name == name)
    }

    /// The column with what tells the members of the role with the key column `key` apart, where that
    /// is not the key itself.
    pub(super) fn member_of(&self, key: &str) -> Option<&FlatColumn> {
        self.members
            .iter()
            .find(|column| column.role.is_some_and(|at| self.roles[at].role.key_column() == key))
    }

    /// Whether any of its members may have been others.
    pub fn has_history(&self) -> bool {
        self.roles.iter().any(CubeRole::has_history)
    }

    /// The cube with all members that have a history seen as `reading`.
    #[must_use]
    pub fn seen(&self, reading: Reading) -> Self {
        let mut seen = self.clone();
        let changing = seen.roles.iter_mut().filter(|role| role.has_history());
        changing.for_each(|role| role.reading = reading);
        seen
    }

    /// The measure called `name`.
    pub fn measure(&self, name: &str) -> Option<&Measure> {
        self.measures.iter().find(|measure| measure.name == name)
    }

    /// The bridge called `name`.
    pub fn bridge(&self, name: &str) -> Option<&Bridge> {
        self.bridges.iter().find(|bridge| bridge.name == name)
    }

    /// The position of the role called `name`.
    pub fn role(&self, name: &str) -> Option<usize> {
        self.roles.iter().position(|role| role.role.name == name)
    }

    /// The facts it aggregates.
    pub fn facts(&self) -> Vec<&str> {
        match self.bases.is_empty() {
            true => vec![&self.fact],
            false => self.bases.iter().map(|base| base.fact.as_str()).collect(),
        }
    }

    /// Every table that it reads, by the names of dimensions and facts.
    pub fn tables(&self) -> BTreeSet<&str> {
        let dimensions = self.roles.iter().map(|role| role.dimension.name.as_str());
        let bridges = self.bridges.iter().map(|bridge| bridge.table.as_str());
        let rates = self.measures.iter().filter_map(Measure::rates);
        let rates = rates.map(|rates| rates.table.as_str());
        self.facts().into_iter().chain(dimensions).chain(bridges).chain(rates).collect()
    }

    /// The dimension or fact that has the column `column` of the relation.
    pub fn table_of(&self, column: &FlatColumn) -> &str {
        if let Some(at) = column.role {
            return &self.roles[at].dimension.name;
        }
        let base = self.bases.iter().find(|base| !base.lacking.contains(&column.name));
        base.map_or(&self.fact, |base| &base.fact)
    }

    /// The named set called `name`.
    pub fn set(&self, name: &str) -> Option<&NamedSet> {
        self.sets.iter().find(|set| set.name == name)
    }

    /// The flat column of what tells members of the level `level` apart.
    pub fn key_of(&self, level: &str) -> Option<&FlatColumn> {
        let of_level = |kind: ColumnKind| {
            self.columns
                .iter()
                .find(move |column| column.level.as_deref() == Some(level) && column.kind == kind)
        };
        of_level(ColumnKind::Key).or_else(|| of_level(ColumnKind::Level))
    }

    /// Every path to drill down: the role's name or none, the hierarchy, flat level names.
    pub fn hierarchies(&self) -> Vec<(&CubeRole, &str, Vec<String>)> {
        let flat = |role: &CubeRole, levels: &[String]| -> Vec<String> {
            levels.iter().map(|level| format!("{}_{level}", role.role.name)).collect()
        };
        self.roles
            .iter()
            .flat_map(|role| {
                role.dimension
                    .hierarchies
                    .iter()
                    .map(move |h| (role, h.name.as_str(), flat(role, &h.levels)))
            })
            .collect()
    }
}
