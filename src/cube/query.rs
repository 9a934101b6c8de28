//! A question of levels and measures, as programs and the report page ask it.

use std::collections::BTreeSet;
use std::ops::ControlFlow;
use std::sync::Arc;

use datafusion::config::Dialect;
use datafusion::prelude::SessionContext;
use datafusion::sql::sqlparser::ast::{Expr as SqlExpr, Ident, visit_expressions_mut};

use super::cell_set::CellSet;
use super::model::{ColumnKind, Cube};
use super::relation::Mode;
use crate::declare::nearest;
use crate::error::{Error, ErrorKind, Result};
use crate::star::CATALOG;

/// Levels on two axes, measures in the cells.
///
/// Levels are named as in the relation (`date_month`) or with a dot (`date.month`).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CubeQuery {
    /// The cube's name.
    pub cube: String,
    /// Levels down the side.
    pub rows: Vec<String>,
    /// Levels across the top.
    pub columns: Vec<String>,
    /// Measures in the cells.
    pub measures: Vec<String>,
    /// Conditions that every fact row must meet.
    pub filters: Vec<Filter>,
    /// Order of the rows; that of the levels themselves when empty.
    pub sort: Vec<Sort>,
    /// At most this many rows, totals not counted.
    pub limit: Option<usize>,
    /// Adds the total of every row, of every column, and of all.
    pub totals: bool,
}

/// A condition of a [`CubeQuery`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Filter {
    /// SQL over level columns.
    Sql(String),
    /// The level's member is one of these captions.
    Members {
        /// The level.
        level: String,
        /// Captions.
        members: Vec<String>,
    },
}

/// One step of an order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sort {
    /// A row level or a measure; a measure orders by the total of the row.
    pub by: String,
    /// Greatest first.
    pub descending: bool,
}

impl Sort {
    /// Reads `revenue` or `-revenue`; the minus puts the greatest first.
    pub fn parse(text: &str) -> Self {
        match text.strip_prefix('-') {
            Some(by) => Self { by: by.to_owned(), descending: true },
            None => Self { by: text.to_owned(), descending: false },
        }
    }
}

/// A [`CubeQuery`] with every name resolved.
pub(super) struct Resolved<'a> {
    pub query: &'a CubeQuery,
    pub rows: Vec<Axis>,
    pub columns: Vec<Axis>,
    pub measures: Vec<String>,
}

/// A level on an axis: its flat column and what orders its members.
pub(super) struct Axis {
    pub level: String,
    pub order: Vec<String>,
}

/// The flag of rows that are totals over the levels across the top, and of those over the side.
pub(super) const TOTAL_OF_COLUMNS: &str = "$total_of_columns";
/// See [`TOTAL_OF_COLUMNS`].
pub(super) const TOTAL_OF_ROWS: &str = "$total_of_rows";

impl CubeQuery {
    /// The SQL that computes the cells, one row per cell of the two axes.
    pub fn to_sql(&self, cube: &Cube, context: &SessionContext) -> Result<String> {
        let resolved = self.resolve(cube)?;
        resolved.sql(&self.conditions(cube, context)?, cube)
    }

    /// Asks, and arranges the answer in rows and columns.
    pub async fn run(&self, cube: &Cube, context: &SessionContext) -> Result<CellSet> {
        let resolved = self.resolve(cube)?;
        let sql = resolved.sql(&self.conditions(cube, context)?, cube)?;
        let frame = context.sql(&sql).await?;
        let schema = Arc::clone(frame.schema().inner());
        let batches = frame.collect().await?;
        let answer = arrow::compute::concat_batches(&schema, &batches)?;
        CellSet::arrange(&resolved, &answer)
    }

    /// The SQL that shows the fact rows behind the cells.
    pub fn drill_through(&self, cube: &Cube, context: &SessionContext) -> Result<String> {
        let conditions = self.conditions(cube, context)?;
        let detail = format!("{}$detail", cube.name);
        let mut sql = format!("SELECT * FROM {}", relation(&detail));
        if !conditions.is_empty() {
            sql.push_str(&format!(" WHERE {}", conditions.join(" AND ")));
        }
        if let Some(limit) = self.limit {
            sql.push_str(&format!(" LIMIT {limit}"));
        }
        Ok(sql)
    }

