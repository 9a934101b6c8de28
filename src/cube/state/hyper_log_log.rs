//! How many different values there are, in 16 KiB at most.
//!
//! Up to [`MOST_HASHES`] different hashes are kept as they are, and their number is exact. Beyond
//! that each of 2^14 registers keeps the longest run of zeros among its hashes: HyperLogLog
//! (Flajolet, Fusy, Gandouet, Meunier 2007), with the estimator of Ertl, "New cardinality
//! estimation algorithms for HyperLogLog sketches" (2017), which needs no tables of corrections.
//! The standard error is 1.04/√2^14, 0.81 %.
//!
//! A sketch is a function of the set of values alone, so the order of rows and merges is nothing
//! to it.
//!
//! Bytes: the version; 0 and the hashes, ascending, or 1 and the registers.

use std::f64::consts::LN_2;

use arrow::array::ArrayRef;
use datafusion::common::{HashSet, Result};

use super::hashing::hashes;
use super::sketches::{Sketch, body, damaged};

/// Bits of a hash that choose the register.
const PRECISION: u32 = 14;
const REGISTERS: usize = 1 << PRECISION;
/// Bits of a hash in which zeros are counted.
const COUNTED: u32 = u64::BITS - PRECISION;
/// The greatest value of a register.
const GREATEST: usize = COUNTED as usize + 1;
/// As many hashes as take the room of the registers.
const MOST_HASHES: usize = REGISTERS / size_of::<u64>();

/// What a sketch is of, in messages.
const WHAT: &str = "different values";
const HASHES: u8 = 0;
const FULL: u8 = 1;

/// A set of hashes, exact while it is small.
#[derive(Debug, Default)]
pub(super) struct HyperLogLog {
    /// Every hash, as long as there are no registers.
    hashes: HashSet<u64>,
    registers: Option<Box<[u8]>>,
}

impl HyperLogLog {
    /// The number of different values.
    pub(super) fn count(&self) -> i64 {
        match &self.registers {
            None => i64::try_from(self.hashes.len()).unwrap_or(i64::MAX),
            Some(registers) => rounded(estimate(registers)),
        }
    }

    /// The registers, into which hashes kept so far are noted.
    fn registers(&mut self) -> &mut [u8] {
        let hashes = std::mem::take(&mut self.hashes);
        let registers = self.registers.get_or_insert_with(|| vec![0; REGISTERS].into_boxed_slice());
        hashes.iter().for_each(|hash| note(registers, *hash));
        registers
    }
}

/// Notes `hash` in its register.
fn note(registers: &mut [u8], hash: u64) {
    let place = usize::try_from(hash >> COUNTED).unwrap_or_default();
    // The bit ends the run where all counted bits are zero.
    let run = ((hash << PRECISION) | (1 << (PRECISION - 1))).leading_zeros() + 1;
    let run = u8::try_from(run).unwrap_or(u8::MAX);
    registers[place] = registers[place].max(run);
}

/// Algorithm 6 of Ertl 2017.
#[expect(clippy::cast_precision_loss, reason = "registers are 2^14")]
fn estimate(registers: &[u8]) -> f64 {
    let mut frequencies = [0_u32; GREATEST + 1];
    for value in registers {
        frequencies[usize::from(*value).min(GREATEST)] += 1;
    }
    let all = REGISTERS as f64;
    let share = |value: usize| f64::from(frequencies[value]) / all;
    let mut sum = all * tau(1.0 - share(GREATEST));
    for value in (1..GREATEST).rev() {
        sum = 0.5 * (sum + f64::from(frequencies[value]));
    }
    sum += all * sigma(share(0));
    all * all / (2.0 * LN_2) / sum
}

/// x + Σ x^(2^k) · 2^(k-1) over k from 1.
fn sigma(mut x: f64) -> f64 {
    if x >= 1.0 {
        return f64::INFINITY;
    }
    let (mut weight, mut sum) = (1.0, x);
    loop {
        x *= x;
        let next = sum + x * weight;
        if next <= sum {
            return sum;
        }
        (sum, weight) = (next, 2.0 * weight);
    }
}

/// (1 - x - Σ (1 - x^(2^-k))² · 2^-k over k from 1) / 3.
fn tau(mut x: f64) -> f64 {
    if x <= 0.0 || x >= 1.0 {
        return 0.0;
    }
    let (mut weight, mut sum) = (1.0, 1.0 - x);
    loop {
        x = x.sqrt();
        weight *= 0.5;
        let next = sum - (1.0 - x) * (1.0 - x) * weight;
        if next >= sum {
            return sum / 3.0;
        }
        sum = next;
    }
}

