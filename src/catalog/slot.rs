//! The two places that an envelope has for equality terms, as statements name them.

/// Which of an envelope's two equality terms is searched. Rotation of an index key goes from one to the other.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum SearchSlot {
    /// Bytes 24..40: `pyrite.eq`.
    #[default]
    A,
    /// Bytes 48..64: `pyrite.eq_b`.
    B,
}

/// The functions that cut terms out of envelopes, of either slot.
pub const TERM_FUNCTIONS: [(&str, &str); 5] = [
    ("eq", "eq_b"),
    ("ord", "ord_b"),
    ("ord_head", "ord_head_b"),
    ("eq_caseless", "eq_caseless_b"),
    ("match", "match_b"),
];

impl SearchSlot {
    /// Both.
    pub const ALL: [Self; 2] = [Self::A, Self::B];

    /// The function that cuts this term out of an envelope.
    pub fn equality_function(self) -> &'static str {
        match self {
            Self::A => "pyrite.eq",
            Self::B => "pyrite.eq_b",
        }
    }

    /// The slot whose terms this function (its bare name, in schema `pyrite`) cuts out.
    pub fn of_function(name: &str) -> Option<Self> {
        let (a, b) = TERM_FUNCTIONS.into_iter().find(|(a, b)| *a == name || *b == name)?;
        debug_assert!(name == a || name == b);
        Some(if name == a { Self::A } else { Self::B })
    }

    /// The function (its bare name) that cuts the same kind of term out of this slot.
    pub fn same_function(self, name: &str) -> Option<&'static str> {
        let (a, b) = TERM_FUNCTIONS.into_iter().find(|(a, b)| *a == name || *b == name)?;
        Some(match self {
            Self::A => a,
            Self::B => b,
        })
    }

    /// The other one.
    pub fn other(self) -> Self {
        match self {
            Self::A => Self::B,
            Self::B => Self::A,
        }
    }
}

/// Name of an index that is to replace another one while an index key is rotated: this, then the other one's OID.
pub const COPY_PREFIX: &str = "pyrite_new_";

/// The random identity of a key group: 16 bytes, stable over RENAME, dump and restore.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct GroupId(pub [u8; 16]);

/// What statements depend on of a group's keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct KeyGroup {
    /// Which group.
    pub id: GroupId,
    /// The slot that is searched.
    pub slot: SearchSlot,
    /// Its index key is being rotated: the other slot is written, too.
    pub rotating: bool,
}

impl From<GroupId> for KeyGroup {
    /// A group whose index key was never rotated.
    fn from(id: GroupId) -> Self {
        Self { id, slot: SearchSlot::A, rotating: false }
    }
}
