//! Scripts of SQL with the answers to it: the contract of cubes with tools, in `tests/slt`.
//!
//! They are in the format of sqllogictest, of which they use this much:
//!
//! - `query TYPES [rowsort]`, the SQL, `----`, and a row a line; an empty line ends it.
//! - `query error`, the SQL, `----`, and the message; two empty lines end it.
//!
//! Types are a letter for each column: `T` text, `I` whole number, `R` decimal or double, `D` date,
//! `P` timestamp, `B` truth value. NULL is `NULL`, and the empty text `(empty)`.
//! The answers are worked out by hand from the few rows in `tests/slt/shop/data`.

use std::fs;
use std::path::{Path, PathBuf};

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::{DataType, Schema};

use crate::epoch::{Epoch, texts};
use crate::support::{Project, repository};

#[test]
fn every_script_holds() {
    let shop = shop();
    let epoch = Epoch::newest(&shop.path().join("wh"));
    let mut wrong = Vec::new();
    let mut asked = 0;
    for path in scripts() {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        for record in records(&name, &fs::read_to_string(&path).unwrap()) {
            asked += 1;
            wrong.extend(record.wrong(&epoch));
        }
    }
    assert!(wrong.is_empty(), "{} of {asked} are wrong\n{}", wrong.len(), wrong.join("\n"));
    assert!(asked > 100, "{asked}");
}

#[test]
fn a_wrong_answer_is_noticed() {
    let shop = shop();
    let epoch = Epoch::newest(&shop.path().join("wh"));
    let wrong = |text: &str| {
        let found: Vec<String> =
            records("test.slt", text).iter().filter_map(|record| record.wrong(&epoch)).collect();
        found.join("\n")
    };
    let one = "SELECT AGG(lines) AS n FROM cubes.sales\n----\n";
    assert_eq!(wrong(&format!("# seven sales\nquery I\n{one}7\n")), "");
    assert!(wrong(&format!("query I\n{one}8\n")).contains("got\n7\n"), "another number");
    assert!(wrong(&format!("query I\n{one}7\n7\n")).contains("got\n7\n"), "a row too much");
    assert!(wrong(&format!("query I\n{one}")).contains("got\n7\n"), "a row too few");
    assert!(wrong(&format!("query R\n{one}7\n")).contains("types I"), "another type");
    assert!(wrong(&format!("query error\n{one}no\n")).contains("answered"), "no error");
    let bad = "query error\nSELECT nothing\n----\nanother message\n";
    assert!(wrong(bad).contains("nothing"), "another message");
    let two = "query I rowsort\nSELECT * FROM (VALUES (2), (1))\n----\n1\n2\n\nquery I\nSELECT 3\n----\n4\n";
    assert!(wrong(two).starts_with("test.slt:7"), "the second of two");
}

/// The project the scripts ask, loaded.
fn shop() -> Project {
    let shop = Project::copy_of("tests/slt/shop");
    shop.run(&["load", "--quiet"]).ok();
    shop
}

fn scripts() -> Vec<PathBuf> {
    let folder = fs::read_dir(repository().join("tests/slt")).unwrap();
    let files = folder.map(|entry| entry.unwrap().path());
    let mut scripts: Vec<PathBuf> = files.filter(|path| is_script(path)).collect();
    scripts.sort();
    assert!(scripts.len() > 5, "{scripts:?}");
    scripts
}

fn is_script(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "slt")
}

/// A question of a script.
#[derive(Default)]
struct Record {
    /// File and line.
    place: String,
    /// A letter for each column; nothing where an error is expected.
    types: Option<String>,
    sorted: bool,
    sql: String,
    /// The rows or the message.
    expected: Vec<String>,
}

fn records(name: &str, text: &str) -> Vec<Record> {
    let mut found = Vec::new();
    let mut lines = text.lines().zip(1..).peekable();
    while let Some((line, number)) = lines.next() {
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let words: Vec<&str> = line.split_whitespace().collect();
        let mut record = Record { place: format!("{name}:{number}"), ..Record::default() };
        match words.as_slice() {
            ["query", "error"] => {}
            ["query", types] => record.types = Some((*types).to_owned()),
            ["query", types, "rowsort"] => {
                (record.types, record.sorted) = (Some((*types).to_owned()), true);
            }
            _ => panic!("{}: what is `{line}`?", record.place),
        }
        let sql = lines.by_ref().map(|(line, _)| line).take_while(|line| *line != "----");
        record.sql = sql.collect::<Vec<_>>().join("\n");
        while let Some((line, _)) = lines.next() {
            let more =
                record.types.is_none() && lines.peek().is_some_and(|(next, _)| !next.is_empty());
            if line.is_empty() && !more {
                break;
            }
            record.expected.push(line.to_owned());
        }
        found.push(record);
    }
    found
}

impl Record {
    /// What is wrong with the answer, if anything.
    fn wrong(&self, epoch: &Epoch) -> Option<String> {
        let told = self.difference(epoch)?;
        Some(format!("{}: {}\n{told}\n", self.place, self.sql))
    }

    fn difference(&self, epoch: &Epoch) -> Option<String> {
        let expected = self.expected.join("\n");
        match (epoch.ask(&self.sql), &self.types) {
            (Err(message), None) => (message != expected).then_some(message),
            (Err(message), Some(_)) => Some(message),
            (Ok(_), None) => Some("is answered".to_owned()),
            (Ok((schema, batches)), Some(types)) => {
                let letters: String = letters(&schema);
                if letters != *types {
                    return Some(format!("has types {letters}"));
                }
                let mut got: Vec<String> = batches.iter().flat_map(rows).collect();
                let mut want: Vec<String> = self.expected.iter().map(|row| blanks(row)).collect();
                if self.sorted {
                    got.sort();
                    want.sort();
                }
                (got != want).then(|| format!("got\n{}\n", got.join("\n")))
            }
        }
    }
}

fn letters(schema: &Schema) -> String {
    let letter = |data_type: &DataType| match data_type {
        DataType::Boolean => 'B',
        DataType::Date32 => 'D',
        DataType::Timestamp(_, _) => 'P',
        _ if data_type.is_integer() => 'I',
        _ if data_type.is_floating() || data_type.is_decimal() => 'R',
        DataType::Utf8 | DataType::Utf8View | DataType::LargeUtf8 => 'T',
        _ => '?',
    };
    schema.fields().iter().map(|field| letter(field.data_type())).collect()
}

/// The rows of a batch, values with a blank between them.
fn rows(batch: &RecordBatch) -> Vec<String> {
    let shown = |text: &String| if text.is_empty() { "(empty)".to_owned() } else { text.clone() };
    let rows = texts(batch, "NULL").into_iter();
    rows.map(|row| blanks(&row.iter().map(shown).collect::<Vec<_>>().join(" "))).collect()
}

/// `row` with one blank for many.
fn blanks(row: &str) -> String {
    row.split_whitespace().collect::<Vec<_>>().join(" ")
}
