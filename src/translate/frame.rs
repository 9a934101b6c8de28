//! Rows under work: a batch, where each row came from, and what was found wrong with it.

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, RecordBatch};
use arrow::compute::filter_record_batch;
use arrow::util::display::{ArrayFormatter, FormatOptions};

use super::quarantine::QuarantinedRow;
use super::{RowCounts, count};
use crate::error::Result;

/// Why a row cannot load.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The rule that it breaks.
    pub rule: String,
    /// The column, when it is one.
    pub column: Option<String>,
    /// The offending value, when it is one.
    pub value: Option<String>,
    /// The reason in words.
    pub reason: String,
}

/// Rows of one split under work. Faults are noted first and taken out once, in
/// [`Frame::settle`], so that every step sees whole batches.
#[derive(Clone, Debug)]
pub struct Frame {
    /// The row as the source gave it, for the quarantine.
    source: RecordBatch,
    /// Line or row number of each row in its split.
    pub lines: Vec<u64>,
    faults: Vec<Option<Fault>>,
    drops: Vec<Option<String>>,
}

/// What is left of a frame.
#[derive(Debug)]
pub struct Settled {
    /// Which rows stay.
    pub keep: BooleanArray,
    /// Those that are quarantined; source, table and split are for the caller to fill in.
    pub quarantined: Vec<QuarantinedRow>,
    /// Rows in, quarantined and dropped; not those loaded.
    pub counts: RowCounts,
}

impl Frame {
    /// Starts work on `source`.
    pub fn new(source: RecordBatch, lines: Vec<u64>) -> Self {
        let count = source.num_rows();
        Self { source, lines, faults: vec![None; count], drops: vec![None; count] }
    }

    /// How many rows it has, faulty ones included.
    pub fn row_count(&self) -> usize {
        self.lines.len()
    }

    /// Notes that `row` cannot load; the first fault counts.
    pub fn fault(&mut self, row: usize, fault: impl FnOnce() -> Fault) {
        if self.faults[row].is_none() && self.drops[row].is_none() {
            self.faults[row] = Some(fault());
        }
    }

    /// Notes that `rule` drops `row`.
    pub fn drop_row(&mut self, row: usize, rule: &str) {
        if self.faults[row].is_none() && self.drops[row].is_none() {
            self.drops[row] = Some(rule.to_owned());
        }
    }

    /// Whether nothing is wrong with `row` so far.
    pub fn stands(&self, row: usize) -> bool {
        self.faults[row].is_none() && self.drops[row].is_none()
    }

    /// Keeps only the rows that stand, in the frame and in `batch`, and hands over the others.
    pub fn settle(self) -> Result<(Settled, Vec<u64>)> {
        let keep: Vec<bool> = (0..self.row_count()).map(|row| self.stands(row)).collect();
        let mut counts = RowCounts { rows_in: self.row_count() as u64, ..RowCounts::default() };
        let mut quarantined = Vec::new();
        for (row, fault) in self.faults.into_iter().enumerate() {
            let Some(fault) = fault else { continue };
            count(&mut counts.quarantined, &fault.rule);
            let json = row_json(&self.source, row)?;
            quarantined.push(QuarantinedRow { line: self.lines[row], fault, row: json });
        }
        for rule in self.drops.into_iter().flatten() {
            count(&mut counts.dropped, &rule);
        }
        let lines = self.lines.iter().zip(&keep).filter(|(_, keep)| **keep).map(|(line, _)| *line);
        let lines = lines.collect();
        Ok((Settled { keep: BooleanArray::from(keep), quarantined, counts }, lines))
    }
}

impl Settled {
    /// The rows of `batch` that stay.
    pub fn filter(&self, batch: RecordBatch) -> Result<RecordBatch> {
        if self.keep.true_count() == batch.num_rows() {
            return Ok(batch);
        }
        Ok(filter_record_batch(&batch, &self.keep)?)
    }
}

/// One row as a JSON object of texts.
pub(crate) fn row_json(batch: &RecordBatch, row: usize) -> Result<String> {
    let options = FormatOptions::default();
    let mut object = serde_json::Map::new();
    for (field, array) in batch.schema().fields().iter().zip(batch.columns()) {
        let value = if array.is_null(row) {
            serde_json::Value::Null
        } else {
            ArrayFormatter::try_new(array, &options)?.value(row).to_string().into()
        };
        object.insert(field.name().clone(), value);
    }
    Ok(serde_json::Value::Object(object).to_string())
}

/// One value as text, `None` for NULL.
pub(super) fn value_text(array: &ArrayRef, row: usize) -> Option<String> {
    if array.is_null(row) {
        return None;
    }
    let options = FormatOptions::default();
    Some(ArrayFormatter::try_new(array, &options).ok()?.value(row).to_string())
}

/// Whether a condition holds for `row`; NULL does not.
pub(super) fn holds(condition: &ArrayRef, row: usize) -> bool {
    let condition = condition.as_boolean();
    !condition.is_null(row) && condition.value(row)
}
