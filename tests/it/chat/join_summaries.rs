//! Join summaries: many joins and leaves are told in one line.

#![allow(clippy::unwrap_used, clippy::panic, reason = "clippy's allow-…-in-tests does not reach a test's helpers")]

use std::time::Duration;

use parlor::chat::{Effect, HubSettings};
use parlor::protocol::{CloseReason, Command, Notice};

use super::{ANN, BOB, LOBBY, Room, SETTINGS, room_name, say, seconds, session, shown};

/// The joins and leaves that one call announces in the lobby.
fn moves(effects: &[Effect]) -> Vec<String> {
    let is_told =
        |effect: &&Effect| matches!(effect, Effect::Room { room: LOBBY, notice, .. } if notice.is_join_or_leave());
    effects.iter().filter(is_told).flat_map(|effect| shown(std::slice::from_ref(effect))).collect()
}

/// A script that counts people by the chat room's announcements needs each of them.
#[test]
fn classic_room_announces_everybody_singly() {
    let mut room = Room::with(HubSettings { classic: true, ..SETTINGS });
    for id in 0..120 {
        let told = room.enter(session(id));
        assert!(told.iter().any(|effect| matches!(effect, Effect::Room { notice: Notice::Login { .. }, .. })), "{id}");
    }
    for id in 0..120 {
        let told = room.leave(session(id), CloseReason::PeerClosed);
        assert!(told.iter().any(|effect| matches!(effect, Effect::Room { notice: Notice::Left { .. }, .. })), "{id}");
    }
}

#[test]
fn sixth_move_begins_a_summary() {
    let mut room = Room::of(&["ann"]); // one
    for id in (1..=4).map(session) {
        assert_eq!(moves(&room.enter(id)).len(), 1, "{id:?}");
    }
    assert_eq!(room.hub.next_tick(), None);
    room.now = Duration::from_millis(1500);
    let effects = room.enter(session(5));
    assert_eq!(moves(&effects), [""; 0]);
    assert!(shown(&effects).contains(&"to 5: 127.0.0.1:5005 login".to_owned()), "who comes sees it all the same");
    assert_eq!(moves(&room.leave(session(1), CloseReason::Quit)), [""; 0]);
    assert_eq!(moves(&room.join(session(2), "dev")), [""; 0]);
    assert_eq!(room.hub.next_tick(), Some(Duration::from_millis(3500)));
    room.now = Duration::from_millis(3499);
    assert_eq!(room.tick(), []);
    room.now = Duration::from_millis(3500);
    assert_eq!(shown(&room.tick()), ["to all: 1 came to #lobby, 2 left"]);
    assert_eq!((room.tick(), room.due()), (vec![], None), "once");
    room.now = Duration::from_millis(5499);
    assert_eq!(moves(&room.does(session(2), Command::Leave)), [""; 0]);
    assert_eq!(room.due(), Some(Duration::from_millis(7499)), "the next two seconds are counted too");
    room.now = Duration::from_millis(7499);
    assert_eq!(shown(&room.tick()), ["to all: 1 came to #lobby, 0 left"]);
    assert_eq!(moves(&room.enter(session(6))).len(), 1, "one by one again, since that was little");
}

#[test]
fn busy_window_sums_next_window_too() {
    let mut room = Room::of(&["ann"]); // one
    (1..=4).for_each(|id| assert_eq!(moves(&room.enter(session(id))).len(), 1, "{id}"));
    assert_eq!(moves(&room.enter(session(5))), [""; 0]);
    room.now = seconds(2);
    assert_eq!(shown(&room.tick()), ["to all: 1 came to #lobby, 0 left"]);
    room.now = Duration::from_millis(3999);
    assert_eq!(moves(&room.enter(session(6))), [""; 0]);
}

/// A listener that missed lines is told what it can read again.
#[test]
fn history_count_leaves_out_ignored() {
    let mut room = Room::of(&["ann", "bob"]);
    assert_eq!(room.hub.history_count(ANN), 0);
    room.does(ANN, say("hi"));
    room.does(BOB, say("hello"));
    room.does(BOB, say("well"));
    assert_eq!(room.hub.history_count(ANN), 3);
    room.does(ANN, Command::Ignore("bob".into()));
    assert_eq!(
        (room.hub.history_count(ANN), room.hub.history_count(BOB), room.hub.history_count(session(77))),
        (1, 3, 0)
    );
}

