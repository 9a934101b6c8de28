//! The columns of a table from PostgreSQL's catalogue.

use tokio_postgres::Client;

use super::types::{NativeType, Reading, Wire};

/// A relation and its columns.
#[derive(Clone, Debug)]
pub(super) struct Relation {
    pub(super) schema: String,
    pub(super) name: String,
    /// Whether it has rows of its own, as tables and materialised views have.
    pub(super) is_stored: bool,
    /// Whether the server's log tells of everything that changes what is read of it: not of rows that are
    /// elsewhere, and not of a policy that shows others at another time.
    pub(super) is_logged: bool,
    /// About how many rows it has; negative when nobody counted yet.
    pub(super) row_estimate: f64,
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
    /// Name with schema, quoted.
    pub(super) fn quoted(&self) -> String {
        format!("{}.{}", quote(&self.schema), quote(&self.name))
    }

    /// The one column of whole numbers that is the primary key, if it is so.
    pub(super) fn whole_key(&self) -> Option<&Column> {
        let [key] = self.key.as_slice() else { return None };
        let column = self.columns.iter().find(|column| column.name == *key)?;
        // One that is read as a whole number from its text stands in another order.
        matches!(column.reading.wire, Wire::Int2 | Wire::Int4 | Wire::Int8).then_some(column)
    }
}

/// An identifier as SQL wants it.
pub(super) fn quote(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

const RELATION: &str = "
    SELECT c.oid, c.reltuples::float8, c.relkind IN ('r', 'p', 'm'), NOT c.relrowsecurity
        AND NOT EXISTS (SELECT FROM pg_inherits i JOIN pg_class f ON f.oid = i.inhrelid WHERE f.relkind = 'f')
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname = $1 AND c.relname = $2 AND c.relkind IN ('r', 'p', 'v', 'm', 'f')";

/// The columns in their order; a domain is followed to the type it is over, with its modifier.
const COLUMNS: &str = "
    WITH RECURSIVE typed AS (
        SELECT a.attnum, a.attname, a.atttypid AS type, a.atttypmod AS modifier, 0 AS depth
        FROM pg_attribute a WHERE a.attrelid = $1 AND a.attnum > 0 AND NOT a.attisdropped
        UNION ALL
        SELECT d.attnum, d.attname, t.typbasetype,
            CASE WHEN d.modifier < 0 THEN t.typtypmod ELSE d.modifier END, d.depth + 1
        FROM typed d JOIN pg_type t ON t.oid = d.type WHERE t.typtype = 'd')
    SELECT DISTINCT ON (d.attnum) d.attname::text, t.oid, t.typtype, t.typcategory, d.modifier
    FROM typed d JOIN pg_type t ON t.oid = d.type ORDER BY d.attnum, d.depth DESC";

const KEY: &str = "
    SELECT a.attname::text
    FROM pg_index i
    JOIN LATERAL unnest(i.indkey::int2[]) WITH ORDINALITY AS k(attnum, place) ON true
    JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.attnum
    WHERE i.indrelid = $1 AND i.indisprimary ORDER BY k.place";

/// Looks `schema.name` up; `None` if there is no such relation.
pub(super) async fn relation(
    client: &Client,
    schema: &str,
    name: &str,
) -> Result<Option<Relation>, tokio_postgres::Error> {
    let Some(found) = client.query_opt(RELATION, &[&schema, &name]).await? else {
        return Ok(None);
    };
    let oid: u32 = found.get(0);
    let is_stored: bool = found.get(2);
    let columns = client.query(COLUMNS, &[&oid]).await?;
    let columns = columns.iter().map(|row| Column {
        name: row.get(0),
        reading: NativeType {
            oid: row.get(1),
            kind: letter(row.get(2)),
            category: letter(row.get(3)),
            modifier: row.get(4),
        }
        .reading(),
    });
    let columns = columns.collect();
    let key = client.query(KEY, &[&oid]).await?.iter().map(|row| row.get(0)).collect();
    Ok(Some(Relation {
        schema: schema.to_owned(),
        name: name.to_owned(),
        is_stored,
        is_logged: is_stored && found.get(3),
        row_estimate: found.get(1),
        columns,
        key,
    }))
}

/// PostgreSQL's `"char"` is one ASCII letter in the catalogue.
pub(super) fn letter(byte: i8) -> char {
    char::from(u8::try_from(byte).unwrap_or(b'?'))
}
