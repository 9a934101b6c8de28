//! Seeded chance, one independent stream per topic.

use rand::Rng;
use rand::SeedableRng;
use rand::rngs::ChaCha8Rng;

/// A stream of choices fixed by the seed and a topic.
///
/// Topics keep the parts of the company apart: one more draw for calls does not move an invoice.
/// Only raw words of the cipher are used, so the output does not depend on how a library turns
/// them into ranges.
#[derive(Debug)]
pub(super) struct Dice {
    rng: ChaCha8Rng,
}

impl Dice {
    /// The stream of `topic` under `seed`.
    pub(super) fn new(seed: u64, topic: &str) -> Self {
        let mut key = [0_u8; 32];
        for (slot, byte) in key.iter_mut().zip(seed.to_le_bytes()) {
            *slot = byte;
        }
        for (slot, byte) in key.iter_mut().skip(8).zip(topic.bytes()) {
            *slot = byte;
        }
        Self { rng: ChaCha8Rng::from_seed(key) }
    }

    /// A number from 0 to `bound` - 1.
    pub(super) fn below(&mut self, bound: u64) -> u64 {
        self.rng.next_u64() % bound.max(1)
    }

    /// A position in a list of `len` elements.
    pub(super) fn index(&mut self, len: usize) -> usize {
        self.rng.next_u32() as usize % len.max(1)
    }

    /// A number from `low` to `high`, both possible.
    pub(super) fn between(&mut self, low: i64, high: i64) -> i64 {
        let width = high.abs_diff(low) + 1;
        low.saturating_add_unsigned(self.below(width))
    }

    /// True in `percent` of 100 cases.
    pub(super) fn chance(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }

    /// One element of a list that is not empty.
    pub(super) fn pick<'a, T>(&mut self, list: &'a [T]) -> &'a T {
        &list[self.index(list.len())]
    }

    /// One word of a list that is not empty.
    pub(super) fn word(&mut self, list: &[&'static str]) -> &'static str {
        list[self.index(list.len())]
    }
}

/// A wheel of fortune: positions drawn in proportion to their weights.
#[derive(Debug)]
pub(super) struct Wheel {
    cumulative: Vec<u64>,
}

impl Wheel {
    /// A wheel with one sector per weight.
    pub(super) fn new(weights: impl IntoIterator<Item = u64>) -> Self {
        let cumulative = weights
            .into_iter()
            .scan(0_u64, |sum, weight| {
                *sum += weight;
                Some(*sum)
            })
            .collect();
        Self { cumulative }
    }

    /// The position at which the wheel stops.
    pub(super) fn spin(&self, dice: &mut Dice) -> usize {
        let total = self.cumulative.last().copied().unwrap_or(1);
        let stop = dice.below(total);
        self.cumulative.partition_point(|&edge| edge <= stop)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn topics_are_independent_and_repeatable() {
        let draw = |topic| Dice::new(1, topic).below(u64::MAX);
        assert_eq!(draw("order"), draw("order"));
        assert_ne!(draw("order"), draw("call"));
    }

    #[test]
    fn a_wheel_never_stops_on_an_empty_sector() {
        let wheel = Wheel::new([0, 3, 0, 1]);
        let mut dice = Dice::new(1, "wheel");
        for _ in 0..200 {
            assert!(matches!(wheel.spin(&mut dice), 1 | 3));
        }
    }
}
