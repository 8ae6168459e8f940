//! Streams: they listen to a room and are no members of it.

#![allow(clippy::unwrap_used, clippy::panic, reason = "clippy's allow-…-in-tests does not reach a test's helpers")]

use std::sync::Arc;

use parlor::chat::{Arrival, Effect, Entry, HubSettings, Post};
use parlor::protocol::{CloseReason, Command, Notice, Refusal, SessionId, Speaker};

use super::{ANN, BOB, LOBBY, Room, SETTINGS, address, refusal, room_name, say, seconds, session, shown};
use crate::support::values::body;

const EAR: SessionId = session(7);

fn stream(room: &mut Room, id: SessionId, name: &str, after: Option<u64>, ends: bool) -> Vec<Effect> {
    let address: Arc<str> = address(id).into();
    let speaker = Arc::new(Speaker { id, name: id.to_string().into(), address, visitor: None });
    let (door, entry) = ("127.0.0.1:8088".into(), Entry::Stream { room: room_name(name), after, ends });
    let arrival = Arrival { speaker, door, by: "http", echo: true, unsolicited: true, entry };
    room.effects(|hub, now, out| hub.enter(arrival, now, out))
}

fn listens(room: &mut Room, id: SessionId, name: &str) {
    let effects = stream(room, id, name, None, false);
    assert!(matches!(effects.as_slice(), [Effect::Enter(_, stream)] if *stream == id), "{effects:?}");
}

/// Ann and bob, and three lines in the lobby.
fn talked() -> Room {
    let mut room = Room::of(&["ann", "bob"]);
    for text in ["one", "two", "three"] {
        room.does(ANN, say(text));
    }
    room
}

#[test]
fn stream_is_nobody_in_its_room() {
    let mut room = Room::of(&["ann", "bob"]);
    room.now = seconds(60);
    assert_eq!(shown(&stream(&mut room, EAR, "lobby", None, false)), ["enter 0.7"], "no login");
    assert_eq!(room.hub.population(), 2);
    assert_eq!(room.names(ANN), ["ann", "bob"]);
    assert_eq!(room.rooms(), ["#lobby 2"]);
    assert_eq!(room.appear(EAR), []);
    assert_eq!(room.does(EAR, say("hi")), []);
    for name in [EAR.to_string(), address(EAR)] {
        let nobody = |effects: &[Effect]| matches!(refusal(effects, ANN), Refusal::NobodyCalled { .. });
        assert!(nobody(&room.msg(ANN, &name, "psst")), "{name}");
        assert!(nobody(&room.does(ANN, Command::Whois(name.clone()))), "{name}");
    }
    room.now += seconds(600);
    assert_eq!(shown(&room.tick()), Vec::<String>::new(), "it is not asked to leave");
    assert_eq!(shown(&room.leave(EAR, CloseReason::PeerClosed))[1..], ["exit 0.7", "hang up 7: peer closed"]);
    assert_eq!(room.leave(EAR, CloseReason::PeerClosed), []);
}

#[test]
fn stream_resumes_after_a_number() {
    let mut room = talked();
    let past = ["to 7: history: ann: two", "to 7: history: ann: three", "to 7: end of history at 3, 0 lost"];
    let resumed = shown(&stream(&mut room, EAR, "lobby", Some(1), false));
    assert_eq!(resumed[..3], past);
    assert_eq!(resumed[3..], ["enter 0.7"], "it hears the room after that");
    let future = shown(&stream(&mut room, session(8), "lobby", Some(9), false));
    assert_eq!(future, ["to 8: end of history at 3, 0 lost", "enter 0.8"]);
    let mut room = Room::of_with(HubSettings { history: 2, ..SETTINGS }, &["ann"]);
    (0..5).for_each(|_| drop(room.does(ANN, say("hi"))));
    let lost = shown(&stream(&mut room, EAR, "lobby", Some(1), false));
    assert_eq!(lost[2..], ["to 7: end of history at 5, 2 lost", "enter 0.7"]);
}

