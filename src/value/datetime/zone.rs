//! Time zones: offsets from UTC, as PostgreSQL applies the IANA database.

use jiff::Timestamp;
use jiff::tz::{Offset, TimeZone};

/// Seconds in the 400 years after which the Gregorian calendar repeats itself, week days included.
const CYCLE: i64 = 146_097 * 86_400;
/// Seconds since 1970 up to which the zone database is asked directly: the year 9000.
const HORIZON: i64 = 221_845_392_000;
const DAY: i64 = 86_400;

/// A session's or a value's time zone.
#[derive(Clone, Debug)]
pub(crate) enum Zone {
    /// Always the same offset, with the abbreviation that stands for it.
    Fixed {
        /// Seconds east of Greenwich.
        east: i32,
        /// As shown in the styles that name the zone.
        name: String,
    },
    /// A zone with a history.
    Rules(TimeZone),
}

impl Zone {
    /// Coordinated Universal Time.
    pub(crate) fn utc() -> Self {
        Zone::Fixed { east: 0, name: "UTC".to_string() }
    }

    /// Finds a zone by what PostgreSQL's `TimeZone` setting can show: an IANA name, or a POSIX
    /// specification (with its inverted sign).
    pub(crate) fn parse(name: &str) -> Option<Self> {
        if name.len() > 255 || !name.is_ascii() {
            return None;
        }
        if name.eq_ignore_ascii_case("UTC") || name.eq_ignore_ascii_case("GMT") {
            return Some(Zone::Fixed { east: 0, name: name.to_ascii_uppercase() });
        }
        // Some systems have a second copy of the database in this folder.
        let listed = name.strip_prefix("posix/").unwrap_or(name);
        if let Ok(zone) = jiff::tz::db().get(listed) {
            return Some(Zone::Rules(zone));
        }
        if let Some(zone) = posix_fixed(name) {
            return Some(zone);
        }
        TimeZone::posix(&with_rules(name)?).ok().map(Zone::Rules)
    }

    /// Finds the zone that a value names. Its abbreviations are of no interest there, so that any will do.
    pub(crate) fn parse_named(name: &str) -> Option<Self> {
        Self::parse(name).or_else(|| posix_loose(name))
    }

    /// Whether the offset never changes.
    pub(crate) fn is_fixed(&self) -> bool {
        let Zone::Rules(zone) = self else { return true };
        let first = zone.to_offset(Timestamp::MIN);
        // Rules repeat themselves; history has fewer changes than this.
        zone.following(Timestamp::MIN).take(1_000).all(|change| change.offset() == first)
    }

    /// Seconds east of Greenwich at an instant, given in seconds since 1970.
    pub(crate) fn east_at(&self, instant: i64) -> i32 {
        match self {
            Zone::Fixed { east, .. } => *east,
            Zone::Rules(zone) => seconds(zone.to_offset(within_horizon(instant).0)),
        }
    }

    /// The abbreviation in use at an instant.
    pub(crate) fn abbreviation_at(&self, instant: i64) -> String {
        match self {
            Zone::Fixed { name, .. } => name.clone(),
            Zone::Rules(zone) => zone.to_offset_info(within_horizon(instant).0).abbreviation().to_string(),
        }
    }

    /// Seconds east of Greenwich for a local time, given as if it were UTC.
    ///
    /// A local time that is skipped counts with the offset before the change, one that happens twice with
    /// the offset after it.
    pub(crate) fn east_for_local(&self, local: i64) -> i32 {
        let Zone::Rules(zone) = self else { return self.east_at(local) };
        // Zones are less than a day away from UTC, so the change in question follows this instant.
        let (from, moved) = within_horizon(local - DAY);
        let local = local - moved;
        let before = seconds(zone.to_offset(from));
        let Some(change) = zone.following(from).next() else { return before };
        let after = seconds(change.offset());
        let boundary = change.timestamp().as_second();
        let (if_before, if_after) = (local - i64::from(before), local - i64::from(after));
        if if_before < boundary && if_after < boundary {
            before
        } else if (if_before > boundary && if_after >= boundary) || if_before <= if_after {
            after
        } else {
            before
        }
    }

    /// The offset that this zone meant by an abbreviation, last before the instant or else first after it.
    pub(crate) fn east_of_abbreviation(&self, abbreviation: &str, instant: i64) -> Option<i32> {
        let Zone::Rules(zone) = self else { return None };
        let (at, _) = within_horizon(instant);
        let matches =
            |t: &jiff::tz::TimeZoneTransition<'_>| t.abbreviation().eq_ignore_ascii_case(abbreviation);
        // `preceding` is exclusive, but a change at the very instant is in effect.
        let inclusive = at.checked_add(jiff::SignedDuration::from_nanos(1)).unwrap_or(at);
        let change = zone.preceding(inclusive).find(matches);
        // Rules go on for ever, but repeat themselves; history has far fewer changes than this.
        let change = change.or_else(|| zone.following(at).take(1_000).find(matches));
        change.map(|t| seconds(t.offset()))
    }
}

