//! What people say: to the room, and to one another.

use std::sync::Arc;

use crate::protocol::{Body, Command, Notice, OthersHear, Refusal, SessionId, Speaker, VisitTo, shortened};

use super::RoomIndex;
use super::hub::{Effect, Hub, Now, refuse};
use super::people::Person;

/// The other sessions that hear of a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Heard {
    /// Everybody in a room.
    Room(RoomIndex),
    /// One other session: a private line.
    Session(SessionId),
    /// Nobody else.
    Nobody,
}

impl Hub {
    /// The sessions that would hear of this command if it ran now. A room that the command only leaves, or
    /// that does not exist yet, is not among them.
    #[must_use]
    pub fn heard_by(&self, id: SessionId, command: &Command) -> Heard {
        let Some(person) = self.people.get(id) else { return Heard::Nobody };
        let present = Heard::Room(person.room.unwrap_or(RoomIndex::LOBBY));
        let arrival = |to| if person.room == Some(to) { Heard::Nobody } else { Heard::Room(to) };
        match (command.others_hear(), command) {
            (OthersHear::Nothing, _) => Heard::Nobody,
            (_, Command::In(named, command)) => {
                let index = person.room.unwrap_or(RoomIndex::LOBBY);
                let is_there = self.room(index).is_some_and(|room| room.name == *named);
                if is_there { self.heard_by(id, command) } else { Heard::Nobody }
            }
            (OthersHear::Line | OthersHear::Topic | OthersHear::LastLine, _) => present,
            // A session without a room has no room that hears of its new name.
            (OthersHear::Name, _) => person.room.map_or(Heard::Nobody, Heard::Room),
            (OthersHear::Arrival, Command::Join(name)) => self.room_index(name).map_or(Heard::Nobody, arrival),
            (OthersHear::Arrival, _) => arrival(RoomIndex::LOBBY),
            (OthersHear::Visit | OthersHear::PrivateLine, command) => self.receivers(id, person, command),
        }
    }

    /// The receivers that a visit or a private line names.
    fn receivers(&self, id: SessionId, person: &Person, command: &Command) -> Heard {
        match command {
            Command::Visit { to: VisitTo::Room(room) | VisitTo::Action(room), .. } => {
                self.visited_room(id, room.as_ref()).map_or(Heard::Nobody, Heard::Room)
            }
            Command::Msg { to, .. } | Command::Visit { to: VisitTo::Person(to), .. } => {
                self.people.find(to).map_or(Heard::Nobody, Heard::Session)
            }
            _ => {
                let receiver = person.writers.last().map(|last| last.id).filter(|id| self.people.is_present(*id));
                receiver.map_or(Heard::Nobody, Heard::Session)
            }
        }
    }

    pub(super) fn say(&mut self, id: SessionId, body: Body, tagged: bool, now: Now, out: &mut Vec<Effect>) {
        self.speak_up(id, body, false, tagged, now, out);
    }

    pub(super) fn act(&mut self, id: SessionId, body: Body, tagged: bool, now: Now, out: &mut Vec<Effect>) {
        self.speak_up(id, body, true, tagged, now, out);
    }

    /// A line to the room. Its speaker gets it with the others, or, marking its requests, alone.
    fn speak_up(&mut self, id: SessionId, body: Body, is_action: bool, tagged: bool, now: Now, out: &mut Vec<Effect>) {
        self.be_somewhere(id, now, out);
        let Some(from) = self.speaks(id, now) else { return };
        let Some(person) = self.people.get(id) else { return };
        let Some(index) = person.room else { return };
        let Some(room) = self.rooms.get_mut(index.index()).and_then(Option::as_mut) else { return };
        let line = room.line(from, body, now.unix_ms);
        let notice = if is_action { Notice::Acted } else { Notice::Said };
        room.history.keep(&line, is_action);
        if tagged {
            out.push(Effect::Tell(id, notice(line.clone())));
        }
        let except = (tagged || !person.echo).then_some(id);
        out.push(Effect::Room { room: index, notice: notice(line), except });
    }

    /// The receiver of a private line.
    pub(super) fn receiver(&self, to: &str) -> Result<SessionId, Refusal> {
        let receiver = self.people.find(to)?;
        match self.people.get(receiver).is_some_and(Person::takes_part) {
            true => Ok(receiver),
            false => Err(Refusal::NobodyCalled { name: shortened(to, 40), like: None }),
        }
    }

    pub(super) fn write(&mut self, id: SessionId, to: &str, body: Body, now: Now, out: &mut Vec<Effect>) {
        match self.receiver(to) {
            Ok(receiver) => self.deliver(id, receiver, body, now, out),
            Err(refusal) => refuse(id, refusal, out),
        }
    }

    /// Answers the last writer, under that writer's present name. Refuses once if somebody else wrote just
    /// before.
    pub(super) fn reply(&mut self, id: SessionId, body: Body, now: Now, out: &mut Vec<Effect>) {
        let Some(person) = self.people.get_mut(id) else { return };
        let overtaken = person.writers.take_overtaken(now.up);
        let last = person.writers.last().map(Arc::clone);
        let receiver = last.as_ref().map(|last| last.id).filter(|id| self.people.is_present(*id));
        let (Some(last), Some(receiver)) = (last, receiver) else {
            return refuse(id, Refusal::NobodyToAnswer, out);
        };
        match overtaken {
            None => self.deliver(id, receiver, body, now, out),
            Some(before) => {
                let (before, last) = (self.present_name(&before), self.present_name(&last));
                refuse(id, Refusal::TwoWrote { before, last }, out);
            }
        }
    }

    /// The present name of a writer; if the writer has left or was a visit, the name on the private line.
    fn present_name(&self, writer: &Speaker) -> String {
        let person = self.people.get(writer.id);
        let present = person.filter(|_| writer.visitor.is_none()).map(|person| &person.speaker.name);
        present.unwrap_or(&writer.name).to_string()
    }

    fn deliver(&mut self, id: SessionId, receiver: SessionId, body: Body, now: Now, out: &mut Vec<Effect>) {
        if let Some(from) = self.speaks(id, now) {
            self.deliver_from(from, id, receiver, body, now, out);
        }
    }

    /// Delivers a private line to `receiver`, under the name of `from`.
    pub(super) fn deliver_from(
        &mut self,
        from: Arc<Speaker>,
        id: SessionId,
        receiver: SessionId,
        body: Body,
        now: Now,
        out: &mut Vec<Effect>,
    ) {
        let Some(person) = self.people.get_mut(receiver) else { return };
        let to = Arc::clone(&person.speaker);
        let (away, ignored) = (person.away.clone(), person.ignores(&from));
        out.push(Effect::Tell(id, Notice::ToldTo { to: Arc::clone(&to), body: body.clone() }));
        if !ignored {
            // Who is ignored is not told so.
            person.writers.note(&from, now.up);
            out.push(Effect::Tell(receiver, Notice::Told { from, body }));
        }
        if let Some(away) = away {
            out.push(Effect::Tell(id, Notice::IsAway { who: to, away }));
        }
    }

    /// Somebody says something now.
    pub(super) fn speaks(&mut self, id: SessionId, now: Now) -> Option<Arc<Speaker>> {
        let person = self.people.get_mut(id)?;
        person.last_spoke = now.up;
        person.spoken = true;
        Some(Arc::clone(&person.speaker))
    }
}
