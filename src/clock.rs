//! The only reader of time.

use chrono::{DateTime, SubsecRound, Utc};

/// Now, to the microsecond, which is what the warehouse stores.
pub fn now() -> DateTime<Utc> {
    #[expect(clippy::disallowed_methods, reason = "this is the one place that reads the clock")]
    Utc::now().trunc_subsecs(6)
}
