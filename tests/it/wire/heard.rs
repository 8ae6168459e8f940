//! The client's side of the formats: its decoders with input in pieces and hostile input, and its requests,
//! decoded by the server's own decoders. The conversations with a server are in `client`.

use std::sync::Arc;

use parlor::protocol::{
    Body, COMMANDS, CloseReason, Command, Line, Notice, Refusal, RoomName, SessionId, Speaker, Switch,
};
use parlor::wire::{Encoding, Framing, Heard, HeardDecoder, Inbound, Key, Kind, Speech, Wire};
use proptest::prelude::*;

use crate::support::packets::LIMITS;
use crate::support::recorded::{AWAY, AWAY_AT_LUNCH, BACK, DOEXIT, ECHO_ON, NICE, PONG, QUIT, UPTIME};
use crate::support::values::{body, nick};
use crate::wire::{TEXT_CRLF, TEXT_LF};

/// The wire formats of a client, each with the encoding of its answers.
pub(crate) const WIRES: [(Wire, Encoding); 9] = [
    (Wire::Text, TEXT_LF),
    (Wire::Text, TEXT_CRLF),
    (Wire::Json(None), Encoding::Json(Framing::Gf2)),
    (Wire::Json(Some(Framing::Gf2)), Encoding::Json(Framing::Gf2)),
    (Wire::Json(Some(Framing::Gf3)), Encoding::Json(Framing::Gf3)),
    (Wire::Json(Some(Framing::Gf4)), Encoding::Json(Framing::Gf4)),
    (Wire::Json(Some(Framing::Gf7)), Encoding::Json(Framing::Gf7)),
    (Wire::Json(Some(Framing::Lines)), Encoding::Json(Framing::Lines)),
    (Wire::Frame, Encoding::Frame),
];

// --- what a server says ------------------------------------------------------------------------

/// All that comes out of these bytes, fed in these pieces.
fn heard<'a>(wire: Wire, pieces: impl IntoIterator<Item = &'a [u8]>) -> Vec<(Option<u64>, Heard)> {
    let mut decoder = HeardDecoder::new(wire).unwrap();
    let mut all = Vec::new();
    for piece in pieces {
        decoder.feed(piece);
        while let Some(one) = decoder.next().unwrap() {
            all.push(one);
        }
    }
    decoder.end();
    while let Some(one) = decoder.next().unwrap() {
        all.push(one);
    }
    all
}

fn one_heard(wire: Wire, bytes: &[u8]) -> Heard {
    let mut all = heard(wire, [bytes]);
    assert_eq!(all.len(), 1, "{all:?}");
    all.remove(0).1
}

fn speaker(name: &str, port: u16) -> Arc<Speaker> {
    let address = format!("127.0.0.1:{port}").into();
    Arc::new(Speaker { id: SessionId(u64::from(port)), address, name: name.into(), visitor: None })
}

/// Notices that a session in the lobby may be told, in any format.
fn notices() -> Vec<Notice> {
    let (me, ann) = (speaker("127.0.0.1:1", 1), speaker("ann", 2));
    let line = |from: &Arc<Speaker>, text: &str| Line {
        room: RoomName::lobby(),
        from: Arc::clone(from),
        body: body(text),
        at: 1_795_190_108_416,
        seq: 57,
    };
    vec![
        Notice::IAmHere(Arc::clone(&me)),
        Notice::Login { who: Arc::clone(&me), room: RoomName::lobby() },
        Notice::Login { who: Arc::clone(&ann), room: RoomName::lobby() },
        Notice::Said(line(&ann, "hi: all — häuser, 家, 🏠")),
        Notice::Said(line(&me, "me too")),
        Notice::Acted(line(&ann, "waves \"twice\"")),
        Notice::Told { from: Arc::clone(&ann), body: body("psst: you") },
        Notice::ToldTo { to: Arc::clone(&ann), body: body("to ann: what?") },
        Notice::Renamed { who: Arc::clone(&ann), old: "old".into(), room: RoomName::lobby() },
        Notice::YouAre(speaker("bob", 5002)),
        Notice::RenameOk,
        Notice::UserList(vec![Arc::clone(&me), Arc::clone(&ann)]),
        Notice::Pong,
        Notice::Help,
        Notice::Refused(Refusal::Taken { name: "mike".into(), free: vec!["mike2".into()] }),
        Notice::Left { who: ann, room: RoomName::lobby(), why: CloseReason::Idle { seconds: 30 } },
        Notice::Goodbye(CloseReason::ServerStopping),
    ]
}

