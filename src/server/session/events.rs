//! The way of a reader's events to the manager.

use std::thread;
use std::time::Duration;

use crossbeam_channel::Sender;

use crate::metrics::Metrics;
use crate::protocol::CloseReason;
use crate::wire::Inbound;

use super::super::connection::Connection;
use super::super::context::Context;
use super::super::event::{Event, credits_of};

/// A wait that ends by being woken also ends by itself after this time, to check that the session lives.
pub(super) const CHECK_EVERY: Duration = Duration::from_millis(500);

/// Sends the events of one session. An event waits for the session's credit, its outbox, and the inbox.
pub(super) struct Events<'a> {
    pub(super) context: &'a Context,
    pub(super) connection: &'a Connection,
    /// Each event puts in what it takes of the credit; the manager takes it out.
    pub(super) credit: Sender<()>,
}

impl Events<'_> {
    /// Sends what the peer has sent, when its earlier events are worked on or nearly so, and at most half of its
    /// outbox is pending: a session that does not read its answers cannot ask for more.
    pub(super) fn send(&self, batch: Vec<Inbound>) -> Result<(), CloseReason> {
        if batch.is_empty() {
            return Ok(());
        }
        for _ in 0..credits_of(&batch) {
            self.credit.send(()).map_err(|_| self.over())?;
        }
        let half = self.context.config.max_pending / 2;
        while self.connection.pending() > half && self.connection.reason().is_none() {
            thread::park_timeout(CHECK_EVERY);
        }
        match self.connection.reason() {
            // When a peer says something and closes at once, the first sign is often a line that cannot be sent to
            // it. What it said before counts; the connection is cut, so its input ends by itself.
            None | Some(CloseReason::WriteFailed) => {}
            Some(reason) => return Err(reason.clone()),
        }
        self.count(&batch);
        self.put(Event::Received(self.connection.id, batch))
    }

    /// Lists and announces the session, where sessions are in a room from the start.
    pub(super) fn appear(&self) -> Result<(), CloseReason> {
        if !self.connection.profile().enters_lobby() {
            return Ok(());
        }
        self.put(Event::Appeared(self.connection.id))
    }

    /// Adds the commands and lines of a batch to the metrics. The manager, which all sessions wait for, is spared
    /// the work.
    fn count(&self, batch: &[Inbound]) {
        let (mut commands, mut lines) = (0, 0);
        for item in batch {
            if let Inbound::Command(command) = item {
                commands += 1;
                lines += u64::from(command.is_line());
            }
        }
        Metrics::add(&self.context.metrics.commands, commands);
        self.context.metrics.count_lines(self.connection.profile().scheme, lines);
    }

    fn put(&self, event: Event) -> Result<(), CloseReason> {
        self.context.inbox.send(event).map_err(|_| self.over())
    }

    /// The reason why the manager takes no more events: the session or the server has ended.
    fn over(&self) -> CloseReason {
        self.connection.reason().cloned().unwrap_or(CloseReason::ServerStopping)
    }
}
