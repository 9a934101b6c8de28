//! What a `cubes/*.yaml` file says, read but not yet checked against the star.

use super::convert_spec::{self, ConvertSpec};
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
    /// The fact it aggregates; none where it puts cubes together.
    pub fact: Option<Located<String>>,
    /// The cubes it puts together.
    pub bases: Vec<BaseSpec>,
    /// The dimensions it shows; every role of the fact when absent.
    pub dimensions: Option<Vec<DimensionSpec>>,
    /// Levels made of columns of the fact.
    pub levels: Vec<LevelSpec>,
    /// What can be computed.
    pub measures: Vec<MeasureSpec>,
    /// Members that get a name together.
    pub sets: Vec<SetSpec>,
}

/// One entry under `cubes:`.
#[derive(Clone, Debug)]
pub struct BaseSpec {
    /// The cube's name.
    pub name: Located<String>,
    /// The measures that are taken from it; all when absent.
    pub measures: Option<Vec<Located<String>>>,
    /// By role, the finest level that its facts have.
    pub grain: Vec<(Located<String>, Located<String>)>,
    /// What its measures are where a level is asked for that it does not have.
    pub unrelated: Option<Located<String>>,
}

/// One entry under `dimensions:`.
#[derive(Clone, Debug)]
pub struct DimensionSpec {
    /// The dimension's name.
    pub name: Located<String>,
    /// Named roles beside the unnamed one.
    pub roles: Vec<Located<String>>,
    /// The fact that links it to a dimension of the cube's fact, which has none of it itself.
    pub through: Option<Located<String>>,
    /// The column of that fact with the share of each link.
    pub weight: Option<Located<String>>,
    /// Paths that replace the dimension's own.
    pub hierarchies: Option<Vec<HierarchySpec>>,
    /// How members with a history are seen.
    pub members: Option<Located<String>>,
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
    /// The key that was given, one of [`KINDS`].
    pub kind: &'static str,
    /// What stands behind that key; of a quantile, what stands behind `of`.
    pub input: Located<String>,
    /// The share of a quantile, from 0 to 1.
    pub at: Option<Located<f64>>,
    /// Whether a distinct count may be approximate.
    pub approximate: Option<Located<bool>>,
    /// Whether rows are all there is, not a sample.
    pub population: Option<Located<bool>>,
    /// How days make a whole, where they do not add up.
    pub over_time: Option<Located<String>>,
    /// Only these fact rows count.
    pub filter: Option<Located<String>>,
    /// Into which currency, and how.
    pub convert: Option<ConvertSpec>,
}

/// One entry under `sets:`.
#[derive(Clone, Debug)]
pub struct SetSpec {
    /// The set's name.
    pub name: Located<String>,
    /// For people.
    pub title: Option<Title>,
    /// The level, as in a query.
    pub level: Located<String>,
    /// Which of its members.
    pub members: SetMembersSpec,
}

/// What stands beside `level` in a set, or under `top`.
#[derive(Clone, Debug)]
pub enum SetMembersSpec {
    /// `members:`, captions.
    Members(Vec<Located<String>>),
    /// `keys:`
    Keys(Vec<Located<String>>),
    /// `where:`, SQL over level columns.
    Where(Located<String>),
    /// `top:`
    Top {
        /// `n:`
        n: Located<i64>,
        /// `by:`, a measure.
        by: Located<String>,
        /// `least:`
        least: bool,
    },
}

/// The ways to define a measure.
pub(super) const KINDS: [&str; 13] = [
    "sum", "avg", "min", "max", "count", "distinct", "median", "quantile", "variance", "stddev",
    "first", "last", "expr",
];

/// Reads one cube; what is wrong becomes diagnostics and reading goes on.
pub fn read(node: &Node, variables: &Variables, diagnostics: &mut Diagnostics) -> Option<CubeSpec> {
    let mut fields = Fields::of(node, "a cube", variables, diagnostics)?;
    check_version(&mut fields, diagnostics);
    let name = fields.required_text("cube", diagnostics);
    let title = read_title(&mut fields, "title", diagnostics);
    let description = read_title(&mut fields, "description", diagnostics);
    let owner = fields.text("owner", diagnostics).map(|owner| owner.value);
    let fact = fields.text("fact", diagnostics);
    let bases = each(&mut fields, "cubes", diagnostics, read_base);
    let cubes = fields.key_span("cubes").cloned();
    let listed = !fields.entries("cubes", diagnostics).is_empty();
    if fact.is_none() && cubes.is_none() {
        fields.required("fact", diagnostics);
    }
    let given = fields.key_span("dimensions").is_some();
    let dimensions = given.then(|| read_dimensions(&mut fields, diagnostics));
    let levels = each(&mut fields, "levels", diagnostics, read_level);
    let measures = each(&mut fields, "measures", diagnostics, read_measure);
    let sets = each(&mut fields, "sets", diagnostics, read_set);
    fields.finish(diagnostics);
    let name = name?;
    if fact.is_none() && bases.is_empty() {
        if let Some(span) = cubes.filter(|_| !listed) {
            let message = "`cubes` names no cube";
            diagnostics.push(Diagnostic::new(Code::MissingKey, span, message));
        }
        return None;
    }
    Some(CubeSpec {
        name,
        title,
        description,
        owner,
        fact,
        bases,
        dimensions,
        levels,
        measures,
        sets,
    })
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
                through: None,
                weight: None,
                hierarchies: None,
                members: None,
            });
        }
        let mut fields = Fields::of(node, "a dimension of a cube", variables, diagnostics)?;
        let roles = fields.texts("roles", diagnostics);
        let through = fields.text("through", diagnostics);
        let weight = fields.text("weight", diagnostics);
        let members = fields.text("members", diagnostics);
        let hierarchies = fields
            .key_span("hierarchies")
            .is_some()
            .then(|| each(&mut fields, "hierarchies", diagnostics, read_hierarchy));
        fields.finish(diagnostics);
        Some(DimensionSpec { name: name.clone(), roles, through, weight, hierarchies, members })
    })
}

