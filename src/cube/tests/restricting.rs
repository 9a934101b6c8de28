//! Which facts and rows a cube query is about: members, ranges, sets, leading members, conditions on
//! measures; and how much it may answer.
//!
//! Revenue by customer is Bob 70, Cid 60, unknown 50, Ann 30; by country South 140, North 70.

use datafusion::arrow::util::pretty::pretty_format_batches;
use datafusion::prelude::SessionContext;

use super::super::{Cube, CubeQuery, Drilled, Filter, MemberSearch, OTHERS, Top, register};
use super::questions::query;
use super::{MOST_CELLS, SALES, cells, cube, rows, sales, session};

/// The rows of the answer, or the message of the error.
async fn shown(query: &CubeQuery, cube: &Cube, context: &SessionContext) -> Vec<String> {
    match query.run(cube, context, MOST_CELLS).await {
        Ok(answer) => cells(&pretty_format_batches(&[answer.cells]).unwrap().to_string()),
        Err(error) => vec![error.to_string()],
    }
}

fn top(n: usize, others: Option<&str>) -> Top {
    Top {
        level: "customer.customer".into(),
        n,
        by: "revenue".into(),
        least: false,
        others: others.map(str::to_owned),
    }
}

#[tokio::test]
async fn members_are_found_by_caption_locale_key_and_range() {
    let (context, cube) = sales().await;
    let revenue = async |filter: Filter| {
        let query = CubeQuery { filters: vec![filter], ..query(&[], &[], &["revenue"]) };
        shown(&query, &cube, &context).await.remove(0)
    };
    let country = || "region.country".to_owned();
    let members = |names: &[&str]| Filter::Members {
        level: country(),
        members: names.iter().map(|&name| name.to_owned()).collect(),
    };
    assert_eq!(revenue(members(&["South"])).await, "140.00");
    assert_eq!(revenue(members(&["北", "South"])).await, "210.00");
    assert_eq!(revenue(members(&[])).await, "");
    assert_eq!(
        revenue(members(&["South", "Nort"])).await,
        "the level `region_country` has no member `Nort`; did you mean `North`?"
    );
    assert_eq!(
        revenue(members(&["SOUTH"])).await,
        "the level `region_country` has no member `SOUTH`; did you mean `South`?"
    );
    assert_eq!(
        revenue(members(&["Atlantis"])).await,
        "the level `region_country` has no member `Atlantis`; look for it with \
         `starling members sales region_country --search TEXT`"
    );
    let keys = |keys: &[&str]| Filter::Keys {
        level: "date.month".into(),
        keys: keys.iter().map(|&key| key.to_owned()).collect(),
    };
    assert_eq!(revenue(keys(&["202301", "202302"])).await, "60.00");
    assert!(revenue(keys(&["202313"])).await.contains("no member with the key `202313`"));
    let months = |from: Option<&str>, to: Option<&str>| Filter::Range {
        level: "date.month".into(),
        from: from.map(str::to_owned),
        to: to.map(str::to_owned),
    };
    assert_eq!(revenue(months(Some("2023-02"), None)).await, "180.00");
    // The unknown month has a key below all others, and is no month before another.
    let lines =
        CubeQuery { filters: vec![months(None, Some("2023-02"))], ..query(&[], &[], &["lines"]) };
    assert_eq!(shown(&lines, &cube, &context).await, ["3"]);
    assert_eq!(revenue(months(Some("2023-02"), Some("2023-02"))).await, "30.00");
    assert!(revenue(months(Some("2023-2"), None)).await.contains("did you mean `2023-02`?"));
}

