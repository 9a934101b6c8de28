//! The star schema: conformed dimensions and facts, as validated declarations.
//!
//! `integrate` fills it, `warehouse` stores it, `cube` reads it. Physical names follow from the
//! declared ones in one place, here, so that the three agree.
//!
//! ```text
//! dimension `customer`  → table `customer`, key column `customer_key`
//! fact `sales`          → table `sales`
//!   role of `date`      → `date_key`               cube columns `date_month`, …
//!   role `due` of date  → `due_date_key`           cube columns `due_date_month`, …
//! tree `managers` of `employee` → table `employee_managers`, a row per member and one above it
//! ```

mod calendar;
mod rates;
mod retail;
mod tree;

pub use calendar::{CalendarRules, RETAIL, calendar_dimension};
pub use rates::{RateColumns, is_currency_code};
pub use retail::{RetailDay, RetailRules};
pub use tree::{Tree, tree_columns};

use std::collections::BTreeMap;

/// The catalog in which every schema lives.
pub const CATALOG: &str = "starling";

/// The generated dimension of days.
pub const CALENDAR: &str = "date";

/// The version key of the member that stands for a missing or unresolved one.
pub const UNKNOWN_KEY: i64 = -1;
/// The version key of the member that stands for "does not apply to this fact".
pub const NOT_APPLICABLE_KEY: i64 = -2;
/// The caption of [`UNKNOWN_KEY`], and of any level a member has no value for.
pub const UNKNOWN: &str = "(unknown)";
/// The caption of [`NOT_APPLICABLE_KEY`].
pub const NOT_APPLICABLE: &str = "(not applicable)";

/// The column of a dimension that identifies a record in text: its natural key, with the source in
/// front where each source numbers its own.
pub const RECORD_COLUMN: &str = "record";

/// The columns every dimension table has beside its attributes.
///
/// `<dimension>_key` is the version; `record` (source × natural key), `member_key` (the unified
/// member) and `current_key` (its current version) let members merge, split and be seen as they
/// were or as they are without touching facts.
pub fn reserved_columns(dimension: &str) -> [String; 8] {
    let key = format!("{dimension}_key");
    let fixed = ["member_key", "current_key", "record_source"].map(str::to_owned);
    let [member, current, source] = fixed;
    let history = ["valid_from", "valid_to", "is_current"].map(str::to_owned);
    let [from, to, is_current] = history;
    [key, member, current, source, RECORD_COLUMN.to_owned(), from, to, is_current]
}

/// A text for people, with the project's default and any further locales.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Title {
    /// Shown when no locale is asked for.
    pub default: String,
    /// By locale, such as `zh`.
    pub locales: BTreeMap<String, String>,
}

/// Every dimension and fact of a project.
#[derive(Clone, Debug, Default)]
pub struct Star {
    /// In the order of declaration; the generated `date` comes first.
    pub dimensions: Vec<Dimension>,
    /// In the order of declaration.
    pub facts: Vec<Fact>,
}

/// A conformed dimension: one table that every fact and cube shares.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dimension {
    /// The declared name, which is the table's.
    pub name: String,
    /// For people.
    pub title: Option<Title>,
    /// For people, in a sentence.
    pub description: Option<Title>,
    /// The columns beside keys and history, levels' columns included, in order.
    pub attributes: Vec<String>,
    /// What members can be grouped by, from anywhere in the dimension.
    pub levels: Vec<Level>,
    /// Paths from coarse to fine over [`Dimension::levels`].
    pub hierarchies: Vec<Hierarchy>,
    /// Trees in which its members are under each other.
    pub trees: Vec<Tree>,
    /// How years are counted, where it is the calendar.
    pub calendar: Option<CalendarRules>,
    /// What it keeps of the past; without it, a record has one version.
    pub history: Option<History>,
}

/// The history of a dimension: a record has a version for each time its attributes were others.
///
/// The versions of a record follow each other from 1900 to the end of time without a gap; in each,
/// attributes that keep no history have their newest value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct History {
    /// The attribute with the day or time at which a version began in its source.
    pub from: String,
    /// The attributes that keep what they were.
    pub type2: Vec<String>,
}

