//! Whether what planning stands on (search path, settings, temporary tables, catalog) is what the server
//! has, and how it is learnt anew.
//!
//! What a statement may change is dirty from the moment it is sent. The next statement that needs a plan
//! asks the server, on the client's own connection behind everything sent before, and waits for the answer.

use std::rc::Rc;
use std::sync::Arc;

use crate::catalog::{Catalog, ENVIRONMENT_QUERY, Environment};
use crate::database::RefreshError;
use crate::sql::Screen;
use crate::sql::plan::Refusal;
use crate::value::{Settings, ValueError};
use crate::wire::backend::Status;
use crate::wire::build;

use super::error::End;
use super::machine::{Awaited, Machine};
use super::pipeline::{Entry, Own, Question};

/// Name of our own statements and portals.
pub(super) const OWN: &[u8] = b"_pyrite_question";

/// What a statement may change when it runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Effects(u8);

impl Effects {
    const ENVIRONMENT: u8 = 1;
    const CATALOG: u8 = 2;
    const END: u8 = 4;
    /// Another name may mean something protected from now on.
    const NAMES: u8 = 8;
    /// Anything: nothing is known of the statement.
    pub(super) const ALL: Effects = Effects(Self::ENVIRONMENT | Self::CATALOG | Self::END | Self::NAMES);
    /// Settings, perhaps: a function was called.
    pub(super) const CALL: Effects = Effects(Self::ENVIRONMENT);

    /// Those of a text.
    pub(super) fn of(screen: &Screen) -> Effects {
        let bit = |set: bool, bit: u8| if set { bit } else { 0 };
        Effects(
            bit(screen.environment, Self::ENVIRONMENT)
                | bit(screen.catalog, Self::CATALOG)
                | bit(screen.transaction_end, Self::END)
                | bit(screen.catalog && screen.touches, Self::NAMES),
        )
    }

    fn has(self, bit: u8) -> bool {
        self.0 & bit != 0
    }
}

/// Something known of the server's side.
#[derive(Clone, Copy, Debug, Default)]
struct Known {
    /// Has perhaps changed since it was read.
    dirty: bool,
    /// Was changed in a transaction that may still be undone, or end.
    volatile: bool,
}

/// What is known, and whether it still holds.
#[derive(Debug)]
pub(super) struct Freshness {
    environment: Known,
    catalog: Known,
    current: Option<Rc<Environment>>,
    /// The answer that `current` was read from.
    text: Vec<u8>,
    /// Counts differing environments.
    generation: u64,
    /// The catalog is this transaction's own.
    local: bool,
    /// Names that mean something protected were perhaps made since the catalog was read.
    renamed: bool,
    /// The ReadyForQuery at hand has waited for the catalog.
    released: bool,
}

impl Default for Freshness {
    fn default() -> Self {
        Self {
            environment: Known { dirty: true, volatile: false },
            catalog: Known::default(),
            current: None,
            text: Vec::new(),
            generation: 0,
            local: false,
            renamed: false,
            released: false,
        }
    }
}

impl Freshness {
    /// A statement with these effects was sent.
    pub(super) fn apply(&mut self, effects: Effects) {
        if effects == Effects::default() {
            return;
        }
        let ends = effects.has(Effects::END);
        self.renamed |= effects.has(Effects::NAMES);
        for (known, bit) in
            [(&mut self.environment, Effects::ENVIRONMENT), (&mut self.catalog, Effects::CATALOG)]
        {
            known.dirty |= effects.has(bit) || ends && known.volatile;
            known.volatile |= effects.has(bit);
        }
    }

    /// The server reported an error: what was done may be undone.
    pub(super) fn failed(&mut self) {
        self.environment.dirty |= self.environment.volatile;
        self.catalog.dirty |= self.catalog.volatile;
    }

    /// The server is ready, outside a transaction; `alone`: and owes nothing more.
    pub(super) fn transaction_over(&mut self, alone: bool) {
        self.failed();
        if alone {
            (self.environment.volatile, self.catalog.volatile) = (false, false);
        }
        if std::mem::take(&mut self.local) {
            self.catalog.dirty = true;
        }
    }

    /// The keys in use have changed.
    pub(super) fn keys_changed(&mut self) {
        self.catalog.dirty |= self.local;
    }

    /// Whether the catalog is this transaction's own.
    pub(super) fn local(&self) -> bool {
        self.local
    }