#[tokio::test]
async fn conditions_name_levels() {
    let (context, cube) = sales().await;
    for (condition, expected) in [
        ("Date_Year = '2024' AND region.country IN ('South')", "110.00"),
        ("customer_customer IN (SELECT customer FROM customer WHERE customer_no = 'c1')", "30.00"),
        (
            "dat_year = '2024'",
            "the cube `sales` has no level `dat_year`; did you mean `date_year`?",
        ),
        (
            "revenue > 10",
            "the filter `revenue > 10` is on the measure `revenue`; facts are filtered by levels, \
             and rows by measures with `having`",
        ),
    ] {
        let filters = vec![Filter::Sql(condition.into())];
        let query = CubeQuery { filters, ..query(&[], &[], &["revenue"]) };
        assert_eq!(shown(&query, &cube, &context).await, [expected], "{condition}");
    }
}

#[tokio::test]
async fn the_others_are_computed_from_their_facts() {
    let (context, cube) = sales().await;
    let asked = CubeQuery {
        top: vec![top(2, Some(OTHERS))],
        totals: true,
        ..query(&["customer.customer"], &[], &["revenue", "orders", "price"])
    };
    // Invoice i4 is of Cid and of the unknown: the others have two invoices, all have five.
    assert_eq!(
        shown(&asked, &cube, &context).await,
        [
            "Bob|70.00|2|35.000000",
            "Cid|60.00|2|60.000000",
            "(others)|80.00|2|26.666667",
            "|210.00|5|35.000000",
        ]
    );
    let across = CubeQuery { columns: vec!["date.year".into()], ..asked.clone() };
    let across = CubeQuery { measures: vec!["orders".into()], ..across };
    assert_eq!(
        shown(&across, &cube, &context).await,
        ["Bob||1|1|2", "Cid|1||1|2", "(others)||1|1|2", "|1|2|2|5"]
    );
    let sorted = CubeQuery { sort: vec!["-revenue".to_owned().into()], ..asked.clone() };
    assert_eq!(shown(&sorted, &cube, &context).await[2], "(others)|80.00|2|26.666667");
    let on_columns = CubeQuery {
        top: vec![top(1, Some("rest"))],
        ..query(&["date.year"], &["customer.customer"], &["revenue"])
    };
    let answer = on_columns.run(&cube, &context, MOST_CELLS).await.unwrap();
    let heads: Vec<&str> = answer.columns.iter().map(|head| head.members[0].as_str()).collect();
    assert_eq!(heads, ["Bob", "rest"]);
}

#[tokio::test]
async fn without_others_only_the_leading_members_count() {
    let (context, cube) = sales().await;
    let asked = CubeQuery {
        top: vec![top(2, None)],
        totals: true,
        ..query(&["date.year"], &[], &["revenue"])
    };
    assert_eq!(
        shown(&asked, &cube, &context).await,
        ["(unknown)|", "2023|30.00", "2024|100.00", "|130.00"]
    );
    // Who leads is decided under the filters: in 2023 that is Ann and Bob, who tie; keys decide.
    let in_2023 = CubeQuery {
        filters: vec![Filter::Sql("date.year = '2023'".into())],
        top: vec![top(1, None)],
        ..query(&["customer.customer"], &[], &["revenue"])
    };
    assert_eq!(shown(&in_2023, &cube, &context).await, ["Ann|30.00"]);
    let least = Top { least: true, ..top(1, None) };
    let least = CubeQuery { top: vec![least], ..query(&["customer.customer"], &[], &["revenue"]) };
    assert_eq!(shown(&least, &cube, &context).await, ["Ann|30.00"]);
    let nobody = CubeQuery { top: vec![top(0, None)], ..least.clone() };
    assert!(shown(&nobody, &cube, &context).await[0].contains("top 0"));
    let nowhere = CubeQuery { top: vec![top(1, Some("x"))], ..query(&[], &[], &["revenue"]) };
    assert!(shown(&nowhere, &cube, &context).await[0].contains("is on no axis"));
    let twice = CubeQuery { top: vec![top(1, Some("x")), top(2, Some("y"))], ..least };
    assert!(shown(&twice, &cube, &context).await[0].contains("asked for twice"));
}

