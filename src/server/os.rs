//! What the manager, the outboxes, the writers and the stop take of the operating system, of time
//! and of other threads.
//!
//! They name it through here and nowhere else, so that their very source can be put on another
//! ground: `tests/sim` plays random lives of the house on one thread with a clock of its own, and
//! `tests/handshakes` lets loom try every order in which two threads may meet. Here the names mean
//! what they always mean.

pub(super) use std::io::{PipeReader, PipeWriter, pipe};
pub(super) use std::net::{Shutdown, TcpStream};
pub(super) use std::sync::OnceLock;
pub(super) use std::sync::atomic::{AtomicBool, AtomicUsize};
pub(super) use std::thread::{Thread, park_timeout};
pub(super) use std::time::{Instant, SystemTime, UNIX_EPOCH};

pub(super) use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, unbounded};
pub(super) use parking_lot::{Condvar, Mutex};
pub(super) use rustix::event::{PollFd, poll};
pub(super) use rustix::net::{send, sendmsg};
