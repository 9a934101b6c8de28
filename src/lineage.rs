//! Where numbers come from: measure → column of a table → expression of a feed → source columns.
//!
//! Only names are followed, as they are declared; no source and no table is opened.

use std::collections::BTreeSet;
use std::ops::ControlFlow;
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema};
use datafusion::sql::sqlparser::ast::{Expr, Ident, visit_expressions};
use datafusion::sql::sqlparser::dialect::GenericDialect;
use datafusion::sql::sqlparser::parser::Parser;

use crate::cube::{
    AggregateDefinition, AggregateKind, BridgeEnd, ColumnKind, Conversion, Cube, Definition,
    FlatColumn, Input, Measure, RateConversion,
};
use crate::error::Result;
use crate::model::ModelView;
use crate::project::{ColumnRule, ColumnSpec, DimensionUse, FeedSpec, Project};

/// What stands for the rows of a table where no column of it is used.
pub const ROWS: &str = "*";

/// A column of a source table.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SourceColumn {
    /// As `source.table`.
    pub table: String,
    /// As the source spells it.
    pub column: String,
}

/// How one feed gives the values of a column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Derivation {
    /// The table that feeds, as `source.table`.
    pub table: String,
    /// The rule, in the words of the declaration.
    pub rule: String,
    /// The source columns it names, looked-up ones included.
    pub columns: BTreeSet<SourceColumn>,
    /// The lookups it goes through, in the words of the declaration.
    pub lookups: BTreeSet<String>,
    /// The code list it replaces codes by.
    pub list: Option<String>,
}

/// A column that something is computed from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// The fact or dimension.
    pub table: String,
    /// The column, or [`ROWS`].
    pub column: String,
    /// How each feed gives it; empty for the generated calendar.
    pub derivations: Vec<Derivation>,
}

/// The cube in which `measure` of `cube` is declared, as far as that is another.
pub fn home<'a>(model: ModelView<'a>, cube: &'a Cube, measure: &Measure) -> &'a Cube {
    let base = cube.origins.get(&measure.name).and_then(|at| cube.bases.get(*at));
    let other = base.and_then(|base| model.cubes.iter().find(|other| other.name == base.cube));
    other.unwrap_or(cube)
}

/// The columns `measure` is computed from, those of the measures it is built from included.
pub fn of_measure(model: ModelView<'_>, cube: &Cube, measure: &Measure) -> Vec<Origin> {
    let mut found: Vec<Origin> = Vec::new();
    let add = |origin: Origin| {
        if !found.iter().any(|known| known.table == origin.table && known.column == origin.column) {
            found.push(origin);
        }
    };
    let home = home(model, cube, measure);
    match &measure.definition {
        Definition::Formula { measures, .. } => {
            let used = measures.iter().filter_map(|name| home.measure(name));
            used.flat_map(|used| of_measure(model, home, used)).for_each(add);
        }
        Definition::Aggregate(aggregate) => {
            of_aggregate(model.project, home, aggregate).into_iter().for_each(add);
        }
    }
    found
}

/// The columns of [`of_measure`], and those that lead from facts to what it names of members, or share its sums
/// out among them.
pub fn read_by(model: ModelView<'_>, cube: &Cube, measure: &Measure) -> Vec<Origin> {
    let mut found = of_measure(model, cube, measure);
    for origin in ways(model, cube, measure) {
        if !found.iter().any(|known| known.table == origin.table && known.column == origin.column) {
            found.push(origin);
        }
    }
    found
}

fn ways(model: ModelView<'_>, cube: &Cube, measure: &Measure) -> Vec<Origin> {
    let home = home(model, cube, measure);
    let aggregate = match &measure.definition {
        Definition::Formula { measures, .. } => {
            let used = measures.iter().filter_map(|name| home.measure(name));
            return used.flat_map(|used| ways(model, home, used)).collect();
        }
        Definition::Aggregate(aggregate) => aggregate,
    };
    let project = model.project;
    let is_own = |column: &&FlatColumn| {
        let fact = project.star.fact(&home.fact);
        fact.is_some_and(|fact| fact.columns.iter().any(|own| own.name == column.name))
    };
    let conditions = aggregate.filter.iter().flat_map(|sql| columns_named(home, sql));
    let mut origins: Vec<Origin> = conditions
        .filter(|column| !is_own(column))
        .flat_map(|column| way_to(project, home, column))
        .collect();
    if aggregate.kind == AggregateKind::Sum && aggregate.over_time.is_none() {
        origins.extend(home.bridges.iter().filter_map(|bridge| match &bridge.to {
            BridgeEnd::Members { weight: Some(weight), .. } => {
                Some(of_column(project, &bridge.table, &weight.value))
            }
            _ => None,
        }));
    }
    origins
}

