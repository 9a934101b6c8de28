//! `starling serve`.

use std::sync::Arc;

use tokio::signal::unix::{Signal, SignalKind, signal};

use super::args::ServeOptions;
use super::{Place, say};
use crate::engine::Snapshots;
use crate::error::{ErrorKind, Result, ResultExt};
use crate::serve;

pub(super) async fn run(place: &Place, options: &ServeOptions) -> Result<()> {
    let mut snapshots = place.snapshots()?;
    // A warehouse that was named need not be that of the project in the folder.
    if place.warehouse.is_none() {
        snapshots = snapshots.with_project(place.folder.clone())?;
    }
    let snapshots = Arc::new(snapshots);
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
    let served = Arc::clone(&snapshots);
    tokio::select! {
        ended = serve::run(listener, served, interrupted(terminate)) => ended,
        never = snapshots.follow() => match never {},
    }
}

/// Ctrl-C, or the signal by which services are stopped.
async fn interrupted(mut terminate: Signal) {
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        _ = terminate.recv() => {}
    }
}
