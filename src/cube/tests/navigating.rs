//! Navigation: from query to query, without a table.

use std::sync::Arc;

use super::super::{Cube, CubeQuery, CubesBefore, Drilled, Filter, Sort, compile, read};
use super::questions::query;
use super::{dimension, level, sales};
use crate::declare::{DeclarationFile, Diagnostics, Variables, parse};
use crate::star::{CalendarRules, Fact, FactColumn, Role, Star, calendar_dimension};

/// A cube over the generated calendar, whose levels lie on several paths, and customers by city.
fn shop(text: &str) -> Cube {
    let roles = vec![Role::new("date", None), Role::new("customer", None)];
    let column = |name: &str| FactColumn { name: name.into(), currency: None };
    let fact = |name: &str, roles: Vec<Role>| Fact {
        name: name.into(),
        title: None,
        description: None,
        columns: vec![column("amount"), column("receipt")],
        roles,
        rates: None,
    };
    let star = Star {
        dimensions: vec![
            calendar_dimension(CalendarRules::default()),
            dimension(
                "customer",
                &["no", "name", "city"],
                vec![level("city", "city", "city"), level("customer", "no", "name")],
            ),
            dimension("shop", &["no", "city"], vec![level("city", "city", "city")]),
        ],
        facts: vec![
            fact("sales", roles.clone()),
            fact("targets", vec![Role::new("date", None), Role::new("shop", None)]),
        ],
    };
    let file = DeclarationFile { path: "cubes/shop.yaml".into(), text: text.into() };
    let (variables, mut diagnostics) = (Variables::default(), Diagnostics::new());
    let node = parse(&Arc::new(file), &mut diagnostics).unwrap();
    let spec = read(&node, &variables, &mut diagnostics).unwrap();
    let cube = compile(&spec, &star, CubesBefore::default(), &mut diagnostics).ok();
    diagnostics.into_result(()).unwrap();
    cube.unwrap()
}

const SHOP: &str = "version: 1\ncube: shop\nfact: sales\nlevels: {receipt: {key: receipt}}\n\
    measures: {revenue: {sum: amount}, lines: {count: \"*\"}}\n\
    sets: {romans: {level: customer.city, members: [Rome]}}\n";

#[test]
fn drilling_and_rolling_up_is_the_identity() {
    let cube = shop(SHOP);
    let starts = [
        query(&["date.year"], &["customer.city"], &["revenue"]),
        query(&["customer.city"], &["date.quarter", "date.fiscal_quarter"], &["revenue"]),
        query(&["date_week", "romans"], &[], &["lines"]),
        CubeQuery {
            sort: vec![Sort { by: "date.month".into(), descending: true }],
            filters: vec![Filter::Sql("date_year = '2024'".into())],
            drilled: vec![Drilled {
                level: "date_year".into(),
                member: "2024".into(),
                to: "date_half".into(),
            }],
            limit: Some(3),
            totals: true,
            ..query(&["date.month"], &[], &["revenue"])
        },
    ];
    let mut tried = 0;
    for start in &starts {
        for (_, hierarchy, levels) in cube.hierarchies() {
            for pair in levels.windows(2) {
                let (coarse, fine) = (format!("{}@{hierarchy}", pair[0]), &pair[1]);
                for member in [None, Some("2024")] {
                    let down = match member {
                        None => start.drill_down(&cube, &coarse),
                        Some(member) => start.drill_down_member(&cube, &coarse, member),
                    };
                    let Ok(down) = down else { continue };
                    assert_ne!(down, *start);
                    assert_eq!(
                        down.drilled.len(),
                        start.drilled.len() + usize::from(member.is_some())
                    );
                    let up = down.roll_up(&cube, &format!("{fine}@{hierarchy}")).unwrap();
                    assert_eq!(up, *start, "{coarse} to {fine}");
                    assert_eq!(down.roll_up(&cube, fine).unwrap(), *start, "without a name");
                    tried += 1;
                }
            }
        }
    }
    assert_eq!(tried, 2 * (2 + 3 + 2 + 2));
}

#[test]
fn the_next_level_stands_beside_the_one_drilled_into() {
    let cube = shop(SHOP);
    let start = query(&["date.year", "customer.city"], &[], &["revenue"]);
    let down = start.drill_down(&cube, "date.year").unwrap();
    assert_eq!(down.rows, ["date.year", "date_half", "customer.city"]);
    let member = start.drill_down_member(&cube, "customer.city", "Rome").unwrap();
    assert_eq!(member.rows, ["date.year", "customer.city", "customer_customer"]);
    assert_eq!(member.drilled[0].level, "customer_city");
    let set = query(&["romans"], &[], &["revenue"]).drill_down(&cube, "customer.city").unwrap();
    assert_eq!(set.rows, ["romans", "customer_customer"]);
}

