//! How the size of the company follows the scale.

/// The scale asked for: transactions grow with it, master data with its root.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scale(u32);

impl Scale {
    /// At least 1.
    pub(super) fn new(scale: u32) -> Self {
        Self(scale.max(1))
    }

    /// `base` rows of a transaction table.
    pub(super) fn transactions(self, base: usize) -> usize {
        base * self.0 as usize
    }

    /// `base` rows of a master table.
    pub(super) fn members(self, base: usize) -> usize {
        base * (self.0 as usize * 10_000).isqrt() / 100
    }

    /// `base` rows of a table that hardly grows, like the catalogue of items.
    pub(super) fn catalogue(self, base: usize) -> usize {
        base + base * self.0.ilog2() as usize / 4
    }

    /// The factor itself.
    pub(super) fn factor(self) -> u32 {
        self.0
    }
}
