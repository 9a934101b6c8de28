//! Columns of calculations, for the statements that name them.
//!
//! A cube answers more calculations than anybody could list. So its relation does not have them; a
//! statement is planned over relations that have those it names.

use std::collections::BTreeSet;
use std::ops::ControlFlow;
use std::sync::Arc;

use async_trait::async_trait;
use datafusion::catalog::{CatalogProvider, CatalogProviderList, SchemaProvider, TableProvider};
use datafusion::common::DataFusionError;
use datafusion::execution::context::SessionState;
use datafusion::sql::parser::Statement;
use datafusion::sql::sqlparser::ast::{Expr, Statement as SqlStatement, visit_expressions};

use super::calculation::Calculation;
use super::relation::{CubeRelation, Mode};
use crate::star::CATALOG;

/// Makes cubes in `state` have the calculations that `statement` names.
pub fn with_asked_columns(state: &mut SessionState, statement: &Statement) {
    let names = named(statement);
    if names.is_empty() {
        return;
    }
    let inner = Arc::clone(state.catalog_list());
    state.register_catalog_list(Arc::new(Catalogs { inner, names: Arc::new(names) }));
}

/// The names in `statement` that may be calculations.
fn named(statement: &Statement) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let Some(statement) = sql_of(statement) else { return found };
    let walked = visit_expressions(statement, |expr: &Expr| {
        let name = match expr {
            Expr::Identifier(name) => Some(name),
            Expr::CompoundIdentifier(names) => names.last(),
            _ => None,
        };
        if let Some(name) = name {
            let name = match name.quote_style {
                Some(_) => name.value.clone(),
                None => name.value.to_lowercase(),
            };
            found.extend(Some(name).filter(|name| Calculation::may_be(name)));
        }
        ControlFlow::<()>::Continue(())
    });
    debug_assert!(walked.is_continue());
    found
}

fn sql_of(statement: &Statement) -> Option<&SqlStatement> {
    match statement {
        Statement::Statement(inner) => Some(inner),
        Statement::Explain(explain) => sql_of(&explain.statement),
        _ => None,
    }
}

/// The catalogs of a session in which cubes have the calculations of these names.
#[derive(Debug)]
struct Catalogs {
    inner: Arc<dyn CatalogProviderList>,
    names: Arc<BTreeSet<String>>,
}

impl CatalogProviderList for Catalogs {
    fn register_catalog(
        &self,
        name: String,
        catalog: Arc<dyn CatalogProvider>,
    ) -> Option<Arc<dyn CatalogProvider>> {
        self.inner.register_catalog(name, catalog)
    }

    fn catalog_names(&self) -> Vec<String> {
        self.inner.catalog_names()
    }

    fn catalog(&self, name: &str) -> Option<Arc<dyn CatalogProvider>> {
        let inner = self.inner.catalog(name)?;
        if name != CATALOG {
            return Some(inner);
        }
        Some(Arc::new(Catalog { inner, names: Arc::clone(&self.names) }))
    }
}

#[derive(Debug)]
struct Catalog {
    inner: Arc<dyn CatalogProvider>,
    names: Arc<BTreeSet<String>>,
}

impl CatalogProvider for Catalog {
    fn schema_names(&self) -> Vec<String> {
        self.inner.schema_names()
    }

    fn schema(&self, name: &str) -> Option<Arc<dyn SchemaProvider>> {
        let inner = self.inner.schema(name)?;
        if ![Mode::Strict, Mode::Lenient].map(Mode::schema).contains(&name) {
            return Some(inner);
        }
        Some(Arc::new(Schema { inner, names: Arc::clone(&self.names) }))
    }
}

#[derive(Debug)]
struct Schema {
    inner: Arc<dyn SchemaProvider>,
    names: Arc<BTreeSet<String>>,
}

#[async_trait]
impl SchemaProvider for Schema {
    fn table_names(&self) -> Vec<String> {
        self.inner.table_names()
    }

    async fn table(&self, name: &str) -> Result<Option<Arc<dyn TableProvider>>, DataFusionError> {
        let table = self.inner.table(name).await?;
        let relation = table.as_ref().and_then(|table| table.downcast_ref::<CubeRelation>());
        Ok(match relation {
            Some(relation) => {
                let names = self.names.iter().map(String::as_str);
                Some(Arc::new(relation.with_calculations(names)))
            }
            None => table,
        })
    }

    fn table_exist(&self, name: &str) -> bool {
        self.inner.table_exist(name)
    }
}
