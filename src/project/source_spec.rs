//! `sources:` — where rows come from.

use std::collections::BTreeMap;
use std::time::Duration;

use chrono_tz::Tz;

use super::server_spec;
use super::settings::read_zone;
use crate::declare::{
    Code, Diagnostic, Diagnostics, Fields, Located, Node, Span, Variables, text_of,
};
use crate::source::{ColumnType, CsvFormat, ServerAddress, ZeroDates};

/// One source as declared.
#[derive(Debug)]
pub struct SourceSpec {
    /// How it is reached.
    pub connector: ConnectorSpec,
    /// The zone of its wall times; the project's when absent.
    pub time_zone: Option<Tz>,
    /// Its tables by name.
    pub tables: BTreeMap<String, SourceTableSpec>,
}

/// How a source is reached.
#[derive(Debug)]
pub enum ConnectorSpec {
    /// Delimited text files under a folder.
    Csv {
        /// The folder.
        path: Located<String>,
    },
    /// JSON files under a folder.
    Json {
        /// The folder.
        path: Located<String>,
    },
    /// A database file or the script that builds one.
    Sqlite {
        /// The file.
        path: Located<String>,
        /// Whether it is a script.
        script: bool,
    },
    /// A database of a PostgreSQL server.
    Postgres {
        /// The server and the database.
        address: ServerAddress,
        /// The schema of tables that name none.
        schema: String,
        /// How long one statement may take; for ever when absent.
        statement_timeout: Option<Duration>,
    },
    /// A database of a MySQL or MariaDB server.
    Mysql {
        /// The server and the database.
        address: ServerAddress,
        /// How long one statement may take; for ever when absent.
        statement_timeout: Option<Duration>,
        /// What becomes of `0000-00-00`.
        zero_dates: ZeroDates,
    },
}

/// One table of a source as declared.
#[derive(Debug)]
pub struct SourceTableSpec {
    /// Where it is declared.
    pub span: Span,
    /// How its files are written; for JSON only pattern and types count, for a database only types.
    pub format: CsvFormat,
    /// The table's name in its database.
    pub native_name: String,
    /// The schema it is in, where that is not the source's.
    pub schema: Option<String>,
    /// Columns that tell its rows apart.
    pub key: Vec<String>,
}

/// The kinds of connectors.
pub(super) const CONNECTORS: [&str; 5] = ["csv", "json", "sqlite", "postgres", "mysql"];

pub(super) fn read(
    name: &Located<String>,
    node: &Node,
    variables: &Variables,
    diagnostics: &mut Diagnostics,
) -> Option<SourceSpec> {
    super::check_name("source", name, diagnostics);
    let mut fields = Fields::of(node, "a source", variables, diagnostics)?;
    let chosen = fields.choice(&CONNECTORS, diagnostics);
    let mut defaults = CsvFormat::new("");
    let connector = chosen
        .and_then(|(kind, node)| read_connector(kind, node, &mut defaults, variables, diagnostics));
    let time_zone = read_zone(&mut fields, diagnostics);
    let mut tables = BTreeMap::new();
    for (table, node) in fields.entries("tables", diagnostics) {
        let spec = read_table(table, node, &defaults, chosen?.0, variables, diagnostics);
        tables.extend(spec.map(|spec| (table.value.clone(), spec)));
    }
    fields.finish(diagnostics);
    Some(SourceSpec { connector: connector?, time_zone, tables })
}

fn read_connector(
    kind: &str,
    node: &Node,
    defaults: &mut CsvFormat,
    variables: &Variables,
    diagnostics: &mut Diagnostics,
) -> Option<ConnectorSpec> {
    let mut fields = Fields::of(node, "a connector", variables, diagnostics)?;
    let connector = match kind {
        "csv" => {
            read_format(&mut fields, defaults, diagnostics);
            fields.required_text("path", diagnostics).map(|path| ConnectorSpec::Csv { path })
        }
        "json" => {
            fields.required_text("path", diagnostics).map(|path| ConnectorSpec::Json { path })
        }
        "postgres" | "mysql" => server_spec::read(kind, &mut fields, variables, diagnostics),
        _ => {
            let choice = fields.choice(&["path", "script"], diagnostics);
            choice.and_then(|(key, node)| {
                let path = text_of(node, key, variables, diagnostics)?;
                Some(ConnectorSpec::Sqlite { path, script: key == "script" })
            })
        }
    };
    fields.finish(diagnostics);
    connector
}

