//! Programs: the clients of gtcp and tnet as they were recorded, every framing, every limit, wrong
//! bytes at each door.

use std::collections::BTreeSet;
use std::io::Write;
use std::process::Command;
use std::sync::Barrier;
use std::thread;
use std::time::{Duration, Instant};

use parlor::Wire;
use serde_json::{Value, json};

use crate::support::{DOORS, House, Peer, frame};

const HELLO: &str = r#"{"Act":"hello","Data":"My name's John!"}"#;
const NICE: &str = r#"{"Act":"hello","Data":"Nice to meet you!"}"#;
const DOEXIT: &str = r#"{"Act":"doexit","Data":""}"#;
const JOIN: &str = r#"{"Act":"join","Data":"lobby"}"#;
const HEARTBEAT: &str = r#"{"Act":"heartbeat","Data":""}"#;
/// What the server's memory may grow by where nothing is to be kept, in KiB.
const GROWTH: u64 = 8 * 1024;

const FRAMINGS: [&str; 6] = ["gf1", "gf2", "gf3", "gf4", "gf7", "lines"];

/// One packet as gtcp's releases wrote it (the table of PROTOCOLS.md).
pub(crate) fn packet(framing: &str, data: &str) -> Vec<u8> {
    let length = u32::try_from(data.len()).unwrap();
    let head = match framing {
        "gf1" => length.to_be_bytes()[3..].to_vec(),
        "gf2" => length.to_be_bytes()[2..].to_vec(),
        "gf3" => length.to_be_bytes()[1..].to_vec(),
        "gf4" => length.to_be_bytes().to_vec(),
        "gf7" => {
            let sum: u32 = data.bytes().map(u32::from).sum();
            [&(length + 7).to_be_bytes()[1..], &sum.to_be_bytes()].concat()
        }
        _ => return format!("{data}\n").into_bytes(),
    };
    [&head, data.as_bytes()].concat()
}

/// The data of the next packet, whose header must be right.
#[track_caller]
pub(crate) fn next_packet(peer: &mut Peer, framing: &str) -> String {
    let number = |bytes: &[u8]| bytes.iter().fold(0, |number, byte| number << 8 | usize::from(*byte));
    let data = match framing {
        "gf1" => 1,
        "gf2" => 2,
        "gf3" => 3,
        "gf4" => 4,
        "gf7" => {
            let head = peer.read_raw(7);
            let data = peer.read_raw(number(&head[..3]) - 7);
            assert_eq!(number(&head[3..]), data.iter().map(|byte| usize::from(*byte)).sum::<usize>(), "checksum");
            return String::from_utf8(data).unwrap();
        }
        _ => return peer.line(),
    };
    let head = peer.read_raw(data);
    String::from_utf8(peer.read_raw(number(&head))).unwrap()
}

#[track_caller]
pub(crate) fn expect_packet(peer: &mut Peer, framing: &str, wanted: &str) {
    let got = next_packet(peer, framing);
    if got != wanted {
        peer.fail(&format!("({framing})\nwanted {wanted}\n   got {got}"));
    }
}

/// The next packet must be an error; returns it.
#[track_caller]
pub(crate) fn expect_error(peer: &mut Peer, framing: &str) -> Value {
    let got = next_packet(peer, framing);
    let error: Value = serde_json::from_str(&got).unwrap_or_else(|error| peer.fail(&format!("{error}: {got}")));
    if error["Act"] != "error" {
        peer.fail(&format!("wanted an error, got {got}"));
    }
    error
}

/// Two of them chat, so the room goes on.
#[track_caller]
pub(crate) fn chat(alice: &mut Peer, bob: &mut Peer) {
    for (from, to) in [(0, 1), (1, 0)] {
        let pair = [&mut *alice, &mut *bob];
        pair[from].send("still here");
        let wanted = format!("[{0}]{0}: still here", pair[from].name);
        for peer in [from, to] {
            pair[peer].skip_until(|line| line == wanted);
        }
    }
}

