//! Every kind of measure: values by hand, states of parts, and what does not fit together.

use std::sync::Arc;

use datafusion::arrow::datatypes::DataType;
use datafusion::arrow::util::pretty::pretty_format_batches;
use datafusion::logical_expr::{
    AggregateUDF, LogicalPlan, LogicalPlanBuilder, Partitioning, cast, col, lit,
};
use datafusion::prelude::SessionContext;

use super::super::normal_form::{Final, leaf, level};
use super::super::state::{Finish, Stage, StateAggregate};
use super::super::{
    Additivity, BoundCube, Cube, CubesBefore, Leaf, LeafAggregate, StarQuery, StateFunction,
    compile, measures, planner, read, register,
};
use super::{ask, cells, cube, rows, session, star};
use crate::declare::{DeclarationFile, Diagnostics, Variables, parse};

/// By day the net amounts are 1: 10 and 20; 2: 30; 3: 40, 50 and 60; unknown: NULL.
const KINDS: &str = r#"
version: 1
cube: kinds
fact: sales
levels:
  invoice: {key: invoice_no}
measures:
  revenue: {sum: net_amount}
  closing: {sum: net_amount, over_time: last_non_empty}
  opening: {sum: net_amount, over_time: first_non_empty}
  daily: {sum: net_amount, over_time: average}
  quietest: {sum: net_amount, over_time: min}
  busiest: {sum: net_amount, over_time: max}
  north_closing: {sum: net_amount, over_time: last_non_empty, where: "region_country = 'North'"}
  closing_in_cny: {sum: foreign_amount, over_time: last_non_empty, convert: {to: CNY, rate: rate}}
  huge_closing: {sum: huge, over_time: last_non_empty}
  huge_daily: {sum: huge, over_time: average}
  last_lines: {count: "*", over_time: last_non_empty}
  first_known: {count: net_amount, over_time: first_non_empty}
  daily_lines: {count: "*", over_time: average}
  buyers: {distinct: customer, approximate: true}
  invoices: {distinct: invoice_no, approximate: true}
  exact_invoices: {distinct: invoice_no, approximate: false}
  amounts: {distinct: net_amount, approximate: true}
  middle: {median: net_amount}
  high: {quantile: {of: net_amount, at: 0.9}}
  spread: {variance: net_amount}
  deviation: {stddev: net_amount}
  whole_spread: {variance: net_amount, population: true}
  whole_deviation: {stddev: net_amount, population: true}
  first_amount: {first: net_amount}
  last_amount: {last: net_amount}
  first_invoice: {first: invoice_no}
  last_invoice: {last: invoice_no}
  mean: {avg: net_amount}
  least: {min: net_amount}
  most: {max: net_amount}
  lines: {count: "*"}
  growth: {expr: "closing - opening"}
  twice: {expr: "closing * 2 + revenue"}
  turn: {expr: "revenue / daily"}
"#;

async fn kinds() -> (SessionContext, Cube, BoundCube) {
    let (context, tables) = session().await;
    let cube = cube(KINDS).unwrap();
    register(std::slice::from_ref(&cube), &context, &tables).unwrap();
    let bound = BoundCube::over_fact(&cube, &tables, &context.state()).unwrap();
    (context, cube, bound)
}

/// The answer to `AGG` of each of `measures` by country.
async fn by_country(context: &SessionContext, measures: &[&str]) -> Vec<String> {
    let values: Vec<String> = measures.iter().map(|measure| format!("AGG({measure})")).collect();
    let values = values.join(", ");
    let sql = format!(
        "SELECT region_country, {values} FROM cubes.kinds GROUP BY ROLLUP (region_country)
         ORDER BY GROUPING(region_country), region_country"
    );
    rows(context, &sql).await
}

