//! Going from room to room: rooms are made by joining them and are gone when they are empty.
//!
//! One current room for each session. An empty room is out of every list at once, but what was said
//! in it is kept for a while, for those who only lost their connection.

use std::sync::Arc;
use std::time::Duration;

use crate::protocol::{Body, CloseReason, NameKeys, Notice, Refusal, RoomInfo, RoomName, SessionId};

use super::RoomIndex;
use super::history::{History, Kept};
use super::hub::{Effect, Hub, Now, refuse};
use super::people::Person;
use super::room::Room;

/// What was said in an empty room is kept for so long, unless its place is needed.
const EMPTY_KEPT: Duration = Duration::from_secs(600);

impl Hub {
    /// Goes to a room, which is made if it is not there.
    pub(super) fn join(&mut self, id: SessionId, name: RoomName, now: Now, out: &mut Vec<Effect>) {
        match self.find_or_make_room(name, now) {
            Ok(room) => self.go_to(id, room, now, out),
            Err(refusal) => refuse(id, refusal, out),
        }
    }

    pub(super) fn go_to(&mut self, id: SessionId, to: RoomIndex, now: Now, out: &mut Vec<Effect>) {
        let Some(person) = self.people.get_mut(id) else { return };
        let from = person.room;
        if from != Some(to) {
            let came_from = from.and_then(|from| self.take_out(id, from, to, now, out));
            self.put_in(id, to, came_from, now, out);
        }
        let Some((room, mut others, total)) = self.roster(to) else { return };
        let since = self.room(to).map_or(0, |room| room.since);
        let Some(you) = self.people.get(id).map(|person| Arc::clone(&person.speaker)) else { return };
        others.retain(|name| *name != you.name);
        out.push(Effect::Tell(
            id,
            Notice::InRoom { you, room: room.clone(), others, others_total: total.saturating_sub(1), since },
        ));
        if from != Some(to) {
            if let Some(topic) = self.room(to).and_then(|room| room.topic.clone()) {
                out.push(Effect::Tell(id, Notice::Topic { room, topic: Some(topic) }));
            }
            // A frame client takes any frame for its answer, so it gets no kept unasked.
            if self.people.get(id).is_some_and(|person| person.by != "frame") {
                self.tell_history(id, to, self.settings.history_shown, out);
            }
        }
    }

    /// Takes somebody out of a room, to another one; returns the name of the room that was left.
    fn take_out(
        &mut self,
        id: SessionId,
        from: RoomIndex,
        to: RoomIndex,
        now: Now,
        out: &mut Vec<Effect>,
    ) -> Option<RoomName> {
        let to = self.room(to)?.name.clone();
        let person = self.people.get_mut(id)?;
        person.room = None;
        let who = Arc::clone(&person.speaker);
        let room = self.rooms.get_mut(from.index())?.as_mut()?;
        room.leave(id, now.up);
        let name = room.name.clone();
        self.note_emptied(from);
        out.push(Effect::Exit(from, id));
        self.tell_movement(from, Notice::Went { who, to, room: name.clone() }, false, None, now, out);
        Some(name)
    }

    /// Puts somebody into a room, coming from another one or from outside, and tells the others.
    pub(super) fn put_in(
        &mut self,
        id: SessionId,
        index: RoomIndex,
        from: Option<RoomName>,
        now: Now,
        out: &mut Vec<Effect>,
    ) {
        let Some(person) = self.people.get_mut(id) else { return };
        let Some(room) = self.rooms.get_mut(index.index()).and_then(Option::as_mut) else { return };
        person.room = Some(index);
        room.enter(id);
        let (who, room) = (Arc::clone(&person.speaker), room.name.clone());
        let notice = match from {
            Some(from) => Notice::Came { who, from, room },
            None => Notice::Login { who, room },
        };
        self.tell_movement(index, notice, true, None, now, out);
        out.push(Effect::Enter(index, id));
    }

    /// Makes a session that already hears its room a member, and announces it to the others.
    pub(super) fn announce(&mut self, id: SessionId, now: Now, out: &mut Vec<Effect>) {
        let Some(person) = self.people.get(id) else { return };
        let Some(index) = person.room else { return };
        let Some(room) = self.rooms.get_mut(index.index()).and_then(Option::as_mut) else { return };
        room.enter(id);
        let notice = Notice::Login { who: Arc::clone(&person.speaker), room: room.name.clone() };
        self.tell_movement(index, notice, true, Some(id), now, out);
    }

