//! Rooms: how they come to be, what they keep, and when they are gone.

#![allow(clippy::unwrap_used, clippy::panic, reason = "clippy's allow-…-in-tests does not reach a test's helpers")]

use std::time::Duration;

use parlor::chat::{Effect, HubSettings, RoomIndex};
use parlor::protocol::{CloseReason, Command, Line, Notice, Refusal};

use super::{ANN, BOB, CAT, LOBBY, Room, SETTINGS, address, at, refusal, room_name, say, seconds, session, shown};
use crate::support::values::body;

#[test]
fn join_makes_room_and_leave_goes_back() {
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
fn join_of_own_room_changes_nothing() {
    let mut room = Room::of(&["ann", "bob"]);
    for id in [ANN, BOB] {
        room.join(id, "dev");
    }
    room.types(BOB, "/topic tea");
    room.does(BOB, say("hi"));
    assert_eq!(shown(&room.join(ANN, "DEV")), ["to 0: in #dev with 1: bob"], "nothing is shown again");
    assert_eq!(room.rooms(), ["#lobby 0", "#dev 2"]);
    assert_eq!(shown(&room.does(ANN, say("ho"))), ["to #1: ann: ho"]);
}

#[test]
fn join_tells_topic_and_history() {
    let mut room = Room::of(&["ann", "bob", "cat"]);
    room.join(ANN, "dev");
    assert_eq!(shown(&room.types(ANN, "/topic")), ["to 0: #dev is about None"]);
    let set = ["to 0: #dev is about Some(\"tea, and cake\")", "to #1 but 0: ann set #dev to tea, and cake"];
    assert_eq!(shown(&room.types(ANN, "/topic tea, and cake")), set);
    room.does(ANN, say("hi"));
    assert_eq!(
        shown(&room.join(BOB, "dev"))[4..],
        ["to 1: in #dev with 1: ann", "to 1: #dev is about Some(\"tea, and cake\")", "to 1: history: ann: hi"]
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
fn empty_room_is_unlisted_except_lobby() {
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
fn empty_room_keeps_history_for_10_minutes() {
    let mut room = Room::of(&["ann", "bob"]);
    room.join(ANN, "dev");
    room.types(ANN, "/topic tea");
    room.does(ANN, say("hi"));
    room.does(ANN, Command::Leave);
    room.now += seconds(599);
    room.join(BOB, "ops"); // when a room is made, the forgotten ones make place
    assert_eq!(shown(&room.join(ANN, "dev"))[5..], ["to 0: #dev is about Some(\"tea\")", "to 0: history: ann: hi"]);
    room.does(ANN, Command::Leave);
    room.now += seconds(600);
    room.join(BOB, "other");
    assert_eq!(shown(&room.join(ANN, "dev"))[4..], ["to 0: in #dev with 0: "]);
    let effects = room.does(ANN, say("hi"));
    assert!(matches!(&effects[..], [Effect::Room { notice: Notice::Said(Line { seq: 2, .. }), .. }]), "{effects:?}");
}

/// Its memory is given back though nobody comes by.
#[test]
fn tick_forgets_empty_room_after_10_minutes() {
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

/// A question for what came after a number brings it, or tells how much of it is lost, also where the
/// room has gone in between and was made anew.
#[test]
fn room_made_anew_counts_on() {
    let mut room = Room::with(HubSettings { max_rooms: 2, ..SETTINGS });
    (0..2).for_each(|id| drop(room.enter(session(id))));
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
            Effect::Tell(_, Notice::InRoom { since, .. } | Notice::HistoryEnd { since, .. }) => Some(*since),
            _ => None,
        };
        effects.iter().find_map(since)
    };
    assert_eq!(born(&effects), Some(at(room.now).unix_ms), "by which it is told from the one before");
    (1..=5).for_each(|n| drop(room.does(ANN, say(&format!("new{n}")))));
    let ask = |room: &mut Room, after| room.does(BOB, Command::HistoryAfter(Some(room_name("dev")), after));
    let missed = ask(&mut room, 3);
    assert_eq!(born(&missed), Some(at(seconds(20)).unix_ms));
    let lines: Vec<String> = (1..=5).map(|n| format!("to 1: history: {}: new{n}", address(ANN))).collect();
    assert_eq!(shown(&missed)[..5], lines);
    assert_eq!(shown(&missed)[5], "to 1: end of history at 8, 0 lost");
    assert!(shown(&ask(&mut room, 1)).ends_with(&["to 1: end of history at 8, 2 lost".to_owned()]));
}

/// A room in which nothing was said gives way before one whose past somebody may come back for.
#[test]
fn room_without_lines_gives_way_first() {
    let mut room = Room::with(HubSettings { max_rooms: 4, ..SETTINGS });
    (0..2).for_each(|id| drop(room.enter(session(id))));
    room.join(ANN, "dev");
    room.does(ANN, say("hi"));
    room.does(ANN, Command::Leave);
    for n in 0..20 {
        room.now += seconds(1);
        room.join(BOB, &format!("x{n}x"));
    }
    assert!(shown(&room.join(ANN, "dev")).contains(&format!("to 0: history: {}: hi", address(ANN))));
}

/// It is in no list, so its name is in nobody's way.
#[test]
fn empty_room_gives_way_to_look_alike() {
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
    assert!(shown(&room.enter(session(2))).contains(&"to 2: history: ann: hi".to_owned()));
}

/// A program that names a room means that one, and not where it happens to be.
#[test]
fn request_for_other_room_is_refused() {
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
    let (_, _) = room.arrive(session(2), "json");
    assert!(
        shown(&room.does(session(2), inside("lobby", say("hi")))).last().unwrap().ends_with(": hi"),
        "its first line"
    );
}

/// A session that connects is told the topic in its greeting.
#[test]
fn greeting_includes_topic() {
    let mut room = Room::of(&["ann"]);
    room.types(ANN, "/topic tea");
    let greeting = shown(&room.enter(BOB));
    let welcome = greeting.iter().position(|line| line.starts_with("to 1: welcome")).unwrap();
    assert_eq!(greeting[welcome + 1], "to 1: #lobby is about Some(\"tea\")");
}

/// Also when nobody made another room in between.
#[test]
fn join_finds_empty_room_forgotten() {
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
fn history_finds_empty_room_forgotten() {
    let mut room = Room::of(&["ann"]);
    room.join(ANN, "dev");
    room.does(ANN, say("hi"));
    room.does(ANN, Command::Leave);
    let mut ask = |up| {
        room.now = seconds(up);
        shown(&room.does(ANN, Command::HistoryAfter(Some(room_name("dev")), 0)))
    };
    assert_eq!(ask(599), ["to 0: history: ann: hi", "to 0: end of history at 1, 0 lost"]);
    assert!(ask(600)[0].starts_with("to 0: refused: There is no room #dev"), "{:?}", ask(600));
}

/// The lobby keeps its history, however long it is empty.
#[test]
fn lobby_history_stays() {
    let mut room = Room::of(&["ann"]);
    room.does(ANN, say("hi"));
    room.leave(ANN, CloseReason::PeerClosed);
    room.now = seconds(24 * 60 * 60);
    room.arrive(CAT, "json");
    room.join(CAT, "dev"); // when a room is made, the forgotten ones make place
    assert!(shown(&room.enter(BOB)).contains(&"to 1: history: ann: hi".to_owned()));
}

/// A room that looks like another is the other, or two people wait for each other in two rooms.
#[test]
fn look_alike_of_room_is_refused() {
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
fn room_257_is_refused() {
    let mut room = Room::of(&["ann"]);
    for index in 1..256 {
        let id = session(u64::from(index));
        room.enter(id);
        let effects = room.join(id, &format!("room-{index}"));
        assert!(effects.contains(&Effect::Enter(RoomIndex(index), id)), "{effects:?}");
    }
    assert_eq!(room.rooms().len(), 256);
    assert_eq!(refusal(&room.join(ANN, "one-more"), ANN), &Refusal::TooManyRooms { limit: 256 });
    assert_eq!(shown(&room.does(ANN, say("hi"))), ["to all: ann: hi"], "still where she was");
    assert!(room.join(ANN, "room-7").contains(&Effect::Enter(RoomIndex(7), ANN)), "one that is there is joined");
    // An empty room's past makes way for a new room: the one that has been empty for longest.
    for (id, after) in [(session(9), 1), (session(8), 2)] {
        room.now += seconds(after);
        room.join(id, "room-7");
    }
    room.now += seconds(1);
    assert!(room.join(ANN, "one-more").contains(&Effect::Enter(RoomIndex(9), ANN)));
    assert!(room.join(session(10), "two-more").contains(&Effect::Enter(RoomIndex(8), session(10))));
    assert!(room.join(session(11), "lobby").contains(&Effect::Enter(LOBBY, session(11))), "though nobody was in it");
}

#[test]
fn who_lists_own_or_named_room() {
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

/// Only the history of an empty room is kept: `/who` and `/rooms` do not know it.
#[test]
fn who_finds_no_empty_room() {
    let mut room = Room::of(&["ann"]);
    room.join(ANN, "dev");
    room.does(ANN, Command::Leave);
    assert_eq!(refusal(&room.types(ANN, "/who #dev"), ANN), &Refusal::NoRoom { room: room_name("dev") });
    assert_eq!(shown(&room.types(ANN, "/who #lobby")), ["to 0: in #lobby: ann"]);
}

#[test]
fn private_line_crosses_rooms() {
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

mod exhaustive {
    use super::*;

    #[test]
    fn thousands_of_joins_leave_nothing_behind() {
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
}
