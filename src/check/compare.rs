//! Expected rows beside those of an answer.
//!
//! Order does not count. Rows that are equal go first; what is left is paired by the values that are
//! no numbers, so that a wrong number is shown beside the right one and not as a missing row.

use std::cmp::Ordering;
use std::collections::{BTreeMap, HashMap};

use super::answer::{Answer, AnswerColumn, Kind, shown};
use super::run::Failure;
use crate::declare::Span;

/// How far two doubles may lie apart, relative to the greater, where nothing else is said.
const ROUNDING: f64 = 1e-9;

/// A row that is expected, and where.
#[derive(Clone, Debug)]
pub(super) struct Expected {
    pub(super) cells: Vec<Option<String>>,
    /// Of the row.
    pub(super) span: Span,
    /// Of each cell; none where the row is not written down.
    pub(super) cell_spans: Option<Vec<Span>>,
}

/// What is compared with what.
#[derive(Debug)]
pub(super) struct Comparison<'a> {
    /// With the columns of [`Expected::cells`].
    pub(super) answer: &'a Answer,
    /// The same rows with every column there is, to show them.
    pub(super) whole: &'a Answer,
    /// Where all rows are expected.
    pub(super) span: &'a Span,
    pub(super) tolerance: Option<f64>,
}

impl Comparison<'_> {
    /// What is not as expected, in the order of the expected rows.
    pub(super) fn failures(&self, expected: &[Expected]) -> Vec<Failure> {
        let (expected, got) = self.without_equal_rows(expected);
        let mut groups: BTreeMap<Vec<&Option<String>>, Group<'_>> = BTreeMap::new();
        for row in expected {
            groups.entry(self.texts(&row.cells)).or_default().expected.push(row);
        }
        for at in got {
            groups.entry(self.texts(&self.answer.rows[at])).or_default().got.push(at);
        }
        let mut failures = Vec::new();
        for mut group in groups.into_values() {
            group.expected.sort_by(|a, b| self.by_numbers(&a.cells, &b.cells));
            let rows = &self.answer.rows;
            group.got.sort_by(|a, b| self.by_numbers(&rows[*a], &rows[*b]));
            let pairs = group.expected.len().min(group.got.len());
            for (expected, got) in group.expected.iter().zip(&group.got) {
                failures.extend(self.pair(expected, &rows[*got]));
            }
            failures.extend(group.expected[pairs..].iter().map(|row| self.missing(row)));
            failures.extend(group.got[pairs..].iter().map(|at| self.unexpected(*at)));
        }
        failures.sort_by_key(|failure| (failure.span.line, failure.span.column));
        failures
    }

    /// The rows of both sides that have no equal on the other; those of the answer by position.
    fn without_equal_rows<'r>(
        &'r self,
        expected: &'r [Expected],
    ) -> (Vec<&'r Expected>, Vec<usize>) {
        let mut waiting: HashMap<Vec<Option<String>>, Vec<&Expected>> = HashMap::new();
        for row in expected.iter().rev() {
            waiting.entry(self.normal(&row.cells)).or_default().push(row);
        }
        let mut rest = Vec::new();
        for (at, row) in self.answer.rows.iter().enumerate() {
            let found = waiting.get_mut(&self.normal(row)).and_then(Vec::pop);
            if found.is_none() {
                rest.push(at);
            }
        }
        (waiting.into_values().flatten().collect(), rest)
    }

    fn normal(&self, row: &[Option<String>]) -> Vec<Option<String>> {
        let cell = |(column, value): (&AnswerColumn, &Option<String>)| {
            let value = value.as_ref()?;
            Some(match column.kind {
                Kind::Text => value.clone(),
                Kind::Exact | Kind::Approximate => normal_number(value),
            })
        };
        self.answer.columns.iter().zip(row).map(cell).collect()
    }

    fn texts<'r>(&self, row: &'r [Option<String>]) -> Vec<&'r Option<String>> {
        let columns = self.answer.columns.iter().zip(row);
        columns.filter(|(column, _)| column.kind == Kind::Text).map(|(_, value)| value).collect()
    }

    fn by_numbers(&self, a: &[Option<String>], b: &[Option<String>]) -> Ordering {
        let number =
            |value: &Option<String>| value.as_ref().and_then(|text| text.parse::<f64>().ok());
        let mut order = Ordering::Equal;
        for ((column, a), b) in self.answer.columns.iter().zip(a).zip(b) {
            if column.kind != Kind::Text {
                let (a, b) = (number(a), number(b));
                let (a, b) = (a.unwrap_or(f64::NEG_INFINITY), b.unwrap_or(f64::NEG_INFINITY));
                order = order.then(a.total_cmp(&b));
            }
        }
        order
    }

    fn pair(&self, expected: &Expected, got: &[Option<String>]) -> Vec<Failure> {
        let mut failures = Vec::new();
        for (at, column) in self.answer.columns.iter().enumerate() {
            let (wanted, found) = (&expected.cells[at], &got[at]);
            if self.same(column.kind, wanted.as_deref(), found.as_deref()) {
                continue;
            }
            let span = expected.cell_spans.as_ref().map_or(&expected.span, |spans| &spans[at]);
            failures.push(Failure {
                span: span.clone(),
                message: format!("`{}`{} is wrong", column.name, self.of_row(&expected.cells)),
                expected: Some(value(wanted)),
                got: Some(value(found)),
            });
        }
        failures
    }

    /// ` of {customer_city: Rome}`: the values that tell the row apart.
    fn of_row(&self, row: &[Option<String>]) -> String {
        let cells = self.answer.columns.iter().zip(row);
        let (columns, texts): (Vec<AnswerColumn>, Vec<Option<String>>) = cells
            .filter(|(column, _)| column.kind == Kind::Text)
            .map(|(column, value)| (column.clone(), value.clone()))
            .unzip();
        if columns.is_empty() { String::new() } else { format!(" of {}", shown(&columns, &texts)) }
    }

    fn same(&self, kind: Kind, a: Option<&str>, b: Option<&str>) -> bool {
        let (Some(a), Some(b)) = (a, b) else { return a == b };
        if kind == Kind::Text {
            return a == b;
        }
        if normal_number(a) == normal_number(b) {
            return true;
        }
        let (Ok(a), Ok(b)) = (a.parse::<f64>(), b.parse::<f64>()) else { return false };
        let allowed = match (self.tolerance, kind) {
            (Some(tolerance), _) => tolerance,
            (None, Kind::Approximate) => ROUNDING * a.abs().max(b.abs()),
            (None, _) => return false,
        };
        (a - b).abs() <= allowed
    }

    fn missing(&self, row: &Expected) -> Failure {
        Failure {
            span: row.span.clone(),
            message: "a row is missing".to_owned(),
            expected: Some(shown(&self.answer.columns, &row.cells)),
            got: None,
        }
    }

    fn unexpected(&self, at: usize) -> Failure {
        Failure {
            span: self.span.clone(),
            message: "a row is not expected".to_owned(),
            expected: None,
            got: Some(shown(&self.whole.columns, &self.whole.rows[at])),
        }
    }
}

