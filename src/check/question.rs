//! What a check asks of a snapshot, and what is not as it expects.

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use futures::TryStreamExt;

use super::answer::{Answer, AnswerColumn, Kind, shown};
use super::compare::{Comparison, Expected};
use super::run::Failure;
use super::spec::{CellRow, Cells, Question};
use crate::cube::{Additivity, Cube, USUAL_CELLS};
use crate::declare::{Located, Span, nearest};
use crate::engine::{Policy, Principal, Snapshot, execute, plan};
use crate::error::{Error, Result};

/// As many rows of a query that must have none are reported; who has more knows enough.
const MOST_UNEXPECTED: usize = 1000;

/// Asks `question`; what is not as expected.
pub(super) async fn ask(
    question: &Question,
    tolerance: Option<f64>,
    snapshot: &Snapshot,
) -> Result<Vec<Failure>> {
    match question {
        Question::Query { query, cells, .. } => {
            let cube = snapshot.cube(&query.cube)?;
            let answer = query.run(cube, &snapshot.context, USUAL_CELLS).await?.cells;
            let schema = answer.schema();
            Ok(against_cells(&Answer::new(&schema, &[answer])?, cells, tolerance))
        }
        Question::Sql { sql, cells } => {
            Ok(against_cells(&rows(snapshot, &sql.value).await?, cells, tolerance))
        }
        Question::NoRows(sql) => {
            let answer = some_rows(snapshot, &sql.value, MOST_UNEXPECTED).await?;
            let unexpected = |row: &Vec<Option<String>>| Failure {
                span: sql.span.clone(),
                message: "a row is not expected".to_owned(),
                expected: None,
                got: Some(shown(&answer.columns, row)),
            };
            Ok(answer.rows.iter().map(unexpected).collect())
        }
        Question::Reconcile([one, other]) => {
            let (one_answer, other_answer) =
                (rows(snapshot, &one.value).await?, rows(snapshot, &other.value).await?);
            reconcile(&one_answer, &other_answer, &other.span, tolerance)
        }
        Question::AddsUp { cube, measures, hierarchies } => {
            let found = snapshot.cube(&cube.value)?;
            adds_up(found, cube, measures, hierarchies, tolerance, snapshot).await
        }
    }
}

async fn rows(snapshot: &Snapshot, sql: &str) -> Result<Answer> {
    some_rows(snapshot, sql, usize::MAX).await
}

/// The first rows of a query, no more than `most`.
async fn some_rows(snapshot: &Snapshot, sql: &str, most: usize) -> Result<Answer> {
    let plan = plan(snapshot, sql, &Principal::everyone(), Policy::Everything).await?;
    let mut stream = execute(snapshot, plan).await?;
    let schema: SchemaRef = stream.schema();
    let mut batches: Vec<RecordBatch> = Vec::new();
    let mut left = most;
    while left > 0
        && let Some(batch) = stream.try_next().await?
    {
        let batch = batch.slice(0, left.min(batch.num_rows()));
        left -= batch.num_rows();
        batches.push(batch);
    }
    Answer::new(&schema, &batches)
}

