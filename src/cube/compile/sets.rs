//! Named sets: levels, conditions and measures they name.

use std::collections::BTreeSet;

use super::super::calculation::Calculation;
use super::super::model::FlatColumn;
use super::super::named_set::{NamedSet, SetDefinition};
use super::super::spec::{CubeSpec, SetMembersSpec, SetSpec};
use super::expression::{Expressions, Names};
use super::unknown;
use crate::declare::{Code, Diagnostic, Diagnostics, Located};

/// The sets of `spec`, over the columns and measures of its cube; whether their members exist only
/// the data can say.
pub(super) fn compile(
    spec: &CubeSpec,
    columns: &[FlatColumn],
    measures: &[&str],
    diagnostics: &mut Diagnostics,
) -> Vec<NamedSet> {
    let context = Context { spec, columns, measures };
    let mut names = BTreeSet::new();
    let mut sets = Vec::new();
    for set in &spec.sets {
        context.check_name(&set.name, &mut names, diagnostics);
        sets.extend(context.set(set, diagnostics));
    }
    sets
}

struct Context<'a> {
    spec: &'a CubeSpec,
    columns: &'a [FlatColumn],
    measures: &'a [&'a str],
}

impl<'a> Context<'a> {
    fn check_name(
        &self,
        name: &'a Located<String>,
        names: &mut BTreeSet<&'a str>,
        diagnostics: &mut Diagnostics,
    ) {
        let column = self.columns.iter().any(|column| column.name == name.value);
        let measure = self.measures.contains(&name.value.as_str());
        if column || measure || !names.insert(&name.value) {
            let other = match (column, measure) {
                (true, _) => "a column of a level",
                (_, true) => "a measure",
                _ => "a set",
            };
            let message = format!("`{}` is already {other}", name.value);
            diagnostics.push(Diagnostic::new(Code::DuplicateName, name.span.clone(), message));
        }
    }

    fn set(&self, set: &SetSpec, diagnostics: &mut Diagnostics) -> Option<NamedSet> {
        let level = set.level.value.replace('.', "_");
        if !self.columns.iter().any(|column| column.name == level) {
            let what = format!("level of the cube `{}`", self.spec.name.value);
            let flat = Located::new(level, set.level.span.clone());
            diagnostics.push(unknown(&flat, &what, self.columns.iter().map(|c| c.name.as_str())));
            return None;
        }
        Some(NamedSet {
            name: set.name.value.clone(),
            title: set.title.clone(),
            level,
            definition: self.definition(&set.members, diagnostics)?,
        })
    }

    fn definition(
        &self,
        members: &SetMembersSpec,
        diagnostics: &mut Diagnostics,
    ) -> Option<SetDefinition> {
        let texts = |names: &[Located<String>]| names.iter().map(|n| n.value.clone()).collect();
        Some(match members {
            SetMembersSpec::Members(names) => SetDefinition::Members(texts(names)),
            SetMembersSpec::Keys(keys) => SetDefinition::Keys(texts(keys)),
            SetMembersSpec::Where(sql) => {
                let names = Names {
                    what: format!("column of the cube `{}`", self.spec.name.value),
                    known: self.columns.iter().map(|c| ("level", c.name.as_str())).collect(),
                };
                Expressions::new().parse(sql, &names, diagnostics)?;
                SetDefinition::Where(sql.value.clone())
            }
            SetMembersSpec::Top { n, by, least } => {
                let count = usize::try_from(n.value).ok().filter(|count| *count > 0);
                if count.is_none() {
                    let message = "`n` is how many members lead, at least 1";
                    diagnostics.push(Diagnostic::new(Code::WrongValue, n.span.clone(), message));
                }
                self.check_measure(by, diagnostics);
                SetDefinition::Top { n: count?, by: by.value.clone(), least: *least }
            }
        })
    }

    /// A measure, or a calculation over one.
    fn check_measure(&self, by: &Located<String>, diagnostics: &mut Diagnostics) {
        let known = |measure: &str| self.measures.contains(&measure);
        if known(&by.value) {
            return;
        }
        match Calculation::asked(&by.value, known, self.columns) {
            Some((_, Ok(_))) => {}
            Some((_, Err(why))) => {
                let message = format!("`{}` has no meaning: {why}", by.value);
                diagnostics.push(Diagnostic::new(Code::WrongValue, by.span.clone(), message));
            }
            None => {
                let what = format!("measure of the cube `{}`", self.spec.name.value);
                diagnostics.push(unknown(by, &what, self.measures.iter().copied()));
            }
        }
    }
}
