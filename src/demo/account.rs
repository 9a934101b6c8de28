//! Companies as the CRM keeps them: other keys and other spellings than in the ERP.

use std::collections::BTreeMap;

use chrono::NaiveDate;

use super::calendar::{day, earlier, last_day, later};
use super::decimal::money;
use super::dice::Dice;
use super::entity::Entity;
use super::master::Master;
use super::table::{Cell, Shape, Source, Table, cell};
use super::territory::territory_of;
use super::text::{full_width, other_case};
use super::user::{User, user_of};

/// How the name of an account differs from the legal name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Spelling {
    /// Not at all.
    Same,
    /// Upper case.
    Case,
    /// Full-width letters.
    FullWidth,
    /// The legal form is shortened, spelled out or left out.
    LegalForm,
    /// Blanks where none belong.
    Blanks,
    /// The English name of a company the ERP knows by its Chinese one.
    Language,
}

impl Spelling {
    /// The name used in `truth/customer_match.csv`.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Same => "same",
            Self::Case => "case",
            Self::FullWidth => "full_width",
            Self::LegalForm => "legal_form",
            Self::Blanks => "blanks",
            Self::Language => "language",
        }
    }
}

/// One account record of the CRM.
#[derive(Debug)]
pub(super) struct Account {
    /// The key.
    pub(super) id: String,
    /// The true company, by position.
    pub(super) entity: usize,
    name: String,
    /// How the name was written.
    pub(super) spelling: Spelling,
    /// The ERP key, when somebody noted it.
    pub(super) erp_code: Option<String>,
    /// Registration number, when somebody noted it.
    pub(super) tax_no: Option<String>,
    /// Whether mail and web address show the domain of the company.
    pub(super) has_domain: bool,
    phone: String,
    tier: char,
    employee_count: i64,
    revenue_cents: i64,
    /// The CRM user who owns it, by position.
    pub(super) user: usize,
    territory: String,
    /// When it was entered.
    pub(super) entered: NaiveDate,
    modified: NaiveDate,
    /// Deleted softly; nothing refers to it.
    pub(super) is_deleted: bool,
}

/// Whose account is entered, and whether that company has one already.
#[derive(Clone, Copy, Debug)]
struct Origin {
    entity: usize,
    customer: Option<usize>,
    is_again: bool,
}

/// All accounts, by date of entry.
pub(super) fn accounts(master: &Master, users: &[User]) -> Vec<Account> {
    let mut dice = Dice::new(master.seed, "account");
    let mut records: BTreeMap<usize, usize> = BTreeMap::new();
    for (index, customer) in master.customers.iter().enumerate() {
        records.entry(customer.entity).or_insert(index);
    }
    let mut list = Vec::new();
    let known = (0..master.entities.len()).filter(|&index| master.entities[index].in_crm);
    for (position, entity) in known.enumerate() {
        let origin = Origin { entity, customer: records.get(&entity).copied(), is_again: false };
        let again = Origin { is_again: true, ..origin };
        list.push(account(&mut dice, master, users, origin));
        if position % 25 == 7 {
            list.push(entered_again(account(&mut dice, master, users, again), false));
        }
        if position % 60 == 31 {
            list.push(entered_again(account(&mut dice, master, users, again), true));
        }
    }
    list.sort_by_key(|account| (account.entered, account.entity));
    for (position, account) in list.iter_mut().enumerate() {
        account.id = format!("acc-{:05}", position + 1);
    }
    list
}

/// A second account for the same company, entered later; some were noticed and deleted.
fn entered_again(first: Account, is_deleted: bool) -> Account {
    let entered = later(first.entered, 200).min(day(2025, 6, 30)).max(first.entered);
    Account { entered, modified: later(entered, 20), is_deleted, ..first }
}

fn account(dice: &mut Dice, master: &Master, users: &[User], origin: Origin) -> Account {
    let entity = &master.entities[origin.entity];
    let customer = origin.customer.map(|customer| &master.customers[customer]);
    let notes_erp_code = dice.chance(45) && !origin.is_again;
    let erp_code = customer.filter(|_| notes_erp_code).map(|customer| customer.code.clone());
    let tax_no = (entity.has_namesake || dice.chance(50)).then(|| entity.tax_no.clone());
    let has_tax_match = tax_no.is_some() && customer.is_some_and(|record| record.tax_id.is_some());
    let has_domain = dice.chance(50);
    let is_tied = erp_code.is_some() || has_tax_match || has_domain;
    let (name, spelling) = spelled(dice, entity, is_tied);
    let department = entity.county.city.province.department;
    let staff = super::employee::staff_of(&master.employees, department);
    let entered = earlier(entity.since, dice.between(10, 200)).min(day(2025, 8, 31));
    Account {
        id: String::new(),
        entity: origin.entity,
        name,
        spelling,
        erp_code,
        tax_no,
        has_domain,
        phone: phone(dice, entity),
        tier: match entity.weight {
            60.. => 'A',
            18..60 => 'B',
            7..18 => 'C',
            _ => 'D',
        },
        employee_count: dice.between(20, 3_000),
        revenue_cents: dice.between(5, 900) * 100_000_000,
        user: user_of(users, *dice.pick(&staff)),
        territory: territory_of(department),
        entered,
        modified: later(entered, dice.between(1, 300)).min(last_day()),
        is_deleted: false,
    }
}

