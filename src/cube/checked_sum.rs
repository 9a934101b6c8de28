//! A sum that fails instead of wrapping.
//!
//! | input                  | result           |
//! |------------------------|------------------|
//! | whole number           | `Int64`          |
//! | unsigned 64-bit        | `Decimal(38, 0)` |
//! | decimal of scale s     | `Decimal(38, s)` |
//! | floating point         | `Float64`        |

use std::fmt::Debug;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, ArrowNativeTypeOp, AsArray, BooleanArray, PrimitiveArray};
use arrow::compute::{and, prep_null_mask_filter};
use arrow::datatypes::{
    ArrowPrimitiveType, DECIMAL128_MAX_PRECISION, DataType, Decimal128Type, DecimalType, Field,
    FieldRef, Float64Type, Int64Type,
};
use datafusion::common::{DataFusionError, Result, ScalarValue, exec_err, plan_err};
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::utils::AggregateOrderSensitivity;
use datafusion::logical_expr::{
    Accumulator, AggregateUDFImpl, EmitTo, GroupsAccumulator, ReversedUDAF, Signature, Volatility,
};
use datafusion::physical_expr::NullState;

/// The aggregate `checked_sum`; it knows what it sums, to name it when the sum does not fit.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct CheckedSum {
    signature: Signature,
    what: String,
}

impl CheckedSum {
    /// Sums `what`, such as a measure's name.
    pub(super) fn new(what: &str) -> Self {
        Self { signature: Signature::user_defined(Volatility::Immutable), what: what.to_owned() }
    }
}

/// The type values of `input` are summed as; `None` when they are no numbers.
pub(super) fn summed_as(input: &DataType) -> Option<DataType> {
    match input {
        DataType::Dictionary(_, value) => summed_as(value),
        DataType::Null => Some(DataType::Int64),
        DataType::UInt64 => Some(DataType::Decimal128(20, 0)),
        DataType::Decimal32(precision, scale)
        | DataType::Decimal64(precision, scale)
        | DataType::Decimal128(precision, scale) => Some(DataType::Decimal128(*precision, *scale)),
        whole if whole.is_integer() => Some(DataType::Int64),
        fraction if fraction.is_floating() => Some(DataType::Float64),
        _ => None,
    }
}

/// The type of the sum of values of `summed`, which [`summed_as`] gave.
pub(super) fn sum_type(summed: &DataType) -> DataType {
    match summed {
        DataType::Decimal128(_, scale) => DataType::Decimal128(DECIMAL128_MAX_PRECISION, *scale),
        other => other.clone(),
    }
}

impl AggregateUDFImpl for CheckedSum {
    fn name(&self) -> &'static str {
        "checked_sum"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        let [input] = types else { return plan_err!("checked_sum takes one argument") };
        match summed_as(input) {
            Some(coerced) => Ok(vec![coerced]),
            None => plan_err!("`{}` cannot be summed: it is {input}", self.what),
        }
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        match types {
            [summed] => Ok(sum_type(summed)),
            _ => plan_err!("checked_sum takes one argument"),
        }
    }

    fn accumulator(&self, args: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        self.refuse_distinct(&args)?;
        let data_type = args.return_type().clone();
        Ok(match data_type {
            DataType::Int64 => Box::new(Total::<Int64Type>::new(&self.what, data_type)),
            DataType::Float64 => Box::new(Total::<Float64Type>::new(&self.what, data_type)),
            DataType::Decimal128(..) => {
                Box::new(Total::<Decimal128Type>::new(&self.what, data_type))
            }
            other => return plan_err!("`{}` cannot be summed: it is {other}", self.what),
        })
    }

    fn state_fields(&self, args: StateFieldsArgs) -> Result<Vec<FieldRef>> {
        let name = format!("{}[checked_sum]", args.name);
        Ok(vec![Arc::new(Field::new(name, args.return_type().clone(), true))])
    }

    fn groups_accumulator_supported(&self, args: AccumulatorArgs) -> bool {
        !args.is_distinct
    }

    fn create_groups_accumulator(
        &self,
        args: AccumulatorArgs,
    ) -> Result<Box<dyn GroupsAccumulator>> {
        let data_type = args.return_type().clone();
        Ok(match data_type {
            DataType::Int64 => Box::new(Totals::<Int64Type>::new(&self.what, data_type)),
            DataType::Float64 => Box::new(Totals::<Float64Type>::new(&self.what, data_type)),
            DataType::Decimal128(..) => {
                Box::new(Totals::<Decimal128Type>::new(&self.what, data_type))
            }
            other => return plan_err!("`{}` cannot be summed: it is {other}", self.what),
        })
    }

    fn reverse_expr(&self) -> ReversedUDAF {
        ReversedUDAF::Identical
    }

    fn order_sensitivity(&self) -> AggregateOrderSensitivity {
        AggregateOrderSensitivity::Insensitive
    }
}

