//! A pinned table version as DataFusion's own Parquet scan.
//!
//! The log of the version is resolved once: its files with their sizes, times and statistics. A scan
//! prunes files by them and reads the rest like any Parquet data set, so that dynamic filters reach
//! the files and a plan can be sent to other machines.

use std::fmt;
use std::sync::{Arc, OnceLock};

use arrow::array::ArrayRef;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use async_trait::async_trait;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::config::TableParquetOptions;
use datafusion::common::stats::Precision;
use datafusion::common::{Column, ColumnStatistics, DFSchema, ScalarValue, Statistics};
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::physical_plan::parquet::CachedParquetFileReaderFactory;
use datafusion::datasource::physical_plan::{FileGroup, FileScanConfigBuilder, ParquetSource};
use datafusion::datasource::source::DataSourceExec;
use datafusion::datasource::table_schema::TableSchema;
use datafusion::error::Result as DataFusionResult;
use datafusion::execution::object_store::ObjectStoreUrl;
use datafusion::logical_expr::utils::conjunction;
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown, TableType};
use datafusion::physical_optimizer::pruning::{PruningPredicateBuilder, PruningStatistics};
use datafusion::physical_plan::ExecutionPlan;
use deltalake::DeltaTable;
use deltalake::table::state::DeltaTableState;
use object_store::ObjectMeta;
use object_store::path::Path;

use crate::error::{Error, ErrorKind, Result, ResultExt};

/// A table at one version.
pub(super) struct PinnedTableProvider {
    schema: SchemaRef,
    /// With statistics of every column.
    files: Vec<PartitionedFile>,
    /// Of all files together, put together when it is first asked for: planning asks often.
    statistics: OnceLock<Option<Statistics>>,
    state: DeltaTableState,
}

impl fmt::Debug for PinnedTableProvider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PinnedTableProvider")
            .field("files", &self.files.len())
            .finish_non_exhaustive()
    }
}

impl PinnedTableProvider {
    /// Resolves the version that `table` was opened at.
    pub(super) fn new(table: &DeltaTable) -> Result<Self> {
        let fail = || format!("reading the log of `{}`", table.table_url());
        let state = table.snapshot().or_fail(ErrorKind::WarehouseUnavailable, fail)?.clone();
        if !state.metadata().partition_columns().is_empty() {
            return Err(Error::new(ErrorKind::Unsupported, "a partitioned table").context(fail()));
        }
        let schema = scan_schema(&state.snapshot().arrow_schema());
        let statistics = ColumnArrays::new(&schema, &state);
        let root = Path::from_url_path(table.table_url().path())
            .or_fail(ErrorKind::WarehouseUnavailable, fail)?;
        let mut files = Vec::new();
        for (index, file) in state.log_data().iter().enumerate() {
            if file.deletion_vector_descriptor().is_some() {
                let error = Error::new(ErrorKind::Unsupported, "a table with deletion vectors");
                return Err(error.context(fail()));
            }
            let location = file.object_store_path().parts().fold(root.clone(), Path::join);
            let size = u64::try_from(file.size()).unwrap_or_default();
            let last_modified =
                file.modification_datetime().or_fail(ErrorKind::CorruptData, fail)?;
            let meta = ObjectMeta { location, last_modified, size, e_tag: None, version: None };
            let statistics = statistics.of_file(index, file.num_records(), file.size())?;
            let file = PartitionedFile::new_from_meta(meta).with_statistics(Arc::new(statistics));
            files.push(file);
        }
        Ok(Self { schema, files, statistics: OnceLock::new(), state })
    }

    /// The files that may hold rows for `filters`, by the statistics in the log.
    fn pruned_files(
        &self,
        session: &dyn Session,
        filters: &[Expr],
    ) -> DataFusionResult<Vec<PartitionedFile>> {
        let Some(filter) = conjunction(filters.to_vec()) else { return Ok(self.files.clone()) };
        let schema = DFSchema::try_from(self.schema.as_ref().clone())?;
        let filter = session.create_physical_expr(filter, &schema)?;
        let pruning = PruningPredicateBuilder::new()
            .with_file_schema(Arc::clone(&self.schema))
            .try_build(filter)?;
        let keep = pruning.prune(&self.state.log_data())?;
        let files = self.files.iter().zip(keep).filter(|(_, keep)| *keep);
        Ok(files.map(|(file, _)| file.clone()).collect())
    }
}

