//! Everyone sees one order: ten talk at once, ten listen, on both doors.
//!
//! A line of chat is `T N`: the talker's number and how many lines it has said before. Each
//! listener must hear every line once, a talker's lines in the order in which they were said, and
//! all lines in the same order as everybody else; a relay talker the same without its own.

use crate::support::{Movements, Peer, TestServer, wait_for};
use parlor::Wire;
use serde_json::{Value, json};
use std::sync::Barrier;
use std::thread;

const TALKERS: usize = 10;
const LISTENERS: usize = 10;
const LINES: usize = 300;

/// The talker and the number of a line as either door shows it; `None` for an announcement.
fn heard(line: &str) -> Option<(usize, usize)> {
    let (_, words) = line.rsplit_once(':')?;
    let (talker, number) = words.trim().split_once(' ')?;
    Some((talker.parse().ok()?, number.parse().ok()?))
}

/// Comes in by either door, so that the room is known to have noticed.
fn come_in(server: &TestServer, witness: &mut Peer, by_relay: bool) -> Peer {
    if by_relay { Peer::enter_relay(server.relay, witness).0 } else { Peer::enter(server.text) }
}

fn listen(mut peer: Peer, lines: usize) -> (Peer, Vec<(usize, usize)>) {
    let mut all = Vec::new();
    while all.len() < lines {
        all.extend(heard(&peer.line()));
    }
    (peer, all)
}

#[test]
fn ten_talkers_are_heard_in_one_order() {
    let server = TestServer::new();
    let mut witness = Peer::enter(server.text);
    let by_relay = |index: usize| index % 2 == 1;
    let talkers: Vec<_> = (0..TALKERS).map(|index| come_in(&server, &mut witness, by_relay(index))).collect();
    let listeners: Vec<_> = (0..LISTENERS).map(|index| come_in(&server, &mut witness, by_relay(index))).collect();

    let start = Barrier::new(TALKERS);
    let (told, listened) = thread::scope(|scope| {
        let listening: Vec<_> =
            listeners.into_iter().map(|peer| scope.spawn(|| listen(peer, TALKERS * LINES))).collect();
        let talking: Vec<_> = talkers
            .into_iter()
            .enumerate()
            .map(|(talker, peer)| {
                let (mut mouth, start) = (peer.stream.try_clone().unwrap(), &start);
                scope.spawn(move || {
                    start.wait();
                    for number in 0..LINES {
                        std::io::Write::write_all(&mut mouth, format!("{talker} {number}\n").as_bytes()).unwrap();
                    }
                });
                let own = if by_relay(talker) { LINES } else { 0 };
                scope.spawn(move || listen(peer, TALKERS * LINES - own))
            })
            .collect();
        let join = |all: Vec<thread::ScopedJoinHandle<'_, _>>| -> Vec<(Peer, Vec<(usize, usize)>)> {
            all.into_iter().map(|one| one.join().unwrap()).collect()
        };
        (join(talking), join(listening))
    });

    let (_, order) = &listened[0];
    for talker in 0..TALKERS {
        let numbers: Vec<_> = order.iter().filter(|line| line.0 == talker).map(|line| line.1).collect();
        assert_eq!(numbers, (0..LINES).collect::<Vec<_>>(), "lines of talker {talker}");
    }
    for (index, (peer, lines)) in listened.iter().enumerate() {
        assert_eq!(lines, order, "listener {index}, {}", peer.name);
    }
    for (talker, (peer, lines)) in told.iter().enumerate() {
        let others = order.iter().filter(|line| !by_relay(talker) || line.0 != talker);
        assert_eq!(lines, &others.copied().collect::<Vec<_>>(), "talker {talker}, {}", peer.name);
    }
    // And nothing more than that: no line twice.
    for (index, (mut peer, _)) in listened.into_iter().chain(told).enumerate() {
        peer.half_close();
        let rest = String::from_utf8(peer.read_to_end()).unwrap();
        assert!(rest.lines().all(|line| heard(line).is_none()), "peer {index} heard more:\n{rest}");
    }
}

/// Answers to commands keep their place among the room's lines, for the asker and in one read.
#[test]
fn answers_stand_where_they_were_asked_for() {
    let server = TestServer::new();
    let mut alice = Peer::enter(server.text);
    let mut bob = Peer::enter(server.text);
    alice.fence();
    let script: String = (0..200).map(|n| format!("{n}\n/topic number {n}\n/version\n")).collect();
    bob.send_raw(script.as_bytes());
    let name = bob.name.clone();
    for n in 0..200 {
        bob.expect(&format!("[{{me}}]{{me}}: {n}"));
        bob.expect(&format!("*** topic of #lobby: number {n}"));
        bob.expect(&format!("*** Parlor {}", env!("CARGO_PKG_VERSION")));
        alice.expect(&format!("[{name}]{name}: {n}"));
        alice.expect(&format!("*** {name} set the topic: number {n}"));
    }
    alice.expect_nothing();
    bob.expect_nothing();
}

