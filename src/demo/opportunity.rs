//! Opportunities and the stages they went through.

use std::collections::BTreeMap;

use chrono::{NaiveDate, NaiveDateTime};

use super::account::Account;
use super::calendar::{day, day_between, earlier, first_day, last_day, later, office_time};
use super::campaign::{Campaign, get_recent};
use super::decimal::{in_base, money};
use super::dice::Dice;
use super::exchange_rate::Currency;
use super::item_group::leaves;
use super::master::Master;
use super::order::Order;
use super::table::{Cell, Shape, Source, Table, cell};
use super::user::User;

/// Stages in order, with the chance of success; the last two end the path.
pub(super) const STAGES: [(&str, u8); 6] = [
    ("prospecting", 10),
    ("qualification", 25),
    ("proposal", 50),
    ("negotiation", 75),
    ("closed_won", 100),
    ("closed_lost", 0),
];
const WON: usize = 4;
const LOST: usize = 5;

/// Where leads and opportunities come from.
pub(super) const LEAD_SOURCES: [&str; 6] =
    ["Web Site", "Trade Show", "Referral", "Cold Call", "Existing Customer", "Partner"];

/// One opportunity.
#[derive(Debug)]
pub(super) struct Opportunity {
    /// The key.
    pub(super) id: String,
    /// The account, by position.
    pub(super) account: usize,
    name: String,
    lead_source: &'static str,
    campaign: Option<usize>,
    amount_cents: i64,
    currency: Currency,
    /// The amount in yuan at the rate of the day it was entered.
    pub(super) base_cents: i64,
    expected_close: NaiveDate,
    /// The ERP order it led to, by position.
    pub(super) order: Option<usize>,
    /// Stages and when they were reached, in order.
    pub(super) path: Vec<(usize, NaiveDateTime)>,
    /// Deleted softly.
    pub(super) is_deleted: bool,
}

impl Opportunity {
    /// The stage it is in now.
    pub(super) fn stage(&self) -> &'static str {
        STAGES[self.last_step().0].0
    }

    /// When it was entered.
    pub(super) fn entered(&self) -> NaiveDateTime {
        self.path.first().map(|(_, at)| *at).unwrap_or_default()
    }

    fn last_step(&self) -> (usize, NaiveDateTime) {
        self.path.last().copied().unwrap_or_default()
    }

    fn closed(&self) -> Option<NaiveDate> {
        let (stage, at) = self.last_step();
        (stage >= WON).then(|| at.date())
    }
}

/// What opportunities grow from.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ground<'a> {
    /// Master data.
    pub(super) master: &'a Master,
    /// ERP orders, which some opportunities lead to.
    pub(super) orders: &'a [Order],
    /// CRM accounts.
    pub(super) accounts: &'a [Account],
    /// Campaigns.
    pub(super) campaigns: &'a [Campaign],
}

/// All opportunities, by date of entry.
pub(super) fn opportunities(ground: Ground<'_>) -> Vec<Opportunity> {
    let mut dice = Dice::new(ground.master.seed, "opportunity");
    let open: Vec<usize> =
        (0..ground.accounts.len()).filter(|&index| !ground.accounts[index].is_deleted).collect();
    let total = ground.master.scale.transactions(300);
    let mut list = from_orders(&mut dice, ground, &open, total / 4);
    while list.len() < total {
        let account = *dice.pick(&open);
        let start = ground.accounts[account].entered.max(first_day());
        let entered = day_between(&mut dice, later(start, 5), day(2025, 12, 12));
        let path = random_path(&mut dice, entered);
        list.push(opportunity(&mut dice, ground, (account, None), path));
    }
    list.sort_by_key(|entry| (entry.entered(), entry.account));
    for (position, entry) in list.iter_mut().enumerate() {
        entry.id = format!("opp-{:05}", position + 1);
        entry.is_deleted = position % 75 == 50;
    }
    list
}

/// Opportunities that were won and became an order on the day they closed.
fn from_orders(
    dice: &mut Dice,
    ground: Ground<'_>,
    open: &[usize],
    count: usize,
) -> Vec<Opportunity> {
    let by_entity: BTreeMap<usize, usize> =
        open.iter().map(|&account| (ground.accounts[account].entity, account)).collect();
    let mut taken = std::collections::BTreeSet::new();
    let mut list = Vec::new();
    for _ in 0..count * 20 {
        let index = dice.index(ground.orders.len());
        let order = &ground.orders[index];
        let entity = ground.master.customers[order.customer].entity;
        let entered = earlier(order.date, dice.between(50, 150));
        let Some(&account) = by_entity.get(&entity) else { continue };
        let is_early = entered < ground.accounts[account].entered.max(first_day());
        if list.len() < count && order.status.is_submitted() && !is_early && taken.insert(index) {
            let path = won_path(dice, entered, order.date);
            list.push(opportunity(dice, ground, (account, Some(index)), path));
        }
    }
    list
}

type Path = Vec<(usize, NaiveDateTime)>;

/// All stages from `entered` to `won`, evenly spread.
fn won_path(dice: &mut Dice, entered: NaiveDate, won: NaiveDate) -> Path {
    let days = won.signed_duration_since(entered).num_days();
    (0_i64..)
        .zip(0..=WON)
        .map(|(step, stage)| (stage, office_time(dice, later(entered, days * step / 4))))
        .collect()
}

