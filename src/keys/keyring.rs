//! The keys of one database, in memory: an immutable snapshot that sessions share.

use super::terms::FurtherKeys;
use crate::crypto::xaes::Xaes;
use crate::crypto::{EqualityKey, Key, KeyId, MatchKey, OrderKey, Scope, Slot, TermKind};

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
    /// All purposes; escrow files number them in this order.
    pub const ALL: [Self; 6] =
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

/// Where a key stands in its life. It goes down this list and never back; it may skip lines.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum KeyState {
    /// Known to all, before it is used: a data key opens; an index key's terms are written, and not searched.
    Active,
    /// In use: a data key seals; an index key's terms are written and searched. One per group and purpose.
    Primary,
    /// On its way out: a data key opens; an index key's terms are still written, and no longer searched.
    Fading,
    /// Out of use: a data key opens; an index key's terms are no longer written.
    Retired,
    /// Gone: only its id is kept.
    Destroyed,
}

impl KeyState {
    /// All states, in the order of a key's life; escrow files number them in it.
    pub const ALL: [Self; 5] = [Self::Active, Self::Primary, Self::Fading, Self::Retired, Self::Destroyed];

    /// As in `pyrite.keys` and in manifests.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Primary => "primary",
            Self::Fading => "fading",
            Self::Retired => "retired",
            Self::Destroyed => "destroyed",
        }
    }

    /// The inverse of [`KeyState::as_str`].
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == text)
    }

    /// Whether terms of an index key in this state are written with each value.
    pub fn is_written(self) -> bool {
        matches!(self, Self::Active | Self::Primary | Self::Fading)
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
    /// Where an index key's terms lie in the envelope; A for data keys.
    pub slot: Slot,
}

impl KeyInfo {
    /// Whether each value that is sealed now carries a term of this key.
    pub fn is_written(&self) -> bool {
        self.purpose != KeyPurpose::Data && self.state.is_written()
    }

    /// Purpose and slot, as in manifests. Slot A adds nothing, so that manifests from before there were two
    /// slots stay valid.
    pub(super) fn label(&self) -> String {
        match self.slot {
            Slot::A => self.purpose.as_str().to_owned(),
            Slot::B => format!("{}/b", self.purpose.as_str()),
        }
    }
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
    /// Two keys whose terms would be written to one place.
    SlotTaken(String, KeyPurpose, Slot),
    /// An id that no key may have, or a data key in an index key's slot.
    Misplaced(KeyId),
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
            Self::SlotTaken(name, purpose, slot) => write!(
                f,
                "key group \"{name}\" has two keys for {} in slot {}",
                purpose.as_str(),
                slot.as_str()
            ),
            Self::Misplaced(id) => write!(f, "key {id} has an id or a slot that it cannot have"),
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
    /// The index keys whose equality terms are written, by slot.
    pub(super) equality: [Option<EqualityKey>; 2],
    /// The index keys of the other search kinds.
    pub(super) further: FurtherKeys,
    /// Where lookups look, of all kinds.
    search: Slot,
}

impl Group {
    /// The key that writes equality terms into this slot.
    pub(super) fn equality(&self, slot: Slot) -> Option<&EqualityKey> {
        match slot {
            Slot::A => self.equality[0].as_ref(),
            Slot::B => self.equality[1].as_ref(),
        }
    }
}

/// The keys of one database. Wiped on drop, never printed.
pub struct Keyring {
    uuid: [u8; 16],
    counter: u64,
    groups: Vec<Group>,
    data: Vec<DataKey>,
    keys: Vec<KeyInfo>,
    seal: Vec<u8>,
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

    /// What is known of a key.
    pub fn key(&self, id: KeyId) -> Option<&KeyInfo> {
        self.keys.iter().find(|key| key.id == id)
    }

    /// The data keys of a group, oldest first.
    pub fn data_keys(&self, group: &GroupBytes) -> impl Iterator<Item = &KeyInfo> {
        self.index_keys(group, KeyPurpose::Data)
    }

    /// The keys of a group for one purpose, oldest first.
    pub fn index_keys(&self, group: &GroupBytes, purpose: KeyPurpose) -> impl Iterator<Item = &KeyInfo> {
        let group = *group;
        self.keys.iter().filter(move |key| key.group == group && key.purpose == purpose)
    }

    /// The key of a group that is in use for this purpose.
    pub fn primary(&self, group: &GroupBytes, purpose: KeyPurpose) -> Option<&KeyInfo> {
        self.index_keys(group, purpose).find(|key| key.state == KeyState::Primary)
    }

    /// The slot whose terms lookups use: that of the primary index key. `None` for data keys, and where the
    /// group has no such index key.
    pub fn search_slot(&self, group: &GroupBytes, purpose: KeyPurpose) -> Option<Slot> {
        match purpose {
            KeyPurpose::Data => None,
            // Asked for each statement that is planned.
            KeyPurpose::Equality => self.group(group).map(|group| group.search),
            other => self.primary(group, other).map(|key| key.slot),
        }
    }

    /// The index key that writes equality terms of a group into this slot.
    pub fn equality_key(&self, group: &GroupBytes, slot: Slot) -> Option<KeyId> {
        self.group(group)?.equality(slot).map(EqualityKey::id)
    }

