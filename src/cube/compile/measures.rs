//! Measures: inputs, filters, currencies and formulas.

use std::collections::{BTreeMap, BTreeSet};

use datafusion::logical_expr::{BinaryExpr, Expr, Operator};

use super::super::conversion::Conversion;
use super::super::convert_spec::ConvertSpec;
use super::super::measure::{AggregateDefinition, AggregateKind, Definition, Input, Measure};
use super::super::model::FlatColumn;
use super::super::spec::{CubeSpec, MeasureSpec};
use super::conversion::Converted;
use super::expression::{Expressions, Names};
use super::kind;
use crate::declare::{Code, Diagnostic, Diagnostics};
use crate::star::{Currency, Fact, Star};

/// What measures are of.
pub(super) struct Facts<'a> {
    pub(super) star: &'a Star,
    pub(super) fact: &'a Fact,
    /// The column of the fact that has the day.
    pub(super) day: Option<&'a str>,
    /// Roles whose members the cube cannot count.
    pub(super) hidden: &'a [String],
}

/// The measures in an order in which a formula stands after what it uses.
pub(super) fn compile(
    spec: &CubeSpec,
    facts: Facts<'_>,
    columns: &[FlatColumn],
    diagnostics: &mut Diagnostics,
) -> Vec<Measure> {
    let Facts { star, fact, day, hidden } = facts;
    let context = Context { expressions: Expressions::new(), star, fact, columns, day, hidden };
    let mut done: BTreeMap<&str, Measure> = BTreeMap::new();
    let mut formulas = Vec::new();
    let known: Vec<&str> = spec.measures.iter().map(|m| m.name.value.as_str()).collect();
    for measure in &spec.measures {
        kind::report_misfits(measure, diagnostics);
        if measure.kind == "expr" {
            formulas.extend(formula(measure, spec, &known, &context.expressions, diagnostics));
        } else if let Some(compiled) = context.aggregate(measure, diagnostics) {
            done.insert(&measure.name.value, compiled);
        }
    }
    let mut order: Vec<&str> = spec
        .measures
        .iter()
        .map(|m| m.name.value.as_str())
        .filter(|m| done.contains_key(m))
        .collect();
    settle(formulas, &mut done, &mut order, diagnostics);
    order.into_iter().filter_map(|name| done.remove(name)).collect()
}

/// The formulas of a cube over cubes after `measures` of these, in an order in which a formula
/// stands after what it uses.
pub(super) fn compile_formulas(
    spec: &CubeSpec,
    measures: Vec<Measure>,
    diagnostics: &mut Diagnostics,
) -> Vec<Measure> {
    let expressions = Expressions::new();
    let names: Vec<String> = measures.iter().map(|measure| measure.name.clone()).collect();
    let own = spec.measures.iter().map(|measure| measure.name.value.as_str());
    let known: Vec<&str> = names.iter().map(String::as_str).chain(own).collect();
    let mut done: BTreeMap<&str, Measure> =
        names.iter().map(String::as_str).zip(measures).collect();
    let mut order: Vec<&str> = names.iter().map(String::as_str).collect();
    let mut formulas = Vec::new();
    for measure in &spec.measures {
        if measure.kind == "expr" {
            formulas.extend(formula(measure, spec, &known, &expressions, diagnostics));
            continue;
        }
        let message = format!("`{}` cannot stand in a cube over cubes", measure.kind);
        let wrong = Diagnostic::new(Code::Mismatch, measure.input.span.clone(), message);
        diagnostics
            .push(wrong.help("declare it in the cube of its fact and use it here in `expr`"));
    }
    settle(formulas, &mut done, &mut order, diagnostics);
    order.into_iter().filter_map(|name| done.remove(name)).collect()
}

/// Settles `formulas` after what they use.
fn settle<'s>(
    mut formulas: Vec<Formula<'s>>,
    done: &mut BTreeMap<&'s str, Measure>,
    order: &mut Vec<&'s str>,
    diagnostics: &mut Diagnostics,
) {
    // Each round settles the formulas whose measures are settled; a round without one is a cycle.
    while !formulas.is_empty() {
        let ready =
            |formula: &Formula<'_>| formula.uses.iter().all(|m| done.contains_key(m.as_str()));
        let Some(next) = formulas.iter().position(ready) else {
            report_cycles(&formulas, done, diagnostics);
            break;
        };
        let formula = formulas.remove(next);
        let name = formula.spec.name.value.as_str();
        let compiled = formula.settle(done, diagnostics);
        done.insert(name, compiled);
        order.push(name);
    }
}

