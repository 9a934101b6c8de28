//! `starling test`: checks that hold pass, those that do not are all reported with their places.

use serde_json::Value;

use crate::support::{Project, Run};

/// Runs the checks of a file on the shop.
fn test(shop: &Project, checks: &str, arguments: &[&str]) -> Run {
    shop.write("checks/shop.yaml", checks);
    shop.run(&[&["test"], arguments].concat())
}

const GOOD: &str = r#"version: 1
checks:
  revenue_by_city:
    query: {cube: sales, rows: customer.city, measures: [revenue, sales], totals: true}
    cells:
      - {customer_city: Rome, revenue: 104.25, sales: 2}
      - {customer_city: Paris, revenue: "10.500", sales: 1}
      - {customer_city: (unknown), revenue: 2, sales: 1}
      - {customer_city: ~, revenue: 116.75, sales: 4}
  by_city_and_year:
    query: {cube: sales, rows: customer.city, columns: date.year, measures: revenue, filters: "customer_city = 'Rome'"}
    cells: [{"2024 / revenue": 4.25, "2025 / revenue": 100}]
  greatest:
    query: {cube: sales, rows: customer.city, measures: revenue, sort: -revenue, limit: 1}
    cells: [{customer_city: Rome}]
  average_is_a_double:
    sql: SELECT AGG(average) AS average FROM cubes.sales
    cells: [{average: 29.1875}]
  nothing_negative: {no_rows: SELECT * FROM warehouse.sales WHERE amount < 0}
  fact_and_cube_agree:
    reconcile:
      - SELECT count(*), sum(amount) FROM warehouse.sales
      - SELECT AGG(sales), AGG(revenue) FROM cubes.sales
  nearly:
    reconcile: [SELECT 1.00, SELECT 1.009]
    tolerance: 0.01
  drills: {adds_up: {cube: sales}}
  rows_in_cells_out:
    description: A customer nobody knows is sold to as well.
    given:
      shop.customer:
        - {no: C7, name: Gus, city: Oslo}
      shop.sale:
        - {id: 1, day: 2030-05-01, customer: C7, amount: 3.50}
        - {id: 2, day: 2030-05-02, customer: C8, amount: 1}
    query: {cube: sales, rows: customer.city, measures: revenue}
    cells:
      - {customer_city: (unknown), revenue: 1}
      - {customer_city: Oslo, revenue: 3.5}
  what_does_not_fit_is_set_aside:
    given:
      shop.sale:
        - {id: 1, day: 2030-02-30, customer: C7, amount: 3.50}
        - {id: 2, day: 2030-02-28, customer: ~, amount: 3.505}
        - {id: 3, day: 2030-02-28, customer: ~}
    sql: SELECT source_file, source_line, column_name, value FROM system.quarantine
    cells:
      - {source_file: checks/shop.yaml, source_line: 43, column_name: day, value: 2030-02-30}
      - {source_file: checks/shop.yaml, source_line: 44, column_name: amount, value: 3.505}
"#;

#[test]
fn checks_that_hold_pass() {
    let shop = Project::shop();
    shop.run(&["load"]).ok();
    let out = test(&shop, GOOD, &[]).ok();
    assert_eq!(out.lines().filter(|line| line.starts_with("passed: ")).count(), 10, "{out}");
    assert!(out.ends_with("10 of 10 checks passed\n"), "{out}");
    assert!(shop.run(&["validate"]).err.contains("10 checks"));
    // Nothing that a check loads is left, and the warehouse is as it was.
    assert_eq!(shop.sql("SELECT epoch FROM system.epochs"), ["1"]);
}

#[test]
fn checks_that_bring_their_rows_need_neither_warehouse_nor_sources() {
    let shop = Project::shop();
    std::fs::remove_dir_all(shop.path().join("data")).unwrap();
    let checks = "checks:\n  sold:\n    given:\n      shop.customer: [{no: C7, name: Gus, city: Oslo}]\n      \
                  shop.sale: [{id: 1, day: 2030-05-01, customer: C7, amount: 3.50}]\n    query: {cube: \
                  sales, rows: [date.year, customer.city], measures: revenue}\n    cells: [{date_year: 2030, \
                  customer_city: Oslo, revenue: 3.50}]\n  kept: {no_rows: SELECT 1 WHERE false}\n";
    let out = test(&shop, checks, &["--given"]).ok();
    assert_eq!(out, "passed: sold\n1 of 1 checks passed\n");
    let kept = shop.run(&["test", "kept"]);
    assert!(kept.out.contains("run `starling load` first"), "{}", kept.out);
    kept.fails();
    // A table that the sale needs and nobody gives cannot be looked at either.
    shop.edit("checks/shop.yaml", "shop.customer: [{no: C7, name: Gus, city: Oslo}]", "");
    let message = shop.run(&["test", "sold"]);
    assert!(message.out.contains("broken: sold"), "{}", message.out);
    assert!(message.out.contains("error[SD010]"), "{}", message.out);
}

