//! A cube as a relation of SQL.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use async_trait::async_trait;
use datafusion::catalog::{SchemaProvider, Session, TableProvider, view::ViewTable};
use datafusion::common::Result as DataFusionResult;
use datafusion::execution::{SessionState, SessionStateBuilder};
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown, TableType};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::prelude::SessionContext;

use super::bound::BoundCube;
use super::model::Cube;
use super::planner;
use super::reading::{Reading, ReadingName, relation_as};
use crate::error::{Error, Result};
use crate::star::CATALOG;

/// How plain aggregates over measures are taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// The aggregate must be the one the measure is declared with. Schema `cubes`.
    Strict,
    /// Any of the usual aggregates means the measure, for tools that know no other. Schema `cubes_bi`.
    Lenient,
}

impl Mode {
    /// The schema in which relations of this mode are.
    pub fn schema(self) -> &'static str {
        match self {
            Self::Strict => "cubes",
            Self::Lenient => "cubes_bi",
        }
    }
}

/// The relation of a cube: a column per level, key, attribute and measure.
///
/// Read as it is, it gives one row per fact row with NULL for every measure; the analyzer rule turns
/// aggregates over it into a star query before that happens.
#[derive(Debug)]
pub struct CubeRelation {
    /// The cube over its tables.
    pub cube: Arc<BoundCube>,
    /// How plain aggregates are taken.
    pub mode: Mode,
    /// Its columns: those of the cube, and those calculations of measures that are listed or asked for.
    pub schema: SchemaRef,
}

impl CubeRelation {
    /// The same relation with a column for each of `names` that is a calculation.
    #[must_use]
    pub fn with_calculations<'n>(&self, names: impl IntoIterator<Item = &'n str>) -> Self {
        let schema = self.cube.with_calculations(&self.schema, names);
        Self { cube: Arc::clone(&self.cube), mode: self.mode, schema }
    }
}

/// What stands behind a cube's name in that of the relation that lists calculations as columns.
const CALCULATED: &str = "$calculations";
/// What stands behind a cube's name in that of the relation of its fact rows.
pub(super) const DETAIL: &str = "$detail";

/// The name of the relation of the cube `cube` that lists calculations as columns.
pub fn calculations_relation(cube: &str) -> String {
    format!("{cube}{CALCULATED}")
}

/// The relation `name` of a cube with members seen otherwise than it is declared, as in
/// `sales$as_of_2024-06-30`; `find` finds the relations that there are.
pub fn read_otherwise(
    name: &str,
    find: impl Fn(&str) -> Option<Arc<dyn TableProvider>>,
) -> Result<Option<Arc<dyn TableProvider>>> {
    let Some(ReadingName { cube, reading, ending }) = ReadingName::of(name) else {
        return Ok(None);
    };
    let Some(found) = find(cube) else { return Ok(None) };
    let Some(relation) = found.downcast_ref::<CubeRelation>() else { return Ok(None) };
    let seen = Arc::new(relation.cube.seen(reading.parse()?)?);
    let mode = relation.mode;
    match ending {
        "" => {
            let schema = Arc::clone(&seen.schema);
            Ok(Some(Arc::new(CubeRelation { cube: seen, mode, schema })))
        }
        CALCULATED => {
            let schema = Arc::clone(&seen.calculated);
            Ok(Some(Arc::new(CubeRelation { cube: seen, mode, schema })))
        }
        DETAIL if mode == Mode::Strict => detail(&seen).transpose(),
        _ => Ok(None),
    }
}

/// The rows of a cube over one fact.
fn detail(bound: &BoundCube) -> Option<Result<Arc<dyn TableProvider>>> {
    let plan = bound.cube.bases.is_empty().then(|| planner::detail(bound))?;
    Some(plan.map_err(Error::from).map(|plan| Arc::new(ViewTable::new(plan, None)) as _))
}

#[async_trait]
impl TableProvider for CubeRelation {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn table_type(&self) -> TableType {
        TableType::View
    }

    fn supports_filters_pushdown(
        &self,
        filters: &[&Expr],
    ) -> DataFusionResult<Vec<TableProviderFilterPushDown>> {
        Ok(vec![TableProviderFilterPushDown::Exact; filters.len()])
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> DataFusionResult<Arc<dyn ExecutionPlan>> {
        let schema = self.schema();
        let fields = schema.fields();
        let name = |position: usize| fields[position].name().clone();
        let columns: Vec<String> = match projection {
            Some(positions) => positions.iter().copied().map(name).collect(),
            None => (0..fields.len()).map(name).collect(),
        };
        let plan = planner::preview(&columns, filters, limit, &self.cube)?;
        match without_dynamic_filters(state) {
            Some(state) => state.create_physical_plan(&plan).await,
            None => state.create_physical_plan(&plan).await,
        }
    }
}

/// The session for the plan of a scan, which is optimised once more as a part of the whole query:
/// a join that has its dynamic filter already can no longer change sides, so it gets it only then.
fn without_dynamic_filters(state: &dyn Session) -> Option<SessionState> {
    let mut state = state.as_any().downcast_ref::<SessionState>()?.clone();
    state.config_mut().options_mut().optimizer.enable_join_dynamic_filter_pushdown = false;
    Some(state)
}

/// The cubes of a session, registered one after another.
pub struct CubeRelations<'a> {
    context: &'a SessionContext,
    tables: &'a BTreeMap<String, Arc<dyn TableProvider>>,
    state: SessionState,
    known: BTreeMap<String, Arc<BoundCube>>,
}

