//! Sessions in several rooms: what a request acts in, and what each room hears.

#![allow(clippy::unwrap_used, clippy::panic, reason = "clippy's allow-…-in-tests does not reach a test's helpers")]

use parlor::chat::{Effect, Heard, HubSettings, RoomIndex};
use parlor::protocol::{CloseReason, Command, Notice, Refusal, RoomName, SessionId, VisitTo};

use super::{ANN, BOB, CAT, LOBBY, Room, SETTINGS, refusal, room_name, say, seconds, session, shown};
use crate::support::values::{body, nick};

fn join_also(room: &mut Room, id: SessionId, name: &str) -> Vec<Effect> {
    room.does(id, Command::JoinAlso(room_name(name)))
}

fn leave_room(room: &mut Room, id: SessionId, name: &str) -> Vec<Effect> {
    room.does(id, Command::LeaveRoom(room_name(name)))
}

fn inside(name: &str, command: Command) -> Command {
    Command::In(room_name(name), Box::new(command))
}

/// Ann and bob in #lobby by the text door, cat by the json door in #lobby (0), #dev (1) and #ops (2).
fn three_rooms() -> Room {
    let mut room = Room::of(&["ann", "bob"]);
    room.arrive(CAT, "json");
    room.rename(CAT, "cat");
    for name in ["lobby", "dev", "ops"] {
        join_also(&mut room, CAT, name);
    }
    room.join(BOB, "dev");
    room.now = seconds(60); // joins are announced one by one again
    room.tick();
    room
}

/// The rooms of a session as `/whois` tells them, the current one first.
fn rooms_of(room: &mut Room, name: &str) -> Vec<String> {
    let asker = session(99);
    room.arrive(asker, "json");
    let effects = room.does(asker, Command::Whois(name.into()));
    room.leave(asker, CloseReason::PeerClosed);
    let [Effect::Tell(_, Notice::Whois { who, room: current, .. })] = effects.as_slice() else { panic!("{effects:?}") };
    let mut rooms: Vec<String> = who.rooms.iter().map(RoomName::to_string).collect();
    let current: Vec<String> = current.iter().map(RoomName::to_string).collect();
    assert_ne!(rooms.len(), 1, "one room is told by itself");
    if rooms.is_empty() {
        rooms.clone_from(&current);
    }
    assert_eq!(rooms.first(), current.first());
    rooms
}

#[test]
fn join_also_adds_a_room() {
    let mut room = Room::of(&["ann"]);
    room.arrive(BOB, "json");
    room.rename(BOB, "bob");
    assert_eq!(
        shown(&join_also(&mut room, BOB, "lobby")),
        ["to all: bob login", "enter 0.1", "to 1: in #lobby with 1: ann"],
        "the first one is joined as ever"
    );
    assert_eq!(
        shown(&join_also(&mut room, BOB, "dev")),
        ["to #1: bob came to #dev", "enter 1.1", "to 1: in #dev with 0: "]
    );
    assert_eq!(rooms_of(&mut room, "bob"), ["#dev", "#lobby"]);
    assert_eq!(room.rooms(), ["#lobby 2", "#dev 1"]);
    assert_eq!(shown(&join_also(&mut room, BOB, "lobby")), ["to 1: in #lobby with 1: ann"], "nobody hears it");
    assert_eq!(rooms_of(&mut room, "bob"), ["#lobby", "#dev"]);
}

#[test]
fn topic_and_history_follow_each_join() {
    let mut room = three_rooms();
    room.types(ANN, "/topic tea");
    room.does(BOB, say("hi"));
    room.arrive(session(3), "json");
    join_also(&mut room, session(3), "ops");
    assert_eq!(
        shown(&join_also(&mut room, session(3), "lobby"))[2..],
        ["to 3: in #lobby with 2: ann cat", "to 3: #lobby is about Some(\"tea\")"]
    );
    let effects = shown(&join_also(&mut room, session(3), "dev"));
    assert_eq!(effects[2..], ["to 3: in #dev with 2: cat bob", "to 3: history: bob: hi"]);
}

