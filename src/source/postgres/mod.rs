//! PostgreSQL: every table of a load is read within one snapshot, by binary `COPY`.

mod cell;
mod columns;
mod copy;
mod numeric;
mod session;
mod split;
mod types;

pub(super) use types::FAMILIES;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chrono_tz::Tz;

use self::columns::{Relation, quote};
use self::session::{Server, SharedSnapshot};
use self::split::{PostgresSplit, Reader};
use super::memory_batch::Zones;
use super::server::{KeyRange, ServerAddress, ServerTable, key_ranges, wait_for};
use super::{Position, Source, SourceColumn, SourceTable, Split};
use crate::clock;
use crate::error::{Error, ErrorKind, Result};

/// One database of a PostgreSQL server.
#[derive(Debug)]
pub struct PostgresSource {
    server: Server,
    schema: String,
    /// By the name a feed uses.
    tables: BTreeMap<String, ServerTable>,
    zones: Zones,
    ours: Tz,
    open: Mutex<Open>,
}

/// What was learned from the server so far.
#[derive(Debug, Default)]
struct Open {
    snapshot: Option<SharedSnapshot>,
    /// Why there is none; it is not tried again for every table.
    away: Option<(ErrorKind, String)>,
    relations: BTreeMap<String, Relation>,
}

impl PostgresSource {
    /// The database at `address`, connected to when first used. `ours` is the project's zone.
    pub fn new(
        address: ServerAddress,
        schema: String,
        statement_timeout: Option<Duration>,
        tables: BTreeMap<String, ServerTable>,
        zones: Zones,
        ours: Tz,
    ) -> Self {
        let server = Server { address, statement_timeout };
        Self { server, schema, tables, zones, ours, open: Mutex::default() }
    }

    fn declared(&self, table: &str) -> Result<&ServerTable> {
        let missing = || Error::internal(format!("no table `{table}` is declared"));
        self.tables.get(table).ok_or_else(missing)
    }

    fn snapshot(&self) -> Result<SharedSnapshot> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(snapshot) = &open.snapshot {
            return Ok(Arc::clone(snapshot));
        }
        if let Some((kind, what)) = &open.away {
            return Err(Error::new(*kind, what.clone()));
        }
        let server = self.server.clone();
        match wait_for(async move { server.snapshot().await }) {
            Ok(snapshot) => {
                let snapshot = Arc::new(snapshot);
                open.snapshot = Some(Arc::clone(&snapshot));
                Ok(snapshot)
            }
            Err(error) => {
                open.away = Some((error.kind(), error.to_string()));
                Err(error)
            }
        }
    }

    /// The relation behind a declared table, with the declared types.
    fn relation(&self, table: &str) -> Result<Relation> {
        let snapshot = self.snapshot()?;
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(relation) = open.relations.get(table) {
            return Ok(relation.clone());
        }
        let declared = self.declared(table)?;
        let (schema, name) =
            (declared.schema.as_ref().unwrap_or(&self.schema).clone(), declared.name.clone());
        let server = self.server.clone();
        let mut relation = wait_for(async move {
            let found = columns::relation(&snapshot.client, &schema, &name).await;
            let found = found.map_err(|error| server.transient(&error).error)?;
            found.ok_or_else(|| {
                let what = format!(
                    "`{}` has no table or view `{name}` in schema `{schema}` that can be seen",
                    server.address
                );
                Error::new(ErrorKind::SourceUnavailable, what)
            })
        })?;
        for (name, column_type) in &declared.types {
            let column = relation.columns.iter_mut().find(|column| column.name == *name);
            let column = column.ok_or_else(|| declared.no_column(name))?;
            column.reading = column.reading.declared(column_type.clone());
        }
        open.relations.insert(table.to_owned(), relation.clone());
        Ok(relation)
    }

    /// The pieces to read `relation` in.
    fn pieces(&self, relation: &Relation) -> Result<Vec<KeyRange>> {
        let Some(key) = relation.whole_key().filter(|_| relation.is_stored) else {
            return Ok(vec![KeyRange::default()]);
        };
        let key = quote(&key.name);
        let bounds =
            format!("SELECT min({key})::int8, max({key})::int8 FROM {}", relation.quoted());
        let (snapshot, server) = (self.snapshot()?, self.server.clone());
        let (first, last): (Option<i64>, Option<i64>) = wait_for(async move {
            let row = snapshot.client.query_one(&bounds, &[]).await;
            let row = row.map_err(|error| server.transient(&error).error)?;
            Ok((row.get(0), row.get(1)))
        })?;
        let (Some(first), Some(last)) = (first, last) else { return Ok(vec![KeyRange::default()]) };
        Ok(key_ranges(first, last, relation.row_estimate))
    }
}

impl Source for PostgresSource {
    fn discover(&self, table: &str) -> Result<SourceTable> {
        let relation = self.relation(table)?;
        let column = |column: &columns::Column| SourceColumn {
            name: column.name.clone(),
            column_type: column.reading.column_type.clone(),
        };
        Ok(SourceTable { columns: relation.columns.iter().map(column).collect() })
    }

    /// The place in the server's log: as long as it stays, nothing in the database changed. What is not
    /// stored in this database has another position each time.
    fn position(&self, table: &str) -> Result<Position> {
        let relation = self.relation(table)?;
        let snapshot = self.snapshot()?;
        let stamp = match &snapshot.log_position {
            Some(position) if relation.is_logged => {
                format!("{} at {position}", self.server.address)
            }
            _ => format!("read at {}", clock::now().to_rfc3339()),
        };
        Ok(Position { splits: vec![(relation.name, stamp)] })
    }

    fn splits(&self, table: &str, columns: &SourceTable) -> Result<Vec<Box<dyn Split>>> {
        let relation = self.relation(table)?;
        let ranges = self.pieces(&relation)?;
        let wanted = |wanted: &SourceColumn| {
            let found = relation.columns.iter().find(|column| column.name == wanted.name);
            found.cloned().ok_or_else(|| {
                Error::internal(format!("`{table}` has no column `{}`", wanted.name))
            })
        };
        let reader = Arc::new(Reader {
            server: self.server.clone(),
            snapshot: self.snapshot()?,
            columns: columns.columns.iter().map(wanted).collect::<Result<_>>()?,
            relation,
            table: columns.clone(),
            zones: self.zones,
            ours: self.ours,
        });
        let split = |range: KeyRange| -> Box<dyn Split> {
            let name = range.name(&reader.relation.name);
            Box::new(PostgresSplit { name, reader: Arc::clone(&reader), range })
        };
        Ok(ranges.into_iter().map(split).collect())
    }
}
