//! Money received, exported by a bank that writes `;` and decimal commas.

use chrono::{Datelike, NaiveDate};

use super::calendar::{earlier, last_day, later};
use super::decimal::{in_base, money, rate, scaled};
use super::dice::Dice;
use super::document::{DocStatus, Series};
use super::invoice::Invoice;
use super::master::Master;
use super::table::{Cell, Shape, Source, Table, cell};

/// A receipt for one invoice, or part of one.
#[derive(Debug)]
pub(super) struct Payment {
    name: String,
    /// The invoice paid, by position.
    pub(super) invoice: usize,
    /// When it came in.
    pub(super) date: NaiveDate,
    /// The amount in the currency of the invoice.
    pub(super) amount_cents: i64,
    /// The amount in yuan.
    pub(super) base_cents: i64,
    /// Yuan for one unit of the currency that day, in ten-thousandths.
    pub(super) rate_e4: i64,
    mode: &'static str,
    /// Whether it counts.
    pub(super) status: DocStatus,
}

/// All payments, by date.
pub(super) fn payments(master: &Master, invoices: &[Invoice]) -> Vec<Payment> {
    let mut dice = Dice::new(master.seed, "payment");
    let mut payments = Vec::new();
    for (index, invoice) in invoices.iter().enumerate() {
        if invoice.status.is_submitted() && dice.chance(93) {
            let grand_total = invoice.net_cents() + invoice.tax_cents();
            // One in twelve is paid in two parts.
            let share = if dice.chance(8) { dice.between(30, 70) } else { 100 };
            let first = scaled(grand_total, share, 100);
            for amount in [first, grand_total - first].into_iter().filter(|amount| *amount > 0) {
                payments.push(payment(&mut dice, master, (index, invoice), amount));
            }
        }
    }
    payments.retain(|payment| payment.date <= last_day());
    payments.sort_by_key(|payment| (payment.date, payment.invoice, payment.amount_cents));
    let mut series = Series::default();
    for payment in &mut payments {
        payment.name = series.next("PAY", payment.date.year());
    }
    payments
}

/// Slow payers stay slow: half of the delay comes from who pays.
fn payment(dice: &mut Dice, master: &Master, of: (usize, &Invoice), amount_cents: i64) -> Payment {
    let (index, invoice) = of;
    let habit = i64::try_from(invoice.customer % 9).unwrap_or(0) * 4;
    let date = later(earlier(invoice.due_date, 10), habit + dice.between(0, 25));
    let currency = master.customers[invoice.customer].currency;
    let rate_e4 = master.rates.e4(currency, date.min(last_day()));
    Payment {
        name: String::new(),
        invoice: index,
        date,
        amount_cents,
        base_cents: in_base(amount_cents, rate_e4),
        rate_e4,
        mode: dice.word(&["Bank Transfer", "Bank Transfer", "Acceptance Bill", "Cheque"]),
        status: if dice.below(150) == 0 { DocStatus::Cancelled } else { DocStatus::Submitted },
    }
}

static SHAPE: Shape = Shape {
    source: Source::Erp,
    name: "payment",
    columns: &[
        ("name", "VARCHAR(20)"),
        ("party", "VARCHAR(20)"),
        ("reference_name", "VARCHAR(20)"),
        ("posting_date", "DATE"),
        ("mode_of_payment", "VARCHAR(20)"),
        ("currency", "VARCHAR(3)"),
        ("exchange_rate", "DECIMAL(12,4)"),
        ("paid_amount", "DECIMAL(14,2)"),
        ("base_paid_amount", "DECIMAL(14,2)"),
        ("docstatus", "INTEGER"),
    ],
    key_width: 1,
};

/// `erp/payment.csv`.
pub(super) fn table(payments: &[Payment], invoices: &[Invoice], master: &Master) -> Table {
    Table::of(&SHAPE, payments, |payment| row(payment, &invoices[payment.invoice], master))
}

fn row(payment: &Payment, invoice: &Invoice, master: &Master) -> Vec<Cell> {
    let customer = &master.customers[invoice.customer];
    vec![
        cell(&payment.name),
        cell(&customer.code),
        cell(&invoice.name),
        cell(payment.date),
        cell(payment.mode),
        cell(customer.currency.code()),
        cell(rate(payment.rate_e4)),
        cell(money(payment.amount_cents)),
        cell(money(payment.base_cents)),
        cell(payment.status.code()),
    ]
}
