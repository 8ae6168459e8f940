//! What waits for one session, and who may write to its socket.
//!
//! If anyone waited for the slowest listener, the whole room would be as slow as its worst network.
//! So nobody waits: `push` gives the socket what it takes at once, queues the rest for the writer
//! thread, or says that there is no room.
//!
//! The contract:
//! 1. While nothing is pending, the manager owns the socket's sending side and writes to it itself,
//!    without blocking: waking a writer thread costs twice what the write does.
//! 2. From the first byte that is queued until the writer has sent the last one, the writer owns it.
//! 3. Only the manager adds to `pending`, only the writer takes away, after its send. So when the
//!    manager reads 0, the writer is done, and it stays so. There is one owner at any time, no lock.
//! 4. `push` must not block, must not reorder, and must not let more than `limit` bytes be pending,
//!    but for one push to an empty outbox.
//! 5. `push_answer` takes an answer whatever is pending: answers are never skipped. The manager must not
//!    work on a command of a session that has more than `limit` bytes pending. So at most one answer
//!    exceeds the limit.
//!
//! The outbox does not know what the bytes mean.

use std::io::IoSlice;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use rustix::io::Errno;

use crate::protocol::CloseReason;

use super::connection::Connection;
use super::os::{Receiver, Sender, unbounded};

/// Bytes pending in a session's outbox, and bytes ever taken out of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Standing {
    pub(super) pending: usize,
    pub(super) taken: u64,
}

/// What a queued packet costs beside its bytes: its place in the channel and its share of the
/// bytes' owner. Counted, so that a queue of tiny packets is bounded too.
pub(super) const PACKET_OVERHEAD: usize = 64;

/// Most pieces in one vectored write. Linux takes 1024; beyond a few dozen the gain is gone.
pub(super) const MAX_SLICES: usize = 64;

/// Bytes that wait for one session; the bytes themselves may be shared with many.
#[derive(Debug)]
pub(super) struct Packet {
    bytes: Arc<[u8]>,
    start: usize,
    end: usize,
}

impl Packet {
    pub(super) fn bytes(&self) -> &[u8] {
        self.bytes.get(self.start..self.end).unwrap_or_default()
    }

    /// Forgets the first `count` bytes.
    pub(super) fn advance(&mut self, count: usize) {
        self.start = (self.start + count).min(self.end);
    }
}

/// Bytes that several sessions are sent: copied to the heap once, and only if somebody has to wait
/// for some of them.
#[derive(Debug)]
pub(super) struct Shared<'a> {
    pub(super) bytes: &'a [u8],
    kept: Option<Arc<[u8]>>,
}

impl<'a> Shared<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, kept: None }
    }

    fn keep(&mut self) -> Arc<[u8]> {
        Arc::clone(self.kept.get_or_insert_with(|| self.bytes.into()))
    }
}

/// What became of a push.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pushed {
    /// The socket has all of it.
    Sent,
    /// The queue has all or the rest of it. Holds the session's standing before.
    Queued(Standing),
    /// It would be more than the limit: nothing was taken.
    Full,
    /// The connection is gone; the connection knows why.
    Dead,
}

/// The manager's end of one session's queue. Dropping it tells the writer to finish and end.
#[derive(Debug)]
pub(super) struct Outbox {
    connection: Arc<Connection>,
    queue: Sender<Packet>,
    limit: usize,
    /// Bytes ever queued, counted like pending bytes.
    queued: u64,
    dead: bool,
}

impl Outbox {
    /// An outbox in which at most `limit` bytes wait, and the writer's end of its queue.
    ///
    /// The channel needs no bound of its own: `limit` bounds it, and an unbounded channel holds no
    /// memory while it is empty, which nearly all of them are.
    pub(super) fn new(connection: Arc<Connection>, limit: usize) -> (Self, Receiver<Packet>) {
        let (queue, packets) = unbounded();
        (Self { connection, queue, limit, queued: 0, dead: false }, packets)
    }

    /// Sends the `ranges` of `shared` in order.
    pub(super) fn push(&mut self, shared: &mut Shared<'_>, ranges: &[Range<usize>]) -> Pushed {
        self.push_within(self.limit, shared, ranges)
    }

    /// Sends an answer, whatever is pending.
    pub(super) fn push_answer(&mut self, bytes: &[u8]) -> Pushed {
        let whole = 0..bytes.len();
        self.push_within(usize::MAX, &mut Shared::new(bytes), &[whole])
    }

    /// Bytes pending, and bytes that the session has taken.
    pub(super) fn standing(&self) -> Standing {
        let pending = self.connection.pending();
        Standing { pending, taken: self.queued - pending as u64 }
    }

    fn push_within(&mut self, limit: usize, shared: &mut Shared<'_>, ranges: &[Range<usize>]) -> Pushed {
        if self.dead {
            return Pushed::Dead;
        }
        let total: usize = ranges.iter().map(ExactSizeIterator::len).sum();
        let pending = self.connection.pending();
        let mut sent = 0;
        if pending == 0 {
            match self.send_now(shared.bytes, ranges) {
                Ok(count) => sent = count,
                Err(_) => {
                    self.connection.end(CloseReason::WriteFailed);
                    self.connection.cut();
                    self.dead = true;
                    return Pushed::Dead;
                }
            }
            if sent == total {
                return Pushed::Sent;
            }
        } else if pending + total + ranges.len() * PACKET_OVERHEAD > limit {
            return Pushed::Full;
        }
        let before = Standing { pending, taken: self.queued - pending as u64 };
        self.queue_rest(shared, ranges, sent, before)
    }

    /// Gives the socket what it takes without blocking.
    fn send_now(&self, bytes: &[u8], ranges: &[Range<usize>]) -> Result<usize, Errno> {
        let part = |range: &Range<usize>| bytes.get(range.clone()).unwrap_or_default();
        let result = match ranges {
            [] => Ok(0),
            [range] => self.connection.stream.send(part(range)),
            many => {
                let slices: Vec<IoSlice<'_>> =
                    many.iter().take(MAX_SLICES).map(|range| IoSlice::new(part(range))).collect();
                self.connection.stream.send_slices(&slices)
            }
        };
        match result {
            Err(Errno::AGAIN | Errno::INTR | Errno::NOBUFS) => Ok(0),
            other => other,
        }
    }

    /// Queues all but the first `sent` bytes; from here on the writer owns the socket.
    fn queue_rest(
        &mut self,
        shared: &mut Shared<'_>,
        ranges: &[Range<usize>],
        mut sent: usize,
        before: Standing,
    ) -> Pushed {
        for range in ranges {
            let skip = sent.min(range.len());
            sent -= skip;
            if skip == range.len() {
                continue;
            }
            // A small part of a large chunk would keep all of it in memory, uncounted: it is copied.
            let rest = shared.bytes.get(range.start + skip..range.end).unwrap_or_default();
            let (bytes, start) = if rest.len() < shared.bytes.len() / 4 {
                (rest.into(), 0)
            } else {
                (shared.keep(), range.start + skip)
            };
            let packet = Packet { bytes, start, end: start + range.len() - skip };
            let cost = range.len() - skip + PACKET_OVERHEAD;
            self.queued += cost as u64;
            self.connection.pending.fetch_add(cost, Ordering::SeqCst);
            if self.queue.send(packet).is_err() {
                self.dead = true; // the writer has ended; the connection knows why
                return Pushed::Dead;
            }
        }
        Pushed::Queued(before)
    }
}
