//! The leaves of one context for one grouping set.
//!
//! A part is the star joined through its [`super::time_map`], or the star as it is for a cell's own
//! facts, grouped.

use arrow::datatypes::DataType;
use datafusion::common::{Column, JoinType, Result, internal_err};
use datafusion::functions_aggregate::expr_fn::max;
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder};

use super::bound::BoundCube;
use super::context::{Context, TimeWindow};
use super::grouping::{Grouping, GroupingSet};
use super::normal_form::{LeafAggregate, StarQuery};
use super::planner::{STAR, aggregate, fact_alias, leaf_type, over_star, star};
use super::state::StateFunction;
use super::subject::is_over;
use super::time_map::{DAY, PERIODS, TIME, TimeCells};

/// Plans parts of one question.
#[derive(Clone, Copy)]
pub(super) struct Parts<'a> {
    pub query: &'a StarQuery,
    pub bound: &'a BoundCube,
    pub grouping: &'a Grouping,
}

/// Something a part computes for each group.
pub(super) struct Value {
    /// The column to give it.
    pub name: String,
    /// The type of its values.
    pub data_type: DataType,
    /// Over `level.<name>` and `fact.<name>`, or over the time map.
    pub aggregate: Expr,
    /// Whether it is 0 over no facts, and not NULL.
    pub counts: bool,
    /// The function and the measure of which it is a state, where it is one.
    pub state: Option<(StateFunction, String)>,
}

/// The column of the group at `position`.
pub(super) fn group_name(position: usize) -> String {
    format!("group_{position}")
}

/// The column of the leaf at `position`.
pub(super) fn leaf_name(position: usize) -> String {
    format!("leaf_{position}")
}

impl<'a> Parts<'a> {
    /// The leaves of `context`.
    pub(super) fn values_of(&self, context: &Context) -> Result<Vec<Value>> {
        let leaves = self.query.leaves.iter().enumerate();
        let leaves = leaves.filter(|(_, leaf)| leaf.context == *context);
        leaves
            .map(|(at, leaf)| {
                let (data_type, aggregate) = match leaf.aggregate {
                    LeafAggregate::Periods => {
                        let periods = Column::new(Some(TIME), PERIODS);
                        (DataType::Int64, max(Expr::Column(periods)))
                    }
                    _ => (leaf_type(self.bound, leaf)?, aggregate(leaf)?),
                };
                let counts = leaf.aggregate.counts();
                let state = match leaf.aggregate {
                    LeafAggregate::State(function, _) | LeafAggregate::Merge(function, _) => {
                        Some((function, leaf.measure.clone()))
                    }
                    _ => None,
                };
                Ok(Value { name: leaf_name(at), data_type, aggregate, counts, state })
            })
            .collect()
    }

    /// `values` over the facts of `context` per cell of `set`; `None` where they are not defined.
    pub(super) fn part(
        &self,
        set: &GroupingSet,
        context: &Context,
        values: &[Value],
    ) -> Result<Option<LogicalPlan>> {
        let groups = self.grouping.members(set);
        let groups: Vec<(String, Expr)> =
            groups.map(|(at, expr)| (group_name(at), expr.clone())).collect();
        match context.time {
            TimeWindow::Own => self.own(&groups, values)?.build().map(Some),
            window => match self.time_cells(set, context)?.map(window)? {
                Some(map) => self.through(map, &groups, values).map(Some),
                None => Ok(None),
            },
        }
    }

    /// `values` over the facts that meet the question's conditions.
    pub(super) fn own(
        &self,
        groups: &[(String, Expr)],
        values: &[Value],
    ) -> Result<LogicalPlanBuilder> {
        let filters: Vec<&Expr> = self.query.filters.iter().collect();
        let star = self.star(groups.iter().map(|(_, expr)| expr), &filters, values, None)?;
        let groups = groups.iter().map(|(name, expr)| Ok(over_star(expr.clone())?.alias(name)));
        star.aggregate(groups.collect::<Result<Vec<_>>>()?, aliased(values)?)
    }

    /// `values` over the facts as the time map shows them.
    fn through(
        &self,
        map: LogicalPlan,
        groups: &[(String, Expr)],
        values: &[Value],
    ) -> Result<LogicalPlan> {
        let role = self.time_role()?;
        let key = self.bound.cube.roles[role].role.key_column();
        let is_time = |expr: &Expr| is_over(expr, role, self.bound);
        let others = groups.iter().map(|(_, expr)| expr).filter(|expr| !is_time(expr));
        let filters = self.query.filters.iter().filter(|filter| !is_time(filter));
        let star = self.star(others, &filters.collect::<Vec<_>>(), values, Some(&key))?;
        let on =
            (vec![Column::new(Some(STAR), fact_alias(&key))], vec![Column::new(Some(TIME), DAY)]);
        let groups = groups.iter().map(|(name, expr)| {
            let group = if is_time(expr) {
                Expr::Column(Column::new(Some(TIME), name))
            } else {
                over_star(expr.clone())?
            };
            Ok(group.alias(name))
        });
        let groups = groups.collect::<Result<Vec<_>>>()?;
        star.join(map, JoinType::Inner, on, None)?.aggregate(groups, aliased(values)?)?.build()
    }

    /// The joined star with what these expressions read of it.
    fn star<'e>(
        &self,
        groups: impl Iterator<Item = &'e Expr>,
        filters: &[&Expr],
        values: &'e [Value],
        fact_column: Option<&str>,
    ) -> Result<LogicalPlanBuilder> {
        let mut read = StarQuery::new(&self.query.cube);
        read.groups = groups.chain(values.iter().map(|value| &value.aggregate)).cloned().collect();
        read.filters = filters.iter().map(|filter| (*filter).clone()).collect();
        let mut fact_columns = read.fact_columns();
        fact_columns.extend(fact_column.map(str::to_owned));
        let star = star(&read.levels(), &fact_columns, self.bound)?;
        let star = LogicalPlanBuilder::from(star);
        read.filters.into_iter().try_fold(star, |star, filter| star.filter(over_star(filter)?))
    }

    /// The cells of `set` as far as time goes.
    pub(super) fn time_cells(&self, set: &GroupingSet, context: &Context) -> Result<TimeCells<'a>> {
        let role = self.time_role()?;
        let is_time = |expr: &Expr| is_over(expr, role, self.bound);
        let groups = self.grouping.members(set).filter(|(_, expr)| is_time(expr));
        let groups = groups.map(|(at, expr)| (group_name(at), expr.clone())).collect();
        let conditions = self.query.filters.iter().filter(|filter| is_time(filter));
        let conditions = conditions.chain(&context.conditions).cloned().collect();
        Ok(TimeCells { bound: self.bound, role, groups, conditions })
    }

    pub(super) fn time_role(&self) -> Result<usize> {
        match self.query.time_role {
            Some(role) => Ok(role),
            None => internal_err!("a calculation over time without a time"),
        }
    }
}

fn aliased(values: &[Value]) -> Result<Vec<Expr>> {
    values.iter().map(|value| Ok(over_star(value.aggregate.clone())?.alias(&value.name))).collect()
}
