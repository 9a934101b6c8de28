//! Wrong numbers that others reported, each as a question with the answer worked out by hand: measures
//! that do not add up, and what SQL makes of them. A number in a name is that of a public report.
//!
//! [`crate::traps_of_facts`] has those of joins and of several facts, [`crate::traps_of_time`] those of
//! days and periods. The rows are those of `tests/slt/shop/data`, where a test does not say its own.
//!
//! Reports that are about stored aggregates alone have no test, since there are none here: a filter
//! on a column that a stored aggregate lacks (a filter on any column is tested), ranges that are not
//! aligned to its grain, late rows outside of its window of refreshes (Cube 9293; late rows of a load
//! are tested), two of them in one question (Cube 10929; the same fact several times is tested),
//! the wrong one chosen (KYLIN-5649), one for each time zone (Cube 4263, 7533), roles missing in the key
//! of a cache (MONDRIAN-2411; there are neither roles nor cached results).
//! Metadata that tools ask of a server (Spice 965, 1563) is asked in `tests/python/flight_sql.py`.

use crate::epoch::Epoch;
use crate::support::Project;

/// The shop as `change` makes it, loaded.
pub fn shop(change: impl FnOnce(&Project)) -> (Project, Epoch) {
    let shop = Project::copy_of("tests/slt/shop");
    change(&shop);
    shop.run(&["load", "--quiet"]).ok();
    let epoch = Epoch::newest(&shop.path().join("wh"));
    (shop, epoch)
}

/// The shop as it is.
pub fn plain_shop() -> (Project, Epoch) {
    shop(|_| ())
}

#[test]
fn a_ratio_of_totals_is_no_mean_of_ratios() {
    let (_shop, epoch) = plain_shop();
    // France 160 for 7 pieces, Italy 240 for 6, the unknown nothing for 5: 400 for 18, a mean of 6 sales.
    assert_eq!(
        epoch.rows(
            "SELECT store_country, AGG(price), AGG(mean) FROM cubes.sales \
             GROUP BY ROLLUP (store_country) ORDER BY GROUPING(store_country), 1"
        ),
        [
            "(unknown)||",
            "FR|22.857142857142858|40.000000",
            "IT|40.0|120.000000",
            "|22.22222222222222|66.666667"
        ]
    );
    // The mean of the shown means is another number, and is there for who asks for it.
    assert_eq!(
        epoch.rows(
            "WITH c AS (SELECT store_country, AGG(mean) AS mean FROM cubes.sales GROUP BY 1) \
             SELECT avg(mean) FROM c"
        ),
        ["80.0000000000"]
    );
}

#[test]
fn distinct_counts_are_not_added_up_mondrian() {
    let (_shop, epoch) = plain_shop();
    // Ada and Bob, Ada and Cyd, Ada, Bob, Ada: 7 by month, and three people.
    let by = |level: &str| {
        let sql = format!(
            "SELECT AGG(buyers), GROUPING({level}) FROM cubes.sales GROUP BY ROLLUP ({level}) \
             ORDER BY 2, {level}"
        );
        epoch.rows(&sql)
    };
    assert_eq!(by("date_month"), ["2|0", "2|0", "1|0", "1|0", "1|0", "3|1"]);
    assert_eq!(by("date_year"), ["3|0", "2|0", "3|1"]);
    assert_eq!(by("store_country"), ["1|0", "2|0", "2|0", "3|1"]);
    let lenient = "SELECT SUM(buyers), MAX(buyers) FROM cubes_bi.sales WHERE date_year = '2025'";
    assert_eq!(epoch.rows(lenient), ["2|2"]);
}

/// The filter for the last day belongs to the measure and not to the question.
#[test]
fn semi_additive_beside_additive_teamster_4160() {
    let (_shop, epoch) = plain_shop();
    // 10 and 5 in January, 8 and 7 in February, 6 in March: 36 counted in 5 rows, 6 at the end.
    assert_eq!(
        epoch.rows("SELECT AGG(closing), AGG(counted), AGG(balances), COUNT(*) FROM cubes.stock"),
        ["6|36|5|5"]
    );
    assert_eq!(
        epoch.rows(
            "SELECT product_item, AGG(closing), AGG(opening), AGG(counted), AGG(balances) FROM cubes.stock \
             GROUP BY ROLLUP (product_item) ORDER BY GROUPING(product_item), 1"
        ),
        // Each item has its own last day, and the total its own.
        ["Apple|8|15|23|3", "Leek|6|7|13|2", "|6|15|36|5"]
    );
    // One part has its last day, and what stands beside it is all the same.
    assert_eq!(
        epoch.rows(
            "SELECT AGG(closing) FILTER (WHERE product_item = 'Apple'), AGG(closing), AGG(counted), \
             AGG(counted) FILTER (WHERE product_item = 'Apple') FROM cubes.stock"
        ),
        ["8|6|36|23"]
    );
    assert_eq!(
        epoch.rows("SELECT AGG(closing), AGG(counted) FROM cubes.stock HAVING AGG(closing) < 10"),
        ["6|36"]
    );
}

