//! Simple queries: several statements in one text.

use std::ops::Range;
use std::sync::Arc;

use super::Scope;
use super::follow::Following;
use super::lexer::Tokens;
use super::overlay::Overlay;
use super::plan::{
    Piece, REFUSED_TEXT, Refinement, Refusal, Role, Script, ScriptRewrite, ScriptStatement, Special,
};
use super::planner::Mode;
use super::refuse::{Draft, unsupported};
use super::screen;
use super::statement::{self, Outcome};
use super::utility;
use crate::catalog::Catalog;

/// The statements of a text, empty ones left out: ranges of tokens without the semicolon.
pub(super) fn split(tokens: &Tokens<'_>) -> Vec<Range<usize>> {
    let mut list = Vec::new();
    let mut start = 0;
    let mut depth = 0usize;
    let mut block = 0usize;
    let mut create = tokens.is_word(0, "create");
    for index in 0..tokens.len() {
        match tokens.raw(index) {
            "(" | "[" => depth += 1,
            ")" | "]" => depth = depth.saturating_sub(1),
            ";" if depth == 0 && block == 0 => {
                if start < index {
                    list.push(start..index);
                }
                start = index + 1;
                create = tokens.is_word(start, "create");
            }
            // A body in SQL has semicolons of its own, and CASE has an END too.
            _ if create => {
                let atomic = tokens.is_word(index, "begin") && tokens.is_word(index + 1, "atomic");
                if atomic || (block > 0 && tokens.is_word(index, "case")) {
                    block += 1;
                } else if block > 0 && tokens.is_word(index, "end") {
                    block -= 1;
                }
            }
            _ => {}
        }
    }
    if start < tokens.len() {
        list.push(start..tokens.len());
    }
    list
}

/// Plans the text of a Query message.
pub(super) fn plan(text: &str, scope: &Scope<'_>) -> Script {
    let tokens = match statement::tokens(text, scope.environment) {
        Ok(tokens) => tokens,
        Err(error) => return whole(statement::lex_refusal(text, error)),
    };
    let mut script = Building::default();
    let mut at = 0;
    let mut following = Following::new(scope.catalog, scope.environment);
    for range in split(&tokens) {
        let span = tokens.start(range.start)..tokens.end(range.end.saturating_sub(1));
        let overlay = Overlay { base: scope.names, made: &following.names };
        let now = Scope { catalog: &following.catalog, environment: scope.environment, names: &overlay };
        let mut outcome = statement::one(&tokens, range.clone(), &now, Mode::Simple, &[]);
        let effect = screen(now.catalog, text.get(span.clone()).unwrap_or_default().as_bytes());
        // What a name means here would be known only after the statements before it ran.
        let made = |index| tokens.name(index).is_some_and(|name| following.made.contains(&name));
        let hidden = range.clone().any(made) && !utility::is_harmless(&tokens, range.clone());
        let depends = effect.touches && depends(&tokens, range.clone(), &outcome, now.catalog);
        if following.unknown && (depends || hidden) {
            outcome = Err(unsupported(
                "a statement over encrypted tables behind one that may change how names and values are read, in one simple query,",
                "Send the statements one by one.",
            )
            .at(Some(range.start)));
        }
        if let Ok(outcome) = &outcome {
            following.behind(&tokens, range, outcome, effect);
        }
        script.pieces.extend(source(at..span.start));
        at = span.end;
        match outcome {
            Ok(outcome) => script.add(outcome, span),
            Err(draft) => script.refuse(statement::finish(text, &tokens, *draft)),
        }
    }
    script.pieces.extend(source(at..text.len()));
    script.finish()
}

/// Whether another meaning of the names in a statement could make its plan wrong.
fn depends(
    tokens: &Tokens<'_>,
    range: Range<usize>,
    outcome: &Result<Outcome, Box<Draft>>,
    catalog: &Catalog,
) -> bool {
    let Ok(Outcome::Forward) = outcome else { return true };
    let names = statement::named(tokens, range.clone(), catalog).0;
    names && !utility::is_harmless(tokens, range)
}

fn source(range: Range<usize>) -> Option<Piece> {
    (!range.is_empty()).then_some(Piece::Source(range))
}

/// A text that no statement can be told from.
fn whole(refusal: Arc<Refusal>) -> Script {
    let statement = ScriptStatement {
        pieces: 0..1,
        outputs: Vec::new(),
        command_tag: None,
        special: Special::default(),
        refusal: Some(refusal),
    };
    Script::Rewrite(Arc::new(ScriptRewrite {
        pieces: vec![Piece::Text(REFUSED_TEXT.to_owned())],
        slots: Vec::new(),
        statements: vec![statement],
        refinements: Vec::new(),
    }))
}

/// The plan as it grows.
#[derive(Default)]
struct Building {
    pieces: Vec<Piece>,
    slots: Vec<super::plan::Slot>,
    statements: Vec<ScriptStatement>,
    refinements: Vec<Refinement>,
    changed: bool,
}

impl Building {
    fn add(&mut self, outcome: Outcome, span: Range<usize>) {
        let Outcome::Rewrite(done, command_tag) = outcome else {
            self.pieces.extend(source(span));
            return self.statement(1, Vec::new(), None, Special::default(), None);
        };
        let base = self.slots.len();
        let refined = self.refinements.len();
        self.changed = true;
        self.slots.extend(done.slots.into_iter().map(|mut slot| {
            if let Role::Refined(_, index, _) = &mut slot.role {
                *index += refined;
            }
            slot
        }));
        self.refinements.extend(done.refinements.into_iter().map(|mut refinement| {
            for piece in &mut refinement.candidates {
                if let Piece::Slot(slot) = piece {
                    *slot += base;
                }
            }
            refinement
        }));
        let count = done.pieces.len();
        self.pieces.extend(done.pieces.into_iter().map(|piece| match piece {
            Piece::Slot(slot) => Piece::Slot(base + slot),
            other => other,
        }));
        self.statement(count, done.outputs, command_tag, done.special, None);
    }

    /// The last `count` pieces are a statement.
    fn statement(
        &mut self,
        count: usize,
        outputs: Vec<super::plan::Output>,
        command_tag: Option<&'static str>,
        special: Special,
        refusal: Option<Arc<Refusal>>,
    ) {
        let pieces = self.pieces.len() - count..self.pieces.len();
        self.statements.push(ScriptStatement { pieces, outputs, command_tag, special, refusal });
    }

    fn refuse(&mut self, refusal: Arc<Refusal>) {
        self.changed = true;
        self.pieces.push(Piece::Text(REFUSED_TEXT.to_owned()));
        self.statement(1, Vec::new(), None, Special::default(), Some(refusal));
    }

    fn finish(self) -> Script {
        if !self.changed {
            return Script::Forward;
        }
        let Building { pieces, slots, statements, refinements, .. } = self;
        Script::Rewrite(Arc::new(ScriptRewrite { pieces, slots, statements, refinements }))
    }
}
