//! The shape the code keeps: who may name what.

use std::path::{Path, PathBuf};

use crate::support::repository;

fn sources() -> Vec<(String, String)> {
    let root = repository().join("src");
    let mut files = Vec::new();
    collect(&root, &mut files);
    files
        .into_iter()
        .map(|path| {
            let name = path.strip_prefix(&root).unwrap().to_string_lossy().into_owned();
            (name, std::fs::read_to_string(path).unwrap())
        })
        .collect()
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
}

#[track_caller]
fn only(places: &[&str], names: &[&str]) {
    for (file, text) in sources() {
        let allowed = places.iter().any(|place| file.starts_with(place));
        let code = text.lines().filter(|line| !line.trim_start().starts_with("//"));
        for line in code {
            let found = names.iter().find(|name| line.contains(*name));
            assert!(allowed || found.is_none(), "src/{file} names {found:?}: {line}");
        }
    }
}

#[test]
fn only_the_warehouse_names_deltalake() {
    only(&["warehouse"], &["deltalake::"]);
}

#[test]
fn only_serve_names_tonic() {
    only(&["serve"], &["tonic::", "arrow_flight::"]);
}

#[test]
fn only_one_file_names_the_yaml_library() {
    only(&["declare/yaml.rs"], &["serde_yaml::"]);
}

#[test]
fn only_cli_prints() {
    only(&["cli"], &["println!", "eprintln!", "stdout()", "stderr()", "std::io::stderr"]);
}

#[test]
fn only_config_reads_the_environment() {
    only(&["config.rs"], &["std::env::var"]);
}

/// Each part of the program may use the ones above it in this list, which is that of `lib.rs`.
const ORDER: [&str; 22] = [
    "error",
    "config",
    "clock",
    "declare",
    "star",
    "source",
    "project",
    "translate",
    "integrate",
    "warehouse",
    "cube",
    "model",
    "lineage",
    "session",
    "load",
    "engine",
    "check",
    "plan",
    "dictionary",
    "demo",
    "serve",
    "cli",
];

#[test]
fn modules_use_only_modules_before_them() {
    let place = |name: &str| ORDER.iter().position(|module| *module == name);
    let mut wrong = Vec::new();
    for (file, text) in sources() {
        let own = file.split(['/', '.']).next().unwrap();
        let Some(own_place) = place(own) else { continue };
        for line in text.lines().filter(|line| !line.trim_start().starts_with("//")) {
            for used in line.split("crate::").skip(1) {
                let name: String =
                    used.chars().take_while(|c| c.is_ascii_lowercase() || *c == '_').collect();
                if place(&name).is_some_and(|used| used > own_place) {
                    wrong.push(format!("src/{file}: {}", line.trim()));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
