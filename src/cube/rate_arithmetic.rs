//! What is computed with rates: their inverse, their product, and whether there is one to use.
//!
//! A rate that was given is exact. An inverse and a product are rounded half away from zero to the
//! places of the table's rates, at least [`LEAST_PLACES`]; one with too few digits left is none.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Decimal128Array, Float64Array, StringArray};
use arrow::datatypes::{
    DECIMAL128_MAX_PRECISION, DataType, Decimal128Type, DecimalType, Float64Type, i256,
};
use datafusion::common::{Result, plan_err};
use datafusion::logical_expr::{
    ColumnarValue, Expr, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};

use super::checked_sum::summed_as;

/// Rates have at least so many digits after the point.
const LEAST_PLACES: i8 = 15;
/// And at most so many: the inverse of one must be computed in 128 bits.
const MOST_PLACES: i8 = 18;
/// What is computed has this many units of its last place at least, so that nine digits are sure.
const LEAST_UNITS: i128 = 100_000_000;

/// The type in which rates of type `given` are computed with.
pub(super) fn rate_type(given: &DataType, column: &str) -> Result<DataType> {
    match summed_as(given) {
        Some(DataType::Float64) => Ok(DataType::Float64),
        Some(DataType::Int64) => Ok(decimal(LEAST_PLACES)),
        Some(DataType::Decimal128(_, scale)) if scale <= MOST_PLACES => {
            Ok(decimal(scale.max(LEAST_PLACES)))
        }
        Some(_) => plan_err!(
            "the rate `{column}` is {given}; cast it to a decimal with at most {MOST_PLACES} places"
        ),
        None => plan_err!("the rate `{column}` must be a number, this is {given}"),
    }
}

fn decimal(scale: i8) -> DataType {
    DataType::Decimal128(DECIMAL128_MAX_PRECISION, scale)
}

/// A computation with rates, of which one that is not positive is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum RateFunction {
    /// Of a rate: that of the other direction, or 0 where it cannot be told.
    Inverse,
    /// Of two rates: that by way of the currency between them, or 0 where it cannot be told.
    Through,
    /// Of the least and the greatest of the rates for one day: the rate, if there is only one.
    TheOne,
    /// Of the same: why there is not only one, in words.
    Fault,
}

impl RateFunction {
    pub(super) fn call(self, inputs: Vec<Expr>) -> Expr {
        let signature = Signature::any(inputs.len(), Volatility::Immutable);
        ScalarUDF::from(RateUdf { signature, function: self }).call(inputs)
    }
}

/// A [`RateFunction`] as a scalar function.
#[derive(Debug, PartialEq, Eq, Hash)]
struct RateUdf {
    signature: Signature,
    function: RateFunction,
}

impl ScalarUDFImpl for RateUdf {
    fn name(&self) -> &'static str {
        match self.function {
            RateFunction::Inverse => "inverse_rate",
            RateFunction::Through => "rate_through",
            RateFunction::TheOne => "the_one_rate",
            RateFunction::Fault => "rate_fault",
        }
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        match (self.function, types.first()) {
            (RateFunction::Fault, _) => Ok(DataType::Utf8),
            (_, Some(rate)) => Ok(rate.clone()),
            (_, None) => plan_err!("{} takes a rate", self.name()),
        }
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let arrays = ColumnarValue::values_to_arrays(&args.args)?;
        let (first, second) = match arrays.as_slice() {
            [only] => (only, only),
            [first, second] => (first, second),
            _ => return plan_err!("{} takes one rate or two", self.name()),
        };
        let answer = match first.data_type() {
            DataType::Float64 => of_doubles(self.function, first, second),
            DataType::Decimal128(_, scale) => of_decimals(self.function, first, second, *scale)?,
            other => return plan_err!("a rate is {other}"),
        };
        Ok(ColumnarValue::Array(answer))
    }
}

fn of_doubles(function: RateFunction, first: &ArrayRef, second: &ArrayRef) -> ArrayRef {
    let (first, second) =
        (first.as_primitive::<Float64Type>(), second.as_primitive::<Float64Type>());
    let pairs = first.iter().zip(second.iter()).map(|(first, second)| first.zip(second));
    let sure = |rate: f64| if rate > 0.0 && rate.is_finite() { rate } else { 0.0 };
    match function {
        RateFunction::Inverse => {
            let inverse = |(rate, _)| sure(1.0 / rate);
            Arc::new(pairs.map(|pair| pair.map(inverse)).collect::<Float64Array>())
        }
        RateFunction::Through => {
            let product = |(first, second): (f64, f64)| sure(first * second);
            Arc::new(pairs.map(|pair| pair.map(product)).collect::<Float64Array>())
        }
        RateFunction::TheOne => {
            let one = |(least, greatest): (f64, f64)| {
                (least.total_cmp(&greatest).is_eq() && sure(least) > 0.0).then_some(least)
            };
            Arc::new(pairs.map(|pair| pair.and_then(one)).collect::<Float64Array>())
        }
        RateFunction::Fault => {
            let fault = |(least, greatest): (f64, f64)| {
                let differ = least.total_cmp(&greatest).is_ne();
                fault(differ, sure(least) > 0.0, || (least.to_string(), greatest.to_string()))
            };
            Arc::new(pairs.map(|pair| pair.and_then(fault)).collect::<StringArray>())
        }
    }
}

