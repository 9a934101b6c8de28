//! The members of every level as one relation.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use async_trait::async_trait;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::{Column, Result as DataFusionResult, ScalarValue};
use datafusion::datasource::provider_as_source;
use datafusion::functions::string::expr_fn::concat_ws;
use datafusion::logical_expr::{
    BinaryExpr, Expr, LogicalPlan, LogicalPlanBuilder, Operator, TableProviderFilterPushDown,
    TableType, cast, lit,
};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::empty::EmptyExec;

use super::member::MemberTable;
use super::model::{ColumnKind, Cube};

/// One row per cube, level and member, read from the dimensions when it is asked.
///
/// Conditions `cube = '…'` and `level = '…'` choose what is read.
pub struct MemberRelation {
    cubes: Arc<Vec<Cube>>,
    tables: BTreeMap<String, Arc<dyn TableProvider>>,
    schema: SchemaRef,
}

impl fmt::Debug for MemberRelation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemberRelation").finish_non_exhaustive()
    }
}

impl MemberRelation {
    /// The members of the levels of `cubes`, whose dimensions and facts are `tables`.
    pub fn new(cubes: Arc<Vec<Cube>>, tables: BTreeMap<String, Arc<dyn TableProvider>>) -> Self {
        let names = ["cube", "level", "member_key", "caption", "other_captions"];
        let fields = names.map(|name| Field::new(name, DataType::Utf8, true));
        Self { cubes, tables, schema: Arc::new(Schema::new(fields.to_vec())) }
    }

    /// The members of one level.
    fn of_level(&self, cube: &Cube, level: &str) -> DataFusionResult<Option<LogicalPlan>> {
        let members = MemberTable::of(cube, level, None)?;
        let Some(table) = self.tables.get(&members.table) else { return Ok(None) };
        let source = provider_as_source(Arc::clone(table));
        let text = |column: &str| cast(Expr::Column(Column::from_name(column)), DataType::Utf8);
        let others: Vec<Expr> = members.captions.iter().map(|(_, column)| text(column)).collect();
        let others = match others.is_empty() {
            true => lit(ScalarValue::Utf8(None)),
            false => cast(concat_ws(lit(" / "), others), DataType::Utf8),
        };
        let columns = [
            lit(ScalarValue::from(cube.name.as_str())),
            lit(ScalarValue::from(level)),
            text(&members.key),
            text(&members.caption),
            others,
        ];
        let named = columns.into_iter().zip(self.schema.fields());
        let named = named.map(|(column, field)| column.alias(field.name()));
        let mut plan = LogicalPlanBuilder::scan(members.table.clone(), source, None)?;
        if let Some(shown) = members.shown(cube, &members.table)? {
            plan = plan.filter(shown)?;
        }
        let plan = plan.project(named.collect::<Vec<_>>())?.distinct()?.build()?;
        Ok(Some(plan))
    }
}

#[async_trait]
impl TableProvider for MemberRelation {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn table_type(&self) -> TableType {
        TableType::View
    }

    fn supports_filters_pushdown(
        &self,
        filters: &[&Expr],
    ) -> DataFusionResult<Vec<TableProviderFilterPushDown>> {
        Ok(vec![TableProviderFilterPushDown::Inexact; filters.len()])
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        _limit: Option<usize>,
    ) -> DataFusionResult<Arc<dyn ExecutionPlan>> {
        let wanted = |column: &str, value: &str| {
            filters.iter().filter_map(|filter| equal_to(filter, column)).all(|text| text == value)
        };
        let mut all: Option<LogicalPlan> = None;
        for cube in self.cubes.iter().filter(|cube| wanted("cube", &cube.name)) {
            let levels = cube.columns.iter().filter(|column| column.kind == ColumnKind::Level);
            for level in levels.filter(|level| wanted("level", &level.name)) {
                let Some(plan) = self.of_level(cube, &level.name)? else { continue };
                all = Some(match all {
                    None => plan,
                    Some(before) => LogicalPlanBuilder::from(before).union(plan)?.build()?,
                });
            }
        }
        let positions: Vec<usize> =
            projection.cloned().unwrap_or_else(|| (0..self.schema.fields().len()).collect());
        let Some(plan) = all else {
            return Ok(Arc::new(EmptyExec::new(Arc::new(self.schema.project(&positions)?))));
        };
        let columns = plan.schema().columns();
        let shown = positions.iter().map(|at| Expr::Column(columns[*at].clone()));
        let plan = LogicalPlanBuilder::from(plan).project(shown.collect::<Vec<_>>())?.build()?;
        state.create_physical_plan(&plan).await
    }
}

/// The text that `filter` compares `column` with for equality.
fn equal_to<'a>(filter: &'a Expr, column: &str) -> Option<&'a str> {
    let Expr::BinaryExpr(BinaryExpr { left, op: Operator::Eq, right }) = filter else {
        return None;
    };
    match (left.as_ref(), right.as_ref()) {
        (Expr::Column(found), Expr::Literal(value, _))
        | (Expr::Literal(value, _), Expr::Column(found))
            if found.name == column =>
        {
            value.try_as_str().flatten()
        }
        _ => None,
    }
}
