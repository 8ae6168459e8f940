//! Lines to all and private ones: who hears them, and how a receiver is found.

#![allow(clippy::unwrap_used, clippy::panic, reason = "clippy's allow-…-in-tests does not reach a test's helpers")]

use std::sync::Arc;
use std::time::Duration;

use parlor::chat::{Arrival, Effect, Entry};
use parlor::protocol::{CloseReason, Command, Notice, Refusal, Speaker, Switch};

use super::{ANN, BOB, CAT, Room, address, refusal, say, session, shown};
use crate::support::values::body;

#[test]
fn line_goes_to_all_and_its_sender() {
    let mut room = Room::of(&["ann", "bob"]);
    assert_eq!(shown(&room.does(ANN, say("hi all"))), ["to all: ann: hi all"]);
    assert_eq!(shown(&room.does(ANN, Command::Me(body("waves")))), ["to all: * ann waves"]);
}

#[test]
fn echo_off_hides_own_lines_only() {
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
fn private_line_finds_name_address_and_id() {
    let mut room = Room::of(&["ann", "Bob"]);
    let (cat, _) = room.arrive(CAT, "relay");
    let delivered = |to: &str, id| vec![format!("to 0: told to {to}: psst"), format!("to {id}: told by ann: psst")];
    for name in ["Bob", "bob", "BOB", "ｂｏｂ", "127.0.0.1:5001"] {
        assert_eq!(shown(&room.msg(ANN, name, "psst")), delivered("Bob", 1), "{name}");
    }
    // A person without a name is called by address on the text door, by id on the others.
    for name in [&*cat.name, &cat.id.to_string(), "127.0.0.1:5002"] {
        assert_eq!(shown(&room.msg(ANN, name, "psst")), delivered(&cat.name, 2), "{name}");
    }
    // To oneself, too: both lines.
    assert_eq!(shown(&room.msg(ANN, "ann", "psst")), ["to 0: told to ann: psst", "to 0: told by ann: psst"]);
}

/// `Command::Msg` and `People::find` promise it for everybody, not only for those whose name is their id.
#[test]
fn id_finds_person_with_name() {
    let mut room = Room::of(&["ann", "bob"]);
    let bob = room.speaker(BOB);
    let effects = room.msg(ANN, &bob.id.to_string(), "psst");
    assert_eq!(shown(&effects), ["to 0: told to bob: psst", "to 1: told by ann: psst"]);
}

/// A client may connect to two doors from one port of its own: two sessions, one address.
#[test]
fn address_means_its_first_session() {
    let mut room = Room::of(&["ann", "bob"]);
    let speaker = Arc::new(Speaker { id: CAT, address: address(BOB).into(), name: "7".into(), visitor: None });
    let (door, entry) = ("127.0.0.1:8888".into(), Entry::Lobby);
    let arrival = Arrival { speaker, door, by: "relay", echo: false, unsolicited: true, entry };
    room.effects(|hub, now, out| hub.enter(arrival, now, out));
    room.appear(CAT);
    assert_eq!(shown(&room.msg(ANN, &address(BOB), "psst"))[1], "to 1: told by ann: psst");
    room.leave(BOB, CloseReason::PeerClosed);
    assert_eq!(shown(&room.msg(ANN, &address(BOB), "psst"))[1], "to 2: told by ann: psst");
    room.leave(CAT, CloseReason::PeerClosed);
    assert!(matches!(refusal(&room.msg(ANN, &address(BOB), "psst"), ANN), Refusal::NobodyCalled { .. }));
}

#[test]
fn mistyped_receiver_comes_with_suggestion() {
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

/// Case B13: an answer to ann goes to bob, whose line comes while it is typed.
#[test]
fn reply_is_refused_once_between_two_writers() {
    let mut room = Room::of(&["ann", "bob", "cat"]);
    let reply = |room: &mut Room| room.does(CAT, Command::Reply(body("ok")));
    let two = |before: &str, last: &str| Refusal::TwoWrote { before: before.into(), last: last.into() };
    room.msg(ANN, "cat", "a secret");
    room.now += Duration::from_secs(60);
    room.msg(BOB, "cat", "hi");
    room.now += Duration::from_secs(2);
    assert_eq!(refusal(&reply(&mut room), CAT), &two("ann", "bob"));
    assert_eq!(shown(&reply(&mut room))[1], "to 1: told by cat: ok", "the next one goes to the last");
    assert_eq!(shown(&reply(&mut room))[1], "to 1: told by cat: ok");
    // The last writer may have another name by now, or have left.
    room.msg(ANN, "cat", "and?");
    room.rename(BOB, "rob");
    assert_eq!(refusal(&reply(&mut room), CAT), &two("rob", "ann"));
    room.msg(BOB, "cat", "bye");
    room.leave(ANN, CloseReason::PeerClosed);
    assert_eq!(refusal(&reply(&mut room), CAT), &two("ann", "rob"));
    assert_eq!(shown(&reply(&mut room))[1], "to 1: told by cat: ok");
}

/// A line that has stood there for 5 s was seen.
#[test]
fn late_reply_goes_to_last_writer() {
    let mut room = Room::of(&["ann", "bob", "cat"]);
    room.msg(ANN, "cat", "one");
    room.msg(BOB, "cat", "two");
    room.now += Duration::from_secs(5);
    assert_eq!(shown(&room.does(CAT, Command::Reply(body("ok"))))[1], "to 1: told by cat: ok");
}

#[test]
fn reply_follows_renamed_writer() {
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
    room.now += Duration::from_secs(5);
    assert_eq!(shown(&reply(&mut room)), ["to 0: told to bob: ok", "to 2: told by ann: ok"]);
    // A private line of one's own changes nothing about who is answered.
    room.msg(ANN, "rob", "later");
    assert_eq!(shown(&reply(&mut room))[1], "to 2: told by ann: ok");
    // The writer has left, and another session takes the name.
    room.leave(CAT, CloseReason::PeerClosed);
    room.enter(session(3));
    room.rename(session(3), "bob");
    assert_eq!(refusal(&reply(&mut room), ANN), &Refusal::NobodyToAnswer);
    // An answer can be answered.
    assert_eq!(shown(&room.does(BOB, Command::Reply(body("hm"))))[1], "to 0: told by rob: hm");
}
