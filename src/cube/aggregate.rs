//! One `Aggregate` over a cube as a [`StarQuery`].

use std::collections::BTreeSet;
use std::sync::Arc;

use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::{Column, Result, plan_err};
use datafusion::functions::core::expr_fn::{coalesce, greatest};
use datafusion::logical_expr::expr::{AggregateFunction, InSubquery};
use datafusion::logical_expr::utils::{split_conjunction, split_conjunction_owned};
use datafusion::logical_expr::{Aggregate, Distinct, Expr, LogicalPlan, LogicalPlanBuilder, cast};

use super::bound::{BoundCube, BoundMeasure};
use super::bridge::{check_shared, weighted};
use super::calculation::Values;
use super::context::{Context, Scope, TimeWindow};
use super::input::{CubeInput, measure_name, measures_of};
use super::measure::{Additivity, AggregateKind, Measure};
use super::measure_use::{MeasureUse, is_choice_of_constants, measure_in};
use super::member_count::counted;
use super::normal_form::{
    Final, Leaf, LeafAggregate, StarQuery, columns, leaf, leaf_position, level_name, substitute,
};
use super::relation::Mode;
use super::sql::AGG;
use super::star_text::text;
use super::subject::{is_over, mixes, role_of_days};
use super::{planner, text_comparison};

/// The dimension whose roles are time.
const DATE: &str = "date";

/// The plan that computes `aggregate`, whose input is `input`; same columns, same names. `seen` is
/// told the question.
pub(super) fn plan(
    aggregate: &Aggregate,
    input: &CubeInput,
    seen: &mut dyn FnMut(&StarQuery),
) -> Result<LogicalPlan> {
    let mut translation =
        Translation { input, query: StarQuery::new(&input.cube.cube.name), having: Vec::new() };
    let conditions = input.filters.iter().cloned().flat_map(split_conjunction_owned);
    let (over_measures, over_rows): (Vec<Expr>, Vec<Expr>) =
        conditions.partition(|condition| !measures_of(condition).is_empty());
    for condition in over_rows {
        text_comparison::check(&condition, &input.cube)?;
        translation.query.filters.push(with_distinct_members(condition)?);
    }
    for group in &aggregate.group_expr {
        translation.group(group)?;
    }
    for condition in over_measures {
        translation.having(condition)?;
    }
    let mut shown = Vec::new();
    for expr in &aggregate.aggr_expr {
        let (value, measure) = translation.aggregate(expr)?;
        translation.query.finals.push(value);
        shown.push(measure);
    }
    translation.plan(aggregate, &shown, seen)
}

struct Translation<'a> {
    input: &'a CubeInput,
    query: StarQuery,
    /// Conditions over leaves.
    having: Vec<Expr>,
}

