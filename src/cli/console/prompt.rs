//! Questions on the terminal.

use std::fs::{File, OpenOptions};
use std::io::{BufRead as _, BufReader, Write as _};
use std::mem::MaybeUninit;
use std::os::fd::AsRawFd as _;

use zeroize::Zeroizing;

use super::super::failure::Failure;

/// The terminal itself, whatever standard input and output are.
const TERMINAL: &str = "/dev/tty";

fn terminal() -> Result<File, Failure> {
    let opened = OpenOptions::new().read(true).write(true).open(TERMINAL);
    opened.map_err(|error| {
        Failure::new(
            format!("there is no terminal to ask on: {error}"),
            "give passwords and passphrases by file or environment variable",
        )
    })
}

fn unreadable(error: std::io::Error) -> Failure {
    Failure::new(format!("cannot read from the terminal: {error}"), "")
}

/// Asks for something that is not shown while it is typed.
pub(in crate::cli) fn secret(question: &str) -> Result<Zeroizing<String>, Failure> {
    let mut terminal = terminal()?;
    terminal.write_all(question.as_bytes()).map_err(unreadable)?;
    let silence = Silence::start(&terminal).map_err(unreadable)?;
    let answer = line(&terminal);
    drop(silence);
    terminal.write_all(b"\n").map_err(unreadable)?;
    answer
}

/// Asks for something that is shown.
pub(in crate::cli) fn ask(question: &str) -> Result<Zeroizing<String>, Failure> {
    let mut terminal = terminal()?;
    terminal.write_all(question.as_bytes()).map_err(unreadable)?;
    line(&terminal)
}

fn line(terminal: &File) -> Result<Zeroizing<String>, Failure> {
    let mut text = Zeroizing::new(String::with_capacity(4096));
    BufReader::new(terminal).read_line(&mut text).map_err(unreadable)?;
    let end = text.trim_end_matches(['\r', '\n']).len();
    text.truncate(end);
    Ok(text)
}

/// A terminal that does not echo until this is dropped.
struct Silence<'a> {
    terminal: &'a File,
    before: libc::termios,
}

impl Silence<'_> {
    fn start(terminal: &File) -> std::io::Result<Silence<'_>> {
        let mut state = MaybeUninit::<libc::termios>::uninit();
        // SAFETY: the descriptor is open, and the state is written by a call that succeeds.
        let before = unsafe {
            if libc::tcgetattr(terminal.as_raw_fd(), state.as_mut_ptr()) != 0 {
                return Err(std::io::Error::last_os_error());
            }
            state.assume_init()
        };
        let mut silent = before;
        silent.c_lflag &= !libc::ECHO;
        // SAFETY: the descriptor is open, and the state is a changed copy of its own.
        if unsafe { libc::tcsetattr(terminal.as_raw_fd(), libc::TCSAFLUSH, &raw const silent) } != 0 {
            return Err(std::io::Error::last_os_error());
        }
        Ok(Silence { terminal, before })
    }
}

impl Drop for Silence<'_> {
    fn drop(&mut self) {
        // SAFETY: as above. Nothing helps where the terminal cannot be set back.
        unsafe { libc::tcsetattr(self.terminal.as_raw_fd(), libc::TCSAFLUSH, &raw const self.before) };
    }
}

/// Columns of the terminal that standard error is.
pub(in crate::cli) fn width() -> usize {
    let mut size = MaybeUninit::<libc::winsize>::zeroed();
    // SAFETY: the call writes the size if it succeeds; all zeros are a size, too.
    let size = unsafe {
        libc::ioctl(libc::STDERR_FILENO, libc::TIOCGWINSZ, size.as_mut_ptr());
        size.assume_init()
    };
    match size.ws_col {
        0 => 80,
        columns => usize::from(columns),
    }
}
