//! The gRPC service: metadata and what the Flight SQL library leaves out; statements go further.

use std::net::SocketAddr;
use std::sync::Arc;

use arrow_flight::flight_service_server::FlightService;
use arrow_flight::sql::{Any, Command};
use arrow_flight::{
    Action, ActionType, Criteria, Empty, FlightData, FlightDescriptor, FlightInfo,
    HandshakeRequest, HandshakeResponse, PollInfo, SchemaResult, Ticket,
};
use futures::StreamExt;
use prost::Message;
use tonic::{Request, Response, Status, Streaming};

use super::flight_sql::{CANCEL_FLIGHT_INFO, FlightSql, flight_info};
use super::session::{Session, payload_user};
use super::status::status;
use super::{metadata, session_options as options, wire};
use crate::engine::{Principal, Snapshots};

/// What is offered beyond the actions of the Flight SQL library, and what is not of those.
const ACTIONS: [(&str, &str); 7] = [
    ("CreatePreparedStatement", "prepares a query"),
    ("ClosePreparedStatement", "forgets a prepared query"),
    ("CancelQuery", "stops a result; older form of CancelFlightInfo"),
    (CANCEL_FLIGHT_INFO, "stops a result"),
    (options::SET, "sets catalog, schema, epoch or as_of for the session"),
    (options::GET, "tells the options of the session"),
    (options::CLOSE, "ends the session"),
];

/// Wraps the statement part, because the library hard-wires some calls to "unimplemented".
#[derive(Clone, Debug)]
pub(super) struct Flight {
    statements: Arc<FlightSql>,
}

impl Flight {
    pub(super) fn new(snapshots: Arc<dyn Snapshots>) -> Self {
        Self { statements: Arc::new(FlightSql::new(snapshots)) }
    }

    /// A client connected from `peer`.
    pub(super) fn connected(&self, peer: SocketAddr) {
        self.statements.sessions.connected(peer);
    }

    /// What there is in the epoch that `caller` reads.
    async fn answer(
        &self,
        command: &Command,
        caller: &Session,
    ) -> crate::error::Result<arrow::array::RecordBatch> {
        let snapshot = self.statements.snapshots.open(caller.moment).await?;
        metadata::answer(&snapshot, command).await
    }
}

/// The command in a descriptor or ticket; `None` leaves the complaint to the library.
fn command(bytes: &[u8]) -> Option<Command> {
    Command::try_from(Any::decode(bytes).ok()?).ok()
}

#[async_trait::async_trait]
impl FlightService for Flight {
    type HandshakeStream = <FlightSql as FlightService>::HandshakeStream;
    type ListFlightsStream = <FlightSql as FlightService>::ListFlightsStream;
    type DoGetStream = <FlightSql as FlightService>::DoGetStream;
    type DoPutStream = <FlightSql as FlightService>::DoPutStream;
    type DoActionStream = <FlightSql as FlightService>::DoActionStream;
    type ListActionsStream = <FlightSql as FlightService>::ListActionsStream;
    type DoExchangeStream = <FlightSql as FlightService>::DoExchangeStream;

    /// Opens a session for whoever calls; a token is exchanged for a session's own.
    async fn handshake(
        &self,
        request: Request<Streaming<HandshakeRequest>>,
    ) -> Result<Response<Self::HandshakeStream>, Status> {
        let (_, mut caller) = self.statements.sessions.caller(request.metadata());
        let first = request.into_inner().message().await?.unwrap_or_default();
        if caller.principal == Principal::everyone()
            && let Some(principal) = payload_user(&first.payload)
        {
            caller = Session::new(principal);
        }
        let token = self.statements.sessions.open(caller).map_err(|error| status(&error))?;
        let header = format!("Bearer {token}").parse();
        let reply = HandshakeResponse {
            protocol_version: first.protocol_version,
            payload: token.into_bytes().into(),
        };
        let stream: Self::HandshakeStream = futures::stream::iter([Ok(reply)]).boxed();
        let mut response = Response::new(stream);
        let header = header.map_err(|_| Status::internal("the token is not a header"))?;
        response.metadata_mut().insert("authorization", header);
        Ok(response)
    }

    async fn list_flights(
        &self,
        _request: Request<Criteria>,
    ) -> Result<Response<Self::ListFlightsStream>, Status> {
        // Results exist only once they are asked for, and relations are listed by GetTables.
        Ok(Response::new(futures::stream::empty().boxed()))
    }

    async fn get_flight_info(
        &self,
        request: Request<FlightDescriptor>,
    ) -> Result<Response<FlightInfo>, Status> {
        let Some(schema) = command(&request.get_ref().cmd).as_ref().and_then(metadata::schema)
        else {
            return self.statements.get_flight_info(request).await;
        };
        let schema = wire::schema_bytes(&schema).map_err(|error| status(&error))?;
        let descriptor = request.into_inner();
        Ok(Response::new(flight_info(schema, descriptor.cmd.clone(), descriptor)))
    }

    /// A query is announced at once, so there is never anything to poll for.
    async fn poll_flight_info(
        &self,
        request: Request<FlightDescriptor>,
    ) -> Result<Response<PollInfo>, Status> {
        let info = self.get_flight_info(request).await?.into_inner();
        Ok(Response::new(PollInfo { info: Some(info), progress: Some(1.0), ..PollInfo::default() }))
    }

    async fn get_schema(
        &self,
        request: Request<FlightDescriptor>,
    ) -> Result<Response<SchemaResult>, Status> {
        let info = self.get_flight_info(request).await?.into_inner();
        Ok(Response::new(SchemaResult { schema: info.schema }))
    }

    async fn do_get(
        &self,
        request: Request<Ticket>,
    ) -> Result<Response<Self::DoGetStream>, Status> {
        let asked = command(&request.get_ref().ticket);
        let Some(asked) = asked.filter(|command| metadata::schema(command).is_some()) else {
            return self.statements.do_get(request).await;
        };
        let caller = self.statements.caller(&request)?;
        let batch = self.answer(&asked, &caller).await.map_err(|error| status(&error))?;
        let messages = wire::encode(batch.schema(), futures::stream::iter([Ok(batch)]));
        Ok(Response::new(messages.boxed()))
    }

    async fn do_put(
        &self,
        request: Request<Streaming<FlightData>>,
    ) -> Result<Response<Self::DoPutStream>, Status> {
        self.statements.do_put(request).await
    }

    async fn do_action(
        &self,
        request: Request<Action>,
    ) -> Result<Response<Self::DoActionStream>, Status> {
        self.statements.do_action(request).await
    }

    /// Only what works; the library would also list transactions and Substrait.
    async fn list_actions(
        &self,
        _request: Request<Empty>,
    ) -> Result<Response<Self::ListActionsStream>, Status> {
        let actions = ACTIONS.map(|(name, description)| {
            Ok(ActionType { r#type: name.to_owned(), description: description.to_owned() })
        });
        Ok(Response::new(futures::stream::iter(actions).boxed()))
    }

    async fn do_exchange(
        &self,
        request: Request<Streaming<FlightData>>,
    ) -> Result<Response<Self::DoExchangeStream>, Status> {
        self.statements.do_exchange(request).await
    }
}