    /// Whether a text that names nothing protected by the catalog at hand may do so all the same: a view was made in
    /// this transaction, or what its own catalog shows was undone.
    pub(super) fn uncertain(&self) -> bool {
        self.catalog.dirty && (self.renamed || self.local)
    }

    /// The environment as last read.
    pub(super) fn environment(&self) -> Option<&Rc<Environment>> {
        self.current.as_ref()
    }

    /// Differs between environments that differ.
    pub(super) fn generation(&self) -> u64 {
        self.generation
    }
}

/// Whether a statement can be planned now.
#[derive(Debug)]
pub(super) enum Ground {
    /// Everything is known.
    Firm,
    /// An answer is due.
    Due,
    /// The transaction has failed, so that nothing can be asked; the server refuses everything anyway.
    Failed,
    /// It could not be learnt.
    Unknown(Refusal),
}

impl Machine {
    /// Makes sure of what planning stands on; asks for it where it has to.
    pub(super) fn ground(&mut self) -> Ground {
        if let Some(refusal) = self.failed.take() {
            return Ground::Unknown(refusal);
        }
        let fresh = &self.fresh;
        let dirty = fresh.environment.dirty || fresh.catalog.dirty;
        if !dirty && !fresh.environment.volatile && !fresh.catalog.volatile {
            return Ground::Firm;
        }
        // Earlier transactions may end in a way that is not known yet.
        if self.pipeline.due() > 0 {
            return Ground::Due;
        }
        if !dirty {
            return Ground::Firm;
        }
        if self.status == Status::Failed {
            return Ground::Failed;
        }
        if self.fresh.catalog.dirty {
            if self.status == Status::Idle && !self.open {
                let database = Arc::clone(&self.database);
                self.refresh = Some(Box::pin(async move { Awaited::Catalog(database.refresh().await) }));
            } else {
                let query = self.database.catalog_query();
                self.ask(Question::Catalog, &query);
            }
        } else {
            self.ask(Question::Environment, ENVIRONMENT_QUERY);
        }
        Ground::Due
    }

    fn ask(&mut self, question: Question, text: &str) {
        let out = &mut self.composed;
        build::parse(out, OWN, |out| out.extend_from_slice(text.as_bytes()), &[]);
        build::bind_plain(out, OWN, OWN);
        build::execute(out, OWN);
        build::portal(out, b'C', OWN);
        build::statement(out, b'C', OWN);
        // In a segment of the client's a Sync would end its implicit transaction.
        let sync = !self.open;
        out.extend_from_slice(if sync { &build::SYNC } else { &build::FLUSH });
        self.pipeline.push(Entry::Own(Own::new(question, sync)));
    }

    /// The server has answered a question.
    pub(super) fn answered(&mut self, own: Own) -> Result<(), End> {
        self.stalled = false;
        if own.question.is_of_refinement() {
            self.refined(own.question);
            return Ok(());
        }
        if let Some(refusal) = own.error {
            if self.status != Status::Failed {
                self.failed = Some(refusal);
            }
            return Ok(());
        }
        let answer = own.answer.unwrap_or_default();
        // In another client encoding than UTF-8, names may be garbled; such sessions are refused later.
        let json = String::from_utf8_lossy(&answer);
        match own.question {
            Question::Environment => {
                let environment =
                    Environment::from_json(&json).map_err(|e| End::fatal("58000", e.message))?;
                self.learnt(environment, &answer);
            }
            Question::Catalog => {
                let catalog = self.database.parse_catalog(&json, &self.snapshot.keyring);
                let catalog = catalog.map_err(|e| End::fatal("58000", e.message))?;
                self.catalog = Arc::new(catalog);
                self.fresh.catalog = Known { dirty: false, volatile: true };
                self.fresh.local = true;
                self.fresh.renamed = false;
            }
            _ => {}
        }
        Ok(())
    }

    fn learnt(&mut self, environment: Environment, answer: &[u8]) {
        self.fresh.environment.dirty = false;
        if self.fresh.text != answer {
            self.fresh.text = answer.to_vec();
            self.fresh.generation += 1;
            self.transformer.set_settings(settings(&environment));
            self.fresh.current = Some(Rc::new(environment));
        }
    }

