//! A cube over cubes: each of its facts is aggregated alone, and their cells are put side by side.

use std::collections::{BTreeMap, BTreeSet};

use super::super::measure::Measure;
use super::super::model::{Base, Bridge, Cube, CubeRole, FlatColumn, Unrelated};
use super::super::spec::{BaseSpec, CubeSpec};
use super::{CubesBefore, measures, sets, unknown};
use crate::declare::{Code, Diagnostic, Diagnostics, Located};

/// Validates `spec` against the cubes it puts together.
pub(super) fn compile(
    spec: &CubeSpec,
    before: CubesBefore<'_>,
    diagnostics: &mut Diagnostics,
) -> Option<Cube> {
    refuse_own_parts(spec, diagnostics);
    let with_cube = |base| Some((base, known(base, before, diagnostics)?));
    let bases: Vec<(&BaseSpec, &Cube)> = spec.bases.iter().filter_map(with_cube).collect();
    let unsure = Unsure::of(spec, before);
    let roles = shared_roles(&bases, diagnostics);
    let columns = shared_columns(&bases, &roles);
    let (measures, origins) = taken(&bases, before, diagnostics);
    let mut found = Diagnostics::new();
    let measures = measures::compile_formulas(spec, measures, &mut found);
    Unsure::pass_on(found, unsure.measures, diagnostics);
    report_clashes(spec, &columns, &measures, diagnostics);
    let names: Vec<&str> = measures.iter().map(|measure| measure.name.as_str()).collect();
    let mut found = Diagnostics::new();
    let sets = sets::compile(spec, &columns, &names, &mut found);
    Unsure::pass_on(found, unsure.measures || unsure.levels, diagnostics);
    let facts: Vec<&str> = bases.iter().map(|(_, cube)| cube.fact.as_str()).collect();
    let mut bridges: Vec<Bridge> = Vec::new();
    for bridge in bases.iter().flat_map(|(_, cube)| &cube.bridges) {
        if !bridges.iter().any(|known| known.name == bridge.name) {
            bridges.push(bridge.clone());
        }
    }
    Some(Cube {
        name: spec.name.value.clone(),
        title: spec.title.clone(),
        description: spec.description.clone(),
        owner: spec.owner.clone(),
        fact: facts.join(", "),
        bases: bases
            .iter()
            .map(|(spec, cube)| {
                let mut found = Diagnostics::new();
                let base = base(spec, cube, &columns, &mut found);
                let wrong = before.wrong(&cube.name);
                let is_unsure = wrong.is_some_and(|wrong| !wrong.has_levels);
                Unsure::pass_on(found, is_unsure, diagnostics);
                base
            })
            .collect(),
        origins,
        roles,
        bridges,
        members: Vec::new(),
        levels: bases.iter().flat_map(|(_, cube)| cube.levels.clone()).collect(),
        columns,
        measures,
        sets,
    })
}

/// Which names may be those of cubes of which too little is known to say.
struct Unsure {
    measures: bool,
    levels: bool,
}

impl Unsure {
    fn of(spec: &CubeSpec, before: CubesBefore<'_>) -> Self {
        let wrong = || spec.bases.iter().filter_map(|base| before.wrong(&base.name.value));
        Self {
            measures: wrong().any(|wrong| !wrong.has_measures),
            levels: wrong().any(|wrong| !wrong.has_levels),
        }
    }

    /// Says the mistakes that were `found`, but not which names there are none of where `is_unsure`.
    fn pass_on(found: Diagnostics, is_unsure: bool, diagnostics: &mut Diagnostics) {
        let said = found.sorted().into_iter();
        said.filter(|mistake| !is_unsure || mistake.code != Code::UnknownName)
            .for_each(|mistake| diagnostics.push(mistake.clone()));
    }
}

/// What belongs to a fact is declared in the cube of that fact.
fn refuse_own_parts(spec: &CubeSpec, diagnostics: &mut Diagnostics) {
    let fact = spec.fact.as_ref().map(|fact| ("fact", &fact.span));
    let level = spec.levels.first().map(|level| ("levels", &level.name.span));
    let dimension = spec.dimensions.iter().flatten().next();
    let dimension = dimension.map(|dimension| ("dimensions", &dimension.name.span));
    for (key, span) in [fact, level, dimension].into_iter().flatten() {
        let message = format!("`{key}` does not fit a cube over cubes");
        let wrong = Diagnostic::new(Code::Mismatch, span.clone(), message);
        diagnostics.push(wrong.help("declare it in the cube of its fact"));
    }
}

