//! Members as they were, as they are, and as they were on a day.

use crate::support::{Project, python};

/// A shop whose customers moved: Ada in June 2024 from Paris (FR) to Rome (IT) and to tier A, Bob
/// changed his tier in 2023 and back. Cyd never changed, and only began in 2024.
fn moved() -> Project {
    let shop = Project::empty();
    shop.write("starling.yaml", "version: 1\nname: shop\nwarehouse: wh\n");
    shop.write(
        "data/customers.csv",
        "no,since,name,city,country,tier\n\
         C1,2020-01-01,Ada,Paris,FR,B\nC1,2024-06-01,Ada Ltd,Rome,IT,A\n\
         C2,2020-01-01,Bob,Rome,IT,A\nC2,2023-01-01,Bob,Rome,IT,B\nC2,2024-01-01,Bob,Rome,IT,A\n\
         C3,2024-03-01,Cyd,Kiel,DE,C\nC3,2024-04-01,Cyd GmbH,Kiel,DE,C\n",
    );
    shop.write(
        "data/sales.csv",
        "id,day,customer,amount\n1,2024-01-31,C1,10.00\n2,2024-05-31,C1,20.00\n\
         3,2024-06-01,C1,40.00\n4,2023-07-01,C2,1.00\n5,2024-07-01,C2,2.00\n\
         6,2024-02-01,C3,100.00\n7,2024-05-01,C3,200.00\n8,2024-05-01,C9,3.00\n9,,C1,5.00\n",
    );
    shop.write(
        "etl/sources.yaml",
        "version: 1\nsources:\n  shop:\n    csv: {path: data}\n    tables:\n      \
         customer: {file: customers.csv, types: {since: date}}\n      \
         sale: {file: sales.csv, types: {day: date, amount: \"decimal(10,2)\"}}\n",
    );
    shop.write(
        "etl/customer.yaml",
        "version: 1\ndimension: customer\nkey: customer_no\nfrom:\n  - table: shop.customer\n    \
         columns: {customer_no: no, since: since, name: name, city: city, country: country, tier: tier}\n\
         history: {from: since, type2: [city, country, tier]}\n\
         levels:\n  country: country\n  city: city\n  tier: tier\n  \
         customer: {key: customer_no, caption: name}\n\
         hierarchies:\n  by_city: [country, city, customer]\n",
    );
    shop.write(
        "etl/sales.yaml",
        "version: 1\nfact: sales\ngrain: [sale_no]\nfrom:\n  - table: shop.sale\n    \
         columns: {sale_no: id, amount: {expr: amount, currency: EUR}}\ndimensions:\n  \
         date: {on: day}\n  customer: {on: customer}\n",
    );
    shop.write(
        "cubes/sales.yaml",
        "version: 1\ncube: sales\nfact: sales\nmeasures:\n  revenue: {sum: amount}\n  \
         buyers: {distinct: customer}\n  about: {distinct: customer, approximate: true}\n",
    );
    shop
}

const BY_CITY: &str = "SELECT customer_city, AGG(revenue), AGG(buyers), AGG(about) FROM CUBE \
                       GROUP BY ROLLUP (customer_city) ORDER BY 1";

fn by_city(shop: &Project, cube: &str) -> Vec<String> {
    shop.sql(&BY_CITY.replace("CUBE", cube))
}

