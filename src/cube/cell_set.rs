//! An answer arranged in rows and columns.

use std::collections::BTreeSet;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch, UInt32Array};
use arrow::compute::{cast, take};
use arrow::datatypes::{DataType, Field, Int64Type, Schema};
use arrow::row::{OwnedRow, RowConverter, SortField};
use arrow::util::display::{ArrayFormatter, FormatOptions};

use super::cells_sql::{TOTAL_OF_COLUMNS, TOTAL_OF_ROWS};
use super::prepared::{Axis, Prepared};
use crate::error::{Error, Result};

/// More columns than this is a question nobody can read the answer of.
const MOST_COLUMNS: usize = 5_000;

/// Rows of levels, then a column per member across the top and measure.
///
/// The last row is the total when `has_total_row`; its levels are NULL.
#[derive(Clone, Debug)]
pub struct CellSet {
    /// The cells.
    pub cells: RecordBatch,
    /// How many of the first columns are row levels.
    pub level_count: usize,
    /// What stands above each further column.
    pub columns: Vec<CellColumn>,
    /// Whether the last row is the total of the others.
    pub has_total_row: bool,
}

/// What stands above a column of cells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CellColumn {
    /// Captions of the levels across the top, outermost first; empty for a total.
    pub members: Vec<String>,
    /// Whether it is the total over the members.
    pub is_total: bool,
    /// The measure.
    pub measure: String,
}

/// The members across the top, in order; `None` is the total.
type Heads = Vec<(Option<OwnedRow>, Vec<String>)>;

impl CellSet {
    /// Arranges `answer`, which has one row per cell.
    pub(super) fn arrange(query: &Prepared<'_>, answer: &RecordBatch) -> Result<Self> {
        let of_columns = flags(answer, TOTAL_OF_COLUMNS)?;
        let of_rows = flags(answer, TOTAL_OF_ROWS)?;
        let row_keys = keys(answer, &query.rows)?;
        let column_keys = keys(answer, &query.columns)?;
        let heads = heads(query, answer, &column_keys, &of_columns)?;
        let at: HashMap<&Option<OwnedRow>, usize> =
            heads.iter().enumerate().map(|(position, (key, _))| (key, position)).collect();
        let mut rows: HashMap<(bool, OwnedRow), usize> = HashMap::new();
        let mut firsts: Vec<u32> = Vec::new();
        let mut places: Vec<Vec<Option<u32>>> = vec![Vec::new(); heads.len()];
        let mut total_row = None;
        for cell in 0..answer.num_rows() {
            let index = u32::try_from(cell)
                .map_err(|_| Error::invalid_input("the answer has too many cells; add a filter"))?;
            let is_total = of_rows[cell];
            let next = firsts.len();
            let row = *rows.entry((is_total, row_keys[cell].clone())).or_insert(next);
            if row == next {
                firsts.push(index);
                for place in &mut places {
                    place.push(None);
                }
                if is_total {
                    total_row = Some(row);
                }
            }
            let head = (!of_columns[cell]).then(|| column_keys[cell].clone());
            if let Some(position) = at.get(&head) {
                places[*position][row] = Some(index);
            }
        }
        let kept = kept_rows(firsts.len(), total_row, query.query.limit);
        let arranged = Arranged { query, answer, heads, places, firsts, kept };
        arranged.build(total_row.is_some())
    }
}

/// The rows to show: totals last, no more than the limit of the others.
fn kept_rows(count: usize, total: Option<usize>, limit: Option<usize>) -> Vec<usize> {
    let plain = (0..count).filter(|row| Some(*row) != total);
    plain.take(limit.unwrap_or(usize::MAX)).chain(total).collect()
}

struct Arranged<'a> {
    query: &'a Prepared<'a>,
    answer: &'a RecordBatch,
    heads: Heads,
    places: Vec<Vec<Option<u32>>>,
    firsts: Vec<u32>,
    kept: Vec<usize>,
}

