//! A file much larger than memory may be.

use std::io::{BufWriter, Write};
use std::process::Stdio;
use std::time::Duration;

use crate::support::{Project, long_tests};

const FILE_BYTES: u64 = 2 << 30;
const MEMORY_KIB_MAX: u64 = 512 << 10;

#[test]
fn two_gigabytes_load_in_half_a_gigabyte_of_memory() {
    if !long_tests() {
        println!("skipped: a long test; set STARLING_LONG_TESTS=1 or run scripts/nightly");
        return;
    }
    let shop = Project::shop();
    let (rows, cents) = write_sales(&shop);
    shop.edit("etl/sales.yaml", "grain: [sale_no]", "grain: [file, line]");
    shop.edit("etl/sales.yaml", "sale_no: id,", "sale_no: id, file: _file, line: _line,");
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
    println!("{rows} rows, peak memory {} MiB", peak_kib >> 10);
    assert!(peak_kib > 0 && peak_kib < MEMORY_KIB_MAX, "peak memory {} MiB", peak_kib >> 10);
    let expected = format!("{rows},{}.{:02}", cents / 100, cents % 100);
    assert_eq!(shop.sql("SELECT count(*), sum(amount) FROM warehouse.sales"), [expected]);
}

/// The kernel's own record of the most memory a process ever had.
fn peak(status: &str) -> Option<u64> {
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    line.split_whitespace().nth(1)?.parse().ok()
}

/// Writes the file; gives its rows and the sum of its amounts in cents.
fn write_sales(shop: &Project) -> (u64, u64) {
    let file = std::fs::File::create(shop.path().join("data/sales.csv")).unwrap();
    let mut out = BufWriter::with_capacity(1 << 20, file);
    let (mut written, mut rows, mut cents) = (0, 0, 0);
    let head = "id,day,customer,amount,note\n";
    out.write_all(head.as_bytes()).unwrap();
    while written < FILE_BYTES {
        let amount = rows * 7919 % 100_000;
        let line = format!(
            "{rows},2024-{:02}-{:02},C{},{}.{:02},a remark of some length that nobody reads {}\n",
            rows % 12 + 1,
            rows % 28 + 1,
            rows % 5,
            amount / 100,
            amount % 100,
            rows * 31 % 1009,
        );
        out.write_all(line.as_bytes()).unwrap();
        written += line.len() as u64;
        rows += 1;
        cents += amount;
    }
    out.flush().unwrap();
    (rows, cents)
}
