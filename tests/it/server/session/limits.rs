//! Limits on one line: what they let through, what they refuse, and the memory that input may take.

use std::io::Write;

use crate::support::{GROWTH, Peer, TestServer};

#[test]
fn line_over_limit_is_refused() {
    let server = TestServer::with(&["--max-line", "100"]);
    let mut alice = Peer::enter(server.text);
    for end in ["\n", "\r\n"] {
        for length in [99, 100] {
            alice.send_raw(("x".repeat(length) + end).as_bytes());
            assert_eq!(alice.line().trim_end(), format!("[{0}]{0}: {1}", alice.name, "x".repeat(length)));
        }
        for length in [101, 102, 4096, 5000] {
            alice.send_raw(("x".repeat(length) + end).as_bytes());
            let refusal = format!("!!! Line too long: {length} bytes, the limit is 100. Nothing was sent.");
            assert_eq!(alice.line().trim_end(), refusal);
        }
    }
    // In crumbs, and as the last line without an ending.
    for byte in ["x".repeat(101), "\r\n".to_owned(), "y".repeat(100), "\r\n".to_owned()].concat().bytes() {
        alice.send_raw(&[byte]);
    }
    alice.expect("!!! Line too long: 101 bytes, the limit is 100. Nothing was sent.\r");
    alice.expect(&format!("[{{me}}]{{me}}: {}\r", "y".repeat(100)));
    alice.send_raw("z".repeat(101).as_bytes());
    alice.half_close();
    alice.expect("!!! Line too long: 101 bytes, the limit is 100. Nothing was sent.\r");
    alice.expect_end();
}

#[test]
fn endless_line_takes_no_memory() {
    let server = TestServer::new();
    let mut alice = Peer::enter(server.text);
    let before = server.status("VmRSS");
    let block = vec![b'x'; 1024 * 1024];
    for _ in 0..10 {
        alice.stream.write_all(&block).unwrap();
    }
    server.wait_until_read(&alice);
    let after = server.status("VmHWM");
    assert!(after < before + GROWTH, "memory grew from {before} to up to {after} KiB");
    alice.send("");
    alice.expect("!!! Line too long: 10485760 bytes, the limit is 4096. Nothing was sent.");
    alice.send("short");
    alice.expect("[{me}]{me}: short");
}

#[test]
fn relay_line_without_end_ends_session() {
    let server = TestServer::new();
    let mut alice = Peer::enter(server.text);
    let gopher = Peer::connect(server.relay);
    alice.skip_until(|line| line.ends_with(": login"));
    let before = server.status("VmRSS");
    let block = vec![b'x'; 1024 * 1024];
    while (&gopher.stream).write_all(&block).is_ok() {}
    let left = alice.line();
    assert!(left.starts_with(&format!("[{}]", gopher.name)) && left.ends_with(": login out"), "{left}");
    alice.expect_nothing();
    let after = server.status("VmHWM");
    assert!(after < before + GROWTH, "memory grew from {before} to up to {after} KiB");
    server.wait_for_log("closed: malformed input: a line longer than 65535 bytes");
}

#[test]
fn invalid_utf8_may_be_split_anywhere() {
    let said = b"caf\xe9 \xf0\x9f\x98 \xe2\x82\xac \xf0\x9f\x8f\xa0 \xed\xa0\x80 \xc0\xaf \xc3\n";
    let shown = String::from_utf8_lossy(&said[..said.len() - 1]);
    let server = TestServer::with(&["--idle", "0"]); // all the cuts take a busy machine longer than that
    let mut alice = Peer::enter(server.text);
    let mut bob = Peer::enter(server.text);
    alice.fence();
    for cut in 1..said.len() {
        bob.send_raw(&said[..cut]);
        server.wait_until_read(&bob);
        bob.send_raw(&said[cut..]);
        bob.expect(&format!("[{{me}}]{{me}}: {shown}"));
        if cut == 1 {
            bob.expect("*** Some of your bytes are not UTF-8: others see \u{fffd} in their place");
            bob.expect("*** If your terminal uses another character set: /charset NAME");
        }
        alice.expect(&format!("[{0}]{0}: {shown}", bob.name));
    }
}

#[test]
fn lines_byte_by_byte_from_many_arrive() {
    let server = TestServer::new();
    let mut alice = Peer::enter_quiet(server.text);
    let mut crowd: Vec<Peer> = (0..10).map(|_| Peer::enter(server.text)).collect();
    for byte in "häuser, 家 and 🏠\n".as_bytes() {
        for peer in &mut crowd {
            peer.send_raw(&[*byte]);
        }
    }
    for _ in &crowd {
        let line = alice.line();
        assert!(line.ends_with(": häuser, 家 and 🏠"), "{line}");
    }
    alice.expect_nothing();
}