/// Whatever the order in which rows stand in the source, and in which an engine sorts.
#[test]
fn last_means_latest_duckdb_semantic_views_116() {
    let reversed = |shop: &Project, file: &str| {
        let text = std::fs::read_to_string(shop.path().join(file)).unwrap();
        let (head, rows) = text.split_once('\n').unwrap();
        let rows: Vec<&str> = rows.lines().rev().collect();
        shop.write(file, &format!("{head}\n{}\n", rows.join("\n")));
    };
    let edges = "measures:\n  latest: {last: amount}\n  earliest: {first: amount}\n";
    let ask = |epoch: &Epoch| {
        let mut rows = epoch.rows("SELECT AGG(closing), AGG(opening) FROM cubes.stock");
        rows.extend(epoch.rows("SELECT AGG(latest), AGG(earliest) FROM cubes.sales"));
        rows.extend(epoch.rows(
            "SELECT product_item, AGG(latest), AGG(earliest) FROM cubes.sales GROUP BY 1 ORDER BY 1",
        ));
        rows
    };
    // Apple was sold last in 2025-01; what the sale of 2024-03 cost is not known, and takes no part.
    let expected =
        ["6|15", "200.00|10.00", "Apple|100.00|10.00", "Leek|200.00|40.00", "Pear|20.00|20.00"];
    let (_shop, epoch) = shop(|shop| shop.edit("cubes/sales.yaml", "measures:\n", edges));
    assert_eq!(ask(&epoch), expected);
    let (_shop, epoch) = shop(|shop| {
        shop.edit("cubes/sales.yaml", "measures:\n", edges);
        reversed(shop, "data/sales.csv");
        reversed(shop, "data/stock.csv");
    });
    assert_eq!(ask(&epoch), expected);
}

/// The alias is what the outer SELECT computed, the inner column what the inner one did.
#[test]
fn having_on_an_alias_cube_3539() {
    let (_shop, epoch) = plain_shop();
    let again = |having: &str| {
        format!(
            "SELECT store_country, SUM(r) AS total FROM (SELECT store_country, store_city, AGG(revenue) AS r \
             FROM cubes.sales GROUP BY 1, 2) AS t GROUP BY 1 HAVING {having} ORDER BY 1"
        )
    };
    // Paris 130 and Lyon 30 are 160 together, Rome alone is 240.
    assert_eq!(epoch.rows(&again("SUM(r) > 150")), ["FR|160.00", "IT|240.00"]);
    assert_eq!(epoch.rows(&again("total > 200")), ["IT|240.00"]);
    assert_eq!(epoch.rows(&again("MAX(r) < 200")), ["FR|160.00"]);
    let aliased = "SELECT store_city, AGG(revenue) AS r FROM cubes.sales GROUP BY 1 HAVING r > 100 \
                   ORDER BY r";
    assert_eq!(epoch.rows(aliased), ["Paris|130.00", "Rome|240.00"]);
    // An alias with the name of another measure could mean either; nothing is guessed.
    let other =
        "SELECT store_city, AGG(pieces) AS revenue FROM cubes.sales GROUP BY 1 HAVING revenue > 4";
    assert!(epoch.refusal(other).contains("column in HAVING must be in GROUP BY"));
    // To sort by, SQL takes what is shown.
    let sorted = "SELECT store_city, AGG(pieces) AS revenue FROM cubes.sales GROUP BY 1 \
                  ORDER BY revenue DESC";
    assert_eq!(epoch.rows(sorted), ["Rome|6", "(unknown)|5", "Paris|4", "Lyon|3"]);
}

