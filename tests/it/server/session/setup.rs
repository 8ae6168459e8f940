//! The first bytes of a session: callers that send none, and callers that speak another protocol.

use std::time::{Duration, Instant};

use crate::support::recorded::{GF2_HEARTBEAT, JOIN, TLS_HELLO};
use crate::support::{Peer, TestServer};

/// Case B9: a health check and a port scan connect and close.
#[test]
fn connect_and_close_is_heard_by_nobody() {
    let server = TestServer::with(&["--log-level", "debug"]);
    let mut alice = Peer::enter(server.text);
    let mut program = Peer::connect(server.json);
    program.send(JOIN);
    program.json_fence();
    alice.skip_until(|line| line.ends_with(": login"));
    for count in 0..20 {
        let caller = Peer::connect([server.text, server.relay, server.json, server.frame][count % 4]);
        let words = format!(", {}) closed: ", caller.name);
        if count % 3 == 0 {
            caller.reset();
        } else {
            drop(caller);
        }
        let log = server.wait_for_log(&words);
        let line = log.lines().find(|line| line.contains(&words)).unwrap();
        assert!(line.contains(" DEBUG ") && line.ends_with(", without a sign of life"), "{line}");
    }
    // Nor does one that speaks another protocol, after the greeting.
    let mut browser = Peer::greeted(server.text);
    browser.send_raw(b"GET / HTTP/1.1\r\n\r\n");
    browser.read_to_end();
    alice.expect_nothing();
    assert_eq!(program.json_fence(), [] as [serde_json::Value; 0]);
    alice.send("who");
    alice.expect("user list:");
    alice.expect("{me}:{me}");
    alice.line(); // the program
    alice.expect_nothing();
}

/// A session is announced with its first byte, or when it has stayed for a moment, and then as others are.
#[test]
fn silent_session_appears_after_a_moment() {
    let server = TestServer::new();
    let mut alice = Peer::enter(server.text);
    for door in [server.text, server.relay] {
        let began = Instant::now();
        let silent = Peer::connect(door);
        let login = alice.line();
        assert!(login.starts_with(&format!("[{}]", silent.name)) && login.ends_with(": login"), "{login}");
        assert!(began.elapsed() >= Duration::from_millis(200), "after {:?}", began.elapsed());
        drop(silent);
        let logout = alice.line();
        assert!(logout.ends_with(": login out"), "{logout}");
    }
    assert!(server.stop().contains(" INFO  session "), "it is told as others are");
}

/// Programs at the wrong door, at once and in pieces: each is answered in its own protocol, and
/// the end of the connection does not eat the answer.
#[test]
fn other_protocols_are_answered_and_closed() {
    let server = TestServer::new();
    let mut alice = Peer::enter_quiet(server.text);
    let page = format!("Come in by: nc 127.0.0.1 {}\n", server.text.port());
    let TestServer { relay, json, frame, .. } = &server;
    let doors = format!(
        "!!! This is the text door. Frames: {frame}, JSON: {json}, 
!!!     Relay: {relay}
"
    );
    let asked: [(&[u8], &[u8]); 6] = [
        (b"GET / HTTP/1.1\r\nHost: parlor\r\nUser-Agent: curl\r\n\r\n", page.as_bytes()),
        (b"POST /chat HTTP/1.0\r\nContent-Length: 5\r\n\r\nhello", page.as_bytes()),
        (TLS_HELLO, b"\x15\x03\x01\x00\x02\x02\x46"),
        (GF2_HEARTBEAT, doors.as_bytes()),
        (b"\x00\x00\x00\x00\x00\x00\x00\x00", doors.as_bytes()),
        (b"abcdefg\x00", doors.as_bytes()),
    ];
    for (said, answer) in asked {
        for cut in [0, 1, 5] {
            let mut caller = Peer::connect(server.text);
            caller.place = format!("{:?} cut at {cut}: ", String::from_utf8_lossy(said));
            caller.send_raw(&said[..cut]);
            if cut > 0 {
                server.wait_until_read(&caller);
            }
            caller.send_raw(&said[cut..]);
            let heard = caller.read_to_end();
            if !heard.ends_with(answer) {
                caller.fail(&format!("wanted it to end in {:?}", String::from_utf8_lossy(answer)));
            }
        }
    }
    // The greeted ones have gone too; the room is as it was.
    alice.fence();
    alice.send("who");
    alice.skip_until(|line| line == "user list:");
    alice.expect("{me}:{me}");
    alice.expect_nothing();
    let log = server.stop();
    for (wanted, count) in [("spoke HTTP on this door", 6), ("spoke TLS on this door", 3), ("spoke binary data on", 9)]
    {
        assert_eq!(log.matches(wanted).count(), count, "{wanted}:\n{log}");
    }
}
