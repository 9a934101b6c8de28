//! A table in pieces: ranges of its key, which is one whole number.

/// Rows of a piece, by the server's own estimate: as many as may wait for the piece before them, so that
/// two are read at the same time although they are handed over in order.
const ROWS_PER_SPLIT: f64 = 65_536.0;
const MAX_SPLITS: i64 = 4096;

/// Keys from `start` to before `end`; `None` is open.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::source) struct KeyRange {
    pub(in crate::source) start: Option<i64>,
    pub(in crate::source) end: Option<i64>,
}

impl KeyRange {
    /// The condition in SQL on `key`, which is quoted already; `None` for every key.
    pub(in crate::source) fn condition(self, key: &str) -> Option<String> {
        let start = self.start.map(|start| format!("{key} >= {start}"));
        let end = self.end.map(|end| format!("{key} < {end}"));
        let bounds: Vec<String> = start.into_iter().chain(end).collect();
        (!bounds.is_empty()).then(|| bounds.join(" AND "))
    }

    /// What a person calls this piece of `table`.
    pub(in crate::source) fn name(self, table: &str) -> String {
        let bound = |bound: Option<i64>| bound.map_or_else(String::new, |key| key.to_string());
        match self {
            Self { start: None, end: None } => table.to_owned(),
            Self { start, end } => format!("{table} [{}..{})", bound(start), bound(end)),
        }
    }
}

/// Ranges that cover every key, of about equal width between the first and the last.
pub(in crate::source) fn key_ranges(first: i64, last: i64, row_estimate: f64) -> Vec<KeyRange> {
    let wanted = (row_estimate / ROWS_PER_SPLIT).ceil();
    #[expect(clippy::cast_possible_truncation, reason = "a float beyond the limits is clamped")]
    let count = (wanted as i64).clamp(1, MAX_SPLITS);
    let width = (i128::from(last) - i128::from(first)) / i128::from(count) + 1;
    let bound = |at: i64| i64::try_from(i128::from(first) + i128::from(at) * width).ok();
    let bounds: Vec<i64> = (1..count).filter_map(bound).filter(|at| *at <= last).collect();
    let starts = std::iter::once(None).chain(bounds.iter().copied().map(Some));
    let ends = bounds.iter().copied().map(Some).chain(std::iter::once(None));
    starts.zip(ends).map(|(start, end)| KeyRange { start, end }).collect()
}

#[cfg(test)]
mod tests {
    use super::{KeyRange, key_ranges};

    #[test]
    fn ranges_cover_every_key_once() {
        assert_eq!(key_ranges(1, 100, -1.0), [KeyRange::default()]);
        assert_eq!(key_ranges(i64::MIN, i64::MAX, 1e5).len(), 2);
        for (first, last, rows) in
            [(1, 3_000_000, 3e6), (-5, 5, 1e9), (0, 0, 1e9), (7, i64::MAX, 2e7)]
        {
            let ranges = key_ranges(first, last, rows);
            assert!(ranges.len() <= 4096);
            assert_eq!((ranges[0].start, ranges[ranges.len() - 1].end), (None, None));
            assert!(
                ranges.windows(2).all(|two| two[0].end == two[1].start && two[0].end.is_some())
            );
        }
    }
}
