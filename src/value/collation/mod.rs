//! How a database orders text and maps its case, followed exactly or not at all.
//!
//! A [`Collation`] is opened from what the server says of one ([`CollationFacts`]). Opening cannot fail: whether
//! the order is known is asked by [`Collation::order_refusal`], and what is not known is an error with a way
//! out, never another order.

mod icu;
mod libc;
mod repertoire;
mod stable;
#[cfg(all(target_os = "linux", target_env = "gnu"))]
mod tables;

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, LazyLock, RwLock};

use zeroize::Zeroizing;

use super::ValueError;
use icu::{IcuCase, IcuOrder};
use libc::LibcLocale;

/// Whose rules a collation follows, as `collprovider` and `datlocprovider` say.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Provider {
    /// `c`: the server's C library.
    Libc,
    /// `i`: the ICU library that the server was built with.
    Icu,
    /// `b`: PostgreSQL's own, from version 17 on.
    Builtin,
}

impl Provider {
    /// The provider that the catalogs write as this letter.
    pub fn from_letter(letter: char) -> Option<Provider> {
        match letter {
            'c' => Some(Provider::Libc),
            'i' => Some(Provider::Icu),
            'b' => Some(Provider::Builtin),
            _ => None,
        }
    }
}

/// What the server says of a collation; of `default`, what it says of the database.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct CollationFacts {
    /// Whose rules it follows.
    pub provider: Provider,
    /// `collcollate` or `datcollate`; of the C library.
    pub collate: String,
    /// `collctype` or `datctype`; of the C library.
    pub ctype: String,
    /// The locale of the other two providers.
    pub locale: Option<String>,
    /// Whether there are rules of its own (`collicurules`).
    pub rules: bool,
    /// Whether texts of different bytes are always different (`collisdeterministic`).
    pub deterministic: bool,
    /// The version that the server has now (`pg_collation_actual_version`), not the one of its creation.
    pub version: Option<String>,
    /// Whether the database's encoding is UTF8.
    pub utf8: bool,
}

impl CollationFacts {
    /// The facts of `"C"`.
    pub fn c() -> Self {
        Self {
            provider: Provider::Libc,
            collate: "C".into(),
            ctype: "C".into(),
            locale: None,
            rules: false,
            deterministic: true,
            version: None,
            utf8: true,
        }
    }
}

/// Order and case mapping of one collation. Cheap to clone.
#[derive(Clone)]
pub struct Collation(Arc<Rules>);

struct Rules {
    name: String,
    case_name: String,
    order: Result<Order, Refusal>,
    case: Result<Case, Refusal>,
}

/// Why a collation is not followed, and the way out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// What is not known.
    pub reason: String,
    /// What to do about it.
    pub hint: String,
}

impl Refusal {
    fn new(reason: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { reason: reason.into(), hint: hint.into() }
    }

    fn error(&self) -> ValueError {
        ValueError::unsupported(self.reason.clone(), self.hint.clone())
    }
}

enum Order {
    Bytes,
    Icu(IcuOrder),
    Libc(LibcLocale),
}

enum Case {
    Ascii,
    Icu(IcuCase),
    Libc {
        locale: LibcLocale,
        /// Whether the server's tables may be of another version: then only letters that all have alike.
        stable_only: bool,
    },
}

/// Collations that have been opened in this process.
static KEPT: LazyLock<RwLock<HashMap<CollationFacts, Collation>>> = LazyLock::new(RwLock::default);
const MAX_KEPT: usize = 1000;

/// The hint where another collation of the column is the way out.
const NAME_ANOTHER: &str =
    "Give the column another collation, as COLLATE \"C\", in the database and in the configuration.";

impl PartialEq for Collation {
    fn eq(&self, other: &Self) -> bool {
        self.identity() == other.identity()
            && self.0.case_name == other.0.case_name
            && self.order_refusal() == other.order_refusal()
            && self.case_refusal() == other.case_refusal()
    }
}

impl Eq for Collation {}

impl fmt::Debug for Collation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Collation({})", self.0.name)
    }
}

impl Default for Collation {
    fn default() -> Self {
        Self::c()
    }
}

impl Collation {
    /// The collation `"C"`.
    pub fn c() -> Self {
        Self::open(&CollationFacts::c())
    }

