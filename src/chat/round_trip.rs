//! Tests that the shared state can be written down and read back: nothing that follows is different.

use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;

use super::{Arrival, Effect, Entry, Hub, HubSettings, Now, Post};
use crate::protocol::{Body, COMMANDS, CloseReason, Command, IdleLimits, Nick, RoomName, SessionId, Speaker};

const SETTINGS: HubSettings = HubSettings {
    idle: IdleLimits::same(Duration::ZERO),
    join_grace: Duration::from_secs(10),
    max_rooms: 4,
    history: 5,
    history_shown: 3,
    classic: false,
};
/// Sessions that may come.
const SESSIONS: u64 = 6;

#[derive(Debug, Clone)]
enum Step {
    Enter(u64, &'static str),
    /// A line of the text door, tagged or not.
    Types(u64, String, bool),
    JoinAlso(u64, &'static str),
    LeaveRoom(u64, &'static str),
    After(u64, &'static str, u64),
    Leave(u64),
    /// A stream begins: after a number or not, and ends or not.
    Listen(u64, &'static str, Option<u64>, bool),
    Post(&'static str, Option<&'static str>),
    /// Time passes, in seconds.
    Wait(u64),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let id = || 1..=SESSIONS;
    let room = || prop::sample::select(vec!["lobby", "dev", "ops", "d3v", "zoo"]);
    let door = prop::sample::select(vec!["text", "json", "frame"]);
    let words = prop::sample::select(vec![
        "say hi",
        "me waves",
        "nick ann",
        "nick bob",
        "nick b0b",
        "nick zoe",
        "nick Zoë",
        "msg ann psst",
        "msg bob hm",
        "msg bbo hm",
        "reply ok",
        "join dev",
        "join ops",
        "join d3v",
        "join zoo",
        "join lobby",
        "leave",
        "topic tea",
        "topic",
        "history",
        "history 2",
        "whois ann",
        "whois an",
        "who",
        "who dev",
        "rooms",
        "away",
        "away lunch",
        "back",
        "ignore ann",
        "unignore ann",
        "ignore 127.0.0.1:5001",
        "quiet on",
        "quiet off",
        "echo off",
        "quit",
        "quit bye",
    ]);
    let step = prop_oneof![
        3 => (id(), door).prop_map(|(id, door)| Step::Enter(id, door)),
        12 => (id(), words, any::<bool>()).prop_map(|(id, words, tagged)| Step::Types(id, words.to_owned(), tagged)),
        4 => (id(), room()).prop_map(|(id, room)| Step::JoinAlso(id, room)),
        1 => (id(), room()).prop_map(|(id, room)| Step::LeaveRoom(id, room)),
        1 => (id(), room(), 0..9_u64).prop_map(|(id, room, seq)| Step::After(id, room, seq)),
        2 => id().prop_map(Step::Leave),
        2 => (id(), room(), prop::option::of(0..9_u64), any::<bool>())
            .prop_map(|(id, room, after, ends)| Step::Listen(id, room, after, ends)),
        2 => (room(), prop::sample::select(vec![None, Some("ann"), Some("bot")]))
            .prop_map(|(room, name)| Step::Post(room, name)),
        1 => prop::sample::select(vec![1, 3, 400, 700]).prop_map(Step::Wait),
    ];
    prop::collection::vec(step, 1..60)
}

/// The command that a person types behind a slash.
fn typed(line: &str) -> Option<Command> {
    let (name, args) = line.split_once(' ').unwrap_or((line, ""));
    let spec = COMMANDS.iter().find(|spec| spec.name == name)?;
    spec.parse(args).ok()
}

fn room(name: &str) -> RoomName {
    RoomName::parse(name).unwrap_or_else(|_| RoomName::lobby())
}

fn command(step: &Step) -> Option<(u64, Command, bool)> {
    Some(match step {
        Step::Types(id, line, tagged) => (*id, typed(line)?, *tagged),
        Step::JoinAlso(id, name) => (*id, Command::JoinAlso(room(name)), false),
        Step::LeaveRoom(id, name) => (*id, Command::LeaveRoom(room(name)), false),
        Step::After(id, name, seq) => (*id, Command::HistoryAfter(Some(room(name)), *seq), false),
        Step::Enter(..) | Step::Leave(_) | Step::Listen(..) | Step::Post(..) | Step::Wait(_) => return None,
    })
}

fn arrival(id: u64, by: &'static str) -> Arrival {
    // Two sessions of each address.
    let address: Arc<str> = format!("127.0.0.1:{}", 5000 + id / 2).into();
    let name = if by == "text" { Arc::clone(&address) } else { id.to_string().into() };
    Arrival {
        speaker: Arc::new(Speaker { id: SessionId(id), address, name, visitor: None }),
        door: "127.0.0.1:8000".into(),
        by,
        echo: true,
        unsolicited: by != "frame",
        entry: if by == "text" { Entry::Lobby } else { Entry::Nowhere { timed: by == "json" } },
    }
}

/// Does one step, and what is due.
fn does(hub: &mut Hub, step: &Step, at: Now) -> Vec<Effect> {
    let mut out = Vec::new();
    let is_new = |id: &u64| {
        let id = SessionId(*id);
        !hub.state.people.is_present(id) && !hub.state.listeners.contains_key(&id)
    };
    match step {
        Step::Enter(id, by) if is_new(id) => hub.enter(arrival(*id, by), at, &mut out),
        Step::Listen(id, name, after, ends) if is_new(id) => {
            let entry = Entry::Stream { room: room(name), after: *after, ends: *ends };
            hub.enter(Arrival { entry, ..arrival(*id, "json") }, at, &mut out);
        }
        Step::Post(to, name) => {
            let name = name.and_then(|name| Nick::parse(name).ok());
            let line = Body::new("hi").into_iter().collect();
            hub.post(&mut Post::new(SessionId(99), "127.0.0.1:5099".into(), name, room(to), line), at, &mut out);
        }
        Step::Leave(id) => hub.leave(SessionId(*id), CloseReason::PeerClosed, at, &mut out),
        step => {
            if let Some((id, command, tagged)) = command(step) {
                hub.command(SessionId(id), command, tagged, at, &mut out);
            }
        }
    }
    hub.tick(at, &mut out);
    out
}

/// The same hub, whose shared state was written down and read back.
fn read_back(hub: &Hub) -> (Hub, String) {
    let written = serde_json::to_string(&hub.state).expect("a state can be written down");
    let state = serde_json::from_str(&written).expect("a state can be read back");
    (Hub { state, local: hub.local.clone() }, written)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn state_read_back_gives_same_effects(steps in steps()) {
        let start = Now { up: Duration::ZERO, unix_ms: 1_795_176_000_000 };
        let mut hub = Hub::new(SETTINGS, start);
        let mut other = Hub::new(SETTINGS, start);
        let mut passed = 0;
        for step in &steps {
            passed += if let Step::Wait(seconds) = step { seconds * 1000 } else { 100 };
            let at = Now { up: Duration::from_millis(passed), unix_ms: start.unix_ms + passed };
            prop_assert_eq!(does(&mut hub, step, at), does(&mut other, step, at));
            prop_assert_eq!(hub.next_tick(), other.next_tick());
            let (again, written) = read_back(&other);
            prop_assert_eq!(read_back(&hub).1, written, "the same state is the same text");
            other = again;
        }
        let (mut told, mut told_other) = (Vec::new(), Vec::new());
        hub.stop(&mut told);
        other.stop(&mut told_other);
        prop_assert_eq!(told, told_other);
    }
}

#[test]
fn invalid_state_is_not_read_back() {
    let hub = Hub::new(SETTINGS, Now { up: Duration::ZERO, unix_ms: 0 });
    let written = read_back(&hub).1;
    for (text, instead) in
        [("\"lobby\"", "\"not a room\""), ("\"limit\"", "\"limits\""), ("\"members\":[]", "\"members\":7")]
    {
        assert!(written.contains(text), "{written}");
        let broken = written.replace(text, instead);
        assert!(serde_json::from_str::<super::state::State>(&broken).is_err(), "{broken}");
    }
    let more = written.replacen('{', "{\"added\":[1,2],", 1);
    assert!(serde_json::from_str::<super::state::State>(&more).is_ok(), "unknown keys are ignored");
}
