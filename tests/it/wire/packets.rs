//! Answers to programs: each fits its framing, reads back as JSON, and keeps its stream in step;
//! and nothing that a program says makes more than one line where people read it.
//!
//! Below are the helpers of this module, of `json` and of `frames`: they write and read packets by
//! the layouts of PROTOCOLS.md, without a line of Parlor's own encoders.

#![allow(clippy::expect_used, clippy::panic, reason = "a helper that cannot go on has found a fault")]

use std::sync::Arc;
use std::time::Duration;

use parlor::protocol::{Body, Command, Line, Notice, Presence, Refusal, RoomName, SessionId, Speaker};
use parlor::wire::{Encoding, Framing, Inbound, Key, Limits, Wire, WireError};

use crate::support::packets::{LIMITS, frame, packet};
use crate::support::recorded::{GF7_DOEXIT, GF7_NICE};
use crate::support::values::body;
use crate::wire::{TEXT_CRLF, TEXT_LF, encodings};
use proptest::prelude::*;
use serde_json::{Value, json};

/// Characters that would end a line, or act on a terminal, beside some that are merely unusual.
const AWKWARD: &str =
    "a\nb\r\nc\rd\u{2028}e\u{2029}f\u{85}g\u{1b}[2Jh\u{0}i\u{7}\u{9b}31m\u{202e}j\u{2066}k\u{7f} \"\\/\tö家🏠\u{301}";

#[test]
fn answer_equals_recorded_bytes() {
    let mut answer = Vec::new();
    let hello = Key::Act("hello".into());
    Encoding::Json(Framing::Gf7).encode_custom(&hello, b"Nice to meet you!", None, &mut answer);
    assert_eq!(answer, GF7_NICE);

    let mut doexit = Vec::new();
    Encoding::Json(Framing::Gf7).encode(&Notice::DoExit, None, &mut doexit);
    assert_eq!(doexit, GF7_DOEXIT);
}

#[test]
fn chat_line_has_the_documented_keys() {
    let notice = Notice::Said(Line {
        room: RoomName::lobby(),
        from: speaker("bob"),
        body: body("hi all"),
        at: 1_795_190_108_416,
        seq: 57,
    });
    let wanted = "{\"Act\":\"chat\",\"Data\":\"hi all\",\"From\":\"bob\",\"Id\":\"2123807362945912832\",\
                  \"Room\":\"lobby\",\"Ts\":1795190108416,\"Seq\":57}";
    for framing in Framing::ALL {
        let mut out = Vec::new();
        Encoding::Json(framing).encode(&notice, None, &mut out);
        assert_eq!(out, packet(framing, wanted.as_bytes()), "{framing:?}");
    }
    let mut out = Vec::new();
    Encoding::Frame.encode(&notice, None, &mut out);
    assert_eq!(out, frame(200, wanted.as_bytes()));
}

#[test]
fn answer_is_appended_behind_pending_bytes() {
    for framing in Framing::ALL {
        let encoding = Encoding::Json(framing);
        let mut out = Vec::new();
        encoding.encode(&Notice::Pong, None, &mut out);
        let first = out.clone();
        encoding.encode(&Notice::DoExit, None, &mut out);
        assert!(out.starts_with(&first), "{framing:?}");
        let acts: Vec<Value> = unpack(framing, &out).into_iter().map(|object| object["Act"].clone()).collect();
        assert_eq!(acts, ["ping", "doexit"], "{framing:?}");
    }
}

#[test]
fn mark_comes_back_unchanged() {
    for mark in ["7", "-3", "18446744073709551615", "\"a\\n\\\"b\"", "\"\u{2028}家\""] {
        for framing in Framing::ALL {
            let mut out = Vec::new();
            Encoding::Json(framing).encode(&Notice::Pong, Some(mark), &mut out);
            let wanted: Value = serde_json::from_str(mark).expect("a mark is JSON text");
            assert_eq!(only(framing, &out)["Ref"], wanted, "{framing:?}");
        }
    }
}

