//! The frames of a WebSocket, against RFC 6455: what each stream decodes to, wherever its reads end.

use parlor::protocol::{BadFrame, Command, Malformed};
use parlor::wire::web::Web;
use parlor::wire::{Inbound, Key, Limits, Wire, WireError};
use proptest::collection::vec;
use proptest::prelude::*;

use crate::support::packets::{LIMITS, masked, say_object, unmasked};
use crate::support::values::say;
use crate::wire::packets::{custom, decode, in_all_ways, in_all_ways_within, is_refused};

const SOCKET: Wire = Wire::Web(Web::Socket);

/// First bytes of frames: the bit of the last fragment, and the opcode.
const TEXT: u8 = 0x81;
const BINARY: u8 = 0x82;
const CLOSE: u8 = 0x88;
const PING: u8 = 0x89;
const PONG: u8 = 0x8a;
const TEXT_BEGINS: u8 = 0x01;
const BINARY_BEGINS: u8 = 0x02;
const GOES_ON: u8 = 0x00;
const ENDS: u8 = 0x80;

fn said(text: &str) -> Vec<u8> {
    masked(TEXT, say_object(text).as_bytes())
}

fn pong(data: &[u8]) -> Inbound {
    Inbound::Pong(unmasked(PONG, data).into())
}

fn closed(data: &[u8]) -> Inbound {
    Inbound::Close(unmasked(CLOSE, data).into())
}

fn ended(why: BadFrame) -> Result<(), WireError> {
    Err(WireError::Malformed(Malformed::WebSocket(why)))
}

/// The examples of section 5.7, to the byte.
#[test]
fn examples_of_rfc_decode_as_told() {
    let hello = b"\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58";
    let (items, end) = in_all_ways(SOCKET, &[b"\x81\x85", &hello[..]].concat());
    assert!(is_refused(&items[0]) && items.len() == 1, "it is text, but no object: {items:?}");
    assert_eq!(end, Ok(()));
    assert_eq!(in_all_ways(SOCKET, &[b"\x89\x85", &hello[..]].concat()), (vec![pong(b"Hello")], Ok(())));
    assert_eq!(in_all_ways(SOCKET, &[b"\x8a\x85", &hello[..]].concat()), (vec![], Ok(())), "a pong");
    for as_a_server in [
        &b"\x81\x05\x48\x65\x6c\x6c\x6f"[..],
        b"\x01\x03\x48\x65\x6c\x80\x02\x6c\x6f",
        b"\x89\x05\x48\x65\x6c\x6c\x6f",
        b"\x82\x7e\x01\x00",
        b"\x82\x7f\x00\x00\x00\x00\x00\x01\x00\x00",
    ] {
        assert_eq!(in_all_ways(SOCKET, as_a_server), (vec![], ended(BadFrame::Unmasked)), "{as_a_server:x?}");
    }
}

