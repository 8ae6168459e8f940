//! Replaces `src/server/os.rs`, with the same names: loom's threads, atomics and locks.
//!
//! No wait times out. A wait that only its clock would end has lost its wake-up, and loom reports it as a
//! deadlock.

use std::collections::VecDeque;
use std::io::{self, Write};
use std::ops::{Add, Deref, DerefMut};
use std::sync::atomic::Ordering;
use std::time::Duration;

use loom::sync::atomic::fence;
use loom::sync::{self, Arc};

pub use loom::thread::Thread;
pub use std::time::{SystemTime, UNIX_EPOCH};

pub fn park_timeout(_: Duration) {
    loom::thread::park();
}

/// One moment, which lasts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Instant(Duration);

impl Instant {
    pub fn now() -> Self {
        Self(Duration::ZERO)
    }

    pub fn saturating_duration_since(self, earlier: Self) -> Duration {
        self.0.saturating_sub(earlier.0)
    }

    pub fn duration_since(self, earlier: Self) -> Duration {
        self.saturating_duration_since(earlier)
    }
}

impl Add<Duration> for Instant {
    type Output = Self;

    fn add(self, time: Duration) -> Self {
        Self(self.0 + time)
    }
}

// --- atomics -----------------------------------------------------------------------------------

// loom takes a SeqCst access for an AcqRel one, which is less than it is, but it knows SeqCst fences
// (loom's README, "SeqCst accesses"). So what writes is followed by a fence, as a compiler for x86 does
// it: enough where two threads each write one thing and then look at the other's. What is not SeqCst
// gets none, so an order that is too weak is found.
fn strictly<R>(order: Ordering, write: impl FnOnce() -> R) -> R {
    let done = write();
    if order == Ordering::SeqCst {
        fence(Ordering::SeqCst);
    }
    done
}

#[derive(Debug)]
pub struct AtomicUsize(sync::atomic::AtomicUsize);

impl AtomicUsize {
    pub fn new(value: usize) -> Self {
        Self(sync::atomic::AtomicUsize::new(value))
    }

    pub fn load(&self, order: Ordering) -> usize {
        self.0.load(order)
    }

    pub fn fetch_add(&self, value: usize, order: Ordering) -> usize {
        strictly(order, || self.0.fetch_add(value, order))
    }

    pub fn fetch_sub(&self, value: usize, order: Ordering) -> usize {
        strictly(order, || self.0.fetch_sub(value, order))
    }
}

#[derive(Debug)]
pub struct AtomicBool(sync::atomic::AtomicBool);

impl AtomicBool {
    pub fn new(value: bool) -> Self {
        Self(sync::atomic::AtomicBool::new(value))
    }

    pub fn load(&self, order: Ordering) -> bool {
        self.0.load(order)
    }

    pub fn store(&self, value: bool, order: Ordering) {
        strictly(order, || self.0.store(value, order));
    }

    pub fn swap(&self, value: bool, order: Ordering) -> bool {
        strictly(order, || self.0.swap(value, order))
    }
}

/// The value is in std's lock; loom checks which thread may see it.
#[derive(Debug)]
pub struct OnceLock<T> {
    value: std::sync::OnceLock<T>,
    is_set: sync::atomic::AtomicBool,
    setting: sync::Mutex<()>,
}

impl<T> OnceLock<T> {
    pub fn new() -> Self {
        let is_set = sync::atomic::AtomicBool::new(false);
        Self { value: std::sync::OnceLock::new(), is_set, setting: sync::Mutex::new(()) }
    }

    pub fn set(&self, value: T) -> Result<(), T> {
        let _alone = self.setting.lock();
        self.value.set(value)?;
        self.is_set.store(true, Ordering::Release);
        Ok(())
    }

    pub fn get(&self) -> Option<&T> {
        self.value.get().filter(|_| self.is_set.load(Ordering::Acquire))
    }
}

// --- locks -------------------------------------------------------------------------------------

#[derive(Debug, Default)]
pub struct Mutex<T>(sync::Mutex<T>);

pub struct MutexGuard<'a, T>(Option<sync::MutexGuard<'a, T>>);

impl<T> Mutex<T> {
    pub fn new(value: T) -> Self {
        Self(sync::Mutex::new(value))
    }

