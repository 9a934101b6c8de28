//! JSON text: the NDJSON source and the quoting `truth/totals.json` needs.

use super::sql::is_number;
use super::table::{Cell, Table};

/// One object per row; a column `a.b` becomes the member `b` of the nested object `a`.
///
/// Columns of one nested object must stand side by side.
pub(super) fn render_lines(table: &Table) -> String {
    let mut text = String::new();
    for row in &table.rows {
        text.push_str(&object(table, row));
        text.push('\n');
    }
    text
}

/// `text` as a JSON string.
pub(super) fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

/// Names and JSON values as an object, indented by `depth` levels.
pub(super) fn members(list: &[(String, String)], depth: usize) -> String {
    let indent = "  ".repeat(depth + 1);
    let lines: Vec<String> =
        list.iter().map(|(name, value)| format!("{indent}{}: {value}", quoted(name))).collect();
    format!("{{\n{}\n{}}}", lines.join(",\n"), "  ".repeat(depth))
}

fn object(table: &Table, row: &[Cell]) -> String {
    let mut text = String::from("{");
    let mut open: Option<&str> = None;
    for (position, (cell, (name, sql))) in row.iter().zip(table.shape.columns).enumerate() {
        let (parent, member) = match name.split_once('.') {
            Some((parent, member)) => (Some(parent), member),
            None => (None, *name),
        };
        if open.is_some() && open != parent {
            text.push('}');
        }
        if position > 0 {
            text.push(',');
        }
        if let Some(parent) = parent.filter(|_| open != parent) {
            text.push_str(&format!("{}:{{", quoted(parent)));
        }
        open = parent;
        text.push_str(&format!("{}:{}", quoted(member), value(cell, sql)));
    }
    text.push_str(if open.is_some() { "}}" } else { "}" });
    text
}

fn value(cell: &Cell, sql: &str) -> String {
    match cell {
        None => "null".to_owned(),
        Some(text) if sql == "INTEGER" && is_number(text) => text.clone(),
        Some(text) => quoted(text),
    }
}
