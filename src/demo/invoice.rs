//! Sales invoices and their lines: the grain of the sales facts.

use chrono::{Datelike, NaiveDate};

use super::calendar::{earlier, last_day, later, month_end};
use super::deal::{Deal, Shelf};
use super::decimal::{in_base, money, quantity, rate};
use super::dice::{Dice, Wheel};
use super::document::{DocStatus, Series};
use super::item::{Item, WAREHOUSES};
use super::master::Master;
use super::order::{Order, business_day, get_buyer};
use super::region::{COUNTIES, County, DOMESTIC_COUNT};
use super::table::{Cell, Shape, Source, Table, cell};

/// A sales invoice.
#[derive(Debug)]
pub(super) struct Invoice {
    /// The key.
    pub(super) name: String,
    /// Who pays, by position.
    pub(super) customer: usize,
    /// The order delivered with it, by position; none over the counter.
    pub(super) order: Option<usize>,
    /// The date it counts for.
    pub(super) posting_date: NaiveDate,
    /// When it must be paid.
    pub(super) due_date: NaiveDate,
    /// Whether it counts.
    pub(super) status: DocStatus,
    /// Who sold it, by position.
    pub(super) sales_person: usize,
    /// Where the bill goes.
    pub(super) billing: &'static County,
    /// Where the goods go.
    pub(super) shipping: &'static County,
    /// Yuan for one unit of the currency, in ten-thousandths.
    pub(super) rate_e4: i64,
    /// What is billed.
    pub(super) lines: Vec<Line>,
}

/// One line of an invoice.
#[derive(Debug)]
pub(super) struct Line {
    /// What is billed, for how much.
    pub(super) deal: Deal,
    /// The amount in yuan.
    pub(super) base_net_cents: i64,
    /// What one unit cost the company, in yuan.
    pub(super) cost_cents: i64,
    /// Where it left from; none for services.
    pub(super) warehouse: Option<&'static str>,
}

impl Invoice {
    /// The sum of the lines, in the currency of the invoice.
    pub(super) fn net_cents(&self) -> i64 {
        self.lines.iter().map(|line| line.deal.net_cents()).sum()
    }

    /// The sum of the lines in yuan.
    pub(super) fn base_net_cents(&self) -> i64 {
        self.lines.iter().map(|line| line.base_net_cents).sum()
    }

    /// Value added tax: 13 % at home, none on exports.
    pub(super) fn tax_cents(&self) -> i64 {
        let percent = if self.billing.country().code == "CN" { 13 } else { 0 };
        super::decimal::scaled(self.net_cents(), percent, 100)
    }
}

/// All invoices, by date: deliveries of orders, and sales over the counter.
pub(super) fn invoices(master: &Master, shelf: &Shelf, orders: &[Order]) -> Vec<Invoice> {
    let mut dice = Dice::new(master.seed, "invoice");
    let mut invoices = Vec::new();
    for (index, order) in orders.iter().enumerate() {
        if order.status.is_submitted() {
            invoices.extend(deliveries(&mut dice, master, (index, order)));
        }
    }
    invoices.extend(counter_sales(&mut dice, master, shelf));
    invoices.retain(|invoice| invoice.posting_date <= last_day());
    invoices.sort_by_key(|invoice| (invoice.posting_date, invoice.customer, invoice.order));
    let mut series = Series::default();
    for invoice in &mut invoices {
        invoice.name = series.next("SINV", invoice.posting_date.year());
    }
    invoices
}

/// One invoice for the whole order, or two for two deliveries.
fn deliveries(dice: &mut Dice, master: &Master, order: (usize, &Order)) -> Vec<Invoice> {
    let (index, order) = order;
    let first_date = later(order.date, dice.between(2, 30));
    if dice.chance(62) {
        let deals = order.deals.clone();
        return vec![invoice(dice, master, (order.customer, Some(index)), (first_date, deals))];
    }
    let second_date = later(first_date, dice.between(10, 40));
    let (mut first, mut second) = (Vec::new(), Vec::new());
    for deal in &order.deals {
        let half = deal.qty_tenths / 20 * 10;
        if half > 0 {
            first.push(deal.over(half));
        }
        second.push(deal.over(deal.qty_tenths - half));
    }
    [(first_date, first), (second_date, second)]
        .into_iter()
        .filter(|(_, deals)| !deals.is_empty())
        .map(|delivery| invoice(dice, master, (order.customer, Some(index)), delivery))
        .collect()
}

fn counter_sales(dice: &mut Dice, master: &Master, shelf: &Shelf) -> Vec<Invoice> {
    let buyers = Wheel::new((0..master.customers.len()).map(|c| master.entity_of(c).weight));
    let mut invoices = Vec::new();
    for _ in 0..master.scale.transactions(420) {
        let month = u32::try_from(dice.below(36)).unwrap_or(0);
        let date = business_day(dice, month);
        let Some(customer) = get_buyer(dice, &buyers, master, date) else { continue };
        let line_count = *dice.pick(&[1, 1, 2, 2, 3, 4]);
        let deals = (0..line_count).map(|_| shelf.deal(dice, master, customer, date)).collect();
        invoices.push(invoice(dice, master, (customer, None), (date, deals)));
    }
    invoices
}

