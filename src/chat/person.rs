//! One person, and the rooms that the person is in.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use crate::protocol::{Away, Presence, RoomName, Speaker, serializable};

use super::effect::Now;
use super::room::RoomIndex;

/// Most rooms of one session at once.
pub(super) const MAX_JOINED: usize = 16;

/// One person, as every server knows it.
#[derive(Debug)]
pub(super) struct Person {
    pub(super) speaker: Arc<Speaker>,
    /// Whether the person has chosen its name. A first name is an address or an id.
    pub(super) is_named: bool,
    pub(super) joined: Joined,
    pub(super) came: Duration,
    pub(super) last_spoke: Duration,
    /// Whether the person has said anything at all, to a room or in a private line.
    pub(super) spoken: bool,
    /// The door that the person came by, for others to read.
    pub(super) by: Cow<'static, str>,
    /// Whether the session may be told what it did not ask for before it takes part.
    pub(super) unsolicited: bool,
    pub(super) away: Option<Away>,
    /// Whether the session's arrival has been announced (see [`Hub::appear`]). Lists show it from then on.
    ///
    /// [`Hub::appear`]: super::Hub::appear
    pub(super) is_listed: bool,
}

serializable!(Person {
    speaker: Arc<Speaker>,
    is_named: bool,
    joined: Joined,
    came: Duration,
    last_spoke: Duration,
    spoken: bool,
    by: Cow<'static, str>,
    unsolicited: bool,
    away: Option<Away>,
    is_listed: bool,
});

impl Person {
    /// Whether the session may be told what it did not ask for. tnet's client takes any frame for its answer,
    /// so a frame session is told nothing else until it has joined, said something or taken a name.
    pub(super) fn takes_part(&self) -> bool {
        self.unsolicited || self.joined.current().is_some() || self.spoken || self.is_named
    }

    /// The person as a row of a list.
    pub(super) fn presence(&self, rooms: Vec<RoomName>, now: Now) -> Presence {
        Presence {
            who: Arc::clone(&self.speaker),
            idle: now.up.saturating_sub(self.last_spoke),
            here: now.up.saturating_sub(self.came),
            away: self.away.clone(),
            rooms,
        }
    }
}

/// The rooms of one session, at most [`MAX_JOINED`]. The one that was joined last is the current one. Nearly all
/// sessions have one room: then nothing is allocated.
#[derive(Debug, Default)]
pub(super) struct Joined {
    current: Option<RoomIndex>,
    /// The others, in the order in which they were joined.
    others: Vec<RoomIndex>,
}

serializable!(Joined { current: Option<RoomIndex>, others: Vec<RoomIndex> });

impl Joined {
    /// The room that a request without a room acts in.
    pub(super) fn current(&self) -> Option<RoomIndex> {
        self.current
    }

    pub(super) fn contains(&self, room: RoomIndex) -> bool {
        self.current == Some(room) || self.others.contains(&room)
    }

    pub(super) fn count(&self) -> usize {
        usize::from(self.current.is_some()) + self.others.len()
    }

    /// All rooms, the current one first.
    pub(super) fn iter(&self) -> impl Iterator<Item = RoomIndex> {
        self.current.into_iter().chain(self.others.iter().copied())
    }

    /// Adds a room, or finds it; it is the current one from now on.
    pub(super) fn enter(&mut self, room: RoomIndex) {
        if self.current != Some(room) {
            self.others.retain(|other| *other != room);
            self.others.extend(self.current.replace(room));
        }
    }

    /// Removes a room. If it was the current one, the room that was joined last before it is current.
    pub(super) fn leave(&mut self, room: RoomIndex) {
        if self.current == Some(room) {
            self.current = self.others.pop();
        } else {
            self.others.retain(|other| *other != room);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn joined_rooms_come_back_in_order() {
        let room = RoomIndex;
        let all = |joined: &Joined| joined.iter().map(|room| room.0).collect::<Vec<_>>();
        let mut joined = Joined::default();
        assert_eq!((joined.current(), joined.count()), (None, 0));
        (1..=4).for_each(|index| joined.enter(room(index)));
        assert_eq!((all(&joined), joined.count()), (vec![4, 1, 2, 3], 4));
        joined.enter(room(2));
        assert_eq!(all(&joined), [2, 1, 3, 4], "it is there once");
        joined.leave(room(3));
        joined.leave(room(2));
        assert_eq!(all(&joined), [4, 1]);
        joined.leave(room(9));
        (0..5).for_each(|index| joined.leave(room(index)));
        assert_eq!(joined.count(), 0);
    }
}
