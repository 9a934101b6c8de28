//! Hierarchies: what the load makes sure of, and what cubes show of them.

use crate::support::Project;

/// The shop with a country, a state and a city for each customer; some have no state, one no country.
fn places(levels: &str, hierarchy: &str) -> Project {
    let shop = Project::shop();
    shop.write(
        "data/customers.csv",
        "no,name,city,state,country\nC1,Ada,Bremen,HB,DE\nC2,Bob,Kiel,SH,DE\n\
         C3,Cyd,Monaco,,MC\nC9,Dee,,,\n",
    );
    shop.edit(
        "etl/customer.yaml",
        "city: city}\nlevels:\n  city: city\n",
        &format!(
            "city: city, state: state, country: country}}\nlevels:\n  country: country\n{levels}"
        ),
    );
    shop.edit("etl/customer.yaml", "by_city: [city, customer]", hierarchy);
    shop
}

#[test]
fn a_member_under_two_parents_is_told_and_no_number_changes() {
    let shop = places("  city: city\n", "places: [country, city, customer]");
    shop.edit("data/customers.csv", "C2,Bob,Kiel,SH,DE", "C2,Bob,Monaco,SH,DE");
    let report = shop.run(&["load"]);
    assert_eq!(report.code, Some(0), "{}", report.err);
    let note = "`Monaco` of level `city` is under `DE` and `MC` of level `country`";
    assert!(report.err.contains(note), "{}", report.err);
    assert_eq!(
        shop.sql("SELECT rule, rows FROM system.load_rules WHERE table_name = 'customer'"),
        ["two parents in places,2"]
    );
    assert_eq!(
        shop.sql(
            "SELECT customer_country, customer_city, AGG(revenue) FROM cubes.sales \
             GROUP BY ROLLUP (customer_country, customer_city) ORDER BY 1, 2"
        ),
        [
            "(unknown),(unknown),2.00",
            "(unknown),,2.00",
            "DE,Bremen,10.50",
            "DE,Monaco,4.25",
            "DE,,14.75",
            "MC,Monaco,100.00",
            "MC,,100.00",
            ",,116.75"
        ]
    );
}

#[test]
fn two_parents_can_be_refused() {
    let path = "places: {levels: [country, city, customer], two_parents: refuse}";
    let shop = places("  city: city\n", path);
    shop.run(&["load"]).ok();
    shop.edit("data/customers.csv", "C2,Bob,Kiel,SH,DE", "C2,Bob,Monaco,SH,DE");
    let message = shop.run(&["load"]).fails();
    for part in ["dimension `customer`", "hierarchy `places`", "`Monaco`", "`DE` and `MC`"] {
        assert!(message.contains(part), "`{part}` is not in:\n{message}");
    }
    // What was there before still answers.
    assert_eq!(
        shop.sql("SELECT AGG(revenue) FROM cubes.sales WHERE customer_city = 'Kiel'"),
        ["4.25"]
    );
}

#[test]
fn a_missing_member_shows_the_one_above_it() {
    let levels =
        "  state: {key: state, when_missing: parent}\n  city: {key: city, when_missing: parent}\n";
    let shop = places(levels, "places: [country, state, city, customer]");
    shop.run(&["load"]).ok();
    assert_eq!(
        shop.sql(
            "SELECT customer_country, customer_state, customer_city, AGG(revenue) \
             FROM cubes.sales GROUP BY ALL ORDER BY 1, 2, 3"
        ),
        [
            "(unknown),(unknown),(unknown),2.00",
            "DE,HB,Bremen,10.50",
            "DE,SH,Kiel,4.25",
            "MC,MC,Monaco,100.00"
        ]
    );
    // Whoever has no city stands under the state, and whoever has no state under the country.
    shop.edit("data/customers.csv", "Bremen", "");
    shop.edit("data/customers.csv", "Monaco", "");
    shop.run(&["load"]).ok();
    assert_eq!(
        shop.sql("SELECT customer_city, customer_city_key, AGG(revenue) FROM cubes.sales GROUP BY ALL ORDER BY 1"),
        ["(unknown),(unknown),2.00", "HB,HB,10.50", "Kiel,Kiel,4.25", "MC,MC,100.00"]
    );
}

#[test]
fn a_key_that_stands_in_is_no_other_members() {
    let levels = "  state: {key: state, when_missing: parent}\n  city: city\n";
    let shop = places(levels, "places: [country, state, city, customer]");
    // There is a state MC in Germany now.
    shop.edit("data/customers.csv", "C2,Bob,Kiel,SH,DE", "C2,Bob,Kiel,MC,DE");
    let message = shop.run(&["load"]).fails();
    assert!(
        message.contains("`MC` of level `country` would stand in on level `state`"),
        "{message}"
    );
    // A country that says it is a state itself is the same member.
    shop.edit("data/customers.csv", "C2,Bob,Kiel,MC,DE", "C2,Bob,Kiel,MC,MC");
    shop.run(&["load"]).ok();
}

