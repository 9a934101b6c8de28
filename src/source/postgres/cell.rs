//! One field of a row as it is sent, to a value of its column.

use bytes::Buf;
use chrono::{DateTime, NaiveDate};
use chrono_tz::Tz;

use super::numeric::Numeric;
use super::types::Wire;
use crate::source::ColumnType;
use crate::source::memory_batch::Value;

/// From PostgreSQL's epoch, 2000-01-01, back to 1970-01-01.
const EPOCH_DAYS: i32 = 10_957;
const EPOCH_MICROS: i64 = 86_400_000_000 * EPOCH_DAYS as i64;
/// 0001-01-01 and 9999-12-31 in days since 1970-01-01, between which days are stored.
const FIRST_DAY: i32 = -719_162;
const LAST_DAY: i32 = 2_932_896;
const MICROS_PER_DAY: i64 = 86_400_000_000;

/// Why a field is no value of its column.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Misfit {
    pub(super) value: Option<String>,
    pub(super) reason: String,
}

/// The value of `field`. An instant becomes the time on the clock of `ours`.
pub(super) fn value<'a>(
    field: &'a [u8],
    wire: Wire,
    column_type: &ColumnType,
    ours: Tz,
) -> Result<Value<'a>, Misfit> {
    let strange =
        || Misfit { value: None, reason: "not what PostgreSQL sends for its type".into() };
    match wire {
        Wire::Int2 => Ok(Value::Int64(i16::from_be_bytes(exact(field)?).into())),
        Wire::Int4 => Ok(Value::Int64(i32::from_be_bytes(exact(field)?).into())),
        Wire::Int8 => Ok(Value::Int64(i64::from_be_bytes(exact(field)?))),
        Wire::Oid => Ok(Value::Int64(u32::from_be_bytes(exact(field)?).into())),
        Wire::Float4 => finite(f32::from_be_bytes(exact(field)?).into()),
        Wire::Float8 => finite(f64::from_be_bytes(exact(field)?)),
        Wire::Bool => Ok(Value::Bool(exact::<1>(field)?[0] != 0)),
        Wire::Text => text_value(field),
        Wire::Jsonb => text_value(json_body(field).ok_or_else(strange)?),
        // Its text is made where it is needed, because it is not part of what was sent.
        Wire::Uuid => Err(strange()),
        Wire::Date => date(i32::from_be_bytes(exact(field)?)),
        Wire::Timestamp => Ok(Value::Wall(micros(i64::from_be_bytes(exact(field)?))?)),
        Wire::TimestampTz => {
            let at = micros(i64::from_be_bytes(exact(field)?))?;
            let at = DateTime::from_timestamp_micros(at).ok_or_else(strange)?;
            Ok(Value::Ours(at.with_timezone(&ours).naive_local().and_utc().timestamp_micros()))
        }
        Wire::Numeric => {
            let number = Numeric::read(field).ok_or_else(strange)?;
            let ColumnType::Decimal(precision, scale) = *column_type else { return Err(strange()) };
            number.scaled(precision, scale).map(Value::Decimal).ok_or_else(|| Misfit {
                value: Some(number.text()),
                reason: format!("does not fit {column_type}; `types:` can give another type"),
            })
        }
    }
}

/// A field as a person would write it, for a row that is set aside.
pub(super) fn text(field: &[u8], wire: Wire) -> Option<String> {
    let printed = match wire {
        Wire::Int2 => i16::from_be_bytes(exact(field).ok()?).to_string(),
        Wire::Int4 => i32::from_be_bytes(exact(field).ok()?).to_string(),
        Wire::Int8 => i64::from_be_bytes(exact(field).ok()?).to_string(),
        Wire::Oid => u32::from_be_bytes(exact(field).ok()?).to_string(),
        Wire::Float4 => f32::from_be_bytes(exact(field).ok()?).to_string(),
        Wire::Float8 => f64::from_be_bytes(exact(field).ok()?).to_string(),
        Wire::Bool => (exact::<1>(field).ok()?[0] != 0).to_string(),
        Wire::Text => String::from_utf8_lossy(field).into_owned(),
        Wire::Jsonb => String::from_utf8_lossy(json_body(field)?).into_owned(),
        Wire::Uuid => uuid(field)?,
        Wire::Date => day_text(i32::from_be_bytes(exact(field).ok()?)),
        Wire::Timestamp => time_text(i64::from_be_bytes(exact(field).ok()?)),
        Wire::TimestampTz => format!("{}+00", time_text(i64::from_be_bytes(exact(field).ok()?))),
        Wire::Numeric => Numeric::read(field)?.text(),
    };
    Some(printed)
}

