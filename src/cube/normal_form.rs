//! Every question to a cube in one form: which levels, which aggregates, which filters.
//!
//! Expressions speak of kinds of columns, told apart by their relation: `level.<flat name>`,
//! `leaf.<position>` (only in finals), and inside leaves `fact.<column>`, and by the name of a
//! conversion `rate.<name>` and `fault.<name>`.
//! A matcher of stored aggregates needs nothing but this.

use std::collections::BTreeSet;
use std::sync::Arc;

use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::common::{Column, Result, TableReference};
use datafusion::logical_expr::expr::{AggregateFunction, Exists, InSubquery, SetComparison};
use datafusion::logical_expr::{Expr, Subquery};

use super::context::Context;
use super::model::{Base, Cube, CubeRole};
use super::reading::Reading;
use super::state::StateFunction;

/// The relation of level columns.
pub(super) const LEVEL: &str = "level";
/// The relation of columns of the fact.
pub(super) const FACT: &str = "fact";
/// The relation of rates, by which conversion.
const RATE: &str = "rate";
/// The relation of what is wrong with rates, by which conversion.
const FAULT: &str = "fault";
/// The relation of leaves.
const LEAF: &str = "leaf";

/// A question to one cube.
#[derive(Clone, Debug)]
pub struct StarQuery {
    /// The cube.
    pub cube: String,
    /// The cubes over one fact that leaves are of, by position, with their facts and the rule for
    /// what these lack.
    pub bases: Vec<Base>,
    /// How members with a history are seen, by the roles that the question speaks of.
    pub members: Vec<(String, Reading)>,
    /// Conditions over level columns that a fact row must meet.
    pub filters: Vec<Expr>,
    /// Expressions over level columns, or one `Expr::GroupingSet` of such.
    pub groups: Vec<Expr>,
    /// The aggregates to compute per group.
    pub leaves: Vec<Leaf>,
    /// What to show per group.
    pub finals: Vec<Final>,
    /// The role of `date` that contexts speak of, by position in the cube; none where every leaf is
    /// over its cell's own facts.
    pub time_role: Option<usize>,
}

/// What to show per group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Final {
    /// An expression over leaves.
    pub value: Expr,
    /// Shows not the value but its place among those of its siblings.
    pub place: Option<Place>,
}

/// A place among siblings: the rows of one grouping set that differ in nothing but the finest level
/// of the dimension that was grouped by last; in a tree those of them under one member.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// One more than the number of greater values.
    Rank,
    /// `A`, `B` or `C`, by the share of the sum that stands before the value.
    ParetoClass,
}

impl Final {
    /// Shows `value`.
    pub(super) fn value(value: Expr) -> Self {
        Self { value, place: None }
    }

    /// Shows the place of `value`.
    pub(super) fn placed(value: Expr, place: Place) -> Self {
        Self { value, place: Some(place) }
    }
}

/// One aggregate over fact rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leaf {
    /// What is aggregated, and how.
    pub aggregate: LeafAggregate,
    /// Over level columns and columns of the fact; only fact rows for which it is true count.
    pub filter: Option<Expr>,
    /// Over which facts, as seen from the cell.
    pub context: Context,
    /// Of which base of a cube over cubes; 0 of a cube over one fact.
    pub base: usize,
    /// The measure it was first needed for, for messages; no part of its identity to a matcher.
    pub measure: String,
}

/// How a leaf aggregates. Its result is also its state: see [`LeafAggregate::merged`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LeafAggregate {
    /// The number of fact rows.
    Rows,
    /// The number of rows where the expression is not NULL.
    Count(Expr),
    /// The checked sum.
    Sum(Expr),
    /// The least value.
    Min(Expr),
    /// The greatest value.
    Max(Expr),
    /// The number of different values; NULL is none.
    Distinct(Expr),
    /// The number of periods in the time window of its context.
    Periods,
    /// A state of these inputs.
    State(StateFunction, Vec<Expr>),
    /// The state of all rows from such states of some of them each.
    Merge(StateFunction, Expr),
    /// Any other aggregate over level columns, as the query wrote it, without its filter.
    Other(Box<AggregateFunction>),
}

/// The column `name` of `relation`, whose name is taken as it is; parsing it would take longer than
/// what is done with it.
pub(super) fn column_of(relation: &str, name: impl Into<String>) -> Column {
    Column::new(Some(TableReference::bare(relation)), name)
}

/// The column of the cube called `name`.
pub(super) fn level(name: &str) -> Expr {
    Expr::Column(column_of(LEVEL, name))
}

/// The leaf at `position`.
pub(super) fn leaf(position: usize) -> Expr {
    Expr::Column(column_of(LEAF, position.to_string()))
}

/// The flat name when `column` is a level column.
pub(super) fn level_name(column: &Column) -> Option<&str> {
    of_relation(column, LEVEL)
}

/// The column's name when `column` is one of the fact.
pub(super) fn fact_name(column: &Column) -> Option<&str> {
    of_relation(column, FACT)
}

