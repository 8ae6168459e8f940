//! The rules of the house, each in a few lines: state in, effects out.
//!
//! A `Room` here is a hub with people in it; what a call brings about comes back as the list of
//! effects, in the order in which they are to be performed. At the end a small model walks beside
//! the hub through random lives and holds it to what must never happen.

#![allow(clippy::unwrap_used, clippy::panic, reason = "clippy's allow-…-in-tests does not reach a test's helpers")]

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::{Duration, Instant};

use parlor::chat::{Arrival, Effect, Hub, HubSettings, RoomIndex, Seat};
use parlor::protocol::{
    Body, COMMANDS, CloseReason, Command, NameKeys, Nick, Notice, Refusal, RoomName, SessionId, Speaker, Switch,
};
use proptest::collection::vec;
use proptest::prelude::*;

const LOBBY: RoomIndex = RoomIndex::LOBBY;
const ANN: Seat = Seat(0);
const BOB: Seat = Seat(1);
const CAT: Seat = Seat(2);

/// A hub, and who its people are at first: the one on seat N has address `127.0.0.1:500N`.
struct Room {
    hub: Hub,
    entered: u64,
    now: Duration,
}

impl Room {
    fn empty() -> Self {
        Self { hub: Hub::new(HubSettings { idle_seconds: 30 }, Duration::ZERO), entered: 0, now: Duration::ZERO }
    }

    /// With people on the first seats who have these names.
    fn of(names: &[&str]) -> Self {
        let mut room = Self::empty();
        for (seat, name) in (0..).map(Seat).zip(names) {
            room.enter(seat);
            assert_eq!(room.does(seat, Command::Rename(nick(name)))[0], Effect::Tell(seat, Notice::RenameOk));
        }
        room
    }

    fn enter(&mut self, seat: Seat) -> Vec<Effect> {
        self.arrive(seat, true).1
    }

    /// Comes in by the text door (which echoes) or the relay door (which does not).
    fn arrive(&mut self, seat: Seat, text: bool) -> (Arc<Speaker>, Vec<Effect>) {
        self.entered += 1;
        let id = SessionId(1_000_000_000_000_000_000 + self.entered);
        let address: Arc<str> = address(seat).into();
        let name = if text { Arc::clone(&address) } else { id.to_string().into() };
        let speaker = Arc::new(Speaker { id, address, name });
        let arrival = Arrival { speaker: Arc::clone(&speaker), door: "127.0.0.1:8000".into(), echo: text };
        let now = self.now;
        (speaker, self.effects(|hub, out| hub.enter(seat, arrival, now, out)))
    }

    fn does(&mut self, seat: Seat, command: Command) -> Vec<Effect> {
        let now = self.now;
        self.effects(|hub, out| hub.command(seat, command, now, out))
    }

    fn rename(&mut self, seat: Seat, name: &str) -> Vec<Effect> {
        self.does(seat, Command::Rename(nick(name)))
    }

    fn msg(&mut self, seat: Seat, to: &str, text: &str) -> Vec<Effect> {
        self.does(seat, Command::Msg { to: to.into(), body: body(text) })
    }

    fn leave(&mut self, seat: Seat, reason: CloseReason) -> Vec<Effect> {
        self.effects(|hub, out| hub.leave(seat, reason, out))
    }

    fn effects(&mut self, call: impl FnOnce(&mut Hub, &mut Vec<Effect>)) -> Vec<Effect> {
        let mut out = Vec::new();
        call(&mut self.hub, &mut out);
        out
    }

