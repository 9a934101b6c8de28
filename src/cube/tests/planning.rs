//! SQL over a cube: answers, plans and refusals.

use super::{SALES, ask, cube, register, rows, sales, session};

#[tokio::test]
async fn joins_only_the_dimensions_it_needs() {
    let (context, _) = sales().await;
    let plan = async |sql: &str| ask(&context, &format!("EXPLAIN FORMAT INDENT {sql}")).await;

    let by_year = plan("SELECT date_year, COUNT(*) FROM cubes.sales GROUP BY date_year").await;
    assert!(by_year.contains("TableScan: dimension.date "), "{by_year}");
    for absent in ["dimension.due_date", "dimension.region", "dimension.customer"] {
        assert!(!by_year.contains(absent), "{by_year}");
    }

    let total = plan("SELECT AGG(revenue), AGG(buyers) FROM cubes.sales").await;
    assert!(!total.contains("dimension."), "{total}");

    let filtered =
        plan("SELECT AGG(revenue) FROM cubes.sales WHERE due_date_month = '2024-01'").await;
    assert!(filtered.contains("dimension.due_date"), "{filtered}");
    assert!(!filtered.contains("dimension.date "), "{filtered}");

    let of_measure = plan("SELECT invoice, AGG(north_lines) FROM cubes.sales GROUP BY 1").await;
    assert!(of_measure.contains("dimension.region"), "{of_measure}");

    let both = "SELECT date_year, due_date_year, AGG(revenue) FROM cubes.sales GROUP BY 1, 2";
    let both = plan(both).await;
    assert!(both.contains("dimension.date ") && both.contains("dimension.due_date"), "{both}");
}

#[tokio::test]
async fn a_preview_joins_only_what_it_shows() {
    let (context, _) = sales().await;
    let sql = "EXPLAIN SELECT invoice, revenue FROM cubes.sales LIMIT 2";
    let plan = ask(&context, sql).await;
    assert!(!plan.contains("HashJoin"), "{plan}");
}

#[tokio::test]
async fn measures_by_level() {
    let (context, _) = sales().await;
    let sql = "SELECT date_year, AGG(revenue), AGG(orders), AGG(buyers), AGG(price), AGG(most),
                      AGG(margin_pct), AGG(lines), AGG(converted)
               FROM cubes.sales GROUP BY 1 ORDER BY 1";
    assert_eq!(
        rows(&context, sql).await,
        [
            "(unknown)||1|1||||1|",
            "2023|60.00|2|2|20.000000|30.00|0.5|3|120.00000000",
            "2024|150.00|2|2|50.000000|60.00|0.5|3|300.00000000",
        ]
    );
}

#[tokio::test]
async fn totals_are_measures_not_sums_of_measures() {
    let (context, _) = sales().await;
    let sql = "SELECT region_country, AGG(orders), AGG(buyers), AGG(margin_pct), AGG(price),
                      GROUPING(region_country)
               FROM cubes.sales GROUP BY ROLLUP(region_country) ORDER BY 6, 1";
    assert_eq!(
        rows(&context, sql).await,
        [
            "(unknown)|1|1|||0",
            "North|2|2|0.5|23.333333|0",
            "South|2|2|0.5|46.666667|0",
            "|5|3|0.5|35.000000|1",
        ]
    );
}

#[tokio::test]
async fn filters_of_every_kind() {
    let (context, _) = sales().await;
    let one = async |sql: &str| rows(&context, sql).await.join(" ");
    let filter = "SELECT AGG(revenue) FILTER (WHERE date_year = '2023') FROM cubes.sales";
    assert_eq!(one(filter).await, "60.00");
    let case = "SELECT SUM(CASE WHEN date_year = '1999' THEN revenue END) FROM cubes.sales";
    assert_eq!(one(case).await, "");
    let zero = "SELECT SUM(CASE WHEN date_year = '1999' THEN revenue ELSE 0 END) FROM cubes.sales";
    assert_eq!(one(zero).await, "0.00");
    let having = "SELECT date_year FROM cubes.sales GROUP BY 1 HAVING AGG(revenue) > 100";
    assert_eq!(one(having).await, "2024");
    let lenient =
        "SELECT date_year, SUM(revenue) FROM cubes_bi.sales WHERE revenue > 100 GROUP BY 1";
    assert_eq!(one(lenient).await, "2024|150.00");
    let members = "SELECT AGG(lines) FROM cubes.sales WHERE region_country IN
                   (SELECT country FROM region WHERE rank = 1)";
    assert_eq!(one(members).await, "3");
    let none = "SELECT AGG(revenue), AGG(lines), COUNT(*) FROM cubes.sales WHERE 1 = 0";
    assert_eq!(one(none).await, "|0|0");
}

