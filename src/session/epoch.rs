//! Under which keyring a session plans and seals, and what of it is still under way.
//!
//! Everything that is composed under a keyring is covered by the session's pin from before the session looks
//! whether that keyring is the newest until the server has answered, and for a bound portal until that cannot run
//! any more. So a proxy can tell others that nothing sealed under an older keyring can reach the server.

use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::timeout;

use crate::database::{Pin, Snapshot};
use crate::keys::KeyId;
use crate::sql::plan::Refusal;
use crate::transform::ReadyFormula;
use crate::value::Format;

use super::machine::{Awaited, Machine};
use super::planned::{BoundPortal, Fate, Planned};

/// How long a statement is held while the keyring is confirmed for it.
const CONFIRMATION: Duration = Duration::from_secs(2);

/// The session's pin.
#[derive(Debug)]
pub(super) struct Hold {
    pin: Pin,
    /// What it is set to.
    held: Option<u64>,
    /// Requests from this number on were composed under the keyring now in use.
    current_from: u64,
}

impl Hold {
    pub(super) fn new(pin: Pin) -> Hold {
        Hold { pin, held: None, current_from: 0 }
    }
}

impl Machine {
    /// Takes over a newer catalog or keyring.
    pub(super) fn adopt(&mut self, snapshot: Arc<Snapshot>) {
        if !Arc::ptr_eq(&snapshot.keyring, &self.snapshot.keyring) {
            self.transformer.set_keyring(Arc::clone(&snapshot.keyring));
            self.hold.current_from = self.pipeline.next();
            // A catalog of this transaction's own has the search slots of the keyring before.
            self.fresh.keys_changed();
        }
        if !self.fresh.local() {
            self.catalog = Arc::clone(&snapshot.catalog);
        }
        self.snapshot = snapshot;
    }

    /// Sets the pin, and makes sure that what is planned and sealed next is under the newest keyring.
    pub(super) fn follow(&mut self) {
        loop {
            let epoch = self.snapshot.keyring.counter();
            if self.hold.held.is_none() {
                self.hold.pin.set(epoch);
                self.hold.held = Some(epoch);
            }
            if self.database.epoch() <= epoch {
                return;
            }
            let newest = Arc::clone(&self.database.snapshot());
            self.adopt(newest);
        }
    }

    /// The server has answered up to a ReadyForQuery: lets go of the pin, as far as nothing needs it.
    pub(super) fn let_go(&mut self) {
        let Some(held) = self.hold.held else { return };
        let newest = self.snapshot.keyring.counter();
        let idle = self.pipeline.len() == 0;
        if !idle && (held == newest || self.pipeline.answered() < self.hold.current_from) {
            return;
        }
        let bound = self.portals.possible().filter_map(|portal| portal.bound.as_ref());
        let oldest = bound.filter(|bound| bound.fate.get() == Fate::Open).map(|bound| bound.epoch).min();
        match oldest.or((!idle).then_some(newest)) {
            None => {
                self.hold.pin.clear();
                self.hold.held = None;
            }
            Some(oldest) if oldest > held => {
                self.hold.pin.set(oldest);
                self.hold.held = Some(oldest);
            }
            Some(_) => return,
        }
        if held < self.database.epoch() {
            self.database.nudge();
        }
    }

    /// A portal of a statement whose values were sealed just now.
    pub(super) fn bound_portal(
        &self,
        planned: Rc<Planned>,
        formats: Vec<Format>,
        formulas: Vec<Option<ReadyFormula>>,
    ) -> BoundPortal {
        let epoch = self.snapshot.keyring.counter();
        BoundPortal {
            planned,
            formats,
            formulas,
            epoch,
            lapses: self.database.lease().lapses(),
            fate: Cell::new(Fate::Open),
        }
    }

    /// Whether a statement that needs the lease has to wait: it is over, and the keyring is being confirmed, which is
    /// tried once for each statement.
    pub(super) fn await_lease(&mut self) -> bool {
        if self.confirming.is_some() {
            return true;
        }
        let holds = self.database.lease().holds();
        if holds || std::mem::take(&mut self.tried_confirming) {
            self.tried_confirming = false;
            return false;
        }
        self.tried_confirming = true;
        let database = Arc::clone(&self.database);
        self.confirming = Some(Box::pin(async move {
            // Whatever comes of it, the lease tells.
            let _ = timeout(CONFIRMATION, database.confirm()).await;
        }));
        true
    }

    /// Why nothing may be sealed or searched now, if that is so.
    pub(super) fn lease_over(&self) -> Option<Refusal> {
        (!self.database.lease().holds()).then(unconfirmed)
    }

    /// Why a portal may not run any more, if that is so.
    pub(super) fn portal_over(&self, bound: &BoundPortal) -> Option<Refusal> {
        if !bound.planned.uses_keys || bound.fate.get() == Fate::Spent {
            return None;
        }
        let lease = self.database.lease();
        let held = lease.holds();
        if held && lease.lapses() == bound.lapses && bound.fate.get() == Fate::Open {
            return None;
        }
        // The proxy was cut off since: others may have gone over to other keys without waiting for it.
        bound.fate.set(Fate::Refused);
        Some(if !held {
            unconfirmed()
        } else {
            Refusal {
                sqlstate: "55000",
                message: "the portal was bound before this proxy lost touch with the keyring for a while"
                    .into(),
                detail: None,
                hint: Some("Roll back and try the transaction again.".into()),
                position: None,
            }
        })
    }

    /// A value is under a data key that this session does not know. Whether it is to be tried again, now or when
    /// the keyring has been read; otherwise the key is known to nobody.
    pub(super) fn learn(&mut self, id: KeyId) -> bool {
        if self.asked_key.take() == Some(id) || self.refresh.is_some() || !self.database.may_learn(id) {
            return false;
        }
        self.asked_key = Some(id);
        let database = Arc::clone(&self.database);
        self.refresh = Some(Box::pin(async move { Awaited::Key(database.learn(id).await) }));
        self.holding = true;
        true
    }
}

/// In the words of an object that is not in the state it has to be in.
fn unconfirmed() -> Refusal {
    Refusal {
        sqlstate: "55000",
        message: "encrypted columns cannot be written or searched now: this proxy has lost touch with the keyring"
            .into(),
        detail: Some("It has not been able to confirm for 10 seconds that its keys are those in use.".into()),
        hint: Some(
            "Try again: Pyrite asks on by itself. Its log and SHOW PROXIES on its console (database pyrite) say what \
             is the matter."
                .into(),
        ),
        position: None,
    }
}
