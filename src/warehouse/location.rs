//! Where a warehouse is: a local folder, as a path or a `file://` URL.

use std::fmt;
use std::path::{Component, Path, PathBuf};

use object_store::path::Path as StorePath;
use url::Url;

use crate::error::{Error, ErrorKind, Result, ResultExt};

/// A local folder that holds a warehouse.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Location {
    folder: PathBuf,
}

impl Location {
    /// Reads a path, relative to `base`, or a `file://` URL. Other schemes are refused.
    pub fn parse(text: &str, base: &Path) -> Result<Self> {
        let folder = match text.split_once("://") {
            None => base.join(text),
            Some(("file", _)) => {
                let url = Url::parse(text)
                    .or_fail(ErrorKind::InvalidInput, || format!("`{text}` is not a URL"))?;
                url.to_file_path().map_err(|()| {
                    Error::invalid_input(format!("`{text}` does not name a local folder"))
                })?
            }
            Some((scheme, _)) => {
                let what = format!(
                    "warehouses at `{scheme}://` are not offered; give a folder or a file:// URL"
                );
                return Err(Error::new(ErrorKind::Unsupported, what));
            }
        };
        let folder = std::path::absolute(&folder)
            .or_fail(ErrorKind::InvalidInput, || format!("`{text}` is not a path"))?;
        let folder = without_dots(&folder);
        if folder.to_string_lossy().contains('%') {
            // The table format keeps paths as URLs, and takes `%` for an escape.
            let what = format!("a warehouse cannot have `%` in its path: `{}`", folder.display());
            return Err(Error::new(ErrorKind::Unsupported, what));
        }
        Ok(Self { folder })
    }

    /// The folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The folder of Starling's own objects.
    pub(super) fn own(&self) -> PathBuf {
        self.folder.join("_starling")
    }

    /// The object of an epoch; names sort as numbers do.
    pub(super) fn epoch(&self, number: u64) -> Result<StorePath> {
        store_path(&self.own().join("epochs").join(format!("{number:020}.json")))
    }

    /// The folder of all epochs.
    pub(super) fn epochs(&self) -> Result<StorePath> {
        store_path(&self.own().join("epochs"))
    }

    /// The folder of a table as a URL.
    pub(super) fn table(&self, name: &str) -> Result<Url> {
        let folder = self.folder.join("tables").join(name);
        Url::from_directory_path(&folder).map_err(|()| {
            Error::invalid_input(format!("`{}` cannot be a table's folder", folder.display()))
        })
    }
}

/// The same folder without `.` and `..`, resolved on disk as far as it exists, since what is above
/// a link is not what is written before it.
fn without_dots(folder: &Path) -> PathBuf {
    let mut resolved = PathBuf::new();
    for part in folder.components() {
        match part {
            Component::ParentDir => {
                resolved.pop();
            }
            Component::CurDir => {}
            other => {
                resolved.push(other);
                if let Ok(real) = std::fs::canonicalize(&resolved) {
                    resolved = real;
                }
            }
        }
    }
    resolved
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.folder.display())
    }
}

fn store_path(path: &Path) -> Result<StorePath> {
    StorePath::from_absolute_path(path)
        .or_fail(ErrorKind::InvalidInput, || format!("`{}` is not a usable path", path.display()))
}
