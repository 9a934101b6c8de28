//! Cube queries on the command line: as JSON, from one to the next, at a time, and too large.

use crate::support::{Project, Run};

/// A shop with two cubes, loaded.
fn shop() -> Project {
    let shop = Project::shop();
    shop.write(
        "cubes/visits.yaml",
        "version: 1\ncube: visits\nfact: sales\ndimensions: {date: }\nmeasures: {visits: {count: \"*\"}}\n",
    );
    shop.edit(
        "cubes/sales.yaml",
        "measures:",
        "sets:\n  romans: {level: customer.city, members: [Rome]}\nmeasures:",
    );
    shop.run(&["load", "--quiet"]).ok();
    shop
}

/// The answer as CSV lines.
#[track_caller]
fn asked(shop: &Project, arguments: &[&str]) -> Vec<String> {
    let all = [&["query"], arguments, &["--format", "csv"]].concat();
    shop.run(&all).ok().lines().map(str::to_owned).collect()
}

/// The message of a refusal.
#[track_caller]
fn refused(shop: &Project, arguments: &[&str]) -> String {
    shop.run(&[&["query"], arguments].concat()).fails()
}

const BY_YEAR: [&str; 5] = ["sales", "--rows", "date.year", "--measures", "revenue"];

#[test]
fn a_query_goes_through_json() {
    let shop = shop();
    let spelled = [
        "sales",
        "--rows",
        "customer.city",
        "--columns",
        "date.year",
        "--measures",
        "revenue,sales",
        "--filter",
        "date.year >= '2024'",
        "--set",
        "romans",
        "--having",
        "sales > 1",
        "--top",
        "customer.city=2:sales",
        "--others",
        "--sort=-revenue",
        "--limit",
        "3",
        "--totals",
    ];
    let json = shop.run(&[&["query"], &spelled[..], &["--print-json"]].concat()).ok();
    shop.write("question.json", &json);
    let path = shop.path().join("question.json");
    let path = path.to_str().unwrap();
    let direct = asked(&shop, &spelled);
    assert_eq!(asked(&shop, &["--json", path]), direct);
    // Rome: sales 2 and 5, of 4.25 and 100.
    assert_eq!(direct[1], "Rome,4.25,1,100.00,1,104.25,2");
    assert_eq!(shop.run(&["query", "--json", path, "--print-json"]).ok(), json);
    for (text, words) in [
        (json.replace("\"rows\"", "\"row\""), "did you mean `rows`?"),
        ("{".to_owned(), "EOF"),
        (json.replace("\"limit\": 3", "\"limit\": 3, \"epoch\": 9"), "no epoch 9"),
    ] {
        shop.write("wrong.json", &text);
        let path = shop.path().join("wrong.json");
        let said = refused(&shop, &["--json", path.to_str().unwrap()]);
        assert!(said.contains(words), "{said}");
    }
    let both = shop.run(&["query", "sales", "--json", path]);
    assert_eq!(both.code, Some(2), "{}", both.err);
}

#[test]
fn steps_are_taken_in_the_order_given() {
    let shop = shop();
    let walked = |steps: &[&str]| asked(&shop, &[&BY_YEAR, steps].concat());
    assert_eq!(walked(&[]), ["date_year,revenue", "2024,16.75", "2025,100.00"]);
    assert_eq!(
        walked(&["--drill-down", "date.year=2024"]),
        ["date_year,date_half,revenue", "2024,2024-H1,16.75"]
    );
    assert_eq!(walked(&["--drill-down", "date.year=2024", "--roll-up", "date.half"]), walked(&[]));
    assert_eq!(walked(&["--pivot"]), ["2024 / revenue,2025 / revenue", "16.75,100.00"]);
    assert_eq!(
        walked(&["--pivot", "--drill-down", "date.year", "--pivot"]),
        walked(&["--drill-down", "date.year"])
    );
    assert_eq!(walked(&["--roll-up", "date"]), ["revenue", "116.75"]);
    // What a slice takes off the axes cannot be drilled into; before it can.
    assert_eq!(
        walked(&["--drill-down", "date.year", "--slice", "date.year=2025"]),
        ["date_half,revenue", "2025-H1,100.00"]
    );
    let after =
        [&BY_YEAR[..], &["--slice", "date.year=2025", "--drill-down", "date.year"]].concat();
    assert!(refused(&shop, &after).contains("`date_year` is on no axis"));
    assert_eq!(
        walked(&["--drill-across", "visits:visits", "--slice", "date.year=2024"]),
        ["visits", "3"]
    );
    let across =
        [&BY_YEAR[..], &["--drill-down", "date.year", "--drill-across", "visits"]].concat();
    assert!(refused(&shop, &across).contains("share none of the measures"));
    let rows = walked(&["--slice", "date.year=2025", "--drill-through"]);
    assert_eq!(rows.len(), 2);
    let column = |name: &str| rows[0].split(',').position(|column| column == name).unwrap();
    assert_eq!(rows[1].split(',').nth(column("sale_no")), Some("5"));
    let more = [&BY_YEAR[..], &["--drill-through", "--pivot"]].concat();
    assert!(refused(&shop, &more).contains("nothing can follow --drill-through"));
    let json = [&BY_YEAR[..], &["--drill-through", "--print-json"]].concat();
    assert!(refused(&shop, &json).contains("leave out --drill-through or --print-json"));
}

