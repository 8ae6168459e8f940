//! The clocks of one reader: what is due next, and what is due now.
//!
//! A reader waits for input until [`Timeouts::next`], reads, and asks [`Timeouts::due`] only if there was
//! nothing to read. So input that came in time counts, also if the process was stopped meanwhile.
//!
//! Time is an argument, measured from any fixed moment.

use std::time::Duration;

use crate::protocol::{Command, IdleLimits};

/// A session that has sent nothing is listed and announced after this time. Health checks and port scans
/// have gone by then (case B9).
const APPEARS_AFTER: Duration = Duration::from_millis(200);
/// A frame or packet that was begun must be finished within this time, however slowly its bytes come.
const UNFINISHED: Duration = Duration::from_secs(10);
/// An open object as text is refused after this time without a byte. If a brace was forgotten, everything
/// typed later would be taken for more of the object (CASES D2).
const OPEN_OBJECT: Duration = Duration::from_secs(60);

/// The clocks of one reader.
#[derive(Debug, Clone)]
pub(super) struct Timeouts {
    /// `None` if silence is not timed.
    idle: Option<Idle>,
    /// When a session that has sent nothing appears; `None` once it has appeared.
    appears_at: Option<Duration>,
    /// Since when a frame or packet is unfinished.
    unfinished_since: Option<Duration>,
    /// When the last byte of an object came that is open as text.
    open_since: Option<Duration>,
}

/// The clock of a session's silence.
#[derive(Debug, Clone, Copy)]
struct Idle {
    limit: Duration,
    /// The limit after the first line or name.
    later: Duration,
    /// Since when the reader waits; `None` while it works.
    since: Option<Duration>,
    /// Two thirds of the limit have passed, and the session was told. `since` is the time after that.
    is_warned: bool,
}

/// A time-out that is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Due {
    /// The session has stayed: list and announce it.
    Appear,
    /// Warn it: it was silent for `quiet` seconds, and ends in `left`.
    IdleWarning { quiet: u64, left: u64 },
    /// End it: it was silent for `seconds`.
    IdleEnd { seconds: u64 },
    /// End it: a frame or packet was not finished in time.
    Unfinished,
    /// Refuse the open object.
    OpenObject,
}

impl Timeouts {
    /// The clocks of a session that begins at `now`. Without `idle`, or with a limit of 0, silence is not
    /// timed.
    pub(super) fn new(idle: Option<IdleLimits>, now: Duration) -> Self {
        let idle = idle.filter(|limits| !limits.at_first.is_zero()).map(|limits| Idle {
            limit: limits.at_first,
            later: limits.later,
            since: None,
            is_warned: false,
        });
        Self { idle, appears_at: Some(now + APPEARS_AFTER), unfinished_since: None, open_since: None }
    }

    /// Records that the reader begins to wait for input.
    pub(super) fn wait(&mut self, now: Duration) {
        if let Some(idle) = &mut self.idle {
            idle.since.get_or_insert(now);
        }
    }

    /// When the next thing is due; `None` if the reader may wait for ever.
    pub(super) fn next(&self) -> Option<Duration> {
        let unfinished = self.unfinished_since.map(|since| since + UNFINISHED);
        let open = self.open_since.map(|since| since + OPEN_OBJECT);
        let idle = self.idle.and_then(Idle::due_at);
        [self.appears_at, unfinished, open, idle].into_iter().flatten().min()
    }

    /// The next thing that is due at `now`. Each is returned once; call it again for the rest.
    pub(super) fn due(&mut self, now: Duration) -> Option<Due> {
        if self.appears_at.take_if(|at| *at <= now).is_some() {
            return Some(Due::Appear);
        }
        if self.unfinished_since.take_if(|since| *since + UNFINISHED <= now).is_some() {
            return Some(Due::Unfinished);
        }
        if self.open_since.take_if(|since| *since + OPEN_OBJECT <= now).is_some() {
            return Some(Due::OpenObject);
        }
        self.idle.as_mut()?.due(now)
    }

