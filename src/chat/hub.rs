//! The hub: what follows when a session comes in, asks for something, or leaves.
//!
//! State in, effects out. The effects of one call are in the order in which they are to be performed.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use crate::protocol::{CloseReason, Command, Notice, Refusal, RoomName, SessionId, Speaker, StyleChange, Switch};

use super::effect::{Effect, Now};
use super::heard::{self, Heard};
use super::local::{Local, View};
use super::person::{Joined, Person};
use super::room::RoomIndex;
use super::settings::HubSettings;
use super::state::State;
use super::turn::Turn;
use super::{listening, moving, preferences, presence, room_info, talk, visit};

/// The place of a new session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Entry {
    /// In the lobby, at once.
    Lobby,
    /// In no room, until it joins one or says something.
    Nowhere {
        /// Whether it is asked to leave if it does neither in time.
        timed: bool,
    },
    /// Outside: it listens to a room and is no member. Nobody sees it, and nobody can write to it.
    Stream {
        /// The room. It is made if it is not there, unless the stream ends.
        room: RoomName,
        /// The number of the last line that the stream has: it gets the lines after that first.
        after: Option<u64>,
        /// Whether it ends after the lines that the room keeps.
        ends: bool,
    },
}

/// A new session.
#[derive(Debug)]
pub struct Arrival {
    /// The session with its first name.
    pub speaker: Arc<Speaker>,
    /// The address that it connected to, `127.0.0.1:8000`.
    pub door: Arc<str>,
    /// The wire format of its door, for others to read.
    pub by: &'static str,
    /// Whether its own lines come back to it.
    pub echo: bool,
    /// Whether it may be told what it did not ask for before it takes part.
    pub unsolicited: bool,
    /// Its place.
    pub entry: Entry,
}

/// The chat: rooms and people.
#[derive(Debug)]
pub struct Hub {
    pub(super) state: State,
    pub(super) local: Local,
}

impl Hub {
    /// An empty lobby.
    #[must_use]
    pub fn new(settings: HubSettings, now: Now) -> Self {
        Self { state: State::new(&settings, now), local: Local::new(settings, now.up) }
    }

    /// How many listed people are here.
    #[must_use]
    pub fn population(&self) -> usize {
        self.state.people.listed()
    }

    /// A session comes in.
    pub fn enter(&mut self, arrival: Arrival, now: Now, out: &mut Vec<Effect>) {
        let Arrival { speaker, door, by, echo, unsolicited, entry } = arrival;
        let id = speaker.id;
        if let Entry::Stream { room, after, ends } = entry {
            return listening::begin(&mut self.turn(id, now, out), room, after, ends);
        }
        let mut joined = Joined::default();
        if entry == Entry::Lobby {
            joined.enter(RoomIndex::LOBBY);
        }
        self.local.views.insert(id, View { echo, ..View::default() });
        self.state.people.enter(Person {
            speaker: Arc::clone(&speaker),
            is_named: false,
            joined,
            came: now.up,
            last_spoke: now.up,
            spoken: false,
            by: Cow::Borrowed(by),
            unsolicited,
            away: None,
            is_listed: entry != Entry::Lobby,
        });
        match entry {
            Entry::Lobby => greet(&mut self.turn(id, now, out), &speaker, door),
            Entry::Stream { .. } => {} // see above
            Entry::Nowhere { timed } => {
                let Self { state: State { people, .. }, local } = self;
                let grace = local.settings.join_grace;
                if timed && !grace.is_zero() {
                    local.deadlines.add(id, now.up + grace, people.len(), |id| people.is_present(id));
                }
            }
        }
    }

    /// Lists a session in the lobby and announces it to the others. It hears the room since its greeting.
    ///
    /// Call this when the session sends its first byte or has stayed for a moment; the first command calls
    /// it too. A health check or a port scan that does neither is never announced (case B9).
    pub fn appear(&mut self, id: SessionId, now: Now, out: &mut Vec<Effect>) {
        if self.state.people.list(id) {
            moving::announce_arrival(&mut self.turn(id, now, out));
        }
    }

