//! Cubes: what can be asked of a fact, as relations that ordinary SQL tools understand.
//!
//! ```text
//! cubes/*.yaml ──read──▶ CubeSpec ──compile──▶ Cube ──register──▶ CubeRelation
//!                                                                    │ named in SQL
//!    SQL ──CubeRule──▶ StarQuery ──plan──▶ LogicalPlan over fact and needed dimensions
//!    CubeQuery ──to_sql──▲
//! ```
//!
//! A [`CubeQuery`] is prepared (names resolved, members found), checked for its size, written as SQL,
//! and its answer arranged as a [`CellSet`]. Navigation makes the next query of one.
//!
//! A [`CubeRelation`] is a table with one column per level and per measure. SQL over it is planned by
//! DataFusion as over any table; then one analyzer rule finds each `Aggregate` over such a relation,
//! states it as a [`StarQuery`] and puts the plan of that in its place. Whatever the rule leaves
//! alone is a preview: fact rows with levels, and NULL for every measure.

mod convert_spec;
mod spec;
mod shape;
mod conversion;
mod reading;
mod measure;
mod model;
mod compile;
mod context;
mod paths;
mod normal_form;
mod checked_sum;
mod shares;
mod mean;
mod state;
mod leaves;
mod calculation;
mod calculation_names;
mod fields;
mod rate_arithmetic;
mod unrated;
mod rates;
mod arithmetic;
mod divisor;
mod bound;
mod resolution;
mod calculated;
mod star_text;
mod bridge;
mod members;
mod planner;
mod grouping;
mod subject;
mod fact_span;
mod retail_arithmetic;
mod day_arithmetic;
mod time_calendar;
mod time_map;
mod part;
mod beside;
mod ancestors;
mod tree_parents;
mod place;
mod cells;
mod relation;
mod asked_columns;
mod sql;
mod input;
mod measure_use;
mod member_count;
mod text_comparison;
mod aggregate;
mod misuse;
mod rule;
mod named_set;
mod query;
mod sql_text;
mod member;
mod prepared;
mod cell_limit;
mod cells_sql;
mod cell_set;
mod navigation;
mod drill_across;
mod member_relation;
mod describe;
#[cfg(test)]
mod tests;

pub use asked_columns::with_asked_columns;
pub use bound::BoundCube;
pub use calculation::Calculation;
pub use calculation_names::CALCULATIONS;
pub use cell_limit::USUAL_CELLS;
pub use cell_set::{CellColumn, CellSet};
pub use compile::{CubesBefore, WrongCube, compile};
pub use context::{Ancestor, Context, Period, Scope, Step, TimeWindow};
pub use conversion::{AsOf, Conversion, MissingRate, RateConversion};
pub use convert_spec::{ConvertBySpec, ConvertSpec};
pub use describe::{CubeState, cubes, dimensions, hierarchies, levels, measures, sets};
pub use measure::{
    Additivity, AggregateDefinition, AggregateKind, Definition, Input, Measure, OverTime,
    PlainAggregate, Spread,
};
pub use member::{FoundMembers, MemberSearch};
pub use member_relation::MemberRelation;
pub use model::{Bridge, BridgeEnd, ColumnKind, Cube, CubeRole, FlatColumn};
pub use named_set::{NamedSet, SetDefinition};
pub use normal_form::{Final, Leaf, LeafAggregate, Place, StarQuery};
pub use query::{CubeQuery, Drilled, Filter, OTHERS, Sort, Top};
pub use reading::{Reading, ReadingName};
pub use relation::{
    CubeRelation, CubeRelations, Mode, calculations_relation, read_otherwise, register,
};
pub use rule::{CubeRule, analyzer_rules, star_queries};
pub use shape::shape;
pub use spec::{
    BaseSpec, CubeSpec, DimensionSpec, HierarchySpec, LevelSpec, MeasureSpec, SetMembersSpec,
    SetSpec, read,
};
pub use sql::functions;
pub use state::{Edge, StateFunction};
