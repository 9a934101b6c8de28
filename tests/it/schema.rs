//! The JSON Schemas say what the reader of declarations does.
//!
//! `tests/schema` is a project with every key there is. The reader is asked what it knows by putting
//! a key of nobody's into every mapping: its message lists the keys that could have been meant.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use serde_json::{Value, json};

use crate::docs;
use crate::support::{Project, python, repository};

/// Where the shape of each kind of file is written down, and the files of `tests/schema` of that kind.
const KINDS: [(&str, &str, &[&str]); 6] = [
    ("project", "src/project/shape.rs", &["starling.yaml"]),
    ("sources", "src/project/shape.rs", &["etl/sources.yaml"]),
    ("dimension", "src/project/shape.rs", &["etl/customer.yaml"]),
    ("fact", "src/project/shape.rs", &["etl/sales.yaml"]),
    ("cube", "src/cube/shape.rs", &["cubes/sales.yaml", "cubes/company.yaml", "cubes/links.yaml"]),
    ("checks", "src/check/shape.rs", &["checks/sales.yaml"]),
];

/// What a reader says of the shape of a file: an unknown key, a missing one, a value of a wrong kind.
const SHAPE_CODES: [&str; 3] = ["SD002", "SD003", "SD004"];

fn schema_folder() -> PathBuf {
    repository().join("docs/schema")
}

fn schema(kind: &str) -> Value {
    let text = std::fs::read_to_string(schema_folder().join(format!("{kind}.json"))).unwrap();
    serde_json::from_str(&text).unwrap()
}

fn document(text: &str) -> Value {
    serde_yaml::from_str(text).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

/// Every file of `tests/schema` and the position of its kind.
fn samples() -> impl Iterator<Item = (usize, &'static str)> {
    KINDS.iter().enumerate().flat_map(|(at, (_, _, files))| files.iter().map(move |f| (at, *f)))
}

fn everything(file: &str) -> Value {
    document(&std::fs::read_to_string(repository().join("tests/schema").join(file)).unwrap())
}

/// What a file is, as the reader decides it; nothing for a fragment.
fn kind_of(path: &str, document: &Value) -> Option<&'static str> {
    let has = |key: &str| document.get(key).is_some();
    Some(match path {
        "starling.yaml" => "project",
        _ if has("checks") => "checks",
        _ if has("cube") => "cube",
        _ if has("dimension") => "dimension",
        _ if has("fact") => "fact",
        _ if has("sources") || has("codes") => "sources",
        _ => return None,
    })
}

#[test]
fn the_committed_schemas_are_those_of_the_program() {
    let project = Project::empty();
    project.run(&["schema", "--out", project.path().join("s").to_str().unwrap()]).ok();
    let mut names = BTreeSet::new();
    for entry in std::fs::read_dir(project.path().join("s")).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let read =
            |folder: PathBuf| std::fs::read_to_string(folder.join(&name)).unwrap_or_default();
        let (ours, committed) = (read(project.path().join("s")), read(schema_folder()));
        assert!(
            ours == committed,
            "run `starling schema --out docs/schema`: {name} is out of date"
        );
        names.insert(name);
    }
    let committed = std::fs::read_dir(schema_folder()).unwrap();
    let committed = committed.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    assert_eq!(names, committed.collect());
    // One kind alone is printed, and without a kind they are listed.
    let printed = project.run(&["schema", "cube"]).ok();
    assert_eq!(serde_json::from_str::<Value>(&printed).unwrap(), schema("cube"));
    assert_eq!(project.run(&["schema"]).ok().lines().count(), names.len());
    assert_eq!(project.run(&["schema", "cuve"]).code, Some(2));
}

/// A mapping of a document and the part of the schema that it is held to.
struct Mapping<'a> {
    /// Keys and positions that lead to it.
    path: Vec<String>,
    schema: &'a Value,
    /// The same for all mappings that are held to one part of the schema.
    place: String,
    keys: BTreeSet<String>,
}

