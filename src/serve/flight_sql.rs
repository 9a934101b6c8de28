//! Statements: prepare, bind, announce, stream, cancel.

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow_flight::decode::FlightRecordBatchStream;
use arrow_flight::error::FlightError;
use arrow_flight::flight_service_server::FlightService;
use arrow_flight::sql::server::{FlightSqlService, PeekableFlightDataStream};
use arrow_flight::sql::{
    ActionBeginSavepointRequest, ActionBeginSavepointResult, ActionBeginTransactionRequest,
    ActionBeginTransactionResult, ActionCancelQueryRequest, ActionCancelQueryResult,
    ActionClosePreparedStatementRequest, ActionCreatePreparedStatementRequest,
    ActionCreatePreparedStatementResult, CommandPreparedStatementQuery,
    CommandPreparedStatementUpdate, CommandStatementIngest, CommandStatementQuery,
    CommandStatementUpdate, DoPutPreparedStatementResult, ProstMessageExt, SqlInfo,
    TicketStatementQuery,
};
use arrow_flight::{
    Action, CancelFlightInfoRequest, CancelFlightInfoResult, CancelStatus, FlightDescriptor,
    FlightEndpoint, FlightInfo, Ticket,
};
use futures::{StreamExt, TryStreamExt};
use prost::Message;
use prost::bytes::Bytes;
use tonic::{Request, Response, Status};

use super::handle::Handle;
use super::query::Query;
use super::running::{Messages, Running};
use super::session::{Session, Sessions};
use super::session_options as options;
use super::status::status;
use super::wire;
use crate::engine::Snapshots;
use crate::error::{Error, ErrorKind, Result};

/// The action that stops a result; its older twin `CancelQuery` has a method of its own.
pub(super) const CANCEL_FLIGHT_INFO: &str = "CancelFlightInfo";

/// What actions answer.
pub(super) type Actions = <FlightSql as FlightService>::DoActionStream;

/// The statement part of the service; the rest is in [`super::flight`].
#[derive(Debug)]
pub(super) struct FlightSql {
    pub snapshots: Arc<dyn Snapshots>,
    pub sessions: Sessions,
    running: Arc<Running>,
}

impl FlightSql {
    pub(super) fn new(snapshots: Arc<dyn Snapshots>) -> Self {
        Self { snapshots, sessions: Sessions::default(), running: Arc::default() }
    }

    /// Who calls; refused when the caller once chose something and does not say so any more.
    pub(super) fn caller<T>(&self, request: &Request<T>) -> Result<Session, Status> {
        let (token, session) = self.sessions.caller(request.metadata());
        match request.remote_addr() {
            Some(peer) if token.is_none() && self.sessions.is_forgetful(peer) => {
                Err(Status::failed_precondition(
                    "session options were set on this connection, and the cookie that keeps them does \
                     not come back; connect with a user name, or let the client keep cookies, in ADBC \
                     by adbc.flight.sql.rpc.with_cookie_middleware=true",
                ))
            }
            _ => Ok(session),
        }
    }

    /// Announces the result of `handle`, pinned to the epoch it was planned in.
    async fn announce(
        &self,
        handle: Handle,
        caller: &Session,
        descriptor: FlightDescriptor,
    ) -> Result<FlightInfo> {
        let query = Query::plan(&*self.snapshots, &handle, caller).await?;
        let epoch = query.epoch();
        let number = self.running.next_number();
        let edition = Some(query.edition());
        let pinned = Handle { epoch: Some(epoch), edition, query: Some(number), ..handle };
        let ticket = TicketStatementQuery { statement_handle: pinned.to_bytes() };
        let schema = wire::schema_bytes(&*query.schema()?)?;
        let metadata = serde_json::json!({ "epoch": epoch, "query": number });
        Ok(flight_info(schema, ticket.as_any().encode_to_vec(), descriptor)
            .with_app_metadata(metadata.to_string()))
    }

    async fn stream(&self, handle: &Handle, caller: &Session) -> Result<Messages> {
        let query = Query::plan(&*self.snapshots, handle, caller).await?;
        let number = handle.query.unwrap_or_else(|| self.running.next_number());
        Ok(self.running.track(number, query.stream()?))
    }

