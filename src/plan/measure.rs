//! What a measure says.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{Expr, Ident, visit_expressions_mut};
use datafusion::sql::sqlparser::dialect::GenericDialect;
use datafusion::sql::sqlparser::parser::Parser;

use super::cube_change::Kind;
use super::declared::Declared;
use super::level;
use super::meaning::{Part, Words, look, texts};
use crate::cube::{
    AggregateDefinition, AggregateKind, Conversion, Cube, Definition, Input, Measure,
};
use crate::lineage;
use crate::model::Model;

pub(super) fn part(declared: &Declared<'_>, cube: &Cube, measure: &Measure) -> Part {
    let model = declared.model;
    let origins = origins(declared, cube, measure);
    let definition = format!("{} {:?}", expanded(model, cube, measure), measure.currency);
    let identity = format!("{definition} {origins:?}");
    let mut meaning = words(declared, cube, measure);
    meaning.insert("definition".to_owned(), measure.formula());
    let mut looks = BTreeMap::new();
    look(&mut looks, "title", measure.title.as_ref().map(texts));
    look(&mut looks, "description", measure.description.as_ref().map(texts));
    look(&mut looks, "format", measure.format.clone());
    look(&mut looks, "owner", measure.owner.clone());
    let name = measure.name.clone();
    Part { kind: Kind::Measure, name, meaning, definition, identity, looks }
}

/// All that `measure` is made of, but for its own definition.
pub(super) fn words(declared: &Declared<'_>, cube: &Cube, measure: &Measure) -> Words {
    let mut words = origins(declared, cube, measure);
    look(&mut words, "currency", measure.currency.clone());
    built_from(declared.model, cube, measure, &mut words);
    words
}

/// The columns, members and rates that `measure` is computed from.
fn origins(declared: &Declared<'_>, cube: &Cube, measure: &Measure) -> Words {
    let mut words = Words::new();
    for from in lineage::of_measure(declared.model.view(), cube, measure) {
        declared.origin(&from, &mut words);
    }
    behind(declared, cube, measure, &mut words);
    words
}

/// Adds the members and rates of `measure` and of the measures it is built from.
fn behind(declared: &Declared<'_>, cube: &Cube, measure: &Measure, words: &mut Words) {
    let home = lineage::home(declared.model.view(), cube, measure);
    match &measure.definition {
        Definition::Formula { measures, .. } => {
            let used = measures.iter().filter_map(|name| home.measure(name));
            used.for_each(|used| behind(declared, home, used, words));
        }
        Definition::Aggregate(aggregate) => members_of(declared, home, aggregate, words),
    }
    converted_by(declared, home, measure, words);
}

/// Adds how the members are found that an aggregate names or counts.
fn members_of(
    declared: &Declared<'_>,
    home: &Cube,
    aggregate: &AggregateDefinition,
    words: &mut Words,
) {
    let mut texts: Vec<&str> = aggregate.filter.as_deref().into_iter().collect();
    match &aggregate.input {
        Input::Rows => {}
        Input::Expression(sql) => texts.push(sql),
        Input::Members(key) => {
            let role = home.roles.iter().find(|role| role.role.key_column() == *key);
            role.into_iter().for_each(|role| declared.found_by(&home.fact, &role.role, words));
        }
    }
    if let Some(Conversion::Column(rate)) = &aggregate.conversion {
        texts.push(rate);
    }
    // The days that a first, last or mean over time goes by are found as others are.
    let ends = matches!(aggregate.kind, AggregateKind::First | AggregateKind::Last);
    if let Some(day) = aggregate.day.as_ref().filter(|_| ends || aggregate.over_time.is_some()) {
        declared.key(&home.fact, day, words);
    }
    let fact = declared.project().star.fact(&home.fact);
    for column in texts.iter().flat_map(|sql| lineage::columns_named(home, sql)) {
        // A column of the fact goes before one of the cube.
        if !fact.is_some_and(|fact| fact.columns.iter().any(|own| own.name == column.name)) {
            level::words(declared, home, column).add_to(&column.name, words);
        }
    }
}

/// Adds the table of rates that amounts are converted by.
fn converted_by(declared: &Declared<'_>, home: &Cube, measure: &Measure, words: &mut Words) {
    let Some(rates) = measure.rates() else { return };
    let columns = &rates.columns;
    let pivot = columns.pivot.as_ref().map(|pivot| format!(", by way of {pivot}"));
    let said = format!(
        "{} of {} in {} from {}{}",
        columns.rate,
        columns.from,
        columns.to,
        columns.day,
        pivot.unwrap_or_default()
    );
    words.insert(format!("rates of {}", rates.table), said);
    declared.rows_of(&rates.table, words);
    declared.key(&rates.table, &columns.day, words);
    rates.day_column().into_iter().for_each(|day| declared.key(&home.fact, day, words));
}

/// Adds the measures a formula is built from, those behind them included.
fn built_from(model: &Model, cube: &Cube, measure: &Measure, words: &mut Words) {
    let Definition::Formula { measures, .. } = &measure.definition else { return };
    let home = lineage::home(model.view(), cube, measure);
    for used in measures.iter().filter_map(|name| home.measure(name)) {
        words.insert(format!("measure {}", used.name), used.formula());
        built_from(model, home, used, words);
    }
}

/// The definition with every measure in it replaced by its own, so that names do not matter.
fn expanded(model: &Model, cube: &Cube, measure: &Measure) -> String {
    let home = lineage::home(model.view(), cube, measure);
    let Definition::Formula { expr, .. } = &measure.definition else {
        return format!("{:?} of {}", measure.definition, home.fact);
    };
    let parsed = Parser::new(&GenericDialect {}).try_with_sql(expr);
    let Ok(mut expression) = parsed.and_then(|mut parser| parser.parse_expr()) else {
        return expr.clone();
    };
    let walked = visit_expressions_mut(&mut expression, |part| {
        if let Expr::Identifier(name) = part
            && let Some(used) = home.measure(&name.value)
        {
            // A cycle is refused where cubes are compiled, so this ends.
            *part = Expr::Identifier(Ident::new(format!("({})", expanded(model, home, used))));
        }
        ControlFlow::<()>::Continue(())
    });
    debug_assert!(walked.is_continue());
    expression.to_string()
}
