//! Batches from a task that talks to a server to the thread that loads, a few ahead and no more.

use std::future::Future;

use futures::executor::block_on;
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::task::JoinHandle;

use super::runtime::handle;
use crate::error::{Error, Result};
use crate::source::{Batches, SourceBatch};

/// Batches read ahead of the consumer.
const READ_AHEAD: usize = 4;

/// Where a reading task puts its batches.
#[derive(Debug)]
pub(in crate::source) struct BatchSender {
    sender: Sender<Result<SourceBatch>>,
}

impl BatchSender {
    /// Hands a batch over, when there is room; `false` means that nobody wants more.
    pub(in crate::source) async fn send(&self, batch: SourceBatch) -> bool {
        self.sender.send(Ok(batch)).await.is_ok()
    }
}

/// The batches that `read` sends. It starts at once and stops when the batches are dropped.
pub(in crate::source) fn stream<F, R>(read: R) -> Result<Batches>
where
    R: FnOnce(BatchSender) -> F,
    F: Future<Output = Result<()>> + Send + 'static,
{
    let (sender, receiver) = channel(READ_AHEAD);
    let reading = read(BatchSender { sender: sender.clone() });
    let task = handle()?.spawn(async move {
        tokio::select! {
            outcome = reading => {
                if let Err(error) = outcome {
                    // The consumer may be gone, and then nobody wants the error either.
                    drop(sender.send(Err(error)).await);
                }
            }
            () = sender.closed() => {}
        }
    });
    Ok(Box::new(Received { receiver, task: Some(task) }))
}

/// What the reading task sends; that it broke is an error, not an end.
#[derive(Debug)]
struct Received {
    receiver: Receiver<Result<SourceBatch>>,
    task: Option<JoinHandle<()>>,
}

impl Iterator for Received {
    type Item = Result<SourceBatch>;

    fn next(&mut self) -> Option<Self::Item> {
        if let Some(batch) = block_on(self.receiver.recv()) {
            return Some(batch);
        }
        let ended = block_on(self.task.take()?);
        ended.is_err().then(|| Err(Error::internal("the task that reads a database broke")))
    }
}
