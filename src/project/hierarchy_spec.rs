//! `hierarchies:` of a dimension: paths of levels, and trees of members under members.

use super::check_name;
use crate::declare::{
    Code, Diagnostic, Diagnostics, Fields, Located, Node, Value, Variables, text_of,
};

/// A path of levels as declared.
#[derive(Debug)]
pub struct HierarchySpec {
    /// Its name.
    pub name: Located<String>,
    /// Names of levels, coarse first.
    pub levels: Vec<Located<String>>,
    /// What happens when a member is under two.
    pub two_parents: TwoParents,
}

/// What happens when a member of a level is under two members of the level above.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TwoParents {
    /// The load says so, and the member counts under each with what it has there.
    #[default]
    Remark,
    /// The load fails.
    Refuse,
}

/// A tree as declared: each record names the one it is under.
#[derive(Debug)]
pub struct TreeSpec {
    /// Its name.
    pub name: Located<String>,
    /// The columns with the natural key of the record above.
    pub parent: Vec<Located<String>>,
    /// The level that shows its members.
    pub level: Option<Located<String>>,
}

/// The paths and the trees, in order.
pub(super) fn read(
    fields: &mut Fields<'_>,
    diagnostics: &mut Diagnostics,
) -> (Vec<HierarchySpec>, Vec<TreeSpec>) {
    let variables = fields.variables();
    let (mut paths, mut trees) = (Vec::new(), Vec::new());
    for (name, node) in fields.entries("hierarchies", diagnostics) {
        match &node.value {
            Value::List(_) => {
                let levels = levels(node, variables, diagnostics);
                let two_parents = TwoParents::default();
                paths.push(HierarchySpec { name: name.clone(), levels, two_parents });
            }
            Value::Map(_) => {
                let mut fields = match Fields::of(node, "a hierarchy", variables, diagnostics) {
                    Some(fields) => fields,
                    None => continue,
                };
                match fields.choice(&["levels", "parent"], diagnostics) {
                    Some(("levels", list)) => {
                        let levels = levels(list, variables, diagnostics);
                        let two_parents = read_two_parents(&mut fields, diagnostics);
                        paths.push(HierarchySpec { name: name.clone(), levels, two_parents });
                    }
                    Some(_) => {
                        check_name("hierarchy", name, diagnostics);
                        let parent = fields.texts("parent", diagnostics);
                        let level = fields.text("level", diagnostics);
                        trees.push(TreeSpec { name: name.clone(), parent, level });
                    }
                    None => {}
                }
                fields.finish(diagnostics);
            }
            _ => {
                let message =
                    "a hierarchy is a list of levels, coarse first, or `{parent: COLUMN}`";
                diagnostics.push(Diagnostic::new(Code::WrongKind, node.span.clone(), message));
            }
        }
    }
    (paths, trees)
}

fn levels(
    node: &Node,
    variables: &Variables,
    diagnostics: &mut Diagnostics,
) -> Vec<Located<String>> {
    let Value::List(items) = &node.value else {
        let message = "`levels` must be a list, coarse first";
        diagnostics.push(Diagnostic::new(Code::WrongKind, node.span.clone(), message));
        return Vec::new();
    };
    items.iter().filter_map(|item| text_of(item, "hierarchies", variables, diagnostics)).collect()
}

fn read_two_parents(fields: &mut Fields<'_>, diagnostics: &mut Diagnostics) -> TwoParents {
    let Some(text) = fields.text("two_parents", diagnostics) else { return TwoParents::default() };
    match text.value.as_str() {
        "remark" => TwoParents::Remark,
        "refuse" => TwoParents::Refuse,
        other => {
            let message = format!("`{other}` must be remark or refuse");
            diagnostics.push(Diagnostic::new(Code::WrongValue, text.span, message));
            TwoParents::default()
        }
    }
}
