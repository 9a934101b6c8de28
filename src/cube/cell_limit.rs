//! How many cells an answer would have, found out before it fills the memory.

use datafusion::prelude::SessionContext;

use super::member::{MemberTable, counted};
use super::prepared::{Axis, Prepared};
use super::sql_text::quoted;
use crate::error::{Error, ErrorKind, Result};
use crate::star::CATALOG;

/// More cells than this is a mistake more often than a wish.
pub const USUAL_CELLS: u64 = 5_000_000;

impl Prepared<'_> {
    /// Refuses an answer of more than `most` cells: rows by columns by measures, empty ones and
    /// totals included.
    ///
    /// Cheap bounds come first, since they settle almost every question: an axis has no more places
    /// than its levels have members, and no more than the fact has rows. Only beyond them the places
    /// are counted, and no further than the limit.
    pub(super) async fn check_size(&self, context: &SessionContext, most: u64) -> Result<()> {
        let table = format!("{CATALOG}.warehouse.{}", quoted(&self.cube.fact));
        let facts = counted(context, &format!("SELECT COUNT(*) FROM {table}")).await?;
        let rows = self.bound(&self.rows, facts, context).await?;
        let columns = self.bound(&self.columns, facts, context).await?;
        let cut = self.cut().map_or(u64::MAX, |limit| limit as u64);
        if self.cells(rows.min(cut), columns) <= most {
            return Ok(());
        }
        let rows = self.places(&self.rows, most, context).await?.min(cut);
        let columns = self.places(&self.columns, most, context).await?;
        if self.cells(rows, columns) <= most {
            return Ok(());
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

    fn cells(&self, rows: u64, columns: u64) -> u64 {
        let totals = u64::from(self.query.totals);
        let measures = self.measures.len().max(1) as u64;
        let (rows, columns) = (rows.saturating_add(totals), columns.saturating_add(totals));
        rows.saturating_mul(columns).saturating_mul(measures)
    }

    /// No axis has more places than this.
    async fn bound(&self, axes: &[Axis], facts: u64, context: &SessionContext) -> Result<u64> {
        let mut product: u64 = 1;
        for axis in axes {
            let table = MemberTable::of(self.cube, &axis.level)?;
            let members = match table.is_fact {
                true => facts,
                false => {
                    let (key, relation) = (quoted(&table.key), table.relation());
                    counted(context, &format!("SELECT COUNT(DISTINCT {key}) + 1 FROM {relation}"))
                        .await?
                }
            };
            product = product.saturating_mul(members);
        }
        Ok(product.min(facts.max(1)))
    }

    /// The places on an axis; counting stops soon after `most`.
    async fn places(&self, axes: &[Axis], most: u64, context: &SessionContext) -> Result<u64> {
        if axes.is_empty() {
            return Ok(1);
        }
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
