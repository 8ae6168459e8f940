//! The pauses before connecting again.

use std::hash::{BuildHasher, RandomState};
use std::time::{Duration, Instant};

/// The shortest and the longest pause; each is twice the one before.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// After a connection of this length the pauses begin anew.
const RESET_AFTER: Duration = Duration::from_secs(5);
/// How long a refused name is asked for again after a break: this client's own stale session may hold it
/// until the server notices. Longer than the idle limit of a text door.
pub(super) const NAME_RETRY_TIME: Duration = Duration::from_secs(60);
/// The interval at which a refused name is asked for again.
pub(super) const NAME_RETRY_INTERVAL: Duration = Duration::from_secs(5);

/// The pauses of one client.
#[derive(Debug)]
pub(super) struct Pauses {
    next: Duration,
    connected: Instant,
}

impl Pauses {
    /// The state of a client that has just connected.
    pub(super) fn new() -> Self {
        Self { next: FIRST_PAUSE, connected: Instant::now() }
    }

    /// Records a new connection.
    pub(super) fn connected(&mut self) {
        self.connected = Instant::now();
    }

    /// Records that the connection broke.
    pub(super) fn broke(&mut self) {
        if self.connected.elapsed() >= RESET_AFTER {
            self.next = FIRST_PAUSE;
        }
    }

    /// The next pause as shown, and the real one, which is up to a quarter longer: clients that lost the same
    /// server do not all return at once.
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

/// A random number below `below`.
fn anything_below(below: u64) -> u64 {
    RandomState::new().hash_one(0) % below.max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reconnect_pauses_double_up_to_thirty() {
        let mut pauses = Pauses::new();
        let seconds: Vec<f32> = (0..9).map(|_| pauses.next().0.as_secs_f32()).collect();
        assert_eq!(seconds, [0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0, 30.0]);
    }
}
