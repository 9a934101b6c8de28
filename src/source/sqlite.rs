//! SQLite: a database file, or one built in memory from a script; one split per table.

use std::path::PathBuf;
use std::sync::mpsc::{Receiver, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use rusqlite::types::ValueRef;
use rusqlite::{Connection, OpenFlags};

use super::files::content_hash;
use super::memory_batch::{BatchBuilder, Zones};
use super::text::read_to_string;
use super::{Batches, ColumnType, Position, RejectedRow, Source, SourceBatch, SourceColumn};
use super::{SourceTable, Split};
use crate::error::{Error, ErrorKind, Result, ResultExt};

/// Batches read ahead of the consumer.
const READ_AHEAD: usize = 2;

/// Where the rows are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SqliteDatabase {
    /// A database file, opened read-only.
    File(PathBuf),
    /// A script of SQL statements that builds one.
    Script(PathBuf),
}

impl SqliteDatabase {
    fn path(&self) -> &PathBuf {
        match self {
            Self::File(path) | Self::Script(path) => path,
        }
    }
}

/// One SQLite database.
#[derive(Debug)]
pub struct SqliteSource {
    database: SqliteDatabase,
    zones: Zones,
    connection: Mutex<Option<Arc<Mutex<Connection>>>>,
}

impl SqliteSource {
    /// The database at `database`, opened when first used.
    pub fn new(database: SqliteDatabase, zones: Zones) -> Self {
        Self { database, zones, connection: Mutex::new(None) }
    }

    fn connection(&self) -> Result<Arc<Mutex<Connection>>> {
        let mut slot = self.connection.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(connection) = &*slot {
            return Ok(Arc::clone(connection));
        }
        let path = self.database.path();
        let fail = || format!("cannot open the SQLite database `{}`", path.display());
        let connection = match &self.database {
            SqliteDatabase::File(path) => {
                Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY)
                    .or_fail(ErrorKind::SourceUnavailable, fail)?
            }
            SqliteDatabase::Script(path) => {
                let script = read_to_string(path)?;
                let connection =
                    Connection::open_in_memory().or_fail(ErrorKind::SourceUnavailable, fail)?;
                connection.execute_batch(&script).or_fail(ErrorKind::SourceUnavailable, fail)?;
                connection
            }
        };
        let connection = Arc::new(Mutex::new(connection));
        *slot = Some(Arc::clone(&connection));
        Ok(connection)
    }
}

impl Source for SqliteSource {
    fn discover(&self, table: &str) -> Result<SourceTable> {
        let connection = self.connection()?;
        let connection = connection.lock().unwrap_or_else(PoisonError::into_inner);
        let fail = || format!("reading the columns of SQLite table `{table}`");
        let mut statement = connection
            .prepare("SELECT name, type FROM pragma_table_info(?1)")
            .or_fail(ErrorKind::SourceUnavailable, fail)?;
        let columns = statement
            .query_map([table], |row| Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?)))
            .and_then(Iterator::collect::<rusqlite::Result<Vec<_>>>)
            .or_fail(ErrorKind::SourceUnavailable, fail)?;
        if columns.is_empty() {
            let what = format!(
                "the SQLite database `{}` has no table `{table}`",
                self.database.path().display()
            );
            return Err(Error::new(ErrorKind::SourceUnavailable, what));
        }
        let column = |(name, declared): (String, String)| SourceColumn {
            name,
            column_type: column_type(&declared),
        };
        Ok(SourceTable { columns: columns.into_iter().map(column).collect() })
    }

    fn position(&self, table: &str) -> Result<Position> {
        let path = self.database.path();
        let mut stamp = content_hash(path)?;
        // Changes that SQLite has not yet written back live in a file beside the database.
        let log = PathBuf::from(format!("{}-wal", path.display()));
        if log.is_file() {
            stamp.push_str(&content_hash(&log)?);
        }
        Ok(Position { splits: vec![(table.to_owned(), stamp)] })
    }

    fn splits(&self, table: &str, columns: &SourceTable) -> Result<Vec<Box<dyn Split>>> {
        Ok(vec![Box::new(SqliteSplit {
            name: table.to_owned(),
            table: columns.clone(),
            connection: self.connection()?,
            zones: self.zones,
        })])
    }
}

/// What a declared SQLite type promises; the cells may still be anything.
fn column_type(declared: &str) -> ColumnType {
    let declared = declared.to_ascii_lowercase();
    let argument = declared.split_once('(').map(|(_, rest)| rest.trim_end_matches(')'));
    let has = |part: &str| declared.contains(part);
    if has("bool") {
        ColumnType::Bool
    } else if has("datetime") || has("timestamp") {
        ColumnType::Timestamp(None)
    } else if has("date") {
        ColumnType::Date(None)
    } else if has("int") {
        ColumnType::Int64
    } else if has("real") || has("floa") || has("doub") {
        ColumnType::Double
    } else if has("dec") || has("numeric") {
        let declared = argument.and_then(|a| ColumnType::parse(&format!("decimal({a})")).ok());
        declared.unwrap_or(ColumnType::Decimal(28, 6))
    } else {
        ColumnType::Text
    }
}

struct SqliteSplit {
    name: String,
    table: SourceTable,
    connection: Arc<Mutex<Connection>>,
    zones: Zones,
}

impl std::fmt::Debug for SqliteSplit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SqliteSplit").field("name", &self.name).finish_non_exhaustive()
    }
}

impl Split for SqliteSplit {
    fn name(&self) -> &str {
        &self.name
    }

