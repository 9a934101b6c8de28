//! What is known of a cube with which something is wrong, so that its mistakes are not said again as
//! mistakes of cubes over it.

use std::collections::BTreeMap;

use super::super::measure::{Additivity, Definition, Measure};
use super::super::model::Cube;
use super::super::spec::{CubeSpec, MeasureSpec};
use super::CubesBefore;

/// A cube with which something is wrong.
#[derive(Clone, Debug)]
pub struct WrongCube {
    /// Its name.
    pub name: String,
    /// What is understood of it, with every measure that it means to have; none where it cannot be
    /// read.
    pub(super) cube: Option<Cube>,
    /// Whether that has all of its measures.
    pub(super) has_measures: bool,
    /// Whether that has all of its levels.
    pub(super) has_levels: bool,
}

impl WrongCube {
    /// The cube called `name`, which cannot be read.
    pub fn unreadable(name: String) -> Self {
        Self { name, cube: None, has_measures: false, has_levels: false }
    }

    /// What could be read of a cube of which some could not.
    pub fn partly(cube: Cube) -> Self {
        let name = cube.name.clone();
        Self { name, cube: Some(cube), has_measures: false, has_levels: false }
    }

    /// The same, of which some could not be read.
    #[must_use]
    pub fn misread(self) -> Self {
        Self { has_measures: false, has_levels: false, ..self }
    }

    /// The cube of `spec`, of which `cube` is understood.
    pub(super) fn new(spec: &CubeSpec, cube: Option<Cube>) -> Self {
        let has_levels = cube.as_ref().is_some_and(|cube| has_roles(spec, cube));
        let mut cube = cube.unwrap_or_else(|| nothing_of(spec));
        for measure in &spec.measures {
            if cube.measure(&measure.name.value).is_none() {
                cube.measures.push(meant(measure));
            }
        }
        Self { name: spec.name.value.clone(), cube: Some(cube), has_measures: true, has_levels }
    }
}

impl<'a> CubesBefore<'a> {
    /// The cube called `name`, when something is wrong with it.
    pub(super) fn wrong(self, name: &str) -> Option<&'a WrongCube> {
        self.wrong.iter().find(|cube| cube.name == name)
    }
}

/// Whether `cube` has every dimension that `spec` lists.
fn has_roles(spec: &CubeSpec, cube: &Cube) -> bool {
    spec.dimensions.iter().flatten().all(|listed| {
        let found = cube.roles.iter().filter(|role| role.dimension.name == listed.name.value);
        found.count() >= listed.roles.len().max(1)
    })
}

/// A measure of which only the name is sure.
fn meant(spec: &MeasureSpec) -> Measure {
    Measure {
        name: spec.name.value.clone(),
        title: None,
        description: None,
        owner: None,
        format: None,
        currency: None,
        additivity: Additivity::NonAdditive,
        definition: Definition::Formula { expr: spec.input.value.clone(), measures: Vec::new() },
    }
}

fn nothing_of(spec: &CubeSpec) -> Cube {
    Cube {
        name: spec.name.value.clone(),
        title: None,
        description: None,
        owner: None,
        fact: String::new(),
        bases: Vec::new(),
        origins: BTreeMap::new(),
        roles: Vec::new(),
        levels: Vec::new(),
        columns: Vec::new(),
        members: Vec::new(),
        bridges: Vec::new(),
        measures: Vec::new(),
        sets: Vec::new(),
    }
}
