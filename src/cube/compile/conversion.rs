//! `convert:` — amounts in another currency.

use std::collections::BTreeSet;

use chrono::NaiveDate;

use super::super::conversion::{AsOf, Conversion, MissingRate, RateConversion};
use super::super::convert_spec::{ConvertBySpec, ConvertSpec};
use super::super::spec::MeasureSpec;
use super::{unknown, unknown_fact_column};
use crate::declare::{Code, Diagnostic, Diagnostics, Located, nearest};
use crate::star::{CALENDAR, Currency, Fact, Role, Star, is_currency_code};

/// The word for the newest rate there is.
const LATEST: &str = "latest";

/// What a conversion is compiled against.
pub(super) struct Converted<'a> {
    /// Where rates are.
    pub star: &'a Star,
    /// The fact of the amounts.
    pub fact: &'a Fact,
    /// The key column of the fact's main day.
    pub day: Option<&'a str>,
    /// The columns of the fact that the amount is made of.
    pub used: &'a BTreeSet<String>,
}

impl Converted<'_> {
    /// What `convert` of the measure `spec` says.
    pub(super) fn compile(
        &self,
        spec: &MeasureSpec,
        convert: &ConvertSpec,
        diagnostics: &mut Diagnostics,
    ) -> Option<Conversion> {
        match &convert.by {
            ConvertBySpec::Column(rate) => {
                if !self.fact.columns.iter().any(|column| column.name == rate.value) {
                    diagnostics.push(unknown_fact_column(rate, self.fact));
                }
                Some(Conversion::Column(rate.value.clone()))
            }
            ConvertBySpec::Rates { table, as_of, at, missing } => {
                check_code(&convert.to, diagnostics);
                let from = self.currency(spec, &convert.to, diagnostics);
                let missing = self::missing(missing.as_ref(), diagnostics);
                let as_of = match at {
                    Some(at) => self::at(at, diagnostics),
                    None => self.day(as_of.as_ref(), table, diagnostics),
                };
                let columns = self.rates(table, diagnostics)?;
                Some(Conversion::Rates(Box::new(RateConversion {
                    from: from?,
                    to: convert.to.value.clone(),
                    table: table.value.clone(),
                    columns,
                    as_of: as_of?,
                    missing,
                })))
            }
        }
    }

    /// What the amounts are in.
    fn currency(
        &self,
        spec: &MeasureSpec,
        to: &Located<String>,
        diagnostics: &mut Diagnostics,
    ) -> Option<Currency> {
        let columns = self.fact.columns.iter().filter(|column| self.used.contains(&column.name));
        let mut found: Vec<&Currency> = Vec::new();
        for currency in columns.filter_map(|column| column.currency.as_ref()) {
            if !found.contains(&currency) {
                found.push(currency);
            }
        }
        let (message, help) = match found.as_slice() {
            [Currency::Constant(code)] if *code == to.value => (
                format!("`{}` is in {code} as it is", spec.input.value),
                "leave `convert` out".to_owned(),
            ),
            [currency] => return Some((*currency).clone()),
            [] => (
                format!("`{}` is in no currency that could be converted", spec.input.value),
                format!(
                    "say what its columns are in, as in `{{expr: …, currency: EUR}}` in the fact `{}`",
                    self.fact.name
                ),
            ),
            several => {
                let of = |currency: &&Currency| match currency {
                    Currency::Constant(code) => code.clone(),
                    Currency::Column(column) => format!("the currency in `{column}`"),
                };
                let list: Vec<String> = several.iter().map(of).collect();
                (
                    format!("`{}` mixes amounts in {}", spec.input.value, list.join(" and ")),
                    "convert each in a measure of its own, and add these".to_owned(),
                )
            }
        };
        let wrong = Diagnostic::new(Code::Mismatch, spec.input.span.clone(), message);
        diagnostics.push(wrong.help(help));
        None
    }

    /// Each fact's own day.
    fn day(
        &self,
        as_of: Option<&Located<String>>,
        table: &Located<String>,
        diagnostics: &mut Diagnostics,
    ) -> Option<AsOf> {
        let dates = || self.fact.roles.iter().filter(|role| role.dimension == CALENDAR);
        let of = |role: &Role| AsOf::Day { role: role.name.clone(), key: role.key_column() };
        if let Some(name) = as_of {
            let found = dates().find(|role| role.name == name.value);
            if found.is_none() {
                let what = format!("role of `{CALENDAR}` in the fact `{}`", self.fact.name);
                let known = dates().map(|role| role.name.as_str());
                diagnostics.push(unknown(name, &what, known));
            }
            return found.map(of);
        }
        let main = dates().find(|role| Some(role.key_column().as_str()) == self.day);
        if main.is_none() {
            let message =
                format!("the fact `{}` has no day that a rate could be of", self.fact.name);
            let wrong = Diagnostic::new(Code::Mismatch, table.span.clone(), message);
            diagnostics.push(wrong.help("say of which day, as in `at: 2024-12-31`"));
        }
        main.map(of)
    }

    /// The columns of the fact `table`, which has rates.
    fn rates(
        &self,
        table: &Located<String>,
        diagnostics: &mut Diagnostics,
    ) -> Option<crate::star::RateColumns> {
        let with_rates = self.star.facts.iter().filter(|fact| fact.rates.is_some());
        let known = with_rates.map(|fact| fact.name.as_str());
        let Some(fact) = self.star.fact(&table.value) else {
            diagnostics.push(unknown(table, "fact with `rates`", known));
            return None;
        };
        if fact.rates.is_none() {
            let message = format!("the fact `{}` has no rates", fact.name);
            let wrong = Diagnostic::new(Code::Mismatch, table.span.clone(), message);
            diagnostics.push(wrong.help(
                "say in its declaration which columns they are: `rates: {from: …, to: …, rate: …}`",
            ));
        }
        fact.rates.clone()
    }
}

fn check_code(to: &Located<String>, diagnostics: &mut Diagnostics) {
    if !is_currency_code(&to.value) {
        let message = format!("`to` cannot be `{}`", to.value);
        let wrong = Diagnostic::new(Code::WrongValue, to.span.clone(), message);
        diagnostics.push(wrong.help("it is a currency code of three capital letters"));
    }
}

/// One day for all facts.
fn at(written: &Located<String>, diagnostics: &mut Diagnostics) -> Option<AsOf> {
    if written.value == LATEST {
        return Some(AsOf::Latest);
    }
    let day = NaiveDate::parse_from_str(&written.value, "%Y-%m-%d").ok();
    if day.is_none() {
        let message = format!("`at` cannot be `{}`", written.value);
        let wrong = Diagnostic::new(Code::WrongValue, written.span.clone(), message);
        diagnostics.push(wrong.help(format!("it is a day, as in `2024-12-31`, or `{LATEST}`")));
    }
    day.map(AsOf::At)
}

fn missing(written: Option<&Located<String>>, diagnostics: &mut Diagnostics) -> MissingRate {
    let Some(written) = written else { return MissingRate::default() };
    let found = MissingRate::ALL.into_iter().find(|missing| missing.word() == written.value);
    found.unwrap_or_else(|| {
        let known = MissingRate::ALL.map(MissingRate::word);
        let help = match nearest(&written.value, known) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("there is: {}", known.join(", ")),
        };
        let message = format!("`missing` cannot be `{}`", written.value);
        let wrong = Diagnostic::new(Code::WrongValue, written.span.clone(), message);
        diagnostics.push(wrong.help(help));
        MissingRate::default()
    })
}
