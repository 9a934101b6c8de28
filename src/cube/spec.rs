//! What a `cubes/*.yaml` file says, read but not yet checked against the star.

use crate::declare::{
    Code, Diagnostic, Diagnostics, Fields, Located, Node, Value, Variables, text_of,
};
use crate::project::read_title;
use crate::star::Title;

/// A cube as declared; [`super::compile`] makes a [`super::Cube`] of it.
#[derive(Clone, Debug)]
pub struct CubeSpec {
    /// The cube's name.
    pub name: Located<String>,
    /// For people.
    pub title: Option<Title>,
    /// For people, in a sentence.
    pub description: Option<Title>,
    /// Who answers for it.
    pub owner: Option<String>,
    /// The fact it aggregates.
    pub fact: Located<String>,
    /// The dimensions it shows; every role of the fact when absent.
    pub dimensions: Option<Vec<DimensionSpec>>,
    /// Levels made of columns of the fact.
    pub levels: Vec<LevelSpec>,
    /// What can be computed.
    pub measures: Vec<MeasureSpec>,
}

/// One entry under `dimensions:`.
#[derive(Clone, Debug)]
pub struct DimensionSpec {
    /// The dimension's name.
    pub name: Located<String>,
    /// Named roles beside the unnamed one.
    pub roles: Vec<Located<String>>,
    /// Paths that replace the dimension's own.
    pub hierarchies: Option<Vec<HierarchySpec>>,
}

/// One entry under `hierarchies:`.
#[derive(Clone, Debug)]
pub struct HierarchySpec {
    /// The path's name.
    pub name: Located<String>,
    /// Level names, coarse first.
    pub levels: Vec<Located<String>>,
}

/// One entry under `levels:`.
#[derive(Clone, Debug)]
pub struct LevelSpec {
    /// The level's name.
    pub name: Located<String>,
    /// For people.
    pub title: Option<Title>,
    /// The column of the fact that identifies a member.
    pub key: Located<String>,
    /// The column of the fact that shows it; the key when absent.
    pub caption: Option<Located<String>>,
    /// The column of the fact that orders members.
    pub sort: Option<Located<String>>,
}

/// One entry under `measures:`.
#[derive(Clone, Debug)]
pub struct MeasureSpec {
    /// The measure's name.
    pub name: Located<String>,
    /// For people.
    pub title: Option<Title>,
    /// For people, in a sentence.
    pub description: Option<Title>,
    /// Who answers for it; the cube's owner when absent.
    pub owner: Option<String>,
    /// How to show values, such as `percent`.
    pub format: Option<String>,
    /// The key that was given: `sum`, `avg`, `min`, `max`, `count`, `distinct` or `expr`.
    pub kind: &'static str,
    /// What stands behind that key.
    pub input: Located<String>,
    /// Only these fact rows count.
    pub filter: Option<Located<String>>,
    /// Into which currency, and how.
    pub convert: Option<ConvertSpec>,
}

/// The mapping under `convert:`.
#[derive(Clone, Debug)]
pub struct ConvertSpec {
    /// The currency of the result.
    pub to: Located<String>,
    /// The column of the fact that an amount is multiplied with.
    pub rate: Located<String>,
}

/// The ways to define a measure.
pub(super) const KINDS: [&str; 7] = ["sum", "avg", "min", "max", "count", "distinct", "expr"];

/// Reads one cube; what is wrong becomes diagnostics and reading goes on.
pub fn read(node: &Node, variables: &Variables, diagnostics: &mut Diagnostics) -> Option<CubeSpec> {
    let mut fields = Fields::of(node, "a cube", variables, diagnostics)?;
    check_version(&mut fields, diagnostics);
    let name = fields.required_text("cube", diagnostics);
    let title = read_title(&mut fields, "title", diagnostics);
    let description = read_title(&mut fields, "description", diagnostics);
    let owner = fields.text("owner", diagnostics).map(|owner| owner.value);
    let fact = fields.required_text("fact", diagnostics);
    let given = fields.key_span("dimensions").is_some();
    let dimensions = given.then(|| read_dimensions(&mut fields, diagnostics));
    let levels = each(&mut fields, "levels", diagnostics, read_level);
    let measures = each(&mut fields, "measures", diagnostics, read_measure);
    fields.finish(diagnostics);
    let (name, fact) = (name?, fact?);
    Some(CubeSpec { name, title, description, owner, fact, dimensions, levels, measures })
}

