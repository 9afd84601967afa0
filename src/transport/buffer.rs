//! Bounded buffers: small when idle, grown for one large message as its bytes arrive, shrunk back after it.

use std::cell::RefCell;

/// Size of a read buffer, and what a composed one shrinks back to.
const SIZE: usize = 32 * 1024;

/// Free read buffers that a worker keeps; sessions that wait hold none.
const POOL: usize = 64;

thread_local! {
    static FREE: RefCell<Vec<Vec<u8>>> = const { RefCell::new(Vec::new()) };
}

/// What was read from a socket: bytes cleared for the other side, then bytes not looked at yet.
#[derive(Debug, Default)]
pub struct Inbox {
    /// Every byte of it is initialised; empty while nothing is buffered.
    data: Vec<u8>,
    start: usize,
    clear: usize,
    end: usize,
}

impl Inbox {
    /// Bytes that may go to the other side as they are.
    pub fn cleared(&self) -> &[u8] {
        self.data.get(self.start..self.clear).unwrap_or_default()
    }

    /// Bytes not decided on yet.
    pub fn pending(&self) -> &[u8] {
        self.data.get(self.clear..self.end).unwrap_or_default()
    }

    /// Clears the next `n` pending bytes for the other side.
    pub fn clear(&mut self, n: usize) {
        self.clear = (self.clear + n).min(self.end);
    }

    /// Drops the next `n` pending bytes; what is cleared before them goes to `other` first, to keep the
    /// order.
    pub fn skip(&mut self, n: usize, other: &mut Outbox) {
        self.settle(other);
        self.clear = (self.clear + n).min(self.end);
        self.start = self.clear;
    }

    /// Moves what is cleared into `other`, so that composed bytes can follow it there.
    pub fn settle(&mut self, other: &mut Outbox) {
        if self.start < self.clear {
            other.data.extend_from_slice(self.cleared());
            self.start = self.clear;
        }
    }

    /// Asks for room for a message of `size` bytes, of which the first are pending. The buffer grows by
    /// doubling, so that a length field alone does not take memory.
    pub fn expect(&mut self, size: usize) {
        let have = self.end - self.clear;
        if size <= self.data.len() || have * 2 < self.data.len() {
            return;
        }
        let room = size.min(self.data.len() * 2);
        let mut grown = vec![0; room];
        let used = self.data.get(self.start..self.end).unwrap_or_default();
        if let Some(target) = grown.get_mut(..used.len()) {
            target.copy_from_slice(used);
            self.data = grown;
            self.end -= self.start;
            self.clear -= self.start;
            self.start = 0;
        }
    }

    /// Room to read into; never empty unless the buffer is full of bytes that nobody took.
    pub(super) fn space(&mut self) -> &mut [u8] {
        if self.data.is_empty() {
            self.data = FREE.with_borrow_mut(Vec::pop).unwrap_or_else(|| vec![0; SIZE]);
        }
        if self.start == self.end {
            self.reset();
        } else if self.start > 0 && self.data.len() - self.end < self.data.len() / 4 {
            self.data.copy_within(self.start..self.end, 0);
            self.end -= self.start;
            self.clear -= self.start;
            self.start = 0;
        }
        self.data.get_mut(self.end..).unwrap_or_default()
    }

    /// Whether a read has somewhere to go.
    pub fn has_space(&self) -> bool {
        self.data.is_empty() || self.start > 0 || self.end < self.data.len()
    }

    pub(super) fn filled(&mut self, n: usize) {
        self.end = (self.end + n).min(self.data.len());
    }

    pub(super) fn written(&mut self, n: usize) {
        self.start = (self.start + n).min(self.clear);
    }

    fn reset(&mut self) {
        (self.start, self.clear, self.end) = (0, 0, 0);
        if self.data.len() > SIZE {
            self.data = vec![0; SIZE];
        }
    }

    /// Gives the memory back if nothing is buffered.
    pub(super) fn release(&mut self) {
        if self.start == self.end && !self.data.is_empty() {
            self.reset();
            let data = std::mem::take(&mut self.data);
            FREE.with_borrow_mut(|free| {
                if free.len() < POOL {
                    free.push(data);
                }
            });
        }
    }
}

/// Bytes composed for a socket.
#[derive(Debug, Default)]
pub struct Outbox {
    data: Vec<u8>,
    written: usize,
}

impl Outbox {
    /// Where to append; what was written before must not be looked at.
    pub fn buffer(&mut self) -> &mut Vec<u8> {
        &mut self.data
    }

    /// Bytes still to be written.
    pub fn bytes(&self) -> &[u8] {
        self.data.get(self.written..).unwrap_or_default()
    }

    /// How many bytes are still to be written.
    pub fn len(&self) -> usize {
        self.data.len() - self.written
    }

    /// Whether all is written.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn written_all(&mut self) {
        self.data.clear();
        self.written = 0;
    }

    pub(super) fn written(&mut self, n: usize) {
        self.written = (self.written + n).min(self.data.len());
        if self.written == self.data.len() {
            self.written_all();
        } else if self.written > SIZE && self.written > self.data.len() / 2 {
            // A slow reader that never quite catches up must not keep what it has read.
            self.data.drain(..self.written);
            self.written = 0;
        }
    }

    /// Gives memory back if nothing is left to be written.
    pub(super) fn release(&mut self) {
        if self.is_empty() && self.data.capacity() > SIZE {
            self.data = Vec::new();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put(inbox: &mut Inbox, bytes: &[u8]) {
        let space = inbox.space();
        let n = bytes.len().min(space.len());
        space[..n].copy_from_slice(&bytes[..n]);
        inbox.filled(n);
    }

    #[test]
    fn order_is_kept_when_a_message_is_replaced() {
        let (mut inbox, mut out) = (Inbox::default(), Outbox::default());
        put(&mut inbox, b"aaabbbccc");
        inbox.clear(3);
        inbox.skip(3, &mut out);
        out.buffer().extend_from_slice(b"XX");
        inbox.clear(3);
        assert_eq!((out.bytes(), inbox.cleared(), inbox.pending()), (&b"aaaXX"[..], &b"ccc"[..], &b""[..]));
    }

    #[test]
    fn grows_with_what_arrives_and_shrinks_back() {
        let mut inbox = Inbox::default();
        put(&mut inbox, &[7; 10]);
        inbox.expect(1 << 30);
        assert_eq!(inbox.data.len(), SIZE, "a length field took memory");
        let mut total = 10;
        while total < 3 * SIZE {
            let space = inbox.space();
            let n = space.len();
            assert!(n > 0);
            inbox.filled(n);
            total += n;
            inbox.expect(3 * SIZE);
        }
        assert!(inbox.data.len() <= 4 * SIZE);
        assert_eq!(inbox.pending().len(), total);
        inbox.clear(total);
        inbox.written(total);
        inbox.release();
        assert_eq!(inbox.data.len(), 0);
        put(&mut inbox, b"z");
        assert_eq!(inbox.data.len(), SIZE);
    }
}
