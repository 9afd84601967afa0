//! The syntax of JSON as PostgreSQL reads it, without recursion.

use super::ValueError;

/// Containers within containers. PostgreSQL gives up at about this depth too, when its stack
/// (`max_stack_depth`) is used up.
const MAX_DEPTH: usize = 6_000;

/// What the reader meets, in order.
pub(crate) enum Event<'a> {
    Null,
    Bool(bool),
    Number(&'a str),
    String(String),
    Key(String),
    BeginArray,
    EndArray,
    BeginObject,
    EndObject,
}

fn bad() -> ValueError {
    ValueError::syntax("json")
}

/// Checks a text as `json_in` does. Escapes are checked for their form only.
pub(crate) fn validate(text: &str) -> Result<(), ValueError> {
    read(text, false, &mut |_| Ok(()))
}

#[derive(Clone, Copy, PartialEq)]
enum Container {
    Array,
    Object,
}

#[derive(Clone, Copy, PartialEq)]
enum Expect {
    Value,
    ValueOrEnd,
    KeyOrEnd,
    Key,
    CommaOrEnd,
}

/// Reads one JSON value that fills the text. With `decode`, escapes are resolved, and what a `text` value
/// cannot hold is an error, as for jsonb.
pub(crate) fn read(
    text: &str,
    decode: bool,
    sink: &mut dyn FnMut(Event<'_>) -> Result<(), ValueError>,
) -> Result<(), ValueError> {
    let mut lexer = Lexer { text, at: 0, decode };
    let mut open: Vec<Container> = Vec::new();
    let mut expect = Expect::Value;
    loop {
        let Some(byte) = lexer.peek() else {
            return if open.is_empty() && expect == Expect::CommaOrEnd { Ok(()) } else { Err(bad()) };
        };
        match (byte, expect, open.last().copied()) {
            (b']', Expect::ValueOrEnd | Expect::CommaOrEnd, Some(Container::Array)) => {
                lexer.at += 1;
                open.pop();
                sink(Event::EndArray)?;
                expect = Expect::CommaOrEnd;
            }
            (b'}', Expect::KeyOrEnd | Expect::CommaOrEnd, Some(Container::Object)) => {
                lexer.at += 1;
                open.pop();
                sink(Event::EndObject)?;
                expect = Expect::CommaOrEnd;
            }
            (b',', Expect::CommaOrEnd, Some(container)) => {
                lexer.at += 1;
                expect = if container == Container::Array { Expect::Value } else { Expect::Key };
            }
            (b'"', Expect::KeyOrEnd | Expect::Key, _) => {
                let key = lexer.string()?;
                sink(Event::Key(key))?;
                if lexer.peek() != Some(b':') {
                    return Err(bad());
                }
                lexer.at += 1;
                expect = Expect::Value;
            }
            (b'[' | b'{', Expect::Value | Expect::ValueOrEnd, _) => {
                if open.len() >= MAX_DEPTH {
                    return Err(ValueError::new("54001", "JSON is nested too deeply"));
                }
                lexer.at += 1;
                let array = byte == b'[';
                open.push(if array { Container::Array } else { Container::Object });
                sink(if array { Event::BeginArray } else { Event::BeginObject })?;
                expect = if array { Expect::ValueOrEnd } else { Expect::KeyOrEnd };
            }
            (_, Expect::Value | Expect::ValueOrEnd, _) => {
                let event = lexer.scalar(byte)?;
                sink(event)?;
                expect = Expect::CommaOrEnd;
            }
            _ => return Err(bad()),
        }
    }
}

struct Lexer<'a> {
    text: &'a str,
    at: usize,
    decode: bool,
}

impl<'a> Lexer<'a> {
    fn byte(&self, at: usize) -> Option<u8> {
        self.text.as_bytes().get(at).copied()
    }

    /// The next byte that is no white space.
    fn peek(&mut self) -> Option<u8> {
        while matches!(self.byte(self.at), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
        self.byte(self.at)
    }

    fn scalar(&mut self, first: u8) -> Result<Event<'a>, ValueError> {
        match first {
            b'"' => Ok(Event::String(self.string()?)),
            b'-' | b'0'..=b'9' => Ok(Event::Number(self.number()?)),
            _ => match self.word() {
                "null" => Ok(Event::Null),
                "true" => Ok(Event::Bool(true)),
                "false" => Ok(Event::Bool(false)),
                _ => Err(bad()),
            },
        }
    }

