//! One room: its members, its topic, and the lines said in it.

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::protocol::{Body, Line, RoomName, SessionId, Speaker, serializable};

use super::history::History;

/// The number of a room, for tables by room. Used again after the room has gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
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

impl Serialize for RoomIndex {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for RoomIndex {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        u32::deserialize(deserializer).map(Self)
    }
}

/// One room.
#[derive(Debug)]
pub(super) struct Room {
    pub(super) name: RoomName,
    pub(super) topic: Option<Body>,
    /// In the order in which they came.
    pub(super) members: Vec<SessionId>,
    /// How many streams listen to it. They are no members.
    pub(super) listeners: usize,
    pub(super) history: History,
    /// When it was made, in Unix milliseconds: tells it from an earlier room of its name.
    pub(super) since: u64,
    /// When the last member or stream left; `None` while there are any, and in a room that had none yet.
    pub(super) empty_since: Option<Duration>,
}

serializable!(Room {
    name: RoomName,
    topic: Option<Body>,
    members: Vec<SessionId>,
    listeners: usize,
    history: History,
    since: u64,
    empty_since: Option<Duration>,
});

impl Room {
    pub(super) fn new(name: RoomName, history: History, since: u64) -> Self {
        Self { name, topic: None, members: Vec::new(), listeners: 0, history, since, empty_since: None }
    }

    pub(super) fn enter(&mut self, id: SessionId) {
        self.members.push(id);
        self.empty_since = None;
    }

    pub(super) fn leave(&mut self, id: SessionId) {
        self.members.retain(|member| *member != id);
    }

    /// A stream begins to listen.
    pub(super) fn listen(&mut self) {
        self.listeners += 1;
        self.empty_since = None;
    }

    /// A stream listens no more.
    pub(super) fn unlisten(&mut self) {
        self.listeners = self.listeners.saturating_sub(1);
    }

    /// Whether it has members, or streams listen to it.
    pub(super) fn is_in_use(&self) -> bool {
        !self.members.is_empty() || self.listeners > 0
    }

    /// The next line that is said here. It is kept.
    pub(super) fn line(&mut self, from: Arc<Speaker>, body: Body, is_action: bool, at: u64) -> Line {
        let line = Line { room: self.name.clone(), from, body, at, seq: self.history.next_seq() };
        self.history.keep(&line, is_action);
        line
    }
}