    /// The index key that writes terms of a kind of a group into this slot.
    pub fn term_key(&self, group: &GroupBytes, kind: TermKind, slot: Slot) -> Option<KeyId> {
        match kind {
            TermKind::Equality => self.equality_key(group, slot),
            other => self.group(group)?.further_key(other, slot),
        }
    }

    /// The data key that values of a group are sealed with.
    pub fn primary_data_key(&self, group: &GroupBytes) -> Option<KeyId> {
        self.data_key(self.group(group)?.primary).map(|key| key.id)
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

    /// The seal over the stored form; empty where it was not stored.
    pub(super) fn seal(&self) -> &[u8] {
        &self.seal
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
    seal: Vec<u8>,
    groups: Vec<(GroupBytes, String)>,
    keys: Vec<(KeyInfo, Option<Key>)>,
}

impl KeyringBuilder {
    /// An empty keyring with this identity.
    pub fn new(uuid: [u8; 16]) -> Self {
        Self { uuid, counter: 0, seal: Vec::new(), groups: Vec::new(), keys: Vec::new() }
    }

    /// Sets the counter of changes.
    pub fn counter(mut self, counter: u64) -> Self {
        self.counter = counter;
        self
    }

    /// Sets the seal over the stored form.
    pub(super) fn seal(mut self, seal: &[u8]) -> Self {
        self.seal = seal.to_vec();
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
        let info = |key, purpose| KeyInfo {
            id: key,
            group: id,
            purpose,
            version: 1,
            state: KeyState::Primary,
            slot: Slot::A,
        };
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
            let primary = self.primary(id, name, KeyPurpose::Data)?.id;
            let primary = data.binary_search_by_key(&primary, |key| key.id);
            let primary = primary.map_err(|_| KeyringError::NoPrimary(name.clone(), KeyPurpose::Data))?;
            let search = self.primary(id, name, KeyPurpose::Equality)?.slot;
            groups.push(Group {
                id: *id,
                name: name.clone(),
                scope: Scope::new(&self.uuid, id, KeyPurpose::Data.as_str()),
                primary,
                equality: self.both(id, name, KeyPurpose::Equality, EqualityKey::new)?,
                further: FurtherKeys {
                    order: self.both(id, name, KeyPurpose::Order, OrderKey::new)?,
                    caseless: self.both(id, name, KeyPurpose::Caseless, EqualityKey::caseless)?,
                    matching: self.both(id, name, KeyPurpose::Match, MatchKey::new)?,
                },
                search,
            });
            self.check_slots(id, search)?;
        }
        groups.sort_by_key(|group| group.id);
        self.keys.sort_by_key(|(info, _)| (info.group, info.purpose, info.version));
        let keys = self.keys.into_iter().map(|(info, _)| info).collect();
        Ok(Keyring { uuid: self.uuid, counter: self.counter, groups, data, keys, seal: self.seal })
    }

    fn check_unique(&self) -> Result<(), KeyringError> {
        let mut ids = std::collections::BTreeSet::new();
        let mut versions = std::collections::BTreeSet::new();
        for (info, _) in &self.keys {
            if !self.groups.iter().any(|(id, _)| *id == info.group) {
                return Err(KeyringError::UnknownGroup(info.id));
            }
            if info.id == KeyId::NONE || (info.purpose == KeyPurpose::Data && info.slot != Slot::A) {
                return Err(KeyringError::Misplaced(info.id));
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

    fn primary(&self, group: &GroupBytes, name: &str, purpose: KeyPurpose) -> Result<&KeyInfo, KeyringError> {
        let mut found = self.keys.iter().map(|(info, _)| info).filter(|info| {
            info.group == *group && info.purpose == purpose && info.state == KeyState::Primary
        });
        let first = found.next().ok_or_else(|| KeyringError::NoPrimary(name.to_owned(), purpose))?;
        match found.next() {
            None => Ok(first),
            Some(_) => Err(KeyringError::TwoPrimaries(name.to_owned(), purpose)),
        }
    }

    /// The keys that write a group's terms of one kind into either slot, ready for use.
    fn both<T>(
        &self,
        group: &GroupBytes,
        name: &str,
        purpose: KeyPurpose,
        make: impl Fn(KeyId, &Key, &[u8]) -> T,
    ) -> Result<[Option<T>; 2], KeyringError> {
        let context = Scope::new(&self.uuid, group, purpose.as_str());
        let of = |slot| {
            let mut found = self.keys.iter().filter(|(info, _)| {
                info.group == *group && info.purpose == purpose && info.slot == slot && info.is_written()
            });
            let Some((info, bytes)) = found.next() else { return Ok(None) };
            if found.next().is_some() {
                return Err(KeyringError::SlotTaken(name.to_owned(), purpose, slot));
            }
            let bytes = bytes.as_ref().ok_or(KeyringError::NoBytes(info.id))?;
            Ok(Some(make(info.id, bytes, context.as_bytes())))
        };
        Ok([of(Slot::A)?, of(Slot::B)?])
    }

    /// A statement names one slot for all kinds: no kind's terms may be searched in the other.
    fn check_slots(&self, group: &GroupBytes, search: Slot) -> Result<(), KeyringError> {
        let astray = self.keys.iter().map(|(info, _)| info).find(|info| {
            info.group == *group
                && info.purpose != KeyPurpose::Data
                && info.state == KeyState::Primary
                && info.slot != search
        });
        astray.map_or(Ok(()), |info| Err(KeyringError::Misplaced(info.id)))
    }
}
