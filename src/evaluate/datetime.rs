//! Dates and times: their parts, rounding down, and arithmetic with days.

use super::text::{arg, datum, int, wrong};
use super::{Context, EvaluateError, Evaluated, numeric};
use crate::value::moments::{
    DATE_EARLY, DATE_LATE, DAY, EARLY, EPOCH_JULIAN, Fields, LATE, SECOND, UNIX_EPOCH_SECONDS,
    date_to_timestamp, from_julian, instant, is_date, is_timestamp, julian, local, week_day,
};
use crate::value::{Datum, Numeric, Type};

fn date(args: &[&Datum], at: usize) -> Result<i32, EvaluateError> {
    match datum(args, at)? {
        Datum::Date(days) => Ok(*days),
        _ => Err(wrong("date")),
    }
}

fn out_of_range(what: &str) -> EvaluateError {
    EvaluateError::new("22008", format!("{what} out of range"))
}

fn shifted(days: i32, by: i64) -> Evaluated {
    if matches!(days, DATE_EARLY | DATE_LATE) {
        return Ok(Some(Datum::Date(days)));
    }
    let moved = i32::try_from(i64::from(days) + by).ok().filter(|days| is_date(*days));
    moved.map(|days| Some(Datum::Date(days))).ok_or_else(|| out_of_range("date"))
}

pub(super) fn add_days(args: &[&Datum], _: Context<'_>) -> Evaluated {
    match args {
        [Datum::Date(days), by] => shifted(*days, int(&[by], 0)?),
        _ => shifted(date(args, 1)?, int(args, 0)?),
    }
}

pub(super) fn subtract_days(args: &[&Datum], _: Context<'_>) -> Evaluated {
    shifted(date(args, 0)?, -int(args, 1)?)
}

pub(super) fn days_between(args: &[&Datum], _: Context<'_>) -> Evaluated {
    let (left, right) = (date(args, 0)?, date(args, 1)?);
    if [left, right].iter().any(|days| matches!(*days, DATE_EARLY | DATE_LATE)) {
        return Err(EvaluateError::new("22008", "cannot subtract infinite dates"));
    }
    Ok(Some(Datum::Int4(left.wrapping_sub(right))))
}

pub(super) fn date_and_time(args: &[&Datum], _: Context<'_>) -> Evaluated {
    let (days, time) = match args {
        [Datum::Date(days), Datum::Time(time)] | [Datum::Time(time), Datum::Date(days)] => (*days, *time),
        _ => return Err(wrong("date and time")),
    };
    let midnight = date_to_timestamp(days)
        .ok_or_else(|| EvaluateError::new("22008", "date out of range for timestamp"))?;
    if matches!(midnight, EARLY | LATE) {
        return Ok(Some(Datum::Timestamp(midnight)));
    }
    let moment = midnight.checked_add(time).filter(|t| is_timestamp(*t));
    moment.map(|t| Some(Datum::Timestamp(t))).ok_or_else(|| out_of_range("timestamp"))
}

/// A part of a moment that has a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Unit {
    Microseconds,
    Milliseconds,
    Second,
    Minute,
    Hour,
    Day,
    Week,
    Month,
    Quarter,
    Year,
    Decade,
    Century,
    Millennium,
    Julian,
    Isoyear,
    Dow,
    Isodow,
    Doy,
    Epoch,
    Timezone,
    TimezoneHour,
    TimezoneMinute,
}

impl Unit {
    fn is_of_time(self) -> bool {
        matches!(self, Unit::Microseconds | Unit::Milliseconds | Unit::Second | Unit::Minute | Unit::Hour)
    }

    fn is_of_zone(self) -> bool {
        matches!(self, Unit::Timezone | Unit::TimezoneHour | Unit::TimezoneMinute)
    }
}