impl Arranged<'_> {
    fn build(self, has_total_row: bool) -> Result<CellSet> {
        let mut fields: Vec<Field> = Vec::new();
        let mut arrays: Vec<ArrayRef> = Vec::new();
        let mut columns = Vec::new();
        let firsts: UInt32Array = self.kept.iter().map(|row| Some(self.firsts[*row])).collect();
        for axis in &self.query.rows {
            let (field, array) = named(self.answer, &axis.level)?;
            fields.push(field.clone().with_nullable(true));
            arrays.push(take(array, &firsts, None)?);
        }
        for ((key, members), places) in self.heads.iter().zip(&self.places) {
            let indices: UInt32Array = self.kept.iter().map(|row| places[*row]).collect();
            for measure in &self.query.measures {
                let (field, array) = named(self.answer, measure)?;
                let is_total = key.is_none();
                let head = if is_total { vec!["total".to_owned()] } else { members.clone() };
                let name = match self.query.columns.is_empty() {
                    true => measure.clone(),
                    false => format!("{} / {measure}", head.join(" / ")),
                };
                fields.push(field.clone().with_name(name).with_nullable(true));
                arrays.push(take(array, &indices, None)?);
                columns.push(CellColumn {
                    members: members.clone(),
                    is_total,
                    measure: measure.clone(),
                });
            }
        }
        let mut seen = BTreeSet::new();
        if let Some(field) = fields.iter().find(|field| !seen.insert(field.name().clone())) {
            let what = format!(
                "two columns would be called `{}`: members share a caption or a measure is asked twice; put \
                 the key of the level across the top",
                field.name()
            );
            return Err(Error::invalid_input(what));
        }
        let options = arrow::array::RecordBatchOptions::new().with_row_count(Some(self.kept.len()));
        let schema = Arc::new(Schema::new(fields));
        let cells = RecordBatch::try_new_with_options(schema, arrays, &options)?;
        let level_count = self.query.rows.len();
        Ok(CellSet { cells, level_count, columns, has_total_row })
    }
}

/// The members across the top in their own order, the total last.
fn heads(
    query: &Prepared<'_>,
    answer: &RecordBatch,
    keys: &[OwnedRow],
    totals: &[bool],
) -> Result<Heads> {
    let mut members: BTreeMap<&OwnedRow, usize> = BTreeMap::new();
    for (cell, key) in keys.iter().enumerate().filter(|(cell, _)| !totals[*cell]) {
        members.entry(key).or_insert(cell);
    }
    let width = members.len() * query.measures.len().max(1);
    if width > MOST_COLUMNS {
        let what = format!(
            "{width} columns are more than {MOST_COLUMNS}; add a filter or put a level on rows"
        );
        return Err(Error::invalid_input(what));
    }
    let options = FormatOptions::new().with_null("");
    let mut captions = Vec::new();
    for axis in &query.columns {
        captions.push(ArrayFormatter::try_new(named(answer, &axis.level)?.1, &options)?);
    }
    let mut heads: Heads = members
        .into_iter()
        .map(|(key, cell)| {
            let captions = captions.iter().map(|caption| caption.value(cell).to_string());
            (Some(key.clone()), captions.collect())
        })
        .collect();
    // Without levels across the top there is one head, even when there are no cells.
    if (query.columns.is_empty() && heads.is_empty())
        || (!query.columns.is_empty() && query.query.totals)
    {
        heads.push((None, Vec::new()));
    }
    Ok(heads)
}

/// Per cell its member of `axes`, comparable in the order of the levels.
fn keys(answer: &RecordBatch, axes: &[Axis]) -> Result<Vec<OwnedRow>> {
    let mut arrays: Vec<ArrayRef> = Vec::new();
    for axis in axes {
        for column in axis.places().iter().chain(std::iter::once(&axis.level)) {
            arrays.push(Arc::clone(named(answer, column)?.1));
        }
    }
    if arrays.is_empty() {
        // Without levels on the axis all cells share one place.
        arrays.push(arrow::array::new_null_array(&DataType::Int8, answer.num_rows()));
    }
    let fields = arrays.iter().map(|array| SortField::new(array.data_type().clone()));
    let converter = RowConverter::new(fields.collect())?;
    let rows = converter.convert_columns(&arrays)?;
    Ok(rows.iter().map(|row| row.owned()).collect())
}

fn flags(answer: &RecordBatch, name: &str) -> Result<Vec<bool>> {
    let numbers = cast(named(answer, name)?.1, &DataType::Int64)?;
    let numbers = numbers.as_primitive::<Int64Type>();
    Ok(numbers.iter().map(|flag| flag.unwrap_or_default() != 0).collect())
}

fn named<'a>(answer: &'a RecordBatch, name: &str) -> Result<(&'a Field, &'a ArrayRef)> {
    let schema = answer.schema_ref();
    match schema.index_of(name) {
        Ok(position) => Ok((schema.field(position), answer.column(position))),
        Err(_) => Err(Error::internal(format!("the answer has no column `{name}`"))),
    }
}
