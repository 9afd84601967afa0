//! The server's messages, matched against what it owes.

use std::rc::Rc;
use std::sync::Arc;

use crate::sql::plan::{Output, REFUSED_TEXT};
use crate::transform::TransformError;
use crate::value::Format;
use crate::wire::backend::{self, Fields, RowDescription, Status};
use crate::wire::frame::{self, Header};
use crate::wire::{build, single_string};

use super::conflict::twin;
use super::error::End;
use super::errors;
use super::machine::{Machine, Verdict};
use super::pipeline::{Entry, Mask, Own, Question, Rest};
use super::plan::from_transform;
use super::planned::{Fate, Planned, Shown, check_outputs, check_plain, describe, open_row};
use super::refine::unseen;
use super::request::REFUSED_NAME;

impl Machine {
    /// The header of the server's next frame.
    pub(super) fn server_header(bytes: &[u8]) -> Result<Option<Header>, End> {
        Header::read(bytes, frame::server_limit).map_err(End::Server)
    }

    /// Whether a frame passes as its bytes arrive.
    pub(super) fn streams(&mut self, tag: u8) -> Result<bool, End> {
        match tag {
            _ if self.discarding => Ok(false),
            b'D' => Ok(match self.pipeline.front() {
                Some(Entry::Execute(bound)) => bound.as_ref().is_none_or(|b| !b.planned.opens),
                Some(Entry::Query(_, run)) => run.as_ref().is_none_or(|r| r.outputs().is_empty()),
                Some(Entry::Own(_)) => false,
                _ => return Err(End::out_of_step(tag)),
            }),
            b'd' => match self.pipeline.front() {
                Some(Entry::Execute(_) | Entry::Query(..)) => Ok(self.copying.is_none()),
                _ => Err(End::out_of_step(tag)),
            },
            _ => Ok(false),
        }
    }

    /// Decides on one message.
    pub(super) fn response(&mut self, tag: u8, body: &[u8]) -> Result<Verdict, End> {
        let hidden = self.discarding && !matches!(tag, b'S' | b'A' | b'N' | b'Z');
        let verdict = self.expected(tag, body)?;
        if hidden && !self.dying {
            self.composed.clear();
            return Ok(Verdict::Replace);
        }
        Ok(verdict)
    }

    fn expected(&mut self, tag: u8, body: &[u8]) -> Result<Verdict, End> {
        match tag {
            b'S' | b'A' => return Ok(Verdict::Pass),
            b'N' => return self.notice(body),
            b'E' => return self.error(body),
            b'Z' => return self.ready(body),
            _ => {}
        }
        if matches!(self.pipeline.front(), Some(Entry::Own(_))) {
            return self.own(tag, body);
        }
        let Some(entry) = self.pipeline.front() else {
            return Err(End::out_of_step(tag));
        };
        match (tag, entry) {
            (b'1', Entry::Parse(mask)) => {
                if matches!(mask, Mask::Refused(_) | Mask::Repeated(_)) {
                    return Err(End::fatal("58000", "a statement that was to fail did not"));
                }
                Ok(self.done())
            }
            (b'2', Entry::Bind(_)) | (b'3', Entry::Close) => Ok(self.done()),
            (b't', Entry::DescribeStatement(planned)) => {
                let planned = planned.clone();
                self.parameters(body, planned.as_deref())
            }
            (b't', Entry::Inspect(_) | Entry::Probe) => Ok(Verdict::Replace),
            (b'n' | b'T', Entry::Probe)
            | (b'3', Entry::Closing)
            | (b'1', Entry::Again(..) | Entry::Refined(_))
            | (b'n', Entry::Inspect(_)) => {
                self.done();
                Ok(Verdict::Replace)
            }
            (b'n', Entry::DescribeStatement(_) | Entry::DescribePortal(_)) => Ok(self.done()),
            (b'T', _) => self.row_description(body),
            (b'D', _) => self.row(body),
            (b'C', _) => self.complete(body),
            (b'I', Entry::Execute(_)) | (b's', Entry::Execute(_)) => Ok(self.done()),
            (b'I', Entry::Query(..)) | (b'V', Entry::FunctionCall) => Ok(Verdict::Pass),
            (b'G' | b'H', Entry::Execute(_) | Entry::Query(..)) => self.copy_begins(tag, body),
            (b'd', Entry::Execute(_) | Entry::Query(..)) => self.copy_row(body),
            (b'c', Entry::Execute(_) | Entry::Query(..)) => self.copy_done(),
            _ => Err(End::out_of_step(tag)),
        }
    }

    /// The front request is answered.
    fn done(&mut self) -> Verdict {
        self.pipeline.pop();
        self.stalled = false;
        let answered = self.pipeline.answered();
        self.statements.confirm(answered);
        self.portals.confirm(answered);
        Verdict::Pass
    }