fn read_table(
    name: &Located<String>,
    node: &Node,
    defaults: &CsvFormat,
    kind: &str,
    variables: &Variables,
    diagnostics: &mut Diagnostics,
) -> Option<SourceTableSpec> {
    let mut fields = Fields::of(node, "a table", variables, diagnostics)?;
    let mut format = defaults.clone();
    let mut native_name = name.value.clone();
    let key = fields.texts("key", diagnostics).into_iter().map(|key| key.value).collect();
    let mut schema = None;
    if ["sqlite", "postgres", "mysql"].contains(&kind) {
        if let Some(table) = fields.text("table", diagnostics) {
            native_name = table.value;
        }
        if kind == "postgres" {
            schema = fields.text("schema", diagnostics).map(|schema| schema.value);
        }
        if kind != "sqlite" {
            format.types = read_types(&mut fields, diagnostics);
        }
    } else {
        if kind == "csv" {
            read_format(&mut fields, &mut format, diagnostics);
        }
        format.types.extend(read_types(&mut fields, diagnostics));
        format.pattern = fields.required_text("file", diagnostics)?.value;
    }
    fields.finish(diagnostics);
    Some(SourceTableSpec { span: name.span.clone(), format, native_name, schema, key })
}

/// How text files are written; what is given here overrides `format`.
fn read_format(fields: &mut Fields<'_>, format: &mut CsvFormat, diagnostics: &mut Diagnostics) {
    if let Some(delimiter) = fields.text("delimiter", diagnostics) {
        read_byte(&delimiter, "delimiter", &mut format.delimiter, diagnostics);
    }
    if let Some(point) = fields.text("decimal", diagnostics) {
        read_byte(&point, "decimal", &mut format.point, diagnostics);
    }
    if let Some(name) = fields.text("encoding", diagnostics) {
        match CsvFormat::encoding(&name.value) {
            Some(encoding) => format.encoding = encoding,
            None => {
                let message = format!(
                    "`{}` is not an encoding that can be read; there is utf-8, cp1252, gbk, gb18030, \
                     big5, shift_jis, iso-8859-15, …; convert UTF-16 to UTF-8",
                    name.value
                );
                diagnostics.push(Diagnostic::new(Code::WrongValue, name.span, message));
            }
        }
    }
    if fields.key_span("nulls").is_some() {
        let nulls = fields.texts("nulls", diagnostics);
        format.nulls = nulls.into_iter().map(|null| null.value).collect();
    }
}

fn read_byte(text: &Located<String>, key: &str, byte: &mut u8, diagnostics: &mut Diagnostics) {
    let value = if text.value == "\\t" { "\t" } else { text.value.as_str() };
    match value.as_bytes() {
        [one] => *byte = *one,
        _ => {
            let message = format!("`{key}` must be one ASCII character");
            diagnostics.push(Diagnostic::new(Code::WrongValue, text.span.clone(), message));
        }
    }
}

fn read_types(
    fields: &mut Fields<'_>,
    diagnostics: &mut Diagnostics,
) -> BTreeMap<String, ColumnType> {
    let variables = fields.variables();
    let mut types = BTreeMap::new();
    for (column, node) in fields.entries("types", diagnostics) {
        let Some(text) = text_of(node, "types", variables, diagnostics) else { continue };
        match ColumnType::parse(&text.value) {
            Ok(column_type) => {
                types.insert(column.value.clone(), column_type);
            }
            Err(message) => {
                diagnostics.push(Diagnostic::new(Code::WrongValue, text.span, message));
            }
        }
    }
    types
}
