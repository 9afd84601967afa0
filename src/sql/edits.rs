//! Span edits on the client's text. What lies between them stays as it was written.

use std::ops::Range;

use super::plan::Piece;

/// What replaces a span.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Part {
    Text(String),
    Slot(usize),
    /// The client's own bytes, from here or elsewhere.
    Source(Range<usize>),
}

/// Where a new text stands to others at the same place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Order {
    /// Closes something that ends here: inner ones first.
    After(usize),
    /// Names what ends here, behind all that closes.
    Name,
    /// Another entry of the list, behind the name.
    Behind,
    /// Closes a whole query: inner ones first.
    Close(usize),
    /// Opens something that starts here: outer (later) ones first.
    Before(std::cmp::Reverse<usize>),
    /// Stands for the span.
    Replace,
}

#[derive(Clone, Debug)]
struct Edit {
    span: Range<usize>,
    order: Order,
    parts: Vec<Part>,
}

/// The edits of one statement.
#[derive(Clone, Debug, Default)]
pub(super) struct Edits {
    list: Vec<Edit>,
}

impl Edits {
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// How many edits there are.
    pub fn len(&self) -> usize {
        self.list.len()
    }

    /// Takes back all edits but the first `len`.
    pub fn truncate(&mut self, len: usize) {
        self.list.truncate(len);
    }

    pub fn before(&mut self, at: usize, text: impl Into<String>) {
        let order = Order::Before(std::cmp::Reverse(self.list.len()));
        self.list.push(Edit { span: at..at, order, parts: vec![Part::Text(text.into())] });
    }

    pub fn after(&mut self, at: usize, text: impl Into<String>) {
        let order = Order::After(self.list.len());
        self.list.push(Edit { span: at..at, order, parts: vec![Part::Text(text.into())] });
    }

    /// Text behind everything that closes at this place; once.
    pub fn name(&mut self, at: usize, text: impl Into<String>) {
        let named = |edit: &Edit| edit.order == Order::Name && edit.span.start == at;
        if !self.list.iter().any(named) {
            self.list.push(Edit { span: at..at, order: Order::Name, parts: vec![Part::Text(text.into())] });
        }
    }

    /// Text behind everything that belongs to what ends here, its name too.
    pub fn behind(&mut self, at: usize, text: impl Into<String>) {
        self.list.push(Edit { span: at..at, order: Order::Behind, parts: vec![Part::Text(text.into())] });
    }

    /// Text that closes a whole query which ends here.
    pub fn close(&mut self, at: usize, text: impl Into<String>) {
        let order = Order::Close(self.list.len());
        self.list.push(Edit { span: at..at, order, parts: vec![Part::Text(text.into())] });
    }

    pub fn replace(&mut self, span: Range<usize>, parts: Vec<Part>) {
        self.list.push(Edit { span, order: Order::Replace, parts });
    }

    /// The text of a part with the edits made that are in it; `None` if two of them overlap.
    pub fn within(&self, part: Range<usize>) -> Option<Vec<Piece>> {
        let inside = |edit: &&Edit| edit.span.start >= part.start && edit.span.end <= part.end;
        Edits { list: self.list.iter().filter(inside).cloned().collect() }.pieces(part)
    }

    /// Replaces a span in whatever way it was replaced before: who says this knows all that stands there.
    pub fn rewrite(&mut self, span: Range<usize>, parts: Vec<Part>) {
        self.list.retain(|edit| !(edit.order == Order::Replace && edit.span == span));
        self.replace(span, parts);
    }

    /// The text of `whole` with the edits made; `None` if two of them overlap.
    pub fn pieces(mut self, whole: Range<usize>) -> Option<Vec<Piece>> {
        self.list.sort_by_key(|edit| (edit.span.start, edit.order));
        let mut pieces = Vec::with_capacity(self.list.len() * 2 + 1);
        let mut at = whole.start;
        for edit in self.list {
            if edit.span.start < at || edit.span.end > whole.end {
                return None;
            }
            push_source(&mut pieces, at..edit.span.start);
            at = edit.span.end;
            for part in edit.parts {
                match part {
                    Part::Slot(slot) => pieces.push(Piece::Slot(slot)),
                    Part::Text(text) => push_text(&mut pieces, text),
                    Part::Source(range) => push_source(&mut pieces, range),
                }
            }
        }
        push_source(&mut pieces, at..whole.end);
        Some(pieces)
    }
}

fn push_source(pieces: &mut Vec<Piece>, range: Range<usize>) {
    if !range.is_empty() {
        pieces.push(Piece::Source(range));
    }
}

fn push_text(pieces: &mut Vec<Piece>, text: String) {
    match pieces.last_mut() {
        _ if text.is_empty() => {}
        Some(Piece::Text(last)) => last.push_str(&text),
        _ => pieces.push(Piece::Text(text)),
    }
}
