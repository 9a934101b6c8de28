//! How many cells an answer would have, found out before it fills the memory.

use datafusion::common::TableReference;
use datafusion::common::stats::Precision;
use datafusion::prelude::SessionContext;

use super::member::{MemberTable, counted};
use super::prepared::{Axis, Prepared};
use super::sql_text::quoted;
use crate::error::{Error, ErrorKind, Result};
use crate::star::CATALOG;

/// More cells than this is a mistake more often than a wish.
pub const USUAL_CELLS: u64 = 5_000_000;

/// How the places on an axis are counted: each way sees further than the one before, and costs more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Counting {
    /// No more than the tables of its levels have rows, which is known.
    Rows,
    /// No more than its levels have members together.
    Members,
    /// One by one, as they occur in the facts, and no further than the limit.
    Places,
}

impl Prepared<'_> {
    /// Refuses an answer of more than `most` cells: rows by columns by measures, empty ones and
    /// totals included. Almost every question is settled by the first way to count.
    pub(super) async fn check_size(&self, context: &SessionContext, most: u64) -> Result<()> {
        let facts = self.facts(context).await?;
        let cut = self.cut().map_or(u64::MAX, |limit| limit as u64);
        let (mut rows, mut columns) = (u64::MAX, u64::MAX);
        for counting in self.ways_to_count() {
            rows = self.count(&self.rows, *counting, most, context).await?.min(facts).min(cut);
            columns = self.count(&self.columns, *counting, most, context).await?.min(facts);
            if self.cells(rows, columns) <= most {
                return Ok(());
            }
        }
        let counted = |count: u64, one: &str| match count {
            1 => format!("1 {one}"),
            count if count > most => format!("more than {most} {one}s"),
            count => format!("{count} {one}s"),
        };
        let what = format!(
            "the answer would have more than {most} cells: {} by {} by {}; add a filter, take a level \
             off the axes, or ask for the `top` members only",
            counted(rows, "row"),
            counted(columns, "column"),
            counted(self.measures.len().max(1) as u64, "measure")
        );
        Err(Error::new(ErrorKind::LimitExceeded, what))
    }

    /// Calculations have values in places without facts, which counting these would not see.
    fn ways_to_count(&self) -> &'static [Counting] {
        const ALL: [Counting; 3] = [Counting::Rows, Counting::Members, Counting::Places];
        if self.is_calculated() { &ALL[..2] } else { &ALL }
    }

    fn is_calculated(&self) -> bool {
        self.measures.iter().any(|measure| self.cube.measure(measure).is_none())
    }

    /// No axis has more places than there are facts, as long as each fact is in one of them.
    async fn facts(&self, context: &SessionContext) -> Result<u64> {
        // Where cubes are put together, a value may be repeated in places without any fact; members
        // of trees and links have facts in common.
        if self.is_calculated() || !self.cube.bases.is_empty() || !self.cube.bridges.is_empty() {
            return Ok(u64::MAX);
        }
        Ok(row_count(context, &self.cube.fact).await?.max(1))
    }

    fn cells(&self, rows: u64, columns: u64) -> u64 {
        let totals = u64::from(self.query.totals);
        let measures = self.measures.len().max(1) as u64;
        let (rows, columns) = (rows.saturating_add(totals), columns.saturating_add(totals));
        rows.saturating_mul(columns).saturating_mul(measures)
    }

    /// How many places an axis has, or a number above it.
    async fn count(
        &self,
        axes: &[Axis],
        counting: Counting,
        most: u64,
        context: &SessionContext,
    ) -> Result<u64> {
        if counting == Counting::Places && !axes.is_empty() {
            return self.places(axes, most, context).await;
        }
        let mut product: u64 = 1;
        for axis in axes {
            let table = MemberTable::of(self.cube, &axis.level, self.query.members)?;
            let members = if counting == Counting::Members && !table.is_fact {
                let (key, relation) = (quoted(&table.key), table.relation());
                // A NULL is a place too.
                let shown = table.where_shown();
                let sql = format!("SELECT COUNT(DISTINCT {key}) + 1 FROM {relation}{shown}");
                counted(context, &sql).await?
            } else {
                row_count(context, &table.table).await?
            };
            product = product.saturating_mul(members);
        }
        Ok(product)
    }

    /// The places on an axis; counting stops soon after `most`.
    async fn places(&self, axes: &[Axis], most: u64, context: &SessionContext) -> Result<u64> {
        let keys: Vec<String> = axes
            .iter()
            .map(|axis| match axis.leading {
                None => quoted(axis.key()),
                Some(_) => quoted(&axis.level),
            })
            .collect();
        let keys = keys.join(", ");
        let sql = format!(
            "SELECT COUNT(*) FROM (SELECT {keys} FROM {} GROUP BY {keys} LIMIT {}) AS places",
            self.source()?,
            most.saturating_add(1)
        );
        counted(context, &sql).await
    }
}

/// How many rows the dimension or fact `table` has; statistics mostly know.
async fn row_count(context: &SessionContext, table: &str) -> Result<u64> {
    let provider =
        context.table_provider(TableReference::full(CATALOG, "warehouse", table)).await?;
    match provider.statistics().map(|statistics| statistics.num_rows) {
        Some(Precision::Exact(rows)) => Ok(rows as u64),
        _ => {
            let table = quoted(table);
            counted(context, &format!("SELECT COUNT(*) FROM {CATALOG}.warehouse.{table}")).await
        }
    }
}
