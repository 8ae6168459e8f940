//! A room: who is in it, what it is about, what was said, and how much of a bustle there is.

use std::sync::Arc;
use std::time::Duration;

use crate::protocol::{Body, Line, NameKeys, Notice, RoomName, SessionId, Speaker};

use super::history::History;

/// Comings and goings are told one by one as long as there are no more than this …
const SINGLY: usize = 5;
/// … within this time; what is beyond is told in one line at its end, and as long as there is more than
/// that in each such time, it all is.
const WINDOW: Duration = Duration::from_secs(2);
/// In a room with more members than this they are never told one by one.
const CROWD: usize = 100;

/// The number of a room, for tables by room.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct RoomIndex(pub u32);

impl RoomIndex {
    /// The lobby's.
    pub const LOBBY: Self = Self(0);

    /// The number as an index.
    #[must_use]
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// One room.
#[derive(Debug)]
pub(super) struct Room {
    pub(super) name: RoomName,
    /// What the name is compared by.
    pub(super) keys: NameKeys,
    pub(super) topic: Option<Body>,
    /// In the order in which they came.
    pub(super) members: Vec<SessionId>,
    pub(super) history: History,
    /// When it was made, in Unix milliseconds: tells it from an earlier room of its name.
    pub(super) since: u64,
    /// Since when nobody is here.
    pub(super) empty_since: Option<Duration>,
    summary: JoinSummary,
}

/// The comings and goings of one window of time.
#[derive(Debug)]
struct JoinSummary {
    ends: Duration,
    /// So many more may be told one by one.
    singly: usize,
    /// So many were.
    told: usize,
    came: usize,
    left: usize,
}

impl Room {
    pub(super) fn new(name: RoomName, history: History, since: u64) -> Self {
        Self {
            keys: NameKeys::of_room(&name),
            name,
            topic: None,
            members: Vec::new(),
            history,
            since,
            empty_since: None,
            summary: JoinSummary::until(Duration::ZERO, SINGLY),
        }
    }

    pub(super) fn enter(&mut self, id: SessionId) {
        self.members.push(id);
        self.empty_since = None;
    }

    pub(super) fn leave(&mut self, id: SessionId, up: Duration) {
        self.members.retain(|member| *member != id);
        if self.members.is_empty() {
            self.empty_since = Some(up);
        }
    }

    /// The next line that is said here.
    pub(super) fn line(&mut self, from: Arc<Speaker>, body: Body, at: u64) -> Line {
        Line { room: self.name.clone(), from, body, at, seq: self.history.next_seq() }
    }

    /// Whether one coming or going is told by itself; otherwise it is counted, and there is a tick
    /// to come (see [`Room::summary_due`]).
    pub(super) fn tells_singly(&mut self, came: bool, up: Duration) -> bool {
        if up >= self.summary.ends && self.summary_due().is_none() {
            self.summary = JoinSummary::until(up + WINDOW, SINGLY);
        }
        if self.summary.singly > 0 && self.members.len() <= CROWD {
            self.summary.singly -= 1;
            self.summary.told += 1;
            return true;
        }
        if self.summary.came + self.summary.left == 0 {
            self.summary.ends = up + WINDOW; // so rooms end their counting in the order in which they began it
        }
        if came {
            self.summary.came += 1;
        } else {
            self.summary.left += 1;
        }
        false
    }

    /// When what was counted is to be told, if anything was.
    pub(super) fn summary_due(&self) -> Option<Duration> {
        (self.summary.came + self.summary.left > 0).then_some(self.summary.ends)
    }

    /// What was counted, at `up`; counting begins anew, and where it was much, with nothing told one by one.
    pub(super) fn take_summary(&mut self, up: Duration) -> Notice {
        let JoinSummary { told, came, left, .. } = self.summary;
        let singly = if told + came + left > SINGLY { 0 } else { SINGLY };
        self.summary = JoinSummary::until(up + WINDOW, singly);
        Notice::JoinSummary { room: self.name.clone(), came, left }
    }
}

impl JoinSummary {
    /// Nothing counted yet of what moves until `ends`.
    fn until(ends: Duration, singly: usize) -> Self {
        Self { ends, singly, told: 0, came: 0, left: 0 }
    }
}
