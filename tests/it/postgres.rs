//! PostgreSQL as a source, on a real server.

use std::sync::Arc;

use crate::servers::{Database, Kind, PASSWORD, Server, postgres};
use crate::support::{Project, binary, long_tests, python};

/// Random rows over every type of a server, through `tests/python/round_trip.py`.
pub fn round_trip(kind: &str, database: &Database) {
    let (rows, seeds) = if long_tests() { ("3000", 5) } else { ("300", 1) };
    for seed in 0..seeds {
        let work = tempfile::tempdir().unwrap();
        database.sql("DROP TABLE IF EXISTS every_type");
        if kind == "postgres" {
            database.sql("DROP TYPE IF EXISTS mood, pair; DROP DOMAIN IF EXISTS cents");
        }
        let (url, work) = (database.secret_url(), work.path().to_str().unwrap().to_owned());
        let (seed, client) = (seed.to_string(), database.client_words());
        let mut arguments = vec![binary(), kind, &url, &work, &seed, rows];
        arguments.extend(client.iter().map(String::as_str));
        println!("{}", python("round_trip.py", &arguments));
    }
}

#[test]
fn every_type_of_postgres_makes_the_round_trip() {
    round_trip("postgres", &postgres());
}

/// A project that reads `table` of a PostgreSQL database into a fact with these columns.
fn project(database: &Database, table: &str, columns: &[&str]) -> Project {
    let project = Project::empty();
    project.write("starling.yaml", "version: 1\nname: types\nwarehouse: wh\n");
    project.write("password", PASSWORD);
    project.write(
        "etl/sources.yaml",
        &format!(
            "version: 1\nsources:\n  crm:\n    postgres: {{url: \"{}\"}}\n    tables:\n      {table}: {{key: [id]}}\n",
            database.url_as("reader:${file:password}")
        ),
    );
    let columns: String =
        columns.iter().map(|column| format!("      {column}: {column}\n")).collect();
    project.write(
        "etl/fact.yaml",
        &format!("version: 1\nfact: {table}\ngrain: [id]\nfrom:\n  - table: crm.{table}\n    columns:\n      id: id\n{columns}"),
    );
    project
}

