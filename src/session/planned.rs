//! A plan made ready for the wire: text, parameters, positions.

use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;

use crate::catalog::{Catalog, EncryptedColumn};
use crate::sql::plan::{
    Output, Piece, REFUSED_TEXT, RefinedPart, Refusal, Rewrite, Role, ScriptRewrite, Slot, Special,
};
use crate::transform::{ReadyFormula, Sent, TransformError, Transformer};
use crate::value::{Format, Type};
use crate::wire::backend::{Field, Fields, RowDescription};
use crate::wire::build;

use super::conflict::{conflicts, has_on_conflict, lost_race};
use super::literal::bytea_from_text;
use super::literal::literal;
use super::nested;
use super::plan::from_transform;
use super::refined::Found;
use super::slots::{candidate_queries, literal_slot, placeholder, seal_literals};
use super::spans::{Spans, render};

/// `bytea`
const BYTEA: u32 = 17;
/// `bool`
const BOOL: u32 = 16;
/// `text`
const TEXT: u32 = 25;
/// `record`
const RECORD: u32 = 2249;
/// `bytea[]`
const BYTEA_ARRAY: u32 = 1001;

/// A rewritten statement of the extended protocol.
#[derive(Debug)]
pub(super) struct Planned {
    /// The plan.
    pub rewrite: Arc<Rewrite>,
    /// What the server gets.
    pub text: Vec<u8>,
    /// The queries for the candidates of its refinements.
    pub candidates: Vec<Vec<u8>>,
    /// Types announced to the server, one per parameter of its.
    pub oids: Vec<u32>,
    /// Where each parameter of the server comes from.
    pub carriers: Vec<Carrier>,
    /// Whether an output is to be opened.
    pub opens: bool,
    /// Whether a value is sealed, or terms are compared.
    pub uses_keys: bool,
    spans: Spans,
}

/// Where a parameter of the server comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Carrier {
    /// The client's parameter with this index, as it came.
    Plain(usize),
    /// A sealed slot.
    Slot(usize),
    /// NULL: only formulas use the client's parameter in this place.
    Hidden,
}

/// A portal of a rewritten statement.
#[derive(Debug)]
pub(super) struct BoundPortal {
    /// Its statement.
    pub planned: Rc<Planned>,
    /// Formats that the client wants, one per output.
    pub formats: Vec<Format>,
    /// Formulas of its outputs, one per output if there is any.
    pub formulas: Vec<Option<ReadyFormula>>,
    /// Counter of the keyring that its values were sealed under.
    pub epoch: u64,
    /// How often the proxy had lost its lease then.
    pub lapses: u64,
    /// Whether anything can come of it.
    pub fate: Cell<Fate>,
}

/// Whether anything can come of a portal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// It may run, or go on.
    Open,
    /// It has run to its end.
    Spent,
    /// It was refused, and will be again.
    Refused,
}

/// A simple query under way.
#[derive(Debug)]
pub(super) struct ScriptRun {
    /// The plan.
    pub script: Arc<ScriptRewrite>,
    /// The statement that is answered now.
    pub index: usize,
    /// Statements refused for a value in them.
    refused: Vec<Option<Arc<Refusal>>>,
    /// Formulas of the outputs of each statement.
    formulas: Vec<Vec<Option<ReadyFormula>>>,
    /// Statements that say ON CONFLICT; empty if the text does not.
    conflicts: Vec<bool>,
    /// As many as the widest statement with binary rows has columns.
    binary: Vec<Format>,
    spans: Spans,
}

