//! The data dictionary: everything a project declares, in Markdown for people.
//!
//! It is made of names only, so the same declarations give the same text anywhere.

use crate::cube::{ColumnKind, Cube, CubeRole, Definition, Measure};
use crate::lineage::{self, Derivation, Origin};
use crate::model::Model;
use crate::project::{DimensionSpec, FactSpec, FeedSpec, KeyScope};
use crate::star::{Dimension, Level, Title};

/// One page of the dictionary.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// The name of its file, without `.md`.
    pub name: String,
    /// In Markdown; the first line is its heading, of the first rank.
    pub text: String,
}

/// Which text of a title is shown, and where pages are.
#[derive(Clone, Debug, Default)]
pub struct Style {
    /// The locale of titles; the default one when absent.
    pub locale: Option<String>,
    /// Whether every page is a file of its own, which is what links lead to.
    pub files: bool,
}

/// The contents page, then one page per cube, dimension and fact.
pub fn pages(model: &Model, style: &Style) -> Vec<Page> {
    let writer = Writer { model, style };
    let project = &model.project;
    let mut pages = vec![writer.contents()];
    pages.extend(model.cubes.iter().map(|cube| writer.cube(cube)));
    pages.extend(project.star.dimensions.iter().map(|dimension| writer.dimension(dimension)));
    pages.extend(project.facts.iter().map(|spec| writer.fact(spec)));
    pages
}

/// All pages as one text; headings of every page but the first go down one rank.
pub fn one_text(pages: &[Page]) -> String {
    let mut text = String::new();
    for (number, page) in pages.iter().enumerate() {
        if number == 0 {
            text.push_str(&page.text);
            continue;
        }
        text.push('\n');
        for line in page.text.lines() {
            let deeper = if line.starts_with('#') { "#" } else { "" };
            text.push_str(&format!("{deeper}{line}\n"));
        }
    }
    text
}

struct Writer<'a> {
    model: &'a Model,
    style: &'a Style,
}