#[tokio::test]
async fn balances_do_not_add_up_over_time() {
    let (context, ..) = kinds().await;
    let measures = ["revenue", "closing", "opening", "daily", "quietest", "busiest", "growth"];
    assert_eq!(
        by_country(&context, &measures).await,
        [
            "(unknown)|||||||",
            "North|70.00|40.00|30.00|35.000000|30.00|40.00|10.00",
            "South|140.00|110.00|30.00|70.000000|30.00|110.00|80.00",
            "|210.00|150.00|30.00|70.000000|30.00|150.00|120.00",
        ]
    );
    let sql = "SELECT date_year, AGG(closing), AGG(north_closing), AGG(closing_in_cny), AGG(twice)
               FROM cubes.kinds GROUP BY 1 ORDER BY 1";
    assert_eq!(
        rows(&context, sql).await,
        [
            "(unknown)||||",
            "2023|30.00|30.00|60.00000000|120.00",
            "2024|150.00|40.00|300.00000000|450.00",
        ]
    );
    // The condition of the question and the day of the measure are two things.
    let sql = "SELECT AGG(closing) FILTER (WHERE region_country = 'North') AS north,
                      AGG(closing) AS all, AGG(revenue) AS revenue
               FROM cubes.kinds WHERE date_year = '2023'";
    assert_eq!(rows(&context, sql).await, ["30.00|30.00|60.00"]);
    let none = "SELECT AGG(closing), AGG(daily), AGG(last_lines), AGG(buyers), AGG(middle),
                       AGG(spread), AGG(first_amount) FROM cubes.kinds WHERE 1 = 0";
    assert_eq!(rows(&context, none).await, ["||0|0|||"]);
}

#[tokio::test]
async fn counts_can_be_balances_too() {
    let (context, ..) = kinds().await;
    assert_eq!(
        by_country(&context, &["last_lines", "first_known", "daily_lines"]).await,
        ["(unknown)|0|0|", "North|1|2|1.5", "South|2|1|1.5", "|3|2|2.0"]
    );
}

#[tokio::test]
async fn a_balance_that_does_not_fit_is_an_error() {
    let (context, ..) = kinds().await;
    let expected = "the sum of `huge_closing` does not fit Int64";
    assert_eq!(ask(&context, "SELECT AGG(huge_closing) FROM cubes.kinds").await, expected);
    let by_year = "SELECT date_year, AGG(huge_closing) FROM cubes.kinds GROUP BY 1";
    assert_eq!(ask(&context, by_year).await, expected);
    // The two rows of day 1 do not fit, but day 2 has taken their place.
    let early = "SELECT AGG(huge_closing) FROM cubes.kinds WHERE date_year = '2023'";
    assert_eq!(rows(&context, early).await, ["9000000000000000000"]);
    let daily = "SELECT AGG(huge_daily) FROM cubes.kinds WHERE date_year = '2023'";
    assert_eq!(ask(&context, daily).await, "the sum of `huge_daily` does not fit Int64");
}

#[tokio::test]
async fn sketches_of_few_rows_are_exact() {
    let (context, ..) = kinds().await;
    let measures = ["buyers", "invoices", "exact_invoices", "amounts", "middle", "high"];
    assert_eq!(
        by_country(&context, &measures).await,
        [
            "(unknown)|1|1|1|0||",
            "North|2|2|2|3|20.0|36.0",
            "South|2|2|2|3|50.0|58.0",
            "|3|5|5|6|35.0|55.0",
        ]
    );
}

#[tokio::test]
async fn spreads_of_samples_and_of_all() {
    let (context, ..) = kinds().await;
    let sql = "SELECT date_year, AGG(spread), AGG(deviation), AGG(whole_spread)
               FROM cubes.kinds GROUP BY ROLLUP (date_year) ORDER BY GROUPING(date_year), 1";
    assert_eq!(
        rows(&context, sql).await,
        [
            "(unknown)|||",
            "2023|100.0|10.0|66.66666666666667",
            "2024|100.0|10.0|66.66666666666667",
            "|350.0|18.708286933869708|291.6666666666667",
        ]
    );
    // One row has no spread as a sample, and none as a whole.
    let one = "SELECT AGG(spread), AGG(deviation), AGG(whole_spread), AGG(whole_deviation)
               FROM cubes.kinds WHERE invoice = 'i2'";
    assert_eq!(rows(&context, one).await, ["||0.0|0.0"]);
}

