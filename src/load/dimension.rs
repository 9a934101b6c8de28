//! Loading one dimension.

use std::sync::Arc;

use arrow::array::{AsArray, RecordBatch};
use arrow::compute::{cast, concat_batches};
use arrow::datatypes::{DataType, Int64Type};

use super::fact::settle;
use super::feed::{Chunks, Finish};
use super::quarantine::Sink;
use super::repeats::{Distinct, REPEATED, Repeats};
use super::run::{Context, read_table, stream_of};
use crate::error::{Error, Result};
use crate::integrate::{
    DimensionRows, FeedRows, MemberIndex, Numbering, integrate_dimension, microseconds, version,
};
use crate::project::{DimensionSpec, KeyScope};
use crate::star::{Dimension, RECORD_COLUMN, reserved_columns};
use crate::translate::{QuarantinedRow, RowCounts, count};
use crate::warehouse::{PinnedTable, TableLoad};

/// What a load of a dimension gives.
pub(super) struct Loaded {
    /// Its table, and those of its trees.
    pub(super) tables: Vec<(String, PinnedTable)>,
    pub(super) load: TableLoad,
    pub(super) members: MemberIndex,
}

/// Reads, translates, integrates and writes `spec`.
pub(super) async fn load(
    context: &Context<'_>,
    spec: &DimensionSpec,
    dimension: &Dimension,
    fingerprint: String,
    sink: &Sink,
) -> Result<Loaded> {
    let mut numbering = numbering(context, dimension).await?;
    let mut counts = RowCounts::default();
    let mut feeds = Vec::new();
    let mut positions = Vec::new();
    let planned = context.plan_feeds(&spec.feeds, &[], &spec.name.value, &mut counts, sink).await?;
    for (feed, planned) in spec.feeds.iter().zip(planned) {
        let schema = planned.translator.schema();
        let (table, _) = context.source_table(&feed.table.value)?;
        let target = &spec.name.value;
        let every_column: Vec<usize> = (0..schema.fields().len()).collect();
        let finish: Finish = Arc::new(move |translated, split| {
            // Nothing is left to do on the worker but to take faulty rows out.
            settle(translated, split, Some(&every_column), |translated| Ok((translated, None)))
        });
        let mut chunks = Chunks::start(table, planned, finish, target, &context.progress)?;
        let mut repeats = Repeats::new(feed.duplicates);
        let mut distinct = Distinct::default();
        let mut batches = Vec::new();
        let mut rows_at = Vec::new();
        while let Some(mut chunk) = chunks.next().await? {
            repeats.settle(&mut chunk, None)?;
            distinct.settle(&mut chunk)?;
            sink.put(target, &feed.table.value, &chunk.split, &chunk.quarantined).await?;
            counts.add(&chunk.counts);
            rows_at.extend(chunk.lines.iter().map(|line| (Arc::clone(&chunk.split), *line)));
            batches.push(chunk.rows);
        }
        let rows = concat_batches(&schema, &batches)?;
        let source = feed.table.value.split('.').next().unwrap_or_default().to_owned();
        feeds.push(FeedRows { source, rows });
        positions.push(rows_at);
    }
    let integrated = integrate_dimension(dimension, spec, &feeds, &mut numbering)?;
    let DimensionRows { table, trees, members, outcomes, remarked, notes } = integrated;
    for (remark, rows) in remarked {
        *counts.remarked.entry(remark).or_default() += rows;
    }
    for (((feed, rows), at), outcome) in spec.feeds.iter().zip(&feeds).zip(&positions).zip(outcomes)
    {
        for (row, fault) in outcome.faults {
            let (split, line) = &at[row];
            count(&mut counts.quarantined, &fault.rule);
            let json = crate::translate::row_json(&rows.rows, row)?;
            let row = QuarantinedRow { line: *line, fault, row: json };
            sink.put(&spec.name.value, &feed.table.value, split, &[row]).await?;
        }
        for (rule, rows) in [
            (REPEATED, outcome.repeated),
            ("contradicting record", outcome.contradicting),
            ("unchanged version", outcome.unchanged),
        ] {
            if rows > 0 {
                *counts.dropped.entry(rule.into()).or_default() += rows;
            }
        }
    }
    counts.loaded = counts.rows_in - counts.quarantined_total() - counts.dropped_total();
    let name = &spec.name.value;
    let mut pinned = write(context, name, table, &fingerprint).await?;
    pinned.next_key = Some(numbering.next);
    let mut tables = vec![(name.clone(), pinned)];
    for tree in trees {
        let pinned = write(context, &tree.table, tree.rows, &fingerprint).await?;
        tables.push((tree.table, pinned));
    }
    context.progress.table_done(name);
    Ok(Loaded { tables, load: TableLoad::new(name, counts, notes), members })
}

