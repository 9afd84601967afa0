//! A rewritten text out of its pieces, and the way back from a position in it.

use crate::sql::plan::Piece;

/// Which stretches of a rewritten text are the client's, in characters from 0.
#[derive(Debug, Default)]
pub(super) struct Spans(Vec<Span>);

#[derive(Debug)]
struct Span {
    server: usize,
    client: usize,
    length: usize,
}

impl Spans {
    /// Positions count from 1. One inside a text of ours is that of the client's text before it.
    pub(super) fn client_position(&self, server: u32) -> Option<u32> {
        let at = usize::try_from(server).ok()?.checked_sub(1)?;
        let span = self.0.iter().rev().find(|s| s.server <= at)?;
        let client = span.client + (at - span.server).min(span.length);
        u32::try_from(client + 1).ok()
    }
}

fn characters(bytes: &[u8]) -> usize {
    bytes.iter().filter(|b| **b & 0xc0 != 0x80).count()
}

/// Writes a rewritten text out of its pieces, and says where the client's own stretches are in it.
pub(super) fn render<'p>(
    pieces: impl IntoIterator<Item = &'p Piece>,
    client: &[u8],
    out: &mut Vec<u8>,
    mut slot: impl FnMut(usize, &mut Vec<u8>) -> Option<()>,
) -> Option<Spans> {
    let mut spans = Spans::default();
    let (mut server, mut client_at, mut client_characters) = (0, 0, 0);
    for piece in pieces {
        let start = out.len();
        match piece {
            Piece::Source(range) => {
                let text = client.get(range.clone())?;
                // Pieces follow the client's text; what they leave out is counted once.
                client_characters = match client.get(client_at..range.start) {
                    Some(between) => client_characters + characters(between),
                    None => characters(client.get(..range.start)?),
                };
                let length = characters(text);
                spans.0.push(Span { server, client: client_characters, length });
                client_characters += length;
                client_at = range.end;
                out.extend_from_slice(text);
            }
            Piece::Text(text) => out.extend_from_slice(text.as_bytes()),
            Piece::Slot(n) => slot(*n, out)?,
        }
        server += characters(out.get(start..)?);
    }
    Some(spans)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_go_back_to_the_clients_text() {
        let client = "SELECT 'ä', x FROM t".as_bytes();
        let pieces =
            [Piece::Source(0..7), Piece::Text("longer text".into()), Piece::Source(11..client.len())];
        let mut out = Vec::new();
        let spans = render(&pieces, client, &mut out, |_, _| None).unwrap();
        assert_eq!(out, "SELECT longer text, x FROM t".as_bytes());
        // `x` is the 13th character of the client's text, the 21st of the server's.
        assert_eq!(spans.client_position(21), Some(13));
        assert_eq!(spans.client_position(1), Some(1));
        assert_eq!(spans.client_position(10), Some(8), "inside our text");
        assert_eq!(spans.client_position(0), None);
    }
}
