//! Reported wrong numbers of joins: rows that multiply, members that are unknown, several facts and
//! several roles. See [`crate::traps`].

use crate::support::Project;
use crate::traps::{plain_shop, shop};

/// Balances of stores and of the sellers who care for them.
fn stock_of_sellers(shop: &Project) {
    shop.write(
        "cubes/stock_of_sellers.yaml",
        "version: 1\ncube: stock_of_sellers\nfact: stock\ndimensions:\n  date:\n  store:\n  \
         seller: {through: care}\nmeasures:\n  closing: {sum: pieces, over_time: last_non_empty}\n  \
         counted: {sum: pieces}\n  balances: {count: \"*\"}\n",
    );
}

/// Sales and stock side by side.
fn sales_and_stock(shop: &Project) {
    shop.write(
        "cubes/both.yaml",
        "version: 1\ncube: both\ncubes:\n  sales: {measures: [revenue, lines, buyers], unrelated: repeat}\n  \
         stock: {measures: [closing, counted, balances]}\n",
    );
}

#[test]
fn a_semi_additive_measure_keeps_its_grain_duckdb_semantic_views_179() {
    let (_shop, epoch) = shop(stock_of_sellers);
    // S1 is of Sam and Tia, S2 of Tia: on the last day, in S1, there are 6, whoever is asked for.
    assert_eq!(
        epoch.rows(
            "SELECT seller_name, AGG(closing), AGG(counted), AGG(balances) FROM cubes.stock_of_sellers \
             GROUP BY ROLLUP (seller_name) ORDER BY GROUPING(seller_name), 1"
        ),
        ["Sam|6|31|4", "Tia|6|36|5", "|6|36|5"]
    );
    // Both are of one team, which has every balance once.
    assert_eq!(
        epoch.rows(
            "SELECT seller_team, AGG(closing), AGG(counted) FROM cubes.stock_of_sellers GROUP BY 1"
        ),
        ["North|6|36"]
    );
    let chosen = "SELECT AGG(closing), AGG(counted) FROM cubes.stock_of_sellers \
                  WHERE seller_name IN ('Sam', 'Tia')";
    assert_eq!(epoch.rows(chosen), ["6|36"]);
}

/// A fan: one sale, several sellers.
#[test]
fn a_fan_of_members_does_not_multiply_a_total() {
    let (_shop, epoch) = plain_shop();
    assert_eq!(
        epoch.rows(
            "SELECT AGG(revenue), AGG(lines), AGG(mean) FROM cubes.sellers WHERE seller_name <> '(unknown)'"
        ),
        // Paris 130 and Lyon 30, four sales; joined to their sellers they would be 290 and seven.
        ["160.00|4|40.000000"]
    );
    assert_eq!(
        epoch.rows(
            "SELECT seller_team, AGG(revenue), AGG(lines) FROM cubes.sellers \
                    GROUP BY ROLLUP (seller_team) ORDER BY 2"
        ),
        ["North|160.00000000|4", "(unknown)|240.00000000|3", "|400.00000000|7"]
    );
}

/// A chasm: two facts with several rows each for what they share.
#[test]
fn a_chasm_between_two_facts_does_not_multiply_either() {
    let (_shop, epoch) = shop(sales_and_stock);
    // January has two sales and two balances: joined they would be 60 and 30.
    assert_eq!(
        epoch.rows(
            "SELECT date_month, AGG(revenue), AGG(lines), AGG(counted), AGG(balances) FROM cubes.both \
             WHERE date_year = '2024' GROUP BY ROLLUP (date_month) ORDER BY GROUPING(date_month), 1"
        ),
        ["2024-01|30.00|2|15|2", "2024-02|70.00|2|15|2", "2024-03||1|6|1", "|100.00|5|36|5"]
    );
    assert_eq!(
        epoch
            .rows("SELECT AGG(revenue), AGG(counted) FROM cubes.both WHERE product_item = 'Apple'"),
        ["140.00|23"]
    );
}

