//! Primary, imported and exported keys and the cross reference, in the order the format asks for.

use std::sync::{Arc, LazyLock};

use arrow::array::{ArrayRef, Int32Array, RecordBatch, StringArray, UInt8Array};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use arrow_flight::sql::{
    CommandGetCrossReference, CommandGetExportedKeys, CommandGetImportedKeys,
    CommandGetPrimaryKeys, UpdateDeleteRules,
};

use crate::engine::{CATALOG, ForeignKey, Keys, RelationName};
use crate::error::Result;

static PRIMARY: LazyLock<SchemaRef> = LazyLock::new(|| {
    Arc::new(Schema::new(vec![
        Field::new("catalog_name", DataType::Utf8, true),
        Field::new("db_schema_name", DataType::Utf8, true),
        Field::new("table_name", DataType::Utf8, false),
        Field::new("column_name", DataType::Utf8, false),
        Field::new("key_name", DataType::Utf8, true),
        Field::new("key_sequence", DataType::Int32, false),
    ]))
});

static FOREIGN: LazyLock<SchemaRef> = LazyLock::new(|| {
    Arc::new(Schema::new(vec![
        Field::new("pk_catalog_name", DataType::Utf8, true),
        Field::new("pk_db_schema_name", DataType::Utf8, true),
        Field::new("pk_table_name", DataType::Utf8, false),
        Field::new("pk_column_name", DataType::Utf8, false),
        Field::new("fk_catalog_name", DataType::Utf8, true),
        Field::new("fk_db_schema_name", DataType::Utf8, true),
        Field::new("fk_table_name", DataType::Utf8, false),
        Field::new("fk_column_name", DataType::Utf8, false),
        Field::new("key_sequence", DataType::Int32, false),
        Field::new("fk_key_name", DataType::Utf8, true),
        Field::new("pk_key_name", DataType::Utf8, true),
        Field::new("update_rule", DataType::UInt8, false),
        Field::new("delete_rule", DataType::UInt8, false),
    ]))
});

/// The schema of primary keys.
pub(super) fn primary_schema() -> SchemaRef {
    Arc::clone(&PRIMARY)
}

/// The schema of imported and exported keys and of the cross reference.
pub(super) fn foreign_schema() -> SchemaRef {
    Arc::clone(&FOREIGN)
}

/// The primary key of the table asked for.
pub(super) fn primary(keys: &Keys, asked: &CommandGetPrimaryKeys) -> Result<RecordBatch> {
    let asked = Asked::new(asked.catalog.as_deref(), asked.db_schema.as_deref(), &asked.table);
    let mut rows: Vec<(&RelationName, &str, i32, &str)> = keys
        .primary
        .iter()
        .filter(|key| asked.is(&key.relation))
        .flat_map(|key| {
            let columns = key.columns.iter().zip(1..);
            columns.map(|(column, n)| (&key.relation, key.name.as_str(), n, column.as_str()))
        })
        .collect();
    rows.sort_unstable();
    let columns: Vec<ArrayRef> = vec![
        strings(rows.iter().map(|_| CATALOG)),
        strings(rows.iter().map(|row| row.0.schema.as_str())),
        strings(rows.iter().map(|row| row.0.table.as_str())),
        strings(rows.iter().map(|row| row.3)),
        strings(rows.iter().map(|row| row.1)),
        Arc::new(Int32Array::from_iter_values(rows.iter().map(|row| row.2))),
    ];
    Ok(RecordBatch::try_new(primary_schema(), columns)?)
}

/// What the table asked for refers to.
pub(super) fn imported(keys: &Keys, asked: &CommandGetImportedKeys) -> Result<RecordBatch> {
    let asked = Asked::new(asked.catalog.as_deref(), asked.db_schema.as_deref(), &asked.table);
    let mut links: Vec<_> = keys.foreign.iter().filter(|key| asked.is(&key.from)).collect();
    links.sort_by_key(|key| (&key.to, primary_name(keys, key), &key.name));
    foreign(keys, &links)
}

/// What refers to the table asked for.
pub(super) fn exported(keys: &Keys, asked: &CommandGetExportedKeys) -> Result<RecordBatch> {
    let asked = Asked::new(asked.catalog.as_deref(), asked.db_schema.as_deref(), &asked.table);
    let mut links: Vec<_> = keys.foreign.iter().filter(|key| asked.is(&key.to)).collect();
    links.sort_by_key(|key| (&key.from, &key.name));
    foreign(keys, &links)
}

/// How one table refers to another.
pub(super) fn between(keys: &Keys, asked: &CommandGetCrossReference) -> Result<RecordBatch> {
    let to =
        Asked::new(asked.pk_catalog.as_deref(), asked.pk_db_schema.as_deref(), &asked.pk_table);
    let from =
        Asked::new(asked.fk_catalog.as_deref(), asked.fk_db_schema.as_deref(), &asked.fk_table);
    let mut links: Vec<_> =
        keys.foreign.iter().filter(|key| to.is(&key.to) && from.is(&key.from)).collect();
    links.sort_by_key(|key| (&key.to, primary_name(keys, key), &key.from, &key.name));
    foreign(keys, &links)
}

