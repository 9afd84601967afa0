//! The client's messages: which go on as they are, which are planned, what the server will owe for them.

use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;

use crate::sql;
use crate::sql::plan::{Cleared, REFUSED_TEXT, Refusal};
use crate::wire::frame::{self, Header};
use crate::wire::frontend::{self, Parse, Target};
use crate::wire::{build, single_string};

use super::error::End;
use super::freshness::{Effects, Ground};
use super::machine::{Machine, Verdict};
use super::pipeline::{Entry, Mask};
use super::planned::BoundPortal;
use super::planned::Planned;
use super::plans::Ready;
use super::refine::Refined;
use super::registry::Lookup;

/// What a statement's name means.
#[derive(Clone, Debug)]
pub(super) struct Statement {
    /// The plan, if it is rewritten.
    pub planned: Option<Rc<Planned>>,
    /// What running it may change.
    pub effects: Effects,
    /// Where its plan came from, if its text was planned.
    pub origin: Option<Rc<Origin>>,
}

/// What a plan was made of, to make it again when the catalog has changed.
pub(super) struct Origin {
    /// The client's text.
    pub text: Rc<[u8]>,
    /// Announced parameter types.
    pub oids: Rc<[u32]>,
    /// Version of the catalog under which the plan was last found to hold.
    pub catalog: Cell<u64>,
    /// It was to be prepared again, and the server refused: there is no such statement there now.
    pub lost: Cell<bool>,
}

/// The client's text may hold values.
impl std::fmt::Debug for Origin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Origin({} bytes)", self.text.len())
    }
}

/// What a portal's name means.
#[derive(Clone, Debug)]
pub(super) struct Portal {
    /// The plan and formats, if its statement is rewritten.
    pub bound: Option<Rc<BoundPortal>>,
    /// What running it may change.
    pub effects: Effects,
}

/// Never succeeds, and so never exists: the name under which a refused Bind's stand-in is parsed.
pub(super) const REFUSED_NAME: &[u8] = b"_pyrite_refused";

impl Machine {
    /// The header of the client's next frame.
    pub(super) fn client_header(&self, bytes: &[u8]) -> Result<Option<Header>, End> {
        Header::read(bytes, frame::client_limit).map_err(End::Client)
    }

    /// Decides on one message.
    pub(super) fn request(&mut self, tag: u8, body: &[u8]) -> Result<Verdict, End> {
        if self.skipping && !matches!(tag, b'S' | b'X' | b'H') {
            // The server would ignore it, and it may hold values that were meant for what failed.
            if tag == b'P'
                && let Ok(parse) = Parse::parse(body)
            {
                self.past.note(parse.name);
            }
            return Ok(Verdict::Replace);
        }
        match tag {
            b'P' => Ok(self.parse(Parse::parse(body).map_err(End::Client)?).into()),
            b'B' => self.bind(body),
            b'D' => self.describe(Target::parse(body).map_err(End::Client)?),
            b'E' => self.execute(body),
            b'C' => self.close(Target::parse(body).map_err(End::Client)?),
            b'S' => self.sync(body),
            b'Q' => Ok(self.query(single_string(body).map_err(End::Client)?).into()),
            b'F' => self.function_call(body),
            b'd' | b'c' | b'f' => self.copy(tag, body),
            b'X' => {
                self.terminating = true;
                Ok(Verdict::Pass)
            }
            // Flush; nothing else has a limit.
            _ => Ok(Verdict::Pass),
        }
    }

    pub(super) fn push(&mut self, entry: Entry) {
        self.open = true;
        self.pipeline.push(entry);
    }

