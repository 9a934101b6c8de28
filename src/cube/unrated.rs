//! Facts whose amount has no rate: found row by row, told of at the end.
//!
//! A leaf counts them beside the amounts, and another has one to show, so that whoever asks is told
//! of just those that count in a cell. No fact vanishes from a sum because of a missing rate.

use std::sync::Arc;

use arrow::array::{Array, AsArray, BooleanArray, StringArray};
use arrow::compute::{cast, nullif};
use arrow::datatypes::{DataType, Int64Type};
use chrono::NaiveDate;
use datafusion::common::{Result, exec_err, plan_err};
use datafusion::logical_expr::{
    ColumnarValue, Expr, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};

use super::conversion::{AsOf, MissingRate, RateConversion};

/// The name of [`without_rate`].
pub(super) const WITHOUT_RATE: &str = "without_rate";

/// What stands in front of a fact whose rates are at fault; it comes before any currency, so that
/// such a one is shown first.
const FAULT: char = '!';

/// `without_rate(amount, rate, fault, currency, day)`: of a fact with an amount and no rate, its
/// currency and day; else NULL.
pub(super) fn without_rate(inputs: Vec<Expr>) -> Expr {
    let signature = Signature::any(inputs.len(), Volatility::Immutable);
    ScalarUDF::from(WithoutRate { signature }).call(inputs)
}

/// `value` of `measure`, which is converted so, unless `count` of its facts have no rate, such as
/// `example`.
pub(super) fn unless_unrated(
    value: Expr,
    count: Expr,
    example: Expr,
    measure: &str,
    conversion: &RateConversion,
) -> Expr {
    let signature = Signature::any(3, Volatility::Immutable);
    let at = match &conversion.as_of {
        AsOf::At(day) => format!(" at {day}"),
        AsOf::Day { .. } | AsOf::Latest => String::new(),
    };
    let function = UnlessUnrated {
        signature,
        measure: measure.to_owned(),
        rate: format!("rate to {}{at}", conversion.to),
        table: conversion.table.clone(),
        empty: conversion.missing == MissingRate::Empty,
    };
    ScalarUDF::from(function).call(vec![value, count, example])
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct WithoutRate {
    signature: Signature,
}

impl ScalarUDFImpl for WithoutRate {
    fn name(&self) -> &'static str {
        WITHOUT_RATE
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Utf8)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let arrays = ColumnarValue::values_to_arrays(&args.args)?;
        let [amounts, rates, faults, currencies, days @ ..] = arrays.as_slice() else {
            return plan_err!("without_rate takes an amount, a rate, a fault and a currency");
        };
        let (faults, currencies) = (text(faults)?, text(currencies)?);
        let (faults, currencies) = (faults.as_string::<i32>(), currencies.as_string::<i32>());
        let days = match days {
            [days] => Some(cast(days, &DataType::Int64)?),
            _ => None,
        };
        let (amounts, rates) = (amounts.logical_nulls(), rates.logical_nulls());
        let is_null = |nulls: &Option<arrow::buffer::NullBuffer>, row| {
            nulls.as_ref().is_some_and(|nulls| nulls.is_null(row))
        };
        let told = (0..currencies.len()).map(|row| {
            if is_null(&amounts, row) || !is_null(&rates, row) {
                return None;
            }
            let currency =
                if currencies.is_null(row) { "no currency" } else { currencies.value(row) };
            let day = days.as_ref().map(|days| on_day(days.as_primitive::<Int64Type>().value(row)));
            let fact = format!("{currency}{}", day.unwrap_or_default());
            Some(if faults.is_null(row) {
                fact
            } else {
                format!("{FAULT}{fact}: {}", faults.value(row))
            })
        });
        Ok(ColumnarValue::Array(Arc::new(told.collect::<StringArray>())))
    }
}

fn text(values: &dyn Array) -> Result<arrow::array::ArrayRef> {
    Ok(cast(values, &DataType::Utf8)?)
}

/// The day with the version key `key` of the date dimension.
fn on_day(key: i64) -> String {
    let day = i32::try_from(key).ok().filter(|key| *key > 0);
    match day.and_then(NaiveDate::from_num_days_from_ce_opt) {
        Some(day) => format!(" on {day}"),
        None => " on no known day".to_owned(),
    }
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct UnlessUnrated {
    signature: Signature,
    measure: String,
    /// What is missing.
    rate: String,
    /// Where it is missing.
    table: String,
    /// Whether the value is then NULL.
    empty: bool,
}

impl UnlessUnrated {
    fn check(&self, count: i64, example: &str) -> Result<()> {
        let (measure, rate, table) = (&self.measure, &self.rate, &self.table);
        let facts = if count == 1 { "1 fact".to_owned() } else { format!("{count} facts") };
        if let Some(fault) = example.strip_prefix(FAULT) {
            return exec_err!(
                "`{measure}` has no one {rate} for {facts}, such as of {fault}; correct the rates \
                 in `{table}`"
            );
        }
        if self.empty {
            return Ok(());
        }
        exec_err!(
            "`{measure}` has no {rate} for {facts}, such as of {example}; load it into `{table}`, \
             or declare `missing: empty` to leave such cells empty"
        )
    }
}

impl ScalarUDFImpl for UnlessUnrated {
    fn name(&self) -> &'static str {
        "unless_unrated"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        match types {
            [value, _, _] => Ok(value.clone()),
            _ => plan_err!("unless_unrated takes a value, a count and an example"),
        }
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let arrays = ColumnarValue::values_to_arrays(&args.args)?;
        let [values, counts, examples] = arrays.as_slice() else {
            return plan_err!("unless_unrated takes a value, a count and an example");
        };
        let (counts, examples) = (cast(counts, &DataType::Int64)?, text(examples)?);
        let (counts, examples) = (counts.as_primitive::<Int64Type>(), examples.as_string::<i32>());
        let mut unrated = Vec::with_capacity(counts.len());
        for (count, example) in counts.iter().zip(examples.iter()) {
            let count = count.unwrap_or(0);
            if count > 0 {
                self.check(count, example.unwrap_or_default())?;
            }
            unrated.push(count > 0);
        }
        Ok(ColumnarValue::Array(nullif(values, &BooleanArray::from(unrated))?))
    }
}
