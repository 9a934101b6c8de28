//! `starling plan` names what changes for a reason that stands far from it: how a source is read, how
//! a fact finds its members, and what these are.

use serde_json::Value;

use crate::plan::{difference, holds, parts, plan};
use crate::support::Project;

const CUBE: &str = "cubes/sales.yaml";
const FACT: &str = "etl/sales.yaml";
const SOURCES: &str = "etl/sources.yaml";

/// A shop with a measure and sets that choose by members.
fn shop() -> Project {
    let shop = Project::shop();
    shop.edit(
        CUBE,
        "  average:",
        "  roman: {sum: amount, where: \"customer_city = 'Rome'\"}\n  average:",
    );
    let cube = std::fs::read_to_string(shop.path().join(CUBE)).unwrap();
    let sets = "sets:\n  best: {top: {level: customer.city, n: 1, by: revenue}}\n  \
                romans: {level: customer.customer, where: \"customer_city = 'Rome'\"}\n  \
                early: {level: date.month, members: [2024-01]}\n";
    shop.write(CUBE, &format!("{cube}{sets}"));
    shop
}

/// The answers to every measure and level of the cube, to see that they are others.
fn revenue(shop: &Project) -> Vec<String> {
    shop.sql(
        "SELECT customer_city, AGG(revenue), AGG(roman) FROM cubes.sales \
         GROUP BY ROLLUP (customer_city) ORDER BY 1",
    )
}

/// A change of one file names `expected` of the cube, and nothing of what is in `spared`.
#[track_caller]
fn names(shop: &Project, edit: (&str, &str, &str), expected: &[&str], spared: &[&str]) -> Value {
    let (file, was, is) = edit;
    shop.edit(file, was, is);
    let plan = plan(shop);
    let parts = parts(&plan);
    for name in expected {
        assert!(parts.contains(&format!("changes meaning {name}")), "{name} in {parts:#?}");
    }
    for name in spared {
        assert!(!parts.contains(&format!("changes meaning {name}")), "{name} in {parts:#?}");
    }
    plan
}

#[test]
fn how_a_source_is_read() {
    let shop = shop();
    shop.run(&["load"]).ok();
    let before = revenue(&shop);
    // An empty text and `C2` are NULL: a row has no customer, a member no key.
    let nulls = (
        "etl/sources.yaml",
        "        file: sales.csv\n",
        "        file: sales.csv\n        nulls: [\"\", C2]\n",
    );
    let all = [
        "rows sales",
        "level customer_city",
        "level date_month",
        "measure revenue",
        "measure sales",
        "measure roman",
        "measure average",
        "set best",
        "set romans",
        "set early",
    ];
    let changed = names(&shop, nulls, &all, &[]);
    assert_eq!(
        difference(&changed, "revenue", "nulls of shop.sale"),
        (Value::Null, "[\"\", \"C2\"]".into())
    );
    holds(&shop);
    assert_ne!(revenue(&shop), before);
    // A type concerns what is computed from its column, and which rows can be read.
    let types = (SOURCES, "decimal(10,2)", "decimal(12,3)");
    let some = ["rows sales", "measure revenue", "measure average", "set best"];
    let others = ["measure sales", "level customer_city", "set romans", "set early"];
    let typed = names(&shop, types, &some, &others);
    assert_eq!(
        difference(&typed, "revenue", "type of amount in shop.sale"),
        ("decimal(10,2)".into(), "decimal(12,3)".into())
    );
    holds(&shop);
    // What holds of the source holds of each of its tables that says nothing else.
    let decimal = (SOURCES, "{path: data}", "{path: data, decimal: \",\"}");
    names(&shop, decimal, &all, &[]);
    shop.edit(SOURCES, "{path: data, decimal: \",\"}", "{path: ./data}");
    names(&shop, (SOURCES, "file: sales.csv", "file: sale*.csv"), &all, &[]);
}

#[test]
fn to_say_what_holds_anyway_changes_nothing() {
    let shop = shop();
    shop.run(&["load"]).ok();
    let said = "{path: data, delimiter: \",\", decimal: ., encoding: utf-8, nulls: \"\"}";
    shop.edit(SOURCES, "{path: data}", said);
    assert_eq!(plan(&shop)["cubes"], Value::Array(Vec::new()));
    holds(&shop);
}

#[test]
fn a_folder_of_the_environment_is_compared_as_it_is_written() {
    let shop = shop();
    shop.edit(SOURCES, "{path: data}", "{path: \"${env:SHOP_DATA:-data}\"}");
    shop.run(&["load"]).ok();
    assert_eq!(plan(&shop)["cubes"], Value::Array(Vec::new()));
    let changed = names(&shop, (SOURCES, ":-data", ":-./data"), &["measure revenue"], &[]);
    assert_eq!(
        difference(&changed, "revenue", "path of shop.sale"),
        ("${env:SHOP_DATA:-data}".into(), "${env:SHOP_DATA:-./data}".into())
    );
}

