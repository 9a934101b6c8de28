//! One load, end to end: what changed → read → translate → integrate → write → one epoch.

mod connect;
mod dimension;
mod fact;
mod feed;
mod filter;
mod fingerprint;
mod plan;
mod progress;
mod quarantine;
mod repeats;
mod run;
mod seen;
mod sorted_runs;

pub use plan::check;
pub use progress::{Progress, Silent};
pub(crate) use quarantine::QUARANTINE_TABLE;
pub use run::{LoadOutcome, run};
