//! Ways to write the same text differently.

/// ASCII letters, digits, signs and blanks in their full-width form, as Chinese input types them.
pub(super) fn full_width(text: &str) -> String {
    text.chars()
        .map(|c| match c {
            ' ' => '\u{3000}',
            '!'..='~' => char::from_u32(u32::from(c) + 0xFEE0).unwrap_or(c),
            _ => c,
        })
        .collect()
}

/// The other case: upper where there are lower-case letters, lower where there are none.
pub(super) fn other_case(text: &str) -> String {
    if text.chars().any(char::is_lowercase) { text.to_uppercase() } else { text.to_lowercase() }
}
