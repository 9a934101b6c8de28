//! `starling load`: progress while it runs, a summary at its end.

use std::collections::BTreeMap;
use std::io::IsTerminal;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use indicatif::{HumanCount, MultiProgress, ProgressBar, ProgressStyle};
use tracing::level_filters::LevelFilter;

use super::args::LoadOptions;
use super::{Place, say};
use crate::error::Result;
use crate::load::{self, LoadOutcome, Progress, Silent};
use crate::model::Model;
use crate::warehouse::{TableLoad, Warehouse};

pub(super) async fn run(place: &Place, options: &LoadOptions) -> Result<()> {
    let model = place.model()?;
    let warehouse = place.warehouse()?;
    load_and_report(&model, &warehouse, options.quiet).await
}

/// Loads, and says on stderr what happened.
pub(super) async fn load_and_report(
    model: &Model,
    warehouse: &Warehouse,
    quiet: bool,
) -> Result<()> {
    // Lines of a log would run through the bars.
    let logging = LevelFilter::current() >= LevelFilter::INFO;
    let bars = !quiet && !logging && std::io::stderr().is_terminal();
    let progress: Arc<dyn Progress> =
        if bars { Arc::new(Bars::default()) } else { Arc::new(Silent) };
    #[expect(clippy::disallowed_methods, reason = "how long it took is for the person only")]
    let started = Instant::now();
    let outcome = Box::pin(load::run(model, warehouse, progress)).await?;
    if !quiet {
        report(&outcome, started.elapsed().as_secs_f64());
    }
    Ok(())
}

fn report(outcome: &LoadOutcome, seconds: f64) {
    if !outcome.recovered.is_empty() {
        say(&format!("rolled back after an interrupted load: {}", outcome.recovered.join(", ")));
    }
    let number = outcome.epoch.number;
    if !outcome.published {
        say(&format!("nothing changed since epoch {number}"));
        return;
    }
    say(&format!(
        "{:<22}{:>12}{:>12}{:>12}{:>12}",
        "table", "in", "loaded", "quarantined", "dropped"
    ));
    for load in &outcome.epoch.loads {
        say(&format!(
            "{:<22}{:>12}{:>12}{:>12}{:>12}",
            load.table_name,
            load.rows_in,
            load.rows_loaded,
            load.rows_quarantined(),
            load.rows_dropped()
        ));
        details(load);
    }
    say(&format!("epoch {number} published in {seconds:.1} s"));
    if outcome.epoch.loads.iter().any(|load| load.rows_quarantined() > 0) {
        say("see the rows set aside: starling sql \"SELECT * FROM system.quarantine LIMIT 10\"");
    }
}

fn details(load: &TableLoad) {
    let groups = [
        ("quarantined", &load.quarantined),
        ("dropped", &load.dropped),
        ("loaded", &load.remarked),
    ];
    for (outcome, counts) in groups {
        for (rule, count) in counts {
            say(&format!("    {count} {outcome}: {rule}"));
        }
    }
    for note in load.notes.iter().take(NOTES_SHOWN) {
        say(&format!("    {note}"));
    }
    if load.notes.len() > NOTES_SHOWN {
        say(&format!("    and {} more like this", load.notes.len() - NOTES_SHOWN));
    }
}

/// Notes of a table that a person reads; the rest is more of the same.
const NOTES_SHOWN: usize = 5;

/// One bar per table, on a terminal: how much of its sources is read, and how many rows that gave.
#[derive(Debug, Default)]
struct Bars {
    all: MultiProgress,
    by_table: Mutex<BTreeMap<String, Bar>>,
}

#[derive(Debug)]
struct Bar {
    shown: ProgressBar,
    rows: u64,
}

const OF_ALL: &str = "{prefix:<22} {bar:30} {percent:>3} %  {msg}";
const OF_UNKNOWN: &str = "{prefix:<22} {spinner} {msg}";

impl Bars {
    fn with(&self, table: &str, act: impl FnOnce(&mut Bar)) {
        let mut bars = self.by_table.lock().unwrap_or_else(PoisonError::into_inner);
        act(bars.entry(table.to_owned()).or_insert_with(|| {
            let bar = ProgressBar::new(0).with_prefix(table.to_owned());
            Bar { shown: self.all.add(bar.with_style(style(OF_ALL))), rows: 0 }
        }));
    }
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}

impl Progress for Bars {
    fn table_started(&self, table: &str, bytes: Option<u64>) {
        self.with(table, |bar| match bytes {
            Some(bytes) => bar.shown.inc_length(bytes),
            None => bar.shown.set_style(style(OF_UNKNOWN)),
        });
    }

    fn read(&self, table: &str, rows: u64, bytes: u64) {
        self.with(table, |bar| {
            bar.rows += rows;
            bar.shown.inc(bytes);
            bar.shown.set_message(format!("{} rows", HumanCount(bar.rows)));
        });
    }

    fn table_done(&self, table: &str) {
        self.with(table, |bar| bar.shown.finish_and_clear());
    }
}
