//! Specs and the sources' columns → translators, with every mistake found before a row is read.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::{DataType, Schema, SchemaRef};
use datafusion::execution::SessionState;

use super::connect::{Connected, connect};
use super::fingerprint::used_tables;
use crate::declare::{Code, Diagnostic, Diagnostics, Located};
use crate::error::{Error, Result};
use crate::model::Model;
use crate::project::{DimensionSpec, FactSpec, FeedSpec, Project};
use crate::session::translation_state;
use crate::source::{Position, SourceTable};
use crate::star::CALENDAR;
use crate::translate::{self, FeedContext, Lookup, Translator, common_type, compile};

/// What the feeds of all targets are compiled with.
#[derive(Debug)]
pub(super) struct Planner<'a> {
    pub(super) project: &'a Project,
    pub(super) tables: BTreeMap<String, Connected>,
    columns: BTreeMap<String, SourceTable>,
    state: SessionState,
}

/// A feed ready to run.
#[derive(Debug)]
pub(super) struct PlannedFeed {
    pub(super) translator: Translator,
    /// The columns of the source table that it needs.
    pub(super) columns: SourceTable,
}

/// Compiles every feed of `model` against its sources' columns; every mistake is in the error,
/// together with those found before.
pub fn check(model: &Model, mut diagnostics: Diagnostics) -> Result<()> {
    let tables = connect(&model.project);
    let planner = Planner::new(&model.project, tables, &mut diagnostics);
    planner.check_all(&mut diagnostics);
    diagnostics.into_result(())
}

impl<'a> Planner<'a> {
    /// Looks at every source table that a feed names; what cannot be read becomes a diagnostic.
    pub(super) fn new(
        project: &'a Project,
        tables: BTreeMap<String, Connected>,
        diagnostics: &mut Diagnostics,
    ) -> Self {
        let mut columns = BTreeMap::new();
        for feed in all_feeds(project) {
            let named = std::iter::once(&feed.table).chain(feed.lookups.iter().map(|l| &l.table));
            for name in named {
                let Some(table) = tables.get(&name.value) else { continue };
                if columns.contains_key(&name.value) {
                    continue;
                }
                match table.source.discover(&table.native_name) {
                    Ok(found) => {
                        columns.insert(name.value.clone(), found);
                    }
                    Err(error) => {
                        let span = table_span(project, name);
                        let message = error.to_string();
                        diagnostics.push(Diagnostic::new(Code::MissingFile, span, message));
                    }
                }
            }
        }
        let state = translation_state(translate::functions());
        Self { project, tables, columns, state }
    }

    /// The source table called `source.table`, and its columns.
    pub(super) fn source_table(&self, name: &str) -> Result<(&Connected, &SourceTable)> {
        let found = self.tables.get(name).zip(self.columns.get(name));
        found.ok_or_else(|| Error::internal(format!("source table `{name}` was not looked at")))
    }

    /// How far every source table that a feed names has data now.
    pub(super) fn positions(&self) -> Result<BTreeMap<String, Position>> {
        let position = |name: &String| {
            let (table, _) = self.source_table(name)?;
            Ok((name.clone(), table.source.position(&table.native_name)?))
        };
        used_tables(self.project).into_iter().map(position).collect()
    }

    /// Compiles all feeds with empty lookups, to find mistakes.
    pub(super) fn check_all(&self, diagnostics: &mut Diagnostics) {
        for dimension in &self.project.dimensions {
            let feeds = self.feeds(&dimension.feeds, &[], None, diagnostics);
            if let Some(first) = feeds.iter().flatten().next() {
                check_start(dimension, &first.translator.schema(), diagnostics);
            }
        }
        for fact in &self.project.facts {
            let FactExtras { expressions, of_use } = fact_extras(self.project, fact);
            let feeds = self.feeds(&fact.feeds, &expressions, None, diagnostics);
            for feed in feeds.iter().flatten() {
                let types = feed.translator.extra_types();
                check_extra_types(fact, &of_use, &types, diagnostics);
            }
        }
    }

