//! From the normal form to a plan that joins only the dimensions it needs.
//!
//! ```text
//! Projection   finals, named by position after the groups
//!   Aggregate  groups, leaves
//!     Filter   filters
//!       SubqueryAlias "cube"
//!         Projection   level columns by their flat names, columns of the fact as "fact$name"
//!           Inner Join per needed role: fact.<role>_key = dimension.<dimension>_key
//! ```
//!
//! The join loses no row: unknown and not applicable have members in every dimension.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::datatypes::{DataType, Schema};
use datafusion::common::{
    Column, DFSchema, DFSchemaRef, JoinType, Result, ScalarValue, TableReference, internal_err,
    plan_err,
};
use datafusion::config::ConfigOptions;
use datafusion::functions_aggregate::expr_fn::{count, count_distinct, max, min};
use datafusion::logical_expr::{
    Aggregate, AggregateUDF, Case, EmptyRelation, Expr, LogicalPlan, LogicalPlanBuilder, cast, lit,
};
use datafusion::optimizer::AnalyzerRule;
use datafusion::optimizer::analyzer::type_coercion::TypeCoercion;

use super::bound::{BoundCube, plain};
use super::bridge::{bridges_of, shown_by, uses_bridges};
use super::cells;
use super::checked_sum::CheckedSum;
use super::context::Context;
use super::members::choices;
use super::model::{ColumnKind, FlatColumn};
use super::normal_form::{
    Final, Leaf, LeafAggregate, StarQuery, column_of, fact_name, fault_name, leaf_position, level,
    level_name, rate_name, substitute,
};
use super::state::{Stage, StateAggregate};
use crate::star::UNKNOWN;

/// The alias of the joined star.
pub(super) const STAR: &str = "cube";

/// The plan of `query`: its group columns (with the grouping id, if any), then its finals.
pub(super) fn plan(query: &StarQuery, bound: &BoundCube) -> Result<LogicalPlan> {
    if !query.is_plain() || !bound.cube.bases.is_empty() || uses_bridges(query, bound) {
        return cells::plan(query, bound);
    }
    let mut star = star(query, query.fact_columns(), bound)?;
    for filter in &query.filters {
        star = LogicalPlanBuilder::from(star).filter(over_star(filter.clone())?)?.build()?;
    }
    let groups = query.groups.iter().map(|group| over_star(group.clone()));
    let groups = groups.collect::<Result<Vec<_>>>()?;
    let mut names = BTreeSet::new();
    let leaves = query.leaves.iter().enumerate().map(|(position, leaf)| {
        let leaf = over_star(aggregate(leaf)?)?;
        // The names of expressions leave casts out, so that two may have one.
        let is_new = names.insert(leaf.schema_name().to_string());
        Ok(if is_new { leaf } else { leaf.alias(format!("leaf_{position}")) })
    });
    let leaves = leaves.collect::<Result<Vec<_>>>()?;
    let aggregated = LogicalPlan::Aggregate(Aggregate::try_new(Arc::new(star), groups, leaves)?);
    let columns = aggregated.schema().columns();
    let (groups, leaves) = columns.split_at(columns.len() - query.leaves.len());
    let finals = query.finals.iter().enumerate().map(|(position, shown)| {
        let over_leaves =
            |column: &Column| leaf_position(column).map(|at| Expr::Column(leaves[at].clone()));
        Ok(substitute(shown.value.clone(), &over_leaves)?.alias(format!("final_{position}")))
    });
    let finals = finals.collect::<Result<Vec<_>>>()?;
    let groups = groups.iter().cloned().map(Expr::Column);
    LogicalPlanBuilder::from(aggregated).project(groups.chain(finals))?.build()
}