#[test]
fn answer_of_exactly_what_fits_stays() {
    for framing in [Framing::Gf1, Framing::Gf2, Framing::Gf3, Framing::Gf4, Framing::Gf7] {
        let around = json!({"Act": "x", "Data": ""}).to_string().len();
        for (over, cut) in [(-1, false), (0, false), (1, true), (2, true)] {
            let length = longest(framing).strict_add_signed(over) - around;
            let mut out = Vec::new();
            let text = "y".repeat(length);
            Encoding::Json(framing).encode_custom(&Key::Act("x".into()), text.as_bytes(), None, &mut out);
            let object = only(framing, &out);
            assert_eq!(object.get("Cut").is_some(), cut, "{framing:?} {over:+}");
            assert_eq!(object["Data"] == text, !cut, "{framing:?} {over:+}");
        }
    }
}

/// The mark went with the text and all the keys at once, though it would have fitted, and nobody knew
/// what had been answered. Now the keys go first, then the text, and the mark at the very last.
#[test]
fn mark_comes_back_if_framing_fits() {
    let notice = Notice::Said(Line {
        room: RoomName::lobby(),
        from: speaker("bob"),
        body: body("hello there"),
        at: 1_795_190_108_416,
        seq: 57,
    });
    for length in 0..=250 {
        let mark = "r".repeat(length);
        let mut out = Vec::new();
        Encoding::Json(Framing::Gf1).encode(&notice, Some(&format!("\"{mark}\"")), &mut out);
        let object = only(Framing::Gf1, &out);
        assert_eq!(object["Act"], "chat", "{length}");
        let fits = |text: &str| {
            json!({"Act": "chat", "Data": text, "Cut": true, "Ref": mark}).to_string().len() <= longest(Framing::Gf1)
        };
        assert_eq!(object.get("Ref").is_some_and(|found| *found == mark), fits(""), "{length}: {object}");
        let data = object["Data"].as_str().expect("a text");
        let is_whole = data == "hello there";
        assert!(is_whole || data.is_empty() || "hello there".starts_with(data.trim_end_matches('…')), "{object}");
        assert!(is_whole || !fits("hello there") || !data.is_empty(), "{length}: {object}");
    }
    // An error's code goes after its words, for it is what programs go by.
    let mark = format!("\"{}\"", "r".repeat(190));
    let mut out = Vec::new();
    Encoding::Json(Framing::Gf1).encode(&Notice::Refused(Refusal::NoName), Some(&mark), &mut out);
    let object = only(Framing::Gf1, &out);
    assert_eq!((&object["Data"], &object["Code"]), (&json!(""), &json!("badname")), "{object}");
    // A handler's act may be long too, and is cut before the mark goes.
    let mut out = Vec::new();
    let key = Key::Act("é".repeat(200).into());
    Encoding::Json(Framing::Gf1).encode_custom(&key, b"data", Some("18446744073709551615"), &mut out);
    assert_eq!(only(Framing::Gf1, &out)["Ref"], u64::MAX);
}

/// A list that just fits comes with everybody's details; one character more, and they are left out.
#[test]
fn list_of_exactly_what_fits_stays() {
    let list = |length: usize, framing| {
        let who = speaker(&"y".repeat(length));
        let one = Presence {
            who,
            idle: Duration::from_secs(30),
            here: Duration::from_secs(4),
            away: None,
            rooms: Vec::new(),
        };
        let mut out = Vec::new();
        let notice = Notice::Names { room: RoomName::lobby(), people: vec![one] };
        Encoding::Json(framing).encode(&notice, None, &mut out);
        only(framing, &out)
    };
    let fits = (1..200).find(|length| list(*length, Framing::Lines).to_string().len() == 255);
    let fits = fits.expect("a name that fills the packet");
    assert_eq!(list(fits, Framing::Gf1), list(fits, Framing::Lines));
    let cut = list(fits + 1, Framing::Gf1);
    assert_eq!((cut.get("People"), &cut["Cut"]), (None, &true.into()), "{cut}");
    assert_eq!(cut["Data"], "y".repeat(fits + 1), "the names are all there");
}

/// A list of people is the longest thing that a program is told: where it does not fit, the names go
/// first, then the end of the text; the packet stays whole.
#[test]
fn list_of_thousand_fits_every_framing() {
    let people = (0..1000).map(|n| Presence {
        who: speaker(&format!("somebody-with-a-name-{n}")),
        idle: Duration::from_secs(n),
        here: Duration::from_secs(2 * n),
        away: None,
        rooms: Vec::new(),
    });
    let notice = Notice::Names { room: RoomName::lobby(), people: people.collect() };
    for framing in Framing::ALL {
        let mut out = Vec::new();
        Encoding::Json(framing).encode(&notice, Some("\"r\""), &mut out);
        let object = only(framing, &out);
        assert_eq!((&object["Act"], &object["Ref"]), (&json!("who"), &json!("r")), "{framing:?}");
        let whole = framing == Framing::Lines;
        assert_eq!(object["People"].as_array().map(Vec::len), whole.then_some(1000), "{framing:?}");
        assert_eq!(object.get("Cut").is_none(), whole, "{framing:?}");
    }
}

