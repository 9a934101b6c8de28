//! Amounts converted by a table of rates, with numbers worked out by hand.
//!
//! | day        | currency | amount | shipped    |     | since      | from | to  | rate |
//! |------------|----------|--------|------------|-----|------------|------|-----|------|
//! | 2023-02-01 | CNY      | 50     | 2024-02-01 |     | 2023-01-01 | USD  | CNY | 5    |
//! | 2024-01-10 | USD      | 100    |            |     | 2024-01-01 | USD  | CNY | 7    |
//! | 2024-01-31 | EUR      | 10     | 2024-02-01 |     | 2024-02-01 | USD  | CNY | 8    |
//! | 2024-02-01 | CNY      | 70     |            |     | 2024-01-15 | EUR  | USD | 1.1  |
//! | 2024-02-15 | EUR      | 20     |            |     | 2024-02-10 | USD  | EUR | 0.8  |
//! | 2024-02-20 | USD      | NULL   |            |     | 2024-01-01 | GBP  | CNY | 9    |
//! | 2024-03-01 | GBP      | 5      |            |     | 2024-01-01 | CNY  | CNY | 3    |
//! | unknown    | USD      | 3      |            |

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::NaiveDate;
use datafusion::catalog::TableProvider;
use datafusion::datasource::MemTable;
use datafusion::prelude::SessionContext;

use super::super::{Additivity, CubesBefore, compile, read, register, star_queries};
use super::{ask, bare_session, rows};
use crate::declare::{DeclarationFile, Diagnostics, Variables, parse};
use crate::error::Error;
use crate::integrate::{DayRange, calendar_rows};
use crate::star::{
    CalendarRules, Currency, Fact, FactColumn, RateColumns, Role, Star, calendar_dimension,
};

const SALES: [&str; 9] = [
    "('2023-02-01', '2024-02-01', 'CNY', 50, 50)",
    "('2024-01-10', NULL, 'USD', 100, 1)",
    "('2024-01-31', '2024-02-01', 'EUR', 10, 1)",
    "('2024-02-01', NULL, 'CNY', 70, 1)",
    "('2024-02-15', NULL, 'EUR', 20, 1)",
    "('2024-02-20', NULL, 'USD', NULL, 1)",
    "('2024-03-01', NULL, 'GBP', 5, 1)",
    "(NULL, NULL, 'USD', 3, 1)",
    // Nothing is to be converted where there is no amount.
    "('2022-01-01', NULL, 'XXX', NULL, NULL)",
];

const RATES: [&str; 7] = [
    "('2023-01-01', 'USD', 'CNY', 5)",
    "('2024-01-01', 'USD', 'CNY', 7)",
    "('2024-02-01', 'USD', 'CNY', 8)",
    "('2024-01-15', 'EUR', 'USD', 1.1)",
    "('2024-02-10', 'USD', 'EUR', 0.8)",
    "('2024-01-01', 'GBP', 'CNY', 9)",
    "('2024-01-01', 'CNY', 'CNY', 3)",
];

const CUBE: &str = "
version: 1
cube: sales
fact: sales
levels: {currency: {key: currency}}
measures:
  lines: {count: '*'}
  usd: {sum: amount, convert: {to: USD, rates: fx, as_of: date}}
  shipped: {sum: amount, convert: {to: USD, rates: fx, as_of: ship_date}, where: currency <> 'GBP'}
  january: {sum: amount, convert: {to: USD, rates: fx, at: 2024-01-31}}
  latest: {sum: amount, convert: {to: USD, rates: fx, at: latest}}
  empty: {sum: amount, convert: {to: USD, rates: fx, missing: empty}}
  yuan: {sum: amount, where: currency = 'CNY', convert: {to: GBP, rates: fx, as_of: date}}
  mean: {avg: amount, convert: {to: USD, rates: fx}}
  most: {max: amount, convert: {to: USD, rates: fx}}
  middle: {median: amount, convert: {to: USD, rates: fx}}
  closing: {sum: amount, over_time: last_non_empty, convert: {to: USD, rates: fx}}
  fee: {sum: fee, convert: {to: USD, rates: fx}}
  double: {sum: 'CAST(amount AS DOUBLE)', convert: {to: USD, rates: fx}}
  pair: {expr: usd + latest}
  huge: {sum: amount * 100000000000000, convert: {to: USD, rates: fx}}
";