    /// Begins to read the shared catalog if a transaction that is over now has changed it.
    pub(super) fn hold(&mut self) -> bool {
        let released = std::mem::take(&mut self.fresh.released);
        if released || (!self.fresh.catalog.dirty && !self.fresh.catalog.volatile) {
            return false;
        }
        let database = Arc::clone(&self.database);
        self.refresh = Some(Box::pin(async move { Awaited::Catalog(database.refresh().await) }));
        self.holding = true;
        true
    }

    /// What was waited for is there.
    pub(super) fn awaited(&mut self, outcome: Awaited) {
        match outcome {
            Awaited::Catalog(outcome) => self.refreshed(outcome),
            Awaited::Key(outcome) => {
                self.holding = false;
                if let Err(error) = outcome {
                    tracing::warn!(%error, "the keyring could not be read to look for an unknown key");
                }
                let newest = Arc::clone(&self.database.snapshot());
                self.adopt(newest);
            }
        }
    }

    /// The shared catalog was read anew.
    fn refreshed(&mut self, outcome: Result<Arc<Catalog>, RefreshError>) {
        let held = std::mem::take(&mut self.holding);
        self.fresh.released = held;
        match outcome {
            Ok(catalog) => {
                self.catalog = catalog;
                self.fresh.catalog = Known::default();
                self.fresh.local = false;
                self.fresh.renamed = false;
            }
            // The next statement that needs it tries again.
            Err(_) if held => self.fresh.catalog = Known { dirty: true, volatile: false },
            Err(error) => {
                self.failed = Some(Refusal {
                    sqlstate: "58000",
                    message: format!("the catalog could not be read after a change: {error}"),
                    detail: None,
                    hint: Some(
                        "Try again; Pyrite's own connection to the database is being restored.".into(),
                    ),
                    position: None,
                });
            }
        }
    }
}

/// How the session reads and writes values; an error refuses every value of an encrypted column.
fn settings(environment: &Environment) -> Result<Settings, ValueError> {
    if let Some(refusal) = other_encoding(environment) {
        return Err(ValueError { sqlstate: refusal.sqlstate, message: refusal.message, hint: refusal.hint });
    }
    let usual = [
        ("timezone_abbreviations", environment.timezone_abbreviations == "Default", "Default"),
        ("array_nulls", environment.array_nulls, "on"),
    ];
    if let Some((name, _, value)) = usual.iter().find(|(_, usual, _)| !usual) {
        return Err(ValueError {
            sqlstate: "0A000",
            message: format!("values of encrypted columns are read with {name} as it is by default only"),
            hint: Some(format!("SET {name} TO '{value}'")),
        });
    }
    Settings::from_gucs(
        &environment.date_style,
        &environment.time_zone,
        &environment.bytea_output,
        &environment.extra_float_digits,
    )
}

/// Why statements and values in the session's encoding are not taken, if they are not.
pub(super) fn other_encoding(environment: &Environment) -> Option<Refusal> {
    let encoding = environment.client_encoding.as_str();
    (!matches!(encoding, "UTF8" | "SQL_ASCII")).then(|| Refusal {
        sqlstate: "0A000",
        message: format!("statements on encrypted columns need client_encoding UTF8, not {encoding}"),
        detail: None,
        hint: Some("SET client_encoding TO 'UTF8'".into()),
        position: None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_transaction_changed_is_dirty_again_when_it_ends() {
        let mut fresh = Freshness::default();
        fresh.environment.dirty = false;
        fresh.apply(Effects(Effects::ENVIRONMENT));
        assert!(fresh.environment.dirty && !fresh.catalog.dirty);
        fresh.environment.dirty = false; // asked within the transaction
        fresh.apply(Effects(Effects::END));
        assert!(fresh.environment.dirty && !fresh.catalog.dirty);
        fresh.environment.dirty = false;
        fresh.failed();
        assert!(fresh.environment.dirty, "a rollback to a savepoint may have undone it");
        fresh.transaction_over(true);
        fresh.environment.dirty = false;
        fresh.apply(Effects(Effects::END));
        fresh.failed();
        assert!(!fresh.environment.dirty, "nothing was changed since");
    }

    #[test]
    fn a_catalog_of_a_transaction_ends_with_it() {
        let mut fresh = Freshness::default();
        fresh.apply(Effects(Effects::CATALOG));
        fresh.catalog.dirty = false;
        fresh.local = true;
        fresh.transaction_over(true);
        assert!(fresh.catalog.dirty && !fresh.local());
    }
}
