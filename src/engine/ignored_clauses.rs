//! Clauses that parse and that the planner then passes over, so that a query would be answered as
//! if it did not have them.

use datafusion::sql::sqlparser::ast::{GroupByExpr, Select, TableFactor};

use crate::error::{Error, ErrorKind};

/// Refuses the first such clause of a relation.
pub(super) fn of_relation(factor: &TableFactor) -> Option<Error> {
    match factor {
        TableFactor::Table { sample: Some(_), .. }
        | TableFactor::Derived { sample: Some(_), .. } => {
            Some(refused("TABLESAMPLE", "write WHERE or LIMIT"))
        }
        TableFactor::Table { version: Some(_), .. } => {
            Some(refused("FOR SYSTEM_TIME", "ask an older epoch"))
        }
        TableFactor::Table { partitions, .. } if !partitions.is_empty() => {
            Some(refused("PARTITION", "write WHERE"))
        }
        TableFactor::Table { with_ordinality: true, .. }
        | TableFactor::Function { with_ordinality: true, .. } => {
            Some(refused("WITH ORDINALITY", "number rows with row_number() OVER (…)"))
        }
        _ => None,
    }
}

/// Refuses the first such clause of a SELECT.
pub(super) fn of_select(select: &Select) -> Option<Error> {
    let (GroupByExpr::All(modifiers) | GroupByExpr::Expressions(_, modifiers)) = &select.group_by;
    if let Some(modifier) = modifiers.first() {
        let instead = "write GROUP BY ROLLUP (…), CUBE (…) or GROUPING SETS (…)";
        return Some(refused(&format!("GROUP BY … {modifier}"), instead));
    }
    if select.prewhere.is_some() {
        return Some(refused("PREWHERE", "write WHERE"));
    }
    if !select.connect_by.is_empty() {
        return Some(refused("CONNECT BY", "write WITH RECURSIVE"));
    }
    None
}

fn refused(clause: &str, instead: &str) -> Error {
    Error::new(ErrorKind::Unsupported, format!("{clause} is not offered; {instead}"))
}
