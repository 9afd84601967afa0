//! From a message to a plan: the planner's scope, and Bind on a planned statement.

use std::collections::{HashMap, HashSet};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::sql::plan::{Cursor, Output, Plan, REFUSED_TEXT, Refusal, Rewrite, Role, Script, Source};
use crate::sql::{self, LiveNames, Scope};
use crate::transform::{ReadyFormula, TransformError};
use crate::value::{Format, Input};
use crate::wire::build;
use crate::wire::frontend::Bind;

use super::error::End;
use super::freshness::other_encoding;
use super::machine::Machine;
use super::naming::Cursors;
use super::pipeline::{Entry, Mask};
use super::planned::{Carrier, Planned, ScriptRun};
use super::plans::{Ready, key};
use super::refine::{REFINED, Refined};
use super::refined::Found;
use super::request::{Ruling, Statement, broken_plan};

/// The names that run something planned.
struct Live {
    statements: HashSet<Vec<u8>>,
    portals: HashSet<Vec<u8>>,
    /// The plans of those statements whose plan holds.
    prepared: HashMap<Vec<u8>, Arc<Rewrite>>,
    cursors: Cursors,
    /// Whether the plan depends on them, and must not be kept.
    asked: AtomicBool,
}

impl LiveNames for Live {
    fn protected_statement(&self, name: &str) -> bool {
        self.asked.store(true, Ordering::Relaxed);
        self.statements.contains(name.as_bytes())
    }

    fn protected_portal(&self, name: &str) -> bool {
        self.asked.store(true, Ordering::Relaxed);
        self.portals.contains(name.as_bytes())
    }

    fn prepared(&self, name: &str) -> Option<Arc<Rewrite>> {
        self.asked.store(true, Ordering::Relaxed);
        self.prepared.get(name.as_bytes()).cloned()
    }

    fn cursor(&self, name: &str) -> Option<Arc<Cursor>> {
        self.asked.store(true, Ordering::Relaxed);
        self.cursors.get(name).map(|(cursor, _)| Arc::clone(cursor))
    }
}

/// The formats of a statement's outputs, and its formulas with their parameters in place.
type BoundOutputs = (Vec<Format>, Vec<Option<ReadyFormula>>);

impl Machine {
    fn live(&self) -> Live {
        let statements = self.statements.named().filter(|(_, s)| s.planned.is_some());
        let version = self.catalog.version();
        let prepared = self.statements.named().filter_map(|(name, statement)| {
            let origin = statement.origin.as_ref()?;
            let holds = origin.catalog.get() == version && !origin.lost.get();
            let planned = statement.planned.as_ref().filter(|_| holds)?;
            Some((name.to_vec(), Arc::clone(&planned.rewrite)))
        });
        let portals = self.portals.named().filter(|(_, p)| p.bound.is_some());
        Live {
            statements: statements.map(|(name, _)| name.to_vec()).collect(),
            portals: portals.map(|(name, _)| name.to_vec()).collect(),
            prepared: prepared.collect(),
            cursors: self.cursors.clone(),
            asked: AtomicBool::new(false),
        }
    }

    /// Makes sure that the plans of statements which a text may run by name still hold.
    fn recheck(&mut self, text: &[u8]) {
        const WORD: &[u8] = b"execute";
        let named = memchr::memchr2_iter(b'e', b'E', text)
            .any(|at| text.get(at..at + WORD.len()).is_some_and(|word| word.eq_ignore_ascii_case(WORD)));
        if !named {
            return;
        }
        let version = self.catalog.version();
        let old =
            |statement: &&Statement| statement.origin.as_ref().is_some_and(|o| o.catalog.get() != version);
        let old: Vec<Statement> = self.statements.named().map(|(_, s)| s).filter(old).cloned().collect();
        // Those that still hold are marked so; the others are refused when they are named.
        old.iter().for_each(|statement| drop(self.check_plan(statement)));
    }

