//! Rows of all feeds → one dimension table: a row per record, dense keys, settled captions.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, BooleanArray, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray,
    UInt32Array, new_null_array,
};
use arrow::compute::{concat, concat_batches, take};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};

use super::captions::settle_levels;
use super::members::{MemberIndex, Numbering, record};
use super::parents::two_parents;
use super::tree::{self, Parents, TreeRows};
use crate::error::{Error, Result};
use crate::project::{Conflicts, DimensionSpec, KeyScope};
use crate::star::{
    Dimension, NOT_APPLICABLE, NOT_APPLICABLE_KEY, Tree, UNKNOWN, UNKNOWN_KEY, reserved_columns,
};
use crate::translate::{Fault, key_texts};

/// 1900-01-01 and 9999-12-31, in microseconds: a record that has no history was always so.
const VALID: (i64, i64) = (-2_208_988_800_000_000, 253_402_214_400_000_000);

/// The translated rows of one feed, in order.
#[derive(Debug)]
pub struct FeedRows {
    /// The source they are from.
    pub source: String,
    /// The target columns.
    pub rows: RecordBatch,
}

/// A dimension as it will be stored.
#[derive(Debug)]
pub struct DimensionRows {
    /// Its whole table.
    pub table: RecordBatch,
    /// The closures of its trees.
    pub trees: Vec<TreeRows>,
    /// Its members by natural key, for facts.
    pub members: MemberIndex,
    /// Per feed: the rows that cannot load, and the number of rows equal to an earlier one.
    pub outcomes: Vec<FeedOutcome>,
    /// Loaded rows worth a remark, by remark.
    pub remarked: BTreeMap<String, u64>,
    /// What a person should know, such as captions that were told apart.
    pub notes: Vec<String>,
}

/// What became of the rows of a feed.
#[derive(Debug, Default)]
pub struct FeedOutcome {
    /// Row number in the feed, and why it cannot load.
    pub faults: Vec<(usize, Fault)>,
    /// Rows that say the same as an earlier row.
    pub repeated: u64,
    /// Rows that say something else of a record than an earlier row, which stays.
    pub contradicting: u64,
}

/// Where a record's values come from: rows of the feeds put together, the preferred first.
struct Record {
    source: usize,
    natural_key: String,
    rows: Vec<usize>,
}

/// The stored schema: version, member, current version, record, history, then attributes.
pub fn dimension_schema(dimension: &Dimension, attributes: &Schema) -> SchemaRef {
    let [key, member, current, source, record, from, to, is_current] =
        reserved_columns(&dimension.name);
    let time = DataType::Timestamp(TimeUnit::Microsecond, None);
    let own = [
        Field::new(key, DataType::Int64, false),
        Field::new(member, DataType::Int64, false),
        Field::new(current, DataType::Int64, false),
        Field::new(source, DataType::Utf8, true),
        Field::new(record, DataType::Utf8, false),
        Field::new(from, time.clone(), false),
        Field::new(to, time, false),
        Field::new(is_current, DataType::Boolean, false),
    ];
    let attributes = attributes.fields().iter().map(|field| field.as_ref().clone());
    Arc::new(Schema::new(own.into_iter().chain(attributes).collect::<Vec<_>>()))
}

/// Integrates `feeds` into `dimension`; records known to `numbering` keep their keys.
pub fn integrate_dimension(
    dimension: &Dimension,
    spec: &DimensionSpec,
    feeds: &[FeedRows],
    numbering: &mut Numbering,
) -> Result<DimensionRows> {
    let schema = feeds
        .first()
        .map(|feed| feed.rows.schema())
        .ok_or_else(|| Error::internal("a dimension without feeds"))?;
    let all = concat_batches(&schema, feeds.iter().map(|feed| &feed.rows))?;
    let mut outcomes = Vec::new();
    let records = records(spec, feeds, &all, &mut outcomes)?;
    let mut columns = BTreeMap::new();
    for (field, column) in schema.fields().iter().zip(all.columns()) {
        let first = records.values().map(|record| {
            let row = record.rows.iter().find(|row| !column.is_null(**row));
            row.or(record.rows.first()).and_then(|row| u32::try_from(*row).ok())
        });
        let values = take(column, &first.collect::<UInt32Array>(), None)?;
        columns.insert(field.name().clone(), with_special(&values)?);
    }
    let above = parents(dimension, spec, feeds, &records, &columns)?;
    columns.insert(crate::star::RECORD_COLUMN.to_owned(), record_column(&records));
    let mut notes = settle_levels(dimension, &mut columns)?;
    let under_two = two_parents(dimension, spec, &columns)?;
    notes.extend(under_two.notes);
    let mut members = MemberIndex::default();
    let mut keys = vec![UNKNOWN_KEY, NOT_APPLICABLE_KEY];
    for (name, record) in &records {
        let key = numbering.key(name);
        keys.push(key);
        let source = scope_source(spec, &feeds[record.source]);
        members.insert(source, record.natural_key.clone(), key);
    }
    let sources = [None, None].into_iter();
    let sources =
        sources.chain(records.values().map(|record| Some(feeds[record.source].source.as_str())));
    let sources: StringArray = sources.collect();
    let table = assemble(dimension, &schema, keys, sources, columns)?;
    let mut remarked = under_two.rows;
    let mut trees = Vec::new();
    for (tree, parents) in dimension.trees.iter().zip(&above) {
        tree::remark(tree, parents, &mut remarked);
        trees.push(parents.closure(dimension, tree, &table)?);
    }
    Ok(DimensionRows { table, trees, members, outcomes, remarked, notes })
}