#[expect(clippy::cast_possible_truncation, reason = "`as` keeps to the range of the type")]
fn rounded(number: f64) -> i64 {
    number.round() as i64
}

impl Sketch for HyperLogLog {
    type Item = u64;

    fn items(values: &ArrayRef) -> Result<Vec<Option<u64>>> {
        hashes(values)
    }

    fn add(&mut self, hash: u64) {
        if let Some(registers) = &mut self.registers {
            note(registers, hash);
            return;
        }
        self.hashes.insert(hash);
        if self.hashes.len() > MOST_HASHES {
            self.registers();
        }
    }

    fn merge(&mut self, bytes: &[u8]) -> Result<()> {
        match body(bytes, WHAT)? {
            (HASHES, hashes) => {
                let (hashes, []) = hashes.as_chunks::<8>() else { return damaged(WHAT) };
                hashes.iter().for_each(|hash| self.add(u64::from_le_bytes(*hash)));
            }
            (FULL, others) if others.len() == REGISTERS => {
                for (own, other) in self.registers().iter_mut().zip(others) {
                    *own = (*own).max(*other);
                }
            }
            _ => return damaged(WHAT),
        }
        Ok(())
    }

    fn write(&self, bytes: &mut Vec<u8>) {
        if let Some(registers) = &self.registers {
            bytes.push(FULL);
            bytes.extend_from_slice(registers);
            return;
        }
        let mut hashes: Vec<u64> = self.hashes.iter().copied().collect();
        hashes.sort_unstable();
        bytes.push(HASHES);
        bytes.extend(hashes.iter().flat_map(|hash| hash.to_le_bytes()));
    }

    fn is_empty(&self) -> bool {
        self.registers.is_none() && self.hashes.is_empty()
    }

    fn heap_size(&self) -> usize {
        // One byte of control per entry.
        let hashes = self.hashes.capacity() * (size_of::<u64>() + 1);
        hashes + self.registers.as_deref().map_or(0, <[u8]>::len)
    }
}

#[cfg(test)]
mod tests {
    use twox_hash::XxHash64;

    use super::super::sketches::{Sketch, bytes_of, sketch_of};
    use super::{HyperLogLog, MOST_HASHES};

    fn sketch(values: impl IntoIterator<Item = u64>) -> HyperLogLog {
        let mut sketch = HyperLogLog::default();
        for value in values {
            sketch.add(XxHash64::oneshot(0, &value.to_le_bytes()));
        }
        sketch
    }

    #[test]
    fn few_values_are_counted_exactly() {
        assert_eq!(HyperLogLog::default().count(), 0);
        assert_eq!(sketch((0..100).chain(0..100)).count(), 100);
        assert_eq!(sketch(0..MOST_HASHES as u64).count(), 2048);
    }

    #[test]
    #[expect(clippy::cast_precision_loss, reason = "the counts are small")]
    fn many_values_are_counted_within_four_standard_errors() {
        for count in [2_049_u64, 5_000, 20_000, 60_000, 200_000] {
            for run in 0..5 {
                let from = run * 10_000_000;
                let counted = sketch(from..from + count).count() as f64;
                let error = (counted - count as f64).abs() / count as f64;
                assert!(error < 4.0 * 0.0081, "{count} were counted as {counted}");
            }
        }
    }

    #[test]
    fn parts_make_the_same_whole_in_any_order() {
        let whole = bytes_of(&sketch(0..5_000));
        let parts = [sketch(0..10), sketch(5..3_000), sketch(2_000..5_000)].map(|s| bytes_of(&s));
        for order in [[0, 1, 2], [2, 1, 0], [1, 2, 0]] {
            let mut merged = HyperLogLog::default();
            for part in order {
                merged.merge(&parts[part]).unwrap();
            }
            assert_eq!(bytes_of(&merged), whole);
        }
        let mut small = sketch(0..10);
        small.merge(&bytes_of(&sketch(5..20))).unwrap();
        assert_eq!(bytes_of(&small), bytes_of(&sketch(0..20)));
    }

    #[test]
    fn unknown_bytes_are_refused() {
        let of = |bytes: &[u8]| sketch_of::<HyperLogLog>(bytes).unwrap_err().to_string();
        assert!(of(&[9, 0]).contains("has version 9"), "{}", of(&[9, 0]));
        for damaged in [&[1, 0, 7][..], &[1, 1, 7], &[1, 2], &[1], &[]] {
            assert!(of(damaged).contains("damaged"), "{damaged:?}: {}", of(damaged));
        }
    }
}
