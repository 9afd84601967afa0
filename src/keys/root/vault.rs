//! HashiCorp Vault's and OpenBao's Transit engine, over HTTP.
//!
//! Two requests: `POST /v1/MOUNT/encrypt/KEY` and `POST /v1/MOUNT/decrypt/KEY`. The keyring's UUID goes along both as
//! associated data and as derivation context: a key that derives uses both, one that does not ignores the second.

use std::borrow::Cow;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use ureq::http::{Response, StatusCode, header};
use ureq::tls::{PemItem, RootCerts, TlsConfig, parse_pem};
use ureq::{Agent, Body};
use zeroize::Zeroizing;

use super::failure::{Failure, Final, Passing, said};
use super::secret;
use super::wrapped::{Provider, Wrapped};
use crate::config::{SecretSource, VaultKey};

/// An answer is a few hundred bytes.
const MOST_OF_ANSWER: u64 = 64 << 10;
/// A standby server names the active one; that one does not name a third.
const REDIRECTS: usize = 2;

/// Wraps a root key. Blocks.
pub(super) fn wrap(
    config: &VaultKey,
    attempt: Duration,
    key: &[u8; 32],
    context: &str,
) -> Result<Wrapped, Failure> {
    let plaintext = Zeroizing::new(STANDARD.encode(key));
    let answer = request(config, attempt, "encrypt", "plaintext", &plaintext, context)?;
    let parsed: Answer<'_> = parse(&answer)?;
    let ciphertext = parsed.data.ciphertext.filter(|text| text.starts_with("vault:v"));
    let ciphertext = ciphertext.ok_or_else(|| malformed("no ciphertext in its answer"))?;
    Ok(Wrapped {
        provider: Provider::Vault,
        key: format!("{}/{}", config.mount, config.key),
        body: ciphertext.as_bytes().to_vec(),
    })
}

/// Opens a wrapped root key. Blocks.
pub(super) fn unwrap(
    config: &VaultKey,
    attempt: Duration,
    wrapped: &Wrapped,
    context: &str,
) -> Result<Zeroizing<[u8; 32]>, Failure> {
    let text =
        std::str::from_utf8(&wrapped.body).map_err(|_| Failure::Final(Final::WrongKey, String::new()))?;
    let answer = request(config, attempt, "decrypt", "ciphertext", text, context)?;
    let parsed: Answer<'_> = parse(&answer)?;
    let plaintext = parsed.data.plaintext.ok_or_else(|| malformed("no plaintext in its answer"))?;
    let mut key = Zeroizing::new([0u8; 32]);
    let length = STANDARD.decode_slice(plaintext.as_bytes(), key.as_mut_slice());
    if length != Ok(key.len()) {
        return Err(Failure::Final(Final::WrongKey, "what it opened is no root key".to_owned()));
    }
    Ok(key)
}

#[derive(Deserialize)]
struct Answer<'a> {
    #[serde(borrow)]
    data: Data<'a>,
}

#[derive(Deserialize)]
struct Data<'a> {
    #[serde(borrow)]
    ciphertext: Option<Cow<'a, str>>,
    #[serde(borrow)]
    plaintext: Option<Cow<'a, str>>,
}

fn parse<'a>(answer: &'a [u8]) -> Result<Answer<'a>, Failure> {
    // The parser's own words could quote what it read.
    serde_json::from_slice(answer).map_err(|_| malformed("it is not the JSON of a Transit engine"))
}

fn malformed(said: &str) -> Failure {
    Failure::Final(Final::Malformed, said.to_owned())
}

/// One request; with a token from a file, another one if the first was refused and the file has changed since.
fn request(
    config: &VaultKey,
    attempt: Duration,
    verb: &str,
    field: &str,
    value: &str,
    context: &str,
) -> Result<Zeroizing<Vec<u8>>, Failure> {
    let agent = agent(config, attempt)?;
    let context = STANDARD.encode(context);
    // All three are base64 or Vault's own form of it; anything else would need escaping.
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"+/=:_-".contains(&byte);
    if !value.bytes().all(plain) {
        return Err(Failure::Final(
            Final::WrongKey,
            "what the database holds is not of Vault's making".to_owned(),
        ));
    }
    let body = Zeroizing::new(format!(
        "{{\"{field}\":\"{value}\",\"associated_data\":\"{context}\",\"context\":\"{context}\"}}"
    ));
    let token = secret(&config.token)?;
    match send(config, &agent, verb, &body, &token) {
        Err(Failure::Final(Final::Denied, _)) if matches!(config.token, SecretSource::File(_)) => {
            let again = secret(&config.token)?;
            let again = if *again == *token { wait_for_token(config, attempt, &token)? } else { again };
            send(config, &agent, verb, &body, &again)
        }
        outcome => outcome,
    }
}

/// Whoever renews the token may be writing it right now.
fn wait_for_token(
    config: &VaultKey,
    attempt: Duration,
    refused: &Zeroizing<String>,
) -> Result<Zeroizing<String>, Failure> {
    std::thread::sleep(Duration::from_millis(200).min(attempt / 4));
    let token = secret(&config.token)?;
    if *token == **refused {
        let said = "the token was refused (403), and its file holds no other one".to_owned();
        return Err(Failure::Final(Final::Denied, said));
    }
    Ok(token)
}

