//! Objects that programs read, and the name of each wire format.

#![allow(clippy::unwrap_used, clippy::panic, reason = "clippy's allow-…-in-tests does not reach a test's helpers")]

use std::time::Duration;

use parlor::protocol::{Away, COMMANDS, CloseReason, Malformed, Notice, Presence, Refusal, RoomName};
use parlor::wire::{Encoding, Framing, Key, OtherDoors, Protocol, Wire};
use serde_json::Value;

use crate::support::recorded::{AWAY, AWAY_AT_LUNCH, BACK, DOEXIT, ECHO_ON, PONG, QUIT, UPTIME};
use crate::support::values::body;
use crate::wire::notices::{all_notices, all_refusals, kind};
use crate::wire::{NOON, TEXT_CRLF_TIME, TEXT_LF, bytes, encodings, limits, object, said, speaker};

/// One object, whichever way it is delimited, and the route of its frame.
#[test]
fn notice_is_one_object_everywhere() {
    for notice in all_notices() {
        let Some(object) = object(&notice, Some("\"r1\"")) else {
            for encoding in encodings().filter(|encoding| !matches!(encoding, Encoding::Text(_) | Encoding::Relay)) {
                assert_eq!(bytes(encoding, &notice, Some("1")), b"", "{notice:?}");
            }
            continue;
        };
        assert_eq!(object["Ref"], "r1", "{notice:?}");
        assert!(object["Act"].is_string() && object["Data"].is_string(), "{object}");
        let line = bytes(Encoding::Json(Framing::Lines), &notice, Some("\"r1\""));
        let plain = line.strip_suffix(b"\n").unwrap();
        let number = |bytes: &[u8]| bytes.iter().fold(0, |all, byte| all << 8 | usize::from(*byte));
        for (framing, header) in [(Framing::Gf2, 2), (Framing::Gf3, 3), (Framing::Gf4, 4), (Framing::Gf7, 7)] {
            let packet = bytes(Encoding::Json(framing), &notice, Some("\"r1\""));
            let (head, data) = packet.split_at(header);
            assert_eq!(data, plain);
            let lengths = if framing == Framing::Gf7 { &head[..3] } else { head };
            assert_eq!(number(lengths), data.len() + if framing == Framing::Gf7 { 7 } else { 0 });
            if framing == Framing::Gf7 {
                assert_eq!(number(&head[3..]), data.iter().map(|byte| usize::from(*byte)).sum::<usize>());
            }
        }
        let small = bytes(Encoding::Json(Framing::Gf1), &notice, None);
        assert_eq!(usize::from(small[0]), small.len() - 1);
        assert_eq!(serde_json::from_slice::<Value>(&small[1..]).unwrap()["Act"], object["Act"]);
        let frame = bytes(Encoding::Frame, &notice, Some("\"r1\""));
        if frame.starts_with(&10_000_u32.to_le_bytes()) {
            assert!(matches!(notice, Notice::Refused(Refusal::UnknownRoute { .. }) | Notice::Goodbye(_)), "{notice:?}");
            continue;
        }
        assert_eq!(&frame[8..], plain);
        assert_eq!(frame[4..8], u32::try_from(plain.len()).unwrap().to_le_bytes());
        let route = u32::from_le_bytes(frame[..4].try_into().unwrap());
        let act = object["Act"].as_str().unwrap();
        let of_act = COMMANDS.iter().find(|spec| spec.name == act).map(|spec| spec.route);
        assert!((200..210).contains(&route) || Some(route) == of_act, "{act} on {route}");
    }
}

