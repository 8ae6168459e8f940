//! Lists of people, and commands that need no rule.

#![allow(clippy::unwrap_used, clippy::panic, reason = "clippy's allow-…-in-tests does not reach a test's helpers")]

use std::time::Duration;

use parlor::chat::Effect;
use parlor::protocol::{COMMANDS, CloseReason, Command, Notice};

use super::{ANN, BOB, CAT, Room, say};
use crate::support::values::body;

#[test]
fn lists_are_in_order_of_arrival() {
    let mut room = Room::of(&["ann", "bob", "cat"]);
    room.rename(ANN, "zoe");
    room.leave(BOB, CloseReason::PeerClosed);
    room.enter(BOB);
    let wanted = [("127.0.0.1:5000", "zoe"), ("127.0.0.1:5002", "cat"), ("127.0.0.1:5001", "127.0.0.1:5001")];
    assert_eq!(room.list(CAT), wanted.map(|(address, name)| (address.to_owned(), name.to_owned())));
}

#[test]
fn who_tells_times_of_each_person() {
    let mut room = Room::of(&["ann"]);
    room.now = Duration::from_secs(60);
    room.enter(BOB);
    room.now = Duration::from_secs(100);
    room.does(ANN, Command::Ping); // a question is not a word
    room.now = Duration::from_secs(130);
    room.does(BOB, say("hi"));
    room.now = Duration::from_secs(135);
    let effects = room.does(BOB, Command::Who(None));
    let [Effect::Tell(BOB, Notice::Names { room: name, people })] = effects.as_slice() else { panic!("{effects:?}") };
    assert_eq!(name.to_string(), "#lobby");
    let times: Vec<_> = people.iter().map(|one| (&*one.who.name, one.idle.as_secs(), one.here.as_secs())).collect();
    assert_eq!(times, [("ann", 135, 135), ("127.0.0.1:5001", 5, 75)]);
}

#[test]
fn private_lines_and_actions_end_silence() {
    let mut room = Room::of(&["ann", "bob"]);
    for (at, command) in
        [(10, Command::Me(body("waves"))), (20, Command::Msg { to: "bob".into(), body: body("psst") }), (30, say("hi"))]
    {
        room.now = Duration::from_secs(at);
        room.does(ANN, command);
        let effects = room.does(BOB, Command::Who(None));
        let [Effect::Tell(_, Notice::Names { people, .. })] = effects.as_slice() else { panic!("{effects:?}") };
        assert_eq!((people[0].idle.as_secs(), people[1].idle.as_secs()), (0, at));
    }
}

#[test]
fn plain_question_is_answered_to_asker_alone() {
    let mut room = Room::of(&["ann", "bob"]);
    room.now = Duration::from_secs(90);
    let spec = &COMMANDS[0];
    for (command, answer) in [
        (Command::Ping, Notice::Pong),
        (Command::Version, Notice::Version),
        (Command::Stay, Notice::Staying),
        (Command::Help(None), Notice::Help),
        (Command::Help(Some(spec)), Notice::HelpFor(spec)),
        (Command::Uptime, Notice::Uptime { up: Duration::from_secs(90), people: 2 }),
    ] {
        assert_eq!(room.does(BOB, command), [Effect::Tell(BOB, answer)]);
    }
}
