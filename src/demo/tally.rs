//! Pages of truth: values of rows, added up under their keys.

use std::collections::{BTreeMap, BTreeSet};

use super::csv::render_rows;
use super::decimal::{fixed, money, quantity};

/// What a column of a page shows.
#[derive(Clone, Copy, Debug)]
pub(super) enum Figure {
    /// A whole number.
    Whole,
    /// Money, held in hundredths.
    Money,
    /// A quantity, held in tenths.
    Quantity,
    /// Money at a rate and not rounded, held in millionths.
    Exact,
    /// How many different members there are.
    Distinct,
}

/// What one row adds to a column.
#[derive(Clone, Copy, Debug)]
pub(super) enum Value {
    /// Nothing: the row is about something else, or its member is unknown.
    Nothing,
    /// An amount, in the unit of the column.
    Amount(i64),
    /// A member, by position.
    Member(usize),
}

impl Value {
    /// Whether something is so, to be counted.
    pub(super) fn counted(is_so: bool) -> Self {
        Self::Amount(i64::from(is_so))
    }

    /// A member, if it is known.
    pub(super) fn member(member: Option<usize>) -> Self {
        member.map_or(Self::Nothing, Self::Member)
    }
}

/// The columns of a page: its key, then its figures.
#[derive(Clone, Copy, Debug)]
pub(super) struct Layout {
    /// Names of what rows are grouped by.
    pub(super) key: &'static [&'static str],
    /// Names of figures, and what they show.
    pub(super) figures: &'static [(&'static str, Figure)],
}

/// A row: its key and a value for each figure.
pub(super) type Row = (Vec<String>, Vec<Value>);

impl Layout {
    /// The page of `rows`, sorted by key.
    pub(super) fn page(&self, rows: impl IntoIterator<Item = Row>) -> String {
        let mut groups: BTreeMap<Vec<String>, Vec<Total>> = BTreeMap::new();
        for (key, values) in rows {
            let totals = groups.entry(key).or_default();
            totals.resize_with(self.figures.len(), Total::default);
            for (total, value) in totals.iter_mut().zip(values) {
                total.add(value);
            }
        }
        let lines: Vec<Vec<String>> = groups
            .into_iter()
            .map(|(key, totals)| {
                let shown = totals.iter().zip(self.figures).map(|(total, (_, of))| total.cell(*of));
                key.into_iter().chain(shown).collect()
            })
            .collect();
        let names = self.figures.iter().map(|(name, _)| *name);
        let header: Vec<&str> = self.key.iter().copied().chain(names).collect();
        render_rows(&header, &lines)
    }
}

/// What the rows under one key come to in one column.
#[derive(Debug, Default)]
struct Total {
    sum: Option<i64>,
    members: BTreeSet<usize>,
}

impl Total {
    fn add(&mut self, value: Value) {
        match value {
            Value::Nothing => {}
            Value::Amount(amount) => self.sum = Some(self.sum.unwrap_or(0) + amount),
            Value::Member(member) => {
                self.members.insert(member);
            }
        }
    }

    /// Empty where no row had an amount, as a sum of nothing is.
    fn cell(&self, figure: Figure) -> String {
        let text = |write: fn(i64) -> String| self.sum.map(write).unwrap_or_default();
        match figure {
            Figure::Whole => text(|whole| whole.to_string()),
            Figure::Money => text(money),
            Figure::Quantity => text(quantity),
            Figure::Exact => text(|millionths| fixed(millionths, 6)),
            Figure::Distinct => self.members.len().to_string(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_add_up_under_keys_and_nothing_stays_empty() {
        let layout = Layout {
            key: &["key"],
            figures: &[
                ("rows", Figure::Whole),
                ("money", Figure::Money),
                ("exact", Figure::Exact),
                ("who", Figure::Distinct),
            ],
        };
        let row = |key: &str, money, exact, who| {
            (vec![key.to_owned()], vec![Value::counted(true), money, exact, Value::member(who)])
        };
        let page = layout.page([
            row("b", Value::Amount(150), Value::Amount(-1), Some(7)),
            row("a", Value::Nothing, Value::Nothing, None),
            row("b", Value::Amount(5), Value::Amount(2_000_000), Some(7)),
        ]);
        assert_eq!(page, "key,rows,money,exact,who\na,1,,,0\nb,2,1.55,1.999999,1\n");
    }
}
