//! What there is to ask: catalogs, schemas, tables, table types, keys and facts about the server.
//!
//! Drivers compare the schemas of these answers with those of the format, nullability included.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{RecordBatch, Scalar, StringArray};
use arrow::compute::like;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use arrow_flight::error::FlightError;
use arrow_flight::sql::metadata::{GetTablesBuilder, SqlInfoDataBuilder};
use arrow_flight::sql::{Command, CommandGetTables};
use datafusion::catalog::SchemaProvider;
use datafusion::logical_expr::TableType;

use super::{keys, sql_info, wire, xdbc};
use crate::engine::{CATALOG, Snapshot};
use crate::error::{Error, Result};

/// The spelling of the SQL standard and of `information_schema`.
const BASE_TABLE: &str = "BASE TABLE";
/// The spelling of ODBC; it means the same.
const TABLE: &str = "TABLE";
const VIEW: &str = "VIEW";
const LOCAL_TEMPORARY: &str = "LOCAL TEMPORARY";

/// The field metadata from which remarks are taken.
const DESCRIPTION_KEY: &str = "description";

/// The schema of the answer to `command`, or `None` if it is not a question about metadata.
pub(super) fn schema(command: &Command) -> Option<SchemaRef> {
    Some(match command {
        Command::CommandGetCatalogs(asked) => asked.into_builder().schema(),
        Command::CommandGetDbSchemas(asked) => asked.clone().into_builder().schema(),
        Command::CommandGetTables(asked) => asked.clone().into_builder().schema(),
        Command::CommandGetTableTypes(_) => table_types_schema(),
        Command::CommandGetSqlInfo(_) => Arc::new(SqlInfoDataBuilder::schema().clone()),
        Command::CommandGetXdbcTypeInfo(_) => xdbc::schema(),
        Command::CommandGetPrimaryKeys(_) => keys::primary_schema(),
        Command::CommandGetImportedKeys(_)
        | Command::CommandGetExportedKeys(_)
        | Command::CommandGetCrossReference(_) => keys::foreign_schema(),
        _ => return None,
    })
}

/// The answer to `command`, which must be one for which [`schema`] has a schema.
pub(super) async fn answer(snapshot: &Snapshot, command: &Command) -> Result<RecordBatch> {
    match command {
        Command::CommandGetCatalogs(asked) => {
            let mut builder = asked.into_builder();
            builder.append(CATALOG);
            builder.build().map_err(unbuilt)
        }
        Command::CommandGetDbSchemas(asked) => {
            let mut builder = asked.clone().into_builder();
            for (name, _) in schemas(snapshot) {
                builder.append(CATALOG, name);
            }
            builder.build().map_err(unbuilt)
        }
        Command::CommandGetTables(asked) => tables(snapshot, asked).await,
        Command::CommandGetTableTypes(_) => {
            let types = StringArray::from(vec![BASE_TABLE, VIEW]);
            Ok(RecordBatch::try_new(table_types_schema(), vec![Arc::new(types)])?)
        }
        Command::CommandGetSqlInfo(asked) => sql_info::facts(&asked.info),
        Command::CommandGetXdbcTypeInfo(asked) => xdbc::types(asked.data_type),
        Command::CommandGetPrimaryKeys(asked) => keys::primary(&snapshot.keys, asked),
        Command::CommandGetImportedKeys(asked) => keys::imported(&snapshot.keys, asked),
        Command::CommandGetExportedKeys(asked) => keys::exported(&snapshot.keys, asked),
        Command::CommandGetCrossReference(asked) => keys::between(&snapshot.keys, asked),
        _ => Err(Error::internal("not a question about metadata")),
    }
}

fn unbuilt(error: FlightError) -> Error {
    Error::internal("building an answer about metadata").because(error)
}

fn table_types_schema() -> SchemaRef {
    Arc::new(Schema::new(vec![Field::new("table_type", DataType::Utf8, false)]))
}

fn schemas(snapshot: &Snapshot) -> Vec<(String, Arc<dyn SchemaProvider>)> {
    let Some(catalog) = snapshot.context.catalog(CATALOG) else { return Vec::new() };
    let names = catalog.schema_names().into_iter();
    names.filter_map(|name| catalog.schema(&name).map(|schema| (name, schema))).collect()
}

/// Relations that match every filter; filters left out match everything.
async fn tables(snapshot: &Snapshot, asked: &CommandGetTables) -> Result<RecordBatch> {
    // The filters are applied here, before the schemas of tables are asked for.
    let none = || None::<String>;
    let types: [String; 0] = [];
    let mut builder = GetTablesBuilder::new(none(), none(), none(), types, asked.include_schema);
    let wanted_catalog = asked.catalog.as_ref().is_none_or(|catalog| catalog == CATALOG);
    for (schema_name, schema) in schemas(snapshot) {
        if !wanted_catalog || !matches(&schema_name, asked.db_schema_filter_pattern.as_deref())? {
            continue;
        }
        for name in schema.table_names() {
            if !matches(&name, asked.table_name_filter_pattern.as_deref())? {
                continue;
            }
            let Some(table) = schema.table(&name).await? else { continue };
            let Some(spelling) = spelling(table.table_type(), &asked.table_types) else {
                continue;
            };
            let columns = described(&table.schema(), &schema_name, &name);
            builder.append(CATALOG, &schema_name, &name, spelling, &columns).map_err(unbuilt)?;
        }
    }
    builder.build().map_err(unbuilt)
}

