//! The binary format of `numeric`: digits of base 10000 (PostgreSQL source, `numeric_send`).

use std::fmt::Write;

use bytes::Buf;

const POSITIVE: u16 = 0x0000;
const NEGATIVE: u16 = 0x4000;
const NAN: u16 = 0xc000;
const INFINITY: u16 = 0xd000;
const NEGATIVE_INFINITY: u16 = 0xf000;

/// A `numeric` as it is sent.
#[derive(Clone, Copy, Debug)]
pub(super) struct Numeric<'a> {
    /// Digits of base 10000, two bytes each; the first is worth `10000^weight`.
    digits: &'a [u8],
    weight: i16,
    sign: u16,
    /// Decimals to print.
    display_scale: u16,
}

impl<'a> Numeric<'a> {
    /// Reads the bytes of a field; `None` if they are not a `numeric`.
    pub(super) fn read(bytes: &'a [u8]) -> Option<Self> {
        let mut header = bytes.get(..8)?;
        let count = usize::from(header.get_u16());
        let weight = header.get_i16();
        let sign = header.get_u16();
        let display_scale = header.get_u16();
        let digits = bytes.get(8..).filter(|digits| digits.len() == 2 * count)?;
        let known = [POSITIVE, NEGATIVE, NAN, INFINITY, NEGATIVE_INFINITY].contains(&sign);
        let number = Self { digits, weight, sign, display_scale };
        (known && number.digits().all(|digit| digit < 10_000)).then_some(number)
    }

    fn digits(self) -> impl Iterator<Item = u16> {
        self.digits.chunks_exact(2).map(|two| u16::from_be_bytes([two[0], two[1]]))
    }

    /// The number times `10^scale`, if that is a whole number below `10^precision`.
    pub(super) fn scaled(self, precision: u8, scale: i8) -> Option<i128> {
        if !matches!(self.sign, POSITIVE | NEGATIVE) {
            return None;
        }
        let mut sum: i128 = 0;
        let mut exponent = 4 * i32::from(self.weight) + i32::from(scale);
        for digit in self.digits() {
            sum = sum.checked_add(shifted(digit, exponent)?)?;
            exponent -= 4;
        }
        let limit = 10_i128.checked_pow(u32::from(precision))?;
        (sum < limit).then_some(if self.sign == NEGATIVE { -sum } else { sum })
    }

    /// As PostgreSQL prints it.
    pub(super) fn text(self) -> String {
        match self.sign {
            NAN => return "NaN".to_owned(),
            INFINITY => return "Infinity".to_owned(),
            NEGATIVE_INFINITY => return "-Infinity".to_owned(),
            _ => {}
        }
        let digits: Vec<u16> = self.digits().collect();
        let weight = i32::from(self.weight);
        let digit =
            |at: i32| usize::try_from(at).ok().and_then(|at| digits.get(at)).copied().unwrap_or(0);
        let mut whole = String::new();
        for at in 0..=weight {
            // Writing to a string cannot fail.
            let _written = write!(whole, "{:04}", digit(at));
        }
        let whole = whole.trim_start_matches('0');
        let mut fraction = String::new();
        let mut at = weight + 1;
        while fraction.len() < usize::from(self.display_scale) {
            let _written = write!(fraction, "{:04}", digit(at));
            at += 1;
        }
        fraction.truncate(usize::from(self.display_scale));
        let sign = if self.sign == NEGATIVE { "-" } else { "" };
        let whole = if whole.is_empty() { "0" } else { whole };
        let point = if fraction.is_empty() { "" } else { "." };
        format!("{sign}{whole}{point}{fraction}")
    }
}

/// `digit * 10^exponent`, if it is a whole number that fits.
fn shifted(digit: u16, exponent: i32) -> Option<i128> {
    let digit = i128::from(digit);
    if digit == 0 {
        return Some(0);
    }
    match u32::try_from(exponent) {
        Ok(exponent) => digit.checked_mul(10_i128.checked_pow(exponent)?),
        Err(_) => {
            let divisor = 10_i128.checked_pow(exponent.unsigned_abs())?;
            (digit % divisor == 0).then(|| digit / divisor)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numeric(weight: i16, sign: u16, display_scale: u16, digits: &[u16]) -> Vec<u8> {
        let count = u16::try_from(digits.len()).unwrap();
        let mut bytes = count.to_be_bytes().to_vec();
        bytes.extend(weight.to_be_bytes());
        bytes.extend(sign.to_be_bytes());
        bytes.extend(display_scale.to_be_bytes());
        bytes.extend(digits.iter().flat_map(|digit| digit.to_be_bytes()));
        bytes
    }

    fn check(bytes: &[u8], text: &str, scale: i8, scaled: Option<i128>) {
        let number = Numeric::read(bytes).unwrap();
        assert_eq!(number.text(), text);
        assert_eq!(number.scaled(38, scale), scaled, "{text}");
    }

    #[test]
    fn reads_what_postgresql_sends() {
        check(&numeric(0, POSITIVE, 0, &[]), "0", 2, Some(0));
        check(&numeric(0, POSITIVE, 2, &[12, 3400]), "12.34", 2, Some(1234));
        check(&numeric(0, NEGATIVE, 4, &[12, 3450]), "-12.3450", 3, Some(-12345));
        check(&numeric(-1, POSITIVE, 3, &[50]), "0.005", 3, Some(5));
        check(&numeric(-1, POSITIVE, 3, &[50]), "0.005", 2, None);
        check(&numeric(2, POSITIVE, 0, &[1]), "100000000", 2, Some(10_000_000_000));
        check(&numeric(-3, POSITIVE, 12, &[1]), "0.000000000001", 10, None);
        check(
            &numeric(9, POSITIVE, 0, &[1]),
            &format!("1{}", "0".repeat(36)),
            1,
            Some(10_i128.pow(37)),
        );
        check(&numeric(9, POSITIVE, 0, &[1]), &format!("1{}", "0".repeat(36)), 2, None);
        check(&numeric(0, NAN, 0, &[]), "NaN", 2, None);
        check(&numeric(0, NEGATIVE_INFINITY, 0, &[]), "-Infinity", 2, None);
        assert!(Numeric::read(&numeric(0, POSITIVE, 0, &[10_000])).is_none());
        assert!(Numeric::read(&[0; 7]).is_none());
    }
}
