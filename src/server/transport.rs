//! The part of a session that every send uses: its byte stream, and how many bytes wait for it.
//!
//! The accept thread allocates it, so that the transports of all sessions lie close together in memory. A
//! broadcast walks through them. Allocated by the sessions' own threads, they lay in the arenas of malloc, each
//! on a page of its own: with 1,000 listeners a line cost 9 % more processor time.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::os::AtomicUsize;
use super::stream::Stream;

/// The byte stream of one session, and the bytes pending.
#[derive(Debug)]
pub(super) struct Transport {
    pub(super) stream: Stream,
    /// Bytes in the outbox and with the writer. Only the manager adds, only the writer takes away: when the
    /// manager reads 0, the writer does not use the socket.
    pending: AtomicUsize,
}

impl Transport {
    /// A transport on which nothing waits.
    pub(super) fn new(stream: Stream) -> Arc<Self> {
        Arc::new(Self { stream, pending: AtomicUsize::new(0) })
    }

    /// The bytes that wait for the peer.
    pub(super) fn pending(&self) -> usize {
        self.pending.load(Ordering::SeqCst)
    }

    /// Counts bytes that were queued for the writer.
    pub(super) fn queued(&self, bytes: usize) {
        self.pending.fetch_add(bytes, Ordering::SeqCst);
    }

    /// Counts bytes that the writer has sent; returns how many were pending before.
    pub(super) fn sent(&self, bytes: usize) -> usize {
        self.pending.fetch_sub(bytes, Ordering::SeqCst)
    }
}
