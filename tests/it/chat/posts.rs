//! Posts: lines of a request, said as visits by a connection that is no session.

#![allow(clippy::unwrap_used, clippy::panic, reason = "clippy's allow-…-in-tests does not reach a test's helpers")]

use parlor::chat::{Effect, Heard, Post};
use parlor::protocol::{Command, Nick, Notice, Refusal};

use super::{ANN, BOB, LOBBY, Room, address, refusal, room_name, say, seconds, session, shown};
use crate::support::values::{body, nick};

/// Lines of the connection with the address `127.0.0.1:5007`.
fn post(name: Option<&str>, room: &str, lines: &[&str]) -> Post {
    let lines = lines.iter().map(|line| body(line)).collect();
    Post::new(session(7), address(session(7)).into(), name.map(nick), room_name(room), lines)
}

/// Says all lines of a post; returns what follows, and the answer.
fn says(room: &mut Room, mut post: Post) -> (Vec<Effect>, Result<usize, Refusal>) {
    let mut answer = None;
    let effects = room.effects(|hub, now, out| {
        while answer.is_none() {
            answer = hub.post(&mut post, now, out);
        }
    });
    (effects, answer.unwrap())
}

#[test]
fn post_says_each_line_and_nothing_else() {
    let mut room = Room::of(&["ann", "bob"]);
    let (effects, answer) = says(&mut room, post(Some("deploy"), "lobby", &["one", "two", "three"]));
    assert_eq!(shown(&effects), ["to all: deploy: one", "to all: deploy: two", "to all: deploy: three"]);
    assert_eq!(answer, Ok(3));
    assert_eq!(room.names(ANN), ["ann", "bob"], "it came and left nobody");
    let past = shown(&room.does(ANN, Command::History(2)));
    assert_eq!(past[..2], ["to 0: history: deploy: two", "to 0: history: deploy: three"]);
    assert_eq!(says(&mut room, post(None, "lobby", &[])).1, Ok(0));
}

#[test]
fn post_without_name_shows_address() {
    let mut room = Room::of(&["ann"]);
    let (effects, _) = says(&mut room, post(None, "lobby", &["hi"]));
    assert_eq!(shown(&effects), ["to all: 127.0.0.1:5007: hi"]);
    let [Effect::Room { notice: Notice::Said(line), .. }] = effects.as_slice() else { panic!("{effects:?}") };
    assert_eq!((&*line.from.address, line.from.id), ("127.0.0.1:5007", session(7)));
}

#[test]
fn refused_post_says_nothing() {
    let mut room = Room::of(&["ann", "bob"]);
    let mut refused = |name: Option<&str>, to: &str| {
        let (effects, answer) = says(&mut room, post(name, to, &["one", "two"]));
        assert_eq!(effects, []);
        answer.unwrap_err()
    };
    assert_eq!(refused(None, "dev"), Refusal::NoRoom { room: room_name("dev") });
    assert!(matches!(refused(Some("Ann"), "lobby"), Refusal::Taken { .. }));
    assert!(matches!(refused(Some("b0b"), "lobby"), Refusal::LooksLike { .. }));
    let mixed = Nick::parse("pаypal").unwrap(); // with a Cyrillic а
    assert!(matches!(refused(Some(mixed.as_str()), "lobby"), Refusal::MixedScripts { .. }));
    // An empty room is in no list, though its lines are kept.
    room.join(ANN, "dev");
    assert_eq!(says(&mut room, post(None, "dev", &["hi"])).1, Ok(1));
    room.join(ANN, "lobby");
    assert_eq!(says(&mut room, post(None, "dev", &["hi"])).1, Err(Refusal::NoRoom { room: room_name("dev") }));
}

/// Found by a newcomer: a person with the name Alertmanager silenced the alerts.
#[test]
fn webhook_with_taken_name_shows_address() {
    let mut room = Room::of(&["ann"]);
    let (effects, answer) = says(&mut room, post(Some("ann"), "lobby", &["disk full"]).by_address_if_taken());
    assert_eq!((shown(&effects), answer), (vec!["to all: 127.0.0.1:5007: disk full".to_owned()], Ok(1)));
    let (effects, _) = says(&mut room, post(Some("ci"), "lobby", &["hi"]).by_address_if_taken());
    assert_eq!(shown(&effects), ["to all: ci: hi"]);
}

/// Nobody knows the rest of such a post, so nobody could send it again.
#[test]
fn begun_post_goes_on_whatever_changes() {
    let mut room = Room::of(&["ann", "bob"]);
    room.join(ANN, "dev");
    let mut post = post(Some("deploy"), "dev", &["one", "two", "three"]);
    let next = |room: &mut Room, post: &mut Post| {
        let mut answer = None;
        let effects = room.effects(|hub, now, out| answer = hub.post(post, now, out));
        (shown(&effects), answer)
    };
    assert_eq!(next(&mut room, &mut post), (vec!["to #1: deploy: one".to_owned()], None));
    room.rename(BOB, "deploy");
    room.join(ANN, "lobby");
    assert_eq!(next(&mut room, &mut post), (vec!["to #1: deploy: two".to_owned()], None));
    room.now += seconds(601);
    room.tick();
    assert_eq!(next(&mut room, &mut post), (vec![], Some(Ok(2))), "the room has gone");
}

#[test]
fn ignored_name_hides_posts_and_visits() {
    let mut room = Room::of(&["ann", "bob"]);
    assert!(matches!(refusal(&room.types(ANN, "/ignore deploy"), ANN), Refusal::NobodyCalled { .. }));
    assert_eq!(says(&mut room, post(Some("deploy"), "lobby", &["hi"])).1, Ok(1));
    let effects = room.types(ANN, "/ignore DEPLOY");
    assert_eq!(shown(&effects)[1], "to 0: ignoring deploy: true");
    let Effect::Filter(_, filter) = &effects[0] else { panic!("{effects:?}") };
    let (effects, _) = says(&mut room, post(Some("deploy"), "lobby", &["ho"]));
    let [Effect::Room { notice, .. }] = effects.as_slice() else { panic!("{effects:?}") };
    assert!(filter.hides(notice.visitor(), false));
    room.does(BOB, say("hi"));
    assert_eq!(shown(&room.does(ANN, Command::History(9)))[..1], ["to 0: history: bob: hi"]);
}

#[test]
fn post_is_heard_by_its_room() {
    let room = Room::of(&["ann", "bob"]);
    assert_eq!(room.hub.heard_by_post(&post(None, "lobby", &["hi"])), Heard::Rooms(vec![LOBBY]));
    assert_eq!(room.hub.heard_by_post(&post(None, "dev", &["hi"])), Heard::Nobody);
}
