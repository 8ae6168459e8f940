//! A WebSocket over a socket: pings, and what comes last for each ending.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use parlor::server::Handle;
use parlor::wire::web::Web;
use parlor::{Config, Server, Wire};
use serde_json::{Value, json};

use crate::support::packets::{masked, unmasked};
use crate::support::{Peer, open};

const TEXT: u8 = 0x81;
const CLOSE: u8 = 0x88;
const PING: u8 = 0x89;
const PONG: u8 = 0x8a;

fn config() -> Config {
    let listen = vec![open(Wire::Web(Web::Http)), open(Wire::Text)];
    Config { listen, rate: 0, request_rate: 0, join_grace: Duration::ZERO, ..Config::default() }
}

fn serve(config: &Config) -> (Handle, SocketAddr) {
    let server = Server::bind(config).unwrap().spawn().unwrap();
    let door = server.address(Wire::Web(Web::Http)).unwrap();
    (server, door)
}

/// A peer that has become a WebSocket.
fn upgraded(door: SocketAddr) -> Peer {
    let mut peer = Peer::connect(door);
    peer.send_raw(
        b"GET /ws HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
          Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
    );
    peer.expect("HTTP/1.1 101 Switching Protocols\r");
    peer.skip_until(|line| line == "\r");
    peer
}

/// One that is in #lobby.
fn joined(door: SocketAddr) -> Peer {
    let mut peer = upgraded(door);
    ask(&mut peer, &json!({"Act": "join", "Data": "lobby", "Ref": 1}));
    while object(&mut peer)["Ref"] != 1 {}
    peer
}

#[track_caller]
fn ask(peer: &mut Peer, request: &Value) {
    peer.send_raw(&masked(TEXT, request.to_string().as_bytes()));
}

/// The next frame: its first byte and its data.
#[track_caller]
fn frame(peer: &mut Peer) -> (u8, Vec<u8>) {
    let head = peer.read_raw(2);
    let length = match head[1] {
        126 => peer.read_raw(2),
        127 => peer.read_raw(8),
        short => vec![short],
    };
    let length = length.iter().fold(0, |length, byte| length << 8 | usize::from(*byte));
    (head[0], peer.read_raw(length))
}

/// The next frame, which must be an object.
#[track_caller]
fn object(peer: &mut Peer) -> Value {
    let (first, data) = frame(peer);
    assert_eq!(first, TEXT, "{data:x?}");
    serde_json::from_slice(&data).unwrap()
}

/// A close frame with this code, and nothing after it.
#[track_caller]
fn expect_close(peer: &mut Peer, code: u16) {
    let (first, data) = frame(peer);
    assert_eq!((first, data.get(..2)), (CLOSE, Some(&code.to_be_bytes()[..])), "{}", String::from_utf8_lossy(&data));
    peer.expect_end();
}

#[test]
fn browser_and_terminal_talk() {
    let (server, door) = serve(&config());
    let mut bob = Peer::enter_quiet(server.address(Wire::Text).unwrap());
    let mut ann = joined(door);
    ask(&mut ann, &json!({"Act": "nick", "Data": "ann", "Ref": 2}));
    while object(&mut ann)["Ref"] != 2 {}
    ask(&mut ann, &json!({"Act": "say", "Data": "hi bob"}));
    bob.skip_until(|line| line.ends_with("ann: hi bob"));
    bob.send("hi ann");
    let heard = std::iter::repeat_with(|| object(&mut ann)).find(|object| object["Data"] == "hi ann").unwrap();
    assert_eq!((&heard["Act"], &heard["Room"]), (&json!("chat"), &json!("lobby")));
}

#[test]
fn quit_is_answered_then_closed_1000() {
    let (_server, door) = serve(&config());
    let mut ann = joined(door);
    ask(&mut ann, &json!({"Act": "quit", "Ref": 9}));
    let goodbye = std::iter::repeat_with(|| object(&mut ann)).find(|object| object["Ref"] == 9).unwrap();
    assert_eq!(goodbye["Act"], "quit");
    expect_close(&mut ann, 1000);
}

#[test]
fn broken_frame_is_told_then_closed() {
    let (_server, door) = serve(&config());
    let head = [&[TEXT, 0xff][..], &(1_u64 << 63).to_be_bytes(), b"mask"].concat();
    for (bytes, code) in [
        (unmasked(TEXT, b"{}"), 1002),
        (masked(0x83, b""), 1002),
        (masked(0xc1, b"{}"), 1002),
        (masked(0x80, b"{}"), 1002),
        (masked(0x82, b"{}"), 1003),
        (masked(TEXT, b"\xff"), 1007),
        (head, 1009),
    ] {
        for mut ann in [upgraded(door), joined(door)] {
            ann.place = format!("{bytes:x?}: ");
            ann.send_raw(&bytes);
            let told = std::iter::repeat_with(|| object(&mut ann)).find(|object| object["Act"] == "error").unwrap();
            assert!(told["Data"].as_str().unwrap().contains("WebSocket"), "{told}");
            expect_close(&mut ann, code);
        }
    }
}

#[test]
fn stop_closes_with_1001() {
    let (server, door) = serve(&config());
    let (mut ann, mut silent) = (joined(door), upgraded(door));
    server.stop();
    for peer in [&mut ann, &mut silent] {
        while object(peer)["Act"] != "doexit" {}
        expect_close(peer, 1001);
    }
    server.join().unwrap();
}

#[test]
fn close_frame_is_answered_and_last() {
    let (server, door) = serve(&config());
    let mut bob = Peer::enter(server.address(Wire::Text).unwrap());
    let mut ann = joined(door);
    ann.send_raw(&masked(CLOSE, b"\x0f\xa0bye")); // 4000
    // Whatever the room says meanwhile comes before it or not at all.
    (0..100).for_each(|number| bob.send(&format!("line {number}")));
    let (_, last) = std::iter::repeat_with(|| frame(&mut ann)).find(|(first, _)| *first == CLOSE).unwrap();
    assert_eq!(last, b"\x0f\xa0bye");
    ann.expect_end();
}

#[test]
fn ping_is_answered_within_the_request_rate() {
    let (_server, door) = serve(&Config { request_rate: 20, ..config() });
    let mut ann = joined(door);
    let began = Instant::now();
    (0..30_u8).for_each(|number| ann.send_raw(&masked(PING, &[number])));
    for number in 0..30 {
        assert_eq!(frame(&mut ann), (PONG, vec![number]));
    }
    // Twenty at once, less what joining took, and twenty a second from then on.
    assert!(began.elapsed() >= Duration::from_millis(400), "{:?}", began.elapsed());
}

mod exhaustive {
    use super::*;

    /// It is asked to leave, and has 10 s for that.
    #[test]
    fn session_not_joined_is_closed_with_1008() {
        let (_server, door) = serve(&Config { join_grace: Duration::from_millis(100), ..config() });
        let mut ann = upgraded(door);
        assert_eq!(object(&mut ann)["Act"], "doexit");
        expect_close(&mut ann, 1008);
    }
}
