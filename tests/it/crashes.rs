//! A load may be killed anywhere; run again, it gives the warehouse it would have given.

use std::io::{BufRead, BufReader};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use crate::support::Project;

/// More than a load of the shop ever writes.
const WRITES_MAX: u64 = 60;

/// A shop whose second load has to change every table.
fn changed(shop: &Project) {
    shop.edit("data/customers.csv", "C2,Bob,Rome", "C2,Bob,Milan");
    shop.edit("data/sales.csv", "5,2025-01-01", "5,2026-01-01");
}

/// Starts a load that stops for ever after `writes` writes, and waits until it does. `None` when it
/// ended before.
fn paused(shop: &Project, writes: u64) -> Option<Child> {
    let mut child = shop
        .command(&["load"])
        .env("STARLING_PAUSE_AFTER_WRITE", writes.to_string())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stderr.take().unwrap()).lines();
    for line in lines {
        if line.unwrap().contains("paused after a write") {
            return Some(child);
        }
    }
    assert!(child.wait().unwrap().success());
    None
}

/// Kills a load after every single write, and checks the next one. Gives the number of writes.
fn killed_after_each_write(prepare: impl Fn() -> Project, expected: &str) -> u64 {
    for writes in 1..WRITES_MAX {
        let shop = prepare();
        let Some(mut child) = paused(&shop, writes) else { return writes - 1 };
        child.kill().unwrap();
        child.wait().unwrap();
        shop.run(&["load"]).ok();
        assert_eq!(shop.contents(), expected, "killed after write {writes}");
    }
    panic!("a load of the shop writes more than {WRITES_MAX} times");
}

#[test]
fn killed_between_every_two_writes_of_a_first_load() {
    let whole = Project::shop();
    whole.run(&["load"]).ok();
    let writes = killed_after_each_write(Project::shop, &whole.contents());
    // Four tables are created, written and committed, then one epoch.
    assert!(writes > 12, "only {writes} writes were seen");
}

#[test]
fn killed_between_every_two_writes_of_a_second_load() {
    let prepare = || {
        let shop = Project::shop();
        shop.run(&["load"]).ok();
        changed(&shop);
        shop
    };
    let whole = prepare();
    whole.run(&["load"]).ok();
    let writes = killed_after_each_write(prepare, &whole.contents());
    assert!(writes > 8, "only {writes} writes were seen");
}

#[test]
fn readers_see_the_last_epoch_while_a_load_hangs() {
    let shop = Project::shop();
    shop.run(&["load"]).ok();
    let before = shop.contents();
    changed(&shop);
    let mut child = paused(&shop, 6).expect("the load pauses");
    assert_eq!(shop.contents(), before);
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(shop.contents(), before);
}

#[test]
fn killed_at_random_times() {
    let prepare = || {
        let shop = Project::shop();
        let rows: String = (10..20_000)
            .map(|i| {
                format!("{i},2024-{:02}-{:02},C{},{}.25\n", i % 12 + 1, i % 28 + 1, i % 4, i % 97)
            })
            .collect();
        shop.write("data/sales.csv", &format!("id,day,customer,amount\n{rows}"));
        shop
    };
    let whole = prepare();
    let started = Instant::now();
    whole.run(&["load"]).ok();
    let duration = started.elapsed();
    let expected = whole.contents();
    let seed = std::env::var("STARLING_SEED").ok().and_then(|s| s.parse().ok());
    let mut seed: u64 = seed.unwrap_or(u64::from(std::process::id()));
    println!("STARLING_SEED={seed}");
    for _ in 0..20 {
        // Numerical Recipes' generator; any spread over the load's time will do.
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let part = (seed >> 33) as f64 / f64::from(1_u32 << 31);
        let shop = prepare();
        let mut child = shop.command(&["load"]).stderr(Stdio::null()).spawn().unwrap();
        std::thread::sleep(Duration::from_secs_f64(duration.as_secs_f64() * part));
        // It may have ended already, which is as good a time as any.
        drop(child.kill());
        child.wait().unwrap();
        shop.run(&["load"]).ok();
        assert_eq!(shop.contents(), expected, "killed at {part:.3} of the load");
    }
}
