//! The checked sum of every day that has a value.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, ArrowNativeTypeOp, AsArray, Int64Array, ListArray, PrimitiveArray, StructArray,
};
use arrow::buffer::{BooleanBuffer, NullBuffer, OffsetBuffer};
use arrow::datatypes::{DataType, FieldRef, Int64Type};
use datafusion::common::{Result, plan_err};
use datafusion::logical_expr::EmitTo;

use super::super::checked_sum::{Summable, overflow};
use super::States;
use super::aggregate::dated_type;
use super::edge::FIRST_DAY;

/// Sums by group and day.
#[derive(Debug)]
pub(super) struct DaySums<T: Summable> {
    what: String,
    /// The item of a state's list: a day with its sum.
    item: FieldRef,
    sum_type: DataType,
    days: Vec<BTreeMap<i64, T::Native>>,
    day_count: usize,
}

impl<T: Summable> DaySums<T> {
    pub(super) fn new(what: &str, data_type: &DataType) -> Result<Self> {
        let sum_type = dated_type(data_type)?.clone();
        let DataType::List(item) = data_type else {
            return plan_err!("sums of days have the type {data_type}");
        };
        let (what, item) = (what.to_owned(), Arc::clone(item));
        Ok(Self { what, item, sum_type, days: Vec::new(), day_count: 0 })
    }

    fn add(&mut self, group: usize, day: i64, sum: T::Native) -> Result<()> {
        match self.days[group].entry(day) {
            Entry::Vacant(place) => {
                place.insert(sum);
                self.day_count += 1;
            }
            Entry::Occupied(mut place) => match place.get().add_checked(sum) {
                Ok(both) => *place.get_mut() = both,
                Err(_) => return overflow(&self.what, &self.sum_type),
            },
        }
        Ok(())
    }
}

/// The days and sums of a state's list.
fn parts<T: Summable>(items: &ArrayRef) -> (&Int64Array, &PrimitiveArray<T>) {
    let columns = items.as_struct().columns();
    (columns[0].as_primitive::<Int64Type>(), columns[1].as_primitive::<T>())
}

impl<T: Summable> States for DaySums<T> {
    fn resize(&mut self, count: usize) {
        self.days.resize_with(count, BTreeMap::new);
    }

    fn update(&mut self, inputs: &[ArrayRef], groups: &[usize]) -> Result<()> {
        let days = inputs[0].as_primitive::<Int64Type>();
        let values = inputs[1].as_primitive::<T>();
        for ((day, value), group) in days.iter().zip(values.iter()).zip(groups) {
            if let (Some(day @ FIRST_DAY..), Some(value)) = (day, value) {
                self.add(*group, day, value)?;
            }
        }
        Ok(())
    }

    fn merge(&mut self, states: &ArrayRef, groups: &[usize]) -> Result<()> {
        for (state, group) in states.as_list::<i32>().iter().zip(groups) {
            let Some(items) = state else { continue };
            let (days, sums) = parts::<T>(&items);
            for (day, sum) in days.values().iter().zip(sums.values()) {
                self.add(*group, *day, *sum)?;
            }
        }
        Ok(())
    }

    fn take(&mut self, emit_to: EmitTo) -> Result<ArrayRef> {
        let taken = emit_to.take_needed(&mut self.days);
        let count = taken.iter().map(BTreeMap::len).sum::<usize>();
        self.day_count -= count;
        let days = Int64Array::from_iter_values(taken.iter().flat_map(BTreeMap::keys).copied());
        let sums = taken.iter().flat_map(BTreeMap::values).copied();
        let sums =
            PrimitiveArray::<T>::from_iter_values(sums).with_data_type(self.sum_type.clone());
        let DataType::Struct(fields) = self.item.data_type() else {
            return plan_err!("a sum of a day has the type {}", self.item.data_type());
        };
        let columns: Vec<ArrayRef> = vec![Arc::new(days), Arc::new(sums)];
        let items = Arc::new(StructArray::try_new(fields.clone(), columns, None)?);
        let offsets = OffsetBuffer::from_lengths(taken.iter().map(BTreeMap::len));
        let present = BooleanBuffer::from_iter(taken.iter().map(|days| !days.is_empty()));
        let nulls = Some(NullBuffer::new(present));
        Ok(Arc::new(ListArray::try_new(Arc::clone(&self.item), offsets, items, nulls)?))
    }

    fn check(&self, states: &ArrayRef) -> Result<()> {
        let (_, sums) = parts::<T>(states.as_list::<i32>().values());
        match sums.values().iter().copied().all(T::fits) {
            true => Ok(()),
            false => overflow(&self.what, &self.sum_type),
        }
    }

    fn size(&self) -> usize {
        // Nodes of the maps are half full at least.
        self.days.capacity() * size_of::<BTreeMap<i64, T::Native>>()
            + self.day_count * 2 * size_of::<(i64, T::Native)>()
    }
}