    fn parse(&mut self, parse: Parse<'_>) -> Ruling {
        let screen = sql::screen(&self.catalog, parse.text);
        let effects = Effects::of(&screen);
        self.prepares |= names_prepare(parse.text);
        if let Some(cleared) = screen.cleared().filter(|_| !self.follows_names(&screen)) {
            let origin = self.catalog.may_become_protected(parse.text).then(|| self.origin(&parse));
            self.define_statement(parse.name, Statement { planned: None, effects, origin });
            self.push(Entry::Parse(Mask::None));
            return Ruling::Forward(cleared);
        }
        if self.names_due() {
            return Ruling::Wait;
        }
        let ready = match self.ground() {
            Ground::Due => return Ruling::Wait,
            Ground::Failed => Ready::Refused(Arc::new(in_failed_transaction())),
            Ground::Unknown(refusal) => Ready::Refused(Arc::new(refusal)),
            Ground::Firm => self.plan_statement(parse.text, parse.oids()),
        };
        match ready {
            Ready::Forward(cleared) => {
                let origin = Some(self.origin(&parse));
                self.define_statement(parse.name, Statement { planned: None, effects, origin });
                self.push(Entry::Parse(Mask::None));
                Ruling::Forward(cleared)
            }
            Ready::Planned(planned) => {
                build::parse(
                    &mut self.composed,
                    parse.name,
                    |out| out.extend_from_slice(&planned.text),
                    &planned.oids,
                );
                // Clients need not ask what the columns are; the plan has to be checked all the same.
                build::statement(&mut self.composed, b'D', parse.name);
                let statement = Statement {
                    planned: Some(Rc::clone(&planned)),
                    effects,
                    origin: Some(self.origin(&parse)),
                };
                self.define_statement(parse.name, statement);
                self.push(Entry::Parse(Mask::Planned(Rc::clone(&planned))));
                self.push(Entry::Inspect(planned));
                Ruling::Replace
            }
            Ready::Refused(refusal) => {
                self.past.note(parse.name);
                self.refuse_parse(parse.name, refusal);
                if parse.name.is_empty() {
                    self.statements.define(b"", None, self.place_before());
                }
                Ruling::Replace
            }
        }
    }

    fn origin(&self, parse: &Parse<'_>) -> Rc<Origin> {
        let catalog = Cell::new(self.catalog.version());
        let lost = Cell::new(false);
        Rc::new(Origin { text: parse.text.into(), oids: parse.oids().collect(), catalog, lost })
    }

    /// Makes sure that a statement's plan holds under the current catalog. The server plans anew by itself;
    /// a table that was recreated or encrypted since would get values that were sealed for another, or not
    /// sealed at all.
    pub(super) fn check_plan(&mut self, statement: &Statement) -> Held {
        let Some(origin) = &statement.origin else { return Held::Yes };
        let version = self.catalog.version();
        if origin.catalog.get() == version && !origin.lost.get() {
            return Held::Yes;
        }
        if statement.planned.is_none() && sql::screen(&self.catalog, &origin.text).cleared().is_some() {
            origin.catalog.set(version);
            return Held::Yes;
        }
        let ready = match self.ground() {
            Ground::Due => return Held::Wait,
            Ground::Failed => return Held::No(in_failed_transaction()),
            Ground::Unknown(refusal) => return Held::No(refusal),
            Ground::Firm => self.plan_statement(&origin.text, origin.oids.iter().copied()),
        };
        match (&ready, &statement.planned) {
            (Ready::Forward(_), None) => {}
            (Ready::Planned(now), Some(before)) if now.same_as(before) && !origin.lost.get() => {}
            (Ready::Planned(now), Some(before)) if now.looks_like(before) => {
                return Held::Again(Rc::clone(now), Rc::clone(origin));
            }
            _ => return Held::No(stale_plan()),
        }
        origin.catalog.set(version);
        Held::Yes
    }

    /// Prepares a statement again with another plan, under its name, so that the client need not know. Open portals
    /// of the old one live on. Should the server skip or refuse it, the old one stands in the books again.
    fn prepare_again(&mut self, name: &[u8], before: &Statement, planned: &Rc<Planned>, origin: &Rc<Origin>) {
        if !origin.lost.get() {
            // What was deallocated in SQL must not come back; and the server tells if other columns changed.
            build::statement(&mut self.composed, b'D', name);
            self.push(Entry::Probe);
        }
        if !name.is_empty() {
            build::statement(&mut self.composed, b'C', name);
            self.push(Entry::Closing);
        }
        build::parse(&mut self.composed, name, |out| out.extend_from_slice(&planned.text), &planned.oids);
        build::statement(&mut self.composed, b'D', name);
        let now = Rc::new(Origin {
            text: Rc::clone(&origin.text),
            oids: Rc::clone(&origin.oids),
            catalog: Cell::new(self.catalog.version()),
            lost: Cell::new(false),
        });
        let statement =
            Statement { planned: Some(Rc::clone(planned)), effects: before.effects, origin: Some(now) };
        self.statements.define(name, Some(statement), self.place());
        self.push(Entry::Again(Rc::clone(planned), Rc::clone(origin)));
        self.push(Entry::Inspect(Rc::clone(planned)));
    }

    /// Sends what is sure to fail, with our error over the server's.
    fn refuse_parse(&mut self, name: &[u8], refusal: Arc<Refusal>) {
        self.refuse_masked(name, Mask::Refused(refusal));
    }

