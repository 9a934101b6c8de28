//! Trees of records → their closures: a row for each member and each one above it.

use std::collections::{BTreeMap, HashMap};
use std::ops::Range;
use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, RecordBatch, UInt32Array};
use arrow::compute::take;
use arrow::datatypes::{DataType, Field, Schema};

use crate::error::{Error, ErrorKind, Result};
use crate::star::{Dimension, Tree, tree_columns};

/// The special members in front of the records of a dimension: unknown and not applicable.
const SPECIAL: usize = 2;
/// Rows a closure may have; a tree that needs more is a chain and no tree.
const MOST_ROWS: u64 = 200_000_000;
/// Members of a cycle that are named.
const NAMED: usize = 6;

/// Who is above whom in one tree, by row of the dimension.
#[derive(Debug)]
pub(super) struct Parents {
    /// The row above each row; none for the top.
    above: Vec<Option<usize>>,
    /// How many rows name a record above them that is not there, which makes them tops.
    pub unknown: u64,
}

/// The closure of a tree as it will be stored.
#[derive(Debug)]
pub struct TreeRows {
    /// The table's name.
    pub table: String,
    /// All of it.
    pub rows: RecordBatch,
}

impl Parents {
    /// Of `records` in order, each with the name of the one above it.
    pub(super) fn of(tree: &Tree, records: &[(&str, Option<String>)]) -> Result<Self> {
        let rows: HashMap<&str, usize> =
            records.iter().enumerate().map(|(at, (name, _))| (*name, at + SPECIAL)).collect();
        let mut parents = Self { above: vec![None; SPECIAL], unknown: 0 };
        for (at, (_, above)) in records.iter().enumerate() {
            let found = above.as_deref().map(|above| rows.get(above).copied());
            if found == Some(None) {
                parents.unknown += 1;
            }
            // Who is above itself is a top: some systems write it so.
            parents.above.push(found.flatten().filter(|above| *above != at + SPECIAL));
        }
        parents.refuse_cycles(tree, records)?;
        Ok(parents)
    }

    fn refuse_cycles(&self, tree: &Tree, records: &[(&str, Option<String>)]) -> Result<()> {
        const NEVER: usize = usize::MAX;
        let mut seen_from = vec![NEVER; self.above.len()];
        for start in 0..self.above.len() {
            let mut row = start;
            while seen_from[row] == NEVER {
                seen_from[row] = start;
                match self.above[row] {
                    Some(above) => row = above,
                    None => break,
                }
            }
            // The way came back to where it had been.
            if seen_from[row] == start && self.above[row].is_some() {
                return Err(self.cycle(tree, records, row));
            }
        }
        Ok(())
    }

    fn cycle(&self, tree: &Tree, records: &[(&str, Option<String>)], row: usize) -> Error {
        let name = |row: usize| records.get(row - SPECIAL).map_or("", |(name, _)| *name);
        let on = std::iter::successors(self.above[row], |row| self.above[*row]);
        let members: Vec<usize> = [row].into_iter().chain(on.take_while(|at| *at != row)).collect();
        let shown = members.iter().take(NAMED).map(|row| {
            let above = self.above[*row].map_or("", name);
            format!("`{}` is under `{above}`", name(*row))
        });
        let shown = shown.collect::<Vec<_>>().join(", ");
        let more = if members.len() > NAMED { ", and so on" } else { "" };
        let what = format!(
            "the tree `{}` goes in a circle: {shown}{more}; correct `{}` in the source, or set it \
             to NULL for the member at the top",
            tree.name,
            tree.parent.join("`, `")
        );
        Error::new(ErrorKind::InvalidInput, what)
    }

    /// How many members there are from the top down to each row.
    fn depths(&self) -> Vec<i64> {
        let mut depths = vec![0_i64; self.above.len()];
        for row in 0..self.above.len() {
            let mut way = Vec::new();
            let mut at = Some(row);
            while let Some(row) = at.filter(|row| depths[*row] == 0) {
                way.push(row);
                at = self.above[row];
            }
            let mut depth = at.map_or(0, |row| depths[row]);
            for row in way.into_iter().rev() {
                depth += 1;
                depths[row] = depth;
            }
        }
        depths
    }

