//! Building typed batches from texts, setting rows aside that do not fit.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanArray, BooleanBuilder, Date32Builder, Decimal128Builder, Float64Builder,
    Int64Builder, RecordBatch, RecordBatchOptions, StringArray, StringBuilder,
    TimestampMicrosecondBuilder,
};
use arrow::compute::filter_record_batch;
use arrow::datatypes::SchemaRef;
use chrono::{DateTime, NaiveDateTime};
use chrono_tz::Tz;

use super::cell;
use super::column_type::ColumnType;
use super::{BATCH_ROWS, RejectedRow, SourceBatch, SourceTable};
use crate::error::{Error, Result};

/// Bytes of text after which a batch is full: rows may hold whole documents.
const BATCH_BYTES: usize = 32 << 20;

/// From which zone to which a wall time is converted, when they differ.
pub type Zones = Option<(Tz, Tz)>;

enum Column {
    Text(StringBuilder),
    Int64(Int64Builder),
    Decimal(Decimal128Builder, u8, i8),
    Double(Float64Builder),
    Bool(BooleanBuilder),
    Date(Date32Builder, Option<String>),
    Timestamp(TimestampMicrosecondBuilder, Option<String>),
}

/// A value that its source gave as what it is, not as a text.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Value<'a> {
    Null,
    Text(&'a str),
    Int64(i64),
    /// Digits at the scale of the column.
    Decimal(i128),
    Double(f64),
    Bool(bool),
    /// Days since 1970-01-01.
    Date(i32),
    /// Microseconds since 1970-01-01T00:00 on the source's clock.
    Wall(i64),
    /// Microseconds since 1970-01-01T00:00 on the project's clock.
    Ours(i64),
}

/// Why a cell does not fit.
#[derive(Debug)]
struct CellFault {
    column: usize,
    value: Option<String>,
    /// Another reason than that it is no value of the column's type.
    reason: Option<String>,
}

/// Collects rows cell by cell; a cell that does not fit marks its row as rejected.
pub struct BatchBuilder {
    schema: SchemaRef,
    names: Vec<String>,
    columns: Vec<Column>,
    lines: Vec<u64>,
    keep: Vec<bool>,
    /// Of all texts.
    bytes: usize,
    rejected: Vec<RejectedRow>,
    fault: Option<CellFault>,
    point: u8,
    zones: Zones,
}

impl std::fmt::Debug for BatchBuilder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("BatchBuilder").field("names", &self.names).finish_non_exhaustive()
    }
}

impl BatchBuilder {
    /// An empty batch of `table`; `point` is the decimal sign.
    pub fn new(table: &SourceTable, point: u8, zones: Zones) -> Self {
        Self {
            schema: table.schema(),
            names: table.columns.iter().map(|column| column.name.clone()).collect(),
            columns: table.columns.iter().map(|column| builder(&column.column_type)).collect(),
            lines: Vec::with_capacity(BATCH_ROWS),
            keep: Vec::with_capacity(BATCH_ROWS),
            bytes: 0,
            rejected: Vec::new(),
            fault: None,
            point,
            zones,
        }
    }

    /// Appends the next cell of the row under construction; `None` is NULL.
    pub fn cell(&mut self, index: usize, text: Option<&str>) {
        let Some(text) = text else {
            append_null(&mut self.columns[index]);
            return;
        };
        self.bytes += text.len();
        if !append(&mut self.columns[index], text, self.point, self.zones) {
            self.misfit(index, Some(text.to_owned()), None);
        }
    }

    /// Appends the next cell of the row under construction, which must be of its column's type. A wall
    /// time that the source's clock shows twice or never does not fit.
    pub(super) fn value(&mut self, index: usize, value: Value<'_>) -> Result<()> {
        match (&mut self.columns[index], value) {
            (column, Value::Null) => append_null(column),
            (Column::Text(builder), Value::Text(text)) => {
                self.bytes += text.len();
                builder.append_value(text);
            }
            (Column::Int64(builder), Value::Int64(value)) => builder.append_value(value),
            (Column::Decimal(builder, ..), Value::Decimal(value)) => builder.append_value(value),
            (Column::Double(builder), Value::Double(value)) => builder.append_value(value),
            (Column::Bool(builder), Value::Bool(value)) => builder.append_value(value),
            (Column::Date(builder, _), Value::Date(value)) => builder.append_value(value),
            (Column::Timestamp(builder, _), Value::Ours(at)) => builder.append_value(at),
            (Column::Timestamp(builder, _), Value::Wall(at)) => match self.zones {
                None => builder.append_value(at),
                Some(_) => {
                    let wall = DateTime::from_timestamp_micros(at).map(|at| at.naive_utc());
                    match wall.and_then(|at| convert(at, self.zones)) {
                        Some(at) => builder.append_value(at.and_utc().timestamp_micros()),
                        None => self.misfit(index, wall.map(|at| at.to_string()), None),
                    }
                }
            },
            (column, value) => {
                let what = format!("{value:?} for a column of type {}", column_type(column));
                return Err(Error::internal(what));
            }
        }
        Ok(())
    }

