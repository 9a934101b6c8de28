//! `history:` of a dimension: which attributes keep what they were, and since when a row holds.

use std::collections::BTreeSet;

use super::dimension_spec::DimensionSpec;
use crate::declare::{Code, Diagnostic, Diagnostics, Fields, Located};
use crate::star::{Dimension, Level, RECORD_COLUMN};

/// The history of a dimension as declared.
#[derive(Debug)]
pub struct HistorySpec {
    /// The target column with the day or time since which a row holds.
    pub from: Located<String>,
    /// The target columns that keep what they were; all others have their newest value only.
    pub type2: Vec<Located<String>>,
}

/// Takes `history:`; without `type2` there is none to keep.
pub(super) fn read(fields: &mut Fields<'_>, diagnostics: &mut Diagnostics) -> Option<HistorySpec> {
    let node = fields.node("history")?;
    let mut inner = Fields::of(node, "`history`", fields.variables(), diagnostics)?;
    if let Some(text) = inner.text("type1", diagnostics).filter(|text| text.value != "*") {
        let message = format!("`{}` must be `\"*\"`: all that `type2` does not name", text.value);
        diagnostics.push(Diagnostic::new(Code::WrongValue, text.span, message));
    }
    let given = inner.key_span("type2").cloned();
    let type2 = inner.texts("type2", diagnostics);
    let from = inner.text("from", diagnostics);
    inner.finish(diagnostics);
    match (given, from) {
        (Some(_), Some(from)) if !type2.is_empty() => Some(HistorySpec { from, type2 }),
        (Some(span), Some(_)) => {
            let message = "`type2` names no column: which keep what they were?";
            diagnostics.push(Diagnostic::new(Code::MissingKey, span, message));
            None
        }
        (Some(span), None) => {
            let message = "`from` is missing: which column says since when a row holds?";
            diagnostics.push(Diagnostic::new(Code::MissingKey, span, message));
            None
        }
        (None, Some(from)) => {
            let message = "`type2` is missing: which columns keep what they were?";
            diagnostics.push(Diagnostic::new(Code::MissingKey, from.span, message));
            None
        }
        (None, None) => None,
    }
}

/// Whether the columns of `history` can have one, in a dimension that is declared as `spec`.
pub(super) fn check(spec: &DimensionSpec, dimension: &Dimension, diagnostics: &mut Diagnostics) {
    let Some(history) = &spec.history else { return };
    let names = history.type2.iter().chain([&history.from]);
    for name in names.filter(|name| !dimension.attributes.contains(&name.value)) {
        let known = dimension.attributes.iter().map(String::as_str);
        diagnostics.push(Diagnostic::unknown_name(name.span.clone(), "column", &name.value, known));
    }
    let checked = Checked { spec, dimension, history };
    checked.start(diagnostics);
    checked.columns(diagnostics);
    checked.levels(diagnostics);
    checked.paths(diagnostics);
    checked.trees(diagnostics);
}

struct Checked<'a> {
    spec: &'a DimensionSpec,
    dimension: &'a Dimension,
    history: &'a HistorySpec,
}

impl Checked<'_> {
    fn changes(&self, column: &str) -> bool {
        self.history.type2.iter().any(|name| name.value == column)
    }

    fn wrong(&self, at: &Located<String>, message: String, help: &str) -> Diagnostic {
        Diagnostic::new(Code::Mismatch, at.span.clone(), message).help(help)
    }

    fn is_key(&self, column: &str) -> bool {
        self.spec.key.iter().any(|key| key.value == column)
    }

    /// The start is no attribute that members could be told apart by.
    fn start(&self, diagnostics: &mut Diagnostics) {
        let from = &self.history.from;
        if self.is_key(&from.value) {
            let message = format!("`{}` is part of the key", from.value);
            let help = "with it in the key every version would be a record of its own";
            diagnostics.push(self.wrong(from, message, help));
        }
        let level =
            self.dimension.levels.iter().find(|level| columns_of(level).any(|c| c == from.value));
        if let Some(level) = level {
            let message = format!("`{}` is a column of level `{}`", from.value, level.name);
            let help = "give the start of the versions a column of its own";
            diagnostics.push(self.wrong(from, message, help));
        }
    }

    fn columns(&self, diagnostics: &mut Diagnostics) {
        let mut seen = BTreeSet::new();
        for name in &self.history.type2 {
            let (message, help) = if self.is_key(&name.value) {
                (format!("`{}` is part of the key", name.value), "a key never changes")
            } else if name.value == self.history.from.value {
                (format!("`{}` is the start", name.value), "every version has its own")
            } else if !seen.insert(&name.value) {
                (format!("`{}` is listed twice", name.value), "list it once")
            } else {
                continue;
            };
            diagnostics.push(self.wrong(name, message, help));
        }
    }

    /// What shows and orders a member goes with its key: one caption for one key.
    fn levels(&self, diagnostics: &mut Diagnostics) {
        for level in &self.dimension.levels {
            let changes = self.changes(&level.key);
            let key = if level.key == RECORD_COLUMN { "the record" } else { level.key.as_str() };
            for column in columns_of(level).filter(|column| *column != level.key) {
                if self.changes(column) == changes {
                    continue;
                }
                let (message, help, at) = match self.named(column) {
                    Some(at) => (
                        format!(
                            "`{column}` shows level `{}`, whose key `{key}` does not change: its \
                             members have one caption, the newest",
                            level.name
                        ),
                        "leave it out of `type2`; to group by what it was, make it a level of its own \
                         from a second column",
                        at,
                    ),
                    None => (
                        format!(
                            "the key of level `{}` keeps what it was, and `{column}`, which shows \
                             it, does not",
                            level.name
                        ),
                        "add it to `type2`",
                        self.named(&level.key).unwrap_or(&self.history.from),
                    ),
                };
                diagnostics.push(self.wrong(at, message, help));
            }
        }
    }

    fn named(&self, column: &str) -> Option<&Located<String>> {
        self.history.type2.iter().find(|name| name.value == column)
    }

    /// A member as it was cannot be under one as it is.
    fn paths(&self, diagnostics: &mut Diagnostics) {
        let mut told = BTreeSet::new();
        let paths = self.dimension.hierarchies.iter();
        for steps in paths.flat_map(|path| path.levels.windows(2)) {
            let (above, level) = (self.dimension.level(&steps[0]), self.dimension.level(&steps[1]));
            let (Some(above), Some(level)) = (above, level) else { continue };
            let Some(at) = self.named(&level.key) else { continue };
            if self.changes(&above.key) || !told.insert((&above.name, &level.name)) {
                continue;
            }
            let message = format!(
                "level `{}` keeps what it was, and `{}` above it does not: an old {0} would be under \
                 a new {1}",
                level.name, above.name
            );
            diagnostics.push(self.wrong(
                at,
                message,
                "add the columns of the level above to `type2`",
            ));
        }
    }

    /// A tree is one for all times.
    fn trees(&self, diagnostics: &mut Diagnostics) {
        for tree in &self.spec.trees {
            for parent in tree.parent.iter().filter_map(|parent| self.named(&parent.value)) {
                let message = format!(
                    "`{}` makes the tree `{}`, and trees have no history",
                    parent.value, tree.name.value
                );
                let help = "leave it out of `type2`: the tree is then the newest for all versions";
                diagnostics.push(self.wrong(parent, message, help));
            }
        }
    }
}

fn columns_of(level: &Level) -> impl Iterator<Item = &str> {
    let own = [Some(&level.key), Some(&level.caption), level.sort.as_ref()];
    own.into_iter().flatten().chain(level.captions.values()).map(String::as_str)
}
