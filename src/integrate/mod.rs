//! Integrate: translated rows → dimension and fact tables, with keys; knows no storage.

mod calendar;
mod captions;
mod dimension;
mod fact;
mod members;
mod parents;
mod ragged;
mod records;
mod tree;
mod versions;

pub use calendar::{DayRange, calendar_rows, day_key};
pub use dimension::{DimensionRows, FeedOutcome, FeedRows, dimension_schema, integrate_dimension};
pub use fact::{KeyRule, Keyed, Members, add_keys, fact_schema};
pub use members::{MemberIndex, Numbering, version};
pub use records::microseconds;
pub use tree::TreeRows;
pub use versions::{Seen, Timelines};
