//! `starling sql` and `starling query`: questions without a server.

use std::sync::Arc;

use super::args::{QueryOptions, SqlOptions};
use super::{Place, output};
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
    let principal = Principal::everyone();
    let plan = plan(&snapshot, &options.sql, &principal, Policy::Everything).await?;
    let rows = execute(&snapshot, plan).await?;
    output::print(rows, options.format).await
}

pub(super) async fn cube(place: &Place, options: &QueryOptions) -> Result<()> {
    let snapshot = snapshot(place, options.epoch).await?;
    let cube = snapshot.cube(&options.cube)?;
    let sort = |text: &String| match text.strip_prefix('-') {
        Some(by) => Sort { by: by.to_owned(), descending: true },
        None => Sort { by: text.clone(), descending: false },
    };
    let query = CubeQuery {
        cube: options.cube.clone(),
        rows: options.rows.clone(),
        columns: options.columns.clone(),
        measures: options.measures.clone(),
        filters: options.filters.iter().cloned().map(Filter::Sql).collect(),
        sort: options.sort.iter().map(sort).collect(),
        limit: options.limit,
        totals: options.totals,
    };
    let cells = query.run(cube, &snapshot.context).await?;
    output::print_batch(&cells.cells, options.format)
}
