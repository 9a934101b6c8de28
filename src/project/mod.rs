//! A project folder: starling.yaml, `etl/` and `cubes/`, read into specs with every mistake found.
//!
//! A spec is what the YAML says, checked for shape and names. Making connectors, expressions and
//! tables of it is the work of `load` and `cube`.

mod dimension_spec;
mod fact_spec;
mod feed_spec;
mod hierarchy_spec;
mod history_spec;
mod rates_spec;
mod retail_spec;
mod server_spec;
mod settings;
mod shape;
mod source_spec;
mod star;
mod title;

pub use dimension_spec::{Conflicts, DimensionSpec, KeyScope, LevelSpec};
pub use fact_spec::{DimensionUse, FactSpec, Missing};
pub use feed_spec::{ColumnRule, ColumnSpec, Duplicates, FeedSpec, LookupSpec, RejectSpec};
pub use hierarchy_spec::{HierarchySpec, TreeSpec, TwoParents};
pub use history_spec::HistorySpec;
pub use rates_spec::RatesSpec;
pub use settings::Settings;
pub use shape::{
    dimension as dimension_shape, fact as fact_shape, project as project_shape,
    sources as sources_shape,
};
pub use source_spec::{ConnectorSpec, SourceSpec, SourceTableSpec};
pub(crate) use title::read_title;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::declare::{
    Code, DeclarationFile, Diagnostic, Diagnostics, Fields, Located, Node, Value, Variables, parse,
    text_of,
};
use crate::error::{Error, ErrorKind, Result, ResultExt};
use crate::star::Star;

/// The file that makes a folder a project.
pub const PROJECT_FILE: &str = "starling.yaml";

/// Everything a project declares.
#[derive(Debug)]
pub struct Project {
    /// Against which declared paths are resolved.
    pub folder: PathBuf,
    /// starling.yaml.
    pub settings: Settings,
    /// By name.
    pub sources: BTreeMap<String, SourceSpec>,
    /// Code lists by name: code to meaning.
    pub codes: BTreeMap<String, BTreeMap<String, String>>,
    /// In order of file name.
    pub dimensions: Vec<DimensionSpec>,
    /// In order of file name.
    pub facts: Vec<FactSpec>,
    /// Dimensions and facts as the star they make.
    pub star: Star,
    /// The parsed files of `cubes/`, in order of file name; compiled by `cube`.
    pub cube_nodes: Vec<Node>,
    /// The text of every file, by path.
    pub files: BTreeMap<String, String>,
}

/// Which parts of the declarations are wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Everything, to validate or load.
    Everything,
    /// Star and cubes only: sources may name things this machine does not have.
    Serving,
}

impl Project {
    /// Reads the texts of a project's files, by path; what is wrong becomes diagnostics.
    pub fn parse(
        files: BTreeMap<String, String>,
        variables: &Variables,
        scope: Scope,
        diagnostics: &mut Diagnostics,
    ) -> Self {
        let fixed = Variables { allowed: false, ..variables.clone() };
        let mut reader = Reader::new(variables, &fixed, scope);
        for (path, text) in &files {
            let file = DeclarationFile { path: path.clone(), text: text.clone() };
            if let Some(node) = parse(&Arc::new(file), diagnostics) {
                reader.file(path, &node, diagnostics);
            }
        }
        reader.finish(files, diagnostics)
    }
}

/// The texts of the declarations under `folder`, by path relative to it.
pub fn read_files(folder: &Path) -> Result<BTreeMap<String, String>> {
    let project_file = folder.join(PROJECT_FILE);
    if !project_file.is_file() {
        let what = format!(
            "no `{PROJECT_FILE}` in `{}`; run this in a project folder or give one with -C",
            folder.display()
        );
        return Err(Error::new(ErrorKind::NotFound, what));
    }
    let mut files = read_paths(folder, vec![project_file])?;
    for part in ["etl", "cubes"] {
        files.extend(read_folder(folder, part)?);
    }
    Ok(files)
}

/// The texts of the YAML files in the folder `part` of the project in `folder`, by path relative to
/// the project; none where there is no such folder.
pub fn read_folder(folder: &Path, part: &str) -> Result<BTreeMap<String, String>> {
    let literal = glob::Pattern::escape(&folder.join(part).to_string_lossy());
    let mut paths = Vec::new();
    for ending in ["yaml", "yml"] {
        let found = glob::glob(&format!("{literal}/**/*.{ending}"))
            .or_fail(ErrorKind::InvalidInput, || format!("listing `{part}`"))?;
        paths.extend(found.filter_map(std::result::Result::ok));
    }
    read_paths(folder, paths)
}

