//! AWS KMS against moto's server, which encrypts for real; and, for what moto does not do (throttling, refused rights,
//! expired credentials, keys out of use, silence), against a server that answers as KMS's documentation says.
//!
//! Credentials come from the environment, which is a process's own. So each test runs again in a process of its own.

#![allow(missing_docs, reason = "a test program")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

#[allow(dead_code, reason = "shared with the other providers' tests")]
mod expect;

#[path = "../support/mod.rs"]
mod support;

use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use aws_sdk_kms::Client;
use aws_sdk_kms::config::{BehaviorVersion, Credentials, Region};
use expect::Doing::{self, Creating, Opening};
use expect::Expected::{self, Passes, Stays};
use expect::{KEYRING, Verdict, run, source};
use pyrite::keys::{Final, Passing, RootSource};
use support::keeper::Keeper;
use support::{Folder, free_port};

const SECRET: &str = "wJalrXUtnFEMI-secret-access-key";
const INNER: &str = "PYRITE_TEST_AWS";

/// Runs a test in a process with credentials and moto's port in its environment.
fn with_moto(test: &str, body: impl FnOnce(&Moto)) {
    if let Ok(port) = std::env::var(INNER) {
        return body(&Moto { endpoint: format!("http://127.0.0.1:{port}") });
    }
    let Some(program) = moto() else {
        eprintln!("skipped: moto's server cannot be installed (pip install 'moto[server]')");
        return;
    };
    let folder = Folder::new("moto");
    let (port, log) = (free_port().to_string(), folder.path().join("log"));
    let program = program.to_str().unwrap();
    let keeper =
        Keeper::start(None, &log, "TERM", Some(folder.path()), &[program, "-H", "127.0.0.1", "-p", &port]);
    let deadline = Instant::now() + Duration::from_secs(60);
    while std::net::TcpStream::connect(format!("127.0.0.1:{port}")).is_err() {
        let said = || std::fs::read_to_string(&log).unwrap_or_default();
        assert!(keeper.alive() && Instant::now() < deadline, "moto does not start:\n{}", said());
        std::thread::sleep(Duration::from_millis(50));
    }
    let output = again(
        test,
        &folder,
        &[(INNER, &port), ("AWS_ACCESS_KEY_ID", "AKIATEST"), ("AWS_SECRET_ACCESS_KEY", SECRET)],
    );
    let said =
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.contains("1 passed"), "in its own process:\n{said}");
}

fn again(test: &str, folder: &Folder, variables: &[(&str, &str)]) -> Output {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", test, "--nocapture", "--test-threads=1"]);
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("AWS_")) {
        command.env_remove(name);
    }
    // Nothing of the machine's own: no shared files, no instance.
    command
        .env("HOME", folder.path())
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .env("AWS_REGION", "eu-central-1");
    command.envs(variables.iter().copied()).output().unwrap()
}

/// The server's program; installed by the first test that asks. `None` where that cannot be.
fn moto() -> Option<&'static Path> {
    static PROGRAM: OnceLock<Option<PathBuf>> = OnceLock::new();
    let install = || {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("moto");
        let program = folder.join("bin/moto_server");
        if !program.exists() {
            let ran = |command: &mut Command| command.status().is_ok_and(|status| status.success());
            let pip = folder.join("bin/pip");
            let installed = ran(Command::new("python3").args(["-m", "venv"]).arg(&folder))
                && ran(Command::new(pip).args(["install", "--quiet", "moto[server]>=5.1,<6"]));
            if !installed {
                return None;
            }
        }
        Some(program)
    };
    PROGRAM.get_or_init(install).as_deref()
}

struct Moto {
    endpoint: String,
}

