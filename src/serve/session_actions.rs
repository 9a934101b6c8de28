//! The session actions: which schema and epoch a caller chose for all of its statements.

use arrow_flight::Action;
use prost::Message;
use tonic::{Request, Response, Status};

use super::flight_sql::{Actions, FlightSql, malformed, single};
use super::session::{COOKIE, Session};
use super::session_options::{self as options, OptionErrorKind, OptionValue};
use super::status::status;
use crate::engine::{CATALOG, Moment};

impl FlightSql {
    /// Applies one option, or says why not.
    async fn set_option(
        &self,
        session: &mut Session,
        name: &str,
        value: Option<OptionValue>,
    ) -> Option<OptionErrorKind> {
        let text = match value {
            None => None,
            Some(OptionValue::Text(text)) => Some(text).filter(|text| !text.is_empty()),
            Some(OptionValue::Integer(number)) => Some(number.to_string()),
            Some(_) => return Some(OptionErrorKind::InvalidValue),
        };
        match (name, text) {
            ("catalog", None) => {}
            ("catalog", Some(catalog)) if catalog == CATALOG => {}
            ("schema", None) => session.default_schema = None,
            ("schema", Some(schema)) => {
                let Ok(snapshot) = self.snapshots.latest().await else {
                    return Some(OptionErrorKind::Error);
                };
                let catalog = snapshot.context.catalog(CATALOG);
                if catalog.and_then(|catalog| catalog.schema(&schema)).is_none() {
                    return Some(OptionErrorKind::InvalidValue);
                }
                session.default_schema = Some(schema);
            }
            ("epoch", None) if matches!(session.moment, Moment::AsOf(_)) => {}
            ("as_of", None) if matches!(session.moment, Moment::Epoch(_)) => {}
            ("epoch" | "as_of", None) => session.moment = Moment::Newest,
            ("epoch" | "as_of", Some(text)) => {
                let moment = match name {
                    "epoch" => text.parse().ok().map(Moment::Epoch),
                    _ => Moment::of(None, Some(&text)).ok(),
                };
                let Some(moment) = moment else { return Some(OptionErrorKind::InvalidValue) };
                if self.snapshots.open(moment).await.is_err() {
                    return Some(OptionErrorKind::InvalidValue);
                }
                session.moment = moment;
            }
            ("catalog", Some(_)) => return Some(OptionErrorKind::InvalidValue),
            _ => return Some(OptionErrorKind::InvalidName),
        }
        None
    }

    /// Sets what can be set and says what cannot.
    pub(super) async fn set_options(
        &self,
        request: &Request<Action>,
    ) -> Result<Response<Actions>, Status> {
        let body = options::SetSessionOptionsRequest::decode(&*request.get_ref().body)
            .map_err(|_| malformed(options::SET))?;
        let (token, mut session) = self.sessions.caller(request.metadata());
        let mut result = options::SetSessionOptionsResult::default();
        let given = |name: &str| {
            body.session_options.get(name).is_some_and(|option| option.value.is_some())
        };
        // An epoch and a time together are two answers to one question.
        let both = given("epoch") && given("as_of");
        for (name, value) in body.session_options {
            if both && (name == "epoch" || name == "as_of") {
                let value = OptionErrorKind::InvalidValue.into();
                result.errors.insert(name, options::OptionError { value });
                continue;
            }
            if let Some(kind) = self.set_option(&mut session, &name, value.value).await {
                result.errors.insert(name, options::OptionError { value: kind.into() });
            }
        }
        let mut response = single(result.encode_to_vec());
        if let Some(token) = token {
            self.sessions.replace(&token, session);
        } else {
            // Without a token the options would be forgotten at once; a cookie keeps them, if the
            // client keeps it.
            if let Some(peer) = request.remote_addr() {
                self.sessions.expect_cookie(peer);
            }
            let token = self.sessions.open(session).map_err(|error| status(&error))?;
            let cookie = format!("{COOKIE}={token}; HttpOnly");
            let cookie = cookie.parse().map_err(|_| Status::internal("no cookie"))?;
            response.metadata_mut().insert("set-cookie", cookie);
        }
        Ok(response)
    }

    /// Tells what is chosen, by the caller or by default.
    pub(super) async fn get_options(
        &self,
        request: &Request<Action>,
    ) -> Result<Response<Actions>, Status> {
        let session = self.caller(request)?;
        let snapshot = self.snapshots.latest().await.map_err(|error| status(&error))?;
        let state = snapshot.context.state();
        let default_schema = &state.config_options().catalog.default_schema;
        let mut chosen = vec![
            ("catalog", OptionValue::Text(CATALOG.to_owned())),
            (
                "schema",
                OptionValue::Text(session.default_schema.unwrap_or_else(|| default_schema.clone())),
            ),
        ];
        match session.moment {
            Moment::Newest => {}
            Moment::Epoch(epoch) => {
                let epoch = i64::try_from(epoch).unwrap_or(i64::MAX);
                chosen.push(("epoch", OptionValue::Integer(epoch)));
            }
            Moment::AsOf(time) => chosen.push(("as_of", OptionValue::Text(time.to_rfc3339()))),
        }
        let entries = chosen.into_iter().map(|(name, value)| {
            (name.to_owned(), options::SessionOptionValue { value: Some(value) })
        });
        let result = options::GetSessionOptionsResult { session_options: entries.collect() };
        Ok(single(result.encode_to_vec()))
    }

    /// Ends the session; the caller may go on without one.
    pub(super) fn close_session(&self, request: &Request<Action>) -> Response<Actions> {
        if let (Some(token), _) = self.sessions.caller(request.metadata()) {
            self.sessions.close(&token);
        }
        let closed = options::CloseSessionResult { status: options::CloseStatus::Closed.into() };
        single(closed.encode_to_vec())
    }
}