#[tokio::test]
async fn first_and_last_are_by_day_and_ties_are_settled() {
    let (context, ..) = kinds().await;
    let measures = ["first_amount", "last_amount", "first_invoice", "last_invoice"];
    assert_eq!(
        by_country(&context, &measures).await,
        [
            "(unknown)||||",
            "North|10.00|40.00|i1|i3",
            "South|30.00|60.00|i2|i4",
            "|10.00|60.00|i1|i4",
        ]
    );
}

/// The results of `leaf` by year, or over all rows.
fn results(bound: &BoundCube, leaf_of: &Leaf, by_year: bool) -> LogicalPlan {
    let mut query = StarQuery::new(&bound.cube.name);
    query.groups.extend(by_year.then(|| level("date_year")));
    query.leaves.push(leaf_of.clone());
    query.finals.push(Final::value(leaf(0)));
    planner::plan(&query, bound).unwrap()
}

#[tokio::test]
async fn states_of_years_make_the_state_of_all() {
    let (context, cube, bound) = kinds().await;
    let shown = async |plan: LogicalPlan| {
        let answer = context.execute_logical_plan(plan).await.unwrap().collect().await.unwrap();
        cells(&pretty_format_batches(&answer).unwrap().to_string())
    };
    let mut compared = 0;
    let whole = cube.measures.iter().filter(|measure| !measure.name.starts_with("huge"));
    for leaf_of in whole.flat_map(|measure| bound.measure(&measure.name).unwrap().leaves.iter()) {
        let Some(merged) = leaf_of.aggregate.merged(col("final_0")) else {
            assert!(matches!(leaf_of.aggregate, LeafAggregate::Distinct(_)), "{leaf_of:?}");
            continue;
        };
        let merge = Leaf { aggregate: merged, filter: None, ..leaf_of.clone() };
        let merge = planner::aggregate(&merge).unwrap();
        let parts = LogicalPlanBuilder::from(results(&bound, leaf_of, true));
        let parts = parts.aggregate(Vec::<datafusion::prelude::Expr>::new(), [merge]).unwrap();
        let merged = shown(parts.build().unwrap()).await;
        assert_eq!(merged, shown(results(&bound, leaf_of, false)).await, "{leaf_of:?}");
        compared += 1;
    }
    assert!(compared > 30, "{compared}");
}

#[tokio::test]
async fn measures_are_described_as_they_are() {
    let (context, cube, _) = kinds().await;
    let table = pretty_format_batches(&[measures(std::slice::from_ref(&cube)).unwrap()])
        .unwrap()
        .to_string();
    let described = cells(&table);
    let of = |name: &str| {
        let row = described.iter().find(|row| row.split('|').nth(1) == Some(name)).unwrap();
        let cells: Vec<&str> = row.split('|').collect();
        [cells[4], cells[5], cells[6], cells[8]].join("|")
    };
    let last = "sum(net_amount) over_time last_non_empty";
    assert_eq!(of("closing"), format!("sum|{last}|semi_additive|CNY"));
    assert_eq!(
        of("north_closing"),
        format!("sum|{last} where region_country = 'North'|semi_additive|CNY")
    );
    let buyers = "approximate_distinct(customer_key)";
    assert_eq!(of("buyers"), format!("approximate_distinct|{buyers}|non_additive|"));
    assert_eq!(of("exact_invoices"), "distinct|distinct(invoice_no)|non_additive|");
    assert_eq!(of("high"), "quantile|quantile(net_amount, 0.9)|non_additive|CNY");
    assert_eq!(of("spread"), "variance|variance(net_amount)|non_additive|");
    assert_eq!(
        of("whole_deviation"),
        "population_stddev|population_stddev(net_amount)|non_additive|CNY"
    );
    assert_eq!(of("last_invoice"), "last|last(invoice_no)|non_additive|");
    let additivity = |name: &str| cube.measure(name).unwrap().additivity;
    assert_eq!(additivity("growth"), Additivity::SemiAdditive);
    assert_eq!(additivity("twice"), Additivity::SemiAdditive);
    assert_eq!(additivity("turn"), Additivity::NonAdditive);
    let table = context.table("cubes.kinds").await.unwrap();
    let field = table.schema().field_with_unqualified_name("closing").unwrap();
    assert_eq!(field.metadata()["starling.additivity"], "semi_additive");
}

