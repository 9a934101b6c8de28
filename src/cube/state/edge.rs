//! The two ends of time.

use std::cmp::Ordering;

/// Days are keys of the date dimension, which count from 1; -1 and -2 are no days.
pub(in super::super) const FIRST_DAY: i64 = 1;
/// Stands for no day yet.
pub(super) const NO_DAY: i64 = 0;

/// An end of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Edge {
    /// The earliest day.
    First,
    /// The latest day.
    Last,
}

impl Edge {
    /// `Greater` when `new` is nearer to the edge than `known`, which may be [`NO_DAY`].
    pub(super) fn compare(self, new: i64, known: i64) -> Ordering {
        match (known, self) {
            (NO_DAY, _) => Ordering::Greater,
            (_, Self::First) => known.cmp(&new),
            (_, Self::Last) => new.cmp(&known),
        }
    }
}
