//! date, time, timestamp and timestamptz: text forms and conversions between them.

mod abbreviations;
mod calendar;
mod decode;
mod fields;
mod lex;
mod print;
mod time_only;
mod words;
mod zone;

pub(crate) use calendar::{DATE_EARLY, DATE_LATE, DAY, EARLY, LATE, SECOND, is_date, is_timestamp};
pub(crate) use calendar::{Fields, from_julian, julian, week_day};
pub(crate) use print::{write_date, write_time, write_timestamp, write_timestamptz};
pub(crate) use zone::Zone;

use calendar::{UNIX_EPOCH_DAYS, UNIX_EPOCH_SECONDS};
use decode::Moment;
use fields::Fault;
use lex::Room;

use super::{Settings, Type, ValueError};

/// The SQLSTATE and message of a text that is no moment.
fn error(fault: Fault, ty: Type) -> ValueError {
    let name = ty.base_name();
    let range = || ValueError::new("22008", format!("date/time field value out of range for type {name}"));
    match fault {
        Fault::Format => ValueError::new("22007", format!("invalid input syntax for type {name}")),
        Fault::Range => range(),
        Fault::MonthDayRange => range().with_hint("Perhaps you need a different \"datestyle\" setting."),
        Fault::ZoneRange => ValueError::new("22009", "time zone displacement out of range"),
        Fault::UnknownZone => ValueError::new("22023", "time zone not recognized"),
        Fault::Clock => ValueError::unsupported(
            format!("a value of type {name} that depends on the server's clock cannot be encrypted"),
            "Give the date and time itself in place of now, today, tomorrow or yesterday.",
        ),
    }
}

fn out_of_range(ty: Type) -> ValueError {
    let name = if ty == Type::Date { "date" } else { "timestamp" };
    ValueError::new("22008", format!("{name} out of range"))
}

fn moment(text: &str, room: Room, ty: Type, s: &Settings) -> Result<Moment, ValueError> {
    let read = |fields: Vec<_>| decode::date_time(&fields, s.date_order);
    lex::cut(text, room).ok_or(Fault::Format).and_then(read).map_err(|fault| error(fault, ty))
}

/// Reads a date, in days since 2000-01-01.
pub(crate) fn parse_date(text: &str, s: &Settings) -> Result<i32, ValueError> {
    match moment(text, Room::Small, Type::Date, s)? {
        Moment::Infinity => Ok(DATE_LATE),
        Moment::NegativeInfinity => Ok(DATE_EARLY),
        Moment::Epoch => Ok(-(UNIX_EPOCH_DAYS as i32)),
        Moment::At(parse) => parse.fields.to_date().ok_or_else(|| out_of_range(Type::Date)),
    }
}

/// Reads a time of day, in microseconds.
pub(crate) fn parse_time(text: &str, s: &Settings) -> Result<i64, ValueError> {
    let read = |fields: Vec<_>| time_only::time_of_day(&fields, s.date_order);
    let ty = Type::Time(None);
    lex::cut(text, Room::Small).ok_or(Fault::Format).and_then(read).map_err(|fault| error(fault, ty))
}

/// Reads a timestamp, in microseconds since 2000-01-01. A zone is read and does not count.
pub(crate) fn parse_timestamp(text: &str, s: &Settings) -> Result<i64, ValueError> {
    parse_moment(text, Type::Timestamp(None), s)
}

/// Reads a timestamp with time zone, in microseconds since 2000-01-01 UTC.
pub(crate) fn parse_timestamptz(text: &str, s: &Settings) -> Result<i64, ValueError> {
    parse_moment(text, Type::Timestamptz(None), s)
}

fn parse_moment(text: &str, ty: Type, s: &Settings) -> Result<i64, ValueError> {
    match moment(text, Room::Large, ty, s)? {
        Moment::Infinity => Ok(LATE),
        Moment::NegativeInfinity => Ok(EARLY),
        Moment::Epoch => Ok(-UNIX_EPOCH_SECONDS * SECOND),
        Moment::At(parse) => {
            let zoned = matches!(ty, Type::Timestamptz(_));
            // A year far out of range must not reach the arithmetic of zones.
            let resolve = zoned && parse.fields.is_covered();
            let east = if resolve { parse.resolve_east(&s.time_zone) } else { 0 };
            parse.fields.to_timestamp(east).ok_or_else(|| out_of_range(ty))
        }
    }
}

