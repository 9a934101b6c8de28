//! Which aggregate the keys of a measure mean together, and whether its parts add up.

use std::collections::BTreeMap;

use datafusion::common::ScalarValue;
use datafusion::logical_expr::{BinaryExpr, Expr, Operator};

use super::super::conversion::{Conversion, MissingRate};
use super::super::measure::{Additivity, AggregateKind, Measure, OverTime, Spread};
use super::super::spec::MeasureSpec;
use crate::declare::{Code, Diagnostic, Diagnostics, Located, Span, nearest};

/// The aggregate that `spec` asks for; none for a formula.
pub(super) fn of(spec: &MeasureSpec) -> Option<AggregateKind> {
    let set = |flag: Option<&Located<bool>>| flag.is_some_and(|flag| flag.value);
    let population = set(spec.population.as_ref());
    let spread = if population { Spread::Population } else { Spread::Sample };
    Some(match spec.kind {
        "sum" => AggregateKind::Sum,
        "avg" => AggregateKind::Avg,
        "min" => AggregateKind::Min,
        "max" => AggregateKind::Max,
        "count" => AggregateKind::Count,
        "distinct" if set(spec.approximate.as_ref()) => AggregateKind::ApproximateDistinct,
        "distinct" => AggregateKind::Distinct,
        "median" => AggregateKind::Median,
        "quantile" => AggregateKind::Quantile(spec.at.as_ref()?.value),
        "variance" => AggregateKind::Variance(spread),
        "stddev" => AggregateKind::Deviation(spread),
        "first" => AggregateKind::First,
        "last" => AggregateKind::Last,
        _ => return None,
    })
}

/// Says which keys of `spec` do not fit its kind.
pub(super) fn report_misfits(spec: &MeasureSpec, diagnostics: &mut Diagnostics) {
    let approximate = spec.approximate.as_ref().map(|flag| &flag.span);
    let population = spec.population.as_ref().map(|flag| &flag.span);
    let over_time = spec.over_time.as_ref().map(|word| &word.span);
    let options: [(&str, Option<&Span>, &[&str], &str); 3] = [
        (
            "approximate",
            approximate,
            &["distinct"],
            "it belongs to `distinct`; `median` and `quantile` are approximate of themselves",
        ),
        (
            "population",
            population,
            &["variance", "stddev"],
            "it belongs to `variance` and `stddev`",
        ),
        ("over_time", over_time, &["sum", "count"], "it belongs to `sum` and `count`"),
    ];
    for (key, span, kinds, help) in options {
        let Some(span) = span.filter(|_| !kinds.contains(&spec.kind)) else { continue };
        let message = format!("`{key}` does not fit `{}`", spec.kind);
        diagnostics.push(Diagnostic::new(Code::Mismatch, span.clone(), message).help(help));
    }
}

/// How days make a whole; a word that means nothing is a mistake.
pub(super) fn over_time(spec: &MeasureSpec, diagnostics: &mut Diagnostics) -> Option<OverTime> {
    let written = spec.over_time.as_ref()?;
    let known = OverTime::ALL.map(OverTime::word);
    let found = OverTime::ALL.into_iter().find(|over_time| over_time.word() == written.value);
    if found.is_none() {
        let help = match nearest(&written.value, known) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("there is: {}", known.join(", ")),
        };
        let message = format!("`over_time` cannot be `{}`", written.value);
        let wrong = Diagnostic::new(Code::WrongValue, written.span.clone(), message);
        diagnostics.push(wrong.help(help));
    }
    found
}

/// Whether parts add up to the whole.
///
/// Where a missing rate leaves a cell empty, the parts that are there are not the whole.
pub(super) fn additivity(
    kind: AggregateKind,
    over_time: Option<OverTime>,
    conversion: Option<&Conversion>,
) -> Additivity {
    if let Some(Conversion::Rates(rates)) = conversion
        && rates.missing == MissingRate::Empty
    {
        return Additivity::NonAdditive;
    }
    match (kind, over_time) {
        (_, Some(_)) => Additivity::SemiAdditive,
        (AggregateKind::Sum | AggregateKind::Count, None) => Additivity::Additive,
        _ => Additivity::NonAdditive,
    }
}

/// Whether parts of a formula add up: sums and differences of measures that do, scaled.
pub(super) fn of_formula(expr: &Expr, done: &BTreeMap<&str, Measure>) -> Additivity {
    let none = Additivity::NonAdditive;
    match expr {
        Expr::Column(column) => {
            done.get(column.name.as_str()).map_or(none, |measure| measure.additivity)
        }
        Expr::Negative(inner) => of_formula(inner, done),
        // Nothing is 0 in the parts as in the whole.
        Expr::ScalarFunction(call) if call.name() == "coalesce" => match call.args.as_slice() {
            [inner, Expr::Literal(zero, _)] if is_zero(zero) => of_formula(inner, done),
            _ => none,
        },
        Expr::BinaryExpr(BinaryExpr { left, op, right }) => {
            let constant = |side: &Expr| side.column_refs().is_empty();
            match op {
                Operator::Plus | Operator::Minus => {
                    of_formula(left, done).max(of_formula(right, done))
                }
                Operator::Multiply | Operator::Divide if constant(right) => of_formula(left, done),
                Operator::Multiply if constant(left) => of_formula(right, done),
                _ => none,
            }
        }
        _ => none,
    }
}

fn is_zero(value: &ScalarValue) -> bool {
    ScalarValue::new_zero(&value.data_type()).is_ok_and(|zero| zero == *value)
}
