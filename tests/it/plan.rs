//! `starling plan`: what a change of declarations does, told before it is done.

use serde_json::Value;

use crate::support::Project;

pub fn plan(shop: &Project) -> Value {
    serde_json::from_str(&shop.run(&["plan", "--format", "json"]).ok()).unwrap()
}

/// What becomes of a table.
fn table(plan: &Value, name: &str) -> (String, String) {
    let tables = plan["tables"].as_array().unwrap();
    let table = tables.iter().find(|table| table["table"] == name).unwrap();
    let reasons: Vec<&str> =
        table["reasons"].as_array().unwrap().iter().map(|text| text.as_str().unwrap()).collect();
    (table["change"].as_str().unwrap().to_owned(), reasons.join(", "))
}

/// `change kind name` of every part of the one cube that changes.
pub fn parts(plan: &Value) -> Vec<String> {
    let cubes = plan["cubes"].as_array().unwrap();
    assert_eq!(cubes.len(), 1, "{plan:#}");
    let text = |part: &Value, key: &str| part[key].as_str().unwrap().to_owned();
    let parts = cubes[0]["parts"].as_array().unwrap().iter();
    parts
        .map(|p| format!("{} {} {}", text(p, "change"), text(p, "kind"), text(p, "name")))
        .collect()
}

/// What was and is said about `what` of the part `name`.
pub fn difference(plan: &Value, name: &str, what: &str) -> (Value, Value) {
    let parts = plan["cubes"][0]["parts"].as_array().unwrap();
    let part = parts.iter().find(|part| part["name"] == name).unwrap();
    let differences = part["differences"].as_array().unwrap();
    let found = differences.iter().find(|difference| difference["what"] == what);
    let found = found.unwrap_or_else(|| panic!("{part:#}"));
    (found["was"].clone(), found["is"].clone())
}

/// What the plan says is what a load then does.
#[track_caller]
pub fn holds(shop: &Project) {
    let plan = plan(shop);
    let report = shop.run(&["load"]);
    let expected = plan["publishes"].as_u64();
    match expected {
        Some(epoch) => {
            assert!(report.err.contains(&format!("epoch {epoch} published")), "{}", report.err);
        }
        None => assert!(report.err.contains("nothing changed"), "{}", report.err),
    }
    let Some(epoch) = expected else { return };
    let sql = format!("SELECT table_name FROM system.loads WHERE epoch = {epoch} ORDER BY 1");
    let tables = plan["tables"].as_array().unwrap().iter();
    let mut written: Vec<String> = tables
        .filter(|table| ["added", "rebuilt"].contains(&table["change"].as_str().unwrap()))
        .map(|table| table["table"].as_str().unwrap().to_owned())
        .filter(|table| table != "date")
        .collect();
    written.sort();
    assert_eq!(shop.sql(&sql), written);
}

#[test]
fn before_the_first_load_everything_is_added() {
    let shop = Project::shop();
    let plan = plan(&shop);
    assert_eq!((&plan["epoch"], &plan["publishes"]), (&Value::Null, &1.into()));
    for name in ["customer", "sales", "date"] {
        assert_eq!(table(&plan, name), ("added".into(), String::new()));
    }
    assert_eq!(plan["cubes"][0]["change"], "added");
    assert!(parts(&plan).contains(&"added measure revenue".to_owned()));
    assert!(!shop.path().join("wh").exists(), "a plan writes nothing");
    holds(&shop);
}

#[test]
fn nothing_changes_when_nothing_did() {
    let shop = Project::shop();
    shop.run(&["load"]).ok();
    let out = shop.run(&["plan"]).ok();
    assert_eq!(out, "nothing changes: a load would publish nothing after epoch 1\n");
    holds(&shop);
}