#[test]
fn members_are_listed_and_missed_with_the_nearest() {
    let shop = shop();
    let members = |arguments: &[&str]| -> Run {
        shop.run(&[&["members", "sales"], arguments, &["--format", "csv"]].concat())
    };
    let all = members(&["customer.customer", "--search", "B", "--under", "customer.city=Rome"]);
    assert!(all.err.contains("1 of 5 members match"), "{}", all.err);
    assert_eq!(all.ok(), "key,caption\nC2,Bob\n");
    let some = members(&["customer.customer", "--limit", "1"]);
    assert!(some.err.contains("5 of 5 members match, 1 are shown"), "{}", some.err);
    assert_eq!(some.ok().lines().count(), 2);
    let slice = [&BY_YEAR[..], &["--slice", "customer.city=rome"]].concat();
    let said = refused(&shop, &slice);
    let wanted = "the level `customer_city` has no member `rome`; did you mean `Rome`?";
    assert!(said.contains(wanted), "{said}");
    assert!(members(&["customer.cty"]).fails().contains("did you mean `customer_city`?"));
    assert!(members(&["customer.city", "--under", "Rome"]).fails().contains("LEVEL=MEMBER"));
    assert_eq!(
        shop.sql(
            "SELECT member_key, caption, level FROM system.members \
             WHERE cube = 'sales' AND level LIKE 'customer%' AND caption LIKE '%o%' ORDER BY 1, 3"
        ),
        [
            "(not applicable),(not applicable),customer_city",
            "(not applicable),(not applicable),customer_customer",
            "(unknown),(unknown),customer_city",
            "(unknown),(unknown),customer_customer",
            "C2,Bob,customer_customer",
            "Rome,Rome,customer_city",
        ]
    );
    assert_eq!(
        shop.sql("SELECT cube, set_name, level, definition FROM system.sets"),
        ["sales,romans,customer_city,Rome"]
    );
}

#[test]
fn an_answer_that_is_too_large_is_refused() {
    let shop = shop();
    let wide = [
        "sales",
        "--rows",
        "customer.customer",
        "--columns",
        "date.month",
        "--measures",
        "revenue",
    ];
    let said = refused(&shop, &[&wide[..], &["--max-cells", "11"]].concat());
    // Ada, Bob, Cyd are known; C9 is not. Three of the four months are of 2024.
    assert!(said.contains("more than 11 cells: 4 rows by 4 columns by 1 measure"), "{said}");
    assert_eq!(asked(&shop, &[&wide[..], &["--max-cells", "16"]].concat()).len(), 5);
    // Four facts fill all months of 2024 and one of 2025: there are more cells than facts.
    let filled = ["sales", "--rows", "date.month", "--measures", "revenue_ytd"];
    let said = refused(&shop, &[&filled[..], &["--max-cells", "12"]].concat());
    assert!(said.contains("more than 12 cells"), "{said}");
    // Thirteen months below the header.
    assert_eq!(asked(&shop, &filled).len(), 14);
}

