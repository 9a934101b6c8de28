//! A project with its cubes: everything declared, compiled as far as it can be without data.

use std::collections::BTreeMap;
use std::path::Path;

use crate::cube::{self, Cube};
use crate::declare::{Code, Diagnostic, Diagnostics, Variables};
use crate::error::Result;
use crate::project::{Project, Scope, read_files};

/// Everything a project declares.
#[derive(Debug)]
pub struct Model {
    /// Sources, dimensions, facts and settings.
    pub project: Project,
    /// In order of file name.
    pub cubes: Vec<Cube>,
}

impl Model {
    /// Reads the project in `folder`; every mistake of every file is in the error.
    pub fn read(folder: &Path, environment: &BTreeMap<String, String>) -> Result<Self> {
        let (model, diagnostics) = Self::inspect(folder, environment)?;
        diagnostics.into_result(model)
    }

    /// Reads the project in `folder` as far as its mistakes allow, and says what they are.
    pub fn inspect(
        folder: &Path,
        environment: &BTreeMap<String, String>,
    ) -> Result<(Self, Diagnostics)> {
        Ok(Self::compile(folder, read_files(folder)?, environment, Scope::Everything))
    }

    /// Reads a project from the texts of its files, by path.
    pub fn parse(
        folder: &Path,
        files: BTreeMap<String, String>,
        environment: &BTreeMap<String, String>,
        scope: Scope,
    ) -> Result<Self> {
        let (model, diagnostics) = Self::compile(folder, files, environment, scope);
        diagnostics.into_result(model)
    }

    /// Compiles the texts of a project's files, by path, as far as their mistakes allow, and says
    /// what they are.
    pub fn compile(
        folder: &Path,
        files: BTreeMap<String, String>,
        environment: &BTreeMap<String, String>,
        scope: Scope,
    ) -> (Self, Diagnostics) {
        let variables = Variables {
            environment: environment.clone(),
            allowed: true,
            folder: folder.to_owned(),
        };
        let fixed = Variables { allowed: false, ..variables.clone() };
        let mut diagnostics = Diagnostics::new();
        let project = Project::parse(files, &variables, scope, &mut diagnostics);
        let mut cubes: Vec<Cube> = Vec::new();
        let read = |node| Some((node, cube::read(node, &fixed, &mut diagnostics)?));
        let mut specs: Vec<_> = project.cube_nodes.iter().filter_map(read).collect();
        // A cube over cubes is compiled after these.
        specs.sort_by_key(|(_, spec)| !spec.bases.is_empty());
        for (node, spec) in specs {
            let Some(cube) = cube::compile(&spec, &project.star, &cubes, &mut diagnostics) else {
                continue;
            };
            if cubes.iter().any(|other| other.name == cube.name) {
                let message = format!("cube `{}` is declared twice", cube.name);
                let span = node.span.clone();
                diagnostics.push(Diagnostic::new(Code::DuplicateName, span, message));
            }
            cubes.push(cube);
        }
        (Self { project, cubes }, diagnostics)
    }
}
