//! Over which facts an aggregate is computed, as seen from a cell.
//!
//! A measure of a cell is computed over the cell's own facts. Calculations compute the same measure
//! over other facts: those of another time, or those of a cell further up.

use datafusion::logical_expr::Expr;

/// The facts of an aggregate, relative to the cell it is shown in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Context {
    /// Which days count.
    pub time: TimeWindow,
    /// Whose facts count.
    pub ancestor: Ancestor,
    /// Which of the facts on those days count.
    pub scope: Scope,
    /// Conditions on the time role that hold for this aggregate beside those of the question; only
    /// where `time` is not [`TimeWindow::Own`].
    pub conditions: Vec<Expr>,
}

/// Which days count, relative to the days of the cell.
///
/// `E` is the cell's last day, but no later than the end of the month in which the last fact
/// happened: a total over a calendar that reaches far ahead ends where facts do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TimeWindow {
    /// The cell's own.
    #[default]
    Own,
    /// Those that, moved later by one step, are the cell's own.
    Shifted {
        /// How far.
        by: Step,
        /// Only those that are, moved, no later than the last fact.
        so_far: bool,
    },
    /// From the start of the period that holds `E` up to `E`.
    ToDate {
        /// The period.
        period: Period,
        /// Moves `E` back by so many years first.
        years_back: u8,
    },
    /// The last months that end with `E`.
    Months(u16),
    /// The last days that end with the cell's last day, but no later than the last fact.
    Days(u16),
    /// The last periods of the cell's finest level.
    Periods(u16),
    /// All days of the question up to `E`.
    Running,
}

/// How far days are moved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// One period of the cell's finest level of time.
    Period,
    /// One year; of weeks where the cell is one of weeks.
    Year,
}

/// A level of the calendar that divides time into periods without gaps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Period {
    /// `day`
    Day,
    /// `week`, by ISO 8601.
    Week,
    /// `month`
    Month,
    /// `quarter`
    Quarter,
    /// `fiscal_quarter`
    FiscalQuarter,
    /// `half`
    Half,
    /// `year`
    Year,
    /// `fiscal_year`
    FiscalYear,
}

/// Whose facts count, relative to the cell.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Ancestor {
    /// The cell's own.
    #[default]
    Own,
    /// Those of the parent of the member that stands last in the grouping.
    Parent,
    /// Those of the cell's member of this level, with what else the cell is grouped by.
    Level(String),
    /// Those of the whole question.
    Total,
}

/// Which of the facts on the days of a cell count.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Scope {
    /// Those that are in the cell and meet the conditions of the question.
    #[default]
    Cell,
    /// All, whatever else the cell and the question say. What they say of the role with this key
    /// column in the fact is what they say of days.
    Days(String),
}

impl Context {
    /// The cell's own facts at another time.
    pub(super) fn at(time: TimeWindow) -> Self {
        Self { time, ..Self::default() }
    }

    /// The facts of a cell further up, at its own time.
    pub(super) fn of(ancestor: Ancestor) -> Self {
        Self { ancestor, ..Self::default() }
    }

    /// Whether it is over the cell's own facts.
    pub fn is_own(&self) -> bool {
        *self == Self::default()
    }

    /// Whether it has a value only in a cell with a period.
    pub(super) fn needs_period(&self) -> bool {
        matches!(self.time, TimeWindow::Shifted { by: Step::Period, .. } | TimeWindow::Periods(_))
    }
}

impl Period {
    /// Every period, fine first.
    pub const ALL: [Self; 8] = [
        Self::Day,
        Self::Week,
        Self::Month,
        Self::Quarter,
        Self::FiscalQuarter,
        Self::Half,
        Self::Year,
        Self::FiscalYear,
    ];

    /// The level of the generated calendar.
    pub fn level(self) -> &'static str {
        match self {
            Self::Day => "day",
            Self::Week => "week",
            Self::Month => "month",
            Self::Quarter => "quarter",
            Self::FiscalQuarter => "fiscal_quarter",
            Self::Half => "half",
            Self::Year => "year",
            Self::FiscalYear => "fiscal_year",
        }
    }

    /// The period that is the level called `level`.
    pub fn of_level(level: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|period| period.level() == level)
    }

    /// Whether it counts from the start of the fiscal year.
    pub(super) fn is_fiscal(self) -> bool {
        matches!(self, Self::FiscalQuarter | Self::FiscalYear)
    }

    /// Its length.
    pub(super) fn length(self) -> Length {
        match self {
            Self::Day => Length::Days(1),
            Self::Week => Length::Days(7),
            Self::Month => Length::Months(1),
            Self::Quarter | Self::FiscalQuarter => Length::Months(3),
            Self::Half => Length::Months(6),
            Self::Year | Self::FiscalYear => Length::Months(12),
        }
    }
}

/// How long a period is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Length {
    Days(i64),
    Months(i32),
}
