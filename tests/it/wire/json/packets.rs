//! The JSON door's bytes (gtcp): six framings told apart by the first packet, every limit and one on
//! either side of it, and objects that no honest client writes. Pure: no socket, only `parlor::wire`.

use parlor::protocol::{Command, Malformed, Refusal, RoomName};
use parlor::wire::{Encoding, Framing, Inbound, Key, Limits, Wire, WireError};
use proptest::prelude::*;
use serde_json::json;

use crate::support::packets::{LIMITS, frame, packet, say_object};
use crate::support::recorded::{
    ACT_IS_A_LIST, DOEXIT, GF2_HEARTBEAT, GF7_DOEXIT, GF7_HEARTBEAT, GF7_HELLO, HEARTBEAT, HELLO, REF_IS_A_FRACTION,
    SAY_HI, TELNET_OPTIONS, TLS_HELLO,
};
use crate::support::values::say;
use crate::wire::packets::{custom, decode, decode_within, in_all_ways, in_all_ways_within, is_refused};

/// Framings whose packets have a length before them.
const WITH_LENGTH: [Framing; 5] = [Framing::Gf1, Framing::Gf2, Framing::Gf3, Framing::Gf4, Framing::Gf7];
const TOO_LONG: WireError = WireError::Malformed(Malformed::PacketTooLong);

fn switch(framing: Framing) -> Inbound {
    Inbound::Switch(Encoding::Json(framing))
}

fn act(act: &str, data: &str) -> Inbound {
    custom(Key::Act(act.into()), data)
}

/// Bytes recorded between goframe's client and server.
#[test]
fn recorded_packets_whole_and_in_crumbs() {
    for (stream, framing, wanted) in [
        (GF2_HEARTBEAT.to_vec(), Framing::Gf2, vec![Inbound::Heartbeat]),
        (GF7_HEARTBEAT.to_vec(), Framing::Gf7, vec![Inbound::Heartbeat]),
        (GF7_HELLO.to_vec(), Framing::Gf7, vec![act("hello", "My name's John!")]),
        (GF7_DOEXIT.to_vec(), Framing::Gf7, vec![act("doexit", "")]),
        (
            [GF7_HELLO, GF7_HEARTBEAT, GF7_DOEXIT].concat(),
            Framing::Gf7,
            vec![act("hello", "My name's John!"), Inbound::Heartbeat, act("doexit", "")],
        ),
    ] {
        let told = std::iter::once(switch(framing)).chain(wanted.clone()).collect();
        assert_eq!(in_all_ways(Wire::Json(None), &stream), (told, Ok(())), "{framing:?}");
        assert_eq!(in_all_ways(Wire::Json(Some(framing)), &stream), (wanted, Ok(())), "{framing:?}, fixed");
    }
}

