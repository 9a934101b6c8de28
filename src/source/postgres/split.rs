//! A piece of a table, read by `COPY` within the shared snapshot.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use chrono_tz::Tz;
use futures::{StreamExt, pin_mut};
use tokio_postgres::Client;

use super::cell;
use super::columns::{Column, Relation, quote};
use super::copy::{CopyDecoder, Fields};
use super::session::{Server, SharedSnapshot, reason};
use super::types::Wire;
use crate::error::{Error, ErrorKind, Result};
use crate::source::memory_batch::{BatchBuilder, Value, Zones};
use crate::source::server::{BatchSender, KeyRange, Transient, patiently, select, stream};
use crate::source::{Batches, SourceTable, Split};

/// What a piece is read with.
#[derive(Debug)]
pub(super) struct Reader {
    pub(super) server: Server,
    pub(super) snapshot: SharedSnapshot,
    pub(super) relation: Relation,
    /// The wanted columns, as the translator knows them and as they are asked for.
    pub(super) table: SourceTable,
    pub(super) columns: Vec<Column>,
    pub(super) zones: Zones,
    pub(super) ours: Tz,
}

/// A range of keys of a table, or all of it.
#[derive(Debug)]
pub(super) struct PostgresSplit {
    pub(super) name: String,
    pub(super) reader: Arc<Reader>,
    pub(super) range: KeyRange,
}

impl Split for PostgresSplit {
    fn name(&self) -> &str {
        &self.name
    }

    fn open(self: Box<Self>) -> Result<Batches> {
        stream(|sender| async move { self.read(&sender).await })
    }
}

impl PostgresSplit {
    /// Reads to the end. Where rows have an order, a lost connection is taken up after the last row that
    /// was handed over: within one snapshot they come again just the same.
    async fn read(&self, sender: &BatchSender) -> Result<()> {
        let handed_over = AtomicU64::new(0);
        patiently(|| async {
            self.attempt(sender, &handed_over).await.map_err(|mut transient| {
                let begun = handed_over.load(Ordering::Relaxed) > 0;
                transient.may_pass &= !(begun && self.reader.relation.key.is_empty());
                transient
            })
        })
        .await
    }

    async fn attempt(
        &self,
        sender: &BatchSender,
        handed_over: &AtomicU64,
    ) -> Result<(), Transient> {
        let reader = &self.reader;
        let client = reader.server.reader(&reader.snapshot).await?;
        let lost = |error: &tokio_postgres::Error| self.lost(error, &client);
        let copy = client.copy_out(&self.statement()).await.map_err(|error| lost(&error))?;
        pin_mut!(copy);
        let fatal = |error| Transient { error, may_pass: false };
        let mut decoder = CopyDecoder::new(reader.columns.len().max(1));
        let mut rows = RowReader::new(reader, handed_over.load(Ordering::Relaxed));
        while let Some(bytes) = copy.next().await {
            let bytes: Bytes = bytes.map_err(|error| lost(&error))?;
            decoder.push(&bytes, |row, fields| rows.append(row, fields)).map_err(fatal)?;
            if rows.builder.is_full() {
                let batch = rows.builder.finish().map_err(fatal)?;
                if !sender.send(batch).await {
                    return Ok(());
                }
                handed_over.store(rows.line, Ordering::Relaxed);
            }
        }
        decoder.finish().map_err(fatal)?;
        if !rows.builder.is_empty() {
            sender.send(rows.builder.finish().map_err(fatal)?).await;
        }
        drop(rows);
        reader.snapshot.give_back(client);
        Ok(())
    }

    fn lost(&self, error: &tokio_postgres::Error, client: &Client) -> Transient {
        let mut transient = self.reader.server.transient(error);
        transient.may_pass |= client.is_closed();
        let what = format!("reading `{}`: {}", self.name, reason(error));
        transient.error = Error::new(ErrorKind::SourceUnavailable, what)
            .context(self.reader.server.address.to_string());
        transient
    }

    fn statement(&self) -> String {
        let Reader { relation, columns, .. } = self.reader.as_ref();
        let asked = columns.iter().map(|column| column.reading.expression(&quote(&column.name)));
        let asked: Vec<String> = asked.collect();
        let condition =
            relation.whole_key().and_then(|key| self.range.condition(&quote(&key.name)));
        let key: Vec<String> = relation.key.iter().map(|column| quote(column)).collect();
        let query =
            select(&asked, "NULL::pg_catalog.text", &relation.quoted(), condition.as_deref(), &key);
        format!("COPY ({query}) TO STDOUT (FORMAT binary)")
    }
}

/// Rows of a copy into a batch.
struct RowReader<'a> {
    reader: &'a Reader,
    builder: BatchBuilder,
    /// Rows so far.
    line: u64,
    /// Rows that were handed over before the connection was lost.
    skip: u64,
}

impl<'a> RowReader<'a> {
    fn new(reader: &'a Reader, skip: u64) -> Self {
        let builder = BatchBuilder::new(&reader.table, b'.', reader.zones);
        Self { reader, builder, line: 0, skip }
    }

    fn append(&mut self, row: &[u8], fields: &Fields) -> Result<()> {
        self.line += 1;
        if self.line <= self.skip {
            return Ok(());
        }
        for (index, column) in self.reader.columns.iter().enumerate() {
            let field = fields[index].map(|(start, end)| &row[start..end]);
            self.cell(index, column, field)?;
        }
        let reader = self.reader;
        self.builder.end_row(self.line, || json(&reader.columns, row, fields));
        Ok(())
    }

    fn cell(&mut self, index: usize, column: &Column, field: Option<&[u8]>) -> Result<()> {
        let Some(field) = field else { return self.builder.value(index, Value::Null) };
        let column_type = &self.reader.table.columns[index].column_type;
        if column.reading.wire == Wire::Uuid
            && let Some(text) = cell::uuid(field)
        {
            return self.builder.value(index, Value::Text(&text));
        }
        match cell::value(field, column.reading.wire, column_type, self.reader.ours) {
            Ok(Value::Text(text)) => self.builder.cell(index, Some(text)),
            Ok(value) => self.builder.value(index, value)?,
            Err(misfit) => self.builder.misfit(index, misfit.value, Some(misfit.reason)),
        }
        Ok(())
    }
}

/// A row as a JSON object of texts.
fn json(columns: &[Column], row: &[u8], fields: &Fields) -> String {
    let cell = |(column, field): (&Column, &Option<(usize, usize)>)| {
        let text = field.and_then(|(start, end)| cell::text(&row[start..end], column.reading.wire));
        (column.name.clone(), text.into())
    };
    let object: serde_json::Map<String, serde_json::Value> =
        columns.iter().zip(fields).map(cell).collect();
    serde_json::Value::Object(object).to_string()
}
