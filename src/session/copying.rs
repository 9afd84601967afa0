//! The session's side of a COPY: when its data is transformed, and what becomes of its errors.

use std::sync::Arc;

use crate::sql::plan::{CopyDirection, CopyPlan};
use crate::wire::{Reader, build, single_string};

use super::copy::{Copying, other_columns};
use super::error::End;
use super::machine::{Machine, Verdict};
use super::pipeline::Entry;
use super::plan::from_transform;

impl Machine {
    /// The plan of the COPY that the front request runs.
    fn front_copy(&mut self) -> Option<Arc<CopyPlan>> {
        match self.pipeline.front() {
            Some(Entry::Execute(Some(bound))) => bound.planned.rewrite.special.copy.clone(),
            Some(Entry::Query(_, Some(run))) => run.special()?.copy.clone(),
            _ => None,
        }
    }

    /// CopyInResponse or CopyOutResponse.
    pub(super) fn copy_begins(&mut self, tag: u8, body: &[u8]) -> Result<Verdict, End> {
        let plan = self.front_copy();
        self.copying = None;
        let incoming = tag == b'G';
        if incoming {
            self.pipeline.copying_in();
            self.stalled = false;
        }
        let Some(plan) = plan else {
            self.copy_in = incoming;
            return Ok(Verdict::Pass);
        };
        let expected = match plan.direction {
            CopyDirection::FromClient => b'G',
            CopyDirection::ToClient => b'H',
        };
        if tag != expected {
            return Err(End::out_of_step(tag));
        }
        let mut reader = Reader::new(body);
        let count = reader.u8().and_then(|_| reader.u16()).map_err(End::Server)?;
        let matches = usize::from(count) == plan.columns.len();
        let mut copying = Copying::new(plan);
        if matches {
            self.copy_in = incoming;
            self.copying = Some(copying);
            return Ok(Verdict::Pass);
        }
        match &mut copying {
            Copying::Out(_) => self.row_failed(other_columns()),
            Copying::In(copy) => {
                // The client does not hear of it: to it, the statement fails.
                copy.fail(from_transform(other_columns()), &mut self.to_server);
                self.copying = Some(copying);
                Ok(Verdict::Replace)
            }
        }
    }

    /// Whether data of the client is transformed.
    pub(super) fn takes_copy(&self) -> bool {
        self.copy_in && matches!(self.copying, Some(Copying::In(_)))
    }

    /// Bytes of the client's data.
    pub(super) fn copy_data(&mut self, bytes: &[u8]) {
        let over = self.lease_over();
        let Some(Copying::In(copy)) = &mut self.copying else { return };
        if !self.copy_in {
            return;
        }
        let failed = match over {
            Some(refusal) => {
                copy.fail(refusal, &mut self.composed);
                true
            }
            None => copy.feed(bytes, false, &mut self.transformer, &mut self.composed),
        };
        // What follows waits for the server's word, and is dropped then.
        self.copy_in = !failed;
    }

    /// CopyDone or CopyFail of a client whose data is transformed.
    pub(super) fn copy_ends(&mut self, tag: u8, body: &[u8]) -> Result<Verdict, End> {
        let over = self.lease_over();
        let Some(Copying::In(copy)) = &mut self.copying else { return Ok(Verdict::Pass) };
        self.copy_in = false;
        if tag == b'f' {
            copy.farewell(single_string(body).map_err(End::Client)?, &mut self.composed);
            return Ok(Verdict::Replace);
        }
        if let Some(refusal) = over {
            copy.fail(refusal, &mut self.composed);
        } else if !copy.feed(&[], true, &mut self.transformer, &mut self.composed) {
            build::frame(&mut self.composed, b'c', |_| {});
        }
        Ok(Verdict::Replace)
    }

    /// CopyData of the server.
    pub(super) fn copy_row(&mut self, body: &[u8]) -> Result<Verdict, End> {
        if self.discarding {
            return Ok(Verdict::Replace);
        }
        let Some(Copying::Out(copy)) = &mut self.copying else { return Ok(Verdict::Pass) };
        let Err(error) = copy.open(body, &mut self.transformer, &mut self.composed) else {
            return Ok(Verdict::Replace);
        };
        if let Some(id) = self.transformer.unknown_key()
            && self.learn(id)
        {
            self.composed.clear();
            return Ok(Verdict::Wait);
        }
        self.copying = None;
        self.row_failed(error)
    }

    /// CopyDone of the server.
    pub(super) fn copy_done(&mut self) -> Result<Verdict, End> {
        match self.copying.take() {
            Some(Copying::Out(copy)) if !copy.is_complete() => {
                Err(End::fatal("58000", "the server ended COPY data within a row"))
            }
            _ => Ok(Verdict::Pass),
        }
    }
}
