//! Backpressure and slow consumers over sockets: a session that does not read delays nobody, is told how many
//! lines it missed when it reads again, and holds a bounded amount of memory.

use std::io::Read;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use crate::support::{Peer, TestServer, wait_for};
use serde_json::json;

/// More than the kernel keeps for one connection, and the outbox with it.
const LINES: usize = 20_000;
const WIDTH: usize = 500;
/// Lines that fit into the smallest outbox of these tests.
const AHEAD: usize = 400;
/// Growth of the server's memory in these tests, in KiB: outboxes of 1 MiB, buffers, stacks.
const GROWTH: u64 = 24 * 1024;

fn line(number: usize, width: usize) -> String {
    format!("{number:06} {}", "x".repeat(width - 7))
}

/// The number of a line as either door shows it.
fn number(line: &str) -> Option<usize> {
    line.rsplit_once(':')?.1.trim_start().get(..6)?.parse().ok()
}

/// Says so many lines as fast as they are taken, on a thread of its own.
fn talk<'scope>(scope: &'scope thread::Scope<'scope, '_>, peer: &Peer, lines: usize, width: usize) {
    talk_with(scope, peer, lines, width, &[]);
}

/// As [`talk`], but is never more than [`AHEAD`] lines ahead of any of these, which count what they hear.
fn talk_with<'scope>(
    scope: &'scope thread::Scope<'scope, '_>,
    peer: &Peer,
    lines: usize,
    width: usize,
    heard: &'scope [AtomicUsize],
) {
    let mut mouth = peer.stream.try_clone().unwrap();
    scope.spawn(move || {
        for first in (0..lines).step_by(100) {
            let behind = || heard.iter().any(|heard| heard.load(Ordering::SeqCst) + AHEAD < first + 100);
            wait_for(|| (!behind()).then_some(()), || format!("all to hear the lines before {first}"));
            let batch: String = (first..lines.min(first + 100)).map(|number| line(number, width) + "\n").collect();
            std::io::Write::write_all(&mut mouth, batch.as_bytes()).unwrap();
        }
    });
}

/// Hears all lines from 0 on, each once and in order, and nothing about skipping.
fn hear_all(peer: &mut Peer, lines: usize) {
    hear_and_count(peer, lines, &AtomicUsize::new(0));
}

/// As [`hear_all`]; counts them.
fn hear_and_count(peer: &mut Peer, lines: usize, heard: &AtomicUsize) {
    let mut wanted = 0;
    while wanted < lines {
        let line = peer.line();
        assert!(!line.starts_with("***"), "{}: {line} after line {wanted}", peer.name);
        if let Some(number) = number(&line) {
            assert_eq!(number, wanted, "{}: {line}", peer.name);
            wanted += 1;
            heard.store(wanted, Ordering::SeqCst);
        }
    }
}

/// Lines that a room keeps by default.
const KEPT: usize = 200;

/// Hears all lines, each once and in order, but for those that it is told it missed; returns how
/// many those were. What is heard and what is missed must come to `lines` exactly.
fn hear_or_be_told(peer: &mut Peer, lines: usize) -> usize {
    let (mut received, mut skipped) = (0, 0);
    while received + skipped < lines {
        let line = peer.line();
        if let Some(words) = line.strip_prefix("*** ") {
            let (count, how) = words.split_once(" lines were skipped, you read too slowly").unwrap();
            let count: usize = count.parse().unwrap();
            // Kept lines can be read again; nothing is promised of older ones.
            let advice = if count <= KEPT { format!(". /history {count} shows them") } else { String::new() };
            assert_eq!(how, advice, "{line}");
            skipped += count;
        } else {
            assert_eq!(number(&line), Some(received + skipped), "{line}");
            received += 1;
        }
    }
    assert_eq!(received + skipped, lines, "{received} received, {skipped} skipped");
    skipped
}

#[test]
fn reader_taking_nothing_is_closed_and_logged() {
    let server = TestServer::with(&["--max-pending", "262144", "--write-timeout", "1s"]);
    let alice = Peer::enter(server.text);
    let mut bob = Peer::enter(server.text);
    // The kernel keeps some megabytes for her, so bob talks until she is gone.
    let gone = format!("[{0}]{0}: login out", alice.name);
    let (mut said, mut heard, mut left) = (0, 0, false);
    while !left {
        let batch: String = (said..said + 100).map(|number| line(number, WIDTH) + "\n").collect();
        said += 100;
        bob.send_raw(batch.as_bytes());
        while heard < said {
            let line = bob.line();
            match number(&line) {
                Some(number) => {
                    assert_eq!(number, heard, "{line}");
                    heard += 1;
                }
                None => {
                    assert_eq!(line, gone);
                    left = true;
                }
            }
        }
    }
    bob.expect_nothing();
    server.wait_for_log(&format!("(text, {}) closed: slow reader, it took fewer than 4 KiB", alice.name));
}

