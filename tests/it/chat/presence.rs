//! Joins and leaves: the order in which they are told, and to whom.

#![allow(clippy::unwrap_used, clippy::panic, reason = "clippy's allow-…-in-tests does not reach a test's helpers")]

use std::sync::Arc;

use parlor::chat::Effect;
use parlor::protocol::{CloseReason, Command, Notice, Refusal, RoomName, Switch};

use super::{ANN, BOB, CAT, Room, SETTINGS, address, refusal, say, session, shown};
use crate::support::values::body;

#[test]
fn arrival_is_greeted_then_announced() {
    let mut room = Room::of(&["ann"]);
    assert_eq!(
        shown(&room.enter(BOB)),
        [
            "to 1: 127.0.0.1:5001 I am here",
            "to 1: 127.0.0.1:5001 login",
            "to 1: welcome 127.0.0.1:5001 to #lobby",
            "enter 0.1",
            "to all but 1: 127.0.0.1:5001 login",
        ]
    );
    assert_eq!(room.hub.population(), 2);
}

#[test]
fn greeting_names_people_present() {
    let mut room = Room::empty();
    for number in 0..13_u64 {
        let (speaker, effects) = room.arrive(session(number), "text");
        let others: Vec<Arc<str>> = (0..number.min(10)).map(|other| format!("user{other}").into()).collect();
        let wanted = Notice::Welcome {
            you: speaker,
            room: RoomName::lobby(),
            others,
            others_total: usize::try_from(number).unwrap(),
            door: "127.0.0.1:8000".into(),
            idle: SETTINGS.idle,
        };
        assert_eq!(effects[2], Effect::Tell(session(number), wanted));
        room.rename(session(number), &format!("user{number}"));
    }
}

#[test]
fn leave_says_goodbye_then_announces() {
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
fn broken_connection_is_told_nothing() {
    let mut room = Room::of(&["ann", "bob"]);
    for (id, reason) in [(ANN, CloseReason::ReadFailed), (BOB, CloseReason::WriteTimeout)] {
        let effects = room.leave(id, reason);
        assert!(!effects.iter().any(|effect| matches!(effect, Effect::Tell(..))), "{effects:?}");
        assert_eq!(effects.len(), 3, "{effects:?}");
    }
}

#[test]
fn quit_says_last_words_first() {
    let mut room = Room::of(&["ann", "bob"]);
    assert_eq!(
        shown(&room.does(ANN, Command::Quit(Some(body("so long"))))),
        ["to all: ann: so long", "to 0: goodbye: quit", "exit 0.0", "to all: ann left: quit", "hang up 0: quit",]
    );
    assert_eq!(shown(&room.does(BOB, Command::Quit(None)))[0], "to 1: goodbye: quit");
}

/// A quit and the end of the connection's input meet: the reader reports what the hub knows.
#[test]
fn request_after_leaving_does_nothing() {
    let mut room = Room::of(&["ann", "bob"]);
    room.does(ANN, Command::Quit(None));
    assert_eq!(room.leave(ANN, CloseReason::PeerClosed), []);
    assert_eq!(room.does(ANN, say("am I still here?")), []);
    assert_eq!(room.does(ANN, Command::UserList), []);
    assert_eq!(room.leave(session(77), CloseReason::PeerClosed), [], "a session that never came");
    assert_eq!(room.hub.population(), 1);
}

#[test]
fn session_after_another_starts_afresh() {
    let mut room = Room::of(&["ann", "bob"]);
    room.msg(BOB, "ann", "psst");
    room.does(ANN, Command::Echo(Switch::Off));
    room.leave(ANN, CloseReason::PeerClosed);
    room.enter(CAT);
    assert_eq!(room.names(BOB), ["bob", "127.0.0.1:5002"], "in the order in which they came");
    assert_eq!(shown(&room.does(CAT, say("hi"))), ["to all: 127.0.0.1:5002: hi"], "echo is on again");
    let effects = room.does(CAT, Command::Reply(body("who?")));
    assert_eq!(refusal(&effects, CAT), &Refusal::NobodyToAnswer, "ann's letters were not for the next one");
    let effects = room.msg(BOB, "ann", "still there?");
    assert!(matches!(refusal(&effects, BOB), Refusal::NobodyCalled { .. }));
}

#[test]
fn stop_says_goodbye_without_announcements() {
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

/// Case B9: a health check connects and closes.
#[test]
fn unseen_caller_was_never_here_for_others() {
    let mut room = Room::of(&["ann"]);
    let greeting = shown(&room.enter_unseen(BOB));
    assert_eq!(greeting.last().unwrap(), "enter 0.1", "it hears the room");
    assert!(!greeting.iter().any(|effect| effect.starts_with("to all")), "{greeting:?}");
    assert_eq!((room.names(ANN), room.hub.population()), (vec!["ann".to_owned()], 1));
    for name in ["127.0.0.1:5001", "1000000000000000002"] {
        assert!(matches!(refusal(&room.msg(ANN, name, "psst"), ANN), Refusal::NobodyCalled { .. }), "{name}");
    }
    assert_eq!(shown(&room.leave(BOB, CloseReason::ReadFailed)), ["exit 0.1", "hang up 1: read failed"]);
    assert_eq!((room.names(ANN), room.hub.population()), (vec!["ann".to_owned()], 1));
}

#[test]
fn unseen_caller_appears_once_before_its_command() {
    let mut room = Room::of(&["ann"]);
    room.enter_unseen(BOB);
    let announced = "to all but 1: 127.0.0.1:5001 login";
    assert_eq!(shown(&room.does(BOB, say("hi")))[..2], [announced, "to all: 127.0.0.1:5001: hi"]);
    assert_eq!(room.appear(BOB), [], "others know of it");
    room.enter_unseen(CAT);
    assert_eq!(shown(&room.appear(CAT)), ["to all but 2: 127.0.0.1:5002 login"]);
    assert_eq!((room.appear(CAT), room.appear(session(77))), (vec![], vec![]));
    assert_eq!(room.names(ANN), ["ann", "127.0.0.1:5001", "127.0.0.1:5002"]);
    assert_eq!(room.hub.population(), 3);
}

#[test]
fn unlisted_caller_asking_who_is_listed() {
    let mut room = Room::of(&["ann"]);
    room.enter_unseen(BOB);
    let told = shown(&room.does(BOB, Command::Who(None)));
    assert_eq!((told.len(), &*told[0]), (2, "to all but 1: 127.0.0.1:5001 login"));
    assert_eq!(room.names(BOB), ["ann", "127.0.0.1:5001"]);
}

#[test]
fn unseen_caller_is_told_of_the_stop() {
    let mut room = Room::empty();
    room.enter_unseen(ANN);
    let effects = shown(&room.effects(|hub, _, out| hub.stop(out)));
    assert_eq!(effects, ["to 0: goodbye: server stopping", "exit 0.0", "hang up 0: server stopping"]);
}
