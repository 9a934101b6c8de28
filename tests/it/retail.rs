//! Half a million real invoice lines and a real sales pipeline, against figures computed from the raw
//! files by other means.

use std::path::PathBuf;

use crate::support::{binary, python, repository};

/// The folder of real data, where it exists.
fn data() -> Option<PathBuf> {
    let given = std::env::var_os("STARLING_DATA").map(PathBuf::from);
    let folder = given.unwrap_or_else(|| repository().join("../shared/data"));
    folder.join("online-retail").is_dir().then_some(folder)
}

#[test]
fn online_retail_ties_to_its_raw_files() {
    let Some(data) = data() else {
        println!("skipped: no folder of real data; set STARLING_DATA to one with online-retail");
        return;
    };
    let work = tempfile::tempdir().unwrap();
    let project = repository().join("examples/online-retail");
    let paths = [project.as_path(), data.as_path(), work.path()].map(|p| p.to_str().unwrap());
    python("online_retail.py", &[binary(), paths[0], paths[1], paths[2]]);
}
