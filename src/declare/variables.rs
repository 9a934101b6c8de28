//! `${env:NAME:-default}` and `${file:PATH}` in a declared text.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::diagnostic::{Code, Diagnostic, Diagnostics};
use super::node::Span;

/// What `${…}` may refer to.
#[derive(Clone, Debug, Default)]
pub struct Variables {
    /// The environment, as the configuration read it.
    pub environment: BTreeMap<String, String>,
    /// Whether `${…}` may stand here at all: only where rows come from and go to. What a row
    /// means must not depend on who loads it, and an old epoch must mean today what it meant.
    pub allowed: bool,
    /// The project folder, against which `${file:…}` is resolved.
    pub folder: PathBuf,
}

/// Replaces every `${…}` of `text`; what is wrong becomes a diagnostic at `span` and gives `None`,
/// so that nothing further is said of a text that is not what was meant.
pub fn expand(
    text: &str,
    span: &Span,
    variables: &Variables,
    diagnostics: &mut Diagnostics,
) -> Option<String> {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("${") {
        out.push_str(before);
        let Some((reference, tail)) = after.split_once('}') else {
            let message = "`${` without `}`";
            diagnostics.push(Diagnostic::new(Code::WrongValue, span.clone(), message));
            return None;
        };
        if !variables.allowed {
            let message = "`${…}` may stand only in `sources:` and starling.yaml";
            diagnostics.push(Diagnostic::new(Code::WrongValue, span.clone(), message));
            return None;
        }
        match resolve(reference, variables) {
            Ok(value) => out.push_str(&value),
            Err(message) => {
                diagnostics.push(Diagnostic::new(Code::MissingVariable, span.clone(), message));
                return None;
            }
        }
        rest = tail;
    }
    out.push_str(rest);
    Some(out)
}

fn resolve(reference: &str, variables: &Variables) -> Result<String, String> {
    if let Some(name) = reference.strip_prefix("env:") {
        let (name, default) = match name.split_once(":-") {
            Some((name, default)) => (name, Some(default)),
            None => (name, None),
        };
        let value = variables.environment.get(name).map(String::as_str).or(default);
        return value.map(str::to_owned).ok_or_else(|| {
            format!("the environment variable `{name}` is not set; set it or write `${{env:{name}:-default}}`")
        });
    }
    if let Some(path) = reference.strip_prefix("file:") {
        let path = variables.folder.join(path);
        return std::fs::read_to_string(&path)
            .map(|text| text.trim_end().to_owned())
            .map_err(|error| format!("cannot read `{}`: {error}", path.display()));
    }
    Err(format!("`${{{reference}}}` is neither `${{env:NAME}}` nor `${{file:PATH}}`"))
}
