//! The hub: what follows from somebody coming, asking for something, or leaving.
//!
//! State in, effects out. The effects of one call are in the order in which they are to be seen;
//! whoever performs them must keep it. The hub never fails: what cannot be done is an effect too,
//! the refusal that the asker is told.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use crate::protocol::{
    CloseReason, Command, IdleLimits, Notice, Refusal, RoomName, SessionId, Speaker, StyleChange, Switch,
};

use super::history::History;
use super::names::Names;
use super::people::{People, Person};
use super::room::Room;
use super::visit::Visitors;
use super::writers::Writers;
use super::{Filter, RoomIndex};

/// After it has been asked to leave, a program has so long to do it.
const EXIT_GRACE: Duration = Duration::from_secs(10);

/// What the hub has to know of the house's settings.
#[derive(Debug, Clone, Copy)]
pub struct HubSettings {
    /// Silence limits of a text session, for greetings and warnings. The reader times them, not the hub.
    pub idle: IdleLimits,
    /// A program that has neither joined a room nor said anything after so long is asked to leave;
    /// zero = never.
    pub join_grace: Duration,
    /// Most rooms at once, the lobby among them; at least 1.
    pub max_rooms: usize,
    /// Lines that each room keeps; 0 = none.
    pub history: usize,
    /// Lines of them that are shown to who comes in.
    pub history_shown: usize,
    /// `--classic`: a text session is told unasked only what the old chat room said, and each join and leave
    /// by itself.
    pub classic: bool,
}

/// The moment of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Now {
    /// Since any fixed moment, the same for all calls; never steps back.
    pub up: Duration,
    /// Unix milliseconds, for people and programs to read; may step.
    pub unix_ms: u64,
}

/// How somebody comes in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Entry {
    /// Into the lobby, at once.
    Lobby,
    /// Into no room, until it joins one or says something; if it is timed, it has to.
    Nowhere {
        /// Whether it is asked to leave if it does neither.
        timed: bool,
    },
}

/// Somebody who comes in.
#[derive(Debug)]
pub struct Arrival {
    /// Who, with the first name.
    pub speaker: Arc<Speaker>,
    /// Where it came in, `127.0.0.1:8000`.
    pub door: Arc<str>,
    /// By which door, for others to read.
    pub by: &'static str,
    /// Whether its own lines come back to it.
    pub echo: bool,
    /// Where it finds itself.
    pub entry: Entry,
}

/// One thing to be done, in order.
#[derive(Debug, PartialEq, Eq)]
pub enum Effect {
    /// From now on this session hears the room.
    Enter(RoomIndex, SessionId),
    /// From now on it does not.
    Exit(RoomIndex, SessionId),
    /// Tell one session.
    Tell(SessionId, Notice),
    /// Tell all members of a room, except one.
    Room {
        /// The room.
        room: RoomIndex,
        /// The notice.
        notice: Notice,
        /// The member that is not told.
        except: Option<SessionId>,
    },
    /// From now on this session does not see some of what its room hears.
    Filter(SessionId, Filter),
    /// From now on lines for this session are written with this change.
    Style(SessionId, StyleChange),
    /// End the session, after everything told to it before has been delivered.
    HangUp(SessionId, CloseReason),
}

/// The chat: rooms and people.
#[derive(Debug)]
pub struct Hub {
    pub(super) settings: HubSettings,
    pub(super) people: People,
    /// The latest names of visits.
    pub(super) visitors: Visitors,
    /// By index; the lobby is the first. A place is free where a room has gone.
    pub(super) rooms: Vec<Option<Room>>,
    /// The names of the existing rooms.
    pub(super) room_names: Names<RoomIndex>,
    started: Duration,
    /// Programs that have to join by a time, and those that have to be gone by it; both in order.
    to_join: VecDeque<(Duration, SessionId)>,
    to_exit: VecDeque<(Duration, SessionId)>,
    /// Rooms whose comings and goings are counted, and until when; in order.
    pub(super) join_summaries: VecDeque<(Duration, RoomIndex)>,
    /// When the next empty room may have to be forgotten: not later than that.
    pub(super) forget_at: Option<Duration>,
    /// The highest number of a line in a room that has gone: new rooms count on from it, so that who asks
    /// for what came after a number gets it, or is told how much is lost.
    pub(super) last_seq: u64,
}

