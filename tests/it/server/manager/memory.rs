//! The memory that many sessions may make the server hold.

use std::io::Write;
use std::thread;
use std::time::Duration;

use crate::support::recorded::JOIN;
use crate::support::{GROWTH, Peer, TestServer, frame};
use parlor::Config;
use parlor::server::budget::Budget;

/// Everyone at once does what costs most: reads nothing, asks for long answers, floods, leaves a line
/// unfinished. The server stays below what the README says, by far, since that is the sum of all limits.
#[test]
fn full_server_stays_within_its_memory() {
    let flags = ["--max-clients", "24", "--max-pending", "262144", "--max-rooms", "2", "--write-timeout", "60s"];
    let server = TestServer::with(&flags);
    let doors = [server.text, server.relay, server.json, server.frame];
    let peers: Vec<Peer> = (0..24).map(|index| Peer::connect_narrow(doors[index % 4], 4096)).collect();
    thread::scope(|scope| {
        for peer in &peers {
            scope.spawn(|| {
                let long = "x".repeat(4000);
                let block = match doors.iter().position(|door| *door == peer.stream.peer_addr().unwrap()) {
                    Some(2) => {
                        format!("{{\"Act\":\"say\",\"Data\":\"{long}\"}}\n{{\"Act\":\"history\",\"After\":0}}\n")
                            .into_bytes()
                    }
                    Some(3) => [frame(100, long.as_bytes()), frame(109, b"1000")].concat(),
                    _ => format!("{long}\n/history 1000\nwho\n").into_bytes(),
                };
                // Until the server takes no more of it for a while, or has had enough.
                peer.stream.set_write_timeout(Some(Duration::from_millis(500))).unwrap();
                for _ in 0..1000 {
                    if (&peer.stream).write_all(&block).is_err() {
                        break;
                    }
                }
            });
        }
    });
    let config = Config { max_clients: 24, max_pending: 262_144, max_rooms: 2, ..Config::default() };
    let worst = Budget::of(&config).all / 1024;
    let most = server.status("VmHWM");
    assert!(most < worst, "{most} KiB, at worst it was to be {worst} KiB");
    drop(peers);
}

mod exhaustive {
    use super::*;

    /// A dozen who read nothing, at every door, while somebody says much more than the kernel keeps for them:
    /// what the server keeps is no more than may wait for each, and as much again.
    #[test]
    fn flood_takes_memory_of_outboxes_only() {
        const PENDING: usize = 256 * 1024;
        const LINES: usize = 16_000; // of 1,000 bytes; the kernel keeps some 4 MB for each
        let server =
            TestServer::with(&["--max-pending", &PENDING.to_string(), "--write-timeout", "60s", "--idle", "0"]);
        let mut alice = Peer::enter_quiet(server.text);
        let doors = [server.text, server.relay, server.json, server.frame];
        let mut stalled: Vec<Peer> = (0..12).map(|index| Peer::connect_narrow(doors[index % 4], 4096)).collect();
        for (index, peer) in stalled.iter_mut().enumerate() {
            match index % 4 {
                2 => peer.send(JOIN),
                3 => peer.send_frame(104, b"lobby"),
                _ => {}
            }
            server.wait_until_read(peer);
        }
        alice.wait_for_members(13);
        let before = server.status("VmRSS");
        let line = "x".repeat(999);
        for _ in 0..LINES / 100 {
            alice.send_raw(format!("{line}\n").repeat(100).as_bytes());
            for _ in 0..100 {
                alice.line();
            }
        }
        alice.wait_for_members(13);
        let (after, waiting) = (server.status("VmHWM"), (stalled.len() * 2 * PENDING / 1024) as u64);
        assert!(after < before + waiting + GROWTH, "memory grew from {before} to up to {after} KiB");
    }

    /// Without rate limits, each is answered and told to the others.
    #[test]
    fn ten_thousand_renames_are_ten_thousand_answers() {
        const TIMES: usize = 10_000;
        let server = TestServer::new();
        let mut alice = Peer::enter(server.text);
        let mut bob = Peer::enter(server.text);
        alice.expect(&format!("[{0}]{0}: login", bob.name));
        let before = server.status("VmRSS");
        let mut mouth = bob.stream.try_clone().unwrap();
        let mut names = vec![bob.name.clone()];
        thread::scope(|scope| {
            scope.spawn(move || {
                let script: String = (0..TIMES).map(|n| format!("rename|name{n}\n")).collect();
                std::io::Write::write_all(&mut mouth, script.as_bytes()).unwrap();
            });
            for n in 0..TIMES {
                bob.expect("rename ok");
                names.push(format!("name{n}"));
            }
        });
        for pair in names.windows(2) {
            alice.expect(&format!("*** {} is now {}", pair[0], pair[1]));
        }
        alice.expect_nothing();
        let after = server.status("VmHWM");
        assert!(after < before + 8 * 1024, "memory grew from {before} to up to {after} KiB");
        // Only the last of the names is taken.
        alice.send("rename|name1");
        alice.expect("rename ok");
        let last = &names[names.len() - 1];
        alice.send(&format!("rename|{last}"));
        alice.expect(&format!("!!! {last} is taken. Free: {last}2, {last}_, {last}7"));
    }
}
