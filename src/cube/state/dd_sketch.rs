//! How numbers are distributed: their quantiles, with a relative error below 1 %.
//!
//! Up to [`MOST_VALUES`] numbers are kept as they are, and their quantiles are exact. Beyond that
//! numbers are counted in buckets, 64 to each power of two: a DDSketch (Masson, Rim, Lee, "DDSketch:
//! a fast and fully-mergeable quantile sketch with relative-error guarantees", VLDB 2019) whose
//! buckets are the leading bits of the number, as in its linearly interpolated mapping. A bucket
//! stands for one number within 1/129, 0.78 %, of all in it. Least and greatest are exact.
//!
//! A quantile lies between the numbers at the two ranks next to `at · (count - 1)`, as in SQL's
//! `percentile_cont`.
//!
//! A sketch is a function of the numbers alone, so the order of rows and merges is nothing to it.
//!
//! Bytes: the version; 0 and the numbers, ascending, or 1, the least, the greatest and for each
//! bucket, ascending, its place and count.

use arrow::array::{ArrayRef, AsArray};
use arrow::datatypes::Float64Type;
use datafusion::common::{HashMap, Result};

use super::sketches::{Sketch, body, damaged};

/// So many numbers are kept as they are.
const MOST_VALUES: usize = 256;
/// Bits of a number that do not tell buckets apart: all but sign, exponent and 6 of the fraction.
const DROPPED: u32 = 46;

/// "Not a number", in the bits that are stored.
const NAN: f64 = f64::from_bits(0x7ff8 << 48);
/// What a sketch is of, in messages.
const WHAT: &str = "quantiles";
const VALUES: u8 = 0;
const BUCKETS: u8 = 1;

/// Numbers, exact while they are few.
#[derive(Debug, Default)]
pub(super) struct DdSketch {
    /// Every number, as long as there are no buckets.
    values: Vec<f64>,
    buckets: Option<Buckets>,
}

/// Numbers counted by their leading bits.
#[derive(Debug)]
pub(super) struct Buckets {
    least: f64,
    greatest: f64,
    counts: HashMap<i32, u64>,
}

/// The one form of equal numbers: no negative zero, one "not a number", which is the greatest.
pub(super) fn canonical(value: f64) -> f64 {
    if value.is_nan() {
        NAN
    } else {
        // -0 + 0 is 0.
        value + 0.0
    }
}

/// The bucket of a canonical number; buckets order as their numbers do.
fn bucket(value: f64) -> i32 {
    let magnitude = i32::try_from(value.abs().to_bits() >> DROPPED).unwrap_or(i32::MAX);
    if value.is_sign_negative() { !magnitude } else { magnitude }
}

/// The number that stands for all of `bucket`: the harmonic mean of its bounds, from which no
/// number between them is farther than (upper - lower)/(upper + lower) of itself.
fn representative(bucket: i32) -> f64 {
    let magnitude = if bucket < 0 { !bucket } else { bucket };
    let bound = |magnitude: i32| f64::from_bits(u64::from(magnitude.unsigned_abs()) << DROPPED);
    let lower = bound(magnitude);
    // Zero, infinity and "not a number" stand for themselves; so do numbers too small to matter.
    let value =
        if lower.is_normal() { 2.0 * lower / (1.0 + lower / bound(magnitude + 1)) } else { lower };
    if bucket < 0 { -value } else { value }
}

impl DdSketch {
    /// The quantile at the share `at`, 0 to 1; none of no numbers.
    pub(super) fn quantile(&self, at: f64) -> Option<f64> {
        let last = self.count().checked_sub(1)?;
        let position = at * real(last);
        let below = rank(position).min(last);
        let (low, high) = self.numbers(below, (below + 1).min(last));
        let part = position - real(below);
        Some(if part <= 0.0 || low.total_cmp(&high).is_eq() {
            low
        } else {
            low + (high - low) * part
        })
    }

    fn count(&self) -> u64 {
        match &self.buckets {
            None => self.values.len() as u64,
            Some(buckets) => buckets.count(),
        }
    }

    /// The numbers at two ranks, counted from 0.
    fn numbers(&self, first: u64, second: u64) -> (f64, f64) {
        match &self.buckets {
            None => {
                let sorted = sorted(&self.values);
                let at = |rank: u64| sorted[usize::try_from(rank).unwrap_or(usize::MAX)];
                (at(first), at(second))
            }
            Some(buckets) => {
                let sorted = buckets.sorted();
                (buckets.number(&sorted, first), buckets.number(&sorted, second))
            }
        }
    }

