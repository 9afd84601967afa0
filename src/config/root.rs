//! Where the root key is: `keys.root` and `keys.next_root`.

use std::path::{Path, PathBuf};
use std::time::Duration;

use toml::Spanned;

use super::SecretSource;
use super::error::{Problems, nearest};
use super::raw::RawRoot;

/// How long an outside provider may take in all, with every repetition, if the file does not say.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(30);
/// More than any start-up should wait.
const MAX_TIMEOUT: u64 = 600;
/// Longest name of a key, token or mount that any provider has, with room to spare.
const MAX_NAME: usize = 2048;

/// A root key provider.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RootKey {
    /// A file of mode 0600 that holds the key.
    File(PathBuf),
    /// The name of an environment variable that holds the key.
    Environment(String),
    /// A key in a PKCS#11 token, which never leaves it.
    Pkcs11(Pkcs11Key),
    /// A key of AWS KMS.
    AwsKms(AwsKmsKey),
    /// A key of HashiCorp Vault's or OpenBao's Transit engine.
    Vault(VaultKey),
}

/// A key in a PKCS#11 token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pkcs11Key {
    /// The vendor's library.
    pub module: PathBuf,
    /// Which token.
    pub token: TokenChoice,
    /// Which of its keys.
    pub key: ObjectChoice,
    /// The user's PIN.
    pub pin: SecretSource,
    /// For all attempts together.
    pub timeout: Duration,
}

/// How a token is found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TokenChoice {
    /// By its label.
    Label(String),
    /// By the number of its slot.
    Slot(u64),
}

/// How a key is found in its token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ObjectChoice {
    /// By `CKA_LABEL`.
    Label(String),
    /// By `CKA_ID`.
    Id(Vec<u8>),
}

/// A key of AWS KMS. Credentials come from the SDK's standard chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AwsKmsKey {
    /// Key id, ARN or `alias/NAME`.
    pub key: String,
    /// Region; by default what the standard chain says.
    pub region: Option<String>,
    /// A private endpoint.
    pub endpoint: Option<String>,
    /// Profile of the shared configuration.
    pub profile: Option<String>,
    /// For all attempts together.
    pub timeout: Duration,
}

/// A key of Vault's or OpenBao's Transit engine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VaultKey {
    /// `https://host:port`.
    pub address: String,
    /// Path of the Transit engine.
    pub mount: String,
    /// Name of the key.
    pub key: String,
    /// Namespace, where there are any.
    pub namespace: Option<String>,
    /// The token; a file is read again when the server refuses it.
    pub token: SecretSource,
    /// Certificates to trust instead of the usual ones, in PEM.
    pub ca_file: Option<PathBuf>,
    /// For all attempts together.
    pub timeout: Duration,
}

/// A provider's word, its keys, and an example of what it needs.
struct Shape {
    provider: &'static str,
    keys: &'static [&'static str],
    needs: &'static str,
}

const SHAPES: &[Shape] = &[
    Shape { provider: "file", keys: &["path"], needs: "path = \"root.key\"" },
    Shape { provider: "env", keys: &["variable"], needs: "variable = \"PYRITE_ROOT_KEY\"" },
    Shape {
        provider: "pkcs11",
        keys: &["module", "token", "slot", "key", "key_id", "pin_file", "pin_env", "timeout"],
        needs: "module = \"/usr/lib/softhsm/libsofthsm2.so\", token = \"pyrite\", key = \"pyrite\", pin_file = \"pin\"",
    },
    Shape {
        provider: "aws-kms",
        keys: &["key", "region", "endpoint", "profile", "timeout"],
        needs: "key = \"alias/pyrite\"",
    },
    Shape {
        provider: "vault",
        keys: &["address", "mount", "key", "namespace", "token_file", "token_env", "ca_file", "timeout"],
        needs: "address = \"https://vault:8200\", key = \"pyrite\", token_file = \"vault-token\"",
    },
];

/// Decides what a `root` or `next_root` means.
pub(super) fn resolve(raw: RawRoot, folder: &Path, problems: &mut Problems<'_>) -> Option<RootKey> {
    let Some(provider) = &raw.provider else {
        // A value of the wrong kind was noted when it was read.
        if !raw.mistyped.contains(&"provider") {
            let message = format!("`keys.{}` has no provider", raw.name);
            let way_out = format!("write {} = {{ provider = \"file\", path = \"root.key\" }}", raw.name);
            problems.add(&raw.span, message, way_out);
        }
        return None;
    };
    let Some(shape) = SHAPES.iter().find(|shape| shape.provider == provider.get_ref()) else {
        let known: Vec<&str> = SHAPES.iter().map(|shape| shape.provider).collect();
        let way_out = match nearest(provider.get_ref(), &known) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("this version has: {}", known.join(", ")),
        };
        problems.add(&provider.span(), format!("unknown root key provider `{provider}`"), way_out);
        return None;
    };
    let mut fields = Fields { span: provider.span(), raw: &raw, shape, folder, problems, sound: true };
    fields.refuse_unwanted();
    let root = fields.root();
    root.filter(|_| fields.sound)
}

