//! The keys of one database, in memory: an immutable snapshot that sessions share.

use crate::crypto::xaes::Xaes;
use crate::crypto::{EqualityKey, Key, KeyId, Scope};

/// The random identity of a key group.
pub type GroupBytes = [u8; 16];

/// What a key of a group is for.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum KeyPurpose {
    /// Encrypts values.
    Data,
    /// Makes equality terms.
    Equality,
    /// Makes order terms.
    Order,
    /// Makes caseless terms.
    Caseless,
    /// Makes match terms.
    Match,
    /// Makes identity terms.
    Identity,
}

impl KeyPurpose {
    const ALL: [Self; 6] =
        [Self::Data, Self::Equality, Self::Order, Self::Caseless, Self::Match, Self::Identity];

    /// As in `pyrite.keys`, in scopes and in manifests.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Data => "data",
            Self::Equality => "equality",
            Self::Order => "order",
            Self::Caseless => "caseless",
            Self::Match => "match",
            Self::Identity => "identity",
        }
    }

    /// The inverse of [`KeyPurpose::as_str`].
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|purpose| purpose.as_str() == text)
    }
}

/// Where a key stands in its life.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum KeyState {
    /// Encrypts and decrypts. One per group and purpose.
    Primary,
    /// Decrypts; on its way to primary.
    Active,
    /// Decrypts; was primary once.
    Retired,
    /// Gone: only its id is kept.
    Destroyed,
}

impl KeyState {
    const ALL: [Self; 4] = [Self::Primary, Self::Active, Self::Retired, Self::Destroyed];

    /// As in `pyrite.keys` and in manifests.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Primary => "primary",
            Self::Active => "active",
            Self::Retired => "retired",
            Self::Destroyed => "destroyed",
        }
    }

    /// The inverse of [`KeyState::as_str`].
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == text)
    }
}

/// What may be told of a key.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct KeyInfo {
    /// Its random name.
    pub id: KeyId,
    /// Its group.
    pub group: GroupBytes,
    /// What it is for.
    pub purpose: KeyPurpose,
    /// Counts up from 1 in its group and purpose.
    pub version: u32,
    /// Where it stands.
    pub state: KeyState,
}

/// A set of keys that makes no keyring. Names ids only.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum KeyringError {
    /// Two keys or groups with one id, or two groups with one name.
    Duplicate(String),
    /// A key of a group that is not there.
    UnknownGroup(KeyId),
    /// A group without a primary key for this purpose.
    NoPrimary(String, KeyPurpose),
    /// A group with two.
    TwoPrimaries(String, KeyPurpose),
    /// A key that is not destroyed and has no key bytes.
    NoBytes(KeyId),
}

impl std::fmt::Display for KeyringError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Duplicate(what) => write!(f, "{what} is there twice"),
            Self::UnknownGroup(id) => write!(f, "key {id} belongs to a group that is not there"),
            Self::NoPrimary(name, purpose) => {
                write!(f, "key group \"{name}\" has no primary key for {}", purpose.as_str())
            }
            Self::TwoPrimaries(name, purpose) => {
                write!(f, "key group \"{name}\" has two primary keys for {}", purpose.as_str())
            }
            Self::NoBytes(id) => write!(f, "key {id} is not destroyed and has no key bytes"),
        }
    }
}

impl std::error::Error for KeyringError {}

/// A data key, ready for derivations.
pub(super) struct DataKey {
    pub(super) id: KeyId,
    pub(super) group: GroupBytes,
    /// `None`: destroyed.
    pub(super) xaes: Option<Xaes>,
}

/// A group's scope, and the keys that it writes with.
pub(super) struct Group {
    pub(super) id: GroupBytes,
    name: String,
    pub(super) scope: Scope,
    /// Index of the primary data key.
    pub(super) primary: usize,
    pub(super) equality: EqualityKey,
}

/// The keys of one database. Wiped on drop, never printed.
pub struct Keyring {
    uuid: [u8; 16],
    counter: u64,
    groups: Vec<Group>,
    data: Vec<DataKey>,
    keys: Vec<KeyInfo>,
}

impl Keyring {
    /// The keyring's random identity.
    pub fn uuid(&self) -> [u8; 16] {
        self.uuid
    }

    /// Counts the changes of the keyring; never goes back.
    pub fn counter(&self) -> u64 {
        self.counter
    }

    /// The group with this name.
    pub fn group_id(&self, name: &str) -> Option<GroupBytes> {
        self.groups.iter().find(|group| group.name == name).map(|group| group.id)
    }

    /// The name of a group.
    pub fn group_name(&self, id: &GroupBytes) -> Option<&str> {
        self.group(id).map(|group| group.name.as_str())
    }

    /// All groups: id and name.
    pub fn groups(&self) -> impl Iterator<Item = (GroupBytes, &str)> {
        self.groups.iter().map(|group| (group.id, group.name.as_str()))
    }

    /// All keys, by group, purpose and version.
    pub fn keys(&self) -> &[KeyInfo] {
        &self.keys
    }

    /// What values of a group are bound to.
    pub fn scope(&self, group: &GroupBytes) -> Option<&Scope> {
        self.group(group).map(|group| &group.scope)
    }

    /// Whether a data key is known (it may be destroyed).
    pub fn has_data_key(&self, id: KeyId) -> bool {
        self.find_data_key(id).is_some()
    }

    pub(super) fn group(&self, id: &GroupBytes) -> Option<&Group> {
        let at = self.groups.binary_search_by(|group| group.id.cmp(id)).ok()?;
        self.groups.get(at)
    }

