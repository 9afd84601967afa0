//! The way out of each failure, for each provider.

use super::failure::{Failure, Final, Passing};
use crate::config::RootKey;

/// What to do about a failure.
pub(super) fn hint(config: &RootKey, failure: &Failure) -> String {
    match config {
        RootKey::Pkcs11(_) => pkcs11(failure).to_owned(),
        RootKey::AwsKms(_) => aws_kms(failure).to_owned(),
        RootKey::Vault(_) => vault(failure).to_owned(),
        // Their errors carry their own.
        RootKey::File(_) | RootKey::Environment(_) => String::new(),
    }
}

/// A key that does not fit has the same reasons everywhere.
const WRONG_KEY: &str = "Name the key that wrapped this database's root key under keys.root, and one to move to under \
                         keys.next_root. If pyrite.keyring was altered, restore it from a backup that you trust.";
const LATER: &str = "Proxies that run keep serving. Start this one again later.";

fn pkcs11(failure: &Failure) -> &'static str {
    match failure {
        Failure::Passing(Passing::Unreachable | Passing::TimedOut, _) => {
            "Check that the token is plugged in or its network reachable, with `pkcs11-tool --module … -L`. \
             Proxies that run keep serving."
        }
        Failure::Passing(..) => LATER,
        Failure::Final(last, _) => match last {
            Final::Login => {
                "Put the token's user PIN into pin_file or pin_env. It is not tried again, as tokens lock after a few \
                 wrong ones."
            }
            Final::Denied => "The key needs CKA_ENCRYPT and CKA_DECRYPT, and the token CKM_AES_GCM.",
            Final::NoSuchKey | Final::KeyDisabled => {
                "List the keys with `pkcs11-tool --module … --login -O`, and name one that is AES, unique and usable."
            }
            Final::WrongKey => WRONG_KEY,
            Final::Setup => {
                "Check module and token (or slot) under keys.root: `pkcs11-tool --module … -L` shows both."
            }
            Final::NotBuilt => NOT_BUILT,
            Final::Malformed => "Check that module is the right library for this token.",
        },
    }
}

fn aws_kms(failure: &Failure) -> &'static str {
    match failure {
        Failure::Passing(Passing::Unreachable | Passing::TimedOut, _) => {
            "Check the network, region and endpoint (a VPC may need an endpoint for KMS). Proxies that run keep serving."
        }
        Failure::Passing(Passing::Throttled(_), _) => {
            "Raise timeout under keys.root, or the account's KMS request quota. Proxies that run keep serving."
        }
        Failure::Passing(..) => LATER,
        Failure::Final(last, _) => match last {
            Final::Login => {
                "Give Pyrite credentials by any way of the AWS standard chain, and check that they are valid."
            }
            Final::Denied => {
                "Allow kms:Encrypt and kms:Decrypt on the key to Pyrite's role, in the key's policy or in IAM."
            }
            Final::NoSuchKey => {
                "Check key and region under keys.root with `aws kms describe-key --key-id …`."
            }
            Final::KeyDisabled => {
                "Enable the key, or cancel its deletion: `aws kms enable-key`, `aws kms cancel-key-deletion`. Once it \
                 is deleted, what it wrapped is lost."
            }
            Final::WrongKey => WRONG_KEY,
            Final::Setup => "Set region under keys.root, or AWS_REGION, and check key and endpoint.",
            Final::NotBuilt => NOT_BUILT,
            Final::Malformed => "Check that endpoint is one of AWS KMS.",
        },
    }
}

fn vault(failure: &Failure) -> &'static str {
    match failure {
        Failure::Passing(Passing::Unreachable | Passing::TimedOut, _) => {
            "Check address and the network with `vault status`. Proxies that run keep serving."
        }
        Failure::Passing(Passing::Throttled(_), _) => {
            "Raise timeout under keys.root, or the server's rate limit quota. Proxies that run keep serving."
        }
        Failure::Passing(..) => {
            "Unseal the server, or wait for its leader: `vault status`. Proxies that run keep serving."
        }
        Failure::Final(last, _) => match last {
            Final::Login | Final::Denied => {
                "Put a valid token into token_file or token_env; its policy needs `update` on MOUNT/encrypt/KEY and \
                 MOUNT/decrypt/KEY, and it may need keys.root namespace. A file is read again at each refusal."
            }
            Final::NoSuchKey => {
                "Check mount, key and namespace under keys.root with `vault read MOUNT/keys/KEY`."
            }
            Final::KeyDisabled => {
                "Lower min_decryption_version of the key: `vault write MOUNT/keys/KEY/config min_decryption_version=…`. \
                 After ROTATE ROOT KEY it can be raised again."
            }
            Final::WrongKey => WRONG_KEY,
            Final::Setup => {
                "Check address and ca_file, and that the key's type encrypts with associated data (aes256-gcm96)."
            }
            Final::NotBuilt => NOT_BUILT,
            Final::Malformed => {
                "Check that address is a Vault or OpenBao server and mount its Transit engine."
            }
        },
    }
}

const NOT_BUILT: &str = "Use a release package, or build with `cargo build --release --features aws-kms`.";
