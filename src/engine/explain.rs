//! `EXPLAIN` of a question to cubes: the star queries first, then the engine's plans.

use std::sync::Arc;

use datafusion::arrow::array::{RecordBatch, StringArray};
use datafusion::dataframe::DataFrame;
use datafusion::datasource::{MemTable, provider_as_source};
use datafusion::execution::context::SessionState;
use datafusion::logical_expr::{LogicalPlan, LogicalPlanBuilder};

use super::diagnosis;
use crate::cube::star_queries;
use crate::error::Result;

/// `plan`, and if it explains a question to cubes, an answer that has the star queries too.
pub(super) async fn with_star_queries(
    plan: LogicalPlan,
    state: &SessionState,
) -> Result<LogicalPlan> {
    let LogicalPlan::Explain(explain) = &plan else { return Ok(plan) };
    // Values are bound later; what has places for them is explained by the engine alone.
    if !explain.plan.get_parameter_names()?.is_empty() {
        return Ok(plan);
    }
    let stars = star_queries(&explain.plan).map_err(diagnosis::failed)?;
    if stars.is_empty() {
        return Ok(plan);
    }
    let schema = Arc::clone(plan.schema().inner());
    let kinds = StringArray::from(vec!["star_query"; stars.len()]);
    let stars = StringArray::from(stars);
    let mut rows =
        vec![RecordBatch::try_new(Arc::clone(&schema), vec![Arc::new(kinds), Arc::new(stars)])?];
    let engine = DataFrame::new(state.clone(), plan);
    rows.extend(Box::pin(engine.collect()).await.map_err(diagnosis::failed)?);
    let rows = MemTable::try_new(schema, vec![rows])?;
    Ok(LogicalPlanBuilder::scan("explain", provider_as_source(Arc::new(rows)), None)?.build()?)
}
