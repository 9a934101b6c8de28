//! The rows of one source table as they arrive, before any feed.

use std::collections::VecDeque;

use arrow::datatypes::SchemaRef;

use super::connect::connect;
use crate::error::{Error, ErrorKind, Result};
use crate::model::Model;
use crate::source::{Batches, SourceBatch, Split};

/// Splits that are open at the same time.
const OPEN_SPLITS: usize = 2;

/// The rows of a source table, in order.
pub struct SourceRows {
    schema: SchemaRef,
    waiting: VecDeque<Box<dyn Split>>,
    open: VecDeque<Batches>,
}

impl std::fmt::Debug for SourceRows {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SourceRows").field("waiting", &self.waiting).finish_non_exhaustive()
    }
}

/// Opens the table that a feed calls `name`, with all its columns.
pub fn read_source(model: &Model, name: &str) -> Result<SourceRows> {
    let mut tables = connect(&model.project);
    let known: Vec<String> = tables.keys().cloned().collect();
    let table = tables.remove(name).ok_or_else(|| {
        let what = format!("no source table is called `{name}`; there is {}", known.join(", "));
        Error::new(ErrorKind::NotFound, what)
    })?;
    let columns = table.source.discover(&table.native_name)?;
    let waiting = table.source.splits(&table.native_name, &columns)?.into();
    Ok(SourceRows { schema: columns.schema(), waiting, open: VecDeque::new() })
}

impl SourceRows {
    /// The columns; everything is nullable.
    pub fn schema(&self) -> SchemaRef {
        SchemaRef::clone(&self.schema)
    }
}

impl Iterator for SourceRows {
    type Item = Result<SourceBatch>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            while self.open.len() < OPEN_SPLITS
                && let Some(split) = self.waiting.pop_front()
            {
                match split.open() {
                    Ok(batches) => self.open.push_back(batches),
                    Err(error) => return Some(Err(error)),
                }
            }
            if let Some(batch) = self.open.front_mut()?.next() {
                return Some(batch);
            }
            self.open.pop_front();
        }
    }
}
