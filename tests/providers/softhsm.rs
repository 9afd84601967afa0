//! PKCS#11 against SoftHSM 2.
//!
//! A library reads its settings once per process, and a login is the process's. So each test runs again in a process
//! of its own, with a token store in a temporary folder.

use std::path::{Path, PathBuf};
use std::process::Command;

use cryptoki::context::{CInitializeArgs, CInitializeFlags, Pkcs11};
use cryptoki::error::{Error, RvError};
use cryptoki::mechanism::Mechanism;
use cryptoki::object::{Attribute, AttributeInfo, AttributeType, KeyType, ObjectClass, ObjectHandle};
use cryptoki::session::{Session, UserType};
use cryptoki::types::AuthPin;
use pyrite::keys::{Final, RootSource};

use crate::expect::Doing::{self, Creating, Opening};
use crate::expect::Expected::{self, Stays};
use crate::expect::{KEYRING, Verdict, private_file, run, source};
use crate::support::Folder;

const PIN: &str = "271828-user";
const LABEL: &str = "Pyrite token";
/// Says to a process of this test program that it is the inner one.
const FOLDER: &str = "PYRITE_TEST_SOFTHSM";

/// Where packages put the library.
const MODULES: &[&str] = &[
    "/usr/lib/softhsm/libsofthsm2.so",
    "/usr/lib64/pkcs11/libsofthsm2.so",
    "/usr/lib64/softhsm/libsofthsm2.so",
    "/opt/homebrew/lib/softhsm/libsofthsm2.so",
];

/// Runs a test in a process of its own, with a fresh token. Skips, and says so, where there is no SoftHSM.
pub fn with_token(test: &str, body: impl FnOnce(&Token)) {
    if let Some(folder) = std::env::var_os(FOLDER) {
        return body(&Token { folder: folder.into() });
    }
    if module().is_none() || Command::new("softhsm2-util").arg("--version").output().is_err() {
        eprintln!("skipped: SoftHSM 2 is not installed (package softhsm2)");
        return;
    }
    let folder = Folder::new("softhsm");
    let (settings, tokens) = (folder.path().join("softhsm2.conf"), folder.path().join("tokens"));
    std::fs::create_dir(&tokens).unwrap();
    let text = format!(
        "directories.tokendir = {}\nobjectstore.backend = file\nlog.level = ERROR\n",
        tokens.display()
    );
    std::fs::write(&settings, text).unwrap();
    private_file(&folder.path().join("pin"), &format!("{PIN}\n"));
    let output = Command::new("softhsm2-util")
        .args(["--init-token", "--free", "--label", LABEL, "--so-pin", "officer-314", "--pin", PIN])
        .env("SOFTHSM2_CONF", &settings)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture", "--test-threads=1"])
        .env("SOFTHSM2_CONF", &settings)
        .env(FOLDER, folder.path())
        .output()
        .unwrap();
    let said =
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.contains("1 passed"), "in its own process:\n{said}");
}

fn module() -> Option<&'static Path> {
    MODULES.iter().map(Path::new).find(|path| path.exists())
}

pub struct Token {
    folder: PathBuf,
}

impl Token {
    /// A session of the test's own, past Pyrite.
    fn session(&self) -> Session {
        let library = Pkcs11::new(module().unwrap()).unwrap();
        match library.initialize(CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK)) {
            Ok(()) | Err(Error::Pkcs11(RvError::CryptokiAlreadyInitialized, _)) => {}
            Err(error) => panic!("{error}"),
        }
        let slots = library.get_slots_with_initialized_token().unwrap();
        let session = library.open_rw_session(slots[0]).unwrap();
        session.login(UserType::User, Some(&AuthPin::new(PIN.into()))).unwrap();
        session
    }

    /// A key as docs/providers.md says that it should be, with what differs.
    pub fn generate(&self, label: &str, differs: &[Attribute]) -> Vec<u8> {
        let session = self.session();
        let id = label.bytes().map(|byte| byte ^ 0x55).collect::<Vec<_>>();
        let mut template = vec![
            Attribute::Class(ObjectClass::SECRET_KEY),
            Attribute::KeyType(KeyType::AES),
            Attribute::ValueLen(32.into()),
            Attribute::Token(true),
            Attribute::Private(true),
            Attribute::Sensitive(true),
            Attribute::Extractable(false),
            Attribute::Encrypt(true),
            Attribute::Decrypt(true),
            Attribute::Label(label.as_bytes().to_vec()),
            Attribute::Id(id.clone()),
        ];
        for other in differs {
            template.retain(|one| std::mem::discriminant(one) != std::mem::discriminant(other));
            template.push(other.clone());
        }
        session.generate_key(&Mechanism::AesKeyGen, &template).unwrap();
        id
    }

    fn find(&self, session: &Session, label: &str) -> Vec<ObjectHandle> {
        session.find_objects(&[Attribute::Label(label.as_bytes().to_vec())]).unwrap()
    }

    fn delete(&self, label: &str) {
        let session = self.session();
        for object in self.find(&session, label) {
            session.destroy_object(object).unwrap();
        }
    }

    fn source(&self, differs: &[(&str, &str)]) -> RootSource {
        source(self.config(differs).trim_matches(['{', '}']))
    }

    /// What pyrite.toml says of it.
    pub fn config(&self, differs: &[(&str, &str)]) -> String {
        let module = format!("'{}'", module().unwrap().display());
        let pin = format!("'{}'", self.folder.join("pin").display());
        let label = format!("'{LABEL}'");
        let mut fields = vec![
            ("module", module.as_str()),
            ("token", label.as_str()),
            ("key", "'pyrite'"),
            ("pin_file", &pin),
            ("timeout", "30"),
        ];
        for (name, value) in differs {
            let replaces = match *name {
                "slot" => "token",
                "key_id" => "key",
                "pin_env" => "pin_file",
                name => name,
            };
            fields.retain(|(known, _)| *known != replaces);
            fields.push((name, value));
        }
        let fields: Vec<String> = fields.iter().map(|(name, value)| format!("{name} = {value}")).collect();
        format!("{{ provider = 'pkcs11', {} }}", fields.join(", "))
    }
}

