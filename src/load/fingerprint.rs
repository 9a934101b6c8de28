//! What a table was made from, as one hash: equal means that loading again would give it again.

use std::collections::{BTreeMap, BTreeSet};

use sha2::{Digest, Sha256};

use crate::declare::Span;
use crate::project::{FeedSpec, PROJECT_FILE, Project};
use crate::source::Position;

/// Every source table that a feed of `project` reads.
pub(super) fn used_tables(project: &Project) -> BTreeSet<&String> {
    let dimensions = project.dimensions.iter().flat_map(|dimension| &dimension.feeds);
    let feeds = dimensions.chain(project.facts.iter().flat_map(|fact| &fact.feeds));
    feeds.flat_map(FeedSpec::tables).collect()
}

/// What each table would be made from now. A fact also depends on its dimensions' members.
pub(super) fn fingerprints(
    project: &Project,
    positions: &BTreeMap<String, Position>,
) -> BTreeMap<String, String> {
    let mut all = BTreeMap::new();
    for spec in &project.dimensions {
        let mut fingerprint = Fingerprint::new();
        fingerprint.add_feeds(project, &spec.name.span, &spec.feeds, positions);
        all.insert(spec.name.value.clone(), fingerprint.finish());
    }
    for spec in &project.facts {
        let mut fingerprint = Fingerprint::new();
        fingerprint.add_feeds(project, &spec.name.span, &spec.feeds, positions);
        for used in &spec.dimensions {
            let dimension = all.get(&used.dimension.value).map_or("", String::as_str);
            fingerprint.add(&used.dimension.value, dimension);
        }
        all.insert(spec.name.value.clone(), fingerprint.finish());
    }
    all
}

/// Collects what a table depends on.
#[derive(Debug)]
struct Fingerprint {
    hash: Sha256,
}

impl Fingerprint {
    /// Starts with this program's version: another one may translate differently.
    fn new() -> Self {
        let mut fingerprint = Self { hash: Sha256::new() };
        fingerprint.add("version", env!("CARGO_PKG_VERSION"));
        fingerprint
    }

    /// Adds a named part; lengths keep neighbouring parts apart.
    fn add(&mut self, name: &str, part: &str) {
        for text in [name, part] {
            self.hash.update((text.len() as u64).to_le_bytes());
            self.hash.update(text.as_bytes());
        }
    }

    /// Adds the declarations and positions behind the feeds of a target declared at `span`.
    fn add_feeds(
        &mut self,
        project: &Project,
        span: &Span,
        feeds: &[FeedSpec],
        positions: &BTreeMap<String, Position>,
    ) {
        self.add_file(project, PROJECT_FILE);
        self.add_file(project, &span.file.path);
        self.add("codes", &format!("{:?}", project.codes));
        for table in feeds.iter().flat_map(FeedSpec::tables) {
            if let Some((source, _)) = table.split_once('.')
                && let Some(spec) = project.sources.get(source)
                && let Some(any) = spec.tables.values().next()
            {
                self.add_file(project, &any.span.file.path);
                let formats = spec.tables.iter().map(|(name, table)| (name, &table.format));
                // With `${…}` replaced, unlike in the file.
                let read_as = (spec.time_zone, formats.collect::<Vec<_>>());
                self.add(table, &format!("{read_as:?}"));
            }
            if let Some(position) = positions.get(table) {
                for (split, stamp) in &position.splits {
                    self.add(split, stamp);
                }
            }
        }
    }

    fn add_file(&mut self, project: &Project, path: &str) {
        self.add(path, project.files.get(path).map_or("", String::as_str));
    }

    /// The hash in hexadecimal.
    fn finish(self) -> String {
        self.hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
    }
}
