//! Rows of an answer as texts, with what it takes to compare them.

use arrow::array::RecordBatch;
use arrow::datatypes::{DataType, SchemaRef};
use arrow::util::display::{ArrayFormatter, FormatOptions};

use crate::error::Result;

/// How values of a column are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// As texts.
    Text,
    /// As numbers, to the last digit.
    Exact,
    /// As numbers with the last digits of a double left out.
    Approximate,
}

/// A column of an answer.
#[derive(Clone, Debug)]
pub(super) struct AnswerColumn {
    pub(super) name: String,
    pub(super) kind: Kind,
}

/// The rows of an answer; NULL is `None`.
#[derive(Clone, Debug)]
pub(super) struct Answer {
    pub(super) columns: Vec<AnswerColumn>,
    pub(super) rows: Vec<Vec<Option<String>>>,
}

impl Answer {
    /// The rows of `batches`.
    pub(super) fn new(schema: &SchemaRef, batches: &[RecordBatch]) -> Result<Self> {
        let column = |field: &arrow::datatypes::FieldRef| AnswerColumn {
            name: field.name().clone(),
            kind: kind(field.data_type()),
        };
        let columns = schema.fields().iter().map(column).collect();
        let options = FormatOptions::default();
        let mut rows = Vec::new();
        for batch in batches {
            let arrays = batch.columns().iter();
            let formatters = arrays.map(|array| ArrayFormatter::try_new(array, &options));
            let formatters = formatters.collect::<Result<Vec<_>, _>>()?;
            for row in 0..batch.num_rows() {
                let cell = |(array, formatter): (&arrow::array::ArrayRef, &ArrayFormatter<'_>)| {
                    (!array.is_null(row)).then(|| formatter.value(row).to_string())
                };
                rows.push(batch.columns().iter().zip(&formatters).map(cell).collect());
            }
        }
        Ok(Self { columns, rows })
    }

    /// The columns at `positions`, in that order.
    pub(super) fn only(&self, positions: &[usize]) -> Self {
        let columns = positions.iter().map(|at| self.columns[*at].clone()).collect();
        let row = |row: &Vec<Option<String>>| positions.iter().map(|at| row[*at].clone()).collect();
        Self { columns, rows: self.rows.iter().map(row).collect() }
    }
}

fn kind(data_type: &DataType) -> Kind {
    match data_type {
        DataType::Float16 | DataType::Float32 | DataType::Float64 => Kind::Approximate,
        DataType::Decimal128(..) | DataType::Decimal256(..) => Kind::Exact,
        other if other.is_integer() => Kind::Exact,
        _ => Kind::Text,
    }
}

/// A row as a person writes it.
pub(super) fn shown(columns: &[AnswerColumn], row: &[Option<String>]) -> String {
    let cell = |(column, value): (&AnswerColumn, &Option<String>)| {
        format!("{}: {}", column.name, value.as_deref().unwrap_or("~"))
    };
    let cells: Vec<String> = columns.iter().zip(row).map(cell).collect();
    format!("{{{}}}", cells.join(", "))
}
