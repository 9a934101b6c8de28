//! The same question to another cube, over the levels the two share.

use datafusion::prelude::SessionContext;

use super::model::{ColumnKind, Cube};
use super::query::{CubeQuery, Filter, axis_level, column, measure};
use super::reading::Reading;
use super::sql_text::{columns_of, measure_condition};
use crate::error::{Error, Result};

impl CubeQuery {
    /// Asks `to` for `measures` on the same axes, under the same conditions.
    ///
    /// Without measures those that both cubes have by name are asked. Whatever the other cube lacks
    /// is named in one error: a condition left out silently would change what the numbers mean.
    pub fn drill_across(
        &self,
        from: &Cube,
        to: &Cube,
        measures: &[String],
        context: &SessionContext,
    ) -> Result<Self> {
        let mut lacking = Lacking { from, to, members: self.members, names: Vec::new() };
        for entry in self.rows.iter().chain(&self.columns) {
            lacking.entry(entry)?;
        }
        for filter in &self.filters {
            match filter {
                Filter::Sql(sql) => {
                    for name in columns_of(sql, context)? {
                        lacking.level(&name)?;
                    }
                }
                Filter::Members { level, .. }
                | Filter::Keys { level, .. }
                | Filter::Range { level, .. } => lacking.level(level)?,
                Filter::Set(name) => lacking.set(name),
            }
        }
        for drilled in &self.drilled {
            lacking.level(&drilled.level)?;
        }
        for top in &self.top {
            lacking.level(&top.level)?;
            lacking.measure(&top.by);
        }
        for condition in &self.having {
            let (_, used) = measure_condition(from, condition, context)?;
            used.iter().for_each(|name| lacking.measure(name));
        }
        let mut next = self.clone();
        to.name.clone_into(&mut next.cube);
        next.measures = lacking.shared_measures(&self.measures, measures);
        let shown = |by: &String| next.measures.contains(by) || !self.measures.contains(by);
        if self.limit.is_some() {
            // Cut by another order these would be other rows.
            let lost = self.sort.iter().filter(|sort| !shown(&sort.by));
            lost.for_each(|sort| lacking.add(format!("the measure `{}`", sort.by)));
        }
        let sort = self.sort.iter().filter(|sort| shown(&sort.by)).cloned().collect();
        next.sort = sort;
        lacking.finish()?;
        if next.measures.is_empty() {
            let known: Vec<&str> = to.measures.iter().map(|m| m.name.as_str()).collect();
            let what = format!(
                "the cubes `{}` and `{}` share none of the measures; name some, as in `{1}:{}`; there is: {}",
                from.name,
                to.name,
                known.first().copied().unwrap_or("measure"),
                known.join(", ")
            );
            return Err(Error::invalid_input(what));
        }
        Ok(next)
    }
}

/// What the other cube does not have.
struct Lacking<'a> {
    from: &'a Cube,
    to: &'a Cube,
    /// How members with a history are seen, where the question says so.
    members: Option<Reading>,
    names: Vec<String>,
}

impl Lacking<'_> {
    fn add(&mut self, name: String) {
        if !self.names.contains(&name) {
            self.names.push(name);
        }
    }

    fn entry(&mut self, entry: &str) -> Result<()> {
        match axis_level(self.from, entry)? {
            (level, None) => self.level(&level),
            (_, Some(set)) => {
                self.set(&set.name);
                Ok(())
            }
        }
    }

    /// A level is shared when both take it from the same column of one dimension, or when both facts
    /// have one of that name.
    fn level(&mut self, name: &str) -> Result<()> {
        let level = column(self.from, name)?;
        let origin = |cube: &Cube| -> Option<(Option<String>, Option<String>, ColumnKind)> {
            let column = cube.column(&level)?;
            let dimension = column.role.map(|role| cube.roles[role].dimension.name.clone());
            let source = dimension.is_some().then(|| column.source.clone());
            Some((dimension, source, column.kind.clone()))
        };
        let reading = |cube: &Cube| {
            let role = cube.column(&level).and_then(|column| column.role)?;
            cube.roles[role].has_history().then_some(cube.roles[role].reading)
        };
        if origin(self.to).is_none() || origin(self.from) != origin(self.to) {
            self.add(format!("the level `{level}`"));
        } else if let (None, Some(seen)) = (self.members, reading(self.from))
            && reading(self.to) != Some(seen)
        {
            // Nobody said which of the two is meant.
            self.add(format!("the level `{level}` {}; say how members are seen", seen.words()));
        }
        Ok(())
    }

    fn set(&mut self, name: &str) {
        if self.to.set(name).is_none() || self.from.set(name) != self.to.set(name) {
            self.add(format!("the set `{name}`"));
        }
    }

    fn measure(&mut self, name: &str) {
        if measure(self.to, name).is_err() {
            self.add(format!("the measure `{name}`"));
        }
    }

    /// The measures to ask: those wanted, or those of `asked` that the other cube has too.
    fn shared_measures(&mut self, asked: &[String], wanted: &[String]) -> Vec<String> {
        if wanted.is_empty() {
            let both = asked.iter().filter(|name| measure(self.to, name).is_ok());
            return both.cloned().collect();
        }
        wanted.iter().for_each(|name| self.measure(name));
        wanted.to_vec()
    }

    fn finish(&self) -> Result<()> {
        if self.names.is_empty() {
            return Ok(());
        }
        let what = format!("the cube `{}` lacks {}", self.to.name, self.names.join(", "));
        Err(Error::invalid_input(what))
    }
}
