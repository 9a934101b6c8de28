//! Which declarations an epoch is served with, and what is wrong with the others.
//!
//! Dimensions and facts are those the epoch pins: its tables were made from them. Cubes are only
//! names over these tables, so a project folder may bring newer ones. Each cube stands on its own: a
//! wrong one is served as it was before, or else says what is wrong with it, and harms no other.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use datafusion::catalog::TableProvider;
use datafusion::prelude::SessionContext;
use sha2::{Digest, Sha256};

use crate::cube::{Cube, CubeRelations, CubeState};
use crate::declare::{Diagnostic, Diagnostics, Variables};
use crate::error::Error;
use crate::model::CubeFile;
use crate::project::{Project, Scope, declares_cube};
use crate::warehouse::Epoch;

/// The declarations an epoch pins.
#[derive(Debug)]
pub(super) struct Pinned {
    /// Dimensions and facts.
    pub project: Project,
    /// Files of cubes, by path.
    pub cubes: BTreeMap<String, String>,
    /// All other files.
    pub others: BTreeMap<String, String>,
    /// What is wrong with the other files, which another version of the program may have written.
    mistakes: Diagnostics,
}

impl Pinned {
    /// The declarations of `epoch`.
    pub(super) fn of(epoch: &Epoch) -> Self {
        let (cubes, others) = parted(&epoch.declarations);
        let variables = Variables {
            environment: BTreeMap::new(),
            allowed: true,
            folder: Path::new(".").into(),
        };
        let mut mistakes = Diagnostics::new();
        let project = Project::parse(others.clone(), &variables, Scope::Serving, &mut mistakes);
        Self { project, cubes, others, mistakes }
    }

    /// Whether everything but the cubes is as it should be.
    pub(super) fn is_whole(&self) -> bool {
        self.mistakes.is_empty()
    }

    /// Dimensions and facts that are declared wrongly, with the mistake: what is left of such a one
    /// may mean something else.
    fn doubtful(&self) -> BTreeMap<&str, String> {
        let mut first: BTreeMap<&str, &Diagnostic> = BTreeMap::new();
        for mistake in self.mistakes.sorted() {
            first.entry(&mistake.span.file.path).or_insert(mistake);
        }
        let dimensions = self.project.dimensions.iter().map(|spec| &spec.name);
        let facts = self.project.facts.iter().map(|spec| &spec.name);
        dimensions
            .chain(facts)
            .filter_map(|name| {
                let mistake = first.get(name.span.file.path.as_str())?;
                Some((name.value.as_str(), mistake.line()))
            })
            .collect()
    }
}

/// Files of cubes, and all others.
fn parted(
    files: &BTreeMap<String, String>,
) -> (BTreeMap<String, String>, BTreeMap<String, String>) {
    let owned = |(path, text): (&String, &String)| (path.clone(), text.clone());
    files.iter().map(owned).partition(|(path, text)| declares_cube(path, text))
}

/// A project folder beside an epoch.
#[derive(Clone, Debug)]
pub(super) struct Edited {
    /// Its files, by path.
    pub files: Arc<BTreeMap<String, String>>,
    /// The cube files that were served last.
    pub good: Arc<BTreeMap<String, String>>,
}

/// What is wrong in a file, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Mistake {
    /// Line and column, counted from 1, where known.
    pub place: Option<(usize, usize)>,
    /// The sentence.
    pub message: String,
}

/// A file of declarations.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct FileState {
    /// Relative to the project folder.
    pub path: String,
    /// Whose text is served: `epoch` or `project`; none when it is not.
    pub origin: Option<&'static str>,
    /// `ok`, `wrong` or `needs a load`.
    pub state: &'static str,
    /// What is wrong.
    pub mistakes: Vec<Mistake>,
}

/// The cubes that are served, registered, and the state of every declaration.
#[derive(Debug, Default)]
pub(super) struct Declared {
    /// The cubes that can be asked.
    pub cubes: Vec<Cube>,
    /// The cubes that are not as declared.
    pub states: Vec<CubeState>,
    /// Every file.
    pub files: Vec<FileState>,
    /// The texts of the cubes that are served, by path.
    pub served: BTreeMap<String, String>,
    /// See [`super::Snapshot::edition`].
    pub edition: u64,
}

