//! A room: who is in it, in the order in which they came.

use crate::protocol::RoomName;

use super::Seat;

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

#[derive(Debug)]
pub(super) struct Room {
    pub(super) name: RoomName,
    pub(super) members: Vec<Seat>,
    /// The number of the last line that was said here.
    pub(super) seq: u64,
}

impl Room {
    pub(super) fn new(name: RoomName) -> Self {
        Self { name, members: Vec::new(), seq: 0 }
    }

    pub(super) fn enter(&mut self, seat: Seat) {
        self.members.push(seat);
    }

    pub(super) fn leave(&mut self, seat: Seat) {
        self.members.retain(|member| *member != seat);
    }
}