#[tokio::test]
async fn conditions_on_measures_choose_rows_and_leave_totals() {
    let (context, cube) = sales().await;
    let having =
        |condition: &str, base: CubeQuery| CubeQuery { having: vec![condition.to_owned()], ..base };
    let plain = having("revenue > 100", query(&["region.country"], &[], &["lines"]));
    assert_eq!(shown(&plain, &cube, &context).await, ["South|3"]);
    let totals = CubeQuery { totals: true, ..plain };
    assert_eq!(shown(&totals, &cube, &context).await, ["South|3", "|7"]);
    // North has no more than 40 in any year, and 70 in all.
    let pivot = query(&["region.country"], &["date.year"], &["revenue"]);
    let pivot = having("revenue >= 70 AND orders < 9", pivot);
    assert_eq!(shown(&pivot, &cube, &context).await, ["South|30.00|110.00", "North|30.00|40.00"]);
    let totals = CubeQuery { totals: true, having: vec!["revenue > 70".into()], ..pivot.clone() };
    assert_eq!(
        shown(&totals, &cube, &context).await,
        ["South||30.00|110.00|140.00", "||60.00|150.00|210.00"]
    );
    let columns = having("revenue > 70", query(&[], &["date.year"], &["revenue"]));
    assert_eq!(shown(&columns, &cube, &context).await, ["150.00"]);
    let one = having("revenue > 1000", query(&[], &[], &["revenue"]));
    assert_eq!(shown(&one, &cube, &context).await, Vec::<String>::new());
    for (condition, words) in [
        ("revenu > 1", "did you mean `revenue`?"),
        ("region_country = 'South'", "no measure `region_country`"),
        ("1 > 0", "names no measure"),
        ("revenue >", "is not a condition"),
        ("revenue > 1) OR (1 = 1", "is not a condition"),
    ] {
        let wrong = having(condition, query(&["region.country"], &[], &["revenue"]));
        let said = shown(&wrong, &cube, &context).await.remove(0);
        assert!(said.contains(words), "{condition}: {said}");
    }
}

#[tokio::test]
async fn leading_members_and_conditions_go_together() {
    let (context, cube) = sales().await;
    let asked = CubeQuery {
        top: vec![top(2, Some(OTHERS))],
        having: vec!["revenue > 60".into()],
        totals: true,
        ..query(&["customer.customer"], &["region.country"], &["revenue"])
    };
    assert_eq!(
        shown(&asked, &cube, &context).await,
        ["Bob|30.00|40.00||70.00", "(others)|50.00|30.00||80.00", "|140.00|70.00||210.00"]
    );
}