impl Planned {
    /// Makes a plan ready. `None` if it contradicts itself.
    pub(super) fn new(rewrite: Arc<Rewrite>, client: &[u8]) -> Option<Planned> {
        let plain = rewrite.params.iter().enumerate().filter(|(_, p)| p.slots.is_empty());
        let most = rewrite.slots.iter().map(|s| usize::from(s.server_param));
        let count = most.chain(plain.clone().map(|(n, _)| n + 1)).max().unwrap_or(0);
        let mut carriers = vec![None; count];
        for (n, param) in plain {
            *carriers.get_mut(n)? = Some(if param.hidden { Carrier::Hidden } else { Carrier::Plain(n) });
        }
        for (index, slot) in rewrite.slots.iter().enumerate().filter(|(_, slot)| slot.server_param > 0) {
            let place = carriers.get_mut(usize::from(slot.server_param).checked_sub(1)?)?;
            if place.replace(Carrier::Slot(index)).is_some() {
                return None;
            }
        }
        let carriers = carriers.into_iter().collect::<Option<Vec<_>>>()?;
        let oids = carriers.iter().map(|c| oid(&rewrite, *c)).collect::<Option<Vec<_>>>()?;
        let mut text = Vec::new();
        let spans = render(&rewrite.pieces, client, &mut text, |n, out| placeholder(&rewrite.slots, n, out))?;
        let candidates = candidate_queries(&rewrite, client)?;
        let special = &rewrite.special;
        let opens = rewrite.outputs.iter().any(Output::opens) || special.copy.is_some();
        let uses_keys = uses_keys(&rewrite.slots, &rewrite.pieces) || special.seals();
        Some(Planned { rewrite, text, candidates, oids, carriers, opens, uses_keys, spans })
    }

    /// Whether literals are sealed in its text: it runs a statement that takes no parameters.
    pub(super) fn is_late(&self) -> bool {
        self.rewrite.slots.iter().any(|slot| slot.server_param == 0)
    }

    /// The same with its literals sealed under the keys of now. `None` if it contradicts itself.
    pub(super) fn sealed(
        &self,
        client: &[u8],
        transformer: &mut Transformer,
    ) -> Result<Option<Planned>, TransformError> {
        let mut values = Vec::with_capacity(self.rewrite.slots.len());
        for slot in &self.rewrite.slots {
            let mut bytes = Vec::new();
            let present = slot.server_param == 0 && transformer.seal_slot(slot, None, &mut bytes)?;
            values.push(present.then_some(bytes));
        }
        let mut text = Vec::new();
        let spans = render(&self.rewrite.pieces, client, &mut text, |n, out| {
            let slot = self.rewrite.slots.get(n)?;
            if slot.server_param == 0 {
                return literal(values.get(n)?.as_deref(), slot.role.is_array(), out);
            }
            out.extend_from_slice(format!("${}", slot.server_param).as_bytes());
            Some(())
        });
        Ok(spans.map(|spans| Planned {
            rewrite: Arc::clone(&self.rewrite),
            text,
            candidates: self.candidates.clone(),
            oids: self.oids.clone(),
            carriers: self.carriers.clone(),
            opens: self.opens,
            uses_keys: self.uses_keys,
            spans,
        }))
    }

    /// Whether a client that knows the other one sees no difference: the same parameters and columns.
    pub(super) fn looks_like(&self, other: &Planned) -> bool {
        let (mine, yours) = (&self.rewrite, &other.rewrite);
        let params = mine.params.iter().zip(&yours.params);
        let outputs = mine.outputs.iter().zip(&yours.outputs);
        mine.params.len() == yours.params.len()
            && params.into_iter().all(|(a, b)| (a.type_oid, a.announced) == (b.type_oid, b.announced))
            && mine.outputs.len() == yours.outputs.len()
            && outputs.into_iter().all(|(a, b)| match (a, b) {
                (Output::Plain, Output::Plain) => true,
                (Output::Open { column: a, casts: x, .. }, Output::Open { column: b, casts: y, .. }) => {
                    x.last().unwrap_or(&a.ty) == y.last().unwrap_or(&b.ty)
                }
                (Output::Nested { .. }, Output::Nested { .. }) => a == b,
                (Output::Computed(a), Output::Computed(b)) => a.formula.ty() == b.formula.ty(),
                _ => false,
            })
            && mine.command_tag == yours.command_tag
            && mine.special.copy.is_some() == yours.special.copy.is_some()
    }

    /// Whether the server gets the same text, values are sealed for the same columns, and outputs are the same.
    pub(super) fn same_as(&self, other: &Planned) -> bool {
        let (mine, yours) = (&self.rewrite, &other.rewrite);
        let slots = mine.slots.iter().zip(&yours.slots);
        self.text == other.text
            && self.candidates == other.candidates
            && mine.refinements == yours.refinements
            && self.oids == other.oids
            && self.carriers == other.carriers
            && mine.outputs == yours.outputs
            && mine.special.copy == yours.special.copy
            && mine.slots.len() == yours.slots.len()
            && slots
                .into_iter()
                .all(|(a, b)| a.role == b.role && a.source_type == b.source_type && a.casts == b.casts)
    }

