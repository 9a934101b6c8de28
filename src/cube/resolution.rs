//! From a declared measure to leaves over tables, and what to make of them.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema};
use datafusion::common::{DFSchema, DataFusionError, TableReference, plan_err};
use datafusion::config::ConfigOptions;
use datafusion::execution::SessionState;
use datafusion::logical_expr::utils::split_conjunction_owned;
use datafusion::logical_expr::{
    EmptyRelation, Expr, ExprSchemable, LogicalPlan, Projection, lit, when,
};
use datafusion::optimizer::AnalyzerRule;
use datafusion::optimizer::analyzer::type_coercion::TypeCoercion;

use super::arithmetic::{checked_arithmetic, true_division, whole_division, widened};
use super::bound::{BoundCube, BoundMeasure};
use super::checked_sum::summed_as;
use super::context::{Context, Scope};
use super::conversion::Conversion;
use super::divisor::named_divisions;
use super::measure::{AggregateDefinition, AggregateKind, Definition, Input, Measure};
use super::normal_form::{
    FACT, LEVEL, Leaf, LeafAggregate, column_of, columns, leaf, leaf_position, level, level_name,
    rate, substitute,
};
use super::shares::with_places;
use super::subject::{is_over, role_of_days};
use super::{leaves, planner};
use crate::translate::checked_decimals;

/// What a measure is resolved with.
#[derive(Clone, Copy)]
pub(super) struct Known<'a> {
    /// The measures that are resolved already, by name.
    pub measures: &'a HashMap<String, BoundMeasure>,
    /// Where sums are shared out by weights: how many more digits after the point their parts have.
    pub places: Option<i8>,
}

/// What a measure aggregates.
struct Amount {
    /// A value of each row; none for rows as such.
    input: Option<Expr>,
    /// The same before rates convert it, where they do.
    given: Option<Expr>,
}

impl BoundCube {
    /// What `measure` computes from facts, over these fields of levels.
    pub(super) fn resolve(
        &self,
        measure: &Measure,
        levels: &[Field],
        known: Known<'_>,
        state: &SessionState,
    ) -> Result<BoundMeasure, DataFusionError> {
        let base = self.cube.origins.get(&measure.name);
        let of_base = base.map(|base| match known.places {
            None => Ok(self.base(*base).measure(&measure.name)),
            Some(_) => self.base(*base).shared_measure(&measure.name),
        });
        if let (Some(base), Some(known)) = (base, of_base.transpose()?.flatten()) {
            let mut known = known.clone();
            known.leaves.iter_mut().for_each(|leaf| leaf.base = *base);
            return Ok(known);
        }
        let (leaves, finish) = match &measure.definition {
            Definition::Aggregate(aggregate) => {
                self.aggregate(measure, aggregate, levels, known.places, state)?
            }
            Definition::Formula { expr, .. } => formula(expr, known.measures, state)?,
        };
        let (finish, data_type) = self.typed(&leaves, finish)?;
        Ok(BoundMeasure { leaves, finish, data_type })
    }

