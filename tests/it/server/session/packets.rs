//! JSON packets over sockets: every framing, every limit, broken packets.

use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use parlor::wire::Framing;
use serde_json::{Value, json};

use crate::support::recorded::{
    DOEXIT, FRAME_HEARTBEAT, GF2_HEARTBEAT, GF7_DOEXIT, GF7_HEARTBEAT, GF7_HELLO, GF7_NICE, HEARTBEAT, HELLO, NICE,
    PONG, TLS_HELLO,
};
use crate::support::{DOORS, Peer, TestServer, chat, frame, packet};

/// The bytes that PROTOCOLS.md has from gtcp itself.
#[test]
fn recorded_gtcp_packets_are_answered_exactly() {
    let server = TestServer::with(&["--join-grace", "300ms"]);
    let mut now = Peer::connect(server.json);
    now.send_raw(GF2_HEARTBEAT);
    now.send_packet(Framing::Gf2, HELLO);
    now.expect_packet(Framing::Gf2, NICE); // and to the heartbeat nothing
    let mut then = Peer::connect(server.json);
    then.send_raw(GF7_HEARTBEAT);
    then.send_raw(GF7_HELLO);
    then.expect_raw(GF7_NICE);
    then.expect_raw(GF7_DOEXIT);
}

/// A client of gtcp in each framing: answered alike, asked to leave when it has not joined in time,
/// still served then, and gone when it closes. One that has joined is not asked.
#[test]
fn framing_each_is_answered_alike() {
    let server = TestServer::with(&["--join-grace", "500ms"]);
    let mut joined = Peer::connect(server.json);
    joined.ask(&json!({"Act": "join", "Data": "den"}));
    joined.json_fence();
    let mut speaker = Peer::connect(server.json);
    speaker.ask(&json!({"Act": "say", "Data": "hi"}));
    speaker.json_fence();
    for framing in Framing::ALL {
        let began = Instant::now();
        let mut peer = Peer::connect(server.json);
        peer.place = format!("{framing:?}: ");
        peer.send_packet(framing, HEARTBEAT);
        peer.send_packet(framing, HELLO);
        peer.expect_packet(framing, NICE);
        peer.expect_packet(framing, DOEXIT);
        // The server's moment is that of its turn, which may have begun a little before the accept.
        assert!(began.elapsed() >= Duration::from_millis(400), "{framing:?}: asked to leave early");
        peer.send_packet(framing, HEARTBEAT);
        peer.send_packet(framing, HELLO);
        peer.expect_packet(framing, NICE);
        peer.half_close();
        peer.expect_end();
        server.wait_for_log(&format!("(json, {}) closed: peer closed", peer.name));
    }
    // These came before, so it would have been their turn before.
    for peer in [&mut joined, &mut speaker] {
        assert_eq!(peer.json_fence(), [Value::Null; 0]);
    }
}

/// `json+gf3://` and the like take and give that framing only.
#[test]
fn door_with_fixed_framing_uses_it() {
    for framing in Framing::ALL {
        let mut command = Command::new(env!("CARGO_BIN_EXE_parlor"));
        let door = format!("json+{}://127.0.0.1:0", framing.name());
        command.args(DOORS.map(|word| if word.starts_with("json://") { &door } else { word }));
        command.args(["--rate", "0", "--join-grace", "0"]);
        let server = TestServer::start(command);
        let mut peer = Peer::connect(server.json);
        peer.send_packet(framing, HELLO);
        peer.expect_packet(framing, NICE);
        // The packet of another framing is no packet here.
        let mut other = Peer::connect(server.json);
        other.place = format!("at {framing:?}: ");
        let wrong: &[u8] = match framing {
            Framing::Lines => b"\x00\x02{}\n",
            Framing::Gf1 => b"\x03???", // no JSON
            Framing::Gf2 => b"{\"Act\":\"hello\"}\n",
            Framing::Gf7 => b"\x00\x00\x06\x00\x00\x00\x00",
            _ => b"\xff\xff\xff\xff",
        };
        other.send_raw(wrong);
        other.send_raw(&[b' '; 40_000]);
        other.expect_error(framing);
        other.half_close();
        other.read_to_end();
        peer.send_packet(framing, HELLO);
        peer.expect_packet(framing, NICE);
    }
}

