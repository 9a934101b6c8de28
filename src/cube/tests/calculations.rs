//! Calculations over a real calendar, with numbers worked out by hand.
//!
//! | day        | item | amount |
//! |------------|------|--------|
//! | 2023-01-31 | a1   | 10     |
//! | 2023-02-28 | a2   | 20     |
//! | 2024-02-28 | a1   | 5      |
//! | 2024-02-29 | a1   | 30     |
//! | 2024-03-31 | b1   | 40     |
//! | 2025-02-28 | a1   | 50     |
//! | 2025-03-15 | b1   | 60     |
//! | unknown    | a1   | 7      |

use chrono::NaiveDate;
use datafusion::prelude::SessionContext;

use super::{ask as failure, dimension, level, rows, session_over};
use crate::integrate::DayRange;
use crate::star::{CalendarRules, Fact, FactColumn, Hierarchy, Role, Star, calendar_dimension};

const SALES: &str = "
version: 1
cube: sales
fact: sales
measures:
  revenue: {sum: amount}
  lines: {count: '*'}
  items: {distinct: product}
  mean: {avg: amount}
  price: {expr: revenue / lines}
  opened: {first: amount}
  closing: {sum: amount, over_time: last}
  opening: {sum: amount, over_time: first}
  last_known: {sum: amount, over_time: last_non_empty}
  first_known: {sum: amount, over_time: first_non_empty}
  closing_lines: {count: '*', over_time: last}
  closing_of_a: {sum: amount, over_time: last, where: \"product_category = 'A'\"}
  even_closing: {sum: amount, over_time: last, where: date_month_key % 2 = 0}
";

const PLAN: &str = "
version: 1
cube: plan
fact: target
measures:
  goal: {sum: goal}
  goals: {count: '*'}
";

const TABLES: [(&str, &str); 3] = [
    (
        "product",
        "SELECT * FROM (VALUES (1, 'A', 'a1'), (2, 'A', 'a2'), (3, 'B', 'b1'),
            (-1, '(unknown)', '(unknown)'), (-2, '(not applicable)', '(not applicable)'))
         AS t(product_key, category, item)",
    ),
    (
        "sales",
        "SELECT coalesce(arrow_cast(arrow_cast(day, 'Date32'), 'Int32') + 719163, -1)::bigint
                AS date_key, product_key, CAST(amount AS decimal(10,2)) AS amount
         FROM (VALUES ('2023-01-31', 1, 10), ('2023-02-28', 2, 20), ('2024-02-28', 1, 5),
            ('2024-02-29', 1, 30), ('2024-03-31', 3, 40), ('2025-02-28', 1, 50),
            ('2025-03-15', 3, 60), (NULL, 1, 7)) AS t(day, product_key, amount)",
    ),
    (
        "target",
        "SELECT (arrow_cast(arrow_cast(day, 'Date32'), 'Int32') + 719163)::bigint AS date_key,
                CAST(goal AS decimal(10,2)) AS goal
         FROM (VALUES ('2024-02-01', 50), ('2024-03-01', 100), ('2024-04-01', 200))
         AS t(day, goal)",
    ),
];

fn star() -> Star {
    let mut product = dimension(
        "product",
        &["category", "item"],
        vec![level("category", "category", "category"), level("item", "item", "item")],
    );
    let levels = vec!["category".to_owned(), "item".to_owned()];
    product.hierarchies = vec![Hierarchy { name: "catalogue".into(), levels }];
    let fact = |name: &str, column: &str, roles| Fact {
        name: name.into(),
        title: None,
        description: None,
        columns: vec![FactColumn { name: column.into(), currency: None }],
        roles,
        rates: None,
    };
    let date = || Role::new("date", None);
    Star {
        dimensions: vec![calendar_dimension(CalendarRules::default()), product],
        facts: vec![
            fact("sales", "amount", vec![date(), Role::new("product", None)]),
            fact("target", "goal", vec![date()]),
        ],
    }
}

