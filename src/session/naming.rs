//! Prepared statements and cursors that SQL makes, beside those of the protocol.

use std::cell::Cell;
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;

use crate::sql::plan::{Cursor, Naming, Prepared, Refusal};
use crate::sql::{self, Screen};
use crate::wire::backend::Status;

use super::freshness::Effects;
use super::machine::Machine;
use super::pipeline::Entry;
use super::plan::from_transform;
use super::planned::Planned;
use super::registry::Place;
use super::request::{Origin, Statement, broken_plan};

/// Cursors over encrypted columns, and whether they outlive their transaction.
pub(super) type Cursors = HashMap<String, (Arc<Cursor>, bool)>;

/// A statement to be prepared again, and where its plan came from.
type Anew = (Rc<Planned>, Rc<Origin>);

impl Entry {
    /// Whether names are made or removed when it runs.
    pub(super) fn names(&self) -> bool {
        match self {
            Entry::Execute(Some(bound)) => bound.planned.rewrite.special.naming.is_some(),
            Entry::Query(_, Some(run)) => run.script.statements.iter().any(|s| s.special.naming.is_some()),
            _ => false,
        }
    }
}

impl Machine {
    /// Whether a text has to be planned although it touches nothing: it may change what a name means, or what names
    /// mean is not known.
    pub(super) fn follows_names(&self, screen: &Screen) -> bool {
        // In a failed transaction nothing can be asked, and nothing runs but its end.
        let end = screen.transaction_end || self.status == Status::Failed;
        if self.fresh.uncertain() && !end {
            return true;
        }
        let planned = || self.statements.named().any(|(_, statement)| statement.planned.is_some());
        screen.names && (!self.cursors.is_empty() || self.pipeline.names_due() || planned())
    }

    /// Whether what names mean depends on answers that are due. Asks the server for them.
    pub(super) fn names_due(&mut self) -> bool {
        let due = self.pipeline.names_due();
        if due && self.open {
            self.composed.extend_from_slice(&crate::wire::build::FLUSH);
        }
        due
    }

    /// The front request's statement is done: its name means something now, or nothing any more.
    pub(super) fn named(&mut self) {
        let naming = match self.pipeline.front() {
            Some(Entry::Execute(Some(bound))) => bound.planned.rewrite.special.naming.clone(),
            Some(Entry::Query(_, Some(run))) => run.special().and_then(|special| special.naming.clone()),
            _ => None,
        };
        match naming {
            None => {}
            Some(Naming::Prepare(name, prepared)) => {
                let statement = prepared.and_then(|prepared| self.prepared(&prepared));
                self.define_done(name.as_bytes(), statement);
            }
            Some(Naming::Deallocate(Some(name))) => self.define_done(name.as_bytes(), None),
            Some(Naming::Deallocate(None)) => self.forget_statements(),
            Some(Naming::Declare { name, cursor: Some(cursor), hold }) => {
                self.cursors.insert(name, (cursor, hold));
            }
            Some(Naming::Declare { name, .. } | Naming::Close(Some(name))) => {
                self.cursors.remove(&name);
            }
            Some(Naming::Close(None)) => self.cursors.clear(),
            Some(Naming::Discard) => {
                self.cursors.clear();
                self.forget_statements();
            }
        }
    }

    fn forget_statements(&mut self) {
        let names: Vec<Vec<u8>> = self.statements.named().map(|(name, _)| name.to_vec()).collect();
        names.iter().for_each(|name| self.define_done(name, None));
    }

    /// Defines a name by a request that the server has answered.
    fn define_done(&mut self, name: &[u8], statement: Option<Statement>) {
        let answered = self.pipeline.answered();
        let place = Place { sequence: answered.saturating_sub(1), segment: self.segment, answered };
        self.statements.define(name, statement, place);
    }

    /// As a Parse message of the inner statement would have made it.
    fn prepared(&self, prepared: &Prepared) -> Option<Statement> {
        let planned = Planned::new(Arc::clone(&prepared.rewrite), prepared.text.as_bytes())?;
        let effects = Effects::of(&sql::screen(&self.catalog, prepared.text.as_bytes()));
        let origin = Origin {
            text: prepared.text.as_bytes().into(),
            oids: prepared.types.as_slice().into(),
            catalog: Cell::new(self.catalog.version()),
            lost: Cell::new(false),
        };
        Some(Statement { planned: Some(Rc::new(planned)), effects, origin: Some(Rc::new(origin)) })
    }

    /// What a statement has to be prepared again as before it is bound: with another plan than before, or with its
    /// literals in its text.
    pub(super) fn sealed_text(
        &mut self,
        planned: &Rc<Planned>,
        again: Option<Rc<Origin>>,
        before: &Statement,
    ) -> Result<Option<Anew>, Refusal> {
        if !planned.is_late() {
            return Ok(again.map(|origin| (Rc::clone(planned), origin)));
        }
        let origin = again.or_else(|| before.origin.clone()).ok_or_else(broken_plan)?;
        let sealed = planned.sealed(&origin.text, &mut self.transformer).map_err(from_transform)?;
        Ok(Some((Rc::new(sealed.ok_or_else(broken_plan)?), origin)))
    }

    /// A transaction is over, and with it the cursors that are not held.
    pub(super) fn close_cursors(&mut self) {
        self.cursors.retain(|_, (_, hold)| *hold);
    }
}