    /// Appends a cell that does not fit: its row will be rejected for `reason`, or for not being of the
    /// column's type.
    pub(super) fn misfit(&mut self, index: usize, value: Option<String>, reason: Option<String>) {
        append_null(&mut self.columns[index]);
        self.fault.get_or_insert(CellFault { column: index, value, reason });
    }

    /// Appends a number whose written digits are lost beyond a double's precision: it fits a double
    /// column only.
    pub fn inexact_cell(&mut self, index: usize, text: &str) {
        if matches!(self.columns[index], Column::Double(_)) {
            self.cell(index, Some(text));
        } else {
            self.misfit(index, Some(text.to_owned()), None);
        }
    }

    /// Ends the row; `row` gives it as JSON and is called only when the row is rejected.
    pub fn end_row(&mut self, line: u64, row: impl FnOnce() -> String) {
        self.lines.push(line);
        self.keep.push(self.fault.is_none());
        if let Some(CellFault { column, value, reason }) = self.fault.take() {
            let name = self.names[column].clone();
            let reason = reason.unwrap_or_else(|| {
                format!("not a {}, which `{name}` is read as", column_type(&self.columns[column]))
            });
            self.rejected.push(RejectedRow { line, column: Some(name), value, reason, row: row() });
        }
    }

    /// Sets a row aside that has no cells at all.
    pub fn reject(&mut self, row: RejectedRow) {
        self.rejected.push(row);
    }

    /// Whether the batch has as many rows, or as much text, as one should.
    pub fn is_full(&self) -> bool {
        self.lines.len() + self.rejected.len() >= BATCH_ROWS || self.bytes >= BATCH_BYTES
    }

    /// Whether nothing was collected.
    pub fn is_empty(&self) -> bool {
        self.lines.is_empty() && self.rejected.is_empty()
    }

    /// The rows collected so far; the builder is empty afterwards.
    pub fn finish(&mut self) -> Result<SourceBatch> {
        let arrays: Vec<ArrayRef> = self.columns.iter_mut().map(finish).collect();
        // A feed of constants reads no column, and still has rows.
        let options = RecordBatchOptions::new().with_row_count(Some(self.lines.len()));
        let rows = RecordBatch::try_new_with_options(Arc::clone(&self.schema), arrays, &options)?;
        let keep = std::mem::take(&mut self.keep);
        self.bytes = 0;
        let lines = std::mem::take(&mut self.lines);
        let rejected = std::mem::take(&mut self.rejected);
        if keep.iter().all(|keep| *keep) {
            return Ok(SourceBatch { rows, lines, rejected });
        }
        let lines = lines.iter().zip(&keep).filter(|(_, keep)| **keep).map(|(l, _)| *l).collect();
        let rows = filter_record_batch(&rows, &BooleanArray::from(keep))?;
        Ok(SourceBatch { rows, lines, rejected })
    }
}

fn builder(column_type: &ColumnType) -> Column {
    match column_type {
        ColumnType::Text => Column::Text(StringBuilder::new()),
        ColumnType::Int64 => Column::Int64(Int64Builder::new()),
        ColumnType::Decimal(precision, scale) => {
            let builder = Decimal128Builder::new().with_data_type(column_type.arrow());
            Column::Decimal(builder, *precision, *scale)
        }
        ColumnType::Double => Column::Double(Float64Builder::new()),
        ColumnType::Bool => Column::Bool(BooleanBuilder::new()),
        ColumnType::Date(format) => Column::Date(Date32Builder::new(), format.clone()),
        ColumnType::Timestamp(format) => {
            Column::Timestamp(TimestampMicrosecondBuilder::new(), format.clone())
        }
    }
}