#[test]
fn tables_are_rebuilt_for_a_reason() {
    let shop = Project::shop();
    shop.run(&["load"]).ok();
    shop.edit("data/sales.csv", "10.50", "11.50");
    let after_rows = plan(&shop);
    assert_eq!(table(&after_rows, "customer").0, "unchanged");
    assert_eq!(table(&after_rows, "sales"), ("rebuilt".into(), "rows of shop.sale".into()));
    assert_eq!(table(&after_rows, "date").1, "unless rows point to other days");
    assert_eq!(after_rows["cubes"], Value::Array(Vec::new()));
    holds(&shop);
    shop.edit("etl/customer.yaml", "name: name,", "name: upper(name),");
    let after_dimension = plan(&shop);
    assert_eq!(
        table(&after_dimension, "customer"),
        ("rebuilt".into(), "etl/customer.yaml changed".into())
    );
    assert_eq!(table(&after_dimension, "sales"), ("rebuilt".into(), "dimension customer".into()));
    holds(&shop);
    shop.edit("starling.yaml", "name: shop\n", "name: shop\nfiscal_year_start: 4\n");
    let after_settings = plan(&shop);
    assert_eq!(table(&after_settings, "date").0, "rebuilt");
    assert_eq!(table(&after_settings, "customer").1, "starling.yaml changed");
    holds(&shop);
    std::fs::remove_file(shop.path().join("cubes/sales.yaml")).unwrap();
    std::fs::remove_file(shop.path().join("etl/sales.yaml")).unwrap();
    let after_removal = plan(&shop);
    assert_eq!(table(&after_removal, "sales").0, "removed");
    assert_eq!(after_removal["cubes"][0]["change"], "removed");
    holds(&shop);
}

#[test]
fn settings_change_the_meaning_of_years_and_of_which_rows_count() {
    let shop = Project::shop();
    shop.run(&["load"]).ok();
    shop.edit("starling.yaml", "name: shop\n", "name: shop\nfiscal_year_start: 4\n");
    let fiscal = plan(&shop);
    assert_eq!(
        parts(&fiscal),
        ["changes meaning level date_fiscal_year", "changes meaning level date_fiscal_quarter"]
    );
    let (was, is) =
        difference(&fiscal, "date_fiscal_year", "month in which the fiscal year starts");
    assert_eq!((was, is), ("1".into(), "4".into()));
    holds(&shop);
    let calendar =
        "name: shop\ntime_zone: Europe/Paris\ncalendar: {from: 2024-01-01, to: 2025-12-31}\n";
    shop.edit("starling.yaml", "name: shop\n", calendar);
    let rows = plan(&shop);
    assert_eq!(rows["cubes"].as_array().unwrap().len(), 1, "{rows:#}");
    assert_eq!(difference(&rows, "sales", "time zone"), ("UTC".into(), "Europe/Paris".into()));
    let (_, days) = difference(&rows, "sales", "calendar");
    assert_eq!(days, "2024-01-01 to 2025-12-31");
    holds(&shop);
}

#[test]
fn a_measure_changes_meaning_with_anything_it_is_computed_from() {
    let shop = Project::shop();
    shop.edit(
        "cubes/sales.yaml",
        "  average:",
        "  high: {max: amount, where: \"customer_city = 'Rome'\"}\n  average:",
    );
    shop.run(&["load"]).ok();
    // The expression of the feed: every measure over the column, and those built from them.
    shop.edit("etl/sales.yaml", "{expr: amount,", "{expr: amount * 2,");
    let by_feed = plan(&shop);
    assert_eq!(
        parts(&by_feed),
        [
            "changes meaning measure revenue",
            "changes meaning measure high",
            "changes meaning measure average"
        ]
    );
    assert_eq!(
        difference(&by_feed, "average", "amount of sales"),
        ("shop.sale: amount, in EUR".into(), "shop.sale: amount * 2, in EUR".into())
    );
    holds(&shop);
    // Its own definition, and a measure it is built from.
    shop.edit("cubes/sales.yaml", "{sum: amount}", "{sum: amount, where: amount > 0}");
    let by_filter = plan(&shop);
    assert_eq!(
        parts(&by_filter),
        ["changes meaning measure revenue", "changes meaning measure average"]
    );
    assert_eq!(
        difference(&by_filter, "revenue", "definition"),
        ("sum(amount)".into(), "sum(amount) where amount > 0".into())
    );
    assert_eq!(
        difference(&by_filter, "average", "measure revenue"),
        ("sum(amount)".into(), "sum(amount) where amount > 0".into())
    );
    holds(&shop);
    // The attribute its condition is about.
    shop.edit("etl/customer.yaml", "city: city}", "city: upper(city)}");
    let by_level = plan(&shop);
    assert_eq!(
        parts(&by_level),
        ["changes meaning level customer_city", "changes meaning measure high"]
    );
    holds(&shop);
    // How a row finds its member.
    shop.edit("etl/sales.yaml", "{on: customer}", "{on: upper(customer)}");
    let by_key = plan(&shop);
    assert!(parts(&by_key).contains(&"changes meaning level customer_customer".to_owned()));
    assert!(!parts(&by_key).iter().any(|part| part.contains("date")), "{by_key:#}");
    assert_eq!(
        difference(&by_key, "customer_city", "customer_key of sales"),
        ("shop.sale: customer".into(), "shop.sale: upper(customer)".into())
    );
    holds(&shop);
    // Which rows there are at all.
    shop.edit(
        "etl/sales.yaml",
        "dimensions:",
        "    reject: [{when: amount > 50, because: too much}]\ndimensions:",
    );
    let by_rows = plan(&shop);
    assert_eq!(parts(&by_rows), ["changes meaning rows sales"]);
    assert_eq!(
        difference(&by_rows, "sales", "rows of sales from shop.sale"),
        ("all".into(), "reject where amount > 50".into())
    );
    let text = shop.run(&["plan"]).ok();
    assert!(text.contains("other rows of sales count, in every measure"), "{text}");
    holds(&shop);
}

