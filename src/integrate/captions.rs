//! Level columns made safe to group by: never NULL, caption one-to-one with key.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Int64Array, StringArray, UInt32Array};
use arrow::compute::{cast, take};
use arrow::datatypes::{DataType, Int64Type};

use super::ragged::show_parents;
use crate::error::Result;
use crate::star::{Dimension, Level, UNKNOWN, UNKNOWN_KEY};

/// The attribute columns of a dimension by name.
pub(super) type Columns = BTreeMap<String, ArrayRef>;

/// Fills and tells apart the level columns of `columns`; the notes say which captions changed.
///
/// `since` says since when each row holds in its source: what the newest rows of a member say of it
/// counts.
pub(super) fn settle_levels(
    dimension: &Dimension,
    columns: &mut Columns,
    since: &[i64],
) -> Result<Vec<String>> {
    for level in &dimension.levels {
        let captions = std::iter::once(&level.caption).chain(level.captions.values());
        for caption in captions.filter(|caption| **caption != level.key) {
            show_key(caption, &level.key, columns)?;
        }
    }
    show_parents(dimension, columns)?;
    for level in &dimension.levels {
        let names = [&level.key, &level.caption].into_iter().chain(level.captions.values());
        for name in names.chain(&level.sort) {
            let orders = *name == level.key || level.sort.as_ref() == Some(name);
            fill(name, orders, columns)?;
        }
    }
    for level in &dimension.levels {
        if let Some(sort) = level.sort.as_ref().filter(|sort| **sort != level.key) {
            one_place(&level.key, sort, columns, since)?;
        }
    }
    let mut notes = Vec::new();
    for level in &dimension.levels {
        let captions: BTreeSet<&String> =
            std::iter::once(&level.caption).chain(level.captions.values()).collect();
        for caption in captions.into_iter().filter(|caption| **caption != level.key) {
            let parent = parent(dimension, level, caption);
            let changed = tell_apart(&level.key, caption, parent, columns, since)?;
            notes.extend(changed.into_iter().map(|note| format!("level `{}`: {note}", level.name)));
        }
    }
    Ok(notes)
}

/// A member without a caption is shown by its key.
fn show_key(name: &str, key: &str, columns: &mut Columns) -> Result<()> {
    let (Some(captions), Some(keys)) = (columns.get(name), columns.get(key)) else {
        return Ok(());
    };
    if captions.null_count() == 0 {
        return Ok(());
    }
    let captions = cast(captions, &DataType::Utf8)?;
    let keys = cast(keys, &DataType::Utf8)?;
    let shown = captions.as_string::<i32>().iter().zip(keys.as_string::<i32>());
    let shown: StringArray = shown.map(|(caption, key)| caption.or(key)).collect();
    columns.insert(name.to_owned(), Arc::new(shown));
    Ok(())
}

/// NULL becomes unknown; a column that is neither text nor whole number becomes text.
fn fill(name: &str, orders: bool, columns: &mut Columns) -> Result<()> {
    let Some(column) = columns.get(name) else { return Ok(()) };
    let filled: ArrayRef = if *column.data_type() == DataType::Int64 && orders {
        let numbers = column.as_primitive::<Int64Type>();
        let filled = numbers.iter().map(|number| number.unwrap_or(UNKNOWN_KEY));
        Arc::new(Int64Array::from_iter_values(filled))
    } else {
        let texts = cast(column, &DataType::Utf8)?;
        let filled = texts.as_string::<i32>().iter().map(|text| text.unwrap_or(UNKNOWN));
        Arc::new(StringArray::from_iter_values(filled.map(str::to_owned)))
    };
    columns.insert(name.to_owned(), filled);
    Ok(())
}

/// Gives every key the place in the order of its first newest row: two would split the member.
fn one_place(key: &str, sort: &str, columns: &mut Columns, since: &[i64]) -> Result<()> {
    let (Some(keys), Some(places)) = (columns.get(key), columns.get(sort)) else { return Ok(()) };
    let keys = cast(keys, &DataType::Utf8)?;
    let newest = newest(keys.as_string::<i32>(), since);
    let mut first: HashMap<&str, u32> = HashMap::new();
    let keys = || keys.as_string::<i32>().iter().map(Option::unwrap_or_default);
    for ((key, row), since) in keys().zip(0_u32..).zip(since) {
        if newest.get(key) == Some(since) {
            first.entry(key).or_insert(row);
        }
    }
    let rows = keys().map(|key| first.get(key).copied());
    let settled = take(places, &rows.collect::<UInt32Array>(), None)?;
    columns.insert(sort.to_owned(), settled);
    Ok(())
}

