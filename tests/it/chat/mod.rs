//! The rules of the house, each in a few lines: state in, effects out.
//!
//! A `Room` here is a hub with people in it; what a call brings about comes back as the list of
//! effects, in the order in which they are to be performed. What was said is in `history.rs`.

#![allow(clippy::unwrap_used, clippy::panic, reason = "clippy's allow-…-in-tests does not reach a test's helpers")]

mod heard_by;
mod history;
mod lists;
mod look_alikes;
mod manners;
mod names;
mod noise;
mod presence;
mod programs;
mod random_lives;
mod rooms;
mod talking;
mod visits;

use std::sync::Arc;
use std::time::Duration;

use parlor::chat::{Arrival, Effect, Entry, Filter, Hub, HubSettings, Now, RoomIndex, Seat};
use parlor::protocol::{
    Away, Body, CloseReason, Command, IdleLimits, Nick, Notice, Refusal, RoomName, SessionId, Speaker,
};
use parlor::wire::{Inbound, Limits, Wire};

pub(super) const LOBBY: RoomIndex = RoomIndex::LOBBY;
pub(super) const ANN: Seat = Seat(0);
pub(super) const BOB: Seat = Seat(1);
pub(super) const CAT: Seat = Seat(2);

pub(super) const SETTINGS: HubSettings = HubSettings {
    idle: IdleLimits::same(Duration::from_secs(30)),
    join_grace: Duration::from_secs(10),
    max_rooms: 256,
    history: 200,
    history_shown: 10,
    classic: false,
};

/// A hub, and who its people are at first: the one on seat N has address `127.0.0.1:500N`.
pub(super) struct Room {
    pub(super) hub: Hub,
    entered: u64,
    pub(super) now: Duration,
}

impl Room {
    pub(super) fn empty() -> Self {
        Self::with(SETTINGS)
    }

    pub(super) fn with(settings: HubSettings) -> Self {
        Self { hub: Hub::new(settings, Now { up: Duration::ZERO, unix_ms: 0 }), entered: 0, now: Duration::ZERO }
    }

    /// With people on the first seats who have these names.
    pub(super) fn of(names: &[&str]) -> Self {
        Self::of_with(SETTINGS, names)
    }

    pub(super) fn of_with(settings: HubSettings, names: &[&str]) -> Self {
        let mut room = Self::with(settings);
        for (seat, name) in (0..).map(Seat).zip(names) {
            room.enter(seat);
            assert_eq!(room.does(seat, Command::Rename(nick(name)))[0], Effect::Tell(seat, Notice::RenameOk));
        }
        room
    }

    pub(super) fn enter(&mut self, seat: Seat) -> Vec<Effect> {
        self.arrive(seat, "text").1
    }

    /// Comes in by the text door and has given no sign of life.
    pub(super) fn enter_unseen(&mut self, seat: Seat) -> Vec<Effect> {
        self.entered += 1;
        let id = SessionId(1_000_000_000_000_000_000 + self.entered);
        let address: Arc<str> = address(seat).into();
        let speaker = Arc::new(Speaker { id, name: Arc::clone(&address), address, visitor: None });
        let door = "127.0.0.1:8000".into();
        let arrival = Arrival { speaker, door, by: "text", echo: true, entry: Entry::Lobby };
        self.effects(|hub, now, out| hub.enter(seat, arrival, now, out))
    }

    pub(super) fn appear(&mut self, seat: Seat) -> Vec<Effect> {
        self.effects(|hub, now, out| hub.appear(seat, now, out))
    }

