//! Calculations in years of whole weeks, with numbers worked out by hand.
//!
//! In the calendar of the National Retail Federation 2022 starts on 2022-01-30, 2023 on 2023-01-29 and
//! 2024 on 2024-02-04; 2023 has 53 weeks. Amounts are powers of two, so that a sum tells its days.
//!
//! | day        | retail day                 | amount |
//! |------------|----------------------------|--------|
//! | 2023-01-01 | 2022, M12, W49, Sunday     | 1      |
//! | 2023-01-28 | 2022, M12, W52, Saturday   | 2      |
//! | 2023-01-29 | 2023, M01, W01, Sunday     | 4      |
//! | 2024-01-27 | 2023, M12, W52, Saturday   | 8      |
//! | 2024-01-31 | 2023, M12, W53, Wednesday  | 16     |
//! | 2024-02-04 | 2024, M01, W01, Sunday     | 32     |
//! | 2025-01-29 | 2024, M12, W52, Wednesday  | 64     |

use chrono::NaiveDate;
use datafusion::prelude::SessionContext;

use super::{ask, rows, session_over};
use crate::integrate::DayRange;
use crate::star::{CalendarRules, Fact, FactColumn, RetailRules, Role, Star, calendar_dimension};

const TAKINGS: &str = "
version: 1
cube: takings
fact: sales
measures:
  revenue: {sum: amount}
";

const PLAN: &str = "
version: 1
cube: plan
fact: target
measures:
  goal: {sum: goal}
";

const TABLES: [(&str, &str); 2] = [
    (
        "sales",
        "SELECT (arrow_cast(arrow_cast(day, 'Date32'), 'Int32') + 719163)::bigint AS date_key,
                CAST(amount AS bigint) AS amount
         FROM (VALUES ('2023-01-01', 1), ('2023-01-28', 2), ('2023-01-29', 4), ('2024-01-27', 8),
            ('2024-01-31', 16), ('2024-02-04', 32), ('2025-01-29', 64)) AS t(day, amount)",
    ),
    (
        "target",
        "SELECT (arrow_cast(arrow_cast(day, 'Date32'), 'Int32') + 719163)::bigint AS date_key,
                CAST(goal AS bigint) AS goal
         FROM (VALUES ('2024-02-01', 50), ('2025-01-01', 100)) AS t(day, goal)",
    ),
];

fn star(rules: CalendarRules) -> Star {
    let fact = |name: &str, column: &str| Fact {
        name: name.into(),
        title: None,
        description: None,
        columns: vec![FactColumn { name: column.into(), currency: None }],
        roles: vec![Role::new("date", None)],
        rates: None,
    };
    Star {
        dimensions: vec![calendar_dimension(rules)],
        facts: vec![fact("sales", "amount"), fact("target", "goal")],
    }
}

async fn shop(texts: &[&str]) -> SessionContext {
    let rules = CalendarRules { retail: Some(RetailRules::default()), ..Default::default() };
    let day = |year, month, day| NaiveDate::from_ymd_opt(year, month, day).unwrap();
    let days = DayRange::of_days(day(2023, 1, 1), day(2025, 12, 31)).whole_retail_years(rules);
    session_over(&star(rules), days, rules, &TABLES, texts).await
}

/// The rows of `group` and these calculations of the revenue.
async fn asked(group: &str, calculations: &[&str], rest: &str) -> Vec<String> {
    let shown = calculations.iter().map(|name| format!(", AGG(revenue_{name})"));
    let sql = format!(
        "SELECT {group}, AGG(revenue){} FROM cubes.\"takings$calculations\" {rest} GROUP BY {group} \
         ORDER BY 1",
        shown.collect::<String>()
    );
    rows(&shop(&[TAKINGS]).await, &sql).await
}

async fn refused(cubes: &[&str], sql: &str) -> String {
    ask(&shop(cubes).await, sql).await
}

#[tokio::test]
async fn a_year_is_compared_with_the_whole_year_before() {
    let asked = asked(
        "date_retail_year",
        &["prior_year", "yoy_pct", "prior_year_so_far", "prior_period", "ytd", "ytd_prior_year"],
        "",
    );
    assert_eq!(
        asked.await,
        [
            "RY2022|3|||||3|",
            "RY2023|28|3|8.333333333333334|3|3|28|3",
            // 28 has the 16 of week 53; the last fact is on a Wednesday of week 52.
            "RY2024|96|28|2.4285714285714284|4|28|96|28",
        ]
    );
}

#[tokio::test]
async fn months_are_compared_whole_whatever_weeks_they_have() {
    let calculations = ["prior_period", "prior_year", "qtd", "rolling_2m", "moving_average_2"];
    assert_eq!(
        asked("date_retail_month", &calculations, "WHERE date_retail_year >= 'RY2023'").await,
        [
            "RY2023-M01|4|3||4|7|3.5",
            "RY2023-M02||4||4|4|2.0",
            "RY2023-M03||||4||",
            "RY2023-M12|24||3|24|24|12.0",
            "RY2024-M01|32|24|4|32|56|28.0",
            "RY2024-M02||32||32|32|16.0",
            "RY2024-M03||||32||",
            // The five weeks of the December before, against four.
            "RY2024-M12|64||24|64|64|32.0",
        ]
    );
    let weekday = "WHERE date_weekday = 'Wednesday'";
    assert_eq!(
        asked("date_retail_month", &["prior_year", "prior_period"], weekday).await,
        ["RY2023-M12|16||", "RY2024-M01|||16", "RY2024-M12|64|16|"]
    );
}

