//! `checks:` — what a file of checks says, with every mistake found before one is tried.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use crate::cube::{CubeQuery, Filter, Reading, Sort, Top};
use crate::declare::{
    Code, DeclarationFile, Diagnostic, Diagnostics, Fields, Located, Node, Span, Value, Variables,
    parse, text_of,
};
use crate::error::Result;
use crate::load::{Given, GivenRows};
use crate::model::Model;
use crate::project::{duplicate, read_folder, read_title, read_version};
use crate::source::GivenRow;
use crate::star::Title;

/// One check as declared.
#[derive(Debug)]
pub struct CheckSpec {
    /// Its name, which no other check has.
    pub name: Located<String>,
    /// For people.
    pub description: Option<Title>,
    /// The rows it brings; without them the newest epoch is asked.
    pub given: Option<Given>,
    /// What is asked, and what is expected.
    pub question: Question,
    /// How far numbers may lie apart.
    pub tolerance: Option<f64>,
}

/// What a check asks, and what it expects.
#[derive(Debug)]
pub enum Question {
    /// A cube query has these cells.
    Query {
        /// The query.
        query: Box<CubeQuery>,
        /// Where the cube is named.
        span: Span,
        /// The rows that are expected.
        cells: Cells,
    },
    /// A query in SQL has these rows.
    Sql {
        /// The query.
        sql: Located<String>,
        /// The rows that are expected.
        cells: Cells,
    },
    /// A query in SQL has no row.
    NoRows(Located<String>),
    /// Two queries in SQL have the same rows.
    Reconcile([Located<String>; 2]),
    /// Cells of children sum to their parent's.
    AddsUp {
        /// The cube.
        cube: Located<String>,
        /// Additive measures; all of them when empty.
        measures: Vec<Located<String>>,
        /// Hierarchies as `role.hierarchy`; all of them when empty.
        hierarchies: Vec<Located<String>>,
    },
}

/// Expected rows.
#[derive(Debug)]
pub struct Cells {
    /// Where they start.
    pub span: Span,
    /// In the order written.
    pub rows: Vec<CellRow>,
}

/// One expected row: values by column, NULL as `None`.
#[derive(Debug)]
pub struct CellRow {
    /// Where it stands.
    pub span: Span,
    /// In the order written.
    pub cells: Vec<(Located<String>, Located<Option<String>>)>,
}

/// The ways to ask.
pub(super) const QUESTIONS: [&str; 5] = ["query", "sql", "no_rows", "reconcile", "adds_up"];

/// The folder of a project that holds checks.
const FOLDER: &str = "checks";

/// Reads `checks/` of the project in `folder`, whose names are those of `model`.
pub fn read_project(
    folder: &Path,
    model: &Model,
    diagnostics: &mut Diagnostics,
) -> Result<Vec<CheckSpec>> {
    let variables = Variables { folder: folder.to_owned(), ..Variables::default() };
    let mut checks = Vec::new();
    for (path, text) in read_folder(folder, FOLDER)? {
        let file = Arc::new(DeclarationFile { path, text });
        let Some(node) = parse(&file, diagnostics) else { continue };
        read_file(&node, &variables, &mut checks, diagnostics);
    }
    check_names(&checks, model, diagnostics);
    Ok(checks)
}

fn read_file(
    node: &Node,
    variables: &Variables,
    checks: &mut Vec<CheckSpec>,
    diagnostics: &mut Diagnostics,
) {
    let Some(mut fields) = Fields::of(node, "a file of checks", variables, diagnostics) else {
        return;
    };
    read_version(&mut fields, diagnostics);
    fields.required("checks", diagnostics);
    for (name, node) in fields.entries("checks", diagnostics) {
        if checks.iter().any(|other| other.name.value == name.value) {
            diagnostics.push(duplicate("check", name));
        }
        checks.extend(read_check(name, node, variables, diagnostics));
    }
    fields.finish(diagnostics);
}

