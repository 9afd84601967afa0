//! Dates and times.

use super::{BEHIND, undecidable};
use crate::value::datetime::{self, DATE_EARLY, DATE_LATE, DAY, EARLY, LATE};
use crate::value::{Datum, Settings, Type, ValueError};

/// A day has fewer than 2^40 microseconds.
pub(super) const TIME_BYTES: usize = 5;

pub(super) fn time(time: i64, out: &mut Vec<u8>) {
    let bytes = time.to_be_bytes();
    out.extend(bytes.iter().skip(bytes.len() - TIME_BYTES));
}

fn day(date: i32, out: &mut Vec<u8>) {
    out.extend((date ^ i32::MIN).to_be_bytes());
}

fn microsecond(timestamp: i64, out: &mut Vec<u8>) {
    out.extend((timestamp ^ i64::MIN).to_be_bytes());
}

/// Encodes for a column of dates.
pub(super) fn date(value: &Datum, s: &Settings, out: &mut Vec<u8>) -> Result<(), ValueError> {
    let local = match value {
        Datum::Date(date) => {
            day(*date, out);
            return Ok(());
        }
        Datum::Timestamp(t) => *t,
        Datum::Timestamptz(t) => local_of(&Type::Date, value, *t, s)?,
        _ => return Err(undecidable(&Type::Date, value, "Cast the value to the column's type.")),
    };
    match local {
        EARLY => day(DATE_EARLY, out),
        LATE => day(DATE_LATE, out),
        finite => {
            // The timestamps' range lies within that of dates.
            let date = i32::try_from(finite.div_euclid(DAY)).unwrap_or(DATE_LATE - 1);
            day(date, out);
            if finite.rem_euclid(DAY) != 0 {
                out.push(BEHIND);
            }
        }
    }
    Ok(())
}

/// Encodes for a column of timestamps.
pub(super) fn timestamp(value: &Datum, s: &Settings, out: &mut Vec<u8>) -> Result<(), ValueError> {
    let column = Type::Timestamp(None);
    let local = match value {
        Datum::Timestamp(t) => *t,
        Datum::Timestamptz(t) => local_of(&column, value, *t, s)?,
        Datum::Date(d) => of_date(*d),
        _ => return Err(undecidable(&column, value, "Cast the value to the column's type.")),
    };
    microsecond(local, out);
    Ok(())
}

/// Encodes for a column of timestamps with time zone.
pub(super) fn timestamptz(value: &Datum, s: &Settings, out: &mut Vec<u8>) {
    let instant = match value {
        Datum::Timestamptz(t) => *t,
        Datum::Timestamp(t) => instant_of(*t, s),
        Datum::Date(d) => instant_of(of_date(*d), s),
        _ => EARLY,
    };
    microsecond(instant, out);
}

/// Midnight of a date; of one beyond all timestamps, what lies behind them and before infinity.
fn of_date(date: i32) -> i64 {
    datetime::date_to_timestamp(date).unwrap_or(LATE - 1)
}

/// A local time as an instant. What is out of range lies beyond all that are in it.
fn instant_of(local: i64, s: &Settings) -> i64 {
    if local == LATE - 1 {
        return local;
    }
    let beyond = if local < 0 { EARLY + 1 } else { LATE - 1 };
    datetime::local_to_instant(local, &s.time_zone).unwrap_or(beyond)
}

/// The local time before which all local times stand for earlier instants, and after which for later ones.
///
/// There is none within an hour that a change of the zone skips or repeats.
fn local_of(column: &Type, value: &Datum, instant: i64, s: &Settings) -> Result<i64, ValueError> {
    match datetime::locals_of_instant(instant, &s.time_zone).as_slice() {
        [local] => Ok(*local),
        _ => Err(undecidable(column, value, "Cast the value to timestamp without time zone.")),
    }
}
