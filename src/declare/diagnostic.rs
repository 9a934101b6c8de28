//! A mistake in a declaration, said so that the person can mend it.

use std::fmt;

use super::node::Span;
use super::suggest::nearest;
use crate::error::{Error, ErrorKind};

/// The stable name of a kind of mistake.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Code {
    /// The file is not YAML.
    Syntax,
    /// A key the grammar does not know.
    UnknownKey,
    /// A required key is absent.
    MissingKey,
    /// A value of the wrong kind: a list where text is expected.
    WrongKind,
    /// A value outside what the key allows.
    WrongValue,
    /// A name that nothing declares.
    UnknownName,
    /// A name declared twice.
    DuplicateName,
    /// SQL that cannot be parsed or planned.
    WrongExpression,
    /// An environment variable or file of `${…}` is absent.
    MissingVariable,
    /// A file or folder that a declaration names is absent.
    MissingFile,
    /// Declarations that are each fine and do not fit together.
    Mismatch,
    /// A function whose result is not fixed by its arguments.
    Volatile,
}

impl Code {
    fn number(self) -> u16 {
        match self {
            Self::Syntax => 1,
            Self::UnknownKey => 2,
            Self::MissingKey => 3,
            Self::WrongKind => 4,
            Self::WrongValue => 5,
            Self::UnknownName => 6,
            Self::DuplicateName => 7,
            Self::WrongExpression => 8,
            Self::MissingVariable => 9,
            Self::MissingFile => 10,
            Self::Mismatch => 11,
            Self::Volatile => 12,
        }
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SD{:03}", self.number())
    }
}

/// One mistake: a code, a place, what is wrong and what to do.
#[derive(Clone, Debug)]
pub struct Diagnostic {
    /// The kind of mistake.
    pub code: Code,
    /// Where it is.
    pub span: Span,
    /// What is wrong, in lower case and without a full stop.
    pub message: String,
    /// What to do about it.
    pub help: Option<String>,
}

impl Diagnostic {
    /// A mistake at `span`.
    pub fn new(code: Code, span: Span, message: impl Into<String>) -> Self {
        Self { code, span, message: message.into(), help: None }
    }

    /// Adds what to do.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// `what` names `name`, which is none of `known`: says the nearest, or lists them.
    pub fn unknown_name<'a>(
        span: Span,
        what: &str,
        name: &str,
        known: impl IntoIterator<Item = &'a str>,
    ) -> Self {
        let known: Vec<&str> = known.into_iter().collect();
        let diagnostic = Self::new(Code::UnknownName, span, format!("unknown {what} `{name}`"));
        diagnostic.help(suggestion(name, &known))
    }
}

impl Diagnostic {
    /// The mistake in a line: `place: message; help`.
    pub fn line(&self) -> String {
        let help = self.help.as_ref().map(|help| format!("; {help}")).unwrap_or_default();
        format!("{}: {}{help}", self.span, self.message)
    }
}

/// `did you mean …?`, or everything there is.
pub(super) fn suggestion(name: &str, known: &[&str]) -> String {
    match nearest(name, known.iter().copied()) {
        Some(near) => format!("did you mean `{near}`?"),
        None if known.is_empty() => "none is declared".to_owned(),
        None => format!("there is: {}", known.join(", ")),
    }
}

impl fmt::Display for Diagnostic {
    /// The message, the place, the line with a caret under it, and the help.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "error[{}]: {}", self.code, self.message)?;
        write!(f, "{}", self.span.shown())?;
        match &self.help {
            Some(help) => writeln!(f, "{} = help: {help}", self.span.gutter()),
            None => Ok(()),
        }
    }
}

/// All mistakes found so far.
#[derive(Clone, Debug, Default)]
pub struct Diagnostics {
    found: Vec<Diagnostic>,
}

impl Diagnostics {
    /// No mistake yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds one.
    pub fn push(&mut self, diagnostic: Diagnostic) {
        self.found.push(diagnostic);
    }

    /// Whether nothing is wrong.
    pub fn is_empty(&self) -> bool {
        self.found.is_empty()
    }

    /// The mistakes by file, line and column, each once.
    pub fn sorted(&self) -> Vec<&Diagnostic> {
        let place =
            |d: &&Diagnostic| (d.span.file.path.clone(), d.span.line, d.span.column, d.code);
        let mut all: Vec<&Diagnostic> = self.found.iter().collect();
        all.sort_by_key(place);
        all.dedup_by(|a, b| place(&&**a) == place(&&**b) && a.message == b.message);
        all
    }

    /// `value` when nothing is wrong, else one error that holds every mistake.
    pub fn into_result<T>(self, value: T) -> Result<T, Error> {
        if self.is_empty() { Ok(value) } else { Err(self.into_error()) }
    }

    /// One error that prints every mistake.
    pub fn into_error(self) -> Error {
        let all = self.sorted();
        let count = all.len();
        let noun = if count == 1 { "mistake" } else { "mistakes" };
        let text: String = all.iter().map(|d| format!("{d}\n")).collect();
        Error::new(
            ErrorKind::InvalidDeclaration,
            format!("{count} {noun} in the declarations\n\n{}", text.trim_end()),
        )
    }
}
