//! Tests of the work that one command can cause, counted in characters looked at, not in time.
//!
//! CASES A1: `rename|12345678`, while somebody had that name, kept the manager busy for 65 ms: it tried
//! 10,000 variants for three that are free.

use std::cell::RefCell;
use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;

use super::{Arrival, Entry, Hub, HubSettings, Now};
use crate::protocol::{
    Body, COMMANDS, Command, IdleLimits, Nick, Notice, RoomName, SessionId, Speaker, VisitTo, counted,
};

/// People present: the default of `--max-clients`.
const PEOPLE: u64 = 4096;
/// Most characters whose look-alikes or case one command may look up (DESIGN, section 4).
const MAX_LOOK_UPS: usize = 4096;
const NOW: Now = Now { up: Duration::ZERO, unix_ms: 1_795_176_000_000 };
const SETTINGS: HubSettings = HubSettings {
    idle: IdleLimits::same(Duration::ZERO),
    join_grace: Duration::ZERO,
    max_rooms: 512,
    history: 10,
    history_shown: 10,
    classic: false,
};
const ASKER: SessionId = SessionId(FIRST_ID);
const FIRST_ID: u64 = 1 << 62;

/// Names whose variants are refused, taken, long when normalized, or costly to compare.
const HARD_NAMES: [&str; 9] = [
    "12345678",
    "mike",
    "mmmmmmmmmmmmmmmmmmmmmmmm",
    "ΐΐΐΐΐΐΐΐΐΐΐΐΐΐΐΐΐΐΐΐΐΐΐΐ",
    "ßßßßßßßßßßßßßßßßßßßßßßßß",
    "ộộộộộộộộộộộộộộộộộộộộộ",
    "家家家家家家家家家家家家家家家家家家家家家",
    "กำกำกำกำกำกำกำกำ",
    "lIlIlIlIlIlIlIlIlIlIlIlI",
];

fn enter(hub: &mut Hub, id: SessionId) {
    let name: Arc<str> = format!("127.0.0.1:{}", 5000 + (id.0 - FIRST_ID)).into();
    let speaker = Arc::new(Speaker { id, address: Arc::clone(&name), name, visitor: None });
    let (door, by, echo, entry) = ("127.0.0.1:8000".into(), "text", true, Entry::Lobby);
    hub.enter(Arrival { speaker, door, by, echo, unsolicited: true, entry }, NOW, &mut Vec::new());
    hub.appear(id, NOW, &mut Vec::new());
}

fn take_name(hub: &mut Hub, id: SessionId, name: &str) {
    let nick = Nick::parse(name).unwrap_or_else(|refusal| panic!("{name}: {refusal}"));
    let mut out = Vec::new();
    hub.command(id, Command::Nick(nick), false, NOW, &mut out);
    assert!(matches!(out.first(), Some(super::Effect::Tell(_, Notice::YouAre(_)))), "{name}: {out:?}");
}

/// A full server: everybody has a long name, and the variants of `mike` are all taken.
fn full() -> Hub {
    let mut hub = Hub::new(SETTINGS, NOW);
    let endings =
        ["2", "_", "7"].into_iter().map(str::to_owned).chain((3..40).filter(|n| *n != 7).map(|n| n.to_string()));
    let mikes = endings.map(|end| format!("mike{end}"));
    let long = (0..).map(|number| format!("{}{number:04}", "x".repeat(20)));
    let names = HARD_NAMES.into_iter().map(str::to_owned).chain(mikes).chain(long);
    enter(&mut hub, ASKER);
    for (id, name) in (1..PEOPLE).map(|number| SessionId(FIRST_ID + number)).zip(names) {
        enter(&mut hub, id);
        take_name(&mut hub, id, &name);
    }
    hub
}

/// Texts that are long or costly to compare.
fn texts() -> impl Strategy<Value = String> {
    let pieces = vec![
        "a",
        "m",
        "l",
        "I",
        "1",
        "0",
        "_",
        ".",
        "-",
        " ",
        "\t",
        "é",
        "ß",
        "ΐ",
        "İ",
        "ı",
        "ộ",
        "ำ",
        "และ",
        "家",
        "ー",
        "\u{307}",
        "\u{301}",
        "\u{327}",
        "\u{3164}",
        "\u{200b}",
        "\u{fdfa}",
        "\u{1d160}",
        "㊿",
        "𝐦",
        "ﬃ",
        "Ⅷ",
        "ᄀ",
        "각",
        "और",
        "mike",
        "xxxx",
        "12345678",
        "server",
        "guest-",
        "127.",
        "#",
        "|",
        "/",
    ];
    let piece = prop_oneof![4 => prop::sample::select(pieces).prop_map(str::to_owned), 1 => "\\PC".prop_map(|c| c)];
    let count = prop_oneof![4 => 1_usize..40, 1 => 1_usize..20_000];
    let repeated = (piece, count).prop_map(|(piece, count)| piece.repeat(count));
    let made = prop::collection::vec(repeated, 1..4).prop_map(|pieces| pieces.concat());
    prop_oneof![2 => made, 1 => prop::sample::select(HARD_NAMES.as_slice()).prop_map(str::to_owned), 1 => "\\PC{0,64}"]
}

/// Requests with text that are not rows of the table: programs name a receiver or a room in its own key.
fn others(text: &str) -> Vec<Command> {
    let Some(body) = Body::new("hi") else { return Vec::new() };
    let visit = |name, to| Command::Visit { name, to, body: body.clone() };
    let mut commands =
        vec![Command::Msg { to: text.to_owned(), body: body.clone() }, visit(None, VisitTo::Person(text.to_owned()))];
    if let Ok(nick) = Nick::parse(text) {
        commands.push(visit(Some(nick.clone()), VisitTo::Room(None)));
        commands.push(Command::Rename(nick));
    }
    if let Ok(room) = RoomName::parse(text) {
        commands.push(visit(None, VisitTo::Action(Some(room.clone()))));
        commands.push(Command::HistoryAfter(Some(room.clone()), 0));
        commands.push(Command::In(room, Box::new(Command::Leave)));
    }
    commands
}

#[test]
fn command_of_any_text_is_bounded_work() {
    let hub = RefCell::new(full());
    let check = |part: &str, text: &str| {
        let looked_at = counted::take();
        let start: String = text.chars().take(40).collect();
        assert!(
            looked_at <= MAX_LOOK_UPS,
            "{part} looks at {looked_at} characters for {start:?}, {} bytes",
            text.len()
        );
    };
    let obey = |command: Command, text: &str| {
        let hub = &mut *hub.borrow_mut();
        let part = format!("{command:.40?}");
        counted::take();
        hub.command(ASKER, command, false, NOW, &mut Vec::new());
        check(&part, text);
        if !hub.state.people.is_present(ASKER) {
            enter(hub, ASKER);
        }
    };
    let ask = |text: &str| {
        for spec in &COMMANDS {
            counted::take();
            let parsed = spec.parse(text);
            check(spec.name, text);
            if let Ok(command) = parsed {
                obey(command, text);
            }
        }
        counted::take();
        let commands = others(text);
        check("a request", text);
        for command in commands {
            obey(command, text);
        }
    };
    for name in HARD_NAMES.iter().copied().chain(["MIKE", "mіke", "㊿㊿㊿㊿________________", &"\u{fdfa}".repeat(24)])
    {
        ask(name);
    }
    let config = ProptestConfig { cases: 32, failure_persistence: None, ..ProptestConfig::default() };
    proptest!(config, |(text in texts())| ask(&text));
}