/// A handler answers under the `Act` that it was asked for, and an `Act` nearly as
/// long as a packet left no room for the rest of the answer. The length did not fit its header, which
/// panicked, so the session ended without a word. (`on_other` with a reply is enough to get there.)
#[test]
fn answer_under_long_act_still_fits() {
    for (framing, length) in
        [(Framing::Gf1, 240), (Framing::Gf2, 65_520), (Framing::Gf4, 65_520), (Framing::Gf7, 65_520)]
    {
        let act = "a".repeat(length);
        let request = json!({ "Act": act }).to_string();
        let (items, ended) = decode(Wire::Json(Some(framing)), [packet(framing, request.as_bytes()).as_slice()]);
        assert_eq!((items.len(), ended), (1, Ok(())), "{framing:?} takes it");
        let mut out = Vec::new();
        Encoding::Json(framing).encode_custom(&Key::Act(act.into()), b"no such thing", Some("1"), &mut out);
        Encoding::Json(framing).encode(&Notice::Pong, None, &mut out);
        let objects = unpack(framing, &out);
        assert_eq!(objects.len(), 2, "{framing:?}");
        assert_eq!((&objects[0]["Cut"], &objects[1]["Act"]), (&json!(true), &json!("ping")), "{framing:?}");
    }
}

/// A newline inside JSON or a frame cannot forge a line on the text door, nor can anything that a
/// terminal takes for one.
#[test]
fn program_text_is_one_line_for_people() {
    for act in ["say", "me", "msg", "reply", "quit"] {
        let object = json!({"Act": act, "To": "ann", "Data": AWKWARD}).to_string();
        let route = route_of(act);
        let as_json = (Wire::Json(None), packet(Framing::Gf2, object.as_bytes()));
        let as_object = (Wire::Frame, frame(route, object.as_bytes()));
        let as_text = (Wire::Frame, frame(route, AWKWARD.as_bytes()));
        for (wire, stream) in [as_json, as_object, as_text] {
            let (items, ended) = in_all_ways(wire, &stream);
            assert_eq!(ended, Ok(()));
            let command = match items.last() {
                Some(Inbound::Command(command)) => command,
                // In a frame, the receiver of a private line is a key of the object.
                Some(Inbound::Refused(Refusal::Usage { .. })) if act == "msg" => continue,
                other => panic!("{wire} {act}: {other:?}"),
            };
            for notice in notices_of(command) {
                for encoding in encodings() {
                    let mut out = Vec::new();
                    encoding.encode(&notice, None, &mut out);
                    one_line(encoding, &out);
                }
            }
        }
    }
}

/// Names travel in refusals and announcements: they are as clean as lines.
#[test]
fn name_with_newline_is_one_line() {
    for (act, key) in [("nick", "Data"), ("msg", "To"), ("join", "Data"), ("who", "Data"), ("echo", "Data")] {
        for text in [AWKWARD, "root\n*** bob is now ann", "127.0.0.1\r\n[1]x: y", "\n", "\u{2028}x"] {
            let mut object = json!({"Act": act, "Data": "x"});
            object[key] = text.into();
            let (items, _) = in_all_ways(Wire::Json(None), &packet(Framing::Gf2, object.to_string().as_bytes()));
            let notice = match items.last() {
                Some(Inbound::Refused(refusal)) => Notice::Refused(refusal.clone()),
                Some(Inbound::Command(Command::Msg { to, .. })) => {
                    Notice::Refused(Refusal::NobodyCalled { name: to.clone(), like: None })
                }
                Some(Inbound::Command(Command::Nick(nick))) => Notice::YouAre(speaker(nick.as_str())),
                Some(Inbound::Command(Command::Join(room))) => Notice::Refused(Refusal::NoRoom { room: room.clone() }),
                Some(Inbound::Command(Command::Who(_))) => continue,
                other => panic!("{act} {text:?}: {other:?}"),
            };
            let mut out = Vec::new();
            TEXT_LF.encode(&notice, None, &mut out);
            one_line(TEXT_LF, &out);
        }
    }
}

