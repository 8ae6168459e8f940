//! The clock that payloads tell, and a timer that wakes the bench.

use std::io;
use std::os::fd::AsRawFd;
use std::time::{Duration, Instant, SystemTime};

use mio::unix::SourceFd;
use mio::{Interest, Registry, Token};
use rustix::fd::OwnedFd;
use rustix::time::{
    Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create, timerfd_settime,
};

/// The clock that payloads tell.
#[derive(Debug, Clone, Copy)]
pub(super) struct Clock {
    started: Instant,
}

impl Clock {
    /// A clock that starts now.
    pub(super) fn start() -> Self {
        Self { started: Instant::now() }
    }

    /// Nanoseconds since the start.
    pub(super) fn now(self) -> u64 {
        self.started.elapsed().as_nanos() as u64
    }

    /// The system's clock at the start, since the epoch. The kernel notes arrivals by that clock.
    pub(super) fn epoch(self) -> Duration {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        now.saturating_sub(self.started.elapsed())
    }
}

/// A timer that may wake a poll at an interval.
#[derive(Debug, Default)]
pub(super) struct Ticker {
    timer: Option<OwnedFd>,
}

impl Ticker {
    /// Wakes the poll at this interval from now on.
    pub(super) fn start(&mut self, registry: &Registry, token: Token, interval: Duration) -> Result<(), String> {
        let fail = |error: io::Error| format!("cannot set a timer: {error}");
        let timer = timerfd_create(TimerfdClockId::Monotonic, TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC)
            .map_err(|error| fail(error.into()))?;
        let interval = Timespec::try_from(interval).map_err(|_| "cannot set a timer of that interval".to_string())?;
        let times = Itimerspec { it_interval: interval, it_value: interval };
        timerfd_settime(&timer, TimerfdTimerFlags::empty(), &times).map_err(|error| fail(error.into()))?;
        registry.register(&mut SourceFd(&timer.as_raw_fd()), token, Interest::READABLE).map_err(fail)?;
        self.timer = Some(timer);
        Ok(())
    }

    /// Makes the timer ready for its next tick.
    pub(super) fn clear(&self) {
        if let Some(timer) = &self.timer {
            let _ = rustix::io::read(timer, &mut [0; 8]);
        }
    }

    /// Ends the timer.
    pub(super) fn stop(&mut self, registry: &Registry) {
        if let Some(timer) = self.timer.take() {
            let _ = registry.deregister(&mut SourceFd(&timer.as_raw_fd()));
        }
    }
}
