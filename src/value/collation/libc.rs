//! Collations of the C library: the same library's own functions, where it is here in the same version.

pub(super) use platform::LibcLocale;

#[cfg(all(target_os = "linux", target_env = "gnu"))]
mod platform {
    use std::ffi::{CStr, CString};

    use libc::{c_char, c_int, locale_t};
    use zeroize::Zeroizing;

    use crate::value::ValueError;
    use crate::value::collation::{NAME_ANOTHER, Refusal};

    unsafe extern "C" {
        fn strxfrm_l(to: *mut c_char, from: *const c_char, size: usize, locale: locale_t) -> usize;
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
            Self::open(name).ok_or_else(|| {
                Refusal::new(
                    format!("the C library's locale {name}, which orders the server's texts, is not installed here"),
                    format!("Install the locale {name} where Pyrite runs (on Debian: package locales-all)."),
                )
            })
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
            let mut source = Zeroizing::new(Vec::with_capacity(text.len() + 1));
            source.extend_from_slice(text.as_bytes());
            if source.contains(&0) {
                return Err(ValueError::new("22021", "invalid byte sequence for encoding \"UTF8\": 0x00"));
            }
            source.push(0);
            let mut key = Zeroizing::new(vec![0u8; text.len().saturating_mul(4) + 64]);
            for _ in 0..2 {
                // SAFETY: the source ends with NUL, and no more than the size given is written.
                let length =
                    unsafe { strxfrm_l(key.as_mut_ptr().cast(), source.as_ptr().cast(), key.len(), self.0) };
                if let Some(written) = key.get(..length).filter(|_| length < key.len()) {
                    out.extend_from_slice(written);
                    return Ok(());
                }
                if length > isize::MAX as usize / 2 {
                    break;
                }
                key = Zeroizing::new(vec![0u8; length + 1]);
            }
            Err(ValueError::new("XX000", "the C library made no sort key of a text"))
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
