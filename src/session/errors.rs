//! The server's errors as the client shall see them.

use crate::sql::plan::Refusal;
use crate::wire::backend::Fields;
use crate::wire::build;

use super::conflict::known_name;
use super::machine::Verdict;

/// What analysis says of the text that stands for a refused statement.
const UNDEFINED_COLUMN: &[u8] = b"42703";

/// Puts our error over the server's, if that is the expected one. Another (the transaction has failed
/// before, say) is the truth and stays.
pub(super) fn refused(fields: &Fields<'_>, refusal: &Refusal, out: &mut Vec<u8>) -> Verdict {
    if fields.sqlstate() != UNDEFINED_COLUMN {
        return Verdict::Pass;
    }
    report(refusal, out);
    Verdict::Replace
}

/// Writes an error of ours.
pub(super) fn report(refusal: &Refusal, out: &mut Vec<u8>) {
    build::error(
        out,
        &build::Report {
            severity: "ERROR",
            sqlstate: refusal.sqlstate,
            message: &refusal.message,
            detail: refusal.detail.as_deref(),
            hint: refusal.hint.as_deref(),
            position: refusal.position,
        },
    );
}

/// Writes an error that the server gave to a query of ours, which the client's statement would have met.
pub(super) fn repeated(body: &[u8], out: &mut Vec<u8>) -> Verdict {
    let Ok(fields) = Fields::parse(body) else { return Verdict::Pass };
    // Places are those in our query.
    mapped(&fields, b'E', true, |_| None, None, out)
}

/// Maps an error or notice about rewritten text back: its position, the name of a `twin` of an index, and names of columns in DETAIL where the
/// server shows index expressions of ours.
pub(super) fn mapped(
    fields: &Fields<'_>,
    tag: u8,
    hide_context: bool,
    position: impl Fn(u32) -> Option<u32>,
    twin: Option<(&str, &str)>,
    out: &mut Vec<u8>,
) -> Verdict {
    build::frame(out, tag, |out| {
        for (kind, value) in fields.iter() {
            if let Some(text) = known_name(kind, value, twin) {
                out.push(kind);
                build::cstr(out, &text);
                continue;
            }
            match kind {
                b'P' => {
                    let server = std::str::from_utf8(value).ok().and_then(|p| p.parse().ok());
                    if let Some(p) = server.and_then(&position) {
                        out.push(b'P');
                        build::cstr(out, p.to_string().as_bytes());
                    }
                }
                b'D' => {
                    out.push(b'D');
                    build::cstr(out, &detail(value));
                }
                b'W' if !hide_context => {
                    out.push(b'W');
                    build::cstr(out, super::copy::context(value));
                }
                // Of a block of ours that the client has not written.
                b'W' | b'q' | b'p' if hide_context => {}
                _ => {
                    out.push(kind);
                    build::cstr(out, value);
                }
            }
        }
        out.push(0);
    });
    Verdict::Replace
}

/// `Key (pyrite.eq(email))=(\x…) already exists.` becomes `Key (email) already exists.`: the values that the
/// server knows are terms, which say nothing to anybody.
fn detail(text: &[u8]) -> Vec<u8> {
    let Ok(text) = std::str::from_utf8(text) else {
        return text.to_vec();
    };
    let cleaned = text.strip_prefix("Key (").filter(|rest| rest.contains("pyrite.")).and_then(|rest| {
        let (columns, values) = rest.split_once(")=(")?;
        let (_, tail) = values.rsplit_once(')')?;
        Some(format!("Key ({}){tail}", without_functions(columns)))
    });
    without_envelopes(&cleaned.unwrap_or_else(|| text.to_owned())).into_bytes()
}

/// `Failing row contains (1, \xff505952…)` becomes `Failing row contains (1, (encrypted))`.
fn without_envelopes(text: &str) -> String {
    /// How an envelope starts, in both text formats of `bytea`.
    const STARTS: [&str; 2] = ["\\xff505952", "\\377PYR"];
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = STARTS.iter().filter_map(|start| rest.find(start)).min() {
        let (before, envelope) = rest.split_at(at);
        out.push_str(before);
        out.push_str("(encrypted)");
        // The server cuts long values short and shows it by dots.
        let end = envelope.find([',', ')']).unwrap_or(envelope.len());
        rest = envelope.get(end..).unwrap_or_default();
    }
    out.push_str(rest);
    out
}

