//! One error for the whole crate: what failed, where, why, and who must act.
//!
//! Bad rows are data and never become an [`Error`]; see `translate`.
//! Bad declarations are collected as `declare::Diagnostics` and become one error at the end.

use std::fmt;

/// The result of every fallible function of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Sorted by who must act, because exit codes and wire codes are chosen from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorKind {
    /// The caller asked for something that cannot be done: a wrong flag, wrong SQL.
    InvalidInput,
    /// A YAML file is wrong.
    InvalidDeclaration,
    /// A named thing does not exist.
    NotFound,
    /// Somebody else holds or wrote what this operation needs.
    Conflict,
    /// A source cannot be reached or read.
    SourceUnavailable,
    /// The warehouse cannot be reached, read or written.
    WarehouseUnavailable,
    /// Stored bytes are not what was written.
    CorruptData,
    /// The request is valid, but not offered.
    Unsupported,
    /// The caller may not do this.
    Denied,
    /// The operation needs more memory or time than it may have.
    LimitExceeded,
    /// The operation was stopped before it ended.
    Cancelled,
    /// An invariant of ours is broken.
    Internal,
}

/// A failure: its kind, one sentence for the person who must act, context and cause.
#[derive(Debug)]
pub struct Error {
    kind: ErrorKind,
    what: String,
    context: Vec<String>,
    cause: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl Error {
    /// A failure described by `what`, in lower case and without a full stop.
    pub fn new(kind: ErrorKind, what: impl Into<String>) -> Self {
        Self { kind, what: what.into(), context: Vec::new(), cause: None }
    }

    /// [`ErrorKind::InvalidInput`] described by `what`.
    pub fn invalid_input(what: impl Into<String>) -> Self {
        Self::new(ErrorKind::InvalidInput, what)
    }

    /// [`ErrorKind::Internal`] described by `what`.
    pub fn internal(what: impl Into<String>) -> Self {
        Self::new(ErrorKind::Internal, what)
    }

    /// Attaches the error that caused this one.
    #[must_use]
    pub fn because(mut self, cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        self.cause = Some(cause.into());
        self
    }

    /// Says where this happened (a load, a table, a file); outermost context is added last.
    #[must_use]
    pub fn context(mut self, place: impl Into<String>) -> Self {
        self.context.push(place.into());
        self
    }

    /// Who must act.
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// The sentence without context and cause.
    pub fn what(&self) -> &str {
        &self.what
    }
}

impl fmt::Display for Error {
    /// `outer context: inner context: what: cause: deeper cause`, on one line unless a part has more.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for place in self.context.iter().rev() {
            write!(f, "{place}: ")?;
        }
        f.write_str(&self.what)?;
        let mut cause = self.cause.as_deref().map(|c| c as &dyn std::error::Error);
        while let Some(error) = cause {
            write!(f, ": {error}")?;
            cause = error.source();
        }
        Ok(())
    }
}

impl std::error::Error for Error {}

/// Adds context or a kind to the error of a [`Result`].
pub trait ResultExt<T> {
    /// Wraps any error as the cause of a new one.
    fn or_fail(self, kind: ErrorKind, what: impl FnOnce() -> String) -> Result<T>;
}

impl<T, E: Into<Box<dyn std::error::Error + Send + Sync>>> ResultExt<T> for Result<T, E> {
    fn or_fail(self, kind: ErrorKind, what: impl FnOnce() -> String) -> Result<T> {
        self.map_err(|cause| Error::new(kind, what()).because(cause))
    }
}

impl From<datafusion::error::DataFusionError> for Error {
    fn from(error: datafusion::error::DataFusionError) -> Self {
        use datafusion::error::DataFusionError as D;
        let kind = match error.find_root() {
            D::Plan(_) | D::SchemaError(..) | D::SQL(..) | D::Execution(_) | D::ArrowError(..) => {
                ErrorKind::InvalidInput
            }
            D::NotImplemented(_) => ErrorKind::Unsupported,
            D::ResourcesExhausted(_) => ErrorKind::LimitExceeded,
            D::IoError(_) | D::ObjectStore(_) => ErrorKind::WarehouseUnavailable,
            D::External(inner) => match inner.downcast_ref::<Self>() {
                Some(ours) => ours.kind(),
                None => ErrorKind::Internal,
            },
            _ => ErrorKind::Internal,
        };
        let what = match error.find_root() {
            D::SQL(syntax, _) => syntax.to_string(),
            root => root.message().into_owned(),
        };
        Self::new(kind, what)
    }
}

impl From<Error> for datafusion::error::DataFusionError {
    fn from(error: Error) -> Self {
        Self::External(Box::new(error))
    }
}

impl From<arrow::error::ArrowError> for Error {
    fn from(error: arrow::error::ArrowError) -> Self {
        Self::new(ErrorKind::InvalidInput, "computing on columns").because(error)
    }
}
