//! `retail:` of the calendar: years of whole weeks.

use chrono::{NaiveDate, Weekday};

use crate::declare::{Code, Diagnostic, Diagnostics, Fields, Located, Node, Variables};
use crate::star::RetailRules;

const PATTERNS: [(&str, [u32; 3]); 3] =
    [("4-4-5", [4, 4, 5]), ("4-5-4", [4, 5, 4]), ("5-4-4", [5, 4, 4])];
const DAYS: [(&str, Weekday); 7] = [
    ("monday", Weekday::Mon),
    ("tuesday", Weekday::Tue),
    ("wednesday", Weekday::Wed),
    ("thursday", Weekday::Thu),
    ("friday", Weekday::Fri),
    ("saturday", Weekday::Sat),
    ("sunday", Weekday::Sun),
];

pub(super) fn read(
    node: &Node,
    variables: &Variables,
    diagnostics: &mut Diagnostics,
) -> Option<RetailRules> {
    let mut fields = Fields::of(node, "`retail`", variables, diagnostics)?;
    let mut rules = RetailRules::default();
    if let Some(text) = fields.required_text("pattern", diagnostics) {
        rules.pattern = one_of(&PATTERNS, &text, diagnostics).unwrap_or(rules.pattern);
    }
    if let Some(text) = fields.text("first_day", diagnostics) {
        rules.first_day = one_of(&DAYS, &text, diagnostics).unwrap_or(rules.first_day);
    }
    if let Some(text) = fields.text("near", diagnostics) {
        rules.near = month_and_day(&text, diagnostics).unwrap_or(rules.near);
    }
    fields.finish(diagnostics);
    Some(rules)
}

fn one_of<T: Copy>(
    known: &[(&str, T)],
    text: &Located<String>,
    diagnostics: &mut Diagnostics,
) -> Option<T> {
    let found = known.iter().find(|(name, _)| *name == text.value);
    if found.is_none() {
        let names: Vec<&str> = known.iter().map(|(name, _)| *name).collect();
        let (last, others) = names.split_last().unwrap_or((&"", &[]));
        let message = format!("`{}` must be {} or {last}", text.value, others.join(", "));
        diagnostics.push(Diagnostic::new(Code::WrongValue, text.span.clone(), message));
    }
    found.map(|(_, value)| *value)
}

/// A day that every year has, as `02-01`.
fn month_and_day(text: &Located<String>, diagnostics: &mut Diagnostics) -> Option<(u32, u32)> {
    let parts = text.value.split_once('-');
    let parts = parts.and_then(|(m, d)| Some((m.parse().ok()?, d.parse().ok()?)));
    // 2023 has no 29th of February.
    let found = parts.filter(|(month, day)| NaiveDate::from_ymd_opt(2023, *month, *day).is_some());
    if found.is_none() {
        let message = format!("`{}` is not a day of every year; write one like 02-01", text.value);
        diagnostics.push(Diagnostic::new(Code::WrongValue, text.span.clone(), message));
    }
    found
}