#[tokio::test]
async fn previews_never_fail() {
    let (context, _) = sales().await;
    let sql = "SELECT date_month, revenue, orders FROM cubes_bi.sales WHERE invoice = 'i2' LIMIT 5";
    assert_eq!(rows(&context, sql).await, ["2023-02||"]);
    assert_eq!(rows(&context, "SELECT * FROM cubes.sales LIMIT 3").await.len(), 3);
    assert_eq!(rows(&context, "SELECT * FROM cubes.sales WHERE 1 = 0").await.len(), 0);
    let detail =
        "SELECT net_amount, region_country FROM cubes.\"sales$detail\" WHERE invoice = 'i2'";
    assert_eq!(rows(&context, detail).await, ["30.00|South"]);
}

#[tokio::test]
async fn a_sum_that_does_not_fit_is_an_error() {
    let (context, _) = sales().await;
    let expected = "the sum of `huge` does not fit Int64";
    assert_eq!(ask(&context, "SELECT AGG(huge) FROM cubes.sales").await, expected);
    let grouped = "SELECT date_year, AGG(huge) FROM cubes.sales GROUP BY 1";
    assert_eq!(ask(&context, grouped).await, expected);
    // Each invoice here has few enough rows for its own sum to fit.
    let small = "SELECT invoice, AGG(huge) FROM cubes.sales WHERE invoice = 'i2' GROUP BY 1";
    assert_eq!(rows(&context, small).await, ["i2|9000000000000000000"]);
}

#[tokio::test]
async fn what_has_no_meaning_is_refused_with_the_right_form() {
    let (context, _) = sales().await;
    let cases = [
        (
            "SELECT SUM(orders) FROM cubes.sales",
            "SUM(orders) does not fit the measure `orders`, a distinct; \
             write AGG(orders) or COUNT(DISTINCT orders)",
        ),
        (
            "SELECT COUNT(revenue) FROM cubes_bi.sales",
            "COUNT(revenue) does not fit the measure `revenue`, a sum; write AGG(revenue) or SUM(revenue)",
        ),
        (
            "SELECT SUM(margin_pct) FROM cubes.sales",
            "SUM(margin_pct) does not fit the measure `margin_pct`, a formula; write AGG(margin_pct)",
        ),
        (
            "SELECT AGG(revenue) FROM cubes.sales WHERE revenue > 5",
            "the measure `revenue` cannot stand in WHERE; write HAVING AGG(revenue) …",
        ),
        (
            "SELECT AGG(region_country) FROM cubes.sales",
            "AGG takes a measure and `region_country` is a level; \
             count its members with COUNT(DISTINCT region_country)",
        ),
        (
            "SELECT SUM(revenue * 2) FROM cubes_bi.sales",
            "SUM is applied to an expression of the measure `revenue`; apply AGG to the measure \
             itself and compute with its result, as in AGG(revenue) * 2",
        ),
    ];
    for (sql, message) in cases {
        assert_eq!(ask(&context, sql).await, message, "{sql}");
    }
    for sql in [
        "SELECT date_year, revenue FROM cubes.sales UNION ALL SELECT date_year, revenue FROM cubes.sales",
        "SELECT DISTINCT date_year, revenue FROM cubes.sales",
        "SELECT SUM(revenue) OVER () FROM cubes.sales",
        "SELECT AGG(s.revenue) FROM cubes.sales s JOIN customer c ON c.customer_no = s.customer_customer_key",
        "SELECT AGG(revenue) FROM (SELECT * FROM cubes.sales LIMIT 3) AS t",
    ] {
        let message = ask(&context, sql).await;
        assert!(message.contains("aggregate in a CTE first"), "{sql}: {message}");
    }
}