    pub fn lock(&self) -> MutexGuard<'_, T> {
        MutexGuard(Some(self.0.lock().unwrap()))
    }
}

impl<T> Deref for MutexGuard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        self.0.as_ref().unwrap()
    }
}

impl<T> DerefMut for MutexGuard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        self.0.as_mut().unwrap()
    }
}

#[derive(Debug, Default)]
pub struct Condvar(sync::Condvar);

impl Condvar {
    pub fn notify_all(&self) {
        self.0.notify_all();
    }

    pub fn wait_while_for<T>(
        &self,
        guard: &mut MutexGuard<'_, T>,
        mut wanted: impl FnMut(&mut T) -> bool,
        _: Duration,
    ) {
        while wanted(&mut **guard) {
            guard.0 = guard.0.take().map(|inner| self.0.wait(inner).unwrap());
        }
    }
}

// --- channels ----------------------------------------------------------------------------------

struct Queue<T> {
    items: VecDeque<T>,
    senders: usize,
    received: bool,
}

type Shared<T> = Arc<(Mutex<Queue<T>>, Condvar)>;

pub struct Sender<T>(Shared<T>, usize);
pub struct Receiver<T>(Shared<T>);

pub fn unbounded<T>() -> (Sender<T>, Receiver<T>) {
    bounded(usize::MAX)
}

pub fn bounded<T>(capacity: usize) -> (Sender<T>, Receiver<T>) {
    let queue = Mutex::new(Queue { items: VecDeque::new(), senders: 1, received: true });
    let shared = Arc::new((queue, Condvar::default()));
    (Sender(Arc::clone(&shared), capacity), Receiver(shared))
}

impl<T> Sender<T> {
    pub fn try_send(&self, item: T) -> Result<(), T> {
        let mut queue = self.0.0.lock();
        if queue.items.len() >= self.1 || !queue.received {
            return Err(item);
        }
        queue.items.push_back(item);
        self.0.1.notify_all();
        Ok(())
    }

    /// For queues that are never full here.
    pub fn send(&self, item: T) -> Result<(), T> {
        self.try_send(item)
    }
}

impl<T> Receiver<T> {
    pub fn try_recv(&self) -> Result<T, ()> {
        self.0.0.lock().items.pop_front().ok_or(())
    }

    pub fn recv(&self) -> Result<T, ()> {
        let mut queue = self.0.0.lock();
        self.0.1.wait_while_for(&mut queue, |queue| queue.items.is_empty() && queue.senders > 0, Duration::ZERO);
        queue.items.pop_front().ok_or(())
    }
}

impl<T> Clone for Sender<T> {
    fn clone(&self) -> Self {
        self.0.0.lock().senders += 1;
        Self(Arc::clone(&self.0), self.1)
    }
}

impl<T> Drop for Sender<T> {
    fn drop(&mut self) {
        self.0.0.lock().senders -= 1;
        self.0.1.notify_all();
    }
}

impl<T> Drop for Receiver<T> {
    fn drop(&mut self) {
        self.0.0.lock().received = false;
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

// --- the pipe of the stop ----------------------------------------------------------------------

#[derive(Debug)]
pub struct PipeReader(Arc<(Mutex<usize>, Condvar)>);
#[derive(Debug)]
pub struct PipeWriter(Arc<(Mutex<usize>, Condvar)>);

#[expect(clippy::unnecessary_wraps, reason = "as the real one is called")]
pub fn pipe() -> io::Result<(PipeReader, PipeWriter)> {
    let shared = Arc::new((Mutex::new(0), Condvar::default()));
    Ok((PipeReader(Arc::clone(&shared)), PipeWriter(shared)))
}

impl PipeReader {
    /// As a poll without a time-out: what is there stays there.
    pub fn wait_until_readable(&self) {
        self.0.1.wait_while_for(&mut self.0.0.lock(), |bytes| *bytes == 0, Duration::ZERO);
    }
}

impl Write for &PipeWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut held = self.0.0.lock();
        assert_eq!((*held, bytes.len()), (0, 1), "one byte into an empty pipe");
        *held += 1;
        self.0.1.notify_all();
        Ok(1)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
