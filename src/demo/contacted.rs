//! Truth about people in touch with the company: campaigns, service cases and surveys.

use chrono::TimeDelta;

use super::dirt::Dirt;
use super::model::Model;
use super::tally::{Figure, Layout, Value};
use super::truth::{Page, month};
use crate::error::Result;

const RESPONSES: Layout = Layout {
    key: &["campaign"],
    figures: &[
        ("responses", Figure::Whole),
        ("people", Figure::Distinct),
        ("accounts", Figure::Distinct),
        ("responders", Figure::Distinct),
        ("meetings", Figure::Whole),
        ("unsubscribed", Figure::Whole),
    ],
};

const CASES: Layout = Layout {
    key: &["month", "kind"],
    figures: &[
        ("cases", Figure::Whole),
        ("open_cases", Figure::Whole),
        ("accounts", Figure::Distinct),
        ("answered", Figure::Whole),
    ],
};

const SURVEYS: Layout = Layout {
    key: &["month", "channel"],
    figures: &[("answers", Figure::Whole), ("happy", Figure::Whole)],
};

/// The company's clock, ahead of UTC; without summer time in these years.
const HOURS_AHEAD: i64 = 8;

/// The pages.
pub(super) fn pages(model: &Model, dirt: &Dirt) -> Result<Vec<Page>> {
    Ok(vec![
        ("truth/response_by_campaign.csv", responses(model, dirt)?),
        ("truth/service_case_by_month_kind.csv", cases(model, dirt)?),
        ("truth/survey_by_month_channel.csv", surveys(model, dirt)?),
    ])
}

fn responses(model: &Model, dirt: &Dirt) -> Result<String> {
    let (table, contacts) = (dirt.table("campaign_response")?, dirt.table("contact")?);
    let crm = &model.crm;
    let rows = table.loaded(&crm.responses).map(|(row, response)| {
        let contact = Some(response.contact).filter(|_| !table.is_unknown(row, "contact_id"));
        let employer = contact.filter(|contact| !contacts.is_unknown(*contact, "account_id"));
        let account = employer.map(|contact| crm.contacts[contact].account);
        let is_answer = ["clicked", "replied", "meeting"].contains(&response.kind);
        let values = vec![
            Value::Amount(1),
            Value::member(contact),
            Value::member(account),
            Value::member(contact.filter(|_| is_answer)),
            Value::counted(response.kind == "meeting"),
            Value::counted(response.kind == "unsubscribed"),
        ];
        (vec![crm.campaigns[response.campaign].id.clone()], values)
    });
    Ok(RESPONSES.page(rows))
}

fn cases(model: &Model, dirt: &Dirt) -> Result<String> {
    let table = dirt.table("service_case")?;
    let rows = table.loaded(&model.crm.cases).map(|(row, case)| {
        let account = Some(case.account).filter(|_| !table.is_unknown(row, "account_id"));
        let values = vec![
            Value::Amount(1),
            Value::counted(case.closed.is_none()),
            Value::member(account),
            Value::counted(case.responded.is_some()),
        ];
        (vec![month(case.opened.date()), case.kind.to_owned()], values)
    });
    Ok(CASES.page(rows))
}

fn surveys(model: &Model, dirt: &Dirt) -> Result<String> {
    let rows = dirt.table("survey")?.loaded(&model.crm.surveys).map(|(_, survey)| {
        let day = (survey.at + TimeDelta::hours(HOURS_AHEAD)).date();
        let values = vec![Value::Amount(1), Value::counted(survey.overall >= 4)];
        (vec![month(day), survey.channel.to_owned()], values)
    });
    Ok(SURVEYS.page(rows))
}
