//! Root keys that lie in a file or an environment variable as they are.
//!
//! A root key is one line, `pyrite-root-1:` and 64 hexadecimal digits, in a file that only its owner can read.

use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;

use zeroize::Zeroizing;

use super::RootKey;
use crate::crypto::Key;
use crate::keys::error::KeyError;

const PREFIX: &str = "pyrite-root-1:";
/// More than a root key file can need: a file that is something else is not read whole.
const FILE_LIMIT: u64 = 256;
const FORM: &str =
    "It must be one line: pyrite-root-1: and 64 hexadecimal digits, as `pyrite init` writes it.";

impl RootKey {
    /// From a file that nobody but its owner may read or write.
    pub fn from_file(path: &Path) -> Result<Self, KeyError> {
        let place = format!("file {}", path.display());
        let fail = |reason: String, hint: String| KeyError::Root { place: place.clone(), reason, hint };
        let file = File::open(path).map_err(|error| {
            let hint = match error.kind() {
                std::io::ErrorKind::NotFound => {
                    "Create a new root key with `pyrite init`, or put the existing one back. A new one does not \
                     open values that were encrypted under another."
                }
                _ => "The file must be readable for the user that Pyrite runs as.",
            };
            fail(error.to_string(), hint.to_owned())
        })?;
        // Of the file that is open, not of the name, which could mean another one by now.
        let meta = file.metadata().map_err(|error| fail(error.to_string(), String::new()))?;
        if !meta.is_file() {
            return Err(fail("it is not a regular file".to_owned(), "Name the root key file.".to_owned()));
        }
        if meta.mode() & 0o077 != 0 {
            let reason = format!("others may use it (mode {:04o})", meta.mode() & 0o7777);
            return Err(fail(reason, format!("Run: chmod 600 '{}'", path.display())));
        }
        // SAFETY: geteuid takes nothing, cannot fail and touches no memory.
        let user = unsafe { libc::geteuid() };
        if meta.uid() != user && meta.uid() != 0 {
            let reason = format!("it belongs to user {}, and Pyrite runs as user {user}", meta.uid());
            return Err(fail(reason, format!("Run: chown {user} '{}'", path.display())));
        }
        let mut text = Zeroizing::new(String::with_capacity(FILE_LIMIT as usize));
        file.take(FILE_LIMIT)
            .read_to_string(&mut text)
            .map_err(|_| fail("it is not a root key file".to_owned(), FORM.to_owned()))?;
        Self::parse(&text).ok_or_else(|| fail("it is not a root key file".to_owned(), FORM.to_owned()))
    }

    /// From an environment variable.
    pub fn from_environment(name: &str) -> Result<Self, KeyError> {
        let fail = |reason: &str, hint: String| KeyError::Root {
            place: format!("environment variable {name}"),
            reason: reason.to_owned(),
            hint,
        };
        let Some(value) = std::env::var_os(name) else {
            return Err(fail("it is not set", format!("Set {name} in Pyrite's environment. {FORM}")));
        };
        let value = value.into_string().map(Zeroizing::new);
        let key = value.ok().and_then(|text| Self::parse(&text));
        key.ok_or_else(|| fail("it does not hold a root key", FORM.to_owned()))
    }

    fn parse(text: &str) -> Option<Self> {
        let digits = text.trim().strip_prefix(PREFIX)?.as_bytes();
        if digits.len() != 64 {
            return None;
        }
        let mut key = Zeroizing::new([0u8; 32]);
        for (byte, pair) in key.iter_mut().zip(digits.chunks_exact(2)) {
            for digit in pair {
                *byte = *byte << 4 | u8::try_from((*digit as char).to_digit(16)?).ok()?;
            }
        }
        Some(Self::new(&Key::new(*key)))
    }
}

/// Writes a new random root key to a new file that only its owner may read. Never replaces a file.
pub fn generate_root_file(path: &Path) -> Result<(), KeyError> {
    let fail = |error: std::io::Error| KeyError::Root {
        place: format!("file {}", path.display()),
        hint: match error.kind() {
            std::io::ErrorKind::AlreadyExists => {
                "A root key is never overwritten. Keep it, or name another file.".to_owned()
            }
            _ => "Name a file in a folder that Pyrite may write to.".to_owned(),
        },
        reason: error.to_string(),
    };
    let key = Key::generate()?;
    let mut line = Zeroizing::new(String::with_capacity(PREFIX.len() + 65));
    line.push_str(PREFIX);
    for digit in key.as_bytes().iter().flat_map(|byte| [byte >> 4, byte & 15]) {
        line.push(char::from_digit(u32::from(digit), 16).unwrap_or('0'));
    }
    line.push('\n');
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).map_err(fail)?;
    file.write_all(line.as_bytes()).and_then(|()| file.sync_all()).map_err(fail)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn root_files_are_private_and_never_overwritten() {
        let folder = std::env::temp_dir().join(format!("pyrite-root-{}", std::process::id()));
        std::fs::create_dir(&folder).unwrap();
        let path = folder.join("root.key");
        let missing = RootKey::from_file(&path).unwrap_err();
        assert!(missing.hint().unwrap().contains("pyrite init"), "{missing}");

        generate_root_file(&path).unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        let root = RootKey::from_file(&path).unwrap();
        assert_eq!(RootKey::from_file(&path).unwrap().fingerprint(), root.fingerprint());
        let again = generate_root_file(&path).unwrap_err();
        assert!(again.hint().unwrap().contains("never overwritten"));
        assert_eq!(RootKey::from_file(&path).unwrap().fingerprint(), root.fingerprint());

        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
        let open = RootKey::from_file(&path).unwrap_err();
        assert!(open.to_string().contains("0640"), "{open}");
        assert!(open.hint().unwrap().contains("chmod 600"));
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        std::fs::write(&path, "pyrite-root-1:1234").unwrap();
        assert!(RootKey::from_file(&path).unwrap_err().hint().unwrap().contains("64 hexadecimal"));
        assert!(RootKey::from_file(&folder).is_err());
        std::fs::remove_dir_all(&folder).unwrap();
    }

    #[test]
    fn the_line_is_read_strictly() {
        let digits = "0123456789abcdefABCDEF0123456789".repeat(2);
        assert!(RootKey::parse(&format!("pyrite-root-1:{digits}\n")).is_some());
        for wrong in [
            digits.clone(),
            format!("pyrite-root-2:{digits}"),
            format!("pyrite-root-1:{digits}0"),
            format!("pyrite-root-1:+{}", &digits[1..]),
            format!("pyrite-root-1:{} ", &digits[1..]),
        ] {
            assert!(RootKey::parse(&wrong).is_none(), "{wrong}");
        }
        assert!(RootKey::from_environment("PYRITE_TEST_UNSET").is_err());
    }
}