fn star(pivot: Option<&str>) -> Star {
    let plain = |name: &str| FactColumn { name: name.into(), currency: None };
    let money = |name: &str, currency| FactColumn { name: name.into(), currency: Some(currency) };
    let fact = |name: &str, columns, roles, rates| Fact {
        name: name.into(),
        title: None,
        description: None,
        columns,
        roles,
        rates,
    };
    let date = || Role::new("date", None);
    let columns = RateColumns {
        from: "from_currency".into(),
        to: "to_currency".into(),
        rate: "rate".into(),
        day: "date_key".into(),
        pivot: pivot.map(str::to_owned),
    };
    let amounts = vec![
        plain("currency"),
        plain("no_money"),
        money("amount", Currency::Column("currency".into())),
        money("fee", Currency::Constant("EUR".into())),
    ];
    let of_rates = ["from_currency", "to_currency", "rate"].map(plain).to_vec();
    Star {
        dimensions: vec![calendar_dimension(CalendarRules::default())],
        facts: vec![
            fact("sales", amounts, vec![date(), Role::new("date", Some("ship"))], None),
            fact("fx", of_rates, vec![date()], Some(columns)),
        ],
    }
}

fn key(column: &str) -> String {
    format!("coalesce(arrow_cast(arrow_cast({column}, 'Date32'), 'Int32') + 719163, -1)::bigint")
}

/// A session with the cube over these facts and rates.
async fn shop(sales: &[&str], rates: &[&str], pivot: Option<&str>) -> SessionContext {
    let context = bare_session();
    let day = |year, month, day| NaiveDate::from_ymd_opt(year, month, day).unwrap();
    let days = DayRange::of_days(day(2022, 1, 1), day(2024, 12, 31));
    let calendar = calendar_rows(Some(days), CalendarRules::default()).unwrap();
    let mut tables: BTreeMap<String, Arc<dyn TableProvider>> = BTreeMap::new();
    let table = MemTable::try_new(calendar.schema(), vec![vec![calendar]]).unwrap();
    tables.insert("date".into(), Arc::new(table));
    let sales = format!(
        "SELECT {} AS date_key, {} AS ship_date_key, '-' AS no_money,
                arrow_cast(currency, 'Dictionary(Int32, Utf8)') AS currency,
                CAST(amount AS decimal(10,2)) AS amount, CAST(fee AS decimal(10,2)) AS fee
         FROM (VALUES {}) AS t(day, ship, currency, amount, fee)",
        key("day"),
        key("ship"),
        sales.join(", ")
    );
    let rates = format!(
        "SELECT {} AS date_key, from_currency, to_currency, CAST(rate AS decimal(10,4)) AS rate
         FROM (VALUES {}) AS t(day, from_currency, to_currency, rate)",
        key("day"),
        rates.join(", ")
    );
    for (name, sql) in [("sales", sales), ("fx", rates)] {
        let frame = context.sql(&sql).await.unwrap();
        let schema = Arc::clone(frame.schema().inner());
        let table = MemTable::try_new(schema, vec![frame.collect().await.unwrap()]).unwrap();
        tables.insert(name.into(), Arc::new(table));
    }
    let cube = declared(CUBE, &star(pivot)).unwrap();
    register(&[cube], &context, &tables).unwrap();
    context
}

fn declared(text: &str, star: &Star) -> Result<super::super::Cube, Error> {
    let file = DeclarationFile { path: "cubes/c.yaml".into(), text: text.into() };
    let mut diagnostics = Diagnostics::new();
    let node = parse(&Arc::new(file), &mut diagnostics).unwrap();
    let spec = read(&node, &Variables::default(), &mut diagnostics);
    let cube =
        spec.and_then(|spec| compile(&spec, star, CubesBefore::default(), &mut diagnostics).ok());
    diagnostics.into_result(())?;
    Ok(cube.unwrap())
}

async fn example() -> SessionContext {
    shop(&SALES, &RATES, Some("CNY")).await
}