    /// The leaves of a measure that aggregates fact rows, and what to make of them.
    fn aggregate(
        &self,
        measure: &Measure,
        aggregate: &AggregateDefinition,
        levels: &[Field],
        places: Option<i8>,
        state: &SessionState,
    ) -> Result<(Vec<Leaf>, Expr), DataFusionError> {
        let fact = DFSchema::try_from_qualified_schema(FACT, &self.fact().schema())?;
        let filter = aggregate.filter.as_ref();
        let filter =
            filter.map(|sql| over_fact_and_levels(sql, &fact, levels, state)).transpose()?;
        let Amount { mut input, given } = self.amount(measure, aggregate, &fact, state)?;
        let places = places.filter(|_| is_shared_out(aggregate)).unwrap_or(0);
        if places > 0 {
            let schema = self.fact_schema(measure.rates())?;
            input = input
                .map(|amount| with_places(amount, places, &schema, &measure.name))
                .transpose()?;
        }
        let day = aggregate.day.as_deref().map(of_fact);
        let make = |aggregate: LeafAggregate| Leaf {
            aggregate,
            filter: filter.clone(),
            context: Context::default(),
            base: 0,
            measure: measure.name.clone(),
        };
        let mut leaves: Vec<Leaf> =
            leaves::aggregates(aggregate, input, day.clone())?.into_iter().map(make).collect();
        if let (Some(found), Some(key)) =
            (leaves::day_that_counts(aggregate, day.clone())?, &aggregate.day)
        {
            leaves.push(Leaf {
                filter: filter.clone().and_then(|filter| self.of_days(filter, key)),
                context: Context { scope: Scope::Days(key.clone()), ..Context::default() },
                ..make(found)
            });
        }
        let first = planner::leaf_type(self, &leaves[0])?;
        let mut finish = leaves::finish(aggregate, &first)?;
        if let (Some(rates), Some(amount)) = (measure.rates(), given) {
            let data_type = widened(amount.clone(), &fact)?.get_type(&fact)?;
            let of_amount = self.typed(&leaves, finish)?;
            let unrated = leaves::unrated(rates, amount, day)?;
            let shown = leaves::rated_type(&data_type, places);
            finish = leaves::finish_rated(&measure.name, rates, of_amount, shown, leaves.len());
            leaves.extend(unrated.into_iter().map(make));
        }
        Ok((leaves, finish))
    }

    /// What `aggregate` is over.
    fn amount(
        &self,
        measure: &Measure,
        aggregate: &AggregateDefinition,
        fact: &DFSchema,
        state: &SessionState,
    ) -> Result<Amount, DataFusionError> {
        match &aggregate.input {
            Input::Rows => Ok(Amount { input: None, given: None }),
            Input::Expression(sql) => {
                let rates = measure.rates();
                let with_rate = self.fact_schema(rates)?;
                let amount = whole_division(state.create_logical_expr(sql, fact)?, fact)?;
                let amount = named_divisions(amount, fact, &measure.name, sql)?;
                let given = rates.map(|_| amount.clone());
                let amount = match &aggregate.conversion {
                    Some(Conversion::Column(rate)) => amount * of_fact(rate),
                    Some(Conversion::Rates(rates)) => amount * rate(&rates.name()),
                    None => amount,
                };
                let input = widened(checked_decimals(amount, &with_rate, sql)?, &with_rate)?;
                check_type(aggregate, &input.get_type(&with_rate)?)?;
                Ok(Amount { input: Some(input), given })
            }
            // Unknown and not applicable are no members to count, nor is each version of one.
            Input::Members(key) => {
                let member = self.cube.member_of(key);
                let member = member.map_or_else(|| of_fact(key), |column| level(&column.name));
                let known = when(member.clone().gt_eq(lit(0_i64)), member).end()?;
                Ok(Amount { input: Some(known), given: None })
            }
        }
    }

    /// What `filter` says of days alone, which are those of the role with the key column `key`.
    fn of_days(&self, filter: Expr, key: &str) -> Option<Expr> {
        let role = role_of_days(key, 0, self)?;
        let of_levels = |expr: &Expr| columns(expr).iter().all(|c| level_name(c).is_some());
        let of_days = split_conjunction_owned(filter).into_iter();
        of_days.filter(|part| of_levels(part) && is_over(part, role, self)).reduce(Expr::and)
    }

