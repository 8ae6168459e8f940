//! What the threads of one session share: the socket, why it ended, and how much waits for it.
//!
//! There is one descriptor for each session, closed when the last holder lets go. Whoever finds a
//! reason to end the session writes it down; the first reason wins and is the one that is told,
//! logged and counted.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use crate::protocol::{CloseReason, SessionId};
use crate::wire::Wire;

use super::accept::admission::Slot;
use super::os::{AtomicBool, AtomicUsize, OnceLock, Thread};
use super::stream::Stream;

/// One session, as its reader, its writer and the manager see it.
#[derive(Debug)]
pub(super) struct Connection {
    pub(super) id: SessionId,
    pub(super) wire: Wire,
    /// The peer's address: for the log and the program's own handlers.
    pub(super) address: Arc<str>,
    /// What others see of it.
    pub(super) shown: Arc<str>,
    pub(super) stream: Stream,
    pub(super) slot: Slot,
    reason: OnceLock<CloseReason>,
    /// Bytes in the outbox and in the writer's hands. Only the manager adds, only the writer takes
    /// away: when the manager reads 0, the writer has no business with the socket.
    pub(super) pending: AtomicUsize,
    /// The session is owed word of skipped lines when the outbox has drained.
    owed: AtomicBool,
    reader: OnceLock<Thread>,
    writer: OnceLock<Thread>,
    /// It has sent a byte, or has stayed for a moment: others may be told.
    appeared: AtomicBool,
    reader_done: AtomicBool,
    was_cut: AtomicBool,
    /// A handler has ended the session: pending bytes are delivered, whatever the close reason.
    is_dismissed: AtomicBool,
}

impl Connection {
    pub(super) fn new(
        id: SessionId,
        wire: Wire,
        address: Arc<str>,
        shown: Arc<str>,
        stream: Stream,
        slot: Slot,
    ) -> Self {
        Self {
            id,
            wire,
            address,
            shown,
            stream,
            slot,
            reason: OnceLock::new(),
            pending: AtomicUsize::new(0),
            owed: AtomicBool::new(false),
            reader: OnceLock::new(),
            writer: OnceLock::new(),
            appeared: AtomicBool::new(false),
            reader_done: AtomicBool::new(false),
            was_cut: AtomicBool::new(false),
            is_dismissed: AtomicBool::new(false),
        }
    }

    /// Writes down why the session ends, unless that has been done.
    pub(super) fn end(&self, reason: CloseReason) {
        let _ = self.reason.set(reason);
        self.wake_reader();
    }

    /// Marks the session as ended by a handler: pending bytes are delivered, whatever the close reason.
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

    /// Ends both directions at once: every thread blocked on the socket comes back.
    pub(super) fn cut(&self) {
        self.was_cut.store(true, Ordering::SeqCst);
        self.stream.cut();
    }

    /// Whether this side has ended both directions.
    pub(super) fn is_cut(&self) -> bool {
        self.was_cut.load(Ordering::SeqCst)
    }

    /// The bytes that wait for the peer.
    pub(super) fn pending(&self) -> usize {
        self.pending.load(Ordering::SeqCst)
    }

    /// The session misses lines: its writer is to report when everything before them is sent.
    pub(super) fn owe(&self) {
        self.owed.store(true, Ordering::SeqCst);
    }

    /// Whether a report is due; asked once, it is not due any more.
    pub(super) fn take_owed(&self) -> bool {
        self.owed.load(Ordering::SeqCst) && self.owed.swap(false, Ordering::SeqCst)
    }

    pub(super) fn set_reader(&self, thread: Thread) {
        let _ = self.reader.set(thread);
    }

    pub(super) fn set_writer(&self, thread: Thread) {
        let _ = self.writer.set(thread);
    }

    /// Wakes the reader where it waits for its outbox to drain.
    pub(super) fn wake_reader(&self) {
        if let Some(thread) = self.reader.get() {
            thread.unpark();
        }
    }

    /// Marks the session as visible to others: it has sent a byte or stayed for a moment.
    pub(super) fn appear(&self) {
        self.appeared.store(true, Ordering::SeqCst);
    }

    /// Whether [`Connection::appear`] was called.
    pub(super) fn has_appeared(&self) -> bool {
        self.appeared.load(Ordering::SeqCst)
    }

    /// The reader will not touch the socket any more.
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

impl fmt::Display for Connection {
    /// For the operator, who is to find whoever others complain of: `42 (text, 127.0.0.1:5123)`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { id, wire, address, shown, .. } = self;
        write!(f, "{id} ({wire}, {address}")?;
        if shown != address {
            write!(f, ", shown as {shown}")?;
        }
        f.write_str(")")
    }
}
