//! The stop: what was said is delivered, everyone is told, nobody is reset, every thread has ended.

use std::collections::HashSet;
use std::io::Write;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use parlor::{Config, Listen, Server, Wire};

use crate::support::{DOORS, House, Peer, wait_for};

const GOODBYE: &str = "*** The server is stopping. Goodbye";

/// Talks until somebody who reads nothing has more waiting than the kernel keeps for one
/// connection (some 4 MB); never so much at once that lines are skipped before.
fn stall_the_others(talker: &mut Peer) {
    let line = "x".repeat(1000);
    for _ in 0..60 {
        talker.send_raw(format!("{line}\n").repeat(100).as_bytes());
        for _ in 0..100 {
            talker.line();
        }
    }
}

#[test]
fn every_signal_of_the_kind_stops_it_gracefully() {
    for signal in ["TERM", "INT", "QUIT", "HUP"] {
        let mut house = House::new();
        let mut alice = Peer::enter_as(house.text, "alice");
        let mut gopher = Peer::connect(house.relay);
        alice.skip_until(|line| line.ends_with(": login"));
        alice.send("last words");
        alice.expect("[{me}]alice: last words");
        house.signal(signal);
        alice.expect(GOODBYE);
        alice.expect_end();
        let heard = String::from_utf8(gopher.read_to_end()).unwrap();
        assert!(heard.ends_with(":last words\r\n") && heard.lines().count() == 1, "{heard}");
        drop((alice, gopher));
        assert_eq!(house.wait().code(), Some(0), "{signal}:\n{}", house.log());
    }
}

/// `recv quit signal`, then `handler done.` for each session, then `All done.`, and nothing after.
#[test]
fn the_log_tells_the_stop_in_order() {
    let house = House::new();
    let mut sessions: Vec<Peer> = (0..5).map(|_| Peer::enter(house.text)).collect();
    sessions.extend((0..3).map(|_| Peer::connect(house.relay)));
    sessions[0].wait_for_company(8);
    house.signal("TERM");
    for session in &mut sessions {
        session.read_to_end();
    }
    drop(sessions);
    let log = {
        let mut house = house;
        assert_eq!(house.wait().code(), Some(0), "{}", house.log());
        house.log()
    };
    let lines: Vec<&str> = log.lines().collect();
    let place = |words: &str| lines.iter().position(|line| line.ends_with(words)).unwrap_or_else(|| panic!("{log}"));
    let (asked, first, done) = (place("recv quit signal"), place("handler done."), place("All done."));
    assert!(asked < first, "{log}");
    assert_eq!(lines.iter().filter(|line| line.ends_with("handler done.")).count(), 8, "{log}");
    let last = lines.iter().rposition(|line| line.ends_with("handler done.")).unwrap();
    assert!(last < done && done == lines.len() - 1, "{log}");
}

/// Some read, some have stalled, some are in the middle of a line: all of it ends, in time.
#[test]
fn a_stop_waits_for_nobody_for_long() {
    let mut house = House::with(&["--max-pending", "262144", "--write-timeout", "60s", "--drain", "1s"]);
    let mut alice = Peer::enter_quiet(house.text);
    let _stalled: Vec<Peer> = (0..5).map(|_| Peer::enter(house.text)).collect();
    stall_the_others(&mut alice);
    let mut typing = Peer::enter(house.text);
    typing.send_raw(b"I was just going to sa");
    house.wait_until_read(&typing);
    house.signal("TERM");
    // On a busy machine the comings of these seven may be told in one line meanwhile.
    for peer in [&mut alice, &mut typing] {
        let line = peer.skip_until(|line| !line.ends_with(" came, 0 left"));
        assert_eq!(line, GOODBYE);
        peer.expect_end();
    }
    // And with the stalled ones still there, reading nothing:
    assert_eq!(house.wait().code(), Some(0), "{}", house.log());
    let log = house.log();
    assert_eq!(log.matches("handler done.").count(), 7, "{log}");
    assert!(log.trim_end().ends_with("All done."), "{log}");
}

