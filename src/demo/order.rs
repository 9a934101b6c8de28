//! Sales orders and their lines.

use chrono::{Datelike, NaiveDate, Weekday};

use super::calendar::{MONTH_COUNT, day_between, earlier, last_day, later, month_end, month_start};
use super::deal::{Deal, Shelf};
use super::decimal::{in_base, money, quantity, rate};
use super::dice::{Dice, Wheel};
use super::document::{DocStatus, Series};
use super::master::Master;
use super::table::{Cell, Shape, Source, Table, cell};

/// How busy each month of a year is; spring festival empties February.
const SEASON: [u64; 12] = [78, 52, 108, 104, 99, 107, 92, 94, 112, 98, 116, 130];

/// A sales order.
#[derive(Debug)]
pub(super) struct Order {
    /// The key.
    pub(super) name: String,
    /// Who ordered, by position.
    pub(super) customer: usize,
    /// When it was ordered.
    pub(super) date: NaiveDate,
    /// When it shall be delivered.
    pub(super) delivery_date: NaiveDate,
    /// Whether it counts.
    pub(super) status: DocStatus,
    /// Who sold it, by position.
    pub(super) sales_person: usize,
    /// Yuan for one unit of the currency, in ten-thousandths.
    pub(super) rate_e4: i64,
    /// What was agreed.
    pub(super) deals: Vec<Deal>,
    po_no: Option<String>,
}

impl Order {
    /// The sum of the lines, in the currency of the order.
    pub(super) fn net_cents(&self) -> i64 {
        self.deals.iter().map(Deal::net_cents).sum()
    }

    /// The sum of the lines in yuan, each line rounded.
    pub(super) fn base_net_cents(&self) -> i64 {
        self.deals.iter().map(|deal| in_base(deal.net_cents(), self.rate_e4)).sum()
    }
}

/// All orders, by date.
pub(super) fn orders(master: &Master, shelf: &Shelf) -> Vec<Order> {
    let mut dice = Dice::new(master.seed, "order");
    let buyers =
        Wheel::new(master.customers.iter().enumerate().map(|(c, _)| master.entity_of(c).weight));
    let mut orders = Vec::new();
    for (month, count) in month_counts(master.scale.transactions(950)).into_iter().enumerate() {
        let month = u32::try_from(month).unwrap_or(0);
        for _ in 0..count {
            let date = business_day(&mut dice, month);
            if let Some(customer) = get_buyer(&mut dice, &buyers, master, date) {
                orders.push(order(&mut dice, master, shelf, (customer, date)));
            }
        }
    }
    orders.sort_by_key(|order| (order.date, order.customer));
    let mut series = Series::default();
    for order in &mut orders {
        order.name = series.next("SO", order.date.year());
    }
    orders
}

/// Spreads `total` over the months: by season, and 9 % more every year.
fn month_counts(total: usize) -> Vec<usize> {
    let weights: Vec<usize> = (0..MONTH_COUNT as usize)
        .map(|month| usize::try_from(SEASON[month % 12]).unwrap_or(100) * (100 + 9 * (month / 12)))
        .collect();
    let sum: usize = weights.iter().sum();
    weights.into_iter().map(|weight| total * weight / sum + 1).collect()
}

/// A day of `month`, seldom on a weekend.
pub(super) fn business_day(dice: &mut Dice, month: u32) -> NaiveDate {
    let mut date = month_start(month);
    for _ in 0..4 {
        date = day_between(dice, month_start(month), month_end(month));
        if !matches!(date.weekday(), Weekday::Sat | Weekday::Sun) {
            break;
        }
    }
    date
}

/// A customer that does business on `date`.
pub(super) fn get_buyer(
    dice: &mut Dice,
    buyers: &Wheel,
    master: &Master,
    date: NaiveDate,
) -> Option<usize> {
    for _ in 0..60 {
        let customer = buyers.spin(dice);
        let record = &master.customers[customer];
        if record.creation <= date && date <= record.until {
            return Some(customer);
        }
    }
    None
}

