//! Connections to a PostgreSQL server, each one read-only transaction, and the snapshot they share.

use std::io::ErrorKind as IoErrorKind;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio_postgres::config::SslMode;
use tokio_postgres::error::SqlState;
use tokio_postgres::tls::{MakeTlsConnect, TlsConnect};
use tokio_postgres::{Client, Config, NoTls, Socket};
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::error::{Error, ErrorKind, Result};
use crate::source::server::{Mode, ServerAddress, Transient, client_config, patiently};

/// How a session of ours behaves: what it sees is printed the same whatever the server's settings are,
/// rows without an order come as they lie, and it neither writes nor waits for locks for long.
const SETTINGS: &str = "
    SET LOCAL search_path = pg_catalog;
    SET LOCAL timezone = 'UTC';
    SET LOCAL datestyle = 'ISO, YMD';
    SET LOCAL intervalstyle = 'iso_8601';
    SET LOCAL extra_float_digits = 1;
    SET LOCAL bytea_output = 'hex';
    SET LOCAL synchronize_seqscans = off;
    SET LOCAL max_parallel_workers_per_gather = 0;
    SET LOCAL lock_timeout = '60s';
    SET LOCAL idle_in_transaction_session_timeout = 0;";

/// A server, and how long one of its statements may take.
#[derive(Clone, Debug)]
pub(super) struct Server {
    pub(super) address: ServerAddress,
    pub(super) statement_timeout: Option<Duration>,
}

/// The transaction whose snapshot all others share; it lives as long as somebody may want to read.
pub(super) struct Snapshot {
    pub(super) client: Client,
    /// By which other transactions take the snapshot over.
    id: String,
    /// The place in the log before which everything is in the snapshot; `None` on a standby.
    pub(super) log_position: Option<String>,
    /// Transactions that joined it and have nothing to do.
    idle: Mutex<Vec<Client>>,
}

impl std::fmt::Debug for Snapshot {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Snapshot").field("id", &self.id).finish_non_exhaustive()
    }
}

impl Snapshot {
    /// Takes back a transaction that read to the end of what it was asked for.
    pub(super) fn give_back(&self, client: Client) {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(client);
    }
}

impl Server {
    /// Opens the transaction that holds the snapshot.
    pub(super) async fn snapshot(&self) -> Result<Snapshot> {
        patiently(|| async {
            let client = self.connect().await?;
            self.begin(client).await.map_err(|error| self.transient(&error))
        })
        .await
    }

    /// A transaction that sees what `snapshot` sees: one that is idle, or a new one.
    pub(super) async fn reader(&self, snapshot: &Snapshot) -> Result<Client, Transient> {
        let idle = snapshot.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        match idle {
            Some(client) if !client.is_closed() => Ok(client),
            _ => self.join(snapshot).await,
        }
    }

    async fn join(&self, snapshot: &Snapshot) -> Result<Client, Transient> {
        let client = self.connect().await?;
        let begin = format!(
            "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET TRANSACTION SNAPSHOT '{}';{}{}",
            snapshot.id,
            SETTINGS,
            self.timeout()
        );
        match client.batch_execute(&begin).await {
            Ok(()) => Ok(client),
            // The transaction that held it is gone.
            Err(error)
                if error.code() == Some(&SqlState::UNDEFINED_OBJECT)
                    || error.code() == Some(&SqlState::INVALID_PARAMETER_VALUE) =>
            {
                let what = format!(
                    "the snapshot of `{}` that this load reads is gone, because the server ended the \
                     session that held it; nothing was published, load again",
                    self.address
                );
                let error = Error::new(ErrorKind::SourceUnavailable, what).because(reason(&error));
                Err(Transient { error, may_pass: false })
            }
            Err(error) => Err(self.transient(&error)),
        }
    }

    async fn begin(&self, client: Client) -> Result<Snapshot, tokio_postgres::Error> {
        // Before the snapshot is taken: what is committed meanwhile is read again the next time, where
        // it would otherwise be missed.
        let log_position = "SELECT CASE WHEN pg_is_in_recovery() THEN NULL ELSE \
             pg_walfile_name(pg_current_wal_insert_lsn()) || ' ' || pg_current_wal_insert_lsn() END";
        let log_position = client.query_one(log_position, &[]).await?.get(0);
        let begin = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;";
        client.batch_execute(&format!("{begin}{SETTINGS}{}", self.timeout())).await?;
        let id = client.query_one("SELECT pg_export_snapshot()", &[]).await?.get(0);
        Ok(Snapshot { client, id, log_position, idle: Mutex::default() })
    }

