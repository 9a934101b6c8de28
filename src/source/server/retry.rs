//! Patience: what may pass by itself is tried again, a little later each time.

use std::future::Future;
use std::time::Duration;

use backon::{ExponentialBuilder, Retryable};

use crate::error::Error;

/// An error, and whether it may pass by itself.
#[derive(Debug)]
pub(in crate::source) struct Transient {
    pub(in crate::source) error: Error,
    pub(in crate::source) may_pass: bool,
}

/// Tries `attempt` up to five times over some three seconds, as long as its error may pass.
pub(in crate::source) async fn patiently<T, F, A>(attempt: A) -> Result<T, Error>
where
    A: FnMut() -> F,
    F: Future<Output = Result<T, Transient>>,
{
    let delays = ExponentialBuilder::default()
        .with_min_delay(Duration::from_millis(200))
        .with_max_times(4)
        .with_jitter();
    let outcome = attempt
        .retry(delays)
        .when(|transient: &Transient| transient.may_pass)
        .notify(|transient, delay| {
            tracing::warn!("{}; trying again in {delay:?}", transient.error);
        })
        .await;
    outcome.map_err(|transient| transient.error)
}
