//! Telnet clients on the text door: their commands come in any pieces, and never show as text.
//!
//! That a read really ended where a test cut is a fact to wait for: the server has taken everything
//! sent so far out of its socket.

use crate::support::{Peer, TestServer};

const DO_TIMING_MARK: &[u8] = b"\xff\xfd\x06";
const WONT_TIMING_MARK: &[u8] = b"\xff\xfc\x06";

/// Commands that a client might send in one read: options asked for and offered, a window size with a
/// doubled 255 in it, text around a no-operation, byte 255 itself, 255 that is no telnet, Ctrl-C.
const SAID: &[u8] = b"\xff\xfd\x03\xff\xfb\x1f\xff\xfa\x1f\x00\xff\xff\x00\x18\xff\xf0\
    he\xff\xf1llo \xff\xff\xffx\r\n\xff\xf4\xff\xf2\xff\xfd\x06\xff\xf6";

#[track_caller]
fn expect_answers_to_what_was_said(peer: &mut Peer) {
    peer.expect_raw(b"\xff\xfc\x03\xff\xfe\x1f");
    peer.expect("[{me}]{me}: hello \u{fffd}\u{fffd}x\r");
    peer.expect("*** Some of your bytes are not UTF-8: others see \u{fffd} in their place\r");
    peer.expect("*** If your terminal uses another character set: /charset NAME\r");
    peer.expect_raw(WONT_TIMING_MARK);
    peer.expect("*** Yes, still here.\r");
}

#[test]
fn commands_may_be_split_anywhere() {
    let server = TestServer::new();
    for cut in 0..=SAID.len() {
        let mut bob = Peer::enter_quiet(server.text);
        bob.place = format!("cut at {cut}: ");
        bob.send_raw(&SAID[..cut]);
        server.wait_until_read(&bob);
        bob.send_raw(&SAID[cut..]);
        expect_answers_to_what_was_said(&mut bob);
        bob.expect_nothing();
        bob.leave();
    }
}

#[test]
fn commands_may_come_byte_by_byte() {
    let server = TestServer::new();
    let mut bob = Peer::enter(server.text);
    for byte in SAID {
        bob.send_raw(&[*byte]);
        server.wait_until_read(&bob);
    }
    expect_answers_to_what_was_said(&mut bob);
    bob.expect_nothing();
}

#[test]
fn every_timing_mark_is_answered() {
    let server = TestServer::new();
    let mut bob = Peer::enter(server.text);
    for _ in 0..3 {
        bob.send_raw(DO_TIMING_MARK);
        bob.expect_raw(WONT_TIMING_MARK);
    }
    bob.send_raw(&DO_TIMING_MARK.repeat(5));
    bob.expect_raw(&WONT_TIMING_MARK.repeat(5));
    bob.expect_nothing();
}

#[test]
fn every_other_option_is_refused_once() {
    let server = TestServer::new();
    let mut bob = Peer::enter(server.text);
    for option in (0..=255).filter(|option| *option != 6) {
        bob.send_raw(&[255, 253, option, 255, 251, option, 255, 253, option, 255, 251, option]);
        bob.expect_raw(&[255, 252, option, 255, 254, option]);
    }
    bob.send_raw(b"\xff\xfe\x03\xff\xfc\x18\xff\xfe\x06\xff\xfc\x06");
    bob.expect_nothing(); // refusals are not answered, or two refusers would never end
}

/// A client that refuses what it is refused: the two must fall silent.
#[test]
fn telnet_refusals_never_loop() {
    let server = TestServer::new();
    let mut bob = Peer::enter(server.text);
    bob.send_raw(b"\xff\xfb\x18\xff\xfd\x03");
    bob.expect_raw(b"\xff\xfe\x18\xff\xfc\x03");
    for _ in 0..3 {
        bob.send_raw(b"\xff\xfc\x18\xff\xfe\x03");
        bob.expect_nothing();
    }
}

#[test]
fn answers_keep_their_place_among_lines() {
    let server = TestServer::new();
    let mut bob = Peer::enter(server.text);
    bob.send_raw(b"one\r\n\xff\xfd\x06two\r\n\xff\xf6three\r\n");
    bob.expect("[{me}]{me}: one\r");
    bob.expect_raw(WONT_TIMING_MARK);
    bob.expect("[{me}]{me}: two\r");
    bob.expect("*** Yes, still here.\r");
    bob.expect("[{me}]{me}: three\r");
    bob.expect_nothing();
}

