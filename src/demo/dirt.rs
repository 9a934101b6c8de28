//! Planting defects in clean tables, at most one per row, and keeping the list.

use std::collections::{BTreeMap, BTreeSet};

use super::defect::{Defect, Kind, Outcome};
use super::dice::Dice;
use super::planting::{FAMILIES, PLANTINGS, Planting};
use super::spoiling::get_spoiled;
use super::table::{Source, Table};
use crate::error::{Error, Result};

/// A table as it will be written, and what is wrong with it.
#[derive(Debug)]
pub(super) struct DirtyTable {
    /// The rows to write, duplicates included.
    pub(super) table: Table,
    /// Rows of the clean table, before duplicates were added.
    pub(super) clean_count: usize,
    /// The defects, by row of the clean table.
    pub(super) defects: Vec<Defect>,
    /// Rows a correct load leaves out by rule: not submitted, or deleted.
    pub(super) ruled_out: BTreeSet<usize>,
    /// For each written row its row of the clean table, and whether it is the second copy.
    origins: Vec<(usize, bool)>,
    by_row: BTreeMap<usize, usize>,
}

impl DirtyTable {
    /// Whether a correct load takes row `row` of the clean table.
    pub(super) fn is_loaded(&self, row: usize) -> bool {
        let is_quarantined = self
            .get_defect(row)
            .is_some_and(|defect| defect.kind.outcome() == Outcome::Quarantined);
        !is_quarantined && !self.ruled_out.contains(&row)
    }

    /// What a correct load takes of `list`, which stands for the clean rows, with its row.
    pub(super) fn loaded<'l, T>(&self, list: &'l [T]) -> impl Iterator<Item = (usize, &'l T)> {
        list.iter().enumerate().filter(|(row, _)| self.is_loaded(*row))
    }

    /// Whether `column` of a loaded row points to the unknown member.
    pub(super) fn is_unknown(&self, row: usize, column: &str) -> bool {
        self.get_defect(row).is_some_and(|defect| {
            defect.kind.outcome() == Outcome::Unknown && defect.column == column
        })
    }

    /// How many rows have a defect with this outcome.
    pub(super) fn count(&self, outcome: Outcome) -> usize {
        self.defects.iter().filter(|defect| defect.kind.outcome() == outcome).count()
    }

    /// Where each defect is written, counted from 0.
    pub(super) fn positions(&self) -> BTreeMap<usize, usize> {
        let mut positions = BTreeMap::new();
        for (position, &(row, is_copy)) in self.origins.iter().enumerate() {
            let is_duplicated =
                self.get_defect(row).is_some_and(|defect| defect.kind == Kind::DuplicateRow);
            if is_copy == is_duplicated {
                positions.insert(row, position);
            }
        }
        positions
    }

    fn get_defect(&self, row: usize) -> Option<&Defect> {
        self.by_row.get(&row).map(|&index| &self.defects[index])
    }
}

/// All tables with their dirt.
#[derive(Debug)]
pub(super) struct Dirt {
    /// In the order of the clean tables.
    pub(super) tables: Vec<DirtyTable>,
}

impl Dirt {
    /// Plants every rule of [`PLANTINGS`] in `tables`.
    pub(super) fn new(seed: u64, tables: Vec<Table>) -> Self {
        let mut beds: BTreeMap<&str, Bed> = BTreeMap::new();
        let names: Vec<&str> = tables.iter().map(|table| table.shape.name).collect();
        for table in tables {
            beds.insert(table.shape.name, Bed::new(seed, table));
        }
        rule_out_details(&mut beds);
        for name in &names {
            if let Some(mut bed) = beds.remove(name) {
                for planting in PLANTINGS.iter().filter(|planting| planting.table == *name) {
                    bed.plant(planting);
                }
                quarantine_details(&mut beds, &bed);
                beds.insert(name, bed);
            }
        }
        let tables = names.iter().filter_map(|name| beds.remove(name)).map(Bed::harvest).collect();
        Self { tables }
    }

    /// The table called `name`; truth that asks for another one is a mistake of ours.
    pub(super) fn table(&self, name: &str) -> Result<&DirtyTable> {
        let found = self.tables.iter().find(|dirty| dirty.table.shape.name == name);
        found.ok_or_else(|| Error::internal(format!("the demo company has no table `{name}`")))
    }

    /// The tables of one system.
    pub(super) fn of(&self, source: Source) -> impl Iterator<Item = &DirtyTable> {
        self.tables.iter().filter(move |dirty| dirty.table.shape.source == source)
    }
}

/// A table while it is being planted.
#[derive(Debug)]
struct Bed {
    table: Table,
    dice: Dice,
    defects: Vec<Defect>,
    ruled_out: BTreeSet<usize>,
    /// Rows that take no more dirt.
    taken: BTreeSet<usize>,
}

impl Bed {
    fn new(seed: u64, table: Table) -> Self {
        let dice = Dice::new(seed, &format!("dirt/{}", table.shape.name));
        let ruled_out = rows_ruled_out(&table);
        Self { table, dice, defects: Vec::new(), taken: ruled_out.clone(), ruled_out }
    }

