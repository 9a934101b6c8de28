//! MySQL and MariaDB: every table of a load is read within one snapshot, by prepared statements, whose
//! values come as what they are.

mod cell;
mod columns;
mod session;
mod split;
mod types;

pub(super) use types::FAMILIES;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chrono_tz::Tz;
use mysql_async::prelude::Queryable;

use self::cell::Clock;
pub use self::cell::ZeroDates;
use self::columns::{Relation, quote};
use self::session::Server;
use self::split::{Connections, MysqlSplit, Reader};
use super::memory_batch::Zones;
use super::server::{KeyRange, ServerAddress, ServerTable, key_ranges, wait_for};
use super::{Position, Source, SourceColumn, SourceTable, Split};
use crate::clock;
use crate::error::{Error, ErrorKind, Result};

/// One database of a MySQL or MariaDB server.
#[derive(Debug)]
pub struct MysqlSource {
    server: Server,
    /// By the name a feed uses.
    tables: BTreeMap<String, ServerTable>,
    zones: Zones,
    clock: Clock,
    open: Mutex<Open>,
}

/// What was learned from the server so far.
#[derive(Debug, Default)]
struct Open {
    connections: Option<Arc<Connections>>,
    /// Why there are none; it is not tried again for every table.
    away: Option<(ErrorKind, String)>,
    relations: BTreeMap<String, Relation>,
}

impl MysqlSource {
    /// The database at `address`, connected to when first used. `ours` is the project's zone.
    pub fn new(
        address: ServerAddress,
        statement_timeout: Option<Duration>,
        zero_dates: ZeroDates,
        tables: BTreeMap<String, ServerTable>,
        zones: Zones,
        ours: Tz,
    ) -> Self {
        let server = Server { address, statement_timeout };
        let clock = Clock { ours, zero_dates };
        Self { server, tables, zones, clock, open: Mutex::default() }
    }

    fn connections(&self) -> Result<Arc<Connections>> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(connections) = &open.connections {
            return Ok(Arc::clone(connections));
        }
        if let Some((kind, what)) = &open.away {
            return Err(Error::new(*kind, what.clone()));
        }
        let server = self.server.clone();
        match wait_for(async move { server.snapshot().await }) {
            Ok(connections) => {
                let connections = Arc::new(Connections::new(connections));
                open.connections = Some(Arc::clone(&connections));
                Ok(connections)
            }
            Err(error) => {
                open.away = Some((error.kind(), error.to_string()));
                Err(error)
            }
        }
    }

    /// The table behind a declared one, with the declared types.
    fn relation(&self, table: &str) -> Result<Relation> {
        let connections = self.connections()?;
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(relation) = open.relations.get(table) {
            return Ok(relation.clone());
        }
        let declared = self.tables.get(table);
        let declared =
            declared.ok_or_else(|| Error::internal(format!("no table `{table}` is declared")))?;
        let (server, name) = (self.server.clone(), declared.name.clone());
        let mut relation = wait_for(async move {
            let database = server.address.database();
            let mut lent = connections.take().await?;
            let found = columns::relation(lent.conn()?, database, &name).await;
            let found = found.map_err(|error| server.transient(&error).error)?;
            found.ok_or_else(|| {
                let what =
                    format!("`{}` has no table or view `{name}` that can be seen", server.address);
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

    /// The pieces to read `relation` in: one where only one connection sees its rows.
    fn pieces(&self, relation: &Relation) -> Result<Vec<KeyRange>> {
        let connections = self.connections()?;
        let estimate = relation.row_estimate.filter(|_| connections.count > 1);
        let (Some(key), Some(estimate)) = (relation.whole_key(), estimate) else {
            return Ok(vec![KeyRange::default()]);
        };
        let key = quote(&key.name);
        let bounds = format!("SELECT MIN({key}), MAX({key}) FROM {}", relation.quoted());
        let server = self.server.clone();
        let bounds: Option<(Option<i64>, Option<i64>)> = wait_for(async move {
            let mut lent = connections.take().await?;
            let bounds = lent.conn()?.query_first(bounds).await;
            bounds.map_err(|error| server.transient(&error).error)
        })?;
        let Some((Some(first), Some(last))) = bounds else { return Ok(vec![KeyRange::default()]) };
        #[expect(clippy::cast_precision_loss, reason = "it is an estimate")]
        let estimate = estimate as f64;
        Ok(key_ranges(first, last, estimate))
    }
}

impl Source for MysqlSource {
    fn discover(&self, table: &str) -> Result<SourceTable> {
        let relation = self.relation(table)?;
        let column = |column: &columns::Column| SourceColumn {
            name: column.name.clone(),
            column_type: column.reading.column_type.clone(),
        };
        Ok(SourceTable { columns: relation.columns.iter().map(column).collect() })
    }

    /// Nothing that anybody may read tells of every change, so that each position is another.
    fn position(&self, table: &str) -> Result<Position> {
        let relation = self.relation(table)?;
        let stamp = format!("read at {}", clock::now().to_rfc3339());
        Ok(Position { splits: vec![(relation.name, stamp)] })
    }

    fn splits(&self, table: &str, columns: &SourceTable) -> Result<Vec<Box<dyn Split>>> {
        let relation = self.relation(table)?;
        let pieces = self.pieces(&relation)?;
        let wanted = |wanted: &SourceColumn| {
            let found = relation.columns.iter().find(|column| column.name == wanted.name);
            found.cloned().ok_or_else(|| {
                Error::internal(format!("`{table}` has no column `{}`", wanted.name))
            })
        };
        let reader = Arc::new(Reader {
            server: self.server.clone(),
            connections: self.connections()?,
            columns: columns.columns.iter().map(wanted).collect::<Result<_>>()?,
            relation,
            table: columns.clone(),
            zones: self.zones,
            clock: self.clock,
        });
        let split = |range: KeyRange| -> Box<dyn Split> {
            let name = range.name(&reader.relation.name);
            Box::new(MysqlSplit { name, reader: Arc::clone(&reader), range })
        };
        Ok(pieces.into_iter().map(split).collect())
    }
}