/// The columns that lead from a fact of `cube` to the member that `column` is of.
fn way_to(project: &Project, cube: &Cube, column: &FlatColumn) -> Vec<Origin> {
    let Some(role) = column.role.map(|at| &cube.roles[at]) else { return Vec::new() };
    let bridge = column.bridge.as_deref().and_then(|name| cube.bridge(name));
    let near = bridge.map_or(&role.role, |bridge| &bridge.role);
    let mut origins: Vec<Origin> =
        key_of_fact(project, &cube.fact, &near.key_column()).into_iter().collect();
    match bridge.map(|bridge| (bridge, &bridge.to)) {
        Some((bridge, BridgeEnd::Members { key, .. })) => {
            origins.extend(key_of_fact(project, &bridge.table, &bridge.key));
            origins.extend(key_of_fact(project, &bridge.table, key));
        }
        Some((_, BridgeEnd::Tree(name))) => {
            let trees = role.dimension.trees.iter().filter(|tree| tree.name == *name);
            let parents = trees.flat_map(|tree| &tree.parent);
            origins.extend(parents.map(|name| of_column(project, &role.dimension.name, name)));
        }
        None => {}
    }
    origins
}

fn of_aggregate(project: &Project, cube: &Cube, aggregate: &AggregateDefinition) -> Vec<Origin> {
    // Whatever a definition is made of is followed here, so a new part of it must be named.
    let AggregateDefinition { kind, input, filter, conversion, over_time, day } = aggregate;
    let mut origins = Vec::new();
    match input {
        Input::Rows => origins.push(rows(project, &cube.fact)),
        Input::Members(key) => origins.extend(key_of_fact(project, &cube.fact, key)),
        Input::Expression(sql) => origins.extend(named_in(project, cube, sql)),
    }
    origins.extend(filter.iter().flat_map(|sql| named_in(project, cube, sql)));
    match conversion {
        None => {}
        Some(Conversion::Column(rate)) => origins.extend(named_in(project, cube, rate)),
        Some(Conversion::Rates(rates)) => origins.extend(of_rates(project, cube, rates)),
    }
    let by_day = over_time.is_some() || matches!(kind, AggregateKind::First | AggregateKind::Last);
    if let Some(day) = day.as_ref().filter(|_| by_day) {
        origins.extend(key_of_fact(project, &cube.fact, day));
    }
    origins
}

/// The columns that find the rate of an amount, and those that have it.
fn of_rates(project: &Project, cube: &Cube, rates: &RateConversion) -> Vec<Origin> {
    let currency = rates.currency_column().map(|name| of_column(project, &cube.fact, name));
    let day = rates.day_column().and_then(|key| key_of_fact(project, &cube.fact, key));
    let columns = &rates.columns;
    let of_table = [&columns.from, &columns.to, &columns.rate];
    let of_table = of_table.map(|name| of_column(project, &rates.table, name));
    let since = key_of_fact(project, &rates.table, &columns.day);
    currency.into_iter().chain(day).chain(of_table).chain(since).collect()
}

/// The columns of the fact, or else of the cube, that an expression of a cube names.
fn named_in(project: &Project, cube: &Cube, sql: &str) -> Vec<Origin> {
    let fact = project.star.fact(&cube.fact);
    let mut origins = Vec::new();
    for names in names(sql) {
        let [name] = names.as_slice() else { continue };
        let name = folded(name);
        let of_fact = fact.is_some_and(|fact| fact.columns.iter().any(|c| c.name == name));
        if of_fact {
            origins.push(of_column(project, &cube.fact, &name));
        } else if let Some(column) = cube.column(&name) {
            origins.extend(of_level(project, cube, column));
        }
    }
    origins
}

/// The column that `column` of `cube` shows; none where a tree counts how deep a member is.
fn of_level(project: &Project, cube: &Cube, column: &FlatColumn) -> Option<Origin> {
    let Some(role) = column.role.map(|at| &cube.roles[at]) else {
        return Some(of_column(project, &cube.fact, &column.source));
    };
    let dimension = &role.dimension;
    let bridge = column.bridge.as_deref().and_then(|name| cube.bridge(name));
    let shown = match bridge.map(|bridge| &bridge.to) {
        // The table of a tree has names of its own for what a level shows.
        Some(BridgeEnd::Tree(name)) => {
            let tree = dimension.trees.iter().find(|tree| tree.name == *name)?;
            let level = tree.shown_by(dimension)?;
            match &column.kind {
                ColumnKind::Level => &level.caption,
                ColumnKind::Key => &level.key,
                ColumnKind::Caption(locale) => level.captions.get(locale)?,
                ColumnKind::Attribute => return None,
            }
        }
        _ => &column.source,
    };
    Some(of_column(project, &dimension.name, shown))
}

