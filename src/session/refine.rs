//! Refinement: a predicate over the value of an encrypted column is decided here, for each distinct value.
//!
//! Before a statement with such predicates goes, the session fetches the candidates on the client's own connection,
//! behind everything sent before, opens them and decides. What the statement then sees must be what was decided on:
//!
//! - A statement that reads and is all of its transaction goes into a REPEATABLE READ block of ours, together with the
//!   query for its candidates: one snapshot. So does one in a block of the client's that has one snapshot anyway.
//! - Everywhere else the statement carries the terms of all values that were looked at, and fails as soon as it meets
//!   another one ([`unseen`]): an error of serialization, never an answer in part.
//!
//! The statement is parsed again for each Bind, under a name of ours: the server has to plan it with the terms, since
//! a plan without them compares each row with each term.

use std::rc::Rc;
use std::sync::Arc;

use crate::sql::plan::{Refinement, Refusal, ScriptRewrite, UNSEEN};
use crate::transform::{Decision, TransformError};
use crate::value::Input;
use crate::wire::backend::{self, Fields, Status};
use crate::wire::frame::{HEADER, Header};
use crate::wire::frontend::Bind;
use crate::wire::{build, frame};

use super::error::End;
use super::errors;
use super::freshness::OWN;
use super::machine::{Machine, Verdict};
use super::pipeline::{Entry, Mask, Own, Question};
use super::plan::from_transform;
use super::planned::Planned;
use super::refined::Found;
use super::request::{REFUSED_NAME, broken_plan, in_failed_transaction};
use super::slots::script_candidates;

/// The name under which a refined statement is parsed for its Bind.
pub(super) const REFINED: &[u8] = b"_pyrite_refined";

/// OID of `text`, for parameters that are not used.
const TEXT: u32 = 25;

/// Binary format, for one parameter or result or for all of them.
const BINARY: i16 = 1;

/// What has refinements, with what their queries need.
#[derive(Clone, Copy)]
pub(super) enum Subject<'a> {
    /// The statement of a Bind.
    Bind(&'a Planned, &'a [u8]),
    /// A simple query.
    Query(&'a ScriptRewrite, &'a [u8]),
}

impl<'a> Subject<'a> {
    /// Whether nothing runs between the query for candidates and the statement.
    fn is_single(self) -> bool {
        match self {
            Subject::Bind(..) => true,
            Subject::Query(script, _) => script.statements.len() == 1,
        }
    }

    fn refinements(self) -> &'a [Refinement] {
        match self {
            Subject::Bind(planned, _) => &planned.rewrite.refinements,
            Subject::Query(script, _) => &script.refinements,
        }
    }
}

/// What a plan and terms were made under; another plan needs other candidates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Key {
    catalog: u64,
    environment: u64,
    keyring: u64,
}

/// The refinements of the request at hand.
#[derive(Debug)]
pub(super) struct Refining {
    key: Key,
    /// Done, in order.
    pub found: Vec<Found>,
    /// Being fetched.
    current: Option<(Decision, Found)>,
    /// The transaction has one snapshot.
    one_snapshot: bool,
    failure: Option<Failure>,
}

/// Why candidates are not there.
#[derive(Debug)]
pub(super) enum Failure {
    /// An error of ours.
    Ours(Refusal),
    /// The server's, as its body.
    Servers(Rc<[u8]>),
}

impl Failure {
    /// As it stands over the error of a statement that is sure to fail.
    pub(super) fn mask(self) -> Mask {
        match self {
            Failure::Ours(refusal) => Mask::Refused(Arc::new(refusal)),
            Failure::Servers(body) => Mask::Repeated(body),
        }
    }
}

/// Whether a refined statement can go.
pub(super) enum Refined {
    /// All terms are there.
    Ready(Vec<Found>),
    /// An answer is due.
    Due,
    /// It cannot.
    Failed(Failure),
}

/// Whether a portal is run and its segment ended by what follows its Bind, and nothing else is.
pub(super) fn is_lone(mut bytes: &[u8]) -> bool {
    let mut ran = false;
    while let Ok(Some(header)) = Header::read(bytes, frame::client_limit) {
        match (header.tag, ran) {
            (b'D' | b'H', _) => {}
            (b'E', false) => ran = true,
            (b'S', true) => return true,
            _ => return false,
        }
        let Some(rest) = bytes.get(header.size.max(HEADER)..) else { return false };
        bytes = rest;
    }
    false
}

