//! Turning a good cell into a bad one.

use super::defect::Kind;
use super::table::{Cell, Source};
use super::text::{full_width, other_case};

/// What a cell becomes, or nothing when this cell cannot go wrong in this way.
///
/// `serial` counts the defects of one rule; it numbers made-up keys and alternates spellings.
pub(super) fn get_spoiled(
    kind: Kind,
    value: &str,
    fill: &str,
    serial: usize,
    source: Source,
) -> Option<Cell> {
    let spoiled = match kind {
        Kind::BadDate => get_bad_date(value, serial)?,
        Kind::NonNumeric => fill.replace("{}", value),
        Kind::MissingRequired | Kind::MissingReference => return Some(nothing(serial, source)),
        Kind::OrphanParent | Kind::OrphanReference => {
            fill.replace("{}", &format!("{:04}", serial + 1))
        }
        Kind::UnknownCode | Kind::MissingOptional => fill.to_owned(),
        Kind::WrongCase => other_case(value),
        Kind::PaddedText => [format!(" {value}"), format!("{value}  ")][serial % 2].clone(),
        Kind::FullWidth => full_width(value),
        Kind::CodeAlias => {
            let (from, to) = fill.split_once('=')?;
            (value == from).then(|| to.to_owned())?
        }
        Kind::DuplicateRow | Kind::ParentQuarantined => return None,
    };
    (spoiled != value).then_some(Some(spoiled))
}

/// The three ways in which people and programs write that there is nothing.
fn nothing(serial: usize, source: Source) -> Cell {
    match (serial % 3, source) {
        (0, _) => None,
        (1, _) => Some("N/A".to_owned()),
        (_, Source::Erp) => Some("NULL".to_owned()),
        (_, Source::Crm | Source::Survey) => Some(String::new()),
    }
}

/// `2024-17-03` or `17/03/2024`; only for days after the 12th, so nobody can read it wrongly.
fn get_bad_date(value: &str, serial: usize) -> Option<String> {
    let (date, rest) = value.split_at_checked(10)?;
    let mut parts = date.split('-');
    let (year, month, day) = (parts.next()?, parts.next()?, parts.next()?);
    let is_clear = day.parse::<u32>().is_ok_and(|day| day > 12);
    is_clear.then(|| match serial % 2 {
        0 => format!("{year}-{day}-{month}{rest}"),
        _ => format!("{day}/{month}/{year}{rest}"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(kind: Kind, value: &str, fill: &str, expected: Option<&str>) {
        let spoiled = get_spoiled(kind, value, fill, 0, Source::Erp);
        assert_eq!(spoiled, expected.map(|text| Some(text.to_owned())), "{kind:?} of {value}");
    }

    #[test]
    fn cells_go_wrong_only_where_it_shows() {
        check(Kind::BadDate, "2024-03-17 10:00:00", "", Some("2024-17-03 10:00:00"));
        check(Kind::BadDate, "2024-03-12", "", None);
        check(Kind::NonNumeric, "12", "{} pcs", Some("12 pcs"));
        check(Kind::OrphanReference, "CUST-00001", "CUST-X{}", Some("CUST-X0001"));
        check(Kind::WrongCase, "USD", "", Some("usd"));
        check(Kind::WrongCase, "12", "", None);
        check(Kind::FullWidth, "CNY", "", Some("ＣＮＹ"));
        check(Kind::CodeAlias, "USD", "CNY=RMB", None);
    }
}
