//! Limits on connections: how many in all, from one address, without a word.

use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use parlor::wire::Framing;

use crate::support::recorded::HELLO;
use crate::support::{Peer, TestServer, frame, packet};

#[test]
fn full_server_refuses_until_somebody_leaves() {
    let server = TestServer::with(&["--max-clients", "3"]);
    let mut alice = Peer::enter(server.text);
    let bob = Peer::enter(server.text);
    let ann = Peer::connect(server.relay);
    alice.skip_until(|line| line.starts_with(&format!("[{}]", ann.name)));

    for _ in 0..3 {
        let mut carol = Peer::connect(server.text);
        carol.expect("!!! Parlor is full (3 here), try again later");
        carol.expect_end();
        let mut gopher = Peer::connect(server.relay);
        gopher.expect("!!! Parlor is full (3 here), try again later\r");
        gopher.expect_end();
    }
    alice.expect_nothing(); // nobody hears of those who did not come in

    bob.leave();
    let mut carol = Peer::enter_when_free(server.text);
    carol.fence();
    carol.send("made it");
    carol.expect("[{me}]{me}: made it");
    drop(ann);
    Peer::enter_when_free(server.text);
    assert!(server.stop().contains("turned a caller away (1 so far): Parlor is full (3 here)"));
}

/// A caller that is refused after it has sent something reads why, is not reset, and is answered as it
/// speaks.
#[test]
fn refused_caller_that_spoke_reads_why() {
    let server = TestServer::with(&["--max-clients", "1"]);
    let _alice = Peer::enter(server.text);
    let why = "Parlor is full (1 here), try again later";
    let object = format!(r#"{{"Act":"error","Data":"{why}","Code":"full"}}"#);
    let come = |door, words: &[u8]| {
        let mut peer = Peer::connect(door);
        (0..4).for_each(|_| peer.send_raw(&words.repeat(4000 / words.len())));
        peer
    };
    for _ in 0..5 {
        server.signal("STOP"); // so that what they send is there when they are refused
        let mut text = come(server.text, b"hello?\n");
        let mut telnet = come(server.text, b"\xff\xfd\x01hello?\r\n");
        let mut relay = come(server.relay, b"hello?\n");
        let mut lines = come(server.json, format!("{HELLO}\n").as_bytes());
        let mut packets = [Framing::Gf1, Framing::Gf2, Framing::Gf3, Framing::Gf4, Framing::Gf7]
            .map(|framing| (framing, come(server.json, &packet(framing, HELLO))));
        let mut frames = come(server.frame, &frame(1, b"hello?"));
        server.signal("CONT");
        text.expect(&format!("!!! {why}"));
        telnet.expect(&format!("!!! {why}\r"));
        relay.expect(&format!("!!! {why}\r"));
        lines.expect(&object);
        for (framing, peer) in &mut packets {
            assert_eq!(peer.next_packet(*framing), object, "{framing:?}");
            peer.expect_end();
            assert!(peer.stream.take_error().unwrap().is_none(), "{framing:?}: reset");
        }
        frames.expect_frame(208, object.as_bytes());
        for mut peer in [text, telnet, relay, lines, frames] {
            peer.expect_end();
            assert!(peer.stream.take_error().unwrap().is_none(), "reset: its program may lose what it was told");
        }
    }
}

/// Programs on this machine are the operator's. The tests beside `admission` cover other addresses.
#[test]
fn loopback_sessions_are_not_counted() {
    let server = TestServer::with(&["--max-per-address", "1"]);
    let mut peers: Vec<Peer> = (0..4).map(|_| Peer::enter(server.text)).collect();
    let elsewhere = SocketAddr::from((Ipv4Addr::new(127, 0, 0, 2), 0));
    peers.push(Peer::connect_from(elsewhere, server.text));
    peers.push(Peer::connect(server.relay));
    peers[0].wait_for_members(6);
}

/// A server with every door at this address.
fn on_every_door(ip: IpAddr) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_parlor"));
    for scheme in ["text", "relay", "json", "frame"] {
        command.args(["--listen", &format!("{scheme}://{ip}:0")]);
    }
    command
}