fn read_check(
    name: &Located<String>,
    node: &Node,
    variables: &Variables,
    diagnostics: &mut Diagnostics,
) -> Option<CheckSpec> {
    let mut fields = Fields::of(node, "a check", variables, diagnostics)?;
    let description = read_title(&mut fields, "description", diagnostics);
    let given = fields.key_span("given").is_some().then(|| read_given(&mut fields, diagnostics));
    let tolerance = read_tolerance(&mut fields, diagnostics);
    let choice = fields.choice(&QUESTIONS, diagnostics);
    let expects = choice.is_some_and(|(kind, _)| ["query", "sql"].contains(&kind));
    let cells = read_cells(&mut fields, expects, diagnostics);
    let question = choice.and_then(|(kind, node)| match kind {
        "query" => {
            let (query, span) = read_query(node, variables, diagnostics)?;
            Some(Question::Query { query: Box::new(query), span, cells: cells? })
        }
        "sql" => {
            Some(Question::Sql { sql: text_of(node, kind, variables, diagnostics)?, cells: cells? })
        }
        "no_rows" => Some(Question::NoRows(text_of(node, kind, variables, diagnostics)?)),
        "reconcile" => {
            let queries = fields.texts("reconcile", diagnostics);
            <[_; 2]>::try_from(queries).map(Question::Reconcile).ok().or_else(|| {
                let message = "`reconcile` is a list of two queries";
                diagnostics.push(Diagnostic::new(Code::WrongValue, node.span.clone(), message));
                None
            })
        }
        _ => read_adds_up(node, variables, diagnostics),
    });
    fields.finish(diagnostics);
    Some(CheckSpec { name: name.clone(), description, given, question: question?, tolerance })
}

fn read_given(fields: &mut Fields<'_>, diagnostics: &mut Diagnostics) -> Given {
    let mut tables = Vec::new();
    for (table, node) in fields.entries("given", diagnostics) {
        let Value::List(items) = &node.value else {
            let message = format!("the rows of `{}` must be a list", table.value);
            diagnostics.push(Diagnostic::new(Code::WrongKind, node.span.clone(), message));
            continue;
        };
        let rows = items.iter().filter_map(|item| {
            let row = read_row(item, diagnostics)?;
            let cells = row.cells.into_iter().map(|(name, cell)| (name, cell.value)).collect();
            Some(GivenRow { line: row.span.line as u64, cells })
        });
        tables.push(GivenRows { table: table.clone(), rows: rows.collect() });
    }
    Given { tables }
}

/// A mapping of columns to values.
fn read_row(node: &Node, diagnostics: &mut Diagnostics) -> Option<CellRow> {
    let Value::Map(entries) = &node.value else {
        let message =
            format!("a row is a mapping of columns to values, this is {}", node.value.kind());
        diagnostics.push(Diagnostic::new(Code::WrongKind, node.span.clone(), message));
        return None;
    };
    let mut cells = Vec::new();
    for (name, node) in entries {
        let text = node.scalar_text();
        if text.is_none() && node.value != Value::Null {
            let message =
                format!("`{}` must be a value, this is {}", name.value, node.value.kind());
            diagnostics.push(Diagnostic::new(Code::WrongKind, node.span.clone(), message));
            return None;
        }
        cells.push((name.clone(), Located::new(text, node.span.clone())));
    }
    Some(CellRow { span: node.span.clone(), cells })
}

fn read_cells(
    fields: &mut Fields<'_>,
    expected: bool,
    diagnostics: &mut Diagnostics,
) -> Option<Cells> {
    if !expected {
        if let Some(node) = fields.node("cells") {
            let message = "`cells` belongs to `query` and `sql`";
            diagnostics.push(Diagnostic::new(Code::WrongValue, node.span.clone(), message));
        }
        return None;
    }
    let span = fields.required("cells", diagnostics)?.span.clone();
    let items = fields.list("cells", diagnostics);
    let rows: Vec<CellRow> = items.iter().filter_map(|item| read_row(item, diagnostics)).collect();
    let names = |row: &CellRow| -> BTreeSet<String> {
        row.cells.iter().map(|(name, _)| name.value.clone()).collect()
    };
    for row in rows.iter().skip(1) {
        if names(row) != names(&rows[0]) {
            let message = "this row names other columns than the first";
            let wrong = Diagnostic::new(Code::Mismatch, row.span.clone(), message);
            diagnostics.push(wrong.help("write `~` for NULL"));
        }
    }
    Some(Cells { span, rows })
}

fn read_tolerance(fields: &mut Fields<'_>, diagnostics: &mut Diagnostics) -> Option<f64> {
    let node = fields.node("tolerance")?;
    let number = match node.value {
        Value::Int(_) | Value::Float(_) => node.scalar_text().and_then(|text| text.parse().ok()),
        _ => None,
    };
    let number = number.filter(|number: &f64| number.is_finite() && *number >= 0.0);
    if number.is_none() {
        let message = "`tolerance` must be a number, zero or more";
        diagnostics.push(Diagnostic::new(Code::WrongKind, node.span.clone(), message));
    }
    number
}

