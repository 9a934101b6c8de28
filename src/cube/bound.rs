//! A cube over its tables: types known, expressions resolved.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::catalog::TableProvider;
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode};
use datafusion::common::{Column, DFSchema, DataFusionError, ExprSchema, TableReference, plan_err};
use datafusion::config::ConfigOptions;
use datafusion::datasource::provider_as_source;
use datafusion::execution::SessionState;
use datafusion::functions::core::expr_fn::nullif;
use datafusion::logical_expr::utils::split_conjunction_owned;
use datafusion::logical_expr::{
    BinaryExpr, EmptyRelation, Expr, ExprSchemable, LogicalPlan, Operator, Projection, TableSource,
    binary_expr, cast, lit, when,
};
use datafusion::optimizer::AnalyzerRule;
use datafusion::optimizer::analyzer::type_coercion::TypeCoercion;

use super::checked_sum::summed_as;
use super::context::{Context, Scope};
use super::conversion::{Conversion, RateConversion};
use super::model::{
    AggregateDefinition, AggregateKind, Base, Bridge, BridgeEnd, Cube, Definition, FlatColumn,
    Input, Measure,
};
use super::normal_form::{
    LEVEL, Leaf, LeafAggregate, columns, leaf, leaf_position, level, level_name, rate, substitute,
};
use super::rates::BoundRates;
use super::reading::Reading;
use super::subject::{is_over, role_of_days};
use super::{fields, leaves, planner};
use crate::error::{Error, ErrorKind, Result};
use crate::star::CALENDAR;
use crate::translate::checked_decimals;

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
        };
        let mut fields = bound.level_fields()?;
        for measure in &cube.measures {
            let resolved = bound.resolve(measure, &fields, state);
            let resolved =
                resolved.map_err(|error| in_measure(error, &measure.name, &cube.name))?;
            bound.measures.insert(measure.name.clone(), resolved);
        }
        for measure in &cube.measures {
            let Some(resolved) = bound.measures.get(&measure.name) else { continue };
            let field = Field::new(&measure.name, resolved.data_type.clone(), true);
            fields.push(field.with_metadata(fields::of_measure(measure)));
        }
        bound.schema = Arc::new(Schema::new(fields));
        bound.calculated = bound.with_usual_calculations();
        Ok(bound)
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
    fn fact_schema(
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

    fn resolve(
        &self,
        measure: &Measure,
        levels: &[Field],
        state: &SessionState,
    ) -> Result<BoundMeasure, DataFusionError> {
        if let (Over::Cubes(cubes), Some(base)) = (&self.over, self.cube.origins.get(&measure.name))
            && let Some(known) = cubes[*base].measure(&measure.name)
        {
            let mut known = known.clone();
            known.leaves.iter_mut().for_each(|leaf| leaf.base = *base);
            return Ok(known);
        }
        let (leaves, finish) = match &measure.definition {
            Definition::Aggregate(aggregate) => {
                self.aggregate(measure, aggregate, levels, state)?
            }
            Definition::Formula { expr, .. } => self.formula(expr, state)?,
        };
        let (finish, data_type) = self.typed(&leaves, finish)?;
        Ok(BoundMeasure { leaves, finish, data_type })
    }

    /// The leaves of a measure that aggregates fact rows, and what to make of them.
    fn aggregate(
        &self,
        measure: &Measure,
        aggregate: &AggregateDefinition,
        levels: &[Field],
        state: &SessionState,
    ) -> Result<(Vec<Leaf>, Expr), DataFusionError> {
        let fact = DFSchema::try_from_qualified_schema("fact", &self.fact().schema())?;
        let filter = match &aggregate.filter {
            None => None,
            Some(sql) => {
                let own = |field: &&Field| !fact.has_column_with_unqualified_name(field.name());
                let of_cube = levels.iter().filter(own).cloned().collect::<Vec<_>>();
                let of_cube = DFSchema::try_from_qualified_schema("level", &Schema::new(of_cube))?;
                Some(state.create_logical_expr(sql, &fact.join(&of_cube)?)?)
            }
        };
        let of_fact = |column: &str| Expr::Column(Column::new(Some("fact"), column));
        let rates = measure.rates();
        let with_rate = self.fact_schema(rates)?;
        let mut given = None;
        let input = match &aggregate.input {
            Input::Rows => None,
            Input::Expression(sql) => {
                let amount = state.create_logical_expr(sql, &fact)?;
                given = rates.map(|_| amount.clone());
                let amount = match &aggregate.conversion {
                    Some(Conversion::Column(rate)) => amount * of_fact(rate),
                    Some(Conversion::Rates(rates)) => amount * rate(&rates.name()),
                    None => amount,
                };
                Some(widened(checked_decimals(amount, &with_rate, sql)?, &with_rate)?)
            }
            // Unknown and not applicable are no members to count, nor is each version of one.
            Input::Members(key) => {
                let member = self.cube.member_of(key);
                let member = member.map_or_else(|| of_fact(key), |column| level(&column.name));
                Some(when(member.clone().gt_eq(lit(0_i64)), member).end()?)
            }
        };
        if let (Input::Expression(_), Some(amount)) = (&aggregate.input, &input) {
            check_type(aggregate, &amount.get_type(&with_rate)?)?;
        }
        let day = aggregate.day.as_deref().map(of_fact);
        let make = |aggregate: LeafAggregate| Leaf {
            aggregate,
            filter: filter.clone(),
            context: Context::default(),
            base: 0,
            measure: measure.name.clone(),
        };
        let mut leaves: Vec<Leaf> =
            leaves::aggregates(aggregate, input, day.clone())?.into_iter().map(make).collect();
        if let (Some(found), Some(key)) =
            (leaves::day_that_counts(aggregate, day.clone())?, &aggregate.day)
        {
            leaves.push(Leaf {
                filter: filter.clone().and_then(|filter| self.of_days(filter, key)),
                context: Context { scope: Scope::Days(key.clone()), ..Context::default() },
                ..make(found)
            });
        }
        let first = planner::leaf_type(self, &leaves[0])?;
        let mut finish = leaves::finish(aggregate, &first)?;
        if let (Some(rates), Some(amount)) = (rates, given) {
            let data_type = widened(amount.clone(), &fact)?.get_type(&fact)?;
            let of_amount = self.typed(&leaves, finish)?;
            let unrated = leaves::unrated(rates, amount, day)?;
            finish =
                leaves::finish_rated(&measure.name, rates, of_amount, &data_type, leaves.len());
            leaves.extend(unrated.into_iter().map(make));
        }
        Ok((leaves, finish))
    }

    /// What `filter` says of days alone, which are those of the role with the key column `key`.
    fn of_days(&self, filter: Expr, key: &str) -> Option<Expr> {
        let role = role_of_days(key, 0, self)?;
        let of_levels = |expr: &Expr| columns(expr).iter().all(|c| level_name(c).is_some());
        let of_days = split_conjunction_owned(filter).into_iter();
        of_days.filter(|part| of_levels(part) && is_over(part, role, self)).reduce(Expr::and)
    }

    /// A formula with each measure replaced by what it is made of.
    fn formula(
        &self,
        sql: &str,
        state: &SessionState,
    ) -> Result<(Vec<Leaf>, Expr), DataFusionError> {
        let field = |(name, measure): (&String, &BoundMeasure)| {
            Field::new(name, measure.data_type.clone(), true)
        };
        let schema = Schema::new(self.measures.iter().map(field).collect::<Vec<_>>());
        let schema = DFSchema::try_from(schema)?;
        let expr = state.create_logical_expr(sql, &schema)?;
        let expr = checked_decimals(true_division(expr, &schema)?, &schema, sql)?;
        let expr = checked_arithmetic(expr, &schema)?;
        let mut leaves: Vec<Leaf> = Vec::new();
        let mut finishes: HashMap<String, Expr> = HashMap::new();
        // In the order in which they are written, so that plans are the same each time.
        for column in columns(&expr) {
            let Some(measure) = self.measures.get(&column.name) else { continue };
            if finishes.contains_key(&column.name) {
                continue;
            }
            let start = leaves.len();
            leaves.extend(measure.leaves.iter().cloned());
            let shifted = substitute(measure.finish.clone(), &|column| {
                leaf_position(column).map(|position| leaf(start + position))
            })?;
            finishes.insert(column.name.clone(), shifted);
        }
        let expr = substitute(expr, &|column| finishes.get(&column.name).cloned())?;
        Ok((leaves, expr))
    }

    /// `finish` with every cast written out, and its type.
    fn typed(&self, leaves: &[Leaf], finish: Expr) -> Result<(Expr, DataType), DataFusionError> {
        let fields = leaves.iter().enumerate().map(|(position, leaf)| {
            let data_type = planner::leaf_type(self, leaf)?;
            let field = Arc::new(Field::new(position.to_string(), data_type, true));
            Ok((Some(TableReference::bare("leaf")), field))
        });
        let fields = fields.collect::<Result<Vec<_>, DataFusionError>>()?;
        let schema = DFSchema::new_with_metadata(fields, HashMap::new())?;
        let input = LogicalPlan::EmptyRelation(EmptyRelation {
            produce_one_row: false,
            schema: Arc::new(schema),
        });
        let plan = Projection::try_new(vec![finish.alias("measure")], Arc::new(input))?;
        let options = ConfigOptions::default();
        let plan = TypeCoercion::new().analyze(LogicalPlan::Projection(plan), &options)?;
        let data_type = plan.schema().field(0).data_type().clone();
        match plan {
            LogicalPlan::Projection(mut projection) => {
                let finish = projection.expr.remove(0).unalias();
                Ok((finish, data_type))
            }
            _ => datafusion::common::internal_err!("coercion made a projection something else"),
        }
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

/// `expr` with its narrow columns cast wide: a product of two 32-bit numbers would wrap in 32 bits.
fn widened(expr: Expr, schema: &DFSchema) -> Result<Expr, DataFusionError> {
    if matches!(expr, Expr::Column(_)) {
        return Ok(expr);
    }
    let expr = substitute(expr, &|column| {
        let narrow = schema.field_from_column(column).ok()?.data_type().clone();
        let wide = summed_as(&narrow).filter(|wide| *wide != narrow && narrow != DataType::Null)?;
        Some(cast(Expr::Column(column.clone()), wide))
    })?;
    checked_arithmetic(expr, schema)
}

/// `+`, `-`, `*` and the sign of whole numbers by way of decimals, which hold any result; one that
/// does not fit a whole number again is an error, where plain arithmetic would wrap.
fn checked_arithmetic(expr: Expr, schema: &DFSchema) -> Result<Expr, DataFusionError> {
    let whole = |part: &Expr| matches!(part.get_type(schema), Ok(DataType::Int64));
    let wide = |part: Box<Expr>| cast(*part, DataType::Decimal128(20, 0));
    let checked = expr.transform_up(|part| {
        Ok(match part {
            Expr::BinaryExpr(BinaryExpr { left, op, right })
                if matches!(op, Operator::Plus | Operator::Minus | Operator::Multiply)
                    && whole(&left)
                    && whole(&right) =>
            {
                let exact = binary_expr(wide(left), op, wide(right));
                Transformed::yes(cast(exact, DataType::Int64))
            }
            Expr::Negative(number) if whole(&number) => {
                let exact = Expr::Negative(Box::new(wide(number)));
                Transformed::yes(cast(exact, DataType::Int64))
            }
            other => Transformed::no(other),
        })
    });
    checked.data()
}

/// Shares are numbers.
fn check_weight(bridge: &Bridge, pairs: &Schema) -> Result<()> {
    let BridgeEnd::Members { weight: Some(weight), .. } = &bridge.to else { return Ok(()) };
    match pairs.field_with_name(weight) {
        Ok(field) if field.data_type().is_numeric() => Ok(()),
        Ok(field) => {
            let what =
                format!("the weight `{weight}` must be a number, this is {}", field.data_type());
            Err(Error::new(ErrorKind::InvalidDeclaration, what))
        }
        Err(_) => {
            let what = format!("the table `{}` has no column `{weight}`", bridge.table);
            Err(Error::new(ErrorKind::InvalidDeclaration, what))
        }
    }
}

/// Whether values of type `input` can be aggregated as `aggregate` says.
fn check_type(aggregate: &AggregateDefinition, input: &DataType) -> Result<(), DataFusionError> {
    let sql = aggregate.input.sql();
    let numeric = summed_as(input).is_some();
    match aggregate.kind {
        AggregateKind::Sum | AggregateKind::Avg if !numeric => {
            plan_err!("`{sql}` cannot be summed: it is {input}")
        }
        AggregateKind::Median
        | AggregateKind::Quantile(_)
        | AggregateKind::Variance(_)
        | AggregateKind::Deviation(_)
            if !numeric =>
        {
            plan_err!("`{sql}` has no {}: it is {input}", aggregate.kind.word())
        }
        _ => Ok(()),
    }
}

/// Makes `/` the division people mean: 7/2 is 3.5, and by zero is NULL; always in `Float64`.
fn true_division(expr: Expr, schema: &DFSchema) -> Result<Expr, DataFusionError> {
    let divided = expr.transform_up(|part| {
        let Expr::BinaryExpr(BinaryExpr { left, op: Operator::Divide, right }) = part else {
            return Ok(Transformed::no(part));
        };
        let numeric = |side: &Expr| Ok::<_, DataFusionError>(side.get_type(schema)?.is_numeric());
        if !numeric(&left)? || !numeric(&right)? {
            let part = Expr::BinaryExpr(BinaryExpr { left, op: Operator::Divide, right });
            return Ok(Transformed::no(part));
        }
        // Adding zero makes one zero of two: 0 / -5 is -0.0, which divides and looks otherwise.
        let zero = || lit(0.0);
        let divisor = match right.get_type(schema)? {
            DataType::Float64 => *right + zero(),
            _ => cast(*right, DataType::Float64),
        };
        let quotient = cast(*left, DataType::Float64) / nullif(divisor, zero());
        Ok(Transformed::yes(quotient + zero()))
    })?;
    Ok(divided.data)
}