#[test]
fn packets_in_one_segment_keep_their_order() {
    let server = TestServer::with(&["--join-grace", "0"]);
    for framing in Framing::ALL {
        let mut peer = Peer::connect(server.json);
        let all: Vec<u8> = (0..200).flat_map(|n| packet(framing, format!(r#"{{"Act":"ping","Ref":{n}}}"#))).collect();
        peer.send_raw(&all);
        for n in 0..200 {
            peer.expect_packet(framing, &format!(r#"{{"Act":"ping","Data":"pong","Ref":{n}}}"#));
        }
    }
    let mut peer = Peer::connect(server.frame);
    peer.send_raw(&(0..200).flat_map(|n| frame(1 + n % 2, format!("test {n}").as_bytes())).collect::<Vec<_>>());
    for n in 0..200 {
        peer.expect_frame(1 + n % 2, format!("test {n}").as_bytes());
    }
}

#[test]
fn packet_over_limit_is_refused() {
    let server = TestServer::with(&["--max-packet", "100", "--join-grace", "0"]);
    for framing in Framing::ALL {
        // Within the object: white space behind it belongs to no packet where packets are text.
        let padded = |length: usize| HELLO.replacen(',', &format!(",{}", " ".repeat(length - HELLO.len())), 1);
        for (first, length) in [(true, 100), (false, 99), (false, 100)] {
            let mut peer = Peer::connect(server.json);
            peer.place = format!("{framing:?}, {length} bytes: ");
            if !first {
                peer.send_packet(framing, HELLO);
                peer.expect_packet(framing, NICE);
            }
            peer.send_packet(framing, &padded(length));
            peer.expect_packet(framing, NICE);
            peer.send_packet(framing, &padded(101));
            assert_eq!(peer.expect_error(framing)["Code"], "toolong", "{framing:?}");
            peer.expect_end();
        }
    }
    let log = server.stop();
    assert_eq!(log.matches("longer than --max-packet").count(), 18, "{log}");
}

#[test]
fn largest_packets_and_frames_go_through() {
    let server = TestServer::new();
    let mut alice = Peer::enter_quiet(server.text);
    for framing in [Framing::Gf2, Framing::Gf3, Framing::Gf4, Framing::Gf7, Framing::Lines] {
        let mut peer = Peer::connect(server.json);
        let fixed = r#"{"Act":"say","Data":""}"#.len();
        let said = "x".repeat(65_535 - fixed);
        peer.send_packet(framing, &format!(r#"{{"Act":"say","Data":"{said}"}}"#));
        let heard = alice.line();
        assert!(heard.ends_with(&format!(": {said}")), "{framing:?}: {} bytes", heard.len());
        // The answer has more keys, so it may have to be cut.
        let back: Value = serde_json::from_str(&peer.next_packet(framing)).unwrap();
        let text = back["Data"].as_str().unwrap();
        let whole = framing == Framing::Lines;
        assert!(text == said && whole || text.ends_with("x…") && back["Cut"] == true && !whole, "{framing:?}");
        peer.half_close();
        peer.expect_end();
    }
    let mut dave = Peer::connect(server.frame);
    dave.send_frame(1, &[7; 65_536]);
    dave.expect_frame(1, &[7; 65_536]);
    alice.expect_nothing();
}

/// An answer longer than a header of one byte can say is cut, with a mark.
#[test]
fn answer_too_long_for_framing_is_cut() {
    let server = TestServer::with(&["--join-grace", "0"]);
    let mut alice = Peer::enter_quiet(server.text);
    let _others: Vec<Peer> = (0..20).map(|_| Peer::enter(server.text)).collect();
    let mut peer = Peer::connect(server.json);
    peer.send_packet(Framing::Gf1, r#"{"Act":"join","Data":"lobby","Ref":"j"}"#);
    let joined: Value = serde_json::from_str(&peer.next_packet(Framing::Gf1)).unwrap();
    assert_eq!((&joined["Act"], &joined["Ref"]), (&Value::from("join"), &Value::from("j")), "{joined}");
    peer.send_packet(Framing::Gf1, r#"{"Act":"who","Ref":"w"}"#);
    let who: Value = serde_json::from_str(&peer.next_packet(Framing::Gf1)).unwrap();
    assert!(who["Cut"] == true && who["Ref"] == "w" && who["Data"].as_str().unwrap().ends_with('…'), "{who}");
    for said in ["é".repeat(300), "\"\\".repeat(200), "🏠".repeat(100), "x".repeat(4000)] {
        alice.send(&said);
        let heard = peer.next_packet(Framing::Gf1);
        let line: Value = serde_json::from_str(&heard).unwrap();
        assert!(line["Cut"] == true && heard.len() <= 255, "{heard}");
        let kept = line["Data"].as_str().unwrap().strip_suffix('…').unwrap_or_default();
        assert!(said.starts_with(kept), "{heard}");
    }
    // The other keys go before the text, and the text before the mark.
    let refs = "r".repeat(210);
    peer.send_packet(Framing::Gf1, &format!(r#"{{"Act":"topic","Ref":"{refs}"}}"#));
    peer.expect_packet(Framing::Gf1, &format!(r#"{{"Act":"topic","Data":"","Cut":true,"Ref":"{refs}"}}"#));
    let refs = "r".repeat(150);
    peer.send_packet(Framing::Gf1, &format!(r#"{{"Act":"say","Ref":"{refs}","Data":"hello there"}}"#));
    peer.expect_packet(Framing::Gf1, &format!(r#"{{"Act":"chat","Data":"hello there","Cut":true,"Ref":"{refs}"}}"#));
    peer.send_packet(Framing::Gf1, HELLO);
    peer.expect_packet(Framing::Gf1, NICE);
}

/// A stray packet without an object is answered, and the session stays.
#[test]
fn empty_packet_is_error_and_session_stays() {
    let server = TestServer::with(&["--join-grace", "0"]);
    for framing in [Framing::Gf1, Framing::Gf2, Framing::Gf3, Framing::Gf4, Framing::Gf7] {
        let mut peer = Peer::connect(server.json);
        peer.send_packet(framing, HELLO);
        peer.expect_packet(framing, NICE);
        for wrong in ["", " ", "null", "0", "\0", "{", "hello"] {
            peer.send_packet(framing, wrong);
            assert_eq!(peer.expect_error(framing)["Code"], "usage", "{framing:?} {wrong:?}");
        }
        peer.send_packet(framing, HELLO);
        peer.expect_packet(framing, NICE);
    }
}

/// Ends of input within a packet or a frame are ends, nothing more.
#[test]
fn input_may_end_within_a_packet() {
    let server = TestServer::with(&["--join-grace", "0", "--heartbeat", "0"]);
    let mut alice = Peer::enter_quiet(server.text);
    let mut bob = Peer::enter(server.text);
    for (door, bytes) in [
        (server.json, packet(Framing::Gf2, r#"{"Act":"say","Data":"x"}"#)),
        (server.json, packet(Framing::Gf7, r#"{"Act":"say","Data":"x"}"#)),
        (server.frame, frame(100, b"x")),
    ] {
        for cut in 0..bytes.len() {
            let mut peer = Peer::connect(door);
            peer.send_raw(&bytes[..cut]);
            peer.half_close();
            peer.expect_end();
        }
    }
    chat(&mut alice, &mut bob);
    alice.expect_nothing(); // none of them has said anything
    let mut line = Peer::connect(server.json); // but a last line without an ending counts
    line.send_raw(b"{\"Act\":\"ping\"");
    line.half_close();
    line.expect_error(Framing::Lines);
    line.expect_end();
}

/// A mark belongs to its own request: a heartbeat that bore one gave it to the next answer.
#[test]
fn unanswered_mark_goes_to_nobody_else() {
    let server = TestServer::with(&["--join-grace", "0"]);
    let mut carol = Peer::connect(server.json);
    carol.send(r#"{"Act":"heartbeat","Ref":"beat"}"#);
    carol.send(r#"{"Act":"ping"}"#);
    carol.expect(PONG);
}

/// Being told to slow down is nobody's answer: it took the mark of the request that was held back.
#[test]
fn throttled_marks_stay_with_their_answers() {
    let server = TestServer::with(&["--rate", "20", "--burst", "5", "--join-grace", "0"]);
    let mut carol = Peer::connect(server.json);
    let all: String = (0..12).map(|n| format!("{{\"Act\":\"who\",\"Ref\":{n}}}\n")).collect();
    carol.send_raw(all.as_bytes());
    let mut told = 0;
    for n in 0..12 {
        let mut answer = carol.json();
        if answer["Act"] == "notice" {
            assert_eq!((&answer["Code"], &answer["Ref"]), (&json!("flood"), &Value::Null), "{answer}");
            told += 1;
            answer = carol.json();
        }
        assert_eq!((&answer["Act"], &answer["Ref"]), (&json!("who"), &json!(n)), "{answer}");
    }
    assert_eq!(told, 1);
}

mod exhaustive {
    use super::*;

    #[test]
    fn packet_byte_by_byte_is_read() {
        let server = TestServer::with(&["--join-grace", "0"]);
        for framing in Framing::ALL {
            let mut peer = Peer::connect(server.json);
            peer.place = format!("{framing:?}: ");
            for byte in packet(framing, HELLO) {
                peer.send_raw(&[byte]);
                server.wait_until_read(&peer);
            }
            peer.expect_packet(framing, NICE);
        }
    }

    /// Their time went by while the process was stopped, and what they sent in it counts first.
    #[test]
    fn join_during_stopped_process_counts() {
        let server = TestServer::with(&["--join-grace", "3s"]);
        let mut all: Vec<Peer> = (0..100).map(|_| Peer::connect(server.json)).collect();
        for peer in &mut all {
            assert_eq!(peer.json_fence(), [json!(null); 0]);
        }
        let mut silent = all.remove(50);
        server.signal("STOP");
        for peer in &mut all {
            peer.ask(&json!({"Act": "join", "Data": "den"}));
        }
        thread::sleep(Duration::from_millis(3500)); // how long it is stopped is what is tried
        server.signal("CONT");
        assert_eq!(silent.json()["Act"], "doexit");
        for peer in &mut all {
            let heard = peer.json_fence();
            assert!(heard.iter().all(|event| event["Act"] != "doexit"), "{heard:?}");
        }
    }

    /// A stream that cannot be followed any further: one error, and the end.
    #[test]
    fn broken_packet_ends_that_session_alone() {
        let server = TestServer::with(&["--join-grace", "0"]);
        let mut alice = Peer::enter_quiet(server.text);
        let mut bob = Peer::enter(server.text);
        let wrong_sum = {
            let mut bytes = packet(Framing::Gf7, HELLO);
            bytes[6] ^= 1;
            bytes
        };
        for (framing, first, broken) in [
            (Framing::Gf7, true, wrong_sum.as_slice()),
            (Framing::Gf7, false, &wrong_sum),
            (Framing::Gf7, false, b"\x00\x00\x06\x00\x00\x00\x00"),
            (Framing::Gf7, false, b"\xff\xff\xff\x00\x00\x00\x00"),
            (Framing::Gf4, false, b"\xff\xff\xff\xff"),
            (Framing::Gf4, false, b"\x00\x01\x00\x00"),
            (Framing::Gf3, false, b"\x01\x00\x00"),
            // Unknown yet, so it is told in today's framing.
            (Framing::Gf2, true, FRAME_HEARTBEAT),
            (Framing::Gf2, true, b"GET / HTTP/1.1\r\nHost: parlor\r\n\r\n"),
            (Framing::Gf2, true, TLS_HELLO),
            (Framing::Gf2, true, b"hello\r\n"),
            (Framing::Gf2, true, b"\x01\x00\x00\x00\x04\x00\x00\x00test"),
            (Framing::Gf2, true, b"\xff\xff\xff\xff\xff\xff\xff\xff"),
        ] {
            let mut peer = Peer::connect(server.json);
            peer.place = format!("{framing:?}, {}: ", broken.escape_ascii());
            if !first {
                peer.send_packet(framing, HELLO);
                peer.expect_packet(framing, NICE);
            }
            peer.send_raw(broken);
            peer.expect_error(framing);
            peer.expect_end();
            server.wait_for_log(&format!("(json, {}) closed: malformed input", peer.name));
            chat(&mut alice, &mut bob);
        }
    }
}
