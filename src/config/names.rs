//! Names as PostgreSQL's SQL writes them: `customers`, `"Customers"`, `public."odd.name"`.

use std::fmt::Write as _;

/// Longest name that PostgreSQL stores, in bytes; it cuts longer ones short.
const NAME_BYTES: usize = 63;

/// A name that cannot be read, and the way out.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct NameError {
    pub(super) message: String,
    pub(super) way_out: String,
}

impl NameError {
    fn new(message: impl Into<String>, way_out: impl Into<String>) -> Self {
        Self { message: message.into(), way_out: way_out.into() }
    }
}

/// Reads a name of one part, as a column's.
pub(super) fn one_part(text: &str) -> Result<String, NameError> {
    let mut parts = parts(text)?;
    match (parts.pop(), parts.is_empty()) {
        (Some(name), true) => Ok(name),
        _ => Err(NameError::new(
            format!("`{text}` is a name of several parts where one is expected"),
            format!("a dot that belongs to the name needs double quotes: '{}'", quoted(text)),
        )),
    }
}

/// Reads `schema.table`.
pub(super) fn schema_and_table(text: &str) -> Result<(String, String), NameError> {
    let parts = parts(text)?;
    match <[String; 2]>::try_from(parts) {
        Ok([schema, table]) => Ok((schema, table)),
        Err(parts) if parts.len() == 1 => Err(NameError::new(
            format!("the table name `{text}` has no schema"),
            format!(
                "write schema and table in one pair of TOML quotes, as in \
                 [databases.NAME.tables.\"public.{}\"]",
                parts.first().map_or("", |part| part.as_str())
            ),
        )),
        Err(_) => Err(NameError::new(
            format!("the table name `{text}` has more than two parts"),
            "write `schema.table`; a dot that belongs to a name needs double quotes: 'public.\"odd.name\"'",
        )),
    }
}

/// Writes a name as SQL needs it: quoted only where it must be.
pub(crate) fn display(name: &str) -> String {
    let plain = name.bytes().enumerate().all(|(index, byte)| match byte {
        b'a'..=b'z' | b'_' => true,
        b'0'..=b'9' | b'$' => index > 0,
        _ => byte >= 0x80,
    });
    if plain && !name.is_empty() { name.to_owned() } else { quoted(name) }
}

/// Writes a name in double quotes.
pub(crate) fn quoted(name: &str) -> String {
    let mut out = String::with_capacity(name.len() + 2);
    let _ = write!(out, "\"{}\"", name.replace('"', "\"\""));
    out
}

/// Splits at dots outside double quotes and takes the quotes off.
fn parts(text: &str) -> Result<Vec<String>, NameError> {
    let mut parts = Vec::new();
    let mut rest = text;
    loop {
        let (part, after) = match rest.strip_prefix('"') {
            Some(inside) => quoted_part(text, inside)?,
            None => plain_part(text, rest)?,
        };
        if part.len() > NAME_BYTES {
            return Err(NameError::new(
                format!("the name `{part}` is longer than {NAME_BYTES} bytes"),
                "PostgreSQL cuts names to that length; write the name as the catalog has it",
            ));
        }
        parts.push(part);
        match after.strip_prefix('.') {
            Some(next) => rest = next,
            None if after.is_empty() => return Ok(parts),
            None => {
                return Err(NameError::new(
                    format!("`{text}` goes on after a closing quote"),
                    "between the parts of a name belongs a dot; a quote inside a name is doubled",
                ));
            }
        }
    }
}

