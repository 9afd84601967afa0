//! What single fields mean, given those before them.

use super::calendar::{Fields, from_julian, julian, month_days};
use super::words::{self, Word};
use super::zone::Zone;
use crate::value::settings::DateOrder;

/// Which parts of a moment are known; a part that is given twice is an error.
pub(super) type Mask = u32;
pub(super) const YEAR: Mask = 1;
pub(super) const MONTH: Mask = 1 << 1;
pub(super) const DAY: Mask = 1 << 2;
pub(super) const HOUR: Mask = 1 << 3;
pub(super) const MINUTE: Mask = 1 << 4;
pub(super) const SECOND: Mask = 1 << 5;
pub(super) const FRACTION: Mask = 1 << 6;
pub(super) const ZONE: Mask = 1 << 7;
pub(super) const DST_ZONE: Mask = 1 << 8;
pub(super) const DST_MODIFIER: Mask = 1 << 9;
pub(super) const DYNAMIC_ZONE: Mask = 1 << 10;
pub(super) const YEAR_DAY: Mask = 1 << 11;
pub(super) const WEEK_DAY: Mask = 1 << 12;
pub(super) const HALF_DAY: Mask = 1 << 13;
pub(super) const ERA: Mask = 1 << 14;
pub(super) const SPECIAL: Mask = 1 << 15;
pub(super) const DATE: Mask = YEAR | MONTH | DAY;
pub(super) const SECONDS: Mask = SECOND | FRACTION;
pub(super) const TIME: Mask = HOUR | MINUTE | SECONDS;

/// Why a text is no moment; each has its SQLSTATE.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// 22007
    Format,
    /// 22008
    Range,
    /// 22008, and another DateStyle might help.
    MonthDayRange,
    /// 22009
    ZoneRange,
    /// 22023
    UnknownZone,
    /// 0A000: needs the server's clock.
    Clock,
}

/// Morning, afternoon, or a clock of 24 hours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum HalfDay {
    Am,
    Pm,
    Whole,
}

/// What has been understood so far.
pub(super) struct Parse {
    pub(super) order: DateOrder,
    pub(super) known: Mask,
    pub(super) fields: Fields,
    /// The year had at most two digits.
    pub(super) short_year: bool,
    pub(super) text_month: bool,
    pub(super) is_julian: bool,
    pub(super) bc: bool,
    pub(super) half: HalfDay,
    /// Seconds east of Greenwich, as far as the fields say.
    pub(super) east: i64,
    pub(super) named_zone: Option<Zone>,
    pub(super) dynamic_zone: Option<(Zone, String)>,
}

/// C's `strtol` on the digits at the front: the number, and what follows.
pub(super) fn leading_int(text: &str) -> Result<(i64, &str), Fault> {
    let end = text.bytes().position(|b| !b.is_ascii_digit()).unwrap_or(text.len());
    let (digits, rest) = text.split_at(end);
    if digits.is_empty() {
        return Ok((0, rest));
    }
    let value = digits.parse::<i32>().map_err(|_| Fault::Range)?;
    Ok((i64::from(value), rest))
}

/// C's `atoi`: whatever digits there are, cut to 32 bits.
fn loose_int(text: &str) -> i64 {
    let digits = text.bytes().take_while(u8::is_ascii_digit);
    let value = digits.fold(0i64, |n, b| n.saturating_mul(10).saturating_add(i64::from(b - b'0')));
    i64::from(value as i32)
}

/// A decimal point and digits, as microseconds. Rounded through a double, as the server does.
pub(super) fn fraction(text: &str) -> Result<i64, Fault> {
    let value = fraction_value(text)?;
    Ok((value * 1_000_000.0).round_ties_even() as i64)
}

/// A decimal point and digits, as a fraction of one.
pub(super) fn fraction_value(text: &str) -> Result<f64, Fault> {
    let digits = text.strip_prefix('.').ok_or(Fault::Format)?;
    if digits.is_empty() {
        return Ok(0.0);
    }
    if !digits.bytes().all(|b| b.is_ascii_digit()) {
        return Err(Fault::Format);
    }
    text.parse().map_err(|_| Fault::Format)
}

/// A number within a zone's offset. A second sign is read, and can give no valid number but zero.
fn signed_int(text: &str) -> Result<(i64, &str), Fault> {
    let (sign, digits) = match text.strip_prefix('-') {
        Some(rest) if rest.starts_with(|c: char| c.is_ascii_digit()) => (-1, rest),
        _ => (1, text),
    };
    let (value, rest) = leading_int(digits).map_err(|_| Fault::ZoneRange)?;
    Ok((sign * value, rest))
}

