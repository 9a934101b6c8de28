//! The kinds of planted defects, and what a correct load does about each.

/// What is wrong with a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    /// Day and month swapped, so that no such date exists, or slashes.
    BadDate,
    /// Text where a number belongs.
    NonNumeric,
    /// Nothing where a number is required.
    MissingRequired,
    /// A detail row whose header does not exist.
    OrphanParent,
    /// A good detail row whose header is quarantined.
    ParentQuarantined,
    /// A reference to a member that does not exist.
    OrphanReference,
    /// No reference to a member.
    MissingReference,
    /// A code nobody defined.
    UnknownCode,
    /// A code in the other case.
    WrongCase,
    /// Blanks around a value.
    PaddedText,
    /// Full-width letters or digits.
    FullWidth,
    /// Another word for a code.
    CodeAlias,
    /// `N/A` where a value may be missing.
    MissingOptional,
    /// The same row once more.
    DuplicateRow,
}

/// What becomes of a defective row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Outcome {
    /// Set aside: nobody can say what was meant.
    Quarantined,
    /// Loaded, pointing to the unknown member.
    Unknown,
    /// Loaded as if it had been right.
    Repaired,
    /// Left out, because it is there already.
    Dropped,
}

impl Kind {
    /// All kinds.
    pub(super) const ALL: [Self; 14] = [
        Self::BadDate,
        Self::NonNumeric,
        Self::MissingRequired,
        Self::OrphanParent,
        Self::ParentQuarantined,
        Self::OrphanReference,
        Self::MissingReference,
        Self::UnknownCode,
        Self::WrongCase,
        Self::PaddedText,
        Self::FullWidth,
        Self::CodeAlias,
        Self::MissingOptional,
        Self::DuplicateRow,
    ];

    /// The name used in `truth/defects.csv`.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::BadDate => "bad_date",
            Self::NonNumeric => "non_numeric",
            Self::MissingRequired => "missing_required",
            Self::OrphanParent => "orphan_parent",
            Self::ParentQuarantined => "parent_quarantined",
            Self::OrphanReference => "orphan_reference",
            Self::MissingReference => "missing_reference",
            Self::UnknownCode => "unknown_code",
            Self::WrongCase => "wrong_case",
            Self::PaddedText => "padded_text",
            Self::FullWidth => "full_width",
            Self::CodeAlias => "code_alias",
            Self::MissingOptional => "missing_optional",
            Self::DuplicateRow => "duplicate_row",
        }
    }

    /// What a correct load does.
    pub(super) fn outcome(self) -> Outcome {
        match self {
            Self::BadDate
            | Self::NonNumeric
            | Self::MissingRequired
            | Self::OrphanParent
            | Self::ParentQuarantined => Outcome::Quarantined,
            Self::OrphanReference | Self::MissingReference | Self::UnknownCode => Outcome::Unknown,
            Self::WrongCase
            | Self::PaddedText
            | Self::FullWidth
            | Self::CodeAlias
            | Self::MissingOptional => Outcome::Repaired,
            Self::DuplicateRow => Outcome::Dropped,
        }
    }

    /// The rule behind the outcome, for the README.
    pub(super) fn rule(self) -> &'static str {
        match self {
            Self::BadDate => "every filled date is ISO 8601 and exists",
            Self::NonNumeric => "every filled number column holds a number",
            Self::MissingRequired => "a measure is required; empty, `N/A` and `NULL` are nothing",
            Self::OrphanParent => "a detail row needs its header",
            Self::ParentQuarantined => "a detail row needs its header to be loaded",
            Self::OrphanReference => "a key without a member points to the unknown member",
            Self::MissingReference => "empty, `N/A` and `NULL` point to the unknown member",
            Self::UnknownCode => "a code without a meaning points to the unknown member",
            Self::WrongCase => "codes are brought to the case of their list",
            Self::PaddedText => "text is trimmed",
            Self::FullWidth => "text is brought to Unicode form NFKC",
            Self::CodeAlias => "aliases are mapped: `RMB` to `CNY`, `Won` to `closed_won`",
            Self::MissingOptional => "`N/A` becomes null",
            Self::DuplicateRow => "of equal rows one is kept",
        }
    }
}

impl Outcome {
    /// The name used in `truth/defects.csv`.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Quarantined => "quarantined",
            Self::Unknown => "unknown",
            Self::Repaired => "repaired",
            Self::Dropped => "dropped",
        }
    }
}

/// A defect planted in a row.
#[derive(Clone, Debug)]
pub(super) struct Defect {
    /// The row of the clean table, counted from 0.
    pub(super) row: usize,
    /// The column, empty for duplicates.
    pub(super) column: &'static str,
    /// What is wrong.
    pub(super) kind: Kind,
    /// The cell as it was written.
    pub(super) value: String,
}
