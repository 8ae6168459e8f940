//! Memory: what a peer sends costs what it has sent, not what it says that it will send; what is kept
//! of it has a limit; and what it is told (`told`) costs nothing where it is the same for all.
//!
//! A test binary of its own, because `allocation_counter` becomes the allocator of the whole binary;
//! it counts by thread, so the tests here do not disturb one another.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    unreachable_pub,
    reason = "a test says what is wrong by panicking; and the server's own source stands here in another place"
)]

mod heard;
mod kept;
#[cfg(feature = "web")]
mod socket_frames;
mod told;

#[path = "../../src/server/connection.rs"]
#[allow(dead_code, reason = "some of it is only for readers and writers")]
mod connection;
#[path = "../../src/server/event.rs"]
#[allow(dead_code, reason = "some of it is only for other threads")]
mod event;
#[path = "../../src/server/manager/mod.rs"]
#[allow(dead_code, unused_imports, reason = "nothing is sent from elsewhere in the program here")]
mod manager;
#[path = "../../src/server/os.rs"]
#[allow(unused_imports, reason = "some of it is only for writers and the stop")]
mod os;
#[path = "../../src/server/outbox.rs"]
#[allow(dead_code, reason = "some of it is only for writers")]
mod outbox;
#[path = "../support/packets.rs"]
mod packets;
#[path = "../../src/server/profile.rs"]
#[allow(dead_code, reason = "some of it is only for readers")]
mod profile;
#[path = "../support/recorded.rs"]
#[allow(dead_code, reason = "the tests over sockets use the rest")]
mod recorded;
#[path = "../../src/server/socket.rs"]
#[allow(dead_code, reason = "some of it is only for readers and doors")]
mod socket;
#[path = "../../src/server/stream.rs"]
#[allow(dead_code, reason = "some of it is only for readers")]
mod stream;
#[path = "../../src/server/transport.rs"]
#[allow(dead_code, reason = "some of it is only for writers")]
mod transport;

/// A slot without admission.
mod accept {
    pub mod admission {

        #[derive(Debug)]
        pub struct Slot;
    }
}

use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

use allocation_counter::{AllocationInfo, measure};
use parlor::chat::{Arrival, Entry, Hub, HubSettings, Now};
use parlor::protocol::{Body, CloseReason, Command, IdleLimits, Nick, RoomName, SessionId, Speaker};
use parlor::wire::{Decode, Framing, Wire};
use parlor::{chat, config, metrics, protocol, wire};

use packets::{LIMITS, frame, packet, say_object};
use recorded::HEARTBEAT;

/// Memory of a decoder for every byte that it was sent: the bytes themselves, twice while its
/// buffer grows, and once more as a value that is handed out, with up to three bytes for one (a broken byte becomes
/// U+FFFD) on the way.
const PER_BYTE: u64 = 12;
/// Its memory beside that: itself, its queue, one refusal's words.
const FIXED: u64 = 8 * 1024;

/// Feeds a stream in reads of `step` bytes, up to an error; nothing that comes out is kept.
fn drive(decoder: &mut dyn Decode, stream: &[u8], step: usize) {
    for read in stream.chunks(step) {
        decoder.feed(read);
        loop {
            match decoder.next() {
                Ok(Some(item)) => drop(black_box(item)),
                Ok(None) => break,
                Err(_) => return,
            }
        }
    }
}

fn spent(wire: Wire, stream: &[u8], step: usize) -> AllocationInfo {
    measure(|| drive(&mut *wire.decoder(LIMITS), stream, step))
}

/// The biggest length that is allowed, and the biggest that can be written: a header alone, and a few
/// bytes behind it, cost no more than themselves.
#[test]
fn declared_length_alone_costs_nothing() {
    let json = |framing| Wire::Json(Some(framing));
    for (wire, header) in [
        (json(Framing::Gf1), &b"\xff"[..]),
        (json(Framing::Gf2), b"\xff\xff"),
        (json(Framing::Gf3), b"\x00\xff\xff"),
        (json(Framing::Gf3), b"\xff\xff\xff"),
        (json(Framing::Gf4), b"\x00\x00\xff\xff"),
        (json(Framing::Gf4), b"\xff\xff\xff\xff"),
        (json(Framing::Gf7), b"\x01\x00\x06\x00\x00\x00\x00"),
        (json(Framing::Gf7), b"\xff\xff\xff\xff\xff\xff\xff"),
        (Wire::Json(None), b"\x00\x00\xff\xff"),
        (Wire::Frame, b"\x01\x00\x00\x00\x00\x00\x01\x00"),
        (Wire::Frame, b"\x01\x00\x00\x00\xff\xff\xff\xff"),
        (Wire::Frame, b"\x64\x00\x00\x00\x00\x00\x01\x00"),
    ] {
        for behind in [0, 1, 100] {
            let stream = [header, &b"{\"Act\":\"say\""[..], &[b' '; 100]].concat();
            let stream = &stream[..header.len() + behind];
            for step in [1, 3, stream.len()] {
                let info = spent(wire, stream, step);
                assert!(info.bytes_max < 2048, "{wire} {header:x?} and {behind} bytes by {step}: {info:?}");
            }
        }
    }
}

