//! The one writer of a warehouse.

use std::fs::{File, OpenOptions, TryLockError};
use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use datafusion::execution::SendableRecordBatchStream;
use object_store::ObjectStore;

use super::epoch::{self, Epoch};
use super::location::Location;
use super::table;
use crate::error::{Error, ErrorKind, Result, ResultExt};

/// Holds the loader's lock until it is dropped or its process ends.
#[derive(Debug)]
pub struct Loader {
    location: Location,
    store: Arc<dyn ObjectStore>,
    _lock: File,
}

/// The versions of a table around a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Written {
    /// Before the write.
    pub base_version: u64,
    /// After it.
    pub version: u64,
}

impl Loader {
    pub(super) fn new(location: Location, store: Arc<dyn ObjectStore>) -> Result<Self> {
        let own = location.own();
        let fail =
            || format!("cannot write to the warehouse `{location}`; check the path and its rights");
        std::fs::create_dir_all(own.join("epochs"))
            .or_fail(ErrorKind::WarehouseUnavailable, fail)?;
        let lock = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .open(own.join("loader.lock"))
            .or_fail(ErrorKind::WarehouseUnavailable, fail)?;
        match lock.try_lock() {
            Ok(()) => Ok(Self { location, store, _lock: lock }),
            Err(TryLockError::WouldBlock) => {
                let what = format!(
                    "another process is loading the warehouse `{location}`; wait for it to end"
                );
                Err(Error::new(ErrorKind::Conflict, what))
            }
            Err(TryLockError::Error(error)) => {
                Err(Error::new(ErrorKind::WarehouseUnavailable, fail()).because(error))
            }
        }
    }

    /// Rolls every table that an interrupted load left ahead of `epoch` back to it; says which.
    pub async fn recover(&self, epoch: &Epoch) -> Result<Vec<String>> {
        let mut restored = Vec::new();
        for (name, pinned) in &epoch.tables {
            if table::restore(&self.store, &self.location, name, pinned.version).await? {
                restored.push(name.clone());
            }
        }
        Ok(restored)
    }

    /// Replaces the rows of table `name` by `rows`, creating it if need be. Nobody sees them before
    /// an epoch pins the version.
    pub async fn replace(
        &self,
        name: &str,
        schema: &SchemaRef,
        run: &str,
        rows: SendableRecordBatchStream,
    ) -> Result<Written> {
        let open = table::open_or_create(&self.store, &self.location, name, schema).await?;
        let base_version = open
            .version()
            .ok_or_else(|| Error::internal(format!("table `{name}` has no version")))?;
        let version = table::replace(open, name, run, rows).await?;
        Ok(Written { base_version, version })
    }

    /// The commit point: publishes `epoch`.
    pub async fn publish(&self, epoch: &Epoch) -> Result<()> {
        epoch::create(&self.store, &self.location, epoch).await
    }
}
