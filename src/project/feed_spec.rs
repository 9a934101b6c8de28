//! `from:` — one source table that feeds a dimension or a fact, and how its rows are cleansed.
//!
//! Whatever the order in the file, the steps are: lookups → where → columns → fill → reject → drop
//! → duplicates.

use crate::declare::{
    Code, Diagnostic, Diagnostics, Fields, Located, Node, Span, Value, Variables, text_of,
};
use crate::source::ColumnType;

/// One feed as declared. Expressions are SQL over the source's columns.
#[derive(Debug)]
pub struct FeedSpec {
    /// Where it is declared.
    pub span: Span,
    /// `source.table`.
    pub table: Located<String>,
    /// Tables whose columns are added by key.
    pub lookups: Vec<LookupSpec>,
    /// Rows for which this is not true are dropped and counted.
    pub keep: Option<Located<String>>,
    /// What each target column is, in order.
    pub columns: Vec<ColumnSpec>,
    /// Values for target columns that are NULL.
    pub fill: Vec<(Located<String>, Located<String>)>,
    /// When a row goes to quarantine.
    pub reject: Vec<RejectSpec>,
    /// When a row is dropped and counted.
    pub drop: Vec<RejectSpec>,
    /// What happens to rows equal to an earlier one.
    pub duplicates: Duplicates,
}

/// A table joined by key: its columns are `name.column` in expressions.
#[derive(Debug)]
pub struct LookupSpec {
    /// The qualifier of its columns.
    pub name: Located<String>,
    /// `source.table`.
    pub table: Located<String>,
    /// Pairs of expression over the row and column of the table.
    pub on: Vec<(Located<String>, Located<String>)>,
}

/// A target column.
#[derive(Debug)]
pub struct ColumnSpec {
    /// Its name.
    pub name: Located<String>,
    /// How it is computed.
    pub rule: ColumnRule,
    /// `currency:` when it is money: a code such as `CNY`, or a target column.
    pub currency: Option<Located<String>>,
}

/// How a target column is computed.
#[derive(Debug)]
pub enum ColumnRule {
    /// An SQL expression.
    Expression(Located<String>),
    /// A code replaced by its meaning.
    Map {
        /// The expression that gives the code.
        column: Located<String>,
        /// The code list.
        using: Located<String>,
        /// For codes not in the list; without it such a row is quarantined.
        otherwise: Option<Located<String>>,
    },
    /// A text read as a type; a row that does not fit is quarantined.
    Cast {
        /// The expression that gives the text.
        column: Located<String>,
        /// The type.
        to: ColumnType,
    },
}

/// A rule that takes rows out, and why.
#[derive(Debug)]
pub struct RejectSpec {
    /// An SQL condition.
    pub when: Located<String>,
    /// What a person reads in the quarantine.
    pub because: Located<String>,
}

/// What happens to rows equal in every source column to an earlier one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Duplicates {
    /// They load, uncounted.
    #[default]
    Keep,
    /// They load and are counted.
    Count,
    /// They are dropped and counted.
    Drop,
}

pub(super) fn read(
    node: &Node,
    variables: &Variables,
    diagnostics: &mut Diagnostics,
) -> Option<FeedSpec> {
    let mut fields = Fields::of(node, "an entry of `from`", variables, diagnostics)?;
    let table = fields.required_text("table", diagnostics);
    let lookups = read_lookups(&mut fields, diagnostics);
    let keep = fields.text("where", diagnostics);
    let columns = fields
        .entries("columns", diagnostics)
        .iter()
        .filter_map(|(name, node)| read_column(name, node, variables, diagnostics))
        .collect();
    let fill = fields
        .entries("fill", diagnostics)
        .iter()
        .filter_map(|(name, node)| {
            Some((name.clone(), text_of(node, "fill", variables, diagnostics)?))
        })
        .collect();
    let reject = read_rules(&mut fields, "reject", diagnostics);
    let drop = read_rules(&mut fields, "drop", diagnostics);
    let duplicates = read_duplicates(&mut fields, diagnostics);
    let span = fields.span().clone();
    fields.finish(diagnostics);
    Some(FeedSpec { span, table: table?, lookups, keep, columns, fill, reject, drop, duplicates })
}