#[test]
fn names_looks_levels_and_paths() {
    let shop = Project::shop();
    shop.run(&["load"]).ok();
    shop.edit("cubes/sales.yaml", "revenue:", "turnover:");
    shop.edit("cubes/sales.yaml", "revenue / sales", "turnover / sales");
    let renamed = plan(&shop);
    assert_eq!(parts(&renamed), ["renamed measure turnover"]);
    assert_eq!(renamed["cubes"][0]["parts"][0]["from"], "revenue");
    assert_eq!(table(&renamed, "sales").0, "unchanged");
    assert_eq!(renamed["publishes"], 2);
    holds(&shop);
    // Under a new name, what is behind it may change too.
    shop.edit("cubes/sales.yaml", "turnover", "takings");
    shop.edit("etl/sales.yaml", "{expr: amount,", "{expr: amount * 2,");
    let both = plan(&shop);
    assert_eq!(parts(&both), ["renamed measure takings", "changes meaning measure average"]);
    assert_eq!(difference(&both, "takings", "amount of sales").1, "shop.sale: amount * 2, in EUR");
    shop.edit("etl/sales.yaml", "{expr: amount * 2,", "{expr: amount,");
    shop.edit("cubes/sales.yaml", "takings", "turnover");
    shop.edit("cubes/sales.yaml", "{sum: amount}", "{sum: amount, title: Turnover, owner: sales}");
    shop.edit(
        "cubes/sales.yaml",
        "  sales: {count: \"*\"}\n",
        "  sales: {count: \"*\"}\n  most: {max: amount}\n",
    );
    let looks = plan(&shop);
    assert_eq!(parts(&looks), ["changes looks measure turnover", "added measure most"]);
    assert_eq!(difference(&looks, "turnover", "owner"), (Value::Null, "sales".into()));
    holds(&shop);
    shop.edit(
        "etl/customer.yaml",
        "by_city: [city, customer]",
        "by_name: [customer]\n  by_city: [customer]",
    );
    shop.edit("etl/customer.yaml", "  city: city\n", "");
    let levels = plan(&shop);
    assert_eq!(
        parts(&levels),
        [
            "added attribute customer_city",
            "added hierarchy by_name of customer",
            "changes meaning hierarchy by_city of customer",
            "removed level customer_city",
        ]
    );
    holds(&shop);
}