#[test]
fn postgres_types_arrive_or_are_set_aside() {
    let database = postgres();
    database.sql(
        "CREATE TYPE mood AS ENUM ('sad', 'ok');
         CREATE TYPE pair AS (a int, b text);
         CREATE DOMAIN cents AS numeric(10,2) CHECK (VALUE >= 0);
         CREATE TABLE all_types (id int PRIMARY KEY, small smallint, big bigint, price numeric(12,2), free numeric,
           cents cents, cash money, real real, double double precision, flag bool, word text, padded char(5), doc jsonb,
           plain json, uid uuid, day date, wall timestamp, instant timestamptz, raw bytea, tags text[], pair pair,
           mood mood, span int4range, took interval, at time, address inet, bits bit(3), spot point);
         INSERT INTO all_types VALUES
           (1, -7, 9007199254740993, 12.10, 0.1234567891, 5, '12.34', 0.1, 1e300, true, 'naïve', 'ab', '{\"a\": [1, null]}',
            '{\"b\":  2}', '00010203-0405-0607-0809-0a0b0c0d0e0f', '2024-02-29', '2024-02-29 23:59:59.999999',
            '2024-02-29 23:59:59+09', '\\x00ff', '{a,NULL,\"b,c\"}', '(1,\"x y\")', 'ok', '[1,5)', '1 day 02:03:04', '23:59:59.5',
            '10.0.0.1/8', B'101', '(1.5,2)'),
           (2, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, '', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL,
            NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL),
           (3, 1, 1, 'NaN', 1, 1, '1', 1, 1, true, 'x', 'x', NULL, NULL, NULL, '2024-01-01', NULL, NULL, NULL, NULL, NULL, NULL,
            NULL, NULL, NULL, NULL, NULL, NULL),
           (4, 1, 1, 1, 0.12345678901, 1, '1', 1, 1, true, 'x', 'x', NULL, NULL, NULL, '2024-01-01', NULL, NULL, NULL, NULL, NULL,
            NULL, NULL, NULL, NULL, NULL, NULL, NULL),
           (5, 1, 1, 1, 1, 1, '1', 1, 1, true, 'x', 'x', NULL, NULL, NULL, 'infinity', NULL, NULL, NULL, NULL, NULL,
            NULL, NULL, NULL, NULL, NULL, NULL, NULL),
           (6, 1, 1, 1, 1, 1, '1', 'Infinity', 1, true, 'x', 'x', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL,
            NULL, NULL, NULL, NULL, NULL, NULL, NULL);",
    );
    let columns = [
        "small", "big", "price", "free", "cents", "cash", "real", "double", "flag", "word",
        "padded", "doc", "plain", "uid", "day", "wall", "instant", "raw", "tags", "pair", "mood",
        "span", "took", "at", "address", "bits", "spot",
    ];
    let project = project(&database, "all_types", &columns);
    project.run(&["load"]).ok();
    let json = project
        .run(&["sql", "SELECT * FROM warehouse.all_types ORDER BY id", "--format", "json"])
        .ok();
    let rows: serde_json::Value = serde_json::from_str(&json).unwrap();
    let expected = serde_json::json!([
        {
            "id": 1, "small": -7, "big": 9_007_199_254_740_993_i64, "price": 12.10, "free": 0.123_456_789_1, "cents": 5.00,
            "cash": 12.34, "real": f64::from(0.1_f32), "double": 1e300, "flag": true, "word": "naïve", "padded": "ab",
            "doc": "{\"a\": [1, null]}", "plain": "{\"b\":  2}", "uid": "00010203-0405-0607-0809-0a0b0c0d0e0f",
            "day": "2024-02-29", "wall": "2024-02-29T23:59:59.999999", "instant": "2024-02-29T14:59:59",
            "raw": "\\x00ff", "tags": "[\"a\",null,\"b,c\"]", "pair": "{\"a\":1,\"b\":\"x y\"}", "mood": "ok",
            "span": "[1,5)", "took": "P1DT2H3M4S", "at": "23:59:59.5", "address": "10.0.0.1/8", "bits": "101",
            "spot": "(1.5,2)"
        },
        // Nothing but an empty text, which is not NULL.
        {"id": 2, "word": ""}
    ]);
    assert_eq!(rows, expected);
    let quarantine =
        "SELECT source_line, column_name, value FROM system.quarantine ORDER BY source_line";
    assert_eq!(
        project.sql(quarantine),
        ["3,price,NaN", "4,free,0.12345678901", "5,day,infinity", "6,real,inf"]
    );
}

#[test]
fn a_load_in_which_nothing_changed_is_known_by_the_log() {
    // Of its own: whatever happens to another database of a server moves its log too.
    let database = Database::on(Arc::new(Server::start(Kind::Postgres, &["-c", "autovacuum=off"])));
    database.sql(
        "CREATE TABLE kept (id int PRIMARY KEY, note text); INSERT INTO kept VALUES (1, 'a');
         CREATE TABLE policed (LIKE kept INCLUDING ALL); ALTER TABLE policed ENABLE ROW LEVEL SECURITY;
         CREATE POLICY all_of_it ON policed USING (true)",
    );
    let changed = |project: &Project| !project.run(&["load"]).err.contains("nothing changed");
    let kept = project(&database, "kept", &["note"]);
    kept.run(&["load"]).ok();
    // The server itself writes a little for some seconds after it was busy.
    assert!((0..60).any(|_| {
        std::thread::sleep(std::time::Duration::from_millis(500));
        !changed(&kept)
    }));
    database.sql("UPDATE kept SET note = 'b'");
    assert!(changed(&kept));
    assert_eq!(kept.sql("SELECT note FROM warehouse.kept"), ["b"]);
    let policed = project(&database, "policed", &["note"]);
    policed.run(&["load"]).ok();
    assert!(
        (0..5).all(|_| changed(&policed)),
        "a policy can show other rows without a word in the log"
    );
}

#[test]
fn numbers_that_are_texts_are_read_in_one_piece() {
    let database = postgres();
    database.sql(
        "CREATE TABLE coded (id text PRIMARY KEY, note text);
         INSERT INTO coded SELECT n::text, 'n' FROM generate_series(1, 200000) n; ANALYZE coded",
    );
    let project = project(&database, "coded", &["note"]);
    project.edit("etl/sources.yaml", "{key: [id]}", "{key: [id], types: {id: int64}}");
    project.run(&["load"]).ok();
    assert_eq!(
        project.sql("SELECT count(*), sum(id) FROM warehouse.coded"),
        ["200000,20000100000"]
    );
}
