//! The SQLite script of the CRM.

use super::table::{Cell, Table};

/// Rows per INSERT, so that a statement stays readable in a diff.
const ROWS_PER_INSERT: usize = 50;

/// One script that creates and fills all tables in one transaction.
pub(super) fn render(tables: &[&Table]) -> String {
    let mut script = String::from("PRAGMA encoding = 'UTF-8';\nBEGIN TRANSACTION;\n");
    for table in tables {
        script.push_str(&create(table));
        for rows in table.rows.chunks(ROWS_PER_INSERT) {
            script.push_str(&insert(table, rows));
        }
    }
    script.push_str("COMMIT;\n");
    script
}

fn create(table: &Table) -> String {
    let columns: Vec<String> = table
        .shape
        .columns
        .iter()
        .enumerate()
        .map(|(position, (name, sql))| {
            let key = if position == 0 { " NOT NULL PRIMARY KEY" } else { "" };
            format!("  {name} {sql}{key}")
        })
        .collect();
    format!("\nCREATE TABLE \"{}\" (\n{}\n);\n", table.shape.name, columns.join(",\n"))
}

fn insert(table: &Table, rows: &[Vec<Cell>]) -> String {
    let tuples: Vec<String> = rows
        .iter()
        .map(|row| {
            let values: Vec<String> = row
                .iter()
                .zip(table.shape.columns)
                .map(|(cell, (_, sql))| value(cell, sql))
                .collect();
            format!("({})", values.join(","))
        })
        .collect();
    format!("INSERT INTO \"{}\" VALUES\n{};\n", table.shape.name, tuples.join(",\n"))
}

fn value(cell: &Cell, sql: &str) -> String {
    let Some(text) = cell else { return "NULL".to_owned() };
    let is_number_column = sql == "INTEGER" || sql.starts_with("DECIMAL");
    if is_number_column && is_number(text) {
        text.clone()
    } else {
        format!("'{}'", text.replace('\'', "''"))
    }
}

/// Whether `text` is a plain decimal, which SQL takes without quotes.
pub(super) fn is_number(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    !digits.is_empty()
        && digits.starts_with(|c: char| c.is_ascii_digit())
        && digits.chars().all(|c| c.is_ascii_digit() || c == '.')
}
