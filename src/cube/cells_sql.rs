//! A prepared query as SQL, and asked.
//!
//! ```text
//! SELECT levels, order of members, AGG(measures), flags of totals
//! FROM the cube, or a view of it in which all but the leading members are one
//! WHERE filters GROUP BY one grouping set for the cells and each kind of total
//! ```
//!
//! Around it stand the choice of rows by their totals, the order, and the limit.

use std::collections::BTreeSet;

use datafusion::prelude::SessionContext;

use super::cell_set::CellSet;
use super::member::collected;
use super::model::Cube;
use super::prepared::{Axis, Leading, Prepared, relation};
use super::query::{CubeQuery, Sort, flat};
use super::reading::relation_as;
use super::relation::DETAIL;
use super::sql_text::{aggregate, quoted, quoted_text};
use crate::error::{Error, Result};

/// The flag of rows that are totals over the levels across the top, and of those over the side.
pub(super) const TOTAL_OF_COLUMNS: &str = "$total_of_columns";
/// See [`TOTAL_OF_COLUMNS`].
pub(super) const TOTAL_OF_ROWS: &str = "$total_of_rows";
/// Whether a cell meets the conditions on measures.
const MET: &str = "$met";

impl CubeQuery {
    /// The SQL that computes the cells, one row per cell of the two axes.
    pub async fn to_sql(&self, cube: &Cube, context: &SessionContext) -> Result<String> {
        self.prepare(cube, context).await?.sql()
    }

    /// Asks, and arranges the answer in rows and columns; more than `most_cells` are refused before
    /// they are computed.
    pub async fn run(
        &self,
        cube: &Cube,
        context: &SessionContext,
        most_cells: u64,
    ) -> Result<CellSet> {
        let prepared = self.prepare(cube, context).await?;
        prepared.check_size(context, most_cells).await?;
        let answer = collected(context, &prepared.sql()?).await?;
        CellSet::arrange(&prepared, &answer)
    }

    /// The SQL that shows the fact rows behind the cells.
    pub async fn drill_through(&self, cube: &Cube, context: &SessionContext) -> Result<String> {
        if !self.having.is_empty() {
            return Err(Error::invalid_input(
                "conditions on measures choose cells and not fact rows; leave out `having` and \
                 slice to the cell whose rows you want",
            ));
        }
        if !cube.bases.is_empty() {
            let bases: Vec<&str> = cube.bases.iter().map(|base| base.cube.as_str()).collect();
            let what = format!(
                "the cube `{}` puts cubes together and has no fact rows of its own; drill across to \
                 one of them first: {}",
                cube.name,
                bases.join(", ")
            );
            return Err(Error::invalid_input(what));
        }
        let prepared = self.prepare(cube, context).await?;
        let detail = format!("{}{DETAIL}", relation_as(&cube.name, self.members));
        let mut sql = format!("SELECT * FROM {}{}", relation(&detail), prepared.where_clause());
        if let Some(limit) = self.limit {
            sql.push_str(&format!(" LIMIT {limit}"));
        }
        Ok(sql)
    }
}

