//! What the server owes: one entry per request that has an answer, in order.

use std::collections::VecDeque;
use std::rc::Rc;
use std::sync::Arc;

use crate::sql::plan::Refusal;

use super::planned::{BoundPortal, Planned, ScriptRun};
use super::request::Origin;

/// A request that is to be answered.
#[derive(Debug)]
pub(super) enum Entry {
    /// ParseComplete.
    Parse(Mask),
    /// BindComplete.
    Bind(Mask),
    /// ParameterDescription, then RowDescription or NoData.
    DescribeStatement(Option<Rc<Planned>>),
    /// RowDescription or NoData.
    DescribePortal(Option<Rc<BoundPortal>>),
    /// Rows, then CommandComplete, EmptyQueryResponse or PortalSuspended; or COPY.
    Execute(Option<Rc<BoundPortal>>),
    /// CloseComplete.
    Close,
    /// ReadyForQuery.
    Sync,
    /// Everything up to ReadyForQuery.
    Query(Mask, Option<Box<ScriptRun>>),
    /// FunctionCallResponse, ReadyForQuery.
    FunctionCall,
    /// Our own Describe of a rewritten statement; the client does not see its answer.
    Inspect(Rc<Planned>),
    /// Our own Describe of a statement that is about to be prepared again: does it still exist?
    Probe,
    /// Our own Close of it.
    Closing,
    /// Our own Parse of it, with the new plan, and where the old one came from.
    Again(Rc<Planned>, Rc<Origin>),
    /// Our own Parse of a refined statement for one Bind.
    Refined(Rc<Planned>),
    /// A query of ours.
    Own(Own),
    /// A query of ours that fails, so that the transaction block fails as the client was told.
    Abort,
}

/// What stands in place of the server's errors.
#[derive(Clone, Debug)]
pub(super) enum Mask {
    /// Nothing.
    None,
    /// Positions and names of a rewritten statement are mapped back.
    Planned(Rc<Planned>),
    /// The request was replaced by one that is sure to fail; this is the error.
    Refused(Arc<Refusal>),
    /// The same; this is the body of an error that the server gave before.
    Repeated(Rc<[u8]>),
}

/// A query of ours on the client's connection: Parse, Bind, Execute, Close, Close.
#[derive(Debug)]
pub(super) struct Own {
    /// What it asks for.
    pub question: Question,
    /// Ends with a Sync of ours; otherwise it is inside a segment of the client's.
    pub sync: bool,
    /// CloseComplete messages seen.
    pub closed: u8,
    /// Its error, if it failed.
    pub error: Option<Refusal>,
    /// Its answer.
    pub answer: Option<Vec<u8>>,
}

/// What we ask the server for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Question {
    /// The session's environment.
    Environment,
    /// The catalog as this transaction sees it.
    Catalog,
    /// The values that a condition is to be decided on.
    Candidates,
    /// Nothing: a Sync of ours ends a segment of the client's in which nothing has run.
    Pause,
    /// A block of ours begins.
    Begin,
    /// It ends.
    End {
        /// The client waits for its ReadyForQuery.
        shown: bool,
    },
}

impl Own {
    /// One that is not answered yet.
    pub(super) fn new(question: Question, sync: bool) -> Own {
        // A Sync alone has nothing to close.
        Own { question, sync, closed: 0, error: None, answer: None }
    }
}

impl Question {
    /// Whether it is asked, or done, for the sake of a refinement.
    pub(super) fn is_of_refinement(self) -> bool {
        !matches!(self, Question::Environment | Question::Catalog)
    }
}

/// What follows a request in its segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rest {
    /// Nothing that runs, and no Sync yet.
    Open,
    /// Nothing that runs, up to the Sync.
    Ends,
    /// Other statements.
    Runs,
}

impl Entry {
    /// Whether its last message is ReadyForQuery.
    fn ends_ready(&self) -> bool {
        match self {
            Entry::Sync | Entry::Query(..) | Entry::FunctionCall | Entry::Abort => true,
            Entry::Own(own) => own.sync,
            _ => false,
        }
    }
}

/// The queue of entries.
#[derive(Debug, Default)]
pub(super) struct Pipeline {
    queue: VecDeque<Entry>,
    /// Number of the front entry.
    front: u64,
    /// Entries that end with ReadyForQuery.
    due: usize,
    /// Entries that make or remove names.
    naming: usize,
}

impl Pipeline {
    /// Adds a request.
    pub(super) fn push(&mut self, entry: Entry) {
        self.due += usize::from(entry.ends_ready());
        self.naming += usize::from(entry.names());
        self.queue.push_back(entry);
    }

    /// The request that the server answers now.
    pub(super) fn front(&mut self) -> Option<&mut Entry> {
        self.queue.front_mut()
    }

    /// The front request is answered.
    pub(super) fn pop(&mut self) {
        if let Some(entry) = self.queue.pop_front() {
            self.front += 1;
            self.due -= usize::from(entry.ends_ready());
            self.naming -= usize::from(entry.names());
        }
    }

    /// Whether names depend on answers that are due.
    pub(super) fn names_due(&self) -> bool {
        self.naming > 0
    }

    /// The server skips what was sent up to the next Sync. Returns whether that Sync was sent already.
    ///
    /// The front request is the one that failed; nothing up to the Sync is answered.
    pub(super) fn skip(&mut self) -> bool {
        while let Some(entry) = self.queue.front() {
            if matches!(entry, Entry::Sync) || matches!(entry, Entry::Own(own) if own.sync) {
                return true;
            }
            self.pop();
        }
        false
    }

    /// The front request began to copy in: the server ignores each Sync up to the end of the data.
    pub(super) fn copying_in(&mut self) {
        while matches!(self.queue.get(1), Some(Entry::Sync)) {
            // The front takes its place, so that the numbers of requests behind it stay true.
            self.queue.swap_remove_front(1);
            self.front += 1;
            self.due -= 1;
        }
    }

    /// What else the segment of the front request runs, if its Sync was sent.
    pub(super) fn rest_of_segment(&self) -> Rest {
        let mut runs = false;
        for entry in self.queue.iter().skip(1) {
            match entry {
                Entry::Sync => return if runs { Rest::Runs } else { Rest::Ends },
                Entry::Own(own) if own.sync => return if runs { Rest::Runs } else { Rest::Ends },
                Entry::Execute(_) | Entry::Query(..) | Entry::FunctionCall => runs = true,
                _ => {}
            }
        }
        if runs { Rest::Runs } else { Rest::Open }
    }

    /// Whether a COPY may be among what is not answered.
    pub(super) fn may_copy(&self) -> bool {
        self.queue.iter().any(|e| matches!(e, Entry::Execute(_) | Entry::Query(..)))
    }

    /// Number of the oldest request not answered.
    pub(super) fn answered(&self) -> u64 {
        self.front
    }

    /// Number that the next request gets.
    pub(super) fn next(&self) -> u64 {
        self.front + self.queue.len() as u64
    }

    /// How many ReadyForQuery messages are due.
    pub(super) fn due(&self) -> usize {
        self.due
    }

    /// Number of requests not answered.
    pub(super) fn len(&self) -> usize {
        self.queue.len()
    }
}
