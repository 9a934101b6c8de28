//! The shape of a file of checks, beside the reader in `spec` that takes it apart.

use super::spec::QUESTIONS;
use crate::declare::Shape;

/// A file of checks.
pub fn shape() -> Shape {
    Shape::mapping("What must hold of the project.")
        .may("version", Shape::version())
        .must("checks", Shape::map(check(), "Checks by name."))
}

fn check() -> Shape {
    let row = || Shape::map(Shape::cell("A value; nothing is NULL."), "Values by column.");
    let rows = |about: &str| Shape::list(row(), about);
    let top = Shape::mapping("The leading members of a level.")
        .must("level", Shape::text("The level."))
        .must("n", Shape::whole(0, i64::from(u32::MAX), "How many members."))
        .must("by", Shape::text("The measure they lead in."))
        .may("least", Shape::flag("Whether those with the least values are taken."))
        .may("others", Shape::text("The caption of one row for all others."));
    let query = Shape::mapping("What is asked of a cube, as for `starling query`.")
        .must("cube", Shape::text("The cube."))
        .may("rows", Shape::texts("Levels down the side."))
        .may("columns", Shape::texts("Levels across the top."))
        .may("measures", Shape::texts("Measures in the cells."))
        .may("filters", Shape::texts("Conditions in SQL over levels."))
        .may("sets", Shape::texts("Named sets of the cube that members must be in."))
        .may("top", Shape::list(top, "Levels of which only leading members are told apart."))
        .may("having", Shape::texts("Conditions in SQL over measures."))
        .may("sort", Shape::texts("Levels or measures; a minus in front puts the greatest first."))
        .may("limit", Shape::whole(0, i64::from(u32::MAX), "At most so many rows."))
        .may("totals", Shape::flag("Whether totals are added."))
        .may(
            "members",
            Shape::text("How members with a history are seen: as_was, as_is or as_of_2024-06-30."),
        );
    let adds_up =
        Shape::mapping("Along every hierarchy, the cells of children sum to their parent's.")
            .must("cube", Shape::text("The cube."))
            .may("measures", Shape::texts("Additive measures; all of them when absent."))
            .may(
                "hierarchies",
                Shape::texts("Hierarchies, such as customer.geography; all when absent."),
            );
    Shape::mapping("A check: one of query, sql, no_rows, reconcile and adds_up.")
        .may("description", Shape::title("For people, in a sentence."))
        .may("given", Shape::map(rows("Its rows."), "Rows of source tables, as source.table."))
        .may("query", query)
        .may("sql", Shape::text("A query whose rows are expected."))
        .may("no_rows", Shape::text("A query that must return no row."))
        .may("reconcile", Shape::texts("Two queries that must return the same rows."))
        .may("adds_up", adds_up)
        .may("cells", rows("The rows that are expected; columns that none names do not matter."))
        .may("tolerance", Shape::number("How far numbers may lie apart."))
        .exactly_one(&QUESTIONS)
        .needs("query", "cells")
        .needs("sql", "cells")
}
