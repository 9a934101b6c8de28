//! What is wrong with a statement, said with its place and, where one is near, the right name.

use datafusion::common::{DataFusionError, SchemaError};
use datafusion::sql::sqlparser::parser::ParserError;

use super::{CATALOG, Snapshot};
use crate::cube::Calculation;
use crate::error::{Error, ErrorKind};

/// Turns what parsing or planning says about `sql` into our error.
pub(super) fn diagnose(snapshot: &Snapshot, sql: &str, error: DataFusionError) -> Error {
    if let DataFusionError::SQL(parser_error, _) = error.find_root() {
        return Error::invalid_input(parser_text(sql, parser_error));
    }
    if is_ours(&error) {
        return Error::from(error);
    }
    let meant = meant_calculation(snapshot, &error);
    let span = error.diagnostic().and_then(|diagnostic| diagnostic.span);
    let place = span.map(|span| (span.start.line, span.start.column));
    let ours = Error::from(error);
    let (kind, text) = match (missing_relation(ours.what()), meant) {
        (Some(name), _) => (ErrorKind::NotFound, unknown_relation(snapshot, name)),
        (None, Some(meant)) => (ours.kind(), meant),
        (None, None) => (ours.kind(), cleaned(ours.what())),
    };
    match place.filter(|(line, _)| *line > 0) {
        Some(place) => Error::new(kind, placed(sql, &text, place)),
        None => Error::new(kind, text),
    }
}

/// What is wrong with a name that starts like a calculation of a measure that the statement reads.
fn meant_calculation(snapshot: &Snapshot, error: &DataFusionError) -> Option<String> {
    let DataFusionError::SchemaError(unknown, _) = error.find_root() else { return None };
    let SchemaError::FieldNotFound { field, valid_fields } = unknown.as_ref() else { return None };
    let read = |name: &&str| valid_fields.iter().any(|valid| valid.name() == *name);
    let measures = snapshot.cubes.iter().flat_map(|cube| {
        let names = cube.measures.iter().map(|measure| measure.name.as_str());
        names.filter(read).map(|name| (cube.name.as_str(), name))
    });
    let meant = Calculation::meant(field.name(), measures)?;
    Some(format!("no field named {}: {meant}", field.quoted_flat_name()))
}

/// Turns what DataFusion says while it computes into our error.
pub fn failed(error: DataFusionError) -> Error {
    if is_ours(&error) {
        return Error::from(error);
    }
    let ours = Error::from(error);
    let text = cleaned(ours.what());
    Error::new(ours.kind(), text)
}

/// Errors of ours, such as those of the cubes, pass through DataFusion; their text is final.
fn is_ours(error: &DataFusionError) -> bool {
    matches!(error.find_root(), DataFusionError::External(cause) if cause.is::<Error>())
}

/// `text`, the place counted from one, and the line of `sql` with a caret under it.
pub(super) fn placed(sql: &str, text: &str, (line, column): (u64, u64)) -> String {
    let said = format!("{text} at line {line}, column {column}");
    let shown = usize::try_from(line.saturating_sub(1)).ok().and_then(|n| sql.lines().nth(n));
    let indent = usize::try_from(column.saturating_sub(1)).unwrap_or_default();
    match shown {
        // A caret at the end of a very long line would be further away than the position itself.
        Some(shown) if shown.chars().count() <= 200 && indent <= 200 => {
            format!("{said}\n  {shown}\n  {:indent$}^", "")
        }
        _ => said,
    }
}

/// The parser writes positions as ` at Line: 1, Column: 8`; they become ours, with a caret.
fn parser_text(sql: &str, error: &ParserError) -> String {
    let text = match error {
        ParserError::TokenizerError(text) | ParserError::ParserError(text) => text.as_str(),
        ParserError::RecursionLimitExceeded => {
            return "the statement is nested too deeply; split it with WITH or into several".into();
        }
    };
    let place = text.rsplit_once(" at Line: ").and_then(|(said, place)| {
        let (line, column) = place.split_once(", Column: ")?;
        Some((said, (line.trim().parse().ok()?, column.trim().parse().ok()?)))
    });
    match place {
        Some((said, place)) => placed(sql, &lower_first(said), place),
        None => lower_first(text),
    }
}

