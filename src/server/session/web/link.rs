//! The byte stream of a connection that sends requests: reads and writes with a deadline.

use std::thread;
use std::time::{Duration, Instant};

use rustix::io::Errno;

use crate::protocol::CloseReason;

use super::super::super::setups::InSetup;
use super::super::super::stream::Stream;
use super::super::linger::discard;
use super::super::writer::{LINGER, LOOK_FOR_MEMORY, Stall, WAITS_PER_TIMEOUT};

/// The size of a read: a head with cookies and user agent, and then some.
const READ: usize = 4 * 1024;

/// The byte stream, used by its reader thread alone.
pub(super) struct Link<'a> {
    stream: &'a Stream,
    setup: &'a InSetup<'a>,
    buffer: Vec<u8>,
    write_timeout: Duration,
}

/// The outcome of a read.
pub(super) enum Read {
    /// [`Link::bytes`] has what has come.
    Bytes,
    /// The peer has ended its input, or a stop has.
    End,
    /// Nothing has come in time.
    TimedOut,
}

impl<'a> Link<'a> {
    pub(super) fn new(stream: &'a Stream, setup: &'a InSetup<'a>, write_timeout: Duration) -> Self {
        Self { stream, setup, buffer: Vec::new(), write_timeout }
    }

    /// Reads once, and waits for input `at_most` this long.
    pub(super) fn read(&mut self, at_most: Duration) -> Result<Read, CloseReason> {
        let until = Instant::now() + at_most;
        loop {
            let left = until.saturating_duration_since(Instant::now());
            match self.stream.wait_for_input(Some(left)) {
                Ok(true) => {}
                // Input that came in time counts, also if the process was stopped meanwhile.
                Ok(false) if !left.is_zero() => continue,
                Ok(false) => return Ok(Read::TimedOut),
                Err(Errno::INTR) => continue,
                Err(_) => return Err(self.over(CloseReason::ReadFailed)),
            }
            self.buffer.clear();
            self.buffer.reserve(READ);
            match self.stream.recv(&mut self.buffer) {
                Ok(0) => return self.setup.reason().map_or(Ok(Read::End), Err),
                Ok(_) => return Ok(Read::Bytes),
                Err(Errno::INTR | Errno::AGAIN) => {}
                Err(_) => return Err(self.over(CloseReason::ReadFailed)),
            }
        }
    }

    /// The bytes of the last read.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.buffer
    }

    /// Sends all of `bytes`. A peer that takes fewer than 4 KiB within `--write-timeout` has its connection ended.
    pub(super) fn send(&self, mut bytes: &[u8]) -> Result<(), CloseReason> {
        let (timeout, mut stall) = (self.write_timeout, Stall::default());
        while !bytes.is_empty() {
            match self.stream.send(bytes) {
                Ok(sent) => {
                    stall.took(sent);
                    bytes = bytes.get(sent..).unwrap_or_default();
                }
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN | Errno::NOBUFS) if stall.is_over(timeout) => return Err(CloseReason::WriteTimeout),
                Err(Errno::AGAIN) => {
                    let begun = Instant::now();
                    let waited = self.stream.wait_for_room(Some(timeout / WAITS_PER_TIMEOUT));
                    if !matches!(waited, Ok(_) | Err(Errno::INTR)) {
                        return Err(self.over(CloseReason::WriteFailed));
                    }
                    stall.waited(begun.elapsed(), timeout);
                }
                Err(Errno::NOBUFS) => {
                    thread::sleep(LOOK_FOR_MEMORY);
                    stall.waited(LOOK_FOR_MEMORY, timeout);
                }
                Err(_) => return Err(self.over(CloseReason::WriteFailed)),
            }
        }
        Ok(())
    }

    /// Closes the connection. If that is polite, the peer may take until `linger` to read the last answer.
    pub(super) fn close(&self, reason: &CloseReason, linger: Duration) {
        if !reason.is_polite() {
            self.stream.cut();
            return self.stream.reset_on_close();
        }
        let until = Instant::now() + LINGER.min(linger);
        if self.stream.end_output() {
            discard(self.stream, || self.setup.reason().is_some(), Some(until));
        }
        self.stream.cut();
    }

    /// The reason of another thread that has cut the connection, else `reason`.
    fn over(&self, reason: CloseReason) -> CloseReason {
        self.setup.reason().unwrap_or(reason)
    }
}
