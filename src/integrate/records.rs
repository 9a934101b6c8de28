//! Rows of all feeds → records and their versions: what holds of each since when, and from which rows.

use std::collections::{BTreeMap, BTreeSet};

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{DataType, TimeUnit, TimestampMicrosecondType};

use super::dimension::{FeedOutcome, FeedRows};
use super::members::record;
use crate::error::{Error, Result};
use crate::project::{Conflicts, DimensionSpec, KeyScope};
use crate::translate::{Fault, key_texts};

/// 1900-01-01 in microseconds: since then at least there is a version of every record.
pub(super) const BEGINNING: i64 = -2_208_988_800_000_000;
/// 9999-12-31 in microseconds: until then at least the last version of a record holds.
pub(super) const END: i64 = 253_402_214_400_000_000;

/// What the feeds say of one record.
#[derive(Debug)]
pub(super) struct Record {
    /// The feed that has it first.
    pub source: usize,
    /// Its key, as text.
    pub natural_key: String,
    /// Row by row, the preferred feed and the earlier start first.
    said: Vec<Said>,
}

/// A row of a record.
#[derive(Clone, Copy, Debug)]
struct Said {
    feed: usize,
    /// Among the rows of all feeds.
    row: usize,
    /// Since when it holds, in microseconds; the beginning where there is no history.
    from: i64,
}

impl Said {
    fn place(self) -> (usize, i64) {
        (self.feed, self.from)
    }
}

/// A time of a record, and the rows that its values are from, the preferred first.
#[derive(Debug)]
pub(super) struct Version {
    /// Since when it holds, in microseconds, as its source says.
    pub from: i64,
    /// Among the rows of all feeds.
    pub rows: Vec<usize>,
    /// The feeds of which a row starts here.
    pub started: Vec<usize>,
}

pub(super) fn scope_source<'a>(spec: &DimensionSpec, feed: &'a FeedRows) -> Option<&'a str> {
    (spec.key_scope == KeyScope::Source).then_some(feed.source.as_str())
}

/// The records by name, in the order keys are given: that of their names.
pub(super) fn records(
    spec: &DimensionSpec,
    feeds: &[FeedRows],
    all: &RecordBatch,
    outcomes: &mut Vec<FeedOutcome>,
) -> Result<BTreeMap<String, Record>> {
    let mut records: BTreeMap<String, Record> = BTreeMap::new();
    let mut offset = 0;
    for (index, feed) in feeds.iter().enumerate() {
        let mut outcome = FeedOutcome::default();
        let columns: Vec<ArrayRef> = spec
            .key
            .iter()
            .filter_map(|key| feed.rows.column_by_name(&key.value).cloned())
            .collect();
        let keys = key_texts(&columns, feed.rows.num_rows())?;
        let starts = starts(spec, &feed.rows)?;
        for (row, natural_key) in keys.into_iter().enumerate() {
            let at = offset + row;
            let Some(natural_key) = natural_key else {
                outcome.faults.push((row, no_key(spec)));
                continue;
            };
            let from = match &starts {
                None => BEGINNING,
                Some(starts) => match starts[row] {
                    Some(from) if from < END => from,
                    other => {
                        outcome.faults.push((row, no_start(spec, other)));
                        continue;
                    }
                },
            };
            let said = Said { feed: index, row: at, from };
            let name = record(scope_source(spec, feed), &natural_key)?;
            let Some(known) = records.get_mut(&name) else {
                records.insert(name, Record { source: index, natural_key, said: vec![said] });
                continue;
            };
            match known.first_like(said) {
                // Another row of this feed and time: it must say the same.
                Some(other) if same_row(all, other.row, at) => outcome.repeated += 1,
                Some(_) if spec.conflicts == Conflicts::First => {
                    outcome.contradicting += 1;
                    known.add(said);
                }
                Some(_) => outcome.faults.push((row, conflict(spec, &natural_key))),
                None => known.add(said),
            }
        }
        offset += feed.rows.num_rows();
        outcomes.push(outcome);
    }
    Ok(records)
}

/// Since when each row holds, in microseconds; none where the dimension keeps no history.
fn starts(spec: &DimensionSpec, rows: &RecordBatch) -> Result<Option<Vec<Option<i64>>>> {
    let Some(history) = &spec.history else { return Ok(None) };
    let column = rows
        .column_by_name(&history.from.value)
        .ok_or_else(|| Error::internal(format!("no column `{}`", history.from.value)))?;
    Ok(Some(microseconds(column)?))
}

