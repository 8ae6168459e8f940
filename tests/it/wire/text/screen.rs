//! A person's screen: nothing typed looks like the server's words, and no line of the server is too wide.

#![allow(clippy::unwrap_used, clippy::panic, reason = "clippy's allow-…-in-tests does not reach a test's helpers")]

use std::sync::Arc;
use std::time::Duration;

use parlor::protocol::{
    Away, Body, COMMANDS, CloseReason, Command, IdleLimits, Line, Malformed, Notice, Presence, Refusal, RoomInfo,
    RoomName, SessionId, Speaker,
};
use parlor::wire::{Encoding, Framing, Inbound, Key, Wire};
use proptest::collection::vec;
use proptest::prelude::*;
use unicode_width::UnicodeWidthStr as _;

use crate::wire::notices::{all_notices, all_refusals};
use crate::wire::{CLASSIC_LF, NOON, TEXT_CRLF_TIME, TEXT_LF, bytes, decode, encoded, encodings, object, speaker};

const ANNOUNCEMENTS: [&str; 4] = ["I am here", "login", "login out", "time out leave out"];

/// The words said by a door, if it was a line or last words.
fn said_by(wire: Wire, input: &[u8]) -> Vec<Body> {
    let (got, _) = decode(wire, 4096, [input]);
    let said = got.into_iter().filter_map(|one| match one {
        Inbound::Command(Command::Say(body) | Command::Quit(Some(body))) => Some(body),
        _ => None,
    });
    said.collect()
}

/// The same words by every door and by every command that says them to the room.
fn said_everywhere(words: &str) -> Vec<Body> {
    let packet = |act: &str| format!("{}\n", serde_json::json!({"Act": act, "Data": words})).into_bytes();
    let frame = |route: u32| {
        let data = words.as_bytes();
        [&route.to_le_bytes()[..], &u32::try_from(data.len()).unwrap().to_le_bytes(), data].concat()
    };
    let lines = Wire::Json(Some(Framing::Lines));
    let text = |before: &str| format!("{before}{words}\n").into_bytes();
    let doors = [
        (Wire::Text, text("")),
        (Wire::Text, text("/say ")),
        (Wire::Text, text("/quit ")),
        (Wire::Relay, text("")),
        (lines, packet("say")),
        (lines, packet("quit")),
        (Wire::Frame, frame(100)),
        (Wire::Frame, frame(113)),
    ];
    doors.into_iter().flat_map(|(wire, input)| said_by(wire, &input)).collect()
}

fn line(body: Body) -> Line {
    Line { room: RoomName::lobby(), from: speaker(1, "ann"), body, at: NOON, seq: 7 }
}

/// Words that an announcement consists of, as somebody may disguise them.
fn disguised() -> impl Strategy<Value = String> {
    let hidden = prop::sample::select(vec![
        "\u{200b}",
        "\u{feff}",
        "\u{200d}",
        "\u{2060}",
        "\u{ad}",
        "\u{34f}",
        "\u{e0061}",
        "\u{fe0f}",
        "\u{200c}",
        "\u{202e}",
    ]);
    let blank = prop::sample::select(vec![" ", "  ", "\t", "\u{a0}", "\u{3000}", "\u{2003}"]);
    let letter = (0..4u8, prop::option::weighted(0.2, hidden), blank);
    (prop::sample::select(ANNOUNCEMENTS.as_slice()), vec(letter, 22)).prop_map(|(words, how)| {
        let mut text = String::new();
        for (c, (way, hidden, blank)) in format!(" {words} ").chars().zip(how) {
            match (c, way) {
                (' ', _) => text.push_str(blank),
                (c, 0) => text.extend(c.to_uppercase()),
                (c, 1) => text.push(char::from_u32(u32::from(c) + 0xfee0).unwrap()), // full width
                (c, _) => text.push(c),
            }
            text.push_str(hidden.unwrap_or_default());
        }
        text
    })
}

/// Case B4: what is typed at the relay door stands behind an id, actions and private lines do not.
#[test]
fn relay_listener_tells_actions_and_private_lines() {
    let body = || Body::new("psst").unwrap();
    let ann = speaker(1, "ann");
    let id = ann.id.to_string();
    for (notice, wanted) in [
        (Notice::Told { from: ann, body: body() }, format!(">>> {id}: psst\r\n")),
        (Notice::Acted(line(body())), format!("* {id} psst\r\n")),
        (
            Notice::Said(line(Body::new(format!(">>> {id}: psst").as_str()).unwrap())),
            format!("{id}:>>> {id}: psst\r\n"),
        ),
        (Notice::Said(line(Body::new(format!("* {id} psst").as_str()).unwrap())), format!("{id}:* {id} psst\r\n")),
    ] {
        assert_eq!(encoded(Encoding::Relay, &notice), wanted);
    }
}