#[test]
fn what_does_not_fit_a_hierarchy_is_a_mistake() {
    let levels =
        "  state: {key: state, when_missing: parents}\n  city: {key: city, when_missing: parent}\n";
    let path = "places: {levels: [country, state], two_parents: stop}\n  none: {}\n  tree: {parent: [country, city], level: state}\n  city: {parent: customer}\n  more: 7";
    let shop = places(levels, path);
    let message = shop.run(&["validate"]).fails();
    for part in [
        "`parents` must be parent or unknown",
        "`city` has no level above it in any hierarchy",
        "`stop` must be remark or refuse",
        "one of `levels`, `parent` is missing",
        "`parent` must be as many columns as `key`, which is `customer_no`",
        "no level shows each record for the tree `tree`",
        "`city` is a level too",
        "unknown column `customer`",
        "a hierarchy is a list of levels",
    ] {
        assert!(message.contains(part), "`{part}` is not in:\n{message}");
    }
}

/// The shop whose customers belong to each other: Cyd to Bob, Bob and Dee to Ada.
fn groups() -> Project {
    let shop = Project::shop();
    shop.write(
        "data/customers.csv",
        "no,name,city,of\nC1,Ada,Paris,\nC2,Bob,Rome,C1\nC3,Cyd,Rome,C2\nC4,Dee,Rome,C1\n",
    );
    shop.edit("etl/customer.yaml", "city: city}", "city: city, belongs_to: of}");
    let path = "by_city: [city, customer]";
    shop.edit("etl/customer.yaml", path, &format!("{path}\n  group: {{parent: belongs_to}}"));
    shop.edit("cubes/sales.yaml", "measures:\n", "measures:\n  buyers: {distinct: customer}\n");
    shop
}

fn loaded_groups() -> Project {
    let shop = groups();
    shop.run(&["load"]).ok();
    shop
}

#[test]
fn a_member_of_a_tree_has_what_it_and_all_under_it_have() {
    let shop = loaded_groups();
    // C1 10.50, C2 4.25, C3 100.00, and 2.00 of nobody who is known.
    assert_eq!(
        shop.sql(
            "SELECT customer_group, customer_group_key, customer_group_depth, AGG(revenue), \
             AGG(sales), AGG(average), AGG(buyers) FROM cubes.sales GROUP BY ALL ORDER BY 1"
        ),
        [
            "(unknown),(unknown),1,2.00,1,2.0,0",
            "Ada,C1,1,114.75,3,38.25,3",
            "Bob,C2,2,104.25,2,52.125,2",
            "Cyd,C3,3,100.00,1,100.0,1"
        ]
    );
    // The total has every sale once.
    assert_eq!(
        shop.sql(
            "SELECT customer_group, AGG(revenue), AGG(sales), AGG(buyers) FROM cubes.sales \
             GROUP BY ROLLUP (customer_group) ORDER BY 1"
        ),
        ["(unknown),2.00,1,0", "Ada,114.75,3,3", "Bob,104.25,2,2", "Cyd,100.00,1,1", ",116.75,4,3"]
    );
    assert_eq!(
        shop.sql(
            "SELECT customer_group_depth, AGG(revenue) FROM cubes.sales GROUP BY 1 ORDER BY 1"
        ),
        ["1,116.75", "2,104.25", "3,100.00"]
    );
    // What is made of the members counts each sale once, too.
    assert_eq!(
        shop.sql("SELECT customer_group < 'C' AS early, AGG(revenue) FROM cubes.sales GROUP BY 1 ORDER BY 1"),
        ["false,100.00", "true,116.75"]
    );
    assert_eq!(
        shop.sql("SELECT DISTINCT customer_group FROM cubes.sales ORDER BY 1"),
        ["(unknown)", "Ada", "Bob", "Cyd"]
    );
    let pivot = ["query", "sales", "--rows", "customer.group", "--measures", "revenue"];
    let pivot = shop.run(&[&pivot[..], &["--totals", "--format", "csv"]].concat()).ok();
    assert_eq!(
        pivot,
        "customer_group,revenue\n(unknown),2.00\nAda,114.75\nBob,104.25\nCyd,100.00\n,116.75\n"
    );
}

