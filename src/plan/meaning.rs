//! What a cube says, taken apart into named texts that can be compared.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{Expr, Ident, visit_expressions_mut};
use datafusion::sql::sqlparser::dialect::GenericDialect;
use datafusion::sql::sqlparser::parser::Parser;

use super::cube_change::Kind;
use crate::cube::{
    Bridge, BridgeEnd, ColumnKind, Cube, CubeRole, Definition, FlatColumn, Measure, NamedSet,
};
use crate::lineage::{self, Origin};
use crate::model::Model;
use crate::project::{Duplicates, FeedSpec, Missing, Project};
use crate::star::{CALENDAR, Level, RETAIL, Role, Title};

/// One thing a cube offers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Part {
    pub(super) kind: Kind,
    pub(super) name: String,
    /// What its values are, by what is said.
    pub(super) meaning: BTreeMap<String, String>,
    /// What the cube says of it, in a form that does not depend on names of measures.
    pub(super) definition: String,
    /// All of its meaning in such a form.
    pub(super) identity: String,
    /// How it is shown, by what is said.
    pub(super) looks: BTreeMap<String, String>,
}

/// Everything `cube` offers, in its order.
pub(super) fn of_cube(model: &Model, cube: &Cube) -> Vec<Part> {
    let mut parts = vec![whole(cube), rows(model, cube)];
    parts.extend(cube.columns.iter().filter_map(|column| level(model, cube, column)));
    for (role, name, levels) in cube.hierarchies() {
        let meaning = BTreeMap::from([("levels".to_owned(), levels.join(" → "))]);
        let name = format!("{name} of {}", role.role.name);
        parts.push(Part::new(Kind::Hierarchy, &name, meaning, BTreeMap::new()));
    }
    parts.extend(cube.measures.iter().map(|measure| self::measure(model, cube, measure)));
    parts.extend(cube.sets.iter().map(set));
    parts
}

