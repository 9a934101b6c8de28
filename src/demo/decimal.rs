//! Exact decimals as scaled integers; no floating point anywhere.

/// The text of `value` scaled down by `digits` decimal places, always with that many digits.
pub(super) fn fixed(value: i64, digits: u32) -> String {
    let unit = 10_u64.pow(digits);
    let sign = if value < 0 { "-" } else { "" };
    let whole = value.unsigned_abs() / unit;
    let part = value.unsigned_abs() % unit;
    format!("{sign}{whole}.{part:0width$}", width = digits as usize)
}

/// The text of an amount held in hundredths.
pub(super) fn money(cents: i64) -> String {
    fixed(cents, 2)
}

/// The text of a quantity held in tenths: whole when it is whole.
pub(super) fn quantity(tenths: i64) -> String {
    if tenths % 10 == 0 { (tenths / 10).to_string() } else { fixed(tenths, 1) }
}

/// The text of a conversion rate held in ten-thousandths.
pub(super) fn rate(e4: i64) -> String {
    fixed(e4, 4)
}

/// `a * b / divisor`, half rounded up; `a` and `b` are not negative.
pub(super) fn scaled(a: i64, b: i64, divisor: i64) -> i64 {
    let product = i128::from(a) * i128::from(b);
    let divisor = i128::from(divisor);
    i64::try_from((product + divisor / 2) / divisor).unwrap_or(i64::MAX)
}

/// The amount in base currency of `cents` at a rate in ten-thousandths.
pub(super) fn in_base(cents: i64, rate_e4: i64) -> i64 {
    scaled(cents, rate_e4, 10_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_keep_sign_and_leading_zeros() {
        assert_eq!(money(-5), "-0.05");
        assert_eq!(rate(71_004), "7.1004");
        assert_eq!((quantity(120), quantity(25)), ("12".to_owned(), "2.5".to_owned()));
    }

    #[test]
    fn half_a_cent_is_rounded_up() {
        assert_eq!(in_base(1, 15_000), 2);
        assert_eq!(in_base(1, 14_999), 1);
    }
}