    fn timeout(&self) -> String {
        let millis = self.statement_timeout.map_or(0, |timeout| timeout.as_millis());
        format!("SET LOCAL statement_timeout = {millis}")
    }

    async fn connect(&self) -> Result<Client, Transient> {
        let config = self.config().map_err(|error| Transient { error, may_pass: false })?;
        if self.address.trust().mode == Mode::Disable {
            return self.connect_with(&config, NoTls).await;
        }
        let tls = client_config(self.address.trust())
            .map_err(|error| Transient { error, may_pass: false })?;
        self.connect_with(&config, MakeRustlsConnect::new(tls)).await
    }

    async fn connect_with<T>(&self, config: &Config, tls: T) -> Result<Client, Transient>
    where
        T: MakeTlsConnect<Socket>,
        T::Stream: Send + 'static,
        T::TlsConnect: Send,
        <T::TlsConnect as TlsConnect<Socket>>::Future: Send,
    {
        let (client, connection) =
            config.connect(tls).await.map_err(|error| self.transient(&error))?;
        let address = self.address.clone();
        tokio::spawn(async move {
            // Whoever uses the client is told as well, and says more.
            if let Err(error) = connection.await {
                tracing::debug!("the connection to `{address}` ended: {}", reason(&error));
            }
        });
        Ok(client)
    }

    fn config(&self) -> Result<Config> {
        let url = self.address.secret_url();
        let mut config: Config = url.as_str().parse().map_err(|error| {
            let what = format!("`{}`: {}", self.address, reason(&error));
            Error::new(ErrorKind::InvalidDeclaration, what)
        })?;
        config.ssl_mode(match self.address.trust().mode {
            Mode::Disable => SslMode::Disable,
            Mode::Prefer => SslMode::Prefer,
            _ => SslMode::Require,
        });
        if config.get_application_name().is_none() {
            config.application_name("starling");
        }
        if config.get_connect_timeout().is_none() {
            config.connect_timeout(Duration::from_secs(10));
        }
        // A line that was cut without a word is noticed within two minutes.
        config.keepalives_idle(Duration::from_secs(60));
        config.keepalives_interval(Duration::from_secs(15));
        config.keepalives_retries(4);
        Ok(config)
    }

    /// What went wrong, and whether it may pass: a server that is away, starting or full may be back.
    pub(super) fn transient(&self, error: &tokio_postgres::Error) -> Transient {
        let may_pass = match error.code() {
            Some(code) => {
                code.code().starts_with("08")
                    || [
                        SqlState::CANNOT_CONNECT_NOW,
                        SqlState::TOO_MANY_CONNECTIONS,
                        SqlState::ADMIN_SHUTDOWN,
                        SqlState::CRASH_SHUTDOWN,
                    ]
                    .contains(code)
            }
            None => error.is_closed() || line_failed(error),
        };
        let what = format!("the PostgreSQL server `{}`: {}", self.address, reason(error));
        Transient { error: Error::new(ErrorKind::SourceUnavailable, what), may_pass }
    }
}

/// Whether the line failed; a certificate that is not trusted stays so.
fn line_failed(error: &tokio_postgres::Error) -> bool {
    use std::error::Error;
    let io = error.source().and_then(|cause| cause.downcast_ref::<std::io::Error>());
    io.is_some_and(|io| !matches!(io.kind(), IoErrorKind::InvalidData | IoErrorKind::InvalidInput))
}

/// The server's own words, with what it adds to them.
pub(super) fn reason(error: &tokio_postgres::Error) -> String {
    use std::error::Error;
    let Some(db) = error.as_db_error() else {
        let cause = error.source().map(|cause| format!(": {cause}")).unwrap_or_default();
        return format!("{error}{cause}");
    };
    let detail = db.detail().map(|detail| format!(" ({detail})")).unwrap_or_default();
    format!("{}{detail} [{}]", db.message(), db.code().code())
}

/// A snapshot that is shared.
pub(super) type SharedSnapshot = Arc<Snapshot>;