#[tokio::test]
async fn fields_say_what_they_are() {
    let (context, _) = sales().await;
    let table = context.table("cubes.sales").await.unwrap();
    let metadata = |name: &str, key: &str| {
        table.schema().field_with_unqualified_name(name).unwrap().metadata().get(key).cloned()
    };
    assert_eq!(metadata("region_country", "starling.role").as_deref(), Some("level"));
    assert_eq!(metadata("region_country_key", "starling.role").as_deref(), Some("key"));
    assert_eq!(metadata("region_population", "starling.role").as_deref(), Some("attribute"));
    assert_eq!(metadata("region_country_zh", "starling.level").as_deref(), Some("region_country"));
    assert_eq!(metadata("revenue", "starling.role").as_deref(), Some("measure"));
    assert_eq!(metadata("revenue", "title.zh").as_deref(), Some("销售额"));
    assert_eq!(metadata("revenue", "starling.currency").as_deref(), Some("CNY"));
    assert_eq!(metadata("margin", "starling.additivity").as_deref(), Some("additive"));
    assert_eq!(metadata("margin_pct", "starling.additivity").as_deref(), Some("non_additive"));
    let answer = context.sql("SELECT AGG(revenue) AS r FROM cubes.sales").await.unwrap();
    let batches = answer.collect().await.unwrap();
    assert_eq!(batches[0].schema().field(0).name(), "r");
}

#[tokio::test]
async fn types_that_engines_stumble_over() {
    let (context, _) = sales().await;
    let sql = "SELECT AGG(units), arrow_typeof(AGG(units)), AGG(mean_units) FROM cubes.sales";
    let expected = "129127208515966861305|Decimal128(38, 0)|18446744073709551615.000000";
    assert_eq!(rows(&context, sql).await, [expected]);
    let sql = "SELECT AGG(squares), AGG(reduced), arrow_typeof(AGG(reduced)) FROM cubes.sales";
    assert_eq!(rows(&context, sql).await, ["70000000000|189.000|Decimal128(38, 3)"]);
    // Grouping by a dictionary is slow, so the cube gives out its values.
    let sql = "SELECT invoice, arrow_typeof(invoice), AGG(lines) FROM cubes.sales
               WHERE invoice = 'i1' GROUP BY 1, 2";
    assert_eq!(rows(&context, sql).await, ["i1|Utf8|2"]);
}

#[tokio::test]
async fn parameters_stand_in_conditions() {
    let (context, _) = sales().await;
    let sql = "SELECT AGG(revenue) AS r FROM cubes.sales WHERE date_year = $1";
    let frame = context.sql(sql).await.unwrap();
    let values = vec![datafusion::common::ScalarValue::from("2023")];
    let batches = frame.with_param_values(values).unwrap().collect().await.unwrap();
    let table = datafusion::arrow::util::pretty::pretty_format_batches(&batches).unwrap();
    assert_eq!(super::cells(&table.to_string()), ["60.00"]);
}

/// Doubles have two zeros: `0 / -5` is the other one, which would not look or divide like zero.
#[tokio::test]
async fn there_is_one_zero_in_formulas() {
    let (context, tables) = session().await;
    let text = format!(
        "{SALES}  nothing: {{expr: \"(revenue - revenue) / (spent * -1)\"}}\n  \
         undefined: {{expr: \"revenue / nothing\"}}\n"
    );
    let cube = cube(&text).unwrap();
    register(std::slice::from_ref(&cube), &context, &tables).unwrap();
    let sql = "SELECT AGG(nothing), AGG(undefined) FROM cubes.sales";
    assert_eq!(rows(&context, sql).await, ["0.0|"]);
}