    /// Takes up a collation, as far as it can be followed here. What was opened once is kept.
    pub fn open(facts: &CollationFacts) -> Self {
        let kept = KEPT.read().ok().and_then(|kept| kept.get(facts).cloned());
        if let Some(collation) = kept {
            return collation;
        }
        let collation = Self::make(facts);
        if let Ok(mut kept) = KEPT.write() {
            // A server has few collations; this only bounds what many servers may add up to.
            if kept.len() >= MAX_KEPT {
                kept.clear();
            }
            kept.insert(facts.clone(), collation.clone());
        }
        collation
    }

    /// One that the database does not have, or that nothing is known of: neither order nor case are followed.
    pub fn unknown(name: &str) -> Self {
        let refusal = || {
            Refusal::new(format!("the database has no collation \"{name}\" that Pyrite knows"), NAME_ANOTHER)
        };
        let none = || "none".to_owned();
        Self(Arc::new(Rules { name: none(), case_name: none(), order: Err(refusal()), case: Err(refusal()) }))
    }

    fn make(facts: &CollationFacts) -> Self {
        let order = order_of(facts);
        let case = case_of(facts);
        let name = match &order {
            Ok(Order::Bytes) => "bytes".to_owned(),
            Ok(Order::Icu(icu)) => icu.identity(),
            Ok(Order::Libc(locale)) => format!("libc {} {}", facts.collate, locale.version()),
            Err(_) => "none".to_owned(),
        };
        let case_name = match &case {
            Ok(Case::Ascii) => "ascii".to_owned(),
            Ok(Case::Icu(_)) => format!("icu {}", facts.locale.as_deref().unwrap_or_default()),
            Ok(Case::Libc { .. }) => format!("libc {}", facts.ctype),
            Err(_) => "none".to_owned(),
        };
        Self(Arc::new(Rules { name, case_name, order, case }))
    }

    /// Names the order that encodings are made by: rules and version. Stored encodings of another identity
    /// do not compare with those of this one.
    pub fn identity(&self) -> &str {
        &self.0.name
    }

    /// Why texts cannot be ordered by this collation, if they cannot.
    pub fn order_refusal(&self) -> Option<&Refusal> {
        self.0.order.as_ref().err()
    }

    /// Why the case of text cannot be mapped in this collation, if it cannot.
    pub fn case_refusal(&self) -> Option<&Refusal> {
        self.0.case.as_ref().err()
    }

    /// Appends bytes whose order is that of the texts, ties of the locale's rules decided by the text's bytes.
    pub(crate) fn write_key(&self, text: &str, out: &mut Vec<u8>) -> Result<(), ValueError> {
        match &self.0.order {
            Ok(Order::Bytes) => {
                out.extend_from_slice(text.as_bytes());
                return Ok(());
            }
            Ok(Order::Icu(icu)) => icu.write_key(text, out)?,
            Ok(Order::Libc(locale)) => locale.write_key(text, out)?,
            Err(refusal) => return Err(refusal.error()),
        }
        // No sort key holds this byte, so one that begins another comes before it.
        out.push(0);
        out.extend_from_slice(text.as_bytes());
        Ok(())
    }

    /// The bytes that order a text among others.
    pub fn sort_key(&self, text: &str) -> Result<Zeroizing<Vec<u8>>, ValueError> {
        let mut key = Zeroizing::new(Vec::with_capacity(text.len().saturating_mul(6) + 64));
        self.write_key(text, &mut key)?;
        Ok(key)
    }

    /// Compares two texts as `<` does in this collation.
    pub fn compare(&self, left: &str, right: &str) -> Result<std::cmp::Ordering, ValueError> {
        Ok(self.sort_key(left)?.as_slice().cmp(self.sort_key(right)?.as_slice()))
    }

    /// `lower(text)`.
    pub fn lower(&self, text: &str) -> Result<Zeroizing<String>, ValueError> {
        match &self.0.case {
            Ok(Case::Ascii) => Ok(Zeroizing::new(text.to_ascii_lowercase())),
            Ok(Case::Icu(icu)) => icu.lower(text),
            Ok(Case::Libc { locale, stable_only }) => mapped(text, *stable_only, |c| locale.lower(c)),
            Err(refusal) => Err(refusal.error()),
        }
    }

    /// `upper(text)`.
    pub fn upper(&self, text: &str) -> Result<Zeroizing<String>, ValueError> {
        match &self.0.case {
            Ok(Case::Ascii) => Ok(Zeroizing::new(text.to_ascii_uppercase())),
            Ok(Case::Icu(icu)) => icu.upper(text),
            Ok(Case::Libc { locale, stable_only }) => mapped(text, *stable_only, |c| locale.upper(c)),
            Err(refusal) => Err(refusal.error()),
        }
    }