    pub(super) fn find_data_key(&self, id: KeyId) -> Option<&DataKey> {
        let at = self.data.binary_search_by(|key| key.id.cmp(&id)).ok()?;
        self.data.get(at)
    }

    pub(super) fn data_key(&self, index: usize) -> Option<&DataKey> {
        self.data.get(index)
    }
}

impl std::fmt::Debug for Keyring {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Keyring({} groups, {} keys)", self.groups.len(), self.keys.len())
    }
}

/// Puts a [`Keyring`] together.
pub struct KeyringBuilder {
    uuid: [u8; 16],
    counter: u64,
    groups: Vec<(GroupBytes, String)>,
    keys: Vec<(KeyInfo, Option<Key>)>,
}

impl KeyringBuilder {
    /// An empty keyring with this identity.
    pub fn new(uuid: [u8; 16]) -> Self {
        Self { uuid, counter: 0, groups: Vec::new(), keys: Vec::new() }
    }

    /// Sets the counter of changes.
    pub fn counter(mut self, counter: u64) -> Self {
        self.counter = counter;
        self
    }

    /// Adds a group.
    pub fn group(mut self, id: GroupBytes, name: impl Into<String>) -> Self {
        self.groups.push((id, name.into()));
        self
    }

    /// Adds a key; `bytes` is `None` only for a destroyed one.
    pub fn key(mut self, info: KeyInfo, bytes: Option<Key>) -> Self {
        self.keys.push((info, bytes));
        self
    }

    /// Adds a group with a first data key and a first equality key.
    pub fn group_with_keys(
        self,
        id: GroupBytes,
        name: impl Into<String>,
        data: (KeyId, Key),
        equality: (KeyId, Key),
    ) -> Self {
        let info =
            |id_, purpose| KeyInfo { id: id_, group: id, purpose, version: 1, state: KeyState::Primary };
        self.group(id, name)
            .key(info(data.0, KeyPurpose::Data), Some(data.1))
            .key(info(equality.0, KeyPurpose::Equality), Some(equality.1))
    }

    /// Checks that all belongs together, and expands the keys.
    pub fn build(mut self) -> Result<Keyring, KeyringError> {
        self.check_unique()?;
        let mut data = Vec::new();
        for (info, bytes) in &self.keys {
            if bytes.is_none() && info.state != KeyState::Destroyed {
                return Err(KeyringError::NoBytes(info.id));
            }
            if info.purpose == KeyPurpose::Data {
                let usable = bytes.as_ref().filter(|_| info.state != KeyState::Destroyed);
                data.push(DataKey { id: info.id, group: info.group, xaes: usable.map(Xaes::new) });
            }
        }
        data.sort_by_key(|key| key.id);
        let mut groups = Vec::with_capacity(self.groups.len());
        for (id, name) in &self.groups {
            let (primary, _) = self.primary(id, name, KeyPurpose::Data)?;
            let primary = data.binary_search_by_key(&primary, |key| key.id);
            let primary = primary.map_err(|_| KeyringError::NoPrimary(name.clone(), KeyPurpose::Data))?;
            let (index_id, index_key) = self.primary(id, name, KeyPurpose::Equality)?;
            let context = Scope::new(&self.uuid, id, KeyPurpose::Equality.as_str());
            groups.push(Group {
                id: *id,
                name: name.clone(),
                scope: Scope::new(&self.uuid, id, KeyPurpose::Data.as_str()),
                primary,
                equality: EqualityKey::new(index_id, index_key, context.as_bytes()),
            });
        }
        groups.sort_by_key(|group| group.id);
        self.keys.sort_by_key(|(info, _)| (info.group, info.purpose, info.version));
        let keys = self.keys.into_iter().map(|(info, _)| info).collect();
        Ok(Keyring { uuid: self.uuid, counter: self.counter, groups, data, keys })
    }

    fn check_unique(&self) -> Result<(), KeyringError> {
        let mut ids = std::collections::BTreeSet::new();
        let mut versions = std::collections::BTreeSet::new();
        for (info, _) in &self.keys {
            if !self.groups.iter().any(|(id, _)| *id == info.group) {
                return Err(KeyringError::UnknownGroup(info.id));
            }
            if !ids.insert(info.id) || !versions.insert((info.group, info.purpose, info.version)) {
                return Err(KeyringError::Duplicate(format!("key {}", info.id)));
            }
        }
        let (mut ids, mut names) = (std::collections::BTreeSet::new(), std::collections::BTreeSet::new());
        for (id, name) in &self.groups {
            if !ids.insert(*id) || !names.insert(name) {
                return Err(KeyringError::Duplicate(format!("key group \"{name}\"")));
            }
        }
        Ok(())
    }

    fn primary(
        &self,
        group: &GroupBytes,
        name: &str,
        purpose: KeyPurpose,
    ) -> Result<(KeyId, &Key), KeyringError> {
        let mut found = self.keys.iter().filter(|(info, _)| {
            info.group == *group && info.purpose == purpose && info.state == KeyState::Primary
        });
        let first = found.next().ok_or_else(|| KeyringError::NoPrimary(name.to_owned(), purpose))?;
        if found.next().is_some() {
            return Err(KeyringError::TwoPrimaries(name.to_owned(), purpose));
        }
        let key = first.1.as_ref().ok_or(KeyringError::NoBytes(first.0.id))?;
        Ok((first.0.id, key))
    }
}
