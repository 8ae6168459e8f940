//! The bytes that a WebSocket and a stream of server-sent events receive.

use std::sync::Arc;

use parlor::protocol::{BadFrame, CloseReason, Line, Malformed, Notice, RoomName, SessionId, Speaker};
use parlor::wire::web::WebEncoding;
use parlor::wire::{Encoding, Framing, Key};

use crate::support::packets::unmasked;
use crate::support::values::body;

const SOCKET: Encoding = Encoding::Web(WebEncoding::Socket);
const SSE: Encoding = Encoding::Web(WebEncoding::Sse);

fn line(text: &str) -> Line {
    let speaker = Speaker { id: SessionId(7), address: "127.0.0.1:5000".into(), name: "bob".into(), visitor: None };
    Line { room: RoomName::lobby(), from: Arc::new(speaker), body: body(text), at: 1, seq: 57 }
}

fn encoded(encoding: Encoding, notice: &Notice) -> Vec<u8> {
    let mut out = Vec::new();
    encoding.encode(notice, None, &mut out);
    out
}

/// The object, as the JSON door writes it.
fn object(notice: &Notice) -> Vec<u8> {
    let mut object = encoded(Encoding::Json(Framing::Lines), notice);
    assert_eq!(object.pop(), Some(b'\n'));
    object
}

/// Browsers are sent one unmasked frame. It has no limit, so nothing is cut.
#[test]
fn object_of_any_length_is_one_frame() {
    let around = r#"{"Act":"x","Data":""}"#.len();
    for length in [around, 125, 126, 127, 65_535, 65_536, 200_000] {
        let text = "y".repeat(length - around);
        let mut out = Vec::new();
        SOCKET.encode_custom(&Key::Act("x".into()), text.as_bytes(), None, &mut out);
        let object = format!("{{\"Act\":\"x\",\"Data\":\"{text}\"}}");
        assert!(out == unmasked(0x81, object.as_bytes()), "{length} bytes: {:x?}", &out[..12]);
    }
}

#[test]
fn notice_is_the_object_of_the_json_door() {
    for notice in [Notice::Said(line("hi all")), Notice::Pong, Notice::DoExit] {
        let mut out = Vec::new();
        SOCKET.encode(&notice, Some("7"), &mut out);
        let mut marked = object(&notice);
        marked.pop();
        marked.extend_from_slice(b",\"Ref\":7}");
        assert_eq!(out, unmasked(0x81, &marked), "{notice:?}");
    }
}

#[test]
fn event_has_the_number_of_its_line() {
    let said = line("hi \u{2028}all\n");
    let seq = said.seq;
    let end = Notice::HistoryEnd { room: RoomName::lobby(), last_seq: seq, lost: 0, since: 1 };
    for notice in [
        Notice::Said(said.clone()),
        Notice::Acted(said.clone()),
        Notice::HistoryLine { line: said, is_action: false },
        end,
    ] {
        let wanted = [format!("id: {seq}\ndata: ").as_bytes(), &object(&notice), b"\n\n"].concat();
        assert_eq!(encoded(SSE, &notice), wanted, "{notice:?}");
    }
}

/// A client goes on from the last number that it has seen.
#[test]
fn event_without_line_has_no_number() {
    let topic = Notice::Topic { room: RoomName::lobby(), topic: Some(body("tea")) };
    for notice in [Notice::Skipped { lines: 137, kept: true }, topic] {
        let wanted = [b"data: ", &object(&notice)[..], b"\n\n"].concat();
        assert_eq!(encoded(SSE, &notice), wanted, "{notice:?}");
    }
    let skipped = String::from_utf8(encoded(SSE, &Notice::Skipped { lines: 137, kept: true })).unwrap();
    assert!(skipped.contains("\"Skipped\":137"), "{skipped}");
}

#[test]
fn ending_has_its_close_code() {
    let socket = |why| CloseReason::Malformed(Malformed::WebSocket(why));
    for (reason, code) in [
        (CloseReason::Quit, Some(1000_u16)),
        (CloseReason::ServerStopping, Some(1001)),
        (socket(BadFrame::Unmasked), Some(1002)),
        (socket(BadFrame::ReservedBits), Some(1002)),
        (socket(BadFrame::Opcode), Some(1002)),
        (socket(BadFrame::Control), Some(1002)),
        (socket(BadFrame::Sequence), Some(1002)),
        (socket(BadFrame::Close), Some(1002)),
        (socket(BadFrame::Binary), Some(1003)),
        (socket(BadFrame::NotUtf8), Some(1007)),
        (socket(BadFrame::TooLong), Some(1009)),
        (socket(BadFrame::Unfinished), Some(1008)),
        (CloseReason::Idle { seconds: 30 }, Some(1008)),
        (CloseReason::NotJoined, Some(1008)),
        (CloseReason::Silent, Some(1008)),
        (CloseReason::Dismissed, Some(1008)),
        (CloseReason::WriteTimeout, Some(1008)),
        (CloseReason::Panicked, Some(1011)),
        (CloseReason::HandlerPanicked("act x".into()), Some(1011)),
        (CloseReason::PeerClosed, None),
        (CloseReason::ReadFailed, None),
        (CloseReason::WriteFailed, None),
    ] {
        let frame = SOCKET.farewell(&reason);
        let words = reason.farewell().unwrap_or_default();
        let wanted = code.map(|code| unmasked(0x88, &[&code.to_be_bytes()[..], words.as_bytes()].concat()));
        assert_eq!(frame, wanted, "{reason:?}");
        assert!(frame.is_none_or(|frame| frame.len() <= 2 + 125), "{reason:?}: a control frame is short");
        assert_eq!(SSE.farewell(&reason), None);
        assert_eq!(Encoding::Json(Framing::Gf2).farewell(&reason), None);
    }
}