/// At any moment a decoder holds at most a fixed amount and a multiple of what it was sent, and never
/// more than its limit allows, whatever was sent.
#[test]
fn decoder_memory_is_bounded_by_input() {
    for (what, wire, stream) in hostile() {
        for step in [1, 7, 1460, 32 * 1024, stream.len()] {
            let info = spent(wire, &stream, step);
            let sent = stream.len() as u64;
            assert!(info.bytes_max <= FIXED + PER_BYTE * sent, "{what} by {step}: {sent} bytes sent, {info:?}");
            // One packet at the limit, a read behind it, and what was made of it.
            let limit = 65_536 + step as u64;
            assert!(info.bytes_max <= FIXED + PER_BYTE * limit, "{what} by {step}: limit {limit}, {info:?}");
            assert_eq!(info.bytes_current, 0, "{what} by {step}: nothing is left when the session is over");
        }
    }
}

/// All that is ever allocated, summed up, is a multiple of what was sent: no step copies everything
/// again and again.
#[test]
fn decoder_copies_are_linear_in_input() {
    for (what, wire, stream) in hostile() {
        for step in [1, 7, 1460, stream.len()] {
            let info = spent(wire, &stream, step);
            let sent = stream.len() as u64;
            // A refusal has up to 200 characters of words, and one may be had for two bytes.
            assert!(info.bytes_total <= FIXED + 600 * sent, "{what} by {step}: {sent} bytes sent, {info:?}");
        }
    }
}

/// Input that honest clients never send, each long enough to show its cost.
fn hostile() -> Vec<(&'static str, Wire, Vec<u8>)> {
    const MANY: usize = 60_000;
    let gf = |object: &str| packet(Framing::Gf2, object);
    let gf2 = Wire::Json(Some(Framing::Gf2));
    let lines = Wire::Json(Some(Framing::Lines));
    let keys: Vec<String> = (0..5000).map(|n| format!("\"k{n}\":{n}")).collect();
    vec![
        ("a packet that stops before its end", gf2, gf(&format!("{{\"Act\":\"{}", "a".repeat(MANY)))[..MANY].to_vec()),
        ("a frame that stops before its end", Wire::Frame, frame(1, &[b'z'; MANY])[..MANY].to_vec()),
        ("a line without an end", lines, vec![b'{'; 300_000]),
        ("bytes that begin no packet", Wire::Json(None), vec![0; 300_000]),
        ("bytes that begin no frame", Wire::Frame, vec![0xff; 300_000]),
        ("heartbeats", Wire::Frame, vec![0; 80_000]),
        ("empty packets", gf2, vec![0; 20_000]),
        ("empty lines", lines, vec![b'\n'; 300_000]),
        ("packets of a brace", gf2, gf("{").repeat(5000)),
        ("unknown acts", gf2, gf("{\"Act\":\"x\"}").repeat(5000)),
        ("unknown routes", Wire::Frame, frame(77, b"").repeat(5000)),
        ("broken bytes that become three", Wire::Frame, frame(100, &[0xff; MANY])),
        ("controls that become three", Wire::Frame, frame(100, &[0x1b; MANY])),
        ("escapes", gf2, gf(&say_object(&"\\n".repeat(MANY / 2)))),
        ("an act as long as a packet", gf2, gf(&format!("{{\"Act\":\"{}\"}}", "\\u0001".repeat(MANY / 6)))),
        ("a key as long as a packet", gf2, gf(&format!("{{\"{}\":1}}", "\\u0001".repeat(MANY / 6)))),
        ("five thousand keys", gf2, gf(&format!("{{{}}}", keys.join(",")))),
        ("nesting", gf2, gf(&format!("{{\"x\":{}", "[".repeat(MANY)))),
        ("nesting of objects", gf2, gf(&format!("{{\"x\":{}", "{\"a\":".repeat(MANY / 5)))),
        ("a long number", gf2, gf(&format!("{{\"Ref\":{}}}", "9".repeat(MANY)))),
        ("a long number that nobody reads", gf2, gf(&format!("{{\"x\":{}}}", "9".repeat(MANY)))),
        ("a long mark", gf2, gf(&format!("{{\"Ref\":\"{}\"}}", "\\u0001".repeat(MANY / 6)))),
        ("a list for a text", gf2, gf(&format!("{{\"Data\":[{}1]}}", "1,".repeat(MANY / 2)))),
    ]
}

