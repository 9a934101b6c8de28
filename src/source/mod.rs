//! Extract: one connector per kind of source, rows as typed Arrow batches.
//!
//! A [`Source`] knows its tables' columns, says how far it has data ([`Position`]), and reads each
//! table as a list of [`Split`]s: independent pieces in a fixed order, each an iterator of batches
//! with bounded memory. Every row carries its place (split and line), and a row that does not fit
//! its column types is handed over as a [`RejectedRow`], never repaired and never dropped.

mod cell;
mod column_type;
mod csv_quotes;
mod csv;
mod csv_infer;
mod extent;
mod files;
mod given;
mod json;
mod json_object;
mod memory_batch;
mod mysql;
mod postgres;
mod server;
mod sqlite;
mod text;
mod type_table;

pub use column_type::ColumnType;
pub use csv::{CsvFormat, CsvSource};
pub use extent::Extent;
pub use files::{FileStamp, matching_files};
pub use given::{GivenRow, GivenSource, GivenTable};
pub use json::{JsonFormat, JsonSource};
pub use memory_batch::{BatchBuilder, Zones, parse_texts};
pub use mysql::{MysqlSource, ZeroDates};
pub use postgres::PostgresSource;
pub use server::{ServerAddress, ServerTable};
pub use sqlite::{SqliteDatabase, SqliteSource};
pub use type_table::type_table;

use std::fmt;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::{Field, Schema, SchemaRef};
use serde::{Deserialize, Serialize};

use crate::error::Result;

/// Rows per batch: large enough for vectorised work, small enough to bound memory.
pub const BATCH_ROWS: usize = 8192;

/// A column as the source offers it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceColumn {
    /// Exactly as the source spells it.
    pub name: String,
    /// What its values are read as.
    pub column_type: ColumnType,
}

/// What [`Source::discover`] finds out about one table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceTable {
    /// In the order of the source.
    pub columns: Vec<SourceColumn>,
}

impl SourceTable {
    /// The same table with the columns that `wanted` holds for.
    #[must_use]
    pub fn only(&self, wanted: impl Fn(&str) -> bool) -> Self {
        let columns = self.columns.iter().filter(|column| wanted(&column.name));
        Self { columns: columns.cloned().collect() }
    }

    /// The Arrow schema of the batches; everything is nullable.
    pub fn schema(&self) -> SchemaRef {
        let field = |c: &SourceColumn| Field::new(&c.name, c.column_type.arrow(), true);
        Arc::new(Schema::new(self.columns.iter().map(field).collect::<Vec<_>>()))
    }
}

/// A row that could not be read as its columns' types.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RejectedRow {
    /// Line or row number within the split, counted from 1.
    pub line: u64,
    /// The column at fault, when it is one.
    pub column: Option<String>,
    /// The offending text.
    pub value: Option<String>,
    /// Why, in a few words.
    pub reason: String,
    /// The whole row as a JSON object of texts.
    pub row: String,
}

/// A run of rows of one split.
#[derive(Clone, Debug)]
pub struct SourceBatch {
    /// The rows that fit.
    pub rows: RecordBatch,
    /// The line or row number of each, within the split.
    pub lines: Vec<u64>,
    /// The rows that did not.
    pub rejected: Vec<RejectedRow>,
}

/// The batches of a split, in order.
pub type Batches = Box<dyn Iterator<Item = Result<SourceBatch>> + Send>;

/// One independent piece of a table: a file, or a whole database table.
pub trait Split: fmt::Debug + Send {
    /// What a person calls it: a path or a table name; part of every row's position.
    fn name(&self) -> &str;

    /// How much of it there is, where that is known before it is read.
    fn extent(&self) -> Option<Extent> {
        None
    }

    /// Starts reading. Batches hold at most [`BATCH_ROWS`] rows; an empty piece gives none.
    fn open(self: Box<Self>) -> Result<Batches>;
}

/// How far a source table has data: equal positions mean the same rows would be read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Position {
    /// By split name, what identifies its content.
    pub splits: Vec<(String, String)>,
}

/// A system that rows come from.
pub trait Source: fmt::Debug + Send + Sync {
    /// The columns of `table`, as declared or found by looking at the data.
    fn discover(&self, table: &str) -> Result<SourceTable>;

    /// What there is to read of `table` now.
    fn position(&self, table: &str) -> Result<Position>;

    /// The pieces of `table` in their fixed order, read with the types of `columns`.
    fn splits(&self, table: &str, columns: &SourceTable) -> Result<Vec<Box<dyn Split>>>;
}
