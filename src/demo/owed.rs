//! Truth about what customers owe: what was invoiced with taxes, and what came in for it.

use chrono::NaiveDate;

use super::dirt::{Dirt, DirtyTable};
use super::invoice::Invoice;
use super::model::Model;
use super::payment::Payment;
use super::tally::{Figure, Layout, Value};
use super::truth::{Page, month, or_unknown};
use crate::error::Result;

/// Receipts are settled at the rate of their invoice, so that what is paid in full leaves nothing.
const FIGURES: &[(&str, Figure)] = &[
    ("invoices", Figure::Whole),
    ("invoiced", Figure::Exact),
    ("payments", Figure::Whole),
    ("base_paid_amount", Figure::Money),
    ("settled", Figure::Exact),
    ("outstanding", Figure::Exact),
];

/// An invoice or a receipt that a correct load keeps.
#[derive(Debug)]
struct Entry {
    date: NaiveDate,
    /// None for a receipt whose invoice is not loaded.
    due: Option<NaiveDate>,
    /// The ERP customer, by position; none when unknown.
    customer: Option<usize>,
    values: Vec<Value>,
}

/// The pages.
pub(super) fn pages(model: &Model, dirt: &Dirt) -> Result<Vec<Page>> {
    let (headers, receipts) = (dirt.table("sales_invoice")?, dirt.table("payment")?);
    let invoices = headers.loaded(&model.invoices).map(|of| invoiced(headers, of));
    let payments = receipts.loaded(&model.payments).map(|(row, payment)| {
        let invoice = &model.invoices[payment.invoice];
        let is_open = headers.is_loaded(payment.invoice);
        let customer = (!receipts.is_unknown(row, "party")).then_some(invoice.customer);
        received(payment, is_open.then_some(invoice), customer)
    });
    let entries: Vec<Entry> = invoices.chain(payments).collect();
    let customer = |entry: &Entry| {
        or_unknown(entry.customer, |customer| model.master.customers[customer].code.clone())
    };
    let due = |entry: &Entry| or_unknown(entry.due, month);
    Ok(vec![
        ("truth/receivable_by_month.csv", page(&["month"], &entries, |entry| month(entry.date))),
        ("truth/receivable_by_due_month.csv", page(&["due_month"], &entries, due)),
        ("truth/receivable_by_customer.csv", page(&["customer"], &entries, customer)),
    ])
}

fn invoiced(headers: &DirtyTable, (row, invoice): (usize, &Invoice)) -> Entry {
    let amount = (invoice.net_cents() + invoice.tax_cents()) * invoice.rate_e4;
    Entry {
        date: invoice.posting_date,
        due: Some(invoice.due_date),
        customer: (!headers.is_unknown(row, "customer")).then_some(invoice.customer),
        values: vec![
            Value::Amount(1),
            Value::Amount(amount),
            Value::Amount(0),
            Value::Nothing,
            Value::Nothing,
            Value::Amount(amount),
        ],
    }
}

/// `invoice` is the loaded one; a receipt for another is settled at its own rate.
fn received(payment: &Payment, invoice: Option<&Invoice>, customer: Option<usize>) -> Entry {
    let rate_e4 = invoice.map_or(payment.rate_e4, |invoice| invoice.rate_e4);
    let settled = payment.amount_cents * rate_e4;
    Entry {
        date: payment.date,
        due: invoice.map(|invoice| invoice.due_date),
        customer,
        values: vec![
            Value::Amount(0),
            Value::Nothing,
            Value::Amount(1),
            Value::Amount(payment.base_cents),
            Value::Amount(settled),
            Value::Amount(-settled),
        ],
    }
}

fn page(
    name: &'static [&'static str],
    entries: &[Entry],
    key: impl Fn(&Entry) -> String,
) -> String {
    let layout = Layout { key: name, figures: FIGURES };
    layout.page(entries.iter().map(|entry| (vec![key(entry)], entry.values.clone())))
}