#[test]
fn a_condition_on_a_tree_chooses_facts_once() {
    let shop = loaded_groups();
    let total = |condition: &str| {
        let sql = format!("SELECT AGG(revenue), AGG(sales) FROM cubes.sales WHERE {condition}");
        shop.sql(&sql).remove(0)
    };
    assert_eq!(total("customer_group = 'Bob'"), "104.25,2");
    assert_eq!(total("customer_group IN ('Ada', 'Bob', 'Cyd')"), "114.75,3");
    assert_eq!(total("customer_group_depth = 2"), "104.25,2");
    // Both conditions hold for one member: Bob is not at the top.
    assert_eq!(total("customer_group = 'Bob' AND customer_group_depth = 1"), ",0");
    assert_eq!(total("customer_group IN (SELECT 'Bob')"), "104.25,2");
    assert_eq!(total("customer_group = 'Ada' AND customer_city = 'Rome'"), "104.25,2");
    // With the tree in the groups, the members shown are those that match.
    assert_eq!(
        shop.sql(
            "SELECT customer_group, AGG(revenue) FROM cubes.sales \
             WHERE customer_group IN ('Ada', 'Bob') GROUP BY ROLLUP (customer_group) ORDER BY 1"
        ),
        ["Ada,114.75", "Bob,104.25", ",114.75"]
    );
    assert_eq!(
        shop.sql(
            "SELECT customer_city, AGG(revenue) FILTER (WHERE customer_group = 'Bob'), \
             AGG(revenue) FILTER (WHERE customer_group IN ('Bob', 'Ada') AND customer_city <> 'Rome'), \
             SUM(CASE WHEN customer_group = 'Ada' THEN revenue END), AGG(revenue) \
             FROM cubes.sales GROUP BY ROLLUP (customer_city) ORDER BY 1"
        ),
        [
            "(unknown),,,,2.00",
            "Paris,,10.50,10.50,10.50",
            "Rome,104.25,,104.25,104.25",
            ",104.25,10.50,114.75,116.75"
        ]
    );
    // A preview has a row for each sale.
    assert_eq!(
        shop.sql(
            "SELECT customer_customer FROM cubes.sales WHERE customer_group = 'Bob' ORDER BY 1"
        ),
        ["Bob", "Cyd"]
    );
    assert_eq!(
        shop.sql("SELECT count(*) FROM (SELECT customer_group FROM cubes.sales LIMIT 9)"),
        ["4"]
    );
}

#[test]
fn calculations_over_a_tree() {
    let shop = loaded_groups();
    assert_eq!(
        shop.sql(
            "SELECT customer_group, date_year, AGG(revenue), AGG(revenue_prior_year), \
             AGG(buyers_prior_year), AGG(revenue_running_total) \
             FROM cubes.sales WHERE customer_group <> '(unknown)' \
             GROUP BY ROLLUP (date_year, customer_group) ORDER BY 2, 1"
        ),
        [
            "Ada,2024,14.75,,0,14.75",
            "Bob,2024,4.25,,0,4.25",
            ",2024,14.75,,0,14.75",
            "Ada,2025,100.00,14.75,2,114.75",
            "Bob,2025,100.00,4.25,1,104.25",
            "Cyd,2025,100.00,,0,100.00",
            ",2025,100.00,14.75,2,114.75",
            // The whole ends where facts do, in January, of which there is one sale a year before.
            ",,114.75,14.75,2,114.75"
        ]
    );
    assert_eq!(
        shop.sql(
            "SELECT customer_group, round(AGG(revenue_share_of_total) * 11675, 6) FROM cubes.sales \
             GROUP BY 1 ORDER BY 1"
        ),
        ["(unknown),200.0", "Ada,11475.0", "Bob,10425.0", "Cyd,10000.0"]
    );
    // Siblings are the members under one; those at the top are parts of all there is.
    let places = "SELECT customer_group, AGG(revenue), AGG(revenue_rank), \
                  AGG(revenue_pareto_class), round(AGG(revenue_share_of_parent), 6) \
                  FROM cubes.sales";
    assert_eq!(
        shop.sql(&format!("{places} GROUP BY ROLLUP (customer_group) ORDER BY 1")),
        [
            "(unknown),2.00,2,C,0.017131",
            "Ada,114.75,1,A,0.982869",
            "Bob,104.25,1,A,0.908497",
            "Cyd,100.00,1,A,0.959233",
            ",116.75,1,A,1.0"
        ]
    );
    // The whole is of the facts that are asked for, whether its member is shown or not.
    assert_eq!(
        shop.sql(&format!(
            "{places} WHERE customer_group IN ('Bob', 'Cyd') GROUP BY customer_group ORDER BY 1"
        )),
        ["Bob,104.25,1,A,1.0", "Cyd,100.00,1,A,0.959233"]
    );
    assert_eq!(
        shop.sql(
            "SELECT customer_group_key, customer_group, date_year, AGG(buyers), \
             AGG(buyers_share_of_parent), AGG(buyers_rank) FROM cubes.sales \
             WHERE date_year = '2024' AND customer_group <> '(unknown)' GROUP BY 1, 2, 3 ORDER BY 2"
        ),
        ["C1,Ada,2024,2,1.0,1", "C2,Bob,2024,1,0.5,1"]
    );
    // The tree may stand before the level whose members are ranked.
    assert_eq!(
        shop.sql(
            "SELECT customer_group, customer_city, AGG(revenue_rank), \
             round(AGG(revenue_share_of_parent) * 11475, 6) FROM cubes.sales \
             WHERE customer_group = 'Ada' GROUP BY 1, 2 ORDER BY 2"
        ),
        ["Ada,Paris,2,1050.0", "Ada,Rome,1,10425.0"]
    );
    assert_eq!(
        shop.sql(
            "SELECT customer_group, customer_customer, \
             round(AGG(revenue_share_of_customer_city) * 10425, 6) FROM cubes.sales \
             WHERE customer_group = 'Ada' GROUP BY 1, 2 ORDER BY 2"
        ),
        ["Ada,Ada,10425.0", "Ada,Bob,425.0", "Ada,Cyd,10000.0"]
    );
}