/// The number the ERP has, written in another way, or a direct line the ERP does not know.
fn phone(dice: &mut Dice, entity: &Entity) -> String {
    let country = match entity.county.country().code {
        "CN" => "+86",
        "DE" => "+49",
        "JP" => "+81",
        "SG" => "+65",
        _ => "+1",
    };
    let direct_line = format!("6{:07}", dice.below(10_000_000));
    let number = if dice.chance(60) { &entity.phone.1 } else { &direct_line };
    format!("{country} {} {number}", entity.phone.0)
}

/// The English name only where a number or the domain still ties the record to the ERP.
fn spelled(dice: &mut Dice, entity: &Entity, is_tied: bool) -> (String, Spelling) {
    if entity.has_namesake {
        return (entity.legal_name().to_owned(), Spelling::Same);
    }
    if entity.is_domestic() && is_tied && dice.chance(30) {
        return (entity.name_en.clone(), Spelling::Language);
    }
    let name = entity.legal_name();
    let spelling = match (entity.is_domestic(), dice.below(10)) {
        (_, 0..3) => Spelling::Same,
        (_, 3..6) => Spelling::LegalForm,
        (true, _) | (false, 6..7) => Spelling::Blanks,
        (false, 7..9) => Spelling::Case,
        (false, _) => Spelling::FullWidth,
    };
    (respelled(dice, name, spelling), spelling)
}

fn respelled(dice: &mut Dice, name: &str, spelling: Spelling) -> String {
    match spelling {
        Spelling::Same | Spelling::Language => name.to_owned(),
        Spelling::Case => other_case(name),
        Spelling::FullWidth => full_width(name),
        Spelling::LegalForm => match name.strip_suffix("有限公司") {
            Some(stem) => format!("{stem}{}", dice.word(&["", "公司", "有限责任公司"])),
            None => with_other_form(name),
        },
        Spelling::Blanks => match name.strip_suffix("有限公司") {
            Some(stem) => format!("{stem} 有限公司"),
            None => name.replacen(' ', "  ", 1),
        },
    }
}

/// `Inc.` becomes `Incorporated`, other forms lose their full stops.
fn with_other_form(name: &str) -> String {
    match name.strip_suffix("Inc.") {
        Some(stem) => format!("{stem}Incorporated"),
        None => match name.strip_suffix(" GmbH") {
            Some(stem) => stem.to_owned(),
            None => name.replace('.', ""),
        },
    }
}

static SHAPE: Shape = Shape {
    source: Source::Crm,
    name: "account",
    columns: &[
        ("id", "VARCHAR(36)"),
        ("name", "VARCHAR(150)"),
        ("account_type", "VARCHAR(20)"),
        ("industry", "VARCHAR(10)"),
        ("account_tier", "VARCHAR(1)"),
        ("tax_no", "VARCHAR(30)"),
        ("erp_code", "VARCHAR(20)"),
        ("phone_office", "VARCHAR(30)"),
        ("email", "VARCHAR(100)"),
        ("website", "VARCHAR(100)"),
        ("employees", "INTEGER"),
        ("annual_revenue", "DECIMAL(18,2)"),
        ("billing_county_code", "VARCHAR(16)"),
        ("territory_id", "VARCHAR(36)"),
        ("assigned_user_id", "VARCHAR(36)"),
        ("date_entered", "DATE"),
        ("date_modified", "DATE"),
        ("deleted", "INTEGER"),
    ],
    key_width: 1,
};

/// Table `account`.
pub(super) fn table(accounts: &[Account], master: &Master, users: &[User]) -> Table {
    Table::of(&SHAPE, accounts, |account| {
        row(account, &master.entities[account.entity], &users[account.user])
    })
}

fn row(account: &Account, entity: &Entity, user: &User) -> Vec<Cell> {
    let email = match account.has_domain {
        true => format!("contact@{}", entity.domain),
        // A free mailbox says nothing about the company behind it.
        false => format!("{}@mailbox.example", account.id.replace('-', "")),
    };
    vec![
        cell(&account.id),
        cell(&account.name),
        cell(if entity.in_erp { "Customer" } else { "Prospect" }),
        cell(entity.industry.code),
        cell(account.tier),
        account.tax_no.clone(),
        account.erp_code.clone(),
        cell(&account.phone),
        cell(email),
        account.has_domain.then(|| format!("https://www.{}", entity.domain)),
        cell(account.employee_count),
        cell(money(account.revenue_cents)),
        cell(entity.county.code),
        cell(&account.territory),
        cell(&user.id),
        cell(account.entered),
        cell(account.modified),
        cell(u8::from(account.is_deleted)),
    ]
}
