//! The question by which a piece of a table is read.

/// `SELECT … FROM table WHERE condition ORDER BY key`, of expressions and names that are quoted already.
/// `nothing` is asked for where no column is wanted: there are rows nevertheless.
pub(in crate::source) fn select(
    asked: &[String],
    nothing: &str,
    table: &str,
    condition: Option<&str>,
    key: &[String],
) -> String {
    let asked = if asked.is_empty() { nothing.to_owned() } else { asked.join(", ") };
    let mut query = format!("SELECT {asked} FROM {table}");
    if let Some(condition) = condition {
        query.push_str(&format!(" WHERE {condition}"));
    }
    if !key.is_empty() {
        query.push_str(&format!(" ORDER BY {}", key.join(", ")));
    }
    query
}
