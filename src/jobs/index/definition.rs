//! Texts of stored definitions, as the server prints them: read and changed token by token.

use crate::catalog::SearchSlot;
use crate::keys::KeyId;
use crate::sql::lexer::{Kind, Tokens, tokenize};
use crate::sql::{equality_calls, with_slots};

/// What a call of an equality function in a definition has to do with the group that is rotated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Whose {
    /// It is over a column of the group.
    Ours,
    /// It is over a column of another group.
    Others,
    /// That cannot be told.
    Unclear,
}

/// A constant in a definition that was made under a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Constant {
    /// Sixteen bytes: as long as a term.
    Term,
    /// An envelope, with the id of its data key.
    Envelope(KeyId),
}

fn tokens(text: &str) -> Option<Tokens<'_>> {
    Some(Tokens { text, list: tokenize(text.as_bytes(), true).ok()?, standard_strings: true })
}

/// The text with our calls cutting out the term of this slot; the same where nothing is to be changed.
pub(super) fn moved(text: &str, whose: &dyn Fn(&[String]) -> Whose, to: SearchSlot) -> String {
    with_slots(text, &|path| (whose(path) == Whose::Ours).then_some(to)).unwrap_or_else(|| text.to_owned())
}

/// Whether a call of ours cuts out the term of this slot.
pub(super) fn uses(text: &str, whose: &dyn Fn(&[String]) -> Whose, slot: SearchSlot) -> bool {
    calls(text).iter().any(|call| call.slot == slot && whose(&call.path) == Whose::Ours)
}

/// The calls in a text; none in one that cannot be read.
pub(super) fn calls(text: &str) -> Vec<crate::sql::EqualityCall> {
    equality_calls(text).unwrap_or_default()
}

/// Terms and envelopes that stand in a definition as constants.
pub(super) fn constants(text: &str) -> Vec<Constant> {
    let Some(tokens) = tokens(text) else { return Vec::new() };
    let values = (0..tokens.len()).filter_map(|at| tokens.string(at));
    values.filter_map(|value| constant(&value)).collect()
}

fn constant(text: &str) -> Option<Constant> {
    /// How an envelope of this format begins.
    const MAGIC: &[u8] = b"\xffPYR\x01";
    let digits = text.strip_prefix("\\x")?;
    let pairs = digits.as_bytes().chunks_exact(2);
    let bytes: Option<Vec<u8>> =
        pairs.map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()).collect();
    let bytes = bytes?;
    match bytes.get(8..16).and_then(|id| <[u8; 8]>::try_from(id).ok()) {
        Some(id) if bytes.starts_with(MAGIC) => Some(Constant::Envelope(KeyId::from_bytes(id))),
        _ => (bytes.len() == 16).then_some(Constant::Term),
    }
}

/// Whether a definition gives this name to something else than a column of it: behind AS, or in an alias's list of
/// columns (`FROM t a(id, email)`).
pub(super) fn gives_name(text: &str, name: &str) -> bool {
    /// Words before a call, which is no alias.
    const BEFORE_CALLS: &[&str] = &[
        "select", "distinct", "all", "and", "or", "not", "on", "where", "having", "when", "then", "else",
        "by", "case", "return", "in", "from", "join", "lateral", "using",
    ];
    let Some(tokens) = tokens(text) else { return true };
    (1..tokens.len()).filter(|&at| tokens.name(at).as_deref() == Some(name)).any(|at| {
        if tokens.is_word(at - 1, "as") {
            return true;
        }
        let mut open = at;
        while open > 1 && !tokens.is_sign(open, "(") {
            if tokens.name(open).is_none() && !tokens.is_sign(open, ",") {
                return false;
            }
            open -= 1;
        }
        let keyword = |at: usize| BEFORE_CALLS.iter().any(|word| tokens.is_word(at, word));
        let aliased = open.checked_sub(2).is_some_and(|before| {
            let behind = tokens.is_sign(before, ")") || tokens.name(before).is_some() && !keyword(before);
            behind && !keyword(open - 1)
        });
        tokens.is_sign(open, "(") && aliased && tokens.name(open - 1).is_some()
    })
}

/// Bodies of functions that the server keeps as text: the tokens of string literals that hold SQL.
pub(super) fn body_calls(body: &str) -> Vec<crate::sql::EqualityCall> {
    let mut found = calls(body);
    // EXECUTE runs what its literals hold.
    if let Some(tokens) = tokens(body) {
        for at in 0..tokens.len() {
            if matches!(tokens.kind(at), Some(Kind::Str | Kind::Escaped | Kind::Dollar))
                && let Some(inner) = tokens.string(at)
            {
                found.extend(calls(&inner));
            }
        }
    }
    found
}

/// An index as `pg_get_indexdef` prints it, taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct IndexText {
    /// `CREATE INDEX` or `CREATE UNIQUE INDEX`.
    head: String,
    /// From the table's name on.
    tail: String,
    /// On the table alone, not on its partitions.
    only: bool,
}

impl IndexText {
    pub(super) fn parse(text: &str) -> Option<Self> {
        let tokens = tokens(text)?;
        let index = (0..3).find(|&at| tokens.is_word(at, "index"))?;
        // The name is one token: the server never qualifies it here.
        let on = index + 2;
        if !tokens.is_word(on, "on") {
            return None;
        }
        let only = tokens.is_word(on + 1, "only");
        let table = if only { on + 2 } else { on + 1 };
        Some(Self {
            head: text.get(..tokens.end(index))?.to_owned(),
            tail: text.get(tokens.start(table)..)?.to_owned(),
            only,
        })
    }

