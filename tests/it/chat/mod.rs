//! The rules of the chat, each in a few lines: state in, effects out.
//!
//! A `Room` here is a hub with people in it; what a call brings about comes back as the list of
//! effects, in the order in which they are to be performed. What was said is in `history.rs`.

#![allow(clippy::unwrap_used, clippy::panic, reason = "clippy's allow-…-in-tests does not reach a test's helpers")]

mod filter;
mod heard_by;
mod history;
mod join_summaries;
mod lists;
mod look_alikes;
mod names;
mod posts;
mod presence;
mod programs;
mod random_lives;
mod rooms;
mod several_rooms;
mod streams;
mod talking;
mod visits;

use std::sync::Arc;
use std::time::Duration;

use crate::support::values::{body, nick};
use parlor::chat::{Arrival, Effect, Entry, Filter, Hub, HubSettings, Now, RoomIndex};
use parlor::protocol::{Away, Body, CloseReason, Command, IdleLimits, Notice, Refusal, RoomName, SessionId, Speaker};
use parlor::wire::{Inbound, Limits, Wire};

pub(super) const LOBBY: RoomIndex = RoomIndex::LOBBY;
pub(super) const ANN: SessionId = session(0);
pub(super) const BOB: SessionId = session(1);
pub(super) const CAT: SessionId = session(2);

pub(super) const SETTINGS: HubSettings = HubSettings {
    idle: IdleLimits::same(Duration::from_secs(30)),
    join_grace: Duration::from_secs(10),
    max_rooms: 256,
    history: 200,
    history_shown: 10,
    classic: false,
};

/// A hub with people in it. Session number N has the address `127.0.0.1:500N`.
pub(super) struct Room {
    pub(super) hub: Hub,
    pub(super) now: Duration,
}

impl Room {
    pub(super) fn empty() -> Self {
        Self::with(SETTINGS)
    }

    pub(super) fn with(settings: HubSettings) -> Self {
        Self { hub: Hub::new(settings, Now { up: Duration::ZERO, unix_ms: 0 }), now: Duration::ZERO }
    }

    /// With people who have these names: sessions 0, 1, …
    pub(super) fn of(names: &[&str]) -> Self {
        Self::of_with(SETTINGS, names)
    }

    pub(super) fn of_with(settings: HubSettings, names: &[&str]) -> Self {
        let mut room = Self::with(settings);
        for (id, name) in (0..).map(session).zip(names) {
            room.enter(id);
            assert_eq!(room.does(id, Command::Rename(nick(name)))[0], Effect::Tell(id, Notice::RenameOk));
        }
        room
    }

    pub(super) fn enter(&mut self, id: SessionId) -> Vec<Effect> {
        self.arrive(id, "text").1
    }

    /// Comes in by the text door and has given no sign of life.
    pub(super) fn enter_unseen(&mut self, id: SessionId) -> Vec<Effect> {
        let address: Arc<str> = address(id).into();
        let speaker = Arc::new(Speaker { id, name: Arc::clone(&address), address, visitor: None });
        let door = "127.0.0.1:8000".into();
        let arrival = Arrival { speaker, door, by: "text", echo: true, unsolicited: true, entry: Entry::Lobby };
        self.effects(|hub, now, out| hub.enter(arrival, now, out))
    }

    pub(super) fn appear(&mut self, id: SessionId) -> Vec<Effect> {
        self.effects(|hub, now, out| hub.appear(id, now, out))
    }

    /// Comes in by the text door (which echoes), the relay door (which does not), or the json or
    /// frame door (by which one is nowhere at first; only the former is given a time).
    pub(super) fn arrive(&mut self, id: SessionId, by: &'static str) -> (Arc<Speaker>, Vec<Effect>) {
        let address: Arc<str> = address(id).into();
        let name = if by == "text" { Arc::clone(&address) } else { id.to_string().into() };
        let speaker = Arc::new(Speaker { id, address, name, visitor: None });
        let entry = match by {
            "json" => Entry::Nowhere { timed: true },
            "frame" => Entry::Nowhere { timed: false },
            _ => Entry::Lobby,
        };
        let (door, echo) = ("127.0.0.1:8000".into(), by != "relay");
        let unsolicited = by != "frame";
        let arrival = Arrival { speaker: Arc::clone(&speaker), door, by, echo, unsolicited, entry };
        let effects = self.effects(|hub, now, out| {
            hub.enter(arrival, now, out);
            hub.appear(id, now, out);
        });
        (speaker, effects)
    }