struct Context<'a> {
    expressions: Expressions,
    star: &'a Star,
    fact: &'a Fact,
    columns: &'a [FlatColumn],
    /// The column of the fact that has the day.
    day: Option<&'a str>,
    /// Roles whose members the cube cannot count.
    hidden: &'a [String],
}

impl Context<'_> {
    fn fact_names(&self) -> Names<'_> {
        Names {
            what: format!("column of the fact `{}`", self.fact.name),
            known: self.fact.columns.iter().map(|column| ("fact", column.name.as_str())).collect(),
        }
    }

    /// Columns of the fact, and of the cube where the fact has none of that name.
    fn filter_names(&self) -> Names<'_> {
        let mut names = self.fact_names();
        names.what = format!("column of the fact `{}` or of the cube", self.fact.name);
        let of_fact: BTreeSet<&str> = names.known.iter().map(|(_, name)| *name).collect();
        let of_cube = self.columns.iter().map(|column| column.name.as_str());
        names.known.extend(of_cube.filter(|name| !of_fact.contains(name)).map(|n| ("level", n)));
        names
    }

    fn aggregate(&self, spec: &MeasureSpec, diagnostics: &mut Diagnostics) -> Option<Measure> {
        let kind = kind::of(spec)?;
        if let Some(filter) = &spec.filter {
            self.expressions.parse(filter, &self.filter_names(), diagnostics);
        }
        let mut used = BTreeSet::new();
        let input = self.input(spec, kind, &mut used, diagnostics);
        let amount = !kind.counts();
        let currency = if amount { self.currency(spec, &used, diagnostics) } else { None };
        // What is wrong with an expression is said already.
        let convert = spec.convert.as_ref().filter(|_| input.is_some());
        let conversion =
            convert.and_then(|convert| self.conversion(spec, convert, amount, &used, diagnostics));
        let over_time = kind::over_time(spec, diagnostics);
        let day = self.day(spec, kind, diagnostics);
        let filter = spec.filter.as_ref().map(|filter| filter.value.clone());
        let additivity = kind::additivity(kind, over_time, conversion.as_ref());
        let definition =
            AggregateDefinition { kind, input: input?, filter, conversion, over_time, day };
        Some(Measure {
            name: spec.name.value.clone(),
            title: spec.title.clone(),
            description: spec.description.clone(),
            owner: spec.owner.clone(),
            format: spec.format.clone(),
            // The square of money is no money.
            currency: currency.filter(|_| !matches!(kind, AggregateKind::Variance(_))),
            additivity,
            definition: Definition::Aggregate(definition),
        })
    }

    /// The column that has the day, when the measure depends on it; a mistake when there is none.
    fn day(
        &self,
        spec: &MeasureSpec,
        kind: AggregateKind,
        diagnostics: &mut Diagnostics,
    ) -> Option<String> {
        let needed = match (&spec.over_time, kind) {
            (Some(over_time), _) => &over_time.span,
            (None, AggregateKind::First | AggregateKind::Last) => &spec.input.span,
            (None, _) => return None,
        };
        if self.day.is_none() {
            let message =
                format!("the fact `{}` has no date to tell first from last", self.fact.name);
            let wrong = Diagnostic::new(Code::Mismatch, needed.clone(), message);
            diagnostics.push(
                wrong.help("give it the dimension `date`, as in `dimensions: {date: {on: day}}`"),
            );
        }
        self.day.map(str::to_owned)
    }

    fn input(
        &self,
        spec: &MeasureSpec,
        kind: AggregateKind,
        used: &mut BTreeSet<String>,
        diagnostics: &mut Diagnostics,
    ) -> Option<Input> {
        let text = spec.input.value.trim();
        if kind == AggregateKind::Count && text == "*" {
            return Some(Input::Rows);
        }
        let column = self.fact.columns.iter().any(|column| column.name == text);
        let role = self.fact.roles.iter().find(|role| role.name == text);
        let distinct = matches!(kind, AggregateKind::Distinct | AggregateKind::ApproximateDistinct);
        if distinct
            && !column
            && let Some(role) = role
        {
            if self.hidden.contains(&role.name) {
                let message = format!(
                    "`{}` keeps a history, and the cube does not show it: facts hold versions, and \
                     members are counted",
                    role.name
                );
                let span = spec.input.span.clone();
                let wrong = Diagnostic::new(Code::Mismatch, span, message);
                diagnostics.push(wrong.help("list it under `dimensions` of the cube"));
                return None;
            }
            return Some(Input::Members(role.key_column()));
        }
        let mut names = self.fact_names();
        if distinct {
            // Roles are listed so that a slip in one is recognised; as columns they are unknown.
            names.what = format!("column or dimension role of the fact `{}`", self.fact.name);
            names.known.extend(self.fact.roles.iter().map(|role| ("role", role.name.as_str())));
        }
        *used = self.expressions.columns(&spec.input, &names, diagnostics)?;
        if let Some(role) = self.fact.roles.iter().find(|role| used.contains(&role.name) && !column)
            && distinct
        {
            let message = format!("`{}` is a dimension role, not a column", role.name);
            let wrong = Diagnostic::new(Code::WrongExpression, spec.input.span.clone(), message);
            diagnostics.push(wrong.help(format!("write `distinct: {}` alone", role.name)));
            return None;
        }
        Some(Input::Expression(spec.input.value.clone()))
    }

    /// The one currency of the amounts, or a mistake when there is none.
    fn currency(
        &self,
        spec: &MeasureSpec,
        used: &BTreeSet<String>,
        diagnostics: &mut Diagnostics,
    ) -> Option<String> {
        if let Some(convert) = &spec.convert {
            return Some(convert.to.value.clone());
        }
        let mut constants = BTreeSet::new();
        for column in self.fact.columns.iter().filter(|column| used.contains(&column.name)) {
            match &column.currency {
                None => {}
                Some(Currency::Constant(currency)) => {
                    constants.insert(currency.clone());
                }
                Some(Currency::Column(currency)) => {
                    let message = format!(
                        "`{}` is in the currency its row names in `{currency}`; {} of it would mix currencies",
                        column.name, spec.kind
                    );
                    let wrong = Diagnostic::new(Code::Mismatch, spec.input.span.clone(), message);
                    diagnostics.push(wrong.help(
                        "write `convert: {to: CNY, rate: <rate column of the fact>}` or `convert: {to: CNY, \
                         rates: <fact with rates>}` beside it, with your currency",
                    ));
                    return None;
                }
            }
        }
        if constants.len() > 1 {
            let list = constants.iter().cloned().collect::<Vec<_>>().join(" and ");
            let message = format!("`{}` mixes amounts in {list}", spec.input.value);
            let wrong = Diagnostic::new(Code::Mismatch, spec.input.span.clone(), message);
            diagnostics.push(
                wrong.help("aggregate each currency in a measure of its own, or convert one"),
            );
            return None;
        }
        constants.pop_first()
    }

    fn conversion(
        &self,
        spec: &MeasureSpec,
        convert: &ConvertSpec,
        amount: bool,
        used: &BTreeSet<String>,
        diagnostics: &mut Diagnostics,
    ) -> Option<Conversion> {
        if !amount {
            let message = format!("`convert` does not fit `{}`", spec.kind);
            let wrong = Diagnostic::new(Code::Mismatch, convert.to.span.clone(), message);
            diagnostics.push(wrong.help("it multiplies amounts, and counts have none"));
            return None;
        }
        let converted = Converted { star: self.star, fact: self.fact, day: self.day, used };
        converted.compile(spec, convert, diagnostics)
    }
}