    fn parameters(&mut self, body: &[u8], planned: Option<&Planned>) -> Result<Verdict, End> {
        let Some(planned) = planned else {
            return Ok(Verdict::Pass);
        };
        let server: Vec<u32> = backend::parameter_description(body).map_err(End::Server)?.collect();
        if server.len() != planned.carriers.len() {
            return Err(mismatch("the server shows another number of parameters than was planned"));
        }
        let params = &planned.rewrite.params;
        build::frame(&mut self.composed, b't', |out| {
            build::count(out, params.len());
            for (n, param) in params.iter().enumerate() {
                let announced = Some(param.announced).filter(|oid| *oid != 0);
                let oid = param.type_oid.or(announced).or_else(|| server.get(n).copied()).unwrap_or(0);
                out.extend_from_slice(&oid.to_be_bytes());
            }
        });
        Ok(Verdict::Replace)
    }

    fn row_description(&mut self, body: &[u8]) -> Result<Verdict, End> {
        let row = RowDescription::parse(body).map_err(End::Server)?;
        let Some(entry) = self.pipeline.front() else {
            return Err(End::out_of_step(b'T'));
        };
        // Statement, formats wanted, whether the client sees it, whether it is the last of its request.
        let (outputs, formats, shown, last): (&[Output], &[Format], bool, bool) = match entry {
            Entry::DescribeStatement(Some(planned)) => (&planned.rewrite.outputs, &[], true, true),
            Entry::DescribePortal(Some(bound)) => {
                (&bound.planned.rewrite.outputs, &bound.formats, true, true)
            }
            Entry::Inspect(planned) => (&planned.rewrite.outputs, &[], false, true),
            Entry::DescribeStatement(None) | Entry::DescribePortal(None) => (&[], &[], true, true),
            Entry::Query(_, Some(run)) => (run.outputs(), run.formats(), true, false),
            Entry::Query(_, None) => (&[], &[], true, false),
            _ => return Err(End::out_of_step(b'T')),
        };
        let verdict = if outputs.iter().any(Output::opens) {
            check_outputs(&row, outputs, &self.catalog).map_err(mismatch)?;
            if shown {
                describe(&row, outputs, formats, &mut self.composed);
            }
            Verdict::Replace
        } else {
            check_plain(&row, &self.catalog).map_err(mismatch)?;
            if shown { Verdict::Pass } else { Verdict::Replace }
        };
        if last {
            self.done();
        }
        Ok(verdict)
    }

    fn row(&mut self, body: &[u8]) -> Result<Verdict, End> {
        if self.discarding {
            return Ok(Verdict::Replace);
        }
        let (outputs, formulas, formats, shown): (&[Output], &[_], &[Format], Shown) =
            match self.pipeline.front() {
                Some(Entry::Execute(Some(bound))) => {
                    (&bound.planned.rewrite.outputs, &bound.formulas, &bound.formats, Shown::Binary)
                }
                Some(Entry::Query(_, Some(run))) if !run.formats().is_empty() => {
                    (run.outputs(), run.formulas(), run.formats(), Shown::Binary)
                }
                Some(Entry::Query(_, Some(run))) => (run.outputs(), run.formulas(), &[], Shown::Text),
                _ => return Err(End::out_of_step(b'D')),
            };
        if backend::column_count(body).map_err(End::Server)? != outputs.len() {
            return Err(mismatch("a row has another number of columns than was planned"));
        }
        let values = backend::data_row(body).map_err(End::Server)?;
        let opened =
            open_row(values, outputs, formulas, formats, shown, &mut self.transformer, &mut self.composed);
        let Err(error) = opened else { return Ok(Verdict::Replace) };
        if let Some(id) = self.transformer.unknown_key()
            && self.learn(id)
        {
            self.composed.clear();
            return Ok(Verdict::Wait);
        }
        self.row_failed(error)
    }

    /// A value cannot be opened. The client gets an error as from the statement; the server, which knows of
    /// nothing, is brought to the same state. Where other statements have run behind it already, that cannot
    /// be done, and the session ends.
    pub(super) fn row_failed(&mut self, error: TransformError) -> Result<Verdict, End> {
        self.composed.clear();
        let rest = match self.pipeline.front() {
            Some(Entry::Query(_, Some(run))) if run.is_last() => Rest::Ends,
            Some(Entry::Query(..)) => Rest::Runs,
            _ => self.pipeline.rest_of_segment(),
        };
        if rest == Rest::Runs {
            return Err(End::Fatal(super::error::Fatal {
                sqlstate: error.sqlstate,
                message: error.message,
                hint: error.hint,
            }));
        }
        let refusal = from_transform(error);
        errors::report(&refusal, &mut self.composed);
        self.tally.errors += 1;
        self.discarding = true;
        if rest == Rest::Open {
            self.to_server.clear();
            build::parse(
                &mut self.to_server,
                REFUSED_NAME,
                |out| out.extend_from_slice(REFUSED_TEXT.as_bytes()),
                &[],
            );
            self.to_server.extend_from_slice(&build::FLUSH);
            self.pipeline.push(Entry::Parse(Mask::Refused(Arc::new(refusal))));
            self.skipping = true;
        }
        Ok(Verdict::Replace)
    }