impl Moto {
    /// A client of the test's own, past Pyrite.
    fn client(&self) -> Client {
        let config = aws_sdk_kms::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new("eu-central-1"))
            .credentials_provider(Credentials::new("AKIATEST", SECRET, None, None, "test"))
            .http_client(aws_smithy_http_client::Builder::new().build_http())
            .endpoint_url(&self.endpoint);
        Client::from_conf(config.build())
    }

    /// A new key, and its alias.
    fn generate(&self, alias: &str) -> String {
        run(async {
            let client = self.client();
            let key = client.create_key().send().await.unwrap().key_metadata.unwrap().key_id;
            let alias = format!("alias/{alias}");
            client.create_alias().alias_name(alias).target_key_id(&key).send().await.unwrap();
            key
        })
    }

    fn source(&self, key: &str) -> RootSource {
        at(&self.endpoint, key)
    }
}

/// For what must work, or fails at once: nothing is waited for that long, even on a busy machine.
fn at(endpoint: &str, key: &str) -> RootSource {
    source(&format!("provider = 'aws-kms', key = '{key}', endpoint = '{endpoint}', timeout = 30"))
}

/// For what is tried again until the time is over.
fn briefly(endpoint: &str, key: &str) -> RootSource {
    source(&format!("provider = 'aws-kms', key = '{key}', endpoint = '{endpoint}', timeout = 6"))
}

#[test]
fn a_root_key_comes_back_and_only_for_its_keyring() {
    with_moto("a_root_key_comes_back_and_only_for_its_keyring", |moto| {
        let id = moto.generate("pyrite");
        let (root, stored) = run(moto.source("alias/pyrite").create(&KEYRING)).unwrap();
        let stored = stored.expect("an outside provider's root key is stored wrapped");
        assert!(String::from_utf8_lossy(&stored).contains(&id), "the key's ARN is noted");
        for key in ["alias/pyrite", &id] {
            let opened = run(moto.source(key).open(Some(&stored), &KEYRING)).unwrap();
            assert_eq!(opened.fingerprint(), root.fingerprint());
        }
        let moved = run(moto.source(&id).open(Some(&stored), &[7; 16])).unwrap_err();
        assert!(moved.to_string().contains("does not open the root key"), "{moved}");
        let mut altered = stored.clone();
        *altered.last_mut().unwrap() ^= 1;
        assert!(run(moto.source(&id).open(Some(&altered), &KEYRING)).is_err());
        let (other, _) = run(moto.source(&id).create(&KEYRING)).unwrap();
        assert_ne!(other.fingerprint(), root.fingerprint(), "each is random");
    });
}