fn read_lookups(fields: &mut Fields<'_>, diagnostics: &mut Diagnostics) -> Vec<LookupSpec> {
    let variables = fields.variables();
    let mut lookups = Vec::new();
    for (name, node) in fields.entries("lookup", diagnostics) {
        super::check_name("lookup", name, diagnostics);
        if ["source", "target"].contains(&name.value.as_str()) {
            let message = format!("a lookup cannot be called `{}`", name.value);
            diagnostics.push(Diagnostic::new(Code::WrongValue, name.span.clone(), message));
        }
        let Some(mut inner) = Fields::of(node, "a lookup", variables, diagnostics) else {
            continue;
        };
        let table = inner.required_text("table", diagnostics);
        inner.required("on", diagnostics);
        let on: Vec<_> = inner
            .entries("on", diagnostics)
            .iter()
            .filter_map(|(column, node)| {
                Some((text_of(node, "on", variables, diagnostics)?, column.clone()))
            })
            .collect();
        if on.is_empty() {
            let message = "`on` names no column to look up by";
            diagnostics.push(Diagnostic::new(Code::MissingKey, name.span.clone(), message));
        }
        inner.finish(diagnostics);
        if let Some(table) = table {
            lookups.push(LookupSpec { name: name.clone(), table, on });
        }
    }
    lookups
}

fn read_column(
    name: &Located<String>,
    node: &Node,
    variables: &Variables,
    diagnostics: &mut Diagnostics,
) -> Option<ColumnSpec> {
    super::check_name("column", name, diagnostics);
    if !matches!(node.value, Value::Map(_)) {
        let rule = ColumnRule::Expression(text_of(node, &name.value, variables, diagnostics)?);
        return Some(ColumnSpec { name: name.clone(), rule, currency: None });
    }
    let mut fields = Fields::of(node, "a column", variables, diagnostics)?;
    let currency = fields.text("currency", diagnostics);
    let choice = fields.choice(&["expr", "map", "cast"], diagnostics);
    let rule = choice.and_then(|(kind, node)| match kind {
        "expr" => Some(ColumnRule::Expression(text_of(node, kind, variables, diagnostics)?)),
        "map" => read_map(node, variables, diagnostics),
        _ => read_cast(node, variables, diagnostics),
    });
    fields.finish(diagnostics);
    Some(ColumnSpec { name: name.clone(), rule: rule?, currency })
}

fn read_map(
    node: &Node,
    variables: &Variables,
    diagnostics: &mut Diagnostics,
) -> Option<ColumnRule> {
    let mut fields = Fields::of(node, "`map`", variables, diagnostics)?;
    let column = fields.required_text("column", diagnostics);
    let using = fields.required_text("using", diagnostics);
    let otherwise = fields.text("else", diagnostics);
    fields.finish(diagnostics);
    Some(ColumnRule::Map { column: column?, using: using?, otherwise })
}

fn read_cast(
    node: &Node,
    variables: &Variables,
    diagnostics: &mut Diagnostics,
) -> Option<ColumnRule> {
    let mut fields = Fields::of(node, "`cast`", variables, diagnostics)?;
    let column = fields.required_text("column", diagnostics);
    let to = fields.required_text("to", diagnostics);
    fields.finish(diagnostics);
    let to = to?;
    match ColumnType::parse(&to.value) {
        Ok(column_type) => Some(ColumnRule::Cast { column: column?, to: column_type }),
        Err(message) => {
            diagnostics.push(Diagnostic::new(Code::WrongValue, to.span, message));
            None
        }
    }
}

fn read_rules(
    fields: &mut Fields<'_>,
    key: &'static str,
    diagnostics: &mut Diagnostics,
) -> Vec<RejectSpec> {
    let variables = fields.variables();
    let mut rules = Vec::new();
    for node in fields.list(key, diagnostics) {
        let Some(mut inner) = Fields::of(node, "a rule", variables, diagnostics) else { continue };
        let when = inner.required_text("when", diagnostics);
        let because = inner.required_text("because", diagnostics);
        inner.finish(diagnostics);
        if let (Some(when), Some(because)) = (when, because) {
            rules.push(RejectSpec { when, because });
        }
    }
    rules
}

fn read_duplicates(fields: &mut Fields<'_>, diagnostics: &mut Diagnostics) -> Duplicates {
    let Some(text) = fields.text("duplicates", diagnostics) else { return Duplicates::default() };
    match text.value.as_str() {
        "keep" => Duplicates::Keep,
        "count" => Duplicates::Count,
        "drop" => Duplicates::Drop,
        other => {
            let message = format!("`{other}` must be keep, count or drop");
            diagnostics.push(Diagnostic::new(Code::WrongValue, text.span, message));
            Duplicates::default()
        }
    }
}

impl FeedSpec {
    /// Every source table it reads.
    pub fn tables(&self) -> impl Iterator<Item = &String> {
        let looked_up = self.lookups.iter().map(|lookup| &lookup.table.value);
        std::iter::once(&self.table.value).chain(looked_up)
    }
}