/// The sixteen bytes of a UUID in its usual form.
pub(super) fn uuid(field: &[u8]) -> Option<String> {
    let bytes: [u8; 16] = exact(field).ok()?;
    let digits = format!("{:032x}", u128::from_be_bytes(bytes));
    let parts = [&digits[..8], &digits[8..12], &digits[12..16], &digits[16..20], &digits[20..]];
    Some(parts.join("-"))
}

fn exact<const N: usize>(field: &[u8]) -> Result<[u8; N], Misfit> {
    field.try_into().map_err(|_| Misfit {
        value: None,
        reason: format!("{} bytes instead of the {N} of its type", field.len()),
    })
}

fn finite<'a>(number: f64) -> Result<Value<'a>, Misfit> {
    if number.is_finite() {
        return Ok(Value::Double(number));
    }
    Err(Misfit { value: Some(number.to_string()), reason: "not a finite number".into() })
}

fn text_value(field: &[u8]) -> Result<Value<'_>, Misfit> {
    match std::str::from_utf8(field) {
        Ok(text) => Ok(Value::Text(text)),
        Err(_) => Err(Misfit {
            value: Some(String::from_utf8_lossy(field).into_owned()),
            reason: "not UTF-8, although the server was asked for it".into(),
        }),
    }
}

/// What follows the version of a `jsonb`.
fn json_body(mut field: &[u8]) -> Option<&[u8]> {
    (!field.is_empty() && field.get_u8() == 1).then_some(field)
}

fn date<'a>(day: i32) -> Result<Value<'a>, Misfit> {
    let since_1970 = day.checked_add(EPOCH_DAYS);
    let stored = since_1970.filter(|day| (FIRST_DAY..=LAST_DAY).contains(day));
    stored.map(Value::Date).ok_or_else(|| out_of_range(day_text(day)))
}

fn micros(at: i64) -> Result<i64, Misfit> {
    let since_1970 = at.checked_add(EPOCH_MICROS);
    let allowed = i64::from(FIRST_DAY) * MICROS_PER_DAY..(i64::from(LAST_DAY) + 1) * MICROS_PER_DAY;
    since_1970.filter(|at| allowed.contains(at)).ok_or_else(|| out_of_range(time_text(at)))
}

fn out_of_range(value: String) -> Misfit {
    let reason = "not within the years 1 to 9999".to_owned();
    Misfit { value: Some(value), reason }
}

fn day_text(day: i32) -> String {
    match day {
        i32::MAX => "infinity".to_owned(),
        i32::MIN => "-infinity".to_owned(),
        day => {
            let since_1970 = day.checked_add(EPOCH_DAYS);
            let date = since_1970.and_then(NaiveDate::from_epoch_days);
            date.map_or_else(|| format!("{day} days from 2000-01-01"), |date| date.to_string())
        }
    }
}

fn time_text(at: i64) -> String {
    match at {
        i64::MAX => "infinity".to_owned(),
        i64::MIN => "-infinity".to_owned(),
        at => {
            let since_1970 = at.checked_add(EPOCH_MICROS);
            let time = since_1970.and_then(DateTime::from_timestamp_micros);
            time.map_or_else(
                || format!("{at} microseconds from 2000-01-01"),
                |time| time.naive_utc().to_string(),
            )
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instant_is_read_on_the_project_s_clock() {
        let micros = (1_706_661_000_000_000 - EPOCH_MICROS).to_be_bytes();
        let timestamp = ColumnType::Timestamp(None);
        let shanghai = chrono_tz::Asia::Shanghai;
        let at = value(&micros, Wire::TimestampTz, &timestamp, shanghai).unwrap();
        assert_eq!(at, Value::Ours(1_706_661_000_000_000 + 8 * 3_600_000_000));
        assert_eq!(text(&micros, Wire::TimestampTz).unwrap(), "2024-01-31 00:30:00+00");
    }

    #[test]
    fn infinities_and_strange_years_are_set_aside() {
        let date = ColumnType::Date(None);
        let read = |day: i32| {
            let bytes = day.to_be_bytes();
            let value = value(&bytes, Wire::Date, &date, Tz::UTC);
            value.map(|value| format!("{value:?}")).map_err(|misfit| misfit.value)
        };
        assert_eq!(read(0), Ok("Date(10957)".to_owned()));
        assert_eq!(read(i32::MAX), Err(Some("infinity".to_owned())));
        assert_eq!(read(LAST_DAY - EPOCH_DAYS), Ok(format!("Date({LAST_DAY})")));
        assert_eq!(read(LAST_DAY - EPOCH_DAYS + 1), Err(Some("+10000-01-01".to_owned())));
        assert_eq!(read(FIRST_DAY - EPOCH_DAYS - 1), Err(Some("0000-12-31".to_owned())));
    }

    #[test]
    fn a_uuid_is_printed_as_usual() {
        let bytes: Vec<u8> = (0..16).collect();
        assert_eq!(uuid(&bytes).unwrap(), "00010203-0405-0607-0809-0a0b0c0d0e0f");
    }
}