/// DataFusion's own text without what only its developers can use.
fn cleaned(text: &str) -> String {
    if text.contains("does not support logical expression Exists(") {
        return "EXISTS can be used only in WHERE and HAVING".to_owned();
    }
    // Before this sentence stands one failure for each signature, after it the signatures.
    let text = match text.split_once("No function matches the given name") {
        Some((_, rest)) => format!("no function matches the given name{rest}"),
        None => text.to_owned(),
    };
    let text = text.split(".\nThis issue was likely caused by a bug").next().unwrap_or_default();
    // A cube has hundreds of columns; a list of all of them hides the one that was meant.
    let text = match text.split_once("\nValid fields are ") {
        Some((said, fields)) if fields.matches(", ").count() > 20 => said,
        _ => text,
    };
    lower_first(text.trim_end_matches('.'))
}

/// Lowers the first letter, unless the word is written in capitals.
fn lower_first(text: &str) -> String {
    let mut chars = text.chars();
    if text.chars().nth(1).is_some_and(char::is_uppercase) {
        return text.to_owned();
    }
    chars.next().map_or_else(String::new, |first| first.to_lowercase().chain(chars).collect())
}

/// The name in DataFusion's `table 'a.b.c' not found`; it has no error variant of its own.
fn missing_relation(text: &str) -> Option<&str> {
    text.strip_prefix("table '")?.strip_suffix("' not found")
}

fn unknown_relation(snapshot: &Snapshot, name: &str) -> String {
    let short = name.strip_prefix(CATALOG).and_then(|rest| rest.strip_prefix('.')).unwrap_or(name);
    let said = format!("there is no relation {short}");
    match nearest(snapshot, short) {
        Some(near) => format!("{said}; did you mean {near}?"),
        None => said,
    }
}

/// The relation whose name is nearest to `wanted` (`schema.table`), unless all are far.
///
/// The same table in another schema is nearer than another table in the same schema.
fn nearest(snapshot: &Snapshot, wanted: &str) -> Option<String> {
    let catalog = snapshot.context.catalog(CATALOG)?;
    let wanted_table = wanted.rsplit('.').next().unwrap_or(wanted);
    let mut best: Option<(usize, String)> = None;
    for schema in catalog.schema_names() {
        for table in catalog.schema(&schema).map(|s| s.table_names()).unwrap_or_default() {
            let full = format!("{schema}.{table}");
            let by_table = strsim::damerau_levenshtein(wanted_table, &table);
            let distance = strsim::damerau_levenshtein(wanted, &full).min(by_table * 2);
            if by_table * 3 <= wanted_table.chars().count().max(3)
                && best.as_ref().is_none_or(|(found, name)| (distance, &full) < (*found, name))
            {
                best = Some((distance, full));
            }
        }
    }
    best.map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_caret_stands_under_the_place() {
        assert_eq!(
            placed("select\n  x from t", "no field named x", (2, 3)),
            "no field named x at line 2, column 3\n    x from t\n    ^"
        );
        assert_eq!(placed("select 1", "odd", (7, 1)), "odd at line 7, column 1");
    }

    #[test]
    fn texts_for_developers_are_dropped() {
        assert_eq!(cleaned("Divide by zero error"), "divide by zero error");
        assert_eq!(cleaned("SELECT needs columns."), "SELECT needs columns");
        assert_eq!(
            cleaned("Odd state.\nThis issue was likely caused by a bug in DataFusion's code."),
            "odd state"
        );
        assert_eq!(
            cleaned("Internal error: f failed. No function matches the given name 'f(Utf8)'."),
            "no function matches the given name 'f(Utf8)'"
        );
    }

    #[test]
    fn parser_errors_read_as_sentences() {
        let error = ParserError::ParserError(
            "Expected: an expression, found: EOF at Line: 1, Column: 8".into(),
        );
        assert_eq!(
            parser_text("select ", &error),
            "expected: an expression, found: EOF at line 1, column 8\n  select \n         ^"
        );
        assert_eq!(
            missing_relation("table 'starling.warehouse.x' not found"),
            Some("starling.warehouse.x")
        );
        assert_eq!(missing_relation("table function 'x' not found"), None);
    }
}