/// On a machine that has an address beside loopback; no packet leaves it.
#[test]
fn address_limit_refuses_further_sessions() {
    let Some(ip) = address_of_this_machine() else {
        eprintln!("this machine has no address but loopback's: not tested over sockets");
        return;
    };
    let mut command = on_every_door(ip);
    command.args(["--rate", "0", "--max-per-address", "2"]);
    let server = TestServer::start(command);
    let alice = Peer::enter(server.text);
    let _bob = Peer::enter(server.text);
    for (door, end) in [(server.text, ""), (server.relay, "\r")] {
        let mut carol = Peer::connect(door);
        carol.expect(&format!("!!! Too many connections from {ip} (2){end}"));
        carol.expect_end();
    }
    alice.leave();
    Peer::enter_when_free(server.text);
}

/// Case A2: connecting again regains nothing. (On a machine that has an address beside loopback.)
#[test]
fn new_session_inherits_what_its_address_used() {
    let Some(ip) = address_of_this_machine() else {
        eprintln!("this machine has no address but loopback's: not tested over sockets");
        return;
    };
    let mut command = on_every_door(ip);
    command.args(["--rate", "1", "--burst", "40"]);
    let server = TestServer::start(command);
    let mut alice = Peer::enter(server.text);
    let paste: String = (0..40).map(|n| format!("line {n}\n")).collect();
    let mut bob = Peer::enter(server.text);
    bob.send_raw(paste.as_bytes());
    bob.skip_until(|line| line.ends_with(": line 39"));
    bob.leave();
    alice.skip_until(|line| line.ends_with(": login out"));
    let mut again = Peer::enter(server.text);
    again.send_raw(paste.as_bytes());
    again.skip_until(|line| line.starts_with("*** Slow down: your lines are now sent at 1 a second"));
    alice.send("I have not used mine");
    alice.skip_until(|line| line.ends_with(": I have not used mine"));
}

/// The address by which packets would leave for others. (Connecting a datagram socket sends nothing.)
fn address_of_this_machine() -> Option<IpAddr> {
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).ok()?;
    socket.connect((Ipv4Addr::new(192, 0, 2, 1), 9)).ok()?;
    let ip = socket.local_addr().ok()?.ip();
    (!ip.is_loopback() && !ip.is_unspecified()).then_some(ip)
}

mod exhaustive {
    use super::*;

    /// A program that connects and sends nothing takes no slot from one that speaks, nor from
    /// people; and may stay silent for as long as nobody needs its place.
    #[test]
    fn oldest_silent_program_makes_room_in_time() {
        let flags =
            ["--max-silent", "2", "--max-clients", "50", "--join-grace", "0", "--heartbeat", "50ms", "--idle", "0"];
        let server = TestServer::with(&flags);
        let mut alice = Peer::enter(server.text);
        let began = Instant::now();
        let mut first = Peer::connect(server.json);
        first.send_raw(br#"{"Act":"join","#); // no whole packet
        server.wait_until_read(&first);
        let mut second = Peer::connect(server.frame);
        alice.wait_for_members(3);

        // A refused caller is told so; an admitted one hears a heartbeat. How often it is tried depends on
        // the machine, how long it takes does not.
        let refused = "Too many connections here have said nothing yet (2), try again later";
        let words = format!(r#"{{"Act":"error","Data":"{refused}","Code":"full"}}"#);
        let mut people: Vec<Peer> = Vec::new();
        let mut third = loop {
            // People, and whoever comes by the relay door, may be as silent as they like.
            if people.len() < 8 {
                people.extend([Peer::enter(server.text), Peer::connect(server.relay)]);
            }
            let mut carol = Peer::connect(server.frame);
            match carol.any_frame() {
                (0, _) => break carol,
                answer => assert_eq!(answer, (208, words.clone().into_bytes())),
            }
            carol.expect_end();
            thread::sleep(Duration::from_millis(100)); // between two tries
        };
        assert!(began.elapsed() >= Duration::from_millis(9900), "let in after {:?}", began.elapsed());
        assert_eq!(String::from_utf8_lossy(&first.read_to_end()), "{\"Act\":\"doexit\",\"Data\":\"\"}\n");
        server.wait_for_log(&format!("(json, {}) closed: had sent nothing yet when its place was needed", first.name));
        // The other one may still speak, and is then not counted any more.
        second.send_frame(1, b"test");
        second.expect_frame(1, b"test");
        let mut fourth = Peer::connect(server.frame);
        for peer in [&mut third, &mut fourth] {
            peer.send_frame(1, b"test");
            peer.expect_frame(1, b"test");
        }
        alice.wait_for_members(4 + people.len());
    }
}
