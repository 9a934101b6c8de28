//! Reported wrong numbers of time: ranges, late rows, days of 23 and 25 hours, weeks, fiscal years, and
//! one fact seen at several times at once. See [`crate::traps`].

use crate::support::Project;
use crate::traps::{plain_shop, shop};

/// A range that cuts months in two has the days that are in it, now and a year before.
#[test]
fn partial_ranges_have_their_days_cube_6762() {
    let (_shop, epoch) = plain_shop();
    assert_eq!(
        epoch.rows(
            "SELECT date_month, AGG(revenue), AGG(lines) FROM cubes.sales \
             WHERE date_date BETWEEN DATE '2024-01-15' AND DATE '2024-02-10' \
             GROUP BY ROLLUP (date_month) ORDER BY GROUPING(date_month), 1"
        ),
        ["2024-01|20.00|1", "2024-02|30.00|1", "|50.00|2"]
    );
    // From 10 January to 15 February of 2024: sales 1, 2 and 3, and not the one of 25 February.
    assert_eq!(
        epoch.rows(
            "SELECT date_month, AGG(revenue), AGG(revenue_prior_year) FROM cubes.sales \
             WHERE date_date BETWEEN DATE '2025-01-10' AND DATE '2025-02-15' \
             GROUP BY ROLLUP (date_month) ORDER BY GROUPING(date_month), 1"
        ),
        ["2025-01|100.00|30.00", "2025-02|200.00|30.00", "|300.00|60.00"]
    );
    let half = "SELECT AGG(revenue) FROM cubes.sales WHERE date_date >= DATE '2024-02-05' \
                AND date_date < DATE '2024-02-25'";
    assert_eq!(epoch.rows(half), ["30.00"]);
}

/// However late a row comes, it counts on its day, and an older epoch does not know it.
#[test]
fn late_rows_count_on_their_day_cube_9293() {
    let (shop, mut epoch) = plain_shop();
    let by_month = "SELECT date_month, AGG(revenue), AGG(buyers), AGG(revenue_prior_year), AGG(revenue_ytd) \
                    FROM cubes.sales WHERE date_month IN ('2024-01', '2025-01') GROUP BY 1 ORDER BY 1";
    let before = ["2024-01|30.00|2||30.00", "2025-01|100.00|1|30.00|100.00"];
    assert_eq!(epoch.rows(by_month), before);
    shop.edit(
        "data/sales.csv",
        "7,2025-02-10",
        "8,2024-01-05,2024-01-06,S2,Pear,Dan,1,7.00\n7,2025-02-10",
    );
    shop.run(&["load", "--quiet"]).ok();
    epoch.renew();
    assert_eq!(epoch.rows(by_month), ["2024-01|37.00|3||37.00", "2025-01|100.00|1|37.00|100.00"]);
    let old = shop.run(&["sql", by_month, "--epoch", "1", "--format", "csv"]).ok();
    let old: Vec<String> = old.lines().skip(1).map(|line| line.replace(',', "|")).collect();
    assert_eq!(old, before);
}

/// A server that knows an epoch must not go on answering from it.
#[test]
fn what_is_known_of_an_epoch_is_not_served_for_the_next_spice_12673() {
    let (shop, mut epoch) = plain_shop();
    let total = "SELECT AGG(revenue), AGG(revenue_share_of_total) FROM cubes.sales";
    assert_eq!(epoch.rows(total), ["400.00|1.0"]);
    for amount in ["300.00", "400.00"] {
        let text = std::fs::read_to_string(shop.path().join("data/sales.csv")).unwrap();
        let row = text.lines().find(|line| line.starts_with("7,")).unwrap().to_owned();
        let (kept, _) = row.rsplit_once(',').unwrap();
        shop.edit("data/sales.csv", &row, &format!("{kept},{amount}"));
        shop.run(&["load", "--quiet"]).ok();
        epoch.renew();
        let whole = 200.0 + amount.parse::<f64>().unwrap();
        assert_eq!(epoch.rows(total), [format!("{whole:.2}|1.0")]);
    }
}

