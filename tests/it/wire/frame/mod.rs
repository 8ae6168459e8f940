//! The frame door's bytes (tnet): recorded ones, every limit and one on either side of it, and
//! streams that are no frames at all. Pure: no socket, only `parlor::wire`.

use parlor::protocol::{Command, Malformed, Notice, Refusal};
use parlor::wire::{Encoding, Framing, Inbound, Key, Limits, Wire, WireError};
use proptest::prelude::*;
use serde_json::json;

use crate::support::packets::{LIMITS, frame, packet};
use crate::support::recorded::{
    ACT_IS_A_LIST, FRAME_HEARTBEAT, GF2_HEARTBEAT, GF7_HEARTBEAT, HEARTBEAT, SAY_HI, TELNET_OPTIONS, TLS_HELLO,
};
use crate::support::values::say;
use crate::wire::packets::{custom, decode, decode_within, in_all_ways, in_all_ways_within, route_of};

const TOO_LARGE: WireError = WireError::Malformed(Malformed::FrameTooLong);

#[test]
fn recorded_frames_whole_and_in_crumbs() {
    let echo = |route, text| custom(Key::Route(route), text);
    for (stream, wanted) in [
        (&b"\x01\0\0\0\x04\0\0\0test"[..], vec![echo(1, "test")]),
        (b"\x02\0\0\0\x04\0\0\0test\x01\0\0\0\0\0\0\0", vec![echo(2, "test"), echo(1, "")]),
        (FRAME_HEARTBEAT, vec![Inbound::Heartbeat]),
        (&[0; 24], vec![Inbound::Heartbeat; 3]),
        (b"\0\0\0\0\x01\0\0\0x", vec![Inbound::Heartbeat]),
        (b"\xff\xff\xff\xff\x02\0\0\0\xff\0", vec![Inbound::Custom { key: Key::Route(u32::MAX), data: vec![255, 0] }]),
        (b"\x64\0\0\0\x06\0\0\0hi all", vec![say("hi all")]),
    ] {
        assert_eq!(in_all_ways(Wire::Frame, stream), (wanted, Ok(())), "{stream:x?}");
    }
    assert_eq!(parlor::wire::HEARTBEAT, FRAME_HEARTBEAT);
}

#[test]
fn answers_are_the_recorded_bytes() {
    let mut out = Vec::new();
    Encoding::Frame.encode_custom(&Key::Route(1), b"test", None, &mut out);
    assert_eq!(out, b"\x01\0\0\0\x04\0\0\0test");
    out.clear();
    Encoding::Frame.encode(&Notice::Refused(Refusal::UnknownRoute { route: 3 }), None, &mut out);
    assert_eq!(out, b"\x10\x27\0\0\x12\0\0\0router id: 3 error");
}

/// A declared length is compared before anything is kept for it, and told with both numbers.
#[test]
fn frame_too_large_ends_the_stream() {
    for length in [65_537_u32, 65_538, 0x00ff_ffff, 0x7fff_ffff, 0x8000_0000, u32::MAX] {
        let stream = [&1_u32.to_le_bytes()[..], &length.to_le_bytes(), b"rest that nobody reads"].concat();
        let told = frame(10_000, format!("frame too large: {length} bytes (max 65536)").as_bytes());
        let wanted = (vec![Inbound::Answer(told.into())], Err(TOO_LARGE));
        assert_eq!(in_all_ways(Wire::Frame, &stream), wanted, "{length}");
    }
    // The goodbye of that ending adds nothing: the numbers have been told.
    let mut out = Vec::new();
    let WireError::Malformed(what) = TOO_LARGE else { return };
    Encoding::Frame.encode(&Notice::Goodbye(parlor::protocol::CloseReason::Malformed(what)), None, &mut out);
    assert_eq!(out, b"");
}

#[test]
fn frame_limit_is_exact() {
    for max_frame in [0, 1, 8, 300] {
        let limits = Limits { max_frame, ..LIMITS };
        for length in max_frame.saturating_sub(1)..=max_frame + 1 {
            let stream = [frame(9, &vec![b'z'; length]), frame(1, b"")].concat();
            let (items, ended) = in_all_ways_within(Wire::Frame, limits, &stream);
            if length <= max_frame {
                let wanted = [custom(Key::Route(9), &"z".repeat(length)), custom(Key::Route(1), "")];
                assert_eq!((items.as_slice(), ended), (&wanted[..], Ok(())), "{length} of {max_frame}");
            } else {
                assert_eq!((items.len(), ended), (1, Err(TOO_LARGE)), "{length} of {max_frame}");
            }
        }
    }
    for (length, wanted) in [(65_535, Ok(())), (65_536, Ok(())), (65_537, Err(TOO_LARGE))] {
        assert_eq!(decode(Wire::Frame, [frame(9, &vec![b'z'; length]).as_slice()]).1, wanted, "{length}");
    }
}

