//! What questions become: the normal form and the plan of it, as text.
//!
//! A file of `tests/golden/plans/demo` is a question over the demo company, one of `shop` over the
//! project of `tests/slt`, in SQL or as a cube query in JSON, and below it stands what EXPLAIN says of
//! it. After a change that means to change plans, look at the differences and let
//! `STARLING_WRITE_PLANS=1 scripts/test plans` write the files anew.

use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::epoch::Epoch;
use crate::support::{Project, Run, binary, repository};

/// Says that the files are to be written and not compared.
const WRITE: &str = "STARLING_WRITE_PLANS";
/// What EXPLAIN says that does not vary between machines.
const KINDS: [&str; 2] = ["star_query", "logical_plan"];

#[test]
fn questions_over_the_demo_become_the_plans_that_were_looked_at() {
    let work = tempfile::tempdir().unwrap();
    let warehouse = work.path().join("wh");
    let mut load = Command::new(binary());
    load.arg("-C").arg(repository()).arg("--warehouse").arg(&warehouse).args(["load", "--quiet"]);
    Run::of(load.output().unwrap()).ok();
    check("demo", &Epoch::newest(&warehouse));
}

#[test]
fn questions_over_the_shop_become_the_plans_that_were_looked_at() {
    let shop = Project::copy_of("tests/slt/shop");
    shop.run(&["load", "--quiet"]).ok();
    check("shop", &Epoch::newest(&shop.path().join("wh")));
}

#[track_caller]
fn check(project: &str, epoch: &Epoch) {
    let write = std::env::var_os(WRITE).is_some();
    let mut wrong = String::new();
    for path in files(project) {
        let text = fs::read_to_string(&path).unwrap();
        let now = with_plans(question(&text), epoch);
        check_stays_true(&now, &path);
        if write {
            fs::write(&path, &now).unwrap();
        } else if now != text {
            let name = path.strip_prefix(repository()).unwrap().display();
            writeln!(wrong, "{name}\n{}", difference(&text, &now)).unwrap();
        }
    }
    assert!(
        wrong.is_empty(),
        "{wrong}\nIf these plans are right, let `{WRITE}=1 scripts/test plans` write them."
    );
}

fn files(project: &str) -> Vec<PathBuf> {
    let folder = repository().join("tests/golden/plans").join(project);
    let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<PathBuf> = files.collect();
    files.sort();
    assert!(!files.is_empty());
    files
}

/// The head of a file: comments and the question.
fn question(text: &str) -> &str {
    text.split("\n\n== ").next().unwrap().trim_end()
}

/// The question and what becomes of it, as the file has them.
fn with_plans(question: &str, epoch: &Epoch) -> String {
    let mut text = format!("{question}\n");
    let lines = question.lines().filter(|line| !line.starts_with('#'));
    let asked = lines.collect::<Vec<_>>().join("\n");
    let sql = match asked.starts_with('{') {
        true => epoch.sql_of(&asked),
        false => asked.clone(),
    };
    if sql != asked {
        write!(text, "\n== sql\n{sql}\n").unwrap();
    }
    for (kind, plan) in epoch.explained(&sql) {
        if KINDS.contains(&kind.as_str()) {
            write!(text, "\n== {kind}\n{}\n", plan.trim_end()).unwrap();
        }
    }
    text
}

/// A plan names no folder of this machine, and nothing that is drawn by lot.
#[track_caller]
fn check_stays_true(text: &str, path: &Path) {
    let folders = [repository(), std::env::temp_dir()];
    for folder in folders {
        assert!(!text.contains(folder.to_str().unwrap()), "{}: {text}", path.display());
    }
    assert!(!text.contains(".parquet"), "{}: {text}", path.display());
}

/// The lines that only one of the two has, with the line they stand at.
fn difference(old: &str, new: &str) -> String {
    let (old, new): (Vec<&str>, Vec<&str>) = (old.lines().collect(), new.lines().collect());
    let mut text = String::new();
    let same_end = old.iter().rev().zip(new.iter().rev()).take_while(|(a, b)| a == b).count();
    let same_start = old.iter().zip(&new).take_while(|(a, b)| a == b).count();
    let same_end = same_end.min(old.len() - same_start).min(new.len() - same_start);
    for (sign, lines) in [('-', &old), ('+', &new)] {
        for (at, line) in lines.iter().enumerate().take(lines.len() - same_end).skip(same_start) {
            writeln!(text, "{:>4} {sign} {line}", at + 1).unwrap();
        }
    }
    text
}

#[test]
fn a_difference_is_what_changed() {
    assert_eq!(difference("a\nb\nc\nd", "a\nx\ny\nd"), "   2 - b\n   3 - c\n   2 + x\n   3 + y\n");
    assert_eq!(difference("a\na", "a"), "   2 - a\n");
    assert_eq!(difference("a", "b\na"), "   1 + b\n");
    assert_eq!(question("# why\nSELECT 1\n\n== star_query\ncube: x\n"), "# why\nSELECT 1");
}
