//! A query with every name resolved and every member found: what is left is SQL.

use std::collections::BTreeSet;

use datafusion::common::ScalarValue;
use datafusion::prelude::SessionContext;

use super::member::{MemberTable, NamedBy, collected};
use super::model::{ColumnKind, Cube};
use super::named_set::{NamedSet, SetDefinition};
use super::query::{
    CubeQuery, Filter, MeasureKind, Sort, Top, axis_level, column, flat, measure, named_set,
};
use super::reading::{Reading, relation_as};
use super::relation::{Mode, calculations_relation};
use super::sql_text::{
    aggregate, condition, is_in, literal, measure_condition, quoted, quoted_text,
};
use crate::error::{Error, Result};
use crate::star::{CATALOG, NOT_APPLICABLE, UNKNOWN};

/// A query with every name resolved and every member found.
#[derive(Debug)]
pub(super) struct Prepared<'a> {
    /// The query.
    pub query: &'a CubeQuery,
    /// Its cube.
    pub cube: &'a Cube,
    /// The levels down the side.
    pub rows: Vec<Axis>,
    /// The levels across the top.
    pub columns: Vec<Axis>,
    /// The measures shown.
    pub measures: Vec<String>,
    /// What every fact row must meet, in SQL over level columns.
    pub conditions: Vec<String>,
    /// What a row must meet to be shown, in SQL over aggregates.
    pub having: Vec<String>,
    /// Every measure that is used anywhere.
    pub used: BTreeSet<String>,
}

/// A level on an axis: its flat column and what orders its members.
#[derive(Debug)]
pub(super) struct Axis {
    /// The column that shows it.
    pub level: String,
    /// What orders its members, the key at the end.
    pub order: Vec<String>,
    /// When only the leading members are told apart.
    pub leading: Option<Leading>,
}

/// The members that are told apart; all others make one more.
#[derive(Debug)]
pub(super) struct Leading {
    /// SQL that is true for them.
    pub condition: String,
    /// The caption of the others.
    pub others: String,
}

impl Axis {
    /// The level `level` of `cube` in the order of its members.
    pub(super) fn new(cube: &Cube, level: String) -> Self {
        let found = cube.column(&level).filter(|column| column.kind == ColumnKind::Level);
        let sort = found.and_then(|column| sort_column(cube, column.role, &level));
        let key = found.and(cube.key_of(&level)).map(|key| key.name.clone());
        let mut order: Vec<String> = sort.into_iter().chain(key).collect();
        // A key or attribute is its own order.
        if order.is_empty() {
            order.push(level.clone());
        }
        Self { level, order, leading: None }
    }

    /// The column that tells its members apart.
    pub(super) fn key(&self) -> &str {
        self.order.last().unwrap_or(&self.level)
    }

    /// The columns of a cell that place it on the axis, in order.
    pub(super) fn places(&self) -> Vec<String> {
        match &self.leading {
            None => self.order.clone(),
            Some(_) => {
                let own = (0..self.order.len()).map(|at| format!("$order_{at}_{}", self.level));
                std::iter::once(self.others_flag()).chain(own).collect()
            }
        }
    }

    /// The column that is 1 in the row of the others.
    pub(super) fn others_flag(&self) -> String {
        format!("$others_{}", self.level)
    }
}

/// The flat column that the level's `sort` became.
fn sort_column(cube: &Cube, role: Option<usize>, level: &str) -> Option<String> {
    let sort = match role {
        None => cube.levels.iter().find(|known| known.name == level)?.sort.as_ref()?,
        Some(position) => {
            let role = &cube.roles[position];
            let name = level.strip_prefix(&role.role.name)?.strip_prefix('_')?;
            role.dimension.level(name)?.sort.as_ref()?
        }
    };
    let flat = cube.columns.iter().find(|column| column.role == role && &column.source == sort);
    flat.map(|column| column.name.clone())
}

