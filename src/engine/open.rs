//! Epochs of a warehouse as snapshots.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::convert::Infallible;
use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use datafusion::catalog::TableProvider;
use datafusion::execution::runtime_env::RuntimeEnv;
use datafusion::prelude::SessionContext;

use super::declared::{Declared, Edited, FileState, Pinned, declare};
use super::project_cubes::ProjectCubes;
use super::system::system_tables;
use super::{
    CATALOG, ForeignKey, Keys, PrimaryKey, RelationName, Snapshot, Snapshots, broken_cube,
};
use crate::error::{Error, ErrorKind, Result};
use crate::session::{add_broken, add_schemas, query_context, runtime};
use crate::star::Star;
use crate::warehouse::{Epoch, Warehouse};

/// How often a project folder is looked at.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// So many snapshots beside the newest are remembered: for sessions that read an older epoch, and
/// for statements that were planned before the newest came.
const REMEMBERED: usize = 8;

/// The snapshots of one warehouse; the newest is kept.
pub struct EpochSnapshots {
    warehouse: Arc<Warehouse>,
    runtime: Arc<RuntimeEnv>,
    /// The folder whose cubes are served, where there is one.
    project: Option<ProjectCubes>,
    newest: Mutex<Option<Newest>>,
    /// Oldest first.
    remembered: Mutex<VecDeque<Arc<Snapshot>>>,
    /// Held while the newest is made, so that many who wait make it once.
    making: tokio::sync::Mutex<()>,
    /// What was said already.
    said: Mutex<BTreeSet<String>>,
}

/// The newest snapshot, and the change of the project folder it was made after.
#[derive(Clone)]
struct Newest {
    snapshot: Arc<Snapshot>,
    version: u64,
}

impl fmt::Debug for EpochSnapshots {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EpochSnapshots").field("warehouse", &self.warehouse).finish_non_exhaustive()
    }
}

impl EpochSnapshots {
    /// Snapshots of `warehouse`.
    pub fn new(warehouse: Arc<Warehouse>) -> Result<Self> {
        Ok(Self {
            warehouse,
            runtime: runtime()?,
            project: None,
            newest: Mutex::new(None),
            remembered: Mutex::new(VecDeque::new()),
            making: tokio::sync::Mutex::new(()),
            said: Mutex::new(BTreeSet::new()),
        })
    }

    /// The same, the newest with the cubes of the project in `folder` as they are.
    pub fn with_project(self, folder: PathBuf) -> Result<Self> {
        Ok(Self { project: Some(ProjectCubes::new(folder)?), ..self })
    }

    /// Follows the project folder: what is edited there is served, what is wrong is said.
    pub async fn follow(&self) -> Infallible {
        let Some(project) = &self.project else { return std::future::pending().await };
        loop {
            tokio::time::sleep(LOOK_EVERY).await;
            if project.look().await
                && let Err(error) = self.latest().await
            {
                tracing::warn!(%error, "edited declarations could not be served");
            }
        }
    }

    fn version(&self) -> u64 {
        self.project.as_ref().map_or(0, ProjectCubes::version)
    }

    /// The newest snapshot when it is of `epoch` and of the project folder as last seen.
    fn newest(&self, epoch: u64) -> Option<Arc<Snapshot>> {
        let newest = lock(&self.newest).clone()?;
        let is_new = newest.snapshot.epoch == epoch && newest.version == self.version();
        is_new.then_some(newest.snapshot)
    }

    fn remembered(&self, epoch: u64, edition: u64) -> Option<Arc<Snapshot>> {
        let newest = lock(&self.newest).as_ref().map(|newest| Arc::clone(&newest.snapshot));
        let older: Vec<Arc<Snapshot>> = lock(&self.remembered).iter().map(Arc::clone).collect();
        let mut all = newest.into_iter().chain(older.into_iter().rev());
        all.find(|snapshot| snapshot.epoch == epoch && snapshot.edition == edition)
    }

