//! Results being streamed, so that a client can stop one by name.

use std::collections::HashMap;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use arrow_flight::FlightData;
use futures::Stream;
use futures::stream::{AbortHandle, Abortable, abortable};
use tonic::Status;

/// The stream of a result, as the Flight library wants it.
pub(super) type Messages = Pin<Box<dyn Stream<Item = Result<FlightData, Status>> + Send>>;

/// The results being streamed.
#[derive(Debug, Default)]
pub(super) struct Running {
    last: AtomicU64,
    /// By number of the stream: a client may read one announced query twice at once.
    streams: Mutex<HashMap<u64, (u64, AbortHandle)>>,
}

impl Running {
    /// A number no other query or stream of this process has.
    pub(super) fn next_number(&self) -> u64 {
        self.last.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// `messages` as a stream of `query`, stoppable until it ends or is dropped.
    pub(super) fn track(self: &Arc<Self>, query: u64, messages: Messages) -> Messages {
        let (messages, handle) = abortable(messages);
        let stream = self.next_number();
        self.lock().insert(stream, (query, handle));
        Box::pin(Tracked { stream, messages: Some(messages), running: Arc::clone(self) })
    }

    /// Stops every stream of `query`; false if there is none.
    pub(super) fn cancel(&self, query: u64) -> bool {
        let streams = self.lock();
        let of_query = streams.values().filter(|(found, _)| *found == query);
        of_query.map(|(_, handle)| handle.abort()).count() > 0
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<u64, (u64, AbortHandle)>> {
        // Nothing panics while it is held.
        self.streams.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct Tracked {
    stream: u64,
    /// `None` once it ended, which frees what the plan holds before the client hangs up.
    messages: Option<Abortable<Messages>>,
    running: Arc<Running>,
}

impl Stream for Tracked {
    type Item = Result<FlightData, Status>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let Some(messages) = &mut self.messages else { return Poll::Ready(None) };
        let next = std::task::ready!(Pin::new(&mut *messages).poll_next(cx));
        if next.is_some() {
            return Poll::Ready(next);
        }
        let stopped = messages.is_aborted();
        self.messages = None;
        // A stream that merely ended here would pass for a complete result.
        Poll::Ready(stopped.then(|| Err(Status::cancelled("the query was cancelled"))))
    }
}

impl Drop for Tracked {
    fn drop(&mut self) {
        self.running.lock().remove(&self.stream);
    }
}

#[cfg(test)]
mod tests {
    use futures::StreamExt;

    use super::*;

    #[tokio::test]
    async fn a_cancelled_stream_ends_with_an_error() {
        let running = Arc::new(Running::default());
        let query = running.next_number();
        let endless = futures::stream::repeat_with(|| Ok(FlightData::default()));
        let mut messages = running.track(query, Box::pin(endless));
        assert!(messages.next().await.unwrap().is_ok());
        assert!(running.cancel(query));
        let ended = messages.next().await.unwrap().unwrap_err();
        assert_eq!(ended.code(), tonic::Code::Cancelled);
        assert!(messages.next().await.is_none());
        drop(messages);
        assert!(!running.cancel(query));
    }

    #[tokio::test]
    async fn a_dropped_stream_is_no_longer_running() {
        let running = Arc::new(Running::default());
        let messages = running.track(1, Box::pin(futures::stream::pending()));
        drop(messages);
        assert!(!running.cancel(1));
    }
}
