//! Goods that came back; never negative invoice lines.

use chrono::{Datelike, NaiveDate};

use super::calendar::{last_day, later};
use super::deal::Deal;
use super::decimal::{in_base, money, quantity};
use super::dice::Dice;
use super::document::Series;
use super::invoice::Invoice;
use super::master::Master;
use super::table::{Cell, Shape, Source, Table, cell};

const REASONS: [&str; 5] = ["defective", "wrong_item", "damaged", "not_needed", "late"];

/// Part of an invoice line that came back.
#[derive(Debug)]
pub(super) struct SalesReturn {
    name: String,
    /// The invoice, by position.
    pub(super) invoice: usize,
    line: usize,
    /// When it came back.
    pub(super) date: NaiveDate,
    /// What came back, at the price it was billed for.
    pub(super) deal: Deal,
    /// Why it came back.
    pub(super) reason: &'static str,
    /// The value in yuan.
    pub(super) base_net_cents: i64,
}

/// All returns, by date.
pub(super) fn sales_returns(master: &Master, invoices: &[Invoice]) -> Vec<SalesReturn> {
    let mut dice = Dice::new(master.seed, "return");
    let mut returns = Vec::new();
    for (index, invoice) in invoices.iter().enumerate().filter(|(_, i)| i.status.is_submitted()) {
        for (position, line) in invoice.lines.iter().enumerate() {
            if line.warehouse.is_some() && dice.chance(3) {
                let units = dice.between(1, (line.deal.qty_tenths / 10).clamp(1, 6));
                let deal = line.deal.over((units * 10).min(line.deal.qty_tenths));
                returns.push(SalesReturn {
                    name: String::new(),
                    invoice: index,
                    line: position + 1,
                    date: later(invoice.posting_date, dice.between(5, 60)),
                    base_net_cents: in_base(deal.net_cents(), invoice.rate_e4),
                    deal,
                    reason: dice.word(&REASONS),
                });
            }
        }
    }
    returns.retain(|entry| entry.date <= last_day());
    returns.sort_by_key(|entry| (entry.date, entry.invoice, entry.line));
    let mut series = Series::default();
    for entry in &mut returns {
        entry.name = series.next("RET", entry.date.year());
    }
    returns
}

static SHAPE: Shape = Shape {
    source: Source::Erp,
    name: "sales_return",
    columns: &[
        ("name", "VARCHAR(20)"),
        ("return_against", "VARCHAR(20)"),
        ("return_against_idx", "INTEGER"),
        ("posting_date", "DATE"),
        ("customer", "VARCHAR(20)"),
        ("item_code", "VARCHAR(20)"),
        ("qty", "DECIMAL(14,2)"),
        ("currency", "VARCHAR(3)"),
        ("rate", "DECIMAL(14,2)"),
        ("net_amount", "DECIMAL(14,2)"),
        ("base_net_amount", "DECIMAL(14,2)"),
        ("reason", "VARCHAR(20)"),
    ],
    key_width: 1,
};

/// `erp/sales_return.csv`.
pub(super) fn table(returns: &[SalesReturn], invoices: &[Invoice], master: &Master) -> Table {
    Table::of(&SHAPE, returns, |entry| row(entry, &invoices[entry.invoice], master))
}

fn row(entry: &SalesReturn, invoice: &Invoice, master: &Master) -> Vec<Cell> {
    let customer = &master.customers[invoice.customer];
    vec![
        cell(&entry.name),
        cell(&invoice.name),
        cell(entry.line),
        cell(entry.date),
        cell(&customer.code),
        cell(&master.items[entry.deal.item].code),
        cell(quantity(entry.deal.qty_tenths)),
        cell(customer.currency.code()),
        cell(money(entry.deal.rate_cents)),
        cell(money(entry.deal.net_cents())),
        cell(money(entry.base_net_cents)),
        cell(entry.reason),
    ]
}
