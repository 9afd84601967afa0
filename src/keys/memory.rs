//! What a proxy remembers across restarts: the last change of each database's keyring that it has seen.
//!
//! A running proxy does not go back to an older keyring. One that starts has nothing to compare with, and a whole
//! older keyring, seal and all, put back by somebody who can write to the database, is authentic. So a proxy that
//! has a folder for it leaves a note there: which keyring, which change, which seal. The note is not secret.

use std::fs;
use std::io::{ErrorKind, Read, Write};
use std::path::{Path, PathBuf};

use super::error::KeyError;
use super::keyring::Keyring;
use super::root::hex;

/// More than a note takes.
const LIMIT: u64 = 1024;
const FORM: &str = "pyrite-seen-1";

/// The note about one database's keyring.
#[derive(Clone, Debug)]
pub struct Memory {
    path: PathBuf,
}

/// What a note says.
#[derive(PartialEq, Eq)]
struct Note {
    keyring: String,
    counter: u64,
    seal: String,
}

impl Note {
    fn of(keyring: &Keyring) -> Self {
        Self { keyring: hex(&keyring.uuid()), counter: keyring.counter(), seal: hex(keyring.seal()) }
    }

    fn parse(text: &str) -> Option<Self> {
        let mut words = text.strip_suffix('\n')?.split(' ');
        let (form, keyring, counter, seal) = (words.next()?, words.next()?, words.next()?, words.next()?);
        let note =
            Self { keyring: keyring.to_owned(), counter: counter.parse().ok()?, seal: seal.to_owned() };
        (form == FORM && words.next().is_none()).then_some(note)
    }
}

impl Memory {
    /// The note about `database` in this folder, which must exist.
    pub fn new(folder: &Path, database: &str) -> Self {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
        let name: String = database
            .bytes()
            .map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02x}") })
            .collect();
        Self { path: folder.join(format!("{name}.seen")) }
    }

    /// Refuses a keyring that is older than the one in the note, or another.
    ///
    /// # Errors
    /// [`KeyError::Memory`], also if there is a note that cannot be read.
    pub fn check(&self, keyring: &Keyring) -> Result<(), KeyError> {
        let Some(seen) = self.read()? else { return Ok(()) };
        let found = Note::of(keyring);
        let wrong = if seen.keyring != found.keyring {
            "is another one than this proxy has seen before".to_owned()
        } else if found.counter < seen.counter {
            format!("is at change {}, and this proxy has seen change {}", found.counter, seen.counter)
        } else if found.counter == seen.counter && found.seal != seen.seal {
            format!("has another change {} than this proxy has seen", found.counter)
        } else {
            return Ok(());
        };
        Err(self.failed(
            format!("the keyring in the database {wrong}: an older one was put back"),
            format!(
                "Find out who can write to schema pyrite. If the database was restored on purpose, remove {}.",
                self.path.display()
            ),
        ))
    }

    /// Writes the note anew, if this keyring is newer. The file is replaced as a whole: a crash leaves the old
    /// note or the new one.
    ///
    /// # Errors
    /// [`KeyError::Memory`] if it cannot be written.
    pub fn keep(&self, keyring: &Keyring) -> Result<(), KeyError> {
        let note = Note::of(keyring);
        if self.read()?.is_some_and(|seen| seen.keyring == note.keyring && seen.counter >= note.counter) {
            return Ok(());
        }
        let new = self.path.with_extension(format!("new-{}", std::process::id()));
        let text = format!("{FORM} {} {} {}\n", note.keyring, note.counter, note.seal);
        let written = fs::File::create(&new).and_then(|mut file| {
            file.write_all(text.as_bytes())?;
            file.sync_all()?;
            fs::rename(&new, &self.path)
        });
        written.map_err(|error| {
            self.failed(
                format!("cannot write {}: {error}", self.path.display()),
                "Its folder must exist, and Pyrite must be allowed to write there.".to_owned(),
            )
        })
    }

    fn read(&self) -> Result<Option<Note>, KeyError> {
        let unreadable = |reason: String| {
            let hint =
                "Correct its rights; or, if the keyring in the database is known to be right, remove it.";
            self.failed(format!("cannot read {}: {reason}", self.path.display()), hint.to_owned())
        };
        let mut text = String::new();
        match fs::File::open(&self.path).and_then(|file| file.take(LIMIT).read_to_string(&mut text)) {
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(unreadable(error.to_string())),
        }
        Note::parse(&text).map(Some).ok_or_else(|| unreadable("it is no note of Pyrite's".to_owned()))
    }

    fn failed(&self, message: String, hint: String) -> KeyError {
        KeyError::Memory { message, hint }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::{Key, KeyId};
    use crate::keys::KeyringBuilder;

    fn keyring(uuid: u8, counter: u64, seal: &[u8]) -> Keyring {
        KeyringBuilder::new([uuid; 16])
            .counter(counter)
            .seal(seal)
            .group_with_keys([1; 16], "g", (KeyId(1), Key::new([1; 32])), (KeyId(2), Key::new([2; 32])))
            .build()
            .unwrap()
    }

    #[test]
    fn a_proxy_that_starts_again_knows_what_it_has_seen() {
        let folder = std::env::temp_dir().join(format!("pyrite-memory-{}", std::process::id()));
        let memory = Memory::new(&folder, "shop");
        assert!(memory.check(&keyring(1, 5, b"five")).is_ok(), "nothing was seen");
        let missing = memory.keep(&keyring(1, 5, b"five")).unwrap_err();
        assert!(missing.hint().unwrap().contains("folder must exist"), "{missing}");
        fs::create_dir(&folder).unwrap();

        memory.keep(&keyring(1, 5, b"five")).unwrap();
        memory.keep(&keyring(1, 4, b"four")).unwrap();
        for (other, word) in [
            (keyring(1, 4, b"four"), "is at change 4, and this proxy has seen change 5"),
            (keyring(1, 5, b"FIVE"), "another change 5"),
            (keyring(2, 9, b"nine"), "is another one"),
        ] {
            let again = Memory::new(&folder, "shop");
            let refused = again.check(&other).unwrap_err();
            assert!(refused.to_string().contains(word), "{refused}");
            assert!(refused.hint().unwrap().contains("shop.seen"), "{refused}");
            assert!(Memory::new(&folder, "other").check(&other).is_ok());
        }
        for newer in [keyring(1, 5, b"five"), keyring(1, 6, b"six")] {
            memory.check(&newer).unwrap();
            memory.keep(&newer).unwrap();
        }
        assert!(memory.check(&keyring(1, 5, b"five")).is_err());
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 1, "nothing but the note is left");

        for damaged in ["", "pyrite-seen-1 00 x 00\n", "pyrite-seen-1 00 1 00", "pyrite-seen-1 00 1 00 00\n"]
        {
            fs::write(&memory.path, damaged).unwrap();
            assert!(memory.check(&keyring(1, 6, b"six")).is_err(), "{damaged:?}");
            assert!(memory.keep(&keyring(1, 7, b"seven")).is_err(), "{damaged:?}");
        }
        fs::remove_dir_all(&folder).unwrap();
    }

    #[test]
    fn odd_names_of_databases_stay_in_the_folder() {
        let path = Memory::new(Path::new("/state"), "../a b/%").path;
        assert_eq!(path, Path::new("/state/%2e%2e%2fa%20b%2f%25.seen"));
    }
}
