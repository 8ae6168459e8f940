//! A stop: what was said is delivered, everybody is told, nobody is reset, every thread has ended.

mod embedded;
mod signals;

use std::collections::HashSet;
use std::io::Write;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use parlor::wire::Framing;

use crate::support::recorded::{DOEXIT, HELLO, NICE};
use crate::support::{GOODBYE, Peer, TestServer, wait_for};

/// Talks until a session that reads nothing has more pending than the kernel keeps for one connection
/// (some 4 MB); never so much at once that lines are skipped before.
fn stall_the_others(talker: &mut Peer) {
    let line = "x".repeat(1000);
    for _ in 0..60 {
        talker.send_raw(format!("{line}\n").repeat(100).as_bytes());
        for _ in 0..100 {
            talker.line();
        }
    }
}

/// `recv quit signal`, then `handler done.` for each session, then `All done.`, and nothing after.
#[test]
fn log_tells_stop_in_order() {
    let server = TestServer::new();
    let mut sessions: Vec<Peer> = (0..5).map(|_| Peer::enter(server.text)).collect();
    sessions.extend((0..3).map(|_| Peer::connect(server.relay)));
    sessions[0].wait_for_members(8);
    server.signal("TERM");
    for session in &mut sessions {
        session.read_to_end();
    }
    drop(sessions);
    let log = {
        let mut server = server;
        assert_eq!(server.wait().code(), Some(0), "{}", server.log());
        server.log()
    };
    let lines: Vec<&str> = log.lines().collect();
    let place = |words: &str| lines.iter().position(|line| line.ends_with(words)).unwrap_or_else(|| panic!("{log}"));
    let (asked, first, done) = (place("recv quit signal"), place("handler done."), place("All done."));
    assert!(asked < first, "{log}");
    assert_eq!(lines.iter().filter(|line| line.ends_with("handler done.")).count(), 8, "{log}");
    let last = lines.iter().rposition(|line| line.ends_with("handler done.")).unwrap();
    assert!(last < done && done == lines.len() - 1, "{log}");
}

/// Some sessions read, some have stalled, some are in the middle of a line. All of them end in time.
#[test]
fn stop_ends_stalled_sessions_in_time() {
    let mut server = TestServer::with(&["--max-pending", "262144", "--write-timeout", "60s", "--drain", "1s"]);
    let mut alice = Peer::enter_quiet(server.text);
    let _stalled: Vec<Peer> = (0..5).map(|_| Peer::enter(server.text)).collect();
    stall_the_others(&mut alice);
    let mut typing = Peer::enter(server.text);
    typing.send_raw(b"I was just going to sa");
    server.wait_until_read(&typing);
    server.signal("TERM");
    // On a busy machine the joins of these seven may be summed in one line meanwhile.
    for peer in [&mut alice, &mut typing] {
        let line = peer.skip_until(|line| !line.ends_with(" came, 0 left"));
        assert_eq!(line, GOODBYE);
        peer.expect_end();
    }
    // And with the stalled ones still there, reading nothing:
    assert_eq!(server.wait().code(), Some(0), "{}", server.log());
    let log = server.log();
    assert_eq!(log.matches("handler done.").count(), 7, "{log}");
    assert!(log.trim_end().ends_with("All done."), "{log}");
}

/// Closing over input that nobody has read sends a reset, and a reset eats the goodbye.
#[test]
fn stop_tells_peer_that_talks() {
    for _ in 0..5 {
        let mut server = TestServer::new();
        let mut talkers: Vec<Peer> = (0..4).map(|_| Peer::enter(server.text)).collect();
        let seen = AtomicUsize::new(0);
        thread::scope(|scope| {
            for talker in &mut talkers {
                // A few lines at a time, answered before the next, right into the stop.
                scope.spawn(|| {
                    let mut said = 0;
                    loop {
                        let words = format!("line {said}");
                        said += 1;
                        talker.send_raw(format!("{words}\n").repeat(20).as_bytes());
                        let (mut heard, own) = (0, format!("[{0}]{0}: {words}", talker.name));
                        while heard < 20 {
                            let line = talker.line();
                            if line == GOODBYE {
                                talker.expect_end();
                                return;
                            }
                            heard += usize::from(line == own);
                        }
                        seen.fetch_add(heard, Ordering::Relaxed);
                    }
                });
            }
            wait_for(|| (seen.load(Ordering::Relaxed) > 200).then_some(()), || "the talk to begin".into());
            server.signal("TERM");
        });
        drop(talkers);
        assert_eq!(server.wait().code(), Some(0), "{}", server.log());
    }
}

/// The same where the server has not read everything, and the peer looks only when all is over.
#[test]
fn goodbye_arrives_despite_unread_bytes() {
    let mut server = TestServer::with(&["--rate", "1", "--burst", "5"]);
    let mut bob = Peer::greeted(server.text);
    let line = format!("{}\n", "x".repeat(99));
    bob.send_raw(line.repeat(600).as_bytes());
    bob.skip_until(|line| line.starts_with("*** Slow down"));
    server.signal("TERM");
    assert_eq!(server.wait().code(), Some(0), "{}", server.log());
    bob.skip_until(|line| line == GOODBYE);
    bob.expect_end();
}