    /// The ReadyForQuery after a row that could not be opened.
    fn discarded(&mut self, status: Status) -> Result<Verdict, End> {
        self.discarding = false;
        if status != Status::Transaction {
            return Ok(Verdict::Pass);
        }
        if self.pipeline.len() > 0 {
            return Err(End::fatal(
                "25P02",
                "a value could not be decrypted in a transaction block; what was sent behind it has run",
            ));
        }
        build::frame(&mut self.to_server, b'Q', |out| build::cstr(out, REFUSED_TEXT.as_bytes()));
        self.pipeline.push(Entry::Abort);
        Ok(Verdict::Replace)
    }

    fn complete(&mut self, body: &[u8]) -> Result<Verdict, End> {
        single_string(body).map_err(End::Server)?;
        self.named();
        let tag = match self.pipeline.front() {
            Some(Entry::Execute(bound)) => bound.as_ref().and_then(|b| b.planned.rewrite.command_tag),
            Some(Entry::Query(_, Some(run))) => {
                let tag = run.command_tag();
                run.index += 1;
                self.tally.ran(true);
                tag
            }
            Some(Entry::Query(_, None)) => None,
            _ => return Err(End::out_of_step(b'C')),
        };
        self.copy_in = false;
        self.copying = None;
        if let Some(Entry::Execute(bound)) = self.pipeline.front() {
            if let Some(bound) = bound {
                bound.fate.set(Fate::Spent);
            }
            self.done();
        }
        let Some(tag) = tag else {
            return Ok(Verdict::Pass);
        };
        build::frame(&mut self.composed, b'C', |out| build::cstr(out, tag.as_bytes()));
        Ok(Verdict::Replace)
    }

    /// The server ignores what follows up to the next Sync.
    fn skip(&mut self) {
        let from = self.pipeline.answered();
        let parse = matches!(self.pipeline.front(), Some(Entry::Parse(_)));
        let unnamed = parse && self.statements.changes_unnamed(from);
        if let Some(Entry::Again(_, origin)) = self.pipeline.front() {
            // It was closed before.
            origin.lost.set(true);
        }
        self.skipping = !self.pipeline.skip();
        let to = self.pipeline.answered();
        self.statements.undo(from, to);
        self.portals.undo(from, to);
        if unnamed {
            self.statements.drop_unnamed();
        }
        self.stalled = false;
    }

    fn error(&mut self, body: &[u8]) -> Result<Verdict, End> {
        let fields = Fields::parse(body).map_err(End::Server)?;
        if fields.is_fatal() {
            self.dying = true;
            return Ok(Verdict::Pass);
        }
        self.fresh.failed();
        self.copy_in = false;
        let copying = self.copying.take();
        let Some(entry) = self.pipeline.front() else {
            return Ok(Verdict::Pass);
        };
        if let Some(refusal) = unseen(&fields) {
            errors::report(&refusal, &mut self.composed);
            return Ok(self.failed_with(Verdict::Replace));
        }
        let verdict = match entry {
            _ if copying.is_some_and(|copying| copying.error(&fields, &mut self.composed)) => {
                Verdict::Replace
            }
            Entry::Abort => return Ok(Verdict::Replace),
            Entry::Own(own) if own.question.is_of_refinement() => return Ok(self.refining_failed(body)),
            Entry::Query(Mask::Repeated(body), _) | Entry::Parse(Mask::Repeated(body)) => {
                let body = Rc::clone(body);
                errors::repeated(&body, &mut self.composed)
            }
            Entry::Own(own) if own.sync => {
                own.error = Some(errors::taken_over(&fields));
                return Ok(Verdict::Replace);
            }
            Entry::Query(Mask::Refused(refusal), _) | Entry::Parse(Mask::Refused(refusal)) => {
                self.tally.refused += 1;
                errors::refused(&fields, refusal, &mut self.composed)
            }
            Entry::Query(_, Some(run)) => match (run.refusal(), run.lost_race(&fields)) {
                (Some(refusal), _) => {
                    self.tally.refused += 1;
                    errors::refused(&fields, refusal, &mut self.composed)
                }
                (None, Some(race)) => {
                    errors::report(&race, &mut self.composed);
                    Verdict::Replace
                }
                (None, None) => {
                    let hide = run.command_tag().is_some();
                    let twin = twin(&fields, &self.catalog);
                    errors::mapped(&fields, b'E', hide, |p| run.position(p), twin, &mut self.composed)
                }
            },
            entry => match entry.planned() {
                Some(planned) => match planned.lost_race(&fields) {
                    Some(race) => {
                        errors::report(&race, &mut self.composed);
                        Verdict::Replace
                    }
                    None => {
                        let hide = planned.rewrite.command_tag.is_some();
                        let twin = twin(&fields, &self.catalog);
                        errors::mapped(&fields, b'E', hide, |p| planned.position(p), twin, &mut self.composed)
                    }
                },
                None => Verdict::Pass,
            },
        };
        Ok(self.failed_with(verdict))
    }

