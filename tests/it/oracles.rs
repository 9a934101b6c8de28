//! The demo company against its truth and against DuckDB, and a real driver against a real server.

use std::process::Command;

use crate::support::{Run, binary, long_tests, python, repository};

#[test]
fn the_demo_company_is_what_its_truth_says_and_duckdb_agrees() {
    let work = tempfile::tempdir().unwrap();
    let project = repository();
    let (project, folder) = (project.to_str().unwrap(), work.path().to_str().unwrap());
    python("demo_truth.py", &[binary(), project, folder]);
    let warehouse = work.path().join("wh");
    let warehouse = warehouse.to_str().unwrap();
    python("golden_cubes.py", &[binary(), project, folder, warehouse]);
    let mut checks = Command::new(binary());
    checks.args(["-C", project, "--warehouse", warehouse, "test"]);
    let out = Run::of(checks.output().unwrap()).ok();
    for check in ["only_what_was_invoiced_counts", "what_is_paid_in_full_leaves_nothing"] {
        assert!(out.contains(&format!("passed: {check}")), "{out}");
    }
}

#[test]
fn what_must_hold_between_answers_holds_over_the_demo_company() {
    let work = tempfile::tempdir().unwrap();
    let project = repository();
    let (project, folder) = (project.to_str().unwrap(), work.path().to_str().unwrap());
    python("demo_properties.py", &[binary(), project, folder]);
}

#[test]
fn the_adbc_driver_reads_the_same_numbers() {
    let work = tempfile::tempdir().unwrap();
    let project = repository();
    let (project, folder) = (project.to_str().unwrap(), work.path().to_str().unwrap());
    python("flight_sql.py", &[binary(), project, folder]);
}

/// The same questions each time in short, and others each night; `STARLING_SEED` chooses.
#[test]
fn random_cubes_answer_as_duckdb_does_over_the_raw_files() {
    let work = tempfile::tempdir().unwrap();
    let folder = work.path().to_str().unwrap();
    let (queries, seed) = match long_tests() {
        true => ("10000", format!("night{}", std::process::id())),
        false => ("300", "starling".to_owned()),
    };
    let seed = std::env::var("STARLING_SEED").unwrap_or(seed);
    python("differential_cubes.py", &[binary(), folder, "--queries", queries, "--seed", &seed]);
}
