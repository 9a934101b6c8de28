//! Questions in, batches out: the one way SQL reaches an epoch, for every door.
//!
//! A [`Snapshot`] is one epoch seen whole: a session in which `warehouse`, `system`, `cubes` and
//! `cubes_bi` are registered at exactly the versions the epoch pins. A query holds its `Arc` to the
//! end, so a load that publishes meanwhile cannot change what it reads.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use datafusion::prelude::SessionContext;

use crate::cube::{Cube, CubeState};
use crate::declare::nearest;
use crate::error::{Error, ErrorKind, Result};

mod declared;
mod diagnosis;
mod explain;
mod moment;
mod open;
mod project_cubes;
mod system;
mod keys;
mod ignored_clauses;
mod ordering;
mod placeholders;
mod read_only;
mod statement;

pub use diagnosis::failed;
pub use keys::{ForeignKey, Keys, PrimaryKey, RelationName};
pub use moment::Moment;
pub use open::EpochSnapshots;
pub use statement::{
    Parameter, bind, check_count, execute, parameters, physical_plan, plan, result_schema, run,
};

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
    /// Tells apart what cubes of one epoch were served: 0 for those it pins, else a hash of those of
    /// the project folder.
    pub edition: u64,
    /// A session with the four schemas registered at the pinned versions.
    pub context: SessionContext,
    /// What the dimension links of the facts say about keys.
    pub keys: Arc<Keys>,
    /// Its cubes.
    pub cubes: Arc<Vec<Cube>>,
    /// Which cubes are not served as they are declared, and why.
    pub states: Arc<Vec<CubeState>>,
}

impl Snapshot {
    /// The cube called `name`.
    pub fn cube(&self, name: &str) -> Result<&Cube> {
        self.cubes.iter().find(|cube| cube.name == name).ok_or_else(|| {
            if let Some(broken) = self.states.iter().find(|state| state.cube == name) {
                return broken_cube(broken);
            }
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
            edition: self.edition,
            context: SessionContext::new_with_state(state),
            keys: Arc::clone(&self.keys),
            cubes: Arc::clone(&self.cubes),
            states: Arc::clone(&self.states),
        }
    }
}

/// What a cube answers that cannot be served.
fn broken_cube(state: &CubeState) -> Error {
    let what = format!("the cube `{}` cannot be asked: {}", state.cube, state.state);
    Error::new(ErrorKind::InvalidDeclaration, what)
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

    /// The epoch `epoch` with the declarations it pins, or [`ErrorKind::NotFound`].
    async fn at(&self, epoch: u64) -> Result<Arc<Snapshot>>;

    /// The newest epoch that was made at or before `time`.
    async fn as_of(&self, time: DateTime<Utc>) -> Result<Arc<Snapshot>>;

    /// The very snapshot a statement was planned in, as long as it is remembered.
    async fn again(&self, epoch: u64, edition: u64) -> Result<Arc<Snapshot>>;

    /// The snapshot that `moment` asks for.
    async fn open(&self, moment: Moment) -> Result<Arc<Snapshot>> {
        match moment {
            Moment::Newest => self.latest().await,
            Moment::Epoch(epoch) => self.at(epoch).await,
            Moment::AsOf(time) => self.as_of(time).await,
        }
    }
}