/// Case B5: 60 TABs put the cursor where the next row begins, at any width.
#[test]
fn tab_is_one_blank_by_every_door() {
    let tabs = "\t".repeat(60);
    let words = format!("x{tabs}[::1]ann: I resign{tabs}*** Goodbye");
    let said = said_everywhere(&words);
    assert!(said.len() >= 8, "{said:?}");
    for body in said {
        assert_eq!(body.as_str(), words.replace('\t', " "));
    }
    let handled = {
        let mut out = Vec::new();
        TEXT_LF.encode_custom(&Key::Act("notice".into()), b"a\tb", None, &mut out);
        out
    };
    assert_eq!(handled, b"*** a b\n");
}

/// Names, rooms, topics and reasons as long as they come.
fn long_notices() -> Vec<Notice> {
    let names = ["w".repeat(24), "家".repeat(21), "[2001:db8:1111:2222:3333:4444:5555:6666]:65535".to_owned()];
    let rooms = ["w".repeat(24), "家".repeat(21)].map(|name| RoomName::parse(&name).unwrap());
    let texts = ["tea & cake ".repeat(20), "x".repeat(200), "家族 ".repeat(60), "🏠".repeat(200)];
    let texts = texts.map(|text| Body::new(text.trim()).unwrap().cut(200));
    let mut all = Vec::new();
    for ((name, room), text) in names.iter().zip(rooms.iter().cycle()).zip(texts.iter()) {
        let who = Arc::new(Speaker {
            id: SessionId(u64::MAX),
            address: name.as_str().into(),
            name: name.as_str().into(),
            visitor: None,
        });
        let who = || Arc::clone(&who);
        let room = || room.clone();
        let one = |away| Presence {
            who: who(),
            idle: Duration::from_secs(59 * 60),
            here: Duration::from_secs(59 * 60),
            away,
            rooms: Vec::new(),
        };
        let aways = || [None, Some(Away(None)), Some(Away(Some(text.clone())))];
        let others = || vec![name.as_str().into(); Notice::MAX_WELCOME_NAMES];
        let door = || "[2001:db8:1111:2222:3333:4444:5555:6666]:65535".into();
        let idle = IdleLimits::same(Duration::from_secs(86_399));
        all.extend([
            Notice::Came { who: who(), from: Some(room()), room: room() },
            Notice::Went { who: who(), to: Some(room()), room: room() },
            Notice::Renamed { who: who(), old: name.as_str().into(), room: room() },
            Notice::YouAre(who()),
            Notice::RenameHint(name.clone()),
            Notice::Topic { room: room(), topic: Some(text.clone()) },
            Notice::Topic { room: room(), topic: None },
            Notice::TopicSet { who: who(), room: room(), topic: text.clone() },
            Notice::Ignoring { who: who(), on: true },
            Notice::InRoom { you: who(), room: room(), others: others(), others_total: 4095, since: 0 },
            Notice::Welcome { you: who(), room: room(), others: others(), others_total: 4095, door: door(), idle },
            Notice::Welcome { you: who(), room: room(), others: vec![], others_total: 0, door: door(), idle },
            Notice::Names { room: room(), people: aways().map(one).into() },
            Notice::Rooms(vec![
                RoomInfo { name: room(), people: 65_536, topic: Some(text.clone()) },
                RoomInfo { name: room(), people: 1, topic: None },
            ]),
            Notice::JoinSummary { room: room(), came: usize::MAX, left: usize::MAX },
            Notice::HistoryEnd { room: room(), last_seq: 1, lost: u64::MAX, since: 0 },
            Notice::Skipped { lines: u64::MAX, kept: true },
            Notice::SlowDown { rate: u32::MAX, waiting: usize::MAX },
            Notice::IdleWarning { quiet: u64::MAX, left: u64::MAX },
            Notice::Goodbye(CloseReason::Idle { seconds: 86_399 }),
            Notice::Goodbye(CloseReason::Malformed(Malformed::NoPacket)),
        ]);
        all.extend(aways().map(|away| Notice::Whois { who: one(away), room: Some(room()), by: "text".into() }));
        for away in [Away(None), Away(Some(text.clone()))] {
            all.extend([Notice::YouAreAway(away.clone()), Notice::IsAway { who: who(), away }]);
        }
        let name = || name.clone();
        all.extend(
            [
                Refusal::UnknownCommand {
                    word: name(),
                    literally: format!("//{}", text.as_str()),
                    like: Some("unignore"),
                },
                Refusal::Ambiguous { word: name(), among: COMMANDS.iter().map(|spec| spec.name).collect() },
                Refusal::BadName { instead: Some(name()) },
                Refusal::AddressName { name: name() },
                Refusal::Reserved { name: name() },
                Refusal::Taken { name: name(), free: vec![name(), name(), name()] },
                Refusal::LooksLike { name: name(), present: name() },
                Refusal::NobodyCalled { name: name(), like: Some(name()) },
                Refusal::TwoWrote { before: name(), last: name() },
                Refusal::RoomLooksLike { room: room(), present: room() },
                Refusal::NoRoom { room: room() },
                Refusal::OtherRoom { named: room(), present: room() },
                Refusal::BadPacket { why: text.as_str().to_owned() },
                Refusal::UnknownAct { act: name() },
            ]
            .map(Notice::Refused),
        );
    }
    all
}

