//! Bind messages of rewritten statements.

use crate::sql::plan::{Output, Rewrite, Slot, Source};
use crate::transform::{TransformError, Transformer};
use crate::value::{Format, Input};
use crate::wire::{build, frontend};

use super::text::parameter_count;
use super::{code, format, value};

/// Why a Bind cannot be passed on. Each is an error of the statement, not of the session.
#[derive(Debug)]
pub(in crate::session) enum BindError {
    /// A value cannot be sealed.
    Transform(TransformError),
    /// As PostgreSQL would say of the message: SQLSTATE and text.
    Message(&'static str, String),
}

impl From<TransformError> for BindError {
    fn from(error: TransformError) -> Self {
        BindError::Transform(error)
    }
}

/// Appends the server's Bind message, and returns the formats that the client wants, one per output column
/// (none if the plan has no outputs). On an error nothing is appended.
pub(in crate::session) fn bind(
    plan: &Rewrite,
    message: &frontend::Bind<'_>,
    transformer: &mut Transformer,
    out: &mut Vec<u8>,
) -> Result<Vec<Format>, BindError> {
    let wanted = wanted(plan, message)?;
    if message.count() != plan.params.len() {
        return Err(BindError::Message(
            "08P01",
            format!(
                "bind message supplies {} parameters, but prepared statement \"{}\" requires {}",
                message.count(),
                String::from_utf8_lossy(message.statement),
                plan.params.len()
            ),
        ));
    }
    let begin = out.len();
    let at = build::begin(out, b'B');
    build::cstr(out, message.portal);
    build::cstr(out, message.statement);
    match parameters(plan, message, transformer, out) {
        Ok(()) => {}
        Err(error) => {
            out.truncate(begin);
            return Err(error);
        }
    }
    results(plan, &wanted, message, out);
    build::end(out.get_mut(..).unwrap_or_default(), at);
    Ok(wanted)
}

/// What the client wants each output column in.
fn wanted(plan: &Rewrite, message: &frontend::Bind<'_>) -> Result<Vec<Format>, BindError> {
    if message.results.len() > 1 && !plan.outputs.is_empty() && message.results.len() != plan.outputs.len() {
        return Err(BindError::Message(
            "08P01",
            format!(
                "bind message has {} result formats but query has {} columns",
                message.results.len(),
                plan.outputs.len()
            ),
        ));
    }
    (0..plan.outputs.len()).map(|index| known_format(message.results.code(index))).collect()
}

fn known_format(number: i16) -> Result<Format, BindError> {
    format(number).ok_or_else(|| BindError::Message("22023", format!("unsupported format code: {number}")))
}

/// Formats and values of the server's parameters: those of the client in their places, sealed ones in binary.
fn parameters(
    plan: &Rewrite,
    message: &frontend::Bind<'_>,
    transformer: &mut Transformer,
    out: &mut Vec<u8>,
) -> Result<(), BindError> {
    let values: Vec<Option<&[u8]>> = message.values().collect();
    let count = parameter_count(plan);
    let mut sealed: Vec<Option<&Slot>> = vec![None; count];
    for slot in &plan.slots {
        let place = usize::from(slot.server_param).checked_sub(1).and_then(|at| sealed.get_mut(at));
        if let Some(place) = place {
            *place = Some(slot);
        }
    }
    build::count(out, count);
    for (index, slot) in sealed.iter().enumerate() {
        let code = if slot.is_some() { 1 } else { message.formats.code(index) };
        out.extend_from_slice(&code.to_be_bytes());
    }
    build::count(out, count);
    for (index, slot) in sealed.iter().enumerate() {
        let Some(slot) = slot else {
            build::value(out, values.get(index).copied().flatten());
            continue;
        };
        let input = match &slot.source {
            Source::Literal(_) => None,
            Source::Param(n) => match values.get(*n).copied().flatten() {
                None => None,
                Some(bytes) => Some(match known_format(message.formats.code(*n))? {
                    Format::Text => Input::Text(bytes),
                    Format::Binary => Input::Binary(bytes),
                }),
            },
        };
        value(out, |out| transformer.seal_slot(slot, input, out))?;
    }
    Ok(())
}

/// Result formats: envelopes always come in binary.
fn results(plan: &Rewrite, wanted: &[Format], message: &frontend::Bind<'_>, out: &mut Vec<u8>) {
    if plan.outputs.iter().any(|output| matches!(output, Output::Open { .. })) {
        build::count(out, plan.outputs.len());
        for (output, format) in plan.outputs.iter().zip(wanted) {
            let code = if matches!(output, Output::Open { .. }) { 1 } else { code(*format) };
            out.extend_from_slice(&code.to_be_bytes());
        }
        return;
    }
    build::count(out, message.results.len());
    for code in message.results.iter() {
        out.extend_from_slice(&code.to_be_bytes());
    }
}