impl Writer<'_> {
    fn contents(&self) -> Page {
        let project = &self.model.project;
        let name = match &project.settings.title {
            Some(title) => self.text(title).to_owned(),
            None => project.settings.name.clone(),
        };
        let mut text = format!("# Data dictionary: {}\n", plain(&name));
        let cubes = self.model.cubes.iter().map(|cube| {
            let measures = cube.measures.len().to_string();
            let owner = cube.owner.clone().unwrap_or_default();
            let (fact, title) = (self.facts(cube), self.title(cube.title.as_ref()));
            vec![self.link("cube", &cube.name), title, fact, measures, owner]
        });
        let heads = ["Cube", "Title", "Fact", "Measures", "Owner"];
        section(&mut text, "Cubes", &heads, cubes.collect());
        let dimensions = project.star.dimensions.iter().map(|dimension| {
            let levels = dimension.levels.iter().map(|level| level.name.as_str());
            let levels: Vec<&str> = levels.collect();
            let name = self.link("dimension", &dimension.name);
            vec![name, self.title(dimension.title.as_ref()), levels.join(", ")]
        });
        let heads = ["Dimension", "Title", "Levels"];
        section(&mut text, "Dimensions", &heads, dimensions.collect());
        let facts = project.facts.iter().map(|spec| {
            let name = self.link("fact", &spec.name.value);
            vec![name, self.title(spec.title.as_ref()), texts(&spec.grain)]
        });
        section(&mut text, "Facts", &["Fact", "Title", "Grain"], facts.collect());
        Page { name: "index".into(), text }
    }

    fn cube(&self, cube: &Cube) -> Page {
        let mut text = heading("Cube", &cube.name);
        self.introduction(&mut text, cube.title.as_ref(), cube.description.as_ref());
        field(&mut text, "Fact", &self.facts(cube));
        let bases: Vec<String> =
            cube.bases.iter().map(|base| self.link("cube", &base.cube)).collect();
        field(&mut text, "Puts together", &bases.join(", "));
        field(&mut text, "Owner", cube.owner.as_deref().unwrap_or_default());
        let rows = cube.measures.iter().map(|measure| self.measure_row(measure));
        let heads = ["Measure", "Title", "Formula", "Format", "Currency", "Adds up"];
        section(&mut text, "Measures", &heads, rows.collect());
        for measure in &cube.measures {
            self.measure(&mut text, cube, measure);
        }
        self.levels(&mut text, cube);
        let rows = cube.hierarchies().into_iter().map(|(role, name, levels)| {
            vec![code(&role.role.name), code(name), levels.join(" → ")]
        });
        section(&mut text, "Hierarchies", &["Role", "Hierarchy", "Levels"], rows.collect());
        let rows = cube.sets.iter().map(|set| {
            let title = self.title(set.title.as_ref());
            vec![code(&set.name), title, code(&set.level), code(&set.description())]
        });
        section(&mut text, "Named sets", &["Set", "Title", "Level", "Members"], rows.collect());
        Page { name: format!("cube-{}", cube.name), text }
    }

    fn measure_row(&self, measure: &Measure) -> Vec<String> {
        vec![
            code(&measure.name),
            self.title(measure.title.as_ref()),
            code(&measure.formula()),
            measure.format.clone().unwrap_or_default(),
            measure.currency.clone().unwrap_or_default(),
            measure.additivity.as_str().replace('_', "-"),
        ]
    }

    /// What a measure is, and every column it comes from.
    fn measure(&self, text: &mut String, cube: &Cube, measure: &Measure) {
        text.push_str(&format!("\n### Measure `{}`\n", measure.name));
        self.introduction(text, measure.title.as_ref(), measure.description.as_ref());
        field(text, "Formula", &code(&measure.formula()));
        if let Definition::Formula { measures, .. } = &measure.definition {
            let used: Vec<String> = measures.iter().map(|name| code(name)).collect();
            field(text, "Built from", &used.join(", "));
        }
        field(text, "Format", measure.format.as_deref().unwrap_or_default());
        field(text, "Currency", measure.currency.as_deref().unwrap_or_default());
        field(text, "Adds up", &measure.additivity.as_str().replace('_', "-"));
        let owner = measure.owner.as_ref().or(cube.owner.as_ref());
        field(text, "Owner", owner.map_or("", String::as_str));
        let origins = lineage::read_by(self.model.view(), cube, measure);
        self.lineage(text, &origins);
    }

    fn lineage(&self, text: &mut String, origins: &[Origin]) {
        let mut rows = Vec::new();
        for origin in origins {
            let column = match origin.column.as_str() {
                lineage::ROWS => format!("rows of {}", code(&origin.table)),
                column => code(&format!("{}.{column}", origin.table)),
            };
            for from in &origin.derivations {
                rows.push(vec![column.clone(), code(&from.table), rule(from), sources(from)]);
            }
            if origin.derivations.is_empty() {
                rows.push(vec![column, String::new(), "generated".into(), String::new()]);
            }
        }
        table(text, &["Comes from", "Fed by", "Expression", "Source columns"], rows);
    }

    fn levels(&self, text: &mut String, cube: &Cube) {
        let levels = cube.columns.iter().filter(|column| column.kind == ColumnKind::Level);
        let rows = levels.map(|column| {
            let role: Option<&CubeRole> = column.role.map(|at| &cube.roles[at]);
            let from = match role {
                Some(role) => self.link("dimension", &role.dimension.name),
                None => self.link("fact", cube.table_of(column)),
            };
            let of_level = cube.columns.iter().filter(|other| other.level == column.level);
            let further = of_level.filter(|other| other.name != column.name);
            let further: Vec<String> = further.map(|other| code(&other.name)).collect();
            let role = role.map_or_else(String::new, |role| code(&role.role.name));
            let title = self.title(column.title.as_ref());
            vec![code(&column.name), title, role, from, further.join(", ")]
        });
        let heads = ["Level", "Title", "Role", "From", "With"];
        section(text, "Levels", &heads, rows.collect());
    }

    fn dimension(&self, dimension: &Dimension) -> Page {
        let name = &dimension.name;
        let specs = &self.model.project.dimensions;
        let spec = specs.iter().find(|spec| spec.name.value == *name);
        let mut text = heading("Dimension", name);
        self.introduction(&mut text, dimension.title.as_ref(), dimension.description.as_ref());
        match spec {
            Some(spec) => field(&mut text, "Key", &key(spec)),
            None => field(&mut text, "Rows", "generated, one for each day"),
        }
        if let Some(history) = &dimension.history {
            let kept: Vec<String> = history.type2.iter().map(|column| code(column)).collect();
            let since = code(&history.from);
            field(&mut text, "Keeps history of", &format!("{}, since {since}", kept.join(", ")));
        }
        let rows = dimension.levels.iter().map(|level| self.level_row(level));
        let heads = ["Level", "Title", "Key", "Caption", "Sorted by"];
        section(&mut text, "Levels", &heads, rows.collect());
        let hierarchies = dimension.hierarchies.iter();
        let rows = hierarchies.map(|path| vec![code(&path.name), path.levels.join(" → ")]);
        section(&mut text, "Hierarchies", &["Hierarchy", "Levels"], rows.collect());
        self.columns(&mut text, name, dimension.attributes.iter().map(String::as_str));
        self.feeds(&mut text, spec.map_or(&[], |spec| &spec.feeds));
        Page { name: format!("dimension-{name}"), text }
    }

    fn level_row(&self, level: &Level) -> Vec<String> {
        let others = level.captions.iter().filter(|(_, column)| **column != level.caption);
        let others = others.map(|(locale, column)| format!("{} ({locale})", code(column)));
        let captions: Vec<String> = std::iter::once(code(&level.caption)).chain(others).collect();
        vec![
            code(&level.name),
            self.title(level.title.as_ref()),
            code(&level.key),
            captions.join(", "),
            level.sort.as_deref().map(code).unwrap_or_default(),
        ]
    }

    fn fact(&self, spec: &FactSpec) -> Page {
        let project = &self.model.project;
        let name = &spec.name.value;
        let mut text = heading("Fact", name);
        self.introduction(&mut text, spec.title.as_ref(), spec.description.as_ref());
        field(&mut text, "Grain", &texts(&spec.grain));
        if let Some(rates) = &spec.rates {
            let [from, to, rate] = [&rates.from, &rates.to, &rates.rate].map(|c| code(&c.value));
            let pivot = rates.pivot.as_ref().map(|pivot| format!(", by way of {}", pivot.value));
            let said = format!("{rate} of {from} in {to}{}", pivot.unwrap_or_default());
            field(&mut text, "Rates", &said);
        }
        let rows = spec.dimensions.iter().map(|used| {
            let condition = used.not_applicable.as_ref().map(|text| code(&text.value));
            let dimension = self.link("dimension", &used.dimension.value);
            vec![code(&used.role.name), dimension, texts(&used.on), condition.unwrap_or_default()]
        });
        let heads = ["Role", "Dimension", "Found by", "Not applicable where"];
        section(&mut text, "Dimensions", &heads, rows.collect());
        let columns = project.star.fact(name).into_iter().flat_map(|fact| &fact.columns);
        self.columns(&mut text, name, columns.map(|column| column.name.as_str()));
        self.feeds(&mut text, &spec.feeds);
        Page { name: format!("fact-{name}"), text }
    }

    /// Every column of a table, and how each feed gives it.
    fn columns<'c>(&self, text: &mut String, of: &str, columns: impl Iterator<Item = &'c str>) {
        let mut rows = Vec::new();
        for column in columns {
            let origin = lineage::of_column(&self.model.project, of, column);
            for from in &origin.derivations {
                rows.push(vec![code(column), code(&from.table), rule(from), sources(from)]);
            }
        }
        let heads = ["Column", "Fed by", "Expression", "Source columns"];
        section(text, "Columns", &heads, rows);
    }

    /// Which rows of each source table take part.
    fn feeds(&self, text: &mut String, feeds: &[FeedSpec]) {
        let mut rows = Vec::new();
        for feed in feeds {
            let table = code(&feed.table.value);
            let mut add = |what: &str, when: &str, because: &str| {
                rows.push(vec![table.clone(), what.to_owned(), code(when), because.to_owned()]);
            };
            if let Some(keep) = &feed.keep {
                add("kept", &keep.value, "");
            }
            for (what, rules) in [("set aside", &feed.reject), ("dropped", &feed.drop)] {
                for rule in rules {
                    add(what, &rule.when.value, &rule.because.value);
                }
            }
        }
        section(text, "Rules", &["Source table", "Rows are", "Where", "Because"], rows);
    }

    fn introduction(&self, text: &mut String, title: Option<&Title>, description: Option<&Title>) {
        for said in [title, description].into_iter().flatten() {
            text.push_str(&format!("\n{}\n", self.text(said)));
        }
        text.push('\n');
    }

    fn title(&self, title: Option<&Title>) -> String {
        title.map(|title| self.text(title).to_owned()).unwrap_or_default()
    }

    fn text<'t>(&self, title: &'t Title) -> &'t str {
        let locale = self.style.locale.as_ref();
        locale.and_then(|locale| title.locales.get(locale)).unwrap_or(&title.default)
    }

    /// Links to the facts of a cube.
    fn facts(&self, cube: &Cube) -> String {
        let facts = cube.facts().into_iter();
        facts.map(|fact| self.link("fact", fact)).collect::<Vec<_>>().join(", ")
    }

    /// A link to the page of `name`.
    fn link(&self, what: &str, name: &str) -> String {
        match self.style.files {
            true => format!("[`{name}`]({what}-{name}.md)"),
            // Made of the heading, as renderers of Markdown do.
            false => format!("[`{name}`](#{what}-{name})"),
        }
    }
}

