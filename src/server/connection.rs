//! The part of a session that its threads share: the transport, the close reason, and who it is.
//!
//! A session has one descriptor, closed when the last holder drops it. Each thread that finds a reason to
//! end the session records it. The first reason wins: it is told, logged and counted.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use crate::protocol::{CloseReason, SessionId};
use crate::wire::Wire;

use super::accept::admission::Slot;
use super::os::{AtomicBool, OnceLock, Thread};
use super::profile::Profile;
use super::stream::Stream;
use super::transport::Transport;

/// One session, as its reader, its writer and the manager see it.
#[derive(Debug)]
pub(super) struct Connection {
    pub(super) id: SessionId,
    pub(super) wire: Wire,
    /// The peer's address, for the log and the program's own handlers.
    pub(super) address: Arc<str>,
    /// The address as others see it.
    pub(super) shown: Arc<str>,
    transport: Arc<Transport>,
    pub(super) slot: Slot,
    pub(super) threads: Threads,
    /// Whether the session is to be told of skipped lines when its outbox has drained.
    owed: AtomicBool,
    reason: OnceLock<CloseReason>,
    /// Whether a handler has ended the session: pending bytes are delivered, whatever the reason.
    is_dismissed: AtomicBool,
    was_cut: AtomicBool,
}

impl Connection {
    pub(super) fn new(
        id: SessionId,
        wire: Wire,
        address: Arc<str>,
        shown: Arc<str>,
        transport: Arc<Transport>,
        slot: Slot,
    ) -> Self {
        Self {
            id,
            wire,
            address,
            shown,
            transport,
            slot,
            threads: Threads::new(),
            owed: AtomicBool::new(false),
            reason: OnceLock::new(),
            is_dismissed: AtomicBool::new(false),
            was_cut: AtomicBool::new(false),
        }
    }

    /// The part that sends use.
    pub(super) fn transport(&self) -> &Arc<Transport> {
        &self.transport
    }

    /// The byte stream.
    pub(super) fn stream(&self) -> &Stream {
        &self.transport.stream
    }

    /// How the server treats the sessions of this wire format.
    pub(super) fn profile(&self) -> &'static Profile {
        Profile::of(self.wire)
    }

    /// Records why the session ends. The first reason wins.
    pub(super) fn end(&self, reason: CloseReason) {
        let _ = self.reason.set(reason);
        self.threads.wake_reader();
    }

    /// Marks the session as ended by a handler: pending bytes are delivered, whatever the reason.
    pub(super) fn dismiss(&self) {
        self.is_dismissed.store(true, Ordering::SeqCst);
    }

    /// Whether pending bytes are still delivered when the session ends.
    pub(super) fn ends_politely(&self) -> bool {
        self.reason().is_none_or(CloseReason::is_polite) || self.is_dismissed.load(Ordering::SeqCst)
    }

    /// Why the session ended, if it has.
    pub(super) fn reason(&self) -> Option<&CloseReason> {
        self.reason.get()
    }

    /// Ends both directions at once. Wakes every thread that waits for the stream.
    pub(super) fn cut(&self) {
        self.was_cut.store(true, Ordering::SeqCst);
        self.transport.stream.cut();
    }

    /// Whether this side has ended both directions.
    pub(super) fn is_cut(&self) -> bool {
        self.was_cut.load(Ordering::SeqCst)
    }

    /// The bytes that wait for the peer.
    pub(super) fn pending(&self) -> usize {
        self.transport.pending()
    }

    /// Records that the session misses lines: its writer reports when everything before them is sent.
    pub(super) fn owe(&self) {
        self.owed.store(true, Ordering::SeqCst);
    }

    /// Whether a report is due. Clears the mark: the next call returns false.
    pub(super) fn take_owed(&self) -> bool {
        self.owed.load(Ordering::SeqCst) && self.owed.swap(false, Ordering::SeqCst)
    }
}

impl fmt::Display for Connection {
    /// The session's name in the log, so that operators find it: `42 (text, 127.0.0.1:5123)`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { id, wire, address, shown, .. } = self;
        write!(f, "{id} ({wire}, {address}")?;
        if shown != address {
            write!(f, ", shown as {shown}")?;
        }
        f.write_str(")")
    }
}

/// Handles by which the two threads of a session wake each other.
#[derive(Debug)]
pub(super) struct Threads {
    reader: OnceLock<Thread>,
    writer: OnceLock<Thread>,
    reader_done: AtomicBool,
}

impl Threads {
    fn new() -> Self {
        Self { reader: OnceLock::new(), writer: OnceLock::new(), reader_done: AtomicBool::new(false) }
    }

    pub(super) fn set_reader(&self, thread: Thread) {
        let _ = self.reader.set(thread);
    }

    pub(super) fn set_writer(&self, thread: Thread) {
        let _ = self.writer.set(thread);
    }

    /// Wakes the reader if it waits for its outbox to drain.
    pub(super) fn wake_reader(&self) {
        if let Some(thread) = self.reader.get() {
            thread.unpark();
        }
    }

    /// Records that the reader does not use the stream any more.
    pub(super) fn finish_reading(&self) {
        self.reader_done.store(true, Ordering::Release);
        if let Some(thread) = self.writer.get() {
            thread.unpark();
        }
    }

    pub(super) fn has_finished_reading(&self) -> bool {
        self.reader_done.load(Ordering::Acquire)
    }
}