    /// Comes in by the text door (which echoes), the relay door (which does not), or the json or
    /// frame door (by which one is nowhere at first; only the former is given a time).
    pub(super) fn arrive(&mut self, seat: Seat, by: &'static str) -> (Arc<Speaker>, Vec<Effect>) {
        self.entered += 1;
        let id = SessionId(1_000_000_000_000_000_000 + self.entered);
        let address: Arc<str> = address(seat).into();
        let name = if by == "text" { Arc::clone(&address) } else { id.to_string().into() };
        let speaker = Arc::new(Speaker { id, address, name, visitor: None });
        let entry = match by {
            "json" => Entry::Nowhere { timed: true },
            "frame" => Entry::Nowhere { timed: false },
            _ => Entry::Lobby,
        };
        let (door, echo) = ("127.0.0.1:8000".into(), by != "relay");
        let arrival = Arrival { speaker: Arc::clone(&speaker), door, by, echo, entry };
        let effects = self.effects(|hub, now, out| {
            hub.enter(seat, arrival, now, out);
            hub.appear(seat, now, out);
        });
        (speaker, effects)
    }

    /// When counted moves are to be told: a window is two seconds. (Empty rooms are forgotten later.)
    pub(super) fn due(&self) -> Option<Duration> {
        self.hub.next_tick().filter(|due| *due <= self.now + seconds(2))
    }

    pub(super) fn does(&mut self, seat: Seat, command: Command) -> Vec<Effect> {
        self.effects(|hub, now, out| hub.command(seat, command, false, now, out))
    }

    /// What follows from a line that is typed at the text door.
    pub(super) fn types(&mut self, seat: Seat, line: &str) -> Vec<Effect> {
        let mut decoder = Wire::Text.decoder(Limits { max_line: 4096, max_packet: 65_535, max_frame: 65_536 });
        decoder.feed(format!("{line}\n").as_bytes());
        match decoder.next() {
            Ok(Some(Inbound::Command(command))) => self.does(seat, command),
            Ok(Some(Inbound::Refused(refusal))) => vec![Effect::Tell(seat, Notice::Refused(refusal))],
            other => panic!("{line}: {other:?}"),
        }
    }

    /// Takes a name.
    pub(super) fn rename(&mut self, seat: Seat, name: &str) -> Vec<Effect> {
        self.does(seat, Command::Rename(nick(name)))
    }

    pub(super) fn msg(&mut self, seat: Seat, to: &str, text: &str) -> Vec<Effect> {
        self.does(seat, Command::Msg { to: to.into(), body: body(text) })
    }

    pub(super) fn join(&mut self, seat: Seat, name: &str) -> Vec<Effect> {
        self.does(seat, Command::Join(room_name(name)))
    }

    pub(super) fn leave(&mut self, seat: Seat, reason: CloseReason) -> Vec<Effect> {
        self.effects(|hub, now, out| hub.leave(seat, reason, now, out))
    }

    pub(super) fn tick(&mut self) -> Vec<Effect> {
        self.effects(|hub, now, out| hub.tick(now, out))
    }

    pub(super) fn effects(&mut self, call: impl FnOnce(&mut Hub, Now, &mut Vec<Effect>)) -> Vec<Effect> {
        let mut out = Vec::new();
        call(&mut self.hub, at(self.now), &mut out);
        out
    }

    /// The one on a seat, as a line of theirs shows it.
    pub(super) fn speaker(&mut self, seat: Seat) -> Arc<Speaker> {
        match self.does(seat, say("who am I?")).as_slice() {
            [Effect::Room { notice: Notice::Said(line), .. }] => Arc::clone(&line.from),
            other => panic!("a line of {seat:?}: {other:?}"),
        }
    }

    /// Who is here, in the order of the lists, as `(address, name)`; `seat` asks.
    fn list(&mut self, seat: Seat) -> Vec<(String, String)> {
        match self.does(seat, Command::UserList).as_slice() {
            [Effect::Tell(asker, Notice::UserList(people))] if *asker == seat => {
                people.iter().map(|who| (who.address.to_string(), who.name.to_string())).collect()
            }
            other => panic!("a user list for {seat:?}: {other:?}"),
        }
    }

    pub(super) fn names(&mut self, seat: Seat) -> Vec<String> {
        self.list(seat).into_iter().map(|(_, name)| name).collect()
    }