fn read_paths(folder: &Path, paths: Vec<PathBuf>) -> Result<BTreeMap<String, String>> {
    paths
        .into_iter()
        .map(|path| {
            let text = std::fs::read_to_string(&path)
                .or_fail(ErrorKind::NotFound, || format!("cannot read `{}`", path.display()))?;
            let name = path.strip_prefix(folder).unwrap_or(&path).to_string_lossy();
            Ok((name.replace('\\', "/"), text))
        })
        .collect()
}

/// Whether a file declares a cube; one that says nothing readable is what its folder says.
pub fn declares_cube(path: &str, text: &str) -> bool {
    let file = DeclarationFile { path: path.to_owned(), text: text.to_owned() };
    let node = parse(&Arc::new(file), &mut Diagnostics::new());
    let entries = match &node {
        Some(Node { value: Value::Map(entries), .. }) => entries.as_slice(),
        _ => &[],
    };
    let has = |key: &str| entries.iter().any(|(name, _)| name.value == key);
    let other = ["dimension", "sources", "codes"].into_iter().any(has);
    let unclear = !other && !has("fact") && !has("cube");
    (has("cube") && !has("dimension")) || (unclear && path.starts_with("cubes/"))
}

/// What the files have given so far.
struct Reader<'a> {
    /// For sources and settings.
    variables: &'a Variables,
    /// For everything else, where none may stand.
    fixed: &'a Variables,
    scope: Scope,
    settings: Option<Settings>,
    sources: BTreeMap<String, SourceSpec>,
    codes: BTreeMap<String, BTreeMap<String, String>>,
    dimensions: Vec<DimensionSpec>,
    facts: Vec<FactSpec>,
    cube_nodes: Vec<Node>,
}

impl<'a> Reader<'a> {
    fn new(variables: &'a Variables, fixed: &'a Variables, scope: Scope) -> Self {
        Self {
            variables,
            fixed,
            scope,
            settings: None,
            sources: BTreeMap::new(),
            codes: BTreeMap::new(),
            dimensions: Vec::new(),
            facts: Vec::new(),
            cube_nodes: Vec::new(),
        }
    }

    /// A file is what its first telling key says: starling.yaml, sources, codes, a dimension, …
    fn file(&mut self, path: &str, node: &Node, diagnostics: &mut Diagnostics) {
        if path == PROJECT_FILE {
            if self.scope == Scope::Serving {
                // Where its warehouse was is no matter to who serves it from where it is.
                let mut elsewhere = Diagnostics::new();
                self.settings = settings::read(node, self.variables, &mut elsewhere);
                return;
            }
            self.settings = settings::read(node, self.variables, diagnostics);
            return;
        }
        let Value::Map(entries) = &node.value else {
            let message = "a declaration file must be a mapping";
            diagnostics.push(Diagnostic::new(Code::WrongKind, node.span.clone(), message));
            return;
        };
        let has = |key: &str| entries.iter().any(|(name, _)| name.value == key);
        if has("dimension") {
            self.dimensions.extend(dimension_spec::read(node, self.fixed, diagnostics));
        } else if has("fact") && !has("cube") {
            self.facts.extend(fact_spec::read(node, self.fixed, diagnostics));
        } else if has("cube") {
            self.cube_nodes.push(node.clone());
        } else if has("sources") || has("codes") {
            if self.scope == Scope::Everything {
                self.sources_and_codes(node, diagnostics);
            }
        } else {
            let message = "this file declares none of: sources, codes, dimension, fact, cube";
            diagnostics.push(Diagnostic::new(Code::MissingKey, node.span.clone(), message));
        }
    }

    fn sources_and_codes(&mut self, node: &Node, diagnostics: &mut Diagnostics) {
        let Some(mut fields) = Fields::of(node, "a file", self.variables, diagnostics) else {
            return;
        };
        read_version(&mut fields, diagnostics);
        for (name, node) in fields.entries("sources", diagnostics) {
            let Some(spec) = source_spec::read(name, node, self.variables, diagnostics) else {
                continue;
            };
            if self.sources.insert(name.value.clone(), spec).is_some() {
                diagnostics.push(duplicate("source", name));
            }
        }
        for (name, node) in fields.entries("codes", diagnostics) {
            let list = read_codes(node, self.fixed, diagnostics);
            if self.codes.insert(name.value.clone(), list).is_some() {
                diagnostics.push(duplicate("code list", name));
            }
        }
        fields.finish(diagnostics);
    }

    fn finish(self, files: BTreeMap<String, String>, diagnostics: &mut Diagnostics) -> Project {
        let settings = self.settings.clone().unwrap_or_default();
        let star = star::compile(&self.dimensions, &self.facts, settings.calendar, diagnostics);
        if self.scope == Scope::Everything {
            self.check_references(diagnostics);
        }
        Project {
            folder: self.variables.folder.clone(),
            settings,
            sources: self.sources,
            codes: self.codes,
            dimensions: self.dimensions,
            facts: self.facts,
            star,
            cube_nodes: self.cube_nodes,
            files,
        }
    }

