//! Puts the fields of a time of day together. A date and a zone may stand beside it, and do not count.

use super::decode::Outcome;
use super::fields::{DATE, DST_MODIFIER, Fault, Mask, Parse, TIME, ZONE, zone_offset};
use super::lex::{Field, Look};
use super::words::Unit;
use super::zone::Zone;
use crate::value::settings::DateOrder;

/// Reads a time of day, in microseconds since midnight.
pub(super) fn time_of_day(fields: &[Field], order: DateOrder) -> Result<i64, Fault> {
    let mut parse = Parse::new(order);
    let mut unit: Option<Unit> = None;
    for (i, field) in fields.iter().enumerate() {
        let text = field.text.as_str();
        let found = match field.look {
            Look::Date => date_field(&mut parse, fields, i, text)?,
            Look::Time => parse.clock(text)?,
            Look::Zone => {
                parse.east = zone_offset(text)?;
                ZONE
            }
            Look::Number => match unit.take() {
                Some(unit) => parse.labelled(text, unit)?,
                None => number(&mut parse, fields, i, text)?,
            },
            Look::Word | Look::Special => match word(&mut parse, text)? {
                Outcome::Parts(mask) => mask,
                Outcome::Midnight => TIME | ZONE,
                Outcome::Unit(named) => {
                    unit = Some(named);
                    0
                }
                Outcome::IsoTime => {
                    let next = fields.get(i + 1).map(|f| f.look);
                    if !matches!(next, Some(Look::Number | Look::Time | Look::Date)) {
                        return Err(Fault::Format);
                    }
                    unit = Some(Unit::Time);
                    0
                }
                Outcome::Skip => continue,
                Outcome::Moment(_) => return Err(Fault::Format),
            },
        };
        if parse.known & found != 0 {
            return Err(Fault::Format);
        }
        parse.known |= found;
    }
    finish(parse)
}

/// Months, week days and special moments have no place in a time of day.
fn word(parse: &mut Parse, text: &str) -> Result<Outcome, Fault> {
    use super::words::{Word, find};
    let known_zone = super::abbreviations::find(text).is_some();
    match find(text) {
        Some(Word::Month(_) | Word::WeekDay) if !known_zone => Err(Fault::Format),
        Some(Word::Clock) if text != "now" => Err(Fault::Format),
        _ => parse.word(text),
    }
}

fn is_last_a_date(fields: &[Field]) -> bool {
    fields.last().is_some_and(|f| f.look == Look::Date)
}

fn date_field(parse: &mut Parse, fields: &[Field], i: usize, text: &str) -> Result<Mask, Fault> {
    let time_follows = fields.get(1).is_some_and(|f| f.look == Look::Time);
    if i == 0 && fields.len() >= 2 && (is_last_a_date(fields) || time_follows) {
        return parse.date(text, parse.known);
    }
    if !text.starts_with(|c: char| c.is_ascii_digit()) {
        parse.named_zone = Some(Zone::parse_named(text).ok_or(Fault::UnknownZone)?);
        return Ok(ZONE);
    }
    if parse.knows(TIME) {
        return Err(Fault::Format);
    }
    parse.time_with_zone(text, parse.known | DATE)
}

fn number(parse: &mut Parse, fields: &[Field], i: usize, text: &str) -> Result<Mask, Fault> {
    match text.find('.') {
        Some(_) if i == 0 && fields.len() >= 2 && is_last_a_date(fields) => parse.date(text, parse.known),
        Some(at) if at > 2 => parse.run_together(text, parse.known | DATE),
        Some(_) => Err(Fault::Format),
        None if text.len() > 4 => parse.run_together(text, parse.known | DATE),
        None => parse.number(text, false, parse.known | DATE),
    }
}

fn finish(mut parse: Parse) -> Result<i64, Fault> {
    parse.validate()?;
    parse.apply_half_day()?;
    if parse.clock_overflows() {
        return Err(Fault::Range);
    }
    if !parse.knows(TIME) {
        return Err(Fault::Format);
    }
    // The offset of a zone with a history, or of a session's zone, needs a whole date or none.
    let whole = parse.knows(DATE);
    let part = parse.known & DATE != 0 && !whole;
    let modifier = parse.knows(DST_MODIFIER);
    if let Some(zone) = &parse.named_zone {
        if modifier || (!whole && !zone.is_fixed()) {
            return Err(Fault::Format);
        }
    } else if (parse.dynamic_zone.is_some() || !parse.knows(ZONE)) && (modifier || part) {
        return Err(Fault::Format);
    }
    Ok(parse.fields.time_of_day())
}