    /// The buckets, into which numbers kept so far are counted.
    fn buckets(&mut self) -> &mut Buckets {
        let values = std::mem::take(&mut self.values);
        let buckets = self.buckets.get_or_insert_default();
        values.iter().for_each(|value| buckets.add(*value));
        buckets
    }
}

impl Default for Buckets {
    fn default() -> Self {
        Self { least: NAN, greatest: f64::NEG_INFINITY, counts: HashMap::default() }
    }
}

impl Buckets {
    fn add(&mut self, value: f64) {
        self.widen(value, value);
        *self.counts.entry(bucket(value)).or_default() += 1;
    }

    fn widen(&mut self, least: f64, greatest: f64) {
        if least.total_cmp(&self.least).is_lt() {
            self.least = least;
        }
        if greatest.total_cmp(&self.greatest).is_gt() {
            self.greatest = greatest;
        }
    }

    fn count(&self) -> u64 {
        self.counts.values().sum()
    }

    /// The number at `rank`, counted from 0, of these buckets, ascending; the ends are exact.
    fn number(&self, sorted: &[(i32, u64)], rank: u64) -> f64 {
        if rank == 0 {
            return self.least;
        }
        if rank + 1 == self.count() {
            return self.greatest;
        }
        let mut before = 0;
        let found = sorted.iter().find(|(_, count)| {
            before += count;
            rank < before
        });
        found.map_or(self.greatest, |(bucket, _)| self.within(*bucket))
    }

    fn sorted(&self) -> Vec<(i32, u64)> {
        let mut sorted: Vec<(i32, u64)> = self.counts.iter().map(|(b, c)| (*b, *c)).collect();
        sorted.sort_unstable();
        sorted
    }

    /// What stands for `bucket`, which no number leaves.
    fn within(&self, bucket: i32) -> f64 {
        let value = representative(bucket);
        if value.total_cmp(&self.least).is_lt() {
            self.least
        } else if value.total_cmp(&self.greatest).is_gt() {
            self.greatest
        } else {
            value
        }
    }
}

fn sorted(values: &[f64]) -> Vec<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    sorted
}

#[expect(clippy::cast_precision_loss, reason = "a rank that far out is an estimate anyway")]
fn real(count: u64) -> f64 {
    count as f64
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "`as` keeps to the range of the type"
)]
fn rank(position: f64) -> u64 {
    position as u64
}

impl Sketch for DdSketch {
    type Item = f64;

    fn items(values: &ArrayRef) -> Result<Vec<Option<f64>>> {
        Ok(values.as_primitive::<Float64Type>().iter().collect())
    }

    fn add(&mut self, value: f64) {
        let value = canonical(value);
        if self.buckets.is_none() && self.values.len() < MOST_VALUES {
            self.values.push(value);
        } else {
            self.buckets().add(value);
        }
    }

    fn merge(&mut self, bytes: &[u8]) -> Result<()> {
        match body(bytes, WHAT)? {
            (VALUES, values) => {
                let (values, []) = values.as_chunks::<8>() else { return damaged(WHAT) };
                values.iter().for_each(|value| self.add(f64::from_le_bytes(*value)));
            }
            (BUCKETS, rest) => {
                let Some((ends, counts)) = rest.split_at_checked(16) else { return damaged(WHAT) };
                let (&[least, greatest], []) = ends.as_chunks::<8>() else { return damaged(WHAT) };
                let (counts, []) = counts.as_chunks::<12>() else { return damaged(WHAT) };
                let buckets = self.buckets();
                buckets.widen(f64::from_le_bytes(least), f64::from_le_bytes(greatest));
                for &[a, b, c, d, ref count @ ..] in counts {
                    let place = i32::from_le_bytes([a, b, c, d]);
                    *buckets.counts.entry(place).or_default() += u64::from_le_bytes(*count);
                }
            }
            _ => return damaged(WHAT),
        }
        Ok(())
    }

    fn write(&self, bytes: &mut Vec<u8>) {
        let Some(buckets) = &self.buckets else {
            bytes.push(VALUES);
            bytes.extend(sorted(&self.values).iter().flat_map(|value| value.to_le_bytes()));
            return;
        };
        bytes.push(BUCKETS);
        bytes.extend(buckets.least.to_le_bytes());
        bytes.extend(buckets.greatest.to_le_bytes());
        for (place, count) in buckets.sorted() {
            bytes.extend(place.to_le_bytes());
            bytes.extend(count.to_le_bytes());
        }
    }

    fn is_empty(&self) -> bool {
        self.buckets.is_none() && self.values.is_empty()
    }