/// Fact rows with `levels` by their flat names and NULL for every measure among `columns`.
pub(super) fn preview(
    columns: &[String],
    filters: &[Expr],
    limit: Option<usize>,
    bound: &BoundCube,
) -> Result<LogicalPlan> {
    for name in columns {
        bound.calculation(name)?;
    }
    if !bound.cube.bases.is_empty() {
        // Rows of several facts are no rows of one relation.
        return no_rows(columns, bound);
    }
    let over_levels = |column: &Column| Some(level(&column.name));
    let filters = filters.iter().map(|filter| substitute(filter.clone(), &over_levels));
    let filters = filters.collect::<Result<Vec<_>>>()?;
    let (filters, choices) = choices(&filters, bound)?;
    let of_filters: Vec<Column> = filters.iter().flat_map(super::normal_form::columns).collect();
    let mut used: BTreeSet<&str> = columns.iter().map(String::as_str).collect();
    used.extend(of_filters.iter().map(|column| column.name.as_str()));
    let of_rows = used.iter().filter_map(|name| bound.cube.column(name));
    let (joined, _) = join(of_rows.filter(|column| column.bridge.is_none()), bound)?;
    let all = used.iter().map(|name| preview_column(name, bound));
    let mut all = all.collect::<Result<Vec<_>>>()?;
    let keys = choices.iter().map(|choice| choice.fact_column(bound));
    for key in keys.collect::<Result<BTreeSet<_>>>()? {
        let column = Expr::Column(Column::new(Some(fact_reference(bound)), &key));
        all.push(column.alias(fact_alias(&key)));
    }
    let mut plan = joined.project(all)?.alias(STAR)?;
    for choice in &choices {
        plan = choice.keep(plan, bound)?;
    }
    for filter in filters {
        plan = plan.filter(over_star(filter)?)?;
    }
    let wanted = columns.iter().map(|name| {
        let column = Expr::Column(column_of(STAR, name));
        column.alias_with_metadata(name, bound.metadata(name))
    });
    plan = plan.project(wanted.collect::<Vec<_>>())?;
    if let Some(limit) = limit {
        plan = plan.limit(0, Some(limit))?;
    }
    plan.build()
}

fn no_rows(columns: &[String], bound: &BoundCube) -> Result<LogicalPlan> {
    let field = |name: &String| match bound.field(name) {
        Some(field) => Ok(field),
        None => plan_err!("the cube `{}` has no column `{name}`", bound.cube.name),
    };
    let fields = columns.iter().map(field).collect::<Result<Vec<_>>>()?;
    let schema = DFSchema::try_from(Schema::new(fields))?;
    Ok(LogicalPlan::EmptyRelation(EmptyRelation {
        produce_one_row: false,
        schema: Arc::new(schema),
    }))
}

fn preview_column(name: &str, bound: &BoundCube) -> Result<Expr> {
    match (bound.cube.column(name), bound.measure_type(name)) {
        (Some(column), _) if column.bridge.is_some() => {
            // A row may have several.
            let data_type = bound.schema.field_with_name(name)?.data_type().clone();
            let null = cast(lit(ScalarValue::Null), data_type);
            Ok(null.alias_with_metadata(name, bound.metadata(name)))
        }
        (Some(column), _) => Ok(physical(column, bound)),
        (None, Some(data_type)) => {
            let null = cast(lit(ScalarValue::Null), data_type);
            Ok(null.alias_with_metadata(name, bound.metadata(name)))
        }
        (None, None) => plan_err!("the cube `{}` has no column `{name}`", bound.cube.name),
    }
}

/// Fact rows with every column of the fact and every flat column, to drill through to.
pub(super) fn detail(bound: &BoundCube) -> Result<LogicalPlan> {
    let shown = || bound.cube.columns.iter().filter(|column| column.bridge.is_none());
    let (joined, fact) = join(shown(), bound)?;
    let levels = shown().map(|column| physical(column, bound));
    let of_fact = fact.columns().into_iter();
    let own = of_fact.filter(|column| bound.cube.column(&column.name).is_none());
    let own = own.map(|column| {
        let name = column.name.clone();
        Expr::Column(column).alias(name)
    });
    joined.project(levels.chain(own).collect::<Vec<_>>())?.build()
}

