//! YAML text to [`Node`]s; the only importer of the YAML library.

use std::fmt;
use std::sync::Arc;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_yaml::Spanned;

use super::diagnostic::{Code, Diagnostic, Diagnostics};
use super::node::{DeclarationFile, Located, Node, Span, Value};

/// Parses one file. A syntax error becomes a diagnostic and gives `None`.
pub fn parse(file: &Arc<DeclarationFile>, diagnostics: &mut Diagnostics) -> Option<Node> {
    // A column called `no` is not false: only `true` and `false` are truth values.
    let options = serde_yaml::options! { strict_booleans: true };
    match serde_yaml::from_str_with_options::<Raw>(&file.text, options) {
        Ok(raw) => Some(raw.locate(file)),
        Err(error) => {
            let (line, column) =
                error.location().map_or((1, 1), |at| (position(at.line()), position(at.column())));
            let span = Span { file: Arc::clone(file), line, column, width: 1 };
            let text = error.without_snippet().to_string();
            let message = text.lines().next().unwrap_or("this is not valid YAML").to_owned();
            diagnostics.push(Diagnostic::new(Code::Syntax, span, message));
            None
        }
    }
}

/// The library counts in `u64`; a file that long does not fit in memory.
fn position(number: u64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX).max(1)
}

struct Raw(Spanned<RawValue>);

enum RawValue {
    Scalar(Value),
    List(Vec<Raw>),
    Map(Vec<(Spanned<String>, Raw)>),
}

impl Raw {
    fn locate(self, file: &Arc<DeclarationFile>) -> Node {
        let Spanned { value, referenced, .. } = self.0;
        let (line, column) = (position(referenced.line()), position(referenced.column()));
        let (value, width) = match value {
            RawValue::Scalar(value) => {
                let width = scalar_width(&file.text, line, column, &value);
                (value, width)
            }
            RawValue::List(items) => {
                (Value::List(items.into_iter().map(|item| item.locate(file)).collect()), 1)
            }
            RawValue::Map(entries) => {
                let entries = entries.into_iter().map(|(key, value)| {
                    let width = key.value.chars().count().max(1);
                    let span = Span {
                        file: Arc::clone(file),
                        line: position(key.referenced.line()),
                        column: position(key.referenced.column()),
                        width,
                    };
                    (Located::new(key.value, span), value.locate(file))
                });
                (Value::Map(entries.collect()), 1)
            }
        };
        let written = match &value {
            Value::Int(_) | Value::Float(_) => written(&file.text, line, column),
            _ => None,
        };
        Node { value, span: Span { file: Arc::clone(file), line, column, width }, written }
    }
}

/// The plain scalar that starts at a place, which is a number and so has no blank in it.
fn written(text: &str, line: usize, column: usize) -> Option<String> {
    let rest = text.lines().nth(line - 1)?.chars().skip(column - 1);
    let token: String =
        rest.take_while(|c| c.is_ascii_alphanumeric() || "+-._".contains(*c)).collect();
    (!token.is_empty()).then_some(token)
}

/// How many characters a scalar takes on its first line, quotes included.
fn scalar_width(text: &str, line: usize, column: usize, value: &Value) -> usize {
    let Value::Text(content) = value else { return 1 };
    let rest: String =
        text.lines().nth(line - 1).unwrap_or_default().chars().skip(column - 1).collect();
    let quoted = rest.starts_with(['"', '\'']);
    let wanted = content.lines().next().unwrap_or_default().chars().count();
    let wanted = if quoted { wanted + 2 } else { wanted };
    wanted.clamp(1, rest.trim_end().chars().count().max(1))
}

impl<'de> Deserialize<'de> for Raw {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Spanned::deserialize(deserializer).map(Raw)
    }
}

impl<'de> Deserialize<'de> for RawValue {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(RawVisitor)
    }
}

struct RawVisitor;

impl<'de> Visitor<'de> for RawVisitor {
    type Value = RawValue;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a YAML value")
    }

    fn visit_unit<E: serde::de::Error>(self) -> Result<RawValue, E> {
        Ok(RawValue::Scalar(Value::Null))
    }

    fn visit_none<E: serde::de::Error>(self) -> Result<RawValue, E> {
        self.visit_unit()
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<RawValue, D::Error> {
        RawValue::deserialize(deserializer)
    }

    fn visit_bool<E>(self, value: bool) -> Result<RawValue, E> {
        Ok(RawValue::Scalar(Value::Bool(value)))
    }

    fn visit_i64<E>(self, value: i64) -> Result<RawValue, E> {
        Ok(RawValue::Scalar(Value::Int(value)))
    }

    fn visit_u64<E: serde::de::Error>(self, value: u64) -> Result<RawValue, E> {
        let value = i64::try_from(value).map_err(|_| E::custom("number too large"))?;
        self.visit_i64(value)
    }

    fn visit_f64<E>(self, value: f64) -> Result<RawValue, E> {
        Ok(RawValue::Scalar(Value::Float(value)))
    }

    fn visit_str<E>(self, value: &str) -> Result<RawValue, E> {
        Ok(RawValue::Scalar(Value::Text(value.to_owned())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<RawValue, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(RawValue::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<RawValue, A::Error> {
        let mut map = Vec::new();
        while let Some(entry) = entries.next_entry()? {
            map.push(entry);
        }
        Ok(RawValue::Map(map))
    }
}