/// `who` is the customer and the order, `what` the date and the goods.
fn invoice(
    dice: &mut Dice,
    master: &Master,
    who: (usize, Option<usize>),
    what: (NaiveDate, Vec<Deal>),
) -> Invoice {
    let ((customer, order), (posting_date, deals)) = (who, what);
    let record = &master.customers[customer];
    let rate_e4 = master.rates.e4(record.currency, posting_date);
    let billing = master.entity_of(customer).county;
    let lines = deals
        .into_iter()
        .map(|deal| {
            let item = &master.items[deal.item];
            Line {
                base_net_cents: in_base(deal.net_cents(), rate_e4),
                cost_cents: item.cost_cents,
                warehouse: get_warehouse(dice, item),
                deal,
            }
        })
        .collect();
    Invoice {
        name: String::new(),
        customer,
        order,
        posting_date,
        due_date: later(posting_date, record.payment_days),
        status: status(dice, posting_date),
        sales_person: record.account_manager,
        billing,
        shipping: shipping(dice, billing),
        rate_e4,
        lines,
    }
}

fn get_warehouse(dice: &mut Dice, item: &Item) -> Option<&'static str> {
    (item.warehouse_count > 0).then(|| WAREHOUSES[dice.index(item.warehouse_count)])
}

fn status(dice: &mut Dice, posting_date: NaiveDate) -> DocStatus {
    let is_recent = posting_date > earlier(month_end(35), 12);
    match dice.below(200) {
        0..3 => DocStatus::Cancelled,
        3..24 if is_recent => DocStatus::Draft,
        3 => DocStatus::Draft,
        _ => DocStatus::Submitted,
    }
}

/// Most goods go where the bill goes; some go to a site elsewhere in the country.
fn shipping(dice: &mut Dice, billing: &'static County) -> &'static County {
    let is_elsewhere = billing.country().code == "CN" && dice.chance(18);
    if is_elsewhere { &COUNTIES[dice.index(DOMESTIC_COUNT)] } else { billing }
}

static SHAPE: Shape = Shape {
    source: Source::Erp,
    name: "sales_invoice",
    columns: &[
        ("name", "VARCHAR(20)"),
        ("customer", "VARCHAR(20)"),
        ("sales_order", "VARCHAR(20)"),
        ("posting_date", "DATE"),
        ("due_date", "DATE"),
        ("sales_person", "VARCHAR(20)"),
        ("billing_county_code", "VARCHAR(16)"),
        ("shipping_county_code", "VARCHAR(16)"),
        ("currency", "VARCHAR(3)"),
        ("conversion_rate", "DECIMAL(12,4)"),
        ("net_total", "DECIMAL(14,2)"),
        ("base_net_total", "DECIMAL(14,2)"),
        ("total_taxes_and_charges", "DECIMAL(14,2)"),
        ("grand_total", "DECIMAL(14,2)"),
        ("docstatus", "INTEGER"),
    ],
    key_width: 1,
};

static LINE_SHAPE: Shape = Shape {
    source: Source::Erp,
    name: "sales_invoice_item",
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
        ("incoming_rate", "DECIMAL(14,2)"),
        ("warehouse", "VARCHAR(20)"),
    ],
    key_width: 2,
};

/// `erp/sales_invoice.csv`.
pub(super) fn table(invoices: &[Invoice], orders: &[Order], master: &Master) -> Table {
    Table::of(&SHAPE, invoices, |invoice| {
        let customer = &master.customers[invoice.customer];
        vec![
            cell(&invoice.name),
            cell(&customer.code),
            invoice.order.map(|order| orders[order].name.clone()),
            cell(invoice.posting_date),
            cell(invoice.due_date),
            cell(&master.employees[invoice.sales_person].code),
            cell(invoice.billing.code),
            cell(invoice.shipping.code),
            cell(customer.currency.code()),
            cell(rate(invoice.rate_e4)),
            cell(money(invoice.net_cents())),
            cell(money(invoice.base_net_cents())),
            cell(money(invoice.tax_cents())),
            cell(money(invoice.net_cents() + invoice.tax_cents())),
            cell(invoice.status.code()),
        ]
    })
}

/// Invoice and position of every line, in file order.
pub(super) fn lines(invoices: &[Invoice]) -> Vec<(usize, usize)> {
    invoices
        .iter()
        .enumerate()
        .flat_map(|(invoice, header)| (0..header.lines.len()).map(move |line| (invoice, line)))
        .collect()
}

/// `erp/sales_invoice_item.csv`.
pub(super) fn line_table(invoices: &[Invoice], master: &Master) -> Table {
    Table::of(&LINE_SHAPE, &lines(invoices), |&(invoice, line)| {
        line_row(&invoices[invoice], line, master)
    })
}

fn line_row(invoice: &Invoice, position: usize, master: &Master) -> Vec<Cell> {
    let line = &invoice.lines[position];
    vec![
        cell(&invoice.name),
        cell(position + 1),
        cell(&master.items[line.deal.item].code),
        cell(quantity(line.deal.qty_tenths)),
        cell(money(line.deal.list_cents)),
        cell(money(line.deal.discount_percent * 100)),
        cell(money(line.deal.rate_cents)),
        cell(money(line.deal.net_cents())),
        cell(money(line.base_net_cents)),
        cell(money(line.cost_cents)),
        line.warehouse.map(str::to_owned),
    ]
}