/// Texts are scanned as views, which is what the engine groups and compares fastest.
fn scan_schema(schema: &Schema) -> SchemaRef {
    let field = |field: &Arc<Field>| match field.data_type() {
        DataType::Utf8 => Arc::new(field.as_ref().clone().with_data_type(DataType::Utf8View)),
        _ => Arc::clone(field),
    };
    Arc::new(Schema::new(schema.fields().iter().map(field).collect::<Vec<_>>()))
}

/// Per column, one value for each file.
struct ColumnArrays<'a> {
    schema: &'a Schema,
    columns: Vec<[Option<ArrayRef>; 3]>,
}

impl<'a> ColumnArrays<'a> {
    fn new(schema: &'a Schema, state: &DeltaTableState) -> Self {
        let log = state.log_data();
        let arrays = |field: &Arc<Field>| {
            let column = Column::from_name(field.name());
            [log.min_values(&column), log.max_values(&column), log.null_counts(&column)]
        };
        Self { schema, columns: schema.fields().iter().map(arrays).collect() }
    }

    fn of_file(&self, file: usize, rows: Option<usize>, size: i64) -> Result<Statistics> {
        let mut column_statistics = Vec::new();
        for (field, [min, max, nulls]) in self.schema.fields().iter().zip(&self.columns) {
            let mut statistics = ColumnStatistics::new_unknown();
            statistics.min_value = bound(min.as_ref(), file, field.data_type())?;
            statistics.max_value = bound(max.as_ref(), file, field.data_type())?;
            if let Some(nulls) = nulls
                && let ScalarValue::UInt64(Some(count)) = ScalarValue::try_from_array(nulls, file)?
            {
                statistics.null_count =
                    usize::try_from(count).map_or(Precision::Absent, Precision::Exact);
            }
            column_statistics.push(statistics);
        }
        Ok(Statistics {
            num_rows: rows.map_or(Precision::Absent, Precision::Exact),
            total_byte_size: usize::try_from(size).map_or(Precision::Absent, Precision::Inexact),
            column_statistics,
        })
    }
}

/// Bounds of texts may be cut short in the log, so they are never exact.
fn bound(
    values: Option<&ArrayRef>,
    file: usize,
    data_type: &DataType,
) -> Result<Precision<ScalarValue>> {
    let Some(values) = values else { return Ok(Precision::Absent) };
    let value = ScalarValue::try_from_array(values, file)?;
    if value.is_null() {
        return Ok(Precision::Absent);
    }
    let value = value.cast_to(data_type)?;
    let exact = matches!(data_type, DataType::Int64 | DataType::Date32 | DataType::Boolean);
    Ok(if exact { Precision::Exact(value) } else { Precision::Inexact(value) })
}

#[async_trait]
impl TableProvider for PinnedTableProvider {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    /// The scan skips files and pages by a filter; the exact work is the filter's above.
    fn supports_filters_pushdown(
        &self,
        filters: &[&Expr],
    ) -> DataFusionResult<Vec<TableProviderFilterPushDown>> {
        Ok(vec![TableProviderFilterPushDown::Inexact; filters.len()])
    }

    fn statistics(&self) -> Option<Statistics> {
        let merged = self.statistics.get_or_init(|| {
            let files = self.files.iter().filter_map(|file| file.statistics.as_deref());
            Statistics::try_merge_iter(files, &self.schema).ok()
        });
        merged.clone()
    }

    async fn scan(
        &self,
        session: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> DataFusionResult<Arc<dyn ExecutionPlan>> {
        let files = self.pruned_files(session, filters)?;
        let url = ObjectStoreUrl::local_filesystem();
        let store = session.runtime_env().object_store(&url)?;
        let footers = session.runtime_env().cache_manager.get_file_metadata_cache();
        let reader = CachedParquetFileReaderFactory::new(store, footers);
        let options = TableParquetOptions {
            global: session.config_options().execution.parquet.clone(),
            ..TableParquetOptions::default()
        };
        let source = ParquetSource::new(TableSchema::builder(Arc::clone(&self.schema)).build())
            .with_table_parquet_options(options)
            .with_parquet_file_reader_factory(Arc::new(reader));
        let statistics = if files.is_empty() {
            Statistics::new_unknown(&self.schema)
        } else {
            let each = files.iter().filter_map(|file| file.statistics.as_deref());
            Statistics::try_merge_iter(each, &self.schema)?
        };
        let config = FileScanConfigBuilder::new(url, Arc::new(source))
            .with_file_groups(vec![FileGroup::new(files)])
            .with_statistics(statistics)
            .with_limit(limit)
            .with_projection_indices(projection.cloned())?
            .build();
        Ok(DataSourceExec::from_data_source(config))
    }
}
