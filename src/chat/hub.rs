//! The hub: what follows from somebody coming, asking for something, or leaving.
//!
//! State in, effects out. The effects of one call are in the order in which they are to be seen;
//! whoever performs them must keep it. The hub never fails: what cannot be done is an effect too,
//! the refusal that the asker is told.

use std::sync::Arc;
use std::time::Duration;

use crate::protocol::{CloseReason, Command, Notice, Presence, Refusal, RoomName, Speaker};

use super::people::{People, Person};
use super::room::Room;
use super::{RoomIndex, Seat};

/// What the hub has to know of the house's settings.
#[derive(Debug, Clone, Copy)]
pub struct HubSettings {
    /// After so many seconds of silence a session is ended; 0 = never. Only told here, not timed.
    pub idle_seconds: u64,
}

/// Somebody who comes in.
#[derive(Debug)]
pub struct Arrival {
    /// Who, with the first name.
    pub speaker: Arc<Speaker>,
    /// Where it came in, `127.0.0.1:8000`.
    pub door: Arc<str>,
    /// Whether its own lines come back to it.
    pub echo: bool,
}

/// One thing to be done, in order.
#[derive(Debug, PartialEq, Eq)]
pub enum Effect {
    /// From now on this seat hears the room.
    Enter(RoomIndex, Seat),
    /// From now on it does not.
    Exit(RoomIndex, Seat),
    /// Tell one session.
    Tell(Seat, Notice),
    /// Tell everyone in a room, but the one that it is hidden from.
    Room {
        /// The room.
        room: RoomIndex,
        /// What.
        notice: Notice,
        /// A member who is not told.
        hidden_from: Option<Seat>,
    },
    /// End the session, after everything told to it before has been delivered.
    HangUp(Seat, CloseReason),
}

/// The chat: rooms and people.
#[derive(Debug)]
pub struct Hub {
    settings: HubSettings,
    pub(super) people: People,
    rooms: Vec<Room>,
    started: Duration,
}

impl Hub {
    /// An empty house. Times are since any fixed moment, the same for all calls.
    #[must_use]
    pub fn new(settings: HubSettings, now: Duration) -> Self {
        Self { settings, people: People::default(), rooms: vec![Room::new(RoomName::lobby())], started: now }
    }

    /// How many are here.
    #[must_use]
    pub fn population(&self) -> usize {
        self.people.len()
    }

    /// Somebody comes in and finds itself in the lobby.
    pub fn enter(&mut self, seat: Seat, arrival: Arrival, now: Duration, out: &mut Vec<Effect>) {
        let Arrival { speaker, door, echo } = arrival;
        let room = RoomIndex::LOBBY;
        let Some(here) = self.rooms.get_mut(room.index()) else { return };
        let names = here.members.iter().filter_map(|member| self.people.get(*member));
        let others = names.map(|person| Arc::clone(&person.speaker.name)).take(Notice::MAX_WELCOME_NAMES).collect();
        let welcome = Notice::Welcome {
            you: Arc::clone(&speaker),
            room: here.name.clone(),
            others,
            others_total: here.members.len(),
            door,
            idle_seconds: self.settings.idle_seconds,
        };
        here.enter(seat);
        out.push(Effect::Room { room, notice: Notice::Login(Arc::clone(&speaker)), hidden_from: None });
        out.push(Effect::Tell(seat, Notice::IAmHere(Arc::clone(&speaker))));
        out.push(Effect::Tell(seat, Notice::Login(Arc::clone(&speaker))));
        out.push(Effect::Tell(seat, welcome));
        out.push(Effect::Enter(room, seat));
        let person = Person { speaker, room, came: now, last_spoke: now, echo, last_writer: None };
        self.people.enter(seat, person);
    }