#[test]
fn what_a_tree_cannot_answer_is_refused() {
    let shop = loaded_groups();
    let refused = |sql: &str, part: &str| {
        let message = shop.run(&["sql", sql]).fails();
        assert!(message.contains(part), "`{part}` is not in:\n{message}");
    };
    let rank = "SELECT customer_group_depth, AGG(revenue_rank) FROM cubes.sales GROUP BY 1";
    refused(rank, "members of `customer_group` have facts in common");
    let share =
        "SELECT upper(customer_group), AGG(revenue_share_of_parent) FROM cubes.sales GROUP BY 1";
    refused(share, "ask for share_of_total");
    let share =
        "SELECT customer_group, AGG(revenue_share_of_customer_group) FROM cubes.sales GROUP BY 1";
    refused(share, "so that there are no shares of one; ask for share_of_total");
    let share =
        "SELECT customer_group, AGG(revenue_share_of_customer_city) FROM cubes.sales GROUP BY 1";
    refused(share, "group by a level below it on a hierarchy, such as customer_customer");
    refused("SELECT COUNT(DISTINCT customer_group) FROM cubes.sales", "group by it in a CTE");
    let mixed = "SELECT AGG(revenue) FROM cubes.sales WHERE customer_group = 'Bob' OR customer_city = 'Rome'";
    refused(mixed, "write separate conditions with AND");
}

#[test]
fn a_tree_that_goes_in_a_circle_is_not_loaded() {
    let shop = groups();
    shop.edit("data/customers.csv", "C1,Ada,Paris,\n", "C1,Ada,Paris,C3\n");
    let message = shop.run(&["load"]).fails();
    for part in [
        "dimension `customer`",
        "the tree `group` goes in a circle",
        "`C1` is under `C3`",
        "`C3` is under `C2`",
        "`C2` is under `C1`",
        "correct `belongs_to`",
    ] {
        assert!(message.contains(part), "`{part}` is not in:\n{message}");
    }
    // Who is above itself, and who is under nobody that is known, are tops.
    shop.edit("data/customers.csv", "C1,Ada,Paris,C3\n", "C1,Ada,Paris,C1\n");
    shop.edit("data/customers.csv", "C4,Dee,Rome,C1\n", "C4,Dee,Rome,C7\n");
    shop.run(&["load"]).ok();
    assert_eq!(
        shop.sql("SELECT rule, rows FROM system.load_rules WHERE table_name = 'customer'"),
        ["unknown parent in group,1"]
    );
    assert_eq!(
        shop.sql(
            "SELECT caption, depth, count(*) FROM warehouse.customer_group GROUP BY 1, 2 ORDER BY 1"
        ),
        ["(not applicable),1,1", "(unknown),1,1", "Ada,1,3", "Bob,2,2", "Cyd,3,1", "Dee,1,1"]
    );
    assert_eq!(
        shop.sql("SELECT role, hierarchy, level FROM system.hierarchies WHERE hierarchy = 'group'"),
        ["customer,group,customer_group"]
    );
}

