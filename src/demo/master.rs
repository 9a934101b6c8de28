//! Everything that exists before the first order.

use super::customer::{Customer, customers};
use super::employee::{Employee, employees};
use super::entity::{Entity, entities};
use super::exchange_rate::Rates;
use super::item::{Item, items};
use super::scale::Scale;

/// Master data of the company.
#[derive(Debug)]
pub(super) struct Master {
    /// The seed everything is drawn from.
    pub(super) seed: u64,
    /// The size of the company.
    pub(super) scale: Scale,
    /// The true companies.
    pub(super) entities: Vec<Entity>,
    /// The staff.
    pub(super) employees: Vec<Employee>,
    /// ERP customers.
    pub(super) customers: Vec<Customer>,
    /// The catalogue.
    pub(super) items: Vec<Item>,
    /// Conversion rates.
    pub(super) rates: Rates,
}

impl Master {
    /// Master data for `seed` at `scale`.
    pub(super) fn new(seed: u64, scale: Scale) -> Self {
        let entities = entities(seed, scale);
        let employees = employees(seed);
        let customers = customers(seed, &entities, &employees);
        let (items, rates) = (items(seed, scale), Rates::new(seed));
        Self { seed, scale, entities, employees, customers, items, rates }
    }

    /// The company behind a customer record.
    pub(super) fn entity_of(&self, customer: usize) -> &Entity {
        &self.entities[self.customers[customer].entity]
    }
}