    /// Letters, digits and whatever is not ASCII belong to one word.
    fn word(&mut self) -> &'a str {
        let start = self.at;
        while self.byte(self.at).is_some_and(|b| b.is_ascii_alphanumeric() || b == b'_' || b >= 0x80) {
            self.at += 1;
        }
        self.text.get(start..self.at).unwrap_or("")
    }

    fn digits(&mut self) -> usize {
        let start = self.at;
        while self.byte(self.at).is_some_and(|b| b.is_ascii_digit()) {
            self.at += 1;
        }
        self.at - start
    }

    fn number(&mut self) -> Result<&'a str, ValueError> {
        let start = self.at;
        if self.byte(self.at) == Some(b'-') {
            self.at += 1;
        }
        let zero = self.byte(self.at) == Some(b'0');
        match self.digits() {
            0 => return Err(bad()),
            1 => {}
            _ if zero => return Err(bad()),
            _ => {}
        }
        if self.byte(self.at) == Some(b'.') {
            self.at += 1;
            if self.digits() == 0 {
                return Err(bad());
            }
        }
        if matches!(self.byte(self.at), Some(b'e' | b'E')) {
            self.at += 1;
            if matches!(self.byte(self.at), Some(b'+' | b'-')) {
                self.at += 1;
            }
            if self.digits() == 0 {
                return Err(bad());
            }
        }
        let number = self.text.get(start..self.at).unwrap_or("");
        // "1a" is one bad token, not a number and a word.
        if self.word().is_empty() { Ok(number) } else { Err(bad()) }
    }

    /// Reads a string from its opening quote; what it stands for, if that is wanted.
    fn string(&mut self) -> Result<String, ValueError> {
        self.at += 1;
        let mut out = String::new();
        loop {
            let start = self.at;
            while self.byte(self.at).is_some_and(|b| b >= 0x20 && b != b'"' && b != b'\\') {
                self.at += 1;
            }
            if self.decode {
                out.push_str(self.text.get(start..self.at).unwrap_or(""));
            }
            match self.byte(self.at) {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(out);
                }
                Some(b'\\') => {
                    self.at += 1;
                    self.escape(&mut out)?;
                }
                _ => return Err(bad()),
            }
        }
    }

    fn escape(&mut self, out: &mut String) -> Result<(), ValueError> {
        let byte = self.byte(self.at).ok_or_else(bad)?;
        self.at += 1;
        out.push(match byte {
            b'"' => '"',
            b'\\' => '\\',
            b'/' => '/',
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => return self.unicode(out),
            _ => return Err(bad()),
        });
        Ok(())
    }

    fn unicode(&mut self, out: &mut String) -> Result<(), ValueError> {
        let unit = self.hex4()?;
        if !self.decode {
            return Ok(());
        }
        if unit == 0 {
            return Err(ValueError::new("22P05", "unsupported Unicode escape sequence: \\u0000"));
        }
        let code = match unit {
            0xD800..=0xDBFF => {
                // The second half must follow at once.
                if (self.byte(self.at), self.byte(self.at + 1)) != (Some(b'\\'), Some(b'u')) {
                    return Err(bad());
                }
                self.at += 2;
                let low = self.hex4()?;
                if !(0xDC00..=0xDFFF).contains(&low) {
                    return Err(bad());
                }
                0x10000 + ((unit - 0xD800) << 10) + (low - 0xDC00)
            }
            other => other,
        };
        out.push(char::from_u32(code).ok_or_else(bad)?);
        Ok(())
    }

    fn hex4(&mut self) -> Result<u32, ValueError> {
        let mut value = 0;
        for _ in 0..4 {
            let digit = self.byte(self.at).and_then(|b| char::from(b).to_digit(16)).ok_or_else(bad)?;
            value = value << 4 | digit;
            self.at += 1;
        }
        Ok(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_json() {
        for text in ["1", " null ", "[]", "{}", "[1,{\"a\":[]}]", "-0.5e+3", "\"\\u0000\"", "\"\\ud800\""] {
            assert!(validate(text).is_ok(), "{text}");
        }
        for text in [
            "",
            "01",
            "1.",
            "-",
            "[1,]",
            "{\"a\"}",
            "{a:1}",
            "{\"a\":1,}",
            "[1 2]",
            "nul",
            "\"\n\"",
            "\"\\x\"",
            "1a",
            "tru\u{e9}",
            "[",
            "]",
            "{]",
            "1 2",
            "\"\\u12g4\"",
            "+1",
            ".5",
        ] {
            assert_eq!(validate(text).unwrap_err().sqlstate, "22P02", "{text}");
        }
        assert_eq!(validate(&"[".repeat(100_000)).unwrap_err().sqlstate, "54001");
    }
}
