//! The shared state: people, names, rooms, topics, history.
//!
//! It is the same on every server that has been given the same commands in the same order at the same times.
//! It can be written down and read back (serde). How a server presents it to its own sessions is in `local`.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::protocol::{Notice, RoomName, SessionId, serializable};

use super::effect::Now;
use super::people::People;
use super::person::Person;
use super::room::RoomIndex;
use super::rooms::Rooms;
use super::settings::HubSettings;
use super::visitors::Visitors;

/// The shared state.
#[derive(Debug)]
pub(super) struct State {
    pub(super) people: People,
    pub(super) rooms: Rooms,
    pub(super) visitors: Visitors,
    /// The streams, and the room that each listens to. A walk over them has the same order on every server.
    pub(super) listeners: BTreeMap<SessionId, RoomIndex>,
}

serializable!(State {
    people: People,
    rooms: Rooms,
    visitors: Visitors,
    listeners: BTreeMap<SessionId, RoomIndex>,
});

impl State {
    /// An empty lobby.
    pub(super) fn new(settings: &HubSettings, now: Now) -> Self {
        let (people, visitors, listeners) = Default::default();
        Self { people, rooms: Rooms::new(settings, now), visitors, listeners }
    }

    /// The room that a request of this person names, if the person is in it. A person in no room is in the lobby
    /// with its first line.
    pub(super) fn named_by(&self, name: &RoomName, person: &Person) -> Option<RoomIndex> {
        if person.joined.count() == 0 && *name == RoomName::lobby() {
            return Some(RoomIndex::LOBBY);
        }
        self.rooms.find(name).filter(|room| person.joined.contains(*room))
    }

    /// The members of a room, in the order in which they came.
    pub(super) fn members(&self, index: RoomIndex) -> impl Iterator<Item = &Person> {
        let members = self.rooms.get(index).map(|room| room.members.as_slice()).unwrap_or_default();
        members.iter().filter_map(|member| self.people.get(*member))
    }

    /// Names of members of a room, as many as a greeting tells.
    pub(super) fn names_in(&self, index: RoomIndex) -> Vec<Arc<str>> {
        let names = self.members(index).map(|person| Arc::clone(&person.speaker.name));
        names.take(Notice::MAX_WELCOME_NAMES).collect()
    }

    /// The names of a person's rooms, the current one first.
    pub(super) fn rooms_of(&self, person: &Person) -> Vec<RoomName> {
        person.joined.iter().filter_map(|room| self.rooms.get(room)).map(|room| room.name.clone()).collect()
    }
}
