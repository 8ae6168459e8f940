//! A server within a program: run, stopped and dropped by its handle.

use std::time::Duration;

use crate::support::{GOODBYE, Peer, open};
use parlor::{Config, Server, Wire};

/// The same server within a program: two at once, each stopped by its handle.
#[test]
fn embedded_server_runs_and_stops() {
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
        assert_eq!(server.metrics().sessions_opened(), 2);
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
fn stop_before_start_ends_the_run() {
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
