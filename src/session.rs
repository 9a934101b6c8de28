//! The only builder of DataFusion sessions: functions, settings, memory.

mod relations;

use std::sync::Arc;

use datafusion::execution::memory_pool::{FairSpillPool, TrackConsumersPool};
use datafusion::execution::runtime_env::{RuntimeEnv, RuntimeEnvBuilder};
use datafusion::execution::session_state::SessionStateBuilder;
use datafusion::execution::{SessionState, SessionStateDefaults};
use datafusion::logical_expr::ScalarUDF;
use datafusion::prelude::{SessionConfig, SessionContext};

use self::relations::Relations;
use crate::cube;
use crate::error::{Error, ErrorKind, Result, ResultExt};
use crate::star::CATALOG;

/// Memory for running queries before they spill, in bytes.
const QUERY_MEMORY: usize = 4 << 30;
/// Memory for Parquet footers, in bytes.
const FOOTER_MEMORY: usize = 256 << 20;

/// The memory, caches and object stores that all sessions of a process share.
pub fn runtime() -> Result<Arc<RuntimeEnv>> {
    let consumers = std::num::NonZeroUsize::MIN.saturating_add(4);
    let pool = TrackConsumersPool::new(FairSpillPool::new(QUERY_MEMORY), consumers);
    RuntimeEnvBuilder::new()
        .with_memory_pool(Arc::new(pool))
        .with_metadata_cache_limit(FOOTER_MEMORY)
        .build_arc()
        .or_fail(ErrorKind::Internal, || "setting up the query runtime".into())
}

/// A session that answers queries; cubes are relations in it.
pub fn query_context(runtime: &Arc<RuntimeEnv>) -> SessionContext {
    let mut config = SessionConfig::new()
        .with_default_catalog_and_schema(CATALOG, "warehouse")
        .with_information_schema(true)
        .with_create_default_catalog_and_schema(true);
    let options = config.options_mut();
    // Star joins are on dense keys of small tables: broadcast them, and join by array look-up.
    options.optimizer.hash_join_single_partition_threshold = 32 << 20;
    options.optimizer.hash_join_single_partition_threshold_rows = 1 << 20;
    options.execution.perfect_hash_join_small_build_threshold = 1 << 20;
    // No sort per partition: the parts of a union may each have one value of the first key, which is
    // then left out of their sorts, while they share a threshold below which rows are cut off.
    options.optimizer.repartition_sorts = false;
    // A union of two levels has the descriptions of one; that is no reason not to group by it.
    options.execution.skip_physical_aggregate_schema_check = true;
    options.execution.parquet.pushdown_filters = false;
    options.execution.parquet.max_in_list_size = 200;
    let state = SessionStateBuilder::new()
        .with_default_features()
        .with_config(config)
        .with_runtime_env(Arc::clone(runtime))
        .with_analyzer_rules(cube::analyzer_rules())
        .build();
    let context = SessionContext::new_with_state(state);
    for function in cube::functions() {
        context.register_udaf(function.as_ref().clone());
    }
    context
}

/// Makes the name `table` of `schema` answer with `error`.
pub fn add_broken(context: &SessionContext, schema: &str, table: &str, error: &Error) {
    let found = context.catalog(CATALOG).and_then(|catalog| catalog.schema(schema));
    if let Some(relations) = found.as_ref().and_then(|found| found.downcast_ref::<Relations>()) {
        relations.break_table(table, error.kind(), error.to_string());
    }
}

/// Adds the schemas a warehouse is seen in to a session of [`query_context`], empty.
pub fn add_schemas(context: &SessionContext) -> Result<()> {
    let catalog =
        context.catalog(CATALOG).ok_or_else(|| Error::internal("the session has no catalog"))?;
    for schema in ["warehouse", "system", "cubes", "cubes_bi"] {
        catalog.register_schema(schema, Arc::new(Relations::default()))?;
    }
    Ok(())
}

/// A session that only reads tables, for the loader's own needs.
pub fn reading_context() -> SessionContext {
    SessionContext::new()
}

/// A session in which the expressions of feeds are planned: source columns keep their spelling.
pub fn translation_state(functions: Vec<Arc<ScalarUDF>>) -> SessionState {
    let mut config = SessionConfig::new();
    let parser = &mut config.options_mut().sql_parser;
    parser.enable_ident_normalization = false;
    // `0.13` times a decimal is a decimal.
    parser.parse_float_as_decimal = true;
    let mut all = SessionStateDefaults::default_scalar_functions();
    all.extend(functions);
    SessionStateBuilder::new()
        .with_default_features()
        .with_scalar_functions(all)
        .with_config(config)
        .build()
}
