//! The demo company: one seed yields its CRM and ERP files, their defects, and the truth.
//!
//! `master` and `model` build a clean company; `dirt` spoils a few rows of its tables and keeps
//! the list; `truth`, `matching` and `totals` compute from the clean company and that list what
//! a correct load must find. Nothing here reads or writes a file.

mod dice;
mod decimal;
mod calendar;
mod text;
mod scale;
mod table;
mod csv;
mod sql;
mod json;
mod region;
mod item_group;
mod item;
mod person;
mod department;
mod employee;
mod exchange_rate;
mod entity;
mod customer;
mod master;
mod document;
mod deal;
mod order;
mod invoice;
mod payment;
mod sales_return;
mod stock_balance;
mod sales_target;
mod user;
mod territory;
mod account;
mod contact;
mod campaign;
mod opportunity;
mod lead;
mod call;
mod service_case;
mod contract;
mod model;
mod defect;
mod planting;
mod spoiling;
mod dirt;
mod ledger;
mod truth;
mod tally;
mod owed;
mod goods;
mod funnel;
mod contacted;
mod matching;
mod totals;
mod readme;
mod company;
#[cfg(test)]
mod tests;

pub use company::{DemoFile, generate};