/// The names that PostgreSQL documents, and their plurals; it knows more.
fn unit(name: &str) -> Result<Unit, EvaluateError> {
    Ok(match name.to_ascii_lowercase().as_str() {
        "microseconds" | "microsecond" => Unit::Microseconds,
        "milliseconds" | "millisecond" => Unit::Milliseconds,
        "second" | "seconds" => Unit::Second,
        "minute" | "minutes" => Unit::Minute,
        "hour" | "hours" => Unit::Hour,
        "day" | "days" => Unit::Day,
        "week" | "weeks" => Unit::Week,
        "month" | "months" => Unit::Month,
        "quarter" => Unit::Quarter,
        "year" | "years" => Unit::Year,
        "decade" | "decades" => Unit::Decade,
        "century" | "centuries" => Unit::Century,
        "millennium" | "millennia" => Unit::Millennium,
        "julian" => Unit::Julian,
        "isoyear" => Unit::Isoyear,
        "dow" => Unit::Dow,
        "isodow" => Unit::Isodow,
        "doy" => Unit::Doy,
        "epoch" => Unit::Epoch,
        "timezone" => Unit::Timezone,
        "timezone_hour" => Unit::TimezoneHour,
        "timezone_minute" => Unit::TimezoneMinute,
        _ => return Err(EvaluateError::unsupported("this unit of dates and times")),
    })
}

/// A part's value: so many units of `10^-scale`.
struct Part {
    value: i128,
    scale: u32,
}

fn whole(value: i64) -> Part {
    Part { value: value.into(), scale: 0 }
}

/// What a moment is: its local fields, and what else its parts are made of.
struct Moment {
    fields: Fields,
    /// Microseconds since 1970: of the instant, where there is one.
    epoch: i64,
    /// Seconds east of Greenwich.
    east: Option<i64>,
    /// A date: the epoch has no decimals, and times have no place.
    date: bool,
    /// A time of day: dates have no place.
    time: bool,
}

/// The year before 1 is 1 BC, and shown as -1.
fn shown_year(year: i64) -> i64 {
    if year > 0 { year } else { year - 1 }
}

/// ISO year and week of a Julian day: those of its week's Thursday.
pub(super) fn iso_week(day: i64) -> (i64, i64) {
    let thursday = day - day.rem_euclid(7) + 3;
    let (year, _, _) = from_julian(thursday);
    (year, (thursday - julian(year, 1, 1)) / 7 + 1)
}

impl Moment {
    fn day(&self) -> i64 {
        julian(self.fields.year, self.fields.month, self.fields.day)
    }

    fn part(&self, unit: Unit) -> Result<Part, EvaluateError> {
        let (of_time, of_zone) = (unit.is_of_time(), unit.is_of_zone());
        let absent = (self.date && of_time)
            || (of_zone && self.east.is_none())
            || (self.time && !of_time && unit != Unit::Epoch);
        if absent {
            return Err(EvaluateError::unsupported("this unit of a value of this type"));
        }
        let f = &self.fields;
        let year = f.year;
        let east = self.east.unwrap_or(0);
        Ok(match unit {
            Unit::Microseconds => whole(f.second * SECOND + f.micros),
            Unit::Milliseconds => Part { value: (f.second * SECOND + f.micros).into(), scale: 3 },
            Unit::Second => Part { value: (f.second * SECOND + f.micros).into(), scale: 6 },
            Unit::Minute => whole(f.minute),
            Unit::Hour => whole(f.hour),
            Unit::Day => whole(f.day),
            Unit::Month => whole(f.month),
            Unit::Quarter => whole((f.month - 1) / 3 + 1),
            Unit::Week => whole(iso_week(self.day()).1),
            Unit::Isoyear => {
                let year = iso_week(self.day()).0;
                whole(if year <= 0 { year - 1 } else { year })
            }
            Unit::Year => whole(shown_year(year)),
            Unit::Decade => whole(if year >= 0 { year / 10 } else { -((8 - (year - 1)) / 10) }),
            Unit::Century => whole(if year > 0 { (year + 99) / 100 } else { -((99 - (year - 1)) / 100) }),
            Unit::Millennium => {
                whole(if year > 0 { (year + 999) / 1_000 } else { -((999 - (year - 1)) / 1_000) })
            }
            Unit::Dow => whole(week_day(self.day())),
            Unit::Isodow => whole(self.day().rem_euclid(7) + 1),
            Unit::Doy => whole(self.day() - julian(year, 1, 1) + 1),
            Unit::Julian => whole(self.day()),
            Unit::Epoch if self.date => whole(self.epoch / SECOND),
            Unit::Epoch => Part { value: self.epoch.into(), scale: 6 },
            Unit::Timezone => whole(east),
            Unit::TimezoneHour => whole(east / 3_600),
            Unit::TimezoneMinute => whole(east / 60 % 60),
        })
    }
}

