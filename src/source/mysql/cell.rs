//! One value of a row as the driver gives it, to a value of its column.

use std::fmt::Write;

use chrono::{NaiveDate, NaiveDateTime};
use chrono_tz::Tz;
use mysql_async::Value as Sent;

use super::types::{Family, Reading};
use crate::error::Result;
use crate::source::ColumnType;
use crate::source::memory_batch::{BatchBuilder, Value};

/// What becomes of days that do not exist.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ZeroDates {
    /// Their rows are set aside.
    #[default]
    SetAside,
    /// `0000-00-00` is NULL; other days that do not exist are set aside.
    Missing,
}

/// How the values of a source are understood.
#[derive(Clone, Copy, Debug)]
pub(super) struct Clock {
    /// The project's zone.
    pub(super) ours: Tz,
    pub(super) zero_dates: ZeroDates,
}

/// Appends `sent` to the row under construction.
pub(super) fn append(
    builder: &mut BatchBuilder,
    index: usize,
    sent: &Sent,
    reading: &Reading,
    clock: Clock,
) -> Result<()> {
    match (sent, reading.family) {
        (Sent::NULL, _) => builder.value(index, Value::Null),
        (Sent::Bytes(bytes), Family::Bytes) => append_text(builder, index, Some(&hex(bytes))),
        (Sent::Bytes(bytes), Family::Bits) => whole(builder, index, bits(bytes), reading),
        (Sent::Bytes(bytes), Family::Bits64) => {
            let bits = bits(bytes).map(i128::from);
            decimal(builder, index, bits, reading)
        }
        (Sent::Bytes(bytes), Family::Decimal | Family::WideDecimal) if !reading.declared => {
            append_text(builder, index, std::str::from_utf8(bytes).ok().map(without_fill))
        }
        (Sent::Bytes(bytes), _) => append_text(builder, index, std::str::from_utf8(bytes).ok()),
        (Sent::Int(number), _) => match reading.column_type {
            ColumnType::Decimal(..) => decimal(builder, index, Some((*number).into()), reading),
            _ => builder.value(index, Value::Int64(*number)),
        },
        (Sent::UInt(number), _) => match reading.column_type {
            ColumnType::Decimal(..) => decimal(builder, index, Some((*number).into()), reading),
            _ => whole(builder, index, Some(*number), reading),
        },
        (Sent::Float(number), _) => double(builder, index, f64::from(*number)),
        (Sent::Double(number), _) => double(builder, index, *number),
        (Sent::Date(year, month, day, ..), family) => match read_moment(sent) {
            Some(at) => moment(builder, index, at, family, clock),
            None if (*year, *month, *day) == (0, 0, 0)
                && clock.zero_dates == ZeroDates::Missing =>
            {
                builder.value(index, Value::Null)
            }
            None => {
                let reason =
                    "a day that does not exist; `zero_dates: missing` reads 0000-00-00 as NULL";
                builder.misfit(index, text(sent, family), Some(reason.to_owned()));
                Ok(())
            }
        },
        (Sent::Time(..), family) => append_text(builder, index, text(sent, family).as_deref()),
    }
}

fn append_text(builder: &mut BatchBuilder, index: usize, text: Option<&str>) -> Result<()> {
    match text {
        Some(text) => builder.cell(index, Some(text)),
        None => builder.misfit(
            index,
            None,
            Some("not UTF-8, although the server was asked for it".into()),
        ),
    }
    Ok(())
}

fn whole(
    builder: &mut BatchBuilder,
    index: usize,
    number: Option<u64>,
    reading: &Reading,
) -> Result<()> {
    match number.and_then(|number| i64::try_from(number).ok()) {
        Some(number) if !reading.declared => builder.value(index, Value::Int64(number)),
        Some(number) => append_text(builder, index, Some(&number.to_string())),
        None => {
            builder.misfit(index, number.map(|number| number.to_string()), None);
            Ok(())
        }
    }
}

fn decimal(
    builder: &mut BatchBuilder,
    index: usize,
    number: Option<i128>,
    reading: &Reading,
) -> Result<()> {
    match number {
        Some(number) if !reading.declared => builder.value(index, Value::Decimal(number)),
        Some(number) => append_text(builder, index, Some(&number.to_string())),
        None => {
            builder.misfit(index, None, None);
            Ok(())
        }
    }
}

