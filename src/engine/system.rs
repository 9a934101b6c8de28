//! The relations of schema `system`: what the warehouse knows about itself.

use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray};
use arrow::datatypes::{DataType, Field, Schema, TimeUnit};
use datafusion::catalog::{MemTable, TableProvider};

use crate::cube;
use crate::error::Result;
use crate::lineage;
use crate::load::QUARANTINE_TABLE;
use crate::model::Model;
use crate::warehouse::{Epoch, TableLoad, Warehouse};

/// Name and rows of each relation as `epoch` shows it.
pub(super) async fn system_tables(
    warehouse: &Warehouse,
    epoch: &Epoch,
    model: &Model,
) -> Result<Vec<(String, Arc<dyn TableProvider>)>> {
    let epochs = warehouse.epochs_until(epoch.number).await?;
    let mut tables: Vec<(String, Arc<dyn TableProvider>)> = vec![
        ("epochs".into(), table(epoch_rows(&epochs)?)?),
        ("loads".into(), table(load_rows(&epochs)?)?),
        ("load_rules".into(), table(rule_rows(&epochs)?)?),
        ("quarantine".into(), warehouse.table(epoch, QUARANTINE_TABLE).await?),
    ];
    let described = [
        ("cubes", cube::cubes(&model.cubes)?),
        ("dimensions", cube::dimensions(&model.cubes)?),
        ("hierarchies", cube::hierarchies(&model.cubes)?),
        ("levels", cube::levels(&model.cubes)?),
        ("measures", cube::measures(&model.cubes)?),
        ("lineage", lineage::relation(model)?),
    ];
    for (name, rows) in described {
        tables.push((name.to_owned(), table(rows)?));
    }
    Ok(tables)
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
