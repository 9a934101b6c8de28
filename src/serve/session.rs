//! Who calls, and what the caller chose for all of its statements.
//!
//! There is no access control yet: any user name is believed, and a token only finds its session
//! again. A token nobody knows, for example from before a restart, is a caller without a session.

use std::collections::{HashMap, HashSet, VecDeque};
use std::net::SocketAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};

use arrow_flight::BasicAuth;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use prost::Message;
use tonic::metadata::MetadataMap;

use super::handle::Handle;
use crate::engine::{Moment, Principal};
use crate::error::{Error, Result};

/// The cookie by which clients that do not authenticate keep a session.
pub(super) const COOKIE: &str = "starling_session";

/// Sessions hold a few words each; beyond this number the oldest are forgotten.
const SESSION_COUNT_MAX: usize = 10_000;

/// What a caller chose.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Session {
    /// Under which name.
    pub principal: Principal,
    /// The schema of names that do not say theirs.
    pub default_schema: Option<String>,
    /// The epoch every statement reads.
    pub moment: Moment,
}

impl Session {
    /// A session in which nothing is chosen.
    pub(super) fn new(principal: Principal) -> Self {
        Self { principal, default_schema: None, moment: Moment::Newest }
    }

    /// The handle of `sql` under these choices.
    ///
    /// Names are resolved as chosen now; the epoch is chosen anew with every run, because prepared
    /// statements live long.
    pub(super) fn handle(&self, sql: String) -> Handle {
        Handle { sql, default_schema: self.default_schema.clone(), ..Handle::default() }
    }
}

/// All open sessions, by token.
#[derive(Debug, Default)]
pub(super) struct Sessions {
    store: Mutex<Store>,
}

#[derive(Debug, Default)]
struct Store {
    sessions: HashMap<String, Session>,
    /// Oldest first.
    tokens: VecDeque<String>,
    /// Connections that were given a cookie for what they chose.
    with_cookie: HashSet<SocketAddr>,
}

impl Sessions {
    /// Opens a session and returns its token.
    pub(super) fn open(&self, session: Session) -> Result<String> {
        let token = new_token()?;
        let mut store = self.lock();
        while store.tokens.len() >= SESSION_COUNT_MAX {
            if let Some(oldest) = store.tokens.pop_front() {
                store.sessions.remove(&oldest);
            }
        }
        store.tokens.push_back(token.clone());
        store.sessions.insert(token.clone(), session);
        Ok(token)
    }

    /// The token in `metadata` if its session is open, and who calls.
    pub(super) fn caller(&self, metadata: &MetadataMap) -> (Option<String>, Session) {
        let store = self.lock();
        for token in bearer(metadata).into_iter().chain(cookie(metadata)) {
            if let Some(session) = store.sessions.get(&token) {
                return (Some(token), session.clone());
            }
        }
        (None, Session::new(basic(metadata).unwrap_or_else(Principal::everyone)))
    }

    /// Replaces the choices of an open session.
    pub(super) fn replace(&self, token: &str, session: Session) {
        if let Some(open) = self.lock().sessions.get_mut(token) {
            *open = session;
        }
    }

    /// Remembers that `peer` was given a cookie without which what it chose is lost.
    pub(super) fn expect_cookie(&self, peer: SocketAddr) {
        self.lock().with_cookie.insert(peer);
    }

    /// Whether `peer` was given a cookie, which it should send.
    pub(super) fn is_forgetful(&self, peer: SocketAddr) -> bool {
        self.lock().with_cookie.contains(&peer)
    }

    /// Another client may have the address of an earlier one.
    pub(super) fn connected(&self, peer: SocketAddr) {
        self.lock().with_cookie.remove(&peer);
    }

    /// Forgets a session.
    pub(super) fn close(&self, token: &str) {
        let mut store = self.lock();
        store.sessions.remove(token);
        store.tokens.retain(|open| open != token);
    }

