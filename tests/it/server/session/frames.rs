//! Frames over sockets: clients of tnet, heartbeats, unknown routes, limits.

use std::collections::BTreeSet;
use std::io::Write;
use std::thread;
use std::time::{Duration, Instant};

use parlor::wire::Framing;
use serde_json::Value;

use crate::support::recorded::{DOEXIT, HELLO, JOIN, NICE, PONG};
use crate::support::{GROWTH, Peer, TestServer, chat, frame, packet};

/// tnet's client takes any frame for its answer: ten `test` and two empty ones, one at a time, while
/// people chat, each answered by itself and by nothing else.
#[test]
fn tnet_client_hears_its_answers_only() {
    let server = TestServer::with(&["--heartbeat", "0"]);
    let mut alice = Peer::enter(server.text);
    let mut bob = Peer::enter(server.text);
    let mut tnet = Peer::connect(server.frame);
    for _ in 0..10 {
        tnet.send_raw(b"\x01\0\0\0\x04\0\0\0test");
        chat(&mut alice, &mut bob);
        assert_eq!(tnet.any_frame(), (1, b"test".to_vec()));
    }
    for _ in 0..2 {
        tnet.send_raw(b"\x01\0\0\0\0\0\0\0");
        assert_eq!(tnet.any_frame(), (1, Vec::new()));
    }
    tnet.half_close();
    tnet.expect_end();
    alice.expect_nothing();
}

/// Nor does it hear of rate limits while it is no part of the chat: a notice took the place of the
/// forty-first answer. Its requests are held back all the same; a session that talks is told.
#[test]
fn tnet_client_in_hurry_hears_answers_only() {
    let limits = ["--rate", "5", "--burst", "40", "--request-rate", "40"];
    let server = TestServer::with(&[&["--heartbeat", "0", "--join-grace", "0"], &limits[..]].concat());
    let mut tnet = Peer::connect(server.frame);
    let began = Instant::now();
    tnet.send_raw(&b"\x01\0\0\0\x04\0\0\0test".repeat(45));
    for _ in 0..45 {
        assert_eq!(tnet.any_frame(), (1, b"test".to_vec()));
    }
    assert!(began.elapsed() >= Duration::from_millis(120), "40 and 5 more at 40 a second in {:?}", began.elapsed());
    // A client that asks without joining hears its answers alone.
    let pong = (112, PONG.into());
    tnet.send_raw(&frame(112, b"").repeat(5));
    for _ in 0..5 {
        assert_eq!(tnet.any_frame(), pong);
    }
    tnet.send_raw(&[frame(106, b"lobby"), frame(104, b"").repeat(25)].concat()); // more than a burst
    assert_eq!(tnet.any_frame().0, 106);
    let mut told = Vec::new();
    let mut lists = 0;
    while lists < 25 {
        match tnet.any_frame() {
            (207, notice) => told.push(serde_json::from_slice::<Value>(&notice).unwrap()),
            (route, _) => {
                assert_eq!(route, 104);
                lists += 1;
            }
        }
    }
    assert!(told.len() == 1 && told[0]["Code"] == "flood", "{told:?}");
}

#[test]
fn heartbeats_begin_at_accept_and_stay_unanswered() {
    let server = TestServer::with(&["--heartbeat", "200ms"]);
    let began = Instant::now();
    let mut dave = Peer::connect(server.frame);
    for count in 1..=3 {
        assert_eq!(dave.any_frame(), (0, Vec::new()));
        assert!(began.elapsed() >= Duration::from_millis(180) * count, "heartbeat {count} came early");
    }
    dave.send_raw(&frame(0, b"").repeat(1000));
    dave.send_frame(1, b"test");
    let mut beats = 3;
    loop {
        match dave.any_frame() {
            (0, data) => beats += u128::from(data.is_empty()),
            other => break assert_eq!(other, (1, b"test".to_vec())),
        }
    }
    assert!(beats <= 1 + began.elapsed().as_millis() / 200, "{beats} heartbeats");
    assert_eq!(dave.any_frame(), (0, Vec::new()), "and they go on");
    // Nobody else's door has them.
    let mut alice = Peer::enter(server.text);
    alice.expect_nothing();
}