/// Steps of a week to two months; one in seven is lost at each stage; the future is left out.
fn random_path(dice: &mut Dice, entered: NaiveDate) -> Path {
    let mut date = entered;
    let mut path = vec![(0, office_time(dice, date))];
    for stage in 1..=WON {
        date = later(date, dice.between(6, 55));
        if date > last_day() {
            break;
        }
        let is_lost = dice.chance(16);
        path.push((if is_lost { LOST } else { stage }, office_time(dice, date)));
        if is_lost {
            break;
        }
    }
    // Some are never touched again: the pipeline has forgotten entries like any other.
    let stalled = if dice.chance(14) { dice.index(path.len()) + 1 } else { path.len() };
    path.truncate(stalled);
    path
}

fn opportunity(
    dice: &mut Dice,
    ground: Ground<'_>,
    of: (usize, Option<usize>),
    path: Path,
) -> Opportunity {
    let (account, order) = of;
    let entity = &ground.master.entities[ground.accounts[account].entity];
    let currency = if entity.is_domestic() { Currency::Cny } else { Currency::Usd };
    let amount_cents = match order {
        Some(order) => ground.orders[order].net_cents(),
        None => dice.between(8, 400) * if entity.is_domestic() { 100_000 } else { 15_000 },
    };
    let entered = path.first().map(|(_, at)| at.date()).unwrap_or_default();
    let last = path.last().copied().unwrap_or_default();
    let groups: Vec<_> = leaves().map(|(_, range)| range.noun_en).collect();
    let rate_e4 = ground.master.rates.e4(currency, entered);
    Opportunity {
        id: String::new(),
        account,
        name: format!("{} for {}", dice.word(&groups), entity.county.city.en),
        lead_source: dice.word(&LEAD_SOURCES),
        campaign: get_recent(ground.campaigns, entered).filter(|_| dice.chance(35)),
        amount_cents,
        currency,
        base_cents: in_base(amount_cents, rate_e4),
        expected_close: match last.0 {
            WON | LOST => last.1.date(),
            _ => later(entered, dice.between(60, 200)),
        },
        order,
        path,
        is_deleted: false,
    }
}

static SHAPE: Shape = Shape {
    source: Source::Crm,
    name: "opportunity",
    columns: &[
        ("id", "VARCHAR(36)"),
        ("name", "VARCHAR(100)"),
        ("account_id", "VARCHAR(36)"),
        ("assigned_user_id", "VARCHAR(36)"),
        ("lead_source", "VARCHAR(30)"),
        ("campaign_id", "VARCHAR(36)"),
        ("sales_stage", "VARCHAR(20)"),
        ("probability", "INTEGER"),
        ("amount", "DECIMAL(14,2)"),
        ("currency", "VARCHAR(3)"),
        ("base_amount", "DECIMAL(14,2)"),
        ("expected_close_date", "DATE"),
        ("date_closed", "DATE"),
        ("erp_sales_order", "VARCHAR(20)"),
        ("date_entered", "DATETIME"),
        ("date_modified", "DATETIME"),
        ("deleted", "INTEGER"),
    ],
    key_width: 1,
};

static HISTORY_SHAPE: Shape = Shape {
    source: Source::Crm,
    name: "opportunity_stage_history",
    columns: &[
        ("id", "VARCHAR(36)"),
        ("opportunity_id", "VARCHAR(36)"),
        ("from_stage", "VARCHAR(20)"),
        ("to_stage", "VARCHAR(20)"),
        ("changed_at", "DATETIME"),
        ("changed_by", "VARCHAR(36)"),
    ],
    key_width: 1,
};

/// Table `opportunity`.
pub(super) fn table(list: &[Opportunity], ground: Ground<'_>, users: &[User]) -> Table {
    Table::of(&SHAPE, list, |entry| row(entry, ground, users))
}

fn row(entry: &Opportunity, ground: Ground<'_>, users: &[User]) -> Vec<Cell> {
    let account = &ground.accounts[entry.account];
    vec![
        cell(&entry.id),
        cell(&entry.name),
        cell(&account.id),
        cell(&users[account.user].id),
        cell(entry.lead_source),
        entry.campaign.map(|campaign| ground.campaigns[campaign].id.clone()),
        cell(entry.stage()),
        cell(STAGES[entry.last_step().0].1),
        cell(money(entry.amount_cents)),
        cell(entry.currency.code()),
        cell(money(entry.base_cents)),
        cell(entry.expected_close),
        entry.closed().map(|date| date.to_string()),
        entry.order.map(|order| ground.orders[order].name.clone()),
        cell(entry.entered()),
        cell(entry.last_step().1),
        cell(u8::from(entry.is_deleted)),
    ]
}

/// Opportunity and step of every change, in file order.
pub(super) fn steps(list: &[Opportunity]) -> Vec<(usize, usize)> {
    list.iter()
        .enumerate()
        .flat_map(|(index, entry)| (0..entry.path.len()).map(move |step| (index, step)))
        .collect()
}

/// Table `opportunity_stage_history`.
pub(super) fn history_table(list: &[Opportunity], ground: Ground<'_>, users: &[User]) -> Table {
    let numbered: Vec<(usize, (usize, usize))> = steps(list).into_iter().enumerate().collect();
    Table::of(&HISTORY_SHAPE, &numbered, |&(position, (index, step))| {
        let entry = &list[index];
        let (stage, at) = entry.path[step];
        let before = step.checked_sub(1).map(|before| entry.path[before].0);
        vec![
            cell(format!("osh-{:05}", position + 1)),
            cell(&entry.id),
            before.map(|stage| STAGES[stage].0.to_owned()),
            cell(STAGES[stage].0),
            cell(at),
            cell(&users[ground.accounts[entry.account].user].id),
        ]
    })
}