    /// The closure, with the columns of the settled `table` of the dimension, in which `versions` are
    /// the rows of each record behind the special ones: every version is below, the current one above.
    pub(super) fn closure(
        &self,
        dimension: &Dimension,
        tree: &Tree,
        table: &RecordBatch,
        versions: &[Range<usize>],
    ) -> Result<TreeRows> {
        let depths = self.depths();
        let special = (0..SPECIAL).map(|row| row..row + 1);
        let of_record = versions.iter().map(|rows| rows.start + SPECIAL..rows.end + SPECIAL);
        let rows_of: Vec<Range<usize>> = special.chain(of_record).collect();
        let pairs = |(depth, rows): (&i64, &Range<usize>)| depth.unsigned_abs() * rows.len() as u64;
        let row_count: u64 = depths.iter().zip(&rows_of).map(pairs).sum();
        if row_count > MOST_ROWS {
            let what =
                format!("the tree `{}` has {row_count} pairs of members; it is a chain", tree.name);
            return Err(Error::new(ErrorKind::LimitExceeded, what));
        }
        let (mut below, mut above) = (Vec::new(), Vec::new());
        let (mut depths_above, mut distances) = (Vec::new(), Vec::new());
        for (member, rows) in rows_of.iter().enumerate() {
            for row in rows.clone() {
                let way = std::iter::successors(Some(member), |member| self.above[*member]);
                for (distance, ancestor) in (0_i64..).zip(way) {
                    below.push(u32::try_from(row).unwrap_or(u32::MAX));
                    above.push(u32::try_from(rows_of[ancestor].end - 1).unwrap_or(u32::MAX));
                    depths_above.push(depths[ancestor]);
                    distances.push(distance);
                }
            }
        }
        let (below, above) = (UInt32Array::from(below), UInt32Array::from(above));
        let level = tree
            .shown_by(dimension)
            .ok_or_else(|| Error::internal(format!("the tree `{}` has no level", tree.name)))?;
        let key = dimension.key_column();
        let depths: ArrayRef = Arc::new(Int64Array::from(depths_above));
        let mut columns = vec![
            (key.clone(), taken(table, &key, &below)?),
            (tree_columns::ANCESTOR.to_owned(), taken(table, &key, &above)?),
            (tree_columns::KEY.to_owned(), taken(table, &level.key, &above)?),
            (tree_columns::CAPTION.to_owned(), taken(table, &level.caption, &above)?),
        ];
        for (locale, caption) in &level.captions {
            columns.push((tree_columns::caption(locale), taken(table, caption, &above)?));
        }
        columns.push((tree_columns::DEPTH.to_owned(), depths));
        columns.push((tree_columns::DISTANCE.to_owned(), Arc::new(Int64Array::from(distances))));
        let field = |(name, column): &(String, ArrayRef)| -> Field {
            let data_type: DataType = column.data_type().clone();
            Field::new(name, data_type, false)
        };
        let schema = Schema::new(columns.iter().map(field).collect::<Vec<_>>());
        let columns = columns.into_iter().map(|(_, column)| column).collect();
        let rows = RecordBatch::try_new(Arc::new(schema), columns)?;
        Ok(TreeRows { table: tree.table(&dimension.name), rows })
    }
}

fn taken(table: &RecordBatch, name: &str, rows: &UInt32Array) -> Result<ArrayRef> {
    let column = table
        .column_by_name(name)
        .ok_or_else(|| Error::internal(format!("the dimension has no `{name}`")))?;
    Ok(take(column, rows, None)?)
}

/// The remark on rows whose record above is not there.
pub(super) fn remark(tree: &Tree, parents: &Parents, remarked: &mut BTreeMap<String, u64>) {
    if parents.unknown > 0 {
        remarked.insert(format!("unknown parent in {}", tree.name), parents.unknown);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A forest or worse, by the digits of `seed`: each of six records is under one of seven, of which
    /// the last is not there.
    fn records(seed: usize) -> Vec<(String, Option<String>)> {
        let digit = |at: u32| seed / 8_usize.pow(at) % 8;
        let above = |at: u32| (digit(at) < 7).then(|| digit(at).to_string());
        (0..6).map(|at| (at.to_string(), above(at))).collect()
    }

    /// The way up from a record as a person goes it; `None` where it does not end.
    fn way(records: &[(String, Option<String>)], from: usize) -> Option<Vec<usize>> {
        let mut way = vec![from];
        loop {
            let at = way[way.len() - 1];
            let above = records[at].1.as_ref().and_then(|name| name.parse::<usize>().ok());
            match above.filter(|above| *above != at && *above < records.len()) {
                None => return Some(way),
                Some(_) if way.len() > records.len() => return None,
                Some(above) => way.push(above),
            }
        }
    }

    #[test]
    fn every_forest_is_closed_and_every_circle_found() {
        let tree = Tree { name: "t".into(), parent: vec!["p".into()], level: "l".into() };
        let (mut forests, mut circles) = (0, 0);
        for seed in (0..8_usize.pow(6)).step_by(7) {
            let records = records(seed);
            let named: Vec<(&str, Option<String>)> =
                records.iter().map(|(name, above)| (name.as_str(), above.clone())).collect();
            let ways: Vec<Option<Vec<usize>>> =
                (0..records.len()).map(|from| way(&records, from)).collect();
            let Ok(parents) = Parents::of(&tree, &named) else {
                assert!(ways.contains(&None), "{records:?}");
                circles += 1;
                continue;
            };
            forests += 1;
            let depths = parents.depths();
            for (at, way) in ways.into_iter().enumerate() {
                let way = way.unwrap_or_else(|| panic!("{records:?}"));
                assert_eq!(depths[at + SPECIAL], way.len() as i64, "{records:?}");
                let found = std::iter::successors(Some(at + SPECIAL), |row| parents.above[*row]);
                let found: Vec<usize> = found.map(|row| row - SPECIAL).collect();
                assert_eq!(found, way, "{records:?}");
            }
            let missing = named.iter().filter(|(_, above)| above.as_deref() == Some("6")).count();
            assert_eq!(parents.unknown, missing as u64);
        }
        assert!(forests > 1000 && circles > 1000, "{forests} {circles}");
    }

    #[test]
    fn a_long_chain_is_a_tree() {
        let names: Vec<String> = (0..3000).map(|at| at.to_string()).collect();
        let above = |at: usize| at.checked_sub(1).map(|above| names[above].clone());
        let chain: Vec<(&str, Option<String>)> =
            (0..names.len()).map(|at| (names[at].as_str(), above(at))).collect();
        let tree = Tree { name: "t".into(), parent: vec!["p".into()], level: "l".into() };
        let depths = Parents::of(&tree, &chain).unwrap().depths();
        assert_eq!(depths.iter().max(), Some(&3000));
    }
}