/// A session over the tables, with the cubes of `texts`.
async fn shop(texts: &[&str]) -> SessionContext {
    let day = |year, month, day| NaiveDate::from_ymd_opt(year, month, day).unwrap();
    let days = DayRange::of_days(day(2023, 1, 1), day(2026, 12, 31));
    session_over(&star(), days, CalendarRules::default(), &TABLES, texts).await
}

/// The rows of `select … FROM cubes."sales$calculations" …`.
pub(super) async fn asked(select: &str, rest: &str) -> Vec<String> {
    let context = shop(&[SALES]).await;
    rows(&context, &format!("SELECT {select} FROM cubes.\"sales$calculations\" {rest}")).await
}

pub(super) async fn refused(select: &str, rest: &str) -> String {
    let context = shop(&[SALES]).await;
    failure(&context, &format!("SELECT {select} FROM cubes.\"sales$calculations\" {rest}")).await
}

#[tokio::test]
async fn the_29th_of_february_is_neither_lost_nor_counted_twice() {
    let select = "date_month, AGG(revenue), AGG(revenue_prior_year), AGG(revenue_yoy), \
                  AGG(revenue_yoy_pct)";
    assert_eq!(
        asked(select, "GROUP BY date_month ORDER BY 1").await,
        [
            "(unknown)|7.00||7.00|",
            "2023-01|10.00||10.00|",
            "2023-02|20.00||20.00|",
            // Nothing was sold, which compares as 0.
            "2024-01||10.00|-10.00|-1.0",
            "2024-02|35.00|20.00|15.00|0.75",
            "2024-03|40.00||40.00|",
            // Both the 28th and the 29th.
            "2025-02|50.00|35.00|15.00|0.42857142857142855",
            "2025-03|60.00|40.00|20.00|0.5",
        ]
    );
    let days = "GROUP BY date_day HAVING AGG(revenue_prior_year) IS NOT NULL ORDER BY 1";
    assert_eq!(
        asked("date_day, AGG(revenue_prior_year)", days).await,
        ["2024-01-31|10.00", "2024-02-28|20.00", "2025-02-28|35.00"]
    );
}

#[tokio::test]
async fn the_running_period_is_compared_whole_or_so_far() {
    let select = "date_month, AGG(revenue_prior_year), AGG(revenue_prior_year_so_far), \
                  AGG(revenue_prior_period), AGG(revenue_prior_period_so_far)";
    let rest = "WHERE date_year = '2025' GROUP BY date_month ORDER BY 1";
    // The 31st of March 2024 is later in its month than the last fact is in its.
    assert_eq!(asked(select, rest).await, ["2025-02|35.00|35.00||", "2025-03|40.00||50.00|"]);
}

#[tokio::test]
async fn periods_to_date_fill_periods_without_facts_and_end_with_facts() {
    let select = "date_month, AGG(revenue), AGG(revenue_ytd), AGG(revenue_qtd), \
                  AGG(revenue_ytd_prior_year), AGG(revenue_running_total)";
    let rest = "WHERE date_month >= '2024-11' GROUP BY date_month ORDER BY 1";
    assert_eq!(
        asked(select, rest).await,
        [
            "2024-11||75.00||30.00|",
            "2024-12||75.00||30.00|",
            // The running total runs over the days that are asked for.
            "2025-02|50.00|50.00|50.00|35.00|50.00",
            "2025-03|60.00|110.00|110.00|75.00|110.00",
        ]
    );
}

#[tokio::test]
async fn a_leap_day_ends_the_year_to_date_as_the_day_before_it() {
    // Both end with 2023-02-28, and so with 10 and 20.
    let rest = "WHERE date_day IN ('2024-02-28', '2024-02-29') GROUP BY date_day ORDER BY 1";
    assert_eq!(
        asked("date_day, AGG(revenue_ytd_prior_year)", rest).await,
        ["2024-02-28|30.00", "2024-02-29|30.00"]
    );
    // The end of February stays its end: 2024-02-29 counts.
    let rest = "WHERE date_day = '2025-02-28' GROUP BY date_day";
    assert_eq!(asked("date_day, AGG(revenue_ytd_prior_year)", rest).await, ["2025-02-28|35.00"]);
}

