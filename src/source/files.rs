//! Which files a pattern names, and what identifies their content.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::Position;
use super::extent::Extent;
use crate::error::{Error, ErrorKind, Result, ResultExt};

/// A file and the name it goes by in positions and messages.
#[derive(Clone, Debug)]
pub struct FileStamp {
    /// Where it is.
    pub path: PathBuf,
    /// Relative to the source's folder, with `/`.
    pub name: String,
    /// How much of it there is.
    pub(super) extent: Extent,
}

/// The files under `folder` that `pattern` names, by name. None is an error: a pattern that
/// suddenly matches nothing must not look like an empty table.
pub fn matching_files(folder: &Path, pattern: &str) -> Result<Vec<FileStamp>> {
    // Names must not depend on where the program is run.
    let folder = &std::fs::canonicalize(folder).or_fail(ErrorKind::SourceUnavailable, || {
        format!("the folder `{}` cannot be opened; check `path` of the source", folder.display())
    })?;
    let literal = glob::Pattern::escape(&folder.to_string_lossy());
    let full = format!("{literal}/{pattern}");
    let paths = glob::glob(&full)
        .or_fail(ErrorKind::InvalidInput, || format!("`{full}` is not a file pattern"))?;
    let mut files = Vec::new();
    for path in paths {
        let path = path.or_fail(ErrorKind::SourceUnavailable, || format!("listing `{full}`"))?;
        if path.is_file() {
            let name = path.strip_prefix(folder).unwrap_or(&path).to_string_lossy();
            let name = name.replace('\\', "/");
            // One that cannot be looked at is reported when it is read.
            let bytes = path.metadata().map_or(0, |metadata| metadata.len());
            files.push(FileStamp { name, extent: Extent::new(bytes), path });
        }
    }
    files.sort_by(|a, b| a.name.cmp(&b.name));
    if files.is_empty() {
        let what = format!(
            "no file matches `{}`; check `path` and `file` of the source",
            folder.join(pattern).display()
        );
        return Err(Error::new(ErrorKind::SourceUnavailable, what));
    }
    Ok(files)
}

/// The content hashes of `files`: touching a file changes nothing, editing a byte does.
pub(super) fn position(files: &[FileStamp]) -> Result<Position> {
    let splits = files.iter().map(|file| Ok((file.name.clone(), content_hash(&file.path)?)));
    Ok(Position { splits: splits.collect::<Result<_>>()? })
}

/// SHA-256 of the bytes of a file, in hexadecimal.
pub(super) fn content_hash(path: &Path) -> Result<String> {
    let fail = || format!("cannot read `{}`", path.display());
    let mut file = File::open(path).or_fail(ErrorKind::SourceUnavailable, fail)?;
    let mut hash = Sha256::new();
    let mut buffer = vec![0; 1 << 16];
    loop {
        let count = file.read(&mut buffer).or_fail(ErrorKind::SourceUnavailable, fail)?;
        if count == 0 {
            return Ok(hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect());
        }
        hash.update(&buffer[..count]);
    }
}
