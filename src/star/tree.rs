//! Trees of any depth: members of a dimension under other members of it.

use super::Dimension;

/// A tree: every record is under the one whose natural key it names, or under none.
///
/// It is stored as its closure: a row for each member and each one above it, itself included, so that
/// a fact joined through it counts for every member it is under, once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tree {
    /// Unique within the dimension, also among its levels.
    pub name: String,
    /// The columns with the natural key of the record above.
    pub parent: Vec<String>,
    /// The level that shows its members, one for each record.
    pub level: String,
}

/// The columns of a closure beside the key of the dimension, which is that of the member below.
///
/// Of the member above: its version, `key` and `caption` as its level has them, and how many members
/// stand from the root down to it, counted from 1; and how far it is from the one below.
pub mod tree_columns {
    /// The version key of the member above.
    pub const ANCESTOR: &str = "ancestor_key";
    /// What tells the member above apart.
    pub const KEY: &str = "key";
    /// Its caption.
    pub const CAPTION: &str = "caption";
    /// Its place from the root down, from 1.
    pub const DEPTH: &str = "depth";
    /// How many steps it is above the one below; 0 is the member itself.
    pub const DISTANCE: &str = "distance";

    /// The column of the caption in another locale.
    pub fn caption(locale: &str) -> String {
        format!("{CAPTION}_{locale}")
    }
}

impl Tree {
    /// The table of its closure.
    pub fn table(&self, dimension: &str) -> String {
        format!("{dimension}_{}", self.name)
    }

    /// The level that shows its members.
    pub fn shown_by<'a>(&self, dimension: &'a Dimension) -> Option<&'a super::Level> {
        dimension.level(&self.level)
    }
}
