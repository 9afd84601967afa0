//! The words that a date or time may contain.

/// What a word stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Word {
    Month(i64),
    WeekDay,
    Am,
    Pm,
    Ad,
    Bc,
    /// "at", "on": skipped.
    Filler,
    /// "dst" after a zone: an hour more.
    DaylightSaving,
    /// Names what the next number is.
    Unit(Unit),
    /// "t" between date and time.
    IsoTime,
    Infinity,
    NegativeInfinity,
    Epoch,
    /// "allballs": midnight in UTC.
    Midnight,
    /// Depends on the clock of the server's transaction.
    Clock,
}

/// What a number is, where the word before it says so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unit {
    Year,
    Month,
    Day,
    Hour,
    Minute,
    Second,
    Julian,
    Time,
    /// Known words that no date can use.
    Other,
}

/// Looks up a word in lower case. Zone abbreviations are not among them.
pub(super) fn find(word: &str) -> Option<Word> {
    const MONTHS: [&str; 12] = [
        "january",
        "february",
        "march",
        "april",
        "may",
        "june",
        "july",
        "august",
        "september",
        "october",
        "november",
        "december",
    ];
    if let Some(at) = MONTHS.iter().position(|m| *m == word || m.get(..3) == Some(word)) {
        return i64::try_from(at + 1).ok().map(Word::Month);
    }
    Some(match word {
        "sept" => Word::Month(9),
        "sun" | "sunday" | "mon" | "monday" | "tue" | "tues" | "tuesday" | "wed" | "weds" | "wednesday"
        | "thu" | "thur" | "thurs" | "thursday" | "fri" | "friday" | "sat" | "saturday" => Word::WeekDay,
        "am" => Word::Am,
        "pm" => Word::Pm,
        "ad" => Word::Ad,
        "bc" => Word::Bc,
        "at" | "on" => Word::Filler,
        "dst" => Word::DaylightSaving,
        "y" => Word::Unit(Unit::Year),
        "m" => Word::Unit(Unit::Month),
        "d" => Word::Unit(Unit::Day),
        "h" => Word::Unit(Unit::Hour),
        "mm" => Word::Unit(Unit::Minute),
        "s" => Word::Unit(Unit::Second),
        "j" | "jd" | "julian" => Word::Unit(Unit::Julian),
        "dow" | "doy" | "isodow" | "isoyear" => Word::Unit(Unit::Other),
        "t" => Word::IsoTime,
        "infinity" => Word::Infinity,
        "-infinity" => Word::NegativeInfinity,
        "epoch" => Word::Epoch,
        "allballs" => Word::Midnight,
        "now" | "today" | "tomorrow" | "yesterday" => Word::Clock,
        _ => return None,
    })
}
