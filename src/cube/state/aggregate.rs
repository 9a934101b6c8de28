//! The aggregates whose result is a state.

use std::sync::Arc;

use arrow::datatypes::{DataType, Decimal128Type, Field, FieldRef, Fields, Float64Type, Int64Type};
use datafusion::common::{Result, plan_err};
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::utils::AggregateOrderSensitivity;
use datafusion::logical_expr::{
    Accumulator, AggregateUDFImpl, GroupsAccumulator, ReversedUDAF, Signature, Volatility,
};

use super::super::bound::plain;
use super::super::checked_sum::{sum_type, summed_as};
use super::States;
use super::adapters::{Kind, Many, One};
use super::day_sums::DaySums;
use super::dd_sketch::DdSketch;
use super::edge::Edge;
use super::hashing::hashed_as;
use super::hyper_log_log::HyperLogLog;
use super::moments::{self, Moments};
use super::sketches::Sketches;
use super::sums_at_edge::SumsAtEdge;
use super::values_at_edge::ValuesAtEdge;

/// What is kept of rows, and of which inputs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum StateFunction {
    /// Of values: how many are different, approximately.
    DistinctSketch,
    /// Of numbers: how they are distributed, approximately.
    QuantileSketch,
    /// Of numbers: their count, mean and squared distance from it.
    Moments,
    /// Of days and numbers: the checked sum on the earliest or latest day.
    SumAt(Edge),
    /// Of days and values: the least value of the earliest day, or the greatest of the latest.
    ValueAt(Edge),
    /// Of days and numbers: the checked sum of each day.
    DaySums,
}

/// What a [`StateAggregate`] is fed with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(in super::super) enum Stage {
    /// The inputs of the function.
    Rows,
    /// Its results, over other rows each.
    Merge,
}

/// The aggregate of a [`StateFunction`]; it knows its measure, to name it in messages.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(in super::super) struct StateAggregate {
    signature: Signature,
    function: StateFunction,
    stage: Stage,
    what: String,
}

impl StateFunction {
    /// Its name, for people.
    pub(in super::super) fn word(self) -> &'static str {
        self.name(Stage::Rows)
    }

    fn name(self, stage: Stage) -> &'static str {
        match (self, stage) {
            (Self::DistinctSketch, Stage::Rows) => "distinct_sketch",
            (Self::DistinctSketch, Stage::Merge) => "merge_distinct_sketch",
            (Self::QuantileSketch, Stage::Rows) => "quantile_sketch",
            (Self::QuantileSketch, Stage::Merge) => "merge_quantile_sketch",
            (Self::Moments, Stage::Rows) => "moments",
            (Self::Moments, Stage::Merge) => "merge_moments",
            (Self::SumAt(Edge::First), Stage::Rows) => "sum_at_first_day",
            (Self::SumAt(Edge::First), Stage::Merge) => "merge_sum_at_first_day",
            (Self::SumAt(Edge::Last), Stage::Rows) => "sum_at_last_day",
            (Self::SumAt(Edge::Last), Stage::Merge) => "merge_sum_at_last_day",
            (Self::ValueAt(Edge::First), Stage::Rows) => "value_at_first_day",
            (Self::ValueAt(Edge::First), Stage::Merge) => "merge_value_at_first_day",
            (Self::ValueAt(Edge::Last), Stage::Rows) => "value_at_last_day",
            (Self::ValueAt(Edge::Last), Stage::Merge) => "merge_value_at_last_day",
            (Self::DaySums, Stage::Rows) => "day_sums",
            (Self::DaySums, Stage::Merge) => "merge_day_sums",
        }
    }

    /// The types `inputs` are cast to.
    fn coerced(self, inputs: &[DataType], what: &str) -> Result<Vec<DataType>> {
        let misfit = |input: &DataType| plan_err!("`{what}` cannot be computed: it is {input}");
        match (self, inputs) {
            (Self::DistinctSketch, [input]) => match hashed_as(input) {
                Some(_) => Ok(vec![plain(input).clone()]),
                None => plan_err!("`{what}` cannot be counted approximately: it is {input}"),
            },
            (Self::QuantileSketch | Self::Moments, [input]) => match summed_as(input) {
                Some(_) => Ok(vec![DataType::Float64]),
                None => misfit(input),
            },
            (Self::SumAt(_) | Self::DaySums, [_, input]) => match summed_as(input) {
                Some(summed) => Ok(vec![DataType::Int64, summed]),
                None => misfit(input),
            },
            (Self::ValueAt(_), [_, input]) => Ok(vec![DataType::Int64, plain(input).clone()]),
            _ => plan_err!("`{what}` has {} inputs", inputs.len()),
        }
    }

    /// The type of a state of `inputs`, which are coerced.
    fn state_type(self, inputs: &[DataType], what: &str) -> Result<DataType> {
        Ok(match (self, inputs) {
            // Many sketches are more bytes than 32 bits count.
            (Self::DistinctSketch | Self::QuantileSketch, [_]) => DataType::LargeBinary,
            (Self::Moments, [_]) => moments::data_type(),
            (Self::SumAt(_), [_, value]) => DataType::Struct(dated("sum", sum_type(value))),
            (Self::ValueAt(_), [_, value]) => DataType::Struct(dated("value", value.clone())),
            (Self::DaySums, [_, value]) => {
                let day = DataType::Struct(dated("sum", sum_type(value)));
                DataType::List(Arc::new(Field::new_list_field(day, true)))
            }
            _ => return plan_err!("`{what}` has {} inputs", inputs.len()),
        })
    }

    /// Room for states of type `data_type`.
    pub(super) fn states(self, what: &str, data_type: &DataType) -> Result<Box<dyn States>> {
        Ok(match self {
            Self::DistinctSketch => Box::new(Sketches::<HyperLogLog>::default()),
            Self::QuantileSketch => Box::new(Sketches::<DdSketch>::default()),
            Self::Moments => Box::new(Moments::default()),
            Self::ValueAt(edge) => Box::new(ValuesAtEdge::new(edge, data_type)?),
            Self::SumAt(edge) => match dated_type(data_type)? {
                DataType::Int64 => Box::new(SumsAtEdge::<Int64Type>::new(what, edge, data_type)?),
                DataType::Float64 => {
                    Box::new(SumsAtEdge::<Float64Type>::new(what, edge, data_type)?)
                }
                DataType::Decimal128(..) => {
                    Box::new(SumsAtEdge::<Decimal128Type>::new(what, edge, data_type)?)
                }
                other => return plan_err!("`{what}` cannot be summed: it is {other}"),
            },
            Self::DaySums => match dated_type(data_type)? {
                DataType::Int64 => Box::new(DaySums::<Int64Type>::new(what, data_type)?),
                DataType::Float64 => Box::new(DaySums::<Float64Type>::new(what, data_type)?),
                DataType::Decimal128(..) => {
                    Box::new(DaySums::<Decimal128Type>::new(what, data_type)?)
                }
                other => return plan_err!("`{what}` cannot be summed: it is {other}"),
            },
        })
    }
}

