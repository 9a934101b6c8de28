//! Reading declarations: YAML with a place for every value, and every mistake collected.
//!
//! A file becomes a tree of [`Node`]s, each knowing where it stands. Readers take typed values out
//! of a mapping through [`Fields`]; whatever is wrong becomes a [`Diagnostic`] and reading goes on,
//! so a person sees all mistakes of all files at once.

mod diagnostic;
mod fields;
mod node;
mod shape;
mod suggest;
mod variables;
mod yaml;

pub use diagnostic::{Code, Diagnostic, Diagnostics};
pub use fields::Fields;
pub(crate) use fields::text_of;
pub use node::{DeclarationFile, Located, Node, Span, Value};
pub use shape::Shape;
pub use suggest::nearest;
pub use variables::{Variables, expand};
pub use yaml::parse;
