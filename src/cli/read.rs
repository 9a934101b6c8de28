//! `starling read`: the rows of a source table as they arrive.

use arrow::array::RecordBatch;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;

use super::args::ReadOptions;
use super::{Place, output, say};
use crate::error::Result;
use crate::load::{SourceRows, read_source};
use crate::source::RejectedRow;

/// Rows set aside that a person reads; the rest is more of the same.
const REJECTED_SHOWN: u64 = 10;

pub(super) async fn run(place: &Place, options: &ReadOptions) -> Result<()> {
    let model = place.model()?;
    let rows = read_source(&model, &options.table)?;
    let schema = rows.schema();
    let limited = Limited { rows, left: options.limit.unwrap_or(u64::MAX), rejected: 0 };
    let stream = futures::stream::iter(limited);
    output::print(Box::pin(RecordBatchStreamAdapter::new(schema, stream)), options.format).await
}

/// The first so many rows, with those that do not fit told on stderr.
struct Limited {
    rows: SourceRows,
    left: u64,
    rejected: u64,
}

impl Iterator for Limited {
    type Item = datafusion::error::Result<RecordBatch>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.left == 0 {
            return None;
        }
        let batch = match self.rows.next()? {
            Ok(batch) => batch,
            Err(error) => return Some(Err(error.into())),
        };
        batch.rejected.iter().for_each(|row| self.tell(row));
        let count = usize::try_from(self.left).unwrap_or(usize::MAX).min(batch.rows.num_rows());
        self.left -= count as u64;
        Some(Ok(batch.rows.slice(0, count)))
    }
}

impl Limited {
    fn tell(&mut self, row: &RejectedRow) {
        self.rejected += 1;
        if self.rejected <= REJECTED_SHOWN {
            let column = row.column.as_deref().unwrap_or("the row");
            let value = row.value.as_deref().unwrap_or("its value");
            say(&format!("row {}: {column}: {value}: {}", row.line, row.reason));
        }
    }
}

impl Drop for Limited {
    fn drop(&mut self) {
        if self.rejected > REJECTED_SHOWN {
            say(&format!("{} rows do not fit their types", self.rejected));
        }
    }
}
