//! What a YAML value may look like, as JSON Schema (draft-07), which editors check and complete by.
//!
//! A shape says what the readers that use [`super::Fields`] accept. That both know the same keys is
//! held by a test; it names the file to mend when they do not.

use serde_json::{Map, Value, json};

/// The draft that editors of YAML understand.
const DRAFT: &str = "http://json-schema.org/draft-07/schema#";

/// What a scalar that is read as text may be: numbers and truth values are taken as written.
const TEXT: [&str; 3] = ["string", "number", "boolean"];

/// The shape of one value.
#[derive(Clone, Debug)]
pub struct Shape {
    schema: Map<String, Value>,
}

impl Shape {
    fn of(types: &[&str], about: &str) -> Self {
        let mut shape = Self { schema: Map::new() };
        if let [one] = types {
            shape.set("type", json!(one));
        } else if !types.is_empty() {
            shape.set("type", json!(types));
        }
        shape.set("description", json!(about));
        shape
    }

    fn set(&mut self, key: &str, value: Value) {
        self.schema.insert(key.to_owned(), value);
    }

    /// A text, a number as it is written, or a truth value.
    pub fn text(about: &str) -> Self {
        Self::of(&TEXT, about)
    }

    /// One text, or a list of them.
    pub fn texts(about: &str) -> Self {
        let mut shape = Self::of(&[TEXT.as_slice(), &["array"]].concat(), about);
        shape.set("items", json!({ "type": TEXT }));
        shape
    }

    /// One of these texts.
    pub fn one_of(values: &[&str], about: &str) -> Self {
        let mut shape = Self::of(&[], about);
        shape.set("enum", json!(values));
        shape
    }

    /// A value of a row: a text, a number, a truth value, or nothing for NULL.
    pub fn cell(about: &str) -> Self {
        Self::text(about).or_nothing()
    }

    /// `true` or `false`.
    pub fn flag(about: &str) -> Self {
        Self::of(&["boolean"], about)
    }

    /// A number that is not negative.
    pub fn number(about: &str) -> Self {
        let mut shape = Self::of(&["number"], about);
        shape.set("minimum", json!(0));
        shape
    }

    /// A whole number.
    pub fn integer(about: &str) -> Self {
        Self::of(&["integer"], about)
    }

    /// A whole number within bounds.
    pub fn whole(from: i64, to: i64, about: &str) -> Self {
        let mut shape = Self::of(&["integer"], about);
        shape.set("minimum", json!(from));
        shape.set("maximum", json!(to));
        shape
    }

    /// The grammar's version, which is 1.
    pub fn version() -> Self {
        let mut shape = Self::of(&[], "The version of the grammar.");
        shape.set("const", json!(1));
        shape
    }

    /// For people: a text, or texts by locale of which the first is the default.
    pub fn title(about: &str) -> Self {
        let mut shape = Self::of(&[TEXT.as_slice(), &["object"]].concat(), about);
        shape.set("additionalProperties", json!({ "type": TEXT }));
        shape
    }

    /// A list of values of one shape.
    pub fn list(item: Self, about: &str) -> Self {
        let mut shape = Self::of(&["array"], about);
        shape.set("items", item.into_value());
        shape
    }

    /// A mapping whose keys the author chooses.
    pub fn map(value: Self, about: &str) -> Self {
        let mut shape = Self::of(&["object"], about);
        shape.set("additionalProperties", value.into_value());
        shape
    }

    /// A [`Shape::map`] whose keys become tables or columns.
    pub fn names(value: Self, about: &str) -> Self {
        let mut shape = Self::map(value, about);
        shape.set("propertyNames", json!({ "pattern": "^[a-z][a-z0-9_]*$" }));
        shape
    }

    /// A mapping with the keys of [`Shape::must`] and [`Shape::may`] and no other.
    pub fn mapping(about: &str) -> Self {
        let mut shape = Self::of(&["object"], about);
        shape.set("properties", json!({}));
        shape.set("additionalProperties", json!(false));
        shape
    }

    /// A mapping of which nothing is known here; [`Shape::given`] says more.
    pub fn any_mapping(about: &str) -> Self {
        Self::of(&["object"], about)
    }

