//! Whois, away, ignoring, quiet, and how often a name may be taken.

#![allow(clippy::unwrap_used, clippy::panic, reason = "clippy's allow-…-in-tests does not reach a test's helpers")]

use std::borrow::Cow;

use parlor::chat::{Effect, Filter};
use parlor::protocol::{Away, CloseReason, Command, Notice, Refusal, SessionId};

use super::{ANN, BOB, CAT, Room, address, refusal, say, seconds, session, shown};
use crate::support::values::{body, nick};

#[test]
fn whois_tells_room_times_and_door() {
    let mut room = Room::of(&["ann", "bob"]);
    room.join(BOB, "dev");
    let (program, _) = room.arrive(CAT, "json");
    room.now = seconds(90);
    room.does(BOB, say("hi"));
    room.now = seconds(100);
    let effects = room.types(ANN, "/whois BOB");
    let [Effect::Tell(ANN, Notice::Whois { who, room: Some(place), by: Cow::Borrowed("text") })] = effects.as_slice()
    else {
        panic!("{effects:?}")
    };
    assert_eq!((&*who.who.name, place.as_str(), who.idle, who.here), ("bob", "dev", seconds(10), seconds(100)));
    assert_eq!(who.away, None);
    let effects = room.types(BOB, &format!("/whois {}", program.id));
    assert!(
        matches!(&effects[..], [Effect::Tell(BOB, Notice::Whois { who, room: None, by: Cow::Borrowed("json") })] if who.who == program),
        "{effects:?}"
    );
    let effects = room.types(ANN, "/whois bobb");
    assert_eq!(refusal(&effects, ANN), &Refusal::NobodyCalled { name: "bobb".into(), like: Some("bob".into()) });
}

#[test]
fn writer_is_told_that_receiver_is_away() {
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
fn ignored_person_stays_ignored_under_every_name() {
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
fn filter_hides_what_was_asked() {
    let (ann, bob) = (SessionId(1), SessionId(2));
    let filter = |quiet, ignored: &[SessionId]| Filter { quiet, ignored: ignored.to_vec() };
    assert!(filter(false, &[]).is_open() && !filter(true, &[]).is_open() && !filter(false, &[ann]).is_open());
    for (said_by, is_join_or_leave, by_quiet, by_ignoring) in [
        (Some(ann), false, false, true),
        (Some(bob), false, false, false),
        (None, true, true, false),
        (None, false, false, false),
    ] {
        assert_eq!(filter(true, &[]).hides(said_by, is_join_or_leave), by_quiet);
        assert_eq!(filter(false, &[ann]).hides(said_by, is_join_or_leave), by_ignoring);
        assert!(!filter(false, &[]).hides(said_by, is_join_or_leave));
    }
    // Lines that count as said, and those that count as a join or leave.
    let mut room = Room::of(&["ann", "bob"]);
    let notices = |effects: Vec<Effect>| {
        let told = effects.into_iter().filter_map(|effect| match effect {
            Effect::Room { notice, .. } => Some((notice.said_by().is_some(), notice.is_join_or_leave())),
            _ => None,
        });
        told.collect::<Vec<_>>()
    };
    for line in ["hi", "/me waves"] {
        assert_eq!(notices(room.types(ANN, line)), [(true, false)], "{line}");
    }
    assert_eq!(notices(room.types(ANN, "/topic tea")), [(true, false)], "or an ignored one would be read in topics");
    assert_eq!(notices(room.rename(ANN, "zoe")), [(true, false)], "or in names");
    assert_eq!(notices(room.enter(CAT)), [(true, true)]);
    assert_eq!(notices(room.join(CAT, "dev")), [(true, true), (true, true)]);
    assert_eq!(notices(room.leave(CAT, CloseReason::Quit)), [(true, true)]);
}

#[test]
fn ignore_is_limited_to_64_others() {
    let mut room = Room::of(&["ann"]);
    assert!(matches!(refusal(&room.types(ANN, "/ignore ann"), ANN), Refusal::IgnoresItself));
    assert!(matches!(refusal(&room.types(ANN, "/unignore ann"), ANN), Refusal::IgnoresItself));
    assert!(matches!(refusal(&room.types(ANN, "/ignore zoe"), ANN), Refusal::NobodyCalled { .. }));
    for number in 1..=65 {
        let id = session(number);
        room.enter(id);
        let effects = room.types(ANN, &format!("/ignore {}", address(id)));
        if number <= 64 {
            assert_eq!(shown(&effects)[0], format!("filter 0: quiet false, {number} ignored"));
        } else {
            assert!(matches!(refusal(&effects, ANN), Refusal::IgnoresTooMany { limit: 64 }));
        }
    }
    let effects = room.types(ANN, &format!("/ignore {}", address(session(7))));
    assert_eq!(shown(&effects)[0], "filter 0: quiet false, 64 ignored", "one of them again");
    // A person who has left leaves the list.
    room.leave(session(1), CloseReason::PeerClosed);
    let effects = room.types(ANN, &format!("/ignore {}", address(session(65))));
    assert_eq!(shown(&effects)[0], "filter 0: quiet false, 64 ignored");
}

#[test]
fn quiet_and_time_are_effects() {
    let mut room = Room::of(&["ann", "bob"]);
    for (line, filter, told) in [
        ("/quiet on", "filter 0: quiet true, 0 ignored", "to 0: Quiet { on: true }"),
        ("/ignore bob", "filter 0: quiet true, 1 ignored", "to 0: ignoring bob: true"),
        ("/quiet off", "filter 0: quiet false, 1 ignored", "to 0: Quiet { on: false }"),
        ("/time on", "style 0: Time(true)", "to 0: Style(Time(true))"),
        ("/time off", "style 0: Time(false)", "to 0: Style(Time(false))"),
        ("/address off", "style 0: Address(false)", "to 0: Style(Address(false))"),
        ("/address on", "style 0: Address(true)", "to 0: Style(Address(true))"),
    ] {
        assert_eq!(shown(&room.types(ANN, line)), [filter, told], "{line}");
    }
    // Somebody new on that id begins with an open filter.
    room.leave(ANN, CloseReason::PeerClosed);
    room.enter(ANN);
    assert_eq!(shown(&room.types(ANN, "/quiet on"))[0], "filter 0: quiet true, 0 ignored");
}

#[test]
fn rename_has_no_limit_of_its_own() {
    let mut room = Room::empty();
    room.enter(ANN);
    for name in ["ann", "zoe", "eve", "ivy", "may", "joy"] {
        let effects = room.does(ANN, Command::Nick(nick(name)));
        assert_eq!(shown(&effects)[0], format!("to 0: you are {name}"));
    }
}