    pub(super) fn refuse_masked(&mut self, name: &[u8], mask: Mask) {
        build::parse(&mut self.composed, name, |out| out.extend_from_slice(REFUSED_TEXT.as_bytes()), &[]);
        self.push(Entry::Parse(mask));
        // The server will find out; nothing of what follows is to be sent until then.
        self.skipping = true;
    }

    /// The place of the request pushed last.
    fn place_before(&self) -> super::registry::Place {
        let place = self.place();
        super::registry::Place { sequence: place.sequence.saturating_sub(1), ..place }
    }

    fn define_statement(&mut self, name: &[u8], statement: Statement) {
        let plain =
            |s: &Statement| s.planned.is_none() && s.origin.is_none() && s.effects == Effects::default();
        // The unnamed statement of most clients is plain and stays so: nothing changes.
        let answered = self.pipeline.answered();
        if name.is_empty()
            && plain(&statement)
            && self.statements.confirmed_unnamed(answered).is_some_and(plain)
        {
            return;
        }
        if statement.planned.is_some() || statement.origin.is_some() {
            self.past.note(name);
        }
        self.statements.define(name, Some(statement), self.place());
    }

    fn define_portal(&mut self, name: &[u8], portal: Portal) {
        let plain =
            |p: Option<&Portal>| p.is_none_or(|p| p.bound.is_none() && p.effects == Effects::default());
        if name.is_empty() && plain(Some(&portal)) && plain(self.portals.newest(b"")) {
            return;
        }
        self.portals.define(name, Some(portal), self.place());
    }

    fn bind(&mut self, body: &[u8]) -> Result<Verdict, End> {
        let (portal, name) = frontend::bind_names(body).map_err(End::Client)?;
        if self.names_due() {
            return Ok(Verdict::Wait);
        }
        let statement = match self.statements.lookup(name, self.place()) {
            Lookup::Pending => return Ok(Verdict::Wait),
            Lookup::Known(Some(statement)) => statement,
            // Made by an SQL PREPARE, perhaps; unless the client may mean another one, which has ended since.
            Lookup::Known(None) if self.prepares && !name.is_empty() && !self.past.has(name) => {
                Statement { planned: None, effects: Effects::ALL, origin: None }
            }
            Lookup::Known(None) => {
                // The server does not know it either, and says so. The values could be meant for a statement
                // that failed or is closed; they stay here.
                build::bind_plain(&mut self.composed, portal, name);
                self.push(Entry::Bind(Mask::None));
                return Ok(Verdict::Replace);
            }
        };
        if statement.planned.is_some() {
            self.follow();
        }
        let (again, refusal) = match self.check_plan(&statement) {
            Held::Yes => (None, None),
            Held::Again(planned, origin) => (Some((planned, origin)), None),
            Held::Wait => return Ok(Verdict::Wait),
            Held::No(refusal) => (None, Some(refusal)),
        };
        if let Some(refusal) = refusal {
            self.refuse_parse(REFUSED_NAME, Arc::new(refusal));
            return Ok(Verdict::Replace);
        }
        let planned = again.as_ref().map(|(planned, _)| planned).or(statement.planned.as_ref()).cloned();
        let Some(planned) = planned else {
            self.define_portal(portal, Portal { bound: None, effects: statement.effects });
            self.push(Entry::Bind(Mask::None));
            self.bound = true;
            return Ok(Verdict::Pass);
        };
        let outcome = match self.ground() {
            Ground::Due => return Ok(Verdict::Wait),
            Ground::Failed => Err(in_failed_transaction()),
            Ground::Unknown(refusal) => Err(refusal),
            Ground::Firm if planned.uses_keys && self.await_lease() => return Ok(Verdict::Wait),
            Ground::Firm => {
                let found = match self.refine_bind(&planned, body) {
                    Refined::Ready(found) => found,
                    Refined::Due => return Ok(Verdict::Wait),
                    Refined::Failed(failure) => {
                        self.refuse_refined(failure);
                        return Ok(Verdict::Replace);
                    }
                };
                let origin = again.map(|(_, origin)| origin);
                match self.sealed_text(&planned, origin, &statement) {
                    Err(refusal) => Err(refusal),
                    Ok(again) => {
                        if let Some((planned, origin)) = &again {
                            self.prepare_again(name, &statement, planned, origin);
                        }
                        if !found.is_empty() {
                            self.parse_refined(name, &planned);
                        }
                        self.bind_planned(body, &planned, &found)?
                    }
                }
            }
        };
        match outcome {
            Ok((formats, formulas)) => {
                let bound = self.bound_portal(Rc::clone(&planned), formats, formulas);
                self.define_portal(
                    portal,
                    Portal { bound: Some(Rc::new(bound)), effects: statement.effects },
                );
                self.push(Entry::Bind(Mask::Planned(planned)));
                self.bound = true;
            }
            Err(refusal) => self.refuse_parse(REFUSED_NAME, Arc::new(refusal)),
        }
        Ok(Verdict::Replace)
    }

