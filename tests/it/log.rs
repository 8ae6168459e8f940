//! The log, as an operator reads it while strangers do their worst: of a flood the beginning and a
//! count, and nothing of what people say.

use std::io::Write;
use std::time::Instant;

use serde_json::json;

use crate::support::{House, Peer, wait_for};

/// Lines of one cause in a second, as the log allows them.
const LINES: usize = 20;

/// How many lines of the log have `words`, and how many more it says there were.
fn told(log: &str, words: &str) -> (usize, usize) {
    let (mut lines, mut more) = (0, 0);
    for line in log.lines().filter(|line| line.contains(words)) {
        match line.split_once(" more like it: ").and_then(|(head, _)| head.rsplit_once("and ")) {
            Some((_, count)) => more += count.parse::<usize>().unwrap(),
            None => lines += 1,
        }
    }
    (lines, more)
}

/// Waits until the log has told of `count` events, and sees that it did so in few lines.
fn expect_few_lines(house: &House, words: &str, count: usize, began: Instant) {
    let all = || {
        let (lines, more) = told(&house.log(), words);
        (lines + more == count).then_some(lines)
    };
    let lines = wait_for(all, || format!("{count} times {words:?} in the log:\n{}", house.log()));
    let seconds = began.elapsed().as_secs() as usize + 2;
    assert!(lines <= LINES * seconds, "{lines} lines in {seconds} s:\n{}", house.log());
}

#[test]
fn a_flood_of_broken_frames_is_a_few_lines_and_a_count() {
    let house = House::new();
    let began = Instant::now();
    for _ in 0..300 {
        let mut peer = Peer::connect(house.frame);
        peer.send_raw(&[255; 8]);
    }
    expect_few_lines(&house, "closed: malformed input: a frame longer than --max-frame", 300, began);
    // Another cause is not silenced by it, and a stop tells of everybody.
    Peer::enter(house.text).leave();
    house.wait_for_log("closed: peer closed");
    let peers: Vec<Peer> = (0..50).map(|_| Peer::enter(house.text)).collect();
    let log = house.stop();
    assert_eq!(told(&log, ") closed: server stopping"), (50, 0), "{log}");
    assert_eq!(told(&log, "handler done."), (50, 0), "{log}");
    drop(peers);
}

#[test]
fn a_flood_of_refused_callers_is_a_few_lines_and_a_count() {
    let house = House::with(&["--max-clients", "1"]);
    let _alice = Peer::enter(house.text);
    let began = Instant::now();
    for _ in 0..300 {
        Peer::connect(house.text).expect("!!! Parlor is full (1 here), try again later");
    }
    expect_few_lines(&house, "turned a caller away", 300, began);
}

/// The first lines have long been written when the flood goes on, and nothing else happens.
#[test]
fn a_count_is_told_though_nothing_follows_it() {
    let house = House::with(&["--max-clients", "1", "--idle", "0"]);
    let _alice = Peer::enter(house.text);
    let refused = |callers| {
        for _ in 0..callers {
            Peer::connect(house.text).expect("!!! Parlor is full (1 here), try again later");
        }
    };
    let began = Instant::now();
    refused(LINES);
    expect_few_lines(&house, "turned a caller away", LINES, began);
    refused(10);
    expect_few_lines(&house, "turned a caller away", LINES + 10, began);
}

/// A count that is owed when the end comes is told too.
#[test]
fn a_stop_does_not_swallow_the_count() {
    let house = House::new();
    // All of it in less than a second, after which it would be told anyway.
    for _ in 0..LINES + 10 {
        Peer::connect(house.text).leave();
    }
    let mut last = Peer::enter(house.text);
    last.wait_for_company(1);
    last.leave();
    let log = house.stop();
    let (lines, more) = told(&log, ") closed: peer closed");
    assert_eq!(lines + more, LINES + 11, "{log}");
}

#[test]
fn nothing_that_people_say_is_in_the_log() {
    let house = House::with(&["--log-level", "debug", "--max-line", "200"]);
    let mut alice = Peer::enter(house.text);
    for line in [
        "s3cret",
        "/me s3cret",
        "/topic s3cret",
        "/away s3cret",
        "/msg nobody s3cret",
        "/nick s3cret!",
        "/join s3cret!",
        "/s3cret s3cret",
        "/s3cret\u{1b}[2J",
        &"s3cret".repeat(100),
    ] {
        alice.send(line);
    }
    alice.send_raw(b"s3cret \xff\xfe \x1b[2J\r\n");
    alice.fence();
    alice.send("/quit s3cret");
    alice.read_to_end();
    let mut gopher = Peer::connect(house.relay);
    let _ = gopher.stream.write_all(&b"s3cret".repeat(20_000)); // a line too long
    let mut carol = Peer::connect(house.json);
    carol.ask(&json!({"Act": "say", "Data": "s3cret"}));
    carol.ask(&json!({"Act": "s3cret", "Data": "s3cret", "Ref": "s3cret"}));
    carol.send("{\"s3cret\"");
    carol.json_fence();
    carol.send_raw(&b"s3cret".repeat(20_000));
    let mut dave = Peer::connect(house.frame);
    dave.send_frame(100, b"s3cret");
    dave.send_frame(77, b"s3cret");
    dave.frame_fence();
    dave.send_raw(b"s3crets3cret");
    Peer::connect(house.text).send("GET /s3cret HTTP/1.1");
    for peer in [gopher, carol, dave] {
        drop(peer);
    }
    house.wait_for_log("closed: spoke HTTP on this door");
    let log = house.stop();
    assert!(log.contains("closed: quit") && log.contains("DEBUG"), "{log}");
    assert!(!log.contains("s3cret"), "{log}");
}
