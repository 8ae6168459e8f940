//! One of every kind of notice, refusal and reason there is.

#![allow(clippy::unwrap_used, clippy::panic, reason = "clippy's allow-…-in-tests does not reach a test's helpers")]

use std::sync::Arc;
use std::time::Duration;

use parlor::protocol::{
    Away, COMMANDS, CloseKind, CloseReason, IdleLimits, Malformed, Notice, Presence, Refusal, Resource, RoomInfo,
    RoomName, Speaker, StyleChange,
};

use super::{said, speaker};
use crate::support::values::body;

pub(super) fn all_reasons() -> Vec<CloseReason> {
    use CloseReason::{
        Dismissed, HandlerPanicked, Idle, NotJoined, Panicked, PeerClosed, Quit, ReadFailed, ServerStopping, Silent,
        WriteFailed, WriteTimeout, WrongProtocol,
    };
    let all = vec![
        Quit,
        PeerClosed,
        Idle { seconds: 30 },
        WriteTimeout,
        CloseReason::Malformed(Malformed::RelayLineTooLong),
        WrongProtocol("HTTP"),
        ServerStopping,
        ReadFailed,
        WriteFailed,
        Panicked,
        NotJoined,
        Dismissed,
        Silent,
        HandlerPanicked("route 7".into()),
    ];
    assert!(all.iter().map(CloseReason::kind).eq(CloseKind::ALL), "a reason is missing here");
    all
}

pub(super) fn all_refusals() -> Vec<Refusal> {
    let name = || "mike".to_owned();
    let free = |names: &[&str]| Refusal::Taken { name: name(), free: names.iter().map(|&name| name.into()).collect() };
    vec![
        Refusal::TooLong { bytes: u64::MAX, limit: 4096 },
        Refusal::UnknownCommand { word: name(), literally: "//mike".into(), like: Some("me") },
        Refusal::UnknownCommand { word: name(), literally: String::new(), like: None },
        Refusal::LooksLikeCommand,
        Refusal::NoCharset { label: "utf-16".into() },
        Refusal::OtherProtocol { name: "IRC", hint: "To be called mike: rename|mike".into() },
        Refusal::Ambiguous { word: "s".into(), among: vec!["say", "stay"] },
        Refusal::Usage { usage: "/msg NAME TEXT".into() },
        Refusal::NoName,
        Refusal::BadName { instead: Some(name()) },
        Refusal::BadName { instead: None },
        Refusal::AddressName { name: "127.0.0.1".into() },
        Refusal::Reserved { name: "server".into() },
        free(&["mike2", "mike_", "mike7"]),
        free(&[]),
        Refusal::LooksLike { name: name(), present: name() },
        Refusal::NobodyCalled { name: name(), like: Some(name()) },
        Refusal::NobodyCalled { name: name(), like: None },
        Refusal::NobodyToAnswer,
        Refusal::TwoWrote { before: name(), last: "ann".into() },
        Refusal::Full { limit: 4096 },
        Refusal::TooManyFrom { address: [10, 0, 0, 7].into(), limit: 16 },
        Refusal::TooManyFrom { address: "2001:db8::".parse().unwrap(), limit: 16 },
        Refusal::TooManySilent { limit: 1024 },
        Refusal::Busy { lack: Resource::Thread },
        Refusal::BadRoom,
        Refusal::NoRoom { room: RoomName::parse("dev").unwrap() },
        Refusal::TooManyRooms { limit: 256 },
        Refusal::IgnoresItself,
        Refusal::IgnoresTooMany { limit: 64 },
        Refusal::BadPacket { why: "No Act".into() },
        Refusal::UnknownAct { act: "dance\n".into() },
        Refusal::UnknownRoute { route: 7 },
    ]
}

