//! Dates and times as the session's DateStyle shows them.

use super::calendar::{
    DATE_EARLY, DATE_LATE, EARLY, EPOCH_JULIAN, Fields, LATE, SECOND, UNIX_EPOCH_SECONDS, from_julian,
    julian, week_day,
};
use crate::value::settings::{DateOrder, DateStyle, Settings};

const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const DAYS: [&str; 7] = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];

/// Appends a number with at least `width` digits.
fn number(value: i64, width: usize, out: &mut Vec<u8>) {
    out.extend_from_slice(format!("{value:0width$}").as_bytes());
}

/// The year as it is written: there is no year zero, BC is marked at the end.
fn year(f: &Fields, out: &mut Vec<u8>) {
    number(if f.year > 0 { f.year } else { 1 - f.year }, 4, out);
}

fn era(f: &Fields, out: &mut Vec<u8>) {
    if f.year <= 0 {
        out.extend_from_slice(b" BC");
    }
}

fn pair(first: i64, separator: u8, second: i64, out: &mut Vec<u8>) {
    number(first, 2, out);
    out.push(separator);
    number(second, 2, out);
}

fn clock(f: &Fields, out: &mut Vec<u8>) {
    pair(f.hour, b':', f.minute, out);
    out.push(b':');
    number(f.second, 2, out);
    if f.micros != 0 {
        let decimals = format!(".{:06}", f.micros);
        out.extend_from_slice(decimals.trim_end_matches('0').as_bytes());
    }
}

fn name(names: &[&str], index: i64) -> String {
    usize::try_from(index).ok().and_then(|i| names.get(i)).map_or(String::new(), |n| (*n).to_string())
}

/// `infinity` and `-infinity`, if the value is one.
fn infinite(early: bool, late: bool, out: &mut Vec<u8>) -> bool {
    if late {
        out.extend_from_slice(b"infinity");
    } else if early {
        out.extend_from_slice(b"-infinity");
    }
    early || late
}

/// Appends a date.
pub(crate) fn write_date(date: i32, s: &Settings, out: &mut Vec<u8>) {
    if infinite(date == DATE_EARLY, date == DATE_LATE, out) {
        return;
    }
    let (y, month, day) = from_julian(i64::from(date) + EPOCH_JULIAN);
    let f = Fields { year: y, month, day, ..Fields::default() };
    let day_first = s.date_order == DateOrder::Dmy;
    match s.date_style {
        DateStyle::Iso => {
            year(&f, out);
            out.push(b'-');
            pair(month, b'-', day, out);
        }
        DateStyle::Sql | DateStyle::Postgres => {
            let separator = if s.date_style == DateStyle::Sql { b'/' } else { b'-' };
            let (first, second) = if day_first { (day, month) } else { (month, day) };
            pair(first, separator, second, out);
            out.push(separator);
            year(&f, out);
        }
        DateStyle::German => {
            pair(day, b'.', month, out);
            out.push(b'.');
            year(&f, out);
        }
    }
    era(&f, out);
}

/// Appends a time of day.
pub(crate) fn write_time(time: i64, out: &mut Vec<u8>) {
    clock(&Fields::default().with_time(time), out);
}

/// Appends a timestamp without time zone.
pub(crate) fn write_timestamp(timestamp: i64, s: &Settings, out: &mut Vec<u8>) {
    if !infinite(timestamp == EARLY, timestamp == LATE, out) {
        moment(&Fields::from_timestamp(timestamp), None, s, out);
    }
}

/// Appends a timestamp with time zone, in the session's zone.
pub(crate) fn write_timestamptz(timestamp: i64, s: &Settings, out: &mut Vec<u8>) {
    if infinite(timestamp == EARLY, timestamp == LATE, out) {
        return;
    }
    let instant = timestamp.div_euclid(SECOND) + UNIX_EPOCH_SECONDS;
    let east = s.time_zone.east_at(instant);
    let local = timestamp.saturating_add(i64::from(east) * SECOND);
    moment(&Fields::from_timestamp(local), Some((east, instant)), s, out);
}

/// Date, time and, given the offset and the instant, the zone.
fn moment(f: &Fields, zone: Option<(i32, i64)>, s: &Settings, out: &mut Vec<u8>) {
    let day_first = s.date_order == DateOrder::Dmy;
    let name_zone = |out: &mut Vec<u8>, before: &str| {
        if let Some((east, instant)) = zone {
            let abbreviation = s.time_zone.abbreviation_at(instant);
            let known = !abbreviation.is_empty();
            if known {
                out.push(b' ');
                out.extend_from_slice(abbreviation.get(..10).unwrap_or(&abbreviation).as_bytes());
            } else {
                out.extend_from_slice(before.as_bytes());
                offset(east, out);
            }
        }
    };
    match s.date_style {
        DateStyle::Iso => {
            year(f, out);
            out.push(b'-');
            pair(f.month, b'-', f.day, out);
            out.push(b' ');
            clock(f, out);
            if let Some((east, _)) = zone {
                offset(east, out);
            }
        }
        DateStyle::Sql => {
            let (first, second) = if day_first { (f.day, f.month) } else { (f.month, f.day) };
            pair(first, b'/', second, out);
            out.push(b'/');
            year(f, out);
            out.push(b' ');
            clock(f, out);
            name_zone(out, "");
        }
        DateStyle::German => {
            pair(f.day, b'.', f.month, out);
            out.push(b'.');
            year(f, out);
            out.push(b' ');
            clock(f, out);
            name_zone(out, "");
        }
        DateStyle::Postgres => {
            let week_day = week_day(julian(f.year, f.month, f.day));
            out.extend_from_slice(name(&DAYS, week_day).as_bytes());
            out.push(b' ');
            let month = name(&MONTHS, f.month - 1);
            if day_first {
                number(f.day, 2, out);
                out.push(b' ');
                out.extend_from_slice(month.as_bytes());
            } else {
                out.extend_from_slice(month.as_bytes());
                out.push(b' ');
                number(f.day, 2, out);
            }
            out.push(b' ');
            clock(f, out);
            out.push(b' ');
            year(f, out);
            name_zone(out, " ");
        }
    }
    era(f, out);
}

/// `+hh`, with minutes and seconds where there are any.
fn offset(east: i32, out: &mut Vec<u8>) {
    out.push(if east < 0 { b'-' } else { b'+' });
    let seconds = i64::from(east.unsigned_abs());
    number(seconds / 3600, 2, out);
    if seconds % 3600 != 0 {
        out.push(b':');
        number(seconds / 60 % 60, 2, out);
    }
    if seconds % 60 != 0 {
        out.push(b':');
        number(seconds % 60, 2, out);
    }
}
