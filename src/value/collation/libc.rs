//! Collations of the C library: the same library's own tables and functions, where it is here in the same version.

pub(super) use platform::LibcLocale;

#[cfg(all(target_os = "linux", target_env = "gnu"))]
mod platform {
    use std::ffi::{CStr, CString};

    use crate::value::ValueError;
    use crate::value::collation::tables::Tables;
    use crate::value::collation::{NAME_ANOTHER, Refusal};
    use libc::{c_char, c_int, locale_t};

    /// Texts whose order tells whether a version of the library follows other rules than these.
    const PROBES: &[&str] = &[
        "a", "A", "b", "ab", "a b", "a-b", "a!b", "a!%b", "1", "2", "10", "1b", "1 b", "1!b", "1!%b",
        "1!%&b", "2ä", "2%ä", "2%&ä", "ä2", "1ä%", "é", "e\u{301}", "é&z", "é& z", "é.z.", "é.,z", "$é",
        "$_é", "中", "中2", "中2@", "中2@#", "字\t#2", "字\t#2+", "\t", "\u{1}", "\u{1}a", "ß", "ss", "SS",
        "ch", "c", "h", "i", "İ", "ı", "ж", "Ж", "α", "ς", "Σ", "あ", "ア", "가", "힣", "א", "ع", "😀", "€",
        "¾", "²", "①", "ไก", "กไ", "𝄞", "\u{e000}", "co-op", "coop", "CO-OP", "O'Neill", "ONeill", "12-34",
        "1234",
    ];

    unsafe extern "C" {
        fn strcoll_l(left: *const c_char, right: *const c_char, locale: locale_t) -> c_int;
        fn towlower_l(c: u32, locale: locale_t) -> u32;
        fn towupper_l(c: u32, locale: locale_t) -> u32;
        fn iswalnum_l(c: u32, locale: locale_t) -> c_int;
    }

    /// Always there, and with the letters that all languages but the Turkic ones have alike.
    const PLAIN: &str = "C.UTF-8";
    /// Languages whose locales have mappings of their own.
    const OWN_CASE: &[&str] = &["tr", "az", "crh", "ku", "tt"];

    /// A locale of this machine's C library.
    pub(in crate::value::collation) struct LibcLocale(locale_t);

    // SAFETY: a locale object is not changed between newlocale and freelocale, and all functions that take one
    // may be called by several threads at once.
    unsafe impl Send for LibcLocale {}
    unsafe impl Sync for LibcLocale {}

    impl Drop for LibcLocale {
        fn drop(&mut self) {
            // SAFETY: it came from newlocale and nobody else has it.
            unsafe { libc::freelocale(self.0) };
        }
    }

    /// The version of the C library, as PostgreSQL gives it for its collations.
    fn own_version() -> String {
        // SAFETY: the library returns a string of its own that lives as long as the process.
        unsafe { CStr::from_ptr(libc::gnu_get_libc_version()) }.to_string_lossy().into_owned()
    }

    impl LibcLocale {
        /// The locale whose order the server follows. Its version there must be the one here.
        pub fn for_order(name: &str, server: Option<&str>) -> Result<Self, Refusal> {
            let own = own_version();
            match server {
                Some(version) if version == own => {}
                Some(version) => {
                    return Err(Refusal::new(
                        format!(
                            "texts are ordered by the C library's locale {name}, version {version} on the server and {own} here"
                        ),
                        format!("Run Pyrite on a system with the server's C library, or: {NAME_ANOTHER}"),
                    ));
                }
                None => {
                    return Err(Refusal::new(
                        format!("the server does not say the version of the C library's locale {name}"),
                        NAME_ANOTHER,
                    ));
                }
            }
            let locale = Self::open(name).ok_or_else(|| {
                Refusal::new(
                    format!("the C library's locale {name}, which orders the server's texts, is not installed here"),
                    format!("Install the locale {name} where Pyrite runs (on Debian: package locales-all)."),
                )
            })?;
            if locale.keys_agree() {
                return Ok(locale);
            }
            Err(Refusal::new(
                format!("the order of the C library's locale {name}, version {own}, is not followed"),
                NAME_ANOTHER,
            ))
        }