/// The type of the result of `leaf`, which does not depend on its context.
pub(super) fn leaf_type(bound: &BoundCube, leaf: &Leaf) -> Result<DataType> {
    let mut query = StarQuery::new(&bound.cube.name);
    // A condition changes no type, and one on several members would lead back here.
    let plain = |filter: &Expr| bridges_of(filter, bound.base(leaf.base)).is_empty();
    let filter = leaf.filter.clone().filter(plain);
    query.leaves.push(Leaf { context: Context::default(), base: 0, filter, ..leaf.clone() });
    query.finals.push(Final::value(super::normal_form::leaf(0)));
    let plan = plan(&query, bound.base(leaf.base))?;
    let plan = TypeCoercion::new().analyze(plan, &ConfigOptions::default())?;
    Ok(plan.schema().field(0).data_type().clone())
}

/// The fact joined with what the levels and rates of `query` need, and of it only `fact_columns`.
pub(super) fn star(
    query: &StarQuery,
    mut fact_columns: BTreeSet<String>,
    bound: &BoundCube,
) -> Result<LogicalPlan> {
    let levels = query.levels();
    let columns: Vec<&FlatColumn> =
        levels.iter().filter_map(|level| bound.cube.planned_column(level)).collect();
    let rates = query.rates();
    let rates = rates.iter().map(|name| bound.rates(name)).collect::<Result<Vec<_>>>()?;
    for rates in &rates {
        fact_columns.extend(rates.conversion.day_column().map(str::to_owned));
    }
    let (joined, _) = join(columns.iter().copied(), bound)?;
    if columns.is_empty() && fact_columns.is_empty() {
        return joined.build();
    }
    let of_levels = columns.iter().map(|column| physical(column, bound));
    let schema = bound.fact().schema();
    let of_fact = |name: &str| {
        let column = Expr::Column(Column::new(Some(fact_reference(bound)), name));
        without_dictionary(column, &schema, name)
    };
    let currencies = rates.iter().map(|rates| rates.currency_key(of_fact));
    let of_rows = fact_columns.iter().map(|name| of_fact(name).alias(fact_alias(name)));
    let shown = of_levels.chain(of_rows).chain(currencies).collect::<Vec<_>>();
    let star = joined.project(shown)?.alias(STAR)?.build()?;
    rates.iter().try_fold(star, |star, rates| rates.join(star))
}

/// The fact joined with the dimension of every role that `columns` come from.
fn join<'a>(
    columns: impl Iterator<Item = &'a FlatColumn>,
    bound: &BoundCube,
) -> Result<(LogicalPlanBuilder, DFSchemaRef)> {
    let needed: BTreeSet<usize> = columns.filter_map(|column| column.role).collect();
    let fact = fact_reference(bound);
    let mut plan = LogicalPlanBuilder::scan(fact.clone(), Arc::clone(bound.fact()), None)?;
    let schema = Arc::clone(plan.schema());
    for position in needed {
        let role = &bound.cube.roles[position];
        let alias = role_reference(bound, position);
        let source = Arc::clone(bound.dimension(position));
        let dimension = LogicalPlanBuilder::scan(alias.clone(), source, None)?.build()?;
        let left = Column::new(Some(fact.clone()), role.role.key_column());
        let right = Column::new(Some(alias), role.dimension.key_column());
        plan = plan.join(dimension, JoinType::Inner, (vec![left], vec![right]), None)?;
    }
    Ok((plan, schema))
}

/// A flat column as a column of the joined tables, named and described as in the relation.
pub(super) fn physical(column: &FlatColumn, bound: &BoundCube) -> Expr {
    let relation = match (&column.bridge, column.role) {
        (Some(bridge), _) => match bound.bridge(bridge) {
            Ok((bridge, _)) => shown_by(bridge, bound),
            // Every bridge of a column is one of the cube.
            Err(_) => fact_reference(bound),
        },
        (None, Some(position)) => role_reference(bound, position),
        (None, None) => fact_reference(bound),
    };
    let expr = Expr::Column(Column::new(Some(relation), &column.source));
    let schema = bound.source_of(column).schema();
    let expr = without_dictionary(expr, &schema, &column.source);
    let expr = match column.role {
        None if column.kind == ColumnKind::Level => named(expr, &schema, &column.source),
        _ => expr,
    };
    expr.alias_with_metadata(&column.name, bound.metadata(&column.name))
}