/// Registers the cubes of `pinned`, or those of the project folder, in `context`.
pub(super) fn declare(
    pinned: &Pinned,
    edited: Option<&Edited>,
    context: &SessionContext,
    tables: &BTreeMap<String, Arc<dyn TableProvider>>,
    unreadable: &BTreeMap<String, Error>,
) -> Declared {
    let doubtful = pinned.doubtful();
    let (relations, done) = (CubeRelations::new(context, tables), Declared::default());
    let mut declaring = Declaring { pinned, relations, unreadable, doubtful, done };
    let folder = edited.map(|edited| parted(&edited.files));
    let candidates = folder.as_ref().map_or(&pinned.cubes, |(cubes, _)| cubes);
    let read = candidates.iter().map(|(path, text)| (CubeFile::read(path, text), text));
    let (over_cubes, over_facts): (Vec<_>, Vec<_>) =
        read.partition(|(file, _)| file.is_over_cubes());
    // Cubes over cubes come after these, as good or as old as they are.
    for files in [over_facts, over_cubes] {
        let mut wrong = Vec::new();
        for (file, text) in files {
            let file = declaring.compiled(file);
            match declaring.serve(&file) {
                Ok(()) => declaring.served(&file.path, text, Vec::new()),
                Err(mistakes) => wrong.push((file, mistakes)),
            }
        }
        // Only now: another file may declare anew what a wrong one declared before.
        for (file, mistakes) in wrong {
            declaring.fall_back(&file, mistakes, edited);
        }
    }
    declaring.other_files(folder.as_ref().map(|(_, others)| others));
    let mut done = declaring.finish();
    if edited.is_some() {
        done.edition = edition_of(&done, pinned);
    }
    done
}

struct Declaring<'a> {
    pinned: &'a Pinned,
    relations: CubeRelations<'a>,
    unreadable: &'a BTreeMap<String, Error>,
    doubtful: BTreeMap<&'a str, String>,
    /// What is registered already, for cubes over cubes.
    done: Declared,
}

impl Declaring<'_> {
    fn compiled(&self, file: CubeFile) -> CubeFile {
        file.compile(&self.pinned.project.star, &self.done.cubes)
    }

    /// Registers the cube of `file`, or says what is wrong with it.
    fn serve(&mut self, file: &CubeFile) -> Result<(), Vec<Mistake>> {
        let at = |measure: Option<&str>, message: String| {
            let place = file.place(measure).map(|span| (span.line, span.column));
            vec![Mistake { place, message }]
        };
        let Some(cube) = &file.cube else { return Err(mistakes_of(&file.mistakes)) };
        if self.done.cubes.iter().any(|other| other.name == cube.name) {
            return Err(at(None, format!("cube `{}` is declared twice", cube.name)));
        }
        for table in cube.tables() {
            if let Some(mistake) = self.doubtful.get(table) {
                return Err(at(None, format!("`{table}` is declared wrongly: {mistake}")));
            }
            if let Some(error) = self.unreadable.get(table) {
                return Err(at(None, format!("`{table}` cannot be read: {error}")));
            }
        }
        if let Err(error) = self.relations.add(cube) {
            let message = error.to_string();
            if let Some((span, said)) = file.weight_in(&message) {
                let place = Some((span.line, span.column));
                return Err(vec![Mistake { place, message: said.to_owned() }]);
            }
            let named = |name: &&str| message.starts_with(&format!("measure `{name}` of cube"));
            let measure = cube.measures.iter().map(|measure| measure.name.as_str()).find(named);
            return Err(at(measure, message.clone()));
        }
        self.done.cubes.push(cube.clone());
        Ok(())
    }

    /// Notes that `text` is what is served of the file `path`.
    fn served(&mut self, path: &str, text: &str, mistakes: Vec<Mistake>) {
        let is_pinned = self.pinned.cubes.get(path).is_some_and(|pinned| pinned == text);
        self.done.served.insert(path.to_owned(), text.to_owned());
        self.done.files.push(FileState {
            path: path.to_owned(),
            origin: Some(if is_pinned { "epoch" } else { "project" }),
            state: if mistakes.is_empty() { "ok" } else { "wrong" },
            mistakes,
        });
    }

    /// Serves what was served before of a file that is wrong now; else its cube says what is wrong.
    fn fall_back(&mut self, file: &CubeFile, mistakes: Vec<Mistake>, edited: Option<&Edited>) {
        let summary = summary(&file.path, &mistakes);
        if let Some(edited) = edited {
            let before = [edited.good.get(&file.path), self.pinned.cubes.get(&file.path)];
            for text in before.into_iter().flatten() {
                let old = self.compiled(CubeFile::read(&file.path, text));
                if self.serve(&old).is_ok() {
                    let state = format!("the declaration before this mistake is served: {summary}");
                    self.done.states.push(CubeState { cube: old.name, state });
                    self.served(&file.path, text, mistakes);
                    return;
                }
            }
        }
        self.done.files.push(FileState {
            path: file.path.clone(),
            origin: None,
            state: "wrong",
            mistakes,
        });
        // The name may be taken by the cube that declared it first.
        if self.done.cubes.iter().all(|cube| cube.name != file.name) {
            self.done.states.push(CubeState { cube: file.name.clone(), state: summary });
        }
    }

    /// Notes the state of files that declare no cube; a change of one needs a load.
    fn other_files(&mut self, folder: Option<&BTreeMap<String, String>>) {
        let pinned = &self.pinned.others;
        let paths: BTreeSet<&String> =
            pinned.keys().chain(folder.into_iter().flat_map(BTreeMap::keys)).collect();
        for path in paths {
            let of_file = |mistake: &&Diagnostic| mistake.span.file.path == *path;
            let mistakes: Vec<Mistake> =
                self.pinned.mistakes.sorted().into_iter().filter(of_file).map(mistake_of).collect();
            let is_changed = folder.is_some_and(|folder| folder.get(path) != pinned.get(path));
            self.done.files.push(FileState {
                path: path.clone(),
                origin: pinned.contains_key(path).then_some("epoch"),
                state: match (is_changed, mistakes.is_empty()) {
                    (true, _) => "needs a load",
                    (false, true) => "ok",
                    (false, false) => "wrong",
                },
                mistakes,
            });
        }
    }

    fn finish(mut self) -> Declared {
        self.done.files.sort_by(|a, b| a.path.cmp(&b.path));
        self.done.states.sort_by(|a, b| a.cube.cmp(&b.cube));
        self.done
    }
}

