//! The deadlines of one connection that sends requests.
//!
//! Time is an argument, measured from any fixed moment.

use std::time::Duration;

use crate::wire::web::Phase;

/// The first request must begin within this time, as the other steps of a connection's setup.
const FIRST_REQUEST: Duration = Duration::from_secs(10);
/// A head must be complete this long after its first byte, however slowly its bytes come.
const HEAD: Duration = Duration::from_secs(10);
/// A body must be complete this long after its head.
const BODY: Duration = Duration::from_secs(10);
/// The next request must begin this long after an answer: browsers and proxies keep connections for later.
const KEEP_ALIVE: Duration = Duration::from_secs(30);

/// When a connection's next step has to be done.
#[derive(Debug)]
pub(super) struct Deadlines {
    phase: Phase,
    since: Duration,
    /// Whether a request was answered.
    has_served: bool,
}

impl Deadlines {
    /// The deadlines of a connection that was accepted at `now`.
    pub(super) fn new(now: Duration) -> Self {
        Self { phase: Phase::Idle, since: now, has_served: false }
    }

    /// Records how far the request has come.
    pub(super) fn note(&mut self, phase: Phase, now: Duration) {
        if phase != self.phase {
            (self.phase, self.since) = (phase, now);
        }
    }

    /// Records that a request was answered: the time of the next one begins now.
    pub(super) fn answered(&mut self, now: Duration) {
        *self = Self { phase: Phase::Idle, since: now, has_served: true };
    }

    /// When the connection ends unless more has come.
    pub(super) fn next(&self) -> Duration {
        self.since + self.limit()
    }

    /// The time for the present step.
    pub(super) fn limit(&self) -> Duration {
        match self.phase {
            Phase::Idle if self.has_served => KEEP_ALIVE,
            Phase::Idle => FIRST_REQUEST,
            Phase::Head => HEAD,
            Phase::Body => BODY,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn s(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn first_request_has_ten_seconds() {
        let mut deadlines = Deadlines::new(s(100));
        deadlines.note(Phase::Idle, s(105));
        assert_eq!(deadlines.next(), s(110));
    }

    #[test]
    fn slow_bytes_do_not_renew_a_deadline() {
        let mut deadlines = Deadlines::new(s(0));
        for second in 9..19 {
            deadlines.note(Phase::Head, s(second));
            assert_eq!(deadlines.next(), s(19), "ten seconds from its first byte");
        }
        for second in 18..28 {
            deadlines.note(Phase::Body, s(second));
            assert_eq!(deadlines.next(), s(28), "ten seconds from the end of its head");
        }
    }

    #[test]
    fn answered_connection_is_kept_half_a_minute() {
        let mut deadlines = Deadlines::new(s(0));
        deadlines.note(Phase::Head, s(1));
        deadlines.answered(s(20));
        deadlines.note(Phase::Idle, s(21));
        assert_eq!((deadlines.next(), deadlines.limit()), (s(50), s(30)));
        deadlines.note(Phase::Head, s(49));
        assert_eq!(deadlines.next(), s(59));
        // The next head was in the same read as this request.
        deadlines.answered(s(55));
        deadlines.note(Phase::Head, s(55));
        assert_eq!(deadlines.next(), s(65));
    }
}
