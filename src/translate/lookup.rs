//! A table held in memory and joined by key.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::AsArray;
use arrow::array::{Array, ArrayRef, RecordBatch, StringArray, UInt32Array};
use arrow::compute::{cast, take};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};

use crate::error::{Error, Result};

/// What a key leads to.
enum Match {
    Row(u32),
    /// Rows that differ share the key, so that none of them can be meant.
    Ambiguous,
}

/// A looked-up table. Keys compare as text, so `7` finds `"7"`; a NULL key finds nothing.
pub struct Lookup {
    rows: RecordBatch,
    index: HashMap<String, Match>,
}

impl std::fmt::Debug for Lookup {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Lookup").field("rows", &self.rows.num_rows()).finish_non_exhaustive()
    }
}

/// The looked-up columns for a batch, and the rows whose key is ambiguous.
pub(super) type Found = (Vec<ArrayRef>, Vec<usize>);

impl Lookup {
    /// Indexes `rows` by the columns `key`. Equal rows under one key count as one.
    pub fn new(rows: RecordBatch, key: &[String]) -> Result<Self> {
        let columns = key
            .iter()
            .map(|name| {
                rows.column_by_name(name).cloned().ok_or_else(|| {
                    Error::invalid_input(format!("the looked-up table has no column `{name}`"))
                })
            })
            .collect::<Result<Vec<_>>>()?;
        let mut index: HashMap<String, Match> = HashMap::new();
        let keys = key_texts(&columns, rows.num_rows())?;
        for (row, key) in keys.into_iter().enumerate() {
            let Some(key) = key else { continue };
            let row = u32::try_from(row)
                .map_err(|_| Error::invalid_input("a looked-up table has at most 2^32 rows"))?;
            match index.get_mut(&key) {
                None => {
                    index.insert(key, Match::Row(row));
                }
                Some(Match::Row(first)) if same_row(&rows, *first, row) => {}
                Some(found) => *found = Match::Ambiguous,
            }
        }
        Ok(Self { rows, index })
    }

    /// The columns it adds; all nullable, for keys that find nothing.
    pub fn schema(&self) -> SchemaRef {
        let nullable = |field: &Arc<Field>| field.as_ref().clone().with_nullable(true);
        let fields: Vec<Field> = self.rows.schema().fields().iter().map(nullable).collect();
        Arc::new(Schema::new(fields))
    }

    /// Looks each row's key up.
    pub(super) fn find(&self, key: &[ArrayRef], row_count: usize) -> Result<Found> {
        let mut ambiguous = Vec::new();
        let keys = key_texts(key, row_count)?;
        let found = keys.into_iter().enumerate().map(|(row, key)| {
            match key.and_then(|key| self.index.get(&key)) {
                Some(Match::Row(found)) => Some(*found),
                Some(Match::Ambiguous) => {
                    ambiguous.push(row);
                    None
                }
                None => None,
            }
        });
        let found: UInt32Array = found.collect();
        let columns = self.rows.columns().iter().map(|column| take(column, &found, None));
        let columns = columns.collect::<Result<Vec<_>, _>>()?;
        Ok((columns, ambiguous))
    }
}

fn same_row(rows: &RecordBatch, a: u32, b: u32) -> bool {
    let at = |row: u32, column: &ArrayRef| column.slice(row as usize, 1);
    rows.columns().iter().all(|column| at(a, column).as_ref() == at(b, column).as_ref())
}

/// The key of each row as one text; `None` where a part is NULL.
pub fn key_texts(columns: &[ArrayRef], row_count: usize) -> Result<Vec<Option<String>>> {
    let texts = columns.iter().map(key_text).collect::<Result<Vec<_>>>()?;
    if let [one] = texts.as_slice() {
        return Ok(one.as_string::<i32>().iter().map(|text| text.map(str::to_owned)).collect());
    }
    let parts: Vec<_> = texts.iter().map(AsArray::as_string::<i32>).collect();
    let key = |row: usize| {
        let part = |part: &&StringArray| (!part.is_null(row)).then(|| escape(part.value(row)));
        Some(parts.iter().map(part).collect::<Option<Vec<_>>>()?.join("|"))
    };
    Ok((0..row_count).map(key).collect())
}

/// One part of the key as text. A decimal loses its trailing zeros: `7.000` is the key `7`.
fn key_text(column: &ArrayRef) -> Result<ArrayRef> {
    let texts = cast(column, &DataType::Utf8)?;
    if !matches!(column.data_type(), DataType::Decimal128(_, 1..)) {
        return Ok(texts);
    }
    let short = |text: &str| text.trim_end_matches('0').trim_end_matches('.').to_owned();
    let short: StringArray = texts.as_string::<i32>().iter().map(|text| text.map(short)).collect();
    Ok(Arc::new(short))
}

/// Keeps `a|b`, `c` apart from `a`, `b|c`.
fn escape(part: &str) -> String {
    part.replace('\\', "\\\\").replace('|', "\\|")
}
