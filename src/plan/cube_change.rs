//! What is not as it was in a cube.

use std::collections::{BTreeMap, BTreeSet};

use super::meaning::Part;

/// What a cube would be after a load.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CubeChange {
    /// The cube.
    pub cube: String,
    /// What becomes of it as a whole: added, removed or changed.
    pub change: Change,
    /// What in it is not as it was.
    pub parts: Vec<PartChange>,
}

/// What a part of a cube is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// The cube as people see it.
    Cube,
    /// Which rows and members count at all.
    Rows,
    /// A level.
    Level,
    /// An attribute of a dimension that is no level.
    Attribute,
    /// A path to drill down.
    Hierarchy,
    /// A measure.
    Measure,
    /// A named set.
    Set,
}

/// What becomes of a cube or a part of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// It is new.
    Added,
    /// It is gone.
    Removed,
    /// It was called otherwise, and is defined the same.
    Renamed {
        /// The name it had.
        from: String,
    },
    /// Its values may be others.
    Meaning,
    /// It is shown otherwise: a title, a format, an owner.
    Looks,
    /// For a cube: something in it is.
    Changed,
}

/// A part of a cube that is not as it was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartChange {
    /// What it is.
    pub kind: Kind,
    /// Its name.
    pub name: String,
    /// What becomes of it.
    pub change: Change,
    /// What is said otherwise.
    pub differences: Vec<Difference>,
}

/// One thing that is said otherwise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// What it is about.
    pub what: String,
    /// What was said; none when nothing was.
    pub was: Option<String>,
    /// What is said; none when nothing is.
    pub is: Option<String>,
}

impl Kind {
    /// The word for people and programs.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Cube => "cube",
            Self::Rows => "rows",
            Self::Level => "level",
            Self::Attribute => "attribute",
            Self::Hierarchy => "hierarchy",
            Self::Measure => "measure",
            Self::Set => "set",
        }
    }
}

impl Change {
    /// The word for people and programs.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Added => "added",
            Self::Removed => "removed",
            Self::Renamed { .. } => "renamed",
            Self::Meaning => "changes meaning",
            Self::Looks => "changes looks",
            Self::Changed => "changed",
        }
    }
}

impl CubeChange {
    /// From the parts a cube had to those it has; nothing when they are the same.
    pub(super) fn between(
        name: &str,
        was: Option<&Vec<Part>>,
        is: Option<&Vec<Part>>,
    ) -> Option<Self> {
        let (change, parts) = match (was, is) {
            (Some(was), Some(is)) => (Change::Changed, part_changes(was, is)),
            (None, Some(is)) => (Change::Added, part_changes(&[], is)),
            (Some(_), None) => (Change::Removed, Vec::new()),
            (None, None) => return None,
        };
        if change == Change::Changed && parts.is_empty() {
            return None;
        }
        Some(Self { cube: name.to_owned(), change, parts })
    }
}

fn part_changes(was: &[Part], is: &[Part]) -> Vec<PartChange> {
    let same = |a: &Part, b: &Part| a.kind == b.kind && a.name == b.name;
    let gone: Vec<&Part> = was.iter().filter(|part| !is.iter().any(|p| same(part, p))).collect();
    let new: Vec<&Part> = is.iter().filter(|part| !was.iter().any(|p| same(part, p))).collect();
    let renames = renames(&gone, &new);
    let mut changes = Vec::new();
    for part in is {
        if let Some(before) = was.iter().find(|before| same(before, part)) {
            changes.extend(PartChange::between(before, part));
        } else if let Some(from) = renames.get(part.name.as_str()) {
            let change = Change::Renamed { from: from.name.clone() };
            let same = from.identity == part.identity;
            let said = if same { Vec::new() } else { differences(&from.meaning, &part.meaning) };
            changes.push(PartChange::new(part, change, said));
        } else if named(part) {
            let nothing = BTreeMap::new();
            let said = differences(&nothing, &part.meaning);
            changes.push(PartChange::new(part, Change::Added, said));
        }
    }
    for part in gone {
        if named(part) && !renames.values().any(|from| from.name == part.name) {
            let nothing = BTreeMap::new();
            let said = differences(&part.meaning, &nothing);
            changes.push(PartChange::new(part, Change::Removed, said));
        }
    }
    changes
}

/// Whether a person asks for the part by its name.
fn named(part: &Part) -> bool {
    !matches!(part.kind, Kind::Cube | Kind::Rows)
}

/// New measures that are defined as exactly one gone measure was, and no other new one is.
fn renames<'a>(gone: &[&'a Part], new: &[&'a Part]) -> BTreeMap<&'a str, &'a Part> {
    let measures = |parts: &[&'a Part]| -> Vec<&'a Part> {
        parts.iter().copied().filter(|part| part.kind == Kind::Measure).collect()
    };
    let (gone, new) = (measures(gone), measures(new));
    let mut found = BTreeMap::new();
    for part in &new {
        let twins = |parts: &[&'a Part]| -> Vec<&'a Part> {
            parts.iter().copied().filter(|other| other.definition == part.definition).collect()
        };
        if let ([from], [_]) = (twins(&gone).as_slice(), twins(&new).as_slice()) {
            found.insert(part.name.as_str(), *from);
        }
    }
    found
}

impl PartChange {
    fn new(part: &Part, change: Change, differences: Vec<Difference>) -> Self {
        Self { kind: part.kind, name: part.name.clone(), change, differences }
    }

    fn between(was: &Part, is: &Part) -> Option<Self> {
        let looks = differences(&was.looks, &is.looks);
        if was.identity == is.identity {
            return (!looks.is_empty()).then(|| Self::new(is, Change::Looks, looks));
        }
        let mut said = differences(&was.meaning, &is.meaning);
        if said.is_empty() {
            // The words are the same and what they compile to is not: show that.
            said.push(Difference {
                what: "compiled".to_owned(),
                was: Some(was.identity.clone()),
                is: Some(is.identity.clone()),
            });
        }
        said.extend(looks);
        Some(Self::new(is, Change::Meaning, said))
    }
}

fn differences(was: &BTreeMap<String, String>, is: &BTreeMap<String, String>) -> Vec<Difference> {
    let names: BTreeSet<&String> = was.keys().chain(is.keys()).collect();
    let difference = |name: &String| Difference {
        what: name.clone(),
        was: was.get(name).cloned(),
        is: is.get(name).cloned(),
    };
    names.into_iter().filter(|name| was.get(*name) != is.get(*name)).map(difference).collect()
}
