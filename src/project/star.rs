//! Dimension and fact specs → the star they make, with every name checked.

use std::collections::BTreeMap;

use super::dimension_spec::{DimensionSpec, KeyScope, LevelSpec};
use super::duplicate;
use super::fact_spec::{DimensionUse, FactSpec};
use super::feed_spec::{ColumnSpec, FeedSpec};
use super::hierarchy_spec::TreeSpec;
use super::history_spec::{self, HistorySpec};
use super::rates_spec;
use crate::declare::{Code, Diagnostic, Diagnostics, Located};
use crate::star::{
    CalendarRules, RECORD_COLUMN, calendar_dimension, is_currency_code, reserved_columns,
};
use crate::star::{
    Currency, Dimension, Fact, FactColumn, Hierarchy, History, Level, Role, Star, Tree,
};

pub(super) fn compile(
    dimensions: &[DimensionSpec],
    facts: &[FactSpec],
    calendar: CalendarRules,
    diagnostics: &mut Diagnostics,
) -> Star {
    let mut star = Star { dimensions: vec![calendar_dimension(calendar)], facts: Vec::new() };
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
    for spec in dimensions {
        check_tree_tables(spec, &star, diagnostics);
    }
    star
}

/// A tree is a table of its own.
fn check_tree_tables(spec: &DimensionSpec, star: &Star, diagnostics: &mut Diagnostics) {
    let Some(dimension) = star.dimension(&spec.name.value) else { return };
    for (spec, tree) in spec.trees.iter().zip(&dimension.trees) {
        let table = tree.table(&dimension.name);
        if star.tables().filter(|name| *name == table).count() > 1 {
            let message = format!("the tree needs a table `{table}`, and another has that name");
            let span = spec.name.span.clone();
            diagnostics.push(Diagnostic::new(Code::DuplicateName, span, message));
        }
    }
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
    let known: Vec<String> = levels.iter().map(|level| level.name.clone()).collect();
    let hierarchies = spec
        .hierarchies
        .iter()
        .map(|path| {
            for step in &path.levels {
                check_column("level", step, &known, diagnostics);
            }
            let levels = path.levels.iter().map(|step| step.value.clone()).collect();
            Hierarchy { name: path.name.value.clone(), levels }
        })
        .collect();
    let trees: Vec<Tree> = spec
        .trees
        .iter()
        .map(|tree| self::tree(tree, spec, &levels, &attributes, diagnostics))
        .collect();
    let dimension = Dimension {
        name: spec.name.value.clone(),
        title: spec.title.clone(),
        description: spec.description.clone(),
        attributes,
        trees,
        calendar: None,
        levels,
        hierarchies,
        history: spec.history.as_ref().map(history),
    };
    check_missing(spec, &dimension, diagnostics);
    history_spec::check(spec, &dimension, diagnostics);
    dimension
}

fn history(spec: &HistorySpec) -> History {
    let type2 = spec.type2.iter().map(|column| column.value.clone()).collect();
    History { from: spec.from.value.clone(), type2 }
}

/// A missing member can show the one above it only where there is a level above.
fn check_missing(spec: &DimensionSpec, dimension: &Dimension, diagnostics: &mut Diagnostics) {
    for (spec, level) in spec.levels.iter().zip(&dimension.levels) {
        let Some(span) = &spec.shows_parent else { continue };
        let message = if level.key == RECORD_COLUMN {
            format!("`{}` is the record itself, which is never missing", level.name)
        } else if dimension.above(level).is_none() {
            format!("`{}` has no level above it in any hierarchy", level.name)
        } else {
            continue;
        };
        let wrong = Diagnostic::new(Code::Mismatch, span.clone(), message);
        diagnostics.push(wrong.help("leave `when_missing: parent` out"));
    }
}

fn tree(
    spec: &TreeSpec,
    dimension: &DimensionSpec,
    levels: &[Level],
    attributes: &[String],
    diagnostics: &mut Diagnostics,
) -> Tree {
    for column in &spec.parent {
        check_column("column", column, attributes, diagnostics);
    }
    if spec.parent.len() != dimension.key.len() {
        let keys: Vec<&str> = dimension.key.iter().map(|key| key.value.as_str()).collect();
        let message = format!(
            "`parent` must be as many columns as `key`, which is `{}`: they hold the key of the \
             record above",
            keys.join("`, `")
        );
        diagnostics.push(Diagnostic::new(Code::Mismatch, spec.name.span.clone(), message));
    }
    if levels.iter().any(|level| level.name == spec.name.value) {
        let message = format!("`{}` is a level too", spec.name.value);
        let span = spec.name.span.clone();
        let wrong = Diagnostic::new(Code::DuplicateName, span, message);
        diagnostics
            .push(wrong.help("give the tree a name of its own, which its columns will have"));
    }
    let level = tree_level(spec, dimension, levels, diagnostics).unwrap_or_default();
    let parent = spec.parent.iter().map(|column| column.value.clone()).collect();
    Tree { name: spec.name.value.clone(), parent, level }
}

/// The level that shows the members of a tree: one member for each record.
fn tree_level(
    spec: &TreeSpec,
    dimension: &DimensionSpec,
    levels: &[Level],
    diagnostics: &mut Diagnostics,
) -> Option<String> {
    let of_record = |level: &&Level| {
        let only = match dimension.key.as_slice() {
            [only] => Some(&only.value),
            _ => None,
        };
        level.key == RECORD_COLUMN || only == Some(&level.key)
    };
    let found = match &spec.level {
        None => levels.iter().find(of_record),
        Some(name) => {
            let known: Vec<String> = levels.iter().map(|level| level.name.clone()).collect();
            check_column("level", name, &known, diagnostics);
            let level = levels.iter().find(|level| level.name == name.value)?;
            Some(level).filter(of_record)
        }
    };
    if found.is_none() {
        let message = format!("no level shows each record for the tree `{}`", spec.name.value);
        let span = spec.level.as_ref().map_or(&spec.name.span, |level| &level.span);
        let help = "declare a level whose `key` is that of the dimension, or without `key`";
        diagnostics.push(Diagnostic::new(Code::Mismatch, span.clone(), message).help(help));
    }
    found.map(|level| level.name.clone())
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
        shows_parent: spec.shows_parent.is_some(),
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
        check_as_of(used, star, diagnostics);
        roles.push(used.role.clone());
    }
    let rates = spec.rates.as_ref();
    let rates = rates.and_then(|spec| rates_spec::compile(spec, &names, &roles, diagnostics));
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
        rates,
    }
}

/// A dimension without history looks the same on every day.
fn check_as_of(used: &DimensionUse, star: &Star, diagnostics: &mut Diagnostics) {
    let dimension = star.dimension(&used.dimension.value);
    if let (Some(as_of), Some(dimension)) = (&used.as_of, dimension)
        && dimension.history.is_none()
    {
        let message = format!("`{}` keeps no history", dimension.name);
        let wrong = Diagnostic::new(Code::Mismatch, as_of.span.clone(), message);
        diagnostics.push(wrong.help("leave `as_of` out, or declare `history:` of the dimension"));
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
    if is_currency_code(&first.value) {
        return Some(Currency::Constant(first.value));
    }
    check_column("column", &first, names, diagnostics);
    Some(Currency::Column(first.value))
}

pub(super) fn check_column(
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