impl CheckedSum {
    fn refuse_distinct(&self, args: &AccumulatorArgs) -> Result<()> {
        if args.is_distinct {
            return plan_err!("`{}` cannot be summed over distinct values", self.what);
        }
        Ok(())
    }
}

pub(super) fn overflow<T>(what: &str, data_type: &DataType) -> Result<T> {
    exec_err!("the sum of `{what}` does not fit {data_type}")
}

/// Numbers that can be summed without wrapping.
pub(super) trait Summable:
    ArrowPrimitiveType<Native: Default + Send + Sync> + Debug + Send + Sync
{
    /// Whether a finished sum is a value of the type; decimals have fewer than their 128 bits.
    fn fits(_sum: Self::Native) -> bool {
        true
    }
}

impl Summable for Int64Type {}
impl Summable for Float64Type {}
impl Summable for Decimal128Type {
    fn fits(sum: i128) -> bool {
        Self::is_valid_decimal_precision(sum, DECIMAL128_MAX_PRECISION)
    }
}

/// The sum of one group.
#[derive(Debug)]
struct Total<T: Summable> {
    what: String,
    data_type: DataType,
    sum: Option<T::Native>,
}

impl<T: Summable> Total<T> {
    fn new(what: &str, data_type: DataType) -> Self {
        Self { what: what.to_owned(), data_type, sum: None }
    }
}

impl<T: Summable> Accumulator for Total<T> {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        let values = values[0].as_primitive::<T>();
        let mut sum = self.sum;
        for value in values.iter().flatten() {
            let Ok(next) = sum.unwrap_or_default().add_checked(value) else {
                return overflow(&self.what, &self.data_type);
            };
            sum = Some(next);
        }
        self.sum = sum;
        Ok(())
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        self.update_batch(states)
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        Ok(vec![ScalarValue::new_primitive::<T>(self.sum, &self.data_type)?])
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        if self.sum.is_some_and(|sum| !T::fits(sum)) {
            return overflow(&self.what, &self.data_type);
        }
        ScalarValue::new_primitive::<T>(self.sum, &self.data_type)
    }

    fn size(&self) -> usize {
        size_of_val(self) + self.what.capacity()
    }
}

/// The sums of many groups.
#[derive(Debug)]
struct Totals<T: Summable> {
    what: String,
    data_type: DataType,
    sums: Vec<T::Native>,
    seen: NullState,
}

impl<T: Summable> Totals<T> {
    fn new(what: &str, data_type: DataType) -> Self {
        Self { what: what.to_owned(), data_type, sums: Vec::new(), seen: NullState::new() }
    }

    fn take(&mut self, emit_to: EmitTo) -> PrimitiveArray<T> {
        let sums = emit_to.take_needed(&mut self.sums);
        let nulls = self.seen.build(emit_to);
        PrimitiveArray::<T>::new(sums.into(), nulls).with_data_type(self.data_type.clone())
    }
}

impl<T: Summable> GroupsAccumulator for Totals<T> {
    fn update_batch(
        &mut self,
        values: &[ArrayRef],
        group_indices: &[usize],
        filter: Option<&BooleanArray>,
        group_count: usize,
    ) -> Result<()> {
        let values = values[0].as_primitive::<T>();
        self.sums.resize(group_count, T::Native::default());
        let sums = &mut self.sums;
        let mut fits = true;
        self.seen.accumulate(group_indices, values, filter, group_count, |group, value| match sums
            [group]
            .add_checked(value)
        {
            Ok(sum) => sums[group] = sum,
            Err(_) => fits = false,
        });
        if fits { Ok(()) } else { overflow(&self.what, &self.data_type) }
    }

    fn merge_batch(
        &mut self,
        states: &[ArrayRef],
        group_indices: &[usize],
        group_count: usize,
    ) -> Result<()> {
        self.update_batch(states, group_indices, None, group_count)
    }

    fn evaluate(&mut self, emit_to: EmitTo) -> Result<ArrayRef> {
        let sums = self.take(emit_to);
        if sums.iter().flatten().all(T::fits) {
            Ok(Arc::new(sums))
        } else {
            overflow(&self.what, &self.data_type)
        }
    }

    fn state(&mut self, emit_to: EmitTo) -> Result<Vec<ArrayRef>> {
        Ok(vec![Arc::new(self.take(emit_to))])
    }

