//! Trying one check.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::given::{self, Trial};
use super::question::ask;
use super::spec::{CheckSpec, Question};
use crate::declare::Span;
use crate::engine::Snapshot;
use crate::error::Result;
use crate::model::Model;

/// What became of a check.
#[derive(Debug)]
pub struct Outcome {
    /// Its name.
    pub name: String,
    /// Where it is declared.
    pub span: Span,
    /// Whether it holds.
    pub verdict: Verdict,
}

/// Whether a check holds.
#[derive(Debug)]
pub enum Verdict {
    /// Everything is as expected.
    Passed,
    /// Something is not.
    Failed(Vec<Failure>),
    /// It could not be tried.
    Broken(Failure),
}

/// One thing that is not as expected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// Where it is expected.
    pub span: Span,
    /// What is wrong.
    pub message: String,
    /// What is expected there.
    pub expected: Option<String>,
    /// What there is.
    pub got: Option<String>,
}

/// Tries `check`, on the rows it brings or else on `newest`.
pub async fn run(
    check: &CheckSpec,
    model: &Model,
    newest: impl AsyncFnOnce() -> Result<Arc<Snapshot>>,
    environment: &BTreeMap<String, String>,
) -> Outcome {
    let verdict = match tried(check, model, newest, environment).await {
        Ok(failures) if failures.is_empty() => Verdict::Passed,
        Ok(failures) => Verdict::Failed(failures),
        Err(error) => Verdict::Broken(Failure {
            span: place(check),
            message: error.to_string(),
            expected: None,
            got: None,
        }),
    };
    Outcome { name: check.name.value.clone(), span: check.name.span.clone(), verdict }
}

async fn tried(
    check: &CheckSpec,
    model: &Model,
    newest: impl AsyncFnOnce() -> Result<Arc<Snapshot>>,
    environment: &BTreeMap<String, String>,
) -> Result<Vec<Failure>> {
    let Some(given) = &check.given else {
        let snapshot = newest().await?;
        return ask(&check.question, check.tolerance, &snapshot).await;
    };
    let trial: Trial = given::load(model, given, check.cube(), environment).await?;
    ask(&check.question, check.tolerance, &trial.snapshot).await
}

/// Where the question of a check stands.
fn place(check: &CheckSpec) -> Span {
    match &check.question {
        Question::Query { span, .. } => span.clone(),
        Question::Sql { sql, .. } | Question::NoRows(sql) => sql.span.clone(),
        Question::Reconcile([one, _]) => one.span.clone(),
        Question::AddsUp { cube, .. } => cube.span.clone(),
    }
}
