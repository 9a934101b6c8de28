//! A fact that is a table of conversion rates.

/// Which columns of a fact say what one unit of a currency is worth in another, and since when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RateColumns {
    /// The column of the currency that is converted.
    pub from: String,
    /// The column of the currency it becomes.
    pub to: String,
    /// The column of what one unit of `from` is in `to`.
    pub rate: String,
    /// The key column of the day from which the rate holds.
    pub day: String,
    /// The currency by way of which two others are converted.
    pub pivot: Option<String>,
}

/// Whether `text` is a currency code, such as `CNY`.
pub fn is_currency_code(text: &str) -> bool {
    text.len() == 3 && text.bytes().all(|byte| byte.is_ascii_uppercase())
}
