//! Natural keys → version keys: the columns by which a fact points to its dimensions.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Int64Array, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Date32Type, Field, Schema, SchemaRef};

use super::calendar::{DayRange, day_key};
use super::records::microseconds;
use super::versions::{Seen, Timelines};
use crate::error::Result;
use crate::project::Missing;
use crate::star::{NOT_APPLICABLE_KEY, Role, UNKNOWN_KEY};
use crate::translate::{Fault, Frame, key_texts};

/// How one role's key is found.
#[derive(Clone, Debug)]
pub struct KeyRule {
    /// The role.
    pub role: Role,
    /// The extras of the translated batch that give the natural key.
    pub on: Vec<usize>,
    /// The extra that says when the dimension does not apply.
    pub not_applicable: Option<usize>,
    /// The extra with the time at which a member with history is seen; the newest version without.
    pub as_of: Option<usize>,
    /// What becomes of rows without a member.
    pub missing: Missing,
    /// The members, or the allowed days for the calendar.
    pub members: Members,
}

/// What a natural key is looked up in.
#[derive(Clone, Debug)]
pub enum Members {
    /// Days, whose keys need no look-up.
    Calendar(DayRange),
    /// Keys of current versions by natural key, and all versions where there is a history.
    Index(Arc<HashMap<String, i64>>, Option<Arc<Timelines>>),
}

/// The key columns of a batch.
#[derive(Debug)]
pub struct Keyed {
    /// The keys in the order of the rules, then the columns of the fact.
    pub rows: RecordBatch,
    /// What is worth a remark, and the rows it is about.
    pub remarks: Vec<(String, Vec<bool>)>,
    /// The first and last day any row points to.
    pub days: Option<DayRange>,
}

/// The stored schema of a fact: one key per role, then its columns.
pub fn fact_schema(roles: &[Role], columns: &Schema) -> SchemaRef {
    let keys = roles.iter().map(|role| Field::new(role.key_column(), DataType::Int64, false));
    let columns = columns.fields().iter().map(|field| field.as_ref().clone());
    Arc::new(Schema::new(keys.chain(columns).collect::<Vec<_>>()))
}

/// Adds the keys to `rows`; rows that may not load without a member become faults of `frame`.
pub fn add_keys(
    rules: &[KeyRule],
    rows: &RecordBatch,
    extras: &[ArrayRef],
    frame: &mut Frame,
) -> Result<Keyed> {
    let mut columns: Vec<ArrayRef> = Vec::new();
    let mut remarks = Vec::new();
    let mut days: Option<DayRange> = None;
    for rule in rules {
        let key = rule.on.iter().map(|index| Arc::clone(&extras[*index])).collect::<Vec<_>>();
        let skip = rule.not_applicable.map(|index| extras[index].as_boolean().clone());
        let applies = |row: usize| skip.as_ref().is_none_or(|s| s.is_null(row) || !s.value(row));
        let found = match &rule.members {
            Members::Calendar(range) => {
                let found = day_keys(rule, *range, &key[0], &applies, frame)?;
                days = match (days, found.1) {
                    (Some(a), Some(b)) => Some(a.union(b)),
                    (a, b) => a.or(b),
                };
                found.0
            }
            Members::Index(members, timelines) => {
                let current = member_keys(rule, members, &key, &applies, frame)?;
                match (timelines, rule.as_of) {
                    (Some(timelines), Some(as_of)) => {
                        versions_at(rule, timelines, &current, &extras[as_of], &mut remarks)?
                    }
                    _ => current,
                }
            }
        };
        let unknown = found.iter().map(|key| *key == UNKNOWN_KEY).collect();
        remarks.push((format!("unknown {}", rule.role.name), unknown));
        columns.push(Arc::new(Int64Array::from(found)));
    }
    let roles: Vec<Role> = rules.iter().map(|rule| rule.role.clone()).collect();
    columns.extend(rows.columns().iter().cloned());
    let rows = RecordBatch::try_new(fact_schema(&roles, &rows.schema()), columns)?;
    Ok(Keyed { rows, remarks, days })
}

fn member_keys(
    rule: &KeyRule,
    members: &HashMap<String, i64>,
    key: &[ArrayRef],
    applies: &impl Fn(usize) -> bool,
    frame: &mut Frame,
) -> Result<Vec<i64>> {
    let natural_keys = key_texts(key, frame.row_count())?;
    let mut keys = Vec::with_capacity(natural_keys.len());
    for (row, natural_key) in natural_keys.iter().enumerate() {
        if !applies(row) {
            keys.push(NOT_APPLICABLE_KEY);
            continue;
        }
        let found = natural_key.as_ref().and_then(|key| members.get(key));
        if found.is_none() && rule.missing == Missing::Quarantine {
            frame.fault(row, || no_member(rule, natural_key.clone()));
        }
        keys.push(found.copied().unwrap_or(UNKNOWN_KEY));
    }
    Ok(keys)
}

/// The versions of the members `current` at the times of their rows.
fn versions_at(
    rule: &KeyRule,
    timelines: &Timelines,
    current: &[i64],
    times: &ArrayRef,
    remarks: &mut Vec<(String, Vec<bool>)>,
) -> Result<Vec<i64>> {
    let times = microseconds(times)?;
    let (mut keys, mut before, mut undated) = (Vec::new(), Vec::new(), Vec::new());
    for (current, time) in current.iter().zip(times) {
        let seen = match time.filter(|_| *current > 0) {
            Some(time) => timelines.at(*current, time),
            None => Seen { key: *current, before: false },
        };
        keys.push(seen.key);
        before.push(seen.before);
        undated.push(*current > 0 && time.is_none());
    }
    remarks.push((format!("before {}", rule.role.name), before));
    remarks.push((format!("undated {}", rule.role.name), undated));
    Ok(keys)
}

fn no_member(rule: &KeyRule, value: Option<String>) -> Fault {
    let reason = match value {
        Some(_) => format!("the dimension `{}` has no such member", rule.role.dimension),
        None => "the key is NULL".to_owned(),
    };
    Fault {
        rule: format!("missing {}", rule.role.name),
        column: Some(rule.role.key_column()),
        value,
        reason,
    }
}

type DayKeys = (Vec<i64>, Option<DayRange>);

fn day_keys(
    rule: &KeyRule,
    range: DayRange,
    key: &ArrayRef,
    applies: &impl Fn(usize) -> bool,
    frame: &mut Frame,
) -> Result<DayKeys> {
    let dates = cast(key, &DataType::Date32)?;
    let dates = dates.as_primitive::<Date32Type>();
    let mut keys = Vec::with_capacity(dates.len());
    let mut days: Option<DayRange> = None;
    for row in 0..dates.len() {
        if !applies(row) {
            keys.push(NOT_APPLICABLE_KEY);
        } else if dates.is_null(row) {
            if rule.missing == Missing::Quarantine {
                frame.fault(row, || no_member(rule, None));
            }
            keys.push(UNKNOWN_KEY);
        } else if range.contains(dates.value(row)) {
            let day = dates.value(row);
            keys.push(day_key(day));
            if frame.stands(row) {
                let one = DayRange { first: day, last: day };
                days = Some(days.map_or(one, |days| days.union(one)));
            }
        } else {
            let value = dates.value_as_date(row).map(|date| date.to_string());
            frame.fault(row, || Fault {
                rule: format!("calendar {}", rule.role.name),
                column: Some(rule.role.key_column()),
                value,
                reason: "the day lies outside the calendar".into(),
            });
            keys.push(UNKNOWN_KEY);
        }
    }
    Ok((keys, days))
}
