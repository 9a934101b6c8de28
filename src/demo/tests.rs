//! The files against the model, against themselves and against `fixtures/`.

use std::collections::BTreeMap;
use std::path::Path;

use super::defect::{Kind, Outcome};
use super::dirt::Dirt;
use super::generate;
use super::ledger::sales;
use super::model::Model;
use super::scale::Scale;

fn text(path: &str) -> String {
    let file = generate(1, 1).unwrap().into_iter().find(|file| file.path == path).unwrap();
    String::from_utf8(file.content).unwrap()
}

/// The sum of a column of decimals, in units of their last digit.
fn cents(csv: &str, column: &str) -> i64 {
    let position = csv.lines().next().unwrap().split(',').rev().position(|c| c == column).unwrap();
    // Counted from the end, because only leading columns may hold quoted commas.
    csv.lines()
        .skip(1)
        .map(|line| {
            let digits = line.rsplit(',').nth(position).unwrap().replace('.', "");
            // Empty where nothing adds up to it.
            if digits.is_empty() { 0 } else { digits.parse::<i64>().unwrap() }
        })
        .sum()
}

#[test]
fn one_seed_gives_the_same_bytes_and_another_seed_others() {
    assert_eq!(generate(1, 1).unwrap(), generate(1, 1).unwrap());
    assert_ne!(generate(1, 1).unwrap(), generate(2, 1).unwrap());
    assert_eq!(generate(1, 0).unwrap(), generate(1, 1).unwrap());
}

#[test]
fn scale_1_stays_small() {
    let files = generate(1, 1).unwrap();
    assert!(files.iter().map(|file| file.content.len()).sum::<usize>() <= 2_000_000);
    assert!(text("crm/survey.ndjson").len() <= 60_000);
}

#[test]
fn fixtures_are_the_output_for_seed_1() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures");
    for file in generate(1, 1).unwrap() {
        let committed = std::fs::read(root.join(&file.path)).unwrap_or_default();
        assert!(committed == file.content, "fixtures/{} differs: generate it again", file.path);
    }
}

#[test]
fn every_page_of_sales_adds_up_to_the_clean_lines_that_are_loaded() {
    let model = Model::new(1, Scale::new(1));
    let dirt = Dirt::new(1, model.tables());
    let details = dirt.table("sales_invoice_item").unwrap();
    let all = model.invoices.iter().flat_map(|invoice| &invoice.lines);
    let (mut kept, mut left_out) = (0, 0);
    for (row, line) in all.enumerate() {
        *(if details.is_loaded(row) { &mut kept } else { &mut left_out }) += line.base_net_cents;
    }
    let all: i64 = model.invoices.iter().map(super::invoice::Invoice::base_net_cents).sum();
    assert_eq!(kept + left_out, all);
    for page in ["month_country", "item_group_year", "department_quarter", "customer"] {
        let csv = text(&format!("truth/sales_by_{page}.csv"));
        assert_eq!(cents(&csv, "base_net_amount"), kept, "{page}");
    }
    assert_eq!(cents(&text("truth/sales_by_county.csv"), "base_net_amount"), 2 * kept);
    assert_eq!(cents(&text("truth/unified_sales_by_customer.csv"), "base_net_amount"), kept);
    let base: i64 = sales(&model, &dirt).unwrap().iter().map(|sale| sale.base_net_cents).sum();
    assert_eq!(base, kept);
}

#[test]
fn what_is_owed_is_what_invoices_and_receipts_leave() {
    let by_month = text("truth/receivable_by_month.csv");
    let (invoiced, settled) = (cents(&by_month, "invoiced"), cents(&by_month, "settled"));
    assert!(0 < settled && settled < invoiced);
    for page in ["month", "due_month", "customer"] {
        let csv = text(&format!("truth/receivable_by_{page}.csv"));
        assert_eq!(cents(&csv, "outstanding"), invoiced - settled, "{page}");
    }
    let model = Model::new(1, Scale::new(1));
    let dirt = Dirt::new(1, model.tables());
    let paid = dirt.table("payment").unwrap().loaded(&model.payments);
    let paid: i64 = paid.map(|(_, payment)| payment.base_cents).sum();
    assert_eq!(cents(&by_month, "base_paid_amount"), paid);
}

#[test]
fn pages_of_one_thing_come_to_the_same() {
    let orders = cents(&text("truth/order_by_month.csv"), "base_net_amount");
    for page in ["month", "country"] {
        let csv = text(&format!("truth/deal_by_{page}.csv"));
        assert_eq!(cents(&csv, "base_net_amount"), orders, "{page}");
        let opportunities = text("truth/opportunity_by_stage.csv");
        assert_eq!(cents(&csv, "base_amount"), cents(&opportunities, "base_amount"), "{page}");
    }
}

#[test]
fn a_table_that_is_not_there_is_an_error() {
    let error = Dirt::new(1, Vec::new()).table("order").unwrap_err();
    assert_eq!(error.to_string(), "the demo company has no table `order`");
}

#[test]
fn every_defect_is_written_where_the_list_says() {
    for seed in 1..4 {
        let dirt = Dirt::new(seed, Model::new(seed, Scale::new(1)).tables());
        for dirty in &dirt.tables {
            let (table, positions) = (&dirty.table, dirty.positions());
            for defect in &dirty.defects {
                let row = &table.rows[positions[&defect.row]];
                match table.get_position(defect.column) {
                    Some(column) => {
                        assert_eq!(row[column].as_deref().unwrap_or_default(), defect.value);
                    }
                    None => assert_eq!(table.rows.iter().filter(|other| *other == row).count(), 2),
                }
            }
        }
    }
}

#[test]
fn no_row_has_two_defects_and_the_balance_holds() {
    let dirt = Dirt::new(1, Model::new(1, Scale::new(1)).tables());
    for dirty in &dirt.tables {
        let name = dirty.table.shape.name;
        let rows: BTreeMap<usize, Kind> = dirty.defects.iter().map(|d| (d.row, d.kind)).collect();
        assert_eq!(rows.len(), dirty.defects.len(), "{name}");
        assert!(rows.keys().all(|row| !dirty.ruled_out.contains(row)), "{name}");
        let loaded = (0..dirty.clean_count).filter(|&row| dirty.is_loaded(row)).count();
        let others = dirty.count(Outcome::Quarantined) + dirty.count(Outcome::Dropped);
        assert_eq!(loaded + others + dirty.ruled_out.len(), dirty.table.rows.len(), "{name}");
    }
}

#[test]
fn every_rule_of_planting_finds_rows() {
    let dirt = Dirt::new(1, Model::new(1, Scale::new(1)).tables());
    for planting in super::planting::PLANTINGS {
        let defects = &dirt.table(planting.table).unwrap().defects;
        let is_planted = defects
            .iter()
            .any(|defect| defect.column == planting.column && defect.kind == planting.kind);
        assert!(is_planted, "{planting:?}");
    }
}

#[test]
fn clean_keys_are_unique() {
    for table in Model::new(1, Scale::new(2)).tables() {
        let keys: std::collections::BTreeSet<String> =
            (0..table.rows.len()).map(|row| table.key(row)).collect();
        assert_eq!(keys.len(), table.rows.len(), "{}", table.shape.name);
    }
}

#[test]
fn opportunities_move_forward_in_time() {
    let model = Model::new(1, Scale::new(2));
    for opportunity in &model.crm.opportunities {
        assert!(opportunity.path.is_sorted_by(|a, b| a.0 < b.0 && a.1 <= b.1), "{opportunity:?}");
    }
}
