//! What must come out after loading both systems as they are.
//!
//! Everything is computed from the clean model and the list of defects, never by reading the
//! files, so a mistake in cleaning cannot hide in the truth as well.

use std::collections::BTreeMap;

use chrono::{Datelike, NaiveDate};

use super::calendar::month_start;
use super::csv::render_rows;
use super::decimal::money;
use super::dirt::Dirt;
use super::ledger::{Sale, Sums, grouped};
use super::model::Model;
use super::region::County;
use crate::error::Result;

/// The name of the member that rows without a proper reference point to.
pub(super) const UNKNOWN: &str = "(unknown)";

/// Path and text of a truth file.
pub(super) type Page = (&'static str, String);

/// All pages of the first layer, except the totals.
pub(super) fn pages(model: &Model, dirt: &Dirt, sales: &[Sale<'_>]) -> Result<Vec<Page>> {
    Ok(vec![
        ("truth/defects.csv", defects(dirt)),
        ("truth/sales_by_month_country.csv", by_month_country(sales)),
        ("truth/sales_by_item_group_year.csv", by_item_group_year(sales)),
        ("truth/sales_by_department_quarter.csv", by_department_quarter(sales)),
        ("truth/sales_by_customer.csv", by_customer(model, sales)),
        ("truth/sales_by_county.csv", by_county(sales)),
        ("truth/opportunity_by_stage.csv", by_stage(model, dirt)?),
        ("truth/opportunity_by_industry.csv", by_industry(model, dirt)?),
        ("truth/target_by_month_department.csv", targets(model, dirt)?),
    ])
}

fn defects(dirt: &Dirt) -> String {
    let mut rows = Vec::new();
    for dirty in &dirt.tables {
        let positions = dirty.positions();
        let mut defects: Vec<_> = dirty.defects.iter().map(|d| (positions[&d.row], d)).collect();
        defects.sort_by_key(|(position, _)| *position);
        for (position, defect) in defects {
            rows.push(vec![
                dirty.table.shape.source.name().to_owned(),
                dirty.table.shape.name.to_owned(),
                (position + 1).to_string(),
                dirty.table.key(position),
                defect.column.to_owned(),
                defect.kind.name().to_owned(),
                defect.value.clone(),
                defect.kind.outcome().name().to_owned(),
            ]);
        }
    }
    let header = ["source", "table", "row", "key", "column", "kind", "value", "outcome"];
    render_rows(&header, &rows)
}

fn sums_page(key: &[&str], rows: &[Vec<String>]) -> String {
    render_rows(&[key, &Sums::COLUMNS].concat(), rows)
}

/// The name of `member`, or what stands for the unknown one.
pub(super) fn or_unknown<T>(member: Option<T>, name: impl Fn(T) -> String) -> String {
    member.map_or_else(|| UNKNOWN.to_owned(), name)
}

/// The month of `date`, as the calendar calls it.
pub(super) fn month(date: NaiveDate) -> String {
    date.format("%Y-%m").to_string()
}

fn by_month_country(sales: &[Sale<'_>]) -> String {
    let rows = grouped(sales, |sale| {
        let month = month(sale.invoice.posting_date);
        vec![month, or_unknown(sale.billing, |county| county.country().code.to_owned())]
    });
    sums_page(&["month", "billing_country_code"], &rows)
}

fn by_item_group_year(sales: &[Sale<'_>]) -> String {
    let rows = grouped(sales, |sale| {
        vec![
            or_unknown(sale.group, |group| group.parent.to_owned()),
            or_unknown(sale.group, |group| group.code.to_owned()),
            sale.invoice.posting_date.year().to_string(),
        ]
    });
    sums_page(&["parent_item_group", "item_group", "year"], &rows)
}

fn by_department_quarter(sales: &[Sale<'_>]) -> String {
    let rows = grouped(sales, |sale| {
        let date = sale.invoice.posting_date;
        vec![
            or_unknown(sale.department, |department| department.code.to_owned()),
            format!("{}-Q{}", date.year(), date.month0() / 3 + 1),
        ]
    });
    sums_page(&["department", "quarter"], &rows)
}

fn by_customer(model: &Model, sales: &[Sale<'_>]) -> String {
    let rows = grouped(sales, |sale| {
        vec![or_unknown(sale.customer, |customer| model.master.customers[customer].code.clone())]
    });
    sums_page(&["customer"], &rows)
}

/// Both roles of the region dimension, one after the other.
fn by_county(sales: &[Sale<'_>]) -> String {
    let county = |role: &str, county: Option<&'static County>| {
        vec![role.to_owned(), or_unknown(county, |county| county.code.to_owned())]
    };
    let mut rows = grouped(sales, |sale| county("billing", sale.billing));
    rows.extend(grouped(sales, |sale| county("shipping", sale.shipping)));
    sums_page(&["role", "county_code"], &rows)
}

/// Loaded opportunities by some text: how many, and how much in yuan.
fn opportunities_by(
    model: &Model,
    dirt: &Dirt,
    key: impl Fn(usize) -> String,
) -> Result<BTreeMap<String, (usize, i64)>> {
    let table = dirt.table("opportunity")?;
    let mut groups: BTreeMap<String, (usize, i64)> = BTreeMap::new();
    for (row, opportunity) in table.loaded(&model.crm.opportunities) {
        let group = groups.entry(key(row)).or_default();
        group.0 += 1;
        group.1 += opportunity.base_cents;
    }
    Ok(groups)
}

fn opportunity_page(name: &str, groups: BTreeMap<String, (usize, i64)>) -> String {
    let rows: Vec<Vec<String>> = groups
        .into_iter()
        .map(|(key, (count, cents))| vec![key, count.to_string(), money(cents)])
        .collect();
    render_rows(&[name, "opportunities", "base_amount"], &rows)
}

fn by_stage(model: &Model, dirt: &Dirt) -> Result<String> {
    let stage = |row: usize| model.crm.opportunities[row].stage().to_owned();
    Ok(opportunity_page("sales_stage", opportunities_by(model, dirt, stage)?))
}

fn by_industry(model: &Model, dirt: &Dirt) -> Result<String> {
    let (table, accounts) = (dirt.table("opportunity")?, dirt.table("account")?);
    let industry = |row: usize| {
        let account = model.crm.opportunities[row].account;
        let is_unknown =
            table.is_unknown(row, "account_id") || accounts.is_unknown(account, "industry");
        let entity = &model.master.entities[model.crm.accounts[account].entity];
        or_unknown((!is_unknown).then_some(entity), |entity| entity.industry.code.to_owned())
    };
    Ok(opportunity_page("industry", opportunities_by(model, dirt, industry)?))
}

fn targets(model: &Model, dirt: &Dirt) -> Result<String> {
    let table = dirt.table("sales_target")?;
    let mut groups: BTreeMap<(String, &str), (i64, usize)> = BTreeMap::new();
    for (_, target) in table.loaded(&model.targets) {
        let month = month(month_start(target.month));
        let group = groups.entry((month, target.department.code)).or_default();
        group.0 += target.amount_cents;
        group.1 += 1;
    }
    let rows: Vec<Vec<String>> = groups
        .into_iter()
        .map(|((month, department), (cents, count))| {
            vec![month, department.to_owned(), money(cents), count.to_string()]
        })
        .collect();
    Ok(render_rows(&["month", "department", "target_amount", "rows"], &rows))
}
