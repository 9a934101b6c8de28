//! The sales lines a correct load keeps, with what each points to.

use std::collections::{BTreeMap, BTreeSet};

use super::decimal::{money, quantity};
use super::department::Department;
use super::dirt::Dirt;
use super::exchange_rate::Currency;
use super::invoice::{Invoice, lines};
use super::item_group::ItemGroup;
use super::model::Model;
use super::region::County;
use crate::error::Result;

/// One loaded sales line; `None` is the unknown member.
#[derive(Debug)]
pub(super) struct Sale<'a> {
    /// The invoice.
    pub(super) invoice: &'a Invoice,
    /// The ERP customer, by position.
    pub(super) customer: Option<usize>,
    /// The item, by position.
    pub(super) item: Option<usize>,
    /// The item group.
    pub(super) group: Option<&'static ItemGroup>,
    /// The department of the sales person.
    pub(super) department: Option<&'static Department>,
    /// Where the bill goes.
    pub(super) billing: Option<&'static County>,
    /// Where the goods go.
    pub(super) shipping: Option<&'static County>,
    /// The currency of the invoice.
    pub(super) currency: Currency,
    /// Quantity in tenths.
    pub(super) qty_tenths: i64,
    /// The amount in the currency of the invoice.
    pub(super) net_cents: i64,
    /// The amount in yuan.
    pub(super) base_net_cents: i64,
}

/// All loaded sales lines, in file order.
pub(super) fn sales<'a>(model: &'a Model, dirt: &Dirt) -> Result<Vec<Sale<'a>>> {
    let details = dirt.table("sales_invoice_item")?;
    lines(&model.invoices)
        .into_iter()
        .enumerate()
        .filter(|(row, _)| details.is_loaded(*row))
        .map(|(row, of)| sale(model, dirt, row, of))
        .collect()
}

fn sale<'a>(model: &'a Model, dirt: &Dirt, row: usize, of: (usize, usize)) -> Result<Sale<'a>> {
    let (header, position) = of;
    let invoice = &model.invoices[header];
    let line = &invoice.lines[position];
    let (headers, details) = (dirt.table("sales_invoice")?, dirt.table("sales_invoice_item")?);
    let items = dirt.table("item")?;
    let is_known = |column: &str| !headers.is_unknown(header, column);
    let item = Some(line.deal.item).filter(|_| !details.is_unknown(row, "item_code"));
    let group = item
        .filter(|&item| !items.is_unknown(item, "item_group"))
        .map(|item| model.master.items[item].group);
    Ok(Sale {
        invoice,
        customer: is_known("customer").then_some(invoice.customer),
        item,
        group,
        department: is_known("sales_person")
            .then(|| model.master.employees[invoice.sales_person].department),
        billing: is_known("billing_county_code").then_some(invoice.billing),
        shipping: is_known("shipping_county_code").then_some(invoice.shipping),
        currency: model.master.customers[invoice.customer].currency,
        qty_tenths: line.deal.qty_tenths,
        net_cents: line.deal.net_cents(),
        base_net_cents: line.base_net_cents,
    })
}

/// Sums over some sales.
#[derive(Debug, Default)]
pub(super) struct Sums<'a> {
    /// Quantity in tenths.
    pub(super) qty_tenths: i64,
    /// The amount in the currency of the invoices; means something for one currency only.
    pub(super) net_cents: i64,
    /// The amount in yuan.
    pub(super) base_net_cents: i64,
    /// Number of lines.
    pub(super) lines: usize,
    /// The invoices they are on.
    pub(super) invoices: BTreeSet<&'a str>,
}

impl<'a> Sums<'a> {
    /// The columns [`Self::cells`] fills.
    pub(super) const COLUMNS: [&'static str; 4] = ["qty", "base_net_amount", "lines", "invoices"];

    /// The sums over `sales`.
    pub(super) fn over<'s>(sales: impl IntoIterator<Item = &'s Sale<'a>>) -> Self
    where
        'a: 's,
    {
        let mut sums = Self::default();
        for sale in sales {
            sums.add(sale);
        }
        sums
    }

    /// The sums as text.
    pub(super) fn cells(&self) -> [String; 4] {
        [
            quantity(self.qty_tenths),
            money(self.base_net_cents),
            self.lines.to_string(),
            self.invoices.len().to_string(),
        ]
    }

    fn add(&mut self, sale: &Sale<'a>) {
        self.qty_tenths += sale.qty_tenths;
        self.net_cents += sale.net_cents;
        self.base_net_cents += sale.base_net_cents;
        self.lines += 1;
        self.invoices.insert(&sale.invoice.name);
    }
}

/// Rows of text, one per distinct `key`, sorted: the key and the sums under it.
pub(super) fn grouped(
    sales: &[Sale<'_>],
    key: impl Fn(&Sale<'_>) -> Vec<String>,
) -> Vec<Vec<String>> {
    let mut groups: BTreeMap<Vec<String>, Sums<'_>> = BTreeMap::new();
    for sale in sales {
        groups.entry(key(sale)).or_default().add(sale);
    }
    groups.into_iter().map(|(key, sums)| [key, sums.cells().to_vec()].concat()).collect()
}