fn of_decimals(
    function: RateFunction,
    first: &ArrayRef,
    second: &ArrayRef,
    scale: i8,
) -> Result<ArrayRef> {
    let (first, second) =
        (first.as_primitive::<Decimal128Type>(), second.as_primitive::<Decimal128Type>());
    let pairs = first.iter().zip(second.iter()).map(|(first, second)| first.zip(second));
    if function == RateFunction::Fault {
        let shown = |rate| {
            let text = Decimal128Type::format_decimal(rate, DECIMAL128_MAX_PRECISION, scale);
            text.trim_end_matches('0').trim_end_matches('.').to_owned()
        };
        let fault = |(least, greatest): (i128, i128)| {
            fault(least != greatest, least > 0, || (shown(least), shown(greatest)))
        };
        return Ok(Arc::new(pairs.map(|pair| pair.and_then(fault)).collect::<StringArray>()));
    }
    let rates = pairs.map(|pair| {
        let (first, second) = pair?;
        match function {
            RateFunction::Inverse => Some(inverse(first, scale)),
            RateFunction::Through => Some(product(first, second, scale)),
            RateFunction::TheOne | RateFunction::Fault => {
                (first == second && first > 0).then_some(first)
            }
        }
    });
    let rates = rates.collect::<Decimal128Array>();
    Ok(Arc::new(rates.with_precision_and_scale(DECIMAL128_MAX_PRECISION, scale)?))
}

/// Why rates are none, if they are none.
fn fault(differ: bool, positive: bool, shown: impl Fn() -> (String, String)) -> Option<String> {
    if differ {
        let (least, greatest) = shown();
        return Some(format!("there are two, {least} and {greatest}"));
    }
    let what = "it is not positive, or has too few digits when it is inverted or multiplied";
    (!positive).then(|| what.to_owned())
}

/// `1 / rate` at `scale`, or 0.
fn inverse(rate: i128, scale: i8) -> i128 {
    if rate <= 0 {
        return 0;
    }
    let one = 10_i128.pow(2 * u32::from(scale.unsigned_abs().min(MOST_PLACES.unsigned_abs())));
    let (whole, rest) = (one / rate, one % rate);
    sure(whole + i128::from(rest >= rate - rest))
}

/// `first × second` at `scale`, or 0.
fn product(first: i128, second: i128, scale: i8) -> i128 {
    if first <= 0 || second <= 0 {
        return 0;
    }
    let unit = i256::from_i128(10_i128.pow(u32::from(scale.unsigned_abs())));
    let exact = i256::from_i128(first).checked_mul(i256::from_i128(second));
    let rounded = exact.and_then(|exact| {
        let half = unit.checked_div(i256::from_i128(2))?;
        exact.checked_add(half)?.checked_div(unit)?.to_i128()
    });
    sure(rounded.unwrap_or(0))
}

/// `rate`, or 0 where too few of its digits are left or it has more than there are.
fn sure(rate: i128) -> i128 {
    let fits = Decimal128Type::is_valid_decimal_precision(rate, DECIMAL128_MAX_PRECISION);
    if rate >= LEAST_UNITS && fits { rate } else { 0 }
}

#[cfg(test)]
mod tests {
    use super::{inverse, product};

    const UNIT: i128 = 1_000_000_000_000_000;

    // What is expected was computed with Python's `fractions`.
    #[test]
    fn inverses_are_rounded_half_away_from_zero() {
        assert_eq!(inverse(7 * UNIT, 15), 142_857_142_857_143);
        assert_eq!(inverse(8 * UNIT, 15), UNIT / 8);
        assert_eq!(inverse(68_231 * UNIT / 10_000, 15), 146_560_947_369_964);
        assert_eq!(inverse(25_000 * UNIT, 15), 40_000_000_000);
    }

    #[test]
    fn a_rate_without_digits_is_none() {
        assert_eq!(inverse(0, 15), 0);
        assert_eq!(inverse(-UNIT, 15), 0);
        // 1e-8 would have eight digits at most.
        assert_eq!(inverse(100_000_000 * UNIT, 15), 0);
        assert_eq!(product(UNIT / 100_000, UNIT / 100_000, 15), 0);
        assert_eq!(product(10_i128.pow(37), 10_i128.pow(37), 15), 0);
    }

    #[test]
    fn products_are_rounded() {
        assert_eq!(product(UNIT / 8, 7 * UNIT, 15), 7 * UNIT / 8);
        assert_eq!(product(142_857_142_857_143, 142_857_142_857_143, 15), 20_408_163_265_306);
    }
}