impl CubeQuery {
    /// Resolves every name against `cube`, and finds every member in its tables.
    pub(super) async fn prepare<'a>(
        &'a self,
        cube: &'a Cube,
        context: &SessionContext,
    ) -> Result<Prepared<'a>> {
        let mut sets = Vec::new();
        let mut axis = |entries: &[String]| -> Result<Vec<Axis>> {
            let mut levels = Vec::new();
            for entry in entries {
                let (level, set) = axis_level(cube, entry)?;
                sets.extend(set);
                levels.push(Axis::new(cube, level));
            }
            Ok(levels)
        };
        let (rows, columns) = (axis(&self.rows)?, axis(&self.columns)?);
        check_axes(&rows, &columns, &self.measures)?;
        let mut prepared = Prepared {
            query: self,
            cube,
            rows,
            columns,
            measures: self.measures.clone(),
            conditions: Vec::new(),
            having: Vec::new(),
            used: self.measures.iter().cloned().collect(),
        };
        for name in &self.having {
            let (condition, used) = measure_condition(cube, name, context)?;
            prepared.having.push(condition);
            prepared.used.extend(used);
        }
        for name in &prepared.used {
            measure(cube, name)?;
        }
        let look = Look { cube, context, members: self.members };
        for set in sets {
            prepared.conditions.push(look.set(set).await?);
        }
        for filter in &self.filters {
            prepared.conditions.push(look.filter(filter).await?);
        }
        for drilled in &self.drilled {
            let members = std::slice::from_ref(&drilled.member);
            prepared.conditions.push(look.members(&drilled.level, members).await?);
        }
        prepared.lead(&look).await?;
        prepared.check_sort()?;
        prepared.check_totals()?;
        Ok(prepared)
    }
}

fn check_axes(rows: &[Axis], columns: &[Axis], measures: &[String]) -> Result<()> {
    let mut seen = BTreeSet::new();
    for axis in rows.iter().chain(columns) {
        if !seen.insert(&axis.level) {
            let what = format!("the level `{}` is on the axes twice", axis.level);
            return Err(Error::invalid_input(what));
        }
    }
    if seen.is_empty() && measures.is_empty() {
        return Err(Error::invalid_input("a cube query needs a level or a measure"));
    }
    Ok(())
}

impl Prepared<'_> {
    /// The relation that is asked: the cube, or the one that also lists its calculations.
    pub(super) fn relation(&self) -> Result<String> {
        relation_of(self.cube, self.query.members, self.used.iter().map(String::as_str))
    }

    /// Restricts to the leading members, or folds all others into one.
    async fn lead(&mut self, look: &Look<'_>) -> Result<()> {
        let mut restricting = Vec::new();
        for top in &self.query.top {
            let level = column(self.cube, &top.level)?;
            // One does not lead among the members of another: both are over the same facts.
            let leading = look.leading(&level, top, &self.conditions).await?;
            let Some(others) = &top.others else {
                restricting.push(leading);
                continue;
            };
            let axes = self.rows.iter_mut().chain(&mut self.columns);
            let Some(axis) = axes.into_iter().find(|axis| axis.level == level) else {
                let what = format!(
                    "the level `{level}` is on no axis, so the others have no row; leave out `others`"
                );
                return Err(Error::invalid_input(what));
            };
            if axis.leading.is_some() {
                let what = format!("the leading members of `{level}` are asked for twice");
                return Err(Error::invalid_input(what));
            }
            axis.leading = Some(Leading { condition: leading, others: others.clone() });
        }
        self.conditions.extend(restricting);
        Ok(())
    }

    /// Rows are sorted by what is shown of them.
    fn check_sort(&self) -> Result<()> {
        for Sort { by, .. } in &self.query.sort {
            let shown = self.measures.contains(by)
                || self.rows.iter().any(|axis| axis.level == flat(by))
                || self.set_level(by).is_some();
            if !shown {
                if measure(self.cube, by).is_err() {
                    column(self.cube, by)?;
                }
                let what =
                    format!("cannot sort by `{by}`: it is no row level and no measure shown");
                return Err(Error::invalid_input(what));
            }
        }
        Ok(())
    }

    /// The level on rows that the set `name` stands for.
    pub(super) fn set_level(&self, name: &str) -> Option<&str> {
        self.query.rows.iter().find(|row| *row == name)?;
        self.cube.set(name).map(|set| set.level.as_str())
    }
}

/// Where names of members are looked up.
struct Look<'a> {
    cube: &'a Cube,
    context: &'a SessionContext,
    /// How members with a history are seen, where the question says so.
    members: Option<Reading>,
}

