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
