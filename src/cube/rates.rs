//! The relation of rates through which amounts are converted, and how the star is joined to it.
//!
//! ```text
//! currency | day | rate | fault      one row for each currency and day, or currency alone
//! ```
//!
//! It is unique by construction, so that no fact is multiplied, and its join keeps every fact: one
//! that finds no rate has NULL there. Of rates in both directions the newest counts, and of one day
//! that in the asked direction; only a pair without either goes by way of the pivot.

use std::sync::Arc;

use arrow::datatypes::DataType;
use chrono::Datelike;
use datafusion::common::{Column, JoinType, Result, ScalarValue, TableReference, plan_err};
use datafusion::functions::core::expr_fn::coalesce;
use datafusion::functions_aggregate::expr_fn::{max, min};
use datafusion::functions_nested::expr_fn::range;
use datafusion::functions_window::expr_fn::lead;
use datafusion::logical_expr::{
    Expr, ExprFunctionExt, LogicalPlan, LogicalPlanBuilder, TableSource, cast, lit, when,
};

use super::conversion::{AsOf, RateConversion};
use super::planner::{STAR, fact_alias, fault_alias, rate_alias};
use super::rate_arithmetic::{RateFunction, rate_type};
use crate::star::Currency;

// Relations on the way.
const RATES: &str = "rates";
const PIVOT: &str = "pivot";

// Columns of the relation, and on the way to it.
const CURRENCY: &str = "currency";
const DAY: &str = "day";
const RATE: &str = "rate";
const FAULT: &str = "fault";
const FROM: &str = "from";
const TO: &str = "to";
/// The least and the greatest of the rates for one day, which should be one.
const LEAST: &str = "least";
const GREATEST: &str = "greatest";
const NEXT: &str = "next";
const LAST: &str = "last";

/// A conversion over the tables it needs.
#[derive(Clone)]
pub(super) struct BoundRates {
    /// The conversion.
    pub conversion: RateConversion,
    /// The table of rates.
    pub table: Arc<dyn TableSource>,
    /// The calendar, and its key.
    pub calendar: (Arc<dyn TableSource>, String),
    /// The type of its rates.
    pub data_type: DataType,
}

impl BoundRates {
    pub(super) fn new(
        conversion: &RateConversion,
        table: Arc<dyn TableSource>,
        calendar: (Arc<dyn TableSource>, String),
    ) -> Result<Self> {
        let column = &conversion.columns.rate;
        let schema = table.schema();
        let data_type = rate_type(schema.field_with_name(column)?.data_type(), column)?;
        Ok(Self { conversion: conversion.clone(), table, calendar, data_type })
    }

    /// What a row of the fact has to be joined by: its currency, if `of_fact` gives it.
    pub(super) fn currency_key(&self, of_fact: impl Fn(&str) -> Expr) -> Expr {
        let currency = match &self.conversion.from {
            Currency::Constant(code) => lit(code.as_str()),
            Currency::Column(column) => of_fact(column),
        };
        cast(currency, DataType::Utf8).alias(self.currency_alias())
    }

    fn currency_alias(&self) -> String {
        format!("currency${}", self.conversion.name())
    }

    /// `star` with the rate of each fact, and what is wrong with it; every fact once.
    pub(super) fn join(&self, star: LogicalPlan) -> Result<LogicalPlan> {
        let of_star = |name: &str| Column::new(Some(STAR), name);
        let (mut left, mut right) =
            (vec![of(RATES, CURRENCY)], vec![of_star(&self.currency_alias())]);
        if let Some(day) = self.conversion.day_column() {
            left.push(of(RATES, DAY));
            right.push(of_star(&fact_alias(day)));
        }
        let own = star.schema().columns().into_iter();
        let own = own.filter(|column| column.name != self.currency_alias());
        let mut shown: Vec<Expr> = own.map(Expr::Column).collect();
        let found = Expr::Column(of(RATES, RATE));
        let currency = Expr::Column(of_star(&self.currency_alias()));
        let one = cast(lit(1_i64), self.data_type.clone());
        let same = currency.eq(lit(self.conversion.to.as_str()));
        let name = self.conversion.name();
        shown.push(when(same, one).otherwise(found)?.alias(rate_alias(&name)));
        shown.push(Expr::Column(of(RATES, FAULT)).alias(fault_alias(&name)));
        // The star stands on the right, so that the rates are what is kept in memory.
        self.relation()?
            .alias(RATES)?
            .join(star, JoinType::Right, (left, right), None)?
            .project(shown)?
            .alias(STAR)?
            .build()
    }

