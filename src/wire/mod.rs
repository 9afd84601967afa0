//! Frames and messages of the PostgreSQL protocol, version 3. No I/O.
