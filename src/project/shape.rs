//! The shapes of starling.yaml and of the files in `etl/`, beside the readers that take them apart.

use crate::declare::Shape;

/// The keys of text files that may stand at a source and at a table.
fn with_format(shape: Shape) -> Shape {
    shape
        .may("delimiter", Shape::text("One ASCII character between fields; a comma by default."))
        .may("decimal", Shape::text("The decimal sign of numbers; a point by default."))
        .may("nulls", Shape::texts("The texts that mean NULL; the empty text by default."))
        .may("encoding", Shape::text("How bytes become text, such as gbk; utf-8 by default."))
}

fn zone() -> Shape {
    Shape::text("A wall clock, as an IANA name such as Europe/Paris.")
}

const DAYS: [&str; 7] =
    ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];

/// starling.yaml.
pub fn project() -> Shape {
    let retail = Shape::mapping("Years of whole weeks, in quarters of 13 weeks.")
        .must(
            "pattern",
            Shape::one_of(&["4-4-5", "4-5-4", "5-4-4"], "The weeks of the months of a quarter."),
        )
        .may("first_day", Shape::one_of(&DAYS, "The day weeks start on; `sunday` by default."))
        .may("near", Shape::text("Month and day a year starts near to; `02-01` by default."));
    let calendar = Shape::mapping("The date dimension; the data decides on its days when absent.")
        .may("from", Shape::text("The first day, such as 2024-01-01."))
        .may("to", Shape::text("The last day."))
        .may("retail", retail)
        .needs("from", "to")
        .needs("to", "from")
        .at_least_one(&["from", "retail"]);
    Shape::mapping("What holds for the whole project.")
        .may("version", Shape::version())
        .must("name", Shape::text("What the project is called."))
        .may("title", Shape::title("For people."))
        .may("warehouse", Shape::text("A folder relative to the project, or a file:// URL."))
        .may("time_zone", zone())
        .may("fiscal_year_start", Shape::whole(1, 12, "The month in which the fiscal year starts."))
        .may("calendar", calendar)
}

/// A file of sources and code lists.
pub fn sources() -> Shape {
    let codes = Shape::map(Shape::text("What the code means."), "Codes and what they mean.");
    Shape::mapping("Where rows come from, and lists of codes.")
        .may("version", Shape::version())
        .may("sources", Shape::names(source(), "Sources by name."))
        .may("codes", Shape::map(codes, "Code lists by name."))
        .at_least_one(&["sources", "codes"])
}

fn source() -> Shape {
    let folder = || Shape::text("The folder, relative to the project.");
    let csv =
        with_format(Shape::mapping("A folder of delimited text files.").must("path", folder()));
    let json = Shape::mapping("A folder of JSON files.").must("path", folder());
    let sqlite = Shape::mapping("An SQLite database.")
        .may("path", Shape::text("The database file."))
        .may("script", Shape::text("A script of SQL statements that builds the database."))
        .exactly_one(&["path", "script"]);
    let key = || Shape::texts("The columns that tell rows apart; for people.");
    let file =
        || Shape::text("A pattern of files below the source's path; `*` and `**` as in a shell.");
    let types = || Shape::map(Shape::text("A type, such as decimal(12,2)."), "Types by column.");
    let csv_table = with_format(
        Shape::mapping("Files that are one table.")
            .must("file", file())
            .may("types", types())
            .may("key", key()),
    );
    let json_table = Shape::mapping("Files that are one table.")
        .must("file", file())
        .may("types", types())
        .may("key", key());
    let sqlite_table = Shape::mapping("A table of the database.")
        .may("table", Shape::text("Its name in the database, where that differs."))
        .may("key", key());
    let server = |what| {
        Shape::mapping(what)
            .must("url", Shape::text("scheme://user@host/database; a password is `${env:NAME}`."))
            .may("statement_timeout", Shape::text("How long one statement may take, as 30s or 2h."))
    };
    let postgres = server("A database of a PostgreSQL server.")
        .may("schema", Shape::text("The schema of tables that name none; `public` by default."));
    let mysql = server("A database of a MySQL or MariaDB server.").may(
        "zero_dates",
        Shape::one_of(
            &["set_aside", "missing"],
            "What becomes of rows with 0000-00-00: set aside, or the day is NULL; `set_aside` by default.",
        ),
    );
    let server_table = || {
        Shape::mapping("A table or view of the database.")
            .may("table", Shape::text("Its name in the database, where that differs."))
            .may("types", types())
            .may("key", key())
    };
    let postgres_table =
        server_table().may("schema", Shape::text("The schema it is in, where that differs."));
    Shape::mapping("One place that rows come from.")
        .may("csv", csv)
        .may("json", json)
        .may("sqlite", sqlite)
        .may("postgres", postgres)
        .may("mysql", mysql)
        .may("time_zone", zone())
        .may("tables", Shape::any_mapping("Tables by name."))
        .exactly_one(&["csv", "json", "sqlite", "postgres", "mysql"])
        .given("csv", "tables", Shape::map(csv_table, "Tables by name."))
        .given("json", "tables", Shape::map(json_table, "Tables by name."))
        .given("sqlite", "tables", Shape::map(sqlite_table, "Tables by name."))
        .given("postgres", "tables", Shape::map(postgres_table, "Tables by name."))
        .given("mysql", "tables", Shape::map(server_table(), "Tables by name."))
}

