//! Telephone calls with accounts.

use chrono::NaiveDateTime;

use super::calendar::{day_between, first_day, last_day, later, office_time};
use super::dice::Dice;
use super::opportunity::Ground;
use super::table::{Shape, Source, Table, cell};
use super::user::User;

const SUBJECTS: [&str; 6] = [
    "Introduction",
    "Follow-up on quotation",
    "Delivery date",
    "Complaint",
    "Contract renewal",
    "Technical question",
];

/// One call.
#[derive(Debug)]
pub(super) struct Call {
    account: usize,
    subject: &'static str,
    direction: &'static str,
    status: &'static str,
    minutes: i64,
    start: NaiveDateTime,
}

/// All calls, by time.
pub(super) fn calls(ground: Ground<'_>) -> Vec<Call> {
    let mut dice = Dice::new(ground.master.seed, "call");
    let open: Vec<usize> =
        (0..ground.accounts.len()).filter(|&index| !ground.accounts[index].is_deleted).collect();
    let mut calls: Vec<Call> = (0..ground.master.scale.transactions(600))
        .map(|_| {
            let account = *dice.pick(&open);
            let start = later(ground.accounts[account].entered.max(first_day()), 1);
            let date = day_between(&mut dice, start, last_day());
            let is_held = dice.chance(85);
            Call {
                account,
                subject: dice.word(&SUBJECTS),
                direction: dice.word(&["Outbound", "Outbound", "Inbound"]),
                status: if is_held { "Held" } else { "Not Held" },
                minutes: if is_held { dice.between(2, 45) } else { 0 },
                start: office_time(&mut dice, date),
            }
        })
        .collect();
    calls.sort_by_key(|call| (call.start, call.account));
    calls
}

static SHAPE: Shape = Shape {
    source: Source::Crm,
    name: "call",
    columns: &[
        ("id", "VARCHAR(36)"),
        ("name", "VARCHAR(100)"),
        ("account_id", "VARCHAR(36)"),
        ("direction", "VARCHAR(10)"),
        ("status", "VARCHAR(10)"),
        ("date_start", "DATETIME"),
        ("duration_minutes", "INTEGER"),
        ("assigned_user_id", "VARCHAR(36)"),
    ],
    key_width: 1,
};

/// Table `call`.
pub(super) fn table(calls: &[Call], ground: Ground<'_>, users: &[User]) -> Table {
    let numbered: Vec<(usize, &Call)> = calls.iter().enumerate().collect();
    Table::of(&SHAPE, &numbered, |&(position, call)| {
        let account = &ground.accounts[call.account];
        vec![
            cell(format!("cal-{:05}", position + 1)),
            cell(call.subject),
            cell(&account.id),
            cell(call.direction),
            cell(call.status),
            cell(call.start),
            cell(call.minutes),
            cell(&users[account.user].id),
        ]
    })
}