#[test]
fn handler_answer_is_one_line() {
    for key in [Key::Route(1), Key::Act("hello".into()), Key::Act(AWKWARD.into())] {
        for encoding in [TEXT_LF, TEXT_CRLF, Encoding::Relay] {
            let mut out = Vec::new();
            encoding.encode_custom(&key, AWKWARD.as_bytes(), None, &mut out);
            one_line(encoding, &out);
        }
    }
    let unknown = Notice::Refused(Refusal::UnknownAct { act: AWKWARD.into() });
    for encoding in [TEXT_LF, TEXT_CRLF] {
        let mut out = Vec::new();
        encoding.encode(&unknown, None, &mut out);
        one_line(encoding, &out);
    }
}

/// The fuzzer's find: a capital and a mark above it have no letter of their own where the small one
/// has (T̈ and ẗ), so a room had two names, each a room, and those who met in one missed the other.
#[test]
fn room_in_capitals_is_the_same() {
    for (one, other) in [("dev", "#DEV"), ("\u{390}\u{3b1}", "\u{3aa}\u{301}\u{391}"), ("ﬀ", "FF")] {
        let room = |name: &str| {
            let stream = packet(Framing::Gf2, json!({"Act": "join", "Data": name}).to_string().as_bytes());
            decode(Wire::Json(None), [stream.as_slice()]).0.pop()
        };
        assert_eq!(room(one), room(other), "{one} and {other}");
        let Some(Inbound::Command(Command::Join(name))) = room(one) else { unreachable!("{one}") };
        assert_eq!(room(name.as_str()), room(one), "a room is found under the name that it is shown by");
    }
}

proptest! {
    #[test]
    fn answer_reads_back_unchanged(text in any::<String>(), act in "\\PC{1,20}", mark in any::<Option<u64>>()) {
        let mark_text = mark.map(|mark| mark.to_string());
        let clean = parlor::protocol::clean(text.as_bytes()).into_owned();
        for framing in Framing::ALL {
            let mut out = Vec::new();
            let key = Key::Act(act.as_str().into());
            Encoding::Json(framing).encode_custom(&key, text.as_bytes(), mark_text.as_deref(), &mut out);
            let object = only(framing, &out);
            prop_assert_eq!(object["Act"].as_str(), Some(act.as_str()));
            let data = object["Data"].as_str().unwrap_or_default();
            prop_assert_eq!(object.get("Ref").and_then(Value::as_u64), mark);
            if object.get("Cut").is_none() {
                prop_assert_eq!(data, clean.as_str());
            } else {
                prop_assert_eq!(framing, Framing::Gf1);
                prop_assert!(clean.starts_with(data.strip_suffix('…').unwrap_or(data)));
            }
        }
        let mut out = Vec::new();
        Encoding::Frame.encode_custom(&Key::Route(2), text.as_bytes(), mark_text.as_deref(), &mut out);
        prop_assert_eq!(out, frame(2, text.as_bytes()));
    }

    #[test]
    fn line_reads_back_unchanged(text in any::<String>(), name in "\\PC{1,24}", at in any::<u64>(), seq in any::<u64>()) {
        let Some(body) = Body::new(&text) else { return Ok(()) };
        let clean = body.as_str().to_owned();
        let notice = Notice::Said(Line { room: RoomName::lobby(), from: speaker(&name), body, at, seq });
        for framing in [Framing::Gf2, Framing::Gf3, Framing::Gf4, Framing::Gf7, Framing::Lines] {
            let mut out = Vec::new();
            Encoding::Json(framing).encode(&notice, None, &mut out);
            let wanted = json!({"Act": "chat", "Data": clean, "From": name, "Id": "2123807362945912832",
                                "Room": "lobby", "Ts": at, "Seq": seq});
            prop_assert_eq!(only(framing, &out), wanted);
        }
    }

    #[test]
    fn request_of_client_is_understood(text in any::<String>(), mark in any::<Option<u64>>()) {
        let mut object = json!({"Act": "say", "Data": text});
        if let Some(mark) = mark {
            object["Ref"] = mark.into();
        }
        for framing in Framing::ALL {
            if object.to_string().len() > longest(framing) {
                continue;
            }
            let (items, ended) = decode(Wire::Json(None), [packet(framing, object.to_string().as_bytes()).as_slice()]);
            prop_assert_eq!(ended, Ok(()));
            prop_assert_eq!(&items[0], &Inbound::Switch(Encoding::Json(framing)));
            let wanted = Body::new(&text).map(|body| Inbound::Command(Command::Say(body)));
            match wanted {
                Some(wanted) => prop_assert_eq!(items.last(), Some(&wanted)),
                None => prop_assert!(matches!(items.last(), Some(Inbound::Refused(Refusal::Usage { .. }))), "{items:?}"),
            }
            prop_assert_eq!(items.len(), 2 + usize::from(mark.is_some()));
        }
    }
}