    /// A key that may stand in the mapping.
    #[must_use]
    pub fn may(mut self, key: &str, value: Self) -> Self {
        if let Some(Value::Object(keys)) = self.schema.get_mut("properties") {
            keys.insert(key.to_owned(), value.into_value());
        }
        self
    }

    /// A key that must stand in the mapping.
    #[must_use]
    pub fn must(mut self, key: &str, value: Self) -> Self {
        self.add("required", json!(key));
        self.may(key, value)
    }

    /// Exactly one of these keys stands in the mapping.
    #[must_use]
    pub fn exactly_one(mut self, keys: &[&str]) -> Self {
        for key in keys {
            // A text that stands for the mapping would have every key otherwise.
            self.add("oneOf", json!({ "type": "object", "required": [key] }));
        }
        self
    }

    /// At least one of these keys stands in the mapping.
    #[must_use]
    pub fn at_least_one(mut self, keys: &[&str]) -> Self {
        for key in keys {
            self.add("anyOf", json!({ "required": [key] }));
        }
        self
    }

    /// Where the key `present` stands in the mapping, the value of `key` is of this shape.
    #[must_use]
    pub fn given(mut self, present: &str, key: &str, value: Self) -> Self {
        let then = json!({ "properties": { key: value.into_value() } });
        self.add("allOf", json!({ "if": { "required": [present] }, "then": then }));
        self
    }

    /// Where the key `present` stands in the mapping, `key` must stand there too.
    #[must_use]
    pub fn needs(mut self, present: &str, key: &str) -> Self {
        let then = json!({ "required": [key] });
        self.add("allOf", json!({ "if": { "required": [present] }, "then": then }));
        self
    }

    /// Where the key `present` stands in the mapping, the mapping or list `key` must too, and hold
    /// something.
    #[must_use]
    pub fn needs_some(mut self, present: &str, key: &str) -> Self {
        let some = json!({ "minProperties": 1, "minItems": 1 });
        let then = json!({ "required": [key], "properties": { key: some } });
        self.add("allOf", json!({ "if": { "required": [present] }, "then": then }));
        self
    }

    /// A text alone is short for the mapping.
    #[must_use]
    pub fn or_text(self) -> Self {
        self.or(&TEXT)
    }

    /// A list of texts may stand instead too.
    #[must_use]
    pub fn or_texts(mut self) -> Self {
        self.set("items", json!({ "type": TEXT }));
        self.or(&TEXT).or(&["array"])
    }

    /// A list of texts may stand instead, and no text alone.
    #[must_use]
    pub fn or_list(mut self) -> Self {
        self.set("items", json!({ "type": TEXT }));
        self.or(&["array"])
    }

    /// Nothing at all may stand there.
    #[must_use]
    pub fn or_nothing(self) -> Self {
        self.or(&["null"])
    }

    /// The list or mapping holds at least one thing.
    #[must_use]
    pub fn not_empty(mut self) -> Self {
        let types = self.schema.get("type").map(Value::to_string).unwrap_or_default();
        if types.contains("array") {
            self.set("minItems", json!(1));
        }
        if types.contains("object") {
            self.set("minProperties", json!(1));
        }
        self
    }

    fn or(mut self, types: &[&str]) -> Self {
        let before = self.schema.remove("type").unwrap_or(Value::Null);
        let mut all: Vec<Value> = match before {
            Value::Array(several) => several,
            one => vec![one],
        };
        all.extend(types.iter().map(|name| json!(name)));
        self.set("type", Value::Array(all));
        if self.schema.contains_key("oneOf") {
            self.add("oneOf", json!({ "type": types }));
        }
        self
    }

    fn add(&mut self, key: &str, value: Value) {
        let list = self.schema.entry(key).or_insert_with(|| json!([]));
        if let Value::Array(items) = list {
            items.push(value);
        }
    }

    /// The schema of a value within a file.
    pub fn into_value(self) -> Value {
        Value::Object(self.schema)
    }

    /// The schema of a whole file, called `title`.
    pub fn into_file(mut self, title: &str) -> Value {
        self.set("$schema", json!(DRAFT));
        self.set("title", json!(title));
        self.into_value()
    }
}