    /// Compiles the feeds of one target so that their columns have common types. `lookups` holds
    /// the looked-up tables per feed; without it they are taken as empty.
    pub(super) fn feeds(
        &self,
        specs: &[FeedSpec],
        extras: &[Located<String>],
        lookups: Option<&[Vec<Arc<Lookup>>]>,
        diagnostics: &mut Diagnostics,
    ) -> Option<Vec<PlannedFeed>> {
        let mut planned = Vec::new();
        for (index, spec) in specs.iter().enumerate() {
            let source = self.columns.get(&spec.table.value);
            let lookups = match lookups {
                Some(lookups) => Some(lookups[index].clone()),
                None => self.empty_lookups(spec, diagnostics),
            };
            let (Some(source), Some(lookups)) = (source, lookups) else { continue };
            let mut context = FeedContext {
                state: &self.state,
                codes: &self.project.codes,
                source: source.schema(),
                lookups,
                extras: extras.to_vec(),
            };
            let Some(whole) = compile(spec, &context, diagnostics) else { continue };
            // What no expression names is not read: a bad value there is no fault of the row.
            let columns = source.only(|name| whole.needs(name));
            context.source = columns.schema();
            if let Some(translator) = compile(spec, &context, diagnostics) {
                planned.push(PlannedFeed { translator, columns });
            }
        }
        if planned.len() < specs.len() {
            return None;
        }
        agree_on_types(specs, &mut planned, diagnostics)?;
        Some(planned)
    }

    fn empty_lookups(
        &self,
        spec: &FeedSpec,
        diagnostics: &mut Diagnostics,
    ) -> Option<Vec<Arc<Lookup>>> {
        let mut lookups = Vec::new();
        for lookup in &spec.lookups {
            let schema: SchemaRef = self.columns.get(&lookup.table.value)?.schema();
            for (_, column) in &lookup.on {
                if schema.field_with_name(&column.value).is_err() {
                    let names: Vec<&str> =
                        schema.fields().iter().map(|field| field.name().as_str()).collect();
                    let span = column.span.clone();
                    let name = &column.value;
                    diagnostics.push(Diagnostic::unknown_name(span, "column", name, names));
                    return None;
                }
            }
            let key: Vec<String> = lookup.on.iter().map(|(_, c)| c.value.clone()).collect();
            lookups.push(Arc::new(Lookup::new(RecordBatch::new_empty(schema), &key).ok()?));
        }
        Some(lookups)
    }
}

fn all_feeds(project: &Project) -> impl Iterator<Item = &FeedSpec> {
    let dimensions = project.dimensions.iter().flat_map(|dimension| &dimension.feeds);
    dimensions.chain(project.facts.iter().flat_map(|fact| &fact.feeds))
}

/// Where the table is declared, which is where its file or database is named.
fn table_span(project: &Project, name: &Located<String>) -> crate::declare::Span {
    let spec = name.value.split_once('.').and_then(|(source, table)| {
        project.sources.get(source).and_then(|source| source.tables.get(table))
    });
    spec.map_or_else(|| name.span.clone(), |spec| spec.span.clone())
}

/// Widens columns to what all feeds have in common.
fn agree_on_types(
    specs: &[FeedSpec],
    planned: &mut [PlannedFeed],
    diagnostics: &mut Diagnostics,
) -> Option<()> {
    let schemas: Vec<SchemaRef> = planned.iter().map(|feed| feed.translator.schema()).collect();
    let first = schemas.first()?;
    let mut agreed = true;
    for field in first.fields() {
        let mut common = DataType::Null;
        for (spec, schema) in specs.iter().zip(&schemas) {
            let Ok(theirs) = schema.field_with_name(field.name()) else { return None };
            match common_type(&common, theirs.data_type()) {
                Some(wider) => common = wider,
                None => {
                    let message = format!(
                        "column `{}` is {} here and {common} in another table of `from`; cast one",
                        field.name(),
                        theirs.data_type()
                    );
                    let span = spec.span.clone();
                    diagnostics.push(Diagnostic::new(Code::Mismatch, span, message));
                    agreed = false;
                }
            }
        }
        let common = if common == DataType::Null { DataType::Utf8 } else { common };
        for (feed, schema) in planned.iter_mut().zip(&schemas) {
            if let Ok(index) = schema.index_of(field.name()) {
                feed.translator.widen(index, common.clone());
            }
        }
    }
    agreed.then_some(())
}

