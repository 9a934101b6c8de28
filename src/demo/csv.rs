//! CSV text, RFC 4180 with line feeds.

use super::table::{Cell, Table};

/// How a CSV file is punctuated.
#[derive(Clone, Copy, Debug)]
pub(super) struct Dialect {
    /// Between fields.
    pub(super) delimiter: char,
    /// Between the whole and the fraction of a DECIMAL column.
    pub(super) decimal_mark: char,
}

/// What every file uses, except the one that comes from another country.
pub(super) const PLAIN: Dialect = Dialect { delimiter: ',', decimal_mark: '.' };

/// What a German or French export uses.
pub(super) const CONTINENTAL: Dialect = Dialect { delimiter: ';', decimal_mark: ',' };

/// The table with a header row.
pub(super) fn render(table: &Table, dialect: Dialect) -> String {
    let mut text = String::new();
    let header = table.shape.columns.iter().map(|(name, _)| (*name).to_owned());
    push_line(&mut text, header, dialect);
    for row in &table.rows {
        let fields = row
            .iter()
            .zip(table.shape.columns)
            .map(|(cell, (_, sql))| field(cell, sql.starts_with("DECIMAL"), dialect));
        push_line(&mut text, fields, dialect);
    }
    text
}

/// Rows that are already text, with a header.
pub(super) fn render_rows(header: &[&str], rows: &[Vec<String>]) -> String {
    let mut text = String::new();
    push_line(&mut text, header.iter().map(|name| (*name).to_owned()), PLAIN);
    for row in rows {
        push_line(&mut text, row.iter().cloned(), PLAIN);
    }
    text
}

fn field(cell: &Cell, is_decimal: bool, dialect: Dialect) -> String {
    let value = cell.clone().unwrap_or_default();
    if is_decimal && dialect.decimal_mark != '.' {
        value.replace('.', &dialect.decimal_mark.to_string())
    } else {
        value
    }
}

fn push_line(text: &mut String, fields: impl Iterator<Item = String>, dialect: Dialect) {
    for (position, field) in fields.enumerate() {
        if position > 0 {
            text.push(dialect.delimiter);
        }
        if field.contains([dialect.delimiter, '"', '\n', '\r']) {
            text.push('"');
            text.push_str(&field.replace('"', "\"\""));
            text.push('"');
        } else {
            text.push_str(&field);
        }
    }
    text.push('\n');
}