/// The column `column` of the fact or dimension `table`.
pub fn of_column(project: &Project, table: &str, column: &str) -> Origin {
    let derivations = feeds(project, table).iter().filter_map(|feed| {
        let spec = feed.columns.iter().find(|spec| spec.name.value == column)?;
        Some(derivation(feed, spec))
    });
    Origin {
        table: table.to_owned(),
        column: column.to_owned(),
        derivations: derivations.collect(),
    }
}

/// The columns of the fact or dimension `table` that an expression of its declaration names.
pub fn targets_named(project: &Project, table: &str, sql: &str) -> Vec<Origin> {
    let names = names(sql);
    let single = names.iter().filter_map(|names| match names.as_slice() {
        [name] => Some(name.value.as_str()),
        _ => None,
    });
    let origins = single.map(|name| of_column(project, table, name));
    origins.filter(|origin| !origin.derivations.is_empty()).collect()
}

/// The columns of `cube` that an expression over it names.
pub fn columns_named<'a>(cube: &'a Cube, sql: &str) -> Vec<&'a FlatColumn> {
    let names = names(sql);
    let single = names.iter().filter_map(|names| match names.as_slice() {
        [name] => Some(folded(name)),
        _ => None,
    });
    single.filter_map(|name| cube.column(&name)).collect()
}

/// How the fact `fact` finds the member that its column `key` points to.
pub fn key_of_fact(project: &Project, fact: &str, key: &str) -> Option<Origin> {
    let spec = project.facts.iter().find(|spec| spec.name.value == fact)?;
    let used = spec.dimensions.iter().find(|used| used.role.key_column() == key)?;
    let derivations = spec.feeds.iter().map(|feed| found_by(feed, used)).collect();
    Some(Origin { table: fact.to_owned(), column: key.to_owned(), derivations })
}

fn rows(project: &Project, table: &str) -> Origin {
    let of_feed = |feed: &FeedSpec| Derivation {
        table: feed.table.value.clone(),
        rule: ROWS.to_owned(),
        columns: BTreeSet::new(),
        lookups: BTreeSet::new(),
        list: None,
    };
    let derivations = feeds(project, table).iter().map(of_feed).collect();
    Origin { table: table.to_owned(), column: ROWS.to_owned(), derivations }
}

/// The feeds of the fact or dimension `table`; none of the generated calendar.
pub fn feeds<'a>(project: &'a Project, table: &str) -> &'a [FeedSpec] {
    let dimension = project.dimensions.iter().find(|spec| spec.name.value == table);
    let fact = || project.facts.iter().find(|spec| spec.name.value == table);
    match dimension {
        Some(spec) => &spec.feeds,
        None => fact().map_or(&[], |spec| &spec.feeds),
    }
}

fn derivation(feed: &FeedSpec, spec: &ColumnSpec) -> Derivation {
    let mut list = None;
    let (text, mut rule) = match &spec.rule {
        ColumnRule::Expression(text) => (&text.value, text.value.clone()),
        ColumnRule::Map { column, using, otherwise } => {
            list = Some(using.value.clone());
            let otherwise = otherwise.as_ref().map(|text| format!(", else {}", text.value));
            let rule = format!("{} by the code list {}", column.value, using.value);
            (&column.value, rule + &otherwise.unwrap_or_default())
        }
        ColumnRule::Cast { column, to } => {
            (&column.value, format!("{} read as {to}", column.value))
        }
    };
    if let Some(currency) = &spec.currency {
        rule.push_str(&format!(", in {}", currency.value));
    }
    for (_, value) in feed.fill.iter().filter(|(filled, _)| filled.value == spec.name.value) {
        rule.push_str(&format!(", where NULL then {}", value.value));
    }
    let mut found = Derivation {
        table: feed.table.value.clone(),
        rule,
        columns: BTreeSet::new(),
        lookups: BTreeSet::new(),
        list,
    };
    follow(feed, text, &mut found);
    found
}

