//! What a client may ask: queries over relations. Rows enter only through loads.

use std::ops::ControlFlow;

use datafusion::execution::context::SQLOptions;
use datafusion::logical_expr::LogicalPlan;
use datafusion::sql::parser::Statement;
use datafusion::sql::sqlparser::ast::{
    ObjectName, ObjectNamePart, Select, Statement as SqlStatement, TableFactor, Visit, Visitor,
};

use super::ignored_clauses;
use crate::error::{Error, ErrorKind, Result};

/// Table functions that compute their rows; every other one may read files.
const COMPUTING_FUNCTIONS: [&str; 3] = ["generate_series", "range", "unnest"];

/// Refuses what is not a query, before anything is planned.
pub(super) fn check_statement(statement: &Statement) -> Result<()> {
    match statement {
        Statement::Explain(explain) => check_statement(&explain.statement),
        Statement::Statement(statement) if is_query(statement) => check_parts(statement),
        Statement::Statement(statement) => Err(refused(&statement.to_string())),
        Statement::CopyTo(_) => Err(refused("COPY")),
        Statement::CreateExternalTable(_) => Err(refused("CREATE")),
        Statement::Reset(_) => Err(refused("RESET")),
    }
}

/// Refuses plans that write; `SELECT … INTO` parses as a query.
pub(super) fn check_plan(plan: &LogicalPlan) -> Result<()> {
    SQLOptions::new()
        .with_allow_ddl(false)
        .with_allow_dml(false)
        .with_allow_statements(false)
        .verify_plan(plan)
        .map_err(|_| refused("a statement that writes"))
}

fn is_query(statement: &SqlStatement) -> bool {
    matches!(
        statement,
        SqlStatement::Query(_)
            | SqlStatement::ExplainTable { .. }
            | SqlStatement::ShowVariable { .. }
            | SqlStatement::ShowVariables { .. }
            | SqlStatement::ShowTables { .. }
            | SqlStatement::ShowColumns { .. }
            | SqlStatement::ShowFunctions { .. }
            | SqlStatement::ShowSchemas { .. }
            | SqlStatement::ShowDatabases { .. }
            | SqlStatement::ShowCatalogs { .. }
            | SqlStatement::ShowViews { .. }
            | SqlStatement::ShowCreate { .. }
    ) || matches!(statement, SqlStatement::Explain { statement, .. } if is_query(statement))
}

fn refused(statement: &str) -> Error {
    let verb = match statement.split_whitespace().next() {
        Some(word) if word.chars().all(|c| c.is_ascii_uppercase()) => word,
        _ => statement,
    };
    Error::new(
        ErrorKind::Unsupported,
        format!(
            "{verb} is not offered: only queries, EXPLAIN, DESCRIBE and SHOW are; rows enter \
             through loads and relations through declarations"
        ),
    )
}

fn check_parts(statement: &SqlStatement) -> Result<()> {
    match statement.visit(&mut Readable) {
        ControlFlow::Break(error) => Err(error),
        ControlFlow::Continue(()) => Ok(()),
    }
}

/// Stops at the first nested statement that writes, the first relation that is a file or a function
/// over files, and the first clause that would be passed over.
struct Readable;

impl Visitor for Readable {
    type Break = Error;

    /// Statements nest: `WITH x AS (INSERT …) SELECT …`.
    fn pre_visit_statement(&mut self, statement: &SqlStatement) -> ControlFlow<Error> {
        if is_query(statement) {
            return ControlFlow::Continue(());
        }
        ControlFlow::Break(refused(&statement.to_string()))
    }

