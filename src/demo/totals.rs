//! `truth/totals.json`: rows per table and sums over everything.

use std::collections::BTreeSet;

use super::calendar::MONTH_COUNT;
use super::decimal::{money, quantity};
use super::defect::Outcome;
use super::dirt::{Dirt, DirtyTable};
use super::exchange_rate::Currency;
use super::json::{members, quoted};
use super::ledger::{Sale, Sums};
use super::model::Model;
use super::truth::Page;
use crate::error::Result;

/// A name and a JSON value.
type Member = (String, String);

/// What is being summed up.
#[derive(Clone, Copy, Debug)]
pub(super) struct Subject<'a> {
    /// The clean company.
    pub(super) model: &'a Model,
    /// Its defects.
    pub(super) dirt: &'a Dirt,
    /// Its loaded sales.
    pub(super) sales: &'a [Sale<'a>],
}

/// The page.
pub(super) fn page(subject: Subject<'_>, seed: u64, scale: u32) -> Result<Page> {
    let tables: Vec<Member> = subject.dirt.tables.iter().map(table).collect();
    let text = members(
        &[
            number("seed", seed),
            number("scale", scale),
            nested("tables", &tables, 1),
            nested("sales", &sales(subject), 1),
            nested("orders", &orders(subject)?, 1),
            nested("payments", &payments(subject)?, 1),
            nested("returns", &returns(subject)?, 1),
            nested("targets", &targets(subject)?, 1),
            nested("opportunities", &opportunities(subject)?, 1),
            nested("stock_2025_12", &stock(subject)?, 1),
        ],
        0,
    );
    Ok(("truth/totals.json", text + "\n"))
}

fn number(name: &str, value: impl ToString) -> Member {
    (name.to_owned(), value.to_string())
}

fn amount(name: &str, cents: i64) -> Member {
    (name.to_owned(), quoted(&money(cents)))
}

fn nested(name: &str, list: &[Member], depth: usize) -> Member {
    (name.to_owned(), members(list, depth))
}

/// written = loaded + quarantined + dropped_duplicate + dropped_by_rule.
fn table(dirty: &DirtyTable) -> Member {
    let shape = dirty.table.shape;
    let loaded = (0..dirty.clean_count).filter(|&row| dirty.is_loaded(row)).count();
    let counts = [
        number("written", dirty.table.rows.len()),
        number("loaded", loaded),
        number("quarantined", dirty.count(Outcome::Quarantined)),
        number("dropped_duplicate", dirty.count(Outcome::Dropped)),
        number("dropped_by_rule", dirty.ruled_out.len()),
        number("with_unknown", dirty.count(Outcome::Unknown)),
        number("repaired", dirty.count(Outcome::Repaired)),
    ];
    nested(&format!("{}.{}", shape.source.name(), shape.name), &counts, 2)
}

fn sales(subject: Subject<'_>) -> Vec<Member> {
    let sums = Sums::over(subject.sales);
    let customers: BTreeSet<_> = subject.sales.iter().filter_map(|sale| sale.customer).collect();
    let items: BTreeSet<_> = subject.sales.iter().filter_map(|sale| sale.item).collect();
    let currencies: Vec<Member> = Currency::ALL
        .into_iter()
        .map(|currency| {
            let sums = Sums::over(subject.sales.iter().filter(|sale| sale.currency == currency));
            let list = [
                number("lines", sums.lines),
                amount("net_amount", sums.net_cents),
                amount("base_net_amount", sums.base_net_cents),
            ];
            nested(currency.code(), &list, 3)
        })
        .collect();
    vec![
        number("lines", sums.lines),
        number("invoices", sums.invoices.len()),
        number("customers", customers.len()),
        number("items", items.len()),
        ("qty".to_owned(), quoted(&quantity(sums.qty_tenths))),
        amount("base_net_amount", sums.base_net_cents),
        nested("by_currency", &currencies, 2),
    ]
}

/// Loaded elements of `list`, which stands for the rows of `table`.
fn loaded<'a, T>(subject: Subject<'_>, table: &str, list: &'a [T]) -> Result<Vec<&'a T>> {
    Ok(subject.dirt.table(table)?.loaded(list).map(|(_, element)| element).collect())
}

fn orders(subject: Subject<'_>) -> Result<Vec<Member>> {
    let orders = &subject.model.orders;
    let lines = super::order::lines(orders);
    let lines = loaded(subject, "sales_order_item", &lines)?;
    let base_cents: i64 = lines
        .iter()
        .map(|&&(order, line)| {
            let order = &orders[order];
            super::decimal::in_base(order.deals[line].net_cents(), order.rate_e4)
        })
        .sum();
    Ok(vec![number("lines", lines.len()), amount("base_net_amount", base_cents)])
}

fn payments(subject: Subject<'_>) -> Result<Vec<Member>> {
    let list = loaded(subject, "payment", &subject.model.payments)?;
    let base_cents = list.iter().map(|payment| payment.base_cents).sum();
    Ok(vec![number("rows", list.len()), amount("base_paid_amount", base_cents)])
}

fn returns(subject: Subject<'_>) -> Result<Vec<Member>> {
    let list = loaded(subject, "sales_return", &subject.model.returns)?;
    let qty_tenths = list.iter().map(|entry| entry.deal.qty_tenths).sum();
    Ok(vec![
        number("rows", list.len()),
        ("qty".to_owned(), quoted(&quantity(qty_tenths))),
        amount("base_net_amount", list.iter().map(|entry| entry.base_net_cents).sum()),
    ])
}

fn targets(subject: Subject<'_>) -> Result<Vec<Member>> {
    let list = loaded(subject, "sales_target", &subject.model.targets)?;
    let cents = list.iter().map(|target| target.amount_cents).sum();
    Ok(vec![number("rows", list.len()), amount("target_amount", cents)])
}

fn opportunities(subject: Subject<'_>) -> Result<Vec<Member>> {
    let list = loaded(subject, "opportunity", &subject.model.crm.opportunities)?;
    let won = list.iter().filter(|entry| entry.stage() == "closed_won").count();
    Ok(vec![
        number("rows", list.len()),
        number("won", won),
        amount("base_amount", list.iter().map(|entry| entry.base_cents).sum()),
    ])
}

/// The stock on the last day: balances must not be summed over months.
fn stock(subject: Subject<'_>) -> Result<Vec<Member>> {
    let mut last = loaded(subject, "stock_balance", &subject.model.stock)?;
    last.retain(|balance| balance.month + 1 == MONTH_COUNT);
    let qty_tenths = last.iter().map(|balance| balance.balance_tenths).sum();
    Ok(vec![
        number("rows", last.len()),
        ("bal_qty".to_owned(), quoted(&quantity(qty_tenths))),
        amount("bal_val", last.iter().map(|balance| balance.value_cents).sum()),
    ])
}
