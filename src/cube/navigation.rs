//! From one question to the next: functions from query to query.

use super::model::Cube;
use super::query::{CubeQuery, Filter, column};
use crate::error::{Error, Result};

impl CubeQuery {
    /// Shows the next finer level beside `level`, in the first hierarchy that has one.
    pub fn drill_down(&self, cube: &Cube, level: &str) -> Result<Self> {
        let level = column(cube, level)?;
        let Some(finer) = neighbour(cube, &level, 1) else {
            return Err(Error::invalid_input(format!("no level is finer than `{level}`")));
        };
        let mut next = self.clone();
        let mut placed = false;
        for axis in [&mut next.rows, &mut next.columns] {
            let flat: Vec<String> = axis.iter().map(|name| name.replace('.', "_")).collect();
            placed |= flat.contains(&finer);
            if let Some(position) = flat.iter().position(|name| *name == level)
                && !placed
            {
                axis.insert(position + 1, finer.clone());
                placed = true;
            }
        }
        if placed { Ok(next) } else { Err(not_shown(&level)) }
    }

    /// Replaces `level` by the next coarser one; without one it is left out.
    pub fn roll_up(&self, cube: &Cube, level: &str) -> Result<Self> {
        let level = column(cube, level)?;
        let coarser = neighbour(cube, &level, -1);
        let mut next = self.clone();
        let shown = |name: &String| {
            self.rows.iter().chain(&self.columns).any(|on| on.replace('.', "_") == *name)
        };
        let coarser = coarser.filter(|coarser| !shown(coarser));
        let mut replaced = false;
        for axis in [&mut next.rows, &mut next.columns] {
            if let Some(position) = axis.iter().position(|on| on.replace('.', "_") == level) {
                axis.splice(position..=position, coarser.clone());
                replaced = true;
            }
        }
        next.sort.retain(|sort| sort.by.replace('.', "_") != level);
        if replaced { Ok(next) } else { Err(not_shown(&level)) }
    }

    /// Fixes `level` to one member and takes it off the axes.
    pub fn slice(&self, cube: &Cube, level: &str, member: &str) -> Result<Self> {
        let level = column(cube, level)?;
        let mut next = self.clone();
        let other = |name: &String| name.replace('.', "_") != level;
        next.rows.retain(other);
        next.columns.retain(other);
        next.sort.retain(|sort| other(&sort.by));
        next.filters.push(Filter::Members { level, members: vec![member.to_owned()] });
        Ok(next)
    }

    /// Adds conditions.
    #[must_use]
    pub fn dice(&self, filters: impl IntoIterator<Item = Filter>) -> Self {
        let mut next = self.clone();
        next.filters.extend(filters);
        next
    }

    /// Exchanges rows and columns.
    #[must_use]
    pub fn pivot(&self) -> Self {
        let mut next = self.clone();
        std::mem::swap(&mut next.rows, &mut next.columns);
        // An order by levels was one of the rows there were.
        next.sort.retain(|sort| self.measures.contains(&sort.by));
        next
    }
}

/// The level `step` further along the first hierarchy that has one there.
fn neighbour(cube: &Cube, level: &str, step: isize) -> Option<String> {
    cube.hierarchies().into_iter().find_map(|(_, _, levels)| {
        let at = levels.iter().position(|name| name == level)?;
        levels.get(at.checked_add_signed(step)?).cloned()
    })
}

fn not_shown(level: &str) -> Error {
    Error::invalid_input(format!("the level `{level}` is on no axis of the query"))
}