    fn heap_size(&self) -> usize {
        let values = self.values.capacity() * size_of::<f64>();
        // One byte of control per entry.
        let entry = size_of::<(i32, u64)>() + 1;
        values + self.buckets.as_ref().map_or(0, |buckets| buckets.counts.capacity() * entry)
    }
}

#[cfg(test)]
mod tests {
    use super::super::sketches::{Sketch, bytes_of, sketch_of};
    use super::{DdSketch, MOST_VALUES, bucket, representative};

    fn sketch(values: impl IntoIterator<Item = f64>) -> DdSketch {
        let mut sketch = DdSketch::default();
        values.into_iter().for_each(|value| sketch.add(value));
        sketch
    }

    /// 1, 2, …, `count`, in an order that is not theirs.
    fn numbers(count: u32) -> impl Iterator<Item = f64> {
        (0..count).map(move |n| f64::from(n * 7919 % count + 1))
    }

    #[test]
    fn few_numbers_have_exact_quantiles() {
        let four = sketch([40.0, 10.0, 30.0, 20.0]);
        let quantiles = [0.0, 0.25, 0.5, 0.95, 1.0].map(|at| four.quantile(at));
        // As PostgreSQL's and DuckDB's percentile_cont have them.
        assert_eq!(quantiles, [10.0, 17.5, 25.0, 38.5, 40.0].map(Some));
        assert_eq!(sketch([7.0]).quantile(0.3), Some(7.0));
        assert_eq!(DdSketch::default().quantile(0.5), None);
    }

    #[test]
    fn many_numbers_have_quantiles_within_one_percent() {
        let many = sketch(numbers(100_003));
        for (at, exact) in
            [(0.01, 1_001.02), (0.5, 50_002.0), (0.95, 95_002.9), (0.999, 99_902.998)]
        {
            let found = many.quantile(at).unwrap();
            assert!((found - exact).abs() <= exact / 129.0, "{at}: {found} for {exact}");
        }
        assert_eq!(many.quantile(0.0), Some(1.0));
        assert_eq!(many.quantile(1.0), Some(100_003.0));
        let negative = sketch(numbers(100_003).map(|value| -value));
        let found = negative.quantile(0.05).unwrap();
        assert!((found + 95_002.9).abs() <= 95_002.9 / 129.0, "{found}");
    }

    #[test]
    fn a_bucket_stands_for_every_number_in_it() {
        for value in [1.0, 1.01, 1.5, 1.999, 2.0, 3.7e-9, 6.02e23, f64::MIN_POSITIVE] {
            for value in [value, -value] {
                let error = (representative(bucket(value)) - value).abs() / value.abs();
                assert!(error < 0.00776, "{value}: {error}");
            }
        }
        for value in [0.0, f64::INFINITY, f64::NEG_INFINITY] {
            assert!(representative(bucket(value)).total_cmp(&value).is_eq(), "{value}");
        }
        let ascending = [f64::NEG_INFINITY, -5.0, -1e-9, 0.0, 1e-9, 5.0, f64::INFINITY, f64::NAN];
        assert!(ascending.map(bucket).is_sorted());
    }

    #[test]
    fn parts_make_the_same_whole_in_any_order() {
        let parts: Vec<Vec<u8>> =
            [3, 200, 300, 5_000].map(|count| bytes_of(&sketch(numbers(count)))).to_vec();
        let all = [3, 200, 300, 5_000].into_iter().flat_map(numbers);
        let whole = bytes_of(&sketch(all));
        for order in [[0, 1, 2, 3], [3, 2, 1, 0], [1, 3, 0, 2]] {
            let mut merged = DdSketch::default();
            for part in order {
                merged.merge(&parts[part]).unwrap();
            }
            assert_eq!(bytes_of(&merged), whole);
        }
        // Two halves that fit make a whole that does not.
        let half = u32::try_from(MOST_VALUES).unwrap() / 2 + 1;
        let mut merged = sketch(numbers(half));
        merged.merge(&bytes_of(&sketch(numbers(half)))).unwrap();
        assert_eq!(bytes_of(&merged), bytes_of(&sketch(numbers(half).chain(numbers(half)))));
        assert!(merged.buckets.is_some());
    }

    #[test]
    fn unknown_bytes_are_refused() {
        let of = |bytes: &[u8]| sketch_of::<DdSketch>(bytes).unwrap_err().to_string();
        assert!(of(&[2, 0]).contains("has version 2"), "{}", of(&[2, 0]));
        for damaged in [&[1, 0, 7][..], &[1, 1, 7], &[1, 2], &[1], &[]] {
            assert!(of(damaged).contains("damaged"), "{damaged:?}: {}", of(damaged));
        }
    }
}
