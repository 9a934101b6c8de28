//! What orders and invoices have in common.

/// ERPNext's life cycle of a document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum DocStatus {
    /// Still being written.
    Draft,
    /// Binding; the only ones that count.
    Submitted,
    /// Withdrawn.
    Cancelled,
}

impl DocStatus {
    /// The number in column `docstatus`.
    pub(super) fn code(self) -> u8 {
        match self {
            Self::Draft => 0,
            Self::Submitted => 1,
            Self::Cancelled => 2,
        }
    }

    /// Whether the document counts.
    pub(super) fn is_submitted(self) -> bool {
        self == Self::Submitted
    }
}

/// Gives documents sorted by date their numbers, starting anew every year.
#[derive(Debug, Default)]
pub(super) struct Series {
    year: i32,
    last: u32,
}

impl Series {
    /// The next name under `prefix` in `year`, like `SO-24-00017`.
    pub(super) fn next(&mut self, prefix: &str, year: i32) -> String {
        if self.year != year {
            *self = Self { year, last: 0 };
        }
        self.last += 1;
        format!("{prefix}-{:02}-{:05}", year % 100, self.last)
    }
}
