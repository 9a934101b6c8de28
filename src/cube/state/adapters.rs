//! [`States`] as the accumulators the engine knows, of one group and of many.

use arrow::array::{Array, ArrayRef, BooleanArray};
use arrow::compute::{filter, prep_null_mask_filter};
use arrow::datatypes::DataType;
use datafusion::common::{Result, ScalarValue};
use datafusion::logical_expr::{Accumulator, EmitTo, GroupsAccumulator};

use super::States;
use super::aggregate::{Stage, StateFunction};

/// Which states, of what.
#[derive(Clone, Debug)]
pub(super) struct Kind {
    pub function: StateFunction,
    pub stage: Stage,
    /// The measure, for messages.
    pub what: String,
    /// The type of a state.
    pub data_type: DataType,
}

/// States, fed with rows or states as the stage says.
#[derive(Debug)]
struct Fed {
    kind: Kind,
    states: Box<dyn States>,
}

impl Fed {
    fn new(kind: Kind) -> Result<Self> {
        let states = kind.function.states(&kind.what, &kind.data_type)?;
        Ok(Self { kind, states })
    }

    fn feed(&mut self, inputs: &[ArrayRef], groups: &[usize], count: usize) -> Result<()> {
        self.states.resize(count);
        match self.kind.stage {
            Stage::Rows => self.states.update(inputs, groups),
            Stage::Merge => self.states.merge(&inputs[0], groups),
        }
    }

    fn result(&mut self, emit_to: EmitTo) -> Result<ArrayRef> {
        let states = self.states.take(emit_to)?;
        self.states.check(&states)?;
        Ok(states)
    }

    fn size(&self) -> usize {
        size_of_val(self) + self.kind.what.capacity() + self.states.size()
    }
}

/// The state of all rows.
#[derive(Debug)]
pub(super) struct One(Fed);

impl One {
    pub(super) fn new(kind: Kind) -> Result<Self> {
        let mut fed = Fed::new(kind)?;
        fed.states.resize(1);
        Ok(Self(fed))
    }
}

impl Accumulator for One {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        let groups = vec![0; values[0].len()];
        self.0.feed(values, &groups, 1)
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        let groups = vec![0; states[0].len()];
        self.0.states.merge(&states[0], &groups)
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        let states = self.0.states.take(EmitTo::All)?;
        Ok(vec![ScalarValue::try_from_array(&states, 0)?])
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        ScalarValue::try_from_array(&self.0.result(EmitTo::All)?, 0)
    }

    fn size(&self) -> usize {
        self.0.size()
    }
}

/// The states of groups of rows.
#[derive(Debug)]
pub(super) struct Many(Fed);

impl Many {
    pub(super) fn new(kind: Kind) -> Result<Self> {
        Ok(Self(Fed::new(kind)?))
    }
}

impl GroupsAccumulator for Many {
    fn update_batch(
        &mut self,
        values: &[ArrayRef],
        group_indices: &[usize],
        filter: Option<&BooleanArray>,
        group_count: usize,
    ) -> Result<()> {
        match filter {
            None => self.0.feed(values, group_indices, group_count),
            Some(filter) => {
                let (values, groups) = kept(values, group_indices, filter)?;
                self.0.feed(&values, &groups, group_count)
            }
        }
    }

    fn merge_batch(
        &mut self,
        states: &[ArrayRef],
        group_indices: &[usize],
        group_count: usize,
    ) -> Result<()> {
        self.0.states.resize(group_count);
        self.0.states.merge(&states[0], group_indices)
    }

    fn evaluate(&mut self, emit_to: EmitTo) -> Result<ArrayRef> {
        self.0.result(emit_to)
    }

    fn state(&mut self, emit_to: EmitTo) -> Result<Vec<ArrayRef>> {
        Ok(vec![self.0.states.take(emit_to)?])
    }

    fn convert_to_state(
        &self,
        values: &[ArrayRef],
        filter: Option<&BooleanArray>,
    ) -> Result<Vec<ArrayRef>> {
        let count = values[0].len();
        let mut each = Self::new(self.0.kind.clone())?;
        let groups: Vec<usize> = (0..count).collect();
        each.update_batch(values, &groups, filter, count)?;
        each.state(EmitTo::All)
    }