#[test]
fn a_filter_may_be_on_any_column() {
    let (_shop, epoch) = plain_shop();
    let by_country = |condition: &str| {
        let sql = format!(
            "SELECT store_country, AGG(revenue), AGG(buyers) FROM cubes.sales WHERE {condition} \
             GROUP BY 1 ORDER BY 1"
        );
        epoch.rows(&sql)
    };
    // A level of the fact, one of another dimension, another role, a key, and a level below the groups.
    assert_eq!(by_country("buyer = 'Ada'"), ["(unknown)||1", "FR|40.00|1", "IT|200.00|1"]);
    assert_eq!(by_country("product_item = 'Apple'"), ["(unknown)||1", "FR|140.00|2"]);
    assert_eq!(by_country("ship_date_month = '2024-02'"), ["FR|50.00|2"]);
    assert_eq!(by_country("date_month_key = 202402"), ["FR|30.00|1", "IT|40.00|1"]);
    assert_eq!(by_country("store_city = 'Lyon'"), ["FR|30.00|1"]);
}

#[test]
fn totals_of_a_pivot_are_measures_superset_41463() {
    let (shop, _) = plain_shop();
    let pivot = ["query", "sales", "--rows", "store.country", "--columns", "date.year"];
    let asked =
        [&pivot[..], &["--measures", "price,buyers", "--totals", "--format", "csv"]].concat();
    // 2024: 100 for 15 pieces and three buyers; 2025: 300 for 3 and two.
    assert_eq!(
        shop.run(&asked).ok().lines().collect::<Vec<_>>(),
        [
            "store_country,2024 / price,2024 / buyers,2025 / price,2025 / buyers,total / price,total / buyers",
            "(unknown),,1,,,,1",
            "FR,10.0,2,100.0,1,22.857142857142858,2",
            "IT,10.0,1,100.0,1,40.0,2",
            ",6.666666666666667,3,100.0,2,22.22222222222222,3"
        ]
    );
}

#[test]
fn two_steps_of_aggregation_are_two_questions_metricflow_653() {
    let (_shop, epoch) = plain_shop();
    // Of what each buyer spent, Ada 240, Bob 120, Cyd 40, the mean and the most.
    assert_eq!(
        epoch.rows(
            "WITH spent AS (SELECT buyer, AGG(revenue) AS spent FROM cubes.sales GROUP BY buyer) \
             SELECT AVG(spent), MAX(spent), COUNT(*) FROM spent"
        ),
        ["133.333333|240.00|3"]
    );
    let at_once = epoch.refusal("SELECT AVG(AGG(revenue)) FROM cubes.sales GROUP BY buyer");
    assert!(!at_once.is_empty(), "{at_once}");
}

/// Decimals, counts and sketches do not know in which order rows come; doubles know it in their last
/// digits alone.
#[test]
fn the_order_of_rows_makes_no_other_sum() {
    let sales = |order: &mut dyn Iterator<Item = u32>| {
        let row = |id: u32| {
            let (day, cents, weight) = (1 + id % 28, id, f64::from(id) / 10.0);
            format!(
                "{id},2024-01-{day:02},,S1,Apple,B{},{weight},{}.{:02}\n",
                id % 700,
                cents / 100,
                cents % 100
            )
        };
        let rows: String = order.map(row).collect();
        format!("id,day,shipped,store,item,buyer,pieces,amount\n{rows}")
    };
    let with = |text: String| {
        let (shop, epoch) = shop(|shop| {
            shop.edit(
                "etl/sources.yaml",
                "amount: \"decimal(10,2)\"}}\n      stock",
                "pieces: double, amount: \"decimal(10,2)\"}}\n      stock",
            );
            shop.edit(
                "cubes/sales.yaml",
                "measures:\n",
                "measures:\n  about: {distinct: buyer, approximate: true}\n",
            );
            shop.write("data/sales.csv", &text);
        });
        let exact = epoch.rows(
            "SELECT AGG(revenue), AGG(mean), AGG(lines), AGG(buyers), AGG(about), AGG(typical), \
             AGG(largest) FROM cubes.sales",
        );
        let doubles = epoch.rows("SELECT AGG(pieces) FROM cubes.sales");
        drop(shop);
        (exact, doubles[0].parse::<f64>().unwrap())
    };
    let (exact, doubles) = with(sales(&mut (1..=1000)));
    // 1 + 2 + … + 1000 are 500500: of cents, and of tenths.
    assert!(exact[0].starts_with("5005.00|5.005000|1000|700|700|"), "{exact:?}");
    assert!((doubles - 50_050.0).abs() < 1e-6, "{doubles}");
    // From the last to the first, and in leaps: 1009 is a prime.
    let mut leaps = (1..=1008).map(|step| step * 367 % 1009).filter(|id| *id <= 1000);
    for (other, others) in [with(sales(&mut (1..=1000).rev())), with(sales(&mut leaps))] {
        assert_eq!(other, exact);
        assert!((others - doubles).abs() <= 1e-9 * doubles, "{others} {doubles}");
    }
}
