//! The one integration test binary: the built program, driven from outside.
#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    clippy::print_stdout,
    clippy::too_many_lines,
    unreachable_pub,
    reason = "a test may panic, read the clock and the environment, and print what it skipped"
)]

mod asking;
mod bad_input;
mod comparison;
mod crashes;
mod declared_tests;
mod dictionary;
mod docs;
mod hierarchies;
mod history;
mod large;
mod loads;
mod oracles;
mod plan;
mod retail;
mod schema;
mod serving;
mod support;
mod tidy;
