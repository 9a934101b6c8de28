//! Stock at the end of every month, per item and warehouse: a semi-additive measure.

use std::collections::BTreeMap;

use super::calendar::{MONTH_COUNT, month_end, month_index};
use super::decimal::{money, quantity, scaled};
use super::dice::Dice;
use super::invoice::Invoice;
use super::item::WAREHOUSES;
use super::master::Master;
use super::table::{Shape, Source, Table, cell};

/// The stock of one item in one warehouse at the end of one month.
#[derive(Debug)]
pub(super) struct StockBalance {
    /// The month, counted from January 2023.
    pub(super) month: u32,
    /// The item, by position.
    pub(super) item: usize,
    /// Where it lies.
    pub(super) warehouse: &'static str,
    /// What came in during the month.
    pub(super) in_tenths: i64,
    /// What went out during the month.
    pub(super) out_tenths: i64,
    /// What is left.
    pub(super) balance_tenths: i64,
    /// What is left, in fen.
    pub(super) value_cents: i64,
}

/// All balances, by month, item and warehouse; months before the launch are left out.
pub(super) fn stock_balances(master: &Master, invoices: &[Invoice]) -> Vec<StockBalance> {
    let mut dice = Dice::new(master.seed, "stock");
    let sold = sold_by_month(invoices);
    let mut balances = Vec::new();
    for (item, entry) in master.items.iter().enumerate() {
        for warehouse in WAREHOUSES.into_iter().take(entry.warehouse_count) {
            let mut left = 0;
            for month in (0..MONTH_COUNT).filter(|&month| entry.launch <= month_end(month)) {
                let out_tenths = sold.get(&(month, item, warehouse)).copied().unwrap_or(0);
                let next = sold.get(&(month + 1, item, warehouse)).copied().unwrap_or(0);
                let in_tenths = received(&mut dice, left, (out_tenths, next));
                left += in_tenths - out_tenths;
                balances.push(StockBalance {
                    month,
                    item,
                    warehouse,
                    in_tenths,
                    out_tenths,
                    balance_tenths: left,
                    value_cents: scaled(left, entry.cost_cents, 10),
                });
            }
        }
    }
    balances.sort_by_key(|balance| (balance.month, balance.item, balance.warehouse));
    balances
}

fn sold_by_month(invoices: &[Invoice]) -> BTreeMap<(u32, usize, &'static str), i64> {
    let mut sold = BTreeMap::new();
    for invoice in invoices.iter().filter(|invoice| invoice.status.is_submitted()) {
        for line in &invoice.lines {
            if let Some(warehouse) = line.warehouse {
                let key = (month_index(invoice.posting_date), line.deal.item, warehouse);
                *sold.entry(key).or_default() += line.deal.qty_tenths;
            }
        }
    }
    sold
}

/// Buys what the month takes and a reserve for the next; nothing when enough is left.
fn received(dice: &mut Dice, left: i64, demand: (i64, i64)) -> i64 {
    let (now, next) = demand;
    let reserve = next * dice.between(8, 15) / 10 + 50;
    let missing = now + reserve - left;
    // Goods are bought in whole units, so the balance never falls below zero.
    if missing > 0 { (missing + 9) / 10 * 10 } else { 0 }
}

static SHAPE: Shape = Shape {
    source: Source::Erp,
    name: "stock_balance",
    columns: &[
        ("posting_date", "DATE"),
        ("item_code", "VARCHAR(20)"),
        ("warehouse", "VARCHAR(20)"),
        ("in_qty", "DECIMAL(14,2)"),
        ("out_qty", "DECIMAL(14,2)"),
        ("bal_qty", "DECIMAL(14,2)"),
        ("bal_val", "DECIMAL(14,2)"),
    ],
    key_width: 3,
};

/// `erp/stock_balance.csv`.
pub(super) fn table(balances: &[StockBalance], master: &Master) -> Table {
    Table::of(&SHAPE, balances, |balance| {
        vec![
            cell(month_end(balance.month)),
            cell(&master.items[balance.item].code),
            cell(balance.warehouse),
            cell(quantity(balance.in_tenths)),
            cell(quantity(balance.out_tenths)),
            cell(quantity(balance.balance_tenths)),
            cell(money(balance.value_cents)),
        ]
    })
}