    /// The client is told of an error of the front request.
    pub(super) fn failed_with(&mut self, verdict: Verdict) -> Verdict {
        self.tally.errors += 1;
        // After a simple query or function call the server goes on by itself.
        if !matches!(self.pipeline.front(), Some(Entry::Query(..) | Entry::FunctionCall | Entry::Sync)) {
            self.skip();
        }
        verdict
    }

    fn notice(&mut self, body: &[u8]) -> Result<Verdict, End> {
        let fields = Fields::parse(body).map_err(End::Server)?;
        let hide = match self.pipeline.front() {
            Some(Entry::Execute(Some(bound))) => bound.planned.rewrite.command_tag.is_some(),
            Some(Entry::Query(_, Some(run))) => run.command_tag().is_some(),
            _ => false,
        };
        if !hide {
            return Ok(Verdict::Pass);
        }
        Ok(errors::mapped(&fields, b'N', true, |_| None, None, &mut self.composed))
    }

    fn ready(&mut self, body: &[u8]) -> Result<Verdict, End> {
        let status = backend::ready_for_query(body).map_err(End::Server)?;
        if status == Status::Idle && self.pipeline.due() == 1 && self.hold() {
            return Ok(Verdict::Wait);
        }
        self.status = status;
        self.copy_in = false;
        let own = match self.pipeline.front() {
            Some(Entry::Own(own)) if own.sync => Some(own.take()),
            Some(Entry::Sync | Entry::Query(..) | Entry::FunctionCall | Entry::Abort) => None,
            _ => return Err(End::out_of_step(b'Z')),
        };
        self.done();
        if status == Status::Idle {
            self.portals.drop_confirmed(self.pipeline.answered());
            self.close_cursors();
            self.fresh.transaction_over(self.pipeline.due() == 0);
        }
        self.let_go();
        let own = match own {
            // The client waits for the end of the block of ours.
            None if self.wrapped => return Ok(Verdict::Replace),
            Some(Own { question: Question::End { shown: true }, .. }) => {
                self.wrapped = false;
                None
            }
            own => own,
        };
        match own {
            None if self.discarding => self.discarded(status),
            None => Ok(Verdict::Pass),
            Some(own) => {
                self.answered(own)?;
                Ok(Verdict::Replace)
            }
        }
    }

    /// Answers to a question of ours; the client sees none of it.
    fn own(&mut self, tag: u8, body: &[u8]) -> Result<Verdict, End> {
        let Some(Entry::Own(own)) = self.pipeline.front() else {
            return Err(End::out_of_step(tag));
        };
        if tag == b'D' && own.question == Question::Candidates {
            return self.candidate(body);
        }
        match tag {
            b'1' | b'2' | b'C' => {}
            b'D' => {
                let value = backend::data_row(body).map_err(End::Server)?.next().flatten();
                own.answer = Some(value.unwrap_or_default().to_vec());
            }
            b'3' => {
                own.closed += 1;
                if own.closed == 2 && !own.sync {
                    let own = own.take();
                    self.done();
                    self.answered(own)?;
                }
            }
            _ => return Err(End::out_of_step(tag)),
        }
        Ok(Verdict::Replace)
    }
}

impl Entry {
    /// The planned statement that it runs.
    fn planned(&self) -> Option<Rc<Planned>> {
        match self {
            Entry::Parse(Mask::Planned(p))
            | Entry::Bind(Mask::Planned(p))
            | Entry::Inspect(p)
            | Entry::Refined(p)
            | Entry::Again(p, _) => Some(Rc::clone(p)),
            Entry::DescribeStatement(planned) => planned.clone(),
            Entry::DescribePortal(bound) | Entry::Execute(bound) => {
                bound.as_ref().map(|b| Rc::clone(&b.planned))
            }
            _ => None,
        }
    }
}

impl Own {
    fn take(&mut self) -> Own {
        let empty = Own::new(self.question, self.sync);
        std::mem::replace(self, empty)
    }
}

fn mismatch(what: &'static str) -> End {
    End::hinted("58000", what, "The table may have changed since the statement was planned; connect again.")
}
