//! Rows that come again: duplicates, a grain that is taken, repeated records.

use arrow::array::BooleanArray;
use arrow::compute::filter_record_batch;

use super::feed::Chunk;
use super::seen::Seen;
use crate::error::Result;
use crate::project::Duplicates;
use crate::translate::{Fault, QuarantinedRow, count, row_json};

/// The source rows seen so far, where it matters whether one comes again.
#[derive(Debug)]
pub(super) struct Repeats {
    duplicates: Duplicates,
    rows: Seen,
}

impl Repeats {
    pub(super) fn new(duplicates: Duplicates) -> Self {
        Self { duplicates, rows: Seen::default() }
    }

    /// Drops or counts rows equal to an earlier one, then quarantines those whose grain is taken.
    pub(super) fn settle(&mut self, chunk: &mut Chunk, grain: Option<&mut Seen>) -> Result<()> {
        let mut keep = vec![true; chunk.rows.num_rows()];
        if self.duplicates != Duplicates::Keep
            && let Some(hashes) = &chunk.duplicate_hashes
        {
            for (row, hash) in hashes.iter().enumerate() {
                if self.rows.insert(*hash)? {
                    continue;
                }
                if self.duplicates == Duplicates::Drop {
                    keep[row] = false;
                    count(&mut chunk.counts.dropped, "duplicate");
                } else {
                    count(&mut chunk.counts.remarked, "duplicate");
                }
            }
        }
        if let (Some(hashes), Some(grain)) = (&chunk.grain_hashes, grain) {
            for (row, hash) in hashes.iter().enumerate() {
                if keep[row] && !grain.insert(*hash)? {
                    keep[row] = false;
                    count(&mut chunk.counts.quarantined, "grain");
                    chunk.quarantined.push(QuarantinedRow {
                        line: chunk.lines[row],
                        fault: same_grain(),
                        row: row_json(&chunk.rows, row)?,
                    });
                }
            }
        }
        retain(chunk, keep)
    }
}

/// The target rows seen so far: a dimension needs each only once, however many there are.
#[derive(Debug, Default)]
pub(super) struct Distinct {
    rows: Seen,
}

/// The rule under which such rows are counted.
pub(super) const REPEATED: &str = "repeated record";

impl Distinct {
    /// Drops rows equal in every target column to an earlier one, and counts them.
    pub(super) fn settle(&mut self, chunk: &mut Chunk) -> Result<()> {
        let Some(hashes) = chunk.grain_hashes.take() else { return Ok(()) };
        let keep = hashes.into_iter().map(|hash| self.rows.insert(hash));
        let keep = keep.collect::<Result<Vec<bool>>>()?;
        let repeated = keep.iter().filter(|keep| !**keep).count() as u64;
        if repeated > 0 {
            *chunk.counts.dropped.entry(REPEATED.into()).or_default() += repeated;
        }
        retain(chunk, keep)
    }
}

fn retain(chunk: &mut Chunk, keep: Vec<bool>) -> Result<()> {
    if keep.iter().all(|keep| *keep) {
        return Ok(());
    }
    let lines = chunk.lines.iter().zip(&keep).filter(|(_, keep)| **keep);
    chunk.lines = lines.map(|(line, _)| *line).collect();
    if let Some(hashes) = &mut chunk.grain_hashes {
        let mut kept = keep.iter();
        hashes.retain(|_| kept.next().is_some_and(|keep| *keep));
    }
    chunk.rows = filter_record_batch(&chunk.rows, &BooleanArray::from(keep))?;
    Ok(())
}

fn same_grain() -> Fault {
    Fault {
        rule: "grain".into(),
        column: None,
        value: None,
        reason: "an earlier row has the same grain".into(),
    }
}