#[test]
fn a_measure_and_a_set_by_members_change_with_how_they_are_found() {
    let shop = shop();
    shop.run(&["load"]).ok();
    let by_city = ["level customer_city", "measure roman", "set best", "set romans"];
    let others = ["measure revenue", "measure sales", "level date_month", "set early"];
    let key =
        (FACT, "customer: {on: customer}", "customer: {on: \"replace(customer, 'C1', 'C2')\"}");
    let before = revenue(&shop);
    names(&shop, key, &by_city, &others);
    holds(&shop);
    assert_ne!(revenue(&shop), before);
    let applies = (FACT, "'C2')\"}", "'C2')\", not_applicable: amount > 50}");
    names(&shop, applies, &by_city, &others);
    holds(&shop);
    // The key of a record, and a column of the fact that comes before one of its source.
    let record = ("etl/customer.yaml", "customer_no: no", "customer_no: trim(no)");
    names(&shop, record, &by_city, &others);
    holds(&shop);
    names(&shop, (FACT, "sale_no: id,", "sale_no: id, customer: customer,"), &by_city, &others);
    holds(&shop);
    names(&shop, (FACT, "customer: customer,", "customer: trim(customer),"), &by_city, &others);
    holds(&shop);
    // The measure that a set is led by.
    names(
        &shop,
        (CUBE, "{sum: amount}", "{sum: amount, where: amount > 5}"),
        &["set best"],
        &others[1..],
    );
    holds(&shop);
}

#[test]
fn what_happens_to_facts_without_a_member_changes_which_rows_count() {
    let shop = shop();
    shop.run(&["load"]).ok();
    let before = revenue(&shop);
    let missing =
        (FACT, "customer: {on: customer}", "customer: {on: customer, missing: quarantine}");
    let changed =
        names(&shop, missing, &["rows sales", "level customer_city"], &["level date_month"]);
    assert_eq!(
        difference(&changed, "sales", "missing customer in sales"),
        (Value::Null, "quarantine".into())
    );
    holds(&shop);
    assert_ne!(revenue(&shop), before);
    // From now on the key decides whether a row counts.
    let key = (FACT, "{on: customer,", "{on: trim(customer),");
    names(&shop, key, &["rows sales", "measure roman"], &["level date_month"]);
    holds(&shop);
}

#[test]
fn a_dimension_through_a_fact_changes_with_that_fact() {
    let shop = shop();
    shop.write("data/sellers.csv", "number,name\n1,Sam\n2,Tia\n");
    shop.write("data/care.csv", "customer,seller,share\nC1,1,60\nC1,2,40\nC2,2,100\n");
    let tables = "    tables:\n      seller: {file: sellers.csv}\n      care: {file: care.csv}\n";
    shop.edit(SOURCES, "    tables:\n", tables);
    shop.write(
        "etl/seller.yaml",
        "dimension: seller\nkey: seller_no\nfrom:\n  - table: shop.seller\n    \
         columns: {seller_no: number, name: name}\nlevels:\n  seller: {key: seller_no, caption: name}\n",
    );
    let care = "etl/care.yaml";
    shop.write(
        care,
        "fact: care\ngrain: [customer_no, seller_no]\nfrom:\n  - table: shop.care\n    \
         columns: {customer_no: customer, seller_no: seller, share: share}\n    where: share > 0\n\
         dimensions:\n  customer: {on: customer_no}\n  seller: {on: seller_no}\n",
    );
    shop.edit(
        CUBE,
        "measures:\n",
        "dimensions:\n  date:\n  customer:\n  seller: {through: care, weight: share}\nmeasures:\n",
    );
    shop.run(&["load"]).ok();
    let seller = ["level seller_seller"];
    let others = ["level customer_city", "level date_month", "measure revenue", "set best"];
    let by_seller =
        || shop.sql("SELECT seller_seller, AGG(revenue) FROM cubes.sales GROUP BY 1 ORDER BY 1");
    let before = by_seller();
    names(&shop, (care, "share: share", "share: share * share"), &seller, &others);
    holds(&shop);
    assert_ne!(by_seller(), before);
    names(&shop, (care, "where: share > 0", "where: share > 50"), &seller, &others);
    holds(&shop);
    let grain = (care, "grain: [customer_no, seller_no]", "grain: [customer_no]");
    names(&shop, grain, &seller, &others);
    holds(&shop);
    names(&shop, (care, "seller_no: seller", "seller_no: 3 - seller"), &seller, &others);
    holds(&shop);
    names(&shop, (SOURCES, "{file: care.csv}", "{file: care.csv, nulls: [C1]}"), &seller, &others);
    holds(&shop);
}

