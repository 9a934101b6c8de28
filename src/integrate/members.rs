//! The members of a dimension by natural key.

use std::collections::HashMap;

use super::versions::Timelines;
use crate::error::Result;

/// Surrogate keys given so far: a version keeps its key as long as
/// it is in its sources, and the key of one that left is not given to another.
#[derive(Clone, Debug, Default)]
pub struct Numbering {
    /// Key by [`version`].
    pub keys: HashMap<String, i64>,
    /// The next key to give; keys are dense from 1.
    pub next: i64,
}

impl Numbering {
    /// The key of `version`, a new one if it has none.
    pub fn key(&mut self, version: &str) -> i64 {
        if let Some(key) = self.keys.get(version) {
            return *key;
        }
        let key = self.next.max(1);
        self.next = key + 1;
        self.keys.insert(version.to_owned(), key);
        key
    }
}

/// Keys of current versions by source and natural key; `None` stands for a key all sources share.
#[derive(Clone, Debug, Default)]
pub struct MemberIndex {
    by_source: HashMap<Option<String>, HashMap<String, i64>>,
    timelines: Option<Timelines>,
}

impl MemberIndex {
    /// Adds a member.
    pub fn insert(&mut self, source: Option<&str>, natural_key: String, key: i64) {
        self.by_source.entry(source.map(str::to_owned)).or_default().insert(natural_key, key);
    }

    /// Adds the version `key` that began at `from`, in microseconds, to the member whose current one
    /// is `current`.
    pub fn add_version(&mut self, current: i64, from: i64, key: i64) {
        self.timelines.get_or_insert_default().insert(current, from, key);
    }

    /// The versions of the members; none where the dimension keeps no history.
    pub fn timelines(&self) -> Option<&Timelines> {
        self.timelines.as_ref()
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

/// The text that identifies a version: its record, with its start where there is a history.
pub fn version(record: &str, from: Option<i64>) -> String {
    match from {
        Some(from) => format!("{record}@{from}"),
        None => record.to_owned(),
    }
}

/// The text that identifies a record: its natural key, with the source in front unless shared.
pub(super) fn record(source: Option<&str>, natural_key: &str) -> Result<String> {
    Ok(match source {
        Some(source) => format!("{source}/{natural_key}"),
        None => natural_key.to_owned(),
    })
}
