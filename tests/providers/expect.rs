//! What tests of all providers share: a source from a line of configuration, and what each error must say.

use std::path::Path;
use std::time::{Duration, Instant};

use pyrite::config::{Config, SystemSecrets};
use pyrite::keys::{Failure, Final, KeyError, Passing, RootKey, RootSource};

/// The keyring that most tests wrap for.
pub const KEYRING: [u8; 16] = *b"\x12\x34\x56\x78\x9a\xbc\x4d\xef\x80\x11\x22\x33\x44\x55\x66\x77";

pub fn run<T>(test: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(test)
}

/// A source from what stands between the braces of `root = { … }`.
pub fn source(text: &str) -> RootSource {
    let text = format!("keys.root = {{ {text} }}");
    let config = Config::parse(&text, Path::new("/nonexistent"), &SystemSecrets);
    RootSource::new(&config.unwrap_or_else(|error| panic!("{text}\n{error}")).root)
}

/// A file that only its owner can read.
pub fn private_file(path: &Path, text: &str) {
    use std::os::unix::fs::PermissionsExt;
    std::fs::write(path, text).unwrap();
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).unwrap();
}

/// An attempt that takes longer hangs, however busy the machine is: each has a time-out far below.
const HANGS: Duration = Duration::from_secs(180);

/// What is done with a provider when it fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Doing {
    Creating,
    Opening,
}

/// Which failure must come of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expected {
    Stays(Final),
    Passes(Passing),
}

/// One error: of this kind, naming the provider, the reason and the way out, and telling no secret.
pub struct Verdict<'a> {
    pub case: &'a str,
    pub expected: Expected,
    /// The provider as an operator knows it.
    pub provider: &'a str,
    /// What the reason must contain.
    pub reason: &'a str,
    /// What the way out must contain.
    pub way_out: &'a str,
    pub secrets: &'a [&'a str],
}

impl Verdict<'_> {
    /// Runs one attempt and judges it.
    pub fn on(&self, attempt: impl Future<Output = Result<RootKey, KeyError>>) {
        let case = self.case;
        let began = Instant::now();
        let error = run(attempt).expect_err(case);
        let took = began.elapsed();
        assert!(took < HANGS, "{case}: took {took:?}");
        let shown = format!("{error} {error:?} {:?}", error.hint());
        for secret in self.secrets {
            assert!(!shown.contains(secret), "{case}: tells a secret: {shown}");
        }
        let text = error.to_string();
        assert!(text.contains(self.provider), "{case}: does not name the provider: {text}");
        assert!(text.contains(self.reason), "{case}: does not say why ({}): {text}", self.reason);
        let hint = error.hint().unwrap_or_default();
        assert!(hint.contains(self.way_out) && hint.len() > 20, "{case}: no way out: {hint}");
        assert_eq!(error.sqlstate(), "58000", "{case}");
        let KeyError::Provider(error) = error else { panic!("{case}: {error:?}") };
        match (self.expected, &error.failure) {
            (Expected::Stays(wanted), Failure::Final(found, _)) => {
                assert_eq!((wanted, error.attempts), (*found, 1), "{case}: {text}");
            }
            (Expected::Passes(wanted), Failure::Passing(found, _)) => {
                assert_eq!(wanted, *found, "{case}: {text}");
            }
            (wanted, found) => panic!("{case}: {found:?} instead of {wanted:?}"),
        }
    }
}
