//! When each frame session is due for a heartbeat.

use std::collections::VecDeque;
use std::time::Duration;

use crate::protocol::SessionId;

/// The heartbeats to come. All sessions wait equally long, so they are in order.
#[derive(Debug)]
pub(super) struct Heartbeats {
    /// The time between two heartbeats of a session; zero = none.
    every: Duration,
    queue: VecDeque<(Duration, SessionId)>,
}

impl Heartbeats {
    pub(super) fn new(every: Duration) -> Self {
        Self { every, queue: VecDeque::new() }
    }

    /// When the next heartbeat is due.
    pub(super) fn next_due(&self) -> Option<Duration> {
        self.queue.front().map(|(due, _)| *due)
    }

    /// Plans the next heartbeat of a session.
    pub(super) fn plan(&mut self, id: SessionId, now: Duration) {
        if !self.every.is_zero() {
            self.queue.push_back((now + self.every, id));
        }
    }

    /// The next session that is due; it has no heartbeat planned any more.
    pub(super) fn pop_due(&mut self, now: Duration) -> Option<SessionId> {
        self.queue.pop_front_if(|(due, _)| *due <= now).map(|(_, id)| id)
    }

    /// Forgets sessions that have ended, if they are many beside the `present` ones.
    pub(super) fn forget_ended(&mut self, present: usize, is_present: impl Fn(SessionId) -> bool) {
        if self.queue.len() > 2 * present + 64 {
            self.queue.retain(|(_, id)| is_present(*id));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heartbeats_come_in_order_when_due() {
        let second = Duration::from_secs(1);
        let mut heartbeats = Heartbeats::new(5 * second);
        (1..=2).for_each(|id| heartbeats.plan(SessionId(u64::from(id)), id * second));
        assert_eq!(heartbeats.next_due(), Some(6 * second));
        assert_eq!(heartbeats.pop_due(5 * second), None);
        assert_eq!(heartbeats.pop_due(6 * second), Some(SessionId(1)));
        assert_eq!(heartbeats.pop_due(6 * second), None);
        assert_eq!(heartbeats.pop_due(9 * second), Some(SessionId(2)));
    }

    #[test]
    fn heartbeats_of_ended_sessions_are_bounded() {
        let mut heartbeats = Heartbeats::new(Duration::from_secs(5));
        for id in 0..1000 {
            heartbeats.forget_ended(1, |present| present.0 == id);
            heartbeats.plan(SessionId(id), Duration::ZERO);
        }
        assert!(heartbeats.queue.len() < 100, "{} planned", heartbeats.queue.len());
    }
}
