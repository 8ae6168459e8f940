//! Which signals stop the server, and what a second one does.

use std::process::Command;

use super::stall_the_others;
use crate::support::{DOORS, GOODBYE, Peer, TestServer, wait_for};

#[test]
fn stop_signals_each_end_it_gracefully() {
    for signal in ["TERM", "INT", "QUIT", "HUP"] {
        let mut server = TestServer::new();
        let mut alice = Peer::enter_as(server.text, "alice");
        let mut gopher = Peer::connect(server.relay);
        alice.skip_until(|line| line.ends_with(": login"));
        alice.send("last words");
        alice.expect("[{me}]alice: last words");
        server.signal(signal);
        alice.expect(GOODBYE);
        alice.expect_end();
        let heard = String::from_utf8(gopher.read_to_end()).unwrap();
        assert!(heard.ends_with(":last words\r\n") && heard.lines().count() == 1, "{heard}");
        drop((alice, gopher));
        assert_eq!(server.wait().code(), Some(0), "{signal}:\n{}", server.log());
    }
}

/// `timeout` signals the process and then its group; npm and terminals do the same. Each session is still told,
/// and the exit code is 0.
#[test]
fn signals_within_a_second_count_once() {
    for second in ["TERM", "INT", "QUIT"] {
        let mut server = TestServer::new();
        let mut peers: Vec<Peer> = (0..50).map(|_| Peer::enter_quiet(server.text)).collect();
        let script = format!("kill -TERM $0; kill -{second} $0; kill -TERM $0");
        let status = Command::new("sh").args(["-c", &script, &server.pid().to_string()]).status().unwrap();
        assert!(status.success(), "{script}");
        for peer in &mut peers {
            peer.skip_until(|line| line == GOODBYE);
            peer.expect_end();
        }
        drop(peers);
        assert_eq!(server.wait().code(), Some(0), "{script}: {}", server.log());
    }
}

/// Both at once, in any order: neither is the second.
#[test]
fn hang_up_beside_other_signal_stops_gracefully() {
    for signals in ["-TERM $0; kill -HUP $0", "-HUP $0; kill -TERM $0"].repeat(10) {
        let mut server = TestServer::new();
        let mut alice = Peer::enter(server.text);
        let script = format!("kill {signals}");
        let status = Command::new("sh").args(["-c", &script, &server.pid().to_string()]).status().unwrap();
        assert!(status.success(), "{script}");
        alice.skip_until(|line| line == GOODBYE);
        alice.expect_end();
        drop(alice);
        assert_eq!(server.wait().code(), Some(0), "{script}");
    }
}

/// A server that is started by nohup lives on.
#[test]
fn hang_up_ignored_at_start_stays_ignored() {
    let mut command = Command::new("sh");
    command.args(["-c", "trap '' HUP; exec \"$@\"", "sh", env!("CARGO_BIN_EXE_parlor")]);
    command.args(DOORS);
    let mut server = TestServer::start(command);
    let status = std::fs::read_to_string(format!("/proc/{}/status", server.pid())).unwrap();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:")).unwrap();
    assert_eq!(u64::from_str_radix(ignored.trim(), 16).unwrap() & 1, 1, "{status}");
    let mut alice = Peer::enter(server.text);
    server.signal("HUP");
    alice.fence();
    server.signal("TERM");
    alice.skip_until(|line| line == GOODBYE);
    assert_eq!(server.wait().code(), Some(0), "{}", server.log());
}

mod exhaustive {
    use super::*;

    #[test]
    fn second_signal_ends_process_at_once() {
        for second in ["TERM", "INT", "QUIT"] {
            let mut server = TestServer::with(&["--max-pending", "262144", "--write-timeout", "60s", "--drain", "60s"]);
            let mut alice = Peer::enter(server.text);
            let _stalled = Peer::enter(server.text);
            alice.line();
            stall_the_others(&mut alice); // so that the stop has somebody to wait for
            server.signal("TERM");
            server.wait_for_log("recv quit signal");
            // It is a second wish from a second after the first on; before, it changes nothing.
            let ended = || {
                server.signal(second);
                server.has_ended().then_some(())
            };
            wait_for(ended, || "the end at once".into());
            assert_eq!(server.wait().code(), Some(130), "{second}");
        }
    }

    /// A terminal that closes may send two, a service manager one behind its own: nobody insists by it.
    #[test]
    fn second_hang_up_keeps_stop_graceful() {
        for first in ["HUP", "TERM"] {
            let mut server = TestServer::with(&["--max-pending", "262144", "--write-timeout", "60s", "--drain", "2s"]);
            let mut alice = Peer::enter(server.text);
            let _stalled = Peer::enter(server.text);
            alice.line();
            stall_the_others(&mut alice); // so that the stop has somebody to wait for
            server.signal(first);
            server.wait_for_log("recv quit signal");
            server.signal("HUP");
            alice.skip_until(|line| line == GOODBYE);
            assert_eq!(server.wait().code(), Some(0), "{first}, HUP");
        }
    }
}
