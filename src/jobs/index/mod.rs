//! Rotation of a group's index key, online: lookups, uniqueness and joins stay exact at every instant.
//!
//! An envelope has two slots for the terms of each kind. The index keys of all search kinds are rotated together, as a
//! statement names one slot. The new keys' terms go into the slot that is not searched, in all values; indexes and definitions over it are made beside those over the other; then all proxies search the new
//! slot, and the old terms go. Each step looks at what is there and goes on, so it may be repeated after a crash
//! between any two commits. What the steps go by is in the database: the states of the keys, the indexes, the
//! definitions, the envelopes themselves.

mod copies;
mod definition;
mod dependents;
mod host;
mod obstacles;
mod redefine;
mod swap;
mod turn;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use tokio_postgres::Client;

use crate::catalog::{Catalog, GroupId, SearchSlot};
use crate::database::Database;
use crate::jobs::JobError;
use crate::keys::{Change, GroupBytes, KeyId, KeyInfo, KeyPurpose, KeyState, Keyring, Slot};

pub(crate) use host::Host;
pub(in crate::jobs) use host::{Tries, run, try_again};
pub(in crate::jobs) use obstacles::{envelopes, with_values};
use turn::Turn;

/// The steps of a rotation, in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Step {
    /// Obstacles are named; nothing is done yet.
    Check,
    /// The new key is added, in the other slot.
    AddKey,
    /// All proxies write both terms.
    AwaitAdded,
    /// Every value gets both terms.
    WriteTerms,
    /// For every index over the old term the like over the new one.
    MakeIndexes,
    /// Views and other definitions go over to the new term.
    Redefine,
    /// The new key's terms are searched, the old one's still written.
    Switch,
    /// No proxy searches the old terms any more.
    AwaitSwitched,
    /// The old indexes are dropped; the new ones get their names.
    Swap,
    /// The old key's terms are no longer written.
    Retire,
    /// No proxy writes them any more.
    AwaitRetired,
    /// Every value loses its old term.
    RemoveTerms,
    /// Nothing is left of the old slot in any definition.
    Verify,
}

impl Step {
    /// All of them, in order.
    pub const ALL: [Self; 13] = [
        Self::Check,
        Self::AddKey,
        Self::AwaitAdded,
        Self::WriteTerms,
        Self::MakeIndexes,
        Self::Redefine,
        Self::Switch,
        Self::AwaitSwitched,
        Self::Swap,
        Self::Retire,
        Self::AwaitRetired,
        Self::RemoveTerms,
        Self::Verify,
    ];

    /// As in `pyrite.jobs`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Check => "check",
            Self::AddKey => "add key",
            Self::AwaitAdded => "await new key",
            Self::WriteTerms => "write new terms",
            Self::MakeIndexes => "make indexes",
            Self::Redefine => "redefine",
            Self::Switch => "switch",
            Self::AwaitSwitched => "await switch",
            Self::Swap => "replace indexes",
            Self::Retire => "retire old key",
            Self::AwaitRetired => "await retirement",
            Self::RemoveTerms => "remove old terms",
            Self::Verify => "verify",
        }
    }

    /// The inverse of [`Step::as_str`].
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|step| step.as_str() == text)
    }

    /// Whether the rotation can be given up here: nothing searches the new terms yet.
    pub fn can_be_undone(self) -> bool {
        self < Self::Switch
    }
}

/// What the engine of jobs does for a rotation, beside committing statements.
pub(crate) trait Engine: Host {
    /// The database.
    fn database(&self) -> &Arc<Database>;

