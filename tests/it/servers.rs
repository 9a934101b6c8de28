//! Real database servers on free ports in temporary folders, shared by the tests that run at a time.

use std::fs::File;
use std::io::Write;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, Weak};
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// The password of the user that reads; it must show up nowhere.
pub const PASSWORD: &str = "pass-w0rd-of-the-reader";

/// A server that ends with its last user.
#[derive(Debug)]
pub struct Server {
    pub kind: Kind,
    pub port: u16,
    process: Mutex<Child>,
    folder: TempDir,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Postgres,
    Mariadb,
}

/// A database of its own on a server.
#[derive(Debug)]
pub struct Database {
    pub server: Arc<Server>,
    pub name: String,
}

static POSTGRES: Mutex<Weak<Server>> = Mutex::new(Weak::new());
static MARIADB: Mutex<Weak<Server>> = Mutex::new(Weak::new());
static DATABASES: AtomicU32 = AtomicU32::new(0);

/// An empty database on the shared PostgreSQL server.
pub fn postgres() -> Database {
    Database::on(shared(Kind::Postgres, &POSTGRES))
}

/// An empty database on the shared MariaDB server.
pub fn mariadb() -> Database {
    Database::on(shared(Kind::Mariadb, &MARIADB))
}

fn shared(kind: Kind, slot: &Mutex<Weak<Server>>) -> Arc<Server> {
    let mut slot = slot.lock().unwrap();
    if let Some(server) = slot.upgrade() {
        return server;
    }
    let server = Arc::new(Server::start(kind, &[]));
    *slot = Arc::downgrade(&server);
    server
}

impl Server {
    /// A server of its own, with further options.
    pub fn start(kind: Kind, options: &[&str]) -> Self {
        let folder = tempfile::Builder::new().prefix("starling-server-").tempdir().unwrap();
        // The server runs as its package's user.
        let user = kind.user();
        if is_root() {
            run(Command::new("chown").arg(user).arg(folder.path()));
        }
        kind.initialise(folder.path());
        let port = free_port();
        let log = File::create(folder.path().join("log")).unwrap();
        let mut command = kind.server(folder.path(), port);
        command.args(options).stdout(log.try_clone().unwrap()).stderr(log).stdin(Stdio::null());
        let process = Mutex::new(command.spawn().unwrap());
        let server = Self { kind, port, process, folder };
        server.wait_until_ready();
        server
    }

    fn wait_until_ready(&self) {
        let start = Instant::now();
        let ping = match self.kind {
            Kind::Postgres => "SELECT 1",
            Kind::Mariadb => "SELECT 1 FROM mysql.user LIMIT 1",
        };
        while !self.client("", ping).status.success() {
            let log = std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default();
            assert!(start.elapsed() < Duration::from_secs(60), "the server does not start:\n{log}");
            std::thread::sleep(Duration::from_millis(100));
        }
        let reader = match self.kind {
            Kind::Postgres => format!("CREATE ROLE reader LOGIN PASSWORD '{PASSWORD}'"),
            Kind::Mariadb => {
                format!(
                    "CREATE USER reader@'%' IDENTIFIED BY '{PASSWORD}'; GRANT SELECT, SHOW VIEW, SLAVE MONITOR ON *.* TO reader@'%'"
                )
            }
        };
        self.sql("", &reader);
    }

    /// The server's own client as the administrator, which reads a script from stdin.
    fn client_words(&self, database: &str) -> Vec<String> {
        let folder = self.folder.path();
        let words = match self.kind {
            Kind::Postgres => {
                let database = if database.is_empty() { "postgres" } else { database };
                format!(
                    "psql -X -q -A -t -F , -v ON_ERROR_STOP=1 -U postgres -d {database} -p {} -h {}",
                    self.port,
                    folder.display()
                )
            }
            Kind::Mariadb => format!(
                "mariadb --no-defaults --batch --raw --skip-column-names --user=root \
                 --default-character-set=utf8mb4 --socket={} {database}",
                folder.join("socket").display()
            ),
        };
        words.split_whitespace().map(str::to_owned).collect()
    }

    fn client(&self, database: &str, script: &str) -> Output {
        let words = self.client_words(database);
        let mut command = Command::new(&words[0]);
        command.args(&words[1..]);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        // A client that could not connect does not read.
        let _written = child.stdin.take().unwrap().write_all(script.as_bytes());
        child.wait_with_output().unwrap()
    }