#[tokio::test]
async fn plain_aggregates_are_those_of_the_kind() {
    let (context, ..) = kinds().await;
    let sql = "SELECT COUNT(DISTINCT buyers), MEDIAN(middle), VAR_SAMP(spread), STDDEV(deviation),
                      STDDEV_POP(whole_deviation), FIRST_VALUE(first_amount)
               FROM cubes.kinds WHERE date_year = '2023'";
    assert_eq!(rows(&context, sql).await, ["2|20.0|100.0|10.0|8.16496580927726|10.00"]);
    let lenient = "SELECT SUM(closing), AVG(middle), MAX(buyers) FROM cubes_bi.kinds";
    assert_eq!(rows(&context, lenient).await, ["150.00|35.0|3"]);
    let refused = [
        (
            "SELECT SUM(closing) FROM cubes.kinds",
            "SUM(closing) does not fit the measure `closing`, a sum over_time last_non_empty; \
             write AGG(closing)",
        ),
        (
            "SELECT AVG(middle) FROM cubes.kinds",
            "AVG(middle) does not fit the measure `middle`, a median; write AGG(middle) or MEDIAN(middle)",
        ),
        (
            "SELECT SUM(high) FROM cubes.kinds",
            "SUM(high) does not fit the measure `high`, a quantile; write AGG(high)",
        ),
    ];
    for (sql, message) in refused {
        assert_eq!(ask(&context, sql).await, message, "{sql}");
    }
}

#[tokio::test]
async fn sketches_of_many_rows_are_near_whatever_the_partitions() {
    let (context, _) = session().await;
    // 60,000 values in 100,000 rows; each of two groups has half of both.
    let sql = "SELECT value % 2 AS parity, value % 60000 AS number
               FROM generate_series(1, 100000) AS t(value)";
    let state = |function, input| {
        let state = StateAggregate::new(function, Stage::Rows, "number");
        AggregateUDF::from(state).call(vec![input])
    };
    let distinct = state(StateFunction::DistinctSketch, col("number"));
    let numbers = cast(col("number"), DataType::Float64);
    let quantiles = state(StateFunction::QuantileSketch, numbers);
    let mut answers = Vec::new();
    for partitions in [1, 3] {
        let frame = context.sql(sql).await.unwrap();
        let frame = frame.repartition(Partitioning::RoundRobinBatch(partitions)).unwrap();
        let states = [distinct.clone().alias("d"), quantiles.clone().alias("q")];
        let frame = frame.aggregate(vec![col("parity")], states.to_vec()).unwrap();
        let quantile = |at: f64| Finish::Quantile.call(vec![col("q"), lit(at)]);
        let shown = vec![
            col("parity"),
            Finish::DistinctCount.of(col("d")).alias("count"),
            quantile(0.5).alias("median"),
            quantile(1.0).alias("greatest"),
        ];
        let frame = frame.select(shown).unwrap().sort_by(vec![col("parity")]).unwrap();
        let answer = frame.collect().await.unwrap();
        answers.push(cells(&pretty_format_batches(&answer).unwrap().to_string()));
    }
    assert_eq!(answers[0], answers[1]);
    for (row, greatest) in answers[0].iter().zip(["59998.0", "59999.0"]) {
        let cells: Vec<&str> = row.split('|').collect();
        let count: f64 = cells[1].parse().unwrap();
        assert!((count / 30_000.0 - 1.0).abs() < 0.0324, "{row}");
        // 1 to 40,000 are there twice and the rest once: the middle of 100,000 is at 25,000.
        let median: f64 = cells[2].parse().unwrap();
        assert!((median / 25_000.0 - 1.0).abs() < 0.0079, "{row}");
        assert_eq!(cells[3], greatest);
    }
}

