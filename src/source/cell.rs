//! One text to one typed value, strictly: anything but the whole text being a value is refused.

use chrono::{Datelike, NaiveDate, NaiveDateTime, Timelike};

/// Days since 1970-01-01 of an ISO date, or of one in a `chrono` format.
pub(super) fn date(text: &str, format: Option<&str>) -> Option<i32> {
    let day = match format {
        Some(format) => NaiveDate::parse_from_str(text, format).ok().filter(four_digits)?,
        None => iso_date(text.as_bytes())?,
    };
    i32::try_from(day.signed_duration_since(NaiveDate::default()).num_days()).ok()
}

/// Microseconds since 1970-01-01T00:00 of a wall time: `2024-01-31 12:30[:05[.123456]]` (a `T` and a
/// bare date are allowed too), or a text in a `chrono` format.
pub(super) fn timestamp(text: &str, format: Option<&str>) -> Option<NaiveDateTime> {
    if let Some(format) = format {
        let at = NaiveDateTime::parse_from_str(text, format).ok()?;
        return four_digits(&at.date()).then_some(at);
    }
    let bytes = text.as_bytes();
    let day = iso_date(bytes.get(..10)?)?;
    if bytes.len() == 10 {
        return day.and_hms_opt(0, 0, 0);
    }
    if !matches!(bytes[10], b' ' | b'T') {
        return None;
    }
    let (hour, minute) = (two(bytes, 11)?, two(bytes, 14)?);
    if bytes[13] != b':' {
        return None;
    }
    let second = match bytes.get(16) {
        None => 0,
        Some(b':') => two(bytes, 17)?,
        Some(_) => return None,
    };
    let at = day.and_hms_opt(hour, minute, second)?;
    match bytes.get(19) {
        None => Some(at),
        Some(b'.') => at.with_nanosecond(nanoseconds(&bytes[20..])?),
        Some(_) => None,
    }
}

/// `%Y` also takes `24`, which nobody means for the year 24.
fn four_digits(day: &NaiveDate) -> bool {
    (1000..=9999).contains(&day.year())
}

fn nanoseconds(digits: &[u8]) -> Option<u32> {
    if digits.is_empty() || digits.len() > 9 || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    // The warehouse keeps microseconds; what is finer must not be cut off in silence.
    if digits.get(6..).is_some_and(|finer| finer.iter().any(|digit| *digit != b'0')) {
        return None;
    }
    let value = digits.iter().fold(0_u32, |sum, digit| sum * 10 + u32::from(digit - b'0'));
    Some((digits.len()..9).fold(value, |value, _| value * 10))
}

fn iso_date(bytes: &[u8]) -> Option<NaiveDate> {
    let [a, b, c, d, b'-', _, _, b'-', _, _] = bytes else { return None };
    if ![a, b, c, d].iter().all(|digit| digit.is_ascii_digit()) {
        return None;
    }
    let year = [a, b, c, d].iter().fold(0_i32, |sum, digit| sum * 10 + i32::from(**digit - b'0'));
    NaiveDate::from_ymd_opt(year, two(bytes, 5)?, two(bytes, 8)?)
}

fn two(bytes: &[u8], at: usize) -> Option<u32> {
    match bytes.get(at..at + 2)? {
        [a, b] if a.is_ascii_digit() && b.is_ascii_digit() => {
            Some(u32::from(a - b'0') * 10 + u32::from(b - b'0'))
        }
        _ => None,
    }
}

/// `text` × 10^`scale` as an integer of at most `precision` digits. More fraction digits than
/// `scale` are refused unless they are zeros: rounding would change a number in silence.
pub(super) fn decimal(text: &str, precision: u8, scale: i8, point: u8) -> Option<i128> {
    let (negative, digits) = match text.as_bytes() {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        rest => (false, rest),
    };
    let scale = usize::try_from(scale).ok()?;
    let (mut value, mut fraction, mut seen, mut after_point) = (0_i128, 0_usize, false, false);
    for &byte in digits {
        if byte == point && !after_point {
            after_point = true;
        } else if byte.is_ascii_digit() {
            seen = true;
            if after_point && fraction == scale {
                if byte != b'0' {
                    return None;
                }
                continue;
            }
            fraction += usize::from(after_point);
            value = value.checked_mul(10)?.checked_add(i128::from(byte - b'0'))?;
        } else {
            return exponent(text, precision, scale, point);
        }
    }
    if !seen {
        return None;
    }
    for _ in fraction..scale {
        value = value.checked_mul(10)?;
    }
    let fits = value < 10_i128.checked_pow(u32::from(precision)).unwrap_or(i128::MAX);
    fits.then_some(if negative { -value } else { value })
}

