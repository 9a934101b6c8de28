//! How source tables are read, in the words of the declarations.
//!
//! The texts are compared as they are written, with their `${env:…}`: an epoch keeps these, and
//! what the environment was when it was loaded nobody knows.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::meaning::Words;
use crate::declare::{DeclarationFile, Diagnostics, Node, Value, parse};

/// Every source table, by `source.table`.
#[derive(Debug, Default)]
pub(super) struct SourceTexts {
    tables: BTreeMap<String, TableText>,
}

#[derive(Clone, Debug, Default)]
struct TableText {
    /// What concerns the table as a whole, by key.
    options: Words,
    /// The declared types, by column.
    types: Words,
}

/// The keys of a source that say how it is reached.
const CONNECTORS: [&str; 5] = ["csv", "json", "sqlite", "postgres", "mysql"];
/// What is said where nothing is, so that saying it changes nothing.
const DEFAULTS: [(&str, &str); 4] =
    [("delimiter", ","), ("decimal", "."), ("encoding", "utf-8"), ("nulls", "[\"\"]")];

impl SourceTexts {
    /// The sources in the texts of a project's files.
    pub(super) fn of_files(files: &BTreeMap<String, String>) -> Self {
        let mut found = Self::default();
        for (path, text) in files {
            let file = DeclarationFile { path: path.clone(), text: text.clone() };
            let node = parse(&Arc::new(file), &mut Diagnostics::new());
            let sources = node.iter().filter_map(|node| entry(node, "sources"));
            for (source, node) in sources.flat_map(entries) {
                found.source(source, node);
            }
        }
        found
    }

    fn source(&mut self, name: &str, node: &Node) {
        let mut shared = TableText::default();
        for (key, node) in entries(node).filter(|(key, _)| *key != "tables") {
            if CONNECTORS.contains(&key) {
                shared.options.insert("connector".to_owned(), key.to_owned());
                entries(node).for_each(|(key, node)| shared.say(key, node));
            } else {
                shared.say(key, node);
            }
        }
        for (table, node) in entry(node, "tables").into_iter().flat_map(entries) {
            let mut text = shared.clone();
            entries(node).for_each(|(key, node)| text.say(key, node));
            self.tables.insert(format!("{name}.{table}"), text);
        }
    }

    /// Adds what concerns `table` as a whole.
    pub(super) fn of_table(&self, table: &str, words: &mut Words) {
        let Some(text) = self.tables.get(table) else { return };
        for (key, said) in &text.options {
            words.insert(format!("{key} of {table}"), said.clone());
        }
    }

    /// Adds the declared type of one column of `table`.
    pub(super) fn of_column(&self, table: &str, column: &str, words: &mut Words) {
        let declared = self.tables.get(table).and_then(|text| text.types.get(column));
        if let Some(declared) = declared {
            words.insert(format!("type of {column} in {table}"), declared.clone());
        }
    }

    /// Adds all that decides which rows of `table` can be read.
    pub(super) fn of_rows(&self, table: &str, words: &mut Words) {
        self.of_table(table, words);
        let types = self.tables.get(table).map(|text| text.types.keys());
        types.into_iter().flatten().for_each(|column| self.of_column(table, column, words));
    }
}

impl TableText {
    /// Takes what is said of `key`; what a table says goes before what its source does.
    fn say(&mut self, key: &str, node: &Node) {
        match key {
            "types" => {
                let types = entries(node).map(|(column, node)| (column.to_owned(), written(node)));
                self.types.extend(types);
            }
            // No value and no row depends on it.
            "key" => {}
            _ => {
                let said = match &node.value {
                    Value::List(_) => written(node),
                    _ if key == "nulls" => format!("[{:?}]", written(node)),
                    _ => written(node),
                };
                if DEFAULTS.contains(&(key, said.as_str())) {
                    self.options.remove(key);
                } else {
                    self.options.insert(key.to_owned(), said);
                }
            }
        }
    }
}

fn entries(node: &Node) -> impl Iterator<Item = (&str, &Node)> {
    let entries = match &node.value {
        Value::Map(entries) => entries.as_slice(),
        _ => &[],
    };
    entries.iter().map(|(name, node)| (name.value.as_str(), node))
}

fn entry<'a>(node: &'a Node, key: &str) -> Option<&'a Node> {
    entries(node).find(|(name, _)| *name == key).map(|(_, node)| node)
}

/// A value as it is written, lists with their texts in quotes.
fn written(node: &Node) -> String {
    if let Some(number) = &node.written {
        return number.clone();
    }
    match &node.value {
        Value::Null => String::new(),
        Value::Bool(value) => value.to_string(),
        Value::Int(value) => value.to_string(),
        Value::Float(value) => value.to_string(),
        Value::Text(text) => text.clone(),
        Value::List(items) => format!("{:?}", items.iter().map(written).collect::<Vec<_>>()),
        Value::Map(_) => {
            let said = entries(node).map(|(key, node)| format!("{key}: {}", written(node)));
            said.collect::<Vec<_>>().join(", ")
        }
    }
}
