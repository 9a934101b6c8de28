//! What docs/comparison.md says of this program, tests show; what it says of others, sources do.

use std::fs;

use crate::support::repository;

fn page() -> String {
    fs::read_to_string(repository().join("docs/comparison.md")).unwrap()
}

/// Whether a file of the repository has a test, question or section of this name.
fn has(file: &str, name: &str) -> bool {
    let Ok(text) = fs::read_to_string(repository().join(file)) else { return false };
    let test = format!("fn {name}(");
    text.lines().any(|line| match file.rsplit('.').next() {
        Some("rs") => line.contains(&test),
        Some("txt") => {
            let question = line.strip_prefix("== ");
            question.is_some_and(|question| question.trim_end_matches(" [ordered]") == name)
        }
        Some("md") => line.starts_with("##") && line.trim_start_matches('#').trim() == name,
        _ => false,
    })
}

/// What stands between backquotes and begins with a folder of ours.
fn named(text: &str) -> Vec<&str> {
    let folders = ["src/", "tests/", "docs/"];
    let quoted = text.split('`').skip(1).step_by(2);
    quoted.filter(|words| folders.iter().any(|folder| words.starts_with(folder))).collect()
}

#[test]
fn every_test_that_is_named_exists() {
    let page = page();
    let mut missing = named(&page);
    assert!(missing.len() > 60, "{missing:?}");
    missing.retain(|words| match words.split_once(": ") {
        Some((file, name)) => !has(file, name),
        None => !repository().join(words).is_file(),
    });
    assert!(missing.is_empty(), "not there:\n{}", missing.join("\n"));
    assert!(!has("tests/it/comparison.rs", "no_test"), "what is not there is found");
}

/// Whether a cell says that nothing is known, or ends with a source that the page gives.
fn is_sourced(cell: &str, page: &str) -> bool {
    let source = cell.rsplit_once(" [").map(|(_, tag)| format!("\n[{tag}: https://"));
    cell == "not found" || source.is_some_and(|source| page.contains(&source))
}

#[test]
fn no_cell_is_without_a_test_or_a_source() {
    let page = page();
    let (present, absent) = page.split_once("\n## What Starling does not have\n").unwrap();
    for (part, with_tests) in [(present, true), (absent, false)] {
        let rows = part.lines().filter(|line| line.starts_with("| "));
        for row in rows.filter(|row| !row.ends_with("| Snowflake |")) {
            let cells: Vec<&str> = row.trim_matches('|').split('|').map(str::trim).collect();
            assert_eq!(cells.len(), 8, "{row}");
            assert_eq!(!named(cells[1]).is_empty(), with_tests, "{row}");
            let unsourced = cells[2..].iter().find(|cell| !is_sourced(cell, &page));
            assert_eq!(unsourced, None, "{row}");
        }
    }
}