impl Translation<'_> {
    /// A condition over measures in WHERE: in lenient mode it is one over groups.
    fn having(&mut self, condition: Expr) -> Result<()> {
        let measures = measures_of(&condition);
        let Some(measure) = measures.first() else { return Ok(()) };
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
            let shown = self.shown(&measure, None)?;
            if shown.place.is_some() {
                return plan_err!(
                    "`{measure}` cannot stand in WHERE; aggregate in a CTE first, then filter"
                );
            }
            values.push((measure, shown.value));
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
    fn aggregate(&mut self, expr: &Expr) -> Result<(Final, Option<String>)> {
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
        if let Some(filter) = &filter {
            text_comparison::check(filter, &self.input.cube)?;
        }
        if let Some(measure) = filter.as_ref().map(measures_of).unwrap_or_default().first() {
            return plan_err!(
                "FILTER chooses fact rows, on which the measure `{measure}` has no value; \
                 aggregate in a CTE first, then filter"
            );
        }
        match self.measure_use(&call)? {
            Some(used) => self.measure_aggregate(&call, used, filter),
            None => Ok((Final::value(self.level_aggregate(call, filter)?), None)),
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
    ) -> Result<(Final, Option<String>)> {
        let MeasureUse { name, condition, zero, cast_to } = used;
        check_function(call, &name, self.input)?;
        let additive = |measure: &Measure| measure.additivity == Additivity::Additive;
        if zero.is_some() && !self.input.cube.cube.measure(&name).is_some_and(additive) {
            return plan_err!(
                "ELSE 0 does not fit the measure `{name}`, whose parts do not add up; \
                 write AGG({name}) FILTER (WHERE …)"
            );
        }
        let filter = both(condition, filter);
        let just_measure = filter.is_none() && zero.is_none() && cast_to.is_none();
        let mut shown = self.shown(&name, filter)?;
        if let Some(zero) = zero {
            shown.value = coalesce(vec![shown.value, zero]);
        }
        if let Some(data_type) = cast_to {
            if shown.place.is_some() {
                return plan_err!("cast the result instead, as in CAST(AGG({name}) AS …)");
            }
            shown.value = cast(shown.value, data_type);
        }
        Ok((shown, just_measure.then_some(name)))
    }

    /// The measure or calculation `name`, of the fact rows that `filter` keeps.
    fn shown(&mut self, name: &str, filter: Option<Expr>) -> Result<Final> {
        let cube = Arc::clone(&self.input.cube);
        if cube.measure(name).is_some() {
            let value = self.measure_value(name, filter, Context::default())?;
            return Ok(Final::value(value));
        }
        let Some((measure, calculation)) = cube.calculation(name)? else {
            return plan_err!("the cube `{}` has no measure `{name}`", self.query.cube);
        };
        let data_type = self.measure(&measure.name, &cube)?.data_type.clone();
        let mut values = InContext { translation: self, measure: &measure.name, filter };
        calculation.finish(measure, &data_type, &mut values)
    }

    /// The measure `name`, as it is shared out where groups have shares by weights.
    fn measure<'c>(&self, name: &str, cube: &'c BoundCube) -> Result<&'c BoundMeasure> {
        let groups: Vec<&Expr> = self.query.groups.iter().flat_map(members).collect();
        let found = match weighted(&groups, cube)? {
            None => cube.measure(name),
            Some(shares) => {
                check_shared(name, shares, cube)?;
                cube.shared_measure(name)?
            }
        };
        match found {
            Some(measure) => Ok(measure),
            None => plan_err!("the cube `{}` has no measure `{name}`", self.query.cube),
        }
    }

    /// The measure `name` over leaves, of the facts of `context` that `filter` keeps.
    fn measure_value(
        &mut self,
        name: &str,
        filter: Option<Expr>,
        context: Context,
    ) -> Result<Expr> {
        let cube = Arc::clone(&self.input.cube);
        let measure = self.measure(name, &cube)?;
        if let Some(filter) = &filter {
            check_related(filter, measure, name, &cube)?;
        }
        let (context, filter) = self.in_time(context, filter)?;
        let mut places = Vec::new();
        for leaf in &measure.leaves {
            let leaf = match &leaf.context.scope {
                Scope::Cell => Leaf {
                    filter: both(leaf.filter.clone(), filter.clone()),
                    context: context.clone(),
                    ..leaf.clone()
                },
                Scope::Days(key) => self.of_days(leaf, key, &context, filter.as_ref())?,
            };
            places.push(self.query.add_leaf(leaf));
        }
        substitute(measure.finish.clone(), &|column: &Column| {
            leaf_position(column).map(|position| leaf(places[position]))
        })
    }

    /// `leaf`, which is over all facts on the days of a cell, in `context`: of `filter` only what it
    /// says of days counts.
    fn of_days(
        &self,
        leaf: &Leaf,
        key: &str,
        context: &Context,
        filter: Option<&Expr>,
    ) -> Result<Leaf> {
        let mut leaf = leaf.clone();
        let role = role_of_days(key, leaf.base, &self.input.cube);
        let mut context = Context { scope: leaf.context.scope.clone(), ..context.clone() };
        if context.time != TimeWindow::Own && self.query.time_role != role {
            // Days of another role are not these days.
            (context.time, context.conditions) = (TimeWindow::Own, Vec::new());
        }
        leaf.context = context;
        for condition in filter.into_iter().flat_map(split_conjunction) {
            let Some(role) = role else { continue };
            check_apart(condition, role, &self.input.cube)?;
            if is_over(condition, role, &self.input.cube) {
                leaf.filter = both(leaf.filter, Some(condition.clone()));
            }
        }
        Ok(leaf)
    }

    /// `context` with what `filter` says about time, and the rest of `filter`.
    fn in_time(
        &mut self,
        mut context: Context,
        filter: Option<Expr>,
    ) -> Result<(Context, Option<Expr>)> {
        if context.time == TimeWindow::Own {
            return Ok((context, filter));
        }
        let role = self.time_role(filter.as_ref())?;
        let mut rest = None;
        for condition in filter.into_iter().flat_map(split_conjunction_owned) {
            check_apart(&condition, role, &self.input.cube)?;
            if is_over(&condition, role, &self.input.cube) {
                context.conditions.push(condition);
            } else {
                rest = both(rest, Some(condition));
            }
        }
        Ok((context, rest))
    }

    /// The role of `date` that the question speaks of; everything said about it stands apart.
    fn time_role(&mut self, filter: Option<&Expr>) -> Result<usize> {
        if let Some(role) = self.query.time_role {
            return Ok(role);
        }
        let role = time_role(&self.query, filter, &self.input.cube)?;
        for expr in self.query.groups.iter().flat_map(members).chain(&self.query.filters) {
            check_apart(expr, role, &self.input.cube)?;
        }
        self.query.time_role = Some(role);
        Ok(role)
    }

    /// An aggregate over levels or over nothing but fact rows.
    fn level_aggregate(&mut self, call: AggregateFunction, filter: Option<Expr>) -> Result<Expr> {
        let function = call.func.name().to_owned();
        if let [first, ..] = self.input.cube.cube.bases.as_slice() {
            return plan_err!(
                "{} does not say of which fact; ask a measure, or the cube `{}`",
                function.to_uppercase(),
                first.cube
            );
        }
        let of_level = call.params.args.iter().flat_map(columns).next();
        if let Some(level) = &of_level {
            check_level_function(&call, &level.name)?;
            let cube = &self.input.cube;
            if let Some(counted) = counted(&call, filter.as_ref(), &mut self.query, cube)? {
                return Ok(counted);
            }
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
        let context = Context::default();
        let leaf_of = Leaf { aggregate, filter, context, base: 0, measure: function };
        Ok(leaf(self.query.add_leaf(leaf_of)))
    }

    fn any_measure(&self) -> &str {
        self.input.cube.cube.measures.first().map_or("measure", |measure| measure.name.as_str())
    }

    /// Plans the query and gives its columns the names of `aggregate`'s.
    fn plan(
        mut self,
        aggregate: &Aggregate,
        shown: &[Option<String>],
        seen: &mut dyn FnMut(&StarQuery),
    ) -> Result<LogicalPlan> {
        let shown_count = self.query.finals.len();
        let having = self.having.into_iter().reduce(Expr::and);
        self.query.finals.extend(having.clone().map(Final::value));
        self.query.note_members(&self.input.cube.cube);
        seen(&self.query);
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

/// A fact cannot be chosen by what it does not have.
fn check_related(
    filter: &Expr,
    measure: &BoundMeasure,
    name: &str,
    cube: &BoundCube,
) -> Result<()> {
    for base in measure.leaves.iter().filter_map(|leaf| cube.cube.bases.get(leaf.base)) {
        for column in columns(filter) {
            let Some(level) = level_name(&column).filter(|level| base.lacking.contains(*level))
            else {
                continue;
            };
            return plan_err!(
                "`{name}` is chosen by `{level}`, which the cube `{}` does not have; choose its \
                 facts by levels that it has",
                base.cube
            );
        }
    }
    Ok(())
}

/// The values of one measure in the contexts a calculation asks for.
struct InContext<'t, 'a> {
    translation: &'t mut Translation<'a>,
    measure: &'t str,
    filter: Option<Expr>,
}

impl Values for InContext<'_, '_> {
    fn measure(&mut self, context: Context) -> Result<Expr> {
        self.translation.measure_value(self.measure, self.filter.clone(), context)
    }

    /// Those of the facts that the measure is made of; of several, which begin on days of their own,
    /// the most, as a period counts in which any of them can have had facts.
    fn period_count(&mut self, context: Context) -> Result<Expr> {
        let (context, _) = self.translation.in_time(context, self.filter.clone())?;
        let cube = Arc::clone(&self.translation.input.cube);
        let leaves = cube.measure(self.measure).map_or(&[][..], |measure| &measure.leaves);
        let bases: BTreeSet<usize> = leaves.iter().map(|leaf| leaf.base).collect();
        let mut counts = Vec::new();
        for base in bases {
            let periods = Leaf {
                aggregate: LeafAggregate::Periods,
                filter: None,
                context: context.clone(),
                base,
                measure: self.measure.to_owned(),
            };
            counts.push(leaf(self.translation.query.add_leaf(periods)));
        }
        Ok(match counts.pop() {
            Some(only) if counts.is_empty() => only,
            Some(last) => greatest(counts.into_iter().chain([last]).collect()),
            None => return plan_err!("`{}` is made of no facts", self.measure),
        })
    }
}

/// The expressions of a group, which may be sets of them.
fn members(group: &Expr) -> Vec<&Expr> {
    match group {
        Expr::GroupingSet(sets) => sets.distinct_expr(),
        other => vec![other],
    }
}

/// The role of `date` a question speaks of: in its groups, else in its conditions, else the main one.
fn time_role(query: &StarQuery, filter: Option<&Expr>, cube: &BoundCube) -> Result<usize> {
    let roles = cube.cube.roles.iter().enumerate();
    let dates: Vec<usize> =
        roles.filter(|(_, role)| role.dimension.name == DATE).map(|(at, _)| at).collect();
    let used = |exprs: &[Expr]| -> BTreeSet<usize> {
        let used = exprs.iter().flat_map(columns);
        let used = used.filter_map(|column| cube.cube.column(level_name(&column)?)?.role);
        used.filter(|role| dates.contains(role)).collect()
    };
    let filter: Vec<Expr> = filter.into_iter().cloned().collect();
    for exprs in [&query.groups, &query.filters, &filter] {
        let used = used(exprs);
        if let (Some(role), 1) = (used.first(), used.len()) {
            return Ok(*role);
        }
    }
    let unnamed = dates.iter().find(|at| cube.cube.roles[**at].role.name == DATE);
    match unnamed.or(dates.first()) {
        Some(role) => Ok(*role),
        None => plan_err!(
            "the cube `{}` has no dimension `{DATE}`, which calculations over time need",
            cube.cube.name
        ),
    }
}

/// A calculation sees other days than the question's, and a balance the last day of all facts, so that
/// what is said about days must be told from the rest.
fn check_apart(expr: &Expr, role: usize, cube: &BoundCube) -> Result<()> {
    if !mixes(expr, role, cube) {
        return Ok(());
    }
    let role = &cube.cube.roles[role].role.name;
    plan_err!(
        "`{}` mixes levels of {role} with others, and what looks at other days or facts cannot tell \
         them apart; write separate conditions with AND, and separate groups",
        text(expr)
    )
}

/// Whether a plain aggregate may stand for the measure or calculation `name`.
fn check_function(call: &AggregateFunction, name: &str, input: &CubeInput) -> Result<()> {
    let function = call.func.name();
    if function == AGG {
        return match call.params.distinct {
            true => plan_err!(
                "AGG(DISTINCT {name}) has no meaning: `{name}` is one value in each cell; write AGG({name})"
            ),
            false => Ok(()),
        };
    }
    let mode = input.mode;
    let measure = input.cube.cube.measure(name);
    let distinct = call.params.distinct;
    let plain = measure.and_then(Measure::plain_aggregate);
    if plain.is_some_and(|plain| plain.is(function, distinct)) {
        return Ok(());
    }
    let counts = measure.and_then(Measure::aggregate_kind).is_some_and(AggregateKind::counts);
    let understood = match function {
        "sum" | "avg" => !distinct,
        "min" | "max" | "any_value" => true,
        "count" => counts,
        _ => false,
    };
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
    let over_time = measure.and_then(Measure::over_time);
    let over_time = over_time.map(|how| format!(" over_time {}", how.word()));
    plan_err!(
        "{written} does not fit the measure `{name}`, a {}{}; write AGG({name}){own}",
        measure.map_or("calculation", Measure::kind),
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
