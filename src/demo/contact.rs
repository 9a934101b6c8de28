//! People who work at the accounts.

use chrono::NaiveDate;

use super::account::Account;
use super::calendar::{last_day, later};
use super::dice::Dice;
use super::master::Master;
use super::person::Person;
use super::table::{Cell, Shape, Source, Table, cell};

const TITLES: [&str; 6] = [
    "Purchasing Manager",
    "Plant Manager",
    "Chief Engineer",
    "Maintenance Supervisor",
    "General Manager",
    "Buyer",
];

/// One contact.
#[derive(Debug)]
pub(super) struct Contact {
    /// The key.
    pub(super) id: String,
    /// The account, by position.
    pub(super) account: usize,
    person: Person,
    title: &'static str,
    email: String,
    mobile: String,
    do_not_call: bool,
    entered: NaiveDate,
    /// Deleted softly; nothing refers to it.
    pub(super) is_deleted: bool,
}

/// One or two people per account.
pub(super) fn contacts(master: &Master, accounts: &[Account]) -> Vec<Contact> {
    let mut dice = Dice::new(master.seed, "contact");
    let mut contacts = Vec::new();
    for (index, account) in accounts.iter().enumerate().filter(|(_, a)| !a.is_deleted) {
        let entity = &master.entities[account.entity];
        for _ in 0..*dice.pick(&[1, 1, 2]) {
            let serial = contacts.len() + 1;
            let person = Person::new(&mut dice, entity.is_domestic());
            contacts.push(Contact {
                id: format!("con-{serial:05}"),
                account: index,
                email: format!("{}@{}", person.mailbox(serial), entity.domain),
                person,
                title: dice.word(&TITLES),
                mobile: format!("1390{:07}", dice.below(10_000_000)),
                do_not_call: dice.chance(6),
                entered: later(account.entered, dice.between(0, 60)).min(last_day()),
                is_deleted: serial.is_multiple_of(61),
            });
        }
    }
    contacts
}

static SHAPE: Shape = Shape {
    source: Source::Crm,
    name: "contact",
    columns: &[
        ("id", "VARCHAR(36)"),
        ("account_id", "VARCHAR(36)"),
        ("first_name", "VARCHAR(60)"),
        ("last_name", "VARCHAR(60)"),
        ("full_name_local", "VARCHAR(60)"),
        ("title", "VARCHAR(60)"),
        ("email", "VARCHAR(100)"),
        ("phone_mobile", "VARCHAR(30)"),
        ("do_not_call", "INTEGER"),
        ("date_entered", "DATE"),
        ("deleted", "INTEGER"),
    ],
    key_width: 1,
};

/// Table `contact`.
pub(super) fn table(contacts: &[Contact], accounts: &[Account]) -> Table {
    Table::of(&SHAPE, contacts, |contact| row(contact, &accounts[contact.account]))
}

fn row(contact: &Contact, account: &Account) -> Vec<Cell> {
    vec![
        cell(&contact.id),
        cell(&account.id),
        cell(contact.person.first),
        cell(contact.person.last),
        contact.person.zh.clone(),
        cell(contact.title),
        cell(&contact.email),
        cell(&contact.mobile),
        cell(u8::from(contact.do_not_call)),
        cell(contact.entered),
        cell(u8::from(contact.is_deleted)),
    ]
}
