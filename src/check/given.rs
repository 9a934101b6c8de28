//! Rows in: the part of a project that given rows feed, loaded into a warehouse of its own.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use super::temporary_folder::TemporaryFolder;
use crate::cube::Cube;
use crate::declare::{Node, Value};
use crate::engine::{EpochSnapshots, Snapshot, Snapshots};
use crate::error::{Error, Result};
use crate::load::{Given, run_given};
use crate::model::Model;
use crate::project::{FeedSpec, Project, Scope};
use crate::warehouse::{Location, Warehouse};

/// A snapshot over given rows; the warehouse goes away with it.
#[derive(Debug)]
pub(super) struct Trial {
    pub(super) snapshot: Arc<Snapshot>,
    _folder: TemporaryFolder,
}

/// Loads the rows of `given` through the feeds of `model` that read them, for questions to `cube`
/// or, without one, to anything they reach.
pub(super) async fn load(
    model: &Model,
    given: &Given,
    cube: Option<&str>,
    environment: &BTreeMap<String, String>,
) -> Result<Trial> {
    let files = reached(model, given, cube)?;
    let part = Model::parse(&model.project.folder, files, environment, Scope::Everything)?;
    let folder = TemporaryFolder::new()?;
    let place = folder.path().to_string_lossy().into_owned();
    let location = Location::parse(&place, Path::new("."))?;
    let warehouse = Arc::new(Warehouse::open(location, None));
    Box::pin(run_given(&part, &warehouse, given)).await?;
    let snapshot = EpochSnapshots::new(warehouse)?.latest().await?;
    Ok(Trial { snapshot, _folder: folder })
}

/// The files that declare what the given rows reach: the tables they feed, the fact of the cube, the
/// cubes over such facts with the facts that link and convert for them, and the dimensions of all.
fn reached(model: &Model, given: &Given, cube: Option<&str>) -> Result<BTreeMap<String, String>> {
    let project = &model.project;
    let reads = |feeds: &[FeedSpec]| {
        let mut read = feeds.iter().flat_map(FeedSpec::tables);
        read.any(|table| given.tables.iter().any(|given| given.table.value == *table))
    };
    let asked = cube.and_then(|name| model.cubes.iter().find(|cube| cube.name == name));
    let asked: Vec<&str> = asked.map(Cube::facts).unwrap_or_default();
    let mut facts: BTreeSet<&str> = project
        .facts
        .iter()
        .filter(|fact| asked.contains(&fact.name.value.as_str()) || reads(&fact.feeds))
        .map(|fact| fact.name.value.as_str())
        .collect();
    let cubes: Vec<&Cube> = model
        .cubes
        .iter()
        .filter(|cube| cube.facts().iter().all(|fact| facts.contains(fact)))
        .collect();
    let behind = cubes.iter().flat_map(|cube| cube.tables());
    facts.extend(behind.filter(|table| project.star.fact(table).is_some()));
    let used: BTreeSet<&str> = project
        .facts
        .iter()
        .filter(|fact| facts.contains(fact.name.value.as_str()))
        .flat_map(|fact| &fact.dimensions)
        .map(|used| used.dimension.value.as_str())
        .collect();
    let dimensions = project.dimensions.iter();
    let dimensions: BTreeSet<&str> = dimensions
        .filter(|spec| used.contains(spec.name.value.as_str()) || reads(&spec.feeds))
        .map(|spec| spec.name.value.as_str())
        .collect();
    if facts.is_empty() && dimensions.is_empty() {
        return Err(Error::invalid_input("the given rows feed no table; no feed reads them"));
    }
    let cubes: BTreeSet<&str> = cubes.into_iter().map(|cube| cube.name.as_str()).collect();
    let left_out = left_out(project, &facts, &dimensions, &cubes);
    let kept = project.files.iter().filter(|(path, _)| !left_out.contains(path.as_str()));
    Ok(kept.map(|(path, text)| (path.clone(), text.clone())).collect())
}

/// The files of everything else.
fn left_out<'a>(
    project: &'a Project,
    facts: &BTreeSet<&str>,
    dimensions: &BTreeSet<&str>,
    cubes: &BTreeSet<&str>,
) -> BTreeSet<&'a str> {
    let of_facts = project.facts.iter().map(|spec| (&spec.name, facts));
    let of_dimensions = project.dimensions.iter().map(|spec| (&spec.name, dimensions));
    let tables = of_facts.chain(of_dimensions);
    let tables = tables.filter(|(name, kept)| !kept.contains(name.value.as_str()));
    let tables = tables.map(|(name, _)| name.span.file.path.as_str());
    let other = |node: &&Node| name_of(node).is_none_or(|name| !cubes.contains(name.as_str()));
    let cubes = project.cube_nodes.iter().filter(other);
    tables.chain(cubes.map(|node| node.span.file.path.as_str())).collect()
}

/// The cube that a file declares.
fn name_of(node: &Node) -> Option<String> {
    let Value::Map(entries) = &node.value else { return None };
    let (_, name) = entries.iter().find(|(key, _)| key.value == "cube")?;
    name.scalar_text()
}
