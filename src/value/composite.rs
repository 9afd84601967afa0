//! Records and arrays as containers: their parts in text and binary format, whatever those are.

use super::ValueError;
use super::strings::is_space;

fn malformed(what: &str) -> ValueError {
    ValueError::new("XX001", format!("the server sent a malformed {what}"))
}

/// The fields of a record in text format, without their quotes. NULL fields are `None`; `()` is one of them, or none
/// at all.
pub fn record_fields(text: &[u8]) -> Result<Vec<Option<Vec<u8>>>, ValueError> {
    let bad = || malformed("record");
    let inner = text.strip_prefix(b"(").and_then(|t| t.strip_suffix(b")")).ok_or_else(bad)?;
    let mut fields = Vec::new();
    let mut field = Vec::new();
    let (mut present, mut quoted) = (false, false);
    let mut bytes = inner.iter().copied().peekable();
    while let Some(byte) = bytes.next() {
        match byte {
            b'"' if quoted && bytes.peek() == Some(&b'"') => {
                bytes.next();
                field.push(b'"');
            }
            b'"' => {
                quoted = !quoted;
                present = true;
            }
            b'\\' => {
                field.push(bytes.next().ok_or_else(bad)?);
                present = true;
            }
            b',' if !quoted => {
                fields.push(present.then(|| std::mem::take(&mut field)));
                field.clear();
                present = false;
            }
            other => {
                field.push(other);
                present = true;
            }
        }
    }
    if quoted {
        return Err(bad());
    }
    fields.push(present.then_some(field));
    Ok(fields)
}

/// Appends a field of a record in text format, as record_out in src/backend/utils/adt/rowtypes.c quotes it.
pub fn write_record_field(field: Option<&[u8]>, out: &mut Vec<u8>) {
    let Some(field) = field else { return };
    let special = |b: &u8| matches!(b, b'"' | b'\\' | b'(' | b')' | b',') || is_space(*b);
    if !field.is_empty() && !field.iter().any(special) {
        out.extend_from_slice(field);
        return;
    }
    out.push(b'"');
    for &byte in field {
        if matches!(byte, b'"' | b'\\') {
            out.push(byte);
        }
        out.push(byte);
    }
    out.push(b'"');
}

/// A field of a record in binary format: type OID and value.
pub type BinaryField<'a> = (u32, Option<&'a [u8]>);

/// The fields of a record in binary format.
pub fn record_fields_binary(bytes: &[u8]) -> Result<Vec<BinaryField<'_>>, ValueError> {
    let bad = || malformed("record");
    let mut rest = bytes;
    let count = usize::try_from(word(&mut rest).ok_or_else(bad)?).map_err(|_| bad())?;
    // Each field has a type and a length: a count beyond that must not allocate.
    if count > rest.len() / 8 {
        return Err(bad());
    }
    let mut fields = Vec::with_capacity(count);
    for _ in 0..count {
        let oid = word(&mut rest).ok_or_else(bad)? as u32;
        fields.push((oid, sized(&mut rest).ok_or_else(bad)?));
    }
    if rest.is_empty() { Ok(fields) } else { Err(bad()) }
}

/// An array in binary format, its elements in order.
#[derive(Debug)]
pub struct BinaryArray<'a> {
    /// Number of dimensions and flag of NULLs.
    pub head: &'a [u8],
    /// Type of the elements.
    pub element: u32,
    /// Lengths and lower bounds.
    pub bounds: &'a [u8],
    /// The elements.
    pub elements: Vec<Option<&'a [u8]>>,
}

/// Reads an array in binary format.
pub fn binary_array(bytes: &[u8]) -> Result<BinaryArray<'_>, ValueError> {
    let bad = || malformed("array");
    let (head, mut rest) = bytes.split_at_checked(8).ok_or_else(bad)?;
    let dimensions = usize::try_from(word(&mut &*head).ok_or_else(bad)?).map_err(|_| bad())?;
    let element = word(&mut rest).ok_or_else(bad)? as u32;
    let (bounds, mut rest) =
        dimensions.checked_mul(8).and_then(|n| rest.split_at_checked(n)).ok_or_else(bad)?;
    let mut elements = Vec::new();
    while !rest.is_empty() {
        elements.push(sized(&mut rest).ok_or_else(bad)?);
    }
    let mut lengths = bounds;
    let mut count = usize::from(dimensions > 0);
    while !lengths.is_empty() {
        let length = word(&mut lengths).and_then(|n| usize::try_from(n).ok()).ok_or_else(bad)?;
        count = count.checked_mul(length).ok_or_else(bad)?;
        word(&mut lengths);
    }
    if count != elements.len() {
        return Err(bad());
    }
    Ok(BinaryArray { head, element, bounds, elements })
}

fn word(rest: &mut &[u8]) -> Option<i32> {
    let (head, tail) = rest.split_first_chunk::<4>()?;
    *rest = tail;
    Some(i32::from_be_bytes(*head))
}

fn sized<'a>(rest: &mut &'a [u8]) -> Option<Option<&'a [u8]>> {
    let length = word(rest)?;
    if length == -1 {
        return Some(None);
    }
    let (head, tail) = rest.split_at_checked(usize::try_from(length).ok()?)?;
    *rest = tail;
    Some(Some(head))
}

/// What an array in text format is made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ArrayPart<'a> {
    /// Bounds, braces and commas.
    Mark(&'a [u8]),
    /// An element without its quotes; NULL is `None`.
    Element(Option<Vec<u8>>),
}

