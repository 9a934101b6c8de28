//! A schema in which a relation may be known to be broken: asked for, it says why.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};

use async_trait::async_trait;
use datafusion::catalog::{SchemaProvider, TableProvider};
use datafusion::common::{DataFusionError, Result, exec_err};

use crate::cube;
use crate::error::{Error, ErrorKind};

/// Relations by name, and the reasons of those that cannot be asked.
///
/// Only the former are listed, so that whoever looks at everything is not stopped by one.
#[derive(Debug, Default)]
pub(super) struct Relations {
    tables: RwLock<BTreeMap<String, Arc<dyn TableProvider>>>,
    broken: RwLock<BTreeMap<String, (ErrorKind, String)>>,
}

impl Relations {
    /// Makes `name` answer with an error.
    pub(super) fn break_table(&self, name: &str, kind: ErrorKind, what: String) {
        let mut broken = self.broken.write().unwrap_or_else(PoisonError::into_inner);
        broken.insert(name.to_owned(), (kind, what));
    }

    fn find(&self, name: &str) -> Option<Arc<dyn TableProvider>> {
        self.tables.read().unwrap_or_else(PoisonError::into_inner).get(name).cloned()
    }
}

#[async_trait]
impl SchemaProvider for Relations {
    fn table_names(&self) -> Vec<String> {
        self.tables.read().unwrap_or_else(PoisonError::into_inner).keys().cloned().collect()
    }

    async fn table(&self, name: &str) -> Result<Option<Arc<dyn TableProvider>>, DataFusionError> {
        if let Some(table) = self.find(name) {
            return Ok(Some(table));
        }
        if let Some(table) = cube::read_otherwise(name, |cube| self.find(cube))? {
            return Ok(Some(table));
        }
        let name = cube::ReadingName::of(name).map_or(name, |name| name.cube);
        let broken = self.broken.read().unwrap_or_else(PoisonError::into_inner);
        match broken.get(name) {
            Some((kind, what)) => Err(Error::new(*kind, what).into()),
            None => Ok(None),
        }
    }

    fn register_table(
        &self,
        name: String,
        table: Arc<dyn TableProvider>,
    ) -> Result<Option<Arc<dyn TableProvider>>> {
        if self.table_exist(&name) {
            return exec_err!("The table {name} already exists");
        }
        Ok(self.tables.write().unwrap_or_else(PoisonError::into_inner).insert(name, table))
    }

    fn deregister_table(&self, name: &str) -> Result<Option<Arc<dyn TableProvider>>> {
        Ok(self.tables.write().unwrap_or_else(PoisonError::into_inner).remove(name))
    }

    fn table_exist(&self, name: &str) -> bool {
        self.find(name).is_some()
    }
}