    /// When counted moves are to be told: a window is two seconds. (Empty rooms are forgotten later.)
    pub(super) fn due(&self) -> Option<Duration> {
        self.hub.next_tick().filter(|due| *due <= self.now + seconds(2))
    }

    pub(super) fn does(&mut self, id: SessionId, command: Command) -> Vec<Effect> {
        self.effects(|hub, now, out| hub.command(id, command, false, now, out))
    }

    /// The effects of a line that is typed at the text door.
    pub(super) fn types(&mut self, id: SessionId, line: &str) -> Vec<Effect> {
        let mut decoder = Wire::Text.decoder(Limits { max_line: 4096, max_packet: 65_535, max_frame: 65_536 });
        decoder.feed(format!("{line}\n").as_bytes());
        match decoder.next() {
            Ok(Some(Inbound::Command(command))) => self.does(id, command),
            Ok(Some(Inbound::Refused(refusal))) => vec![Effect::Tell(id, Notice::Refused(refusal))],
            other => panic!("{line}: {other:?}"),
        }
    }

    /// Takes a name.
    pub(super) fn rename(&mut self, id: SessionId, name: &str) -> Vec<Effect> {
        self.does(id, Command::Rename(nick(name)))
    }

    pub(super) fn msg(&mut self, id: SessionId, to: &str, text: &str) -> Vec<Effect> {
        self.does(id, Command::Msg { to: to.into(), body: body(text) })
    }

    pub(super) fn join(&mut self, id: SessionId, name: &str) -> Vec<Effect> {
        self.does(id, Command::Join(room_name(name)))
    }

    pub(super) fn leave(&mut self, id: SessionId, reason: CloseReason) -> Vec<Effect> {
        self.effects(|hub, now, out| hub.leave(id, reason, now, out))
    }

    pub(super) fn tick(&mut self) -> Vec<Effect> {
        self.effects(|hub, now, out| hub.tick(now, out))
    }

    pub(super) fn effects(&mut self, call: impl FnOnce(&mut Hub, Now, &mut Vec<Effect>)) -> Vec<Effect> {
        let mut out = Vec::new();
        call(&mut self.hub, at(self.now), &mut out);
        out
    }

    /// A person, as a line of theirs shows it.
    pub(super) fn speaker(&mut self, id: SessionId) -> Arc<Speaker> {
        match self.does(id, say("who am I?")).as_slice() {
            [Effect::Room { notice: Notice::Said(line), .. }] => Arc::clone(&line.from),
            other => panic!("a line of {id:?}: {other:?}"),
        }
    }

    /// The people, in the order of the lists, as `(address, name)`; `id` asks.
    fn list(&mut self, id: SessionId) -> Vec<(String, String)> {
        match self.does(id, Command::UserList).as_slice() {
            [Effect::Tell(asker, Notice::UserList(people))] if *asker == id => {
                people.iter().map(|who| (who.address.to_string(), who.name.to_string())).collect()
            }
            other => panic!("a user list for {id:?}: {other:?}"),
        }
    }

    pub(super) fn names(&mut self, id: SessionId) -> Vec<String> {
        self.list(id).into_iter().map(|(_, name)| name).collect()
    }

    /// The rooms there are, as `#lobby 3`.
    fn rooms(&mut self) -> Vec<String> {
        let asker = session(9_999);
        self.arrive(asker, "frame");
        let effects = self.does(asker, Command::Rooms);
        let [Effect::Tell(_, Notice::Rooms(rooms))] = effects.as_slice() else { panic!("{effects:?}") };
        let rooms = rooms.iter().map(|room| format!("{} {}", room.name, room.people)).collect();
        self.leave(asker, CloseReason::PeerClosed);
        rooms
    }
}

const FIRST_ID: u64 = 1_000_000_000_000_000_001;

/// Session number `number`, counted from 0.
pub(super) const fn session(number: u64) -> SessionId {
    SessionId(FIRST_ID + number)
}

/// The number of a session, counted from 0.
pub(super) const fn number(id: SessionId) -> u64 {
    id.0 - FIRST_ID
}

/// The moment `up` after the start, which was at noon.
pub(super) fn at(up: Duration) -> Now {
    Now { up, unix_ms: 1_795_176_000_000 + u64::try_from(up.as_millis()).unwrap() }
}

fn address(id: SessionId) -> String {
    format!("127.0.0.1:{}", 5000 + number(id))
}

pub(super) const fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}

pub(super) fn room_name(name: &str) -> RoomName {
    RoomName::parse(name).unwrap_or_else(|error| panic!("{name}: {error}"))
}

