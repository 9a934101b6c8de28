//! Hashes on disk: sorted runs in temporary files without a name.
//!
//! ```text
//! add ─▶ run  run  run  run      runs of one length become one as soon as there are four, so that
//!         └────┴─▼──┴────┘      few have to be searched, and each hash is written few times
//!               run              run                  …
//! ```

use std::fs::{File, remove_file};
use std::io::{BufReader, BufWriter, ErrorKind as IoErrorKind, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use crate::error::{Error, ErrorKind, Result};

/// Runs of one length that are merged into one.
const MERGED: usize = 4;
/// Hashes that are read at once to find one; their first is kept in memory.
const BLOCK: usize = 256;
/// Bytes of a hash.
const WIDTH: usize = size_of::<u128>();
/// Bytes that are read or written at once.
const BUFFER: usize = 1 << 18;

/// Sorted runs of hashes, no hash in two of them.
#[derive(Debug)]
pub(super) struct SortedRuns {
    folder: PathBuf,
    runs: Vec<Run>,
}

impl SortedRuns {
    /// No runs; they will lie in `folder`.
    pub(super) fn new(folder: &Path) -> Self {
        Self { folder: folder.to_owned(), runs: Vec::new() }
    }

    /// Adds a run of `hashes`, which are sorted and in no other run.
    pub(super) fn add(&mut self, hashes: impl IntoIterator<Item = u128>) -> Result<()> {
        self.try_add(hashes).map_err(|error| self.failed(error))
    }

    /// Whether `hash` is in any run.
    pub(super) fn contains(&self, hash: u128) -> Result<bool> {
        for run in &self.runs {
            if run.contains(hash).map_err(|error| self.failed(error))? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn try_add(&mut self, hashes: impl IntoIterator<Item = u128>) -> std::io::Result<()> {
        self.runs.push(Run::write(&self.folder, hashes.into_iter().map(Ok))?);
        while let Some(first) = self.mergeable() {
            let merged = Run::write(&self.folder, merged(&self.runs[first..])?)?;
            self.runs.truncate(first);
            self.runs.push(merged);
        }
        Ok(())
    }

    /// Where the last runs start when they are to become one.
    fn mergeable(&self) -> Option<usize> {
        let first = self.runs.len().checked_sub(MERGED)?;
        (self.runs[first].len <= self.runs.last()?.len).then_some(first)
    }

    fn failed(&self, error: std::io::Error) -> Error {
        let what = format!(
            "cannot keep what tells rows apart in a temporary file in `{}`; \
             free space there, or set TMPDIR to a folder that has some",
            self.folder.display()
        );
        Error::new(ErrorKind::LimitExceeded, what).because(error)
    }
}

/// One run. Its file has no name any more, so it goes with the process, however that ends.
#[derive(Debug)]
struct Run {
    file: File,
    len: u64,
    /// The first hash of each block.
    first: Vec<u128>,
}

impl Run {
    fn write(
        folder: &Path,
        hashes: impl Iterator<Item = std::io::Result<u128>>,
    ) -> std::io::Result<Self> {
        let mut run = Self { file: nameless(folder)?, len: 0, first: Vec::new() };
        let mut out = BufWriter::with_capacity(BUFFER, &run.file);
        for hash in hashes {
            let hash = hash?;
            if run.len.is_multiple_of(BLOCK as u64) {
                run.first.push(hash);
            }
            out.write_all(&hash.to_le_bytes())?;
            run.len += 1;
        }
        out.flush()?;
        drop(out);
        Ok(run)
    }

    fn contains(&self, hash: u128) -> std::io::Result<bool> {
        let Some(block) = self.first.partition_point(|first| *first <= hash).checked_sub(1) else {
            return Ok(false);
        };
        let mut file = &self.file;
        file.seek(SeekFrom::Start((block * BLOCK * WIDTH) as u64))?;
        let mut bytes = Vec::with_capacity(BLOCK * WIDTH);
        file.take((BLOCK * WIDTH) as u64).read_to_end(&mut bytes)?;
        Ok(bytes.chunks_exact(WIDTH).any(|bytes| bytes == hash.to_le_bytes()))
    }

    /// All its hashes, in order.
    fn read(&self) -> std::io::Result<impl Iterator<Item = std::io::Result<u128>>> {
        let mut file = &self.file;
        file.seek(SeekFrom::Start(0))?;
        let mut input = BufReader::with_capacity(BUFFER, file);
        Ok((0..self.len).map(move |_| {
            let mut bytes = [0; WIDTH];
            input.read_exact(&mut bytes)?;
            Ok(u128::from_le_bytes(bytes))
        }))
    }
}

/// The hashes of several runs in one order.
struct Merged<I> {
    /// The next hash of each run, and those after it.
    inputs: Vec<(u128, I)>,
}

fn merged(runs: &[Run]) -> std::io::Result<impl Iterator<Item = std::io::Result<u128>>> {
    let mut inputs = Vec::with_capacity(runs.len());
    for run in runs {
        let mut hashes = run.read()?;
        if let Some(first) = hashes.next() {
            inputs.push((first?, hashes));
        }
    }
    Ok(Merged { inputs })
}

impl<I: Iterator<Item = std::io::Result<u128>>> Iterator for Merged<I> {
    type Item = std::io::Result<u128>;

    fn next(&mut self) -> Option<Self::Item> {
        let least = (0..self.inputs.len()).min_by_key(|input| self.inputs[*input].0)?;
        let (hash, rest) = &mut self.inputs[least];
        let least_hash = *hash;
        match rest.next() {
            Some(Ok(next)) => *hash = next,
            Some(Err(error)) => return Some(Err(error)),
            None => drop(self.inputs.swap_remove(least)),
        }
        Some(Ok(least_hash))
    }
}

/// A new file in `folder` that is gone when it is closed.
fn nameless(folder: &Path) -> std::io::Result<File> {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    loop {
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let path = folder.join(format!("starling-{}-{number}", std::process::id()));
        match File::options().read(true).write(true).create_new(true).open(&path) {
            Ok(file) => return remove_file(&path).map(|()| file),
            // Left over by a process that was killed just here.
            Err(error) if error.kind() == IoErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{BLOCK, SortedRuns};

    #[test]
    fn finds_exactly_what_was_added() {
        let folder = tempfile::tempdir().unwrap();
        let mut runs = SortedRuns::new(folder.path());
        // 64 runs, interleaved, of all even numbers and the greatest there is.
        let len = BLOCK as u128 + 7;
        for run in 0..63 {
            runs.add((0..len).map(|n| 2 * (n * 64 + run))).unwrap();
        }
        let last = (0..len - 1).map(|n| 2 * (n * 64 + 63));
        runs.add(last.chain([u128::MAX])).unwrap();
        assert_eq!(runs.runs.len(), 1);
        assert_eq!(runs.runs[0].len, 64 * (BLOCK as u64 + 7));
        for n in 0..64 * len - 1 {
            assert!(runs.contains(2 * n).unwrap(), "{n}");
            assert!(!runs.contains(2 * n + 1).unwrap(), "{n}");
        }
        assert!(runs.contains(u128::MAX).unwrap());
        assert!(!runs.contains(u128::MAX - 1).unwrap());
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[test]
    fn says_where_there_is_no_room() {
        let folder = tempfile::tempdir().unwrap();
        let message =
            SortedRuns::new(&folder.path().join("gone")).add([1]).unwrap_err().to_string();
        assert!(message.contains("gone") && message.contains("TMPDIR"), "{message}");
    }
}
