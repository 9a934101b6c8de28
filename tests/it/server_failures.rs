//! What goes wrong with database servers: always one clear error, never a password in it, and the last
//! epoch stays.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::servers::{Database, Kind, PASSWORD, Server, mariadb, postgres};
use crate::support::Project;

/// A fact over a table `line (id, note)`.
fn project(kind: &str, url: &str) -> Project {
    let project = Project::empty();
    project.write("starling.yaml", "version: 1\nname: failing\nwarehouse: wh\n");
    project.write("password", PASSWORD);
    project.write(
        "etl/sources.yaml",
        &format!("version: 1\nsources:\n  crm:\n    {kind}: {{url: \"{url}\"}}\n    tables:\n      line: {{key: [id]}}\n"),
    );
    project.write(
        "etl/line.yaml",
        "version: 1\nfact: line\ngrain: [id]\nfrom:\n  - table: crm.line\n    columns: {id: id, note: note}\n",
    );
    project
}

fn url(database: &Database) -> String {
    database.url_as("reader:${file:password}")
}

/// The error of a load, which must not tell the password.
fn failure(project: &Project) -> String {
    let error = project.run(&["-vv", "load", "--quiet"]);
    assert_eq!(error.code, Some(1), "{}", error.err);
    assert!(!error.err.contains(PASSWORD), "{}", error.err);
    assert!(!error.err.contains("panicked"), "{}", error.err);
    let message: Vec<&str> =
        error.err.lines().skip_while(|line| !line.starts_with("error: ")).collect();
    message.join("\n")
}

#[test]
fn a_wrong_password_and_a_missing_table_are_said_at_once() {
    for (kind, database) in [("postgres", postgres()), ("mysql", mariadb())] {
        database.sql("CREATE TABLE line (id int PRIMARY KEY, note varchar(20))");
        let wrong = project(kind, &database.url_as("reader:nonsense"));
        let message = wrong.run(&["validate"]).fails();
        assert!(message.contains("a password does not belong into a file"), "{message}");
        let wrong = project(kind, &url(&database));
        wrong.write("password", "nonsense");
        let message = failure(&wrong);
        assert!(message.contains("reader") && !message.contains("nonsense"), "{message}");
        let gone = project(kind, &url(&database));
        database.sql("DROP TABLE line");
        let message = failure(&gone);
        assert!(message.contains("no table or view `line`"), "{message}");
        assert!(message.contains("etl/sources.yaml:"), "{message}");
    }
}

#[test]
fn a_server_that_is_away_is_tried_again_and_then_told() {
    let port = crate::servers::free_port();
    for kind in ["postgres", "mysql"] {
        let away = project(kind, &format!("{kind}://reader@127.0.0.1:{port}/crm"));
        let run = away.run(&["-v", "load", "--quiet"]);
        assert_eq!(run.code, Some(1));
        assert!(run.err.contains("trying again"), "{}", run.err);
        assert!(run.err.contains("refused"), "{}", run.err);
    }
}

#[test]
fn a_column_that_went_is_told_and_the_last_epoch_stays() {
    for (kind, database) in [("postgres", postgres()), ("mysql", mariadb())] {
        database.sql("CREATE TABLE line (id int PRIMARY KEY, note varchar(20)); INSERT INTO line VALUES (1, 'a'), (2, '')");
        let project = project(kind, &url(&database));
        project.run(&["load", "--quiet"]).ok();
        let rows = project.sql("SELECT id, note, note IS NULL FROM warehouse.line ORDER BY id");
        assert_eq!(rows, ["1,a,false", "2,,false"], "an empty text is not NULL");
        database.sql("ALTER TABLE line DROP COLUMN note");
        let message = failure(&project);
        assert!(message.contains("`note`") || message.contains("note"), "{message}");
        assert_eq!(project.sql("SELECT count(*) FROM warehouse.line"), ["2"]);
    }
}

/// Passes bytes on to a server, and cuts the line after so many from it; at most `cuts` times.
fn cutting_proxy(server: u16, after: u64, cuts: u64) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let left = Arc::new(AtomicU64::new(cuts));
    std::thread::spawn(move || {
        for client in listener.incoming() {
            let (Ok(client), Ok(upstream)) = (client, TcpStream::connect(("127.0.0.1", server)))
            else {
                return;
            };
            let (mut to_server, mut from_client) =
                (upstream.try_clone().unwrap(), client.try_clone().unwrap());
            std::thread::spawn(move || drop(std::io::copy(&mut from_client, &mut to_server)));
            let left = Arc::clone(&left);
            std::thread::spawn(move || pass(upstream, client, after, &left));
        }
    });
    port
}

fn pass(mut from: TcpStream, mut to: TcpStream, after: u64, left: &AtomicU64) {
    let mut passed = 0;
    let mut buffer = [0; 1 << 14];
    while let Ok(count) = from.read(&mut buffer) {
        passed += count as u64;
        let cut = passed > after
            && left
                .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1))
                .is_ok();
        if count == 0 || cut || to.write_all(&buffer[..count]).is_err() {
            drop(from.shutdown(std::net::Shutdown::Both));
            drop(to.shutdown(std::net::Shutdown::Both));
            return;
        }
    }
}

