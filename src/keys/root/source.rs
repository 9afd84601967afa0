//! One configured provider of root keys.
//!
//! An outside provider wraps a random root key with a key that never leaves it. The wrapped form is bound to the
//! keyring's UUID, so that it opens for no other database.

use std::pin::Pin;
use std::time::Duration;

use zeroize::Zeroizing;

use super::failure::{Failure, Final, Passing, ProviderError};
use super::patience::{Patience, blocking};
use super::wrapped::{Provider, Wrapped};
use super::{RootKey, aws_kms, pkcs11, vault};
use crate::config;
use crate::crypto::{Key, kdf};
use crate::keys::error::KeyError;

/// Where a root key is kept, as configured.
#[derive(Clone, Debug)]
pub struct RootSource {
    config: config::RootKey,
}

impl RootSource {
    /// From the configuration; asks nobody yet.
    pub fn new(config: &config::RootKey) -> Self {
        Self { config: config.clone() }
    }

    /// Whether the provider gives the root key itself, so that nothing of it is stored in the database.
    pub fn is_direct(&self) -> bool {
        self.kind().is_none()
    }

    /// The provider and its key, for people; never anything secret.
    pub fn describe(&self) -> String {
        use config::{ObjectChoice, RootKey as Choice, TokenChoice};
        match &self.config {
            Choice::File(path) => format!("file {}", path.display()),
            Choice::Environment(name) => format!("environment variable {name}"),
            Choice::Pkcs11(key) => {
                let token = match &key.token {
                    TokenChoice::Label(label) => format!("token {label}"),
                    TokenChoice::Slot(slot) => format!("slot {slot}"),
                };
                let object = match &key.key {
                    ObjectChoice::Label(label) => format!("key {label}"),
                    ObjectChoice::Id(id) => format!("key id {}", super::hex(id)),
                };
                format!("PKCS#11 {token}, {object} ({})", key.module.display())
            }
            Choice::AwsKms(key) => format!("AWS KMS key {}", key.key),
            Choice::Vault(key) => {
                let namespace = key.namespace.as_ref().map(|name| format!("{name}/")).unwrap_or_default();
                format!("Vault key {namespace}{}/{} at {}", key.mount, key.key, key.address)
            }
        }
    }

    /// The root key. `stored` is `pyrite.keyring.root_wrapped`: what [`RootSource::create`] gave for this keyring.
    ///
    /// # Errors
    /// [`KeyError::Root`] and [`KeyError::Provider`], each naming the provider, the reason and the way out.
    pub async fn open(&self, stored: Option<&[u8]>, keyring: &[u8; 16]) -> Result<RootKey, KeyError> {
        match (&self.config, stored) {
            (config::RootKey::File(path), _) => RootKey::from_file(path),
            (config::RootKey::Environment(name), _) => RootKey::from_environment(name),
            (_, None) => Err(self.error(Failure::Final(Final::WrongKey, NOTHING_WRAPPED.to_owned()), 1)),
            (_, Some(stored)) => {
                let wrapped = Wrapped::parse(stored).map_err(|failure| self.error(failure, 1))?;
                self.check_kind(&wrapped)?;
                let key = self.unwrap(&wrapped, keyring).await?;
                Ok(RootKey::new(&Key::new(*key)))
            }
        }
    }

    /// The root key for a new keyring, or to replace an old one; with what must be stored in
    /// `pyrite.keyring.root_wrapped`.
    ///
    /// # Errors
    /// As [`RootSource::open`].
    pub async fn create(&self, keyring: &[u8; 16]) -> Result<(RootKey, Option<Vec<u8>>), KeyError> {
        if self.is_direct() {
            return Ok((self.open(None, keyring).await?, None));
        }
        let key = Key::generate()?;
        let wrapped = self.wrap(&key, keyring).await?;
        // What cannot be opened again must not become the only copy of a key.
        let opened = self.unwrap(&wrapped, keyring).await?;
        if *opened != *key.as_bytes() {
            let said = "it opened something else than it had wrapped".to_owned();
            return Err(self.error(Failure::Final(Final::Malformed, said), 1));
        }
        Ok((RootKey::new(&key), Some(wrapped.to_bytes())))
    }

    /// Tells providers apart as a fingerprint tells root keys apart: two proxies that name the same key of the same
    /// kind of provider have the same. For direct ones it is the root key's own.
    ///
    /// # Errors
    /// As [`RootSource::open`], for direct ones only.
    pub fn identity(&self) -> Result<[u8; 8], KeyError> {
        match &self.config {
            config::RootKey::File(path) => Ok(RootKey::from_file(path)?.fingerprint()),
            config::RootKey::Environment(name) => Ok(RootKey::from_environment(name)?.fingerprint()),
            _ => Ok(self.outside_identity().unwrap_or_default()),
        }
    }

    /// The same for outside providers, which need not be asked for it.
    pub(super) fn outside_identity(&self) -> Option<[u8; 8]> {
        use config::{ObjectChoice, RootKey as Choice};
        let name = match &self.config {
            Choice::File(_) | Choice::Environment(_) => return None,
            // Neither module nor token: the members of a cluster may differ in both.
            Choice::Pkcs11(key) => match &key.key {
                ObjectChoice::Label(label) => format!("pkcs11 label {label}"),
                ObjectChoice::Id(id) => format!("pkcs11 id {}", super::hex(id)),
            },
            Choice::AwsKms(key) => format!("aws-kms {}", key.key),
            // Not the address either, for the same reason.
            Choice::Vault(key) => {
                format!("vault {} {} {}", key.namespace.as_deref().unwrap_or_default(), key.mount, key.key)
            }
        };
        let digest = kdf::derive(&Key::new([0; 32]), kdf::Purpose::Fingerprint, name.as_bytes());
        digest.as_bytes().first_chunk().copied()
    }

