//! Replaces `src/server/os.rs`, with the same names: one thread, and a clock that only the scheduler moves.
//! A wait lets the others go on meanwhile.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::ops::Add;
use std::rc::Rc;
use std::time::Duration;

use rustix::io::Errno;

use crate::world;

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

    /// Never waits: a caller that may have to wait checks [`Sender::is_full`] first.
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

// --- what is here only so that the source compiles ---------------------------------------------

/// Nobody sleeps here, so nobody is woken.
#[derive(Debug)]
pub struct Thread;

impl Thread {
    #[expect(clippy::unused_self, reason = "as the real one is called")]
    pub fn unpark(&self) {}
}

pub fn park_timeout(_: Duration) {
    unreachable!("the writer's loop is played by the world")
}
