//! Unique violations while an index key is rotated. Each unique index has a twin over the other term then, under a
//! name of ours, and both are there for a while.

use crate::catalog::{Catalog, SearchSlot};
use crate::sql::lexer::{Tokens, tokenize};
use crate::sql::plan::{Piece, Refusal, ScriptRewrite};
use crate::wire::backend::Fields;

/// SQLSTATE of a unique violation.
const UNIQUE_VIOLATION: &[u8] = b"23505";

/// Whether a statement says ON CONFLICT.
pub(super) fn has_on_conflict(text: &[u8]) -> bool {
    const WORD: &[u8] = b"conflict";
    // Reading the tokens of every text would be a waste.
    let named = memchr::memchr2_iter(b'c', b'C', text)
        .any(|at| text.get(at..at + WORD.len()).is_some_and(|word| word.eq_ignore_ascii_case(WORD)));
    let Some(text) = std::str::from_utf8(text).ok().filter(|_| named) else { return false };
    let Ok(list) = tokenize(text.as_bytes(), true) else { return false };
    let tokens = Tokens { text, list, standard_strings: true };
    (1..tokens.len()).any(|at| tokens.is_word(at, "conflict") && tokens.is_word(at - 1, "on"))
}

/// Which statements of a script say ON CONFLICT; empty if none does.
pub(super) fn conflicts(script: &ScriptRewrite, client: &[u8]) -> Vec<bool> {
    if !has_on_conflict(client) {
        return Vec::new();
    }
    let says = |pieces: &[Piece]| {
        let sources = || {
            pieces.iter().filter_map(|piece| match piece {
                Piece::Source(range) => Some(range),
                _ => None,
            })
        };
        let (start, end) = (sources().map(|r| r.start).min()?, sources().map(|r| r.end).max()?);
        Some(has_on_conflict(client.get(start..end)?))
    };
    let statements = script.statements.iter();
    statements.map(|s| script.pieces.get(s.pieces.clone()).and_then(says).unwrap_or(false)).collect()
}

/// An INSERT … ON CONFLICT lost a race: another transaction put in the same key between its look at the index that
/// it names and the insertion. PostgreSQL looks again then; but here the twin, which the statement does not name,
/// was violated first. Trying again is what PostgreSQL would have done.
pub(super) fn lost_race(fields: &Fields<'_>, pieces: &[Piece]) -> Option<Refusal> {
    if fields.sqlstate() != UNIQUE_VIOLATION {
        return None;
    }
    let detail = std::str::from_utf8(fields.get(b'D')?).ok()?;
    let (key, _) = detail.split_once(")=(")?;
    let calls = |text: &str, slot: SearchSlot| text.contains(&format!("{}(", slot.equality_function()));
    let searches = |slot| pieces.iter().any(|piece| matches!(piece, Piece::Text(text) if calls(text, slot)));
    let twin = SearchSlot::ALL.into_iter().find(|slot| calls(key, *slot) && !searches(*slot))?;
    searches(twin.other()).then(|| Refusal {
        sqlstate: "40001",
        message: "could not serialize access due to a concurrent insertion of the same key".into(),
        detail: Some("An index key is being rotated, and the value's other index was met first.".into()),
        hint: Some("The transaction might succeed if retried.".into()),
        position: None,
    })
}

/// A field of an error with the name that the application knows in place of a twin's, if there is one in it.
pub(super) fn known_name(kind: u8, value: &[u8], twin: Option<(&str, &str)>) -> Option<Vec<u8>> {
    let (twin, name) = twin?;
    match kind {
        b'n' => (value == twin.as_bytes()).then(|| name.as_bytes().to_vec()),
        b'M' => {
            let text = std::str::from_utf8(value).ok()?;
            text.contains(twin).then(|| text.replace(twin, name).into_bytes())
        }
        _ => None,
    }
}

/// The twin that an error is about, and the name that the application knows it by.
pub(super) fn twin<'a>(fields: &Fields<'a>, catalog: &'a Catalog) -> Option<(&'a str, &'a str)> {
    let name = std::str::from_utf8(fields.get(b'n')?).ok()?;
    Some((name, catalog.replaced_index(name)?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::build;

    #[test]
    fn on_conflict_is_found_as_words_only() {
        for (text, expected) in [
            ("INSERT INTO t VALUES (1) ON CONFLICT DO NOTHING", true),
            ("insert into t values (1) on /* a */ conflict (a) do nothing", true),
            ("INSERT INTO t VALUES ('ON CONFLICT')", false),
            ("INSERT INTO t VALUES (1) -- ON CONFLICT", false),
            ("INSERT INTO conflict VALUES (1)", false),
            ("SELECT 1", false),
        ] {
            assert_eq!(has_on_conflict(text.as_bytes()), expected, "{text}");
        }
    }

    #[test]
    fn only_the_other_index_of_a_pair_means_a_lost_race() {
        let error = |code: &str, detail: &str| {
            let mut body = Vec::new();
            for (kind, value) in [(b'C', code), (b'D', detail)] {
                body.push(kind);
                build::cstr(&mut body, value.as_bytes());
            }
            body.push(0);
            body
        };
        let lost = |code, detail, text: &str| {
            let body = error(code, detail);
            lost_race(&Fields::parse(&body).unwrap(), &[Piece::Text(text.into())]).is_some()
        };
        let (a, b) = (
            "Key (pyrite.eq(email::bytea))=(\\x00) already exists.",
            "Key (pyrite.eq_b(email))=(x) already exists.",
        );
        assert!(lost("23505", b, "pyrite.eq(email)"));
        assert!(lost("23505", a, "pyrite.eq_b(email)"));
        assert!(!lost("23505", a, "pyrite.eq(email)"), "the index that it names");
        assert!(!lost("23505", b, "public.t"), "it names another one");
        assert!(!lost("23503", b, "pyrite.eq(email)"));
        assert!(!lost("23505", "Key (id)=(pyrite.eq_b() already exists.", "pyrite.eq(email)"));
    }
}