    fn has_days(&self) -> bool {
        self.conversion.day_column().is_some()
    }

    fn keys(&self) -> Vec<Expr> {
        let names: &[&str] = if self.has_days() { &[CURRENCY, DAY] } else { &[CURRENCY] };
        names.iter().map(|name| col(name)).collect()
    }

    fn relation(&self) -> Result<LogicalPlanBuilder> {
        let to = &self.conversion.to;
        let mut rates = self.holding(self.into(to)?)?;
        let pivot = self.conversion.columns.pivot.as_ref();
        if let Some(pivot) = pivot.filter(|pivot| *pivot != to) {
            let through = self.through(pivot, rates.clone())?;
            rates = preferred(rates, through, self.keys())?;
        }
        if let Currency::Constant(code) = &self.conversion.from {
            rates = rates.filter(col(CURRENCY).eq(lit(code.as_str())))?;
        }
        let pair = || vec![col(LEAST), col(GREATEST)];
        let mut shown = self.keys();
        shown.push(RateFunction::TheOne.call(pair()).alias(RATE));
        shown.push(RateFunction::Fault.call(pair()).alias(FAULT));
        rates.project(shown)
    }

    /// The rates of all currencies by way of `pivot`, of which `rates` has the last step.
    fn through(&self, pivot: &str, rates: LogicalPlanBuilder) -> Result<LogicalPlanBuilder> {
        let last = rates.filter(col(CURRENCY).eq(lit(pivot)))?.alias(PIVOT)?.build()?;
        let first = self.holding(self.into(pivot)?)?.alias(RATES)?;
        let joined = match self.has_days() {
            true => first.join(
                last,
                JoinType::Inner,
                (vec![of(RATES, DAY)], vec![of(PIVOT, DAY)]),
                None,
            )?,
            false => first.cross_join(last)?,
        };
        let product = |name: &str| {
            let steps = [RATES, PIVOT].map(|step| Expr::Column(of(step, name)));
            RateFunction::Through.call(steps.to_vec()).alias(name)
        };
        let mut shown = vec![Expr::Column(of(RATES, CURRENCY)).alias(CURRENCY)];
        shown.extend(self.has_days().then(|| Expr::Column(of(RATES, DAY)).alias(DAY)));
        shown.extend([LEAST, GREATEST].map(product));
        joined.project(shown)
    }

    /// The rates into `to` by currency and the day from which they hold, in either direction.
    fn into(&self, to: &str) -> Result<LogicalPlanBuilder> {
        let given = self.given()?.filter(col(TO).eq(lit(to)))?.project(vec![
            col(FROM).alias(CURRENCY),
            col(DAY),
            col(LEAST),
            col(GREATEST),
        ])?;
        let inverse = |name: &str| RateFunction::Inverse.call(vec![col(name)]);
        let inverted = self.given()?.filter(col(FROM).eq(lit(to)))?.project(vec![
            col(TO).alias(CURRENCY),
            col(DAY),
            inverse(GREATEST).alias(LEAST),
            inverse(LEAST).alias(GREATEST),
        ])?;
        preferred(given, inverted, vec![col(CURRENCY), col(DAY)])
    }

    /// The rates that the table has, one row for each pair and day. One without a day, a currency or
    /// a value is none, and that of a currency in itself is not needed.
    fn given(&self) -> Result<LogicalPlanBuilder> {
        let columns = &self.conversion.columns;
        let relation = TableReference::partial(RATES, self.conversion.table.as_str());
        let of_table = |name: &str| Expr::Column(Column::new(Some(relation.clone()), name));
        let text = |name: &str| cast(of_table(name), DataType::Utf8);
        LogicalPlanBuilder::scan(relation.clone(), Arc::clone(&self.table), None)?
            .project(vec![
                text(&columns.from).alias(FROM),
                text(&columns.to).alias(TO),
                of_table(&columns.day).alias(DAY),
                cast(of_table(&columns.rate), self.data_type.clone()).alias(RATE),
            ])?
            .filter(
                col(FROM).not_eq(col(TO)).and(col(DAY).gt(lit(0_i64))).and(col(RATE).is_not_null()),
            )?
            .aggregate(
                vec![col(FROM), col(TO), col(DAY)],
                vec![min(col(RATE)).alias(LEAST), max(col(RATE)).alias(GREATEST)],
            )
    }

