//! Did-you-mean.

/// The candidate a person probably meant by `word`, if one is near enough.
pub fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    candidates
        .into_iter()
        .map(|candidate| (strsim::damerau_levenshtein(word, candidate), candidate))
        .filter(|(distance, candidate)| *distance <= allowed(word.len().max(candidate.len())))
        .min()
        .map(|(_, candidate)| candidate)
}

/// One slip for every three characters, as compilers do.
fn allowed(length: usize) -> usize {
    (length / 3).max(1)
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn finds_a_slip_and_not_a_stranger() {
        assert_eq!(nearest("net_amout", ["net_amount", "quantity"]), Some("net_amount"));
        assert_eq!(nearest("colour", ["quantity", "price"]), None);
    }
}
