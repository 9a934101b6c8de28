//! `starling test`: tries the checks of a project and reports all that do not hold.

use std::sync::Arc;

use serde_json::{Value, json};

use super::args::{ReportFormat, TestOptions};
use super::{Place, write_out};
use crate::check::{self, CheckSpec, Failure, Outcome, Verdict};
use crate::declare::{Span, nearest};
use crate::engine::{EpochSnapshots, Snapshot, Snapshots};
use crate::error::{Error, ErrorKind, Result};
use crate::load;
use crate::model::Model;

/// Failures of one check that a person reads; the rest is more of the same.
const FAILURES_SHOWN: usize = 10;

pub(super) async fn run(place: &Place, options: &TestOptions) -> Result<()> {
    let environment = &place.config.environment;
    let (model, mut diagnostics) = Model::inspect(&place.folder, environment)?;
    let checks = check::read_project(&place.folder, &model, &mut diagnostics)?;
    if !diagnostics.is_empty() {
        load::check(&model, diagnostics)?;
    }
    let checks = selected(checks, options)?;
    let mut newest = Newest { place, epoch: options.epoch, snapshots: None };
    let mut outcomes = Vec::new();
    for check in &checks {
        let asked = async || newest.snapshot().await;
        let outcome = Box::pin(check::run(check, &model, asked, environment)).await;
        if options.format == ReportFormat::Text {
            write_out(&text(&outcome))?;
        }
        outcomes.push(outcome);
    }
    let wrong = outcomes.iter().filter(|outcome| !passed(outcome)).count();
    let done = outcomes.len();
    match options.format {
        ReportFormat::Text => write_out(&format!("{} of {done} checks passed\n", done - wrong))?,
        ReportFormat::Json => write_out(&format!("{:#}\n", report(&outcomes)))?,
    }
    match wrong {
        0 => Ok(()),
        1 => Err(Error::new(ErrorKind::InvalidInput, "1 check does not hold")),
        _ => Err(Error::new(ErrorKind::InvalidInput, format!("{wrong} checks do not hold"))),
    }
}

/// The snapshot of checks that bring no rows, opened when the first of them asks.
struct Newest<'a> {
    place: &'a Place,
    epoch: Option<u64>,
    snapshots: Option<EpochSnapshots>,
}

impl Newest<'_> {
    async fn snapshot(&mut self) -> Result<Arc<Snapshot>> {
        let snapshots = match self.snapshots.take() {
            Some(snapshots) => snapshots,
            None => self.place.snapshots()?,
        };
        let snapshots = self.snapshots.insert(snapshots);
        match self.epoch {
            Some(epoch) => snapshots.at(epoch).await,
            None => snapshots.latest().await,
        }
    }
}

/// The checks that are asked for; none is a mistake, so that nothing passes unseen.
fn selected(checks: Vec<CheckSpec>, options: &TestOptions) -> Result<Vec<CheckSpec>> {
    let known: Vec<String> = checks.iter().map(|check| check.name.value.clone()).collect();
    for name in &options.names {
        if !known.contains(name) {
            let near = nearest(name, known.iter().map(String::as_str));
            let hint = match near {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("there is: {}", known.join(", ")),
            };
            let what = format!("no check is called `{name}`; {hint}");
            return Err(Error::new(ErrorKind::NotFound, what));
        }
    }
    let wanted = |check: &CheckSpec| {
        (options.names.is_empty() || options.names.contains(&check.name.value))
            && (!options.given || check.given.is_some())
    };
    let selected: Vec<CheckSpec> = checks.into_iter().filter(wanted).collect();
    if selected.is_empty() {
        let what = match known.is_empty() {
            true => "the project declares no check; write one in `checks/`",
            false => "no check is left to try; leave `--given` or the names out",
        };
        return Err(Error::new(ErrorKind::NotFound, what));
    }
    Ok(selected)
}

fn passed(outcome: &Outcome) -> bool {
    matches!(outcome.verdict, Verdict::Passed)
}

fn word(verdict: &Verdict) -> &'static str {
    match verdict {
        Verdict::Passed => "passed",
        Verdict::Failed(_) => "failed",
        Verdict::Broken(_) => "broken",
    }
}

fn failures(outcome: &Outcome) -> &[Failure] {
    match &outcome.verdict {
        Verdict::Passed => &[],
        Verdict::Failed(failures) => failures,
        Verdict::Broken(failure) => std::slice::from_ref(failure),
    }
}

fn text(outcome: &Outcome) -> String {
    let mut text = format!("{}: {}\n", word(&outcome.verdict), outcome.name);
    let failures = failures(outcome);
    for failure in failures.iter().take(FAILURES_SHOWN) {
        text.push_str(&format!("\n{}\n{}", failure.message, failure.span.shown()));
        for (what, value) in [("expected", &failure.expected), ("got", &failure.got)] {
            if let Some(value) = value {
                text.push_str(&format!("{what:>8}: {value}\n"));
            }
        }
    }
    if failures.len() > FAILURES_SHOWN {
        text.push_str(&format!("\nand {} more like this\n", failures.len() - FAILURES_SHOWN));
    }
    if !failures.is_empty() {
        text.push('\n');
    }
    text
}

fn report(outcomes: &[Outcome]) -> Value {
    let checks: Vec<Value> = outcomes
        .iter()
        .map(|outcome| {
            let failures: Vec<Value> = failures(outcome).iter().map(failure).collect();
            let mut check = at(&outcome.span);
            check["name"] = json!(outcome.name);
            check["outcome"] = json!(word(&outcome.verdict));
            check["failures"] = json!(failures);
            check
        })
        .collect();
    let passed = outcomes.iter().filter(|outcome| passed(outcome)).count();
    json!({ "checks": checks, "passed": passed, "not_passed": outcomes.len() - passed })
}

fn failure(failure: &Failure) -> Value {
    let mut value = at(&failure.span);
    value["message"] = json!(failure.message);
    value["expected"] = json!(failure.expected);
    value["got"] = json!(failure.got);
    value
}

fn at(span: &Span) -> Value {
    json!({ "file": span.file.path, "line": span.line, "column": span.column })
}
