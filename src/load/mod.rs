//! One load, end to end: what changed → read → translate → integrate → write → one epoch.

mod connect;
mod dimension;
mod fact;
mod feed;
mod filter;
mod fingerprint;
mod given;
mod outlook;
mod plan;
mod progress;
mod quarantine;
mod read;
mod repeats;
mod run;
mod seen;
mod sorted_runs;

pub use given::{Given, GivenRows};
pub use outlook::{Outlook, TableChange, outlook};
pub use plan::check;
pub use progress::{Progress, Silent};
pub(crate) use quarantine::QUARANTINE_TABLE;
pub use read::{SourceRows, read_source};
pub use run::{LoadOutcome, run, run_given};