const SETS: &str = "
sets:
  friends: {level: customer.customer, members: [Ann, Bob]}
  by_key: {level: customer.customer, keys: [c3]}
  northern: {level: customer_customer, where: \"region_country = 'North'\"}
  best: {top: {level: customer.customer, n: 1, by: revenue}}
  gone: {level: customer.customer, members: [Zoe]}
";

#[tokio::test]
async fn sets_filter_and_stand_on_axes() {
    let (context, tables) = session().await;
    let cube = cube(&format!("{SALES}{SETS}")).unwrap();
    register(std::slice::from_ref(&cube), &context, &tables).unwrap();
    let by_year = async |set: &str| {
        let filters = vec![Filter::Set(set.to_owned())];
        let query = CubeQuery { filters, ..query(&["date.year"], &[], &["revenue"]) };
        shown(&query, &cube, &context).await
    };
    assert_eq!(by_year("friends").await, ["2023|60.00", "2024|40.00"]);
    assert_eq!(by_year("by_key").await, ["(unknown)|", "2024|60.00"]);
    // Ann and Bob bought in the North; all they bought counts, in the South too.
    assert_eq!(by_year("northern").await, ["2023|60.00", "2024|40.00"]);
    assert_eq!(by_year("best").await, ["2023|30.00", "2024|40.00"]);
    let said = by_year("gone").await.remove(0);
    assert!(said.starts_with("the set `gone`: the level `customer_customer` has no member `Zoe`"));
    assert!(by_year("freinds").await[0].contains("did you mean `friends`?"));
    let axis = CubeQuery { totals: true, ..query(&["friends"], &[], &["revenue"]) };
    assert_eq!(shown(&axis, &cube, &context).await, ["Ann|30.00", "Bob|70.00", "|100.00"]);
    let sorted = CubeQuery { sort: vec!["-friends".to_owned().into()], ..axis.clone() };
    assert_eq!(shown(&sorted, &cube, &context).await[0], "Bob|70.00");
    // The best of all is Bob, whatever is filtered.
    let filters = vec![Filter::Sql("region_country = 'South'".into())];
    let south = CubeQuery { filters, ..query(&["best"], &[], &["revenue"]) };
    assert_eq!(shown(&south, &cube, &context).await, ["Bob|30.00"]);
    let through = CubeQuery { totals: false, ..axis };
    let sql = through.drill_through(&cube, &context).await.unwrap();
    assert_eq!(rows(&context, &sql).await.len(), 4);
}

#[test]
fn wrong_sets_are_met_with_the_nearest() {
    let mistakes =
        |sets: &str| cube(&format!("{SALES}\nsets:\n  {sets}\n")).unwrap_err().to_string();
    for (sets, words) in [
        ("a: {level: customer.custmer, members: [x]}", "did you mean `customer_customer`?"),
        ("a: {level: customer.customer}", "one of `members`, `keys`, `where`, `top` is missing"),
        ("a: {members: [x]}", "`level` is missing"),
        ("a: {level: date.year, where: \"dat_year = '1'\"}", "unknown column of the cube `sales`"),
        ("a: {top: {level: date.year, n: 0, by: revenue}}", "at least 1"),
        ("a: {top: {level: date.year, n: 2, by: revenu}}", "did you mean `revenue`?"),
        ("a: {top: {level: date.year, m: 2, by: revenue}}", "unknown key `m`"),
        ("revenue: {level: date.year, members: [x]}", "`revenue` is already a measure"),
        ("date_year: {level: date.year, members: [x]}", "is already a column of a level"),
    ] {
        let said = mistakes(sets);
        assert!(said.contains(words), "{sets}: {said}");
        assert!(said.contains("cubes/sales.yaml:"), "{said}");
    }
}

#[tokio::test]
async fn too_many_cells_are_refused() {
    let (context, cube) = sales().await;
    let asked = query(&["customer.customer"], &["date.year"], &["revenue"]);
    let refused = async |query: &CubeQuery, most: u64| {
        query.run(&cube, &context, most).await.map(|_| ()).map_err(|error| error.to_string())
    };
    assert_eq!(
        refused(&asked, 11).await.unwrap_err(),
        "the answer would have more than 11 cells: 4 rows by 3 columns by 1 measure; add a filter, \
         take a level off the axes, or ask for the `top` members only"
    );
    assert_eq!(refused(&asked, 12).await, Ok(()));
    let totals = CubeQuery { totals: true, ..asked.clone() };
    assert!(refused(&totals, 19).await.is_err());
    assert_eq!(refused(&totals, 20).await, Ok(()));
    let fewer = CubeQuery { filters: vec![Filter::Sql("date.year = '2024'".into())], ..asked };
    assert_eq!(refused(&fewer, 3).await, Ok(()));
    // Rows that a limit cuts off are never made.
    let long = query(&["customer.customer", "invoice"], &[], &["revenue"]);
    assert!(refused(&long, 3).await.unwrap_err().contains("more than 3 rows by 1 column"));
    let cut = CubeQuery { limit: Some(3), ..long };
    assert_eq!(refused(&cut, 3).await, Ok(()));
}

#[tokio::test]
async fn members_are_searched() {
    let (context, cube) = sales().await;
    let found = async |level: &str, text: Option<&str>, under: &[(&str, &str)]| {
        let search = MemberSearch {
            level: level.into(),
            text: text.map(str::to_owned),
            under: under.iter().map(|&(l, m)| (l.to_owned(), m.to_owned())).collect(),
            limit: Some(2),
            members: None,
        };
        match search.run(&cube, &context).await {
            Ok(found) => {
                let rows = cells(&pretty_format_batches(&[found.rows]).unwrap().to_string());
                format!("{} {}/{}", rows.join(" "), found.matched, found.all)
            }
            Err(error) => error.to_string(),
        }
    };
    assert_eq!(found("region.country", Some("北"), &[]).await, "N|North|北 1/4");
    assert_eq!(found("region.country", Some("OUT"), &[]).await, "S|South|南 1/4");
    // `sort` orders them; the limit counts what is shown and not what matches.
    assert_eq!(found("region.country", None, &[]).await, "S|South|南 N|North|北 4/4");
    assert_eq!(
        found("date.month", None, &[("date.year", "2023")]).await,
        "202301|2023-01 202302|2023-02 2/5"
    );
    assert_eq!(found("invoice", Some("4"), &[]).await, "i4|i4 1/5");
    assert_eq!(found("date.month", Some("o'"), &[]).await, " 0/5");
    assert!(found("date.month", None, &[("date.year", "2022")]).await.contains("no member `2022`"));
    assert!(
        found("date.month", None, &[("region.country", "North")])
            .await
            .contains("different dimensions")
    );
}

#[test]
fn json_and_back() {
    let text = r#"{
        "cube": "sales", "rows": ["date.year"], "columns": ["region.country"],
        "measures": ["revenue", "revenue_yoy_pct"],
        "filters": [
            {"sql": "date.year = '2024'"},
            {"level": "region.country", "members": ["North", 7]},
            {"level": "date.year", "keys": [2024]},
            {"level": "date.month", "from": "2024-01"},
            {"set": "friends"}
        ],
        "drilled": [{"level": "date_year", "member": "2024", "to": "date_month"}],
        "top": [{"level": "customer.customer", "n": 3, "by": "revenue", "others": true}],
        "having": ["revenue > 3"], "sort": ["-revenue", "date.year"],
        "limit": 5, "totals": true, "as_of": "2024-05-31"
    }"#;
    let read = CubeQuery::from_json(text).unwrap();
    assert_eq!(
        read.filters[1],
        Filter::Members {
            level: "region.country".into(),
            members: vec!["North".into(), "7".into()],
        }
    );
    assert_eq!(
        read.filters[2],
        Filter::Keys { level: "date.year".into(), keys: vec!["2024".into()] }
    );
    assert_eq!(read.top[0].others.as_deref(), Some("(others)"));
    assert!(read.sort[0].descending && !read.sort[1].descending);
    assert_eq!(
        read.drilled[0],
        Drilled { level: "date_year".into(), member: "2024".into(), to: "date_month".into() }
    );
    assert_eq!(CubeQuery::from_json(&read.to_json().unwrap()).unwrap(), read);
    let least = CubeQuery { cube: "sales".into(), ..CubeQuery::default() };
    assert_eq!(least.to_json().unwrap(), "{\n  \"cube\": \"sales\"\n}");
}

#[test]
fn wrong_json_is_met_with_the_nearest() {
    for (text, words) in [
        (r#"{"cube": "s", "mesures": []}"#, "did you mean `measures`?"),
        (r#"{"cube": "s", "mesures": []}"#, "at line 1 column"),
        (r#"{"rows": []}"#, "missing field `cube`"),
        (r#"{"cube": "s", "filters": [{"levl": "x", "members": []}]}"#, "did you mean `level`?"),
        (r#"{"cube": "s", "filters": [{"level": "x"}]}"#, "a filter is one of"),
        (r#"{"cube": "s", "filters": [{"level": "x", "keys": [1.5]}]}"#, "a whole number"),
        (
            r#"{"cube": "s", "top": [{"level": "x", "n": 1, "by": "m", "other": true}]}"#,
            "did you mean `others`?",
        ),
        (r#"{"cube": "s", "limit": -1}"#, "invalid value"),
        ("rows: [a]", "expected value"),
    ] {
        let said = CubeQuery::from_json(text).unwrap_err().to_string();
        assert!(said.contains(words), "{text}: {said}");
    }
}
