//! Entries of the lists of people and of rooms.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::{Body, RoomName, Speaker};

/// One person in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Presence {
    /// The person.
    pub who: Arc<Speaker>,
    /// The time since the person's last line.
    pub idle: Duration,
    /// The time since the start of the session.
    pub here: Duration,
    /// Set while the person is away.
    pub away: Option<Away>,
    /// The rooms of a person who is in several, the current one first; otherwise empty.
    pub rooms: Vec<RoomName>,
}

/// A person is away, with a reason or without.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Away(pub Option<Body>);

impl fmt::Display for Away {
    /// The reason, after a colon; nothing if there is none.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Some(reason) => write!(f, ": {}", reason.as_str()),
            None => Ok(()),
        }
    }
}

/// One room in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoomInfo {
    /// The room's name.
    pub name: RoomName,
    /// The number of people in it.
    pub people: usize,
    /// The topic.
    pub topic: Option<Body>,
}