const BAD: &str = r#"version: 1
checks:
  wrong_cell:
    query: {cube: sales, rows: customer.city, measures: [revenue, sales]}
    cells:
      - {customer_city: Rome, revenue: 104.25, sales: 3}
      - {customer_city: Paris, revenue: 10.51, sales: 1}
      - {customer_city: Oslo, revenue: 1, sales: 1}
  negative:
    no_rows: SELECT sale_no FROM warehouse.sales WHERE amount < 5
  apart:
    reconcile: [SELECT 1.00 AS a, SELECT 1.02 AS a]
    tolerance: 0.01
  no_column:
    sql: SELECT 1 AS one
    cells: [{onne: 1}]
  no_sql: {no_rows: SELECT amuont FROM warehouse.sales}
  no_parts: {adds_up: {cube: sales, measures: average}}
  fine: {no_rows: SELECT 1 WHERE false}
"#;

#[test]
fn all_failures_are_reported_with_expected_and_got() {
    let shop = Project::shop();
    shop.run(&["load"]).ok();
    let run = test(&shop, BAD, &[]);
    for words in [
        "failed: wrong_cell",
        "`sales` of {customer_city: Rome} is wrong\n --> checks/shop.yaml:6:55",
        "^\nexpected: 3\n     got: 2\n",
        "`revenue` of {customer_city: Paris} is wrong\n --> checks/shop.yaml:7:41",
        "expected: 10.51\n     got: 10.50\n",
        "a row is missing\n --> checks/shop.yaml:8:9",
        "expected: {customer_city: Oslo, revenue: 1, sales: 1}",
        "a row is not expected\n --> checks/shop.yaml:6:7",
        "got: {customer_city: (unknown), revenue: 2.00, sales: 1}",
        "failed: negative",
        "got: {sale_no: 2}",
        "got: {sale_no: 4}",
        "failed: apart",
        "expected: 1.0\n     got: 1.02",
        "the answer has no column `onne`; did you mean `one`?\n  --> checks/shop.yaml:16:14",
        "broken: no_sql",
        "amuont",
        "broken: no_parts",
        "the measure `average` is not additive",
        "passed: fine\n1 of 7 checks passed\n",
    ] {
        assert!(run.out.contains(words), "`{words}` is not in:\n{}", run.out);
    }
    assert!(run.fails().contains("error: 6 checks do not hold"));
    // Names choose; one that there is not is a mistake.
    shop.run(&["test", "fine"]).ok();
    assert!(shop.run(&["test", "fien"]).fails().contains("did you mean `fine`?"));
    assert_eq!(shop.run(&["test", "--form"]).code, Some(2));
}

#[test]
fn programs_read_the_same_as_json() {
    let shop = Project::shop();
    shop.run(&["load"]).ok();
    let run = test(&shop, BAD, &["--format", "json"]);
    assert_eq!(run.code, Some(1));
    let report: Value = serde_json::from_str(&run.out).unwrap();
    assert_eq!((report["passed"].as_u64(), report["not_passed"].as_u64()), (Some(1), Some(6)));
    let first = &report["checks"][0];
    assert_eq!(first["name"], "wrong_cell");
    assert_eq!(first["outcome"], "failed");
    assert_eq!(first["line"], 3);
    assert_eq!(first["failures"].as_array().unwrap().len(), 4);
    let cell = &first["failures"][1];
    assert_eq!(
        (&cell["file"], &cell["line"], &cell["expected"], &cell["got"]),
        (&"checks/shop.yaml".into(), &6.into(), &"3".into(), &"2".into())
    );
    assert_eq!(report["checks"][4]["outcome"], "broken");
}

#[test]
fn a_changed_rule_fails_the_check_that_describes_it() {
    let shop = Project::shop();
    let checks = "checks:\n  refunds:\n    given:\n      shop.sale:\n        - {id: 1, day: 2030-05-01, amount: 5}\n        \
                  - {id: 2, day: 2030-05-01, amount: -2}\n    query: {cube: sales, measures: [revenue, sales]}\n    \
                  cells: [{revenue: 3, sales: 2}]\n";
    test(&shop, checks, &[]).ok();
    shop.edit(
        "etl/sales.yaml",
        "dimensions:",
        "    drop:\n      - {when: amount < 0, because: refund}\ndimensions:",
    );
    let run = shop.run(&["test"]);
    assert!(run.out.contains("expected: 3\n     got: 5.00"), "{}", run.out);
    run.fails();
}