    /// Reads on a thread of its own, because a statement cannot outlive its connection's lock.
    fn open(self: Box<Self>) -> Result<Batches> {
        let (sender, receiver) = sync_channel(READ_AHEAD);
        let reader = std::thread::spawn(move || {
            if let Err(error) = self.read(|batch| sender.send(Ok(batch)).is_ok()) {
                // The consumer may be gone, and then nobody wants the error either.
                drop(sender.send(Err(error)));
            }
        });
        Ok(Box::new(SqliteBatches { batches: receiver, reader: Some(reader) }))
    }
}

/// What the reading thread sends; that it broke is an error, not an end.
struct SqliteBatches {
    batches: Receiver<Result<SourceBatch>>,
    reader: Option<JoinHandle<()>>,
}

impl Iterator for SqliteBatches {
    type Item = Result<SourceBatch>;

    fn next(&mut self) -> Option<Self::Item> {
        if let Ok(batch) = self.batches.recv() {
            return Some(batch);
        }
        let ended = self.reader.take()?.join();
        ended.is_err().then(|| Err(Error::internal("the thread that reads SQLite broke")))
    }
}

impl SqliteSplit {
    fn read(&self, mut emit: impl FnMut(SourceBatch) -> bool) -> Result<()> {
        let connection = self.connection.lock().unwrap_or_else(PoisonError::into_inner);
        let fail = || format!("reading SQLite table `{}`", self.name);
        let quote = |name: &str| format!("\"{}\"", name.replace('"', "\"\""));
        let mut columns: Vec<String> = self.table.columns.iter().map(|c| quote(&c.name)).collect();
        if columns.is_empty() {
            columns.push("NULL".to_owned());
        }
        let select = format!("SELECT {} FROM {}", columns.join(", "), quote(&self.name));
        // Tables without a rowid and views have no such column; their own order is as stable.
        let mut statement = connection
            .prepare(&format!("{select} ORDER BY rowid"))
            .or_else(|_| connection.prepare(&select))
            .or_fail(ErrorKind::SourceUnavailable, fail)?;
        let mut rows = statement.query([]).or_fail(ErrorKind::SourceUnavailable, fail)?;
        let mut builder = BatchBuilder::new(&self.table, b'.', self.zones);
        let mut line = 0;
        while let Some(row) = rows.next().or_fail(ErrorKind::SourceUnavailable, fail)? {
            line += 1;
            self.append(row, line, &mut builder).or_fail(ErrorKind::SourceUnavailable, fail)?;
            if builder.is_full() && !emit(builder.finish()?) {
                return Ok(());
            }
        }
        if !builder.is_empty() {
            emit(builder.finish()?);
        }
        Ok(())
    }

    fn append(
        &self,
        row: &rusqlite::Row<'_>,
        line: u64,
        builder: &mut BatchBuilder,
    ) -> rusqlite::Result<()> {
        let count = self.table.columns.len();
        let cells: Vec<ValueRef<'_>> =
            (0..count).map(|index| row.get_ref(index)).collect::<rusqlite::Result<_>>()?;
        if let Some(index) = cells.iter().position(|cell| text(cell).is_err()) {
            builder.reject(RejectedRow {
                line,
                column: Some(self.table.columns[index].name.clone()),
                value: None,
                reason: "a blob or invalid UTF-8, not text".into(),
                row: self.json(&cells),
            });
            return Ok(());
        }
        for (index, cell) in cells.iter().enumerate() {
            builder.cell(index, text(cell).unwrap_or_default().as_deref());
        }
        builder.end_row(line, || self.json(&cells));
        Ok(())
    }

    fn json(&self, cells: &[ValueRef<'_>]) -> String {
        let value = |cell| match text(cell) {
            Ok(Some(text)) => text.into(),
            Ok(None) => serde_json::Value::Null,
            Err(()) => "(binary)".into(),
        };
        let names = self.table.columns.iter().map(|column| column.name.clone());
        let object: serde_json::Map<String, serde_json::Value> =
            names.zip(cells.iter().map(value)).collect();
        serde_json::Value::Object(object).to_string()
    }
}

/// A cell as text, `None` for NULL; a float prints with the fewest digits that give it back.
fn text(cell: &ValueRef<'_>) -> Result<Option<String>, ()> {
    match cell {
        ValueRef::Null => Ok(None),
        ValueRef::Integer(value) => Ok(Some(value.to_string())),
        ValueRef::Real(value) => Ok(Some(value.to_string())),
        ValueRef::Text(bytes) => {
            std::str::from_utf8(bytes).map(|text| Some(text.to_owned())).map_err(|_| ())
        }
        ValueRef::Blob(_) => Err(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_a_script_and_sets_misfits_aside() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("crm.sql");
        let script = "CREATE TABLE \"sales order\" (id INTEGER PRIMARY KEY, amount DECIMAL(10,2), day DATE, note TEXT);
            INSERT INTO \"sales order\" VALUES (1, 12.10, '2024-01-31', NULL), (2, 'x', '2024-01-31', 'a'), (3, 1, '2024-02-01', x'ff');";
        std::fs::write(&path, script).unwrap();
        let source = SqliteSource::new(SqliteDatabase::Script(path), None);
        let table = source.discover("sales order").unwrap();
        assert_eq!(table.columns[1].column_type, ColumnType::Decimal(10, 2));
        let splits = source.splits("sales order", &table).unwrap();
        let batches: Vec<SourceBatch> =
            splits.into_iter().flat_map(|s| s.open().unwrap()).map(Result::unwrap).collect();
        assert_eq!(batches[0].rows.num_rows(), 1);
        assert_eq!(batches[0].lines, [1]);
        let columns: Vec<_> = batches[0].rejected.iter().map(|r| r.column.as_deref()).collect();
        assert_eq!(columns, [Some("amount"), Some("note")]);
        assert!(source.discover("nothing").unwrap_err().to_string().contains("no table"));
    }
}
