//! Rows that are written down instead of read from a system, to try declarations on.

use std::collections::{BTreeMap, VecDeque};

use super::csv_infer::infer_texts;
use super::memory_batch::{BatchBuilder, Zones};
use super::{
    BATCH_ROWS, Batches, ColumnType, Position, Source, SourceBatch, SourceColumn, SourceTable,
    Split,
};
use crate::declare::Located;
use crate::error::{Error, ErrorKind, Result};

/// One row as it is written: cells by column; a column that is not named is NULL.
#[derive(Clone, Debug)]
pub struct GivenRow {
    /// Where the row stands in its file.
    pub line: u64,
    /// In the order written.
    pub cells: Vec<(Located<String>, Option<String>)>,
}

/// The rows of one table, and how their texts are read.
#[derive(Clone, Debug)]
pub struct GivenTable {
    /// The file they are written in.
    pub file: String,
    /// All of them.
    pub rows: Vec<GivenRow>,
    /// What the table offers.
    pub columns: SourceTable,
    /// The decimal sign.
    pub point: u8,
    /// Texts that mean NULL.
    pub nulls: Vec<String>,
    /// From which zone to which wall times are converted.
    pub zones: Zones,
}

impl GivenTable {
    /// The columns that `rows` name, where nothing else says what the table has: typed as declared,
    /// else as a text file's columns would be.
    pub fn columns_of(
        rows: &[GivenRow],
        types: &BTreeMap<String, ColumnType>,
        point: u8,
        nulls: &[String],
    ) -> SourceTable {
        let mut names: Vec<&String> = Vec::new();
        for (name, _) in rows.iter().flat_map(|row| &row.cells) {
            if !names.contains(&&name.value) {
                names.push(&name.value);
            }
        }
        let column = |name: &String| {
            let cells = rows.iter().flat_map(|row| &row.cells);
            let texts = cells.filter(|(of, _)| of.value == *name);
            let texts = texts.filter_map(|(_, text)| text.as_deref());
            let texts = texts.filter(|text| !nulls.iter().any(|null| null == text));
            let declared = types.get(name).cloned();
            let column_type = declared.unwrap_or_else(|| infer_texts(texts, point));
            SourceColumn { name: name.clone(), column_type }
        };
        SourceTable { columns: names.into_iter().map(column).collect() }
    }
}

/// Tables of written rows, by name.
#[derive(Clone, Debug, Default)]
pub struct GivenSource {
    /// By the name a split asks for.
    pub tables: BTreeMap<String, GivenTable>,
}

impl GivenSource {
    fn table(&self, name: &str) -> Result<&GivenTable> {
        let missing = || Error::new(ErrorKind::NotFound, format!("no table `{name}`"));
        self.tables.get(name).ok_or_else(missing)
    }
}

impl Source for GivenSource {
    fn discover(&self, table: &str) -> Result<SourceTable> {
        Ok(self.table(table)?.columns.clone())
    }

    fn position(&self, table: &str) -> Result<Position> {
        let given = self.table(table)?;
        Ok(Position { splits: vec![(given.file.clone(), format!("{:?}", given.rows))] })
    }

    fn splits(&self, table: &str, columns: &SourceTable) -> Result<Vec<Box<dyn Split>>> {
        let given = GivenTable { columns: columns.clone(), ..self.table(table)?.clone() };
        Ok(vec![Box::new(GivenSplit { given })])
    }
}

#[derive(Debug)]
struct GivenSplit {
    given: GivenTable,
}

impl Split for GivenSplit {
    fn name(&self) -> &str {
        &self.given.file
    }

    fn open(self: Box<Self>) -> Result<Batches> {
        let mut rows: VecDeque<GivenRow> = self.given.rows.iter().cloned().collect();
        let given = self.given;
        Ok(Box::new(std::iter::from_fn(move || {
            let count = rows.len().min(BATCH_ROWS);
            let some: Vec<GivenRow> = rows.drain(..count).collect();
            (!some.is_empty()).then(|| batch(&given, &some))
        })))
    }
}

fn batch(given: &GivenTable, rows: &[GivenRow]) -> Result<SourceBatch> {
    let mut builder = BatchBuilder::new(&given.columns, given.point, given.zones);
    for row in rows {
        for (index, column) in given.columns.columns.iter().enumerate() {
            let cell = row.cells.iter().find(|(name, _)| name.value == column.name);
            let text = cell.and_then(|(_, text)| text.as_deref());
            let text = match column.column_type {
                ColumnType::Text => text,
                _ => text.map(str::trim),
            };
            let text = text.filter(|text| !given.nulls.iter().any(|null| null == text));
            builder.cell(index, text);
        }
        builder.end_row(row.line, || json(row));
    }
    builder.finish()
}

fn json(row: &GivenRow) -> String {
    let cell = |(name, text): &(Located<String>, Option<String>)| {
        (name.value.clone(), text.clone().into())
    };
    let object: serde_json::Map<String, serde_json::Value> = row.cells.iter().map(cell).collect();
    serde_json::Value::Object(object).to_string()
}
