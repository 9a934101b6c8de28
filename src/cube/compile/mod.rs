//! From a declared cube to a validated one; every mistake is collected with its place.
//!
//! Only names are known here, no types: a project is validated without its warehouse. What needs
//! types is checked when the cube is registered over its tables.

mod columns;
mod composite;
mod conversion;
mod expression;
mod kind;
mod measures;
mod sets;
mod through;
mod wrong;

pub use wrong::WrongCube;

use std::collections::BTreeMap;

use super::model::{Cube, CubeRole};
use super::reading::Reading;
use super::spec::{CubeSpec, DimensionSpec, LevelSpec};
use crate::declare::{Code, Diagnostic, Diagnostics, Located};
use crate::star::{CALENDAR, Dimension, Fact, Hierarchy, Level, Role, Star};

/// The cubes before one that may put some of them together.
#[derive(Clone, Copy, Debug, Default)]
pub struct CubesBefore<'a> {
    /// With which nothing is wrong.
    pub right: &'a [Cube],
    /// With which something is, which has been said.
    pub wrong: &'a [WrongCube],
}

/// Validates `spec` against the star, or against the cubes before it if it puts some of them together.
pub fn compile(
    spec: &CubeSpec,
    star: &Star,
    before: CubesBefore<'_>,
    diagnostics: &mut Diagnostics,
) -> Result<Cube, Box<WrongCube>> {
    let mut found = Diagnostics::new();
    let over_wrong = spec.bases.iter().any(|base| before.wrong(&base.name.value).is_some());
    let cube = match spec.bases.is_empty() {
        true => checked(spec, star, &mut found),
        false => composite::compile(spec, before, &mut found),
    };
    let fine = found.is_empty() && !over_wrong;
    for mistake in found.sorted() {
        diagnostics.push(mistake.clone());
    }
    match cube {
        Some(cube) if fine => Ok(cube),
        cube => Err(Box::new(WrongCube::new(spec, cube))),
    }
}

fn checked(spec: &CubeSpec, star: &Star, diagnostics: &mut Diagnostics) -> Option<Cube> {
    let name = spec.fact.as_ref()?;
    let Some(fact) = star.fact(&name.value) else {
        let known = star.facts.iter().map(|fact| fact.name.as_str());
        diagnostics.push(unknown(name, "fact", known));
        return None;
    };
    let roles = match &spec.dimensions {
        None => every_role(star, fact),
        Some(dimensions) => {
            dimensions.iter().flat_map(|d| roles_of(d, star, fact, diagnostics)).collect()
        }
    };
    let levels: Vec<Level> =
        spec.levels.iter().map(|level| degenerate(level, fact, diagnostics)).collect();
    let columns = columns::flat(&roles, &levels);
    columns::report_duplicates(spec, &columns, diagnostics);
    if spec.measures.is_empty() {
        let message = format!("the cube `{}` declares no measure", spec.name.value);
        let missing = Diagnostic::new(Code::MissingKey, spec.name.span.clone(), message);
        diagnostics.push(missing.help("write `measures: {lines: {count: \"*\"}}` to count rows"));
    }
    let day = day_column(&roles, fact);
    let hidden = hidden_members(star, fact, &roles);
    let facts = measures::Facts { star, fact, day: day.as_deref(), hidden: &hidden };
    let measures = measures::compile(spec, facts, &columns, diagnostics);
    let names: Vec<&str> = spec.measures.iter().map(|m| m.name.value.as_str()).collect();
    let sets = sets::compile(spec, &columns, &names, diagnostics);
    Some(Cube {
        name: spec.name.value.clone(),
        title: spec.title.clone(),
        description: spec.description.clone(),
        owner: spec.owner.clone(),
        fact: fact.name.clone(),
        bases: Vec::new(),
        origins: BTreeMap::new(),
        bridges: columns::bridges(&roles),
        members: columns::members(&roles),
        roles,
        levels,
        columns,
        measures,
        sets,
    })
}

/// The roles of `fact` with history that are not among `roles`: their members cannot be counted.
fn hidden_members(star: &Star, fact: &Fact, roles: &[CubeRole]) -> Vec<String> {
    let changes = |role: &&Role| {
        star.dimension(&role.dimension).is_some_and(|dimension| dimension.history.is_some())
    };
    let shown = |role: &Role| roles.iter().any(|of| of.role == *role && of.through.is_none());
    let hidden = fact.roles.iter().filter(changes).filter(|role| !shown(role));
    hidden.map(|role| role.name.clone()).collect()
}

/// The column of the fact that has its day: the key of its unnamed date role, or of the first named
/// one that the cube shows, or that there is.
fn day_column(roles: &[CubeRole], fact: &Fact) -> Option<String> {
    let shown = roles.iter().map(|role| &role.role);
    let dates: Vec<&Role> =
        shown.chain(&fact.roles).filter(|role| role.dimension == CALENDAR).collect();
    let unnamed = dates.iter().find(|role| role.name == role.dimension);
    unnamed.or(dates.first()).map(|role| role.key_column())
}

fn every_role(star: &Star, fact: &Fact) -> Vec<CubeRole> {
    let with_dimension = |role: &Role| {
        let dimension = star.dimension(&role.dimension)?.clone();
        Some(of_fact_itself(role.clone(), &dimension, Reading::default()))
    };
    fact.roles.iter().filter_map(with_dimension).collect()
}

