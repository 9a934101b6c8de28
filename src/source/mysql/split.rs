//! A piece of a table, read on one of the connections that share a snapshot.

use std::sync::Arc;

use futures::StreamExt;
use mysql_async::prelude::Queryable;
use mysql_async::{Conn, Row};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use super::cell::{self, Clock};
use super::columns::{Column, Relation, quote};
use super::session::{Server, reason};
use crate::error::{Error, ErrorKind, Result};
use crate::source::memory_batch::{BatchBuilder, Zones};
use crate::source::server::{BatchSender, KeyRange, select, stream};
use crate::source::{Batches, SourceTable, Split};

/// The connections that share a snapshot. Whoever reads takes one and gives it back.
#[derive(Debug)]
pub(super) struct Connections {
    /// How many there are.
    pub(super) count: usize,
    give_back: UnboundedSender<Conn>,
    free: tokio::sync::Mutex<UnboundedReceiver<Conn>>,
}

/// A connection that goes back when it is dropped.
#[derive(Debug)]
pub(super) struct Lent {
    conn: Option<Conn>,
    give_back: UnboundedSender<Conn>,
}

impl Connections {
    pub(super) fn new(connections: Vec<Conn>) -> Self {
        let count = connections.len();
        let (give_back, free) = unbounded_channel();
        for conn in connections {
            // Its receiver is right here.
            drop(give_back.send(conn));
        }
        Self { count, give_back, free: tokio::sync::Mutex::new(free) }
    }

    /// The next connection that is free.
    pub(super) async fn take(&self) -> Result<Lent> {
        let conn = self.free.lock().await.recv().await;
        let conn = conn.ok_or_else(|| Error::internal("the connections to a server are gone"))?;
        Ok(Lent { conn: Some(conn), give_back: self.give_back.clone() })
    }
}

impl Lent {
    pub(super) fn conn(&mut self) -> Result<&mut Conn> {
        self.conn.as_mut().ok_or_else(|| Error::internal("a connection was given back too early"))
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        if let Some(conn) = self.conn.take() {
            // When nobody wants it any more, it ends here.
            drop(self.give_back.send(conn));
        }
    }
}

/// What a piece is read with.
#[derive(Debug)]
pub(super) struct Reader {
    pub(super) server: Server,
    pub(super) connections: Arc<Connections>,
    pub(super) relation: Relation,
    /// The wanted columns, as the translator knows them and as they are asked for.
    pub(super) table: SourceTable,
    pub(super) columns: Vec<Column>,
    pub(super) zones: Zones,
    pub(super) clock: Clock,
}

/// A range of keys of a table, or all of it.
#[derive(Debug)]
pub(super) struct MysqlSplit {
    pub(super) name: String,
    pub(super) reader: Arc<Reader>,
    pub(super) range: KeyRange,
}

impl Split for MysqlSplit {
    fn name(&self) -> &str {
        &self.name
    }

    fn open(self: Box<Self>) -> Result<Batches> {
        stream(|sender| async move { self.read(&sender).await })
    }
}

impl MysqlSplit {
    async fn read(&self, sender: &BatchSender) -> Result<()> {
        let reader = &self.reader;
        let mut lent = reader.connections.take().await?;
        let conn = lent.conn()?;
        let rows = conn.exec_stream::<Row, _, _>(self.statement(), ()).await;
        let mut rows = rows.map_err(|error| self.lost(&error))?;
        let mut builder = BatchBuilder::new(&reader.table, b'.', reader.zones);
        let mut line = 0;
        while let Some(row) = rows.next().await {
            let row = row.map_err(|error| self.lost(&error))?;
            line += 1;
            self.append(&row, line, &mut builder)?;
            if builder.is_full() && !sender.send(builder.finish()?).await {
                return Ok(());
            }
        }
        if !builder.is_empty() {
            sender.send(builder.finish()?).await;
        }
        Ok(())
    }

    fn append(&self, row: &Row, line: u64, builder: &mut BatchBuilder) -> Result<()> {
        for (index, column) in self.reader.columns.iter().enumerate() {
            let sent = row.as_ref(index);
            let sent = sent.ok_or_else(|| Error::internal("a row is shorter than its table"))?;
            cell::append(builder, index, sent, &column.reading, self.reader.clock)?;
        }
        builder.end_row(line, || self.json(row));
        Ok(())
    }

    fn json(&self, row: &Row) -> String {
        let cell = |(index, column): (usize, &Column)| {
            let sent = row.as_ref(index);
            let text = sent.and_then(|sent| cell::text(sent, column.reading.family));
            (column.name.clone(), text.into())
        };
        let object: serde_json::Map<String, serde_json::Value> =
            self.reader.columns.iter().enumerate().map(cell).collect();
        serde_json::Value::Object(object).to_string()
    }

    /// The rows that were not read yet cannot be had from another connection: it would see others.
    fn lost(&self, error: &mysql_async::Error) -> Error {
        let what = format!(
            "reading `{}`: {}; nothing was published, load again",
            self.name,
            reason(error)
        );
        Error::new(ErrorKind::SourceUnavailable, what)
            .context(self.reader.server.address.to_string())
    }

    fn statement(&self) -> String {
        let Reader { relation, columns, .. } = self.reader.as_ref();
        let asked = columns.iter().map(|column| column.reading.expression(&quote(&column.name)));
        let asked: Vec<String> = asked.collect();
        let condition =
            relation.whole_key().and_then(|key| self.range.condition(&quote(&key.name)));
        let key: Vec<String> = relation.key.iter().map(|column| quote(column)).collect();
        select(&asked, "NULL", &relation.quoted(), condition.as_deref(), &key)
    }
}
