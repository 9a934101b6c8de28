//! The tables of the documentation that say what becomes of each type of a database.

use super::{mysql, postgres};

/// Types of a database that are read alike.
pub(super) trait TypeFamily {
    /// The types, as the database calls them.
    fn native(&self) -> &'static str;

    /// What they are read as.
    fn becomes(&self) -> String;

    /// What is set aside or changes on the way; `None` when every value arrives as it is.
    fn remark(&self) -> Option<&'static str>;
}

/// What becomes of the types of `connector` (`postgres` or `mysql`), as a table in Markdown, made from
/// what reads them; `None` for others.
pub fn type_table(connector: &str) -> Option<String> {
    match connector {
        "postgres" => Some(table(&postgres::FAMILIES)),
        "mysql" => Some(table(&mysql::FAMILIES)),
        _ => None,
    }
}

fn table(families: &[impl TypeFamily]) -> String {
    let mut table = String::from("| type | is read as | remarks |\n|---|---|---|\n");
    for family in families {
        let (native, becomes) = (family.native(), family.becomes());
        let remark = family.remark().unwrap_or_default();
        table.push_str(&format!("| {native} | `{becomes}` | {remark} |\n"));
    }
    table
}
