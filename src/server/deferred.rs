//! Work of sessions that has to wait: for a congested room, or for their own outbox.
//!
//! Bounded: a reader gets its credit back when its event is done, so at most [`CREDIT`] events of one
//! session and its end wait here.
//!
//! [`CREDIT`]: super::manager::CREDIT

use std::collections::VecDeque;
use std::vec::IntoIter;

use crate::chat::Seat;
use crate::protocol::{CloseReason, SessionId};
use crate::wire::Inbound;

/// One event of a session, or what is left of it.
#[derive(Debug)]
pub(super) enum Work {
    /// What one read brought, and how much of its reader's credit it takes.
    Received(IntoIter<Inbound>, usize),
    /// The session's end.
    Closed(SessionId, CloseReason),
}

/// The sessions whose work waits, in the order in which it began to.
#[derive(Debug, Default)]
pub(super) struct Deferred {
    waiting: VecDeque<Seat>,
    ready: bool,
}

impl Deferred {
    /// Whether any work waits.
    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Whether some of it may be done now.
    pub(super) fn is_ready(&self) -> bool {
        self.ready && !self.waiting.is_empty()
    }

    /// Something has changed: all that waits is to be tried again.
    pub(super) fn try_again(&mut self) {
        self.ready = true;
    }

    /// The work of one more session waits.
    pub(super) fn add(&mut self, seat: Seat) {
        self.waiting.push_back(seat);
    }

    /// Everybody who waits, to be tried in this order.
    pub(super) fn take(&mut self) -> VecDeque<Seat> {
        self.ready = false;
        std::mem::take(&mut self.waiting)
    }

    /// Puts those back whose work still waits: `before` who was not tried yet, if there was not the time.
    pub(super) fn put_back(&mut self, mut still: VecDeque<Seat>, mut untried: VecDeque<Seat>) {
        self.ready |= !untried.is_empty();
        still.append(&mut untried);
        still.append(&mut self.waiting);
        self.waiting = still;
    }
}
