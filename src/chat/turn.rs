//! One request of one session, with everything that a command needs to do it.
//!
//! Every command is one function of a [`Turn`]: state in, effects out. A command never fails. What cannot be
//! done is an effect too: the refusal that the asker is told.

use std::sync::Arc;

use crate::protocol::{Notice, Refusal, RoomName, SessionId, Speaker};

use super::effect::{Effect, Now};
use super::local::Local;
use super::person::Person;
use super::room::RoomIndex;
use super::state::State;

/// One request of one session.
pub(super) struct Turn<'a> {
    pub(super) state: &'a mut State,
    pub(super) local: &'a mut Local,
    /// The session that asks.
    pub(super) asker: SessionId,
    /// Whether the asker marks its requests: a line of its own then comes back to it as an answer, apart from
    /// the room's.
    pub(super) tagged: bool,
    /// The room that the request names, if it names one that the asker is in.
    pub(super) named: Option<RoomIndex>,
    pub(super) now: Now,
    pub(super) out: &'a mut Vec<Effect>,
}

impl Turn<'_> {
    /// Answers the asker.
    pub(super) fn answer(&mut self, notice: Notice) {
        self.tell(self.asker, notice);
    }

    /// Refuses what the asker wants.
    pub(super) fn refuse(&mut self, refusal: Refusal) {
        self.answer(Notice::Refused(refusal));
    }

    /// Tells one session.
    pub(super) fn tell(&mut self, id: SessionId, notice: Notice) {
        self.out.push(Effect::Tell(id, notice));
    }

    /// Tells all members of a room, except one.
    pub(super) fn tell_room(&mut self, room: RoomIndex, notice: Notice, except: Option<SessionId>) {
        self.out.push(Effect::Room { room, notice, except });
    }

    /// The asker.
    pub(super) fn person(&self) -> Option<&Person> {
        self.state.people.get(self.asker)
    }

    /// The asker as others see it.
    pub(super) fn speaker(&self) -> Option<Arc<Speaker>> {
        self.person().map(|person| Arc::clone(&person.speaker))
    }

    /// The room that the request acts in: the named one, the asker's current room, or the lobby.
    pub(super) fn room(&self) -> RoomIndex {
        let current = || self.person().and_then(|person| person.joined.current());
        self.named.or_else(current).unwrap_or(RoomIndex::LOBBY)
    }

    pub(super) fn room_name(&self, room: RoomIndex) -> Option<RoomName> {
        self.state.rooms.get(room).map(|room| room.name.clone())
    }

    /// The asker says something now. Returns the asker as others see it, and its current room.
    pub(super) fn speaks(&mut self) -> Option<(Arc<Speaker>, Option<RoomIndex>)> {
        let person = self.state.people.get_mut(self.asker)?;
        person.last_spoke = self.now.up;
        person.spoken = true;
        Some((Arc::clone(&person.speaker), person.joined.current()))
    }
}