impl fmt::Debug for CubeRelations<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CubeRelations").field("known", &self.known).finish_non_exhaustive()
    }
}

impl<'a> CubeRelations<'a> {
    /// No cube yet over `tables`, which are named like dimensions and facts.
    ///
    /// The schemas `cubes` and `cubes_bi` of the catalog `starling` must exist.
    pub fn new(
        context: &'a SessionContext,
        tables: &'a BTreeMap<String, Arc<dyn TableProvider>>,
    ) -> Self {
        Self { context, tables, state: expression_state(context), known: BTreeMap::new() }
    }

    /// Registers the relations of `cube`; on an error none of them. Those it puts together come
    /// before it.
    ///
    /// There is `<cube>` in both schemas, `<cube>$calculations`, which is the same with calculations
    /// listed as columns, and in `cubes` for a cube over one fact `<cube>$detail` with its rows. Where
    /// members have a history there are `<cube>$as_was` and `<cube>$as_is`; further ones are made by
    /// [`read_otherwise`].
    pub fn add(&mut self, cube: &Cube) -> Result<()> {
        let bound = match cube.bases.is_empty() {
            true => BoundCube::over_fact(cube, self.tables, &self.state)?,
            false => BoundCube::over_cubes(cube, &self.known, &self.state)?,
        };
        let bound = Arc::new(bound);
        let place = |error: Error| error.context(format!("cube `{}`", cube.name));
        let detail = detail(&bound).transpose().map_err(place)?;
        let readings = [Reading::AsWas, Reading::AsIs].into_iter().filter(|_| cube.has_history());
        let seen = readings.map(|reading| Ok((reading, Arc::new(bound.seen(reading)?))));
        let seen = seen.collect::<Result<Vec<_>>>().map_err(place)?;
        for mode in [Mode::Strict, Mode::Lenient] {
            let names = [cube.name.clone(), calculations_relation(&cube.name)];
            for (name, columns) in names.into_iter().zip([&bound.schema, &bound.calculated]) {
                let columns = Arc::clone(columns);
                let relation = CubeRelation { cube: Arc::clone(&bound), mode, schema: columns };
                schema(self.context, mode)?.register_table(name, Arc::new(relation))?;
            }
            for (reading, seen) in &seen {
                let cube = Arc::clone(seen);
                let columns = Arc::clone(&seen.schema);
                let relation = CubeRelation { cube, mode, schema: columns };
                let name = relation_as(&bound.cube.name, Some(*reading));
                schema(self.context, mode)?.register_table(name, Arc::new(relation))?;
            }
        }
        if let Some(detail) = detail {
            let name = format!("{}{DETAIL}", cube.name);
            schema(self.context, Mode::Strict)?.register_table(name, detail)?;
        }
        self.known.insert(cube.name.clone(), bound);
        Ok(())
    }
}

/// Registers the relations of `cubes` over `tables`, as [`CubeRelations`] does.
pub fn register(
    cubes: &[Cube],
    context: &SessionContext,
    tables: &BTreeMap<String, Arc<dyn TableProvider>>,
) -> Result<()> {
    let mut relations = CubeRelations::new(context, tables);
    let (over_facts, over_cubes): (Vec<&Cube>, Vec<&Cube>) =
        cubes.iter().partition(|cube| cube.bases.is_empty());
    over_facts.into_iter().chain(over_cubes).try_for_each(|cube| relations.add(cube))
}

/// The session's state in which `0.9` in a declared expression is a decimal, not a double.
fn expression_state(context: &SessionContext) -> SessionState {
    let state = context.state();
    // The catalogs are shared with the session; creating a default one would replace what is there.
    let mut config = state.config().clone().with_create_default_catalog_and_schema(false);
    config.options_mut().sql_parser.parse_float_as_decimal = true;
    SessionStateBuilder::new_from_existing(state).with_config(config).build()
}

fn schema(context: &SessionContext, mode: Mode) -> Result<Arc<dyn SchemaProvider>> {
    let name = mode.schema();
    context
        .catalog(CATALOG)
        .and_then(|catalog| catalog.schema(name))
        .ok_or_else(|| Error::internal(format!("the session has no schema `{CATALOG}.{name}`")))
}