/// Not five lines and a count every two seconds, but the count alone.
#[test]
fn lasting_crowd_is_one_line_per_window() {
    let mut room = Room::of(&["ann", "bob"]);
    room.now = seconds(10);
    let mut told = Vec::new();
    for _ in 0..100 {
        for command in [Command::Join(room_name("dev")), Command::Leave] {
            room.now += Duration::from_millis(50);
            told.extend(moves(&room.tick()));
            told.extend(moves(&room.does(BOB, command)));
        }
    }
    let told: Vec<_> = told.iter().filter(|line| line.starts_with("to all:")).collect();
    let (one_by_one, counted): (Vec<_>, Vec<_>) = told.into_iter().partition(|line| line.contains(" bob "));
    assert_eq!((one_by_one.len(), counted.len()), (5, 4), "{one_by_one:?} {counted:?}");
    assert!(counted[1..].iter().all(|line| *line == "to all: 20 came to #lobby, 20 left"), "{counted:?}");
    room.now += seconds(2);
    room.tick();
    room.now += seconds(2);
    assert_eq!(moves(&room.join(BOB, "dev")).len(), 1, "when it is over, one by one again");
}

/// The manager works on events before it does what is due, so a move may come before the tick.
#[test]
fn late_tick_still_tells_summary() {
    let mut room = Room::of(&["ann"]);
    (1..=9).for_each(|id| drop(room.enter(session(id))));
    room.now = seconds(3);
    let mut told = moves(&room.leave(session(1), CloseReason::Quit));
    room.now = seconds(10);
    told.extend(moves(&room.tick()));
    assert!(told.iter().any(|line| line.starts_with("to all: 5 came to #lobby, ")), "{told:?}");
}

#[test]
fn five_moves_per_window_are_announced_singly() {
    let mut room = Room::empty();
    for number in 0..50 {
        room.now = seconds(number / 5 * 2);
        assert_eq!(moves(&room.enter(session(number))).len(), 1, "{number}");
    }
}

#[test]
fn in_a_crowd_every_move_is_counted() {
    let mut room = Room::empty();
    for number in 0..100 {
        room.now += seconds(3);
        assert_eq!(moves(&room.enter(session(number))).len(), 1, "{number}");
    }
    room.now += seconds(3);
    assert_eq!(moves(&room.enter(session(100))), [""; 0], "the 101st");
    room.now += seconds(2);
    assert_eq!(shown(&room.tick()), ["to all: 1 came to #lobby, 0 left"]);
    room.now += seconds(1);
    assert_eq!(moves(&room.leave(session(7), CloseReason::Quit)).len(), 1, "a hundred are no crowd");
}

/// A thousand within a second: a handful of lines, not a million; and each is greeted.
#[test]
fn many_joins_become_few_lines() {
    let mut room = Room::of(&["ann"]);
    room.now = seconds(10);
    let (mut lines, mut greetings) = (0, 0);
    for number in 1..=1000 {
        room.now += Duration::from_millis(1);
        let effects = room.enter(session(number));
        lines += moves(&effects).len();
        greetings += effects.iter().filter(|effect| matches!(effect, Effect::Tell(_, Notice::Welcome { .. }))).count();
    }
    while let Some(due) = room.hub.next_tick() {
        room.now = due;
        lines += moves(&room.tick()).len();
    }
    assert_eq!((lines, greetings), (6, 1000));
}

#[test]
fn room_in_anothers_place_counts_afresh() {
    let mut room = Room::with(HubSettings { max_rooms: 2, ..SETTINGS });
    room.enter(ANN);
    for number in 1..=5 {
        room.arrive(session(number), "json");
        room.join(session(number), "dev");
        room.leave(session(number), CloseReason::Quit);
    }
    let effects = shown(&room.join(ANN, "zoo"));
    assert!(effects.iter().any(|effect| effect.contains("came from #lobby to #zoo")), "told singly: {effects:?}");
    room.now += seconds(2);
    let told = shown(&room.tick());
    assert!(!told.iter().any(|effect| effect.contains("#zoo") || effect.contains("#dev")), "{told:?}");
}
