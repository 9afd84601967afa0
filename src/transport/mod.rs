//! Sockets and buffered I/O. Nothing here knows a message.
//!
//! A [`Link`] is one socket with its two buffers. Bytes that need no change never leave the buffer they were
//! read into: they are written to the other socket straight from there ([`Link::poll_write`]).

mod buffer;

pub use buffer::{Inbox, Outbox};

use std::io;
use std::path::Path;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpStream, UnixStream};

/// A connected socket.
#[derive(Debug)]
pub enum Stream {
    /// TCP.
    Tcp(TcpStream),
    /// Unix.
    Unix(UnixStream),
}

impl Stream {
    /// Connects by TCP, without waiting to fill packets.
    pub async fn connect_tcp(host: &str, port: u16) -> io::Result<Stream> {
        let stream = TcpStream::connect((host, port)).await?;
        Stream::from_tcp(stream)
    }

    /// Connects to PostgreSQL's socket in `directory`.
    pub async fn connect_unix(directory: &Path, port: u16) -> io::Result<Stream> {
        Ok(Stream::Unix(UnixStream::connect(directory.join(format!(".s.PGSQL.{port}"))).await?))
    }

    /// Takes over a TCP connection.
    pub fn from_tcp(stream: TcpStream) -> io::Result<Stream> {
        stream.set_nodelay(true)?;
        // A peer that vanished must not hold its session for ever.
        socket2::SockRef::from(&stream).set_keepalive(true)?;
        Ok(Stream::Tcp(stream))
    }

    fn poll_read(&mut self, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self {
            Stream::Tcp(s) => Pin::new(s).poll_read(cx, buf),
            Stream::Unix(s) => Pin::new(s).poll_read(cx, buf),
        }
    }

    fn poll_write(&mut self, cx: &mut Context<'_>, first: &[u8], second: &[u8]) -> Poll<io::Result<usize>> {
        if first.is_empty() || second.is_empty() {
            let bytes = if first.is_empty() { second } else { first };
            return match self {
                Stream::Tcp(s) => Pin::new(s).poll_write(cx, bytes),
                Stream::Unix(s) => Pin::new(s).poll_write(cx, bytes),
            };
        }
        let both = [io::IoSlice::new(first), io::IoSlice::new(second)];
        match self {
            Stream::Tcp(s) => Pin::new(s).poll_write_vectored(cx, &both),
            Stream::Unix(s) => Pin::new(s).poll_write_vectored(cx, &both),
        }
    }

    fn poll_shutdown(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Stream::Tcp(s) => Pin::new(s).poll_shutdown(cx),
            Stream::Unix(s) => Pin::new(s).poll_shutdown(cx),
        }
    }
}

/// One side of a session: its socket, what was read from it, and what is composed for it.
#[derive(Debug)]
pub struct Link {
    stream: Stream,
    /// Bytes read and not yet dealt with.
    pub inbox: Inbox,
    /// Bytes composed for this side; they go before the other side's cleared bytes.
    pub outbox: Outbox,
    /// Nothing more will be read: the peer closed its side.
    pub closed: bool,
    /// Bytes read so far.
    pub received: u64,
    /// Bytes written so far.
    pub sent: u64,
}

impl Link {
    /// A link without anything buffered.
    pub fn new(stream: Stream) -> Link {
        Link {
            stream,
            inbox: Inbox::default(),
            outbox: Outbox::default(),
            closed: false,
            received: 0,
            sent: 0,
        }
    }

    /// Reads into the inbox until it is full or nothing more can be read now. A short read leaves the socket
    /// known to be empty, so the look behind it only asks to be woken and costs no system call.
    pub fn poll_fill_up(&mut self, cx: &mut Context<'_>) -> io::Result<()> {
        let mut more = false;
        while self.inbox.has_space() {
            match self.poll_fill(cx) {
                Poll::Ready(Ok(true)) => more = true,
                // Behind bytes that came with it, an error is the end of the stream: they are passed on.
                Poll::Ready(Err(error)) if !more => return Err(error),
                _ => break,
            }
        }
        Ok(())
    }

    /// Reads once into the inbox. Ready with `false`: nothing can be read now or any more.
    pub fn poll_fill(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<bool>> {
        if self.closed {
            return Poll::Ready(Ok(false));
        }
        let mut buf = ReadBuf::new(self.inbox.space());
        let outcome = self.stream.poll_read(cx, &mut buf);
        let n = buf.filled().len();
        match outcome {
            Poll::Pending => {
                self.inbox.release();
                Poll::Pending
            }
            Poll::Ready(Ok(())) if n > 0 => {
                self.received += n as u64;
                self.inbox.filled(n);
                Poll::Ready(Ok(true))
            }
            Poll::Ready(outcome) => {
                self.closed = true;
                outcome?;
                Poll::Ready(Ok(false))
            }
        }
    }

    /// Writes the outbox and then what is cleared in `source`, until all is written or the socket is full.
    pub fn poll_write(&mut self, cx: &mut Context<'_>, source: &mut Inbox) -> Poll<io::Result<()>> {
        loop {
            let (first, second) = (self.outbox.bytes(), source.cleared());
            if first.is_empty() && second.is_empty() {
                self.outbox.release();
                return Poll::Ready(Ok(()));
            }
            let n = ready!(self.stream.poll_write(cx, first, second))?;
            if n == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.sent += n as u64;
            let composed = n.min(first.len());
            self.outbox.written(composed);
            source.written(n - composed);
        }
    }

    /// Writes the outbox.
    pub async fn flush(&mut self) -> io::Result<()> {
        let mut nothing = Inbox::default();
        std::future::poll_fn(|cx| self.poll_write(cx, &mut nothing)).await
    }

    /// Reads once; `false` at the end of the stream.
    pub async fn fill(&mut self) -> io::Result<bool> {
        std::future::poll_fn(|cx| self.poll_fill(cx)).await
    }

    /// Ends the stream towards the peer.
    pub async fn shutdown(&mut self) -> io::Result<()> {
        std::future::poll_fn(|cx| self.stream.poll_shutdown(cx)).await
    }
}
