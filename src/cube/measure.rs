//! A measure, and how it is computed.

use super::conversion::{Conversion, RateConversion};
use crate::star::Title;

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
