//! The manager's clock: it counts the time in which the process runs.
//!
//! A process that was stopped (SIGSTOP, a frozen container) finds all its deadlines passed at once when it
//! goes on, although nobody had the time: what sessions sent meanwhile still waits in their sockets. So the
//! clock does not count that time. A program that joins just in time is not asked to leave, and a reader
//! whose writer could not run is not behind. Linux does the same for a machine that is suspended.
//!
//! A stop shows in one place: the manager wakes from a wait much later than it was due. The clock then also
//! stands still for [`MARGIN`], in which readers and writers catch up.

use std::time::Duration;

use crate::chat::Now;

use super::super::os::{Instant, SystemTime, UNIX_EPOCH};

/// A wake-up that is later than this means that the process was stopped.
const LATE: Duration = Duration::from_millis(50);
/// After the process was stopped, the clock stands still for this time.
pub(super) const MARGIN: Duration = Duration::from_millis(100);
/// The clock stands still at most once in this time: a machine that is always late must not stop it.
const MARGIN_EVERY: Duration = Duration::from_secs(1);

/// The clock. Its times count from the start of the server.
#[derive(Debug, Clone, Copy)]
pub(super) struct Clock {
    started: Instant,
    /// Time that does not count.
    lost: Duration,
    /// The time of the present turn: for deadlines, which need no system call each.
    pub(super) turn: Duration,
    margin_at: Option<Duration>,
}

impl Clock {
    pub(super) fn new(started: Instant) -> Self {
        Self { started, lost: Duration::ZERO, turn: Duration::ZERO, margin_at: None }
    }

    /// The time. Never steps back.
    pub(super) fn read(&self) -> Duration {
        Instant::now().duration_since(self.started).saturating_sub(self.lost).max(self.turn)
    }

    /// Makes the present time that of the turn.
    pub(super) fn begin_turn(&mut self) {
        self.turn = self.read();
    }

    /// The time of the turn, for the hub.
    pub(super) fn now(&self) -> Now {
        let unix_ms = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
        Now { up: self.turn, unix_ms: u64::try_from(unix_ms).unwrap_or(u64::MAX) }
    }

    /// When `time` will be.
    pub(super) fn instant(&self, time: Duration) -> Instant {
        self.started + self.lost + time
    }

    /// Notes that a wait until `due` is over, and begins a turn. The wait began at the time of the last turn.
    pub(super) fn woke(&mut self, due: Option<Duration>) {
        let asleep_since = self.turn;
        let now = self.read();
        let late = due.map_or(Duration::ZERO, |due| now.saturating_sub(due.max(asleep_since)));
        if late >= LATE {
            self.lost += late;
            if self.margin_at.is_none_or(|at| now - late >= at + MARGIN_EVERY) {
                self.margin_at = Some(now - late);
                self.lost += MARGIN;
            }
        }
        self.begin_turn();
    }
}
