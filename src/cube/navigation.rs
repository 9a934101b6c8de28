//! From one question to the next: functions from query to query.
//!
//! A level is named as in a query. Where it lies on several paths, `level@hierarchy` says which one
//! is meant.

use std::collections::BTreeSet;

use super::model::Cube;
use super::query::{CubeQuery, Drilled, Filter, axis_level, column, flat};
use crate::declare::nearest;
use crate::error::{Error, ErrorKind, Result};

impl CubeQuery {
    /// Shows the next finer level beside `level`.
    pub fn drill_down(&self, cube: &Cube, level: &str) -> Result<Self> {
        self.finer(cube, level).map(|(next, _)| next)
    }

    /// Shows the next finer level beside `level`, for one member of it only.
    pub fn drill_down_member(&self, cube: &Cube, level: &str, member: &str) -> Result<Self> {
        let (mut next, to) = self.finer(cube, level)?;
        let level = column(cube, path_of(level).0)?;
        next.drilled.push(Drilled { level, member: member.to_owned(), to });
        Ok(next)
    }

    /// The query with the next finer level, and that level.
    fn finer(&self, cube: &Cube, level: &str) -> Result<(Self, String)> {
        let (name, hierarchy) = path_of(level);
        let level = column(cube, name)?;
        let Some(place) = self.place_of(cube, &level)? else { return Err(not_shown(&level)) };
        let found = self.neighbour(cube, &level, hierarchy, Direction::Finer)?;
        let Some(finer) = found else {
            return Err(Error::invalid_input(format!("no level is finer than `{level}`")));
        };
        if self.place_of(cube, &finer)?.is_some() {
            let what = format!("`{finer}`, the next finer level than `{level}`, is shown already");
            return Err(Error::invalid_input(what));
        }
        let mut next = self.clone();
        next.axis_mut(place.axis).insert(place.position + 1, finer.clone());
        Ok((next, finer))
    }

    /// Replaces `level` by the next coarser one; where that is shown already or there is none, the
    /// level is left out. Members that were drilled into to get there count no longer alone.
    pub fn roll_up(&self, cube: &Cube, level: &str) -> Result<Self> {
        let (name, hierarchy) = path_of(level);
        let level = column(cube, name)?;
        let Some(place) = self.place_of(cube, &level)? else { return Err(not_shown(&level)) };
        let coarser = self.neighbour(cube, &level, hierarchy, Direction::Coarser)?;
        let mut next = self.without(cube, &level)?;
        if let Some(coarser) = coarser
            && self.place_of(cube, &coarser)?.is_none()
        {
            next.axis_mut(place.axis).insert(place.position, coarser);
        }
        Ok(next)
    }

    /// Takes every level of the dimension role `role` off the axes: all its members together.
    pub fn roll_up_all(&self, cube: &Cube, role: &str) -> Result<Self> {
        let known = cube.roles.iter().map(|known| known.role.name.as_str());
        let Some(position) = known.clone().position(|known| known == role) else {
            let near = nearest(role, known).map(|near| format!("; did you mean `{near}`?"));
            let what = format!(
                "the cube `{}` has no dimension `{role}`{}",
                cube.name,
                near.unwrap_or_default()
            );
            return Err(Error::new(ErrorKind::NotFound, what));
        };
        let mut next = self.clone();
        for entry in self.rows.iter().chain(&self.columns) {
            let (level, _) = axis_level(cube, entry)?;
            if cube.column(&level).is_some_and(|column| column.role == Some(position)) {
                next = next.without(cube, &level)?;
            }
        }
        Ok(next)
    }

