//! Whose place and share a calculation speaks of, where several dimensions are grouped by.

use datafusion::logical_expr::Expr;

use super::bound::BoundCube;
use super::grouping::{Grouping, GroupingSet};
use super::model::{Bridge, BridgeEnd, ColumnKind};
use super::normal_form::{columns, level_name};
use super::paths::Paths;
use crate::star::CALENDAR;

/// The member whose place among its siblings, and whose share of its parent, are asked for.
///
/// It is of the dimension that is grouped by last, time aside, at the finest level grouped by.
pub(super) struct Subject {
    /// The groups that show the member itself: its level's caption, key and other columns.
    pub own: Vec<usize>,
    /// What its parent is.
    pub parent: Parent,
}

/// The parent of a member.
pub(super) enum Parent {
    /// The cell without the member's own groups.
    Remaining,
    /// The member of the next coarser level, which has this key column and is not grouped by.
    Level(String),
    /// The member above it in the tree of this name.
    InTree(String),
}

/// What a group is over.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Over {
    /// Columns of one role of a dimension, by position in the cube.
    Role(usize),
    /// Columns of the members a bridge leads to, by its name.
    Bridge(String),
    /// Columns of one level of the fact.
    Level(String),
    /// Columns of several of these.
    Several,
    /// No columns.
    Nothing,
}

impl Subject {
    /// The subject of `set`.
    pub(super) fn of(grouping: &Grouping, set: &GroupingSet, bound: &BoundCube) -> Self {
        let over: Vec<(usize, Over)> =
            grouping.members(set).map(|(at, expr)| (at, over(expr, bound))).collect();
        let is_time = |of: &Over| match of {
            Over::Role(role) => bound.cube.roles[*role].dimension.name == CALENDAR,
            _ => false,
        };
        let last = |time: bool| {
            let wanted = |(_, of): &&(usize, Over)| *of != Over::Nothing && is_time(of) == time;
            over.iter().rev().find(wanted).map(|(at, of)| (*at, of.clone()))
        };
        match last(false).or_else(|| last(true)) {
            None => Self { own: Vec::new(), parent: Parent::Remaining },
            Some((_, Over::Role(role))) => {
                let groups = over.iter().filter(|(_, of)| *of == Over::Role(role));
                of_role(grouping, groups.map(|(at, _)| *at).collect(), role, bound)
            }
            Some((at, Over::Several)) => Self { own: vec![at], parent: Parent::Remaining },
            Some((_, subject)) => {
                let own = over.iter().filter(|(_, of)| *of == subject).map(|(at, _)| *at);
                let own: Vec<usize> = own.collect();
                let parent = match subject {
                    Over::Bridge(name) if shows_tree(&name, &own, grouping, bound) => {
                        Parent::InTree(name)
                    }
                    _ => Parent::Remaining,
                };
                Self { own, parent }
            }
        }
    }

    /// The groups of `set` that its siblings have in common.
    pub(super) fn common(&self, set: &GroupingSet) -> Vec<usize> {
        set.groups.iter().copied().filter(|at| !self.own.contains(at)).collect()
    }
}

/// Whether `groups` show the members of the tree `name` themselves, and not only how deep they are.
fn shows_tree(name: &str, groups: &[usize], grouping: &Grouping, bound: &BoundCube) -> bool {
    let is_tree = |bridge: &Bridge| matches!(bridge.to, BridgeEnd::Tree(_));
    let is_member = |at: &usize| match &grouping.groups[*at] {
        Expr::Column(column) => {
            let flat = level_name(column).and_then(|name| bound.cube.column(name));
            flat.is_some_and(|flat| flat.kind != ColumnKind::Attribute)
        }
        _ => false,
    };
    bound.cube.bridge(name).is_some_and(is_tree) && groups.iter().any(is_member)
}

/// The subject among `groups`, all of one role.
fn of_role(grouping: &Grouping, groups: Vec<usize>, role: usize, bound: &BoundCube) -> Subject {
    let levels = |at: usize| levels_of(&grouping.groups[at], bound);
    let paths = Paths::of(&bound.cube, role);
    let all: Vec<String> = groups.iter().flat_map(|at| levels(*at)).collect();
    let finest =
        all.iter().rev().find(|level| !all.iter().any(|other| paths.is_finer(other, level)));
    let Some(finest) = finest.or(all.last()) else {
        return Subject { own: groups, parent: Parent::Remaining };
    };
    let (own, rest): (Vec<usize>, Vec<usize>) =
        groups.into_iter().partition(|at| levels(*at).contains(finest));
    let parent = match paths.coarser(finest).and_then(|level| bound.cube.key_of(level)) {
        Some(key) if rest.is_empty() => Parent::Level(key.name.clone()),
        _ => Parent::Remaining,
    };
    Subject { own, parent }
}

/// The levels of the columns of `expr`; a column without a level stands for itself.
pub(super) fn levels_of(expr: &Expr, bound: &BoundCube) -> Vec<String> {
    let flat = columns(expr);
    let flat = flat.iter().filter_map(|column| bound.cube.column(level_name(column)?));
    flat.map(|column| column.level.clone().unwrap_or_else(|| column.name.clone())).collect()
}

/// What `expr` is over.
fn over(expr: &Expr, bound: &BoundCube) -> Over {
    let mut found = Over::Nothing;
    for column in columns(expr) {
        let Some(name) = level_name(&column) else { continue };
        let Some(flat) = bound.cube.column(name) else { continue };
        let of = match (&flat.bridge, flat.role, &flat.level) {
            (Some(bridge), _, _) => Over::Bridge(bridge.clone()),
            (None, Some(role), _) => Over::Role(role),
            (None, None, Some(level)) => Over::Level(level.clone()),
            (None, None, None) => Over::Level(flat.name.clone()),
        };
        found = match found {
            Over::Nothing => of,
            same if same == of => same,
            _ => return Over::Several,
        };
    }
    found
}

/// Whether all columns of `expr` are of `role`, and there is one.
pub(super) fn is_over(expr: &Expr, role: usize, bound: &BoundCube) -> bool {
    over(expr, bound) == Over::Role(role)
}

/// Whether `expr` has columns of `role` and others beside them.
pub(super) fn mixes(expr: &Expr, role: usize, bound: &BoundCube) -> bool {
    let of_role = |column| {
        let flat = level_name(column).and_then(|name| bound.cube.column(name));
        flat.is_some_and(|flat| flat.role == Some(role))
    };
    over(expr, bound) == Over::Several && columns(expr).iter().any(of_role)
}

/// The role that the column `key` of the fact of `base` is the key of, by position in the cube.
pub(super) fn role_of_days(key: &str, base: usize, bound: &BoundCube) -> Option<usize> {
    let roles = &bound.base(base).cube.roles;
    let of_base = roles.iter().find(|role| role.role.key_column() == key)?;
    bound.cube.role(&of_base.role.name)
}
