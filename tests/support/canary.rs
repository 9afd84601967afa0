//! Values that must never be seen where plaintext must not be, in every form they might leak in.

use std::fmt;

/// A value of an encrypted column, unlike anything else in the test.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Canary {
    /// Text, or another type by its text form.
    Text(String),
    /// An integer, also sought in its binary forms.
    Integer(i64),
    /// Raw bytes, as of a bytea.
    Bytes(Vec<u8>),
}

/// One byte pattern of a canary.
pub struct Form {
    /// Whose it is, and in which encoding.
    pub label: String,
    /// What to look for.
    pub bytes: Vec<u8>,
}

impl Canary {
    /// Every form in which it is sought.
    pub fn forms(&self) -> Vec<Form> {
        let mut forms = Vec::new();
        match self {
            Canary::Text(text) => text_forms(text, &mut forms),
            Canary::Integer(number) => {
                text_forms(&number.to_string(), &mut forms);
                add(&mut forms, self, "8 bytes", &number.to_be_bytes());
                add(&mut forms, self, "8 bytes, little-endian", &number.to_le_bytes());
                if let Ok(small) = i32::try_from(*number) {
                    // Four bytes alone would turn up in ciphertext by chance; with its length it is a parameter.
                    let mut field = 4i32.to_be_bytes().to_vec();
                    field.extend_from_slice(&small.to_be_bytes());
                    add(&mut forms, self, "4-byte field", &field);
                }
            }
            Canary::Bytes(bytes) => {
                add(&mut forms, self, "bytes", bytes);
                add(&mut forms, self, "hex", hex(bytes).as_bytes());
                base64_forms(self, bytes, &mut forms);
            }
        }
        for form in &forms {
            assert!(form.bytes.len() >= 6, "{} is too short: it would be found by chance", form.label);
        }
        forms
    }
}

fn add(forms: &mut Vec<Form>, canary: &dyn fmt::Debug, encoding: &str, bytes: &[u8]) {
    forms.push(Form { label: format!("{canary:?} ({encoding})"), bytes: bytes.to_vec() });
}

fn text_forms(text: &str, forms: &mut Vec<Form>) {
    let utf16 = |encode: fn(u16) -> [u8; 2]| text.encode_utf16().flat_map(encode).collect::<Vec<u8>>();
    add(forms, &text, "UTF-8", text.as_bytes());
    add(forms, &text, "UTF-16", &utf16(u16::to_be_bytes));
    add(forms, &text, "UTF-16, little-endian", &utf16(u16::to_le_bytes));
    add(forms, &text, "hex", hex(text.as_bytes()).as_bytes());
    base64_forms(&text, text.as_bytes(), forms);
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// What of the base64 of a longer text is sure to be there, for each way the bytes may be aligned in it.
fn base64_forms(canary: &dyn fmt::Debug, bytes: &[u8], forms: &mut Vec<Form>) {
    for shift in 0..3 {
        let whole = (bytes.len().saturating_sub(shift)) / 3 * 3;
        let text = base64(&bytes[shift.min(bytes.len())..][..whole]);
        if text.len() >= 8 {
            add(forms, canary, "base64", text.as_bytes());
        }
    }
}

fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for chunk in bytes.chunks_exact(3) {
        let word = u32::from_be_bytes([0, chunk[0], chunk[1], chunk[2]]);
        for shift in [18, 12, 6, 0] {
            text.push(ALPHABET[(word >> shift & 63) as usize] as char);
        }
    }
    text
}
