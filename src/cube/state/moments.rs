//! Count, mean and squared distance from the mean: what variances are made of.
//!
//! Rows are added as Welford does and states as Chan, Golub and LeVeque do ("Updating formulae and a
//! pairwise algorithm for computing sample variances", 1979), so that large means lose no digits.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Float64Array, Int64Array, StructArray};
use arrow::buffer::{BooleanBuffer, NullBuffer};
use arrow::datatypes::{DataType, Field, Fields, Float64Type, Int64Type};
use datafusion::common::{Result, exec_err};
use datafusion::logical_expr::EmitTo;

use super::States;

/// The moments of one group.
#[derive(Clone, Copy, Debug, Default)]
struct Moment {
    count: i64,
    mean: f64,
    m2: f64,
}

/// The moments of many groups.
#[derive(Debug, Default)]
pub(super) struct Moments(Vec<Moment>);

fn fields() -> Fields {
    Fields::from(vec![
        Field::new("count", DataType::Int64, true),
        Field::new("mean", DataType::Float64, true),
        Field::new("m2", DataType::Float64, true),
    ])
}

/// The type of a state.
pub(super) fn data_type() -> DataType {
    DataType::Struct(fields())
}

#[expect(clippy::cast_precision_loss, reason = "counts beyond 2^53 are not reached")]
fn real(count: i64) -> f64 {
    count as f64
}

impl Moment {
    fn add(&mut self, value: f64) {
        self.count += 1;
        let distance = value - self.mean;
        self.mean += distance / real(self.count);
        self.m2 += distance * (value - self.mean);
    }

    fn merge(&mut self, other: Self) {
        if self.count == 0 || other.count == 0 {
            if self.count == 0 {
                *self = other;
            }
            return;
        }
        let count = self.count + other.count;
        let distance = other.mean - self.mean;
        let share = real(other.count) / real(count);
        self.m2 += other.m2 + distance * distance * real(self.count) * share;
        self.mean += distance * share;
        self.count = count;
    }
}

/// The variance of each state, of a sample or of everything there is; NULL where there are too few.
pub(super) fn variances(states: &ArrayRef, population: bool) -> Result<Float64Array> {
    let missing = if population { 0 } else { 1 };
    let variance = |moment: Moment| {
        let divisor = moment.count - missing;
        (divisor > 0).then(|| moment.m2 / real(divisor))
    };
    Ok(moments(states)?.into_iter().map(|moment| moment.and_then(variance)).collect())
}

fn moments(states: &ArrayRef) -> Result<Vec<Option<Moment>>> {
    let Some([counts, means, m2s]) = states.as_struct_opt().map(StructArray::columns) else {
        return exec_err!("moments are stored as {}", states.data_type());
    };
    let counts = counts.as_primitive::<Int64Type>();
    let (means, m2s) = (means.as_primitive::<Float64Type>(), m2s.as_primitive::<Float64Type>());
    let moment = |row: usize| {
        states.is_valid(row).then(|| Moment {
            count: counts.value(row),
            mean: means.value(row),
            m2: m2s.value(row),
        })
    };
    Ok((0..states.len()).map(moment).collect())
}

impl States for Moments {
    fn resize(&mut self, count: usize) {
        self.0.resize(count, Moment::default());
    }

    fn update(&mut self, inputs: &[ArrayRef], groups: &[usize]) -> Result<()> {
        let values = inputs[0].as_primitive::<Float64Type>();
        for (value, group) in values.iter().zip(groups) {
            if let Some(value) = value {
                self.0[*group].add(value);
            }
        }
        Ok(())
    }

    fn merge(&mut self, states: &ArrayRef, groups: &[usize]) -> Result<()> {
        for (moment, group) in moments(states)?.into_iter().zip(groups) {
            if let Some(moment) = moment {
                self.0[*group].merge(moment);
            }
        }
        Ok(())
    }

    fn take(&mut self, emit_to: EmitTo) -> Result<ArrayRef> {
        let taken = emit_to.take_needed(&mut self.0);
        let present = BooleanBuffer::from_iter(taken.iter().map(|moment| moment.count > 0));
        let of = |part: fn(&Moment) -> f64| {
            let part = |moment: &Moment| (moment.count > 0).then(|| part(moment));
            Arc::new(taken.iter().map(part).collect::<Float64Array>()) as ArrayRef
        };
        let counts = taken.iter().map(|moment| (moment.count > 0).then_some(moment.count));
        let counts: ArrayRef = Arc::new(counts.collect::<Int64Array>());
        let columns = vec![counts, of(|moment| moment.mean), of(|moment| moment.m2)];
        Ok(Arc::new(StructArray::try_new(fields(), columns, Some(NullBuffer::new(present)))?))
    }

    fn size(&self) -> usize {
        self.0.capacity() * size_of::<Moment>()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{ArrayRef, Float64Array};
    use datafusion::logical_expr::EmitTo;

    use super::super::States;
    use super::{Moments, variances};

    fn states(values: &[f64], groups: &[usize], count: usize) -> ArrayRef {
        let mut moments = Moments::default();
        moments.resize(count);
        let values: ArrayRef = Arc::new(Float64Array::from(values.to_vec()));
        moments.update(&[values], groups).unwrap();
        moments.take(EmitTo::All).unwrap()
    }

    #[test]
    fn variances_of_samples_and_populations() {
        // 2, 4, 4, 4, 5, 5, 7, 9: the squared distances from 5 add up to 32.
        let values = [2.0, 4.0, 4.0, 4.0, 5.0, 5.0, 7.0, 9.0, 3.0];
        let states = states(&values, &[0, 0, 0, 0, 0, 0, 0, 0, 1], 3);
        let population = variances(&states, true).unwrap();
        assert_eq!(population, Float64Array::from(vec![Some(4.0), Some(0.0), None]));
        let sample = variances(&states, false).unwrap();
        assert_eq!(sample, Float64Array::from(vec![Some(32.0 / 7.0), None, None]));
    }

    #[test]
    fn parts_make_the_whole_even_far_from_zero() {
        // The example of Chan, Golub and LeVeque's kind: naive sums of squares lose every digit.
        let far = 1e9;
        let parts = states(&[far + 4.0, far + 7.0, far + 13.0, far + 16.0], &[0, 1, 1, 2], 4);
        let mut whole = Moments::default();
        whole.resize(1);
        whole.merge(&parts, &[0, 0, 0, 0]).unwrap();
        let whole = whole.take(EmitTo::All).unwrap();
        assert_eq!(variances(&whole, false).unwrap(), Float64Array::from(vec![30.0]));
    }
}
