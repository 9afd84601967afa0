//! `to_char` of dates and times, for templates without the names of a locale or a zone.

use super::datetime::iso_week;
use super::text::{arg, datum, out, wrong};
use super::{Context, EvaluateError, Evaluated};
use crate::value::Datum;
use crate::value::moments::{EARLY, Fields, LATE, julian, local, week_day};

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
const DAYS: [&str; 7] = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];
const ROMAN: [&str; 12] = ["I", "II", "III", "IV", "V", "VI", "VII", "VIII", "IX", "X", "XI", "XII"];

/// Template patterns; longer ones before their beginnings. All but the last line are known in small letters too.
const WORDS: &[&str] = &[
    "SSSSS", "Y,YYY", "HH24", "HH12", "IDDD", "IYYY", "SSSS", "YYYY", "A.D.", "A.M.", "B.C.", "P.M.",
    "MONTH", "DAY", "DDD", "FF1", "FF2", "FF3", "FF4", "FF5", "FF6", "IYY", "MON", "TZH", "TZM", "YYY", "AD",
    "AM", "BC", "CC", "DD", "DY", "FX", "HH", "ID", "IW", "IY", "MI", "MM", "MS", "OF", "PM", "RM", "SS",
    "TZ", "US", "WW", "YY", "D", "I", "J", "Q", "W", "Y",
];
const MIXED: &[&str] = &["Month", "Mon", "Day", "Dy"];

/// A moment's fields and how far east its zone is, in seconds.
struct Moment {
    f: Fields,
    east: i64,
}

pub(super) fn moment(args: &[&Datum], context: Context<'_>) -> Evaluated {
    let template = arg(args, 1)?;
    let (time, east) = match datum(args, 0)? {
        Datum::Timestamp(EARLY | LATE) | Datum::Timestamptz(EARLY | LATE) => return Ok(None),
        Datum::Timestamp(t) => (*t, 0),
        Datum::Timestamptz(t) => local(*t, context.settings),
        _ => return Err(wrong("timestamp")),
    };
    if template.is_empty() {
        return Ok(None);
    }
    let moment = Moment { f: Fields::from_timestamp(time), east };
    let mut text = String::new();
    let mut rest = template;
    while !rest.is_empty() {
        rest = step(rest, &moment, &mut text)?;
    }
    out(text)
}

fn keyword(rest: &str) -> Option<&'static str> {
    let small = |word: &str| rest.get(..word.len()).is_some_and(|head| head == word.to_ascii_lowercase());
    // A word matches in one case throughout, or as it is written here.
    let known = WORDS.iter().filter(|word| rest.starts_with(**word) || small(word));
    known.chain(MIXED.iter().filter(|word| rest.starts_with(**word))).max_by_key(|word| word.len()).copied()
}

/// Writes the next part of a template; gives what follows it.
fn step<'t>(rest: &'t str, moment: &Moment, text: &mut String) -> Result<&'t str, EvaluateError> {
    let after = |n: usize| rest.get(n..).unwrap_or_default();
    if rest.starts_with("TM") || rest.starts_with("tm") {
        return Err(refused("TM"));
    }
    let fill = !(rest.starts_with("FM") || rest.starts_with("fm"));
    let body = if fill { rest } else { after(2) };
    let Some(word) = keyword(body) else {
        return if fill { literal(rest, text) } else { Ok(body) };
    };
    let mut behind = body.get(word.len()..).unwrap_or_default();
    if behind.starts_with("SP") {
        return Err(refused("SP"));
    }
    let written = body.get(..word.len()).unwrap_or_default();
    let value = moment.show(word, written, fill)?;
    text.push_str(&value);
    for (suffix, large) in [("TH", true), ("th", false)] {
        if let Some(rest) = behind.strip_prefix(suffix) {
            text.push_str(&ordinal(&value, large));
            behind = rest;
            break;
        }
    }
    Ok(behind)
}

fn refused(what: &str) -> EvaluateError {
    EvaluateError::unsupported(format!("to_char with the template pattern {what}"))
}

/// What is no pattern stands for itself; quotes keep patterns from being read.
fn literal<'t>(rest: &'t str, text: &mut String) -> Result<&'t str, EvaluateError> {
    let mut characters = rest.chars();
    let first = characters.next();
    if first == Some('"') {
        while let Some(c) = characters.next() {
            match c {
                '"' => break,
                '\\' => text.extend(characters.next()),
                c => text.push(c),
            }
        }
        return Ok(characters.as_str());
    }
    if first == Some('\\') {
        let mut ahead = characters.clone();
        if ahead.next() == Some('"') {
            text.push('"');
            return Ok(ahead.as_str());
        }
    }
    text.extend(first);
    Ok(characters.as_str())
}

/// The English ending of a number.
fn ordinal(value: &str, large: bool) -> String {
    let digit = |back: usize| value.len().checked_sub(back).and_then(|at| value.as_bytes().get(at)).copied();
    let ending = match (digit(2), digit(1)) {
        (Some(b'1'), _) => "th",
        (_, Some(b'1')) => "st",
        (_, Some(b'2')) => "nd",
        (_, Some(b'3')) => "rd",
        _ => "th",
    };
    if large { ending.to_ascii_uppercase() } else { ending.to_owned() }
}

/// A number, filled with zeros unless it is not to be filled.
fn digits(value: i64, width: usize, fill: bool) -> String {
    // A sign takes a place of its own.
    let width = if value < 0 { width + 1 } else { width };
    if fill { format!("{value:0width$}") } else { value.to_string() }
}

