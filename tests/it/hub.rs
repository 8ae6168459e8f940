//! The rules of the house, each in a few lines: state in, effects out.
//!
//! A `Room` here is a hub with people in it; what a call brings about comes back as the list of
//! effects, in the order in which they are to be performed. What was said is in `history.rs`. At
//! the end a small model walks beside the hub through random lives and holds it to what must never
//! happen.

#![allow(clippy::unwrap_used, clippy::panic, reason = "clippy's allow-…-in-tests does not reach a test's helpers")]

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::{Duration, Instant};

use parlor::chat::{Arrival, Effect, Entry, Filter, Hub, HubSettings, Now, RoomIndex, Seat};
use parlor::protocol::{
    Away, Body, COMMANDS, CloseReason, Command, Line, NameKeys, Nick, Notice, Refusal, RoomName, SessionId, Speaker,
    Switch,
};
use parlor::wire::{Inbound, Limits, Wire};
use proptest::collection::vec;
use proptest::prelude::*;

pub(super) const LOBBY: RoomIndex = RoomIndex::LOBBY;
pub(super) const ANN: Seat = Seat(0);
pub(super) const BOB: Seat = Seat(1);
pub(super) const CAT: Seat = Seat(2);

pub(super) const SETTINGS: HubSettings = HubSettings {
    idle_seconds: 30,
    join_grace: Duration::from_secs(10),
    max_rooms: 256,
    history: 200,
    history_shown: 10,
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

    /// Comes in by the text door (which echoes), the relay door (which does not), or the json or
    /// frame door (by which one is nowhere at first; only the former is given a time).
    pub(super) fn arrive(&mut self, seat: Seat, by: &'static str) -> (Arc<Speaker>, Vec<Effect>) {
        self.entered += 1;
        let id = SessionId(1_000_000_000_000_000_000 + self.entered);
        let address: Arc<str> = address(seat).into();
        let name = if by == "text" { Arc::clone(&address) } else { id.to_string().into() };
        let speaker = Arc::new(Speaker { id, address, name });
        let entry = match by {
            "json" => Entry::Nowhere { timed: true },
            "frame" => Entry::Nowhere { timed: false },
            _ => Entry::Lobby,
        };
        let (door, echo) = ("127.0.0.1:8000".into(), by != "relay");
        let arrival = Arrival { speaker: Arc::clone(&speaker), door, by, echo, entry };
        (speaker, self.effects(|hub, now, out| hub.enter(seat, arrival, now, out)))
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

    /// Takes a name, twenty-one seconds after whatever was before: three times a minute it may.
    pub(super) fn rename(&mut self, seat: Seat, name: &str) -> Vec<Effect> {
        self.now += Duration::from_secs(21);
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

// --- coming and going -------------------------------------------------------------------------

#[test]
fn who_comes_in_is_announced_and_greeted_in_this_order() {
    let mut room = Room::of(&["ann"]);
    assert_eq!(
        shown(&room.enter(BOB)),
        [
            "to 1: 127.0.0.1:5001 I am here",
            "to 1: 127.0.0.1:5001 login",
            "to 1: welcome 127.0.0.1:5001 to #lobby",
            "to all: 127.0.0.1:5001 login", // performed before bob is in the room: for the others
            "enter 0.1",
        ]
    );
    assert_eq!(room.hub.population(), 2);
}

#[test]
fn the_greeting_knows_who_is_here() {
    let mut room = Room::empty();
    for number in 0..13_u32 {
        let (speaker, effects) = room.arrive(Seat(number), "text");
        let others: Vec<Arc<str>> = (0..number.min(10)).map(|other| format!("user{other}").into()).collect();
        let wanted = Notice::Welcome {
            you: speaker,
            room: RoomName::lobby(),
            others,
            others_total: number as usize,
            door: "127.0.0.1:8000".into(),
            idle_seconds: 30,
        };
        assert_eq!(effects[2], Effect::Tell(Seat(number), wanted));
        room.rename(Seat(number), &format!("user{number}"));
    }
}

#[test]
fn who_leaves_is_told_goodbye_and_the_others_of_it() {
    let mut room = Room::of(&["ann", "bob"]);
    assert_eq!(
        shown(&room.leave(ANN, CloseReason::Idle { seconds: 30 })),
        [
            "to 0: goodbye: idle for 30 s",
            "exit 0.0", // before the others are told, so ann does not hear of her own leaving
            "to all: ann left: idle for 30 s",
            "hang up 0: idle for 30 s",
        ]
    );
    assert_eq!(room.names(BOB), ["bob"]);
    assert_eq!(room.hub.population(), 1);
}

#[test]
fn a_broken_connection_is_told_nothing() {
    let mut room = Room::of(&["ann", "bob"]);
    for (seat, reason) in [(ANN, CloseReason::ReadFailed), (BOB, CloseReason::TooSlow)] {
        let effects = room.leave(seat, reason);
        assert!(!effects.iter().any(|effect| matches!(effect, Effect::Tell(..))), "{effects:?}");
        assert_eq!(effects.len(), 3, "{effects:?}");
    }
}

#[test]
fn quit_says_its_words_first() {
    let mut room = Room::of(&["ann", "bob"]);
    assert_eq!(
        shown(&room.does(ANN, Command::Quit(Some(body("so long"))))),
        ["to all: ann: so long", "to 0: goodbye: quit", "exit 0.0", "to all: ann left: quit", "hang up 0: quit",]
    );
    assert_eq!(shown(&room.does(BOB, Command::Quit(None)))[0], "to 1: goodbye: quit");
}

/// A quit and the end of the connection's input meet: the reader reports what the hub knows.
#[test]
fn leaving_twice_and_asking_afterwards_do_nothing() {
    let mut room = Room::of(&["ann", "bob"]);
    room.does(ANN, Command::Quit(None));
    assert_eq!(room.leave(ANN, CloseReason::PeerClosed), []);
    assert_eq!(room.does(ANN, say("am I still here?")), []);
    assert_eq!(room.does(ANN, Command::UserList), []);
    assert_eq!(room.leave(Seat(77), CloseReason::PeerClosed), [], "a seat that was never taken");
    assert_eq!(room.hub.population(), 1);
}

#[test]
fn a_seat_is_used_again_by_somebody_new() {
    let mut room = Room::of(&["ann", "bob"]);
    room.msg(BOB, "ann", "psst");
    room.does(ANN, Command::Echo(Switch::Off));
    room.leave(ANN, CloseReason::PeerClosed);
    room.enter(ANN);
    assert_eq!(room.names(BOB), ["bob", "127.0.0.1:5000"], "in the order in which they came");
    assert_eq!(shown(&room.does(ANN, say("hi"))), ["to all: 127.0.0.1:5000: hi"], "echo is on again");
    let effects = room.does(ANN, Command::Reply(body("who?")));
    assert_eq!(refusal(&effects, ANN), &Refusal::NobodyToAnswer, "ann's letters were not for the next one");
    let effects = room.msg(BOB, "ann", "still there?");
    assert!(matches!(refusal(&effects, BOB), Refusal::NobodyCalled { .. }));
}

#[test]
fn a_stop_tells_everybody_and_nobody_of_the_others() {
    let mut room = Room::of(&["ann", "bob"]);
    let effects = room.effects(|hub, _, out| hub.stop(out));
    assert_eq!(
        shown(&effects),
        [
            "to 0: goodbye: server stopping",
            "exit 0.0",
            "hang up 0: server stopping",
            "to 1: goodbye: server stopping",
            "exit 0.1",
            "hang up 1: server stopping",
        ]
    );
    assert_eq!(room.hub.population(), 0);
    assert_eq!(room.effects(|hub, _, out| hub.stop(out)), []);
    assert_eq!(room.leave(ANN, CloseReason::PeerClosed), []);
    assert_eq!(room.does(BOB, say("hello?")), []);
    room.enter(BOB);
    assert_eq!(room.list(BOB), [(address(BOB), address(BOB))], "nobody is left over");
}

// --- talking ----------------------------------------------------------------------------------

#[test]
fn a_line_goes_to_all_and_back_to_its_sender() {
    let mut room = Room::of(&["ann", "bob"]);
    assert_eq!(shown(&room.does(ANN, say("hi all"))), ["to all: ann: hi all"]);
    assert_eq!(shown(&room.does(ANN, Command::Me(body("waves")))), ["to all: * ann waves"]);
}

#[test]
fn echo_off_hides_ones_own_lines_and_no_others() {
    let mut room = Room::of(&["ann", "bob"]);
    assert_eq!(room.does(ANN, Command::Echo(Switch::Off)), [Effect::Tell(ANN, Notice::Echo { on: false })]);
    assert_eq!(shown(&room.does(ANN, say("hi"))), ["to all but 0: ann: hi"]);
    assert_eq!(shown(&room.does(ANN, Command::Me(body("waves")))), ["to all but 0: * ann waves"]);
    assert_eq!(shown(&room.does(BOB, say("hi"))), ["to all: bob: hi"]);
    assert_eq!(shown(&room.msg(ANN, "bob", "psst")), ["to 0: told to bob: psst", "to 1: told by ann: psst"]);
    assert_eq!(room.does(ANN, Command::Echo(Switch::On)), [Effect::Tell(ANN, Notice::Echo { on: true })]);
    assert_eq!(shown(&room.does(ANN, say("hi"))), ["to all: ann: hi"]);
    // The relay door's clients never see their own lines.
    room.arrive(CAT, "relay");
    assert!(shown(&room.does(CAT, say("miaow")))[0].starts_with("to all but 2: "));
}

#[test]
fn a_private_line_finds_its_receiver_by_name_address_and_id() {
    let mut room = Room::of(&["ann", "Bob"]);
    let (cat, _) = room.arrive(CAT, "relay");
    let delivered = |to: &str, seat| vec![format!("to 0: told to {to}: psst"), format!("to {seat}: told by ann: psst")];
    for name in ["Bob", "bob", "BOB", "ｂｏｂ", "127.0.0.1:5001"] {
        assert_eq!(shown(&room.msg(ANN, name, "psst")), delivered("Bob", 1), "{name}");
    }
    // Who has not taken a name is called by address on the text door, by id on the others.
    for name in [&*cat.name, &cat.id.to_string(), "127.0.0.1:5002"] {
        assert_eq!(shown(&room.msg(ANN, name, "psst")), delivered(&cat.name, 2), "{name}");
    }
    // To oneself, too: both lines.
    assert_eq!(shown(&room.msg(ANN, "ann", "psst")), ["to 0: told to ann: psst", "to 0: told by ann: psst"]);
}

/// `Command::Msg` and `People::find` promise it for everybody, not only for those whose name is their id.
#[test]
fn an_id_finds_somebody_who_has_a_name() {
    let mut room = Room::of(&["ann", "bob"]);
    let bob = room.speaker(BOB);
    let effects = room.msg(ANN, &bob.id.to_string(), "psst");
    assert_eq!(shown(&effects), ["to 0: told to bob: psst", "to 1: told by ann: psst"]);
}

/// A client may connect to two doors from one port of its own: two sessions, one address.
#[test]
fn an_address_means_the_first_who_came_from_it() {
    let mut room = Room::of(&["ann", "bob"]);
    let speaker = Arc::new(Speaker { id: SessionId(7), address: address(BOB).into(), name: "7".into() });
    let (door, entry) = ("127.0.0.1:8888".into(), Entry::Lobby);
    let arrival = Arrival { speaker, door, by: "relay", echo: false, entry };
    room.effects(|hub, now, out| hub.enter(CAT, arrival, now, out));
    assert_eq!(shown(&room.msg(ANN, &address(BOB), "psst"))[1], "to 1: told by ann: psst");
    room.leave(BOB, CloseReason::PeerClosed);
    assert_eq!(shown(&room.msg(ANN, &address(BOB), "psst"))[1], "to 2: told by ann: psst");
    room.leave(CAT, CloseReason::PeerClosed);
    assert!(matches!(refusal(&room.msg(ANN, &address(BOB), "psst"), ANN), Refusal::NobodyCalled { .. }));
}

#[test]
fn a_private_line_to_nobody_says_who_was_perhaps_meant() {
    let mut room = Room::of(&["ann", "mike"]);
    for (to, meant) in [("mik", Some("mike")), ("Mkie", Some("mike")), ("an", Some("ann")), ("zoe", None), ("m", None)]
    {
        let effects = room.msg(ANN, to, "psst");
        assert_eq!(refusal(&effects, ANN), &Refusal::NobodyCalled { name: to.into(), like: meant.map(str::to_owned) });
    }
    // Two slips are offered where they are less than half of the word, three are not.
    let mut long = Room::of(&["ann", "christopher", "twenty-four-long-name-xx"]);
    for (to, meant) in [
        ("am", None),
        ("chrisXXpher", Some("christopher")),
        ("chrisXXXher", None),
        ("twenty-four-long-name-xxyy", Some("twenty-four-long-name-xx")),
    ] {
        let effects = long.msg(ANN, to, "psst");
        assert_eq!(refusal(&effects, ANN), &Refusal::NobodyCalled { name: to.into(), like: meant.map(str::to_owned) });
    }
    room.leave(BOB, CloseReason::PeerClosed);
    let effects = room.msg(ANN, "mike", "psst");
    assert_eq!(refusal(&effects, ANN), &Refusal::NobodyCalled { name: "mike".into(), like: None });
    // A look-alike is not written to by mistake.
    let mut room = Room::of(&["ann", "mike"]);
    let effects = room.msg(ANN, "mіke", "psst");
    assert!(matches!(refusal(&effects, ANN), Refusal::NobodyCalled { .. }));
}

#[test]
fn a_reply_goes_to_the_last_writer_under_whatever_name() {
    let mut room = Room::of(&["ann", "bob", "cat"]);
    let reply = |room: &mut Room| room.does(ANN, Command::Reply(body("ok")));
    assert_eq!(refusal(&reply(&mut room), ANN), &Refusal::NobodyToAnswer);
    room.msg(BOB, "ann", "psst");
    assert_eq!(shown(&reply(&mut room)), ["to 0: told to bob: ok", "to 1: told by ann: ok"]);
    // Bob is renamed, and somebody else takes the name that bob had.
    room.rename(BOB, "rob");
    room.rename(CAT, "bob");
    assert_eq!(shown(&reply(&mut room)), ["to 0: told to rob: ok", "to 1: told by ann: ok"]);
    room.msg(CAT, "ann", "me, too");
    assert_eq!(shown(&reply(&mut room)), ["to 0: told to bob: ok", "to 2: told by ann: ok"]);
    // A private line of one's own changes nothing about who is answered.
    room.msg(ANN, "rob", "later");
    assert_eq!(shown(&reply(&mut room))[1], "to 2: told by ann: ok");
    // Whoever wrote has left, and another sits there.
    room.leave(CAT, CloseReason::PeerClosed);
    room.enter(CAT);
    room.rename(CAT, "bob");
    assert_eq!(refusal(&reply(&mut room), ANN), &Refusal::NobodyToAnswer);
    // An answer can be answered.
    assert_eq!(shown(&room.does(BOB, Command::Reply(body("hm"))))[1], "to 0: told by rob: hm");
}

// --- lists ------------------------------------------------------------------------------------

#[test]
fn lists_are_in_the_order_in_which_people_came() {
    let mut room = Room::of(&["ann", "bob", "cat"]);
    room.rename(ANN, "zoe");
    room.leave(BOB, CloseReason::PeerClosed);
    room.enter(BOB);
    let wanted = [("127.0.0.1:5000", "zoe"), ("127.0.0.1:5002", "cat"), ("127.0.0.1:5001", "127.0.0.1:5001")];
    assert_eq!(room.list(CAT), wanted.map(|(address, name)| (address.to_owned(), name.to_owned())));
}

#[test]
fn who_tells_since_when_people_are_here_and_silent() {
    let mut room = Room::of(&["ann"]);
    room.now = Duration::from_secs(60);
    room.enter(BOB);
    room.now = Duration::from_secs(100);
    room.does(ANN, Command::Ping); // a question is not a word
    room.now = Duration::from_secs(130);
    room.does(BOB, say("hi"));
    room.now = Duration::from_secs(135);
    let effects = room.does(BOB, Command::Who(None));
    let [Effect::Tell(BOB, Notice::Names { room: name, people })] = effects.as_slice() else { panic!("{effects:?}") };
    assert_eq!(name.to_string(), "#lobby");
    let times: Vec<_> = people.iter().map(|one| (&*one.who.name, one.idle.as_secs(), one.here.as_secs())).collect();
    assert_eq!(times, [("ann", 135, 135), ("127.0.0.1:5001", 5, 75)]);
}

#[test]
fn private_lines_and_actions_end_a_silence_too() {
    let mut room = Room::of(&["ann", "bob"]);
    for (at, command) in
        [(10, Command::Me(body("waves"))), (20, Command::Msg { to: "bob".into(), body: body("psst") }), (30, say("hi"))]
    {
        room.now = Duration::from_secs(at);
        room.does(ANN, command);
        let effects = room.does(BOB, Command::Who(None));
        let [Effect::Tell(_, Notice::Names { people, .. })] = effects.as_slice() else { panic!("{effects:?}") };
        assert_eq!((people[0].idle.as_secs(), people[1].idle.as_secs()), (0, at));
    }
}

#[test]
fn what_needs_no_rule_is_answered_to_the_asker_alone() {
    let mut room = Room::of(&["ann", "bob"]);
    room.now = Duration::from_secs(90);
    let spec = &COMMANDS[0];
    for (command, answer) in [
        (Command::Ping, Notice::Pong),
        (Command::Version, Notice::Version),
        (Command::Stay, Notice::Staying),
        (Command::Help(None), Notice::Help),
        (Command::Help(Some(spec)), Notice::HelpFor(spec)),
        (Command::Uptime, Notice::Uptime { up: Duration::from_secs(90), people: 2 }),
    ] {
        assert_eq!(room.does(BOB, command), [Effect::Tell(BOB, answer)]);
    }
}

// --- names ------------------------------------------------------------------------------------

#[test]
fn a_rename_is_answered_and_told_to_the_others() {
    let mut room = Room::empty();
    room.enter(ANN);
    assert_eq!(shown(&room.rename(ANN, "ann")), ["to 0: RenameOk", "to all but 0: 127.0.0.1:5000 is now ann"]);
    let answer = Effect::Tell(ANN, Notice::YouAre("zoe".into()));
    let effects = room.does(ANN, Command::Nick(nick("zoe")));
    assert_eq!(effects[0], answer);
    assert_eq!(shown(&effects[1..]), ["to all but 0: ann is now zoe"]);
    assert_eq!(shown(&room.does(ANN, say("hi"))), ["to all: zoe: hi"]);
    // One's own name again, or in other letters.
    assert_eq!(shown(&room.rename(ANN, "zoe")), ["to 0: RenameOk"], "nothing to tell");
    assert_eq!(shown(&room.rename(ANN, "Zoe")), ["to 0: RenameOk", "to all but 0: zoe is now Zoe"]);
}

#[test]
fn a_line_said_before_a_rename_keeps_the_name_of_then() {
    let mut room = Room::of(&["ann"]);
    let before = room.does(ANN, say("hi"));
    room.rename(ANN, "zoe");
    assert_eq!(shown(&before), ["to all: ann: hi"]);
}

#[test]
fn a_taken_name_comes_with_three_that_are_free() {
    let mut room = Room::of(&["mike", "ann", "mike2", "Mike7"]);
    for (name, offered) in [
        ("mike", ["mike_", "mike3", "mike4"]),
        ("MIKE", ["MIKE_", "MIKE3", "MIKE4"]),
        ("ｍｉｋｅ", ["ｍｉｋｅ_", "ｍｉｋｅ3", "ｍｉｋｅ4"]),
    ] {
        let effects = room.rename(BOB, name);
        let Refusal::Taken { name: refused, free } = refusal(&effects, BOB) else { panic!("{effects:?}") };
        assert_eq!((refused.as_str(), free.as_slice()), (name, offered.map(str::to_owned).as_slice()));
    }
}

#[test]
fn names_that_are_offered_are_free() {
    let long = "a".repeat(24);
    for name in ["mike", "家家家家家家家家家家家家家家家家家家家家家", &long, "x_"] {
        let mut room = Room::of(&[name, "ann", "cat"]);
        for _ in 0..4 {
            let effects = room.rename(BOB, name);
            let Refusal::Taken { free, .. } = refusal(&effects, BOB).clone() else { panic!("{effects:?}") };
            assert_eq!(free.iter().collect::<BTreeSet<_>>().len(), 3, "{free:?}");
            for offered in &free {
                assert_eq!(room.rename(BOB, offered)[0], Effect::Tell(BOB, Notice::RenameOk), "{offered}");
            }
            room.rename(BOB, "ann");
            room.rename(CAT, &free[0]); // next time it is taken
        }
    }
}

#[test]
fn a_refused_rename_changes_nothing() {
    let mut room = Room::of(&["mike", "ann"]);
    refusal(&room.rename(BOB, "mike"), BOB);
    refusal(&room.rename(BOB, "mіke"), BOB);
    assert_eq!(room.names(ANN), ["mike", "ann"]);
    assert_eq!(shown(&room.msg(ANN, "ann", "psst"))[1], "to 1: told by mike: psst");
}

#[test]
fn nobody_takes_a_name_that_looks_like_anothers() {
    for (present, name) in
        [("mike", "mіke"), ("Iris", "lris"), ("bob", "b0b"), ("modem", "modern"), ("paypal", "раураl")]
    {
        for (present, name) in [(present, name), (name, present)] {
            let mut room = Room::of(&[present, "ann"]);
            let effects = room.rename(BOB, name);
            let wanted = Refusal::LooksLike { name: name.into(), present: present.into() };
            assert_eq!(refusal(&effects, BOB), &wanted);
            // The one who has it may write it otherwise.
            assert_eq!(room.rename(ANN, name)[0], Effect::Tell(ANN, Notice::RenameOk), "{name}");
        }
    }
}

/// Reserved names and addresses never become a `Nick`, so the hub cannot be asked for them.
#[test]
fn nobody_is_called_like_the_house_or_like_anothers_address() {
    let mut room = Room::of(&["ann"]);
    room.enter(BOB);
    for name in ["server", "Admin", "guest7"] {
        assert!(matches!(Nick::parse(name), Err(Refusal::Reserved { .. })), "{name}");
    }
    for name in [address(BOB), "127.0.0.1".to_owned(), "1000000000000000002".to_owned()] {
        assert!(Nick::parse(&name).is_err(), "{name}");
    }
    assert_eq!(room.names(ANN), ["ann", "127.0.0.1:5001"]);
}

#[test]
fn a_name_is_free_the_moment_its_owner_leaves_or_takes_another() {
    let mut room = Room::of(&["mike", "ann"]);
    let ok = |effects: Vec<Effect>| assert_eq!(effects[0], Effect::Tell(BOB, Notice::RenameOk));
    refusal(&room.rename(BOB, "MIKE"), BOB);
    room.rename(ANN, "zoe");
    ok(room.rename(BOB, "MIKE"));
    refusal(&room.rename(ANN, "mike"), ANN);
    ok(room.rename(BOB, "ann")); // and its look has become free, too
    room.rename(ANN, "mіke");
    for reason in [CloseReason::Quit, CloseReason::WriteFailed] {
        refusal(&room.rename(BOB, "mike"), BOB);
        room.leave(ANN, reason);
        ok(room.rename(BOB, "mike"));
        ok(room.rename(BOB, "ann"));
        room.enter(ANN);
        room.rename(ANN, "mike");
    }
}

/// The old owner's leaving must not free the name of the one who has it now.
#[test]
fn a_name_handed_on_stays_with_the_new_owner() {
    let mut room = Room::of(&["mike", "ann", "cat"]);
    room.rename(ANN, "zoe");
    room.rename(BOB, "mike");
    room.leave(ANN, CloseReason::PeerClosed);
    assert!(matches!(refusal(&room.rename(CAT, "Mike"), CAT), Refusal::Taken { .. }));
    assert_eq!(shown(&room.msg(CAT, "mike", "psst"))[1], "to 1: told by cat: psst");
    assert_eq!(shown(&room.msg(CAT, &address(BOB), "psst"))[1], "to 1: told by cat: psst", "by address still");
}

#[test]
fn ten_thousand_renames_leave_nothing_behind() {
    let mut room = Room::of(&["ann", "bob"]);
    for number in 0..2_500 {
        for name in ["zoe", "Zoe", "z0e", &format!("zoe{number}")] {
            assert_eq!(room.rename(ANN, name)[0], Effect::Tell(ANN, Notice::RenameOk));
        }
    }
    room.rename(ANN, "ann");
    for name in ["zoe", "zoe7", "z0e", "zoe2499"] {
        assert_eq!(room.rename(BOB, name)[0], Effect::Tell(BOB, Notice::RenameOk), "{name}");
    }
}

/// The manager serves everybody: one wrong name, as long as a line can be, in a full room must not
/// stop it. Compared with a name of usual length, so that a slow machine makes no difference.
#[test]
fn a_long_wrong_name_costs_the_room_no_time() {
    let mut room = Room::empty();
    for seat in (0..512).map(Seat) {
        room.enter(seat);
        room.rename(seat, &format!("a-usual-name-{}", seat.0));
    }
    let mut fastest_of_three = |length: usize| {
        let mut once = || {
            let begun = Instant::now();
            let effects = room.msg(ANN, &"x".repeat(length), "psst");
            let took = begun.elapsed();
            assert!(matches!(refusal(&effects, ANN), Refusal::NobodyCalled { like: None, .. }));
            took
        };
        once().min(once()).min(once())
    };
    let (usual, long) = (fastest_of_three(24), fastest_of_three(4000));
    assert!(long < usual * 20 + Duration::from_millis(20), "{long:?} for 4000 characters, {usual:?} for 24");
}

// --- rooms ------------------------------------------------------------------------------------

#[test]
fn joining_makes_a_room_and_leaving_goes_back() {
    let mut room = Room::of(&["ann", "bob"]);
    assert_eq!(
        shown(&room.join(ANN, "dev")),
        [
            "exit 0.0",
            "to all: ann went to #dev from #lobby",
            "to #1: ann came from #lobby to #dev", // before ann hears it: for those who were there
            "enter 1.0",
            "to 0: in #dev with 0: ",
        ]
    );
    assert_eq!(shown(&room.join(BOB, "#Dev"))[4], "to 1: in #dev with 1: ann");
    assert_eq!(shown(&room.does(ANN, say("hi"))), ["to #1: ann: hi"], "it is one room, and not the lobby");
    assert_eq!(room.rooms(), ["#lobby 0", "#dev 2"]);
    room.now += seconds(10);
    assert_eq!(
        shown(&room.does(ANN, Command::Leave)),
        [
            "exit 1.0",
            "to #1: ann went to #lobby from #dev",
            "to all: ann came from #dev to #lobby",
            "enter 0.0",
            "to 0: in #lobby with 0: ",
        ]
    );
    assert_eq!(shown(&room.does(ANN, Command::Leave)), ["to 0: in #lobby with 0: "], "there already");
    assert_eq!(shown(&room.leave(BOB, CloseReason::Quit))[1..3], ["exit 1.1", "to #1: bob left: quit"]);
}

#[test]
fn joining_the_room_one_is_in_changes_nothing() {
    let mut room = Room::of(&["ann", "bob"]);
    for seat in [ANN, BOB] {
        room.join(seat, "dev");
    }
    room.types(BOB, "/topic tea");
    room.does(BOB, say("hi"));
    assert_eq!(shown(&room.join(ANN, "DEV")), ["to 0: in #dev with 1: bob"], "nothing is shown again");
    assert_eq!(room.rooms(), ["#lobby 0", "#dev 2"]);
    assert_eq!(shown(&room.does(ANN, say("ho"))), ["to #1: ann: ho"]);
}

#[test]
fn who_comes_into_a_room_learns_what_it_is_about_and_what_was_said() {
    let mut room = Room::of(&["ann", "bob", "cat"]);
    room.join(ANN, "dev");
    assert_eq!(shown(&room.types(ANN, "/topic")), ["to 0: #dev is about None"]);
    let set = ["to 0: #dev is about Some(\"tea, and cake\")", "to #1 but 0: ann set #dev to tea, and cake"];
    assert_eq!(shown(&room.types(ANN, "/topic tea, and cake")), set);
    room.does(ANN, say("hi"));
    assert_eq!(
        shown(&room.join(BOB, "dev"))[4..],
        ["to 1: in #dev with 1: ann", "to 1: #dev is about Some(\"tea, and cake\")", "to 1: past: ann: hi"]
    );
    assert_eq!(shown(&room.types(CAT, "/topic")), ["to 2: #lobby is about None"], "another room's");
    // A topic stands in lists beside others: 200 characters at most.
    let effects = room.types(BOB, &format!("/topic {}", "é".repeat(201)));
    let [Effect::Tell(BOB, Notice::Topic { topic: Some(topic), .. }), _] = effects.as_slice() else {
        panic!("{effects:?}")
    };
    assert_eq!(topic.as_str(), format!("{}…", "é".repeat(200)));
}

#[test]
fn an_empty_room_is_gone_from_the_list_and_the_lobby_never() {
    let mut room = Room::of(&["ann", "bob"]);
    room.join(ANN, "dev");
    room.join(ANN, "ops");
    assert_eq!(room.rooms(), ["#lobby 1", "#ops 1"]);
    room.join(BOB, "ops");
    assert_eq!(room.rooms(), ["#lobby 0", "#ops 2"]);
    room.leave(ANN, CloseReason::PeerClosed);
    room.leave(BOB, CloseReason::PeerClosed);
    assert_eq!(room.rooms(), ["#lobby 0"]);
}

/// For those who only lost their connection, not for ever.
#[test]
fn what_was_said_in_an_empty_room_is_kept_for_ten_minutes() {
    let mut room = Room::of(&["ann", "bob"]);
    room.join(ANN, "dev");
    room.types(ANN, "/topic tea");
    room.does(ANN, say("hi"));
    room.does(ANN, Command::Leave);
    room.now += seconds(599);
    room.join(BOB, "ops"); // when a room is made, the forgotten ones make place
    assert_eq!(shown(&room.join(ANN, "dev"))[5..], ["to 0: #dev is about Some(\"tea\")", "to 0: past: ann: hi"]);
    room.does(ANN, Command::Leave);
    room.now += seconds(600);
    room.join(BOB, "other");
    assert_eq!(shown(&room.join(ANN, "dev"))[4..], ["to 0: in #dev with 0: "]);
    let effects = room.does(ANN, say("hi"));
    assert!(matches!(&effects[..], [Effect::Room { notice: Notice::Said(Line { seq: 2, .. }), .. }]), "{effects:?}");
}

/// Its memory is given back though nobody comes by.
#[test]
fn an_empty_rooms_past_is_gone_after_ten_minutes_though_nothing_happens() {
    let mut room = Room::of(&["ann", "bob"]);
    for (up, who, name) in [(0, ANN, "dev"), (100, BOB, "ops")] {
        room.now = seconds(up);
        room.join(who, name);
        room.does(who, say("hi"));
        room.does(who, Command::Leave);
    }
    assert_eq!(room.hub.next_tick(), Some(seconds(600)));
    let rooms = |room: &Room| format!("{:?}", room.hub).matches("RoomName(\"dev\")").count();
    room.now = seconds(599);
    assert_eq!((room.tick(), rooms(&room) > 0), (vec![], true));
    room.now = seconds(600);
    assert_eq!((room.tick(), rooms(&room)), (vec![], 0), "nothing of it is left");
    assert_eq!(room.hub.next_tick(), Some(seconds(700)), "the other one's time comes later");
    room.now = seconds(700);
    assert_eq!((room.tick(), room.hub.next_tick()), (vec![], None));
}

/// Who asks for what came after a number is given it, or told how much of it is lost, also where the
/// room has gone in between and was made anew.
#[test]
fn a_room_that_is_made_anew_counts_on() {
    let mut room = Room::with(HubSettings { max_rooms: 2, ..SETTINGS });
    (0..2).for_each(|seat| drop(room.enter(Seat(seat))));
    room.now = seconds(10);
    room.join(ANN, "dev");
    (1..=3).for_each(|n| drop(room.does(ANN, say(&format!("old{n}")))));
    room.does(ANN, Command::Leave);
    room.join(BOB, "other"); // it takes the place
    room.does(BOB, Command::Leave);
    room.now = seconds(20);
    let effects = room.join(ANN, "dev");
    let born = |effects: &[Effect]| {
        let since = |effect: &Effect| match effect {
            Effect::Tell(_, Notice::InRoom { since, .. } | Notice::PastEnd { since, .. }) => Some(*since),
            _ => None,
        };
        effects.iter().find_map(since)
    };
    assert_eq!(born(&effects), Some(at(room.now).unix_ms), "by which it is told from the one before");
    (1..=5).for_each(|n| drop(room.does(ANN, say(&format!("new{n}")))));
    let ask = |room: &mut Room, after| room.does(BOB, Command::HistoryAfter(Some(room_name("dev")), after));
    let missed = ask(&mut room, 3);
    assert_eq!(born(&missed), Some(at(seconds(20)).unix_ms));
    let lines: Vec<String> = (1..=5).map(|n| format!("to 1: past: {}: new{n}", address(ANN))).collect();
    assert_eq!(shown(&missed)[..5], lines);
    assert_eq!(shown(&missed)[5], "to 1: end of the past at 8, 0 lost");
    assert!(shown(&ask(&mut room, 1)).ends_with(&["to 1: end of the past at 8, 2 lost".to_owned()]));
}

/// A room in which nothing was said gives way before one whose past somebody may come back for.
#[test]
fn going_from_room_to_room_takes_nobodys_past() {
    let mut room = Room::with(HubSettings { max_rooms: 4, ..SETTINGS });
    (0..2).for_each(|seat| drop(room.enter(Seat(seat))));
    room.join(ANN, "dev");
    room.does(ANN, say("hi"));
    room.does(ANN, Command::Leave);
    for n in 0..20 {
        room.now += seconds(1);
        room.join(BOB, &format!("x{n}x"));
    }
    assert!(shown(&room.join(ANN, "dev")).contains(&format!("to 0: past: {}: hi", address(ANN))));
}

/// It is in no list, so its name is in nobody's way.
#[test]
fn an_empty_room_does_not_keep_out_one_that_looks_like_it() {
    let mut room = Room::of(&["ann", "bob"]);
    room.join(ANN, "modem");
    assert!(shown(&room.join(BOB, "modern"))[0].contains("#modern looks like #modem, which is there"));
    room.does(ANN, Command::Leave);
    assert!(shown(&room.join(BOB, "modern")).contains(&"to 1: in #modern with 0: ".to_owned()));
    assert!(shown(&room.join(ANN, "modem"))[0].contains("#modem looks like #modern, which is there"));
}

/// The lobby is no room that gives way, however empty: everybody comes in there.
#[test]
fn nothing_takes_the_lobbys_place() {
    let mut room = Room::of(&["ann"]);
    room.does(ANN, say("hi"));
    room.join(ANN, "dev");
    assert!(shown(&room.join(ANN, "1obby"))[0].contains("#1obby looks like #lobby, which is there"));
    let (_, _) = room.arrive(BOB, "json");
    assert!(shown(&room.join(BOB, "l\u{43e}bby"))[0].contains("looks like #lobby, which is there"));
    assert!(shown(&room.join(BOB, "lobby")).contains(&"to 1: in #lobby with 0: ".to_owned()));
    assert!(shown(&room.enter(Seat(2))).contains(&"to 2: past: ann: hi".to_owned()));
}

/// A program that names a room means that one, and not where it happens to be.
#[test]
fn what_is_meant_for_another_room_is_refused() {
    let mut room = Room::of(&["ann"]);
    let (_, _) = room.arrive(BOB, "json");
    let inside = |name: &str, command| Command::In(room_name(name), Box::new(command));
    for command in [say("hi"), Command::Me(body("waves")), Command::Topic(Some(body("tea")))] {
        let effects = room.does(BOB, inside("dev", command.clone()));
        let wanted = "to 1: refused: You are in #lobby, not in #dev; nothing was sent. join goes there";
        assert_eq!(shown(&effects), [wanted], "{command:?}");
    }
    room.join(BOB, "dev");
    assert!(shown(&room.does(BOB, inside("dev", say("hi"))))[0].ends_with(": hi"));
    assert!(shown(&room.does(BOB, inside("lobby", say("hi"))))[0].contains("You are in #dev, not in #lobby"));
    let (_, _) = room.arrive(Seat(2), "json");
    assert!(shown(&room.does(Seat(2), inside("lobby", say("hi")))).last().unwrap().ends_with(": hi"), "its first line");
}

/// A topic that was set is told to whoever comes in by the front door too.
#[test]
fn the_topic_is_part_of_the_greeting() {
    let mut room = Room::of(&["ann"]);
    room.types(ANN, "/topic tea");
    let greeting = shown(&room.enter(BOB));
    let welcome = greeting.iter().position(|line| line.starts_with("to 1: welcome")).unwrap();
    assert_eq!(greeting[welcome + 1], "to 1: #lobby is about Some(\"tea\")");
}

/// Also when nobody made another room in between.
#[test]
fn an_empty_rooms_past_is_gone_after_ten_minutes_for_whoever_comes_first() {
    let mut room = Room::of(&["ann"]);
    room.join(ANN, "dev");
    room.types(ANN, "/topic tea");
    room.does(ANN, say("hi"));
    room.does(ANN, Command::Leave);
    room.now += seconds(600);
    assert_eq!(shown(&room.join(ANN, "dev"))[4..], ["to 0: in #dev with 0: "]);
}

/// Nor is it told to those who ask for it from outside.
#[test]
fn an_empty_rooms_past_is_gone_after_ten_minutes_for_who_asks_by_name() {
    let mut room = Room::of(&["ann"]);
    room.join(ANN, "dev");
    room.does(ANN, say("hi"));
    room.does(ANN, Command::Leave);
    let mut ask = |up| {
        room.now = seconds(up);
        shown(&room.does(ANN, Command::HistoryAfter(Some(room_name("dev")), 0)))
    };
    assert_eq!(ask(599), ["to 0: past: ann: hi", "to 0: end of the past at 1, 0 lost"]);
    assert!(ask(600)[0].starts_with("to 0: refused: There is no room #dev"), "{:?}", ask(600));
}

/// The lobby is there for whoever comes next, however long nobody did.
#[test]
fn the_lobbys_past_stays() {
    let mut room = Room::of(&["ann"]);
    room.does(ANN, say("hi"));
    room.leave(ANN, CloseReason::PeerClosed);
    room.now = seconds(24 * 60 * 60);
    room.arrive(CAT, "json");
    room.join(CAT, "dev"); // when a room is made, the forgotten ones make place
    assert!(shown(&room.enter(BOB)).contains(&"to 1: past: ann: hi".to_owned()));
}

/// Who was meant to meet the others must not wait alone in a room that only looks like theirs.
#[test]
fn nobody_makes_a_room_that_looks_like_another() {
    let mut room = Room::of(&["ann", "bob"]);
    room.join(ANN, "modem");
    for (name, present) in [("lоbby", "lobby"), ("1obby", "lobby"), ("modern", "modem"), ("mоdеm", "modem")] {
        let wanted = Refusal::RoomLooksLike { room: room_name(name), present: room_name(present) };
        assert_eq!(refusal(&room.join(BOB, name), BOB), &wanted, "{name}");
    }
    assert_eq!(room.rooms(), ["#lobby 1", "#modem 1"]);
    assert!(room.join(BOB, "MODEM").contains(&Effect::Enter(RoomIndex(1), BOB)), "in capitals it is the same");
}

#[test]
fn the_257th_room_is_refused() {
    let mut room = Room::of(&["ann"]);
    for seat in (1..256).map(Seat) {
        room.enter(seat);
        let effects = room.join(seat, &format!("room-{}", seat.0));
        assert!(effects.contains(&Effect::Enter(RoomIndex(seat.0), seat)), "{effects:?}");
    }
    assert_eq!(room.rooms().len(), 256);
    assert_eq!(refusal(&room.join(ANN, "one-more"), ANN), &Refusal::TooManyRooms { limit: 256 });
    assert_eq!(shown(&room.does(ANN, say("hi"))), ["to all: ann: hi"], "still where she was");
    assert!(room.join(ANN, "room-7").contains(&Effect::Enter(RoomIndex(7), ANN)), "one that is there is joined");
    // An empty room's past makes way for a new room: the one that has been empty for longest.
    for (seat, after) in [(Seat(9), 1), (Seat(8), 2)] {
        room.now += seconds(after);
        room.join(seat, "room-7");
    }
    room.now += seconds(1);
    assert!(room.join(ANN, "one-more").contains(&Effect::Enter(RoomIndex(9), ANN)));
    assert!(room.join(Seat(10), "two-more").contains(&Effect::Enter(RoomIndex(8), Seat(10))));
    assert!(room.join(Seat(11), "lobby").contains(&Effect::Enter(LOBBY, Seat(11))), "though nobody was in it");
}

#[test]
fn ten_thousand_joins_and_leaves_leave_nothing_behind() {
    let mut room = Room::of(&["ann", "bob"]);
    for number in 0..10_000_u32 {
        room.now += Duration::from_millis(700);
        match number % 3 {
            2 => room.does(ANN, Command::Leave),
            _ => room.join(ANN, &format!("room{}", number % 1000)),
        };
        room.tick();
    }
    room.does(ANN, Command::Leave);
    assert_eq!(room.rooms(), ["#lobby 2"]);
    assert_eq!(room.names(BOB), ["bob", "ann"]);
    let RoomIndex(last) = room
        .join(ANN, "dev")
        .iter()
        .find_map(|effect| if let Effect::Enter(room, _) = effect { Some(*room) } else { None })
        .unwrap();
    assert!(last < 256, "{last}");
}

#[test]
fn who_tells_of_ones_own_room_or_of_another() {
    let mut room = Room::of(&["ann", "bob", "cat"]);
    room.join(ANN, "dev");
    room.join(CAT, "dev");
    assert_eq!(shown(&room.types(CAT, "/who")), ["to 2: in #dev: ann cat"]);
    assert_eq!(shown(&room.types(CAT, "/who #LOBBY")), ["to 2: in #lobby: bob"]);
    assert_eq!(shown(&room.types(BOB, "/names dev")), ["to 1: in #dev: ann cat"]);
    assert_eq!(room.names(CAT), ["ann", "cat"]);
    let effects = room.types(BOB, "/who #ops");
    assert_eq!(refusal(&effects, BOB), &Refusal::NoRoom { room: room_name("ops") });
}

/// What is kept of an empty room is its past: to `/who` it is gone, as to `/rooms`.
#[test]
fn an_empty_room_is_no_room_to_who() {
    let mut room = Room::of(&["ann"]);
    room.join(ANN, "dev");
    room.does(ANN, Command::Leave);
    assert_eq!(refusal(&room.types(ANN, "/who #dev"), ANN), &Refusal::NoRoom { room: room_name("dev") });
    assert_eq!(shown(&room.types(ANN, "/who #lobby")), ["to 0: in #lobby: ann"]);
}

#[test]
fn private_lines_go_across_rooms_and_to_nobody_else() {
    let mut room = Room::of(&["ann", "bob", "cat"]);
    room.join(BOB, "dev");
    assert_eq!(shown(&room.msg(ANN, "bob", "psst")), ["to 0: told to bob: psst", "to 1: told by ann: psst"]);
    assert_eq!(shown(&room.types(BOB, "/reply what?")), ["to 1: told to ann: what?", "to 0: told by bob: what?"]);
    assert_eq!(
        shown(&room.rename(BOB, "rob")),
        ["to 1: RenameOk", "to #1 but 1: bob is now rob"],
        "to that room alone"
    );
    assert_eq!(shown(&room.types(ANN, "/r hm")), ["to 0: told to rob: hm", "to 1: told by ann: hm"]);
}

// --- manners ----------------------------------------------------------------------------------

#[test]
fn whois_tells_where_somebody_is_since_when_and_by_which_door() {
    let mut room = Room::of(&["ann", "bob"]);
    room.join(BOB, "dev");
    let (program, _) = room.arrive(CAT, "json");
    room.now = seconds(90);
    room.does(BOB, say("hi"));
    room.now = seconds(100);
    let effects = room.types(ANN, "/whois BOB");
    let [Effect::Tell(ANN, Notice::Whois { who, room: Some(place), by: "text" })] = effects.as_slice() else {
        panic!("{effects:?}")
    };
    assert_eq!((&*who.who.name, place.as_str(), who.idle, who.here), ("bob", "dev", seconds(10), seconds(100)));
    assert_eq!(who.away, None);
    let effects = room.types(BOB, &format!("/whois {}", program.id));
    assert!(
        matches!(&effects[..], [Effect::Tell(BOB, Notice::Whois { who, room: None, by: "json" })] if who.who == program),
        "{effects:?}"
    );
    let effects = room.types(ANN, "/whois bobb");
    assert_eq!(refusal(&effects, ANN), &Refusal::NobodyCalled { name: "bobb".into(), like: Some("bob".into()) });
}

#[test]
fn who_is_away_is_written_to_and_the_writer_told() {
    let mut room = Room::of(&["ann", "bob"]);
    let lunch = Away(Some(body("at lunch")));
    assert_eq!(room.types(BOB, "/away at lunch"), [Effect::Tell(BOB, Notice::YouAreAway(lunch.clone()))]);
    let written = ["to 0: told to bob: psst", "to 1: told by ann: psst", "to 0: bob is away: Some(\"at lunch\")"];
    assert_eq!(shown(&room.msg(ANN, "bob", "psst")), written);
    assert_eq!(shown(&room.does(ANN, say("hi"))), ["to all: ann: hi"], "not for what is said to all");
    let effects = room.types(ANN, "/who");
    let [Effect::Tell(_, Notice::Names { people, .. })] = effects.as_slice() else { panic!("{effects:?}") };
    assert_eq!((&people[0].away, &people[1].away), (&None, &Some(lunch)));
    room.types(BOB, "/away");
    assert_eq!(shown(&room.msg(ANN, "bob", "psst"))[2], "to 0: bob is away: None");
    assert_eq!(room.types(BOB, "/back"), [Effect::Tell(BOB, Notice::WelcomeBack)]);
    assert_eq!(shown(&room.msg(ANN, "bob", "psst")).len(), 2);
}

#[test]
fn who_is_ignored_is_not_told_and_stays_so_under_every_name() {
    let mut room = Room::of(&["ann", "bob"]);
    let bob = room.speaker(BOB);
    let (quiet, ignored) = (false, vec![bob.id]);
    let wanted =
        [Effect::Filter(ANN, Filter { quiet, ignored }), Effect::Tell(ANN, Notice::Ignoring { who: bob, on: true })];
    assert_eq!(room.types(ANN, "/ignore bob"), wanted);
    assert_eq!(room.types(ANN, "/ignore BOB"), wanted, "twice is once");
    room.rename(BOB, "rob");
    assert_eq!(shown(&room.does(BOB, say("hi"))), ["to all: rob: hi"], "the filter hides it, where it is delivered");
    assert_eq!(shown(&room.msg(BOB, "ann", "psst")), ["to 1: told to ann: psst"]);
    let effects = room.types(ANN, "/reply what?");
    assert_eq!(refusal(&effects, ANN), &Refusal::NobodyToAnswer, "what was not seen is not answered");
    assert_eq!(shown(&room.msg(ANN, "rob", "hm"))[1], "to 1: told by ann: hm", "the other way it goes");
    assert_eq!(
        shown(&room.types(ANN, "/unignore rob")),
        ["filter 0: quiet false, 0 ignored", "to 0: ignoring rob: false"]
    );
    assert_eq!(shown(&room.msg(BOB, "ann", "psst"))[1], "to 0: told by rob: psst");
}

#[test]
fn the_filter_hides_what_was_asked_and_nothing_else() {
    let (ann, bob) = (SessionId(1), SessionId(2));
    let filter = |quiet, ignored: &[SessionId]| Filter { quiet, ignored: ignored.to_vec() };
    assert!(filter(false, &[]).is_open() && !filter(true, &[]).is_open() && !filter(false, &[ann]).is_open());
    for (said_by, is_bustle, by_quiet, by_ignoring) in [
        (Some(ann), false, false, true),
        (Some(bob), false, false, false),
        (None, true, true, false),
        (None, false, false, false),
    ] {
        assert_eq!(filter(true, &[]).hides(said_by, is_bustle), by_quiet);
        assert_eq!(filter(false, &[ann]).hides(said_by, is_bustle), by_ignoring);
        assert!(!filter(false, &[]).hides(said_by, is_bustle));
    }
    // What counts as said, and what as a coming or going.
    let mut room = Room::of(&["ann", "bob"]);
    let notices = |effects: Vec<Effect>| {
        let told = effects.into_iter().filter_map(|effect| match effect {
            Effect::Room { notice, .. } => Some((notice.said_by().is_some(), notice.is_bustle())),
            _ => None,
        });
        told.collect::<Vec<_>>()
    };
    for line in ["hi", "/me waves"] {
        assert_eq!(notices(room.types(ANN, line)), [(true, false)], "{line}");
    }
    assert_eq!(notices(room.types(ANN, "/topic tea")), [(true, false)], "or an ignored one would be read in topics");
    assert_eq!(notices(room.rename(ANN, "zoe")), [(false, false)]);
    assert_eq!(notices(room.enter(CAT)), [(false, true)]);
    assert_eq!(notices(room.join(CAT, "dev")), [(false, true), (false, true)]);
    assert_eq!(notices(room.leave(CAT, CloseReason::Quit)), [(false, true)]);
}

#[test]
fn nobody_ignores_oneself_or_more_people_than_64() {
    let mut room = Room::of(&["ann"]);
    assert!(matches!(refusal(&room.types(ANN, "/ignore ann"), ANN), Refusal::CannotIgnore { .. }));
    assert!(matches!(refusal(&room.types(ANN, "/unignore ann"), ANN), Refusal::CannotIgnore { .. }));
    assert!(matches!(refusal(&room.types(ANN, "/ignore zoe"), ANN), Refusal::NobodyCalled { .. }));
    for seat in (1..=65).map(Seat) {
        room.enter(seat);
        let effects = room.types(ANN, &format!("/ignore {}", address(seat)));
        if seat.0 <= 64 {
            assert_eq!(shown(&effects)[0], format!("filter 0: quiet false, {} ignored", seat.0));
        } else {
            assert!(matches!(refusal(&effects, ANN), Refusal::CannotIgnore { .. }));
        }
    }
    let effects = room.types(ANN, &format!("/ignore {}", address(Seat(7))));
    assert_eq!(shown(&effects)[0], "filter 0: quiet false, 64 ignored", "one of them again");
    // Who has left needs no place any more.
    room.leave(Seat(1), CloseReason::PeerClosed);
    let effects = room.types(ANN, &format!("/ignore {}", address(Seat(65))));
    assert_eq!(shown(&effects)[0], "filter 0: quiet false, 64 ignored");
}

#[test]
fn quiet_and_time_are_done_where_lines_are_delivered() {
    let mut room = Room::of(&["ann", "bob"]);
    for (line, filter, told) in [
        ("/quiet on", "filter 0: quiet true, 0 ignored", "to 0: Quiet { on: true }"),
        ("/ignore bob", "filter 0: quiet true, 1 ignored", "to 0: ignoring bob: true"),
        ("/quiet off", "filter 0: quiet false, 1 ignored", "to 0: Quiet { on: false }"),
        ("/time on", "time 0: true", "to 0: Time { on: true }"),
        ("/time off", "time 0: false", "to 0: Time { on: false }"),
    ] {
        assert_eq!(shown(&room.types(ANN, line)), [filter, told], "{line}");
    }
    // Somebody new on that seat begins with an open filter.
    room.leave(ANN, CloseReason::PeerClosed);
    room.enter(ANN);
    assert_eq!(shown(&room.types(ANN, "/quiet on"))[0], "filter 0: quiet true, 0 ignored");
}

#[test]
fn a_name_may_be_taken_three_times_a_minute() {
    let mut room = Room::empty();
    room.enter(ANN);
    let take = |room: &mut Room, name: &str| room.does(ANN, Command::Nick(nick(name)));
    for (at, name) in [(0, "ann"), (10, "zoe"), (20, "eve")] {
        room.now = seconds(at);
        assert_eq!(take(&mut room, name)[0], Effect::Tell(ANN, Notice::YouAre(name.into())));
        take(&mut room, name); // the name that one has costs nothing
    }
    for at in [21, 40, 59] {
        room.now = seconds(at);
        let Refusal::RenamesTooFast { limit: 3, wait } = *refusal(&take(&mut room, "ivy"), ANN) else { panic!("{at}") };
        assert!((60 - at..=61 - at).contains(&wait), "{wait} s at {at}");
        assert_eq!(room.names(ANN), ["eve"]);
    }
    room.now = seconds(60);
    assert_eq!(take(&mut room, "ivy")[0], Effect::Tell(ANN, Notice::YouAre("ivy".into())));
    refusal(&take(&mut room, "may"), ANN);
    // What is refused because somebody has it costs nothing either.
    room.enter(BOB);
    for _ in 0..5 {
        assert!(matches!(refusal(&room.does(BOB, Command::Nick(nick("ivy"))), BOB), Refusal::Taken { .. }));
    }
    assert_eq!(room.does(BOB, Command::Nick(nick("bob")))[0], Effect::Tell(BOB, Notice::YouAre("bob".into())));
}

#[test]
fn the_wait_for_another_name_is_never_more_than_a_minute() {
    let mut room = Room::empty();
    room.enter(ANN);
    for name in ["ann", "zoe", "eve"] {
        room.does(ANN, Command::Nick(nick(name)));
    }
    for (at, wanted) in [(0, 60), (1, 60), (1000, 59), (59_001, 1), (59_999, 1)] {
        room.now = Duration::from_millis(at);
        let effects = room.does(ANN, Command::Nick(nick("ivy")));
        assert_eq!(refusal(&effects, ANN), &Refusal::RenamesTooFast { limit: 3, wait: wanted }, "at {at} ms");
    }
}

// --- noise ------------------------------------------------------------------------------------

/// The comings and goings that one call tells the lobby of.
fn bustle(effects: &[Effect]) -> Vec<String> {
    let is_told = |effect: &&Effect| matches!(effect, Effect::Room { room: LOBBY, notice, .. } if notice.is_bustle());
    effects.iter().filter(is_told).flat_map(|effect| shown(std::slice::from_ref(effect))).collect()
}

#[test]
fn more_than_five_moves_within_two_seconds_are_told_in_one_line() {
    let mut room = Room::of(&["ann"]); // one
    for seat in (1..=4).map(Seat) {
        assert_eq!(bustle(&room.enter(seat)).len(), 1, "{seat:?}");
    }
    assert_eq!(room.hub.next_tick(), None);
    room.now = Duration::from_millis(1500);
    let effects = room.enter(Seat(5));
    assert_eq!(bustle(&effects), [""; 0]);
    assert!(shown(&effects).contains(&"to 5: 127.0.0.1:5005 login".to_owned()), "who comes sees it all the same");
    assert_eq!(bustle(&room.leave(Seat(1), CloseReason::Quit)), [""; 0]);
    assert_eq!(bustle(&room.join(Seat(2), "dev")), [""; 0]);
    assert_eq!(room.hub.next_tick(), Some(Duration::from_millis(3500)));
    room.now = Duration::from_millis(3499);
    assert_eq!(room.tick(), []);
    room.now = Duration::from_millis(3500);
    assert_eq!(shown(&room.tick()), ["to all: 1 came to #lobby, 2 left"]);
    assert_eq!((room.tick(), room.due()), (vec![], None), "once");
    room.now = Duration::from_millis(5499);
    assert_eq!(bustle(&room.does(Seat(2), Command::Leave)), [""; 0]);
    assert_eq!(room.due(), Some(Duration::from_millis(7499)), "the next two seconds are counted too");
    room.now = Duration::from_millis(7499);
    assert_eq!(shown(&room.tick()), ["to all: 1 came to #lobby, 0 left"]);
    assert_eq!(bustle(&room.enter(Seat(6))).len(), 1, "one by one again, since that was little");
}

#[test]
fn a_sixth_move_is_enough_for_two_more_seconds_of_sums() {
    let mut room = Room::of(&["ann"]); // one
    (1..=4).for_each(|seat| assert_eq!(bustle(&room.enter(Seat(seat))).len(), 1, "{seat}"));
    assert_eq!(bustle(&room.enter(Seat(5))), [""; 0]);
    room.now = seconds(2);
    assert_eq!(shown(&room.tick()), ["to all: 1 came to #lobby, 0 left"]);
    room.now = Duration::from_millis(3999);
    assert_eq!(bustle(&room.enter(Seat(6))), [""; 0]);
}

/// What a listener who missed lines is told it can read again.
#[test]
fn the_past_of_somebody_is_what_the_room_keeps_but_for_whom_they_ignore() {
    let mut room = Room::of(&["ann", "bob"]);
    assert_eq!(room.hub.past_of(ANN), 0);
    room.does(ANN, say("hi"));
    room.does(BOB, say("hello"));
    room.does(BOB, say("well"));
    assert_eq!(room.hub.past_of(ANN), 3);
    room.does(ANN, Command::Ignore("bob".into()));
    assert_eq!((room.hub.past_of(ANN), room.hub.past_of(BOB), room.hub.past_of(Seat(77))), (1, 3, 0));
}

/// Not five lines and a count every two seconds, but the count alone.
#[test]
fn a_lasting_bustle_is_one_line_every_two_seconds() {
    let mut room = Room::of(&["ann", "bob"]);
    room.now = seconds(10);
    let mut told = Vec::new();
    for _ in 0..100 {
        for command in [Command::Join(room_name("dev")), Command::Leave] {
            room.now += Duration::from_millis(50);
            told.extend(bustle(&room.tick()));
            told.extend(bustle(&room.does(BOB, command)));
        }
    }
    let told: Vec<_> = told.iter().filter(|line| line.starts_with("to all:")).collect();
    let (one_by_one, counted): (Vec<_>, Vec<_>) = told.into_iter().partition(|line| line.contains(" bob "));
    assert_eq!((one_by_one.len(), counted.len()), (5, 4), "{one_by_one:?} {counted:?}");
    assert!(counted[1..].iter().all(|line| *line == "to all: 20 came to #lobby, 20 left"), "{counted:?}");
    room.now += seconds(2);
    room.tick();
    room.now += seconds(2);
    assert_eq!(bustle(&room.join(BOB, "dev")).len(), 1, "when it is over, one by one again");
}

/// The manager serves who asks before it does what is due, so a move may come before the tick.
#[test]
fn what_was_counted_is_told_though_the_tick_is_late() {
    let mut room = Room::of(&["ann"]);
    (1..=9).for_each(|seat| drop(room.enter(Seat(seat))));
    room.now = seconds(3);
    let mut told = bustle(&room.leave(Seat(1), CloseReason::Quit));
    room.now = seconds(10);
    told.extend(bustle(&room.tick()));
    assert!(told.iter().any(|line| line.starts_with("to all: 5 came to #lobby, ")), "{told:?}");
}

#[test]
fn five_moves_every_two_seconds_are_told_one_by_one() {
    let mut room = Room::empty();
    for number in 0..50 {
        room.now = seconds(u64::from(number / 5 * 2));
        assert_eq!(bustle(&room.enter(Seat(number))).len(), 1, "{number}");
    }
}

#[test]
fn in_a_crowd_every_move_is_counted() {
    let mut room = Room::empty();
    for number in 0..100 {
        room.now += seconds(3);
        assert_eq!(bustle(&room.enter(Seat(number))).len(), 1, "{number}");
    }
    room.now += seconds(3);
    assert_eq!(bustle(&room.enter(Seat(100))), [""; 0], "the 101st");
    room.now += seconds(2);
    assert_eq!(shown(&room.tick()), ["to all: 1 came to #lobby, 0 left"]);
    room.now += seconds(1);
    assert_eq!(bustle(&room.leave(Seat(7), CloseReason::Quit)).len(), 1, "a hundred are no crowd");
}

/// A thousand within a second: a handful of lines, not a million; and each is greeted.
#[test]
fn a_storm_is_a_handful_of_lines() {
    let mut room = Room::of(&["ann"]);
    room.now = seconds(10);
    let (mut lines, mut greetings) = (0, 0);
    for number in 1..=1000 {
        room.now += Duration::from_millis(1);
        let effects = room.enter(Seat(number));
        lines += bustle(&effects).len();
        greetings += effects.iter().filter(|effect| matches!(effect, Effect::Tell(_, Notice::Welcome { .. }))).count();
    }
    while let Some(due) = room.hub.next_tick() {
        room.now = due;
        lines += bustle(&room.tick()).len();
    }
    assert_eq!((lines, greetings), (6, 1000));
}

// --- programs ---------------------------------------------------------------------------------

#[test]
fn a_program_is_nowhere_until_it_joins_or_speaks() {
    for by in ["json", "frame"] {
        let mut room = Room::of(&["ann"]);
        let (program, effects) = room.arrive(BOB, by);
        assert_eq!(effects, [], "nothing is told to anybody");
        assert_eq!((room.names(ANN), room.rooms()), (vec!["ann".to_owned()], vec!["#lobby 1".to_owned()]));
        // It may look on …
        assert_eq!(room.names(BOB), ["ann"]);
        assert_eq!(shown(&room.types(BOB, "/who")), ["to 1: in #lobby: ann"]);
        assert_eq!(shown(&room.rename(BOB, "bot")), ["to 1: RenameOk"], "and take a name, which nobody is told");
        assert_eq!(shown(&room.msg(ANN, &program.id.to_string(), "psst"))[1], "to 1: told by ann: psst");
        // … and speaking brings it into the lobby.
        assert_eq!(shown(&room.does(BOB, say("hi"))), ["to all: bot login", "enter 0.1", "to all: bot: hi"]);
        assert_eq!(shown(&room.does(BOB, say("ho"))), ["to all: bot: ho"]);
        assert_eq!(room.names(ANN), ["ann", "bot"]);
        assert_eq!(
            shown(&room.leave(BOB, CloseReason::PeerClosed))[1..3],
            ["exit 0.1", "to all: bot left: peer closed"]
        );
    }
}

#[test]
fn a_program_joins_a_room_as_one_who_comes_in() {
    let mut room = Room::of(&["ann"]);
    room.join(ANN, "dev");
    let (_, _) = room.arrive(BOB, "json");
    room.rename(BOB, "bot");
    assert_eq!(shown(&room.join(BOB, "dev")), ["to #1: bot login", "enter 1.1", "to 1: in #dev with 1: ann"]);
    // Who has been nowhere leaves without a word.
    room.arrive(CAT, "json");
    assert_eq!(
        shown(&room.leave(CAT, CloseReason::PeerClosed)),
        ["to 2: goodbye: peer closed", "hang up 2: peer closed"]
    );
    room.arrive(CAT, "json");
    assert_eq!(shown(&room.does(CAT, Command::Leave))[1..], ["enter 0.2", "to 2: in #lobby with 0: "]);
}

/// A request with a mark gets its own line as its answer, apart from the room's copy.
#[test]
fn a_tagged_line_comes_back_as_an_answer() {
    let mut room = Room::of(&["ann", "bob"]);
    let tagged = |room: &mut Room, command| {
        let effects = room.effects(|hub, now, out| hub.command(ANN, command, true, now, out));
        if let [Effect::Tell(ANN, answer), Effect::Room { notice, .. }] = effects.as_slice() {
            assert_eq!(answer, notice, "with the same number");
        }
        shown(&effects)
    };
    assert_eq!(tagged(&mut room, say("hi")), ["to 0: ann: hi", "to all but 0: ann: hi"]);
    assert_eq!(tagged(&mut room, Command::Me(body("waves"))), ["to 0: * ann waves", "to all but 0: * ann waves"]);
    room.does(ANN, Command::Echo(Switch::Off));
    assert_eq!(tagged(&mut room, say("hi")), ["to 0: ann: hi", "to all but 0: ann: hi"], "echo off or not");
    assert_eq!(tagged(&mut room, Command::Ping), ["to 0: Pong"]);
}

#[test]
fn a_program_that_does_nothing_is_asked_to_leave_and_then_made_to() {
    let mut room = Room::empty();
    room.now = seconds(5);
    room.arrive(ANN, "json");
    assert_eq!(room.hub.next_tick(), Some(seconds(15)));
    room.now = Duration::from_millis(14_999);
    assert_eq!(room.tick(), []);
    room.now = seconds(15);
    assert_eq!(shown(&room.tick()), ["to 0: DoExit"]);
    assert_eq!(room.hub.next_tick(), Some(seconds(25)));
    assert_eq!(shown(&room.does(ANN, Command::Ping)), ["to 0: Pong"], "it is still served");
    room.now = Duration::from_millis(24_999);
    assert_eq!(room.tick(), []);
    room.now = seconds(25);
    let why = CloseReason::NotJoined;
    assert_eq!(shown(&room.tick()), [format!("to 0: goodbye: {why}"), format!("hang up 0: {why}")]);
    assert_eq!((room.hub.population(), room.hub.next_tick()), (0, None));
}

#[test]
fn a_program_that_has_joined_or_spoken_may_stay() {
    for (by, line) in
        [("json", "hi"), ("json", "/me waves"), ("json", "/join dev"), ("json", "/leave"), ("frame", "/ping")]
    {
        let mut room = Room::empty();
        room.arrive(ANN, by);
        room.now = Duration::from_millis(9_999);
        room.types(ANN, line);
        room.now = seconds(100);
        assert_eq!((room.tick(), room.hub.next_tick()), (vec![], None), "{by} {line}");
    }
    let mut patient = Room::with(HubSettings { join_grace: Duration::ZERO, ..SETTINGS });
    patient.arrive(ANN, "json");
    assert_eq!(patient.hub.next_tick(), None, "0 = never");
}

/// The time of one who left is not that of the next one on the seat.
#[test]
fn the_next_one_on_a_seat_has_a_time_of_its_own() {
    let mut room = Room::empty();
    room.arrive(ANN, "json");
    room.now = seconds(4);
    room.leave(ANN, CloseReason::PeerClosed);
    room.arrive(ANN, "json");
    room.now = seconds(10);
    assert_eq!(room.tick(), []);
    room.now = seconds(14);
    assert_eq!(shown(&room.tick()), ["to 0: DoExit"]);
    room.leave(ANN, CloseReason::PeerClosed);
    room.enter(ANN);
    room.now = seconds(24);
    assert_eq!(room.tick(), []);
}

// --- random lives -----------------------------------------------------------------------------

/// What happens next, to whom.
#[derive(Debug, Clone)]
enum Step {
    /// By this door.
    Enter(&'static str),
    /// Whether the request is marked.
    Say(bool),
    Me(bool),
    Rename(&'static str),
    Nick(&'static str),
    Msg(usize, Means),
    Reply,
    Echo(bool),
    Join(&'static str),
    Back,
    History(usize),
    After(&'static str, u64),
    Ignore(usize, bool),
    Quit(bool),
    Leave,
    Stop,
}

/// How a receiver is meant.
#[derive(Debug, Clone, Copy)]
enum Means {
    Name,
    Capitals,
    Address,
    Nonsense,
}

const SEATS: usize = 6;
/// Many of them clash with one another.
const NAMES: [&str; 13] =
    ["mike", "MIKE", "mіke", "mike2", "Mike_", "Iris", "lris", "iris", "bob", "b0b", "modem", "modern", "ann"];
const ROOMS: [&str; 4] = ["lobby", "dev", "ops", "zoo"];
/// Little is kept and less is shown, so that the ends of both are met.
const FORGETFUL: HubSettings = HubSettings { history: 8, history_shown: 3, ..SETTINGS };
/// From step to step: no move is counted with another (2 s), no room forgotten in 80 steps (10 min).
const PACE: Duration = Duration::from_secs(5);

fn steps() -> impl Strategy<Value = Vec<(usize, Step)>> {
    let name = || prop::sample::select(NAMES.as_slice());
    let room = || prop::sample::select(ROOMS.as_slice());
    let door = prop::sample::select(["text", "text", "relay", "frame"].as_slice());
    let means = prop::sample::select([Means::Name, Means::Capitals, Means::Address, Means::Nonsense].as_slice());
    let step = prop_oneof![
        6 => door.prop_map(Step::Enter),
        6 => any::<bool>().prop_map(Step::Say),
        1 => any::<bool>().prop_map(Step::Me),
        4 => name().prop_map(Step::Rename),
        1 => name().prop_map(Step::Nick),
        4 => (0..SEATS, means).prop_map(|(to, means)| Step::Msg(to, means)),
        3 => Just(Step::Reply),
        1 => any::<bool>().prop_map(Step::Echo),
        6 => room().prop_map(Step::Join),
        2 => Just(Step::Back),
        2 => (1..12_usize).prop_map(Step::History),
        2 => (room(), 0..12_u64).prop_map(|(room, seq)| Step::After(room, seq)),
        3 => (0..SEATS, prop::bool::weighted(0.7)).prop_map(|(whom, on)| Step::Ignore(whom, on)),
        1 => any::<bool>().prop_map(Step::Quit),
        2 => Just(Step::Leave),
    ];
    // Rare enough that rooms fill before it.
    let step = prop_oneof![100 => step, 1 => Just(Step::Stop)];
    vec((0..SEATS, step), 1..80)
}

/// One person as the model knows them.
#[derive(Debug, Clone)]
struct Life {
    speaker: Arc<Speaker>,
    echo: bool,
    writer: Option<SessionId>,
    /// Where, by the number of the place.
    place: Option<usize>,
    ignored: BTreeSet<SessionId>,
    renamed: Vec<Duration>,
    /// Whether it is shown a room's past unasked.
    told_past: bool,
}

/// One room as the model knows it; the places are in the order in which they were made.
#[derive(Debug)]
struct Place {
    name: RoomName,
    /// In the order in which they came.
    members: Vec<usize>,
    /// Everything that was ever said.
    lines: Vec<(Line, bool)>,
    /// When it was made, in Unix milliseconds.
    since: u64,
    /// Who hears it, as `Enter` and `Exit` have it.
    audience: BTreeSet<usize>,
}

impl Place {
    fn new(name: &str, since: u64) -> Self {
        Self { name: room_name(name), members: Vec::new(), lines: Vec::new(), since, audience: BTreeSet::new() }
    }

    fn index(number: usize) -> RoomIndex {
        RoomIndex(u32::try_from(number).unwrap())
    }
}

/// The model: who sits where, who is in which room, what was said there.
struct Model {
    room: Room,
    lives: HashMap<usize, Life>,
    places: Vec<Place>,
    hung_up: usize,
    left: usize,
}

fn seat_of(seat: usize) -> Seat {
    Seat(u32::try_from(seat).unwrap())
}

impl Model {
    fn new() -> Self {
        Self {
            room: Room::with(FORGETFUL),
            lives: HashMap::new(),
            places: vec![Place::new("lobby", 0)],
            hung_up: 0,
            left: 0,
        }
    }

    /// Does one step with the hub and with the model, and compares.
    fn step(&mut self, seat: usize, step: &Step) {
        self.room.now += PACE;
        match *step {
            Step::Enter(_) if self.lives.contains_key(&seat) => return, // the gate gives no seat twice
            Step::Enter(by) => self.enter(seat, by),
            Step::Stop => {
                let effects = self.room.effects(|hub, _, out| hub.stop(out));
                self.left += self.lives.len();
                self.perform(&effects);
                self.lives.clear();
                self.places.iter_mut().for_each(|place| place.members.clear());
            }
            Step::Leave => {
                let effects = self.room.leave(seat_of(seat), CloseReason::PeerClosed);
                self.perform_leaving(seat, &CloseReason::PeerClosed, &effects);
            }
            _ => {
                let tagged = matches!(step, Step::Say(true) | Step::Me(true));
                let command = self.command(step);
                let effects = self.room.effects(|hub, now, out| hub.command(seat_of(seat), command, tagged, now, out));
                match self.lives.contains_key(&seat) {
                    true => self.compare(seat, step, &effects),
                    false => assert_eq!(effects, [], "nobody sits there"),
                }
            }
        }
        self.check();
    }

    fn command(&self, step: &Step) -> Command {
        match step {
            Step::Me(_) => Command::Me(body("waves")),
            Step::Rename(name) => Command::Rename(nick(name)),
            Step::Nick(name) => Command::Nick(nick(name)),
            Step::Msg(to, means) => Command::Msg { to: self.call(*to, *means), body: body("psst") },
            Step::Reply => Command::Reply(body("ok")),
            Step::Echo(on) => Command::Echo(if *on { Switch::On } else { Switch::Off }),
            Step::Join(name) => Command::Join(room_name(name)),
            Step::Back => Command::Leave,
            Step::History(count) => Command::History(*count),
            Step::After(name, seq) => Command::HistoryAfter(Some(room_name(name)), *seq),
            Step::Ignore(whom, true) => Command::Ignore(self.call(*whom, Means::Address)),
            Step::Ignore(whom, false) => Command::Unignore(self.call(*whom, Means::Address)),
            Step::Quit(words) => Command::Quit(words.then(|| body("bye"))),
            Step::Say(_) | Step::Enter(_) | Step::Leave | Step::Stop => say("hi"),
        }
    }

    /// What somebody would write to mean the one on this seat.
    fn call(&self, seat: usize, means: Means) -> String {
        match (self.lives.get(&seat), means) {
            (Some(life), Means::Name) => life.speaker.name.to_string(),
            (Some(life), Means::Capitals) => life.speaker.name.to_uppercase(),
            (Some(life), Means::Address) => life.speaker.address.to_string(),
            _ => "xyzzy".to_owned(),
        }
    }

    fn enter(&mut self, seat: usize, by: &'static str) {
        let at = seat_of(seat);
        let (speaker, effects) = self.room.arrive(at, by);
        let mut life = Life {
            speaker: Arc::clone(&speaker),
            echo: by != "relay",
            writer: None,
            place: None,
            ignored: BTreeSet::new(),
            renamed: Vec::new(),
            told_past: by != "frame",
        };
        if by == "frame" {
            assert_eq!(effects, []);
        } else {
            let others = self.names_in(0);
            life.place = Some(0);
            self.lives.insert(seat, life.clone());
            let you = || Arc::clone(&speaker);
            let login = || Notice::Login { who: you(), room: RoomName::lobby() };
            let mut wanted = vec![Effect::Tell(at, Notice::IAmHere(you())), Effect::Tell(at, login())];
            wanted.extend(self.past(seat, 0, FORGETFUL.history_shown, 0));
            let (room, door, others_total) = (RoomName::lobby(), "127.0.0.1:8000".into(), others.len());
            let idle_seconds = FORGETFUL.idle_seconds;
            let welcome = Notice::Welcome { you: you(), room, others, others_total, door, idle_seconds };
            wanted.push(Effect::Tell(at, welcome));
            wanted.push(Effect::Room { room: LOBBY, notice: login(), hidden_from: None });
            wanted.push(Effect::Enter(LOBBY, at));
            assert_eq!(effects, wanted);
            self.places[0].members.push(seat);
        }
        self.lives.insert(seat, life);
        self.perform(&effects);
    }

    fn names_in(&self, place: usize) -> Vec<Arc<str>> {
        self.places[place].members.iter().map(|seat| Arc::clone(&self.lives[seat].speaker.name)).collect()
    }

    /// What of a room's past somebody is to be shown.
    fn past(&self, seat: usize, place: usize, count: usize, after: u64) -> Vec<Effect> {
        let ignored = &self.lives[&seat].ignored;
        let lines = &self.places[place].lines;
        let kept = &lines[lines.len().saturating_sub(FORGETFUL.history)..];
        let wanted = kept.iter().filter(|(line, _)| line.seq > after && !ignored.contains(&line.from.id));
        let mut wanted: Vec<_> = wanted
            .map(|(line, is_action)| {
                Effect::Tell(seat_of(seat), Notice::Past { line: line.clone(), is_action: *is_action })
            })
            .collect();
        wanted.split_off(wanted.len().saturating_sub(count))
    }

    fn compare(&mut self, seat: usize, step: &Step, effects: &[Effect]) {
        let at = seat_of(seat);
        let life = self.lives[&seat].clone();
        match *step {
            Step::Say(tagged) => self.compare_said(seat, "hi", false, tagged, effects),
            Step::Me(tagged) => self.compare_said(seat, "waves", true, tagged, effects),
            Step::Rename(name) | Step::Nick(name) => self.compare_rename(seat, name, effects),
            Step::Msg(to, Means::Nonsense) => {
                assert!(matches!(refusal(effects, at), Refusal::NobodyCalled { .. }), "{to}");
            }
            Step::Msg(to, _) if !self.lives.contains_key(&to) => {
                refusal(effects, at);
            }
            Step::Msg(to, _) => self.compare_private(seat, to, "psst", effects),
            Step::Reply => {
                let writer = self.lives.iter().find(|(_, other)| Some(other.speaker.id) == life.writer);
                match writer.map(|(seat, _)| *seat) {
                    Some(to) => self.compare_private(seat, to, "ok", effects),
                    None => assert_eq!(refusal(effects, at), &Refusal::NobodyToAnswer),
                }
            }
            Step::Echo(on) => {
                assert_eq!(effects, [Effect::Tell(at, Notice::Echo { on })]);
                self.lives.get_mut(&seat).unwrap().echo = on;
            }
            Step::Join(name) => self.compare_join(seat, name, effects),
            Step::Back => self.compare_join(seat, "lobby", effects),
            Step::History(count) => {
                let place = life.place.unwrap_or(0);
                let (room, last_seq) = (self.places[place].name.clone(), self.places[place].lines.len() as u64);
                let mut wanted = self.past(seat, place, count, 0);
                wanted.push(Effect::Tell(
                    at,
                    Notice::PastEnd { room, last_seq, lost: 0, since: self.places[place].since },
                ));
                assert_eq!(effects, wanted);
            }
            Step::After(name, seq) => match self.places.iter().position(|place| place.name.as_str() == name) {
                None => assert_eq!(refusal(effects, at), &Refusal::NoRoom { room: room_name(name) }),
                Some(place) => {
                    let (room, last_seq) = (self.places[place].name.clone(), self.places[place].lines.len() as u64);
                    let forgotten = last_seq.saturating_sub(FORGETFUL.history as u64);
                    let mut wanted = self.past(seat, place, usize::MAX, seq);
                    let lost = forgotten.saturating_sub(seq);
                    wanted.push(Effect::Tell(
                        at,
                        Notice::PastEnd { room, last_seq, lost, since: self.places[place].since },
                    ));
                    assert_eq!(effects, wanted);
                }
            },
            Step::Ignore(whom, on) => self.compare_ignore(seat, whom, on, effects),
            Step::Quit(words) => {
                // The last words, and what brings who was nowhere to where they are heard, come first.
                let last_words =
                    if words { effects.iter().position(|one| matches!(one, Effect::Tell(..))) } else { None };
                let (last_words, leaving) = effects.split_at(last_words.unwrap_or(0));
                if words {
                    self.compare_said(seat, "bye", false, false, last_words);
                    self.perform(last_words);
                }
                return self.perform_leaving(seat, &CloseReason::Quit, leaving);
            }
            Step::Enter(_) | Step::Leave | Step::Stop => unreachable!("these are no commands"),
        }
        self.perform(effects);
    }

    fn compare_said(&mut self, seat: usize, text: &str, is_action: bool, tagged: bool, effects: &[Effect]) {
        let at = seat_of(seat);
        let mut wanted = Vec::new();
        let life = self.lives.get_mut(&seat).unwrap();
        let (from, echo) = (Arc::clone(&life.speaker), life.echo);
        let number = *life.place.get_or_insert_with(|| {
            let notice = Notice::Login { who: Arc::clone(&from), room: RoomName::lobby() };
            wanted.extend([Effect::Room { room: LOBBY, notice, hidden_from: None }, Effect::Enter(LOBBY, at)]);
            self.places[0].members.push(seat);
            0
        });
        let place = &mut self.places[number];
        let (seq, room) = (place.lines.len() as u64 + 1, place.name.clone());
        let line = Line { room, from, body: body(text), at: self::at(self.room.now).unix_ms, seq };
        place.lines.push((line.clone(), is_action));
        let notice = || if is_action { Notice::Acted(line.clone()) } else { Notice::Said(line.clone()) };
        wanted.extend(tagged.then(|| Effect::Tell(at, notice())));
        let hidden_from = (tagged || !echo).then_some(at);
        wanted.push(Effect::Room { room: Place::index(number), notice: notice(), hidden_from });
        assert_eq!(effects, wanted);
    }

    fn compare_join(&mut self, seat: usize, name: &str, effects: &[Effect]) {
        let at = seat_of(seat);
        let to = self.places.iter().position(|place| place.name.as_str() == name).unwrap_or_else(|| {
            self.places.push(Place::new(name, self::at(self.room.now).unix_ms));
            self.places.len() - 1
        });
        let life = self.lives.get_mut(&seat).unwrap();
        let (who, from) = (Arc::clone(&life.speaker), life.place.replace(to));
        let (who, room) = (|| Arc::clone(&who), || room_name(name));
        let told = |place, notice| Effect::Room { room: Place::index(place), notice, hidden_from: None };
        let mut wanted = Vec::new();
        if from != Some(to) {
            let came = match from {
                None => Notice::Login { who: who(), room: room() },
                Some(number) => {
                    let left = &mut self.places[number];
                    left.members.retain(|member| *member != seat);
                    wanted.push(Effect::Exit(Place::index(number), at));
                    wanted.push(told(number, Notice::Went { who: who(), to: room(), room: left.name.clone() }));
                    Notice::Came { who: who(), from: left.name.clone(), room: room() }
                }
            };
            wanted.extend([told(to, came), Effect::Enter(Place::index(to), at)]);
        }
        let others: Vec<_> = self.names_in(to).into_iter().filter(|name| *name != who().name).collect();
        let others_total = others.len();
        wanted.push(Effect::Tell(
            at,
            Notice::InRoom { room: room(), others, others_total, since: self.places[to].since },
        ));
        if from != Some(to) {
            self.places[to].members.push(seat);
            if self.lives[&seat].told_past {
                wanted.extend(self.past(seat, to, FORGETFUL.history_shown, 0));
            }
        }
        assert_eq!(effects, wanted);
    }

    fn compare_ignore(&mut self, seat: usize, whom: usize, on: bool, effects: &[Effect]) {
        let at = seat_of(seat);
        let Some(other) = self.lives.get(&whom) else {
            assert!(matches!(refusal(effects, at), Refusal::NobodyCalled { .. }));
            return;
        };
        let who = Arc::clone(&other.speaker);
        if whom == seat {
            assert!(matches!(refusal(effects, at), Refusal::CannotIgnore { .. }));
            return;
        }
        let life = self.lives.get_mut(&seat).unwrap();
        match on {
            true => life.ignored.insert(who.id),
            false => life.ignored.remove(&who.id),
        };
        let [Effect::Filter(filtered, Filter { quiet: false, ignored }), answer] = effects else {
            panic!("{effects:?}")
        };
        assert_eq!((*filtered, ignored.iter().copied().collect()), (at, life.ignored.clone()));
        assert_eq!(ignored.len(), life.ignored.len(), "nobody twice");
        assert_eq!(answer, &Effect::Tell(at, Notice::Ignoring { who, on }));
    }

    fn compare_rename(&mut self, seat: usize, name: &str, effects: &[Effect]) {
        let at = seat_of(seat);
        let others: Vec<_> = self.lives.iter().filter(|(other, _)| **other != seat).map(|(_, life)| life).collect();
        if let Some(holder) = others.iter().find(|other| clash(name, &other.speaker.name)) {
            match refusal(effects, at) {
                Refusal::Taken { free, .. } => {
                    assert_eq!(free.len(), 3);
                    for offered in free {
                        let holder = others.iter().find(|other| clash(offered, &other.speaker.name));
                        assert!(holder.is_none(), "{offered} is offered and {holder:?} has it");
                    }
                }
                Refusal::LooksLike { present, .. } => assert!(clash(name, present)),
                other => panic!("{name}, which {holder:?} has: {other}"),
            }
            return;
        }
        let now = self.room.now;
        let life = self.lives.get_mut(&seat).unwrap();
        let old = Arc::clone(&life.speaker.name);
        if *old != *name {
            life.renamed.retain(|then| now - *then < seconds(60));
            if life.renamed.len() == 3 {
                assert!(matches!(refusal(effects, at), Refusal::RenamesTooFast { limit: 3, .. }));
                return;
            }
            life.renamed.push(now);
        }
        let Speaker { id, address, .. } = &*life.speaker;
        let speaker = Arc::new(Speaker { id: *id, address: Arc::clone(address), name: name.into() });
        life.speaker = Arc::clone(&speaker);
        let is_told = *old != *name;
        let told = life.place.filter(|_| is_told).map(|place| Effect::Room {
            room: Place::index(place),
            notice: Notice::Renamed { who: speaker, old, room: self.places[place].name.clone() },
            hidden_from: Some(at),
        });
        assert!(matches!(effects[0], Effect::Tell(seat, Notice::RenameOk | Notice::YouAre(_)) if seat == at));
        assert_eq!(effects[1..], *told.as_slice());
    }

    fn compare_private(&mut self, seat: usize, to: usize, text: &str, effects: &[Effect]) {
        let from = Arc::clone(&self.lives[&seat].speaker);
        let receiver = self.lives.get_mut(&to).unwrap();
        let to_sender = Notice::ToldTo { to: Arc::clone(&receiver.speaker), body: body(text) };
        let mut wanted = vec![Effect::Tell(seat_of(seat), to_sender)];
        if !receiver.ignored.contains(&from.id) {
            receiver.writer = Some(from.id);
            wanted.push(Effect::Tell(seat_of(to), Notice::Told { from, body: body(text) }));
        }
        assert_eq!(effects, wanted);
    }

    fn perform_leaving(&mut self, seat: usize, why: &CloseReason, effects: &[Effect]) {
        let Some(life) = self.lives.get(&seat) else { return assert_eq!(effects, []) };
        let at = seat_of(seat);
        let mut wanted = vec![Effect::Tell(at, Notice::Goodbye(why.clone()))];
        if let Some(number) = life.place {
            let place = &mut self.places[number];
            place.members.retain(|member| *member != seat);
            let (who, room, why) = (Arc::clone(&life.speaker), place.name.clone(), why.clone());
            let notice = Notice::Left { who, room, why };
            wanted.push(Effect::Exit(Place::index(number), at));
            wanted.push(Effect::Room { room: Place::index(number), notice, hidden_from: None });
        }
        wanted.push(Effect::HangUp(at, why.clone()));
        assert_eq!(effects, wanted);
        self.left += 1;
        self.perform(effects);
        self.lives.remove(&seat);
    }

    /// Does what the manager would do with the effects, in their order.
    fn perform(&mut self, effects: &[Effect]) {
        let mut gone = BTreeSet::new();
        for effect in effects {
            match effect {
                Effect::Enter(room, seat) => {
                    let elsewhere = self.places.iter().any(|place| place.audience.contains(&seat.index()));
                    assert!(!elsewhere, "{effect:?}, though it hears a room already");
                    self.places[room.index()].audience.insert(seat.index());
                }
                Effect::Exit(room, seat) => {
                    assert!(self.places[room.index()].audience.remove(&seat.index()), "{effect:?}: it is not in there");
                }
                Effect::Tell(seat, _) | Effect::Filter(seat, _) | Effect::Time(seat, _) => {
                    assert!(self.lives.contains_key(&seat.index()), "{effect:?} to an empty seat");
                    assert!(!gone.contains(&seat.index()), "{effect:?} after the hang-up");
                }
                Effect::Room { room, notice, hidden_from } => {
                    let place = &self.places[room.index()];
                    assert!(hidden_from.is_none_or(|seat| place.audience.contains(&seat.index())), "{effect:?}");
                    if let Notice::Said(line) | Notice::Acted(line) = notice {
                        let members: BTreeSet<_> = place.members.iter().copied().collect();
                        assert_eq!((&line.room, &place.audience), (&place.name, &members), "no line to an outsider");
                    }
                }
                Effect::HangUp(seat, _) => {
                    assert!(gone.insert(seat.index()), "hangs up twice");
                    let hears = self.places.iter().any(|place| place.audience.contains(&seat.index()));
                    assert!(!hears, "hung up and still in a room");
                    self.hung_up += 1;
                }
            }
        }
    }

    /// What is true at any time.
    fn check(&mut self) {
        assert_eq!(self.hung_up, self.left, "one hang-up for each who left");
        assert_eq!(self.room.hub.population(), self.lives.len());
        assert_eq!(self.room.due(), None, "no move was counted");
        for number in 0..self.places.len() {
            let place = &self.places[number];
            assert_eq!(place.audience, place.members.iter().copied().collect(), "who hears {}", place.name);
            let Some(asker) = place.members.first().map(|seat| seat_of(*seat)) else { continue };
            let wanted: Vec<_> = place.members.iter().map(|seat| Arc::clone(&self.lives[seat].speaker)).collect();
            assert_eq!(self.room.does(asker, Command::UserList), [Effect::Tell(asker, Notice::UserList(wanted))]);
        }
        let names: Vec<_> = self.lives.values().map(|life| Arc::clone(&life.speaker.name)).collect();
        for (index, one) in names.iter().enumerate() {
            for other in names.iter().take(index) {
                assert!(!clash(one, other), "{one} and {other} are both here");
            }
        }
    }
}

/// Whether any key of one name meets any of the other.
fn clash(one: &str, other: &str) -> bool {
    let keys = |name| {
        let NameKeys { folded, looks: [look, lower] } = NameKeys::of(name);
        [folded, look, lower]
    };
    let (one, other) = (keys(one), keys(other));
    one.iter().any(|key| other.contains(key))
}

proptest! {
    // No file of failures is kept: what one finds becomes a named test.
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn random_lives_break_no_rule(steps in steps()) {
        let mut model = Model::new();
        for (seat, step) in &steps {
            model.step(*seat, step);
        }
    }
}
