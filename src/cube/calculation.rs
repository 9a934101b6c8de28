//! What every measure can also be asked for: at other times, in shares, by rank.
//!
//! A calculation is no aggregate of its own. It computes its measure anew in other contexts and
//! compares the values, so that it is right for ratios and distinct counts as for sums.

use std::borrow::Cow;

use arrow::datatypes::DataType;
use datafusion::common::{Result, plan_err};
use datafusion::functions::core::expr_fn::{coalesce, nullif};
use datafusion::logical_expr::{Expr, ScalarUDF, cast, lit, when};

use super::context::{Ancestor, Context, TimeWindow};
use super::mean::DecimalMean;
use super::measure::{Additivity, Measure};
use super::normal_form::{Final, Place};
use crate::translate::checked_decimal;

/// A calculation; a column `<measure>_<name>` asks for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Calculation {
    /// What stands behind the measure's name.
    pub name: Cow<'static, str>,
    /// For people, in English and Chinese.
    pub title: [Cow<'static, str>; 2],
    pub(super) kind: Kind,
}

/// How a calculation is computed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// The measure in another time.
    Value(TimeWindow),
    /// The measure of the first time less that of the second.
    Difference(TimeWindow, TimeWindow),
    /// That difference as a part of the second.
    Rate(TimeWindow, TimeWindow),
    /// The measure over the last periods, divided by their number.
    MovingAverage(u16),
    /// The measure as a part of that of a cell further up.
    Share(Ancestor),
    /// The measure's place among those of siblings.
    Place(Place),
}

/// Where a calculation gets the values that it compares.
pub(super) trait Values {
    /// The measure over the facts of a context.
    fn measure(&mut self, context: Context) -> Result<Expr>;

    /// The number of periods of the context's window that facts can be in.
    fn period_count(&mut self, context: Context) -> Result<Expr>;
}

impl Calculation {
    /// What to call it for `measure`, for people.
    pub fn title_of(&self, measure: &Measure) -> String {
        let title = measure.title.as_ref().map_or(measure.name.as_str(), |title| &title.default);
        format!("{title}, {}", self.title[0])
    }

    /// The type of its result.
    pub(super) fn data_type(&self, of: &DataType) -> DataType {
        match self.kind {
            Kind::Value(_) => of.clone(),
            Kind::Difference(..) => difference_type(of),
            Kind::Rate(..) | Kind::Share(_) => DataType::Float64,
            Kind::MovingAverage(_) => match of {
                DataType::Decimal128(..) => DecimalMean::data_type(of),
                _ => DataType::Float64,
            },
            Kind::Place(Place::Rank) => DataType::Int64,
            Kind::Place(Place::ParetoClass) => DataType::Utf8,
        }
    }

    /// Whether its values are money when the measure's are.
    pub(super) fn keeps_unit(&self) -> bool {
        matches!(self.kind, Kind::Value(_) | Kind::Difference(..) | Kind::MovingAverage(_))
    }

    /// What to show for `measure`.
    pub(super) fn finish(
        &self,
        measure: &Measure,
        data_type: &DataType,
        values: &mut dyn Values,
    ) -> Result<Final> {
        if let Some(why) = self.refusal(measure, data_type) {
            return plan_err!("`{}_{}` has no meaning: {why}", measure.name, self.name);
        }
        let additive = measure.additivity == Additivity::Additive;
        let mut at = |time: &TimeWindow| values.measure(Context::at(*time));
        Ok(match &self.kind {
            Kind::Value(time) => Final::value(at(time)?),
            Kind::Difference(now, before) => {
                Final::value(difference(at(now)?, at(before)?, data_type, additive)?)
            }
            Kind::Rate(now, before) => {
                Final::value(rate(at(now)?, at(before)?, data_type, additive)?)
            }
            Kind::MovingAverage(periods) => {
                let window = Context::at(TimeWindow::Periods(*periods));
                let total = values.measure(window.clone())?;
                Final::value(average(total, values.period_count(window)?, data_type))
            }
            Kind::Share(ancestor) => {
                let own = values.measure(Context::default())?;
                let whole = values.measure(Context::of(ancestor.clone()))?;
                let whole = nullif(cast(whole, DataType::Float64), lit(0.0));
                Final::value(cast(own, DataType::Float64) / whole)
            }
            Kind::Place(place) => Final::placed(values.measure(Context::default())?, *place),
        })
    }

    /// Why it makes no sense of `measure`, whose values have this type.
    pub(super) fn refusal(&self, measure: &Measure, data_type: &DataType) -> Option<String> {
        let name = &measure.name;
        let numeric = match self.kind {
            Kind::Value(_) => true,
            Kind::Place(Place::Rank) => true,
            _ => data_type.is_numeric(),
        };
        if !numeric {
            return Some(format!("the measure `{name}` is no number, it is {data_type}"));
        }
        let adds_up = match self.kind {
            Kind::MovingAverage(_) | Kind::Place(Place::ParetoClass) => {
                measure.additivity == Additivity::Additive
            }
            _ => true,
        };
        if !adds_up {
            return Some(format!("the parts of the measure `{name}` do not add up"));
        }
        None
    }
}

/// The type in which two values of type `of` are subtracted without loss.
fn difference_type(of: &DataType) -> DataType {
    match of {
        DataType::Decimal128(_, scale) => DataType::Decimal128(38, *scale),
        other => other.clone(),
    }
}

/// `now - before`; what is missing of an additive measure is nothing, that is 0.
fn difference(now: Expr, before: Expr, data_type: &DataType, additive: bool) -> Result<Expr> {
    // Whole numbers by way of decimals, whose difference cannot wrap.
    let wide = match data_type {
        DataType::Int64 => DataType::Decimal128(20, 0),
        other => other.clone(),
    };
    let result = difference_type(data_type);
    let zero = || cast(lit(0_i64), wide.clone());
    let side = |side: Expr| {
        let side = cast(side, wide.clone());
        if additive { coalesce(vec![side, zero()]) } else { side }
    };
    let value = checked_decimal(side(now.clone()) - side(before.clone()), "a difference");
    let value = cast(value, result.clone());
    if !additive {
        return Ok(value);
    }
    when(now.is_not_null().or(before.is_not_null()), value).end()
}

/// `now` less `before`, as a part of `before`; without meaning where that is not positive.
fn rate(now: Expr, before: Expr, data_type: &DataType, additive: bool) -> Result<Expr> {
    let change = difference(now, before.clone(), data_type, additive)?;
    let zero = cast(lit(0_i64), data_type.clone());
    let part = cast(change, DataType::Float64) / cast(before.clone(), DataType::Float64);
    when(before.gt(zero), part).end()
}

/// `total` divided by the number of periods.
fn average(total: Expr, periods: Expr, data_type: &DataType) -> Expr {
    match data_type {
        DataType::Decimal128(..) => ScalarUDF::from(DecimalMean::new()).call(vec![total, periods]),
        _ => cast(total, DataType::Float64) / cast(periods, DataType::Float64),
    }
}
