//! Rows of all feeds → one dimension table: a row per version of a record, dense keys, settled
//! captions.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, BooleanArray, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray,
    new_null_array,
};
use arrow::compute::{concat, concat_batches, filter};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};

use super::captions::{Columns, settle_levels};
use super::members::{self, MemberIndex, Numbering};
use super::parents::two_parents;
use super::records::{BEGINNING, END, Record, records, scope_source};
use super::tree::{self, Parents, TreeRows};
use super::versions::VersionRows;
use crate::error::{Error, Result};
use crate::project::DimensionSpec;
use crate::star::{
    Dimension, NOT_APPLICABLE, NOT_APPLICABLE_KEY, RECORD_COLUMN, Tree, UNKNOWN, UNKNOWN_KEY,
    reserved_columns,
};
use crate::translate::{Fault, key_texts};

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
    /// Rows that start a version in which nothing differs that keeps its history.
    pub unchanged: u64,
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

/// Integrates `feeds` into `dimension`; versions known to `numbering` keep their keys.
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
    let versions = VersionRows::of(dimension, &records, &all, &mut outcomes)?;
    let above = parents(dimension, spec, feeds, &records, &versions)?;
    let mut columns = BTreeMap::new();
    for (name, values) in &versions.columns {
        columns.insert(name.clone(), with_special(values)?);
    }
    columns.insert(RECORD_COLUMN.to_owned(), record_column(&records, &versions));
    let keys = KeyColumns::of(dimension, &records, &versions, numbering);
    let mut notes = settle_levels(dimension, &mut columns, &said_since(&versions))?;
    let under_two = two_parents(dimension, spec, &keys.current_rows(&columns)?)?;
    notes.extend(under_two.notes);
    let members = index(dimension, spec, feeds, &records, &versions, &keys);
    let table = assemble(dimension, &schema, keys, sources(feeds, &records, &versions), columns)?;
    let mut remarked = under_two.rows;
    let mut trees = Vec::new();
    for (tree, parents) in dimension.trees.iter().zip(&above) {
        tree::remark(tree, parents, &mut remarked);
        trees.push(parents.closure(dimension, tree, &table, &versions.of_record)?);
    }
    Ok(DimensionRows { table, trees, members, outcomes, remarked, notes })
}

/// Who is above whom in each tree; read before levels are settled, where NULL is still NULL.
fn parents(
    dimension: &Dimension,
    spec: &DimensionSpec,
    feeds: &[FeedRows],
    records: &BTreeMap<String, Record>,
    versions: &VersionRows,
) -> Result<Vec<Parents>> {
    let of_tree = |tree: &Tree| {
        let columns = tree.parent.iter().map(|name| {
            let found = versions.columns.get(name).cloned();
            found.ok_or_else(|| Error::internal(format!("no column `{name}`")))
        });
        let columns = columns.collect::<Result<Vec<_>>>()?;
        let keys = key_texts(&columns, versions.from.len())?;
        let rows = records.iter().zip(&versions.of_record);
        let above = rows.map(|((name, of), rows)| {
            let source = scope_source(spec, &feeds[of.source]);
            // All versions of a record are under the same one.
            let key = keys[rows.start].as_ref();
            let above = key.map(|key| members::record(source, key)).transpose()?;
            Ok((name.as_str(), above))
        });
        Parents::of(tree, &above.collect::<Result<Vec<_>>>()?)
    };
    dimension.trees.iter().map(of_tree).collect()
}

/// Since when each row holds as its source says, the two special rows in front.
///
/// Not since when it is valid: a first version reaches back before all others, however new it is.
fn said_since(versions: &VersionRows) -> Vec<i64> {
    [BEGINNING; 2].into_iter().chain(versions.from.iter().copied()).collect()
}

/// The columns of keys and times, the two special rows in front.
struct KeyColumns {
    key: Vec<i64>,
    member: Vec<i64>,
    current: Vec<i64>,
    from: Vec<i64>,
    to: Vec<i64>,
    is_current: Vec<bool>,
}

