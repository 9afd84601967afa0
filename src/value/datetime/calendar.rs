//! The Gregorian calendar, extended to all years, and the ranges of PostgreSQL's types.

/// Microseconds in a second.
pub(crate) const SECOND: i64 = 1_000_000;
/// Microseconds in a day.
pub(crate) const DAY: i64 = 86_400 * SECOND;
/// Julian day of 2000-01-01, from which dates and timestamps are counted.
pub(crate) const EPOCH_JULIAN: i64 = 2_451_545;
/// Days from 1970-01-01 to 2000-01-01.
pub(crate) const UNIX_EPOCH_DAYS: i64 = 10_957;
/// Seconds from 1970-01-01 to 2000-01-01.
pub(crate) const UNIX_EPOCH_SECONDS: i64 = UNIX_EPOCH_DAYS * 86_400;
/// `infinity` and `-infinity` as timestamp and as date.
pub(crate) const LATE: i64 = i64::MAX;
pub(crate) const EARLY: i64 = i64::MIN;
pub(crate) const DATE_LATE: i32 = i32::MAX;
pub(crate) const DATE_EARLY: i32 = i32::MIN;

const MIN_TIMESTAMP: i64 = -211_813_488_000_000_000;
const END_TIMESTAMP: i64 = 9_223_371_331_200_000_000;
/// First Julian day beyond the type date.
const DATE_END_JULIAN: i64 = 2_147_483_494;

/// A moment broken down into the fields that people write.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Fields {
    /// Astronomical: 0 is 1 BC.
    pub year: i64,
    pub month: i64,
    pub day: i64,
    pub hour: i64,
    pub minute: i64,
    pub second: i64,
    pub micros: i64,
    /// Day of the year, where one was given in place of month and day.
    pub year_day: i64,
}

/// The Julian day of a date. Day and month may lie outside their ranges by a little.
pub(crate) fn julian(year: i64, month: i64, day: i64) -> i64 {
    // Years begin in March, so that the leap day comes last.
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let days = 365 * year + year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    days + (153 * month + 2) / 5 + day + 1_721_119
}

/// The date of a Julian day: year, month, day.
pub(crate) fn from_julian(julian: i64) -> (i64, i64, i64) {
    let days = julian - 1_721_120;
    let (era, of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    (era * 400 + year_of_era + i64::from(month <= 2), month, day)
}

/// Days in a month.
pub(crate) fn month_days(year: i64, month: i64) -> i64 {
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    match month {
        2 if leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

impl Fields {
    /// Whether PostgreSQL's Julian day arithmetic covers the date.
    pub(crate) fn is_covered(&self) -> bool {
        (self.year > -4713 || (self.year == -4713 && self.month >= 11))
            && (self.year < 5_874_898 || (self.year == 5_874_898 && self.month < 6))
    }

    /// Days since 2000-01-01, if the type date reaches that far.
    pub(crate) fn to_date(self) -> Option<i32> {
        if !self.is_covered() {
            return None;
        }
        let julian = julian(self.year, self.month, self.day);
        (0..DATE_END_JULIAN).contains(&julian).then(|| i32::try_from(julian - EPOCH_JULIAN).ok())?
    }

    /// Seconds since midnight, which the server counts in 32 bits.
    fn seconds_of_day(self) -> i64 {
        let seconds = (self.hour * 60 + self.minute) * 60 + self.second;
        i64::from(seconds as i32)
    }

    /// Microseconds since midnight.
    pub(crate) fn time_of_day(self) -> i64 {
        self.seconds_of_day() * SECOND + self.micros
    }

    /// Seconds since 1970, read as UTC.
    pub(crate) fn unix_seconds(self) -> i64 {
        let days = julian(self.year, self.month, self.day) - EPOCH_JULIAN + UNIX_EPOCH_DAYS;
        days * 86_400 + self.seconds_of_day()
    }

    /// Microseconds since 2000-01-01, for a local time so many seconds east of Greenwich.
    pub(crate) fn to_timestamp(self, east: i64) -> Option<i64> {
        if !self.is_covered() {
            return None;
        }
        let days = julian(self.year, self.month, self.day) - EPOCH_JULIAN;
        let local = days.checked_mul(DAY)?.checked_add(self.time_of_day())?;
        // A time of many days must not reach over 2000-01-01, in the server's way to detect an overflow.
        if (local < 0 && days > 0) || (local > 0 && days < -1) {
            return None;
        }
        local.checked_sub(east * SECOND).filter(|t| is_timestamp(*t))
    }

    /// The fields of a finite timestamp.
    pub(crate) fn from_timestamp(timestamp: i64) -> Fields {
        let (days, time) = (timestamp.div_euclid(DAY), timestamp.rem_euclid(DAY));
        let (year, month, day) = from_julian(days + EPOCH_JULIAN);
        Fields { year, month, day, ..Fields::default() }.with_time(time)
    }

    /// The same with this time of day.
    pub(crate) fn with_time(self, time: i64) -> Fields {
        let seconds = time.div_euclid(SECOND);
        Fields {
            hour: seconds / 3600,
            minute: seconds / 60 % 60,
            second: seconds % 60,
            micros: time.rem_euclid(SECOND),
            ..self
        }
    }
}

/// Whether a finite timestamp is within range.
pub(crate) fn is_timestamp(timestamp: i64) -> bool {
    (MIN_TIMESTAMP..END_TIMESTAMP).contains(&timestamp)
}

/// Whether a finite date is within range.
pub(crate) fn is_date(date: i32) -> bool {
    (-EPOCH_JULIAN..DATE_END_JULIAN - EPOCH_JULIAN).contains(&i64::from(date))
}

/// Day of the week of a Julian day; 0 is Sunday.
pub(crate) fn week_day(julian: i64) -> i64 {
    (julian + 1).rem_euclid(7)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn julian_days_come_back() {
        for day in (-40_000..5_000_000).step_by(13).chain(DATE_END_JULIAN - 400..DATE_END_JULIAN) {
            let (y, m, d) = from_julian(day);
            assert_eq!(julian(y, m, d), day);
            assert!((1..=12).contains(&m) && (1..=month_days(y, m)).contains(&d), "{day}");
        }
        assert_eq!(julian(2000, 1, 1), EPOCH_JULIAN);
        assert_eq!(from_julian(0), (-4713, 11, 24));
        assert_eq!(week_day(EPOCH_JULIAN), 6);
    }
}
