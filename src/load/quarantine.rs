//! The quarantine table: what this load sets aside, and what it leaves as it was.

use std::collections::BTreeSet;

use arrow::array::{AsArray, BooleanArray, RecordBatch};
use arrow::compute::{cast, filter_record_batch};
use arrow::datatypes::DataType;
use datafusion::execution::SendableRecordBatchStream;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use futures::StreamExt;
use tokio::sync::mpsc::{Receiver, Sender};

use super::run::{Context, read_table};
use crate::error::{Error, Result};
use crate::translate::{QuarantinedRow, quarantine_batch, quarantine_schema};
use crate::warehouse::{PinnedTable, Written};

/// Its name as a table; no declared name starts with `_`.
pub(crate) const QUARANTINE_TABLE: &str = "_quarantine";

/// Where the load of a table puts rows aside.
#[derive(Clone, Debug)]
pub(super) struct Sink {
    pub(super) sender: Sender<RecordBatch>,
}

impl Sink {
    /// Puts `rows` of a split aside.
    pub(super) async fn put(
        &self,
        target: &str,
        source_table: &str,
        split: &str,
        rows: &[QuarantinedRow],
    ) -> Result<()> {
        if rows.is_empty() {
            return Ok(());
        }
        let batch = quarantine_batch(target, source_table, split, rows)?;
        let sent = self.sender.send(batch).await;
        sent.map_err(|_| Error::internal("the quarantine is closed"))
    }
}

/// Writes the quarantine: rows of tables that are not loaded now stay, the rest comes from
/// `receiver`. Gives the version and the number of rows.
pub(super) async fn write(
    context: &Context<'_>,
    loaded_now: &BTreeSet<String>,
    receiver: Receiver<RecordBatch>,
) -> Result<(Written, u64)> {
    let kept = kept_rows(context, loaded_now).await?;
    let count = std::sync::Arc::new(std::sync::atomic::AtomicU64::new(0));
    let counted = std::sync::Arc::clone(&count);
    let fresh = futures::stream::unfold(receiver, |mut receiver| async move {
        receiver.recv().await.map(|batch| (batch, receiver))
    });
    let rows = futures::stream::iter(kept).chain(fresh).map(move |batch| {
        counted.fetch_add(batch.num_rows() as u64, std::sync::atomic::Ordering::Relaxed);
        Ok(batch)
    });
    let stream: SendableRecordBatchStream =
        Box::pin(RecordBatchStreamAdapter::new(quarantine_schema(), rows));
    let schema = quarantine_schema();
    let written = context.loader.replace(QUARANTINE_TABLE, &schema, &context.run, stream).await?;
    Ok((written, count.load(std::sync::atomic::Ordering::Relaxed)))
}

async fn kept_rows(
    context: &Context<'_>,
    loaded_now: &BTreeSet<String>,
) -> Result<Vec<RecordBatch>> {
    let Some(epoch) = &context.previous else { return Ok(Vec::new()) };
    if !epoch.tables.contains_key(QUARANTINE_TABLE) {
        return Ok(Vec::new());
    }
    let still_declared = context.model.project.star.dimensions.iter().map(|d| &d.name);
    let still_declared: BTreeSet<&String> =
        still_declared.chain(context.model.project.star.facts.iter().map(|f| &f.name)).collect();
    let mut kept = Vec::new();
    for batch in read_table(context, epoch, QUARANTINE_TABLE).await? {
        let schema = quarantine_schema();
        let columns = batch.columns().iter().zip(schema.fields().iter());
        let columns = columns
            .map(|(column, field)| cast(column, field.data_type()))
            .collect::<Result<Vec<_>, _>>()?;
        let batch = RecordBatch::try_new(quarantine_schema(), columns)?;
        let names = cast(batch.column(0), &DataType::Utf8)?;
        let keep: BooleanArray = names
            .as_string::<i32>()
            .iter()
            .map(|name| {
                let name = name.unwrap_or_default().to_owned();
                Some(!loaded_now.contains(&name) && still_declared.contains(&name))
            })
            .collect();
        if keep.true_count() > 0 {
            kept.push(filter_record_batch(&batch, &keep)?);
        }
    }
    Ok(kept)
}

/// What the epoch says of the quarantine.
pub(super) fn pinned(written: Written, row_count: u64) -> PinnedTable {
    PinnedTable {
        version: written.version,
        base_version: written.base_version,
        fingerprint: String::new(),
        row_count,
        next_key: None,
    }
}
