//! Source specs → connectors.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use crate::project::{ConnectorSpec, Project, SourceSpec, SourceTableSpec};
use crate::source::{
    CsvFormat, CsvSource, JsonFormat, JsonSource, MysqlSource, PostgresSource, ServerTable, Source,
    SqliteDatabase, SqliteSource, Zones,
};

/// A source table that can be read.
#[derive(Clone, Debug)]
pub(super) struct Connected {
    pub(super) source: Arc<dyn Source>,
    /// The name the source knows it by.
    pub(super) native_name: String,
}

/// Every source table of the project by `source.table`. Nothing is opened yet.
pub(super) fn connect(project: &Project) -> BTreeMap<String, Connected> {
    let mut tables = BTreeMap::new();
    for (name, spec) in &project.sources {
        let source = connector(project, spec);
        for (table, table_spec) in &spec.tables {
            // A source with more to say of a table than its name knows it by the declared one.
            let native_name = match spec.connector {
                ConnectorSpec::Postgres { .. } | ConnectorSpec::Mysql { .. } => table.clone(),
                _ => table_spec.native_name.clone(),
            };
            let connected = Connected { source: Arc::clone(&source), native_name };
            tables.insert(format!("{name}.{table}"), connected);
        }
    }
    tables
}

/// From which zone to which the wall times of a source are converted.
pub(super) fn zones(project: &Project, spec: &SourceSpec) -> Zones {
    let ours = project.settings.time_zone;
    spec.time_zone.filter(|zone| *zone != ours).map(|zone| (zone, ours))
}

fn connector(project: &Project, spec: &SourceSpec) -> Arc<dyn Source> {
    let zones = zones(project, spec);
    let resolve = |path: &str| project.folder.join(Path::new(path));
    let formats = || spec.tables.iter().map(|(name, table)| (name.clone(), table.format.clone()));
    match &spec.connector {
        ConnectorSpec::Csv { path } => {
            let tables: BTreeMap<String, CsvFormat> = formats().collect();
            Arc::new(CsvSource::new(resolve(&path.value), tables, zones))
        }
        ConnectorSpec::Json { path } => {
            let json =
                |format: CsvFormat| JsonFormat { pattern: format.pattern, types: format.types };
            let tables = formats().map(|(name, format)| (name, json(format))).collect();
            Arc::new(JsonSource::new(resolve(&path.value), tables, zones))
        }
        ConnectorSpec::Sqlite { path, script } => {
            let path = resolve(&path.value);
            let database =
                if *script { SqliteDatabase::Script(path) } else { SqliteDatabase::File(path) };
            Arc::new(SqliteSource::new(database, zones))
        }
        ConnectorSpec::Postgres { address, schema, statement_timeout } => {
            let (tables, ours) = (server_tables(spec), project.settings.time_zone);
            let source = PostgresSource::new(
                address.clone(),
                schema.clone(),
                *statement_timeout,
                tables,
                zones,
                ours,
            );
            Arc::new(source)
        }
        ConnectorSpec::Mysql { address, statement_timeout, zero_dates } => {
            let (tables, ours) = (server_tables(spec), project.settings.time_zone);
            let address = address.clone();
            let (timeout, zero_dates) = (*statement_timeout, *zero_dates);
            Arc::new(MysqlSource::new(address, timeout, zero_dates, tables, zones, ours))
        }
    }
}

/// The tables of a database server by the names that feeds use.
fn server_tables(spec: &SourceSpec) -> BTreeMap<String, ServerTable> {
    let table = |(name, table): (&String, &SourceTableSpec)| {
        let of_server = ServerTable {
            schema: table.schema.clone(),
            name: table.native_name.clone(),
            types: table.format.types.clone(),
        };
        (name.clone(), of_server)
    };
    spec.tables.iter().map(table).collect()
}
