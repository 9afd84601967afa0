//! HashiCorp Vault / OpenBao Transit.

use std::time::Duration;

use pyrite::keys::{Final, KeyError, Passing, RootKey, RootSource};

use crate::expect::Doing::{self, Creating, Opening};
use crate::expect::Expected::{self, Passes, Stays};
use crate::expect::{KEYRING, Verdict, private_file, run, source};
use crate::support::{Folder, free_port};
use crate::vault_stub::{Fault, Key, TOKEN, Vault};

/// For what must work, or fails at once: nothing is waited for that long, even on a busy machine.
const LONG: u32 = 60;
/// For what is tried again until the time is over.
const SHORT: u32 = 8;

/// A server, a folder with a token, and a source with that token.
struct Fixture {
    vault: Vault,
    folder: Folder,
    /// Of sources that say nothing else.
    timeout: u32,
}

impl Fixture {
    fn new() -> Self {
        let folder = Folder::new("vault");
        private_file(&folder.path().join("token"), &format!("{TOKEN}\n"));
        Self { vault: Vault::start(), folder, timeout: LONG }
    }

    fn source(&self, more: &str) -> RootSource {
        self.at(&self.vault.address(), more)
    }

    fn at(&self, address: &str, more: &str) -> RootSource {
        let key = if more.contains("key =") { "" } else { "key = 'pyrite', " };
        let token = self.folder.path().join("token");
        let comma = if more.is_empty() { "" } else { ", " };
        let timeout =
            if more.contains("timeout =") { String::new() } else { format!(", timeout = {}", self.timeout) };
        source(&format!(
            "provider = 'vault', address = '{address}', {key}token_file = '{}'{comma}{more}{timeout}",
            token.display()
        ))
    }
}

async fn open(source: &RootSource, stored: &[u8]) -> Result<RootKey, KeyError> {
    source.open(Some(stored), &KEYRING).await
}

#[test]
fn a_root_key_comes_back_and_only_for_its_keyring() {
    let fixture = Fixture::new();
    for derived in [false, true] {
        fixture.vault.state().keys.get_mut("pyrite").unwrap().derived = derived;
        let source = fixture.source("");
        let (root, stored) = run(source.create(&KEYRING)).unwrap();
        let stored = stored.expect("an outside provider's root key is stored wrapped");
        assert!(String::from_utf8_lossy(&stored).contains("vault:v1:"));
        assert_eq!(run(open(&source, &stored)).unwrap().fingerprint(), root.fingerprint());
        let (other, _) = run(source.create(&KEYRING)).unwrap();
        assert_ne!(other.fingerprint(), root.fingerprint(), "each is random");

        let moved = run(source.open(Some(&stored), &[7; 16])).unwrap_err();
        assert!(moved.to_string().contains("does not open the root key"), "{moved}");
        for at in [stored.len() - 5, stored.len() / 2 + 10] {
            let mut altered = stored.clone();
            altered[at] = if altered[at] == b'A' { b'B' } else { b'A' };
            assert!(run(open(&source, &altered)).is_err(), "byte {at}");
        }
    }
}

#[test]
fn old_versions_of_the_key_open_until_they_are_closed() {
    let fixture = Fixture::new();
    let source = fixture.source("");
    let (root, old) = run(source.create(&KEYRING)).unwrap();
    fixture.vault.state().keys.get_mut("pyrite").unwrap().rotate();
    let (_, new) = run(source.create(&KEYRING)).unwrap();
    let (old, new) = (old.unwrap(), new.unwrap());
    assert!(String::from_utf8_lossy(&new).contains("vault:v2:"));
    assert_eq!(run(open(&source, &old)).unwrap().fingerprint(), root.fingerprint());

    fixture.vault.state().keys.get_mut("pyrite").unwrap().min_decryption_version = 2;
    assert!(run(open(&source, &new)).is_ok());
    let error = run(open(&source, &old)).unwrap_err();
    assert!(error.hint().unwrap().contains("min_decryption_version"), "{error}");
}

