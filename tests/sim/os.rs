//! The ground under the house's own source here: one thread, a clock that only the scheduler moves,
//! sockets that are buffers. Whoever waits lets the others go on meanwhile.
//!
//! The names and what they promise are those of `src/server/os.rs`.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::io::{self, IoSlice};
use std::ops::Add;
use std::rc::Rc;
use std::time::Duration;

use rustix::event::{PollFlags, Timespec};
use rustix::io::Errno;
use rustix::net::{SendAncillaryBuffer, SendFlags};

use crate::world;

pub use std::net::Shutdown;
pub use std::sync::OnceLock;
pub use std::sync::atomic::{AtomicBool, AtomicUsize};

// --- chance and time ---------------------------------------------------------------------------

thread_local! {
    static DICE: Cell<u64> = const { Cell::new(0) };
    static UP: Cell<Duration> = const { Cell::new(Duration::ZERO) };
}

/// Begins anew: the same seed brings the same dice.
pub fn begin(seed: u64) {
    DICE.set(seed);
    UP.set(Duration::ZERO);
}

/// A number below `below` (splitmix64).
pub fn dice(below: usize) -> usize {
    let state = DICE.get().wrapping_add(0x9e37_79b9_7f4a_7c15);
    DICE.set(state);
    let mut mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    usize::try_from((mixed ^ (mixed >> 31)) % below as u64).expect("below is a usize")
}

/// Lets time pass.
pub fn pass(time: Duration) {
    UP.set(UP.get() + time);
}

/// A moment of the simulated clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Instant(pub Duration);

impl Instant {
    pub fn now() -> Self {
        Self(UP.get())
    }

    pub fn duration_since(self, earlier: Self) -> Duration {
        self.0.saturating_sub(earlier.0)
    }

    pub fn saturating_duration_since(self, earlier: Self) -> Duration {
        self.duration_since(earlier)
    }
}

impl Add<Duration> for Instant {
    type Output = Self;

    fn add(self, time: Duration) -> Self {
        Self(self.0 + time)
    }
}

impl Instant {
    pub fn checked_sub(self, time: Duration) -> Option<Self> {
        self.0.checked_sub(time).map(Self)
    }
}

pub struct SystemTime;
pub const UNIX_EPOCH: Instant = Instant(Duration::ZERO);

impl SystemTime {
    pub fn now() -> Self {
        Self
    }

    #[expect(clippy::unused_self, reason = "as the real one is called")]
    pub fn duration_since(self, epoch: Instant) -> Result<Duration, Errno> {
        Ok(Instant::now().duration_since(epoch))
    }
}

// --- channels ----------------------------------------------------------------------------------

struct Queue<T> {
    items: RefCell<VecDeque<T>>,
    senders: Cell<usize>,
    receiver: Cell<bool>,
    capacity: Option<usize>,
}

pub struct Sender<T>(Rc<Queue<T>>);
pub struct Receiver<T>(Rc<Queue<T>>);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RecvTimeoutError {
    Timeout,
    Disconnected,
}

pub fn unbounded<T>() -> (Sender<T>, Receiver<T>) {
    channel(None)
}

pub fn bounded<T>(capacity: usize) -> (Sender<T>, Receiver<T>) {
    channel(Some(capacity))
}

fn channel<T>(capacity: Option<usize>) -> (Sender<T>, Receiver<T>) {
    let items = RefCell::new(VecDeque::new());
    let queue = Rc::new(Queue { items, senders: Cell::new(1), receiver: Cell::new(true), capacity });
    (Sender(Rc::clone(&queue)), Receiver(queue))
}

impl<T> Sender<T> {
    pub fn is_full(&self) -> bool {
        self.0.capacity.is_some_and(|capacity| self.len() >= capacity)
    }

    pub fn len(&self) -> usize {
        self.0.items.borrow().len()
    }

    pub fn is_empty(&self) -> bool {
        self.0.items.borrow().is_empty()
    }

    pub fn try_send(&self, item: T) -> Result<(), T> {
        if self.is_full() || !self.0.receiver.get() {
            return Err(item);
        }
        self.0.items.borrow_mut().push_back(item);
        Ok(())
    }

    /// Nobody waits here: who may have to looks at [`Sender::is_full`] first.
    pub fn send(&self, item: T) -> Result<(), T> {
        assert!(!self.is_full(), "somebody would have had to wait");
        self.try_send(item)
    }
}

impl<T> Receiver<T> {
    pub fn is_empty(&self) -> bool {
        self.0.items.borrow().is_empty()
    }

    pub fn try_recv(&self) -> Result<T, RecvTimeoutError> {
        match self.0.items.borrow_mut().pop_front() {
            Some(item) => Ok(item),
            None if self.0.senders.get() == 0 => Err(RecvTimeoutError::Disconnected),
            None => Err(RecvTimeoutError::Timeout),
        }
    }

