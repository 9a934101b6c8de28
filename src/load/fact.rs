//! Loading one fact.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::RecordBatch;
use datafusion::error::DataFusionError;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use tokio::sync::mpsc::{Sender, channel};

use super::feed::{Chunk, Chunks, Finish};
use super::plan::{PlannedFeed, UseExtras, fact_extras};
use super::quarantine::Sink;
use super::repeats::Repeats;
use super::run::Context;
use super::seen::Seen;
use crate::error::{Error, Result};
use crate::integrate::{DayRange, KeyRule, MemberIndex, Members, add_keys, fact_schema};
use crate::project::{ColumnRule, FactSpec, FeedSpec};
use crate::star::Role;
use crate::translate::{RowCounts, Translated, count, row_hashes};
use crate::warehouse::{PinnedTable, TableLoad};

/// Batches the writer may be behind.
const BATCHES_AHEAD: usize = 4;

/// What a load of a fact gives.
pub(super) struct Loaded {
    pub(super) pinned: PinnedTable,
    pub(super) load: TableLoad,
    pub(super) days: Option<DayRange>,
}

/// Reads, translates, keys and writes `spec`.
pub(super) async fn load(
    context: &Context<'_>,
    spec: &FactSpec,
    members: &BTreeMap<String, MemberIndex>,
    fingerprint: String,
    sink: &Sink,
) -> Result<Loaded> {
    let target = &spec.name.value;
    let mut counts = RowCounts::default();
    let extras = fact_extras(context.project(), spec).expressions;
    let planned = context.plan_feeds(&spec.feeds, &extras, target, &mut counts, sink).await?;
    let columns = planned
        .first()
        .map(|feed| feed.translator.schema())
        .ok_or_else(|| Error::internal("a fact without feeds"))?;
    let roles: Vec<Role> = spec.dimensions.iter().map(|used| used.role.clone()).collect();
    let schema = fact_schema(&roles, &columns);
    let (sender, receiver) = channel::<Result<RecordBatch, DataFusionError>>(BATCHES_AHEAD);
    let rows = futures::stream::unfold(receiver, |mut receiver| async move {
        receiver.recv().await.map(|batch| (batch, receiver))
    });
    let stream = Box::pin(RecordBatchStreamAdapter::new(Arc::clone(&schema), rows));
    let writing = context.loader.replace(target, &schema, &context.run, stream);
    let reading = async {
        let read = read_all(context, spec, planned, members, sink, &sender, &mut counts).await;
        let outcome = match read {
            Ok(days) => Ok(days),
            Err(error) => {
                // The writer must not commit what was read so far.
                let text = error.to_string();
                let broken = DataFusionError::External(Box::new(error));
                drop(sender.send(Err(broken)).await);
                Err(text)
            }
        };
        drop(sender);
        outcome
    };
    let (read, written) = tokio::join!(reading, writing);
    let written = written?;
    let days = read.map_err(Error::internal)?;
    context.progress.table_done(target);
    let pinned = PinnedTable {
        version: written.version,
        base_version: written.base_version,
        fingerprint,
        row_count: counts.loaded,
        next_key: None,
    };
    Ok(Loaded { pinned, load: TableLoad::new(target, counts, Vec::new()), days })
}

/// Sends the rows of all feeds to the writer; gives the days they point to.
async fn read_all(
    context: &Context<'_>,
    spec: &FactSpec,
    planned: Vec<PlannedFeed>,
    members: &BTreeMap<String, MemberIndex>,
    sink: &Sink,
    sender: &Sender<Result<RecordBatch, DataFusionError>>,
    counts: &mut RowCounts,
) -> Result<Option<DayRange>> {
    let target = &spec.name.value;
    let mut days: Option<DayRange> = None;
    let mut grain = Seen::default();
    for (feed, planned) in spec.feeds.iter().zip(planned) {
        let rules = key_rules(context, spec, feed, members);
        let finish = finish(rules, grain_columns(spec, feed));
        let (table, _) = context.source_table(&feed.table.value)?;
        let progress = &context.progress;
        let mut chunks = Chunks::start(table, planned, finish, target, progress)?;
        let mut repeats = Repeats::new(feed.duplicates);
        while let Some(mut chunk) = chunks.next().await? {
            repeats.settle(&mut chunk, Some(&mut grain))?;
            sink.put(target, &feed.table.value, &chunk.split, &chunk.quarantined).await?;
            chunk.counts.loaded = chunk.rows.num_rows() as u64;
            counts.add(&chunk.counts);
            days = match (days, chunk.days) {
                (Some(a), Some(b)) => Some(a.union(b)),
                (a, b) => a.or(b),
            };
            if sender.send(Ok(chunk.rows)).await.is_err() {
                // The writer has failed, and says why.
                return Ok(days);
            }
        }
    }
    Ok(days)
}