#[test]
fn years_of_whole_weeks() {
    let shop = Project::shop();
    let settings = "version: 1\nname: shop\nwarehouse: wh\n";
    shop.write("starling.yaml", &format!("{settings}calendar: {{retail: {{pattern: 4-5-4}}}}\n"));
    shop.run(&["load"]).ok();
    // 2024-01-31 is in the 53rd week of 2023, and 2024 ends on 2025-02-01.
    assert_eq!(
        shop.sql(
            "SELECT date_retail_year, date_retail_quarter, date_retail_month, date_retail_week, \
             AGG(revenue) FROM cubes.sales GROUP BY ALL ORDER BY 4"
        ),
        [
            "RY2023,RY2023-Q4,RY2023-M12,RY2023-W53,10.50",
            "RY2024,RY2024-Q1,RY2024-M01,RY2024-W04,6.25",
            "RY2024,RY2024-Q4,RY2024-M11,RY2024-W48,100.00"
        ]
    );
    assert_eq!(
        shop.sql(
            "SELECT level FROM system.hierarchies WHERE hierarchy = 'retail' ORDER BY level_number"
        ),
        [
            "date_retail_year",
            "date_retail_quarter",
            "date_retail_month",
            "date_retail_week",
            "date_day"
        ]
    );
    // The dimension has retail years whole, though facts begin and end within them.
    let ends = "SELECT min(date), max(date) FROM warehouse.date";
    assert_eq!(shop.sql(ends), ["2023-01-29,2026-01-31"]);
    let sql = "SELECT date_retail_month, AGG(revenue_prior_period), AGG(revenue_ytd) \
               FROM cubes.sales WHERE date_retail_quarter = 'RY2024-Q1' GROUP BY 1 ORDER BY 1";
    assert_eq!(
        shop.sql(sql),
        ["RY2024-M01,10.50,6.25", "RY2024-M02,6.25,6.25", "RY2024-M03,,6.25"]
    );
    let sql = "SELECT date_retail_year, AGG(revenue_prior_year) FROM cubes.sales \
               WHERE date_retail_year = 'RY2024' GROUP BY 1";
    assert_eq!(shop.sql(sql), ["RY2024,10.50"]);
    let sql =
        "SELECT date_retail_month, date_quarter, AGG(revenue_ytd) FROM cubes.sales GROUP BY 1, 2";
    let message = shop.run(&["sql", sql]).fails();
    assert!(message.contains("are of two calendars"), "{message}");
    assert_eq!(
        shop.sql(
            "SELECT date_retail_year, AGG(revenue_running_total) FROM cubes.sales GROUP BY 1 ORDER BY 1"
        ),
        ["RY2023,10.50", "RY2024,116.75"]
    );
    shop.write(
        "starling.yaml",
        &format!(
            "{settings}calendar: {{retail: {{pattern: 5-5-3, first_day: so, near: 02-29}}}}\n"
        ),
    );
    let message = shop.run(&["load"]).fails();
    for part in [
        "`5-5-3` must be 4-4-5, 4-5-4 or 5-4-4",
        "`so` must be monday",
        "`02-29` is not a day of every year",
    ] {
        assert!(message.contains(part), "`{part}` is not in:\n{message}");
    }
}

/// The shop with contacts: Pat and Quinn of Ada, Quinn of Bob as well, and nobody of Cyd.
fn contacts(contact: &str) -> Project {
    let shop = Project::shop();
    shop.write("data/contacts.csv", "id,name,city\nP1,Pat,Oslo\nP2,Quinn,Oslo\n");
    shop.write("data/links.csv", "customer,contact,share\nC1,P1,50\nC1,P2,50\nC2,P2,1\n");
    shop.edit(
        "etl/sources.yaml",
        "    tables:\n",
        "    tables:\n      contact: {file: contacts.csv}\n      link: {file: links.csv}\n",
    );
    shop.write(
        "etl/contact.yaml",
        "version: 1\ndimension: contact\nkey: contact_no\nfrom:\n  - table: shop.contact\n    \
         columns: {contact_no: id, name: name, city: city}\nlevels:\n  city: city\n  name: {key: contact_no, caption: name}\n",
    );
    shop.write(
        "etl/link.yaml",
        "version: 1\nfact: customer_contact\ngrain: [customer_no, contact_no]\nfrom:\n  - table: shop.link\n    \
         columns: {customer_no: customer, contact_no: contact, share: share}\ndimensions:\n  \
         customer: {on: customer_no}\n  contact: {on: contact_no}\n",
    );
    shop.edit(
        "cubes/sales.yaml",
        "measures:\n",
        &format!(
            "dimensions:\n  date:\n  customer:\n  contact: {contact}\nmeasures:\n  \
             buyers: {{distinct: customer}}\n  mean: {{avg: amount}}\n"
        ),
    );
    shop
}