/// Visits with the wall clock of New York, in a company with that of Paris.
fn visits(shop: &Project) {
    shop.edit("starling.yaml", "warehouse: wh\n", "warehouse: wh\ntime_zone: Europe/Paris\n");
    shop.write(
        "etl/visits.yaml",
        "version: 1\nsources:\n  web:\n    csv: {path: data}\n    time_zone: America/New_York\n    \
         tables: {visit: {file: visits.csv, types: {at: timestamp}}}\n",
    );
    shop.write(
        "etl/visit.yaml",
        "version: 1\nfact: visit\ngrain: [visit_no]\nfrom:\n  - table: web.visit\n    \
         columns: {visit_no: id, happened_at: at}\ndimensions:\n  date: {on: happened_at}\n",
    );
    shop.write(
        "cubes/visits.yaml",
        "version: 1\ncube: visits\nfact: visit\nmeasures:\n  visits: {count: \"*\"}\n",
    );
}

/// Paris lost an hour on 31 March 2024 and got one back on 27 October; New York did on other days.
#[test]
fn a_day_is_that_of_the_company_whatever_its_hours_cube_10096() {
    let (_shop, epoch) = shop(|shop| {
        visits(shop);
        shop.write(
            "data/visits.csv",
            "id,at\n\
             1,2024-03-30 18:30\n2,2024-03-30 20:30\n3,2024-03-31 17:30\n4,2024-03-31 18:30\n\
             5,2024-10-26 18:30\n6,2024-10-27 18:30\n7,2024-10-27 19:30\n\
             8,2024-03-10 02:30\n9,2024-11-03 01:30\n",
        );
    });
    // 18:30 in New York is 23:30 in Paris until the 31st comes, and 00:30 afterwards.
    assert_eq!(
        epoch.rows(
            "SELECT date_day, AGG(visits), AGG(visits_prior_period), AGG(visits_mtd), AGG(visits_rolling_7d) \
             FROM cubes.visits WHERE date_day IN ('2024-03-30', '2024-03-31', '2024-04-01') \
             GROUP BY 1 ORDER BY 1"
        ),
        ["2024-03-30|1|0|1|1", "2024-03-31|2|1|3|3", "2024-04-01|1|2|1|4"]
    );
    assert_eq!(
        epoch.rows(
            "SELECT date_day, AGG(visits), AGG(visits_prior_period) FROM cubes.visits \
             WHERE date_month = '2024-10' AND date_day BETWEEN '2024-10-27' AND '2024-10-28' \
             GROUP BY 1 ORDER BY 1"
        ),
        ["2024-10-27|2|0", "2024-10-28|1|2"]
    );
    // A time that the clock of New York skipped, and one that it showed twice, are no times.
    assert_eq!(
        epoch.rows("SELECT value FROM system.quarantine WHERE table_name = 'visit' ORDER BY 1"),
        ["2024-03-10 02:30", "2024-11-03 01:30"]
    );
    assert_eq!(epoch.rows("SELECT AGG(visits) FROM cubes.visits"), ["7"]);
}

/// A week may lie in two months: in each it has what belongs to both, and alone it has all.
#[test]
fn weeks_do_not_roll_up_to_months() {
    let (_shop, epoch) = shop(|shop| {
        // Wednesday and Thursday of one week.
        shop.edit(
            "data/sales.csv",
            "7,2025",
            "8,2024-01-31,,S1,Pear,Dan,1,1.00\n9,2024-02-01,,S1,Pear,Dan,1,2.00\n7,2025",
        );
    });
    let by = |groups: &str| {
        let sql = format!(
            "SELECT {groups}, AGG(revenue), AGG(buyers) FROM cubes.sales \
             WHERE date_week = '2024-W05' GROUP BY {groups} ORDER BY {groups}"
        );
        epoch.rows(&sql)
    };
    assert_eq!(by("date_week"), ["2024-W05|3.00|1"]);
    assert_eq!(by("date_month"), ["2024-01|1.00|1", "2024-02|2.00|1"]);
    assert_eq!(by("date_week, date_month"), ["2024-W05|2024-01|1.00|1", "2024-W05|2024-02|2.00|1"]);
}

