//! Balances by the calendar, over the sales of [`super::calculations`].

use super::calculations::{asked, refused};

#[tokio::test]
async fn last_is_the_latest_day_and_first_the_earliest() {
    let select = "date_year, AGG(closing), AGG(last_known), AGG(opening), AGG(first_known)";
    let rest = "WHERE date_year_key > 0 GROUP BY ROLLUP(date_year) ORDER BY 1";
    assert_eq!(
        asked(select, rest).await,
        [
            "2023|20.00|20.00|10.00|10.00",
            "2024|40.00|40.00|5.00|5.00",
            "2025|60.00|60.00|50.00|50.00",
            "|60.00|60.00|10.00|10.00",
        ]
    );
}

#[tokio::test]
async fn a_balance_by_the_calendar_is_empty_where_the_last_day_has_none() {
    let select = "date_year, product_item, AGG(closing), AGG(last_known), AGG(opening), \
                  AGG(first_known), AGG(closing_lines)";
    let rest = "WHERE date_year_key > 0 GROUP BY ROLLUP(date_year, product_item) ORDER BY 1, 2";
    assert_eq!(
        asked(select, rest).await,
        [
            // The last day of 2023 that has facts is 2023-02-28, on which there is a2 alone.
            "2023|a1||10.00|10.00|10.00|0",
            "2023|a2|20.00|20.00||20.00|1",
            "2023||20.00|20.00|10.00|10.00|1",
            "2024|a1||30.00|5.00|5.00|0",
            "2024|b1|40.00|40.00||40.00|1",
            "2024||40.00|40.00|5.00|5.00|1",
            "2025|a1||50.00|50.00|50.00|0",
            "2025|b1|60.00|60.00||60.00|1",
            "2025||60.00|60.00|50.00|50.00|1",
            "||60.00|60.00|10.00|10.00|1",
        ]
    );
}

#[tokio::test]
async fn only_conditions_on_time_choose_the_last_day() {
    let select = "date_month, AGG(closing), AGG(closing_of_a), AGG(closing) FILTER (WHERE product_item = 'b1')";
    let rest = "WHERE product_category = 'A' AND date_year = '2024' GROUP BY ROLLUP(date_month) \
                ORDER BY 1";
    // The total looks at 2024-03-31, on which nothing of A was sold.
    assert_eq!(asked(select, rest).await, ["2024-02|30.00|30.00|", "|||"]);
    let select = "AGG(closing) FILTER (WHERE date_month = '2024-02'), AGG(even_closing), \
                  AGG(closing_of_a), AGG(opening) FILTER (WHERE date_year = '2025')";
    assert_eq!(asked(select, "").await, ["30.00|50.00||50.00"]);
    let before = "WHERE date_day < '2024-03-31'";
    assert_eq!(asked("AGG(closing), AGG(closing_of_a)", before).await, ["30.00|30.00"]);
    let mixed = "WHERE date_year = '2024' OR product_item = 'a1'";
    let said = refused("AGG(closing)", mixed).await;
    assert!(said.contains("mixes levels of date with others, and `closing` is of a day"), "{said}");
    let said = refused("AGG(closing) FILTER (WHERE date_year = '2024' OR product_item = 'a1')", "");
    let said = said.await;
    assert!(said.contains("mixes levels of date with others"), "{said}");
    let said = refused("concat(date_year, product_item), AGG(closing)", "GROUP BY 1").await;
    assert!(said.contains("mixes levels of date with others"), "{said}");
}

#[tokio::test]
async fn balances_by_the_calendar_can_be_calculated_with() {
    let select = "date_month, product_item, AGG(closing), AGG(closing_prior_year), \
                  AGG(closing_ytd), AGG(last_known_ytd), AGG(closing_share_of_total)";
    let rest = "WHERE date_year = '2025' GROUP BY ROLLUP(date_month, product_item) \
                ORDER BY 1, 2";
    let all = asked(select, rest).await;
    for expected in [
        "2025-02|a1|50.00|30.00|50.00|50.00|0.8333333333333334",
        "2025-02||50.00|30.00|50.00|50.00|0.8333333333333334",
        // No balance of a1 on the last day of the year so far.
        "2025-03|a1||||50.00|",
        "2025-03|b1|60.00|40.00|60.00|60.00|1.0",
        "2025-03||60.00|40.00|60.00|60.00|1.0",
        "||60.00|40.00|60.00|60.00|1.0",
    ] {
        assert!(all.contains(&expected.to_owned()), "{expected} in {all:#?}");
    }
    // Of the year's balance, which is that of 2024-03-31.
    let rest = "WHERE date_year = '2024' GROUP BY date_month, product_item ORDER BY 1, 2";
    let select = "date_month, product_item, AGG(closing_share_of_date_year), \
                  AGG(closing_share_of_product_category)";
    assert_eq!(asked(select, rest).await, ["2024-02|a1||1.0", "2024-03|b1|1.0|1.0"]);
}