/// What is typed for one provider, on its way to what is meant.
struct Fields<'f, 't> {
    span: std::ops::Range<usize>,
    raw: &'f RawRoot,
    shape: &'f Shape,
    folder: &'f Path,
    problems: &'f mut Problems<'t>,
    sound: bool,
}

impl Fields<'_, '_> {
    fn root(&mut self) -> Option<RootKey> {
        Some(match self.shape.provider {
            "file" => RootKey::File(self.folder.join(self.required("path", "a file")?)),
            "env" => RootKey::Environment(self.required("variable", "a variable")?),
            "pkcs11" => self.pkcs11()?,
            "aws-kms" => self.aws_kms()?,
            _ => self.vault()?,
        })
    }

    fn pkcs11(&mut self) -> Option<RootKey> {
        let module = self.required("module", "a file").map(|path| self.folder.join(path));
        let slot = self.raw.numbers.iter().find(|(key, _)| *key == "slot").map(|(_, slot)| slot.clone());
        let token = match (self.text("token"), slot) {
            (Some(_), Some(slot)) => self.both(&slot, "token", "slot"),
            (Some(label), None) => Some(TokenChoice::Label(self.name(&label, "a token")?)),
            (None, Some(slot)) => Some(TokenChoice::Slot(*slot.get_ref())),
            (None, None) => self.missing(&["token", "slot"], "which token holds the key"),
        };
        let key = match (self.text("key"), self.text("key_id")) {
            (Some(_), Some(id)) => self.both(&id, "key", "key_id"),
            (Some(label), None) => self.name(&label, "a key").map(ObjectChoice::Label),
            (None, Some(id)) => {
                let bytes = unhex(id.get_ref());
                if bytes.is_none() {
                    self.wrong(&id, "`key_id` is not a key's id", "write its bytes in hexadecimal: \"01a2\"");
                }
                bytes.map(ObjectChoice::Id)
            }
            (None, None) => self.missing(&["key", "key_id"], "which key it is"),
        };
        let pin = self.secret("pin_file", "pin_env", "the token's PIN");
        let timeout = self.timeout();
        Some(RootKey::Pkcs11(Pkcs11Key { module: module?, token: token?, key: key?, pin: pin?, timeout }))
    }

    fn aws_kms(&mut self) -> Option<RootKey> {
        let key = self.required("key", "a key");
        let region = self.optional("region", "a region");
        let endpoint = self.address("endpoint");
        let profile = self.optional("profile", "a profile");
        let timeout = self.timeout();
        Some(RootKey::AwsKms(AwsKmsKey { key: key?, region, endpoint, profile, timeout }))
    }

    fn vault(&mut self) -> Option<RootKey> {
        let address = match self.address("address") {
            None if self.text("address").is_none() => self.missing(&["address"], "where the server is"),
            address => address,
        };
        let mount = match self.text("mount") {
            Some(mount) => self.path_segments(&mount, true),
            None => Some("transit".to_owned()),
        };
        let key = match self.text("key") {
            Some(key) => self.path_segments(&key, false),
            None => self.missing(&["key"], "which key it is"),
        };
        let namespace = self.optional("namespace", "a namespace");
        let token = self.secret("token_file", "token_env", "the server's token");
        let ca_file = self.optional("ca_file", "a file").map(|path| self.folder.join(path));
        let timeout = self.timeout();
        Some(RootKey::Vault(VaultKey {
            address: address?,
            mount: mount?,
            key: key?,
            namespace,
            token: token?,
            ca_file,
            timeout,
        }))
    }

    /// What belongs to another provider was meant for something else.
    fn refuse_unwanted(&mut self) {
        let typed = self.raw.texts.iter().map(|(key, value)| (*key, value.span()));
        let typed = typed.chain(self.raw.numbers.iter().map(|(key, value)| (*key, value.span())));
        for (_, span) in typed.filter(|(key, _)| !self.shape.keys.contains(key)).collect::<Vec<_>>() {
            let message = format!("the provider `{}` has no use for this", self.shape.provider);
            let way_out =
                format!("provider = \"{}\" takes {}", self.shape.provider, self.shape.keys.join(", "));
            self.problems.add(&span, message, way_out);
            self.sound = false;
        }
    }

    fn text(&self, key: &str) -> Option<Spanned<String>> {
        self.raw.texts.iter().find(|(name, _)| *name == key).map(|(_, value)| value.clone())
    }

    fn wrong(&mut self, at: &Spanned<String>, message: &str, way_out: &str) {
        self.problems.add(&at.span(), message, way_out);
        self.sound = false;
    }