#[tokio::test]
async fn windows_end_with_the_cell() {
    let select = "date_month, AGG(revenue_rolling_3m), AGG(revenue_rolling_12m), \
                  AGG(revenue_rolling_30d), AGG(revenue_moving_average_3)";
    let rest = "WHERE date_year = '2025' GROUP BY date_month ORDER BY 1";
    assert_eq!(
        asked(select, rest).await,
        [
            "2025-01||75.00||",
            "2025-02|50.00|90.00|50.00|16.666667",
            // 30 days up to the 15th, the last day with facts.
            "2025-03|110.00|110.00|110.00|36.666667",
        ]
    );
    // No period is averaged that ended before the first fact.
    let rest = "WHERE date_year = '2023' GROUP BY date_month ORDER BY 1 LIMIT 3";
    assert_eq!(
        asked("date_month, AGG(revenue_moving_average_3)", rest).await,
        ["2023-01|10.000000", "2023-02|15.000000", "2023-03|10.000000"]
    );
}

#[tokio::test]
async fn what_does_not_add_up_is_computed_anew() {
    let select = "date_year, AGG(items), AGG(items_prior_year), AGG(price_prior_year), \
                  AGG(mean_rolling_12m), AGG(lines_ytd), AGG(opened_ytd)";
    assert_eq!(
        asked(select, "WHERE date_year_key > 0 GROUP BY date_year ORDER BY 1").await,
        [
            "2023|2|0||15.000000|2|10.00",
            "2024|2|2|15.0|25.000000|3|5.00",
            // The last twelve months end with March, in which the last fact happened.
            "2025|2|2|25.0|55.000000|2|50.00",
        ]
    );
}

#[tokio::test]
async fn every_grouping_set_has_its_own_periods() {
    let select = "date_year, date_quarter, AGG(revenue), AGG(revenue_prior_period), \
                  AGG(revenue_ytd), GROUPING(date_quarter)";
    let rest = "WHERE date_year_key > 0 GROUP BY ROLLUP(date_year, date_quarter) \
                ORDER BY date_year, date_quarter";
    let all = asked(select, rest).await;
    for expected in [
        "2024|2024-Q1|75.00||75.00|0",
        "2024|2024-Q2||75.00|75.00|0",
        "2025|2025-Q1|110.00||110.00|0",
        "2023||30.00||30.00|1",
        "2024||75.00|30.00|75.00|1",
        "2025||110.00|75.00|110.00|1",
        // A total of years has no period before it; to date it is in the year of the last fact.
        "||215.00||110.00|1",
    ] {
        assert!(all.contains(&expected.to_owned()), "{expected} in {all:#?}");
    }
}

#[tokio::test]
async fn what_compares_periods_says_nothing_in_a_total() {
    // Not that all of the total is a change; the row is there as in every ROLLUP.
    let select = "date_year, AGG(revenue_prior_period), AGG(revenue_pop), AGG(lines_prior_period)";
    let rest = "WHERE date_year_key > 0 GROUP BY ROLLUP(date_year) ORDER BY 1";
    assert_eq!(
        asked(select, rest).await,
        ["2023||30.00|0", "2024|30.00|45.00|2", "2025|75.00|35.00|3", "|||"]
    );
    let select = "date_year, product_category, AGG(revenue_prior_period)";
    let rest = "WHERE date_year_key > 0 GROUP BY GROUPING SETS ((date_year), (product_category), ()) \
                ORDER BY 1";
    assert_eq!(asked(select, rest).await, ["2024||30.00", "2025||75.00", "||"]);
    // Nothing is no number either.
    let rest = "GROUP BY ROLLUP(date_year) HAVING AGG(revenue_pop) > 40";
    assert_eq!(asked("date_year, AGG(lines)", rest).await, ["2024|3"]);
}

