//! Which epoch a question reads: the newest, one by number, or the one there was at a time.

use chrono::{DateTime, Days, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, Utc};

use crate::error::{Error, Result};

/// Which epoch a question reads.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Moment {
    /// The newest there is.
    #[default]
    Newest,
    /// This one.
    Epoch(u64),
    /// The newest that was made at or before this time.
    AsOf(DateTime<Utc>),
}

impl Moment {
    /// What a number of an epoch or a time asks for; both together make no sense.
    pub fn of(epoch: Option<u64>, as_of: Option<&str>) -> Result<Self> {
        match (epoch, as_of) {
            (None, None) => Ok(Self::Newest),
            (Some(epoch), None) => Ok(Self::Epoch(epoch)),
            (None, Some(text)) => Ok(Self::AsOf(time(text)?)),
            (Some(_), Some(_)) => Err(Error::invalid_input(
                "an epoch and a time are asked for together; leave one out",
            )),
        }
    }
}

/// A time as people write it. Without an offset it is UTC, as in `system.epochs`; a day alone means
/// its end.
fn time(text: &str) -> Result<DateTime<Utc>> {
    if let Ok(time) = DateTime::parse_from_rfc3339(text) {
        return Ok(time.to_utc());
    }
    let forms =
        ["%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M"];
    if let Some(time) = forms.iter().find_map(|form| NaiveDateTime::parse_from_str(text, form).ok())
    {
        return Ok(time.and_utc());
    }
    let end = NaiveDate::parse_from_str(text, "%Y-%m-%d")
        .ok()
        .and_then(|day| day.checked_add_days(Days::new(1)))
        .and_then(|next| {
            next.and_time(NaiveTime::MIN).checked_sub_signed(TimeDelta::microseconds(1))
        });
    end.map(|end| end.and_utc()).ok_or_else(|| {
        Error::invalid_input(format!(
            "`{text}` is not a time; write one like 2024-05-31, 2024-05-31T18:00:00Z or \
             2024-05-31T18:00:00+08:00"
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_as_people_write_them() {
        let cases = [
            ("2024-05-31T18:00:00Z", "2024-05-31T18:00:00+00:00"),
            ("2024-05-31T18:00:00+08:00", "2024-05-31T10:00:00+00:00"),
            ("2024-05-31 18:00:00.25", "2024-05-31T18:00:00.250+00:00"),
            ("2024-05-31T18:00", "2024-05-31T18:00:00+00:00"),
            ("2024-02-29", "2024-02-29T23:59:59.999999+00:00"),
        ];
        for (text, expected) in cases {
            assert_eq!(time(text).unwrap().to_rfc3339(), expected, "{text}");
        }
        for text in ["", "yesterday", "2024-02-30", "2024-05-31T25:00:00Z", "7"] {
            assert!(time(text).unwrap_err().to_string().contains("is not a time"), "{text}");
        }
    }

    #[test]
    fn an_epoch_and_a_time_together_are_refused() {
        assert_eq!(Moment::of(None, None).unwrap(), Moment::Newest);
        assert_eq!(Moment::of(Some(3), None).unwrap(), Moment::Epoch(3));
        assert!(Moment::of(Some(3), Some("2024-05-31")).is_err());
    }
}
