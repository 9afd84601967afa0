//! PostgreSQL's lexical rules over bytes. Every later step works on these tokens, so that no second
//! reading of a text can disagree with the server's.

use std::ops::Range;

use zeroize::Zeroizing;

/// What a token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// An unquoted identifier or keyword.
    Word,
    /// `"identifier"`
    Quoted,
    /// `U&"identifier"`
    UnicodeQuoted,
    /// `'text'`
    Str,
    /// `E'text'`
    Escaped,
    /// `U&'text'`
    UnicodeStr,
    /// `N'text'`
    National,
    /// `B'0101'` or `X'ff'`
    Bits,
    /// `$tag$text$tag$`
    Dollar,
    /// An unsigned number.
    Number,
    /// `$n`
    Param,
    /// An operator of one or more characters.
    Operator,
    /// One of `( ) [ ] , ; : .`, `::`, `..`, `:=`.
    Punct,
    /// A character that starts nothing.
    Other,
}

/// One token and where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    /// What it is.
    pub kind: Kind,
    /// Bytes of the text.
    pub span: Range<usize>,
}

/// A text that PostgreSQL would not read either.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LexError {
    /// What does not end, as PostgreSQL words it.
    pub what: &'static str,
    /// Byte offset where it begins.
    pub at: usize,
}

/// The tokens of a text, comments and blanks left out.
///
/// `standard_strings` is the session's `standard_conforming_strings`.
pub fn tokenize(text: &[u8], standard_strings: bool) -> Result<Vec<Token>, LexError> {
    let mut lexer = Lexer { text, at: 0, standard_strings };
    let mut tokens = Vec::with_capacity(text.len() / 4 + 4);
    while let Some(token) = lexer.next_token()? {
        tokens.push(token);
    }
    Ok(tokens)
}

/// Longest operator PostgreSQL reads (NAMEDATALEN - 1); longer ones are its error.
const OPERATOR_BYTES: &[u8] = b"+-*/<>=~!@#%^&|`?";

struct Lexer<'a> {
    text: &'a [u8],
    at: usize,
    standard_strings: bool,
}

fn is_word_start(b: u8) -> bool {
    b.is_ascii_alphabetic() || b == b'_' || b >= 0x80
}

fn is_word(b: u8) -> bool {
    is_word_start(b) || b.is_ascii_digit() || b == b'$'
}

fn is_blank(b: u8) -> bool {
    matches!(b, b' ' | b'\t' | b'\n' | b'\r' | 0x0c)
}

