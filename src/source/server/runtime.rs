//! The threads that talk to database servers. Their work is small and mostly waiting, and must go on
//! while the threads that load wait for it.

use std::future::Future;
use std::io;
use std::sync::LazyLock;
use std::sync::mpsc::sync_channel;

use tokio::runtime::{Builder, Handle, Runtime};

use crate::error::{Error, ErrorKind, Result};

static RUNTIME: LazyLock<io::Result<Runtime>> = LazyLock::new(|| {
    Builder::new_multi_thread()
        .worker_threads(2)
        .thread_name("starling-source")
        .enable_all()
        .build()
});

/// Where to spawn.
pub(super) fn handle() -> Result<&'static Handle> {
    match &*RUNTIME {
        Ok(runtime) => Ok(runtime.handle()),
        Err(error) => {
            let what = format!("cannot start the threads that talk to database servers: {error}");
            Err(Error::new(ErrorKind::Internal, what))
        }
    }
}

/// Runs `work` to its end while the calling thread waits; that thread may belong to any runtime.
pub(in crate::source) fn wait_for<T, F>(work: F) -> Result<T>
where
    T: Send + 'static,
    F: Future<Output = Result<T>> + Send + 'static,
{
    let (sender, receiver) = sync_channel(1);
    handle()?.spawn(async move {
        // The receiver waits for it, unless its thread was killed.
        drop(sender.send(work.await));
    });
    receiver.recv().unwrap_or_else(|_| Err(Error::internal("talking to a database server broke")))
}