    fn lock(&self) -> MutexGuard<'_, Store> {
        // Nothing panics while it is held, and a map of choices is never half changed.
        self.store.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The user named by the payload of an old-style handshake; blank payloads name nobody.
pub(super) fn payload_user(payload: &[u8]) -> Option<Principal> {
    let auth = BasicAuth::decode(payload).ok()?;
    named(&auth.username)
}

fn basic(metadata: &MetadataMap) -> Option<Principal> {
    let credentials = authorization(metadata, "basic")?;
    let decoded = BASE64_STANDARD.decode(credentials).ok()?;
    let text = String::from_utf8(decoded).ok()?;
    named(text.split_once(':').map_or(text.as_str(), |(user, _)| user))
}

fn named(user: &str) -> Option<Principal> {
    (!user.is_empty()).then(|| Principal { name: user.to_owned() })
}

fn bearer(metadata: &MetadataMap) -> Option<String> {
    authorization(metadata, "bearer").map(ToOwned::to_owned)
}

/// The credentials of the `authorization` header, if it is of `scheme` (written in lower case).
fn authorization<'m>(metadata: &'m MetadataMap, scheme: &str) -> Option<&'m str> {
    let (found, credentials) = metadata.get("authorization")?.to_str().ok()?.split_once(' ')?;
    found.eq_ignore_ascii_case(scheme).then(|| credentials.trim())
}

fn cookie(metadata: &MetadataMap) -> Option<String> {
    let headers = metadata.get_all("cookie").into_iter();
    let mut pairs = headers.filter_map(|header| header.to_str().ok()).flat_map(|h| h.split(';'));
    pairs.find_map(|pair| {
        let (name, value) = pair.trim().split_once('=')?;
        (name == COOKIE).then(|| value.to_owned())
    })
}

fn new_token() -> Result<String> {
    let mut bytes = [0; 16];
    rustls::crypto::ring::default_provider()
        .secure_random
        .fill(&mut bytes)
        .map_err(|_| Error::internal("the system gave no random bytes for a session token"))?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(name: &'static str, value: &str) -> MetadataMap {
        let mut metadata = MetadataMap::new();
        metadata.insert(name, value.parse().unwrap());
        metadata
    }

    #[test]
    fn callers_are_found_by_every_kind_of_credential() {
        let sessions = Sessions::default();
        let ada = Session::new(Principal { name: "ada".into() });
        let token = sessions.open(ada.clone()).unwrap();
        for metadata in [
            headers("authorization", &format!("Bearer {token}")),
            headers("cookie", &format!("a=b; {COOKIE}={token}")),
        ] {
            assert_eq!(sessions.caller(&metadata), (Some(token.clone()), ada.clone()));
        }
        let basic = headers("authorization", &format!("Basic {}", BASE64_STANDARD.encode("ada:x")));
        assert_eq!(sessions.caller(&basic), (None, ada));
        for metadata in [MetadataMap::new(), headers("authorization", "Bearer unknown")] {
            assert_eq!(sessions.caller(&metadata).1.principal, Principal::everyone());
        }
    }

    #[test]
    fn closed_sessions_are_forgotten_and_old_ones_make_room() {
        let sessions = Sessions::default();
        let first = sessions.open(Session::new(Principal::everyone())).unwrap();
        for _ in 0..SESSION_COUNT_MAX {
            sessions.open(Session::new(Principal::everyone())).unwrap();
        }
        let by =
            |token: &str| sessions.caller(&headers("authorization", &format!("Bearer {token}"))).0;
        assert_eq!(by(&first), None);
        let last = sessions.open(Session::new(Principal::everyone())).unwrap();
        assert!(by(&last).is_some());
        sessions.close(&last);
        assert_eq!(by(&last), None);
    }

    #[test]
    fn blank_payloads_name_nobody() {
        assert_eq!(payload_user(b""), None);
        let auth = BasicAuth { username: "ada".into(), password: "x".into() };
        assert_eq!(payload_user(&auth.encode_to_vec()).unwrap().name, "ada");
    }
}