#[test]
fn a_token_file_is_read_again_when_its_token_is_refused() {
    let fixture = Fixture::new();
    let source = fixture.source("timeout = 30");
    let (root, stored) = run(source.create(&KEYRING)).unwrap();
    let stored = stored.unwrap();
    // The old token ends, and an agent writes the new one a moment later, while Pyrite asks.
    fixture.vault.state().token = "hvs.renewed".to_owned();
    let path = fixture.folder.path().join("token");
    let writer = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(80));
        private_file(&path, "hvs.renewed\n");
    });
    assert_eq!(run(open(&source, &stored)).unwrap().fingerprint(), root.fingerprint());
    writer.join().unwrap();
}

#[test]
fn namespaces_mounts_and_redirects_are_followed() {
    let fixture = Fixture::new();
    {
        let mut state = fixture.vault.state();
        state.namespace = Some("team/a".to_owned());
        state.mount = "keys/transit".to_owned();
    }
    let source = fixture.source("namespace = 'team/a', mount = 'keys/transit'");
    let (root, stored) = run(source.create(&KEYRING)).unwrap();
    let standby = Vault::start();
    standby.fail(Fault::Standby(fixture.vault.address()));
    let through = fixture.at(&standby.address(), "namespace = 'team/a', mount = 'keys/transit'");
    assert_eq!(run(open(&through, &stored.unwrap())).unwrap().fingerprint(), root.fingerprint());
    assert_eq!(standby.requests(), 1);
}

#[test]
fn a_short_trouble_is_waited_out() {
    let fixture = Fixture::new();
    let source = fixture.source("timeout = 20");
    let (root, stored) = run(source.create(&KEYRING)).unwrap();
    let stored = stored.unwrap();
    for fault in [Fault::Throttled(3, None), Fault::Throttled(1, Some(1))] {
        fixture.vault.fail(fault);
        assert_eq!(run(open(&source, &stored)).unwrap().fingerprint(), root.fingerprint());
    }
    for fault in [Fault::Sealed, Fault::NoLeader, Fault::HangsUp] {
        fixture.vault.fail(fault.clone());
        std::thread::scope(|scope| {
            scope.spawn(|| {
                std::thread::sleep(Duration::from_millis(700));
                fixture.vault.fail(Fault::None);
            });
            let opened = run(open(&source, &stored)).unwrap_or_else(|error| panic!("{fault:?}: {error}"));
            assert_eq!(opened.fingerprint(), root.fingerprint());
        });
    }
}