#[test]
fn nothing_comes_after_an_error() {
    let mut decoder = Wire::Frame.decoder(LIMITS);
    decoder.feed(&[frame(1, b"before"), vec![1, 0, 0, 0, 255, 255, 255, 255], frame(1, b"after")].concat());
    assert_eq!(decoder.next(), Ok(Some(custom(Key::Route(1), "before"))));
    assert!(matches!(decoder.next(), Ok(Some(Inbound::Answer(_)))));
    for _ in 0..3 {
        assert_eq!(decoder.next(), Err(TOO_LARGE));
        decoder.feed(&frame(1, b"after"));
    }
}

/// The reader times unfinished input, so the decoder has to report it, and only then.
#[test]
fn frame_is_midway_until_complete() {
    let mut decoder = Wire::Frame.decoder(LIMITS);
    assert!(!decoder.is_midway());
    let stream = frame(1, b"test");
    for (at, byte) in stream.iter().enumerate() {
        decoder.feed(&[*byte]);
        let item = decoder.next();
        let last = at + 1 == stream.len();
        assert_eq!((item == Ok(None), decoder.is_midway()), (!last, !last), "byte {at}");
    }
    decoder.feed(&[&stream[..], &stream[..3]].concat());
    assert_eq!(decoder.next(), Ok(Some(custom(Key::Route(1), "test"))));
    assert!(decoder.next() == Ok(None) && decoder.is_midway());
    decoder.end();
    assert_eq!(decoder.next(), Ok(None), "a truncated frame, then a close, is nothing");
}

#[test]
fn two_hundred_frames_keep_their_order() {
    let stream: Vec<u8> = (0..200).flat_map(|n: u32| frame(1 + n % 2, n.to_string().as_bytes())).collect();
    let wanted: Vec<_> = (0..200).map(|n: u32| custom(Key::Route(1 + n % 2), &n.to_string())).collect();
    assert_eq!(in_all_ways(Wire::Frame, &stream), (wanted, Ok(())));
}

#[test]
fn unknown_routes_are_each_a_request() {
    let stream: Vec<u8> = (0..5000).flat_map(|n: u32| frame(300 + n, b"")).collect();
    let (items, ended) = decode(Wire::Frame, stream.chunks(1460));
    assert_eq!((items.len(), ended), (5000, Ok(())));
}

