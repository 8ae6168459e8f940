//! A line that was said to a room.

use std::sync::Arc;

use super::{Body, RoomName, Speaker};

/// A line that was said to a room.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// The room.
    pub room: RoomName,
    /// The speaker.
    pub from: Arc<Speaker>,
    /// The text.
    pub body: Body,
    /// The time in Unix milliseconds.
    pub at: u64,
    /// The line's number in its room, rising by one. It begins at 1, or where a room that has gone ended.
    pub seq: u64,
}
