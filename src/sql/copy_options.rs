//! The options of COPY, in both syntaxes. What is not known here is refused: it could change how data is read.

use std::ops::Range;

use super::lexer::{Kind, Tokens};
use super::plan::{CopyFormat, CopyLayout};
use super::refuse::{Planned, syntax, unsupported};

/// Columns that an option names.
#[derive(Clone, Debug)]
pub(super) enum Columns {
    All,
    List(Vec<String>),
}

/// What the options say, defaults filled in.
#[derive(Clone, Debug)]
pub(super) struct Options {
    pub format: CopyFormat,
    pub force_quote: Columns,
    pub force_not_null: Columns,
    pub force_null: Columns,
    pub header_match: bool,
}

/// An option's argument.
enum Argument {
    None,
    Text(String),
    Columns(Columns),
}

#[derive(Default)]
struct Given {
    /// The server is sure to refuse them.
    wrong: bool,
    layout: Option<CopyLayout>,
    delimiter: Option<u8>,
    quote: Option<u8>,
    escape: Option<u8>,
    null: Option<String>,
    default: Option<String>,
    header: bool,
    header_match: bool,
    force_quote: Option<Columns>,
    force_not_null: Option<Columns>,
    force_null: Option<Columns>,
}

/// Reads the options in tokens `range`; `None` if the server is sure to refuse them.
pub(super) fn options(tokens: &Tokens<'_>, range: Range<usize>, binary: bool) -> Planned<Option<Options>> {
    let mut given = Given { layout: binary.then_some(CopyLayout::Binary), ..Given::default() };
    let mut at = range.start;
    // COPY … [USING] DELIMITERS 'x', from before there were options.
    if tokens.is_word(at, "using") {
        at += 1;
    }
    if tokens.is_word(at, "delimiters") {
        given.set("delimiter", Argument::Text(text(tokens, at + 1)?), at)?;
        at += 2;
    }
    if tokens.is_word(at, "with") {
        at += 1;
    }
    if tokens.is_sign(at, "(") {
        let close = tokens.close(at).filter(|close| close + 1 == range.end);
        let close = close.ok_or_else(|| syntax("COPY").at(Some(at)))?;
        for option in super::create::split_commas(tokens, at + 1..close) {
            let name = tokens.name(option.start).ok_or_else(|| syntax("COPY").at(Some(option.start)))?;
            let argument = argument(tokens, option.start + 1..option.end)?;
            given.set(&name, argument, option.start)?;
        }
    } else {
        while at < range.end {
            at = old_option(tokens, at, &mut given)?;
        }
    }
    Ok((!given.wrong).then(|| given.finish()))
}

fn text(tokens: &Tokens<'_>, at: usize) -> Planned<String> {
    let value = tokens.string(at).filter(|_| !tokens.is_word(at + 1, "uescape"));
    value.map(|value| value.to_string()).ok_or_else(|| syntax("COPY").at(Some(at)))
}

/// The argument of an option in parentheses.
fn argument(tokens: &Tokens<'_>, range: Range<usize>) -> Planned<Argument> {
    let at = range.start;
    if range.is_empty() {
        return Ok(Argument::None);
    }
    if tokens.is_sign(at, "*") && range.len() == 1 {
        return Ok(Argument::Columns(Columns::All));
    }
    if tokens.is_sign(at, "(") && tokens.close(at).map(|close| close + 1) == Some(range.end) {
        return column_list(tokens, at + 1..range.end - 1).map(Argument::Columns);
    }
    let value = match tokens.kind(at) {
        Some(Kind::Word | Kind::Quoted | Kind::UnicodeQuoted) => tokens.name(at),
        Some(Kind::Number) => Some(tokens.raw(at).to_owned()),
        _ => Some(text(tokens, at)?),
    };
    match value.filter(|_| range.len() == 1) {
        Some(value) => Ok(Argument::Text(value)),
        None => Err(syntax("COPY").at(Some(at))),
    }
}

fn column_list(tokens: &Tokens<'_>, range: Range<usize>) -> Planned<Columns> {
    let mut names = Vec::new();
    for index in range.filter(|index| !tokens.is_sign(*index, ",")) {
        names.push(tokens.name(index).ok_or_else(|| syntax("COPY").at(Some(index)))?);
    }
    Ok(Columns::List(names))
}