/// Case B12: a line of the server fits a terminal of 80 columns, whatever stands in it.
#[test]
fn server_lines_fit_78_columns() {
    let refusals = all_refusals().into_iter().map(Notice::Refused);
    for notice in all_notices().into_iter().chain(long_notices()).chain(refusals) {
        let own = matches!(
            notice,
            Notice::IAmHere(_)
                | Notice::Login { .. }
                | Notice::Left { .. }
                | Notice::UserList(_)
                | Notice::RenameOk
                | Notice::Said(_)
                | Notice::Acted(_)
                | Notice::Told { .. }
                | Notice::ToldTo { .. }
                | Notice::HistoryLine { .. }
        );
        if own {
            continue; // the chat room's, or what people say
        }
        let text = encoded(TEXT_LF, &notice);
        let mark = text.get(..4).unwrap_or_default();
        for line in text.lines() {
            assert!(line.width() <= 78, "{} columns: {line}\n{notice:?}", line.width());
            assert!(line.starts_with(mark), "{line}");
        }
    }
    let mut out = Vec::new();
    TEXT_LF.encode_custom(&Key::Act("notice".into()), "Mind the step. ".repeat(20).as_bytes(), None, &mut out);
    for line in String::from_utf8(out).unwrap().lines() {
        assert!(line.width() <= 78 && line.starts_with("*** Mind") || line.starts_with("***     "), "{line}");
    }
}

/// Typed words never begin a line of the server: not a topic, a name or a reason that wraps.
#[test]
fn wrapped_topic_does_not_begin_a_line() {
    let topic = Body::new(&format!("{} The server is stopping. Goodbye", "x".repeat(60))).unwrap();
    let notice = Notice::TopicSet { who: speaker(1, "ann"), room: RoomName::lobby(), topic };
    let text = encoded(TEXT_LF, &notice);
    assert!(text.lines().count() > 1 && text.lines().skip(1).all(|line| line.starts_with("***     ")), "{text}");
}

/// `--classic`: only these are said without a question, and none of them by a line that begins `***`.
#[test]
fn classic_door_sends_only_old_lines_unasked() {
    for notice in all_notices() {
        let (usual, classic) = (encoded(TEXT_LF, &notice), encoded(CLASSIC_LF, &notice));
        match notice {
            Notice::Came { .. } => assert_eq!(classic, "[127.0.0.1:5001]ann: login\n"),
            Notice::Went { .. } => assert_eq!(classic, "[127.0.0.1:5001]ann: login out\n"),
            Notice::Goodbye(CloseReason::Quit) => assert_eq!(classic, usual),
            Notice::Welcome { .. }
            | Notice::Renamed { .. }
            | Notice::JoinSummary { .. }
            | Notice::TopicSet { .. }
            | Notice::RenameHint(_)
            | Notice::NotUtf8
            | Notice::IdleWarning { .. }
            | Notice::SlowDown { .. }
            | Notice::Skipped { .. }
            | Notice::Goodbye(_) => assert_eq!(classic, ""),
            _ => assert_eq!(classic, usual),
        }
    }
}

mod exhaustive {
    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        /// Case B4: whoever types an announcement's words is not taken for leaving.
        #[test]
        fn disguised_announcement_is_shown_in_quotation_marks(words in disguised()) {
            let said = said_everywhere(&words);
            prop_assert!(said.len() >= 7, "{words:?} was said by {} doors", said.len());
            for body in said {
                let notice = Notice::Said(line(body.clone()));
                let quoted = format!("[127.0.0.1:5001]ann: \"{}\"", body.as_str());
                prop_assert_eq!(encoded(TEXT_LF, &notice), format!("{quoted}\n"));
                prop_assert_eq!(encoded(TEXT_CRLF_TIME, &notice), format!("12:00 {quoted}\r\n"));
                // The other doors have announcements of another form, and get what was said.
                let told = object(&notice, None).unwrap();
                prop_assert_eq!(told["Data"].as_str(), Some(body.as_str()));
                let relayed = encoded(Encoding::Relay, &notice);
                prop_assert_eq!(relayed, format!("2123807362945912833:{}\r\n", body.as_str()));
                let past = encoded(TEXT_LF, &Notice::HistoryLine { line: line(body.clone()), is_action: false });
                prop_assert_eq!(past, format!("--- 12:00 ann: {}\n", body.as_str()));
            }
        }

        #[test]
        fn no_typed_line_equals_an_announcement(words in "\\PC{0,30}|[login out]{0,12}|[IiLl1|] ?[a-z]{2} ?here") {
            let ann = speaker(1, "ann");
            let left = |why| Notice::Left { who: Arc::clone(&ann), room: RoomName::lobby(), why };
            let announcements = [
                Notice::IAmHere(Arc::clone(&ann)),
                Notice::Login { who: Arc::clone(&ann), room: RoomName::lobby() },
                left(CloseReason::Quit),
                left(CloseReason::Idle { seconds: 30 }),
            ];
            for body in said_everywhere(&words) {
                for encoding in encodings() {
                    let bytes = |notice: &Notice| bytes(encoding, notice, None);
                    let said = bytes(&Notice::Said(line(body.clone())));
                    prop_assert!(announcements.iter().all(|announcement| bytes(announcement) != said));
                }
            }
        }
    }
}