/// What is said of one measure.
#[track_caller]
fn assert_refused(measure: &str, parts: &[&str]) {
    let text = format!("version: 1\ncube: sales\nfact: sales\nmeasures:\n  m: {measure}\n");
    let message = cube(&text).unwrap_err().to_string();
    for part in parts {
        assert!(message.contains(part), "`{part}` is not in:\n{message}");
    }
}

#[test]
fn what_does_not_fit_together_is_refused() {
    assert_refused(
        "{avg: net_amount, over_time: average}",
        &["SD011", "`over_time` does not fit `avg`", "it belongs to `sum` and `count`"],
    );
    assert_refused(
        "{sum: net_amount, over_time: last_nonempty}",
        &["SD005", "`over_time` cannot be `last_nonempty`", "did you mean `last_non_empty`?"],
    );
    assert_refused(
        "{sum: net_amount, approximate: true}",
        &["`approximate` does not fit `sum`", "it belongs to `distinct`"],
    );
    assert_refused(
        "{median: net_amount, population: true}",
        &["`population` does not fit `median`", "it belongs to `variance` and `stddev`"],
    );
    assert_refused(
        "{quantile: {of: net_amount, at: 95}}",
        &["SD005", "`at` must be between 0 and 1, this is `95`", "`at: 0.95`"],
    );
    assert_refused("{quantile: {of: net_amount}}", &["SD003", "`at` is missing"]);
    assert_refused("{quantile: {of: net_amout, at: 0.5}}", &["did you mean `net_amount`?"]);
    assert_refused("{quantile: net_amount}", &["`quantile` must be a mapping"]);
    assert_refused("{median: foreign_amount}", &["in the currency its row names in `currency`"]);
    assert_refused("{variance: \"net_amount + euros\"}", &["mixes amounts in CNY and EUR"]);
    assert_refused("{distinct: custommer, approximate: true}", &["did you mean `customer`?"]);
    assert_refused("{distinct: customer, approximate: maybe}", &["SD004", "true or false"]);
    assert_refused(
        "{count: \"*\", over_time: average, convert: {to: CNY, rate: rate}}",
        &["`convert` does not fit `count`"],
    );
    assert_refused("{expr: m, over_time: min}", &["`over_time` does not fit `expr`"]);
}

#[test]
fn time_needs_a_date() {
    let mut star = star();
    star.facts[0].roles.retain(|role| role.dimension != "date");
    let text = "version: 1\ncube: sales\nfact: sales\nmeasures: {a: {sum: net_amount, over_time: min}, b: {first: cost}}";
    let file = DeclarationFile { path: "cubes/sales.yaml".into(), text: text.into() };
    let mut diagnostics = Diagnostics::new();
    let variables = Variables::default();
    let node = parse(&Arc::new(file), &mut diagnostics).unwrap();
    let spec = read(&node, &variables, &mut diagnostics).unwrap();
    assert!(compile(&spec, &star, CubesBefore::default(), &mut diagnostics).is_err());
    let message = diagnostics.into_error().to_string();
    let told = message.matches("the fact `sales` has no date to tell first from last").count();
    assert_eq!(told, 2, "{message}");
}

#[tokio::test]
async fn types_are_checked_when_the_tables_are_known() {
    let (context, tables) = session().await;
    let cases = [
        ("median: invoice_no", "`invoice_no` has no median: it is Dictionary(Int32, Utf8)"),
        ("stddev: currency", "`currency` has no stddev: it is Utf8"),
        ("sum: currency, over_time: min", "`currency` cannot be summed: it is Utf8"),
    ];
    for (measure, message) in cases {
        let text = format!("version: 1\ncube: sales\nfact: sales\nmeasures: {{m: {{{measure}}}}}");
        let cube = cube(&text).unwrap();
        let error = register(&[cube], &context, &tables).unwrap_err().to_string();
        assert_eq!(error, format!("measure `m` of cube `sales`: {message}"));
    }
}