#[test]
fn a_fact_counts_for_each_of_its_members() {
    let shop = contacts("{through: customer_contact}");
    shop.run(&["load"]).ok();
    // C1 10.50 is Pat's and Quinn's, C2 4.25 Quinn's; C3 100.00 and the unknown 2.00 are nobody's.
    assert_eq!(
        shop.sql(
            "SELECT contact_name, AGG(revenue), AGG(sales), AGG(buyers), AGG(mean) FROM cubes.sales \
             GROUP BY ROLLUP (contact_name) ORDER BY 1"
        ),
        [
            "(unknown),102.00,2,1,51.000000",
            "Pat,10.50,1,1,10.500000",
            "Quinn,14.75,2,2,7.375000",
            ",116.75,4,3,29.187500"
        ]
    );
    let chosen = |condition: &str| {
        shop.sql(&format!("SELECT AGG(revenue), AGG(sales) FROM cubes.sales WHERE {condition}"))
    };
    assert_eq!(chosen("contact_name IN ('Pat', 'Quinn')"), ["14.75,2"]);
    assert_eq!(chosen("contact_name = '(unknown)'"), ["102.00,2"]);
    assert_eq!(
        shop.sql(
            "SELECT customer_customer, contact_name, AGG(revenue), AGG(revenue_share_of_total) * 11675 \
             FROM cubes.sales WHERE customer_city = 'Paris' OR customer_city = 'Rome' \
             GROUP BY 1, 2 HAVING AGG(revenue) < 50 ORDER BY 1, 2"
        )
        .len(),
        3
    );
    // Both of Ada's contacts are in one city, where her sale is once.
    assert_eq!(
        shop.sql(
            "SELECT contact_city, AGG(revenue), AGG(sales), AGG(mean), \
             AGG(sales) FILTER (WHERE contact_name = 'Pat') \
             FROM cubes.sales GROUP BY 1 ORDER BY 1"
        ),
        ["(unknown),102.00,2,51.000000,0", "Oslo,14.75,2,7.375000,1"]
    );
    assert_eq!(
        shop.sql("SELECT length(contact_name) > 2, AGG(revenue) FROM cubes.sales GROUP BY 1"),
        ["true,116.75"]
    );
    assert_eq!(shop.sql("SELECT contact_name, revenue FROM cubes.sales LIMIT 1"), [","]);
    assert_eq!(
        shop.sql("SELECT role, dimension FROM system.dimensions WHERE role = 'contact'"),
        ["contact,contact"]
    );
}

#[test]
fn weights_share_a_sum_out() {
    let shop = contacts("{through: customer_contact, weight: share}");
    shop.run(&["load"]).ok();
    // Ada's 10.50 go half to Pat and half to Quinn; counts are not shared out.
    assert_eq!(
        shop.sql(
            "SELECT contact_name, AGG(revenue), AGG(sales), AGG(buyers) FROM cubes.sales \
             GROUP BY ROLLUP (contact_name) ORDER BY 1"
        ),
        [
            "(unknown),102.00000000,2,1",
            "Pat,5.25000000,1,1",
            "Quinn,9.50000000,2,2",
            ",116.75000000,4,3"
        ]
    );
    assert_eq!(
        shop.sql(
            "SELECT contact_city, AGG(revenue), AGG(sales) FROM cubes.sales GROUP BY 1 ORDER BY 1"
        ),
        ["(unknown),102.00000000,2", "Oslo,14.75000000,2"]
    );
    // A condition alone shares nothing out, and with the groups it does.
    assert_eq!(
        shop.sql("SELECT AGG(revenue) FROM cubes.sales WHERE contact_name = 'Pat'"),
        ["10.50"]
    );
    assert_eq!(
        shop.sql(
            "SELECT date_year, contact_name, AGG(revenue), AGG(revenue_prior_year) FROM cubes.sales \
             WHERE contact_name = 'Pat' GROUP BY 1, 2 ORDER BY 1"
        ),
        ["2024,Pat,5.25000000,", "2025,Pat,,5.25000000"]
    );
    let mean = "SELECT contact_name, AGG(mean) FROM cubes.sales GROUP BY 1";
    let message = shop.run(&["sql", mean]).fails();
    assert!(message.contains("`mean` cannot be shared out over `contact` by `share`"), "{message}");
    // Weights that add up to nothing share equally.
    shop.edit("data/links.csv", "C1,P1,50\nC1,P2,50", "C1,P1,0\nC1,P2,");
    shop.run(&["load"]).ok();
    assert_eq!(
        shop.sql("SELECT contact_name, AGG(revenue) FROM cubes.sales GROUP BY 1 ORDER BY 1"),
        ["(unknown),102.00000000", "Pat,5.25000000", "Quinn,9.50000000"]
    );
}

