//! Frame and service contracts with accounts that are ERP customers.

use chrono::NaiveDate;

use super::calendar::{day, day_between, first_day, last_day, later};
use super::decimal::money;
use super::dice::Dice;
use super::exchange_rate::Currency;
use super::opportunity::Ground;
use super::table::{Cell, Shape, Source, Table, cell};
use super::user::User;

/// One contract.
#[derive(Debug)]
pub(super) struct Contract {
    account: usize,
    kind: &'static str,
    start: NaiveDate,
    end: NaiveDate,
    value_cents: i64,
    currency: Currency,
}

/// All contracts, by start.
pub(super) fn contracts(ground: Ground<'_>) -> Vec<Contract> {
    let mut dice = Dice::new(ground.master.seed, "contract");
    let entity_of = |index: usize| &ground.master.entities[ground.accounts[index].entity];
    let signed: Vec<usize> = (0..ground.accounts.len())
        .filter(|&index| !ground.accounts[index].is_deleted && entity_of(index).in_erp)
        .collect();
    let mut contracts: Vec<Contract> = (0..ground.master.scale.transactions(80))
        .map(|_| {
            let account = *dice.pick(&signed);
            let from = ground.accounts[account].entered.max(first_day());
            let start = day_between(&mut dice, from, day(2025, 10, 31));
            let is_domestic = entity_of(account).is_domestic();
            Contract {
                account,
                kind: dice.word(&["Frame", "Service", "Service", "Purchase"]),
                start,
                end: later(start, 365 * dice.between(1, 3) - 1),
                value_cents: dice.between(3, 120) * if is_domestic { 1_000_000 } else { 150_000 },
                currency: if is_domestic { Currency::Cny } else { Currency::Usd },
            }
        })
        .collect();
    contracts.sort_by_key(|contract| (contract.start, contract.account));
    contracts
}

static SHAPE: Shape = Shape {
    source: Source::Crm,
    name: "contract",
    columns: &[
        ("id", "VARCHAR(36)"),
        ("account_id", "VARCHAR(36)"),
        ("contract_type", "VARCHAR(20)"),
        ("status", "VARCHAR(20)"),
        ("start_date", "DATE"),
        ("end_date", "DATE"),
        ("total_contract_value", "DECIMAL(14,2)"),
        ("currency", "VARCHAR(3)"),
        ("assigned_user_id", "VARCHAR(36)"),
    ],
    key_width: 1,
};

/// Table `contract`.
pub(super) fn table(contracts: &[Contract], ground: Ground<'_>, users: &[User]) -> Table {
    let numbered: Vec<(usize, &Contract)> = contracts.iter().enumerate().collect();
    Table::of(&SHAPE, &numbered, |&(position, contract)| row(position, contract, ground, users))
}

fn row(position: usize, contract: &Contract, ground: Ground<'_>, users: &[User]) -> Vec<Cell> {
    let account = &ground.accounts[contract.account];
    vec![
        cell(format!("ctr-{:05}", position + 1)),
        cell(&account.id),
        cell(contract.kind),
        cell(if contract.end > last_day() { "Active" } else { "Inactive" }),
        cell(contract.start),
        cell(contract.end),
        cell(money(contract.value_cents)),
        cell(contract.currency.code()),
        cell(&users[account.user].id),
    ]
}