// The JSON door.

/// The bytes that PROTOCOLS.md has from gtcp itself.
#[test]
fn recorded_bytes_of_gtcp_are_answered_to_the_byte() {
    let house = House::with(&["--join-grace", "300ms"]);
    let mut now = Peer::connect(house.json);
    now.send_raw(&[b"\x00\x1d", HEARTBEAT.as_bytes()].concat());
    now.send_raw(&packet("gf2", HELLO));
    now.expect_raw(&packet("gf2", NICE)); // and to the heartbeat nothing
    let mut then = Peer::connect(house.json);
    then.send_raw(&[b"\x00\x00\x24\x00\x00\x08\xea", HEARTBEAT.as_bytes()].concat());
    then.send_raw(&[b"\x00\x00\x2f\x00\x00\x0c\x3f", HELLO.as_bytes()].concat());
    then.expect_raw(&[b"\x00\x00\x31\x00\x00\x0d\x39", NICE.as_bytes()].concat());
    then.expect_raw(&[b"\x00\x00\x21\x00\x00\x07\xc7", DOEXIT.as_bytes()].concat());
}

/// A client of gtcp in each framing: answered alike, asked to leave when it has not joined in time,
/// still served then, and gone when it closes. One that has joined is not asked.
#[test]
fn each_framing_is_answered_alike_and_asked_to_leave_when_it_never_joins() {
    let house = House::with(&["--join-grace", "500ms"]);
    let mut joined = Peer::connect(house.json);
    joined.ask(&json!({"Act": "join", "Data": "den"}));
    joined.json_fence();
    let mut speaker = Peer::connect(house.json);
    speaker.ask(&json!({"Act": "say", "Data": "hi"}));
    speaker.json_fence();
    for framing in FRAMINGS {
        let began = Instant::now();
        let mut peer = Peer::connect(house.json);
        peer.place = format!("{framing}: ");
        peer.send_raw(&packet(framing, HEARTBEAT));
        peer.send_raw(&packet(framing, HELLO));
        expect_packet(&mut peer, framing, NICE);
        expect_packet(&mut peer, framing, DOEXIT);
        // The server's moment is that of its turn, which may have begun a little before the accept.
        assert!(began.elapsed() >= Duration::from_millis(400), "{framing}: asked to leave early");
        peer.send_raw(&packet(framing, HEARTBEAT));
        peer.send_raw(&packet(framing, HELLO));
        expect_packet(&mut peer, framing, NICE);
        peer.half_close();
        peer.expect_end();
        house.wait_for_log(&format!("(json, {}) closed: peer closed", peer.name));
    }
    // These came before, so it would have been their turn before.
    for peer in [&mut joined, &mut speaker] {
        assert_eq!(peer.json_fence(), [Value::Null; 0]);
    }
}

#[test]
fn a_packet_may_come_byte_by_byte_in_any_framing() {
    let house = House::with(&["--join-grace", "0"]);
    for framing in FRAMINGS {
        let mut peer = Peer::connect(house.json);
        peer.place = format!("{framing}: ");
        for byte in packet(framing, HELLO) {
            peer.send_raw(&[byte]);
            house.wait_until_read(&peer);
        }
        expect_packet(&mut peer, framing, NICE);
    }
}

/// Their time went by while the process was stopped, and what they sent in it counts first.
#[test]
fn who_joined_while_the_process_was_stopped_is_not_asked_to_leave() {
    let house = House::with(&["--join-grace", "3s"]);
    let mut all: Vec<Peer> = (0..100).map(|_| Peer::connect(house.json)).collect();
    for peer in &mut all {
        assert_eq!(peer.json_fence(), [json!(null); 0]);
    }
    let mut silent = all.remove(50);
    house.signal("STOP");
    for peer in &mut all {
        peer.ask(&json!({"Act": "join", "Data": "den"}));
    }
    thread::sleep(Duration::from_millis(3500)); // how long it is stopped is what is tried
    house.signal("CONT");
    assert_eq!(silent.json()["Act"], "doexit");
    for peer in &mut all {
        let heard = peer.json_fence();
        assert!(heard.iter().all(|event| event["Act"] != "doexit"), "{heard:?}");
    }
}

