//! What a load would do to each table, and why, without doing it.

use std::collections::{BTreeMap, BTreeSet};

use super::connect::connect;
use super::fingerprint::fingerprints;
use super::plan::Planner;
use super::quarantine::QUARANTINE_TABLE;
use super::run::{fingerprint_of, range_of};
use crate::declare::{Diagnostics, Span};
use crate::error::Result;
use crate::integrate::DayRange;
use crate::model::Model;
use crate::project::{FeedSpec, PROJECT_FILE, Project};
use crate::source::Position;
use crate::warehouse::Epoch;

/// What would become of one table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outlook {
    /// The table.
    pub table: String,
    /// What a load would do to it.
    pub change: TableChange,
    /// Why, in a few words each.
    pub reasons: Vec<String>,
}

/// What a load would do to a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TableChange {
    /// It is carried over.
    Unchanged,
    /// It is read again as a whole.
    Rebuilt,
    /// It is new.
    Added,
    /// The next epoch does not have it.
    Removed,
}

impl TableChange {
    /// The word for people and programs.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unchanged => "unchanged",
            Self::Rebuilt => "rebuilt",
            Self::Added => "added",
            Self::Removed => "removed",
        }
    }
}

/// What a load of `model` on top of `epoch` would do. `before` is the project of that epoch.
pub fn outlook(
    model: &Model,
    epoch: Option<&Epoch>,
    before: Option<&Project>,
) -> Result<Vec<Outlook>> {
    let project = &model.project;
    let mut diagnostics = Diagnostics::new();
    let planner = Planner::new(project, connect(project), &mut diagnostics);
    planner.check_all(&mut diagnostics);
    diagnostics.into_result(())?;
    let positions = planner.positions()?;
    let now = fingerprints(project, &positions);
    let comparison = Comparison { project, before, epoch, positions: &positions };
    let mut rebuilt: BTreeSet<&str> = BTreeSet::new();
    let mut outlooks = Vec::new();
    let dimensions = project.dimensions.iter().map(|spec| (&spec.name, &spec.feeds, Vec::new()));
    let facts = project.facts.iter().map(|spec| {
        let uses = spec.dimensions.iter().map(|used| used.dimension.value.as_str());
        (&spec.name, &spec.feeds, uses.collect())
    });
    for (name, feeds, uses) in dimensions.chain(facts) {
        let pinned = epoch.and_then(|epoch| epoch.tables.get(&name.value));
        let outlook = match pinned {
            None => Outlook::new(&name.value, TableChange::Added, Vec::new()),
            Some(pinned) if now.get(&name.value) == Some(&pinned.fingerprint) => {
                Outlook::new(&name.value, TableChange::Unchanged, Vec::new())
            }
            Some(_) => {
                let mut reasons = comparison.reasons(&name.span, feeds);
                let stale = uses.into_iter().filter(|used| rebuilt.contains(used));
                let stale: BTreeSet<&str> = stale.collect();
                reasons.extend(stale.into_iter().map(|used| format!("dimension {used}")));
                if reasons.is_empty() {
                    reasons.push("another version of Starling or another environment".to_owned());
                }
                Outlook::new(&name.value, TableChange::Rebuilt, reasons)
            }
        };
        if outlook.change != TableChange::Unchanged {
            rebuilt.insert(&name.value);
        }
        outlooks.push(outlook);
    }
    let rows_change = project.facts.iter().any(|fact| rebuilt.contains(fact.name.value.as_str()));
    outlooks.push(comparison.calendar(rows_change));
    outlooks.extend(comparison.removed());
    Ok(outlooks)
}

impl Outlook {
    fn new(table: &str, change: TableChange, reasons: Vec<String>) -> Self {
        Self { table: table.to_owned(), change, reasons }
    }
}

/// The declarations and sources as they are, beside those of an epoch.
struct Comparison<'a> {
    project: &'a Project,
    before: Option<&'a Project>,
    epoch: Option<&'a Epoch>,
    positions: &'a BTreeMap<String, Position>,
}

impl Comparison<'_> {
    /// What of that which a table's fingerprint covers is not as it was.
    fn reasons(&self, span: &Span, feeds: &[FeedSpec]) -> Vec<String> {
        let mut reasons = Vec::new();
        let mut files: Vec<&str> = vec![PROJECT_FILE, &span.file.path];
        let tables: BTreeSet<&String> = feeds.iter().flat_map(FeedSpec::tables).collect();
        for table in &tables {
            files.extend(self.source_file(table));
        }
        let mut told = BTreeSet::new();
        for file in files {
            if told.insert(file) && self.project.files.get(file) != self.file_before(file) {
                reasons.push(format!("{file} changed"));
            }
        }
        if self.before.is_some_and(|before| before.codes != self.project.codes) {
            reasons.push("code lists changed".to_owned());
        }
        let known = self.epoch.map(|epoch| &epoch.positions);
        for table in tables {
            if known.and_then(|known| known.get(table)) != self.positions.get(table) {
                reasons.push(format!("rows of {table}"));
            }
        }
        reasons
    }

    fn file_before(&self, path: &str) -> Option<&String> {
        self.epoch?.declarations.get(path)
    }

    fn source_file(&self, table: &str) -> Option<&str> {
        let (source, _) = table.split_once('.')?;
        let any = self.project.sources.get(source)?.tables.values().next()?;
        Some(&any.span.file.path)
    }

    /// The generated dimension: its days may only be known when the facts are read.
    fn calendar(&self, rows_change: bool) -> Outlook {
        let settings = &self.project.settings;
        let pinned = self.epoch.and_then(|epoch| epoch.tables.get("date"));
        let Some(pinned) = pinned else {
            return Outlook::new("date", TableChange::Added, Vec::new());
        };
        let declared = settings.days.map(|(first, last)| DayRange::of_days(first, last));
        let before = range_of(&pinned.fingerprint);
        let days =
            declared.or_else(|| before.map(|days| days.whole_retail_years(settings.calendar)));
        if fingerprint_of(days, settings.calendar) != pinned.fingerprint {
            let reason = "calendar or fiscal year changed".to_owned();
            return Outlook::new("date", TableChange::Rebuilt, vec![reason]);
        }
        let grows = rows_change && declared.is_none();
        let reason = "unless rows point to other days".to_owned();
        let reasons = if grows { vec![reason] } else { Vec::new() };
        Outlook::new("date", TableChange::Unchanged, reasons)
    }

    fn removed(&self) -> Vec<Outlook> {
        let declared: BTreeSet<String> = self.project.star.tables().collect();
        let gone =
            |name: &&String| name.as_str() != QUARANTINE_TABLE && !declared.contains(name.as_str());
        let pinned = self.epoch.into_iter().flat_map(|epoch| epoch.tables.keys());
        let gone = pinned.filter(gone);
        gone.map(|name| Outlook::new(name, TableChange::Removed, Vec::new())).collect()
    }
}
