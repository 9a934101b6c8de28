//! Written rows in the place of sources, to try declarations on.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::connect::{Connected, connect, zones};
use super::fingerprint::used_tables;
use crate::declare::{Diagnostic, Diagnostics, Located};
use crate::project::{ConnectorSpec, Project, SourceSpec, SourceTableSpec};
use crate::source::{GivenRow, GivenSource, GivenTable, SourceTable};

/// The rows of source tables.
#[derive(Clone, Debug, Default)]
pub struct Given {
    /// In the order written.
    pub tables: Vec<GivenRows>,
}

/// The rows of one source table.
#[derive(Clone, Debug)]
pub struct GivenRows {
    /// As `source.table`.
    pub table: Located<String>,
    /// In the order written.
    pub rows: Vec<GivenRow>,
}

/// Every source table that a feed reads, with the rows of `given`; no row where none are given.
///
/// Its columns are those of the source, as far as that can be looked at here, else those that the
/// rows name. A column that the source does not have is a mistake.
pub(super) fn connect_given(
    project: &Project,
    given: &Given,
    diagnostics: &mut Diagnostics,
) -> BTreeMap<String, Connected> {
    let used = used_tables(project);
    let mut connected = connect(project);
    for (name, real) in connected.iter_mut().filter(|(name, _)| used.contains(name)) {
        let Some((source, table)) = specs(project, name) else { continue };
        let rows = given.tables.iter().find(|given| given.table.value == *name);
        let csv = matches!(source.connector, ConnectorSpec::Csv { .. });
        let nulls = if csv { table.format.nulls.clone() } else { Vec::new() };
        let point = table.format.point;
        let columns = match (real.source.discover(&real.native_name), rows) {
            (Ok(columns), _) => columns,
            (Err(_), Some(given)) => {
                GivenTable::columns_of(&given.rows, &table.format.types, point, &nulls)
            }
            // It stays as it is, so that what is wrong with it is said.
            (Err(_), None) => continue,
        };
        if let Some(given) = rows {
            report_unknown_columns(given, &columns, diagnostics);
        }
        let of_table = GivenTable {
            file: rows.map_or_else(|| name.clone(), |given| given.table.span.file.path.clone()),
            rows: rows.map_or_else(Vec::new, |given| given.rows.clone()),
            columns,
            point,
            nulls,
            zones: zones(project, source),
        };
        let tables = BTreeMap::from([(name.clone(), of_table)]);
        *real = Connected { source: Arc::new(GivenSource { tables }), native_name: name.clone() };
    }
    connected
}

fn specs<'a>(project: &'a Project, name: &str) -> Option<(&'a SourceSpec, &'a SourceTableSpec)> {
    let (source, table) = name.split_once('.')?;
    let source = project.sources.get(source)?;
    Some((source, source.tables.get(table)?))
}

fn report_unknown_columns(given: &GivenRows, columns: &SourceTable, diagnostics: &mut Diagnostics) {
    let known: Vec<&str> = columns.columns.iter().map(|column| column.name.as_str()).collect();
    let mut told: Vec<&str> = Vec::new();
    for (name, _) in given.rows.iter().flat_map(|row| &row.cells) {
        if !known.contains(&name.value.as_str()) && !told.contains(&name.value.as_str()) {
            told.push(&name.value);
            let what = format!("column of `{}`", given.table.value);
            let known = known.iter().copied();
            let span = name.span.clone();
            diagnostics.push(Diagnostic::unknown_name(span, &what, &name.value, known));
        }
    }
}