    fn pre_visit_relation(&mut self, relation: &ObjectName) -> ControlFlow<Error> {
        if relation.0.iter().filter_map(ObjectNamePart::as_ident).any(|part| {
            // No relation of ours has a slash in its name, and single quotes hold text, not names.
            part.quote_style == Some('\'') || part.value.contains(['/', '\\'])
        }) {
            return ControlFlow::Break(Error::new(
                ErrorKind::Unsupported,
                format!(
                    "{relation} looks like a file: SQL reads only the relations of the warehouse; \
                     declare a source and load it"
                ),
            ));
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_select(&mut self, select: &Select) -> ControlFlow<Error> {
        ignored_clauses::of_select(select).map_or(ControlFlow::Continue(()), ControlFlow::Break)
    }

    fn pre_visit_table_factor(&mut self, factor: &TableFactor) -> ControlFlow<Error> {
        if let Some(error) = ignored_clauses::of_relation(factor) {
            return ControlFlow::Break(error);
        }
        let function = match factor {
            TableFactor::Table { name, args: Some(_), .. } | TableFactor::Function { name, .. } => {
                name.to_string()
            }
            TableFactor::TableFunction { expr, .. } => expr.to_string(),
            _ => return ControlFlow::Continue(()),
        };
        if COMPUTING_FUNCTIONS.iter().any(|known| function.eq_ignore_ascii_case(known)) {
            return ControlFlow::Continue(());
        }
        ControlFlow::Break(Error::new(
            ErrorKind::Unsupported,
            format!(
                "the table function {function} is not offered; offered are {}",
                COMPUTING_FUNCTIONS.join(", ")
            ),
        ))
    }
}

#[cfg(test)]
mod tests {
    use datafusion::sql::parser::DFParser;

    use super::*;

    fn check(sql: &str) -> Result<()> {
        check_statement(&DFParser::parse_sql(sql).unwrap()[0])
    }

    #[test]
    fn queries_pass() {
        for sql in [
            "select 1",
            "with a as (select 1) select * from a",
            "values (1)",
            "explain select 1",
            "explain analyze select 1",
            "describe t",
            "show tables",
            "show columns from t",
            "select * from range(1, 3)",
            "select * from \"sales$detail\"",
        ] {
            check(sql).unwrap_or_else(|error| panic!("{sql}: {error}"));
        }
    }

    #[test]
    fn everything_else_is_refused_by_its_verb() {
        for (sql, verb) in [
            ("drop table t", "DROP"),
            ("create view v as select 1", "CREATE"),
            ("create external table t stored as csv location '/etc/passwd'", "CREATE"),
            ("insert into t values (1)", "INSERT"),
            ("update t set a = 1", "UPDATE"),
            ("delete from t", "DELETE"),
            ("copy t to '/tmp/x.csv'", "COPY"),
            ("set a = 1", "SET"),
            ("begin", "BEGIN"),
            ("truncate table t", "TRUNCATE"),
            ("explain insert into t values (1)", "INSERT"),
            ("explain copy t to 'x'", "COPY"),
            ("prepare p as select 1", "PREPARE"),
            ("reset a", "RESET"),
            ("with x as (insert into t values (1) returning *) select * from x", "INSERT"),
        ] {
            let text = check(sql).unwrap_err().to_string();
            assert!(text.starts_with(verb), "{sql}: {text}");
        }
    }

    #[test]
    fn files_are_no_relations() {
        for sql in [
            "select * from '/etc/passwd'",
            "select * from 'x.csv'",
            "select * from \"s3://bucket/x\"",
            "select (select count(*) from '/etc/passwd')",
            "with a as (select * from './x.parquet') select * from a",
            "select * from read_csv('/etc/passwd')",
            "select * from table(read_csv('/etc/passwd'))",
            "select * from lateral read_csv('x')",
        ] {
            let error = check(sql).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Unsupported, "{sql}: {error}");
        }
    }

    #[test]
    fn clauses_that_would_be_passed_over_are_refused() {
        for (sql, words) in [
            ("select * from t tablesample (10 percent)", "TABLESAMPLE is not offered; write WHERE"),
            ("select * from t as a tablesample bernoulli (10)", "TABLESAMPLE"),
            ("select * from (select 1) as a tablesample (1 rows)", "TABLESAMPLE"),
            ("with a as (select * from t sample (10)) select * from a", "TABLESAMPLE"),
            ("select (select count(*) from t tablesample (1 rows))", "TABLESAMPLE"),
            ("explain select * from t tablesample (1 rows)", "TABLESAMPLE"),
            ("select * from t partition (p0)", "PARTITION"),
            ("select * from range(1, 3) with ordinality", "WITH ORDINALITY"),
            ("select a, sum(b) from t group by a with rollup", "WITH ROLLUP is not offered"),
            ("select a, sum(b) from t group by all with totals", "ROLLUP (…)"),
            ("select * from t prewhere a > 1", "PREWHERE"),
            ("select * from t start with a = 1 connect by a = prior b", "WITH RECURSIVE"),
        ] {
            let text = check(sql).unwrap_err().to_string();
            assert!(text.contains(words), "{sql}: {text}");
        }
    }
}
