//! Calls of the functions that cut terms out of envelopes, in definitions that the server stores: found
//! and changed token by token, since names and literals may look like them.

use std::ops::Range;

use super::lexer::{LexError, Tokens, tokenize};
use crate::catalog::SearchSlot;

/// A call of `pyrite.eq`, `pyrite.eq_b`, or one of the functions for other kinds of terms.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EqualityCall {
    /// The slot whose term it cuts out.
    pub slot: SearchSlot,
    /// The function's bare name.
    function: String,
    /// The column that it is over, as `[table, column]` or `[column]`; empty if it is over something else.
    pub path: Vec<String>,
    /// Where the function's bare name stands.
    name: Range<usize>,
}

/// All of them in a definition as the server prints it, which is with `standard_conforming_strings`.
///
/// # Errors
/// The text is none that PostgreSQL would read.
pub fn equality_calls(text: &str) -> Result<Vec<EqualityCall>, LexError> {
    let tokens = Tokens { text, list: tokenize(text.as_bytes(), true)?, standard_strings: true };
    let mut calls = Vec::new();
    for at in 0..tokens.len() {
        let qualified = tokens.name(at).is_some_and(|name| name == "pyrite") && tokens.is_sign(at + 1, ".");
        let inner = at.checked_sub(1).is_some_and(|before| tokens.is_sign(before, "."));
        if !qualified || inner || !tokens.is_sign(at + 3, "(") {
            continue;
        }
        let function = tokens.name(at + 2).unwrap_or_default();
        let Some(slot) = SearchSlot::of_function(&function) else { continue };
        let path = tokens.close(at + 3).and_then(|close| column(&tokens, at + 4..close)).unwrap_or_default();
        calls.push(EqualityCall { slot, function, path, name: tokens.start(at + 2)..tokens.end(at + 2) });
    }
    Ok(calls)
}

/// The text with each call cutting out the term that `slot` gives for what it is over (see
/// [`EqualityCall::path`]); `None` there leaves it. `None`: nothing is to be changed.
pub fn with_slots(text: &str, slot: &dyn Fn(&[String]) -> Option<SearchSlot>) -> Option<String> {
    let mut out = String::with_capacity(text.len() + 16);
    let mut end = 0;
    let mut changed = false;
    for call in equality_calls(text).ok()? {
        let Some(wanted) = slot(&call.path).filter(|wanted| *wanted != call.slot) else { continue };
        out.push_str(text.get(end..call.name.start)?);
        out.push_str(wanted.same_function(&call.function)?);
        end = call.name.end;
        changed = true;
    }
    out.push_str(text.get(end..)?);
    changed.then_some(out)
}

/// The column's name in `(t.email)::bytea` and the like.
fn column(tokens: &Tokens<'_>, mut range: Range<usize>) -> Option<Vec<String>> {
    loop {
        let last = range.end.checked_sub(1).filter(|last| *last >= range.start)?;
        if tokens.is_sign(range.start, "(") && tokens.close(range.start) == Some(last) {
            range = range.start + 1..last;
            continue;
        }
        // Casts bind tighter than anything but names and parentheses, so the last one is the outermost.
        match range.clone().rev().find(|&at| tokens.is_sign(at, "::")) {
            Some(cast) if (cast + 1..range.end).all(|at| is_of_type(tokens, at)) => range.end = cast,
            Some(_) => return None,
            None => break,
        }
    }
    let mut path = Vec::new();
    for (index, at) in range.enumerate() {
        match index % 2 {
            0 => path.push(tokens.name(at)?),
            _ if tokens.is_sign(at, ".") => {}
            _ => return None,
        }
    }
    Some(path)
}

/// Whether a token can be part of a type's name as the server prints it.
fn is_of_type(tokens: &Tokens<'_>, at: usize) -> bool {
    tokens.name(at).is_some() || tokens.is_sign(at, ".")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paths(text: &str) -> Vec<String> {
        let calls = equality_calls(text).unwrap();
        calls.iter().map(|call| format!("{:?} {}", call.slot, call.path.join("/"))).collect()
    }

    #[test]
    fn calls_are_found_with_what_they_are_over() {
        for (text, expected) in [
            ("pyrite.eq(email)", "A email"),
            ("pyrite.ord_head_b((t.email)::bytea)", "B t/email"),
            ("pyrite.\"match\"(email)", "A email"),
            ("pyrite.eq((email)::bytea)", "A email"),
            ("pyrite.eq_b(((c.email))::bytea::pyrite.encrypted)", "B c/email"),
            ("\"pyrite\".eq(\"E Mail\"::bytea)", "A E Mail"),
            ("pyrite . eq ( \"a)b\" )", "A a)b"),
            ("pyrite.eq(( SELECT l.email FROM leads l))", "A "),
            ("pyrite.eq(COALESCE(a, b))", "A "),
            ("pyrite.eq((a || b)::bytea)", "A "),
        ] {
            assert_eq!(paths(text), [expected], "{text}");
        }
    }

    #[test]
    fn what_only_looks_like_one_is_not() {
        for text in [
            "'pyrite.eq(email)'",
            "\"pyrite.eq\"(email)",
            "x.pyrite.eq(email)",
            "pyrite.eqs(email)",
            "pyrite.has_order(email)",
            "pyrite.eq",
            "pyrite.key_id(email)",
            "$$ pyrite.eq(email) $$",
            "/* pyrite.eq(email) */ 1",
        ] {
            assert!(paths(text).is_empty(), "{text}");
        }
    }

    #[test]
    fn only_the_name_changes() {
        let slot = |path: &[String]| match path.last().map(String::as_str) {
            Some("email") => Some(SearchSlot::B),
            Some("plain") => None,
            _ => Some(SearchSlot::A),
        };
        let text = "SELECT 'pyrite.eq(email)', é.\"x\" /* é */ FROM t WHERE pyrite.eq((t.email)::bytea) = \
                    pyrite.eq(email) AND pyrite.eq_b(plain) = pyrite.\"eq_b\"(phone)";
        let expected = "SELECT 'pyrite.eq(email)', é.\"x\" /* é */ FROM t WHERE pyrite.eq_b((t.email)::bytea) = \
                        pyrite.eq_b(email) AND pyrite.eq_b(plain) = pyrite.eq(phone)";
        assert_eq!(with_slots(text, &slot).as_deref(), Some(expected));
        let text = "pyrite.ord_head(email) pyrite.ord(email) pyrite.eq_caseless(email) pyrite.match(email)";
        let expected =
            "pyrite.ord_head_b(email) pyrite.ord_b(email) pyrite.eq_caseless_b(email) pyrite.match_b(email)";
        assert_eq!(with_slots(text, &slot).as_deref(), Some(expected));
        assert_eq!(with_slots(expected, &slot), None);
    }
}
