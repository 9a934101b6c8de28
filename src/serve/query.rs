//! A statement on its way from handle to stream.

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::logical_expr::LogicalPlan;
use datafusion::physical_plan::SendableRecordBatchStream;
use futures::{StreamExt, TryStreamExt};

use super::handle::Handle;
use super::running::Messages;
use super::session::Session;
use super::wire;
use crate::engine::{self, Parameter, Policy, Snapshot, Snapshots};
use crate::error::Result;

/// A statement planned against one epoch.
pub(super) struct Query {
    snapshot: Arc<Snapshot>,
    plan: LogicalPlan,
    bound: Option<Vec<RecordBatch>>,
}

impl Query {
    /// Plans the statement of `handle` in its epoch, the caller's, or the newest one.
    pub(super) async fn plan(
        snapshots: &dyn Snapshots,
        handle: &Handle,
        caller: &Session,
    ) -> Result<Self> {
        let mut snapshot = match handle.epoch {
            Some(epoch) => snapshots.again(epoch, handle.edition.unwrap_or_default()).await?,
            None => snapshots.open(caller.moment).await?,
        };
        if let Some(schema) = &handle.default_schema {
            snapshot = Arc::new(snapshot.with_default_schema(schema));
        }
        let plan =
            engine::plan(&snapshot, &handle.sql, &caller.principal, Policy::Everything).await?;
        Ok(Self { snapshot, plan, bound: handle.bound()? })
    }

    /// The epoch it reads.
    pub(super) fn epoch(&self) -> u64 {
        self.snapshot.epoch
    }

    /// Which cubes of the epoch it was planned with.
    pub(super) fn edition(&self) -> u64 {
        self.snapshot.edition
    }

    /// The schema of the result before values are bound; where types depend on values, a guess.
    pub(super) fn unbound_schema(&self) -> Result<SchemaRef> {
        self.wire_schema(&self.plan)
    }

    /// The schema of the values to bind. Types nothing says are text, which is read when bound.
    pub(super) fn parameter_schema(&self) -> Result<SchemaRef> {
        let field = |parameter: Parameter| {
            let data_type = parameter.data_type.unwrap_or(DataType::Utf8);
            Field::new(parameter.name, wire::data_type(&data_type), true)
        };
        let parameters = engine::parameters(&self.plan)?;
        Ok(Arc::new(Schema::new(parameters.into_iter().map(field).collect::<Vec<_>>())))
    }

    /// The schema of the result, exactly as [`Self::stream`] sends it.
    pub(super) fn schema(&self) -> Result<SchemaRef> {
        match self.plans()?.first() {
            Some(plan) => self.wire_schema(plan),
            None => self.unbound_schema(),
        }
    }

    /// Executes the statement, once for each bound row, one after another.
    pub(super) fn stream(self) -> Result<Messages> {
        let schema = self.schema()?;
        let snapshot = Arc::clone(&self.snapshot);
        // The closure owns the snapshot, so the epoch's files stay until the last batch is out.
        let batches = futures::stream::iter(self.plans()?.into_iter().map(Ok))
            .and_then(move |plan| {
                let snapshot = Arc::clone(&snapshot);
                async move { engine::execute(&snapshot, plan).await }
            })
            .map_ok(|stream: SendableRecordBatchStream| stream.map_err(engine::failed))
            .try_flatten();
        Ok(wire::encode(schema, batches).boxed())
    }

    /// The plans to execute: one, or one for each bound row.
    fn plans(&self) -> Result<Vec<LogicalPlan>> {
        let Some(batches) = &self.bound else {
            engine::check_count(&engine::parameters(&self.plan)?, 0)?;
            return Ok(vec![self.plan.clone()]);
        };
        let mut plans = Vec::new();
        for batch in batches {
            for row in 0..batch.num_rows() {
                plans.push(engine::bind(self.plan.clone(), batch, row)?);
            }
        }
        Ok(plans)
    }

    fn wire_schema(&self, plan: &LogicalPlan) -> Result<SchemaRef> {
        Ok(wire::schema(&*engine::result_schema(&self.snapshot, plan)?, self.snapshot.epoch))
    }
}
