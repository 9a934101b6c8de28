//! Amounts converted by a table of rates, from declaration to answer.

use serde_json::Value;

use crate::support::Project;

/// The shop with rates from euros: 10.50 and 4.25 at 1.1, 2.00 and 100.00 at 1.2 are 138.625.
fn shop() -> Project {
    let shop = Project::shop_with_goals();
    shop.write(
        "data/rates.csv",
        "day,from,to,rate\n2024-01-01,EUR,USD,1.1\n2024-03-01,EUR,USD,1.2\n",
    );
    shop.edit(
        "etl/sources.yaml",
        "      sale:",
        "      rate: {file: rates.csv, types: {day: date, rate: \"decimal(8,4)\"}}\n      sale:",
    );
    shop.write(
        "etl/fx.yaml",
        "fact: fx\ngrain: [day, from_code, to_code]\nfrom:\n  - table: shop.rate\n    columns: {day: day, \
         from_code: from, to_code: to, rate: rate}\ndimensions:\n  date: {on: day}\nrates: {from: from_code, \
         to: to_code, rate: rate}\n",
    );
    shop.edit(
        "cubes/sales.yaml",
        "measures:\n",
        "measures:\n  dollars: {sum: amount, convert: {to: USD, rates: fx}}\n  doubled: {expr: dollars * 2}\n",
    );
    shop
}

fn dollars(shop: &Project) -> Vec<String> {
    shop.sql("SELECT AGG(dollars) FROM cubes.sales")
}

#[test]
fn an_epoch_keeps_its_rates() {
    let shop = shop();
    shop.run(&["load"]).ok();
    assert_eq!(dollars(&shop), ["138.625000"]);
    shop.edit("data/rates.csv", "1.2", "1.3");
    shop.run(&["load"]).ok();
    assert_eq!(dollars(&shop), ["148.825000"]);
    let sql = "SELECT AGG(dollars) AS d FROM cubes.sales";
    let before = shop.run(&["sql", sql, "--format", "csv", "--epoch", "1"]).ok();
    assert_eq!(before, "d\n138.625000\n");
    // The second of two rates for a day does not come into the table.
    shop.edit("data/rates.csv", "2024-03-01,EUR", "2024-03-01,EUR,USD,7\n2024-03-01,EUR");
    shop.run(&["load"]).ok();
    let sql = "SELECT rule, count(*) FROM system.quarantine WHERE table_name = 'fx' GROUP BY 1";
    assert_eq!(shop.sql(sql), ["grain,1"]);
    // A question that lacks a rate says so, and no other does.
    shop.edit("data/rates.csv", "2024-01-01", "2024-02-01");
    shop.run(&["load"]).ok();
    let message = shop.run(&["sql", "SELECT AGG(dollars) FROM cubes.sales"]).fails();
    assert!(
        message.contains("`dollars` has no rate to USD for 1 fact, such as of EUR on 2024-01-31"),
        "{message}"
    );
    assert_eq!(shop.sql("SELECT AGG(revenue) FROM cubes.sales"), ["116.75"]);
}

#[test]
fn several_facts_and_rows_stay_as_they_are() {
    let shop = shop();
    shop.edit("cubes/both.yaml", "[revenue, average]", "[dollars, revenue, average]");
    shop.edit(
        "cubes/both.yaml",
        "measures:\n  reached",
        "measures:\n  a_euro: {expr: dollars / revenue}\n  reached",
    );
    shop.run(&["load"]).ok();
    let sql = "SELECT date_month, AGG(dollars), AGG(goal), round(AGG(a_euro), 6) FROM cubes.both \
               WHERE date_year = '2024' GROUP BY ROLLUP (date_month) ORDER BY GROUPING(date_month), 1";
    assert_eq!(
        shop.sql(sql),
        [
            "2024-01,11.550000,50.00,1.1",
            "2024-02,4.675000,60.00,1.1",
            "2024-03,2.400000,,1.2",
            ",18.625000,110.00,1.11194",
        ]
    );
    assert_eq!(shop.sql("SELECT count(*), sum(amount) FROM cubes.\"sales$detail\""), ["4,116.75"]);
    let names = "SELECT measure, formula, currency, additivity FROM system.measures \
                 WHERE cube = 'sales' AND measure IN ('dollars', 'doubled') ORDER BY 1";
    assert_eq!(
        shop.sql(names),
        [
            "dollars,sum(amount × rate(EUR to USD by fx as of date)),USD,additive",
            "doubled,dollars * 2,USD,additive",
        ]
    );
}

