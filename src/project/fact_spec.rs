//! `fact:` — a fact table, the tables that feed it, and the dimensions it points to.

use super::dimension_spec::read_feeds;
use super::feed_spec::FeedSpec;
use super::rates_spec::{self, RatesSpec};
use super::{check_name, read_title, read_version};
use crate::declare::{
    Code, Diagnostic, Diagnostics, Fields, Located, Node, Value, Variables, text_of,
};
use crate::star::{CALENDAR, Role, Title};

/// One fact as declared.
#[derive(Debug)]
pub struct FactSpec {
    /// Its name, which is its table's.
    pub name: Located<String>,
    /// For people.
    pub title: Option<Title>,
    /// For people, in a sentence.
    pub description: Option<Title>,
    /// Target columns that no two rows share.
    pub grain: Vec<Located<String>>,
    /// The tables that feed it.
    pub feeds: Vec<FeedSpec>,
    /// One entry per role.
    pub dimensions: Vec<DimensionUse>,
    /// What makes it a table of conversion rates.
    pub rates: Option<RatesSpec>,
}

/// How a fact finds its member of a dimension in one role.
#[derive(Debug)]
pub struct DimensionUse {
    /// The dimension, where it is named.
    pub dimension: Located<String>,
    /// The role and its names.
    pub role: Role,
    /// Expressions over target and source columns that give the natural key.
    pub on: Vec<Located<String>>,
    /// The source whose records are meant, for a dimension keyed per source.
    pub source: Option<Located<String>>,
    /// When the dimension does not apply to a row.
    pub not_applicable: Option<Located<String>>,
    /// The day or time at which a member of a dimension with history is seen; the day of the fact
    /// when absent.
    pub as_of: Option<Located<String>>,
    /// What becomes of a row whose key is NULL or matches no member.
    pub missing: Missing,
}

/// What becomes of a fact row whose member is not there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Missing {
    /// It points to the unknown member, -1, and is counted.
    #[default]
    Unknown,
    /// It goes to quarantine.
    Quarantine,
}

impl FactSpec {
    /// The day of a row: what finds its unnamed role of `date`, else the first named one.
    pub fn day(&self) -> Option<&Located<String>> {
        let dates = || self.dimensions.iter().filter(|used| used.dimension.value == CALENDAR);
        let unnamed = dates().find(|used| used.role.name == CALENDAR);
        unnamed.or_else(|| dates().next())?.on.first()
    }
}

pub(super) fn read(
    node: &Node,
    variables: &Variables,
    diagnostics: &mut Diagnostics,
) -> Option<FactSpec> {
    let mut fields = Fields::of(node, "a fact", variables, diagnostics)?;
    read_version(&mut fields, diagnostics);
    let name = fields.required_text("fact", diagnostics)?;
    check_name("fact", &name, diagnostics);
    let title = read_title(&mut fields, "title", diagnostics);
    let description = read_title(&mut fields, "description", diagnostics);
    let grain = fields.texts("grain", diagnostics);
    if grain.is_empty() {
        let message = "`grain` is missing: which columns does no other row share?";
        diagnostics.push(Diagnostic::new(Code::MissingKey, name.span.clone(), message));
    }
    let feeds = read_feeds(&mut fields, diagnostics);
    let mut dimensions = Vec::new();
    for (dimension, node) in fields.entries("dimensions", diagnostics) {
        read_uses(dimension, node, variables, &mut dimensions, diagnostics);
    }
    let rates = fields.node("rates");
    let rates = rates.and_then(|node| rates_spec::read(node, variables, diagnostics));
    fields.finish(diagnostics);
    Some(FactSpec { name, title, description, grain, feeds, dimensions, rates })
}

/// `customer: {on: cust_no}`, `region: {roles: {sold_to: billing_county}}`, or both.
fn read_uses(
    dimension: &Located<String>,
    node: &Node,
    variables: &Variables,
    uses: &mut Vec<DimensionUse>,
    diagnostics: &mut Diagnostics,
) {
    let Some(mut fields) = Fields::of(node, "a dimension", variables, diagnostics) else { return };
    let on = fields.texts("on", diagnostics);
    let source = fields.text("source", diagnostics);
    let not_applicable = fields.text("not_applicable", diagnostics);
    let as_of = fields.text("as_of", diagnostics);
    let missing = read_missing(&mut fields, diagnostics);
    let one_use = |role: Option<&str>, on| DimensionUse {
        dimension: dimension.clone(),
        role: Role::new(&dimension.value, role),
        on,
        source: source.clone(),
        not_applicable: not_applicable.clone(),
        as_of: as_of.clone(),
        missing,
    };
    let before = uses.len();
    if !on.is_empty() {
        uses.push(one_use(None, on));
    }
    for (role, node) in fields.entries("roles", diagnostics) {
        check_name("role", role, diagnostics);
        if let Value::Map(_) = node.value {
            let Some(mut inner) = Fields::of(node, "a role", variables, diagnostics) else {
                continue;
            };
            inner.required("on", diagnostics);
            let mut used = one_use(Some(&role.value), inner.texts("on", diagnostics));
            if let Some(condition) = inner.text("not_applicable", diagnostics) {
                used.not_applicable = Some(condition);
            }
            if let Some(day) = inner.text("as_of", diagnostics) {
                used.as_of = Some(day);
            }
            inner.finish(diagnostics);
            uses.push(used);
            continue;
        }
        let items = match &node.value {
            Value::List(items) => items.as_slice(),
            _ => std::slice::from_ref(node),
        };
        let on = items
            .iter()
            .filter_map(|item| text_of(item, "roles", variables, diagnostics))
            .collect();
        uses.push(one_use(Some(&role.value), on));
    }
    if uses.len() == before {
        let message = format!("`on` or `roles` is missing: what finds the {}?", dimension.value);
        diagnostics.push(Diagnostic::new(Code::MissingKey, dimension.span.clone(), message));
    }
    fields.finish(diagnostics);
}

fn read_missing(fields: &mut Fields<'_>, diagnostics: &mut Diagnostics) -> Missing {
    let Some(text) = fields.text("missing", diagnostics) else { return Missing::default() };
    match text.value.as_str() {
        "unknown" => Missing::Unknown,
        "quarantine" => Missing::Quarantine,
        other => {
            let message = format!("`{other}` must be unknown or quarantine");
            diagnostics.push(Diagnostic::new(Code::WrongValue, text.span, message));
            Missing::default()
        }
    }
}
