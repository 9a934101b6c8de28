//! The relations of schema `system`: what the warehouse knows about itself.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray};
use arrow::datatypes::{DataType, Field, Schema, TimeUnit};
use datafusion::catalog::{MemTable, TableProvider};

use super::declared::{Declared, FileState, Mistake};
use crate::cube::{self, Cube, MemberRelation};
use crate::error::Result;
use crate::lineage;
use crate::load::QUARANTINE_TABLE;
use crate::model::ModelView;
use crate::project::Project;
use crate::warehouse::{Epoch, TableLoad, Warehouse};

/// Name and rows of each relation as `epoch` shows it.
pub(super) async fn system_tables(
    warehouse: &Warehouse,
    epoch: &Epoch,
    declared: &Declared,
    project: &Project,
    cubes: &Arc<Vec<Cube>>,
    tables: &BTreeMap<String, Arc<dyn TableProvider>>,
) -> Result<Vec<(String, Arc<dyn TableProvider>)>> {
    let epochs = warehouse.epochs_until(epoch.number).await?;
    let members = MemberRelation::new(Arc::clone(cubes), tables.clone());
    let mut relations: Vec<(String, Arc<dyn TableProvider>)> = vec![
        ("epochs".into(), table(epoch_rows(&epochs)?)?),
        ("loads".into(), table(load_rows(&epochs)?)?),
        ("load_rules".into(), table(rule_rows(&epochs)?)?),
        ("quarantine".into(), warehouse.table(epoch, QUARANTINE_TABLE).await?),
        ("declarations".into(), table(declaration_rows(&declared.files)?)?),
        ("members".into(), Arc::new(members)),
    ];
    let described = [
        ("cubes", cube::cubes(cubes, &declared.states)?),
        ("dimensions", cube::dimensions(cubes)?),
        ("hierarchies", cube::hierarchies(cubes)?),
        ("levels", cube::levels(cubes)?),
        ("measures", cube::measures(cubes)?),
        ("sets", cube::sets(cubes)?),
        ("lineage", lineage::relation(ModelView { project, cubes })?),
    ];
    for (name, rows) in described {
        relations.push((name.to_owned(), table(rows)?));
    }
    Ok(relations)
}

fn table(rows: RecordBatch) -> Result<Arc<dyn TableProvider>> {
    Ok(Arc::new(MemTable::try_new(rows.schema(), vec![vec![rows]])?))
}

fn number(values: impl Iterator<Item = u64>) -> ArrayRef {
    let values = values.map(|value| i64::try_from(value).unwrap_or(i64::MAX));
    Arc::new(Int64Array::from_iter_values(values))
}

fn text<'a>(values: impl Iterator<Item = &'a str>) -> ArrayRef {
    Arc::new(StringArray::from_iter_values(values))
}

/// Columns in order, none nullable.
fn batch(columns: Vec<(&str, ArrayRef)>) -> Result<RecordBatch> {
    let field =
        |(name, column): &(&str, ArrayRef)| Field::new(*name, column.data_type().clone(), false);
    let schema = Schema::new(columns.iter().map(field).collect::<Vec<_>>());
    let columns = columns.into_iter().map(|(_, column)| column).collect();
    Ok(RecordBatch::try_new(Arc::new(schema), columns)?)
}

fn epoch_rows(epochs: &[Arc<Epoch>]) -> Result<RecordBatch> {
    let created: TimestampMicrosecondArray =
        epochs.iter().map(|epoch| Some(epoch.created_at.timestamp_micros())).collect();
    let created =
        created.with_data_type(DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())));
    batch(vec![
        ("epoch", number(epochs.iter().map(|epoch| epoch.number))),
        ("created_at", Arc::new(created)),
        ("run", text(epochs.iter().map(|epoch| epoch.run.as_str()))),
        ("tables", number(epochs.iter().map(|epoch| epoch.tables.len() as u64))),
        ("tables_loaded", number(epochs.iter().map(|epoch| epoch.loads.len() as u64))),
    ])
}

