//! Which CRM account and which ERP customer are one company, and what it bought.

use std::collections::BTreeMap;

use super::account::Account;
use super::csv::render_rows;
use super::customer::Customer;
use super::ledger::{Sale, Sums, grouped};
use super::model::Model;
use super::truth::{Page, UNKNOWN};

/// The pages of the second layer: after customers are unified.
pub(super) fn pages(model: &Model, sales: &[Sale<'_>]) -> Vec<Page> {
    vec![
        ("truth/customer_match.csv", matches(model)),
        ("truth/unified_sales_by_customer.csv", unified_sales(model, sales)),
    ]
}

/// One row per pair; companies known to one system only have one side empty.
fn matches(model: &Model) -> String {
    let accounts =
        by_entity(&model.crm.accounts, |account| (!account.is_deleted).then_some(account.entity));
    let customers = by_entity(&model.master.customers, |customer| Some(customer.entity));
    let mut rows = Vec::new();
    for (index, entity) in model.master.entities.iter().enumerate() {
        let accounts = sides(accounts.get(&index));
        for account in &accounts {
            for customer in sides(customers.get(&index)) {
                rows.push(match_row(*account, customer, &entity.id));
            }
        }
    }
    rows.retain(|row| !(row[0].is_empty() && row[1].is_empty()));
    render_rows(&["crm_account_id", "erp_customer", "entity_id", "evidence", "spelling"], &rows)
}

fn by_entity<T>(list: &[T], entity: impl Fn(&T) -> Option<usize>) -> BTreeMap<usize, Vec<&T>> {
    let mut groups: BTreeMap<usize, Vec<&T>> = BTreeMap::new();
    for element in list {
        if let Some(entity) = entity(element) {
            groups.entry(entity).or_default().push(element);
        }
    }
    groups
}

/// The records of one system, or one empty side when there is none.
fn sides<'a, T>(records: Option<&Vec<&'a T>>) -> Vec<Option<&'a T>> {
    records.map_or_else(|| vec![None], |list| list.iter().map(|&record| Some(record)).collect())
}

fn match_row(account: Option<&Account>, customer: Option<&Customer>, entity: &str) -> Vec<String> {
    let evidence = match (account, customer) {
        (Some(account), Some(customer)) => evidence(account, customer),
        _ => "",
    };
    let spelling = account.map(|account| account.spelling.name()).unwrap_or_default();
    vec![
        account.map(|account| account.id.clone()).unwrap_or_default(),
        customer.map(|customer| customer.code.clone()).unwrap_or_default(),
        entity.to_owned(),
        evidence.to_owned(),
        spelling.to_owned(),
    ]
}

/// The strongest thing both records have in common.
fn evidence(account: &Account, customer: &Customer) -> &'static str {
    if account.erp_code.as_ref() == Some(&customer.code) {
        "erp_code"
    } else if account.tax_no.is_some() && account.tax_no == customer.tax_id {
        "tax_no"
    } else if account.has_domain {
        "domain"
    } else {
        "name"
    }
}

fn unified_sales(model: &Model, sales: &[Sale<'_>]) -> String {
    let rows = grouped(sales, |sale| match sale.customer {
        None => vec![UNKNOWN.to_owned(), String::new(), String::new()],
        Some(customer) => {
            let entity = model.master.entity_of(customer);
            let name_zh = entity.name_zh.clone().unwrap_or_default();
            vec![entity.id.clone(), entity.name_en.clone(), name_zh]
        }
    });
    let header = [&["entity_id", "name_en", "name_zh"][..], &Sums::COLUMNS].concat();
    render_rows(&header, &rows)
}