/// Rows of both sides that agree in everything but numbers.
#[derive(Default)]
struct Group<'a> {
    expected: Vec<&'a Expected>,
    got: Vec<usize>,
}

fn value(text: &Option<String>) -> String {
    text.clone().unwrap_or_else(|| "NULL".to_owned())
}

/// A decimal number in one form of many: `+01.50` is `1.5`. Anything else stays as it is.
fn normal_number(text: &str) -> String {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let digits = unsigned.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    if unsigned.is_empty() || !digits {
        // Doubles in scientific notation, and what is no number at all.
        return text.parse::<f64>().map_or_else(|_| text.to_owned(), |number| number.to_string());
    }
    let (whole, fraction) = unsigned.split_once('.').unwrap_or((unsigned, ""));
    let (whole, fraction) = (whole.trim_start_matches('0'), fraction.trim_end_matches('0'));
    let whole = if whole.is_empty() { "0" } else { whole };
    let point = if fraction.is_empty() { "" } else { "." };
    let zero = whole == "0" && fraction.is_empty();
    let sign = if text.starts_with('-') && !zero { "-" } else { "" };
    format!("{sign}{whole}{point}{fraction}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_equal_however_they_are_written() {
        for (a, b) in [("+01.50", "1.5"), ("-0.00", "0"), (".5", "0.5"), ("1e3", "1000.0")] {
            assert_eq!(normal_number(a), normal_number(b), "{a} {b}");
        }
        assert_ne!(normal_number("0.1"), normal_number("0.10000000000000000001"));
        assert_eq!(normal_number("2024-01"), "2024-01");
    }
}