/// The expressions a fact needs beside its columns, and where those of each role are among them.
pub(super) struct FactExtras {
    pub(super) expressions: Vec<Located<String>>,
    /// In the order of the roles.
    pub(super) of_use: Vec<UseExtras>,
}

/// Where the expressions of a role are.
pub(super) struct UseExtras {
    /// The key.
    pub(super) on: Range<usize>,
    /// When the dimension does not apply.
    pub(super) not_applicable: Option<usize>,
    /// The time at which a member with history is seen.
    pub(super) as_of: Option<usize>,
}

/// The keys of the dimensions of `fact`, when they do not apply, and at which time they are seen: the
/// day of the fact where no other is declared.
pub(super) fn fact_extras(project: &Project, fact: &FactSpec) -> FactExtras {
    let mut expressions: Vec<Located<String>> = Vec::new();
    let mut of_use = Vec::new();
    for used in &fact.dimensions {
        let start = expressions.len();
        expressions.extend(used.on.iter().cloned());
        let on = start..expressions.len();
        let mut add = |expression: Option<&Located<String>>| {
            expressions.push(expression?.clone());
            Some(expressions.len() - 1)
        };
        let not_applicable = add(used.not_applicable.as_ref());
        let dimension = project.star.dimension(&used.dimension.value);
        let changes = dimension.is_some_and(|dimension| dimension.history.is_some());
        let as_of = add(used.as_of.as_ref().or_else(|| fact.day()).filter(|_| changes));
        of_use.push(UseExtras { on, not_applicable, as_of });
    }
    FactExtras { expressions, of_use }
}

fn is_time(found: &DataType) -> bool {
    matches!(found, DataType::Date32 | DataType::Date64 | DataType::Timestamp(..) | DataType::Null)
}

/// A key of the calendar is a day; a "not applicable" is a condition; "as of" is a time.
fn check_extra_types(
    fact: &FactSpec,
    extras: &[UseExtras],
    types: &[DataType],
    diagnostics: &mut Diagnostics,
) {
    let mut wrong = |at: &Located<String>, message: String| {
        diagnostics.push(Diagnostic::new(Code::WrongExpression, at.span.clone(), message));
    };
    for (used, extras) in fact.dimensions.iter().zip(extras) {
        if used.dimension.value == CALENDAR
            && let (Some(on), Some(found)) = (used.on.first(), types.get(extras.on.start))
            && (!is_time(found) || used.on.len() > 1)
        {
            wrong(on, format!("a date is found by one day or timestamp, this is {found}"));
        }
        let found = |at: Option<usize>| types.get(at?);
        if let (Some(condition), Some(found)) = (&used.not_applicable, found(extras.not_applicable))
            && *found != DataType::Boolean
        {
            wrong(condition, "`not_applicable` must be a condition".to_owned());
        }
        if let (Some(as_of), Some(found)) = (&used.as_of, found(extras.as_of))
            && !is_time(found)
        {
            wrong(as_of, format!("`as_of` must be a day or timestamp, this is {found}"));
        }
    }
}

/// A version of a member starts on a day or at a time.
fn check_start(spec: &DimensionSpec, columns: &Schema, diagnostics: &mut Diagnostics) {
    let Some(from) = spec.history.as_ref().map(|history| &history.from) else { return };
    let Ok(field) = columns.field_with_name(&from.value) else { return };
    if matches!(field.data_type(), DataType::Date32 | DataType::Timestamp(..)) {
        return;
    }
    let message =
        format!("`{}` must be a day or timestamp, this is {}", from.value, field.data_type());
    let wrong = Diagnostic::new(Code::WrongExpression, from.span.clone(), message);
    diagnostics.push(wrong.help("give it a type in the source, or `cast: {column: …, to: date}`"));
}
