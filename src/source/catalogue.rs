//! What a source says of itself: its tables, with types, keys, sizes and remarks.

use super::ColumnType;

/// A table or view as its source describes it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CatalogueTable {
    /// The schema it is in, where the source has schemas.
    pub schema: Option<String>,
    /// As the source spells it; for files, the pattern that names them.
    pub name: String,
    /// What it is.
    pub kind: TableKind,
    /// What somebody wrote about it in the source.
    pub comment: Option<String>,
    /// About how many rows it has, where the source knows without counting.
    pub row_estimate: Option<u64>,
    /// In the order of the source.
    pub columns: Vec<CatalogueColumn>,
    /// The columns of its primary key; none when it has none.
    pub primary_key: Vec<String>,
    /// The columns of its other unique keys over columns that are never NULL.
    pub unique_keys: Vec<Vec<String>>,
    /// Its references to other tables.
    pub foreign_keys: Vec<ForeignKey>,
}

/// What a relation of a source is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TableKind {
    /// Rows that are stored.
    #[default]
    Table,
    /// A stored question.
    View,
    /// One or more files.
    Files,
}

/// A column as its source describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CatalogueColumn {
    /// As the source spells it.
    pub name: String,
    /// The type in the source's own words.
    pub native_type: String,
    /// What its values are read as.
    pub column_type: ColumnType,
    /// What is set aside or changes on the way, in a few words; `None` when every value arrives as it is.
    pub remark: Option<&'static str>,
    /// Whether it may be NULL.
    pub nullable: bool,
    /// What somebody wrote about it in the source.
    pub comment: Option<String>,
}

/// A reference from columns of one table to a key of another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ForeignKey {
    /// The columns that refer.
    pub columns: Vec<String>,
    /// The schema of the table that is referred to, where the source has schemas.
    pub schema: Option<String>,
    /// The table that is referred to.
    pub table: String,
    /// Its columns, in the same order.
    pub referred: Vec<String>,
}
