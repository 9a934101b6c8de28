//! Running one feed: splits are read and translated in parallel, and arrive in their order.

use std::collections::VecDeque;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::compute::concat_batches;
use tokio::sync::mpsc::{Receiver, channel};
use tokio::task::JoinHandle;

use super::connect::Connected;
use super::plan::PlannedFeed;
use super::progress::Progress;
use crate::error::{Error, ErrorKind, Result, ResultExt};
use crate::source::{RejectedRow, SourceTable, Split};
use crate::translate::{QuarantinedRow, RowCounts, Translated, Translator};

/// Splits in work at the same time.
const PARALLEL_SPLITS: usize = 2;
/// Chunks a split may be ahead of the consumer.
const CHUNKS_AHEAD: usize = 4;

/// A translated and settled batch.
#[derive(Debug)]
pub(super) struct Chunk {
    /// The split it is from.
    pub(super) split: Arc<str>,
    /// The rows that stand.
    pub(super) rows: RecordBatch,
    /// Line of each row.
    pub(super) lines: Vec<u64>,
    /// Hash of each row's source row, where duplicates matter.
    pub(super) duplicate_hashes: Option<Vec<u128>>,
    /// Hash of each row's grain, where it must be checked.
    pub(super) grain_hashes: Option<Vec<u128>>,
    /// The rows that do not stand.
    pub(super) quarantined: Vec<QuarantinedRow>,
    /// Everything but `loaded`.
    pub(super) counts: RowCounts,
    /// The days it points to.
    pub(super) days: Option<crate::integrate::DayRange>,
}

/// Finishes a translated batch on the worker: keys, grain.
pub(super) type Finish = Arc<dyn Fn(Translated, &Arc<str>) -> Result<Chunk> + Send + Sync>;

/// The chunks of a feed, in order.
#[derive(Debug)]
pub(super) struct Chunks {
    waiting: VecDeque<Box<dyn Split>>,
    running: VecDeque<Running>,
    work: Work,
}

/// A split in work.
#[derive(Debug)]
struct Running {
    chunks: Receiver<Result<Chunk>>,
    worker: JoinHandle<()>,
}

#[derive(Clone)]
struct Work {
    translator: Arc<Translator>,
    finish: Finish,
    target: Arc<str>,
    progress: Arc<dyn Progress>,
}

impl std::fmt::Debug for Work {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Work").field("target", &self.target).finish_non_exhaustive()
    }
}

impl Chunks {
    /// Starts reading `table` for `target`.
    pub(super) fn start(
        table: &Connected,
        feed: PlannedFeed,
        finish: Finish,
        target: &str,
        progress: &Arc<dyn Progress>,
    ) -> Result<Self> {
        let splits = table.source.splits(&table.native_name, &feed.columns)?;
        let extents = splits.iter().map(|split| split.extent());
        progress.table_started(target, extents.map(|extent| Some(extent?.bytes())).sum());
        let work = Work {
            translator: Arc::new(feed.translator),
            finish,
            target: target.into(),
            progress: Arc::clone(progress),
        };
        Ok(Self { waiting: splits.into(), running: VecDeque::new(), work })
    }

    /// The next chunk, or `None` after the last.
    pub(super) async fn next(&mut self) -> Result<Option<Chunk>> {
        loop {
            while self.running.len() < PARALLEL_SPLITS {
                let Some(split) = self.waiting.pop_front() else { break };
                self.running.push_back(self.work.start(split));
            }
            let Some(front) = self.running.front_mut() else { return Ok(None) };
            if let Some(chunk) = front.chunks.recv().await {
                return chunk.map(Some);
            }
            // The channel closes at the end of the split, and also when its worker breaks.
            if let Some(done) = self.running.pop_front() {
                done.worker
                    .await
                    .or_fail(ErrorKind::Internal, || "a reading worker broke".into())?;
            }
        }
    }
}

impl Work {
    fn start(&self, split: Box<dyn Split>) -> Running {
        let (sender, chunks) = channel(CHUNKS_AHEAD);
        let work = self.clone();
        let worker = tokio::task::spawn_blocking(move || {
            let name: Arc<str> = split.name().into();
            let result = work.run(split, &name, |chunk| sender.blocking_send(Ok(chunk)).is_ok());
            if let Err(error) = result {
                // A consumer that is gone has failed itself, and reports that.
                drop(sender.blocking_send(Err(error.context(format!("reading `{name}`")))));
            }
        });
        Running { chunks, worker }
    }

    fn run(
        &self,
        split: Box<dyn Split>,
        name: &Arc<str>,
        emit: impl Fn(Chunk) -> bool,
    ) -> Result<()> {
        let extent = split.extent().unwrap_or_default();
        let mut told = 0;
        let mut tell = |rows| {
            let read = extent.read();
            self.progress.read(&self.target, rows, read - told);
            told = read;
        };
        for batch in split.open()? {
            let translated = self.translator.translate(batch?, name)?;
            let chunk = (self.finish)(translated, name)?;
            tell(chunk.counts.rows_in);
            if !emit(chunk) {
                return Ok(());
            }
        }
        tell(0);
        Ok(())
    }
}

/// Reads a whole table into memory, typed; rows that do not fit its types are handed over with
/// the split they are from.
pub(super) async fn read_whole(
    table: &Connected,
    columns: &SourceTable,
) -> Result<(RecordBatch, Vec<(String, Vec<RejectedRow>)>)> {
    let splits = table.source.splits(&table.native_name, columns)?;
    let schema = columns.schema();
    let read = tokio::task::spawn_blocking(move || {
        let mut batches = Vec::new();
        let mut rejected = Vec::new();
        for split in splits {
            let name = split.name().to_owned();
            let mut of_split = Vec::new();
            for batch in split.open()? {
                let batch = batch?;
                of_split.extend(batch.rejected);
                batches.push(batch.rows);
            }
            rejected.push((name, of_split));
        }
        Ok::<_, Error>((concat_batches(&schema, &batches)?, rejected))
    });
    read.await.or_fail(ErrorKind::Internal, || "a reading thread ended".into())?
}