    fn plant(&mut self, planting: &Planting) {
        let row_count = self.table.rows.len();
        let wanted = (row_count * planting.per_mille / 1_000).max(1);
        let mut planted = 0;
        // Some rows cannot go wrong in some ways, so there are more throws than defects.
        for _ in 0..wanted * 60 {
            if planted == wanted {
                break;
            }
            let row = self.dice.index(row_count);
            if !self.taken.contains(&row) && self.spoil(row, planting, planted) {
                self.taken.insert(row);
                planted += 1;
            }
        }
    }

    /// Spoils one row; false when it cannot be spoiled in this way.
    fn spoil(&mut self, row: usize, planting: &Planting, serial: usize) -> bool {
        let Planting { column, kind, fill, .. } = *planting;
        let mut value = String::new();
        if kind != Kind::DuplicateRow {
            let Some(position) = self.table.get_position(column) else { return false };
            let source = self.table.shape.source;
            let Some(old) = self.table.rows[row][position].as_deref() else { return false };
            let Some(cell) = get_spoiled(kind, old, fill, serial, source) else { return false };
            value = cell.clone().unwrap_or_default();
            self.table.rows[row][position] = cell;
        }
        self.defects.push(Defect { row, column, kind, value });
        true
    }

    /// Adds the duplicates, each up to five rows below its original.
    fn harvest(mut self) -> DirtyTable {
        let clean_count = self.table.rows.len();
        self.defects.sort_by_key(|defect| defect.row);
        let mut copies: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        for defect in self.defects.iter().filter(|defect| defect.kind == Kind::DuplicateRow) {
            let below = (defect.row + self.dice.index(6)).min(clean_count - 1);
            copies.entry(below).or_default().push(defect.row);
        }
        let mut origins = Vec::new();
        for row in 0..clean_count {
            origins.push((row, false));
            origins.extend(copies.get(&row).into_iter().flatten().map(|&copy| (copy, true)));
        }
        self.table.rows = origins.iter().map(|&(row, _)| self.table.rows[row].clone()).collect();
        let by_row = self.defects.iter().enumerate().map(|(index, d)| (d.row, index)).collect();
        let Self { table, defects, ruled_out, .. } = self;
        DirtyTable { table, clean_count, defects, ruled_out, origins, by_row }
    }
}

/// Documents that are not submitted and records that are deleted.
fn rows_ruled_out(table: &Table) -> BTreeSet<usize> {
    let is_out = |column: &str, value: &str| match column {
        "docstatus" => value != "1",
        "deleted" => value == "1",
        _ => false,
    };
    let mut ruled_out = BTreeSet::new();
    for (position, (column, _)) in table.shape.columns.iter().enumerate() {
        let rows = table.rows.iter().enumerate();
        ruled_out.extend(
            rows.filter(|(_, row)| row[position].as_deref().is_some_and(|v| is_out(column, v)))
                .map(|(index, _)| index),
        );
    }
    ruled_out
}

/// Details follow their header out.
fn rule_out_details(beds: &mut BTreeMap<&str, Bed>) {
    for (header, detail, column) in FAMILIES {
        let Some(keys) = beds.get(header).map(|bed| keys(bed, &bed.ruled_out)) else { continue };
        let Some(bed) = beds.get_mut(detail) else { continue };
        let rows = rows_under(bed, column, &keys);
        bed.ruled_out.extend(&rows);
        bed.taken.extend(&rows);
    }
}

/// Details of quarantined headers are quarantined; those of other dirty headers stay clean.
fn quarantine_details(beds: &mut BTreeMap<&str, Bed>, header: &Bed) {
    for (name, detail, column) in FAMILIES {
        let Some(bed) = beds.get_mut(detail).filter(|_| name == header.table.shape.name) else {
            continue;
        };
        bed.taken.extend(rows_under(bed, column, &keys(header, &header.taken)));
        let lost: BTreeSet<usize> = header
            .defects
            .iter()
            .filter(|defect| defect.kind.outcome() == Outcome::Quarantined)
            .map(|defect| defect.row)
            .collect();
        for row in rows_under(bed, column, &keys(header, &lost)) {
            let position = bed.table.get_position(column).unwrap_or(0);
            let value = bed.table.rows[row][position].clone().unwrap_or_default();
            bed.defects.push(Defect { row, column, kind: Kind::ParentQuarantined, value });
        }
    }
}

fn keys(bed: &Bed, rows: &BTreeSet<usize>) -> BTreeSet<String> {
    rows.iter().map(|&row| bed.table.key(row)).collect()
}

fn rows_under(bed: &Bed, column: &str, keys: &BTreeSet<String>) -> Vec<usize> {
    let Some(position) = bed.table.get_position(column) else { return Vec::new() };
    let rows = bed.table.rows.iter().enumerate();
    rows.filter(|(_, row)| row[position].as_ref().is_some_and(|key| keys.contains(key)))
        .map(|(index, _)| index)
        .collect()
}
