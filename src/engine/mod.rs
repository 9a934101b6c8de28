//! Questions in, batches out: the one way SQL reaches an epoch, for every door.
//!
//! A [`Snapshot`] is one epoch seen whole: a session in which `warehouse`, `system`, `cubes` and
//! `cubes_bi` are registered at exactly the versions the epoch pins. A query holds its `Arc` to the
//! end, so a load that publishes meanwhile cannot change what it reads.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use datafusion::prelude::SessionContext;

use crate::cube::Cube;
use crate::declare::nearest;
use crate::error::{Error, ErrorKind, Result};

mod diagnosis;
mod calculated;
mod explain;
mod open;
mod system;
mod keys;
mod ordering;
mod placeholders;
mod read_only;
mod statement;

pub use diagnosis::failed;
pub use keys::{ForeignKey, Keys, PrimaryKey, RelationName};
pub use open::EpochSnapshots;
pub use statement::{Parameter, bind, check_count, execute, parameters, plan, result_schema};

pub use crate::star::CATALOG;

/// Who asks; every query carries one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Principal {
    /// The name under which the client authenticated, or `everyone`.
    pub name: String,
}

impl Principal {
    /// The principal of a client that did not authenticate.
    pub fn everyone() -> Self {
        Self { name: "everyone".into() }
    }
}

/// What a principal may see; today everything.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Policy {
    /// Every row of every relation.
    #[default]
    Everything,
}

/// One epoch, whole and immutable.
pub struct Snapshot {
    /// The number of the epoch; 0 before the first load.
    pub epoch: u64,
    /// A session with the four schemas registered at the pinned versions.
    pub context: SessionContext,
    /// What the dimension links of the facts say about keys.
    pub keys: Arc<Keys>,
    /// Its cubes.
    pub cubes: Arc<Vec<Cube>>,
}

impl Snapshot {
    /// The cube called `name`.
    pub fn cube(&self, name: &str) -> Result<&Cube> {
        self.cubes.iter().find(|cube| cube.name == name).ok_or_else(|| {
            let known: Vec<&str> = self.cubes.iter().map(|cube| cube.name.as_str()).collect();
            let hint = match nearest(name, known.iter().copied()) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("there is: {}", known.join(", ")),
            };
            Error::new(ErrorKind::NotFound, format!("no cube is called `{name}`; {hint}"))
        })
    }

    /// The same epoch, with `schema` as the schema of names that do not say theirs.
    #[must_use]
    pub fn with_default_schema(&self, schema: &str) -> Self {
        let mut state = self.context.state();
        schema.clone_into(&mut state.config_mut().options_mut().catalog.default_schema);
        Self {
            epoch: self.epoch,
            context: SessionContext::new_with_state(state),
            keys: Arc::clone(&self.keys),
            cubes: Arc::clone(&self.cubes),
        }
    }
}

impl fmt::Debug for Snapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Snapshot").field("epoch", &self.epoch).finish_non_exhaustive()
    }
}

/// Where snapshots come from.
#[async_trait]
pub trait Snapshots: fmt::Debug + Send + Sync {
    /// The newest published epoch; cheap when nothing changed.
    async fn latest(&self) -> Result<Arc<Snapshot>>;

    /// The epoch `epoch`, or [`crate::error::ErrorKind::NotFound`].
    async fn at(&self, epoch: u64) -> Result<Arc<Snapshot>>;
}
