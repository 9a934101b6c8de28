//! One line as it was agreed: item, quantity and price.

use chrono::{Datelike, NaiveDate};

use super::decimal::scaled;
use super::dice::{Dice, Wheel};
use super::entity::INDUSTRIES;
use super::exchange_rate::Currency;
use super::item::Item;
use super::item_group::Range;
use super::master::Master;

/// Fen of list price for one American cent: export prices are set once, not daily.
const EXPORT_DIVISOR: i64 = 640;

/// An agreed line; amounts are in the currency of the document.
#[derive(Clone, Debug)]
pub(super) struct Deal {
    /// The item, by position.
    pub(super) item: usize,
    /// Quantity in tenths.
    pub(super) qty_tenths: i64,
    /// List price per unit.
    pub(super) list_cents: i64,
    /// Discount on the list price.
    pub(super) discount_percent: i64,
    /// Price per unit after discount.
    pub(super) rate_cents: i64,
}

impl Deal {
    /// Quantity times price, rounded to the cent.
    pub(super) fn net_cents(&self) -> i64 {
        scaled(self.qty_tenths, self.rate_cents, 10)
    }

    /// The same deal over another quantity.
    pub(super) fn over(&self, qty_tenths: i64) -> Self {
        Self { qty_tenths, ..self.clone() }
    }
}

/// Items sorted by how likely a branch of business asks for them.
#[derive(Debug)]
pub(super) struct Shelf {
    wheels: Vec<Wheel>,
}

impl Shelf {
    /// One wheel over all items per industry.
    pub(super) fn new(items: &[Item]) -> Self {
        let wheels = INDUSTRIES
            .iter()
            .map(|industry| {
                Wheel::new(items.iter().enumerate().map(|(index, item)| {
                    let group = item.group.code;
                    let liked = industry.groups.iter().any(|prefix| group.starts_with(prefix));
                    let factor = if liked { 6 } else { 1 };
                    // Every third item is a slow seller, every seventh a favourite.
                    let pace = if index % 7 == 0 { 4 } else { 1 + u64::from(index % 3 != 0) };
                    item.range.demand * factor * pace
                }))
            })
            .collect();
        Self { wheels }
    }

    /// Something `customer` would order on `date`.
    pub(super) fn deal(
        &self,
        dice: &mut Dice,
        master: &Master,
        customer: usize,
        date: NaiveDate,
    ) -> Deal {
        let item = self.item(dice, master, customer, date);
        let currency = master.customers[customer].currency;
        let list_cents = list_price(&master.items[item], currency, date);
        let extra = *dice.pick(&[0, 0, 0, 0, 2, 5]);
        let discount_percent = master.customers[customer].discount_percent + extra;
        Deal {
            item,
            qty_tenths: quantity(dice, &master.items[item].range),
            list_cents,
            discount_percent,
            rate_cents: scaled(list_cents, 100 - discount_percent, 100),
        }
    }

    fn item(&self, dice: &mut Dice, master: &Master, customer: usize, date: NaiveDate) -> usize {
        let industry = master.entity_of(customer).industry;
        let wheel = INDUSTRIES
            .iter()
            .position(|candidate| candidate.code == industry.code)
            .map_or(&self.wheels[0], |position| &self.wheels[position]);
        // Most items are sold on any date, so a few turns always find one.
        for _ in 0..40 {
            let item = wheel.spin(dice);
            if master.items[item].is_sold_on(date) {
                return item;
            }
        }
        0
    }
}

/// List prices rise by 3 % every January.
fn list_price(item: &Item, currency: Currency, date: NaiveDate) -> i64 {
    let raised = scaled(item.list_price_cents, 100 + 3 * i64::from(date.year() - 2023), 100);
    match currency {
        Currency::Cny => raised,
        Currency::Usd => scaled(raised, 100, EXPORT_DIVISOR),
    }
}

/// Pieces are whole; metres and hours come in halves.
fn quantity(dice: &mut Dice, range: &Range) -> i64 {
    let (low, high) = range.qty;
    // The smaller of two throws: small orders are common, large ones rare.
    let units = dice.between(low, high).min(dice.between(low, high));
    match range.uom {
        "Nos" => units * 10,
        _ => units * 10 + 5 * dice.between(0, 1),
    }
}