    fn resolve(&self, cube: &Cube) -> Result<Resolved<'_>> {
        let axis = |levels: &[String]| {
            levels.iter().map(|level| axis_of(cube, level)).collect::<Result<Vec<_>>>()
        };
        let measures = self.measures.iter().map(|name| measure(cube, name));
        let resolved = Resolved {
            query: self,
            rows: axis(&self.rows)?,
            columns: axis(&self.columns)?,
            measures: measures.collect::<Result<_>>()?,
        };
        let mut seen = BTreeSet::new();
        for axis in resolved.rows.iter().chain(&resolved.columns) {
            if !seen.insert(&axis.level) {
                let what = format!("the level `{}` is on the axes twice", axis.level);
                return Err(Error::invalid_input(what));
            }
        }
        if seen.is_empty() && resolved.measures.is_empty() {
            return Err(Error::invalid_input("a cube query needs a level or a measure"));
        }
        Ok(resolved)
    }

    fn conditions(&self, cube: &Cube, context: &SessionContext) -> Result<Vec<String>> {
        self.filters
            .iter()
            .map(|filter| match filter {
                Filter::Sql(sql) => condition(cube, sql, context),
                Filter::Members { level, members } => {
                    let level = column(cube, level)?;
                    let members: Vec<String> = members.iter().map(|m| quoted_text(m)).collect();
                    match members.as_slice() {
                        [] => Ok("false".to_owned()),
                        _ => Ok(format!("{} IN ({})", quoted(&level), members.join(", "))),
                    }
                }
            })
            .collect()
    }
}

impl Resolved<'_> {
    /// Whether rows need their total, to show it or to be ordered by it.
    pub(super) fn needs_row_totals(&self) -> bool {
        let by_measure = |sort: &Sort| self.measures.contains(&sort.by);
        !self.columns.is_empty() && (self.query.totals || self.query.sort.iter().any(by_measure))
    }

    fn sql(&self, conditions: &[String], cube: &Cube) -> Result<String> {
        let group = |axes: &[Axis]| -> Vec<String> {
            axes.iter()
                .flat_map(|axis| std::iter::once(&axis.level).chain(&axis.order))
                .map(|column| quoted(column))
                .collect()
        };
        let (rows, columns) = (group(&self.rows), group(&self.columns));
        let mut shown: Vec<String> = rows.iter().chain(&columns).cloned().collect();
        let dedup: BTreeSet<String> = shown.iter().cloned().collect();
        if dedup.len() != shown.len() {
            let mut seen = BTreeSet::new();
            shown.retain(|column| seen.insert(column.clone()));
        }
        let sets = self.grouping_sets(&rows, &columns);
        shown.extend(self.measures.iter().map(|m| format!("AGG({0}) AS {0}", quoted(m))));
        for (flag, of) in [(TOTAL_OF_COLUMNS, &columns), (TOTAL_OF_ROWS, &rows)] {
            let grouping = match (of.first(), sets.len()) {
                (Some(first), 2..) => format!("GROUPING({first})"),
                _ => "0".to_owned(),
            };
            shown.push(format!("{grouping} AS {}", quoted(flag)));
        }
        let mut sql = format!("SELECT {} FROM {}", shown.join(", "), relation(&cube.name));
        if !conditions.is_empty() {
            sql.push_str(&format!(" WHERE {}", conditions.join(" AND ")));
        }
        match sets.as_slice() {
            [one] if one.is_empty() => {}
            [one] => sql.push_str(&format!(" GROUP BY {}", one.join(", "))),
            many => {
                let sets: Vec<String> =
                    many.iter().map(|set| format!("({})", set.join(", "))).collect();
                sql.push_str(&format!(" GROUP BY GROUPING SETS ({})", sets.join(", ")));
            }
        }
        self.ordered(sql, cube)
    }

    fn grouping_sets(&self, rows: &[String], columns: &[String]) -> Vec<Vec<String>> {
        let cells: Vec<String> = rows.iter().chain(columns).cloned().collect();
        let mut sets = vec![cells];
        if self.needs_row_totals() {
            sets.push(rows.to_vec());
        }
        if self.query.totals && !rows.is_empty() {
            sets.push(columns.to_vec());
            if !columns.is_empty() {
                sets.push(Vec::new());
            }
        }
        // Without rows the total of the columns is the grand total.
        let mut seen = BTreeSet::new();
        sets.retain(|set| seen.insert(set.clone()));
        sets
    }

    /// `sql` in the order of the rows; totals come last.
    fn ordered(&self, sql: String, cube: &Cube) -> Result<String> {
        let mut keys = vec![quoted(TOTAL_OF_ROWS)];
        let levels: Vec<String> = self.rows.iter().map(|axis| quoted(&axis.level)).collect();
        for sort in &self.query.sort {
            let direction = if sort.descending { "DESC" } else { "ASC" };
            if self.measures.contains(&sort.by) {
                let value = if self.columns.is_empty() {
                    quoted(&sort.by)
                } else {
                    format!(
                        "MAX(CASE WHEN {} = 1 THEN {} END) OVER (PARTITION BY {})",
                        quoted(TOTAL_OF_COLUMNS),
                        quoted(&sort.by),
                        if levels.is_empty() { "1".to_owned() } else { levels.join(", ") }
                    )
                };
                keys.push(format!("{value} {direction} NULLS LAST"));
                continue;
            }
            let level = column(cube, &sort.by)?;
            let Some(axis) = self.rows.iter().find(|axis| axis.level == level) else {
                let what = format!(
                    "cannot sort by `{}`: it is no row level and no measure shown",
                    sort.by
                );
                return Err(Error::invalid_input(what));
            };
            keys.extend(axis.order.iter().map(|key| format!("{} {direction}", quoted(key))));
        }
        let order = self.rows.iter().flat_map(|axis| &axis.order);
        keys.extend(order.map(|column| quoted(column)));
        let mut sql = format!("SELECT * FROM ({sql}) AS cells ORDER BY {}", keys.join(", "));
        if let (Some(limit), true, false) =
            (self.query.limit, self.columns.is_empty(), self.query.totals)
        {
            sql.push_str(&format!(" LIMIT {limit}"));
        }
        Ok(sql)
    }
}