    /// Feeds name tables of sources, and maps name code lists.
    fn check_references(&self, diagnostics: &mut Diagnostics) {
        let tables: Vec<String> = self
            .sources
            .iter()
            .flat_map(|(name, spec)| spec.tables.keys().map(move |table| format!("{name}.{table}")))
            .collect();
        for used in self.facts.iter().flat_map(|fact| &fact.dimensions) {
            self.check_use(used, diagnostics);
        }
        let feeds = self.dimensions.iter().flat_map(|dimension| &dimension.feeds);
        for feed in feeds.chain(self.facts.iter().flat_map(|fact| &fact.feeds)) {
            let named = std::iter::once(&feed.table).chain(feed.lookups.iter().map(|l| &l.table));
            for table in named.filter(|table| !tables.contains(&table.value)) {
                let known = tables.iter().map(String::as_str);
                let span = table.span.clone();
                diagnostics.push(Diagnostic::unknown_name(span, "table", &table.value, known));
            }
            for column in &feed.columns {
                if let ColumnRule::Map { using, .. } = &column.rule
                    && !self.codes.contains_key(&using.value)
                {
                    let known = self.codes.keys().map(String::as_str);
                    let span = using.span.clone();
                    diagnostics.push(Diagnostic::unknown_name(
                        span,
                        "code list",
                        &using.value,
                        known,
                    ));
                }
            }
        }
    }
}

impl Reader<'_> {
    /// A fact finds its member by as many parts as the dimension's key has, in a source that feeds it.
    fn check_use(&self, used: &DimensionUse, diagnostics: &mut Diagnostics) {
        let named = |spec: &&DimensionSpec| spec.name.value == used.dimension.value;
        let Some(dimension) = self.dimensions.iter().find(named) else { return };
        if let Some(on) = used.on.first()
            && used.on.len() != dimension.key.len()
        {
            let message = format!(
                "the key of `{}` has {} columns, this has {}",
                used.dimension.value,
                dimension.key.len(),
                used.on.len()
            );
            diagnostics.push(Diagnostic::new(Code::Mismatch, on.span.clone(), message));
        }
        let Some(source) = &used.source else { return };
        let feeding = dimension.feeds.iter().filter_map(|feed| feed.table.value.split('.').next());
        let feeding: std::collections::BTreeSet<&str> = feeding.collect();
        if !feeding.contains(source.value.as_str()) {
            let span = source.span.clone();
            diagnostics.push(Diagnostic::unknown_name(span, "source", &source.value, feeding));
        }
    }
}

fn read_codes(
    node: &Node,
    variables: &Variables,
    diagnostics: &mut Diagnostics,
) -> BTreeMap<String, String> {
    let Value::Map(entries) = &node.value else {
        let message = "a code list must be a mapping of code to meaning";
        diagnostics.push(Diagnostic::new(Code::WrongKind, node.span.clone(), message));
        return BTreeMap::new();
    };
    let meaning = |(code, node): &(Located<String>, Node)| {
        let text = text_of(node, &code.value, variables, diagnostics)?;
        Some((code.value.clone(), text.value))
    };
    entries.iter().filter_map(meaning).collect()
}

/// Takes `version:`, which must be 1 where it is given.
pub(crate) fn read_version(fields: &mut Fields<'_>, diagnostics: &mut Diagnostics) {
    if let Some(version) = fields.int("version", diagnostics)
        && version.value != 1
    {
        let message = format!("version {} is not known; this program reads 1", version.value);
        diagnostics.push(Diagnostic::new(Code::WrongValue, version.span, message));
    }
}

/// `what` called `name` is declared twice.
pub(crate) fn duplicate(what: &str, name: &Located<String>) -> Diagnostic {
    let message = format!("{what} `{}` is declared twice", name.value);
    Diagnostic::new(Code::DuplicateName, name.span.clone(), message)
}

/// Reports a name that cannot be a table or column: lower case letters, digits and `_` only.
pub(crate) fn check_name(what: &str, name: &Located<String>, diagnostics: &mut Diagnostics) {
    let mut letters = name.value.chars();
    let starts = letters.next().is_some_and(|c| c.is_ascii_lowercase());
    if !starts || !letters.all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_') {
        let message = format!(
            "{what} `{}` must be lower case letters, digits and `_`, starting with a letter",
            name.value
        );
        diagnostics.push(Diagnostic::new(Code::WrongValue, name.span.clone(), message));
    }
}