    async fn prepare(&self, handle: Handle, caller: &Session) -> Result<Prepared> {
        let query = Query::plan(&*self.snapshots, &handle, caller).await?;
        Ok(Prepared {
            prepared_statement_handle: handle.to_bytes(),
            dataset_schema: wire::schema_bytes(&*query.unbound_schema()?)?,
            parameter_schema: wire::schema_bytes(&*query.parameter_schema()?)?,
        })
    }

    /// Stops the query `info` announced.
    fn cancel(&self, info: &FlightInfo) -> CancelStatus {
        let ticket = info.endpoint.first().and_then(|endpoint| endpoint.ticket.as_ref());
        let number = ticket.and_then(|ticket| {
            let any = arrow_flight::sql::Any::decode(&*ticket.ticket).ok()?;
            let ticket = any.unpack::<TicketStatementQuery>().ok()??;
            Handle::from_bytes(&ticket.statement_handle).ok()?.query
        });
        match number {
            Some(number) if self.running.cancel(number) => CancelStatus::Cancelled,
            _ => CancelStatus::NotCancellable,
        }
    }
}

type Prepared = ActionCreatePreparedStatementResult;

/// One endpoint without a location: the client reads it where it asked, behind any proxy.
pub(super) fn flight_info(
    schema: Bytes,
    ticket: impl Into<Bytes>,
    descriptor: FlightDescriptor,
) -> FlightInfo {
    let endpoint = FlightEndpoint::new().with_ticket(Ticket::new(ticket));
    let mut info = FlightInfo::new()
        .with_endpoint(endpoint)
        .with_descriptor(descriptor)
        .with_total_records(-1)
        .with_total_bytes(-1)
        .with_ordered(true);
    info.schema = schema;
    info
}

/// The answer of an action that answers once.
pub(super) fn single(body: Vec<u8>) -> Response<Actions> {
    let result = arrow_flight::Result { body: body.into() };
    Response::new(futures::stream::iter([Ok(result)]).boxed())
}

pub(super) fn malformed(action: &str) -> Status {
    Status::invalid_argument(format!("the body of {action} is malformed"))
}

fn only_loads(action: &str) -> Status {
    status(&Error::new(
        ErrorKind::Unsupported,
        format!("{action} is not offered: rows enter the warehouse only through loads"),
    ))
}

#[async_trait::async_trait]
impl FlightSqlService for FlightSql {
    type FlightService = Self;

    async fn get_flight_info_statement(
        &self,
        command: CommandStatementQuery,
        request: Request<FlightDescriptor>,
    ) -> Result<Response<FlightInfo>, Status> {
        let caller = self.caller(&request)?;
        let handle = caller.handle(command.query);
        let info = self.announce(handle, &caller, request.into_inner()).await;
        info.map(Response::new).map_err(|error| status(&error))
    }

    async fn get_flight_info_prepared_statement(
        &self,
        command: CommandPreparedStatementQuery,
        request: Request<FlightDescriptor>,
    ) -> Result<Response<FlightInfo>, Status> {
        let caller = self.caller(&request)?;
        let handle = Handle::from_bytes(&command.prepared_statement_handle)
            .map_err(|error| status(&error))?;
        let info = self.announce(handle, &caller, request.into_inner()).await;
        info.map(Response::new).map_err(|error| status(&error))
    }

    async fn do_get_statement(
        &self,
        ticket: TicketStatementQuery,
        request: Request<Ticket>,
    ) -> Result<Response<Messages>, Status> {
        let caller = self.caller(&request)?;
        let handle =
            Handle::from_bytes(&ticket.statement_handle).map_err(|error| status(&error))?;
        let messages = self.stream(&handle, &caller).await;
        messages.map(Response::new).map_err(|error| status(&error))
    }

    async fn do_get_prepared_statement(
        &self,
        command: CommandPreparedStatementQuery,
        request: Request<Ticket>,
    ) -> Result<Response<Messages>, Status> {
        let statement_handle = command.prepared_statement_handle;
        self.do_get_statement(TicketStatementQuery { statement_handle }, request).await
    }

