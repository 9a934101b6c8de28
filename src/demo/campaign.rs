//! Marketing campaigns, six a year, and who responded.

use chrono::{NaiveDate, NaiveDateTime};

use super::calendar::{day, day_between, last_day, later, office_time};
use super::contact::Contact;
use super::decimal::money;
use super::dice::Dice;
use super::master::Master;
use super::table::{Shape, Source, Table, cell};

const KINDS: [(&str, &str); 6] = [
    ("Email", "Spring maintenance mailing"),
    ("Trade Show", "Fluid technology fair"),
    ("Webinar", "Energy saving with drives"),
    ("Telephone", "Spare parts call round"),
    ("Email", "Sensor upgrade offer"),
    ("Web", "Year-end promotion"),
];

/// One campaign.
#[derive(Debug)]
pub(super) struct Campaign {
    /// The key.
    pub(super) id: String,
    name: String,
    kind: &'static str,
    /// First day.
    pub(super) start: NaiveDate,
    /// Last day.
    pub(super) end: NaiveDate,
    budget_cents: i64,
    cost_cents: i64,
}

/// What one contact did about a campaign.
#[derive(Debug)]
pub(super) struct Response {
    /// The campaign, by position.
    pub(super) campaign: usize,
    /// The contact, by position.
    pub(super) contact: usize,
    /// What it did.
    pub(super) kind: &'static str,
    at: NaiveDateTime,
}

/// All campaigns, by date.
pub(super) fn campaigns(seed: u64) -> Vec<Campaign> {
    let mut dice = Dice::new(seed, "campaign");
    let mut campaigns = Vec::new();
    for year in 2023..=2025 {
        for (month, (kind, name)) in (1_u32..).step_by(2).zip(KINDS) {
            let start = day_between(&mut dice, day(year, month + 1, 1), day(year, month + 1, 20));
            let budget_cents = dice.between(20, 300) * 100_000;
            campaigns.push(Campaign {
                id: format!("cam-{:03}", campaigns.len() + 1),
                name: format!("{name} {year}"),
                kind,
                start,
                end: later(start, dice.between(14, 40)).min(last_day()),
                budget_cents,
                cost_cents: budget_cents / 100 * dice.between(70, 120),
            });
        }
    }
    campaigns
}

/// The campaign running closest before `date`, if one ended less than 90 days ago.
pub(super) fn get_recent(campaigns: &[Campaign], date: NaiveDate) -> Option<usize> {
    let before = campaigns.iter().rposition(|campaign| campaign.start <= date)?;
    (date <= later(campaigns[before].end, 90)).then_some(before)
}

/// All responses, campaign by campaign.
pub(super) fn responses(
    master: &Master,
    campaigns: &[Campaign],
    contacts: &[Contact],
) -> Vec<Response> {
    let mut dice = Dice::new(master.seed, "response");
    let reachable: Vec<usize> = (0..contacts.len()).filter(|&c| !contacts[c].is_deleted).collect();
    let mut responses = Vec::new();
    for (index, campaign) in campaigns.iter().enumerate() {
        for _ in 0..master.scale.transactions(26) {
            let date = day_between(&mut dice, campaign.start, campaign.end);
            responses.push(Response {
                campaign: index,
                contact: *dice.pick(&reachable),
                kind: match dice.below(10) {
                    0..5 => "opened",
                    5..8 => "clicked",
                    8 => "replied",
                    _ => dice.word(&["unsubscribed", "meeting"]),
                },
                at: office_time(&mut dice, date),
            });
        }
    }
    responses.sort_by_key(|response| (response.at, response.campaign, response.contact));
    responses
}

static SHAPE: Shape = Shape {
    source: Source::Crm,
    name: "campaign",
    columns: &[
        ("id", "VARCHAR(36)"),
        ("name", "VARCHAR(100)"),
        ("campaign_type", "VARCHAR(20)"),
        ("status", "VARCHAR(20)"),
        ("start_date", "DATE"),
        ("end_date", "DATE"),
        ("budget", "DECIMAL(14,2)"),
        ("actual_cost", "DECIMAL(14,2)"),
        ("currency", "VARCHAR(3)"),
    ],
    key_width: 1,
};

static RESPONSE_SHAPE: Shape = Shape {
    source: Source::Crm,
    name: "campaign_response",
    columns: &[
        ("id", "VARCHAR(36)"),
        ("campaign_id", "VARCHAR(36)"),
        ("contact_id", "VARCHAR(36)"),
        ("response_type", "VARCHAR(20)"),
        ("response_date", "DATETIME"),
    ],
    key_width: 1,
};

/// Table `campaign`.
pub(super) fn table(campaigns: &[Campaign]) -> Table {
    Table::of(&SHAPE, campaigns, |campaign| {
        vec![
            cell(&campaign.id),
            cell(&campaign.name),
            cell(campaign.kind),
            cell("Complete"),
            cell(campaign.start),
            cell(campaign.end),
            cell(money(campaign.budget_cents)),
            cell(money(campaign.cost_cents)),
            cell("CNY"),
        ]
    })
}

/// Table `campaign_response`.
pub(super) fn response_table(
    responses: &[Response],
    campaigns: &[Campaign],
    contacts: &[Contact],
) -> Table {
    let numbered: Vec<(usize, &Response)> = responses.iter().enumerate().collect();
    Table::of(&RESPONSE_SHAPE, &numbered, |&(position, response)| {
        vec![
            cell(format!("rsp-{:05}", position + 1)),
            cell(&campaigns[response.campaign].id),
            cell(&contacts[response.contact].id),
            cell(response.kind),
            cell(response.at),
        ]
    })
}