#[test]
fn reader_in_short_pause_loses_nothing() {
    const LINES: usize = 12_000; // 6 MB: twice what the kernel keeps, so the outbox has to
    let server = TestServer::with(&["--max-pending", "8388608", "--write-timeout", "60s"]);
    let mut alice = Peer::enter(server.text);
    let mut bob = Peer::enter(server.text);
    alice.fence();
    thread::scope(|scope| {
        talk(scope, &bob, LINES, WIDTH);
        scope.spawn(|| hear_all(&mut bob, LINES));
    });
    hear_all(&mut alice, LINES);
    alice.expect_nothing();
}

#[test]
fn reader_of_single_bytes_loses_nothing() {
    const LINES: usize = 300;
    let server = TestServer::new();
    let mut bob = Peer::enter(server.text);
    let mut carol = Peer::enter(server.text);
    let mut drop_by_drop = Peer::connect_narrow(server.text, 2048);
    drop_by_drop.fence();
    bob.fence();
    carol.fence();
    thread::scope(|scope| {
        scope.spawn(|| {
            let mut stream = &drop_by_drop.stream;
            for wanted in 0..LINES {
                let mut line = Vec::new();
                while line.last() != Some(&b'\n') {
                    let mut byte = [0];
                    assert_eq!(stream.read(&mut byte).unwrap(), 1, "after {wanted} lines");
                    line.push(byte[0]);
                }
                assert_eq!(number(&String::from_utf8(line).unwrap()), Some(wanted));
            }
        });
        talk(scope, &bob, LINES, 200);
        hear_all(&mut carol, LINES);
    });
    hear_all(&mut bob, LINES);
    drop_by_drop.expect_nothing();
}

/// Readers of a flood ask for the history meanwhile, and are closed for neither.
#[test]
fn reader_that_asks_in_a_flood_stays() {
    const LINES: usize = 6000;
    let server = TestServer::with(&["--max-pending", "262144", "--write-timeout", "60s", "--idle", "0"]);
    let mut talker = Peer::enter_quiet(server.text);
    let readers: Vec<Peer> = (0..6).map(|_| Peer::connect_narrow(server.text, 16 * 1024)).collect();
    talker.wait_for_members(1 + readers.len());
    talker.fence();
    thread::scope(|scope| {
        talk(scope, &talker, LINES, 200);
        for mut reader in readers {
            scope.spawn(move || {
                for _ in 0..30 {
                    reader.send("/history 100");
                }
                reader.fence(); // it has every answer, so it was not closed before; now it goes, in the flood
            });
        }
        hear_all(&mut talker, LINES);
    });
    let log = server.stop();
    assert!(!log.contains("slow reader"), "{log}");
}

mod exhaustive {
    use super::*;

    #[test]
    fn stalled_reader_is_told_its_missed_lines() {
        let server = TestServer::with(&["--max-pending", "262144", "--write-timeout", "60s"]);
        let mut alice = Peer::enter(server.text);
        let mut bob = Peer::enter(server.text);
        let mut carol = Peer::enter(server.text);
        let (mut gopher, _) = Peer::enter_relay(server.relay, &mut carol);
        bob.fence();
        alice.fence(); // and from here on she reads nothing
        let before = server.status("VmRSS");
        // However little the machine lets these three run: what is on its way to them fits an outbox.
        let heard: [AtomicUsize; 3] = Default::default();
        thread::scope(|scope| {
            talk_with(scope, &bob, LINES, WIDTH, &heard);
            for (healthy, heard) in [&mut bob, &mut carol, &mut gopher].into_iter().zip(&heard) {
                scope.spawn(|| hear_and_count(healthy, LINES, heard));
            }
        });
        let after = server.status("VmHWM");
        assert!(after < before + GROWTH, "memory grew from {before} to up to {after} KiB");

        let session = format!("(text, {})", alice.name);
        server.wait_for_log(&format!("{session} reads too slowly and begins to miss lines, "));
        let skipped = hear_or_be_told(&mut alice, LINES);
        assert!(skipped > 0, "she stalled and missed nothing");
        // The kernel may make more room once, so there may be two gaps. Each has its line in the log.
        let caught_up = format!("{session} has caught up; it missed ");
        let logged = || {
            let log = server.log();
            let counts = log.lines().filter_map(|line| line.split_once(&caught_up)?.1.split(' ').next());
            counts.map(|count| count.parse::<usize>().unwrap()).sum::<usize>()
        };
        wait_for(|| (logged() == skipped).then_some(()), || format!("{skipped} lines in the log, not {}", logged()));
        bob.send("good to see you again");
        alice.expect(&format!("[{0}]{0}: good to see you again", bob.name));
        alice.expect_nothing();
    }

