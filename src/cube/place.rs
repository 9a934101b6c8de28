//! The places of values among those of their siblings.

use arrow::datatypes::DataType;
use datafusion::common::{Column, Result, ScalarValue};
use datafusion::functions_aggregate::sum::sum_udaf;
use datafusion::functions_window::rank::rank_udwf;
use datafusion::logical_expr::expr::WindowFunction;
use datafusion::logical_expr::{
    Expr, ExprFunctionExt, ExprSchemable, LogicalPlanBuilder, WindowFrame, WindowFrameBound,
    WindowFrameUnits, cast, lit, when,
};

use super::normal_form::Place;

/// `A` holds the first 80 % of the sum, `B` the next 15 %.
const CLASSES: [(&str, i64, i64); 2] = [("A", 8, 10), ("B", 19, 20)];
/// And `C` the rest.
const LAST_CLASS: &str = "C";

/// `rows` with the place of the values of column `name` in their stead.
pub(super) fn placed(
    rows: LogicalPlanBuilder,
    name: &str,
    place: Place,
    siblings: &[Expr],
) -> Result<LogicalPlanBuilder> {
    let value = Expr::Column(Column::from_name(name));
    let windows = match place {
        Place::Rank => vec![
            Expr::from(WindowFunction::new(rank_udwf(), Vec::new()))
                .partition_by(siblings.to_vec())
                .order_by(vec![value.clone().sort(false, false)])
                .build()?,
        ],
        Place::ParetoClass => {
            let data_type = value.get_type(rows.schema())?;
            pareto_sums(&value, &data_type, siblings)?
        }
    };
    let columns = rows.schema().columns();
    // One at a time: they sort differently.
    let rows = windows.iter().try_fold(rows, |rows, window| rows.window(vec![window.clone()]))?;
    let shown = columns.into_iter().map(|column| {
        if column.name != name {
            return Ok(Expr::Column(column));
        }
        let shown = match place {
            Place::Rank => cast(windows[0].clone(), DataType::Int64),
            Place::ParetoClass => pareto_class(&value, &windows)?,
        };
        Ok(when(value.clone().is_not_null(), shown).end()?.alias(name))
    });
    rows.project(shown.collect::<Result<Vec<_>>>()?)
}

/// Of the positive values: the sum up to each with its equals, the sum of its equals, and of all.
fn pareto_sums(value: &Expr, data_type: &DataType, siblings: &[Expr]) -> Result<Vec<Expr>> {
    // Whole numbers by way of decimals, whose sum cannot wrap.
    let exact = match data_type {
        DataType::Decimal128(_, scale) => DataType::Decimal128(36, *scale),
        DataType::Float64 => DataType::Float64,
        _ => DataType::Decimal128(28, 0),
    };
    let zero = cast(lit(0_i64), data_type.clone());
    let positive = when(value.clone().gt(zero.clone()), value.clone()).otherwise(zero)?;
    let sum =
        || Expr::from(WindowFunction::new(sum_udaf(), vec![cast(positive.clone(), exact.clone())]));
    let up_to = WindowFrame::new_bounds(
        WindowFrameUnits::Range,
        WindowFrameBound::Preceding(ScalarValue::Null),
        WindowFrameBound::CurrentRow,
    );
    let before = sum()
        .partition_by(siblings.to_vec())
        .order_by(vec![value.clone().sort(false, false)])
        .window_frame(up_to)
        .build()?;
    let mut equals = siblings.to_vec();
    equals.push(value.clone());
    let equals = sum().partition_by(equals).build()?;
    let all = sum().partition_by(siblings.to_vec()).build()?;
    Ok(vec![before, equals, all])
}

/// The class of a value by the share of the sum that stands before it.
fn pareto_class(value: &Expr, sums: &[Expr]) -> Result<Expr> {
    let before = sums[0].clone() - sums[1].clone();
    let all = sums[2].clone();
    let zero = lit(0_i64);
    let mut class = when(value.clone().lt_eq(zero), lit(LAST_CLASS));
    for (name, part, of) in CLASSES {
        class.when((before.clone() * lit(of)).lt(all.clone() * lit(part)), lit(name));
    }
    class.otherwise(lit(LAST_CLASS))
}
