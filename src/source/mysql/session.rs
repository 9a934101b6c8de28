//! Connections to a MySQL or MariaDB server, each one read-only transaction, that see the same rows.

use std::sync::Once;
use std::time::Duration;

use mysql_async::prelude::Queryable;
use mysql_async::{Conn, DriverError, Error as MysqlError, Opts, OptsBuilder, Row, SslOpts};

use super::columns::text;
use crate::error::{Error, ErrorKind, Result, ResultExt};
use crate::source::server::{Mode, ServerAddress, Transient, Trust, patiently};

/// Connections that read at the same time, where the server lets several see the same rows.
const CONNECTIONS: usize = 2;
/// How often it is tried to open them between two transactions of others.
const TRIES: usize = 20;

/// How a session of ours behaves: instants come in UTC, a slow consumer is waited for, and what the
/// server's settings would change is set.
const SETTINGS: [&str; 5] = [
    "SET SESSION time_zone = '+00:00'",
    "SET SESSION sql_mode = ''",
    "SET SESSION net_write_timeout = 7200",
    "SET SESSION wait_timeout = 86400",
    "SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ",
];

const BEGIN: &str = "START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY";

/// A server, and how long one of its statements may take.
#[derive(Clone, Debug)]
pub(super) struct Server {
    pub(super) address: ServerAddress,
    pub(super) statement_timeout: Option<Duration>,
}

impl Server {
    /// Connections that see the same rows: several where the server can prove it, else one.
    ///
    /// MariaDB tells at which place of its log a snapshot was taken. Equal places mean equal snapshots;
    /// no lock is taken to get them.
    pub(super) async fn snapshot(&self) -> Result<Vec<Conn>> {
        patiently(|| async {
            let mut connections = Vec::new();
            for _ in 0..CONNECTIONS {
                connections.push(self.connect().await?);
            }
            let begun = self.begin_together(&mut connections).await;
            begun.map_err(|error| self.transient(&error))?;
            Ok(connections)
        })
        .await
    }

    async fn begin_together(&self, connections: &mut Vec<Conn>) -> Result<(), MysqlError> {
        for _ in 0..TRIES {
            let mut places = Vec::new();
            for conn in connections.iter_mut() {
                conn.query_drop(BEGIN).await?;
                places.push(place(conn).await?);
            }
            let first = &places[0];
            if first.is_none() {
                break;
            }
            if places.iter().all(|place| place == first) {
                return Ok(());
            }
        }
        connections.truncate(1);
        if let Some(only) = connections.first_mut() {
            only.query_drop(BEGIN).await?;
        }
        Ok(())
    }

    /// A connection of its own, which has begun nothing yet.
    pub(super) async fn connect(&self) -> Result<Conn, Transient> {
        // The driver takes its cryptography from the process, where the program has chosen it already.
        static CRYPTOGRAPHY: Once = Once::new();
        CRYPTOGRAPHY.call_once(|| {
            drop(rustls::crypto::ring::default_provider().install_default());
        });
        let fatal = |error| Transient { error, may_pass: false };
        let trust = self.address.trust();
        if let Some(path) = &trust.roots {
            // The driver would not say which file it is.
            let read = std::fs::read(path).or_fail(ErrorKind::SourceUnavailable, || {
                format!("cannot read the certificates of `{}`", path.display())
            });
            read.map_err(fatal)?;
        }
        let plain = self.options().map_err(fatal)?;
        let mut conn = if trust.mode == Mode::Disable {
            Conn::new(plain).await
        } else {
            let secured = OptsBuilder::from_opts(plain.clone()).ssl_opts(ssl(trust));
            match Conn::new(secured).await {
                Err(MysqlError::Driver(DriverError::NoClientSslFlagFromServer))
                    if trust.mode == Mode::Prefer =>
                {
                    Conn::new(plain).await
                }
                outcome => outcome,
            }
        }
        .map_err(|error| self.transient(&error))?;
        self.settle(&mut conn).await.map_err(|error| self.transient(&error))?;
        Ok(conn)
    }

