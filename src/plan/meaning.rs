//! What a cube says, taken apart into named texts that can be compared.

use std::collections::{BTreeMap, BTreeSet};

use super::cube_change::Kind;
use super::declared::Declared;
use super::{level, measure};
use crate::cube::{Cube, FlatColumn, NamedSet, SetDefinition};
use crate::lineage;
use crate::star::Title;

/// What is said, by what it is said of.
pub(super) type Words = BTreeMap<String, String>;

/// One thing a cube offers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Part {
    pub(super) kind: Kind,
    pub(super) name: String,
    /// What its values are, by what is said.
    pub(super) meaning: Words,
    /// What the cube says of it, in a form that does not depend on names of measures.
    pub(super) definition: String,
    /// All of its meaning in such a form.
    pub(super) identity: String,
    /// How it is shown, by what is said.
    pub(super) looks: Words,
}

/// Everything `cube` offers, in its order.
pub(super) fn of_cube(declared: &Declared<'_>, cube: &Cube) -> Vec<Part> {
    let mut parts = vec![whole(cube), rows(declared, cube)];
    parts.extend(cube.columns.iter().filter_map(|column| level::part(declared, cube, column)));
    for (role, name, levels) in cube.hierarchies() {
        let meaning = BTreeMap::from([("levels".to_owned(), levels.join(" → "))]);
        let name = format!("{name} of {}", role.role.name);
        parts.push(Part::new(Kind::Hierarchy, &name, meaning, BTreeMap::new()));
    }
    parts.extend(cube.measures.iter().map(|measure| measure::part(declared, cube, measure)));
    parts.extend(cube.sets.iter().map(|set| self::set(declared, cube, set)));
    parts
}

impl Part {
    pub(super) fn new(kind: Kind, name: &str, meaning: Words, looks: Words) -> Self {
        let identity = format!("{meaning:?}");
        let definition = identity.clone();
        Self { kind, name: name.to_owned(), meaning, definition, identity, looks }
    }
}

fn whole(cube: &Cube) -> Part {
    let mut meaning = BTreeMap::new();
    for base in &cube.bases {
        let unrelated = format!("{:?}", base.unrelated).to_lowercase();
        let lacking: Vec<&str> = base.lacking.iter().map(String::as_str).collect();
        let said = format!("{unrelated} where asked for {}", lacking.join(", "));
        let said = if lacking.is_empty() { "every level".to_owned() } else { said };
        meaning.insert(format!("cube {}", base.cube), said);
    }
    let mut looks = BTreeMap::new();
    look(&mut looks, "title", cube.title.as_ref().map(texts));
    look(&mut looks, "description", cube.description.as_ref().map(texts));
    look(&mut looks, "owner", cube.owner.clone());
    Part::new(Kind::Cube, &cube.name, meaning, looks)
}

/// Which rows count at all: those of the facts, and the members of its dimensions.
fn rows(declared: &Declared<'_>, cube: &Cube) -> Part {
    let mut meaning = Words::new();
    let mut tables: BTreeSet<&str> = cube.facts().into_iter().collect();
    tables.extend(cube.roles.iter().map(|role| role.dimension.name.as_str()));
    tables.into_iter().for_each(|table| declared.rows_of(table, &mut meaning));
    let settings = &declared.project().settings;
    meaning.insert("time zone".to_owned(), settings.time_zone.to_string());
    // A day outside of the calendar is in quarantine.
    let days = settings.days.map(|(first, last)| format!("{first} to {last}"));
    look(&mut meaning, "calendar", days);
    Part::new(Kind::Rows, &cube.fact, meaning, BTreeMap::new())
}

/// A set is of members of its level, and chosen by what its definition names.
fn set(declared: &Declared<'_>, cube: &Cube, set: &NamedSet) -> Part {
    let mut meaning = Words::new();
    let mut columns: Vec<&FlatColumn> = cube.column(&set.level).into_iter().collect();
    match &set.definition {
        SetDefinition::Members(_) | SetDefinition::Keys(_) => {}
        SetDefinition::Where(sql) => columns.extend(lineage::columns_named(cube, sql)),
        SetDefinition::Top { by, .. } => {
            if let Some(by) = cube.measure(by) {
                meaning.extend(measure::words(declared, cube, by));
                meaning.insert(format!("measure {}", by.name), by.formula());
            }
        }
    }
    for column in columns {
        level::words(declared, cube, column).add_to(&column.name, &mut meaning);
    }
    meaning.insert("level".to_owned(), set.level.clone());
    meaning.insert("members".to_owned(), set.description());
    let mut looks = Words::new();
    look(&mut looks, "title", set.title.as_ref().map(texts));
    Part::new(Kind::Set, &set.name, meaning, looks)
}

/// Adds what is said, if anything is.
pub(super) fn look(looks: &mut Words, what: &str, value: Option<String>) {
    looks.extend(value.map(|value| (what.to_owned(), value)));
}

/// A title in every locale it has.
pub(super) fn texts(title: &Title) -> String {
    if title.locales.is_empty() {
        return title.default.clone();
    }
    let of_locale = |(locale, text): (&String, &String)| format!("{locale}: {text}");
    title.locales.iter().map(of_locale).collect::<Vec<_>>().join(", ")
}