    /// Somebody asks for something. Nothing happens for a seat that nobody sits on any more.
    pub fn command(&mut self, seat: Seat, command: Command, now: Duration, out: &mut Vec<Effect>) {
        let Some(person) = self.people.get_mut(seat) else { return };
        match command {
            Command::Say(body) => self.say(seat, body, now, out),
            Command::Me(body) => self.act(seat, body, now, out),
            Command::Msg { to, body } => self.write(seat, &to, body, now, out),
            Command::Reply(body) => self.reply(seat, body, now, out),
            Command::Nick(nick) => {
                let answer = Notice::YouAre(nick.shared());
                match self.people.rename(seat, &nick) {
                    Ok(old) => self.tell_renamed(seat, old, answer, out),
                    Err(refusal) => refuse(seat, refusal, out),
                }
            }
            Command::Rename(nick) => match self.people.rename(seat, &nick) {
                Ok(old) => self.tell_renamed(seat, old, Notice::RenameOk, out),
                Err(refusal) => refuse(seat, refusal, out),
            },
            Command::Who => {
                let room = person.room;
                let people = self.present(room).map(|one| Presence {
                    who: Arc::clone(&one.speaker),
                    idle: now.saturating_sub(one.last_spoke),
                    here: now.saturating_sub(one.came),
                });
                let people = people.collect();
                if let Some(room) = self.rooms.get(room.index()) {
                    out.push(Effect::Tell(seat, Notice::Names { room: room.name.clone(), people }));
                }
            }
            Command::UserList => {
                let room = person.room;
                let people = self.present(room).map(|one| Arc::clone(&one.speaker)).collect();
                out.push(Effect::Tell(seat, Notice::UserList(people)));
            }
            Command::Help(None) => out.push(Effect::Tell(seat, Notice::Help)),
            Command::Help(Some(spec)) => out.push(Effect::Tell(seat, Notice::HelpFor(spec))),
            Command::Stay => out.push(Effect::Tell(seat, Notice::Staying)),
            Command::Echo(switch) => {
                person.echo = switch == crate::protocol::Switch::On;
                let on = person.echo;
                out.push(Effect::Tell(seat, Notice::Echo { on }));
            }
            Command::Ping => out.push(Effect::Tell(seat, Notice::Pong)),
            Command::Version => out.push(Effect::Tell(seat, Notice::Version)),
            Command::Uptime => {
                let up = now.saturating_sub(self.started);
                out.push(Effect::Tell(seat, Notice::Uptime { up, people: self.people.len() }));
            }
            Command::Quit(words) => {
                if let Some(body) = words {
                    self.say(seat, body, now, out);
                }
                self.leave(seat, CloseReason::Quit, out);
            }
        }
    }

    /// Somebody has left, or is made to. Nothing happens where that is known already.
    pub fn leave(&mut self, seat: Seat, reason: CloseReason, out: &mut Vec<Effect>) {
        let Some(person) = self.people.leave(seat) else { return };
        if let Some(room) = self.rooms.get_mut(person.room.index()) {
            room.leave(seat);
        }
        if reason.is_polite() {
            out.push(Effect::Tell(seat, Notice::Goodbye(reason.clone())));
        }
        out.push(Effect::Exit(person.room, seat));
        let notice = Notice::Left(person.speaker, reason.clone());
        out.push(Effect::Room { room: person.room, notice, hidden_from: None });
        out.push(Effect::HangUp(seat, reason));
    }

    /// The house closes: everybody is told so and leaves. Nobody is told of the others' leaving.
    pub fn stop(&mut self, out: &mut Vec<Effect>) {
        let seats: Vec<Seat> = self.people.seats().collect();
        for seat in seats {
            let Some(person) = self.people.leave(seat) else { continue };
            out.push(Effect::Tell(seat, Notice::Goodbye(CloseReason::ServerStopping)));
            out.push(Effect::Exit(person.room, seat));
            out.push(Effect::HangUp(seat, CloseReason::ServerStopping));
        }
        for room in &mut self.rooms {
            room.members.clear();
        }
    }

    /// Everybody in a room, in the order in which they came.
    fn present(&self, room: RoomIndex) -> impl Iterator<Item = &Person> {
        let members = self.rooms.get(room.index()).map(|room| room.members.as_slice()).unwrap_or_default();
        members.iter().filter_map(|member| self.people.get(*member))
    }

    fn tell_renamed(&mut self, seat: Seat, old: Arc<str>, answer: Notice, out: &mut Vec<Effect>) {
        out.push(Effect::Tell(seat, answer));
        let Some(person) = self.people.get(seat) else { return };
        if old != person.speaker.name {
            let notice = Notice::Renamed { who: Arc::clone(&person.speaker), old };
            out.push(Effect::Room { room: person.room, notice, hidden_from: Some(seat) });
        }
    }
}

pub(super) fn refuse(seat: Seat, refusal: Refusal, out: &mut Vec<Effect>) {
    out.push(Effect::Tell(seat, Notice::Refused(refusal)));
}