/// Lines pending for a slow reader are delivered, not cut off.
#[test]
fn stop_flushes_pending_of_slow_reader() {
    const LINES: usize = 6000; // of 1,000 bytes: more than the kernel keeps
    let mut server = TestServer::with(&["--max-pending", "8388608", "--drain", "20s"]);
    let mut alice = Peer::enter(server.text);
    let mut bob = Peer::enter(server.text);
    alice.fence();
    stall_the_others(&mut bob);
    bob.send("and this");
    bob.expect("[{me}]{me}: and this");
    server.signal("TERM");
    server.wait_for_log("recv quit signal");
    for number in 0..LINES {
        let line = alice.line();
        assert!(line.len() > 1000 && line.ends_with("xxx"), "line {number}: {line}");
    }
    alice.expect(&format!("[{0}]{0}: and this", bob.name));
    alice.expect(GOODBYE);
    alice.expect_end();
    drop((alice, bob));
    assert_eq!(server.wait().code(), Some(0), "{}", server.log());
}

#[test]
fn stop_says_throttled_lines() {
    let mut server = TestServer::with(&["--rate", "1", "--burst", "5"]);
    let mut alice = Peer::greeted(server.text);
    let mut bob = Peer::greeted(server.text);
    alice.expect(&format!("[{0}]{0}: login", bob.name));
    bob.send_raw((0..50).map(|n| format!("line {n}\n")).collect::<String>().as_bytes());
    bob.skip_until(|line| line.starts_with("*** Slow down"));
    server.signal("TERM");
    for n in 0..50 {
        alice.expect(&format!("[{0}]{0}: line {n}", bob.name));
    }
    alice.expect(GOODBYE);
    alice.expect_end();
    bob.skip_until(|line| line == GOODBYE);
    bob.expect_end();
    drop((alice, bob));
    assert_eq!(server.wait().code(), Some(0), "{}", server.log());
}

/// Long questions that were held back are answered one after another at a stop too, not all in one go.
#[test]
fn stop_with_throttled_questions_bounds_memory() {
    let mut server = TestServer::with(&["--rate", "1", "--burst", "400"]);
    let mut alice = Peer::greeted(server.text);
    let line = "x".repeat(600);
    (0..200).for_each(|_| alice.send(&line));
    alice.fence();
    let mut bob = Peer::greeted(server.text);
    let highest = |pid: u32| -> Option<u64> {
        let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
        status.lines().find_map(|line| line.strip_prefix("VmHWM:")?.split_whitespace().next()?.parse().ok())
    };
    // Two hundred of them go through at once, each some 120 KiB; as many are held back.
    bob.send_raw(&b"/history 200\n".repeat(400));
    bob.skip_until(|line| line.starts_with("*** Slow down"));
    let (pid, before) = (server.pid(), highest(server.pid()).unwrap());
    let looking = thread::spawn(move || {
        let mut last = before;
        while let Some(now) = highest(pid) {
            last = now;
            thread::sleep(Duration::from_millis(2)); // between two looks at a fact
        }
        last
    });
    server.signal("TERM");
    bob.read_to_end();
    drop((alice, bob));
    server.wait();
    let after = looking.join().unwrap();
    assert!(after < before + 8 * 1024, "memory grew from {before} to up to {after} KiB");
}

/// A caller that connects during a stop is closed.
#[test]
fn stop_turns_new_callers_away() {
    let mut server = TestServer::new();
    let door = server.text;
    let _alice = Peer::enter(door);
    thread::scope(|scope| {
        let coming = scope.spawn(move || {
            // Until the door is shut; each of them comes to an end, clean or not.
            while let Ok(stream) = std::net::TcpStream::connect(door) {
                let mut peer = &stream;
                stream.set_read_timeout(Some(crate::support::DEADLINE)).unwrap();
                let _ = stream.shutdown(std::net::Shutdown::Write);
                let end = std::io::copy(&mut peer, &mut std::io::sink());
                let left_hanging = end.is_err_and(|error| error.kind() == std::io::ErrorKind::WouldBlock);
                assert!(!left_hanging, "neither served nor sent away");
            }
        });
        server.signal("TERM");
        coming.join().unwrap();
    });
    assert_eq!(server.wait().code(), Some(0), "{}", server.log());
}