fn agent(config: &VaultKey, attempt: Duration) -> Result<Agent, Failure> {
    let mut builder = Agent::config_builder()
        .timeout_global(Some(attempt))
        .http_status_as_error(false)
        // Followed by hand, as a redirect must not carry the token to just anybody.
        .max_redirects(0)
        .max_redirects_will_error(false)
        .user_agent(concat!("pyrite/", env!("CARGO_PKG_VERSION")));
    if let Some(path) = &config.ca_file {
        let setup =
            |said: String| Failure::Final(Final::Setup, format!("ca_file {}: {said}", path.display()));
        let pem = std::fs::read(path).map_err(|error| setup(error.to_string()))?;
        let items =
            parse_pem(&pem).collect::<Result<Vec<_>, _>>().map_err(|error| setup(error.to_string()))?;
        let certificates: Vec<_> = items
            .into_iter()
            .filter_map(|item| match item {
                PemItem::Certificate(certificate) => Some(certificate),
                _ => None,
            })
            .collect();
        if certificates.is_empty() {
            return Err(setup("it holds no certificate".to_owned()));
        }
        let tls = TlsConfig::builder().root_certs(RootCerts::new_with_certs(&certificates)).build();
        builder = builder.tls_config(tls);
    }
    Ok(builder.build().new_agent())
}

fn send(
    config: &VaultKey,
    agent: &Agent,
    verb: &str,
    body: &str,
    token: &str,
) -> Result<Zeroizing<Vec<u8>>, Failure> {
    let mut url = format!("{}/v1/{}/{verb}/{}", config.address, config.mount, config.key);
    for _ in 0..=REDIRECTS {
        let mut request = agent
            .post(url.as_str())
            .header("X-Vault-Token", token)
            .header("X-Vault-Request", "true")
            .header(header::CONTENT_TYPE, "application/json");
        if let Some(namespace) = &config.namespace {
            request = request.header("X-Vault-Namespace", namespace.as_str());
        }
        let mut response = request.send(body).map_err(network)?;
        if let Some(target) = redirect(&response, &url)? {
            url = target;
            continue;
        }
        let answer = response.body_mut().with_config().limit(MOST_OF_ANSWER).read_to_vec();
        let answer = Zeroizing::new(answer.map_err(network)?);
        return match response.status() {
            status if status.is_success() => Ok(answer),
            status => Err(refusal(status, &response, &answer)),
        };
    }
    Err(Failure::Passing(Passing::Unavailable, "its servers redirect to each other".to_owned()))
}

/// Where a standby server sends us; never from TLS to plain text.
fn redirect(response: &Response<Body>, from: &str) -> Result<Option<String>, Failure> {
    if !matches!(response.status(), StatusCode::TEMPORARY_REDIRECT | StatusCode::PERMANENT_REDIRECT) {
        return Ok(None);
    }
    let target = response.headers().get(header::LOCATION).and_then(|target| target.to_str().ok());
    let target = target.ok_or_else(|| malformed("a redirect that leads nowhere"))?;
    let same = from.starts_with("http://") && target.starts_with("http://");
    if !target.starts_with("https://") && !same {
        return Err(Failure::Final(Final::Setup, format!("it redirects to {}, without TLS", said(target))));
    }
    Ok(Some(target.to_owned()))
}

/// What an answer other than success means.
fn refusal(status: StatusCode, response: &Response<Body>, answer: &[u8]) -> Failure {
    #[derive(Deserialize)]
    struct Errors {
        errors: Vec<String>,
    }
    let errors = serde_json::from_slice::<Errors>(answer).map(|answer| answer.errors.join("; "));
    let words = said(&errors.unwrap_or_default());
    let has = |text: &str| words.contains(text);
    let kind = match status.as_u16() {
        429 => {
            let seconds = response.headers().get(header::RETRY_AFTER).and_then(|value| value.to_str().ok());
            let after = seconds.and_then(|value| value.trim().parse().ok()).map(Duration::from_secs);
            return Failure::Passing(Passing::Throttled(after), words);
        }
        // Not yet replicated, or broken, sealed, without a leader.
        412 | 500..=599 => {
            return Failure::Passing(Passing::Unavailable, format!("{} {words}", status.as_u16()));
        }
        401 | 403 => Final::Denied,
        404 => Final::NoSuchKey,
        400 if has("not found") => Final::NoSuchKey,
        400 if has("too old") || has("is disallowed") => Final::KeyDisabled,
        400 if has("ciphertext") || has("authentication failed") || has("unable to decrypt") => {
            Final::WrongKey
        }
        400 | 405 => Final::Setup,
        _ => Final::Malformed,
    };
    Failure::Final(kind, format!("{} {words}", status.as_u16()))
}

/// What a request without an answer means.
fn network(error: ureq::Error) -> Failure {
    let words = said(&error.to_string());
    match error {
        ureq::Error::Timeout(_) | ureq::Error::BodyStalled => Failure::Passing(Passing::TimedOut, words),
        ureq::Error::HostNotFound | ureq::Error::ConnectionFailed => {
            Failure::Passing(Passing::Unreachable, words)
        }
        // A certificate that is not trusted stays so.
        ureq::Error::Io(_) if words.contains("certificate") => Failure::Final(Final::Setup, words),
        ureq::Error::Io(_) => Failure::Passing(Passing::Unreachable, words),
        ureq::Error::Tls(_) | ureq::Error::Rustls(_) | ureq::Error::Pem(_) => {
            Failure::Final(Final::Setup, words)
        }
        ureq::Error::Protocol(_)
        | ureq::Error::BodyExceedsLimit(_)
        | ureq::Error::LargeResponseHeader(..) => Failure::Final(Final::Malformed, words),
        _ => Failure::Final(Final::Setup, words),
    }
}
