//! A cube over its tables: types known, expressions resolved.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::catalog::TableProvider;
use datafusion::common::{DFSchema, DataFusionError, plan_err};
use datafusion::datasource::provider_as_source;
use datafusion::execution::SessionState;
use datafusion::logical_expr::{Expr, TableSource};

use super::bridge::weight_of;
use super::conversion::RateConversion;
use super::fields;
use super::model::{Base, Bridge, BridgeEnd, Cube, FlatColumn};
use super::normal_form::{LEVEL, Leaf};
use super::rates::BoundRates;
use super::reading::Reading;
use super::resolution::Known;
use super::shares::{places, weight_type};
use crate::error::{Error, ErrorKind, Result};
use crate::star::CALENDAR;

/// A cube over its tables.
pub struct BoundCube {
    /// The cube.
    pub cube: Arc<Cube>,
    /// The schema of its relations.
    pub schema: SchemaRef,
    /// That schema, and a column for each of the usual calculations of every measure.
    pub calculated: SchemaRef,
    over: Over,
    measures: HashMap<String, BoundMeasure>,
    /// Where members have shares by weights, the same with room for the parts of sums, or why there is
    /// none.
    shared: HashMap<String, Result<BoundMeasure, String>>,
}

impl fmt::Debug for BoundCube {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BoundCube").field("cube", &self.cube.name).finish_non_exhaustive()
    }
}

/// What a cube is over.
enum Over {
    /// The tables of a fact, of the dimensions in the order of the cube's roles, of bridges by name,
    /// and of rates.
    Star {
        fact: Arc<dyn TableSource>,
        /// With every version of every member.
        tables: Vec<Arc<dyn TableSource>>,
        /// The same, with members as they are to be seen.
        dimensions: Vec<Arc<dyn TableSource>>,
        bridges: BTreeMap<String, BridgeTables>,
        /// By the names of conversions.
        rates: BTreeMap<String, BoundRates>,
    },
    /// Other cubes, in the order of [`Cube::bases`].
    Cubes(Vec<Arc<BoundCube>>),
}

/// The tables of a bridge.
#[derive(Clone)]
pub(super) struct BridgeTables {
    /// The pairs.
    pub pairs: Arc<dyn TableSource>,
    /// The dimension it starts from, which has every member that facts point to.
    pub members: Arc<dyn TableSource>,
}

/// A measure as aggregates and what to make of them.
#[derive(Clone, Debug)]
pub(super) struct BoundMeasure {
    /// What is computed from fact rows.
    pub leaves: Vec<Leaf>,
    /// Over [`BoundMeasure::leaves`] by position.
    pub finish: Expr,
    /// The type of the result.
    pub data_type: DataType,
}

impl BoundCube {
    /// Resolves every expression of `cube`, which is over one fact, against `tables`, by name of
    /// dimension or fact.
    pub fn over_fact(
        cube: &Cube,
        tables: &BTreeMap<String, Arc<dyn TableProvider>>,
        state: &SessionState,
    ) -> Result<Self> {
        let source = |table: &str| match tables.get(table) {
            Some(provider) => Ok(provider_as_source(Arc::clone(provider))),
            None => {
                let what = format!("the table `{table}` has not been loaded");
                Err(Error::new(ErrorKind::NotFound, what).context(format!("cube `{}`", cube.name)))
            }
        };
        let fact = source(&cube.fact)?;
        let tables = cube
            .roles
            .iter()
            .map(|role| source(&role.dimension.name))
            .collect::<Result<Vec<_>>>()?;
        let dimensions = as_read(cube, &tables)?;
        let with_tables = |bridge: &Bridge| {
            let (pairs, members) = (source(&bridge.table)?, source(&bridge.role.dimension)?);
            check_weight(bridge, &pairs.schema())
                .map_err(|error| error.context(format!("cube `{}`", cube.name)))?;
            Ok((bridge.name.clone(), BridgeTables { pairs, members }))
        };
        let bridges = cube.bridges.iter().map(with_tables).collect::<Result<BTreeMap<_, _>>>()?;
        let mut rates = BTreeMap::new();
        for measure in &cube.measures {
            let Some(conversion) = measure.rates() else { continue };
            let calendar = (source(CALENDAR)?, format!("{CALENDAR}_key"));
            let bound = BoundRates::new(conversion, source(&conversion.table)?, calendar);
            let bound = bound.map_err(|error| in_measure(error, &measure.name, &cube.name))?;
            rates.insert(conversion.name(), bound);
        }
        Self::resolved(cube, Over::Star { fact, tables, dimensions, bridges, rates }, state)
    }

