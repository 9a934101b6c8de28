//! The columns of a table from `information_schema`.

use mysql_async::prelude::Queryable;
use mysql_async::{Conn, Error, Row};

use super::types::{NativeType, Reading};
use crate::source::ColumnType;

/// A table or view and its columns.
#[derive(Clone, Debug)]
pub(super) struct Relation {
    pub(super) database: String,
    pub(super) name: String,
    /// About how many rows it has, where the engine knows.
    pub(super) row_estimate: Option<u64>,
    pub(super) columns: Vec<Column>,
    /// The columns of the primary key in its order.
    pub(super) key: Vec<String>,
}

/// A column of a relation.
#[derive(Clone, Debug)]
pub(super) struct Column {
    pub(super) name: String,
    pub(super) reading: Reading,
}

impl Relation {
    /// Name with database, quoted.
    pub(super) fn quoted(&self) -> String {
        format!("{}.{}", quote(&self.database), quote(&self.name))
    }

    /// The one column of whole numbers that is the primary key, if it is so.
    pub(super) fn whole_key(&self) -> Option<&Column> {
        let [key] = self.key.as_slice() else { return None };
        let column = self.columns.iter().find(|column| column.name == *key)?;
        (column.reading.column_type == ColumnType::Int64 && !column.reading.declared)
            .then_some(column)
    }
}

/// An identifier as SQL wants it.
pub(super) fn quote(name: &str) -> String {
    format!("`{}`", name.replace('`', "``"))
}

const TABLES: &str = "
    SELECT table_name, table_rows FROM information_schema.tables
    WHERE table_schema = ? AND table_name = ?";

const COLUMNS: &str = "
    SELECT column_name, data_type, column_type, numeric_precision, numeric_scale,
        character_set_name IS NOT NULL
    FROM information_schema.columns WHERE table_schema = ? AND table_name = ?
    ORDER BY ordinal_position";

const KEY: &str = "
    SELECT column_name FROM information_schema.statistics
    WHERE table_schema = ? AND table_name = ? AND index_name = 'PRIMARY' ORDER BY seq_in_index";

/// Looks `database.name` up; `None` if there is no such table. Where the server takes names in any case,
/// the one that it keeps is given.
pub(super) async fn relation(
    conn: &mut Conn,
    database: &str,
    name: &str,
) -> Result<Option<Relation>, Error> {
    let found: Vec<Row> = conn.exec(TABLES, (database, name)).await?;
    let any_case: i64 =
        conn.query_first("SELECT @@lower_case_table_names").await?.unwrap_or_default();
    let mut tables = found.iter().map(|row| (text(row, 0), number(row, 1)));
    let chosen = tables.find(|(found, _)| *found == name || any_case != 0);
    let Some((name, row_estimate)) = chosen else { return Ok(None) };
    let columns: Vec<Row> = conn.exec(COLUMNS, (database, &name)).await?;
    let key: Vec<Row> = conn.exec(KEY, (database, &name)).await?;
    Ok(Some(Relation {
        database: database.to_owned(),
        name,
        row_estimate,
        columns: columns.iter().map(column).collect(),
        key: key.iter().map(|row| text(row, 0)).collect(),
    }))
}

fn column(row: &Row) -> Column {
    let native = NativeType {
        name: text(row, 1),
        full: text(row, 2),
        precision: number(row, 3),
        scale: number(row, 4),
        is_text: number(row, 5) == Some(1),
    };
    Column { name: text(row, 0), reading: native.reading() }
}

/// A text of the catalogue, whichever of its types MySQL and MariaDB give it; empty for NULL.
pub(super) fn text(row: &Row, index: usize) -> String {
    match row.as_ref(index) {
        Some(mysql_async::Value::Bytes(bytes)) => String::from_utf8_lossy(bytes).into_owned(),
        _ => String::new(),
    }
}

/// A number of the catalogue.
pub(super) fn number(row: &Row, index: usize) -> Option<u64> {
    match row.as_ref(index)? {
        mysql_async::Value::UInt(number) => Some(*number),
        mysql_async::Value::Int(number) => u64::try_from(*number).ok(),
        mysql_async::Value::Bytes(bytes) => std::str::from_utf8(bytes).ok()?.parse().ok(),
        _ => None,
    }
}
