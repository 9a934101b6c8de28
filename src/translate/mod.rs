//! Transform and cleanse: source batches → rows in the target's columns, without I/O.
//!
//! ```text
//! source batch ─▶ lookups ─▶ where ─▶ columns (expr, map, cast) ─▶ fill ─▶ reject ─▶ drop ─▶ rows
//!                              │             │                               │         │
//!                           dropped     quarantined                     quarantined  dropped
//! ```
//!
//! A row is lost nowhere: what came in is the rows, plus the quarantined, plus the dropped. An
//! expression that fails on a batch is tried on ever smaller parts of it, so that exactly the rows
//! it fails on are quarantined, each with its own reason.

mod checked_decimal;
mod compile;
mod conform;
mod expression;
mod frame;
mod functions;
mod lookup;
mod quarantine;

pub use checked_decimal::{CHECKED_DECIMAL, checked_decimal, checked_decimals};
pub use compile::{FeedContext, Translated, Translator, compile, row_hashes};
pub use conform::{common_type, stored_type};
pub use expression::{Expression, Plan};
pub(crate) use frame::row_json;
pub use frame::{Fault, Frame, Settled};
pub use functions::functions;
pub use lookup::{Lookup, key_texts};
pub use quarantine::{QuarantinedRow, quarantine_batch, quarantine_schema};

use std::collections::BTreeMap;

/// What became of a batch, or of a whole load, in rows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RowCounts {
    /// Rows that were read.
    pub rows_in: u64,
    /// Rows that reached the target.
    pub loaded: u64,
    /// Rows in quarantine, by rule.
    pub quarantined: BTreeMap<String, u64>,
    /// Rows dropped by a declared rule, by rule.
    pub dropped: BTreeMap<String, u64>,
    /// Loaded rows worth a remark, by remark: duplicates that were kept, unknown members.
    pub remarked: BTreeMap<String, u64>,
}

impl RowCounts {
    /// Adds `other` to this.
    pub fn add(&mut self, other: &Self) {
        self.rows_in += other.rows_in;
        self.loaded += other.loaded;
        for (mine, theirs) in [
            (&mut self.quarantined, &other.quarantined),
            (&mut self.dropped, &other.dropped),
            (&mut self.remarked, &other.remarked),
        ] {
            for (rule, count) in theirs {
                *mine.entry(rule.clone()).or_default() += count;
            }
        }
    }

    /// All rows in quarantine.
    pub fn quarantined_total(&self) -> u64 {
        self.quarantined.values().sum()
    }

    /// All dropped rows.
    pub fn dropped_total(&self) -> u64 {
        self.dropped.values().sum()
    }

    /// Whether every row that came in is accounted for.
    pub fn balances(&self) -> bool {
        self.rows_in == self.loaded + self.quarantined_total() + self.dropped_total()
    }
}

/// Adds one to the count of `rule`.
pub fn count(counts: &mut BTreeMap<String, u64>, rule: &str) {
    match counts.get_mut(rule) {
        Some(count) => *count += 1,
        None => {
            counts.insert(rule.to_owned(), 1);
        }
    }
}