    /// The same cube with all members that have a history seen as `reading`.
    pub fn seen(&self, reading: Reading) -> Result<Self> {
        let cube = self.cube.seen(reading);
        let over = match &self.over {
            Over::Star { fact, tables, bridges, rates, .. } => Over::Star {
                fact: Arc::clone(fact),
                dimensions: as_read(&cube, tables)?,
                tables: tables.clone(),
                bridges: bridges.clone(),
                rates: rates.clone(),
            },
            Over::Cubes(cubes) => {
                let seen = cubes.iter().map(|cube| Ok(Arc::new(cube.seen(reading)?)));
                Over::Cubes(seen.collect::<Result<_>>()?)
            }
        };
        Ok(Self {
            cube: Arc::new(cube),
            schema: Arc::clone(&self.schema),
            calculated: Arc::clone(&self.calculated),
            over,
            measures: self.measures.clone(),
            shared: self.shared.clone(),
        })
    }

    /// Resolves every expression of `cube` against `cubes`, which has those it puts together.
    pub fn over_cubes(
        cube: &Cube,
        cubes: &BTreeMap<String, Arc<Self>>,
        state: &SessionState,
    ) -> Result<Self> {
        let known = |base: &Base| match cubes.get(&base.cube) {
            Some(bound) => Ok(Arc::clone(bound)),
            None => {
                let what = format!("the cube `{}` cannot be asked", base.cube);
                Err(Error::new(ErrorKind::NotFound, what).context(format!("cube `{}`", cube.name)))
            }
        };
        let bases = cube.bases.iter().map(known).collect::<Result<Vec<_>>>()?;
        Self::resolved(cube, Over::Cubes(bases), state)
    }

    fn resolved(cube: &Cube, over: Over, state: &SessionState) -> Result<Self> {
        let mut bound = Self {
            cube: Arc::new(cube.clone()),
            schema: Arc::new(Schema::empty()),
            calculated: Arc::new(Schema::empty()),
            over,
            measures: HashMap::new(),
            shared: HashMap::new(),
        };
        let mut fields = bound.level_fields()?;
        for measure in &cube.measures {
            let known = Known { measures: &bound.measures, places: None };
            let resolved = bound.resolve(measure, &fields, known, state);
            let resolved =
                resolved.map_err(|error| in_measure(error, &measure.name, &cube.name))?;
            bound.measures.insert(measure.name.clone(), resolved);
        }
        for measure in &cube.measures {
            let Some(resolved) = bound.measures.get(&measure.name) else { continue };
            let field = Field::new(&measure.name, resolved.data_type.clone(), true);
            fields.push(field.with_metadata(fields::of_measure(measure)));
        }
        bound.shared = bound.shared(&fields, state)?;
        bound.schema = Arc::new(Schema::new(fields));
        bound.calculated = bound.with_usual_calculations();
        Ok(bound)
    }

    /// The measures of a cube in which members have shares by weights, as such shares are taken.
    fn shared(
        &self,
        fields: &[Field],
        state: &SessionState,
    ) -> Result<HashMap<String, Result<BoundMeasure, String>>> {
        let mut refused = HashMap::new();
        let Some(places) = self.places_of_parts()? else { return Ok(refused) };
        let mut measures = HashMap::new();
        for measure in &self.cube.measures {
            let known = Known { measures: &measures, places: Some(places) };
            match self.resolve(measure, fields, known, state) {
                Ok(resolved) => {
                    measures.insert(measure.name.clone(), resolved);
                }
                Err(error) => {
                    let why = error.find_root().message().into_owned();
                    refused.insert(measure.name.clone(), Err(why));
                }
            }
        }
        refused.extend(measures.into_iter().map(|(name, measure)| (name, Ok(measure))));
        Ok(refused)
    }