#[tokio::test]
async fn each_fact_has_the_newest_rate_of_its_day() {
    let context = example().await;
    let sql = "SELECT date_month, AGG(usd), AGG(january), AGG(latest), AGG(pair), AGG(lines)
               FROM cubes.sales WHERE date_year <> '2022' GROUP BY ROLLUP (date_month)
               ORDER BY GROUPING(date_month), 1";
    assert_eq!(
        rows(&context, sql).await,
        [
            "(unknown)|3.000000|3.000000|3.000000|6.000000|1",
            // 50 / 5, 50 / 7, 50 / 8.
            "2023-02|10.000000|7.142857|6.250000|16.250000|1",
            // 100 + 10 · 1.1, and at last 10 / 0.8.
            "2024-01|111.000000|111.000000|112.500000|223.500000|2",
            // 70 / 8 + 20 / 0.8, in January 70 / 7 + 20 · 1.1.
            "2024-02|33.750000|32.000000|33.750000|67.500000|3",
            // 5 · 9 / 8 by way of yuan, in January 5 · 9 / 7.
            "2024-03|5.625000|6.428571|5.625000|11.250000|1",
            "|163.375000|159.571429|161.125000|324.500000|8",
        ]
    );
    // Of one currency in itself no rate is needed, and no day.
    let sql = "SELECT AGG(usd) FROM cubes.sales WHERE date_month = '(unknown)'";
    assert_eq!(rows(&context, sql).await, ["3.000000"]);
}

#[tokio::test]
async fn another_role_has_another_day() {
    let context = example().await;
    let sql = "SELECT AGG(shipped), AGG(usd) FROM cubes.sales WHERE ship_date_month = '2024-02'";
    // 50 / 8 + 10 · 1.1, and 50 / 5 + 10 · 1.1.
    assert_eq!(rows(&context, sql).await, ["17.250000|21.000000"]);
    // Without a day of shipment there is no rate.
    assert_eq!(
        ask(&context, "SELECT AGG(shipped) FROM cubes.sales").await,
        "`shipped` has no rate to USD for 2 facts, such as of CNY on no known day; load it into \
         `fx`, or declare `missing: empty` to leave such cells empty"
    );
}

#[tokio::test]
async fn any_measure_of_amounts_is_converted() {
    let context = example().await;
    let sql = "SELECT AGG(mean), AGG(most), AGG(middle), AGG(closing), AGG(double), AGG(yuan)
               FROM cubes.sales WHERE currency NOT IN ('GBP', 'XXX') AND date_year = '2024'";
    // 100, 11, 8.75 and 25; 70 yuan are 70 / 9 pounds.
    assert_eq!(rows(&context, sql).await, ["36.187500|100.000000|18.0|25.000000|144.75|7.777778"]);
    let fee = "SELECT AGG(fee) FROM cubes.sales WHERE date_month = '2024-02'";
    // One before the 10th and two after it.
    assert_eq!(rows(&context, fee).await, ["3.600000"]);
}

#[tokio::test]
async fn facts_of_other_times_keep_their_rates() {
    let context = example().await;
    let sql = "SELECT date_year, AGG(usd), AGG(usd_prior_year), AGG(usd_yoy), AGG(usd_ytd)
               FROM cubes.\"sales$calculations\" WHERE date_year > '2022' AND date_year < '2025'
               GROUP BY date_year ORDER BY 1";
    assert_eq!(
        rows(&context, sql).await,
        ["2023|10.000000||10.000000|10.000000", "2024|150.375000|10.000000|140.375000|150.375000"]
    );
    let sql = "SELECT currency, AGG(usd_share_of_total), AGG(usd) FILTER (WHERE date_year = '2023')
               FROM cubes.\"sales$calculations\" WHERE currency = 'CNY' GROUP BY 1";
    assert_eq!(rows(&context, sql).await, ["CNY|1.0|10.000000"]);
}

