//! Puts the fields of a date or timestamp together.

use super::abbreviations::{self, Abbreviation};
use super::calendar::{DAY as MICROS_PER_DAY, Fields, from_julian};
use super::fields::{
    DATE, DAY, DST_MODIFIER, DST_ZONE, DYNAMIC_ZONE, ERA, Fault, HALF_DAY, HOUR, HalfDay, MINUTE, MONTH,
    Mask, Parse, SECOND, SECONDS, SPECIAL, TIME, WEEK_DAY, YEAR, ZONE, fraction, fraction_value, leading_int,
    zone_offset,
};
use super::lex::{Field, Look};
use super::words::{self, Unit, Word};
use super::zone::Zone;
use crate::value::settings::DateOrder;

/// What a text says.
pub(super) enum Moment {
    At(Box<Parse>),
    Infinity,
    NegativeInfinity,
    Epoch,
}

/// What became of a word.
pub(super) enum Outcome {
    /// It gave these parts.
    Parts(Mask),
    /// It is to be skipped.
    Skip,
    /// It gave midnight in UTC.
    Midnight,
    /// It is one of the special moments.
    Moment(Moment),
    /// It names what the next number is.
    Unit(Unit),
    /// It stands between date and time.
    IsoTime,
}

/// Reads a date with or without a time.
pub(super) fn date_time(fields: &[Field], order: DateOrder) -> Result<Moment, Fault> {
    let mut parse = Parse::new(order);
    let mut special = None;
    let mut unit: Option<Unit> = None;
    for (i, field) in fields.iter().enumerate() {
        let text = field.text.as_str();
        let found = match field.look {
            Look::Date => parse.date_field(text, &mut unit)?,
            Look::Time => {
                if unit.take().is_some_and(|u| u != Unit::Time) {
                    return Err(Fault::Format);
                }
                let found = parse.clock(text)?;
                if parse.clock_overflows() {
                    return Err(Fault::Range);
                }
                found
            }
            Look::Zone => {
                parse.east = zone_offset(text)?;
                ZONE
            }
            Look::Number => match unit.take() {
                Some(unit) => {
                    // As the server has it: now it is a date again, whatever was said before.
                    special = None;
                    parse.labelled(text, unit)?
                }
                None => parse.bare_number(text)?,
            },
            Look::Word | Look::Special => match parse.word(text)? {
                Outcome::Parts(mask) => mask,
                Outcome::Midnight => {
                    special = None;
                    TIME | ZONE
                }
                Outcome::Skip => continue,
                Outcome::Moment(moment) => {
                    special = Some(moment);
                    SPECIAL
                }
                Outcome::Unit(named) => {
                    unit = Some(named);
                    0
                }
                Outcome::IsoTime => {
                    let next = fields.get(i + 1).map(|f| f.look);
                    let fits = matches!(next, Some(Look::Number | Look::Time | Look::Date));
                    if !parse.knows(DATE) || !fits {
                        return Err(Fault::Format);
                    }
                    unit = Some(Unit::Time);
                    0
                }
            },
        };
        if parse.known & found != 0 {
            return Err(Fault::Format);
        }
        parse.known |= found;
    }
    parse.validate()?;
    parse.apply_half_day()?;
    match special {
        Some(moment) => Ok(moment),
        None => finish(parse),
    }
}

fn finish(parse: Parse) -> Result<Moment, Fault> {
    if !parse.knows(DATE) {
        return Err(Fault::Format);
    }
    // An hour more makes sense only after a zone that has a fixed offset.
    let full_zone = parse.named_zone.is_some() || parse.dynamic_zone.is_some() || !parse.knows(ZONE);
    if full_zone && parse.knows(DST_MODIFIER) {
        return Err(Fault::Format);
    }
    Ok(Moment::At(Box::new(parse)))
}

impl Parse {
    /// Digits with delimiters, or a zone's name.
    fn date_field(&mut self, text: &str, unit: &mut Option<Unit>) -> Result<Mask, Fault> {
        if *unit == Some(Unit::Julian) {
            *unit = None;
            let (day, zone) = leading_int(text)?;
            self.set_julian(day);
            self.east = zone_offset(zone)?;
            return Ok(DATE | TIME | ZONE);
        }
        if unit.is_none() && !self.knows(MONTH | DAY) {
            return self.date(text, self.known);
        }
        if !text.starts_with(|c: char| c.is_ascii_digit()) && unit.is_none() {
            self.named_zone = Some(Zone::parse_named(text).ok_or(Fault::UnknownZone)?);
            return Ok(ZONE);
        }
        if unit.take().is_some_and(|u| u != Unit::Time) || self.knows(TIME) {
            return Err(Fault::Format);
        }
        self.time_with_zone(text, self.known)
    }

    /// `hhmmss-zz`: digits and a zone in one field.
    pub(super) fn time_with_zone(&mut self, text: &str, known: Mask) -> Result<Mask, Fault> {
        let at = text.find('-').ok_or(Fault::Format)?;
        let (digits, zone) = text.split_at(at);
        self.east = zone_offset(zone)?;
        Ok(self.run_together(digits, known)? | ZONE)
    }

    fn set_julian(&mut self, day: i64) {
        (self.fields.year, self.fields.month, self.fields.day) = from_julian(day);
        self.is_julian = true;
    }

