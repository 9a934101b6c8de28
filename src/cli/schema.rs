//! `starling schema`: what declarations may say, for editors.

use std::path::Path;

use serde_json::Value;

use super::args::{SchemaKind, SchemaOptions};
use super::{say, write_file, write_out};
use crate::declare::Shape;
use crate::error::Result;
use crate::{check, cube, project};

/// A kind of file, the name of its schema, and what is in it.
type Kind = (SchemaKind, &'static str, fn() -> Shape);

const KINDS: [Kind; 6] = [
    (SchemaKind::Project, "project", project::project_shape),
    (SchemaKind::Sources, "sources", project::sources_shape),
    (SchemaKind::Dimension, "dimension", project::dimension_shape),
    (SchemaKind::Fact, "fact", project::fact_shape),
    (SchemaKind::Cube, "cube", cube::shape),
    (SchemaKind::Checks, "checks", check::shape),
];

/// Where the demo project keeps its schemas, relative to it.
pub(super) const FOLDER: &str = "docs/schema";

pub(super) fn run(options: &SchemaOptions) -> Result<()> {
    let wanted = |kind: SchemaKind| options.kind.is_none_or(|one| one == kind);
    match (&options.out, options.kind) {
        (Some(folder), _) => {
            let files = files(wanted);
            write(folder, &files)?;
            say(&format!("{} schemas written to {}", files.len(), folder.display()));
            Ok(())
        }
        (None, Some(_)) => {
            let texts: String = files(wanted).into_iter().map(|(_, text)| text).collect();
            write_out(&texts)
        }
        (None, None) => {
            let names: Vec<&str> = KINDS.iter().map(|(_, name, _)| *name).collect();
            say("name a kind to print its schema, or give a folder with --out");
            write_out(&format!("{}\n", names.join("\n")))
        }
    }
}

/// Writes every schema below `folder`, where the demo project looks for them.
pub(super) fn write_all(folder: &Path) -> Result<()> {
    write(&folder.join(FOLDER), &files(|_| true))
}

fn write(folder: &Path, files: &[(String, String)]) -> Result<()> {
    files.iter().try_for_each(|(name, text)| write_file(&folder.join(name), text.as_bytes()))
}

/// Name and text of each schema.
fn files(wanted: impl Fn(SchemaKind) -> bool) -> Vec<(String, String)> {
    let kinds = KINDS.iter().filter(|(kind, _, _)| wanted(*kind));
    let file = |(_, name, shape): &Kind| {
        let schema: Value = shape().into_file(&format!("Starling: {name}"));
        (format!("{name}.json"), format!("{schema:#}\n"))
    };
    kinds.map(file).collect()
}