    /// A session asks for something. Nothing happens for a session that is not present.
    ///
    /// `tagged` says that the asker marks its requests: a line of its own then comes back to it as
    /// an answer, apart from the room's.
    pub fn command(&mut self, id: SessionId, command: Command, tagged: bool, now: Now, out: &mut Vec<Effect>) {
        match self.state.people.get(id) {
            Some(person) if !person.is_listed => self.appear(id, now, out), // what it does comes after that
            Some(_) => {}
            None => return,
        }
        match command {
            Command::Quit(words) => {
                if let Some(body) = words {
                    talk::say(&mut self.turn(id, now, out), body);
                }
                self.leave(id, CloseReason::Quit, now, out);
            }
            command => obey(&mut Turn { tagged, ..self.turn(id, now, out) }, command),
        }
    }

    /// A session has ended or has to end. Nothing happens if it is not present.
    pub fn leave(&mut self, id: SessionId, reason: CloseReason, now: Now, out: &mut Vec<Effect>) {
        let Some(person) = remove(self, id) else {
            return listening::end(&mut self.turn(id, now, out), reason);
        };
        let mut turn = self.turn(id, now, out);
        let is_unasked = matches!(reason, CloseReason::ServerStopping | CloseReason::Silent);
        if reason.is_polite() && (!is_unasked || person.takes_part()) {
            turn.answer(Notice::Goodbye(reason.clone()));
        }
        moving::leave_all(&mut turn, &person, &reason);
        out.push(Effect::HangUp(id, reason));
    }

    /// The server stops: all sessions are told so and leave. No session is told of the others' leaving.
    pub fn stop(&mut self, out: &mut Vec<Effect>) {
        for id in self.state.people.ids() {
            let Some(person) = remove(self, id) else { continue };
            if person.takes_part() {
                out.push(Effect::Tell(id, Notice::Goodbye(CloseReason::ServerStopping)));
            }
            out.extend(person.joined.iter().map(|room| Effect::Exit(room, id)));
            out.push(Effect::HangUp(id, CloseReason::ServerStopping));
        }
        for (id, room) in std::mem::take(&mut self.state.listeners) {
            out.push(Effect::Tell(id, Notice::Goodbye(CloseReason::ServerStopping)));
            out.push(Effect::Exit(room, id));
            out.push(Effect::HangUp(id, CloseReason::ServerStopping));
        }
        self.state.rooms.clear_members();
    }

    /// When [`Hub::tick`] has something to do next.
    #[must_use]
    pub fn next_tick(&self) -> Option<Duration> {
        let Local { summaries, deadlines, .. } = &self.local;
        let due = [summaries.next_due(), deadlines.next_due(), self.state.rooms.forget_at];
        due.into_iter().flatten().min()
    }

    /// Rooms that exist: those that lists show, and empty ones whose lines are kept.
    #[must_use]
    pub fn room_count(&self) -> usize {
        self.state.rooms.count()
    }

    /// Does what is due: tells the joins and leaves that were counted, forgets rooms that have been empty for
    /// long, asks programs that have not joined to leave, and ends those that did not.
    pub fn tick(&mut self, now: Now, out: &mut Vec<Effect>) {
        moving::tell_summaries(&mut self.turn(SessionId(0), now, out));
        self.state.rooms.forget_empty(now.up);
        while let Some(id) = self.local.deadlines.take_late(now.up) {
            let person = self.state.people.get(id);
            if person.is_some_and(|person| person.joined.count() == 0 && !person.spoken) {
                out.push(Effect::Tell(id, Notice::DoExit));
                self.local.deadlines.asked_to_leave(id, now.up);
            }
        }
        while let Some(id) = self.local.deadlines.take_overdue(now.up) {
            self.leave(id, CloseReason::NotJoined, now, out);
        }
    }

    /// The sessions that would hear of this command if it ran now. A room that the command only leaves, or
    /// that does not exist yet, is not among them.
    #[must_use]
    pub fn heard_by(&self, id: SessionId, command: &Command) -> Heard {
        heard::heard_by(&self.state, &self.local, id, command)
    }

    /// How many lines `/history` can show to a session. 0 in several rooms: lines that it missed may be of any of
    /// them, and `/history` shows one.
    #[must_use]
    pub fn history_count(&self, id: SessionId) -> usize {
        let Some(person) = self.state.people.get(id).filter(|person| person.joined.count() == 1) else { return 0 };
        let Some(room) = person.joined.current().and_then(|room| self.state.rooms.get(room)) else { return 0 };
        room.history.count(|kept| !self.local.ignores(id, &kept.line.from))
    }

    pub(super) fn turn<'a>(&'a mut self, asker: SessionId, now: Now, out: &'a mut Vec<Effect>) -> Turn<'a> {
        Turn { state: &mut self.state, local: &mut self.local, asker, tagged: false, named: None, now, out }
    }
}

