//! Every limit: what it lets through, what it refuses and in which words, and that it lets go.

use std::io::Write;
use std::net::{Ipv4Addr, SocketAddr};
use std::process::Command;
use std::thread;
use std::time::Instant;

use crate::support::{DOORS, House, Peer, wait_for};

/// What the server's memory may grow by while it throws input away, in KiB.
const GROWTH: u64 = 8 * 1024;

/// Comes in as soon as there is a place.
fn enter_when_free(house: &House) -> Peer {
    let enter = || {
        let mut peer = Peer::connect(house.text);
        (!peer.line().starts_with("!!!")).then_some(peer)
    };
    wait_for(enter, || "a free place".to_owned())
}

#[test]
fn a_full_house_says_so_and_has_room_when_somebody_has_left() {
    let house = House::with(&["--max-clients", "3"]);
    let mut alice = Peer::enter(house.text);
    let bob = Peer::enter(house.text);
    let ann = Peer::connect(house.relay);
    alice.skip_until(|line| line.starts_with(&format!("[{}]", ann.name)));

    for _ in 0..3 {
        let mut carol = Peer::connect(house.text);
        carol.expect("!!! Parlor is full (3 here), try again later");
        carol.expect_end();
        let mut gopher = Peer::connect(house.relay);
        gopher.expect("!!! Parlor is full (3 here), try again later\r");
        gopher.expect_end();
    }
    alice.expect_nothing(); // nobody hears of those who did not come in

    bob.leave();
    let mut carol = enter_when_free(&house);
    carol.fence();
    carol.send("made it");
    carol.expect("[{me}]{me}: made it");
    drop(ann);
    enter_when_free(&house);
    assert!(house.stop().contains("turned a caller away (1 so far): Parlor is full (3 here)"));
}

/// Who is refused and has sent something already still reads why.
#[test]
fn a_refused_caller_who_has_spoken_reads_why() {
    let house = House::with(&["--max-clients", "1"]);
    let _alice = Peer::enter(house.text);
    for _ in 0..50 {
        let mut bob = Peer::connect(house.text);
        bob.expect("!!! Parlor is full (1 here), try again later");
        bob.send("hello?");
        drop(bob);
    }
}

#[test]
fn one_address_gets_no_more_than_its_share() {
    let house = House::with(&["--max-per-address", "2"]);
    let alice = Peer::enter(house.text);
    let mut bob = Peer::enter(house.text);
    for (door, end) in [(house.text, ""), (house.relay, "\r")] {
        let mut carol = Peer::connect(door);
        carol.expect(&format!("!!! Too many connections from 127.0.0.1 (2){end}"));
        carol.expect_end();
    }
    let elsewhere = SocketAddr::from((Ipv4Addr::new(127, 0, 0, 2), 0));
    let mut dave = Peer::connect_from(elsewhere, house.text);
    dave.expect("[{me}]{me}: I am here");
    bob.expect(&format!("[{0}]{0}: login", dave.name));
    alice.leave();
    enter_when_free(&house);
}

#[test]
fn few_descriptors_are_known_at_the_start() {
    let mut command = Command::new("sh");
    command.args(["-c", "ulimit -n 40; exec \"$0\" \"$@\"", env!("CARGO_BIN_EXE_parlor")]);
    command.args(DOORS);
    let house = House::start(command);
    house.wait_for_log("limited by open files (ulimit -n); --max-clients 4096 is more than that");
    let mut peers: Vec<Peer> = (0..8).map(|_| Peer::enter(house.text)).collect();
    let mut late = Peer::connect(house.text);
    late.expect("!!! Parlor is full (8 here), try again later");
    late.expect_end();
    peers.pop().unwrap().leave();
    enter_when_free(&house);
}