#[test]
fn members_are_seen_as_they_were_as_they_are_and_as_of_a_day() {
    let shop = moved();
    shop.run(&["load"]).ok();
    // Ada sold 10 + 20 in Paris; 40 in Rome, and the 5 without a day is hers as she is now.
    let as_was = [
        "(unknown),3.00,0,0",
        "Kiel,300.00,1,1",
        "Paris,30.00,1,1",
        "Rome,48.00,2,2",
        ",381.00,3,3",
    ];
    let as_is = ["(unknown),3.00,0,0", "Kiel,300.00,1,1", "Rome,78.00,2,2", ",381.00,3,3"];
    let before = [
        "(unknown),3.00,0,0",
        "Kiel,300.00,1,1",
        "Paris,75.00,1,1",
        "Rome,3.00,1,1",
        ",381.00,3,3",
    ];
    assert_eq!(by_city(&shop, "cubes.sales"), as_was);
    assert_eq!(by_city(&shop, "cubes.\"sales$as_was\""), as_was);
    assert_eq!(by_city(&shop, "cubes.\"sales$as_is\""), as_is);
    assert_eq!(by_city(&shop, "cubes_bi.\"sales$as_is\""), as_is);
    assert_eq!(by_city(&shop, "cubes.\"sales$as_of_2024-05-31\""), before);
    assert_eq!(by_city(&shop, "cubes.\"sales$as_of_2024-06-01\""), as_is);
    // Before there was a customer, the first version stands for it.
    assert_eq!(by_city(&shop, "cubes.\"sales$as_of_1900-01-01\""), before);
    let tiers = |cube: &str| {
        shop.sql(&format!("SELECT customer_tier, AGG(revenue) FROM {cube} GROUP BY 1 ORDER BY 1"))
    };
    assert_eq!(tiers("cubes.sales"), ["(unknown),3.00", "A,47.00", "B,31.00", "C,300.00"]);
    assert_eq!(tiers("cubes.\"sales$as_is\""), ["(unknown),3.00", "A,78.00", "C,300.00"]);
    assert_eq!(
        tiers("cubes.\"sales$as_of_2023-06-30\""),
        ["(unknown),3.00", "B,78.00", "C,300.00"]
    );
    // What keeps no history has its newest value everywhere, and so has a caption.
    let names = "SELECT customer_customer, AGG(revenue) FROM cubes.sales GROUP BY 1 ORDER BY 1";
    assert_eq!(shop.sql(names), ["(unknown),3.00", "Ada Ltd,75.00", "Bob,3.00", "Cyd GmbH,300.00"]);
    // Cyd's second row changed nothing that is kept; one sale was before she began, one has no day.
    assert_eq!(
        shop.sql("SELECT table_name, outcome, rule, rows FROM system.load_rules ORDER BY 1, 3"),
        [
            "customer,dropped,unchanged version,1",
            "sales,loaded,before customer,1",
            "sales,loaded,undated customer,1",
            "sales,loaded,unknown customer,1",
            "sales,loaded,unknown date,1",
        ]
    );
    assert_eq!(
        shop.sql(
            "SELECT record, valid_from, valid_to, is_current, city, since FROM customer \
             WHERE customer_key > 0 AND record <> 'C2' ORDER BY record, valid_from"
        ),
        [
            "C1,1900-01-01T00:00:00,2024-06-01T00:00:00,false,Paris,2020-01-01",
            "C1,2024-06-01T00:00:00,9999-12-31T00:00:00,true,Rome,2024-06-01",
            "C3,1900-01-01T00:00:00,9999-12-31T00:00:00,true,Kiel,2024-03-01",
        ]
    );
}