impl Lexer<'_> {
    fn peek(&self, ahead: usize) -> u8 {
        self.text.get(self.at + ahead).copied().unwrap_or(0)
    }

    fn starts_with(&self, what: &[u8]) -> bool {
        self.text.get(self.at..).is_some_and(|rest| rest.starts_with(what))
    }

    /// Passes blanks and comments; says whether a line end was among them.
    fn skip_blank(&mut self) -> Result<bool, LexError> {
        let mut newline = false;
        while self.at < self.text.len() {
            let b = self.peek(0);
            if is_blank(b) {
                newline |= b == b'\n' || b == b'\r';
                self.at += 1;
            } else if self.starts_with(b"--") {
                let rest = self.text.get(self.at..).unwrap_or_default();
                self.at += rest.iter().position(|&b| b == b'\n' || b == b'\r').unwrap_or(rest.len());
            } else if self.starts_with(b"/*") {
                self.skip_comment()?;
            } else {
                break;
            }
        }
        Ok(newline)
    }

    fn skip_comment(&mut self) -> Result<(), LexError> {
        let start = self.at;
        let mut depth = 0usize;
        loop {
            if self.starts_with(b"/*") {
                depth += 1;
                self.at += 2;
            } else if self.starts_with(b"*/") {
                depth -= 1;
                self.at += 2;
                if depth == 0 {
                    return Ok(());
                }
            } else if self.at >= self.text.len() {
                return Err(LexError { what: "unterminated /* comment", at: start });
            } else {
                self.at += 1;
            }
        }
    }

    fn next_token(&mut self) -> Result<Option<Token>, LexError> {
        self.skip_blank()?;
        let start = self.at;
        let Some(&b) = self.text.get(start) else { return Ok(None) };
        let kind = match b {
            b'\'' => self.string(Kind::Str)?,
            b'"' => self.quoted(Kind::Quoted)?,
            b'e' | b'E' if self.peek(1) == b'\'' => self.prefixed(1, Kind::Escaped)?,
            b'n' | b'N' if self.peek(1) == b'\'' => self.prefixed(1, Kind::National)?,
            b'b' | b'B' | b'x' | b'X' if self.peek(1) == b'\'' => self.prefixed(1, Kind::Bits)?,
            b'u' | b'U' if self.peek(1) == b'&' && self.peek(2) == b'\'' => {
                self.prefixed(2, Kind::UnicodeStr)?
            }
            b'u' | b'U' if self.peek(1) == b'&' && self.peek(2) == b'"' => {
                self.at += 2;
                self.quoted(Kind::UnicodeQuoted)?
            }
            b'$' => self.dollar()?,
            b'0'..=b'9' => self.number(),
            b'.' if self.peek(1).is_ascii_digit() => self.number(),
            _ if is_word_start(b) => {
                while is_word(self.peek(0)) && self.at < self.text.len() {
                    self.at += 1;
                }
                Kind::Word
            }
            b':' if matches!(self.peek(1), b':' | b'=') => self.take(2, Kind::Punct),
            b'.' if self.peek(1) == b'.' => self.take(2, Kind::Punct),
            b'(' | b')' | b'[' | b']' | b',' | b';' | b':' | b'.' => self.take(1, Kind::Punct),
            _ if OPERATOR_BYTES.contains(&b) => self.operator(),
            _ => self.take(1, Kind::Other),
        };
        Ok(Some(Token { kind, span: start..self.at }))
    }

    fn take(&mut self, bytes: usize, kind: Kind) -> Kind {
        self.at += bytes;
        kind
    }

    fn prefixed(&mut self, bytes: usize, kind: Kind) -> Result<Kind, LexError> {
        self.at += bytes;
        self.string(kind)
    }

    /// From the opening quote to the end, including what continues it on a later line.
    fn string(&mut self, kind: Kind) -> Result<Kind, LexError> {
        let start = self.at;
        let escapes =
            kind == Kind::Escaped || (!self.standard_strings && matches!(kind, Kind::Str | Kind::National));
        self.at += 1;
        loop {
            let rest = self.text.get(self.at..).unwrap_or_default();
            let Some(stop) = rest.iter().position(|&b| b == b'\'' || (escapes && b == b'\\')) else {
                let what = match kind {
                    Kind::Bits => "unterminated bit string literal",
                    _ => "unterminated quoted string",
                };
                return Err(LexError { what, at: start });
            };
            self.at += stop;
            if self.peek(0) == b'\\' {
                self.at = (self.at + 2).min(self.text.len());
            } else if self.peek(1) == b'\'' && self.at + 1 < self.text.len() {
                self.at += 2;
            } else {
                self.at += 1;
                let end = self.at;
                // Only blanks and line comments may stand between; a block comment ends the literal.
                if !self.continues()? {
                    self.at = end;
                    return Ok(kind);
                }
            }
        }
    }

    /// Whether another segment of the same literal follows after a line end; if so, passes its quote.
    fn continues(&mut self) -> Result<bool, LexError> {
        let mut newline = false;
        loop {
            let b = self.peek(0);
            if self.at >= self.text.len() {
                return Ok(false);
            } else if is_blank(b) {
                newline |= b == b'\n' || b == b'\r';
                self.at += 1;
            } else if self.starts_with(b"--") && newline {
                while self.at < self.text.len() && !matches!(self.peek(0), b'\n' | b'\r') {
                    self.at += 1;
                }
            } else if self.starts_with(b"--") {
                // A comment on the first line is passed too; what counts is the line end behind it.
                while self.at < self.text.len() && !matches!(self.peek(0), b'\n' | b'\r') {
                    self.at += 1;
                }
            } else if b == b'\'' && newline {
                self.at += 1;
                return Ok(true);
            } else {
                return Ok(false);
            }
        }
    }

    fn quoted(&mut self, kind: Kind) -> Result<Kind, LexError> {
        let start = self.at;
        self.at += 1;
        loop {
            let rest = self.text.get(self.at..).unwrap_or_default();
            let Some(stop) = rest.iter().position(|&b| b == b'"') else {
                return Err(LexError { what: "unterminated quoted identifier", at: start });
            };
            self.at += stop + 1;
            if self.at >= self.text.len() || self.peek(0) != b'"' {
                return Ok(kind);
            }
            self.at += 1;
        }
    }

    fn dollar(&mut self) -> Result<Kind, LexError> {
        let start = self.at;
        if self.peek(1).is_ascii_digit() {
            self.at += 1;
            while self.peek(0).is_ascii_digit() {
                self.at += 1;
            }
            return Ok(Kind::Param);
        }
        let mut end = start + 1;
        if self.text.get(end).is_some_and(|&b| is_word_start(b)) {
            while self.text.get(end).is_some_and(|&b| is_word(b) && b != b'$') {
                end += 1;
            }
        }
        if self.text.get(end) != Some(&b'$') {
            return Ok(self.take(1, Kind::Other));
        }
        let tag = self.text.get(start..=end).unwrap_or_default();
        let body = end + 1;
        let rest = self.text.get(body..).unwrap_or_default();
        match memchr::memmem::find(rest, tag) {
            Some(found) => {
                self.at = body + found + tag.len();
                Ok(Kind::Dollar)
            }
            None => Err(LexError { what: "unterminated dollar-quoted string", at: start }),
        }
    }

    fn number(&mut self) -> Kind {
        while self.peek(0).is_ascii_digit() {
            self.at += 1;
        }
        // `1..2` is a range in PL/pgSQL: the dots are not the number's.
        if self.peek(0) == b'.' && self.peek(1) != b'.' {
            self.at += 1;
            while self.peek(0).is_ascii_digit() {
                self.at += 1;
            }
        }
        if matches!(self.peek(0), b'e' | b'E') {
            let sign = usize::from(matches!(self.peek(1), b'+' | b'-'));
            if self.peek(1 + sign).is_ascii_digit() {
                self.at += 1 + sign;
                while self.peek(0).is_ascii_digit() {
                    self.at += 1;
                }
            }
        }
        Kind::Number
    }

    /// The longest run of operator characters, cut where a comment starts, and without a trailing sign
    /// unless a character that SQL's own operators do not use is in it.
    fn operator(&mut self) -> Kind {
        let start = self.at;
        let rest = self.text.get(start..).unwrap_or_default();
        let mut len = rest.iter().position(|b| !OPERATOR_BYTES.contains(b)).unwrap_or(rest.len());
        let run = rest.get(..len).unwrap_or_default();
        if let Some(comment) = run.windows(2).position(|w| w == b"--" || w == b"/*") {
            len = comment;
        }
        let run = rest.get(..len).unwrap_or_default();
        if len > 1 && !run.iter().any(|b| b"~!@#%^&|`?".contains(b)) {
            while len > 1 && matches!(run.get(len - 1), Some(b'+' | b'-')) {
                len -= 1;
            }
        }
        self.at = start + len.max(1);
        Kind::Operator
    }
}