    /// Checks what the planner takes for granted, and reads the text.
    fn readable<'t>(&self, text: &'t [u8]) -> Result<&'t str, Refusal> {
        let environment = self.fresh.environment().ok_or_else(broken_plan)?;
        if let Some(refusal) = other_encoding(environment) {
            return Err(refusal);
        }
        std::str::from_utf8(text).map_err(|_| Refusal {
            sqlstate: "22021",
            message: "invalid byte sequence for encoding \"UTF8\"".into(),
            detail: None,
            hint: None,
            position: None,
        })
    }

    /// Plans the statement of a Parse message, or finds the plan made before.
    pub(super) fn plan_statement(
        &mut self,
        source: &[u8],
        oids: impl ExactSizeIterator<Item = u32> + Clone,
    ) -> Ready {
        self.plans.validate(self.catalog.version(), self.fresh.generation());
        let key = key(source, oids.clone());
        if let Some(ready) = self.plans.get(&key) {
            return ready;
        }
        self.recheck(source);
        let text = match self.readable(source) {
            Ok(text) => text,
            Err(refusal) => return Ready::Refused(Arc::new(refusal)),
        };
        let Some(environment) = self.fresh.environment() else {
            return Ready::Refused(Arc::new(broken_plan()));
        };
        let live = self.live();
        let scope = Scope { catalog: &self.catalog, environment, names: &live };
        let announced: Vec<u32> = oids.collect();
        let plan = sql::plan_statement(text, &announced, &scope);
        let ready = match (plan.cleared(), plan) {
            (Some(cleared), Plan::Forward) => Ready::Forward(cleared),
            (None, Plan::Forward) => Ready::Refused(Arc::new(broken_plan())),
            (_, Plan::Refuse(refusal)) => Ready::Refused(refusal),
            (_, Plan::Rewrite(rewrite)) => match Planned::new(rewrite, source) {
                Some(planned) => Ready::Planned(Rc::new(planned)),
                None => Ready::Refused(Arc::new(broken_plan())),
            },
        };
        if !live.asked.load(Ordering::Relaxed) {
            self.plans.put(key, ready.clone());
        }
        ready
    }

    /// Plans the text of a Query message.
    pub(super) fn plan_script(&mut self, text: &[u8]) -> Result<Script, Refusal> {
        self.recheck(text);
        let text = self.readable(text)?;
        let environment = self.fresh.environment().ok_or_else(broken_plan)?;
        let live = self.live();
        Ok(sql::plan_script(text, &Scope { catalog: &self.catalog, environment, names: &live }))
    }

    /// What becomes of a simple query. `None`: it is to be looked at again later.
    pub(super) fn plan_query(&mut self, text: &[u8]) -> Option<(Entry, Ruling)> {
        let script = match self.plan_script(text) {
            Ok(Script::Rewrite(script)) => script,
            Ok(script @ Script::Forward) => {
                return Some((Entry::Query(Mask::None, None), Ruling::Forward(script.cleared())));
            }
            Err(refusal) => return Some(self.refuse_query(refusal)),
        };
        if ScriptRun::uses_keys(&script) {
            if self.await_lease() {
                return None;
            }
            if let Some(refusal) = self.lease_over() {
                return Some(self.refuse_query(refusal));
            }
        }
        let found = match self.refine_query(&script, text) {
            Refined::Ready(found) => found,
            Refined::Due => return None,
            Refined::Failed(failure) => return Some(self.refuse_query_masked(failure.mask())),
        };
        let start = self.composed.len();
        let frame = build::begin(&mut self.composed, b'Q');
        let run = ScriptRun::new(script, text, &found, &mut self.transformer, &mut self.composed);
        let Some(run) = run else {
            self.composed.truncate(start);
            return Some(self.refuse_query(broken_plan()));
        };
        self.composed.push(0);
        build::end(&mut self.composed, frame);
        Some((Entry::Query(Mask::None, Some(Box::new(run))), Ruling::Replace))
    }

    /// Sends what is sure to fail, with our error over the server's.
    pub(super) fn refuse_query(&mut self, refusal: Refusal) -> (Entry, Ruling) {
        self.refuse_query_masked(Mask::Refused(Arc::new(refusal)))
    }

    fn refuse_query_masked(&mut self, mask: Mask) -> (Entry, Ruling) {
        build::frame(&mut self.composed, b'Q', |out| build::cstr(out, REFUSED_TEXT.as_bytes()));
        (Entry::Query(mask, None), Ruling::Replace)
    }

    /// Writes the Bind of a planned statement. Gives the formats that the client wants, or why not.
    pub(super) fn bind_planned(
        &mut self,
        body: &[u8],
        planned: &Planned,
        found: &[Found],
    ) -> Result<Result<BoundOutputs, Refusal>, End> {
        if planned.uses_keys
            && let Some(refusal) = self.lease_over()
        {
            return Ok(Err(refusal));
        }
        let bind = Bind::parse(body).map_err(End::Client)?;
        let params = planned.rewrite.params.len();
        if bind.count() != params {
            let name = String::from_utf8_lossy(bind.statement);
            let message = format!(
                "bind message supplies {} parameters, but prepared statement \"{name}\" requires {params}",
                bind.count()
            );
            return Ok(Err(refusal("08P01", message)));
        }
        let formats = match result_formats(&bind, planned) {
            Ok(formats) => formats,
            Err(refusal) => return Ok(Err(refusal)),
        };
        let formulas = match self.bind_formulas(&bind, planned) {
            Ok(formulas) => formulas,
            Err(refusal) => return Ok(Err(refusal)),
        };
        let start = self.composed.len();
        let frame = build::begin(&mut self.composed, b'B');
        build::cstr(&mut self.composed, bind.portal);
        build::cstr(&mut self.composed, if found.is_empty() { bind.statement } else { REFINED });
        if let Err(refusal) = self.bind_values(&bind, planned, &|_| true, found) {
            self.composed.truncate(start);
            return Ok(Err(refusal));
        }
        write_result_formats(&bind, planned, &mut self.composed);
        build::end(&mut self.composed, frame);
        Ok(Ok((formats, formulas)))
    }

    /// Puts the parameters into the formulas of the outputs.
    fn bind_formulas(
        &self,
        bind: &Bind<'_>,
        planned: &Planned,
    ) -> Result<Vec<Option<ReadyFormula>>, Refusal> {
        let values: Vec<Option<&[u8]>> = bind.values().collect();
        let input = |n: usize| {
            let bytes = values.get(n).copied().flatten()?;
            Some(if bind.formats.code(n) == 1 { Input::Binary(bytes) } else { Input::Text(bytes) })
        };
        self.transformer.prepare_outputs(&planned.rewrite.outputs, &input).map_err(from_transform)
    }

    /// Writes the formats and values of the server's parameters; NULL for those not `used`.
    pub(super) fn bind_values(
        &mut self,
        bind: &Bind<'_>,
        planned: &Planned,
        used: &dyn Fn(usize) -> bool,
        found: &[Found],
    ) -> Result<(), Refusal> {
        let out = &mut self.composed;
        build::count(out, planned.carriers.len());
        for carrier in &planned.carriers {
            let code = match carrier {
                Carrier::Plain(n) => bind.formats.code(*n),
                Carrier::Slot(_) => 1,
                Carrier::Hidden => 0,
            };
            out.extend_from_slice(&code.to_be_bytes());
        }
        build::count(out, planned.carriers.len());
        let values: Vec<Option<&[u8]>> = bind.values().collect();
        for (index, carrier) in planned.carriers.iter().enumerate() {
            if !used(index) {
                build::value(out, None);
                continue;
            }
            let slot = match carrier {
                Carrier::Plain(n) => {
                    build::value(out, values.get(*n).copied().flatten());
                    continue;
                }
                Carrier::Hidden => {
                    build::value(out, None);
                    continue;
                }
                Carrier::Slot(n) => planned.rewrite.slots.get(*n).ok_or_else(broken_plan)?,
            };
            let at = out.len();
            out.extend_from_slice(&(-1i32).to_be_bytes());
            if let Role::Refined(_, refinement, part) = &slot.role {
                let found = found.get(*refinement).ok_or_else(broken_plan)?;
                if found.parameter(*part, out) {
                    set_length(out, at)?;
                }
                continue;
            }
            let input = match slot.source {
                Source::Literal(_) | Source::Candidates => None,
                Source::Param(n) => match (values.get(n).copied().flatten(), bind.formats.code(n)) {
                    (None, _) => None,
                    (Some(bytes), 0) => Some(Input::Text(bytes)),
                    (Some(bytes), 1) => Some(Input::Binary(bytes)),
                    (Some(_), code) => {
                        return Err(refusal("22023", format!("unsupported format code: {code}")));
                    }
                },
            };
            if self.transformer.seal_slot(slot, input, out).map_err(from_transform)? {
                set_length(out, at)?;
            }
        }
        Ok(())
    }
}