    fn describe(&mut self, target: Target<'_>) -> Result<Verdict, End> {
        let entry = match target {
            Target::Statement(name) => match self.statements.lookup(name, self.place()) {
                Lookup::Pending => return Ok(Verdict::Wait),
                Lookup::Known(statement) => Entry::DescribeStatement(statement.and_then(|s| s.planned)),
            },
            Target::Portal(name) => match self.portals.lookup(name, self.place()) {
                Lookup::Pending => return Ok(Verdict::Wait),
                Lookup::Known(portal) => Entry::DescribePortal(portal.and_then(|p| p.bound)),
            },
        };
        self.push(entry);
        Ok(Verdict::Pass)
    }

    fn execute(&mut self, body: &[u8]) -> Result<Verdict, End> {
        let (name, _) = frontend::execute(body).map_err(End::Client)?;
        let portal = match self.portals.lookup(name, self.place()) {
            Lookup::Pending => return Ok(Verdict::Wait),
            Lookup::Known(Some(portal)) => portal,
            Lookup::Known(None) if name.is_empty() => Portal { bound: None, effects: Effects::default() },
            Lookup::Known(None) => Portal { bound: None, effects: Effects::ALL },
        };
        if let Some(refusal) = portal.bound.as_ref().and_then(|bound| self.portal_over(bound)) {
            self.refuse_parse(REFUSED_NAME, Arc::new(refusal));
            return Ok(Verdict::Replace);
        }
        if let Some(bound) = &portal.bound
            && bound.planned.opens
        {
            // Its rows are written as the settings are when it runs.
            match self.ground() {
                Ground::Due => return Ok(Verdict::Wait),
                Ground::Firm | Ground::Failed => {}
                Ground::Unknown(refusal) => {
                    self.refuse_parse(REFUSED_NAME, Arc::new(refusal));
                    return Ok(Verdict::Replace);
                }
            }
        }
        self.fresh.apply(portal.effects);
        self.bound = true;
        self.tally.ran(portal.bound.is_some());
        self.push(Entry::Execute(portal.bound));
        Ok(Verdict::Pass)
    }

    fn close(&mut self, target: Target<'_>) -> Result<Verdict, End> {
        match target {
            Target::Statement(name) if self.statements.newest(name).is_some() => {
                self.statements.define(name, None, self.place());
            }
            Target::Portal(name) if self.portals.newest(name).is_some() => {
                self.portals.define(name, None, self.place());
            }
            _ => {}
        }
        self.push(Entry::Close);
        Ok(Verdict::Pass)
    }

    fn sync(&mut self, body: &[u8]) -> Result<Verdict, End> {
        if !body.is_empty() {
            return Err(End::Client(crate::wire::WireError::new("invalid message format")));
        }
        if self.copy_in {
            // The server ignores it until the data ends.
            return Ok(Verdict::Pass);
        }
        self.skipping = false;
        self.pipeline.push(Entry::Sync);
        (self.open, self.bound) = (false, false);
        self.segment += 1;
        if self.wrapped {
            self.composed.extend_from_slice(&build::SYNC);
            self.unwrap_block(true);
            return Ok(Verdict::Replace);
        }
        Ok(Verdict::Pass)
    }

    fn query(&mut self, text: &[u8]) -> Ruling {
        let screen = sql::screen(&self.catalog, text);
        let effects = Effects::of(&screen);
        self.prepares |= names_prepare(text);
        let cleared = screen.cleared().filter(|_| !self.follows_names(&screen));
        if cleared.is_none() && self.names_due() {
            return Ruling::Wait;
        }
        let (entry, ruling) = if let Some(cleared) = cleared {
            (Entry::Query(Mask::None, None), Ruling::Forward(cleared))
        } else {
            self.follow();
            match self.ground() {
                Ground::Due => return Ruling::Wait,
                Ground::Failed => self.refuse_query(in_failed_transaction()),
                Ground::Unknown(refusal) => self.refuse_query(refusal),
                Ground::Firm => match self.plan_query(text) {
                    Some(planned) => planned,
                    None => return Ruling::Wait,
                },
            }
        };
        for unnamed in [self.statements.newest(b"").is_some(), self.portals.newest(b"").is_some()]
            .into_iter()
            .enumerate()
        {
            match unnamed {
                (0, true) => self.statements.define(b"", None, self.place()),
                (1, true) => self.portals.define(b"", None, self.place()),
                _ => {}
            }
        }
        self.fresh.apply(effects);
        // Those of a planned script are counted when each of them is done.
        if matches!(entry, Entry::Query(Mask::None, None)) {
            self.tally.ran(false);
        }
        self.pipeline.push(entry);
        if self.wrapped {
            self.unwrap_block(true);
        }
        ruling
    }