/// `+hh`, `-hhmm`, `+hh:mm:ss`: seconds east of Greenwich.
pub(super) fn zone_offset(text: &str) -> Result<i64, Fault> {
    let (negative, digits) = match (text.strip_prefix('-'), text.strip_prefix('+')) {
        (Some(rest), _) => (true, rest),
        (None, Some(rest)) => (false, rest),
        _ => return Err(Fault::Format),
    };
    let (mut hours, mut rest) = signed_int(digits)?;
    let (mut minutes, mut seconds) = (0, 0);
    if let Some(after) = rest.strip_prefix(':') {
        (minutes, rest) = signed_int(after)?;
        if let Some(after) = rest.strip_prefix(':') {
            (seconds, rest) = signed_int(after)?;
        }
    } else if rest.is_empty() && text.len() > 3 {
        (hours, minutes) = (hours / 100, hours % 100);
    }
    let fits = (0..=15).contains(&hours) && (0..60).contains(&minutes) && (0..60).contains(&seconds);
    if !fits {
        return Err(Fault::ZoneRange);
    }
    if !rest.is_empty() {
        return Err(Fault::Format);
    }
    let total = (hours * 60 + minutes) * 60 + seconds;
    Ok(if negative { -total } else { total })
}

impl Parse {
    pub(super) fn new(order: DateOrder) -> Self {
        Self {
            order,
            known: 0,
            fields: Fields::default(),
            short_year: false,
            text_month: false,
            is_julian: false,
            bc: false,
            half: HalfDay::Whole,
            east: 0,
            named_zone: None,
            dynamic_zone: None,
        }
    }

    pub(super) fn knows(&self, mask: Mask) -> bool {
        self.known & mask == mask
    }

    /// `hh:mm`, `hh:mm:ss.fff`, or `mm:ss.fff`.
    pub(super) fn clock(&mut self, text: &str) -> Result<Mask, Fault> {
        let (hour, rest) = text.split_once(':').ok_or(Fault::Format)?;
        // Hours have 64 bits until all is read, so that what is wrong later on is reported first.
        let hour: i64 = hour.parse().map_err(|_| Fault::Range)?;
        let (minute, rest) = leading_int(rest)?;
        let f = &mut self.fields;
        (f.hour, f.minute, f.second, f.micros) = (hour, minute, 0, 0);
        if rest.starts_with('.') {
            f.micros = fraction(rest)?;
            (f.hour, f.minute, f.second) = (0, hour, minute);
        } else if let Some(after) = rest.strip_prefix(':') {
            let (second, rest) = leading_int(after)?;
            f.second = second;
            if !rest.is_empty() {
                f.micros = fraction(rest)?;
            }
        } else if !rest.is_empty() {
            return Err(Fault::Format);
        }
        if hour > i64::from(i32::MAX) || f.minute > 59 || f.second > 60 || f.micros > 1_000_000 {
            return Err(Fault::Range);
        }
        Ok(TIME)
    }

    /// Whether the time of day goes beyond 24:00:00 or a part of it beyond its range.
    pub(super) fn clock_overflows(&self) -> bool {
        let f = &self.fields;
        f.hour > 24
            || f.minute > 59
            || f.second > 60
            || f.micros > 1_000_000
            || f.time_of_day() > super::calendar::DAY
    }

    /// A date whose parts stand in one field.
    pub(super) fn date(&mut self, text: &str, known: Mask) -> Result<Mask, Fault> {
        let mut known = known;
        let mut found = 0;
        let mut text_month = false;
        let parts = date_parts(text)?;
        let (words, numbers): (Vec<&str>, Vec<&str>) =
            parts.into_iter().partition(|p| p.starts_with(|c: char| c.is_ascii_alphabetic()));
        // A month by name settles what the numbers are.
        for word in words {
            match words::find(word) {
                Some(Word::Month(month)) if known & MONTH == 0 => {
                    self.fields.month = month;
                    text_month = true;
                    known |= MONTH;
                    found |= MONTH;
                }
                _ => return Err(Fault::Format),
            }
        }
        for number in numbers {
            let mask = self.number(number, text_month, known)?;
            if known & mask != 0 {
                return Err(Fault::Format);
            }
            known |= mask;
            found |= mask;
        }
        if known & !(YEAR_DAY | ZONE) != DATE {
            return Err(Fault::Format);
        }
        Ok(found)
    }

