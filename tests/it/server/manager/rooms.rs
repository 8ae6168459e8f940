//! Rooms, history and preferences over sockets, under load: the recipients of each line, that none is lost or
//! doubled, and that the joins and leaves of crowds are summed.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::io::Write;
use std::thread;
use std::time::{Duration, Instant};

use crate::support::{GROWTH, Movements, Peer, TestServer, wait_for};
use serde_json::{Value, json};

/// Says `lines` lines `WORDS N` as fast as they are taken.
fn babble(peer: &Peer, words: &str, lines: usize) {
    let script: String = (0..lines).map(|number| format!("{words} {number}\n")).collect();
    (&peer.stream).write_all(script.as_bytes()).unwrap();
}

/// The next `count` lines of speech. Joins and leaves are left out.
fn lines(peer: &mut Peer, count: usize) -> Vec<String> {
    (0..count).map(|_| peer.skip_until(|line| line.starts_with('['))).collect()
}

#[test]
fn two_busy_rooms_stay_apart() {
    const LINES: usize = 500;
    let server = TestServer::new();
    let enter = |room: &str| {
        let mut peer = Peer::enter_quiet(server.text);
        peer.send(&format!("/join {room}"));
        peer.skip_until(|line| line.starts_with(&format!("*** You are in #{room}")));
        peer
    };
    let mut rooms = ["tea", "coffee"].map(|room| (room, enter(room), enter(room)));
    thread::scope(|scope| {
        for (room, talker, listener) in &mut rooms {
            let mouth = talker.again();
            let room = *room;
            scope.spawn(move || babble(&mouth, room, LINES));
            for peer in [talker, listener] {
                scope.spawn(move || {
                    for number in 0..LINES {
                        let line = peer.line();
                        assert!(line.ends_with(&format!(": {room} {number}")), "in #{room}: {line}");
                    }
                    peer.expect_nothing();
                });
            }
        }
    });
}

/// A program loses its connection in the middle of a talk, and asks for what came `After` the last
/// line that it saw: it has every line, and none of them differently.
#[test]
fn returning_reader_has_every_line_once() {
    const LINES: u64 = 2000;
    const KEPT: &str = "5000";
    let server = TestServer::with(&["--history", KEPT, "--join-grace", "0"]);
    let mut alice = Peer::enter_quiet(server.text);
    let mut seen: BTreeMap<u64, String> = BTreeMap::new();
    let mut keep = |line: &Value| {
        let (seq, text) = (line["Seq"].as_u64().unwrap(), line["Data"].as_str().unwrap().to_owned());
        let before = seen.insert(seq, text.clone());
        assert!(before.is_none_or(|before| before == text), "line {seq} was another one: {line}");
        seq
    };
    thread::scope(|scope| {
        let mouth = alice.again();
        scope.spawn(move || babble(&mouth, "line", LINES as usize));
        scope.spawn(|| lines(&mut alice, LINES as usize));
        let mut last = 0;
        while last < LINES {
            let mut carol = Peer::connect(server.json);
            carol.ask(&json!({"Act": "join", "Room": "lobby"}));
            carol.ask(&json!({"Act": "history", "Room": "lobby", "After": last, "Ref": "missed"}));
            let mut missed = last;
            loop {
                let line = carol.json();
                match (line["Act"].as_str(), line["Ref"] == "missed") {
                    (Some("history"), true) => {
                        assert_eq!((&line["Lost"], line["Seq"].as_u64()), (&json!(0), Some(missed)), "{line}");
                        break;
                    }
                    (Some("chat"), true) => {
                        missed += 1;
                        assert_eq!(keep(&line), missed, "{line}");
                    }
                    (Some("chat"), false) => _ = keep(&line),
                    _ => {}
                }
            }
            last = missed;
            // Live lines go on where the answer ended.
            for _ in 0..50 {
                if last == LINES {
                    break;
                }
                let line = carol.json();
                if line["Act"] != "chat" {
                    continue; // she has left, says the room of the one before
                }
                let seq = keep(&line);
                assert!(line["Past"].is_null() && seq <= last + 1, "{line} after {last}");
                last = last.max(seq);
            }
            carol.reset();
        }
    });
    let wanted: BTreeMap<u64, String> = (0..LINES).map(|number| (number + 1, format!("line {number}"))).collect();
    assert_eq!(seen, wanted);
}

