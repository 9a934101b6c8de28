//! A small star in memory, and what must hold for cubes over it.

mod compiling;
mod balances;
mod converting;
mod calculations;
mod measures;
mod navigating;
mod planning;
mod retail_years;
mod questions;
mod restricting;
mod shares_and_windows;

use std::collections::BTreeMap;
use std::sync::Arc;

use datafusion::arrow::util::pretty::pretty_format_batches;
use datafusion::catalog::{MemorySchemaProvider, TableProvider};
use datafusion::datasource::MemTable;
use datafusion::execution::SessionStateBuilder;
use datafusion::prelude::{SessionConfig, SessionContext};

use super::member::collected;
use super::{Cube, CubesBefore, analyzer_rules, compile, functions, read, register};
use crate::declare::{DeclarationFile, Diagnostics, Variables, parse};
use crate::error::{Error, Result};
use crate::integrate::{DayRange, calendar_rows};
use crate::star::{CATALOG, CalendarRules};
use crate::star::{Currency, Dimension, Fact, FactColumn, Hierarchy, Level, Role, Star};

/// No answer of these tests is larger.
pub(super) const MOST_CELLS: u64 = 1_000;

/// Two years of sales; net amounts 10, 20, …, 60, one NULL; costs half of it.
pub(super) const SALES: &str = r#"
version: 1
cube: sales
title: {en: Sales, zh: 销售}
fact: sales
dimensions:
  date: {roles: [due]}
  region:
  customer:
levels:
  invoice: {key: invoice_no, title: Invoice}
measures:
  revenue: {sum: net_amount, format: currency, title: {en: Revenue, zh: 销售额}}
  spent: {sum: cost}
  lines: {count: "*"}
  orders: {distinct: invoice_no}
  buyers: {distinct: customer}
  price: {avg: net_amount}
  most: {max: net_amount}
  margin: {expr: "revenue - spent"}
  margin_pct: {expr: "margin / revenue", format: percent}
  north_lines: {count: "*", where: "region_country = 'North'"}
  huge: {sum: huge}
  units: {sum: units}
  mean_units: {avg: units}
  reduced: {expr: "revenue * 0.9"}
  squares: {sum: "narrow * narrow"}
  converted: {sum: foreign_amount, convert: {to: CNY, rate: rate}}
"#;

const TABLES: [(&str, &str); 4] = [
    (
        "date",
        "SELECT * FROM (VALUES
            (1, 2023, '2023', 202301, '2023-01'), (2, 2023, '2023', 202302, '2023-02'),
            (3, 2024, '2024', 202401, '2024-01'), (-1, -1, '(unknown)', -1, '(unknown)'),
            (-2, -2, '(not applicable)', -2, '(not applicable)'))
         AS t(date_key, year_key, year_caption, month_key, month_caption)",
    ),
    (
        "region",
        "SELECT * FROM (VALUES
            (1, 'N', 'North', '北', 2, 1000), (2, 'S', 'South', '南', 1, NULL),
            (-1, '-1', '(unknown)', '(unknown)', 9, NULL), (-2, '-2', '(not applicable)', '-', 9, NULL))
         AS t(region_key, country_code, country, country_zh, rank, population)",
    ),
    (
        "customer",
        "SELECT * FROM (VALUES (1, 'c1', 'Ann'), (2, 'c2', 'Bob'), (3, 'c3', 'Cid'),
            (-1, '(unknown)', '(unknown)'), (-2, '(not applicable)', '(not applicable)'))
         AS t(customer_key, customer_no, customer)",
    ),
    (
        "sales",
        "SELECT date_key, due_date_key, region_key, customer_key,
                arrow_cast(invoice_no, 'Dictionary(Int32, Utf8)') AS invoice_no,
                arrow_cast(18446744073709551615, 'UInt64') AS units,
                arrow_cast(100000, 'Int32') AS narrow,
                CAST(net_amount AS decimal(18,2)) AS net_amount,
                CAST(net_amount / 2.0 AS decimal(18,2)) AS cost,
                9000000000000000000 AS huge, currency,
                CAST(net_amount AS decimal(18,2)) AS foreign_amount,
                CAST(2 AS decimal(18,6)) AS rate
         FROM (VALUES
            (1, 2, 1, 1, 'i1', 10, 'USD'), (1, 3, 1, 1, 'i1', 20, 'EUR'), (2, 3, 2, 2, 'i2', 30, 'USD'),
            (3, -2, 1, 2, 'i3', 40, 'CNY'), (3, 3, 2, -1, 'i4', 50, 'USD'), (3, 3, 2, 3, 'i4', 60, 'USD'),
            (-1, -1, -1, 3, 'i5', NULL, 'USD'))
         AS t(date_key, due_date_key, region_key, customer_key, invoice_no, net_amount, currency)",
    ),
];

