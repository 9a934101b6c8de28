//! Leads: people who asked; some became an opportunity.

use chrono::NaiveDateTime;

use super::calendar::{day_between, earlier, first_day, last_day, office_time};
use super::campaign::get_recent;
use super::decimal::money;
use super::dice::Dice;
use super::entity::INDUSTRIES;
use super::opportunity::{Ground, LEAD_SOURCES, Opportunity};
use super::person::Person;
use super::table::{Cell, Shape, Source, Table, cell};
use super::user::User;

/// One lead.
#[derive(Debug)]
pub(super) struct Lead {
    id: String,
    person: Person,
    company: String,
    status: &'static str,
    source: &'static str,
    industry: &'static str,
    campaign: Option<usize>,
    /// The opportunity it became, by position.
    opportunity: Option<usize>,
    amount_cents: i64,
    user: usize,
    entered: NaiveDateTime,
    /// Deleted softly.
    pub(super) is_deleted: bool,
}

/// All leads, by date: a third of the opportunities had one, the others came to nothing.
pub(super) fn leads(ground: Ground<'_>, list: &[Opportunity], users: &[User]) -> Vec<Lead> {
    let mut dice = Dice::new(ground.master.seed, "lead");
    let mut leads = Vec::new();
    for (index, opportunity) in list.iter().enumerate() {
        if dice.chance(33) && !opportunity.is_deleted {
            let date = earlier(opportunity.entered().date(), dice.between(2, 40));
            let entered = office_time(&mut dice, date.max(first_day()));
            let entered = entered.min(opportunity.entered());
            leads.push(lead(&mut dice, ground, users, (Some((index, opportunity)), entered)));
        }
    }
    while leads.len() < ground.master.scale.transactions(280) {
        let date = day_between(&mut dice, first_day(), last_day());
        let entered = office_time(&mut dice, date);
        leads.push(lead(&mut dice, ground, users, (None, entered)));
    }
    leads.sort_by_key(|lead| lead.entered);
    for (position, lead) in leads.iter_mut().enumerate() {
        lead.id = format!("led-{:05}", position + 1);
        lead.is_deleted = position % 70 == 35;
    }
    leads
}

fn lead(
    dice: &mut Dice,
    ground: Ground<'_>,
    users: &[User],
    of: (Option<(usize, &Opportunity)>, NaiveDateTime),
) -> Lead {
    let (origin, entered) = of;
    let account = origin.map(|(_, opportunity)| &ground.accounts[opportunity.account]);
    let entity = match account {
        Some(account) => &ground.master.entities[account.entity],
        None => dice.pick(&ground.master.entities),
    };
    let company = match origin {
        Some(_) => entity.name_en.clone(),
        // Nobody of the known companies: an invented name that is in no other table.
        None => format!("{} Trading {}", entity.county.city.en, dice.below(1_000)),
    };
    Lead {
        id: String::new(),
        person: Person::new(dice, entity.is_domestic()),
        company,
        status: match origin {
            Some(_) => "Converted",
            None => dice.word(&["New", "Assigned", "In Process", "Recycled", "Dead", "Dead"]),
        },
        source: dice.word(&LEAD_SOURCES),
        industry: match account {
            Some(_) => entity.industry.code,
            None => dice.pick(&INDUSTRIES).code,
        },
        campaign: get_recent(ground.campaigns, entered.date()).filter(|_| dice.chance(40)),
        opportunity: origin.map(|(index, _)| index),
        amount_cents: dice.between(5, 300) * 100_000,
        user: account.map_or_else(|| dice.index(users.len()), |account| account.user),
        entered,
        is_deleted: false,
    }
}

static SHAPE: Shape = Shape {
    source: Source::Crm,
    name: "lead",
    columns: &[
        ("id", "VARCHAR(36)"),
        ("first_name", "VARCHAR(60)"),
        ("last_name", "VARCHAR(60)"),
        ("full_name_local", "VARCHAR(60)"),
        ("account_name", "VARCHAR(150)"),
        ("industry", "VARCHAR(10)"),
        ("status", "VARCHAR(20)"),
        ("lead_source", "VARCHAR(30)"),
        ("campaign_id", "VARCHAR(36)"),
        ("opportunity_amount", "VARCHAR(20)"),
        ("converted", "INTEGER"),
        ("account_id", "VARCHAR(36)"),
        ("opportunity_id", "VARCHAR(36)"),
        ("assigned_user_id", "VARCHAR(36)"),
        ("date_entered", "DATETIME"),
        ("deleted", "INTEGER"),
    ],
    key_width: 1,
};

/// Table `lead`; the amount is text there, as in SuiteCRM.
pub(super) fn table(
    leads: &[Lead],
    ground: Ground<'_>,
    list: &[Opportunity],
    users: &[User],
) -> Table {
    Table::of(&SHAPE, leads, |lead| row(lead, ground, list, users))
}

fn row(lead: &Lead, ground: Ground<'_>, list: &[Opportunity], users: &[User]) -> Vec<Cell> {
    let opportunity = lead.opportunity.map(|index| &list[index]);
    vec![
        cell(&lead.id),
        cell(lead.person.first),
        cell(lead.person.last),
        lead.person.zh.clone(),
        cell(&lead.company),
        cell(lead.industry),
        cell(lead.status),
        cell(lead.source),
        lead.campaign.map(|campaign| ground.campaigns[campaign].id.clone()),
        cell(money(lead.amount_cents)),
        cell(u8::from(opportunity.is_some())),
        opportunity.map(|entry| ground.accounts[entry.account].id.clone()),
        opportunity.map(|entry| entry.id.clone()),
        cell(&users[lead.user].id),
        cell(lead.entered),
        cell(u8::from(lead.is_deleted)),
    ]
}
