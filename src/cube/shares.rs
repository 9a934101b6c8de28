//! How amounts are shared out by weights, so that the parts of each add up to it exactly.
//!
//! ```text
//! weights  3, 3, 1      spans of 7    0 ─── 3 ─── 6 ─ 7
//! amount   100.00000000               0  42.857…  85.714…  100
//! parts                 42.85714286, 42.85714285, 14.28571429
//! ```
//!
//! The members of one stand in the order of their keys, and each has a span of the sum of their
//! weights. Its part of an amount is the amount up to the end of the span less that up to its start,
//! each rounded half away from zero to the places of the amount. What one span leaves the next one
//! has, so that parts add up whatever is grouped by, and a finite share is not rounded at all.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Decimal128Array, Float64Array, ListArray};
use arrow::datatypes::{
    DECIMAL128_MAX_PRECISION, DataType, Decimal128Type, DecimalType, Float64Type, i256,
};
use datafusion::common::{DFSchema, Result, exec_err, internal_err, plan_err};
use datafusion::logical_expr::{
    ColumnarValue, Expr, ExprSchemable, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature,
    Volatility, cast,
};

use super::checked_sum::summed_as;

/// Parts have at least so many more digits after the point than what is shared out.
const LEAST_PLACES: i8 = 6;
/// And so many more than weights have, which may be percentages.
const PERCENT: i8 = 2;

/// The type in which weights of type `given` are computed with, or what is wrong with them.
pub(super) fn weight_type(given: &DataType, weight: &str) -> Result<DataType, String> {
    match summed_as(given) {
        Some(DataType::Int64) => Ok(DataType::Decimal128(DECIMAL128_MAX_PRECISION, 0)),
        Some(DataType::Decimal128(_, scale)) => {
            Ok(DataType::Decimal128(DECIMAL128_MAX_PRECISION, scale))
        }
        Some(DataType::Float64) => Err(format!(
            "the weight `{weight}` is a double, whose parts do not add up exactly; make it a decimal \
             in its feed, as in CAST({weight} AS DECIMAL(9, 6))"
        )),
        _ => Err(format!("the weight `{weight}` must be a number, this is {given}")),
    }
}

/// How many more digits after the point parts have, by weights of type `weight`.
pub(super) fn places(weight: &DataType) -> i8 {
    match weight {
        DataType::Decimal128(_, scale) => scale.saturating_add(PERCENT).max(LEAST_PLACES),
        _ => 0,
    }
}

/// `amount`, of which `measure` is the sum, with `places` more digits after the point, if it is a decimal.
pub(super) fn with_places(
    amount: Expr,
    places: i8,
    schema: &DFSchema,
    measure: &str,
) -> Result<Expr> {
    let Some(DataType::Decimal128(_, scale)) = summed_as(&amount.get_type(schema)?) else {
        return Ok(amount);
    };
    match scale.checked_add(places) {
        Some(more) if i16::from(more) < i16::from(DECIMAL128_MAX_PRECISION) => {
            let amount = cast(amount, DataType::Decimal128(DECIMAL128_MAX_PRECISION, scale));
            Ok(ScalarUDF::from(WithPlaces::new(places, measure)).call(vec![amount]))
        }
        _ => plan_err!(
            "its parts would have {places} more digits after the point than its {scale}; cast it to \
             fewer in its declaration"
        ),
    }
}

/// The name of the function that gives decimals more digits after the point.
pub(super) const WITH_PLACES: &str = "with_places";

/// `with_places(amount)`: the same decimal with so many more digits after the point.
#[derive(Debug, PartialEq, Eq, Hash)]
struct WithPlaces {
    signature: Signature,
    places: i8,
    measure: String,
}

impl WithPlaces {
    fn new(places: i8, measure: &str) -> Self {
        let signature = Signature::any(1, Volatility::Immutable);
        Self { signature, places, measure: measure.to_owned() }
    }
}