    /// The one on a seat, as a line of theirs shows it.
    fn speaker(&mut self, seat: Seat) -> Arc<Speaker> {
        match self.does(seat, say("who am I?")).as_slice() {
            [Effect::Room { notice: Notice::Said { from, .. }, .. }] => Arc::clone(from),
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

    fn names(&mut self, seat: Seat) -> Vec<String> {
        self.list(seat).into_iter().map(|(_, name)| name).collect()
    }
}

fn address(seat: Seat) -> String {
    format!("127.0.0.1:{}", 5000 + seat.0)
}

fn nick(name: &str) -> Nick {
    Nick::parse(name).unwrap_or_else(|refusal| panic!("{name}: {refusal}"))
}

fn body(text: &str) -> Body {
    Body::new(text).unwrap()
}

fn say(text: &str) -> Command {
    Command::Say(body(text))
}

/// What the refusal says, where a call came to nothing but one.
#[track_caller]
fn refusal(effects: &[Effect], asker: Seat) -> &Refusal {
    match effects {
        [Effect::Tell(seat, Notice::Refused(refusal))] if *seat == asker => refusal,
        other => panic!("a refusal for {asker:?}: {other:?}"),
    }
}

/// One line for each effect, `to 0: …`, `to all but 1: …`, `enter 0`, `hang up 0: quit`.
fn shown(effects: &[Effect]) -> Vec<String> {
    let words = |notice: &Notice| match notice {
        Notice::IAmHere(who) => format!("{} I am here", who.name),
        Notice::Login(who) => format!("{} login", who.name),
        Notice::Left(who, reason) => format!("{} left: {reason}", who.name),
        Notice::Welcome { you, room, .. } => format!("welcome {} to {room}", you.name),
        Notice::Said { from, body } => format!("{}: {}", from.name, body.as_str()),
        Notice::Acted { from, body } => format!("* {} {}", from.name, body.as_str()),
        Notice::Told { from, body } => format!("told by {}: {}", from.name, body.as_str()),
        Notice::ToldTo { to, body } => format!("told to {}: {}", to.name, body.as_str()),
        Notice::Renamed { who, old } => format!("{old} is now {}", who.name),
        Notice::Refused(refusal) => format!("refused: {refusal}"),
        Notice::Goodbye(reason) => format!("goodbye: {reason}"),
        other => format!("{other:?}"),
    };
    let one = |effect: &Effect| match effect {
        Effect::Enter(room, seat) => format!("enter {}.{}", room.0, seat.0),
        Effect::Exit(room, seat) => format!("exit {}.{}", room.0, seat.0),
        Effect::Tell(seat, notice) => format!("to {}: {}", seat.0, words(notice)),
        Effect::Room { notice, hidden_from: None, .. } => format!("to all: {}", words(notice)),
        Effect::Room { notice, hidden_from: Some(seat), .. } => format!("to all but {}: {}", seat.0, words(notice)),
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
            "to all: 127.0.0.1:5001 login", // performed before bob is in the room: for the others
            "to 1: 127.0.0.1:5001 I am here",
            "to 1: 127.0.0.1:5001 login",
            "to 1: welcome 127.0.0.1:5001 to #lobby",
            "enter 0.1",
        ]
    );
    assert_eq!(room.hub.population(), 2);
}

#[test]
fn the_greeting_knows_who_is_here() {
    let mut room = Room::empty();
    for number in 0..13_u32 {
        let (speaker, effects) = room.arrive(Seat(number), true);
        let others: Vec<Arc<str>> = (0..number.min(10)).map(|other| format!("user{other}").into()).collect();
        let wanted = Notice::Welcome {
            you: speaker,
            room: RoomName::lobby(),
            others,
            others_total: number as usize,
            door: "127.0.0.1:8000".into(),
            idle_seconds: 30,
        };
        assert_eq!(effects[3], Effect::Tell(Seat(number), wanted));
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
    let effects = room.effects(Hub::stop);
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
    assert_eq!(room.effects(Hub::stop), []);
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
    room.arrive(CAT, false);
    assert!(shown(&room.does(CAT, say("miaow")))[0].starts_with("to all but 2: "));
}

#[test]
fn a_private_line_finds_its_receiver_by_name_address_and_id() {
    let mut room = Room::of(&["ann", "Bob"]);
    let (cat, _) = room.arrive(CAT, false);
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
    let arrival = Arrival { speaker, door: "127.0.0.1:8888".into(), echo: false };
    room.effects(|hub, out| hub.enter(CAT, arrival, Duration::ZERO, out));
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
    let effects = room.does(BOB, Command::Who);
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
        let effects = room.does(BOB, Command::Who);
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

// --- random lives -----------------------------------------------------------------------------

/// What happens next, to whom.
#[derive(Debug, Clone)]
enum Step {
    Enter(bool),
    Say,
    Me,
    Rename(&'static str),
    Nick(&'static str),
    Msg(usize, Means),
    Reply,
    Echo(bool),
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

fn steps() -> impl Strategy<Value = Vec<(usize, Step)>> {
    let name = || prop::sample::select(NAMES.as_slice());
    let means = prop::sample::select([Means::Name, Means::Capitals, Means::Address, Means::Nonsense].as_slice());
    let step = prop_oneof![
        6 => any::<bool>().prop_map(Step::Enter),
        3 => Just(Step::Say),
        1 => Just(Step::Me),
        8 => name().prop_map(Step::Rename),
        2 => name().prop_map(Step::Nick),
        4 => (0..SEATS, means).prop_map(|(to, means)| Step::Msg(to, means)),
        3 => Just(Step::Reply),
        2 => any::<bool>().prop_map(Step::Echo),
        1 => any::<bool>().prop_map(Step::Quit),
        2 => Just(Step::Leave),
        // Rare enough that rooms fill before it.
    ];
    let step = prop_oneof![60 => step, 1 => Just(Step::Stop)];
    vec((0..SEATS, step), 1..80)
}

/// One person as the model knows them.
#[derive(Debug, Clone)]
struct Life {
    speaker: Arc<Speaker>,
    echo: bool,
    writer: Option<SessionId>,
}

/// The model: who sits where, in the order in which they came, and what has been performed.
struct Model {
    room: Room,
    lives: HashMap<usize, Life>,
    order: Vec<usize>,
    /// Who hears the room, as `Enter` and `Exit` have it.
    members: BTreeSet<usize>,
    hung_up: usize,
    left: usize,
}

impl Model {
    fn new() -> Self {
        Self {
            room: Room::empty(),
            lives: HashMap::new(),
            order: Vec::new(),
            members: BTreeSet::new(),
            hung_up: 0,
            left: 0,
        }
    }

    /// Does one step with the hub and with the model, and compares.
    fn step(&mut self, seat: usize, step: &Step) {
        self.room.now += Duration::from_secs(1);
        let at = Seat(u32::try_from(seat).unwrap());
        if let Step::Enter(text) = *step {
            if self.lives.contains_key(&seat) {
                return; // the gate gives no seat twice
            }
            let (speaker, effects) = self.room.arrive(at, text);
            self.lives.insert(seat, Life { speaker, echo: text, writer: None });
            self.order.push(seat);
            self.perform(&effects);
        } else if matches!(step, Step::Stop) {
            let effects = self.room.effects(Hub::stop);
            self.left += self.lives.len();
            self.perform(&effects);
            self.lives.clear();
            self.order.clear();
        } else if matches!(step, Step::Leave) {
            let effects = self.room.leave(at, CloseReason::PeerClosed);
            assert_eq!(effects.is_empty(), !self.lives.contains_key(&seat));
            self.perform_leaving(seat, &effects);
        } else {
            let command = self.command(step);
            let effects = self.room.does(at, command);
            match self.lives.contains_key(&seat) {
                true => self.compare(seat, at, step, &effects),
                false => assert_eq!(effects, [], "nobody sits there"),
            }
        }
        self.check();
    }

    fn command(&self, step: &Step) -> Command {
        match step {
            Step::Me => Command::Me(body("waves")),
            Step::Rename(name) => Command::Rename(nick(name)),
            Step::Nick(name) => Command::Nick(nick(name)),
            Step::Msg(to, means) => Command::Msg { to: self.call(*to, *means), body: body("psst") },
            Step::Reply => Command::Reply(body("ok")),
            Step::Echo(on) => Command::Echo(if *on { Switch::On } else { Switch::Off }),
            Step::Quit(words) => Command::Quit(words.then(|| body("bye"))),
            Step::Say | Step::Enter(_) | Step::Leave | Step::Stop => say("hi"),
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

    fn compare(&mut self, seat: usize, at: Seat, step: &Step, effects: &[Effect]) {
        let life = self.lives[&seat].clone();
        let (from, hidden_from) = (Arc::clone(&life.speaker), (!life.echo).then_some(at));
        let to_room = |notice| Effect::Room { room: LOBBY, notice, hidden_from };
        match *step {
            Step::Say => assert_eq!(effects, [to_room(Notice::Said { from, body: body("hi") })]),
            Step::Me => assert_eq!(effects, [to_room(Notice::Acted { from, body: body("waves") })]),
            Step::Rename(name) | Step::Nick(name) => self.compare_rename(seat, at, name, effects),
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
            Step::Quit(words) => {
                let leaving = match words {
                    true => {
                        assert_eq!(effects[0], to_room(Notice::Said { from, body: body("bye") }));
                        self.perform(&effects[..1]);
                        &effects[1..]
                    }
                    false => effects,
                };
                return self.perform_leaving(seat, leaving);
            }
            Step::Enter(_) | Step::Leave | Step::Stop => unreachable!("these are no commands"),
        }
        self.perform(effects);
    }

    fn compare_rename(&mut self, seat: usize, at: Seat, name: &str, effects: &[Effect]) {
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
        let life = self.lives.get_mut(&seat).unwrap();
        let old = Arc::clone(&life.speaker.name);
        let Speaker { id, address, .. } = &*life.speaker;
        let speaker = Arc::new(Speaker { id: *id, address: Arc::clone(address), name: name.into() });
        life.speaker = Arc::clone(&speaker);
        let told = Effect::Room {
            room: LOBBY,
            notice: Notice::Renamed { who: speaker, old: Arc::clone(&old) },
            hidden_from: Some(at),
        };
        assert!(matches!(effects[0], Effect::Tell(seat, Notice::RenameOk | Notice::YouAre(_)) if seat == at));
        assert!(effects[1..] == *std::slice::from_ref(&told) || (effects.len() == 1 && *old == *name), "{effects:?}");
    }

    fn compare_private(&mut self, seat: usize, to: usize, text: &str, effects: &[Effect]) {
        let seat_of = |seat| Seat(u32::try_from(seat).unwrap());
        let from = Arc::clone(&self.lives[&seat].speaker);
        let receiver = self.lives.get_mut(&to).unwrap();
        receiver.writer = Some(from.id);
        assert_eq!(
            effects,
            [
                Effect::Tell(seat_of(seat), Notice::ToldTo { to: Arc::clone(&receiver.speaker), body: body(text) }),
                Effect::Tell(seat_of(to), Notice::Told { from, body: body(text) }),
            ]
        );
    }

    fn perform_leaving(&mut self, seat: usize, effects: &[Effect]) {
        if self.lives.contains_key(&seat) {
            self.left += 1;
            let speaker = &self.lives[&seat].speaker;
            let told = effects.iter().filter(|effect| match effect {
                Effect::Room { notice: Notice::Left(who, _), .. } => who == speaker,
                _ => false,
            });
            assert_eq!(told.count(), 1, "the others are told once: {effects:?}");
        }
        self.perform(effects);
        self.lives.remove(&seat);
        self.order.retain(|other| *other != seat);
    }

    /// Does what the manager would do with the effects, in their order.
    fn perform(&mut self, effects: &[Effect]) {
        let mut gone = BTreeSet::new();
        for effect in effects {
            match effect {
                Effect::Enter(room, seat) => {
                    assert_eq!(*room, LOBBY);
                    assert!(self.members.insert(seat.index()), "enters twice");
                }
                Effect::Exit(room, seat) => {
                    assert_eq!(*room, LOBBY);
                    assert!(self.members.remove(&seat.index()), "leaves a room that it is not in");
                }
                Effect::Tell(seat, _) => {
                    assert!(self.lives.contains_key(&seat.index()), "{effect:?} to an empty seat");
                    assert!(!gone.contains(&seat.index()), "{effect:?} after the hang-up");
                }
                Effect::Room { room, hidden_from, .. } => {
                    assert_eq!(*room, LOBBY);
                    assert!(hidden_from.is_none_or(|seat| self.members.contains(&seat.index())), "{effect:?}");
                }
                Effect::HangUp(seat, _) => {
                    assert!(gone.insert(seat.index()), "hangs up twice");
                    assert!(!self.members.contains(&seat.index()), "hung up and still in the room");
                    self.hung_up += 1;
                }
            }
        }
    }

    /// What is true at any time.
    fn check(&mut self) {
        assert_eq!(self.members, self.lives.keys().copied().collect(), "who hears the room");
        assert_eq!(self.hung_up, self.left, "one hang-up for each who left");
        assert_eq!(self.room.hub.population(), self.lives.len());
        let wanted: Vec<_> = self.order.iter().map(|seat| &*self.lives[seat].speaker).collect();
        let wanted: Vec<_> = wanted.iter().map(|who| (who.address.to_string(), who.name.to_string())).collect();
        if let Some(seat) = self.order.first() {
            assert_eq!(self.room.list(Seat(u32::try_from(*seat).unwrap())), wanted);
        }
        for (index, (_, one)) in wanted.iter().enumerate() {
            for (_, other) in wanted.iter().take(index) {
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