    /// The client's position for one of the server's.
    pub(super) fn position(&self, server: u32) -> Option<u32> {
        self.spans.client_position(server)
    }

    /// Whether an error means that it lost a race which it should have won.
    pub(super) fn lost_race(&self, fields: &Fields<'_>) -> Option<Refusal> {
        let race = lost_race(fields, &self.rewrite.pieces)?;
        has_on_conflict(&self.text).then_some(race)
    }
}

/// Whether a value is sealed, or terms are compared.
fn uses_keys(slots: &[Slot], pieces: &[Piece]) -> bool {
    let term = |piece: &Piece| matches!(piece, Piece::Text(text) if text.contains("pyrite."));
    !slots.is_empty() || pieces.iter().any(term)
}

fn oid(rewrite: &Rewrite, carrier: Carrier) -> Option<u32> {
    match carrier {
        Carrier::Plain(n) => rewrite.params.get(n).map(|p| p.announced),
        Carrier::Hidden => Some(TEXT),
        Carrier::Slot(n) => rewrite.slots.get(n).map(|s| match s.role {
            Role::Refined(_, _, RefinedPart::OnNull) => BOOL,
            _ if s.role.is_array() => BYTEA_ARRAY,
            _ => BYTEA,
        }),
    }
}

impl ScriptRun {
    /// Writes a script's text with its literals sealed. A statement with a value that is refused is replaced
    /// by one that fails. `None` if the plan contradicts itself.
    pub(super) fn new(
        script: Arc<ScriptRewrite>,
        client: &[u8],
        found: &[Found],
        transformer: &mut Transformer,
        out: &mut Vec<u8>,
    ) -> Option<ScriptRun> {
        let sealed = seal_literals(&script.slots, transformer);
        let mut refused = Vec::new();
        let mut formulas = Vec::new();
        for statement in &script.statements {
            let ready = transformer.prepare_outputs(&statement.outputs, &|_| None);
            let mut slots =
                script.pieces.get(statement.pieces.clone())?.iter().filter_map(|piece| match piece {
                    Piece::Slot(n) => sealed.get(*n),
                    _ => None,
                });
            let error: Option<&TransformError> = slots.find_map(|slot| slot.as_ref().err());
            let error = error.or(ready.as_ref().err());
            refused.push(error.map(|error| Arc::new(from_transform(error.clone()))));
            formulas.push(ready.unwrap_or_default());
        }
        let stand_in = Piece::Text(REFUSED_TEXT.to_owned());
        let pieces = script.pieces.iter().enumerate().filter_map(|(n, piece)| {
            let statements = script.statements.iter().zip(&refused);
            let replaced =
                statements.filter(|(_, error)| error.is_some()).find(|(s, _)| s.pieces.contains(&n));
            match replaced {
                None => Some(piece),
                Some((statement, _)) => (statement.pieces.start == n).then_some(&stand_in),
            }
        });
        let spans = render(pieces, client, out, |n, out| literal_slot(&script, &sealed, found, n, out))?;
        let conflicts = conflicts(&script, client);
        let binary = script.statements.iter().filter(|s| s.special.binary).map(|s| s.outputs.len());
        let binary = vec![Format::Binary; binary.max().unwrap_or(0)];
        Some(ScriptRun { script, index: 0, refused, formulas, conflicts, binary, spans })
    }

    /// Whether a statement of the script seals a value or compares terms.
    pub(super) fn uses_keys(script: &ScriptRewrite) -> bool {
        uses_keys(&script.slots, &script.pieces) || script.statements.iter().any(|s| s.special.seals())
    }

    /// The outputs of the statement that is answered now.
    pub(super) fn outputs(&self) -> &[Output] {
        self.script.statements.get(self.index).map_or(&[], |s| s.outputs.as_slice())
    }

    /// Their formulas.
    pub(super) fn formulas(&self) -> &[Option<ReadyFormula>] {
        self.formulas.get(self.index).map_or(&[], Vec::as_slice)
    }

    /// Whether nothing follows that statement.
    pub(super) fn is_last(&self) -> bool {
        self.index + 1 >= self.script.statements.len()
    }

    /// What only some statements have, of that statement.
    pub(super) fn special(&self) -> Option<&Special> {
        self.script.statements.get(self.index).map(|s| &s.special)
    }