    /// Records input. `is_midway` and `is_open` are what the decoder says now; `is_whole`
    /// tells whether something whole came.
    pub(super) fn note_input(&mut self, is_midway: bool, is_open: bool, is_whole: bool, now: Duration) {
        if let Some(idle) = &mut self.idle {
            (idle.since, idle.is_warned) = (None, false);
        }
        // After something whole, what is unfinished has just begun.
        let since = self.unfinished_since.filter(|_| !is_whole).unwrap_or(now);
        self.unfinished_since = is_midway.then_some(since);
        self.open_since = (is_open && !is_midway).then_some(now);
    }

    /// Does not charge the peer for time in which the server did not read: an unfinished item begins now.
    pub(super) fn excuse(&mut self, now: Duration) {
        if let Some(since) = &mut self.unfinished_since {
            *since = now;
        }
    }

    /// Records that nothing is unfinished after all: the rest was read and not decoded.
    pub(super) fn note_whole(&mut self) {
        self.unfinished_since = None;
    }

    /// Whether the session is not listed yet.
    pub(super) fn is_hidden(&self) -> bool {
        self.appears_at.is_some()
    }

    /// Records that the session is listed and announced.
    pub(super) fn appear(&mut self) {
        self.appears_at = None;
    }

    /// Records a command: `/stay` ends the timing of silence; the first line or name changes its limit.
    pub(super) fn note_command(&mut self, command: &Command) {
        let Some(idle) = &mut self.idle else { return };
        if *command == Command::Stay {
            self.idle = None;
        } else if idle.limit != idle.later && shows_a_person(command) {
            let later = idle.later;
            let renewed = Idle { limit: later, later, since: None, is_warned: false };
            self.idle = Some(renewed).filter(|_| !later.is_zero());
        }
    }
}

impl Idle {
    fn due_at(self) -> Option<Duration> {
        let until_warning = self.limit * 2 / 3;
        Some(self.since? + if self.is_warned { self.limit - until_warning } else { until_warning })
    }

    fn due(&mut self, now: Duration) -> Option<Due> {
        self.due_at().filter(|at| *at <= now)?;
        let seconds = self.limit.as_secs();
        if self.is_warned {
            return Some(Due::IdleEnd { seconds });
        }
        (self.since, self.is_warned) = (None, true);
        let left = seconds - seconds * 2 / 3;
        Some(Due::IdleWarning { quiet: seconds - left, left })
    }
}

