//! The messages to the manager: the inbox that all readers, all writers and the stop share.
//!
//! The inbox is bounded. Of one session at most [`CREDIT`] events from its reader wait in it.

use std::sync::Arc;

use crate::chat::{Entry, Post};
use crate::protocol::{CloseReason, Cost, Refusal, SessionId};
use crate::wire::{Inbound, Key};

use super::connection::Connection;
use super::os::{Instant, Receiver, Sender};
use super::outbox::Outbox;

/// Events of one reader that may wait in the inbox at once: one being worked on, one ready.
pub(super) const CREDIT: usize = 2;

/// The credit that an event takes from its reader: all of it if the answer may be long, so that nothing
/// more is asked for until the answer is in the outbox and counts there.
pub(super) fn credits_of(batch: &[Inbound]) -> usize {
    let is_long = |one: &Inbound| matches!(one, Inbound::Command(command) if command.cost() == Cost::List);
    if batch.last().is_some_and(is_long) { CREDIT } else { 1 }
}

/// A message to the manager. Of one session, `Opened`, `Received` and `Closed` come from its reader, in
/// order; the others may come from elsewhere at any time, and mean nothing once the session has gone.
#[derive(Debug)]
pub(super) enum Event {
    /// A session was opened.
    Opened(Box<Opened>),
    /// A session in the lobby has sent a byte or stayed for a moment: others are told. The event may follow
    /// the session's first command, or never come.
    Appeared(SessionId),
    /// The items of one read.
    Received(SessionId, Vec<Inbound>),
    /// A session is over. Comes exactly once for each `Opened`.
    Closed(SessionId, CloseReason),
    /// A session has to be ended.
    Dismiss(SessionId, CloseReason),
    /// Something for one session, from elsewhere in the program.
    Push(SessionId, Key, Vec<u8>),
    /// The outbox of a session that missed lines has drained.
    CaughtUp(SessionId),
    /// At most half of a session's outbox is pending again, or its connection is cut.
    HasRoom(SessionId),
    /// Lines of a request, by a connection that is no session. It waits for the reply before it sends more.
    #[cfg_attr(not(feature = "web"), allow(dead_code, reason = "only the HTTP door sends it"))]
    Post(Box<Posted>),
    /// A question whether the manager works: it answers at once. The channel has a place for the answer.
    #[cfg_attr(not(feature = "web"), allow(dead_code, reason = "only the HTTP door asks"))]
    Ask(Sender<()>),
    /// The drain of a graceful shutdown: say goodbye to all sessions, and end them by this deadline.
    Drain(Instant),
}

/// A session that was opened.
#[derive(Debug)]
pub(super) struct Opened {
    pub(super) connection: Arc<Connection>,
    pub(super) outbox: Outbox,
    /// The reader's credit: each of its events puts a mark in, and the manager takes it out.
    pub(super) credit: Receiver<()>,
    pub(super) name: Arc<str>,
    pub(super) door: Arc<str>,
    pub(super) entry: Entry,
}

/// Lines of a request.
#[derive(Debug)]
pub(super) struct Posted {
    pub(super) post: Post,
    /// Gets how many lines were said, when each listener's socket or outbox has them; or why none was. The channel
    /// has a place for it. It is dropped without an answer if the server stops before all lines are said.
    pub(super) reply: Sender<Answer>,
}

/// How many lines of a post were said, or why none was.
pub(super) type Answer = Result<usize, Refusal>;
