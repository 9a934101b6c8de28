//! A JSON object as it is written: with the names that come twice in it, which are mistakes.

use std::collections::BTreeSet;
use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

/// An object with its members in order.
pub(super) struct Object(Vec<(String, Member)>);

/// What a name of an object stands for.
pub(super) enum Member {
    Object(Object),
    Array(Vec<Self>),
    /// Anything without parts.
    Plain(Value),
}

impl Object {
    /// The members, no name twice; the object itself is at `path`.
    pub(super) fn members(self, path: &str) -> Result<Vec<(String, Member)>, String> {
        let mut names = BTreeSet::new();
        match self.0.iter().find(|(name, _)| !names.insert(name)) {
            None => Ok(self.0),
            Some((name, _)) if path.is_empty() => Err(two_values(name)),
            Some((name, _)) => Err(two_values(&format!("{path}.{name}"))),
        }
    }
}

/// Why an object cannot be read.
pub(super) fn two_values(name: &str) -> String {
    format!("two values for `{name}`")
}

impl Member {
    /// The same as a plain value; it is at `path`.
    pub(super) fn json(self, path: &str) -> Result<Value, String> {
        match self {
            Self::Plain(value) => Ok(value),
            Self::Array(elements) => {
                let elements = elements.into_iter().map(|element| element.json(path));
                Ok(Value::Array(elements.collect::<Result<_, _>>()?))
            }
            Self::Object(object) => {
                let members = object.members(path)?.into_iter().map(|(name, member)| {
                    let value = member.json(&format!("{path}.{name}"))?;
                    Ok((name, value))
                });
                Ok(Value::Object(members.collect::<Result<Map<_, _>, String>>()?))
            }
        }
    }
}

impl<'de> Deserialize<'de> for Object {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(ObjectVisitor)
    }
}

struct ObjectVisitor;

impl<'de> Visitor<'de> for ObjectVisitor {
    type Value = Object;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Object, A::Error> {
        let mut members = Vec::new();
        while let Some(member) = entries.next_entry()? {
            members.push(member);
        }
        Ok(Object(members))
    }
}

impl<'de> Deserialize<'de> for Member {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(MemberVisitor)
    }
}

struct MemberVisitor;

impl<'de> Visitor<'de> for MemberVisitor {
    type Value = Member;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Member, E> {
        Ok(Member::Plain(Value::Null))
    }

    fn visit_bool<E>(self, value: bool) -> Result<Member, E> {
        Ok(Member::Plain(value.into()))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Member, E> {
        Ok(Member::Plain(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Member, E> {
        Ok(Member::Plain(value.into()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Member, E> {
        Ok(Member::Plain(value.into()))
    }

    fn visit_str<E>(self, value: &str) -> Result<Member, E> {
        Ok(Member::Plain(value.into()))
    }

    fn visit_string<E>(self, value: String) -> Result<Member, E> {
        Ok(Member::Plain(value.into()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut entries: A) -> Result<Member, A::Error> {
        let mut elements = Vec::new();
        while let Some(element) = entries.next_element()? {
            elements.push(element);
        }
        Ok(Member::Array(elements))
    }

    fn visit_map<A: MapAccess<'de>>(self, entries: A) -> Result<Member, A::Error> {
        ObjectVisitor.visit_map(entries).map(Member::Object)
    }
}
