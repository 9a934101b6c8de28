//! Whether each member of a level is under one member of the level above.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use arrow::array::{Array, AsArray, StringArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Int64Type};

use super::captions::Columns;
use crate::error::{Error, ErrorKind, Result};
use crate::project::{DimensionSpec, TwoParents};
use crate::star::{Dimension, Level, RECORD_COLUMN, UNKNOWN, UNKNOWN_KEY};

/// Members named in one message.
const NAMED: usize = 3;

/// What a load says of members under several others.
#[derive(Debug, Default)]
pub(super) struct Remarks {
    /// Records of such members, by rule.
    pub rows: BTreeMap<String, u64>,
    /// One sentence for each member.
    pub notes: Vec<String>,
}

/// Looks along every hierarchy of `dimension`, whose level columns are settled.
pub(super) fn two_parents(
    dimension: &Dimension,
    spec: &DimensionSpec,
    columns: &Columns,
) -> Result<Remarks> {
    let mut remarks = Remarks::default();
    let mut seen = BTreeSet::new();
    for (path, declared) in dimension.hierarchies.iter().zip(&spec.hierarchies) {
        for steps in path.levels.windows(2) {
            let (Some(above), Some(level)) =
                (dimension.level(&steps[0]), dimension.level(&steps[1]))
            else {
                continue;
            };
            let refuses = declared.two_parents == TwoParents::Refuse;
            if !seen.insert((&above.name, &level.name, refuses)) {
                continue;
            }
            let (rows, notes) = under_several(above, level, columns)?;
            if notes.is_empty() {
                continue;
            }
            if refuses {
                return Err(refused(&path.name, &notes));
            }
            let rule = format!("two parents in {}", path.name);
            *remarks.rows.entry(rule).or_default() += rows;
            remarks.notes.extend(notes);
        }
    }
    Ok(remarks)
}

/// The records of members of `level` that are under several of `above`, and a note on each member.
fn under_several(above: &Level, level: &Level, columns: &Columns) -> Result<(u64, Vec<String>)> {
    let (Some(keys), Some(parents)) = (columns.get(&level.key), columns.get(&above.key)) else {
        return Ok((0, Vec::new()));
    };
    if level.key == RECORD_COLUMN || level.key == above.key {
        return Ok((0, Vec::new()));
    }
    let no_member = |row: usize| match keys.data_type() {
        DataType::Int64 => keys.as_primitive::<Int64Type>().value(row) == UNKNOWN_KEY,
        _ => keys.as_string::<i32>().value(row) == UNKNOWN,
    };
    let texts = |values| {
        Ok::<StringArray, Error>(cast(values, &DataType::Utf8)?.as_string::<i32>().clone())
    };
    let (shown, parents) = (texts(keys)?, texts(parents)?);
    let mut first: HashMap<&str, &str> = HashMap::new();
    let mut several: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for row in (0..shown.len()).filter(|row| !no_member(*row)) {
        let (key, parent) = (shown.value(row), parents.value(row));
        let known = *first.entry(key).or_insert(parent);
        if known != parent {
            several.entry(key).or_default().extend([known, parent]);
        }
    }
    let rows = shown.iter().flatten().filter(|key| several.contains_key(key)).count() as u64;
    let note = |(key, parents): (&str, BTreeSet<&str>)| {
        let parents: Vec<&str> = parents.into_iter().collect();
        let (level, above) = (&level.name, &above.name);
        format!(
            "`{key}` of level `{level}` is under `{}` of level `{above}`",
            parents.join("` and `")
        )
    };
    Ok((rows, several.into_iter().map(note).collect()))
}

fn refused(hierarchy: &str, notes: &[String]) -> Error {
    let more = match notes.len().saturating_sub(NAMED) {
        0 => String::new(),
        more => format!(", and {more} more"),
    };
    let named = notes.iter().take(NAMED).cloned().collect::<Vec<_>>().join(", ");
    let what = format!(
        "hierarchy `{hierarchy}`: {named}{more}; correct the source, make the key tell them apart, \
         or declare `two_parents: remark`"
    );
    Error::new(ErrorKind::InvalidInput, what)
}