/// One row for each column of each link, in the order of `links`.
fn foreign(keys: &Keys, links: &[&ForeignKey]) -> Result<RecordBatch> {
    let rows: Vec<(&ForeignKey, &str, &str, i32)> = links
        .iter()
        .flat_map(|key| {
            let columns = key.to_columns.iter().zip(&key.from_columns).zip(1..);
            columns.map(|((to, from), n)| (*key, to.as_str(), from.as_str(), n))
        })
        .collect();
    // Nothing is deleted from a dimension, so neither rule ever acts.
    let no_action = u8::try_from(UpdateDeleteRules::NoAction as i32).unwrap_or_default();
    let rules: ArrayRef = Arc::new(UInt8Array::from(vec![no_action; rows.len()]));
    let columns: Vec<ArrayRef> = vec![
        strings(rows.iter().map(|_| CATALOG)),
        strings(rows.iter().map(|row| row.0.to.schema.as_str())),
        strings(rows.iter().map(|row| row.0.to.table.as_str())),
        strings(rows.iter().map(|row| row.1)),
        strings(rows.iter().map(|_| CATALOG)),
        strings(rows.iter().map(|row| row.0.from.schema.as_str())),
        strings(rows.iter().map(|row| row.0.from.table.as_str())),
        strings(rows.iter().map(|row| row.2)),
        Arc::new(Int32Array::from_iter_values(rows.iter().map(|row| row.3))),
        strings(rows.iter().map(|row| row.0.name.as_str())),
        Arc::new(rows.iter().map(|row| primary_name(keys, row.0)).collect::<StringArray>()),
        Arc::clone(&rules),
        rules,
    ];
    Ok(RecordBatch::try_new(foreign_schema(), columns)?)
}

fn primary_name<'k>(keys: &'k Keys, link: &ForeignKey) -> Option<&'k str> {
    keys.primary.iter().find(|key| key.relation == link.to).map(|key| key.name.as_str())
}

fn strings<'a>(values: impl Iterator<Item = &'a str>) -> ArrayRef {
    Arc::new(StringArray::from_iter_values(values))
}

/// A table as clients name it: parts left out match everything, empty ones match nothing.
struct Asked<'a> {
    catalog: Option<&'a str>,
    schema: Option<&'a str>,
    table: &'a str,
}

impl<'a> Asked<'a> {
    fn new(catalog: Option<&'a str>, schema: Option<&'a str>, table: &'a str) -> Self {
        Self { catalog, schema, table }
    }

    fn is(&self, relation: &RelationName) -> bool {
        self.catalog.is_none_or(|catalog| catalog == CATALOG)
            && self.schema.is_none_or(|schema| schema == relation.schema)
            && self.table == relation.table
    }
}

#[cfg(test)]
mod tests {
    use arrow::array::AsArray;

    use super::*;
    use crate::engine::PrimaryKey;

    fn relation(table: &str) -> RelationName {
        RelationName { schema: "warehouse".into(), table: table.into() }
    }

    fn link(name: &str, column: &str, to: &str) -> ForeignKey {
        ForeignKey {
            name: name.into(),
            from: relation("sales"),
            from_columns: vec![column.into()],
            to: relation(to),
            to_columns: vec![format!("{to}_key")],
        }
    }

    fn star() -> Keys {
        let primary = |table: &str| PrimaryKey {
            name: format!("{table}_pk"),
            relation: relation(table),
            columns: vec![format!("{table}_key")],
        };
        Keys {
            primary: vec![primary("date"), primary("customer")],
            foreign: vec![
                link("sales_ship_date", "ship_date_key", "date"),
                link("sales_order_date", "order_date_key", "date"),
                link("sales_customer", "customer_key", "customer"),
            ],
        }
    }

    fn column(batch: &RecordBatch, name: &str) -> Vec<String> {
        let values = batch.column_by_name(name).unwrap().as_string::<i32>();
        values.iter().flatten().map(ToOwned::to_owned).collect()
    }

    #[test]
    fn a_role_playing_dimension_is_imported_once_for_each_role() {
        let asked = CommandGetImportedKeys { table: "sales".into(), ..Default::default() };
        let batch = imported(&star(), &asked).unwrap();
        assert_eq!(
            column(&batch, "fk_column_name"),
            ["customer_key", "order_date_key", "ship_date_key"]
        );
        assert_eq!(column(&batch, "pk_key_name"), ["customer_pk", "date_pk", "date_pk"]);
    }

    #[test]
    fn parts_left_out_match_and_empty_ones_do_not() {
        let keys = star();
        let mut asked = CommandGetPrimaryKeys { table: "date".into(), ..Default::default() };
        assert_eq!(column(&primary(&keys, &asked).unwrap(), "column_name"), ["date_key"]);
        asked.db_schema = Some(String::new());
        assert_eq!(primary(&keys, &asked).unwrap().num_rows(), 0);
        asked.db_schema = Some("warehouse".into());
        asked.catalog = Some("other".into());
        assert_eq!(primary(&keys, &asked).unwrap().num_rows(), 0);
    }

    #[test]
    fn the_other_two_directions() {
        let keys = star();
        let asked = CommandGetExportedKeys { table: "date".into(), ..Default::default() };
        let names = column(&exported(&keys, &asked).unwrap(), "fk_key_name");
        assert_eq!(names, ["sales_order_date", "sales_ship_date"]);
        let asked = CommandGetCrossReference {
            pk_table: "customer".into(),
            fk_table: "sales".into(),
            ..Default::default()
        };
        assert_eq!(between(&keys, &asked).unwrap().num_rows(), 1);
        assert_eq!(between(&Keys::default(), &asked).unwrap().schema(), foreign_schema());
    }
}