    /// A number whose meaning the word before it gave.
    pub(super) fn labelled(&mut self, text: &str, unit: Unit) -> Result<Mask, Fault> {
        let (value, rest) = leading_int(text)?;
        let decimals = matches!(unit, Unit::Julian | Unit::Time | Unit::Second) && rest.starts_with('.');
        if !rest.is_empty() && !decimals {
            return Err(Fault::Format);
        }
        let f = &mut self.fields;
        Ok(match unit {
            Unit::Year => {
                f.year = value;
                YEAR
            }
            Unit::Month if self.known & MONTH != 0 && self.known & HOUR != 0 => {
                f.minute = value;
                MINUTE
            }
            Unit::Month => {
                f.month = value;
                MONTH
            }
            Unit::Day => {
                f.day = value;
                DAY
            }
            Unit::Hour => {
                f.hour = value;
                HOUR
            }
            Unit::Minute => {
                f.minute = value;
                MINUTE
            }
            Unit::Second => {
                f.second = value;
                if rest.is_empty() {
                    SECOND
                } else {
                    f.micros = fraction(rest)?;
                    SECONDS
                }
            }
            Unit::Julian => {
                self.set_julian(value);
                if rest.is_empty() {
                    return Ok(DATE);
                }
                let time = (fraction_value(rest)? * MICROS_PER_DAY as f64) as i64;
                self.fields = self.fields.with_time(time);
                DATE | TIME
            }
            Unit::Time => {
                let found = self.run_together(text, self.known | DATE)?;
                if found != TIME {
                    return Err(Fault::Format);
                }
                found
            }
            Unit::Other => return Err(Fault::Format),
        })
    }

    fn bare_number(&mut self, text: &str) -> Result<Mask, Fault> {
        match text.find('.') {
            Some(_) if self.known & DATE == 0 => self.date(text, self.known),
            Some(at) if at > 2 => self.run_together(text, self.known),
            _ if text.len() >= 6 && (self.known & DATE == 0 || self.known & TIME == 0) => {
                self.run_together(text, self.known)
            }
            _ => self.number(text, self.text_month, self.known),
        }
    }

    /// A word: month, zone, era and so on. Zone abbreviations come first.
    pub(super) fn word(&mut self, text: &str) -> Result<Outcome, Fault> {
        match abbreviations::find(text) {
            Some(Abbreviation::Fixed(east, dst)) => {
                self.east = i64::from(east);
                return Ok(Outcome::Parts(if dst { ZONE | DST_ZONE } else { ZONE }));
            }
            Some(Abbreviation::Zone(name)) => {
                let zone = Zone::parse(name).ok_or(Fault::UnknownZone)?;
                self.dynamic_zone = Some((zone, text.to_ascii_uppercase()));
                return Ok(Outcome::Parts(ZONE | DYNAMIC_ZONE));
            }
            None => {}
        }
        let Some(word) = words::find(text) else {
            self.named_zone = Some(Zone::parse_named(text).ok_or(Fault::Format)?);
            return Ok(Outcome::Parts(ZONE));
        };
        Ok(match word {
            Word::Month(month) => Outcome::Parts(self.month_word(month)),
            Word::WeekDay => Outcome::Parts(WEEK_DAY),
            Word::Am | Word::Pm => {
                self.half = if word == Word::Am { HalfDay::Am } else { HalfDay::Pm };
                Outcome::Parts(HALF_DAY)
            }
            Word::Ad | Word::Bc => {
                self.bc = word == Word::Bc;
                Outcome::Parts(ERA)
            }
            Word::Filler => Outcome::Skip,
            Word::DaylightSaving => {
                self.east += 3600;
                Outcome::Parts(DST_MODIFIER | DST_ZONE)
            }
            Word::Unit(unit) => Outcome::Unit(unit),
            Word::IsoTime => Outcome::IsoTime,
            Word::Infinity => Outcome::Moment(Moment::Infinity),
            Word::NegativeInfinity => Outcome::Moment(Moment::NegativeInfinity),
            Word::Epoch => Outcome::Moment(Moment::Epoch),
            Word::Midnight => {
                self.fields = Fields { hour: 0, minute: 0, second: 0, ..self.fields };
                self.east = 0;
                Outcome::Midnight
            }
            Word::Clock => return Err(Fault::Clock),
        })
    }

    /// A month by name; a number that was taken for the month becomes the day.
    fn month_word(&mut self, month: i64) -> Mask {
        let free = self.known & MONTH != 0 && !self.text_month && self.known & DAY == 0;
        let found = if free && (1..=31).contains(&self.fields.month) {
            self.fields.day = self.fields.month;
            DAY
        } else {
            MONTH
        };
        self.text_month = true;
        self.fields.month = month;
        found
    }

    /// Seconds east of Greenwich that apply to the finished fields.
    pub(super) fn resolve_east(&self, session: &Zone) -> i64 {
        let local = self.fields.unix_seconds();
        if let Some((zone, abbreviation)) = &self.dynamic_zone {
            let usual = zone.east_for_local(local);
            let east = zone.east_of_abbreviation(abbreviation, local - i64::from(usual));
            return i64::from(east.unwrap_or(usual));
        }
        match &self.named_zone {
            Some(zone) => i64::from(zone.east_for_local(local)),
            None if self.knows(ZONE) => self.east,
            None => i64::from(session.east_for_local(local)),
        }
    }
}