#[test]
fn poll_ends_after_kept_lines() {
    let mut room = talked();
    let end = ["to 7: end of history at 3, 0 lost", "hang up 7: quit"];
    let all = shown(&stream(&mut room, EAR, "lobby", None, true));
    assert_eq!(all[..3], ["to 7: history: ann: one", "to 7: history: ann: two", "to 7: history: ann: three"]);
    assert_eq!(all[3..], end);
    let later = shown(&stream(&mut room, EAR, "lobby", Some(2), true));
    assert_eq!(later[..1], ["to 7: history: ann: three"]);
    assert_eq!(later[1..], end);
    assert_eq!(room.leave(EAR, CloseReason::PeerClosed), [], "it has ended");
    // It listens to nothing, so no room is made for it.
    for after in [None, Some(7)] {
        let effects = stream(&mut room, EAR, "dev", after, true);
        assert_eq!(refusal(&effects[..1], EAR), &Refusal::NoRoom { room: room_name("dev") });
        assert_eq!(shown(&effects[1..]), ["hang up 7: quit"]);
    }
    assert_eq!(room.rooms(), ["#lobby 2"]);
}

#[test]
fn room_is_there_while_streams_listen() {
    let mut room = Room::of(&["ann", "bob"]);
    listens(&mut room, EAR, "dev");
    assert_eq!(room.rooms(), ["#lobby 2", "#dev 0"]);
    assert_eq!(shown(&room.does(ANN, Command::Who(Some(room_name("dev"))))), ["to 0: in #dev: "]);
    let mut post = Post::new(session(9), "a".into(), None, room_name("dev"), vec![body("hi")]);
    let said = room.effects(|hub, now, out| assert_eq!(hub.post(&mut post, now, out), Some(Ok(1))));
    assert_eq!(shown(&said), ["to #1: a: hi"]);
    // Members come and go meanwhile.
    room.join(ANN, "dev");
    room.join(ANN, "lobby");
    room.now += seconds(3600);
    room.tick();
    assert_eq!(
        shown(&room.join(BOB, "dev"))[1..3],
        ["to all: bob went to #dev from #lobby", "to #1: bob came from #lobby to #dev"]
    );
    room.leave(EAR, CloseReason::PeerClosed);
    room.now += seconds(3600);
    room.tick();
    assert_eq!(room.rooms(), ["#lobby 1", "#dev 1"], "bob is there");
}

/// Otherwise the stream would hear another room: the server sends by the number of a room.
#[test]
fn room_keeps_number_while_stream_listens() {
    let mut room = Room::of_with(HubSettings { max_rooms: 2, ..SETTINGS }, &["ann", "bob"]);
    listens(&mut room, EAR, "ops");
    listens(&mut room, session(8), "ops");
    let full = Refusal::TooManyRooms { limit: 2 };
    room.leave(session(8), CloseReason::PeerClosed);
    assert_eq!(refusal(&room.join(ANN, "dev"), ANN), &full);
    let looks_alike = Refusal::RoomLooksLike { room: room_name("0ps"), present: room_name("ops") };
    assert_eq!(refusal(&room.join(ANN, "0ps"), ANN), &looks_alike);
    room.now += seconds(3600);
    room.tick();
    assert_eq!(refusal(&room.join(ANN, "dev"), ANN), &full);
    room.leave(EAR, CloseReason::PeerClosed);
    assert_eq!(room.rooms(), ["#lobby 2"], "nobody listens any more");
    assert_eq!(shown(&room.join(ANN, "dev"))[3], "enter 1.0", "and its place is free");
}

#[test]
fn refused_stream_is_told_and_ends() {
    let mut room = Room::of_with(HubSettings { max_rooms: 1, ..SETTINGS }, &["ann"]);
    let effects = stream(&mut room, EAR, "dev", None, false);
    assert_eq!(refusal(&effects[..1], EAR), &Refusal::TooManyRooms { limit: 1 });
    assert_eq!(shown(&effects[1..]), ["hang up 7: quit"]);
}

#[test]
fn stop_tells_streams_too() {
    let mut room = Room::of(&["ann"]);
    listens(&mut room, EAR, "dev");
    let mut effects = Vec::new();
    room.hub.stop(&mut effects);
    assert_eq!(shown(&effects)[3..], ["to 7: goodbye: server stopping", "exit 1.7", "hang up 7: server stopping"]);
    assert_eq!(room.leave(EAR, CloseReason::PeerClosed), []);
    assert_eq!(room.hub.next_tick(), None);
}

/// A stream is not counted where joins and leaves are summed for a crowd.
#[test]
fn streams_make_no_crowd() {
    let mut room = Room::of(&["ann"]);
    (0..200).for_each(|number| listens(&mut room, session(100 + number), "lobby"));
    let effects = room.enter(BOB);
    let is_login = |effect: &Effect| matches!(effect, Effect::Room { room: LOBBY, notice: Notice::Login { .. }, .. });
    assert!(effects.iter().any(is_login), "{effects:?}");
}