/// Every notice in its kinds.
pub(super) fn all_notices() -> Vec<Notice> {
    let (ann, bob) = (speaker(1, "ann"), speaker(2, "127.0.0.1:5002"));
    let (room, hi) = (RoomName::lobby(), body("hi *** all"));
    let welcome = |others: usize, others_total, door: &str, idle| Notice::Welcome {
        you: speaker(1, "ann"),
        room: RoomName::lobby(),
        others: (0..others).map(|n| format!("mike{n}").into()).collect(),
        others_total,
        door: door.into(),
        idle,
    };
    let presence = |who: &Arc<Speaker>, seconds| Presence {
        who: Arc::clone(who),
        idle: Duration::from_secs(seconds),
        here: Duration::from_secs(seconds * 90),
        away: (seconds > 3).then(|| Away((seconds > 100).then(|| body("at lunch")))),
        rooms: Vec::new(),
    };
    let dev = || RoomName::parse("dev").unwrap();
    let in_room = |others: usize, others_total| Notice::InRoom {
        you: speaker(1, "ann"),
        room: dev(),
        others: (0..others).map(|n| format!("mike{n}").into()).collect(),
        others_total,
        since: u64::MAX,
    };
    let idle = IdleLimits { at_first: Duration::from_secs(30), later: Duration::from_secs(1800) };
    let mut all = vec![
        Notice::IAmHere(Arc::clone(&ann)),
        Notice::Login { who: Arc::clone(&ann), room: dev() },
        welcome(0, 0, "127.0.0.1:8000", idle),
        welcome(0, 0, "[2001:db8::7]:8000", IdleLimits::same(Duration::ZERO)),
        welcome(1, 1, "127.0.0.1:8000", IdleLimits::same(Duration::from_secs(300))),
        welcome(Notice::MAX_WELCOME_NAMES, 4095, "127.0.0.1:8000", idle),
        Notice::Said(said("ann", "hi *** all")),
        Notice::Acted(said("ann", "hi *** all")),
        Notice::Told { from: Arc::clone(&ann), body: hi.clone() },
        Notice::ToldTo { to: Arc::clone(&bob), body: hi },
        Notice::Renamed { who: Arc::clone(&ann), old: "bob".into(), room: dev() },
        Notice::RenameOk,
        Notice::YouAre(Arc::clone(&ann)),
        Notice::UserList(vec![Arc::clone(&ann), Arc::clone(&bob)]),
        Notice::UserList(vec![]),
        Notice::Names { room: room.clone(), people: vec![presence(&ann, 3), presence(&bob, 200_000)] },
        Notice::Names { room: room.clone(), people: vec![presence(&bob, 30)] },
        Notice::Names { room: room.clone(), people: vec![] },
        Notice::Help,
        Notice::Pong,
        Notice::StillHere,
        Notice::NotUtf8,
        Notice::Version,
        Notice::Uptime { up: Duration::from_secs(7300), people: 3 },
        Notice::Staying,
        Notice::Echo { on: true },
        Notice::Echo { on: false },
        Notice::RenameHint("mike".into()),
        Notice::IdleWarning { quiet: 20, left: 10 },
        Notice::SlowDown { rate: 5, waiting: 12 },
        Notice::Skipped { lines: 137, kept: true },
        Notice::Skipped { lines: 137, kept: false },
        Notice::Came { who: Arc::clone(&ann), from: Some(room.clone()), room: dev() },
        Notice::Went { who: Arc::clone(&ann), to: Some(room.clone()), room: dev() },
        Notice::JoinSummary { room: room.clone(), came: 37, left: 12 },
        Notice::HistoryLine { line: said("ann", "hi *** all"), is_action: false },
        Notice::HistoryLine { line: said("ann", "hi *** all"), is_action: true },
        Notice::HistoryEnd { room: room.clone(), last_seq: 57, lost: 0, since: 1_795_190_108_416 },
        Notice::HistoryEnd { room: room.clone(), last_seq: 57, lost: 12, since: u64::MAX },
        Notice::Topic { room: dev(), topic: Some(body("tea & cake")) },
        Notice::Topic { room: dev(), topic: None },
        Notice::TopicSet { who: Arc::clone(&ann), room: dev(), topic: body("tea & cake") },
        Notice::Rooms(vec![
            RoomInfo { name: room, people: 3, topic: Some(body("tea & cake")) },
            RoomInfo { name: dev(), people: 1, topic: None },
        ]),
        Notice::Rooms(vec![]),
        Notice::Whois { who: presence(&ann, 3), room: Some(dev()), by: "text".into() },
        Notice::Whois { who: presence(&bob, 200_000), room: None, by: "json".into() },
        Notice::YouAreAway(Away(None)),
        Notice::YouAreAway(Away(Some(body("at lunch")))),
        Notice::WelcomeBack,
        Notice::IsAway { who: Arc::clone(&ann), away: Away(None) },
        Notice::IsAway { who: Arc::clone(&ann), away: Away(Some(body("at lunch"))) },
        Notice::InRoom { you: Arc::clone(&ann), room: dev(), others: vec![], others_total: 0, since: 0 },
        in_room(1, 1),
        in_room(10, 300),
        Notice::DoExit,
    ];
    for on in [true, false] {
        all.extend([
            Notice::Ignoring { who: Arc::clone(&ann), on },
            Notice::Quiet { on },
            Notice::Style(StyleChange::Time(on)),
        ]);
        all.extend([Notice::Style(StyleChange::Address(on))]);
    }
    all.push(Notice::Charset);
    all.extend(COMMANDS.iter().map(Notice::HelpFor));
    all.extend(all_refusals().into_iter().map(Notice::Refused));
    all.extend(all_reasons().into_iter().map(|why| Notice::Left { who: Arc::clone(&ann), room: dev(), why }));
    all.extend(all_reasons().into_iter().map(Notice::Goodbye));
    all
}