fn read_query(
    node: &Node,
    variables: &Variables,
    diagnostics: &mut Diagnostics,
) -> Option<(CubeQuery, Span)> {
    let mut fields = Fields::of(node, "`query`", variables, diagnostics)?;
    let cube = fields.required_text("cube", diagnostics);
    let mut texts = |key: &'static str| -> Vec<String> {
        fields.texts(key, diagnostics).into_iter().map(|text| text.value).collect()
    };
    let (rows, columns, measures) = (texts("rows"), texts("columns"), texts("measures"));
    let sets = texts("sets").into_iter().map(Filter::Set);
    let filters = texts("filters").into_iter().map(Filter::Sql).chain(sets).collect();
    let having = texts("having");
    let sort = texts("sort").into_iter().map(Sort::from).collect();
    let top = fields.list("top", diagnostics);
    let top = top.iter().filter_map(|node| read_top(node, variables, diagnostics)).collect();
    let limit = read_count(&mut fields, "limit", diagnostics);
    let totals = fields.flag("totals", diagnostics).is_some_and(|totals| totals.value);
    let members = read_members(&mut fields, diagnostics);
    fields.finish(diagnostics);
    let cube = cube?;
    let query = CubeQuery {
        cube: cube.value,
        rows,
        columns,
        measures,
        filters,
        top,
        having,
        sort,
        limit,
        totals,
        members,
        ..CubeQuery::default()
    };
    Some((query, cube.span))
}

fn read_members(fields: &mut Fields<'_>, diagnostics: &mut Diagnostics) -> Option<Reading> {
    let text = fields.text("members", diagnostics)?;
    match text.value.parse() {
        Ok(reading) => Some(reading),
        Err(error) => {
            let message = error.to_string();
            diagnostics.push(Diagnostic::new(Code::WrongValue, text.span, message));
            None
        }
    }
}

/// A whole number that is not negative.
fn read_count(
    fields: &mut Fields<'_>,
    key: &'static str,
    diagnostics: &mut Diagnostics,
) -> Option<usize> {
    let number = fields.int(key, diagnostics)?;
    let count = usize::try_from(number.value).ok();
    if count.is_none() {
        let message = format!("`{key}` must be zero or more");
        diagnostics.push(Diagnostic::new(Code::WrongValue, number.span, message));
    }
    count
}

fn read_top(node: &Node, variables: &Variables, diagnostics: &mut Diagnostics) -> Option<Top> {
    let mut fields = Fields::of(node, "an entry of `top`", variables, diagnostics)?;
    let level = fields.required_text("level", diagnostics);
    fields.required("n", diagnostics);
    let n = read_count(&mut fields, "n", diagnostics);
    let by = fields.required_text("by", diagnostics);
    let least = fields.flag("least", diagnostics).is_some_and(|least| least.value);
    let others = fields.text("others", diagnostics).map(|others| others.value);
    fields.finish(diagnostics);
    Some(Top { level: level?.value, n: n?, by: by?.value, least, others })
}

fn read_adds_up(
    node: &Node,
    variables: &Variables,
    diagnostics: &mut Diagnostics,
) -> Option<Question> {
    let mut fields = Fields::of(node, "`adds_up`", variables, diagnostics)?;
    let cube = fields.required_text("cube", diagnostics);
    let measures = fields.texts("measures", diagnostics);
    let hierarchies = fields.texts("hierarchies", diagnostics);
    fields.finish(diagnostics);
    Some(Question::AddsUp { cube: cube?, measures, hierarchies })
}

/// Checks name cubes of the project and tables of its sources.
fn check_names(checks: &[CheckSpec], model: &Model, diagnostics: &mut Diagnostics) {
    let sources = &model.project.sources;
    let tables: Vec<String> = sources
        .iter()
        .flat_map(|(name, spec)| spec.tables.keys().map(move |table| format!("{name}.{table}")))
        .collect();
    let cubes: Vec<&str> = model.cubes.iter().map(|cube| cube.name.as_str()).collect();
    for check in checks {
        let asked = match &check.question {
            Question::Query { query, span, .. } => Some((&query.cube, span)),
            Question::AddsUp { cube, .. } => Some((&cube.value, &cube.span)),
            Question::Sql { .. } | Question::NoRows(_) | Question::Reconcile(_) => None,
        };
        if let Some((cube, span)) = asked
            && !cubes.contains(&cube.as_str())
        {
            let known = cubes.iter().copied();
            diagnostics.push(Diagnostic::unknown_name(span.clone(), "cube", cube, known));
        }
        for GivenRows { table, .. } in check.given.iter().flat_map(|given| &given.tables) {
            if !tables.contains(&table.value) {
                let known = tables.iter().map(String::as_str);
                let span = table.span.clone();
                diagnostics.push(Diagnostic::unknown_name(span, "table", &table.value, known));
            }
        }
    }
}

impl CheckSpec {
    /// The cube it names, if it names one.
    pub(super) fn cube(&self) -> Option<&str> {
        match &self.question {
            Question::Query { query, .. } => Some(&query.cube),
            Question::AddsUp { cube, .. } => Some(&cube.value),
            Question::Sql { .. } | Question::NoRows(_) | Question::Reconcile(_) => None,
        }
    }
}
