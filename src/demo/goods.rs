//! Truth about goods: what was ordered, what came back, and what lies in stock.

use super::calendar::month_start;
use super::decimal::in_base;
use super::dirt::Dirt;
use super::model::Model;
use super::order::lines;
use super::tally::{Figure, Layout, Value};
use super::truth::{Page, month};
use crate::error::Result;

const ORDERS: Layout = Layout {
    key: &["month"],
    figures: &[
        ("qty", Figure::Quantity),
        ("base_net_amount", Figure::Money),
        ("lines", Figure::Whole),
        ("orders", Figure::Distinct),
    ],
};

const RETURNS: Layout = Layout {
    key: &["month", "reason"],
    figures: &[
        ("returns", Figure::Whole),
        ("qty", Figure::Quantity),
        ("base_net_amount", Figure::Money),
    ],
};

const STOCK: Layout = Layout {
    key: &["month", "warehouse"],
    figures: &[
        ("rows", Figure::Whole),
        ("in_qty", Figure::Quantity),
        ("out_qty", Figure::Quantity),
        ("bal_qty", Figure::Quantity),
        ("bal_val", Figure::Money),
    ],
};

/// The pages.
pub(super) fn pages(model: &Model, dirt: &Dirt) -> Result<Vec<Page>> {
    Ok(vec![
        ("truth/order_by_month.csv", orders(model, dirt)?),
        ("truth/return_by_month_reason.csv", returns(model, dirt)?),
        ("truth/stock_by_month_warehouse.csv", stock(model, dirt)?),
    ])
}

fn orders(model: &Model, dirt: &Dirt) -> Result<String> {
    let lines = lines(&model.orders);
    let rows = dirt.table("sales_order_item")?.loaded(&lines).map(|(_, &(header, position))| {
        let order = &model.orders[header];
        let deal = &order.deals[position];
        let values = vec![
            Value::Amount(deal.qty_tenths),
            Value::Amount(in_base(deal.net_cents(), order.rate_e4)),
            Value::Amount(1),
            Value::Member(header),
        ];
        (vec![month(order.date)], values)
    });
    Ok(ORDERS.page(rows))
}

fn returns(model: &Model, dirt: &Dirt) -> Result<String> {
    let rows = dirt.table("sales_return")?.loaded(&model.returns).map(|(_, entry)| {
        let values = vec![
            Value::Amount(1),
            Value::Amount(entry.deal.qty_tenths),
            Value::Amount(entry.base_net_cents),
        ];
        (vec![month(entry.date), entry.reason.to_owned()], values)
    });
    Ok(RETURNS.page(rows))
}

fn stock(model: &Model, dirt: &Dirt) -> Result<String> {
    let rows = dirt.table("stock_balance")?.loaded(&model.stock).map(|(_, balance)| {
        let values = vec![
            Value::Amount(1),
            Value::Amount(balance.in_tenths),
            Value::Amount(balance.out_tenths),
            Value::Amount(balance.balance_tenths),
            Value::Amount(balance.value_cents),
        ];
        (vec![month(month_start(balance.month)), balance.warehouse.to_owned()], values)
    });
    Ok(STOCK.page(rows))
}