#[test]
fn telnet_client_alone_gets_crlf() {
    let server = TestServer::new();
    let mut alice = Peer::enter(server.text);
    let mut bob = Peer::enter(server.text);
    alice.fence();
    bob.send("before");
    bob.expect("[{me}]{me}: before");
    bob.send_raw(b"\xff\xf1"); // a no-operation is enough
    bob.send("after");
    bob.expect("[{me}]{me}: after\r");
    alice.expect(&format!("[{0}]{0}: before", bob.name));
    alice.expect(&format!("[{0}]{0}: after", bob.name));
    alice.send("hi");
    alice.expect("[{me}]{me}: hi");
    bob.expect(&format!("[{0}]{0}: hi\r", alice.name));
}

#[test]
fn subnegotiation_of_four_kilobytes_is_skipped() {
    let server = TestServer::new();
    let mut bob = Peer::enter(server.text);
    bob.send_raw(b"\xff\xfa\x18");
    bob.send_raw(&[b'x'; 4000]);
    bob.send_raw(b"\xff\xf0hello\n");
    bob.expect("[{me}]{me}: hello\r");
}

#[test]
fn endless_subnegotiation_ends_session() {
    let server = TestServer::new();
    let mut alice = Peer::enter(server.text);
    let mut bob = Peer::enter(server.text);
    alice.fence();
    bob.send_raw(b"said before\n\xff\xfa\x18");
    bob.send_raw(&[b'x'; 4200]);
    bob.expect("[{me}]{me}: said before");
    let goodbye = bob.line();
    assert!(goodbye.starts_with("*** Disconnected: a telnet subnegotiation longer than"), "{goodbye}");
    bob.expect_end();
    alice.expect(&format!("[{0}]{0}: said before", bob.name));
    alice.expect(&format!("[{0}]{0}: login out", bob.name));
    alice.expect_nothing();
    let log = server.stop();
    assert!(log.contains("closed: malformed input: a telnet subnegotiation longer than"), "{log}");
}

/// GNU telnet sends its data mark as urgent data, which by default is taken out of the stream: then
/// the 255 before it swallowed the letter behind it.
#[test]
fn urgent_data_mark_keeps_stream_whole() {
    let server = TestServer::new();
    let mut bob = Peer::enter(server.text);
    for _ in 0..20 {
        bob.send_raw(b"hel\xff");
        bob.send_urgent(b"\xf2");
        bob.send_raw(b"lo\r\n");
        bob.expect("[{me}]{me}: hello\r");
        bob.send_urgent(b"\xff\xf4\xff\xf2"); // Ctrl-C as telnet sends it
        bob.send_raw(DO_TIMING_MARK);
        bob.expect_raw(WONT_TIMING_MARK);
    }
    bob.expect_nothing();
}

/// The first bytes of all may be urgent too: no letter is missing then either.
#[test]
fn urgent_data_may_come_first() {
    let server = TestServer::new();
    for _ in 0..20 {
        let mut bob = Peer::connect(server.text);
        bob.send_urgent(b"\xff\xf2");
        bob.send_raw(b"hello\r\n");
        let wanted = format!("[{0}]{0}: hello\r", bob.name);
        bob.skip_until(|line| line == wanted);
    }
}

/// An end of input within a command is an end, and a 255 alone was a byte of text.
#[test]
fn input_may_end_within_a_command() {
    let server = TestServer::new();
    let mut alice = Peer::enter_quiet(server.text);
    for (said, heard) in [
        (b"hi\xff".as_slice(), "hi\u{fffd}"),
        (b"hi\xff\xfd", "hi"),
        (b"hi\xff\xfa\x18xyz", "hi"),
        (b"hi\xff\xfa\x18xyz\xff", "hi"),
    ] {
        let mut bob = Peer::enter(server.text);
        bob.send_raw(said);
        bob.half_close();
        alice.expect(&format!("[{0}]{0}: {heard}", bob.name));
        let rest = bob.read_to_end();
        let rest = String::from_utf8_lossy(&rest);
        assert!(rest.lines().any(|line| line.ends_with(heard)), "{rest:?}");
    }
}
