//! A table of a database server as it is declared.

use std::collections::BTreeMap;

use crate::error::{Error, ErrorKind};
use crate::source::ColumnType;

/// Which table of the server, and how to read it.
#[derive(Clone, Debug)]
pub struct ServerTable {
    /// The schema it is in; the source's when absent.
    pub schema: Option<String>,
    /// Its name in the database.
    pub name: String,
    /// Types to read columns as, other than what their native types become.
    pub types: BTreeMap<String, ColumnType>,
}

impl ServerTable {
    /// That `types` names a column which the table does not have.
    pub(in crate::source) fn no_column(&self, column: &str) -> Error {
        let what =
            format!("`types` names the column `{column}`, which `{}` does not have", self.name);
        Error::new(ErrorKind::InvalidDeclaration, what)
    }
}
