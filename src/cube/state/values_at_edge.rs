//! The value at the earliest or latest day that has one.

use std::cmp::Ordering;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, Int64Array, StructArray, make_comparator, new_empty_array,
};
use arrow::buffer::{BooleanBuffer, NullBuffer};
use arrow::compute::SortOptions;
use arrow::datatypes::{DataType, Fields, Int64Type};
use datafusion::common::{HashMap, Result, ScalarValue, plan_err};
use datafusion::logical_expr::EmitTo;

use super::States;
use super::aggregate::dated_type;
use super::edge::{Edge, FIRST_DAY, NO_DAY};

/// Values at an edge of time, by group; of several on one day the least of the first day and the
/// greatest of the last, so that the answer does not depend on the order of rows.
#[derive(Debug)]
pub(super) struct ValuesAtEdge {
    edge: Edge,
    fields: Fields,
    missing: ScalarValue,
    days: Vec<i64>,
    values: Vec<ScalarValue>,
    heap_size: usize,
}

impl ValuesAtEdge {
    pub(super) fn new(edge: Edge, data_type: &DataType) -> Result<Self> {
        let missing = ScalarValue::try_from(dated_type(data_type)?)?;
        let DataType::Struct(fields) = data_type else {
            return plan_err!("the value of a day has the type {data_type}");
        };
        let (days, values) = (Vec::new(), Vec::new());
        Ok(Self { edge, fields: fields.clone(), missing, days, values, heap_size: 0 })
    }

    /// Of two values of one day, whether the first is the one to keep.
    fn is_kept(&self, new_to_known: Ordering) -> bool {
        match self.edge {
            Edge::First => new_to_known.is_lt(),
            Edge::Last => new_to_known.is_gt(),
        }
    }

    fn add(&mut self, days: &ArrayRef, values: &ArrayRef, groups: &[usize]) -> Result<()> {
        let days = days.as_primitive::<Int64Type>();
        let compare = make_comparator(values, values, SortOptions::default())?;
        // The row of this batch to keep, by group: only that becomes a value of its own.
        let mut best: HashMap<usize, usize> = HashMap::new();
        for (row, group) in groups.iter().enumerate() {
            if days.is_null(row) || values.is_null(row) || days.value(row) < FIRST_DAY {
                continue;
            }
            let known = best.entry(*group).or_insert(row);
            let order = self.edge.compare(days.value(row), days.value(*known));
            if order.is_gt() || (order.is_eq() && self.is_kept(compare(row, *known))) {
                *known = row;
            }
        }
        for (group, row) in best {
            let day = days.value(row);
            let order = self.edge.compare(day, self.days[group]);
            if order.is_lt() {
                continue;
            }
            let value = ScalarValue::try_from_array(values, row)?;
            let known = &self.values[group];
            if order.is_gt() || self.is_kept(value.try_cmp(known)?) {
                self.heap_size = self.heap_size + value.size() - known.size();
                (self.days[group], self.values[group]) = (day, value);
            }
        }
        Ok(())
    }
}

impl States for ValuesAtEdge {
    fn resize(&mut self, count: usize) {
        let added = count.saturating_sub(self.values.len());
        self.heap_size += added * self.missing.size();
        self.days.resize(count, NO_DAY);
        self.values.resize(count, self.missing.clone());
    }

    fn update(&mut self, inputs: &[ArrayRef], groups: &[usize]) -> Result<()> {
        self.add(&inputs[0], &inputs[1], groups)
    }

    fn merge(&mut self, states: &ArrayRef, groups: &[usize]) -> Result<()> {
        let columns = states.as_struct().columns();
        self.add(&columns[0], &columns[1], groups)
    }

    fn take(&mut self, emit_to: EmitTo) -> Result<ArrayRef> {
        let days = emit_to.take_needed(&mut self.days);
        let values = emit_to.take_needed(&mut self.values);
        self.heap_size -= values.iter().map(ScalarValue::size).sum::<usize>();
        let present = BooleanBuffer::from_iter(days.iter().map(|day| *day != NO_DAY));
        let days = days.into_iter().map(|day| (day != NO_DAY).then_some(day));
        let days: ArrayRef = Arc::new(days.collect::<Int64Array>());
        let values = match values.is_empty() {
            true => new_empty_array(&self.missing.data_type()),
            false => ScalarValue::iter_to_array(values)?,
        };
        let nulls = Some(NullBuffer::new(present));
        Ok(Arc::new(StructArray::try_new(self.fields.clone(), vec![days, values], nulls)?))
    }

    fn size(&self) -> usize {
        self.days.capacity() * size_of::<i64>() + self.heap_size
    }
}
