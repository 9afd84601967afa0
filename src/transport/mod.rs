//! Sockets and buffered framed I/O.
