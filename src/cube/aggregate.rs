//! One `Aggregate` over a cube as a [`StarQuery`].

use std::sync::Arc;

use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::{Column, Result, plan_err};
use datafusion::functions::core::expr_fn::coalesce;
use datafusion::logical_expr::expr::{AggregateFunction, InSubquery};
use datafusion::logical_expr::utils::split_conjunction_owned;
use datafusion::logical_expr::{Aggregate, Distinct, Expr, LogicalPlan, LogicalPlanBuilder, cast};

use super::input::{CubeInput, measure_name, measures_of};
use super::measure_use::{MeasureUse, is_choice_of_constants, measure_in};
use super::model::{Additivity, AggregateKind, Measure};
use super::normal_form::{
    Leaf, LeafAggregate, StarQuery, columns, leaf, leaf_position, substitute,
};
use super::planner;
use super::relation::Mode;
use super::sql::AGG;

/// The plan that computes `aggregate`, whose input is `input`; same columns, same names.
pub(super) fn plan(aggregate: &Aggregate, input: &CubeInput) -> Result<LogicalPlan> {
    let mut translation =
        Translation { input, query: StarQuery::new(&input.cube.cube.name), having: Vec::new() };
    for filter in &input.filters {
        for condition in split_conjunction_owned(filter.clone()) {
            translation.filter(condition)?;
        }
    }
    for group in &aggregate.group_expr {
        translation.group(group)?;
    }
    let mut shown = Vec::new();
    for expr in &aggregate.aggr_expr {
        let (value, measure) = translation.aggregate(expr)?;
        translation.query.finals.push(value);
        shown.push(measure);
    }
    translation.plan(aggregate, &shown)
}

struct Translation<'a> {
    input: &'a CubeInput,
    query: StarQuery,
    /// Conditions over leaves.
    having: Vec<Expr>,
}