    /// How many more digits after the point parts by weights have; `None` where there are no weights.
    fn places_of_parts(&self) -> Result<Option<i8>> {
        let mut all = None;
        match &self.over {
            Over::Star { bridges, .. } => {
                for bridge in &self.cube.bridges {
                    let Some(tables) = bridges.get(&bridge.name) else { continue };
                    if let Some((data_type, _)) = weight_of(bridge, tables)? {
                        all = Some(all.unwrap_or(0_i8).saturating_add(places(&data_type)));
                    }
                }
            }
            // Each has its own.
            Over::Cubes(cubes) => {
                all = cubes.iter().any(|cube| !cube.shared.is_empty()).then_some(0);
            }
        }
        Ok(all)
    }

    /// The cube over one fact that leaves of `base` are computed over.
    pub(super) fn base(&self, base: usize) -> &Self {
        match &self.over {
            Over::Star { .. } => self,
            Over::Cubes(cubes) => &cubes[base],
        }
    }

    /// The fact's table; of a cube over cubes, that of the first.
    pub(super) fn fact(&self) -> &Arc<dyn TableSource> {
        match &self.over {
            Over::Star { fact, .. } => fact,
            Over::Cubes(cubes) => cubes[0].fact(),
        }
    }

    /// The table of the dimension of the role at `position`.
    pub(super) fn dimension(&self, position: usize) -> &Arc<dyn TableSource> {
        match &self.over {
            Over::Star { dimensions, .. } => &dimensions[position],
            Over::Cubes(cubes) => {
                let name = &self.cube.roles[position].role.name;
                let of = |cube: &&Arc<Self>| cube.cube.role(name);
                let found = cubes.iter().find_map(|cube| Some((cube, of(&cube)?)));
                // Every role of the whole is one of a base.
                let (cube, position) = found.unwrap_or((&cubes[0], 0));
                cube.dimension(position)
            }
        }
    }

    /// The tables of the bridge called `name`.
    fn bridge_tables(&self, name: &str) -> Option<&BridgeTables> {
        match &self.over {
            Over::Star { bridges, .. } => bridges.get(name),
            Over::Cubes(cubes) => cubes.iter().find_map(|cube| cube.bridge_tables(name)),
        }
    }

    /// The bridge called `name`, and its tables.
    pub(super) fn bridge(&self, name: &str) -> Result<(&Bridge, &BridgeTables), DataFusionError> {
        match self.cube.bridge(name).zip(self.bridge_tables(name)) {
            Some(found) => Ok(found),
            None => plan_err!("the cube `{}` has no bridge `{name}`", self.cube.name),
        }
    }

    /// The rates of the conversion called `name`.
    pub(super) fn rates(&self, name: &str) -> Result<&BoundRates, DataFusionError> {
        match &self.over {
            Over::Star { rates, .. } if rates.contains_key(name) => Ok(&rates[name]),
            _ => plan_err!("the cube `{}` has no rates `{name}`", self.cube.name),
        }
    }

    /// The columns of the fact, and the rate of `conversion`.
    pub(super) fn fact_schema(
        &self,
        conversion: Option<&RateConversion>,
    ) -> Result<DFSchema, DataFusionError> {
        let fact = DFSchema::try_from_qualified_schema("fact", &self.fact().schema())?;
        let Some(name) = conversion.map(RateConversion::name) else { return Ok(fact) };
        let field = Field::new(&name, self.rates(&name)?.data_type.clone(), true);
        fact.join(&DFSchema::try_from_qualified_schema("rate", &Schema::new(vec![field]))?)
    }

    /// The bridge that leads to the flat column `name`, if one does.
    pub(super) fn bridge_to(&self, name: &str) -> Option<&str> {
        self.cube.column(name)?.bridge.as_deref()
    }