/// The answer, as far as the expected rows name its columns.
fn against_cells(answer: &Answer, cells: &Cells, tolerance: Option<f64>) -> Vec<Failure> {
    if answer.rows.is_empty() {
        // An empty cube query has no columns of cells either: every row is missing, whatever it names.
        return cells.rows.iter().map(missing).collect();
    }
    let mut positions = Vec::new();
    let mut unknown = Vec::new();
    for (name, _) in cells.rows.first().into_iter().flat_map(|row| &row.cells) {
        match answer.columns.iter().position(|column| column.name == name.value) {
            Some(at) => positions.push((name.value.as_str(), at)),
            None => unknown.push(no_such_column(name, answer)),
        }
    }
    if !unknown.is_empty() {
        return unknown;
    }
    let expected = cells.rows.iter().map(|row| {
        let cell = |(name, _): &(&str, usize)| {
            let found = row.cells.iter().find(|(of, _)| of.value == *name);
            found.map_or((None, row.span.clone()), |(_, cell)| {
                (cell.value.clone(), cell.span.clone())
            })
        };
        let (cells, spans) = positions.iter().map(cell).unzip();
        Expected { cells, span: row.span.clone(), cell_spans: Some(spans) }
    });
    let expected: Vec<Expected> = expected.collect();
    let at: Vec<usize> = positions.iter().map(|(_, at)| *at).collect();
    // Without an expected row every column counts, to show what is there.
    let named = if cells.rows.is_empty() { answer.clone() } else { answer.only(&at) };
    let span = &cells.span;
    Comparison { answer: &named, whole: answer, span, tolerance }.failures(&expected)
}

fn missing(row: &CellRow) -> Failure {
    let cell = |(name, cell): &(Located<String>, Located<Option<String>>)| {
        format!("{}: {}", name.value, cell.value.as_deref().unwrap_or("~"))
    };
    let cells: Vec<String> = row.cells.iter().map(cell).collect();
    Failure {
        span: row.span.clone(),
        message: "a row is missing: the answer is empty".to_owned(),
        expected: Some(format!("{{{}}}", cells.join(", "))),
        got: None,
    }
}

fn no_such_column(name: &Located<String>, answer: &Answer) -> Failure {
    let known: Vec<&str> = answer.columns.iter().map(|column| column.name.as_str()).collect();
    let hint = match nearest(&name.value, known.iter().copied()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("there is: {}", known.join(", ")),
    };
    Failure {
        span: name.span.clone(),
        message: format!("the answer has no column `{}`; {hint}", name.value),
        expected: None,
        got: None,
    }
}

/// Two answers with the same rows; names of columns do not matter, their order does.
fn reconcile(
    one: &Answer,
    other: &Answer,
    span: &Span,
    tolerance: Option<f64>,
) -> Result<Vec<Failure>> {
    if one.columns.len() != other.columns.len() {
        let (one, other) = (one.columns.len(), other.columns.len());
        let what = format!("the first query has {one} columns, the second {other}");
        return Err(Error::invalid_input(what));
    }
    let column = |(one, other): (&AnswerColumn, &AnswerColumn)| AnswerColumn {
        name: other.name.clone(),
        kind: match (one.kind, other.kind) {
            (Kind::Text, _) | (_, Kind::Text) => Kind::Text,
            (Kind::Exact, Kind::Exact) => Kind::Exact,
            _ => Kind::Approximate,
        },
    };
    let columns = one.columns.iter().zip(&other.columns).map(column).collect();
    let answer = Answer { columns, rows: other.rows.clone() };
    let expected = |row: &Vec<Option<String>>| Expected {
        cells: row.clone(),
        span: span.clone(),
        cell_spans: None,
    };
    let expected: Vec<Expected> = one.rows.iter().map(expected).collect();
    Ok(Comparison { answer: &answer, whole: &answer, span, tolerance }.failures(&expected))
}

/// Along every hierarchy: the sum over a level's members is the cell of the level above.
async fn adds_up(
    cube: &Cube,
    span: &Located<String>,
    measures: &[Located<String>],
    hierarchies: &[Located<String>],
    tolerance: Option<f64>,
    snapshot: &Snapshot,
) -> Result<Vec<Failure>> {
    let measures = additive(cube, measures)?;
    let mut failures = Vec::new();
    for (name, levels) in paths(cube, hierarchies)? {
        // The first level sums to the total, which no level stands above.
        let mut parent: Option<&String> = None;
        for child in &levels {
            let of_parent = rows(snapshot, &of_parent(cube, parent, &measures)).await?;
            let of_children = rows(snapshot, &of_children(cube, parent, child, &measures)).await?;
            for mut failure in reconcile(&of_parent, &of_children, &span.span, tolerance)? {
                failure.message =
                    format!("the cells of `{child}` on `{name}`: {}", failure.message);
                failures.push(failure);
            }
            parent = Some(child);
        }
    }
    Ok(failures)
}