/// The expressions of a key see the target columns too, and those first.
fn found_by(feed: &FeedSpec, used: &DimensionUse) -> Derivation {
    let on: Vec<&str> = used.on.iter().map(|text| text.value.as_str()).collect();
    let mut rule = on.join(", ");
    if let Some(condition) = &used.not_applicable {
        rule.push_str(&format!(", not applicable where {}", condition.value));
    }
    if let Some(day) = &used.as_of {
        rule.push_str(&format!(", as of {}", day.value));
    }
    let mut found = Derivation {
        table: feed.table.value.clone(),
        rule,
        columns: BTreeSet::new(),
        lookups: BTreeSet::new(),
        list: None,
    };
    let others = used.not_applicable.iter().chain(&used.as_of).map(|text| text.value.as_str());
    for text in on.into_iter().chain(others) {
        for names in names(text) {
            let target = match names.as_slice() {
                [name] => feed.columns.iter().find(|spec| spec.name.value == name.value),
                _ => None,
            };
            match target {
                Some(spec) => {
                    let target = derivation(feed, spec);
                    found.columns.extend(target.columns);
                    found.lookups.extend(target.lookups);
                }
                None => follow_names(feed, &names, &mut found),
            }
        }
    }
    found
}

/// Adds the source columns that the expression `text` of `feed` names.
fn follow(feed: &FeedSpec, text: &str, found: &mut Derivation) {
    for names in names(text) {
        follow_names(feed, &names, found);
    }
}

fn follow_names(feed: &FeedSpec, names: &[Ident], found: &mut Derivation) {
    let (table, column) = match names {
        // Where a row stands is no column of its table.
        [column] if ["_file", "_line"].contains(&column.value.as_str()) => return,
        [column] => (feed.table.value.clone(), column.value.clone()),
        [qualifier, column] => {
            let lookup = feed.lookups.iter().find(|lookup| lookup.name.value == qualifier.value);
            let Some(lookup) = lookup else { return };
            let on = lookup.on.iter().map(|(row, own)| format!("{} = {}", own.value, row.value));
            let on: Vec<String> = on.collect();
            let name = &lookup.name.value;
            let said = format!("{name} is {} on {}", lookup.table.value, on.join(", "));
            if found.lookups.insert(said) {
                lookup.on.iter().for_each(|(row, _)| follow(feed, &row.value, found));
            }
            (lookup.table.value.clone(), column.value.clone())
        }
        _ => return,
    };
    found.columns.insert(SourceColumn { table, column });
}

/// The names that an expression uses, each as its parts; nothing where it cannot be parsed.
fn names(sql: &str) -> Vec<Vec<Ident>> {
    let mut found = Vec::new();
    let parsed = Parser::new(&GenericDialect {}).try_with_sql(sql);
    let Ok(expression) = parsed.and_then(|mut parser| parser.parse_expr()) else { return found };
    let walked = visit_expressions(&expression, |part| {
        match part {
            Expr::Identifier(name) => found.push(vec![name.clone()]),
            Expr::CompoundIdentifier(names) => found.push(names.clone()),
            _ => {}
        }
        ControlFlow::<()>::Continue(())
    });
    debug_assert!(walked.is_continue());
    found
}

/// A name of a cube's expression: in lower case unless it is quoted.
fn folded(name: &Ident) -> String {
    match name.quote_style {
        Some(_) => name.value.clone(),
        None => name.value.to_lowercase(),
    }
}

/// One row per cube, measure, column behind it and source column behind that.
pub fn relation(model: ModelView<'_>) -> Result<RecordBatch> {
    let names = [
        "cube",
        "measure",
        "table_name",
        "column_name",
        "source_table",
        "source_column",
        "expression",
    ];
    let mut columns: Vec<Vec<Option<String>>> = vec![Vec::new(); names.len()];
    let mut push = |row: [Option<&str>; 7]| {
        for (column, value) in columns.iter_mut().zip(row) {
            column.push(value.map(str::to_owned));
        }
    };
    for cube in model.cubes {
        for measure in &cube.measures {
            for origin in read_by(model, cube, measure) {
                let head = [&cube.name, &measure.name, &origin.table, &origin.column];
                let [cube, measure, table, column] = head.map(|text| Some(text.as_str()));
                if origin.derivations.is_empty() {
                    push([cube, measure, table, column, None, None, None]);
                }
                for from in &origin.derivations {
                    let rule = Some(from.rule.as_str());
                    if from.columns.is_empty() {
                        push([cube, measure, table, column, Some(&from.table), None, rule]);
                    }
                    for source in &from.columns {
                        let (of, name) =
                            (Some(source.table.as_str()), Some(source.column.as_str()));
                        push([cube, measure, table, column, of, name, rule]);
                    }
                }
            }
        }
    }
    let fields: Vec<Field> =
        names.iter().map(|name| Field::new(*name, DataType::Utf8, true)).collect();
    let arrays = columns.into_iter().map(|texts| Arc::new(StringArray::from(texts)) as ArrayRef);
    Ok(RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays.collect())?)
}