/// Who is above whom in each tree; read before levels are settled, where NULL is still NULL.
fn parents(
    dimension: &Dimension,
    spec: &DimensionSpec,
    feeds: &[FeedRows],
    records: &BTreeMap<String, Record>,
    columns: &BTreeMap<String, ArrayRef>,
) -> Result<Vec<Parents>> {
    let of_tree = |tree: &Tree| {
        let columns = tree.parent.iter().map(|name| {
            let found = columns.get(name).cloned();
            found.ok_or_else(|| Error::internal(format!("no column `{name}`")))
        });
        let columns = columns.collect::<Result<Vec<_>>>()?;
        // The members unknown and not applicable stand in front.
        let keys = key_texts(&columns, records.len() + 2)?;
        let above = records.iter().zip(keys.into_iter().skip(2)).map(|((name, of), key)| {
            let source = scope_source(spec, &feeds[of.source]);
            let above = key.map(|key| self::record(source, &key)).transpose()?;
            Ok((name.as_str(), above))
        });
        Parents::of(tree, &above.collect::<Result<Vec<_>>>()?)
    };
    dimension.trees.iter().map(of_tree).collect()
}

fn scope_source<'a>(spec: &DimensionSpec, feed: &'a FeedRows) -> Option<&'a str> {
    (spec.key_scope == KeyScope::Source).then_some(feed.source.as_str())
}

/// The records by name, in the order keys are given: that of their names.
fn records(
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
        for (row, natural_key) in keys.into_iter().enumerate() {
            let at = offset + row;
            let Some(natural_key) = natural_key else {
                outcome.faults.push((row, no_key(spec)));
                continue;
            };
            let name = record(scope_source(spec, feed), &natural_key)?;
            let Some(known) = records.get_mut(&name) else {
                records.insert(name, Record { source: index, natural_key, rows: vec![at] });
                continue;
            };
            match known.rows.iter().find(|other| **other >= offset) {
                // Another row of this feed: it must say the same.
                Some(other) if same_row(all, *other, at) => outcome.repeated += 1,
                Some(_) if spec.conflicts == Conflicts::First => {
                    outcome.contradicting += 1;
                    known.rows.push(at);
                }
                Some(_) => outcome.faults.push((row, conflict(&natural_key))),
                None => known.rows.push(at),
            }
        }
        offset += feed.rows.num_rows();
        outcomes.push(outcome);
    }
    Ok(records)
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

fn conflict(natural_key: &str) -> Fault {
    Fault {
        rule: "conflicting record".into(),
        column: None,
        value: Some(natural_key.to_owned()),
        reason: "an earlier row has this key and other values".into(),
    }
}

/// Two rows in front for the members unknown and not applicable: NULL here, filled where a level
/// needs a value.
fn with_special(values: &ArrayRef) -> Result<ArrayRef> {
    let special = new_null_array(values.data_type(), 2);
    Ok(concat(&[special.as_ref(), values.as_ref()])?)
}

fn record_column(records: &BTreeMap<String, Record>) -> ArrayRef {
    let special = [UNKNOWN, NOT_APPLICABLE].into_iter();
    let names = special.chain(records.keys().map(String::as_str));
    Arc::new(StringArray::from_iter_values(names))
}

fn assemble(
    dimension: &Dimension,
    attributes: &Schema,
    keys: Vec<i64>,
    sources: StringArray,
    mut columns: BTreeMap<String, ArrayRef>,
) -> Result<RecordBatch> {
    name_not_applicable(dimension, &mut columns)?;
    let count = keys.len();
    let keys: ArrayRef = Arc::new(Int64Array::from(keys));
    let record = columns
        .remove(crate::star::RECORD_COLUMN)
        .ok_or_else(|| Error::internal("no record column"))?;
    let mut stored: Vec<ArrayRef> = vec![
        Arc::clone(&keys),
        Arc::clone(&keys),
        keys,
        Arc::new(sources),
        record,
        Arc::new(TimestampMicrosecondArray::from(vec![VALID.0; count])),
        Arc::new(TimestampMicrosecondArray::from(vec![VALID.1; count])),
        Arc::new(BooleanArray::from(vec![true; count])),
    ];
    let mut fields = Vec::new();
    for field in attributes.fields() {
        let column = columns
            .remove(field.name())
            .ok_or_else(|| Error::internal(format!("no column `{}`", field.name())))?;
        let nullable = column.null_count() > 0 || !is_level_column(dimension, field.name());
        fields.push(Field::new(field.name(), column.data_type().clone(), nullable));
        stored.push(column);
    }
    let schema = dimension_schema(dimension, &Schema::new(fields));
    Ok(RecordBatch::try_new(schema, stored)?)
}

fn is_level_column(dimension: &Dimension, name: &str) -> bool {
    dimension.levels.iter().any(|level| {
        let sort = level.sort.as_deref() == Some(name);
        level.key == name
            || level.caption == name
            || sort
            || level.captions.values().any(|caption| caption == name)
    })
}

/// Row 1 is the member "not applicable"; its level columns were filled as unknown.
fn name_not_applicable(
    dimension: &Dimension,
    columns: &mut BTreeMap<String, ArrayRef>,
) -> Result<()> {
    for (name, column) in columns.iter_mut() {
        if !is_level_column(dimension, name) {
            continue;
        }
        let special: ArrayRef = match column.data_type() {
            DataType::Int64 => Arc::new(Int64Array::from(vec![UNKNOWN_KEY, NOT_APPLICABLE_KEY])),
            _ => Arc::new(StringArray::from(vec![UNKNOWN, NOT_APPLICABLE])),
        };
        let rest = column.slice(2, column.len() - 2);
        *column = concat(&[special.as_ref(), rest.as_ref()])?;
    }
    Ok(())
}