impl ScalarUDFImpl for WithPlaces {
    fn name(&self) -> &'static str {
        WITH_PLACES
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        match types {
            [DataType::Decimal128(digits, scale)] => {
                Ok(DataType::Decimal128(*digits, scale + self.places))
            }
            _ => internal_err!("{WITH_PLACES} takes a decimal, not {types:?}"),
        }
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let amounts = ColumnarValue::values_to_arrays(&args.args)?;
        let data_type = args.return_type();
        let factor = 10_i128.pow(u32::from(self.places.unsigned_abs()));
        let more = |amount: i128| {
            let more = amount.checked_mul(factor);
            more.filter(|more| {
                Decimal128Type::is_valid_decimal_precision(*more, DECIMAL128_MAX_PRECISION)
            })
            .map_or_else(
                || {
                    exec_err!(
                        "an amount of `{}` does not fit {data_type}, which parts of it by weights have; \
                         cast it to fewer digits after the point in its declaration",
                        self.measure
                    )
                },
                Ok,
            )
        };
        let amounts = amounts[0].as_primitive::<Decimal128Type>();
        let wide: Decimal128Array = amounts.try_unary(more)?;
        Ok(ColumnarValue::Array(Arc::new(wide.with_data_type(data_type.clone()))))
    }
}

/// What members have of an amount: where their spans begin and end, and the sum of all weights.
#[derive(Clone, Debug)]
pub(super) struct Share {
    /// A list of pairs.
    pub spans: Expr,
    /// What they are spans of.
    pub whole: Expr,
}

impl Share {
    /// The part of `amount` that they have.
    pub(super) fn of(&self, amount: Expr) -> Expr {
        let inputs = vec![amount, self.whole.clone(), self.spans.clone()];
        ScalarUDF::from(Part::new()).call(inputs)
    }
}

/// `part(amount, whole, spans)`: the part of the amount that lies on the spans of the whole.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Part {
    signature: Signature,
}

impl Part {
    fn new() -> Self {
        Self { signature: Signature::any(3, Volatility::Immutable) }
    }
}

impl ScalarUDFImpl for Part {
    fn name(&self) -> &'static str {
        "part"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        match types {
            [DataType::Decimal128(_, scale), ..] => {
                Ok(DataType::Decimal128(DECIMAL128_MAX_PRECISION, *scale))
            }
            [DataType::Float64, ..] => Ok(DataType::Float64),
            _ => internal_err!("part is of a decimal or a double, not of {types:?}"),
        }
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let arrays = ColumnarValue::values_to_arrays(&args.args)?;
        let [amounts, wholes, spans] = arrays.as_slice() else {
            return internal_err!("part takes an amount, a whole and spans");
        };
        let spans = Spans::of(wholes, spans)?;
        let parts: ArrayRef = match amounts.data_type() {
            DataType::Decimal128(_, scale) => {
                let amounts = amounts.as_primitive::<Decimal128Type>().iter().enumerate();
                let parts = amounts.map(|(row, amount)| {
                    amount.map(|amount| spans.exact_part(row, amount)).transpose()
                });
                let parts = parts.collect::<Result<Decimal128Array>>()?;
                Arc::new(parts.with_precision_and_scale(DECIMAL128_MAX_PRECISION, *scale)?)
            }
            DataType::Float64 => {
                let amounts = amounts.as_primitive::<Float64Type>().iter().enumerate();
                let parts =
                    amounts.map(|(row, amount)| amount.map(|amount| amount * spans.fraction(row)));
                Arc::new(parts.collect::<Float64Array>())
            }
            other => return internal_err!("part is of a decimal or a double, not of {other}"),
        };
        Ok(ColumnarValue::Array(parts))
    }
}

/// The spans of each row.
struct Spans<'a> {
    wholes: &'a Decimal128Array,
    lists: &'a ListArray,
    starts: &'a Decimal128Array,
    ends: &'a Decimal128Array,
}

impl<'a> Spans<'a> {
    fn of(wholes: &'a ArrayRef, spans: &'a ArrayRef) -> Result<Self> {
        let found = spans.as_list_opt::<i32>().zip(wholes.as_primitive_opt());
        let pairs = found.and_then(|(lists, _)| lists.values().as_struct_opt());
        if let (Some((lists, wholes)), Some(pairs)) = (found, pairs)
            && let [starts, ends] = pairs.columns()
            && let (Some(starts), Some(ends)) = (starts.as_primitive_opt(), ends.as_primitive_opt())
        {
            return Ok(Self { wholes, lists, starts, ends });
        }
        internal_err!("spans are pairs of decimals, not {}", spans.data_type())
    }

    fn in_row(&self, row: usize) -> impl Iterator<Item = (i128, i128)> {
        let offsets = self.lists.value_offsets();
        let range = offsets[row].try_into().unwrap_or(0)..offsets[row + 1].try_into().unwrap_or(0);
        range.map(|at: usize| (self.starts.value(at), self.ends.value(at)))
    }

