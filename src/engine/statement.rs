//! One statement from text to stream: plan, bind, execute.

use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use datafusion::arrow::datatypes::{DataType, SchemaRef};
use datafusion::common::{ParamValues, ScalarValue};
use datafusion::dataframe::DataFrame;
use datafusion::execution::context::SessionState;
use datafusion::logical_expr::LogicalPlan;
use datafusion::physical_plan::{ExecutionPlan, SendableRecordBatchStream, execute_stream};
use datafusion::sql::parser::{DFParserBuilder, Statement};
use datafusion::sql::sqlparser::dialect::dialect_from_str;

use super::ordering;
use super::{Policy, Principal, Snapshot, diagnosis, explain, placeholders, read_only};
use crate::cube::with_asked_columns;
use crate::error::{Error, Result};

/// A place in a statement for a value that is bound later.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parameter {
    /// With its dollar sign: `$1` or `$region`.
    pub name: String,
    /// What the statement compares or computes it with, where that is known.
    pub data_type: Option<DataType>,
}

/// Plans the single query in `sql`; `?` in it are numbered from the left.
pub async fn plan(
    snapshot: &Snapshot,
    sql: &str,
    principal: &Principal,
    policy: Policy,
) -> Result<LogicalPlan> {
    let mut state = snapshot.context.state();
    // Without spans an unknown column would be reported without its place.
    state.config_mut().options_mut().sql_parser.collect_spans = true;
    let statement = parse(snapshot, &state, sql)?;
    read_only::check_statement(&statement)?;
    with_asked_columns(&mut state, &statement);
    let plan = Box::pin(state.statement_to_plan(statement))
        .await
        .map_err(|error| diagnosis::diagnose(snapshot, sql, error))?;
    read_only::check_plan(&plan)?;
    let plan = explain::with_star_queries(plan, &state).await?;
    tracing::debug!(principal = principal.name, epoch = snapshot.epoch, sql, "planned");
    match policy {
        Policy::Everything => Ok(plan),
    }
}

/// The parameters of `plan` in the order in which [`bind`] takes their values.
pub fn parameters(plan: &LogicalPlan) -> Result<Vec<Parameter>> {
    let names = placeholders::ordered(plan.get_parameter_names()?)?;
    // Types in conflict are no mistake yet: the bound value decides.
    let mut types = plan.get_parameter_types().unwrap_or_default();
    Ok(names
        .into_iter()
        .map(|name| {
            let data_type = types.remove(&name).flatten().filter(|t| *t != DataType::Null);
            Parameter { name, data_type }
        })
        .collect())
}

/// Puts the values of one `row` of `values` into `plan`, a column for each parameter, in order.
pub fn bind(plan: LogicalPlan, values: &RecordBatch, row: usize) -> Result<LogicalPlan> {
    let parameters = parameters(&plan)?;
    check_count(&parameters, values.num_columns())?;
    let mut bound: Vec<(String, ScalarValue)> = Vec::with_capacity(parameters.len());
    for (parameter, column) in parameters.iter().zip(values.columns()) {
        let key = parameter.name.trim_start_matches('$').to_owned();
        bound.push((key, value(parameter, column, row)?));
    }
    plan.with_param_values(ParamValues::from(bound)).map_err(diagnosis::failed)
}

/// Says how many values are missing or too many for `parameters`.
pub fn check_count(parameters: &[Parameter], bound: usize) -> Result<()> {
    let wanted = parameters.len();
    if wanted == bound {
        return Ok(());
    }
    let plural = if wanted == 1 { "" } else { "s" };
    Err(Error::invalid_input(format!(
        "the statement has {wanted} parameter{plural}, but {bound} values are bound"
    )))
}

/// The schema `execute` will produce, up to nullability, without executing.
///
/// Types are final only after analysis: coercion and the cubes' measures are resolved there.
pub fn result_schema(snapshot: &Snapshot, plan: &LogicalPlan) -> Result<SchemaRef> {
    let stated = Arc::new(plan.schema().as_arrow().clone());
    if matches!(
        plan,
        LogicalPlan::Explain(_) | LogicalPlan::Analyze(_) | LogicalPlan::DescribeTable(_)
    ) {
        return Ok(stated);
    }
    let state = snapshot.context.state();
    match state.analyzer().execute_and_check(plan.clone(), state.config_options(), |_, _| {}) {
        Ok(analyzed) => Ok(Arc::new(analyzed.schema().as_arrow().clone())),
        // Unbound parameters may have no type yet, which is no reason not to prepare.
        Err(_) if !plan.get_parameter_names()?.is_empty() => Ok(stated),
        Err(error) => Err(diagnosis::failed(error)),
    }
}

