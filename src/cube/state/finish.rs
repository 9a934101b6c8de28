//! From a state to the value of the measure.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, ArrowNativeTypeOp, AsArray, Float64Array, Int64Array, PrimitiveArray,
};
use arrow::datatypes::{DataType, Decimal128Type, Float64Type, Int64Type};
use datafusion::common::{Result, exec_err, plan_err};
use datafusion::logical_expr::{
    ColumnarValue, Expr, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};

use super::super::checked_sum::Summable;
use super::aggregate::dated_type;
use super::dd_sketch::DdSketch;
use super::hyper_log_log::HyperLogLog;
use super::moments;
use super::sketches::sketch_of;

/// What is read off a state; NULL of NULL, except that of no rows nothing is different.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(in super::super) enum Finish {
    /// Of a distinct sketch: the number of different values.
    DistinctCount,
    /// Of a quantile sketch, and the share below.
    Quantile,
    /// Of moments.
    SampleVariance,
    /// Of moments.
    PopulationVariance,
    /// Of moments.
    SampleDeviation,
    /// Of moments.
    PopulationDeviation,
    /// Of the sum or value at an edge of time: that.
    AtEdge,
    /// Of the same: the day.
    Edge,
    /// Of the sums of days: how many days.
    DayCount,
    /// Of the sums of days: their sum.
    DayTotal,
    /// Of the sums of days: the least.
    LeastDay,
    /// Of the sums of days: the greatest.
    GreatestDay,
}

impl Finish {
    /// The value read off `state`.
    pub(in super::super) fn of(self, state: Expr) -> Expr {
        self.call(vec![state])
    }

    pub(in super::super) fn call(self, inputs: Vec<Expr>) -> Expr {
        let signature = Signature::user_defined(Volatility::Immutable);
        ScalarUDF::from(FinishFunction { signature, finish: self }).call(inputs)
    }

    fn name(self) -> &'static str {
        match self {
            Self::DistinctCount => "distinct_of_sketch",
            Self::Quantile => "quantile_of_sketch",
            Self::SampleVariance => "sample_variance",
            Self::PopulationVariance => "population_variance",
            Self::SampleDeviation => "sample_deviation",
            Self::PopulationDeviation => "population_deviation",
            Self::AtEdge => "value_of_day",
            Self::Edge => "day_of_value",
            Self::DayCount => "day_count",
            Self::DayTotal => "day_total",
            Self::LeastDay => "least_day",
            Self::GreatestDay => "greatest_day",
        }
    }
}

/// A [`Finish`] as a scalar function.
#[derive(Debug, PartialEq, Eq, Hash)]
struct FinishFunction {
    signature: Signature,
    finish: Finish,
}

impl ScalarUDFImpl for FinishFunction {
    fn name(&self) -> &str {
        self.finish.name()
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        let sketch = matches!(self.finish, Finish::DistinctCount | Finish::Quantile);
        Ok(match types {
            [_, at @ ..] if sketch => {
                std::iter::once(DataType::LargeBinary).chain(at.iter().cloned()).collect()
            }
            _ => types.to_vec(),
        })
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        let Some(state) = types.first() else {
            return plan_err!("{} takes a state", self.name());
        };
        Ok(match self.finish {
            Finish::DistinctCount | Finish::DayCount | Finish::Edge => DataType::Int64,
            Finish::Quantile
            | Finish::SampleVariance
            | Finish::PopulationVariance
            | Finish::SampleDeviation
            | Finish::PopulationDeviation => DataType::Float64,
            Finish::AtEdge | Finish::DayTotal | Finish::LeastDay | Finish::GreatestDay => {
                dated_type(state)?.clone()
            }
        })
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let data_type = args.return_type().clone();
        let arrays = ColumnarValue::values_to_arrays(&args.args)?;
        let states = &arrays[0];
        let deviations = |population: bool| -> Result<ArrayRef> {
            let variances = moments::variances(states, population)?;
            Ok(Arc::new(variances.unary::<_, Float64Type>(f64::sqrt)))
        };
        let values: ArrayRef = match self.finish {
            Finish::DistinctCount => Arc::new(distinct_counts(states)?),
            Finish::Quantile => Arc::new(quantiles(states, &arrays[1])?),
            Finish::SampleVariance => Arc::new(moments::variances(states, false)?),
            Finish::PopulationVariance => Arc::new(moments::variances(states, true)?),
            Finish::SampleDeviation => deviations(false)?,
            Finish::PopulationDeviation => deviations(true)?,
            Finish::AtEdge => Arc::clone(states.as_struct().column(1)),
            Finish::Edge => Arc::clone(states.as_struct().column(0)),
            Finish::DayCount => {
                let days = states.as_list::<i32>().iter();
                let count = |days: ArrayRef| i64::try_from(days.len()).unwrap_or(i64::MAX);
                Arc::new(days.map(|days| days.map(count)).collect::<Int64Array>())
            }
            Finish::DayTotal | Finish::LeastDay | Finish::GreatestDay => match data_type {
                DataType::Int64 => self.of_days::<Int64Type>(states, &data_type)?,
                DataType::Float64 => self.of_days::<Float64Type>(states, &data_type)?,
                DataType::Decimal128(..) => self.of_days::<Decimal128Type>(states, &data_type)?,
                other => return exec_err!("sums of days have the type {other}"),
            },
        };
        Ok(ColumnarValue::Array(values))
    }
}

impl FinishFunction {
    fn of_days<T: Summable>(&self, states: &ArrayRef, data_type: &DataType) -> Result<ArrayRef> {
        let read = |days: ArrayRef| -> Result<Option<T::Native>> {
            let sums = days.as_struct().column(1).as_primitive::<T>().values();
            let mut sums = sums.iter().copied();
            let (what, found) = match self.finish {
                Finish::LeastDay => ("a day", sums.min_by(|left, right| left.compare(*right))),
                Finish::GreatestDay => ("a day", sums.max_by(|left, right| left.compare(*right))),
                _ => {
                    let total = sums
                        .try_fold(T::Native::default(), |total, sum| total.add_checked(sum).ok());
                    ("all days", total)
                }
            };
            match found {
                Some(sum) if T::fits(sum) => Ok(Some(sum)),
                None if days.is_empty() => Ok(None),
                _ => exec_err!("a sum over {what} does not fit {data_type}"),
            }
        };
        let days = states.as_list::<i32>().iter();
        let values = days.map(|days| days.map(read).transpose().map(Option::flatten));
        let values = values.collect::<Result<PrimitiveArray<T>>>()?;
        Ok(Arc::new(values.with_data_type(data_type.clone())))
    }
}

fn distinct_counts(states: &ArrayRef) -> Result<Int64Array> {
    let counts = states.as_binary::<i64>().iter().map(|state| match state {
        Some(bytes) => Ok(sketch_of::<HyperLogLog>(bytes)?.count()),
        None => Ok(0),
    });
    counts.collect::<Result<Vec<_>>>().map(Int64Array::from)
}

fn quantiles(states: &ArrayRef, at: &ArrayRef) -> Result<Float64Array> {
    let at = at.as_primitive::<Float64Type>();
    let quantiles = states.as_binary::<i64>().iter().zip(at.iter()).map(|both| match both {
        (Some(bytes), Some(at)) => Ok(sketch_of::<DdSketch>(bytes)?.quantile(at)),
        _ => Ok(None),
    });
    quantiles.collect()
}
