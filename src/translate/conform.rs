//! Which types the warehouse stores, and what two feeds of one column have in common.

use arrow::datatypes::{DataType, TimeUnit};

/// The type a computed value is stored as, or `None` if it cannot be: one text type, one whole
/// number, one double, one kind of timestamp.
pub fn stored_type(computed: &DataType) -> Option<DataType> {
    Some(match computed {
        DataType::Null => DataType::Null,
        DataType::Boolean => DataType::Boolean,
        DataType::Int8
        | DataType::Int16
        | DataType::Int32
        | DataType::Int64
        | DataType::UInt8
        | DataType::UInt16
        | DataType::UInt32 => DataType::Int64,
        DataType::UInt64 => DataType::Decimal128(20, 0),
        DataType::Float16 | DataType::Float32 | DataType::Float64 => DataType::Float64,
        DataType::Decimal32(p, s) | DataType::Decimal64(p, s) | DataType::Decimal128(p, s) => {
            DataType::Decimal128(*p, *s)
        }
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => DataType::Utf8,
        DataType::Date32 | DataType::Date64 => DataType::Date32,
        DataType::Timestamp(_, None) => DataType::Timestamp(TimeUnit::Microsecond, None),
        DataType::Dictionary(_, values) => stored_type(values)?,
        _ => return None,
    })
}

/// The type that holds the values of both without loss, if there is one.
pub fn common_type(a: &DataType, b: &DataType) -> Option<DataType> {
    match (a, b) {
        (a, b) if a == b => Some(a.clone()),
        (DataType::Null, other) | (other, DataType::Null) => Some(other.clone()),
        (DataType::Int64, DataType::Decimal128(p, s))
        | (DataType::Decimal128(p, s), DataType::Int64) => wider(19, 0, *p, *s),
        (DataType::Decimal128(p1, s1), DataType::Decimal128(p2, s2)) => wider(*p1, *s1, *p2, *s2),
        (DataType::Date32, time @ DataType::Timestamp(..))
        | (time @ DataType::Timestamp(..), DataType::Date32) => Some(time.clone()),
        _ => None,
    }
}

/// A decimal with the larger integer part and the larger scale; 38 digits are the limit.
fn wider(p1: u8, s1: i8, p2: u8, s2: i8) -> Option<DataType> {
    let scale = s1.max(s2);
    let whole = |p: u8, s: i8| i16::from(p) - i16::from(s);
    let precision = whole(p1, s1).max(whole(p2, s2)) + i16::from(scale);
    Some(DataType::Decimal128(u8::try_from(precision.min(38)).ok()?, scale))
}
