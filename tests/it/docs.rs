//! What the documents say works.
//!
//! Each document is a project of its own. Its fences are, by the word after the backquotes:
//!
//! - `yaml` with a first line `# path`, or any other language with a path behind it: that file of
//!   the project. Without one a fence is a fragment, not a file.
//! - `console`: lines `$ starling …` are run in the project's folder, as a shell would, and must end
//!   with exit code 0. Lines that follow must be its stdout, where `…` alone stands for any rest.
//! - `sql` with `postgres:NAME` or `mysql:NAME` behind it: run in a database of a real server, whose URL
//!   the commands find in the environment variable `NAME`.
//! - anything else is for people only.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use crate::servers::{Database, mariadb, postgres};
use crate::support::{Project, Run, binary, repository};

/// Commands that fetch, build or test this program, or move about: no claim of the program is in them.
const OTHERS: [&str; 7] = ["bench/run", "cargo", "cd", "git", "pip", "python", "scripts/test"];
/// Commands of ours that run until they are stopped: only that their line parses is checked.
const ENDLESS: [&str; 2] = ["serve", "demo"];
/// The commands there are, to tell them from options before them.
const COMMANDS: [&str; 12] = [
    "validate", "plan", "load", "read", "sql", "query", "members", "test", "docs", "schema",
    "serve", "demo",
];

#[test]
fn every_document_holds() {
    let documents = documents();
    assert!(documents.len() > 3, "{documents:?}");
    for path in documents {
        let name = path.strip_prefix(repository()).unwrap().display().to_string();
        check(&name, &fs::read_to_string(&path).unwrap());
    }
}

/// README.md and everything in docs/.
fn documents() -> Vec<PathBuf> {
    let folder = fs::read_dir(repository().join("docs")).unwrap();
    let docs = folder.map(|entry| entry.unwrap().path());
    let mut documents: Vec<PathBuf> =
        docs.filter(|path| path.extension().is_some_and(|extension| extension == "md")).collect();
    documents.push(repository().join("README.md"));
    documents.sort();
    documents
}

/// Every YAML file in a document, as `document:line: path`, and its text.
pub fn yaml_files() -> Vec<(String, String)> {
    let mut files = Vec::new();
    for path in documents() {
        let name = path.strip_prefix(repository()).unwrap().display().to_string();
        let text = fs::read_to_string(&path).unwrap();
        for fence in fences(&name, &text).iter().filter(|fence| fence.language == "yaml") {
            let file = fence.file().map(|(path, text)| (format!("{}: {path}", fence.place), text));
            files.extend(file);
        }
    }
    files
}

fn check(name: &str, text: &str) {
    let project = Project::empty();
    let fences = fences(name, text);
    let databases: Vec<(&str, Database)> = fences.iter().filter_map(Fence::database).collect();
    for fence in &fences {
        if let Some((path, content)) = fence.file() {
            assert!(!project.path().join(path).exists(), "{}: `{path}` again", fence.place);
            project.write(path, &content);
        }
    }
    for step in fences.iter().filter(|fence| fence.language == "console").flat_map(Fence::steps) {
        step.check(&project, &databases);
    }
}

/// A fenced block.
struct Fence<'a> {
    /// Document and line.
    place: String,
    language: &'a str,
    path: Option<&'a str>,
    lines: Vec<&'a str>,
}

fn fences<'a>(name: &str, text: &'a str) -> Vec<Fence<'a>> {
    let mut fences = Vec::new();
    let mut lines = text.lines().zip(1..);
    while let Some((line, number)) = lines.next() {
        let Some(info) = line.strip_prefix("```") else { continue };
        let mut words = info.split(' ');
        let (language, path) = (words.next().unwrap_or_default(), words.next());
        let inside = lines.by_ref().map(|(line, _)| line).take_while(|line| *line != "```");
        let place = format!("{name}:{number}");
        fences.push(Fence { place, language, path, lines: inside.collect() });
    }
    fences
}