#[test]
fn session_joins_16_rooms_and_not_17() {
    let mut room = Room::empty();
    room.arrive(ANN, "json");
    for number in 1..=16 {
        let effects = join_also(&mut room, ANN, &format!("room-{number}"));
        assert!(effects.contains(&Effect::Enter(RoomIndex(number), ANN)), "{effects:?}");
    }
    let effects = join_also(&mut room, ANN, "room-17");
    assert_eq!(refusal(&effects, ANN), &Refusal::TooManyJoined { limit: 16 });
    assert_eq!(refusal(&effects, ANN).code().name(), "full");
    assert_eq!(room.rooms().len(), 17, "no room was made for it");
    assert!(shown(&join_also(&mut room, ANN, "room-3")).contains(&"to 0: in #room-3 with 0: ".to_owned()), "it is in");
    let moved = room.join(ANN, "room-17");
    assert!(moved.contains(&Effect::Exit(RoomIndex(3), ANN)) && moved.contains(&Effect::Enter(RoomIndex(17), ANN)));
    leave_room(&mut room, ANN, "room-5");
    assert!(join_also(&mut room, ANN, "room-18").iter().any(|effect| matches!(effect, Effect::Enter(..))));
    assert!(matches!(refusal(&join_also(&mut room, ANN, "room-19"), ANN), Refusal::TooManyJoined { .. }));
    let effects = room.leave(ANN, CloseReason::PeerClosed);
    assert_eq!(effects.iter().filter(|effect| matches!(effect, Effect::Exit(..))).count(), 16);
    assert_eq!(room.rooms(), ["#lobby 0"]);
}

#[test]
fn plain_join_leaves_current_room_alone() {
    let mut room = three_rooms();
    assert_eq!(
        shown(&room.join(CAT, "zoo")),
        [
            "exit 2.2",
            "to #2: cat went to #zoo from #ops",
            "to #3: cat came from #ops to #zoo",
            "enter 3.2",
            "to 2: in #zoo with 0: "
        ]
    );
    assert_eq!(rooms_of(&mut room, "cat"), ["#zoo", "#lobby", "#dev"]);
    assert_eq!(shown(&room.join(CAT, "lobby")), ["to 2: in #lobby with 1: ann"], "it is there: nothing is left");
    assert_eq!(rooms_of(&mut room, "cat"), ["#lobby", "#dev", "#zoo"]);
}

#[test]
fn leave_goes_back_room_by_room() {
    let mut room = three_rooms();
    assert_eq!(
        shown(&leave_room(&mut room, CAT, "lobby")),
        ["exit 0.2", "to all: cat left #lobby", "to 2: in #ops with 0: "],
        "the current room stays"
    );
    assert_eq!(
        shown(&room.does(CAT, Command::Leave)),
        ["exit 2.2", "to #2: cat left #ops", "to 2: in #dev with 1: bob"],
        "the room joined before is current"
    );
    assert_eq!(
        shown(&room.does(CAT, Command::Leave)),
        [
            "exit 1.2",
            "to #1: cat went to #lobby from #dev",
            "to all: cat came from #dev to #lobby",
            "enter 0.2",
            "to 2: in #lobby with 1: ann"
        ],
        "from the last one it goes to the lobby"
    );
    assert_eq!(shown(&leave_room(&mut room, CAT, "lobby")), ["to 2: in #lobby with 1: ann"]);
}

#[test]
fn leave_of_other_room_is_refused() {
    let mut room = three_rooms();
    let effects = leave_room(&mut room, ANN, "dev");
    assert_eq!(refusal(&effects, ANN), &Refusal::NotInRoom { room: room_name("dev") });
    assert_eq!(refusal(&effects, ANN).code().name(), "noroom");
    room.arrive(session(3), "json");
    for name in ["dev", "nowhere", "lobby"] {
        let effects = leave_room(&mut room, session(3), name);
        assert_eq!(refusal(&effects, session(3)), &Refusal::NotInRoom { room: room_name(name) });
    }
}