    /// Takes somebody out of the house.
    pub(super) fn leave_room(
        &mut self,
        id: SessionId,
        person: Person,
        why: CloseReason,
        now: Now,
        out: &mut Vec<Effect>,
    ) {
        let Some(index) = person.room else { return };
        if !person.is_listed {
            return out.push(Effect::Exit(index, id)); // nobody knew of it
        }
        let Some(room) = self.rooms.get_mut(index.index()).and_then(Option::as_mut) else { return };
        room.leave(id, now.up);
        let notice = Notice::Left { who: person.speaker, room: room.name.clone(), why };
        self.note_emptied(index);
        out.push(Effect::Exit(index, id));
        self.tell_movement(index, notice, false, None, now, out);
    }

    /// Tells a coming or going by itself, or counts it, to be told with the others of its time.
    fn tell_movement(
        &mut self,
        index: RoomIndex,
        notice: Notice,
        came: bool,
        except: Option<SessionId>,
        now: Now,
        out: &mut Vec<Effect>,
    ) {
        let Some(room) = self.rooms.get_mut(index.index()).and_then(Option::as_mut) else { return };
        let waits = room.summary_due().is_some();
        if self.settings.classic || room.tells_singly(came, now.up) {
            out.push(Effect::Room { room: index, notice, except });
        } else if !waits && let Some(ends) = room.summary_due() {
            self.join_summaries.push_back((ends, index));
        }
    }

    /// Tells the comings and goings whose time is over.
    pub(super) fn tell_join_summaries(&mut self, up: Duration, out: &mut Vec<Effect>) {
        while let Some((_, index)) = self.join_summaries.pop_front_if(|(ends, _)| *ends <= up) {
            let Some(room) = self.rooms.get_mut(index.index()).and_then(Option::as_mut) else { continue };
            // A room that has taken another one's place ends its counting later.
            if room.summary_due().is_some_and(|ends| ends <= up) {
                out.push(Effect::Room { room: index, notice: room.take_summary(up), except: None });
            }
        }
    }

    pub(super) fn list_rooms(&self, id: SessionId, out: &mut Vec<Effect>) {
        let rooms =
            self.rooms.iter().flatten().filter(|room| !room.members.is_empty() || room.name == RoomName::lobby());
        let rooms = rooms.map(|room| RoomInfo {
            name: room.name.clone(),
            people: room.members.len(),
            topic: room.topic.clone(),
        });
        out.push(Effect::Tell(id, Notice::Rooms(rooms.collect())));
    }

    pub(super) fn topic(&mut self, id: SessionId, topic: Option<Body>, now: Now, out: &mut Vec<Effect>) {
        if topic.is_some() {
            self.be_somewhere(id, now, out);
        }
        let Some(person) = self.people.get(id) else { return };
        let (who, index) = (Arc::clone(&person.speaker), person.room.unwrap_or(RoomIndex::LOBBY));
        let Some(room) = self.rooms.get_mut(index.index()).and_then(Option::as_mut) else { return };
        let name = room.name.clone();
        match topic {
            Some(topic) => {
                let topic = topic.cut(MAX_TOPIC);
                room.topic = Some(topic.clone());
                out.push(Effect::Tell(id, Notice::Topic { room: name.clone(), topic: Some(topic.clone()) }));
                out.push(Effect::Room {
                    room: index,
                    notice: Notice::TopicSet { who, room: name, topic },
                    except: Some(id),
                });
            }
            None => out.push(Effect::Tell(id, Notice::Topic { room: name, topic: room.topic.clone() })),
        }
    }

    /// The last lines of the present room, and where they end.
    pub(super) fn history(&self, id: SessionId, count: usize, out: &mut Vec<Effect>) {
        let Some(person) = self.people.get(id) else { return };
        let index = person.room.unwrap_or(RoomIndex::LOBBY);
        self.tell_history(id, index, count, out);
        if let Some(room) = self.room(index) {
            out.push(Effect::Tell(id, history_end(room, 0)));
        }
    }

    /// What was said in a room after a line's number, and how much of it is lost.
    pub(super) fn history_after(
        &mut self,
        id: SessionId,
        name: Option<RoomName>,
        after: u64,
        now: Now,
        out: &mut Vec<Effect>,
    ) {
        self.forget_empty_rooms(now.up);
        let Some(person) = self.people.get(id) else { return };
        let present = person.room.unwrap_or(RoomIndex::LOBBY);
        let found = name.as_ref().map_or(Some(present), |name| self.room_index(name));
        let Some(room) = found.and_then(|index| self.room(index)) else {
            let room = name.unwrap_or_else(RoomName::lobby);
            return refuse(id, Refusal::NoRoom { room }, out);
        };
        let (lines, lost) = room.history.after(after, |kept| !person.ignores(&kept.line.from));
        out.extend(lines.into_iter().map(|kept| Effect::Tell(id, told(kept))));
        out.push(Effect::Tell(id, history_end(room, lost)));
    }

