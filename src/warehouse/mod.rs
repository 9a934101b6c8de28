//! Delta tables, and the epochs that pin them; the only module that names `deltalake`.
//!
//! ```text
//! <warehouse>/tables/<table>/            one Delta table each: data files and _delta_log
//! <warehouse>/_starling/epochs/<n>.json  what epoch n pins: the only commit point of a load
//! <warehouse>/_starling/loader.lock      held by the one process that may write
//! ```
//!
//! A load writes tables as often as it likes; nobody sees that. Creating the next epoch object,
//! put-if-absent, publishes all of it at once, together with the source positions it came from.

mod durable;
mod epoch;
mod location;
mod loader;
mod pinned;
mod table;

pub use epoch::{Epoch, PinnedTable, TableLoad};
pub use loader::{Loader, Written};
pub use location::Location;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use datafusion::catalog::TableProvider;
use object_store::ObjectStore;

use crate::error::{Error, ErrorKind, Result};
use durable::DurableStore;

/// A warehouse, open for reading.
pub struct Warehouse {
    location: Location,
    store: Arc<dyn ObjectStore>,
    providers: Mutex<BTreeMap<(String, u64), Arc<dyn TableProvider>>>,
    epochs: Mutex<BTreeMap<u64, Arc<Epoch>>>,
}

impl fmt::Debug for Warehouse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Warehouse").field("location", &self.location).finish_non_exhaustive()
    }
}

/// Where a test stops a load dead; see CONTRIBUTING.
pub type PauseAfterWrite = Option<u64>;

impl Warehouse {
    /// Opens the warehouse at `location`; it need not exist yet.
    pub fn open(location: Location, pause: PauseAfterWrite) -> Self {
        Self {
            store: Arc::new(DurableStore::new(pause)),
            location,
            providers: Mutex::new(BTreeMap::new()),
            epochs: Mutex::new(BTreeMap::new()),
        }
    }

    /// Where it is.
    pub fn location(&self) -> &Location {
        &self.location
    }

    /// The newest epoch, or `None` before the first load.
    pub async fn latest_epoch(&self) -> Result<Option<Arc<Epoch>>> {
        let known = self.lock_epochs().keys().next_back().copied();
        let mut newest = match known {
            Some(number) => number,
            None => match epoch::newest(&self.store, &self.location).await? {
                Some(number) => number,
                None => return Ok(None),
            },
        };
        // Epochs are numbered without gaps, so looking for the next one finds a new one at once.
        while epoch::exists(&self.store, &self.location, newest + 1).await? {
            newest += 1;
        }
        self.epoch(newest).await.map(Some)
    }

    /// The epoch `number`.
    pub async fn epoch(&self, number: u64) -> Result<Arc<Epoch>> {
        if let Some(epoch) = self.lock_epochs().get(&number) {
            return Ok(Arc::clone(epoch));
        }
        let epoch = Arc::new(epoch::read(&self.store, &self.location, number).await?);
        self.lock_epochs().insert(number, Arc::clone(&epoch));
        Ok(epoch)
    }

    /// Every epoch up to `number`, oldest first.
    pub async fn epochs_until(&self, number: u64) -> Result<Vec<Arc<Epoch>>> {
        let mut epochs = Vec::new();
        for older in 1..=number {
            match self.epoch(older).await {
                Ok(epoch) => epochs.push(epoch),
                // History may have a hole; the epoch that is asked may not.
                Err(error) if older < number => tracing::warn!(%error, "an older epoch is skipped"),
                Err(error) => return Err(error),
            }
        }
        Ok(epochs)
    }

    /// The table `name` exactly as `epoch` pins it.
    pub async fn table(&self, epoch: &Epoch, name: &str) -> Result<Arc<dyn TableProvider>> {
        let pinned = epoch.tables.get(name).ok_or_else(|| {
            Error::new(ErrorKind::NotFound, format!("epoch {} has no table `{name}`", epoch.number))
        })?;
        let key = (name.to_owned(), pinned.version);
        if let Some(provider) = self.lock_providers().get(&key) {
            return Ok(Arc::clone(provider));
        }
        let table = table::open(&self.store, &self.location, name, Some(pinned.version)).await?;
        let provider: Arc<dyn TableProvider> = Arc::new(pinned::PinnedTableProvider::new(&table)?);
        self.lock_providers().insert(key, Arc::clone(&provider));
        Ok(provider)
    }

    /// Becomes the one writer; fails when another process is.
    pub fn loader(&self) -> Result<Loader> {
        Loader::new(self.location.clone(), Arc::clone(&self.store))
    }

    fn lock_epochs(&self) -> std::sync::MutexGuard<'_, BTreeMap<u64, Arc<Epoch>>> {
        self.epochs.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lock_providers(
        &self,
    ) -> std::sync::MutexGuard<'_, BTreeMap<(String, u64), Arc<dyn TableProvider>>> {
        self.providers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
