//! A source table as text cells, before it becomes CSV, SQL or NDJSON.

/// The system a table belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Source {
    /// CSV files of the ERP.
    Erp,
    /// Tables of the SQLite script of the CRM.
    Crm,
    /// The NDJSON file of survey answers.
    Survey,
}

impl Source {
    /// The name used in `truth/`.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Erp => "erp",
            Self::Crm => "crm",
            Self::Survey => "survey",
        }
    }
}

/// A cell; `None` is an empty CSV field, an SQL or a JSON null.
pub(super) type Cell = Option<String>;

/// Name and SQL type of a column.
pub(super) type Column = (&'static str, &'static str);

/// What a table looks like, apart from its rows.
#[derive(Debug)]
pub(super) struct Shape {
    /// The system it belongs to.
    pub(super) source: Source,
    /// The name of the table, without folder and extension.
    pub(super) name: &'static str,
    /// The columns in file order.
    pub(super) columns: &'static [Column],
    /// How many leading columns form the natural key.
    pub(super) key_width: usize,
}

/// A table of text cells.
#[derive(Debug)]
pub(super) struct Table {
    /// Its name and columns.
    pub(super) shape: &'static Shape,
    /// Its rows, one cell per column.
    pub(super) rows: Vec<Vec<Cell>>,
}

impl Table {
    /// Turns every element of `list` into a row.
    pub(super) fn of<T>(shape: &'static Shape, list: &[T], row: impl Fn(&T) -> Vec<Cell>) -> Self {
        let rows: Vec<Vec<Cell>> = list.iter().map(row).collect();
        debug_assert!(rows.iter().all(|row| row.len() == shape.columns.len()), "{}", shape.name);
        Self { shape, rows }
    }

    /// The position of `column`, if the table has it.
    pub(super) fn get_position(&self, column: &str) -> Option<usize> {
        self.shape.columns.iter().position(|(name, _)| *name == column)
    }

    /// The natural key of a row as it is written, parts joined by `/`.
    pub(super) fn key(&self, row: usize) -> String {
        let parts: Vec<&str> = self.rows[row]
            .iter()
            .take(self.shape.key_width)
            .map(|cell| cell.as_deref().unwrap_or_default())
            .collect();
        parts.join("/")
    }
}

/// A cell that holds something.
pub(super) fn cell(value: impl ToString) -> Cell {
    Some(value.to_string())
}