#[test]
fn mistakes_in_checks_are_found_before_one_is_tried() {
    let shop = Project::shop();
    shop.edit("cubes/sales.yaml", "{sum: amount}", "{sum: amuont}");
    let checks = r#"version: 1
checks:
  one: {no_rows: SELECT 1, sqll: SELECT 2}
  two: {sql: SELECT 1}
  three:
    query: {cube: sails, measures: revenue}
    cells: [{a: 1}, {b: 1}]
  four: {reconcile: [SELECT 1]}
  five: {no_rows: SELECT 1, sql: SELECT 1, cells: []}
  six: {given: {shop.sail: []}, no_rows: SELECT 1, tolerance: -1}
  seven: {no_rows: SELECT 1, cells: []}
  eight: {no_rows: "SELECT ${env:HOME}"}
"#;
    shop.write("checks/more.yaml", "checks:\n  one: {no_rows: SELECT 1}\n");
    shop.write("checks/none.yaml", "cheks: {}\n");
    for command in ["test", "validate"] {
        shop.write("checks/shop.yaml", checks);
        let message = shop.run(&[command]).fails();
        for words in [
            "did you mean `amount`?",
            "check `one` is declared twice",
            "unknown key `sqll`",
            "did you mean `sql`?",
            "checks/shop.yaml:4:8",
            "`cells` is missing",
            "unknown cube `sails`",
            "this row names other columns than the first",
            "`reconcile` is a list of two queries",
            "another of `query`, `sql`",
            "unknown table `shop.sail`",
            "did you mean `shop.sale`?",
            "`tolerance` must be a number, zero or more",
            "`cells` belongs to `query` and `sql`",
            "`${…}` may stand only in",
            "did you mean `checks`?",
        ] {
            assert!(message.contains(words), "`{words}` is not in:\n{message}");
        }
    }
    let none = Project::shop();
    assert!(none.run(&["test"]).fails().contains("write one in `checks/`"));
}

#[test]
fn mistakes_in_given_rows_are_told_with_their_place() {
    let shop = Project::shop();
    let checks = "checks:\n  one:\n    given:\n      shop.sale: [{id: 1, amuont: 5}]\n    no_rows: SELECT 1 \
                  WHERE false\n";
    let run = test(&shop, checks, &[]);
    for words in ["broken: one", "unknown column of `shop.sale` `amuont`", "checks/shop.yaml:4:27"]
    {
        assert!(run.out.contains(words), "`{words}` is not in:\n{}", run.out);
    }
    run.fails();
}

#[test]
fn a_hierarchy_that_loses_rows_does_not_add_up() {
    // The engine keeps captions one to one with keys, so that cells of children always sum to their
    // parent; what can be wrong is the declaration: a measure over more than the rows of a cell.
    let shop = Project::shop();
    shop.run(&["load"]).ok();
    let checks = "checks:\n  one: {adds_up: {cube: sales, hierarchies: [customer.by_cty]}}\n  two: {adds_up: \
                  {cube: sales, measures: [revenu]}}\n  three: {adds_up: {cube: sales, hierarchies: \
                  [customer.by_city, date.calendar, date.fiscal, date.weeks]}}\n";
    let run = test(&shop, checks, &[]);
    for words in ["did you mean `customer.by_city`?", "did you mean `revenue`?", "passed: three"] {
        assert!(run.out.contains(words), "`{words}` is not in:\n{}", run.out);
    }
    run.fails();
}

#[test]
fn a_cube_over_cubes_is_checked_with_the_rows_of_all_its_facts() {
    let shop = Project::shop_with_goals();
    let checks = "checks:\n  one:\n    given:\n      shop.sale: [{id: 1, day: 2030-05-01, customer: C1, amount: 30}]\n      \
                  shop.goal: [{month: 2030-05-01, city: Rome, amount: 40}]\n    query: {cube: both, rows: date.month, \
                  measures: [revenue, goal, reached]}\n    cells: [{date_month: 2030-05, revenue: 30, goal: 40, reached: \
                  0.75}]\n  other:\n    given:\n      shop.sale: [{id: 1, day: 2030-05-01, customer: C1, amount: 30}]\n    query: \
                  {cube: both, rows: date.month, measures: [revenue, goal]}\n    cells: [{date_month: 2030-05, revenue: \
                  30, goal: ~}]\n";
    test(&shop, checks, &[]).ok();
}

#[test]
fn sets_leading_members_and_conditions_on_measures_are_asked_too() {
    let shop = Project::shop();
    let cube = std::fs::read_to_string(shop.path().join("cubes/sales.yaml")).unwrap();
    let sets = "sets:\n  romans: {level: customer.city, members: [Rome]}\n";
    shop.write("cubes/sales.yaml", &format!("{cube}{sets}"));
    shop.run(&["load"]).ok();
    let checks = r#"checks:
  in_a_set:
    query: {cube: sales, measures: revenue, sets: romans}
    cells: [{revenue: 104.25}]
  leading:
    query: {cube: sales, rows: customer.city, measures: revenue, top: [{level: customer.city, n: 1, by: revenue, others: rest}]}
    cells:
      - {customer_city: Rome, revenue: 104.25}
      - {customer_city: rest, revenue: 12.50}
  above:
    query: {cube: sales, rows: customer.city, measures: revenue, having: revenue > 10}
    cells:
      - {customer_city: Paris, revenue: 10.50}
      - {customer_city: Rome, revenue: 104.25}
"#;
    let out = test(&shop, checks, &[]).ok();
    assert!(out.ends_with("3 of 3 checks passed\n"), "{out}");
}