/// Sessions come and go in every way there is; at a witness, each coming has its going, whether
/// they are told one by one or in one line.
#[test]
fn logins_and_logouts_pair_up_under_churn() {
    const CROWDS: usize = 8;
    const VISITS: usize = 40;
    let heard = (0..CROWDS * VISITS).filter(|n| (n / VISITS + n % VISITS) % 6 != 5).count();
    let server = TestServer::new();
    let mut witness = Peer::enter(server.text);
    let mut moved = Movements::default();
    thread::scope(|scope| {
        for crowd in 0..CROWDS {
            let server = &server;
            scope.spawn(move || {
                for visit in 0..VISITS {
                    match (crowd + visit) % 6 {
                        0 => drop(Peer::enter(server.text)),
                        1 => {
                            let mut peer = Peer::enter(server.text);
                            peer.send("/quit bye");
                            peer.read_to_end();
                        }
                        2 => {
                            let mut peer = Peer::enter(server.text);
                            peer.half_close();
                            peer.read_to_end();
                        }
                        3 => {
                            let mut peer = Peer::enter(server.text);
                            peer.send(&format!("/nick v{crowd}-{visit}"));
                            peer.reset();
                        }
                        4 => {
                            let mut peer = Peer::connect(server.relay);
                            peer.send("passing through");
                            peer.half_close();
                            peer.read_to_end();
                        }
                        _ => drop(Peer::connect(server.text)), // nobody hears of it
                    }
                }
            });
        }
        while moved.left < heard {
            moved.count(&witness.line());
            assert!(moved.left <= moved.came, "{moved:?}: more have left than had come");
        }
    });
    assert_eq!((moved.came, moved.left), (heard, heard));
    witness.expect_nothing();
    witness.send("who");
    witness.expect("user list:");
    witness.expect("{me}:{me}");
    wait_for(|| (server.status("Threads") < 10).then_some(()), || format!("threads, {}", server.status("Threads")));
}

/// The talker and the number that a line of chat says, at whichever door.
fn heard_by(peer: &mut Peer, wire: Wire) -> Option<(usize, usize)> {
    let numbers = |text: &str| {
        let (talker, number) = text.split_once(' ')?;
        Some((talker.parse().ok()?, number.parse().ok()?))
    };
    let of_object = |object: &Value| numbers(object["Data"].as_str().filter(|_| object["Act"] == "chat")?);
    match wire {
        Wire::Text | Wire::Relay => numbers(peer.line().rsplit_once(':')?.1.trim()),
        Wire::Json(_) => of_object(&peer.json()),
        Wire::Frame => of_object(&serde_json::from_slice(&peer.next_frame().1).unwrap_or(Value::Null)),
        Wire::Web(_) => unreachable!("not a door of this test"),
    }
}

#[test]
fn all_doors_see_one_order() {
    const LINES: usize = 150;
    let server = TestServer::new();
    let mut witness = Peer::enter_quiet(server.text);
    let mut come = |wire: Wire| match wire {
        Wire::Text => Peer::enter(server.text),
        Wire::Relay => Peer::enter_relay(server.relay, &mut witness).0,
        Wire::Json(_) => {
            let mut peer = Peer::connect(server.json);
            peer.ask(&json!({"Act": "join", "Data": "lobby"}));
            peer.json_fence();
            peer
        }
        Wire::Frame => {
            let mut peer = Peer::connect(server.frame);
            peer.send_frame(106, b"lobby");
            peer.frame_fence();
            peer
        }
        Wire::Web(_) => unreachable!("not a door of this test"),
    };
    let doors = [Wire::Text, Wire::Relay, Wire::Json(None), Wire::Frame].repeat(2);
    let mut talkers: Vec<_> = doors.iter().map(|wire| (*wire, come(*wire))).collect();
    let mut readers: Vec<_> = doors.iter().map(|wire| (*wire, come(*wire))).collect();
    let start = Barrier::new(doors.len());
    let all = doors.len() * LINES;
    let listen = |peer: &mut Peer, wire, lines| {
        let mut order = Vec::with_capacity(lines);
        while order.len() < lines {
            order.extend(heard_by(peer, wire));
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
                        Wire::Web(_) => unreachable!("not a door of this test"),
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
