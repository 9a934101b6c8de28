//! The shape of a cube's file, beside the reader in `spec` that takes it apart.

use super::conversion::MissingRate;
use super::measure::OverTime;
use super::spec::KINDS;
use crate::declare::Shape;

/// A cube.
pub fn shape() -> Shape {
    let path = Shape::list(Shape::text("A level."), "Levels, coarse first.");
    let dimension = Shape::mapping("A dimension; nothing stands for it as the fact has it.")
        .may("roles", Shape::texts("Named roles beside the unnamed one."))
        .may("hierarchies", Shape::map(path, "Paths that replace the dimension's own."))
        .may("through", Shape::text("The fact that links it to a dimension of the cube's fact."))
        .may("weight", Shape::text("The column of that fact with the share of each link."))
        .needs("weight", "through")
        .may(
            "members",
            Shape::one_of(
                &["as_was", "as_is"],
                "How members with a history are seen; `as_was` by default.",
            ),
        )
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
        .may("fact", Shape::text("The fact it aggregates."))
        .may("cubes", Shape::map(base(), "The cubes it puts together.").not_empty())
        .at_least_one(&["fact", "cubes"])
        .may("dimensions", Shape::map(dimension, "The dimensions it shows; all when absent."))
        .may("levels", Shape::map(level, "Levels made of columns of the fact."))
        .may("measures", Shape::map(measure(), "What can be computed."))
        .may("sets", Shape::map(set(), "Members of a level under one name."))
        .needs_some("fact", "measures")
}

fn set() -> Shape {
    let top = Shape::mapping("The members that lead in a measure.")
        .must("level", Shape::text("The level."))
        .must("n", Shape::integer("How many members."))
        .must("by", Shape::text("The measure."))
        .may("least", Shape::flag("Whether those with the least values are taken."));
    Shape::mapping("Members of a level.")
        .may("title", Shape::title("For people."))
        .may("level", Shape::text("The level; for `top` it stands there."))
        .may("members", Shape::texts("Captions."))
        .may("keys", Shape::texts("Keys."))
        .may("where", Shape::text("A condition in SQL over levels."))
        .may("top", top)
        .exactly_one(&["members", "keys", "where", "top"])
        .needs("members", "level")
        .needs("keys", "level")
        .needs("where", "level")
}

fn base() -> Shape {
    let grain = Shape::map(Shape::text("A level."), "By role, the finest level its facts have.");
    Shape::mapping("A cube of one fact; nothing stands for it as it is.")
        .may("measures", Shape::texts("The measures that are taken from it; all when absent."))
        .may("grain", grain)
        .may(
            "unrelated",
            Shape::one_of(
                &["error", "empty", "repeat"],
                "What its measures are where it lacks a level that is asked for; `error` by default.",
            ),
        )
        .or_nothing()
}

fn measure() -> Shape {
    let amounts = |what: &str| Shape::text(&format!("{what} of an SQL expression over the fact."));
    let latest = "A day, or `latest` for the newest rates: those count for all facts.";
    let missing = MissingRate::ALL.map(MissingRate::word);
    let what = "What a cell is where a fact of it has no rate; `error` by default.";
    let convert = Shape::mapping("Into one currency: every amount times a rate.")
        .must("to", Shape::text("The currency of the result."))
        .may("rate", Shape::text("The column of the fact with the rate."))
        .may("rates", Shape::text("The fact that is a table of rates."))
        .exactly_one(&["rate", "rates"])
        .may("as_of", Shape::text("The role of `date` with the day of the rate."))
        .may("at", Shape::text(latest))
        .may("missing", Shape::one_of(&missing, what))
        .needs("as_of", "rates")
        .needs("at", "rates")
        .needs("missing", "rates");
    let quantile = Shape::mapping("The value below which a share of the rows lies.")
        .must("of", Shape::text("An SQL expression over the fact."))
        .must("at", Shape::text("The share, from 0 to 1."));
    let over_time = OverTime::ALL.map(OverTime::word);
    Shape::mapping("A measure: exactly one key says how it is computed.")
        .may("sum", amounts("The sum"))
        .may("avg", amounts("The average"))
        .may("min", amounts("The smallest value"))
        .may("max", amounts("The greatest value"))
        .may("count", Shape::text("`\"*\"` for rows, or an expression that is not NULL."))
        .may("distinct", Shape::text("How many different values, or members of a role."))
        .may("median", amounts("The median"))
        .may("quantile", quantile)
        .may("variance", amounts("The variance"))
        .may("stddev", amounts("The standard deviation"))
        .may("first", amounts("The value on the earliest day"))
        .may("last", amounts("The value on the latest day"))
        .may("expr", Shape::text("A formula over other measures of the cube."))
        .exactly_one(&KINDS)
        .may("title", Shape::title("For people."))
        .may("description", Shape::title("For people, in a sentence."))
        .may("owner", Shape::text("Who answers for it; the cube's owner when absent."))
        .may("format", Shape::text("A hint for tools, such as percent or currency."))
        .may("approximate", Shape::flag("Whether a distinct count may be approximate."))
        .may("population", Shape::flag("Whether rows are all there is, not a sample."))
        .may(
            "over_time",
            Shape::one_of(&over_time, "How days make a whole, where they do not add up."),
        )
        .may("where", Shape::text("A condition over the fact and the cube's levels."))
        .may("convert", convert)
}
