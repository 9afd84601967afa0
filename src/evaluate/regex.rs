//! PostgreSQL's advanced regular expressions, translated to another engine where the meaning is the same.
//!
//! Only whether there is a match is asked, so it does not matter which one an engine prefers. Back-references and
//! lookaround are no regular languages' business and are refused, as is what PostgreSQL would call an error:
//! it does so only when it gets to a row.

use std::fmt::Write as _;
use std::iter::Peekable;
use std::str::Chars;

use super::EvaluateError;
use crate::value::Collation;

/// Longest pattern, in bytes.
const MAX_PATTERN: usize = 64 << 10;
/// Most memory of a compiled pattern.
const MAX_SIZE: usize = 4 << 20;
/// Most repetitions that PostgreSQL takes.
const MAX_REPEAT: u32 = 255;
/// Deepest nesting.
const MAX_DEPTH: usize = 100;

/// A compiled pattern.
pub(super) struct Regex {
    regex: regex::Regex,
    /// It asks whether characters are letters and the like, and the answer is known for ASCII alone.
    ascii_only: bool,
}

impl Regex {
    /// Whether a part of the text matches.
    pub fn is_match(&self, text: &str) -> Result<bool, EvaluateError> {
        if self.ascii_only && !text.is_ascii() {
            return Err(EvaluateError::unsupported(
                "a regular expression with character classes on text beyond ASCII",
            ));
        }
        Ok(self.regex.is_match(text))
    }
}

fn refused(what: &str) -> EvaluateError {
    EvaluateError::unsupported(format!("a regular expression with {what}"))
}

/// Compiles a pattern; `caseless` as for `~*`.
pub(super) fn compile(pattern: &str, caseless: bool, collation: &Collation) -> Result<Regex, EvaluateError> {
    if pattern.len() > MAX_PATTERN {
        return Err(refused("more than 64 kB"));
    }
    let mut options = Options { caseless, stops: false, anchors: false, literal: false };
    let rest = options.read(pattern)?;
    // Where only ASCII letters have case, only they are letters.
    let ascii = &*collation.lower("Ä")? == "Ä";
    let mut translation = Translation {
        options,
        collation,
        input: rest.chars().peekable(),
        out: String::with_capacity(rest.len() * 2 + 8),
        classes: false,
        depth: 0,
    };
    if translation.options.literal {
        for c in rest.chars() {
            translation.character(c)?;
        }
    } else {
        translation.alternatives()?;
        if translation.input.next().is_some() {
            return Err(refused("a parenthesis that nothing opens"));
        }
    }
    let (out, classes) = (translation.out, translation.classes);
    let built = regex::RegexBuilder::new(&out).size_limit(MAX_SIZE).dfa_size_limit(MAX_SIZE).build();
    let regex = built.map_err(|_| refused("this size or form"))?;
    Ok(Regex { regex, ascii_only: classes && !ascii })
}

/// What options at the beginning can change.
#[derive(Clone, Copy)]
struct Options {
    caseless: bool,
    /// Newlines are matched by neither `.` nor negated brackets.
    stops: bool,
    /// `^` and `$` match around newlines.
    anchors: bool,
    /// All is literal.
    literal: bool,
}

impl Options {
    /// Reads a director and embedded options; gives what follows.
    fn read<'p>(&mut self, pattern: &'p str) -> Result<&'p str, EvaluateError> {
        let mut rest = pattern;
        if let Some(after) = rest.strip_prefix("***") {
            if let Some(literal) = after.strip_prefix('=') {
                self.literal = true;
                return Ok(literal);
            }
            rest = after.strip_prefix(':').ok_or_else(|| refused("this director"))?;
        }
        let letters = rest.strip_prefix("(?").filter(|r| r.starts_with(|c: char| c.is_ascii_alphabetic()));
        let Some((letters, after)) = letters.and_then(|letters| letters.split_once(')')) else {
            return Ok(rest);
        };
        for letter in letters.chars() {
            match letter {
                'c' => self.caseless = false,
                'i' => self.caseless = true,
                'm' | 'n' => (self.stops, self.anchors) = (true, true),
                'p' => (self.stops, self.anchors) = (true, false),
                's' => (self.stops, self.anchors) = (false, false),
                'w' => (self.stops, self.anchors) = (false, true),
                't' => {}
                'q' => self.literal = true,
                _ => return Err(refused("this embedded option")),
            }
        }
        Ok(after)
    }
}

