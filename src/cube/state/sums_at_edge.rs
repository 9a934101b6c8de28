//! The checked sum on the earliest or latest day that has a value.

use std::cmp::Ordering;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, ArrowNativeTypeOp, AsArray, Int64Array, PrimitiveArray, StructArray,
};
use arrow::buffer::{BooleanBuffer, NullBuffer};
use arrow::datatypes::{DataType, Fields, Int64Type};
use datafusion::common::{Result, plan_err};
use datafusion::logical_expr::EmitTo;

use super::super::checked_sum::{Summable, overflow};
use super::States;
use super::aggregate::dated_type;
use super::edge::{Edge, FIRST_DAY, NO_DAY};

/// Sums at an edge of time, by group; a sum that does not fit is none.
///
/// It is an error only when it is asked for: the sum of a day that a nearer one replaces is not.
#[derive(Debug)]
pub(super) struct SumsAtEdge<T: Summable> {
    what: String,
    edge: Edge,
    fields: Fields,
    sum_type: DataType,
    days: Vec<i64>,
    sums: Vec<Option<T::Native>>,
}

impl<T: Summable> SumsAtEdge<T> {
    pub(super) fn new(what: &str, edge: Edge, data_type: &DataType) -> Result<Self> {
        let sum_type = dated_type(data_type)?.clone();
        let DataType::Struct(fields) = data_type else {
            return plan_err!("the sum of a day has the type {data_type}");
        };
        let (days, sums) = (Vec::new(), Vec::new());
        let (what, fields) = (what.to_owned(), fields.clone());
        Ok(Self { what, edge, fields, sum_type, days, sums })
    }

    fn add(&mut self, group: usize, day: i64, sum: Option<T::Native>) {
        let known = &mut self.sums[group];
        match self.edge.compare(day, self.days[group]) {
            Ordering::Less => {}
            Ordering::Equal => {
                let both = known.zip(sum);
                *known = both.and_then(|(known, sum)| known.add_checked(sum).ok());
            }
            Ordering::Greater => {
                *known = sum;
                self.days[group] = day;
            }
        }
    }
}

impl<T: Summable> States for SumsAtEdge<T> {
    fn resize(&mut self, count: usize) {
        self.days.resize(count, NO_DAY);
        self.sums.resize(count, None);
    }

    fn update(&mut self, inputs: &[ArrayRef], groups: &[usize]) -> Result<()> {
        let days = inputs[0].as_primitive::<Int64Type>();
        let values = inputs[1].as_primitive::<T>();
        for ((day, value), group) in days.iter().zip(values.iter()).zip(groups) {
            if let (Some(FIRST_DAY..), Some(_)) = (day, value) {
                self.add(*group, day.unwrap_or(NO_DAY), value);
            }
        }
        Ok(())
    }

    fn merge(&mut self, states: &ArrayRef, groups: &[usize]) -> Result<()> {
        let columns = states.as_struct().columns();
        let (days, sums) = (columns[0].as_primitive::<Int64Type>(), columns[1].as_primitive::<T>());
        for ((day, sum), group) in days.iter().zip(sums.iter()).zip(groups) {
            if let Some(day) = day {
                self.add(*group, day, sum);
            }
        }
        Ok(())
    }

    fn take(&mut self, emit_to: EmitTo) -> Result<ArrayRef> {
        let days = emit_to.take_needed(&mut self.days);
        let sums = emit_to.take_needed(&mut self.sums);
        let present = BooleanBuffer::from_iter(days.iter().map(|day| *day != NO_DAY));
        let days = days.into_iter().map(|day| (day != NO_DAY).then_some(day));
        let days: ArrayRef = Arc::new(days.collect::<Int64Array>());
        let sums = sums.into_iter().collect::<PrimitiveArray<T>>();
        let sums: ArrayRef = Arc::new(sums.with_data_type(self.sum_type.clone()));
        let nulls = Some(NullBuffer::new(present));
        Ok(Arc::new(StructArray::try_new(self.fields.clone(), vec![days, sums], nulls)?))
    }

    fn check(&self, states: &ArrayRef) -> Result<()> {
        let sums = states.as_struct().column(1).as_primitive::<T>();
        let lost = (0..sums.len()).any(|row| states.is_valid(row) && sums.is_null(row));
        if lost || !sums.iter().flatten().all(T::fits) {
            return overflow(&self.what, &self.sum_type);
        }
        Ok(())
    }

    fn size(&self) -> usize {
        self.days.capacity() * size_of::<i64>()
            + self.sums.capacity() * size_of::<Option<T::Native>>()
    }
}
