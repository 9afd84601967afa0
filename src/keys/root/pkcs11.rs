//! PKCS#11: an AES key in a hardware token, which never leaves it, seals root keys by AES-GCM.
//!
//! What is stored is the nonce (12 bytes), the ciphertext (32) and the tag (16). Some tokens make the nonce themselves
//! and write it over the one that they are given, so it is read back.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};

use cryptoki::context::{CInitializeArgs, CInitializeFlags, Function, Pkcs11};
use cryptoki::error::{Error, RvError};
use cryptoki::mechanism::aead::GcmParams;
use cryptoki::mechanism::{Mechanism, MechanismType};
use cryptoki::object::{Attribute, AttributeType, KeyType, ObjectClass, ObjectHandle};
use cryptoki::session::{Session, UserType};
use cryptoki::slot::Slot;
use cryptoki::types::AuthPin;
use zeroize::Zeroizing;

use super::failure::{Failure, Final, Passing, said};
use super::secret;
use super::wrapped::{Provider, Wrapped};
use crate::config::{ObjectChoice, Pkcs11Key, TokenChoice};
use crate::crypto::fill_random;

const NONCE: usize = 12;
const TAG: usize = 16;
const TAG_BITS: u64 = 128;

/// Libraries that are loaded. Each is initialized once per process, and used by one thread at a time: the login is
/// the process's, not a session's, and not every library keeps its promises about threads.
static MODULES: Mutex<Option<HashMap<PathBuf, Pkcs11>>> = Mutex::new(None);

/// Seals a root key. Blocks, for as long as the token likes.
pub(super) fn wrap(config: &Pkcs11Key, key: &[u8; 32], context: &str) -> Result<Wrapped, Failure> {
    let mut modules = lock();
    let token = Token::open(config, &mut modules)?;
    let object = token.key(config)?;
    let mut nonce = [0u8; NONCE];
    fill_random(&mut nonce).map_err(|error| Failure::Final(Final::Setup, error.to_string()))?;
    let params = GcmParams::new(&mut nonce, context.as_bytes(), TAG_BITS.into()).map_err(failure)?;
    let sealed = token.session.encrypt(&Mechanism::AesGcm(params), object, key).map_err(failure)?;
    if sealed.len() != key.len() + TAG {
        let said = format!("it made {} bytes out of {}", sealed.len(), key.len());
        return Err(Failure::Final(Final::Malformed, said));
    }
    let mut body = nonce.to_vec();
    body.extend_from_slice(&sealed);
    Ok(Wrapped { provider: Provider::Pkcs11, key: name(&config.key), body })
}

/// Opens a sealed root key. Blocks.
pub(super) fn unwrap(
    config: &Pkcs11Key,
    wrapped: &Wrapped,
    context: &str,
) -> Result<Zeroizing<[u8; 32]>, Failure> {
    let wrong = |said: &str| Failure::Final(Final::WrongKey, said.to_owned());
    let (nonce, sealed) =
        wrapped.body.split_first_chunk::<NONCE>().ok_or_else(|| wrong("it is too short"))?;
    let mut modules = lock();
    let token = Token::open(config, &mut modules)?;
    let object = token.key(config)?;
    let mut nonce = *nonce;
    let params = GcmParams::new(&mut nonce, context.as_bytes(), TAG_BITS.into()).map_err(failure)?;
    let opened = token.session.decrypt(&Mechanism::AesGcm(params), object, sealed);
    let opened = Zeroizing::new(opened.map_err(opening)?);
    let key = <[u8; 32]>::try_from(opened.as_slice());
    key.map(Zeroizing::new).map_err(|_| wrong("what it opened is no root key"))
}

fn lock() -> MutexGuard<'static, Option<HashMap<PathBuf, Pkcs11>>> {
    MODULES.lock().unwrap_or_else(PoisonError::into_inner)
}

fn name(key: &ObjectChoice) -> String {
    match key {
        ObjectChoice::Label(label) => label.clone(),
        ObjectChoice::Id(id) => format!("id {}", super::hex(id)),
    }
}

/// A session with the token, logged in.
struct Token {
    session: Session,
}

impl Token {
    fn open(config: &Pkcs11Key, modules: &mut Option<HashMap<PathBuf, Pkcs11>>) -> Result<Self, Failure> {
        let pin = secret(&config.pin)?;
        let module = module(config, modules.get_or_insert_with(HashMap::new))?;
        let slot = match find_slot(config, &module) {
            // Somebody else in this process has ended the library.
            Err(Error::Pkcs11(RvError::CryptokiNotInitialized, _)) => {
                initialize(&module)?;
                find_slot(config, &module)
            }
            outcome => outcome,
        };
        let slot = slot.map_err(failure)?.ok_or_else(|| {
            let wanted = match &config.token {
                TokenChoice::Label(label) => format!("no token has the label {label}"),
                TokenChoice::Slot(slot) => format!("slot {slot} holds no token"),
            };
            Failure::Final(Final::Setup, wanted)
        })?;
        let mechanisms = module.get_mechanism_list(slot).map_err(failure)?;
        if !mechanisms.contains(&MechanismType::AES_GCM) {
            return Err(Failure::Final(Final::Setup, "the token does not offer CKM_AES_GCM".to_owned()));
        }
        let session = module.open_ro_session(slot).map_err(failure)?;
        match session.login(UserType::User, Some(&AuthPin::new(pin.as_str().into()))) {
            Ok(()) | Err(Error::Pkcs11(RvError::UserAlreadyLoggedIn, _)) => Ok(Self { session }),
            Err(error) => Err(failure(error)),
        }
    }

