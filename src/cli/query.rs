//! `starling sql` and `starling query`: questions without a server.

use std::sync::Arc;
use std::time::{Duration, Instant};

use arrow::array::RecordBatch;
use datafusion::execution::SendableRecordBatchStream;
use futures::TryStreamExt;

use super::args::{QueryOptions, SqlOptions};
use super::{Place, output, say};
use crate::cube::{CubeQuery, Filter, Sort};
use crate::engine::{Policy, Principal, Snapshot, Snapshots, execute, plan};
use crate::error::Result;

async fn snapshot(place: &Place, epoch: Option<u64>) -> Result<Arc<Snapshot>> {
    let snapshots = place.snapshots()?;
    match epoch {
        Some(epoch) => snapshots.at(epoch).await,
        None => snapshots.latest().await,
    }
}

pub(super) async fn sql(place: &Place, options: &SqlOptions) -> Result<()> {
    let snapshot = snapshot(place, options.epoch).await?;
    if let Some(times) = options.repeat {
        let median = median_time(&snapshot, &options.sql, times).await?;
        say(&format!("{:.2} ms, the median of {times}", median.as_secs_f64() * 1000.0));
    }
    output::print(ask(&snapshot, &options.sql).await?, options.format).await
}

async fn ask(snapshot: &Snapshot, sql: &str) -> Result<SendableRecordBatchStream> {
    let plan = plan(snapshot, sql, &Principal::everyone(), Policy::Everything).await?;
    execute(snapshot, plan).await
}

/// How long planning and running take, all rows read.
async fn median_time(snapshot: &Snapshot, sql: &str, times: usize) -> Result<Duration> {
    let mut taken = Vec::new();
    for _ in 0..times.max(1) {
        #[expect(clippy::disallowed_methods, reason = "how long it took is for the person only")]
        let started = Instant::now();
        let _rows: Vec<RecordBatch> = ask(snapshot, sql).await?.try_collect().await?;
        taken.push(started.elapsed());
    }
    taken.sort();
    Ok(taken[taken.len() / 2])
}

pub(super) async fn cube(place: &Place, options: &QueryOptions) -> Result<()> {
    let snapshot = snapshot(place, options.epoch).await?;
    let cube = snapshot.cube(&options.cube)?;
    let query = CubeQuery {
        cube: options.cube.clone(),
        rows: options.rows.clone(),
        columns: options.columns.clone(),
        measures: options.measures.clone(),
        filters: options.filters.iter().cloned().map(Filter::Sql).collect(),
        sort: options.sort.iter().map(|text| Sort::parse(text)).collect(),
        limit: options.limit,
        totals: options.totals,
    };
    let cells = query.run(cube, &snapshot.context).await?;
    output::print_batch(&cells.cells, options.format)
}
