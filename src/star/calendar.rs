//! The generated `date` dimension: which columns and levels it has.

use std::collections::BTreeMap;

use super::{Dimension, Hierarchy, Level, RetailRules, Title};

/// How the project counts years.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CalendarRules {
    /// The month in which the fiscal year starts, 1 to 12; the year is named after its end.
    pub fiscal_year_start: u32,
    /// The retail calendar beside it, if there is one.
    pub retail: Option<RetailRules>,
}

impl Default for CalendarRules {
    fn default() -> Self {
        Self { fiscal_year_start: 1, retail: None }
    }
}

/// The levels of the calendar, coarse first: name, English and Chinese title.
const LEVELS: [(&str, &str, &str); 9] = [
    ("year", "Year", "年"),
    ("half", "Half-year", "半年"),
    ("quarter", "Quarter", "季度"),
    ("month", "Month", "月"),
    ("week", "ISO week", "周"),
    ("day", "Day", "日"),
    ("fiscal_year", "Fiscal year", "财年"),
    ("fiscal_quarter", "Fiscal quarter", "财季"),
    ("weekday", "Weekday", "星期"),
];

/// The levels of a retail calendar, and the name of its hierarchy.
const RETAIL_LEVELS: [(&str, &str, &str); 4] = [
    ("retail_year", "Retail year", "零售年"),
    ("retail_quarter", "Retail quarter", "零售季"),
    ("retail_month", "Retail month", "零售月"),
    ("retail_week", "Retail week", "零售周"),
];
/// The hierarchy of a retail calendar, and what the names of its levels start with.
pub const RETAIL: &str = "retail";

/// The `date` dimension: per level a whole-number key and a text caption, and the attribute `date`.
///
/// Keys sort as time does: `2024`, `202401`, `20240131`; ISO week `202405`.
pub fn calendar_dimension(rules: CalendarRules) -> Dimension {
    let mut attributes = vec!["date".to_owned()];
    let retail = rules.retail.map(|_| RETAIL_LEVELS).into_iter().flatten();
    let levels: Vec<Level> = LEVELS
        .into_iter()
        .chain(retail)
        .map(|(name, english, chinese)| {
            let (key, caption) = (format!("{name}_key"), format!("{name}_caption"));
            attributes.extend([key.clone(), caption.clone()]);
            Level {
                name: name.to_owned(),
                title: Some(title(english, chinese)),
                key,
                caption,
                captions: BTreeMap::new(),
                sort: None,
                shows_parent: false,
            }
        })
        .collect();
    let mut hierarchies = vec![
        hierarchy("calendar", &["year", "half", "quarter", "month", "day"]),
        hierarchy("weeks", &["week", "day"]),
        hierarchy("fiscal", &["fiscal_year", "fiscal_quarter", "month", "day"]),
    ];
    if rules.retail.is_some() {
        let path: Vec<&str> = RETAIL_LEVELS.iter().map(|(name, _, _)| *name).collect();
        hierarchies.push(hierarchy(RETAIL, &[&path[..], &["day"]].concat()));
    }
    Dimension {
        name: "date".to_owned(),
        title: Some(title("Date", "日期")),
        description: None,
        attributes,
        levels,
        hierarchies,
        trees: Vec::new(),
        calendar: Some(rules),
        history: None,
    }
}

fn hierarchy(name: &str, levels: &[&str]) -> Hierarchy {
    let levels = levels.iter().map(|level| (*level).to_owned()).collect();
    Hierarchy { name: name.to_owned(), levels }
}

fn title(english: &str, chinese: &str) -> Title {
    let locales = BTreeMap::from([
        ("en".to_owned(), english.to_owned()),
        ("zh".to_owned(), chinese.to_owned()),
    ]);
    Title { default: english.to_owned(), locales }
}
