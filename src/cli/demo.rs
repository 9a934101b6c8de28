//! `starling demo`: the demo company, from nothing to answers.

use std::io::Write;
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::write::GzEncoder;
use include_dir::{Dir, DirEntry, include_dir};

use super::args::{DemoCommand, DemoOptions, GenerateOptions};
use super::{Place, load, say, schema, serve, write_file};
use crate::demo;
use crate::error::{ErrorKind, Result, ResultExt};
use crate::model::Model;
use crate::project::PROJECT_FILE;

static PROJECT: &str = include_str!("../../starling.yaml");
static ETL: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/etl");
static CUBES: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/cubes");
static CHECKS: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/checks");
static FIXTURES: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/fixtures");

/// The file that is packed when it is written, since real extracts come packed.
const PACKED: &str = "fixtures/erp/sales_invoice_item.csv";

pub(super) async fn run(place: &Place, options: &DemoOptions) -> Result<()> {
    if let Some(DemoCommand::Generate(generate)) = &options.command {
        return write_company(generate);
    }
    let home = place.config.cache_folder.join("starling").join("demo");
    let folder = home.join(env!("CARGO_PKG_VERSION"));
    unpack(&folder)?;
    let warehouse = match &place.warehouse {
        Some(given) => given.clone(),
        None => folder.join("warehouse").to_string_lossy().into_owned(),
    };
    let place = Place {
        folder: folder.clone(),
        warehouse: Some(warehouse.clone()),
        config: place.config.clone(),
    };
    let model = Model::read(&place.folder, &place.config.environment)?;
    let store = place.warehouse()?;
    Box::pin(load::load_and_report(&model, &store, false)).await?;
    drop(store);
    say("");
    say("try, in another terminal:");
    let place_flag = format!("--warehouse {warehouse}");
    // As it was called: in a fresh checkout it is on nobody's path.
    let program = std::env::args().next().unwrap_or_else(|| "starling".into());
    say(&format!(
        "  {program} {place_flag} query sales --rows date.year --columns billing_region.country \
         --measures revenue --totals"
    ));
    say(&format!(
        "  {program} {place_flag} sql \"SELECT product_category, AGG(revenue), AGG(margin_pct) \
         FROM cubes.sales GROUP BY product_category ORDER BY 2 DESC\""
    ));
    say(&format!(
        "  {program} {place_flag} sql \"SELECT rule, count(*) FROM system.quarantine GROUP BY rule\""
    ));
    say("");
    Box::pin(serve::run(&place, &options.serve)).await
}

/// Writes what the binary carries to `folder`.
fn unpack(folder: &Path) -> Result<()> {
    write_file(&folder.join(PROJECT_FILE), PROJECT.as_bytes())?;
    let trees = [("etl", &ETL), ("cubes", &CUBES), ("checks", &CHECKS), ("fixtures", &FIXTURES)];
    for (name, tree) in trees {
        unpack_tree(&folder.join(name), tree, name)?;
    }
    // The first line of each declaration names its schema for editors.
    schema::write_all(folder)
}

fn unpack_tree(folder: &Path, tree: &Dir<'_>, name: &str) -> Result<()> {
    for entry in tree.entries() {
        let own_name = entry.path().file_name().unwrap_or_default();
        let path = folder.join(own_name);
        let name = format!("{name}/{}", own_name.to_string_lossy());
        match entry {
            DirEntry::Dir(inner) => unpack_tree(&path, inner, &name)?,
            DirEntry::File(file) if name == PACKED => {
                write_file(
                    &PathBuf::from(format!("{}.gz", path.display())),
                    &packed(file.contents())?,
                )?;
            }
            DirEntry::File(file) => write_file(&path, file.contents())?,
        }
    }
    Ok(())
}

fn packed(content: &[u8]) -> Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder
        .write_all(content)
        .and_then(|()| encoder.finish())
        .or_fail(ErrorKind::Internal, || "packing a file".into())
}

fn write_company(options: &GenerateOptions) -> Result<()> {
    let files = demo::generate(options.seed, options.scale)?;
    for file in &files {
        write_file(&options.out.join(&file.path), &file.content)?;
    }
    say(&format!("{} files written to {}", files.len(), options.out.display()));
    Ok(())
}
