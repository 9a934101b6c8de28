//! `starling load`: progress while it runs, a summary at its end.

use std::collections::BTreeMap;
use std::io::IsTerminal;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

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
    let bars = !quiet && std::io::stderr().is_terminal();
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

/// One bar per table, on a terminal.
#[derive(Debug, Default)]
struct Bars {
    all: MultiProgress,
    by_table: Mutex<BTreeMap<String, ProgressBar>>,
}

impl Bars {
    fn with(&self, table: &str, act: impl FnOnce(&ProgressBar)) {
        let bars = self.by_table.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(bar) = bars.get(table) {
            act(bar);
        }
    }
}

impl Progress for Bars {
    fn table_started(&self, table: &str, splits: usize) {
        let mut bars = self.by_table.lock().unwrap_or_else(PoisonError::into_inner);
        let bar = bars.entry(table.to_owned()).or_insert_with(|| {
            let style = ProgressStyle::with_template("{prefix:<22} {bar:30} {pos}/{len} {msg}");
            let bar = ProgressBar::new(0)
                .with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
                .with_prefix(table.to_owned());
            self.all.add(bar)
        });
        bar.inc_length(splits as u64);
    }

    fn split_done(&self, table: &str) {
        self.with(table, |bar| bar.inc(1));
    }

    fn rows_read(&self, table: &str, rows: u64) {
        self.with(table, |bar| {
            let before: u64 =
                bar.message().split(' ').next().and_then(|n| n.parse().ok()).unwrap_or(0);
            bar.set_message(format!("{} rows", before + rows));
        });
    }

    fn table_done(&self, table: &str) {
        self.with(table, ProgressBar::finish_and_clear);
    }
}