    /// How many lines of what was said in its room `/history` can show to somebody.
    #[must_use]
    pub fn history_count(&self, id: SessionId) -> usize {
        let Some(person) = self.people.get(id) else { return 0 };
        let Some(room) = person.room.and_then(|index| self.room(index)) else { return 0 };
        room.history.count(|kept| !person.ignores(&kept.line.from))
    }

    pub(super) fn tell_history(&self, id: SessionId, index: RoomIndex, count: usize, out: &mut Vec<Effect>) {
        let (Some(person), Some(room)) = (self.people.get(id), self.room(index)) else { return };
        let lines = room.history.last(count, |kept| !person.ignores(&kept.line.from));
        out.extend(lines.into_iter().map(|kept| Effect::Tell(id, told(kept))));
    }

    pub(super) fn room(&self, index: RoomIndex) -> Option<&Room> {
        self.rooms.get(index.index())?.as_ref()
    }

    /// The index of a room that is there.
    pub(super) fn room_index(&self, name: &RoomName) -> Option<RoomIndex> {
        self.room_names.called(name.as_str())
    }

    fn find_or_make_room(&mut self, name: RoomName, now: Now) -> Result<RoomIndex, Refusal> {
        self.forget_empty_rooms(now.up);
        if let Some(index) = self.room_index(&name) {
            return Ok(index);
        }
        let alike: Vec<RoomIndex> = self.room_names.holders(&NameKeys::of_room(&name)).collect();
        // The lobby is there also when nobody is in it.
        let is_there = |index: RoomIndex, room: &Room| index == RoomIndex::LOBBY || room.empty_since.is_none();
        let there = alike.iter().find_map(|index| self.room(*index).filter(|room| is_there(*index, room)));
        if let Some(present) = there {
            return Err(Refusal::RoomLooksLike { room: name, present: present.name.clone() });
        }
        if name.mixes_scripts() {
            return Err(Refusal::MixedScripts { name: name.to_string() });
        }
        // Empty rooms that look like the new one are unlisted: remove them.
        for index in alike {
            self.remove_room(index.index());
        }
        let limit = self.settings.max_rooms;
        let free = match self.rooms.iter().position(Option::is_none) {
            Some(free) => free,
            None if self.rooms.len() < limit => {
                self.rooms.push(None);
                self.rooms.len() - 1
            }
            // Rather an empty room's kept than a new room.
            None => self.longest_empty().ok_or(Refusal::TooManyRooms { limit })?,
        };
        self.remove_room(free);
        let index = u32::try_from(free).map(RoomIndex).map_err(|_| Refusal::TooManyRooms { limit })?;
        if let Some(place) = self.rooms.get_mut(free) {
            let room = Room::new(name, History::new(self.settings.history, self.last_seq), now.unix_ms);
            self.room_names.hold(&room.keys, index);
            *place = Some(room);
        }
        Ok(index)
    }

    /// Notes when a room that somebody has left is to be forgotten, if it is empty now.
    fn note_emptied(&mut self, index: RoomIndex) {
        if index != RoomIndex::LOBBY
            && let Some(since) = self.room(index).and_then(|room| room.empty_since)
        {
            self.forget_at.get_or_insert(since + EMPTY_KEPT); // one that is noted is due before this one
        }
    }

    /// Rooms that have been empty for long enough go, with what was said in them. The lobby stays.
    pub(super) fn forget_empty_rooms(&mut self, up: Duration) {
        if self.forget_at.is_none_or(|due| due > up) {
            return;
        }
        self.forget_at = None;
        for index in 1..self.rooms.len() {
            let room = self.rooms.get(index).and_then(Option::as_ref);
            let Some(due) = room.and_then(|room| room.empty_since).map(|since| since + EMPTY_KEPT) else { continue };
            if due <= up {
                self.remove_room(index);
            } else {
                self.forget_at = Some(self.forget_at.map_or(due, |first| first.min(due)));
            }
        }
    }

    /// Makes a room's place free; numbers go on from its last line.
    fn remove_room(&mut self, index: usize) {
        if let Some(room) = self.rooms.get_mut(index).and_then(Option::take) {
            if let Ok(index) = u32::try_from(index).map(RoomIndex) {
                self.room_names.free(&room.keys, index);
            }
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

/// Longest topic, in characters: it stands in lists beside others.
pub(crate) const MAX_TOPIC: usize = 200;

fn history_end(room: &Room, lost: u64) -> Notice {
    Notice::HistoryEnd { room: room.name.clone(), last_seq: room.history.last_seq(), lost, since: room.since }
}

fn told(kept: &Kept) -> Notice {
    Notice::HistoryLine { line: kept.line.clone(), is_action: kept.is_action }
}
