//! Dimension and fact specs → the star they make, with every name checked.

use std::collections::BTreeMap;

use super::dimension_spec::{DimensionSpec, KeyScope, LevelSpec};
use super::duplicate;
use super::fact_spec::FactSpec;
use super::feed_spec::{ColumnSpec, FeedSpec};
use crate::declare::{Code, Diagnostic, Diagnostics, Located};
use crate::star::{Currency, Dimension, Fact, FactColumn, Hierarchy, Level, Role, Star};
use crate::star::{RECORD_COLUMN, calendar_dimension, reserved_columns};

pub(super) fn compile(
    dimensions: &[DimensionSpec],
    facts: &[FactSpec],
    diagnostics: &mut Diagnostics,
) -> Star {
    let mut star = Star { dimensions: vec![calendar_dimension()], facts: Vec::new() };
    for spec in dimensions {
        if star.dimension(&spec.name.value).is_some() {
            diagnostics.push(duplicate("dimension", &spec.name));
        }
        star.dimensions.push(dimension(spec, diagnostics));
    }
    for spec in facts {
        let taken = star.fact(&spec.name.value).is_some();
        if taken || star.dimension(&spec.name.value).is_some() {
            diagnostics.push(duplicate("table", &spec.name));
        }
        let fact = fact(spec, &star, diagnostics);
        star.facts.push(fact);
    }
    star
}

fn dimension(spec: &DimensionSpec, diagnostics: &mut Diagnostics) -> Dimension {
    let attributes = target_columns(&spec.feeds, diagnostics);
    for column in spec.feeds.iter().flat_map(|feed| &feed.columns) {
        if reserved_columns(&spec.name.value).contains(&column.name.value) {
            let message = format!("column `{}` is kept by the warehouse itself", column.name.value);
            let span = column.name.span.clone();
            diagnostics.push(Diagnostic::new(Code::DuplicateName, span, message));
        }
    }
    for key in &spec.key {
        check_column("column", key, &attributes, diagnostics);
    }
    let levels: Vec<Level> =
        spec.levels.iter().map(|level| self::level(level, &attributes, diagnostics)).collect();
    check_captions(&spec.levels, &levels, diagnostics);
    check_level_keys(spec, diagnostics);
    let hierarchies = spec
        .hierarchies
        .iter()
        .map(|(name, steps)| {
            let known: Vec<String> = levels.iter().map(|level| level.name.clone()).collect();
            for step in steps {
                check_column("level", step, &known, diagnostics);
            }
            let levels = steps.iter().map(|step| step.value.clone()).collect();
            Hierarchy { name: name.value.clone(), levels }
        })
        .collect();
    Dimension {
        name: spec.name.value.clone(),
        title: spec.title.clone(),
        description: spec.description.clone(),
        attributes,
        levels,
        hierarchies,
    }
}

/// Where each source numbers its own records, equal numbers are different members.
fn check_level_keys(spec: &DimensionSpec, diagnostics: &mut Diagnostics) {
    let [natural_key] = spec.key.as_slice() else { return };
    if spec.key_scope != KeyScope::Source {
        return;
    }
    for key in spec.levels.iter().filter_map(|level| level.key.as_ref()) {
        if key.value == natural_key.value {
            let message = format!("`{}` is the same for records of two sources", key.value);
            let help = "leave `key` out: the record itself is then the member";
            let diagnostic = Diagnostic::new(Code::Mismatch, key.span.clone(), message);
            diagnostics.push(diagnostic.help(help));
        }
    }
}

/// A caption is told apart by changing it, which must not change another level's key.
fn check_captions(specs: &[LevelSpec], levels: &[Level], diagnostics: &mut Diagnostics) {
    for (spec, level) in specs.iter().zip(levels) {
        let other =
            levels.iter().find(|other| other.name != level.name && other.key == level.caption);
        if let (Some(other), Some(caption)) = (other, &spec.caption)
            && level.key != level.caption
        {
            let message = format!("`{}` is the key of level `{}`", caption.value, other.name);
            let span = caption.span.clone();
            let help = "give the caption a column of its own";
            diagnostics.push(Diagnostic::new(Code::Mismatch, span, message).help(help));
        }
    }
}

