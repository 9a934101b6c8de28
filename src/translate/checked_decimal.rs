//! Decimals that an expression computes, checked for their digits.
//!
//! Arithmetic on decimals fails only where 128 bits do, at 1.7e38, but a decimal has at most 38
//! digits. What lies between would be stored as it is, and read or shown with a digit missing.

use arrow::array::{Array, AsArray};
use arrow::datatypes::{
    DECIMAL32_MAX_PRECISION, DECIMAL64_MAX_PRECISION, DECIMAL128_MAX_PRECISION,
    DECIMAL256_MAX_PRECISION, DataType, Decimal32Type, Decimal64Type, Decimal128Type,
    Decimal256Type, DecimalType,
};
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode};
use datafusion::common::{DFSchema, Result, exec_err, plan_err};
use datafusion::logical_expr::{
    BinaryExpr, ColumnarValue, Expr, ExprSchemable, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl,
    Signature, Volatility,
};

/// The name of the function that checks a decimal.
pub const CHECKED_DECIMAL: &str = "checked_decimal";

/// `expr`, which was written as `sql`, failing where a decimal it computes does not fit its type.
pub fn checked_decimals(expr: Expr, schema: &DFSchema, sql: &str) -> Result<Expr> {
    let checked = expr.transform_up(|part| {
        Ok(if may_misfit(&part, schema) {
            Transformed::yes(checked_decimal(part, sql))
        } else {
            Transformed::no(part)
        })
    });
    checked.data()
}

/// `expr`, which is known as `what`, failing where it is a decimal that does not fit its type.
pub fn checked_decimal(expr: Expr, what: &str) -> Expr {
    ScalarUDF::from(CheckedDecimal::new(what)).call(vec![expr])
}

/// Whether `part` computes a decimal that may have more digits than its type. The type of a sum or
/// a product is wide enough for any, unless that takes more digits than there are.
fn may_misfit(part: &Expr, schema: &DFSchema) -> bool {
    let decimal = || part.get_type(schema).ok().filter(DataType::is_decimal);
    match part {
        Expr::BinaryExpr(BinaryExpr { op, .. }) if op.is_numerical_operators() => {
            decimal().is_some_and(|decimal| is_widest(&decimal))
        }
        Expr::ScalarFunction(_) => decimal().is_some(),
        _ => false,
    }
}

fn is_widest(decimal: &DataType) -> bool {
    matches!(
        decimal,
        DataType::Decimal32(DECIMAL32_MAX_PRECISION, _)
            | DataType::Decimal64(DECIMAL64_MAX_PRECISION, _)
            | DataType::Decimal128(DECIMAL128_MAX_PRECISION, _)
            | DataType::Decimal256(DECIMAL256_MAX_PRECISION, _)
    )
}

/// `checked_decimal(x)`: x, or an error that names what computed it.
#[derive(Debug, PartialEq, Eq, Hash)]
struct CheckedDecimal {
    signature: Signature,
    what: String,
}

impl CheckedDecimal {
    fn new(what: &str) -> Self {
        Self { signature: Signature::any(1, Volatility::Immutable), what: what.to_owned() }
    }
}

impl ScalarUDFImpl for CheckedDecimal {
    fn name(&self) -> &'static str {
        CHECKED_DECIMAL
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        match types {
            [decimal] => Ok(decimal.clone()),
            _ => plan_err!("checked_decimal takes one argument"),
        }
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let Some(value) = args.args.into_iter().next() else {
            return plan_err!("checked_decimal takes one argument");
        };
        let misfit = match &value {
            ColumnarValue::Array(values) => misfit(values.as_ref()),
            ColumnarValue::Scalar(value) => misfit(value.to_array()?.as_ref()),
        };
        match misfit {
            None => Ok(value),
            Some(misfit) => exec_err!(
                "`{}` gives {misfit}, which does not fit {}; compute with fewer digits, or cast to \
                 double",
                self.what,
                value.data_type()
            ),
        }
    }
}

