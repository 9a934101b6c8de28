//! What a measure says under `convert:`.

use crate::declare::{Code, Diagnostic, Diagnostics, Fields, Located, Node, Variables};

/// The mapping under `convert:`.
#[derive(Clone, Debug)]
pub struct ConvertSpec {
    /// The currency of the result.
    pub to: Located<String>,
    /// What amounts are multiplied with.
    pub by: ConvertBySpec,
}

/// What amounts are multiplied with.
#[derive(Clone, Debug)]
pub enum ConvertBySpec {
    /// `rate:`, a column of the fact.
    Column(Located<String>),
    /// `rates:`
    Rates {
        /// The fact that has the rates.
        table: Located<String>,
        /// `as_of:`, the role of `date` that has the day of the rate.
        as_of: Option<Located<String>>,
        /// `at:`, the one day whose rates count for all facts.
        at: Option<Located<String>>,
        /// `missing:`, what a cell is where a rate is not there.
        missing: Option<Located<String>>,
    },
}

/// The ways to give a rate.
const WAYS: [&str; 2] = ["rate", "rates"];

pub(super) fn read(
    node: &Node,
    variables: &Variables,
    diagnostics: &mut Diagnostics,
) -> Option<ConvertSpec> {
    let mut fields = Fields::of(node, "`convert`", variables, diagnostics)?;
    let to = fields.required_text("to", diagnostics);
    let way = fields.choice(&WAYS, diagnostics);
    let as_of = fields.text("as_of", diagnostics);
    let at = fields.text("at", diagnostics);
    let missing = fields.text("missing", diagnostics);
    fields.finish(diagnostics);
    let (way, node) = way?;
    let given = crate::declare::text_of(node, way, variables, diagnostics);
    if way == "rate" {
        for (key, given) in [("as_of", &as_of), ("at", &at), ("missing", &missing)] {
            let Some(given) = given else { continue };
            let message = format!("`{key}` does not fit `rate`");
            let wrong = Diagnostic::new(Code::Mismatch, given.span.clone(), message);
            diagnostics.push(wrong.help("it belongs to `rates`: a column has the rate of its row"));
        }
        return Some(ConvertSpec { to: to?, by: ConvertBySpec::Column(given?) });
    }
    if let (Some(_), Some(at)) = (&as_of, &at) {
        let message = "`as_of` and `at` cannot stand together";
        let wrong = Diagnostic::new(Code::Mismatch, at.span.clone(), message);
        diagnostics.push(wrong.help(
            "`as_of` takes the rate of each fact's own day, `at` that of one day for all facts",
        ));
    }
    let by = ConvertBySpec::Rates { table: given?, as_of, at, missing };
    Some(ConvertSpec { to: to?, by })
}