#[tokio::test]
async fn weeks_are_compared_with_weeks() {
    // 2024-02-28 is the Wednesday of week 9; a year later that is 2025-02-26.
    let rest = "WHERE date_week >= '2025-W08' GROUP BY date_week ORDER BY 1";
    assert_eq!(
        asked("date_week, AGG(revenue), AGG(revenue_prior_year)", rest).await,
        ["2025-W09|50.00|35.00", "2025-W11|60.00|"]
    );
}

#[tokio::test]
async fn conditions_not_over_time_hold_at_every_time() {
    let select = "date_year, AGG(revenue) FILTER (WHERE product_category = 'B'), \
                  AGG(revenue_prior_year) FILTER (WHERE product_category = 'B'), \
                  AGG(revenue_prior_year) FILTER (WHERE date_month = '2025-02')";
    assert_eq!(
        asked(select, "WHERE product_item <> 'a2' GROUP BY date_year ORDER BY 1").await,
        ["(unknown)|||", "2023|||", "2024|40.00||", "2025|60.00|40.00|35.00"]
    );
}

#[tokio::test]
async fn shares_and_places_are_among_siblings() {
    let select = "product_category, product_item, AGG(revenue), AGG(revenue_share_of_parent), \
                  AGG(revenue_share_of_total), AGG(revenue_rank), AGG(revenue_pareto_class)";
    let rest = "WHERE date_year_key > 0 GROUP BY ROLLUP(product_category, product_item) \
                ORDER BY 1, 2";
    assert_eq!(
        asked(select, rest).await,
        [
            "A|a1|95.00|0.8260869565217391|0.4418604651162791|1|A",
            "A|a2|20.00|0.17391304347826086|0.09302325581395349|2|B",
            "A||115.00|0.5348837209302325|0.5348837209302325|1|A",
            "B|b1|100.00|1.0|0.46511627906976744|1|A",
            "B||100.00|0.46511627906976744|0.46511627906976744|2|A",
            "||215.00|1.0|1.0|1|A",
        ]
    );
    // The parent need not be shown.
    let rest = "WHERE date_year_key > 0 GROUP BY product_item ORDER BY 1";
    assert_eq!(
        asked("product_item, AGG(revenue_share_of_parent), AGG(revenue_rank)", rest).await,
        ["a1|0.8260869565217391|2", "a2|0.17391304347826086|3", "b1|1.0|1"]
    );
}

#[tokio::test]
async fn what_has_no_meaning_is_refused() {
    let said = refused("AGG(revenue_prior_period)", "").await;
    assert!(said.contains("group by a level such as date_month"), "{said}");
    let mixed = "WHERE date_year = '2024' OR product_item = 'a1'";
    let said = refused("AGG(revenue_ytd)", mixed).await;
    assert!(said.contains("mixes levels of date with others"), "{said}");
    let said = refused("SUM(revenue_ytd)", "").await;
    assert!(said.contains("write AGG(revenue_ytd)"), "{said}");
    // An average of averages is no average.
    let said = refused("date_month, AGG(mean_moving_average_3)", "GROUP BY 1").await;
    assert!(said.contains("mean_moving_average_3"), "{said}");
}

#[tokio::test]
async fn facts_of_different_grain_stand_side_by_side() {
    const BOTH: &str = "
version: 1
cube: both
cubes:
  sales: {measures: [revenue, items]}
  plan: {measures: [goal], grain: {date: month}}
measures:
  attained: {expr: revenue / goal}
";
    let context = shop(&[SALES, PLAN, BOTH]).await;
    let sql = "SELECT date_month, AGG(revenue), AGG(goal), AGG(attained), AGG(items) \
               FROM cubes.both WHERE date_year = '2024' GROUP BY ROLLUP(date_month) ORDER BY 1";
    assert_eq!(
        rows(&context, sql).await,
        [
            "2024-02|35.00|50.00|0.7|1",
            "2024-03|40.00|100.00|0.4|1",
            // A goal without sales is a row, too.
            "2024-04||200.00||0",
            "|75.00|350.00|0.21428571428571427|2",
        ]
    );
    let said = failure(&context, "SELECT date_day, AGG(goal) FROM cubes.both GROUP BY 1").await;
    assert!(said.contains("`goal`, of the cube `plan`, has no `date_day`"), "{said}");
    let said = failure(&context, "SELECT COUNT(*) FROM cubes.both").await;
    assert!(said.contains("COUNT does not say of which fact"), "{said}");
    let calculated = "SELECT date_month, AGG(attained_ytd), AGG(goal_ytd) \
                      FROM cubes.\"both$calculations\" WHERE date_quarter = '2024-Q1' GROUP BY 1";
    assert_eq!(
        rows(&context, &format!("{calculated} ORDER BY 1")).await,
        ["2024-02|0.7|50.00", "2024-03|0.5|150.00"]
    );
}