/// The rate of the conversion `name`.
pub(super) fn rate(name: &str) -> Expr {
    Expr::Column(Column::new(Some(RATE), name))
}

/// What is wrong with the rate of the conversion `name`.
pub(super) fn fault(name: &str) -> Expr {
    Expr::Column(Column::new(Some(FAULT), name))
}

/// The name of the conversion when `column` is a rate.
pub(super) fn rate_name(column: &Column) -> Option<&str> {
    of_relation(column, RATE)
}

/// The name of the conversion when `column` is what is wrong with a rate.
pub(super) fn fault_name(column: &Column) -> Option<&str> {
    of_relation(column, FAULT)
}

/// The position when `column` is a leaf.
pub(super) fn leaf_position(column: &Column) -> Option<usize> {
    of_relation(column, LEAF)?.parse().ok()
}

fn of_relation<'a>(column: &'a Column, relation: &str) -> Option<&'a str> {
    let of = column.relation.as_ref()?;
    (of.schema().is_none() && of.table() == relation).then_some(column.name.as_str())
}

impl LeafAggregate {
    /// Its name, for people.
    pub(super) fn name(&self) -> &str {
        match self {
            Self::Rows | Self::Count(_) => "count",
            Self::Sum(_) => "sum",
            Self::Min(_) => "min",
            Self::Max(_) => "max",
            Self::Distinct(_) => "distinct",
            Self::Periods => "periods",
            Self::State(function, _) | Self::Merge(function, _) => function.word(),
            Self::Other(call) => call.func.name(),
        }
    }

    /// Whether it counts, so that nothing is 0 and not NULL.
    pub(super) fn counts(&self) -> bool {
        matches!(self, Self::Rows | Self::Count(_) | Self::Distinct(_))
    }

    /// What is aggregated.
    pub fn inputs(&self) -> Vec<&Expr> {
        match self {
            Self::Rows | Self::Periods => Vec::new(),
            Self::Count(input)
            | Self::Sum(input)
            | Self::Min(input)
            | Self::Max(input)
            | Self::Distinct(input)
            | Self::Merge(_, input) => vec![input],
            Self::State(_, inputs) => inputs.iter().collect(),
            Self::Other(call) => {
                let order = call.params.order_by.iter().map(|sort| &sort.expr);
                call.params.args.iter().chain(order).collect()
            }
        }
    }

    /// The aggregate that gives this one's result over all rows from `states`, its results over
    /// some of them each; `None` when the parts do not tell it.
    ///
    /// Counts merge as sums, which are NULL of no parts where a count of no rows is 0.
    pub fn merged(&self, states: Expr) -> Option<Self> {
        match self {
            Self::Rows | Self::Count(_) | Self::Sum(_) => Some(Self::Sum(states)),
            Self::Min(_) => Some(Self::Min(states)),
            Self::Max(_) => Some(Self::Max(states)),
            Self::State(function, _) | Self::Merge(function, _) => {
                Some(Self::Merge(*function, states))
            }
            // The same value may be in several parts.
            Self::Distinct(_) | Self::Periods | Self::Other(_) => None,
        }
    }
}

impl Leaf {
    /// Whether both aggregate the same rows the same way.
    fn is_same(&self, other: &Self) -> bool {
        self.aggregate == other.aggregate
            && self.filter == other.filter
            && self.context == other.context
            && self.base == other.base
    }
}

impl StarQuery {
    /// A question without groups, filters and aggregates yet.
    pub fn new(cube: &str) -> Self {
        Self {
            cube: cube.to_owned(),
            bases: Vec::new(),
            members: Vec::new(),
            filters: Vec::new(),
            groups: Vec::new(),
            leaves: Vec::new(),
            finals: Vec::new(),
            time_role: None,
        }
    }

    /// The position of `leaf`, added unless it is there.
    pub fn add_leaf(&mut self, leaf: Leaf) -> usize {
        match self.leaves.iter().position(|known| known.is_same(&leaf)) {
            Some(position) => position,
            None => {
                self.leaves.push(leaf);
                self.leaves.len() - 1
            }
        }
    }

    /// Whether every leaf is over its cell's own facts and shown as it is.
    pub(super) fn is_plain(&self) -> bool {
        self.leaves.iter().all(|leaf| leaf.context.is_own())
            && self.finals.iter().all(|shown| shown.place.is_none())
    }

    /// Says how the members of `cube` are seen that the question speaks of.
    pub(super) fn note_members(&mut self, cube: &Cube) {
        let levels = self.levels();
        let speaks_of = |at: usize| {
            let of_role = |level: &String| {
                let own = cube.planned_column(level).and_then(|column| column.role);
                // A leaf of a base may speak of a column that only that one has.
                let name = &cube.roles[at].role.name;
                own == Some(at) || level.strip_prefix(name.as_str()) == Some("$member")
            };
            levels.iter().any(of_role)
        };
        let seen = |(at, role): (usize, &CubeRole)| {
            let speaks = role.has_history() && speaks_of(at);
            speaks.then(|| (role.role.name.clone(), role.reading))
        };
        self.bases.clone_from(&cube.bases);
        self.members = cube.roles.iter().enumerate().filter_map(seen).collect();
    }