        /// The locale that maps case, and whether its tables are known to be those of the server.
        pub fn for_case(name: &str, server: Option<&str>) -> Result<(Self, bool), Refusal> {
            let exact = server.is_some_and(|version| version == own_version());
            if let Some(locale) = Self::open(name) {
                return Ok((locale, exact));
            }
            let language = name.split(['_', '.', '@']).next().unwrap_or_default();
            let utf8 = name.to_ascii_lowercase().replace('-', "").contains("utf8");
            let plain = Self::open(PLAIN).filter(|_| utf8 && !OWN_CASE.contains(&language));
            plain.map(|locale| (locale, exact)).ok_or_else(|| {
                Refusal::new(
                    format!("the C library's locale {name}, which maps upper and lower case on the server, is not installed here"),
                    format!("Install the locale {name} where Pyrite runs (on Debian: package locales-all)."),
                )
            })
        }

        fn open(name: &str) -> Option<Self> {
            let text = CString::new(name).ok()?;
            let mask = libc::LC_COLLATE_MASK | libc::LC_CTYPE_MASK;
            // SAFETY: the name ends with NUL, and a null base means a new object.
            let locale = unsafe { libc::newlocale(mask, text.as_ptr(), std::ptr::null_mut()) };
            if locale.is_null() {
                return None;
            }
            let locale = Self(locale);
            // SAFETY: the object is valid; the answer is read before anything else is done with it.
            let codeset = unsafe { CStr::from_ptr(libc::nl_langinfo_l(libc::CODESET, locale.0)) };
            (codeset.to_bytes() == b"UTF-8").then_some(locale)
        }

        /// The version of the library.
        pub fn version(&self) -> String {
            own_version()
        }

        /// Appends the sort key, which holds no NUL.
        pub fn write_key(&self, text: &str, out: &mut Vec<u8>) -> Result<(), ValueError> {
            if text.as_bytes().contains(&0) {
                return Err(ValueError::new("22021", "invalid byte sequence for encoding \"UTF8\": 0x00"));
            }
            // SAFETY: the locale lives as long as this.
            let tables = unsafe { Tables::of(self.0) };
            let tables = tables.ok_or_else(|| ValueError::new("XX000", "a locale without an order"))?;
            tables.write_key(text, out);
            Ok(())
        }

        /// Whether the keys agree with the library's own comparison, over all pairs of texts that try what is
        /// special about its rules.
        fn keys_agree(&self) -> bool {
            // SAFETY: the locale lives as long as this.
            let Some(tables) = (unsafe { Tables::of(self.0) }) else { return false };
            let keyed = PROBES.iter().filter_map(|probe| {
                let mut key = Vec::new();
                tables.write_key(probe, &mut key);
                Some((CString::new(*probe).ok()?, key))
            });
            let keyed: Vec<(CString, Vec<u8>)> = keyed.collect();
            keyed.iter().all(|(left, left_key)| {
                keyed.iter().all(|(right, right_key)| {
                    // SAFETY: both end with NUL.
                    let theirs = unsafe { strcoll_l(left.as_ptr(), right.as_ptr(), self.0) };
                    theirs.cmp(&0) == left_key.cmp(right_key)
                })
            })
        }

        pub fn lower(&self, c: char) -> char {
            // SAFETY: takes any number.
            char::from_u32(unsafe { towlower_l(u32::from(c), self.0) }).unwrap_or(c)
        }

        pub fn upper(&self, c: char) -> char {
            // SAFETY: as above.
            char::from_u32(unsafe { towupper_l(u32::from(c), self.0) }).unwrap_or(c)
        }

        pub fn is_alphanumeric(&self, c: char) -> bool {
            // SAFETY: as above.
            unsafe { iswalnum_l(u32::from(c), self.0) != 0 }
        }
    }
}

#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
mod platform {
    use crate::value::ValueError;
    use crate::value::collation::{NAME_ANOTHER, Refusal};

    /// There are none on this platform.
    pub(in crate::value::collation) enum LibcLocale {}

    fn elsewhere(name: &str) -> Refusal {
        Refusal::new(
            format!("the C library's locale {name} is followed on Linux with the GNU C library only"),
            NAME_ANOTHER,
        )
    }

    impl LibcLocale {
        pub fn for_order(name: &str, _: Option<&str>) -> Result<Self, Refusal> {
            Err(elsewhere(name))
        }

        pub fn for_case(name: &str, _: Option<&str>) -> Result<(Self, bool), Refusal> {
            Err(elsewhere(name))
        }

        pub fn version(&self) -> String {
            match *self {}
        }

        pub fn write_key(&self, _: &str, _: &mut Vec<u8>) -> Result<(), ValueError> {
            match *self {}
        }

        pub fn lower(&self, _: char) -> char {
            match *self {}
        }

        pub fn upper(&self, _: char) -> char {
            match *self {}
        }

        pub fn is_alphanumeric(&self, _: char) -> bool {
            match *self {}
        }
    }
}