/// The first value that has more digits than its type, written out.
fn misfit(values: &dyn Array) -> Option<String> {
    fn first<T: DecimalType>(values: &dyn Array, precision: u8, scale: i8) -> Option<String> {
        let mut values = values.as_primitive::<T>().iter().flatten();
        let misfit = values.find(|value| !T::is_valid_decimal_precision(*value, precision))?;
        // Writing cuts off what exceeds the precision it is given.
        Some(T::format_decimal(misfit, u8::MAX, scale))
    }
    match values.data_type() {
        DataType::Decimal32(p, s) => first::<Decimal32Type>(values, *p, *s),
        DataType::Decimal64(p, s) => first::<Decimal64Type>(values, *p, *s),
        DataType::Decimal128(p, s) => first::<Decimal128Type>(values, *p, *s),
        DataType::Decimal256(p, s) => first::<Decimal256Type>(values, *p, *s),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{ArrayRef, AsArray, Decimal128Array, RecordBatch};
    use arrow::datatypes::Decimal128Type;
    use datafusion::common::DFSchema;
    use datafusion::prelude::SessionContext;

    use super::checked_decimals;

    /// `sql` over one row, whose column `x` is `value` as a decimal of `precision` and `scale`.
    fn value(sql: &str, value: i128, precision: u8, scale: i8) -> Result<i128, String> {
        let column = Decimal128Array::from(vec![value]);
        let column = column.with_precision_and_scale(precision, scale).unwrap();
        let batch = RecordBatch::try_from_iter([("x", Arc::new(column) as ArrayRef)]).unwrap();
        let schema = DFSchema::try_from(batch.schema()).unwrap();
        let context = SessionContext::new();
        let expr = context.state().create_logical_expr(sql, &schema).unwrap();
        let expr = checked_decimals(expr, &schema, sql).unwrap();
        let physical = context.create_physical_expr(expr, &schema).unwrap();
        let values = physical.evaluate(&batch).and_then(|values| values.into_array(1));
        let values = values.map_err(|error| error.to_string())?;
        Ok(values.as_primitive::<Decimal128Type>().value(0))
    }

    // What is expected was computed with Python's `decimal`.
    #[test]
    fn what_has_38_digits_passes() {
        let most = 10_i128.pow(38) - 1;
        assert_eq!(value("x + 0", most, 38, 0), Ok(most));
        assert_eq!(value("x - 1", 1 - most, 38, 0), Ok(-most));
        let square = 99_999_999_999_999_999_980_000_000_000_000_000_001;
        assert_eq!(value("x * x", 9_999_999_999_999_999_999, 20, 0), Ok(square));
        assert_eq!(value("x * x", -9_999_999_999_999_999_999, 20, 2), Ok(square));
        assert_eq!(value("round(x, -1)", most - 95, 38, 0), Ok(most - 99));
    }

    #[test]
    fn what_has_39_digits_is_an_error_that_shows_them() {
        let most = 10_i128.pow(38) - 1;
        let (power, multiple) = (format!("1{}", "0".repeat(38)), format!("15{}", "0".repeat(37)));
        for (sql, x, precision, scale, shown) in [
            ("x + 1", most, 38, 0, power.as_str()),
            ("1 - x", -most, 38, 0, &power),
            ("x * x", 12_345_678_901_234_567_890, 20, 0, "152415787532388367501905199875019052100"),
            (
                "x * x",
                12_345_678_901_234_567_890,
                20,
                2,
                "15241578753238836750190519987501905.2100",
            ),
            (
                "x * -x",
                12_345_678_901_234_567_890,
                20,
                0,
                "-152415787532388367501905199875019052100",
            ),
            ("lcm(x, CAST(3 AS DECIMAL(38)))", 5 * 10_i128.pow(37), 38, 0, &multiple),
            // Inside of something that no digit is missing from any more.
            ("(x + 1) - x", most, 38, 0, &power),
            ("cast(x + 1 as varchar)", most, 38, 0, &power),
        ] {
            let message = value(sql, x, precision, scale).unwrap_err();
            let expected = format!("`{sql}` gives {shown}, which does not fit Decimal128(38,");
            assert!(message.contains(&expected), "{message}");
        }
    }

    #[test]
    fn what_has_more_than_128_bits_stays_an_error() {
        assert!(value("x * x", 10_i128.pow(37), 38, 0).is_err());
    }
}