#[test]
fn conversation_decodes_in_every_framing() {
    for framing in Framing::ALL {
        let stream: Vec<u8> = [HELLO, HEARTBEAT, r#"{"Act":"say","Data":"hi all"}"#, "{}", DOEXIT]
            .iter()
            .flat_map(|data| packet(framing, data))
            .collect();
        for wire in [Wire::Json(None), Wire::Json(Some(framing))] {
            let (mut items, ended) = in_all_ways(wire, &stream);
            if wire == Wire::Json(None) {
                assert_eq!(items.remove(0), switch(framing));
            }
            assert!(is_refused(&items.remove(3)), "{framing:?}: an object without Act");
            let wanted = [act("hello", "My name's John!"), Inbound::Heartbeat, say("hi all"), act("doexit", "")];
            assert_eq!((items.as_slice(), ended), (&wanted[..], Ok(())), "{framing:?}");
        }
    }
}

/// Six lengths of `gf2` begin like a JSON line: `7b 22` is 31522 and `{"`. What follows tells them
/// apart, since an object begins there and no key does.
#[test]
fn gf2_length_like_object_is_packet() {
    for length in [0x7b22_usize, 0x7b7d, 0x7b20, 0x7b09, 0x7b0d, 0x7b0a] {
        let around = r#"{"Act":"x","Data":""}"#.len();
        let data = json!({"Act": "x", "Data": "y".repeat(length - around)}).to_string();
        let (items, ended) = decode(Wire::Json(None), packet(Framing::Gf2, data.as_bytes()).chunks(3));
        assert_eq!((items.first(), items.len(), ended), (Some(&switch(Framing::Gf2)), 2, Ok(())), "{length:#x}");
    }
}

/// Typed text begins with a printable byte; the length of a packet that is not very long does not.
#[test]
fn packet_without_object_is_told_from_text() {
    for (first, is_packet) in [(1, true), (0x1f, true), (b' ', false), (b'a', false)] {
        let (items, ended) = decode(Wire::Json(None), [&[first, 3, b'a', b'b', b'c'][..]]);
        assert_eq!((items.first() == Some(&switch(Framing::Gf2)), ended.is_ok()), (is_packet, is_packet), "{first:#x}");
    }
}

#[test]
fn line_ends_in_crlf_or_nothing() {
    let stream = b"{\"Act\":\"say\",\"Data\":\"a\"}\r\n\r\n\n  {\"Act\":\"say\",\"Data\":\"b\"}  \n{\"Act\":\"say\",\"Data\":\"c\"}";
    let wanted = vec![switch(Framing::Lines), say("a"), say("b"), say("c")];
    assert_eq!(in_all_ways(Wire::Json(None), stream), (wanted, Ok(())));
    assert_eq!(in_all_ways(Wire::Json(None), b"{}").0.len(), 2, "refused for want of an Act");
}

/// The first byte is what tells a line, as the contract says: somebody who types JSON from memory is
/// told what is wrong with it, and may try again.
#[test]
fn line_without_json_is_refused() {
    for line in ["{Act:\"say\"}", "{'Act':'say'}", "{\"Act\":\"say\"", "{x", "{[]}"] {
        let stream = format!("{line}\n{{\"Act\":\"say\",\"Data\":\"hi\"}}\n");
        let (items, ended) = in_all_ways(Wire::Json(None), stream.as_bytes());
        assert_eq!((items.len(), ended), (3, Ok(())), "{line}: {items:?}");
        assert_eq!((&items[0], &items[2]), (&switch(Framing::Lines), &say("hi")), "{line}");
        assert!(is_refused(&items[1]), "{line}: {:?}", items[1]);
    }
}

#[test]
fn packet_too_long_ends_stream_early() {
    for framing in WITH_LENGTH {
        let wire = Wire::Json(Some(framing));
        let around = r#"{"Act":"x","Data":""}"#.len();
        for max_packet in [60, 255, 256, 4096] {
            let limits = Limits { max_packet, ..LIMITS };
            for length in [max_packet - 1, max_packet, max_packet + 1] {
                if framing == Framing::Gf1 && length > 255 {
                    continue;
                }
                let data = json!({"Act": "x", "Data": "y".repeat(length - around)}).to_string();
                let stream = packet(framing, data.as_bytes());
                let header = stream.len() - length;
                let whole = decode_within(wire, limits, [stream.as_slice()]);
                if length <= max_packet {
                    assert_eq!((whole.0.len(), whole.1), (1, Ok(())), "{framing:?} {length} of {max_packet}");
                } else {
                    let wanted = (vec![], Err(TOO_LONG));
                    assert_eq!(whole, wanted, "{framing:?} {length} of {max_packet}");
                    assert_eq!(decode_within(wire, limits, [&stream[..header]]), wanted, "the header suffices");
                    assert_eq!(decode_within(wire, limits, stream.chunks(1)), wanted);
                }
            }
        }
    }
}

#[test]
fn default_packet_limit_is_exact() {
    let data = json!({"Act": "x", "Data": "y".repeat(65_535 - 21)}).to_string();
    for framing in [Framing::Gf3, Framing::Gf4, Framing::Gf7, Framing::Lines] {
        let wire = Wire::Json(Some(framing));
        assert_eq!(decode(wire, [packet(framing, data.as_bytes()).as_slice()]).0.len(), 1, "{framing:?}");
        let longer = data.replacen('{', "{ ", 1);
        let (items, ended) = decode(wire, [packet(framing, longer.as_bytes()).as_slice()]);
        assert!(items.is_empty() && matches!(ended, Err(WireError::Malformed(_))), "{framing:?}");
    }
}

#[test]
fn lengths_of_four_gigabytes_are_only_numbers() {
    for (framing, header) in [
        (Framing::Gf4, &[0xff; 4][..]),
        (Framing::Gf4, b"\x80\0\0\0"),
        (Framing::Gf3, b"\xff\xff\xff"),
        (Framing::Gf7, b"\xff\xff\xff\0\0\0\0"),
    ] {
        let wanted = (vec![], Err(TOO_LONG));
        assert_eq!(in_all_ways(Wire::Json(Some(framing)), &[header, b"{\"Act\""].concat()), wanted, "{header:x?}");
        let (items, ended) = in_all_ways(Wire::Json(None), &[header, b"{\"Act\":\"hello\"}"].concat());
        assert!(items.is_empty() && ended.is_err(), "{header:x?}");
    }
}

#[test]
fn gf7_packet_needs_sum_and_length() {
    let wire = Wire::Json(Some(Framing::Gf7));
    for total in 0..7 {
        let stream = [0, 0, total, 0, 0, 0, 0, b'{'];
        let wanted = Err(WireError::Malformed(Malformed::PacketTooShort));
        assert_eq!(in_all_ways(wire, &stream), (vec![], wanted), "{total}");
    }
    let (items, ended) = in_all_ways(wire, &[0, 0, 7, 0, 0, 0, 0]);
    assert!(ended == Ok(()) && matches!(items.as_slice(), [item] if is_refused(item)), "an empty packet: {items:?}");
    let right = packet(Framing::Gf7, HELLO);
    for (at, bit) in (3..7).flat_map(|at| (0..8).map(move |bit| (at, bit))) {
        let mut stream = [right.clone(), right.clone()].concat();
        stream[right.len() + at] ^= 1 << bit;
        let wanted = Err(WireError::Malformed(Malformed::Checksum));
        assert_eq!(decode(wire, stream.chunks(5)), (vec![act("hello", "My name's John!")], wanted), "{at}.{bit}");
    }
    // The sum is of the bytes, so two of them may change places unnoticed; that is gtcp's.
    let mut stream = right;
    let len = stream.len();
    stream.swap(len - 4, len - 5);
    assert_eq!(decode(wire, [stream.as_slice()]).1, Ok(()));
}

#[test]
fn nothing_comes_after_an_error() {
    for wire in [Wire::Json(None), Wire::Json(Some(Framing::Gf7))] {
        let mut decoder = wire.decoder(LIMITS);
        decoder.feed(b"\x00\x00\x03\x00\x00\x00\x00");
        for _ in 0..3 {
            assert!(decoder.next().is_err(), "{wire:?}");
        }
    }
}

/// Whatever byte a client sends before its first packet by mistake, it is told so or understood; it is
/// never taken to have said something else.
#[test]
fn stray_byte_before_first_packet() {
    let object = br#"{"Act":"say","Data":"hi all"}"#;
    for framing in Framing::ALL {
        for byte in 0..=255 {
            let stream: Vec<u8> = [&[byte][..], &packet(framing, object), &packet(framing, object)].concat();
            let (items, ended) = in_all_ways(Wire::Json(None), &stream);
            let known =
                |item: &Inbound| matches!(item, Inbound::Switch(_)) || *item == say("hi all") || is_refused(item);
            assert!(items.iter().all(known), "{framing:?} {byte:#x}: {items:?}");
            assert!(items.len() <= 4, "{framing:?} {byte:#x}: {items:?}");
            assert!(matches!(ended, Ok(()) | Err(WireError::Malformed(_))));
        }
    }
}

#[test]
fn empty_packet_is_refused() {
    for framing in WITH_LENGTH {
        let stream = [packet(framing, b""), packet(framing, HEARTBEAT)].concat();
        let (items, ended) = in_all_ways(Wire::Json(Some(framing)), &stream);
        assert!(is_refused(&items[0]), "{framing:?}: {items:?}");
        assert_eq!((&items[1..], ended), (&[Inbound::Heartbeat][..], Ok(())), "{framing:?}");
    }
}

#[test]
fn packets_of_one_segment_stay_ordered() {
    for framing in Framing::ALL {
        let object = |n: usize| json!({"Act": "say", "Data": n.to_string()}).to_string();
        let stream: Vec<u8> = (0..200).flat_map(|n| packet(framing, object(n).as_bytes())).collect();
        let wanted: Vec<_> =
            std::iter::once(switch(framing)).chain((0..200).map(|n: usize| say(&n.to_string()))).collect();
        assert_eq!(decode(Wire::Json(None), [stream.as_slice()]), (wanted.clone(), Ok(())), "{framing:?}");
        assert_eq!(decode(Wire::Json(None), stream.chunks(1)), (wanted, Ok(())), "{framing:?}");
    }
}

/// Objects that no honest client writes: each gets one refusal, and the next packet is served.
#[test]
fn bad_object_is_refused() {
    let deep = |open: &str, close: &str| format!("{}{}", open.repeat(10_000), close.repeat(10_000));
    let many_keys: Vec<String> = (0..5000).map(|n| format!("\"k{n}\":{n}")).collect();
    let digits = "9".repeat(30_000);
    for object in [
        "[]".into(),
        "null".into(),
        "7".into(),
        "\"say\"".into(),
        "{".into(),
        "{\"Act\":\"say\",\"Data\":\"hi\"}}".into(),
        "{\"Act\":\"say\",\"Data\":\"hi\"} x".into(),
        "{\"Act\":\"say\",\"Data\":\"hi\",}".into(),
        "{\"Act\":\"say\",\"Data\":\"\\x\"}".into(),
        "{\"Act\":\"say\",\"Data\":\"a\nb\"}".into(),
        "{\"Act\":1}".into(),
        "{\"Act\":null,\"Data\":\"hi\"}".into(),
        ACT_IS_A_LIST.into(),
        "{\"Act\":\"say\",\"Data\":7}".into(),
        "{\"Act\":\"say\",\"Data\":{\"a\":\"b\"}}".into(),
        "{\"Act\":\"msg\",\"To\":7,\"Data\":\"hi\"}".into(),
        REF_IS_A_FRACTION.into(),
        "{\"Act\":\"ping\",\"Ref\":[]}".into(),
        format!("{{\"Act\":\"ping\",\"Ref\":{digits}}}"),
        format!("{{\"Act\":\"ping\",\"Ref\":\"{}\"}}", "r".repeat(300)),
        format!("{{\"Act\":\"say\",\"Data\":{digits}}}"),
        deep("[", "]"),
        format!("{}{}", "{\"Data\":".repeat(7000), "}".repeat(7000)),
        format!("{{\"Act\":\"say\",\"Data\":{}}}", deep("[", "]")),
        "{}".into(),
        "{\"Data\":\"hi\"}".into(),
        "{\"Act\":\"\",\"Data\":\"hi\"}".into(),
        format!("{{{}}}", many_keys.join(",")),
        "{\"Act\":\"say\",\"Data\":\"a\",\"Data\":\"b\"}".into(),
        "{\"Act\":\"say\",\"ACT\":\"me\",\"Data\":\"a\"}".into(),
        "{\"aCT\":\"say\",\"daTA\":\"a\",\"DATA\":\"a\"}".into(),
        "{\"Act\":\"msg\",\"To\":\"ann\",\"tO\":\"bob\",\"Data\":\"a\"}".into(),
    ] {
        check_refused(object.as_bytes());
    }
    check_refused(b"{\"Act\":\"say\",\"Data\":\"caf\xe9\"}");
    check_refused(b"{\"Act\":\"s\xff\"}");
}

/// Missed lines can be asked for by room, by the last line that was seen, or by both.
#[test]
fn history_is_asked_by_room_and_line() {
    let dev = || Some(RoomName::parse("dev").unwrap());
    for (object, wanted) in [
        (r#"{"Act":"history","After":57}"#, Command::HistoryAfter(None, 57)),
        (r#"{"Act":"history","Room":"dev"}"#, Command::HistoryAfter(dev(), 0)),
        (r#"{"Act":"history","Room":"dev","After":57}"#, Command::HistoryAfter(dev(), 57)),
        (r#"{"Act":"history","Data":"12"}"#, Command::History(12)),
    ] {
        let (items, ended) = decode(Wire::Json(Some(Framing::Lines)), [format!("{object}\n").as_bytes()]);
        assert_eq!((items, ended), (vec![Inbound::Command(wanted)], Ok(())), "{object}");
    }
}

/// A refusal tells the author of a client what was expected, and where.
#[test]
fn refusal_of_object_says_what_fits() {
    for (object, wanted) in [
        ("7", "invalid type: integer `7`, expected an object with Act and Data"),
        ("{\"Act\":1}", "Act must be a string, not 1"),
        ("{\"Act\":\"ping\",\"Ref\":[]}", "Ref must be a string of at most 256 bytes or a whole number, not []"),
        ("{\"Act\":\"say\",\"Data\":\"a\",\"data\":\"b\"}", "Data is given twice"),
        ("{\"Data\":\"hi\"}", "No Act: say what is wanted, like {\"Act\":\"say\",\"Data\":\"hi\"}"),
    ] {
        let (items, ended) = decode(Wire::Json(Some(Framing::Lines)), [format!("{object}\n").as_bytes()]);
        let [Inbound::Refused(Refusal::BadPacket { why })] = items.as_slice() else {
            unreachable!("{object}: {items:?}");
        };
        assert!(why.contains(wanted) && ended.is_ok(), "{object}: {why}");
    }
    // A mark of 256 bytes with its quotes comes back, a longer one does not.
    for (length, fits) in [(254, true), (255, false)] {
        let object = format!("{{\"Act\":\"ping\",\"Ref\":\"{}\"}}\n", "r".repeat(length));
        let (items, _) = decode(Wire::Json(Some(Framing::Lines)), [object.as_bytes()]);
        assert_eq!(matches!(items[0], Inbound::Tag(_)), fits, "{length}: {items:?}");
    }
}

fn check_refused(object: &[u8]) {
    let shown = String::from_utf8_lossy(&object[..object.len().min(60)]);
    for framing in [Framing::Gf2, Framing::Gf4, Framing::Gf7] {
        let stream = [packet(framing, object), packet(framing, HEARTBEAT)].concat();
        let (items, ended) = decode(Wire::Json(Some(framing)), [stream.as_slice()]);
        let [Inbound::Refused(refusal @ Refusal::BadPacket { why }), Inbound::Heartbeat] = items.as_slice() else {
            unreachable!("{shown}: {items:?}");
        };
        assert_eq!((refusal.code().name(), ended), ("usage", Ok(())), "{shown}");
        assert!(
            !why.is_empty() && why.chars().count() <= 200 && !why.chars().any(char::is_control),
            "{shown}: {why:?}"
        );
    }
}

/// Keys are matched without regard to case, and what is not known does not matter, however much of it.
#[test]
fn unknown_keys_are_passed_over() {
    let keys: Vec<String> = (0..5000).map(|n| format!("\"k{n}\":{n}")).collect();
    let digits = "9".repeat(30_000);
    for more in [
        "\"x\":null".into(),
        "\"x\":[1,{\"Act\":\"quit\",\"Act\":2}]".into(),
        "\"\":\"\"".into(),
        "\"Actt\":1,\"Dat\":2".into(),
        "\"\\u0000\":1e400".into(),
        keys.join(","),
        format!("\"x\":{digits}"),
        format!("\"x\":-{digits}.{}e-{}", &digits[..9000], &digits[..9000]),
        format!("\"{}\":1", "k".repeat(30_000)),
        format!("\"x\":\"{}\"", "\\u0041".repeat(5000)),
    ] {
        for object in [
            format!("{{\"aCt\":\"say\",\"DATA\":\"hi\",{more}}}"),
            format!("{{{more},\"act\":\"say\",\"data\":\"hi\"}}"),
            format!(" {{ \"\\u0041ct\" : \"s\\u0061y\" , \"Data\" : \"\\u0068i\" , {more} }} "),
        ] {
            let stream = packet(Framing::Gf3, object.as_bytes());
            let shown: String = object.chars().take(60).collect();
            let (items, ended) = decode(Wire::Json(Some(Framing::Gf3)), [stream.as_slice()]);
            assert_eq!((items.as_slice(), ended), (&[say("hi")][..], Ok(())), "{shown}");
        }
    }
}

/// Nesting in a value that nobody reads is skipped without a stack, or refused; either way the
/// process lives and the session stays.
#[test]
fn deep_nesting_in_unknown_key_is_skipped() {
    for value in ["[".repeat(60_000), "{\"a\":".repeat(12_000), format!("{}{}", "[".repeat(10_000), "]".repeat(10_000))]
    {
        let stream = packet(Framing::Gf2, format!("{{\"Act\":\"say\",\"Data\":\"hi\",\"x\":{value}}}").as_bytes());
        let (items, ended) =
            decode(Wire::Json(Some(Framing::Gf2)), [stream, packet(Framing::Gf2, HEARTBEAT)].iter().map(Vec::as_slice));
        assert!(items[0] == say("hi") || is_refused(&items[0]), "{:?}", items[0]);
        assert_eq!((&items[1..], ended), (&[Inbound::Heartbeat][..], Ok(())));
    }
}

#[test]
fn unknown_act_goes_to_handler() {
    for name in ["hello", "doexit", "Say", "SAY", "help", "stay", "saying", " say", "chat", "家"] {
        let object = json!({"Act": name, "Data": "x", "Ref": 7}).to_string();
        let (items, _) = in_all_ways(Wire::Json(None), &packet(Framing::Gf2, object.as_bytes()));
        assert_eq!(items[1..], [Inbound::Tag("7".into()), act(name, "x")], "{name}");
    }
}

/// The mark of a request goes before it, so that whoever answers knows it. A heartbeat has no answer:
/// its mark would be put on the answer of whatever comes next.
#[test]
fn heartbeat_leaves_no_mark_behind() {
    let stream = [
        packet(Framing::Gf2, br#"{"Act":"heartbeat","Ref":1}"#),
        packet(Framing::Gf2, br#"{"Act":"ping"}"#),
        packet(Framing::Gf2, br#"{"Act":"ping","Ref":2}"#),
    ]
    .concat();
    let ping = Inbound::Command(Command::Ping);
    let wanted = vec![Inbound::Heartbeat, ping.clone(), Inbound::Tag("2".into()), ping];
    assert_eq!(in_all_ways(Wire::Json(Some(Framing::Gf2)), &stream), (wanted, Ok(())));
}

/// Programs at the wrong door: one error, and the stream ends. None of them may be kept waiting for a
/// packet that never comes, once it has sent the eight bytes that a header takes at most.
#[test]
fn other_protocols_get_one_error() {
    for stream in [
        &b"GET / HTTP/1.1\r\nHost: parlor\r\n\r\n"[..],
        b"POST /x HTTP/1.1\r\n\r\n{\"Act\":\"say\"}",
        TLS_HELLO,
        b"hello there\r\n",
        b"rename|bob\n",
        b"[1,2,3]\n",
        b"\"say\"\r\n    ",
        TELNET_OPTIONS,
        &frame(0, b""),
        &frame(1, b"test"),
        &frame(100, b"hi all"),
        &frame(100, br#"{"Data":"hi"}"#),
        &frame(10_000, b"test"),
    ] {
        let (items, ended) = in_all_ways(Wire::Json(None), stream);
        assert!(items.is_empty(), "{stream:x?}: {items:?}");
        assert!(matches!(ended, Err(WireError::Malformed(_))), "{stream:x?}: {ended:?}");
        assert_eq!(decode(Wire::Json(None), [&stream[..8]]).1, ended, "{stream:x?}: eight bytes suffice");
    }
}

/// Nobody waits for the rest of a header whose length is beyond the limit already: `who` and Enter at
/// this door is told at once, though it has only four bytes.
#[test]
fn length_over_limit_is_told_at_once() {
    for stream in [&b"who\n"[..], b"hi\r\n", b"GET ", b"\x16\x03\x01\x02"] {
        let (items, ended) = decode(Wire::Json(None), [stream]);
        assert!(items.is_empty() && matches!(ended, Err(WireError::Malformed(_))), "{stream:x?}: {ended:?}");
    }
    let (_, ended) = decode(Wire::Json(Some(Framing::Gf7)), [&b"\xff\xff\xff"[..]]);
    assert_eq!(ended, Err(TOO_LONG));
}

/// The JSON door's packets at the text door are known by their NUL; what has none is a request.
#[test]
fn packets_at_text_door_are_unsaid() {
    let foreign = Err(WireError::WrongProtocol(parlor::wire::Protocol::Binary));
    for framing in [Framing::Gf2, Framing::Gf3, Framing::Gf4, Framing::Gf7] {
        assert_eq!(in_all_ways(Wire::Text, &packet(framing, HELLO)), (vec![], foreign), "{framing:?}");
    }
    for stream in [frame(0, b""), frame(1, b"test"), frame(100, b"hi all")] {
        assert_eq!(in_all_ways(Wire::Text, &stream), (vec![], foreign), "{stream:x?}");
    }
    let foreign = |which| (vec![], Err(WireError::WrongProtocol(which)));
    assert_eq!(in_all_ways(Wire::Text, b"\x16\x03\x01\x02\x00"), foreign(parlor::wire::Protocol::Tls));
    assert_eq!(in_all_ways(Wire::Text, b"GET / HTTP/1.1\r\n"), foreign(parlor::wire::Protocol::Http));
    let line = SAY_HI.as_bytes();
    let [Inbound::Refused(Refusal::OtherProtocol { name: "JSON", .. })] = in_all_ways(Wire::Text, line).0[..] else {
        panic!("a JSON line is refused");
    };
}

proptest! {
    #[test]
    fn random_bytes_in_pieces_decode_alike(
        stream in proptest::collection::vec(prop_oneof![any::<u8>(), Just(b'{'), Just(b'"'), Just(0), Just(b'\n')], 0..64),
        step in 1_usize..20,
        fixed in 0_usize..7,
    ) {
        let limits = Limits { max_packet: 40, ..LIMITS };
        let wire = Wire::Json(Framing::ALL.get(fixed).copied());
        prop_assert_eq!(
            decode_within(wire, limits, stream.chunks(step)),
            decode_within(wire, limits, [stream.as_slice()])
        );
    }

    #[test]
    fn first_packet_is_answered_in_its_framing(text in any::<String>(), step in 1_usize..20) {
        let object = json!({"Act": "x", "Data": text}).to_string();
        for framing in Framing::ALL {
            if framing == Framing::Gf1 && object.len() > 255 {
                continue;
            }
            let stream = [packet(framing, object.as_bytes()), packet(framing, HEARTBEAT)].concat();
            let wanted = vec![switch(framing), act("x", &text), Inbound::Heartbeat];
            prop_assert_eq!(decode(Wire::Json(None), stream.chunks(step)), (wanted, Ok(())));
        }
    }
}

#[test]
fn small_limit_holds_for_every_framing() {
    let limits = Limits { max_packet: 40, ..LIMITS };
    for framing in Framing::ALL {
        let stream = [packet(framing, HEARTBEAT), packet(framing, [b'x'; 41])].concat();
        let (items, ended) = in_all_ways_within(Wire::Json(Some(framing)), limits, &stream);
        assert_eq!(items, [Inbound::Heartbeat], "{framing:?}");
        assert!(matches!(ended, Err(WireError::Malformed(_))), "{framing:?}");
    }
}

mod exhaustive {
    use super::*;

    /// Every length that a first packet may have is told right: the bytes of its header must not look
    /// like the object of another framing.
    #[test]
    fn first_packet_of_any_length_shows_framing() {
        let around = r#"{"Act":"x","Data":""}"#.len();
        let lengths = (2..=300).chain(65_500..=65_535).chain((300..65_500).step_by(1013));
        let lengths = lengths.chain([0x7b7b, 0x7b21, 0x7b23, 0x7aff, 0x227b, 0x200d]);
        for length in lengths {
            let data = match length {
                2 => b"{}".to_vec(),
                short if short < around => format!("{{{}}}", " ".repeat(length - 2)).into_bytes(),
                _ => json!({"Act": "x", "Data": "y".repeat(length - around)}).to_string().into_bytes(),
            };
            assert_eq!(data.len(), length);
            for framing in Framing::ALL {
                if framing == Framing::Gf1 && length > 255 {
                    continue;
                }
                let stream = packet(framing, &data);
                let (items, ended) = decode(Wire::Json(None), [stream.as_slice()]);
                assert_eq!(
                    (items.first(), items.len(), ended),
                    (Some(&switch(framing)), 2, Ok(())),
                    "{length} {framing:?}"
                );
                let crumbs = stream.chunks(if length < 400 { 1 } else { 999 });
                assert_eq!(decode(Wire::Json(None), crumbs).0, items, "{length} {framing:?}, in crumbs");
            }
        }
    }

    /// Hostile packets take time in proportion to their bytes. Each of these would take minutes or hours
    /// if some step looked at everything again for every byte, key, level or digit.
    #[test]
    fn time_is_linear_in_the_bytes() {
        const MANY: usize = 1 << 19;
        let limits = Limits { max_packet: 16 * MANY, ..LIMITS };
        let long = json!({"Act": "x", "Data": "y".repeat(MANY)}).to_string();
        for framing in [Framing::Lines, Framing::Gf4, Framing::Gf7] {
            let stream = packet(framing, long.as_bytes());
            assert_eq!(decode_within(Wire::Json(Some(framing)), limits, stream.chunks(1)).0.len(), 1);
            assert_eq!(
                decode_within(Wire::Json(Some(framing)), limits, [&stream[..stream.len() - 1]]).0.len(),
                usize::from(framing == Framing::Lines)
            );
        }
        let keys: String = (0..MANY / 10).map(|n| format!("\"k{n}\":1,")).collect();
        for object in [
            format!("{{\"x\":{}", "[".repeat(MANY)),
            format!("{{\"x\":{}}}", "9".repeat(MANY)),
            format!("{{\"Ref\":{}}}", "9".repeat(MANY)),
            format!("{{{keys}\"Act\":\"x\"}}"),
            say_object(&"\\u001b\\n".repeat(MANY / 10)),
            format!("{{\"{}\":1}}", "\\u0041".repeat(MANY / 10)),
        ] {
            let stream = packet(Framing::Gf4, object.as_bytes());
            assert_ne!(decode_within(Wire::Json(Some(Framing::Gf4)), limits, [stream.as_slice()]).0.len(), 0);
        }
        let small = packet(Framing::Gf1, b"{}").repeat(MANY / 10);
        assert_eq!(decode(Wire::Json(Some(Framing::Gf1)), [small.as_slice()]).0.len(), MANY / 10);
        let mut cut = Vec::new();
        Encoding::Json(Framing::Gf1).encode_custom(&Key::Act("x".into()), &vec![1; MANY], None, &mut cut);
    }
}