/// A hundred by every door, of whom ten read nothing and two have vanished: nothing but `--drain` lets go of
/// those within the hour. Nobody closes on his own; nc does not either.
#[test]
fn a_stop_of_a_hundred_takes_three_seconds_whoever_they_are() {
    let mut house = House::with(&["--max-pending", "262144", "--write-timeout", "1h", "--idle", "0"]);
    let mut talker = Peer::enter_quiet(house.text);
    let _stalled: Vec<Peer> = (0..10).map(|_| Peer::enter(house.text)).collect();
    let _vanished: Vec<_> = (0..2).map(|_| Peer::enter(house.text).vanish()).collect();
    stall_the_others(&mut talker);
    let doors = [house.text, house.relay, house.json, house.frame];
    let _others: Vec<Peer> = (0..87).map(|number| Peer::connect(doors[number % doors.len()])).collect();
    talker.wait_for_company(100);
    let asked = Instant::now();
    house.signal("TERM");
    let status = house.wait();
    let took = asked.elapsed();
    let log = house.log();
    assert_eq!(status.code(), Some(0), "{log}");
    assert_eq!(log.matches("handler done.").count(), 100, "{log}");
    assert!(log.trim_end().ends_with("All done."), "{log}");
    talker.skip_until(|line| line == GOODBYE);
    // Four fifths of the three seconds are for those who do not read.
    assert!(took >= Duration::from_secs(2), "the stalled did not hold up the stop ({took:?}): nothing was tested");
}

/// Closing over input that nobody has read sends a reset, and a reset eats the goodbye.
#[test]
fn the_goodbye_arrives_though_the_peer_was_talking() {
    for _ in 0..5 {
        let mut house = House::new();
        let mut talkers: Vec<Peer> = (0..4).map(|_| Peer::enter(house.text)).collect();
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
            house.signal("TERM");
        });
        drop(talkers);
        assert_eq!(house.wait().code(), Some(0), "{}", house.log());
    }
}

/// The same where the server has not read everything, and the peer looks only when all is over.
#[test]
fn the_goodbye_arrives_though_much_was_unread() {
    let mut house = House::with(&["--rate", "1", "--burst", "5"]);
    let mut bob = Peer::greeted(house.text);
    let line = format!("{}\n", "x".repeat(99));
    bob.send_raw(line.repeat(600).as_bytes());
    bob.skip_until(|line| line.starts_with("*** Slow down"));
    house.signal("TERM");
    assert_eq!(house.wait().code(), Some(0), "{}", house.log());
    bob.skip_until(|line| line == GOODBYE);
    bob.expect_end();
}

/// Four talk as fast as they can, right into the stop. What came back to the one who said it is at
/// everyone who listens, before the goodbye.
#[test]
fn a_line_whose_sender_saw_it_is_at_every_listener() {
    for _ in 0..3 {
        let mut house = House::new();
        let listeners: Vec<Peer> = (0..4).map(|_| Peer::enter(house.text)).collect();
        let talkers: Vec<Peer> = (0..4).map(|_| Peer::enter(house.text)).collect();
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
            house.signal("TERM");
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
        assert_eq!(house.wait().code(), Some(0), "{}", house.log());
    }
}

/// What waits in the server for somebody who is a little slow is delivered, not cut off.
#[test]
fn a_stop_flushes_what_waits_for_a_slow_reader() {
    const LINES: usize = 6000; // of 1,000 bytes: more than the kernel keeps
    let mut house = House::with(&["--max-pending", "8388608", "--drain", "20s"]);
    let mut alice = Peer::enter(house.text);
    let mut bob = Peer::enter(house.text);
    alice.fence();
    stall_the_others(&mut bob);
    bob.send("and this");
    bob.expect("[{me}]{me}: and this");
    house.signal("TERM");
    house.wait_for_log("recv quit signal");
    for number in 0..LINES {
        let line = alice.line();
        assert!(line.len() > 1000 && line.ends_with("xxx"), "line {number}: {line}");
    }
    alice.expect(&format!("[{0}]{0}: and this", bob.name));
    alice.expect(GOODBYE);
    alice.expect_end();
    drop((alice, bob));
    assert_eq!(house.wait().code(), Some(0), "{}", house.log());
}

