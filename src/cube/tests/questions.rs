//! Cube queries: cells, totals, order and navigation.

use datafusion::arrow::util::pretty::pretty_format_batches;

use super::super::{CubeQuery, Filter, Sort, cubes, dimensions, hierarchies, levels, measures};
use super::{MOST_CELLS, SALES, cells, cube, register, rows, sales, session};

pub(super) fn query(rows: &[&str], columns: &[&str], measures: &[&str]) -> CubeQuery {
    let owned = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
    CubeQuery {
        cube: "sales".into(),
        rows: owned(rows),
        columns: owned(columns),
        measures: owned(measures),
        ..CubeQuery::default()
    }
}

#[tokio::test]
async fn members_across_become_columns() {
    let (context, cube) = sales().await;
    let query = CubeQuery {
        totals: true,
        ..query(&["region.country"], &["date.year"], &["revenue", "orders"])
    };
    let answer = query.run(&cube, &context, MOST_CELLS).await.unwrap();
    let names: Vec<String> =
        answer.cells.schema().fields().iter().map(|field| field.name().clone()).collect();
    assert_eq!(
        names,
        [
            "region_country",
            "(unknown) / revenue",
            "(unknown) / orders",
            "2023 / revenue",
            "2023 / orders",
            "2024 / revenue",
            "2024 / orders",
            "total / revenue",
            "total / orders",
        ]
    );
    let table = pretty_format_batches(&[answer.cells]).unwrap().to_string();
    // South comes first: its declared rank is lower.
    assert_eq!(
        cells(&table),
        [
            "South|||30.00|1|110.00|1|140.00|2",
            "North|||30.00|1|40.00|1|70.00|2",
            "(unknown)||1||||||1",
            "||1|60.00|2|150.00|2|210.00|5",
        ]
    );
    assert!(answer.has_total_row);
    assert!(answer.columns[6].is_total);
}

#[tokio::test]
async fn rows_are_sorted_by_measures_and_cut() {
    let (context, cube) = sales().await;
    let mut best = query(&["customer.customer"], &[], &["revenue"]);
    best.sort = vec![Sort { by: "revenue".into(), descending: true }];
    best.limit = Some(2);
    let answer = best.run(&cube, &context, MOST_CELLS).await.unwrap();
    let table = pretty_format_batches(&[answer.cells]).unwrap().to_string();
    assert_eq!(cells(&table), ["Bob|70.00", "Cid|60.00"]);

    best.columns = vec!["date_year".into()];
    let answer = best.run(&cube, &context, MOST_CELLS).await.unwrap();
    let table = pretty_format_batches(&[answer.cells]).unwrap().to_string();
    assert_eq!(cells(&table), ["Bob||30.00|40.00", "Cid|||60.00"]);
}

#[tokio::test]
async fn totals_on_one_axis_and_none() {
    let (context, cube) = sales().await;
    let shown = async |query: CubeQuery| {
        let answer = query.run(&cube, &context, MOST_CELLS).await.unwrap();
        cells(&pretty_format_batches(&[answer.cells]).unwrap().to_string())
    };
    let side = CubeQuery { totals: true, ..query(&["date_year"], &[], &["orders"]) };
    assert_eq!(shown(side.clone()).await, ["(unknown)|1", "2023|2", "2024|2", "|5"]);
    let cut = CubeQuery {
        limit: Some(1),
        sort: vec![Sort { by: "date.year".into(), descending: true }],
        ..side
    };
    assert_eq!(shown(cut).await, ["2024|2", "|5"]);
    let top = CubeQuery { totals: true, ..query(&[], &["date_year"], &["orders"]) };
    assert_eq!(shown(top).await, ["1|2|2|5"]);
    let one = CubeQuery { totals: true, ..query(&[], &[], &["orders", "margin_pct"]) };
    assert_eq!(shown(one).await, ["5|0.5"]);
    let members = query(&["region_country"], &[], &[]);
    assert_eq!(shown(members).await, ["South", "North", "(unknown)"]);
    let mut nobody = query(&["region_country"], &["date_year"], &["orders"]);
    nobody.filters = vec![Filter::Sql("date_year = '1999'".into())];
    assert_eq!(shown(nobody.clone()).await, Vec::<String>::new());
    nobody.columns.clear();
    let answer = nobody.run(&cube, &context, MOST_CELLS).await.unwrap();
    let names = answer.cells.schema();
    let names: Vec<&str> = names.fields().iter().map(|field| field.name().as_str()).collect();
    assert_eq!(names, ["region_country", "orders"]);
}