#[test]
fn a_root_key_comes_back_and_only_for_its_keyring() {
    with_token("softhsm::a_root_key_comes_back_and_only_for_its_keyring", |token| {
        let id = token.generate("pyrite", &[]);
        let source = token.source(&[]);
        let (root, stored) = run(source.create(&KEYRING)).unwrap();
        let stored = stored.expect("an outside provider's root key is stored wrapped");
        let open = |source: &RootSource, stored: &[u8]| run(source.open(Some(stored), &KEYRING));
        assert_eq!(open(&source, &stored).unwrap().fingerprint(), root.fingerprint());
        let hex: String = id.iter().map(|byte| format!("{byte:02x}")).collect();
        let by_id = token.source(&[("key_id", &format!("'{hex}'"))]);
        assert_eq!(open(&by_id, &stored).unwrap().fingerprint(), root.fingerprint());
        let slot =
            Pkcs11::new(module().unwrap()).unwrap().get_slots_with_initialized_token().unwrap()[0].id();
        let by_slot = token.source(&[("slot", &slot.to_string())]);
        assert_eq!(open(&by_slot, &stored).unwrap().fingerprint(), root.fingerprint());

        let (other, _) = run(source.create(&KEYRING)).unwrap();
        assert_ne!(other.fingerprint(), root.fingerprint(), "each is random");
        let moved = run(source.open(Some(&stored), &[7; 16])).unwrap_err();
        assert!(moved.to_string().contains("does not open the root key"), "{moved}");
        // Every byte behind the name counts.
        for at in [stored.len() - 1, stored.len() - 30, stored.len() - 60] {
            let mut altered = stored.clone();
            altered[at] ^= 1;
            assert!(open(&source, &altered).is_err(), "byte {at}");
        }
        assert!(open(&source, &stored[..stored.len() - 1]).is_err());
    });
}

/// What the documentation promises of a key made as it says.
#[test]
fn the_key_cannot_leave_the_token() {
    with_token("softhsm::the_key_cannot_leave_the_token", |token| {
        token.generate("pyrite", &[]);
        token.generate("wrapper", &[Attribute::Wrap(true)]);
        let session = token.session();
        let key = token.find(&session, "pyrite")[0];
        let asked = session.get_attribute_info(key, &[AttributeType::Value]).unwrap();
        assert!(matches!(asked[0], AttributeInfo::Sensitive), "{asked:?}");
        let wrapper = token.find(&session, "wrapper")[0];
        let wrapped = session.wrap_key(&Mechanism::AesKeyWrap, wrapper, key);
        assert!(matches!(wrapped, Err(Error::Pkcs11(RvError::KeyUnextractable, _))), "{wrapped:?}");
        let made = session.update_attributes(key, &[Attribute::Extractable(true)]);
        assert!(made.is_err(), "it cannot be made extractable");
        drop(session);
        assert!(run(token.source(&[]).create(&KEYRING)).is_ok(), "and serves");
    });
}

#[test]
fn several_at_once_get_along() {
    with_token("softhsm::several_at_once_get_along", |token| {
        token.generate("pyrite", &[]);
        let source = token.source(&[("timeout", "20")]);
        let (root, stored) = run(source.create(&KEYRING)).unwrap();
        let stored = stored.unwrap();
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    for _ in 0..10 {
                        let opened = run(source.open(Some(&stored), &KEYRING)).unwrap();
                        assert_eq!(opened.fingerprint(), root.fingerprint());
                    }
                });
            }
        });
    });
}