    /// Runs a script as the administrator and gives what it prints.
    #[track_caller]
    pub fn sql(&self, database: &str, script: &str) -> String {
        let output = self.client(database, script);
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{error}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// Kills the server as a power cut would.
    pub fn kill(&self) {
        signal(&self.process.lock().unwrap(), "KILL");
        if self.kind == Kind::Postgres {
            // Its children notice by themselves, soon.
            std::thread::sleep(Duration::from_millis(200));
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let mut process = self.process.lock().unwrap();
        signal(&process, if self.kind == Kind::Postgres { "INT" } else { "KILL" });
        let start = Instant::now();
        while process.try_wait().unwrap().is_none() && start.elapsed() < Duration::from_secs(5) {
            std::thread::sleep(Duration::from_millis(20));
        }
        drop(process.kill());
        drop(process.wait());
    }
}

impl Database {
    pub fn on(server: Arc<Server>) -> Self {
        let name = format!("db{}", DATABASES.fetch_add(1, Ordering::Relaxed));
        let create = match server.kind {
            Kind::Postgres => format!("CREATE DATABASE {name}"),
            Kind::Mariadb => format!("CREATE DATABASE {name} CHARACTER SET utf8mb4"),
        };
        server.sql("", &create);
        let database = Self { server, name };
        if database.server.kind == Kind::Postgres {
            let rights = "ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO reader";
            database.sql(rights);
        }
        database
    }

    /// Runs a script as the administrator; rows come as lines, with commas in PostgreSQL and tabs in
    /// MariaDB.
    #[track_caller]
    pub fn sql(&self, script: &str) -> String {
        self.server.sql(&self.name, script)
    }

    /// The administrator's client for this database, for scripts of other languages.
    pub fn client_words(&self) -> Vec<String> {
        self.server.client_words(&self.name)
    }

    /// The URL with the password.
    pub fn secret_url(&self) -> String {
        self.url_as(&format!("reader:{PASSWORD}"))
    }

    pub fn url_as(&self, user: &str) -> String {
        let scheme = match self.server.kind {
            Kind::Postgres => "postgres",
            Kind::Mariadb => "mysql",
        };
        format!("{scheme}://{user}@127.0.0.1:{}/{}", self.server.port, self.name)
    }
}

impl Kind {
    pub fn user(self) -> &'static str {
        match self {
            Self::Postgres => "postgres",
            Self::Mariadb => "mysql",
        }
    }

    fn initialise(self, folder: &Path) {
        let data = folder.join("data");
        let mut command = match self {
            Self::Postgres => {
                let mut command = self.program(&postgres_programs().join("initdb"));
                command.args(["--no-sync", "-E", "UTF8", "--locale=C.UTF-8", "-U", "postgres"]);
                // Who comes over the network must know the password.
                command.args(["--auth-local=trust", "--auth-host=scram-sha-256", "-D"]).arg(&data);
                command
            }
            Self::Mariadb => {
                let mut command = self.program(Path::new("mariadb-install-db"));
                command.arg("--no-defaults").arg(format!("--datadir={}", data.display()));
                command.args(["--auth-root-authentication-method=normal", "--skip-test-db"]);
                command
            }
        };
        run(command.current_dir(folder));
    }

    fn server(self, folder: &Path, port: u16) -> Command {
        let data = folder.join("data");
        let mut command = match self {
            Self::Postgres => {
                let mut command = self.program(&postgres_programs().join("postgres"));
                command.arg("-D").arg(&data).arg("-k").arg(folder);
                command.args(["-p", &port.to_string(), "-h", "127.0.0.1", "-F"]);
                command
            }
            Self::Mariadb => {
                let mut command = self.program(Path::new("mariadbd"));
                command.arg("--no-defaults").arg(format!("--datadir={}", data.display()));
                command.arg(format!("--socket={}", folder.join("socket").display()));
                command.arg(format!("--pid-file={}", folder.join("pid").display()));
                command.args([&format!("--port={port}"), "--bind-address=127.0.0.1"]);
                command.args(["--skip-name-resolve", "--innodb-flush-log-at-trx-commit=0"]);
                command
            }
        };
        command.current_dir(folder);
        command
    }

    /// A program run as the package's user, where the tests run as root.
    fn program(self, program: &Path) -> Command {
        if !is_root() {
            return Command::new(program);
        }
        let mut command = Command::new("setpriv");
        command
            .args(["--reuid", self.user(), "--regid", self.user(), "--clear-groups"])
            .arg(program);
        command
    }
}

/// Where Debian keeps the programs of the newest PostgreSQL that is installed.
fn postgres_programs() -> PathBuf {
    let versions = glob::glob("/usr/lib/postgresql/*/bin").unwrap().map(Result::unwrap);
    let number = |path: &PathBuf| {
        let version =
            path.parent().and_then(Path::file_name).unwrap().to_string_lossy().into_owned();
        version.parse::<u32>().unwrap_or(0)
    };
    versions.max_by_key(number).expect("PostgreSQL is not installed; scripts/test installs it")
}

fn is_root() -> bool {
    let output = Command::new("id").arg("-u").output().unwrap();
    output.stdout.trim_ascii() == b"0"
}

pub fn free_port() -> u16 {
    TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port()
}

fn signal(process: &Child, name: &str) {
    drop(Command::new("kill").args([&format!("-{name}"), &process.id().to_string()]).output());
}

#[track_caller]
fn run(command: &mut Command) {
    let output = command.output().unwrap();
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{command:?}\n{error}");
}