    async fn settle(&self, conn: &mut Conn) -> Result<(), MysqlError> {
        for setting in SETTINGS {
            conn.query_drop(setting).await?;
        }
        let version: Option<String> = conn.query_first("SELECT VERSION()").await?;
        let is_mariadb = version.is_some_and(|version| version.contains("MariaDB"));
        if is_mariadb {
            conn.query_drop("SET SESSION idle_transaction_timeout = 0").await?;
            conn.query_drop("SET SESSION idle_readonly_transaction_timeout = 0").await?;
        }
        let Some(timeout) = self.statement_timeout else { return Ok(()) };
        let limit = if is_mariadb {
            format!("SET SESSION max_statement_time = {}", timeout.as_secs())
        } else {
            format!("SET SESSION max_execution_time = {}", timeout.as_millis())
        };
        conn.query_drop(limit).await
    }

    fn options(&self) -> Result<Opts> {
        let mut url = self.address.secret_url();
        if url.scheme() != "mysql" && url.set_scheme("mysql").is_err() {
            return Err(Error::internal("a MariaDB URL cannot be written as one of MySQL"));
        }
        // The driver's message may repeat the value of an option, which is no secret.
        let options = Opts::from_url(url.as_str()).map_err(|error| {
            let what = format!("`{}`: {error}", self.address);
            Error::new(ErrorKind::InvalidDeclaration, what)
        })?;
        let builder = OptsBuilder::from_opts(options)
            .prefer_socket(false)
            .tcp_keepalive(Some(Duration::from_secs(60)))
            .stmt_cache_size(0);
        Ok(builder.into())
    }

    /// What went wrong, and whether it may pass: a server that is away, starting or full may be back.
    pub(super) fn transient(&self, error: &MysqlError) -> Transient {
        let may_pass = match error {
            // Too many connections, server shutdown in progress, normal shutdown.
            MysqlError::Server(error) => [1040, 1053, 1077, 1203].contains(&error.code),
            MysqlError::Io(mysql_async::IoError::Io(_))
            | MysqlError::Driver(DriverError::ConnectionClosed) => true,
            _ => false,
        };
        let what = format!("the server `{}`: {}", self.address, reason(error));
        Transient { error: Error::new(ErrorKind::SourceUnavailable, what), may_pass }
    }
}

/// At which place of the server's log the transaction's snapshot was taken, where it says so.
async fn place(conn: &mut Conn) -> Result<Option<(String, String)>, MysqlError> {
    let rows: Vec<Row> = conn.query("SHOW STATUS LIKE 'binlog_snapshot_%'").await?;
    let value = |name: &str| {
        let found = rows.iter().find(|row| text(row, 0).eq_ignore_ascii_case(name));
        found.map(|row| text(row, 1)).filter(|value| !value.is_empty())
    };
    Ok(value("binlog_snapshot_file").zip(value("binlog_snapshot_position")))
}

fn ssl(trust: &Trust) -> SslOpts {
    let roots: Vec<_> = trust.roots.iter().cloned().map(Into::into).collect();
    let lenient = matches!(trust.effective(), Mode::Prefer | Mode::Require);
    SslOpts::default()
        .with_disable_built_in_roots(!roots.is_empty())
        .with_root_certs(roots)
        .with_danger_accept_invalid_certs(lenient)
        .with_danger_skip_domain_validation(trust.effective() != Mode::VerifyFull)
}

/// The server's own words.
pub(super) fn reason(error: &MysqlError) -> String {
    match error {
        MysqlError::Server(error) => format!("{} [{}]", error.message, error.code),
        MysqlError::Io(mysql_async::IoError::Io(error)) => error.to_string(),
        MysqlError::Driver(error) => error.to_string(),
        error => error.to_string(),
    }
}