#[tokio::test]
async fn one_level_on_both_axes_has_no_totals() {
    let (context, cube) = sales().await;
    let plain = query(&["date.year_key"], &["date.year"], &["orders"]);
    let answer = plain.run(&cube, &context, MOST_CELLS).await.unwrap();
    let table = pretty_format_batches(&[answer.cells]).unwrap().to_string();
    assert_eq!(cells(&table), ["-1|1||", "2023||2|", "2024|||2"]);
    let sort = vec![Sort { by: "orders".into(), descending: true }];
    for asked in [CubeQuery { totals: true, ..plain.clone() }, CubeQuery { sort, ..plain }] {
        let said = asked.run(&cube, &context, MOST_CELLS).await.err().unwrap().to_string();
        assert!(said.contains("`date_year_key` down the side and `date_year` across"), "{said}");
    }
}

#[tokio::test]
async fn members_that_share_a_caption_are_sorted_apart() {
    let (context, tables) = session().await;
    let captioned = SALES.replace("{key: invoice_no,", "{key: invoice_no, caption: currency,");
    let cube = cube(&captioned).unwrap();
    register(std::slice::from_ref(&cube), &context, &tables).unwrap();
    let mut best = query(&["invoice"], &["date_year"], &["revenue"]);
    best.filters = vec![Filter::Sql("invoice = 'USD' AND invoice_key <> 'i5'".into())];
    best.sort = vec![Sort { by: "revenue".into(), descending: true }];
    let answer = best.run(&cube, &context, MOST_CELLS).await.unwrap();
    let table = pretty_format_batches(&[answer.cells]).unwrap().to_string();
    assert_eq!(cells(&table), ["USD||110.00", "USD|30.00|", "USD|10.00|"]);
}

#[tokio::test]
async fn filters_are_one_condition_each() {
    let (context, cube) = sales().await;
    let mut filtered = query(&[], &[], &["lines"]);
    filtered.filters = vec![
        Filter::Sql("date.year = '2024' OR date.year = '2023'".into()),
        Filter::Members {
            level: "region.country".into(),
            members: vec!["South".into(), "North".into()],
        },
    ];
    let answer = filtered.run(&cube, &context, MOST_CELLS).await.unwrap();
    let table = pretty_format_batches(&[answer.cells]).unwrap().to_string();
    assert_eq!(cells(&table), ["6"]);
    filtered.filters = vec![Filter::Sql("1 = 1) OR (1 = 1".into())];
    assert!(filtered.run(&cube, &context, MOST_CELLS).await.is_err());
    filtered.filters = vec![Filter::Members { level: "date.yaer".into(), members: vec![] }];
    let error = filtered.run(&cube, &context, MOST_CELLS).await.unwrap_err().to_string();
    assert_eq!(error, "the cube `sales` has no level `date.yaer`; did you mean `date_year`?");
}

#[tokio::test]
async fn fact_rows_stand_behind_cells() {
    let (context, cube) = sales().await;
    let start = query(&["date.year"], &["region.country"], &["revenue"]);
    let sliced = start.slice(&cube, "region.country", "North").unwrap();
    assert!(sliced.columns.is_empty());
    let through = sliced.dice([Filter::Sql("date_year = '2023'".into())]);
    let sql = through.drill_through(&cube, &context).await.unwrap();
    assert_eq!(rows(&context, &sql).await.len(), 2);
    let chosen = CubeQuery { having: vec!["revenue > 1".into()], ..start };
    let error = chosen.drill_through(&cube, &context).await.unwrap_err().to_string();
    assert!(error.contains("slice to the cell"), "{error}");
}

#[tokio::test]
async fn every_cube_is_described() {
    let (_, cube) = sales().await;
    let all = [cube];
    let tables = [cubes(&all, &[]), dimensions(&all), hierarchies(&all), levels(&all)];
    assert_eq!(tables.map(|table| table.unwrap().num_rows()), [1, 4, 6, 7]);
    let table = pretty_format_batches(&[measures(&all).unwrap()]).unwrap().to_string();
    assert!(table.contains("sum(net_amount)"), "{table}");
    assert!(table.contains("margin / revenue"), "{table}");
}