#[test]
fn a_query_says_how_members_are_seen_and_the_cube_otherwise() {
    let shop = moved();
    shop.run(&["load", "--quiet"]).ok();
    let rows = |more: &[&str]| {
        let asked = ["query", "sales", "--rows", "customer.city", "--measures", "revenue"];
        let arguments = [&asked, more, &["--format", "csv"]].concat();
        let out = shop.run(&arguments).ok();
        out.lines().skip(1).map(str::to_owned).collect::<Vec<_>>()
    };
    let (paris, rome) = ("Paris,30.00", "Rome,48.00");
    assert_eq!(rows(&[]), ["(unknown),3.00", "Kiel,300.00", paris, rome]);
    let as_is = ["(unknown),3.00", "Kiel,300.00", "Rome,78.00"];
    assert_eq!(rows(&["--members", "as_is"]), as_is);
    assert_eq!(rows(&["--members", "as_of_2024-06-01"]), as_is);
    // Nobody is in Paris now, so that no member is called so.
    let gone = ["--members", "as_is", "--slice", "customer.city=Paris"];
    let asked = ["query", "sales", "--rows", "customer.tier", "--measures", "revenue"];
    let message = shop.run(&[&asked, gone.as_slice()].concat()).fails();
    assert!(message.contains("no member `Paris`"), "{message}");
    let json =
        shop.run(&[&asked, ["--members", "as_of_2024-06-01", "--print-json"].as_slice()].concat());
    assert!(json.ok().contains("\"as_of\": \"2024-06-01\""));
    shop.write(
        "q.json",
        "{\"cube\": \"sales\", \"rows\": [\"customer.city\"], \"measures\": \
                          [\"revenue\"], \"members\": {\"as_of\": \"2024-05-31\"}}",
    );
    let file = shop.path().join("q.json");
    let out = shop.run(&["query", "--json", file.to_str().unwrap(), "--format", "csv"]).ok();
    assert!(out.contains("Paris,75.00"), "{out}");
    // Members, rows behind a number, calculations and leading members are of the same reading.
    let members = |more: &[&str]| {
        let arguments = [&["members", "sales", "customer.city", "--format", "csv"], more].concat();
        let out = shop.run(&arguments).ok();
        out.lines()
            .skip(1)
            .map(|line| line.split(',').next().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(members(&["--search", "i"]), ["(not applicable)", "Kiel", "Paris"]);
    assert_eq!(members(&["--members", "as_is", "--under", "customer.country=IT"]), ["Rome"]);
    assert_eq!(
        members(&["--members", "as_of_2024-01-01", "--under", "customer.country=FR"]),
        ["Paris"]
    );
    let detail = "SELECT sale_no, customer_city FROM cubes.\"sales$as_is$detail\" WHERE sale_no <= 2 ORDER BY 1";
    assert_eq!(shop.sql(detail), ["1,Rome", "2,Rome"]);
    let through = [
        "--slice",
        "customer.city=Rome",
        "--members",
        "as_is",
        "--drill-through",
        "--format",
        "csv",
    ];
    let out = shop.run(&[&asked, through.as_slice()].concat()).ok();
    assert_eq!(out.lines().count(), 1 + 6, "{out}");
    let shares = "SELECT customer_city, AGG(revenue_rank), AGG(buyers_ytd) FROM cubes.\"sales$as_is\" \
                  WHERE date_year = '2024' GROUP BY customer_city, date_year ORDER BY 1";
    assert_eq!(shop.sql(shares), ["(unknown),3,0", "Kiel,1,1", "Rome,2,2"]);
    let plan = shop.run(&[
        "sql",
        "EXPLAIN SELECT customer_tier, AGG(revenue) FROM cubes.\"sales$as_is\" GROUP BY 1",
    ]);
    assert!(plan.ok().contains("members: customer as is"));
    let plan = shop.run(&["sql", "EXPLAIN SELECT AGG(buyers) FROM cubes.sales"]).ok();
    assert!(plan.contains("members: customer as was"), "{plan}");
    let of_cube = "SELECT role, history, members FROM system.dimensions ORDER BY role";
    assert_eq!(shop.sql(of_cube), ["customer,\"city, country, tier\",as_was", "date,,"]);
    // The cube may say as is for all questions, and a question otherwise again.
    shop.edit(
        "cubes/sales.yaml",
        "measures:\n",
        "dimensions:\n  date:\n  customer: {members: as_is}\nmeasures:\n",
    );
    shop.run(&["load", "--quiet"]).ok();
    assert_eq!(rows(&[]), as_is);
    assert_eq!(rows(&["--members", "as_was"]), ["(unknown),3.00", "Kiel,300.00", paris, rome]);
    assert_eq!(
        shop.sql("SELECT caption FROM system.members WHERE cube = 'sales' AND level = 'customer_city' ORDER BY 1"),
        ["(not applicable)", "(unknown)", "Kiel", "Rome"]
    );
    for wrong in ["sales$as_if", "sales$as_of_2024-02-30"] {
        let message =
            shop.run(&["sql", &format!("SELECT AGG(revenue) FROM cubes.\"{wrong}\"")]).fails();
        assert!(message.contains("as_of") || message.contains("is no day"), "{message}");
    }
}

#[test]
fn a_member_that_a_reading_does_not_show_is_told() {
    let shop = moved();
    shop.run(&["load"]).ok();
    let slice = |member: &str, reading: &str| {
        let slice = format!("customer.city={member}");
        let asked = ["query", "sales", "--measures", "revenue", "--slice", &slice];
        shop.run(&[&asked[..], &["--members", reading]].concat())
    };
    let message = slice("Paris", "as_of_2024-07-01").fails();
    let said = "the level `customer_city` has no member `Paris` as of 2024-07-01; it has where members \
                are seen otherwise, such as as_was";
    assert!(message.contains(said), "{message}");
    assert!(slice("Paris", "as_is").fails().contains("no member `Paris` as is; it has"));
    assert!(slice("Paris", "as_of_2024-01-01").ok().contains("75.00"));
    // Nowhere at all is another mistake.
    assert!(slice("Pariss", "as_of_2024-01-01").fails().contains("did you mean `Paris`?"));
    assert!(slice("Pariss", "as_is").fails().contains("no member `Pariss`; look for it"));
}

#[test]
fn versions_keep_their_keys() {
    let shop = moved();
    shop.run(&["load", "--quiet"]).ok();
    let keys =
        "SELECT record, since, customer_key FROM customer WHERE customer_key > 0 ORDER BY 1, 2";
    let before = shop.sql(keys);
    // A new version of Bob, one of Ada from before the others, and a fact is corrected.
    shop.edit(
        "data/customers.csv",
        "C3,2024-03",
        "C2,2025-01-01,Bob,Nice,FR,A\nC1,2019-01-01,Ada,Lyon,FR,B\nC3,2024-03",
    );
    shop.run(&["load", "--quiet"]).ok();
    let after = shop.sql(keys);
    assert_eq!(after.len(), before.len() + 2);
    for row in &before {
        assert!(after.contains(row), "{row} is not in {after:?}");
    }
    // Facts that are loaded again without the dimension find the same versions.
    let paris = "SELECT customer_city, AGG(revenue) FROM cubes.sales GROUP BY 1 ORDER BY 1";
    let cities = shop.sql(paris);
    shop.edit("data/sales.csv", "1,2024-01-31,C1,10.00", "1,2024-01-31,C1,11.00");
    shop.run(&["load", "--quiet"]).ok();
    let again = shop.sql("SELECT table_name FROM system.loads WHERE epoch = 3");
    assert_eq!(again, ["sales"]);
    let expected: Vec<String> =
        cities.iter().map(|row| row.replace("Paris,30.00", "Paris,31.00")).collect();
    assert_eq!(shop.sql(paris), expected);
    // One key for each member, whichever of its versions is asked, and it stays.
    let members = "SELECT count(DISTINCT member_key), count(DISTINCT current_key), count(*) FROM \
                   customer WHERE customer_key > 0";
    assert_eq!(shop.sql(members), ["3,3,8"]);
}

#[test]
fn rows_that_contradict_or_do_not_say_when_are_set_aside() {
    let shop = moved();
    shop.edit(
        "data/customers.csv",
        "C3,2024-03",
        "C1,2024-06-01,Ada Ltd,Oslo,NO,A\nC1,,Ada,Bern,CH,A\nC2,2024-01-01,Bob,Rome,IT,A\nC3,2024-03",
    );
    shop.run(&["load", "--quiet"]).ok();
    assert_eq!(
        shop.sql(
            "SELECT rule, value, source_line FROM system.quarantine WHERE table_name = 'customer' ORDER BY 1"
        ),
        ["conflicting record,C1,7", "version start,,8"]
    );
    assert_eq!(
        shop.sql("SELECT rule, rows FROM system.load_rules WHERE table_name = 'customer' AND outcome = 'dropped' ORDER BY 1"),
        ["repeated record,1", "unchanged version,1"]
    );
    assert_eq!(by_city(&shop, "cubes.sales")[2], "Paris,30.00,1,1");
}

/// A first version holds since ever and is yet newer than one that began before it.
#[test]
fn a_member_is_called_what_its_source_said_last() {
    let shop = moved();
    shop.write(
        "data/customers.csv",
        "no,since,name,city,country,tier\n\
         C1,2020-01-01,Ada,75,Paname,B\nC1,2021-01-01,Ada,75,Lutetia,A\nC1,2022-01-01,Ada,00,Rome,A\n\
         C2,2023-01-01,Bob,75,Paris,B\n",
    );
    shop.edit(
        "etl/customer.yaml",
        "city: city\n  tier",
        "city: {key: city, caption: country}\n  tier",
    );
    shop.edit("etl/customer.yaml", "  country: country\n  city:", "  city:");
    shop.edit("etl/customer.yaml", "[country, city, customer]", "[city, customer]");
    shop.run(&["load", "--quiet"]).ok();
    let cities = "SELECT DISTINCT city, country FROM customer WHERE customer_key > 0 ORDER BY 1";
    assert_eq!(shop.sql(cities), ["00,Rome", "75,Paris"]);
}

#[test]
fn a_fact_may_say_at_which_day_members_are_seen() {
    let shop = moved();
    shop.edit(
        "data/sales.csv",
        "id,day,customer,amount\n1,2024-01-31,C1",
        "id,day,customer,amount\n1,2024-06-01,C1",
    );
    shop.edit(
        "etl/sales.yaml",
        "customer: {on: customer}",
        "customer: {on: customer, as_of: \"day - INTERVAL '1' DAY\"}",
    );
    shop.run(&["load", "--quiet"]).ok();
    // The sales of 1 June are of the day before the move.
    assert_eq!(by_city(&shop, "cubes.sales")[2..4], ["Paris,70.00,1,1", "Rome,8.00,2,2"]);
}

#[test]
fn a_tree_is_the_newest_for_all_versions_and_links_are_of_members() {
    let shop = moved();
    // Ada stood alone, and is under Bob now; that is so for all of her versions.
    shop.write(
        "data/customers.csv",
        "no,since,name,city,country,tier,above\n\
         C1,2020-01-01,Ada,Paris,FR,B,\nC1,2024-06-01,Ada Ltd,Rome,IT,A,C2\n\
         C2,2020-01-01,Bob,Rome,IT,A,\nC2,2023-01-01,Bob,Rome,IT,B,\nC2,2024-01-01,Bob,Rome,IT,A,\n\
         C3,2024-03-01,Cyd,Kiel,DE,C,\nC3,2024-04-01,Cyd GmbH,Kiel,DE,C,\n",
    );
    shop.edit("etl/customer.yaml", "tier: tier}", "tier: tier, above: above}");
    shop.edit("etl/customer.yaml", "  by_city:", "  group: {parent: above}\n  by_city:");
    // A link that was made in 2020, to a version that is long past.
    shop.write(
        "data/links.csv",
        "customer,club,since\nC1,K1,2020-02-01\nC2,K1,2024-02-01\nC2,K2,2024-02-01\n",
    );
    shop.write("data/clubs.csv", "no,name\nK1,Chess\nK2,Golf\n");
    shop.edit("etl/sources.yaml", "      sale:", "      link: {file: links.csv, types: {since: date}}\n      club: {file: clubs.csv}\n      sale:");
    shop.write("etl/club.yaml", "version: 1\ndimension: club\nkey: club_no\nfrom:\n  - table: shop.club\n    columns: {club_no: no, name: name}\nlevels:\n  club: {key: club_no, caption: name}\n");
    shop.write("etl/link.yaml", "version: 1\nfact: link\ngrain: [customer, club]\nfrom:\n  - table: shop.link\n    columns: {customer: customer, club: club, since: since}\ndimensions:\n  customer: {on: customer, as_of: since}\n  club: {on: club}\n");
    shop.edit(
        "cubes/sales.yaml",
        "measures:\n",
        "dimensions:\n  date:\n  customer:\n  club: {through: link}\nmeasures:\n",
    );
    shop.run(&["load", "--quiet"]).ok();
    for cube in ["cubes.sales", "cubes.\"sales$as_is\""] {
        let group = format!(
            "SELECT customer_group, AGG(revenue), AGG(buyers) FROM {cube} GROUP BY 1 ORDER BY 1"
        );
        assert_eq!(
            shop.sql(&group),
            ["(unknown),3.00,0", "Ada Ltd,75.00,1", "Bob,78.00,2", "Cyd GmbH,300.00,1"]
        );
        let clubs = format!(
            "SELECT club_club, AGG(revenue), AGG(buyers) FROM {cube} GROUP BY 1 ORDER BY 1"
        );
        assert_eq!(shop.sql(&clubs), ["(unknown),303.00,1", "Chess,78.00,2", "Golf,3.00,1"]);
    }
}

#[test]
fn what_cannot_have_a_history_is_told() {
    let shop = moved();
    let history = "history: {from: since, type2: [city, country, tier]}";
    for (written, part) in [
        ("history: {from: since, type2: [city, tier]}", "an old city would be under a new country"),
        (
            "history: {from: since, type2: [city, country, tier, name]}",
            "its members have one caption",
        ),
        ("history: {from: since, type2: [customer_no]}", "a key never changes"),
        ("history: {from: since, type2: [town]}", "column `town`"),
        ("history: {from: sinse, type2: [tier]}", "did you mean `since`"),
        ("history: {from: tier, type2: [city, country]}", "is a column of level `tier`"),
        ("history: {type2: [tier]}", "`from` is missing"),
        ("history: {from: since}", "`type2` is missing"),
        ("history: {from: name, type2: [tier]}", "must be a day or timestamp"),
        ("history: {type1: name}", "must be"),
    ] {
        shop.edit("etl/customer.yaml", history, written);
        if written.contains("from: name") {
            shop.edit("etl/customer.yaml", "caption: name", "caption: customer_no");
        }
        let message = shop.run(&["validate"]);
        assert_eq!(message.code, Some(1), "{written}");
        assert!(message.err.contains(part), "`{part}` is not in:\n{}", message.err);
        assert!(message.err.contains("etl/customer.yaml:"), "{}", message.err);
        shop.edit("etl/customer.yaml", written, history);
        if written.contains("from: name") {
            shop.edit("etl/customer.yaml", "caption: customer_no", "caption: name");
        }
    }
    shop.edit(
        "cubes/sales.yaml",
        "measures:\n",
        "dimensions:\n  date: {members: as_is}\nmeasures:\n",
    );
    let message = shop.run(&["validate"]).err;
    for part in
        ["`date` keeps no history", "`customer` keeps a history, and the cube does not show it"]
    {
        assert!(message.contains(part), "`{part}` is not in:\n{message}");
    }
    shop.edit(
        "cubes/sales.yaml",
        "  date: {members: as_is}\n",
        "  date:\n  customer: {members: as_of}\n",
    );
    assert!(shop.run(&["validate"]).err.contains("must be as_was or as_is"));
    shop.edit("etl/sales.yaml", "date: {on: day}", "date: {on: day, as_of: day}");
    assert!(shop.run(&["validate"]).err.contains("`date` keeps no history"));
}

#[test]
fn a_random_history_is_read_as_duckdb_reads_the_files() {
    python("history.py", &[crate::support::binary()]);
}

#[test]
fn a_second_feed_fills_what_the_first_leaves_out_at_the_time() {
    let shop = moved();
    shop.edit("data/customers.csv", "Ada,Paris,FR,B", "Ada,,,B");
    shop.write(
        "data/moves.csv",
        "no,since,city,country\nC1,2019-01-01,Lyon,FR\nC1,2022-01-01,Nice,FR\nC1,2024-07-01,Oslo,NO\n",
    );
    shop.edit(
        "etl/sources.yaml",
        "      sale:",
        "      move: {file: moves.csv, types: {since: date}}\n      sale:",
    );
    shop.edit(
        "etl/customer.yaml",
        "history:",
        "  - table: shop.move\n    columns: {customer_no: no, since: since, name: \"NULL\", city: city, \
         country: country, tier: \"NULL\"}\nhistory:",
    );
    shop.run(&["load", "--quiet"]).ok();
    // From June 2024 the first feed has a city, and wins.
    assert_eq!(
        shop.sql("SELECT since, city, tier, name FROM customer WHERE record = 'C1' ORDER BY since"),
        ["2019-01-01,Lyon,B,Ada Ltd", "2022-01-01,Nice,B,Ada Ltd", "2024-06-01,Rome,A,Ada Ltd"]
    );
}

#[test]
fn cubes_that_are_put_together_see_members_in_one_way() {
    let shop = moved();
    shop.write("data/goals.csv", "day,customer,goal\n2024-01-01,C1,7.00\n2024-07-01,C1,8.00\n");
    shop.edit(
        "etl/sources.yaml",
        "      sale:",
        "      goal: {file: goals.csv, types: {day: date, goal: \"decimal(10,2)\"}}\n      sale:",
    );
    shop.write(
        "etl/goals.yaml",
        "version: 1\nfact: goals\ngrain: [day, who]\nfrom:\n  - table: shop.goal\n    columns: {day: day, \
         who: customer, goal: {expr: goal, currency: EUR}}\ndimensions:\n  date: {on: day}\n  \
         customer: {on: customer}\n",
    );
    let goals = "version: 1\ncube: goals\nfact: goals\ndimensions:\n  date:\n  customer:\nmeasures:\n  \
                 goal: {sum: goal}\n  revenue: {count: \"*\"}\n";
    shop.write("cubes/goals.yaml", goals);
    shop.write(
        "cubes/both.yaml",
        "version: 1\ncube: both\ncubes:\n  sales: {measures: [revenue, buyers]}\n  goals: {measures: goal}\n",
    );
    shop.run(&["load", "--quiet"]).ok();
    let asked = |cube: &str| {
        shop.sql(&format!(
            "SELECT customer_city, AGG(revenue), AGG(buyers), AGG(goal), AGG(goal_share_of_total) FROM \
             {cube} WHERE customer_customer = 'Ada Ltd' GROUP BY 1 ORDER BY 1"
        ))
    };
    let (paris, rome) =
        ("Paris,30.00,1,7.00,0.4666666666666667", "Rome,45.00,1,8.00,0.5333333333333333");
    assert_eq!(asked("cubes.both"), [paris, rome]);
    assert_eq!(asked("cubes.\"both$as_is\""), ["Rome,75.00,1,15.00,1.0"]);
    shop.edit("cubes/goals.yaml", "  customer:\n", "  customer: {members: as_is}\n");
    let message = shop.run(&["validate"]).err;
    assert!(
        message.contains("sees the members of `customer` as is, and another cube as was"),
        "{message}"
    );
    shop.edit("cubes/both.yaml", "  goals: {measures: goal}\n", "");
    shop.run(&["load", "--quiet"]).ok();
    // The same question to another cube is not the same where that sees members otherwise.
    let across =
        ["query", "sales", "--rows", "customer.city", "--measures", "revenue", "--format", "csv"];
    let message = shop.run(&[&across, ["--drill-across", "goals"].as_slice()].concat()).fails();
    assert!(message.contains("`customer_city` as was"), "{message}");
    let said = ["--drill-across", "goals", "--members", "as_was"];
    let out = shop.run(&[&across, said.as_slice()].concat()).ok();
    assert_eq!(out.lines().skip(1).collect::<Vec<_>>(), ["Paris,1", "Rome,1"]);
}

#[test]
fn a_plan_says_what_another_history_means() {
    let shop = moved();
    shop.run(&["load", "--quiet"]).ok();
    shop.edit("etl/customer.yaml", "type2: [city, country, tier]", "type2: [city, country]");
    shop.edit(
        "cubes/sales.yaml",
        "measures:\n",
        "dimensions:\n  date:\n  customer: {members: as_is}\nmeasures:\n",
    );
    let plan = shop.run(&["plan"]).ok();
    for part in ["customer_tier", "newest value only", "as was", "as is"] {
        assert!(plan.contains(part), "`{part}` is not in:\n{plan}");
    }
}
