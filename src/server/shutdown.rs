//! The request for a stop, and the wait for lines that were sent before it.
//!
//! [`Stopper::trigger`] may be called from any thread, also from a signal handler's. It sets a flag and writes one
//! byte into a pipe that the accept loop polls. It needs no new descriptor, so a stop works when there are none
//! left.

use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::os::{AtomicBool, Condvar, Mutex, PipeReader, PipeWriter, pipe};

/// Stops a server. Clones stop the same server.
#[derive(Debug, Clone)]
pub struct Stopper {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    asked: AtomicBool,
    pipe: PipeWriter,
}

impl Stopper {
    /// A stopper, and the pipe that becomes readable when it is triggered.
    pub(super) fn new() -> io::Result<(Self, PipeReader)> {
        let (reader, pipe) = pipe()?;
        Ok((Self { shared: Arc::new(Shared { asked: AtomicBool::new(false), pipe }) }, reader))
    }

    /// Requests the stop; returns whether this was the first request. Never blocks.
    pub fn trigger(&self) -> bool {
        let first = !self.shared.asked.swap(true, Ordering::SeqCst);
        if first {
            // One byte into an empty pipe neither blocks nor fails while the accept loop runs. After it, there
            // is nothing left to stop. `write_all` tries again after a signal: else the stop would wait for
            // the next connection.
            let _ = (&self.shared.pipe).write_all(&[1]);
        }
        first
    }

    /// Whether a stop was requested.
    #[must_use]
    pub fn is_triggered(&self) -> bool {
        self.shared.asked.load(Ordering::SeqCst)
    }
}

/// The number of readers that delay lines or wait for a handler. A stop waits until they have passed those on.
#[derive(Debug, Default)]
pub(super) struct Delays {
    readers: Mutex<usize>,
    none: Condvar,
}

impl Delays {
    /// Counts this reader until the guard is dropped.
    pub(super) fn begin(&self) -> Delay<'_> {
        *self.readers.lock() += 1;
        Delay { delays: self }
    }

    /// Waits until no reader delays anything, `at_most` this long.
    pub(super) fn wait_for_none(&self, at_most: Duration) {
        let mut readers = self.readers.lock();
        self.none.wait_while_for(&mut readers, |readers| *readers > 0, at_most);
    }
}

/// A reader that delays something, counted.
pub(super) struct Delay<'a> {
    delays: &'a Delays,
}

impl Drop for Delay<'_> {
    fn drop(&mut self) {
        let mut readers = self.delays.readers.lock();
        *readers -= 1;
        if *readers == 0 {
            self.delays.none.notify_all();
        }
    }
}
