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
    Colon,
    CommaOrEnd,
}

enum Token<'a> {
    End,
    Mark(u8),
    String(String),
    /// A number, true, false or null.
    Plain(Event<'a>),
}

/// Reads one JSON value that fills the text. With `decode`, escapes are resolved, and what a `text` value
/// cannot hold is an error, as for jsonb.
///
/// The token after a value is read before the value is taken, as the server does; so an error in that token
/// comes first.
pub(crate) fn read(
    text: &str,
    decode: bool,
    sink: &mut dyn FnMut(Event<'_>) -> Result<(), ValueError>,
) -> Result<(), ValueError> {
    let mut lexer = Lexer { text, at: 0, decode };
    let mut open: Vec<Container> = Vec::new();
    let mut expect = Expect::Value;
    let mut token = lexer.token()?;
    loop {
        if matches!(token, Token::End) {
            return if open.is_empty() && expect == Expect::CommaOrEnd { Ok(()) } else { Err(bad()) };
        }
        let container = open.last().copied();
        if !fits(&token, expect, container) {
            return Err(bad());
        }
        if matches!(token, Token::Mark(b'[' | b'{')) && open.len() >= MAX_DEPTH {
            return Err(ValueError::new("54001", "JSON is nested too deeply"));
        }
        let next = lexer.token()?;
        let (event, then) = match token {
            Token::Mark(b'[') => (Event::BeginArray, Expect::ValueOrEnd),
            Token::Mark(b'{') => (Event::BeginObject, Expect::KeyOrEnd),
            Token::Mark(b']') => (Event::EndArray, Expect::CommaOrEnd),
            Token::Mark(b'}') => (Event::EndObject, Expect::CommaOrEnd),
            Token::String(key) if matches!(expect, Expect::Key | Expect::KeyOrEnd) => {
                (Event::Key(key), Expect::Colon)
            }
            Token::String(text) => (Event::String(text), Expect::CommaOrEnd),
            Token::Plain(event) => (event, Expect::CommaOrEnd),
            Token::Mark(_) | Token::End => {
                // A comma or a colon gives nothing; it only decides what comes next.
                let member = expect == Expect::CommaOrEnd && container == Some(Container::Object);
                expect = if member { Expect::Key } else { Expect::Value };
                token = next;
                continue;
            }
        };
        match event {
            Event::BeginArray => open.push(Container::Array),
            Event::BeginObject => open.push(Container::Object),
            Event::EndArray | Event::EndObject => drop(open.pop()),
            _ => {}
        }
        sink(event)?;
        (token, expect) = (next, then);
    }
}

/// Whether a token may stand here.
fn fits(token: &Token<'_>, expect: Expect, container: Option<Container>) -> bool {
    use Expect::*;
    match token {
        Token::Mark(b']') => container == Some(Container::Array) && matches!(expect, ValueOrEnd | CommaOrEnd),
        Token::Mark(b'}') => container == Some(Container::Object) && matches!(expect, KeyOrEnd | CommaOrEnd),
        Token::Mark(b',') => container.is_some() && expect == CommaOrEnd,
        Token::Mark(b':') => expect == Colon,
        Token::String(_) => matches!(expect, Value | ValueOrEnd | Key | KeyOrEnd),
        Token::Mark(_) | Token::Plain(_) => matches!(expect, Value | ValueOrEnd),
        Token::End => false,
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

    fn token(&mut self) -> Result<Token<'a>, ValueError> {
        while matches!(self.byte(self.at), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
        let Some(first) = self.byte(self.at) else { return Ok(Token::End) };
        Ok(match first {
            b'[' | b']' | b'{' | b'}' | b',' | b':' => {
                self.at += 1;
                Token::Mark(first)
            }
            b'"' => Token::String(self.string()?),
            b'-' | b'0'..=b'9' => Token::Plain(Event::Number(self.number()?)),
            _ => Token::Plain(match self.word() {
                "null" => Event::Null,
                "true" => Event::Bool(true),
                "false" => Event::Bool(false),
                _ => return Err(bad()),
            }),
        })
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
