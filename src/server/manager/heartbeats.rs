//! When each session is due for a heartbeat, for the wire formats that have one.

use std::collections::VecDeque;
use std::time::Duration;

use crate::protocol::SessionId;

use super::super::profile::Every;
use super::clock::Clock;
use super::dispatch::Dispatch;
use super::message::{Message, Urgency};

/// The heartbeats to come.
#[derive(Debug)]
pub(super) struct Heartbeats {
    /// `--heartbeat`; zero = none.
    setting: Duration,
    /// One queue for each interval in use: one or two.
    queues: Vec<Queue>,
}

/// The sessions of one interval. All of them wait equally long, so they are in order.
#[derive(Debug)]
struct Queue {
    /// The time between two heartbeats of a session.
    every: Duration,
    sessions: VecDeque<(Duration, SessionId)>,
}

impl Heartbeats {
    /// `setting`: the time between two heartbeats where `--heartbeat` says it; zero = none.
    pub(super) fn new(setting: Duration) -> Self {
        Self { setting, queues: Vec::new() }
    }

    /// When the next heartbeat is due.
    pub(super) fn next_due(&self) -> Option<Duration> {
        self.queues.iter().filter_map(|queue| queue.sessions.front()).map(|(due, _)| *due).min()
    }

    /// Plans the next heartbeat of a session.
    pub(super) fn plan(&mut self, id: SessionId, every: Every, now: Duration) {
        let every = match every {
            Every::Setting => self.setting,
            Every::Fixed(every) => every,
        };
        if every.is_zero() {
            return;
        }
        let due = (now + every, id);
        match self.queues.iter_mut().find(|queue| queue.every == every) {
            Some(queue) => queue.sessions.push_back(due),
            None => self.queues.push(Queue { every, sessions: [due].into() }),
        }
    }

    /// Sends a heartbeat to each session that is due. Pending bytes show a client that the server is alive: then
    /// no heartbeat is sent.
    pub(super) fn send_due(&mut self, dispatch: &mut Dispatch<'_>, clock: &Clock) {
        while let Some(id) = self.pop_due(clock.turn) {
            let Some(recipient) = dispatch.get(id).filter(|recipient| recipient.outbox.is_some()) else { continue };
            let Some(heartbeat) = &recipient.connection.profile().heartbeat else { continue };
            if recipient.connection.pending() == 0 {
                dispatch.tell(id, Urgency::Answer, Message::Bytes(heartbeat.bytes), clock);
            }
            self.plan(id, heartbeat.every, clock.turn);
        }
    }

    /// A session that is due; it has no heartbeat planned any more.
    fn pop_due(&mut self, now: Duration) -> Option<SessionId> {
        self.queues.iter_mut().find_map(|queue| queue.sessions.pop_front_if(|(due, _)| *due <= now)).map(|(_, id)| id)
    }

    /// Forgets sessions that have ended, if they are many beside the `present` ones.
    pub(super) fn forget_ended(&mut self, present: usize, is_present: impl Fn(SessionId) -> bool) {
        for Queue { sessions, .. } in &mut self.queues {
            if sessions.len() > 2 * present + 64 {
                sessions.retain(|(_, id)| is_present(*id));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn heartbeats_come_in_order_when_due() {
        let mut heartbeats = Heartbeats::new(5 * SECOND);
        (1..=2).for_each(|id| heartbeats.plan(SessionId(u64::from(id)), Every::Setting, id * SECOND));
        assert_eq!(heartbeats.next_due(), Some(6 * SECOND));
        assert_eq!(heartbeats.pop_due(5 * SECOND), None);
        assert_eq!(heartbeats.pop_due(6 * SECOND), Some(SessionId(1)));
        assert_eq!(heartbeats.pop_due(6 * SECOND), None);
        assert_eq!(heartbeats.pop_due(9 * SECOND), Some(SessionId(2)));
    }

    #[test]
    fn each_interval_has_its_own_order() {
        let mut heartbeats = Heartbeats::new(5 * SECOND);
        heartbeats.plan(SessionId(1), Every::Fixed(30 * SECOND), Duration::ZERO);
        heartbeats.plan(SessionId(2), Every::Setting, SECOND);
        heartbeats.plan(SessionId(3), Every::Fixed(30 * SECOND), 2 * SECOND);
        let due = |heartbeats: &mut Heartbeats, at| heartbeats.pop_due(at * SECOND).map(|id| id.0);
        assert_eq!(heartbeats.next_due(), Some(6 * SECOND));
        assert_eq!((due(&mut heartbeats, 29), due(&mut heartbeats, 29)), (Some(2), None));
        assert_eq!((due(&mut heartbeats, 30), heartbeats.next_due()), (Some(1), Some(32 * SECOND)));
        let mut none = Heartbeats::new(Duration::ZERO);
        none.plan(SessionId(1), Every::Setting, SECOND);
        assert_eq!(none.next_due(), None, "--heartbeat 0");
    }

    #[test]
    fn heartbeats_of_ended_sessions_are_bounded() {
        let mut heartbeats = Heartbeats::new(5 * SECOND);
        for id in 0..1000 {
            heartbeats.forget_ended(1, |present| present.0 == id);
            heartbeats.plan(SessionId(id), Every::Setting, Duration::ZERO);
        }
        let planned: usize = heartbeats.queues.iter().map(|queue| queue.sessions.len()).sum();
        assert!(planned < 100, "{planned} planned");
    }
}