fn axis_of(cube: &Cube, name: &str) -> Result<Axis> {
    let level = column(cube, name)?;
    let found = cube.column(&level).filter(|column| column.kind == ColumnKind::Level);
    let key = cube.key_of(&level).map(|key| key.name.clone());
    let sort = found.and_then(|column| sort_column(cube, column.role, &level));
    // A key or attribute on an axis is its own order.
    let order = match found {
        Some(_) => sort.into_iter().chain(key).collect(),
        None => Vec::new(),
    };
    let mut order: Vec<String> = order;
    if order.is_empty() {
        order.push(level.clone());
    }
    Ok(Axis { level, order })
}

/// The flat column that the level's `sort` became.
fn sort_column(cube: &Cube, role: Option<usize>, level: &str) -> Option<String> {
    let sort = match role {
        None => cube.levels.iter().find(|known| known.name == level)?.sort.as_ref()?,
        Some(position) => {
            let role = &cube.roles[position];
            let name = level.strip_prefix(&role.role.name)?.strip_prefix('_')?;
            role.dimension.level(name)?.sort.as_ref()?
        }
    };
    let flat = cube.columns.iter().find(|column| column.role == role && &column.source == sort);
    flat.map(|column| column.name.clone())
}

/// The flat name of the level column `name`.
pub(super) fn column(cube: &Cube, name: &str) -> Result<String> {
    let flat = name.replace('.', "_");
    if cube.column(&flat).is_some() {
        return Ok(flat);
    }
    let known = cube.columns.iter().map(|column| column.name.as_str());
    Err(unknown("level", name, &cube.name, nearest(&flat, known)))
}

fn measure(cube: &Cube, name: &str) -> Result<String> {
    if cube.measure(name).is_some() {
        return Ok(name.to_owned());
    }
    let known = cube.measures.iter().map(|measure| measure.name.as_str());
    Err(unknown("measure", name, &cube.name, nearest(name, known)))
}

fn unknown(what: &str, name: &str, cube: &str, near: Option<&str>) -> Error {
    let hint = near.map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
    Error::new(ErrorKind::NotFound, format!("the cube `{cube}` has no {what} `{name}`{hint}"))
}

/// One SQL condition with dotted level names made flat.
///
/// It is parsed and written again, so that nothing but one expression can come in here.
fn condition(cube: &Cube, sql: &str, context: &SessionContext) -> Result<String> {
    let mut expr = context.state().sql_to_expr(sql, &Dialect::default()).map_err(|error| {
        let what = format!("the filter `{sql}` is not a condition");
        Error::invalid_input(what).because(error)
    })?;
    // The closure never breaks.
    let walked = visit_expressions_mut(&mut expr, |part| {
        if let SqlExpr::CompoundIdentifier(parts) = part
            && let [first, second] = parts.as_slice()
        {
            let flat = format!("{}_{}", first.value, second.value);
            if cube.column(&flat).is_some() {
                *part = SqlExpr::Identifier(Ident::with_quote('"', flat));
            }
        }
        ControlFlow::<()>::Continue(())
    });
    debug_assert!(walked.is_continue());
    Ok(format!("({expr})"))
}

/// The relation of a cube in strict mode.
fn relation(name: &str) -> String {
    format!("{CATALOG}.{}.{}", Mode::Strict.schema(), quoted(name))
}

pub(super) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

fn quoted_text(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}