pub(super) fn say(text: &str) -> Command {
    Command::Say(body(text))
}

/// The words of the refusal that is the only effect of a call.
#[track_caller]
pub(super) fn refusal(effects: &[Effect], asker: SessionId) -> &Refusal {
    match effects {
        [Effect::Tell(id, Notice::Refused(refusal))] if *id == asker => refusal,
        other => panic!("a refusal for {asker:?}: {other:?}"),
    }
}

/// One line for each effect, `to 0: …`, `to all but 1: …` in the lobby, `to #1 …` in other rooms,
/// `enter 0.1` (room and session), `hang up 0: quit`.
pub(super) fn shown(effects: &[Effect]) -> Vec<String> {
    let words = |notice: &Notice| match notice {
        Notice::IAmHere(who) => format!("{} I am here", who.name),
        Notice::Login { who, .. } => format!("{} login", who.name),
        Notice::Left { who, why, .. } => format!("{} left: {why}", who.name),
        Notice::Welcome { you, room, .. } => format!("welcome {} to {room}", you.name),
        Notice::Said(line) => format!("{}: {}", line.from.name, line.body.as_str()),
        Notice::Acted(line) => format!("* {} {}", line.from.name, line.body.as_str()),
        Notice::Told { from, body } => format!("told by {}: {}", from.name, body.as_str()),
        Notice::ToldTo { to, body } => format!("told to {}: {}", to.name, body.as_str()),
        Notice::Renamed { who, old, .. } => format!("{old} is now {}", who.name),
        Notice::Came { who, from: Some(from), room } => format!("{} came from {from} to {room}", who.name),
        Notice::Came { who, from: None, room } => format!("{} came to {room}", who.name),
        Notice::Went { who, to: Some(to), room } => format!("{} went to {to} from {room}", who.name),
        Notice::Went { who, to: None, room } => format!("{} left {room}", who.name),
        Notice::JoinSummary { room, came, left } => format!("{came} came to {room}, {left} left"),
        Notice::YouAre(you) => format!("you are {}", you.name),
        Notice::InRoom { room, others, others_total, .. } => {
            format!("in {room} with {others_total}: {}", others.join(" "))
        }
        Notice::Topic { room, topic } => format!("{room} is about {:?}", topic.as_ref().map(Body::as_str)),
        Notice::TopicSet { who, room, topic } => format!("{} set {room} to {}", who.name, topic.as_str()),
        Notice::HistoryLine { line, is_action: false } => {
            format!("history: {}: {}", line.from.name, line.body.as_str())
        }
        Notice::HistoryLine { line, is_action: true } => {
            format!("history: * {} {}", line.from.name, line.body.as_str())
        }
        Notice::HistoryEnd { last_seq, lost, .. } => format!("end of history at {last_seq}, {lost} lost"),
        Notice::Names { room, people } => {
            let names: Vec<_> = people.iter().map(|one| &*one.who.name).collect();
            format!("in {room}: {}", names.join(" "))
        }
        Notice::IsAway { who, away: Away(why) } => {
            format!("{} is away: {:?}", who.name, why.as_ref().map(Body::as_str))
        }
        Notice::Ignoring { who, on } => format!("ignoring {}: {on}", who.name),
        Notice::Refused(refusal) => format!("refused: {refusal}"),
        Notice::Goodbye(reason) => format!("goodbye: {reason}"),
        other => format!("{other:?}"),
    };
    let room_but = |room: &RoomIndex, except: &Option<SessionId>| {
        let room = if *room == LOBBY { "all".to_owned() } else { format!("#{}", room.0) };
        except.map_or_else(|| room.clone(), |id| format!("{room} but {}", number(id)))
    };
    let one = |effect: &Effect| match effect {
        Effect::Enter(room, id) => format!("enter {}.{}", room.0, number(*id)),
        Effect::Exit(room, id) => format!("exit {}.{}", room.0, number(*id)),
        Effect::Tell(id, notice) => format!("to {}: {}", number(*id), words(notice)),
        Effect::Room { room, notice, except } => format!("to {}: {}", room_but(room, except), words(notice)),
        Effect::Filter(id, Filter { quiet, ignored }) => {
            format!("filter {}: quiet {quiet}, {} ignored", number(*id), ignored.len())
        }
        Effect::Style(id, change) => format!("style {}: {change:?}", number(*id)),
        Effect::HangUp(id, reason) => format!("hang up {}: {reason}", number(*id)),
    };
    effects.iter().map(one).collect()
}