    /// Notes that a step begins, if the job is still this proxy's.
    fn enter(&mut self, step: &'static str) -> impl Future<Output = Result<(), JobError>> + Send;

    /// Changes keys, and returns when this proxy uses the result.
    fn change(&mut self, changes: Vec<Change>)
    -> impl Future<Output = Result<Arc<Keyring>, JobError>> + Send;

    /// Waits until nothing that was sealed or planned under an older keyring than this can reach the server, nor
    /// become visible there in a table of the group.
    fn drain(&mut self, group: GroupBytes, counter: u64)
    -> impl Future<Output = Result<(), JobError>> + Send;

    /// Brings the terms of all values of the group to what the keyring says, until a scan finds none that differs.
    fn sweep_terms(&mut self, group: GroupBytes) -> impl Future<Output = Result<(), JobError>> + Send;
}

/// What stands in the way of a rotation of this group's index key, each with the way out.
pub(crate) async fn obstacles(
    client: &Client,
    catalog: Arc<Catalog>,
    keyring: &Keyring,
    group: &GroupBytes,
) -> Result<Vec<String>, JobError> {
    let keys = Keys::of(keyring, group)?;
    if !keys.fading.is_empty() {
        return Ok(vec![UNFINISHED.to_owned()]);
    }
    obstacles::find(client, &keys.turn(group, catalog, Step::Check), keyring).await
}

/// Both slots are taken as long as an old key still fades.
const UNFINISHED: &str =
    "an earlier rotation of it has switched keys and has not ended: RESUME its job (SHOW JOBS lists all)";

/// Runs a rotation from this step to its end.
pub(crate) async fn rotate<E: Engine>(engine: &mut E, group: GroupBytes, from: Step) -> Result<(), JobError> {
    for step in Step::ALL.into_iter().filter(|step| *step >= from) {
        engine.enter(step.as_str()).await?;
        perform(engine, &group, step).await?;
    }
    Ok(())
}

/// Gives a rotation up that has not got beyond [`Step::can_be_undone`]: everything is as before it, and the new key
/// is retired without ever having been searched.
pub(crate) async fn undo<E: Engine>(engine: &mut E, group: GroupBytes) -> Result<(), JobError> {
    let keyring = engine.database().confirm().await?;
    let catalog = engine.database().refresh().await?;
    let keys = Keys::of(&keyring, &group)?;
    if !keys.fading.is_empty() {
        return Err(JobError::refused(
            "the rotation is past the switch to the new index key",
            "Let it go on to its end; then rotate again.",
        ));
    }
    let turn = keys.turn(&group, catalog, Step::Check);
    restore(engine, &turn).await?;
    if !keys.active.is_empty() {
        engine.change(keys.active.iter().map(|id| Change::Abandon { id: *id }).collect()).await?;
    }
    let counter = engine.database().keyring().counter();
    engine.drain(group, counter).await?;
    engine.sweep_terms(group).await
}

/// Brings definitions back to the old slot, and drops the copies of indexes.
async fn restore(host: &mut impl Host, turn: &Turn) -> Result<(), JobError> {
    let back = Turn { from: turn.to, to: turn.from, ..turn.clone() };
    redefine::all(host, &back).await?;
    while let Some(copy) = copies::any(host.client(), turn).await? {
        host.say(format!("dropping {}", copy.shown())).await?;
        copies::drop_copy(host, &copy).await?;
    }
    Ok(())
}

async fn perform<E: Engine>(engine: &mut E, group: &GroupBytes, step: Step) -> Result<(), JobError> {
    // Whoever takes a job over may not have heard of the last change yet.
    let keyring = engine.database().confirm().await?;
    let catalog = engine.database().refresh().await?;
    let keys = Keys::of(&keyring, group)?;
    let turn = keys.turn(group, catalog, step);
    match step {
        Step::Check if !keys.fading.is_empty() => Err(in_the_way(&[UNFINISHED.to_owned()])),
        Step::Check => {
            let found = obstacles::find(engine.client(), &turn, &keyring).await?;
            if found.is_empty() { Ok(()) } else { Err(in_the_way(&found)) }
        }
        Step::AddKey => {
            let add = |purpose| Change::AddIndex { group: *group, purpose };
            // Repeated behind a crash, it finds the keys that are there.
            engine.change(purposes(&keyring, group).map(add).collect()).await.map(drop)
        }
        Step::AwaitAdded | Step::AwaitSwitched | Step::AwaitRetired => {
            engine.drain(*group, keyring.counter()).await
        }
        Step::WriteTerms | Step::RemoveTerms => engine.sweep_terms(*group).await,
        Step::MakeIndexes => copies::build(engine, &turn).await,
        Step::Redefine => {
            redefine::all(engine, &turn).await?;
            copies::analyze(engine, &turn).await
        }
        Step::Switch => switch(engine, keys).await,
        Step::Swap => swap::all(engine, &turn).await,
        Step::Retire => match keys.fading.is_empty() {
            false => {
                let retire = keys.fading.iter().map(|id| Change::Retire { id: *id });
                engine.change(retire.collect()).await.map(drop)
            }
            true => Ok(()),
        },
        Step::Verify => match swap::is_done(engine.client(), &turn).await? {
            true => copies::analyze_all(engine, &turn).await,
            false => Err(JobError::refused(
                "a definition over the old terms was made after they were given up",
                "Drop it, and resume the job: SHOW JOBS has no more to say of it.",
            )),
        },
    }
}

async fn switch<E: Engine>(engine: &mut E, keys: Keys) -> Result<(), JobError> {
    match (keys.active.is_empty(), keys.fading.is_empty()) {
        (false, _) => {
            let switch = keys.active.iter().map(|id| Change::SwitchIndex { id: *id });
            engine.change(switch.collect()).await.map(drop)
        }
        // Done before a crash.
        (true, false) => Ok(()),
        (true, true) => Err(JobError::refused(
            "the new index key is no longer there: it was abandoned",
            "Start the rotation again.",
        )),
    }
}

/// The refusal that names all obstacles.
pub(crate) fn in_the_way(found: &[String]) -> JobError {
    JobError::refused(
        format!("the index key cannot be rotated yet: {}", found.join("; ")),
        "Nothing was changed. Clear these out of the way, and start the rotation again.",
    )
}

/// Where the index keys of a group stand.
#[derive(Clone, Debug)]
struct Keys {
    primary: SearchSlot,
    /// Written, not searched yet; one for each search kind that the group has keys for.
    active: Vec<KeyId>,
    /// Still written, no longer searched.
    fading: Vec<KeyId>,
}

/// What the group has index keys for.
fn purposes(keyring: &Keyring, group: &GroupBytes) -> impl Iterator<Item = KeyPurpose> {
    let all = KeyPurpose::ALL.into_iter().filter(|purpose| *purpose != KeyPurpose::Data);
    all.filter(move |purpose| keyring.primary(group, *purpose).is_some())
}

impl Keys {
    fn of(keyring: &Keyring, group: &GroupBytes) -> Result<Self, JobError> {
        let unknown = || JobError::unknown("this key group has no index key", "SHOW KEYS lists all keys.");
        let primary = keyring.search_slot(group, KeyPurpose::Equality).ok_or_else(unknown)?;
        let find = |state: KeyState| {
            let keys = purposes(keyring, group).flat_map(|purpose| keyring.index_keys(group, purpose));
            keys.filter(|key: &&KeyInfo| key.state == state).map(|key| key.id).collect::<Vec<_>>()
        };
        Ok(Self {
            primary: search_slot(primary),
            active: find(KeyState::Active),
            fading: find(KeyState::Fading),
        })
    }

    /// Which slot the rotation goes from and to, at this step of it.
    fn turn(&self, group: &GroupBytes, catalog: Arc<Catalog>, step: Step) -> Turn {
        let switched = self.active.is_empty() && (!self.fading.is_empty() || step > Step::Switch);
        let to = if switched { self.primary } else { self.primary.other() };
        Turn { group: GroupId(*group), from: to.other(), to, catalog }
    }
}

fn search_slot(slot: Slot) -> SearchSlot {
    match slot {
        Slot::A => SearchSlot::A,
        Slot::B => SearchSlot::B,
    }
}

/// A stored name as SQL.
fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// A text as SQL, whatever `standard_conforming_strings` is.
fn literal(text: &str) -> String {
    format!("E'{}'", text.replace('\\', "\\\\").replace('\'', "''"))
}
