//! A validated cube: names, titles and definitions, no tables yet.

use std::collections::{BTreeMap, BTreeSet};

use super::conversion::{Conversion, RateConversion};
use super::named_set::NamedSet;
use super::reading::Reading;
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
        weight: Option<String>,
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

/// A measure.
#[derive(Clone, Debug)]
pub struct Measure {
    /// The name of its column.
    pub name: String,
    /// For people.
    pub title: Option<Title>,
    /// For people, in a sentence.
    pub description: Option<Title>,
    /// Who answers for it; the cube's owner when absent.
    pub owner: Option<String>,
    /// How to show values.
    pub format: Option<String>,
    /// The currency of its values, when it is money in one.
    pub currency: Option<String>,
    /// Whether values of parts add up to the value of the whole.
    pub additivity: Additivity,
    /// How it is computed.
    pub definition: Definition,
}

/// Whether values of parts add up to the value of the whole; the later, the less they do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Additivity {
    /// Over every dimension.
    Additive,
    /// Over every dimension but time.
    SemiAdditive,
    /// Not at all: averages, ratios, distinct counts, extremes.
    NonAdditive,
}

impl Additivity {
    /// The value of `starling.additivity` in the field's metadata.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Additive => "additive",
            Self::SemiAdditive => "semi_additive",
            Self::NonAdditive => "non_additive",
        }
    }
}

/// How a measure is computed.
#[derive(Clone, Debug, PartialEq)]
pub enum Definition {
    /// From fact rows.
    Aggregate(AggregateDefinition),
    /// From other measures.
    Formula {
        /// SQL over names of measures.
        expr: String,
        /// The measures it names.
        measures: Vec<String>,
    },
}

/// A measure that aggregates fact rows.
#[derive(Clone, Debug, PartialEq)]
pub struct AggregateDefinition {
    /// The aggregate.
    pub kind: AggregateKind,
    /// What it aggregates.
    pub input: Input,
    /// Only fact rows for which this SQL is true count.
    pub filter: Option<String>,
    /// How amounts become amounts in another currency.
    pub conversion: Option<Conversion>,
    /// How days make a whole, where they do not add up.
    pub over_time: Option<OverTime>,
    /// The column of the fact that has the day, where it plays a part.
    pub day: Option<String>,
}

/// The aggregates a measure can be declared with.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum AggregateKind {
    /// `sum:`
    Sum,
    /// `avg:`
    Avg,
    /// `min:`
    Min,
    /// `max:`
    Max,
    /// `count:`
    Count,
    /// `distinct:`
    Distinct,
    /// `distinct:` with `approximate: true`
    ApproximateDistinct,
    /// `median:`
    Median,
    /// `quantile:`, at this share from 0 to 1
    Quantile(f64),
    /// `variance:`
    Variance(Spread),
    /// `stddev:`
    Deviation(Spread),
    /// `first:`
    First,
    /// `last:`
    Last,
}

/// Of what rows are when they spread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spread {
    /// A sample: the divisor is the count less one.
    Sample,
    /// All there is, with `population: true`: the divisor is the count.
    Population,
}

/// How sums of days make the value of a longer time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OverTime {
    /// That of the first day on which the fact has rows at all.
    First,
    /// That of the last day on which the fact has rows at all.
    Last,
    /// That of the earliest day that has a value.
    FirstNonEmpty,
    /// That of the latest day that has a value.
    LastNonEmpty,
    /// Their mean over the days that have a value.
    Average,
    /// The least.
    Min,
    /// The greatest.
    Max,
}

impl OverTime {
    /// Every one of them.
    pub const ALL: [Self; 7] = [
        Self::Last,
        Self::First,
        Self::LastNonEmpty,
        Self::FirstNonEmpty,
        Self::Average,
        Self::Min,
        Self::Max,
    ];

    /// The word of the declaration.
    pub fn word(self) -> &'static str {
        match self {
            Self::First => "first",
            Self::Last => "last",
            Self::FirstNonEmpty => "first_non_empty",
            Self::LastNonEmpty => "last_non_empty",
            Self::Average => "average",
            Self::Min => "min",
            Self::Max => "max",
        }
    }
}

