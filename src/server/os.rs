//! The clock, channels, locks and atomics of the manager, the outboxes, the writers and the stop.
//!
//! These files name them by this module only. So tests can compile the same files over others:
//! `tests/sim` runs random sessions on one thread with a simulated clock, and `tests/handshakes` lets loom
//! try every order in which two threads may meet. Both replace `socket` too.

pub(super) use std::io::{PipeReader, PipeWriter, pipe};
pub(super) use std::sync::OnceLock;
pub(super) use std::sync::atomic::{AtomicBool, AtomicUsize};
pub(super) use std::thread::{Thread, park_timeout};
pub(super) use std::time::{Instant, SystemTime, UNIX_EPOCH};

pub(super) use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, unbounded};
pub(super) use parking_lot::{Condvar, Mutex};
