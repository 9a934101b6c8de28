//! Rows that cannot load, as a table.

use std::sync::Arc;

use arrow::array::{Int64Array, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};

use super::frame::Fault;
use crate::error::Result;

/// A row set aside: where it was, what is wrong, and the row itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QuarantinedRow {
    /// Line or row number within the split.
    pub line: u64,
    /// What is wrong.
    pub fault: Fault,
    /// The row as a JSON object of texts.
    pub row: String,
}

/// The columns of `system.quarantine`.
pub fn quarantine_schema() -> SchemaRef {
    let text = |name: &str, nullable| Field::new(name, DataType::Utf8, nullable);
    Arc::new(Schema::new(vec![
        text("table_name", false),
        text("source", false),
        text("source_table", false),
        text("source_file", false),
        Field::new("source_line", DataType::Int64, false),
        text("rule", false),
        text("column_name", true),
        text("value", true),
        text("reason", false),
        text("row", false),
    ]))
}

/// Rows of one split that were meant for `target`.
pub fn quarantine_batch(
    target: &str,
    source_table: &str,
    split: &str,
    rows: &[QuarantinedRow],
) -> Result<RecordBatch> {
    let (source, table) = source_table.split_once('.').unwrap_or(("", source_table));
    let same = |text: &str| Arc::new(StringArray::from(vec![text; rows.len()]));
    let lines = rows.iter().map(|row| i64::try_from(row.line).unwrap_or(i64::MAX));
    let column = |pick: fn(&QuarantinedRow) -> Option<&str>| {
        Arc::new(rows.iter().map(pick).collect::<StringArray>())
    };
    Ok(RecordBatch::try_new(
        quarantine_schema(),
        vec![
            same(target),
            same(source),
            same(table),
            same(split),
            Arc::new(lines.collect::<Int64Array>()),
            column(|row| Some(&row.fault.rule)),
            column(|row| row.fault.column.as_deref()),
            column(|row| row.fault.value.as_deref()),
            column(|row| Some(&row.fault.reason)),
            column(|row| Some(&row.row)),
        ],
    )?)
}