/// The items that a decoder made of a stream, and how it ended.
pub(super) type Decoded = (Vec<Inbound>, Result<(), WireError>);

/// Everything that a decoder makes of some reads.
pub(super) fn decode<'a>(wire: Wire, reads: impl IntoIterator<Item = &'a [u8]>) -> Decoded {
    decode_within(wire, LIMITS, reads)
}

/// The same, within other limits. The end of input is told too.
pub(super) fn decode_within<'a>(wire: Wire, limits: Limits, reads: impl IntoIterator<Item = &'a [u8]>) -> Decoded {
    let mut decoder = wire.decoder(limits);
    let mut items = Vec::new();
    let reads = reads.into_iter().map(Some).chain([None]);
    for read in reads {
        match read {
            Some(bytes) => decoder.feed(bytes),
            None => decoder.end(),
        }
        loop {
            match decoder.next() {
                Ok(Some(item)) => items.push(item),
                Ok(None) => break,
                Err(error) => return (items, Err(error)),
            }
        }
    }
    (items, Ok(()))
}

/// Decodes a stream whole, byte by byte, and cut in two at every index; it must come to the same.
pub(super) fn in_all_ways(wire: Wire, stream: &[u8]) -> Decoded {
    in_all_ways_within(wire, LIMITS, stream)
}

/// The same, within other limits.
pub(super) fn in_all_ways_within(wire: Wire, limits: Limits, stream: &[u8]) -> Decoded {
    let whole = decode_within(wire, limits, [stream]);
    assert_eq!(decode_within(wire, limits, stream.chunks(1)), whole, "{wire}, byte by byte");
    for at in 1..stream.len() {
        let (first, second) = stream.split_at(at);
        assert_eq!(decode_within(wire, limits, [first, second]), whole, "{wire}, cut at {at}");
    }
    whole
}

/// The objects of a stream of packets: whole ones, with right headers, and nothing behind them.
pub(super) fn unpack(framing: Framing, mut stream: &[u8]) -> Vec<Value> {
    let mut objects = Vec::new();
    while !stream.is_empty() {
        let number = |bytes: &[u8]| bytes.iter().fold(0, |number, byte| number << 8 | usize::from(*byte));
        let (header, length) = match framing {
            Framing::Gf1 => (1, number(&stream[..1])),
            Framing::Gf2 => (2, number(&stream[..2])),
            Framing::Gf3 => (3, number(&stream[..3])),
            Framing::Gf4 => (4, number(&stream[..4])),
            Framing::Gf7 => (7, number(&stream[..3]) - 7),
            Framing::Lines => (0, stream.iter().position(|byte| *byte == b'\n').expect("a line ends")),
        };
        let data = &stream[header..header + length];
        let whole = packet(framing, data);
        assert!(stream.starts_with(&whole), "{framing:?}: the header of {}", String::from_utf8_lossy(data));
        assert!(length <= longest(framing));
        objects.push(serde_json::from_slice(data).expect("a packet holds JSON"));
        stream = &stream[whole.len()..];
    }
    objects
}

/// The only object of a stream.
fn only(framing: Framing, stream: &[u8]) -> Value {
    let mut objects = unpack(framing, stream);
    assert_eq!(objects.len(), 1, "{framing:?}");
    objects.remove(0)
}

/// Longest data that a client in this framing takes.
fn longest(framing: Framing) -> usize {
    match framing {
        Framing::Gf1 => 255,
        Framing::Lines => usize::MAX,
        _ => 65_535,
    }
}

/// The route of a command's frame.
pub(super) fn route_of(act: &str) -> u32 {
    let spec = parlor::protocol::COMMANDS.iter().find(|spec| spec.name == act);
    spec.map(|spec| spec.route).expect("a command")
}

