//! What can be known of a project from starling.yaml alone.

use std::collections::BTreeMap;
use std::path::Path;

use crate::declare::{Diagnostics, Variables};
use crate::error::{ErrorKind, Result, ResultExt};
use crate::project::{PROJECT_FILE, Project, Scope, Settings};

/// The settings of the project in `folder`; mistakes elsewhere do not matter.
pub(super) fn settings(folder: &Path, environment: &BTreeMap<String, String>) -> Result<Settings> {
    let path = folder.join(PROJECT_FILE);
    let text = std::fs::read_to_string(&path)
        .or_fail(ErrorKind::NotFound, || format!("cannot read `{}`", path.display()))?;
    let variables =
        Variables { environment: environment.clone(), allowed: true, folder: folder.to_owned() };
    let mut diagnostics = Diagnostics::new();
    let files = BTreeMap::from([(PROJECT_FILE.to_owned(), text)]);
    let project = Project::parse(files, &variables, Scope::Everything, &mut diagnostics);
    diagnostics.into_result(project.settings)
}
