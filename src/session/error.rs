//! Why a session ends.

use std::io;

use crate::wire::{WireError, build};

/// The end of a session.
#[derive(Debug)]
pub(crate) enum End {
    /// A side closed its connection, or asked for the end.
    Closed,
    /// A socket failed.
    Io(io::Error),
    /// The client broke the protocol.
    Client(WireError),
    /// The server broke the protocol.
    Server(WireError),
    /// The client is told this, and the session is over.
    Fatal(Fatal),
}

/// An error that ends the session.
#[derive(Debug)]
pub(crate) struct Fatal {
    /// SQLSTATE.
    pub sqlstate: &'static str,
    /// Primary message; never holds a value.
    pub message: String,
    /// The way out.
    pub hint: Option<String>,
}

impl From<io::Error> for End {
    fn from(error: io::Error) -> End {
        End::Io(error)
    }
}

impl End {
    /// An error without a hint.
    pub(crate) fn fatal(sqlstate: &'static str, message: impl Into<String>) -> End {
        End::Fatal(Fatal { sqlstate, message: message.into(), hint: None })
    }

    /// An error with a hint.
    pub(crate) fn hinted(sqlstate: &'static str, message: impl Into<String>, hint: &str) -> End {
        End::Fatal(Fatal { sqlstate, message: message.into(), hint: Some(hint.into()) })
    }

    /// The server sent something that fits no request: the two streams are out of step, and no answer can
    /// be trusted any more.
    pub(crate) fn out_of_step(tag: u8) -> End {
        End::fatal("58000", format!("the server sent message {:?} where it is not expected", char::from(tag)))
    }

    /// Appends what the client is told, if it is told anything.
    pub(crate) fn report(&self, out: &mut Vec<u8>) {
        let (sqlstate, message, hint) = match self {
            End::Closed | End::Io(_) => return,
            End::Client(error) => ("08P01", error.message, None),
            End::Server(error) => {
                let message = format!("the server broke the protocol: {}", error.message);
                build::error(out, &build::Report::fatal("08P01", &message));
                return;
            }
            End::Fatal(f) => (f.sqlstate, f.message.as_str(), f.hint.as_deref()),
        };
        build::error(out, &build::Report { hint, ..build::Report::fatal(sqlstate, message) });
    }
}
