//! Epochs of a warehouse as snapshots.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use datafusion::catalog::TableProvider;
use datafusion::execution::runtime_env::RuntimeEnv;

use super::system::system_tables;
use super::{CATALOG, ForeignKey, Keys, PrimaryKey, RelationName, Snapshot, Snapshots};
use crate::cube;
use crate::error::{Error, ErrorKind, Result};
use crate::model::Model;
use crate::project::Scope;
use crate::session::{add_schemas, query_context, runtime};
use crate::star::Star;
use crate::warehouse::{Epoch, Warehouse};

/// The snapshots of one warehouse; the newest is kept.
pub struct EpochSnapshots {
    warehouse: Arc<Warehouse>,
    runtime: Arc<RuntimeEnv>,
    newest: Mutex<Option<Arc<Snapshot>>>,
}

impl fmt::Debug for EpochSnapshots {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EpochSnapshots").field("warehouse", &self.warehouse).finish_non_exhaustive()
    }
}

impl EpochSnapshots {
    /// Snapshots of `warehouse`.
    pub fn new(warehouse: Arc<Warehouse>) -> Result<Self> {
        Ok(Self { warehouse, runtime: runtime()?, newest: Mutex::new(None) })
    }

    fn newest(&self) -> Option<Arc<Snapshot>> {
        self.newest.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    async fn build(&self, epoch: &Epoch) -> Result<Snapshot> {
        let model = pinned_model(epoch)?;
        let star = &model.project.star;
        let context = query_context(&self.runtime);
        let mut tables: BTreeMap<String, Arc<dyn TableProvider>> = BTreeMap::new();
        for name in star.tables().filter(|name| epoch.tables.contains_key(name)) {
            let table = self.warehouse.table(epoch, &name).await?;
            tables.insert(name, table);
        }
        add_schemas(&context)?;
        let schema = |name: &str| context.catalog(CATALOG).and_then(|catalog| catalog.schema(name));
        for (name, table) in &tables {
            if let Some(schema) = schema("warehouse") {
                schema.register_table(name.clone(), Arc::clone(table))?;
            }
        }
        for (name, table) in system_tables(&self.warehouse, epoch, &model).await? {
            if let Some(schema) = schema("system") {
                schema.register_table(name, table)?;
            }
        }
        cube::register(&model.cubes, &context, &tables)?;
        let keys = Arc::new(keys(star));
        Ok(Snapshot { epoch: epoch.number, context, keys, cubes: Arc::new(model.cubes) })
    }
}

/// The declarations that `epoch` was loaded with: serving needs nothing but the warehouse.
fn pinned_model(epoch: &Epoch) -> Result<Model> {
    let files = epoch.declarations.clone();
    Model::parse(Path::new("."), files, &BTreeMap::new(), Scope::Serving)
        .map_err(|error| error.context(format!("the declarations of epoch {}", epoch.number)))
}

#[async_trait]
impl Snapshots for EpochSnapshots {
    async fn latest(&self) -> Result<Arc<Snapshot>> {
        let Some(epoch) = self.warehouse.latest_epoch().await? else {
            let what = format!(
                "the warehouse `{}` holds nothing yet; run `starling load` first",
                self.warehouse.location()
            );
            return Err(Error::new(ErrorKind::NotFound, what));
        };
        if let Some(snapshot) = self.newest()
            && snapshot.epoch == epoch.number
        {
            return Ok(snapshot);
        }
        let snapshot = Arc::new(self.build(&epoch).await?);
        *self.newest.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(&snapshot));
        Ok(snapshot)
    }

    async fn at(&self, epoch: u64) -> Result<Arc<Snapshot>> {
        if let Some(snapshot) = self.newest()
            && snapshot.epoch == epoch
        {
            return Ok(snapshot);
        }
        let epoch = self.warehouse.epoch(epoch).await?;
        self.build(&epoch).await.map(Arc::new)
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