/// The parts of an array in text format, as the server writes it.
pub fn array_parts(text: &[u8]) -> Result<Vec<ArrayPart<'_>>, ValueError> {
    let bad = || malformed("array");
    let open = text.iter().position(|b| *b == b'{').ok_or_else(bad)?;
    let (bounds, mut rest) = text.split_at_checked(open).ok_or_else(bad)?;
    let mut parts = Vec::new();
    if !bounds.is_empty() {
        parts.push(ArrayPart::Mark(bounds));
    }
    let mut depth = 0usize;
    while let Some(first) = rest.first() {
        match first {
            b'{' | b'}' | b',' => {
                depth = match first {
                    b'{' => depth + 1,
                    b'}' => depth.checked_sub(1).ok_or_else(bad)?,
                    _ => depth,
                };
                let (mark, after) = rest.split_at(1);
                parts.push(ArrayPart::Mark(mark));
                rest = after;
                if depth == 0 && !rest.is_empty() {
                    return Err(bad());
                }
            }
            b'"' => {
                let (element, after) = quoted(rest).ok_or_else(bad)?;
                parts.push(ArrayPart::Element(Some(element)));
                rest = after;
            }
            _ => {
                let end = rest.iter().position(|b| matches!(b, b',' | b'}')).ok_or_else(bad)?;
                let (element, after) = rest.split_at(end);
                let null = element.eq_ignore_ascii_case(b"null");
                parts.push(ArrayPart::Element((!null).then(|| element.to_vec())));
                rest = after;
            }
        }
    }
    if depth == 0 { Ok(parts) } else { Err(bad()) }
}

/// The element behind an opening quote, and what follows its closing one.
fn quoted(text: &[u8]) -> Option<(Vec<u8>, &[u8])> {
    let mut out = Vec::new();
    let mut rest = text.get(1..)?;
    loop {
        let (byte, after) = rest.split_first()?;
        rest = after;
        match byte {
            b'"' => return Some((out, rest)),
            b'\\' => {
                let (escaped, after) = rest.split_first()?;
                out.push(*escaped);
                rest = after;
            }
            other => out.push(*other),
        }
    }
}

/// Appends an element of an array in text format, as array_out in src/backend/utils/adt/arrayfuncs.c quotes it.
pub fn write_array_element(element: Option<&[u8]>, out: &mut Vec<u8>) {
    let Some(element) = element else {
        out.extend_from_slice(b"NULL");
        return;
    };
    let special = |b: &u8| matches!(b, b'"' | b'\\' | b'{' | b'}' | b',') || is_space(*b);
    let quotes = element.is_empty() || element.eq_ignore_ascii_case(b"null") || element.iter().any(special);
    if !quotes {
        out.extend_from_slice(element);
        return;
    }
    out.push(b'"');
    for &byte in element {
        if matches!(byte, b'"' | b'\\') {
            out.push(b'\\');
        }
        out.push(byte);
    }
    out.push(b'"');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_in_text() {
        let fields = record_fields(br#"(1,,"","a ""b"" \\ \"x","\\xff")"#).unwrap();
        let expected: Vec<Option<&[u8]>> =
            vec![Some(b"1"), None, Some(b""), Some(br#"a "b" \ "x"#), Some(br"\xff")];
        assert_eq!(fields.iter().map(Option::as_deref).collect::<Vec<_>>(), expected);
        let mut out = Vec::new();
        for field in fields {
            write_record_field(field.as_deref(), &mut out);
            out.push(b',');
        }
        assert_eq!(out, br#"1,,"","a ""b"" \\ ""x","\\xff","#);
        assert_eq!(record_fields(b"()").unwrap(), [None]);
        for bad in [&b""[..], b"(", b"1,2", b"(\"a)", b"(a\\)"] {
            assert!(record_fields(bad).is_err());
        }
    }

    #[test]
    fn arrays_in_text() {
        let parts = array_parts(br#"[0:1][2:2]={{"a,\"b"},{NULL}}"#).unwrap();
        let mut out = Vec::new();
        for part in &parts {
            match part {
                ArrayPart::Mark(mark) => out.extend_from_slice(mark),
                ArrayPart::Element(element) => write_array_element(element.as_deref(), &mut out),
            }
        }
        assert_eq!(out, br#"[0:1][2:2]={{"a,\"b"},{NULL}}"#);
        assert_eq!(parts.iter().filter(|p| matches!(p, ArrayPart::Element(None))).count(), 1);
        for (element, text) in [("null", "\"null\""), ("", "\"\""), ("a b", "\"a b\""), ("a\\", "\"a\\\\\"")]
        {
            out.clear();
            write_array_element(Some(element.as_bytes()), &mut out);
            assert_eq!(out, text.as_bytes());
        }
        for bad in [&b""[..], b"{", b"{a", b"{}}", b"{\"a}", b"{}{}"] {
            assert!(array_parts(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn binary_containers_are_checked() {
        let record = [0, 0, 0, 1, 0, 0, 0, 25, 0, 0, 0, 1, b'x'];
        assert_eq!(record_fields_binary(&record).unwrap(), [(25, Some(&b"x"[..]))]);
        assert!(record_fields_binary(&record[..12]).is_err());
        assert!(record_fields_binary(&[0x7f, 0, 0, 0]).is_err());
        let mut array = vec![0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 17, 0, 0, 0, 2, 0, 0, 0, 1];
        array.extend([0, 0, 0, 1, 7, 255, 255, 255, 255]);
        let read = binary_array(&array).unwrap();
        assert_eq!((read.element, read.elements), (17, vec![Some(&[7u8][..]), None]));
        assert!(binary_array(&array[..array.len() - 4]).is_err());
        assert!(binary_array(&[0; 12]).unwrap().elements.is_empty());
    }
}