impl Translation<'_> {
    /// A condition over rows; in lenient mode one over measures is one over groups.
    fn filter(&mut self, condition: Expr) -> Result<()> {
        let measures = measures_of(&condition);
        let Some(measure) = measures.first() else {
            self.query.filters.push(with_distinct_members(condition)?);
            return Ok(());
        };
        if self.input.mode == Mode::Strict {
            return plan_err!(
                "the measure `{measure}` cannot stand in WHERE; write HAVING AGG({measure}) …"
            );
        }
        if columns(&condition).iter().any(|column| measure_name(column).is_none()) {
            return plan_err!(
                "a condition in WHERE mixes the measure `{measure}` with levels; \
                 put the part with measures into HAVING AGG({measure}) …"
            );
        }
        let mut values = Vec::new();
        for measure in measures {
            let value = self.measure_value(&measure, None)?;
            values.push((measure, value));
        }
        let over_leaves = substitute(condition, &|column| {
            let name = measure_name(column)?;
            values.iter().find(|(measure, _)| measure == name).map(|(_, value)| value.clone())
        })?;
        self.having.push(over_leaves);
        Ok(())
    }

    fn group(&mut self, group: &Expr) -> Result<()> {
        let group = self.input.over_cube(group.clone())?;
        if let Some(measure) = measures_of(&group).first() {
            return plan_err!(
                "the measure `{measure}` cannot be grouped by; write AGG({measure}) and group by levels"
            );
        }
        self.query.groups.push(group);
        Ok(())
    }

    /// The value of one aggregate of the query, and the measure it is when it is just that.
    fn aggregate(&mut self, expr: &Expr) -> Result<(Expr, Option<String>)> {
        let Expr::AggregateFunction(call) = expr.clone().unalias_nested().data else {
            return plan_err!("`{expr}` cannot be computed over a cube");
        };
        let mut call = call;
        let input = self.input;
        let over = |expr: Expr| input.over_cube(expr);
        call.params.args = call.params.args.into_iter().map(over).collect::<Result<_>>()?;
        for sort in &mut call.params.order_by {
            sort.expr = input.over_cube(sort.expr.clone())?;
        }
        let filter = match call.params.filter.take() {
            Some(filter) => Some(self.input.over_cube(*filter)?),
            None => None,
        };
        if let Some(measure) = filter.as_ref().map(measures_of).unwrap_or_default().first() {
            return plan_err!(
                "FILTER chooses fact rows, on which the measure `{measure}` has no value; \
                 aggregate in a CTE first, then filter"
            );
        }
        match self.measure_use(&call)? {
            Some(used) => self.measure_aggregate(&call, used, filter),
            None => Ok((self.level_aggregate(call, filter)?, None)),
        }
    }

    /// What `call` is applied to, when that is a measure.
    fn measure_use(&self, call: &AggregateFunction) -> Result<Option<MeasureUse>> {
        let order = call.params.order_by.iter().map(|sort| &sort.expr);
        let used: Vec<String> =
            call.params.args.iter().chain(order).flat_map(measures_of).collect();
        let Some(measure) = used.first() else { return Ok(None) };
        let found = match call.params.args.as_slice() {
            [argument] if call.params.order_by.is_empty() => measure_in(argument),
            _ => None,
        };
        if found.is_none() {
            let function = call.func.name().to_uppercase();
            return plan_err!(
                "{function} is applied to an expression of the measure `{measure}`; \
                 apply AGG to the measure itself and compute with its result, as in AGG({measure}) * 2"
            );
        }
        Ok(found)
    }

    fn measure_aggregate(
        &mut self,
        call: &AggregateFunction,
        used: MeasureUse,
        filter: Option<Expr>,
    ) -> Result<(Expr, Option<String>)> {
        let MeasureUse { name, condition, zero, cast_to } = used;
        let Some(measure) = self.input.cube.cube.measure(&name) else {
            return plan_err!("the cube `{}` has no measure `{name}`", self.query.cube);
        };
        check_function(call, measure, self.input.mode)?;
        if zero.is_some() && measure.additivity != Additivity::Additive {
            return plan_err!(
                "ELSE 0 does not fit the measure `{name}`, whose parts do not add up; \
                 write AGG({name}) FILTER (WHERE …)"
            );
        }
        let filter = both(condition, filter);
        let just_measure = filter.is_none() && zero.is_none() && cast_to.is_none();
        let value = self.measure_value(&name, filter)?;
        let value = match zero {
            Some(zero) => coalesce(vec![value, zero]),
            None => value,
        };
        let value = match cast_to {
            Some(data_type) => cast(value, data_type),
            None => value,
        };
        Ok((value, just_measure.then_some(name)))
    }

    /// The measure `name` over leaves, of the fact rows that `filter` keeps.
    fn measure_value(&mut self, name: &str, filter: Option<Expr>) -> Result<Expr> {
        let Some(measure) = self.input.cube.measure(name) else {
            return plan_err!("the cube `{}` has no measure `{name}`", self.query.cube);
        };
        let places: Vec<usize> = measure
            .leaves
            .iter()
            .map(|leaf| {
                let mut leaf = leaf.clone();
                leaf.filter = both(leaf.filter, filter.clone());
                self.query.add_leaf(leaf)
            })
            .collect();
        substitute(measure.finish.clone(), &|column: &Column| {
            leaf_position(column).map(|position| leaf(places[position]))
        })
    }

    /// An aggregate over levels or over nothing but fact rows.
    fn level_aggregate(&mut self, call: AggregateFunction, filter: Option<Expr>) -> Result<Expr> {
        let function = call.func.name().to_owned();
        let of_level = call.params.args.iter().flat_map(columns).next();
        if let Some(level) = &of_level {
            check_level_function(&call, &level.name)?;
        } else if function == AGG {
            return plan_err!("AGG takes a measure, as in AGG({})", self.any_measure());
        }
        let plain = call.params.order_by.is_empty() && call.params.null_treatment.is_none();
        let aggregate = match (function.as_str(), call.params.args.as_slice()) {
            ("count", [argument]) if plain && call.params.distinct => {
                LeafAggregate::Distinct(argument.clone())
            }
            ("count", []) => LeafAggregate::Rows,
            ("count", [Expr::Literal(value, _)]) if !value.is_null() => LeafAggregate::Rows,
            ("count", [argument]) if plain => LeafAggregate::Count(argument.clone()),
            ("min", [argument]) if plain => LeafAggregate::Min(argument.clone()),
            ("max", [argument]) if plain => LeafAggregate::Max(argument.clone()),
            _ => LeafAggregate::Other(Box::new(call)),
        };
        let leaf_of = Leaf { aggregate, filter, measure: function };
        Ok(leaf(self.query.add_leaf(leaf_of)))
    }

    fn any_measure(&self) -> &str {
        self.input.cube.cube.measures.first().map_or("measure", |measure| measure.name.as_str())
    }

    /// Plans the query and gives its columns the names of `aggregate`'s.
    fn plan(mut self, aggregate: &Aggregate, shown: &[Option<String>]) -> Result<LogicalPlan> {
        let shown_count = self.query.finals.len();
        let having = self.having.into_iter().reduce(Expr::and);
        self.query.finals.extend(having.clone());
        let mut plan = planner::plan(&self.query, &self.input.cube)?;
        let columns = plan.schema().columns();
        if having.is_some()
            && let Some(condition) = columns.last()
        {
            let condition = Expr::Column(condition.clone());
            plan = LogicalPlanBuilder::from(plan).filter(condition)?.build()?;
        }
        let group_count = aggregate.schema.fields().len() - shown_count;
        let named = columns.iter().take(group_count + shown_count).enumerate();
        let named = named.map(|(position, column)| {
            let (relation, field) = aggregate.schema.qualified_field(position);
            let measure = position.checked_sub(group_count).and_then(|at| shown[at].as_deref());
            let metadata = measure.and_then(|measure| self.input.cube.metadata(measure));
            let column = Expr::Column(column.clone());
            column.alias_qualified_with_metadata(relation.cloned(), field.name(), metadata)
        });
        let named: Vec<Expr> = named.collect();
        LogicalPlanBuilder::from(plan).project(named)?.build()
    }
}