/// A program in three rooms hears each of them without a gap and in order, and its own answers between them.
#[test]
fn session_in_three_rooms_keeps_order() {
    const LINES: u64 = 500;
    const ROOMS: [&str; 3] = ["tea", "coffee", "lobby"];
    let server = TestServer::with(&["--join-grace", "0"]);
    let mut carol = Peer::connect(server.json);
    for room in ROOMS {
        carol.ask(&json!({"Act": "join", "Data": room, "Also": true, "Ref": "in"}));
        while carol.json()["Ref"] != "in" {}
    }
    let talkers = ROOMS.map(|room| {
        let mut talker = Peer::enter_quiet(server.text);
        talker.send(&format!("/join {room}"));
        talker.skip_until(|line| line.starts_with(&format!("*** You are in #{room}")));
        talker
    });
    thread::scope(|scope| {
        for (talker, room) in talkers.iter().zip(ROOMS) {
            let mouth = talker.again();
            scope.spawn(move || babble(&mouth, room, LINES as usize));
        }
        for mut talker in talkers {
            scope.spawn(move || drop(lines(&mut talker, LINES as usize)));
        }
        let mut heard = BTreeMap::from(ROOMS.map(|room| (room.to_owned(), 0)));
        let (mut asked, mut answered) = (0, 0);
        while heard.values().any(|seq| *seq < LINES) {
            let event = carol.json();
            match event["Act"].as_str() {
                Some("chat") => {
                    let room = event["Room"].as_str().unwrap();
                    let seq = heard.get_mut(room).unwrap();
                    *seq += 1;
                    assert_eq!(event["Seq"], *seq, "{event}");
                    assert_eq!(event["Data"], format!("{room} {}", *seq - 1), "{event}");
                    if *seq % 100 == 0 {
                        carol.ask(&json!({"Act": "ping", "Ref": asked}));
                        asked += 1;
                    }
                }
                Some("ping") => {
                    assert_eq!(event["Ref"], answered, "{event}");
                    answered += 1;
                }
                _ => {}
            }
        }
    });
}

/// A session with a filter gets its ranges of the same bytes, in the order in which the others get all.
#[test]
fn filters_keep_order_of_the_rest() {
    const LINES: usize = 1000;
    let server = TestServer::new();
    let mut bob = Peer::enter_quiet(server.text); // hears all of it
    let mut alice = Peer::enter_quiet(server.text); // but for mallory
    let mut carol = Peer::enter(server.text); // but for joins and leaves; in CRLF
    let mut mallory = Peer::enter_quiet(server.text); // but for her own
    let mut eve = Peer::enter_quiet(server.text);
    alice.send(&format!("/ignore {}", mallory.name));
    alice.skip_until(|line| line == format!("*** You no longer see {}", mallory.name));
    mallory.send("/echo off");
    mallory.skip_until(|line| line.starts_with("*** Your own lines no longer"));
    carol.send_raw(b"/quiet on\r\n");
    carol.skip_until(|line| line.starts_with("*** Joins and leaves"));
    let is_hers = {
        let hers = format!("[{}]", mallory.name);
        move |line: &str| line.starts_with(&hers)
    };
    let [all, without, in_crlf, others] = thread::scope(|scope| {
        for (mouth, words) in [(mallory.again(), "mallory"), (eve.again(), "eve")] {
            scope.spawn(move || babble(&mouth, words, LINES));
        }
        scope.spawn(|| (0..40).for_each(|_| Peer::enter(server.text).leave()));
        scope.spawn(|| (0..2 * LINES).for_each(|_| _ = eve.line()));
        let hearing = [(&mut bob, 2 * LINES), (&mut alice, LINES), (&mut carol, 2 * LINES), (&mut mallory, LINES)].map(
            |(peer, count)| {
                scope.spawn(move || {
                    let lines: Vec<String> = (0..count).map(|_| peer.line()).collect();
                    peer.expect_nothing();
                    lines
                })
            },
        );
        hearing.map(|one| one.join().unwrap())
    });
    for words in ["mallory", "eve"] {
        let said: Vec<_> = all.iter().filter_map(|line| line.split_once(&format!(": {words} "))).collect();
        let numbers: Vec<usize> = said.into_iter().map(|(_, number)| number.parse().unwrap()).collect();
        assert_eq!(numbers, (0..LINES).collect::<Vec<_>>(), "{words}");
    }
    let rest: Vec<_> = all.iter().filter(|line| !is_hers(line)).cloned().collect();
    assert_eq!(without, rest, "who ignores her");
    assert_eq!(others, rest, "who does not hear her own");
    assert_eq!(in_crlf, all.iter().map(|line| format!("{line}\r")).collect::<Vec<_>>(), "who wants quiet");
}