#[tokio::test]
async fn a_fact_without_a_rate_is_told_and_not_lost() {
    let context = shop(&SALES, &RATES, None).await;
    let missing = "`usd` has no rate to USD for 1 fact, such as of GBP on 2024-03-01; load it into \
                   `fx`, or declare `missing: empty` to leave such cells empty";
    assert_eq!(ask(&context, "SELECT AGG(usd) FROM cubes.sales").await, missing);
    let by_currency = "SELECT currency, AGG(usd) FROM cubes.sales GROUP BY currency";
    assert_eq!(ask(&context, by_currency).await, missing);
    let calculated = "FROM cubes.\"sales$calculations\" WHERE date_year = '2024' GROUP BY 1";
    let to_date = format!("SELECT date_month, AGG(usd_ytd) {calculated}");
    assert_eq!(ask(&context, &to_date).await, missing);
    let before = format!("SELECT date_year, AGG(usd_prior_year) {calculated}");
    assert_eq!(rows(&context, &before).await, ["2024|10.000000"]);
    // Only facts that count matter.
    let sql = "SELECT AGG(usd) FILTER (WHERE currency = 'EUR'), AGG(shipped) FILTER (WHERE currency = 'USD')
               FROM cubes.sales";
    assert_eq!(rows(&context, sql).await, ["36.000000|103.000000"]);
    let sql = "SELECT currency, AGG(empty), AGG(lines) FROM cubes.sales
               GROUP BY ROLLUP (currency) ORDER BY GROUPING(currency), 1";
    assert_eq!(
        rows(&context, sql).await,
        ["CNY|18.750000|2", "EUR|36.000000|2", "GBP||1", "USD|103.000000|3", "XXX||1", "||9",]
    );
    // Its parts do not add up, so that nothing takes what is missing as 0.
    let cube = declared(CUBE, &star(None)).unwrap();
    assert_eq!(cube.measure("empty").unwrap().additivity, Additivity::NonAdditive);
    assert_eq!(cube.measure("usd").unwrap().additivity, Additivity::Additive);
    // Before the first rate there is none.
    let early = ["('2022-12-31', NULL, 'CNY', 1, 1)", "('2022-12-30', NULL, NULL, 1, 1)"];
    let context = shop(&early, &RATES, None).await;
    let message = ask(&context, "SELECT AGG(usd) FROM cubes.sales WHERE currency = 'CNY'").await;
    assert!(message.contains("for 1 fact, such as of CNY on 2022-12-31;"), "{message}");
    let message = ask(&context, "SELECT AGG(latest) FROM cubes.sales").await;
    assert!(message.contains("for 1 fact, such as of no currency;"), "{message}");
    let message = ask(&context, "SELECT AGG(january) FROM cubes.sales").await;
    assert!(message.contains("no rate to USD at 2024-01-31 for 1 fact"), "{message}");
}

#[tokio::test]
async fn rates_that_are_none_are_told_when_they_are_needed() {
    let cases = [
        ("('2024-02-01', 'USD', 'CNY', 9)", "there are two, 0.111111111111111 and 0.125"),
        ("('2024-02-01', 'EUR', 'USD', 0)", "it is not positive, or has too few digits"),
        ("('2024-02-01', 'EUR', 'USD', -1)", "it is not positive, or has too few digits"),
    ];
    for (rate, fault) in cases {
        let mut rates = RATES.to_vec();
        rates.push(rate);
        let context = shop(&SALES, &rates, None).await;
        let asked = "FROM cubes.sales WHERE date_day = '2024-02-01'";
        let euros = ["('2024-02-01', NULL, 'EUR', 1, 1)"];
        let context = if rate.contains("EUR") { shop(&euros, &rates, None).await } else { context };
        for measure in ["usd", "empty"] {
            let message = ask(&context, &format!("SELECT AGG({measure}) {asked}")).await;
            let start = format!("`{measure}` has no one rate to USD for 1 fact, such as of ");
            assert!(message.starts_with(&start), "{message}");
            assert!(message.contains(&format!(" on 2024-02-01: {fault}")), "{message}");
        }
    }
    // A rate twice is one, and without a value, a currency or a day it is none.
    let mut rates = RATES.to_vec();
    rates.extend([
        "('2024-02-01', 'USD', 'CNY', 8)",
        "('2024-01-31', 'USD', 'CNY', NULL)",
        "('2024-01-31', 'USD', NULL, 2)",
        "(NULL, 'USD', 'CNY', 2)",
    ]);
    let context = shop(&SALES, &rates, Some("CNY")).await;
    let sql = "SELECT AGG(usd), AGG(january), AGG(latest), AGG(lines) FROM cubes.sales";
    assert_eq!(rows(&context, sql).await, ["163.375000|159.571429|161.125000|9"]);
}

#[tokio::test]
async fn amounts_that_do_not_fit_are_an_error() {
    let huge = ["('2024-02-01', NULL, 'EUR', 99999999, 1)"];
    let context = shop(&huge, &["('2024-01-01', 'EUR', 'USD', 999999)"], None).await;
    // 1e14 with 17 places is 31 digits, and 1e28 has too many.
    let sql = "SELECT AGG(usd) FROM cubes.sales";
    assert_eq!(rows(&context, sql).await, ["99999899000001.000000"]);
    let message = ask(&context, "SELECT AGG(huge) FROM cubes.sales").await;
    assert!(message.contains("Overflow"), "{message}");
}