    /// A program that did not read asks for what came after the last line before the gap: it has every
    /// line once, but for those that it is told are lost.
    #[test]
    fn program_behind_fetches_its_missed_lines() {
        const LINES: usize = 40_000; // 7 MB as objects: more than the kernel and an outbox keep
        const WIDTH: usize = 60;
        let server = TestServer::with(&["--history", "100000", "--write-timeout", "60s", "--join-grace", "0"]);
        let mut bob = Peer::enter(server.text);
        let mut carol = Peer::connect_narrow(server.json, 64 * 1024);
        carol.ask(&json!({"Act": "join", "Room": "lobby"}));
        carol.json_fence(); // and from here on she reads nothing
        bob.skip_until(|line| line.ends_with(": login"));
        thread::scope(|scope| {
            talk(scope, &bob, LINES, WIDTH);
            scope.spawn(|| hear_all(&mut bob, LINES));
        });
        let mut seen = 0;
        let skipped = loop {
            let event = carol.json();
            if let Some(skipped) = event["Skipped"].as_u64() {
                break skipped;
            }
            seen += 1;
            assert_eq!(event["Seq"], seen, "{event}");
        };
        assert_eq!(seen + skipped, LINES as u64);
        let mut fetch = |after: u64| {
            carol.ask(&json!({"Act": "history", "Room": "lobby", "After": after, "Ref": after}));
            let mut fetched = Vec::new();
            loop {
                let event = carol.json();
                assert_eq!(event["Ref"], after, "{event}");
                if event["Act"] == "history" {
                    return (fetched, event["Lost"].as_u64().unwrap());
                }
                let seq = event["Seq"].as_u64().unwrap();
                assert_eq!(event["Data"], line(seq as usize - 1, WIDTH));
                fetched.push(seq);
            }
        };
        let last = LINES as u64;
        let (fetched, lost) = fetch(seen);
        assert_eq!(fetched, (seen + lost + 1..=last).collect::<Vec<_>>(), "{lost} lost after {seen}");
        assert!(fetched.len() > 100, "{lost} lost after {seen}");
        assert_eq!(fetch(last - 100), ((last - 99..=last).collect(), 0));
        bob.send("good to see you again");
        assert_eq!(carol.json()["Seq"], LINES + 1, "and then it goes on live");
    }

    /// The same more than once: each time it stalls, it is told of what it missed that time.
    #[test]
    fn stalls_are_each_counted_once() {
        let server = TestServer::with(&["--max-pending", "262144", "--write-timeout", "60s"]);
        let mut alice = Peer::enter(server.text);
        let mut bob = Peer::enter(server.text);
        alice.fence();
        for _ in 0..3 {
            thread::scope(|scope| {
                talk(scope, &bob, LINES / 2, WIDTH);
                scope.spawn(|| hear_all(&mut bob, LINES / 2));
            });
            hear_or_be_told(&mut alice, LINES / 2);
            alice.expect_nothing();
        }
    }

    /// Pending bytes grow old while the process is stopped. That must not end a session that goes on reading.
    #[test]
    fn stopped_process_cuts_no_reader() {
        const LINES: usize = 16_000; // 8 MB
        const TIMEOUT: Duration = Duration::from_secs(6);
        let server = TestServer::with(&["--max-pending", "33554432", "--write-timeout", "6s"]);
        // Her system takes little at once, so that most still waits when it goes on.
        let mut alice = Peer::connect_narrow(server.text, 64 * 1024);
        alice.fence();
        let mut bob = Peer::enter(server.text);
        alice.fence();
        thread::scope(|scope| {
            talk(scope, &bob, LINES, WIDTH);
            hear_all(&mut bob, LINES);
            server.signal("STOP");
            scope.spawn(|| hear_all(&mut alice, LINES));
            thread::sleep(TIMEOUT + Duration::from_millis(500)); // how long it is stopped is what is tried
            server.signal("CONT");
        });
        alice.expect_nothing();
    }