    /// Over the other slot.
    pub(super) fn moved(&self, whose: &dyn Fn(&[String]) -> Whose, to: SearchSlot) -> Self {
        Self { tail: moved(&self.tail, whose, to), ..self.clone() }
    }

    /// Whether both give the same index, whatever their names.
    pub(super) fn is_like(&self, other: &Self) -> bool {
        self.head == other.head && self.tail == other.tail
    }

    /// The statement that makes it. An index of a partitioned table is made on that table alone: the
    /// partitions' are made one by one, without a lock that keeps writers waiting, and attached.
    pub(super) fn statement(&self, name: &str) -> String {
        let Self { head, tail, only } = self;
        match only {
            true => format!("{head} {name} ON ONLY {tail}"),
            false => format!("{head} CONCURRENTLY {name} ON {tail}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn whose(path: &[String]) -> Whose {
        match path.last().map(String::as_str) {
            Some("email") => Whose::Ours,
            Some(_) => Whose::Others,
            None => Whose::Unclear,
        }
    }

    #[test]
    fn an_index_is_moved_with_all_that_belongs_to_it() {
        let text = "CREATE UNIQUE INDEX \"t ON (x)\" ON public.t USING btree (region DESC NULLS LAST, \
                    pyrite.eq((email)::bytea), pyrite.eq((\"E Mail\")::bytea) DESC) INCLUDE (id) NULLS NOT DISTINCT \
                    WITH (fillfactor='70') WHERE ((region IS NOT NULL) AND (email IS NOT NULL))";
        let moved = IndexText::parse(text).unwrap().moved(&whose, SearchSlot::B);
        let expected = "CREATE UNIQUE INDEX CONCURRENTLY copy ON public.t USING btree (region DESC NULLS LAST, \
                        pyrite.eq_b((email)::bytea), pyrite.eq((\"E Mail\")::bytea) DESC) INCLUDE (id) NULLS NOT \
                        DISTINCT WITH (fillfactor='70') WHERE ((region IS NOT NULL) AND (email IS NOT NULL))";
        assert_eq!(moved.statement("copy"), expected);
        let back = expected.replace("CONCURRENTLY copy", "\"other name\"");
        assert!(IndexText::parse(&back).unwrap().is_like(&moved));
        assert!(!IndexText::parse(text).unwrap().is_like(&moved));
        assert!(!IndexText::parse(&back.replace("UNIQUE ", "")).unwrap().is_like(&moved));
    }

    #[test]
    fn an_index_of_a_partitioned_table_stays_its_own() {
        let text = "CREATE INDEX i ON ONLY public.p USING hash (pyrite.eq((email)::bytea))";
        let moved = IndexText::parse(text).unwrap().moved(&whose, SearchSlot::B);
        assert_eq!(
            moved.statement("\"C\""),
            "CREATE INDEX \"C\" ON ONLY public.p USING hash (pyrite.eq_b((email)::bytea))"
        );
        assert_eq!(IndexText::parse("ALTER TABLE t"), None);
        assert_eq!(IndexText::parse(""), None);
    }

    #[test]
    fn constants_made_under_keys_are_found() {
        let envelope = format!("'\\xff5059520101000100000000000000af{}'::pyrite.encrypted", "00".repeat(64));
        for (text, expected) in [
            ("pyrite.eq(email) = '\\x000102030405060708090a0b0c0d0e0f'::bytea", vec![Constant::Term]),
            (envelope.as_str(), vec![Constant::Envelope(KeyId(0xaf))]),
            (
                "'\\x0001'::bytea = '\\xff50595201' OR \"\\x000102030405060708090a0b0c0d0e0f\" = '\\xzz'",
                vec![],
            ),
            ("/* '\\x000102030405060708090a0b0c0d0e0f' */ email IS NULL", vec![]),
            ("ARRAY['\\x000102030405060708090A0B0C0D0E0F'::bytea]", vec![Constant::Term]),
        ] {
            assert_eq!(constants(text), expected, "{text}");
        }
    }

    #[test]
    fn calls_are_found_in_what_a_body_executes() {
        assert_eq!(body_calls("BEGIN EXECUTE 'SELECT pyrite.eq(email) FROM t'; END").len(), 1);
        assert_eq!(
            body_calls("BEGIN PERFORM pyrite.eq_b(email); EXECUTE $q$ SELECT pyrite.eq(x) $q$; END").len(),
            2
        );
        assert!(body_calls("BEGIN RETURN NEW; -- pyrite.eq(email)\n END").is_empty());
    }

    #[test]
    fn names_given_to_other_things_are_seen() {
        for (text, given) in [
            ("SELECT s.email FROM (SELECT t.phone AS email FROM t) s", true),
            ("SELECT t_1.email FROM (t t_1(id, email) JOIN u ON (true))", true),
            ("SELECT s.email FROM (SELECT 1) s(email)", true),
            ("SELECT count(t.email), lower(email) FROM t WHERE (email) IS NULL AND f(email)", false),
            ("SELECT t.id, pyrite.eq((t.email)::bytea) FROM t", false),
            ("SELECT t.id, pyrite.eq(email) FROM t", false),
        ] {
            assert_eq!(gives_name(text, "email"), given, "{text}");
        }
    }

    #[test]
    fn only_calls_of_ours_move() {
        let text = "SELECT pyrite.eq((t.email)::bytea) = pyrite.eq((u.phone)::bytea)";
        assert_eq!(
            moved(text, &whose, SearchSlot::B),
            "SELECT pyrite.eq_b((t.email)::bytea) = pyrite.eq((u.phone)::bytea)"
        );
        assert!(uses(text, &whose, SearchSlot::A) && !uses(text, &whose, SearchSlot::B));
    }
}