/// Whether an error is the one by which a statement says that it met a value that was not looked at.
pub(super) fn unseen(fields: &Fields<'_>) -> Option<Refusal> {
    /// What the input function of `boolean` says.
    const INVALID_TEXT: &[u8] = b"22P02";
    let message = fields.get(b'M')?;
    if fields.sqlstate() != INVALID_TEXT || memchr::memmem::find(message, UNSEEN.as_bytes()).is_none() {
        return None;
    }
    Some(Refusal {
        sqlstate: "40001",
        message: "could not serialize access due to a concurrent change of an encrypted column".into(),
        detail: Some("A condition on its values met one that was not there when the statement began.".into()),
        hint: Some(
            "The transaction might succeed if retried. A statement that reads what the same message has written has \
             to be sent by itself."
                .into(),
        ),
        position: None,
    })
}

impl Machine {
    /// The terms for a Bind; none if nothing is refined.
    pub(super) fn refine_bind(&mut self, planned: &Planned, body: &[u8]) -> Refined {
        let counted = Bind::parse(body).is_ok_and(|bind| bind.count() == planned.rewrite.params.len());
        if planned.rewrite.refinements.is_empty() || !counted {
            return Refined::Ready(Vec::new());
        }
        let lone = self.lone;
        self.refine(Subject::Bind(planned, body), lone)
    }

    /// The terms for a simple query.
    pub(super) fn refine_query(&mut self, script: &ScriptRewrite, text: &[u8]) -> Refined {
        if script.refinements.is_empty() {
            return Refined::Ready(Vec::new());
        }
        let lone = script.statements.len() == 1 && !self.open;
        self.refine(Subject::Query(script, text), lone)
    }

    /// Sees to it that all candidates of a statement are decided on. `lone`: it is all of its transaction.
    pub(super) fn refine(&mut self, subject: Subject<'_>, lone: bool) -> Refined {
        // Whether a block is open is known when everything before is answered.
        if self.pipeline.due() > 0 {
            return Refined::Due;
        }
        let key = Key {
            catalog: self.catalog.version(),
            environment: self.fresh.generation(),
            keyring: self.snapshot.keyring.counter(),
        };
        let mut refining = match self.refining.take() {
            Some(refining) if refining.key == key || refining.failure.is_some() => refining,
            Some(_) | None => {
                Refining { key, found: Vec::new(), current: None, one_snapshot: false, failure: None }
            }
        };
        if let Some(failure) = refining.failure {
            return Refined::Failed(failure);
        }
        let Some(refinement) = subject.refinements().get(refining.found.len()) else {
            let reads = subject.is_single() && subject.refinements().iter().all(|r| r.reads);
            let one = reads && refining.one_snapshot;
            refining.found.iter_mut().for_each(|found| found.complete = one);
            return Refined::Ready(refining.found);
        };
        if self.status == Status::Failed {
            return Refined::Failed(Failure::Ours(in_failed_transaction()));
        }
        let alone = lone && !self.wrapped && self.status == Status::Idle && !self.bound;
        if alone && subject.refinements().iter().all(|r| r.reads) {
            if self.pipeline.len() > 0 {
                // What went before in the segment is parsed before it is closed.
                self.composed.extend_from_slice(&build::FLUSH);
                self.refining = Some(refining);
                return Refined::Due;
            }
            self.wrap();
        }
        match self.ask_candidates(refining.found.len(), refinement, subject) {
            Ok(decision) => {
                let found = Found::new(decision.on_null());
                refining.current = Some((decision, found));
                self.refining = Some(refining);
                Refined::Due
            }
            Err(refusal) if self.wrapped => {
                refining.failure = Some(Failure::Ours(refusal));
                self.refining = Some(refining);
                self.unwrap_block(false);
                Refined::Due
            }
            Err(refusal) => Refined::Failed(Failure::Ours(refusal)),
        }
    }

    /// Opens a block of ours around the statement at hand.
    fn wrap(&mut self) {
        if self.open {
            // Nothing but Parse and Describe is in the segment: what they did outlives it.
            self.composed.extend_from_slice(&build::SYNC);
            self.pipeline.push(Entry::Own(Own::new(Question::Pause, true)));
            self.open = false;
            self.segment += 1;
        }
        self.wrapped = true;
        let text = match self.fresh.environment().map(|e| e.default_isolation.as_str()) {
            Some("repeatable read" | "serializable") => "BEGIN",
            _ => "BEGIN ISOLATION LEVEL REPEATABLE READ",
        };
        self.command(text, Question::Begin, false);
    }

    /// Ends the block of ours. `shown`: its ReadyForQuery is the one that the client waits for.
    pub(super) fn unwrap_block(&mut self, shown: bool) {
        // In a block that has failed it is a ROLLBACK.
        self.command("COMMIT", Question::End { shown }, true);
    }