#[test]
fn a_line_may_have_max_line_bytes_and_not_one_more() {
    let house = House::with(&["--max-line", "100"]);
    let mut alice = Peer::enter(house.text);
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
fn ten_megabytes_without_a_line_end_take_no_memory() {
    let house = House::new();
    let mut alice = Peer::enter(house.text);
    let before = house.status("VmRSS");
    let block = vec![b'x'; 1024 * 1024];
    for _ in 0..10 {
        alice.stream.write_all(&block).unwrap();
    }
    house.wait_until_read(&alice);
    let after = house.status("VmHWM");
    assert!(after < before + GROWTH, "memory grew from {before} to up to {after} KiB");
    alice.send("");
    alice.expect("!!! Line too long: 10485760 bytes, the limit is 4096. Nothing was sent.");
    alice.send("short");
    alice.expect("[{me}]{me}: short");
}

#[test]
fn a_relay_flood_without_a_line_end_ends_that_session() {
    let house = House::new();
    let mut alice = Peer::enter(house.text);
    let gopher = Peer::connect(house.relay);
    alice.skip_until(|line| line.ends_with(": login"));
    let before = house.status("VmRSS");
    let block = vec![b'x'; 1024 * 1024];
    while (&gopher.stream).write_all(&block).is_ok() {}
    let left = alice.line();
    assert!(left.starts_with(&format!("[{}]", gopher.name)) && left.ends_with(": login out"), "{left}");
    alice.expect_nothing();
    let after = house.status("VmHWM");
    assert!(after < before + GROWTH, "memory grew from {before} to up to {after} KiB");
    house.wait_for_log("closed: malformed input: a line longer than 65535 bytes");
}

#[test]
fn a_paste_of_forty_lines_goes_through_at_once() {
    let house = House::with(&["--rate", "5", "--burst", "40"]);
    let mut alice = Peer::enter(house.text);
    let mut bob = Peer::greeted(house.text);
    alice.expect(&format!("[{0}]{0}: login", bob.name));
    let paste: String = (0..40).map(|n| format!("line {n}\n")).collect();
    bob.send_raw(paste.as_bytes());
    for n in 0..40 {
        alice.expect(&format!("[{0}]{0}: line {n}", bob.name));
        bob.expect(&format!("[{{me}}]{{me}}: line {n}"));
    }
    bob.half_close();
    bob.expect_end(); // without a word about slowness
}

#[test]
fn who_says_more_is_told_once_to_slow_down_and_loses_nothing() {
    let house = House::with(&["--rate", "20", "--burst", "40"]);
    let mut alice = Peer::enter(house.text);
    let mut bob = Peer::greeted(house.text);
    alice.expect(&format!("[{0}]{0}: login", bob.name));
    let paste: String = (0..60).map(|n| format!("line {n}\n")).collect();
    bob.send_raw(paste.as_bytes());
    let mut told = Vec::new();
    for n in 0..60 {
        alice.expect(&format!("[{0}]{0}: line {n}", bob.name));
        let mut line = bob.line();
        if line.starts_with("*** ") {
            assert!(n >= 40, "told after {n} lines");
            told.push(line);
            line = bob.line();
        }
        assert_eq!(line, format!("[{0}]{0}: line {n}", bob.name));
    }
    // More at once, while the allowance has not filled again, is no news to him.
    bob.send_raw(b"a\nb\nc\n");
    for word in ["a", "b", "c"] {
        bob.expect(&format!("[{{me}}]{{me}}: {word}"));
    }
    bob.half_close();
    bob.expect_end();
    let [told] = told.as_slice() else { panic!("told {} times", told.len()) };
    let waiting = told.strip_prefix("*** Slow down: your lines are now sent at 20 a second, ").unwrap();
    let waiting: usize = waiting.strip_suffix(" wait").unwrap().parse().unwrap();
    assert!((1..=20).contains(&waiting), "{told}");
}

/// GoChat's own client, when its input ends, says its last word again and again without end.
#[test]
fn a_relay_client_that_floods_is_slowed_and_hurts_nobody() {
    let house = House::with(&["--rate", "5", "--burst", "40"]);
    let mut alice = Peer::enter(house.text);
    let mut bob = Peer::enter(house.text);
    alice.expect(&format!("[{0}]{0}: login", bob.name));
    let gopher = Peer::connect(house.relay);
    let login = alice.line();
    let id = login.strip_prefix(&format!("[{}]", gopher.name)).and_then(|line| line.strip_suffix(": login")).unwrap();
    let bye = format!("[{}]{id}: bye", gopher.name);
    let before = house.status("VmRSS");
    let began = Instant::now();
    let mut heard = 0;
    thread::scope(|scope| {
        scope.spawn(|| while (&gopher.stream).write_all(&b"bye\n".repeat(1000)).is_ok() {});
        for round in 0..15 {
            for (from, to) in [(0, 1), (1, 0)] {
                let pair = [&mut alice, &mut bob];
                pair[from].send(&format!("round {round}"));
                let wanted = format!("[{0}]{0}: round {round}", pair[from].name);
                for peer in [from, to] {
                    pair[peer].skip_until(|line| {
                        assert!(line == bye || line == wanted || line.ends_with(": login"), "{line}");
                        heard += usize::from(line == bye && peer == 0);
                        let allowed = 40 + 5 * (began.elapsed().as_secs() as usize + 1);
                        assert!(heard <= allowed, "{heard} lines of the flood, at most {allowed} were to come");
                        line == wanted
                    });
                }
            }
        }
        let after = house.status("VmHWM");
        assert!(after < before + GROWTH, "memory grew from {before} to up to {after} KiB");
        gopher.stream.shutdown(std::net::Shutdown::Both).unwrap();
    });
    // It has gone; the server notices as soon as somebody says something.
    drop(gopher);
    loop {
        let line = alice.line();
        if line.ends_with(&format!("]{id}: login out")) {
            break;
        }
        if line == bye {
            alice.send("bye then");
        }
    }
}
