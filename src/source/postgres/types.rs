//! What becomes of each type of PostgreSQL: the one table that both the reader and the documentation
//! are made from.

use crate::source::ColumnType;
use crate::source::type_table::TypeFamily;

/// Digits kept after the point of a `numeric` that declares none: more are set aside, not rounded.
const OPEN_SCALE: i8 = 10;

/// Types that are handled alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::source) enum Family {
    Whole,
    Numeric,
    OpenNumeric,
    Money,
    Floating,
    Bool,
    Text,
    PaddedText,
    Jsonb,
    Json,
    Uuid,
    Date,
    Timestamp,
    TimestampTz,
    Bytes,
    Structure,
    Printed,
}

/// How the bytes of a field are to be understood; the binary formats of PostgreSQL's `send` functions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wire {
    Int2,
    Int4,
    Int8,
    Oid,
    Float4,
    Float8,
    Bool,
    Text,
    Jsonb,
    Uuid,
    Date,
    Timestamp,
    TimestampTz,
    Numeric,
}

/// How the value of a column is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Asked {
    /// As it is.
    Plain,
    /// Cast to a type.
    Cast(&'static str),
    /// As JSON, printed.
    Json,
}

/// How a column is read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Reading {
    pub(super) asked: Asked,
    pub(super) wire: Wire,
    pub(super) column_type: ColumnType,
    pub(super) family: Family,
}

/// A type as the catalogue describes it, domains already replaced by what they are over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct NativeType {
    pub(super) oid: u32,
    /// `typtype`: b base, c composite, e enum, r range, m multirange.
    pub(super) kind: char,
    /// `typcategory`: A for arrays.
    pub(super) category: char,
    pub(super) modifier: i32,
}

impl NativeType {
    /// Its family, and for those of more than one wire format which.
    pub(super) fn reading(self) -> Reading {
        let (family, wire) = match self.oid {
            16 => (Family::Bool, Wire::Bool),
            17 => (Family::Bytes, Wire::Text),
            18 | 19 | 25 | 142 | 1043 => (Family::Text, Wire::Text),
            20 => (Family::Whole, Wire::Int8),
            21 => (Family::Whole, Wire::Int2),
            23 => (Family::Whole, Wire::Int4),
            26 => (Family::Whole, Wire::Oid),
            114 => (Family::Json, Wire::Text),
            700 => (Family::Floating, Wire::Float4),
            701 => (Family::Floating, Wire::Float8),
            790 => (Family::Money, Wire::Numeric),
            1042 => (Family::PaddedText, Wire::Text),
            1082 => (Family::Date, Wire::Date),
            1114 => (Family::Timestamp, Wire::Timestamp),
            1184 => (Family::TimestampTz, Wire::TimestampTz),
            1700 if self.declared_decimal().is_some() => (Family::Numeric, Wire::Numeric),
            1700 => (Family::OpenNumeric, Wire::Numeric),
            2950 => (Family::Uuid, Wire::Uuid),
            3802 => (Family::Jsonb, Wire::Jsonb),
            _ if self.category == 'A' || self.kind == 'c' => (Family::Structure, Wire::Text),
            _ => (Family::Printed, Wire::Text),
        };
        let column_type = match family {
            Family::Numeric => {
                self.declared_decimal().unwrap_or(ColumnType::Decimal(38, OPEN_SCALE))
            }
            family => family.column_type(),
        };
        Reading { asked: family.asked(), wire, column_type, family }
    }

    /// The decimal that the modifier of a `numeric(p, s)` declares, if one holds all its values.
    fn declared_decimal(self) -> Option<ColumnType> {
        // `numerictypmodin`: precision in the upper half, scale in the lower 11 bits, signed.
        let packed = self.modifier.checked_sub(4).filter(|packed| *packed >= 0)?;
        let precision = u8::try_from((packed >> 16) & 0xffff).ok()?;
        let scale = ((packed & 0x7ff) ^ 1024) - 1024;
        let scale = i8::try_from(scale).ok().filter(|scale| *scale >= 0)?;
        let fits = precision <= 38 && u8::try_from(scale).is_ok_and(|scale| scale <= precision);
        fits.then_some(ColumnType::Decimal(precision, scale))
    }
}

impl Reading {
    /// Reads a column as the type that a declaration gives it: from its text.
    pub(super) fn declared(&self, column_type: ColumnType) -> Self {
        let asked = match self.asked {
            Asked::Json => Asked::Json,
            _ => Asked::Cast("text"),
        };
        Self { asked, wire: Wire::Text, column_type, family: self.family }
    }