    fn convert_to_state(
        &self,
        values: &[ArrayRef],
        filter: Option<&BooleanArray>,
    ) -> Result<Vec<ArrayRef>> {
        let values = values[0].as_primitive::<T>();
        let state = match filter {
            None => values.clone(),
            Some(filter) => {
                // NULL in a filter means the row does not count.
                let filter = match filter.nulls() {
                    Some(_) => prep_null_mask_filter(filter),
                    None => filter.clone(),
                };
                masked(values, &filter)?
            }
        };
        Ok(vec![Arc::new(state.with_data_type(self.data_type.clone()))])
    }

    fn size(&self) -> usize {
        self.sums.capacity() * size_of::<T::Native>() + self.seen.size() + self.what.capacity()
    }
}

/// `values` with NULL where `keep` is false.
fn masked<T: ArrowPrimitiveType>(
    values: &PrimitiveArray<T>,
    keep: &BooleanArray,
) -> Result<PrimitiveArray<T>, DataFusionError> {
    let present = match values.nulls() {
        Some(nulls) => and(keep, &BooleanArray::new(nulls.inner().clone(), None))?,
        None => keep.clone(),
    };
    let nulls = arrow::buffer::NullBuffer::new(present.values().clone());
    Ok(PrimitiveArray::<T>::new(values.values().clone(), Some(nulls)))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{ArrayRef, AsArray, BooleanArray, Decimal128Array, Int64Array};
    use arrow::datatypes::{DataType, Decimal128Type, Int64Type};
    use datafusion::logical_expr::{Accumulator, EmitTo, GroupsAccumulator};

    use super::{Total, Totals};

    fn whole(values: &[Option<i64>]) -> ArrayRef {
        Arc::new(Int64Array::from(values.to_vec()))
    }

    #[test]
    fn sums_groups_with_filters_and_nulls() {
        let mut sums = Totals::<Int64Type>::new("n", DataType::Int64);
        let values = whole(&[Some(1), None, Some(3), Some(4)]);
        let filter = BooleanArray::from(vec![Some(true), Some(true), None, Some(true)]);
        sums.update_batch(&[values], &[0, 1, 2, 0], Some(&filter), 3).unwrap();
        sums.update_batch(&[whole(&[Some(7)])], &[3], None, 4).unwrap();
        let first = sums.evaluate(EmitTo::First(1)).unwrap();
        assert_eq!(first.as_primitive::<Int64Type>(), &Int64Array::from(vec![Some(5)]));
        let rest = sums.evaluate(EmitTo::All).unwrap();
        let expected = Int64Array::from(vec![None, None, Some(7)]);
        assert_eq!(rest.as_primitive::<Int64Type>(), &expected);
    }

    #[test]
    fn rows_become_states_as_they_are() {
        let sums = Totals::<Int64Type>::new("n", DataType::Int64);
        let values = whole(&[Some(1), None, Some(3), Some(4)]);
        let filter = BooleanArray::from(vec![Some(true), Some(true), None, Some(false)]);
        let states = sums.convert_to_state(&[values], Some(&filter)).unwrap();
        let expected = Int64Array::from(vec![Some(1), None, None, None]);
        assert_eq!(states[0].as_primitive::<Int64Type>(), &expected);
    }

    #[test]
    fn what_does_not_fit_is_an_error() {
        let values = [whole(&[Some(i64::MAX), Some(1)])];
        let mut sums = Totals::<Int64Type>::new("n", DataType::Int64);
        assert!(sums.update_batch(&values, &[0, 0], None, 1).is_err());
        let mut sum = Total::<Int64Type>::new("n", DataType::Int64);
        let message = sum.update_batch(&values).unwrap_err().to_string();
        assert!(message.contains("the sum of `n` does not fit Int64"), "{message}");
        // Two sums that fit are put together.
        let mut sums = Totals::<Int64Type>::new("n", DataType::Int64);
        sums.update_batch(&values, &[0, 1], None, 2).unwrap();
        assert!(sums.merge_batch(&[whole(&[Some(i64::MAX)])], &[1], 2).is_err());
    }

    #[test]
    fn decimals_have_38_digits_and_no_more() {
        let decimal = DataType::Decimal128(38, 2);
        let most = 10_i128.pow(38) - 1;
        let array = Decimal128Array::from(vec![most, 1]).with_precision_and_scale(38, 2).unwrap();
        let values: [ArrayRef; 1] = [Arc::new(array)];
        let mut sums = Totals::<Decimal128Type>::new("n", decimal.clone());
        sums.update_batch(&values, &[0, 0], None, 1).unwrap();
        assert!(sums.evaluate(EmitTo::All).is_err());
        let mut sum = Total::<Decimal128Type>::new("n", decimal);
        sum.update_batch(&values).unwrap();
        assert!(sum.evaluate().is_err());
    }
}