#[test]
fn lines_held_back_by_flood_control_are_said_at_the_stop() {
    let mut house = House::with(&["--rate", "1", "--burst", "5"]);
    let mut alice = Peer::greeted(house.text);
    let mut bob = Peer::greeted(house.text);
    alice.expect(&format!("[{0}]{0}: login", bob.name));
    bob.send_raw((0..50).map(|n| format!("line {n}\n")).collect::<String>().as_bytes());
    bob.skip_until(|line| line.starts_with("*** Slow down"));
    house.signal("TERM");
    for n in 0..50 {
        alice.expect(&format!("[{0}]{0}: line {n}", bob.name));
    }
    alice.expect(GOODBYE);
    alice.expect_end();
    bob.skip_until(|line| line == GOODBYE);
    bob.expect_end();
    drop((alice, bob));
    assert_eq!(house.wait().code(), Some(0), "{}", house.log());
}

/// Long questions that were held back are answered one after another at a stop too, not all in one go.
#[test]
fn questions_held_back_take_no_more_memory_at_the_stop() {
    let mut house = House::with(&["--rate", "1", "--burst", "400"]);
    let mut alice = Peer::greeted(house.text);
    let line = "x".repeat(600);
    (0..200).for_each(|_| alice.send(&line));
    alice.fence();
    let mut bob = Peer::greeted(house.text);
    let highest = |pid: u32| -> Option<u64> {
        let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
        status.lines().find_map(|line| line.strip_prefix("VmHWM:")?.split_whitespace().next()?.parse().ok())
    };
    // Two hundred of them go through at once, each some 120 KiB; as many are held back.
    bob.send_raw(&b"/history 200\n".repeat(400));
    bob.skip_until(|line| line.starts_with("*** Slow down"));
    let (pid, before) = (house.pid(), highest(house.pid()).unwrap());
    let looking = thread::spawn(move || {
        let mut last = before;
        while let Some(now) = highest(pid) {
            last = now;
            thread::sleep(Duration::from_millis(2)); // between two looks at a fact
        }
        last
    });
    house.signal("TERM");
    bob.read_to_end();
    drop((alice, bob));
    house.wait();
    let after = looking.join().unwrap();
    assert!(after < before + 8 * 1024, "memory grew from {before} to up to {after} KiB");
}

#[test]
fn a_second_signal_ends_it_at_once() {
    for second in ["TERM", "INT", "QUIT"] {
        let mut house = House::with(&["--max-pending", "262144", "--write-timeout", "60s", "--drain", "60s"]);
        let mut alice = Peer::enter(house.text);
        let _stalled = Peer::enter(house.text);
        alice.line();
        stall_the_others(&mut alice); // so that the stop has somebody to wait for
        house.signal("TERM");
        house.wait_for_log("recv quit signal");
        // It is a second wish from a second after the first on; before, it changes nothing.
        let ended = || {
            house.signal(second);
            house.has_ended().then_some(())
        };
        wait_for(ended, || "the end at once".into());
        assert_eq!(house.wait().code(), Some(130), "{second}");
    }
}

/// `timeout` signals the process and then its group, npm and a terminal do the like: each guest is told all the
/// same, and it is no failure.
#[test]
fn signals_within_a_second_are_one_wish() {
    for second in ["TERM", "INT", "QUIT"] {
        let mut house = House::new();
        let mut guests: Vec<Peer> = (0..50).map(|_| Peer::enter_quiet(house.text)).collect();
        let script = format!("kill -TERM $0; kill -{second} $0; kill -TERM $0");
        let status = Command::new("sh").args(["-c", &script, &house.pid().to_string()]).status().unwrap();
        assert!(status.success(), "{script}");
        for guest in &mut guests {
            guest.skip_until(|line| line == GOODBYE);
            guest.expect_end();
        }
        drop(guests);
        assert_eq!(house.wait().code(), Some(0), "{script}: {}", house.log());
    }
}

/// A terminal that closes may send two, a service manager one behind its own: nobody insists by it.
#[test]
fn a_second_hang_up_is_no_hurry() {
    for first in ["HUP", "TERM"] {
        let mut house = House::with(&["--max-pending", "262144", "--write-timeout", "60s", "--drain", "2s"]);
        let mut alice = Peer::enter(house.text);
        let _stalled = Peer::enter(house.text);
        alice.line();
        stall_the_others(&mut alice); // so that the stop has somebody to wait for
        house.signal(first);
        house.wait_for_log("recv quit signal");
        house.signal("HUP");
        alice.skip_until(|line| line == GOODBYE);
        assert_eq!(house.wait().code(), Some(0), "{first}, HUP");
    }
}

