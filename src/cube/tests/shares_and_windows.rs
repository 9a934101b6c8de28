//! Shares of a level by its name and windows of any length, over the sales of
//! [`super::calculations`].

use super::calculations::{asked, refused};

#[tokio::test]
async fn a_share_of_a_level_is_one_of_the_member_that_the_cell_is_in() {
    let select = "product_category, product_item, AGG(revenue_share_of_product_category), \
                  AGG(items_share_of_product_category)";
    let rest = "WHERE date_year_key > 0 GROUP BY ROLLUP(product_category, product_item) \
                ORDER BY 1, 2";
    assert_eq!(
        asked(select, rest).await,
        [
            "A|a1|0.8260869565217391|0.5",
            "A|a2|0.17391304347826086|0.5",
            "A||1.0|1.0",
            "B|b1|1.0|1.0",
            "B||1.0|1.0",
            // The total is of no category.
            "|||",
        ]
    );
    // Other groups stay, and neither the level nor its place among the groups matters.
    let select = "product_item, date_year, AGG(revenue_share_of_product_category), \
                  AGG(revenue_share_of_date_year)";
    let rest = "WHERE date_year_key > 0 GROUP BY product_item, date_year ORDER BY 2, 1";
    assert_eq!(
        asked(select, rest).await,
        [
            "a1|2023|0.3333333333333333|1.0",
            "a2|2023|0.6666666666666666|1.0",
            "a1|2024|1.0|1.0",
            "b1|2024|1.0|1.0",
            "a1|2025|1.0|1.0",
            "b1|2025|1.0|1.0",
        ]
    );
    let select = "date_month, AGG(revenue_share_of_date_year), AGG(revenue_share_of_date_quarter)";
    let rest = "WHERE date_year = '2024' GROUP BY date_month ORDER BY 1";
    assert_eq!(
        asked(select, rest).await,
        [
            "2024-02|0.4666666666666667|0.4666666666666667",
            "2024-03|0.5333333333333333|0.5333333333333333",
        ]
    );
}

#[tokio::test]
async fn of_its_own_dimension_only_the_level_and_what_is_above_it_stays() {
    // Weekdays stand beside months; their shares of a month add up to 1.
    let select = "date_month, date_weekday, AGG(revenue_share_of_date_month), \
                  AGG(revenue_share_of_date_year)";
    let rest = "WHERE date_month = '2024-02' GROUP BY date_month, date_weekday ORDER BY 2 DESC";
    assert_eq!(
        asked(select, rest).await,
        [
            "2024-02|Wednesday|0.14285714285714285|0.14285714285714285",
            "2024-02|Thursday|0.8571428571428571|0.8571428571428571",
        ]
    );
    // A cell with facts of two categories is part of neither.
    let select = "length(product_item), AGG(revenue_share_of_product_category)";
    let rest = "WHERE date_year_key > 0 GROUP BY 1";
    assert_eq!(asked(select, rest).await, ["2|"]);
    let select = "upper(product_item), AGG(revenue_share_of_product_category)";
    let rest = "WHERE date_year_key > 0 GROUP BY 1 ORDER BY 1";
    assert_eq!(
        asked(select, rest).await,
        ["A1|0.8260869565217391", "A2|0.17391304347826086", "B1|1.0"]
    );
}

#[tokio::test]
async fn a_share_of_what_is_not_grouped_by_is_refused() {
    for rest in ["", "GROUP BY date_year"] {
        let said = refused("AGG(revenue_share_of_product_category)", rest).await;
        let expected = "compares parts of `product_category`, and none are grouped by; group by a \
                        level below it on a hierarchy, such as product_item";
        assert!(said.contains(expected), "{said}");
    }
    let rest = "GROUP BY product_item";
    let said = refused("AGG(revenue_share_of_product_categry)", rest).await;
    assert!(said.contains("did you mean `share_of_product_category`?"), "{said}");
    let said = refused("AGG(revenue_share_of_date_weekday)", "GROUP BY date_day").await;
    assert!(said.contains("`date_weekday` is on no hierarchy"), "{said}");
    let mixed = "GROUP BY concat(product_item, date_year)";
    let said = refused("AGG(revenue_share_of_product_category)", mixed).await;
    assert!(said.contains("mixes levels of product with others"), "{said}");
    let said = refused("revenue_share_of_categry", "LIMIT 1").await;
    assert!(said.contains("`revenue_share_of_categry` has no meaning"), "{said}");
}

#[tokio::test]
async fn windows_have_any_length() {
    let select = "date_month, AGG(revenue_rolling_14d), AGG(revenue_rolling_2w), \
                  AGG(revenue_rolling_16d), AGG(revenue_rolling_2m), AGG(revenue_rolling_1q), \
                  AGG(revenue_rolling_13m), AGG(revenue_rolling_2y), AGG(revenue_moving_average_2)";
    let rest = "WHERE date_year = '2025' GROUP BY date_month ORDER BY 1";
    assert_eq!(
        asked(select, rest).await,
        [
            "2025-01||||||75.00|95.00|",
            // Two years that end with February 2025 begin with March 2023.
            "2025-02|50.00|50.00|50.00|50.00|50.00|125.00|125.00|25.000000",
            // 16 days up to 15 March begin with 28 February.
            "2025-03|60.00|60.00|110.00|110.00|110.00|150.00|185.00|55.000000",
        ]
    );
    let select = "date_month, AGG(revenue_moving_average_366)";
    let rest = "WHERE date_month = '2023-03' GROUP BY 1";
    assert_eq!(asked(select, rest).await, ["2023-03|10.000000"]);
}

#[tokio::test]
async fn a_length_without_meaning_is_refused() {
    for name in
        ["rolling_400d", "rolling_0d", "rolling_07d", "moving_average_367", "rolling_99999m"]
    {
        let said = refused(&format!("date_month, AGG(revenue_{name})"), "GROUP BY 1").await;
        let expected = format!("the length of `{name}` is a number from 1 to 366");
        assert!(said.contains(&expected), "{said}");
        let said = refused(&format!("revenue_{name}"), "LIMIT 1").await;
        assert!(said.contains(&expected), "{said}");
    }
    let said = refused("AGG(revenue_rolling_5x)", "").await;
    assert!(said.contains("No field named revenue_rolling_5x"), "{said}");
    let said = refused("date_month, AGG(mean_moving_average_5)", "GROUP BY 1").await;
    assert!(said.contains("the parts of the measure `mean` do not add up"), "{said}");
}
