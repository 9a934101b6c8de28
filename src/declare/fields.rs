//! Taking typed values out of a mapping, collecting what is wrong.

use super::diagnostic::{Code, Diagnostic, Diagnostics, suggestion};
use super::node::{Located, Node, Span, Value};
use super::variables::{Variables, expand};

/// A mapping being read: every key is taken once, and [`Fields::finish`] reports what was not.
#[derive(Debug)]
pub struct Fields<'a> {
    span: Span,
    entries: &'a [(Located<String>, Node)],
    taken: Vec<&'static str>,
    variables: &'a Variables,
}

impl<'a> Fields<'a> {
    /// Starts reading `node`, which must be a mapping; `what` names it in the message.
    pub fn of(
        node: &'a Node,
        what: &str,
        variables: &'a Variables,
        diagnostics: &mut Diagnostics,
    ) -> Option<Self> {
        match &node.value {
            Value::Map(entries) => {
                Some(Self { span: node.span.clone(), entries, taken: Vec::new(), variables })
            }
            other => {
                let message = format!("{what} must be a mapping, this is {}", other.kind());
                diagnostics.push(Diagnostic::new(Code::WrongKind, node.span.clone(), message));
                None
            }
        }
    }

    /// Where the mapping starts.
    pub fn span(&self) -> &Span {
        &self.span
    }

    /// The variables in force, to read nested mappings with.
    pub fn variables(&self) -> &'a Variables {
        self.variables
    }

    /// The value of `key`, whatever it is; a `null` counts as absent.
    pub fn node(&mut self, key: &'static str) -> Option<&'a Node> {
        if !self.taken.contains(&key) {
            self.taken.push(key);
        }
        let (_, node) = self.entries.iter().find(|(name, _)| name.value == key)?;
        (node.value != Value::Null).then_some(node)
    }

    /// Where `key` itself is written, if it is.
    pub fn key_span(&self, key: &str) -> Option<&Span> {
        self.entries.iter().find(|(name, _)| name.value == key).map(|(name, _)| &name.span)
    }

    /// The value of `key`, reported when absent.
    pub fn required(
        &mut self,
        key: &'static str,
        diagnostics: &mut Diagnostics,
    ) -> Option<&'a Node> {
        let node = self.node(key);
        if node.is_none() {
            let message = format!("`{key}` is missing");
            diagnostics.push(Diagnostic::new(Code::MissingKey, self.span.clone(), message));
        }
        node
    }

    /// A text, with `${…}` replaced; numbers and booleans are taken as they are written.
    pub fn text(
        &mut self,
        key: &'static str,
        diagnostics: &mut Diagnostics,
    ) -> Option<Located<String>> {
        let node = self.node(key)?;
        text_of(node, key, self.variables, diagnostics)
    }

    /// [`Fields::text`], reported when absent.
    pub fn required_text(
        &mut self,
        key: &'static str,
        diagnostics: &mut Diagnostics,
    ) -> Option<Located<String>> {
        let node = self.required(key, diagnostics)?;
        text_of(node, key, self.variables, diagnostics)
    }

    /// `true` or `false`.
    pub fn flag(
        &mut self,
        key: &'static str,
        diagnostics: &mut Diagnostics,
    ) -> Option<Located<bool>> {
        let node = self.node(key)?;
        match node.value {
            Value::Bool(flag) => Some(Located::new(flag, node.span.clone())),
            _ => wrong_kind(node, key, "true or false", diagnostics),
        }
    }

    /// A whole number.
    pub fn int(
        &mut self,
        key: &'static str,
        diagnostics: &mut Diagnostics,
    ) -> Option<Located<i64>> {
        let node = self.node(key)?;
        match node.value {
            Value::Int(number) => Some(Located::new(number, node.span.clone())),
            _ => wrong_kind(node, key, "a whole number", diagnostics),
        }
    }

    /// The items of a list; absent gives an empty one.
    pub fn list(&mut self, key: &'static str, diagnostics: &mut Diagnostics) -> &'a [Node] {
        match self.node(key) {
            None => &[],
            Some(node) => match &node.value {
                Value::List(items) => items,
                _ => wrong_kind(node, key, "a list", diagnostics).unwrap_or(&[]),
            },
        }
    }

    /// A list of texts; absent gives an empty one, one text alone counts as a list of one.
    pub fn texts(
        &mut self,
        key: &'static str,
        diagnostics: &mut Diagnostics,
    ) -> Vec<Located<String>> {
        let Some(node) = self.node(key) else { return Vec::new() };
        let items = match &node.value {
            Value::List(items) => items.as_slice(),
            _ => std::slice::from_ref(node),
        };
        let variables = self.variables;
        items.iter().filter_map(|item| text_of(item, key, variables, diagnostics)).collect()
    }

    /// The entries of a mapping with free keys; absent gives none.
    pub fn entries(
        &mut self,
        key: &'static str,
        diagnostics: &mut Diagnostics,
    ) -> &'a [(Located<String>, Node)] {
        match self.node(key) {
            None => &[],
            Some(node) => match &node.value {
                Value::Map(entries) => entries,
                _ => wrong_kind(node, key, "a mapping", diagnostics).unwrap_or(&[]),
            },
        }
    }

    /// The one key of `choices` that is present, as in `csv: {…}`; none or two are reported.
    pub fn choice(
        &mut self,
        choices: &[&'static str],
        diagnostics: &mut Diagnostics,
    ) -> Option<(&'static str, &'a Node)> {
        let present: Vec<_> =
            choices.iter().filter_map(|key| self.node(key).map(|node| (*key, node))).collect();
        match present.as_slice() {
            [one] => Some(*one),
            [] => {
                let message = format!("one of {} is missing", quoted(choices));
                diagnostics.push(Diagnostic::new(Code::MissingKey, self.span.clone(), message));
                None
            }
            [_, (key, node), ..] => {
                let message = format!("`{key}` and another of {} are given", quoted(choices));
                diagnostics.push(Diagnostic::new(Code::WrongValue, node.span.clone(), message));
                None
            }
        }
    }

    /// Reports every key that was not taken, with the nearest one that could have been meant.
    pub fn finish(self, diagnostics: &mut Diagnostics) {
        for (key, _) in self.entries {
            if !self.taken.contains(&key.value.as_str()) {
                let message = format!("unknown key `{}`", key.value);
                let diagnostic = Diagnostic::new(Code::UnknownKey, key.span.clone(), message);
                diagnostics.push(diagnostic.help(suggestion(&key.value, &self.taken)));
            }
        }
    }
}

/// The text of a scalar node with `${…}` replaced; anything else is reported.
pub(crate) fn text_of(
    node: &Node,
    key: &str,
    variables: &Variables,
    diagnostics: &mut Diagnostics,
) -> Option<Located<String>> {
    match node.scalar_text() {
        Some(text) => {
            let expanded = expand(&text, &node.span, variables, diagnostics)?;
            Some(Located::new(expanded, node.span.clone()))
        }
        None => wrong_kind(node, key, "text", diagnostics),
    }
}

fn wrong_kind<T>(
    node: &Node,
    key: &str,
    expected: &str,
    diagnostics: &mut Diagnostics,
) -> Option<T> {
    let message = format!("`{key}` must be {expected}, this is {}", node.value.kind());
    diagnostics.push(Diagnostic::new(Code::WrongKind, node.span.clone(), message));
    None
}

fn quoted(names: &[&str]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}
