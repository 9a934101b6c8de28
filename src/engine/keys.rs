//! Primary and foreign keys as tools see them; from them they draw the star and join by themselves.

/// A relation without its catalog.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct RelationName {
    /// `warehouse` for facts and dimensions.
    pub schema: String,
    /// The name of the fact or dimension.
    pub table: String,
}

/// The columns that identify a row of a relation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PrimaryKey {
    /// The name of the constraint.
    pub name: String,
    /// Whose rows it identifies.
    pub relation: RelationName,
    /// In the order of the key.
    pub columns: Vec<String>,
}

/// A link from a fact (or an outrigger) to the dimension it refers to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ForeignKey {
    /// The name of the constraint; roles of one dimension have one each.
    pub name: String,
    /// The relation that refers.
    pub from: RelationName,
    /// Its columns, in the order of the key.
    pub from_columns: Vec<String>,
    /// The relation referred to.
    pub to: RelationName,
    /// Its columns, in the same order and number.
    pub to_columns: Vec<String>,
}

/// All keys of an epoch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Keys {
    /// At most one for each relation.
    pub primary: Vec<PrimaryKey>,
    /// One for each link and role.
    pub foreign: Vec<ForeignKey>,
}
