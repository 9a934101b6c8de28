//! The one table from our errors to gRPC codes.

use tonic::{Code, Status};

use crate::error::{Error, ErrorKind};

/// Longer texts would not fit into the trailers a client accepts.
const TEXT_CHARS_MAX: usize = 3_000;

/// What a client is told about `error`.
///
/// Text of internal errors stays in the log: it helps nobody outside and may show what it should
/// not.
pub(super) fn status(error: &Error) -> Status {
    if error.kind() == ErrorKind::Internal {
        tracing::error!(%error, "a request failed");
        return Status::internal("internal error; the log of the server says more");
    }
    tracing::debug!(%error, "a request was refused");
    Status::new(code(error.kind()), shortened(error.to_string()))
}

fn code(kind: ErrorKind) -> Code {
    match kind {
        ErrorKind::InvalidInput => Code::InvalidArgument,
        ErrorKind::InvalidDeclaration => Code::FailedPrecondition,
        ErrorKind::NotFound => Code::NotFound,
        ErrorKind::Conflict => Code::Aborted,
        ErrorKind::SourceUnavailable | ErrorKind::WarehouseUnavailable => Code::Unavailable,
        ErrorKind::CorruptData => Code::DataLoss,
        ErrorKind::Unsupported => Code::Unimplemented,
        ErrorKind::Denied => Code::PermissionDenied,
        ErrorKind::LimitExceeded => Code::ResourceExhausted,
        ErrorKind::Cancelled => Code::Cancelled,
        ErrorKind::Internal => Code::Internal,
    }
}

fn shortened(text: String) -> String {
    match text.char_indices().nth(TEXT_CHARS_MAX) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn internal_text_stays_inside() {
        let told = status(&Error::internal("the lock at 0x1 is poisoned"));
        assert_eq!(told.code(), Code::Internal);
        assert!(!told.message().contains("lock"));
    }

    #[test]
    fn codes_say_who_must_act_and_texts_stay_short() {
        assert_eq!(status(&Error::invalid_input("x")).code(), Code::InvalidArgument);
        assert_eq!(status(&Error::new(ErrorKind::NotFound, "x")).code(), Code::NotFound);
        assert_eq!(status(&Error::new(ErrorKind::Denied, "x")).code(), Code::PermissionDenied);
        let long = status(&Error::invalid_input("é".repeat(10_000)));
        assert_eq!(long.message().chars().count(), TEXT_CHARS_MAX + 1);
    }
}