    /// The formats in which its rows come and go; none is text.
    pub(super) fn formats(&self) -> &[Format] {
        if self.special().is_some_and(|special| special.binary) { &self.binary } else { &[] }
    }

    /// The command tag to show for it.
    pub(super) fn command_tag(&self) -> Option<&'static str> {
        self.script.statements.get(self.index)?.command_tag
    }

    /// Whether an error of it means that it lost a race which it should have won.
    pub(super) fn lost_race(&self, fields: &Fields<'_>) -> Option<Refusal> {
        self.conflicts.get(self.index).filter(|says| **says)?;
        let statement = self.script.statements.get(self.index)?;
        lost_race(fields, self.script.pieces.get(statement.pieces.clone())?)
    }

    /// The error to show for it.
    pub(super) fn refusal(&self) -> Option<&Arc<Refusal>> {
        let planned = self.script.statements.get(self.index)?.refusal.as_ref();
        planned.or_else(|| self.refused.get(self.index)?.as_ref())
    }

    /// The client's position for one of the server's.
    pub(super) fn position(&self, server: u32) -> Option<u32> {
        self.spans.client_position(server)
    }
}

/// Checks a RowDescription against the plan. `Err` names what differs.
pub(super) fn check_outputs(
    row: &RowDescription<'_>,
    outputs: &[Output],
    catalog: &Catalog,
) -> Result<(), &'static str> {
    if outputs.is_empty() {
        return check_plain(row, catalog);
    }
    if row.count() != outputs.len() {
        return Err("the server shows another number of columns than was planned");
    }
    for (field, output) in row.fields().zip(outputs) {
        match output {
            Output::Plain => check_field(&field, catalog)?,
            Output::Nested { shape, as_text, .. } => {
                if !nested::fits(shape, *as_text, field.type_oid) {
                    return Err(
                        "the server shows another type than was planned for a value with encrypted columns in it",
                    );
                }
            }
            Output::Computed(computation) => {
                let planned = match computation.inputs.as_slice() {
                    [_] => field.type_oid == BYTEA || is_domain(&field, catalog),
                    _ => field.type_oid == RECORD,
                };
                if !planned {
                    return Err("the server shows another type than was planned for a computed output");
                }
            }
            Output::Open { origin, .. } => {
                if field.type_oid != BYTEA && !is_domain(&field, catalog) {
                    return Err("the server shows another type than was planned for an encrypted column");
                }
                if origin.is_some_and(|(table, attnum)| (field.table, field.attnum) != (table, attnum)) {
                    return Err("the server shows another column than was planned");
                }
            }
        }
    }
    Ok(())
}

/// The domain is shown as its base type; PostgreSQL keeps the domain's own OID nowhere in a result.
fn is_domain(field: &Field<'_>, catalog: &Catalog) -> bool {
    let column = catalog
        .relation_by_oid(field.table)
        .and_then(|r| r.columns.iter().find(|c| c.attnum == field.attnum));
    column.is_some_and(|c| c.encrypted.is_some() && c.type_oid == field.type_oid)
}