/// The caption column of the level above `level` in the first hierarchy that has one, in the same
/// locale where it exists.
fn parent<'a>(dimension: &'a Dimension, level: &Level, caption: &str) -> Option<&'a str> {
    let above = dimension.above(level)?;
    let locale = level.captions.iter().find(|(_, column)| *column == caption);
    let same = locale.and_then(|(locale, _)| above.captions.get(locale));
    Some(same.unwrap_or(&above.caption))
}

/// Since when the newest row of each key holds.
fn newest<'a>(keys: &'a StringArray, since: &[i64]) -> HashMap<&'a str, i64> {
    let mut newest: HashMap<&str, i64> = HashMap::new();
    for (key, since) in keys.iter().zip(since) {
        let known = newest.entry(key.unwrap_or_default()).or_insert(*since);
        *known = (*known).max(*since);
    }
    newest
}

/// Gives every key one caption, and every caption one key.
fn tell_apart(
    key: &str,
    caption: &str,
    parent: Option<&str>,
    columns: &mut Columns,
    since: &[i64],
) -> Result<Vec<String>> {
    let (Some(keys), Some(captions)) = (columns.get(key), columns.get(caption)) else {
        return Ok(Vec::new());
    };
    let keys = cast(keys, &DataType::Utf8)?;
    let keys = keys.as_string::<i32>();
    let captions = captions.as_string::<i32>();
    // A level whose caption is its key may show whole numbers.
    let parents = parent.and_then(|name| columns.get(name));
    let parents = parents.map(|parents| cast(parents, &DataType::Utf8)).transpose()?;
    let parents = parents.as_ref().map(AsArray::as_string::<i32>);
    let mut chosen: BTreeMap<&str, (&str, &str)> = BTreeMap::new();
    let mut notes = Vec::new();
    let newest = newest(keys, since);
    let is_newest = |row: &usize| newest.get(keys.value(*row)) == Some(&since[*row]);
    for row in (0..keys.len()).filter(is_newest) {
        let shown = captions.value(row);
        let above = parents.map_or("", |parents| parents.value(row));
        match chosen.get_mut(keys.value(row)) {
            None => {
                chosen.insert(keys.value(row), (shown, above));
            }
            Some((first, _)) if *first == shown => {}
            Some((first, _)) => {
                let one = (*first).min(shown);
                let key = keys.value(row);
                notes.push(format!("`{key}` has several captions, `{one}` is shown"));
                *first = one;
            }
        }
    }
    notes.sort();
    notes.dedup();
    let final_captions = distinct_captions(&chosen, &mut notes);
    let settled: StringArray = keys
        .iter()
        .map(|key| key.and_then(|key| final_captions.get(key)).map(String::as_str))
        .collect();
    columns.insert(caption.to_owned(), Arc::new(settled));
    Ok(notes)
}

/// Captions that several keys share get their parent's behind them, or the key where that is the
/// same too.
fn distinct_captions<'a>(
    chosen: &BTreeMap<&'a str, (&str, &str)>,
    notes: &mut Vec<String>,
) -> HashMap<&'a str, String> {
    let mut sharing: BTreeMap<&str, Vec<(&'a str, &str)>> = BTreeMap::new();
    for (key, (caption, above)) in chosen {
        sharing.entry(caption).or_default().push((key, above));
    }
    let mut result = HashMap::new();
    for (caption, keys) in sharing {
        if let [(key, _)] = keys.as_slice() {
            result.insert(*key, caption.to_owned());
            continue;
        }
        let parents: BTreeSet<&str> = keys.iter().map(|(_, above)| *above).collect();
        let by_parent = parents.len() == keys.len() && !parents.contains("");
        for (key, above) in &keys {
            let suffix = if by_parent { above } else { key };
            result.insert(*key, format!("{caption} ({suffix})"));
        }
        let with = if by_parent { "the parent's caption" } else { "the key" };
        notes.push(format!("{} members share `{caption}`, shown with {with}", keys.len()));
    }
    result
}