    /// Of `rates` those that hold: for each day, or on one.
    fn holding(&self, rates: LogicalPlanBuilder) -> Result<LogicalPlanBuilder> {
        let next = lead(col(DAY), Some(1), None)
            .partition_by(vec![col(CURRENCY)])
            .order_by(vec![col(DAY).sort(true, false)])
            .build()?;
        let shown = |day: Expr| vec![col(CURRENCY), day, col(LEAST), col(GREATEST)];
        let mut with_next = shown(col(DAY));
        with_next.push(next.clone().alias(NEXT));
        let rates = rates.window(vec![next])?.project(with_next)?;
        match &self.conversion.as_of {
            AsOf::Latest => rates.filter(col(NEXT).is_null()),
            AsOf::At(day) => {
                let day = lit(i64::from(day.num_days_from_ce()));
                let holds = col(DAY).lt_eq(day.clone());
                rates.filter(holds.and(col(NEXT).is_null().or(col(NEXT).gt(day))))
            }
            AsOf::Day { .. } => {
                let upto = coalesce(vec![col(NEXT), col(LAST) + lit(1_i64)]);
                rates
                    .cross_join(self.last_day()?)?
                    .project(shown(range(col(DAY), upto, lit(1_i64)).alias(DAY)))?
                    .unnest_column(Column::from_name(DAY))
            }
        }
    }

    /// The last day of the calendar, on or before which every fact is.
    fn last_day(&self) -> Result<LogicalPlan> {
        let (calendar, key) = &self.calendar;
        let relation = TableReference::bare("calendar");
        let key = Expr::Column(Column::new(Some(relation.clone()), key));
        LogicalPlanBuilder::scan(relation, Arc::clone(calendar), None)?
            .aggregate(Vec::<Expr>::new(), vec![max(key).alias(LAST)])?
            .build()
    }
}

/// What `first` has, and where it has nothing what `second` has; both are unique by `keys`.
fn preferred(
    first: LogicalPlanBuilder,
    second: LogicalPlanBuilder,
    keys: Vec<Expr>,
) -> Result<LogicalPlanBuilder> {
    let names = [LEAST, GREATEST];
    let schema = Arc::clone(first.schema());
    let Some(field) = schema.fields().iter().find(|field| field.name() == LEAST) else {
        return plan_err!("rates without a column `{LEAST}`");
    };
    let none = lit(ScalarValue::try_from(field.data_type())?);
    let named = |at: usize, name: &str| format!("{name}_{at}");
    let columns = |own: usize| {
        let value = |at: usize, name: &str| if at == own { col(name) } else { none.clone() };
        let both = [0, 1].into_iter().flat_map(|at| names.map(|name| (at, name)));
        let both = both.map(|(at, name)| value(at, name).alias(named(at, name)));
        keys.iter().cloned().chain(both).collect::<Vec<_>>()
    };
    let second = second.project(columns(1))?.build()?;
    let merged = [0, 1].into_iter().flat_map(|at| names.map(|name| named(at, name)));
    let merged = merged.map(|name| max(col(&name)).alias(&name));
    let shown =
        names.map(|name| coalesce(vec![col(&named(0, name)), col(&named(1, name))]).alias(name));
    first
        .project(columns(0))?
        .union(second)?
        .aggregate(keys.clone(), merged.collect::<Vec<_>>())?
        .project(keys.into_iter().chain(shown).collect::<Vec<_>>())
}

fn col(name: &str) -> Expr {
    Expr::Column(Column::from_name(name))
}

fn of(relation: &str, name: &str) -> Column {
    Column::new(Some(relation), name)
}