/// The fields of a day and what is known of it.
fn dated(name: &str, value: DataType) -> Fields {
    let day = Field::new("day", DataType::Int64, true);
    Fields::from(vec![day, Field::new(name, value, true)])
}

/// The type of what is known of a day in a state of type `data_type`.
pub(in super::super) fn dated_type(data_type: &DataType) -> Result<&DataType> {
    match data_type {
        DataType::List(item) => dated_type(item.data_type()),
        DataType::Struct(fields) if fields.len() == 2 => Ok(fields[1].data_type()),
        other => plan_err!("a state of days has the type {other}"),
    }
}

/// The type in which states that were stored are merged: storage has its own ways with bytes.
fn stored(data_type: &DataType) -> DataType {
    if data_type.is_binary() { DataType::LargeBinary } else { data_type.clone() }
}

impl StateAggregate {
    pub(in super::super) fn new(function: StateFunction, stage: Stage, what: &str) -> Self {
        let signature = Signature::user_defined(Volatility::Immutable);
        Self { signature, function, stage, what: what.to_owned() }
    }

    fn kind(&self, args: &AccumulatorArgs) -> Result<Kind> {
        if args.is_distinct {
            return plan_err!("`{}` cannot be computed over distinct values", self.what);
        }
        let (function, stage) = (self.function, self.stage);
        Ok(Kind { function, stage, what: self.what.clone(), data_type: args.return_type().clone() })
    }
}

impl AggregateUDFImpl for StateAggregate {
    fn name(&self) -> &str {
        self.function.name(self.stage)
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        match self.stage {
            Stage::Rows => self.function.coerced(types, &self.what),
            Stage::Merge => Ok(types.iter().map(stored).collect()),
        }
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        match (self.stage, types) {
            (Stage::Rows, inputs) => self.function.state_type(inputs, &self.what),
            (Stage::Merge, [state]) => Ok(state.clone()),
            (Stage::Merge, _) => plan_err!("{} takes one state", self.name()),
        }
    }

    fn accumulator(&self, args: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        Ok(Box::new(One::new(self.kind(&args)?)?))
    }

    fn state_fields(&self, args: StateFieldsArgs) -> Result<Vec<FieldRef>> {
        let name = format!("{}[{}]", args.name, self.name());
        Ok(vec![Arc::new(Field::new(name, args.return_type().clone(), true))])
    }

    fn groups_accumulator_supported(&self, args: AccumulatorArgs) -> bool {
        !args.is_distinct
    }

    fn create_groups_accumulator(
        &self,
        args: AccumulatorArgs,
    ) -> Result<Box<dyn GroupsAccumulator>> {
        Ok(Box::new(Many::new(self.kind(&args)?)?))
    }

    fn reverse_expr(&self) -> ReversedUDAF {
        ReversedUDAF::Identical
    }

    fn order_sensitivity(&self) -> AggregateOrderSensitivity {
        AggregateOrderSensitivity::Insensitive
    }
}
