//! How far a job is, as one line: redrawn on a terminal, printed now and then elsewhere.

use std::fmt::Write as _;

use tokio_postgres::Row;

/// What SHOW JOB says of a job.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::cli) struct Progress {
    pub job: i64,
    pub kind: String,
    pub target: String,
    pub state: String,
    pub step: String,
    pub rows_done: i64,
    pub rows_total: Option<i64>,
    pub rate: Option<i64>,
    pub seconds_left: Option<i64>,
    pub status: String,
    pub error: Option<String>,
}

impl Progress {
    /// Reads a row of SHOW JOB.
    pub(in crate::cli) fn of(row: &Row) -> Result<Self, tokio_postgres::Error> {
        Ok(Self {
            job: row.try_get("job")?,
            kind: row.try_get("kind")?,
            target: row.try_get("target")?,
            state: row.try_get("state")?,
            step: row.try_get("step")?,
            rows_done: row.try_get("rows_done")?,
            rows_total: row.try_get("rows_total")?,
            rate: row.try_get("rows_per_second")?,
            seconds_left: row.try_get("seconds_left")?,
            status: row.try_get("status")?,
            error: row.try_get("error")?,
        })
    }

    /// Whether nothing more will come of it.
    pub(in crate::cli) fn is_over(&self) -> bool {
        matches!(self.state.as_str(), "done" | "failed" | "cancelled")
    }

    /// How many values there will be. What has been reached while the job goes on was an estimate, and a wrong one.
    fn total(&self) -> Option<i64> {
        self.rows_total.filter(|total| *total > self.rows_done || self.is_over())
    }

    /// How much of it is done, in thousandths.
    fn share(&self) -> Option<u64> {
        let total = u64::try_from(self.total()?).ok().filter(|total| *total > 0)?;
        let done = u64::try_from(self.rows_done).unwrap_or_default().min(total);
        // In wide arithmetic, as a count of rows may be any number.
        u64::try_from(u128::from(done) * 1000 / u128::from(total)).ok()
    }

    /// The counts, in words.
    fn counts(&self) -> String {
        let done = thousands(self.rows_done);
        let total = self.total();
        let values = match total {
            Some(total) => Some(format!("{done}/{} values", thousands(total))),
            None => (self.rows_done > 0).then(|| format!("{done} values")),
        };
        // Before the first second is over, nothing can be said about the rate.
        let rate = self.rate.filter(|rate| *rate > 0).map(|rate| format!("{} per second", thousands(rate)));
        let left =
            self.seconds_left.filter(|_| total.is_some()).map(|left| format!("{} left", duration(left)));
        [values, rate, left].into_iter().flatten().collect::<Vec<_>>().join(", ")
    }

    fn doing(&self) -> String {
        if self.is_over() {
            let said = self.status.strip_prefix(self.state.as_str()).unwrap_or(&self.status);
            let said = said.trim_start_matches([':', ' ']);
            let colon = if said.is_empty() { "" } else { ": " };
            return format!("{}{colon}{said}", self.state);
        }
        let status = Some(self.status.as_str()).filter(|status| *status != self.step);
        let said = [self.step.as_str(), status.unwrap_or_default()];
        let said: Vec<&str> = said.into_iter().filter(|text| !text.is_empty()).collect();
        let said = said.join(": ");
        if self.state == "running" { said } else { format!("{} {said}", self.state).trim_end().to_owned() }
    }

    /// A line for a terminal of this many columns.
    pub(in crate::cli) fn bar(&self, columns: usize) -> String {
        const CELLS: u64 = 20;
        let mut line = format!("job {} ", self.job);
        if let Some(share) = self.share() {
            let full = usize::try_from(share * CELLS / 1000).unwrap_or_default();
            let bar: String = (0..CELLS as usize).map(|cell| if cell < full { '#' } else { '.' }).collect();
            let _ = write!(line, "[{bar}] {:>3}% ", share / 10);
        }
        let counts = self.counts();
        if !counts.is_empty() {
            let _ = write!(line, "{counts}  ");
        }
        line.push_str(&self.doing());
        line.chars().map(|c| if c.is_control() { ' ' } else { c }).take(columns.saturating_sub(1)).collect()
    }