#[test]
fn text_message_is_request_of_json_door() {
    let stream = [
        said("hi"),
        masked(TEXT, br#"{"Act":"ping","Ref":7}"#),
        masked(TEXT, br#"{"Act":"hello","Data":"you"}"#),
        said(r"one\ntwo"),
        masked(TEXT, br#"{"Act":"heartbeat"}"#),
    ]
    .concat();
    let wanted = vec![
        say("hi"),
        Inbound::Tag("7".into()),
        Inbound::Command(Command::Ping),
        custom(Key::Act("hello".into()), "you"),
        say("one"),
        say("two"),
        Inbound::Heartbeat,
    ];
    assert_eq!(in_all_ways(SOCKET, &stream), (wanted, Ok(())));
}

#[test]
fn message_without_object_is_refused() {
    let two = [say_object("a"), say_object("b")].concat();
    for text in ["", "hi", "[]", "{\"Act\":\"say\"", "{}", &two] {
        let stream = [masked(TEXT, text.as_bytes()), said("still here")].concat();
        let (items, end) = in_all_ways(SOCKET, &stream);
        assert!(is_refused(&items[0]), "{text}: {items:?}");
        assert_eq!((&items[1..], end), (&[say("still here")][..], Ok(())), "{text}");
    }
}

#[test]
fn fragments_join_around_control_frames() {
    let object = say_object("two 🏠 halves");
    let half = object.find('🏠').unwrap() + 2; // within a character
    let (first, second) = object.as_bytes().split_at(half);
    let stream = [
        masked(TEXT_BEGINS, first),
        masked(PING, b"1"),
        masked(GOES_ON, b""),
        masked(PONG, b"unasked"),
        masked(PING, b""),
        masked(ENDS, second),
        said("next"),
    ]
    .concat();
    let wanted = vec![pong(b"1"), pong(b""), say("two 🏠 halves"), say("next")];
    assert_eq!(in_all_ways(SOCKET, &stream), (wanted, Ok(())));
    let crumbs: Vec<u8> = object.bytes().flat_map(|byte| masked(GOES_ON, &[byte])).collect();
    let stream = [masked(TEXT_BEGINS, b""), crumbs, masked(ENDS, b"")].concat();
    assert_eq!(in_all_ways(SOCKET, &stream), (vec![say("two 🏠 halves")], Ok(())));
}

#[test]
fn message_of_each_length_form_decodes() {
    for length in [125, 126, 127, 65_534, 65_535] {
        let text = "x".repeat(length - say_object("").len());
        let (items, end) = decode(SOCKET, said(&text).chunks(1460));
        assert_eq!((items.len(), end), (1, Ok(())), "{length}: {items:.80?}");
    }
}

#[test]
fn frame_that_rfc_forbids_ends_session() {
    let (first, rest) = (masked(TEXT_BEGINS, b"{"), masked(ENDS, b"}"));
    let mut cases = vec![
        (unmasked(TEXT, b"{}"), BadFrame::Unmasked),
        (unmasked(CLOSE, b""), BadFrame::Unmasked),
        (masked(GOES_ON, b"x"), BadFrame::Sequence),
        (rest, BadFrame::Sequence),
        ([&first[..], &said("hi")].concat(), BadFrame::Sequence),
        ([&first[..], &first].concat(), BadFrame::Sequence),
        (masked(0x09, b"a ping in fragments"), BadFrame::Control),
        (masked(0x08, b""), BadFrame::Control),
        (masked(PING, &[b'x'; 126]), BadFrame::Control),
        (masked(CLOSE, &[b'x'; 70_000]), BadFrame::Control),
        (masked(CLOSE, b"\x03"), BadFrame::Close),
        (masked(BINARY, b"{}"), BadFrame::Binary),
        (masked(BINARY_BEGINS, b"{"), BadFrame::Binary),
        (masked(TEXT, b"{\"Act\":\"\xff\"}"), BadFrame::NotUtf8),
        (masked(TEXT, b"\xed\xa0\x80"), BadFrame::NotUtf8), // half of a surrogate pair
        (masked(TEXT, b"cut \xf0\x9f"), BadFrame::NotUtf8),
        ([masked(TEXT_BEGINS, b"cut \xf0\x9f"), masked(ENDS, b"here")].concat(), BadFrame::NotUtf8),
        ([masked(TEXT_BEGINS, b"cut \xf0\x9f"), masked(ENDS, b"")].concat(), BadFrame::NotUtf8),
        (masked(CLOSE, b"\x03\xe8\xff"), BadFrame::NotUtf8),
    ];
    cases.extend([0x40, 0x20, 0x10].map(|reserved| (masked(TEXT | reserved, b"{}"), BadFrame::ReservedBits)));
    cases.extend((3..8).chain(11..16).map(|opcode| (masked(0x80 | opcode, b""), BadFrame::Opcode)));
    for (stream, why) in cases {
        let stream = [said("before"), stream, said("after")].concat();
        let cut = if stream.len() < 1000 { in_all_ways(SOCKET, &stream) } else { decode(SOCKET, [&stream[..]]) };
        assert_eq!(cut, (vec![say("before")], ended(why)), "{why:?}: {:x?}", &stream[..stream.len().min(100)]);
    }
}

/// A length is compared before anything is kept for it; the data need not come.
#[test]
fn message_too_long_ends_session() {
    let head = |length: u64| [&[TEXT, 0x80 | 127][..], &length.to_be_bytes(), &[1, 2, 3, 4]].concat();
    for length in [65_536, 1 << 31, u64::from(u32::MAX) + 1, (1 << 63) - 1, 1 << 63, u64::MAX] {
        assert_eq!(in_all_ways(SOCKET, &head(length)), (vec![], ended(BadFrame::TooLong)), "{length}");
    }
    let small = Limits { max_packet: 64, ..LIMITS };
    let fits = [masked(TEXT_BEGINS, &[b' '; 60]), masked(ENDS, b"{}  ")].concat();
    let (items, end) = in_all_ways_within(SOCKET, small, &fits);
    assert!(is_refused(&items[0]) && end == Ok(()), "64 bytes: {items:?}, {end:?}");
    let over = [masked(TEXT_BEGINS, &[b' '; 60]), masked(ENDS, b"{}   ")].concat();
    assert_eq!(in_all_ways_within(SOCKET, small, &over), (vec![], ended(BadFrame::TooLong)));
}

#[test]
fn close_frame_is_answered_with_its_code() {
    for code in [1000_u16, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 3000, 4999] {
        let data = [&code.to_be_bytes()[..], "Tschüß".as_bytes()].concat();
        let stream = [masked(CLOSE, &data), said("nobody hears this")].concat();
        assert_eq!(in_all_ways(SOCKET, &stream), (vec![closed(&data)], Ok(())), "{code}");
    }
    assert_eq!(in_all_ways(SOCKET, &masked(CLOSE, b"")), (vec![closed(b"")], Ok(())));
    // Also between the fragments of a message, which is never finished.
    let stream = [masked(TEXT_BEGINS, b"{"), masked(CLOSE, b"\x03\xe8")].concat();
    assert_eq!(in_all_ways(SOCKET, &stream), (vec![closed(b"\x03\xe8")], Ok(())));
}

#[test]
fn close_code_not_allowed_is_answered_1002() {
    for code in [0_u16, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000, u16::MAX] {
        let (items, end) = in_all_ways(SOCKET, &masked(CLOSE, &code.to_be_bytes()));
        let [Inbound::Close(answer)] = items.as_slice() else { panic!("{code}: {items:?}") };
        assert_eq!((&answer[2..4], end), (&1002_u16.to_be_bytes()[..], Ok(())), "{code}");
    }
}

#[test]
fn unfinished_message_is_timed() {
    let fragment = masked(TEXT_BEGINS, b"{");
    let after = |stream: &[u8]| {
        let mut decoder = SOCKET.decoder(LIMITS);
        decoder.feed(stream);
        while let Ok(Some(_)) = decoder.next() {}
        decoder.is_midway()
    };
    for end in 1..fragment.len() {
        assert!(after(&fragment[..end]), "{end} bytes of a frame");
    }
    assert!(after(&fragment) && after(&[&fragment[..], &masked(PING, b"")].concat()));
    for whole in [vec![], said("hi"), [fragment, masked(ENDS, b"}")].concat(), masked(CLOSE, b"")] {
        assert!(!after(&whole), "{whole:x?}");
    }
    assert!(!after(&[masked(CLOSE, b""), b"x".to_vec()].concat()), "what follows a close frame means nothing");
}

/// Frames of every kind, most of them as a client may send them.
fn frames() -> impl Strategy<Value = Vec<u8>> {
    let first = prop_oneof![
        6 => Just(TEXT), 3 => Just(TEXT_BEGINS), 3 => Just(GOES_ON), 3 => Just(ENDS), 2 => Just(PING), 1 => Just(PONG),
        1 => Just(CLOSE), 1 => any::<u8>(),
    ];
    let data = prop_oneof![
        3 => Just(say_object("hi").into_bytes()),
        2 => Just(Vec::new()),
        2 => vec(any::<u8>(), 0..8),
        1 => vec(b' '..b'~', 120..130),
    ];
    vec((first, data), 0..12).prop_map(|frames| frames.iter().flat_map(|(first, data)| masked(*first, data)).collect())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_reads_decode_to_the_same(stream in frames(), size in 1_usize..40) {
        prop_assert_eq!(decode(SOCKET, stream.chunks(size)), decode(SOCKET, [&stream[..]]));
    }
}
