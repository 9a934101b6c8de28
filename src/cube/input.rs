//! What an `Aggregate` stands on, when that is a cube.

use std::collections::HashMap;
use std::sync::Arc;

use datafusion::common::{Column, Result};
use datafusion::datasource::source_as_provider;
use datafusion::logical_expr::{Expr, LogicalPlan, TableScan};

use super::bound::BoundCube;
use super::normal_form::{column_of, columns, level, substitute};
use super::relation::{CubeRelation, Mode};

/// The relation of measures in expressions; the rule resolves them to leaves.
const MEASURE: &str = "measure";

/// A cube seen through projections, filters, aliases and sorts.
pub(super) struct CubeInput {
    /// The cube.
    pub cube: Arc<BoundCube>,
    /// How plain aggregates over it are taken.
    pub mode: Mode,
    /// The output columns as expressions over `level.<name>` and `measure.<name>`.
    columns: HashMap<Column, Expr>,
    /// The conditions on the way, over the same.
    pub filters: Vec<Expr>,
}

/// The cube and mode of `scan`, when it scans one.
pub(super) fn cube_of(scan: &TableScan) -> Option<(Arc<BoundCube>, Mode)> {
    let provider = source_as_provider(&scan.source).ok()?;
    let relation = provider.downcast_ref::<CubeRelation>()?;
    Some((Arc::clone(&relation.cube), relation.mode))
}

/// The name when `column` is a measure.
pub(super) fn measure_name(column: &Column) -> Option<&str> {
    let of = column.relation.as_ref()?;
    (of.schema().is_none() && of.table() == MEASURE).then_some(column.name.as_str())
}

/// The measures that `expr` uses.
pub(super) fn measures_of(expr: &Expr) -> Vec<String> {
    columns(expr).iter().filter_map(|column| measure_name(column).map(str::to_owned)).collect()
}

impl CubeInput {
    /// Looks through `plan` down to a cube; `None` when it is not just a cube seen through.
    pub(super) fn of(plan: &LogicalPlan) -> Result<Option<Self>> {
        match plan {
            LogicalPlan::TableScan(scan) => Self::of_scan(scan, plan),
            LogicalPlan::SubqueryAlias(alias) => {
                let Some(input) = Self::of(&alias.input)? else { return Ok(None) };
                let inner = alias.input.schema().columns();
                let renamed = alias.schema.columns().into_iter().zip(inner);
                let columns = renamed
                    .filter_map(|(outer, inner)| Some((outer, input.columns.get(&inner)?.clone())));
                let columns = columns.collect();
                Ok(Some(Self { columns, ..input }))
            }
            LogicalPlan::Filter(filter) => {
                let Some(mut input) = Self::of(&filter.input)? else { return Ok(None) };
                let condition = input.over_cube(filter.predicate.clone())?;
                input.filters.push(condition);
                Ok(Some(input))
            }
            LogicalPlan::Projection(projection) => {
                let Some(input) = Self::of(&projection.input)? else { return Ok(None) };
                let outer = projection.schema.columns();
                let columns = outer.into_iter().zip(&projection.expr).map(|(column, expr)| {
                    Ok((column, input.over_cube(expr.clone().unalias_nested().data)?))
                });
                let columns = columns.collect::<Result<_>>()?;
                Ok(Some(Self { columns, ..input }))
            }
            // An order means nothing to an aggregate; a limit would.
            LogicalPlan::Sort(sort) if sort.fetch.is_none() => Self::of(&sort.input),
            _ => Ok(None),
        }
    }

    fn of_scan(scan: &TableScan, plan: &LogicalPlan) -> Result<Option<Self>> {
        let Some((cube, mode)) = cube_of(scan) else { return Ok(None) };
        if scan.fetch.is_some() {
            return Ok(None);
        }
        let of_cube = |column: &Column| {
            if cube.is_measure(&column.name) {
                Expr::Column(column_of(MEASURE, &column.name))
            } else {
                level(&column.name)
            }
        };
        let columns = plan.schema().columns().into_iter();
        let columns = columns.map(|column| {
            let expr = of_cube(&column);
            (column, expr)
        });
        // A condition already pushed into the scan may be over columns that it does not give out.
        let filters = scan.filters.iter();
        let filters = filters.map(|filter| substitute(filter.clone(), &|c| Some(of_cube(c))));
        let (columns, filters) = (columns.collect(), filters.collect::<Result<_>>()?);
        Ok(Some(Self { cube, mode, columns, filters }))
    }

    /// `expr`, which is over the output columns, over columns of the cube.
    pub(super) fn over_cube(&self, expr: Expr) -> Result<Expr> {
        substitute(expr, &|column| self.columns.get(column).cloned())
    }

    /// Whether any output column is made of a measure.
    pub(super) fn shows_measures(&self) -> bool {
        self.columns.values().any(|expr| !measures_of(expr).is_empty())
    }
}
