//! Deferred work of sessions: it waits for a congested room, or for the session's own outbox.
//!
//! It is bounded: a reader gets its credit back when its event is done. So at most [`CREDIT`] events of
//! one session wait here, and its end.
//!
//! [`CREDIT`]: super::CREDIT

use std::collections::VecDeque;
use std::vec::IntoIter;

use crate::protocol::{CloseReason, SessionId};
use crate::wire::Inbound;

use super::super::slot::SlotIndex;

/// One event of a session, or its rest.
#[derive(Debug)]
pub(in super::super) enum Work {
    /// The items of one read, and how much of the reader's credit they take.
    Received(IntoIter<Inbound>, usize),
    /// The session's end.
    Closed(SessionId, CloseReason),
}

/// Sessions with deferred work, in the order in which they began to wait.
#[derive(Debug, Default)]
pub(in super::super) struct Deferred {
    waiting: VecDeque<SlotIndex>,
    ready: bool,
}

impl Deferred {
    /// Whether any work waits.
    pub(in super::super) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Whether some work may be possible now.
    pub(in super::super) fn is_ready(&self) -> bool {
        self.ready && !self.waiting.is_empty()
    }

    /// Marks all work to be tried again, because something has changed.
    pub(in super::super) fn try_again(&mut self) {
        self.ready = true;
    }

    /// Adds a session whose work waits.
    pub(in super::super) fn add(&mut self, slot: SlotIndex) {
        self.waiting.push_back(slot);
    }

    /// Takes all waiting sessions, to be tried in this order.
    pub(in super::super) fn take(&mut self) -> VecDeque<SlotIndex> {
        self.ready = false;
        std::mem::take(&mut self.waiting)
    }

    /// Puts back `still`, the sessions that must wait on, then `untried`, for which there was no time.
    pub(in super::super) fn put_back(&mut self, mut still: VecDeque<SlotIndex>, mut untried: VecDeque<SlotIndex>) {
        self.ready |= !untried.is_empty();
        still.append(&mut untried);
        still.append(&mut self.waiting);
        self.waiting = still;
    }
}
