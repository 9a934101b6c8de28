//! How amounts become amounts in another currency.

use std::fmt;

use chrono::NaiveDate;

use crate::star::{Currency, RateColumns};

/// How amounts become amounts in another currency.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Conversion {
    /// Each times this column of the fact.
    Column(String),
    /// Each times the rate that a table of rates has for it.
    Rates(Box<RateConversion>),
}

/// A conversion by a table of rates.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RateConversion {
    /// What amounts are in.
    pub from: Currency,
    /// What they become.
    pub to: String,
    /// The fact that has the rates.
    pub table: String,
    /// Its columns.
    pub columns: RateColumns,
    /// Which of its rates count.
    pub as_of: AsOf,
    /// What a cell is where a fact of it has no rate.
    pub missing: MissingRate,
}

/// Which rate of a pair of currencies counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AsOf {
    /// The newest on or before each fact's own day in this role of `date`.
    Day {
        /// The role.
        role: String,
        /// The column of the fact with its days.
        key: String,
    },
    /// The newest on or before one day, for all facts.
    At(NaiveDate),
    /// The newest there is, for all facts.
    Latest,
}

/// What a cell is where a fact of it has an amount and no rate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MissingRate {
    /// The question fails.
    #[default]
    Error,
    /// NULL.
    Empty,
}

impl MissingRate {
    /// Every one of them.
    pub const ALL: [Self; 2] = [Self::Error, Self::Empty];

    /// The word of the declaration.
    pub fn word(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Empty => "empty",
        }
    }
}

impl RateConversion {
    /// What tells its rates from those of other conversions, for people too. What becomes of a
    /// missing rate is no part of it.
    pub fn name(&self) -> String {
        let from = match &self.from {
            Currency::Constant(code) => code,
            Currency::Column(column) => column,
        };
        format!("{from} to {} by {} {}", self.to, self.table, self.as_of)
    }

    /// What is said beside its name, for people.
    pub fn remark(&self) -> &'static str {
        match self.missing {
            MissingRate::Error => "",
            MissingRate::Empty => ", empty where a rate is missing",
        }
    }

    /// The column of the fact that names the currency of each row.
    pub fn currency_column(&self) -> Option<&str> {
        match &self.from {
            Currency::Constant(_) => None,
            Currency::Column(column) => Some(column),
        }
    }

    /// The column of the fact with the day that its rates are of.
    pub fn day_column(&self) -> Option<&str> {
        match &self.as_of {
            AsOf::Day { key, .. } => Some(key),
            AsOf::At(_) | AsOf::Latest => None,
        }
    }
}

impl fmt::Display for AsOf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Day { role, .. } => write!(f, "as of {role}"),
            Self::At(day) => write!(f, "at {day}"),
            Self::Latest => f.write_str("at latest"),
        }
    }
}