impl Hub {
    /// An empty house.
    #[must_use]
    pub fn new(settings: HubSettings, now: Now) -> Self {
        let lobby = Room::new(RoomName::lobby(), History::new(settings.history, 0), now.unix_ms);
        let mut room_names = Names::default();
        room_names.hold(&lobby.keys, RoomIndex::LOBBY);
        Self {
            settings,
            people: People::default(),
            visitors: Visitors::default(),
            rooms: vec![Some(lobby)],
            room_names,
            started: now.up,
            to_join: VecDeque::new(),
            to_exit: VecDeque::new(),
            join_summaries: VecDeque::new(),
            forget_at: None,
            last_seq: 0,
        }
    }

    /// How many listed people are here.
    #[must_use]
    pub fn population(&self) -> usize {
        self.people.listed()
    }

    /// Somebody comes in.
    pub fn enter(&mut self, arrival: Arrival, now: Now, out: &mut Vec<Effect>) {
        let Arrival { speaker, door, by, echo, entry } = arrival;
        let id = speaker.id;
        let you = Arc::clone(&speaker);
        let person = Person {
            speaker,
            keys: None,
            room: None,
            came: now.up,
            last_spoke: now.up,
            spoken: false,
            echo,
            writers: Writers::default(),
            by,
            away: None,
            filter: Filter::default(),
            is_listed: entry != Entry::Lobby,
        };
        self.people.enter(person);
        match entry {
            Entry::Nowhere { timed } => {
                if timed && !self.settings.join_grace.is_zero() {
                    // Those who have gone again are left in it, but not for longer than they were many.
                    if self.to_join.len() > 2 * self.people.len() + 64 {
                        self.to_join.retain(|(_, id)| self.people.is_present(*id));
                    }
                    self.to_join.push_back((now.up + self.settings.join_grace, id));
                }
            }
            Entry::Lobby => {
                let index = RoomIndex::LOBBY;
                let Some((room, others, others_total)) = self.roster(index) else { return };
                out.push(Effect::Tell(id, Notice::IAmHere(Arc::clone(&you))));
                out.push(Effect::Tell(id, Notice::Login { who: Arc::clone(&you), room: room.clone() }));
                if self.settings.classic {
                    // The old chat room's greeting ended here.
                    self.come_into(id, index, out);
                    return;
                }
                self.tell_history(id, index, self.settings.history_shown, out);
                let idle = self.settings.idle;
                let topic = self.room(index).and_then(|room| room.topic.clone());
                let told = |notice| Effect::Tell(id, notice);
                out.push(told(Notice::Welcome { you, room: room.clone(), others, others_total, door, idle }));
                out.extend(topic.map(|topic| told(Notice::Topic { room, topic: Some(topic) })));
                self.come_into(id, index, out);
            }
        }
    }

    /// Makes a greeted session hear its room from now on.
    fn come_into(&mut self, id: SessionId, index: RoomIndex, out: &mut Vec<Effect>) {
        if let Some(person) = self.people.get_mut(id) {
            person.room = Some(index);
        }
        out.push(Effect::Enter(index, id));
    }

    /// Lists a session in the lobby and announces it to the others. It hears the room since its greeting.
    ///
    /// Call this when the session sends its first byte or has stayed for a moment; the first command calls
    /// it too. A health check or a port scan that does neither is never announced (case B9).
    pub fn appear(&mut self, id: SessionId, now: Now, out: &mut Vec<Effect>) {
        if self.people.list(id) {
            self.announce(id, now, out);
        }
    }