/// Whether a plain aggregate may stand for the measure.
fn check_function(call: &AggregateFunction, measure: &Measure, mode: Mode) -> Result<()> {
    let function = call.func.name();
    if function == AGG {
        return Ok(());
    }
    let distinct = call.params.distinct;
    let plain = measure.plain_aggregate();
    if plain.is_some_and(|plain| plain.is(function, distinct)) {
        return Ok(());
    }
    let counts = measure.aggregate_kind().is_some_and(AggregateKind::counts);
    let understood = match function {
        "sum" | "avg" => !distinct,
        "min" | "max" | "any_value" => true,
        "count" => counts,
        _ => false,
    };
    let name = &measure.name;
    if mode == Mode::Lenient && understood {
        tracing::warn!(function, measure = %name, "an aggregate was taken as AGG of the measure");
        return Ok(());
    }
    let written = if distinct {
        format!("{function}(DISTINCT {name})")
    } else {
        format!("{function}({name})")
    };
    let written = written.replacen(function, &function.to_uppercase(), 1);
    let own = plain.map(|plain| format!(" or {}", plain.sql(name))).unwrap_or_default();
    let over_time = measure.over_time().map(|how| format!(" over_time {}", how.word()));
    plan_err!(
        "{written} does not fit the measure `{name}`, a {}{}; write AGG({name}){own}",
        measure.kind(),
        over_time.unwrap_or_default()
    )
}

/// Whether an aggregate over a level means something although members repeat over fact rows.
fn check_level_function(call: &AggregateFunction, level: &str) -> Result<()> {
    let function = call.func.name();
    if function == AGG {
        return plan_err!(
            "AGG takes a measure and `{level}` is a level; count its members with COUNT(DISTINCT {level})"
        );
    }
    let indifferent = [
        "count",
        "min",
        "max",
        "any_value",
        "first_value",
        "last_value",
        "approx_distinct",
        "bool_and",
        "bool_or",
    ];
    let counts_rows = function == "sum" && call.params.args.iter().all(is_choice_of_constants);
    if call.params.distinct || indifferent.contains(&function) || counts_rows {
        return Ok(());
    }
    let function = function.to_uppercase();
    plan_err!(
        "{function} over the level `{level}` would take each member once per fact row; \
         write {function}(DISTINCT {level}), or select the members in a CTE first"
    )
}

fn both(left: Option<Expr>, right: Option<Expr>) -> Option<Expr> {
    match (left, right) {
        (Some(left), Some(right)) => Some(left.and(right)),
        (left, right) => left.or(right),
    }
}

/// `level IN (SELECT …)` with the members listed once: the engine is slow at it otherwise.
fn with_distinct_members(condition: Expr) -> Result<Expr> {
    let distinct = condition.transform_up(|part| {
        let Expr::InSubquery(InSubquery { expr, mut subquery, negated }) = part else {
            return Ok(Transformed::no(part));
        };
        let once = matches!(*subquery.subquery, LogicalPlan::Distinct(_));
        if !once && subquery.outer_ref_columns.is_empty() {
            let members = Distinct::All(Arc::clone(&subquery.subquery));
            subquery.subquery = Arc::new(LogicalPlan::Distinct(members));
        }
        Ok(Transformed::yes(Expr::InSubquery(InSubquery { expr, subquery, negated })))
    })?;
    Ok(distinct.data)
}