/// Checks that no column of a result is an encrypted one.
pub(super) fn check_plain(row: &RowDescription<'_>, catalog: &Catalog) -> Result<(), &'static str> {
    row.fields().try_for_each(|field| check_field(&field, catalog))
}

fn check_field(field: &Field<'_>, catalog: &Catalog) -> Result<(), &'static str> {
    if field.table == 0 {
        return Ok(());
    }
    let Some(relation) = catalog.relation_by_oid(field.table) else {
        return Ok(());
    };
    match relation.columns.iter().find(|c| c.attnum == field.attnum) {
        Some(column) if column.encrypted.is_some() => {
            Err("the server shows an encrypted column where none was planned")
        }
        _ => Ok(()),
    }
}

/// Writes a RowDescription as the client shall see it.
pub(super) fn describe(row: &RowDescription<'_>, outputs: &[Output], formats: &[Format], out: &mut Vec<u8>) {
    build::frame(out, b'T', |out| {
        build::count(out, row.count());
        for (n, mut field) in row.fields().enumerate() {
            if let Some(Output::Open { column, casts, shown, .. }) = outputs.get(n) {
                let ty: &Type = casts.last().unwrap_or(&column.ty);
                (field.type_oid, field.typlen, field.typmod) = (ty.oid(), ty.typlen(), ty.typmod());
                field.format = i16::from(formats.get(n) == Some(&Format::Binary));
                if let Some(origin) = shown {
                    (field.table, field.attnum) = *origin;
                }
                if !casts.is_empty() {
                    // A cast column has no origin.
                    (field.table, field.attnum) = (0, 0);
                }
            }
            if let Some(Output::Nested { shown, .. }) = outputs.get(n) {
                if let Some((oid, typmod)) = shown {
                    (field.type_oid, field.typmod) = (*oid, *typmod);
                }
                field.format = i16::from(formats.get(n) == Some(&Format::Binary));
            }
            if let Some(Output::Computed(computation)) = outputs.get(n) {
                let ty = computation.formula.ty();
                (field.type_oid, field.typlen, field.typmod) = (ty.oid(), ty.typlen(), ty.typmod());
                field.format = i16::from(formats.get(n) == Some(&Format::Binary));
                (field.table, field.attnum) = (0, 0);
            }
            build::cstr(out, field.name);
            out.extend_from_slice(&field.table.to_be_bytes());
            out.extend_from_slice(&field.attnum.to_be_bytes());
            out.extend_from_slice(&field.type_oid.to_be_bytes());
            out.extend_from_slice(&field.typlen.to_be_bytes());
            out.extend_from_slice(&field.typmod.to_be_bytes());
            out.extend_from_slice(&field.format.to_be_bytes());
        }
    });
}

/// How the server shows envelopes in a result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shown {
    /// As bytes.
    Binary,
    /// In the text format of `bytea`.
    Text,
}

/// Writes a DataRow with its envelopes opened.
pub(super) fn open_row<'a>(
    values: impl Iterator<Item = Option<&'a [u8]>>,
    outputs: &[Output],
    formulas: &[Option<ReadyFormula>],
    formats: &[Format],
    shown: Shown,
    transformer: &mut Transformer,
    out: &mut Vec<u8>,
) -> Result<(), TransformError> {
    let frame = build::begin(out, b'D');
    build::count(out, outputs.len());
    let mut bytes = Vec::new();
    for (n, value) in values.enumerate() {
        match (outputs.get(n), value) {
            (Some(Output::Open { column, casts, .. }), Some(value)) => {
                let envelope = match shown {
                    Shown::Binary => value,
                    Shown::Text => bytea_from_text(value, &mut bytes).ok_or_else(|| not_bytea(column))?,
                };
                let format = formats.get(n).copied().unwrap_or(Format::Text);
                let at = out.len();
                out.extend_from_slice(&[0; 4]);
                transformer.open(column, casts, envelope, format, out)?;
                let length = i32::try_from(out.len() - at - 4).map_err(|_| too_long(column))?;
                if let Some(field) = out.get_mut(at..at + 4) {
                    field.copy_from_slice(&length.to_be_bytes());
                }
            }
            (Some(Output::Nested { shape, as_text, .. }), Some(value)) => {
                let format = formats.get(n).copied().unwrap_or(Format::Text);
                nested::open(shape, *as_text, value, format, transformer, out)?;
            }
            (Some(Output::Computed(_)), value) => {
                let Some(Some(ready)) = formulas.get(n) else { return Err(no_formula()) };
                let sent = if shown == Shown::Binary { Sent::Binary } else { Sent::Text };
                let format = formats.get(n).copied().unwrap_or(Format::Text);
                let at = out.len();
                out.extend_from_slice(&(-1i32).to_be_bytes());
                if transformer.compute(ready, value, sent, format, out)? {
                    let length = i32::try_from(out.len() - at - 4).map_err(|_| no_formula())?;
                    if let Some(field) = out.get_mut(at..at + 4) {
                        field.copy_from_slice(&length.to_be_bytes());
                    }
                }
            }
            (_, value) => build::value(out, value),
        }
    }
    build::end(out, frame);
    Ok(())
}

fn no_formula() -> TransformError {
    TransformError { sqlstate: "XX000", message: "a computed output cannot be shown".to_owned(), hint: None }
}

fn not_bytea(column: &EncryptedColumn) -> TransformError {
    TransformError {
        sqlstate: "XX001",
        message: format!("encrypted column {}: the server sent a value that is no bytea", column.name),
        hint: None,
    }
}

fn too_long(column: &EncryptedColumn) -> TransformError {
    TransformError {
        sqlstate: "54000",
        message: format!("encrypted column {}: the value is too long for a message", column.name),
        hint: None,
    }
}