/// Every mapping with fixed keys in `document`.
fn mappings<'a>(
    document: &Value,
    schema: &'a Value,
    path: &[String],
    place: &str,
    found: &mut Vec<Mapping<'a>>,
) {
    let step = |key: &str| -> Vec<String> {
        path.iter().cloned().chain(std::iter::once(key.to_owned())).collect()
    };
    match document {
        Value::Object(entries) => {
            if schema.get("properties").is_some() {
                let keys = entries.keys().cloned().collect();
                let (path, place) = (path.to_vec(), place.to_owned());
                found.push(Mapping { path, schema, place, keys });
            }
            for (key, value) in entries {
                if let Some((inner, name)) = schema_of(schema, entries, key) {
                    mappings(value, inner, &step(key), &format!("{place}/{name}"), found);
                }
            }
        }
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                let Some(inner) = schema.get("items") else { continue };
                mappings(item, inner, &step(&index.to_string()), &format!("{place}/-"), found);
            }
        }
        _ => {}
    }
}

/// The part of `schema` for the key of a mapping, and a name for it.
fn schema_of<'a>(
    schema: &'a Value,
    entries: &serde_json::Map<String, Value>,
    key: &str,
) -> Option<(&'a Value, String)> {
    for rule in schema["allOf"].as_array().into_iter().flatten() {
        let present = rule["if"]["required"][0].as_str().unwrap();
        // A rule may also only ask for something to be there.
        if let Some(inner) = rule["then"]["properties"].get(key)
            && inner.get("type").is_some()
            && entries.contains_key(present)
        {
            return Some((inner, format!("{key} of {present}")));
        }
    }
    if let Some(inner) = schema["properties"].get(key) {
        return Some((inner, key.to_owned()));
    }
    schema
        .get("additionalProperties")
        .filter(|inner| inner.is_object())
        .map(|s| (s, "*".to_owned()))
}

/// The value in `document` that `path` leads to.
fn at<'a>(document: &'a mut Value, path: &[String]) -> &'a mut Value {
    path.iter().fold(document, |value, key| match value {
        Value::Array(items) => &mut items[key.parse::<usize>().unwrap()],
        other => &mut other[key],
    })
}

/// Every part of `schema` that has fixed keys, and these keys.
fn fixed_keys(schema: &Value, place: &str, found: &mut BTreeMap<String, BTreeSet<String>>) {
    if let Some(keys) = schema.get("properties").and_then(Value::as_object) {
        found.insert(place.to_owned(), keys.keys().cloned().collect());
        for (key, inner) in keys {
            fixed_keys(inner, &format!("{place}/{key}"), found);
        }
    }
    for rule in schema["allOf"].as_array().into_iter().flatten() {
        let present = rule["if"]["required"][0].as_str().unwrap();
        for (key, inner) in rule["then"]["properties"].as_object().into_iter().flatten() {
            fixed_keys(inner, &format!("{place}/{key} of {present}"), found);
        }
    }
    if schema["additionalProperties"].is_object() {
        fixed_keys(&schema["additionalProperties"], &format!("{place}/*"), found);
    }
    if schema["items"].is_object() {
        fixed_keys(&schema["items"], &format!("{place}/-"), found);
    }
}