/// An identifier's name as the catalog stores it: folded unless quoted, cut at 63 bytes.
///
/// `None` for what is no identifier, or one in `U&` form that cannot be resolved here.
pub fn identifier(text: &str, token: &Token) -> Option<String> {
    let raw = text.get(token.span.clone())?;
    let mut name = match token.kind {
        Kind::Word => raw.to_ascii_lowercase(),
        Kind::Quoted => raw.get(1..raw.len().checked_sub(1)?)?.replace("\"\"", "\""),
        Kind::UnicodeQuoted => {
            unicode_escapes(&raw.get(3..raw.len().checked_sub(1)?)?.replace("\"\"", "\""))?
        }
        _ => return None,
    };
    if name.len() > 63 {
        let cut = (0..=63).rev().find(|&n| name.is_char_boundary(n)).unwrap_or(0);
        name.truncate(cut);
    }
    Some(name)
}

/// The value of a string literal, escapes resolved and segments joined; `None` if it is none, or not valid.
pub fn string_value(text: &str, token: &Token, standard_strings: bool) -> Option<Zeroizing<String>> {
    let raw = text.get(token.span.clone())?;
    if token.kind == Kind::Dollar {
        let tag = raw.get(1..)?.find('$')? + 2;
        return Some(Zeroizing::new(raw.get(tag..raw.len().checked_sub(tag)?)?.to_owned()));
    }
    let (skip, escapes) = match token.kind {
        Kind::Str => (0, !standard_strings),
        Kind::Escaped => (1, true),
        Kind::UnicodeStr => (2, false),
        _ => return None,
    };
    let body = join_segments(raw.get(skip..)?, escapes)?;
    match token.kind {
        Kind::UnicodeStr => unicode_escapes(&body).map(Zeroizing::new),
        _ if escapes => backslash_escapes(&body),
        _ => Some(body),
    }
}

