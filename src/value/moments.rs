//! Dates and times for those who compute with them: microseconds that reach as far as dates do.

use super::Settings;
use super::datetime;

pub(crate) use super::datetime::{
    DATE_EARLY, DATE_LATE, DAY, EARLY, Fields, LATE, SECOND, date_to_timestamp, from_julian, is_date,
    is_timestamp, julian, week_day,
};

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

/// The local time of an instant in the session's zone, and how many seconds east of Greenwich that is.
pub(crate) fn local(instant: i64, s: &Settings) -> (i64, i64) {
    let local = datetime::instant_to_local(instant, &s.time_zone);
    (local, local.saturating_sub(instant) / SECOND)
}

/// Seconds from 1970-01-01 to 2000-01-01.
pub(crate) const UNIX_EPOCH_SECONDS: i64 = 10_957 * 86_400;
/// Julian day of 2000-01-01.
pub(crate) const EPOCH_JULIAN: i64 = 2_451_545;