#[test]
fn request_acts_in_room_that_it_names() {
    let mut room = three_rooms();
    assert_eq!(shown(&room.does(CAT, say("here"))), ["to #2: cat: here"], "the current room");
    assert_eq!(shown(&room.does(CAT, inside("dev", say("there")))), ["to #1: cat: there"]);
    assert_eq!(shown(&room.does(CAT, inside("lobby", Command::Me(body("waves"))))), ["to all: * cat waves"]);
    assert_eq!(
        shown(&room.does(CAT, inside("dev", Command::Topic(Some(body("ships")))))),
        ["to 2: #dev is about Some(\"ships\")", "to #1 but 2: cat set #dev to ships"]
    );
    assert_eq!(
        shown(&room.does(CAT, inside("dev", Command::History(9)))),
        ["to 2: history: cat: there", "to 2: end of history at 1, 0 lost"]
    );
    assert_eq!(rooms_of(&mut room, "cat"), ["#ops", "#lobby", "#dev"], "and the current room stays");
    let effects = room.does(CAT, inside("zoo", say("lost")));
    assert_eq!(refusal(&effects, CAT), &Refusal::OtherRoom { named: room_name("zoo"), present: room_name("ops") });
}

#[test]
fn rename_is_heard_in_every_room() {
    let mut room = three_rooms();
    assert_eq!(
        shown(&room.does(CAT, Command::Nick(nick("zoe")))),
        [
            "to 2: you are zoe",
            "to #2 but 2: cat is now zoe",
            "to all but 2: cat is now zoe",
            "to #1 but 2: cat is now zoe"
        ]
    );
    assert_eq!(room.does(CAT, Command::Nick(nick("zoe"))).len(), 1, "the same name is no news");
}

#[test]
fn quit_is_heard_in_every_room() {
    let mut room = three_rooms();
    assert_eq!(
        shown(&room.does(CAT, Command::Quit(Some(body("bye"))))),
        [
            "to #2: cat: bye",
            "to 2: goodbye: quit",
            "exit 2.2",
            "to #2: cat left: quit",
            "exit 0.2",
            "to all: cat left: quit",
            "exit 1.2",
            "to #1: cat left: quit",
            "hang up 2: quit",
        ]
    );
    assert_eq!(room.rooms(), ["#lobby 1", "#dev 1"]);
    assert_eq!((room.names(ANN), room.names(BOB)), (vec!["ann".to_owned()], vec!["bob".to_owned()]));
}

#[test]
fn stop_takes_session_out_of_every_room() {
    let mut room = three_rooms();
    let effects = room.effects(|hub, _, out| hub.stop(out));
    let effects = shown(&effects);
    let of_cat: Vec<_> = effects.iter().filter(|effect| effect.ends_with(".2") || effect.contains(" 2:")).collect();
    assert_eq!(
        of_cat,
        ["to 2: goodbye: server stopping", "exit 2.2", "exit 0.2", "exit 1.2", "hang up 2: server stopping"]
    );
}

#[test]
fn lists_show_rooms_of_people_in_several() {
    let mut room = three_rooms();
    let effects = room.does(ANN, Command::Who(Some(room_name("dev"))));
    let [Effect::Tell(ANN, Notice::Names { people, .. })] = effects.as_slice() else { panic!("{effects:?}") };
    let rooms: Vec<(&str, Vec<&str>)> =
        people.iter().map(|one| (&*one.who.name, one.rooms.iter().map(RoomName::as_str).collect())).collect();
    assert_eq!(rooms, [("cat", vec!["ops", "lobby", "dev"]), ("bob", vec![])]);
    assert_eq!(rooms_of(&mut room, "bob"), ["#dev"]);
    assert_eq!(room.names(ANN), ["ann", "cat"], "the old chat room's list is of one room");
}

#[test]
fn list_of_many_shows_1024_rooms() {
    let mut room = Room::with(HubSettings { max_rooms: 512, ..SETTINGS });
    for number in 0..100 {
        room.arrive(session(number), "json");
        (0..16).for_each(|other| drop(join_also(&mut room, session(number), &format!("room-{other}"))));
    }
    let effects = room.does(ANN, Command::Who(Some(room_name("room-7"))));
    let [Effect::Tell(ANN, Notice::Names { people, .. })] = effects.as_slice() else { panic!("{effects:?}") };
    assert_eq!((people.len(), people.iter().map(|one| one.rooms.len()).sum()), (100, 1024));
}

/// The lines that were skipped may be of any room, and `/history` shows one.
#[test]
fn history_count_is_of_one_room() {
    let mut room = three_rooms();
    room.does(CAT, say("hi"));
    assert_eq!(room.hub.history_count(CAT), 0);
    leave_room(&mut room, CAT, "dev");
    leave_room(&mut room, CAT, "lobby");
    assert_eq!(room.hub.history_count(CAT), 1);
}