/// A filter holds from where it was set, also in the middle of what one read brings.
#[test]
fn filter_holds_from_where_it_stands() {
    let server = TestServer::new();
    let mut alice = Peer::enter(server.text);
    let mut bob = Peer::enter(server.text);
    alice.fence();
    let script: String = (0..200)
        .map(|n| format!("/echo on\n{n} a\n/echo off\n{n} b\n/time on\n/echo on\n{n} c\n/time off\n{n} d\n"))
        .collect();
    bob.send_raw(script.as_bytes());
    let own = format!("[{0}]{0}: ", bob.name);
    for n in 0..200 {
        bob.expect("*** Your own lines come back to you");
        bob.expect(&format!("{own}{n} a"));
        bob.expect("*** Your own lines no longer come back to you");
        bob.expect("*** The time (UTC) stands before what is said");
        bob.expect("*** Your own lines come back to you");
        let timed = bob.line();
        assert!(timed.ends_with(&format!(" {own}{n} c")) && timed.find(':') == Some(2), "{timed}");
        bob.expect("*** Lines have no time before them");
        bob.expect(&format!("{own}{n} d"));
        for letter in ["a", "b", "c", "d"] {
            alice.expect(&format!("{own}{n} {letter}"));
        }
    }
    alice.expect_nothing();
    bob.expect_nothing();
}

/// A session that changes rooms ten thousand times is answered each time. The others chat on, and are told in a
/// few join summaries.
#[test]
fn ten_thousand_joins_and_leaves_hurt_nobody() {
    const TIMES: usize = 5000;
    let server = TestServer::new();
    let mut alice = Peer::enter(server.text);
    let mut bob = Peer::enter(server.text);
    alice.fence();
    let before = server.status("VmRSS");
    let began = Instant::now();
    let mut moved = Movements::default();
    thread::scope(|scope| {
        let mouth = bob.again();
        scope.spawn(move || (&mouth.stream).write_all("/join den\n/leave\n".repeat(TIMES).as_bytes()).unwrap());
        let answers = scope.spawn(|| {
            for _ in 0..TIMES {
                for room in ["*** You are in #den alone", "*** You are in #lobby with 1 other: "] {
                    bob.skip_until(|line| {
                        assert!(!line.starts_with("!!!"), "{line}");
                        line.starts_with(room)
                    });
                }
            }
        });
        let mut round = 0;
        while !answers.is_finished() {
            alice.send(&format!("round {round}"));
            let own = format!("[{0}]{0}: round {round}", alice.name);
            alice.skip_until(|line| {
                moved.lines += usize::from(line != own);
                line == own
            });
            round += 1;
        }
    });
    let most = 6 * (2 + began.elapsed().as_secs() as usize / 2);
    assert!(moved.lines <= most, "{} lines about it, at most {most} were to come", moved.lines);
    let after = server.status("VmHWM");
    assert!(after < before + GROWTH, "memory grew from {before} to up to {after} KiB");
}

/// Rooms are made by thousands, each left for the next: there are never more than may be.
#[test]
fn many_rooms_take_memory_of_few() {
    const ROOMS: usize = 3000;
    let server = TestServer::with(&["--max-rooms", "16"]);
    let mut bob = Peer::enter(server.text);
    let before = server.status("VmRSS");
    thread::scope(|scope| {
        let mouth = bob.again();
        scope.spawn(move || {
            let script: String = (0..ROOMS).map(|n| format!("/join room{n}\n{}\n", "x".repeat(1000))).collect();
            (&mouth.stream).write_all(script.as_bytes()).unwrap();
        });
        for n in 0..ROOMS {
            bob.expect(&format!("*** You are in #room{n} alone"));
            bob.skip_until(|line| line.ends_with("xxx"));
        }
    });
    let after = server.status("VmHWM");
    assert!(after < before + GROWTH, "memory grew from {before} to up to {after} KiB");
    bob.send("/rooms");
    for line in ["*** rooms:", "***   #lobby  0 people", "***   #room2999  1 person", "*** end of list"] {
        bob.expect(line);
    }
}