/// `pyrite.eq(email::bytea), region` becomes `email, region`.
fn without_functions(columns: &str) -> String {
    let mut out = String::with_capacity(columns.len());
    let mut rest = columns;
    while let Some((before, call)) = rest.split_once("pyrite.") {
        out.push_str(before);
        let call = call.split_once('(').and_then(|(_, inside)| Some((inside, closing(inside)?)));
        let Some((inside, end)) = call else { break };
        out.push_str(column(inside.get(..end).unwrap_or_default()));
        rest = inside.get(end + 1..).unwrap_or_default();
    }
    out.push_str(rest);
    out
}

/// Where the parenthesis that is open at the start closes; those in quoted names do not count.
fn closing(text: &str) -> Option<usize> {
    let (mut depth, mut quoted) = (1, false);
    text.bytes().position(|byte| {
        match byte {
            b'"' => quoted = !quoted,
            b'(' if !quoted => depth += 1,
            b')' if !quoted => depth -= 1,
            _ => {}
        }
        depth == 0
    })
}

/// The column in `(email)::bytea`.
fn column(argument: &str) -> &str {
    let name = argument.strip_suffix("::bytea").unwrap_or(argument);
    name.strip_prefix('(').and_then(|n| n.strip_suffix(')')).unwrap_or(name)
}

/// An error that a question of ours met, as the client's statement shall show it.
pub(super) fn taken_over(fields: &Fields<'_>) -> Refusal {
    let text = |kind| String::from_utf8_lossy(fields.get(kind).unwrap_or_default()).into_owned();
    Refusal {
        sqlstate: "58000",
        message: format!("Pyrite could not read the session's settings: {} ({})", text(b'M'), text(b'C')),
        detail: None,
        hint: fields.get(b'H').map(|_| text(b'H')),
        position: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(fields: &[(u8, &str)]) -> Vec<u8> {
        let mut body = Vec::new();
        for (kind, value) in fields {
            body.push(*kind);
            build::cstr(&mut body, value.as_bytes());
        }
        body.push(0);
        body
    }

    #[test]
    fn only_the_expected_error_is_replaced() {
        let refusal = Refusal {
            sqlstate: "0A000",
            message: "no".into(),
            detail: None,
            hint: Some("do".into()),
            position: Some(3),
        };
        let mut out = Vec::new();
        let body = error(&[(b'S', "ERROR"), (b'C', "25P02"), (b'M', "aborted")]);
        assert_eq!(refused(&Fields::parse(&body).unwrap(), &refusal, &mut out), Verdict::Pass);
        assert!(out.is_empty());
        let body = error(&[(b'S', "ERROR"), (b'C', "42703"), (b'M', "column"), (b'P', "8")]);
        assert_eq!(refused(&Fields::parse(&body).unwrap(), &refusal, &mut out), Verdict::Replace);
        let fields = Fields::parse(&out[5..]).unwrap();
        assert_eq!(
            (fields.sqlstate(), fields.get(b'P'), fields.get(b'H')),
            (&b"0A000"[..], Some(&b"3"[..]), Some(&b"do"[..]))
        );
    }

    #[test]
    fn terms_do_not_show_in_details() {
        let of = |text: &str| String::from_utf8(detail(text.as_bytes())).unwrap();
        assert_eq!(of("Key (pyrite.eq(email))=(\\x0011) already exists."), "Key (email) already exists.");
        assert_eq!(
            of("Key (region, pyrite.eq((email)::bytea))=(1, \\x00) already exists."),
            "Key (region, email) already exists."
        );
        assert_eq!(
            of("Key (pyrite.eq(\"a)b\"::bytea), x)=(\\x00, 1) already exists."),
            "Key (\"a)b\", x) already exists."
        );
        assert_eq!(
            of("Failing row contains (1, null, \\xff50595201010001f4..., x)."),
            "Failing row contains (1, null, (encrypted), x)."
        );
        assert_eq!(of("Key (id)=(1) already exists."), "Key (id)=(1) already exists.");
    }

    #[test]
    fn positions_are_mapped_and_our_context_is_hidden() {
        let body = error(&[(b'C', "42601"), (b'P', "40"), (b'W', "inline code block"), (b'F', "x.c")]);
        let mut out = Vec::new();
        mapped(&Fields::parse(&body).unwrap(), b'E', true, |p| Some(p - 30), None, &mut out);
        let fields = Fields::parse(&out[5..]).unwrap();
        assert_eq!(
            (fields.get(b'P'), fields.get(b'W'), fields.get(b'F')),
            (Some(&b"10"[..]), None, Some(&b"x.c"[..]))
        );
    }
}
