//! A validated cube: names, titles and definitions, no tables yet.

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
    /// The fact it aggregates.
    pub fact: String,
    /// The dimensions it shows, one entry per role.
    pub roles: Vec<CubeRole>,
    /// Levels made of columns of the fact.
    pub levels: Vec<Level>,
    /// The flat columns of the relation that come before the measures.
    pub columns: Vec<FlatColumn>,
    /// What can be computed; a formula stands after the measures it uses.
    pub measures: Vec<Measure>,
}

/// One role of a dimension in a cube.
#[derive(Clone, Debug)]
pub struct CubeRole {
    /// The role of the fact.
    pub role: Role,
    /// The dimension, with the hierarchies this cube gives it.
    pub dimension: Dimension,
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
    /// The column of the dimension's or the fact's table.
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

/// Whether values of parts add up to the value of the whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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
#[derive(Clone, Debug, PartialEq, Eq)]
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
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AggregateDefinition {
    /// The aggregate.
    pub kind: AggregateKind,
    /// What it aggregates.
    pub input: Input,
    /// Only fact rows for which this SQL is true count.
    pub filter: Option<String>,
    /// The column of the fact that amounts are multiplied with.
    pub rate: Option<String>,
}

/// The aggregates a measure can be declared with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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
}

impl AggregateKind {
    /// The SQL a plain aggregate of this kind is written as.
    pub fn sql(self, measure: &str) -> String {
        let function = match self {
            Self::Sum => "SUM",
            Self::Avg => "AVG",
            Self::Min => "MIN",
            Self::Max => "MAX",
            Self::Count => "COUNT",
            Self::Distinct => return format!("COUNT(DISTINCT {measure})"),
        };
        format!("{function}({measure})")
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
        match &self.definition {
            Definition::Formula { .. } => "formula",
            Definition::Aggregate(aggregate) => match aggregate.kind {
                AggregateKind::Sum => "sum",
                AggregateKind::Avg => "avg",
                AggregateKind::Min => "min",
                AggregateKind::Max => "max",
                AggregateKind::Count => "count",
                AggregateKind::Distinct => "distinct",
            },
        }
    }

    /// The aggregate it was declared with; none for a formula.
    pub fn aggregate_kind(&self) -> Option<AggregateKind> {
        match &self.definition {
            Definition::Aggregate(aggregate) => Some(aggregate.kind),
            Definition::Formula { .. } => None,
        }
    }

    /// The definition as the declaration has it.
    pub fn formula(&self) -> String {
        let aggregate = match &self.definition {
            Definition::Formula { expr, .. } => return expr.clone(),
            Definition::Aggregate(aggregate) => aggregate,
        };
        let input = aggregate.input.sql();
        let rate = aggregate.rate.as_ref().map(|rate| format!(" × {rate}")).unwrap_or_default();
        let filter = aggregate.filter.as_ref().map(|sql| format!(" where {sql}"));
        format!("{}({input}{rate}){}", self.kind(), filter.unwrap_or_default())
    }
}

impl Cube {
    /// The flat column called `name`.
    pub fn column(&self, name: &str) -> Option<&FlatColumn> {
        self.columns.iter().find(|column| column.name == name)
    }

    /// The measure called `name`.
    pub fn measure(&self, name: &str) -> Option<&Measure> {
        self.measures.iter().find(|measure| measure.name == name)
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
