//! The aggregates `AGG`, `MEASURE` and `AGGREGATE`: "this measure, for this group".

use std::sync::Arc;

use arrow::datatypes::{DataType, FieldRef};
use datafusion::common::{Result, plan_err};
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::{
    Accumulator, AggregateUDF, AggregateUDFImpl, Signature, Volatility,
};

/// The name of the aggregate; the others are aliases.
pub(super) const AGG: &str = "agg";

/// The aggregate functions a session over cubes needs.
pub fn functions() -> Vec<Arc<AggregateUDF>> {
    vec![Arc::new(AggregateUDF::from(Agg {
        signature: Signature::any(1, Volatility::Immutable),
        aliases: vec!["measure".to_owned(), "aggregate".to_owned()],
    }))]
}

/// Stands for a measure's own aggregate until the rule has put that in its place.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Agg {
    signature: Signature,
    aliases: Vec<String>,
}

impl AggregateUDFImpl for Agg {
    fn name(&self) -> &'static str {
        AGG
    }

    fn aliases(&self) -> &[String] {
        &self.aliases
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        match types {
            [measure] => Ok(measure.clone()),
            _ => plan_err!("AGG takes one measure"),
        }
    }

    fn accumulator(&self, _: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        plan_err!("AGG takes a measure of a cube")
    }

    fn state_fields(&self, _: StateFieldsArgs) -> Result<Vec<FieldRef>> {
        plan_err!("AGG takes a measure of a cube")
    }
}
