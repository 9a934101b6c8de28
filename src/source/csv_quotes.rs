//! Quotes where none may stand: the parser forgives them, and would join or rewrite fields.

/// Where a record is with respect to quotes, as its bytes pass.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Quotes {
    place: Place,
    /// Whether text followed a closing quote, as in `"Bob"by`: then a quote is missing somewhere.
    pub(super) is_misplaced: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Place {
    /// Before the first byte of a field.
    #[default]
    Start,
    /// In a field without quotes, in which they are text.
    Plain,
    /// Between quotes.
    Quoted,
    /// After a quote that closes the field, or is the first of two that stand for one.
    Closed,
}

impl Quotes {
    /// Passes the next bytes of the record.
    pub(super) fn pass(&mut self, bytes: &[u8], delimiter: u8) {
        for byte in bytes {
            let ends = *byte == delimiter || matches!(byte, b'\r' | b'\n');
            self.place = match self.place {
                Place::Quoted if *byte == b'"' => Place::Closed,
                Place::Quoted => Place::Quoted,
                _ if ends => Place::Start,
                Place::Start | Place::Closed if *byte == b'"' => Place::Quoted,
                Place::Closed => {
                    self.is_misplaced = true;
                    Place::Plain
                }
                Place::Start | Place::Plain => Place::Plain,
            };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Quotes;

    fn is_misplaced(parts: &[&str]) -> bool {
        let mut quotes = Quotes::default();
        parts.iter().for_each(|part| quotes.pass(part.as_bytes(), b','));
        quotes.is_misplaced
    }

    #[test]
    fn text_after_a_closing_quote_is_noticed_across_reads() {
        for right in ["1,\"a,b\",2\n", "\"a\"\"b\",\"\"\r\n", "5\" pipe,a \"b\" c\n", "\"\"\"\"\n"]
        {
            assert!(!is_misplaced(&[right]), "{right}");
            let (start, end) = right.split_at(right.len() / 2);
            assert!(!is_misplaced(&[start, end]), "{right}");
        }
        for wrong in ["\"Bob\"by,1\n", "1,\"Cyd,2\n4,\"Dee\",7\n", "\"a\" ,b\n"] {
            assert!(is_misplaced(&[wrong]), "{wrong}");
            let (start, end) = wrong.split_at(wrong.len() / 2);
            assert!(is_misplaced(&[start, end]), "{wrong}");
        }
    }
}