/// The number of a notice's kind; the compiler says when one is missing here.
pub(super) fn kind(notice: &Notice) -> usize {
    match notice {
        Notice::IAmHere(_) => 0,
        Notice::Login { .. } => 1,
        Notice::Left { .. } => 2,
        Notice::Welcome { .. } => 3,
        Notice::Said { .. } => 4,
        Notice::Acted { .. } => 5,
        Notice::Told { .. } => 6,
        Notice::ToldTo { .. } => 7,
        Notice::Renamed { .. } => 8,
        Notice::RenameOk => 9,
        Notice::YouAre(_) => 10,
        Notice::UserList(_) => 11,
        Notice::Names { .. } => 12,
        Notice::Help => 13,
        Notice::HelpFor(_) => 14,
        Notice::Pong => 15,
        Notice::StillHere => 16,
        Notice::Version => 17,
        Notice::Uptime { .. } => 18,
        Notice::Staying => 19,
        Notice::Echo { .. } => 20,
        Notice::RenameHint(_) => 21,
        Notice::IdleWarning { .. } => 22,
        Notice::SlowDown { .. } => 23,
        Notice::Skipped { .. } => 24,
        Notice::Refused(_) => 25,
        Notice::Goodbye(_) => 26,
        Notice::Came { .. } => 27,
        Notice::Went { .. } => 28,
        Notice::JoinSummary { .. } => 29,
        Notice::HistoryLine { .. } => 30,
        Notice::HistoryEnd { .. } => 31,
        Notice::Topic { .. } => 32,
        Notice::TopicSet { .. } => 33,
        Notice::Rooms(_) => 34,
        Notice::Whois { .. } => 35,
        Notice::YouAreAway(_) => 36,
        Notice::WelcomeBack => 37,
        Notice::IsAway { .. } => 38,
        Notice::Ignoring { .. } => 39,
        Notice::Quiet { .. } => 40,
        Notice::Style(_) | Notice::Charset => 41,
        Notice::InRoom { .. } => 42,
        Notice::DoExit => 43,
        Notice::NotUtf8 => 44,
    }
}

/// How many kinds there are.
pub(super) const KINDS: usize = 45;
