//! The hashes seen so far: exactly, and in memory that does not grow with their number.
//!
//! ```text
//! insert ─▶ among the recent? ─▶ may the filter have it? ─▶ in a run on disk?
//!                │ yes: seen             │ no: new                 │ yes: seen, no: new
//! ```
//!
//! A hash is kept among the recent until they are many, then in a sorted run on disk. The filter
//! answers for nearly all that is not there, so that a row seldom costs a look at the disk.

use std::collections::HashSet;
use std::path::PathBuf;

use super::filter::Filter;
use super::sorted_runs::SortedRuns;
use crate::config;
use crate::error::Result;

/// What hashes may take.
#[derive(Clone, Debug)]
struct Budget {
    /// Hashes in memory.
    recent: usize,
    /// Bytes of the filter, once there are more.
    filter: usize,
    /// Where the others are.
    folder: PathBuf,
}

impl Default for Budget {
    /// Some 100 MiB: as many hashes as a set of 2^20 slots holds, and 18 bits of filter each for 30
    /// million more. Beyond that it only becomes slower.
    fn default() -> Self {
        let recent = (1 << 20) / 8 * 7;
        Self { recent, filter: 64 << 20, folder: config::temporary_folder() }
    }
}

/// Tells whether a hash comes for the first time.
#[derive(Debug, Default)]
pub(super) struct Seen {
    budget: Budget,
    recent: HashSet<u128>,
    spilled: Option<Spilled>,
}

#[derive(Debug)]
struct Spilled {
    filter: Filter,
    runs: SortedRuns,
}

impl Seen {
    /// Notes `hash`, and says whether it is new.
    pub(super) fn insert(&mut self, hash: u128) -> Result<bool> {
        if self.recent.contains(&hash) {
            return Ok(false);
        }
        if let Some(spilled) = &self.spilled
            && spilled.contains(hash)?
        {
            return Ok(false);
        }
        self.recent.insert(hash);
        if self.recent.len() >= self.budget.recent {
            self.spill()?;
        }
        Ok(true)
    }

    fn spill(&mut self) -> Result<()> {
        let spilled = self.spilled.get_or_insert_with(|| Spilled {
            filter: Filter::new(self.budget.filter),
            runs: SortedRuns::new(&self.budget.folder),
        });
        let mut hashes: Vec<u128> = self.recent.drain().collect();
        hashes.iter().for_each(|hash| spilled.filter.add(*hash));
        hashes.sort_unstable();
        spilled.runs.add(hashes)
    }
}

impl Spilled {
    fn contains(&self, hash: u128) -> Result<bool> {
        Ok(self.filter.may_have(hash) && self.runs.contains(hash)?)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use rand::rngs::ChaCha8Rng;
    use rand::{Rng, SeedableRng};

    use super::{Budget, Seen};

    /// Compares with a plain set, on numbers that come again more often the fewer there are.
    fn compare(recent: usize, filter: usize, different: u64) {
        let folder = tempfile::tempdir().unwrap();
        let budget = Budget { recent, filter, folder: folder.path().to_owned() };
        let mut seen = Seen { budget, ..Seen::default() };
        let mut oracle = HashSet::new();
        let mut random = ChaCha8Rng::seed_from_u64(different);
        for row in 0..20_000 {
            let number = u128::from(random.next_u64() % different);
            // Some are close together, the others spread.
            let hash = match number % 3 {
                0 => number,
                1 => u128::MAX - number,
                _ => number.wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835),
            };
            assert_eq!(seen.insert(hash).unwrap(), oracle.insert(hash), "row {row}: {hash}");
            assert!(seen.recent.len() < recent);
        }
        assert!(seen.spilled.is_some());
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[test]
    fn is_a_set() {
        compare(100, 1 << 14, 10_000);
        compare(7, 1 << 12, 500);
        // Every hash on disk, and a filter that is full at once.
        compare(1, 1, 3_000);
        compare(1_000, 64, 1 << 60);
    }
}