    /// A line for a log.
    pub(in crate::cli) fn line(&self) -> String {
        let mut line = format!("job {} {} {}: {}", self.job, self.kind, self.target, self.doing());
        if let Some(share) = self.share() {
            let _ = write!(line, ", {}%", share / 10);
        }
        let counts = self.counts();
        if !counts.is_empty() {
            let _ = write!(line, ", {counts}");
        }
        line.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
    }
}

/// `1234567` as `1,234,567`.
fn thousands(number: i64) -> String {
    let digits = number.unsigned_abs().to_string();
    let mut text = if number < 0 { "-".to_owned() } else { String::new() };
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// `3723` as `1 h 2 min`.
fn duration(seconds: i64) -> String {
    match seconds.max(0) {
        s if s < 90 => format!("{s} s"),
        s if s < 90 * 60 => format!("{} min", (s + 30) / 60),
        s if s < 48 * 3600 => format!("{} h {} min", s / 3600, s % 3600 / 60),
        s => format!("{} days", (s + 43200) / 86400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sweeping() -> Progress {
        Progress {
            job: 7,
            kind: "rotate key".into(),
            target: "email".into(),
            state: "running".into(),
            step: "sweep".into(),
            rows_done: 431_000,
            rows_total: Some(1_000_000),
            rate: Some(12_345),
            seconds_left: Some(46),
            status: "public.customers".into(),
            error: None,
        }
    }

    #[test]
    fn a_bar_tells_rows_rate_and_time_left() {
        let bar = sweeping().bar(200);
        assert_eq!(
            bar,
            "job 7 [########............]  43% 431,000/1,000,000 values, 12,345 per second, 46 s left  sweep: public.customers"
        );
        assert_eq!(sweeping().bar(40).chars().count(), 39, "never as wide as the terminal, which would wrap");
        let done = Progress { rows_done: 1_000_000, state: "done".into(), ..sweeping() };
        assert!(done.bar(200).contains("100%"));
        let beyond = Progress { rows_done: i64::MAX, ..sweeping() };
        assert!(!beyond.bar(200).contains('%') && !beyond.bar(200).contains("left"), "{}", beyond.bar(200));
        let empty =
            Progress { rows_total: Some(0), rows_done: 0, rate: None, seconds_left: None, ..sweeping() };
        assert!(!empty.bar(200).contains('%'));
    }

    #[test]
    fn what_is_not_known_yet_is_left_out() {
        let start = Progress {
            rows_total: None,
            rows_done: 0,
            rate: Some(0),
            seconds_left: None,
            status: "sweep".into(),
            ..sweeping()
        };
        assert_eq!(start.bar(200), "job 7 sweep");
        assert_eq!(start.line(), "job 7 rotate key email: sweep");
    }

    #[test]
    fn a_line_says_it_all_and_holds_no_control_characters() {
        let line = Progress { state: "paused".into(), status: "a\u{1b}[31m".into(), ..sweeping() }.line();
        assert!(line.starts_with("job 7 rotate key email: paused sweep: a [31m, 43%, 431,000/"), "{line}");
    }

    #[test]
    fn the_end_is_said_once() {
        let same = Progress { status: "sweep".into(), ..sweeping() }.line();
        assert!(same.starts_with("job 7 rotate key email: sweep, 43%"), "{same}");
        let over = |state: &str, status: &str| {
            Progress {
                state: state.into(),
                status: status.into(),
                rows_total: None,
                rows_done: 0,
                rate: None,
                seconds_left: None,
                ..sweeping()
            }
            .line()
        };
        assert_eq!(over("done", "done: all well"), "job 7 rotate key email: done: all well");
        assert_eq!(over("done", "done"), "job 7 rotate key email: done");
        assert_eq!(over("cancelled", "no key is left"), "job 7 rotate key email: cancelled: no key is left");
    }

    #[test]
    fn numbers_and_times_are_for_people() {
        assert_eq!([0, 999, 1000, -1_234_567].map(thousands), ["0", "999", "1,000", "-1,234,567"]);
        assert_eq!([5, 120, 3600 * 3 + 60, 86400 * 3].map(duration), ["5 s", "2 min", "3 h 1 min", "3 days"]);
    }
}