    /// Fixes `level` to one member and takes it off the axes.
    pub fn slice(&self, cube: &Cube, level: &str, member: &str) -> Result<Self> {
        let level = column(cube, level)?;
        let mut next = self.without(cube, &level)?;
        // What was drilled into still counts: a slice narrows.
        next.drilled.clone_from(&self.drilled);
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

    /// The query without `level` on an axis; a set it was shown by still counts.
    fn without(&self, cube: &Cube, level: &str) -> Result<Self> {
        let mut next = self.clone();
        for axis in [&mut next.rows, &mut next.columns] {
            let mut kept = Vec::new();
            for entry in axis.drain(..) {
                let (of_entry, set) = axis_level(cube, &entry)?;
                if of_entry != level {
                    kept.push(entry);
                    continue;
                }
                next.filters.extend(set.map(|set| Filter::Set(set.name.clone())));
                next.sort.retain(|sort| sort.by != entry && flat(&sort.by) != level);
            }
            *axis = kept;
        }
        next.drilled.retain(|drilled| drilled.to != level);
        // Without a row for the others there is nothing to fold; the leading ones still count alone.
        next.top.retain(|top| flat(&top.level) != level || top.others.is_none());
        Ok(next)
    }

    fn axis_mut(&mut self, axis: Side) -> &mut Vec<String> {
        match axis {
            Side::Rows => &mut self.rows,
            Side::Columns => &mut self.columns,
        }
    }

    /// Where `level` is shown.
    fn place_of(&self, cube: &Cube, level: &str) -> Result<Option<Place>> {
        for (axis, entries) in [(Side::Rows, &self.rows), (Side::Columns, &self.columns)] {
            for (position, entry) in entries.iter().enumerate() {
                if axis_level(cube, entry)?.0 == level {
                    return Ok(Some(Place { axis, position }));
                }
            }
        }
        Ok(None)
    }

    /// The level next to `level` on the path that is meant.
    ///
    /// Without a name that is the path other shown levels lie on; where several paths remain and
    /// lead elsewhere, none is guessed.
    fn neighbour(
        &self,
        cube: &Cube,
        level: &str,
        hierarchy: Option<&str>,
        direction: Direction,
    ) -> Result<Option<String>> {
        let paths: Vec<Path> = cube
            .hierarchies()
            .into_iter()
            .filter_map(|(_, name, levels)| Path::through(level, name, levels, direction))
            .collect();
        if let Some(wanted) = hierarchy {
            let found = paths.iter().find(|path| path.name == wanted);
            let found = found.ok_or_else(|| unknown_hierarchy(wanted, level, &paths))?;
            return Ok(found.next.clone());
        }
        let mut shown = BTreeSet::new();
        for entry in self.rows.iter().chain(&self.columns) {
            shown.insert(axis_level(cube, entry)?.0);
        }
        let leading: Vec<&Path> = paths.iter().filter(|path| path.next.is_some()).collect();
        let walked: Vec<&Path> = leading
            .iter()
            .copied()
            .filter(|path| path.levels.iter().any(|on| on != level && shown.contains(on)))
            .collect();
        let candidates = if walked.is_empty() { leading } else { walked };
        let ends: BTreeSet<&String> = candidates.iter().filter_map(|p| p.next.as_ref()).collect();
        let all_shown = ends.iter().all(|end| shown.contains(*end));
        if ends.len() > 1 && !(all_shown && direction == Direction::Coarser) {
            let choices: Vec<String> = candidates
                .iter()
                .filter_map(|path| Some(format!("`{}` to `{}`", path.name, path.next.as_ref()?)))
                .collect();
            let what = format!(
                "several hierarchies lead on from `{level}`: {}; name one, as in `{level}@{}`",
                choices.join(", "),
                candidates.first().map_or("", |path| path.name.as_str())
            );
            return Err(Error::invalid_input(what));
        }
        Ok(ends.into_iter().next().cloned())
    }
}

/// An axis.
#[derive(Clone, Copy, Debug)]
enum Side {
    Rows,
    Columns,
}

/// A place on an axis.
#[derive(Clone, Copy, Debug)]
struct Place {
    axis: Side,
    position: usize,
}

/// Which way along a hierarchy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Direction {
    Coarser,
    Finer,
}

/// A hierarchy that a level lies on.
struct Path {
    name: String,
    levels: Vec<String>,
    /// The level next to it.
    next: Option<String>,
}

impl Path {
    fn through(level: &str, name: &str, levels: Vec<String>, direction: Direction) -> Option<Self> {
        let at = levels.iter().position(|on| on == level)?;
        let next = match direction {
            Direction::Coarser => at.checked_sub(1),
            Direction::Finer => Some(at + 1),
        };
        let next = next.and_then(|next| levels.get(next).cloned());
        Some(Self { name: name.to_owned(), levels, next })
    }
}

/// The level and the hierarchy in `level@hierarchy`.
fn path_of(level: &str) -> (&str, Option<&str>) {
    match level.split_once('@') {
        Some((level, hierarchy)) => (level, Some(hierarchy)),
        None => (level, None),
    }
}

fn unknown_hierarchy(wanted: &str, level: &str, paths: &[Path]) -> Error {
    let known: Vec<&str> = paths.iter().map(|path| path.name.as_str()).collect();
    let hint = match nearest(wanted, known.iter().copied()) {
        Some(near) => format!("did you mean `{near}`?"),
        None if known.is_empty() => "it is on none".to_owned(),
        None => format!("it is on: {}", known.join(", ")),
    };
    let what = format!("the level `{level}` is on no hierarchy `{wanted}`; {hint}");
    Error::new(ErrorKind::NotFound, what)
}

fn not_shown(level: &str) -> Error {
    Error::invalid_input(format!("the level `{level}` is on no axis of the query"))
}