    pub fn recv(&self) -> Result<T, RecvTimeoutError> {
        self.recv_by(None)
    }

    pub fn recv_deadline(&self, deadline: Instant) -> Result<T, RecvTimeoutError> {
        self.recv_by(Some(deadline))
    }

    /// Waits, which only the manager does.
    fn recv_by(&self, deadline: Option<Instant>) -> Result<T, RecvTimeoutError> {
        world::interrupt();
        loop {
            match self.try_recv() {
                Err(RecvTimeoutError::Timeout) if deadline.is_some_and(|deadline| Instant::now() >= deadline) => {
                    return Err(RecvTimeoutError::Timeout);
                }
                Err(RecvTimeoutError::Timeout) => world::wait(deadline),
                done => return done,
            }
        }
    }
}

impl<T> Clone for Sender<T> {
    fn clone(&self) -> Self {
        self.0.senders.set(self.0.senders.get() + 1);
        Self(Rc::clone(&self.0))
    }
}

impl<T> Drop for Sender<T> {
    fn drop(&mut self) {
        self.0.senders.set(self.0.senders.get() - 1);
    }
}

impl<T> Drop for Receiver<T> {
    fn drop(&mut self) {
        self.0.receiver.set(false);
        drop(self.0.items.take());
    }
}

impl<T> std::fmt::Debug for Sender<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Sender")
    }
}

impl<T> std::fmt::Debug for Receiver<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Receiver")
    }
}

// --- sockets -----------------------------------------------------------------------------------

/// The server's end of a connection, and what the two kernels hold between it and the peer.
#[derive(Debug, Clone)]
pub struct TcpStream {
    pub wire: Rc<RefCell<Wire>>,
}

/// What is on its way on one connection.
#[derive(Debug, Default)]
pub struct Wire {
    pub to_peer: VecDeque<u8>,
    pub to_server: VecDeque<u8>,
    pub room: usize,
    /// The peer will send nothing more.
    pub peer_ended: bool,
    /// The peer has gone with a reset.
    pub reset: bool,
    /// The server will send nothing more.
    pub ended: bool,
    pub cut: bool,
    /// The writer has bytes in its hands: nobody else may send.
    pub owned: bool,
}

impl TcpStream {
    pub fn new(room: usize) -> Self {
        Self { wire: Rc::new(RefCell::new(Wire { room, ..Wire::default() })) }
    }

    pub fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        let mut wire = self.wire.borrow_mut();
        wire.ended = true;
        wire.cut |= how == Shutdown::Both;
        Ok(())
    }

    fn take(&self, parts: &[&[u8]]) -> Result<usize, Errno> {
        let by_writer = !world::interrupt();
        let mut wire = self.wire.borrow_mut();
        assert!(by_writer || !wire.owned, "the manager sends while the writer has something to send");
        assert!(!wire.ended || wire.cut, "somebody sends after the last byte");
        if wire.cut || wire.reset {
            return Err(Errno::PIPE);
        }
        let room = wire.room.saturating_sub(wire.to_peer.len());
        if room == 0 || dice(16) == 0 {
            return Err(if dice(4) == 0 { Errno::INTR } else { Errno::AGAIN });
        }
        let room = if dice(4) == 0 { 1 + dice(room) } else { room };
        let before = wire.to_peer.len();
        wire.to_peer.extend(parts.iter().flat_map(|part| part.iter()).take(room));
        Ok(wire.to_peer.len() - before)
    }
}

pub fn send(stream: &TcpStream, bytes: &[u8], _: SendFlags) -> Result<usize, Errno> {
    stream.take(&[bytes])
}

pub fn sendmsg(
    stream: &TcpStream,
    slices: &[IoSlice<'_>],
    _: &mut SendAncillaryBuffer<'_, '_, '_>,
    _: SendFlags,
) -> Result<usize, Errno> {
    stream.take(&slices.iter().map(|slice| &**slice).collect::<Vec<_>>())
}

// --- what is here only so that the source compiles ---------------------------------------------

/// Nobody sleeps here, so nobody is woken.
#[derive(Debug)]
pub struct Thread;

impl Thread {
    #[expect(clippy::unused_self, reason = "as the real one is called")]
    pub fn unpark(&self) {}
}

pub struct PollFd;

impl PollFd {
    pub fn new(_: &TcpStream, _: PollFlags) -> Self {
        Self
    }
}

pub fn poll(_: &mut [PollFd], _: Option<&Timespec>) -> Result<usize, Errno> {
    unreachable!("the writer's loop is played by the world")
}

pub fn park_timeout(_: Duration) {
    unreachable!("the writer's loop is played by the world")
}
