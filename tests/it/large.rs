//! A file much larger than memory may be.

use std::io::{BufWriter, Write};
use std::process::Stdio;
use std::time::Duration;

use crate::servers::{Database, PASSWORD, mariadb, postgres};
use crate::support::{Project, long_tests};

const FILE_BYTES: u64 = 2 << 30;
const MEMORY_KIB_MAX: u64 = 512 << 10;

/// Rows at the end that the file has at its start already.
const REPEATED: u64 = 3;

#[test]
fn two_gigabytes_load_in_half_a_gigabyte_of_memory() {
    if !long_tests() {
        println!("skipped: a long test; set STARLING_LONG_TESTS=1 or run scripts/nightly");
        return;
    }
    let shop = Project::shop();
    let written = write_sales(&shop);
    let rows = written.rows + REPEATED;

    shop.edit("etl/sales.yaml", "sale_no: id,", "sale_no: id, file: _file, line: _line,");
    shop.edit("etl/sales.yaml", "grain: [sale_no]", "grain: [file, line]");
    load("grain by position", &shop);
    let cents = written.cents + written.repeated_cents;
    let sums = "SELECT count(*), sum(amount) FROM warehouse.sales";
    assert_eq!(shop.sql(sums), [format!("{rows},{}.{:02}", cents / 100, cents % 100)]);

    shop.edit("etl/sales.yaml", "grain: [file, line]", "grain: [sale_no]");
    shop.edit("etl/sales.yaml", "    columns:", "    duplicates: count\n    columns:");
    load("grain over columns, duplicates counted", &shop);
    let (rows, cents) = (written.rows, written.cents);
    assert_eq!(shop.sql(sums), [format!("{rows},{}.{:02}", cents / 100, cents % 100)]);
    let repeats = "SELECT outcome, rule, rows FROM system.load_rules \
                   WHERE epoch = 2 AND rule IN ('duplicate', 'grain') ORDER BY rule";
    let expected =
        [format!("loaded,duplicate,{REPEATED}"), format!("quarantined,grain,{REPEATED}")];
    assert_eq!(shop.sql(repeats), expected);
    let lines = shop.sql("SELECT source_line FROM system.quarantine ORDER BY 1");
    let expected: Vec<String> = (0..REPEATED).map(|n| (rows + 2 + n).to_string()).collect();
    assert_eq!(lines, expected);
}

/// Rows of 250 bytes: 5 GB.
const SERVER_ROWS: u64 = 20_000_000;

#[test]
fn five_gigabytes_of_a_server_load_in_half_a_gigabyte_of_memory() {
    if !long_tests() {
        println!("skipped: a long test; set STARLING_LONG_TESTS=1 or run scripts/nightly");
        return;
    }
    let table = "CREATE TABLE line (id int PRIMARY KEY, amount decimal(12,2), note varchar(250));";
    let postgres = postgres();
    postgres.sql(&format!(
        "{table} INSERT INTO line SELECT n, n % 1000 + 0.25, repeat(md5(n::text), 7) FROM generate_series(1, {SERVER_ROWS}) n;
         ANALYZE line"
    ));
    load_of_server("postgres", &postgres);
    drop(postgres);
    let mariadb = mariadb();
    mariadb.sql(&format!(
        "{table} INSERT INTO line SELECT seq, seq % 1000 + 0.25, repeat(md5(seq), 7) FROM seq_1_to_{SERVER_ROWS}"
    ));
    load_of_server("mysql", &mariadb);
}

fn load_of_server(kind: &str, database: &Database) {
    let project = Project::empty();
    project.write("starling.yaml", "version: 1\nname: large\nwarehouse: wh\n");
    project.write("password", PASSWORD);
    let url = database.url_as("reader:${file:password}");
    project.write(
        "etl/sources.yaml",
        &format!("version: 1\nsources:\n  crm:\n    {kind}: {{url: \"{url}\"}}\n    tables:\n      line: {{key: [id]}}\n"),
    );
    project.write(
        "etl/line.yaml",
        "version: 1\nfact: line\ngrain: [id]\nfrom:\n  - table: crm.line\n    columns: {id: id, amount: amount, note: note}\n",
    );
    load(kind, &project);
    let theirs = database.sql("SELECT count(*), sum(amount), sum(length(note)) FROM line");
    let ours = project.sql("SELECT count(*), sum(amount), sum(length(note)) FROM warehouse.line");
    assert_eq!(ours, [theirs.trim_end().replace('\t', ",")]);
}

/// Loads, and checks the most memory it had.
#[track_caller]
fn load(what: &str, shop: &Project) {
    let started = std::time::Instant::now();
    let mut load = shop.command(&["load", "--quiet"]).stdout(Stdio::null()).spawn().unwrap();
    let status = format!("/proc/{}/status", load.id());
    let mut peak_kib = 0;
    while load.try_wait().unwrap().is_none() {
        if let Ok(text) = std::fs::read_to_string(&status) {
            peak_kib = peak_kib.max(peak(&text).unwrap_or(0));
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    assert!(load.wait().unwrap().success());
    let seconds = started.elapsed().as_secs();
    println!("{what}: peak memory {} MiB, {seconds} s", peak_kib >> 10);
    assert!(peak_kib > 0 && peak_kib < MEMORY_KIB_MAX, "peak memory {} MiB", peak_kib >> 10);
}

/// The kernel's own record of the most memory a process ever had.
fn peak(status: &str) -> Option<u64> {
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    line.split_whitespace().nth(1)?.parse().ok()
}

/// What is in the file: its different rows, and what their amounts come to.
struct Written {
    rows: u64,
    cents: u64,
    repeated_cents: u64,
}

fn write_sales(shop: &Project) -> Written {
    let file = std::fs::File::create(shop.path().join("data/sales.csv")).unwrap();
    let mut out = BufWriter::with_capacity(1 << 20, file);
    out.write_all(b"id,day,customer,amount,note\n").unwrap();
    let (mut bytes, mut written) = (0, Written { rows: 0, cents: 0, repeated_cents: 0 });
    while bytes < FILE_BYTES {
        let line = sale(written.rows);
        out.write_all(line.as_bytes()).unwrap();
        bytes += line.len() as u64;
        written.cents += amount(written.rows);
        written.rows += 1;
    }
    for row in 0..REPEATED {
        out.write_all(sale(row).as_bytes()).unwrap();
        written.repeated_cents += amount(row);
    }
    out.flush().unwrap();
    written
}

fn amount(row: u64) -> u64 {
    row * 7919 % 100_000
}

fn sale(row: u64) -> String {
    let amount = amount(row);
    format!(
        "{row},2024-{:02}-{:02},C{},{}.{:02},a remark of some length that nobody reads {}\n",
        row % 12 + 1,
        row % 28 + 1,
        row % 5,
        amount / 100,
        amount % 100,
        row * 31 % 1009,
    )
}