#[test]
fn a_dimension_through_a_fact_that_does_not_link_is_a_mistake() {
    let mistakes = |contact: &str| contacts(contact).run(&["validate"]).fails();
    let cases = [
        ("{through: customer_contacts}", "did you mean `customer_contact`?"),
        ("{through: customer_contact, weight: shares}", "did you mean `share`?"),
        ("{weight: share}", "`weight` needs `through`"),
        ("{through: sales}", "unknown dimension or role of the fact `sales` `contact`"),
        ("{through: customer_contact, roles: [main]}", "`main`"),
    ];
    for (contact, part) in cases {
        let message = mistakes(contact);
        assert!(message.contains(part), "`{part}` is not in:\n{message}");
    }
    let shop = contacts("{through: customer_contact}");
    shop.edit("etl/link.yaml", "  customer: {on: customer_no}\n", "");
    let message = shop.run(&["validate"]).fails();
    assert!(message.contains("`customer_contact` shares no dimension with `sales`"), "{message}");
}

#[test]
fn parts_by_weights_add_up_exactly() {
    let shop = contacts("{through: customer_contact, weight: share}");
    // Three contacts of Ada, two of them in Oslo; thirds are no decimals.
    shop.write("data/contacts.csv", "id,name,city\nP1,Pat,Oslo\nP2,Quinn,Rome\nP3,Rae,Oslo\n");
    shop.write("data/links.csv", "customer,contact,share\nC1,P1,1\nC1,P2,1\nC1,P3,1\nC2,P2,0.30\n");
    shop.edit(
        "etl/sources.yaml",
        "{file: links.csv}",
        "{file: links.csv, types: {share: \"decimal(9,6)\"}}",
    );
    shop.edit("data/sales.csv", "10.50", "10.55");
    shop.edit(
        "cubes/sales.yaml",
        "  mean:",
        "  double: {sum: cast(amount as double)}\n  twice: {expr: \"revenue + coalesce(revenue, 0)\"}\n  mean:",
    );
    shop.run(&["load"]).ok();
    // 8 more digits by weights with 6. A third of 10.55 is 3.51666…; what is left over is Quinn's.
    assert_eq!(
        shop.sql(
            "SELECT contact_name, AGG(revenue), AGG(twice), AGG(revenue_share_of_total) > 0 \
             FROM cubes.sales WHERE customer_customer = 'Ada' GROUP BY ROLLUP (contact_name) ORDER BY 1"
        ),
        [
            "Pat,3.5166666667,7.0333333334,true",
            "Quinn,3.5166666666,7.0333333332,true",
            "Rae,3.5166666667,7.0333333334,true",
            ",10.5500000000,21.1000000000,true"
        ]
    );
    // So it is in every group, and those of two contacts have what these have together.
    assert_eq!(
        shop.sql(
            "SELECT contact_city, AGG(revenue) FROM cubes.sales WHERE customer_customer IN ('Ada', 'Bob') \
             GROUP BY 1 ORDER BY 1"
        ),
        ["Oslo,7.0333333334", "Rome,7.7666666666"]
    );
    assert_eq!(
        shop.sql(
            "SELECT date_year, AGG(revenue_yoy), AGG(revenue_moving_average_2) FROM cubes.sales \
             WHERE contact_name = 'Quinn' GROUP BY date_year, contact_name ORDER BY 1"
        ),
        ["2024,7.7666666666,7.76666666660000", "2025,-7.7666666666,3.88333333330000"]
    );
    assert_eq!(
        shop.sql(
            "SELECT contact_name, round(AGG(double) * 1000) FROM cubes.sales \
             WHERE customer_customer = 'Ada' GROUP BY 1 ORDER BY 1"
        ),
        ["Pat,3517.0", "Quinn,3517.0", "Rae,3517.0"]
    );
}

#[test]
fn a_sum_of_parts_that_does_not_fit_is_an_error() {
    let shop = contacts("{through: customer_contact, weight: share}");
    shop.edit(
        "cubes/sales.yaml",
        "  mean:",
        "  huge: {sum: \"amount * cast('1000000000000000000000000000000000' as decimal(34,0))\"}\n  \
         fine: {sum: \"cast(amount as decimal(38,32))\"}\n  mean:",
    );
    shop.run(&["load"]).ok();
    let by_contact = |measure: &str| {
        let sql = format!("SELECT contact_name, AGG({measure}) FROM cubes.sales GROUP BY 1");
        shop.run(&["sql", &sql]).fails()
    };
    let message = by_contact("huge");
    assert!(message.contains("an amount of `huge` does not fit Decimal128(38, 8)"), "{message}");
    let message = by_contact("fine");
    let part = "`fine` cannot be shared out: its parts would have 6 more digits after the point than its 32";
    assert!(message.contains(part), "{message}");
    // Whoever is asked for no parts has room enough.
    assert_eq!(shop.sql("SELECT AGG(huge) > 1000 FROM cubes.sales"), ["true"]);
}

