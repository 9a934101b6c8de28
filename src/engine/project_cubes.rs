//! The cubes of a project folder as they are edited while a server runs.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::error::Result;
use crate::project::read_files;

/// An editor may write a file in several steps; what stays the same this long is taken as whole.
const SETTLED: Duration = Duration::from_millis(100);

/// The declarations in a folder, as last seen whole.
#[derive(Debug)]
pub(super) struct ProjectCubes {
    folder: PathBuf,
    seen: Mutex<Seen>,
}

#[derive(Clone, Debug, Default)]
struct Seen {
    /// Texts by path.
    files: Arc<BTreeMap<String, String>>,
    /// Counts changes.
    version: u64,
    /// The cube files that were served last, by path.
    good: Arc<BTreeMap<String, String>>,
    /// What was said about a folder that cannot be read.
    complaint: Option<String>,
}

impl ProjectCubes {
    /// The declarations in `folder`.
    pub(super) fn new(folder: PathBuf) -> Result<Self> {
        let seen = Seen { files: Arc::new(read_files(&folder)?), ..Seen::default() };
        Ok(Self { folder, seen: Mutex::new(seen) })
    }

    /// Looks at the folder again; true when something changed.
    pub(super) async fn look(&self) -> bool {
        let Some(files) = self.read() else { return false };
        if files == *self.files() {
            return false;
        }
        tokio::time::sleep(SETTLED).await;
        if self.read().as_ref() != Some(&files) {
            // It is being written; the next look will see it.
            return false;
        }
        let mut seen = self.lock();
        seen.files = Arc::new(files);
        seen.version += 1;
        true
    }

    /// The declarations as last seen.
    pub(super) fn files(&self) -> Arc<BTreeMap<String, String>> {
        Arc::clone(&self.lock().files)
    }

    /// Counts the changes seen so far.
    pub(super) fn version(&self) -> u64 {
        self.lock().version
    }

    /// The cube files that were served last.
    pub(super) fn good(&self) -> Arc<BTreeMap<String, String>> {
        Arc::clone(&self.lock().good)
    }

    /// Remembers the cube files that are served now.
    pub(super) fn remember(&self, good: BTreeMap<String, String>) {
        self.lock().good = Arc::new(good);
    }

    /// A folder that cannot be read changes nothing; that is said once.
    fn read(&self) -> Option<BTreeMap<String, String>> {
        let (files, complaint) = match read_files(&self.folder) {
            Ok(files) => (Some(files), None),
            Err(error) => (None, Some(error.to_string())),
        };
        let mut seen = self.lock();
        if let Some(complaint) = &complaint
            && seen.complaint.as_ref() != Some(complaint)
        {
            tracing::warn!("{complaint}; the declarations seen last keep serving");
        }
        seen.complaint = complaint;
        files
    }

    fn lock(&self) -> MutexGuard<'_, Seen> {
        // Nothing panics while it is held.
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
