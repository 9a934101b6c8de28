//! Truth about the pipeline: moves from stage to stage, and opportunities beside orders.

use super::decimal::in_base;
use super::dirt::Dirt;
use super::model::Model;
use super::opportunity::{Opportunity, STAGES, steps};
use super::order::lines;
use super::tally::{Figure, Layout, Row, Value};
use super::truth::{Page, month, or_unknown};
use crate::error::Result;

const MOVES: Layout = Layout {
    key: &["month", "to_stage"],
    figures: &[
        ("moves", Figure::Whole),
        ("opportunities", Figure::Distinct),
        ("days_in_stage", Figure::Whole),
    ],
};

const DEALS: &[(&str, Figure)] = &[
    ("opportunities", Figure::Whole),
    ("base_amount", Figure::Money),
    ("won", Figure::Whole),
    ("orders", Figure::Distinct),
    ("base_net_amount", Figure::Money),
];

/// The pages.
pub(super) fn pages(model: &Model, dirt: &Dirt) -> Result<Vec<Page>> {
    let by_month = Layout { key: &["month"], figures: DEALS };
    let by_country = Layout { key: &["country_code"], figures: DEALS };
    let (months, countries): (Vec<Row>, Vec<Row>) =
        opportunities(model, dirt)?.into_iter().chain(orders(model, dirt)?).map(Deal::rows).unzip();
    Ok(vec![
        ("truth/stage_move_by_month_stage.csv", moves(model, dirt)?),
        ("truth/deal_by_month.csv", by_month.page(months)),
        ("truth/deal_by_country.csv", by_country.page(countries)),
    ])
}

fn moves(model: &Model, dirt: &Dirt) -> Result<String> {
    let table = dirt.table("opportunity_stage_history")?;
    let list = &model.crm.opportunities;
    let steps = steps(list);
    let rows = table.loaded(&steps).map(|(row, &(opportunity, step))| {
        let path = &list[opportunity].path;
        let (stage, at) = path[step];
        // How long it was in the stage before is known only if that step is loaded too.
        let before = step.checked_sub(1).filter(|_| table.is_loaded(row - 1));
        let days = before.map(|before| at.signed_duration_since(path[before].1).num_days());
        let values = vec![
            Value::Amount(1),
            Value::Member(opportunity),
            days.map_or(Value::Nothing, Value::Amount),
        ];
        (vec![month(at.date()), STAGES[stage].0.to_owned()], values)
    });
    Ok(MOVES.page(rows))
}

/// An opportunity or a line of an order that a correct load keeps.
#[derive(Debug)]
struct Deal {
    month: String,
    /// The country of the account or customer.
    country: String,
    values: Vec<Value>,
}

impl Deal {
    fn rows(self) -> (Row, Row) {
        ((vec![self.month], self.values.clone()), (vec![self.country], self.values))
    }
}

fn opportunities(model: &Model, dirt: &Dirt) -> Result<Vec<Deal>> {
    let (table, accounts) = (dirt.table("opportunity")?, dirt.table("account")?);
    let deal = |(row, opportunity): (usize, &Opportunity)| {
        let account = opportunity.account;
        let is_known = !table.is_unknown(row, "account_id")
            && !accounts.is_unknown(account, "billing_county_code");
        let entity = &model.master.entities[model.crm.accounts[account].entity];
        let county = is_known.then_some(entity.county);
        Deal {
            month: month(opportunity.entered().date()),
            country: or_unknown(county, |county| county.country().code.to_owned()),
            values: vec![
                Value::Amount(1),
                Value::Amount(opportunity.base_cents),
                Value::counted(opportunity.stage() == "closed_won"),
                Value::Nothing,
                Value::Nothing,
            ],
        }
    };
    Ok(table.loaded(&model.crm.opportunities).map(deal).collect())
}

fn orders(model: &Model, dirt: &Dirt) -> Result<Vec<Deal>> {
    let (headers, customers) = (dirt.table("sales_order")?, dirt.table("customer")?);
    let lines = lines(&model.orders);
    let deal = |(_, &(header, position)): (usize, &(usize, usize))| {
        let order = &model.orders[header];
        let is_known = !headers.is_unknown(header, "customer")
            && !customers.is_unknown(order.customer, "county_code");
        let county = is_known.then(|| model.master.entity_of(order.customer).county);
        let net_cents = order.deals[position].net_cents();
        Deal {
            month: month(order.date),
            country: or_unknown(county, |county| county.country().code.to_owned()),
            values: vec![
                Value::Amount(0),
                Value::Nothing,
                Value::Amount(0),
                Value::Member(header),
                Value::Amount(in_base(net_cents, order.rate_e4)),
            ],
        }
    };
    Ok(dirt.table("sales_order_item")?.loaded(&lines).map(deal).collect())
}