/// The type as the client spells it, or `None` if the client did not ask for such tables.
///
/// ODBC asks for `TABLE` and JDBC for `BASE TABLE`, and both drop rows with the other spelling.
fn spelling(table_type: TableType, asked: &[String]) -> Option<&str> {
    let accepted: &[&str] = match table_type {
        TableType::Base => &[BASE_TABLE, TABLE],
        TableType::View => &[VIEW],
        TableType::Temporary => &[LOCAL_TEMPORARY],
    };
    if asked.is_empty() {
        return accepted.first().copied();
    }
    let known = |name: &&String| accepted.iter().any(|other| name.eq_ignore_ascii_case(other));
    asked.iter().find(known).map(String::as_str)
}

/// SQL's LIKE with `\` as the escape; no pattern matches everything, an empty one only "".
fn matches(name: &str, pattern: Option<&str>) -> Result<bool> {
    let Some(pattern) = pattern else { return Ok(true) };
    let matched =
        like(&StringArray::new_scalar(name), &Scalar::new(StringArray::from(vec![pattern])))?;
    Ok(matched.value(0))
}

/// The columns of a table with what tools show about them.
fn described(columns: &Schema, schema: &str, table: &str) -> Schema {
    let fields: Vec<Field> =
        columns.fields().iter().map(|field| described_field(field, schema, table)).collect();
    Schema::new_with_metadata(fields, columns.metadata().clone())
}

fn described_field(field: &Field, schema: &str, table: &str) -> Field {
    let data_type = wire::data_type(field.data_type());
    let flag = |yes: bool| if yes { "1" } else { "0" }.to_owned();
    let mut entries = HashMap::from([
        ("CATALOG_NAME", CATALOG.to_owned()),
        ("SCHEMA_NAME", schema.to_owned()),
        ("TABLE_NAME", table.to_owned()),
        ("TYPE_NAME", xdbc::type_name(&data_type).to_owned()),
        ("IS_READ_ONLY", flag(true)),
        ("IS_AUTO_INCREMENT", flag(false)),
        ("IS_SEARCHABLE", flag(true)),
        ("IS_CASE_SENSITIVE", flag(data_type == DataType::Utf8)),
    ]);
    if let Some((precision, scale)) = xdbc::precision_and_scale(&data_type) {
        entries.insert("PRECISION", precision.to_string());
        entries.insert("SCALE", scale.to_string());
    }
    if let Some(description) = field.metadata().get(DESCRIPTION_KEY) {
        entries.insert("REMARKS", description.clone());
    }
    let entries =
        entries.into_iter().map(|(key, value)| (format!("ARROW:FLIGHT:SQL:{key}"), value));
    wire::with_metadata(
        // Whether a column can be NULL is a fact about the table, unlike in results.
        Field::new(field.name(), data_type, field.is_nullable())
            .with_metadata(field.metadata().clone()),
        entries.collect(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns() {
        let cases = [
            ("sales", None, true),
            ("sales", Some(""), false),
            ("sales", Some("%"), true),
            ("sales", Some("s_les"), true),
            ("sales", Some("S%"), false),
            ("sales_detail", Some("sales\\_detail"), true),
            ("salesXdetail", Some("sales\\_detail"), false),
            ("sales$detail", Some("sales$%"), true),
            ("50%", Some("50\\%"), true),
            ("501", Some("50\\%"), false),
            ("a.b", Some("a_b"), true),
        ];
        for (name, pattern, expected) in cases {
            assert_eq!(matches(name, pattern).unwrap(), expected, "{name} like {pattern:?}");
        }
    }

    #[test]
    fn table_types_come_back_as_they_were_asked_for() {
        let asked = |types: &[&str]| types.iter().map(|t| (*t).to_owned()).collect::<Vec<_>>();
        let base = |types: &[&str]| spelling(TableType::Base, &asked(types)).map(ToOwned::to_owned);
        assert_eq!(base(&[]).as_deref(), Some("BASE TABLE"));
        assert_eq!(base(&["VIEW", "TABLE"]).as_deref(), Some("TABLE"));
        assert_eq!(base(&["BASE TABLE", "table"]).as_deref(), Some("BASE TABLE"));
        assert_eq!(base(&["VIEW"]), None);
        assert_eq!(spelling(TableType::View, &[]), Some("VIEW"));
    }

    #[test]
    fn remarks_come_from_the_description() {
        let field = Field::new("revenue", DataType::Decimal128(18, 2), false)
            .with_metadata(HashMap::from([("description".into(), "net of tax".into())]));
        let described = described_field(&field, "cubes", "sales");
        let metadata = described.metadata();
        assert_eq!(metadata["ARROW:FLIGHT:SQL:REMARKS"], "net of tax");
        assert_eq!(metadata["ARROW:FLIGHT:SQL:PRECISION"], "18");
        assert_eq!(metadata["ARROW:FLIGHT:SQL:SCALE"], "2");
        assert_eq!(metadata["ARROW:FLIGHT:SQL:TABLE_NAME"], "sales");
        assert_eq!(metadata["description"], "net of tax");
        assert!(!described.is_nullable());
    }
}