/// Heartbeats come from every device every few seconds, for nothing: they cost no allocation.
#[test]
fn heartbeat_received_allocates_nothing() {
    let mut all = vec![(Wire::Frame, frame(0, b""))];
    all.extend(Framing::ALL.map(|framing| (Wire::Json(Some(framing)), packet(framing, HEARTBEAT))));
    for (wire, heartbeat) in all {
        let mut decoder = wire.decoder(LIMITS);
        drive(&mut *decoder, &heartbeat, heartbeat.len()); // the first one makes the buffer
        for step in [1, 5, heartbeat.len()] {
            let info = measure(|| {
                for _ in 0..100 {
                    drive(&mut *decoder, &heartbeat, step);
                }
            });
            assert_eq!(info.count_total, 0, "{wire:?} by {step}");
        }
    }
}

/// Most sessions are idle most of the time: after a burst, what it needed is given back.
#[test]
fn idle_session_keeps_little_memory() {
    let big = say_object(&"x".repeat(60_000));
    for (wire, stream) in [
        (Wire::Frame, frame(1, &[b'z'; 65_000])),
        (Wire::Json(Some(Framing::Gf2)), packet(Framing::Gf2, &big)),
        (Wire::Json(Some(Framing::Lines)), packet(Framing::Lines, &big)),
    ] {
        let mut decoder = wire.decoder(LIMITS);
        let info = measure(|| drive(&mut *decoder, &stream, 1460));
        assert!(info.bytes_max > 60_000, "{wire:?}: the burst was held");
        assert!(info.bytes_current < 1024, "{wire:?}: {info:?}");
    }
}

const NOW: Now = Now { up: Duration::ZERO, unix_ms: 1_795_176_000_000 };

fn does(hub: &mut Hub, id: SessionId, command: Command) {
    let mut effects = Vec::new();
    hub.command(id, command, false, NOW, &mut effects);
    assert!(!effects.is_empty());
}

/// Somebody new comes to a room, by the longest address under the longest name.
fn come(hub: &mut Hub, number: u32, stays: u32, room: &RoomName) -> SessionId {
    let address: Arc<str> = format!("[1234:5678:9abc:def0:1234:5678:9abc:{number:04x}]:12345").into();
    let id = SessionId(1_000_000_000_000_000_000 + u64::from(number) + 1000 * u64::from(stays));
    let speaker = Arc::new(Speaker { id, address: Arc::clone(&address), name: address, visitor: None });
    let entry = Entry::Nowhere { timed: false };
    let arrival = Arrival { speaker, door: "127.0.0.1:8999".into(), by: "json", echo: true, unsolicited: true, entry };
    hub.enter(arrival, NOW, &mut Vec::new());
    if number > 0 {
        let name = format!("{}{number:03}", "\u{5bb6}".repeat(20));
        does(hub, id, Command::Nick(Nick::parse(&name).unwrap()));
    }
    does(hub, id, Command::Join(room.clone()));
    id
}

mod exhaustive {
    use super::*;

    /// 256 rooms keep less than 64 MiB, whatever was said: 200 lines of the greatest length that fits the bound on
    /// bytes, longer lines, or the most lines. Each speaker is another session with the longest name, and has left.
    #[test]
    fn full_rooms_keep_below_64_mib() {
        const ROOMS: u32 = 6; // of 256: each costs the same, and takes its time to fill
        const LINES: u32 = 201; // one more than is kept
        const MOST: u64 = 64 * 1024 * 1024 / 256;
        let settings = HubSettings {
            idle: IdleLimits::same(Duration::ZERO),
            join_grace: Duration::ZERO,
            max_rooms: 256,
            history: 200,
            history_shown: 0, // what is shown is not kept
            classic: false,
        };
        for length in [1, 655, 65_535] {
            let body = "x".repeat(length);
            let mut hub = Hub::new(settings, Now { up: Duration::ZERO, unix_ms: 0 });
            let info = measure(|| {
                for room in 1..=ROOMS {
                    let name = RoomName::parse(&format!("a-room-of-24-letters-{room:03}")).unwrap();
                    come(&mut hub, 0, room, &name);
                    for number in 1..=LINES {
                        let id = come(&mut hub, number, 0, &name);
                        does(&mut hub, id, Command::Say(Body::new(&body).unwrap()));
                        hub.leave(id, CloseReason::PeerClosed, NOW, &mut Vec::new());
                    }
                    // The hub keeps one who stays, so that the room does.
                }
            });
            let each = u64::try_from(info.bytes_current).unwrap() / u64::from(ROOMS);
            assert!(each < MOST, "{each} bytes for each room, of {MOST}, with lines of {length}");
            if length >= 655 {
                assert!(each > 100 * 1024, "{each} bytes for each room: it is not full, with lines of {length}");
            }
            drop(hub);
        }
    }
}