struct Translation<'p> {
    options: Options,
    collation: &'p Collation,
    input: Peekable<Chars<'p>>,
    out: String,
    /// Character classes are used.
    classes: bool,
    depth: usize,
}

/// What stands before a quantifier.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Atom {
    /// Something that can be repeated.
    Some,
    /// A place, which cannot.
    Place,
}

impl Translation<'_> {
    fn alternatives(&mut self) -> Result<(), EvaluateError> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(refused("this many parentheses"));
        }
        while let Some(c) = self.input.peek().copied() {
            match c {
                ')' => break,
                '|' => {
                    self.input.next();
                    self.out.push('|');
                }
                _ => {
                    let atom = self.atom()?;
                    self.quantifier(atom)?;
                }
            }
        }
        self.depth -= 1;
        Ok(())
    }

    fn atom(&mut self) -> Result<Atom, EvaluateError> {
        let Some(c) = self.input.next() else { return Ok(Atom::Place) };
        match c {
            '(' => {
                if self.input.next_if_eq(&'?').is_some() && self.input.next() != Some(':') {
                    return Err(refused("lookaround or another special group"));
                }
                self.out.push_str("(?:");
                self.alternatives()?;
                if self.input.next() != Some(')') {
                    return Err(refused("a parenthesis that nothing closes"));
                }
                self.out.push(')');
            }
            '^' => {
                self.out.push_str(if self.options.anchors { "(?m:^)" } else { "\\A" });
                return Ok(Atom::Place);
            }
            '$' => {
                self.out.push_str(if self.options.anchors { "(?m:$)" } else { "\\z" });
                return Ok(Atom::Place);
            }
            '.' => self.out.push_str(if self.options.stops { "[^\\n]" } else { "(?s:.)" }),
            '[' => return self.bracket(),
            '\\' => return self.escape(),
            '*' | '+' | '?' => return Err(refused("a quantifier that follows nothing")),
            '{' if self.input.peek().is_some_and(char::is_ascii_digit) => {
                return Err(refused("a quantifier that follows nothing"));
            }
            other => self.character(other)?,
        }
        Ok(Atom::Some)
    }

    /// A quantifier, if there is one. Whether it is greedy does not matter.
    fn quantifier(&mut self, atom: Atom) -> Result<(), EvaluateError> {
        let written = match self.input.peek() {
            Some(c @ ('*' | '+' | '?')) => c.to_string(),
            Some('{') => match self.bounds()? {
                Some(bounds) => bounds,
                None => return Ok(()),
            },
            _ => return Ok(()),
        };
        if !written.starts_with('{') {
            self.input.next();
        }
        if atom == Atom::Place {
            return Err(refused("a quantifier behind an anchor"));
        }
        self.out.push_str(&written);
        self.input.next_if_eq(&'?');
        match self.input.peek().copied() {
            Some('*' | '+' | '?') => Err(refused("two quantifiers in a row")),
            Some('{') if self.is_bound() => Err(refused("two quantifiers in a row")),
            _ => Ok(()),
        }
    }

    /// Whether what follows `{` makes a bound of it.
    fn is_bound(&self) -> bool {
        self.input.clone().nth(1).is_some_and(|c| c.is_ascii_digit())
    }

    /// `{m}`, `{m,}` or `{m,n}`; a brace before anything but a digit is an ordinary character.
    fn bounds(&mut self) -> Result<Option<String>, EvaluateError> {
        if !self.is_bound() {
            return Ok(None);
        }
        self.input.next();
        let least = self.number()?;
        let mut most = Some(least);
        if self.input.next_if_eq(&',').is_some() {
            let more = self.input.peek().is_some_and(char::is_ascii_digit);
            most = if more { Some(self.number()?) } else { None };
        }
        if self.input.next() != Some('}') || most.is_some_and(|most| most < least) {
            return Err(refused("these bounds"));
        }
        Ok(Some(most.map_or(format!("{{{least},}}"), |most| format!("{{{least},{most}}}"))))
    }

    fn number(&mut self) -> Result<u32, EvaluateError> {
        let mut value = 0;
        while let Some(digit) = self.input.peek().and_then(|c| c.to_digit(10)) {
            value = value * 10 + digit;
            self.input.next();
            if value > MAX_REPEAT {
                return Err(refused("more than 255 repetitions"));
            }
        }
        Ok(value)
    }

    /// The other case of a character, by the collation; PostgreSQL's own engine knows single characters only.
    fn cases(&self, c: char) -> Result<[char; 2], EvaluateError> {
        let text = c.to_string();
        let single = |mapped: &str| {
            let mut characters = mapped.chars();
            characters.next().filter(|_| characters.next().is_none()).unwrap_or(c)
        };
        Ok([single(&self.collation.lower(&text)?), single(&self.collation.upper(&text)?)])
    }

    /// A literal character.
    fn character(&mut self, c: char) -> Result<(), EvaluateError> {
        let [small, large] = if self.options.caseless { self.cases(c)? } else { [c, c] };
        if small == large {
            push_char(&mut self.out, c);
        } else {
            self.out.push('[');
            push_char(&mut self.out, small);
            push_char(&mut self.out, large);
            self.out.push(']');
        }
        Ok(())
    }

    fn escape(&mut self) -> Result<Atom, EvaluateError> {
        let Some(c) = self.input.next() else { return Err(refused("a backslash at its end")) };
        let place = match c {
            'A' => "\\A",
            'Z' => "\\z",
            'm' => "(?-u:\\b{start})",
            'M' => "(?-u:\\b{end})",
            'y' => "(?-u:\\b)",
            _ => "",
        };
        if !place.is_empty() {
            self.classes |= c.is_ascii_lowercase() || c == 'M';
            self.out.push_str(place);
            return Ok(Atom::Place);
        }
        if let Some(class) = class_escape(c.to_ascii_lowercase()) {
            self.classes = true;
            let _ = write!(self.out, "[{}{class}]", if c.is_ascii_uppercase() { "^" } else { "" });
            return Ok(Atom::Some);
        }
        let c = self.character_escape(c)?;
        self.character(c)?;
        Ok(Atom::Some)
    }

    /// The character that an escape stands for.
    fn character_escape(&mut self, c: char) -> Result<char, EvaluateError> {
        Ok(match c {
            'a' => '\x07',
            'b' => '\x08',
            'B' => '\\',
            'e' => '\x1b',
            'f' => '\x0c',
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            'v' => '\x0b',
            'u' => self.hexadecimal(4)?,
            'U' => self.hexadecimal(8)?,
            _ if c.is_ascii_alphanumeric() => return Err(refused("a back-reference or this escape")),
            _ => c,
        })
    }

    fn hexadecimal(&mut self, digits: usize) -> Result<char, EvaluateError> {
        let mut value: u32 = 0;
        for _ in 0..digits {
            let digit =
                self.input.next().and_then(|c| c.to_digit(16)).ok_or_else(|| refused("this escape"))?;
            value = value.wrapping_mul(16).wrapping_add(digit);
        }
        char::from_u32(value).filter(|c| *c != '\0').ok_or_else(|| refused("this escape"))
    }

    /// A bracket expression, behind its `[`.
    fn bracket(&mut self) -> Result<Atom, EvaluateError> {
        for (word, place) in [("[:<:]]", "(?-u:\\b{start})"), ("[:>:]]", "(?-u:\\b{end})")] {
            let ahead: String = self.input.clone().take(word.len()).collect();
            if ahead == word {
                self.input.nth(word.len() - 1);
                self.classes = true;
                self.out.push_str(place);
                return Ok(Atom::Place);
            }
        }
        let negated = self.input.next_if_eq(&'^').is_some();
        let mut set = String::new();
        let mut first = true;
        loop {
            let Some(c) = self.input.next() else { return Err(refused("a bracket that nothing closes")) };
            if c == ']' && !first {
                break;
            }
            first = false;
            self.bracket_item(c, &mut set)?;
        }
        if negated && self.options.stops {
            set.push_str("\\n");
        }
        let _ = write!(self.out, "[{}{set}]", if negated { "^" } else { "" });
        Ok(Atom::Some)
    }

    /// A character, range or class in brackets.
    fn bracket_item(&mut self, c: char, set: &mut String) -> Result<(), EvaluateError> {
        if c == '[' && matches!(self.input.peek(), Some(':' | '.' | '=')) {
            let kind = self.input.next();
            let mut name = String::new();
            while let Some(c) = self.input.next() {
                if Some(c) == kind && self.input.peek() == Some(&']') {
                    self.input.next();
                    break;
                }
                name.push(c);
            }
            let class = if kind == Some(':') { self.class(&name) } else { None };
            let Some(class) = class else { return Err(refused("this class or collating element")) };
            self.classes = true;
            set.push_str(class);
            return self.no_range();
        }
        if c == '\\' {
            let Some(escaped) = self.input.next() else { return Err(refused("a backslash at its end")) };
            if let Some(class) = class_escape(escaped) {
                self.classes = true;
                set.push_str(class);
                return self.no_range();
            }
            let c = self.character_escape(escaped)?;
            return self.bracket_range(c, set);
        }
        self.bracket_range(c, set)
    }

    /// A class cannot begin a range.
    fn no_range(&self) -> Result<(), EvaluateError> {
        let mut ahead = self.input.clone();
        if ahead.next() == Some('-') && ahead.next() != Some(']') {
            return Err(refused("a range that begins with a class"));
        }
        Ok(())
    }

    fn bracket_range(&mut self, from: char, set: &mut String) -> Result<(), EvaluateError> {
        let mut ahead = self.input.clone();
        let to = match (ahead.next(), ahead.next()) {
            (Some('-'), Some(to)) if to != ']' => to,
            _ => {
                let [small, large] = if self.options.caseless { self.cases(from)? } else { [from, from] };
                push_char(set, from);
                push_char(set, small);
                push_char(set, large);
                return Ok(());
            }
        };
        if from == '-' {
            return Err(refused("a range that begins with a hyphen"));
        }
        self.input.nth(1);
        let to = match to {
            '\\' => {
                let escaped = self.input.next().ok_or_else(|| refused("a backslash at its end"))?;
                if class_escape(escaped).is_some() {
                    return Err(refused("a range that ends with a class"));
                }
                self.character_escape(escaped)?
            }
            '[' if matches!(self.input.peek(), Some(':' | '.' | '=')) => {
                return Err(refused("a range that ends with a class"));
            }
            to => to,
        };
        if to < from || self.input.peek() == Some(&'-') && self.input.clone().nth(1) != Some(']') {
            return Err(refused("this range"));
        }
        push_char(set, from);
        set.push('-');
        push_char(set, to);
        if self.options.caseless {
            if !to.is_ascii() {
                return Err(refused("a range beyond ASCII without regard to case"));
            }
            for c in from..=to {
                for other in self.cases(c)? {
                    push_char(set, other);
                }
            }
        }
        Ok(())
    }

    /// A named class, among ASCII. Without regard to case, small and large letters are all letters.
    fn class(&self, name: &str) -> Option<&'static str> {
        Some(match name {
            "upper" | "lower" if self.options.caseless => "A-Za-z",
            "alpha" => "A-Za-z",
            "digit" => "0-9",
            "alnum" => "A-Za-z0-9",
            "word" => "A-Za-z0-9_",
            "upper" => "A-Z",
            "lower" => "a-z",
            "space" => " \\t\\n\\x0b\\x0c\\r",
            "blank" => " \\t",
            "punct" => "!-/:-@\\[-`{-~",
            "graph" => "!-~",
            "print" => " -~",
            "cntrl" => "\\x01-\\x1f\\x7f",
            "xdigit" => "0-9A-Fa-f",
            _ => return None,
        })
    }
}

/// The class that `\d`, `\s` or `\w` stands for, among ASCII.
fn class_escape(c: char) -> Option<&'static str> {
    match c {
        'd' => Some("0-9"),
        's' => Some(" \\t\\n\\x0b\\x0c\\r"),
        'w' => Some("A-Za-z0-9_"),
        _ => None,
    }
}

/// A character as itself, whatever it means elsewhere.
fn push_char(out: &mut String, c: char) {
    let _ = write!(out, "\\x{{{:X}}}", u32::from(c));
}