fn stream(encoding: Encoding) -> Vec<u8> {
    let mut bytes = Vec::new();
    for notice in notices() {
        encoding.encode(&notice, None, &mut bytes);
    }
    encoding.encode(&Notice::Pong, Some("7"), &mut bytes);
    if encoding == Encoding::Frame {
        encoding.encode_custom(&Key::Route(1), b"echo\x1b[2J", None, &mut bytes);
        encoding.encode(&Notice::Refused(Refusal::UnknownRoute { route: 9 }), None, &mut bytes);
        bytes.extend_from_slice(&parlor::wire::HEARTBEAT);
    }
    bytes
}

#[test]
fn events_are_alike_at_every_door() {
    for (wire, encoding) in WIRES {
        let all: Vec<Heard> = heard(wire, [&stream(encoding)[..]]).into_iter().map(|(_, heard)| heard).collect();
        let has = |wanted: &dyn Fn(&Heard) -> bool| assert!(all.iter().any(wanted), "{encoding:?}: {all:#?}");
        let says = |kind: Kind, name: &str, text: &str, lobby: bool| {
            has(&|heard| match heard {
                Heard::Speech(speech) => {
                    speech.kind == kind
                        && speech.name == name
                        && speech.text == text
                        && speech.room.as_deref() == lobby.then_some("lobby")
                        && !speech.past
                }
                _ => false,
            });
        };
        says(Kind::Said, "ann", "hi: all — häuser, 家, 🏠", true);
        says(Kind::Acted, "ann", "waves \"twice\"", true);
        says(Kind::Told, "ann", "psst: you", false);
        says(Kind::ToldTo, "ann", "to ann: what?", false);
        for wanted in [
            Heard::Came { name: "ann".into() },
            Heard::Left { name: "ann".into(), why: Some("idle".into()) },
            Heard::Renamed { old: "old".into(), name: "ann".into() },
            Heard::YouAre("bob".into()),
            Heard::Info("pong".into()),
        ] {
            has(&|heard| *heard == wanted);
        }
        let code = (wire != Wire::Text).then(|| "taken".to_owned());
        has(&|heard| *heard == Heard::Refused { code: code.clone(), text: "mike is taken. Free: mike2".into() });
    }
}

#[test]
fn answers_carry_their_marks() {
    for (wire, encoding) in WIRES {
        let marks: Vec<_> = heard(wire, [&stream(encoding)[..]]).into_iter().filter_map(|(mark, _)| mark).collect();
        assert_eq!(marks, if wire == Wire::Text { vec![] } else { vec![7] }, "{encoding:?}");
    }
}

/// On the text door speech and announcements have the same form. A client can tell them apart for itself only.
#[test]
fn own_line_differs_from_announcement() {
    let mut decoder = HeardDecoder::new(Wire::Text).unwrap();
    let mut hear = |line: &str| {
        decoder.feed(format!("{line}\n").as_bytes());
        decoder.next().unwrap().map(|(_, heard)| heard)
    };
    assert_eq!(hear("[127.0.0.1:1]127.0.0.1:1: I am here"), Some(Heard::Here("127.0.0.1:1".into())));
    assert_eq!(hear("[127.0.0.1:1]127.0.0.1:1: login"), None);
    for said in ["login", "login out", "I am here", "time out leave out"] {
        match hear(&format!("[127.0.0.1:1]bob: {said}")) {
            Some(Heard::Speech(Speech { mine: true, text, .. })) => assert_eq!(text, said),
            other => panic!("{said}: {other:?}"),
        }
    }
    assert_eq!(hear("[127.0.0.1:2]eve: login out"), Some(Heard::Left { name: "eve".into(), why: None }));
    assert!(matches!(hear("* bob waves"), Some(Heard::Speech(Speech { kind: Kind::Acted, mine: true, .. }))));
    assert!(matches!(hear("* eve waves"), Some(Heard::Speech(Speech { kind: Kind::Acted, mine: false, .. }))));
}

/// Words that are an announcement come back in quotation marks where somebody says them.
#[test]
fn quoted_line_is_its_own_echo() {
    let said = |text: &str, mine| Speech { text: text.into(), mine, ..Speech::default() };
    assert!(said("login out", true).is_echo_of("login out"));
    assert!(said("\"login out\"", true).is_echo_of("login out"));
    assert!(said("\"login out\"", true).is_echo_of("\"login out\""));
    assert!(!said("\"login out\"", false).is_echo_of("login out"));
    assert!(!said("\"login out\"", true).is_echo_of("login"));
    let line = "[127.0.0.1:5]ann: \"login out\"";
    let Heard::Speech(speech) = one_heard(Wire::Text, line.as_bytes()) else { panic!() };
    assert_eq!(speech.text, "\"login out\"");
}