    fn command(&mut self, text: &str, question: Question, sync: bool) {
        let out = &mut self.composed;
        build::parse(out, OWN, |out| out.extend_from_slice(text.as_bytes()), &[]);
        build::bind_plain(out, OWN, OWN);
        build::execute(out, OWN);
        build::portal(out, b'C', OWN);
        build::statement(out, b'C', OWN);
        if sync {
            out.extend_from_slice(&build::SYNC);
        }
        self.pipeline.push(Entry::Own(Own::new(question, sync)));
    }

    /// Sends the query for the candidates of a refinement.
    fn ask_candidates(
        &mut self,
        index: usize,
        refinement: &Refinement,
        subject: Subject<'_>,
    ) -> Result<Decision, Refusal> {
        let start = self.composed.len();
        let asked = match subject {
            Subject::Bind(planned, body) => {
                let text = planned.candidates.get(index).ok_or_else(broken_plan)?;
                self.ask_bound(refinement, planned, text, body)
            }
            Subject::Query(script, client) => self.ask_script(refinement, script, client),
        };
        if asked.is_err() {
            self.composed.truncate(start);
            return asked;
        }
        let out = &mut self.composed;
        build::execute(out, OWN);
        build::portal(out, b'C', OWN);
        build::statement(out, b'C', OWN);
        let sync = !self.open;
        out.extend_from_slice(if sync { &build::SYNC } else { &build::FLUSH });
        self.pipeline.push(Entry::Own(Own::new(Question::Candidates, sync)));
        asked
    }

