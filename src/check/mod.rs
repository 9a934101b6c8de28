//! Checks: what must hold of a project, declared beside it and tried by `starling test`.
//!
//! ```text
//! checks/*.yaml ──read──▶ CheckSpec ──run──▶ Outcome
//!                             │ given: rows ──load──▶ a temporary warehouse
//!                             │ otherwise the newest epoch
//!                             ▼
//!                        a question ──▶ Answer ──compare──▶ failures, with their places
//! ```
//!
//! A check asks through the same door as everybody: SQL or a cube query on a snapshot.

mod answer;
mod compare;
mod given;
mod question;
mod run;
mod shape;
mod spec;
mod temporary_folder;

pub use run::{Failure, Outcome, Verdict, run};
pub use shape::shape;
pub use spec::{CellRow, CheckSpec, Question, read_project};