fn level(spec: &LevelSpec, attributes: &[String], diagnostics: &mut Diagnostics) -> Level {
    let captions = spec.captions.values();
    for column in [&spec.key, &spec.caption, &spec.sort].into_iter().flatten().chain(captions) {
        if column.value != RECORD_COLUMN {
            check_column("column", column, attributes, diagnostics);
        }
    }
    let key = spec.key.as_ref().map_or(RECORD_COLUMN, |key| &key.value).to_owned();
    let caption = spec.caption.as_ref().map_or_else(|| key.clone(), |c| c.value.clone());
    let captions: BTreeMap<String, String> =
        spec.captions.iter().map(|(locale, c)| (locale.clone(), c.value.clone())).collect();
    Level {
        name: spec.name.value.clone(),
        title: spec.title.clone(),
        key,
        caption,
        captions,
        sort: spec.sort.as_ref().map(|sort| sort.value.clone()),
    }
}

fn fact(spec: &FactSpec, star: &Star, diagnostics: &mut Diagnostics) -> Fact {
    let names = target_columns(&spec.feeds, diagnostics);
    for column in &spec.grain {
        check_column("column", column, &names, diagnostics);
    }
    let mut roles: Vec<Role> = Vec::new();
    for used in &spec.dimensions {
        let known: Vec<String> = star.dimensions.iter().map(|d| d.name.clone()).collect();
        check_column("dimension", &used.dimension, &known, diagnostics);
        if names.contains(&used.role.key_column()) {
            let message = format!("column `{}` is the key of a dimension", used.role.key_column());
            let span = used.dimension.span.clone();
            diagnostics.push(Diagnostic::new(Code::DuplicateName, span, message));
        }
        if roles.iter().any(|role| role.name == used.role.name) {
            let message = format!("the role `{}` is taken", used.role.name);
            let span = used.dimension.span.clone();
            diagnostics.push(Diagnostic::new(Code::DuplicateName, span, message));
        }
        roles.push(used.role.clone());
    }
    let columns = names
        .iter()
        .map(|name| FactColumn {
            name: name.clone(),
            currency: currency(name, &spec.feeds, &names, diagnostics),
        })
        .collect();
    Fact {
        name: spec.name.value.clone(),
        title: spec.title.clone(),
        description: spec.description.clone(),
        columns,
        roles,
    }
}

/// The columns of the first feed; every other must give the same ones.
fn target_columns(feeds: &[FeedSpec], diagnostics: &mut Diagnostics) -> Vec<String> {
    let names = |feed: &FeedSpec| -> Vec<String> {
        feed.columns.iter().map(|column| column.name.value.clone()).collect()
    };
    let all = feeds.first().map(names).unwrap_or_default();
    for feed in feeds {
        let these = names(feed);
        for missing in all.iter().filter(|name| !these.contains(name)) {
            let message =
                format!("column `{missing}` is missing; write `{missing}: \"NULL\"` if so");
            diagnostics.push(Diagnostic::new(Code::Mismatch, feed.span.clone(), message));
        }
        for column in feed.columns.iter().filter(|column| !all.contains(&column.name.value)) {
            let message = format!(
                "column `{}` is not in the first table of `from`; add it there too",
                column.name.value
            );
            diagnostics.push(Diagnostic::new(Code::Mismatch, column.name.span.clone(), message));
        }
        for (filled, _) in &feed.fill {
            check_column("column", filled, &all, diagnostics);
        }
    }
    all
}

/// The currency all feeds agree on for column `name`.
fn currency(
    name: &str,
    feeds: &[FeedSpec],
    names: &[String],
    diagnostics: &mut Diagnostics,
) -> Option<Currency> {
    let declared: Vec<&ColumnSpec> = feeds
        .iter()
        .flat_map(|feed| &feed.columns)
        .filter(|column| column.name.value == name)
        .collect();
    let first = declared.first()?.currency.clone();
    for column in &declared {
        if column.currency.as_ref().map(|c| &c.value) != first.as_ref().map(|c| &c.value) {
            let message = format!("column `{name}` has another currency in another table");
            diagnostics.push(Diagnostic::new(Code::Mismatch, column.name.span.clone(), message));
        }
    }
    let first = first?;
    let is_code = first.value.len() == 3 && first.value.bytes().all(|b| b.is_ascii_uppercase());
    if is_code {
        return Some(Currency::Constant(first.value));
    }
    check_column("column", &first, names, diagnostics);
    Some(Currency::Column(first.value))
}

fn check_column(
    what: &str,
    name: &Located<String>,
    known: &[String],
    diagnostics: &mut Diagnostics,
) {
    if !known.contains(&name.value) {
        let known = known.iter().map(String::as_str);
        diagnostics.push(Diagnostic::unknown_name(name.span.clone(), what, &name.value, known));
    }
}