    fn remember(&self, snapshot: Arc<Snapshot>) {
        let mut remembered = lock(&self.remembered);
        remembered.push_back(snapshot);
        while remembered.len() > REMEMBERED {
            remembered.pop_front();
        }
    }

    /// Makes the newest snapshot with the cubes of the project folder.
    async fn make_newest(&self, epoch: &Epoch) -> Result<Arc<Snapshot>> {
        let version = self.version();
        let edited = self.project.as_ref().map(|p| Edited { files: p.files(), good: p.good() });
        let (snapshot, declared) = self.build(epoch, edited.as_ref()).await?;
        if let Some(project) = &self.project {
            project.remember(declared.served.clone());
        }
        self.say(&declared);
        let snapshot = Arc::new(snapshot);
        let made = Newest { snapshot: Arc::clone(&snapshot), version };
        let before = lock(&self.newest).replace(made);
        // Who planned on the one before may still come for the rows.
        if let Some(before) = before {
            self.remember(before.snapshot);
        }
        Ok(snapshot)
    }

    /// Says what a person should know, once.
    fn say(&self, declared: &Declared) {
        let complaints: BTreeSet<String> =
            declared.files.iter().flat_map(FileState::complaints).collect();
        let mut said = lock(&self.said);
        for complaint in complaints.difference(&said) {
            tracing::warn!("{complaint}");
        }
        if complaints != *said {
            tracing::info!(cubes = declared.cubes.len(), "the declarations are served anew");
        }
        *said = complaints;
    }

    async fn build(&self, epoch: &Epoch, edited: Option<&Edited>) -> Result<(Snapshot, Declared)> {
        let pinned = Pinned::of(epoch);
        let context = query_context(&self.runtime);
        add_schemas(&context)?;
        let (tables, unreadable) = self.tables(epoch, &pinned, &context).await?;
        let declared = declare(&pinned, edited, &context, &tables, &unreadable);
        for state in &declared.states {
            // A cube that is served as it was before is there, and found first.
            let error = broken_cube(state);
            for schema in ["cubes", "cubes_bi"] {
                for ending in ["", "$detail", "$calculations"] {
                    add_broken(&context, schema, &format!("{}{ending}", state.cube), &error);
                }
            }
        }
        let cubes = Arc::new(declared.cubes.clone());
        let system =
            system_tables(&self.warehouse, epoch, &declared, &pinned.project, &cubes, &tables)
                .await?;
        for (name, table) in system {
            register(&context, "system", &name, table)?;
        }
        let snapshot = Snapshot {
            epoch: epoch.number,
            edition: declared.edition,
            context,
            keys: Arc::new(keys(&pinned.project.star)),
            cubes,
            states: Arc::new(declared.states.clone()),
        };
        Ok((snapshot, declared))
    }

    /// Registers the dimensions and facts that can be read; the others say why not when named.
    async fn tables(
        &self,
        epoch: &Epoch,
        pinned: &Pinned,
        context: &SessionContext,
    ) -> Result<(BTreeMap<String, Arc<dyn TableProvider>>, BTreeMap<String, Error>)> {
        let declared: BTreeSet<String> = pinned.project.star.tables().collect();
        let mut tables: BTreeMap<String, Arc<dyn TableProvider>> = BTreeMap::new();
        let mut unreadable = BTreeMap::new();
        for name in epoch.tables.keys() {
            // Where declarations cannot be read, a table may well be one of theirs.
            let is_doubtful = !pinned.is_whole() && !name.starts_with('_');
            if !declared.contains(name) && !is_doubtful {
                continue;
            }
            match self.warehouse.table(epoch, name).await {
                Ok(table) => {
                    register(context, "warehouse", name, Arc::clone(&table))?;
                    tables.insert(name.clone(), table);
                }
                // What may pass is no reason to serve an epoch without one of its tables.
                Err(error) if !is_lasting(&error) => return Err(error),
                Err(error) => {
                    tracing::warn!(%error, "the table `{name}` cannot be read");
                    add_broken(context, "warehouse", name, &error);
                    unreadable.insert(name.clone(), error);
                }
            }
        }
        Ok((tables, unreadable))
    }
}