    #[test]
    fn reader_in_flood_loses_no_line() {
        const READERS: usize = 20;
        const LINES: usize = 50_000;
        // More than the kernel and an outbox keep for a reader: without the pace, the talker would be
        // done before they are, and they would have lost what did not fit.
        let server = TestServer::with(&["--max-pending", "4194304"]);
        let mut talker = Peer::enter_quiet(server.text);
        let doors = [server.text, server.relay];
        let readers: Vec<Peer> =
            (0..READERS).map(|index| Peer::connect_narrow(doors[index % doors.len()], 64 * 1024)).collect();
        talker.wait_for_members(1 + READERS);
        talker.fence();
        let before = server.status("VmRSS");
        thread::scope(|scope| {
            talk(scope, &talker, LINES, 200);
            for reader in readers {
                scope.spawn(move || {
                    let name = reader.name.clone();
                    let mut wanted = 0;
                    for line in reader.into_lines() {
                        let line = line.unwrap_or_else(|error| panic!("{name} after line {wanted}: {error}"));
                        assert!(!line.contains("skipped"), "{name}: {line} after line {wanted}");
                        if let Some(number) = number(&line) {
                            assert_eq!(number, wanted, "{name}: {line}");
                            wanted += 1;
                            if wanted == LINES {
                                return;
                            }
                        }
                    }
                    panic!("{name} was closed after line {wanted}");
                });
            }
            hear_all(&mut talker, LINES);
        });
        let after = server.status("VmHWM");
        assert!(after < before + 4 * GROWTH, "memory grew from {before} to up to {after} KiB");
        let log = server.stop();
        assert!(!log.contains("slow reader"), "{log}");
        assert!(log.contains(" 0 skipped"), "{log}");
    }

    /// Somebody asks for more and more and reads none of it: the server stops listening to that
    /// session, the others chat on, and when nothing has been taken for long enough it is closed.
    #[test]
    fn unread_answers_hurt_nobody_else() {
        for question in ["/help\n", "who\n", "/who\n", "/xyzzy\n"] {
            let server = TestServer::with(&["--max-pending", "262144", "--write-timeout", "1s"]);
            let mut alice = Peer::enter(server.text);
            let mut bob = Peer::enter(server.text);
            alice.fence();
            let mallory = Peer::enter(server.text);
            alice.fence();
            bob.fence();
            let before = server.status("VmRSS");
            let mut mouth = mallory.stream.try_clone().unwrap();
            thread::scope(|scope| {
                scope.spawn(|| {
                    let much = question.repeat(1000);
                    // Blocks when the server reads no more, and fails when it has closed.
                    while std::io::Write::write_all(&mut mouth, much.as_bytes()).is_ok() {}
                });
                let gone = format!("[{0}]{0}: login out", mallory.name);
                let mut heard_of_it = 0;
                let mut talk = |from: &mut Peer, to: &mut Peer, words: &str| {
                    from.send(words);
                    let wanted = format!("[{0}]{0}: {words}", from.name);
                    for peer in [from, to] {
                        peer.skip_until(|line| {
                            assert!(line == wanted || line == gone, "{line}");
                            heard_of_it += usize::from(line == gone);
                            line == wanted
                        });
                    }
                    heard_of_it
                };
                let mut round = 0;
                while talk(&mut alice, &mut bob, &format!("round {round}")) < 2 || round < 50 {
                    talk(&mut bob, &mut alice, &format!("answer {round}"));
                    round += 1;
                }
            });
            let after = server.status("VmHWM");
            assert!(after < before + GROWTH, "{question:?}: memory grew from {before} to up to {after} KiB");
            // Where it takes half a minute to fill the kernel's buffers, the kernel gives up first.
            let closed = |log: &str| log.contains("closed: slow reader") || log.contains("closed: write failed");
            wait_for(|| closed(&server.log()).then_some(()), || format!("in vain for its end:\n{}", server.log()));
        }
    }

    /// Answers that do not fit an outbox wait, and so does what was asked for behind them; a session that reads
    /// them, now and then a little, is never closed for what it asks.
    #[test]
    fn reader_of_long_answers_is_never_closed() {
        const ASKED: usize = 30; // more than the kernel keeps
        let server = TestServer::with(&["--max-pending", "262144", "--write-timeout", "60s", "--idle", "0"]);
        let mut ann = Peer::connect_narrow(server.json, 64 * 1024);
        ann.ask(&json!({"Act": "join", "Room": "lobby"}));
        ann.json_fence();
        let quotes = "\"".repeat(650);
        (0..KEPT).for_each(|_| ann.ask(&json!({"Act": "say", "Data": quotes})));
        for _ in 0..KEPT {
            assert_eq!(ann.json()["Data"], quotes);
        }
        // Some 260 KiB each: one is more than the outbox holds.
        (0..ASKED).for_each(|number| ann.ask(&json!({"Act": "history", "After": 0, "Ref": number})));
        ann.ask(&json!({"Act": "ping", "Ref": "end"}));
        for number in 0..ASKED {
            let mut lines = 0;
            loop {
                let event = ann.json();
                assert_eq!(event["Ref"], number, "{event}");
                if event["Act"] == "history" {
                    break;
                }
                lines += 1;
            }
            assert!(lines > 150, "{lines} lines of answer {number}: the room keeps more");
        }
        assert_eq!(ann.json()["Ref"], "end");
        assert!(!server.stop().contains("slow reader"));
    }
}