    fn missing<T>(&mut self, keys: &[&str], what: &str) -> Option<T> {
        if !self.raw.mistyped.iter().any(|key| keys.contains(key)) {
            let key = keys.join(" or ");
            let message = format!("the provider `{}` does not say {what}", self.shape.provider);
            let way_out = format!("add {key}, as in {}", self.shape.needs);
            self.problems.add(&self.span, message, way_out);
        }
        self.sound = false;
        None
    }

    fn both<T, V>(&mut self, at: &Spanned<V>, one: &str, other: &str) -> Option<T> {
        self.problems.add(&at.span(), format!("both `{one}` and `{other}` are given"), "keep one of the two");
        self.sound = false;
        None
    }

    fn required(&mut self, key: &'static str, what: &str) -> Option<String> {
        match self.text(key) {
            Some(text) => self.name(&text, what),
            None => self.missing(&[key], "where the root key is"),
        }
    }

    fn optional(&mut self, key: &str, what: &str) -> Option<String> {
        let text = self.text(key)?;
        self.name(&text, what)
    }

    fn name(&mut self, text: &Spanned<String>, what: &str) -> Option<String> {
        let value = text.get_ref();
        let variable = what == "a variable";
        if value.is_empty()
            || value.len() > MAX_NAME
            || value.chars().any(char::is_control)
            || (variable && value.contains('='))
        {
            let message = format!("this does not name {what}");
            self.wrong(text, &message, &format!("as in {}", self.shape.needs));
            return None;
        }
        Some(value.clone())
    }

    /// A part of a URL's path: nothing in it may lead elsewhere.
    fn path_segments(&mut self, text: &Spanned<String>, several: bool) -> Option<String> {
        let value = text.get_ref().trim_matches('/');
        let sound = |part: &str| {
            let plain = part.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte));
            plain && !part.is_empty() && part != "." && part != ".."
        };
        let parts: Vec<&str> = value.split('/').collect();
        if value.len() > MAX_NAME || !parts.iter().all(|part| sound(part)) || (!several && parts.len() > 1) {
            self.wrong(text, "this does not name a mount or key", "use letters, digits, '-', '_' and '.'");
            return None;
        }
        Some(value.to_owned())
    }

    fn address(&mut self, key: &str) -> Option<String> {
        let text = self.text(key)?;
        let value = text.get_ref().trim_end_matches('/');
        let host = value.strip_prefix("https://").or_else(|| value.strip_prefix("http://"));
        let plain = |byte: u8| byte.is_ascii_graphic() && !b"@?#\"<>\\".contains(&byte);
        if !host.is_some_and(|host| !host.is_empty() && !host.starts_with('/') && host.bytes().all(plain)) {
            self.wrong(&text, "this is not the address of a server", "write it as in \"https://vault:8200\"");
            return None;
        }
        let local = host.is_some_and(is_loopback);
        if value.starts_with("http://") && !local {
            let way_out = "write https://; http:// is accepted for this machine only";
            self.wrong(&text, "this address would send keys over the network in plain text", way_out);
            return None;
        }
        Some(value.to_owned())
    }

    fn secret(&mut self, file: &str, variable: &str, what: &str) -> Option<SecretSource> {
        match (self.text(file), self.text(variable)) {
            (Some(_), Some(second)) => self.both(&second, file, variable),
            (Some(path), None) => {
                self.name(&path, "a file").map(|path| SecretSource::File(self.folder.join(path)))
            }
            (None, Some(name)) => self.name(&name, "a variable").map(SecretSource::Environment),
            (None, None) => self.missing(&[file, variable], &format!("where {what} is")),
        }
    }

    fn timeout(&mut self) -> Duration {
        let Some((_, typed)) = self.raw.numbers.iter().find(|(key, _)| *key == "timeout") else {
            return DEFAULT_TIMEOUT;
        };
        let seconds = *typed.get_ref();
        if !(1..=MAX_TIMEOUT).contains(&seconds) {
            let message = format!("`timeout` is {seconds} seconds");
            self.problems.add(&typed.span(), message, format!("write a number from 1 to {MAX_TIMEOUT}"));
            self.sound = false;
        }
        Duration::from_secs(seconds)
    }
}

/// Whether what follows `http://` is this machine.
fn is_loopback(rest: &str) -> bool {
    let authority = rest.split('/').next().unwrap_or_default();
    if let Some(inside) = authority.strip_prefix('[') {
        return inside.split(']').next() == Some("::1");
    }
    let host = authority.split(':').next().unwrap_or_default();
    let address = host.parse::<std::net::Ipv4Addr>();
    host == "localhost" || address.is_ok_and(|address| address.is_loopback())
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let digits = text.as_bytes();
    if digits.is_empty() || digits.len() % 2 == 1 || digits.len() > 512 {
        return None;
    }
    let digit = |byte: u8| (byte as char).to_digit(16).and_then(|value| u8::try_from(value).ok());
    digits.chunks_exact(2).map(|pair| Some(digit(*pair.first()?)? << 4 | digit(*pair.get(1)?)?)).collect()
}