fn heading(what: &str, name: &str) -> String {
    format!("# {what} `{name}`\n")
}

fn rule(from: &Derivation) -> String {
    let lookups: String = from.lookups.iter().map(|text| format!(", {}", code(text))).collect();
    format!("{}{lookups}", code(&from.rule))
}

fn sources(from: &Derivation) -> String {
    let name =
        |column: &lineage::SourceColumn| code(&format!("{}.{}", column.table, column.column));
    from.columns.iter().map(name).collect::<Vec<_>>().join(", ")
}

fn key(spec: &DimensionSpec) -> String {
    let scope = match spec.key_scope {
        KeyScope::Shared => "",
        KeyScope::Source => ", by source",
    };
    format!("{}{scope}", texts(&spec.key))
}

fn texts(names: &[crate::declare::Located<String>]) -> String {
    names.iter().map(|name| code(&name.value)).collect::<Vec<_>>().join(", ")
}

/// `- **What**: value`, unless there is none.
fn field(text: &mut String, what: &str, value: &str) {
    if !value.is_empty() {
        text.push_str(&format!("- **{what}**: {value}\n"));
    }
}

/// A headed table, unless it has no row.
fn section(text: &mut String, title: &str, heads: &[&str], rows: Vec<Vec<String>>) {
    if !rows.is_empty() {
        text.push_str(&format!("\n## {title}\n"));
        table(text, heads, rows);
    }
}

fn table(text: &mut String, heads: &[&str], rows: Vec<Vec<String>>) {
    if rows.is_empty() {
        return;
    }
    text.push_str(&format!("\n| {} |\n|{}\n", heads.join(" | "), "---|".repeat(heads.len())));
    for row in rows {
        let cells: Vec<String> = row.iter().map(|cell| plain(cell)).collect();
        text.push_str(&format!("| {} |\n", cells.join(" | ")));
    }
}

/// A text within one cell of a table.
fn plain(text: &str) -> String {
    text.replace('|', "\\|").split_whitespace().collect::<Vec<_>>().join(" ")
}

/// A text as code, whatever is in it.
fn code(text: &str) -> String {
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let fence = if text.contains('`') { "``" } else { "`" };
    format!("{fence}{text}{fence}")
}