/// Replaces the table `name` by `rows`.
async fn write(
    context: &Context<'_>,
    name: &str,
    rows: RecordBatch,
    fingerprint: &str,
) -> Result<PinnedTable> {
    let row_count = rows.num_rows() as u64;
    let schema = rows.schema();
    let stream = stream_of(Arc::clone(&schema), vec![rows]);
    let written = context.loader.replace(name, &schema, &context.run, stream).await?;
    Ok(PinnedTable {
        version: written.version,
        base_version: written.base_version,
        fingerprint: fingerprint.to_owned(),
        row_count,
        next_key: None,
    })
}

/// The keys given so far.
async fn numbering(context: &Context<'_>, dimension: &Dimension) -> Result<Numbering> {
    let mut numbering = Numbering::default();
    let Some(epoch) = &context.previous else { return Ok(numbering) };
    let Some(pinned) = epoch.tables.get(&dimension.name) else { return Ok(numbering) };
    numbering.next = pinned.next_key.unwrap_or(1);
    for batch in read_table(context, epoch, &dimension.name).await? {
        for stored in stored_versions(dimension, &batch)? {
            // Where no history is kept any more, a record goes on with the key of what it is now.
            if dimension.history.is_some() || stored.key == stored.current {
                numbering.keys.insert(version(&stored.record, stored.from), stored.key);
            }
        }
    }
    Ok(numbering)
}

/// The members of a dimension that is not loaded now.
pub(super) async fn members(
    context: &Context<'_>,
    spec: &DimensionSpec,
    dimension: &Dimension,
) -> Result<MemberIndex> {
    let mut members = MemberIndex::default();
    let Some(epoch) = &context.previous else { return Ok(members) };
    for batch in read_table(context, epoch, &dimension.name).await? {
        for StoredVersion { record, key, current, from } in stored_versions(dimension, &batch)? {
            if let Some(from) = from {
                members.add_version(current, from, key);
            }
            if key != current {
                continue;
            }
            match (spec.key_scope, record.split_once('/')) {
                (KeyScope::Source, Some((source, natural_key))) => {
                    members.insert(Some(source), natural_key.to_owned(), key);
                }
                _ => members.insert(None, record, key),
            }
        }
    }
    Ok(members)
}

/// A row of a dimension as it is stored.
struct StoredVersion {
    record: String,
    key: i64,
    current: i64,
    /// Since when it holds in its source, where a history is kept.
    from: Option<i64>,
}

/// Every row of `batch` that stands for a record.
fn stored_versions(dimension: &Dimension, batch: &RecordBatch) -> Result<Vec<StoredVersion>> {
    let column = |name: &str| {
        let found = batch.column_by_name(name);
        found.ok_or_else(|| Error::internal(format!("`{}` has no `{name}`", dimension.name)))
    };
    let [_, _, current, ..] = reserved_columns(&dimension.name);
    let records = cast(column(RECORD_COLUMN)?, &DataType::Utf8)?;
    let keys = cast(column(&dimension.key_column())?, &DataType::Int64)?;
    let current = cast(column(&current)?, &DataType::Int64)?;
    // A table from before there was a history does not have the column.
    let start = dimension.history.as_ref().and_then(|h| batch.column_by_name(&h.from));
    let starts = start.map(microseconds).transpose()?;
    let version = |row: usize| StoredVersion {
        record: records.as_string::<i32>().value(row).to_owned(),
        key: keys.as_primitive::<Int64Type>().value(row),
        current: current.as_primitive::<Int64Type>().value(row),
        from: starts.as_ref().and_then(|starts| starts[row]),
    };
    let versions = (0..batch.num_rows()).map(version);
    Ok(versions.filter(|version| version.key > 0).collect())
}
