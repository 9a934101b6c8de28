//! The order of a load, and the one commit at its end.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use datafusion::execution::SendableRecordBatchStream;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use tokio::sync::mpsc::channel;

use super::connect::{Connected, connect};
use super::feed::read_whole;
use super::fingerprint::fingerprints;
use super::given::{self, Given};
use super::plan::{PlannedFeed, Planner};
use super::progress::{Progress, Silent};
use super::quarantine::{self, QUARANTINE_TABLE, Sink};
use super::{dimension, fact};
use crate::clock;
use crate::cube;
use crate::declare::{Diagnostics, Located};
use crate::error::{Error, Result};
use crate::integrate::{DayRange, MemberIndex, calendar_rows};
use crate::model::Model;
use crate::project::{FeedSpec, Project};
use crate::session::{add_schemas, query_context, reading_context, runtime};
use crate::source::{Position, RejectedRow, SourceTable};
use crate::star::CalendarRules;
use crate::translate::{Fault, Lookup, QuarantinedRow, RowCounts, count};
use crate::warehouse::{Epoch, Loader, PinnedTable, TableLoad, Warehouse};

/// Batches the quarantine's writer may be behind.
const QUARANTINE_AHEAD: usize = 16;

/// What a load did.
#[derive(Clone, Debug)]
pub struct LoadOutcome {
    /// The epoch readers now see.
    pub epoch: Arc<Epoch>,
    /// Whether it is new; if not, everything was as it had been loaded before.
    pub published: bool,
    /// Tables that an interrupted load had left ahead and that were rolled back.
    pub recovered: Vec<String>,
}

/// What every step of a load needs.
pub(super) struct Context<'a> {
    pub(super) model: &'a Model,
    pub(super) planner: &'a Planner<'a>,
    pub(super) warehouse: &'a Warehouse,
    pub(super) loader: &'a Loader,
    pub(super) previous: Option<Arc<Epoch>>,
    pub(super) run: String,
    pub(super) progress: Arc<dyn Progress>,
}

/// Loads `model` into `warehouse`.
pub async fn run(
    model: &Model,
    warehouse: &Warehouse,
    progress: Arc<dyn Progress>,
) -> Result<LoadOutcome> {
    let tables = connect(&model.project);
    load_from(tables, model, warehouse, progress, Diagnostics::new()).await
}

/// Loads `model` into `warehouse` with the rows of `given` instead of those of the sources. A table
/// that is not given is empty.
pub async fn run_given(model: &Model, warehouse: &Warehouse, given: &Given) -> Result<LoadOutcome> {
    let mut diagnostics = Diagnostics::new();
    let tables = given::connect_given(&model.project, given, &mut diagnostics);
    load_from(tables, model, warehouse, Arc::new(Silent), diagnostics).await
}

async fn load_from(
    tables: BTreeMap<String, Connected>,
    model: &Model,
    warehouse: &Warehouse,
    progress: Arc<dyn Progress>,
    mut diagnostics: Diagnostics,
) -> Result<LoadOutcome> {
    let planner = Planner::new(&model.project, tables, &mut diagnostics);
    planner.check_all(&mut diagnostics);
    diagnostics.into_result(())?;
    // The lock first: what another loader publishes before it is the past this load builds on.
    let loader = warehouse.loader()?;
    let previous = warehouse.latest_epoch().await?;
    let recovered = match &previous {
        Some(epoch) => loader.recover(epoch).await?,
        None => Vec::new(),
    };
    let context = Context {
        model,
        planner: &planner,
        warehouse,
        loader: &loader,
        previous,
        run: format!("{:x}-{:x}", clock::now().timestamp_micros(), std::process::id()),
        progress,
    };
    let (epoch, published) = context.load().await?;
    Ok(LoadOutcome { epoch: Arc::new(epoch), published, recovered })
}

/// What is new in the next epoch.
#[derive(Default)]
struct Fresh {
    tables: BTreeMap<String, PinnedTable>,
    loads: Vec<TableLoad>,
    days: Option<DayRange>,
}