/// Midnight of a date. `None` beyond the range of timestamps.
pub(crate) fn date_to_timestamp(date: i32) -> Option<i64> {
    match date {
        DATE_EARLY => Some(EARLY),
        DATE_LATE => Some(LATE),
        days => i64::from(days).checked_mul(DAY).filter(|t| is_timestamp(*t)),
    }
}

/// The date of a timestamp.
pub(crate) fn timestamp_to_date(timestamp: i64) -> i32 {
    match timestamp {
        EARLY => DATE_EARLY,
        LATE => DATE_LATE,
        t => i32::try_from(t.div_euclid(DAY)).unwrap_or(DATE_LATE),
    }
}

/// A local timestamp as an instant, by a zone.
pub(crate) fn local_to_instant(timestamp: i64, zone: &Zone) -> Option<i64> {
    if matches!(timestamp, EARLY | LATE) {
        return Some(timestamp);
    }
    let local = timestamp.div_euclid(SECOND) + UNIX_EPOCH_SECONDS;
    let east = i64::from(zone.east_for_local(local));
    timestamp.checked_sub(east * SECOND).filter(|t| is_timestamp(*t))
}

/// An instant as a local timestamp, by a zone. It may lie outside the range of timestamps by a day.
pub(crate) fn instant_to_local(timestamp: i64, zone: &Zone) -> i64 {
    if matches!(timestamp, EARLY | LATE) {
        return timestamp;
    }
    let instant = timestamp.div_euclid(SECOND) + UNIX_EPOCH_SECONDS;
    timestamp.saturating_add(i64::from(zone.east_at(instant)) * SECOND)
}

/// All local timestamps that a zone takes for this instant; more than one around a skipped hour.
pub(crate) fn locals_of_instant(timestamp: i64, zone: &Zone) -> Vec<i64> {
    if matches!(timestamp, EARLY | LATE) {
        return vec![timestamp];
    }
    let seconds = timestamp.div_euclid(SECOND) + UNIX_EPOCH_SECONDS;
    let mut offsets: Vec<i32> =
        [-2 * 86_400, 0, 2 * 86_400].iter().map(|d| zone.east_at(seconds + d)).collect();
    offsets.sort_unstable();
    offsets.dedup();
    let locals = offsets.iter().filter_map(|east| timestamp.checked_add(i64::from(*east) * SECOND));
    locals.filter(|local| local_to_instant(*local, zone) == Some(timestamp)).collect()
}

/// Rounds a time of day to `precision` decimals, as `time(p)` does.
pub(crate) fn round_time(time: i64, precision: Option<u8>) -> i64 {
    let unit = unit(precision);
    (time + unit / 2) / unit * unit
}

/// Rounds a timestamp to `precision` decimals, half away from 2000-01-01.
pub(crate) fn round_timestamp(timestamp: i64, precision: Option<u8>) -> Result<i64, ValueError> {
    if matches!(timestamp, EARLY | LATE) {
        return Ok(timestamp);
    }
    let unit = unit(precision);
    let magnitude = (timestamp.abs() + unit / 2) / unit * unit;
    let rounded = if timestamp < 0 { -magnitude } else { magnitude };
    // PostgreSQL rounds beyond the end of its range without a check, and can then not show the result.
    if is_timestamp(rounded) { Ok(rounded) } else { Err(out_of_range(Type::Timestamp(None))) }
}

/// Microseconds in the last place of a precision.
fn unit(precision: Option<u8>) -> i64 {
    10i64.pow(6u32.saturating_sub(u32::from(precision.unwrap_or(6))))
}

/// The time of day of a finite timestamp.
pub(crate) fn time_of_timestamp(timestamp: i64) -> i64 {
    Fields::from_timestamp(timestamp).time_of_day()
}