/// Writes the length of the value behind the length field at `at`.
fn set_length(out: &mut [u8], at: usize) -> Result<(), Refusal> {
    let length = i32::try_from(out.len() - at - 4).map_err(|_| broken_plan())?;
    if let Some(field) = out.get_mut(at..at + 4) {
        field.copy_from_slice(&length.to_be_bytes());
    }
    Ok(())
}

/// An error of the value's.
pub(super) fn from_transform(error: TransformError) -> Refusal {
    Refusal { hint: error.hint, ..refusal(error.sqlstate, error.message) }
}

fn refusal(sqlstate: &'static str, message: String) -> Refusal {
    Refusal { sqlstate, message, detail: None, hint: None, position: None }
}

/// The formats that the client wants, one per output of the plan.
fn result_formats(bind: &Bind<'_>, planned: &Planned) -> Result<Vec<Format>, Refusal> {
    let outputs = planned.rewrite.outputs.iter().enumerate();
    outputs
        .map(|(n, output)| match (bind.results.code(n), output) {
            (0, _) => Ok(Format::Text),
            (1, _) => Ok(Format::Binary),
            // The server has its own word on the others.
            (_, Output::Plain) => Ok(Format::Text),
            (code, _) => Err(refusal("22023", format!("unsupported format code: {code}"))),
        })
        .collect()
}

/// Envelopes always come as bytes.
fn write_result_formats(bind: &Bind<'_>, planned: &Planned, out: &mut Vec<u8>) {
    let outputs = &planned.rewrite.outputs;
    // With a wrong number of codes the server says so.
    if !planned.opens || (bind.results.len() > 1 && bind.results.len() != outputs.len()) {
        build::count(out, bind.results.len());
        bind.results.iter().for_each(|code| out.extend_from_slice(&code.to_be_bytes()));
        return;
    }
    build::count(out, outputs.len());
    for (n, output) in outputs.iter().enumerate() {
        let code = match output {
            // What is nested passes in the client's format, with envelopes in that format too.
            Output::Plain | Output::Nested { .. } => bind.results.code(n),
            Output::Open { .. } | Output::Computed(_) => 1,
        };
        out.extend_from_slice(&code.to_be_bytes());
    }
}