/// The measures that are asked for, all of which must be additive.
fn additive(cube: &Cube, wanted: &[Located<String>]) -> Result<Vec<String>> {
    let adds = |additivity: Additivity| additivity == Additivity::Additive;
    if wanted.is_empty() {
        let all = cube.measures.iter().filter(|measure| adds(measure.additivity));
        let all: Vec<String> = all.map(|measure| measure.name.clone()).collect();
        let none =
            || Error::invalid_input(format!("the cube `{}` has no additive measure", cube.name));
        return if all.is_empty() { Err(none()) } else { Ok(all) };
    }
    let known = || cube.measures.iter().map(|measure| measure.name.as_str());
    let checked = |name: &Located<String>| match cube.measure(&name.value) {
        Some(measure) if adds(measure.additivity) => Ok(name.value.clone()),
        Some(_) => {
            let what = format!("the measure `{}` is not additive: parts do not add up", name.value);
            Err(Error::invalid_input(what))
        }
        None => Err(unknown(cube, "measure", &name.value, known())),
    };
    wanted.iter().map(checked).collect()
}

/// Names of hierarchies, such as `customer.geography`, and their flat levels.
fn paths(cube: &Cube, wanted: &[Located<String>]) -> Result<Vec<(String, Vec<String>)>> {
    let all: Vec<(String, Vec<String>)> = cube
        .hierarchies()
        .into_iter()
        .map(|(role, name, levels)| (format!("{}.{name}", role.role.name), levels))
        .collect();
    if wanted.is_empty() {
        return Ok(all);
    }
    let find = |name: &Located<String>| {
        let found = all.iter().find(|(known, _)| *known == name.value).cloned();
        let known = all.iter().map(|(known, _)| known.as_str());
        found.ok_or_else(|| unknown(cube, "hierarchy", &name.value, known))
    };
    wanted.iter().map(find).collect()
}

fn unknown<'a>(
    cube: &Cube,
    what: &str,
    name: &str,
    known: impl IntoIterator<Item = &'a str>,
) -> Error {
    let near = nearest(name, known);
    let hint = near.map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
    Error::invalid_input(format!("the cube `{}` has no {what} `{name}`{hint}", cube.name))
}

fn of_parent(cube: &Cube, parent: Option<&String>, measures: &[String]) -> String {
    let cells = measures.iter().map(|name| format!("AGG(\"{name}\") AS \"{name}\""));
    let cells: Vec<String> = cells.collect();
    let from = format!("FROM cubes.\"{}\"", cube.name);
    match parent {
        Some(level) => {
            format!("SELECT \"{level}\", {} {from} GROUP BY \"{level}\"", cells.join(", "))
        }
        None => format!("SELECT {} {from}", cells.join(", ")),
    }
}

fn of_children(cube: &Cube, parent: Option<&String>, child: &str, measures: &[String]) -> String {
    let cells: Vec<String> =
        measures.iter().map(|name| format!("AGG(\"{name}\") AS \"{name}\"")).collect();
    let sums: Vec<String> =
        measures.iter().map(|name| format!("sum(\"{name}\") AS \"{name}\"")).collect();
    let above = parent.map(|level| format!("\"{level}\", ")).unwrap_or_default();
    let grouped = parent.map(|level| format!(" GROUP BY \"{level}\"")).unwrap_or_default();
    format!(
        "SELECT {above}{} FROM (SELECT {above}\"{child}\", {} FROM cubes.\"{}\" GROUP BY \
         {above}\"{child}\") AS children{grouped}",
        sums.join(", "),
        cells.join(", "),
        cube.name
    )
}