/// Both at once, in any order: neither is the second.
#[test]
fn a_hang_up_beside_another_signal_is_no_hurry() {
    for signals in ["-TERM $0; kill -HUP $0", "-HUP $0; kill -TERM $0"].repeat(10) {
        let mut house = House::new();
        let mut alice = Peer::enter(house.text);
        let script = format!("kill {signals}");
        let status = Command::new("sh").args(["-c", &script, &house.pid().to_string()]).status().unwrap();
        assert!(status.success(), "{script}");
        alice.skip_until(|line| line == GOODBYE);
        alice.expect_end();
        drop(alice);
        assert_eq!(house.wait().code(), Some(0), "{script}");
    }
}

/// Whoever starts it by nohup wants it to live on.
#[test]
fn a_hang_up_that_is_ignored_at_the_start_stays_ignored() {
    let mut command = Command::new("sh");
    command.args(["-c", "trap '' HUP; exec \"$@\"", "sh", env!("CARGO_BIN_EXE_parlor")]);
    command.args(DOORS);
    let mut house = House::start(command);
    let status = std::fs::read_to_string(format!("/proc/{}/status", house.pid())).unwrap();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:")).unwrap();
    assert_eq!(u64::from_str_radix(ignored.trim(), 16).unwrap() & 1, 1, "{status}");
    let mut alice = Peer::enter(house.text);
    house.signal("HUP");
    alice.fence();
    house.signal("TERM");
    alice.skip_until(|line| line == GOODBYE);
    assert_eq!(house.wait().code(), Some(0), "{}", house.log());
}

/// Connections that the last run closed first stay in the kernel for a minute; the port does not.
#[test]
fn its_port_is_free_at_once() {
    // An address that no other test uses, so that nobody else takes the port in between.
    let house = |door: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_parlor"));
        command.args(["--listen", door, "--listen", "relay://127.0.0.77:0"]);
        command.args(["--listen", "json://127.0.0.77:0", "--listen", "frame://127.0.0.77:0"]);
        House::start(command)
    };
    let mut first = house("text://127.0.0.77:0");
    let address = first.text;
    let mut alice = Peer::enter(address);
    first.signal("TERM");
    alice.expect(GOODBYE);
    alice.expect_end();
    drop(alice);
    assert_eq!(first.wait().code(), Some(0), "{}", first.log());
    let second = house(&format!("text://{address}"));
    let mut alice = Peer::enter(second.text);
    alice.send("back again");
    alice.expect("[{me}]{me}: back again");
}

/// Nobody who comes while it stops is left hanging.
#[test]
fn who_comes_during_the_stop_is_let_go() {
    let mut house = House::new();
    let door = house.text;
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
        house.signal("TERM");
        coming.join().unwrap();
    });
    assert_eq!(house.wait().code(), Some(0), "{}", house.log());
}

fn open(wire: Wire) -> Listen {
    Listen::required(wire, SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))
}

/// The same server within a program: two at once, each stopped by its handle.
#[test]
fn a_program_can_run_a_server_and_stop_it() {
    let config = Config { listen: vec![open(Wire::Text), open(Wire::Relay)], ..Config::default() };
    let servers: Vec<_> = (0..2).map(|_| Server::bind(&config).unwrap().spawn().unwrap()).collect();
    for server in servers {
        let mut alice = Peer::enter(server.address(Wire::Text).unwrap());
        let mut gopher = Peer::connect(server.address(Wire::Relay).unwrap());
        gopher.send("hello");
        alice.skip_until(|line| line.ends_with(": hello"));
        server.stop();
        alice.expect(GOODBYE);
        alice.expect_end();
        gopher.expect_end();
        drop((alice, gopher));
        assert_eq!(server.metrics().opened.load(Ordering::Relaxed), 2);
        assert_eq!(server.addresses().len(), 2);
        server.join().unwrap();
    }
}

/// A handle that is dropped was the last that could stop its server.
#[test]
fn handle_dropped_stops_its_server() {
    let config = Config { listen: vec![open(Wire::Text)], ..Config::default() };
    let server = Server::bind(&config).unwrap().spawn().unwrap();
    let mut alice = Peer::enter(server.address(Wire::Text).unwrap());
    drop(server);
    alice.expect(GOODBYE);
    alice.expect_end();
}

