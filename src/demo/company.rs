//! From a seed to files.

use super::csv::{self, CONTINENTAL, PLAIN};
use super::dirt::Dirt;
use super::ledger::sales;
use super::model::Model;
use super::scale::Scale;
use super::table::{Source, Table};
use super::{contacted, funnel, goods, owed};
use super::{json, matching, readme, sql, totals, truth};
use crate::error::Result;

/// One generated file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DemoFile {
    /// Where it goes, relative to the output folder, with `/` between folders.
    pub path: String,
    /// Its bytes.
    pub content: Vec<u8>,
}

impl DemoFile {
    fn new(path: impl Into<String>, text: String) -> Self {
        Self { path: path.into(), content: text.into_bytes() }
    }
}

/// The files of the demo company: sources with planted defects, the truth, and a README.
///
/// The same seed and scale give the same bytes.
/// Scale 1 is about 1.8 MB; transactions grow with the scale, master data with its root.
/// A scale of 0 is taken as 1.
///
/// # Errors
/// A broken invariant of the generator.
pub fn generate(seed: u64, scale: u32) -> Result<Vec<DemoFile>> {
    let scale = scale.max(1);
    let model = Model::new(seed, Scale::new(scale));
    let dirt = Dirt::new(seed, model.tables());
    let sales = sales(&model, &dirt)?;
    let mut pages = truth::pages(&model, &dirt, &sales)?;
    for pages_of in [owed::pages, goods::pages, funnel::pages, contacted::pages] {
        pages.extend(pages_of(&model, &dirt)?);
    }
    pages.extend(matching::pages(&model, &sales));
    let subject = totals::Subject { model: &model, dirt: &dirt, sales: &sales };
    pages.push(totals::page(subject, seed, scale)?);

    let mut files = source_files(&dirt);
    files.extend(pages.into_iter().map(|(path, text)| DemoFile::new(path, text)));
    files.push(DemoFile::new("README.md", readme::render(&dirt, seed, scale)));
    Ok(files)
}

fn source_files(dirt: &Dirt) -> Vec<DemoFile> {
    let mut files: Vec<DemoFile> = dirt
        .of(Source::Erp)
        .map(|dirty| {
            let name = dirty.table.shape.name;
            let dialect = if name == "payment" { CONTINENTAL } else { PLAIN };
            DemoFile::new(format!("erp/{name}.csv"), csv::render(&dirty.table, dialect))
        })
        .collect();
    let crm: Vec<&Table> = dirt.of(Source::Crm).map(|dirty| &dirty.table).collect();
    files.push(DemoFile::new("crm.sql", sql::render(&crm)));
    files.extend(dirt.of(Source::Survey).map(|dirty| {
        let path = format!("crm/{}.ndjson", dirty.table.shape.name);
        DemoFile::new(path, json::render_lines(&dirty.table))
    }));
    files
}
