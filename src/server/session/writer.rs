//! The writer thread: sends what the manager could not send at once, then ends the connection.
//!
//! It waits for packets in its queue, takes all of them, and sends them with one call. It ends a session whose
//! peer takes too little for too long. After the last byte the peer has a second to close; then the writer cuts
//! the connection.

use std::collections::VecDeque;
use std::io::IoSlice;
use std::sync::Arc;
use std::time::Duration;

use rustix::io::Errno;

use crate::protocol::CloseReason;

use super::super::connection::Connection;
use super::super::event::Event;
use super::super::os::{Instant, Receiver, Sender, park_timeout};
use super::super::outbox::{MAX_SLICES, PACKET_OVERHEAD, Packet};

/// The peer may take this long to close after our last byte. An earlier close over unread input would send a
/// reset, and a reset destroys the goodbye.
pub(in super::super) const LINGER: Duration = Duration::from_secs(1);

/// A peer that takes at least this many bytes in each `--write-timeout` stays connected.
pub(in super::super) const LEAST_TAKEN: usize = 4 * 1024;

/// One wait for the socket lasts this fraction of the time-out, and counts as no more. So a process that was
/// stopped during a wait first sees what the peer has taken meanwhile.
pub(super) const WAITS_PER_TIMEOUT: u32 = 10;

/// The wait for memory of the kernel. No poll tells when it has memory again.
pub(super) const LOOK_FOR_MEMORY: Duration = Duration::from_millis(5);

/// One session's writer.
pub(in super::super) struct Writer {
    pub(in super::super) connection: Arc<Connection>,
    pub(in super::super) queue: Receiver<Packet>,
    pub(in super::super) inbox: Sender<Event>,
    /// The writer tells the manager and the reader when no more than this is pending again, in bytes.
    pub(in super::super) half: usize,
    pub(in super::super) timeout: Duration,
}

/// How long bytes have been pending while the peer took next to nothing.
#[derive(Debug, Default)]
pub(in super::super) struct Stall {
    waited: Duration,
    taken: usize,
}

impl Stall {
    /// Records that the peer took bytes.
    pub(in super::super) fn took(&mut self, bytes: usize) {
        self.taken += bytes;
        if self.taken >= LEAST_TAKEN {
            *self = Self::default();
        }
    }

    /// Records that the socket took nothing for `time`.
    pub(in super::super) fn waited(&mut self, time: Duration, timeout: Duration) {
        self.waited += time.min(timeout / WAITS_PER_TIMEOUT);
    }

    /// Whether the session ends.
    pub(in super::super) fn is_over(&self, timeout: Duration) -> bool {
        self.waited >= timeout
    }
}

impl Writer {
    /// Runs until the manager has dropped the outbox and everything in it is sent, or cannot be.
    pub(in super::super) fn run(&self) {
        let mut batch = VecDeque::new();
        while let Ok(packet) = self.queue.recv() {
            batch.push_back(packet);
            if let Err(reason) = self.send_all(&mut batch) {
                self.connection.end(reason);
                self.connection.cut();
                self.report_room();
                return;
            }
            self.report_caught_up();
        }
        self.finish();
    }

    /// Sends the batch and whatever joins the queue meanwhile.
    fn send_all(&self, batch: &mut VecDeque<Packet>) -> Result<(), CloseReason> {
        let mut stall = Stall::default();
        loop {
            while batch.len() < MAX_SLICES
                && let Ok(packet) = self.queue.try_recv()
            {
                batch.push_back(packet);
            }
            if batch.is_empty() {
                return Ok(());
            }
            let slices: Vec<IoSlice<'_>> = batch.iter().map(|packet| IoSlice::new(packet.bytes())).collect();
            match self.connection.stream().send_slices(&slices) {
                Ok(sent) => {
                    stall.took(sent);
                    self.take_off(batch, sent);
                }
                Err(Errno::INTR) => {}
                // A socket may have room for a few bytes and not report it, so it is tried once more.
                Err(Errno::AGAIN | Errno::NOBUFS) if stall.is_over(self.timeout) => {
                    return Err(CloseReason::WriteTimeout);
                }
                Err(Errno::AGAIN) => self.wait_for_room(&mut stall)?,
                Err(Errno::NOBUFS) => {
                    park_timeout(LOOK_FOR_MEMORY);
                    stall.waited(LOOK_FOR_MEMORY, self.timeout);
                }
                Err(_) => return Err(CloseReason::WriteFailed),
            }
        }
    }

    /// Takes `sent` bytes off the batch and off what is pending.
    pub(in super::super) fn take_off(&self, batch: &mut VecDeque<Packet>, mut sent: usize) {
        let mut done = sent;
        while let Some(packet) = batch.front_mut() {
            let length = packet.bytes().len();
            if sent < length {
                packet.advance(sent);
                break;
            }
            sent -= length;
            done += PACKET_OVERHEAD;
            batch.pop_front();
        }
        let before = self.connection.transport().sent(done);
        if before > self.half && before - done <= self.half {
            self.report_room();
            self.connection.threads.wake_reader();
        }
    }

    /// Tells the manager that work waiting for this session may go on.
    pub(in super::super) fn report_room(&self) {
        // The inbox is closed only after the server has stopped; then nothing waits.
        let _ = self.inbox.send(Event::HasRoom(self.connection.id));
    }

    /// Waits until the socket takes more, or for one fraction of the time-out.
    fn wait_for_room(&self, stall: &mut Stall) -> Result<(), CloseReason> {
        let begun = Instant::now();
        match self.connection.stream().wait_for_room(Some(self.timeout / WAITS_PER_TIMEOUT)) {
            Ok(_) | Err(Errno::INTR) => {
                stall.waited(Instant::now().saturating_duration_since(begun), self.timeout);
                Ok(())
            }
            Err(_) => Err(CloseReason::WriteFailed),
        }
    }

    /// Everything is sent. If lines were skipped, the manager may tell the session now.
    pub(in super::super) fn report_caught_up(&self) {
        if self.connection.take_owed() {
            // The inbox is closed only after the server has stopped; then nothing is owed.
            let _ = self.inbox.send(Event::CaughtUp(self.connection.id));
        }
    }

    /// Ends the output, and gives the peer time to close.
    fn finish(&self) {
        if self.connection.ends_politely() && self.connection.stream().end_output() {
            let until = Instant::now() + LINGER;
            while !self.connection.threads.has_finished_reading() {
                let left = until.saturating_duration_since(Instant::now());
                if left.is_zero() {
                    break;
                }
                park_timeout(left);
            }
        }
        self.connection.cut();
    }
}