    fn ask_bound(
        &mut self,
        refinement: &Refinement,
        planned: &Planned,
        text: &[u8],
        body: &[u8],
    ) -> Result<Decision, Refusal> {
        let bind = Bind::parse(body).map_err(|_| broken_plan())?;
        let values: Vec<Option<&[u8]>> = bind.values().collect();
        let input = |n: usize| -> Option<Input<'_>> {
            let bytes = values.get(n).copied().flatten()?;
            Some(if bind.formats.code(n) == 0 { Input::Text(bytes) } else { Input::Binary(bytes) })
        };
        let decision = self.transformer.decision(refinement, &input).map_err(from_transform)?;
        let used = |n: usize| refinement.params.iter().any(|p| usize::from(*p) == n + 1);
        let oids: Vec<u32> =
            planned.oids.iter().enumerate().map(|(n, oid)| if used(n) { *oid } else { TEXT }).collect();
        let frame = build::begin(&mut self.composed, b'P');
        build::cstr(&mut self.composed, OWN);
        limited(text, self.database.max_candidates(), &mut self.composed);
        self.composed.push(0);
        build::count(&mut self.composed, oids.len());
        oids.iter().for_each(|oid| self.composed.extend_from_slice(&oid.to_be_bytes()));
        build::end(&mut self.composed, frame);
        let frame = build::begin(&mut self.composed, b'B');
        build::cstr(&mut self.composed, OWN);
        build::cstr(&mut self.composed, OWN);
        self.bind_values(&bind, planned, &used, &[])?;
        build::count(&mut self.composed, 1);
        self.composed.extend_from_slice(&BINARY.to_be_bytes());
        build::end(&mut self.composed, frame);
        Ok(decision)
    }

    fn ask_script(
        &mut self,
        refinement: &Refinement,
        script: &ScriptRewrite,
        client: &[u8],
    ) -> Result<Decision, Refusal> {
        let decision = self.transformer.decision(refinement, &|_| None).map_err(from_transform)?;
        let text = script_candidates(refinement, script, client, &mut self.transformer)?;
        let most = self.database.max_candidates();
        build::parse(&mut self.composed, OWN, |out| limited(&text, most, out), &[]);
        build::frame(&mut self.composed, b'B', |out| {
            build::cstr(out, OWN);
            build::cstr(out, OWN);
            out.extend_from_slice(&[0; 4]);
            build::count(out, 1);
            out.extend_from_slice(&BINARY.to_be_bytes());
        });
        Ok(decision)
    }

    /// A row of candidates: term and envelope, or the isolation level.
    pub(super) fn candidate(&mut self, body: &[u8]) -> Result<Verdict, End> {
        let mut values = backend::data_row(body).map_err(End::Server)?;
        let (term, envelope, level) =
            (values.next().flatten(), values.next().flatten(), values.next().flatten());
        let Some(refining) = &mut self.refining else { return Err(End::out_of_step(b'D')) };
        if let Some(level) = level {
            refining.one_snapshot = matches!(level, b"repeatable read" | b"serializable");
            return Ok(Verdict::Replace);
        }
        let (Some((decision, found)), None) = (&mut refining.current, &refining.failure) else {
            return Ok(Verdict::Replace);
        };
        let most = self.database.max_candidates();
        if found.len() >= most {
            refining.failure = Some(Failure::Ours(too_many(most)));
            return Ok(Verdict::Replace);
        }
        let Some((term, envelope)) = term.and_then(|t| t.first_chunk::<16>()).zip(envelope) else {
            refining.failure = Some(Failure::Ours(broken_plan()));
            return Ok(Verdict::Replace);
        };
        match self.transformer.decide(decision, envelope) {
            Ok(outcome) => found.push(*term, outcome),
            Err(error) => return Ok(self.undecided(error)),
        }
        Ok(Verdict::Replace)
    }

    fn undecided(&mut self, error: TransformError) -> Verdict {
        if let Some(id) = self.transformer.unknown_key()
            && self.learn(id)
        {
            return Verdict::Wait;
        }
        if let Some(refining) = &mut self.refining {
            refining.failure = Some(Failure::Ours(from_transform(error)));
        }
        Verdict::Replace
    }

    /// The server has answered a question of ours.
    pub(super) fn refined(&mut self, question: Question) {
        self.stalled = false;
        match question {
            Question::Candidates => {
                if let Some(refining) = &mut self.refining {
                    if let Some((_, found)) = refining.current.take() {
                        refining.found.push(found);
                    }
                    if refining.failure.is_some() && self.wrapped {
                        self.stalled = true;
                        self.unwrap_in_answer();
                    }
                }
            }
            Question::End { .. } => self.wrapped = false,
            _ => {}
        }
    }

    /// Ends the block of ours out of an answer.
    fn unwrap_in_answer(&mut self) {
        let kept = std::mem::take(&mut self.composed);
        self.unwrap_block(false);
        let mut command = std::mem::replace(&mut self.composed, kept);
        self.to_server.append(&mut command);
    }

    /// A query for candidates, or a command around them, has failed.
    pub(super) fn refining_failed(&mut self, body: &[u8]) -> Verdict {
        let Some(Entry::Own(own)) = self.pipeline.front() else { return Verdict::Pass };
        match (own.question, own.sync) {
            // A transaction that cannot be committed: the client's.
            (Question::End { shown: true }, _) => Verdict::Pass,
            (Question::Candidates, false) => {
                // In the client's own segment: for the client it is the statement's error.
                self.refining = None;
                let verdict = errors::repeated(body, &mut self.composed);
                self.failed_with(verdict)
            }
            (_, sync) => {
                if let Some(refining) = &mut self.refining {
                    refining.failure = Some(Failure::Servers(body.into()));
                }
                if !sync {
                    self.pipeline.skip();
                }
                Verdict::Replace
            }
        }
    }

    /// Parses a statement anew for the Bind at hand.
    pub(super) fn parse_refined(&mut self, name: &[u8], planned: &Rc<Planned>) {
        if !name.is_empty() {
            // What was deallocated in SQL is gone.
            build::statement(&mut self.composed, b'D', name);
            self.push(Entry::Probe);
        }
        build::statement(&mut self.composed, b'C', REFINED);
        self.push(Entry::Closing);
        build::parse(&mut self.composed, REFINED, |out| out.extend_from_slice(&planned.text), &planned.oids);
        build::statement(&mut self.composed, b'D', REFINED);
        self.push(Entry::Refined(Rc::clone(planned)));
        self.push(Entry::Inspect(Rc::clone(planned)));
    }

    /// Sends what is sure to fail in place of a refined Bind.
    pub(super) fn refuse_refined(&mut self, failure: Failure) {
        let mask = failure.mask();
        self.refuse_masked(REFUSED_NAME, mask);
    }
}

/// The whole query: the isolation level first, then one candidate more than are taken.
fn limited(text: &[u8], most: usize, out: &mut Vec<u8>) {
    out.extend_from_slice(
        b"SELECT NULL::pg_catalog.bytea, NULL::pg_catalog.bytea, pg_catalog.current_setting('transaction_isolation') \
          UNION ALL SELECT * FROM (SELECT *, NULL::pg_catalog.text FROM (",
    );
    out.extend_from_slice(text);
    out.extend_from_slice(format!(") AS c LIMIT {}) AS l", most.saturating_add(1)).as_bytes());
}

fn too_many(most: usize) -> Refusal {
    Refusal {
        sqlstate: "54000",
        message: format!("a condition on an encrypted column has more than {most} distinct values to decide on"),
        detail: Some("Pyrite decides on each distinct value, and does not answer in part.".into()),
        hint: Some(
            "Add conditions on plain columns of the same table, add \"caseless\" or \"match\" to the column's search \
             list where they fit, or raise max_candidates under limits in Pyrite's configuration."
                .into(),
        ),
        position: None,
    }
}