/// A formula whose names are known.
fn formula<'s>(
    measure: &'s MeasureSpec,
    spec: &CubeSpec,
    known: &[&str],
    expressions: &Expressions,
    diagnostics: &mut Diagnostics,
) -> Option<Formula<'s>> {
    for (key, given) in [
        ("where", measure.filter.as_ref().map(|filter| &filter.span)),
        ("convert", measure.convert.as_ref().map(|convert| &convert.to.span)),
    ] {
        if let Some(span) = given {
            let message = format!("`{key}` does not fit a formula");
            let wrong = Diagnostic::new(Code::Mismatch, span.clone(), message);
            diagnostics.push(wrong.help("put it on the measures the formula uses"));
        }
    }
    let known = known.iter().map(|name| ("measure", *name)).collect();
    let names = Names { what: format!("measure of the cube `{}`", spec.name.value), known };
    let expr = expressions.parse(&measure.input, &names, diagnostics)?;
    let uses: Vec<String> = expr
        .column_refs()
        .into_iter()
        .map(|c| c.name.clone())
        .collect::<BTreeSet<_>>()
        .into_iter()
        .collect();
    if uses.is_empty() {
        let message = format!("`{}` names no measure", measure.input.value);
        let span = measure.input.span.clone();
        diagnostics.push(Diagnostic::new(Code::WrongExpression, span, message));
        return None;
    }
    Some(Formula { spec: measure, expr, uses })
}

