//! What a level or attribute of a cube says.

use super::cube_change::Kind;
use super::declared::Declared;
use super::meaning::{Part, Words, look, texts};
use crate::cube::{Bridge, BridgeEnd, ColumnKind, Cube, CubeRole, FlatColumn};
use crate::project::Project;
use crate::star::{CALENDAR, Level, RETAIL};

/// What the values of a column of a cube are.
#[derive(Default)]
pub(super) struct ColumnWords {
    /// What is said of it alone.
    own: Words,
    /// What is said of tables, so that it is the same for all that use them.
    of_tables: Words,
}

impl ColumnWords {
    /// All of it, where nothing else is spoken of.
    fn alone(mut self) -> Words {
        self.own.extend(self.of_tables);
        self.own
    }

    /// Adds all of it to what is said of something else that names `column`.
    pub(super) fn add_to(self, column: &str, words: &mut Words) {
        words
            .extend(self.own.into_iter().map(|(what, said)| (format!("{what} of {column}"), said)));
        words.extend(self.of_tables);
    }
}

/// A level or attribute; keys and further captions belong to their level.
pub(super) fn part(declared: &Declared<'_>, cube: &Cube, column: &FlatColumn) -> Option<Part> {
    let kind = match column.kind {
        ColumnKind::Level => Kind::Level,
        ColumnKind::Attribute => Kind::Attribute,
        ColumnKind::Key | ColumnKind::Caption(_) => return None,
    };
    let meaning = words(declared, cube, column).alone();
    let mut looks = Words::new();
    look(&mut looks, "title", column.title.as_ref().map(texts));
    Some(Part::new(kind, &column.name, meaning, looks))
}

/// What is said of any column of `cube`, keys and captions included.
pub(super) fn words(declared: &Declared<'_>, cube: &Cube, column: &FlatColumn) -> ColumnWords {
    let mut said = ColumnWords::default();
    let table = cube.table_of(column);
    let role = column.role.map(|at| &cube.roles[at]);
    let level = declared_level(cube, role, column);
    let columns = match level {
        Some(level) => columns_of(level),
        None => vec![("column".to_owned(), column.source.as_str())],
    };
    for (what, name) in columns {
        said.own.insert(what, name.to_owned());
        declared.column(table, name, &mut said.of_tables);
    }
    let Some(role) = role else { return said };
    if let Some(level) = level {
        shown_where_missing(declared, table, level, &mut said);
    }
    let key = level.map_or(column.source.as_str(), |level| level.key.as_str());
    kept_since(declared, role, key, &mut said);
    if role.dimension.name == CALENDAR {
        counted_by(declared.project(), &column.source, &mut said.own);
    }
    let bridge = column.bridge.as_deref().and_then(|name| cube.bridge(name));
    let found_as = bridge.map_or(&role.role, |bridge| &bridge.role);
    for fact in cube.facts() {
        declared.found_by(fact, found_as, &mut said.of_tables);
    }
    if let Some(bridge) = bridge {
        reached_by(declared, role, bridge, &mut said);
    }
    said
}

/// A level that shows its parent where it is missing is made of those above it too.
fn shown_where_missing(
    declared: &Declared<'_>,
    table: &str,
    level: &Level,
    said: &mut ColumnWords,
) {
    let mut above = Vec::new();
    let mut at = level;
    let dimension = declared.project().star.dimension(table);
    while let Some(parent) = dimension.filter(|_| at.shows_parent).and_then(|d| d.above(at)) {
        if parent.name == level.name || above.contains(&parent.name.as_str()) {
            break;
        }
        above.push(parent.name.as_str());
        for (_, name) in columns_of(parent) {
            declared.column(table, name, &mut said.of_tables);
        }
        at = parent;
    }
    if !above.is_empty() {
        said.own.insert("when missing".to_owned(), format!("shows {}", above.join(", ")));
    }
}

/// Since when versions hold, and whether the column `key` may have been another in one.
fn kept_since(declared: &Declared<'_>, role: &CubeRole, key: &str, said: &mut ColumnWords) {
    let Some(history) = &role.dimension.history else { return };
    let kept = is_kept(role, key);
    let of_key = if kept { "kept" } else { "newest value only" };
    said.own.insert("history".to_owned(), of_key.to_owned());
    said.own.insert("versions since".to_owned(), history.from.clone());
    declared.column(&role.dimension.name, &history.from, &mut said.of_tables);
    if kept {
        said.own.insert("versions keep".to_owned(), history.type2.join(", "));
        said.own.insert("members".to_owned(), role.reading.words());
    }
}

/// Whether the column `key` of a dimension may have been another in a version.
fn is_kept(role: &CubeRole, key: &str) -> bool {
    let history = role.dimension.history.as_ref();
    history
        .is_some_and(|history| history.from == key || history.type2.iter().any(|kept| kept == key))
}

fn declared_level<'a>(
    cube: &'a Cube,
    role: Option<&'a CubeRole>,
    column: &FlatColumn,
) -> Option<&'a Level> {
    let flat = column.level.as_deref()?;
    match role {
        None => cube.levels.iter().find(|level| level.name == flat),
        Some(role) => {
            let own = flat.strip_prefix(&role.role.name)?.strip_prefix('_')?;
            let tree = role.dimension.trees.iter().find(|tree| tree.name == own);
            let shown_by = tree.and_then(|tree| tree.shown_by(&role.dimension));
            shown_by.or_else(|| role.dimension.level(own))
        }
    }
}

fn columns_of(level: &Level) -> Vec<(String, &str)> {
    let mut columns =
        vec![("key".to_owned(), level.key.as_str()), ("caption".to_owned(), &level.caption)];
    columns.extend(level.sort.iter().map(|sort| ("sort".to_owned(), sort.as_str())));
    let captions = level.captions.iter();
    columns.extend(captions.map(|(locale, name)| (format!("caption {locale}"), name.as_str())));
    columns
}

/// How a fact comes to have several members there.
fn reached_by(declared: &Declared<'_>, role: &CubeRole, bridge: &Bridge, said: &mut ColumnWords) {
    match &bridge.to {
        BridgeEnd::Tree(name) => {
            let Some(tree) = role.dimension.trees.iter().find(|tree| tree.name == *name) else {
                return;
            };
            said.own.insert("tree".to_owned(), format!("{name} by {}", tree.parent.join(", ")));
            for parent in &tree.parent {
                declared.column(&role.dimension.name, parent, &mut said.of_tables);
            }
        }
        BridgeEnd::Members { weight, .. } => {
            said.own.insert("through".to_owned(), bridge.table.clone());
            if let Some(weight) = weight {
                said.own.insert("weight".to_owned(), weight.value.clone());
                declared.column(&bridge.table, &weight.value, &mut said.of_tables);
            }
            declared.rows_of(&bridge.table, &mut said.of_tables);
            declared.found_by(&bridge.table, &bridge.role, &mut said.of_tables);
            declared.found_by(&bridge.table, &role.role, &mut said.of_tables);
        }
    }
}

/// How the years are counted of which a column of the calendar is.
fn counted_by(project: &Project, column: &str, meaning: &mut Words) {
    let rules = &project.settings.calendar;
    if column.starts_with("fiscal_") {
        let month = rules.fiscal_year_start.to_string();
        meaning.insert("month in which the fiscal year starts".to_owned(), month);
    }
    if column.starts_with(RETAIL) {
        look(meaning, "retail year", rules.retail.map(|retail| format!("{retail:?}")));
    }
}
