//! A server with the HTTP interface of Vault's Transit engine, as its documentation describes it and with the words
//! that Vault 1.15 and OpenBao 2 answer. It encrypts for real, has key versions, and can be made to fail in each way
//! that a real one does.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use aes_gcm::aead::{Aead, KeyInit, Payload};
use aes_gcm::{Aes256Gcm, Nonce};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

/// A running server; stops when dropped.
pub struct Vault {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
    stop: Arc<AtomicBool>,
    requests: Arc<AtomicUsize>,
}

/// What a test may change while it runs.
pub struct State {
    pub token: String,
    pub namespace: Option<String>,
    pub mount: String,
    pub keys: BTreeMap<String, Key>,
    pub fault: Fault,
}

/// One Transit key.
#[derive(Default)]
pub struct Key {
    versions: Vec<[u8; 32]>,
    pub derived: bool,
    pub min_decryption_version: usize,
}

/// What is wrong with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    None,
    Sealed,
    NoLeader,
    /// This many requests are refused with 429, and Retry-After if there is a number.
    Throttled(usize, Option<u64>),
    /// Takes the request and never answers.
    Hangs,
    /// Closes the connection without an answer.
    HangsUp,
    /// Something that is no Vault answers.
    NotVault,
    /// A standby that sends to another address.
    Standby(String),
    /// Answers encrypt, and refuses decrypt: a policy with half the rights.
    NoDecrypt,
}

impl Key {
    pub fn new() -> Self {
        let mut key = Self { min_decryption_version: 1, ..Self::default() };
        key.rotate();
        key
    }

    pub fn rotate(&mut self) {
        let mut version = [0; 32];
        getrandom::fill(&mut version).expect("random bytes");
        self.versions.push(version);
    }

    fn cipher(&self, version: usize, context: &[u8]) -> Option<Aes256Gcm> {
        let mut key = *self.versions.get(version.checked_sub(1)?)?;
        if self.derived {
            let hkdf = hkdf::Hkdf::<sha2::Sha256>::new(None, &key);
            hkdf.expand(context, &mut key).expect("32 bytes");
        }
        Aes256Gcm::new_from_slice(&key).ok()
    }
}

impl Vault {
    /// With the key `pyrite` under the mount `transit`, and the token `hvs.secret-token`.
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("bind a loopback port");
        let state = State {
            token: TOKEN.to_owned(),
            namespace: None,
            mount: "transit".to_owned(),
            keys: BTreeMap::from([("pyrite".to_owned(), Key::new())]),
            fault: Fault::None,
        };
        let vault = Self {
            address: listener.local_addr().expect("bound address"),
            state: Arc::new(Mutex::new(state)),
            stop: Arc::default(),
            requests: Arc::default(),
        };
        let (state, stop, requests) = (vault.state.clone(), vault.stop.clone(), vault.requests.clone());
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                if stop.load(Ordering::SeqCst) {
                    return;
                }
                let (state, stop, requests) = (state.clone(), stop.clone(), requests.clone());
                let Ok(stream) = stream else { continue };
                std::thread::spawn(move || serve(stream, &state, &stop, &requests));
            }
        });
        vault
    }

    pub fn address(&self) -> String {
        format!("http://{}", self.address)
    }

    /// What it is and how it behaves.
    pub fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no test panics with it")
    }

    pub fn fail(&self, fault: Fault) {
        self.state().fault = fault;
    }

    /// How many requests it got.
    pub fn requests(&self) -> usize {
        self.requests.load(Ordering::SeqCst)
    }
}

impl Drop for Vault {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        let _ = TcpStream::connect(self.address);
    }
}

/// The token that it accepts at first.
pub const TOKEN: &str = "hvs.secret-token";

struct Request {
    method: String,
    path: String,
    headers: BTreeMap<String, String>,
    body: Vec<u8>,
}

