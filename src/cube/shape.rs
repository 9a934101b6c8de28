//! The shape of a cube's file, beside the reader in `spec` that takes it apart.

use super::spec::KINDS;
use crate::declare::Shape;

/// A cube.
pub fn shape() -> Shape {
    let path = Shape::list(Shape::text("A level."), "Levels, coarse first.");
    let dimension = Shape::mapping("A dimension; nothing stands for it as the fact has it.")
        .may("roles", Shape::texts("Named roles beside the unnamed one."))
        .may("hierarchies", Shape::map(path, "Paths that replace the dimension's own."))
        .or_nothing();
    let level = Shape::mapping("A level made of columns of the fact.")
        .may("title", Shape::title("For people."))
        .must("key", Shape::text("The column that identifies a member."))
        .may("caption", Shape::text("The column that shows it; the key when absent."))
        .may("sort", Shape::text("The column that orders members."));
    Shape::mapping("A fact with the levels of its dimensions and with measures.")
        .must("version", Shape::version())
        .must("cube", Shape::text("The name of the cube."))
        .may("title", Shape::title("For people."))
        .may("description", Shape::title("For people, in a sentence."))
        .may("owner", Shape::text("Who answers for it."))
        .must("fact", Shape::text("The fact it aggregates."))
        .may("dimensions", Shape::map(dimension, "The dimensions it shows; all when absent."))
        .may("levels", Shape::map(level, "Levels made of columns of the fact."))
        .must("measures", Shape::map(measure(), "What can be computed.").not_empty())
}

fn measure() -> Shape {
    let amounts = |what: &str| Shape::text(&format!("{what} of an SQL expression over the fact."));
    let convert = Shape::mapping("Into one currency: every amount times a column of the fact.")
        .must("to", Shape::text("The currency of the result."))
        .must("rate", Shape::text("The column with the rate."));
    Shape::mapping("A measure: one of sum, avg, min, max, count, distinct and expr.")
        .may("sum", amounts("The sum"))
        .may("avg", amounts("The average"))
        .may("min", amounts("The smallest value"))
        .may("max", amounts("The greatest value"))
        .may("count", Shape::text("`\"*\"` for rows, or an expression that is not NULL."))
        .may("distinct", Shape::text("How many different values, or members of a role."))
        .may("expr", Shape::text("A formula over other measures of the cube."))
        .exactly_one(&KINDS)
        .may("title", Shape::title("For people."))
        .may("description", Shape::title("For people, in a sentence."))
        .may("owner", Shape::text("Who answers for it; the cube's owner when absent."))
        .may("format", Shape::text("A hint for tools, such as percent or currency."))
        .may("where", Shape::text("A condition over the fact and the cube's levels."))
        .may("convert", convert)
}
