//! The table of rooms. A room is made by the first join and is forgotten some time after it is empty. A room to
//! which a stream listens is not empty.
//!
//! An empty room disappears from every list at once. Its history is kept for a while, for people that only lost
//! their connection.

use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::protocol::{NameKeys, Refusal, RoomName};

use super::effect::Now;
use super::history::History;
use super::names::Names;
use super::room::{Room, RoomIndex};
use super::settings::HubSettings;

/// How long the lines said in an empty room are kept, unless the room's place is needed.
const EMPTY_KEPT: Duration = Duration::from_secs(600);

/// All rooms.
#[derive(Debug)]
pub(super) struct Rooms {
    /// By index; the lobby is the first. A place is free where a room has gone.
    rooms: Vec<Option<Room>>,
    /// The names of the existing rooms.
    names: Names<RoomIndex>,
    /// When [`Rooms::forget_empty`] may have something to do next: not later than that.
    pub(super) forget_at: Option<Duration>,
    /// The highest number of a line in a room that has gone. New rooms count on from it, so that a session which
    /// asks for the lines after a number gets them, or is told how many are lost.
    last_seq: u64,
}

impl Rooms {
    /// The lobby alone.
    pub(super) fn new(settings: &HubSettings, now: Now) -> Self {
        Self::of(vec![Some(Room::new(RoomName::lobby(), History::new(settings.history, 0), now.unix_ms))], None, 0)
    }

    fn of(rooms: Vec<Option<Room>>, forget_at: Option<Duration>, last_seq: u64) -> Self {
        let mut names = Names::default();
        for (index, room) in (0..).map(RoomIndex).zip(&rooms) {
            if let Some(room) = room {
                names.hold(&NameKeys::of_room(&room.name), index);
            }
        }
        Self { rooms, names, forget_at, last_seq }
    }

    pub(super) fn get(&self, index: RoomIndex) -> Option<&Room> {
        self.rooms.get(index.index())?.as_ref()
    }

    pub(super) fn get_mut(&mut self, index: RoomIndex) -> Option<&mut Room> {
        self.rooms.get_mut(index.index())?.as_mut()
    }

    /// A room that exists, an empty one too.
    pub(super) fn find(&self, name: &RoomName) -> Option<RoomIndex> {
        self.names.called(name.as_str())
    }

    /// A room that lists show: the lobby, or one with members or streams.
    pub(super) fn find_listed(&self, name: &RoomName) -> Option<RoomIndex> {
        let is_listed = |index: &RoomIndex| self.get(*index).is_some_and(|room| is_listed(*index, room));
        self.find(name).filter(is_listed)
    }

    /// The rooms that lists show.
    pub(super) fn listed(&self) -> impl Iterator<Item = &Room> {
        let rooms = (0..).map(RoomIndex).zip(&self.rooms);
        rooms.filter_map(|(index, room)| room.as_ref().filter(|room| is_listed(index, room)))
    }

    /// All rooms, empty ones too.
    pub(super) fn count(&self) -> usize {
        self.names.count()
    }

    /// Takes a member or a stream out of a room, by `take`.
    pub(super) fn leave(&mut self, index: RoomIndex, up: Duration, take: impl FnOnce(&mut Room)) {
        let Some(room) = self.get_mut(index) else { return };
        take(room);
        if room.is_in_use() {
            return;
        }
        room.empty_since = Some(up);
        if index != RoomIndex::LOBBY {
            self.forget_at.get_or_insert(up + EMPTY_KEPT); // one that is noted is due before this one
        }
    }

    /// Takes all members and streams out of all rooms.
    pub(super) fn clear_members(&mut self) {
        for room in self.rooms.iter_mut().flatten() {
            room.members.clear();
            room.listeners = 0;
        }
    }

