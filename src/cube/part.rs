//! The leaves of one context for one grouping set.
//!
//! A part is the star joined through its [`super::time_map`], or the star as it is for a cell's own
//! facts, grouped.

use std::collections::BTreeSet;

use arrow::datatypes::DataType;
use datafusion::common::{Column, JoinType, Result, internal_err, plan_err};
use datafusion::functions_aggregate::expr_fn::max;
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder};

use super::ancestors::is_key_name;
use super::bound::BoundCube;
use super::context::{Context, Scope, TimeWindow};
use super::grouping::{Grouping, GroupingSet};
use super::members::{Members, choices, grouped, mark_name, marked, shared_out};
use super::model::Unrelated;
use super::normal_form::{Leaf, LeafAggregate, StarQuery, column_of, columns, level, level_name};
use super::planner::{STAR, aggregate, fact_alias, leaf_type, over_star, star};
use super::star_text::text;
use super::state::StateFunction;
use super::subject::{is_over, role_of_days};
use super::time_map::{DAY, PERIODS, TIME, TimeCells};

/// Plans parts of one question.
#[derive(Clone, Copy)]
pub(super) struct Parts<'a> {
    pub query: &'a StarQuery,
    pub bound: &'a BoundCube,
    pub grouping: &'a Grouping,
}

/// The facts that leaves are computed over.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Source<'a> {
    pub base: usize,
    pub context: &'a Context,
}

/// How the cells of a grouping set relate to the facts of one base.
pub(super) enum Related {
    /// The facts have everything that is asked for.
    Fully,
    /// They do not, and have no value there.
    Not,
    /// They do not, and have the values of these groups alone.
    Without(GroupingSet),
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

/// The facts of a part, joined with what is read of them.
struct Star {
    plan: LogicalPlanBuilder,
    /// Over the plan, by their names.
    groups: Vec<Expr>,
    /// Over the plan, by their names.
    values: Vec<Expr>,
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
    /// What the question computes over which facts, each once.
    pub(super) fn sources(&self) -> Vec<Source<'a>> {
        let mut sources: Vec<Source<'a>> = Vec::new();
        for leaf in &self.query.leaves {
            let source = Source { base: leaf.base, context: &leaf.context };
            if !sources.contains(&source) {
                sources.push(source);
            }
        }
        sources
    }

