//! What a load does to the warehouse, and what a second one does not.

use crate::support::Project;

#[test]
fn a_load_fills_the_star_and_sets_bad_rows_aside() {
    let shop = Project::shop();
    let report = shop.run(&["load"]);
    assert!(report.err.contains("epoch 1 published"), "{}", report.err);
    assert_eq!(shop.sql("SELECT sum(amount), count(*) FROM warehouse.sales"), ["116.75,4"]);
    assert_eq!(
        shop.sql(
            "SELECT source_file, source_line, rule, column_name, value FROM system.quarantine"
        ),
        ["sales.csv,4,type,day,2024-02-30"]
    );
    assert_eq!(
        shop.sql(
            "SELECT table_name, rows_in, rows_loaded, rows_quarantined, rows_dropped \
             FROM system.loads ORDER BY 1"
        ),
        ["customer,3,3,0,0", "sales,5,4,1,0"]
    );
    // C9 is no customer: its sale counts under the unknown member.
    assert_eq!(
        shop.sql("SELECT customer_city, AGG(revenue) FROM cubes.sales GROUP BY 1 ORDER BY 1"),
        ["(unknown),2.00", "Paris,10.50", "Rome,104.25"]
    );
    assert_eq!(
        shop.sql("SELECT rule, rows FROM system.load_rules WHERE outcome = 'loaded'"),
        ["unknown customer,1"]
    );
}

#[test]
fn loading_the_same_again_changes_nothing() {
    let shop = Project::shop();
    shop.run(&["load"]).ok();
    let before = shop.contents();
    let again = shop.run(&["load"]);
    assert!(again.err.contains("nothing changed since epoch 1"), "{}", again.err);
    // Neither does touching a file, or loading into the same place from another folder.
    let text = std::fs::read_to_string(shop.path().join("data/sales.csv")).unwrap();
    shop.write("data/sales.csv", &text);
    let touched = shop.run(&["load"]);
    assert!(touched.err.contains("nothing changed"), "{}", touched.err);
    assert_eq!(shop.contents(), before);
}

#[test]
fn members_keep_their_keys_and_only_what_changed_is_loaded() {
    let shop = Project::shop();
    shop.run(&["load"]).ok();
    let keys = "SELECT customer_key, customer_no FROM warehouse.customer WHERE customer_key > 0 ORDER BY 1";
    assert_eq!(shop.sql(keys), ["1,C1", "2,C2", "3,C3"]);
    shop.edit("data/customers.csv", "C2,Bob,Rome\n", "C0,Zoe,Oslo\n");
    shop.run(&["load"]).ok();
    assert_eq!(shop.sql(keys), ["1,C1", "3,C3", "4,C0"]);
    shop.edit("data/sales.csv", "5,2025-01-01", "6,2025-01-01");
    let report = shop.run(&["load"]).err;
    assert!(report.contains("sales") && !report.contains("customer  "), "{report}");
    // The key of a member that went away is not given to another.
    shop.edit("data/customers.csv", "C0,Zoe,Oslo\n", "");
    shop.run(&["load"]).ok();
    shop.edit("data/customers.csv", "C3,", "C7,Eve,Bonn\nC3,");
    shop.run(&["load"]).ok();
    assert_eq!(shop.sql(keys), ["1,C1", "3,C3", "5,C7"]);
}

#[test]
fn an_old_epoch_answers_with_its_own_data_and_model() {
    let shop = Project::shop();
    shop.run(&["load"]).ok();
    shop.edit("data/sales.csv", "10.50", "20.50");
    shop.edit("cubes/sales.yaml", "revenue:", "turnover:");
    shop.edit("cubes/sales.yaml", "\"revenue / sales\"", "\"turnover / sales\"");
    shop.run(&["load"]).ok();
    let ask = |epoch: &str, measure: &str| {
        let sql = format!("SELECT AGG({measure}) FROM cubes.sales");
        shop.run(&["sql", &sql, "--format", "csv", "--epoch", epoch])
    };
    assert!(ask("1", "revenue").ok().contains("116.75"));
    assert!(ask("2", "turnover").ok().contains("126.75"));
    assert!(ask("2", "revenue").fails().contains("revenue"));
}

#[test]
fn an_edited_declaration_rebuilds_its_table_in_one_epoch() {
    let shop = Project::shop();
    shop.run(&["load"]).ok();
    shop.edit("etl/sales.yaml", "sale_no: id,", "sale_no: id, doubled: \"amount * 2\",");
    shop.edit("etl/customer.yaml", "city: city}", "city: \"upper(city)\"}");
    shop.run(&["load"]).ok();
    assert_eq!(shop.sql("SELECT sum(doubled) FROM warehouse.sales"), ["233.50"]);
    assert_eq!(
        shop.sql("SELECT DISTINCT city FROM warehouse.customer WHERE customer_key > 0 ORDER BY 1"),
        ["PARIS", "ROME"]
    );
    // A column that changes its type is rebuilt too.
    shop.edit("etl/sales.yaml", "sale_no: id,", "sale_no: \"concat('S', id)\",");
    shop.run(&["load"]).ok();
    assert_eq!(shop.sql("SELECT max(sale_no) FROM warehouse.sales"), ["S5"]);
}

#[test]
fn the_sources_of_one_table_agree_on_types_and_duplicates_are_told() {
    let shop = Project::shop();
    shop.write(
        "data/more.csv",
        "id,day,customer,amount\n7,2024-05-01,C1,1\n7,2024-05-01,C1,1\n1,2024-05-02,C2,3\n",
    );
    shop.edit(
        "etl/sources.yaml",
        "      sale:",
        "      more: {file: more.csv, types: {day: date}}\n      sale:",
    );
    shop.edit(
        "etl/sales.yaml",
        "dimensions:",
        "  - table: shop.more\n    columns: {sale_no: id, amount: {expr: amount, currency: EUR}}\n    \
         duplicates: drop\ndimensions:",
    );
    shop.run(&["load"]).ok();
    assert_eq!(shop.sql("SELECT sum(amount), count(*) FROM warehouse.sales"), ["117.75,5"]);
    assert_eq!(
        shop.sql("SELECT outcome, rule, rows FROM system.load_rules WHERE table_name = 'sales' ORDER BY 1, 2"),
        ["dropped,duplicate,1", "loaded,unknown customer,1", "quarantined,grain,1", "quarantined,type,1"]
    );
}

#[test]
fn captions_are_told_apart_by_a_parent_that_is_a_number() {
    let shop = Project::shop();
    shop.write("data/customers.csv", "no,name,city\nC1,Ada,1\nC2,Ada,2\nC3,Cyd,2\n");
    shop.run(&["load"]).ok();
    assert_eq!(
        shop.sql(
            "SELECT customer_no, name FROM warehouse.customer WHERE customer_key > 0 ORDER BY 1"
        ),
        ["C1,Ada (1)", "C2,Ada (2)", "C3,Cyd"]
    );
}
