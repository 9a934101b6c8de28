//! Parameters of a statement: every `?` becomes `$1`, `$2`, … before planning.
//!
//! DataFusion gives every `?` the same name, so two of them would be one parameter, and drivers
//! write nothing else. The rewriting works on tokens: strings, quoted names and comments stay as
//! they are, and positions in error texts stay those of the text the client sent.

use std::collections::BTreeSet;

use datafusion::sql::sqlparser::dialect::Dialect;
use datafusion::sql::sqlparser::tokenizer::{Token, TokenWithSpan, Tokenizer};

use super::diagnosis;
use crate::error::{Error, Result};

/// More parameters than a driver ever binds; keeps `$2000000000` from asking for a huge schema.
const NUMBER_MAX: usize = 10_000;

/// The tokens of `sql` with anonymous placeholders numbered from left to right.
pub(super) fn numbered(sql: &str, dialect: &dyn Dialect) -> Result<Vec<TokenWithSpan>> {
    let mut tokens = Tokenizer::new(dialect, sql).tokenize_with_location().map_err(|error| {
        let place = (error.location.line, error.location.column);
        Error::invalid_input(diagnosis::placed(sql, &error.message, place))
    })?;
    let mut count = 0;
    let mut chosen = false;
    for token in &mut tokens {
        let Token::Placeholder(name) = &mut token.token else { continue };
        if name == "?" {
            count += 1;
            *name = format!("${count}");
        } else if let Some(number) = name.strip_prefix('?') {
            *name = format!("${number}");
            chosen = true;
        } else {
            chosen = true;
        }
    }
    if count > 0 && chosen {
        return Err(Error::invalid_input(
            "anonymous and named parameters are mixed: write either ? or $1, $2 everywhere",
        ));
    }
    Ok(tokens)
}

/// The placeholders `names` in the order in which values are bound to them.
///
/// Numbered ones come in the order of their numbers and without gaps, since the third value belongs
/// to `$3` even where `$2` is not used. Named ones come in alphabetical order.
pub(super) fn ordered(names: impl IntoIterator<Item = String>) -> Result<Vec<String>> {
    let names: BTreeSet<String> = names.into_iter().collect();
    let numbers: Vec<usize> =
        names.iter().filter_map(|name| name.strip_prefix('$')?.parse().ok()).collect();
    if numbers.is_empty() {
        return Ok(names.into_iter().collect());
    }
    if numbers.len() < names.len() {
        return Err(Error::invalid_input(
            "numbered and named parameters are mixed: write either $1, $2 or $name everywhere",
        ));
    }
    let last = numbers.iter().copied().max().unwrap_or_default();
    if numbers.contains(&0) || last > NUMBER_MAX {
        return Err(Error::invalid_input(format!(
            "parameters are numbered from $1 to at most ${NUMBER_MAX}"
        )));
    }
    Ok((1..=last).map(|number| format!("${number}")).collect())
}

#[cfg(test)]
mod tests {
    use datafusion::sql::sqlparser::dialect::GenericDialect;

    use super::*;

    fn rewrite(sql: &str) -> Result<String> {
        let tokens = numbered(sql, &GenericDialect {})?;
        Ok(tokens.iter().map(|token| token.token.to_string()).collect())
    }

    #[test]
    fn question_marks_are_numbered_outside_text_only() {
        let cases = [
            ("select ?, ?", "select $1, $2"),
            ("select '?', \"?\", ? -- ?\n", "select '?', \"?\", $1 -- ?\n"),
            ("select /* ? */ ? + ?", "select /* ? */ $1 + $2"),
            ("select $1, $2", "select $1, $2"),
            (
                "select a from t where b = 'its ?' and c in (?, ?, ?)",
                "select a from t where b = 'its ?' and c in ($1, $2, $3)",
            ),
        ];
        for (sql, expected) in cases {
            assert_eq!(rewrite(sql).unwrap(), expected);
        }
    }

    #[test]
    fn mixed_styles_are_refused() {
        assert!(rewrite("select ?, $1").is_err());
        assert!(ordered(["$1".to_owned(), "$name".to_owned()]).is_err());
        assert!(ordered(["$0".to_owned()]).is_err());
        assert!(ordered(["$99999999".to_owned()]).is_err());
    }

    #[test]
    fn ten_comes_after_two() {
        let names = (1..=11).rev().map(|n| format!("${n}"));
        assert_eq!(ordered(names).unwrap().last().unwrap(), "$11");
        assert_eq!(ordered(["$3".to_owned()]).unwrap(), ["$1", "$2", "$3"]);
        assert_eq!(ordered(["$b".to_owned(), "$a".to_owned()]).unwrap(), ["$a", "$b"]);
    }

    #[test]
    fn an_open_string_is_placed() {
        let text = rewrite("select\n 'abc").unwrap_err().to_string();
        assert!(text.contains("line 2, column 2"), "{text}");
    }
}