/// Appends the value of `text`, or says that it has none.
fn append(column: &mut Column, text: &str, point: u8, zones: Zones) -> bool {
    match column {
        Column::Text(builder) => {
            builder.append_value(text);
            true
        }
        Column::Int64(builder) => accept(cell::int(text), |value| builder.append_value(value)),
        Column::Decimal(builder, precision, scale) => {
            let value = cell::decimal(text, *precision, *scale, point);
            accept(value.filter(|_| !cell::is_code(text)), |value| {
                builder.append_value(value);
            })
        }
        Column::Double(builder) => {
            accept(cell::double(text, point), |value| builder.append_value(value))
        }
        Column::Bool(builder) => accept(cell::bool(text), |value| builder.append_value(value)),
        Column::Date(builder, format) => {
            accept(cell::date(text, format.as_deref()), |value| builder.append_value(value))
        }
        Column::Timestamp(builder, format) => {
            let at = cell::timestamp(text, format.as_deref()).and_then(|at| convert(at, zones));
            accept(at, |at| builder.append_value(at.and_utc().timestamp_micros()))
        }
    }
}

fn accept<T>(value: Option<T>, append: impl FnOnce(T)) -> bool {
    value.map(append).is_some()
}

/// The same instant on the project's clock. A time that the source's clock skips or shows twice is
/// refused, because it has no one answer.
fn convert(at: NaiveDateTime, zones: Zones) -> Option<NaiveDateTime> {
    match zones {
        None => Some(at),
        Some((from, to)) => {
            Some(at.and_local_timezone(from).single()?.with_timezone(&to).naive_local())
        }
    }
}

fn append_null(column: &mut Column) {
    match column {
        Column::Text(builder) => builder.append_null(),
        Column::Int64(builder) => builder.append_null(),
        Column::Decimal(builder, ..) => builder.append_null(),
        Column::Double(builder) => builder.append_null(),
        Column::Bool(builder) => builder.append_null(),
        Column::Date(builder, _) => builder.append_null(),
        Column::Timestamp(builder, _) => builder.append_null(),
    }
}

fn finish(column: &mut Column) -> ArrayRef {
    match column {
        Column::Text(builder) => Arc::new(builder.finish()),
        Column::Int64(builder) => Arc::new(builder.finish()),
        Column::Decimal(builder, ..) => Arc::new(builder.finish()),
        Column::Double(builder) => Arc::new(builder.finish()),
        Column::Bool(builder) => Arc::new(builder.finish()),
        Column::Date(builder, _) => Arc::new(builder.finish()),
        Column::Timestamp(builder, _) => Arc::new(builder.finish()),
    }
}

fn column_type(column: &Column) -> ColumnType {
    match column {
        Column::Text(_) => ColumnType::Text,
        Column::Int64(_) => ColumnType::Int64,
        Column::Decimal(_, precision, scale) => ColumnType::Decimal(*precision, *scale),
        Column::Double(_) => ColumnType::Double,
        Column::Bool(_) => ColumnType::Bool,
        Column::Date(_, format) => ColumnType::Date(format.clone()),
        Column::Timestamp(_, format) => ColumnType::Timestamp(format.clone()),
    }
}

/// Reads each text as `column_type`; the rows that do not fit are NULL and listed.
pub fn parse_texts(texts: &StringArray, column_type: &ColumnType) -> (ArrayRef, Vec<usize>) {
    let mut column = builder(column_type);
    let mut misfits = Vec::new();
    for (row, text) in texts.iter().enumerate() {
        let fits = text.is_none_or(|text| append(&mut column, text.trim(), b'.', None));
        if text.is_none() || !fits {
            append_null(&mut column);
        }
        if !fits {
            misfits.push(row);
        }
    }
    (finish(&mut column), misfits)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::SourceColumn;

    #[test]
    fn a_batch_of_long_texts_is_full_early() {
        let column = SourceColumn { name: "note".into(), column_type: ColumnType::Text };
        let mut builder = BatchBuilder::new(&SourceTable { columns: vec![column] }, b'.', None);
        let long = "x".repeat(BATCH_BYTES / 4);
        let mut lines = 0;
        while !builder.is_full() {
            lines += 1;
            builder.cell(0, Some(&long));
            builder.end_row(lines, String::new);
        }
        assert_eq!(lines, 4);
        builder.finish().unwrap();
        assert!(!builder.is_full());
    }
}