/// What is done to the server or the configuration, while what, and what must come of it.
type Case = (&'static str, fn(&Fixture) -> RootSource, Doing, Expected, &'static str, &'static str);

const FAILURES: &[Case] = &[
    (
        "unreachable",
        |fixture| fixture.at(&format!("http://127.0.0.1:{}", free_port()), ""),
        Opening,
        Passes(Passing::Unreachable),
        "cannot be reached",
        "vault status",
    ),
    (
        "a name that nobody has",
        |fixture| fixture.at("https://vault.invalid", ""),
        Creating,
        Passes(Passing::Unreachable),
        "cannot be reached",
        "address",
    ),
    ("never answers", |f| faulty(f, Fault::Hangs), Opening, Passes(Passing::TimedOut), "in time", "network"),
    ("hangs up", |f| faulty(f, Fault::HangsUp), Creating, Passes(Passing::Unreachable), "reached", "network"),
    (
        "sealed",
        |f| faulty(f, Fault::Sealed),
        Opening,
        Passes(Passing::Unavailable),
        "Vault is sealed",
        "Unseal",
    ),
    ("no leader", |f| faulty(f, Fault::NoLeader), Creating, Passes(Passing::Unavailable), "500", "leader"),
    (
        "throttled",
        |f| faulty(f, Fault::Throttled(1000, None)),
        Opening,
        Passes(Passing::Throttled(None)),
        "rate limit quota exceeded",
        "rate limit",
    ),
    (
        "throttled for longer than there is time",
        |f| faulty(f, Fault::Throttled(1000, Some(60))),
        Opening,
        Passes(Passing::Throttled(Some(Duration::from_secs(60)))),
        "too many requests",
        "timeout",
    ),
    ("not a Vault", |f| faulty(f, Fault::NotVault), Creating, Stays(Final::Malformed), "JSON", "Transit"),
    (
        "redirected in circles",
        |f| faulty(f, Fault::Standby(f.vault.address())),
        Opening,
        Passes(Passing::Unavailable),
        "redirect to each other",
        "vault status",
    ),
    (
        "redirected to nowhere",
        |f| faulty(f, Fault::Standby("ftp://elsewhere".to_owned())),
        Opening,
        Stays(Final::Setup),
        "without TLS",
        "address",
    ),
    ("revoked token", revoked, Opening, Stays(Final::Denied), "403", "token_file"),
    ("half the rights", |f| faulty(f, Fault::NoDecrypt), Creating, Stays(Final::Denied), "403", "update"),
    (
        "other namespace",
        |f| f.source("namespace = 'elsewhere'"),
        Creating,
        Stays(Final::Denied),
        "403",
        "namespace",
    ),
    ("deleted key", deleted, Opening, Stays(Final::NoSuchKey), "encryption key not found", "vault read"),
    (
        "unknown key",
        |f| f.source("key = 'typo'"),
        Creating,
        Stays(Final::NoSuchKey),
        "no such key",
        "mount, key",
    ),
    (
        "unknown mount",
        |f| f.source("mount = 'typo'"),
        Creating,
        Stays(Final::NoSuchKey),
        "no handler",
        "mount",
    ),
    ("other key", other_key, Opening, Stays(Final::WrongKey), "message authentication failed", "keys.root"),
    ("closed version", closed, Opening, Stays(Final::KeyDisabled), "too old", "min_decryption_version"),
    ("no token file", no_token, Opening, Stays(Final::Login), "cannot read the secret", "token_file"),
    (
        "no token variable",
        |f| {
            let address = f.vault.address();
            source(&format!(
                "provider = 'vault', address = '{address}', key = 'pyrite', token_env = 'PYRITE_NO_SUCH'"
            ))
        },
        Creating,
        Stays(Final::Login),
        "PYRITE_NO_SUCH",
        "token_env",
    ),
    (
        "no ca_file",
        |f| f.source("ca_file = 'none.pem'"),
        Creating,
        Stays(Final::Setup),
        "none.pem",
        "ca_file",
    ),
    ("an empty ca_file", empty_ca, Creating, Stays(Final::Setup), "no certificate", "ca_file"),
];

fn faulty(fixture: &Fixture, fault: Fault) -> RootSource {
    fixture.vault.fail(fault);
    fixture.source("")
}

fn revoked(fixture: &Fixture) -> RootSource {
    fixture.vault.state().token = "hvs.another".to_owned();
    fixture.source("")
}

fn deleted(fixture: &Fixture) -> RootSource {
    fixture.vault.state().keys.remove("pyrite");
    fixture.source("")
}

fn other_key(fixture: &Fixture) -> RootSource {
    fixture.vault.state().keys.insert("pyrite".to_owned(), Key::new());
    fixture.source("")
}

fn closed(fixture: &Fixture) -> RootSource {
    fixture.vault.state().keys.get_mut("pyrite").unwrap().min_decryption_version = 2;
    fixture.source("")
}

fn no_token(fixture: &Fixture) -> RootSource {
    std::fs::remove_file(fixture.folder.path().join("token")).unwrap();
    fixture.source("")
}

fn empty_ca(fixture: &Fixture) -> RootSource {
    let path = fixture.folder.path().join("ca.pem");
    std::fs::write(&path, "nothing\n").unwrap();
    fixture.source(&format!("ca_file = '{}'", path.display()))
}

#[test]
fn each_failure_is_one_error_with_a_reason_and_a_way_out() {
    std::thread::scope(|scope| {
        for (case, break_it, doing, expected, reason, way_out) in FAILURES {
            scope.spawn(move || {
                let mut fixture = Fixture::new();
                let (_, stored) = run(fixture.source("").create(&KEYRING)).unwrap();
                if matches!(expected, Passes(_)) {
                    fixture.timeout = SHORT;
                }
                let broken = break_it(&fixture);
                let verdict = Verdict {
                    case,
                    expected: *expected,
                    provider: "Vault key",
                    reason,
                    way_out,
                    secrets: &[TOKEN, "hvs."],
                };
                verdict.on(async {
                    match doing {
                        Creating => broken.create(&KEYRING).await.map(|(root, _)| root),
                        Opening => open(&broken, stored.as_deref().unwrap()).await,
                    }
                });
            });
        }
    });
}
