//! The bytes that wait for one session, and the rules on writing to its socket.
//!
//! The manager must never wait for a slow consumer. `push` therefore gives the socket what it takes at
//! once, queues the rest for the writer thread, or reports that the outbox is full.
//!
//! 1. While nothing is pending, the manager owns the sending side of the socket and writes to it,
//!    without blocking: waking the writer thread costs twice as much as the write.
//! 2. From the first byte that is queued until the writer has sent the last one, the writer owns it.
//! 3. Only the manager adds to `pending`; only the writer subtracts, after its send. When the manager
//!    reads 0, the writer is done, and it stays so. There is one owner at any time, and no lock.
//! 4. `push` must not block, must not reorder, and must not let more than `limit` bytes be pending,
//!    except for one push to an empty outbox.
//! 5. `push_answer` takes an answer, whatever is pending: answers are never skipped. The manager must
//!    not work on a command of a session that has more than `limit` bytes pending. So at most one
//!    answer exceeds the limit.
//!
//! The outbox does not know what the bytes mean.

use std::cell::OnceCell;
use std::io::IoSlice;
use std::ops::Range;
use std::sync::Arc;

use rustix::io::Errno;

use crate::protocol::CloseReason;

use super::connection::Connection;
use super::os::{Receiver, Sender, unbounded};
use super::transport::Transport;

/// Bytes pending in a session's outbox, and bytes ever taken out of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Standing {
    pub(super) pending: usize,
    pub(super) taken: u64,
}

/// The cost of a queued packet beside its bytes: its place in the channel and its share of the
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

/// Gathered bytes that may go to several sessions. They are copied to shared memory once, when the first
/// socket does not take them.
#[derive(Debug, Default)]
pub(super) struct Bytes {
    gathered: Vec<u8>,
    shared: OnceCell<Arc<[u8]>>,
}

impl Bytes {
    /// Appends what `write` writes.
    pub(super) fn append<T>(&mut self, write: impl FnOnce(&mut Vec<u8>) -> T) -> T {
        self.shared.take();
        write(&mut self.gathered)
    }

    pub(super) fn len(&self) -> usize {
        self.gathered.len()
    }

    /// Forgets the bytes. Keeps the buffer for reuse, unless it is larger than `kept` bytes.
    pub(super) fn clear(&mut self, kept: usize) {
        self.shared.take();
        self.gathered.clear();
        if self.gathered.capacity() > kept {
            self.gathered = Vec::new();
        }
    }

    fn share(&self) -> Arc<[u8]> {
        Arc::clone(self.shared.get_or_init(|| self.gathered.as_slice().into()))
    }
}

/// A range of gathered bytes, to be sent.
#[derive(Debug, Clone)]
pub(super) struct Part<'a> {
    pub(super) of: &'a Bytes,
    pub(super) range: Range<usize>,
}

impl<'a> Part<'a> {
    /// All of the bytes.
    pub(super) fn whole(of: &'a Bytes) -> Self {
        Self { of, range: 0..of.len() }
    }

    fn bytes(&self) -> &'a [u8] {
        self.of.gathered.get(self.range.clone()).unwrap_or_default()
    }
}

/// The result of a push.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pushed {
    /// The socket took everything.
    Sent,
    /// The queue has the rest or everything. Holds the session's standing before.
    Queued(Standing),
    /// More than the limit would be pending: nothing was taken.
    Full,
    /// The connection is gone. The reason stands in [`Connection`].
    Dead,
}

/// The manager's end of one session's queue. Dropping it tells the writer to finish and end.
#[derive(Debug)]
pub(super) struct Outbox {
    connection: Arc<Connection>,
    transport: Arc<Transport>,
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
        let transport = Arc::clone(connection.transport());
        (Self { connection, transport, queue, limit, queued: 0, dead: false }, packets)
    }

    /// Sends `parts` in order.
    pub(super) fn push<'a>(&mut self, parts: impl Iterator<Item = Part<'a>> + Clone) -> Pushed {
        self.push_within(self.limit, parts)
    }

    /// Sends an answer, whatever is pending.
    pub(super) fn push_answer<'a>(&mut self, parts: impl Iterator<Item = Part<'a>> + Clone) -> Pushed {
        self.push_within(usize::MAX, parts)
    }

    /// Whether a send has failed: nothing reaches the peer any more.
    pub(super) fn is_dead(&self) -> bool {
        self.dead
    }

    /// Bytes pending, and bytes that the session has taken.
    pub(super) fn standing(&self) -> Standing {
        let pending = self.transport.pending();
        Standing { pending, taken: self.queued - pending as u64 }
    }

    fn push_within<'a>(&mut self, limit: usize, parts: impl Iterator<Item = Part<'a>> + Clone) -> Pushed {
        if self.dead {
            return Pushed::Dead;
        }
        let (mut total, mut count) = (0, 0);
        for part in parts.clone() {
            total += part.range.len();
            count += 1;
        }
        let pending = self.transport.pending();
        let mut sent = 0;
        if pending == 0 {
            match self.send_now(parts.clone(), count) {
                Ok(taken) => sent = taken,
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
        } else if pending + total + count * PACKET_OVERHEAD > limit {
            return Pushed::Full;
        }
        let before = Standing { pending, taken: self.queued - pending as u64 };
        self.queue_rest(parts, sent, before)
    }

    /// Gives the socket what it takes without blocking.
    fn send_now<'a>(&self, mut parts: impl Iterator<Item = Part<'a>>, count: usize) -> Result<usize, Errno> {
        let result = if count > 1 {
            let slices: Vec<IoSlice<'_>> = parts.take(MAX_SLICES).map(|part| IoSlice::new(part.bytes())).collect();
            self.transport.stream.send_slices(&slices)
        } else {
            parts.next().map_or(Ok(0), |part| self.transport.stream.send(part.bytes()))
        };
        match result {
            Err(Errno::AGAIN | Errno::INTR | Errno::NOBUFS) => Ok(0),
            other => other,
        }
    }

    /// Queues all but the first `sent` bytes. From here on the writer owns the socket.
    fn queue_rest<'a>(&mut self, parts: impl Iterator<Item = Part<'a>>, mut sent: usize, before: Standing) -> Pushed {
        for part in parts {
            let (length, skip) = (part.range.len(), sent.min(part.range.len()));
            sent -= skip;
            if skip == length {
                continue;
            }
            // A small part of a large buffer would keep all of it in memory, uncounted: it is copied.
            let rest = part.bytes().get(skip..).unwrap_or_default();
            let (bytes, start) = if rest.len() < part.of.len() / 4 {
                (rest.into(), 0)
            } else {
                (part.of.share(), part.range.start + skip)
            };
            let packet = Packet { bytes, start, end: start + length - skip };
            let cost = length - skip + PACKET_OVERHEAD;
            self.queued += cost as u64;
            self.transport.queued(cost);
            if self.queue.send(packet).is_err() {
                self.dead = true; // the writer has ended; the connection has the reason
                return Pushed::Dead;
            }
        }
        Pushed::Queued(before)
    }
}