/// How the keys of the rows of `feed` are found.
fn key_rules(
    context: &Context<'_>,
    spec: &FactSpec,
    feed: &FeedSpec,
    members: &BTreeMap<String, MemberIndex>,
) -> Vec<KeyRule> {
    let own_source = feed.table.value.split('.').next().unwrap_or_default();
    let mut rules = Vec::new();
    for (used, extras) in spec.dimensions.iter().zip(fact_extras(context.project(), spec).of_use) {
        let source = used.source.as_ref().map_or(own_source, |source| &source.value);
        let members = match members.get(&used.dimension.value) {
            Some(index) => Members::Index(
                Arc::new(index.of(source).cloned().unwrap_or_default()),
                index.timelines().cloned().map(Arc::new),
            ),
            None => Members::Calendar(context.allowed_days()),
        };
        let role = used.role.clone();
        let UseExtras { on, not_applicable, as_of } = extras;
        let on = on.collect();
        rules.push(KeyRule { role, on, not_applicable, as_of, missing: used.missing, members });
    }
    rules
}

/// The columns whose values tell rows apart; none to check where they are the row's position.
fn grain_columns(spec: &FactSpec, feed: &FeedSpec) -> Option<Vec<usize>> {
    let column = |name: &str| feed.columns.iter().position(|column| column.name.value == name);
    let columns: Vec<usize> = spec.grain.iter().filter_map(|name| column(&name.value)).collect();
    let is = |index: &usize, name: &str| matches!(&feed.columns[*index].rule, ColumnRule::Expression(text) if text.value == name);
    let by_position = columns.iter().any(|index| is(index, "_file"))
        && columns.iter().any(|index| is(index, "_line"))
        && spec.feeds.len() == 1;
    (!by_position).then_some(columns)
}

fn finish(rules: Vec<KeyRule>, grain: Option<Vec<usize>>) -> Finish {
    Arc::new(move |translated, split| {
        settle(translated, split, grain.as_deref(), |mut translated| {
            let keyed =
                add_keys(&rules, &translated.rows, &translated.extras, &mut translated.frame)?;
            let mut remarked = BTreeMap::new();
            for (remark, rows) in &keyed.remarks {
                let rows = rows.iter().enumerate();
                for _ in rows.filter(|(row, meant)| **meant && translated.frame.stands(*row)) {
                    count(&mut remarked, remark);
                }
            }
            translated.rows = keyed.rows;
            Ok((translated, Some((keyed.days, remarked, rules.len()))))
        })
    })
}

/// What adding keys found out: the days, remarks, and the number of key columns in front.
type Keys = (Option<DayRange>, BTreeMap<String, u64>, usize);

/// Takes faulty rows out of a translated batch after `work` on it.
pub(super) fn settle(
    translated: Translated,
    split: &Arc<str>,
    grain: Option<&[usize]>,
    work: impl FnOnce(Translated) -> Result<(Translated, Option<Keys>)>,
) -> Result<Chunk> {
    let (translated, keys) = work(translated)?;
    let Translated { rows, hashes, frame, rejected, .. } = translated;
    let (settled, lines) = frame.settle()?;
    let duplicate_hashes = hashes.map(|hashes| {
        let kept = hashes.into_iter().zip(settled.keep.iter());
        kept.filter(|(_, keep)| *keep == Some(true)).map(|(hash, _)| hash).collect()
    });
    let rows = settled.filter(rows)?;
    let (days, remarked, key_count) = keys.unwrap_or_default();
    let grain_hashes = match grain {
        Some(columns) => {
            let columns: Vec<usize> = columns.iter().map(|column| column + key_count).collect();
            Some(row_hashes(&rows.project(&columns)?)?)
        }
        None => None,
    };
    let mut counts = settled.counts;
    counts.remarked = remarked;
    counts.rows_in += rejected.len() as u64;
    let mut quarantined = settled.quarantined;
    for row in rejected {
        count(&mut counts.quarantined, &row.fault.rule);
        quarantined.push(row);
    }
    Ok(Chunk {
        split: Arc::clone(split),
        rows,
        lines,
        duplicate_hashes,
        grain_hashes,
        quarantined,
        counts,
        days,
    })
}
