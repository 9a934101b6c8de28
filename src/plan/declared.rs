//! What the declarations of tables say: of a column, of the rows, of how facts find members.

use std::collections::BTreeSet;

use super::meaning::{Words, look};
use super::sources::SourceTexts;
use crate::lineage::{self, Derivation, Origin};
use crate::model::Model;
use crate::project::{DimensionUse, Duplicates, FactSpec, FeedSpec, Missing, Project, RejectSpec};
use crate::star::{CALENDAR, Role};

/// A model, and how its sources are read.
pub(super) struct Declared<'a> {
    pub(super) model: &'a Model,
    sources: SourceTexts,
}

impl<'a> Declared<'a> {
    pub(super) fn new(model: &'a Model) -> Self {
        Self { model, sources: SourceTexts::of_files(&model.project.files) }
    }

    pub(super) fn project(&self) -> &'a Project {
        &self.model.project
    }

    /// Adds what each feed says about a column, the code lists it uses, and how its source is read.
    pub(super) fn origin(&self, origin: &Origin, words: &mut Words) {
        let what = format!("{} of {}", origin.column, origin.table);
        if words.contains_key(&what) {
            return;
        }
        let mut said = Vec::new();
        for derivation in &origin.derivations {
            let lookups: String =
                derivation.lookups.iter().map(|text| format!(", {text}")).collect();
            said.push(format!("{}: {}{lookups}", derivation.table, derivation.rule));
            self.read_from(derivation, words);
            let Some(list) = &derivation.list else { continue };
            let codes = self.project().codes.get(list).into_iter().flatten();
            let codes: Vec<String> = codes.map(|(code, text)| format!("{code}: {text}")).collect();
            words.insert(format!("code list {list}"), codes.join(", "));
        }
        if !said.is_empty() {
            words.insert(what, said.join("; "));
            self.filled_by(origin, words);
        }
    }

    /// The same for the column `column` of the fact or dimension `table`.
    pub(super) fn column(&self, table: &str, column: &str, words: &mut Words) {
        self.origin(&lineage::of_column(self.project(), table, column), words);
    }

    /// Adds the columns of the table that a value for NULL is made of.
    fn filled_by(&self, origin: &Origin, words: &mut Words) {
        let feeds = lineage::feeds(self.project(), &origin.table).iter();
        for (filled, value) in feeds.flat_map(|feed| &feed.fill) {
            if filled.value == origin.column {
                self.targets(&origin.table, &value.value, words);
            }
        }
    }

    fn read_from(&self, derivation: &Derivation, words: &mut Words) {
        self.sources.of_table(&derivation.table, words);
        for source in &derivation.columns {
            if source.table == derivation.table {
                self.sources.of_column(&source.table, &source.column, words);
            } else {
                // Any type in a looked-up table may keep one of its rows from being found.
                self.sources.of_rows(&source.table, words);
            }
        }
    }

    /// Adds the columns of `table` itself that an expression of its declaration names.
    fn targets(&self, table: &str, sql: &str, words: &mut Words) {
        let origins = lineage::targets_named(self.project(), table, sql);
        origins.iter().for_each(|origin| self.origin(origin, words));
    }

    fn fact(&self, name: &str) -> Option<&'a FactSpec> {
        self.project().facts.iter().find(|spec| spec.name.value == name)
    }

    /// Adds which rows of a fact or dimension there are.
    pub(super) fn rows_of(&self, table: &str, words: &mut Words) {
        let mut read: Words = Words::new();
        for feed in lineage::feeds(self.project(), table) {
            let said = read.entry(format!("rows of {table} from {}", feed.table.value));
            // One source table may feed twice.
            said.and_modify(|said| said.push_str(" and ")).or_default().push_str(&chosen(feed));
            let tables: BTreeSet<&str> =
                feed.lookups.iter().map(|l| l.table.value.as_str()).collect();
            self.sources.of_rows(&feed.table.value, words);
            tables.into_iter().for_each(|table| self.sources.of_rows(table, words));
            for rule in feed.reject.iter().chain(&feed.drop) {
                self.targets(table, &rule.when.value, words);
            }
        }
        words.extend(read);
        self.rows_of_fact(table, words);
        self.rows_of_dimension(table, words);
    }

    fn rows_of_fact(&self, table: &str, words: &mut Words) {
        let Some(spec) = self.fact(table) else { return };
        let grain: Vec<&str> = spec.grain.iter().map(|column| column.value.as_str()).collect();
        grain.iter().for_each(|column| self.column(table, column, words));
        words.insert(format!("grain of {table}"), grain.join(", "));
        let bounded = self.project().settings.days.is_some();
        for used in &spec.dimensions {
            let refuses = used.missing == Missing::Quarantine;
            if refuses {
                let said = format!("missing {} in {table}", used.role.name);
                words.insert(said, "quarantine".to_owned());
                self.rows_of_dimension(&used.dimension.value, words);
            }
            // A day outside of the calendar is in quarantine.
            if refuses || (bounded && used.dimension.value == CALENDAR) {
                self.key_of(spec, used, words);
            }
        }
    }

    fn rows_of_dimension(&self, table: &str, words: &mut Words) {
        let spec = self.project().dimensions.iter().find(|spec| spec.name.value == table);
        let Some(spec) = spec else { return };
        self.records_of(table, words);
        let said = format!("{:?}", spec.conflicts).to_lowercase();
        words.insert(format!("conflicts in {table}"), said);
        let since = spec.history.as_ref().map(|history| history.from.value.clone());
        look(words, &format!("versions of {table} since"), since);
    }

    /// Adds what tells the records of a dimension apart.
    fn records_of(&self, table: &str, words: &mut Words) {
        let spec = self.project().dimensions.iter().find(|spec| spec.name.value == table);
        let Some(spec) = spec else { return };
        let key: Vec<&str> = spec.key.iter().map(|column| column.value.as_str()).collect();
        key.iter().for_each(|column| self.column(table, column, words));
        let said = format!("{}, {:?}", key.join(", "), spec.key_scope).to_lowercase();
        words.insert(format!("key of {table}"), said);
    }

    /// Adds how rows of `fact` find the member they stand under in `role`.
    pub(super) fn found_by(&self, fact: &str, role: &Role, words: &mut Words) {
        let Some(spec) = self.fact(fact) else { return };
        for used in spec.dimensions.iter().filter(|used| used.role == *role) {
            self.key_of(spec, used, words);
            self.records_of(&used.dimension.value, words);
            let missing = match used.missing {
                Missing::Unknown => "unknown",
                Missing::Quarantine => "quarantine",
            };
            words.insert(format!("missing {} in {fact}", used.role.name), missing.to_owned());
            self.version_of(spec, used, words);
        }
    }

    /// Adds how `fact` finds the day or member in its column `key`.
    pub(super) fn key(&self, fact: &str, key: &str, words: &mut Words) {
        let Some(spec) = self.fact(fact) else { return };
        let uses = spec.dimensions.iter().filter(|used| used.role.key_column() == key);
        uses.for_each(|used| self.key_of(spec, used, words));
    }

    fn key_of(&self, spec: &FactSpec, used: &DimensionUse, words: &mut Words) {
        let fact = &spec.name.value;
        if let Some(found) = lineage::key_of_fact(self.project(), fact, &used.role.key_column()) {
            self.origin(&found, words);
        }
        let others = used.not_applicable.iter().chain(&used.as_of);
        for text in used.on.iter().chain(others) {
            self.targets(fact, &text.value, words);
        }
        let source = used.source.as_ref().map(|source| source.value.clone());
        look(words, &format!("source of {} in {fact}", used.role.name), source);
    }

    /// Adds as of which day a member with a history is meant.
    fn version_of(&self, spec: &FactSpec, used: &DimensionUse, words: &mut Words) {
        let dimension = self.project().star.dimension(&used.dimension.value);
        if dimension.is_none_or(|dimension| dimension.history.is_none()) {
            return;
        }
        let fact = &spec.name.value;
        let day = used.as_of.as_ref().or_else(|| spec.day());
        let said = day.map_or("the newest version", |day| day.value.as_str());
        words.insert(format!("version of {} in {fact} as of", used.role.name), said.to_owned());
        if let Some(day) = day {
            self.targets(fact, &day.value, words);
        }
    }
}

/// Which rows of its table a feed lets through.
fn chosen(feed: &FeedSpec) -> String {
    let mut said: Vec<String> = Vec::new();
    said.extend(feed.keep.iter().map(|keep| format!("where {}", keep.value)));
    let rules = |name: &'static str, rules: &[RejectSpec]| -> Vec<String> {
        rules.iter().map(|rule| format!("{name} where {}", rule.when.value)).collect()
    };
    said.extend(rules("reject", &feed.reject));
    said.extend(rules("drop", &feed.drop));
    if feed.duplicates == Duplicates::Drop {
        said.push("drop duplicates".to_owned());
    }
    if said.is_empty() { "all".to_owned() } else { said.join("; ") }
}
