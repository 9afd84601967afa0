//! What is cut out of streams that arrive in pieces of any size.

use super::*;

fn format(layout: Layout) -> Format {
    let delimiter = if layout == Layout::Csv { b',' } else { b'\t' };
    let null = if layout == Layout::Csv { Vec::new() } else { b"\\N".to_vec() };
    Format { layout, delimiter, quote: b'"', escape: b'"', null, default: None, header: false }
}

/// All rows of a stream that arrives in pieces of this size: fields as `value`, NULLs as `-`.
fn rows(format: &Format, stream: &[u8], size: usize) -> Result<Vec<Vec<String>>, Malformed> {
    let mut cutter = Cutter::new(format.clone());
    let mut rows = Vec::new();
    let mut pieces = stream.chunks(size);
    loop {
        let piece = pieces.next();
        cutter.push(piece.unwrap_or_default());
        while let Some(cut) = cutter.next(piece.is_none())? {
            let Cut::Row(content, _) = cut else { continue };
            let row = cutter.bytes(content);
            let fields = format.fields(row)?;
            rows.push(fields.iter().map(|field| shown(format, row, field)).collect());
        }
        if piece.is_none() {
            return Ok(rows);
        }
    }
}

fn shown(format: &Format, row: &[u8], field: &Field) -> String {
    let raw = &row[field.raw.clone()];
    let mut value = Vec::new();
    format.value(raw, &mut value);
    match format.is_null(raw, field) {
        true => "-".to_owned(),
        false => String::from_utf8(value).unwrap(),
    }
}

fn check(format: &Format, stream: &[u8], expected: &[&[&str]]) {
    for size in [1, 2, 3, 7, 1000] {
        assert_eq!(rows(format, stream, size).unwrap(), expected, "in pieces of {size}");
    }
}

fn refused(format: &Format, stream: &[u8], expected: &'static str) {
    for size in [1, 2, 3, 7, 1000] {
        assert_eq!(rows(format, stream, size), Err(Malformed(expected)), "in pieces of {size}");
    }
}

#[test]
fn text_rows() {
    let text = format(Layout::Text);
    check(&text, b"1\ta\\tb\n2\t\\N\n", &[&["1", "a\tb"], &["2", "-"]]);
    check(&text, b"1\\\t2\\\n3\tx", &[&["1\t2\n3", "x"]]);
    check(&text, b"\\x41\\101\\q\\\\n\r\nb\r\n", &[&["AAq\\n"], &["b"]]);
    check(&text, b"a\n\\.\nignored\tentirely\n", &[&["a"]]);
    check(&text, b"a\rb\r", &[&["a"], &["b"]]);
    check(&text, b"\n", &[&[""]]);
    refused(&text, b"a\nb\r\n", "literal carriage return found in data");
    refused(&text, b"a\r\nb\n", "literal newline found in data");
    refused(&text, b"a\\.\n", "end-of-copy marker corrupt");
    refused(&text, b"a\n\\.b\n", "end-of-copy marker corrupt");
    refused(&text, b"a\r\n\\.\n", "end-of-copy marker does not match previous newline style");
}

#[test]
fn csv_rows() {
    let csv = format(Layout::Csv);
    check(&csv, b"1,\"a,\"\"b\"\"\"\n,x\"\n\"y\n", &[&["1", "a,\"b\""], &["-", "x\ny"]]);
    check(&csv, b"\"\",\r\n\\.x,\\.\r\n\\.\r\nmore", &[&["", "-"], &["\\.x", "\\."]]);
    refused(&csv, b"1,\"a\n", "unterminated CSV quoted field");
    refused(&csv, b"1\n\r\n", "unquoted carriage return found in data");
    let other = Format { quote: b'\'', escape: b'\\', delimiter: b'x', ..csv };
    check(&other, b"'a\\'x\\\\'xb\n'\\n'x\n", &[&["a'x\\", "b"], &["\\n", "-"]]);
}

#[test]
fn binary_rows() {
    let binary = format(Layout::Binary);
    let mut stream = SIGNATURE.to_vec();
    stream.extend_from_slice(&[0; 7]);
    stream.extend_from_slice(&[1, 99]); // an extension of the header
    stream.extend_from_slice(&[0, 2, 0, 0, 0, 1, b'a', 255, 255, 255, 255]);
    let open = stream.clone();
    stream.extend_from_slice(&[255, 255]);
    check(&binary, &stream, &[&["a", "-"]]);
    check(&binary, &open, &[&["a", "-"]]);
    refused(&binary, &open[..open.len() - 1], "unexpected EOF in COPY data");
    refused(&binary, b"PGCOPY\n\xff\n", "COPY file signature not recognized");
    stream.push(0);
    refused(&binary, &stream, "received copy data after EOF marker");
}

#[test]
fn what_is_written_is_read_again() {
    let quirky = Format { quote: b'7', escape: b'\\', delimiter: b'a', ..format(Layout::Csv) };
    for format in [format(Layout::Text), format(Layout::Csv), quirky] {
        for value in ["", "a", "\t", "\\", "\\N", "\"", "7a7", "a,b\r\n", "\\.", "\u{b}\u{8}\u{1}", "ä"] {
            let mut row = Vec::new();
            format.write(value.as_bytes(), false, false, &mut row);
            row.push(if format.delimiter == b'a' { b'a' } else { format.delimiter });
            format.write_null(&mut row);
            row.push(b'\n');
            check(&format, &row, &[&[value, "-"]]);
        }
    }
}