/// Takes the quotes off, joins segments, and halves doubled quotes. Backslash pairs stay as they are.
fn join_segments(raw: &str, escapes: bool) -> Option<Zeroizing<String>> {
    let mut out = Zeroizing::new(String::with_capacity(raw.len()));
    let mut inside = false;
    let mut comment = false;
    let mut chars = raw.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\n' | '\r' if !inside => comment = false,
            _ if comment => {}
            '-' if !inside => comment = true,
            '\'' if !inside => inside = true,
            '\'' if chars.peek() == Some(&'\'') => {
                chars.next();
                out.push('\'');
            }
            '\'' => inside = false,
            '\\' if inside && escapes => {
                out.push('\\');
                // Both together: `\'` must not be read as a quote.
                out.push(chars.next()?);
            }
            _ if inside => out.push(c),
            _ => {}
        }
    }
    Some(out)
}

fn backslash_escapes(body: &str) -> Option<Zeroizing<String>> {
    let mut out = Zeroizing::new(Vec::with_capacity(body.len()));
    let mut chars = body.chars().peekable();
    let mut high: Option<u32> = None;
    let mut buffer = [0u8; 4];
    while let Some(c) = chars.next() {
        let escape = if c == '\\' { Some(chars.next()?) } else { None };
        let unicode = matches!(escape, Some('u' | 'U'));
        if high.is_some() && !unicode {
            return None;
        }
        match escape {
            None => out.extend_from_slice(c.encode_utf8(&mut buffer).as_bytes()),
            Some('b') => out.push(8),
            Some('f') => out.push(12),
            Some('n') => out.push(b'\n'),
            Some('r') => out.push(b'\r'),
            Some('t') => out.push(b'\t'),
            // A vertical tab from PostgreSQL 16 on, and the letter before.
            Some('v') => return None,
            Some(digit @ '0'..='7') => {
                let mut value = digit.to_digit(8)?;
                for _ in 0..2 {
                    let Some(next) = chars.peek().and_then(|c| c.to_digit(8)) else { break };
                    value = value * 8 + next;
                    chars.next();
                }
                out.push((value & 0xff) as u8);
            }
            Some('x') if chars.peek().is_some_and(char::is_ascii_hexdigit) => {
                let mut value = 0;
                for _ in 0..2 {
                    let Some(next) = chars.peek().and_then(|c| c.to_digit(16)) else { break };
                    value = value * 16 + next;
                    chars.next();
                }
                out.push((value & 0xff) as u8);
            }
            Some(u @ ('u' | 'U')) => {
                let mut value = 0u32;
                for _ in 0..if u == 'u' { 4 } else { 8 } {
                    value = value.checked_mul(16)?.checked_add(chars.next()?.to_digit(16)?)?;
                }
                if let Some(c) = combine(&mut high, value)? {
                    out.extend_from_slice(c.encode_utf8(&mut buffer).as_bytes());
                }
            }
            Some(other) => out.extend_from_slice(other.encode_utf8(&mut buffer).as_bytes()),
        }
    }
    if high.is_some() || out.contains(&0) {
        return None;
    }
    String::from_utf8(std::mem::take(&mut *out)).ok().map(Zeroizing::new)
}

