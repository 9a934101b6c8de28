//! The normal form as text, for EXPLAIN.
//!
//! ```text
//! cube: sales
//! members: customer as was
//! groups: date_month | product_category
//! filters: date_year = '2024'
//! leaves:
//!   0: sum(net_amount)
//!   1: sum(net_amount) over prior_year
//! finals: leaf_0 | leaf_0 / leaf_1
//! ```

use std::fmt::{self, Display, Formatter};

use datafusion::common::Column;
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode};
use datafusion::logical_expr::Expr;
use datafusion::sql::unparser::expr_to_sql;

use super::context::{Ancestor, Context, Period, Scope, Step, TimeWindow};
use super::divisor::DIVISOR;
use super::normal_form::{Final, Leaf, LeafAggregate, Place, StarQuery};
use super::shares::WITH_PLACES;
use super::unrated::WITHOUT_RATE;
use crate::translate::CHECKED_DECIMAL;

impl Display for StarQuery {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        writeln!(f, "cube: {}", self.cube)?;
        if !self.bases.is_empty() {
            let bases = self.bases.iter();
            let bases = bases.map(|base| {
                format!("{} (fact {}, unrelated: {})", base.cube, base.fact, base.unrelated.word())
            });
            writeln!(f, "cubes: {}", bases.collect::<Vec<_>>().join(", "))?;
        }
        if !self.members.is_empty() {
            let seen = self.members.iter();
            let seen = seen.map(|(role, reading)| format!("{role} {}", reading.words()));
            writeln!(f, "members: {}", seen.collect::<Vec<_>>().join(", "))?;
        }
        writeln!(f, "groups: {}", groups(&self.groups))?;
        if !self.filters.is_empty() {
            let filters: Vec<String> = self.filters.iter().map(text).collect();
            writeln!(f, "filters: {}", filters.join(" AND "))?;
        }
        writeln!(f, "leaves:")?;
        for (position, leaf) in self.leaves.iter().enumerate() {
            let of = self.bases.get(leaf.base).map(|base| format!(" in {}", base.cube));
            writeln!(f, "  {position}: {leaf}{}", of.unwrap_or_default())?;
        }
        let finals: Vec<String> = self.finals.iter().map(ToString::to_string).collect();
        write!(f, "finals: {}", finals.join(" | "))
    }
}

impl Display for Leaf {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match &self.aggregate {
            LeafAggregate::Rows => f.write_str("count(*)")?,
            LeafAggregate::Periods => f.write_str("number of periods")?,
            LeafAggregate::Other(call) => {
                f.write_str(&text(&Expr::AggregateFunction(call.as_ref().clone())))?;
            }
            other => {
                let inputs: Vec<String> = other.inputs().into_iter().map(text).collect();
                write!(f, "{}({})", other.name(), inputs.join(", "))?;
            }
        }
        if let Some(filter) = &self.filter {
            write!(f, " where {}", text(filter))?;
        }
        write!(f, "{}", self.context)
    }
}

impl Display for Context {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match &self.ancestor {
            Ancestor::Own => {}
            Ancestor::Parent => f.write_str(" of the parent")?,
            Ancestor::Level(level) => write!(f, " of the {level}")?,
            Ancestor::Total => f.write_str(" of all")?,
        }
        match self.time {
            TimeWindow::Own => {}
            TimeWindow::Shifted { by, so_far } => {
                let by = match by {
                    Step::Period => "period",
                    Step::Year => "year",
                };
                write!(f, " one {by} before{}", if so_far { ", so far" } else { "" })?;
            }
            TimeWindow::ToDate { period, years_back } => {
                write!(f, " from the start of the {}", Period::level(period))?;
                if years_back > 0 {
                    write!(f, ", {years_back} year before")?;
                }
            }
            TimeWindow::Months(count) => write!(f, " over {count} months")?,
            TimeWindow::Days(count) => write!(f, " over {count} days")?,
            TimeWindow::Periods(count) => write!(f, " over {count} periods")?,
            TimeWindow::Running => f.write_str(" up to the end of the cell")?,
        }
        if let Scope::Days(_) = self.scope {
            f.write_str(" of any fact on these days")?;
        }
        for condition in &self.conditions {
            write!(f, " when {}", text(condition))?;
        }
        Ok(())
    }
}

impl Display for Final {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let value = text(&self.value);
        match self.place {
            None => f.write_str(&value),
            Some(Place::Rank) => write!(f, "rank of {value}"),
            Some(Place::ParetoClass) => write!(f, "Pareto class of {value}"),
        }
    }
}

fn groups(groups: &[Expr]) -> String {
    match groups {
        [] => "none".to_owned(),
        [Expr::GroupingSet(datafusion::logical_expr::GroupingSet::GroupingSets(sets))] => {
            let set = |set: &Vec<Expr>| {
                format!("({})", set.iter().map(text).collect::<Vec<_>>().join(", "))
            };
            sets.iter().map(set).collect::<Vec<_>>().join(" | ")
        }
        some => some.iter().map(text).collect::<Vec<_>>().join(" | "),
    }
}

/// `expr` with the relations of the normal form left out, and what only guards values.
pub(super) fn text(expr: &Expr) -> String {
    let bare = expr.clone().transform_up(|part| {
        Ok(match part {
            Expr::Column(column) => {
                let relation = column.relation.as_ref().map(ToString::to_string);
                let name = match relation.as_deref() {
                    Some("leaf") => format!("leaf_{}", column.name),
                    _ => column.name,
                };
                Transformed::yes(Expr::Column(Column::from_name(name)))
            }
            Expr::ScalarFunction(mut call) => match call.name() {
                CHECKED_DECIMAL if call.args.len() == 1 => Transformed::yes(call.args.remove(0)),
                WITH_PLACES if call.args.len() == 1 => Transformed::yes(call.args.remove(0)),
                // What it divides is said beside it.
                DIVISOR if call.args.len() == 2 => Transformed::yes(call.args.remove(0)),
                WITHOUT_RATE => {
                    // The rate says the rest.
                    call.args.truncate(2);
                    Transformed::yes(Expr::ScalarFunction(call))
                }
                _ => Transformed::no(Expr::ScalarFunction(call)),
            },
            other => Transformed::no(other),
        })
    });
    match bare.data() {
        // Functions of our own have no spelling in SQL.
        Ok(bare) => match expr_to_sql(&bare) {
            Ok(sql) => sql.to_string(),
            Err(_) => bare.human_display().to_string(),
        },
        Err(_) => expr.to_string(),
    }
}
