//! Visits: a line under a name of its own, from a session that is not in the room.

#![allow(clippy::unwrap_used, clippy::panic, reason = "clippy's allow-…-in-tests does not reach a test's helpers")]

use parlor::chat::Effect;
use parlor::protocol::{Command, Notice, Refusal, SessionId, Switch, VisitTo};

use super::{ANN, BOB, CAT, Room, refusal, room_name, seconds, session, shown};
use crate::support::values::{body, nick};

const BOT: SessionId = session(7);

fn visit(name: &str, to: VisitTo, text: &str) -> Command {
    Command::Visit { name: Some(nick(name)), to, body: body(text) }
}

fn to_lobby(name: &str) -> Command {
    visit(name, VisitTo::Room(None), "build 57 is up")
}

fn to_room(room: &str) -> Command {
    visit("deploy", VisitTo::Room(Some(room_name(room))), "build 57 is up")
}

/// Ann and bob in the lobby, and a program that is nowhere.
fn room_with_bot() -> Room {
    let mut room = Room::of(&["ann", "bob"]);
    room.arrive(BOT, "json");
    room
}

#[test]
fn visit_costs_the_room_one_line() {
    let mut room = room_with_bot();
    let said = "deploy: build 57 is up";
    assert_eq!(shown(&room.does(BOT, to_lobby("deploy"))), [format!("to 7: {said}"), format!("to all: {said}")]);
    let action = visit("deploy", VisitTo::Action(None), "is done");
    assert_eq!(shown(&room.does(BOT, action)), ["to 7: * deploy is done", "to all: * deploy is done"]);
    assert_eq!(room.names(ANN), ["ann", "bob"], "it came and left nobody");
    // The history keeps it, and the lines are counted on.
    let past = shown(&room.does(ANN, Command::History(9)));
    assert_eq!(
        past,
        [
            "to 0: history: deploy: build 57 is up",
            "to 0: history: * deploy is done",
            "to 0: end of history at 2, 0 lost"
        ]
    );
    // Without an echo the asker hears nothing; with a mark it does.
    room.does(BOT, Command::Echo(Switch::Off));
    assert_eq!(shown(&room.does(BOT, to_lobby("deploy"))), [format!("to all: {said}")]);
    let marked = room.effects(|hub, now, out| hub.command(BOT, to_lobby("deploy"), true, now, out));
    assert_eq!(shown(&marked), [format!("to 7: {said}"), format!("to all: {said}")]);
}

#[test]
fn visit_has_own_name_and_session_address() {
    let mut room = room_with_bot();
    let effects = room.does(BOT, to_lobby("deploy"));
    let [.., Effect::Room { notice: Notice::Said(line), .. }] = effects.as_slice() else { panic!("{effects:?}") };
    let own = room.does(BOT, Command::Whois("127.0.0.1:5007".into()));
    let [Effect::Tell(_, Notice::Whois { who, room: None, .. })] = own.as_slice() else { panic!("{own:?}") };
    assert_eq!((line.from.id, &line.from.address), (who.who.id, &who.who.address));
}

#[test]
fn visit_without_name_uses_session_name() {
    let mut room = Room::of(&["ann", "bob"]);
    let (bot, _) = room.arrive(BOT, "json");
    let anonymous = || Command::Visit { name: None, to: VisitTo::Room(None), body: body("hi") };
    assert_eq!(shown(&room.does(BOT, anonymous()))[1], format!("to all: {}: hi", bot.name));
    // Under its own name a session is itself, in any case.
    room.does(BOT, Command::Nick(nick("bot")));
    assert_eq!(shown(&room.does(BOT, anonymous()))[1], "to all: bot: hi");
    assert_eq!(shown(&room.does(BOT, to_lobby("BOT")))[1], "to all: bot: build 57 is up");
}

#[test]
fn visit_goes_to_occupied_room_only() {
    let mut room = room_with_bot();
    let missing = Refusal::NoRoom { room: room_name("dev") };
    assert_eq!(refusal(&room.does(BOT, to_room("dev")), BOT), &missing);
    room.join(BOB, "dev");
    assert_eq!(shown(&room.does(BOT, to_room("dev")))[1], "to #1: deploy: build 57 is up");
    // A member does not hear its own line twice, and its own room is meant where none is named.
    room.join(BOT, "dev");
    let said = "deploy: build 57 is up";
    let twice = [format!("to 7: {said}"), format!("to #1 but 7: {said}")];
    assert_eq!(shown(&room.does(BOT, to_lobby("deploy"))), twice);
    assert_eq!(shown(&room.does(BOT, to_room("lobby"))), [format!("to 7: {said}"), format!("to all: {said}")]);
    room.join(BOB, "lobby");
    room.join(BOT, "lobby");
    assert_eq!(refusal(&room.does(BOT, to_room("dev")), BOT), &missing, "an empty room is in no list");
}

