//! The newest epoch of a warehouse, asked in this process: many questions, and the program started for
//! none of them.

use std::path::Path;
use std::sync::Arc;

use datafusion::arrow::array::{Array, RecordBatch, StringArray};
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::arrow::util::display::{ArrayFormatter, FormatOptions};
use futures::TryStreamExt;
use starling::cube::CubeQuery;
use starling::engine::{EpochSnapshots, Policy, Principal, Snapshot, Snapshots, execute, plan};
use starling::error::Error;
use starling::warehouse::{Location, Warehouse};
use tokio::runtime::Runtime;

/// An epoch and what it is asked with.
pub struct Epoch {
    runtime: Runtime,
    snapshots: EpochSnapshots,
    snapshot: Arc<Snapshot>,
}

impl Epoch {
    /// The newest epoch in the folder `warehouse`.
    pub fn newest(warehouse: &Path) -> Self {
        let runtime = Runtime::new().unwrap();
        let location = Location::parse(warehouse.to_str().unwrap(), Path::new("/")).unwrap();
        let warehouse = Arc::new(Warehouse::open(location, None));
        let snapshots = EpochSnapshots::new(warehouse).unwrap();
        let snapshot = runtime.block_on(snapshots.latest()).unwrap();
        Self { runtime, snapshots, snapshot }
    }

    /// The epoch that is the newest now, from what knew the one before.
    pub fn renew(&mut self) {
        self.snapshot = self.runtime.block_on(self.snapshots.latest()).unwrap();
    }

    /// The rows that answer `sql`, values with a bar between them and nothing for NULL.
    #[track_caller]
    pub fn rows(&self, sql: &str) -> Vec<String> {
        let (_, batches) = self.ask(sql).unwrap_or_else(|message| panic!("{sql}\n{message}"));
        batches.iter().flat_map(|batch| texts(batch, "")).map(|row| row.join("|")).collect()
    }

    /// The message with which `sql` is refused.
    #[track_caller]
    pub fn refusal(&self, sql: &str) -> String {
        match self.ask(sql) {
            Ok(_) => panic!("{sql}\nis answered"),
            Err(message) => message,
        }
    }

    /// What is answered to `sql`, or the message of its refusal.
    pub fn ask(&self, sql: &str) -> Result<(SchemaRef, Vec<RecordBatch>), String> {
        let answer = async {
            let principal = Principal::everyone();
            let plan = plan(&self.snapshot, sql, &principal, Policy::Everything).await?;
            let rows = execute(&self.snapshot, plan).await?;
            let schema = rows.schema();
            let batches: Vec<RecordBatch> = rows.try_collect().await?;
            Ok((schema, batches))
        };
        self.runtime.block_on(answer).map_err(|error: Error| error.to_string())
    }

    /// The SQL that a cube query in JSON becomes.
    pub fn sql_of(&self, json: &str) -> String {
        let query = CubeQuery::from_json(json).unwrap();
        let cube = self.snapshot.cube(&query.cube).unwrap();
        self.runtime.block_on(query.to_sql(cube, &self.snapshot.context)).unwrap()
    }

    /// What EXPLAIN says of `sql`: kinds of plans and the plans, in order.
    pub fn explained(&self, sql: &str) -> Vec<(String, String)> {
        let (_, batches) = self.ask(&format!("EXPLAIN {sql}")).unwrap();
        let text = |batch: &RecordBatch, column: usize| {
            batch.column(column).as_any().downcast_ref::<StringArray>().unwrap().clone()
        };
        let of_batch = |batch: &RecordBatch| {
            let (kinds, plans) = (text(batch, 0), text(batch, 1));
            (0..batch.num_rows())
                .map(|row| (kinds.value(row).to_owned(), plans.value(row).to_owned()))
                .collect::<Vec<_>>()
        };
        batches.iter().flat_map(of_batch).collect()
    }
}

/// The values of a batch by row, `null` for NULL.
pub fn texts(batch: &RecordBatch, null: &str) -> Vec<Vec<String>> {
    let options = FormatOptions::default().with_null(null);
    let columns = batch.columns().iter().map(|array| ArrayFormatter::try_new(array, &options));
    let columns: Vec<ArrayFormatter<'_>> = columns.collect::<Result<_, _>>().unwrap();
    let row = |at: usize| columns.iter().map(|column| column.value(at).to_string()).collect();
    (0..batch.num_rows()).map(row).collect()
}
