//! The life of a line without the sockets: bytes, decoder, hub, and every encoder.
//!
//! Whatever one peer sends, what the others are sent is whole packets of clean text, one line for
//! each line of the room.
#![no_main]

use std::sync::Arc;
use std::time::Duration;

use libfuzzer_sys::fuzz_target;
use parlor::chat::{Arrival, Effect, Entry, Hub, HubSettings, Now};
use parlor::protocol::{IdleLimits, Notice, Refusal, SessionId, Speaker};
use parlor::wire::{Encoding, Framing, Inbound, Key, Style};
use parlor_fuzz::{Input, lines_of, objects_of, same_in_any_reads};

/// The beginning of a line on the text door.
const MARKS: [&str; 9] = ["[", "* ", ">>> ", "--- ", "*** ", "!!! ", "user list:", "127.0.0.1:", "rename ok"];

const FIRST_ID: u64 = 2_123_807_362_945_912_831;

fuzz_target!(|data: &[u8]| {
    let Some(input) = Input::read(data) else { return };
    let wire = input.wire();
    let join_grace = Duration::from_secs(10);
    let settings = HubSettings { idle: IdleLimits::same(Duration::from_secs(30)), join_grace, max_rooms: 3, history: 4, history_shown: 2, classic: false };
    let mut hub = Hub::new(settings, Now { up: Duration::ZERO, unix_ms: 0 });
    let mut out = Vec::new();
    let mut now = Now { up: Duration::ZERO, unix_ms: 1_795_190_108_416 };
    let entry = if wire.name() == "text" { Entry::Lobby } else { Entry::Nowhere { timed: true } };
    for (number, name, entry) in [(0, "ann", Entry::Lobby), (1, "mike", entry)] {
        let speaker = Speaker {
            id: SessionId(FIRST_ID + number),
            address: format!("127.0.0.1:{}", 5123 + number).into(),
            name: name.into(),
            visitor: None,
        };
        let by = wire.name();
        let arrival = Arrival { speaker: Arc::new(speaker), door: "127.0.0.1:8000".into(), by, echo: true, unsolicited: true, entry };
        hub.enter(arrival, now, &mut out);
    }
    let mut tag: Option<Box<str>> = None;
    let turn = &mut 0;
    for item in same_in_any_reads(wire, &input) {
        now.up += Duration::from_millis(700);
        let mark = tag.take();
        match item {
            Inbound::Tag(next) => {
                let parsed: serde_json::Value = serde_json::from_str(&next).expect("a mark is JSON text");
                assert!(parsed.is_string() || parsed.is_number());
                tag = Some(next);
            }
            Inbound::Command(command) => hub.command(SessionId(FIRST_ID + 1), command, mark.is_some(), now, &mut out),
            Inbound::Refused(refusal) => check(&Notice::Refused(refusal), mark.as_deref(), turn),
            Inbound::Tell(notice) => check(&notice, mark.as_deref(), turn),
            Inbound::Custom { key, data } => {
                let refusal = match &key {
                    Key::Route(route) => Refusal::UnknownRoute { route: *route },
                    Key::Act(act) => Refusal::UnknownAct { act: act.chars().take(40).collect() },
                };
                check(&Notice::Refused(refusal), mark.as_deref(), turn);
                check_custom(&key, &data, mark.as_deref(), turn);
            }
            Inbound::Answer(_)
            | Inbound::Pong(_)
            | Inbound::Close(_)
            | Inbound::Heartbeat
            | Inbound::Switch(_)
            | Inbound::Crlf
            | Inbound::Charset(_) => {}
        }
        perform(&mut out, mark.as_deref(), turn);
    }
    now.up += Duration::from_secs(60);
    hub.tick(now, &mut out);
    hub.leave(SessionId(FIRST_ID + 1), parlor::protocol::CloseReason::PeerClosed, now, &mut out);
    hub.stop(&mut out);
    perform(&mut out, None, turn);
});

/// A quarter of all encodings, another one each time: all of them each time is four times as slow.
fn some_encodings(turn: &mut usize) -> impl Iterator<Item = Encoding> {
    *turn += 1;
    let crlf = [false, true].into_iter();
    let styles = crlf.flat_map(|crlf| [false, true].map(|time| Style { crlf, time, ..Style::PLAIN }));
    let text = styles.flat_map(|style| [false, true].map(|classic| Encoding::Text(Style { classic, ..style })));
    let all = text.chain([Encoding::Relay, Encoding::Frame]).chain(Framing::ALL.map(Encoding::Json));
    all.skip(*turn % 4).step_by(4)
}

fn perform(effects: &mut Vec<Effect>, mark: Option<&str>, turn: &mut usize) {
    for effect in effects.drain(..) {
        match effect {
            Effect::Tell(_, notice) => check(&notice, mark, turn),
            Effect::Room { notice, .. } => {
                check(&notice, None, turn);
                for encoding in some_encodings(turn) {
                    let mut bytes = Vec::new();
                    encoding.encode(&notice, None, &mut bytes);
                    match encoding {
                        Encoding::Text(_) => assert_eq!(lines_of(encoding, &bytes).len(), 1),
                        Encoding::Relay => assert!(lines_of(encoding, &bytes).len() <= 1),
                        Encoding::Json(framing) => assert!(objects_of(framing, &bytes).len() <= 1),
                        _ => {}
                    }
                }
            }
            _ => {}
        }
    }
}

fn check(notice: &Notice, mark: Option<&str>, turn: &mut usize) {
    for encoding in some_encodings(turn) {
        let mut bytes = Vec::new();
        encoding.encode(notice, mark, &mut bytes);
        hold(encoding, &bytes);
        if matches!(encoding, Encoding::Text(Style { time: false, .. })) {
            for line in lines_of(encoding, &bytes) {
                assert!(MARKS.iter().any(|mark| line.starts_with(mark)), "{line:?} of {notice:?}");
            }
        }
    }
}

fn check_custom(key: &Key, data: &[u8], mark: Option<&str>, turn: &mut usize) {
    for encoding in some_encodings(turn) {
        let mut bytes = Vec::new();
        encoding.encode_custom(key, data, mark, &mut bytes);
        assert!(!bytes.is_empty());
        hold(encoding, &bytes);
        if matches!(encoding, Encoding::Text(_) | Encoding::Relay) {
            assert_eq!(lines_of(encoding, &bytes).len(), 1);
        }
    }
}

/// An encoder's output is whole, and clean where people read it.
fn hold(encoding: Encoding, bytes: &[u8]) {
    match encoding {
        Encoding::Json(framing) => {
            for object in objects_of(framing, bytes) {
                assert!(object["Act"].is_string(), "{object}");
            }
        }
        Encoding::Frame => {
            let mut rest = bytes;
            while let Some((header, behind)) = rest.split_first_chunk::<8>() {
                let length = u32::from_le_bytes([header[4], header[5], header[6], header[7]]) as usize;
                rest = &behind[length..];
            }
            assert!(rest.is_empty());
        }
        _ => drop(lines_of(encoding, bytes)),
    }
}