struct Answer {
    status: u16,
    headers: Vec<(&'static str, String)>,
    body: String,
}

fn errors(status: u16, words: &str) -> Answer {
    Answer { status, headers: Vec::new(), body: json!({ "errors": [words] }).to_string() }
}

fn serve(stream: TcpStream, state: &Mutex<State>, stop: &AtomicBool, requests: &AtomicUsize) {
    let Ok(copy) = stream.try_clone() else { return };
    let (mut reader, mut writer) = (BufReader::new(copy), stream);
    while let Some(request) = read(&mut reader) {
        requests.fetch_add(1, Ordering::SeqCst);
        let fault = state.lock().expect("no test panics with it").fault.clone();
        match fault {
            Fault::HangsUp => return,
            Fault::Hangs => {
                while !stop.load(Ordering::SeqCst) {
                    std::thread::sleep(Duration::from_millis(20));
                }
                return;
            }
            _ => {}
        }
        let answer = answer(&mut state.lock().expect("no test panics with it"), &request);
        let mut head = format!("HTTP/1.1 {} X\r\nContent-Type: application/json\r\n", answer.status);
        for (name, value) in &answer.headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        let text = format!("{head}Content-Length: {}\r\n\r\n{}", answer.body.len(), answer.body);
        if writer.write_all(text.as_bytes()).is_err() {
            return;
        }
    }
}

fn read(reader: &mut BufReader<TcpStream>) -> Option<Request> {
    let mut line = String::new();
    reader.read_line(&mut line).ok().filter(|count| *count > 0)?;
    let mut words = line.split_whitespace();
    let (method, path) = (words.next()?.to_owned(), words.next()?.to_owned());
    let mut headers = BTreeMap::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let Some((name, value)) = line.trim().split_once(':') else { break };
        headers.insert(name.to_ascii_lowercase(), value.trim().to_owned());
    }
    let length = headers.get("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some(Request { method, path, headers, body })
}

/// In the order in which a real server looks: seal, leader, quotas, namespace and token, route, key.
fn answer(state: &mut State, request: &Request) -> Answer {
    match &mut state.fault {
        Fault::Sealed => return errors(503, "Vault is sealed"),
        Fault::NoLeader => return errors(500, "local node not active but active cluster node not found"),
        Fault::NotVault => {
            return Answer { status: 200, headers: Vec::new(), body: "<html>Welcome</html>".to_owned() };
        }
        Fault::Standby(leader) => {
            let headers = vec![("Location", format!("{leader}{}", request.path))];
            return Answer { status: 307, headers, body: String::new() };
        }
        Fault::Throttled(left, after) if *left > 0 => {
            *left -= 1;
            let mut answer =
                errors(429, "request path \"transit/encrypt/pyrite\": rate limit quota exceeded");
            answer.headers.extend(after.map(|seconds| ("Retry-After", seconds.to_string())));
            return answer;
        }
        _ => {}
    }
    let header = |name: &str| request.headers.get(name).map(String::as_str);
    if header("x-vault-namespace") != state.namespace.as_deref()
        || header("x-vault-token") != Some(&state.token)
    {
        let words = "2 errors occurred:\n\t* permission denied\n\t* invalid token\n\n";
        return errors(403, words);
    }
    let route = request.path.strip_prefix("/v1/").unwrap_or_default();
    let unknown = || errors(404, &format!("no handler for route \"{route}\". route entry not found."));
    let Some((verb, name)) = route
        .strip_prefix(&state.mount)
        .and_then(|rest| rest.strip_prefix('/'))
        .and_then(|rest| rest.split_once('/'))
        .filter(|_| matches!(request.method.as_str(), "POST" | "PUT"))
    else {
        return unknown();
    };
    if verb == "decrypt" && state.fault == Fault::NoDecrypt {
        return errors(403, "1 error occurred:\n\t* permission denied\n\n");
    }
    let Some(key) = state.keys.get(name) else { return errors(400, "encryption key not found") };
    let Ok(body) = serde_json::from_slice::<Value>(&request.body) else {
        return errors(400, "failed to parse JSON input");
    };
    match verb {
        "encrypt" => encrypt(key, &body),
        "decrypt" => decrypt(key, &body),
        _ => unknown(),
    }
}

fn field(body: &Value, name: &str) -> Result<Vec<u8>, Answer> {
    let text = body.get(name).and_then(Value::as_str).unwrap_or_default();
    STANDARD.decode(text).map_err(|error| errors(400, &format!("failed to base64-decode {name}: {error}")))
}

fn keyed(key: &Key, body: &Value) -> Result<(Vec<u8>, Vec<u8>), Answer> {
    let (aad, context) = (field(body, "associated_data")?, field(body, "context")?);
    if key.derived && context.is_empty() {
        return Err(errors(
            400,
            "missing 'context' for key derivation; the key was created using a derived key",
        ));
    }
    Ok((aad, context))
}

fn encrypt(key: &Key, body: &Value) -> Answer {
    let (plaintext, (aad, context)) = match (field(body, "plaintext"), keyed(key, body)) {
        (Ok(plaintext), Ok(keyed)) => (plaintext, keyed),
        (Err(answer), _) | (_, Err(answer)) => return answer,
    };
    let version = key.versions.len();
    let mut nonce = [0; 12];
    getrandom::fill(&mut nonce).expect("random bytes");
    let cipher = key.cipher(version, &context).expect("the latest version");
    let sealed = cipher.encrypt(&Nonce::from(nonce), Payload { msg: &plaintext, aad: &aad }).expect("sealed");
    let ciphertext = format!("vault:v{version}:{}", STANDARD.encode([&nonce[..], &sealed].concat()));
    let data = json!({ "ciphertext": ciphertext, "key_version": version });
    Answer {
        status: 200,
        headers: Vec::new(),
        body: json!({ "request_id": "8d5c", "lease_id": "", "data": data, "warnings": null }).to_string(),
    }
}

fn decrypt(key: &Key, body: &Value) -> Answer {
    let (aad, context) = match keyed(key, body) {
        Ok(keyed) => keyed,
        Err(answer) => return answer,
    };
    let text = body.get("ciphertext").and_then(Value::as_str).unwrap_or_default();
    let Some((version, sealed)) = text.strip_prefix("vault:v").and_then(|rest| rest.split_once(':')) else {
        return errors(400, "invalid ciphertext: no prefix");
    };
    let version: usize = version.parse().unwrap_or(0);
    if version < key.min_decryption_version {
        return errors(400, "ciphertext or signature version is disallowed by policy (too old)");
    }
    let Some(cipher) = key.cipher(version, &context) else {
        return errors(400, "invalid ciphertext: version is too new");
    };
    let opened = STANDARD.decode(sealed).ok().and_then(|bytes| {
        let (nonce, sealed) = bytes.split_first_chunk::<12>()?;
        cipher.decrypt(&Nonce::from(*nonce), Payload { msg: sealed, aad: &aad }).ok()
    });
    match opened {
        Some(opened) => Answer {
            status: 200,
            headers: Vec::new(),
            body: json!({ "data": { "plaintext": STANDARD.encode(opened) } }).to_string(),
        },
        None => errors(400, "cipher: message authentication failed"),
    }
}