#[test]
fn rolling_up_replaces_or_leaves_out() {
    let cube = shop(SHOP);
    let day = query(&["date.day"], &[], &["revenue"]);
    assert_eq!(day.roll_up(&cube, "date.day@weeks").unwrap().rows, ["date_week"]);
    assert_eq!(day.roll_up(&cube, "date.day@calendar").unwrap().rows, ["date_month"]);
    let year = query(&["date.year"], &["customer.city"], &["revenue"]);
    assert_eq!(year.roll_up(&cube, "date.year").unwrap().rows, Vec::<String>::new());
    // The romans still count alone where their city is no longer shown.
    let set = query(&["romans", "date.year"], &[], &["revenue"]).roll_up(&cube, "customer.city");
    let set = set.unwrap();
    assert_eq!(
        (set.rows, set.filters),
        (vec!["date.year".to_owned()], vec![Filter::Set("romans".into())])
    );
    let many = query(&["date.year", "date.month"], &["date.week"], &["revenue"]);
    let all = many.roll_up_all(&cube, "date").unwrap();
    assert!(all.rows.is_empty() && all.columns.is_empty());
    let wrong = many.roll_up_all(&cube, "dat").unwrap_err().to_string();
    assert!(wrong.contains("did you mean `date`?"), "{wrong}");
}

#[test]
fn a_path_is_never_guessed() {
    let cube = shop(SHOP);
    let says = |query: CubeQuery, level: &str, up: bool| {
        let next = if up { query.roll_up(&cube, level) } else { query.drill_down(&cube, level) };
        next.unwrap_err().to_string()
    };
    let day = || query(&["date.day"], &[], &["revenue"]);
    assert_eq!(
        says(day(), "date.day", true),
        "several hierarchies lead on from `date_day`: `calendar` to `date_month`, `weeks` to \
         `date_week`, `fiscal` to `date_month`; name one, as in `date_day@calendar`"
    );
    assert!(says(day(), "date.day@week", true).contains("did you mean `weeks`?"));
    assert!(says(day(), "date.day", false).contains("no level is finer"));
    assert!(says(day(), "date.year", false).contains("is on no axis"));
    let both = query(&["date.month", "date.day"], &[], &["revenue"]);
    assert!(says(both, "date.month", false).contains("is shown already"));
    // The week that is shown says which path the day is on.
    let week = query(&["date.week", "date.day"], &[], &["revenue"]);
    assert_eq!(week.roll_up(&cube, "date.day").unwrap().rows, ["date.week"]);
}

#[tokio::test]
async fn drilling_across_keeps_what_both_cubes_share() {
    let (context, _) = sales().await;
    let sales = shop(SHOP);
    let targets = shop(
        "version: 1\ncube: targets\nfact: targets\nmeasures: {target: {sum: amount}, lines: {count: \"*\"}}\n",
    );
    let start = CubeQuery {
        filters: vec![Filter::Sql("date.year = '2024' AND date_month > '2024-01'".into())],
        sort: vec![Sort { by: "revenue".into(), descending: true }],
        ..query(&["date.year"], &["date.month"], &["revenue", "lines"])
    };
    let across = |query: &CubeQuery, measures: &[&str]| {
        let measures: Vec<String> = measures.iter().map(|&m| m.to_owned()).collect();
        query.drill_across(&sales, &targets, &measures, &context)
    };
    let same = across(&start, &[]).unwrap();
    assert_eq!(
        (same.cube.as_str(), same.measures.as_slice()),
        ("targets", &["lines".to_owned()][..])
    );
    assert!(same.sort.is_empty(), "an order by a measure that is not there is none");
    assert_eq!(
        (&same.rows, &same.columns, &same.filters),
        (&start.rows, &start.columns, &start.filters)
    );
    assert_eq!(across(&start, &["target"]).unwrap().measures, ["target"]);
    let wider = CubeQuery {
        rows: vec!["customer.city".into(), "romans".into()],
        having: vec!["revenue > 1".into()],
        limit: Some(2),
        ..start.clone()
    };
    assert_eq!(
        across(&wider, &["target", "reveneu"]).unwrap_err().to_string(),
        "the cube `targets` lacks the level `customer_city`, the set `romans`, the measure `revenue`, \
         the measure `reveneu`"
    );
    let none = CubeQuery { measures: vec!["revenue".into()], ..start };
    let said = across(&none, &[]).unwrap_err().to_string();
    assert!(said.contains("name some, as in `targets:target`"), "{said}");
}