/// `json+gf3://` and the like take and give that framing only.
#[test]
fn a_door_may_fix_the_framing() {
    for framing in FRAMINGS {
        let mut command = Command::new(env!("CARGO_BIN_EXE_parlor"));
        let door = format!("json+{framing}://127.0.0.1:0");
        command.args(DOORS.map(|word| if word.starts_with("json://") { &door } else { word }));
        command.args(["--rate", "0", "--join-grace", "0"]);
        let house = House::start(command);
        let mut peer = Peer::connect(house.json);
        peer.send_raw(&packet(framing, HELLO));
        expect_packet(&mut peer, framing, NICE);
        // The packet of another framing is no packet here.
        let mut other = Peer::connect(house.json);
        other.place = format!("at {framing}: ");
        let wrong: &[u8] = match framing {
            "lines" => b"\x00\x02{}\n",
            "gf1" => b"\x03???", // no JSON
            "gf2" => b"{\"Act\":\"hello\"}\n",
            "gf7" => b"\x00\x00\x06\x00\x00\x00\x00",
            _ => b"\xff\xff\xff\xff",
        };
        other.send_raw(wrong);
        other.send_raw(&[b' '; 40_000]);
        expect_error(&mut other, framing);
        other.half_close();
        other.read_to_end();
        peer.send_raw(&packet(framing, HELLO));
        expect_packet(&mut peer, framing, NICE);
    }
}