#[test]
fn events_carry_what_programs_need() {
    let told = |number: usize| {
        let first = all_notices().into_iter().find(|notice| kind(notice) == number).unwrap();
        object(&first, None).map(|object| object.to_string()).unwrap_or_default()
    };
    let wanted = |json: &str| serde_json::from_str::<Value>(json).unwrap().to_string();
    let ann = r#""From":"ann","Id":"2123807362945912833""#;
    let line = format!(r#""Data":"hi *** all",{ann},"Room":"lobby","Ts":{NOON},"Seq":57"#);
    for (number, json) in [
        (4, format!(r#"{{"Act":"chat",{line}}}"#)),
        (5, format!(r#"{{"Act":"action",{line}}}"#)),
        (1, format!(r#"{{"Act":"joined","Data":"ann",{ann},"Room":"dev"}}"#)),
        (2, format!(r#"{{"Act":"left","Data":"ann",{ann},"Room":"dev","Why":"quit"}}"#)),
        (6, format!(r#"{{"Act":"private","Data":"hi *** all",{ann}}}"#)),
        (8, format!(r#"{{"Act":"renamed","Data":"ann",{ann},"Room":"dev","Old":"bob"}}"#)),
        (24, r#"{"Act":"notice","Data":"137 lines were skipped, you read too slowly","Skipped":137}"#.into()),
        (27, format!(r#"{{"Act":"joined","Data":"ann",{ann},"Room":"dev","Old":"lobby"}}"#)),
        (28, format!(r#"{{"Act":"left","Data":"ann",{ann},"To":"lobby","Room":"dev","Why":"moved"}}"#)),
        (29, r#"{"Act":"notice","Data":"37 came, 12 left","Room":"lobby","Came":37,"Left":12}"#.into()),
        (30, format!(r#"{{"Act":"chat",{line},"Past":true}}"#)),
        (31, r#"{"Act":"history","Data":"0","Room":"lobby","Seq":57,"Lost":0,"Since":1795190108416}"#.into()),
        (32, r#"{"Act":"topic","Data":"tea & cake","Room":"dev"}"#.into()),
        (33, format!(r#"{{"Act":"topic","Data":"tea & cake",{ann},"Room":"dev"}}"#)),
        (
            34,
            r#"{"Act":"rooms","Data":"lobby, dev","Rooms":[{"Room":"lobby","People":3,"Topic":"tea & cake"},
                {"Room":"dev","People":1,"Topic":""}]}"#
                .into(),
        ),
        (43, DOEXIT.into()),
    ] {
        assert_eq!(told(number), wanted(&json), "kind {number}");
    }
    for silent in [0, 3, 9, 11, 13, 14, 16, 19, 21, 22, 41] {
        assert_eq!(told(silent), "", "kind {silent}: nothing for programs");
    }
}

/// Answers to the requests of programs, key by key, and the route of each frame.
#[test]
fn answers_carry_what_programs_need() {
    let (ann, dev) = (|| speaker(1, "ann"), || RoomName::parse("dev").unwrap());
    let from = r#""From":"ann","Id":"2123807362945912833""#;
    let lunch = || Away(Some(body("at lunch")));
    let one = |away| Presence {
        who: ann(),
        idle: Duration::from_secs(3),
        here: Duration::from_secs(270),
        away,
        rooms: Vec::new(),
    };
    let entry = r#""Name":"ann","Id":"2123807362945912833","Idle":3,"Here":270"#;
    let of = |act: &str| COMMANDS.iter().find(|spec| spec.name == act).unwrap().route;
    let version = env!("CARGO_PKG_VERSION");
    for (notice, route, wanted) in [
        (
            Notice::ToldTo { to: speaker(2, "bob"), body: body("hi") },
            of("msg"),
            r#"{"Act":"msg","Data":"hi","To":"bob"}"#.into(),
        ),
        (Notice::YouAre(ann()), of("nick"), r#"{"Act":"nick","Data":"ann","Id":"2123807362945912833"}"#.to_owned()),
        (
            Notice::InRoom {
                you: ann(),
                room: dev(),
                others: vec!["bob".into()],
                others_total: 1,
                since: 1_795_190_000_000,
            },
            of("join"),
            r#"{"Act":"join","Data":"dev","Id":"2123807362945912833","Room":"dev","Since":1795190000000}"#.into(),
        ),
        (
            Notice::Names {
                room: dev(),
                people: vec![one(None), Presence { who: speaker(2, "bob"), ..one(Some(lunch())) }],
            },
            of("who"),
            format!(
                r#"{{"Act":"who","Data":"ann, bob","Room":"dev","People":[{{{entry}}},
                    {{"Name":"bob","Id":"2123807362945912834","Idle":3,"Here":270,"Away":"at lunch"}}]}}"#
            ),
        ),
        (
            Notice::Whois { who: one(Some(Away(None))), room: Some(dev()), by: "json".into() },
            of("whois"),
            format!(
                r#"{{"Act":"whois","Data":"ann",{from},"Room":"dev","By":"json","People":[{{{entry},"Away":""}}]}}"#
            ),
        ),
        (
            Notice::Whois { who: one(None), room: None, by: "text".into() },
            of("whois"),
            format!(r#"{{"Act":"whois","Data":"ann",{from},"By":"text","People":[{{{entry}}}]}}"#),
        ),
        (Notice::YouAreAway(lunch()), of("away"), AWAY_AT_LUNCH.into()),
        (Notice::YouAreAway(Away(None)), of("away"), AWAY.into()),
        (Notice::WelcomeBack, of("back"), BACK.into()),
        (
            Notice::IsAway { who: ann(), away: lunch() },
            207,
            format!(r#"{{"Act":"notice","Data":"at lunch",{from},"Code":"away"}}"#),
        ),
        (Notice::Ignoring { who: ann(), on: true }, of("ignore"), r#"{"Act":"ignore","Data":"ann"}"#.into()),
        (Notice::Ignoring { who: ann(), on: false }, of("unignore"), r#"{"Act":"unignore","Data":"ann"}"#.into()),
        (Notice::Quiet { on: true }, of("quiet"), r#"{"Act":"quiet","Data":"on"}"#.into()),
        (Notice::Quiet { on: false }, of("quiet"), r#"{"Act":"quiet","Data":"off"}"#.into()),
        (Notice::Echo { on: true }, of("echo"), ECHO_ON.into()),
        (Notice::Echo { on: false }, of("echo"), r#"{"Act":"echo","Data":"off"}"#.into()),
        (Notice::Pong, of("ping"), PONG.into()),
        (Notice::Version, of("version"), format!(r#"{{"Act":"version","Data":"{version}"}}"#)),
        (Notice::Uptime { up: Duration::from_millis(7_300_900), people: 3 }, of("uptime"), UPTIME.into()),
        (
            Notice::HistoryEnd { room: dev(), last_seq: 57, lost: 12, since: 1_795_190_108_416 },
            of("history"),
            r#"{"Act":"history","Data":"12","Room":"dev","Seq":57,"Lost":12,"Since":1795190108416}"#.into(),
        ),
        (
            Notice::HistoryLine { line: said("ann", "hi"), is_action: true },
            201,
            format!(r#"{{"Act":"action","Data":"hi",{from},"Room":"lobby","Ts":{NOON},"Seq":57,"Past":true}}"#),
        ),
        (
            Notice::SlowDown { rate: 5, waiting: 12 },
            207,
            r#"{"Act":"notice","Data":"Slow down: your lines are now sent at 5 a second, 12 wait","Code":"flood"}"#
                .into(),
        ),
        (Notice::Goodbye(CloseReason::Quit), of("quit"), QUIT.into()),
        (Notice::Goodbye(CloseReason::Silent), 209, DOEXIT.into()),
        (Notice::Goodbye(CloseReason::ServerStopping), 209, DOEXIT.into()),
    ] {
        let wanted: Value = serde_json::from_str(&wanted).unwrap();
        assert_eq!(object(&notice, None).unwrap().to_string(), wanted.to_string(), "{notice:?}");
        let frame = bytes(Encoding::Frame, &notice, None);
        assert_eq!(frame[..4], route.to_le_bytes(), "the route of {notice:?}");
    }
    let broken = Notice::Goodbye(CloseReason::Malformed(Malformed::Checksum));
    let wanted = r#"{"Act":"error","Data":"a packet whose checksum is wrong","Code":"usage"}"#;
    assert_eq!(object(&broken, None), Some(serde_json::from_str(wanted).unwrap()));
    assert_eq!(bytes(Encoding::Frame, &broken, None)[..4], 10_000_u32.to_le_bytes(), "in tnet's own words");
}

/// The codes on which programs may rely.
#[test]
fn every_refusal_has_one_of_the_codes() {
    let codes = ["taken", "reserved", "badname", "nobody", "noroom", "toolong", "full", "usage", "unknown"];
    let mut seen = std::collections::BTreeSet::new();
    for refusal in all_refusals() {
        let object = object(&Notice::Refused(refusal.clone()), None).unwrap();
        assert_eq!((&object["Act"], &object["Data"]), (&"error".into(), &refusal.to_string().into()));
        seen.insert(object["Code"].as_str().unwrap().to_owned());
    }
    assert_eq!(seen, codes.map(str::to_owned).into());
}

/// A text too long for its framing is cut at a character's boundary, with a mark; the stream goes on.
#[test]
fn text_over_framing_limit_is_cut() {
    let long = |text: String| Notice::Told { from: speaker(1, "ann"), body: body(&text) };
    for notice in [long("é".repeat(40_000)), long("\"\\".repeat(20_000)), long("x".repeat(65_500))] {
        for (framing, header, most) in [(Framing::Gf1, 1, 255), (Framing::Gf2, 2, 65_535), (Framing::Gf7, 7, 65_535)] {
            let packet = bytes(Encoding::Json(framing), &notice, Some("5"));
            assert!(packet.len() <= header + most, "{framing:?}: {}", packet.len());
            assert!(packet.len() > header + most - 40, "{framing:?}: {} of {most} are used", packet.len());
            let object: Value = serde_json::from_slice(&packet[header..]).unwrap();
            assert_eq!((&object["Cut"], &object["Ref"]), (&true.into(), &5.into()));
            assert!(object["Data"].as_str().unwrap().ends_with('…'));
        }
        assert!(object(&notice, None).unwrap().get("Cut").is_none(), "lines carry everything");
    }
}

/// The names by which doors are opened (`--listen SCHEME://…`), logged and told.
#[test]
fn wire_has_name_of_its_scheme() {
    for (scheme, name, wire, first) in [
        ("text", "text", Wire::Text, TEXT_LF),
        ("relay", "relay", Wire::Relay, Encoding::Relay),
        ("frame", "frame", Wire::Frame, Encoding::Frame),
        ("json", "json", Wire::Json(None), Encoding::Json(Framing::Gf2)),
        ("json+gf1", "json", Wire::Json(Some(Framing::Gf1)), Encoding::Json(Framing::Gf1)),
        ("json+gf2", "json", Wire::Json(Some(Framing::Gf2)), Encoding::Json(Framing::Gf2)),
        ("json+gf3", "json", Wire::Json(Some(Framing::Gf3)), Encoding::Json(Framing::Gf3)),
        ("json+gf4", "json", Wire::Json(Some(Framing::Gf4)), Encoding::Json(Framing::Gf4)),
        ("json+gf7", "json", Wire::Json(Some(Framing::Gf7)), Encoding::Json(Framing::Gf7)),
        ("json+lines", "json", Wire::Json(Some(Framing::Lines)), Encoding::Json(Framing::Lines)),
    ] {
        assert_eq!(Wire::from_scheme(scheme), Some(wire), "{scheme}");
        assert_eq!((wire.name(), wire.to_string().as_str(), wire.first_encoding()), (name, name, first), "{scheme}");
    }
    for wrong in ["", "irc", "json+", "json+gf5", "text+gf2", "TEXT"] {
        assert_eq!(Wire::from_scheme(wrong), None, "{wrong}");
    }
}

/// A relay client would take its own line for somebody else's.
#[test]
fn relay_alone_echoes_no_lines() {
    for encoding in encodings() {
        assert_eq!(encoding.echoes(), encoding != Encoding::Relay, "{encoding:?}");
    }
}

/// Only a frame or a packet that has begun has to go on: a person may think in the middle of a line,
/// of JSON too.
#[test]
fn frames_and_packets_alone_are_timed() {
    let gf2 = Wire::Json(Some(Framing::Gf2));
    let mut cases: Vec<(Wire, &[u8], &[u8], bool)> = vec![
        (Wire::Frame, b"\x01\0\0", b"\0\x02\0\0\0hi", true),
        (Wire::Json(None), b"\0", b"\x02{}", true),
        (Wire::Json(None), b"\0\x02{}\0", b"\x02{}", true),
        (Wire::Json(None), b"{}\n{\"Act\"", b":\"say\"}\n", false),
        (gf2, b"\0\x02{", b"}", true),
    ];
    cases.extend(
        Wire::ALL.into_iter().filter(|wire| *wire != Wire::Frame).map(|wire| (wire, &b"{\"A"[..], &b""[..], false)),
    );
    for (wire, half, rest, is_midway) in cases {
        let mut decoder = wire.decoder(limits(4096));
        assert!(!decoder.is_midway(), "{wire} at its beginning");
        decoder.feed(half);
        while decoder.next().unwrap().is_some() {}
        assert_eq!(decoder.is_midway(), is_midway, "{wire} {}", half.escape_ascii());
        decoder.feed(rest);
        while decoder.next().unwrap().is_some() {}
        assert!(!decoder.is_midway(), "{wire}: all has come");
    }
}

/// A browser gets a page, a TLS client an alert, anything else a line: each in its own protocol.
#[test]
fn other_protocols_are_answered_in_kind() {
    let doors = OtherDoors { programs: "Frames: 127.0.0.1:8003".to_owned(), http: None };
    let answer = |protocol: Protocol| protocol.answer(Wire::Text, "127.0.0.1:8000", &doors);
    let page = "This is Parlor, a chat for nc and telnet; it does not speak HTTP.\nCome in by: nc 127.0.0.1 8000\n";
    let http = format!(
        "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: {}\r\n\
         Connection: close\r\n\r\n{page}",
        page.len()
    );
    assert_eq!(String::from_utf8(answer(Protocol::Http)).unwrap(), http);
    let page = String::from_utf8(Protocol::Http.answer(Wire::Text, "[::1]:8000", &doors)).unwrap();
    assert!(page.ends_with("Come in by: nc ::1 8000\n"), "{page}");
    assert_eq!(answer(Protocol::Tls), [21, 3, 1, 0, 2, 2, 70], "fatal alert: protocol_version");
    let binary = b"!!! This is the text door. Frames: 127.0.0.1:8003\n";
    assert_eq!(answer(Protocol::Binary), binary);
    let names = [Protocol::Http, Protocol::Tls, Protocol::Binary].map(Protocol::name);
    assert_eq!(names, ["HTTP", "TLS", "binary data"]);
}

/// A browser at the text door is told where the page is, unless it cannot reach it.
#[test]
fn browser_at_text_door_is_sent_to_page() {
    for (door, http, page) in [
        ("127.0.0.1:8000", "127.0.0.1:8088", Some("http://127.0.0.1:8088/")),
        ("127.0.0.1:8000", "0.0.0.0:8088", Some("http://127.0.0.1:8088/")),
        ("[2001:db8::1]:8000", "[::]:8088", Some("http://[2001:db8::1]:8088/")),
        ("192.0.2.1:8000", "127.0.0.1:8088", None),
    ] {
        let doors = OtherDoors { http: Some(http.parse().unwrap()), ..OtherDoors::default() };
        let answer = String::from_utf8(Protocol::Http.answer(Wire::Text, door, &doors)).unwrap();
        let words = page.map_or("it does not speak HTTP.\n".to_owned(), |page| format!("; its page is at\n{page}\n"));
        assert!(answer.contains(&words), "{answer}");
    }
}

/// A handler's answer takes the form of its door; what cannot be said there is said otherwise.
#[test]
fn handler_answer_fits_its_door() {
    let (act, route) = (Key::Act("hello".into()), Key::Route(7));
    let custom = |encoding: Encoding, key: &Key, data: &[u8]| {
        let mut out = Vec::new();
        encoding.encode_custom(key, data, Some("1"), &mut out);
        String::from_utf8(out).unwrap()
    };
    let lines = Encoding::Json(Framing::Lines);
    assert_eq!(custom(lines, &act, b"hi\n\xff"), "{\"Act\":\"hello\",\"Data\":\"hi␊\u{fffd}\",\"Ref\":1}\n");
    assert_eq!(custom(lines, &route, b"hi"), "{\"Act\":\"7\",\"Data\":\"hi\",\"Ref\":1}\n");
    assert_eq!(custom(Encoding::Frame, &route, b"hi\n\0"), "\x07\0\0\0\x04\0\0\0hi\n\0", "bytes as they are");
    assert_eq!(custom(TEXT_LF, &act, b"a\nb"), "*** a␊b\n");
    assert_eq!(custom(TEXT_CRLF_TIME, &route, b"a\rb"), "*** a b\r\n");
    assert_eq!(custom(Encoding::Relay, &act, b"a\nb"), "a␊b\r\n");
}

/// An act may be as long as a packet, and its answer says it again beside more keys.
#[test]
fn answer_to_long_act_fits_packet() {
    for (framing, header, most) in [(Framing::Gf1, 1, 255), (Framing::Gf2, 2, 65_535), (Framing::Gf7, 7, 65_535)] {
        for length in most - 40..most - 9 {
            let mut packet = Vec::new();
            Encoding::Json(framing).encode_custom(&Key::Act("x".repeat(length).into()), b"hi", None, &mut packet);
            assert!(packet.len() <= header + most, "{framing:?}: {} for {length}", packet.len());
            let object: Value = serde_json::from_slice(&packet[header..]).unwrap();
            assert!(object["Act"].as_str().unwrap().starts_with("xxxxxxxx"), "{object}");
        }
    }
}
