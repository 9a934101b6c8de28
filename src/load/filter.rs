//! A blocked Bloom filter: says of most hashes that were never added that they were not.

/// 64-bit words of a block, which is one cache line.
const WORDS: usize = 8;

/// Bytes of a block.
const BLOCK_BYTES: usize = WORDS * size_of::<u64>();

/// Some bits per hash, all in one block.
#[derive(Debug)]
pub(super) struct Filter {
    blocks: Vec<[u64; WORDS]>,
}

impl Filter {
    /// An empty filter of about `bytes`.
    pub(super) fn new(bytes: usize) -> Self {
        Self { blocks: vec![[0; WORDS]; (bytes / BLOCK_BYTES).max(1)] }
    }

    /// Adds `hash`.
    pub(super) fn add(&mut self, hash: u128) {
        let block = self.block(hash);
        for (word, bit) in self.blocks[block].iter_mut().zip(bits(hash)) {
            *word |= bit;
        }
    }

    /// Whether `hash` may have been added; if not, it certainly was not.
    pub(super) fn may_have(&self, hash: u128) -> bool {
        self.blocks[self.block(hash)].iter().zip(bits(hash)).all(|(word, bit)| word & bit != 0)
    }

    /// The block of `hash`, chosen by its upper half.
    fn block(&self, hash: u128) -> usize {
        let scaled = (hash >> 64) * self.blocks.len() as u128;
        usize::try_from(scaled >> 64).unwrap_or(0)
    }
}

/// One bit of each word, chosen by the lower half of `hash`.
fn bits(hash: u128) -> impl Iterator<Item = u64> {
    (0..WORDS).map(move |word| 1 << ((hash >> (6 * word)) & 63))
}

#[cfg(test)]
mod tests {
    use super::Filter;

    #[test]
    fn knows_what_was_added_and_little_else() {
        let mut filter = Filter::new(1 << 14);
        let hash = |n: u128| n.wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835);
        (0..5_000).for_each(|n| filter.add(hash(n)));
        assert!((0..5_000).all(|n| filter.may_have(hash(n))));
        // 26 bits per hash: by the formula for such filters fewer than 1 in 1000 is taken for known.
        let wrong = (5_000..105_000).filter(|n| filter.may_have(hash(*n))).count();
        assert!(wrong < 100, "{wrong}");
    }
}
