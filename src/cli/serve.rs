//! `starling serve`.

use std::sync::Arc;

use super::args::ServeOptions;
use super::{Place, say};
use crate::engine::Snapshots;
use crate::error::{ErrorKind, Result, ResultExt};
use crate::serve;

pub(super) async fn run(place: &Place, options: &ServeOptions) -> Result<()> {
    let snapshots = place.snapshots()?;
    // Better to hear now that there is nothing to serve than at the first query.
    let epoch = snapshots.latest().await?.epoch;
    let listener = serve::bind(options.flight).await?;
    let address = listener
        .local_addr()
        .or_fail(ErrorKind::Internal, || "reading the address listened on".into())?;
    say(&format!("serving epoch {epoch} at grpc://{address}; stop with Ctrl-C"));
    serve::run(listener, Arc::new(snapshots), interrupted()).await
}

/// Ctrl-C, or the signal by which services are stopped.
async fn interrupted() {
    use tokio::signal::unix::{SignalKind, signal};
    match signal(SignalKind::terminate()) {
        Ok(mut terminate) => {
            tokio::select! {
                _ = tokio::signal::ctrl_c() => {}
                _ = terminate.recv() => {}
            }
        }
        Err(error) => {
            tracing::warn!(%error, "cannot listen for the signal to terminate");
            drop(tokio::signal::ctrl_c().await);
        }
    }
}
