//! A folder that goes away again.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use crate::error::{ErrorKind, Result, ResultExt};

static MADE: AtomicU64 = AtomicU64::new(0);

/// A new folder, removed with all that is in it when this is dropped.
#[derive(Debug)]
pub(super) struct TemporaryFolder {
    path: PathBuf,
}

impl TemporaryFolder {
    pub(super) fn new() -> Result<Self> {
        let number = MADE.fetch_add(1, Ordering::Relaxed);
        let name = format!("starling-test-{}-{number}", std::process::id());
        let path = std::env::temp_dir().join(name);
        // What a killed process of the same number left is nobody's any more.
        drop(std::fs::remove_dir_all(&path));
        std::fs::create_dir(&path).or_fail(ErrorKind::WarehouseUnavailable, || {
            format!("cannot make `{}`", path.display())
        })?;
        Ok(Self { path })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for TemporaryFolder {
    fn drop(&mut self) {
        // What cannot be removed harms no later check.
        drop(std::fs::remove_dir_all(&self.path));
    }
}