fn level(name: &str, key: &str, caption: &str) -> Level {
    Level {
        name: name.into(),
        title: None,
        key: key.into(),
        caption: caption.into(),
        captions: BTreeMap::new(),
        sort: None,
        shows_parent: false,
    }
}

fn dimension(name: &str, attributes: &[&str], levels: Vec<Level>) -> Dimension {
    let path = levels.iter().map(|level| level.name.clone()).collect();
    Dimension {
        name: name.into(),
        title: None,
        description: None,
        attributes: attributes.iter().map(|&attribute| attribute.into()).collect(),
        levels,
        hierarchies: vec![Hierarchy { name: "all".into(), levels: path }],
        trees: Vec::new(),
        calendar: None,
        history: None,
    }
}

/// A session over the calendar of `days` and `tables`, each a name and a query that makes it, with the
/// cubes of `texts`, which may be over those before them.
pub(super) async fn session_over(
    star: &Star,
    days: DayRange,
    rules: CalendarRules,
    tables: &[(&str, &str)],
    texts: &[&str],
) -> SessionContext {
    let context = bare_session();
    let calendar = calendar_rows(Some(days), rules).unwrap();
    let mut found: BTreeMap<String, Arc<dyn TableProvider>> = BTreeMap::new();
    let table = MemTable::try_new(calendar.schema(), vec![vec![calendar]]).unwrap();
    found.insert("date".into(), Arc::new(table));
    for (name, sql) in tables {
        let frame = context.sql(sql).await.unwrap();
        let schema = Arc::clone(frame.schema().inner());
        let table = MemTable::try_new(schema, vec![frame.collect().await.unwrap()]).unwrap();
        found.insert((*name).into(), Arc::new(table));
    }
    let mut cubes = Vec::new();
    for text in texts {
        let file = DeclarationFile { path: "cubes/c.yaml".into(), text: (*text).into() };
        let mut diagnostics = Diagnostics::new();
        let node = parse(&Arc::new(file), &mut diagnostics).unwrap();
        let spec = read(&node, &Variables::default(), &mut diagnostics);
        let before = CubesBefore { right: &cubes, wrong: &[] };
        let cube = spec.and_then(|spec| compile(&spec, star, before, &mut diagnostics).ok());
        diagnostics.into_result(()).unwrap();
        cubes.push(cube.unwrap());
    }
    register(&cubes, &context, &found).unwrap();
    context
}

/// The star of [`TABLES`].
pub(super) fn star() -> Star {
    let mut country = level("country", "country_code", "country");
    country.captions.insert("zh".into(), "country_zh".into());
    country.sort = Some("rank".into());
    let money = |name: &str, currency| FactColumn { name: name.into(), currency: Some(currency) };
    let plain = |name: &str| FactColumn { name: name.into(), currency: None };
    let cny = || Currency::Constant("CNY".into());
    Star {
        dimensions: vec![
            dimension(
                "date",
                &["year_key", "year_caption", "month_key", "month_caption"],
                vec![
                    level("year", "year_key", "year_caption"),
                    level("month", "month_key", "month_caption"),
                ],
            ),
            dimension(
                "region",
                &["country_code", "country", "country_zh", "rank", "population"],
                vec![country],
            ),
            dimension(
                "customer",
                &["customer_no", "customer"],
                vec![level("customer", "customer_no", "customer")],
            ),
        ],
        facts: vec![Fact {
            name: "sales".into(),
            title: None,
            description: None,
            columns: vec![
                plain("invoice_no"),
                money("net_amount", cny()),
                money("cost", cny()),
                money("euros", Currency::Constant("EUR".into())),
                money("foreign_amount", Currency::Column("currency".into())),
                plain("currency"),
                plain("rate"),
                plain("huge"),
                plain("units"),
                plain("narrow"),
            ],
            roles: vec![
                Role::new("date", None),
                Role::new("date", Some("due")),
                Role::new("region", None),
                Role::new("customer", None),
            ],
            rates: None,
        }],
    }
}

