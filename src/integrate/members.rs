//! The members of a dimension by natural key.

use std::collections::HashMap;

use crate::error::Result;

/// Surrogate keys given so far: a record keeps its key as long as
/// it is in its sources, and the key of one that left is not given to another.
#[derive(Clone, Debug, Default)]
pub struct Numbering {
    /// Key by record.
    pub keys: HashMap<String, i64>,
    /// The next key to give; keys are dense from 1.
    pub next: i64,
}

impl Numbering {
    /// The key of `record`, a new one if it has none.
    pub fn key(&mut self, record: &str) -> i64 {
        if let Some(key) = self.keys.get(record) {
            return *key;
        }
        let key = self.next.max(1);
        self.next = key + 1;
        self.keys.insert(record.to_owned(), key);
        key
    }
}

/// Version keys by source and natural key; `None` stands for a key all sources share.
#[derive(Clone, Debug, Default)]
pub struct MemberIndex {
    by_source: HashMap<Option<String>, HashMap<String, i64>>,
}

impl MemberIndex {
    /// Adds a member.
    pub fn insert(&mut self, source: Option<&str>, natural_key: String, key: i64) {
        self.by_source.entry(source.map(str::to_owned)).or_default().insert(natural_key, key);
    }

    /// The members of `source`, or those whose keys all sources share.
    pub fn of(&self, source: &str) -> Option<&HashMap<String, i64>> {
        self.by_source.get(&None).or_else(|| self.by_source.get(&Some(source.to_owned())))
    }

    /// How many members there are.
    pub fn len(&self) -> usize {
        self.by_source.values().map(HashMap::len).sum()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// The text that identifies a record: its natural key, with the source in front unless shared.
pub(super) fn record(source: Option<&str>, natural_key: &str) -> Result<String> {
    Ok(match source {
        Some(source) => format!("{source}/{natural_key}"),
        None => natural_key.to_owned(),
    })
}
