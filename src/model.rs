//! A project with its cubes: everything declared, compiled as far as it can be without data.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use crate::cube::{self, Cube, CubeSpec, CubesBefore, WrongCube};
use crate::declare::{
    Code, DeclarationFile, Diagnostic, Diagnostics, Node, Span, Value, Variables, parse,
};
use crate::error::Result;
use crate::project::{Project, Scope, read_files};
use crate::star::Star;

/// Everything a project declares.
#[derive(Debug)]
pub struct Model {
    /// Sources, dimensions, facts and settings.
    pub project: Project,
    /// In order of file name.
    pub cubes: Vec<Cube>,
}

/// A project with the cubes that are asked over it.
#[derive(Clone, Copy, Debug)]
pub struct ModelView<'a> {
    /// Sources, dimensions, facts and settings.
    pub project: &'a Project,
    /// The cubes.
    pub cubes: &'a [Cube],
}

impl Model {
    /// The model, borrowed.
    pub fn view(&self) -> ModelView<'_> {
        ModelView { project: &self.project, cubes: &self.cubes }
    }

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
        let mut wrong: Vec<WrongCube> = Vec::new();
        let mut specs = Vec::new();
        for node in &project.cube_nodes {
            let mistakes = diagnostics.sorted().len();
            match cube::read(node, &fixed, &mut diagnostics) {
                Some(spec) => specs.push((node, spec, diagnostics.sorted().len() > mistakes)),
                None => wrong.extend(declared_name(node).map(WrongCube::unreadable)),
            }
        }
        // A cube over cubes is compiled after these.
        specs.sort_by_key(|(_, spec, _)| !spec.bases.is_empty());
        for (node, spec, is_misread) in specs {
            let before = CubesBefore { right: &cubes, wrong: &wrong };
            let cube = match cube::compile(&spec, &project.star, before, &mut diagnostics) {
                Ok(cube) => {
                    wrong.extend(is_misread.then(|| WrongCube::partly(cube.clone())));
                    cube
                }
                Err(cube) => {
                    wrong.push(if is_misread { cube.misread() } else { *cube });
                    continue;
                }
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

/// One file that declares a cube, compiled on its own: what is wrong with it is wrong with no other.
#[derive(Debug)]
pub struct CubeFile {
    /// Relative to the project folder.
    pub path: String,
    /// The cube's name, as far as it can be read; else that of the file.
    pub name: String,
    /// What it declares, as far as it can be read.
    pub spec: Option<CubeSpec>,
    /// The cube, when nothing is wrong with it.
    pub cube: Option<Cube>,
    /// What is wrong with it.
    pub mistakes: Diagnostics,
}

impl CubeFile {
    /// Reads the cube in `text`; it is not compiled yet.
    pub fn read(path: &str, text: &str) -> Self {
        let file = DeclarationFile { path: path.to_owned(), text: text.to_owned() };
        let variables = Variables::default();
        let mut mistakes = Diagnostics::new();
        let node = parse(&Arc::new(file), &mut mistakes);
        let stem = Path::new(path).file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let name = node.as_ref().and_then(declared_name).unwrap_or(stem);
        let spec = node.as_ref().and_then(|node| cube::read(node, &variables, &mut mistakes));
        Self { path: path.to_owned(), name, spec, cube: None, mistakes }
    }

    /// Whether it puts other cubes together, which then must be compiled before.
    pub fn is_over_cubes(&self) -> bool {
        self.spec.as_ref().is_some_and(|spec| !spec.bases.is_empty())
    }

    /// Compiles it over `star`, or over `cubes`.
    #[must_use]
    pub fn compile(mut self, star: &Star, cubes: &[Cube]) -> Self {
        let before = CubesBefore { right: cubes, wrong: &[] };
        let compiled = self
            .spec
            .as_ref()
            .and_then(|spec| cube::compile(spec, star, before, &mut self.mistakes).ok());
        self.cube = compiled.filter(|_| self.mistakes.is_empty());
        self
    }

    /// Where the weight of which `message` tells the place is declared, and the message without that.
    pub fn weight_in<'m>(&self, message: &'m str) -> Option<(&Span, &'m str)> {
        let dimensions = self.spec.as_ref()?.dimensions.iter().flatten();
        let mut weights = dimensions.filter_map(|dimension| dimension.weight.as_ref());
        weights.find_map(|weight| {
            let (_, said) = message.split_once(&format!("{}: ", weight.span))?;
            Some((&weight.span, said))
        })
    }

    /// Where the cube's measure `measure` is declared, or else the cube.
    pub fn place(&self, measure: Option<&str>) -> Option<&Span> {
        let spec = self.spec.as_ref()?;
        let named = spec.measures.iter().find(|known| Some(known.name.value.as_str()) == measure);
        Some(named.map_or(&spec.name.span, |measure| &measure.name.span))
    }
}

/// The text under `cube`.
fn declared_name(node: &Node) -> Option<String> {
    let Value::Map(entries) = &node.value else { return None };
    entries.iter().find(|(key, _)| key.value == "cube").and_then(|(_, name)| name.scalar_text())
}
