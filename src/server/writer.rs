//! The writer thread: sends what the manager could not send at once, then ends the connection well.
//!
//! It sleeps until its queue has something, takes everything that waits, and writes it with one
//! call. It is also the session's last clock: what has waited too long ends the session, and after
//! the last byte the peer has a second to close before the connection is cut.

use std::collections::VecDeque;
use std::io::IoSlice;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use rustix::event::{PollFlags, Timespec};
use rustix::io::Errno;
use rustix::net::{SendAncillaryBuffer, SendFlags};

use crate::protocol::CloseReason;

use super::lifeline::Lifeline;
use super::manager::Event;
use super::os::{Instant, PollFd, Receiver, Sender, Shutdown, park_timeout, poll, sendmsg};
use super::outbox::{MAX_SLICES, PACKET_OVERHEAD, Packet};

/// After our last byte the peer may take so long to close. Closing earlier, over input that nobody
/// has read, would send a reset, and a reset eats the goodbye.
pub(super) const LINGER: Duration = Duration::from_secs(1);

/// What has waited too long is given this part of the time-out to be taken after all.
const LAST_CHANCE: u32 = 10;

/// The kernel has no memory for what is to be sent, which no poll tells, nor when it has.
const LOOK_FOR_MEMORY: Duration = Duration::from_millis(5);

/// One session's writer.
pub(super) struct Writer {
    pub(super) lifeline: Arc<Lifeline>,
    pub(super) queue: Receiver<Packet>,
    pub(super) inbox: Sender<Event>,
    /// Wakes a manager that waits for outboxes to drain.
    pub(super) nudge: Sender<()>,
    /// A session whose outbox holds more than this is waited for (see the manager's pace).
    pub(super) half: usize,
    pub(super) timeout: Duration,
}

impl Writer {
    /// Runs until the manager has dropped the outbox and everything in it is sent, or cannot be.
    pub(super) fn run(&self) {
        let mut batch = VecDeque::new();
        while let Ok(packet) = self.queue.recv() {
            batch.push_back(packet);
            if let Err(reason) = self.send_all(&mut batch) {
                self.lifeline.end(reason);
                self.lifeline.cut();
                return;
            }
            self.report_caught_up();
        }
        self.finish();
    }

    /// Sends the batch and whatever joins the queue meanwhile.
    fn send_all(&self, batch: &mut VecDeque<Packet>) -> Result<(), CloseReason> {
        loop {
            while batch.len() < MAX_SLICES
                && let Ok(packet) = self.queue.try_recv()
            {
                batch.push_back(packet);
            }
            let Some(oldest) = batch.front() else { return Ok(()) };
            let deadline = oldest.queued + self.timeout;
            let slices: Vec<IoSlice<'_>> = batch.iter().map(|packet| IoSlice::new(packet.bytes())).collect();
            let flags = SendFlags::DONTWAIT | SendFlags::NOSIGNAL;
            match sendmsg(&self.lifeline.stream, &slices, &mut SendAncillaryBuffer::default(), flags) {
                Ok(sent) => self.take_off(batch, sent),
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => self.wait_for_room(deadline)?,
                Err(Errno::NOBUFS) => wait_for_memory(deadline)?,
                Err(_) => return Err(CloseReason::WriteFailed),
            }
        }
    }

    /// Takes `sent` bytes off the batch and off what is pending.
    pub(super) fn take_off(&self, batch: &mut VecDeque<Packet>, mut sent: usize) {
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
        let before = self.lifeline.pending.fetch_sub(done, Ordering::SeqCst);
        if before > self.half && before - done <= self.half {
            let _ = self.nudge.try_send(()); // full: the manager will look anyway
            self.lifeline.wake_reader();
        }
    }

    /// Waits until the socket takes more, or until the oldest byte has waited too long.
    ///
    /// It is never less than a part of the time-out that is waited: where the whole process was stopped
    /// meanwhile, what waited is old through no fault of the peer's, which takes it as soon as it is sent.
    fn wait_for_room(&self, deadline: Instant) -> Result<(), CloseReason> {
        let left = deadline.saturating_duration_since(Instant::now());
        let timeout = Timespec::try_from(left.max(self.timeout / LAST_CHANCE)).ok();
        match poll(&mut [PollFd::new(&self.lifeline.stream, PollFlags::OUT)], timeout.as_ref()) {
            Ok(0) if Instant::now() >= deadline => Err(CloseReason::WriteTimeout),
            Ok(_) | Err(Errno::INTR) => Ok(()),
            Err(_) => Err(CloseReason::WriteFailed),
        }
    }

    /// Everything is sent: where lines were skipped, the manager may now say so.
    pub(super) fn report_caught_up(&self) {
        if self.lifeline.take_owed() {
            // The inbox is closed only where the house is; then nobody is owed anything.
            let _ = self.inbox.send(Event::CaughtUp(self.lifeline.permit.seat, self.lifeline.id));
        }
    }

    /// Nothing more will come: says so to the peer and gives it time to close.
    fn finish(&self) {
        if self.lifeline.reason().is_none_or(CloseReason::is_polite)
            && self.lifeline.stream.shutdown(Shutdown::Write).is_ok()
        {
            let until = Instant::now() + LINGER;
            while !self.lifeline.has_finished_reading() {
                let left = until.saturating_duration_since(Instant::now());
                if left.is_zero() {
                    break;
                }
                park_timeout(left);
            }
        }
        self.lifeline.cut();
    }
}

fn wait_for_memory(deadline: Instant) -> Result<(), CloseReason> {
    if Instant::now() >= deadline {
        return Err(CloseReason::WriteTimeout);
    }
    park_timeout(LOOK_FOR_MEMORY);
    Ok(())
}
