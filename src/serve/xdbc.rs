//! The SQL types of columns and parameters, as ODBC and Power BI ask for them.

use std::sync::LazyLock;

use arrow::array::RecordBatch;
use arrow::datatypes::{DataType, SchemaRef};
use arrow_flight::error::FlightError;
use arrow_flight::sql::metadata::{XdbcTypeInfo, XdbcTypeInfoData, XdbcTypeInfoDataBuilder};
use arrow_flight::sql::{Nullable, Searchable, XdbcDataType, XdbcDatetimeSubcode};

use crate::error::{Error, Result};

static TYPES: LazyLock<Result<XdbcTypeInfoData, FlightError>> = LazyLock::new(|| {
    let mut builder = XdbcTypeInfoDataBuilder::new();
    for info in numbers().into_iter().chain(texts()).chain(times()) {
        builder.append(info);
    }
    builder.build()
});

/// The schema of the type information.
pub(super) fn schema() -> SchemaRef {
    XdbcTypeInfoDataBuilder::new().schema()
}

/// All types, or those of one code, ordered by code and name.
pub(super) fn types(data_type: Option<i32>) -> Result<RecordBatch> {
    let types = TYPES.as_ref().map_err(|error| Error::internal(error.to_string()))?;
    types
        .record_batch(data_type)
        .map_err(|error| Error::internal("filtering the SQL types").because(error))
}

/// The SQL name of a type on the wire.
pub(super) fn type_name(data_type: &DataType) -> &'static str {
    match data_type {
        DataType::Null => "NULL",
        DataType::Boolean => "BOOLEAN",
        DataType::Int8 => "TINYINT",
        DataType::Int16 => "SMALLINT",
        DataType::Int32 => "INTEGER",
        DataType::Int64 => "BIGINT",
        DataType::UInt8 => "TINYINT UNSIGNED",
        DataType::UInt16 => "SMALLINT UNSIGNED",
        DataType::UInt32 => "INTEGER UNSIGNED",
        DataType::UInt64 => "BIGINT UNSIGNED",
        DataType::Float16 | DataType::Float32 => "REAL",
        DataType::Float64 => "DOUBLE",
        DataType::Decimal32(..)
        | DataType::Decimal64(..)
        | DataType::Decimal128(..)
        | DataType::Decimal256(..) => "DECIMAL",
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => "VARCHAR",
        DataType::Binary
        | DataType::LargeBinary
        | DataType::BinaryView
        | DataType::FixedSizeBinary(_) => "VARBINARY",
        DataType::Date32 | DataType::Date64 => "DATE",
        DataType::Time32(_) | DataType::Time64(_) => "TIME",
        DataType::Timestamp(_, None) => "TIMESTAMP",
        DataType::Timestamp(_, Some(_)) => "TIMESTAMP WITH TIME ZONE",
        DataType::Duration(_) | DataType::Interval(_) => "INTERVAL",
        DataType::List(_)
        | DataType::LargeList(_)
        | DataType::ListView(_)
        | DataType::LargeListView(_)
        | DataType::FixedSizeList(..) => "ARRAY",
        DataType::Struct(_) => "STRUCT",
        DataType::Map(..) => "MAP",
        DataType::Union(..) => "UNION",
        DataType::Dictionary(_, value) => type_name(value),
        DataType::RunEndEncoded(_, values) => type_name(values.data_type()),
    }
}

/// Decimal digits and digits after the point, for the types that have them.
pub(super) fn precision_and_scale(data_type: &DataType) -> Option<(u8, i8)> {
    match data_type {
        DataType::Int8 | DataType::UInt8 => Some((3, 0)),
        DataType::Int16 | DataType::UInt16 => Some((5, 0)),
        DataType::Int32 | DataType::UInt32 => Some((10, 0)),
        DataType::Int64 => Some((19, 0)),
        DataType::UInt64 => Some((20, 0)),
        DataType::Decimal128(precision, scale) | DataType::Decimal256(precision, scale) => {
            Some((*precision, *scale))
        }
        _ => None,
    }
}

fn base(name: &str, data_type: XdbcDataType, column_size: Option<i32>) -> XdbcTypeInfo {
    XdbcTypeInfo {
        type_name: name.to_owned(),
        data_type,
        sql_data_type: data_type,
        column_size,
        nullable: Nullable::NullabilityNullable,
        searchable: Searchable::Full,
        local_type_name: Some(name.to_owned()),
        ..XdbcTypeInfo::default()
    }
}