/// A hash of what is served beside what the epoch pins, and of what is wrong; 0 when that is nothing.
fn edition_of(declared: &Declared, pinned: &Pinned) -> u64 {
    let complaints: Vec<String> = declared.files.iter().flat_map(FileState::complaints).collect();
    if declared.served == pinned.cubes && complaints.is_empty() {
        return 0;
    }
    let mut hash = Sha256::new();
    let served = declared.served.iter().flat_map(|(path, text)| [path, text]);
    for part in served.chain(&complaints) {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part.as_bytes());
    }
    let bytes = hash.finalize();
    let start = bytes.iter().take(8).fold(0, |number, byte| number << 8 | u64::from(*byte));
    start.max(1)
}

fn mistake_of(diagnostic: &Diagnostic) -> Mistake {
    let help = diagnostic.help.as_ref().map(|help| format!("; {help}")).unwrap_or_default();
    Mistake {
        place: Some((diagnostic.span.line, diagnostic.span.column)),
        message: format!("{}{help}", diagnostic.message),
    }
}

fn mistakes_of(diagnostics: &Diagnostics) -> Vec<Mistake> {
    diagnostics.sorted().into_iter().map(mistake_of).collect()
}

impl Mistake {
    /// `file:line:column: message`
    fn line(&self, path: &str) -> String {
        match self.place {
            Some((line, column)) => format!("{path}:{line}:{column}: {}", self.message),
            None => format!("{path}: {}", self.message),
        }
    }
}

/// The first mistake, and how many more there are.
fn summary(path: &str, mistakes: &[Mistake]) -> String {
    let first = mistakes.first().map_or_else(|| path.to_owned(), |mistake| mistake.line(path));
    match mistakes.len() {
        0 | 1 => first,
        all => format!("{first} (and {} more in system.declarations)", all - 1),
    }
}

impl FileState {
    /// What a person who runs the server should know of it, a line each.
    pub(super) fn complaints(&self) -> Vec<String> {
        if self.state == "needs a load" {
            let path = &self.path;
            return vec![format!(
                "{path} is not as it was loaded; run `starling load` to serve it"
            )];
        }
        let served = match self.origin {
            Some(_) => "the declaration before it keeps serving",
            None => "the cube is not served",
        };
        self.mistakes.iter().map(|m| format!("{}; {served}", m.line(&self.path))).collect()
    }
}
