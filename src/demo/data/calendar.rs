//! Dates as PostgreSQL counts them.

use std::fmt;

/// A day of the Gregorian calendar.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Date(i32);

impl Date {
    /// From days since 2000-01-01.
    pub fn from_days(days: i32) -> Self {
        Self(days)
    }

    /// Days since 2000-01-01: PostgreSQL's own form.
    pub fn days(self) -> i32 {
        self.0
    }

    /// Year, month, day.
    pub fn civil(self) -> (i32, u32, u32) {
        // Days are counted in years that start on 1 March, so that a leap day comes last.
        let since_era = i64::from(self.0) + 730_425;
        let cycle = since_era.div_euclid(146_097);
        let day_of_cycle = since_era.rem_euclid(146_097);
        let year_of_cycle =
            (day_of_cycle - day_of_cycle / 1_460 + day_of_cycle / 36_524 - day_of_cycle / 146_096) / 365;
        let day_of_year = day_of_cycle - (365 * year_of_cycle + year_of_cycle / 4 - year_of_cycle / 100);
        let month_from_march = (5 * day_of_year + 2) / 153;
        let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
        let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
        let year = cycle * 400 + year_of_cycle + i64::from(month <= 2);
        // All of these fit: the day count is an i32.
        (year as i32, month as u32, day as u32)
    }
}

impl fmt::Debug for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Date(..)")
    }
}

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, day) = self.civil();
        write!(f, "{year:04}-{month:02}-{day:02}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_those_of_postgresql() {
        // SELECT date '2000-01-01' + n
        for (days, text) in [
            (0, "2000-01-01"),
            (59, "2000-02-29"),
            (60, "2000-03-01"),
            (-1, "1999-12-31"),
            (-36_524, "1900-01-01"),
            (-10_957, "1970-01-01"),
            (8_400, "2022-12-31"),
            (-22_600, "1938-02-15"),
        ] {
            assert_eq!(Date::from_days(days).to_string(), text);
        }
    }
}
