//! Ragged hierarchies: a record without a member on a level stands under the one of the level above,
//! so that every path has all levels and every total all records.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, StringArray};
use arrow::compute::{cast, is_null, kernels::zip::zip};
use arrow::datatypes::DataType;

use super::captions::Columns;
use crate::error::{Error, ErrorKind, Result};
use crate::star::{Dimension, Level};

/// Fills the missing members of every level that shows the one above, coarse levels first.
pub(super) fn show_parents(dimension: &Dimension, columns: &mut Columns) -> Result<()> {
    let mut done = BTreeSet::new();
    for level in &dimension.levels {
        show_parent(dimension, level, columns, &mut done)?;
    }
    Ok(())
}

fn show_parent<'a>(
    dimension: &'a Dimension,
    level: &'a Level,
    columns: &mut Columns,
    done: &mut BTreeSet<&'a str>,
) -> Result<()> {
    if !level.shows_parent || !done.insert(&level.name) {
        return Ok(());
    }
    let Some(above) = dimension.above(level) else { return Ok(()) };
    show_parent(dimension, above, columns, done)?;
    let (Some(keys), Some(parents)) = (columns.get(&level.key), columns.get(&above.key)) else {
        return Ok(());
    };
    let missing = is_null(keys)?;
    check_apart(level, above, keys, parents)?;
    let mut pairs = vec![(&level.key, &above.key)];
    if level.caption != level.key {
        pairs.push((&level.caption, &above.caption));
    }
    for (locale, caption) in &level.captions {
        let same = above.captions.get(locale).unwrap_or(&above.caption);
        if *caption != level.key && *caption != level.caption {
            pairs.push((caption, same));
        }
    }
    if let (Some(sort), Some(same)) = (&level.sort, &above.sort)
        && *sort != level.key
    {
        pairs.push((sort, same));
    }
    for (own, of_parent) in pairs {
        let (Some(own_values), Some(values)) = (columns.get(own), columns.get(of_parent)) else {
            continue;
        };
        let (own_values, values) = alike(own_values, values)?;
        columns.insert(own.clone(), zip(&missing, &values, &own_values)?);
    }
    Ok(())
}

/// A key that stands in must not be that of another member: the two would become one.
fn check_apart(level: &Level, above: &Level, keys: &ArrayRef, parents: &ArrayRef) -> Result<()> {
    let (keys, parents) = (texts(keys)?, texts(parents)?);
    let filled = keys.iter().zip(parents.iter());
    let filled: BTreeSet<&str> =
        filled.filter(|(key, _)| key.is_none()).filter_map(|(_, parent)| parent).collect();
    let mut own: HashMap<&str, Option<&str>> = HashMap::new();
    for (key, parent) in keys.iter().zip(parents.iter()) {
        let Some(key) = key.filter(|key| filled.contains(key)) else { continue };
        // The parent's own record may say that it stands for itself.
        if parent != Some(key) {
            own.insert(key, parent);
        }
    }
    let Some((key, parent)) = own.into_iter().min() else { return Ok(()) };
    let what = format!(
        "`{key}` of level `{}` would stand in on level `{}`, where `{key}`, under `{}`, is another \
         member; give one of the levels keys of its own, such as concat('{}-', {})",
        above.name,
        level.name,
        parent.unwrap_or("(unknown)"),
        level.name,
        level.key
    );
    Err(Error::new(ErrorKind::InvalidInput, what))
}

/// Both as the type of the first, or as text where they differ.
fn alike(own: &ArrayRef, other: &ArrayRef) -> Result<(ArrayRef, ArrayRef)> {
    if own.data_type() == other.data_type() {
        return Ok((Arc::clone(own), Arc::clone(other)));
    }
    Ok((cast(own, &DataType::Utf8)?, cast(other, &DataType::Utf8)?))
}

fn texts(values: &ArrayRef) -> Result<StringArray> {
    Ok(cast(values, &DataType::Utf8)?.as_string::<i32>().clone())
}