/// A level: members are told apart by `key`, shown by `caption`, ordered by `sort`.
///
/// The load keeps caption one-to-one with key and neither of them NULL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Level {
    /// Unique within the dimension.
    pub name: String,
    /// For people.
    pub title: Option<Title>,
    /// Column of the dimension that identifies a member of this level.
    pub key: String,
    /// Column that shows it in the project's locale.
    pub caption: String,
    /// Columns that show it in other locales, by locale.
    pub captions: BTreeMap<String, String>,
    /// Column to order members by; the key's own order when absent.
    pub sort: Option<String>,
    /// Whether a record without a member here stands under the one of the level above.
    pub shows_parent: bool,
}

/// A path to drill down: level names from coarse to fine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hierarchy {
    /// Unique within the dimension.
    pub name: String,
    /// Names of levels, coarse first.
    pub levels: Vec<String>,
}

/// A fact table: one row per grain, one key per dimension role, and its columns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fact {
    /// The declared name, which is the table's.
    pub name: String,
    /// For people.
    pub title: Option<Title>,
    /// For people, in a sentence.
    pub description: Option<Title>,
    /// The columns beside dimension keys, in order.
    pub columns: Vec<FactColumn>,
    /// The dimensions it has, each under one or more roles.
    pub roles: Vec<Role>,
    /// The columns that make it a table of conversion rates, where it is one.
    pub rates: Option<RateColumns>,
}

/// A column of a fact: a number to aggregate or a degenerate dimension.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FactColumn {
    /// The column's name.
    pub name: String,
    /// What its amounts are in, when it is money.
    pub currency: Option<Currency>,
}

/// What a money column is in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Currency {
    /// Every row in this one, such as `CNY`.
    Constant(String),
    /// Each row in the one this column of the same fact names.
    Column(String),
}

/// One use of a dimension by a fact.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Role {
    /// The name in front of level names in cubes: `date`, `due_date`, `sold_to_region`.
    pub name: String,
    /// The dimension.
    pub dimension: String,
}

impl Role {
    /// The role `role` of `dimension`; without one the role is called like the dimension.
    pub fn new(dimension: &str, role: Option<&str>) -> Self {
        let name = match role {
            Some(role) => format!("{role}_{dimension}"),
            None => dimension.to_owned(),
        };
        Self { name, dimension: dimension.to_owned() }
    }

    /// The column of the fact that holds the version key.
    pub fn key_column(&self) -> String {
        format!("{}_key", self.name)
    }
}

impl Dimension {
    /// The column of the dimension's table that facts point to: dense, -1 unknown, -2 not applicable.
    pub fn key_column(&self) -> String {
        format!("{}_key", self.name)
    }

    /// The level above `level` in the first hierarchy that has one.
    pub fn above(&self, level: &Level) -> Option<&Level> {
        self.hierarchies.iter().find_map(|hierarchy| {
            let at = hierarchy.levels.iter().position(|name| *name == level.name)?;
            self.level(hierarchy.levels.get(at.checked_sub(1)?)?)
        })
    }

    /// The level called `name`.
    pub fn level(&self, name: &str) -> Option<&Level> {
        self.levels.iter().find(|level| level.name == name)
    }
}

impl Star {
    /// The tables it is stored in.
    pub fn tables(&self) -> impl Iterator<Item = String> {
        let trees = self.dimensions.iter().flat_map(|dimension| {
            dimension.trees.iter().map(move |tree| tree.table(&dimension.name))
        });
        let dimensions = self.dimensions.iter().map(|dimension| dimension.name.clone());
        dimensions.chain(trees).chain(self.facts.iter().map(|fact| fact.name.clone()))
    }

    /// The dimension called `name`.
    pub fn dimension(&self, name: &str) -> Option<&Dimension> {
        self.dimensions.iter().find(|dimension| dimension.name == name)
    }

    /// The fact called `name`.
    pub fn fact(&self, name: &str) -> Option<&Fact> {
        self.facts.iter().find(|fact| fact.name == name)
    }
}
