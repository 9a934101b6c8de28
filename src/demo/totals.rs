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
pub(super) fn page(subject: Subject<'_>, seed: u64, scale: u32) -> Page {
    let tables: Vec<Member> = subject.dirt.tables.iter().map(table).collect();
    let text = members(
        &[
            number("seed", seed),
            number("scale", scale),
            nested("tables", &tables, 1),
            nested("sales", &sales(subject), 1),
            nested("orders", &orders(subject), 1),
            nested("payments", &payments(subject), 1),
            nested("returns", &returns(subject), 1),
            nested("targets", &targets(subject), 1),
            nested("opportunities", &opportunities(subject), 1),
            nested("stock_2025_12", &stock(subject), 1),
        ],
        0,
    );
    ("truth/totals.json", text + "\n")
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
fn loaded<'a, T>(
    subject: Subject<'a>,
    table: &str,
    list: &'a [T],
) -> impl Iterator<Item = &'a T> + use<'a, T> {
    let table = subject.dirt.table(table);
    list.iter().enumerate().filter(|(row, _)| table.is_loaded(*row)).map(|(_, element)| element)
}

fn orders(subject: Subject<'_>) -> Vec<Member> {
    let orders = &subject.model.orders;
    let lines = super::order::lines(orders);
    let base_cents: i64 = loaded(subject, "sales_order_item", &lines)
        .map(|&(order, line)| {
            let order = &orders[order];
            super::decimal::in_base(order.deals[line].net_cents(), order.rate_e4)
        })
        .sum();
    vec![
        number("lines", loaded(subject, "sales_order_item", &lines).count()),
        amount("base_net_amount", base_cents),
    ]
}

fn payments(subject: Subject<'_>) -> Vec<Member> {
    let list = &subject.model.payments;
    vec![
        number("rows", loaded(subject, "payment", list).count()),
        amount(
            "base_paid_amount",
            loaded(subject, "payment", list).map(|payment| payment.base_cents).sum(),
        ),
    ]
}

fn returns(subject: Subject<'_>) -> Vec<Member> {
    let list = &subject.model.returns;
    let qty_tenths = loaded(subject, "sales_return", list).map(|entry| entry.deal.qty_tenths).sum();
    vec![
        number("rows", loaded(subject, "sales_return", list).count()),
        ("qty".to_owned(), quoted(&quantity(qty_tenths))),
        amount(
            "base_net_amount",
            loaded(subject, "sales_return", list).map(|entry| entry.base_net_cents).sum(),
        ),
    ]
}

fn targets(subject: Subject<'_>) -> Vec<Member> {
    let list = &subject.model.targets;
    vec![
        number("rows", loaded(subject, "sales_target", list).count()),
        amount(
            "target_amount",
            loaded(subject, "sales_target", list).map(|target| target.amount_cents).sum(),
        ),
    ]
}

fn opportunities(subject: Subject<'_>) -> Vec<Member> {
    let list = &subject.model.crm.opportunities;
    let won = |entry: &&super::opportunity::Opportunity| entry.stage() == "closed_won";
    vec![
        number("rows", loaded(subject, "opportunity", list).count()),
        number("won", loaded(subject, "opportunity", list).filter(won).count()),
        amount(
            "base_amount",
            loaded(subject, "opportunity", list).map(|entry| entry.base_cents).sum(),
        ),
    ]
}

/// The stock on the last day: balances must not be summed over months.
fn stock(subject: Subject<'_>) -> Vec<Member> {
    let last: Vec<_> = loaded(subject, "stock_balance", &subject.model.stock)
        .filter(|balance| balance.month + 1 == MONTH_COUNT)
        .collect();
    let qty_tenths = last.iter().map(|balance| balance.balance_tenths).sum();
    vec![
        number("rows", last.len()),
        ("bal_qty".to_owned(), quoted(&quantity(qty_tenths))),
        amount("bal_val", last.iter().map(|balance| balance.value_cents).sum()),
    ]
}