#[tokio::test]
async fn week_53_has_no_counterpart_in_a_year_without_it() {
    let weeks =
        "WHERE date_retail_week IN ('RY2023-W52', 'RY2023-W53', 'RY2024-W01', 'RY2024-W52')";
    let calculations =
        ["prior_period", "prior_year", "wtd", "mtd", "ytd", "ytd_prior_year", "rolling_1y"];
    assert_eq!(
        asked("date_retail_week", &calculations, weeks).await,
        [
            "RY2023-W52|8||2|8|8|12|3|12",
            // A year to date in week 53 is set against the whole year before.
            "RY2023-W53|16|8||16|24|28|3|28",
            "RY2024-W01|32|16|4|32|32|32|4|56",
            // Up to week 52, without the 16 of week 53.
            "RY2024-W52|64||8|64|64|96|12|96",
        ]
    );
    let days = "WHERE date_retail_month IN ('RY2023-M12', 'RY2024-M12')";
    assert_eq!(
        asked("date_day", &["prior_year"], days).await,
        ["2023-12-31||1", "2024-01-27|8|2", "2024-01-31|16|", "2025-01-29|64|"]
    );
    // A condition on weeks speaks of them as well, one on days does not.
    let week = "WHERE date_retail_week = 'RY2024-W52'";
    assert_eq!(asked("date_retail_month", &["prior_year"], week).await, ["RY2024-M12|64|8"]);
    let day = "WHERE date_day >= '2025-01-01'";
    assert_eq!(asked("date_retail_month", &["prior_year"], day).await, ["RY2024-M12|64|24"]);
    let day = "WHERE date_day BETWEEN '2025-01-01' AND '2025-01-31'";
    assert_eq!(asked("date_retail_month", &["prior_year"], day).await, ["RY2024-M12|64|"]);
}

#[tokio::test]
async fn totals_count_in_the_calendar_of_what_is_shown() {
    let sql = "SELECT date_retail_month, AGG(revenue), AGG(revenue_prior_year), AGG(revenue_ytd) \
               FROM cubes.\"takings$calculations\" WHERE date_retail_year = 'RY2024' \
               GROUP BY ROLLUP(date_retail_month) \
               HAVING date_retail_month IS NULL OR AGG(revenue) > 0 ORDER BY 1";
    let context = shop(&[TAKINGS]).await;
    assert_eq!(
        rows(&context, sql).await,
        ["RY2024-M01|32|4|32", "RY2024-M12|64|24|96", "|96|28|96"]
    );
    let sql = "SELECT AGG(revenue_qtd), AGG(revenue_rolling_12m) \
               FROM cubes.\"takings$calculations\" WHERE date_retail_year = 'RY2023'";
    assert_eq!(rows(&context, sql).await, ["24|28"]);
}

#[tokio::test]
async fn what_is_of_two_calendars_is_refused() {
    let ask = |select: &str, rest: &str| {
        format!("SELECT {select} FROM cubes.\"takings$calculations\" {rest}")
    };
    let sql = ask("date_retail_month, date_year, AGG(revenue_ytd)", "GROUP BY 1, 2");
    let said = refused(&[TAKINGS], &sql).await;
    assert!(said.contains("`date_retail_month` and `date_year` are of two calendars"), "{said}");
    let sql = ask("date_month, AGG(revenue_yoy)", "WHERE date_retail_year = 'RY2024' GROUP BY 1");
    let said = refused(&[TAKINGS], &sql).await;
    assert!(said.contains("`date_retail_year` and `date_month` are of two calendars"), "{said}");
    // It is not that no period is grouped by.
    let sql = ask("date_retail_week, AGG(revenue_pop)", "WHERE date_year = '2024' GROUP BY 1");
    let said = refused(&[TAKINGS], &sql).await;
    assert!(said.contains("`date_retail_week` and `date_year` are of two calendars"), "{said}");
    let sets = "GROUP BY GROUPING SETS ((date_month), (date_retail_month))";
    let sql = ask("date_month, date_retail_month, AGG(revenue_prior_period)", sets);
    let said = refused(&[TAKINGS], &sql).await;
    assert!(said.contains("are of two calendars"), "{said}");
    let sql = ask("date_retail_month, AGG(revenue_fytd)", "GROUP BY 1");
    let said = refused(&[TAKINGS], &sql).await;
    assert!(said.contains("a fiscal year or quarter to date does not fit"), "{said}");
    let sql =
        ask("date_day, AGG(revenue_prior_period)", "WHERE date_weekday = 'Monday' GROUP BY 1");
    let said = refused(&[TAKINGS], &sql).await;
    assert!(said.contains("other weekdays"), "{said}");
    // What counts days needs no calendar.
    let sql = ask("date_retail_year, date_year, AGG(revenue_running_total)", "GROUP BY 1, 2");
    assert_eq!(rows(&shop(&[TAKINGS]).await, &sql).await.len(), 5);
}

#[tokio::test]
async fn facts_without_retail_levels_do_not_count_in_them() {
    let both = |rule: &str| {
        format!(
            "version: 1\ncube: both\ncubes:\n  takings: {{measures: [revenue]}}\n  \
             plan: {{measures: [goal], grain: {{date: month}}, unrelated: {rule}}}\n"
        )
    };
    let sql = "SELECT date_retail_year, AGG(revenue_ytd), AGG(goal_ytd) \
               FROM cubes.\"both$calculations\" GROUP BY 1 ORDER BY 1";
    let said = refused(&[TAKINGS, PLAN, &both("repeat")], sql).await;
    assert!(
        said.contains("does not fit the cube `plan`, which has no `date_retail_year`"),
        "{said}"
    );
    let context = shop(&[TAKINGS, PLAN, &both("empty")]).await;
    assert_eq!(rows(&context, sql).await, ["RY2022|3|", "RY2023|28|", "RY2024|32|"]);
}