/// `1.5e3`, as spreadsheets and floating point columns write numbers.
fn exponent(text: &str, precision: u8, scale: usize, point: u8) -> Option<i128> {
    let (mantissa, power) = text.split_once(['e', 'E'])?;
    let power: i32 = power.parse().ok()?;
    let shifted = i32::try_from(scale).ok()?.checked_add(power)?;
    let wide = decimal(mantissa, 38, i8::try_from(shifted.clamp(0, 37)).ok()?, point)?;
    let value = if shifted >= 0 { wide } else { return None };
    let fits = value.abs() < 10_i128.checked_pow(u32::from(precision)).unwrap_or(i128::MAX);
    (shifted <= 37 && fits).then_some(value)
}

/// Whether a text of digits is a code rather than a number: `007` is not seven.
pub(super) fn is_code(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text).as_bytes();
    text.starts_with('+') || (digits.len() > 1 && digits[0] == b'0' && digits[1].is_ascii_digit())
}

/// A whole number.
pub(super) fn int(text: &str) -> Option<i64> {
    if is_code(text) { None } else { text.parse().ok() }
}

/// A binary floating point number written with `point`.
pub(super) fn double(text: &str, point: u8) -> Option<f64> {
    let number: f64 = if point == b'.' {
        text.parse().ok()?
    } else if text.contains('.') {
        // With another decimal sign a point separates thousands, or it is a mistake.
        return None;
    } else {
        text.replace(char::from(point), ".").parse().ok()?
    };
    number.is_finite().then_some(number)
}

/// The usual spellings of a truth value.
pub(super) fn bool(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "t" | "yes" | "y" | "1" => Some(true),
        "false" | "f" | "no" | "n" | "0" => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_are_exact_or_refused() {
        assert_eq!(decimal("2.55", 18, 2, b'.'), Some(255));
        assert_eq!(decimal("-0,001", 18, 3, b','), Some(-1));
        assert_eq!(decimal("2.5500", 18, 2, b'.'), Some(255));
        assert_eq!(decimal("2.555", 18, 2, b'.'), None);
        assert_eq!(decimal("1e3", 18, 2, b'.'), Some(100_000));
        assert_eq!(decimal("1.5E-1", 18, 2, b'.'), Some(15));
        assert_eq!(decimal("100", 4, 2, b'.'), None);
        assert_eq!(decimal("12 pcs", 18, 2, b'.'), None);
        assert_eq!(decimal("", 18, 2, b'.'), None);
        assert_eq!(decimal(".", 18, 2, b'.'), None);
    }

    #[test]
    fn dates_are_real_days() {
        assert_eq!(date("1970-01-02", None), Some(1));
        assert_eq!(date("2024-17-03", None), None);
        assert_eq!(date("2023-02-29", None), None);
        assert_eq!(date("31/12/1969", Some("%d/%m/%Y")), Some(-1));
        assert_eq!(date("2024-1-3", None), None);
        assert_eq!(date("31/01/24", Some("%d/%m/%Y")), None);
        assert_eq!(date("31/01/70", Some("%d/%m/%y")), Some(30));
    }

    #[test]
    fn timestamps_keep_their_fraction() {
        let at = timestamp("2024-01-31T12:30:05.25", None).unwrap();
        assert_eq!(at.and_utc().timestamp_micros() % 1_000_000, 250_000);
        assert!(timestamp("2024-01-31 12:30", None).is_some());
        assert!(timestamp("2024-01-31 25:30", None).is_none());
        assert!(timestamp("2024-01-31 12:30:05Z", None).is_none());
    }
}