/// Whether this command says a line or asks for a name.
fn shows_a_person(command: &Command) -> bool {
    use Command::{Me, Msg, Nick, Rename, Reply, Say};
    matches!(command, Say(_) | Me(_) | Msg { .. } | Reply(_) | Nick(_) | Rename(_))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::{Body, Nick};

    const fn s(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    const LIMITS: IdleLimits = IdleLimits { at_first: s(30), later: s(1800) };

    /// The clocks of a session that has appeared and waits since 0.
    fn timeouts(idle: Option<IdleLimits>) -> Timeouts {
        let mut timeouts = Timeouts::new(idle, s(0));
        timeouts.appear();
        timeouts.wait(s(0));
        timeouts
    }

    fn say() -> Command {
        Command::Say(Body::new("hi").unwrap())
    }

    /// Everything that is due at `now`.
    fn due(timeouts: &mut Timeouts, now: Duration) -> Vec<Due> {
        std::iter::from_fn(|| timeouts.due(now)).collect()
    }

    #[test]
    fn session_without_a_byte_appears_once() {
        let mut timeouts = Timeouts::new(None, s(7));
        let at = s(7) + APPEARS_AFTER;
        assert_eq!((timeouts.next(), timeouts.is_hidden()), (Some(at), true));
        assert_eq!(timeouts.due(at - Duration::from_nanos(1)), None);
        assert_eq!(due(&mut timeouts, at), [Due::Appear]);
        assert_eq!((timeouts.next(), timeouts.is_hidden()), (None, false));
    }

    #[test]
    fn silence_is_warned_and_then_ends() {
        let mut timeouts = timeouts(Some(LIMITS));
        assert_eq!(timeouts.next(), Some(s(20)));
        assert_eq!(timeouts.due(s(19)), None);
        assert_eq!(due(&mut timeouts, s(20)), [Due::IdleWarning { quiet: 20, left: 10 }]);
        assert_eq!(timeouts.next(), None, "the warning is being sent");
        timeouts.wait(s(21));
        assert_eq!(timeouts.next(), Some(s(31)));
        assert_eq!(timeouts.due(s(31)), Some(Due::IdleEnd { seconds: 30 }));
    }

    #[test]
    fn input_restarts_the_silence() {
        let mut timeouts = timeouts(Some(LIMITS));
        assert_eq!(timeouts.due(s(20)), Some(Due::IdleWarning { quiet: 20, left: 10 }));
        timeouts.wait(s(20));
        timeouts.note_input(false, false, true, s(25));
        timeouts.wait(s(40)); // its line waited 15 s for the rate limit
        assert_eq!(timeouts.next(), Some(s(60)));
        timeouts.wait(s(50));
        assert_eq!(timeouts.next(), Some(s(60)), "a wait that goes on is no input");
    }

    #[test]
    fn first_line_or_name_changes_the_limit() {
        let name = Command::Nick(Nick::parse("ann").unwrap());
        for first in [say(), name] {
            let mut timeouts = timeouts(Some(LIMITS));
            timeouts.note_command(&Command::Ping);
            assert_eq!(timeouts.next(), Some(s(20)));
            timeouts.note_command(&first);
            timeouts.wait(s(5));
            assert_eq!(timeouts.next(), Some(s(1205)));
        }
    }

    #[test]
    fn stay_and_zero_end_the_timing_of_silence() {
        let mut stays = timeouts(Some(LIMITS));
        stays.note_command(&Command::Stay);
        stays.note_command(&say());
        let mut no_limit_later = timeouts(Some(IdleLimits { later: s(0), ..LIMITS }));
        no_limit_later.note_command(&say());
        let never = timeouts(Some(IdleLimits { at_first: s(0), ..LIMITS }));
        for mut timeouts in [stays, no_limit_later, never, timeouts(None)] {
            timeouts.wait(s(1));
            assert_eq!((timeouts.next(), timeouts.due(s(100_000))), (None, None));
        }
    }

    #[test]
    fn unfinished_frame_is_due_despite_slow_bytes() {
        let mut timeouts = timeouts(None);
        for second in 0..10 {
            timeouts.note_input(true, false, false, s(second));
            assert_eq!((timeouts.next(), timeouts.due(s(second))), (Some(s(10)), None));
        }
        assert_eq!(due(&mut timeouts, s(10)), [Due::Unfinished]);
    }

    #[test]
    fn whole_frame_renews_the_time_of_the_next() {
        let mut timeouts = timeouts(None);
        timeouts.note_input(true, false, false, s(0));
        timeouts.note_input(true, false, true, s(9));
        assert_eq!(timeouts.next(), Some(s(19)));
        timeouts.excuse(s(12));
        assert_eq!(timeouts.next(), Some(s(22)), "the rate limit took three seconds");
        timeouts.note_input(false, false, true, s(13));
        assert_eq!(timeouts.next(), None);
    }

    /// CASES D2: an object as text that stays open is refused after 60 s without a byte.
    #[test]
    fn open_object_is_due_after_a_minute() {
        let mut timeouts = timeouts(None);
        timeouts.note_input(false, true, false, s(0));
        assert_eq!(timeouts.due(s(59)), None);
        timeouts.note_input(false, true, false, s(59));
        assert_eq!((timeouts.next(), timeouts.due(s(118))), (Some(s(119)), None));
        assert_eq!(due(&mut timeouts, s(119)), [Due::OpenObject]);
        timeouts.note_input(false, false, true, s(119));
        assert_eq!(timeouts.next(), None);
    }
}