/// The roles one entry under `dimensions:` stands for.
fn roles_of(
    spec: &DimensionSpec,
    star: &Star,
    fact: &Fact,
    diagnostics: &mut Diagnostics,
) -> Vec<CubeRole> {
    if let Some(through) = &spec.through {
        return through::role(spec, through, star, fact, diagnostics).into_iter().collect();
    }
    if let Some(weight) = &spec.weight {
        let message = "`weight` needs `through`: the fact that it is a column of";
        diagnostics.push(Diagnostic::new(Code::MissingKey, weight.span.clone(), message));
    }
    let of_fact: Vec<&Role> =
        fact.roles.iter().filter(|role| role.dimension == spec.name.value).collect();
    let Some(dimension) = star.dimension(&spec.name.value).filter(|_| !of_fact.is_empty()) else {
        let mut known: Vec<&str> = fact.roles.iter().map(|role| role.dimension.as_str()).collect();
        known.dedup();
        let what = format!("dimension of the fact `{}`", fact.name);
        diagnostics.push(unknown(&spec.name, &what, known));
        return Vec::new();
    };
    let dimension = with_hierarchies(spec, dimension, diagnostics);
    let reading = reading(spec, &dimension, diagnostics);
    let unnamed = of_fact.iter().find(|role| role.name == role.dimension);
    // Without `roles`, a dimension that the fact has only under names stands for all of them.
    if spec.roles.is_empty() && unnamed.is_none() {
        let all = of_fact.iter().map(|role| (*role).clone());
        return all.map(|role| of_fact_itself(role, &dimension, reading)).collect();
    }
    let mut roles: Vec<Role> = unnamed.iter().map(|role| (**role).clone()).collect();
    for named in &spec.roles {
        let role = Role::new(&dimension.name, Some(&named.value));
        if !of_fact.contains(&&role) {
            let suffix = format!("_{}", dimension.name);
            let known = of_fact.iter().filter_map(|role| role.name.strip_suffix(&suffix));
            let what = format!("role of `{}` in the fact `{}`", dimension.name, fact.name);
            diagnostics.push(unknown(named, &what, known));
        } else if roles.contains(&role) {
            let message = format!("role `{}` is listed twice", named.value);
            diagnostics.push(Diagnostic::new(Code::DuplicateName, named.span.clone(), message));
        } else {
            roles.push(role);
        }
    }
    roles.into_iter().map(|role| of_fact_itself(role, &dimension, reading)).collect()
}

fn of_fact_itself(role: Role, dimension: &Dimension, reading: Reading) -> CubeRole {
    CubeRole { role, dimension: dimension.clone(), through: None, reading }
}

/// How members are seen; a dimension without history looks the same either way.
fn reading(spec: &DimensionSpec, dimension: &Dimension, diagnostics: &mut Diagnostics) -> Reading {
    let Some(text) = &spec.members else { return Reading::default() };
    if dimension.history.is_none() {
        let message = format!("`{}` keeps no history", dimension.name);
        let wrong = Diagnostic::new(Code::Mismatch, text.span.clone(), message);
        diagnostics.push(wrong.help("leave `members` out, or declare `history:` of the dimension"));
    }
    match text.value.as_str() {
        "as_was" => Reading::AsWas,
        "as_is" => Reading::AsIs,
        other => {
            let message = format!("`{other}` must be as_was or as_is");
            let wrong = Diagnostic::new(Code::WrongValue, text.span.clone(), message);
            diagnostics.push(wrong.help("a day is for a question to name"));
            Reading::default()
        }
    }
}

/// The dimension with the hierarchies the cube declares for it, if it does.
fn with_hierarchies(
    spec: &DimensionSpec,
    dimension: &Dimension,
    diagnostics: &mut Diagnostics,
) -> Dimension {
    let mut dimension = dimension.clone();
    let Some(hierarchies) = &spec.hierarchies else { return dimension };
    let mut replaced = Vec::new();
    for hierarchy in hierarchies {
        for level in &hierarchy.levels {
            if dimension.level(&level.value).is_none() {
                let known = dimension.levels.iter().map(|level| level.name.as_str());
                let what = format!("level of the dimension `{}`", dimension.name);
                diagnostics.push(unknown(level, &what, known));
            }
        }
        let levels = hierarchy.levels.iter().map(|level| level.value.clone()).collect();
        replaced.push(Hierarchy { name: hierarchy.name.value.clone(), levels });
    }
    dimension.hierarchies = replaced;
    dimension
}

/// A level made of columns of the fact.
fn degenerate(spec: &LevelSpec, fact: &Fact, diagnostics: &mut Diagnostics) -> Level {
    let columns = [Some(&spec.key), spec.caption.as_ref(), spec.sort.as_ref()];
    for column in columns.into_iter().flatten() {
        if !fact.columns.iter().any(|known| known.name == column.value) {
            diagnostics.push(unknown_fact_column(column, fact));
        }
    }
    let key = spec.key.value.clone();
    Level {
        name: spec.name.value.clone(),
        title: spec.title.clone(),
        caption: spec.caption.as_ref().map_or_else(|| key.clone(), |caption| caption.value.clone()),
        key,
        captions: BTreeMap::new(),
        sort: spec.sort.as_ref().map(|sort| sort.value.clone()),
        shows_parent: false,
    }
}

/// `name` is not a column of `fact`.
fn unknown_fact_column(name: &Located<String>, fact: &Fact) -> Diagnostic {
    let what = format!("column of the fact `{}`", fact.name);
    unknown(name, &what, fact.columns.iter().map(|column| column.name.as_str()))
}

fn unknown<'a>(
    name: &Located<String>,
    what: &str,
    known: impl IntoIterator<Item = &'a str>,
) -> Diagnostic {
    Diagnostic::unknown_name(name.span.clone(), what, &name.value, known)
}
