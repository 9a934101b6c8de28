//! One Delta table: open, create, replace its rows, go back to a version.

use std::sync::Arc;

use arrow::datatypes::{DataType, Schema, SchemaRef};
use datafusion::catalog::streaming::StreamingTable;
use datafusion::datasource::provider_as_source;
use datafusion::execution::{SendableRecordBatchStream, SessionStateBuilder, TaskContext};
use datafusion::logical_expr::LogicalPlanBuilder;
use datafusion::parquet::basic::{Compression, Encoding, ZstdLevel};
use datafusion::parquet::file::properties::{EnabledStatistics, WriterProperties};
use datafusion::parquet::schema::types::ColumnPath;
use datafusion::physical_plan::streaming::PartitionStream;
use datafusion::prelude::SessionConfig;
use deltalake::kernel::StructType;
use deltalake::kernel::engine::arrow_conversion::TryIntoKernel;
use deltalake::kernel::transaction::CommitProperties;
use deltalake::logstore::LogStoreRef;
use deltalake::operations::create::CreateBuilder;
use deltalake::operations::write::SchemaMode;
use deltalake::protocol::SaveMode;
use deltalake::{DeltaTable, DeltaTableBuilder, TableProperty};
use object_store::ObjectStore;
use std::sync::{Mutex, PoisonError};

use super::location::Location;
use crate::error::{Error, ErrorKind, Result, ResultExt};

/// Rows per row group: small enough that a scan skips and parallelises well.
const ROW_GROUP_ROWS: usize = 128 * 1024;

fn log_store(store: &Arc<dyn ObjectStore>, location: &Location, name: &str) -> Result<LogStoreRef> {
    let url = location.table(name)?;
    let fail = || format!("preparing table `{name}`");
    DeltaTableBuilder::from_url(url.clone())
        .or_fail(ErrorKind::Internal, fail)?
        .with_storage_backend(Arc::clone(store), url)
        .build_storage()
        .or_fail(ErrorKind::WarehouseUnavailable, fail)
}

/// Opens table `name` at `version`, or at its newest.
pub(super) async fn open(
    store: &Arc<dyn ObjectStore>,
    location: &Location,
    name: &str,
    version: Option<u64>,
) -> Result<DeltaTable> {
    let mut table = DeltaTable::new(log_store(store, location, name)?);
    let loaded = match version {
        Some(version) => table.load_version(version).await,
        None => table.load().await,
    };
    loaded.or_fail(ErrorKind::WarehouseUnavailable, || {
        let at = version.map_or_else(String::new, |version| format!(" at version {version}"));
        format!("opening table `{name}`{at} of `{location}`")
    })?;
    Ok(table)
}

/// Opens table `name`, creating it empty in a commit of its own when it does not exist, so that
/// every table has a version to go back to.
pub(super) async fn open_or_create(
    store: &Arc<dyn ObjectStore>,
    location: &Location,
    name: &str,
    schema: &Schema,
) -> Result<DeltaTable> {
    let log_store = log_store(store, location, name)?;
    let fail = || format!("creating table `{name}` of `{location}`");
    let mut table = DeltaTable::new(Arc::clone(&log_store));
    if table.verify_deltatable_existence().await.or_fail(ErrorKind::WarehouseUnavailable, fail)? {
        table.load().await.or_fail(ErrorKind::WarehouseUnavailable, fail)?;
        return Ok(table);
    }
    let kernel: StructType = schema
        .try_into_kernel()
        .or_fail(ErrorKind::Unsupported, || format!("table `{name}` has a type Delta lacks"))?;
    CreateBuilder::new()
        .with_log_store(log_store)
        .with_columns(kernel.fields().cloned())
        .with_configuration_property(TableProperty::EnableExpiredLogCleanup, Some("false"))
        .with_configuration_property(TableProperty::CheckpointInterval, Some("20"))
        .await
        .or_fail(ErrorKind::WarehouseUnavailable, fail)
}