/// Whether reading again would fail again.
fn is_lasting(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::CorruptData | ErrorKind::Unsupported)
}

fn register(
    context: &SessionContext,
    schema: &str,
    name: &str,
    table: Arc<dyn TableProvider>,
) -> Result<()> {
    let found = context.catalog(CATALOG).and_then(|catalog| catalog.schema(schema));
    let found = found.ok_or_else(|| Error::internal(format!("there is no schema `{schema}`")))?;
    found.register_table(name.to_owned(), table)?;
    Ok(())
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Nothing panics while one is held.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[async_trait]
impl Snapshots for EpochSnapshots {
    async fn latest(&self) -> Result<Arc<Snapshot>> {
        let epoch = self.newest_epoch().await?;
        if let Some(snapshot) = self.newest(epoch.number) {
            return Ok(snapshot);
        }
        let _turn = self.making.lock().await;
        match self.newest(epoch.number) {
            Some(snapshot) => Ok(snapshot),
            None => self.make_newest(&epoch).await,
        }
    }

    async fn at(&self, epoch: u64) -> Result<Arc<Snapshot>> {
        if let Some(snapshot) = self.remembered(epoch, 0) {
            return Ok(snapshot);
        }
        let epoch = self.warehouse.epoch(epoch).await?;
        let snapshot = Arc::new(self.build(&epoch, None).await?.0);
        self.remember(Arc::clone(&snapshot));
        Ok(snapshot)
    }

    async fn as_of(&self, time: DateTime<Utc>) -> Result<Arc<Snapshot>> {
        let newest = self.newest_epoch().await?;
        let mut epoch = Arc::clone(&newest);
        while epoch.created_at > time {
            if epoch.number == 1 {
                let what = format!(
                    "no epoch is as old as {}: the first was made at {}; ask for a later time",
                    time.to_rfc3339(),
                    epoch.created_at.to_rfc3339()
                );
                return Err(Error::new(ErrorKind::NotFound, what));
            }
            let before = epoch.number - 1;
            // With a hole in the history nobody can say which epoch was the newest then.
            epoch = self.warehouse.epoch(before).await.map_err(|error| {
                error.context(format!("looking for the epoch as of {}", time.to_rfc3339()))
            })?;
        }
        self.at(epoch.number).await
    }

    async fn again(&self, epoch: u64, edition: u64) -> Result<Arc<Snapshot>> {
        if let Some(snapshot) = self.remembered(epoch, edition) {
            return Ok(snapshot);
        }
        if edition == 0 {
            return self.at(epoch).await;
        }
        Err(Error::new(
            ErrorKind::Conflict,
            "the cubes were declared anew since this statement was planned; run it again",
        ))
    }
}

impl EpochSnapshots {
    async fn newest_epoch(&self) -> Result<Arc<Epoch>> {
        self.warehouse.latest_epoch().await?.ok_or_else(|| {
            let what = format!(
                "the warehouse `{}` holds nothing yet; run `starling load` first",
                self.warehouse.location()
            );
            Error::new(ErrorKind::NotFound, what)
        })
    }
}

/// The keys of dimensions and the links of facts to them, for clients that draw the star.
fn keys(star: &Star) -> Keys {
    let relation =
        |table: &str| RelationName { schema: "warehouse".to_owned(), table: table.to_owned() };
    let primary = star.dimensions.iter().map(|dimension| PrimaryKey {
        name: format!("{}_pk", dimension.name),
        relation: relation(&dimension.name),
        columns: vec![dimension.key_column()],
    });
    let roles = star.facts.iter().flat_map(|fact| fact.roles.iter().map(move |role| (fact, role)));
    let foreign = roles.map(|(fact, role)| ForeignKey {
        name: format!("{}_{}_fk", fact.name, role.name),
        from: relation(&fact.name),
        from_columns: vec![role.key_column()],
        to: relation(&role.dimension),
        to_columns: vec![format!("{}_key", role.dimension)],
    });
    Keys { primary: primary.collect(), foreign: foreign.collect() }
}