/// An option of the syntax before PostgreSQL 9.0; gives the token behind it.
fn old_option(tokens: &Tokens<'_>, at: usize, given: &mut Given) -> Planned<usize> {
    let word = tokens.name(at).unwrap_or_default();
    match word.as_str() {
        "binary" | "csv" => {
            given.set("format", Argument::Text(word), at)?;
            Ok(at + 1)
        }
        "freeze" | "header" => {
            given.set(&word, Argument::None, at)?;
            Ok(at + 1)
        }
        "delimiter" | "null" | "quote" | "escape" | "encoding" => {
            let value = if tokens.is_word(at + 1, "as") { at + 2 } else { at + 1 };
            given.set(&word, Argument::Text(text(tokens, value)?), at)?;
            Ok(value + 1)
        }
        "force" => {
            let (option, list) = if tokens.is_word(at + 1, "quote") {
                ("force_quote", at + 2)
            } else if tokens.is_word(at + 1, "not") && tokens.is_word(at + 2, "null") {
                ("force_not_null", at + 3)
            } else if tokens.is_word(at + 1, "null") {
                ("force_null", at + 2)
            } else {
                return Err(syntax("COPY").at(Some(at)));
            };
            if tokens.is_sign(list, "*") {
                given.set(option, Argument::Columns(Columns::All), at)?;
                return Ok(list + 1);
            }
            let mut end = list + 1;
            while tokens.is_sign(end, ",") {
                end += 2;
            }
            given.set(option, Argument::Columns(column_list(tokens, list..end)?), at)?;
            Ok(end)
        }
        _ => Err(syntax("COPY").at(Some(at))),
    }
}

/// A truth value as the server reads it.
fn truth(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "on" | "1" => Some(true),
        "false" | "off" | "0" => Some(false),
        _ => None,
    }
}

fn one_byte(argument: &Argument) -> Option<u8> {
    match argument {
        Argument::Text(text) if text.len() == 1 => text.bytes().next(),
        _ => None,
    }
}

impl Given {
    fn set(&mut self, name: &str, argument: Argument, at: usize) -> Planned<()> {
        let mut wrong = false;
        let mut columns = |slot: &mut Option<Columns>, argument: Argument| match argument {
            Argument::Columns(columns) => wrong |= slot.replace(columns).is_some(),
            _ => wrong = true,
        };
        match (name, argument) {
            ("format", Argument::Text(format)) => {
                let layout = match format.as_str() {
                    "text" => CopyLayout::Text,
                    "csv" => CopyLayout::Csv,
                    "binary" => CopyLayout::Binary,
                    _ => {
                        self.wrong = true;
                        return Ok(());
                    }
                };
                wrong = self.layout.replace(layout).is_some();
            }
            ("freeze", _) => {}
            ("delimiter" | "quote" | "escape", value) => {
                let slot = match name {
                    "delimiter" => &mut self.delimiter,
                    "quote" => &mut self.quote,
                    _ => &mut self.escape,
                };
                let value = one_byte(&value);
                wrong = value.is_none() || slot.is_some();
                *slot = value;
            }
            ("null", Argument::Text(value)) => self.null = Some(value),
            ("default", Argument::Text(value)) => self.default = Some(value),
            ("header", Argument::None) => self.header = true,
            ("header", Argument::Text(value)) if value.eq_ignore_ascii_case("match") => {
                (self.header, self.header_match) = (true, true);
            }
            ("header", Argument::Text(value)) => {
                self.header = truth(&value).ok_or_else(|| syntax("COPY's HEADER").at(Some(at)))?;
            }
            ("force_quote", value) => columns(&mut self.force_quote, value),
            ("force_not_null", value) => columns(&mut self.force_not_null, value),
            ("force_null", value) => columns(&mut self.force_null, value),
            ("encoding", Argument::Text(value)) => {
                let plain: String = value.chars().filter(char::is_ascii_alphanumeric).collect();
                if !["utf8", "unicode"].contains(&plain.to_ascii_lowercase().as_str()) {
                    return Err(unsupported(
                        "COPY of an encrypted table in another encoding than UTF8",
                        "Convert the data to UTF-8 first.",
                    )
                    .at(Some(at)));
                }
            }
            _ => {
                return Err(unsupported(
                    format!("COPY's option {name} for an encrypted table"),
                    "Leave the option away.",
                )
                .at(Some(at)));
            }
        }
        self.wrong |= wrong;
        Ok(())
    }

    fn finish(self) -> Options {
        let layout = self.layout.unwrap_or(CopyLayout::Text);
        let csv = layout == CopyLayout::Csv;
        let quote = self.quote.unwrap_or(b'"');
        let null = self.null.unwrap_or_else(|| if csv { String::new() } else { "\\N".to_owned() });
        let none = || Columns::List(Vec::new());
        Options {
            format: CopyFormat {
                layout,
                delimiter: self.delimiter.unwrap_or(if csv { b',' } else { b'\t' }),
                quote,
                escape: self.escape.unwrap_or(quote),
                null,
                default: self.default,
                header: self.header,
            },
            force_quote: self.force_quote.unwrap_or_else(none),
            force_not_null: self.force_not_null.unwrap_or_else(none),
            force_null: self.force_null.unwrap_or_else(none),
            header_match: self.header_match,
        }
    }
}