impl Context<'_> {
    async fn load(&self) -> Result<(Epoch, bool)> {
        let positions = self.planner.positions()?;
        let fingerprints = fingerprints(&self.model.project, &positions);
        let stale: BTreeSet<String> = fingerprints
            .iter()
            .filter(|(name, fingerprint)| {
                self.pinned(name).is_none_or(|p| p.fingerprint != **fingerprint)
            })
            .map(|(name, _)| name.clone())
            .collect();
        if let Some(previous) = &self.previous
            && stale.is_empty()
            && previous.declarations == self.model.project.files
            && previous.positions == positions
        {
            return Ok((previous.as_ref().clone(), false));
        }
        let fresh = self.load_tables(&stale, &fingerprints).await?;
        let epoch = self.next_epoch(fresh, positions)?;
        self.rehearse(&epoch).await?;
        self.loader.publish(&epoch).await?;
        Ok((epoch, true))
    }

    pub(super) fn project(&self) -> &Project {
        &self.model.project
    }

    fn pinned(&self, table: &str) -> Option<&PinnedTable> {
        self.previous.as_ref()?.tables.get(table)
    }

    async fn load_tables(
        &self,
        stale: &BTreeSet<String>,
        fingerprints: &BTreeMap<String, String>,
    ) -> Result<Fresh> {
        let (sender, receiver) = channel(QUARANTINE_AHEAD);
        let writing = quarantine::write(self, stale, receiver);
        let loading = async {
            let sink = Sink { sender };
            let mut fresh = Fresh::default();
            let members = self.load_dimensions(stale, fingerprints, &sink, &mut fresh).await?;
            self.load_facts(stale, fingerprints, &members, &sink, &mut fresh).await?;
            Ok::<_, Error>(fresh)
        };
        let (written, fresh) = tokio::join!(writing, loading);
        // When writing the quarantine fails, loading fails for that reason only.
        let (written, row_count) = written?;
        let mut fresh = fresh?;
        fresh.tables.insert(QUARANTINE_TABLE.into(), quarantine::pinned(written, row_count));
        if let Some(pinned) = self.load_calendar(fresh.days).await? {
            fresh.tables.insert("date".into(), pinned);
        }
        for load in &fresh.loads {
            let out = load.rows_loaded + load.rows_quarantined() + load.rows_dropped();
            if load.rows_in != out {
                let what = format!(
                    "table `{}`: {} rows in, but {out} loaded, quarantined or dropped",
                    load.table_name, load.rows_in
                );
                return Err(Error::internal(what));
            }
        }
        Ok(fresh)
    }

    async fn load_dimensions(
        &self,
        stale: &BTreeSet<String>,
        fingerprints: &BTreeMap<String, String>,
        sink: &Sink,
        fresh: &mut Fresh,
    ) -> Result<BTreeMap<String, MemberIndex>> {
        let project = &self.model.project;
        let mut members = BTreeMap::new();
        for spec in &project.dimensions {
            let name = &spec.name.value;
            let Some(declared) = project.star.dimension(name) else { continue };
            if !stale.contains(name) {
                members.insert(name.clone(), dimension::members(self, spec, declared).await?);
                continue;
            }
            let fingerprint = fingerprints.get(name).cloned().unwrap_or_default();
            let loaded = dimension::load(self, spec, declared, fingerprint, sink)
                .await
                .map_err(|error| error.context(format!("dimension `{name}`")))?;
            fresh.tables.extend(loaded.tables);
            fresh.loads.push(loaded.load);
            members.insert(name.clone(), loaded.members);
        }
        Ok(members)
    }

    async fn load_facts(
        &self,
        stale: &BTreeSet<String>,
        fingerprints: &BTreeMap<String, String>,
        members: &BTreeMap<String, MemberIndex>,
        sink: &Sink,
        fresh: &mut Fresh,
    ) -> Result<()> {
        for spec in &self.model.project.facts {
            let name = &spec.name.value;
            if !stale.contains(name) {
                continue;
            }
            let fingerprint = fingerprints.get(name).cloned().unwrap_or_default();
            let loaded = Box::pin(fact::load(self, spec, members, fingerprint, sink))
                .await
                .map_err(|error| error.context(format!("fact `{name}`")))?;
            fresh.days = match (fresh.days, loaded.days) {
                (Some(a), Some(b)) => Some(a.union(b)),
                (a, b) => a.or(b),
            };
            fresh.tables.insert(name.clone(), loaded.pinned);
            fresh.loads.push(loaded.load);
        }
        Ok(())
    }

    /// The days facts may lie in.
    pub(super) fn allowed_days(&self) -> DayRange {
        let declared = self.model.project.settings.days;
        declared.map_or(DayRange::PLAUSIBLE, |(first, last)| DayRange::of_days(first, last))
    }

    /// Writes the `date` dimension when it must hold other days than before.
    async fn load_calendar(&self, days: Option<DayRange>) -> Result<Option<PinnedTable>> {
        let settings = &self.model.project.settings;
        let wanted = match settings.days {
            Some((first, last)) => Some(DayRange::of_days(first, last)),
            None => days.map(DayRange::whole_years),
        };
        // Facts that are not loaded now point to days of the calendar as it is.
        let before = self.pinned("date").and_then(|pinned| range_of(&pinned.fingerprint));
        let wanted = match (wanted, before) {
            (Some(a), Some(b)) if settings.days.is_none() => Some(a.union(b)),
            (a, b) => a.or(b),
        };
        let wanted = match settings.days {
            Some(_) => wanted,
            None => wanted.map(|days| days.whole_retail_years(settings.calendar)),
        };
        let fingerprint = fingerprint_of(wanted, settings.calendar);
        if self.pinned("date").is_some_and(|pinned| pinned.fingerprint == fingerprint) {
            return Ok(None);
        }
        let rows = calendar_rows(wanted, settings.calendar)?;
        let row_count = rows.num_rows() as u64;
        let schema = rows.schema();
        let stream = stream_of(Arc::clone(&schema), vec![rows]);
        let written = self.loader.replace("date", &schema, &self.run, stream).await?;
        Ok(Some(PinnedTable {
            version: written.version,
            base_version: written.base_version,
            fingerprint,
            row_count,
            next_key: None,
        }))
    }

    fn next_epoch(&self, fresh: Fresh, positions: BTreeMap<String, Position>) -> Result<Epoch> {
        let star = &self.model.project.star;
        let declared: BTreeSet<String> = star.tables().collect();
        let mut tables = BTreeMap::new();
        if let Some(previous) = &self.previous {
            // A table that is declared no more stays on disk for the epochs that pin it.
            let kept = previous.tables.iter().filter(|(name, _)| declared.contains(*name));
            tables.extend(kept.map(|(name, pinned)| (name.clone(), pinned.clone())));
        }
        tables.extend(fresh.tables);
        Ok(Epoch {
            number: self.previous.as_ref().map_or(0, |epoch| epoch.number) + 1,
            run: self.run.clone(),
            created_at: clock::now(),
            tables,
            positions,
            loads: fresh.loads,
            declarations: self.model.project.files.clone(),
        })
    }

    /// Binds every cube to the tables as they will be: an epoch whose cubes cannot answer is not
    /// published.
    async fn rehearse(&self, epoch: &Epoch) -> Result<()> {
        let mut tables = BTreeMap::new();
        for name in epoch.tables.keys() {
            tables.insert(name.clone(), self.warehouse.table(epoch, name).await?);
        }
        let context = query_context(&runtime()?);
        add_schemas(&context)?;
        cube::register(&self.model.cubes, &context, &tables)
    }

    /// The source table called `source.table`, and its columns.
    pub(super) fn source_table(&self, name: &str) -> Result<(&Connected, &SourceTable)> {
        self.planner.source_table(name)
    }

    /// Compiles the feeds of `target` with their looked-up tables read.
    pub(super) async fn plan_feeds(
        &self,
        specs: &[FeedSpec],
        extras: &[Located<String>],
        target: &str,
        counts: &mut RowCounts,
        sink: &Sink,
    ) -> Result<Vec<PlannedFeed>> {
        let mut lookups = Vec::new();
        for spec in specs {
            let mut of_feed = Vec::new();
            for lookup in &spec.lookups {
                let (table, columns) = self.source_table(&lookup.table.value)?;
                let (rows, rejected) = read_whole(table, columns).await?;
                for (split, rejected) in rejected {
                    let rows: Vec<QuarantinedRow> =
                        rejected.into_iter().map(unreadable_lookup).collect();
                    // They take part in no row of the target, but they must not vanish either.
                    counts.rows_in += rows.len() as u64;
                    rows.iter().for_each(|row| count(&mut counts.quarantined, &row.fault.rule));
                    sink.put(target, &lookup.table.value, &split, &rows).await?;
                }
                let key: Vec<String> = lookup.on.iter().map(|(_, c)| c.value.clone()).collect();
                of_feed.push(Arc::new(Lookup::new(rows, &key)?));
            }
            lookups.push(of_feed);
        }
        let mut diagnostics = Diagnostics::new();
        let planned = self.planner.feeds(specs, extras, Some(&lookups), &mut diagnostics);
        diagnostics.into_result(())?;
        planned.ok_or_else(|| Error::internal("feeds that were checked do not compile"))
    }
}