/// A year that starts in April is not silently one that starts in January.
#[test]
fn a_fiscal_year_starts_where_it_is_said_teamster_4994() {
    let (_shop, epoch) = shop(|shop| {
        shop.edit("starling.yaml", "warehouse: wh\n", "warehouse: wh\nfiscal_year_start: 4\n");
        shop.edit(
            "data/sales.csv",
            "7,2025-02-10",
            "8,2024-04-01,,S1,Pear,Dan,1,5.00\n7,2025-02-10",
        );
    });
    // FY2024 ends with the sale of 31 March 2024; the next day is of FY2025.
    assert_eq!(
        epoch.rows(
            "SELECT date_fiscal_year, date_fiscal_quarter, AGG(revenue), AGG(lines) FROM cubes.sales \
             GROUP BY ROLLUP (date_fiscal_year, date_fiscal_quarter) \
             ORDER BY 1 NULLS LAST, 2 NULLS LAST"
        ),
        [
            "FY2024|FY2024-Q4|100.00|5",
            "FY2024||100.00|5",
            "FY2025|FY2025-Q1|5.00|1",
            "FY2025|FY2025-Q4|300.00|2",
            "FY2025||305.00|3",
            "||405.00|8"
        ]
    );
    assert_eq!(
        epoch.rows(
            "SELECT date_month, AGG(revenue_fytd), AGG(revenue_ytd) FROM cubes.sales \
             WHERE date_month IN ('2024-03', '2024-04', '2025-02') GROUP BY 1 ORDER BY 1"
        ),
        ["2024-03|100.00|100.00", "2024-04|5.00|105.00", "2025-02|305.00|300.00"]
    );
}

/// One fact at five times in one question, and two facts at once: no part is taken for another.
#[test]
fn one_relation_shifted_twice_cube_10929() {
    let (_shop, epoch) = shop(|shop| {
        shop.edit(
            "data/goals.csv",
            "2025-01-01,200.00\n",
            "2025-01-01,200.00\n2025-02-01,300.00\n",
        );
    });
    assert_eq!(
        epoch.rows(
            "SELECT date_month, AGG(revenue), AGG(revenue_prior_year), AGG(revenue_prior_period), \
             AGG(revenue_ytd), AGG(revenue_ytd_prior_year), AGG(revenue_rolling_12m), AGG(buyers_ytd), \
             AGG(goal), AGG(goal_prior_year), AGG(goal_ytd), AGG(attained_prior_year) \
             FROM cubes.attainment WHERE date_year = '2025' GROUP BY 1 ORDER BY 1"
        ),
        [
            // Twelve months to January: 70 of February, 100.
            "2025-01|100.00|30.00||100.00|30.00|170.00|1|200.00|50.00|200.00|0.6",
            // To February: 100 and 200 alone.
            "2025-02|200.00|70.00|100.00|300.00|100.00|300.00|2|300.00|50.00|500.00|1.4"
        ]
    );
    // The same calculation of two measures, and with different filters.
    assert_eq!(
        epoch.rows(
            "SELECT date_year, AGG(revenue_prior_year), AGG(pieces_prior_year), \
             AGG(revenue_prior_year) FILTER (WHERE store_country = 'FR'), \
             AGG(revenue_prior_year) FILTER (WHERE store_country = 'IT') \
             FROM cubes.sales WHERE date_year = '2025' GROUP BY 1"
        ),
        // As far as facts go in 2025: all of 2024 that has a counterpart.
        ["2025|100.00|15|60.00|40.00"]
    );
}

/// Calculations over members that share facts: reported as twice the right number.
#[test]
fn multi_stage_measures_are_not_inflated_cube_11545() {
    let (_shop, epoch) = plain_shop();
    // Of 2024, Paris 30 (18 to Sam and 12 to Tia), Lyon 30 to Tia, Rome 40 and the unknown to nobody.
    assert_eq!(
        epoch.rows(
            "SELECT seller_name, AGG(revenue), AGG(revenue_prior_year), AGG(revenue_ytd) FROM cubes.sellers \
             WHERE date_year = '2025' GROUP BY ROLLUP (seller_name) ORDER BY GROUPING(seller_name), 1"
        ),
        [
            "(unknown)|200.00000000|40.00000000|200.00000000",
            "Sam|60.00000000|18.00000000|60.00000000",
            "Tia|40.00000000|42.00000000|40.00000000",
            "|300.00000000|100.00000000|300.00000000"
        ]
    );
    let shares = "WITH c AS (SELECT product_category, product_item, AGG(revenue_share_of_total) AS s, \
                  AGG(revenue_share_of_parent) AS p FROM cubes.sales GROUP BY 1, 2) \
                  SELECT round(sum(s), 9), round(sum(p), 9) FROM c";
    assert_eq!(epoch.rows(shares), ["1.0|2.0"]);
}