    /// A plain number: which part it is depends on its length and on what is known.
    pub(super) fn number(&mut self, text: &str, text_month: bool, known: Mask) -> Result<Mask, Fault> {
        let (value, rest) = leading_int(text)?;
        let digits = text.len() - rest.len();
        if digits == 0 {
            return Err(Fault::Format);
        }
        if rest.starts_with('.') {
            if digits > 2 {
                return self.run_together(text, known | DATE);
            }
            self.fields.micros = fraction(rest)?;
        } else if !rest.is_empty() {
            return Err(Fault::Format);
        }
        if text.len() == 3 && known & DATE == YEAR && (1..=366).contains(&value) {
            self.fields.year_day = value;
            return Ok(YEAR_DAY | MONTH | DAY);
        }
        let long = text.len() >= 3;
        let year_first = long || self.order == DateOrder::Ymd;
        let part = match known & DATE {
            0 if year_first => YEAR,
            0 if self.order == DateOrder::Dmy => DAY,
            0 => MONTH,
            YEAR => MONTH,
            MONTH if text_month && year_first => YEAR,
            MONTH => DAY,
            mask if mask == YEAR | MONTH => {
                if text_month && long && self.short_year {
                    // What was taken for the year was the day.
                    self.fields.day = self.fields.year;
                    self.fields.year = value;
                    self.short_year = false;
                    return Ok(DAY);
                }
                DAY
            }
            DAY => MONTH,
            mask if mask == MONTH | DAY => YEAR,
            DATE => return self.run_together(text, known),
            _ => return Err(Fault::Format),
        };
        match part {
            YEAR => {
                self.fields.year = value;
                self.short_year = text.len() <= 2;
            }
            MONTH => self.fields.month = value,
            _ => self.fields.day = value,
        }
        Ok(part)
    }

    /// Digits without delimiters: `yymmdd`, `yyyymmdd`, `hhmm`, `hhmmss`, `hhmmss.fff`.
    pub(super) fn run_together(&mut self, text: &str, known: Mask) -> Result<Mask, Fault> {
        let mut digits = text;
        if let Some(at) = text.find('.') {
            let (whole, decimals) = text.split_at(at);
            self.fields.micros = fraction(decimals)?;
            digits = whole;
        } else if known & DATE != DATE && text.len() >= 6 {
            let (rest, day) = text.split_at(text.len() - 2);
            let (year, month) = rest.split_at(rest.len() - 2);
            self.fields.day = loose_int(day);
            self.fields.month = loose_int(month);
            self.fields.year = loose_int(year);
            self.short_year |= year.len() == 2;
            return Ok(DATE);
        }
        if known & TIME == TIME || !matches!(digits.len(), 4 | 6) {
            return Err(Fault::Format);
        }
        let part = |at: usize| digits.get(at..at + 2).map_or(0, loose_int);
        self.fields.hour = part(0);
        self.fields.minute = part(2);
        self.fields.second = part(4);
        Ok(TIME)
    }

    /// Settles era, short years and days of the year, and checks the ranges.
    pub(super) fn validate(&mut self) -> Result<(), Fault> {
        let f = &mut self.fields;
        if self.known & YEAR != 0 && !self.is_julian {
            if self.bc {
                if f.year <= 0 {
                    return Err(Fault::Range);
                }
                f.year = 1 - f.year;
            } else if self.short_year {
                f.year += match f.year {
                    0..70 => 2000,
                    70..100 => 1900,
                    _ => 0,
                };
            } else if f.year <= 0 {
                return Err(Fault::Range);
            }
        }
        if self.known & YEAR_DAY != 0 {
            // The server counts days in 32 bits and does not notice that years can be too many for them.
            let first = julian(f.year, 1, 1) as i32;
            (f.year, f.month, f.day) = from_julian(i64::from(first) + f.year_day - 1);
        }
        if self.known & MONTH != 0 && !(1..=12).contains(&f.month) {
            return Err(Fault::MonthDayRange);
        }
        if self.known & DAY != 0 && !(1..=31).contains(&f.day) {
            return Err(Fault::MonthDayRange);
        }
        if self.known & DATE == DATE && f.day > month_days(f.year, f.month) {
            return Err(Fault::Range);
        }
        Ok(())
    }

    /// Applies AM and PM.
    pub(super) fn apply_half_day(&mut self) -> Result<(), Fault> {
        if self.half != HalfDay::Whole && self.fields.hour > 12 {
            return Err(Fault::Range);
        }
        match (self.half, self.fields.hour) {
            (HalfDay::Am, 12) => self.fields.hour = 0,
            (HalfDay::Pm, hour) if hour != 12 => self.fields.hour += 12,
            _ => {}
        }
        Ok(())
    }
}

/// The words and numbers of a date, without what stands between them.
fn date_parts(text: &str) -> Result<Vec<&str>, Fault> {
    let mut parts = Vec::new();
    let mut rest = text;
    while !rest.is_empty() && parts.len() < 25 {
        rest = rest.trim_start_matches(|c: char| !c.is_ascii_alphanumeric());
        let Some(first) = rest.bytes().next() else { return Err(Fault::Format) };
        let same =
            |c: char| if first.is_ascii_digit() { c.is_ascii_digit() } else { c.is_ascii_alphabetic() };
        let end = rest.find(|c: char| !same(c)).unwrap_or(rest.len());
        let (part, after) = rest.split_at(end);
        parts.push(part);
        // The character behind a part is dropped, whatever it is.
        let skip = after.chars().next().map_or(0, char::len_utf8);
        rest = after.get(skip..).unwrap_or("");
    }
    Ok(parts)
}
