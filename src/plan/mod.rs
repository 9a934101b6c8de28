//! What a change of declarations would do: to tables, and to what cubes mean.
//!
//! The newest epoch pins the declarations it was loaded with. They are compared with those of the
//! project, not as texts but as what they say: a measure means something else when anything it is
//! computed from does, down to the expressions of the feeds.

mod sources;
mod declared;
mod level;
mod measure;
mod meaning;
mod cube_change;

pub use cube_change::{Change, CubeChange, Difference, Kind, PartChange};

use std::collections::{BTreeMap, BTreeSet};

use self::declared::Declared;
use crate::error::Result;
use crate::load::{Outlook, TableChange, outlook};
use crate::model::Model;
use crate::project::Scope;
use crate::warehouse::Epoch;

/// What the next load would do.
#[derive(Debug)]
pub struct Plan {
    /// The newest epoch; none before the first load.
    pub epoch: Option<u64>,
    /// The epoch a load would publish; none when nothing changed.
    pub publishes: Option<u64>,
    /// Every table, those that stay included.
    pub tables: Vec<Outlook>,
    /// The cubes that change.
    pub cubes: Vec<CubeChange>,
}

/// What a load of `model` on top of `epoch` would do.
pub fn plan(
    model: &Model,
    epoch: Option<&Epoch>,
    environment: &BTreeMap<String, String>,
) -> Result<Plan> {
    let before = epoch.map(|epoch| pinned(epoch, model, environment)).transpose()?;
    let tables = outlook(model, epoch, before.as_ref().map(|before| &before.project))?;
    let declared = epoch.map(|epoch| &epoch.declarations);
    let changes = tables.iter().any(|table| table.change != TableChange::Unchanged)
        || declared != Some(&model.project.files);
    let number = epoch.map(|epoch| epoch.number);
    Ok(Plan {
        epoch: number,
        publishes: changes.then(|| number.unwrap_or(0) + 1),
        tables,
        cubes: cube_changes(before.as_ref(), model),
    })
}

/// The model of an epoch, with the code lists and sources that only matter to a load.
fn pinned(epoch: &Epoch, model: &Model, environment: &BTreeMap<String, String>) -> Result<Model> {
    let files = epoch.declarations.clone();
    let folder = &model.project.folder;
    // Cubes and tables must be understood whole; sources may name what is there no more.
    Model::parse(folder, files.clone(), environment, Scope::Serving)
        .map_err(|error| error.context(format!("the declarations of epoch {}", epoch.number)))?;
    Ok(Model::compile(folder, files, environment, Scope::Everything).0)
}

fn cube_changes(before: Option<&Model>, after: &Model) -> Vec<CubeChange> {
    let cubes = |model: Option<&Model>| -> BTreeSet<String> {
        model.iter().flat_map(|model| &model.cubes).map(|cube| cube.name.clone()).collect()
    };
    let names: BTreeSet<String> = cubes(before).union(&cubes(Some(after))).cloned().collect();
    let (before, after) = (before.map(Declared::new), Declared::new(after));
    let of = |declared: Option<&Declared<'_>>, name: &str| {
        let declared = declared?;
        let cube = declared.model.cubes.iter().find(|cube| cube.name == name)?;
        Some(meaning::of_cube(declared, cube))
    };
    names
        .into_iter()
        .filter_map(|name| {
            let (was, is) = (of(before.as_ref(), &name), of(Some(&after), &name));
            CubeChange::between(&name, was.as_ref(), is.as_ref())
        })
        .collect()
}
