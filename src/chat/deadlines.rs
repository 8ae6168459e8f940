//! Deadlines of programs: a program that neither joins a room nor says anything is asked to leave.

use std::collections::VecDeque;
use std::time::Duration;

use crate::protocol::SessionId;

/// How long a program has to leave after it has been asked to.
const EXIT_GRACE: Duration = Duration::from_secs(10);

/// Programs that have to join by a time, and those that have to be gone by it; both in order.
#[derive(Debug, Default, Clone)]
pub(super) struct Deadlines {
    to_join: VecDeque<(Duration, SessionId)>,
    to_exit: VecDeque<(Duration, SessionId)>,
}

impl Deadlines {
    /// A program has to join by `due`, which is not before any earlier one's. Of the sessions that have ended
    /// meanwhile, not more are kept than there are people.
    pub(super) fn add(&mut self, id: SessionId, due: Duration, people: usize, is_present: impl Fn(SessionId) -> bool) {
        if self.to_join.len() > 2 * people + 64 {
            self.to_join.retain(|(_, id)| is_present(*id));
        }
        self.to_join.push_back((due, id));
    }

    pub(super) fn next_due(&self) -> Option<Duration> {
        let due = |queue: &VecDeque<(Duration, SessionId)>| queue.front().map(|(due, _)| *due);
        due(&self.to_join).into_iter().chain(due(&self.to_exit)).min()
    }

    /// A session whose time to join is over.
    pub(super) fn take_late(&mut self, up: Duration) -> Option<SessionId> {
        self.to_join.pop_front_if(|(due, _)| *due <= up).map(|(_, id)| id)
    }

    /// The session has been asked to leave.
    pub(super) fn asked_to_leave(&mut self, id: SessionId, up: Duration) {
        self.to_exit.push_back((up + EXIT_GRACE, id));
    }

    /// A session that was asked to leave and whose time for it is over.
    pub(super) fn take_overdue(&mut self, up: Duration) -> Option<SessionId> {
        self.to_exit.pop_front_if(|(due, _)| *due <= up).map(|(_, id)| id)
    }
}