    fn key(&self, config: &Pkcs11Key) -> Result<ObjectHandle, Failure> {
        let chosen = match &config.key {
            ObjectChoice::Label(label) => Attribute::Label(label.as_bytes().to_vec()),
            ObjectChoice::Id(id) => Attribute::Id(id.clone()),
        };
        let wanted = [Attribute::Class(ObjectClass::SECRET_KEY), Attribute::KeyType(KeyType::AES), chosen];
        let found = self.session.find_objects(&wanted).map_err(failure)?;
        let [object] = found.as_slice() else {
            return Err(match found.len() {
                0 => Failure::Final(Final::NoSuchKey, format!("no AES key {}", name(&config.key))),
                several => {
                    let said = format!("{several} AES keys are called {}", name(&config.key));
                    Failure::Final(Final::Setup, said)
                }
            });
        };
        self.warn_if_it_can_leave(config, *object);
        Ok(*object)
    }

    /// A key that can be read out is no better than one in a file. It works, though, and may be wanted so.
    fn warn_if_it_can_leave(&self, config: &Pkcs11Key, object: ObjectHandle) {
        let asked = [AttributeType::Extractable, AttributeType::Sensitive];
        let Ok(attributes) = self.session.get_attributes(object, &asked) else { return };
        let can_leave = attributes
            .iter()
            .any(|attribute| matches!(attribute, Attribute::Extractable(true) | Attribute::Sensitive(false)));
        if can_leave {
            tracing::warn!(
                key = name(&config.key),
                "this PKCS#11 key can be read out of its token: create one with CKA_EXTRACTABLE false and CKA_SENSITIVE \
                 true, and move to it with ROTATE ROOT KEY"
            );
        }
    }
}

fn module(config: &Pkcs11Key, modules: &mut HashMap<PathBuf, Pkcs11>) -> Result<Pkcs11, Failure> {
    if let Some(module) = modules.get(&config.module) {
        return Ok(module.clone());
    }
    let module = Pkcs11::new(&config.module).map_err(failure)?;
    initialize(&module)?;
    modules.insert(config.module.clone(), module.clone());
    Ok(module)
}

fn initialize(module: &Pkcs11) -> Result<(), Failure> {
    match module.initialize(CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK)) {
        Ok(()) | Err(Error::Pkcs11(RvError::CryptokiAlreadyInitialized, _)) => Ok(()),
        Err(error) => Err(failure(error)),
    }
}

fn find_slot(config: &Pkcs11Key, module: &Pkcs11) -> Result<Option<Slot>, Error> {
    for slot in module.get_slots_with_token()? {
        let found = match &config.token {
            TokenChoice::Slot(number) => slot.id() == *number,
            // One token that does not answer must not hide the others.
            TokenChoice::Label(label) => match module.get_token_info(slot) {
                Ok(info) => info.label() == label,
                Err(Error::Pkcs11(RvError::TokenNotPresent | RvError::TokenNotRecognized, _)) => false,
                Err(error) => return Err(error),
            },
        };
        if found {
            return Ok(Some(slot));
        }
    }
    Ok(None)
}

/// What a refusal to open means: libraries disagree about the word for a tag that does not fit.
fn opening(error: Error) -> Failure {
    match error {
        Error::Pkcs11(
            code @ (RvError::EncryptedDataInvalid
            | RvError::EncryptedDataLenRange
            | RvError::DataInvalid
            | RvError::DataLenRange
            | RvError::ArgumentsBad
            | RvError::GeneralError
            | RvError::FunctionFailed),
            Function::Decrypt,
        ) => Failure::Final(Final::WrongKey, format!("C_Decrypt: {code:?}")),
        error => failure(error),
    }
}

/// What a return code means. Only names are shown: a library's own words are not ours to vouch for.
fn failure(error: Error) -> Failure {
    let (code, function) = match error {
        Error::Pkcs11(code, function) => (code, function),
        Error::LibraryLoading(error) => return Failure::Final(Final::Setup, said(&error.to_string())),
        error => return Failure::Final(Final::Setup, said(&error.to_string())),
    };
    let words = format!("C_{function:?}: {code:?}");
    match code {
        RvError::TokenNotPresent | RvError::DeviceRemoved => Failure::Passing(Passing::Unreachable, words),
        RvError::DeviceError
        | RvError::DeviceMemory
        | RvError::HostMemory
        | RvError::FunctionFailed
        | RvError::FunctionCanceled
        | RvError::GeneralError
        | RvError::SessionClosed
        | RvError::SessionHandleInvalid
        | RvError::UserNotLoggedIn
        | RvError::CryptokiNotInitialized => Failure::Passing(Passing::Unavailable, words),
        RvError::SessionCount => Failure::Passing(Passing::Throttled(None), words),
        RvError::PinIncorrect
        | RvError::PinInvalid
        | RvError::PinLenRange
        | RvError::PinExpired
        | RvError::PinLocked
        | RvError::UserPinNotInitialized
        | RvError::UserTypeInvalid
        | RvError::UserAnotherAlreadyLoggedIn => Failure::Final(Final::Login, words),
        RvError::KeyFunctionNotPermitted | RvError::ActionProhibited | RvError::FunctionRejected => {
            Failure::Final(Final::Denied, words)
        }
        RvError::KeyHandleInvalid | RvError::ObjectHandleInvalid => Failure::Final(Final::NoSuchKey, words),
        _ => Failure::Final(Final::Setup, words),
    }
}
