//! The flat columns of a cube's relation.

use std::collections::BTreeSet;

use super::super::model::{ColumnKind, CubeRole, FlatColumn};
use super::super::spec::CubeSpec;
use crate::declare::{Code, Diagnostic, Diagnostics};
use crate::star::{Level, Title};

/// Levels and attributes of every role, then the levels of the fact.
pub(super) fn flat(roles: &[CubeRole], levels: &[Level]) -> Vec<FlatColumn> {
    let mut columns = Vec::new();
    for (position, role) in roles.iter().enumerate() {
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
            source: attribute.clone(),
            title: None,
        }));
    }
    for level in levels {
        // A column of the fact that is its own caption needs no second column for the key.
        columns.extend(of_level(&level.name, level, None, level.key != level.caption));
        columns.extend(level.sort.iter().map(|sort| FlatColumn {
            name: format!("{}_sort", level.name),
            kind: ColumnKind::Attribute,
            level: None,
            role: None,
            source: sort.clone(),
            title: None,
        }));
    }
    columns
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
