//! `starling serve`.

use std::sync::Arc;

use tokio::signal::unix::{Signal, SignalKind, signal};

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
    // Who reads the announcement may stop the server at once.
    let terminate = signal(SignalKind::terminate())
        .or_fail(ErrorKind::Internal, || "listening for the signal to terminate".into())?;
    say(&format!("serving epoch {epoch} at grpc://{address}; stop with Ctrl-C"));
    serve::run(listener, Arc::new(snapshots), interrupted(terminate)).await
}

/// Ctrl-C, or the signal by which services are stopped.
async fn interrupted(mut terminate: Signal) {
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        _ = terminate.recv() => {}
    }
}