#[test]
fn visit_name_of_somebody_present_is_refused() {
    let mut room = room_with_bot();
    assert!(matches!(refusal(&room.does(BOT, to_lobby("Ann")), BOT), Refusal::Taken { .. }));
    assert!(matches!(refusal(&room.does(BOT, to_lobby("b0b")), BOT), Refusal::LooksLike { .. }));
    // The name is held by nobody: somebody may take it after the visit.
    room.does(BOT, to_lobby("deploy"));
    assert_eq!(shown(&room.rename(ANN, "deploy"))[0], "to 0: RenameOk");
    assert!(matches!(refusal(&room.does(BOT, to_lobby("deploy")), BOT), Refusal::Taken { .. }));
}

#[test]
fn visit_to_one_person_stays_private() {
    let mut room = room_with_bot();
    let psst = |to: &str| visit("deploy", VisitTo::Person(to.into()), "psst");
    assert_eq!(shown(&room.does(BOT, psst("bob"))), ["to 7: told to bob: psst", "to 1: told by deploy: psst"]);
    assert!(matches!(refusal(&room.does(BOT, psst("mike")), BOT), Refusal::NobodyCalled { .. }));
    room.does(BOB, Command::Away(None));
    assert_eq!(shown(&room.does(BOT, psst("bob")))[2], "to 7: bob is away: None");
}

#[test]
fn ignored_visitor_stays_ignored_in_every_session() {
    let mut room = room_with_bot();
    // A name that nobody has borne may be a slip of the finger.
    assert!(matches!(refusal(&room.types(ANN, "/ignore deploy"), ANN), Refusal::NobodyCalled { .. }));
    room.does(BOT, to_lobby("deploy"));
    assert_eq!(shown(&room.types(ANN, "/ignore DEPLOY"))[1], "to 0: ignoring deploy: true");
    let psst = visit("deploy", VisitTo::Person("ann".into()), "psst");
    assert_eq!(shown(&room.does(BOT, psst.clone())), ["to 7: told to ann: psst"]);
    assert_eq!(shown(&room.does(ANN, Command::History(9))), ["to 0: end of history at 1, 0 lost"]);
    // Another session under that name is hidden too, the same session under another name is not.
    room.arrive(CAT, "json");
    let effects = room.does(CAT, to_lobby("deploy"));
    let filter = room.types(ANN, "/quiet off");
    let (Effect::Filter(_, filter), [.., Effect::Room { notice, .. }]) = (&filter[0], effects.as_slice()) else {
        panic!("{filter:?} {effects:?}");
    };
    assert!(filter.hides(notice.visitor(), false) && !filter.hides(notice.said_by(), false));
    assert_eq!(shown(&room.does(CAT, psst)), ["to 2: told to ann: psst"]);
    let other = visit("release", VisitTo::Person("ann".into()), "psst");
    assert_eq!(shown(&room.does(CAT, other))[1], "to 0: told by release: psst");
    assert_eq!(shown(&room.types(ANN, "/unignore deploy"))[1], "to 0: ignoring deploy: false");
    assert_eq!(shown(&room.does(ANN, Command::History(9))).len(), 3);
}

#[test]
fn ignored_session_is_hidden_when_it_visits() {
    let mut room = Room::of(&["ann", "bob"]);
    room.types(ANN, "/ignore bob");
    let psst = visit("bobby", VisitTo::Person("ann".into()), "psst");
    assert_eq!(shown(&room.does(BOB, psst)), ["to 1: told to ann: psst"]);
}

#[test]
fn visitors_forgotten_by_number_can_be_unignored() {
    let mut room = room_with_bot();
    room.does(BOT, to_lobby("deploy"));
    room.types(ANN, "/ignore deploy");
    for number in 0..300 {
        room.does(BOT, to_lobby(&format!("build{number}")));
    }
    assert!(matches!(refusal(&room.types(ANN, "/ignore build7"), ANN), Refusal::NobodyCalled { .. }));
    assert_eq!(shown(&room.types(ANN, "/ignore build299"))[1], "to 0: ignoring build299: true");
    assert_eq!(shown(&room.types(ANN, "/unignore deploy"))[1], "to 0: ignoring deploy: false");
    assert!(matches!(refusal(&room.types(ANN, "/unignore deploy"), ANN), Refusal::NobodyCalled { .. }));
}

#[test]
fn visiting_program_is_not_asked_to_leave() {
    let mut room = room_with_bot();
    room.arrive(CAT, "json");
    room.does(BOT, to_lobby("deploy"));
    room.now = seconds(30);
    assert_eq!(shown(&room.tick()), ["to 2: DoExit"]);
}