#[test]
fn chat_frame_holds_object_or_text() {
    let to_say = route_of("say");
    for (data, wanted) in [
        (&br#"{"Data":"hi"}"#[..], vec![say("hi")]),
        (SAY_HI.as_bytes(), vec![say("hi")]),
        (br#"{"Act":"quit","Data":"hi"}"#, vec![say("hi")]), // the route says what is wanted
        (br#"  {"DATA":"hi","Ref":"a"}"#, vec![Inbound::Tag("\"a\"".into()), say("hi")]),
        (b"hi", vec![say("hi")]),
        (b"  hi ", vec![say("  hi ")]),
        (b"[\"hi\"]", vec![say("[\"hi\"]")]),
        (b"caf\xe9\n\x1b[2J", vec![say("caf\u{fffd}"), say("␛[2J")]),
        (b"\xef\xbb\xbf{\"Data\":\"hi\"}", vec![say("hi")]),
    ] {
        assert_eq!(
            in_all_ways(Wire::Frame, &frame(to_say, data)),
            (wanted, Ok(())),
            "{}",
            String::from_utf8_lossy(data)
        );
    }
    for data in [&br#"{"Data":1}"#[..], b"{", b"{}}", br#"{"Data":"a","data":"b"}"#, b"{\"Data\":\"\xff\"}"] {
        let (items, ended) = in_all_ways(Wire::Frame, &[frame(to_say, data), frame(to_say, b"next")].concat());
        assert!(matches!(items[0], Inbound::Refused(Refusal::BadPacket { .. })), "{items:?}");
        assert_eq!((&items[1..], ended), (&[say("next")][..], Ok(())));
    }
    for data in [&b""[..], b" \t ", b"{}", b"{\"Data\":null}", br#"{"Data":"\u2028"}"#] {
        let (items, _) = in_all_ways(Wire::Frame, &frame(to_say, data));
        assert!(matches!(items.as_slice(), [Inbound::Refused(Refusal::Usage { .. })]), "{data:?}: {items:?}");
    }
}

/// As at the JSON door: objects that no honest client writes get one refusal, and the next is served.
#[test]
fn bad_object_in_frame_is_refused() {
    let deep = format!("{}{}", "[".repeat(10_000), "]".repeat(10_000));
    let digits = "9".repeat(30_000);
    let keys: Vec<String> = (0..5000).map(|n| format!("\"k{n}\":{n}")).collect();
    let to_say = route_of("say");
    let decoded =
        |object: &str| decode(Wire::Frame, [frame(to_say, object.as_bytes()), frame(0, b"")].concat().chunks(1460));
    for object in [
        format!("{{\"Data\":{deep}}}"),
        format!("{}{}", "{\"Data\":".repeat(7000), "}".repeat(7000)),
        format!("{{\"Data\":{digits}}}"),
        format!("{{\"Data\":\"hi\",\"Ref\":{digits}}}"),
        "{\"Data\":\"hi\",\"Data\":1}".into(),
        ACT_IS_A_LIST.into(),
        "{\"Data\":\"hi\"} x".into(),
    ] {
        let (items, ended) = decoded(&object);
        let shown: String = object.chars().take(60).collect();
        let refused = matches!(items.first(), Some(Inbound::Refused(Refusal::BadPacket { .. })));
        assert!(refused && items[1..] == [Inbound::Heartbeat] && ended == Ok(()), "{shown}: {items:?}");
    }
    // Unknown keys do not matter, however many.
    for more in [format!("\"x\":{digits}"), format!("\"x\":{deep}"), keys.join(",")] {
        assert_eq!(decoded(&format!("{{\"Data\":\"hi\",{more}}}")), (vec![say("hi"), Inbound::Heartbeat], Ok(())));
    }
}

#[test]
fn private_frame_names_its_receiver() {
    let object = json!({"To": "ann", "Data": "psst", "Ref": 7}).to_string();
    let (items, ended) = in_all_ways(Wire::Frame, &frame(route_of("msg"), object.as_bytes()));
    assert!(matches!(&items[..], [Inbound::Tag(mark), Inbound::Command(Command::Msg { to, body })]
        if &**mark == "7" && to == "ann" && body.as_str() == "psst"));
    assert_eq!(ended, Ok(()));
}

/// Programs at the wrong door are told once, in a frame, and the stream ends.
#[test]
fn other_protocols_get_one_error() {
    for stream in [
        &b"GET / HTTP/1.1\r\nHost: parlor\r\n\r\n"[..],
        TLS_HELLO,
        b"hello there\r\n",
        b"rename|bob\n",
        GF2_HEARTBEAT,
        GF7_HEARTBEAT,
        &packet(Framing::Gf1, HEARTBEAT),
        &packet(Framing::Gf3, HEARTBEAT),
        &packet(Framing::Gf4, HEARTBEAT),
        &packet(Framing::Lines, HEARTBEAT),
        TELNET_OPTIONS,
    ] {
        let (items, ended) = in_all_ways(Wire::Frame, stream);
        assert!(matches!(items.as_slice(), [Inbound::Answer(_)]), "{stream:x?}: {items:?}");
        assert_eq!(ended, Err(TOO_LARGE), "{stream:x?}");
    }
}

proptest! {
    #[test]
    fn random_frames_in_pieces_read_back(
        frames in proptest::collection::vec((any::<u32>(), proptest::collection::vec(any::<u8>(), 0..100)), 0..8),
        step in 1_usize..40,
    ) {
        let chat = |route: u32| parlor::protocol::COMMANDS.iter().any(|spec| spec.route == route);
        let frames: Vec<_> = frames.into_iter().filter(|(route, data)| !chat(*route) && (*route, data.len()) != (0, 0)).collect();
        let mut stream = Vec::new();
        for (route, data) in &frames {
            Encoding::Frame.encode_custom(&Key::Route(*route), data, None, &mut stream);
        }
        let wanted: Vec<_> =
            frames.into_iter().map(|(route, data)| Inbound::Custom { key: Key::Route(route), data }).collect();
        prop_assert_eq!(decode(Wire::Frame, stream.chunks(step)), (wanted, Ok(())));
    }

    #[test]
    fn random_bytes_in_pieces_decode_alike(stream in proptest::collection::vec(any::<u8>(), 0..64), step in 1_usize..20) {
        let limits = Limits { max_frame: 30, ..LIMITS };
        prop_assert_eq!(
            decode_within(Wire::Frame, limits, stream.chunks(step)),
            decode_within(Wire::Frame, limits, [stream.as_slice()])
        );
    }
}

mod exhaustive {
    use super::*;

    /// A frame that comes a byte at a time costs no more for what has come before: if the whole were
    /// looked at again with every byte, this would not end for hours.
    #[test]
    fn long_frame_in_crumbs_takes_linear_time() {
        let limits = Limits { max_frame: 1 << 21, ..LIMITS };
        let stream = frame(9, &vec![b'z'; 1 << 21]);
        let (items, _) = decode_within(Wire::Frame, limits, stream.chunks(1));
        assert_eq!(items.len(), 1);
        let small: Vec<u8> = frame(9, b"z").repeat(100_000);
        assert_eq!(decode(Wire::Frame, [small.as_slice()]).0.len(), 100_000);
    }
}