    /// The expression that asks for `column`, which is quoted already.
    pub(super) fn expression(&self, column: &str) -> String {
        match self.asked {
            Asked::Plain => column.to_owned(),
            Asked::Cast(to) => format!("({column})::pg_catalog.{to}"),
            Asked::Json => format!("(pg_catalog.to_json({column}))::pg_catalog.text"),
        }
    }
}

impl Family {
    /// What its values are read as; of a `numeric(p,s)` the decimal it declares.
    pub(super) fn column_type(self) -> ColumnType {
        match self {
            Self::Whole => ColumnType::Int64,
            Self::Numeric | Self::OpenNumeric => ColumnType::Decimal(38, OPEN_SCALE),
            Self::Money => ColumnType::Decimal(20, 4),
            Self::Floating => ColumnType::Double,
            Self::Bool => ColumnType::Bool,
            Self::Date => ColumnType::Date(None),
            Self::Timestamp | Self::TimestampTz => ColumnType::Timestamp(None),
            Self::Text
            | Self::PaddedText
            | Self::Jsonb
            | Self::Json
            | Self::Uuid
            | Self::Bytes
            | Self::Structure
            | Self::Printed => ColumnType::Text,
        }
    }

    fn asked(self) -> Asked {
        match self {
            Self::Money => Asked::Cast("numeric"),
            Self::PaddedText | Self::Bytes | Self::Printed => Asked::Cast("text"),
            Self::Structure => Asked::Json,
            _ => Asked::Plain,
        }
    }
}

/// In the order of the documentation.
pub(in crate::source) const FAMILIES: [Family; 17] = [
    Family::Whole,
    Family::Numeric,
    Family::OpenNumeric,
    Family::Money,
    Family::Floating,
    Family::Bool,
    Family::Text,
    Family::PaddedText,
    Family::Json,
    Family::Jsonb,
    Family::Uuid,
    Family::Date,
    Family::Timestamp,
    Family::TimestampTz,
    Family::Bytes,
    Family::Structure,
    Family::Printed,
];

impl TypeFamily for Family {
    fn native(&self) -> &'static str {
        match *self {
            Self::Whole => "smallint, integer, bigint, serial, oid",
            Self::Numeric => "numeric(p,s), p up to 38",
            Self::OpenNumeric => "numeric, and numeric(p,s) beyond 38 digits",
            Self::Money => "money",
            Self::Floating => "real, double precision",
            Self::Bool => "boolean",
            Self::Text => "text, varchar, name, \"char\", xml",
            Self::PaddedText => "char(n)",
            Self::Json => "json",
            Self::Jsonb => "jsonb",
            Self::Uuid => "uuid",
            Self::Date => "date",
            Self::Timestamp => "timestamp",
            Self::TimestampTz => "timestamptz",
            Self::Bytes => "bytea",
            Self::Structure => "arrays, composite types",
            Self::Printed => {
                "enums, time, timetz, interval, ranges, multiranges, bit, varbit, inet, cidr, macaddr, \
                 point and other geometric types, tsvector, citext, ltree, hstore, and every other type"
            }
        }
    }

    fn becomes(&self) -> String {
        match *self {
            Self::Numeric => "decimal(p,s)".to_owned(),
            family => family.column_type().to_string(),
        }
    }

    fn remark(&self) -> Option<&'static str> {
        match *self {
            Self::Numeric => Some("`NaN` is set aside"),
            Self::OpenNumeric => Some(
                "`NaN`, infinities and numbers with more than 10 decimals or 28 digits before the point are \
                 set aside; `types:` gives another decimal",
            ),
            Self::Floating => Some("`NaN` and infinities are set aside"),
            Self::PaddedText => Some("without the spaces it is padded with"),
            Self::Date | Self::Timestamp => {
                Some("infinities and years outside 1 to 9999 are set aside")
            }
            Self::TimestampTz => Some(
                "the time on the project's clock; infinities and years outside 1 to 9999 are set aside",
            ),
            Self::Bytes => Some("as `\\x` and hexadecimal digits"),
            Self::Structure => Some("as JSON; the lower bounds of arrays are lost"),
            Self::Printed => Some("as PostgreSQL prints it, intervals as ISO 8601"),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numeric(precision: i32, scale: i32) -> ColumnType {
        let modifier = ((precision << 16) | (scale & 0x7ff)) + 4;
        NativeType { oid: 1700, kind: 'b', category: 'N', modifier }.reading().column_type
    }

    #[test]
    fn a_numeric_keeps_its_digits() {
        assert_eq!(numeric(12, 2), ColumnType::Decimal(12, 2));
        assert_eq!(numeric(38, 38), ColumnType::Decimal(38, 38));
        for (precision, scale) in [(39, 2), (5, -2), (3, 5)] {
            assert_eq!(numeric(precision, scale), ColumnType::Decimal(38, OPEN_SCALE));
        }
    }
}
