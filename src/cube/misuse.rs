//! Measures where they have no value: said clearly instead of answered with NULL.
//!
//! Every aggregate that could be answered has been replaced by now. What is left of a cube is a
//! preview whose measures are NULL, and that is right only for a plain look at its rows.

use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::common::{Column, DFSchema, JoinType, Result, plan_err};
use datafusion::logical_expr::expr::{Exists, InSubquery, SetComparison};
use datafusion::logical_expr::{Distinct, Expr, Join, LogicalPlan};

use super::input::cube_of;
use super::relation::Mode;
use super::sql::AGG;

/// An output column that shows a measure.
#[derive(Clone, Debug)]
struct Unaggregated {
    measure: String,
    mode: Mode,
    /// Whether a join stands between the cube and here.
    joined: bool,
}

/// Which output columns of a plan show measures, by position.
type Outputs = Vec<Option<Unaggregated>>;

/// Fails when `plan` uses a measure in a way that has no meaning.
pub(super) fn check(plan: &LogicalPlan) -> Result<()> {
    trace(plan).map(|_| ())
}

fn trace(plan: &LogicalPlan) -> Result<Outputs> {
    let inputs = plan.inputs().into_iter().map(trace).collect::<Result<Vec<_>>>()?;
    check_subqueries(plan)?;
    match plan {
        LogicalPlan::TableScan(scan) => {
            let Some((cube, mode)) = cube_of(scan) else { return Ok(nothing(plan)) };
            let shows = |name: &String| {
                let measure = cube.is_measure(name).then(|| name.clone())?;
                Some(Unaggregated { measure, mode, joined: false })
            };
            Ok(plan.schema().fields().iter().map(|field| shows(field.name())).collect())
        }
        LogicalPlan::Projection(projection) => {
            let scope = Scope::of(plan, &inputs);
            projection.expr.iter().map(|expr| scope.shown_by(expr)).collect()
        }
        LogicalPlan::Filter(filter) => {
            let scope = Scope::of(plan, &inputs);
            if let Some(found) = scope.shown_by(&filter.predicate)? {
                return in_where(&found);
            }
            Ok(first(inputs))
        }
        LogicalPlan::Sort(sort) => {
            let scope = Scope::of(plan, &inputs);
            sort.expr.iter().try_for_each(|sort| scope.shown_by(&sort.expr).map(|_| ()))?;
            Ok(first(inputs))
        }
        LogicalPlan::SubqueryAlias(_)
        | LogicalPlan::Limit(_)
        | LogicalPlan::Repartition(_)
        | LogicalPlan::Subquery(_) => Ok(first(inputs)),
        LogicalPlan::Window(window) => {
            let scope = Scope::of(plan, &inputs);
            for expr in &window.window_expr {
                if let Some(found) = scope.shown_by(expr)? {
                    return misplaced(&found, "a window function");
                }
            }
            let mut outputs = first(inputs);
            outputs.resize(plan.schema().fields().len(), None);
            Ok(outputs)
        }
        LogicalPlan::Aggregate(aggregate) => {
            let scope = Scope::of(plan, &inputs);
            for expr in aggregate.group_expr.iter().chain(&aggregate.aggr_expr) {
                if let Some(found) = scope.shown_by(expr)? {
                    return misplaced(&found, "LIMIT or another step before GROUP BY");
                }
            }
            aggregate.aggr_expr.iter().try_for_each(check_no_agg)?;
            Ok(nothing(plan))
        }
        LogicalPlan::Distinct(distinct) => of_distinct(distinct, plan, inputs),
        LogicalPlan::Union(_) => match inputs.iter().flatten().flatten().next() {
            Some(found) => misplaced(found, "UNION"),
            None => Ok(nothing(plan)),
        },
        LogicalPlan::Join(join) => of_join(join, plan, inputs),
        _ => Ok(nothing(plan)),
    }
}

fn in_where<T>(found: &Unaggregated) -> Result<T> {
    let measure = &found.measure;
    match found.mode {
        Mode::Strict => plan_err!(
            "the measure `{measure}` cannot stand in WHERE; write HAVING AGG({measure}) …"
        ),
        Mode::Lenient => plan_err!(
            "a condition on the measure `{measure}` needs groups; \
             write GROUP BY over the levels shown and AGG({measure})"
        ),
    }
}

