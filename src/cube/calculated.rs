//! The columns of a bound cube that are calculations of its measures.
//!
//! There are more of them than a schema could list, so that a relation has those of the usual list or
//! those that a statement names, and knows the type of any.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::common::metadata::FieldMetadata;
use datafusion::common::{Result, plan_err};

use super::bound::BoundCube;
use super::calculation::Calculation;
use super::calculation_names::{CALCULATIONS, share_of};
use super::fields;
use super::measure::Measure;
use super::model::{ColumnKind, FlatColumn};
use super::paths::Paths;
use crate::star::CALENDAR;

impl BoundCube {
    /// The schema of the cube with a column for each of the usual calculations of each measure.
    pub(super) fn with_usual_calculations(&self) -> SchemaRef {
        let usual: Vec<Calculation> =
            CALCULATIONS.iter().cloned().chain(self.usual_shares()).collect();
        let mut names = Vec::new();
        for measure in &self.cube.measures {
            for calculation in &usual {
                let name = format!("{}_{}", measure.name, calculation.name);
                // Something else may have the name, or the measure not this calculation.
                if let Some((of, Ok(_))) = self.asked(&name)
                    && of.name == measure.name
                {
                    names.push(name);
                }
            }
        }
        self.with_calculations(&self.schema, names.iter().map(String::as_str))
    }

    /// `schema` with a column for each of `names` that is a calculation, or is meant to be one.
    pub(super) fn with_calculations<'n>(
        &self,
        schema: &SchemaRef,
        names: impl IntoIterator<Item = &'n str>,
    ) -> SchemaRef {
        let new = names.into_iter().filter(|name| schema.field_with_name(name).is_err());
        let added: Vec<Field> = new.filter_map(|name| self.calculated_field(name)).collect();
        if added.is_empty() {
            return Arc::clone(schema);
        }
        let own = schema.fields().iter().map(|field| field.as_ref().clone());
        Arc::new(Schema::new(own.chain(added).collect::<Vec<_>>()))
    }

    /// Shares of levels that have others below them; those of time, of which each role has a dozen,
    /// are only asked for by name.
    fn usual_shares(&self) -> impl Iterator<Item = Calculation> {
        let levels = self.cube.columns.iter().filter(|column| {
            column.kind == ColumnKind::Level
                && self.check_level(&column.name).is_ok()
                && column.role.is_some_and(|role| {
                    self.cube.roles[role].dimension.name != CALENDAR
                        && Paths::of(&self.cube, role).finer(&column.name).is_some()
                })
        });
        levels.map(|level| share_of(&level.name))
    }

    fn calculated_field(&self, name: &str) -> Option<Field> {
        let (measure, calculation) = self.asked(name)?;
        let field = Field::new(name, self.measure_type(name)?, true);
        Some(match calculation {
            Ok(calculation) => field.with_metadata(fields::of_calculation(measure, &calculation)),
            Err(_) => field,
        })
    }

    /// The field `name` of the relation.
    pub(super) fn field(&self, name: &str) -> Option<Field> {
        let declared = self.schema.field_with_name(name).ok().cloned();
        declared.or_else(|| self.calculated_field(name))
    }

    /// The metadata of the field `name` of the relation.
    pub(super) fn metadata(&self, name: &str) -> Option<FieldMetadata> {
        Some(FieldMetadata::from(self.field(name)?.metadata().clone()))
    }

    /// The measure and the calculation that the column `name` asks for, or why there is none.
    ///
    /// What the cube declares under that name itself comes first.
    fn asked(&self, name: &str) -> Option<(&Measure, Result<Calculation, String>)> {
        if self.cube.column(name).is_some() || self.cube.measure(name).is_some() {
            return None;
        }
        let is_measure = |name: &str| self.measure(name).is_some();
        let (measure, found) = Calculation::asked(name, is_measure, &self.cube.columns)?;
        let data_type = &self.measure(measure)?.data_type;
        let measure = self.cube.measure(measure)?;
        let fitting = found.and_then(|found| {
            if let Some(why) = found.refusal(measure, data_type) {
                return Err(why);
            }
            found.level().map_or(Ok(()), |level| self.check_level(level))?;
            Ok(found)
        });
        Some((measure, fitting))
    }

    /// A share is one of a level whose members no fact has two of.
    fn check_level(&self, level: &str) -> Result<(), String> {
        match self.cube.column(level) {
            Some(FlatColumn { bridge: Some(bridge), .. }) => Err(format!(
                "members of `{bridge}` have facts in common, so that there are no shares of one; ask \
                 for share_of_total"
            )),
            Some(FlatColumn { role: Some(role), .. })
                if Paths::of(&self.cube, *role).have(level) =>
            {
                Ok(())
            }
            _ => Err(format!("`{level}` is on no hierarchy, and so has no parts")),
        }
    }

    /// The measure and the calculation that the column `name` asks for.
    pub(super) fn calculation(&self, name: &str) -> Result<Option<(&Measure, Calculation)>> {
        match self.asked(name) {
            None => Ok(None),
            Some((measure, Ok(calculation))) => Ok(Some((measure, calculation))),
            Some((_, Err(why))) => plan_err!("`{name}` has no meaning: {why}"),
        }
    }

    /// The type of the measure or calculation `name`.
    pub(super) fn measure_type(&self, name: &str) -> Option<DataType> {
        if let Some(measure) = self.measure(name) {
            return Some(measure.data_type.clone());
        }
        let (measure, calculation) = self.asked(name)?;
        let data_type = &self.measure(&measure.name)?.data_type;
        Some(calculation.map_or_else(|_| data_type.clone(), |found| found.data_type(data_type)))
    }

    /// Whether `name` is a measure, or is meant to be a calculation of one.
    pub(super) fn is_measure(&self, name: &str) -> bool {
        self.measure(name).is_some() || self.asked(name).is_some()
    }
}
