//! `rates:` — the columns of a fact that make it a table of conversion rates.

use super::star::check_column;
use crate::declare::{Code, Diagnostic, Diagnostics, Fields, Located, Node, Span, Variables};
use crate::star::{CALENDAR, RateColumns, Role, is_currency_code};

/// The mapping under `rates:`.
#[derive(Debug)]
pub struct RatesSpec {
    /// The column of the currency that is converted.
    pub from: Located<String>,
    /// The column of the currency it becomes.
    pub to: Located<String>,
    /// The column of what one unit of the first is in the second.
    pub rate: Located<String>,
    /// The currency by way of which two others are converted.
    pub pivot: Option<Located<String>>,
    /// Where it is written.
    pub span: Span,
}

pub(super) fn read(
    node: &Node,
    variables: &Variables,
    diagnostics: &mut Diagnostics,
) -> Option<RatesSpec> {
    let mut fields = Fields::of(node, "`rates`", variables, diagnostics)?;
    let from = fields.required_text("from", diagnostics);
    let to = fields.required_text("to", diagnostics);
    let rate = fields.required_text("rate", diagnostics);
    let pivot = fields.text("pivot", diagnostics);
    fields.finish(diagnostics);
    Some(RatesSpec { from: from?, to: to?, rate: rate?, pivot, span: node.span.clone() })
}

/// The rates of a fact that has these `columns` and `roles`.
pub(super) fn compile(
    spec: &RatesSpec,
    columns: &[String],
    roles: &[Role],
    diagnostics: &mut Diagnostics,
) -> Option<RateColumns> {
    for column in [&spec.from, &spec.to, &spec.rate] {
        check_column("column", column, columns, diagnostics);
    }
    if let Some(pivot) = spec.pivot.as_ref().filter(|pivot| !is_currency_code(&pivot.value)) {
        let message = format!("`pivot` cannot be `{}`", pivot.value);
        let wrong = Diagnostic::new(Code::WrongValue, pivot.span.clone(), message);
        diagnostics.push(wrong.help("it is a currency code of three capital letters"));
    }
    Some(RateColumns {
        from: spec.from.value.clone(),
        to: spec.to.value.clone(),
        rate: spec.rate.value.clone(),
        day: day(spec, roles, diagnostics)?.key_column(),
        pivot: spec.pivot.as_ref().map(|pivot| pivot.value.clone()),
    })
}

/// The role of the day from which a rate holds.
fn day<'r>(spec: &RatesSpec, roles: &'r [Role], diagnostics: &mut Diagnostics) -> Option<&'r Role> {
    let dates: Vec<&Role> = roles.iter().filter(|role| role.dimension == CALENDAR).collect();
    let unnamed = dates.iter().find(|role| role.name == CALENDAR).copied();
    let (message, help) = match (unnamed, dates.as_slice()) {
        (Some(day), _) => return Some(day),
        (None, [day]) => return Some(*day),
        (None, []) => (
            "rates have no day from which they hold",
            "give the fact the dimension `date`, as in `dimensions: {date: {on: day}}`",
        ),
        (None, _) => (
            "rates have several days, and none is the one from which they hold",
            "give that one to `date` without a name, as in `dimensions: {date: {on: day}}`",
        ),
    };
    diagnostics.push(Diagnostic::new(Code::Mismatch, spec.span.clone(), message).help(help));
    None
}