/// Days and times in microseconds; a day is its beginning.
pub fn microseconds(times: &ArrayRef) -> Result<Vec<Option<i64>>> {
    let times = cast(times, &DataType::Timestamp(TimeUnit::Microsecond, None))?;
    Ok(times.as_primitive::<TimestampMicrosecondType>().iter().collect())
}

impl Record {
    /// The first row of the feed and time of `said`.
    fn first_like(&self, said: Said) -> Option<Said> {
        let at = self.said.partition_point(|other| other.place() < said.place());
        self.said.get(at).copied().filter(|other| other.place() == said.place())
    }

    /// Adds a row behind those of its feed and time.
    fn add(&mut self, said: Said) {
        let at = self.said.partition_point(|other| other.place() <= said.place());
        self.said.insert(at, said);
    }

    /// Its versions, the oldest first.
    ///
    /// At any time it is what the row of each feed says that began last, and before all of them the
    /// first; what one feed leaves NULL the next one fills.
    pub(super) fn versions(&self) -> Vec<Version> {
        let starts: BTreeSet<i64> = self.said.iter().map(|said| said.from).collect();
        let feeds: Vec<&[Said]> = self.said.chunk_by(|a, b| a.feed == b.feed).collect();
        let version = |from: i64| Version {
            from,
            rows: feeds.iter().flat_map(|own| holding(own, from)).map(|said| said.row).collect(),
            started: beginning(&feeds, from),
        };
        starts.into_iter().map(version).collect()
    }
}

/// The rows of one feed that hold at `time`.
fn holding(own: &[Said], time: i64) -> &[Said] {
    let after = own.partition_point(|said| said.from <= time);
    let Some(last) = own.get(after.saturating_sub(1)) else { return &[] };
    let first = own.partition_point(|said| said.from < last.from);
    &own[first..own.partition_point(|said| said.from <= last.from)]
}

/// The feeds of which a row begins at `from`.
fn beginning(feeds: &[&[Said]], from: i64) -> Vec<usize> {
    let begins = |own: &&&[Said]| own.binary_search_by_key(&from, |said| said.from).is_ok();
    feeds.iter().filter(begins).filter_map(|own| own.first()).map(|said| said.feed).collect()
}

fn same_row(rows: &RecordBatch, a: usize, b: usize) -> bool {
    rows.columns().iter().all(|column| column.slice(a, 1).as_ref() == column.slice(b, 1).as_ref())
}

fn no_key(spec: &DimensionSpec) -> Fault {
    let names: Vec<&str> = spec.key.iter().map(|key| key.value.as_str()).collect();
    Fault {
        rule: "key".into(),
        column: Some(names.join(", ")),
        value: None,
        reason: "the natural key is NULL".into(),
    }
}

fn no_start(spec: &DimensionSpec, from: Option<i64>) -> Fault {
    let reason = match from {
        None => "the start of the version is NULL",
        Some(_) => "the version starts after the end of time, 9999-12-30",
    };
    Fault {
        rule: "version start".into(),
        column: spec.history.as_ref().map(|history| history.from.value.clone()),
        value: None,
        reason: reason.into(),
    }
}

fn conflict(spec: &DimensionSpec, natural_key: &str) -> Fault {
    let reason = match spec.history {
        None => "an earlier row has this key and other values",
        Some(_) => "an earlier row has this key and start, and other values",
    };
    Fault {
        rule: "conflicting record".into(),
        column: None,
        value: Some(natural_key.to_owned()),
        reason: reason.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn at_any_time_a_record_is_what_each_feed_said_last() {
        let mut record = Record { source: 0, natural_key: "C1".into(), said: Vec::new() };
        // The second of two rows of one feed and time stands behind the first.
        for (feed, row, from) in [(0, 1, 30), (0, 0, 10), (0, 3, 10), (1, 2, 20)] {
            record.add(Said { feed, row, from });
        }
        assert_eq!(record.first_like(Said { feed: 0, row: 9, from: 10 }).unwrap().row, 0);
        assert!(record.first_like(Said { feed: 1, row: 9, from: 10 }).is_none());
        let versions: Vec<(i64, Vec<usize>, Vec<usize>)> =
            record.versions().into_iter().map(|v| (v.from, v.rows, v.started)).collect();
        let expected = [
            // Before the second feed said anything, its first row holds.
            (10, vec![0, 3, 2], vec![0]),
            (20, vec![0, 3, 2], vec![1]),
            (30, vec![1, 2], vec![0]),
        ];
        assert_eq!(versions, expected);
    }
}
