//! What `pyrite.keyring.root_wrapped` holds: a root key under the key of an outside provider.
//!
//! `version 1 | provider | length of the key's name, two bytes | the key's name | what the provider made`. The name
//! serves error messages only: which key is asked to open it is decided by the configuration, since whoever can write
//! to the database could name a key of their own.

use super::failure::{Failure, Final};

const VERSION: u8 = 1;
/// No provider's names or ciphertexts of 32 bytes come near it.
const MOST: usize = 16 << 10;

/// A root key that a provider wrapped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Wrapped {
    pub(super) provider: Provider,
    pub(super) key: String,
    pub(super) body: Vec<u8>,
}

/// The kinds of outside providers; the numbers are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Provider {
    Pkcs11 = 1,
    AwsKms = 2,
    Vault = 3,
}

impl Provider {
    const ALL: [Self; 3] = [Self::Pkcs11, Self::AwsKms, Self::Vault];

    fn as_str(self) -> &'static str {
        match self {
            Self::Pkcs11 => "PKCS#11",
            Self::AwsKms => "AWS KMS",
            Self::Vault => "Vault",
        }
    }
}

impl Wrapped {
    pub(super) fn to_bytes(&self) -> Vec<u8> {
        let name = self.key.as_bytes();
        let name = name.get(..name.len().min(usize::from(u16::MAX))).unwrap_or_default();
        let mut out = vec![VERSION, self.provider as u8];
        out.extend_from_slice(&u16::try_from(name.len()).unwrap_or_default().to_be_bytes());
        out.extend_from_slice(name);
        out.extend_from_slice(&self.body);
        out
    }

    pub(super) fn parse(bytes: &[u8]) -> Result<Self, Failure> {
        let malformed = || {
            let said = "the wrapped root key in the database has an unknown form";
            Failure::Final(Final::WrongKey, said.to_owned())
        };
        let (head, rest) = bytes.split_first_chunk::<4>().ok_or_else(malformed)?;
        let [version, provider, high, low] = *head;
        let provider = Provider::ALL.into_iter().find(|known| *known as u8 == provider);
        let (name, body) = rest
            .split_at_checked(usize::from(u16::from_be_bytes([high, low])))
            .filter(|(_, body)| version == VERSION && !body.is_empty() && bytes.len() <= MOST)
            .ok_or_else(malformed)?;
        let key = String::from_utf8(name.to_vec()).map_err(|_| malformed())?;
        Ok(Self { provider: provider.ok_or_else(malformed)?, key, body: body.to_vec() })
    }

    /// For error messages; what the database says is not trusted to be printable.
    pub(super) fn describe(&self) -> String {
        let name: String = self.key.chars().filter(|c| !c.is_control()).take(200).collect();
        format!("{} key {name}", self.provider.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_stored_comes_back_and_anything_else_is_refused() {
        for provider in Provider::ALL {
            let wrapped = Wrapped { provider, key: "transit/kéy".to_owned(), body: vec![7; 60] };
            let bytes = wrapped.to_bytes();
            assert_eq!(Wrapped::parse(&bytes), Ok(wrapped));
            for len in 0..bytes.len() - 60 {
                assert!(Wrapped::parse(&bytes[..len]).is_err(), "{len}");
            }
            for (at, value) in [(0, 2), (1, 0), (1, 9), (2, 255)] {
                let mut other = bytes.clone();
                other[at] = value;
                assert!(Wrapped::parse(&other).is_err(), "{at}");
            }
            assert!(Wrapped::parse(&[bytes, vec![0; MOST]].concat()).is_err());
        }
    }

    /// Databases hold this form.
    #[test]
    fn the_form_is_pinned() {
        let wrapped =
            Wrapped { provider: Provider::Vault, key: "t/k".to_owned(), body: b"vault:v1:xyz".to_vec() };
        assert_eq!(wrapped.to_bytes(), b"\x01\x03\x00\x03t/kvault:v1:xyz");
    }
}