/// The cube of `text`, or everything that is wrong with it.
pub(super) fn cube(text: &str) -> Result<Cube> {
    let file = DeclarationFile { path: "cubes/sales.yaml".into(), text: text.into() };
    let mut diagnostics = Diagnostics::new();
    let variables = Variables::default();
    let cube = parse(&Arc::new(file), &mut diagnostics)
        .and_then(|node| read(&node, &variables, &mut diagnostics))
        .and_then(|spec| compile(&spec, &star(), CubesBefore::default(), &mut diagnostics).ok());
    diagnostics.into_result(())?;
    cube.ok_or_else(|| Error::internal("no cube and no mistake"))
}

/// A session for cubes, without any and without tables.
pub(super) fn bare_session() -> SessionContext {
    let config = SessionConfig::new()
        .with_default_catalog_and_schema(CATALOG, "warehouse")
        .with_create_default_catalog_and_schema(true)
        .with_target_partitions(2);
    let state = SessionStateBuilder::new()
        .with_default_features()
        .with_config(config)
        .with_analyzer_rules(analyzer_rules())
        .build();
    let context = SessionContext::new_with_state(state);
    for function in functions() {
        context.register_udaf(function.as_ref().clone());
    }
    let catalog = context.catalog(CATALOG).unwrap();
    for schema in ["cubes", "cubes_bi"] {
        catalog.register_schema(schema, Arc::new(MemorySchemaProvider::new())).unwrap();
    }
    context
}

/// A session with the tables, without cubes.
pub(super) async fn session() -> (SessionContext, BTreeMap<String, Arc<dyn TableProvider>>) {
    let context = bare_session();
    let mut tables: BTreeMap<String, Arc<dyn TableProvider>> = BTreeMap::new();
    for (name, sql) in TABLES {
        let frame = context.sql(sql).await.unwrap();
        let schema = Arc::clone(frame.schema().inner());
        let table = MemTable::try_new(schema, vec![frame.collect().await.unwrap()]).unwrap();
        let table: Arc<dyn TableProvider> = Arc::new(table);
        context.register_table(name, Arc::clone(&table)).unwrap();
        tables.insert(name.into(), table);
    }
    (context, tables)
}

/// A session in which the cube [`SALES`] can be asked.
pub(super) async fn sales() -> (SessionContext, Cube) {
    let (context, tables) = session().await;
    let cube = cube(SALES).unwrap();
    register(std::slice::from_ref(&cube), &context, &tables).unwrap();
    (context, cube)
}

/// The answer as a table of text, or the message of the error.
pub(super) async fn ask(context: &SessionContext, sql: &str) -> String {
    match collected(context, sql).await {
        Ok(rows) => pretty_format_batches(&[rows]).unwrap().to_string(),
        Err(error) => error.to_string(),
    }
}

/// The rows of an answer, cells by `|`, without frame and header.
pub(super) async fn rows(context: &SessionContext, sql: &str) -> Vec<String> {
    let table = ask(context, sql).await;
    assert!(table.starts_with('+'), "{table}");
    cells(&table)
}

/// The rows of a printed table.
pub(super) fn cells(table: &str) -> Vec<String> {
    let lines = table.lines().filter(|line| line.starts_with('|')).skip(1);
    let row = |line: &str| {
        let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
        cells.join("|")
    };
    lines.map(row).collect()
}
