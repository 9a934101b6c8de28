//! The one integration test binary: the built program, driven from outside. Tests of many questions ask
//! one epoch through the library instead.
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
mod chinook;
mod comparison;
mod crashes;
mod declared_tests;
mod dictionary;
mod docs;
mod epoch;
mod hierarchies;
mod history;
mod large;
mod loads;
mod mariadb;
mod oracles;
mod plan;
mod plan_of_members;
mod plans;
mod postgres;
mod rates;
mod retail;
mod schema;
mod server_failures;
mod server_tls;
mod servers;
mod serving;
mod slt;
mod support;
mod tidy;
mod traps;
mod traps_of_facts;
mod traps_of_time;
