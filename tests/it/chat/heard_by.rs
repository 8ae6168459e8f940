//! The rooms that hear of a command are known before it runs: the server defers it by them.

use std::time::Duration;

use parlor::chat::{Effect, Heard, RoomIndex};
use parlor::protocol::{Command, Notice, SessionId};
use parlor::wire::{Inbound, Limits, Wire};

use super::{ANN, BOB, CAT, LOBBY, Room, session};

fn command(line: &str) -> Command {
    let mut decoder = Wire::Text.decoder(Limits { max_line: 4096, max_packet: 65_535, max_frame: 65_536 });
    decoder.feed(format!("{line}\n").as_bytes());
    match decoder.next() {
        Ok(Some(Inbound::Command(command))) => command,
        other => panic!("{line}: {other:?}"),
    }
}

fn rooms(rooms: &[RoomIndex]) -> Heard {
    Heard::Rooms(rooms.to_vec())
}

/// The room, or the one session, to which a line of these effects goes; leaving is not told of.
fn told(asker: SessionId, effects: &[Effect]) -> Heard {
    let one = |effect: &Effect| match effect {
        Effect::Room { notice: Notice::Went { .. } | Notice::Left { .. }, .. } => None,
        Effect::Room { room, .. } => Some(Heard::Rooms(vec![*room])),
        Effect::Tell(id, Notice::Told { .. }) if *id != asker => Some(Heard::Session(*id)),
        _ => None,
    };
    effects.iter().find_map(one).unwrap_or(Heard::Nobody)
}

#[test]
fn command_is_heard_where_it_says() {
    let dev = RoomIndex(1);
    for (line, expected) in [
        ("hello", rooms(&[dev])),
        ("/me waves", rooms(&[dev])),
        ("/topic ships", rooms(&[dev])),
        ("/topic", Heard::Nobody),
        ("/nick anna", rooms(&[dev])),
        ("rename|anna", rooms(&[dev])),
        ("/join lobby", rooms(&[LOBBY])),
        ("/join dev", Heard::Nobody),
        ("/leave", rooms(&[LOBBY])),
        ("/quit so long", rooms(&[dev])),
        ("/quit", Heard::Nobody),
        ("/msg bob hi", Heard::Session(BOB)),
        ("/msg nobody hi", Heard::Nobody),
        ("/reply hi", Heard::Session(CAT)),
        ("/who", Heard::Nobody),
        ("/history 5", Heard::Nobody),
        ("/away", Heard::Nobody),
    ] {
        let mut room = Room::of(&["ann", "bob", "cat"]);
        room.join(ANN, "dev");
        room.join(CAT, "dev");
        room.msg(CAT, "ann", "psst");
        room.now += Duration::from_secs(60); // moves are told one by one again
        room.tick();
        let command = command(line);
        assert_eq!(room.hub.heard_by(ANN, &command), expected, "{line}");
        let effects = room.does(ANN, command);
        assert_eq!(told(ANN, &effects), expected, "{line}: {effects:?}");
    }
}

#[test]
fn program_without_room_speaks_in_lobby() {
    let mut room = Room::of(&["ann"]);
    room.arrive(BOB, "json");
    for (line, expected) in [("hello", rooms(&[LOBBY])), ("/nick bert", Heard::Nobody), ("/join new", Heard::Nobody)] {
        assert_eq!(room.hub.heard_by(BOB, &command(line)), expected, "{line}");
    }
    assert_eq!(room.hub.heard_by(session(9), &command("hello")), Heard::Nobody, "no such session");
}
