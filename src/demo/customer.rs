//! Customers as the ERP keeps them.

use chrono::NaiveDate;

use super::calendar::{day, day_between, last_day};
use super::decimal::money;
use super::dice::Dice;
use super::employee::{Employee, staff_of};
use super::entity::Entity;
use super::exchange_rate::Currency;
use super::table::{Cell, Shape, Source, Table, cell};

/// One customer record of the ERP.
#[derive(Debug)]
pub(super) struct Customer {
    /// The key.
    pub(super) code: String,
    /// The true company, by position.
    pub(super) entity: usize,
    /// Legal name, as the ERP writes it.
    pub(super) name: String,
    name_en: String,
    /// Registration number, when the ERP has it.
    pub(super) tax_id: Option<String>,
    county_code: &'static str,
    phone: String,
    email: String,
    website: String,
    group: &'static str,
    /// What invoices are written in.
    pub(super) currency: Currency,
    /// Days until an invoice is due.
    pub(super) payment_days: i64,
    credit_limit_cents: i64,
    /// The employee who looks after it, by position.
    pub(super) account_manager: usize,
    /// When the record was made.
    pub(super) creation: NaiveDate,
    /// After this day nothing is ordered under this record.
    pub(super) until: NaiveDate,
    /// Discount in percent it gets on everything.
    pub(super) discount_percent: i64,
}

/// All ERP customers; some companies have a second record.
pub(super) fn customers(seed: u64, entities: &[Entity], employees: &[Employee]) -> Vec<Customer> {
    let mut dice = Dice::new(seed, "customer");
    let mut list: Vec<Customer> = Vec::new();
    let known: Vec<usize> = (0..entities.len()).filter(|&index| entities[index].in_erp).collect();
    for (position, &index) in known.iter().enumerate() {
        let first = customer(&mut dice, index, &entities[index], employees);
        let second = position.is_multiple_of(45).then(|| second_record(&mut dice, &first));
        list.push(first);
        list.extend(second);
    }
    // Numbers follow the age of a record, as they do in a system that counts.
    list.sort_by_key(|customer| (customer.creation, customer.entity));
    for (position, customer) in list.iter_mut().enumerate() {
        customer.code = format!("CUST-{:05}", position + 1);
    }
    list
}

fn customer(dice: &mut Dice, index: usize, entity: &Entity, employees: &[Employee]) -> Customer {
    let is_key_account = entity.weight > 70 && entity.is_domestic();
    let department = if is_key_account { "D-KEY" } else { entity.county.city.province.department };
    let staff = staff_of(employees, department);
    let currency = if entity.is_domestic() { Currency::Cny } else { Currency::Usd };
    Customer {
        code: String::new(),
        entity: index,
        name: entity.legal_name().to_owned(),
        name_en: entity.name_en.clone(),
        tax_id: (entity.has_namesake || dice.chance(85)).then(|| entity.tax_no.clone()),
        county_code: entity.county.code,
        phone: format!("0{}-{}", entity.phone.0, entity.phone.1),
        email: format!("purchasing@{}", entity.domain),
        website: format!("www.{}", entity.domain),
        group: if is_key_account {
            "key_account"
        } else {
            dice.word(&["end_user", "dealer", "oem"])
        },
        currency,
        payment_days: *dice.pick(&[30, 30, 45, 60]),
        credit_limit_cents: dice.between(5, 80) * 1_000_000,
        account_manager: *dice.pick(&staff),
        creation: entity.since,
        until: entity.until,
        discount_percent: *dice.pick(if is_key_account { &[8, 10, 12] } else { &[0, 0, 3, 5] }),
    }
}

/// Somebody did not find the customer and entered it again; from then on both are used.
fn second_record(dice: &mut Dice, first: &Customer) -> Customer {
    let creation = day_between(dice, day(2023, 4, 1), day(2024, 12, 31)).max(first.creation);
    let name = match first.name.strip_suffix("有限公司") {
        Some(stem) => format!("{stem}公司"),
        None => first.name.to_uppercase(),
    };
    Customer {
        code: String::new(),
        name,
        name_en: first.name_en.to_uppercase(),
        county_code: first.county_code,
        tax_id: first.tax_id.clone(),
        phone: first.phone.replace('-', " "),
        email: first.email.replace("purchasing", "info"),
        website: first.website.clone(),
        group: first.group,
        currency: first.currency,
        payment_days: first.payment_days,
        credit_limit_cents: first.credit_limit_cents,
        account_manager: first.account_manager,
        creation,
        until: last_day().min(first.until).max(creation),
        discount_percent: first.discount_percent,
        entity: first.entity,
    }
}

static SHAPE: Shape = Shape {
    source: Source::Erp,
    name: "customer",
    columns: &[
        ("name", "VARCHAR(20)"),
        ("customer_name", "VARCHAR(140)"),
        ("customer_name_en", "VARCHAR(140)"),
        ("customer_group", "VARCHAR(20)"),
        ("county_code", "VARCHAR(16)"),
        ("tax_id", "VARCHAR(30)"),
        ("default_currency", "VARCHAR(3)"),
        ("payment_days", "INTEGER"),
        ("credit_limit", "DECIMAL(14,2)"),
        ("phone", "VARCHAR(30)"),
        ("email_id", "VARCHAR(80)"),
        ("website", "VARCHAR(80)"),
        ("account_manager", "VARCHAR(20)"),
        ("creation", "DATE"),
        ("disabled", "INTEGER"),
    ],
    key_width: 1,
};

/// `erp/customer.csv`.
pub(super) fn table(customers: &[Customer], employees: &[Employee]) -> Table {
    Table::of(&SHAPE, customers, |customer| row(customer, employees))
}

fn row(customer: &Customer, employees: &[Employee]) -> Vec<Cell> {
    vec![
        cell(&customer.code),
        cell(&customer.name),
        cell(&customer.name_en),
        cell(customer.group),
        cell(customer.county_code),
        customer.tax_id.clone(),
        cell(customer.currency.code()),
        cell(customer.payment_days),
        cell(money(customer.credit_limit_cents)),
        cell(&customer.phone),
        cell(&customer.email),
        cell(&customer.website),
        cell(&employees[customer.account_manager].code),
        cell(customer.creation),
        cell(u8::from(customer.until < last_day())),
    ]
}