/// Cells of two facts meet where a member has no value, too: once, and not beside each other.
#[test]
fn facts_are_stitched_with_nulls_cube_10925() {
    let (_shop, epoch) = shop(|shop| {
        sales_and_stock(shop);
        // Apples are red; of all others the colour is not known.
        let items =
            "item,category,colour\nApple,Fruit,red\nPear,Fruit,\nLeek,Greens,\nKale,Greens,\n";
        shop.write("data/items.csv", items);
        shop.edit(
            "etl/product.yaml",
            "category: category}\n",
            "category: category, colour: colour}\n",
        );
    });
    assert_eq!(
        epoch.rows(
            "SELECT product_colour, AGG(revenue), AGG(lines), AGG(counted), AGG(balances) FROM cubes.both \
             GROUP BY 1 ORDER BY 1"
        ),
        // Pear and Leek: 20 and 240, three sales, two balances.
        ["red|140.00|4|23|3", "|260.00|3|13|2"]
    );
    // Months of which only one fact knows are there once, too.
    let (_shop, epoch) = shop(|shop| shop.edit("data/goals.csv", "2024-01-01", "2024-05-01"));
    assert_eq!(
        epoch.rows(
            "SELECT date_month, AGG(revenue), AGG(goal), AGG(attained) FROM cubes.attainment \
             GROUP BY ROLLUP (date_month) ORDER BY GROUPING(date_month), 1"
        ),
        [
            "2024-01|30.00||",
            "2024-02|70.00|50.00|1.4",
            "2024-03|||",
            "2024-05||50.00|",
            "2025-01|100.00|200.00|0.5",
            "2025-02|200.00||",
            "|400.00|300.00|1.3333333333333333"
        ]
    );
}

/// Both facts may have facts of nobody who is known; they meet in one row.
#[test]
fn unknown_members_of_two_facts_are_one() {
    let (_shop, epoch) = shop(|shop| {
        sales_and_stock(shop);
        shop.edit(
            "data/sales.csv",
            "2,2024-01-20,2024-02-02,S1,Pear",
            "2,2024-01-20,2024-02-02,S1,Fig",
        );
        shop.edit("data/stock.csv", "2024-01-31,Apple,S2,5", "2024-01-31,Date,S2,5");
    });
    assert_eq!(
        epoch.rows(
            "SELECT product_item, AGG(revenue), AGG(counted) FROM cubes.both \
             WHERE product_item = '(unknown)' GROUP BY 1"
        ),
        ["(unknown)|20.00|5"]
    );
}

/// Kylin does not match a LEFT join with an INNER one; here every key has a member.
#[test]
fn unknown_members_join_alike_kylin() {
    let (_shop, epoch) = plain_shop();
    let levels = [
        "store_city",
        "store_country",
        "ship_date_day",
        "ship_date_year",
        "product_item",
        "date_week",
        "buyer",
    ];
    for level in levels {
        let sql = format!(
            "WITH c AS (SELECT {level}, AGG(lines) AS n, AGG(revenue) AS r, AGG(pieces) AS p \
             FROM cubes.sales \
             GROUP BY 1) SELECT SUM(n), SUM(r), SUM(p) FROM c"
        );
        assert_eq!(epoch.rows(&sql), ["7|400.00|18"], "{level}");
    }
    // All at once, too; and joined by hand, either way.
    let all = levels.join(", ");
    let sql = format!(
        "WITH c AS (SELECT {all}, AGG(lines) AS n FROM cubes.sales GROUP BY {all}) SELECT SUM(n) FROM c"
    );
    assert_eq!(epoch.rows(&sql), ["7"]);
    for join in ["LEFT JOIN", "JOIN"] {
        let sql = format!(
            "SELECT count(*), sum(amount) FROM sales AS s {join} store USING (store_key) \
             {join} date AS d ON d.date_key = s.ship_date_key"
        );
        assert_eq!(epoch.rows(&sql), ["7|400.00"], "{join}");
    }
}

/// A member that comes later takes the facts that waited for it.
#[test]
fn a_late_member_takes_its_facts() {
    let (shop, mut epoch) = plain_shop();
    let sql = "SELECT store_city, AGG(lines) FROM cubes.sales WHERE store_country NOT IN ('FR', 'IT') \
               GROUP BY 1";
    assert_eq!(epoch.rows(sql), ["(unknown)|1"]);
    shop.edit("data/stores.csv", "S3,Rome,IT\n", "S3,Rome,IT\nS9,Oslo,NO\n");
    shop.run(&["load", "--quiet"]).ok();
    epoch.renew();
    assert_eq!(epoch.rows(sql), ["Oslo|1"]);
}

