//! What there is, as rows of the system relations.

use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema};

use super::model::{BridgeEnd, ColumnKind, Cube, CubeRole};
use crate::error::Result;
use crate::star::Title;

/// A cube that is not served as it is declared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CubeState {
    /// Its name.
    pub cube: String,
    /// What is wrong, in a line.
    pub state: String,
}

/// One row per cube; `state` is `ok` unless `states` has another, which may be of a cube that cannot
/// be served at all.
pub fn cubes(cubes: &[Cube], states: &[CubeState]) -> Result<RecordBatch> {
    let mut table = Table::new(&["cube", "title", "description", "fact", "state"]);
    let state = |name: &str| states.iter().find(|state| state.cube == name);
    let mut counts = Vec::new();
    for cube in cubes {
        table.row(&[
            Some(&cube.name),
            text(cube.title.as_ref()),
            text(cube.description.as_ref()),
            Some(&cube.fact),
            Some(state(&cube.name).map_or("ok", |state| &state.state)),
        ]);
        counts.push(count(cube.measures.len()));
    }
    let broken = |state: &&CubeState| cubes.iter().all(|cube| cube.name != state.cube);
    for state in states.iter().filter(broken) {
        table.row(&[Some(&state.cube), None, None, None, Some(&state.state)]);
        counts.push(0);
    }
    table.numbered("measure_count", counts.into_iter())
}

/// One row per cube and role of a dimension.
pub fn dimensions(cubes: &[Cube]) -> Result<RecordBatch> {
    let names = ["cube", "role", "dimension", "title", "description", "history", "members"];
    let mut table = Table::new(&names);
    for cube in cubes {
        for of @ CubeRole { role, dimension, reading, .. } in &cube.roles {
            let history = dimension.history.as_ref().map(|history| history.type2.join(", "));
            let reading = of.has_history().then(|| reading.to_string());
            table.row(&[
                Some(&cube.name),
                Some(&role.name),
                Some(&dimension.name),
                text(dimension.title.as_ref()),
                text(dimension.description.as_ref()),
                history.as_deref(),
                reading.as_deref(),
            ]);
        }
    }
    table.finish()
}

/// One row per cube, hierarchy and level on it; `level_number` counts from 1, coarse first.
pub fn hierarchies(cubes: &[Cube]) -> Result<RecordBatch> {
    let mut table = Table::new(&["cube", "role", "hierarchy", "level"]);
    let mut numbers = Vec::new();
    for cube in cubes {
        for (role, hierarchy, levels) in cube.hierarchies() {
            for (position, level) in levels.iter().enumerate() {
                table.row(&[Some(&cube.name), Some(&role.role.name), Some(hierarchy), Some(level)]);
                numbers.push(count(position + 1));
            }
        }
        for bridge in &cube.bridges {
            if let BridgeEnd::Tree(tree) = &bridge.to {
                let role = &bridge.role.name;
                table.row(&[Some(&cube.name), Some(role), Some(tree), Some(&bridge.name)]);
                numbers.push(1);
            }
        }
    }
    table.numbered("level_number", numbers.into_iter())
}

/// One row per cube and level; `level` is the column of the relation.
pub fn levels(cubes: &[Cube]) -> Result<RecordBatch> {
    let mut table = Table::new(&["cube", "level", "role", "dimension", "title", "key_column"]);
    for cube in cubes {
        for column in cube.columns.iter().filter(|column| column.kind == ColumnKind::Level) {
            let role = column.role.map(|position| &cube.roles[position]);
            table.row(&[
                Some(&cube.name),
                Some(&column.name),
                role.map(|role| role.role.name.as_str()),
                role.map(|role| role.dimension.name.as_str()),
                text(column.title.as_ref()),
                cube.key_of(&column.name).map(|key| key.name.as_str()),
            ]);
        }
    }
    table.finish()
}

/// One row per cube and measure.
pub fn measures(cubes: &[Cube]) -> Result<RecordBatch> {
    let mut table = Table::new(&[
        "cube",
        "measure",
        "title",
        "description",
        "kind",
        "formula",
        "additivity",
        "format",
        "currency",
    ]);
    for cube in cubes {
        for measure in &cube.measures {
            table.row(&[
                Some(&cube.name),
                Some(&measure.name),
                text(measure.title.as_ref()),
                text(measure.description.as_ref()),
                Some(measure.kind()),
                Some(&measure.formula()),
                Some(measure.additivity.as_str()),
                measure.format.as_deref(),
                measure.currency.as_deref(),
            ]);
        }
    }
    table.finish()
}

/// One row per cube and named set.
pub fn sets(cubes: &[Cube]) -> Result<RecordBatch> {
    let mut table = Table::new(&["cube", "set_name", "level", "title", "definition"]);
    for cube in cubes {
        for set in &cube.sets {
            table.row(&[
                Some(&cube.name),
                Some(&set.name),
                Some(&set.level),
                text(set.title.as_ref()),
                Some(&set.description()),
            ]);
        }
    }
    table.finish()
}

fn text(title: Option<&Title>) -> Option<&str> {
    title.map(|title| title.default.as_str())
}

fn count(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// Rows of texts under the names of their columns.
struct Table {
    names: Vec<&'static str>,
    columns: Vec<Vec<Option<String>>>,
}

impl Table {
    fn new(names: &[&'static str]) -> Self {
        Self { names: names.to_vec(), columns: vec![Vec::new(); names.len()] }
    }

    fn row(&mut self, values: &[Option<&str>]) {
        for (column, value) in self.columns.iter_mut().zip(values) {
            column.push(value.map(str::to_owned));
        }
    }

    fn finish(self) -> Result<RecordBatch> {
        let (fields, arrays) = self.parts();
        Ok(RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays)?)
    }

    /// The table with a last column of numbers.
    fn numbered(
        self,
        name: &'static str,
        numbers: impl Iterator<Item = i64>,
    ) -> Result<RecordBatch> {
        let (mut fields, mut arrays) = self.parts();
        fields.push(Field::new(name, DataType::Int64, false));
        arrays.push(Arc::new(Int64Array::from_iter_values(numbers)));
        Ok(RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays)?)
    }

    fn parts(self) -> (Vec<Field>, Vec<ArrayRef>) {
        let fields = self.names.iter().map(|name| Field::new(*name, DataType::Utf8, true));
        let arrays = self.columns.into_iter();
        let arrays = arrays.map(|column| Arc::new(StringArray::from(column)) as ArrayRef);
        (fields.collect(), arrays.collect())
    }
}