/// Plans how `plan` is computed.
pub async fn physical_plan(
    snapshot: &Snapshot,
    plan: LogicalPlan,
) -> Result<Arc<dyn ExecutionPlan>> {
    let frame = DataFrame::new(snapshot.context.state(), plan);
    Box::pin(frame.create_physical_plan()).await.map_err(diagnosis::failed)
}

/// Starts `plan`; dropping the stream cancels it.
pub async fn execute(snapshot: &Snapshot, plan: LogicalPlan) -> Result<SendableRecordBatchStream> {
    run(snapshot, physical_plan(snapshot, plan).await?)
}

/// Starts a plan of [`physical_plan`]; dropping the stream cancels it.
pub fn run(snapshot: &Snapshot, plan: Arc<dyn ExecutionPlan>) -> Result<SendableRecordBatchStream> {
    execute_stream(plan, snapshot.context.task_ctx()).map_err(diagnosis::failed)
}

fn parse(snapshot: &Snapshot, state: &SessionState, sql: &str) -> Result<Statement> {
    let options = &state.config_options().sql_parser;
    let dialect = dialect_from_str(options.dialect)
        .ok_or_else(|| Error::internal("the configured SQL dialect does not exist"))?;
    let tokens = placeholders::numbered(sql, dialect.as_ref())?;
    let mut statements = DFParserBuilder::new(tokens)
        .with_dialect(dialect.as_ref())
        .with_recursion_limit(options.recursion_limit.get())
        .build()
        .and_then(|mut parser| parser.parse_statements())
        .map_err(|error| diagnosis::diagnose(snapshot, sql, error))?;
    match (statements.pop_front(), statements.len()) {
        (Some(mut statement), 0) => {
            ordering::name_ordered_columns(&mut statement);
            Ok(statement)
        }
        (None, _) => Err(Error::invalid_input("the statement is empty")),
        (Some(_), more) => Err(Error::invalid_input(format!(
            "one statement at a time: {} were sent; send them one after another",
            more + 1
        ))),
    }
}

/// The value at `row`, made fit for `parameter` where that loses nothing.
///
/// Numbers stay as they came: a fraction compared with an integer column must not be cut off, and
/// the planner finds the common type. Text is read as the expected type, because drivers and tools
/// send dates and decimals as text.
fn value(parameter: &Parameter, column: &ArrayRef, row: usize) -> Result<ScalarValue> {
    let value = plain_value(column, row)?;
    let Some(expected) = &parameter.data_type else { return Ok(value) };
    if value.is_null() {
        return Ok(ScalarValue::try_from(expected)?);
    }
    match value.data_type() {
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View if !is_text(expected) => {
            value.cast_to(expected).map_err(|_| {
                Error::invalid_input(format!(
                    "the value '{value}' of parameter {} cannot be read as {expected}",
                    parameter.name
                ))
            })
        }
        _ => Ok(value),
    }
}

/// Some drivers bind every value as a dense union; what counts is the member in it.
fn plain_value(column: &ArrayRef, row: usize) -> Result<ScalarValue> {
    match column.data_type() {
        DataType::Union(_, _) => {
            let member = column.as_union().value(row);
            Ok(ScalarValue::try_from_array(&member, 0)?)
        }
        DataType::Dictionary(_, _) => {
            let values = column.as_any_dictionary();
            if values.is_null(row) {
                return Ok(ScalarValue::try_from(values.values().data_type())?);
            }
            let key = values.normalized_keys()[row];
            Ok(ScalarValue::try_from_array(values.values(), key)?)
        }
        _ => Ok(ScalarValue::try_from_array(column, row)?),
    }
}

fn is_text(data_type: &DataType) -> bool {
    match data_type {
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => true,
        DataType::Dictionary(_, value) => is_text(value),
        _ => false,
    }
}
