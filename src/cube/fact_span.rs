//! Between which days the facts of a cube lie, where the statistics of its table tell.

use datafusion::common::ScalarValue;
use datafusion::datasource::source_as_provider;

use super::bound::BoundCube;

/// The first and the last day with facts, as version keys of the date dimension.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct FactSpan {
    pub first: i64,
    pub last: i64,
}

impl FactSpan {
    /// What the statistics say of `role`; `None` where they are not exact, and where some facts have
    /// no known day, as these hide the first one that is known.
    pub(super) fn told(cube: &BoundCube, role: usize) -> Option<Self> {
        let key = cube.cube.roles[role].role.key_column();
        let position = cube.fact().schema().index_of(&key).ok()?;
        let statistics = source_as_provider(cube.fact()).ok()?.statistics()?;
        let column = statistics.column_statistics.get(position)?;
        if !(column.min_value.is_exact()? && column.max_value.is_exact()?) {
            return None;
        }
        let day = |value: &ScalarValue| match value {
            ScalarValue::Int64(Some(day)) if *day > 0 => Some(*day),
            _ => None,
        };
        Some(Self {
            first: day(column.min_value.get_value()?)?,
            last: day(column.max_value.get_value()?)?,
        })
    }
}