#[test]
fn text_lines_differ_by_first_bytes() {
    let said = |kind, name: &str, text: &str, address: Option<&str>| {
        let room = matches!(kind, Kind::Said | Kind::Acted).then(|| "lobby".to_owned());
        let address = address.map(str::to_owned);
        let mine = kind == Kind::ToldTo;
        Heard::Speech(Speech { kind, name: name.into(), text: text.into(), room, address, mine, ..Speech::default() })
    };
    let past = |kind, text: &str| {
        let clock = Some("12:04".to_owned());
        Heard::Speech(Speech { kind, name: "mike".into(), text: text.into(), clock, past: true, ..Speech::default() })
    };
    let person = |name: &str, detail: &str| Heard::Person { name: name.into(), detail: detail.into() };
    for (line, wanted) in [
        ("[127.0.0.1:5]bob: hi: there", said(Kind::Said, "bob", "hi: there", Some("127.0.0.1:5"))),
        ("[127.0.0.1:5]127.0.0.1:5: hi", said(Kind::Said, "127.0.0.1:5", "hi", Some("127.0.0.1:5"))),
        ("[[::1]:5]bob: [x]: y", said(Kind::Said, "bob", "[x]: y", Some("[::1]:5"))),
        ("[[::1]:5][::1]:5: hi", said(Kind::Said, "[::1]:5", "hi", Some("[::1]:5"))),
        ("12:04 [127.0.0.1:5]bob: hi", said(Kind::Said, "bob", "hi", Some("127.0.0.1:5"))),
        ("* bob waves  back", said(Kind::Acted, "bob", "waves  back", None)),
        ("12:04 * bob waves", said(Kind::Acted, "bob", "waves", None)),
        (">>> bob: *** You are now eve", said(Kind::Told, "bob", "*** You are now eve", None)),
        (">>> to bob: hi", said(Kind::ToldTo, "bob", "hi", None)),
        (">>> to: hi", said(Kind::Told, "to", "hi", None)),
        ("--- 12:04 mike: anyone: there?", past(Kind::Said, "anyone: there?")),
        ("--- 12:04 * mike waves", past(Kind::Acted, "waves")),
        ("--- end of history", Heard::Info("end of history".into())),
        ("!!! mike is taken", Heard::Refused { code: None, text: "mike is taken".into() }),
        ("*** pong", Heard::Info("pong".into())),
        ("*** OLD is now NEW", Heard::Renamed { old: "OLD".into(), name: "NEW".into() }),
        ("127.0.0.1:5:bob", person("bob", "127.0.0.1:5")),
        ("127.0.0.1:5:127.0.0.1:5", person("127.0.0.1:5", "127.0.0.1:5")),
        ("[::1]:5:[::1]:5", person("[::1]:5", "[::1]:5")),
        ("guest-7f3a9c12:bob", person("bob", "guest-7f3a9c12")),
        ("guest-7f3a9c12:guest-7f3a9c12", person("guest-7f3a9c12", "guest-7f3a9c12")),
        ("guest-7F:bob", Heard::Other("guest-7F:bob".into())),
        ("rename ok", Heard::Other("rename ok".into())),
        ("HTTP/1.1 400 Bad Request", Heard::Other("HTTP/1.1 400 Bad Request".into())),
        ("[no address", Heard::Other("[no address".into())),
        ("12:04 is late", Heard::Other("12:04 is late".into())),
        ("ab:cd * bob waves", Heard::Other("ab:cd * bob waves".into())),
    ] {
        assert_eq!(one_heard(Wire::Text, format!("{line}\n").as_bytes()), wanted, "{line}");
        assert_eq!(one_heard(Wire::Text, format!("{line}\r\n").as_bytes()), wanted, "{line} with CRLF");
        assert_eq!(one_heard(Wire::Text, line.as_bytes()), wanted, "{line} without an end");
    }
    let list = "*** 2 here in #dev:\n***   ann  idle 3 s, here 12 min\n***   127.0.0.1:5  idle 0 s, here 1 s\n\
                *** end of list\n***   no list\n";
    let all: Vec<_> = heard(Wire::Text, [list.as_bytes()]).into_iter().map(|(_, heard)| heard).collect();
    let people = [person("ann", "idle 3 s, here 12 min"), person("127.0.0.1:5", "idle 0 s, here 1 s")];
    assert_eq!(all[1..3], people);
    assert_eq!(all[3..], [Heard::EndOfList, Heard::Info("  no list".into())]);
}

