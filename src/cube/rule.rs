//! The one analyzer rule between SQL and cubes.

use std::sync::Arc;

use datafusion::common::Result;
use datafusion::common::tree_node::{Transformed, TreeNodeRecursion};
use datafusion::config::ConfigOptions;
use datafusion::logical_expr::{Aggregate, Distinct, Expr, LogicalPlan};
use datafusion::optimizer::analyzer::resolve_grouping_function::ResolveGroupingFunction;
use datafusion::optimizer::{Analyzer, AnalyzerRule};

use super::input::{CubeInput, cube_of};
use super::normal_form::StarQuery;
use super::sql::AGG;
use super::{aggregate, misuse};

/// Replaces aggregates over cubes by star queries, innermost first.
#[derive(Debug)]
pub struct CubeRule;

/// The analyzer rules of a session over cubes.
///
/// Ours stands second: `grouping()` must be resolved before, and types are coerced after.
pub fn analyzer_rules() -> Vec<Arc<dyn AnalyzerRule + Send + Sync>> {
    let mut rules = Analyzer::new().rules;
    rules.insert(1, Arc::new(CubeRule));
    rules
}

impl AnalyzerRule for CubeRule {
    fn name(&self) -> &'static str {
        "cube"
    }

    fn analyze(&self, plan: LogicalPlan, _: &ConfigOptions) -> Result<LogicalPlan> {
        if !concerns_cubes(&plan)? {
            return Ok(plan);
        }
        let replaced = plan.transform_up_with_subqueries(|node| replace(node, &mut |_| {}))?;
        let plan = if replaced.transformed {
            // A measure's type is its own, which need not be what the aggregate's name suggested.
            replaced
                .data
                .transform_up_with_subqueries(|node| node.recompute_schema().map(Transformed::yes))?
                .data
        } else {
            replaced.data
        };
        misuse::check(&plan)?;
        Ok(plan)
    }
}

/// The star queries that `plan` becomes, in text, innermost first.
pub fn star_queries(plan: &LogicalPlan) -> Result<Vec<String>> {
    let mut found = Vec::new();
    // `grouping()` must be resolved before, as in a session.
    let resolved = ResolveGroupingFunction::new().analyze(plan.clone(), &ConfigOptions::new())?;
    resolved.transform_up_with_subqueries(|node| {
        replace(node, &mut |query| found.push(query.to_string()))
    })?;
    Ok(found)
}

/// Whether a cube or `AGG` is anywhere in the plan; most queries of the system itself have neither.
fn concerns_cubes(plan: &LogicalPlan) -> Result<bool> {
    let mut found = false;
    plan.apply_with_subqueries(|node| {
        found = match node {
            LogicalPlan::TableScan(scan) => cube_of(scan).is_some(),
            LogicalPlan::Aggregate(aggregate) => aggregate.aggr_expr.iter().any(is_agg),
            _ => false,
        };
        Ok(if found { TreeNodeRecursion::Stop } else { TreeNodeRecursion::Continue })
    })?;
    Ok(found)
}

fn is_agg(expr: &Expr) -> bool {
    match expr {
        Expr::Alias(alias) => is_agg(&alias.expr),
        Expr::AggregateFunction(call) => call.func.name() == AGG,
        _ => false,
    }
}

/// `node` as the plan of a star query, if it is one; `seen` is told of it.
fn replace(
    node: LogicalPlan,
    seen: &mut dyn FnMut(&StarQuery),
) -> Result<Transformed<LogicalPlan>> {
    let aggregate = match &node {
        LogicalPlan::Aggregate(aggregate) => aggregate.clone(),
        // `SELECT DISTINCT levels` asks for the members that have facts.
        LogicalPlan::Distinct(Distinct::All(input)) => {
            let all = input.schema().columns().into_iter().map(Expr::Column).collect();
            match CubeInput::of(input)? {
                Some(cube) if !cube.shows_measures() => {
                    Aggregate::try_new(Arc::clone(input), all, Vec::new())?
                }
                _ => return Ok(Transformed::no(node)),
            }
        }
        _ => return Ok(Transformed::no(node)),
    };
    match CubeInput::of(&aggregate.input)? {
        Some(input) => Ok(Transformed::yes(aggregate::plan(&aggregate, &input, seen)?)),
        None => Ok(Transformed::no(node)),
    }
}