#[test]
fn a_level_that_shows_its_parent_changes_with_it() {
    let shop = shop();
    let customer = "etl/customer.yaml";
    shop.write(
        "data/customers.csv",
        "no,name,city,land\nC1,Ada,,FR\nC2,Bob,Rome,IT\nC3,Cyd,Rome,IT\n",
    );
    shop.edit(customer, "city: city}", "city: city, land: land}");
    shop.edit(customer, "levels:\n", "levels:\n  land: land\n");
    shop.edit(customer, "[city, customer]", "[land, city, customer]");
    shop.run(&["load"]).ok();
    let city = ["level customer_city", "measure roman", "set best"];
    let others = ["level customer_customer", "measure revenue", "set early"];
    let before = revenue(&shop);
    names(
        &shop,
        (customer, "  city: city\n", "  city: {key: city, when_missing: parent}\n"),
        &city,
        &others,
    );
    holds(&shop);
    assert_ne!(revenue(&shop), before);
    names(&shop, (customer, "land: land}", "land: lower(land)}"), &city, &others);
    holds(&shop);
    names(&shop, (customer, ", when_missing: parent", ""), &city, &others);
    holds(&shop);
    names(&shop, (customer, "lower(land)", "land"), &["level customer_land"], &city);
}

#[test]
fn a_history_changes_the_levels_of_its_dimension() {
    let shop = shop();
    let customer = "etl/customer.yaml";
    shop.write(
        "data/customers.csv",
        "no,name,city,since,until\nC1,Ada,Paris,2020-01-01,2024-02-01\nC1,Ada,Rome,2024-01-01,2025-01-01\n\
         C2,Bob,Rome,2020-01-01,2025-01-01\nC3,Cyd,Rome,2020-01-01,2025-01-01\n",
    );
    shop.edit(SOURCES, "key: [no]", "key: [no, since], types: {since: date, until: date}");
    shop.edit(customer, "city: city}", "city: city, nick: name, since: since, until: until}");
    shop.edit(customer, "levels:\n", "history: {from: since, type2: [city, until]}\nlevels:\n");
    shop.run(&["load"]).ok();
    let by_city = ["level customer_city", "measure roman", "set best", "set romans"];
    let others = ["measure revenue", "level date_month", "set early"];
    let before = revenue(&shop);
    let from = (customer, "{from: since, type2: [city, until]}", "{from: until, type2: [city]}");
    names(&shop, from, &by_city, &others);
    holds(&shop);
    assert_ne!(revenue(&shop), before);
    names(
        &shop,
        (customer, "until: until}", "until: \"until + INTERVAL '1' DAY\"}"),
        &by_city,
        &others,
    );
    shop.edit(customer, "until: \"until + INTERVAL '1' DAY\"}", "until: until}");
    names(&shop, (customer, "type2: [city]", "type2: [nick, city]"), &by_city, &others);
    shop.edit(customer, "type2: [nick, city]", "type2: [city]");
    names(
        &shop,
        (CUBE, "measures:\n", "dimensions:\n  date:\n  customer: {members: as_is}\nmeasures:\n"),
        &by_city,
        &others,
    );
    shop.edit(CUBE, "{members: as_is}", "{members: as_was}");
    names(
        &shop,
        (FACT, "{on: customer}", "{on: customer, as_of: \"DATE '2024-06-01'\"}"),
        &by_city,
        &others,
    );
    holds(&shop);
}

#[test]
fn what_rules_fills_and_days_name_is_followed() {
    let shop = shop();
    shop.edit(
        "etl/customer.yaml",
        "city: city}",
        "city: city, town: upper(city)}\n    fill: {city: town}",
    );
    shop.edit(
        FACT,
        "sale_no: id, amount: {expr: amount, currency: EUR}}\n",
        "sale_no: id, sold: day, net: amount, amount: {expr: amount, currency: EUR}}\n    \
         reject: [{when: net < 0, because: negative}]\n",
    );
    shop.edit(FACT, "{on: day}", "{on: sold}");
    shop.edit(CUBE, "  average:", "  newest: {last: amount}\n  average:");
    shop.run(&["load"]).ok();
    let town = ("etl/customer.yaml", "town: upper(city)", "town: lower(city)");
    let by_city = ["level customer_city", "measure roman", "set romans"];
    names(&shop, town, &by_city, &["measure revenue", "level date_month"]);
    holds(&shop);
    let net = (FACT, "net: amount", "net: amount - 5");
    names(&shop, net, &["rows sales"], &["level customer_city", "level date_month"]);
    holds(&shop);
    let sold = (FACT, "sold: day", "sold: \"day + INTERVAL '1' DAY\"");
    let by_day = ["level date_month", "measure newest", "set early"];
    names(&shop, sold, &by_day, &["measure revenue", "level customer_city"]);
    holds(&shop);
}
