//! The counters that a running server has of its sessions.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::metrics::parse;
use crate::support::{Peer, open, wait_for};
use parlor::metrics::{CONTENT_TYPE, Figures, Metrics, Pending, Scheme, Snapshot, render};
use parlor::wire::web::Web;
use parlor::{Config, Server, Wire};

fn read(counter: &AtomicU64) -> u64 {
    counter.load(Ordering::Relaxed)
}

fn wait_until(what: &str, metrics: &Metrics, is_so: impl Fn() -> bool) {
    wait_for(|| is_so().then_some(()), || format!("{what}: {metrics}"));
}

#[test]
fn sessions_and_lines_are_counted_by_door() {
    let config = Config { listen: vec![open(Wire::Text), open(Wire::Relay)], ..Config::default() };
    let server = Server::bind(&config).unwrap().spawn().unwrap();
    let metrics = server.metrics();
    let mut alice = Peer::enter(server.address(Wire::Text).unwrap());
    let mut gopher = Peer::connect(server.address(Wire::Relay).unwrap());
    gopher.send("hello");
    alice.skip_until(|line| line.ends_with(": hello"));
    alice.send("hi");
    alice.send("/rooms");
    gopher.skip_until(|line| line.trim_end().ends_with(":hi"));
    alice.fence();
    assert_eq!([Scheme::Text, Scheme::Relay, Scheme::Json].map(|scheme| metrics.sessions(scheme)), [1, 1, 0]);
    assert_eq!(metrics.lines.each_ref().map(read), [1, 1, 0, 0, 0]);
    assert_eq!(read(&metrics.rooms), 1);
    alice.send("/quit");
    alice.skip_until(|line| line.ends_with("Goodbye"));
    alice.expect_end(); // a close before that might be the reason
    drop((alice, gopher));
    wait_until("all to be gone", metrics, || metrics.sessions(Scheme::Text) + metrics.sessions(Scheme::Relay) == 0);
    let (pending, process) = (Pending::default(), Figures::default());
    let text = render(&Snapshot { metrics, pending, process });
    let closed = &parse(&text).unwrap()["parlor_closed_total"].samples;
    assert_eq!(closed["parlor_closed_total{reason=\"quit\"}"], 1.0);
    assert_eq!(closed.values().sum::<f64>(), metrics.sessions_opened() as f64, "each end has its reason");
}

#[test]
fn throttled_time_is_counted() {
    let config = Config { listen: vec![open(Wire::Text)], rate: 20, burst: 1, ..Config::default() };
    let server = Server::bind(&config).unwrap().spawn().unwrap();
    let mut alice = Peer::enter(server.address(Wire::Text).unwrap());
    let metrics = server.metrics();
    let before = metrics.throttled.read();
    for number in 0..5 {
        alice.send(&format!("line {number}"));
    }
    alice.skip_until(|line| line.ends_with(": line 4"));
    wait_until("four waits of 50 ms", metrics, || metrics.throttled.read() >= before + Duration::from_millis(150));
}

/// The samples of one family, as the HTTP door tells them.
fn scrape(door: SocketAddr, family: &str) -> BTreeMap<String, f64> {
    let mut scraper = Peer::connect(door);
    scraper.send_raw(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    let answer = String::from_utf8(scraper.read_to_end()).unwrap();
    let (head, text) = answer.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.1 200 ") && head.contains(CONTENT_TYPE), "{head}");
    parse(text).unwrap().remove(family).unwrap().samples
}

/// Slow sessions are a gauge: up when one begins to miss lines, down when it has caught up or is gone.
#[test]
fn slow_session_counts_until_it_catches_up() {
    let config = Config {
        listen: vec![open(Wire::Text), open(Wire::Web(Web::Http))],
        rate: 0,
        max_pending: 64 * 1024,
        write_timeout: Duration::from_secs(60),
        ..Config::default()
    };
    let server = Server::bind(&config).unwrap().spawn().unwrap();
    let metrics = server.metrics();
    let (door, http) = (server.address(Wire::Text).unwrap(), server.address(Wire::Web(Web::Http)).unwrap());
    let mut bob = Peer::enter_quiet(door);
    let mut slow: Vec<Peer> = (0..2).map(|_| Peer::connect_narrow(door, 4096)).collect();
    slow.iter_mut().for_each(|peer| _ = peer.fence()); // and from here on they read nothing
    let line = "x".repeat(2000);
    wait_for(
        || {
            bob.send_raw(format!("{line}\n").repeat(20).as_bytes());
            (0..20).for_each(|_| _ = bob.skip_until(|heard| heard.ends_with(&line)));
            (read(&metrics.slow) == 2).then_some(())
        },
        || format!("both to miss lines: {metrics}"),
    );
    assert!(read(&metrics.skipped) >= 2);
    let sample = |name: &str| scrape(http, name)[name];
    assert_eq!(sample("parlor_slow_sessions"), 2.0);
    let (sum, largest) = (sample("parlor_outbox_bytes"), sample("parlor_outbox_largest_bytes"));
    assert!(largest > 16_384.0 && sum > 1.5 * largest, "two outboxes are nearly full: {sum}, {largest}");
    assert_eq!(scrape(http, "parlor_sessions")["parlor_sessions{door=\"text\"}"], 3.0);
    let mut alice = slow.remove(0);
    alice.skip_until(|line| line.contains(" skipped, "));
    wait_until("one to have caught up", metrics, || read(&metrics.slow) == 1);
    drop(slow);
    wait_until("the other to be gone", metrics, || read(&metrics.slow) == 0);
    assert!(metrics.congested.read() > Duration::ZERO, "lines had to wait for them");
}
