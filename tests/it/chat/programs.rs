//! Programs: in no room until they act, asked to leave when they never do.

#![allow(clippy::unwrap_used, clippy::panic, reason = "clippy's allow-…-in-tests does not reach a test's helpers")]

use std::time::Duration;

use parlor::chat::{Effect, HubSettings};
use parlor::protocol::{CloseReason, Command, Switch};

use super::{ANN, BOB, CAT, Room, SETTINGS, say, seconds, shown};
use crate::support::values::body;

#[test]
fn program_is_unlisted_until_first_join() {
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
fn program_join_is_announced_as_login() {
    let mut room = Room::of(&["ann"]);
    room.join(ANN, "dev");
    let (_, _) = room.arrive(BOB, "json");
    room.rename(BOB, "bot");
    assert_eq!(shown(&room.join(BOB, "dev")), ["to #1: bot login", "enter 1.1", "to 1: in #dev with 1: ann"]);
    // A session that was in no room leaves without a word.
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
fn tagged_line_comes_back_as_answer() {
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
fn idle_program_is_asked_then_ended() {
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
fn program_that_joined_or_spoke_may_stay() {
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

/// The deadline of a program that left does not hold for the next program.
#[test]
fn next_program_has_its_own_deadline() {
    let mut room = Room::empty();
    room.arrive(ANN, "json");
    room.now = seconds(4);
    room.leave(ANN, CloseReason::PeerClosed);
    room.arrive(BOB, "json");
    room.now = seconds(10);
    assert_eq!(room.tick(), []);
    room.now = seconds(14);
    assert_eq!(shown(&room.tick()), ["to 1: DoExit"]);
    room.leave(BOB, CloseReason::PeerClosed);
    room.enter(CAT);
    room.now = seconds(24);
    assert_eq!(room.tick(), []);
}