    /// Has the provider wrap a key that is thrown away, and open it again, within this time.
    ///
    /// # Errors
    /// As [`RootSource::create`].
    pub(super) async fn try_out(&self, keyring: &[u8; 16], within: Duration) -> Result<(), KeyError> {
        match tokio::time::timeout(within, self.create(keyring)).await {
            Ok(outcome) => outcome.map(|_| ()),
            Err(_) => Err(self.error(Failure::Passing(Passing::TimedOut, String::new()), 1)),
        }
    }

    /// The kind of outside provider; `None` for direct ones.
    pub(super) fn kind(&self) -> Option<Provider> {
        match &self.config {
            config::RootKey::File(_) | config::RootKey::Environment(_) => None,
            config::RootKey::Pkcs11(_) => Some(Provider::Pkcs11),
            config::RootKey::AwsKms(_) => Some(Provider::AwsKms),
            config::RootKey::Vault(_) => Some(Provider::Vault),
        }
    }

    fn check_kind(&self, wrapped: &Wrapped) -> Result<(), KeyError> {
        if Some(wrapped.provider) == self.kind() {
            return Ok(());
        }
        let said = format!("it was wrapped by {}", wrapped.describe());
        Err(self.error(Failure::Final(Final::WrongKey, said), 1))
    }

    async fn wrap(&self, key: &Key, keyring: &[u8; 16]) -> Result<Wrapped, KeyError> {
        let (context, patience) = (context(keyring), self.patience());
        let outcome = patience.persist(|| async {
            let (context, key) = (context.clone(), Zeroizing::new(*key.as_bytes()));
            match &self.config {
                config::RootKey::Pkcs11(config) => {
                    let config = config.clone();
                    blocking(move || pkcs11::wrap(&config, &key, &context)).await
                }
                config::RootKey::Vault(config) => {
                    let config = config.clone();
                    blocking(move || vault::wrap(&config, patience.of_one(), &key, &context)).await
                }
                config::RootKey::AwsKms(config) => {
                    boxed(aws_kms::wrap(config, patience.of_one(), &key, &context)).await
                }
                config::RootKey::File(_) | config::RootKey::Environment(_) => Err(not_outside()),
            }
        });
        outcome.await.map_err(|(failure, attempts)| self.error(failure, attempts))
    }

    async fn unwrap(&self, wrapped: &Wrapped, keyring: &[u8; 16]) -> Result<Zeroizing<[u8; 32]>, KeyError> {
        let (context, patience) = (context(keyring), self.patience());
        let outcome = patience.persist(|| async {
            let (context, wrapped) = (context.clone(), wrapped.clone());
            match &self.config {
                config::RootKey::Pkcs11(config) => {
                    let config = config.clone();
                    blocking(move || pkcs11::unwrap(&config, &wrapped, &context)).await
                }
                config::RootKey::Vault(config) => {
                    let config = config.clone();
                    blocking(move || vault::unwrap(&config, patience.of_one(), &wrapped, &context)).await
                }
                config::RootKey::AwsKms(config) => {
                    boxed(aws_kms::unwrap(config, patience.of_one(), &wrapped, &context)).await
                }
                config::RootKey::File(_) | config::RootKey::Environment(_) => Err(not_outside()),
            }
        });
        outcome.await.map_err(|(failure, attempts)| self.error(failure, attempts))
    }

    fn patience(&self) -> Patience {
        Patience::new(match &self.config {
            config::RootKey::Pkcs11(key) => key.timeout,
            config::RootKey::AwsKms(key) => key.timeout,
            config::RootKey::Vault(key) => key.timeout,
            config::RootKey::File(_) | config::RootKey::Environment(_) => Duration::ZERO,
        })
    }

    fn error(&self, failure: Failure, attempts: u32) -> KeyError {
        let hint = super::hints::hint(&self.config, &failure);
        KeyError::Provider(ProviderError { provider: self.describe(), failure, attempts, hint })
    }
}

/// The SDK's futures are large and nested deeply; whoever awaits a root key need not hold them, nor the compiler all of
/// their types at once.
fn boxed<'a, T>(future: impl Future<Output = T> + Send + 'a) -> Pin<Box<dyn Future<Output = T> + Send + 'a>> {
    Box::pin(future)
}

fn not_outside() -> Failure {
    Failure::Final(Final::Setup, "this provider wraps nothing".to_owned())
}

const NOTHING_WRAPPED: &str = "the root key of this database is not wrapped by any provider";

/// What binds a wrapped root key to its keyring.
fn context(keyring: &[u8; 16]) -> String {
    let hex = super::hex(keyring);
    let part = |range: std::ops::Range<usize>| hex.get(range).unwrap_or_default();
    format!(
        "pyrite root key of keyring {}-{}-{}-{}-{}",
        part(0..8),
        part(8..12),
        part(12..16),
        part(16..20),
        part(20..32)
    )
}
