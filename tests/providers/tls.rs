//! Vault behind TLS: certificates that are trusted, and those that are not.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use pyrite::keys::{Final, RootSource};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

use crate::expect::Expected::Stays;
use crate::expect::{KEYRING, Verdict, private_file, run, source};
use crate::support::Folder;
use crate::vault_stub::{TOKEN, Vault};

/// A certificate for 127.0.0.1, signed by itself, in `NAME.pem`, and its key.
fn certificate(folder: &Path, name: &str) -> (PathBuf, PathBuf) {
    let (pem, key) = (folder.join(format!("{name}.pem")), folder.join(format!("{name}.key")));
    let mut openssl = Command::new("openssl");
    openssl.args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]);
    openssl.args(["-days", "2", "-subj", "/CN=vault", "-addext", "subjectAltName=IP:127.0.0.1"]);
    openssl
        .args(["-addext", "basicConstraints=critical,CA:FALSE", "-keyout"])
        .arg(&key)
        .arg("-out")
        .arg(&pem);
    let output = openssl.output().expect("openssl is installed");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    (pem, key)
}

/// Takes TLS off and passes each request on, until the process ends. Gives the port.
fn terminate(certificate: &(PathBuf, PathBuf), behind: &str) -> u16 {
    let chain = vec![CertificateDer::from_pem_file(&certificate.0).unwrap()];
    let key = PrivateKeyDer::from_pem_file(&certificate.1).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let config = Arc::new(config.with_no_client_auth().with_single_cert(chain, key).unwrap());
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let behind = behind.trim_start_matches("http://").to_owned();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let (config, behind) = (config.clone(), behind.clone());
            std::thread::spawn(move || {
                let tls = StreamOwned::new(ServerConnection::new(config).unwrap(), stream.unwrap());
                let _ = pass_on(tls, &behind);
            });
        }
    });
    port
}

fn pass_on(mut tls: StreamOwned<ServerConnection, TcpStream>, behind: &str) -> std::io::Result<()> {
    let mut back = TcpStream::connect(behind)?;
    back.set_read_timeout(Some(Duration::from_millis(300)))?;
    let mut buffer = [0; 4096];
    // A request comes in one or two pieces; the answer after it.
    loop {
        let count = tls.read(&mut buffer)?;
        if count == 0 {
            return Ok(());
        }
        back.write_all(&buffer[..count])?;
        if let Ok(count) = back.read(&mut buffer) {
            tls.write_all(&buffer[..count])?;
            tls.flush()?;
        }
    }
}

fn vault(folder: &Path, port: u16, more: &str) -> RootSource {
    private_file(&folder.join("token"), TOKEN);
    let token = folder.join("token");
    source(&format!(
        "provider = 'vault', address = 'https://127.0.0.1:{port}', key = 'pyrite', token_file = '{}', timeout = 30{more}",
        token.display()
    ))
}

#[test]
fn only_certificates_that_are_trusted_are_spoken_to() {
    let folder = Folder::new("tls");
    let (good, other) = (certificate(folder.path(), "good"), certificate(folder.path(), "other"));
    let server = Vault::start();
    let port = terminate(&good, &server.address());
    let trusting = vault(folder.path(), port, &format!(", ca_file = '{}'", good.0.display()));
    let (root, stored) = run(trusting.create(&KEYRING)).unwrap();
    let opened = run(trusting.open(stored.as_deref(), &KEYRING)).unwrap();
    assert_eq!(opened.fingerprint(), root.fingerprint());

    let asked = server.requests();
    for (case, more) in [
        ("signed by nobody known", String::new()),
        ("signed by another", format!(", ca_file = '{}'", other.0.display())),
    ] {
        let refusing = vault(folder.path(), port, &more);
        let verdict = Verdict {
            case,
            expected: Stays(Final::Setup),
            provider: "Vault key",
            reason: "certificate",
            way_out: "ca_file",
            secrets: &[TOKEN],
        };
        verdict.on(async { refusing.open(stored.as_deref(), &KEYRING).await });
    }
    assert_eq!(server.requests(), asked, "the token was sent to a server that is not trusted");
}