fn read_base(
    name: &Located<String>,
    node: &Node,
    variables: &Variables,
    diagnostics: &mut Diagnostics,
) -> Option<BaseSpec> {
    let mut base =
        BaseSpec { name: name.clone(), measures: None, grain: Vec::new(), unrelated: None };
    // `sales:` alone means the cube as it is.
    if node.value == Value::Null {
        return Some(base);
    }
    let mut fields = Fields::of(node, "a cube of a cube", variables, diagnostics)?;
    let given = fields.key_span("measures").is_some();
    let measures = fields.texts("measures", diagnostics);
    base.measures = given.then_some(measures);
    for (role, level) in fields.entries("grain", diagnostics) {
        let level = text_of(level, "grain", variables, diagnostics);
        base.grain.extend(level.map(|level| (role.clone(), level)));
    }
    base.unrelated = fields.text("unrelated", diagnostics);
    fields.finish(diagnostics);
    Some(base)
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
        fields.node("convert").and_then(|node| convert_spec::read(node, variables, diagnostics));
    let approximate = fields.flag("approximate", diagnostics);
    let population = fields.flag("population", diagnostics);
    let over_time = fields.text("over_time", diagnostics);
    let choice = fields.choice(&KINDS, diagnostics);
    let input = choice.and_then(|(kind, node)| match kind {
        "quantile" => read_quantile(node, variables, diagnostics),
        _ => Some((text_of(node, kind, variables, diagnostics)?, None)),
    });
    fields.finish(diagnostics);
    let ((kind, _), (input, at)) = (choice?, input?);
    Some(MeasureSpec {
        name: name.clone(),
        title,
        description,
        owner,
        format,
        kind,
        input,
        at,
        approximate,
        population,
        over_time,
        filter,
        convert,
    })
}

/// Of what the quantile is, and where.
fn read_quantile(
    node: &Node,
    variables: &Variables,
    diagnostics: &mut Diagnostics,
) -> Option<(Located<String>, Option<Located<f64>>)> {
    let mut fields = Fields::of(node, "`quantile`", variables, diagnostics)?;
    let of = fields.required_text("of", diagnostics);
    let written = fields.required_text("at", diagnostics);
    fields.finish(diagnostics);
    let (of, written) = (of?, written?);
    let at = written.value.parse().ok().filter(|at| (0.0..=1.0).contains(at));
    if at.is_none() {
        let message = format!("`at` must be between 0 and 1, this is `{}`", written.value);
        let wrong = Diagnostic::new(Code::WrongValue, written.span.clone(), message);
        diagnostics.push(wrong.help("the 95th percentile is `at: 0.95`"));
    }
    Some((of, Some(Located::new(at?, written.span))))
}

fn read_set(
    name: &Located<String>,
    node: &Node,
    variables: &Variables,
    diagnostics: &mut Diagnostics,
) -> Option<SetSpec> {
    let mut fields = Fields::of(node, "a set", variables, diagnostics)?;
    let title = read_title(&mut fields, "title", diagnostics);
    let choice = fields.choice(&["members", "keys", "where", "top"], diagnostics);
    let (level, members) = match choice {
        Some(("top", node)) => {
            let found = read_top(node, variables, diagnostics);
            found.map(|(level, top)| (Some(level), Some(top))).unwrap_or_default()
        }
        Some(("where", node)) => {
            let level = fields.required_text("level", diagnostics);
            let condition = text_of(node, "where", variables, diagnostics);
            (level, condition.map(SetMembersSpec::Where))
        }
        Some((key, _)) => {
            let level = fields.required_text("level", diagnostics);
            let names = fields.texts(key, diagnostics);
            let members = match key {
                "keys" => SetMembersSpec::Keys(names),
                _ => SetMembersSpec::Members(names),
            };
            (level, Some(members))
        }
        None => (fields.text("level", diagnostics), None),
    };
    fields.finish(diagnostics);
    Some(SetSpec { name: name.clone(), title, level: level?, members: members? })
}

fn read_top(
    node: &Node,
    variables: &Variables,
    diagnostics: &mut Diagnostics,
) -> Option<(Located<String>, SetMembersSpec)> {
    let mut fields = Fields::of(node, "`top`", variables, diagnostics)?;
    let level = fields.required_text("level", diagnostics);
    fields.required("n", diagnostics);
    let n = fields.int("n", diagnostics);
    let by = fields.required_text("by", diagnostics);
    let least = fields.flag("least", diagnostics).is_some_and(|least| least.value);
    fields.finish(diagnostics);
    Some((level?, SetMembersSpec::Top { n: n?, by: by?, least }))
}