#[test]
fn lineage_leads_to_the_rates() {
    let shop = shop();
    shop.run(&["load"]).ok();
    let lineage = "SELECT table_name, column_name, source_table, source_column FROM system.lineage \
                   WHERE cube = 'sales' AND measure = 'doubled' ORDER BY 1, 2";
    assert_eq!(
        shop.sql(lineage),
        [
            "fx,date_key,shop.rate,day",
            "fx,from_code,shop.rate,from",
            "fx,rate,shop.rate,rate",
            "fx,to_code,shop.rate,to",
            "sales,amount,shop.sale,amount",
            "sales,date_key,shop.sale,day",
        ]
    );
    let page = shop.run(&["docs"]).ok();
    assert!(page.contains("- **Rates**: `rate` of `from_code` in `to_code`"), "{page}");
    assert!(page.contains("sum(amount × rate(EUR to USD by fx as of date))"), "{page}");
}

#[test]
fn a_plan_tells_what_rates_mean() {
    let shop = shop();
    shop.run(&["load"]).ok();
    let changed = |measure: &str, what: &str| -> (Value, Value) {
        let plan: Value =
            serde_json::from_str(&shop.run(&["plan", "--format", "json"]).ok()).unwrap();
        let cubes = plan["cubes"].as_array().unwrap();
        let sales = cubes.iter().find(|cube| cube["cube"] == "sales").unwrap();
        let parts = sales["parts"].as_array().unwrap();
        let part = parts.iter().find(|part| part["name"] == measure).unwrap();
        assert_eq!(part["change"], "changes meaning");
        let differences = part["differences"].as_array().unwrap();
        let found = differences.iter().find(|difference| difference["what"] == what);
        let found = found.unwrap_or_else(|| panic!("{part:#}"));
        (found["was"].clone(), found["is"].clone())
    };
    shop.edit("cubes/sales.yaml", "rates: fx}", "rates: fx, at: 2024-02-01}");
    assert_eq!(
        changed("dollars", "definition"),
        (
            "sum(amount × rate(EUR to USD by fx as of date))".into(),
            "sum(amount × rate(EUR to USD by fx at 2024-02-01))".into()
        )
    );
    shop.edit("cubes/sales.yaml", ", at: 2024-02-01}", "}");
    shop.edit("etl/fx.yaml", "to_code, rate: rate}", "to_code, rate: rate, pivot: CHF}");
    let rates = "rate of from_code in to_code from date_key";
    for measure in ["dollars", "doubled"] {
        assert_eq!(
            changed(measure, "rates of fx"),
            (rates.into(), format!("{rates}, by way of CHF").into())
        );
    }
    shop.edit("etl/fx.yaml", "    columns:", "    where: rate > 1\n    columns:");
    for measure in ["dollars", "doubled"] {
        assert_eq!(
            changed(measure, "rows of fx from shop.rate"),
            ("all".into(), "where rate > 1".into())
        );
    }
}

#[test]
fn every_mistake_about_rates_at_once() {
    let shop = shop();
    let spoiled = "to: to_cod, rate: rate, pivot: euro, day: day}";
    shop.edit("etl/fx.yaml", "to: to_code, rate: rate}", spoiled);
    shop.edit("etl/fx.yaml", "date: {on: day}", "date: {roles: {since: day, until: day}}");
    shop.edit("cubes/sales.yaml", "rates: fx}", "rates: sales, at: soon}");
    let message = shop.run(&["validate"]).fails();
    for words in [
        "unknown column `to_cod`",
        "did you mean `to_code`?",
        "`pivot` cannot be `euro`",
        "unknown key `day`",
        "rates have several days",
        "the fact `sales` has no rates",
        "`at` cannot be `soon`",
    ] {
        assert!(message.contains(words), "`{words}` is not in:\n{message}");
    }
    let shop = self::shop();
    shop.edit("etl/fx.yaml", "dimensions:\n  date: {on: day}\n", "");
    let message = shop.run(&["validate"]).fails();
    assert!(message.contains("rates have no day from which they hold"), "{message}");
    // What a rate is can only be told where its type is known.
    let shop = self::shop();
    shop.edit("etl/fx.yaml", "rate: rate}\ndim", "rate: \"CAST(rate AS VARCHAR)\"}\ndim");
    let message = shop.run(&["load"]).fails();
    assert!(
        message.contains("measure `dollars` of cube `sales`: the rate `rate` must be a number"),
        "{message}"
    );
}
