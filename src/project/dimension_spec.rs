//! `dimension:` — a conformed dimension and the tables that feed it.

use std::collections::BTreeMap;

use super::feed_spec::{self, FeedSpec};
use super::hierarchy_spec::{self, HierarchySpec, TreeSpec};
use super::history_spec::{self, HistorySpec};
use super::{check_name, read_title, read_version};
use crate::declare::{
    Code, Diagnostic, Diagnostics, Fields, Located, Node, Span, Value, Variables, text_of,
};
use crate::star::Title;

/// One dimension as declared.
#[derive(Debug)]
pub struct DimensionSpec {
    /// Its name, which is its table's.
    pub name: Located<String>,
    /// For people.
    pub title: Option<Title>,
    /// For people, in a sentence.
    pub description: Option<Title>,
    /// Target columns that tell records apart.
    pub key: Vec<Located<String>>,
    /// Whether equal keys in two sources are one record.
    pub key_scope: KeyScope,
    /// What happens to a row that has the key of an earlier one of its table and other values; with
    /// history, the key and the start.
    pub conflicts: Conflicts,
    /// What it keeps of the past; nothing when absent.
    pub history: Option<HistorySpec>,
    /// The tables that feed it, the preferred first.
    pub feeds: Vec<FeedSpec>,
    /// In order of declaration.
    pub levels: Vec<LevelSpec>,
    /// Paths of levels.
    pub hierarchies: Vec<HierarchySpec>,
    /// Trees of members under members.
    pub trees: Vec<TreeSpec>,
}

/// Whether equal natural keys in two sources mean one record.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum KeyScope {
    /// They do: the key is a shared code. Earlier feeds win, later ones fill what is NULL.
    #[default]
    Shared,
    /// They do not: each source numbers its own.
    Source,
}

/// What happens to a row that contradicts an earlier row of the same table.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Conflicts {
    /// It goes to quarantine.
    #[default]
    Quarantine,
    /// The first row stays; later ones only fill what is NULL, and are counted as dropped.
    First,
}

/// One level as declared.
#[derive(Debug)]
pub struct LevelSpec {
    /// Its name.
    pub name: Located<String>,
    /// For people.
    pub title: Option<Title>,
    /// The column that identifies a member; the record itself when absent.
    pub key: Option<Located<String>>,
    /// The column that shows it; the key when absent.
    pub caption: Option<Located<String>>,
    /// Further captions by locale.
    pub captions: BTreeMap<String, Located<String>>,
    /// The column that orders members.
    pub sort: Option<Located<String>>,
    /// Whether a member that is missing shows the one above it, and where that is written.
    pub shows_parent: Option<Span>,
}

pub(super) fn read(
    node: &Node,
    variables: &Variables,
    diagnostics: &mut Diagnostics,
) -> Option<DimensionSpec> {
    let mut fields = Fields::of(node, "a dimension", variables, diagnostics)?;
    read_version(&mut fields, diagnostics);
    let name = fields.required_text("dimension", diagnostics)?;
    check_name("dimension", &name, diagnostics);
    if name.value == "date" {
        let message = "the dimension `date` is generated; declare `calendar:` in starling.yaml";
        diagnostics.push(Diagnostic::new(Code::DuplicateName, name.span.clone(), message));
    }
    let title = read_title(&mut fields, "title", diagnostics);
    let description = read_title(&mut fields, "description", diagnostics);
    let key = fields.texts("key", diagnostics);
    if key.is_empty() {
        let message = "`key` is missing: which columns tell records apart?";
        diagnostics.push(Diagnostic::new(Code::MissingKey, name.span.clone(), message));
    }
    let key_scope = read_scope(&mut fields, diagnostics);
    let conflicts = read_conflicts(&mut fields, diagnostics);
    let history = history_spec::read(&mut fields, diagnostics);
    let feeds = read_feeds(&mut fields, diagnostics);
    let levels = fields
        .entries("levels", diagnostics)
        .iter()
        .filter_map(|(name, node)| read_level(name, node, variables, diagnostics))
        .collect();
    let (hierarchies, trees) = hierarchy_spec::read(&mut fields, diagnostics);
    fields.finish(diagnostics);
    Some(DimensionSpec {
        name,
        title,
        description,
        key,
        key_scope,
        conflicts,
        history,
        feeds,
        levels,
        hierarchies,
        trees,
    })
}

/// The `from:` of a dimension or fact; none is a mistake.
pub(super) fn read_feeds(fields: &mut Fields<'_>, diagnostics: &mut Diagnostics) -> Vec<FeedSpec> {
    fields.required("from", diagnostics);
    let variables = fields.variables();
    fields
        .list("from", diagnostics)
        .iter()
        .filter_map(|node| feed_spec::read(node, variables, diagnostics))
        .collect()
}

fn read_scope(fields: &mut Fields<'_>, diagnostics: &mut Diagnostics) -> KeyScope {
    let Some(text) = fields.text("key_scope", diagnostics) else { return KeyScope::default() };
    match text.value.as_str() {
        "shared" => KeyScope::Shared,
        "source" => KeyScope::Source,
        other => {
            let message = format!("`{other}` must be shared or source");
            diagnostics.push(Diagnostic::new(Code::WrongValue, text.span, message));
            KeyScope::default()
        }
    }
}

fn read_conflicts(fields: &mut Fields<'_>, diagnostics: &mut Diagnostics) -> Conflicts {
    let Some(text) = fields.text("conflicts", diagnostics) else { return Conflicts::default() };
    match text.value.as_str() {
        "quarantine" => Conflicts::Quarantine,
        "first" => Conflicts::First,
        other => {
            let message = format!("`{other}` must be quarantine or first");
            diagnostics.push(Diagnostic::new(Code::WrongValue, text.span, message));
            Conflicts::default()
        }
    }
}

fn read_level(
    name: &Located<String>,
    node: &Node,
    variables: &Variables,
    diagnostics: &mut Diagnostics,
) -> Option<LevelSpec> {
    check_name("level", name, diagnostics);
    let mut level = LevelSpec {
        name: name.clone(),
        title: None,
        key: None,
        caption: None,
        captions: BTreeMap::new(),
        sort: None,
        shows_parent: None,
    };
    if !matches!(node.value, Value::Map(_)) {
        level.key = Some(text_of(node, &name.value, variables, diagnostics)?);
        return Some(level);
    }
    let mut fields = Fields::of(node, "a level", variables, diagnostics)?;
    level.title = read_title(&mut fields, "title", diagnostics);
    level.key = fields.text("key", diagnostics);
    level.sort = fields.text("sort", diagnostics);
    level.shows_parent = read_when_missing(&mut fields, diagnostics);
    match fields.node("caption") {
        None => {}
        Some(node) => match &node.value {
            Value::Map(entries) => {
                for (locale, node) in entries {
                    let column = text_of(node, "caption", variables, diagnostics)?;
                    level.caption.get_or_insert_with(|| column.clone());
                    level.captions.insert(locale.value.clone(), column);
                }
            }
            _ => level.caption = text_of(node, "caption", variables, diagnostics),
        },
    }
    fields.finish(diagnostics);
    Some(level)
}

/// Where `when_missing: parent` is written, if it is.
fn read_when_missing(fields: &mut Fields<'_>, diagnostics: &mut Diagnostics) -> Option<Span> {
    let text = fields.text("when_missing", diagnostics)?;
    match text.value.as_str() {
        "parent" => return Some(text.span),
        "unknown" => {}
        other => {
            let message = format!("`{other}` must be parent or unknown");
            diagnostics.push(Diagnostic::new(Code::WrongValue, text.span, message));
        }
    }
    None
}