impl KeyColumns {
    fn of(
        dimension: &Dimension,
        records: &BTreeMap<String, Record>,
        versions: &VersionRows,
        numbering: &mut Numbering,
    ) -> Self {
        let special = vec![UNKNOWN_KEY, NOT_APPLICABLE_KEY];
        let mut columns = Self {
            key: special.clone(),
            member: special.clone(),
            current: special,
            from: vec![BEGINNING; 2],
            to: vec![END; 2],
            is_current: vec![true; 2],
        };
        for (name, rows) in records.keys().zip(&versions.of_record) {
            let key = |row: usize| {
                let from = dimension.history.as_ref().map(|_| versions.from[row]);
                numbering.key(&members::version(name, from))
            };
            let keys: Vec<i64> = rows.clone().map(key).collect();
            // The least is the oldest given, which stays when a version is added.
            let member = keys.iter().min().copied().unwrap_or(UNKNOWN_KEY);
            let current = keys.last().copied().unwrap_or(UNKNOWN_KEY);
            columns.member.extend(keys.iter().map(|_| member));
            columns.current.extend(keys.iter().map(|_| current));
            columns.is_current.extend(keys.iter().map(|key| *key == current));
            columns.key.extend(keys);
        }
        let (from, to) = versions.validity();
        columns.from.extend(from);
        columns.to.extend(to);
        columns
    }

    /// `columns` with the current version of each record alone.
    fn current_rows(&self, columns: &Columns) -> Result<Columns> {
        let current = BooleanArray::from(self.is_current.clone());
        if current.true_count() == current.len() {
            return Ok(columns.clone());
        }
        let of =
            |(name, column): (&String, &ArrayRef)| Ok((name.clone(), filter(column, &current)?));
        columns.iter().map(of).collect()
    }
}

/// The members by natural key, and their versions where there are any.
fn index(
    dimension: &Dimension,
    spec: &DimensionSpec,
    feeds: &[FeedRows],
    records: &BTreeMap<String, Record>,
    versions: &VersionRows,
    keys: &KeyColumns,
) -> MemberIndex {
    let mut members = MemberIndex::default();
    for (record, rows) in records.values().zip(&versions.of_record) {
        let source = scope_source(spec, &feeds[record.source]);
        // The two special rows stand in front.
        let current = keys.current[rows.start + 2];
        members.insert(source, record.natural_key.clone(), current);
        for row in rows.clone().filter(|_| dimension.history.is_some()) {
            members.add_version(current, versions.from[row], keys.key[row + 2]);
        }
    }
    members
}

/// The source of each version's record.
fn sources(
    feeds: &[FeedRows],
    records: &BTreeMap<String, Record>,
    versions: &VersionRows,
) -> StringArray {
    let of_record = records.values().zip(&versions.of_record);
    let sources = of_record.flat_map(|(record, rows)| {
        std::iter::repeat_n(Some(feeds[record.source].source.as_str()), rows.len())
    });
    [None, None].into_iter().chain(sources).collect()
}

/// Two rows in front for the members unknown and not applicable: NULL here, filled where a level
/// needs a value.
fn with_special(values: &ArrayRef) -> Result<ArrayRef> {
    let special = new_null_array(values.data_type(), 2);
    Ok(concat(&[special.as_ref(), values.as_ref()])?)
}

fn record_column(records: &BTreeMap<String, Record>, versions: &VersionRows) -> ArrayRef {
    let special = [UNKNOWN, NOT_APPLICABLE].into_iter();
    let names = records.keys().zip(&versions.of_record);
    let names = names.flat_map(|(name, rows)| std::iter::repeat_n(name.as_str(), rows.len()));
    // A row for each version: how many is only known at the end.
    Arc::new(special.chain(names).map(Some).collect::<StringArray>())
}

fn assemble(
    dimension: &Dimension,
    attributes: &Schema,
    keys: KeyColumns,
    sources: StringArray,
    mut columns: BTreeMap<String, ArrayRef>,
) -> Result<RecordBatch> {
    name_not_applicable(dimension, &mut columns)?;
    let record =
        columns.remove(RECORD_COLUMN).ok_or_else(|| Error::internal("no record column"))?;
    let numbers = |keys: Vec<i64>| -> ArrayRef { Arc::new(Int64Array::from(keys)) };
    let times = |times: Vec<i64>| -> ArrayRef { Arc::new(TimestampMicrosecondArray::from(times)) };
    let mut stored: Vec<ArrayRef> = vec![
        numbers(keys.key),
        numbers(keys.member),
        numbers(keys.current),
        Arc::new(sources),
        record,
        times(keys.from),
        times(keys.to),
        Arc::new(BooleanArray::from(keys.is_current)),
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