fn seconds(offset: Offset) -> i32 {
    offset.seconds()
}

/// The instant, moved by whole calendar cycles to where the zone database reaches, and by how much.
fn within_horizon(instant: i64) -> (Timestamp, i64) {
    let cycles = if instant > HORIZON { (instant - HORIZON).div_euclid(CYCLE) + 1 } else { 0 };
    let moved = cycles * CYCLE;
    (Timestamp::from_second(instant - moved).unwrap_or(Timestamp::MIN), moved)
}

/// A POSIX specification with the rules that it has if it gives none: those of the USA.
fn with_rules(spec: &str) -> Option<String> {
    let rules = if spec.contains(',') { "" } else { ",M3.2.0,M11.1.0" };
    spec.contains(|c: char| c.is_ascii_digit()).then(|| format!("{spec}{rules}"))
}

/// `NAME+h[:mm[:ss]]` or `<name>-h…`, without daylight-saving time. A plus means west.
fn posix_fixed(spec: &str) -> Option<Zone> {
    let (name, rest) = posix_name(spec)?;
    let (east, rest) = posix_offset(rest)?;
    rest.is_empty().then(|| Zone::Fixed { east, name: name.to_string() })
}

/// A specification with daylight-saving time whose names are not what POSIX allows, but what PostgreSQL
/// takes: anything up to a digit, a sign or a comma. Offsets of more than a day are not taken.
fn posix_loose(spec: &str) -> Option<Zone> {
    let (_, rest) = posix_name(spec)?;
    let (standard, rest) = posix_offset(rest)?;
    let (daylight_name, rest) = posix_name(rest)?;
    let (daylight, rest) = match rest.chars().next() {
        None | Some(',' | ';') => (standard + 3600, rest),
        Some(_) => posix_offset(rest)?,
    };
    if daylight_name.is_empty() {
        return None;
    }
    let offset = |east: i32| {
        let west = east.unsigned_abs();
        let sign = if east > 0 { "-" } else { "" };
        format!("{sign}{}:{:02}:{:02}", west / 3600, west / 60 % 60, west % 60)
    };
    let rules = rest.replacen(';', ",", 1);
    let spec = format!("<AAA>{}<BBB>{}{rules}", offset(standard), offset(daylight));
    TimeZone::posix(&with_rules(&spec)?).ok().map(Zone::Rules)
}

fn posix_name(spec: &str) -> Option<(&str, &str)> {
    match spec.strip_prefix('<') {
        Some(rest) => rest.split_once('>'),
        None => {
            let end = spec.find(|c: char| c.is_ascii_digit() || matches!(c, ',' | '-' | '+'));
            Some(spec.split_at(end.unwrap_or(spec.len())))
        }
    }
}

/// Seconds east of Greenwich, and what follows.
fn posix_offset(text: &str) -> Option<(i32, &str)> {
    let (sign, mut rest) = match text.strip_prefix('-') {
        Some(rest) => (1, rest),
        None => (-1, text.strip_prefix('+').unwrap_or(text)),
    };
    let mut total = 0;
    for (unit, limit) in [(3600, 167), (60, 59), (1, 60)] {
        let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        let (digits, after) = rest.split_at(end);
        let number: i32 = digits.parse().ok().filter(|n| *n <= limit)?;
        total += number * unit;
        rest = after;
        match rest.strip_prefix(':') {
            Some(after) if unit > 1 => rest = after,
            _ => break,
        }
    }
    Some((sign * total, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn posix_signs_are_inverted() {
        assert_eq!(Zone::parse("<+02>-02").unwrap().east_at(0), 7200);
        assert_eq!(Zone::parse("<-05:30>+05:30").unwrap().east_at(0), -19_800);
        assert_eq!(Zone::parse("FOO5").unwrap().east_at(0), -18_000);
        assert_eq!(Zone::parse("EST5EDT").unwrap().east_at(1_720_000_000), -14_400);
        assert_eq!(Zone::parse("posix/Etc/GMT+5").unwrap().abbreviation_at(0), "-05");
        assert!(Zone::parse("Mars/Olympus").is_none());
        assert!(Zone::parse("").is_none());
    }

    #[test]
    fn skipped_and_repeated_local_times() {
        let zone = Zone::parse("america/new_york").unwrap();
        // 2021-03-14 02:30 does not exist, 2021-11-07 01:30 happens twice.
        assert_eq!(zone.east_for_local(1_615_689_000), -18_000);
        assert_eq!(zone.east_for_local(1_636_248_600), -18_000);
        assert_eq!(zone.east_for_local(1_636_243_200), -14_400);
        // Summer and winter of the year 20000, by the rules that go on for ever.
        assert_eq!(zone.east_at(568_980_000_000 + 15_552_000), -14_400);
        assert_eq!(zone.east_at(-1_000_000_000_000), zone.east_at(-100_000_000_000));
        assert_eq!(zone.abbreviation_at(0), "EST");
    }
}
