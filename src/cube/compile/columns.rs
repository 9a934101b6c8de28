//! The flat columns of a cube's relation.

use std::collections::BTreeSet;

use super::super::model::{Bridge, BridgeEnd, ColumnKind, CubeRole, FlatColumn};
use super::super::spec::CubeSpec;
use crate::declare::{Code, Diagnostic, Diagnostics};
use crate::star::{Level, Title, Tree, reserved_columns, tree_columns};

/// Levels and attributes of every role, then the levels of the fact.
pub(super) fn flat(roles: &[CubeRole], levels: &[Level]) -> Vec<FlatColumn> {
    let mut columns = Vec::new();
    for (position, role) in roles.iter().enumerate() {
        let before = columns.len();
        let prefix = &role.role.name;
        let mut used: BTreeSet<&str> = BTreeSet::new();
        for level in &role.dimension.levels {
            let name = format!("{prefix}_{}", level.name);
            columns.extend(of_level(&name, level, Some(position), true));
            used.extend([level.key.as_str(), level.caption.as_str()]);
            used.extend(level.captions.values().map(String::as_str));
        }
        let free = role.dimension.attributes.iter().filter(|name| !used.contains(name.as_str()));
        columns.extend(free.map(|attribute| FlatColumn {
            name: format!("{prefix}_{attribute}"),
            kind: ColumnKind::Attribute,
            level: None,
            role: Some(position),
            bridge: None,
            source: attribute.clone(),
            title: None,
        }));
        for tree in &role.dimension.trees {
            columns.extend(of_tree(role, position, tree));
        }
        if let Some(through) = &role.through {
            let bridged = &mut columns[before..];
            bridged.iter_mut().for_each(|column| column.bridge = Some(through.name.clone()));
        }
    }
    for level in levels {
        // A column of the fact that is its own caption needs no second column for the key.
        columns.extend(of_level(&level.name, level, None, level.key != level.caption));
        columns.extend(level.sort.iter().map(|sort| FlatColumn {
            name: format!("{}_sort", level.name),
            kind: ColumnKind::Attribute,
            level: None,
            role: None,
            bridge: None,
            source: sort.clone(),
            title: None,
        }));
    }
    columns
}

/// The members of a tree, each with everything under it, and how deep they are in it.
fn of_tree(role: &CubeRole, position: usize, tree: &Tree) -> Vec<FlatColumn> {
    let shown_by = tree.shown_by(&role.dimension);
    let locales = shown_by.into_iter().flat_map(|level| level.captions.keys());
    let captions = locales.map(|locale| (locale.clone(), tree_columns::caption(locale)));
    let members = Level {
        name: tree.name.clone(),
        title: None,
        key: tree_columns::KEY.to_owned(),
        caption: tree_columns::CAPTION.to_owned(),
        captions: captions.collect(),
        sort: None,
        shows_parent: false,
    };
    let name = format!("{}_{}", role.role.name, tree.name);
    let mut columns: Vec<FlatColumn> = of_level(&name, &members, Some(position), true).collect();
    columns.push(FlatColumn {
        name: format!("{name}_{}", tree_columns::DEPTH),
        kind: ColumnKind::Attribute,
        level: Some(name.clone()),
        role: Some(position),
        bridge: None,
        source: tree_columns::DEPTH.to_owned(),
        title: None,
    });
    columns.iter_mut().for_each(|column| column.bridge = Some(name.clone()));
    columns
}

/// What tells the members of each role with history apart, under a name that no column can have.
pub(super) fn members(roles: &[CubeRole]) -> Vec<FlatColumn> {
    let roles = roles.iter().enumerate();
    let changing = roles.filter(|(_, role)| role.has_history() && role.through.is_none());
    let member = |(position, role): (usize, &CubeRole)| {
        let [_, member, ..] = reserved_columns(&role.dimension.name);
        FlatColumn {
            name: format!("{}$member", role.role.name),
            kind: ColumnKind::Attribute,
            level: None,
            role: Some(position),
            bridge: None,
            source: member,
            title: None,
        }
    };
    changing.map(member).collect()
}

/// The bridges to `roles` and to the trees of them.
pub(super) fn bridges(roles: &[CubeRole]) -> Vec<Bridge> {
    let of_role = |role: &CubeRole| {
        let bridge = |tree: &Tree| Bridge {
            name: format!("{}_{}", role.role.name, tree.name),
            role: role.role.clone(),
            table: tree.table(&role.dimension.name),
            key: role.dimension.key_column(),
            // A tree lists every version.
            by_member: false,
            to: BridgeEnd::Tree(tree.name.clone()),
        };
        role.through
            .iter()
            .cloned()
            .chain(role.dimension.trees.iter().map(bridge))
            .collect::<Vec<_>>()
    };
    roles.iter().flat_map(of_role).collect()
}

fn of_level(
    name: &str,
    level: &Level,
    role: Option<usize>,
    with_key: bool,
) -> impl Iterator<Item = FlatColumn> {
    let column = |suffix: &str, kind: ColumnKind, source: &str, title: Option<Title>| FlatColumn {
        name: format!("{name}{suffix}"),
        kind,
        level: Some(name.to_owned()),
        role,
        bridge: None,
        source: source.to_owned(),
        title,
    };
    let mut columns = vec![column("", ColumnKind::Level, &level.caption, level.title.clone())];
    if with_key {
        columns.push(column("_key", ColumnKind::Key, &level.key, None));
    }
    for (locale, source) in &level.captions {
        let kind = ColumnKind::Caption(locale.clone());
        columns.push(column(&format!("_{locale}"), kind, source, None));
    }
    columns.into_iter()
}

/// Says which names the relation would have twice.
pub(super) fn report_duplicates(
    spec: &CubeSpec,
    columns: &[FlatColumn],
    diagnostics: &mut Diagnostics,
) {
    let mut names: BTreeSet<&str> = BTreeSet::new();
    let bridge = |column: &FlatColumn| column.bridge.clone().zip(Some(column.role));
    let bridges: BTreeSet<(String, Option<usize>)> = columns.iter().filter_map(bridge).collect();
    for pair in bridges.iter().zip(bridges.iter().skip(1)).filter(|(a, b)| a.0 == b.0) {
        let message = format!("`{}` is both a tree and a dimension `through` a fact", pair.0.0);
        let span = spec.name.span.clone();
        diagnostics.push(Diagnostic::new(Code::DuplicateName, span, message));
    }
    for column in columns {
        if names.insert(&column.name) {
            continue;
        }
        let of_fact = spec.levels.iter().find(|level| {
            column.role.is_none() && column.level.as_deref() == Some(level.name.value.as_str())
        });
        let span = of_fact.map_or(&spec.name.span, |level| &level.name.span);
        let message = format!("the cube would have two columns called `{}`", column.name);
        diagnostics.push(Diagnostic::new(Code::DuplicateName, span.clone(), message));
    }
    for measure in &spec.measures {
        if names.contains(measure.name.value.as_str()) {
            let message = format!("`{}` is already a column of a level", measure.name.value);
            let span = measure.name.span.clone();
            diagnostics.push(Diagnostic::new(Code::DuplicateName, span, message));
        }
    }
}
