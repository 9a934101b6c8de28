//! The mean of decimals from a sum and a count, rounded half away from zero.

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, Decimal128Array};
use arrow::datatypes::{
    DECIMAL128_MAX_PRECISION, DECIMAL128_MAX_SCALE, DataType, Decimal128Type, DecimalType,
    Int64Type,
};
use datafusion::common::{Result, exec_err, plan_err};
use datafusion::logical_expr::{
    ColumnarValue, ScalarFunctionArgs, ScalarUDFImpl, Signature, Volatility,
};

/// A mean has at least this many digits after the point.
const LEAST_SCALE: i8 = 6;
/// And this many more than what is averaged.
const MORE_SCALE: i8 = 4;

/// `decimal_mean(sum, count)`: NULL when either is NULL or the count is 0.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct DecimalMean {
    signature: Signature,
}

impl DecimalMean {
    pub(super) fn new() -> Self {
        Self { signature: Signature::user_defined(Volatility::Immutable) }
    }

    /// The type of the mean of values of type `of`.
    pub(super) fn data_type(of: &DataType) -> DataType {
        match of {
            DataType::Decimal128(_, scale) => {
                DataType::Decimal128(DECIMAL128_MAX_PRECISION, mean_scale(*scale))
            }
            _ => DataType::Float64,
        }
    }
}

/// The digits after the point of the mean of numbers with `scale` of them.
fn mean_scale(scale: i8) -> i8 {
    (scale + MORE_SCALE).clamp(LEAST_SCALE, DECIMAL128_MAX_SCALE)
}

impl ScalarUDFImpl for DecimalMean {
    fn name(&self) -> &'static str {
        "decimal_mean"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        match types {
            [sum @ DataType::Decimal128(..), _] => Ok(vec![sum.clone(), DataType::Int64]),
            _ => plan_err!("decimal_mean takes a decimal and a count"),
        }
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        match types {
            [sum @ DataType::Decimal128(..), _] => Ok(Self::data_type(sum)),
            _ => plan_err!("decimal_mean takes a decimal and a count"),
        }
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let arrays = ColumnarValue::values_to_arrays(&args.args)?;
        let [sums, counts] = arrays.as_slice() else {
            return plan_err!("decimal_mean takes a decimal and a count");
        };
        let DataType::Decimal128(_, scale) = sums.data_type() else {
            return plan_err!("decimal_mean takes a decimal and a count");
        };
        let target = mean_scale(*scale);
        let factor = 10_i128.pow(u32::from((target - scale).unsigned_abs()));
        let (sums, counts) =
            (sums.as_primitive::<Decimal128Type>(), counts.as_primitive::<Int64Type>());
        let means = sums.iter().zip(counts.iter()).map(|(sum, count)| match (sum, count) {
            (Some(sum), Some(count)) if count != 0 => mean(sum, count, factor).map(Some),
            _ => Ok(None),
        });
        let means = means.collect::<Result<Decimal128Array>>()?;
        let means = means.with_precision_and_scale(DECIMAL128_MAX_PRECISION, target)?;
        Ok(ColumnarValue::Array(Arc::new(means) as ArrayRef))
    }
}

/// `sum · factor / count`: whole part and remainder apart, so that only the result must fit.
fn mean(sum: i128, count: i64, factor: i128) -> Result<i128> {
    let count = i128::from(count);
    let (whole, rest) = (sum / count, sum % count);
    let scaled = rest * factor;
    let (part, left) = (scaled / count, scaled % count);
    let up = if 2 * left.abs() >= count.abs() { left.signum() * count.signum() } else { 0 };
    match whole.checked_mul(factor).and_then(|whole| whole.checked_add(part + up)) {
        Some(mean)
            if Decimal128Type::is_valid_decimal_precision(mean, DECIMAL128_MAX_PRECISION) =>
        {
            Ok(mean)
        }
        _ => exec_err!("a mean does not fit a decimal of 38 digits"),
    }
}

#[cfg(test)]
mod tests {
    use super::mean;

    #[test]
    fn rounds_half_away_from_zero() {
        assert_eq!(mean(5, 2, 10).unwrap(), 25);
        assert_eq!(mean(1, 8, 100).unwrap(), 13);
        assert_eq!(mean(-1, 8, 100).unwrap(), -13);
        assert_eq!(mean(10, 3, 100).unwrap(), 333);
    }

    #[test]
    fn only_the_result_must_fit() {
        let most = 10_i128.pow(38) - 1;
        assert!(mean(most, 1, 10_000).is_err());
        assert!(mean(most, 100_000, 10_000).is_ok());
    }
}
