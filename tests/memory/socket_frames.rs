//! The memory of a WebSocket's decoder.

use super::*;
use crate::packets::masked;
use parlor::wire::web::Web;

const SOCKET: Wire = Wire::Web(Web::Socket);
/// tungstenite's read buffer and its other state, while a message is open.
const OPEN: i64 = 4 * 1024;

fn fragment(length: usize) -> Vec<u8> {
    masked(0x01, &vec![b' '; length])
}

#[test]
fn length_of_frame_costs_nothing() {
    for length in [60_000, 65_535, 65_536, 1 << 32, 1 << 63, u64::MAX] {
        let head = [&[0x81, 0xff][..], &length.to_be_bytes(), &[1, 2, 3, 4, b'x']].concat();
        for step in [1, 3, head.len()] {
            let info = spent(SOCKET, &head, step);
            assert!(info.bytes_max < 2048, "{length} by {step}: {info:?}");
        }
    }
}

#[test]
fn unfinished_frame_costs_what_came() {
    for length in [10, 1000, 60_000] {
        let stream = &fragment(length)[..length];
        let mut decoder = SOCKET.decoder(LIMITS);
        let info = measure(|| drive(&mut *decoder, stream, 1460));
        assert!(info.bytes_current < 2 * length as i64 + 1024, "{length}: {info:?}");
    }
}

/// Of an open message what has come is kept, and tungstenite's buffer, as large as the longest fragment.
#[test]
fn open_message_costs_what_came() {
    for (fragments, length) in [(1, 10), (1, 60_000), (60, 1000), (6, 10_000)] {
        let stream =
            (1..fragments).fold(fragment(length), |stream, _| [stream, masked(0x00, &vec![b' '; length])].concat());
        let mut decoder = SOCKET.decoder(LIMITS);
        let info = measure(|| drive(&mut *decoder, &stream, 1460));
        let kept = 2 * (fragments * length) as i64 + length as i64;
        assert!(info.bytes_current < kept + OPEN, "{fragments} of {length}: {info:?}");
        let end = masked(0x80, b"");
        let end = measure(|| drive(&mut *decoder, &end, 1460));
        assert!(end.bytes_current + info.bytes_current < 1024, "{fragments} of {length}: {end:?}");
    }
}

#[test]
fn hostile_frames_cost_what_was_sent() {
    let say = say_object(&"\\n".repeat(30_000));
    for (what, stream) in [
        ("pings", masked(0x89, &[b'x'; 125]).repeat(2000)),
        ("empty pings", masked(0x89, b"").repeat(10_000)),
        ("pongs", masked(0x8a, b"").repeat(10_000)),
        ("empty fragments", [fragment(0), masked(0x00, b"").repeat(10_000)].concat()),
        ("fragments of a byte", [fragment(0), masked(0x00, b" ").repeat(10_000)].concat()),
        ("pings in an open message", [fragment(60_000), masked(0x89, b"").repeat(10_000)].concat()),
        ("empty messages", masked(0x81, b"").repeat(5000)),
        ("a message of many lines", masked(0x81, say.as_bytes())),
    ] {
        for step in [1, 7, 1460, 32 * 1024] {
            let info = spent(SOCKET, &stream, step);
            let at_once = 65_536 + step as u64;
            assert!(info.bytes_max <= FIXED + PER_BYTE * at_once, "{what} by {step}: {info:?}");
            assert!(info.bytes_total <= FIXED + 600 * stream.len() as u64, "{what} by {step}: {info:?}");
            assert_eq!(info.bytes_current, 0, "{what} by {step}");
        }
    }
}