#[tokio::test]
async fn the_normal_form_says_which_rates() {
    let context = example().await;
    let sql = "SELECT date_year, AGG(usd), AGG(january) FROM cubes.sales GROUP BY date_year";
    let plan = context.state().create_logical_plan(sql).await.unwrap();
    let name = "currency to USD by fx";
    assert_eq!(
        star_queries(&plan).unwrap().concat(),
        format!(
            "cube: sales\ngroups: date_year\nleaves:\n  \
             0: sum((amount * \"{name} as of date\"))\n  \
             1: count(without_rate(amount, \"{name} as of date\"))\n  \
             2: min(without_rate(amount, \"{name} as of date\"))\n  \
             3: sum((amount * \"{name} at 2024-01-31\"))\n  \
             4: count(without_rate(amount, \"{name} at 2024-01-31\"))\n  \
             5: min(without_rate(amount, \"{name} at 2024-01-31\"))\n\
             finals: unless_unrated(CAST(leaf_0 AS DECIMAL(38,6)), leaf_1, leaf_2) | \
             unless_unrated(CAST(leaf_3 AS DECIMAL(38,6)), leaf_4, leaf_5)"
        )
    );
}

/// What is said of one measure.
#[track_caller]
fn assert_refused(measure: &str, parts: &[&str]) {
    let text = format!("version: 1\ncube: c\nfact: sales\nmeasures:\n  m: {measure}\n");
    let message = declared(&text, &star(None)).unwrap_err().to_string();
    for part in parts {
        assert!(message.contains(part), "`{part}` is not in:\n{message}");
    }
}

#[test]
fn what_does_not_fit_together_is_refused() {
    assert_refused(
        "{sum: amount, convert: {to: USD, rates: fxx}}",
        &["SD006", "fact with `rates`", "`fxx`", "did you mean `fx`?", "cubes/c.yaml:5:46"],
    );
    assert_refused(
        "{sum: amount, convert: {to: USD, rates: sales}}",
        &["SD011", "the fact `sales` has no rates", "rates: {from: …, to: …, rate: …}"],
    );
    assert_refused(
        "{sum: amount, convert: {to: USD, rates: fx, as_of: shipp_date}}",
        &["unknown role of `date` in the fact `sales` `shipp_date`", "did you mean `ship_date`?"],
    );
    assert_refused(
        "{sum: amount, convert: {to: usd, rates: fx}}",
        &["SD005", "`to` cannot be `usd`", "three capital letters"],
    );
    assert_refused(
        "{sum: amount, convert: {to: USD, rates: fx, at: newest}}",
        &["SD005", "`at` cannot be `newest`", "or `latest`"],
    );
    assert_refused(
        "{sum: amount, convert: {to: USD, rates: fx, at: latest, as_of: date}}",
        &["`as_of` and `at` cannot stand together"],
    );
    assert_refused(
        "{sum: amount, convert: {to: USD, rates: fx, missing: emty}}",
        &["SD005", "`missing` cannot be `emty`", "did you mean `empty`?"],
    );
    assert_refused(
        "{sum: amount, convert: {to: USD, rate: no_money, at: latest}}",
        &["`at` does not fit `rate`", "it belongs to `rates`"],
    );
    assert_refused("{sum: amount, convert: {to: USD}}", &["SD003", "`rate`", "`rates`"]);
    assert_refused(
        "{sum: no_money, convert: {to: USD, rates: fx}}",
        &["SD011", "`no_money` is in no currency that could be converted", "currency: EUR"],
    );
    assert_refused(
        "{sum: amount + fee, convert: {to: USD, rates: fx}}",
        &["mixes amounts in the currency in `currency` and EUR", "measure of its own"],
    );
    assert_refused(
        "{sum: fee, convert: {to: EUR, rates: fx}}",
        &["`fee` is in EUR as it is", "leave `convert` out"],
    );
    assert_refused(
        "{count: amount, convert: {to: USD, rates: fx}}",
        &["`convert` does not fit `count`"],
    );
    assert_refused(
        "{expr: m, convert: {to: USD, rates: fx}}",
        &["`convert` does not fit a formula"],
    );
}

#[test]
fn without_a_day_a_rate_must_be_of_one() {
    let mut star = star(None);
    star.facts[0].roles.clear();
    let of = |convert: &str| {
        let text = format!(
            "version: 1\ncube: c\nfact: sales\nmeasures: {{m: {{sum: amount, convert: {{{convert}}}}}}}"
        );
        declared(&text, &star)
    };
    let message = of("to: USD, rates: fx").unwrap_err().to_string();
    assert!(message.contains("the fact `sales` has no day that a rate could be of"), "{message}");
    assert!(message.contains("at: 2024-12-31"), "{message}");
    assert!(of("to: USD, rates: fx, at: latest").is_ok());
}