struct Formula<'a> {
    spec: &'a MeasureSpec,
    expr: Expr,
    uses: Vec<String>,
}

impl Formula<'_> {
    fn settle(self, done: &BTreeMap<&str, Measure>, diagnostics: &mut Diagnostics) -> Measure {
        let spec = self.spec;
        let currency = match unit(&self.expr, done) {
            Ok(currency) => currency,
            Err((left, right)) => {
                let message = format!("`{}` mixes amounts in {left} and {right}", spec.input.value);
                let wrong = Diagnostic::new(Code::Mismatch, spec.input.span.clone(), message);
                diagnostics.push(wrong.help("convert one of the measures with `convert`"));
                None
            }
        };
        let additivity = kind::of_formula(&self.expr, done);
        Measure {
            name: spec.name.value.clone(),
            title: spec.title.clone(),
            description: spec.description.clone(),
            owner: spec.owner.clone(),
            format: spec.format.clone(),
            currency,
            additivity,
            definition: Definition::Formula { expr: spec.input.value.clone(), measures: self.uses },
        }
    }
}

fn report_cycles(
    formulas: &[Formula<'_>],
    done: &BTreeMap<&str, Measure>,
    diagnostics: &mut Diagnostics,
) {
    let stuck: BTreeSet<&str> = formulas.iter().map(|f| f.spec.name.value.as_str()).collect();
    for formula in formulas {
        let name = &formula.spec.name;
        let missing = formula.uses.iter().find(|m| !done.contains_key(m.as_str()));
        let Some(missing) = missing.filter(|m| stuck.contains(m.as_str())) else { continue };
        let message = if *missing == name.value {
            format!("`{}` is computed from itself", name.value)
        } else {
            format!("`{}` and `{missing}` are computed from each other", name.value)
        };
        let wrong =
            Diagnostic::new(Code::WrongExpression, formula.spec.input.span.clone(), message);
        diagnostics.push(wrong.help("a formula may use measures that do not lead back to it"));
    }
}

/// The currency of a formula, or the two it mixes.
fn unit(expr: &Expr, done: &BTreeMap<&str, Measure>) -> Result<Option<String>, (String, String)> {
    match expr {
        Expr::Column(column) => {
            Ok(done.get(column.name.as_str()).and_then(|measure| measure.currency.clone()))
        }
        Expr::Negative(inner) => unit(inner, done),
        Expr::Cast(cast) => unit(&cast.expr, done),
        Expr::BinaryExpr(BinaryExpr { left, op, right }) => match op {
            // Money times or by a number stays money; money by money is a ratio.
            Operator::Multiply => match (unit(left, done)?, unit(right, done)?) {
                (left, None) => Ok(left),
                (None, right) => Ok(right),
                _ => Ok(None),
            },
            Operator::Divide => match (unit(left, done)?, unit(right, done)?) {
                (left, None) => Ok(left),
                _ => Ok(None),
            },
            Operator::Plus | Operator::Minus => shared_unit([left.as_ref(), right.as_ref()], done),
            // A comparison is no money, but of two currencies it compares nothing.
            _ => shared_unit([left.as_ref(), right.as_ref()], done).map(|_| None),
        },
        Expr::ScalarFunction(call) if KEEP_UNIT.contains(&call.name()) => {
            shared_unit(&call.args, done)
        }
        Expr::Case(case) => {
            let conditions = case.when_then_expr.iter().map(|(when, _)| when);
            for condition in conditions {
                unit(condition, done)?;
            }
            let values = case
                .when_then_expr
                .iter()
                .map(|(_, then)| then)
                .chain(&case.else_expr)
                .map(AsRef::as_ref);
            shared_unit(values, done)
        }
        _ => Ok(None),
    }
}

/// Functions whose values are of the kind of their arguments.
const KEEP_UNIT: [&str; 10] =
    ["abs", "ceil", "coalesce", "floor", "greatest", "least", "nullif", "nvl", "round", "trunc"];

/// The currency that `exprs` have, where they have one, or the two they mix.
fn shared_unit<'e>(
    exprs: impl IntoIterator<Item = &'e Expr>,
    done: &BTreeMap<&str, Measure>,
) -> Result<Option<String>, (String, String)> {
    let mut shared: Option<String> = None;
    for expr in exprs {
        match (&shared, unit(expr, done)?) {
            (Some(known), Some(other)) if *known != other => return Err((known.clone(), other)),
            (None, found) => shared = found,
            _ => {}
        }
    }
    Ok(shared)
}
