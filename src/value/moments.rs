//! Dates and times for those who compute with them: microseconds that reach as far as dates do.

use super::Settings;
use super::datetime::{self, DATE_EARLY, DATE_LATE, DAY, EARLY, LATE};

/// A timestamp, with its infinities beyond everything.
pub(crate) fn wide(timestamp: i64) -> i128 {
    match timestamp {
        EARLY => i128::MIN,
        LATE => i128::MAX,
        t => t.into(),
    }
}

/// Midnight of a date.
pub(crate) fn date_micros(date: i32) -> i128 {
    match date {
        DATE_EARLY => i128::MIN,
        DATE_LATE => i128::MAX,
        days => i128::from(days) * i128::from(DAY),
    }
}

/// The instant of a local time in the session's zone. What lies beyond the range of timestamps stays there.
pub(crate) fn instant(local: i128, s: &Settings) -> i128 {
    match i64::try_from(local) {
        Ok(t) if datetime::is_timestamp(t) => {
            // The zone can lead out of the range by a day.
            datetime::local_to_instant(t, &s.time_zone).map_or(local, i128::from)
        }
        _ => local,
    }
}