/// Conditions on one role say nothing about another, and calculations move along the one grouped by.
#[test]
fn roles_of_one_dimension_are_not_mixed_cube_9852() {
    let (_shop, epoch) = plain_shop();
    assert_eq!(
        epoch.rows(
            "SELECT date_month, AGG(revenue) FROM cubes.sales WHERE ship_date_month = '2024-02' \
                    GROUP BY 1 ORDER BY 1"
        ),
        ["2024-01|20.00", "2024-02|30.00"]
    );
    assert_eq!(
        epoch.rows(
            "SELECT ship_date_month, AGG(revenue) FROM cubes.sales WHERE date_month = '2024-02' \
                    GROUP BY 1 ORDER BY 1"
        ),
        ["(not applicable)|40.00", "2024-02|30.00"]
    );
    // What was shipped in 2024: sales 1, 2, 3 and 5. The sale of 2024 that was not is in no year.
    assert_eq!(
        epoch.rows(
            "SELECT ship_date_year, AGG(revenue), AGG(revenue_prior_year) FROM cubes.sales GROUP BY 1 \
             ORDER BY 1"
        ),
        ["(not applicable)|40.00|", "2024|60.00|", "2025|300.00|60.00"]
    );
    assert_eq!(
        epoch.rows(
            "SELECT date_year, AGG(revenue), AGG(revenue_prior_year) FROM cubes.sales GROUP BY 1 \
                    ORDER BY 1"
        ),
        ["2024|100.00|", "2025|300.00|100.00"]
    );
}

/// A condition over levels that all facts have may be of any form; where one lacks a level, a condition
/// that ties it to others cannot be told for its facts.
#[test]
fn or_across_facts_is_answered_or_refused() {
    let (_shop, epoch) = shop(|shop| {
        for (name, rule) in [("repeated", "repeat"), ("emptied", "empty")] {
            shop.write(
                &format!("cubes/{name}.yaml"),
                &format!(
                    "version: 1\ncube: {name}\ncubes:\n  sales: {{measures: [revenue]}}\n  \
                     goals: {{grain: {{date: month}}, unrelated: {rule}}}\n"
                ),
            );
        }
    });
    let asked = |cube: &str, condition: &str| {
        format!("SELECT AGG(revenue), AGG(goal) FROM cubes.{cube} WHERE {condition}")
    };
    let either = "date_month = '2024-01' OR date_month = '2025-01'";
    assert_eq!(epoch.rows(&asked("attainment", either)), ["130.00|250.00"]);
    let across = "date_month = '2024-01' OR store_city = 'Rome'";
    let said = epoch.refusal(&asked("attainment", across));
    assert!(said.contains("`goal`, of the cube `goals`, has no `store_city`"), "{said}");
    assert_eq!(epoch.rows(&asked("emptied", across)), ["270.00|"]);
    // Said apart, the goal is that of the month, whatever the city; said in one, it is refused.
    let apart = "date_month = '2024-01' AND store_city = 'Paris'";
    assert_eq!(epoch.rows(&asked("repeated", apart)), ["30.00|50.00"]);
    for mixed in [across, "NOT (date_month = '2024-01' AND store_city = 'Paris')"] {
        let said = epoch.refusal(&asked("repeated", mixed));
        assert!(
            said.contains("mixes `store_city`, which the cube `goals` does not have"),
            "{said}"
        );
    }
    let grouped = "SELECT concat(store_city, date_year), AGG(revenue), AGG(goal) FROM cubes.repeated \
                   GROUP BY 1";
    let said = epoch.refusal(grouped);
    assert!(said.contains("mixes `store_city`, which the cube `goals` does not have"), "{said}");
    // Apart, groups are answered: the goals of a year again for each city.
    assert_eq!(
        epoch.rows(
            "SELECT store_city, date_year, AGG(revenue), AGG(goal) FROM cubes.repeated \
             WHERE store_country = 'FR' GROUP BY 1, 2 ORDER BY 1, 2"
        ),
        ["Lyon|2024|30.00|100.00", "Paris|2024|30.00|100.00", "Paris|2025|100.00|200.00"]
    );
}
