//! Guessing the types of CSV columns from a sample of the files.

use std::sync::Arc;

use super::cell;
use super::column_type::ColumnType;
use super::csv::{CsvFormat, Records};
use super::files::FileStamp;
use super::text;
use crate::error::Result;

const SAMPLE_FILES: usize = 8;
const SAMPLE_ROWS: usize = 2000;
/// The precision and scale of a column that looks like decimals; wide enough for money and rates.
const DECIMAL: (u8, i8) = (28, 6);

/// What every value seen so far could be.
#[derive(Clone, Copy)]
struct Candidates {
    seen: bool,
    int: bool,
    decimal: bool,
    double: bool,
    bool: bool,
    date: bool,
    timestamp: bool,
}

impl Candidates {
    const ALL: Self = Self {
        seen: false,
        int: true,
        decimal: true,
        double: true,
        bool: true,
        date: true,
        timestamp: true,
    };

    fn narrow(&mut self, text: &str, point: u8) {
        self.seen = true;
        self.int = self.int && cell::int(text).is_some();
        self.decimal = self.decimal
            && !cell::is_code(text)
            && !text.contains(['e', 'E'])
            && cell::decimal(text, DECIMAL.0, DECIMAL.1, point).is_some();
        self.double = self.double
            && !cell::is_code(text)
            && !looks_like_part_number(text)
            && cell::double(text, point).is_some();
        self.bool = self.bool && matches!(text.to_ascii_lowercase().as_str(), "true" | "false");
        self.date = self.date && cell::date(text, None).is_some();
        self.timestamp = self.timestamp && cell::timestamp(text, None).is_some();
    }

    fn column_type(self) -> ColumnType {
        match self {
            Self { seen: false, .. } => ColumnType::Text,
            Self { bool: true, .. } => ColumnType::Bool,
            Self { int: true, .. } => ColumnType::Int64,
            Self { decimal: true, .. } => ColumnType::Decimal(DECIMAL.0, DECIMAL.1),
            Self { double: true, .. } => ColumnType::Double,
            Self { date: true, .. } => ColumnType::Date(None),
            Self { timestamp: true, .. } => ColumnType::Timestamp(None),
            _ => ColumnType::Text,
        }
    }
}

/// The types of the columns of `header`: what every sampled value allows, text otherwise.
pub(super) fn infer(
    files: &[FileStamp],
    format: &Arc<CsvFormat>,
    header: &[String],
) -> Result<Vec<ColumnType>> {
    let mut candidates = vec![Candidates::ALL; header.len()];
    if header.iter().all(|name| format.types.contains_key(name)) {
        return Ok(vec![ColumnType::Text; header.len()]);
    }
    let step = files.len().div_ceil(SAMPLE_FILES).max(1);
    for file in files.iter().step_by(step) {
        let mut records = Records::open(file, format)?;
        let places: Vec<Option<usize>> = records
            .header
            .iter()
            .map(|name| header.iter().position(|wanted| wanted == name))
            .collect();
        for _ in 0..SAMPLE_ROWS {
            if !records.advance()? {
                break;
            }
            for (index, place) in places.iter().enumerate().take(records.field_count()) {
                let Some(place) = place else { continue };
                let Some(value) = text::decode(records.field(index), format.encoding) else {
                    continue;
                };
                if !format.nulls.iter().any(|null| *null == value) {
                    candidates[*place].narrow(value.trim(), format.point);
                }
            }
        }
    }
    Ok(candidates.into_iter().map(Candidates::column_type).collect())
}

/// The type that every one of `texts` fits, text where none is narrower.
pub(super) fn infer_texts<'a>(texts: impl Iterator<Item = &'a str>, point: u8) -> ColumnType {
    let mut candidates = Candidates::ALL;
    texts.for_each(|text| candidates.narrow(text.trim(), point));
    candidates.column_type()
}

/// `1E3` is more often a code than a thousand; `1.5e3` is a number.
fn looks_like_part_number(text: &str) -> bool {
    text.contains(['e', 'E']) && !text.contains(['.', ','])
}
