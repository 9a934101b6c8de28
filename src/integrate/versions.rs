//! The versions of records: which rows of a dimension they become, and which one a fact means.

use std::collections::{BTreeMap, HashMap};
use std::ops::Range;

use arrow::array::{
    Array, ArrayRef, BooleanArray, RecordBatch, TimestampMicrosecondArray, UInt32Array,
};
use arrow::compute::kernels::cmp::not_distinct;
use arrow::compute::{and, cast, filter, take};
use arrow::datatypes::SchemaRef;

use super::dimension::FeedOutcome;
use super::records::{BEGINNING, END, Record, Version};
use crate::error::{Error, Result};
use crate::star::Dimension;

/// The versions of all records, those of a record together, the oldest first.
#[derive(Debug)]
pub(super) struct VersionRows {
    /// Since when each holds in its source, in microseconds.
    pub from: Vec<i64>,
    /// The attributes, by name.
    pub columns: BTreeMap<String, ArrayRef>,
    /// The rows of each record, in the order of the records.
    pub of_record: Vec<Range<usize>>,
}

impl VersionRows {
    /// The versions of `records`, made of the rows of `all`; neighbours in which nothing differs that
    /// has a history are one.
    pub(super) fn of(
        dimension: &Dimension,
        records: &BTreeMap<String, Record>,
        all: &RecordBatch,
        outcomes: &mut [FeedOutcome],
    ) -> Result<Self> {
        let versions: Vec<Vec<Version>> = records.values().map(Record::versions).collect();
        let columns = columns(dimension, &versions, all)?;
        let flat: Vec<&Version> = versions.iter().flatten().collect();
        let firsts = |of: &Vec<Version>| (0..of.len()).map(|at| at == 0);
        let starts_record: Vec<bool> = versions.iter().flat_map(firsts).collect();
        let differs = differs(dimension, &columns, starts_record.len())?;
        let keep: Vec<bool> =
            starts_record.iter().zip(differs).map(|(first, differs)| *first || differs).collect();
        for (version, _) in flat.iter().zip(&keep).filter(|(_, keep)| !**keep) {
            version.started.iter().for_each(|feed| outcomes[*feed].unchanged += 1);
        }
        let mut of_record: Vec<Range<usize>> = Vec::new();
        let mut from = Vec::new();
        for ((version, first), _) in flat.iter().zip(starts_record).zip(&keep).filter(|(_, k)| **k)
        {
            let at = from.len();
            match of_record.last_mut().filter(|_| !first) {
                Some(rows) => rows.end = at + 1,
                None => of_record.push(at..at + 1),
            }
            from.push(version.from);
        }
        let keep = BooleanArray::from(keep);
        let mut kept = BTreeMap::new();
        for (name, column) in columns {
            kept.insert(name, filter(&column, &keep)?);
        }
        Ok(Self { from, columns: kept, of_record })
    }

    /// From when to when each holds: without a gap from 1900, or earlier, to 9999-12-31.
    pub(super) fn validity(&self) -> (Vec<i64>, Vec<i64>) {
        let (mut from, mut to) = (self.from.clone(), vec![END; self.from.len()]);
        for rows in &self.of_record {
            from[rows.start] = from[rows.start].min(BEGINNING);
            for row in rows.clone().skip(1) {
                to[row - 1] = from[row];
            }
        }
        (from, to)
    }
}

/// The columns of all versions; what keeps no history has the value of the last version in all.
fn columns(
    dimension: &Dimension,
    versions: &[Vec<Version>],
    all: &RecordBatch,
) -> Result<BTreeMap<String, ArrayRef>> {
    let schema: SchemaRef = all.schema();
    let mut columns = BTreeMap::new();
    for (field, column) in schema.fields().iter().zip(all.columns()) {
        let name = field.name();
        let value = |version: &Version| {
            let row = version.rows.iter().find(|row| !column.is_null(**row));
            row.or(version.rows.first()).and_then(|row| u32::try_from(*row).ok())
        };
        let history = dimension.history.as_ref();
        let rows: UInt32Array = match history {
            Some(history) if history.from == *name => {
                let starts = versions.iter().flatten().map(|version| version.from);
                let starts = TimestampMicrosecondArray::from_iter_values(starts);
                columns.insert(name.clone(), cast(&starts, column.data_type())?);
                continue;
            }
            Some(history) if !history.type2.contains(name) => {
                let newest = |of: &Vec<Version>| {
                    std::iter::repeat_n(of.last().and_then(value), of.len()).collect::<Vec<_>>()
                };
                versions.iter().flat_map(newest).collect()
            }
            _ => versions.iter().flatten().map(value).collect(),
        };
        columns.insert(name.clone(), take(column, &rows, None)?);
    }
    Ok(columns)
}

/// Whether a row differs from the one before it in a column that keeps its history.
fn differs(
    dimension: &Dimension,
    columns: &BTreeMap<String, ArrayRef>,
    count: usize,
) -> Result<Vec<bool>> {
    let Some(history) = dimension.history.as_ref().filter(|_| count > 1) else {
        return Ok(vec![true; count]);
    };
    let mut same = BooleanArray::from(vec![true; count - 1]);
    for name in &history.type2 {
        let column = columns
            .get(name)
            .ok_or_else(|| Error::internal(format!("no column `{name}` with history")))?;
        let (one, next) = (column.slice(0, count - 1), column.slice(1, count - 1));
        same = and(&same, &not_distinct(&one, &next)?)?;
    }
    Ok(std::iter::once(true).chain(same.iter().map(|same| same != Some(true))).collect())
}

/// The versions that facts can mean, by the key of the current one of their record.
#[derive(Clone, Debug, Default)]
pub struct Timelines {
    /// Start in microseconds and key, the oldest first.
    of: HashMap<i64, Vec<(i64, i64)>>,
}

/// The version of a record at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seen {
    /// Its key.
    pub key: i64,
    /// Whether the record only began later, so that its first version stands for what was before.
    pub before: bool,
}

impl Timelines {
    /// Notes the version `key` of the record whose current version is `current`.
    pub fn insert(&mut self, current: i64, from: i64, key: i64) {
        let of = self.of.entry(current).or_default();
        let at = of.partition_point(|(start, _)| *start <= from);
        of.insert(at, (from, key));
    }

    /// The version at `time`, in microseconds, of the record whose current version is `current`.
    pub fn at(&self, current: i64, time: i64) -> Seen {
        let Some(of) = self.of.get(&current) else { return Seen { key: current, before: false } };
        let after = of.partition_point(|(start, _)| *start <= time);
        match after.checked_sub(1).and_then(|at| of.get(at)) {
            Some((_, key)) => Seen { key: *key, before: false },
            None => Seen { key: of.first().map_or(current, |(_, key)| *key), before: true },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_in_the_version_that_began_last() {
        let mut timelines = Timelines::default();
        for (from, key) in [(30, 9), (10, 4), (20, 7)] {
            timelines.insert(9, from, key);
        }
        let seen = |time| timelines.at(9, time);
        assert_eq!(seen(9), Seen { key: 4, before: true });
        for (time, key) in [(10, 4), (19, 4), (20, 7), (29, 7), (30, 9), (i64::MAX, 9)] {
            assert_eq!(seen(time), Seen { key, before: false }, "{time}");
        }
        assert_eq!(timelines.at(5, 0), Seen { key: 5, before: false });
    }
}
