//! `postgres:` and `mysql:` — a database server and the tables that are read from it.

use std::time::Duration;

use super::source_spec::ConnectorSpec;
use crate::declare::{
    Code, Diagnostic, Diagnostics, Fields, Located, Node, Value, Variables, text_of,
};
use crate::source::{ServerAddress, ZeroDates};

/// Reads the keys of a server of `kind`.
pub(super) fn read(
    kind: &str,
    fields: &mut Fields<'_>,
    variables: &Variables,
    diagnostics: &mut Diagnostics,
) -> Option<ConnectorSpec> {
    let schemes: &[&str] =
        if kind == "postgres" { &["postgres", "postgresql"] } else { &["mysql", "mariadb"] };
    let address = match fields.required("url", diagnostics) {
        Some(node) => read_address(node, schemes, variables, diagnostics),
        None => None,
    };
    let statement_timeout = fields
        .text("statement_timeout", diagnostics)
        .and_then(|text| read_duration(&text, diagnostics));
    if kind == "postgres" {
        let schema = fields.text("schema", diagnostics);
        let schema = schema.map_or_else(|| "public".to_owned(), |schema| schema.value);
        return Some(ConnectorSpec::Postgres { address: address?, schema, statement_timeout });
    }
    let zero_dates = fields.text("zero_dates", diagnostics);
    let zero_dates = zero_dates.map_or(Some(ZeroDates::default()), |text| {
        let chosen = match text.value.as_str() {
            "set_aside" => Some(ZeroDates::SetAside),
            "missing" => Some(ZeroDates::Missing),
            _ => None,
        };
        if chosen.is_none() {
            let message = format!("`{}` must be set_aside or missing", text.value);
            diagnostics.push(Diagnostic::new(Code::WrongValue, text.span, message));
        }
        chosen
    });
    Some(ConnectorSpec::Mysql { address: address?, statement_timeout, zero_dates: zero_dates? })
}

/// The address, whose password may not stand in the file: declarations are kept in every epoch.
fn read_address(
    node: &Node,
    schemes: &[&str],
    variables: &Variables,
    diagnostics: &mut Diagnostics,
) -> Option<ServerAddress> {
    let url = text_of(node, "url", variables, diagnostics)?;
    let mut wrong = |message: String| {
        diagnostics.push(Diagnostic::new(Code::WrongValue, url.span.clone(), message));
    };
    let address = match ServerAddress::parse(&url.value, schemes) {
        Ok(address) => address,
        Err(message) => {
            wrong(message);
            return None;
        }
    };
    let written = match &node.value {
        Value::Text(text) => as_written(text),
        _ => String::new(),
    };
    let in_file =
        ServerAddress::parse(&written, schemes).is_ok_and(|address| address.has_password());
    if in_file {
        wrong(
            "a password does not belong into a file; write `${env:NAME}` or `${file:PATH}`".into(),
        );
        return None;
    }
    Some(address)
}

/// What is written in the file: every `${…}` replaced by its default.
fn as_written(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("${") {
        out.push_str(before);
        let (variable, tail) = after.split_once('}').unwrap_or((after, ""));
        out.push_str(variable.split_once(":-").map_or("", |(_, default)| default));
        rest = tail;
    }
    out.push_str(rest);
    out
}

/// `30s`, `10min`, `2h`.
fn read_duration(text: &Located<String>, diagnostics: &mut Diagnostics) -> Option<Duration> {
    let trimmed = text.value.trim();
    let digits = trimmed.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let seconds = match &trimmed[digits.len()..] {
        "s" => Some(1),
        "min" => Some(60),
        "h" => Some(3600),
        _ => None,
    };
    let count = digits.trim().parse::<u64>().ok().filter(|count| *count > 0);
    let duration = count.zip(seconds).and_then(|(count, unit)| count.checked_mul(unit));
    if duration.is_none() {
        let message = format!("`{trimmed}` is not a time like 30s, 10min or 2h");
        diagnostics.push(Diagnostic::new(Code::WrongValue, text.span.clone(), message));
    }
    duration.map(Duration::from_secs)
}

#[cfg(test)]
mod tests {
    use super::as_written;

    #[test]
    fn only_a_default_is_written_in_the_file() {
        let text = "postgres://u:${env:PW:-x}@h/${env:DB}";
        assert_eq!(as_written(text), "postgres://u:x@h/");
        assert_eq!(as_written("a${b"), "a");
    }
}