/// The objects of the JSON door and of frames in the words of the text door, as far as it has words.
#[test]
fn objects_are_heard_like_this() {
    let info = |text: &str| vec![Heard::Info(text.into())];
    let person = |name: &str, detail: &str| Heard::Person { name: name.into(), detail: detail.into() };
    for (object, wanted) in [
        (r#"{"Act":"join","Data":"dev","Room":"dev"}"#, info("You are in #dev")),
        (r#"{"Act":"version","Data":"1.2.3"}"#, info("Parlor 1.2.3")),
        (UPTIME, info("Up for 7300 s")),
        (r#"{"Act":"topic","Data":"tea","Room":"dev"}"#, info("topic of #dev: tea")),
        (r#"{"Act":"topic","Data":"tea","From":"ann","Room":"dev"}"#, info("ann set the topic: tea")),
        (r#"{"Act":"history","Data":"0","Seq":57}"#, info("end of history")),
        (r#"{"Act":"whois","Data":"ann","Room":"dev","By":"json"}"#, info("ann: in #dev, by json")),
        (r#"{"Act":"whois","Data":"ann","By":"text"}"#, info("ann: in no room, by text")),
        (AWAY, info("You are away")),
        (AWAY_AT_LUNCH, info("You are away: at lunch")),
        (BACK, info("Welcome back")),
        (r#"{"Act":"notice","Data":"","From":"ann","Code":"away"}"#, info("ann is away")),
        (r#"{"Act":"notice","Data":"at lunch","From":"ann","Code":"away"}"#, info("ann is away: at lunch")),
        (r#"{"Act":"notice","Data":"Slow down","Code":"flood"}"#, info("Slow down")),
        (r#"{"Act":"notice","Data":"37 came, 12 left"}"#, info("37 came, 12 left")),
        (PONG, info("pong")),
        (NICE, info("Nice to meet you!")),
        (ECHO_ON, info("echo: on")),
        (QUIT, info("Goodbye")),
        (DOEXIT, vec![Heard::Leave]),
        (r#"{"Act":"nick","Data":"ann"}"#, vec![Heard::YouAre("ann".into())]),
        (
            r#"{"Act":"left","Data":"ann","From":"ann","Why":"quit"}"#,
            vec![Heard::Left { name: "ann".into(), why: Some("quit".into()) }],
        ),
        (r#"{"Act":"joined","Data":"ann"}"#, vec![Heard::Came { name: "ann".into() }]),
        (
            r#"{"Act":"renamed","Data":"ann","From":"ann","Old":"bob"}"#,
            vec![Heard::Renamed { old: "bob".into(), name: "ann".into() }],
        ),
        (
            r#"{"Act":"error","Data":"mike is taken","Code":"taken"}"#,
            vec![Heard::Refused { code: Some("taken".into()), text: "mike is taken".into() }],
        ),
        (
            r#"{"Act":"who","Data":"ann, bob","Room":"dev","People":[{"Name":"ann","Idle":3,"Here":270},{"Name":"bob"}]}"#,
            vec![
                Heard::Info("2 here in #dev:".into()),
                person("ann", "idle 3 s, here 270 s"),
                person("bob", "idle 0 s, here 0 s"),
                Heard::EndOfList,
            ],
        ),
        (
            r#"{"Act":"rooms","Data":"lobby, dev","Rooms":[{"Room":"lobby","People":3,"Topic":"tea"},{"Room":"dev","People":1,"Topic":""}]}"#,
            vec![Heard::Info("  #lobby  3 here  tea".into()), Heard::Info("  #dev  1 here".into()), Heard::EndOfList],
        ),
    ] {
        let all = heard(Wire::Json(Some(Framing::Lines)), [format!("{object}\n").as_bytes()]);
        let all: Vec<Heard> = all.into_iter().map(|(_, heard)| heard).collect();
        assert_eq!(all, wanted, "{object}");
    }
}

/// A notice is no reason for an end that comes after it.
#[test]
fn farewell_is_told_from_other_notices() {
    for (wire, encoding) in WIRES {
        for (notice, farewell) in [
            (Notice::Goodbye(CloseReason::Quit), true),
            (Notice::Goodbye(CloseReason::ServerStopping), true),
            (Notice::Goodbye(CloseReason::Idle { seconds: 30 }), true),
            (Notice::Pong, false),
            (Notice::YouAre(speaker("Goodbye", 5002)), false),
            (Notice::Went { who: speaker("Goodbye", 2), to: Some(RoomName::lobby()), room: RoomName::lobby() }, false),
            (Notice::Told { from: speaker("ann", 2), body: body("Goodbye") }, false),
        ] {
            let mut bytes = Vec::new();
            encoding.encode(&notice, None, &mut bytes);
            if !bytes.is_empty() {
                assert_eq!(one_heard(wire, &bytes).is_farewell(), farewell, "{encoding:?}: {notice:?}");
            }
        }
    }
}

/// Speaker, room, time and number of a line are passed on as the server told them.
#[test]
fn object_line_keeps_its_details() {
    let lines = Wire::Json(Some(Framing::Lines));
    let said = r#""Data":"hi","From":"ann","Id":"9","Room":"dev","Ts":1795190108416,"Seq":57"#;
    let speech = |kind| Speech {
        kind,
        name: "ann".into(),
        text: "hi".into(),
        room: Some("dev".into()),
        id: Some("9".into()),
        at: Some(1_795_190_108_416),
        seq: Some(57),
        ..Speech::default()
    };
    for (object, wanted) in [
        (format!(r#"{{"Act":"chat",{said}}}"#), speech(Kind::Said)),
        (format!(r#"{{"Act":"action",{said}}}"#), speech(Kind::Acted)),
        (format!(r#"{{"Act":"chat",{said},"Ref":4}}"#), Speech { mine: true, ..speech(Kind::Said) }),
        (format!(r#"{{"Act":"action",{said},"Ref":4}}"#), Speech { mine: true, ..speech(Kind::Acted) }),
        (format!(r#"{{"Act":"chat",{said},"Past":true}}"#), Speech { past: true, ..speech(Kind::Said) }),
        (format!(r#"{{"Act":"chat",{said},"Past":true,"Ref":4}}"#), Speech { past: true, ..speech(Kind::Said) }),
        (
            r#"{"Act":"private","Data":"hi","From":"ann","Id":"9","Ref":4}"#.into(),
            Speech { room: None, at: None, seq: None, ..speech(Kind::Told) },
        ),
        (
            r#"{"Act":"msg","Data":"hi","To":"ann"}"#.into(),
            Speech { room: None, at: None, seq: None, id: None, mine: true, ..speech(Kind::ToldTo) },
        ),
    ] {
        assert_eq!(one_heard(lines, format!("{object}\n").as_bytes()), Heard::Speech(wanted), "{object}");
    }
}

/// On the text door a line tells its room by what was told before: a greeting, or a move.
#[test]
fn text_lines_belong_to_current_room() {
    let all = "*** Welcome to Parlor. You are the first in #lobby.\n*** Others come in with: nc 10.0.0.7 8000\n\
               [127.0.0.1:5]ann: hi\n*** You are in #dev with 1 other: ann\n* ann waves\n[127.0.0.1:5]ann: hi\n\
               *** You are in #tea alone\n[127.0.0.1:5]ann: hi\n";
    let rooms: Vec<_> = heard(Wire::Text, [all.as_bytes()])
        .into_iter()
        .filter_map(|(_, heard)| if let Heard::Speech(speech) = heard { speech.room } else { None })
        .collect();
    assert_eq!(rooms, ["lobby", "dev", "dev", "tea"]);
}

#[test]
fn greeting_and_list_tell_names_rooms() {
    let greeting = "*** Welcome to Parlor. You are in #dev with 12 others: ann, \n***     mike and 10 more\n\
                    *** Say something or take a name within 30 s; /stay if you just listen\n[127.0.0.1:5]ann: hi\n";
    let mut decoder = HeardDecoder::new(Wire::Text).unwrap();
    decoder.feed(greeting.as_bytes());
    let mut next = || decoder.next().unwrap().unwrap().1;
    assert_eq!(next().names(), ["ann", "mike"]);
    next();
    assert!(matches!(next(), Heard::Speech(Speech { room: Some(room), .. }) if room == "dev"));
    assert_eq!(decoder.idle_limit(), Some(30));
    let list =
        br#"{"Act":"who","Data":"ann","Room":"lobby","People":[{"Name":"ann","Id":"9","Idle":3,"Here":60}],"Ref":4}"#;
    let all = heard(Wire::Json(Some(Framing::Lines)), [&list[..], b"\n"]);
    assert!(all.iter().all(|(mark, _)| *mark == Some(4)), "{all:?}");
    assert_eq!(all[1].1.names(), ["ann"]);
    assert_eq!(all[2].1, Heard::EndOfList);
}

#[test]
fn lying_server_is_cleaned_and_bounded() {
    let lines = Wire::Json(Some(Framing::Lines));
    let terminal = "\x1b]0;x\x07\u{202e}evil\u{9b}2J\r";
    for (wire, bytes) in [
        (Wire::Text, format!("[127.0.0.1:5]{terminal}: {terminal}\n")),
        (Wire::Text, format!("*** {terminal}\n")),
        (Wire::Text, format!("{terminal}\n")),
        (lines, serde_json_line(terminal)),
        (lines, format!("no object {terminal}\n")),
    ] {
        let shown = format!("{:?}", one_heard(wire, bytes.as_bytes()));
        for bad in ["\\u{1b}", "\\u{7}", "\\u{202e}", "\\u{9b}", "\\r"] {
            assert!(!shown.contains(bad), "{bad} in {shown}");
        }
    }
    let fails = |wire: Wire, bytes: &[u8]| {
        let mut decoder = HeardDecoder::new(wire).unwrap();
        for piece in bytes.chunks(16 * 1024) {
            decoder.feed(piece);
            if decoder.next().is_err() {
                return true;
            }
        }
        false
    };
    assert!(fails(Wire::Text, &vec![b'x'; 3 * 1024 * 1024]), "an endless line");
    let longest = [vec![b'x'; 1024 * 1024], b"\n".to_vec()].concat();
    assert!(!fails(Wire::Text, &longest), "a line of 1 MiB");
    assert!(fails(Wire::Text, &[b"x", &longest[..]].concat()), "a longer one, though it ends");
    assert!(fails(lines, &vec![b'{'; 3 * 1024 * 1024]), "an endless object");
    assert!(fails(Wire::Frame, &[200, 0, 0, 0, 0xff, 0xff, 0xff, 0xff]), "a frame of 4 GiB");
    assert!(fails(Wire::Frame, &[200, 0, 0, 0, 1, 0, 0, 1]), "a frame of 16 MiB and a byte");
    assert!(!fails(Wire::Frame, &[200, 0, 0, 0, 0, 0, 0, 1]), "the beginning of one of 16 MiB");
    assert_eq!(heard(Wire::Frame, [&parlor::wire::HEARTBEAT[..]]), [], "a heartbeat says nothing");
    assert!(fails(Wire::Json(Some(Framing::Gf4)), &[0xff, 0xff, 0xff, 0xff]), "a packet of 4 GiB");
    assert!(fails(Wire::Json(Some(Framing::Gf7)), &[0, 0, 9, 0, 0, 0, 0, b'{', b'}']), "a wrong sum");
    assert!(fails(Wire::Json(Some(Framing::Gf7)), &[0, 0, 6, 0, 0, 0, 0]), "shorter than its header");
    // Nested deeper than any parser should follow: shown as it is, not followed.
    let deep = format!("{}\n", "[".repeat(100_000));
    assert!(matches!(one_heard(lines, deep.as_bytes()), Heard::Other(_)));
}

/// Numbers that no number holds, and values of other kinds than they should be: what is there is heard.
#[test]
fn strange_values_are_left_out() {
    let lines = Wire::Json(Some(Framing::Lines));
    for strange in
        ["99999999999999999999", "-1", "1.5", "null", "[[{\"a\":[]}]]", "{\"Act\":\"quit\"}", "\"x\"", "true"]
    {
        let object = format!(
            "{{\"Act\":\"chat\",\"Data\":\"hi\",\"From\":\"ann\",\"Ref\":{strange},\"Ts\":{strange},\"Seq\":{strange}}}\n"
        );
        let speech = Speech { name: "ann".into(), text: "hi".into(), ..Speech::default() };
        assert_eq!(one_heard(lines, object.as_bytes()), Heard::Speech(speech), "{strange}");
    }
    for not_read in
        ["{\"Act\":\"chat\",\"Ts\":1e999}", "{\"Act\":\"who\",\"People\":5}", "{\"act\":\"chat\"}", "5", "[]"]
    {
        assert!(matches!(one_heard(lines, format!("{not_read}\n").as_bytes()), Heard::Other(_)), "{not_read}");
    }
    // A line that is no object may be long; its beginning tells what it is.
    let Heard::Other(shown) = one_heard(lines, format!("{}\n", "x".repeat(100_000)).as_bytes()) else { panic!() };
    assert_eq!(shown.len(), 4096 + " …".len());
    let nobody = heard(lines, [&b"{\"Act\":\"who\",\"People\":[{},{\"Name\":5},{\"Name\":\"ann\"}]}\n"[..]]);
    assert_eq!(nobody.iter().filter(|(_, heard)| matches!(heard, Heard::Person { .. })).count(), 1);
}

/// A packet of 255 bytes may have room for what was said, and none for who said it.
#[test]
fn words_are_not_taken_for_names() {
    let wire = Wire::Json(Some(Framing::Lines));
    for act in ["chat", "action", "private"] {
        let object = format!("{{\"Act\":\"{act}\",\"Data\":\"hello there\",\"Cut\":true}}\n");
        let Heard::Speech(speech) = one_heard(wire, object.as_bytes()) else { panic!("{act}") };
        assert_eq!((&*speech.name, &*speech.text), ("", "hello there"), "{act}");
    }
}

fn serde_json_line(text: &str) -> String {
    let mut bytes = Vec::new();
    Encoding::Json(Framing::Lines).encode_custom(&Key::Act("chat".into()), b"DATA", None, &mut bytes);
    let escaped: String = text.chars().map(|c| format!("\\u{:04x}", u32::from(c))).collect();
    String::from_utf8(bytes).unwrap().replace("DATA", &escaped)
}

proptest! {
    #[test]
    fn random_bytes_never_panic_client(bytes in proptest::collection::vec(any::<u8>(), 0..300), cut in 0_usize..300) {
        let cut = cut.min(bytes.len());
        for (wire, _) in WIRES {
            let run = |pieces: &[&[u8]]| {
                let mut decoder = HeardDecoder::new(wire).unwrap();
                let mut all = Vec::new();
                for piece in pieces {
                    decoder.feed(piece);
                    loop {
                        match decoder.next() {
                            Ok(Some(heard)) => all.push(Ok(heard)),
                            Ok(None) => break,
                            Err(error) => {
                                all.push(Err(error));
                                return all;
                            }
                        }
                    }
                }
                all
            };
            prop_assert_eq!(run(&[&bytes]), run(&[&bytes[..cut], &bytes[cut..]]));
        }
    }

    /// Whatever a line looks like, it is said as it stands, and it is one line.
    #[test]
    fn client_line_is_said_literally(text in "[\\\\/ ]{0,3}(who|rename\\|x|quit|help|nick y|GET / HTTP/1.1|.{0,20})[ |]?.{0,5}") {
        if let Some(body) = Body::new(&text) {
            for (wire, _) in WIRES {
                prop_assert_eq!(read_by_server(wire, &Command::Say(body.clone())), vec![Command::Say(body.clone())]);
            }
        }
    }
}

// --- what a client asks for --------------------------------------------------------------------

/// The server's reading of a request.
fn read_by_server(wire: Wire, command: &Command) -> Vec<Command> {
    let mut bytes = Vec::new();
    wire.encode_request(command, 1, &mut bytes).unwrap();
    commands_in(wire, &bytes)
}

/// The commands that these bytes are to the server, which refuses and answers none of them.
fn commands_in(wire: Wire, bytes: &[u8]) -> Vec<Command> {
    let mut decoder = wire.decoder(LIMITS);
    decoder.feed(bytes);
    let mut commands = Vec::new();
    while let Some(inbound) = decoder.next().unwrap() {
        match inbound {
            Inbound::Command(command) => commands.push(command),
            Inbound::Heartbeat | Inbound::Tag(_) | Inbound::Switch(_) => {}
            other => panic!("{other:?} by {wire}"),
        }
    }
    commands
}

#[test]
fn server_decodes_what_client_encodes() {
    let commands = [
        Command::Say(body("  hi, /all ")),
        Command::Me(body("waves")),
        Command::Msg { to: "bob".into(), body: body("/psst") },
        Command::Reply(body("yes")),
        Command::Nick(nick("ann")),
        Command::Join(RoomName::parse("#dev").unwrap()),
        Command::Echo(Switch::Off),
        Command::Quiet(Switch::On),
        Command::Leave,
        Command::Rooms,
        Command::Topic(None),
        Command::Topic(Some(body("the build"))),
        Command::History(7),
        Command::Whois("bob".into()),
        Command::Away(Some(body("lunch"))),
        Command::Away(None),
        Command::Back,
        Command::Ignore("bob".into()),
        Command::Unignore("bob".into()),
        Command::Who(None),
        Command::Who(Some(RoomName::parse("#dev").unwrap())),
        Command::Ping,
        Command::Version,
        Command::Uptime,
        Command::Quit(None),
        Command::Quit(Some(body("so long"))),
    ];
    for (wire, _) in WIRES {
        for command in &commands {
            assert_eq!(read_by_server(wire, command), std::slice::from_ref(command), "{wire}");
        }
    }
    let help = Command::Help(COMMANDS.iter().find(|spec| spec.name == "who"));
    let after = Command::HistoryAfter(Some(RoomName::lobby()), 57);
    let for_programs =
        [after, Command::JoinAlso(RoomName::parse("#dev").unwrap()), Command::LeaveRoom(RoomName::lobby())];
    for command in for_programs {
        for wire in [Wire::Json(None), Wire::Frame] {
            assert_eq!(read_by_server(wire, &command), std::slice::from_ref(&command));
        }
        assert!(Wire::Text.encode_request(&command, 1, &mut Vec::new()).is_err());
    }
    let typed = [
        Command::Time(Switch::On),
        Command::Rename(nick("ann")),
        Command::UserList,
        Command::Stay,
        Command::Help(None),
        help,
    ];
    for command in typed {
        assert_eq!(read_by_server(Wire::Text, &command), [command]);
    }
}

#[test]
fn unsupported_request_is_refused_unsent() {
    let mut bytes = Vec::new();
    let json = Wire::Json(None).encode_request(&Command::Stay, 1, &mut bytes);
    assert_eq!(json, Err(Refusal::UnknownAct { act: "stay".into() }));
    let long = body(&"x".repeat(70_000));
    let json = Wire::Json(None).encode_request(&Command::Say(long), 1, &mut bytes);
    assert!(matches!(json, Err(Refusal::TooLong { limit: 65_535, .. })), "{json:?}");
    assert_eq!(bytes, b"");
    // A line and a frame have no length of their own that is too much, but the server has.
    for (wire, limit) in [(Wire::Json(None), 65_535), (Wire::Json(Some(Framing::Lines)), 65_535), (Wire::Frame, 65_536)]
    {
        let keys = r#"{"Act":"say","Data":"","Ref":1}"#.len();
        let said = |length: usize| Command::Say(body(&"x".repeat(length - keys)));
        assert_eq!(read_by_server(wire, &said(limit)).len(), 1, "{wire}");
        let refused = wire.encode_request(&said(limit + 1), 1, &mut bytes);
        assert_eq!(refused, Err(Refusal::TooLong { bytes: limit as u64 + 1, limit }), "{wire}");
    }
    assert_eq!(bytes, b"");
    let forged = Command::Whois("a\nquit".into());
    Wire::Text.encode_request(&forged, 1, &mut bytes).unwrap();
    assert_eq!(bytes.iter().filter(|byte| **byte == b'\n').count(), 1);
}

/// Found by fuzzing: a line for `a b` went to `a`, with `b` before it.
#[test]
fn private_line_needs_the_whole_name() {
    for to in ["a b", "a\tb", "a\u{2028}b", " a", "a\u{3000}b", ""] {
        let command = Command::Msg { to: to.into(), body: body("x") };
        let mut bytes = Vec::new();
        let refused = Wire::Text.encode_request(&command, 1, &mut bytes);
        assert_eq!(
            (refused, &*bytes),
            (Err(Refusal::NobodyCalled { name: to.into(), like: None }), &b""[..]),
            "{to:?}"
        );
    }
}

#[test]
fn command_for_other_room_names_it() {
    let there = Command::In(RoomName::parse("dev").unwrap(), Box::new(Command::Say(body("hi"))));
    for (wire, _) in WIRES.into_iter().filter(|(wire, _)| *wire != Wire::Text) {
        assert_eq!(read_by_server(wire, &there), std::slice::from_ref(&there), "{wire}");
    }
    let refused = Wire::Text.encode_request(&there, 1, &mut Vec::new());
    assert_eq!(refused, Err(Refusal::UnknownAct { act: "say".into() }));
}

#[test]
fn relay_client_can_only_talk() {
    assert_eq!(read_by_server(Wire::Relay, &Command::Say(body("/who"))), [Command::Say(body("/who"))]);
    let mut bytes = Vec::new();
    let refused = Wire::Relay.encode_request(&Command::Ping, 1, &mut bytes);
    assert_eq!((refused, &*bytes), (Err(Refusal::UnknownAct { act: "ping".into() }), &b""[..]));
}

#[test]
fn keep_alive_is_no_command() {
    let wires = WIRES.into_iter().map(|(wire, _)| wire).chain([Wire::Relay]);
    for wire in wires {
        let mut bytes = Vec::new();
        wire.encode_keep_alive(&mut bytes);
        assert_ne!(bytes, b"", "{wire}");
        // Whole, and the next request is read after it.
        wire.encode_request(&Command::Say(body("hi")), 1, &mut bytes).unwrap();
        assert_eq!(commands_in(wire, &bytes), [Command::Say(body("hi"))], "{wire}");
    }
}

#[test]
fn blank_lines_between_objects_are_nothing() {
    let lines = Wire::Json(Some(Framing::Lines));
    let all = heard(lines, [&b"\n \r\n{\"Act\":\"notice\",\"Data\":\"hi\"}\n\n"[..]]);
    assert_eq!(all, [(None, Heard::Info("hi".into()))]);
}

#[test]
fn error_in_frame_is_a_refusal() {
    let mut frame = 10_000_u32.to_le_bytes().to_vec();
    frame.extend_from_slice(&3_u32.to_le_bytes());
    frame.extend_from_slice(b"{no");
    assert_eq!(one_heard(Wire::Frame, &frame), Heard::Refused { code: None, text: "{no".into() });
}

mod exhaustive {
    use super::*;

    /// Whole, cut at every index, and byte by byte.
    #[test]
    fn events_do_not_depend_on_chunking() {
        for (wire, encoding) in WIRES {
            let bytes = stream(encoding);
            let whole = heard(wire, [&bytes[..]]);
            assert!(whole.len() >= 10, "{encoding:?}: {whole:#?}");
            for cut in 0..=bytes.len() {
                assert_eq!(heard(wire, [&bytes[..cut], &bytes[cut..]]), whole, "{encoding:?} cut at {cut}");
            }
            assert_eq!(heard(wire, bytes.chunks(1)), whole, "{encoding:?} byte by byte");
        }
    }
}