/// What date_part and extract give for an infinite moment: infinity where the part only grows, else NULL.
fn infinite(unit: Unit, negative: bool) -> Option<bool> {
    let grows = matches!(
        unit,
        Unit::Year
            | Unit::Decade
            | Unit::Century
            | Unit::Millennium
            | Unit::Julian
            | Unit::Isoyear
            | Unit::Epoch
    );
    grows.then_some(negative)
}

/// A moment, or whether it is the negative infinity.
fn moment(datum: &Datum, context: Context<'_>) -> Result<Result<Moment, bool>, EvaluateError> {
    let none = Moment { fields: Fields::default(), epoch: 0, east: None, date: false, time: false };
    let epoch = |t: i64| t.saturating_add(UNIX_EPOCH_SECONDS * SECOND);
    Ok(match datum {
        Datum::Time(t) => {
            Ok(Moment { fields: Fields::default().with_time(*t), epoch: *t, time: true, ..none })
        }
        Datum::Date(days @ (DATE_EARLY | DATE_LATE)) => Err(*days == DATE_EARLY),
        Datum::Date(days) => {
            let (year, month, day) = from_julian(i64::from(*days) + EPOCH_JULIAN);
            let seconds = i64::from(*days) * 86_400 + UNIX_EPOCH_SECONDS;
            let fields = Fields { year, month, day, ..Fields::default() };
            Ok(Moment { fields, epoch: seconds.saturating_mul(SECOND), date: true, ..none })
        }
        Datum::Timestamp(t @ (EARLY | LATE)) | Datum::Timestamptz(t @ (EARLY | LATE)) => Err(*t == EARLY),
        Datum::Timestamp(t) => Ok(Moment { fields: Fields::from_timestamp(*t), epoch: epoch(*t), ..none }),
        Datum::Timestamptz(t) => {
            let (here, east) = local(*t, context.settings);
            Ok(Moment { fields: Fields::from_timestamp(here), epoch: epoch(*t), east: Some(east), ..none })
        }
        _ => return Err(wrong("date or time")),
    })
}

pub(super) fn extract(args: &[&Datum], context: Context<'_>) -> Evaluated {
    let unit = unit(arg(args, 0)?)?;
    let moment = match moment(datum(args, 1)?, context)? {
        Ok(moment) => moment,
        Err(negative) => {
            if unit.is_of_zone() || (unit.is_of_time() && matches!(datum(args, 1)?, Datum::Date(_))) {
                return Err(EvaluateError::unsupported("this unit of an infinite date or time"));
            }
            return Ok(infinite(unit, negative).map(|negative| Datum::Numeric(Numeric::infinity(negative))));
        }
    };
    if unit == Unit::Julian && !moment.date {
        let time = (moment.fields.hour * 60 + moment.fields.minute) * 60 + moment.fields.second;
        let time = Datum::Numeric(Numeric::from_i64(time * SECOND + moment.fields.micros));
        let day = Datum::Numeric(Numeric::from_i64(moment.part(Unit::Julian)?.value as i64));
        let whole = Datum::Numeric(Numeric::from_i64(DAY));
        let share = numeric::divide(&[&time, &whole], context)?.ok_or_else(|| wrong("numeric"))?;
        return numeric::add(&[&day, &share], context);
    }
    let part = moment.part(unit)?;
    let (sign, amount) = (if part.value < 0 { "-" } else { "" }, part.value.unsigned_abs());
    let unit = 10u128.pow(part.scale);
    let text = match usize::try_from(part.scale) {
        Ok(0) | Err(_) => format!("{sign}{amount}"),
        Ok(scale) => format!("{sign}{}.{:0scale$}", amount / unit, amount % unit),
    };
    Ok(Some(Datum::Numeric(Numeric::parse(&text)?)))
}