/// No setting is so wrong that it wraps, floods or locks everybody out.
#[test]
fn settings_beyond_all_bounds_still_serve() {
    let (most, ever) = (usize::MAX, Duration::MAX);
    let greatest = Config {
        listen: vec![open(Wire::Text), open(Wire::Frame), open(Wire::Json(None))],
        max_clients: most,
        max_per_address: most,
        max_silent: most,
        idle: Some(ever),
        rate: u32::MAX,
        burst: u32::MAX,
        request_rate: u32::MAX,
        max_line: most,
        max_packet: most,
        max_frame: most,
        heartbeat: ever,
        join_grace: ever,
        max_rooms: most,
        history: most,
        history_shown: most,
        max_pending: most,
        write_timeout: ever,
        node: u16::MAX,
        ..Config::default()
    };
    let (none, never) = (0, Duration::ZERO);
    let least = Config {
        max_clients: none,
        max_per_address: none,
        max_silent: none,
        idle: Some(never),
        rate: 0,
        burst: 0,
        request_rate: 0,
        max_line: none,
        max_packet: none,
        max_frame: none,
        heartbeat: never,
        join_grace: never,
        max_rooms: none,
        history: none,
        history_shown: none,
        max_pending: none,
        write_timeout: never,
        drain: never,
        node: 0,
        ..greatest.clone()
    };
    for config in [greatest, least] {
        let server = Server::bind(&config).unwrap().spawn().unwrap();
        let mut alice = Peer::enter(server.address(Wire::Text).unwrap());
        alice.send("hello");
        alice.expect("[{me}]{me}: hello");
        drop(alice);
        server.stop();
        server.join().unwrap();
    }
}

#[test]
fn a_stop_may_be_asked_for_before_the_start() {
    let server = Server::bind(&Config { listen: vec![open(Wire::Text)], ..Config::default() }).unwrap();
    let mut early = Peer::connect(server.addresses()[0].1);
    assert!(server.stopper().trigger(), "the first time");
    assert!(!server.stopper().trigger(), "the second time");
    server.run().unwrap();
    // It was in the kernel's queue only.
    early.stream.set_read_timeout(Some(crate::support::DEADLINE)).unwrap();
    let end = std::io::copy(&mut &early.stream, &mut std::io::sink());
    assert!(!matches!(end, Ok(1..)), "nobody was there to greet {}", early.name);
    early.half_close();
}

/// Either all doors that were asked for are open, or none is.
#[test]
fn a_door_that_cannot_open_keeps_the_others_shut() {
    let ours = Ipv4Addr::new(127, 0, 0, 78); // no other test uses it
    let taken = TcpListener::bind((ours, 0)).unwrap().local_addr().unwrap();
    let guard = TcpListener::bind(taken).unwrap();
    let free = TcpListener::bind((ours, 0)).unwrap().local_addr().unwrap();
    let listen = vec![Listen::required(Wire::Text, free), Listen::required(Wire::Relay, taken)];
    let error = Server::bind(&Config { listen: listen.clone(), ..Config::default() }).unwrap_err();
    assert!(error.to_string().starts_with(&format!("cannot listen on relay://{taken}: ")), "{error}");
    // A process that another test starts just now has all our descriptors until it is a program.
    let is_shut = || std::net::TcpStream::connect(free).is_err().then_some(());
    wait_for(is_shut, || "the first door is shut again".to_owned());
    drop(guard);
    let server = Server::bind(&Config { listen, ..Config::default() }).unwrap();
    assert_eq!(server.addresses(), [(Wire::Text, free), (Wire::Relay, taken)]);
    // One that may fail only costs a warning.
    let may_fail = Listen { wire: Wire::Relay, address: taken, required: false };
    let another = Server::bind(&Config { listen: vec![open(Wire::Text), may_fail], ..Config::default() }).unwrap();
    assert_eq!(another.addresses().len(), 1);
    drop(server);
}

/// A server that is dropped instead of run has let go of its doors.
#[test]
fn a_server_that_never_ran_leaves_nothing_behind() {
    let ours = Listen::required(Wire::Text, SocketAddr::from((Ipv4Addr::new(127, 0, 0, 79), 0)));
    let server = Server::bind(&Config { listen: vec![ours], ..Config::default() }).unwrap();
    let door = server.addresses()[0].1;
    drop(server);
    assert!(std::net::TcpStream::connect(door).is_err(), "the door was left open");
}