/// The part up to the closing quote, which is doubled inside; and what follows.
fn quoted_part<'a>(whole: &str, inside: &'a str) -> Result<(String, &'a str), NameError> {
    let mut part = String::new();
    let mut rest = inside;
    loop {
        let Some((before, after)) = rest.split_once('"') else {
            return Err(NameError::new(
                format!("`{whole}` opens a double quote and does not close it"),
                "close the quote; a quote that belongs to the name is doubled",
            ));
        };
        part.push_str(before);
        match after.strip_prefix('"') {
            Some(next) => {
                part.push('"');
                rest = next;
            }
            None if part.is_empty() || part.contains('\0') => {
                return Err(NameError::new(
                    format!("`{whole}` has a part that no name can be"),
                    "a name has at least one character and no NUL",
                ));
            }
            None => return Ok((part, after)),
        }
    }
}

/// The unquoted part up to the next dot; and what follows.
fn plain_part<'a>(whole: &str, rest: &'a str) -> Result<(String, &'a str), NameError> {
    let end = rest.find('.').unwrap_or(rest.len());
    let (part, after) = rest.split_at(end);
    if part.is_empty() {
        return Err(NameError::new(
            format!("`{whole}` has an empty part"),
            "write a name on both sides of the dot",
        ));
    }
    if display(part) == part {
        return Ok((part.to_owned(), after));
    }
    // PostgreSQL folds unquoted names, ORMs quote them: guessing wrong would leave a column plain.
    if part.bytes().any(|byte| byte.is_ascii_uppercase())
        && display(&part.to_ascii_lowercase()) == part.to_ascii_lowercase()
    {
        return Err(NameError::new(
            format!("`{part}` has capitals but no double quotes, so it could mean two names"),
            format!(
                "write '{}' if the catalog has the capitals, or `{}` if it does not",
                quoted(part),
                part.to_ascii_lowercase()
            ),
        ));
    }
    Err(NameError::new(
        format!("`{part}` is not a name without double quotes"),
        format!("write it as SQL does, in single TOML quotes: '{}'", quoted(part)),
    ))
}

#[cfg(test)]
mod tests {
    use super::{display, one_part, schema_and_table};

    fn pair(schema: &str, table: &str) -> (String, String) {
        (schema.into(), table.into())
    }

    #[test]
    fn names_read_as_sql_reads_them() {
        assert_eq!(schema_and_table("public.customers"), Ok(pair("public", "customers")));
        assert_eq!(schema_and_table("\"public\".\"customers\""), Ok(pair("public", "customers")));
        assert_eq!(schema_and_table("a1.\"b.c\"\"d\""), Ok(pair("a1", "b.c\"d")));
        assert_eq!(schema_and_table("\"A b\".ü_$1"), Ok(pair("A b", "ü_$1")));
        assert_eq!(one_part("\"eMail\""), Ok("eMail".into()));
        assert_eq!(one_part("_x9"), Ok("_x9".into()));
    }

    #[test]
    fn what_is_no_name_is_refused_with_a_way_out() {
        let cases = [
            ("customers", "no schema"),
            ("a.b.c", "more than two"),
            ("", "empty part"),
            ("public.", "empty part"),
            (".customers", "empty part"),
            ("public.Customers", "capitals"),
            ("public.my table", "without double quotes"),
            ("public.1st", "without double quotes"),
            ("public.\"customers", "does not close"),
            ("public.\"\"", "no name can be"),
            ("public.\"a\"b", "after a closing quote"),
        ];
        for (text, expected) in cases {
            let error = schema_and_table(text).unwrap_err();
            assert!(error.message.contains(expected), "{text}: {}", error.message);
            assert!(!error.way_out.is_empty());
        }
        let long = format!("public.{}", "x".repeat(64));
        assert!(schema_and_table(&long).unwrap_err().message.contains("63 bytes"));
        assert!(one_part("a.b").unwrap_err().way_out.contains("'\"a.b\"'"));
    }

    #[test]
    fn display_gives_back_what_reads_the_same() {
        for name in ["plain", "With Capital", "1st", "dot.ted", "quo\"te", "ünï", "a$"] {
            assert_eq!(one_part(&display(name)), Ok(name.to_owned()), "{name}");
        }
        assert_eq!(display("plain"), "plain");
        assert_eq!(display("Order"), "\"Order\"");
    }
}
