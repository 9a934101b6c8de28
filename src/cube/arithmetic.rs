//! The arithmetic that people mean in declared expressions: exact, without wrapping, and with a division
//! that keeps its fractions.

use arrow::datatypes::DataType;
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode};
use datafusion::common::{DFSchema, DataFusionError, ExprSchema, Result};
use datafusion::functions::core::expr_fn::nullif;
use datafusion::logical_expr::{BinaryExpr, Expr, ExprSchemable, Operator, binary_expr, cast, lit};

use super::checked_sum::summed_as;
use super::normal_form::substitute;

/// `expr` with its narrow columns cast wide: a product of two 32-bit numbers would wrap in 32 bits.
pub(super) fn widened(expr: Expr, schema: &DFSchema) -> Result<Expr> {
    if matches!(expr, Expr::Column(_)) {
        return Ok(expr);
    }
    let expr = substitute(expr, &|column| {
        let narrow = schema.field_from_column(column).ok()?.data_type().clone();
        let wide = summed_as(&narrow).filter(|wide| *wide != narrow && narrow != DataType::Null)?;
        Some(cast(Expr::Column(column.clone()), wide))
    })?;
    checked_arithmetic(expr, schema)
}

/// `+`, `-`, `*` and the sign of whole numbers by way of decimals, which hold any result; one that
/// does not fit a whole number again is an error, where plain arithmetic would wrap.
pub(super) fn checked_arithmetic(expr: Expr, schema: &DFSchema) -> Result<Expr> {
    let whole = |part: &Expr| matches!(part.get_type(schema), Ok(DataType::Int64));
    let wide = |part: Box<Expr>| cast(*part, DataType::Decimal128(20, 0));
    let checked = expr.transform_up(|part| {
        Ok(match part {
            Expr::BinaryExpr(BinaryExpr { left, op, right })
                if matches!(op, Operator::Plus | Operator::Minus | Operator::Multiply)
                    && whole(&left)
                    && whole(&right) =>
            {
                let exact = binary_expr(wide(left), op, wide(right));
                Transformed::yes(cast(exact, DataType::Int64))
            }
            Expr::Negative(number) if whole(&number) => {
                let exact = Expr::Negative(Box::new(wide(number)));
                Transformed::yes(cast(exact, DataType::Int64))
            }
            other => Transformed::no(other),
        })
    });
    checked.data()
}

/// Makes `/` the division people mean: 7/2 is 3.5, and by zero is NULL; always in `Float64`.
pub(super) fn true_division(expr: Expr, schema: &DFSchema) -> Result<Expr> {
    divided(expr, schema, DataType::is_numeric)
}

/// The same for whole numbers alone; decimals stay decimals.
pub(super) fn whole_division(expr: Expr, schema: &DFSchema) -> Result<Expr> {
    divided(expr, schema, DataType::is_integer)
}

fn divided(expr: Expr, schema: &DFSchema, concerns: fn(&DataType) -> bool) -> Result<Expr> {
    let divided = expr.transform_up(|part| {
        let Expr::BinaryExpr(BinaryExpr { left, op: Operator::Divide, right }) = part else {
            return Ok(Transformed::no(part));
        };
        let concerned = |side: &Expr| Ok::<_, DataFusionError>(concerns(&side.get_type(schema)?));
        if !concerned(&left)? || !concerned(&right)? {
            let part = Expr::BinaryExpr(BinaryExpr { left, op: Operator::Divide, right });
            return Ok(Transformed::no(part));
        }
        // Adding zero makes one zero of two: 0 / -5 is -0.0, which divides and looks otherwise.
        let zero = || lit(0.0);
        let divisor = match right.get_type(schema)? {
            DataType::Float64 => *right + zero(),
            _ => cast(*right, DataType::Float64),
        };
        let quotient = cast(*left, DataType::Float64) / nullif(divisor, zero());
        Ok(Transformed::yes(quotient + zero()))
    })?;
    Ok(divided.data)
}