    /// The flat names of all level columns anywhere in the question.
    pub fn levels(&self) -> BTreeSet<String> {
        self.names(level_name)
    }

    /// The columns of the fact that leaves read.
    pub fn fact_columns(&self) -> BTreeSet<String> {
        self.names(fact_name)
    }

    /// The names of the conversions whose rates leaves read.
    pub fn rates(&self) -> BTreeSet<String> {
        self.names(|column| rate_name(column).or_else(|| fault_name(column)))
    }

    fn names(&self, name: impl Fn(&Column) -> Option<&str>) -> BTreeSet<String> {
        let leaves = self
            .leaves
            .iter()
            .flat_map(|leaf| leaf.aggregate.inputs().into_iter().chain(leaf.filter.as_ref()));
        let expressions = self.filters.iter().chain(&self.groups).chain(leaves);
        let columns: Vec<Column> = expressions.flat_map(columns).collect();
        columns.iter().filter_map(|column| name(column).map(str::to_owned)).collect()
    }
}

/// The columns of `expr`, those that its subqueries take from outside included.
pub(super) fn columns(expr: &Expr) -> Vec<Column> {
    let mut found = Vec::new();
    // The closure is infallible, and so is the walk.
    drop(expr.apply(|part| {
        match part {
            Expr::Column(column) => found.push(column.clone()),
            Expr::ScalarSubquery(subquery)
            | Expr::Exists(Exists { subquery, .. })
            | Expr::InSubquery(InSubquery { subquery, .. })
            | Expr::SetComparison(SetComparison { subquery, .. }) => {
                found.extend(subquery.outer_ref_columns.iter().filter_map(|outer| match outer {
                    Expr::OuterReferenceColumn(_, column) => Some(column.clone()),
                    _ => None,
                }));
            }
            _ => {}
        }
        Ok(TreeNodeRecursion::Continue)
    }));
    found
}

/// `expr` with every column replaced that `replace` has something for, in subqueries too.
pub(super) fn substitute(expr: Expr, replace: &dyn Fn(&Column) -> Option<Expr>) -> Result<Expr> {
    let replaced = expr.transform_down(|part| match part {
        Expr::Column(column) => Ok(match replace(&column) {
            // What is put in is not searched again.
            Some(new) => Transformed::new(new, true, TreeNodeRecursion::Jump),
            None => Transformed::no(Expr::Column(column)),
        }),
        Expr::ScalarSubquery(subquery) => {
            Ok(Transformed::yes(Expr::ScalarSubquery(within(subquery, replace)?)))
        }
        Expr::Exists(Exists { subquery, negated }) => {
            let subquery = within(subquery, replace)?;
            Ok(Transformed::yes(Expr::Exists(Exists { subquery, negated })))
        }
        Expr::InSubquery(InSubquery { expr, subquery, negated }) => {
            let subquery = within(subquery, replace)?;
            Ok(Transformed::yes(Expr::InSubquery(InSubquery { expr, subquery, negated })))
        }
        Expr::SetComparison(mut comparison) => {
            comparison.subquery = within(comparison.subquery, replace)?;
            Ok(Transformed::yes(Expr::SetComparison(comparison)))
        }
        other => Ok(Transformed::no(other)),
    })?;
    Ok(replaced.data)
}

/// A subquery whose references to the outside are replaced where they are plain columns.
fn within(mut subquery: Subquery, replace: &dyn Fn(&Column) -> Option<Expr>) -> Result<Subquery> {
    if subquery.outer_ref_columns.is_empty() {
        return Ok(subquery);
    }
    let outer = |expr: Expr| -> Result<Transformed<Expr>> {
        let Expr::OuterReferenceColumn(field, column) = &expr else {
            return Ok(Transformed::no(expr));
        };
        match replace(column) {
            None => Ok(Transformed::no(expr)),
            Some(Expr::Column(new)) => {
                Ok(Transformed::yes(Expr::OuterReferenceColumn(Arc::clone(field), new)))
            }
            Some(_) => datafusion::common::plan_err!(
                "a subquery cannot refer to the computed column `{}` of a cube query; \
                 aggregate in a CTE first, then correlate with that",
                column.name
            ),
        }
    };
    let plan = subquery.subquery.as_ref().clone();
    let plan = plan.transform_up_with_subqueries(|node| {
        node.map_expressions(|expr| expr.transform_up(outer))
    })?;
    subquery.subquery = Arc::new(plan.data);
    subquery.outer_ref_columns = subquery
        .outer_ref_columns
        .into_iter()
        .map(|column| Ok(outer(column)?.data))
        .collect::<Result<_>>()?;
    Ok(subquery)
}