    /// Somebody asks for something. Nothing happens for a session that is not present.
    ///
    /// `tagged` says that the asker marks its requests: a line of its own then comes back to it as
    /// an answer, apart from the room's.
    pub fn command(&mut self, id: SessionId, command: Command, tagged: bool, now: Now, out: &mut Vec<Effect>) {
        let Some(person) = self.people.get(id) else { return };
        if !person.is_listed {
            self.appear(id, now, out); // what it does comes after its announcement
        }
        let Some(person) = self.people.get_mut(id) else { return };
        match command {
            Command::Say(body) => self.say(id, body, tagged, now, out),
            Command::Me(body) => self.act(id, body, tagged, now, out),
            Command::Msg { to, body } => self.write(id, &to, body, now, out),
            Command::Reply(body) => self.reply(id, body, now, out),
            Command::Visit { name, to, body } => self.visit(id, name.as_ref(), to, body, tagged, now, out),
            Command::Nick(nick) => match self.people.rename(id, &nick) {
                Ok(old) => {
                    if let Some(person) = self.people.get(id) {
                        let answer = Notice::YouAre(Arc::clone(&person.speaker));
                        self.tell_renamed(id, old, answer, out);
                    }
                }
                Err(refusal) => refuse(id, refusal, out),
            },
            Command::Rename(nick) => match self.people.rename(id, &nick) {
                Ok(old) => self.tell_renamed(id, old, Notice::RenameOk, out),
                Err(refusal) => refuse(id, refusal, out),
            },
            Command::Join(room) => self.join(id, room, now, out),
            Command::Leave => self.go_to(id, RoomIndex::LOBBY, now, out),
            Command::Rooms => self.list_rooms(id, out),
            Command::Topic(topic) => self.topic(id, topic, now, out),
            Command::History(count) => self.history(id, count, out),
            Command::In(named, command) => {
                let index = person.room.unwrap_or(RoomIndex::LOBBY);
                let present = self.room(index).map(|room| room.name.clone());
                match present.filter(|present| *present != named) {
                    Some(present) => refuse(id, Refusal::OtherRoom { named, present }, out),
                    None => self.command(id, *command, tagged, now, out),
                }
            }
            Command::HistoryAfter(room, after) => self.history_after(id, room, after, now, out),
            Command::Whois(name) => self.whois(id, &name, now, out),
            Command::Away(why) => self.away(id, why, out),
            Command::Back => self.back(id, out),
            Command::Ignore(name) => self.ignore(id, &name, true, out),
            Command::Unignore(name) => self.ignore(id, &name, false, out),
            Command::Quiet(switch) => self.quiet(id, switch, out),
            Command::Time(switch) => restyle(id, StyleChange::Time(switch == Switch::On), out),
            Command::Address(switch) => restyle(id, StyleChange::Address(switch == Switch::On), out),
            Command::Who(room) => {
                let index = match room {
                    None => Some(person.room.unwrap_or(RoomIndex::LOBBY)),
                    // What is kept of an empty room is its kept.
                    Some(ref name) => self.room_index(name).filter(|index| {
                        *index == RoomIndex::LOBBY || self.room(*index).is_some_and(|room| !room.members.is_empty())
                    }),
                };
                let found = index.and_then(|index| self.room(index).map(|found| (index, found.name.clone())));
                match (found, room) {
                    (Some((index, room)), _) => {
                        let people = self.present(index).map(|one| one.presence(now)).collect();
                        out.push(Effect::Tell(id, Notice::Names { room, people }));
                    }
                    (None, Some(room)) => refuse(id, Refusal::NoRoom { room }, out),
                    (None, None) => {}
                }
            }
            Command::UserList => {
                let room = person.room.unwrap_or(RoomIndex::LOBBY);
                let people = self.present(room).map(|one| Arc::clone(&one.speaker)).collect();
                out.push(Effect::Tell(id, Notice::UserList(people)));
            }
            Command::Help(None) => out.push(Effect::Tell(id, Notice::Help)),
            Command::Help(Some(spec)) => out.push(Effect::Tell(id, Notice::HelpFor(spec))),
            Command::Stay => out.push(Effect::Tell(id, Notice::Staying)),
            Command::Echo(switch) => {
                let on = switch == Switch::On;
                person.echo = on;
                out.push(Effect::Tell(id, Notice::Echo { on }));
            }
            Command::Ping => out.push(Effect::Tell(id, Notice::Pong)),
            Command::Version => out.push(Effect::Tell(id, Notice::Version)),
            Command::Uptime => {
                let up = now.up.saturating_sub(self.started);
                out.push(Effect::Tell(id, Notice::Uptime { up, people: self.people.listed() }));
            }
            Command::Quit(words) => {
                if let Some(body) = words {
                    self.say(id, body, false, now, out);
                }
                self.leave(id, CloseReason::Quit, now, out);
            }
        }
    }

    /// Somebody has left, or is made to. Nothing happens where that is known already.
    pub fn leave(&mut self, id: SessionId, reason: CloseReason, now: Now, out: &mut Vec<Effect>) {
        let Some(person) = self.people.leave(id) else { return };
        let is_unasked = matches!(reason, CloseReason::ServerStopping | CloseReason::Silent);
        if reason.is_polite() && (!is_unasked || person.takes_part()) {
            out.push(Effect::Tell(id, Notice::Goodbye(reason.clone())));
        }
        self.leave_room(id, person, reason.clone(), now, out);
        out.push(Effect::HangUp(id, reason));
    }