    fn size(&self) -> usize {
        self.0.size()
    }
}

/// The rows for which `keep` is true; NULL is not.
fn kept(
    values: &[ArrayRef],
    groups: &[usize],
    keep: &BooleanArray,
) -> Result<(Vec<ArrayRef>, Vec<usize>)> {
    let keep = match keep.nulls() {
        Some(_) => prep_null_mask_filter(keep),
        None => keep.clone(),
    };
    let values = values.iter().map(|array| Ok(filter(array, &keep)?));
    let groups = groups.iter().zip(keep.values()).filter(|(_, keep)| *keep);
    Ok((values.collect::<Result<_>>()?, groups.map(|(group, _)| *group).collect()))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, Int64Array};
    use arrow::datatypes::{DataType, Field, Int64Type};
    use datafusion::logical_expr::{Accumulator, EmitTo, GroupsAccumulator};

    use super::super::{Edge, Stage, StateFunction};
    use super::{Kind, Many, One};

    /// The sum on the last day, of which the tests know all there is to know.
    fn kind() -> Kind {
        let fields = ["day", "sum"].map(|name| Field::new(name, DataType::Int64, true));
        let data_type = DataType::Struct(fields.to_vec().into());
        let function = StateFunction::SumAt(Edge::Last);
        Kind { function, stage: Stage::Rows, what: "n".into(), data_type }
    }

    fn inputs(days: &[i64], values: &[Option<i64>]) -> [ArrayRef; 2] {
        let values = Int64Array::from(values.to_vec());
        [Arc::new(Int64Array::from(days.to_vec())), Arc::new(values)]
    }

    fn shown(states: &ArrayRef) -> Vec<Option<(i64, i64)>> {
        let columns = states.as_struct().columns();
        let [days, sums] = columns else { panic!("{columns:?}") };
        let (days, sums) = (days.as_primitive::<Int64Type>(), sums.as_primitive::<Int64Type>());
        let pair = |row: usize| (days.value(row), sums.value(row));
        (0..states.len()).map(|row| states.is_valid(row).then(|| pair(row))).collect()
    }

    #[test]
    fn rows_states_and_filters_agree() {
        let days = [1, 2, 2, -1, 3, 2];
        let values = [Some(1), Some(2), Some(3), Some(4), None, Some(6)];
        let inputs = inputs(&days, &values);
        let groups = [0, 0, 0, 0, 0, 1];
        let keep = [Some(true), Some(true), Some(true), Some(true), Some(true), None];
        let keep = BooleanArray::from(keep.to_vec());

        let mut direct = Many::new(kind()).unwrap();
        direct.update_batch(&inputs, &groups, Some(&keep), 3).unwrap();
        let expected = [Some((2, 5)), None, None];
        assert_eq!(shown(&direct.evaluate(EmitTo::All).unwrap()), expected);

        // Every row as a state of its own, merged.
        let states = direct.convert_to_state(&inputs, Some(&keep)).unwrap();
        let each = [Some((1, 1)), Some((2, 2)), Some((2, 3)), None, None, None];
        assert_eq!(shown(&states[0]), each);
        let mut merged = Many::new(kind()).unwrap();
        merged.merge_batch(&states, &groups, 3).unwrap();
        assert_eq!(shown(&merged.evaluate(EmitTo::All).unwrap()), expected);

        let mut one = One::new(kind()).unwrap();
        one.update_batch(&inputs).unwrap();
        let state = one.evaluate().unwrap().to_array().unwrap();
        assert_eq!(shown(&state), [Some((2, 11))]);
    }

    #[test]
    fn groups_move_down_when_the_first_are_taken() {
        let mut many = Many::new(kind()).unwrap();
        let three = inputs(&[1, 1, 1], &[Some(1), Some(2), Some(3)]);
        many.update_batch(&three, &[0, 1, 2], None, 3).unwrap();
        assert_eq!(shown(&many.evaluate(EmitTo::First(2)).unwrap()), [Some((1, 1)), Some((1, 2))]);
        many.update_batch(&inputs(&[1, 2], &[Some(10), Some(20)]), &[0, 1], None, 2).unwrap();
        assert_eq!(shown(&many.evaluate(EmitTo::All).unwrap()), [Some((1, 13)), Some((2, 20))]);
    }
}
