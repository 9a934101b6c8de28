//! The clean company: every table before dirt is planted.

use super::account::{Account, accounts};
use super::call::{Call, calls};
use super::campaign::{Campaign, Response, campaigns, responses};
use super::contact::{Contact, contacts};
use super::contract::{Contract, contracts};
use super::deal::Shelf;
use super::invoice::{Invoice, invoices};
use super::lead::{Lead, leads};
use super::master::Master;
use super::opportunity::{Ground, Opportunity, opportunities};
use super::order::{Order, orders};
use super::payment::{Payment, payments};
use super::sales_return::{SalesReturn, sales_returns};
use super::sales_target::{SalesTarget, sales_targets};
use super::scale::Scale;
use super::service_case::{ServiceCase, Survey, service_cases, surveys};
use super::stock_balance::{StockBalance, stock_balances};
use super::table::Table;
use super::user::{User, users};
use super::{
    account, call, campaign, contact, contract, customer, department, employee, exchange_rate,
    invoice, item, item_group, lead, opportunity, order, payment, region, sales_return,
    sales_target, service_case, stock_balance, territory, user,
};

/// The ERP and the CRM as they would be if nobody ever made a mistake.
#[derive(Debug)]
pub(super) struct Model {
    /// What exists before the first order.
    pub(super) master: Master,
    /// Sales orders.
    pub(super) orders: Vec<Order>,
    /// Sales invoices.
    pub(super) invoices: Vec<Invoice>,
    /// Receipts.
    pub(super) payments: Vec<Payment>,
    /// Returned goods.
    pub(super) returns: Vec<SalesReturn>,
    /// Month-end stock.
    pub(super) stock: Vec<StockBalance>,
    /// Targets.
    pub(super) targets: Vec<SalesTarget>,
    /// The CRM.
    pub(super) crm: Crm,
}

/// The CRM's part of the model.
#[derive(Debug)]
pub(super) struct Crm {
    users: Vec<User>,
    /// Accounts.
    pub(super) accounts: Vec<Account>,
    /// Contacts.
    pub(super) contacts: Vec<Contact>,
    /// Campaigns.
    pub(super) campaigns: Vec<Campaign>,
    /// Responses to campaigns.
    pub(super) responses: Vec<Response>,
    /// Opportunities.
    pub(super) opportunities: Vec<Opportunity>,
    leads: Vec<Lead>,
    calls: Vec<Call>,
    /// Service cases.
    pub(super) cases: Vec<ServiceCase>,
    /// Answers to surveys.
    pub(super) surveys: Vec<Survey>,
    contracts: Vec<Contract>,
}

impl Model {
    /// The company that grows from `seed` at `scale`.
    pub(super) fn new(seed: u64, scale: Scale) -> Self {
        let master = Master::new(seed, scale);
        let shelf = Shelf::new(&master.items);
        let orders = orders(&master, &shelf);
        let invoices = invoices(&master, &shelf, &orders);
        Self {
            payments: payments(&master, &invoices),
            returns: sales_returns(&master, &invoices),
            stock: stock_balances(&master, &invoices),
            targets: sales_targets(&master),
            crm: Crm::new(&master, &orders),
            orders,
            invoices,
            master,
        }
    }

    /// All source tables, clean, ERP first.
    pub(super) fn tables(&self) -> Vec<Table> {
        let mut tables = self.erp_tables();
        tables.extend(self.crm.tables(&self.master, &self.orders));
        tables
    }

    fn erp_tables(&self) -> Vec<Table> {
        let master = &self.master;
        vec![
            region::table(),
            item_group::table(),
            item::table(&master.items),
            department::table(),
            employee::table(&master.employees),
            customer::table(&master.customers, &master.employees),
            exchange_rate::table(&master.rates),
            order::table(&self.orders, master),
            order::line_table(&self.orders, master),
            invoice::table(&self.invoices, &self.orders, master),
            invoice::line_table(&self.invoices, master),
            payment::table(&self.payments, &self.invoices, master),
            sales_return::table(&self.returns, &self.invoices, master),
            stock_balance::table(&self.stock, master),
            sales_target::table(&self.targets),
        ]
    }
}

impl Crm {
    fn new(master: &Master, orders: &[Order]) -> Self {
        let users = users(&master.employees);
        let accounts = accounts(master, &users);
        let contacts = contacts(master, &accounts);
        let campaigns = campaigns(master.seed);
        let ground = Ground { master, orders, accounts: &accounts, campaigns: &campaigns };
        let opportunities = opportunities(ground);
        let cases = service_cases(ground, &users);
        Self {
            responses: responses(master, &campaigns, &contacts),
            leads: leads(ground, &opportunities, &users),
            calls: calls(ground),
            surveys: surveys(master.seed, &cases),
            contracts: contracts(ground),
            cases,
            opportunities,
            users,
            accounts,
            contacts,
            campaigns,
        }
    }

    fn tables(&self, master: &Master, orders: &[Order]) -> Vec<Table> {
        let (accounts, campaigns) = (&self.accounts, &self.campaigns);
        let ground = Ground { master, orders, accounts, campaigns };
        vec![
            user::table(&self.users, &master.employees),
            territory::table(),
            territory::industry_table(),
            account::table(accounts, master, &self.users),
            contact::table(&self.contacts, accounts),
            campaign::table(campaigns),
            campaign::response_table(&self.responses, campaigns, &self.contacts),
            lead::table(&self.leads, ground, &self.opportunities, &self.users),
            opportunity::table(&self.opportunities, ground, &self.users),
            opportunity::history_table(&self.opportunities, ground, &self.users),
            call::table(&self.calls, ground, &self.users),
            service_case::table(&self.cases, ground, &self.users),
            contract::table(&self.contracts, ground, &self.users),
            service_case::survey_table(&self.surveys, &self.cases, ground),
        ]
    }
}