/// A dimension.
pub fn dimension() -> Shape {
    let level = Shape::mapping("A level; a column alone is short for its key.")
        .may("title", Shape::title("For people."))
        .may("key", Shape::text("The column that identifies a member; the record when absent."))
        .may("caption", Shape::title("The column that shows it; or columns by locale."))
        .may("sort", Shape::text("The column that orders members."))
        .may(
            "when_missing",
            Shape::one_of(
                &["unknown", "parent"],
                "What a record without a member shows; `unknown` by default.",
            ),
        )
        .or_text();
    let hierarchy = Shape::mapping("Levels, coarse first; or a tree of records.")
        .may("levels", Shape::list(Shape::text("A level."), "Levels, coarse first."))
        .may(
            "two_parents",
            Shape::one_of(
                &["remark", "refuse"],
                "What happens when a member is under two; `remark` by default.",
            ),
        )
        .may("parent", Shape::texts("The columns with the key of the record above."))
        .may("level", Shape::text("The level that shows the members of the tree."))
        .exactly_one(&["levels", "parent"])
        .or_list();
    let history = Shape::mapping("Which attributes keep what they were, for rows of one key.")
        .may("from", Shape::text("The target column that says since when a row holds."))
        .may("type2", Shape::texts("The target columns that keep what they were.").not_empty())
        .may("type1", Shape::text("`\"*\"`: all others have their newest value only."))
        .needs("type2", "from")
        .needs("from", "type2");
    Shape::mapping("A conformed dimension and the tables that feed it.")
        .may("version", Shape::version())
        .must("dimension", Shape::text("The name, which is also the table's."))
        .may("title", Shape::title("For people."))
        .may("description", Shape::title("For people, in a sentence."))
        .must("key", Shape::texts("The target columns that tell records apart.").not_empty())
        .may(
            "key_scope",
            Shape::one_of(
                &["shared", "source"],
                "Whether equal keys of two sources are one record; `shared` by default.",
            ),
        )
        .may(
            "conflicts",
            Shape::one_of(
                &["quarantine", "first"],
                "What becomes of a row that contradicts an earlier one; `quarantine` by default.",
            ),
        )
        .may("history", history)
        .must("from", feeds())
        .may("levels", Shape::names(level, "What members can be grouped by."))
        .may("hierarchies", Shape::map(hierarchy, "Paths to drill down and trees, by name."))
}

