//! How long to wait before connecting again.

use std::hash::{BuildHasher, RandomState};
use std::time::{Duration, Instant};

/// The first pause before connecting again, and the longest; each is twice the one before.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// A connection that has lasted so long was a good one: the next pause is the first again.
const GOOD: Duration = Duration::from_secs(5);
/// After a break the name may still be held by this client's own session of before, until the
/// server notices: so long a refused name is asked for again. Longer than a text door's silence.
pub(super) const NAME_HELD: Duration = Duration::from_secs(60);
/// A refused name is asked for again so often.
pub(super) const ASK_AGAIN: Duration = Duration::from_secs(5);

/// The pauses of one client.
#[derive(Debug)]
pub(super) struct Pauses {
    next: Duration,
    connected: Instant,
}

impl Pauses {
    /// For a client that has just connected.
    pub(super) fn new() -> Self {
        Self { next: FIRST_PAUSE, connected: Instant::now() }
    }

    /// The connection is there again.
    pub(super) fn connected(&mut self) {
        self.connected = Instant::now();
    }

    /// The connection broke.
    pub(super) fn broke(&mut self) {
        if self.connected.elapsed() >= GOOD {
            self.next = FIRST_PAUSE;
        }
    }

    /// The next pause as it is told, and as it is: a quarter more at most, so that those who lost the
    /// same server do not come at once.
    pub(super) fn next(&mut self) -> (Duration, Duration) {
        let pause = self.next;
        self.next = longer(pause);
        let quarter = u64::try_from(pause.as_millis() / 4).unwrap_or(0);
        (pause, pause + Duration::from_millis(anything_below(quarter)))
    }
}

/// The pause after this one.
fn longer(pause: Duration) -> Duration {
    (pause * 2).min(LONGEST_PAUSE)
}

/// A number below `below` that nobody can foresee.
fn anything_below(below: u64) -> u64 {
    RandomState::new().hash_one(0) % below.max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_from_half_a_second_to_thirty() {
        let mut pauses = Pauses::new();
        let seconds: Vec<f32> = (0..9).map(|_| pauses.next().0.as_secs_f32()).collect();
        assert_eq!(seconds, [0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0, 30.0]);
    }
}