fn unreadable_lookup(row: RejectedRow) -> QuarantinedRow {
    let fault = Fault {
        rule: "lookup type".into(),
        column: row.column,
        value: row.value,
        reason: row.reason,
    };
    QuarantinedRow { line: row.line, fault, row: row.row }
}

pub(super) fn fingerprint_of(days: Option<DayRange>, rules: CalendarRules) -> String {
    let days = match days {
        Some(days) => format!("{}..{}", days.first, days.last),
        None => "empty".to_owned(),
    };
    let retail = rules.retail.map(|retail| format!(" retail {retail:?}")).unwrap_or_default();
    format!("{days} fiscal {}{retail}", rules.fiscal_year_start)
}

pub(super) fn range_of(fingerprint: &str) -> Option<DayRange> {
    let (first, rest) = fingerprint.split_once("..")?;
    let last = rest.split(' ').next()?;
    Some(DayRange { first: first.parse().ok()?, last: last.parse().ok()? })
}

/// Batches as a stream.
pub(super) fn stream_of(schema: SchemaRef, batches: Vec<RecordBatch>) -> SendableRecordBatchStream {
    let batches = futures::stream::iter(batches.into_iter().map(Ok));
    Box::pin(RecordBatchStreamAdapter::new(schema, batches))
}

/// All rows of a table as `epoch` pins it.
pub(super) async fn read_table(
    context: &Context<'_>,
    epoch: &Epoch,
    name: &str,
) -> Result<Vec<RecordBatch>> {
    let provider = context.warehouse.table(epoch, name).await?;
    Ok(reading_context().read_table(provider)?.collect().await?)
}