#[test]
fn the_reader_and_the_schemas_know_the_same_keys() {
    let project = Project::empty();
    let schemas: Vec<Value> = KINDS.iter().map(|(kind, _, _)| schema(kind)).collect();
    // By number of the probe: kind and place.
    let mut probes: Vec<(usize, String)> = Vec::new();
    let mut used: BTreeMap<(usize, String), BTreeSet<String>> = BTreeMap::new();
    for (number, file) in samples() {
        let mut document = everything(file);
        let mut found = Vec::new();
        mappings(&document, &schemas[number], &[], "", &mut found);
        for Mapping { path, schema, place, keys } in found {
            let probe = format!("zzzzzz_{}", probes.len());
            at(&mut document, &path)[&probe] = Value::Null;
            assert_eq!(schema["additionalProperties"], json!(false), "{file} {place}");
            used.entry((number, place.clone())).or_default().extend(keys);
            probes.push((number, place));
        }
        project.write(file, &format!("{document:#}"));
    }
    let message = project.run(&["validate"]).fails();
    let mut known: BTreeMap<(usize, String), BTreeSet<String>> = BTreeMap::new();
    for part in message.split("\nerror[SD002]: ").skip(1) {
        let probe = part.strip_prefix("unknown key `zzzzzz_").and_then(|rest| rest.split_once('`'));
        let Some((number, rest)) = probe else {
            panic!("tests/schema has a key that the reader does not know: {part}");
        };
        let list = rest.split("= help: there is: ").nth(1).and_then(|help| help.lines().next());
        let list = list.unwrap_or_else(|| panic!("{part}"));
        let place = probes[number.parse::<usize>().unwrap()].clone();
        known.entry(place).or_default().extend(list.split(", ").map(str::to_owned));
    }
    let mut wrong = Vec::new();
    for (number, (kind, shape, files)) in KINDS.iter().enumerate() {
        let file = files[0];
        let mut keys = BTreeMap::new();
        fixed_keys(&schemas[number], "", &mut keys);
        for (place, in_schema) in keys {
            let at = (number, place.clone());
            let empty = BTreeSet::new();
            let in_file = used.get(&at).unwrap_or(&empty);
            let by_reader = known.get(&at).unwrap_or(&empty);
            for key in in_schema.difference(in_file) {
                wrong
                    .push(format!("tests/schema/{file} shows no `{key}` at {place}: add it there"));
            }
            for key in by_reader.difference(&in_schema) {
                wrong.push(format!(
                    "the reader knows `{key}` at {place} of a {kind} file, its schema does not: add \
                     `.may(\"{key}\", …)` in {shape}, an example in tests/schema/{file}, and run \
                     `starling schema --out docs/schema`"
                ));
            }
            // What no example shows has been told above.
            let shown = in_schema.intersection(in_file).filter(|key| !by_reader.contains(*key));
            for key in shown {
                wrong.push(format!(
                    "the schema of a {kind} file has `{key}` at {place}, which the reader does not \
                     know: remove it in {shape}"
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(probes.len() > 40, "{}", probes.len());
}

/// Paths to the values in `document` that are one of a list, and the list.
fn choices(
    document: &Value,
    schema: &Value,
    path: &[String],
    found: &mut Vec<(Vec<String>, Value)>,
) {
    let step = |key: &str| -> Vec<String> {
        path.iter().cloned().chain(std::iter::once(key.to_owned())).collect()
    };
    if let Some(list) = schema.get("enum") {
        found.push((path.to_vec(), list.clone()));
    }
    match document {
        Value::Object(entries) => {
            for (key, value) in entries {
                if let Some((inner, _)) = schema_of(schema, entries, key) {
                    choices(value, inner, &step(key), found);
                }
            }
        }
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                choices(item, &schema["items"], &step(&index.to_string()), found);
            }
        }
        _ => {}
    }
}

#[test]
fn the_reader_and_the_schemas_know_the_same_choices() {
    let project = Project::empty();
    samples().for_each(|(_, file)| project.write(file, &everything(file).to_string()));
    let mut count = 0;
    for (at_kind, file) in samples() {
        let (schema, document) = (schema(KINDS[at_kind].0), everything(file));
        let mut found = Vec::new();
        choices(&document, &schema, &[], &mut found);
        for (path, list) in found {
            let mut mutant = document.clone();
            *at(&mut mutant, &path) = "zzzzzzzzzzzz".into();
            project.write(file, &mutant.to_string());
            let message = project.run(&["validate"]).fails();
            let place = format!("{file} {}", path.join("/"));
            let said = message.split("error[").find(|part| part.contains("`zzzzzzzzzzzz`"));
            let said = said.unwrap_or_else(|| panic!("{place} may be anything:\n{message}"));
            let known =
                said.split("` must be ").nth(1).or(said.split("there is: ").nth(1)).unwrap();
            let known = known.lines().next().unwrap().replace(" or ", ", ");
            let known: BTreeSet<&str> = known.split(", ").collect();
            let list = list.as_array().unwrap().iter();
            let list: BTreeSet<&str> = list.map(|value| value.as_str().unwrap()).collect();
            assert_eq!(known, list, "the reader and the schema at {place}");
            count += 1;
        }
        project.write(file, &document.to_string());
    }
    assert!(count > 7, "{count}");
}

/// A document and the kind it is held to.
fn case(name: &str, kind: &str, document: &Value) -> Value {
    json!({ "name": name, "kind": kind, "document": document })
}

/// What an independent validator finds wrong, by name of the case.
fn invalid(cases: &[Value]) -> BTreeMap<String, Vec<String>> {
    let work = tempfile::tempdir().unwrap();
    let file = work.path().join("cases.json");
    std::fs::write(&file, Value::from(cases).to_string()).unwrap();
    let (schemas, file) = (schema_folder(), file.to_str().unwrap());
    let out = python("schema.py", &[schemas.to_str().unwrap(), file]);
    serde_json::from_str(&out).unwrap()
}

/// Every YAML file of a project in this repository, by path.
fn yaml_files(folder: &str) -> Vec<(String, String)> {
    let root = repository().join(folder);
    let patterns = ["starling.yaml", "etl/**/*.yaml", "cubes/**/*.yaml", "checks/**/*.yaml"];
    let found = patterns.iter().flat_map(|pattern| {
        glob::glob(root.join(pattern).to_str().unwrap()).unwrap().map(Result::unwrap)
    });
    found
        .map(|path| {
            let name = path.strip_prefix(repository()).unwrap().to_str().unwrap().to_owned();
            (name, std::fs::read_to_string(path).unwrap())
        })
        .collect()
}

#[test]
fn every_declaration_of_the_repository_and_its_documents_is_valid() {
    let mut cases = Vec::new();
    for folder in ["", "examples/online-retail", "tests/schema"] {
        let files = yaml_files(folder);
        assert!(files.len() > 4, "{folder}");
        for (name, text) in files {
            let document = document(&text);
            let own = name.strip_prefix(folder).unwrap_or(&name).trim_start_matches('/').to_owned();
            cases.push(case(&name, kind_of(&own, &document).unwrap(), &document));
        }
    }
    for (name, text) in docs::yaml_files() {
        let document = document(&text);
        let own = name.rsplit(": ").next().unwrap().to_owned();
        cases.push(case(&name, kind_of(&own, &document).unwrap(), &document));
    }
    let wrong = invalid(&cases);
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(cases.len() > 70, "{}", cases.len());
}

#[test]
fn declarations_name_their_schema_for_editors() {
    for folder in ["", "examples/online-retail", "tests/schema"] {
        for (name, text) in yaml_files(folder) {
            let own = name.strip_prefix(folder).unwrap_or(&name).trim_start_matches('/').to_owned();
            let kind = kind_of(&own, &document(&text)).unwrap();
            let up = "../".repeat(name.matches('/').count());
            let line = format!("# yaml-language-server: $schema={up}docs/schema/{kind}.json");
            assert_eq!(text.lines().next(), Some(line.as_str()), "the first line of {name}");
        }
    }
}

/// Values of every kind, to put where another is expected.
fn others() -> [Value; 7] {
    [json!(7), json!(true), json!("zz"), json!([]), json!({}), json!(["zz"]), json!({"zz": "zz"})]
}

/// Paths to every value in `document`.
fn paths(document: &Value, path: &[String], found: &mut Vec<Vec<String>>) {
    let inner: Vec<(String, &Value)> = match document {
        Value::Object(entries) => entries.iter().map(|(key, value)| (key.clone(), value)).collect(),
        Value::Array(items) => {
            items.iter().enumerate().map(|(index, value)| (index.to_string(), value)).collect()
        }
        _ => return,
    };
    for (key, value) in inner {
        let path: Vec<String> = path.iter().cloned().chain(std::iter::once(key)).collect();
        paths(value, &path, found);
        found.push(path);
    }
}

/// `document` with one value replaced or left out, in every way.
fn mutants(document: &Value) -> Vec<(String, Value)> {
    let mut all = Vec::new();
    let mut found = Vec::new();
    paths(document, &[], &mut found);
    for path in found {
        for other in others() {
            let mut mutant = document.clone();
            *at(&mut mutant, &path) = other.clone();
            all.push((format!("{} = {other}", path.join("/")), mutant));
        }
        let mut mutant = document.clone();
        let (last, parent) = path.split_last().unwrap();
        match at(&mut mutant, parent) {
            Value::Object(entries) => drop(entries.remove(last)),
            _ => continue,
        }
        all.push((format!("{} left out", path.join("/")), mutant));
    }
    all
}

/// The codes of all mistakes, by file.
fn codes(message: &str) -> BTreeMap<String, BTreeSet<String>> {
    let mut codes: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for part in message.split("error[").skip(1) {
        let code = part.get(..5).unwrap_or_default();
        let Some(place) = part.split("--> ").nth(1) else { continue };
        let file = place.split(':').next().unwrap();
        codes.entry(file.to_owned()).or_default().insert(code.to_owned());
    }
    codes
}

#[test]
fn the_reader_and_an_independent_validator_agree_on_every_mutant() {
    let mut cases = Vec::new();
    let mut said: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let project = Project::empty();
    project.write("starling.yaml", "name: mutants\n");
    for (at_kind, file) in samples() {
        let kind = KINDS[at_kind].0;
        for (number, (what, mutant)) in mutants(&everything(file)).into_iter().enumerate() {
            if kind_of(file, &mutant) != Some(kind) {
                continue;
            }
            let name = format!("{file} {number}: {what}");
            cases.push(case(&name, kind, &mutant));
            // There is one starling.yaml in a project, and any number of other files.
            if kind == "project" {
                let alone = Project::empty();
                alone.write(file, &mutant.to_string());
                let run = alone.run(&["validate"]);
                let of_file = codes(&run.err).remove(file).unwrap_or_default();
                said.insert(name, of_file);
                continue;
            }
            let folder = file.split('/').next().unwrap();
            let stem = file.split(['/', '.']).nth(1).unwrap();
            let path = format!("{folder}/{kind}-{stem}-{number}.yaml");
            project.write(&path, &format!("{mutant:#}"));
            said.insert(name, BTreeSet::from([path]));
        }
    }
    let by_file = codes(&project.run(&["validate"]).fails());
    let invalid = invalid(&cases);
    let mut wrong = Vec::new();
    for case in &cases {
        let name = case["name"].as_str().unwrap();
        let mut codes = said[name].clone();
        if let Some(file) = codes.iter().find(|code| code.ends_with(".yaml")) {
            codes = by_file.get(file).cloned().unwrap_or_default();
        }
        let misshapen = codes.iter().any(|code| SHAPE_CODES.contains(&code.as_str()));
        let refused =
            misshapen || codes.iter().any(|code| ["SD001", "SD005"].contains(&code.as_str()));
        match invalid.get(name) {
            Some(errors) if !refused => {
                wrong.push(format!("{name}: only the schema refuses it: {errors:?}"));
            }
            None if misshapen => {
                wrong.push(format!("{name}: only the reader refuses it: {codes:?}"));
            }
            _ => {}
        }
    }
    let some: Vec<&String> = wrong.iter().take(10).collect();
    assert!(wrong.is_empty(), "{} of {}: {some:#?}", wrong.len(), cases.len());
    assert!(cases.len() > 1000 && invalid.len() > 300, "{} {}", cases.len(), invalid.len());
}