/// The cube over one fact that `base` names.
fn known<'c>(
    base: &BaseSpec,
    before: CubesBefore<'c>,
    diagnostics: &mut Diagnostics,
) -> Option<&'c Cube> {
    let named = |cube: &&Cube| cube.name == base.name.value;
    let found = match (before.right.iter().find(named), before.wrong(&base.name.value)) {
        (Some(right), _) => Some(right),
        // Its own mistakes are enough.
        (None, Some(wrong)) => Some(wrong.cube.as_ref()?),
        (None, None) => None,
    };
    match found {
        Some(cube) if cube.bases.is_empty() => return Some(cube),
        Some(cube) => {
            let message = format!("`{}` is itself a cube over cubes", cube.name);
            let wrong = Diagnostic::new(Code::Mismatch, base.name.span.clone(), message);
            diagnostics.push(wrong.help("list the cubes it is made of"));
        }
        None => {
            let names = before.right.iter().filter(|cube| cube.bases.is_empty());
            let names = names.map(|cube| cube.name.as_str());
            diagnostics.push(unknown(&base.name, "cube", names));
        }
    }
    None
}

/// The roles of all, each once; where hierarchies differ, those of the cube listed first hold.
fn shared_roles(bases: &[(&BaseSpec, &Cube)], diagnostics: &mut Diagnostics) -> Vec<CubeRole> {
    let mut roles: Vec<CubeRole> = Vec::new();
    for (spec, cube) in bases {
        for role in &cube.roles {
            match roles.iter().find(|known| known.role.name == role.role.name) {
                None => roles.push(role.clone()),
                Some(known) if known.role.dimension != role.role.dimension => {
                    let message = format!(
                        "the role `{}` of `{}` is of the dimension `{}`, and elsewhere of `{}`",
                        role.role.name, cube.name, role.role.dimension, known.role.dimension
                    );
                    let span = spec.name.span.clone();
                    diagnostics.push(Diagnostic::new(Code::Mismatch, span, message));
                }
                Some(known) if known.reading == role.reading => {}
                Some(known) => {
                    let message = format!(
                        "`{}` sees the members of `{}` {}, and another cube {}",
                        cube.name,
                        role.role.name,
                        role.reading.words(),
                        known.reading.words()
                    );
                    let span = spec.name.span.clone();
                    let wrong = Diagnostic::new(Code::Mismatch, span, message);
                    diagnostics.push(wrong.help("declare the same `members` in these cubes"));
                }
            }
        }
    }
    roles
}

/// The columns of all, each once, with the positions of `roles`.
fn shared_columns(bases: &[(&BaseSpec, &Cube)], roles: &[CubeRole]) -> Vec<FlatColumn> {
    let mut columns: Vec<FlatColumn> = Vec::new();
    for (_, cube) in bases {
        for column in &cube.columns {
            if columns.iter().any(|known| known.name == column.name) {
                continue;
            }
            let name = column.role.map(|at| &cube.roles[at].role.name);
            let role = name.and_then(|name| roles.iter().position(|role| role.role.name == *name));
            columns.push(FlatColumn { role, ..column.clone() });
        }
    }
    // As in other cubes, columns of dimensions stand before those of facts.
    columns.sort_by_key(|column| column.role.unwrap_or(usize::MAX));
    columns
}

/// The measures that are taken from each cube, and which it is.
fn taken(
    bases: &[(&BaseSpec, &Cube)],
    before: CubesBefore<'_>,
    diagnostics: &mut Diagnostics,
) -> (Vec<Measure>, BTreeMap<String, usize>) {
    let mut measures: Vec<Measure> = Vec::new();
    let mut origins: BTreeMap<String, usize> = BTreeMap::new();
    for (at, (spec, cube)) in bases.iter().enumerate() {
        for name in wanted(spec, cube) {
            let Some(measure) = cube.measure(&name.value) else {
                if before.wrong(&cube.name).is_none_or(|wrong| wrong.has_measures) {
                    let known = cube.measures.iter().map(|measure| measure.name.as_str());
                    let what = format!("measure of `{}`", cube.name);
                    diagnostics.push(unknown(&name, &what, known));
                }
                continue;
            };
            if let Some(other) = origins.get(&measure.name) {
                let other = &bases[*other].1.name;
                let message =
                    format!("both `{other}` and `{}` have a measure `{}`", cube.name, name.value);
                let wrong = Diagnostic::new(Code::DuplicateName, name.span.clone(), message);
                diagnostics.push(wrong.help("choose with `measures: […]` which ones to take"));
                continue;
            }
            origins.insert(measure.name.clone(), at);
            measures.push(measure.clone());
        }
    }
    (measures, origins)
}