#[test]
fn flood_of_unknown_routes_is_told() {
    const TIMES: u32 = 10_000;
    let server = TestServer::with(&["--heartbeat", "0"]);
    let mut alice = Peer::enter(server.text);
    let mut bob = Peer::enter(server.text);
    let mut dave = Peer::connect(server.frame);
    dave.send_frame(3, b"test");
    dave.expect_frame(10_000, b"router id: 3 error");
    let before = server.status("VmRSS");
    thread::scope(|scope| {
        let mouth = dave.again();
        scope.spawn(move || {
            let flood: Vec<u8> = (0..TIMES).flat_map(|n| frame(20_000 + n, &[b'x'; 100])).collect();
            (&mouth.stream).write_all(&flood).unwrap();
        });
        scope.spawn(|| {
            for n in 0..TIMES {
                dave.expect_frame(10_000, format!("router id: {} error", 20_000 + n).as_bytes());
            }
        });
        (0..20).for_each(|_| chat(&mut alice, &mut bob));
    });
    let after = server.status("VmHWM");
    assert!(after < before + GROWTH, "memory grew from {before} to up to {after} KiB");
    dave.send_frame(1, b"test");
    dave.expect_frame(1, b"test");
}

#[test]
fn frame_over_limit_is_refused() {
    let server = TestServer::with(&["--max-frame", "100", "--heartbeat", "0"]);
    let before = server.status("VmRSS");
    for (length, header) in [(101, 101), (102, 102), (0x7fff_ffff, 0), (0xffff_ffff_u32, 0)] {
        let mut dave = Peer::connect(server.frame);
        for fits in [99, 100] {
            dave.send_frame(1, &vec![b'x'; fits]);
            dave.expect_frame(1, &vec![b'x'; fits]);
        }
        dave.send_raw(&[&1u32.to_le_bytes()[..], &length.to_le_bytes()].concat());
        dave.send_raw(&vec![b'x'; header]);
        dave.expect_frame(10_000, format!("frame too large: {length} bytes (max 100)").as_bytes());
        dave.expect_end();
    }
    let after = server.status("VmHWM");
    assert!(after < before + GROWTH, "memory grew from {before} to up to {after} KiB");
    let log = server.stop();
    assert_eq!(log.matches("closed: malformed input: a frame longer than --max-frame").count(), 4, "{log}");
}

#[test]
fn wrong_frame_ends_that_session_alone() {
    let server = TestServer::new();
    let mut alice = Peer::enter_quiet(server.text);
    let mut bob = Peer::enter(server.text);
    for wrong in [
        b"GET / HTTP/1.1\r\nHost: parlor\r\n\r\n".as_slice(),
        b"hello, is anybody here?\r\n",
        b"{\"Act\":\"hello\",\"Data\":\"\"}\n",
        &packet(Framing::Gf7, HELLO),
        &[0xff; 64],
    ] {
        let mut peer = Peer::connect(server.frame);
        peer.place = format!("{}: ", wrong.escape_ascii());
        peer.send_raw(wrong);
        let (route, words) = peer.next_frame();
        assert_eq!(route, 10_000);
        assert!(words.starts_with(b"frame too large: "), "{}", words.escape_ascii());
        peer.expect_end();
        chat(&mut alice, &mut bob);
    }
    alice.expect_nothing();
}

mod exhaustive {
    use super::*;

