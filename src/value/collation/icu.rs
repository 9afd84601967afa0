//! ICU's collations and case mappings, by ICU4X.

use icu_casemap::CaseMapperBorrowed;
use icu_collator::options::CollatorOptions;
use icu_collator::{CollatorBorrowed, CollatorPreferences};
use icu_locale_core::{LanguageIdentifier, Locale};
use icu_normalizer::DecomposingNormalizerBorrowed;
use zeroize::Zeroizing;

use super::{NAME_ANOTHER, Refusal, repertoire, stable};
use crate::value::ValueError;

/// Sort keys of an ICU locale.
pub(super) struct IcuOrder {
    locale: String,
    version: String,
    collator: CollatorBorrowed<'static>,
}

/// The versions of ICU's root collation, as the server gives them, that were compared with ours character by
/// character: ICU 72, with Unicode 15.0.
const ROOT_VERSIONS: &[&str] = &["153.120"];
/// The release of the tables here. Other tables make other keys, so it is part of the identity.
const TABLES: &str = "icu4x 2.4";

impl IcuOrder {
    pub fn open(name: &str, server: Option<&str>) -> Result<Self, Refusal> {
        let unknown = || {
            Refusal::new(
                format!(
                    "the order of the ICU locale {name} is not followed, only those without rules of their own"
                ),
                NAME_ANOTHER,
            )
        };
        let version = server.unwrap_or("unknown");
        // A third part is there if the locale has rules of its own beyond the root's.
        if version.starts_with(|c: char| c.is_ascii_digit()) && version.split('.').count() > 2 {
            return Err(unknown());
        }
        if !ROOT_VERSIONS.contains(&version) {
            return Err(Refusal::new(
                format!(
                    "the server's ICU orders texts by version {version} of its rules; known here are {}",
                    ROOT_VERSIONS.join(", ")
                ),
                NAME_ANOTHER,
            ));
        }
        let locale: Locale = name.parse().map_err(|_| unknown())?;
        if !locale.extensions.is_empty() {
            return Err(unknown());
        }
        let collator = CollatorBorrowed::try_new(CollatorPreferences::default(), CollatorOptions::default())
            .map_err(|_| unknown())?;
        Ok(Self { locale: name.to_owned(), version: version.to_owned(), collator })
    }

    pub fn identity(&self) -> String {
        format!("icu {} {} {TABLES}", self.locale, self.version)
    }

    /// Appends the sort key, which holds no zero.
    pub fn write_key(&self, text: &str, out: &mut Vec<u8>) -> Result<(), ValueError> {
        if !text.is_ascii() {
            if !text.chars().all(repertoire::is_known) {
                return Err(ValueError::unsupported(
                    "a text holds a character that the server's version of ICU may order differently",
                    "Store the text in a column that is not searched by order.",
                ));
            }
            if !is_orderly(text) {
                return Err(ValueError::unsupported(
                    "a text with combining marks in an unusual order cannot be ordered as ICU does",
                    "Normalize the text: normalize(…, NFD).",
                ));
            }
        }
        let Ok(()) = self.collator.write_sort_key_to(text, out);
        Ok(())
    }
}

/// Whether a text decomposes character by character. ICU takes every text for such a one, and orders others in
/// its own way.
fn is_orderly(text: &str) -> bool {
    if text.chars().all(|c| c < FIRST_MARK) {
        return true;
    }
    let decomposer = DecomposingNormalizerBorrowed::new_nfd();
    let whole = Zeroizing::new(decomposer.normalize(text).into_owned());
    let mut rest = whole.as_str();
    let mut bytes = [0; 4];
    let each = text.chars().all(|c| {
        let part = decomposer.normalize(c.encode_utf8(&mut bytes)).into_owned();
        let found = rest.strip_prefix(part.as_str());
        rest = found.unwrap_or_default();
        found.is_some()
    });
    each && rest.is_empty()
}

/// The first combining mark.
const FIRST_MARK: char = '\u{300}';

/// Case mapping of an ICU locale, or PostgreSQL's own.
pub(super) struct IcuCase {
    mapper: CaseMapperBorrowed<'static>,
    /// `None`: character by character.
    language: Option<LanguageIdentifier>,
}

impl IcuCase {
    /// The mapping that takes one character to one character, in no language.
    pub fn simple() -> Self {
        Self { mapper: CaseMapperBorrowed::new(), language: None }
    }

    pub fn open(name: &str) -> Result<Self, Refusal> {
        let locale: Locale = name.parse().map_err(|_| {
            Refusal::new(
                format!("upper and lower case of the ICU locale {name} are not known here"),
                NAME_ANOTHER,
            )
        })?;
        Ok(Self { mapper: CaseMapperBorrowed::new(), language: Some(locale.id) })
    }

    pub fn lower(&self, text: &str) -> Result<Zeroizing<String>, ValueError> {
        let map = |c| self.mapper.simple_lowercase(c);
        match &self.language {
            None => super::mapped(text, true, map),
            Some(language) => {
                check(text, map)?;
                Ok(Zeroizing::new(self.mapper.lowercase_to_string(text, language).into_owned()))
            }
        }
    }

    pub fn upper(&self, text: &str) -> Result<Zeroizing<String>, ValueError> {
        let map = |c| self.mapper.simple_uppercase(c);
        match &self.language {
            None => super::mapped(text, true, map),
            Some(language) => {
                check(text, map)?;
                if language.language.as_str() == "el" && !text.is_ascii() {
                    return Err(ValueError::unsupported(
                        "upper case in Greek depends on the server's version of ICU",
                        "Apply upper in the application.",
                    ));
                }
                Ok(Zeroizing::new(self.mapper.uppercase_to_string(text, language).into_owned()))
            }
        }
    }
}

/// Refuses a text with a letter that the server's version may map differently.
fn check(text: &str, map: impl Fn(char) -> char) -> Result<(), ValueError> {
    let recent = |c: char| stable::is_recent(c) || stable::is_recent(map(c));
    if !text.is_ascii() && text.chars().any(recent) { Err(stable::refusal()) } else { Ok(()) }
}
