//! Mistakes in a declared cube.

use super::super::measure::Additivity;
use super::super::register;
use super::{SALES, cube, session};

/// The messages for the cube with `measures` or more keys after its head.
fn mistakes(rest: &str) -> String {
    let text = format!("version: 1\ncube: sales\nfact: sales\n{rest}\n");
    cube(&text).unwrap_err().to_string()
}

fn assert_says(rest: &str, parts: &[&str]) {
    let message = mistakes(rest);
    for part in parts {
        assert!(message.contains(part), "`{part}` is not in:\n{message}");
    }
}

#[test]
fn the_example_is_fine() {
    let cube = cube(SALES).unwrap();
    let roles: Vec<&str> = cube.roles.iter().map(|role| role.role.name.as_str()).collect();
    assert_eq!(roles, ["date", "due_date", "region", "customer"]);
}

#[test]
fn without_dimensions_every_role_is_there() {
    let text = "version: 1\ncube: c\nfact: sales\nmeasures: {lines: {count: \"*\"}}";
    assert_eq!(cube(text).unwrap().roles.len(), 4);
}

#[test]
fn unknown_names_are_met_with_the_nearest() {
    assert_says(
        "measures: {revenue: {sum: net_amout}}",
        &[
            "unknown column of the fact `sales` `net_amout`",
            "did you mean `net_amount`?",
            "cubes/sales.yaml:4:27",
        ],
    );
    assert_says(
        "dimensions: {regoin: {}}\nmeasures: {n: {count: \"*\"}}",
        &["unknown dimension of the fact `sales` `regoin`", "did you mean `region`?"],
    );
    assert_says(
        "dimensions: {date: {roles: [dew]}}\nmeasures: {n: {count: \"*\"}}",
        &["unknown role of `date`", "there is: due"],
    );
    assert_says(
        "dimensions: {region: {hierarchies: {geo: [contry]}}}\nmeasures: {n: {count: \"*\"}}",
        &["unknown level of the dimension `region` `contry`", "did you mean `country`?"],
    );
    assert_says(
        "measures: {a: {count: \"*\"}, b: {expr: \"aa + a\"}}",
        &["unknown measure of the cube `sales` `aa`"],
    );
    assert_says(
        "levels: {invoice: {key: invoice_nr}}\nmeasures: {n: {distinct: custommer}}",
        &["`invoice_nr`", "did you mean `invoice_no`?", "did you mean `customer`?"],
    );
}

#[test]
fn formulas_in_a_circle() {
    assert_says(
        "measures: {n: {count: \"*\"}, a: {expr: \"b + n\"}, b: {expr: \"a * 2\"}}",
        &["`a` and `b` are computed from each other"],
    );
    assert_says("measures: {a: {expr: \"a + 1\"}}", &["`a` is computed from itself"]);
}

#[test]
fn money_is_not_mixed() {
    assert_says(
        "measures: {usd: {sum: foreign_amount}}",
        &["in the currency its row names in `currency`", "convert: {to: CNY, rate:"],
    );
    assert_says(
        "measures: {both: {sum: \"net_amount + euros\"}}",
        &["`net_amount + euros` mixes amounts in CNY and EUR"],
    );
    assert_says(
        "measures: {a: {sum: net_amount}, b: {sum: euros}, c: {expr: \"a - b\"}}",
        &["`a - b` mixes amounts in CNY and EUR"],
    );
    assert_says(
        "measures: {a: {sum: net_amount}, b: {sum: euros}, c: {expr: \"coalesce(a, 0) + round(b)\"}}",
        &["`coalesce(a, 0) + round(b)` mixes amounts in CNY and EUR"],
    );
    assert_says(
        "measures: {a: {sum: net_amount}, b: {sum: euros}, c: {expr: \"CASE WHEN a > b THEN 1 END\"}}",
        &["mixes amounts in CNY and EUR"],
    );
    // A ratio of two currencies is a rate, not a mixture.
    let text = "version: 1\ncube: sales\nfact: sales\nmeasures: {a: {sum: net_amount}, b: {sum: euros}, c: {expr: \"a / b\"}}";
    assert_eq!(cube(text).unwrap().measure("c").unwrap().currency, None);
}

#[test]
fn what_is_missing_may_be_nothing_in_a_formula() {
    let text = "version: 1\ncube: sales\nfact: sales\nmeasures: {a: {sum: net_amount}, b: {expr: \"coalesce(a, 0)\"}, c: {expr: \"coalesce(a, 1)\"}}";
    let cube = cube(text).unwrap();
    let measure = |name| cube.measure(name).unwrap();
    assert_eq!(measure("b").currency.as_deref(), Some("CNY"));
    assert_eq!(measure("b").additivity, Additivity::Additive);
    assert_eq!(measure("c").additivity, Additivity::NonAdditive);
}

#[test]
fn what_changes_every_time_is_refused() {
    assert_says(
        "measures: {n: {count: \"*\", where: \"now() > '2024-01-01'\"}}",
        &["SD012", "`now()`"],
    );
    assert_says("measures: {n: {sum: \"net_amount * random()\"}}", &["SD012", "`random()`"]);
}

#[test]
fn all_mistakes_come_at_once() {
    assert_says(
        "colour: red\nmeasures: {a: {sum: x, avg: y}, b: {mode: x}, c: {sum: \"1 +\"}, d: {sum: \"sum(cost)\"}}",
        &[
            "unknown key `colour`",
            "`avg`",
            "one of `sum`",
            "`1 +` is not valid SQL here",
            "`sum` aggregates",
        ],
    );
    assert_says(
        "levels: {date_year: {key: invoice_no}}\nmeasures: {region_country: {count: \"*\"}}",
        &["two columns called `date_year`", "`region_country` is already a column of a level"],
    );
}

#[tokio::test]
async fn types_are_checked_when_the_tables_are_known() {
    let (context, tables) = session().await;
    let text = "version: 1\ncube: sales\nfact: sales\nmeasures: {names: {sum: invoice_no}}";
    let error = register(&[cube(text).unwrap()], &context, &tables).unwrap_err().to_string();
    assert_eq!(
        error,
        "measure `names` of cube `sales`: `invoice_no` cannot be summed: it is Dictionary(Int32, Utf8)"
    );
}