#[tokio::test]
async fn a_level_that_a_fact_lacks_is_empty_or_repeats_its_value() {
    let both = |rule: &str| {
        format!(
            "version: 1\ncube: both\ncubes:\n  sales: {{measures: [revenue]}}\n  \
             plan: {{measures: [goal, goals], unrelated: {rule}}}\nmeasures:\n  \
             attained: {{expr: revenue / goal}}\n"
        )
    };
    let sql = "SELECT product_category, AGG(revenue), AGG(goal), AGG(attained), AGG(goals) \
               FROM cubes.both WHERE date_year = '2024' GROUP BY ROLLUP(product_category) \
               ORDER BY 1";
    let context = shop(&[SALES, PLAN, &both("empty")]).await;
    assert_eq!(
        rows(&context, sql).await,
        ["A|35.00|||", "B|40.00|||", "|75.00|350.00|0.21428571428571427|3"]
    );
    let context = shop(&[SALES, PLAN, &both("repeat")]).await;
    assert_eq!(
        rows(&context, sql).await,
        [
            "A|35.00|350.00|0.1|3",
            "B|40.00|350.00|0.11428571428571428|3",
            "|75.00|350.00|0.21428571428571427|3",
        ]
    );
    let only = "SELECT product_category, AGG(goal) FROM cubes.both GROUP BY 1";
    let said = failure(&context, only).await;
    assert!(said.contains("nothing that is asked for has `"), "{said}");
}

/// Sales began a year before there was a plan: whichever is listed first, their months count.
#[tokio::test]
async fn an_average_over_several_facts_counts_the_periods_since_the_first_of_them() {
    let sql = "SELECT date_month, AGG(gap_moving_average_3), AGG(twice_moving_average_3), \
               AGG(goal_moving_average_3) FROM cubes.both WHERE date_year = '2024' GROUP BY 1 ORDER BY 1";
    for cubes in ["sales: {measures: revenue}\n  plan:", "plan:\n  sales: {measures: revenue}"] {
        let both = format!(
            "version: 1\ncube: both\ncubes:\n  {cubes}\nmeasures:\n  \
             gap: {{expr: revenue - goal}}\n  twice: {{expr: goal * 2}}\n"
        );
        let context = shop(&[SALES, PLAN, &both]).await;
        assert_eq!(
            rows(&context, sql).await,
            [
                "2024-02|-5.000000|100.000000|50.000000",
                "2024-03|-25.000000|150.000000|75.000000",
                "2024-04|-91.666667|233.333333|116.666667",
            ]
        );
    }
}

#[tokio::test]
async fn what_is_repeated_is_all_of_what_is_repeated() {
    const BOTH: &str = "
version: 1
cube: both
cubes:
  sales: {measures: [revenue, closing]}
  plan: {measures: [goal], unrelated: repeat}
";
    let context = shop(&[SALES, PLAN, BOTH]).await;
    let sql = "SELECT product_item, AGG(revenue_share_of_product_category), AGG(closing), \
               AGG(goal), AGG(goal_share_of_product_category), AGG(goal_share_of_parent) \
               FROM cubes.both WHERE date_year = '2024' GROUP BY ROLLUP(product_item) ORDER BY 1";
    assert_eq!(
        rows(&context, sql).await,
        ["a1|1.0||350.00|1.0|1.0", "b1|1.0|40.00|350.00|1.0|1.0", "||40.00|350.00||1.0"]
    );
}