    fn function_call(&mut self, body: &[u8]) -> Result<Verdict, End> {
        /// Objects that initdb made have lower numbers.
        const FIRST_USER_OID: u32 = 16384;
        /// Functions that work on large objects, which client libraries call like this.
        const LARGE_OBJECTS: [u32; 15] =
            [715, 764, 765, 767, 952, 953, 954, 955, 956, 957, 958, 964, 1004, 3170, 3172];
        let oid = frontend::function_call(body).map_err(End::Client)?;
        // A function's body may touch anything; so may a text that a builtin one runs. Large objects do not.
        let text = !LARGE_OBJECTS.contains(&oid) && self.catalog.may_name_protected(body);
        if oid >= FIRST_USER_OID || text {
            let (entry, ruling) = self.refuse_query(Refusal {
                sqlstate: "0A000",
                message: "a function call by message may reach encrypted columns".into(),
                detail: None,
                hint: Some("Call the function in a SELECT statement.".into()),
                position: None,
            });
            self.pipeline.push(entry);
            return Ok(ruling.into());
        }
        self.fresh.apply(Effects::CALL);
        self.pipeline.push(Entry::FunctionCall);
        Ok(Verdict::Pass)
    }

    /// COPY data and its end. Data goes on only into a COPY that the server has begun: otherwise the server
    /// would ignore it, and it could be what a refused COPY was meant to bring.
    fn copy(&mut self, tag: u8, body: &[u8]) -> Result<Verdict, End> {
        if self.takes_copy() {
            return self.copy_ends(tag, body);
        }
        if self.copy_in {
            self.copy_in = false;
            return Ok(Verdict::Pass);
        }
        if self.pipeline.may_copy() {
            // The server's word is still to come; it may have been kept back.
            if self.open {
                self.composed.extend_from_slice(&build::FLUSH);
            }
            return Ok(Verdict::Wait);
        }
        tracing::debug!(tag = %char::from(tag), "dropped COPY data without a COPY");
        Ok(Verdict::Replace)
    }
}

/// Whether a text may run an SQL PREPARE.
fn names_prepare(text: &[u8]) -> bool {
    const WORD: &[u8] = b"prepare";
    memchr::memchr2_iter(b'p', b'P', text)
        .any(|at| text.get(at..at + WORD.len()).is_some_and(|word| word.eq_ignore_ascii_case(WORD)))
}

/// What happens to a statement's text. It goes on as it came only with the planner's proof.
pub(super) enum Ruling {
    Forward(Cleared),
    /// Composed bytes go in its place.
    Replace,
    Wait,
}

impl From<Ruling> for Verdict {
    fn from(ruling: Ruling) -> Self {
        match ruling {
            Ruling::Forward(_) => Verdict::Pass,
            Ruling::Replace => Verdict::Replace,
            Ruling::Wait => Verdict::Wait,
        }
    }
}

/// Whether a statement's plan still holds.
pub(super) enum Held {
    Yes,
    /// Not known before the server has answered.
    Wait,
    /// Another one has to take its place, of which the client sees nothing.
    Again(Rc<Planned>, Rc<Origin>),
    No(Refusal),
}

/// In PostgreSQL's words and with its SQLSTATE, by which drivers know that they must prepare again.
fn stale_plan() -> Refusal {
    Refusal {
        sqlstate: "0A000",
        message: "cached plan must not change result type".into(),
        detail: Some("A table of the prepared statement was changed after Pyrite planned it.".into()),
        hint: Some("Prepare the statement again.".into()),
        position: None,
    }
}

/// The server's own words for it come in place of this.
pub(super) fn in_failed_transaction() -> Refusal {
    Refusal {
        sqlstate: "25P02",
        message: "current transaction is aborted, commands ignored until end of transaction block".into(),
        detail: None,
        hint: None,
        position: None,
    }
}

/// A plan that contradicts itself is a mistake of ours.
pub(super) fn broken_plan() -> Refusal {
    Refusal {
        sqlstate: "XX000",
        message: "Pyrite's plan for this statement contradicts itself".into(),
        detail: None,
        hint: Some("Please report the statement (without its values).".into()),
        position: None,
    }
}