/// A request that is a handler's.
/// Whether the item is a packet that could not be read.
pub(super) fn is_refused(item: &Inbound) -> bool {
    matches!(item, Inbound::Refused(Refusal::BadPacket { .. }))
}

pub(super) fn custom(key: Key, data: &str) -> Inbound {
    Inbound::Custom { key, data: data.as_bytes().to_vec() }
}

fn speaker(name: &str) -> Arc<Speaker> {
    Arc::new(Speaker {
        id: SessionId(2_123_807_362_945_912_832),
        address: "127.0.0.1:5123".into(),
        name: name.into(),
        visitor: None,
    })
}

/// Notices to the others, and to the sender, of a command that says something.
fn notices_of(command: &Command) -> Vec<Notice> {
    let line = |body: &Body| Line { room: RoomName::lobby(), from: speaker("bob"), body: body.clone(), at: 1, seq: 2 };
    match command {
        Command::Say(body) | Command::Quit(Some(body)) => vec![Notice::Said(line(body))],
        Command::Me(body) => vec![Notice::Acted(line(body))],
        Command::Reply(body) => vec![Notice::Told { from: speaker("bob"), body: body.clone() }],
        Command::Msg { to, body } => vec![
            Notice::Told { from: speaker("bob"), body: body.clone() },
            Notice::ToldTo { to: speaker("ann"), body: body.clone() },
            Notice::Refused(Refusal::NobodyCalled { name: to.clone(), like: None }),
        ],
        other => panic!("{other:?} says nothing"),
    }
}

/// Holds an encoder's output to at most one line of clean text where people, or relay's clients, read it.
fn one_line(encoding: Encoding, bytes: &[u8]) {
    let name = format!("{encoding:?}");
    let eol = match name.as_str() {
        "Relay" if bytes.is_empty() => return,
        "Relay" => "\r\n",
        crlf if crlf.starts_with("TextCrlf") => "\r\n",
        lf if lf.starts_with("TextLf") => "\n",
        _ => return,
    };
    let text = std::str::from_utf8(bytes).expect("UTF-8");
    let line = text.strip_suffix(eol).expect("a line ends");
    // A line of the server that is wrapped goes on behind the same mark and four blanks.
    let line = line.get(..4).map_or(line.to_owned(), |mark| line.replace(&format!("{eol}{mark}    "), ""));
    let acts = |c: char| {
        (c.is_control() && c != '\t')
            || matches!(c, '\u{2028}' | '\u{2029}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    assert!(!line.contains(acts), "{encoding:?}: {line:?}");
}

mod exhaustive {
    use super::*;

    /// An answer that its framing cannot carry is cut at a character's boundary, with a mark, and the
    /// next answer is where its reader looks for it.
    #[test]
    fn answer_too_long_is_cut_in_step() {
        let texts = ["x".repeat(70_000), "家".repeat(24_000), "🏠é".repeat(12_000), "\u{1}\"\\".repeat(24_000)];
        for framing in Framing::ALL {
            let longest = longest(framing);
            for text in &texts {
                for mark in [None, Some("12345")] {
                    let mut out = Vec::new();
                    let key = Key::Act("echo-back".into());
                    Encoding::Json(framing).encode_custom(&key, text.as_bytes(), mark, &mut out);
                    let end = out.len();
                    Encoding::Json(framing).encode(&Notice::Pong, None, &mut out);
                    let objects = unpack(framing, &out);
                    assert_eq!(objects.len(), 2, "{framing:?}");
                    assert_eq!(objects[1]["Act"], "ping", "{framing:?}");
                    let clean = parlor::protocol::clean(text.as_bytes());
                    let data = objects[0]["Data"].as_str().expect("a text");
                    if longest > 300_000 {
                        assert_eq!(data, clean, "{framing:?}: nothing is cut that fits");
                    } else {
                        let kept = data.strip_suffix('…').expect("what is cut ends in a mark");
                        assert!(clean.starts_with(kept), "{framing:?}");
                        assert_eq!(objects[0]["Cut"], true, "{framing:?}");
                        assert!(end >= longest - 40, "{framing:?}: cut to {end} bytes, {longest} would fit");
                    }
                    if mark.is_some() {
                        assert_eq!(objects[0]["Ref"], 12345, "{framing:?}");
                    }
                }
            }
        }
    }
}
