//! The door for BI tools and drivers: Flight SQL over gRPC.
//!
//! A statement arrives as a prepared one or directly, is planned against the newest epoch and
//! announced with its schema; the ticket in the announcement names the epoch, so the stream reads
//! what was announced even if a load publishes in between. The server keeps no state for it.
//!
//! `flight` takes the calls, `metadata` (with `keys`, `sql_info` and `xdbc`) answers what there is,
//! `flight_sql` and `query` run statements, `wire` decides the shape of everything sent.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use arrow_flight::flight_service_server::FlightServiceServer;
use futures::StreamExt;
use tokio::net::{TcpListener, TcpStream};
use tonic::transport::Server;
use tonic::transport::server::TcpIncoming;

use crate::engine::Snapshots;
use crate::error::{Error, ErrorKind, Result, ResultExt};

mod flight;
mod flight_sql;
mod handle;
mod keys;
mod metadata;
mod query;
mod running;
mod session;
mod session_actions;
mod session_options;
mod sql_info;
mod status;
mod wire;
mod xdbc;

/// Bound rows arrive in messages as large as the driver makes them.
const REQUEST_BYTES_MAX: usize = 64 << 20;

/// Opens the port to serve on; only an address of this machine, until there is access control.
pub async fn bind(address: SocketAddr) -> Result<TcpListener> {
    if !address.ip().is_loopback() {
        return Err(Error::new(
            ErrorKind::Denied,
            format!(
                "serving on {address} is refused: there is no access control yet, so only \
                 addresses of this machine are served, such as 127.0.0.1:{}",
                address.port()
            ),
        ));
    }
    TcpListener::bind(address).await.map_err(|cause| {
        let what = match cause.kind() {
            io::ErrorKind::AddrInUse => format!(
                "port {} is in use, perhaps by a server that is already running; stop it or \
                 choose another port",
                address.port()
            ),
            io::ErrorKind::PermissionDenied => format!(
                "port {} needs more rights than this user has; choose one above 1023",
                address.port()
            ),
            _ => format!("cannot serve on {address}"),
        };
        Error::new(ErrorKind::Conflict, what).because(cause)
    })
}

/// Answers clients until `shutdown` completes, then lets running results end.
pub async fn run(
    listener: TcpListener,
    snapshots: Arc<dyn Snapshots>,
    shutdown: impl Future<Output = ()> + Send,
) -> Result<()> {
    if let Ok(address) = listener.local_addr() {
        tracing::info!(%address, "serving Flight SQL");
    }
    let flight = Arc::new(flight::Flight::new(snapshots));
    let service = FlightServiceServer::from_arc(Arc::clone(&flight))
        .max_decoding_message_size(REQUEST_BYTES_MAX)
        .max_encoding_message_size(usize::MAX);
    let connections = TcpIncoming::from(listener).with_nodelay(Some(true));
    let connections = connections.inspect(|connection| {
        if let Some(Ok(peer)) = connection.as_ref().ok().map(TcpStream::peer_addr) {
            flight.connected(peer);
        }
    });
    Server::builder()
        .add_service(service)
        .serve_with_incoming_shutdown(connections, shutdown)
        .await
        .or_fail(ErrorKind::Internal, || "serving Flight SQL".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn only_this_machine_is_served() {
        let refused = bind("0.0.0.0:0".parse().unwrap()).await.unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Denied);
        assert!(refused.to_string().contains("no access control"));
    }

    #[tokio::test]
    async fn a_used_port_says_what_to_do() {
        let first = bind("127.0.0.1:0".parse().unwrap()).await.unwrap();
        let second = bind(first.local_addr().unwrap()).await.unwrap_err();
        assert_eq!(second.kind(), ErrorKind::Conflict);
        assert!(second.to_string().contains("choose another port"), "{second}");
    }
}