impl Part {
    fn new(
        kind: Kind,
        name: &str,
        meaning: BTreeMap<String, String>,
        looks: BTreeMap<String, String>,
    ) -> Self {
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
fn rows(model: &Model, cube: &Cube) -> Part {
    let project = &model.project;
    let mut meaning = BTreeMap::new();
    let mut tables = cube.facts();
    for fact in &tables {
        let specs = project.facts.iter().filter(|spec| spec.name.value == *fact);
        for spec in specs {
            let grain: Vec<&str> = spec.grain.iter().map(|column| column.value.as_str()).collect();
            meaning.insert(format!("grain of {fact}"), grain.join(", "));
        }
    }
    let dimensions: BTreeSet<&str> =
        cube.roles.iter().map(|role| role.dimension.name.as_str()).collect();
    tables.extend(dimensions);
    for table in tables {
        for feed in lineage::feeds(project, table) {
            let said = meaning.entry(format!("rows of {table} from {}", feed.table.value));
            // One source table may feed twice.
            said.and_modify(|said| said.push_str(" and ")).or_default().push_str(&chosen(feed));
        }
        let spec = project.dimensions.iter().find(|spec| spec.name.value == table);
        if let Some(spec) = spec {
            let key: Vec<&str> = spec.key.iter().map(|column| column.value.as_str()).collect();
            let said = format!("{}, {:?}, {:?}", key.join(", "), spec.key_scope, spec.conflicts);
            meaning.insert(format!("key of {table}"), said.to_lowercase());
            let since = spec.history.as_ref().map(|history| history.from.value.clone());
            look(&mut meaning, &format!("versions of {table} since"), since);
        }
    }
    let settings = &project.settings;
    meaning.insert("time zone".to_owned(), settings.time_zone.to_string());
    // A day outside of the calendar is in quarantine.
    let days = settings.days.map(|(first, last)| format!("{first} to {last}"));
    look(&mut meaning, "calendar", days);
    Part::new(Kind::Rows, &cube.fact, meaning, BTreeMap::new())
}

/// How the years are counted of which a column of the calendar is.
fn counted_by(project: &Project, column: &str, meaning: &mut BTreeMap<String, String>) {
    let rules = &project.settings.calendar;
    if column.starts_with("fiscal_") {
        let month = rules.fiscal_year_start.to_string();
        meaning.insert("month in which the fiscal year starts".to_owned(), month);
    }
    if column.starts_with(RETAIL) {
        look(meaning, "retail year", rules.retail.map(|retail| format!("{retail:?}")));
    }
}

/// Which rows of its table a feed lets through.
fn chosen(feed: &FeedSpec) -> String {
    let mut said: Vec<String> = Vec::new();
    said.extend(feed.keep.iter().map(|keep| format!("where {}", keep.value)));
    let rules = |name: &'static str, rules: &[crate::project::RejectSpec]| -> Vec<String> {
        rules.iter().map(|rule| format!("{name} where {}", rule.when.value)).collect()
    };
    said.extend(rules("reject", &feed.reject));
    said.extend(rules("drop", &feed.drop));
    if feed.duplicates == Duplicates::Drop {
        said.push("drop duplicates".to_owned());
    }
    if said.is_empty() { "all".to_owned() } else { said.join("; ") }
}

/// A level or attribute; keys and further captions belong to their level.
fn level(model: &Model, cube: &Cube, column: &FlatColumn) -> Option<Part> {
    let project = &model.project;
    let role = column.role.map(|at| &cube.roles[at]);
    let table = cube.table_of(column);
    let mut meaning = BTreeMap::new();
    let mut looks = BTreeMap::new();
    let kind = match column.kind {
        ColumnKind::Level => Kind::Level,
        ColumnKind::Attribute => Kind::Attribute,
        ColumnKind::Key | ColumnKind::Caption(_) => return None,
    };
    let declared = declared_level(cube, role, column);
    let columns = match declared {
        Some(level) => columns_of(level),
        None => vec![("column".to_owned(), column.source.as_str())],
    };
    for (what, name) in columns {
        meaning.insert(what, name.to_owned());
        origin(project, &lineage::of_column(project, table, name), &mut meaning);
    }
    if let Some(role) = role.filter(|role| role.has_history()) {
        let key = declared.map_or(column.source.as_str(), |level| level.key.as_str());
        let kept = is_kept(role, key);
        let history = if kept { "kept" } else { "newest value only" };
        meaning.insert("history".to_owned(), history.to_owned());
        look(&mut meaning, "members", kept.then(|| role.reading.words()));
    }
    if role.is_some_and(|role| role.dimension.name == CALENDAR) {
        counted_by(project, &column.source, &mut meaning);
    }
    let bridge = column.bridge.as_deref().and_then(|name| cube.bridge(name));
    let found_as = bridge.map_or_else(|| role.map(|role| &role.role), |bridge| Some(&bridge.role));
    for fact in role.iter().flat_map(|_| cube.facts()) {
        found_by(project, fact, found_as?, &mut meaning);
    }
    if let Some(bridge) = bridge {
        reached_by(project, role?, bridge, &mut meaning);
    }
    look(&mut looks, "title", column.title.as_ref().map(texts));
    Some(Part::new(kind, &column.name, meaning, looks))
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

/// How rows of the fact find the member they stand under.
fn found_by(project: &Project, fact: &str, role: &Role, meaning: &mut BTreeMap<String, String>) {
    if let Some(found) = lineage::key_of_fact(project, fact, &role.key_column()) {
        origin(project, &found, meaning);
    }
    let spec = project.facts.iter().find(|spec| spec.name.value == fact);
    let uses = spec.iter().flat_map(|spec| &spec.dimensions);
    for used in uses.filter(|used| used.role == *role) {
        let missing = match used.missing {
            Missing::Unknown => "unknown",
            Missing::Quarantine => "quarantine",
        };
        meaning.insert(format!("missing in {fact}"), missing.to_owned());
        let source = used.source.as_ref().map(|source| source.value.clone());
        look(meaning, &format!("source in {fact}"), source);
        let dimension = project.star.dimension(&used.dimension.value);
        if dimension.is_some_and(|dimension| dimension.history.is_some()) {
            let day = used.as_of.as_ref().or_else(|| spec?.day());
            let day = day.map_or("the newest version", |day| day.value.as_str());
            meaning.insert(format!("version in {fact} as of"), day.to_owned());
        }
    }
}

/// How a fact comes to have several members there.
fn reached_by(
    project: &Project,
    role: &CubeRole,
    bridge: &Bridge,
    meaning: &mut BTreeMap<String, String>,
) {
    match &bridge.to {
        BridgeEnd::Tree(name) => {
            let Some(tree) = role.dimension.trees.iter().find(|tree| tree.name == *name) else {
                return;
            };
            meaning.insert("tree".to_owned(), format!("{name} by {}", tree.parent.join(", ")));
            for parent in &tree.parent {
                let found = lineage::of_column(project, &role.dimension.name, parent);
                origin(project, &found, meaning);
            }
        }
        BridgeEnd::Members { weight, .. } => {
            meaning.insert("through".to_owned(), bridge.table.clone());
            look(meaning, "weight", weight.clone());
            found_by(project, &bridge.table, &bridge.role, meaning);
            found_by(project, &bridge.table, &role.role, meaning);
        }
    }
}

fn measure(model: &Model, cube: &Cube, measure: &Measure) -> Part {
    let mut meaning = BTreeMap::new();
    meaning.insert("definition".to_owned(), measure.formula());
    look(&mut meaning, "currency", measure.currency.clone());
    built_from(model, cube, measure, &mut meaning);
    chosen_by_members(model, cube, measure, &mut meaning);
    let mut origins = BTreeMap::new();
    for from in lineage::of_measure(model.view(), cube, measure) {
        origin(&model.project, &from, &mut origins);
    }
    converted_by(model, cube, measure, &mut origins);
    let definition = format!("{} {:?}", expanded(model, cube, measure), measure.currency);
    let identity = format!("{definition} {origins:?}");
    meaning.extend(origins);
    let mut looks = BTreeMap::new();
    look(&mut looks, "title", measure.title.as_ref().map(texts));
    look(&mut looks, "description", measure.description.as_ref().map(texts));
    look(&mut looks, "format", measure.format.clone());
    look(&mut looks, "owner", measure.owner.clone());
    let name = measure.name.clone();
    Part { kind: Kind::Measure, name, meaning, definition, identity, looks }
}

fn set(set: &NamedSet) -> Part {
    let meaning = BTreeMap::from([
        ("level".to_owned(), set.level.clone()),
        ("members".to_owned(), set.description()),
    ]);
    let mut looks = BTreeMap::new();
    look(&mut looks, "title", set.title.as_ref().map(texts));
    Part::new(Kind::Set, &set.name, meaning, looks)
}

/// Adds the measures a formula is built from, those behind them included.
fn built_from(
    model: &Model,
    cube: &Cube,
    measure: &Measure,
    meaning: &mut BTreeMap<String, String>,
) {
    let Definition::Formula { measures, .. } = &measure.definition else { return };
    let home = lineage::home(model.view(), cube, measure);
    for used in measures.iter().filter_map(|name| home.measure(name)) {
        meaning.insert(format!("measure {}", used.name), used.formula());
        built_from(model, home, used, meaning);
    }
}

/// Adds the tables of rates that amounts are converted by, those of the measures behind included.
fn converted_by(
    model: &Model,
    cube: &Cube,
    measure: &Measure,
    meaning: &mut BTreeMap<String, String>,
) {
    if let Definition::Formula { measures, .. } = &measure.definition {
        let home = lineage::home(model.view(), cube, measure);
        let used = measures.iter().filter_map(|name| home.measure(name));
        used.for_each(|used| converted_by(model, home, used, meaning));
    }
    let Some(rates) = measure.rates() else { return };
    let columns = &rates.columns;
    let pivot = columns.pivot.as_ref().map(|pivot| format!(", by way of {pivot}"));
    let said = format!(
        "{} of {} in {} from {}{}",
        columns.rate,
        columns.from,
        columns.to,
        columns.day,
        pivot.unwrap_or_default()
    );
    meaning.insert(format!("rates of {}", rates.table), said);
    for feed in lineage::feeds(&model.project, &rates.table) {
        let said = meaning.entry(format!("rows of {} from {}", rates.table, feed.table.value));
        *said.or_default() = chosen(feed);
    }
}

/// How the members are seen by which a measure chooses its rows.
fn chosen_by_members(
    model: &Model,
    cube: &Cube,
    measure: &Measure,
    meaning: &mut BTreeMap<String, String>,
) {
    let home = lineage::home(model.view(), cube, measure);
    let filter = match &measure.definition {
        Definition::Formula { measures, .. } => {
            let used = measures.iter().filter_map(|name| home.measure(name));
            used.for_each(|used| chosen_by_members(model, home, used, meaning));
            return;
        }
        Definition::Aggregate(aggregate) => aggregate.filter.as_deref().unwrap_or_default(),
    };
    for column in home.columns.iter().filter(|column| filter.contains(&column.name)) {
        let role = column.role.map(|at| &home.roles[at]);
        if let Some(role) = role.filter(|role| is_kept(role, &column.source)) {
            meaning.insert(format!("members by {}", column.name), role.reading.words());
        }
    }
}

/// The definition with every measure in it replaced by its own, so that names do not matter.
fn expanded(model: &Model, cube: &Cube, measure: &Measure) -> String {
    let home = lineage::home(model.view(), cube, measure);
    let Definition::Formula { expr, .. } = &measure.definition else {
        return format!("{:?} of {}", measure.definition, home.fact);
    };
    let parsed = Parser::new(&GenericDialect {}).try_with_sql(expr);
    let Ok(mut expression) = parsed.and_then(|mut parser| parser.parse_expr()) else {
        return expr.clone();
    };
    let walked = visit_expressions_mut(&mut expression, |part| {
        if let Expr::Identifier(name) = part
            && let Some(used) = home.measure(&name.value)
        {
            // A cycle is refused where cubes are compiled, so this ends.
            *part = Expr::Identifier(Ident::new(format!("({})", expanded(model, home, used))));
        }
        ControlFlow::<()>::Continue(())
    });
    debug_assert!(walked.is_continue());
    expression.to_string()
}

/// Adds what each feed says about a column, and the code lists it uses.
fn origin(project: &Project, origin: &Origin, meaning: &mut BTreeMap<String, String>) {
    let mut said = Vec::new();
    for derivation in &origin.derivations {
        let lookups: String = derivation.lookups.iter().map(|text| format!(", {text}")).collect();
        said.push(format!("{}: {}{lookups}", derivation.table, derivation.rule));
        let Some(list) = &derivation.list else { continue };
        let codes = project.codes.get(list).into_iter().flatten();
        let codes: Vec<String> = codes.map(|(code, text)| format!("{code}: {text}")).collect();
        meaning.insert(format!("code list {list}"), codes.join(", "));
    }
    if !said.is_empty() {
        meaning.insert(format!("{} of {}", origin.column, origin.table), said.join("; "));
    }
}

fn look(looks: &mut BTreeMap<String, String>, what: &str, value: Option<String>) {
    looks.extend(value.map(|value| (what.to_owned(), value)));
}

/// A title in every locale it has.
fn texts(title: &Title) -> String {
    if title.locales.is_empty() {
        return title.default.clone();
    }
    let of_locale = |(locale, text): (&String, &String)| format!("{locale}: {text}");
    title.locales.iter().map(of_locale).collect::<Vec<_>>().join(", ")
}