/// What is done to the service or the configuration, while what, and what must come of it.
type Case = (&'static str, fn(&Moto, &str) -> RootSource, Doing, Expected, &'static str, &'static str);

const FAILURES: &[Case] = &[
    (
        "unknown key",
        |m, _| m.source("alias/typo"),
        Creating,
        Stays(Final::NoSuchKey),
        "NotFound",
        "describe-key",
    ),
    (
        "other key",
        |_, key| {
            at(
                &fake(400, "IncorrectKeyException", "The key ID in the request does not identify the key"),
                key,
            )
        },
        Opening,
        Stays(Final::WrongKey),
        "does not open the root key",
        "next_root",
    ),
    ("disabled key", disabled, Opening, Stays(Final::KeyDisabled), "out of use", "enable-key"),
    ("deleted key", deleted, Opening, Stays(Final::KeyDisabled), "out of use", "cancel-key-deletion"),
    (
        "unreachable",
        |_, key| briefly(&format!("http://127.0.0.1:{}", free_port()), key),
        Opening,
        Passes(Passing::Unreachable),
        "cannot be reached",
        "endpoint",
    ),
    (
        "never answers",
        |_, key| briefly(&fake(0, "", ""), key),
        Opening,
        Passes(Passing::TimedOut),
        "does not answer in time",
        "network",
    ),
    (
        "throttled",
        |_, key| briefly(&fake(400, "ThrottlingException", "Rate exceeded"), key),
        Opening,
        Passes(Passing::Throttled(None)),
        "Rate exceeded",
        "quota",
    ),
    (
        "broken inside",
        |_, key| briefly(&fake(500, "KMSInternalException", ""), key),
        Creating,
        Passes(Passing::Unavailable),
        "cannot serve now",
        "later",
    ),
    (
        "revoked access",
        |_, key| {
            at(&fake(400, "AccessDeniedException", "User is not authorized to perform kms:Decrypt"), key)
        },
        Opening,
        Stays(Final::Denied),
        "not authorized",
        "kms:Decrypt",
    ),
    (
        "expired credentials",
        |_, key| at(&fake(400, "ExpiredTokenException", "The security token is expired"), key),
        Opening,
        Stays(Final::Login),
        "expired",
        "credentials",
    ),
    (
        "wrong credentials",
        |_, key| at(&fake(400, "UnrecognizedClientException", "The security token is invalid"), key),
        Creating,
        Stays(Final::Login),
        "does not let Pyrite in",
        "credentials",
    ),
    (
        "a gateway's error",
        |_, key| briefly(&fake(503, "", "<html>Bad gateway</html>"), key),
        Opening,
        Passes(Passing::Unavailable),
        "503",
        "later",
    ),
    (
        "not KMS",
        |_, key| at(&fake(200, "", "<html>Welcome</html>"), key),
        Creating,
        Stays(Final::Malformed),
        "makes no sense",
        "AWS KMS",
    ),
];

fn disabled(_: &Moto, key: &str) -> RootSource {
    at(&fake(400, "DisabledException", "arn:aws:kms:eu-central-1:1:key/1 is disabled."), key)
}

fn deleted(_: &Moto, key: &str) -> RootSource {
    at(&fake(400, "KMSInvalidStateException", "arn:aws:kms:eu-central-1:1:key/1 is pending deletion."), key)
}

/// A server that gives each request this error in the form that KMS has; status 0: no answer at all.
fn fake(status: u16, code: &str, message: &str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let body = match code {
        "" => message.to_owned(),
        code => format!("{{\"__type\":\"{code}\",\"message\":\"{message}\"}}"),
    };
    let answer = format!(
        "HTTP/1.1 {status} X\r\nContent-Type: application/x-amz-json-1.1\r\nConnection: close\r\n\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    );
    std::thread::spawn(move || {
        let mut silent = Vec::new();
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { continue };
            let mut request = [0; 8192];
            let _ = stream.read(&mut request);
            if status == 0 {
                silent.push(stream);
            } else {
                let _ = stream.write_all(answer.as_bytes());
            }
        }
    });
    format!("http://{address}")
}

#[test]
fn each_failure_is_one_error_with_a_reason_and_a_way_out() {
    with_moto("each_failure_is_one_error_with_a_reason_and_a_way_out", |moto| {
        for (number, (case, break_it, doing, expected, reason, way_out)) in FAILURES.iter().enumerate() {
            let key = moto.generate(&format!("key-{number}"));
            let (_, stored) = run(moto.source(&key).create(&KEYRING)).unwrap();
            let broken = break_it(moto, &key);
            let verdict = Verdict {
                case,
                expected: *expected,
                provider: "AWS KMS key",
                reason,
                way_out,
                secrets: &[SECRET],
            };
            verdict.on(async {
                match doing {
                    Creating => broken.create(&KEYRING).await.map(|(root, _)| root),
                    Opening => broken.open(stored.as_deref(), &KEYRING).await,
                }
            });
        }
    });
}

#[test]
fn missing_credentials_are_an_error() {
    const TEST: &str = "missing_credentials_are_an_error";
    if std::env::var_os(INNER).is_none() {
        let folder = Folder::new("aws");
        let output = again(TEST, &folder, &[(INNER, "0")]);
        let said =
            String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success() && said.contains("1 passed"), "in its own process:\n{said}");
        return;
    }
    let endpoint = fake(400, "AccessDeniedException", "");
    let verdict = Verdict {
        case: "no credentials",
        expected: Stays(Final::Login),
        provider: "AWS KMS key alias/pyrite",
        reason: "redentials",
        way_out: "credentials",
        secrets: &[],
    };
    verdict.on(async { at(&endpoint, "alias/pyrite").create(&KEYRING).await.map(|(root, _)| root) });
}