impl Look<'_> {
    async fn filter(&self, filter: &Filter) -> Result<String> {
        match filter {
            Filter::Sql(sql) => condition(self.cube, sql, self.context),
            Filter::Members { level, members } => self.members(level, members).await,
            Filter::Keys { level, keys } => self.named(level, keys, NamedBy::Key).await,
            Filter::Range { level, from, to } => {
                self.range(level, from.as_ref(), to.as_ref()).await
            }
            Filter::Set(name) => self.set(named_set(self.cube, name)?).await,
        }
    }

    async fn members(&self, level: &str, members: &[String]) -> Result<String> {
        self.named(level, members, NamedBy::Caption).await
    }

    async fn named(&self, level: &str, names: &[String], by: NamedBy) -> Result<String> {
        let table = MemberTable::of(self.cube, level, self.members)?;
        let members = table.find(names, by, self.cube, self.context).await?;
        let captions: Vec<ScalarValue> = members.into_iter().map(|m| m.caption).collect();
        is_in(&table.level, &captions)
    }

    async fn range(
        &self,
        level: &str,
        from: Option<&String>,
        to: Option<&String>,
    ) -> Result<String> {
        let table = MemberTable::of(self.cube, level, self.members)?;
        let axis = Axis::new(self.cube, table.level.clone());
        let order = axis.order.first().unwrap_or(&axis.level);
        let mut parts = Vec::new();
        for (bound, comparison) in [(from, ">="), (to, "<=")] {
            let Some(bound) = bound else { continue };
            let names = std::slice::from_ref(bound);
            let found = table.find(names, NamedBy::Caption, self.cube, self.context).await?;
            for member in found {
                parts.push(format!("{} {comparison} {}", quoted(order), literal(&member.order)?));
            }
        }
        // What is unknown lies in no range, wherever its key happens to sort.
        parts.push(format!(
            "CAST({} AS VARCHAR) NOT IN ({}, {})",
            quoted(&table.level),
            quoted_text(UNKNOWN),
            quoted_text(NOT_APPLICABLE)
        ));
        Ok(parts.join(" AND "))
    }

    async fn set(&self, set: &NamedSet) -> Result<String> {
        let place = |error: Error| error.context(format!("the set `{}`", set.name));
        match &set.definition {
            SetDefinition::Members(members) => {
                self.named(&set.level, members, NamedBy::Caption).await.map_err(place)
            }
            SetDefinition::Keys(keys) => {
                self.named(&set.level, keys, NamedBy::Key).await.map_err(place)
            }
            SetDefinition::Where(sql) => {
                let condition = condition(self.cube, sql, self.context).map_err(place)?;
                let axis = Axis::new(self.cube, set.level.clone());
                let key = quoted(axis.key());
                let relation = relation_of(self.cube, self.members, std::iter::empty())?;
                Ok(format!(
                    "{key} IN (SELECT {key} FROM {relation} WHERE {condition} GROUP BY {key})"
                ))
            }
            SetDefinition::Top { n, by, least } => {
                let (level, by) = (set.level.clone(), by.clone());
                let top = Top { level, n: *n, by, least: *least, others: None };
                self.leading(&set.level, &top, &[]).await.map_err(place)
            }
        }
    }

    /// The condition that the member of `level` is a leading one under `conditions`.
    async fn leading(&self, level: &str, top: &Top, conditions: &[String]) -> Result<String> {
        measure(self.cube, &top.by)?;
        if top.n == 0 {
            return Err(Error::invalid_input(format!("the top 0 of `{level}` are nobody")));
        }
        let axis = Axis::new(self.cube, level.to_owned());
        let (key, by) = (quoted(axis.key()), aggregate(&top.by));
        let order: Vec<String> = axis.order.iter().map(|column| quoted(column)).collect();
        let condition = match conditions {
            [] => String::new(),
            all => format!(" WHERE {}", all.join(" AND ")),
        };
        let sql = format!(
            "SELECT {key} FROM {}{condition} GROUP BY {} HAVING {by} IS NOT NULL AND {key} IS NOT NULL \
             ORDER BY {by} {}, {} LIMIT {}",
            relation_of(self.cube, self.members, [top.by.as_str()])?,
            order.join(", "),
            if top.least { "ASC" } else { "DESC" },
            order.join(", "),
            top.n
        );
        let rows = collected(self.context, &sql).await?;
        let keys = (0..rows.num_rows())
            .map(|row| Ok(ScalarValue::try_from_array(rows.column(0), row)?))
            .collect::<Result<Vec<_>>>()?;
        // A list of literals lets the scan skip files, which a subquery would not.
        is_in(axis.key(), &keys)
    }
}

/// The relation of a cube in strict mode in which `measures` are found.
pub(super) fn relation_of<'a>(
    cube: &Cube,
    members: Option<Reading>,
    measures: impl IntoIterator<Item = &'a str>,
) -> Result<String> {
    let seen = relation_as(&cube.name, members);
    let mut name = seen.clone();
    for used in measures {
        if measure(cube, used)? == MeasureKind::Calculated {
            name = calculations_relation(&seen);
        }
    }
    Ok(relation(&name))
}

/// The relation called `name` in strict mode.
pub(super) fn relation(name: &str) -> String {
    format!("{CATALOG}.{}.{}", Mode::Strict.schema(), quoted(name))
}
