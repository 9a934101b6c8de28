//! Whom a connection trusts, on servers that speak TLS.

use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use crate::servers::{Database, Kind, PASSWORD, Server};
use crate::support::Project;

/// An authority `ca.pem` that nobody knows, and a certificate of its for 127.0.0.1 with its key.
fn certificates(folder: &Path, user: &str) {
    let openssl = |line: &str| {
        let output =
            Command::new("openssl").args(line.split(' ')).current_dir(folder).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    };
    std::fs::write(folder.join("names"), "subjectAltName=IP:127.0.0.1\n").unwrap();
    openssl(
        "req -x509 -newkey rsa:2048 -nodes -days 30 -subj /CN=authority -keyout ca-key.pem -out ca.pem",
    );
    openssl("req -newkey rsa:2048 -nodes -subj /CN=127.0.0.1 -keyout key.pem -out request.pem");
    openssl(
        "x509 -req -in request.pem -CA ca.pem -CAkey ca-key.pem -CAcreateserial -days 30 -extfile names -out cert.pem",
    );
    // As root the files are given to the user that the server runs as.
    drop(Command::new("chown").args(["-R", user]).arg(folder).output());
}

fn project(kind: &str, database: &Database, options: &str) -> Project {
    let project = Project::empty();
    project.write("starling.yaml", "version: 1\nname: tls\nwarehouse: wh\n");
    project.write("password", PASSWORD);
    let url = format!("{}?{options}", database.url_as("reader:${file:password}"));
    project.write(
        "etl/sources.yaml",
        &format!("version: 1\nsources:\n  crm:\n    {kind}: {{url: \"{url}\"}}\n    tables:\n      line: {{key: [id]}}\n"),
    );
    project
}

#[test]
fn a_server_proves_as_much_as_the_url_wants() {
    let folder = tempfile::tempdir().unwrap();
    for (kind, name) in [(Kind::Postgres, "postgres"), (Kind::Mariadb, "mysql")] {
        certificates(folder.path(), kind.user());
        let (cert, key) = (folder.path().join("cert.pem"), folder.path().join("key.pem"));
        let options = match kind {
            Kind::Postgres => vec![
                "-c".to_owned(),
                "ssl=on".to_owned(),
                format!("--ssl_cert_file={}", cert.display()),
                format!("--ssl_key_file={}", key.display()),
            ],
            Kind::Mariadb => {
                vec![
                    format!("--ssl-cert={}", cert.display()),
                    format!("--ssl-key={}", key.display()),
                ]
            }
        };
        let options: Vec<&str> = options.iter().map(String::as_str).collect();
        let database = Database::on(Arc::new(Server::start(kind, &options)));
        let encrypted = match kind {
            Kind::Postgres => {
                "CREATE VIEW line AS SELECT 1 AS id, ssl::text AS note FROM pg_stat_ssl WHERE pid = pg_backend_pid()"
            }
            Kind::Mariadb => {
                "CREATE SQL SECURITY INVOKER VIEW line AS SELECT 1 AS id, IF(variable_value = '', 'false', 'true') AS note
                 FROM information_schema.session_status WHERE variable_name = 'Ssl_cipher'"
            }
        };
        database.sql(encrypted);
        let read = |options: &str| {
            let run =
                project(name, &database, options).run(&["read", "crm.line", "--format", "csv"]);
            if run.code == Some(0) { Ok(run.out) } else { Err(run.fails()) }
        };
        let trusted = format!("sslrootcert={}/ca.pem", folder.path().display());
        let yes = Ok("id,note\n1,true\n".to_owned());
        assert_eq!(read("sslmode=disable"), Ok("id,note\n1,false\n".to_owned()), "{name}");
        assert_eq!(read("sslmode=prefer"), yes, "{name}");
        assert_eq!(read("sslmode=require"), yes, "{name}");
        assert_eq!(read(&format!("sslmode=verify-full&{trusted}")), yes, "{name}");
        for strict in ["sslmode=verify-full", "sslmode=verify-ca"] {
            let error = read(strict).unwrap_err();
            assert!(error.to_lowercase().contains("certificate"), "{name}: {error}");
            assert!(!error.contains(PASSWORD), "{error}");
        }
        let nobody =
            read(&format!("sslmode=verify-full&sslrootcert={}/none.pem", folder.path().display()));
        assert!(nobody.unwrap_err().contains("none.pem"), "{name}");
        let wrong = read("sslmode=maybe").unwrap_err();
        assert!(wrong.contains("verify-full"), "{wrong}");
    }
}