impl Fence<'_> {
    /// The file it is, and what is in it.
    fn file(&self) -> Option<(&str, String)> {
        if !["yaml", "csv", "json", "sql"].contains(&self.language) {
            return None;
        }
        let path = match self.language {
            "yaml" => self.lines.first()?.strip_prefix("# ")?,
            _ => self.path?,
        };
        if path.contains(' ') || !path.contains('.') {
            return None;
        }
        Some((path, self.lines.iter().map(|line| format!("{line}\n")).collect()))
    }

    /// The database that it is a script for, and the variable for its URL.
    fn database(&self) -> Option<(&str, Database)> {
        let (kind, variable) = self.path.filter(|_| self.language == "sql")?.split_once(':')?;
        let database = if kind == "postgres" { postgres() } else { mariadb() };
        database.sql(&self.lines.join("\n"));
        Some((variable, database))
    }

    /// The commands in it, each with the output that is shown for it.
    fn steps(&self) -> Vec<Step> {
        let mut steps: Vec<Step> = Vec::new();
        for line in &self.lines {
            if let Some(command) = line.strip_prefix("$ ") {
                let (place, command) = (self.place.clone(), command.to_owned());
                steps.push(Step { place, command, shown: Vec::new() });
                continue;
            }
            let Some(step) = steps.last_mut() else {
                panic!("{}: output without a command", self.place);
            };
            if step.shown.is_empty() && step.command.ends_with('\\') {
                step.command.push('\n');
                step.command.push_str(line);
            } else {
                step.shown.push((*line).to_owned());
            }
        }
        steps
    }
}

/// A command and the output that is shown for it.
struct Step {
    place: String,
    command: String,
    shown: Vec<String>,
}

impl Step {
    fn check(&self, project: &Project, databases: &[(&str, Database)]) {
        let Self { place, command, shown } = self;
        let words: Vec<&str> = command.split_whitespace().collect();
        if OTHERS.contains(&words[0]) {
            return;
        }
        let arguments = command.strip_prefix("starling ");
        let arguments = arguments.unwrap_or_else(|| panic!("{place}: not ours: {command}"));
        let asked = words.iter().find(|word| COMMANDS.contains(word));
        if asked.is_some_and(|word| ENDLESS.contains(word)) {
            run(project, databases, &format!("{arguments} --help"), place);
            return;
        }
        let out = run(project, databases, arguments, place);
        let mut real = out.lines();
        for line in shown {
            if line == "…" {
                return;
            }
            assert_eq!(Some(line.as_str()), real.next(), "{place}: {command}\n{out}");
        }
        assert!(shown.is_empty() || real.next().is_none(), "{place}: {command}\n{out}");
    }
}

/// Stdout of the program, its arguments read by a shell.
fn run(project: &Project, databases: &[(&str, Database)], arguments: &str, place: &str) -> String {
    let mut shell = Command::new("sh");
    for (variable, database) in databases {
        shell.env(variable, database.secret_url());
    }
    shell.arg("-c").arg(format!("'{}' {arguments}", binary())).current_dir(project.path());
    let run = Run::of(shell.output().unwrap());
    assert_eq!(run.code, Some(0), "{place}: starling {arguments}\n{}\n{}", run.out, run.err);
    run.out
}

#[test]
fn a_wrong_document_is_noticed() {
    let fails = |text: &str| {
        let text = text.to_owned();
        std::panic::catch_unwind(move || check("test.md", &text)).is_err()
    };
    let project = "```yaml\n# starling.yaml\nname: t\n```\n```console\n$ starling load -q\n";
    let select = "$ starling sql \"SELECT 1 AS one, 2 AS two\" --format csv\n";
    assert!(!fails(&format!("{project}{select}one,two\n1,2\n```\n")));
    assert!(!fails(&format!("{project}{select}one,two\n…\n```\n")));
    assert!(fails(&format!("{project}{select}one,two\n1,3\n```\n")), "other output");
    assert!(fails(&format!("{project}{select}one,two\n```\n")), "more output");
    assert!(
        fails(&format!("{project}$ starling sql \"SELECT 1 FROM nothing\"\n```\n")),
        "exit code"
    );
    assert!(fails(&format!("{project}$ starling serve --port 1\n```\n")), "no such option");
}

/// `docs/sources.md` shows the tables that what reads the types makes; `STARLING_WRITE_DOCS=1` writes them.
#[test]
fn the_type_tables_are_those_of_the_readers() {
    let path = repository().join("docs/sources.md");
    let mut text = fs::read_to_string(&path).unwrap();
    for connector in ["postgres", "mysql"] {
        let (start, end) = (format!("<!-- types {connector} -->\n"), "<!-- end -->");
        let from = text.find(&start).unwrap() + start.len();
        let to = from + text[from..].find(end).unwrap();
        let table = starling::source::type_table(connector).unwrap();
        if std::env::var_os("STARLING_WRITE_DOCS").is_some() {
            text.replace_range(from..to, &table);
            fs::write(&path, &text).unwrap();
        } else {
            assert_eq!(text[from..to], table, "run with STARLING_WRITE_DOCS=1 to write it");
        }
    }
}