const MANY: &str = "CREATE TABLE line (id int PRIMARY KEY, note text);";

#[test]
fn a_line_that_is_cut_is_taken_up_again_or_told() {
    let database = postgres();
    database.sql(&format!(
        "{MANY} INSERT INTO line SELECT n, repeat('x', 100) || n FROM generate_series(1, 100000) n"
    ));
    let through = |cuts| {
        let port = cutting_proxy(database.server.port, 1 << 20, cuts);
        format!("postgres://reader:${{file:password}}@127.0.0.1:{port}/{}", database.name)
    };
    let project_once = project("postgres", &through(1));
    project_once.run(&["load", "--quiet"]).ok();
    let counts =
        "SELECT count(*), count(DISTINCT id), sum(id), count(DISTINCT note) FROM warehouse.line";
    assert_eq!(project_once.sql(counts), ["100000,100000,5000050000,100000"]);
    let message = failure(&project("postgres", &through(1000)));
    assert!(message.contains("reading `line"), "{message}");

    let database = mariadb();
    database.sql(&format!(
        "{MANY} INSERT INTO line SELECT seq, concat(repeat('x', 100), seq) FROM seq_1_to_100000"
    ));
    let port = cutting_proxy(database.server.port, 1 << 20, 1000);
    let cut = project(
        "mysql",
        &format!("mysql://reader:${{file:password}}@127.0.0.1:{port}/{}", database.name),
    );
    let message = failure(&cut);
    assert!(message.contains("nothing was published"), "{message}");
}

/// Waits until the reader's session is in the midst of a table.
fn wait_until_read(database: &Database) {
    let reading = match database.server.kind {
        Kind::Postgres => {
            "SELECT count(*) FROM pg_stat_activity WHERE usename = 'reader' AND query LIKE 'COPY%'"
        }
        Kind::Mariadb => {
            "SELECT count(*) FROM information_schema.processlist WHERE user = 'reader' AND info LIKE '%`line`%'"
        }
    };
    let started = Instant::now();
    while database.server.sql("", reading).trim() == "0" {
        assert!(started.elapsed() < Duration::from_secs(60), "the table is not read");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// A load that goes on while something happens to its server, and how it ended.
fn failure_while(project: &Project, happens: impl FnOnce()) -> String {
    let mut load = project.command(&["load", "--quiet"]);
    let mut load = load.stderr(Stdio::piped()).spawn().unwrap();
    happens();
    let mut error = String::new();
    load.stderr.take().unwrap().read_to_string(&mut error).unwrap();
    assert_eq!(load.wait().unwrap().code(), Some(1), "{error}");
    assert!(error.contains("error: ") && !error.contains("panicked"), "{error}");
    assert!(!error.contains(PASSWORD), "{error}");
    error
}

#[test]
fn a_server_killed_while_it_is_read_loses_nothing() {
    for kind in [Kind::Postgres, Kind::Mariadb] {
        let server = Arc::new(Server::start(kind, &[]));
        let database = Database::on(Arc::clone(&server));
        database.sql("CREATE TABLE line (id int PRIMARY KEY, note varchar(200)); INSERT INTO line VALUES (0, 'first')");
        let name = if kind == Kind::Postgres { "postgres" } else { "mysql" };
        let project = project(name, &url(&database));
        project.run(&["load", "--quiet"]).ok();
        database.sql(match kind {
            Kind::Postgres => {
                "INSERT INTO line SELECT n, repeat('x', 150) FROM generate_series(1, 2000000) n"
            }
            Kind::Mariadb => "INSERT INTO line SELECT seq, repeat('x', 150) FROM seq_1_to_2000000",
        });
        failure_while(&project, || {
            wait_until_read(&database);
            server.kill();
        });
        assert_eq!(project.sql("SELECT note FROM warehouse.line"), ["first"]);
    }
}

#[test]
fn an_expired_snapshot_is_told() {
    let server = Arc::new(Server::start(Kind::Postgres, &[]));
    let database = Database::on(server);
    database.sql(&format!(
        "{MANY} INSERT INTO line SELECT n, repeat('x', 200) FROM generate_series(1, 1500000) n; ANALYZE line"
    ));
    let project = project("postgres", &url(&database));
    // Sessions are ended as an administrator would, the holder of the snapshot with them.
    let end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'reader'";
    let error = failure_while(&project, || {
        wait_until_read(&database);
        database.sql(end);
    });
    assert!(error.contains("the snapshot of `postgres://reader@"), "{error}");
}

#[test]
fn a_statement_that_takes_too_long_is_stopped() {
    let slow = [("postgres", postgres(), "pg_sleep(30)::text"), ("mysql", mariadb(), "sleep(30)")];
    for (kind, database, sleep) in slow {
        database.sql(&format!("CREATE VIEW line AS SELECT 1 AS id, {sleep} AS note"));
        let project = project(kind, &url(&database));
        project.edit("etl/sources.yaml", "\"}", "\", statement_timeout: 1s}");
        let message = failure(&project);
        assert!(message.contains("time"), "{message}");
    }
}
