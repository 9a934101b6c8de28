//! Starling: a company's CRM and ERP systems as a data warehouse with OLAP cubes.
//!
//! # Life of a row
//!
//! 1. A `source` reads it from a file or database as a typed Arrow batch, with its position. A row
//!    that does not fit its types is set aside, with the reason.
//! 2. `translate` cleanses it: lookups, expressions, code maps, fills, rules. Rows that break a rule
//!    go to quarantine; nothing is dropped that a declaration does not drop, and that is counted.
//! 3. `integrate` gives it keys: records become members of dimensions with dense surrogate keys,
//!    facts point to them.
//! 4. `warehouse` writes it to a Delta table. Nobody sees it yet.
//! 5. `load` drives this and ends by creating one epoch, which pins every table at its version.
//!
//! # Life of a cube query
//!
//! 1. `serve` or `cli` hands SQL to `engine`, which opens the newest epoch as a [`engine::Snapshot`].
//! 2. DataFusion plans it; a cube is a relation to it. The analyzer rule of `cube` turns each
//!    aggregate over a cube into a star query.
//! 3. The star query is planned over the fact and only the dimensions it needs.
//! 4. `warehouse` scans the Parquet files of the pinned versions; batches stream back.

pub mod error;
pub mod config;
pub mod clock;
pub mod declare;
pub mod star;
pub mod source;
pub mod project;
pub mod translate;
pub mod integrate;
pub mod warehouse;
pub mod cube;
pub mod model;
pub mod lineage;
pub mod session;
pub mod load;
pub mod engine;
pub mod check;
pub mod plan;
pub mod dictionary;
pub mod demo;
pub mod serve;
pub mod cli;