#[test]
fn a_code_list_and_a_lookup_are_part_of_the_meaning() {
    let shop = Project::shop();
    shop.write("etl/codes.yaml", "codes:\n  kind: {C1: big, C2: small, C3: small, C9: small}\n");
    shop.edit(
        "etl/sales.yaml",
        "sale_no: id,",
        "sale_no: id, kind: {map: {column: customer, using: kind}}, town: upper(buyer.city),",
    );
    shop.edit(
        "etl/sales.yaml",
        "  - table: shop.sale\n",
        "  - table: shop.sale\n    lookup: {buyer: {table: shop.customer, on: {no: customer}}}\n",
    );
    shop.edit(
        "cubes/sales.yaml",
        "measures:",
        "measures:\n  big: {sum: amount, where: kind = 'big'}\n  towns: {distinct: town}",
    );
    shop.run(&["load"]).ok();
    shop.edit("etl/codes.yaml", "C2: small", "C2: big");
    let codes = plan(&shop);
    assert_eq!(parts(&codes), ["changes meaning measure big"]);
    // Which table uses a list is not looked at: all are read again.
    assert_eq!(table(&codes, "customer").1, "code lists changed");
    holds(&shop);
    shop.edit("etl/sales.yaml", "on: {no: customer}", "on: {no: trim(customer)}");
    let lookup = plan(&shop);
    assert_eq!(parts(&lookup), ["changes meaning measure towns"]);
    holds(&shop);
}

#[test]
fn mistakes_are_told_and_nothing_is_planned() {
    let shop = Project::shop();
    shop.run(&["load"]).ok();
    shop.edit("cubes/sales.yaml", "{sum: amount}", "{sum: amuont}");
    shop.edit("etl/customer.yaml", "name: name,", "name: uper(name),");
    let message = shop.run(&["plan"]).fails();
    assert!(
        message.contains("2 mistakes") && message.contains("did you mean `amount`?"),
        "{message}"
    );
    assert_eq!(shop.run(&["plan", "--format", "xml"]).code, Some(2));
    assert!(Project::empty().run(&["plan"]).fails().contains("no `starling.yaml`"));
}

#[test]
fn cubes_over_cubes_change_with_what_they_put_together() {
    let shop = Project::shop_with_goals();
    shop.run(&["load"]).ok();
    let both = |plan: &Value| -> Vec<String> {
        let cubes = plan["cubes"].as_array().unwrap();
        let both = cubes.iter().find(|cube| cube["cube"] == "both").unwrap();
        let parts = both["parts"].as_array().unwrap().iter();
        parts.map(|part| format!("{} {}", part["change"], part["name"]).replace('"', "")).collect()
    };
    shop.edit("etl/goal.yaml", "expr: amount", "expr: amount * 2");
    assert_eq!(both(&plan(&shop)), ["changes meaning goal", "changes meaning reached"]);
    holds(&shop);
    // A measure that is built from one that was not taken.
    shop.edit("cubes/sales.yaml", "{count: \"*\"}", "{count: sale_no}");
    assert_eq!(both(&plan(&shop)), ["changes meaning average"]);
    holds(&shop);
    shop.edit("cubes/both.yaml", "unrelated: empty", "unrelated: repeat");
    assert_eq!(both(&plan(&shop)), ["changes meaning both"]);
    holds(&shop);
    shop.edit("etl/goal.yaml", "town: city", "town: upper(city)");
    assert_eq!(both(&plan(&shop)), ["changes meaning town"]);
    shop.edit("etl/sales.yaml", "{on: customer}", "{on: upper(customer)}");
    assert!(both(&plan(&shop)).contains(&"changes meaning customer_city".to_owned()));
    holds(&shop);
    shop.write("cubes/both.yaml", "version: 1\ncube: both\ncubes: {}\n");
    assert!(shop.run(&["plan"]).fails().contains("`cubes` names no cube"));
}

#[test]
fn named_sets_change_meaning_with_their_members() {
    let shop = Project::shop();
    let sets = "sets:\n  italians: {level: customer.city, members: [Rome], title: Italians}\n";
    let cube = std::fs::read_to_string(shop.path().join("cubes/sales.yaml")).unwrap();
    shop.write("cubes/sales.yaml", &format!("{cube}{sets}"));
    shop.run(&["load"]).ok();
    shop.edit("cubes/sales.yaml", "[Rome]", "[Rome, Milan]");
    let members = plan(&shop);
    assert_eq!(parts(&members), ["changes meaning set italians"]);
    assert_eq!(difference(&members, "italians", "members"), ("Rome".into(), "Rome, Milan".into()));
    holds(&shop);
    shop.edit("cubes/sales.yaml", "title: Italians", "title: From Italy");
    assert_eq!(parts(&plan(&shop)), ["changes looks set italians"]);
    let text = shop.run(&["docs"]).ok();
    assert!(
        text.contains("| `italians` | From Italy | `customer_city` | `Rome, Milan` |"),
        "{text}"
    );
}