/// What is done to the token or the configuration, while what, and what must come of it.
type Case = (&'static str, fn(&Token) -> RootSource, Doing, Expected, &'static str, &'static str);

const FAILURES: &[Case] = &[
    (
        "no library",
        |t| t.source(&[("module", "'/nonexistent/hsm.so'")]),
        Creating,
        Stays(Final::Setup),
        "/nonexistent/hsm.so",
        "module",
    ),
    (
        "a library of something else",
        |t| t.source(&[("module", &format!("'{}'", any_library()))]),
        Creating,
        Stays(Final::Setup),
        "cannot be used",
        "module",
    ),
    (
        "other token",
        |t| t.source(&[("token", "'other'")]),
        Opening,
        Stays(Final::Setup),
        "no token has",
        "token",
    ),
    ("empty slot", |t| t.source(&[("slot", "987654")]), Opening, Stays(Final::Setup), "slot 987654", "slot"),
    ("wrong PIN", wrong_pin, Opening, Stays(Final::Login), "PinIncorrect", "lock after a few wrong ones"),
    (
        "no PIN",
        |t| t.source(&[("pin_file", "'none'")]),
        Creating,
        Stays(Final::Login),
        "cannot read",
        "pin_file",
    ),
    (
        "no PIN variable",
        |t| t.source(&[("pin_env", "'PYRITE_NO_SUCH'")]),
        Creating,
        Stays(Final::Login),
        "PYRITE_NO_SUCH",
        "pin_env",
    ),
    (
        "unknown key",
        |t| t.source(&[("key", "'typo'")]),
        Creating,
        Stays(Final::NoSuchKey),
        "no AES key typo",
        "-O",
    ),
    ("deleted key", deleted, Opening, Stays(Final::NoSuchKey), "no AES key pyrite", "pkcs11-tool"),
    ("other key", other_key, Opening, Stays(Final::WrongKey), "C_Decrypt", "keys.next_root"),
    ("two of one name", twice, Opening, Stays(Final::Setup), "2 AES keys", "pkcs11-tool"),
    ("may not encrypt", no_encrypt, Creating, Stays(Final::Denied), "KeyFunctionNotPermitted", "CKA_ENCRYPT"),
    ("may not decrypt", no_decrypt, Creating, Stays(Final::Denied), "KeyFunctionNotPermitted", "CKA_DECRYPT"),
];

/// One that this process has loaded, and that is no PKCS#11 module.
fn any_library() -> String {
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
    let mut paths = maps.lines().filter_map(|line| line.split_whitespace().last());
    paths.find(|path| path.contains("libc.so") || path.contains("libc-")).unwrap().to_owned()
}

fn wrong_pin(token: &Token) -> RootSource {
    let path = token.folder.join("wrong-pin");
    private_file(&path, "161803-wrong\n");
    token.source(&[("pin_file", &format!("'{}'", path.display()))])
}

fn deleted(token: &Token) -> RootSource {
    token.delete("pyrite");
    token.source(&[])
}

fn other_key(token: &Token) -> RootSource {
    token.delete("pyrite");
    token.generate("pyrite", &[]);
    token.source(&[])
}

fn twice(token: &Token) -> RootSource {
    token.generate("pyrite", &[]);
    token.source(&[])
}

fn no_encrypt(token: &Token) -> RootSource {
    token.generate("only-decrypts", &[Attribute::Encrypt(false)]);
    token.source(&[("key", "'only-decrypts'")])
}

fn no_decrypt(token: &Token) -> RootSource {
    token.generate("only-encrypts", &[Attribute::Decrypt(false)]);
    token.source(&[("key", "'only-encrypts'")])
}

#[test]
fn each_failure_is_one_error_with_a_reason_and_a_way_out() {
    with_token("softhsm::each_failure_is_one_error_with_a_reason_and_a_way_out", |token| {
        for (case, break_it, doing, expected, reason, way_out) in FAILURES {
            token.delete("pyrite");
            token.generate("pyrite", &[]);
            let (_, stored) = run(token.source(&[]).create(&KEYRING)).unwrap();
            let broken = break_it(token);
            let verdict = Verdict {
                case,
                expected: *expected,
                provider: "PKCS#11",
                reason,
                way_out,
                secrets: &[PIN, "161803"],
            };
            verdict.on(async {
                match doing {
                    Creating => broken.create(&KEYRING).await.map(|(root, _)| root),
                    Opening => broken.open(stored.as_deref(), &KEYRING).await,
                }
            });
        }
        // Not one attempt more than there were wrong PINs: the right one still works.
        token.delete("pyrite");
        token.generate("pyrite", &[]);
        assert!(run(token.source(&[]).create(&KEYRING)).is_ok());
    });
}