fn of_distinct(distinct: &Distinct, plan: &LogicalPlan, inputs: Vec<Outputs>) -> Result<Outputs> {
    let Distinct::On(on) = distinct else {
        return match inputs.iter().flatten().flatten().next() {
            Some(found) => misplaced(found, "DISTINCT"),
            None => Ok(first(inputs)),
        };
    };
    let scope = Scope::of(plan, &inputs);
    for expr in on.on_expr.iter().chain(&on.select_expr) {
        if let Some(found) = scope.shown_by(expr)? {
            return misplaced(&found, "DISTINCT ON");
        }
    }
    Ok(nothing(plan))
}

/// The columns of a join: shown no further than the join, since rows repeat there.
fn of_join(join: &Join, plan: &LogicalPlan, inputs: Vec<Outputs>) -> Result<Outputs> {
    let scope = Scope::of(plan, &inputs);
    let on = join.on.iter().flat_map(|(left, right)| [left, right]);
    for expr in on.chain(&join.filter) {
        if let Some(found) = scope.shown_by(expr)? {
            return misplaced(&found, "a join");
        }
    }
    let mut inputs = inputs.into_iter();
    let (left, right) = (inputs.next().unwrap_or_default(), inputs.next().unwrap_or_default());
    let mut outputs = match join.join_type {
        JoinType::Inner | JoinType::Left | JoinType::Right | JoinType::Full => {
            left.into_iter().chain(right).collect()
        }
        JoinType::LeftSemi | JoinType::LeftAnti | JoinType::LeftMark => left,
        JoinType::RightSemi | JoinType::RightAnti | JoinType::RightMark => right,
    };
    outputs.resize(plan.schema().fields().len(), None);
    for output in outputs.iter_mut().flatten() {
        output.joined = true;
    }
    Ok(outputs)
}

/// Subqueries are plans of their own; what they give to the outside must be aggregated.
fn check_subqueries(plan: &LogicalPlan) -> Result<()> {
    for expr in plan.expressions() {
        expr.apply(|part| {
            match part {
                Expr::Exists(Exists { subquery, .. }) => check(&subquery.subquery)?,
                Expr::ScalarSubquery(subquery)
                | Expr::InSubquery(InSubquery { subquery, .. })
                | Expr::SetComparison(SetComparison { subquery, .. }) => {
                    if let Some(found) = trace(&subquery.subquery)?.into_iter().flatten().next() {
                        return misplaced(&found, "a subquery");
                    }
                }
                _ => {}
            }
            Ok(TreeNodeRecursion::Continue)
        })?;
    }
    Ok(())
}

fn check_no_agg(expr: &Expr) -> Result<()> {
    expr.apply(|part| {
        if let Expr::AggregateFunction(call) = part
            && call.func.name() == AGG
        {
            let argument = call.params.args.first().map(ToString::to_string).unwrap_or_default();
            return plan_err!("AGG takes a measure of a cube, and `{argument}` is not one here");
        }
        Ok(TreeNodeRecursion::Continue)
    })?;
    Ok(())
}

fn misplaced<T>(found: &Unaggregated, place: &str) -> Result<T> {
    let measure = &found.measure;
    let place = if found.joined { "a join" } else { place };
    plan_err!(
        "the measure `{measure}` cannot pass through {place}; aggregate in a CTE first, as in \
         WITH c AS (SELECT <levels>, AGG({measure}) AS {measure} FROM <cube> GROUP BY <levels>), then use c"
    )
}

fn nothing(plan: &LogicalPlan) -> Outputs {
    vec![None; plan.schema().fields().len()]
}

fn first(inputs: Vec<Outputs>) -> Outputs {
    inputs.into_iter().next().unwrap_or_default()
}

/// The columns an expression of a node can name.
struct Scope<'a> {
    columns: Vec<(&'a DFSchema, &'a Outputs)>,
}

impl<'a> Scope<'a> {
    fn of(plan: &'a LogicalPlan, inputs: &'a [Outputs]) -> Self {
        let schemas = plan.inputs().into_iter().map(|input| input.schema().as_ref());
        Self { columns: schemas.zip(inputs).collect() }
    }

    /// The measure `expr` uses, if any; one from behind a join is a mistake anywhere.
    fn shown_by(&self, expr: &Expr) -> Result<Option<Unaggregated>> {
        let mut found = None;
        for column in expr.column_refs() {
            if let Some(shown) = self.shown(column) {
                if shown.joined {
                    return misplaced(shown, "a join");
                }
                found = Some(shown.clone());
            }
        }
        Ok(found)
    }

    fn shown(&self, column: &Column) -> Option<&'a Unaggregated> {
        self.columns.iter().find_map(|(schema, outputs)| {
            let position = schema.maybe_index_of_column(column)?;
            outputs.get(position)?.as_ref()
        })
    }
}