#[test]
fn questions_read_an_epoch_as_of_a_time() {
    let shop = shop();
    let created = shop.sql("SELECT created_at FROM system.epochs").remove(0);
    shop.edit("data/customers.csv", "Cyd,Rome", "Cyd,Oslo");
    shop.edit("data/sales.csv", "100.00", "70.00");
    shop.run(&["load", "--quiet"]).ok();
    let by_city = |more: &[&str]| {
        let city = ["sales", "--rows", "customer.city", "--measures", "revenue"];
        asked(&shop, &[&city, more].concat())
    };
    let now = ["customer_city,revenue", "(unknown),2.00", "Oslo,70.00", "Paris,10.50", "Rome,4.25"];
    let then = ["customer_city,revenue", "(unknown),2.00", "Paris,10.50", "Rome,104.25"];
    assert_eq!(by_city(&[]), now);
    assert_eq!(by_city(&["--as-of", &created]), then);
    assert_eq!(by_city(&["--epoch", "1"]), then);
    assert_eq!(by_city(&["--as-of", "2100-01-01"]), now);
    let sql = |moment: &[&str]| {
        let ask =
            ["sql", "SELECT city FROM warehouse.customer WHERE name = 'Cyd'", "--format", "csv"];
        shop.run(&[&ask, moment].concat())
    };
    assert_eq!(sql(&["--as-of", &created]).ok(), "city\nRome\n");
    assert_eq!(sql(&[]).ok(), "city\nOslo\n");
    let early = sql(&["--as-of", "2001-01-01T00:00:00Z"]).fails();
    assert!(
        early.contains("no epoch is as old as 2001-01-01T00:00:00+00:00: the first"),
        "{early}"
    );
    assert!(sql(&["--as-of", "last week"]).fails().contains("`last week` is not a time"));
    // The command line goes before what the query itself says.
    shop.write(
        "question.json",
        "{\"cube\": \"sales\", \"rows\": [\"customer.city\"], \"measures\": [\"revenue\"], \"epoch\": 1}",
    );
    let path = shop.path().join("question.json");
    let path = path.to_str().unwrap();
    assert_eq!(asked(&shop, &["--json", path]), then);
    assert_eq!(asked(&shop, &["--json", path, "--as-of", "2100-01-01"]), now);
}

#[test]
fn a_preview_of_hardly_any_rows_answers() {
    // The optimiser turns the joins of such a plan around.
    let shop = shop();
    let sql = "SELECT customer_city, revenue FROM cubes.sales \
               WHERE date_month < '2024-02' AND date_quarter_key >= 20251";
    assert_eq!(shop.sql(sql), Vec::<String>::new());
}

#[test]
fn a_union_is_sorted_by_what_tells_its_parts_apart_and_then_cut() {
    let shop = shop();
    let union = "SELECT customer_city AS member, 1 AS part FROM cubes.sales GROUP BY 1 \
                 UNION ALL SELECT date_month, 2 FROM cubes.sales GROUP BY 1";
    for _ in 0..5 {
        assert_eq!(
            shop.sql(&format!("{union} ORDER BY part DESC, member DESC LIMIT 5")),
            ["2025-01,2", "2024-03,2", "2024-02,2", "2024-01,2", "Rome,1"]
        );
    }
    // The two levels have different descriptions.
    assert_eq!(
        shop.sql(&format!("SELECT part, max(member) FROM ({union}) AS u GROUP BY part ORDER BY 1")),
        ["1,Rome", "2,2025-01"]
    );
}

#[test]
fn whole_numbers_are_divided_as_people_do_everywhere_in_a_measure() {
    let shop = Project::shop();
    shop.edit("etl/sources.yaml", "types: {day: date,", "types: {id: int64, day: date,");
    shop.edit(
        "cubes/sales.yaml",
        "measures:",
        "measures:\n  halves: {sum: sale_no / 2}\n  middle: {avg: sale_no / 2}\n  \
         late: {count: \"*\", where: \"sale_no / 2 > 1.5\"}\n  none: {sum: sale_no / (sale_no - sale_no)}",
    );
    shop.run(&["load", "--quiet"]).ok();
    // The numbers of the sales that load are 1, 2, 4 and 5.
    let asked = asked(&shop, &["sales", "--measures", "halves,middle,late,none"]);
    assert_eq!(asked[1], "6.0,1.5,2,");
}