fn numbers() -> Vec<XdbcTypeInfo> {
    let integer = |name: &str, data_type, digits, unsigned| XdbcTypeInfo {
        unsigned_attribute: Some(unsigned),
        auto_increment: Some(false),
        minimum_scale: Some(0),
        maximum_scale: Some(0),
        num_prec_radix: Some(10),
        ..base(name, data_type, Some(digits))
    };
    let float = |name: &str, data_type, bits| XdbcTypeInfo {
        unsigned_attribute: Some(false),
        auto_increment: Some(false),
        num_prec_radix: Some(2),
        ..base(name, data_type, Some(bits))
    };
    let decimal = |name: &str, data_type| XdbcTypeInfo {
        create_params: Some(vec!["precision".into(), "scale".into()]),
        maximum_scale: Some(38),
        ..integer(name, data_type, 38, false)
    };
    vec![
        base("BOOLEAN", XdbcDataType::XdbcBit, Some(1)),
        integer("TINYINT", XdbcDataType::XdbcTinyint, 3, false),
        integer("TINYINT UNSIGNED", XdbcDataType::XdbcTinyint, 3, true),
        integer("SMALLINT", XdbcDataType::XdbcSmallint, 5, false),
        integer("SMALLINT UNSIGNED", XdbcDataType::XdbcSmallint, 5, true),
        integer("INTEGER", XdbcDataType::XdbcInteger, 10, false),
        integer("INTEGER UNSIGNED", XdbcDataType::XdbcInteger, 10, true),
        integer("BIGINT", XdbcDataType::XdbcBigint, 19, false),
        integer("BIGINT UNSIGNED", XdbcDataType::XdbcBigint, 20, true),
        float("REAL", XdbcDataType::XdbcReal, 24),
        float("FLOAT", XdbcDataType::XdbcFloat, 53),
        float("DOUBLE", XdbcDataType::XdbcDouble, 53),
        decimal("DECIMAL", XdbcDataType::XdbcDecimal),
        decimal("NUMERIC", XdbcDataType::XdbcNumeric),
    ]
}

fn texts() -> Vec<XdbcTypeInfo> {
    let quoted = |name: &str, data_type, prefix: &str, case_sensitive| XdbcTypeInfo {
        literal_prefix: Some(prefix.to_owned()),
        literal_suffix: Some("'".to_owned()),
        case_sensitive,
        ..base(name, data_type, Some(i32::MAX))
    };
    vec![
        quoted("CHAR", XdbcDataType::XdbcChar, "'", true),
        quoted("VARCHAR", XdbcDataType::XdbcVarchar, "'", true),
        quoted("VARBINARY", XdbcDataType::XdbcVarbinary, "X'", false),
    ]
}

fn times() -> Vec<XdbcTypeInfo> {
    // Where the short code stands for a whole family, the verbose code is the family's.
    let time = |name: &str, data_type, prefix: &str, size, subcode, digits| XdbcTypeInfo {
        literal_prefix: Some(format!("{prefix} '")),
        literal_suffix: Some("'".to_owned()),
        sql_data_type: XdbcDataType::XdbcDatetime,
        datetime_subcode: Some(subcode),
        minimum_scale: digits,
        maximum_scale: digits.map(|_| 9),
        ..base(name, data_type, Some(size))
    };
    let year = XdbcDatetimeSubcode::XdbcSubcodeYear;
    let clock = XdbcDatetimeSubcode::XdbcSubcodeTime;
    let instant = XdbcDatetimeSubcode::XdbcSubcodeTimestamp;
    let zoned = XdbcDatetimeSubcode::XdbcSubcodeTimestampWithTimezone;
    let stamp = XdbcDataType::XdbcTimestamp;
    vec![
        // The standard's subcode 1 is DATE; the enum calls it after the interval of that number.
        time("DATE", XdbcDataType::XdbcDate, "DATE", 10, year, None),
        time("TIME", XdbcDataType::XdbcTime, "TIME", 18, clock, Some(0)),
        time("TIMESTAMP", stamp, "TIMESTAMP", 29, instant, Some(0)),
        time("TIMESTAMP WITH TIME ZONE", stamp, "TIMESTAMP", 35, zoned, Some(0)),
        XdbcTypeInfo {
            literal_prefix: Some("INTERVAL '".to_owned()),
            literal_suffix: Some("'".to_owned()),
            datetime_subcode: Some(XdbcDatetimeSubcode::XdbcSubcodeUnknown),
            ..base("INTERVAL", XdbcDataType::XdbcInterval, Some(i32::MAX))
        },
    ]
}

#[cfg(test)]
mod tests {
    use arrow::array::AsArray;
    use arrow::datatypes::Int32Type;

    use super::*;

    #[test]
    fn types_are_ordered_and_filtered() {
        let all = types(None).unwrap();
        assert_eq!(all.num_columns(), 19);
        assert_eq!(all.schema(), schema());
        let codes = all.column(1).as_primitive::<Int32Type>().values().to_vec();
        assert!(codes.is_sorted());
        let times = types(Some(XdbcDataType::XdbcTimestamp as i32)).unwrap();
        assert_eq!(times.num_rows(), 2);
        assert_eq!(types(Some(4711)).unwrap().num_rows(), 0);
    }

    #[test]
    fn every_simple_type_is_described() {
        let all = types(None).unwrap();
        let names: Vec<_> = all.column(0).as_string::<i32>().iter().flatten().collect();
        for data_type in [
            DataType::Boolean,
            DataType::Int64,
            DataType::UInt8,
            DataType::Float64,
            DataType::Decimal128(18, 2),
            DataType::Utf8,
            DataType::Binary,
            DataType::Date32,
        ] {
            assert!(names.contains(&type_name(&data_type)), "{data_type}");
        }
    }
}
