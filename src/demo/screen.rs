//! What the terminal shows: lines of at most 96 columns, colours only where there is somebody to see them.

use std::fmt::Display;
use std::io::{IsTerminal, Write};
use std::time::Duration;

/// Columns of the text of a step, before its times.
const TEXT: usize = 64;
/// Columns of a time.
const TIME: usize = 14;

/// Something to write to. What cannot be written is not missed: the exit status tells the outcome.
pub struct Screen {
    out: Box<dyn Write>,
    terminal: bool,
    colours: bool,
}

/// How something looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Look {
    /// As any text.
    Plain,
    /// A heading.
    Bold,
    /// Beside the point.
    Dim,
    /// As it should be.
    Good,
    /// Not as it should be.
    Bad,
}

impl Screen {
    /// Standard output; colours if it is a terminal and `NO_COLOR` is not set.
    pub fn standard() -> Self {
        let out = std::io::stdout();
        let terminal = out.is_terminal() && std::env::var_os("TERM").is_none_or(|term| term != "dumb");
        let refused = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        Self { out: Box::new(out), terminal, colours: terminal && !refused }
    }

    /// Any other place; no colours.
    #[cfg(test)]
    pub fn plain(out: Box<dyn Write>) -> Self {
        Self { out, terminal: false, colours: false }
    }

    /// A heading over steps, with what their times are of.
    pub fn columns(&mut self, text: &str, times: [&str; 2]) {
        let [first, second] = times;
        self.heading(format_args!("{:<width$}{first:>TIME$}{second:>TIME$}", text, width = TEXT + 3));
    }

    /// A line.
    pub fn line(&mut self, text: impl Display) {
        let _ = writeln!(self.out, "{text}");
        let _ = self.out.flush();
    }

    /// What went wrong, on standard error.
    pub fn complain(&mut self, problem: impl Display) {
        let _ = writeln!(std::io::stderr(), "pyrite demo: {problem}");
    }

    /// A heading, with a free line before it.
    pub fn heading(&mut self, text: impl Display) {
        let text = self.paint(Look::Bold, text);
        self.line(format_args!("\n{text}"));
    }

    /// Shows what is going on, until the next step's line takes its place. Only a terminal can take it back.
    pub fn begin(&mut self, text: impl Display) {
        if self.terminal {
            let text = self.paint(Look::Dim, format_args!("   {text} …"));
            let _ = write!(self.out, "{text}");
            let _ = self.out.flush();
        }
    }

    /// A step that is done, with what it took on each side.
    pub fn step(&mut self, look: Look, text: impl Display, times: &[String]) {
        self.clear();
        // Padded before it is painted: escape sequences take no columns.
        let text = format!("{:<TEXT$}", text.to_string());
        let mut line = format!("   {}", self.paint(look, text));
        for time in times {
            line.push_str(&format!("{time:>TIME$}"));
        }
        self.line(line.trim_end());
    }

    /// Takes back what [`begin`](Self::begin) showed.
    pub fn clear(&mut self) {
        if self.terminal {
            let _ = write!(self.out, "\r\x1b[K");
        }
    }

    /// Text in a colour, where there are colours.
    pub fn paint(&self, look: Look, text: impl Display) -> String {
        let code = match look {
            Look::Plain => "",
            Look::Bold => "1",
            Look::Dim => "2",
            Look::Good => "32;1",
            Look::Bad => "31;1",
        };
        if self.colours && !code.is_empty() { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_string() }
    }
}

/// A number with its thousands apart.
pub fn grouped(number: impl Into<u64>) -> String {
    let digits = number.into().to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A time, in a unit that suits it.
pub fn time(took: Duration) -> String {
    let seconds = took.as_secs_f64();
    if seconds < 0.1 { format!("{:.2} ms", seconds * 1e3) } else { format!("{seconds:.2} s") }
}

/// A size.
pub fn size(bytes: u64) -> String {
    let megabytes = bytes as f64 / 1e6;
    if megabytes < 10.0 { format!("{megabytes:.1} MB") } else { format!("{megabytes:.0} MB") }
}

/// At most so many characters, with a sign that there were more.
pub fn cut(text: &str, longest: usize) -> String {
    if text.chars().count() <= longest {
        return text.to_owned();
    }
    text.chars().take(longest.saturating_sub(1)).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_readable() {
        assert_eq!(grouped(0_u32), "0");
        assert_eq!(grouped(999_u32), "999");
        assert_eq!(grouped(1_000_u32), "1,000");
        assert_eq!(grouped(12_345_678_u64), "12,345,678");
        assert_eq!(time(Duration::from_micros(412)), "0.41 ms");
        assert_eq!(time(Duration::from_millis(1_234)), "1.23 s");
        assert_eq!(size(1_550_000), "1.6 MB");
        assert_eq!(cut("Großmann", 8), "Großmann");
        assert_eq!(cut("Großmanns", 8), "Großman…");
    }

    #[test]
    fn a_file_gets_no_escape_sequences() {
        let screen = Screen::plain(Box::new(Vec::new()));
        assert_eq!(screen.paint(Look::Bad, "x"), "x");
    }
}