#[test]
fn a_weight_must_be_an_exact_number() {
    let at = "cubes/sales.yaml:7:48: ";
    let shop = contacts("{through: customer_contact, weight: contact_no}");
    let message = shop.run(&["load"]).fails();
    let said = format!("{at}the weight `contact_no` must be a number, this is Utf8");
    assert!(message.contains(&said), "{message}");
    let shop = contacts("{through: customer_contact, weight: share}");
    shop.edit("etl/link.yaml", "share: share}", "share: cast(share as double)}");
    let message = shop.run(&["load"]).fails();
    assert!(message.contains(&format!("{at}the weight `share` is a double")), "{message}");
    assert!(message.contains("as in CAST(share AS DECIMAL(9, 6))"), "{message}");
}

#[test]
fn rows_are_counted_by_a_condition_on_a_tree() {
    let shop = loaded_groups();
    let sum = |then: &str| format!("SUM(CASE WHEN customer_group = 'Bob' THEN {then} END)");
    // Bob and Cyd have one sale each, of four.
    assert_eq!(
        shop.sql(&format!(
            "SELECT {}, {}, {}, COUNT(CASE WHEN customer_group = 'Bob' THEN 1 END), \
             COUNT(CASE WHEN customer_group = 'Bob' THEN 1 ELSE 0 END), \
             SUM(CASE customer_group WHEN 'Dee' THEN 1 END) FROM cubes.sales",
            sum("1 ELSE 0"),
            sum("5 ELSE -1"),
            sum("3")
        )),
        ["2,8,6,2,4,"]
    );
    assert_eq!(
        shop.sql(&format!(
            "SELECT customer_city, {} FROM cubes.sales GROUP BY ROLLUP (customer_city) ORDER BY 1",
            sum("1 ELSE 0")
        )),
        ["(unknown),0", "Paris,0", "Rome,2", ",2"]
    );
    assert_eq!(
        shop.sql(&format!(
            "SELECT {0} FILTER (WHERE customer_city = 'Paris'), {0} FILTER (WHERE customer_city = 'Oslo') \
             FROM cubes.sales",
            sum("1 ELSE 0")
        )),
        ["0,"]
    );
    let message = "SELECT MAX(CASE WHEN customer_group = 'Bob' THEN 1 ELSE 0 END) FROM cubes.sales";
    let message = shop.run(&["sql", message]).fails();
    assert!(message.contains("group by it in a CTE"), "{message}");
}

#[test]
fn lineage_names_what_leads_to_members_and_shares_among_them() {
    let origins = |shop: &Project, measure: &str| {
        shop.run(&["load"]).ok();
        shop.sql(&format!(
            "SELECT DISTINCT table_name, column_name FROM system.lineage WHERE measure = '{measure}' \
             ORDER BY 1, 2"
        ))
    };
    let tree = groups();
    tree.edit(
        "cubes/sales.yaml",
        "measures:\n",
        "measures:\n  of_bob: {sum: amount, where: customer_group = 'Bob'}\n  \
         of_rome: {sum: amount, where: customer_city = 'Rome'}\n",
    );
    assert_eq!(
        origins(&tree, "of_bob"),
        ["customer,belongs_to", "customer,name", "sales,amount", "sales,customer_key"]
    );
    assert_eq!(origins(&tree, "of_rome"), ["customer,city", "sales,amount", "sales,customer_key"]);
    let link = contacts("{through: customer_contact, weight: share}");
    link.edit(
        "cubes/sales.yaml",
        "  mean:",
        "  of_pat: {count: \"*\", where: contact_name = 'Pat'}\n  mean:",
    );
    assert_eq!(
        origins(&link, "of_pat"),
        [
            "contact,name",
            "customer_contact,contact_key",
            "customer_contact,customer_key",
            "sales,*",
            "sales,customer_key"
        ]
    );
    assert_eq!(origins(&link, "revenue"), ["customer_contact,share", "sales,amount"]);
    let text = link.run(&["docs"]).ok();
    assert!(text.contains("| `customer_contact.share` | `shop.link` |"), "{text}");
}