    /// `finish` with every cast written out, and its type.
    fn typed(&self, leaves: &[Leaf], finish: Expr) -> Result<(Expr, DataType), DataFusionError> {
        let fields = leaves.iter().enumerate().map(|(position, leaf)| {
            let data_type = planner::leaf_type(self, leaf)?;
            let field = Arc::new(Field::new(position.to_string(), data_type, true));
            Ok((Some(TableReference::bare("leaf")), field))
        });
        let fields = fields.collect::<Result<Vec<_>, DataFusionError>>()?;
        let schema = DFSchema::new_with_metadata(fields, HashMap::new())?;
        let input = LogicalPlan::EmptyRelation(EmptyRelation {
            produce_one_row: false,
            schema: Arc::new(schema),
        });
        let plan = Projection::try_new(vec![finish.alias("measure")], Arc::new(input))?;
        let options = ConfigOptions::default();
        let plan = TypeCoercion::new().analyze(LogicalPlan::Projection(plan), &options)?;
        let data_type = plan.schema().field(0).data_type().clone();
        match plan {
            LogicalPlan::Projection(mut projection) => {
                let finish = projection.expr.remove(0).unalias();
                Ok((finish, data_type))
            }
            _ => datafusion::common::internal_err!("coercion made a projection something else"),
        }
    }
}

/// A formula with each measure replaced by what it is made of.
fn formula(
    sql: &str,
    measures: &HashMap<String, BoundMeasure>,
    state: &SessionState,
) -> Result<(Vec<Leaf>, Expr), DataFusionError> {
    let field = |(name, measure): (&String, &BoundMeasure)| {
        Field::new(name, measure.data_type.clone(), true)
    };
    let schema = Schema::new(measures.iter().map(field).collect::<Vec<_>>());
    let schema = DFSchema::try_from(schema)?;
    let expr = state.create_logical_expr(sql, &schema)?;
    let expr = checked_decimals(true_division(expr, &schema)?, &schema, sql)?;
    let expr = checked_arithmetic(expr, &schema)?;
    let mut leaves: Vec<Leaf> = Vec::new();
    let mut finishes: HashMap<String, Expr> = HashMap::new();
    // In the order in which they are written, so that plans are the same each time.
    for column in columns(&expr) {
        let Some(measure) = measures.get(&column.name) else { continue };
        if finishes.contains_key(&column.name) {
            continue;
        }
        let start = leaves.len();
        leaves.extend(measure.leaves.iter().cloned());
        let shifted = substitute(measure.finish.clone(), &|column| {
            leaf_position(column).map(|position| leaf(start + position))
        })?;
        finishes.insert(column.name.clone(), shifted);
    }
    let expr = substitute(expr, &|column| finishes.get(&column.name).cloned())?;
    Ok((leaves, expr))
}

/// Whether parts of the sum of `aggregate` are taken by weights.
fn is_shared_out(aggregate: &AggregateDefinition) -> bool {
    aggregate.kind == AggregateKind::Sum && aggregate.over_time.is_none()
}

fn of_fact(column: &str) -> Expr {
    Expr::Column(column_of(FACT, column))
}

/// The condition `sql` over columns of the fact, and over `levels` whose names these do not have.
fn over_fact_and_levels(
    sql: &str,
    fact: &DFSchema,
    levels: &[Field],
    state: &SessionState,
) -> Result<Expr, DataFusionError> {
    let own = |field: &&Field| !fact.has_column_with_unqualified_name(field.name());
    let of_cube = levels.iter().filter(own).cloned().collect::<Vec<_>>();
    let of_cube = DFSchema::try_from_qualified_schema(LEVEL, &Schema::new(of_cube))?;
    let schema = fact.join(&of_cube)?;
    whole_division(state.create_logical_expr(sql, &schema)?, &schema)
}

/// Whether values of type `input` can be aggregated as `aggregate` says.
fn check_type(aggregate: &AggregateDefinition, input: &DataType) -> Result<(), DataFusionError> {
    let sql = aggregate.input.sql();
    let numeric = summed_as(input).is_some();
    match aggregate.kind {
        AggregateKind::Sum | AggregateKind::Avg if !numeric => {
            plan_err!("`{sql}` cannot be summed: it is {input}")
        }
        AggregateKind::Median
        | AggregateKind::Quantile(_)
        | AggregateKind::Variance(_)
        | AggregateKind::Deviation(_)
            if !numeric =>
        {
            plan_err!("`{sql}` has no {}: it is {input}", aggregate.kind.word())
        }
        _ => Ok(()),
    }
}
