//! Cells further up: the wholes that shares are taken of.

use datafusion::common::{Result, internal_err, plan_err};
use datafusion::functions_aggregate::expr_fn::{max, min};
use datafusion::logical_expr::{Expr, ExprSchemable, when};

use super::bound::BoundCube;
use super::context::Ancestor;
use super::grouping::{Grouping, GroupingSet};
use super::normal_form::level;
use super::part::Value;
use super::paths::Paths;
use super::star_text::text;
use super::subject::{Parent, Subject, is_over, levels_of, mixes};

/// The prefixes of the columns of the least and greatest key of a level over the facts of a cell.
const EXTREMES: [&str; 2] = ["least$", "greatest$"];
/// The prefix of the column of the one key, where both are the same.
const KEY: &str = "key$";

/// What tells the whole of a cell from that of another.
pub(super) struct Whole {
    /// The groups that the whole has too.
    pub groups: Vec<usize>,
    /// The flat key column of the level that it is a member of, which need not be grouped by.
    pub key: Option<String>,
}

/// What `ancestor` is of the cells of `set`; `None` where these are no parts of one.
pub(super) fn whole(
    ancestor: &Ancestor,
    set: &GroupingSet,
    subject: &Subject,
    grouping: &Grouping,
    bound: &BoundCube,
) -> Result<Option<Whole>> {
    Ok(match ancestor {
        Ancestor::Own => return internal_err!("a cell is no part of itself"),
        Ancestor::Total => Some(Whole { groups: Vec::new(), key: None }),
        Ancestor::Parent => {
            let key = match &subject.parent {
                Parent::Level(key) => Some(key.clone()),
                Parent::InTree(tree) => bound.cube.key_of(tree).map(|key| key.name.clone()),
                Parent::Remaining => None,
            };
            Some(Whole { groups: subject.common(set), key })
        }
        Ancestor::Level(level) => of_level(level, set, grouping, bound)?,
    })
}

/// The member of `level` that cells of `set` are in, with the groups of other dimensions and those
/// above it: of its own dimension everything else goes.
fn of_level(
    level: &str,
    set: &GroupingSet,
    grouping: &Grouping,
    bound: &BoundCube,
) -> Result<Option<Whole>> {
    let role = bound.cube.column(level).and_then(|column| column.role);
    let (Some(role), Some(key)) = (role, bound.cube.key_of(level)) else {
        return internal_err!("a share of `{level}`, which is no level of a dimension");
    };
    let paths = Paths::of(&bound.cube, role);
    let (mut groups, mut is_part) = (Vec::new(), false);
    for (at, expr) in grouping.members(set) {
        if mixes(expr, role, bound) {
            return plan_err!(
                "`{}` mixes levels of {} with others, so that no share of `{level}` can be taken; \
                 write separate groups",
                text(expr),
                bound.cube.roles[role].role.name
            );
        }
        if !is_over(expr, role, bound) {
            groups.push(at);
            continue;
        }
        let levels = levels_of(expr, bound);
        is_part |= levels.iter().any(|own| own == level || paths.is_finer(own, level));
        if levels.iter().all(|own| paths.is_finer(level, own)) {
            groups.push(at);
        }
    }
    Ok(is_part.then(|| Whole { groups, key: Some(key.name.clone()) }))
}

/// Some grouping set must have parts of the members of `level`, for the share `of` of it.
pub(super) fn check_level(
    of: &str,
    level: &str,
    grouping: &Grouping,
    bound: &BoundCube,
) -> Result<()> {
    for set in &grouping.sets {
        if of_level(level, set, grouping, bound)?.is_some() {
            return Ok(());
        }
    }
    let role = bound.cube.column(level).and_then(|column| column.role);
    let paths = role.map(|role| Paths::of(&bound.cube, role));
    let finer = paths.as_ref().and_then(|paths| paths.finer(level)).unwrap_or(level);
    plan_err!(
        "`{of}_share_of_{level}` compares parts of `{level}`, and none are grouped by; group by a \
         level below it on a hierarchy, such as {finer}"
    )
}

/// For each of `keys` the least and the greatest over the facts of a cell.
pub(super) fn key_values(keys: &[String], bound: &BoundCube) -> Result<Vec<Value>> {
    let schema = bound.level_schema()?;
    let mut values = Vec::new();
    for key in keys {
        let data_type = level(key).get_type(&schema)?;
        for (prefix, aggregate) in EXTREMES.into_iter().zip([min(level(key)), max(level(key))]) {
            let (name, data_type) = (format!("{prefix}{key}"), data_type.clone());
            values.push(Value { name, data_type, aggregate, counts: false, state: None });
        }
    }
    Ok(values)
}

/// Whether a column `name` is one of [`key_values`].
pub(super) fn is_key_value(name: &str) -> bool {
    EXTREMES.iter().any(|prefix| name.starts_with(prefix))
}

/// Whether a column `name` is a least key.
pub(super) fn is_least_key(name: &str) -> bool {
    name.starts_with(EXTREMES[0])
}

/// The column of the key of a cell's one member of a level, or of the one above it in a tree.
pub(super) fn key_name(key: &str) -> String {
    format!("{KEY}{key}")
}

/// Whether a column `name` is one of [`key_name`].
pub(super) fn is_key_name(name: &str) -> bool {
    name.starts_with(KEY)
}

/// That column from the columns of [`key_values`]: a cell with facts under two members is no part of
/// either.
pub(super) fn one_key(key: &str, column: impl Fn(&str) -> Expr) -> Result<Expr> {
    let [least, greatest] = EXTREMES.map(|prefix| column(&format!("{prefix}{key}")));
    Ok(when(least.clone().eq(greatest), least).end()?.alias(key_name(key)))
}