#[test]
fn visit_to_joined_room_comes_back_once() {
    let mut room = three_rooms();
    let visit = |to: &str| Command::Visit {
        name: Some(nick("deploy")),
        to: VisitTo::Room(Some(room_name(to))),
        body: body("done"),
    };
    for (to, place) in [("lobby", "all but 2"), ("dev", "#1 but 2"), ("ops", "#2 but 2")] {
        assert_eq!(
            shown(&room.does(CAT, visit(to))),
            ["to 2: deploy: done".to_owned(), format!("to {place}: deploy: done")]
        );
    }
    assert_eq!(shown(&room.does(ANN, visit("dev"))), ["to 0: deploy: done", "to #1: deploy: done"]);
}

#[test]
fn ignoring_is_for_all_rooms() {
    let mut room = three_rooms();
    room.does(BOB, say("hi"));
    assert_eq!(shown(&room.types(CAT, "/ignore bob"))[0], "filter 2: quiet false, 1 ignored");
    assert_eq!(shown(&room.does(CAT, inside("dev", Command::History(9)))), ["to 2: end of history at 1, 0 lost"]);
    assert_eq!(shown(&room.msg(BOB, "cat", "psst")), ["to 1: told to cat: psst"]);
    assert_eq!(shown(&room.msg(ANN, "cat", "psst"))[1], "to 2: told by ann: psst");
}

#[test]
fn room_limits_hold_for_further_rooms() {
    let mut room = Room::with(HubSettings { max_rooms: 3, ..SETTINGS });
    room.arrive(ANN, "json");
    for name in ["modem", "dev"] {
        join_also(&mut room, ANN, name);
    }
    assert!(matches!(refusal(&join_also(&mut room, ANN, "rnodem"), ANN), Refusal::RoomLooksLike { .. }));
    let effects = join_also(&mut room, ANN, "zoo");
    assert_eq!(refusal(&effects, ANN), &Refusal::TooManyRooms { limit: 3 });
    leave_room(&mut room, ANN, "modem");
    assert!(join_also(&mut room, ANN, "zoo").contains(&Effect::Enter(RoomIndex(1), ANN)), "an empty room gives way");
}

#[test]
fn further_room_counts_as_joining() {
    let mut room = Room::empty();
    room.arrive(ANN, "json");
    join_also(&mut room, ANN, "dev");
    room.now = seconds(30);
    assert_eq!(room.tick(), []);
}

#[test]
fn crowd_in_one_room_is_summed_there() {
    let mut room = three_rooms();
    for number in 10..20 {
        room.arrive(session(number), "json");
        join_also(&mut room, session(number), "ops");
        join_also(&mut room, session(number), "lobby");
    }
    room.now += seconds(2);
    let told = shown(&room.tick());
    assert_eq!(told, ["to #2: 5 came to #ops, 0 left", "to all: 5 came to #lobby, 0 left"]);
}

#[test]
fn command_of_several_rooms_reaches_each() {
    let mut room = three_rooms();
    let rooms = |rooms: &[RoomIndex]| Heard::Rooms(rooms.to_vec());
    let (dev, ops) = (RoomIndex(1), RoomIndex(2));
    room.join(ANN, "zoo");
    for (command, expected) in [
        (say("hi"), rooms(&[ops])),
        (inside("dev", say("hi")), rooms(&[dev])),
        (inside("zoo", say("hi")), Heard::Nobody),
        (Command::Nick(nick("zoe")), rooms(&[ops, LOBBY, dev])),
        (Command::JoinAlso(room_name("zoo")), rooms(&[RoomIndex(3)])),
        (Command::JoinAlso(room_name("dev")), Heard::Nobody),
        (Command::JoinAlso(room_name("new")), Heard::Nobody),
        (Command::Leave, Heard::Nobody),
        (Command::LeaveRoom(room_name("dev")), Heard::Nobody),
        (Command::Quit(Some(body("bye"))), rooms(&[ops])),
    ] {
        assert_eq!(room.hub.heard_by(CAT, &command), expected, "{command:?}");
    }
}