fn check_version(fields: &mut Fields<'_>, diagnostics: &mut Diagnostics) {
    if fields.required("version", diagnostics).is_none() {
        return;
    }
    if let Some(version) = fields.int("version", diagnostics)
        && version.value != 1
    {
        let message = format!("version {} of the cube grammar is not known", version.value);
        let wrong = Diagnostic::new(Code::WrongValue, version.span, message);
        diagnostics.push(wrong.help("write `version: 1`"));
    }
}

/// Reads every entry of the mapping `key`, skipping those that cannot be read.
fn each<T>(
    fields: &mut Fields<'_>,
    key: &'static str,
    diagnostics: &mut Diagnostics,
    read: fn(&Located<String>, &Node, &Variables, &mut Diagnostics) -> Option<T>,
) -> Vec<T> {
    let variables = fields.variables();
    let entries = fields.entries(key, diagnostics);
    entries.iter().filter_map(|(name, node)| read(name, node, variables, diagnostics)).collect()
}

fn read_dimensions(fields: &mut Fields<'_>, diagnostics: &mut Diagnostics) -> Vec<DimensionSpec> {
    each(fields, "dimensions", diagnostics, |name, node, variables, diagnostics| {
        // `date:` alone means the dimension as it is.
        if node.value == Value::Null {
            return Some(DimensionSpec {
                name: name.clone(),
                roles: Vec::new(),
                hierarchies: None,
            });
        }
        let mut fields = Fields::of(node, "a dimension of a cube", variables, diagnostics)?;
        let roles = fields.texts("roles", diagnostics);
        let hierarchies = fields
            .key_span("hierarchies")
            .is_some()
            .then(|| each(&mut fields, "hierarchies", diagnostics, read_hierarchy));
        fields.finish(diagnostics);
        Some(DimensionSpec { name: name.clone(), roles, hierarchies })
    })
}

fn read_hierarchy(
    name: &Located<String>,
    node: &Node,
    variables: &Variables,
    diagnostics: &mut Diagnostics,
) -> Option<HierarchySpec> {
    let Value::List(items) = &node.value else {
        let message = format!("`{}` must be a list of levels, coarse first", name.value);
        diagnostics.push(Diagnostic::new(Code::WrongKind, node.span.clone(), message));
        return None;
    };
    let levels = items.iter().filter_map(|item| text_of(item, "level", variables, diagnostics));
    Some(HierarchySpec { name: name.clone(), levels: levels.collect() })
}

fn read_level(
    name: &Located<String>,
    node: &Node,
    variables: &Variables,
    diagnostics: &mut Diagnostics,
) -> Option<LevelSpec> {
    let mut fields = Fields::of(node, "a level", variables, diagnostics)?;
    let title = read_title(&mut fields, "title", diagnostics);
    let key = fields.required_text("key", diagnostics);
    let caption = fields.text("caption", diagnostics);
    let sort = fields.text("sort", diagnostics);
    fields.finish(diagnostics);
    Some(LevelSpec { name: name.clone(), title, key: key?, caption, sort })
}

fn read_measure(
    name: &Located<String>,
    node: &Node,
    variables: &Variables,
    diagnostics: &mut Diagnostics,
) -> Option<MeasureSpec> {
    let mut fields = Fields::of(node, "a measure", variables, diagnostics)?;
    let title = read_title(&mut fields, "title", diagnostics);
    let description = read_title(&mut fields, "description", diagnostics);
    let owner = fields.text("owner", diagnostics).map(|owner| owner.value);
    let format = fields.text("format", diagnostics).map(|format| format.value);
    let filter = fields.text("where", diagnostics);
    let convert =
        fields.node("convert").and_then(|node| read_convert(node, variables, diagnostics));
    let choice = fields.choice(&KINDS, diagnostics);
    let input = choice.and_then(|(kind, node)| text_of(node, kind, variables, diagnostics));
    fields.finish(diagnostics);
    let ((kind, _), input) = (choice?, input?);
    Some(MeasureSpec {
        name: name.clone(),
        title,
        description,
        owner,
        format,
        kind,
        input,
        filter,
        convert,
    })
}

fn read_convert(
    node: &Node,
    variables: &Variables,
    diagnostics: &mut Diagnostics,
) -> Option<ConvertSpec> {
    let mut fields = Fields::of(node, "`convert`", variables, diagnostics)?;
    let to = fields.required_text("to", diagnostics);
    let rate = fields.required_text("rate", diagnostics);
    fields.finish(diagnostics);
    Some(ConvertSpec { to: to?, rate: rate? })
}
