//! How far a file has been read, for people who wait for it.

use std::io::{Read, Result};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// The bytes of a file as it lies there, and how many of them were read; clones count together.
#[derive(Clone, Debug, Default)]
pub struct Extent {
    bytes: u64,
    read: Arc<AtomicU64>,
}

impl Extent {
    /// Nothing read of so many bytes.
    pub(super) fn new(bytes: u64) -> Self {
        Self { bytes, read: Arc::default() }
    }

    /// All bytes.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// The bytes that were read.
    pub fn read(&self) -> u64 {
        self.read.load(Ordering::Relaxed)
    }

    /// `input`, counted as it is read.
    pub(super) fn counting<R>(&self, input: R) -> Counting<R> {
        Counting { input, read: Arc::clone(&self.read) }
    }
}

/// A reader that counts.
pub(super) struct Counting<R> {
    input: R,
    read: Arc<AtomicU64>,
}

impl<R: Read> Read for Counting<R> {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize> {
        let count = self.input.read(buffer)?;
        self.read.fetch_add(count as u64, Ordering::Relaxed);
        Ok(count)
    }
}
