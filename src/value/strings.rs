//! Character strings: encoding, length limits and padding.

use zeroize::Zeroizing;

use super::{Type, ValueError};

/// A string that is wiped when dropped.
pub(crate) type Secret = Zeroizing<String>;

/// Client text as UTF-8 without NUL, or 22021 as the server would say.
pub(crate) fn utf8(bytes: &[u8]) -> Result<&str, ValueError> {
    if memchr::memchr(0, bytes).is_some() {
        return Err(ValueError::new("22021", "invalid byte sequence for encoding \"UTF8\": 0x00"));
    }
    std::str::from_utf8(bytes)
        .map_err(|_| ValueError::new("22021", "invalid byte sequence for encoding \"UTF8\""))
}

/// Trailing blanks do not count in `char`.
pub(crate) fn strip(text: &str) -> &str {
    text.trim_end_matches(' ')
}

/// Applies the limit of `varchar(n)`.
pub(crate) fn limit(text: Secret, limit: Option<u32>, explicit: bool) -> Result<Secret, ValueError> {
    match limit {
        Some(n) => cut(text, n, explicit, &Type::Varchar(Some(n))),
        None => Ok(text),
    }
}

/// Applies the length of `char(n)`: cuts as [`limit`] does, and pads.
pub(crate) fn pad(text: Secret, length: u32, explicit: bool) -> Result<Secret, ValueError> {
    if length == 0 {
        return Ok(text);
    }
    let mut text = cut(text, length, explicit, &Type::Char(length))?;
    let missing = missing(&text, length);
    if missing > 0 {
        // A reallocation would leave a copy behind that is not wiped.
        let mut padded = Secret::new(String::with_capacity(text.len() + missing));
        padded.push_str(&text);
        padded.extend(std::iter::repeat_n(' ', missing));
        text = padded;
    }
    Ok(text)
}

/// How many blanks `text` lacks to have `length` characters.
pub(crate) fn missing(text: &str, length: u32) -> usize {
    let length = usize::try_from(length).unwrap_or(usize::MAX);
    length.saturating_sub(text.chars().count())
}

fn cut(mut text: Secret, n: u32, explicit: bool, ty: &Type) -> Result<Secret, ValueError> {
    let n = usize::try_from(n).unwrap_or(usize::MAX);
    if text.len() <= n {
        return Ok(text);
    }
    let Some((at, _)) = text.char_indices().nth(n) else { return Ok(text) };
    // Only an explicit cast may lose something; blanks are no loss.
    let excess = text.get(at..).unwrap_or_default();
    if !explicit && !excess.bytes().all(|b| b == b' ') {
        return Err(ValueError::new("22001", format!("value too long for type {ty}")));
    }
    text.truncate(at);
    Ok(text)
}

/// The white space of C's `isspace`, which input functions skip.
pub(crate) fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | 0x0b | 0x0c | b'\r')
}

/// Text without white space around it.
pub(crate) fn trim(text: &str) -> &str {
    text.trim_matches(|c: char| c.is_ascii() && is_space(c as u8))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret(text: &str) -> Secret {
        Secret::new(text.to_string())
    }

    #[test]
    fn lengths_count_characters() {
        assert_eq!(limit(secret("äöü"), Some(3), false).unwrap().as_str(), "äöü");
        assert_eq!(limit(secret("äöüß"), Some(3), false).unwrap_err().sqlstate, "22001");
        assert_eq!(limit(secret("äöü  "), Some(3), false).unwrap().as_str(), "äöü");
        assert_eq!(limit(secret("äöüß"), Some(3), true).unwrap().as_str(), "äöü");
        assert_eq!(pad(secret("ä"), 3, false).unwrap().as_str(), "ä  ");
        assert_eq!(pad(secret("ä "), 0, false).unwrap().as_str(), "ä ");
    }

    #[test]
    fn text_is_utf8_without_nul() {
        assert_eq!(utf8(b"a\0b").unwrap_err().sqlstate, "22021");
        assert_eq!(utf8(b"\xff").unwrap_err().sqlstate, "22021");
        assert_eq!(utf8("𝄞".as_bytes()).unwrap(), "𝄞");
    }
}