impl AggregateKind {
    /// The word for it in system relations and messages.
    pub fn word(self) -> &'static str {
        match self {
            Self::Sum => "sum",
            Self::Avg => "avg",
            Self::Min => "min",
            Self::Max => "max",
            Self::Count => "count",
            Self::Distinct => "distinct",
            Self::ApproximateDistinct => "approximate_distinct",
            Self::Median => "median",
            Self::Quantile(_) => "quantile",
            Self::Variance(Spread::Sample) => "variance",
            Self::Variance(Spread::Population) => "population_variance",
            Self::Deviation(Spread::Sample) => "stddev",
            Self::Deviation(Spread::Population) => "population_stddev",
            Self::First => "first",
            Self::Last => "last",
        }
    }

    /// Whether it counts rows or values.
    pub fn counts(self) -> bool {
        matches!(self, Self::Count | Self::Distinct | Self::ApproximateDistinct)
    }

    /// The aggregate of SQL that tools may write for it; none where SQL has no such aggregate.
    fn plain(self) -> Option<PlainAggregate> {
        let (function, distinct) = match self {
            Self::Sum => ("sum", false),
            Self::Avg => ("avg", false),
            Self::Min => ("min", false),
            Self::Max => ("max", false),
            Self::Count => ("count", false),
            Self::Distinct | Self::ApproximateDistinct => ("count", true),
            Self::Median => ("median", false),
            Self::Variance(Spread::Sample) => ("var", false),
            Self::Variance(Spread::Population) => ("var_pop", false),
            Self::Deviation(Spread::Sample) => ("stddev", false),
            Self::Deviation(Spread::Population) => ("stddev_pop", false),
            Self::First => ("first_value", false),
            Self::Last => ("last_value", false),
            Self::Quantile(_) => return None,
        };
        Some(PlainAggregate { function, distinct })
    }
}

/// An aggregate of SQL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PlainAggregate {
    /// The engine's name of the function.
    pub function: &'static str,
    /// Whether it is over distinct values.
    pub distinct: bool,
}

impl PlainAggregate {
    /// How it is written, over `measure`.
    pub fn sql(self, measure: &str) -> String {
        let distinct = if self.distinct { "DISTINCT " } else { "" };
        format!("{}({distinct}{measure})", self.function.to_uppercase())
    }

    /// Whether `function` is it; to an extreme it is nothing that values are distinct.
    pub fn is(self, function: &str, distinct: bool) -> bool {
        let extreme = matches!(function, "min" | "max");
        self.function == function && (self.distinct == distinct || extreme)
    }
}

/// What a measure aggregates.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// Fact rows as such.
    Rows,
    /// SQL over columns of the fact.
    Expression(String),
    /// The members of a role, by the role's key column.
    Members(String),
}

impl Input {
    /// The SQL of the declaration, or what stands for it.
    pub fn sql(&self) -> &str {
        match self {
            Self::Rows => "*",
            Self::Expression(sql) => sql,
            Self::Members(key) => key,
        }
    }
}

impl Measure {
    /// The word for its kind in system relations and messages.
    pub fn kind(&self) -> &'static str {
        self.aggregate_kind().map_or("formula", AggregateKind::word)
    }

    /// The aggregate it was declared with; none for a formula.
    pub fn aggregate_kind(&self) -> Option<AggregateKind> {
        match &self.definition {
            Definition::Aggregate(aggregate) => Some(aggregate.kind),
            Definition::Formula { .. } => None,
        }
    }

    /// How days make a whole, where they do not add up.
    pub fn over_time(&self) -> Option<OverTime> {
        match &self.definition {
            Definition::Aggregate(aggregate) => aggregate.over_time,
            Definition::Formula { .. } => None,
        }
    }

    /// The aggregate of SQL that means this measure: none that forgets about time.
    pub fn plain_aggregate(&self) -> Option<PlainAggregate> {
        match self.over_time() {
            Some(_) => None,
            None => self.aggregate_kind()?.plain(),
        }
    }

    /// The definition as the declaration has it.
    pub fn formula(&self) -> String {
        let aggregate = match &self.definition {
            Definition::Formula { expr, .. } => return expr.clone(),
            Definition::Aggregate(aggregate) => aggregate,
        };
        let input = aggregate.input.sql();
        let (rate, remark) = match &aggregate.conversion {
            None => (String::new(), ""),
            Some(Conversion::Column(rate)) => (format!(" × {rate}"), ""),
            Some(Conversion::Rates(rates)) => {
                (format!(" × rate({})", rates.name()), rates.remark())
            }
        };
        let at = match aggregate.kind {
            AggregateKind::Quantile(at) => format!(", {at}"),
            _ => String::new(),
        };
        let over_time = aggregate.over_time.map(|how| format!(" over_time {}", how.word()));
        let filter = aggregate.filter.as_ref().map(|sql| format!(" where {sql}"));
        let rest = [over_time, filter].map(Option::unwrap_or_default).concat();
        format!("{}({input}{rate}{at}){rest}{remark}", self.kind())
    }

    /// The table of rates it is converted by, if it is; of a formula those of its parts are not.
    pub fn rates(&self) -> Option<&RateConversion> {
        match &self.definition {
            Definition::Aggregate(AggregateDefinition {
                conversion: Some(Conversion::Rates(rates)),
                ..
            }) => Some(rates),
            _ => None,
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