    /// The leaves over `source`.
    pub(super) fn values_of(&self, source: Source<'_>) -> Result<Vec<Value>> {
        let leaves = self.query.leaves.iter().enumerate();
        let of = |leaf: &Leaf| leaf.base == source.base && leaf.context == *source.context;
        let leaves = leaves.filter(|(_, leaf)| of(leaf));
        leaves
            .map(|(at, leaf)| {
                let (data_type, aggregate) = match leaf.aggregate {
                    LeafAggregate::Periods => {
                        let periods = column_of(TIME, PERIODS);
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

    /// How the cells of `set` relate to the facts of `source`.
    pub(super) fn related(&self, set: &GroupingSet, source: Source<'_>) -> Result<Related> {
        let related = self.related_to_base(set, source.base)?;
        let kept = match (source.context.scope.clone(), related) {
            (Scope::Cell, related) => return Ok(related),
            (Scope::Days(_), Related::Not) => return Ok(Related::Not),
            (Scope::Days(_), Related::Fully) => set.groups.clone(),
            (Scope::Days(_), Related::Without(kept)) => kept.groups,
        };
        let in_scope = |at: &usize| self.is_in_scope(&self.grouping.groups[*at], source);
        let groups = kept.into_iter().filter(in_scope).collect();
        Ok(Related::Without(GroupingSet { groups, id: set.id.clone() }))
    }

    /// Whether the facts of `source` are told apart by the level with the key column `key` too, beside
    /// the groups of `set` that they have.
    pub(super) fn is_told_apart_by(
        &self,
        key: &str,
        set: &GroupingSet,
        source: Source<'_>,
    ) -> Result<bool> {
        let has_levels = matches!(self.related_to_base(set, source.base)?, Related::Fully);
        Ok(has_levels && self.is_in_scope(&level(key), source))
    }

    /// Whether `expr` says something of the facts of `source`.
    fn is_in_scope(&self, expr: &Expr, source: Source<'_>) -> bool {
        match &source.context.scope {
            Scope::Cell => true,
            Scope::Days(_) => {
                self.role_in_scope(source).is_some_and(|role| is_over(expr, role, self.bound))
            }
        }
    }

    /// The role that says of which days the facts of `source` are, where nothing else matters.
    pub(super) fn role_in_scope(&self, source: Source<'_>) -> Option<usize> {
        let Scope::Days(key) = &source.context.scope else { return None };
        role_of_days(key, source.base, self.bound)
    }

    /// How the cells of `set` relate to the facts of `base`, as far as these have its levels.
    fn related_to_base(&self, set: &GroupingSet, base: usize) -> Result<Related> {
        let Some(of) = self.bound.cube.bases.get(base) else { return Ok(Related::Fully) };
        let lacking = |expr: &Expr| self.lacking(expr, base);
        let groups = self.grouping.members(set).find_map(|(_, expr)| lacking(expr));
        let Some(column) = groups.or_else(|| self.query.filters.iter().find_map(lacking)) else {
            return Ok(Related::Fully);
        };
        match of.unrelated {
            Unrelated::Empty => Ok(Related::Not),
            Unrelated::Repeat => {
                let groups = self.grouping.members(set).map(|(_, expr)| expr);
                groups
                    .chain(&self.query.filters)
                    .try_for_each(|expr| self.check_apart(expr, base))?;
                let kept = self.grouping.members(set).filter(|(_, expr)| lacking(expr).is_none());
                let groups = kept.map(|(at, _)| at).collect();
                Ok(Related::Without(GroupingSet { groups, id: set.id.clone() }))
            }
            Unrelated::Error => {
                let of_base = |leaf: &&Leaf| leaf.base == base;
                let leaf = self.query.leaves.iter().find(of_base);
                let measure = leaf.map_or(of.cube.as_str(), |leaf| leaf.measure.as_str());
                plan_err!(
                    "`{measure}`, of the cube `{}`, has no `{column}`; ask without that level, or \
                     declare `unrelated: empty` or `repeat` for `{}`",
                    of.cube,
                    of.cube
                )
            }
        }
    }

    /// What is repeated is the value without the levels that its facts lack. Said in one expression
    /// with levels that they have, it would silently be the value without these, too.
    fn check_apart(&self, expr: &Expr, base: usize) -> Result<()> {
        let Some(column) = self.lacking(expr, base) else { return Ok(()) };
        let of = &self.bound.cube.bases[base];
        let has = |column: &Column| level_name(column).is_some_and(|l| !of.lacking.contains(l));
        if !columns(expr).iter().any(has) {
            return Ok(());
        }
        plan_err!(
            "`{}` mixes `{column}`, which the cube `{}` does not have, with levels that it has; \
             write separate conditions with AND, and separate groups",
            text(expr),
            of.cube
        )
    }

    /// Whether the facts of any base do not have a column of `expr`.
    pub(super) fn is_lacking(&self, expr: &Expr) -> bool {
        (0..self.bound.cube.bases.len()).any(|base| self.lacking(expr, base).is_some())
    }

    /// A column of `expr` that the facts of `base` do not have.
    fn lacking(&self, expr: &Expr, base: usize) -> Option<String> {
        let of = self.bound.cube.bases.get(base)?;
        columns(expr).iter().find_map(|column| {
            let name = level_name(column)?;
            of.lacking.contains(name).then(|| name.to_owned())
        })
    }

    /// `values` over the facts of `source` per cell of `set`; `None` where they are not defined.
    pub(super) fn part(
        &self,
        set: &GroupingSet,
        source: Source<'_>,
        values: &[Value],
    ) -> Result<Option<LogicalPlan>> {
        let groups = self.grouping.members(set);
        let groups: Vec<(String, Expr)> =
            groups.map(|(at, expr)| (group_name(at), expr.clone())).collect();
        match source.context.time {
            TimeWindow::Own => self.own(&groups, source, values)?.build().map(Some),
            window => match self.time_cells(set, source)?.map(window)? {
                Some(map) => self.through(map, &groups, source, values).map(Some),
                None => Ok(None),
            },
        }
    }

    /// `values` over the facts that meet the question's conditions.
    pub(super) fn own(
        &self,
        groups: &[(String, Expr)],
        source: Source<'_>,
        values: &[Value],
    ) -> Result<LogicalPlanBuilder> {
        let filters: Vec<&Expr> = self.filters(source).collect();
        let star = self.star(source.base, groups.to_vec(), &filters, values, None)?;
        star.plan.aggregate(star.groups, star.values)
    }

    /// `values` over the facts as the time map shows them.
    fn through(
        &self,
        map: LogicalPlan,
        groups: &[(String, Expr)],
        source: Source<'_>,
        values: &[Value],
    ) -> Result<LogicalPlan> {
        let role = self.time_role()?;
        let key = self.bound.cube.roles[role].role.key_column();
        let is_time = |expr: &Expr| is_over(expr, role, self.bound);
        let (of_time, others): (Vec<_>, Vec<_>) =
            groups.iter().cloned().partition(|(_, expr)| is_time(expr));
        let filters: Vec<&Expr> = self.filters(source).filter(|filter| !is_time(filter)).collect();
        let star = self.star(source.base, others, &filters, values, Some(&key))?;
        let on = (vec![column_of(STAR, fact_alias(&key))], vec![column_of(TIME, DAY)]);
        let of_time = of_time.iter().map(|(name, _)| {
            let group = Expr::Column(column_of(TIME, name));
            group.alias(name)
        });
        let groups = of_time.chain(star.groups).collect::<Vec<_>>();
        let star_in_time = star.plan.join(map, JoinType::Inner, on, None)?;
        star_in_time.aggregate(groups, star.values)?.build()
    }

    /// The joined star with what is read of it, and groups and values over it.
    fn star(
        &self,
        base: usize,
        groups: Vec<(String, Expr)>,
        filters: &[&Expr],
        values: &[Value],
        fact_column: Option<&str>,
    ) -> Result<Star> {
        let bound = self.bound.base(base);
        let (groups, mut joined) = grouped(groups, bound)?;
        let (filters, choices) = choices(filters.iter().copied(), bound)?;
        let mut kept = Vec::new();
        for choice in choices {
            // Of members that are shown, only those that meet the conditions; a whole is not shown.
            let is_shown = |members: &&mut Members| {
                let of_whole = members.groups.iter().any(|(name, _)| is_key_name(name));
                members.bridge == choice.bridge && !of_whole
            };
            match joined.iter_mut().find(is_shown) {
                Some(members) => members.conditions = choice.conditions,
                None => kept.push(choice),
            }
        }
        let mut marks = Vec::new();
        let aggregates = values
            .iter()
            .map(|value| marked(value.aggregate.clone(), &mut marks, bound))
            .collect::<Result<Vec<_>>>()?;
        let mut read = StarQuery::new(&self.query.cube);
        read.groups = groups.iter().map(|(_, group)| group).chain(&aggregates).cloned().collect();
        read.filters = filters;
        let mut fact_columns = read.fact_columns();
        fact_columns.extend(fact_column.map(str::to_owned));
        for members in joined.iter().chain(&kept).chain(&marks) {
            fact_columns.insert(members.fact_column(bound)?);
        }
        let mut plan = LogicalPlanBuilder::from(star(&read, fact_columns, bound)?);
        for filter in read.filters {
            plan = plan.filter(over_star(filter)?)?;
        }
        for choice in &kept {
            plan = choice.keep(plan, bound)?;
        }
        for (at, choice) in marks.iter().enumerate() {
            plan = choice.mark(plan, &mark_name(at), bound)?;
        }
        let mut shares = Vec::new();
        for members in &joined {
            plan = members.join(plan, bound)?;
            shares.extend(members.share(bound)?);
        }
        let own = groups.into_iter().map(|(name, group)| Ok(over_star(group)?.alias(name)));
        let mut groups = own.collect::<Result<Vec<_>>>()?;
        groups.extend(joined.iter().flat_map(Members::joined_groups));
        let named = aggregates.into_iter().zip(values).map(|(aggregate, value)| {
            Ok(shared_out(over_star(aggregate)?, &shares).alias(&value.name))
        });
        Ok(Star { plan, groups, values: named.collect::<Result<_>>()? })
    }

    /// The conditions of the question that the facts of `source` must meet.
    fn filters(&self, source: Source<'_>) -> impl Iterator<Item = &'a Expr> {
        let of_source = move |filter: &&Expr| {
            self.lacking(filter, source.base).is_none() && self.is_in_scope(filter, source)
        };
        self.query.filters.iter().filter(of_source)
    }

    /// The cells of `set` as far as time goes, over the facts of `source`.
    pub(super) fn time_cells(
        &self,
        set: &GroupingSet,
        source: Source<'_>,
    ) -> Result<TimeCells<'a>> {
        let role = self.time_role()?;
        let is_time = |expr: &Expr| is_over(expr, role, self.bound);
        let base = self.bound.base(source.base);
        let name = &self.bound.cube.roles[role].role.name;
        let Some(role_of_base) = base.cube.role(name) else {
            return plan_err!(
                "the cube `{}` has no `{name}`, which the question is over",
                base.cube.name
            );
        };
        let groups = self.grouping.members(set).filter(|(_, expr)| is_time(expr));
        let groups = groups.map(|(at, expr)| (group_name(at), expr.clone())).collect();
        let conditions = self.filters(source).filter(|filter| is_time(filter));
        let conditions = conditions.chain(&source.context.conditions).cloned().collect();
        let all_groups = self.grouping.groups.iter().filter(|expr| is_time(expr)).cloned();
        let all_groups: Vec<Expr> = all_groups.collect();
        let said = all_groups.iter().chain(self.query.filters.iter().filter(|expr| is_time(expr)));
        let said: Vec<Expr> = said.chain(&source.context.conditions).cloned().collect();
        let lacks = |expr: &&Expr| self.lacking(expr, source.base).is_some();
        let unsaid = said.iter().filter(lacks).cloned().collect();
        let asked: BTreeSet<usize> = self.query.leaves.iter().map(|leaf| leaf.base).collect();
        let asked = asked.into_iter().map(|at| self.bound.base(at));
        let bases = asked.filter_map(|cube| Some((cube, cube.cube.role(name)?))).collect();
        Ok(TimeCells {
            bound: base,
            role: role_of_base,
            groups,
            conditions,
            all_groups,
            said,
            unsaid,
            bases,
        })
    }

    pub(super) fn time_role(&self) -> Result<usize> {
        match self.query.time_role {
            Some(role) => Ok(role),
            None => internal_err!("a calculation over time without a time"),
        }
    }
}