#[test]
fn two_hundred_packets_in_one_segment_are_answered_in_order() {
    let house = House::with(&["--join-grace", "0"]);
    for framing in FRAMINGS {
        let mut peer = Peer::connect(house.json);
        let all: Vec<u8> = (0..200).flat_map(|n| packet(framing, &format!(r#"{{"Act":"ping","Ref":{n}}}"#))).collect();
        peer.send_raw(&all);
        for n in 0..200 {
            expect_packet(&mut peer, framing, &format!(r#"{{"Act":"ping","Data":"pong","Ref":{n}}}"#));
        }
    }
    let mut peer = Peer::connect(house.frame);
    peer.send_raw(&(0..200).flat_map(|n| frame(1 + n % 2, format!("test {n}").as_bytes())).collect::<Vec<_>>());
    for n in 0..200 {
        peer.expect_frame(1 + n % 2, format!("test {n}").as_bytes());
    }
}

#[test]
fn a_packet_may_have_max_packet_bytes_and_not_one_more() {
    let house = House::with(&["--max-packet", "100", "--join-grace", "0"]);
    for framing in FRAMINGS {
        // Within the object: white space behind it belongs to no packet where packets are text.
        let padded = |length: usize| HELLO.replacen(',', &format!(",{}", " ".repeat(length - HELLO.len())), 1);
        for (first, length) in [(true, 100), (false, 99), (false, 100)] {
            let mut peer = Peer::connect(house.json);
            peer.place = format!("{framing}, {length} bytes: ");
            if !first {
                peer.send_raw(&packet(framing, HELLO));
                expect_packet(&mut peer, framing, NICE);
            }
            peer.send_raw(&packet(framing, &padded(length)));
            expect_packet(&mut peer, framing, NICE);
            peer.send_raw(&packet(framing, &padded(101)));
            assert_eq!(expect_error(&mut peer, framing)["Code"], "toolong", "{framing}");
            peer.expect_end();
        }
    }
    let log = house.stop();
    assert_eq!(log.matches("longer than --max-packet").count(), 18, "{log}");
}

#[test]
fn the_largest_packets_and_frames_go_through() {
    let house = House::new();
    let mut alice = Peer::enter_quiet(house.text);
    for framing in ["gf2", "gf3", "gf4", "gf7", "lines"] {
        let mut peer = Peer::connect(house.json);
        let fixed = r#"{"Act":"say","Data":""}"#.len();
        let said = "x".repeat(65_535 - fixed);
        peer.send_raw(&packet(framing, &format!(r#"{{"Act":"say","Data":"{said}"}}"#)));
        let heard = alice.line();
        assert!(heard.ends_with(&format!(": {said}")), "{framing}: {} bytes", heard.len());
        // What comes back has more keys, so it may have to be cut.
        let back: Value = serde_json::from_str(&next_packet(&mut peer, framing)).unwrap();
        let text = back["Data"].as_str().unwrap();
        let whole = framing == "lines";
        assert!(text == said && whole || text.ends_with("x…") && back["Cut"] == true && !whole, "{framing}");
        peer.half_close();
        peer.expect_end();
    }
    let mut dave = Peer::connect(house.frame);
    dave.send_frame(1, &[7; 65_536]);
    dave.expect_frame(1, &[7; 65_536]);
    alice.expect_nothing();
}

/// What a header of one byte cannot say is cut, with a mark; the stream is not torn.
#[test]
fn an_answer_that_its_framing_cannot_carry_is_cut() {
    let house = House::with(&["--join-grace", "0"]);
    let mut alice = Peer::enter_quiet(house.text);
    let _others: Vec<Peer> = (0..20).map(|_| Peer::enter(house.text)).collect();
    let mut peer = Peer::connect(house.json);
    peer.send_raw(&packet("gf1", r#"{"Act":"join","Data":"lobby","Ref":"j"}"#));
    let joined: Value = serde_json::from_str(&next_packet(&mut peer, "gf1")).unwrap();
    assert_eq!((&joined["Act"], &joined["Ref"]), (&Value::from("join"), &Value::from("j")), "{joined}");
    peer.send_raw(&packet("gf1", r#"{"Act":"who","Ref":"w"}"#));
    let who: Value = serde_json::from_str(&next_packet(&mut peer, "gf1")).unwrap();
    assert!(who["Cut"] == true && who["Ref"] == "w" && who["Data"].as_str().unwrap().ends_with('…'), "{who}");
    for said in ["é".repeat(300), "\"\\".repeat(200), "🏠".repeat(100), "x".repeat(4000)] {
        alice.send(&said);
        let heard = next_packet(&mut peer, "gf1");
        let line: Value = serde_json::from_str(&heard).unwrap();
        assert!(line["Cut"] == true && heard.len() <= 255, "{heard}");
        let kept = line["Data"].as_str().unwrap().strip_suffix('…').unwrap_or_default();
        assert!(said.starts_with(kept), "{heard}");
    }
    // The other keys go before the text, and the text before the mark.
    let refs = "r".repeat(210);
    peer.send_raw(&packet("gf1", &format!(r#"{{"Act":"topic","Ref":"{refs}"}}"#)));
    expect_packet(&mut peer, "gf1", &format!(r#"{{"Act":"topic","Data":"","Cut":true,"Ref":"{refs}"}}"#));
    let refs = "r".repeat(150);
    peer.send_raw(&packet("gf1", &format!(r#"{{"Act":"say","Ref":"{refs}","Data":"hello there"}}"#)));
    expect_packet(&mut peer, "gf1", &format!(r#"{{"Act":"chat","Data":"hello there","Cut":true,"Ref":"{refs}"}}"#));
    peer.send_raw(&packet("gf1", HELLO));
    expect_packet(&mut peer, "gf1", NICE);
}

/// A stream that cannot be followed any further: one error, and the end.
#[test]
fn a_broken_packet_ends_that_session_alone() {
    let house = House::with(&["--join-grace", "0"]);
    let mut alice = Peer::enter_quiet(house.text);
    let mut bob = Peer::enter(house.text);
    let wrong_sum = {
        let mut bytes = packet("gf7", HELLO);
        bytes[6] ^= 1;
        bytes
    };
    for (framing, first, broken) in [
        ("gf7", true, wrong_sum.as_slice()),
        ("gf7", false, &wrong_sum),
        ("gf7", false, b"\x00\x00\x06\x00\x00\x00\x00"),
        ("gf7", false, b"\xff\xff\xff\x00\x00\x00\x00"),
        ("gf4", false, b"\xff\xff\xff\xff"),
        ("gf4", false, b"\x00\x01\x00\x00"),
        ("gf3", false, b"\x01\x00\x00"),
        // Unknown yet, so it is told in today's framing.
        ("gf2", true, b"\x00\x00\x00\x00\x00\x00\x00\x00"),
        ("gf2", true, b"GET / HTTP/1.1\r\nHost: parlor\r\n\r\n"),
        ("gf2", true, b"\x16\x03\x01\x00\xc8\x01\x00\x00\xc4\x03\x03"),
        ("gf2", true, b"hello\r\n"),
        ("gf2", true, b"\x01\x00\x00\x00\x04\x00\x00\x00test"),
        ("gf2", true, b"\xff\xff\xff\xff\xff\xff\xff\xff"),
    ] {
        let mut peer = Peer::connect(house.json);
        peer.place = format!("{framing}, {}: ", broken.escape_ascii());
        if !first {
            peer.send_raw(&packet(framing, HELLO));
            expect_packet(&mut peer, framing, NICE);
        }
        peer.send_raw(broken);
        expect_error(&mut peer, framing);
        peer.expect_end();
        house.wait_for_log(&format!("(json, {}) closed: malformed input", peer.name));
        chat(&mut alice, &mut bob);
    }
}

/// A stray packet without an object is answered, and the session stays.
#[test]
fn an_empty_packet_is_an_error_and_no_end() {
    let house = House::with(&["--join-grace", "0"]);
    for framing in ["gf1", "gf2", "gf3", "gf4", "gf7"] {
        let mut peer = Peer::connect(house.json);
        peer.send_raw(&packet(framing, HELLO));
        expect_packet(&mut peer, framing, NICE);
        for wrong in ["", " ", "null", "0", "\0", "{", "hello"] {
            peer.send_raw(&packet(framing, wrong));
            assert_eq!(expect_error(&mut peer, framing)["Code"], "usage", "{framing} {wrong:?}");
        }
        peer.send_raw(&packet(framing, HELLO));
        expect_packet(&mut peer, framing, NICE);
    }
}

/// Ends of input within a packet or a frame are ends, nothing more.
#[test]
fn input_may_end_within_a_packet() {
    let house = House::with(&["--join-grace", "0", "--heartbeat", "0"]);
    let mut alice = Peer::enter_quiet(house.text);
    let mut bob = Peer::enter(house.text);
    for (door, bytes) in [
        (house.json, packet("gf2", r#"{"Act":"say","Data":"x"}"#)),
        (house.json, packet("gf7", r#"{"Act":"say","Data":"x"}"#)),
        (house.frame, frame(100, b"x")),
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
    let mut line = Peer::connect(house.json); // but a last line without an ending counts
    line.send_raw(b"{\"Act\":\"ping\"");
    line.half_close();
    expect_error(&mut line, "lines");
    line.expect_end();
}

/// A mark belongs to its own request: a heartbeat that bore one gave it to the next answer.
#[test]
fn a_mark_that_is_not_answered_goes_to_nobody_else() {
    let house = House::with(&["--join-grace", "0"]);
    let mut carol = Peer::connect(house.json);
    carol.send(r#"{"Act":"heartbeat","Ref":"beat"}"#);
    carol.send(r#"{"Act":"ping"}"#);
    carol.expect(r#"{"Act":"ping","Data":"pong"}"#);
}

/// Being told to slow down is nobody's answer: it took the mark of the request that was held back.
#[test]
fn marks_stay_with_their_answers_when_lines_are_held_back() {
    let house = House::with(&["--rate", "20", "--burst", "5", "--join-grace", "0"]);
    let mut carol = Peer::connect(house.json);
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

// The frame door.

/// tnet's client takes any frame for its answer: ten `test` and two empty ones, one at a time, while
/// people chat, each answered by itself and by nothing else.
#[test]
fn a_client_of_tnet_hears_its_answers_and_nothing_else() {
    let house = House::with(&["--heartbeat", "0"]);
    let mut alice = Peer::enter(house.text);
    let mut bob = Peer::enter(house.text);
    let mut tnet = Peer::connect(house.frame);
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
fn a_client_of_tnet_that_hurries_hears_its_answers_and_nothing_else() {
    let limits = ["--rate", "5", "--burst", "40", "--request-rate", "40"];
    let house = House::with(&[&["--heartbeat", "0", "--join-grace", "0"], &limits[..]].concat());
    let mut tnet = Peer::connect(house.frame);
    let began = Instant::now();
    tnet.send_raw(&b"\x01\0\0\0\x04\0\0\0test".repeat(45));
    for _ in 0..45 {
        assert_eq!(tnet.any_frame(), (1, b"test".to_vec()));
    }
    assert!(began.elapsed() >= Duration::from_millis(120), "40 and 5 more at 40 a second in {:?}", began.elapsed());
    // What asks the chat without coming into it is told its answers alone as well.
    let pong = (112, br#"{"Act":"ping","Data":"pong"}"#.to_vec());
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
fn heartbeats_come_from_the_accept_on_and_none_is_answered() {
    let house = House::with(&["--heartbeat", "200ms"]);
    let began = Instant::now();
    let mut dave = Peer::connect(house.frame);
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
    let mut alice = Peer::enter(house.text);
    alice.expect_nothing();
}

#[test]
fn unknown_routes_are_told_and_a_flood_of_them_hurts_nobody() {
    const TIMES: u32 = 10_000;
    let house = House::with(&["--heartbeat", "0"]);
    let mut alice = Peer::enter(house.text);
    let mut bob = Peer::enter(house.text);
    let mut dave = Peer::connect(house.frame);
    dave.send_frame(3, b"test");
    dave.expect_frame(10_000, b"router id: 3 error");
    let before = house.status("VmRSS");
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
    let after = house.status("VmHWM");
    assert!(after < before + GROWTH, "memory grew from {before} to up to {after} KiB");
    dave.send_frame(1, b"test");
    dave.expect_frame(1, b"test");
}

#[test]
fn a_frame_may_have_max_frame_bytes_and_not_one_more() {
    let house = House::with(&["--max-frame", "100", "--heartbeat", "0"]);
    let before = house.status("VmRSS");
    for (length, header) in [(101, 101), (102, 102), (0x7fff_ffff, 0), (0xffff_ffff_u32, 0)] {
        let mut dave = Peer::connect(house.frame);
        for fits in [99, 100] {
            dave.send_frame(1, &vec![b'x'; fits]);
            dave.expect_frame(1, &vec![b'x'; fits]);
        }
        dave.send_raw(&[&1u32.to_le_bytes()[..], &length.to_le_bytes()].concat());
        dave.send_raw(&vec![b'x'; header]);
        dave.expect_frame(10_000, format!("frame too large: {length} bytes (max 100)").as_bytes());
        dave.expect_end();
    }
    let after = house.status("VmHWM");
    assert!(after < before + GROWTH, "memory grew from {before} to up to {after} KiB");
    let log = house.stop();
    assert_eq!(log.matches("closed: malformed input: a frame longer than --max-frame").count(), 4, "{log}");
}

#[test]
fn wrong_bytes_at_the_frame_door_end_that_session_alone() {
    let house = House::new();
    let mut alice = Peer::enter_quiet(house.text);
    let mut bob = Peer::enter(house.text);
    for wrong in [
        b"GET / HTTP/1.1\r\nHost: parlor\r\n\r\n".as_slice(),
        b"hello, is anybody here?\r\n",
        b"{\"Act\":\"hello\",\"Data\":\"\"}\n",
        &packet("gf7", HELLO),
        &[0xff; 64],
    ] {
        let mut peer = Peer::connect(house.frame);
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

/// The two waits of ten seconds that no flag shortens, at the same time: a frame that was begun must
/// be finished, and a program that was asked to leave must.
#[test]
fn ten_seconds_for_a_frame_and_to_leave() {
    let house = House::with(&["--heartbeat", "0", "--join-grace", "1ms"]);
    let ten = Duration::from_millis(9900); // a turn of the server may have begun a little before
    let began = Instant::now();
    let mut dave = Peer::connect(house.frame);
    let mut patient = Peer::connect(house.frame); // has begun nothing
    dave.send_frame(1, b"whole");
    dave.expect_frame(1, b"whole");
    dave.send_raw(&frame(1, b"half")[..9]);
    // It does not help to send a byte now and then: this frame would be whole after 40 s.
    let mut erin = Peer::connect(house.frame);
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
    let mut frank = Peer::connect(house.frame);
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
    let mut gina = Peer::connect(house.frame);
    gina.send_raw(&frame(1, b"x").repeat(3000));
    (0..3000).for_each(|_| gina.expect_frame(1, b"x"));
    let half = gina.again();
    let third = thread::spawn(move || {
        thread::sleep(Duration::from_secs(9)); // when her last frame begins
        (&half.stream).write_all(&frame(1, b"late")[..9]).is_ok()
    });
    // Half a packet is as half a frame; half a line of JSON may be somebody who types. (Nobody is asked to
    // leave here, which would end them too.)
    let calm = House::with(&["--join-grace", "0"]);
    let mut hugo = Peer::connect(calm.json);
    hugo.send_raw(&[packet("gf2", JOIN), packet("gf2", HELLO)[..9].to_vec()].concat());
    let mut typist = Peer::connect(calm.json);
    typist.send(JOIN);
    typist.json_fence();
    typist.send_raw(&HELLO.as_bytes()[..9]);
    let mut gtcp = Peer::connect(house.json);
    gtcp.send_raw(&packet("gf2", HELLO));
    let answers = [next_packet(&mut gtcp, "gf2"), next_packet(&mut gtcp, "gf2")];
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
        let packet = next_packet(&mut hugo, "gf2");
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
    house.wait_for_log("neither joined a room nor said anything, and did not leave when asked to");
    house.wait_for_log("closed: malformed input: a frame that was not finished within 10 s");
}

// All doors.

/// The talker and the number that a line of chat says, at whichever door.
fn heard(peer: &mut Peer, wire: Wire) -> Option<(usize, usize)> {
    let numbers = |text: &str| {
        let (talker, number) = text.split_once(' ')?;
        Some((talker.parse().ok()?, number.parse().ok()?))
    };
    let of_object = |object: &Value| numbers(object["Data"].as_str().filter(|_| object["Act"] == "chat")?);
    match wire {
        Wire::Text | Wire::Relay => numbers(peer.line().rsplit_once(':')?.1.trim()),
        Wire::Json(_) => of_object(&peer.json()),
        Wire::Frame => of_object(&serde_json::from_slice(&peer.next_frame().1).unwrap_or(Value::Null)),
    }
}

#[test]
fn all_doors_see_one_order() {
    const LINES: usize = 150;
    let house = House::new();
    let mut witness = Peer::enter_quiet(house.text);
    let mut come = |wire: Wire| match wire {
        Wire::Text => Peer::enter(house.text),
        Wire::Relay => Peer::enter_relay(house.relay, &mut witness).0,
        Wire::Json(_) => {
            let mut peer = Peer::connect(house.json);
            peer.ask(&json!({"Act": "join", "Data": "lobby"}));
            peer.json_fence();
            peer
        }
        Wire::Frame => {
            let mut peer = Peer::connect(house.frame);
            peer.send_frame(106, b"lobby");
            peer.frame_fence();
            peer
        }
    };
    let doors = [Wire::Text, Wire::Relay, Wire::Json(None), Wire::Frame].repeat(2);
    let mut talkers: Vec<_> = doors.iter().map(|wire| (*wire, come(*wire))).collect();
    let mut readers: Vec<_> = doors.iter().map(|wire| (*wire, come(*wire))).collect();
    let start = Barrier::new(doors.len());
    let all = doors.len() * LINES;
    let listen = |peer: &mut Peer, wire, lines| {
        let mut order = Vec::with_capacity(lines);
        while order.len() < lines {
            order.extend(heard(peer, wire));
        }
        order
    };
    let (told, read) = thread::scope(|scope| {
        let reading: Vec<_> = readers.iter_mut().map(|(wire, peer)| scope.spawn(|| listen(peer, *wire, all))).collect();
        let mut telling = Vec::new();
        for (talker, (wire, peer)) in talkers.iter_mut().enumerate() {
            let (wire, mut mouth, start) = (*wire, peer.again(), &start);
            scope.spawn(move || {
                start.wait();
                for number in 0..LINES {
                    let words = format!("{talker} {number}");
                    match wire {
                        Wire::Text | Wire::Relay => mouth.send(&words),
                        Wire::Json(_) => mouth.ask(&json!({"Act": "say", "Data": words})),
                        Wire::Frame => mouth.send_frame(100, words.as_bytes()),
                    }
                }
            });
            let own = if wire == Wire::Relay { LINES } else { 0 };
            telling.push(scope.spawn(move || listen(peer, wire, all - own)));
        }
        let join = |all: Vec<thread::ScopedJoinHandle<'_, Vec<(usize, usize)>>>| -> Vec<_> {
            all.into_iter().map(|one| one.join().unwrap()).collect()
        };
        (join(telling), join(reading))
    });
    let order = &read[0];
    for talker in 0..doors.len() {
        let numbers: Vec<_> = order.iter().filter(|line| line.0 == talker).map(|line| line.1).collect();
        assert_eq!(numbers, (0..LINES).collect::<Vec<_>>(), "lines of talker {talker}");
    }
    for (reader, lines) in read.iter().enumerate() {
        assert!(lines == order, "reader {reader} by {} has another order", doors[reader]);
    }
    for (talker, lines) in told.iter().enumerate() {
        let own = |line: &(usize, usize)| doors[talker] == Wire::Relay && line.0 == talker;
        let others: Vec<_> = order.iter().copied().filter(|line| !own(line)).collect();
        assert!(*lines == others, "talker {talker} by {} has another order", doors[talker]);
    }
}

/// Each is told in its own format, what was said before is delivered, and the end is clean.
#[test]
fn a_stop_is_told_to_programs_in_their_own_format() {
    let mut house = House::with(&["--join-grace", "0", "--heartbeat", "0"]);
    let mut alice = Peer::enter(house.text);
    let mut json: Vec<_> = FRAMINGS.map(|framing| (framing, Peer::connect(house.json))).into();
    for (framing, peer) in &mut json {
        peer.send_raw(&packet(framing, HELLO));
        expect_packet(peer, framing, NICE);
    }
    let mut dave = Peer::connect(house.frame);
    dave.send_frame(100, b"last words");
    alice.skip_until(|line| line.ends_with(": last words"));
    house.signal("TERM");
    for (framing, peer) in &mut json {
        expect_packet(peer, framing, DOEXIT);
        peer.expect_end();
    }
    let (route, said) = dave.next_frame();
    assert!(route == 200 && said.windows(10).any(|words| words == b"last words"), "{route}");
    dave.expect_frame(209, DOEXIT.as_bytes());
    dave.expect_end();
    alice.expect("*** The server is stopping. Goodbye");
    alice.expect_end();
    drop((alice, dave, json));
    assert_eq!(house.wait().code(), Some(0), "{}", house.log());
}