/// A name in the case of the pattern, filled with blanks.
fn name(name: &str, written: &str, width: usize, fill: bool) -> String {
    let small = written.starts_with(|c: char| c.is_ascii_lowercase());
    let large = written.get(1..2).is_some_and(|c| c.chars().all(|c| c.is_ascii_uppercase()));
    let cased = match (small, large) {
        (true, _) => name.to_ascii_lowercase(),
        (_, true) => name.to_ascii_uppercase(),
        _ => name.to_owned(),
    };
    if fill { format!("{cased:<width$}") } else { cased }
}

impl Moment {
    fn day(&self) -> i64 {
        julian(self.f.year, self.f.month, self.f.day)
    }

    fn month_name(&self) -> &'static str {
        usize::try_from(self.f.month - 1).ok().and_then(|at| MONTHS.get(at)).copied().unwrap_or_default()
    }

    fn day_name(&self) -> &'static str {
        usize::try_from(week_day(self.day())).ok().and_then(|at| DAYS.get(at)).copied().unwrap_or_default()
    }

    /// The year as it is shown: before 1 it counts back from 1 BC.
    fn shown(year: i64) -> i64 {
        if year <= 0 { 1 - year } else { year }
    }

    fn show(&self, word: &str, written: &str, fill: bool) -> Result<String, EvaluateError> {
        let f = &self.f;
        let three = |text: &str| text.get(..3).unwrap_or_default().to_owned();
        let either = |first: bool, words: [&str; 2]| {
            let [one, other] = words;
            name(if first { one } else { other }, written, 0, false)
        };
        let week_year = Self::shown(iso_week(self.day()).0);
        let year = Self::shown(f.year);
        let year_day = self.day() - julian(f.year, 1, 1) + 1;
        Ok(match word {
            "FX" => String::new(),
            "AM" | "PM" => either(f.hour < 12, ["AM", "PM"]),
            "A.M." | "P.M." => dotted(f.hour < 12, ["A.M.", "P.M."], written),
            "AD" | "BC" => either(f.year > 0, ["AD", "BC"]),
            "A.D." | "B.C." => dotted(f.year > 0, ["A.D.", "B.C."], written),
            "HH" | "HH12" => digits(if f.hour % 12 == 0 { 12 } else { f.hour % 12 }, 2, fill),
            "HH24" => digits(f.hour, 2, fill),
            "MI" => digits(f.minute, 2, fill),
            "SS" => digits(f.second, 2, fill),
            "FF1" => digits(f.micros / 100_000, 1, true),
            "FF2" => digits(f.micros / 10_000, 2, true),
            "FF3" | "MS" => digits(f.micros / 1_000, 3, true),
            "FF4" => digits(f.micros / 100, 4, true),
            "FF5" => digits(f.micros / 10, 5, true),
            "FF6" | "US" => digits(f.micros, 6, true),
            "SSSS" | "SSSSS" => ((f.hour * 60 + f.minute) * 60 + f.second).to_string(),
            "MONTH" | "Month" => name(self.month_name(), written, 9, fill),
            "MON" | "Mon" => name(&three(self.month_name()), written, 0, false),
            "DAY" | "Day" => name(self.day_name(), written, 9, fill),
            "DY" | "Dy" => name(&three(self.day_name()), written, 0, false),
            "MM" => digits(f.month, 2, fill),
            "RM" => {
                let month = usize::try_from(f.month - 1).ok().and_then(|at| ROMAN.get(at)).copied();
                let month = month.unwrap_or_default();
                let cased = if written == "rm" { month.to_ascii_lowercase() } else { month.to_owned() };
                if fill { format!("{cased:<4}") } else { cased }
            }
            "DDD" => digits(year_day, 3, fill),
            "IDDD" => {
                let first = julian(iso_week(self.day()).0, 1, 4);
                digits(self.day() - (first - first.rem_euclid(7)) + 1, 3, fill)
            }
            "DD" => digits(f.day, 2, fill),
            "D" => (week_day(self.day()) + 1).to_string(),
            "ID" => (self.day().rem_euclid(7) + 1).to_string(),
            "WW" => digits((year_day - 1) / 7 + 1, 2, fill),
            "IW" => digits(iso_week(self.day()).1, 2, fill),
            "W" => ((f.day - 1) / 7 + 1).to_string(),
            "Q" => ((f.month - 1) / 3 + 1).to_string(),
            "CC" => {
                let century = if f.year > 0 { (f.year - 1) / 100 + 1 } else { f.year / 100 - 1 };
                digits(century, 2, fill)
            }
            "J" => self.day().to_string(),
            "Y,YYY" => format!("{},{:03}", year / 1_000, year % 1_000),
            "YYYY" => digits(year, 4, fill),
            "YYY" => digits(year % 1_000, 3, fill),
            "YY" => digits(year % 100, 2, fill),
            "Y" => (year % 10).to_string(),
            "IYYY" => digits(week_year, 4, fill),
            "IYY" => digits(week_year % 1_000, 3, fill),
            "IY" => digits(week_year % 100, 2, fill),
            "I" => (week_year % 10).to_string(),
            "TZH" => format!("{}{:02}", self.sign(), self.east.abs() / 3_600),
            "TZM" => format!("{:02}", self.east.abs() % 3_600 / 60),
            "OF" => {
                let hours = self.east.abs() / 3_600;
                let minutes = self.east.abs() % 3_600 / 60;
                let shown = format!("{}{}", self.sign(), digits(hours, 2, fill));
                if minutes == 0 { shown } else { format!("{shown}:{minutes:02}") }
            }
            other => return Err(refused(other)),
        })
    }

    fn sign(&self) -> char {
        if self.east < 0 { '-' } else { '+' }
    }
}

fn dotted(first: bool, [one, other]: [&str; 2], written: &str) -> String {
    let text = if first { one } else { other };
    if written.starts_with(|c: char| c.is_ascii_lowercase()) {
        text.to_ascii_lowercase()
    } else {
        text.to_owned()
    }
}