/// A fact.
pub fn fact() -> Shape {
    let on = || Shape::texts("The expressions that give the dimension's key.");
    let not_applicable = || Shape::text("When the dimension does not apply to a row.");
    let as_of =
        || Shape::text("The day at which a member with history is seen; the fact's by default.");
    let role = Shape::mapping("The expressions that give the key in this role, or more.")
        .must("on", on())
        .may("not_applicable", not_applicable())
        .may("as_of", as_of())
        .or_texts();
    let used = Shape::mapping("How rows find their member.")
        .may("on", on())
        .may("roles", Shape::names(role, "Further uses of the dimension, by name."))
        .may("source", Shape::text("The source whose records are meant; the feed's by default."))
        .may("not_applicable", not_applicable())
        .may("as_of", as_of())
        .may(
            "missing",
            Shape::one_of(
                &["unknown", "quarantine"],
                "What becomes of a row without a member; `unknown` by default.",
            ),
        )
        .at_least_one(&["on", "roles"]);
    let rates = Shape::mapping("What makes the fact a table of conversion rates.")
        .must("from", Shape::text("The column of the currency that is converted."))
        .must("to", Shape::text("The column of the currency it becomes."))
        .must("rate", Shape::text("The column of what one unit of `from` is in `to`."))
        .may("pivot", Shape::text("The currency by way of which others are converted."));
    Shape::mapping("A fact, the tables that feed it, and the dimensions it points to.")
        .may("version", Shape::version())
        .must("fact", Shape::text("The name, which is also the table's."))
        .may("title", Shape::title("For people."))
        .may("description", Shape::title("For people, in a sentence."))
        .must("grain", Shape::texts("The target columns that no two rows share.").not_empty())
        .must("from", feeds())
        .may("dimensions", Shape::map(used, "How each row finds its members, by dimension."))
        .may("rates", rates)
}

fn feeds() -> Shape {
    let expression = || Shape::text("An SQL expression over the source's columns.");
    let looked_up = Shape::map(expression(), "Columns of the table, and what they must equal.");
    let lookup = Shape::mapping("A table whose columns are added by key.")
        .must("table", Shape::text("The table, as source.table."))
        .must("on", looked_up.not_empty());
    let rule = Shape::mapping("Which rows are taken out, and why.")
        .must("when", Shape::text("An SQL condition."))
        .must("because", Shape::text("The reason, which is also the rule's name."));
    let feed = Shape::mapping("A source table, and how its rows are cleansed.")
        .must("table", Shape::text("The table, as source.table."))
        .may("lookup", Shape::names(lookup, "Tables joined by key."))
        .may("where", Shape::text("Rows for which this is not true are dropped."))
        .may("columns", Shape::names(column(), "The target columns."))
        .may("fill", Shape::map(expression(), "Values for target columns that are NULL."))
        .may("reject", Shape::list(rule.clone(), "Rows that go to quarantine."))
        .may("drop", Shape::list(rule, "Rows that are removed and counted."))
        .may(
            "duplicates",
            Shape::one_of(
                &["keep", "count", "drop"],
                "What becomes of rows equal to an earlier one; `keep` by default.",
            ),
        );
    Shape::list(feed, "The source tables, the preferred first.")
}

fn column() -> Shape {
    let input = || Shape::text("The SQL expression that gives the code or text.");
    let map = Shape::mapping("The meaning of a code.")
        .must("column", input())
        .must("using", Shape::text("The code list."))
        .may(
            "else",
            Shape::text("For codes not in the list; without it their rows are set aside."),
        );
    let cast = Shape::mapping("A text read as a type; a row that does not fit is set aside.")
        .must("column", input())
        .must("to", Shape::text("A type, such as decimal(12,2)."));
    Shape::mapping("A target column; an expression alone is short for `expr`.")
        .may("expr", Shape::text("An SQL expression over the source's columns."))
        .may("map", map)
        .may("cast", cast)
        .may("currency", Shape::text("A currency code, or the target column that holds it."))
        .exactly_one(&["expr", "map", "cast"])
        .or_text()
}
