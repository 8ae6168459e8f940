//! The requests of sessions, and the part of them that is deferred: it waits for a congested room, or for
//! the session's own outbox.
//!
//! Deferred work is bounded: a reader gets its credit back when its event is done. So at most [`CREDIT`]
//! events of one session wait here, and its end. A connection that is no session has one post here at most, since
//! it waits for the reply.
//!
//! [`CREDIT`]: super::super::event::CREDIT

use std::collections::VecDeque;
use std::vec::IntoIter;

use crate::protocol::{ById, CloseReason, SessionId};
use crate::wire::Inbound;

use super::super::event::{Answer, Posted};
use super::super::os::Receiver;

/// One event of a session, or its rest.
#[derive(Debug)]
pub(super) enum Work {
    /// The items of one read, and how much of the reader's credit they take.
    Received(IntoIter<Inbound>, usize),
    /// The session's end.
    Closed(CloseReason),
    /// The lines of a request that are not said yet, and the answer once it is known. The connection is no session.
    Post(Box<Posted>, Option<Answer>),
}

impl Work {
    /// Whether commands are left to be carried out.
    pub(super) fn has_more(&self) -> bool {
        match self {
            Self::Received(items, _) => !items.as_slice().is_empty(),
            Self::Post(_, answer) => answer.is_none(),
            Self::Closed(_) => false,
        }
    }
}

/// The result of working on an event.
pub(super) enum Progress {
    Done,
    /// The rest must wait for a slow consumer.
    HasToWait(Work),
    /// Other sessions get their turn; the rest follows.
    GoesOn(Work),
}

/// The requests of one session.
#[derive(Debug)]
pub(super) struct Requests {
    /// The reader's credit: each of its events puts a mark in, and the manager takes it out. `None`: the reader
    /// need not wait.
    pub(super) credit: Option<Receiver<()>>,
    /// The mark of its next request.
    pub(super) tag: Option<Box<str>>,
    /// Deferred work, in order.
    deferred: VecDeque<Work>,
    /// It is no session, but a connection whose post waits.
    is_post: bool,
}

impl Requests {
    fn new(credit: Option<Receiver<()>>, is_post: bool) -> Self {
        Self { credit, tag: None, deferred: VecDeque::new(), is_post }
    }

    /// Gives the reader credit back.
    pub(super) fn give_back(&self, credits: usize) {
        for _ in 0..credits {
            let _ = self.credit.as_ref().map(Receiver::try_recv); // empty after the reader has ended
        }
    }
}

/// The requests of all sessions.
#[derive(Debug, Default)]
pub(super) struct Deferred {
    sessions: ById<Requests>,
    /// Sessions with deferred work, in the order in which they began to wait.
    waiting: VecDeque<SessionId>,
    is_ready: bool,
}

impl Deferred {
    pub(super) fn open(&mut self, id: SessionId, credit: Receiver<()>) {
        self.sessions.insert(id, Requests::new(Some(credit), false));
    }

    pub(super) fn close(&mut self, id: SessionId) {
        self.sessions.remove(&id);
    }

    /// Notes that a post is done. Its connection has an entry only if it had to wait.
    pub(super) fn end_post(&mut self, id: SessionId) {
        if self.sessions.get(&id).is_some_and(|requests| requests.is_post) {
            self.sessions.remove(&id);
        }
    }

    /// Sessions that have not ended.
    pub(super) fn sessions(&self) -> usize {
        self.sessions.len()
    }

    pub(super) fn get(&mut self, id: SessionId) -> Option<&mut Requests> {
        self.sessions.get_mut(&id)
    }

    /// Whether work of this session is deferred.
    pub(super) fn has_work_of(&self, id: SessionId) -> bool {
        self.sessions.get(&id).is_some_and(|requests| !requests.deferred.is_empty())
    }

    /// Whether no work is deferred.
    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Whether some work may be possible now.
    pub(super) fn is_ready(&self) -> bool {
        self.is_ready && !self.waiting.is_empty()
    }

    /// Marks all work to be tried again, because something has changed.
    pub(super) fn try_again(&mut self) {
        self.is_ready = true;
    }

    /// Defers work of a session behind its other work.
    pub(super) fn push(&mut self, id: SessionId, work: Work) {
        if let Work::Post(..) = work {
            self.sessions.entry(id).or_insert_with(|| Requests::new(None, true));
        }
        if let Some(requests) = self.sessions.get_mut(&id) {
            if requests.deferred.is_empty() {
                self.waiting.push_back(id);
            }
            requests.deferred.push_back(work);
        }
    }

    /// Takes all waiting sessions, to be tried in this order.
    pub(super) fn take(&mut self) -> VecDeque<SessionId> {
        self.is_ready = false;
        std::mem::take(&mut self.waiting)
    }

    /// Takes a session's first work.
    pub(super) fn pop(&mut self, id: SessionId) -> Option<Work> {
        self.sessions.get_mut(&id)?.deferred.pop_front()
    }

    /// Puts back the rest of work that was taken.
    pub(super) fn unpop(&mut self, id: SessionId, rest: Work) {
        if let Some(requests) = self.sessions.get_mut(&id) {
            requests.deferred.push_front(rest);
        }
    }

    /// Puts back `still`, the sessions that must wait on, then `untried`, for which there was no time.
    pub(super) fn put_back(&mut self, mut still: VecDeque<SessionId>, mut untried: VecDeque<SessionId>) {
        self.is_ready |= !untried.is_empty();
        still.append(&mut untried);
        still.append(&mut self.waiting);
        self.waiting = still;
    }
}
