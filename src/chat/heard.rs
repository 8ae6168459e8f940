//! Which other sessions would hear of a command: backpressure asks before the command runs.

use crate::protocol::{Command, OthersHear, SessionId, VisitTo};

use super::local::Local;
use super::person::Person;
use super::room::RoomIndex;
use super::state::State;

/// The other sessions that hear of a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Heard {
    /// All members of these rooms.
    Rooms(Vec<RoomIndex>),
    /// One other session: a private line.
    Session(SessionId),
    /// No other session.
    Nobody,
}

impl Heard {
    pub(super) fn room(room: RoomIndex) -> Self {
        Self::Rooms(vec![room])
    }
}

/// The sessions that would hear of this command if it ran now. A room that the command only leaves, or
/// that does not exist yet, is not among them.
pub(super) fn heard_by(state: &State, local: &Local, asker: SessionId, command: &Command) -> Heard {
    match state.people.get(asker) {
        Some(person) => Asker { state, local, person, named: None }.heard(command),
        None => Heard::Nobody,
    }
}

/// The asker, and the room that the request names.
struct Asker<'a> {
    state: &'a State,
    local: &'a Local,
    person: &'a Person,
    named: Option<RoomIndex>,
}

impl Asker<'_> {
    fn heard(&self, command: &Command) -> Heard {
        let joined = &self.person.joined;
        let room = self.named.or(joined.current()).unwrap_or(RoomIndex::LOBBY);
        let arrival = |to| if joined.contains(to) { Heard::Nobody } else { Heard::room(to) };
        match (command.others_hear(), command) {
            (OthersHear::Nothing, _) => Heard::Nobody,
            (_, Command::In(name, command)) => match self.state.named_by(name, self.person) {
                Some(named) => Self { named: Some(named), ..*self }.heard(command),
                None => Heard::Nobody,
            },
            (OthersHear::Line | OthersHear::Topic | OthersHear::LastLine, _) => Heard::room(room),
            // A session without a room has no room that hears of its new name.
            (OthersHear::Name, _) if joined.count() == 0 => Heard::Nobody,
            (OthersHear::Name, _) => Heard::Rooms(joined.iter().collect()),
            (OthersHear::Arrival, Command::Join(name) | Command::JoinAlso(name)) => {
                self.state.rooms.find(name).map_or(Heard::Nobody, arrival)
            }
            // Only the last room is left for the lobby.
            (OthersHear::Arrival, _) if joined.count() > 1 => Heard::Nobody,
            (OthersHear::Arrival, _) => arrival(RoomIndex::LOBBY),
            (OthersHear::Visit | OthersHear::PrivateLine, command) => self.receivers(command, room),
        }
    }

    /// The receivers that a visit or a private line names.
    fn receivers(&self, command: &Command, room: RoomIndex) -> Heard {
        match command {
            Command::Visit { to: VisitTo::Room(None) | VisitTo::Action(None), .. } => Heard::room(room),
            Command::Visit { to: VisitTo::Room(Some(name)) | VisitTo::Action(Some(name)), .. } => {
                self.state.rooms.find_listed(name).map_or(Heard::Nobody, Heard::room)
            }
            Command::Msg { to, .. } | Command::Visit { to: VisitTo::Person(to), .. } => {
                self.state.people.find(to).map_or(Heard::Nobody, Heard::Session)
            }
            _ => {
                let last = self.local.views.get(&self.person.speaker.id).and_then(|view| view.writers.last());
                let receiver = last.map(|last| last.id).filter(|id| self.state.people.is_present(*id));
                receiver.map_or(Heard::Nobody, Heard::Session)
            }
        }
    }
}