    /// The house closes: everybody is told so and leaves. Nobody is told of the others' leaving.
    pub fn stop(&mut self, out: &mut Vec<Effect>) {
        let ids: Vec<SessionId> = self.people.ids().collect();
        for id in ids {
            let Some(person) = self.people.leave(id) else { continue };
            if person.takes_part() {
                out.push(Effect::Tell(id, Notice::Goodbye(CloseReason::ServerStopping)));
            }
            if let Some(room) = person.room {
                out.push(Effect::Exit(room, id));
            }
            out.push(Effect::HangUp(id, CloseReason::ServerStopping));
        }
        for room in self.rooms.iter_mut().flatten() {
            room.members.clear();
        }
    }

    /// When [`Hub::tick`] has something to do next.
    #[must_use]
    pub fn next_tick(&self) -> Option<Duration> {
        let due = |queue: &VecDeque<(Duration, SessionId)>| queue.front().map(|(due, _)| *due);
        let summary = self.join_summaries.front().map(|(ends, _)| *ends);
        due(&self.to_join).into_iter().chain(due(&self.to_exit)).chain(summary).chain(self.forget_at).min()
    }

    /// Does what is due: tells comings and goings that were counted, forgets rooms that have been empty for
    /// long, asks programs that have not joined to leave, and ends those that did not.
    pub fn tick(&mut self, now: Now, out: &mut Vec<Effect>) {
        self.tell_join_summaries(now.up, out);
        self.forget_empty_rooms(now.up);
        while let Some((_, id)) = pop_due(&mut self.to_join, now.up) {
            if self.people.get(id).is_some_and(|person| person.room.is_none() && !person.spoken) {
                out.push(Effect::Tell(id, Notice::DoExit));
                self.to_exit.push_back((now.up + EXIT_GRACE, id));
            }
        }
        while let Some((_, id)) = pop_due(&mut self.to_exit, now.up) {
            self.leave(id, CloseReason::NotJoined, now, out);
        }
    }

    /// Everybody in a room, in the order in which they came.
    fn present(&self, room: RoomIndex) -> impl Iterator<Item = &Person> {
        let members = self.room(room).map(|room| room.members.as_slice()).unwrap_or_default();
        members.iter().filter_map(|member| self.people.get(*member))
    }

    /// A room's name, some names of those in it, and how many they are.
    pub(super) fn roster(&self, room: RoomIndex) -> Option<(RoomName, Vec<Arc<str>>, usize)> {
        let here = self.room(room)?;
        let names = self.present(room).map(|person| Arc::clone(&person.speaker.name));
        Some((here.name.clone(), names.take(Notice::MAX_WELCOME_NAMES).collect(), here.members.len()))
    }

    /// Puts somebody who is nowhere yet into the lobby.
    pub(super) fn be_somewhere(&mut self, id: SessionId, now: Now, out: &mut Vec<Effect>) {
        if self.people.get(id).is_some_and(|person| person.room.is_none()) {
            self.put_in(id, RoomIndex::LOBBY, None, now, out);
        }
    }

    fn tell_renamed(&mut self, id: SessionId, old: Arc<str>, answer: Notice, out: &mut Vec<Effect>) {
        out.push(Effect::Tell(id, answer));
        let Some(person) = self.people.get(id).filter(|person| person.speaker.name != old) else { return };
        let Some((index, room)) = person.room.and_then(|index| Some((index, self.room(index)?))) else {
            return;
        };
        let notice = Notice::Renamed { who: Arc::clone(&person.speaker), old, room: room.name.clone() };
        out.push(Effect::Room { room: index, notice, except: Some(id) });
    }
}

fn pop_due(queue: &mut VecDeque<(Duration, SessionId)>, up: Duration) -> Option<(Duration, SessionId)> {
    queue.pop_front_if(|(due, _)| *due <= up)
}

/// Changes how lines for a session are written, and tells it so in the new style.
fn restyle(id: SessionId, change: StyleChange, out: &mut Vec<Effect>) {
    out.push(Effect::Style(id, change));
    out.push(Effect::Tell(id, Notice::Style(change)));
}

pub(super) fn refuse(id: SessionId, refusal: Refusal, out: &mut Vec<Effect>) {
    out.push(Effect::Tell(id, Notice::Refused(refusal)));
}