    /// The room of that name, and whether it was made for this.
    ///
    /// # Errors
    /// [`Refusal::RoomLooksLike`] or [`Refusal::MixedScripts`] for the name, [`Refusal::TooManyRooms`].
    pub(super) fn find_or_make(
        &mut self,
        name: RoomName,
        settings: &HubSettings,
        now: Now,
    ) -> Result<(RoomIndex, bool), Refusal> {
        self.forget_empty(now.up);
        if let Some(index) = self.find(&name) {
            return Ok((index, false));
        }
        let keys = NameKeys::of_room(&name);
        let alike: Vec<RoomIndex> = self.names.holders(&keys).collect();
        // The lobby is there also when nobody is in it.
        let is_there = |index: RoomIndex, room: &Room| index == RoomIndex::LOBBY || room.empty_since.is_none();
        let there = alike.iter().find_map(|index| self.get(*index).filter(|room| is_there(*index, room)));
        if let Some(present) = there {
            return Err(Refusal::RoomLooksLike { room: name, present: present.name.clone() });
        }
        if name.mixes_scripts() {
            return Err(Refusal::MixedScripts { name: name.to_string() });
        }
        // Empty rooms that look like the new one are unlisted: remove them.
        for index in alike {
            self.remove(index);
        }
        let index = self.free_place(settings.max_rooms)?;
        if let Some(place) = self.rooms.get_mut(index.index()) {
            *place = Some(Room::new(name, History::new(settings.history, self.last_seq), now.unix_ms));
            self.names.hold(&keys, index);
        }
        Ok((index, true))
    }

    /// A free place for a new room: one that a room has left, a new one, or that of an empty room.
    fn free_place(&mut self, limit: usize) -> Result<RoomIndex, Refusal> {
        let too_many = || Refusal::TooManyRooms { limit };
        let free = match self.rooms.iter().position(Option::is_none) {
            Some(free) => free,
            None if self.rooms.len() < limit => {
                self.rooms.push(None);
                self.rooms.len() - 1
            }
            // A new room is worth more than the lines of an empty one.
            None => self.longest_empty().ok_or_else(too_many)?,
        };
        let index = u32::try_from(free).map(RoomIndex).map_err(|_| too_many())?;
        self.remove(index);
        Ok(index)
    }

    /// Removes rooms that have been empty for long enough, with the lines said in them. The lobby stays.
    pub(super) fn forget_empty(&mut self, up: Duration) {
        if self.forget_at.is_none_or(|due| due > up) {
            return;
        }
        self.forget_at = None;
        for index in (1..).map(RoomIndex).take(self.rooms.len().saturating_sub(1)) {
            let empty_since = self.get(index).and_then(|room| room.empty_since);
            let Some(due) = empty_since.map(|since| since + EMPTY_KEPT) else { continue };
            if due <= up {
                self.remove(index);
            } else {
                self.forget_at = Some(self.forget_at.map_or(due, |first| first.min(due)));
            }
        }
    }

    /// Makes a room's place free; numbers go on from its last line.
    fn remove(&mut self, index: RoomIndex) {
        if let Some(room) = self.rooms.get_mut(index.index()).and_then(Option::take) {
            self.names.free(&NameKeys::of_room(&room.name), index);
            self.last_seq = self.last_seq.max(room.history.last_seq());
        }
    }

    /// The empty room that gives way first: one in which nothing was said, then the one that has been
    /// empty for longest.
    fn longest_empty(&self) -> Option<usize> {
        let empty = self.rooms.iter().enumerate().skip(1);
        let empty = empty.filter_map(|(index, room)| {
            let room = room.as_ref()?;
            Some((room.history.holds_any(), room.empty_since?, index))
        });
        empty.min().map(|(.., index)| index)
    }
}

fn is_listed(index: RoomIndex, room: &Room) -> bool {
    index == RoomIndex::LOBBY || room.is_in_use()
}

/// The rooms and what cannot be computed from them: the index of names follows.
impl Serialize for Rooms {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        (&self.rooms, self.forget_at, self.last_seq).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Rooms {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let (rooms, forget_at, last_seq) = Deserialize::deserialize(deserializer)?;
        Ok(Self::of(rooms, forget_at, last_seq))
    }
}