    /// The rooms there are, as `#lobby 3`.
    fn rooms(&mut self) -> Vec<String> {
        let asker = Seat(9_999);
        self.arrive(asker, "frame");
        let effects = self.does(asker, Command::Rooms);
        let [Effect::Tell(_, Notice::Rooms(rooms))] = effects.as_slice() else { panic!("{effects:?}") };
        let rooms = rooms.iter().map(|room| format!("{} {}", room.name, room.people)).collect();
        self.leave(asker, CloseReason::PeerClosed);
        rooms
    }
}

/// The moment `up` after the start, which was at noon.
pub(super) fn at(up: Duration) -> Now {
    Now { up, unix_ms: 1_795_176_000_000 + u64::try_from(up.as_millis()).unwrap() }
}

fn address(seat: Seat) -> String {
    format!("127.0.0.1:{}", 5000 + seat.0)
}

pub(super) const fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}

pub(super) fn nick(name: &str) -> Nick {
    Nick::parse(name).unwrap_or_else(|refusal| panic!("{name}: {refusal}"))
}

pub(super) fn room_name(name: &str) -> RoomName {
    RoomName::parse(name).unwrap_or_else(|refusal| panic!("{name}: {refusal}"))
}

pub(super) fn body(text: &str) -> Body {
    Body::new(text).unwrap()
}

pub(super) fn say(text: &str) -> Command {
    Command::Say(body(text))
}

/// What the refusal says, where a call came to nothing but one.
#[track_caller]
pub(super) fn refusal(effects: &[Effect], asker: Seat) -> &Refusal {
    match effects {
        [Effect::Tell(seat, Notice::Refused(refusal))] if *seat == asker => refusal,
        other => panic!("a refusal for {asker:?}: {other:?}"),
    }
}

/// One line for each effect, `to 0: …`, `to all but 1: …` in the lobby, `to #1 …` in other rooms,
/// `enter 0.1` (room and seat), `hang up 0: quit`.
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
        Notice::Came { who, from, room } => format!("{} came from {from} to {room}", who.name),
        Notice::Went { who, to, room } => format!("{} went to {to} from {room}", who.name),
        Notice::Bustle { room, came, left } => format!("{came} came to {room}, {left} left"),
        Notice::YouAre(you) => format!("you are {}", you.name),
        Notice::InRoom { room, others, others_total, .. } => {
            format!("in {room} with {others_total}: {}", others.join(" "))
        }
        Notice::Topic { room, topic } => format!("{room} is about {:?}", topic.as_ref().map(Body::as_str)),
        Notice::TopicSet { who, room, topic } => format!("{} set {room} to {}", who.name, topic.as_str()),
        Notice::Past { line, is_action: false } => format!("past: {}: {}", line.from.name, line.body.as_str()),
        Notice::Past { line, is_action: true } => format!("past: * {} {}", line.from.name, line.body.as_str()),
        Notice::PastEnd { last_seq, lost, .. } => format!("end of the past at {last_seq}, {lost} lost"),
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
    let room_but = |room: &RoomIndex, hidden_from: &Option<Seat>| {
        let room = if *room == LOBBY { "all".to_owned() } else { format!("#{}", room.0) };
        hidden_from.map_or_else(|| room.clone(), |seat| format!("{room} but {}", seat.0))
    };
    let one = |effect: &Effect| match effect {
        Effect::Enter(room, seat) => format!("enter {}.{}", room.0, seat.0),
        Effect::Exit(room, seat) => format!("exit {}.{}", room.0, seat.0),
        Effect::Tell(seat, notice) => format!("to {}: {}", seat.0, words(notice)),
        Effect::Room { room, notice, hidden_from } => format!("to {}: {}", room_but(room, hidden_from), words(notice)),
        Effect::Filter(seat, Filter { quiet, ignored }) => {
            format!("filter {}: quiet {quiet}, {} ignored", seat.0, ignored.len())
        }
        Effect::Time(seat, on) => format!("time {}: {on}", seat.0),
        Effect::HangUp(seat, reason) => format!("hang up {}: {reason}", seat.0),
    };
    effects.iter().map(one).collect()
}