fn wanted(spec: &BaseSpec, cube: &Cube) -> Vec<Located<String>> {
    let all = || {
        let names = cube.measures.iter().map(|measure| measure.name.clone());
        names.map(|value| Located { value, span: spec.name.span.clone() }).collect()
    };
    spec.measures.clone().unwrap_or_else(all)
}

/// A column and a measure of one name could not be told apart.
fn report_clashes(
    spec: &CubeSpec,
    columns: &[FlatColumn],
    measures: &[Measure],
    diagnostics: &mut Diagnostics,
) {
    for measure in measures {
        if columns.iter().any(|column| column.name == measure.name) {
            let message = format!("`{}` is both a measure and a column of a level", measure.name);
            let span = spec.name.span.clone();
            diagnostics.push(Diagnostic::new(Code::DuplicateName, span, message));
        }
    }
}

fn base(
    spec: &BaseSpec,
    cube: &Cube,
    columns: &[FlatColumn],
    diagnostics: &mut Diagnostics,
) -> Base {
    let mut lacking: BTreeSet<String> = columns
        .iter()
        .filter(|column| cube.column(&column.name).is_none())
        .map(|column| column.name.clone())
        .collect();
    for (role, level) in &spec.grain {
        lacking.extend(too_fine(cube, role, level, diagnostics));
    }
    Base {
        cube: cube.name.clone(),
        fact: cube.fact.clone(),
        unrelated: rule(spec, diagnostics),
        lacking,
    }
}

fn rule(spec: &BaseSpec, diagnostics: &mut Diagnostics) -> Unrelated {
    let Some(text) = &spec.unrelated else { return Unrelated::default() };
    match text.value.as_str() {
        "error" => Unrelated::Error,
        "empty" => Unrelated::Empty,
        "repeat" => Unrelated::Repeat,
        other => {
            let message = format!("`{other}` must be error, empty or repeat");
            diagnostics.push(Diagnostic::new(Code::WrongValue, text.span.clone(), message));
            Unrelated::default()
        }
    }
}

/// The columns of `role` that are not of `level` and not coarser than it on any path.
fn too_fine(
    cube: &Cube,
    role: &Located<String>,
    level: &Located<String>,
    diagnostics: &mut Diagnostics,
) -> BTreeSet<String> {
    let Some(position) = cube.roles.iter().position(|known| known.role.name == role.value) else {
        let known = cube.roles.iter().map(|role| role.role.name.as_str());
        diagnostics.push(unknown(role, &format!("role of `{}`", cube.name), known));
        return BTreeSet::new();
    };
    let dimension = &cube.roles[position].dimension;
    if dimension.level(&level.value).is_none() {
        let known = dimension.levels.iter().map(|level| level.name.as_str());
        diagnostics.push(unknown(level, &format!("level of `{}`", dimension.name), known));
        return BTreeSet::new();
    }
    let coarser = dimension.hierarchies.iter().flat_map(|hierarchy| {
        let at = hierarchy.levels.iter().position(|on| *on == level.value);
        hierarchy.levels[..at.map_or(0, |at| at + 1)].iter()
    });
    let flat = |level: &String| format!("{}_{level}", role.value);
    let trees = dimension.trees.iter().filter(|tree| tree.level == level.value);
    let trees = trees.map(|tree| &tree.name);
    let kept: BTreeSet<String> = coarser.chain([&level.value]).chain(trees).map(flat).collect();
    let of_role = cube.columns.iter().filter(|column| column.role == Some(position));
    let lost = of_role.filter(|column| !column.level.as_ref().is_some_and(|of| kept.contains(of)));
    lost.map(|column| column.name.clone()).collect()
}