    /// The two waits of ten seconds that no flag shortens, at the same time: a frame that was begun must
    /// be finished, and a program that was asked to leave must.
    #[test]
    fn unfinished_input_ends_after_ten_seconds() {
        let server = TestServer::with(&["--heartbeat", "0", "--join-grace", "1ms"]);
        let ten = Duration::from_millis(9900); // a turn of the server may have begun a little before
        let began = Instant::now();
        let mut dave = Peer::connect(server.frame);
        let mut patient = Peer::connect(server.frame); // has begun nothing
        dave.send_frame(1, b"whole");
        dave.expect_frame(1, b"whole");
        dave.send_raw(&frame(1, b"half")[..9]);
        // It does not help to send a byte now and then: this frame would be whole after 40 s.
        let mut erin = Peer::connect(server.frame);
        let dripping = erin.again();
        let drip = thread::spawn(move || {
            for byte in frame(1, &[0; 400]) {
                if (&dripping.stream).write_all(&[byte]).is_err() {
                    return;
                }
                thread::sleep(Duration::from_millis(100)); // the pace of its drops
            }
        });
        // Nor to send one just before the time is over: this frame was once given nearly 20 s.
        let mut frank = Peer::connect(server.frame);
        frank.send_raw(b"\x01");
        let late = frank.again();
        let second = thread::spawn(move || {
            thread::sleep(Duration::from_secs(9)); // when its second byte comes, and its last
            (&late.stream).write_all(b"\0").is_ok()
        });
        let end = thread::spawn(move || {
            let (route, words) = frank.next_frame();
            frank.expect_end();
            (route, words, began.elapsed())
        });
        // Whole frames, more than are decoded in one go, begin nothing: hers is begun at nine seconds.
        let mut gina = Peer::connect(server.frame);
        gina.send_raw(&frame(1, b"x").repeat(3000));
        (0..3000).for_each(|_| gina.expect_frame(1, b"x"));
        let half = gina.again();
        let third = thread::spawn(move || {
            thread::sleep(Duration::from_secs(9)); // when her last frame begins
            (&half.stream).write_all(&frame(1, b"late")[..9]).is_ok()
        });
        // Half a packet is as half a frame; half a line of JSON may be somebody who types. (Nobody is asked to
        // leave here, which would end them too.)
        let calm = TestServer::with(&["--join-grace", "0"]);
        let mut hugo = Peer::connect(calm.json);
        hugo.send_raw(&[packet(Framing::Gf2, JOIN), packet(Framing::Gf2, HELLO)[..9].to_vec()].concat());
        let mut typist = Peer::connect(calm.json);
        typist.send(JOIN);
        typist.json_fence();
        typist.send_raw(&HELLO.as_bytes()[..9]);
        let mut gtcp = Peer::connect(server.json);
        gtcp.send_packet(Framing::Gf2, HELLO);
        let answers = [gtcp.next_packet(Framing::Gf2), gtcp.next_packet(Framing::Gf2)];
        let wanted = BTreeSet::from([NICE.to_owned(), DOEXIT.to_owned()]);
        assert_eq!(BTreeSet::from(answers), wanted);
        gtcp.read_to_end();
        assert!(began.elapsed() >= ten, "asked to leave, and closed too early");
        let (route, words) = dave.next_frame();
        assert_eq!(route, 10_000, "{}", words.escape_ascii());
        dave.expect_end();
        assert!(began.elapsed() >= ten, "closed too early");
        assert!(third.join().unwrap());
        gina.send_raw(&frame(1, b"late")[9..]);
        gina.expect_frame(1, b"late");
        let (route, words) = erin.next_frame();
        assert_eq!(route, 10_000, "{}", words.escape_ascii());
        erin.expect_end();
        drop(erin);
        drip.join().unwrap();
        let (route, words, took) = end.join().unwrap();
        assert_eq!(route, 10_000, "{}", words.escape_ascii());
        assert!(second.join().unwrap(), "closed before its second byte");
        assert!(took >= ten, "a byte at 0 s and one at 9 s: closed after {took:?}");
        let last = loop {
            let packet = hugo.next_packet(Framing::Gf2);
            if packet.contains("\"Act\":\"error\"") {
                break packet;
            }
        };
        assert_eq!(last, r#"{"Act":"error","Data":"a packet that was not finished within 10 s","Code":"usage"}"#);
        hugo.expect_end();
        patient.send_frame(1, b"test");
        patient.expect_frame(1, b"test");
        typist.send(&HELLO[9..]);
        typist.skip_until(|line| line == NICE);
        server.wait_for_log("neither joined a room nor said anything, and did not leave when asked to");
        server.wait_for_log("closed: malformed input: a frame that was not finished within 10 s");
    }
}
