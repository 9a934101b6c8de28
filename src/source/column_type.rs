//! The types a text or dynamically typed value can be read as.

use std::fmt;

use arrow::datatypes::{DataType, TimeUnit};

/// What the values of a source column are; fractions are decimals unless declared double.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ColumnType {
    /// Any text.
    Text,
    /// A whole number of 64 bits.
    Int64,
    /// A number with up to `precision` digits, `scale` of them after the point.
    Decimal(u8, i8),
    /// A binary floating point number.
    Double,
    /// `true`/`false`, `t`/`f`, `yes`/`no`, `1`/`0`.
    Bool,
    /// A day, ISO 8601 unless a `chrono` format is given.
    Date(Option<String>),
    /// A wall-clock time in the source's zone, ISO 8601 unless a `chrono` format is given.
    Timestamp(Option<String>),
}

impl ColumnType {
    /// Reads `int64`, `decimal(18,2)`, `date`, `date(%d/%m/%Y)`, … or says what is allowed.
    pub fn parse(text: &str) -> Result<Self, String> {
        let text = text.trim();
        let (name, argument) = match text.split_once('(') {
            Some((name, rest)) => {
                let argument =
                    rest.strip_suffix(')').ok_or_else(|| format!("`{text}` lacks `)`"))?;
                (name.trim(), Some(argument.trim()))
            }
            None => (text, None),
        };
        match (name, argument) {
            ("text", None) => Ok(Self::Text),
            ("int64" | "int", None) => Ok(Self::Int64),
            ("double", None) => Ok(Self::Double),
            ("bool", None) => Ok(Self::Bool),
            ("date", format) => Ok(Self::Date(time_format(format)?)),
            ("timestamp", format) => Ok(Self::Timestamp(time_format(format)?)),
            ("decimal", Some(argument)) => decimal(argument),
            _ => Err(format!(
                "`{text}` is not a type; there is: text, int64, decimal(P,S), double, bool, \
                 date, date(FORMAT), timestamp, timestamp(FORMAT)"
            )),
        }
    }

    /// The Arrow type of the values. Timestamps are microseconds of wall time without a zone.
    pub fn arrow(&self) -> DataType {
        match self {
            Self::Text => DataType::Utf8,
            Self::Int64 => DataType::Int64,
            Self::Decimal(precision, scale) => DataType::Decimal128(*precision, *scale),
            Self::Double => DataType::Float64,
            Self::Bool => DataType::Boolean,
            Self::Date(_) => DataType::Date32,
            Self::Timestamp(_) => DataType::Timestamp(TimeUnit::Microsecond, None),
        }
    }
}

/// A `chrono` format. One with an offset is refused: the time would be read without it.
fn time_format(format: Option<&str>) -> Result<Option<String>, String> {
    let Some(format) = format else { return Ok(None) };
    if !format.contains('%') {
        return Err(format!("`{format}` is not a format; write one like %d/%m/%Y"));
    }
    if ["%z", "%:z", "%#z", "%Z", "%+"].iter().any(|offset| format.contains(offset)) {
        return Err(format!(
            "`{format}` reads an offset, which is not offered; declare `time_zone`"
        ));
    }
    Ok(Some(format.to_owned()))
}

fn decimal(argument: &str) -> Result<ColumnType, String> {
    let wrong = || format!("`decimal({argument})` must be like decimal(18,2), at most 38 digits");
    let (precision, scale) = argument.split_once(',').ok_or_else(wrong)?;
    let precision: u8 = precision.trim().parse().map_err(|_| wrong())?;
    let scale: i8 = scale.trim().parse().map_err(|_| wrong())?;
    let fits = (1..=38).contains(&precision) && (0..=38).contains(&scale);
    if fits && u8::try_from(scale).is_ok_and(|scale| scale <= precision) {
        Ok(ColumnType::Decimal(precision, scale))
    } else {
        Err(wrong())
    }
}

impl fmt::Display for ColumnType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text => f.write_str("text"),
            Self::Int64 => f.write_str("int64"),
            Self::Decimal(precision, scale) => write!(f, "decimal({precision},{scale})"),
            Self::Double => f.write_str("double"),
            Self::Bool => f.write_str("bool"),
            Self::Date(None) => f.write_str("date"),
            Self::Date(Some(format)) => write!(f, "date({format})"),
            Self::Timestamp(None) => f.write_str("timestamp"),
            Self::Timestamp(Some(format)) => write!(f, "timestamp({format})"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::ColumnType;

    #[test]
    fn reads_what_it_prints() {
        for text in ["text", "int64", "decimal(18,2)", "double", "bool", "date(%d/%m/%Y)"] {
            assert_eq!(ColumnType::parse(text).unwrap().to_string(), text);
        }
        assert!(ColumnType::parse("decimal(2,3)").is_err());
        assert!(ColumnType::parse("varchar").unwrap_err().contains("decimal(P,S)"));
    }
}
