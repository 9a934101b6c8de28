//! A YAML value and where it stands.

use std::fmt;
use std::sync::Arc;

/// One file of declarations: its path as a person would type it, and its text.
#[derive(Debug, PartialEq, Eq)]
pub struct DeclarationFile {
    /// Relative to the project folder.
    pub path: String,
    /// The whole text.
    pub text: String,
}

/// A place in a declaration file.
#[derive(Clone, PartialEq, Eq)]
pub struct Span {
    /// The file.
    pub file: Arc<DeclarationFile>,
    /// Counted from 1.
    pub line: usize,
    /// Counted from 1, in characters.
    pub column: usize,
    /// In characters, at least 1; only the first line of a longer value counts.
    pub width: usize,
}

impl Span {
    /// The place, and the line with a caret under the value.
    pub fn shown(&self) -> String {
        let Self { file, line, column, width } = self;
        let gutter = self.gutter();
        let place = format!("{gutter}--> {self}\n");
        let Some(text) = file.text.lines().nth(line - 1) else { return place };
        let (indent, carets) = (" ".repeat(column - 1), "^".repeat(*width));
        format!("{place}{gutter} |\n{line} | {text}\n{gutter} | {indent}{carets}\n")
    }

    /// As many blanks as the line's number is wide.
    pub(crate) fn gutter(&self) -> String {
        " ".repeat(self.line.to_string().len())
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.file.path, self.line, self.column)
    }
}

impl fmt::Debug for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A value and where it was declared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Located<T> {
    /// The value.
    pub value: T,
    /// Where it stands.
    pub span: Span,
}

impl<T> Located<T> {
    /// `value`, declared at `span`.
    pub fn new(value: T, span: Span) -> Self {
        Self { value, span }
    }

    /// The same place with another value.
    pub fn map<U>(self, convert: impl FnOnce(T) -> U) -> Located<U> {
        Located { value: convert(self.value), span: self.span }
    }
}

/// A YAML value and where it stands.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// What it is.
    pub value: Value,
    /// Where it stands.
    pub span: Span,
    /// A number as it is written: `1.10` is not `1.1` where a text is wanted.
    pub written: Option<String>,
}

/// What a YAML node can be.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// `null`, `~` or nothing.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A number with a fraction or exponent.
    Float(f64),
    /// Anything else that is one word or text.
    Text(String),
    /// A sequence.
    List(Vec<Node>),
    /// A mapping in the order of the file; keys are unique.
    Map(Vec<(Located<String>, Node)>),
}

impl Value {
    /// What to call this in a message.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Null => "nothing",
            Self::Bool(_) => "true or false",
            Self::Int(_) | Self::Float(_) => "a number",
            Self::Text(_) => "text",
            Self::List(_) => "a list",
            Self::Map(_) => "a mapping",
        }
    }
}

impl Node {
    /// The scalar as text, as it is written.
    pub fn scalar_text(&self) -> Option<String> {
        if let Some(written) = &self.written {
            return Some(written.clone());
        }
        match &self.value {
            Value::Text(text) => Some(text.clone()),
            Value::Int(number) => Some(number.to_string()),
            Value::Float(number) => Some(number.to_string()),
            Value::Bool(flag) => Some(flag.to_string()),
            Value::Null | Value::List(_) | Value::Map(_) => None,
        }
    }
}
