//! Descriptors: known at the start, used up, and free again.

use std::process::Command;

use crate::support::{DOORS, GOODBYE, Peer, TestServer, chat, wait_for};
use rustix::process::{Pid, Resource, Rlimit, prlimit};

#[test]
fn few_descriptors_are_known_at_the_start() {
    let mut command = Command::new("sh");
    command.args(["-c", "ulimit -n 40; exec \"$0\" \"$@\"", env!("CARGO_BIN_EXE_parlor")]);
    command.args(DOORS);
    let server = TestServer::start(command);
    server.wait_for_log("limited by open files (ulimit -n); --max-clients 4096 is more than that");
    let mut peers: Vec<Peer> = (0..8).map(|_| Peer::enter(server.text)).collect();
    let mut late = Peer::connect(server.text);
    late.expect("!!! Parlor is full (8 here), try again later");
    late.expect_end();
    peers.pop().unwrap().leave();
    Peer::enter_when_free(server.text);
}

/// With no descriptor left, callers are told so, the room goes on, and when there are some again
/// people come in again.
#[test]
fn server_without_descriptors_goes_on_and_recovers() {
    let server = TestServer::new();
    let mut alice = Peer::enter_quiet(server.text);
    let mut bob = Peer::enter(server.text);
    let pid = Pid::from_raw(server.pid().cast_signed());
    let highest = || {
        let open = std::fs::read_dir(format!("/proc/{}/fd", server.pid())).unwrap();
        open.map(|entry| entry.unwrap().file_name().to_string_lossy().parse::<u64>().unwrap()).max().unwrap()
    };
    let mut fillers = Vec::new();
    while highest() + 1 > server.descriptors() as u64 {
        fillers.push(Peer::enter(server.text)); // takes a number that has come free
    }
    let limits = std::fs::read_to_string(format!("/proc/{}/limits", server.pid())).unwrap();
    let hard = limits.lines().find(|line| line.starts_with("Max open files")).unwrap();
    let hard = hard.split_whitespace().nth(4).unwrap().parse().ok();
    let limit = |current| prlimit(pid, Resource::Nofile, Rlimit { current, maximum: hard }).unwrap();

    let descriptors = server.descriptors();
    for round in 0..3 {
        let before = limit(Some(highest() + 1));
        for _ in 0..3 {
            let mut carol = Peer::connect(server.text);
            let refusal = carol.line();
            assert!(refusal.starts_with("!!! Parlor is busy"), "round {round}: {refusal}");
            carol.expect_end();
            chat(&mut alice, &mut bob);
        }
        server.wait_for_log("cannot accept: ");
        limit(before.current);
        let mut dave = Peer::enter(server.text);
        chat(&mut alice, &mut dave);
        dave.leave();
        wait_for(|| (server.descriptors() == descriptors).then_some(()), || "dave's descriptor to come free".into());
    }
    let log = server.wait_for_log("accepting again after ");
    assert_eq!(log.matches("cannot accept: ").count(), 3, "once for each time:\n{log}");
    alice.expect_nothing();
}

/// A stop needs no descriptor.
#[test]
fn stop_without_descriptors_works() {
    let mut server = TestServer::new();
    let mut alice = Peer::enter(server.text);
    let pid = Pid::from_raw(server.pid().cast_signed());
    prlimit(pid, Resource::Nofile, Rlimit { current: Some(0), maximum: Some(0) }).unwrap();
    let _waiting: Vec<Peer> = (0..3).map(|_| Peer::connect(server.text)).collect();
    server.wait_for_log("cannot accept: ");
    server.signal("TERM");
    alice.expect(GOODBYE);
    alice.expect_end();
    assert_eq!(server.wait().code(), Some(0));
}
