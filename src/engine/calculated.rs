//! Columns of calculations, for the statements that name them.
//!
//! A cube answers hundreds of calculations, which nobody wants to see in `SELECT *`. So its relation
//! does not list them; a statement that names one is planned over the relation that does.

use std::collections::BTreeSet;
use std::ops::ControlFlow;
use std::sync::Arc;

use async_trait::async_trait;
use datafusion::catalog::{CatalogProvider, CatalogProviderList, SchemaProvider, TableProvider};
use datafusion::common::DataFusionError;
use datafusion::execution::context::SessionState;
use datafusion::sql::parser::Statement;
use datafusion::sql::sqlparser::ast::{Expr, Statement as SqlStatement, visit_expressions};

use super::{CATALOG, Snapshot};
use crate::cube::{Calculation, Cube, ReadingName, calculations_relation};

/// Makes `state` resolve cubes to the relations with calculations, where `statement` names some.
pub(super) fn resolve(state: &mut SessionState, statement: &Statement, snapshot: &Snapshot) {
    let cubes = named(statement, &snapshot.cubes);
    if cubes.is_empty() {
        return;
    }
    let inner = Arc::clone(state.catalog_list());
    state.register_catalog_list(Arc::new(Catalogs { inner, cubes: Arc::new(cubes) }));
}

/// The cubes of which `statement` may name calculations.
fn named(statement: &Statement, cubes: &[Cube]) -> BTreeSet<String> {
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
            let measures = Calculation::split(&name).map(|(measure, _)| measure.to_owned());
            let measures: BTreeSet<String> = measures.collect();
            let of = |cube: &&Cube| measures.iter().any(|name| cube.measure(name).is_some());
            found.extend(cubes.iter().filter(of).map(|cube| cube.name.clone()));
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

/// The catalogs of a session in which some cubes show their calculations.
#[derive(Debug)]
struct Catalogs {
    inner: Arc<dyn CatalogProviderList>,
    cubes: Arc<BTreeSet<String>>,
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
        Some(Arc::new(Catalog { inner, cubes: Arc::clone(&self.cubes) }))
    }
}

#[derive(Debug)]
struct Catalog {
    inner: Arc<dyn CatalogProvider>,
    cubes: Arc<BTreeSet<String>>,
}

impl CatalogProvider for Catalog {
    fn schema_names(&self) -> Vec<String> {
        self.inner.schema_names()
    }

    fn schema(&self, name: &str) -> Option<Arc<dyn SchemaProvider>> {
        let inner = self.inner.schema(name)?;
        if name != "cubes" && name != "cubes_bi" {
            return Some(inner);
        }
        Some(Arc::new(Schema { inner, cubes: Arc::clone(&self.cubes) }))
    }
}

#[derive(Debug)]
struct Schema {
    inner: Arc<dyn SchemaProvider>,
    cubes: Arc<BTreeSet<String>>,
}

#[async_trait]
impl SchemaProvider for Schema {
    fn table_names(&self) -> Vec<String> {
        self.inner.table_names()
    }

    async fn table(&self, name: &str) -> Result<Option<Arc<dyn TableProvider>>, DataFusionError> {
        let cube = match ReadingName::of(name) {
            Some(seen) if seen.ending.is_empty() => seen.cube,
            _ => name,
        };
        if self.cubes.contains(cube) {
            return self.inner.table(&calculations_relation(name)).await;
        }
        self.inner.table(name).await
    }

    fn table_exist(&self, name: &str) -> bool {
        self.inner.table_exist(name)
    }
}