fn remove(hub: &mut Hub, id: SessionId) -> Option<Person> {
    hub.local.views.remove(&id);
    hub.state.people.leave(id)
}

/// Greets the asker in the lobby. It hears the room from now on.
fn greet(turn: &mut Turn<'_>, you: &Arc<Speaker>, door: Arc<str>) {
    let HubSettings { classic, history_shown, idle, .. } = turn.local.settings;
    let index = RoomIndex::LOBBY;
    let Some(lobby) = turn.state.rooms.get(index) else { return };
    let (room, topic, others_total) = (lobby.name.clone(), lobby.topic.clone(), lobby.members.len());
    turn.answer(Notice::IAmHere(Arc::clone(you)));
    turn.answer(Notice::Login { who: Arc::clone(you), room: room.clone() });
    // The old chat room's greeting ended here.
    if !classic {
        room_info::show_history(turn, index, history_shown);
        let (you, others) = (Arc::clone(you), turn.state.names_in(index));
        turn.answer(Notice::Welcome { you, room: room.clone(), others, others_total, door, idle });
        if topic.is_some() {
            turn.answer(Notice::Topic { room, topic });
        }
    }
    turn.out.push(Effect::Enter(index, turn.asker));
}

/// Does a command. Each is one function.
fn obey(turn: &mut Turn<'_>, command: Command) {
    match command {
        Command::Say(body) => talk::say(turn, body),
        Command::Me(body) => talk::act(turn, body),
        Command::Msg { to, body } => talk::msg(turn, &to, body),
        Command::Reply(body) => talk::reply(turn, body),
        Command::Topic(topic) => talk::topic(turn, topic),
        Command::Visit { name, to, body } => visit::visit(turn, name.as_ref(), to, body),
        Command::In(room, command) => in_room(turn, room, *command),
        Command::Nick(nick) => presence::nick(turn, &nick),
        Command::Rename(nick) => presence::rename_ok(turn, &nick),
        Command::Whois(name) => presence::whois(turn, &name),
        Command::Away(reason) => presence::away(turn, reason),
        Command::Back => presence::back(turn),
        Command::Join(room) => moving::join(turn, room),
        Command::JoinAlso(room) => moving::join_also(turn, room),
        Command::Leave => moving::leave(turn),
        Command::LeaveRoom(room) => moving::leave_room(turn, room),
        Command::Rooms => room_info::rooms(turn),
        Command::Who(room) => room_info::who(turn, room),
        Command::UserList => room_info::user_list(turn),
        Command::History(count) => room_info::history(turn, count),
        Command::HistoryAfter(room, after) => room_info::history_after(turn, room, after),
        Command::Ignore(name) => preferences::ignore(turn, &name, true),
        Command::Unignore(name) => preferences::ignore(turn, &name, false),
        Command::Quiet(switch) => preferences::quiet(turn, switch),
        Command::Echo(switch) => preferences::echo(turn, switch),
        Command::Time(switch) => preferences::restyle(turn, StyleChange::Time(switch == Switch::On)),
        Command::Address(switch) => preferences::restyle(turn, StyleChange::Address(switch == Switch::On)),
        Command::Charset(Some(charset)) => preferences::restyle(turn, StyleChange::Charset(charset)),
        Command::Charset(None) => turn.answer(Notice::Charset),
        Command::Help(None) => turn.answer(Notice::Help),
        Command::Help(Some(spec)) => turn.answer(Notice::HelpFor(spec)),
        Command::Stay => turn.answer(Notice::Staying),
        Command::Ping => turn.answer(Notice::Pong),
        Command::Version => turn.answer(Notice::Version),
        Command::Uptime => {
            let (up, people) = (turn.now.up.saturating_sub(turn.local.started), turn.state.people.listed());
            turn.answer(Notice::Uptime { up, people });
        }
        Command::Quit(_) => {} // the hub itself ends sessions
    }
}

/// Does a command in the room of that name, if the session is in it.
fn in_room(turn: &mut Turn<'_>, named: RoomName, command: Command) {
    let Some(person) = turn.person() else { return };
    match turn.state.named_by(&named, person) {
        Some(room) => {
            turn.named = Some(room);
            obey(turn, command);
        }
        None => {
            if let Some(present) = turn.room_name(turn.room()) {
                turn.refuse(Refusal::OtherRoom { named, present });
            }
        }
    }
}