fn order(dice: &mut Dice, master: &Master, shelf: &Shelf, buyer: (usize, NaiveDate)) -> Order {
    let (customer, date) = buyer;
    let record = &master.customers[customer];
    let line_count = *dice.pick(&[1, 1, 2, 2, 2, 3, 3, 4, 5]);
    let is_recent = date > earlier(last_day(), 14);
    Order {
        name: String::new(),
        customer,
        date,
        delivery_date: later(date, dice.between(7, 45)),
        status: match dice.below(100) {
            0..3 => DocStatus::Cancelled,
            3..20 if is_recent => DocStatus::Draft,
            _ => DocStatus::Submitted,
        },
        sales_person: record.account_manager,
        rate_e4: master.rates.e4(record.currency, date),
        deals: (0..line_count).map(|_| shelf.deal(dice, master, customer, date)).collect(),
        po_no: dice.chance(60).then(|| format!("PO{}", 10_000 + dice.below(90_000))),
    }
}

static SHAPE: Shape = Shape {
    source: Source::Erp,
    name: "sales_order",
    columns: &[
        ("name", "VARCHAR(20)"),
        ("customer", "VARCHAR(20)"),
        ("transaction_date", "DATE"),
        ("delivery_date", "DATE"),
        ("po_no", "VARCHAR(20)"),
        ("sales_person", "VARCHAR(20)"),
        ("currency", "VARCHAR(3)"),
        ("conversion_rate", "DECIMAL(12,4)"),
        ("net_total", "DECIMAL(14,2)"),
        ("base_net_total", "DECIMAL(14,2)"),
        ("docstatus", "INTEGER"),
    ],
    key_width: 1,
};

static LINE_SHAPE: Shape = Shape {
    source: Source::Erp,
    name: "sales_order_item",
    columns: &[
        ("parent", "VARCHAR(20)"),
        ("idx", "INTEGER"),
        ("item_code", "VARCHAR(20)"),
        ("qty", "DECIMAL(14,2)"),
        ("price_list_rate", "DECIMAL(14,2)"),
        ("discount_percentage", "DECIMAL(5,2)"),
        ("rate", "DECIMAL(14,2)"),
        ("net_amount", "DECIMAL(14,2)"),
        ("base_net_amount", "DECIMAL(14,2)"),
    ],
    key_width: 2,
};

/// `erp/sales_order.csv`.
pub(super) fn table(orders: &[Order], master: &Master) -> Table {
    Table::of(&SHAPE, orders, |order| {
        let customer = &master.customers[order.customer];
        vec![
            cell(&order.name),
            cell(&customer.code),
            cell(order.date),
            cell(order.delivery_date),
            order.po_no.clone(),
            cell(&master.employees[order.sales_person].code),
            cell(customer.currency.code()),
            cell(rate(order.rate_e4)),
            cell(money(order.net_cents())),
            cell(money(order.base_net_cents())),
            cell(order.status.code()),
        ]
    })
}

/// Order and position of every line, in file order.
pub(super) fn lines(orders: &[Order]) -> Vec<(usize, usize)> {
    orders
        .iter()
        .enumerate()
        .flat_map(|(order, header)| (0..header.deals.len()).map(move |line| (order, line)))
        .collect()
}

/// `erp/sales_order_item.csv`.
pub(super) fn line_table(orders: &[Order], master: &Master) -> Table {
    Table::of(&LINE_SHAPE, &lines(orders), |&(order, line)| line_row(&orders[order], line, master))
}

fn line_row(order: &Order, line: usize, master: &Master) -> Vec<Cell> {
    let deal = &order.deals[line];
    vec![
        cell(&order.name),
        cell(line + 1),
        cell(&master.items[deal.item].code),
        cell(quantity(deal.qty_tenths)),
        cell(money(deal.list_cents)),
        cell(money(deal.discount_percent * 100)),
        cell(money(deal.rate_cents)),
        cell(money(deal.net_cents())),
        cell(money(in_base(deal.net_cents(), order.rate_e4))),
    ]
}