/// The history of an empty room stays until its place is needed.
#[test]
fn empty_room_keeps_history_until_displaced() {
    let server = TestServer::with(&["--max-rooms", "4"]);
    let mut alice = Peer::enter(server.text);
    let join = |alice: &mut Peer, room: &str| {
        alice.send(&format!("/join {room}"));
        alice.expect(&format!("*** You are in #{room} alone"));
        alice.fence()
    };
    for room in ["one", "two", "three"] {
        assert_eq!(join(&mut alice, room), [""; 0]);
        alice.send(&format!("said in {room}"));
        alice.expect(&format!("[{{me}}]{{me}}: said in {room}"));
    }
    join(&mut alice, "four"); // takes the place of #one, which has been empty for longer than #two
    let past = join(&mut alice, "two");
    assert!(past.len() == 1 && past[0].ends_with(": said in two"), "{past:?}");
    assert_eq!(join(&mut alice, "one"), [""; 0]); // takes the place of #three
    let past = join(&mut alice, "two");
    assert!(past.len() == 1 && past[0].ends_with(": said in two"), "{past:?}");
}

mod exhaustive {
    use super::*;

    /// Three hundred sessions join and leave at once. The members get a few join summaries, whose numbers add up,
    /// by text and by JSON.
    #[test]
    fn many_joins_become_few_lines() {
        const CROWD: usize = 300;
        let server = TestServer::new();
        let mut witness = Peer::enter(server.text);
        let mut program = Peer::connect(server.json);
        program.ask(&json!({"Act": "join", "Room": "lobby"}));
        program.json_fence();
        witness.skip_until(|line| line.ends_with(": login"));
        let began = Instant::now();
        let crowd: Vec<Peer> = thread::scope(|scope| {
            let coming = || (0..CROWD / 4).map(|_| Peer::greeted(server.text)).collect::<Vec<_>>();
            let all: Vec<_> = (0..4).map(|_| scope.spawn(coming)).collect();
            all.into_iter().flat_map(|some| some.join().unwrap()).collect()
        });
        let mut moved = Movements::default();
        while moved.came < CROWD {
            let line = witness.line();
            assert!(moved.count(&line), "{line}");
        }
        assert_eq!((moved.came, moved.left), (CROWD, 0));
        drop(crowd);
        while moved.left < CROWD {
            let line = witness.line();
            assert!(moved.count(&line), "{line}");
        }
        assert_eq!((moved.came, moved.left), (CROWD, CROWD));
        // Five one by one and one for the rest, every two seconds.
        let most = 6 * (2 + began.elapsed().as_secs() as usize / 2);
        assert!(moved.lines <= most, "{} lines, at most {most} were to come", moved.lines);
        witness.expect_nothing();

        let (mut came, mut left) = (0, 0);
        for event in program.json_fence() {
            match event["Act"].as_str() {
                Some("joined") => came += 1,
                Some("left") => left += 1,
                _ => {
                    came += event["Came"].as_u64().unwrap();
                    left += event["Left"].as_u64().unwrap();
                }
            }
        }
        assert_eq!((came, left), (CROWD as u64, CROWD as u64));
    }

    /// A session changes rooms without a pause, for longer than one join summary covers. No join or leave is lost
    /// where one summary ends and the next begins.
    #[test]
    fn endless_joins_are_counted_to_the_last() {
        const BATCH: usize = 20;
        const LONG_ENOUGH: Duration = Duration::from_millis(6500); // three counts
        let server = TestServer::with(&["--history", "0"]);
        let mut alice = Peer::enter(server.text);
        let mut bob = Peer::enter(server.text);
        alice.fence();
        bob.be_quiet();
        let began = Instant::now();
        let mut times = 0;
        while began.elapsed() < LONG_ENOUGH {
            bob.send_raw("/join den\n/leave\n".repeat(BATCH).as_bytes());
            (0..2 * BATCH).for_each(|_| assert!(bob.line().starts_with("*** You are in #")));
            times += BATCH;
        }
        let moved = Cell::new(Movements::default());
        let all_told = || {
            let mut until_now = moved.get();
            alice.fence().iter().for_each(|line| assert!(until_now.count(line), "{line}"));
            moved.set(until_now);
            (until_now.came + until_now.left >= 2 * times).then_some(())
        };
        wait_for(all_told, || format!("{times} joins and as many leaves to be told, not {:?}", moved.get()));
        assert_eq!((moved.get().came, moved.get().left), (times, times));
    }
}