/// Surrogate pairs: `Some(None)` after a high half, `None` if they do not pair.
fn combine(high: &mut Option<u32>, value: u32) -> Option<Option<char>> {
    match (high.take(), value) {
        (None, 0xd800..=0xdbff) => {
            *high = Some(value);
            Some(None)
        }
        (Some(first), 0xdc00..=0xdfff) => {
            char::from_u32(0x10000 + ((first & 0x3ff) << 10) + (value & 0x3ff)).map(Some)
        }
        (Some(_), _) | (None, 0) => None,
        (None, _) => char::from_u32(value).map(Some),
    }
}

/// `\XXXX`, `\+XXXXXX` and `\\` of the `U&` forms with the usual escape character.
fn unicode_escapes(body: &str) -> Option<String> {
    let mut out = String::with_capacity(body.len());
    let mut chars = body.chars().peekable();
    let mut high = None;
    while let Some(c) = chars.next() {
        if c != '\\' {
            if high.is_some() {
                return None;
            }
            out.push(c);
            continue;
        }
        if chars.peek() == Some(&'\\') {
            chars.next();
            if high.is_some() {
                return None;
            }
            out.push('\\');
            continue;
        }
        let digits = if chars.peek() == Some(&'+') {
            chars.next();
            6
        } else {
            4
        };
        let mut value = 0;
        for _ in 0..digits {
            value = value * 16 + chars.next()?.to_digit(16)?;
        }
        if let Some(c) = combine(&mut high, value)? {
            out.push(c);
        }
    }
    high.is_none().then_some(out)
}

/// A text as tokens, with the questions that the planner asks of it.
pub struct Tokens<'a> {
    /// The text.
    pub text: &'a str,
    /// Its tokens; spans are into `text`.
    pub list: Vec<Token>,
    /// The session's `standard_conforming_strings`.
    pub standard_strings: bool,
}

/// The text may hold values.
impl std::fmt::Debug for Tokens<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Tokens({} bytes)", self.text.len())
    }
}

impl<'a> Tokens<'a> {
    /// Number of tokens.
    pub fn len(&self) -> usize {
        self.list.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// The text of a token; empty beyond the end.
    pub fn raw(&self, index: usize) -> &'a str {
        self.list.get(index).and_then(|t| self.text.get(t.span.clone())).unwrap_or("")
    }

    /// The kind of a token.
    pub fn kind(&self, index: usize) -> Option<Kind> {
        self.list.get(index).map(|t| t.kind)
    }

    /// Whether a token is this unquoted word.
    pub fn is_word(&self, index: usize, word: &str) -> bool {
        self.kind(index) == Some(Kind::Word) && self.raw(index).eq_ignore_ascii_case(word)
    }

    /// Whether a token is this punctuation or operator.
    pub fn is_sign(&self, index: usize, sign: &str) -> bool {
        matches!(self.kind(index), Some(Kind::Punct | Kind::Operator)) && self.raw(index) == sign
    }

    /// The name that an identifier token stands for.
    pub fn name(&self, index: usize) -> Option<String> {
        self.list.get(index).and_then(|t| identifier(self.text, t))
    }

    /// The value of a string literal.
    pub fn string(&self, index: usize) -> Option<Zeroizing<String>> {
        self.list.get(index).and_then(|t| string_value(self.text, t, self.standard_strings))
    }

    /// Byte offset where a token starts; the text's end beyond the last.
    pub fn start(&self, index: usize) -> usize {
        self.list.get(index).map_or(self.text.len(), |t| t.span.start)
    }

    /// Byte offset where a token ends.
    pub fn end(&self, index: usize) -> usize {
        self.list.get(index).map_or(self.text.len(), |t| t.span.end)
    }

    /// Index behind the parenthesis that closes the one at `open`; `None` if nothing does.
    pub fn close(&self, open: usize) -> Option<usize> {
        let mut depth = 0usize;
        for index in open..self.len() {
            if self.is_sign(index, "(") {
                depth += 1;
            } else if self.is_sign(index, ")") {
                depth = depth.checked_sub(1)?;
                if depth == 0 {
                    return Some(index);
                }
            }
        }
        None
    }
}