fn double(builder: &mut BatchBuilder, index: usize, number: f64) -> Result<()> {
    if number.is_finite() {
        return builder.value(index, Value::Double(number));
    }
    builder.misfit(index, Some(number.to_string()), Some("not a finite number".into()));
    Ok(())
}

/// A number without the zeros that a `zerofill` column prints it with.
fn without_fill(number: &str) -> &str {
    let digits = number.trim_start_matches('0');
    let kept = if digits.starts_with(|first: char| first.is_ascii_digit()) { 0 } else { 1 };
    &number[(number.len() - digits.len()).saturating_sub(kept)..]
}

/// The moment of a day that exists, in the years 1 to 9999.
fn read_moment(sent: &Sent) -> Option<NaiveDateTime> {
    let Sent::Date(year, month, day, hour, minute, second, micros) = *sent else { return None };
    let date = NaiveDate::from_ymd_opt(year.into(), month.into(), day.into())?;
    let at = date.and_hms_micro_opt(hour.into(), minute.into(), second.into(), micros)?;
    (year > 0).then_some(at)
}

/// A `timestamp` is an instant, sent in UTC; everything else is what the clock on the wall showed.
fn moment(
    builder: &mut BatchBuilder,
    index: usize,
    at: NaiveDateTime,
    family: Family,
    clock: Clock,
) -> Result<()> {
    match family {
        Family::Date => builder.value(index, Value::Date(at.date().to_epoch_days())),
        Family::Timestamp => {
            let here = at.and_utc().with_timezone(&clock.ours).naive_local();
            builder.value(index, Value::Ours(here.and_utc().timestamp_micros()))
        }
        _ => builder.value(index, Value::Wall(at.and_utc().timestamp_micros())),
    }
}

fn hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(2 + 2 * bytes.len());
    text.push_str("\\x");
    for byte in bytes {
        // Writing to a string cannot fail.
        let _written = write!(text, "{byte:02x}");
    }
    text
}

/// Up to eight bytes, the most significant first.
fn bits(bytes: &[u8]) -> Option<u64> {
    (bytes.len() <= 8).then(|| bytes.iter().fold(0, |sum, byte| sum << 8 | u64::from(*byte)))
}

/// A value as a person would write it; `None` for NULL.
pub(super) fn text(sent: &Sent, family: Family) -> Option<String> {
    let printed = match sent {
        Sent::NULL => return None,
        Sent::Bytes(bytes) => match family {
            Family::Bytes => hex(bytes),
            Family::Bits | Family::Bits64 => bits(bytes)?.to_string(),
            _ => String::from_utf8_lossy(bytes).into_owned(),
        },
        Sent::Int(number) => number.to_string(),
        Sent::UInt(number) => number.to_string(),
        Sent::Float(number) => number.to_string(),
        Sent::Double(number) => number.to_string(),
        Sent::Date(year, month, day, hour, minute, second, micros) => {
            let date = format!("{year:04}-{month:02}-{day:02}");
            match family {
                Family::Date => date,
                _ => format!("{date} {hour:02}:{minute:02}:{second:02}{}", fraction(*micros)),
            }
        }
        Sent::Time(negative, days, hours, minutes, seconds, micros) => {
            let sign = if *negative { "-" } else { "" };
            let hours = u64::from(*days) * 24 + u64::from(*hours);
            format!("{sign}{hours:02}:{minutes:02}:{seconds:02}{}", fraction(*micros))
        }
    };
    Some(printed)
}

fn fraction(micros: u32) -> String {
    if micros == 0 { String::new() } else { format!(".{micros:06}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_may_be_longer_than_a_day_and_negative() {
        let time = Sent::Time(true, 34, 22, 59, 59, 0);
        assert_eq!(text(&time, Family::Time).unwrap(), "-838:59:59");
        let time = Sent::Time(false, 0, 1, 2, 3, 40);
        assert_eq!(text(&time, Family::Time).unwrap(), "01:02:03.000040");
    }

    #[test]
    fn zeros_that_fill_a_number_are_none_of_its_digits() {
        let read = ["00012.50", "0000.50", "000", "0.5", "-0.50", "7"].map(without_fill);
        assert_eq!(read, ["12.50", "0.50", "0", "0.5", "-0.50", "7"]);
    }

    #[test]
    fn bits_are_a_number() {
        assert_eq!(bits(&[1, 0]), Some(256));
        assert_eq!(bits(&[255; 8]), Some(u64::MAX));
        assert_eq!(bits(&[0; 9]), None);
    }
}
