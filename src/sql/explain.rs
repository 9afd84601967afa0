//! What a plan does with each literal, each output and each name: for people.

use std::fmt::Write as _;

use super::plan::{CopyDirection, Naming, Output, Piece, Refusal, Slot, Source, Special};

/// One line for each literal that is sealed, with its place in the client's text.
pub(super) fn literals(out: &mut String, pieces: &[Piece], slots: &[Slot], client: &str) {
    let mut at = 0;
    for piece in pieces {
        match piece {
            Piece::Source(range) => at = range.end,
            Piece::Text(_) => {}
            Piece::Slot(index) => {
                let Some(slot) = slots.get(*index).filter(|slot| matches!(slot.source, Source::Literal(_)))
                else {
                    continue;
                };
                let character = client.get(..at).map_or(0, |before| before.chars().count() + 1);
                let _ =
                    writeln!(out, "  literal at character {character}: {}", super::describe::slot_text(slot));
            }
        }
    }
}

/// One line for each output that goes as the server sends it, where others do not.
pub(super) fn plain_outputs(out: &mut String, outputs: &[Output]) {
    let plain = outputs.iter().enumerate().filter(|(_, output)| **output == Output::Plain);
    let numbers: Vec<String> = plain.map(|(index, _)| (index + 1).to_string()).collect();
    if !numbers.is_empty() {
        let _ = writeln!(out, "  column {}: plain, as the server sends it", numbers.join(", "));
    }
}

/// What only some statements have.
pub(super) fn special(out: &mut String, special: &Special) {
    if let Some(copy) = &special.copy {
        let what = match copy.direction {
            CopyDirection::FromClient => "sealed on the way to the server",
            CopyDirection::ToClient => "opened on the way to the client",
        };
        for column in copy.columns.iter().filter(|column| column.value != Output::Plain) {
            let _ = writeln!(out, "  data of column {}: {what}", column.name);
        }
    }
    match &special.naming {
        Some(Naming::Prepare(name, Some(prepared))) => {
            let _ = writeln!(out, "  EXECUTE {name} seals its arguments and opens its rows by this plan:");
            for line in super::plan::Plan::Rewrite(prepared.rewrite.clone()).describe(&prepared.text).lines()
            {
                let _ = writeln!(out, "    {line}");
            }
        }
        Some(Naming::Declare { name, cursor: Some(cursor), .. }) => {
            let _ = writeln!(out, "  FETCH from {name} gives:");
            super::describe::describe_outputs(out, &cursor.outputs);
        }
        _ => {}
    }
}

/// Where in the client's text a refusal points, and what stands there.
pub(super) fn place(out: &mut String, refusal: &Refusal, client: &str) {
    let Some(position) = refusal.position else { return };
    let behind = usize::try_from(position.saturating_sub(1)).unwrap_or(usize::MAX);
    let mut rest = client.chars().skip(behind).peekable();
    // A literal's value is never shown, and neither is what may be part of one.
    let named = rest.peek().is_some_and(|c| c.is_alphabetic() || "_\"".contains(*c));
    let word = rest.take_while(|c| c.is_alphanumeric() || "_.\"".contains(*c)).take(64);
    let shown = if named { format!(" ({})", word.collect::<String>()) } else { String::new() };
    let _ = writeln!(out, "at character {position}{shown}");
}