impl Prepared<'_> {
    /// Whether rows need their total: to show it, to be chosen or to be ordered by it.
    fn needs_row_totals(&self) -> bool {
        let by_measure = |sort: &Sort| self.measures.contains(&sort.by);
        let chosen = !self.rows.is_empty() && !self.having.is_empty();
        !self.columns.is_empty()
            && (self.query.totals || chosen || self.query.sort.iter().any(by_measure))
    }

    /// Totals over one axis keep the columns of the other: one that is of both has none.
    pub(super) fn check_totals(&self) -> Result<()> {
        if !(self.query.totals || self.needs_row_totals()) {
            return Ok(());
        }
        for row in &self.rows {
            let own = group_of(row);
            let shares = |column: &&Axis| group_of(column).iter().any(|name| own.contains(name));
            if let Some(column) = self.columns.iter().find(shares) {
                let what = format!(
                    "`{}` down the side and `{}` across the top are of one level, so that there are no \
                     totals of either; put both on one axis, or ask without totals, conditions on \
                     measures and an order by them",
                    row.level, column.level
                );
                return Err(Error::invalid_input(what));
            }
        }
        Ok(())
    }

    fn where_clause(&self) -> String {
        match self.conditions.as_slice() {
            [] => String::new(),
            all => format!(" WHERE {}", all.join(" AND ")),
        }
    }

    /// The cube under its filters; where only leading members are told apart, a view in which they are.
    pub(super) fn source(&self) -> Result<String> {
        let relation = self.relation()?;
        let all = || self.rows.iter().chain(&self.columns);
        if all().all(|axis| axis.leading.is_none()) {
            return Ok(format!("{relation}{}", self.where_clause()));
        }
        let mut shown: Vec<String> = Vec::new();
        for axis in all() {
            match &axis.leading {
                Some(leading) => shown.extend(folded(axis, leading)),
                None => shown.extend(group_of(axis)),
            }
        }
        shown.extend(self.used.iter().map(|measure| quoted(measure)));
        let mut seen = BTreeSet::new();
        shown.retain(|column| seen.insert(column.clone()));
        let inner = format!("SELECT {} FROM {relation}{}", shown.join(", "), self.where_clause());
        Ok(format!("({inner}) AS leading"))
    }

    /// The SQL of the cells, in the order of the rows.
    pub(super) fn sql(&self) -> Result<String> {
        let group = |axes: &[Axis]| -> Vec<String> { axes.iter().flat_map(group_of).collect() };
        let (rows, columns) = (group(&self.rows), group(&self.columns));
        let mut shown: Vec<String> = rows.iter().chain(&columns).cloned().collect();
        let mut seen = BTreeSet::new();
        shown.retain(|column| seen.insert(column.clone()));
        let sets = self.grouping_sets(&rows, &columns);
        let measures = self.measures.iter();
        shown.extend(measures.map(|m| format!("{} AS {}", aggregate(m), quoted(m))));
        for (flag, of) in [(TOTAL_OF_COLUMNS, &columns), (TOTAL_OF_ROWS, &rows)] {
            let grouping = match (of.first(), sets.len()) {
                (Some(first), 2..) => format!("GROUPING({first})"),
                _ => "0".to_owned(),
            };
            shown.push(format!("{grouping} AS {}", quoted(flag)));
        }
        if !self.having.is_empty() {
            shown.push(format!("({}) AS {}", self.having.join(" AND "), quoted(MET)));
        }
        let mut sql = format!("SELECT {} FROM {}", shown.join(", "), self.source()?);
        match sets.as_slice() {
            [one] if one.is_empty() => {}
            [one] => sql.push_str(&format!(" GROUP BY {}", one.join(", "))),
            many => {
                let sets: Vec<String> =
                    many.iter().map(|set| format!("({})", set.join(", "))).collect();
                sql.push_str(&format!(" GROUP BY GROUPING SETS ({})", sets.join(", ")));
            }
        }
        Ok(self.ordered(&self.chosen(sql)))
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

    /// The cells of rows that meet the conditions on measures, and every total.
    ///
    /// Totals stay those of all rows, as with a limit: what is not shown still counts.
    fn chosen(&self, cells: String) -> String {
        if self.having.is_empty() {
            return cells;
        }
        let (met, total) = (quoted(MET), quoted(TOTAL_OF_ROWS));
        if self.rows.is_empty() || self.columns.is_empty() {
            let of_columns = quoted(TOTAL_OF_COLUMNS);
            return format!(
                "SELECT * FROM ({cells}) AS measured WHERE {met} OR {total} = 1 OR {of_columns} = 1"
            );
        }
        let of_row = format!(
            "MAX(CASE WHEN {} = 1 AND {met} THEN 1 ELSE 0 END) OVER (PARTITION BY {}, {total})",
            quoted(TOTAL_OF_COLUMNS),
            self.row_columns().join(", ")
        );
        format!(
            "SELECT * FROM (SELECT *, {of_row} AS {} FROM ({cells}) AS measured) AS rated \
             WHERE {0} = 1 OR {total} = 1",
            quoted("$row_met")
        )
    }

    /// The columns that tell rows apart.
    fn row_columns(&self) -> Vec<String> {
        self.rows.iter().flat_map(group_of).collect()
    }

    /// `sql` in the order of the rows; totals come last.
    fn ordered(&self, sql: &str) -> String {
        let mut keys = vec![quoted(TOTAL_OF_ROWS)];
        if self.query.sort.iter().any(|sort| self.measures.contains(&sort.by)) {
            let folded = self.rows.iter().filter(|axis| axis.leading.is_some());
            keys.extend(folded.map(|axis| quoted(&axis.others_flag())));
        }
        for sort in &self.query.sort {
            let direction = if sort.descending { "DESC" } else { "ASC" };
            if self.measures.contains(&sort.by) {
                keys.push(format!("{} {direction} NULLS LAST", self.row_value(&sort.by)));
                continue;
            }
            let level = self.set_level(&sort.by).map_or_else(|| flat(&sort.by), str::to_owned);
            for axis in self.rows.iter().filter(|axis| axis.level == level) {
                let places = axis.places();
                let (flags, order) = places.split_at(usize::from(axis.leading.is_some()));
                keys.extend(flags.iter().map(|flag| quoted(flag)));
                keys.extend(order.iter().map(|key| format!("{} {direction}", quoted(key))));
            }
        }
        let order = self.rows.iter().flat_map(Axis::places);
        keys.extend(order.map(|column| quoted(&column)));
        let mut sql = format!("SELECT * FROM ({sql}) AS cells ORDER BY {}", keys.join(", "));
        if let Some(limit) = self.cut() {
            sql.push_str(&format!(" LIMIT {limit}"));
        }
        sql
    }

    /// The limit where it can be left to SQL: one row per cell, none of them a total.
    pub(super) fn cut(&self) -> Option<usize> {
        self.query.limit.filter(|_| self.columns.is_empty() && !self.query.totals)
    }

    /// The measure in the row's total.
    fn row_value(&self, measure: &str) -> String {
        if self.columns.is_empty() {
            return quoted(measure);
        }
        let row = [vec![quoted(TOTAL_OF_ROWS)], self.row_columns()].concat();
        format!(
            "MAX(CASE WHEN {} = 1 THEN {} END) OVER (PARTITION BY {})",
            quoted(TOTAL_OF_COLUMNS),
            quoted(measure),
            row.join(", ")
        )
    }
}

/// The columns to group by for a level on an axis.
fn group_of(axis: &Axis) -> Vec<String> {
    let columns = std::iter::once(axis.level.clone()).chain(axis.places());
    let mut columns: Vec<String> = columns.map(|column| quoted(&column)).collect();
    // A key or attribute is its own order.
    columns.dedup();
    columns
}

/// The columns of an axis on which all but the leading members are one.
fn folded(axis: &Axis, leading: &Leading) -> Vec<String> {
    let Leading { condition, others } = leading;
    let level = quoted(&axis.level);
    let caption = format!(
        "CASE WHEN {condition} THEN CAST({level} AS VARCHAR) ELSE {} END AS {level}",
        quoted_text(others)
    );
    let flag =
        format!("CASE WHEN {condition} THEN 0 ELSE 1 END AS {}", quoted(&axis.others_flag()));
    let places = axis.places();
    let order = axis.order.iter().zip(places.iter().skip(1)).map(|(column, place)| {
        format!("CASE WHEN {condition} THEN {} END AS {}", quoted(column), quoted(place))
    });
    [caption, flag].into_iter().chain(order).collect()
}