pub(super) fn date_part(args: &[&Datum], context: Context<'_>) -> Evaluated {
    let unit = unit(arg(args, 0)?)?;
    // Of a date it is that of its midnight.
    let source = match datum(args, 1)? {
        Datum::Date(days) => Datum::Timestamp(
            date_to_timestamp(*days)
                .ok_or_else(|| EvaluateError::new("22008", "date out of range for timestamp"))?,
        ),
        other => other.clone(),
    };
    let moment = match moment(&source, context)? {
        Ok(moment) => moment,
        Err(_) if unit.is_of_zone() => {
            return Err(EvaluateError::unsupported("this unit of an infinite date or time"));
        }
        Err(negative) => {
            let infinity = |negative| if negative { f64::NEG_INFINITY } else { f64::INFINITY };
            return Ok(infinite(unit, negative).map(|negative| Datum::Float8(infinity(negative))));
        }
    };
    let f = &moment.fields;
    let value = match unit {
        Unit::Julian => {
            let time = ((f.hour * 60 + f.minute) * 60 + f.second) as f64 + f.micros as f64 / 1e6;
            moment.part(unit)?.value as f64 + time / 86_400.0
        }
        Unit::Milliseconds => {
            moment.part(unit)?;
            f.second as f64 * 1_000.0 + f.micros as f64 / 1_000.0
        }
        Unit::Second => {
            moment.part(unit)?;
            f.second as f64 + f.micros as f64 / 1_000_000.0
        }
        _ => {
            let part = moment.part(unit)?;
            part.value as f64 / 10f64.powi(part.scale as i32)
        }
    };
    Ok(Some(Datum::Float8(value)))
}

/// The beginning of the unit that a local time is in. `true`: it begins at a midnight, which has its own offset
/// from Greenwich.
fn begun(unit: Unit, time: i64) -> Result<(i64, bool), EvaluateError> {
    let f = Fields::from_timestamp(time);
    let midnight = |year: i64, month: i64, day: i64| {
        let days = julian(year, month, day) - EPOCH_JULIAN;
        days.checked_mul(DAY).map(|t| (t, true)).ok_or_else(|| out_of_range("timestamp"))
    };
    let floor = |length: i64| Ok((time - time.rem_euclid(length), false));
    let year = f.year;
    match unit {
        Unit::Microseconds => Ok((time, false)),
        Unit::Milliseconds => floor(1_000),
        Unit::Second => floor(SECOND),
        Unit::Minute => floor(60 * SECOND),
        Unit::Hour => floor(3_600 * SECOND),
        Unit::Day => midnight(year, f.month, f.day),
        Unit::Week => {
            let day = julian(year, f.month, f.day);
            let (year, month, day) = from_julian(day - day.rem_euclid(7));
            midnight(year, month, day)
        }
        Unit::Month => midnight(year, f.month, 1),
        Unit::Quarter => midnight(year, (f.month - 1) / 3 * 3 + 1, 1),
        Unit::Year => midnight(year, 1, 1),
        Unit::Decade => midnight(if year > 0 { year / 10 * 10 } else { -((8 - (year - 1)) / 10) * 10 }, 1, 1),
        Unit::Century => midnight(
            if year > 0 { (year + 99) / 100 * 100 - 99 } else { -((99 - (year - 1)) / 100) * 100 + 1 },
            1,
            1,
        ),
        Unit::Millennium => midnight(
            if year > 0 {
                (year + 999) / 1_000 * 1_000 - 999
            } else {
                -((999 - (year - 1)) / 1_000) * 1_000 + 1
            },
            1,
            1,
        ),
        _ => Err(EvaluateError::unsupported("this unit of date_trunc")),
    }
}

pub(super) fn truncate(args: &[&Datum], context: Context<'_>) -> Evaluated {
    let unit = unit(arg(args, 0)?)?;
    let checked =
        |t: i128| i64::try_from(t).ok().filter(|t| is_timestamp(*t)).ok_or_else(|| out_of_range("timestamp"));
    match datum(args, 1)? {
        infinite @ (Datum::Timestamp(EARLY | LATE) | Datum::Timestamptz(EARLY | LATE)) => {
            begun(unit, 0)?;
            Ok(Some(infinite.clone()))
        }
        Datum::Timestamp(t) => Ok(Some(Datum::Timestamp(checked(begun(unit, *t)?.0.into())?))),
        Datum::Timestamptz(t) => {
            let (here, _) = local(*t, context.settings);
            let (start, at_midnight) = begun(unit, here)?;
            let moved = match at_midnight {
                true => instant(start.into(), context.settings),
                false => i128::from(*t) - i128::from(here - start),
            };
            Ok(Some(Datum::Timestamptz(checked(moved)?)))
        }
        _ => Err(wrong(&Type::Timestamp(None).to_string())),
    }
}