    /// `initcap(text)`.
    pub fn initcap(&self, text: &str) -> Result<Zeroizing<String>, ValueError> {
        let mut inside = false;
        match &self.0.case {
            Ok(Case::Ascii) => Ok(Zeroizing::new(
                text.chars()
                    .map(|c| {
                        let mapped = if inside { c.to_ascii_lowercase() } else { c.to_ascii_uppercase() };
                        inside = c.is_ascii_alphanumeric();
                        mapped
                    })
                    .collect(),
            )),
            Ok(Case::Libc { locale, stable_only }) => mapped(text, *stable_only, |c| {
                let mapped = if inside { locale.lower(c) } else { locale.upper(c) };
                // The server looks at what it has just written.
                inside = locale.is_alphanumeric(mapped);
                mapped
            }),
            Ok(Case::Icu(_)) => Err(ValueError::unsupported(
                "initcap is not known exactly in a collation of this provider",
                "Use lower or upper, or apply initcap in the application.",
            )),
            Err(refusal) => Err(refusal.error()),
        }
    }
}

/// Maps character by character; a text with a letter that not all versions map alike is refused.
fn mapped(
    text: &str,
    stable_only: bool,
    mut map: impl FnMut(char) -> char,
) -> Result<Zeroizing<String>, ValueError> {
    // As long as the text, mostly: growing would leave a copy behind that is not wiped.
    let mut out = Zeroizing::new(String::with_capacity(text.len() + text.len() / 2 + 4));
    for c in text.chars() {
        let other = map(c);
        if stable_only && (stable::is_recent(c) || stable::is_recent(other)) {
            return Err(stable::refusal());
        }
        out.push(other);
    }
    Ok(out)
}

/// `C`, `POSIX`, and `C` in UTF-8 are ordered by bytes.
fn is_bytes(collate: &str) -> bool {
    is_c(collate) || is_c_utf8(collate)
}

fn is_c(name: &str) -> bool {
    matches!(name, "C" | "POSIX")
}

fn is_c_utf8(name: &str) -> bool {
    name.strip_prefix("C.").is_some_and(|c| c.eq_ignore_ascii_case("UTF-8") || c.eq_ignore_ascii_case("UTF8"))
}

fn encoding_refusal() -> Refusal {
    Refusal::new(
        "texts of a database whose encoding is not UTF8 cannot be ordered",
        "Move the data to a database with ENCODING 'UTF8'.",
    )
}

fn order_of(facts: &CollationFacts) -> Result<Order, Refusal> {
    if !facts.utf8 {
        return Err(encoding_refusal());
    }
    if !facts.deterministic {
        return Err(Refusal::new(
            "a nondeterministic collation is not followed: texts of different bytes are equal in it",
            NAME_ANOTHER,
        ));
    }
    match facts.provider {
        // All that PostgreSQL brings itself is ordered by code points.
        Provider::Builtin => Ok(Order::Bytes),
        Provider::Libc if is_bytes(&facts.collate) => Ok(Order::Bytes),
        Provider::Libc => LibcLocale::for_order(&facts.collate, facts.version.as_deref()).map(Order::Libc),
        Provider::Icu if facts.rules => {
            Err(Refusal::new("an ICU collation with rules of its own is not followed", NAME_ANOTHER))
        }
        Provider::Icu => {
            let locale = facts.locale.as_deref().unwrap_or_default();
            IcuOrder::open(locale, facts.version.as_deref()).map(Order::Icu)
        }
    }
}

fn case_of(facts: &CollationFacts) -> Result<Case, Refusal> {
    if !facts.utf8 {
        return Err(Refusal { hint: encoding_refusal().hint, ..unknown_case() });
    }
    let locale = facts.locale.as_deref().unwrap_or_default();
    match facts.provider {
        Provider::Libc if is_c(&facts.ctype) => Ok(Case::Ascii),
        Provider::Libc => {
            let (locale, exact) = LibcLocale::for_case(&facts.ctype, facts.version.as_deref())?;
            Ok(Case::Libc { locale, stable_only: !exact })
        }
        Provider::Builtin if locale == "C" => Ok(Case::Ascii),
        Provider::Builtin if is_c_utf8(locale) => Ok(Case::Icu(IcuCase::simple())),
        Provider::Builtin => Err(unknown_case()),
        Provider::Icu => IcuCase::open(locale).map(Case::Icu),
    }
}

fn unknown_case() -> Refusal {
    Refusal::new("upper and lower case are not known exactly in this collation", NAME_ANOTHER)
}

#[cfg(test)]
mod tests;