    fn exact_part(&self, row: usize, amount: i128) -> Result<i128> {
        let whole = self.wholes.value(row);
        let mut part = Some(0_i128);
        for (start, end) in self.in_row(row) {
            let (before, after) = (up_to(amount, start, whole), up_to(amount, end, whole));
            let of_span = before.zip(after).and_then(|(before, after)| after.checked_sub(before));
            part = part.zip(of_span).and_then(|(part, of_span)| part.checked_add(of_span));
        }
        match part {
            Some(part)
                if Decimal128Type::is_valid_decimal_precision(part, DECIMAL128_MAX_PRECISION) =>
            {
                Ok(part)
            }
            _ => exec_err!("a part by weights does not fit a decimal of 38 digits"),
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "a part of a double is a double")]
    fn fraction(&self, row: usize) -> f64 {
        let length: f64 = self.in_row(row).map(|(start, end)| end as f64 - start as f64).sum();
        length / self.wholes.value(row) as f64
    }
}

/// `amount · end / whole`, rounded half away from zero; `None` where that has more than 128 bits.
fn up_to(amount: i128, end: i128, whole: i128) -> Option<i128> {
    if end == whole {
        return Some(amount);
    }
    if let Some(product) = amount.checked_mul(end) {
        let (quotient, rest) = (product.checked_div(whole)?, product.checked_rem(whole)?);
        let up = rest.unsigned_abs() >= whole.unsigned_abs() - rest.unsigned_abs();
        return quotient.checked_add(if up { product.signum() * whole.signum() } else { 0 });
    }
    let product = i256::from_i128(amount).checked_mul(i256::from_i128(end))?;
    let whole = i256::from_i128(whole);
    let (quotient, rest) = (product.checked_div(whole)?, product.checked_rem(whole)?);
    let rest = rest.wrapping_abs();
    let up = rest >= whole.wrapping_abs().wrapping_sub(rest);
    let sign = amount.signum() * end.signum();
    let sign = if whole.is_negative() { -sign } else { sign };
    quotient.to_i128()?.checked_add(if up { sign } else { 0 })
}

#[cfg(test)]
mod tests {
    use arrow::datatypes::DataType;

    use super::{places, up_to, weight_type};

    /// The parts of `amount` by `weights`, one after another.
    fn parts(amount: i128, weights: &[i128]) -> Vec<i128> {
        let whole = weights.iter().sum();
        let mut end = 0;
        let spans = weights.iter().map(|weight| {
            let start = end;
            end += weight;
            up_to(amount, end, whole).unwrap() - up_to(amount, start, whole).unwrap()
        });
        spans.collect()
    }

    // Worked out by hand.
    #[test]
    fn parts_are_rounded_where_they_meet_and_add_up() {
        assert_eq!(parts(1053, &[60, 40]), [632, 421]);
        assert_eq!(parts(100, &[1, 1, 1]), [33, 34, 33]);
        assert_eq!(parts(-100, &[1, 1, 1]), [-33, -34, -33]);
        assert_eq!(parts(1, &[1, 1]), [1, 0]);
        assert_eq!(parts(-1, &[1, 1]), [-1, 0]);
        assert_eq!(parts(10, &[2, -1]), [20, -10]);
        assert_eq!(parts(9, &[-1, -2]), [3, 6]);
        assert_eq!(parts(7, &[0, 5, 0]), [0, 7, 0]);
    }

    #[test]
    fn what_takes_more_than_128_bits_on_the_way_is_exact() {
        let most = 10_i128.pow(38) - 1;
        let third = most / 3;
        assert_eq!(parts(most, &[1, 1, 1]), [third; 3]);
        assert_eq!(parts(-most, &[10_i128.pow(30); 3]), [-third; 3]);
        // 3 · 10^37 and a half, twice.
        assert_eq!(
            parts(6 * 10_i128.pow(37) + 1, &[7; 2]),
            [3 * 10_i128.pow(37) + 1, 3 * 10_i128.pow(37)]
        );
        assert_eq!(up_to(most, most, 2), None);
    }

    #[test]
    fn places_follow_from_the_type_of_weights() {
        let of = |given: DataType| weight_type(&given, "share").map(|weight| places(&weight));
        assert_eq!(of(DataType::Int64), Ok(6));
        assert_eq!(of(DataType::Decimal128(9, 4)), Ok(6));
        assert_eq!(of(DataType::Decimal128(28, 6)), Ok(8));
        assert!(of(DataType::Float64).unwrap_err().contains("is a double"));
        assert!(of(DataType::Utf8).unwrap_err().contains("must be a number"));
    }
}
