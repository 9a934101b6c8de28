//! States: what a measure keeps of fact rows so that parts can be put together to a whole.
//!
//! The result of every leaf is a state. States of parts (months, regions, files) are merged into
//! the state of the whole, and only then the measure is made of it:
//!
//! | Measure             | State, per cell                                  | Merged by            |
//! |---------------------|--------------------------------------------------|----------------------|
//! | sum, count          | a number                                         | their sum            |
//! | min, max            | a value                                          | their least, greatest|
//! | avg                 | a sum and a count                                | their sums           |
//! | distinct            | a number                                         | nothing: not mergeable |
//! | approximate distinct| [`HyperLogLog`](hyper_log_log::HyperLogLog), bytes| registers: greatest |
//! | median, quantile    | [`DdSketch`](dd_sketch::DdSketch), bytes         | buckets: sums        |
//! | variance, stddev    | {count, mean, m2}                                | [`Moments`](moments::Moments) |
//! | first, last         | {day, value}                                     | the earlier, later day |
//! | sum at an edge of time | {day, sum}                                    | the same; equal days add |
//! | the same by the calendar | {day, sum}, and the day that counts           | the same; least, greatest |
//! | average, least, greatest of days | list of {day, sum}                  | by day: sums         |
//!
//! Each of the lower half is one column of bytes, a struct or a list, made by a [`StateAggregate`]
//! from rows or, with [`Stage::Merge`], from states. A [`Finish`] makes the measure of it. Bytes
//! start with a version, and their hashes and buckets are our own: what is stored means the same
//! after an upgrade of the engine.

mod adapters;
mod aggregate;
mod day_sums;
mod dd_sketch;
mod edge;
mod finish;
mod hashing;
mod hyper_log_log;
mod moments;
mod sketches;
mod sums_at_edge;
mod values_at_edge;

use std::fmt::Debug;

use arrow::array::ArrayRef;
use datafusion::common::Result;
use datafusion::logical_expr::EmitTo;

pub use aggregate::StateFunction;
pub(super) use aggregate::{Stage, StateAggregate, dated_type};
pub use edge::Edge;
pub(super) use edge::FIRST_DAY;
pub(super) use finish::Finish;

/// The states of many groups, each one value of an array; NULL is the state of no rows.
trait States: Debug + Send + Sync {
    /// Makes room for groups `0..count`; those there are stay.
    fn resize(&mut self, count: usize);

    /// Adds rows: `groups` says for each row of `inputs` which group it belongs to.
    fn update(&mut self, inputs: &[ArrayRef], groups: &[usize]) -> Result<()>;

    /// Adds states, one for each of `groups`.
    fn merge(&mut self, states: &ArrayRef, groups: &[usize]) -> Result<()>;

    /// Takes out the states of the first groups, and shifts the others down.
    fn take(&mut self, emit_to: EmitTo) -> Result<ArrayRef>;

    /// Whether `states` can be results; a state may be wider on the way than a result may.
    fn check(&self, _states: &ArrayRef) -> Result<()> {
        Ok(())
    }

    /// The bytes in use, in constant time.
    fn size(&self) -> usize;
}