/// Replaces all rows of `table` by those of `rows` in one commit; gives the new version and the
/// number of rows.
pub(super) async fn replace(
    table: DeltaTable,
    name: &str,
    run: &str,
    rows: SendableRecordBatchStream,
) -> Result<u64> {
    let schema = rows.schema();
    let failure = Arc::new(Mutex::new(None));
    let stream = OneStream {
        schema: Arc::clone(&schema),
        rows: Mutex::new(Some(rows)),
        failure: Arc::clone(&failure),
    };
    let fail = || format!("writing table `{name}`");
    let source = StreamingTable::try_new(Arc::clone(&schema), vec![Arc::new(stream)])?;
    let plan =
        LogicalPlanBuilder::scan("rows", provider_as_source(Arc::new(source)), None)?.build()?;
    let mut config = SessionConfig::new().with_target_partitions(1);
    config.options_mut().execution.parquet.schema_force_view_types = false;
    let state = SessionStateBuilder::new_from_existing(
        deltalake::delta_datafusion::create_session().state(),
    )
    .with_config(config)
    .build();
    let label = [("starling.run".to_owned(), serde_json::Value::from(run))];
    let written = table
        .write(Vec::new())
        .with_input_plan(plan)
        .with_session_state(Arc::new(state))
        .with_save_mode(SaveMode::Overwrite)
        .with_schema_mode(SchemaMode::Overwrite)
        .with_writer_properties(writer_properties(&schema)?)
        .with_commit_properties(CommitProperties::default().with_metadata(label))
        .await;
    // What the rows' own source reported is worth more than what the writer made of it.
    if let Some(error) = failure.lock().unwrap_or_else(PoisonError::into_inner).take() {
        return Err(error);
    }
    let written = written.or_fail(ErrorKind::WarehouseUnavailable, fail)?;
    written.version().ok_or_else(|| Error::internal(format!("table `{name}` has no version")))
}

/// Goes back to `version` unless the table's content is still that of it.
pub(super) async fn restore(
    store: &Arc<dyn ObjectStore>,
    location: &Location,
    name: &str,
    version: u64,
) -> Result<bool> {
    let newest = open(store, location, name, None).await?;
    if newest.version() == Some(version) {
        return Ok(false);
    }
    let pinned = open(store, location, name, Some(version)).await?;
    if files(&newest)? == files(&pinned)? && schema(&newest)? == schema(&pinned)? {
        return Ok(false);
    }
    newest
        .restore()
        .with_version_to_restore(version)
        .await
        .or_fail(ErrorKind::WarehouseUnavailable, || {
            format!("going back to version {version} of table `{name}`")
        })?;
    Ok(true)
}

fn files(table: &DeltaTable) -> Result<std::collections::BTreeSet<String>> {
    let fail = || "listing the files of a table".to_owned();
    let state = table.snapshot().or_fail(ErrorKind::WarehouseUnavailable, fail)?;
    Ok(state.log_data().iter().map(|file| file.path().to_string()).collect())
}

fn schema(table: &DeltaTable) -> Result<SchemaRef> {
    let fail = || "reading the schema of a table".to_owned();
    let state = table.snapshot().or_fail(ErrorKind::WarehouseUnavailable, fail)?;
    Ok(state.snapshot().arrow_schema())
}

/// Whole numbers as deltas without compression, which scans several times faster than the
/// default; texts as dictionaries with zstd.
fn writer_properties(schema: &Schema) -> Result<WriterProperties> {
    let level = ZstdLevel::try_new(1).or_fail(ErrorKind::Internal, || "zstd level".into())?;
    let mut properties = WriterProperties::builder()
        .set_compression(Compression::ZSTD(level))
        .set_max_row_group_row_count(Some(ROW_GROUP_ROWS))
        .set_statistics_enabled(EnabledStatistics::Page);
    for field in schema.fields().iter().filter(|field| *field.data_type() == DataType::Int64) {
        let column = ColumnPath::from(field.name().as_str());
        properties = properties
            .set_column_dictionary_enabled(column.clone(), false)
            .set_column_encoding(column.clone(), Encoding::DELTA_BINARY_PACKED)
            .set_column_compression(column, Compression::UNCOMPRESSED);
    }
    Ok(properties.build())
}

/// A stream that can be executed once; its own error is kept aside.
struct OneStream {
    schema: SchemaRef,
    rows: Mutex<Option<SendableRecordBatchStream>>,
    failure: Arc<Mutex<Option<Error>>>,
}

impl std::fmt::Debug for OneStream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("OneStream").finish_non_exhaustive()
    }
}

impl PartitionStream for OneStream {
    fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    fn execute(&self, _: Arc<TaskContext>) -> SendableRecordBatchStream {
        use datafusion::error::DataFusionError;
        use datafusion::physical_plan::EmptyRecordBatchStream;
        use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
        use futures::StreamExt;

        let taken = self.rows.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(rows) = taken else {
            return Box::pin(EmptyRecordBatchStream::new(Arc::clone(&self.schema)));
        };
        let failure = Arc::clone(&self.failure);
        let rows = rows.map(move |batch| {
            batch.map_err(|error| match error {
                DataFusionError::External(cause) => match cause.downcast::<Error>() {
                    Ok(ours) => {
                        let text = ours.to_string();
                        *failure.lock().unwrap_or_else(PoisonError::into_inner) = Some(*ours);
                        DataFusionError::Execution(text)
                    }
                    Err(cause) => DataFusionError::External(cause),
                },
                other => other,
            })
        });
        Box::pin(RecordBatchStreamAdapter::new(Arc::clone(&self.schema), rows))
    }
}