    /// The measure called `name`.
    pub(super) fn measure(&self, name: &str) -> Option<&BoundMeasure> {
        self.measures.get(name)
    }

    /// The measure called `name` where sums of it are shared out by weights.
    pub(super) fn shared_measure(
        &self,
        name: &str,
    ) -> Result<Option<&BoundMeasure>, DataFusionError> {
        match self.shared.get(name) {
            None => Ok(self.measure(name)),
            Some(Ok(measure)) => Ok(Some(measure)),
            Some(Err(why)) => plan_err!("`{name}` cannot be shared out: {why}"),
        }
    }

    /// The columns before the measures, as the normal form names them.
    pub(super) fn level_schema(&self) -> Result<DFSchema, DataFusionError> {
        let fields = self.schema.fields().iter().take(self.cube.columns.len()).cloned();
        DFSchema::try_from_qualified_schema(LEVEL, &Schema::new(fields.collect::<Vec<_>>()))
    }

    /// The table a flat column comes from.
    pub(super) fn source_of(&self, column: &FlatColumn) -> &Arc<dyn TableSource> {
        // The table of a tree shows its members itself.
        let bridge = column.bridge.as_deref().and_then(|name| self.bridge(name).ok());
        if let Some((Bridge { to: BridgeEnd::Tree(_), .. }, tables)) = bridge {
            return &tables.pairs;
        }
        match (column.role, &self.over) {
            (Some(role), _) => self.dimension(role),
            (None, Over::Star { fact, .. }) => fact,
            (None, Over::Cubes(cubes)) => {
                let of = |cube: &&Arc<Self>| cube.cube.column(&column.name).is_some();
                cubes.iter().find(of).unwrap_or(&cubes[0]).fact()
            }
        }
    }

    /// The fields before the measures, typed as in their tables.
    fn level_fields(&self) -> Result<Vec<Field>> {
        let field = |column: &FlatColumn| {
            let schema = self.source_of(column).schema();
            let Ok(physical) = schema.field_with_name(&column.source) else {
                return Err(Error::new(
                    ErrorKind::InvalidDeclaration,
                    format!("column `{}` has no column `{}`", column.name, column.source),
                )
                .context(format!("cube `{}`", self.cube.name)));
            };
            let data_type = plain(physical.data_type()).clone();
            let field = Field::new(&column.name, data_type, physical.is_nullable());
            Ok(field.with_metadata(fields::of_level(column)))
        };
        self.cube.columns.iter().map(field).collect()
    }
}

/// `error` as one of the declared measure.
fn in_measure(error: DataFusionError, measure: &str, cube: &str) -> Error {
    let what = error.find_root().message().into_owned();
    let place = format!("measure `{measure}` of cube `{cube}`");
    Error::new(ErrorKind::InvalidDeclaration, what).context(place)
}

/// The `tables` of the roles of `cube` with members as it sees them.
fn as_read(cube: &Cube, tables: &[Arc<dyn TableSource>]) -> Result<Vec<Arc<dyn TableSource>>> {
    let roles = cube.roles.iter().zip(tables);
    roles.map(|(role, table)| Ok(role.reading.of(&role.dimension, table)?)).collect()
}

/// The type values have when a dictionary is taken away: grouping by dictionaries is slow.
pub(super) fn plain(data_type: &DataType) -> &DataType {
    match data_type {
        DataType::Dictionary(_, value) => value,
        other => other,
    }
}

/// Shares are exact numbers.
fn check_weight(bridge: &Bridge, pairs: &Schema) -> Result<()> {
    let BridgeEnd::Members { weight: Some(weight), .. } = &bridge.to else { return Ok(()) };
    let wrong = match pairs.field_with_name(&weight.value) {
        Ok(field) => weight_type(field.data_type(), &weight.value).err(),
        Err(_) => Some(format!("the table `{}` has no column `{}`", bridge.table, weight.value)),
    };
    let Some(wrong) = wrong else { return Ok(()) };
    Err(Error::new(ErrorKind::InvalidDeclaration, wrong).context(weight.span.to_string()))
}