    async fn do_action_create_prepared_statement(
        &self,
        command: ActionCreatePreparedStatementRequest,
        request: Request<Action>,
    ) -> Result<Prepared, Status> {
        let caller = self.caller(&request)?;
        let handle = caller.handle(command.query);
        self.prepare(handle, &caller).await.map_err(|error| status(&error))
    }

    async fn do_action_close_prepared_statement(
        &self,
        _command: ActionClosePreparedStatementRequest,
        _request: Request<Action>,
    ) -> Result<(), Status> {
        // The handle is all there is.
        Ok(())
    }

    async fn do_put_prepared_statement_query(
        &self,
        command: CommandPreparedStatementQuery,
        request: Request<PeekableFlightDataStream>,
    ) -> Result<DoPutPreparedStatementResult, Status> {
        let handle = Handle::from_bytes(&command.prepared_statement_handle)
            .map_err(|error| status(&error))?;
        let messages = request.into_inner().map_err(FlightError::from);
        let mut stream = FlightRecordBatchStream::new_from_flight_data(messages);
        let mut batches: Vec<RecordBatch> = Vec::new();
        while let Some(batch) = stream.try_next().await? {
            batches.push(batch);
        }
        if batches.is_empty()
            && let Some(schema) = stream.schema()
        {
            // No rows bound is an empty result, unlike nothing bound.
            batches.push(RecordBatch::new_empty(Arc::clone(schema)));
        }
        let bound = handle.with_parameters(&batches).map_err(|error| status(&error))?;
        Ok(DoPutPreparedStatementResult { prepared_statement_handle: Some(bound.to_bytes()) })
    }

    async fn do_put_prepared_statement_update(
        &self,
        _command: CommandPreparedStatementUpdate,
        _request: Request<PeekableFlightDataStream>,
    ) -> Result<i64, Status> {
        Err(only_loads("executing a statement as an update"))
    }

    async fn do_put_statement_update(
        &self,
        _command: CommandStatementUpdate,
        _request: Request<PeekableFlightDataStream>,
    ) -> Result<i64, Status> {
        Err(only_loads("executing a statement as an update"))
    }

    async fn do_put_statement_ingest(
        &self,
        _command: CommandStatementIngest,
        _request: Request<PeekableFlightDataStream>,
    ) -> Result<i64, Status> {
        Err(only_loads("bulk ingestion"))
    }

    async fn do_action_begin_transaction(
        &self,
        _command: ActionBeginTransactionRequest,
        _request: Request<Action>,
    ) -> Result<ActionBeginTransactionResult, Status> {
        Err(only_loads("a transaction"))
    }

    async fn do_action_begin_savepoint(
        &self,
        _command: ActionBeginSavepointRequest,
        _request: Request<Action>,
    ) -> Result<ActionBeginSavepointResult, Status> {
        Err(only_loads("a savepoint"))
    }

    async fn do_action_cancel_query(
        &self,
        command: ActionCancelQueryRequest,
        _request: Request<Action>,
    ) -> Result<ActionCancelQueryResult, Status> {
        let info = FlightInfo::decode(command.info).map_err(|_| malformed("CancelQuery"))?;
        // Both enumerations have the same numbers.
        Ok(ActionCancelQueryResult { result: self.cancel(&info).into() })
    }

    async fn do_action_fallback(
        &self,
        request: Request<Action>,
    ) -> Result<Response<Actions>, Status> {
        match request.get_ref().r#type.as_str() {
            options::SET => self.set_options(&request).await,
            options::GET => self.get_options(&request).await,
            options::CLOSE => Ok(self.close_session(&request)),
            CANCEL_FLIGHT_INFO => {
                let body = CancelFlightInfoRequest::decode(&*request.get_ref().body);
                let info = body.map_err(|_| malformed(CANCEL_FLIGHT_INFO))?.info;
                let status = info.map_or(CancelStatus::NotCancellable, |info| self.cancel(&info));
                let result = CancelFlightInfoResult { status: status.into() };
                Ok(single(result.encode_to_vec()))
            }
            other => Err(Status::unimplemented(format!("there is no action {other}"))),
        }
    }

    async fn register_sql_info(&self, _id: i32, _result: &SqlInfo) {}
}