/// Each is told in its own format, what was said before is delivered, and the end is clean.
#[test]
fn stop_tells_programs_in_their_format() {
    let mut server = TestServer::with(&["--join-grace", "0", "--heartbeat", "0"]);
    let mut alice = Peer::enter(server.text);
    let mut json: Vec<_> = Framing::ALL.map(|framing| (framing, Peer::connect(server.json))).into();
    for (framing, peer) in &mut json {
        peer.send_packet(*framing, HELLO);
        peer.expect_packet(*framing, NICE);
    }
    let mut dave = Peer::connect(server.frame);
    dave.send_frame(100, b"last words");
    alice.skip_until(|line| line.ends_with(": last words"));
    server.signal("TERM");
    for (framing, peer) in &mut json {
        peer.expect_packet(*framing, DOEXIT);
        peer.expect_end();
    }
    let (route, said) = dave.next_frame();
    assert!(route == 200 && said.windows(10).any(|words| words == b"last words"), "{route}");
    dave.expect_frame(209, DOEXIT.as_bytes());
    dave.expect_end();
    alice.expect(GOODBYE);
    alice.expect_end();
    drop((alice, dave, json));
    assert_eq!(server.wait().code(), Some(0), "{}", server.log());
}

mod exhaustive {
    use super::*;

    /// A hundred by every door, of whom ten read nothing and two have vanished: nothing but `--drain` lets go of
    /// those within the hour. Nobody closes on his own; nc does not either.
    #[test]
    fn stop_of_hundred_sessions_stays_in_time() {
        let mut server = TestServer::with(&["--max-pending", "262144", "--write-timeout", "1h", "--idle", "0"]);
        let mut talker = Peer::enter_quiet(server.text);
        let _stalled: Vec<Peer> = (0..10).map(|_| Peer::enter(server.text)).collect();
        let _vanished: Vec<_> = (0..2).map(|_| Peer::enter(server.text).vanish()).collect();
        stall_the_others(&mut talker);
        let doors = [server.text, server.relay, server.json, server.frame];
        let _others: Vec<Peer> = (0..87).map(|number| Peer::connect(doors[number % doors.len()])).collect();
        talker.wait_for_members(100);
        let asked = Instant::now();
        server.signal("TERM");
        let status = server.wait();
        let took = asked.elapsed();
        let log = server.log();
        assert_eq!(status.code(), Some(0), "{log}");
        assert_eq!(log.matches("handler done.").count(), 100, "{log}");
        assert!(log.trim_end().ends_with("All done."), "{log}");
        talker.skip_until(|line| line == GOODBYE);
        // Four fifths of the three seconds are for those who do not read.
        assert!(took >= Duration::from_secs(2), "the stalled did not hold up the stop ({took:?}): nothing was tested");
    }

    /// Four sessions talk as fast as they can while the server stops. Each line that came back to its sender has
    /// reached every listener, before the goodbye.
    #[test]
    fn stop_delivers_each_echoed_line() {
        for _ in 0..3 {
            let mut server = TestServer::new();
            let listeners: Vec<Peer> = (0..4).map(|_| Peer::enter(server.text)).collect();
            let talkers: Vec<Peer> = (0..4).map(|_| Peer::enter(server.text)).collect();
            let count = AtomicUsize::new(0);
            let (seen, heard) = thread::scope(|scope| {
                let mut seeing = Vec::new();
                for (index, talker) in talkers.into_iter().enumerate() {
                    let mut mouth = talker.stream.try_clone().unwrap();
                    scope.spawn(move || {
                        let mut number = 0;
                        while writeln!(mouth, "said {index} {number}").is_ok() {
                            number += 1;
                        }
                    });
                    // It may be reset while it goes on talking; what it has seen by then counts.
                    let count = &count;
                    seeing.push(scope.spawn(move || {
                        let own = format!(": said {index} ");
                        let lines = talker.into_lines().map_while(Result::ok).filter(|line| line.contains(&own));
                        lines.inspect(|_| _ = count.fetch_add(1, Ordering::Relaxed)).collect::<Vec<_>>()
                    }));
                }
                let hearing: Vec<_> = listeners
                    .into_iter()
                    .map(|listener| {
                        scope.spawn(move || {
                            let lines = listener.into_lines().map(|line| line.expect("a clean end"));
                            lines.collect::<Vec<_>>()
                        })
                    })
                    .collect();
                wait_for(|| (count.load(Ordering::Relaxed) > 2000).then_some(()), || "2000 lines".into());
                server.signal("TERM");
                let seen: Vec<String> = seeing.into_iter().flat_map(|one| one.join().unwrap()).collect();
                let heard: Vec<Vec<String>> = hearing.into_iter().map(|one| one.join().unwrap()).collect();
                (seen, heard)
            });
            assert!(seen.len() > 2000, "only {} lines were seen", seen.len());
            for lines in heard {
                assert_eq!(lines.last().map(String::as_str), Some(GOODBYE));
                let lines: HashSet<&str> = lines.iter().map(String::as_str).collect();
                for line in &seen {
                    assert!(lines.contains(line.as_str()), "{line}: its sender saw it, a listener did not");
                }
            }
            assert_eq!(server.wait().code(), Some(0), "{}", server.log());
        }
    }
}