/// A text level of the fact shows `(unknown)` where a row has none, as dimensions do: a NULL there
/// would look like a total.
fn named(expr: Expr, schema: &Schema, name: &str) -> Expr {
    let Ok(field) = schema.field_with_name(name) else { return expr };
    let text = plain(field.data_type()).clone();
    if !field.is_nullable() || !matches!(text, DataType::Utf8 | DataType::Utf8View) {
        return expr;
    }
    let unknown = ScalarValue::from(UNKNOWN).cast_to(&text).map_or_else(|_| lit(UNKNOWN), lit);
    Expr::Case(Case {
        expr: None,
        when_then_expr: vec![(Box::new(expr.clone().is_null()), Box::new(unknown))],
        else_expr: Some(Box::new(expr)),
    })
}

/// `expr`, the column `name`, as plain values.
fn without_dictionary(expr: Expr, schema: &Schema, name: &str) -> Expr {
    match schema.field_with_name(name) {
        Ok(field) if matches!(field.data_type(), DataType::Dictionary(..)) => {
            cast(expr, plain(field.data_type()).clone())
        }
        _ => expr,
    }
}

// Two schemas keep a fact and a role of the same name apart.
pub(super) fn fact_reference(bound: &BoundCube) -> TableReference {
    TableReference::partial("fact", bound.cube.fact.as_str())
}

pub(super) fn role_reference(bound: &BoundCube, position: usize) -> TableReference {
    TableReference::partial("dimension", bound.cube.roles[position].role.name.as_str())
}

pub(super) fn fact_alias(name: &str) -> String {
    format!("fact${name}")
}

pub(super) fn rate_alias(name: &str) -> String {
    format!("rate${name}")
}

pub(super) fn fault_alias(name: &str) -> String {
    format!("fault${name}")
}

/// An expression of the normal form over the columns of the aliased star.
pub(super) fn over_star(expr: Expr) -> Result<Expr> {
    substitute(expr, &|column| {
        let name = match (level_name(column), fact_name(column)) {
            (Some(level), _) => level.to_owned(),
            (_, Some(of_fact)) => fact_alias(of_fact),
            _ => match (rate_name(column), fault_name(column)) {
                (Some(rate), _) => rate_alias(rate),
                (_, Some(fault)) => fault_alias(fault),
                _ => return None,
            },
        };
        Some(Expr::Column(column_of(STAR, name)))
    })
}

/// A leaf as an aggregate over columns of levels and of the fact.
pub(super) fn aggregate(leaf: &Leaf) -> Result<Expr> {
    let expr = match leaf.aggregate.clone() {
        LeafAggregate::Rows => count(lit(1_i64)),
        LeafAggregate::Count(input) => count(input),
        LeafAggregate::Sum(input) => {
            AggregateUDF::from(CheckedSum::new(&leaf.measure)).call(vec![input])
        }
        LeafAggregate::State(function, inputs) => {
            let state = StateAggregate::new(function, Stage::Rows, &leaf.measure);
            AggregateUDF::from(state).call(inputs)
        }
        LeafAggregate::Merge(function, states) => {
            let merge = StateAggregate::new(function, Stage::Merge, &leaf.measure);
            AggregateUDF::from(merge).call(vec![states])
        }
        LeafAggregate::Min(input) => min(input),
        LeafAggregate::Max(input) => max(input),
        LeafAggregate::Distinct(input) => count_distinct(input),
        LeafAggregate::Periods => return internal_err!("periods are counted by the time map"),
        LeafAggregate::Other(call) => Expr::AggregateFunction(*call),
    };
    match (expr, leaf.filter.clone()) {
        (Expr::AggregateFunction(mut call), Some(filter)) => {
            call.params.filter = Some(Box::new(filter));
            Ok(Expr::AggregateFunction(call))
        }
        (expr, _) => Ok(expr),
    }
}
