//! What becomes of each type of MySQL and MariaDB: the one table that both the reader and the
//! documentation are made from.

use crate::source::ColumnType;
use crate::source::type_table::TypeFamily;

/// Types that are handled alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::source) enum Family {
    Whole,
    UnsignedBig,
    Decimal,
    WideDecimal,
    Floating,
    Bits,
    Bits64,
    Text,
    Bytes,
    Date,
    Datetime,
    Timestamp,
    Time,
    Year,
    Geometry,
    Printed,
}

/// How a column is read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Reading {
    pub(super) family: Family,
    pub(super) column_type: ColumnType,
    /// Whether a declaration gave the type: it is read from the column's text.
    pub(super) declared: bool,
}

/// A column's type as `information_schema.columns` describes it.
#[derive(Clone, Debug)]
pub(super) struct NativeType {
    /// `data_type`: one word.
    pub(super) name: String,
    /// `column_type`: with arguments and `unsigned`.
    pub(super) full: String,
    pub(super) precision: Option<u64>,
    pub(super) scale: Option<u64>,
    /// Whether it has a character set: `text` has, `blob` has not.
    pub(super) is_text: bool,
}

impl NativeType {
    /// How a column of this type is read.
    pub(super) fn reading(&self) -> Reading {
        let family = self.family();
        let column_type = match family {
            Family::Decimal | Family::WideDecimal => self.decimal(),
            family => family.column_type(),
        };
        Reading { family, column_type, declared: false }
    }

    fn family(&self) -> Family {
        let unsigned = self.full.to_ascii_lowercase().contains("unsigned");
        match self.name.to_ascii_lowercase().as_str() {
            "bigint" if unsigned => Family::UnsignedBig,
            "tinyint" | "smallint" | "mediumint" | "int" | "bigint" => Family::Whole,
            "decimal" if self.precision.is_some_and(|precision| precision <= 38) => Family::Decimal,
            "decimal" => Family::WideDecimal,
            "float" | "double" => Family::Floating,
            "bit" if self.precision == Some(64) => Family::Bits64,
            "bit" => Family::Bits,
            "date" => Family::Date,
            "datetime" => Family::Datetime,
            "timestamp" => Family::Timestamp,
            "time" => Family::Time,
            "year" => Family::Year,
            "geometry" | "point" | "linestring" | "polygon" | "multipoint" | "multilinestring"
            | "multipolygon" | "geometrycollection" | "geomcollection" => Family::Geometry,
            "json" | "enum" | "set" => Family::Text,
            "char" | "varchar" | "tinytext" | "text" | "mediumtext" | "longtext"
                if self.is_text =>
            {
                Family::Text
            }
            "binary" | "varbinary" | "tinyblob" | "blob" | "mediumblob" | "longblob" => {
                Family::Bytes
            }
            _ => Family::Printed,
        }
    }

    fn decimal(&self) -> ColumnType {
        let precision = self.precision.and_then(|p| u8::try_from(p).ok()).unwrap_or(38).min(38);
        let scale = self.scale.and_then(|scale| i8::try_from(scale).ok()).unwrap_or(0);
        ColumnType::Decimal(precision.max(1), scale.min(38))
    }
}

impl Reading {
    /// Reads a column as the type that a declaration gives it: from its text.
    pub(super) fn declared(&self, column_type: ColumnType) -> Self {
        Self { family: self.family, column_type, declared: true }
    }

    /// The expression that asks for `column`, which is quoted already.
    pub(super) fn expression(&self, column: &str) -> String {
        match self.family {
            Family::Geometry => format!("ST_AsText({column})"),
            Family::Printed => format!("CAST({column} AS CHAR)"),
            Family::Bytes | Family::Bits | Family::Bits64 => column.to_owned(),
            _ if self.declared => format!("CAST({column} AS CHAR)"),
            _ => column.to_owned(),
        }
    }
}

impl Family {
    /// What its values are read as; of a decimal the one it declares.
    pub(super) fn column_type(self) -> ColumnType {
        match self {
            Self::Whole | Self::Bits | Self::Year => ColumnType::Int64,
            Self::UnsignedBig | Self::Bits64 => ColumnType::Decimal(20, 0),
            Self::Decimal | Self::WideDecimal => ColumnType::Decimal(38, 0),
            Self::Floating => ColumnType::Double,
            Self::Date => ColumnType::Date(None),
            Self::Datetime | Self::Timestamp => ColumnType::Timestamp(None),
            Self::Text | Self::Bytes | Self::Time | Self::Geometry | Self::Printed => {
                ColumnType::Text
            }
        }
    }
}

/// In the order of the documentation.
pub(in crate::source) const FAMILIES: [Family; 16] = [
    Family::Whole,
    Family::UnsignedBig,
    Family::Decimal,
    Family::WideDecimal,
    Family::Floating,
    Family::Bits,
    Family::Bits64,
    Family::Text,
    Family::Bytes,
    Family::Date,
    Family::Datetime,
    Family::Timestamp,
    Family::Time,
    Family::Year,
    Family::Geometry,
    Family::Printed,
];

impl TypeFamily for Family {
    fn native(&self) -> &'static str {
        match *self {
            Self::Whole => {
                "tinyint, smallint, mediumint, int, bigint; unsigned too, but for bigint"
            }
            Self::UnsignedBig => "bigint unsigned",
            Self::Decimal => "decimal(p,s), p up to 38",
            Self::WideDecimal => "decimal(p,s), p beyond 38",
            Self::Floating => "float, double",
            Self::Bits => "bit(n), n below 64",
            Self::Bits64 => "bit(64)",
            Self::Text => "char, varchar, tinytext to longtext, enum, set, json",
            Self::Bytes => "binary, varbinary, tinyblob to longblob",
            Self::Date => "date",
            Self::Datetime => "datetime",
            Self::Timestamp => "timestamp",
            Self::Time => "time",
            Self::Year => "year",
            Self::Geometry => "geometry, point and the other spatial types",
            Self::Printed => "uuid, inet4, inet6 and every other type",
        }
    }

    fn becomes(&self) -> String {
        match *self {
            Self::Decimal => "decimal(p,s)".to_owned(),
            Self::WideDecimal => "decimal(38,s)".to_owned(),
            family => family.column_type().to_string(),
        }
    }

    fn remark(&self) -> Option<&'static str> {
        match *self {
            Self::WideDecimal => Some("numbers of more than 38 digits are set aside"),
            Self::Text => {
                Some("in UTF-8, whatever the character set is; a char without the blanks behind it")
            }
            Self::Bytes => Some("as `\\x` and hexadecimal digits"),
            Self::Bits | Self::Bits64 => Some("as the number the bits make"),
            Self::Date | Self::Datetime => Some(
                "days that do not exist, `0000-00-00` among them, are set aside, or NULL with \
                 `zero_dates: missing`",
            ),
            Self::Timestamp => Some(
                "the time on the project's clock; `0000-00-00` is set aside, or NULL with \
                 `zero_dates: missing`",
            ),
            Self::Time => Some("as `-838:59:59.000000`, because it may be longer than a day"),
            Self::Geometry => Some("as well-known text; the reference system is lost"),
            Self::Printed => Some("as the server prints it"),
            _ => None,
        }
    }
}