fn load_rows(epochs: &[Arc<Epoch>]) -> Result<RecordBatch> {
    let loads: Vec<(u64, &TableLoad)> = epochs
        .iter()
        .flat_map(|epoch| epoch.loads.iter().map(move |load| (epoch.number, load)))
        .collect();
    let count = |pick: fn(&TableLoad) -> u64| number(loads.iter().map(move |(_, load)| pick(load)));
    batch(vec![
        ("epoch", number(loads.iter().map(|(epoch, _)| *epoch))),
        ("table_name", text(loads.iter().map(|(_, load)| load.table_name.as_str()))),
        ("rows_in", count(|load| load.rows_in)),
        ("rows_loaded", count(|load| load.rows_loaded)),
        ("rows_quarantined", count(TableLoad::rows_quarantined)),
        ("rows_dropped", count(TableLoad::rows_dropped)),
    ])
}

/// One row per rule that took rows out or remarked on them.
fn rule_rows(epochs: &[Arc<Epoch>]) -> Result<RecordBatch> {
    let mut rows: Vec<(u64, &str, &str, &str, u64)> = Vec::new();
    for epoch in epochs {
        for load in &epoch.loads {
            let outcomes = [
                ("quarantined", &load.quarantined),
                ("dropped", &load.dropped),
                ("loaded", &load.remarked),
            ];
            for (outcome, counts) in outcomes {
                for (rule, count) in counts {
                    rows.push((epoch.number, &load.table_name, outcome, rule, *count));
                }
            }
        }
    }
    batch(vec![
        ("epoch", number(rows.iter().map(|row| row.0))),
        ("table_name", text(rows.iter().map(|row| row.1))),
        ("outcome", text(rows.iter().map(|row| row.2))),
        ("rule", text(rows.iter().map(|row| row.3))),
        ("rows", number(rows.iter().map(|row| row.4))),
    ])
}

/// One row per file and mistake in it; a file without one has one row.
fn declaration_rows(files: &[FileState]) -> Result<RecordBatch> {
    let mut rows: Vec<(&FileState, Option<&Mistake>)> = Vec::new();
    for file in files {
        match file.mistakes.is_empty() {
            true => rows.push((file, None)),
            false => rows.extend(file.mistakes.iter().map(|mistake| (file, Some(mistake)))),
        }
    }
    let place = |row: &(&FileState, Option<&Mistake>)| row.1.and_then(|mistake| mistake.place);
    let whole = |number: usize| i64::try_from(number).unwrap_or(i64::MAX);
    let lines: Int64Array =
        rows.iter().map(|row| place(row).map(|(line, _)| whole(line))).collect();
    let columns: Int64Array = rows.iter().map(|row| place(row).map(|(_, at)| whole(at))).collect();
    let text = |pick: fn(&FileState) -> Option<&str>| -> ArrayRef {
        Arc::new(rows.iter().map(|(file, _)| pick(file)).collect::<StringArray>())
    };
    let messages: StringArray =
        rows.iter().map(|(_, mistake)| mistake.map(|m| m.message.as_str())).collect();
    let fields = [
        ("file", DataType::Utf8),
        ("origin", DataType::Utf8),
        ("state", DataType::Utf8),
        ("line_number", DataType::Int64),
        ("column_number", DataType::Int64),
        ("message", DataType::Utf8),
    ];
    let fields = fields.map(|(name, data_type)| Field::new(name, data_type, true));
    Ok(RecordBatch::try_new(
        Arc::new(Schema::new(fields.to_vec())),
        vec![
            text(|file| Some(&file.path)),
            text(|file| file.origin),
            text(|file| Some(file.state)),
            Arc::new(lines),
            Arc::new(columns),
            Arc::new(messages),
        ],
    )?)
}
