//! The tables of the documentation that say what becomes of each type of a database.

use super::{mysql, postgres};

/// What becomes of the types of `connector` (`postgres` or `mysql`), as a table in Markdown, made from
/// what reads them; `None` for others.
pub fn type_table(connector: &str) -> Option<String> {
    let rows: Vec<[String; 3]> = match connector {
        "postgres" => postgres::type_rows(),
        "mysql" => mysql::type_rows(),
        _ => return None,
    };
    let mut table = String::from("| type | is read as | remarks |\n|---|---|---|\n");
    for [native, becomes, remark] in rows {
        table.push_str(&format!("| {native} | `{becomes}` | {remark} |\n"));
    }
    Some(table)
}
